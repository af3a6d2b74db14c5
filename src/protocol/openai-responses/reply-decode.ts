// An upstream's answer, non-streaming or as events, as canonical events. Items are distinguished by `output_index`, since some
// servers give an item a new id with every event. The final form of an item completes what was streamed of it, and a server that
// sends only complete items is understood as well.
// Never throws from a stream, and never takes an error, an unfinished response or a stream without a terminal event for an answer.
//
// The events of a stream, in order (openai-node 7.57.0, `internal/responses/response-accumulator`, read 2026-11):
//
//   response.created  response.in_progress
//   per item, output_index 0, 1, 2 ...:
//     response.output_item.added                       the item, still empty, with its id
//       message:          per part, content_index 0, 1, 2 ...:
//                           response.content_part.added
//                           response.output_text.delta*  response.output_text.annotation.added*  response.output_text.done
//                           (or response.refusal.delta*  response.refusal.done)
//                           response.content_part.done
//       reasoning:        response.reasoning_summary_part.added  response.reasoning_summary_text.delta*
//                         response.reasoning_summary_text.done   response.reasoning_summary_part.done
//       function_call:    response.function_call_arguments.delta*  response.function_call_arguments.done
//       custom_tool_call: response.custom_tool_call_input.delta*   response.custom_tool_call_input.done
//     response.output_item.done                        the item, complete
//   response.completed | response.incomplete           the response, with all items
//   or, at any place:  error  response.failed

import { GatewayError } from "../../errors.ts";
import { glance, isObject, parse, parseOrUndefined, print, type Json, type JsonObject } from "../../wire/json.ts";
import type { Machine } from "../../wire/machine.ts";
import type { SseEvent } from "../../wire/sse.ts";
import type { FinishReason, Reply, ReplyEvent } from "../canonical.ts";
import type { Ending, Exchange } from "../codec.ts";
import { factoryError } from "../factory-error.ts";
import { fold, notJson, truncated } from "../fold.ts";
import type { NameTable } from "../tool-names.ts";
import { decodeErrorInside } from "./errors.ts";
import { decodeFinish } from "./finish.ts";
import { decodeLogprobs } from "./logprobs.ts";
import { canonicalName, originalNames } from "./namespaces.ts";
import { Contents, PartEvents } from "./output-content.ts";
import { decodeReasoningItem, PARAGRAPH } from "./reasoning.ts";
import { StopSequences } from "./stop-sequences.ts";
import { decodeUsage } from "./usage.ts";
import { decodeWebSearch, WEB_SEARCH_CALL } from "./web-search.ts";

/** @throws GatewayError `upstream-failed` when the body is no answer, or the error that it holds. */
export function decodeReply(body: string, exchange: Exchange): Reply {
  return replyOf(responseIn(parseOrUndefined(body), body), exchange);
}

/** An answer whose end depends on its content is decoded. */
export function decodeEnding(body: string, exchange: Exchange): Ending {
  const response = responseIn(glance(body), body);
  return (exchange.request.stop.length > 0 ? null : plainEnding(response)) ?? replyOf(response, exchange);
}

/** Null: it has to be decoded. */
function plainEnding(response: Response): Ending | null {
  const { status, output, usage } = response;
  if (status !== "completed" && status !== "incomplete") return null;
  let calls = 0;
  for (const item of output) if (isObject(item) && isCall(stringOf(item["type"])) && stringOf(item["name"]) !== "") calls++;
  const finish = decodeFinish(response, { calls, parts: 1, isExcerpt: false });
  return finish instanceof GatewayError ? null : { usage: decodeUsage(usage), finish };
}

interface Response extends JsonObject {
  output: Json[];
}

function isResponse(value: JsonObject): value is Response {
  return Array.isArray(value["output"]);
}

function responseIn(response: unknown, body: string): Response {
  if (!isObject(response)) throw notJson("an answer", body);
  if (Array.isArray(response["choices"])) throw chatShape();
  if (isResponse(response)) return response;
  if (isObject(response["error"])) throw decodeErrorInside(response);
  throw new GatewayError("upstream-failed", "The upstream's answer has no output.");
}

function replyOf(response: Response, exchange: Exchange): Reply {
  const reply = fold(new ReplyDecoder(exchange).response(response));
  // An answer that was cut at a stop sequence has been generated, and is billed, as a whole.
  return { ...reply, usage: decodeUsage(response["usage"]) };
}

export function replyDecoder(exchange: Exchange): Machine<SseEvent, ReplyEvent> {
  return new ReplyDecoder(exchange);
}

interface OpenItem {
  /** "" until the server has sent it. */
  type: string;
  done: boolean;
  /** For a message. */
  readonly contents: Contents;
  /** For a call or reasoning: the canonical part, once it has started. */
  index: number | null;
  /** The streamed arguments of the call, or text of the reasoning. */
  received: string;
  /** For reasoning: what is shown, its summary or its raw text, and the paragraph that was last added to. */
  shown: "summary" | "raw" | null;
  paragraph: number | null;
}

class ReplyDecoder implements Machine<SseEvent, ReplyEvent> {
  readonly #model: string;
  readonly #isExcerpt: boolean;
  readonly #names: NameTable;
  readonly #stops: StopSequences;
  readonly #items = new Map<number, OpenItem>();
  readonly #events = new PartEvents();
  #hasStarted = false;
  #isOver = false;
  #calls = 0;
  #lastItem = 0;

  constructor(exchange: Exchange) {
    const { model, tools, stop } = exchange.request;
    this.#model = model;
    this.#isExcerpt = exchange.isExcerpt ?? false;
    this.#names = originalNames(tools);
    this.#stops = new StopSequences(stop);
  }

  step({ event, data }: SseEvent): ReplyEvent[] {
    if (this.#isOver || data === "[DONE]") return [];
    const value = parseEvent(event, data);
    if (isObject(value)) this.#event(value, event);
    else this.#fail(notJson("an event", data));
    return this.#events.take();
  }

  end(): ReplyEvent[] {
    if (!this.#isOver) this.#fail(truncated());
    return this.#events.take();
  }

  /** The events of a non-streaming response. */
  response(response: JsonObject): ReplyEvent[] {
    this.#start(response);
    this.#terminal(response);
    return this.#events.take();
  }

  #event(value: JsonObject, name: string | null): void {
    const type = typeof value["type"] === "string" ? value["type"] : name;
    switch (type) {
      case "response.output_text.delta":
        return this.#say(value, "text");
      case "response.refusal.delta":
        return this.#say(value, "refusal");
      case "response.function_call_arguments.delta":
      case "response.custom_tool_call_input.delta":
        return this.#call(this.#item(value), stringOf(value["delta"]));
      case "response.reasoning_summary_text.delta":
        return this.#reason(value, "summary");
      case "response.reasoning_text.delta":
        return this.#reason(value, "raw");
      case "response.created":
      case "response.queued":
      case "response.in_progress":
        return this.#start(value["response"]);
      case "response.output_item.added":
        return this.#added(value);
      case "response.output_item.done":
        return this.#done(this.#item(value), value["item"]);
      case "response.content_part.done":
        return this.#finishContent(this.#item(value), indexOf(value["content_index"]), value["part"]);
      case "response.output_text.annotation.added": {
        const item = this.#item(value);
        if (!item.done) item.contents.annotate(indexOf(value["content_index"]), value["annotation"]);
        return;
      }
      case "response.completed":
      case "response.incomplete":
      case "response.failed":
      case "response.cancelled":
        this.#start(value["response"]);
        return this.#terminal(standing(value["response"], type.slice("response.".length)));
      case "error":
        return this.#fail(factoryError(value) ?? decodeErrorInside(value));
      default: {
        // An error without a name, an answer in another shape, or something new, which is ignored.
        const own = factoryError(value);
        if (own !== null) this.#fail(own);
        else if (isObject(value["error"])) this.#fail(decodeErrorInside(value));
        else if (Array.isArray(value["choices"])) this.#fail(chatShape());
      }
    }
  }

  // ---- Begin and end ----

  #start(response: Json | undefined): void {
    if (this.#hasStarted) return;
    this.#hasStarted = true;
    const said = isObject(response) ? response : {};
    const model = stringOf(said["model"]);
    this.#events.push({ type: "reply-start", id: stringOf(said["id"]), model: model === "" ? this.#model : model });
  }

  #fail(error: GatewayError): void {
    this.#isOver = true;
    this.#events.push({ type: "reply-error", error });
  }

  #finish(finish: FinishReason): void {
    this.#isOver = true;
    this.#events.push({ type: "reply-end", finish });
  }

  #terminal(response: JsonObject): void {
    const failure = decodeFinish(response, UNCOUNTED);
    if (failure instanceof GatewayError) return this.#fail(failure);
    // Some servers leave `output` empty here and have sent everything before; others send it only here.
    const output = Array.isArray(response["output"]) ? response["output"] : [];
    output.forEach((said, index) => {
      const known = this.#items.get(index);
      const isNews = known === undefined ? index >= this.#items.size : !known.done && isObject(said) && known.type === said["type"];
      if (isNews && !this.#isOver) this.#done(this.#itemAt(index), said);
    });
    if (this.#isOver) return;
    for (const item of this.#items.values()) this.#close(item);
    const usage = decodeUsage(response["usage"]);
    if (usage !== null) this.#events.push({ type: "usage", usage });
    const finish = decodeFinish(response, { calls: this.#calls, parts: this.#events.count, isExcerpt: this.#isExcerpt });
    if (finish instanceof GatewayError) this.#fail(finish);
    else this.#finish(finish);
  }

  /**
   * A stop sequence ends the answer here, as if the model had stopped: the API has no field for it. The gateway sees `reply-end`
   * and cancels the upstream, which would go on generating; so the usage of a streamed answer stays unknown.
   */
  #cut(stopSequence: string): void {
    for (const item of this.#items.values()) {
      item.contents.cut();
      this.#close(item);
    }
    this.#finish({ kind: "stop-sequence", raw: null, stopSequence, explanation: null });
  }

  // ---- Items ----

  #item(value: JsonObject): OpenItem {
    const index = value["output_index"];
    return this.#itemAt(typeof index === "number" ? index : this.#lastItem);
  }

  #itemAt(index: number): OpenItem {
    this.#start(undefined);
    this.#lastItem = index;
    let item = this.#items.get(index);
    if (item === undefined) {
      const contents = new Contents(this.#events, this.#stops);
      item = { type: "", done: false, contents, index: null, received: "", shown: null, paragraph: null };
      this.#items.set(index, item);
    }
    return item;
  }

  #added(value: JsonObject): void {
    const item = this.#item(value);
    const said = value["item"];
    if (!isObject(said) || item.done) return;
    item.type = stringOf(said["type"]);
    if (isCall(item.type)) this.#startCall(item, said);
  }

  /** The complete item: what was not streamed of it follows now. */
  #done(item: OpenItem, said: Json | undefined): void {
    if (item.done || !isObject(said)) return;
    item.type = stringOf(said["type"]);
    if (item.type === "message") {
      const contents = Array.isArray(said["content"]) ? said["content"] : [];
      contents.forEach((content, index) => this.#finishContent(item, index, content));
    } else if (isCall(item.type)) {
      this.#startCall(item, said);
      this.#rest(item, argumentsOf(said));
    } else if (item.type === "reasoning") {
      return this.#finishReasoning(item, said);
    } else {
      const part = { type: "opaque", protocol: "openai-responses", name: item.type, value: print(said), severity: "reported" } as const;
      this.#events.end(this.#events.open(item.type === WEB_SEARCH_CALL ? { ...part, search: decodeWebSearch(said) } : part));
    }
    this.#close(item);
  }

  /** Ends the open parts of an item. */
  #close(item: OpenItem): void {
    if (item.done || this.#isOver) return;
    item.contents.close();
    if (item.index !== null) this.#events.end(item.index);
    item.done = true;
  }

  #add(item: OpenItem, text: string): void {
    if (text === "" || item.index === null) return;
    item.received += text;
    this.#events.push({ type: "part-delta", index: item.index, text });
  }

  /** The rest of a text whose beginning was streamed; one that was streamed differently stays as it was. */
  #rest(item: OpenItem, full: string): void {
    if (full.startsWith(item.received)) this.#add(item, full.slice(item.received.length));
  }

  // ---- Messages ----

  #say(value: JsonObject, type: "text" | "refusal"): void {
    const item = this.#item(value);
    if (item.done) return;
    const said = { text: stringOf(value["delta"]), logprobs: decodeLogprobs(value["logprobs"]) };
    const sequence = item.contents.say({ index: indexOf(value["content_index"]), type }, said);
    if (sequence !== null) this.#cut(sequence);
  }

  #finishContent(item: OpenItem, index: number, said: Json | undefined): void {
    // Raw reasoning comes with its deltas and its item.
    if (this.#isOver || item.done || !isObject(said) || said["type"] === "reasoning_text") return;
    const sequence = item.contents.finish(index, said);
    if (sequence !== null) this.#cut(sequence);
  }

  // ---- Calls ----

  #startCall(item: OpenItem, said: JsonObject): void {
    const name = stringOf(said["name"]);
    if (item.index !== null || name === "") return;
    this.#calls++;
    const namespace = stringOf(said["namespace"]);
    item.index = this.#events.open({
      type: "tool-call",
      callId: stringOf(said["call_id"]) || stringOf(said["id"]),
      name: namespace === "" ? this.#names.original(name) : canonicalName(name, namespace),
      kind: said["type"] === "custom_tool_call" ? "custom" : "function",
      arguments: "",
      cache: null,
      proof: null,
    });
    // Arguments that came before the name.
    const early = item.received;
    item.received = "";
    this.#add(item, early);
    this.#rest(item, argumentsOf(said));
  }

  #call(item: OpenItem, text: string): void {
    if (item.done) return;
    if (item.index === null) item.received += text;
    else this.#add(item, text);
  }

  // ---- Reasoning ----

  /** Raw text and summary describe the same reasoning; only the one that comes first is shown. */
  #reason(value: JsonObject, kind: "summary" | "raw"): void {
    const item = this.#item(value);
    const delta = stringOf(value["delta"]);
    if (item.done || delta === "" || (item.shown !== null && item.shown !== kind)) return;
    const paragraph = indexOf(value[kind === "summary" ? "summary_index" : "content_index"]);
    const isNext = item.shown !== null && item.paragraph !== paragraph;
    item.shown = kind;
    item.paragraph = paragraph;
    item.index ??= this.#events.open({ type: "reasoning", text: "", redacted: false, proof: null });
    this.#add(item, isNext ? PARAGRAPH + delta : delta);
  }

  #finishReasoning(item: OpenItem, said: JsonObject): void {
    const decoded = decodeReasoningItem(said);
    item.done = true;
    // The proof of another part, which has been emitted without it.
    if (decoded?.type === "previous") return;
    const part = decoded?.part ?? null;
    if (item.index === null) {
      if (part === null) return;
      item.index = this.#events.open({ ...part, text: "", proof: null });
    }
    this.#rest(item, part?.text ?? "");
    this.#events.push({ type: "part-end", index: item.index, proof: part?.proof ?? null });
  }
}

/** Until the parts are counted, an answer counts as not empty. */
const UNCOUNTED = { calls: 0, parts: 0, isExcerpt: true } as const;

/** The response of a terminal event, with the status from its name where that is worse or the only one. */
function standing(said: Json | undefined, status: string): JsonObject {
  const response = isObject(said) ? said : {};
  return status === "completed" && typeof response["status"] === "string" ? response : { ...response, status };
}

const ITEM_DONE = "response.output_item.done";

/** Complete items are parsed losslessly, since hosted ones are passed on as they are; the many small events are parsed fast. */
function parseEvent(name: string | null, data: string): Json | undefined {
  try {
    if (name === ITEM_DONE) return parse(data);
    const value: Json = JSON.parse(data);
    return isObject(value) && value["type"] === ITEM_DONE ? parse(data) : value;
  } catch {
    return undefined;
  }
}

/** Factory was seen to answer like this on this endpoint. Its meaning is not known, so it is not taken for an answer. */
function chatShape(): GatewayError {
  return new GatewayError(
    "upstream-failed",
    "The upstream answered a Responses request in the shape of Chat Completions. Route this model to the chat endpoint in the model table.",
    { code: "unexpected_answer" },
  );
}

function isCall(type: string): boolean {
  return type === "function_call" || type === "custom_tool_call";
}

/** A function's arguments or a custom tool's input. */
function argumentsOf(call: JsonObject): string {
  return stringOf(call[call["type"] === "custom_tool_call" ? "input" : "arguments"]);
}

function stringOf(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

function indexOf(value: Json | undefined): number {
  return typeof value === "number" ? value : 0;
}
