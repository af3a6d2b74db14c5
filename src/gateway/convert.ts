// A streamed or non-streaming answer in a protocol other than the client's: decoded, then encoded for the client.
// Does not end an unfinished answer as if it were finished.

import { asGatewayError, GatewayError } from "../errors.ts";
import type { Reply, ReplyEvent } from "../protocol/canonical.ts";
import type { Codec, Exchange, StreamEncoder } from "../protocol/codec.ts";
import { fold, inOrder, truncated, unfold } from "../protocol/fold.ts";
import { bounded, readText, type SizeLimits, type UpstreamAnswer } from "../upstream/upstream.ts";
import { chain, run, type Machine } from "../wire/machine.ts";
import { NOTHING, replay, type Pump } from "../wire/pump.ts";
import { printSse, sseDecoder, type SseDecoder, type SseEvent, type SseLimits } from "../wire/sse.ts";
import type { UsageMeter } from "./usage-meter.ts";

export interface ConversionOptions {
  /** For the upstream's protocol. */
  readonly decoder: Machine<SseEvent, ReplyEvent>;
  /** For the client's protocol. */
  readonly encoder: StreamEncoder;
  readonly meter: UsageMeter;
  readonly limits: SizeLimits;
  /** The same error without secrets. */
  readonly shown: (error: GatewayError) => GatewayError;
}

/**
 * Decodes each event and encodes it for the client at once; finished after the first terminal event. Decoders and encoders may have to hold
 * what arrives late, or what their protocol repeats at the end, so an endless answer is stopped at the limit on non-streaming answers.
 */
export function conversion(options: ConversionOptions): Pump {
  return new Conversion(options);
}

/** A class instead of closures: one is made for each stream, and runs for each event. */
class Conversion implements Pump {
  readonly #decoder: ConversionOptions["decoder"];
  readonly #encoder: ConversionOptions["encoder"];
  readonly #meter: UsageMeter;
  readonly #shown: ConversionOptions["shown"];
  readonly #sse: SseDecoder;
  readonly #order = inOrder();
  readonly #held: HeldLength;
  finished = false;

  constructor({ decoder, encoder, meter, limits, shown }: ConversionOptions) {
    this.#decoder = decoder;
    this.#encoder = encoder;
    this.#meter = meter;
    this.#shown = shown;
    this.#sse = sseDecoder(limits);
    this.#held = new HeldLength(limits);
  }

  step(chunk: Uint8Array): Uint8Array | null {
    this.#held.received(chunk.length);
    return bytesOf(this.#converted(this.#sse.step(chunk)));
  }

  end(): Uint8Array | null {
    const text = this.#converted(this.#sse.end()) + this.#encoded(this.#decoder.end());
    // A decoder always ends with a terminal event; if one did not, the client must not take the answer for complete.
    return bytesOf(this.finished ? text : text + this.#encoded([{ type: "reply-error", error: truncated() }]));
  }

  fail(error: unknown): Uint8Array | null {
    this.#held.forget();
    // A decoder may hold back the end, since more could have come; then the answer is complete all the same.
    const last = [...this.#decoder.end()];
    const isComplete = last.some(({ type }) => type === "reply-end");
    return bytesOf(this.#encoded(isComplete ? last : [{ type: "reply-error", error: asGatewayError(error) }]));
  }

  #converted(events: readonly SseEvent[]): string {
    let text = "";
    for (const event of events) text += this.#encoded(this.#decoder.step(event));
    return text;
  }

  #encoded(events: readonly ReplyEvent[]): string {
    const encoder = this.#encoder;
    let text = "";
    for (const found of events) {
      if (this.finished) break;
      const event = found.type === "reply-error" ? { ...found, error: this.#shown(found.error) } : found;
      this.#held.add(event);
      this.#meter.see(event);
      if (this.#order.passes(event)) text += encoder.printed?.(event) ?? printed(encoder.step(event));
      else for (const next of this.#order.step(event)) text += printed(encoder.step(next));
      if (event.type !== "reply-end" && event.type !== "reply-error") continue;
      text += printed(encoder.end());
      this.finished = true;
    }
    return text;
  }
}

function printed(events: readonly SseEvent[]): string {
  const [only] = events;
  if (only !== undefined && events.length === 1) return printSse(only);
  return events.map(printSse).join("");
}

function bytesOf(text: string): Uint8Array | null {
  return text === "" ? null : UTF8.encode(text);
}

/** About how many characters an event, and a token's log probability, take in addition to their text. */
const EVENT_LENGTH = 64;
const LOGPROB_LENGTH = 80;

/** How much of an answer its conversion may hold in any protocol: each event counts, since any may have to wait. */
class HeldLength {
  readonly #limits: SizeLimits;
  #length = 0;
  #received = 0;

  constructor(limits: SizeLimits) {
    this.#limits = limits;
  }

  /** Bytes of the upstream, because a decoder may keep some that never become an event. */
  received(bytes: number): void {
    this.#received += bytes;
    this.#check();
  }

  add(event: ReplyEvent): void {
    this.#length += EVENT_LENGTH + lengthOf(event);
    this.#check();
  }

  /** Stops counting before the last events. */
  forget(): void {
    this.#length = 0;
    this.#received = 0;
  }

  #check(): void {
    const { maxReplyBytes } = this.#limits;
    if (this.#length > maxReplyBytes || this.#received > maxReplyBytes) throw tooLong(this.#limits);
  }
}

/** Length of an event's texts. */
function lengthOf(event: ReplyEvent): number {
  switch (event.type) {
    case "part-delta":
      return event.text.length;
    case "logprobs":
      return event.logprobs.reduce((length, { top }) => length + (1 + top.length) * LOGPROB_LENGTH, 0);
    case "annotation":
      return textLength(event.annotation);
    case "part-start":
      return textLength(event.part);
    case "part-end":
      return event.proof?.data.length ?? 0;
    default:
      return 0;
  }
}

function textLength(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null) return 0;
  return Object.values(value).reduce<number>((length, member) => length + textLength(member), 0);
}

function tooLong({ maxReplyBytes }: SizeLimits): GatewayError {
  return new GatewayError("upstream-failed", `The upstream's answer is longer than ${maxReplyBytes} characters, the limit of this proxy.`);
}

const UTF8 = new TextEncoder();

/** The same events as items of one JSON array, for a client that did not ask for server-sent events. */
export function asJsonArray(pump: Pump, limits: SseLimits): Pump {
  const sse = sseDecoder(limits);
  let count = 0;
  const items = (events: readonly SseEvent[]): string => {
    let text = "";
    for (const { data } of events) text += (count++ === 0 ? "[" : ",\n") + data;
    return text;
  };
  const between = (bytes: Uint8Array | null): string => (bytes === null ? "" : items(sse.step(bytes)));
  const last = (bytes: Uint8Array | null): Uint8Array => {
    const text = between(bytes) + items(sse.end());
    return UTF8.encode(`${count === 0 ? "[" : ""}${text}]`);
  };
  let isClosed = false;
  return {
    step(chunk) {
      const out = pump.step(chunk);
      if (!pump.finished) {
        const text = between(out);
        return text === "" ? null : UTF8.encode(text);
      }
      isClosed = true;
      return last(out);
    },
    end: () => (isClosed ? null : last(pump.end())),
    fail: (error) => (isClosed ? null : last(pump.fail(error))),
    left: () => pump.left?.(),
    get finished() {
      return pump.finished;
    },
  };
}

/** A non-streaming answer as the text of a stream, for a client that asked for one. */
export function streamText(reply: Reply, encoder: Machine<ReplyEvent, SseEvent>, framing: "sse" | "json-array"): string {
  const events = run(chain(inOrder(), encoder), unfold(reply));
  return framing === "sse" ? events.map(printSse).join("") : `[${events.map(({ data }) => data).join(",\n")}]`;
}

/** A complete reply, streamed or not. @throws GatewayError when it can't be read, or is not complete. */
export async function readReply(
  found: UpstreamAnswer,
  codec: Codec,
  { exchange, limits }: { exchange: Exchange; limits: SizeLimits },
): Promise<Reply> {
  const { begun, rest, text } = found;
  if (text !== undefined && text.length <= limits.maxReplyBytes) return codec.reply.decode(text, exchange);
  if (found.type === "non-streaming") return codec.reply.decode(await readText(rest, limits.maxReplyBytes, begun), exchange);
  const decoder = chain(sseDecoder(limits), codec.reply.decoder(exchange));
  const source = bounded(replay(begun, rest ?? NOTHING), limits.maxReplyBytes);
  const held = new HeldLength(limits);
  const events: ReplyEvent[] = [];
  const keep = (decoded: readonly ReplyEvent[]): void => {
    for (const event of decoded) {
      held.add(event);
      events.push(event);
    }
  };
  for (;;) {
    const { done, value } = await source.read();
    keep(done || value === undefined ? decoder.end() : decoder.step(value));
    if (done || value === undefined) return fold(events);
  }
}
