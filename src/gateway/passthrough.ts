// An answer in the client's own protocol: the upstream's bytes, unchanged. Usage and ending are read from copies.
// Does not parse an event while it passes, or end an unfinished answer as if it were finished.

import { asGatewayError, GatewayError } from "../errors.ts";
import type { Codec, Exchange } from "../protocol/codec.ts";
import { isFactoryError } from "../protocol/factory-error.ts";
import { isTruncation, truncated } from "../protocol/fold.ts";
import { parseOrUndefined } from "../wire/json.ts";
import { JsonExcerpt } from "../wire/json-excerpt.ts";
import { run } from "../wire/machine.ts";
import { apart, concat, cut, UNTOUCHED, type Pump } from "../wire/pump.ts";
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
export function streamPassthrough({ codec, exchange, meter, limits }: PassthroughOptions): Pump {
  // The first and the last few events are enough to find usage and ending; see `inspect`.
  let first: Uint8Array | null = null;
  const last: Uint8Array[] = [];
  // A few more, ever further apart, show how much of what passed was text.
  const samples: StreamSample[] = [];
  const tailEvents = { count: 0 };
  let passedBytes = 0;
  let passedEvents = 0;
  let nextSampleBytes = FIRST_SAMPLE_BYTES;
  let held: Uint8Array[] = [];
  let heldLength = 0;
  // The last bytes that are held: a blank line may begin there, up to three bytes before it ends.
  let tail: Uint8Array = EMPTY;

  /** The last few events of a run show how many it has. */
  const note = (bytes: number, endingBytes: number): void => {
    passedBytes += bytes;
    passedEvents += bytes === endingBytes ? tailEvents.count : (bytes * tailEvents.count) / endingBytes;
  };
  const send = (events: Uint8Array): Uint8Array => {
    const ending = tailOf(events, tailEvents);
    // Comments would displace the events that say how the answer ended.
    if (tailEvents.count === 0) return events;
    if (first === null) {
      const head = headOf(events);
      first = apart(head);
      if (head.length < events.length) last.push(apart(ending));
      note(events.length - head.length, ending.length);
    } else {
      note(events.length, ending.length);
      if (last.length === KEPT_EVENTS) last.shift();
      last.push(apart(ending));
      if (passedBytes > nextSampleBytes) {
        samples.push({ run: apart(ending), passedBytes, passedEvents });
        nextSampleBytes = passedBytes * SAMPLE_GROWTH;
      }
    }
    return events;
  };
  const hold = (chunk: Uint8Array): void => {
    if (chunk.length === 0) return;
    held.push(apart(chunk));
    heldLength += chunk.length;
    tail = chunk.length < MAX_BEFORE_BOUNDARY ? concat([tail.subarray(-MAX_BEFORE_BOUNDARY), chunk]) : chunk;
    if (heldLength > limits.maxEventLength) {
      throw new GatewayError(
        "upstream-failed",
        `The upstream sent one event of more than ${limits.maxEventLength} bytes, the limit of this proxy.`,
      );
    }
  };
  const release = (): Uint8Array => {
    const bytes = held.length === 1 && held[0] !== undefined ? held[0] : concat(held);
    held = [];
    heldLength = 0;
    tail = EMPTY;
    return bytes;
  };
  /**
   * Reads usage and ending from the kept events and `rest`; the only place where passed events are parsed.
   * Returns whether the upstream itself said how the answer ended.
   */
  const inspect = (rest: readonly Uint8Array[]): boolean => {
    const decoder = codec.reply.decoder({ ...exchange, isExcerpt: true });
    const kept = first === null ? rest : [first, ...last, ...rest];
    const seen = new UsageMeter();
    for (const event of run(sseDecoder(limits), kept)) for (const found of decoder.step(event)) seen.see(found);
    const isReported = seen.finish !== null || seen.error !== null;
    if (!isReported) for (const found of decoder.end()) seen.see(found);
    meter.usage = seen.usage ?? meter.usage;
    meter.finish = seen.finish;
    meter.error = seen.error;
    // A decoder may hold back the upstream's ending, or a failure of the model, until nothing more can come.
    return isReported || !isTruncation(seen.error);
  };
  meter.passedTextBytes = () => {
    const ending = { run: concat(last), passedBytes, passedEvents };
    return first === null ? 0 : textBytesIn({ first, samples: [...samples, ending] }, limits);
  };
  meter.passedReasoning = () => isReasoning(last.at(-1) ?? first ?? EMPTY);
  const errorBytes = (error: GatewayError): Uint8Array => {
    meter.error = error;
    const passed = run(sseDecoder(limits), first === null ? [] : [first, ...last]);
    const events = codec.error.events?.(error, passed) ?? [codec.error.event(error)];
    return UTF8.encode(events.map(printSse).join(""));
  };

  return {
    step(chunk) {
      const boundary = lastBoundary(chunk, tail);
      if (boundary === 0) {
        hold(chunk);
        return null;
      }
      held.push(cut(chunk, 0, boundary));
      const complete = release();
      if (boundary < chunk.length) hold(cut(chunk, boundary, chunk.length));
      return send(complete);
    },
    end() {
      const rest = heldLength === 0 ? null : release();
      if (inspect([])) return isFactoryError(meter.error) ? concat([rest ?? EMPTY, errorBytes(asGatewayError(meter.error))]) : rest;
      // An upstream may leave out the last blank line; the client's parser may need it.
      if (rest !== null && inspect([rest]) && meter.finish !== null) return concat([rest, BLANK_LINE]);
      // An event that was cut off is of no use to the client.
      return errorBytes(truncated());
    },
    fail(error) {
      const isOver = inspect([]);
      if (isOver && !isFactoryError(meter.error)) return null;
      return errorBytes(asGatewayError(isOver ? meter.error : error));
    },
    left: () => void inspect([]),
    finished: false,
  };
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
