// An upstream's generateContent answer -> canonical, streamed or not. A non-streaming answer is a stream of one chunk, so that the same code
// reads both:
//
//   chunk+                                          no event names, no [DONE]; each a GenerateContentResponse, its parts increments
//   the last one, or one of them: finishReason      instead of candidates, `promptFeedback` when the prompt was blocked
//   usageMetadata on any chunk, cumulative; responseId and modelVersion on all
//
// Does not take a stream without a finishReason for a complete answer. Nothing in the streaming decoder throws.

import { GatewayError } from "../../errors.ts";
import { glance, isObject, parseOrUndefined, print, type Json, type JsonObject } from "../../wire/json.ts";
import type { Machine } from "../../wire/machine.ts";
import type { SseEvent } from "../../wire/sse.ts";
import type { FinishReason, Logprob, Part, Reply, ReplyEvent, WebSearch } from "../canonical.ts";
import type { Ending, Exchange } from "../codec.ts";
import { factoryError } from "../factory-error.ts";
import { fold, notJson, truncated } from "../fold.ts";
import { mergeTurns } from "../turns.ts";
import { madeCallId } from "./calls.ts";
import { errorOf } from "./errors.ts";
import { candidateOf, decodeBlock, decodeFinish, isFinished } from "./finish.ts";
import { decodeGrounding, decodeSearches } from "./grounding.ts";
import { decodeLogprobs } from "./logprobs.ts";
import { PartsDecoder } from "./parts-decode.ts";
import { calledTools } from "./tools.ts";
import { decodeUsage } from "./usage.ts";

/** @throws GatewayError the error inside the body, or `upstream-failed` when it holds no complete answer. */
export function decodeReply(body: string, exchange: Exchange): Reply {
  const value = parseOrUndefined(body, { verbatim: ARGUMENTS });
  if (value === undefined) throw notJson("an answer", body);
  const decoder = new ReplyDecoder(exchange);
  return fold([...decoder.read(value), ...decoder.end()]);
}

/** An answer that is unusual, or may be empty, is decoded. */
export function decodeEnding(body: string, exchange: Exchange): Ending {
  const value = glance(body);
  return (isObject(value) ? plainEnding(value) : null) ?? decodeReply(body, exchange);
}

/** Null: it has to be decoded. */
function plainEnding(value: JsonObject): Ending | null {
  const candidate = candidateOf(value);
  if (candidate === null || !isFinished(candidate) || errorIn(value) !== null) return null;
  let calls = 0;
  let hasText = false;
  for (const part of partsOf(candidate)) {
    const { functionCall } = part;
    if (!isObject(functionCall)) hasText ||= text(part["text"]) !== "";
    else if (text(functionCall["name"]) !== "") calls++;
  }
  if (calls === 0 && !hasText) return null;
  const finish = decodeFinish(candidate, { calls, parts: 1, isExcerpt: false });
  return finish instanceof GatewayError ? null : { usage: decodeUsage(value["usageMetadata"]), finish };
}

/** The error in place of an answer. Null: none. */
function errorIn(value: JsonObject): GatewayError | null {
  if (value["error"] !== undefined && value["error"] !== null) return errorOf(value, { status: 200, headers: {} });
  return factoryError(value);
}

function partsOf({ content }: JsonObject): JsonObject[] {
  return isObject(content) && Array.isArray(content["parts"]) ? content["parts"].filter(isObject) : [];
}

const ARGUMENTS: ReadonlySet<string> = new Set(["args"]);

export function replyDecoder(exchange: Exchange): Machine<SseEvent, ReplyEvent> {
  return new ReplyDecoder(exchange);
}

class ReplyDecoder implements Machine<SseEvent, ReplyEvent> {
  readonly #model: string;
  readonly #isExcerpt: boolean;
  readonly #parts: PartsDecoder;
  #started = false;
  #over = false;
  /** The last candidate with a finish reason. */
  #finished: JsonObject | null = null;
  #blocked: FinishReason | null = null;
  /** The last sources; each chunk has all so far. */
  #grounding: JsonObject = {};

  constructor(exchange: Exchange) {
    this.#model = exchange.request.model;
    this.#isExcerpt = exchange.isExcerpt ?? false;
    const { turn, firstCall } = placeOfReply(exchange);
    this.#parts = new PartsDecoder({ callId: (index) => madeCallId(turn, firstCall + index), tool: calledTools(exchange.request) });
  }

  step({ data }: SseEvent): ReplyEvent[] {
    if (this.#over || data === "" || data === "[DONE]") return [];
    const value = parseChunk(data);
    return value === undefined ? this.#fail(notJson("an event", data)) : this.read(value);
  }

  end(): ReplyEvent[] {
    if (this.#over) return [];
    const finish = this.#finish();
    if (finish instanceof GatewayError) return this.#fail(finish);
    this.#over = true;
    const index = this.#parts.openText;
    const annotations = index === null ? [] : decodeGrounding(this.#grounding, this.#parts.text);
    return [
      ...annotations.map((annotation): ReplyEvent => ({ type: "annotation", index: index ?? 0, annotation })),
      ...this.#parts.close(),
      ...decodeSearches(this.#grounding).flatMap((search) => this.#parts.add(searchPart(search))),
      { type: "reply-end", finish },
    ];
  }

  /** One parsed chunk, or an array of several. */
  read(value: Json): ReplyEvent[] {
    if (Array.isArray(value)) return value.flatMap((chunk) => this.read(chunk));
    if (this.#over) return [];
    if (!isObject(value)) return this.#fail(notJson("an answer", value));
    const error = errorIn(value);
    if (error !== null) return this.#fail(error);
    const out: ReplyEvent[] = [];
    if (!this.#started) {
      this.#started = true;
      const model = text(value["modelVersion"]);
      out.push({ type: "reply-start", id: text(value["responseId"]), model: model === "" ? this.#model : model });
    }
    const usage = decodeUsage(value["usageMetadata"]);
    if (usage !== null) out.push({ type: "usage", usage });
    this.#blocked = decodeBlock(value["promptFeedback"]) ?? this.#blocked;
    const candidate = candidateOf(value);
    if (candidate === null) return out;
    this.#readParts(partsOf(candidate), decodeLogprobs(candidate["logprobsResult"]), out);
    for (const key of ["groundingMetadata", "citationMetadata"]) {
      const found = candidate[key];
      if (found !== undefined) this.#grounding[key] = found;
    }
    if (isFinished(candidate)) this.#finished = candidate;
    return out;
  }

  /** The tokens of a chunk belong to its text, or to the text before it if it has none. Those of thoughts and calls are dropped. */
  #readParts(parts: readonly JsonObject[], logprobs: readonly Logprob[], out: ReplyEvent[]): void {
    const visible = logprobs.length === 0 ? undefined : parts.find(isText);
    const index = this.#parts.openText;
    if (logprobs.length > 0 && visible === undefined && index !== null) out.push({ type: "logprobs", index, logprobs });
    for (const part of parts) {
      for (const event of this.#parts.read(part)) {
        if (part === visible && event.type === "part-delta") out.push({ type: "logprobs", index: event.index, logprobs });
        out.push(event);
      }
    }
  }

  #finish(): FinishReason | GatewayError {
    const { calls, parts } = this.#parts;
    if (this.#finished !== null) return decodeFinish(this.#finished, { calls, parts, isExcerpt: this.#isExcerpt });
    return this.#blocked ?? truncated();
  }

  #fail(error: GatewayError): ReplyEvent[] {
    this.#over = true;
    return [{ type: "reply-error", error }];
  }
}

/** Google reports its searches outside of the parts, so no part of its own would bring one back. */
function searchPart(search: WebSearch): Part {
  return { type: "opaque", protocol: "gemini", name: "webSearchQueries", value: print([search.query]), severity: "dropped", search };
}

/** Arguments must stay verbatim; everything else in a chunk may be parsed fast. */
function parseChunk(data: string): Json | undefined {
  if (data.includes('Call"')) return parseOrUndefined(data, { verbatim: ARGUMENTS });
  try {
    const value: Json = JSON.parse(data);
    return value;
  } catch {
    return undefined;
  }
}

/** Whether a part is visible text. */
function isText(part: JsonObject): boolean {
  return text(part["text"]) !== "" && part["thought"] !== true;
}

function text(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

/** The position of the answer in the next request's turns, so that its calls get the same ids as in their echo. */
function placeOfReply({ request }: Exchange): { turn: number; firstCall: number } {
  const turns = mergeTurns(request.turns);
  const last = turns.at(-1);
  if (last?.role !== "assistant") return { turn: turns.length, firstCall: 0 };
  return { turn: turns.length - 1, firstCall: last.parts.filter((part) => part.type === "tool-call").length };
}
