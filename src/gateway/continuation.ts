// Continues an answer that paused before it was complete: the client gets one answer, with one start, one end, parts numbered through, and the
// usage of all requests added up. Where it can't continue, or has paused too often, it ends like an answer that ran out of tokens.
// Does not know a protocol (a codec says what makes its upstream go on), or end a pause as if the answer were complete.

import type { CanonicalRequest, FinishReason, Part, Reply, ReplyEvent, ToolCallPart, Usage } from "../protocol/canonical.ts";
import type { Codec, Continuation, Exchange } from "../protocol/codec.ts";
import { fold, unfold } from "../protocol/fold.ts";
import type { BodyReader } from "../runtime/ports.ts";
import type { SizeLimits, UpstreamAnswer, UpstreamRefusal } from "../upstream/upstream.ts";
import { onAbort } from "../wire/abort.ts";
import type { Machine } from "../wire/machine.ts";
import { drain, NOTHING, replay } from "../wire/pump.ts";
import { BLANK_LINE, isWhole, type SseEvent } from "../wire/sse.ts";
import { readReply } from "./convert.ts";
import type { UsageMeter } from "./usage-meter.ts";

export interface ContinuationOptions {
  /** The codec of the upstream's protocol. */
  readonly codec: Codec;
  readonly exchange: Exchange;
  /** The request that was sent. */
  readonly body: string;
  readonly limits: SizeLimits;
  /** Sees the events of a non-streaming call; a stream's events are counted where they pass. */
  readonly meter: UsageMeter;
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal;
  /** Asks for the rest. `signal` cancels the request and its answer. Rejects when there is no answer at all. */
  readonly post: (body: string, signal: AbortSignal) => Promise<UpstreamAnswer | UpstreamRefusal>;
}

/** How many times one answer may continue. The providers' own loops pause after about ten tool steps each. */
export const MAX_CONTINUATIONS = 8;

/**
 * The rest of a streamed answer, and the decoder for all of it: the decoder finds the pause, and the source continues behind it.
 * `holdsRequest`: the request is kept until the answer ends.
 */
export function continuedStream(
  found: UpstreamAnswer,
  options: ContinuationOptions,
): { rest: BodyReader; decoder: Machine<SseEvent, ReplyEvent>; holdsRequest: boolean } {
  const { codec, exchange } = options;
  const continuation = codec.reply.continuation?.(exchange) ?? null;
  const rest = found.rest ?? NOTHING;
  if (continuation === null) return { rest, decoder: codec.reply.decoder(exchange), holdsRequest: false };
  const stream = new ContinuedStream(rest, new AnswerJoiner(continuation, options), options);
  return { rest: stream, decoder: stream, holdsRequest: true };
}

/** A non-streaming answer. @throws GatewayError when one of its requests fails, or an answer can't be read. */
export async function continuedReply(found: UpstreamAnswer, options: ContinuationOptions): Promise<Reply> {
  const { codec, exchange, limits, meter, signal } = options;
  const continuation = codec.reply.continuation?.(exchange) ?? null;
  if (continuation === null) return readReply(found, codec, { exchange, limits });
  const joiner = new AnswerJoiner(continuation, options);
  const events: ReplyEvent[] = [];
  for (let next = found; ;) {
    const reply = await readReply(next, joiner.codec, { exchange: joiner.exchange, limits });
    if (reply.finish.kind !== "paused" && events.length === 0) return reply;
    const joined = joiner.join(unfold(reply));
    for (const event of joined) meter.see(event);
    events.push(...joined);
    const body = joiner.takePause();
    if (body === null) return fold(events);
    const rest = await options.post(body, signal);
    if (rest.type === "refusal") throw rest.error;
    next = rest;
  }
}

/** The source that a pump reads, and the decoder that it reads with. */
class ContinuedStream implements BodyReader, Machine<SseEvent, ReplyEvent> {
  readonly #joiner: AnswerJoiner;
  readonly #options: ContinuationOptions;
  readonly #abort = new AbortController();
  #source: BodyReader;
  #decoder: Machine<SseEvent, ReplyEvent>;
  /** What is still to come of the current answer: bytes, the last event (its blank line may be missing), what the decoder held back, or nothing. */
  #left: "bytes" | "event" | "held" | "nothing" = "bytes";
  /** Events to go out with the next step, or with the end. */
  #waiting: ReplyEvent[] = [];

  constructor(source: BodyReader, joiner: AnswerJoiner, options: ContinuationOptions) {
    this.#source = source;
    this.#joiner = joiner;
    this.#options = options;
    this.#decoder = joiner.codec.reply.decoder(joiner.exchange);
  }

  async read(): Promise<{ done: boolean; value?: Uint8Array | undefined }> {
    for (;;) {
      const body = this.#joiner.takePause();
      if (body !== null) {
        await this.#goOn(body);
      } else if (this.#left === "nothing") {
        return { done: true };
      } else if (this.#left === "held") {
        this.#left = "nothing";
        this.#waiting.push(...this.#joiner.join(this.#decoder.end()));
      } else if (this.#left === "event") {
        this.#left = "held";
        return { done: false, value: BLANK_LINE };
      } else {
        const chunk = await this.#source.read();
        if (!chunk.done) return chunk;
        this.#left = "event";
      }
    }
  }

  async cancel(reason?: unknown): Promise<void> {
    this.#abort.abort();
    await this.#source.cancel(reason);
  }

  step(event: SseEvent): ReplyEvent[] {
    // Ended by the blank line above, not by the upstream: half an event is dropped.
    if (this.#left === "held" && !isWhole(event.data)) return [];
    return this.#taken(this.#joiner.join(this.#decoder.step(event)));
  }

  /** Even where the connection broke, a decoder may still hold the end. */
  end(): ReplyEvent[] {
    return this.#taken(this.#joiner.isPaused || this.#left === "nothing" ? [] : this.#joiner.join(this.#decoder.end()));
  }

  #taken(events: ReplyEvent[]): ReplyEvent[] {
    if (this.#waiting.length === 0) return events;
    const out = [...this.#waiting, ...events];
    this.#waiting = [];
    return out;
  }

  async #goOn(body: string): Promise<void> {
    const { signal, post, limits } = this.#options;
    const { codec, exchange } = this.#joiner;
    if (this.#left === "bytes") void drain(this.#source);
    this.#left = "nothing";
    onAbort(signal, () => this.#abort.abort());
    const rest = await post(body, this.#abort.signal);
    if (rest.type === "refusal") {
      this.#waiting.push({ type: "reply-error", error: rest.error });
      return;
    }
    this.#source = replay(rest.begun, rest.rest ?? NOTHING);
    if (rest.type === "non-streaming") {
      this.#waiting.push(...this.#joiner.join(unfold(await readReply(rest, codec, { exchange, limits }))));
      return;
    }
    this.#decoder = codec.reply.decoder(exchange);
    this.#left = "bytes";
  }
}

/** A part that the answer may pause inside of. */
interface Breakable {
  readonly type: "text" | "reasoning";
  readonly index: number;
  length: number;
}

/** Joins the answers of several requests into one. */
class AnswerJoiner {
  /** The upstream's codec, which also notes answers as it reads them. */
  readonly codec: Codec;
  readonly #continuation: Continuation;
  readonly #options: ContinuationOptions;
  #continuations = 0;
  /** How much the continuation has noted, in UTF-16 units. */
  #noted = 0;
  /** The request that asks for the rest. Null: the answer has not paused. */
  #pause: string | null = null;
  /** How many parts have begun, and what to add to the indices of the current answer. */
  #parts = 0;
  #offset = 0;
  /** The tool calls so far. */
  readonly #calls: ToolCallPart[] = [];
  /** The text or reasoning that began last. */
  #last: Breakable | null = null;
  /** The end of the part in which the answer paused, held until it is known whether the part continues. */
  #cut: Extract<ReplyEvent, { type: "part-end" }> | null = null;
  /** The part that continued, with its length before the pause. */
  #mended: Breakable | null = null;
  /** Usage of the earlier answers, and of all. */
  #before: Usage | null = null;
  #usage: Usage | null = null;

  constructor(continuation: Continuation, options: ContinuationOptions) {
    const { codec } = options;
    this.#continuation = continuation;
    this.#options = options;
    this.codec = {
      ...codec,
      reply: {
        ...codec.reply,
        decode: (body, exchange) => {
          if (this.#canNote(body)) continuation.nonStreaming(body);
          return codec.reply.decode(body, exchange);
        },
        decoder: (exchange) => {
          const decoder = codec.reply.decoder(exchange);
          return {
            step: (event) => {
              if (this.#canNote(event.data)) continuation.event(event);
              return decoder.step(event);
            },
            end: () => decoder.end(),
          };
        },
      },
    };
  }

  /** An answer beyond the limit on non-streaming ones is not noted, and can't be continued. */
  #canNote(text: string): boolean {
    this.#noted += text.length;
    return this.#noted <= this.#options.limits.maxReplyBytes;
  }

  /** The exchange for the decoder of the current answer: it includes earlier calls, so that no id is given twice. */
  get exchange(): Exchange {
    const { exchange } = this.#options;
    return this.#calls.length === 0 ? exchange : { ...exchange, request: withCalls(exchange.request, this.#calls) };
  }

  get isPaused(): boolean {
    return this.#pause !== null;
  }

  /** The request that asks for the rest, once: after this, `join` gets the events of its answer. Null: there is no pause. */
  takePause(): string | null {
    const body = this.#pause;
    if (body === null) return null;
    this.#pause = null;
    this.#continuations++;
    this.#offset = this.#parts;
    this.#before = this.#usage;
    return body;
  }

  /** Events of the current answer as events of the joined one. */
  join(events: Iterable<ReplyEvent>): ReplyEvent[] {
    const out: ReplyEvent[] = [];
    for (const event of events) {
      switch (event.type) {
        case "part-delta":
          if (this.#last !== null) this.#last.length += event.text.length;
          out.push(this.#offset === 0 ? event : { ...event, index: event.index + this.#offset });
          break;
        case "reply-start":
          if (this.#continuations === 0) out.push(event);
          break;
        case "part-start":
          this.#start(event, out);
          break;
        case "logprobs":
        case "part-end":
          out.push(this.#offset === 0 ? event : { ...event, index: event.index + this.#offset });
          break;
        case "annotation":
          out.push(this.#moved({ ...event, index: event.index + this.#offset }));
          break;
        case "usage":
          this.#usage = sum(this.#before, event.usage);
          out.push({ ...event, usage: this.#usage });
          break;
        case "reply-end":
          this.#end(event.finish, out);
          break;
        case "reply-error":
          out.push(event);
      }
    }
    return out;
  }

  #start({ index, part }: { readonly index: number; readonly part: Part }, out: ReplyEvent[]): void {
    if (this.#cut !== null && this.#last !== null) {
      if (isBreakable(part) && part.type === this.#last.type) {
        this.#offset = this.#last.index - index;
        this.#mended = { ...this.#last };
        this.#cut = null;
        return;
      }
      this.#close(out);
    }
    out.push({ type: "part-start", index: index + this.#offset, part });
    this.#last = isBreakable(part) ? { type: part.type, index: this.#parts, length: 0 } : null;
    this.#parts++;
    if (part.type === "tool-call") this.#calls.push(part);
  }

  #end(finish: FinishReason, out: ReplyEvent[]): void {
    if (finish.kind === "paused") {
      const mayGoOn = this.#continuations < MAX_CONTINUATIONS && this.#noted <= this.#options.limits.maxReplyBytes;
      this.#pause = mayGoOn ? this.#continuation.resume(this.#options.body) : null;
      if (this.#pause !== null) {
        if (this.#continuation.seamless) this.#hold(out);
        return;
      }
    }
    this.#close(out);
    out.push({ type: "reply-end", finish: this.#settled(finish) });
  }

  /** Takes back the end of a part that was open when the answer paused, unless a signature has closed it for good. */
  #hold(out: ReplyEvent[]): void {
    const at = out.findLastIndex((event) => event.type === "part-end" && event.index === this.#last?.index);
    const end = out[at];
    if (end?.type !== "part-end" || end.proof !== null) return;
    out.splice(at, 1);
    this.#cut = end;
  }

  #close(out: ReplyEvent[]): void {
    if (this.#cut !== null) out.push(this.#cut);
    this.#cut = null;
  }

  /** Calls of earlier answers decide how the last one ends; a pause that is not resumed becomes `tool-calls` or `length`. */
  #settled(finish: FinishReason): FinishReason {
    const called = this.#calls.length > 0;
    if (finish.kind === "paused") return { ...finish, kind: called ? "tool-calls" : "length" };
    const isEnd = finish.kind === "end" || finish.kind === "other";
    return isEnd && called && this.#continuations > 0 ? { ...finish, kind: "tool-calls" } : finish;
  }

  /** Shifts offsets into a part that continued, since they count from the pause. */
  #moved(event: Extract<ReplyEvent, { type: "annotation" }>): ReplyEvent {
    if (this.#mended?.index !== event.index) return event;
    const { length } = this.#mended;
    const { start, end } = event.annotation;
    return {
      ...event,
      annotation: { ...event.annotation, start: start === null ? null : start + length, end: end === null ? null : end + length },
    };
  }
}

function isBreakable(part: Part): part is Extract<Part, { type: "text" | "reasoning" }> {
  return part.type === "text" || (part.type === "reasoning" && !part.redacted);
}

function withCalls(request: CanonicalRequest, calls: readonly ToolCallPart[]): CanonicalRequest {
  return { ...request, turns: [...request.turns, { role: "assistant", parts: calls, effort: null }] };
}

/** Adds the counters of two requests; null only where both are null. */
function sum(before: Usage | null, usage: Usage): Usage {
  if (before === null) return usage;
  const add = (one: number | null, other: number | null): number | null =>
    one === null && other === null ? null : (one ?? 0) + (other ?? 0);
  const anHour = add(before.cacheWrite1hTokens ?? null, usage.cacheWrite1hTokens ?? null);
  return {
    inputTokens: add(before.inputTokens, usage.inputTokens),
    cacheReadTokens: add(before.cacheReadTokens, usage.cacheReadTokens),
    cacheWriteTokens: add(before.cacheWriteTokens, usage.cacheWriteTokens),
    ...(anHour === null ? {} : { cacheWrite1hTokens: anHour }),
    outputTokens: add(before.outputTokens, usage.outputTokens),
    reasoningTokens: add(before.reasoningTokens, usage.reasoningTokens),
  };
}
