// An answer in the client's own protocol: the upstream's bytes, unchanged. Usage and ending are read from copies.
// Does not parse an event while it passes, or end an unfinished answer as if it were finished.

import { asGatewayError, GatewayError } from "../errors.ts";
import type { Codec, Exchange } from "../protocol/codec.ts";
import { isFactoryError } from "../protocol/factory-error.ts";
import { isTruncation, truncated } from "../protocol/fold.ts";
import { parseOrUndefined } from "../wire/json.ts";
import { JsonExcerpt } from "../wire/json-excerpt.ts";
import { run } from "../wire/machine.ts";
import { compactCopy, concat, cut, UNTOUCHED, type Pump } from "../wire/pump.ts";
import {
  BLANK_LINE,
  Boundaries,
  firstBoundary,
  holdsEvent,
  lastBoundary,
  MAX_BEFORE_BOUNDARY,
  printSse,
  sseDecoder,
  type SseLimits,
} from "../wire/sse.ts";
import { isReasoning, textBytesIn, type StreamSample } from "./stream-samples.ts";
import { saysOutput, UsageMeter } from "./usage-meter.ts";

export interface PassthroughOptions {
  /** For the protocol that both sides speak. */
  readonly codec: Codec;
  readonly exchange: Exchange;
  readonly meter: UsageMeter;
  readonly limits: SseLimits;
}

/**
 * Passes complete events on as bytes, without parsing them; holds back only an incomplete event.
 * When the source ends or breaks before the terminal event, the client gets the events with which the protocol ends a failed stream.
 */
export function streamPassthrough(options: PassthroughOptions): Pump {
  return new StreamPassthrough(options);
}

class StreamPassthrough implements Pump {
  readonly finished = false;
  readonly #options: PassthroughOptions;
  readonly #held: HeldBytes;
  readonly #seen = new SeenEvents();

  constructor(options: PassthroughOptions) {
    this.#options = options;
    this.#held = new HeldBytes(options.limits);
    const { meter, limits } = options;
    const seen = this.#seen;
    meter.passedTextBytes = () => seen.textBytes(limits);
    meter.passedReasoning = () => isReasoning(seen.latest);
  }

  step(chunk: Uint8Array): Uint8Array | null {
    const held = this.#held;
    const boundary = lastBoundary(chunk, held.tail);
    if (boundary === 0) {
      held.add(chunk);
      return null;
    }
    const complete = held.release(cut(chunk, 0, boundary));
    if (boundary < chunk.length) held.add(cut(chunk, boundary, chunk.length));
    this.#seen.add(complete);
    return complete;
  }

  end(): Uint8Array | null {
    const { meter } = this.#options;
    const rest = this.#held.isEmpty ? null : this.#held.release(EMPTY);
    if (this.#inspect([]))
      return isFactoryError(meter.error) ? concat([rest ?? EMPTY, this.#errorBytes(asGatewayError(meter.error))]) : rest;
    // An upstream may leave out the last blank line; the client's parser may need it.
    if (rest !== null && this.#inspect([rest]) && meter.finish !== null) return concat([rest, BLANK_LINE]);
    // An event that was cut off is of no use to the client.
    return this.#errorBytes(truncated());
  }

  fail(error: unknown): Uint8Array | null {
    const { meter } = this.#options;
    const isOver = this.#inspect([]);
    if (isOver && !isFactoryError(meter.error)) return null;
    return this.#errorBytes(asGatewayError(isOver ? meter.error : error));
  }

  left(): void {
    this.#inspect([]);
  }

  /**
   * Reads usage and ending from the kept events and `rest`; the only place where passed events are parsed.
   * Returns whether the upstream itself said how the answer ended.
   */
  #inspect(rest: readonly Uint8Array[]): boolean {
    const { codec, exchange, meter, limits } = this.#options;
    const decoder = codec.reply.decoder({ ...exchange, isExcerpt: true });
    const read = new UsageMeter();
    for (const event of run(sseDecoder(limits), [...this.#seen.kept, ...rest])) for (const found of decoder.step(event)) read.see(found);
    const isReported = read.finish !== null || read.error !== null;
    if (!isReported) for (const found of decoder.end()) read.see(found);
    meter.usage = read.usage ?? meter.usage;
    meter.finish = read.finish;
    meter.error = read.error;
    // A decoder may hold back the upstream's ending, or a failure of the model, until nothing more can come.
    return isReported || !isTruncation(read.error);
  }

  #errorBytes(error: GatewayError): Uint8Array {
    const { codec, meter, limits } = this.#options;
    meter.error = error;
    const passed = run(sseDecoder(limits), this.#seen.kept);
    const events = codec.error.events?.(error, passed) ?? [codec.error.event(error)];
    return UTF8.encode(events.map(printSse).join(""));
  }
}

/** The bytes of an incomplete event. */
class HeldBytes {
  /** The last bytes that are held: a blank line may begin there, up to three bytes before it ends. */
  tail: Uint8Array = EMPTY;
  readonly #limits: SseLimits;
  #chunks: Uint8Array[] = [];
  #length = 0;

  constructor(limits: SseLimits) {
    this.#limits = limits;
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /** @throws GatewayError `upstream-failed` where the event is too long. */
  add(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(compactCopy(chunk));
    this.#length += chunk.length;
    this.tail = chunk.length < MAX_BEFORE_BOUNDARY ? concat([this.tail.subarray(-MAX_BEFORE_BOUNDARY), chunk]) : chunk;
    const { maxEventLength } = this.#limits;
    if (this.#length > maxEventLength) {
      throw new GatewayError(
        "upstream-failed",
        `The upstream sent one event of more than ${maxEventLength} bytes, the limit of this proxy.`,
      );
    }
  }

  /** Everything that is held, followed by `last`. Nothing is held after that. */
  release(last: Uint8Array): Uint8Array {
    if (this.#length === 0) return last;
    const chunks = this.#chunks;
    chunks.push(last);
    this.#chunks = [];
    this.#length = 0;
    this.tail = EMPTY;
    return concat(chunks);
  }
}

/** Copies of a few of the passed events: enough to find usage and ending, and to estimate how much of what passed was text. */
class SeenEvents {
  /** The first events, and the last few. */
  #first: Uint8Array | null = null;
  readonly #last: Uint8Array[] = [];
  /** A few more, ever further apart. */
  readonly #samples: StreamSample[] = [];
  /** How many events the latest ending holds: see `tailOf`. */
  count = 0;
  #passedBytes = 0;
  #passedEvents = 0;
  #nextSampleBytes = FIRST_SAMPLE_BYTES;

  get kept(): readonly Uint8Array[] {
    return this.#first === null ? [] : [this.#first, ...this.#last];
  }

  get latest(): Uint8Array {
    return this.#last.at(-1) ?? this.#first ?? EMPTY;
  }

  /** An estimate in UTF-8 bytes. */
  textBytes(limits: SseLimits): number {
    const [first, passedBytes, passedEvents] = [this.#first, this.#passedBytes, this.#passedEvents];
    const ending = { run: concat(this.#last), passedBytes, passedEvents };
    return first === null ? 0 : textBytesIn({ first, samples: [...this.#samples, ending] }, limits);
  }

  /** Complete events that pass. */
  add(events: Uint8Array): void {
    const ending = tailOf(events, this);
    // Comments would displace the events that say how the answer ended.
    if (this.count === 0) return;
    if (this.#first === null) {
      const head = headOf(events);
      this.#first = compactCopy(head);
      if (head.length < events.length) this.#last.push(compactCopy(ending));
      this.#count(events.length - head.length, ending.length);
      return;
    }
    this.#count(events.length, ending.length);
    if (this.#last.length === KEPT_EVENTS) this.#last.shift();
    this.#last.push(compactCopy(ending));
    if (this.#passedBytes <= this.#nextSampleBytes) return;
    this.#samples.push({ run: compactCopy(ending), passedBytes: this.#passedBytes, passedEvents: this.#passedEvents });
    this.#nextSampleBytes = this.#passedBytes * SAMPLE_GROWTH;
  }

  /** The last few events of a run show how many it has. */
  #count(bytes: number, endingBytes: number): void {
    this.#passedBytes += bytes;
    this.#passedEvents += bytes === endingBytes ? this.count : (bytes * this.count) / endingBytes;
  }
}

/**
 * Passes a non-streaming answer on, and reads its usage afterwards; for a long one, from an excerpt. Breaks the connection off if the
 * answer turns out not to be JSON.
 */
export function bodyPassthrough(options: BodyOptions): Pump {
  const { meter } = options;
  let kept: Uint8Array[] = [];
  let excerpt: JsonExcerpt | null = null;
  let length = 0;
  const count = (): void => void (meter.passedTextBytes = () => length);
  return {
    ...UNTOUCHED,
    step(chunk) {
      length += chunk.length;
      if (excerpt !== null) excerpt.add(chunk);
      else if (kept.push(chunk) > 0 && length > MOST_KEPT_BYTES) {
        excerpt = new JsonExcerpt();
        for (const one of kept) excerpt.add(one);
        kept = [];
      }
      return chunk;
    },
    end() {
      const body = excerpt === null ? concat(kept) : excerpt.text();
      if (excerpt !== null) count();
      if (body !== null) readUsage(body, options);
      return null;
    },
    left: count,
  };
}

type BodyOptions = Pick<PassthroughOptions, "codec" | "exchange" | "meter">;

/**
 * Reads usage and ending of a non-streaming answer.
 * @throws GatewayError `upstream-failed` when it is not JSON: it may be truncated, and no client could read it.
 */
export function readUsage(body: Uint8Array | string, { codec, exchange, meter }: BodyOptions): void {
  const text = typeof body === "string" ? body : UTF8_TEXT.decode(body);
  try {
    const { usage, finish } = codec.reply.ending(text, exchange);
    if (!saysOutput(usage)) return meter.seeReply(codec.reply.decode(text, exchange));
    meter.usage = usage;
    meter.finish = finish;
  } catch (error) {
    meter.error = asGatewayError(error);
    if (parseOrUndefined(text) === undefined) throw meter.error;
  }
}

/** For a non-streaming answer larger than this, only an excerpt is read. */
const MOST_KEPT_BYTES = 1024 * 1024;
/** Events kept from the end of a stream: a finish reason, usage, an end marker, and one to spare. */
const KEPT_EVENTS = 4;
/** Bytes before the first sample, and the factor by which the total grows before each further one: 17 samples in 1 MiB. */
const FIRST_SAMPLE_BYTES = 1024;
const SAMPLE_GROWTH = 1.5;
const KEPT_HEAD_BYTES = 1024;
const EMPTY = new Uint8Array(0);
const UTF8 = new TextEncoder();
const UTF8_TEXT = new TextDecoder();

/** The first event of a run, and short ones that follow it. */
function headOf(events: Uint8Array): Uint8Array {
  if (events.length <= KEPT_HEAD_BYTES) return events;
  return events.subarray(0, lastBoundary(events.subarray(0, KEPT_HEAD_BYTES), EMPTY) || firstBoundary(events) || events.length);
}

/** The last events of a run, with the comments and blank lines between and after them. `seen` gets their number. */
function tailOf(events: Uint8Array, seen: { count: number }): Uint8Array {
  const boundaries = new Boundaries(events);
  let start = events.length;
  let count = 0;
  while (count < KEPT_EVENTS && start > 0) {
    const end = start;
    start = boundaries.last(end - 1);
    if (holdsEvent(cut(events, start, end))) count++;
  }
  seen.count = count;
  return cut(events, start, events.length);
}
