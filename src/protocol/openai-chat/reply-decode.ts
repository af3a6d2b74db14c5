// An upstream's answer -> canonical. A non-streaming answer is read like a single chunk, with its `message` in place of `delta`.
// Never throws on a stream, never takes one without a finish reason for complete, and never holds back what can go on.
//
// A stream, as data (all chunks share id, created and model; `choices[0].index` is 0):
//   { delta: { role: "assistant", content: "" } }                                  once, first
//   { delta: { reasoning_content } }*  { delta: { reasoning_details: [proof] } }?   in any order and number:
//   { delta: { content } }*            { delta: { annotations } }?
//   { delta: { refusal } }*                                                        content and refusal with `logprobs` of their tokens
//   { delta: { tool_calls: [{ index, id, type, function: { name, arguments: "" } }] } }, then { index, function: { arguments } }*
//   { delta: {}, finish_reason }                                                    the terminal
//   { choices: [], usage }                                                          where the client asked for it
//   [DONE]                                                                          after success alone
// or, in the place of anything after the first: { error }, and nothing after it.

import { GatewayError } from "../../errors.ts";
import { run, type Machine } from "../../wire/machine.ts";
import type { SseEvent } from "../../wire/sse.ts";
import type { FinishReason, Logprob, Part, Proof, Reply, ReplyEvent, SearchSource, Usage } from "../canonical.ts";
import type { Ending, Exchange } from "../codec.ts";
import { factoryError } from "../factory-error.ts";
import { settle } from "../finish.ts";
import { fold, notJson, truncated } from "../fold.ts";
import { decodeCitations } from "./citations.ts";
import { decodeErrorValue } from "./errors.ts";
import { decodeFinish } from "./finish.ts";
import { decodeLogprobs } from "./logprobs.ts";
import { decodeDetails } from "./seals.ts";
import { CallReader } from "./tool-calls.ts";
import { decodeUsage } from "./usage.ts";
import * as wire from "./wire.ts";

/** @throws GatewayError `upstream-failed` when the body is no answer, or the error that it holds. */
export function decodeReply(body: string, exchange: Exchange): Reply {
  return fold(run(new ReplyDecoder(exchange, "an answer"), [{ event: null, data: body }]));
}

/** An answer that has calls, or is unusual, is decoded. */
export function decodeEnding(body: string, exchange: Exchange): Ending {
  const chunk = wire.objectOf<wire.Chunk>(parsed(body));
  return (chunk === undefined ? null : endingOfText(chunk, exchange.request.stop)) ?? decodeReply(body, exchange);
}

/** Null: it has no text, or more than text. */
function endingOfText(chunk: wire.Chunk, stops: readonly string[]): Ending | null {
  const choices = wire.objectsOf<wire.Choice>(chunk.choices);
  const [choice] = choices;
  const message = wire.objectOf<wire.Delta>(choice?.message);
  if (choice === undefined || message === undefined || isSeveral(choices) || errorIn(chunk) !== null) return null;
  if (wire.textOf(message.content) === "" || wire.objectOf(choice.delta) !== undefined) return null;
  if (wire.objectsOf(message.tool_calls).length > 0 || wire.objectOf(message.function_call) !== undefined) return null;
  const finish = decodeFinish(choice, stops) ?? UNSAID;
  const settled = finish instanceof GatewayError ? finish : settle(finish, TEXT_ALONE);
  return settled instanceof GatewayError ? null : { usage: decodeUsage(chunk, choice), finish: settled };
}

const TEXT_ALONE = { calls: 0, parts: 1, isExcerpt: false } as const;

/** Of a non-streaming answer, which is complete even if it gives no reason. */
const UNSAID: FinishReason = { kind: "other", raw: null, stopSequence: null, explanation: null };

/** The error in place of an answer. Null: none. */
function errorIn(chunk: wire.Chunk): GatewayError | null {
  const isError = wire.objectOf(chunk.error) !== undefined || wire.textOf(chunk.error) !== "" || chunk.object === "error";
  if (isError) return decodeErrorValue(chunk);
  return chunk.choices === undefined ? factoryError(chunk) : null;
}

function isSeveral(choices: readonly wire.Choice[]): boolean {
  const [choice] = choices;
  return choices.length > 1 || (choice !== undefined && (wire.numberOf(choice.index) ?? 0) !== 0);
}

export function replyDecoder(exchange: Exchange): Machine<SseEvent, ReplyEvent> {
  return new ReplyDecoder(exchange, "an event");
}

type ProseKind = "text" | "refusal" | "reasoning";

class ReplyDecoder implements Machine<SseEvent, ReplyEvent> {
  readonly #stop: readonly string[];
  readonly #what: "an event" | "an answer";
  readonly #isExcerpt: boolean;
  readonly #calls: CallReader;
  #out: ReplyEvent[] = [];
  #started = false;
  #over = false;
  #next = 0;
  /** The open text, refusal or reasoning; a new kind ends the old one. */
  #prose: { readonly kind: ProseKind; readonly index: number } | null = null;
  /** For the coming text: a non-streaming answer has them before it. */
  #textProof: Proof | null = null;
  /** Of tokens that came before their text, which begins with a character of several tokens. */
  #earlyTokens: readonly Logprob[] = [];
  /** Of a chunk before the first choice. */
  #earlyUsage: Usage | null = null;
  #finish: FinishReason | null = null;
  /** Pages listed with the answer, which apply to its text, and those already emitted. */
  #listed: readonly SearchSource[] = [];
  readonly #annotated = new Set<string>();

  constructor(exchange: Exchange, what: "an event" | "an answer") {
    this.#stop = exchange.request.stop;
    this.#what = what;
    this.#isExcerpt = exchange.isExcerpt ?? false;
    this.#calls = new CallReader(exchange, {
      emit: (event) => void this.#out.push(event),
      start: (part) => this.#start(part),
      beforeCall: () => this.#endProse(null),
    });
  }

  step({ data }: SseEvent): ReplyEvent[] {
    if (this.#over || data === "") return [];
    this.#out = [];
    if (data.trim() === "[DONE]") this.#close();
    else this.#read(data);
    return this.#out;
  }

  end(): ReplyEvent[] {
    if (this.#over) return [];
    this.#out = [];
    this.#close();
    return this.#out;
  }

  #read(data: string): void {
    const chunk = wire.objectOf<wire.Chunk>(parsed(data));
    if (chunk === undefined) return this.#fail(notJson(this.#what, data));
    const error = this.#finish === null ? errorIn(chunk) : null;
    if (error !== null) return this.#fail(error);
    const choices = wire.objectsOf<wire.Choice>(chunk.choices);
    const [choice] = choices;
    if (isSeveral(choices)) {
      return this.#fail(new GatewayError("upstream-failed", "The upstream sent several answers where one was asked for."));
    }
    this.#listed = decodeCitations(chunk) ?? this.#listed;
    const usage = decodeUsage(chunk, choice);
    if (choice !== undefined) this.#readChoice(choice, chunk);
    if (usage === null || this.#over) return;
    if (this.#started) this.#out.push({ type: "usage", usage });
    else this.#earlyUsage = usage;
  }

  #readChoice(choice: wire.Choice, chunk: wire.Chunk): void {
    if (!this.#started) {
      this.#started = true;
      this.#out.push({ type: "reply-start", id: wire.bareId(wire.textOf(chunk.id)), model: wire.textOf(chunk.model) });
      if (this.#earlyUsage !== null) this.#out.push({ type: "usage", usage: this.#earlyUsage });
    }
    const message = wire.objectOf<wire.Delta>(choice.message);
    const delta = wire.objectOf<wire.Delta>(choice.delta) ?? message;
    if (delta !== undefined) this.#readDelta(delta, wire.objectOf<wire.LogprobsRead>(choice.logprobs) ?? {});
    if (this.#over) return;
    const finish = decodeFinish(choice, this.#stop);
    if (finish instanceof GatewayError) return this.#fail(finish);
    // A stream that does not say why it ends may have been cut off.
    if (finish !== null) this.#finish = finish;
    else if (message !== undefined) this.#finish ??= UNSAID;
  }

  #readDelta(delta: wire.Delta, logprobs: wire.LogprobsRead): void {
    this.#readReasoning(delta);
    this.#readContent(delta.content, logprobs.content);
    // Before the refusal: they belong to the text.
    for (const annotation of wire.objectsOf<wire.AnnotationRead>(delta.annotations))
      this.#annotate(wire.objectOf(annotation.url_citation) ?? {});
    if (typeof delta.refusal === "string") this.#say("refusal", delta.refusal, decodeLogprobs(logprobs.refusal));
    for (const call of wire.objectsOf<wire.CallDelta>(delta.tool_calls)) this.#readCall(call);
    const legacy = wire.objectOf<wire.CalledDelta>(delta.function_call);
    if (legacy !== undefined) this.#readCall({ index: 0, function: legacy });
  }

  #readCall(call: wire.CallDelta): void {
    if (this.#over) return;
    const error = this.#calls.read(call);
    if (error !== null) this.#fail(error);
  }

  /** Readable reasoning, and the proofs that a gateway further up put beside it. */
  #readReasoning(delta: wire.Delta): void {
    let text = wire.textOf(delta.reasoning_content) || wire.textOf(delta.reasoning);
    if (delta.reasoning_details === undefined) return this.#say("reasoning", text);
    const { reasoning, textProof } = decodeDetails(delta.reasoning_details);
    let isTold = true;
    for (const part of reasoning) {
      // A non-streaming answer has all reasoning as one text, in which each proof ends the piece that it proves. If one can't be found, none is used.
      const end: number = isTold ? text.indexOf(part.text) + part.text.length : -1;
      isTold = end >= part.text.length;
      if (part.text !== "" && isTold) {
        this.#say("reasoning", text.slice(0, end));
        text = text.slice(end);
      }
      if (part.text === "" || this.#prose?.kind !== "reasoning") {
        this.#endProse(null);
        const index = this.#start({ ...part, text: "", proof: null });
        this.#prose = { kind: "reasoning", index };
        this.#say("reasoning", part.text);
      }
      this.#endProse(part.proof);
    }
    this.#say("reasoning", text);
    if (textProof === null) return;
    if (this.#prose?.kind === "text") this.#endProse(textProof);
    else this.#textProof = textProof;
  }

  /** Content is a string; where the model reasons, Mistral sends an array of parts. */
  #readContent(content: unknown, logprobs: unknown): void {
    if (typeof content === "string") return this.#say("text", content, decodeLogprobs(logprobs));
    for (const part of wire.objectsOf<{ type: unknown; text: unknown; thinking: unknown }>(content)) {
      if (part.type === "thinking") {
        for (const thought of wire.objectsOf<{ text: unknown }>(part.thinking)) this.#say("reasoning", wire.textOf(thought.text));
      } else if (part.type === "text") this.#say("text", wire.textOf(part.text));
    }
  }

  #say(kind: ProseKind, text: string, logprobs: readonly Logprob[] = []): void {
    if (logprobs.length > 0 || text !== "") this.#weigh(kind, { text, logprobs });
    if (text !== "") this.#out.push({ type: "part-delta", index: this.#growing(kind), text });
  }

  #weigh(kind: ProseKind, { text, logprobs }: { readonly text: string; readonly logprobs: readonly Logprob[] }): void {
    if (kind === "reasoning") return;
    const tokens = [...this.#earlyTokens, ...logprobs];
    const isSaid = text !== "" || this.#prose?.kind === kind;
    this.#earlyTokens = isSaid ? [] : tokens;
    if (isSaid && tokens.length > 0) this.#out.push({ type: "logprobs", index: this.#growing(kind), logprobs: tokens });
  }

  #annotate(citation: wire.CitationRead): void {
    const url = wire.textOf(citation.url);
    if (url === "") return;
    const title = typeof citation.title === "string" ? citation.title : null;
    const [start, end] = [wire.numberOf(citation.start_index), wire.numberOf(citation.end_index)];
    this.#annotated.add(url);
    this.#out.push({
      type: "annotation",
      index: this.#growing("text"),
      annotation: { type: "url-citation", url, title, start, end, quote: null },
    });
  }

  /** The index of the open part of this kind; opens one if necessary. */
  #growing(kind: ProseKind): number {
    if (this.#prose?.kind === kind) return this.#prose.index;
    this.#endProse(null);
    const index = this.#start(EMPTY[kind]);
    this.#prose = { kind, index };
    return index;
  }

  #endProse(proof: Proof | null): void {
    if (this.#prose === null) return;
    const isText = this.#prose.kind === "text";
    if (isText) for (const { url, title } of this.#listed) if (!this.#annotated.has(url)) this.#annotate({ url, title });
    this.#out.push({ type: "part-end", index: this.#prose.index, proof: proof ?? (isText ? this.#textProof : null) });
    if (isText) this.#textProof = null;
    this.#prose = null;
  }

  #start(part: Part): number {
    const index = this.#next++;
    this.#out.push({ type: "part-start", index, part });
    return index;
  }

  #close(): void {
    if (this.#finish === null) return this.#fail(truncated());
    this.#endProse(null);
    const error = this.#calls.end();
    if (error !== null) return this.#fail(error);
    const finish = settle(this.#finish, { calls: this.#calls.count, parts: this.#next, isExcerpt: this.#isExcerpt });
    if (finish instanceof GatewayError) return this.#fail(finish);
    this.#out.push({ type: "reply-end", finish });
    this.#over = true;
  }

  #fail(error: GatewayError): void {
    this.#out.push({ type: "reply-error", error });
    this.#over = true;
  }
}

const EMPTY: Readonly<Record<ProseKind, Part>> = {
  text: { type: "text", text: "", annotations: [], cache: null, proof: null },
  refusal: { type: "refusal", text: "" },
  reasoning: { type: "reasoning", text: "", redacted: false, proof: null },
};

function parsed(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}
