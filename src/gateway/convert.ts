// Room: relay (row 4).
// In:  the chunks of an upstream's streamed answer.
// Out: the chunks that the client gets: decoded and encoded anew where the protocols differ, the same bytes where they do not.
//      On the way a meter takes note of usage and of how the answer ended, and changes nothing.
// Never does: end an unfinished answer as if it were finished.

import { GatewayError } from "../errors.ts";
import type { FinishReason, Reply, ReplyEvent, Usage } from "../protocol/canonical.ts";
import type { Codec, Exchange } from "../protocol/codec.ts";
import { fold, inOrder, truncated, unfold } from "../protocol/fold.ts";
import { chain, run, type Machine } from "../wire/machine.ts";
import { concat, NOTHING, replay, type Pump } from "../wire/pump.ts";
import { firstBoundary, printSse, sseDecoder, type SseEvent, type SseLimits } from "../wire/sse.ts";
import { bounded, readText, type UpstreamAnswer, type UpstreamLimits } from "../upstream/upstream.ts";

/** What is known of an answer while, and after, it passes. */
export class Meter {
  usage: Usage | null = null;
  finish: FinishReason | null = null;
  error: GatewayError | null = null;

  see(event: ReplyEvent): void {
    if (event.type === "usage") this.usage = event.usage;
    else if (event.type === "reply-end") this.finish = event.finish;
    else if (event.type === "reply-error") this.error = event.error;
  }
}

/** Any failure as the error that a client may see. */
export function asGatewayError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  return new GatewayError("internal", "The proxy failed while it answered. The log has the details under this request id.", {
    cause: error,
  });
}

export interface ConversionOptions {
  /** Of the upstream's protocol. */
  readonly decoder: Machine<SseEvent, ReplyEvent>;
  /** Of the client's protocol. */
  readonly encoder: Machine<ReplyEvent, SseEvent>;
  readonly meter: Meter;
  readonly limits: UpstreamLimits;
  /** The same error, fit for the client. */
  readonly shown: (error: GatewayError) => GatewayError;
}

/**
 * Decodes each event and encodes it for the client at once; finished with the first terminal event. Encoders may have to hold what
 * their protocol repeats at the end, so an answer without end is ended at the limit on whole answers.
 */
export function conversion({ decoder, encoder, meter, limits, shown }: ConversionOptions): Pump {
  const sse = sseDecoder(limits);
  const order = inOrder();
  let finished = false;
  let length = 0;

  // By index, not by iterator: this runs for every event of every answer.
  const encode = (events: readonly ReplyEvent[]): string => {
    let text = "";
    for (let index = 0; index < events.length && !finished; index++) {
      const found = events[index];
      if (found === undefined) break;
      const event = found.type === "reply-error" ? { ...found, error: shown(found.error) } : found;
      if (event.type === "part-delta") length += event.text.length;
      if (event.type === "logprobs") for (const { top } of event.logprobs) length += (1 + top.length) * LOGPROB_LENGTH;
      if (length > limits.maxReplyBytes) throw tooLong(limits);
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
    step: (chunk) => bytes(decode(sse.step(chunk))),
    end() {
      const text = decode(sse.end()) + encode(decoder.end());
      // A decoder always ends with a terminal event; should one forget, the client must not take the answer for whole.
      return bytes(finished ? text : text + encode([{ type: "reply-error", error: truncated() }]));
    },
    fail(error) {
      length = 0;
      // A decoder may hold back the end, since more could have come; the answer is complete all the same.
      const held = [...decoder.end()];
      const isComplete = held.some(({ type }) => type === "reply-end");
      return bytes(encode(isComplete ? held : [{ type: "reply-error", error: asGatewayError(error) }]));
    },
    get finished() {
      return finished;
    },
  };
}

/** What the log probability of a token takes, in characters, more or less. */
const LOGPROB_LENGTH = 80;

function tooLong({ maxReplyBytes }: UpstreamLimits): GatewayError {
  return new GatewayError("upstream-failed", `The upstream's answer is longer than ${maxReplyBytes} characters, the limit of this proxy.`);
}

export interface PassageOptions {
  /** Of the protocol that both sides speak. */
  readonly codec: Codec;
  readonly exchange: Exchange;
  readonly meter: Meter;
  readonly limits: SseLimits;
}

/**
 * Hands complete events on as the bytes they are, without parsing them; holds back only an event whose end has not come.
 * When the source ends or breaks before the terminal event, the client gets the protocol's own error event.
 */
export function passage({ codec, exchange, meter, limits }: PassageOptions): Pump {
  // The first and the last few events are enough to tell usage and ending; see `inspect`.
  let first: Uint8Array | null = null;
  const last: Uint8Array[] = [];
  let held: Uint8Array[] = [];
  let heldLength = 0;
  // The last bytes that are held: a blank line may begin there, up to three bytes before it ends.
  let tail: Uint8Array = EMPTY;

  const send = (events: Uint8Array): Uint8Array => {
    if (first === null) {
      const head = headOf(events);
      first = alone(head);
      if (head.length < events.length) last.push(alone(tailOf(events)));
    } else {
      if (last.length === KEPT_EVENTS) last.shift();
      last.push(alone(tailOf(events)));
    }
    return events;
  };
  const hold = (chunk: Uint8Array): void => {
    if (chunk.length === 0) return;
    held.push(chunk);
    heldLength += chunk.length;
    tail = chunk.length < MOST_BEFORE ? concat([tail.subarray(-MOST_BEFORE), chunk]) : chunk;
    if (heldLength > limits.maxEventLength) {
      throw new GatewayError(
        "upstream-failed",
        `The upstream sent one event of more than ${limits.maxEventLength} bytes, the limit of this proxy.`,
      );
    }
  };
  const release = (): Uint8Array => {
    const whole = held.length === 1 && held[0] !== undefined ? held[0] : concat(held);
    held = [];
    heldLength = 0;
    tail = EMPTY;
    return whole;
  };
  /**
   * Reads usage and ending out of the kept runs, and of what else is given; the only place where passed events are parsed.
   * Returns whether the upstream itself has said how the answer ended.
   */
  const inspect = (rest: readonly Uint8Array[]): boolean => {
    const decoder = codec.reply.decoder(exchange);
    const kept = first === null ? rest : [first, ...last, ...rest];
    const seen = new Meter();
    for (const event of run(sseDecoder(limits), kept)) for (const found of decoder.step(event)) seen.see(found);
    const told = seen.finish !== null || seen.error !== null;
    if (!told) for (const found of decoder.end()) seen.see(found);
    meter.usage = seen.usage ?? meter.usage;
    meter.finish = seen.finish;
    meter.error = seen.error;
    return seen.finish !== null || told;
  };
  const errorBytes = (error: GatewayError): Uint8Array => {
    meter.error = error;
    return UTF8.encode(printSse(codec.error.event(error)));
  };

  return {
    step(chunk) {
      const boundary = lastBoundary(chunk, tail);
      if (boundary === 0) {
        hold(chunk);
        return null;
      }
      held.push(boundary === chunk.length ? chunk : chunk.subarray(0, boundary));
      const complete = release();
      if (boundary < chunk.length) hold(chunk.subarray(boundary));
      return send(complete);
    },
    end() {
      const rest = heldLength === 0 ? null : release();
      if (inspect([])) return rest;
      // An upstream may leave out the last blank line; the client's parser may need it.
      if (rest !== null && inspect([rest]) && meter.finish !== null) return concat([rest, BLANK_LINE]);
      // What was cut off inside an event is of no use to the client.
      return errorBytes(truncated());
    },
    fail(error) {
      return inspect([]) ? null : errorBytes(asGatewayError(error));
    },
    left: () => void inspect([]),
    finished: false,
  };
}

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

/** Hands a whole answer on as the bytes it is, and reads its usage once it has passed where it has any (`metered`). */
export function wholePassage({ codec, exchange, meter, metered }: PassageOptions & { readonly metered: boolean }): Pump {
  let kept: Uint8Array[] | null = metered ? [] : null;
  let length = 0;
  return {
    step(chunk) {
      length += chunk.length;
      if (length > MAX_METERED_BYTES) kept = null;
      kept?.push(chunk);
      return chunk;
    },
    end() {
      if (kept !== null) readUsage(concat(kept), { codec, exchange, meter });
      return null;
    },
    // The head has gone out: only a broken connection can tell the client that its body is incomplete.
    fail(error) {
      throw error;
    },
    finished: false,
  };
}

/** Reads usage and ending of a whole answer that has passed. */
export function readUsage(body: Uint8Array, { codec, exchange, meter }: Pick<PassageOptions, "codec" | "exchange" | "meter">): void {
  try {
    const reply = codec.reply.decode(new TextDecoder().decode(body), exchange);
    meter.usage = reply.usage;
    meter.finish = reply.finish;
  } catch (error) {
    meter.error = asGatewayError(error);
  }
}

/** A whole answer larger than this passes without its usage being read. */
const MAX_METERED_BYTES = 1024 * 1024;
/** How many events from the end of a stream are kept: a finish reason, usage, a mark of the end, and one to spare. */
const KEPT_EVENTS = 4;
const KEPT_HEAD_BYTES = 1024;
const BLANK_LINE = new Uint8Array([10, 10]);
const EMPTY = new Uint8Array(0);
const UTF8 = new TextEncoder();
/** How many bytes of the longest blank line, CR LF CR LF, can come before its last one. */
const MOST_BEFORE = 3;
const LF = 10;
const CR = 13;

/**
 * The offset after the last blank line in a chunk, 0 when there is none. `before` is what came before it and is still held: the
 * blank line may begin there.
 */
export function lastBoundary(chunk: Uint8Array, before: Uint8Array): number {
  const at = (index: number): number | undefined => (index >= 0 ? chunk[index] : before.at(index));
  for (let end = chunk.length - 1; end >= 0; end--) {
    const code = chunk[end];
    if (code !== LF && code !== CR) {
      // Jump to the next line end instead of walking there.
      end = Math.max(chunk.lastIndexOf(LF, end), chunk.lastIndexOf(CR, end)) + 1;
      continue;
    }
    const previous = at(end - 1);
    if (code === CR) {
      if (previous === CR) return end + 1;
      continue;
    }
    if (previous === LF) return end + 1;
    if (previous === CR && (at(end - 2) === LF || at(end - 2) === CR)) return end + 1;
  }
  return 0;
}

/** The first event of a run, and those behind it that are short. */
function headOf(events: Uint8Array): Uint8Array {
  if (events.length <= KEPT_HEAD_BYTES) return events;
  return events.subarray(0, lastBoundary(events.subarray(0, KEPT_HEAD_BYTES), EMPTY) || firstBoundary(events) || events.length);
}

/** The last events of a run. */
function tailOf(events: Uint8Array): Uint8Array {
  let start = events.length;
  for (let count = 0; count < KEPT_EVENTS && start > 0; count++) start = lastBoundary(events.subarray(0, start - 1), EMPTY);
  return events.subarray(start);
}

/** A copy where keeping these bytes would keep far more: Deno reads each piece, however short, into 64 KiB. */
function alone(bytes: Uint8Array): Uint8Array {
  return bytes.buffer.byteLength > 2 * bytes.length ? bytes.slice() : bytes;
}

/** A whole answer as the text of a stream, for a client that asked for one. */
export function streamText(reply: Reply, encoder: Machine<ReplyEvent, SseEvent>, framing: "sse" | "json-array"): string {
  const events = run(chain(inOrder(), encoder), unfold(reply));
  return framing === "sse" ? events.map(printSse).join("") : `[${events.map(({ data }) => data).join(",\n")}]`;
}

/** A whole reply, however the upstream chose to send it. @throws GatewayError when it is none, or not complete. */
export async function readReply(
  found: UpstreamAnswer,
  codec: Codec,
  { exchange, limits }: { exchange: Exchange; limits: UpstreamLimits },
): Promise<Reply> {
  const { begun, rest } = found;
  if (found.type === "whole") return codec.reply.decode(await readText(rest, limits.maxReplyBytes, begun), exchange);
  const decoder = chain(sseDecoder(limits), codec.reply.decoder(exchange));
  const source = bounded(replay(begun, rest ?? NOTHING), limits.maxReplyBytes);
  const events: ReplyEvent[] = [];
  for (;;) {
    const { done, value } = await source.read();
    if (done || value === undefined) return fold([...events, ...decoder.end()]);
    events.push(...decoder.step(value));
  }
}
