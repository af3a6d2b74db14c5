// A canonical answer for a client: the API's events in the sequence drawn in `reply-decode.ts`, or the response that they build up.
// Takes one part at a time. Never holds back text; only the end of an item waits for the next part, since adjacent texts share a message.

import { isObject, parse, print, type Json, type JsonObject } from "../../wire/json.ts";
import { run } from "../../wire/machine.ts";
import type { SseEvent } from "../../wire/sse.ts";
import type { GatewayError } from "../../errors.ts";
import type { Annotation, FinishReason, Logprob, Part, Proof, Reply, ReplyEvent, ToolCallPart, Usage, WebSearch } from "../canonical.ts";
import type { Exchange, StreamEncoder } from "../codec.ts";
import { withoutConversation } from "../exchange.ts";
import { unfold } from "../fold.ts";
import { fitName, type NameRule } from "../tool-names.ts";
import { encodeAnnotation } from "./annotations.ts";
import { Callables } from "../tool-list.ts";
import { encodeClientCall, hasOwnForm } from "./client-tools.ts";
import { errorEvent, failureOf } from "./errors.ts";
import { encodeFinish } from "./finish.ts";
import { encodeLogprob } from "./logprobs.ts";
import { CALL_ID_RULE, clientName } from "./namespaces.ts";
import { encodeReasoningItem } from "./reasoning.ts";
import { bareId, ResponseObject, type Standing } from "./response-object.ts";
import { sealPrevious } from "./seals.ts";
import { encodeUsage } from "./usage.ts";
import { encodeWebSearch } from "./web-search.ts";
import type * as wire from "./wire.ts";

export function encodeReply(reply: Reply, exchange: Exchange): string {
  const encoder = new ReplyEncoder(exchange);
  run(encoder, unfold(reply));
  return print(encoder.response);
}

export function replyEncoder(exchange: Exchange): StreamEncoder {
  return new ReplyEncoder(exchange);
}

/** Item ids have at most 64 characters, including prefix and number. */
const BASE_RULE: NameRule = { unfit: /[^a-zA-Z0-9_-]/, maxLength: 48 };

interface OpenContent {
  readonly type: "content";
  readonly content: wire.OutputContent;
  readonly index: number;
  readonly held: Annotation[];
  text: string;
  /** For the tokens of the text so far, and how many of them its deltas have contained. */
  readonly logprobs: wire.Logprob[];
  sent: number;
}

/** The open part, and what has been emitted of it. */
type OpenPart =
  | OpenContent
  | { readonly type: "reasoning"; readonly redacted: boolean; text: string }
  | { readonly type: "call"; readonly call: wire.FunctionCall | wire.CustomToolCall; text: string }
  /** A call whose item has a form of its own: it is only known once it is complete. */
  | { readonly type: "own-call"; readonly part: ToolCallPart; text: string }
  /** A part that this protocol has no place for. */
  | { readonly type: "ignored" };

interface OpenItem {
  readonly item: wire.Message | wire.Reasoning | wire.FunctionCall | wire.CustomToolCall;
  readonly id: string;
  readonly index: number;
}

class ReplyEncoder implements StreamEncoder {
  /** The response in the last event; null before the end. */
  response: JsonObject | null = null;
  readonly #exchange: Exchange;
  readonly #tools: Callables;
  readonly #output: Json[] = [];
  readonly #callIds = new Set<string>();
  #object: ResponseObject | null = null;
  #base = "";
  #sequence = 0;
  #item: OpenItem | null = null;
  #part: OpenPart | null = null;
  #hasRefusal = false;
  #usage: Usage | null = null;
  #out: SseEvent[] = [];

  constructor(exchange: Exchange) {
    this.#exchange = withoutConversation(exchange);
    this.#tools = new Callables(exchange.request.tools);
  }

  step(event: ReplyEvent): SseEvent[] {
    this.#out = [];
    switch (event.type) {
      case "reply-start":
        this.#start(event.id, event.model);
        break;
      case "part-start":
        this.#startPart(event.part);
        break;
      case "part-delta":
        this.#delta(event.text);
        break;
      case "logprobs":
        this.#weigh(event.logprobs);
        break;
      case "annotation":
        this.#annotate(event.annotation);
        break;
      case "part-end":
        this.#endPart(event.proof);
        break;
      case "usage":
        this.#usage = event.usage;
        break;
      case "reply-end":
        this.#end(event.finish);
        break;
      case "reply-error":
        this.#fail(event.error);
    }
    return this.#out;
  }

  printed(event: ReplyEvent): string | null {
    const part = this.#part;
    const isText = event.type === "part-delta" && part?.type === "content" && part.content.type === "output_text";
    if (!isText || part.sent < part.logprobs.length) return null;
    part.text += event.text;
    const { item_id, output_index } = this.#place();
    const place = `"item_id":${JSON.stringify(item_id)},"output_index":${output_index},"content_index":${part.index}`;
    const members = `"sequence_number":${this.#sequence++},${place},"delta":${JSON.stringify(event.text)},"logprobs":[]`;
    return `event: response.output_text.delta\ndata: {"type":"response.output_text.delta",${members}}\n\n`;
  }

  end(): SseEvent[] {
    return [];
  }

  #emit(type: string, members: JsonObject): void {
    this.#out.push({ event: type, data: print({ type, sequence_number: this.#sequence++, ...members }) });
  }

  /** Most events are of these kinds; they hold nothing that has to stay verbatim. */
  #emitDelta(type: string, members: JsonObject): void {
    this.#out.push({ event: type, data: JSON.stringify({ type, sequence_number: this.#sequence++, ...members }) });
  }

  // ---- The response ----

  #start(id: string, model: string): void {
    this.#object = new ResponseObject(this.#exchange, { id, model });
    this.#base = fitName(bareId(id, this.#exchange), BASE_RULE);
    for (const type of ["response.created", "response.in_progress"]) this.#say(type, { status: "in_progress", output: [], usage: null });
  }

  #say(type: string, standing: Standing): void {
    this.response = this.#object?.standing(standing) ?? null;
    this.#emit(type, { response: this.response });
  }

  #end(finish: FinishReason): void {
    const { status, ...why } = encodeFinish(finish);
    this.#closeItem(status === "completed" ? "completed" : "incomplete");
    // The reason for filtering becomes a refusal, unless the model gave one itself.
    if (finish.kind === "filtered" && finish.explanation !== null && !this.#hasRefusal) this.#refuse(finish.explanation);
    this.#say(`response.${status}`, { status, ...why, output: this.#output, usage: encodeUsage(this.#usage) });
  }

  #refuse(explanation: string): void {
    this.#startPart({ type: "refusal", text: "" });
    this.#delta(explanation);
    this.#endPart(null);
    this.#closeItem("incomplete");
  }

  /** Two events report one error: the one that clients throw on, and the one that ends the response. */
  #fail(error: GatewayError): void {
    if (this.#object === null) this.#start("", "");
    this.#out.push(errorEvent(error, this.#sequence++));
    const usage = this.#usage === null ? null : encodeUsage(this.#usage);
    this.#say("response.failed", { status: "failed", error: failureOf(error), output: this.#output, usage });
  }

  // ---- Items ----

  /** The item in its first form, with its permanent id. */
  #openItem<Item extends OpenItem["item"]>(first: Item, prefix: string): Item {
    const index = this.#output.length;
    const id = `${prefix}_${this.#base}_${index}`;
    const item = { id, ...first };
    this.#item = { item, id, index };
    this.#emit("response.output_item.added", { output_index: index, item });
    return item;
  }

  #closeItem(status: wire.Status): void {
    const open = this.#item;
    if (open === null) return;
    this.#item = null;
    const { item } = open;
    this.#finishItem(open.index, item.type === "reasoning" ? item : { ...item, status });
  }

  #finishItem(index: number, item: Json): void {
    this.#output[index] = item;
    this.#emit("response.output_item.done", { output_index: index, item });
  }

  /** An item that is complete at once. */
  #completeItem(item: Json): void {
    this.#closeItem("completed");
    const index = this.#output.length;
    this.#emit("response.output_item.added", { output_index: index, item });
    this.#finishItem(index, item);
  }

  // ---- Parts ----

  #startPart(part: Part): void {
    switch (part.type) {
      case "text":
      case "refusal": {
        this.#hasRefusal ||= part.type === "refusal";
        const logprobs: wire.Logprob[] = [];
        const content: wire.OutputContent =
          part.type === "text" ? { type: "output_text", text: "", annotations: [], logprobs } : { type: "refusal", refusal: "" };
        const message = this.#message();
        const index = message.content.length;
        message.content.push(content);
        this.#part = { type: "content", content, index, held: [], text: "", logprobs, sent: 0 };
        this.#emit("response.content_part.added", { ...this.#place(), content_index: index, part: content });
        return;
      }
      case "reasoning":
        this.#closeItem("completed");
        this.#openItem<wire.Reasoning>({ type: "reasoning", summary: [] }, "rs");
        this.#part = { type: "reasoning", redacted: part.redacted, text: "" };
        return;
      case "tool-call": {
        this.#closeItem("completed");
        if (part.kind === "function" && hasOwnForm(part.name, this.#tools)) {
          this.#part = { type: "own-call", part, text: "" };
          return;
        }
        this.#startCall(part);
        return;
      }
      case "opaque": {
        this.#part = { type: "ignored" };
        const item = part.protocol === "openai-responses" ? parse(part.value) : null;
        if (isObject(item)) this.#completeItem(item);
        else if (part.search !== undefined) this.#webSearch(part.search);
        return;
      }
      case "image":
        this.#part = { type: "ignored" };
        if (part.source.type === "base64") this.#image(part.source.data);
        return;
      default:
        this.#part = { type: "ignored" };
    }
  }

  #startCall(part: ToolCallPart): void {
    const name = clientName(part.name, this.#tools);
    const common = { status: "in_progress" as const, call_id: this.#callId(part.callId), ...name };
    const call =
      part.kind === "custom"
        ? this.#openItem<wire.CustomToolCall>({ type: "custom_tool_call", ...common, input: "" }, "ctc")
        : this.#openItem<wire.FunctionCall>({ type: "function_call", ...common, arguments: "" }, "fc");
    this.#part = { type: "call", call, text: "" };
  }

  /** A call in its tool's own form. If the arguments do not fit it, a function call shows what the model wrote. */
  #endOwnCall({ part, text }: { readonly part: ToolCallPart; text: string }): void {
    const encoded = encodeClientCall(part.name, text);
    if (encoded === null) {
      this.#startCall(part);
      if (text !== "") this.#delta(text);
      return this.#endPart(null);
    }
    const id = `${encoded.idPrefix}_${this.#base}_${this.#output.length}`;
    this.#completeItem({ id, call_id: this.#callId(part.callId), status: "completed", ...encoded.members });
  }

  /** A model's own image, as this API's image tool would have returned it. */
  #image(result: string): void {
    this.#closeItem("completed");
    const image: wire.ImageCall = {
      id: `ig_${this.#base}_${this.#output.length}`,
      type: "image_generation_call",
      status: "completed",
      result,
    };
    this.#completeItem(image);
  }

  /** Another provider's web search, as this API's search tool would have reported it. */
  #webSearch(search: WebSearch): void {
    this.#closeItem("completed");
    const index = this.#output.length;
    const item = encodeWebSearch(`ws_${this.#base}_${index}`, search);
    this.#emit("response.output_item.added", { output_index: index, item: { ...item, status: "in_progress" } });
    for (const step of ["in_progress", "searching", "completed"]) {
      this.#emit(`response.web_search_call.${step}`, { output_index: index, item_id: item["id"] ?? "" });
    }
    this.#finishItem(index, item);
  }

  /** The message that adjacent texts share. */
  #message(): wire.Message {
    if (this.#item?.item.type === "message") return this.#item.item;
    this.#closeItem("completed");
    return this.#openItem<wire.Message>({ type: "message", status: "in_progress", role: "assistant", content: [] }, "msg");
  }

  #callId(callId: string): string {
    // It comes back in the next request, which may go to OpenAI itself.
    const base = callId === "" ? `call_${this.#base}` : fitName(callId, CALL_ID_RULE);
    const unique = callId === "" || this.#callIds.has(base) ? fitName(`${base}_${this.#output.length}`, CALL_ID_RULE) : base;
    this.#callIds.add(unique);
    return unique;
  }

  #place(): { item_id: string; output_index: number } {
    return { item_id: this.#item?.id ?? "", output_index: this.#item?.index ?? 0 };
  }

  #delta(text: string): void {
    const part = this.#part;
    if (part === null || part.type === "ignored") return;
    const place = this.#place();
    switch (part.type) {
      case "content":
        if (part.content.type === "output_text") {
          const logprobs = part.logprobs.slice(part.sent);
          part.sent += logprobs.length;
          this.#emitDelta("response.output_text.delta", { ...place, content_index: part.index, delta: text, logprobs });
        } else {
          this.#emitDelta("response.refusal.delta", { ...place, content_index: part.index, delta: text });
        }
        break;
      case "reasoning":
        if (part.text === "") this.#emit("response.reasoning_summary_part.added", { ...place, summary_index: 0, part: EMPTY_SUMMARY });
        this.#emitDelta("response.reasoning_summary_text.delta", { ...place, summary_index: 0, delta: text });
        break;
      case "call":
        this.#emitDelta(`response.${eventOf(part.call)}.delta`, { ...place, delta: text });
        break;
      case "own-call":
    }
    part.text += text;
  }

  #weigh(logprobs: readonly Logprob[]): void {
    if (this.#part?.type !== "content") return;
    for (const logprob of logprobs) this.#part.logprobs.push(encodeLogprob(logprob));
  }

  /** A citation without a position stands for the whole text, whose length is known at its end. */
  #annotate(annotation: Annotation): void {
    const part = this.#part;
    if (part?.type !== "content") return;
    if (annotation.end === null) part.held.push(annotation);
    else this.#cite(part, annotation);
  }

  #cite({ content, index, text }: OpenContent, annotation: Annotation): void {
    if (content.type !== "output_text") return;
    const citation = encodeAnnotation(annotation, text.length);
    const at = { content_index: index, annotation_index: content.annotations.length };
    this.#emit("response.output_text.annotation.added", { ...this.#place(), ...at, annotation: citation });
    content.annotations.push(citation);
  }

  #endPart(proof: Proof | null): void {
    const part = this.#part;
    if (part === null || part.type === "ignored") return;
    const place = this.#place();
    switch (part.type) {
      case "content": {
        const at = { ...place, content_index: part.index };
        for (const annotation of part.held) this.#cite(part, annotation);
        if (part.content.type === "output_text") {
          part.content.text = part.text;
          this.#emit("response.output_text.done", { ...at, text: part.text, logprobs: part.logprobs });
        } else {
          part.content.refusal = part.text;
          this.#emit("response.refusal.done", { ...at, refusal: part.text });
        }
        this.#emit("response.content_part.done", { ...at, part: part.content });
        break;
      }
      case "reasoning":
        return this.#endReasoning(part, proof);
      case "call":
        this.#endCall(part);
        break;
      case "own-call":
        this.#endOwnCall(part);
    }
    // This protocol has proofs only for reasoning; any other proof follows in a reasoning item of its own.
    if (proof !== null) this.#completeReasoning({ type: "reasoning", summary: [], encrypted_content: sealPrevious(proof) });
  }

  #endReasoning({ text, redacted }: { text: string; redacted: boolean }, proof: Proof | null): void {
    const place = { ...this.#place(), summary_index: 0 };
    if (text !== "") {
      this.#emit("response.reasoning_summary_text.done", { ...place, text });
      this.#emit("response.reasoning_summary_part.done", { ...place, part: { type: "summary_text", text } });
    }
    if (this.#item !== null) Object.assign(this.#item.item, encodeReasoningItem({ text, redacted, proof }));
    this.#closeItem("completed");
  }

  #completeReasoning(item: wire.Reasoning): void {
    this.#closeItem("completed");
    this.#completeItem({ id: `rs_${this.#base}_${this.#output.length}`, ...item });
  }

  #endCall(part: { readonly call: wire.FunctionCall | wire.CustomToolCall; text: string }): void {
    const { call } = part;
    // A call without arguments gets an empty object, which every client can parse.
    if (call.type === "function_call" && part.text === "") this.#delta("{}");
    if (call.type === "custom_tool_call") {
      call.input = part.text;
      this.#emit("response.custom_tool_call_input.done", { ...this.#place(), input: part.text });
    } else {
      this.#emit("response.function_call_arguments.done", { ...this.#place(), name: call.name, arguments: part.text });
      call.arguments = part.text;
    }
  }
}

const EMPTY_SUMMARY: wire.Summary = { type: "summary_text", text: "" };

function eventOf(call: wire.FunctionCall | wire.CustomToolCall): string {
  return call.type === "custom_tool_call" ? "custom_tool_call_input" : "function_call_arguments";
}
