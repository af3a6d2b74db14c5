// An upstream's answer as canonical parts, non-streaming and streaming. A streamed answer is, in order
// (https://platform.claude.com/docs/en/build-with-claude/streaming, read 2026-11):
//
//   message_start ( content_block_start(i) content_block_delta(i)* content_block_stop(i) )* message_delta+ message_stop
//
// one block at a time, i = 0, 1, 2 ...; `ping` anywhere; `error` in the place of any further event.
// Deltas: text_delta, citations_delta | thinking_delta, then one signature_delta | input_json_delta.
//
// Unusual streams are accepted: unknown events, a missing start or stop, padding. A stream that stops before `message_stop`, or whose last
// tool call is open and incomplete, ends in `reply-error`. Never interprets an id, a proof or an argument.

import { GatewayError } from "../../errors.ts";
import { glance, isObject, parseOrUndefined, print, type Json, type JsonObject } from "../../wire/json.ts";
import type { Machine } from "../../wire/machine.ts";
import type { SseEvent } from "../../wire/sse.ts";
import type { Annotation, Part, Proof, Reply, ReplyEvent, Usage } from "../canonical.ts";
import type { Ending, Exchange } from "../codec.ts";
import { factoryError } from "../factory-error.ts";
import { fold, notJson, truncated } from "../fold.ts";
import { NameTable } from "../tool-names.ts";
import { textOf } from "./accumulator.ts";
import { decodeArguments, FreeText } from "./arguments.ts";
import { decodeErrorObject } from "./errors.ts";
import { decodeFinish } from "./finish.ts";
import { compact, textPart } from "./parts-decode.ts";
import { proofOf } from "./seals.ts";
import { decodeUsage } from "./usage.ts";
import { decodeWebSearch, queryOf, SEARCH_RESULT, SERVER_TOOL } from "./web-search.ts";
import { ID, NAME_RULE } from "./wire.ts";

const VERBATIM: ReadonlySet<string> = new Set(["input"]);

export function decodeReply(body: string, exchange: Exchange): Reply {
  const message = messageIn(parseOrUndefined(body, { verbatim: VERBATIM }), body);
  return fold(new ReplyDecoder(exchange).message(message, message.content));
}

export function decodeEnding(body: string): Ending {
  const message = messageIn(glance(body), body);
  let parts = 0;
  let calls = 0;
  for (const block of message.content) {
    if (!isObject(block) || block["type"] === undefined) continue;
    parts++;
    if (block["type"] !== "tool_use") continue;
    if (textOf(block["name"]) === "") throw namelessCall();
    calls++;
  }
  const finish = decodeFinish(message, { calls, parts, isExcerpt: false });
  if (finish instanceof GatewayError) throw finish;
  return { usage: decodeUsage(message["usage"], null), finish };
}

interface Message extends JsonObject {
  content: Json[];
}

function messageIn(value: unknown, body: string): Message {
  if (value === undefined) throw notJson("an answer", body);
  if (!isMessage(value)) throw notAMessage(value);
  return value;
}

function isMessage(value: unknown): value is Message {
  return isObject(value) && !isObject(value["error"]) && Array.isArray(value["content"]);
}

function notAMessage(message: unknown): GatewayError {
  if (isObject(message) && message["error"] !== undefined && message["error"] !== null) return decodeErrorObject(message);
  return new GatewayError("upstream-failed", "The upstream answered with something that is not a message.", { cause: message });
}

function namelessCall(): GatewayError {
  return new GatewayError("upstream-failed", "The upstream called a tool without naming it.");
}

export function replyDecoder(exchange: Exchange): Machine<SseEvent, ReplyEvent> {
  return new ReplyDecoder(exchange);
}

/** An open content block. */
type OpenBlock =
  /** Text and thoughts. */
  | { readonly type: "spoken"; readonly index: number; proof: Proof | null }
  /** A call. `input`: the value in its start, for a call without deltas. */
  | { readonly type: "call"; readonly index: number; readonly input: string; readonly freeText: FreeText | null; written: string }
  /** Held until it is complete, because it is one piece in canonical form. */
  | { readonly type: "opaque"; readonly block: JsonObject; written: string };

class ReplyDecoder implements Machine<SseEvent, ReplyEvent> {
  readonly #model: string;
  readonly #isExcerpt: boolean;
  /** The names of the request's tools on the wire, and back. */
  readonly #names: NameTable;
  readonly #customTools: ReadonlySet<string>;
  readonly #open = new Map<number, OpenBlock>();
  #out: ReplyEvent[] = [];
  #started = false;
  #over = false;
  #id = "";
  #parts = 0;
  #lastBlock = 0;
  #usage: Usage | null = null;
  /** What the answer said about its end. */
  #stop: JsonObject = {};
  #calls = 0;
  /** Queries of the server's tools, by the ids of their calls. */
  readonly #queries = new Map<string, string>();

  constructor({ request: { model, tools }, isExcerpt = false }: Exchange) {
    const named = tools.filter((tool) => tool.type === "function" || tool.type === "custom");
    this.#model = model;
    this.#isExcerpt = isExcerpt;
    this.#names = new NameTable(
      named.map(({ name }) => name),
      NAME_RULE,
    );
    this.#customTools = new Set(named.filter(({ type }) => type === "custom").map(({ name }) => name));
  }

  /** The events of a non-streaming answer. */
  message(message: JsonObject, content: readonly Json[]): ReplyEvent[] {
    this.#messageStart(message);
    for (const block of content) this.#blockStart(0, block);
    this.#stop = message;
    this.#messageStop();
    return this.#out;
  }

  step(event: SseEvent): ReplyEvent[] {
    if (this.#over || event.event === "ping" || event.data === "" || event.data === "[DONE]") return [];
    this.#out = [];
    const data = readEvent(event);
    if (data === null) this.#fail(notJson("an event", event.data));
    else this.#take(data, textOf(data["type"]) || (event.event ?? ""));
    return this.#out;
  }

  end(): ReplyEvent[] {
    if (this.#over) return [];
    this.#over = true;
    return [{ type: "reply-error", error: truncated() }];
  }

  #take(data: JsonObject, type: string): void {
    switch (type) {
      case "message_start":
        return this.#messageStart(isObject(data["message"]) ? data["message"] : {});
      case "content_block_start":
        return this.#blockStart(this.#indexOf(data), data["content_block"]);
      case "content_block_delta":
        return this.#blockDelta(this.#indexOf(data), data["delta"]);
      case "content_block_stop":
        return this.#blockStop(this.#indexOf(data));
      case "message_delta":
        if (isObject(data["delta"])) this.#stop = { ...this.#stop, ...data["delta"] };
        return this.#count(data["usage"]);
      case "message_stop":
        // A stream that never said why it ended was cut off.
        return textOf(this.#stop["stop_reason"]) === "" ? this.#fail(truncated()) : this.#messageStop();
      case "error":
        return this.#fail(factoryError(data) ?? decodeErrorObject(data));
      default: {
        const own = factoryError(data);
        if (own !== null) this.#fail(own);
        else if (isObject(data["error"])) this.#fail(decodeErrorObject(data));
      }
    }
  }

  #messageStart(message: JsonObject): void {
    const id = textOf(message["id"]);
    if (this.#started) {
      // Some servers repeat the start; with another id it is another answer.
      if (id === this.#id) return;
      return this.#fail(new GatewayError("upstream-failed", "The upstream began a second answer in the middle of the first."));
    }
    this.#id = id;
    this.#start(textOf(message["model"]));
    this.#count(message["usage"]);
  }

  #start(model = ""): void {
    if (this.#started) return;
    this.#started = true;
    this.#out.push({ type: "reply-start", id: this.#id, model: model || this.#model });
  }

  #count(usage: Json | undefined): void {
    const counted = decodeUsage(usage, this.#usage);
    if (counted === null || !isObject(usage)) return;
    this.#usage = counted;
    this.#start();
    this.#out.push({ type: "usage", usage: counted });
  }

  #indexOf(data: JsonObject): number {
    const index = data["index"];
    return typeof index === "number" ? index : this.#lastBlock;
  }

  #blockStart(key: number, block: Json | undefined): void {
    if (!isObject(block)) return;
    this.#lastBlock = key;
    // Blocks come one after another: a new one with the same number ends the old one.
    this.#blockStop(key);
    switch (block["type"]) {
      case "text": {
        this.#speak(key, textPart(""), textOf(block["text"]));
        for (const citation of Array.isArray(block["citations"]) ? block["citations"] : []) this.#cite(key, citation);
        return;
      }
      case "thinking":
        this.#speak(key, thought(false), textOf(block["thinking"]));
        return this.#sign(key, textOf(block["signature"]));
      case "redacted_thinking":
        this.#speak(key, thought(true), "");
        return this.#sign(key, textOf(block["data"]));
      case "tool_use":
        return this.#call(key, block);
      case undefined:
        return;
      default:
        this.#open.set(key, { type: "opaque", block, written: "" });
    }
  }

  #speak(key: number, part: Part, text: string): void {
    const index = this.#startPart(part);
    this.#open.set(key, { type: "spoken", index, proof: null });
    this.#delta(index, text);
  }

  #call(key: number, block: JsonObject): void {
    const input = decodeArguments(block["input"]);
    const name = this.#names.original(textOf(block["name"]));
    // Such a call can't be answered.
    if (name === "") return this.#fail(namelessCall());
    this.#calls++;
    const isCustom = this.#customTools.has(name);
    const callId = textOf(block["id"]);
    const kind = isCustom ? "custom" : "function";
    const index = this.#startPart({ type: "tool-call", callId, name, kind, arguments: "", cache: null, proof: null });
    this.#open.set(key, { type: "call", index, input, freeText: isCustom ? new FreeText() : null, written: "" });
  }

  #blockDelta(key: number, delta: Json | undefined): void {
    if (!isObject(delta)) return;
    switch (delta["type"]) {
      case "text_delta":
        if (!this.#open.has(key)) this.#speak(key, textPart(""), "");
        return this.#say(key, textOf(delta["text"]));
      case "thinking_delta":
        if (!this.#open.has(key)) this.#speak(key, thought(false), "");
        return this.#say(key, textOf(delta["thinking"]));
      case "signature_delta":
        return this.#sign(key, textOf(delta["signature"]));
      case "citations_delta":
        return this.#cite(key, delta["citation"]);
      case "input_json_delta":
        return this.#write(key, textOf(delta["partial_json"]));
      default:
    }
  }

  #say(key: number, text: string): void {
    const open = this.#open.get(key);
    if (open?.type === "spoken") this.#delta(open.index, text);
  }

  #sign(key: number, signature: string): void {
    const open = this.#open.get(key);
    if (open?.type === "spoken" && signature !== "") open.proof = proofOf(signature);
  }

  #cite(key: number, citation: Json | undefined): void {
    const open = this.#open.get(key);
    if (open?.type !== "spoken") return;
    const annotation = decodeCitation(citation);
    if (annotation !== null) this.#out.push({ type: "annotation", index: open.index, annotation });
  }

  #write(key: number, piece: string): void {
    const open = this.#open.get(key);
    if (open === undefined || open.type === "spoken") return;
    open.written += piece;
    if (open.type === "call") this.#delta(open.index, open.freeText === null ? piece : open.freeText.add(piece));
  }

  #blockStop(key: number): void {
    const open = this.#open.get(key);
    if (open === undefined) return;
    this.#open.delete(key);
    switch (open.type) {
      case "spoken":
        this.#out.push({ type: "part-end", index: open.index, proof: open.proof });
        return;
      case "call": {
        const { index, freeText } = open;
        const rest = open.written === "" ? open.input : "";
        this.#delta(index, freeText === null ? rest : freeText.add(rest) + freeText.end());
        this.#out.push({ type: "part-end", index, proof: null });
        return;
      }
      case "opaque": {
        const input = parseOrUndefined(open.written);
        const index = this.#startPart(this.#opaque(input === undefined ? open.block : { ...open.block, input }));
        this.#out.push({ type: "part-end", index, proof: null });
      }
    }
  }

  /** A block that only this protocol understands, with the search that it reports. */
  #opaque(block: JsonObject): Part {
    const type = textOf(block["type"]);
    const part: Part = { type: "opaque", protocol: ID, name: type, value: compact(print(block)), severity: "reported" };
    if (type === SERVER_TOOL) this.#queries.set(textOf(block["id"]), queryOf(block));
    if (type !== SEARCH_RESULT) return part;
    return { ...part, search: decodeWebSearch(block, this.#queries.get(textOf(block["tool_use_id"])) ?? "") };
  }

  #messageStop(): void {
    this.#start();
    for (const [key, open] of this.#open) {
      const isCutOff = open.type === "call" && open.written !== "" && parseOrUndefined(open.written) === undefined;
      if (isCutOff) return this.#fail(truncated());
      this.#blockStop(key);
    }
    const finish = decodeFinish(this.#stop, { calls: this.#calls, parts: this.#parts, isExcerpt: this.#isExcerpt });
    if (finish instanceof GatewayError) return this.#fail(finish);
    this.#over = true;
    this.#out.push({ type: "reply-end", finish });
  }

  #fail(error: GatewayError): void {
    this.#over = true;
    this.#out.push({ type: "reply-error", error });
  }

  #startPart(part: Part): number {
    this.#start();
    const index = this.#parts++;
    this.#out.push({ type: "part-start", index, part });
    return index;
  }

  #delta(index: number, text: string): void {
    if (text !== "") this.#out.push({ type: "part-delta", index, text });
  }
}

/** Most events are deltas, which hold nothing verbatim; a block's start may. */
function readEvent({ event, data }: SseEvent): JsonObject | null {
  if (event === "content_block_start" || (event === null && data.includes('"content_block_start"'))) {
    const value = parseOrUndefined(data, { verbatim: VERBATIM });
    return isObject(value) ? value : null;
  }
  try {
    const value: unknown = JSON.parse(data);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function thought(redacted: boolean): Part {
  return { type: "reasoning", text: "", redacted, proof: null };
}

const WEB_ADDRESS = /^https?:/;

/** A citation of a page; null for citations of the client's documents, which have no address. */
function decodeCitation(citation: Json | undefined): Annotation | null {
  if (!isObject(citation)) return null;
  const url = textOf(citation["type"] === "search_result_location" ? citation["source"] : citation["url"]);
  if (!WEB_ADDRESS.test(url)) return null;
  const { title, cited_text: quote } = citation;
  return {
    type: "url-citation",
    url,
    title: typeof title === "string" ? title : null,
    start: null,
    end: null,
    quote: typeof quote === "string" ? quote : null,
  };
}
