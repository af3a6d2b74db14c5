// A streamed or non-streaming answer in another protocol than the client's: decoded, and encoded anew.
// Never does: end an unfinished answer as if it were finished.

import { asGatewayError, GatewayError } from "../errors.ts";
import type { Reply, ReplyEvent } from "../protocol/canonical.ts";
import type { Codec, Exchange } from "../protocol/codec.ts";
import { fold, inOrder, truncated, unfold } from "../protocol/fold.ts";
import { bounded, readText, type SizeLimits, type UpstreamAnswer } from "../upstream/upstream.ts";
import { chain, run, type Machine } from "../wire/machine.ts";
import { NOTHING, replay, type Pump } from "../wire/pump.ts";
import { printSse, sseDecoder, type SseEvent, type SseLimits } from "../wire/sse.ts";
import type { UsageMeter } from "./usage-meter.ts";

export interface ConversionOptions {
  /** Of the upstream's protocol. */
  readonly decoder: Machine<SseEvent, ReplyEvent>;
  /** Of the client's protocol. */
  readonly encoder: Machine<ReplyEvent, SseEvent>;
  readonly meter: UsageMeter;
  readonly limits: SizeLimits;
  /** The same error, fit for the client. */
  readonly shown: (error: GatewayError) => GatewayError;
}

/**
 * Decodes each event and encodes it for the client at once; finished with the first terminal event. Decoders and encoders may have to hold
 * what comes late, or what their protocol repeats at the end, so an answer without end is ended at the limit on non-streaming answers.
 */
export function conversion({ decoder, encoder, meter, limits, shown }: ConversionOptions): Pump {
  const sse = sseDecoder(limits);
  const order = inOrder();
  let finished = false;
  const held = new HeldLength(limits);

  // By index, not by iterator: this runs for every event of every answer.
  const encode = (events: readonly ReplyEvent[]): string => {
    let text = "";
    for (let index = 0; index < events.length && !finished; index++) {
      const found = events[index];
      if (found === undefined) break;
      const event = found.type === "reply-error" ? { ...found, error: shown(found.error) } : found;
      held.add(event);
      meter.see(event);
      const ordered = order.step(event);
      for (let at = 0; at < ordered.length; at++) text += printed(encoder.step(ordered[at] ?? event));
      if (event.type !== "reply-end" && event.type !== "reply-error") continue;
      text += printed(encoder.end());
      finished = true;
    }
    return text;
  };
  const printed = (events: readonly SseEvent[]): string => {
    const [only] = events;
    if (only !== undefined && events.length === 1) return printSse(only);
    return events.map(printSse).join("");
  };
  const decode = (events: readonly SseEvent[]): string => {
    let text = "";
    for (const event of events) text += encode(decoder.step(event));
    return text;
  };
  const bytes = (text: string): Uint8Array | null => (text === "" ? null : UTF8.encode(text));

  return {
    step(chunk) {
      held.received(chunk.length);
      return bytes(decode(sse.step(chunk)));
    },
    end() {
      const text = decode(sse.end()) + encode(decoder.end());
      // A decoder always ends with a terminal event; should one forget, the client must not take the answer for complete.
      return bytes(finished ? text : text + encode([{ type: "reply-error", error: truncated() }]));
    },
    fail(error) {
      held.forget();
      // A decoder may hold back the end, since more could have come; the answer is complete all the same.
      const last = [...decoder.end()];
      const isComplete = last.some(({ type }) => type === "reply-end");
      return bytes(encode(isComplete ? last : [{ type: "reply-error", error: asGatewayError(error) }]));
    },
    get finished() {
      return finished;
    },
  };
}

/** What an event, and the log probability of a token, take beside their texts, in characters, more or less. */
const EVENT_LENGTH = 64;
const LOGPROB_LENGTH = 80;

/** How much of an answer its conversion may hold, whatever the protocols: each event counts, since any of them may have to wait. */
class HeldLength {
  readonly #limits: SizeLimits;
  #length = 0;
  #received = 0;

  constructor(limits: SizeLimits) {
    this.#limits = limits;
  }

  /** Bytes of the upstream, of which a decoder may keep what never becomes an event. */
  received(bytes: number): void {
    this.#received += bytes;
    this.#check();
  }

  add(event: ReplyEvent): void {
    this.#length += EVENT_LENGTH + lengthOf(event);
    this.#check();
  }

  /** What comes now is the last. */
  forget(): void {
    this.#length = 0;
    this.#received = 0;
  }

  #check(): void {
    const { maxReplyBytes } = this.#limits;
    if (this.#length > maxReplyBytes || this.#received > maxReplyBytes) throw tooLong(this.#limits);
  }
}

/** Of the texts in it. */
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

/** The same events as items of one JSON array, for clients that asked for no server-sent events. */
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

/** A complete reply, however the upstream chose to send it. @throws GatewayError when it is none, or not complete. */
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
