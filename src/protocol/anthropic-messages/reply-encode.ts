// A canonical answer for a client, non-streaming and streaming; see reply-decode.ts for the order of events. A stream satisfies the official
// accumulator: every event named, one open block, dense indices, one signature, usage at both ends.
// Never ends a broken answer with `message_stop`.

import { JsonText, print, type Json } from "../../wire/json.ts";
import type { SseEvent } from "../../wire/sse.ts";
import type { Annotation, Part, Proof, Reply, ReplyEvent, Usage, WebSearch } from "../canonical.ts";
import type { Exchange, StreamEncoder } from "../codec.ts";
import { unfold } from "../fold.ts";
import { fitName } from "../tool-names.ts";
import { grow, type Inputs } from "./accumulator.ts";
import { encodeArguments } from "./arguments.ts";
import { encodeErrorObject } from "./errors.ts";
import { encodeFinish } from "./finish.ts";
import { isBlank } from "./parts-encode.ts";
import { carrierOf, FOREIGN_INDEX, signatureOf } from "./seals.ts";
import { encodeUsage, estimateInput, estimateText } from "./usage.ts";
import { encodeSearchCall, encodeSearchResult } from "./web-search.ts";
import { ID, NAME_RULE, ORIGIN } from "./wire.ts";
import type * as wire from "./wire.ts";

/** The message that the events of its stream build up. */
export function encodeReply(reply: Reply, exchange: Exchange): string {
  let message = {};
  let block: wire.Block | null = null;
  const content: Json[] = [];
  const inputs: Inputs = new Map();
  const encoder = new ReplyEncoder(exchange, (event) => {
    if (event.type === "message_start") message = event.message;
    else if (event.type === "content_block_start") content.push((block = event.content_block));
    else if (event.type === "content_block_delta" && block !== null && !(block instanceof JsonText)) grow(block, event.delta, inputs);
    else if (event.type === "message_delta") message = { ...message, content, ...event.delta, usage: event.usage };
  });
  for (const event of unfold(reply)) encoder.take(event);
  for (const [call, input] of inputs) call["input"] = new JsonText(encodeArguments(input, "function").input);
  return print(message);
}

export function replyEncoder(exchange: Exchange): StreamEncoder {
  let out: SseEvent[] = [];
  const encoder = new ReplyEncoder(exchange, (event) => {
    // Most events are deltas, which hold nothing verbatim.
    const isPlain = event.type === "content_block_delta" || event.type === "error";
    out.push({ event: event.type, data: isPlain ? JSON.stringify(event) : print(event) });
  });
  return {
    step(event) {
      out = [];
      encoder.take(event);
      return out;
    },
    printed: (event) => (event.type === "part-delta" ? encoder.printed(event.text) : null),
    end: () => [],
  };
}

const OTHER_PREFIX = /^(?:chatcmpl-|resp_|msg_)/;
const NO_INPUT = new JsonText("{}");

class ReplyEncoder {
  readonly #id: string;
  readonly #model: string;
  readonly #emit: (event: wire.StreamEvent) => void;
  readonly #estimatedInput: number;
  #over = false;
  /** The open part; null between parts. */
  #part: Part | null = null;
  /** Whether its block has been started: an empty one would be refused when the client sends it back. */
  #isOpen = false;
  /** Leading white space of a text: a block with nothing else would be refused too. */
  #blank = "";
  /** Citations that came before any text. */
  #held: Annotation[] = [];
  #index = 0;
  #usage: Usage | null = null;
  /** The length of all text, thoughts and arguments so far, in UTF-16 units. */
  #length = 0;
  #hasCalls = false;
  #hasRefusal = false;
  /** How many web searches the answer has reported. */
  #searches = 0;

  /** Keeps only the model of the request: the turns may be megabytes, and an answer takes minutes. */
  constructor({ id, request }: Exchange, emit: (event: wire.StreamEvent) => void) {
    this.#id = id;
    this.#model = request.model;
    this.#emit = emit;
    this.#estimatedInput = estimateInput(request);
  }

  take(event: ReplyEvent): void {
    if (this.#over) return;
    switch (event.type) {
      case "reply-start":
        return this.#messageStart(event.id, event.model);
      case "part-start":
        return this.#partStart(event.part);
      case "part-delta":
        this.#length += event.text.length;
        return this.#delta(event.text);
      case "annotation":
        if (this.#isOpen) this.#cite(event.annotation);
        else this.#held.push(event.annotation);
        return;
      case "logprobs":
        // This protocol has no place for them, and a client that asked for them was refused.
        return;
      case "part-end":
        return this.#partEnd(event.proof);
      case "usage":
        this.#usage = event.usage;
        return;
      case "reply-end": {
        this.#over = true;
        const delta = encodeFinish(event.finish, { hasCalls: this.#hasCalls, hasRefusal: this.#hasRefusal });
        this.#emit({ type: "message_delta", delta, usage: this.#counted() });
        this.#emit({ type: "message_stop" });
        return;
      }
      case "reply-error":
        this.#over = true;
        this.#emit(encodeErrorObject(event.error));
    }
  }

  /** The event of a text delta as text; null: it is not one. */
  printed(text: string): string | null {
    if (this.#over || !this.#isOpen || this.#part?.type !== "text") return null;
    this.#length += text.length;
    const delta = `{"type":"text_delta","text":${JSON.stringify(text)}}`;
    return `event: content_block_delta\ndata: {"type":"content_block_delta","index":${this.#index},"delta":${delta}}\n\n`;
  }

  #messageStart(id: string, model: string): void {
    const bare = id.replace(OTHER_PREFIX, "");
    const message: wire.Reply = {
      id: `msg_${bare === "" ? this.#id : bare}`,
      type: "message",
      role: "assistant",
      model: model === "" ? this.#model : model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      stop_details: null,
      container: null,
      usage: this.#counted(),
    };
    this.#emit({ type: "message_start", message });
  }

  #counted(): wire.Usage {
    const usage = encodeUsage(this.#usage, { inputTokens: this.#estimatedInput, outputTokens: estimateText(this.#length) });
    if (this.#searches === 0) return usage;
    return { ...usage, server_tool_use: { web_search_requests: this.#searches, web_fetch_requests: 0 } };
  }

  #partStart(part: Part): void {
    this.#part = part;
    this.#isOpen = false;
    switch (part.type) {
      case "text":
      case "reasoning":
        // Their blocks begin with the first text; a thought may have none.
        return;
      case "refusal":
        this.#hasRefusal = true;
        return;
      case "tool-call":
        this.#hasCalls = true;
        this.#open(part);
        if (part.kind === "custom") this.#writeInput('{"input":"');
        return;
      case "opaque":
        if (part.search !== undefined) this.#searches++;
        if (part.protocol === ID) this.#block(new JsonText(part.value));
        else if (part.search !== undefined) this.#webSearch(part.search);
        return;
      default:
        this.#open(part);
        this.#blockDelta({ type: "text_delta", text: unshowable(part) });
    }
  }

  #webSearch(search: WebSearch): void {
    const id = `${this.#id}_${this.#searches}`;
    const { block, input } = encodeSearchCall(id, search);
    this.#start(block);
    this.#writeInput(input);
    this.#stop();
    this.#block(encodeSearchResult(id, search));
  }

  #delta(text: string): void {
    const part = this.#part;
    if (part === null) return;
    const isText = part.type === "text" || part.type === "refusal";
    if (isText && !this.#isOpen && isBlank(text)) {
      this.#blank += text;
      return;
    }
    this.#open(part);
    if (part.type === "reasoning") this.#blockDelta({ type: "thinking_delta", thinking: text });
    else if (part.type === "tool-call") this.#writeInput(part.kind === "custom" ? JSON.stringify(text).slice(1, -1) : text);
    else this.#blockDelta({ type: "text_delta", text: this.#blank + text });
    this.#blank = "";
  }

  #cite({ url, title, quote }: Annotation): void {
    const citation: wire.Citation = {
      type: "web_search_result_location",
      url,
      title,
      cited_text: quote ?? "",
      encrypted_index: FOREIGN_INDEX,
    };
    this.#blockDelta({ type: "citations_delta", citation });
  }

  #partEnd(proof: Proof | null): void {
    const part = this.#part;
    this.#part = null;
    this.#blank = "";
    this.#held = [];
    if (part?.type === "reasoning") return this.#thoughtEnd(part, proof);
    if (part?.type === "tool-call" && part.kind === "custom") this.#writeInput('"}');
    if (this.#isOpen) this.#stop();
    // These blocks have no slot for another maker's proof: it goes into a redacted block after them.
    if (proof !== null && proof.origin !== ORIGIN) this.#block({ type: "redacted_thinking", data: carrierOf(proof) });
  }

  #thoughtEnd(part: Part & { readonly type: "reasoning" }, proof: Proof | null): void {
    // Another maker's thought without text is only its proof, like a redacted one.
    if (!this.#isOpen && (part.redacted || proof?.origin !== ORIGIN)) {
      if (proof !== null) this.#block({ type: "redacted_thinking", data: signatureOf(proof) });
      return;
    }
    this.#open(part);
    this.#blockDelta({ type: "signature_delta", signature: signatureOf(proof) });
    this.#stop();
  }

  #writeInput(json: string): void {
    this.#blockDelta({ type: "input_json_delta", partial_json: json });
  }

  /** Starts the block of a part, once. */
  #open(part: Part): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    switch (part.type) {
      case "reasoning":
        return this.#start({ type: "thinking", thinking: "", signature: "" });
      case "tool-call":
        return this.#start({ type: "tool_use", id: fitName(part.callId, NAME_RULE), name: part.name, input: NO_INPUT });
      default:
        this.#start({ type: "text", text: "" });
        for (const annotation of this.#held) this.#cite(annotation);
        this.#held = [];
    }
  }

  #block(block: wire.Block): void {
    this.#start(block);
    this.#stop();
  }

  #start(block: wire.Block): void {
    this.#emit({ type: "content_block_start", index: this.#index, content_block: block });
  }

  #blockDelta(delta: wire.Delta): void {
    this.#emit({ type: "content_block_delta", index: this.#index, delta });
  }

  #stop(): void {
    this.#isOpen = false;
    this.#emit({ type: "content_block_stop", index: this.#index++ });
  }
}

/** A text for what an answer of this protocol can't hold. */
function unshowable({ type }: Part): string {
  return `[The answer held ${type === "image" || type === "audio" ? "an" : "a"} ${type}, which Messages cannot show.]`;
}
