// Room: anthropic-messages/decoder (row 2).
// In:  the events of a streamed answer; see reply.ts for their order.
// Out: canonical events, each as soon as it can be told.
// Lenient with what is only odd: unknown events, a missing start or stop, padding. A stream that stops before `message_stop`, or
// whose last tool call is left open and incomplete, ends in `reply-error`.
// Never does: throw.

import { GatewayError } from "../../errors.ts";
import { isObject, parseOrUndefined, type Json, type JsonObject } from "../../wire/json.ts";
import type { Machine } from "../../wire/machine.ts";
import type { SseEvent } from "../../wire/sse.ts";
import type { Part, Proof, ReplyEvent, Usage } from "../canonical.ts";
import type { Exchange } from "../codec.ts";
import { notJson, truncated } from "../fold.ts";
import { decodeObject } from "./errors.ts";
import { FreeText } from "./arguments.ts";
import { proofOf } from "./proofs.ts";
import { decodeCitation, inputOf, opaque, textOf, Toolbox, unnamedCall } from "./reply.ts";
import { decodeFinish, decodeUsage } from "./usage.ts";

export function replyDecoder(exchange: Exchange): Machine<SseEvent, ReplyEvent> {
  return new ReplyDecoder(exchange);
}

/** A content block whose end has not come. */
type OpenBlock =
  /** Text and thoughts. */
  | { readonly type: "spoken"; readonly index: number; proof: Proof | null }
  /** A call. `input`: what the start said, for a call without deltas. */
  | { readonly type: "call"; readonly index: number; readonly input: string; readonly freeText: FreeText | null; written: string }
  /** Held until it is complete, because the canonical form has it in one piece. */
  | { readonly type: "opaque"; readonly block: JsonObject; written: string };

class ReplyDecoder implements Machine<SseEvent, ReplyEvent> {
  readonly #model: string;
  readonly #toolbox: Toolbox;
  readonly #open = new Map<number, OpenBlock>();
  #out: ReplyEvent[] = [];
  #started = false;
  #over = false;
  #id = "";
  #parts = 0;
  #lastBlock = 0;
  #usage: Usage | null = null;
  /** What `message_delta` said of the end. */
  #stop: JsonObject = {};
  #calledTools = false;

  constructor(exchange: Exchange) {
    this.#model = exchange.request.model;
    this.#toolbox = new Toolbox(exchange.request);
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
        return this.#messageStart(data["message"]);
      case "content_block_start":
        return this.#blockStart(data);
      case "content_block_delta":
        return this.#blockDelta(data);
      case "content_block_stop":
        return this.#blockStop(this.#indexOf(data));
      case "message_delta":
        if (isObject(data["delta"])) this.#stop = { ...this.#stop, ...data["delta"] };
        return this.#count(data["usage"]);
      case "message_stop":
        return this.#messageStop();
      case "error":
        return this.#fail(decodeObject(data));
      default:
        if (isObject(data["error"])) this.#fail(decodeObject(data));
    }
  }

  #messageStart(message: Json | undefined): void {
    const head = isObject(message) ? message : {};
    const id = textOf(head["id"]);
    if (this.#started) {
      // Some servers repeat the start; another id is another answer.
      if (id === this.#id) return;
      return this.#fail(new GatewayError("upstream-failed", "The upstream began a second answer in the middle of the first."));
    }
    this.#id = id;
    this.#start(textOf(head["model"]));
    this.#count(head["usage"]);
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

  #blockStart(data: JsonObject): void {
    const block = data["content_block"];
    if (!isObject(block)) return;
    const key = this.#indexOf(data);
    this.#lastBlock = key;
    // Blocks come one after another: a new one under the same number ends the old one.
    this.#blockStop(key);
    switch (block["type"]) {
      case "text": {
        this.#speak(key, textPart(), textOf(block["text"]));
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
    const input = inputOf(block);
    const name = this.#toolbox.nameOf(textOf(block["name"]));
    if (name === "") return this.#fail(unnamedCall());
    this.#calledTools = true;
    const isCustom = this.#toolbox.isCustom(name);
    const callId = textOf(block["id"]);
    const kind = isCustom ? "custom" : "function";
    const index = this.#startPart({ type: "tool-call", callId, name, kind, arguments: "", cache: null, proof: null });
    this.#open.set(key, { type: "call", index, input, freeText: isCustom ? new FreeText() : null, written: "" });
  }

  #blockDelta(data: JsonObject): void {
    const delta = data["delta"];
    if (!isObject(delta)) return;
    const key = this.#indexOf(data);
    switch (delta["type"]) {
      case "text_delta":
        if (!this.#open.has(key)) this.#speak(key, textPart(), "");
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
    for (const annotation of decodeCitation(citation)) this.#out.push({ type: "annotation", index: open.index, annotation });
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
        const index = this.#startPart(opaque(input === undefined ? open.block : { ...open.block, input }));
        this.#out.push({ type: "part-end", index, proof: null });
      }
    }
  }

  #messageStop(): void {
    this.#start();
    for (const [key, open] of this.#open) {
      const isCutOff = open.type === "call" && open.written !== "" && parseOrUndefined(open.written) === undefined;
      if (isCutOff) return this.#fail(truncated());
      this.#blockStop(key);
    }
    this.#over = true;
    this.#out.push({ type: "reply-end", finish: decodeFinish(this.#stop, this.#calledTools) });
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

const VERBATIM: ReadonlySet<string> = new Set(["input"]);

/** Most events are deltas, which hold nothing to be kept as written; a block's start may. */
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

function textPart(): Part {
  return { type: "text", text: "", annotations: [], cache: null, proof: null };
}

function thought(redacted: boolean): Part {
  return { type: "reasoning", text: "", redacted, proof: null };
}
