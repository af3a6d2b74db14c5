// Room: anthropic-messages/encoder (row 2).
// In:  canonical events, one part at a time (`inOrder()` stands before).
// Out: the events of a streamed answer; see reply.ts for their order. What comes out satisfies the official accumulator: every
//      event named, one open block, dense indices, one signature, usage at both ends.
// Never does: end a broken answer with `message_stop`.

import { JsonText, print, type JsonObject } from "../../wire/json.ts";
import type { Machine } from "../../wire/machine.ts";
import type { SseEvent } from "../../wire/sse.ts";
import type { Annotation, Part, Proof, ReplyEvent, Usage } from "../canonical.ts";
import { withoutConversation } from "../exchange.ts";
import type { Exchange } from "../codec.ts";
import { fitName } from "../tool-names.ts";
import { isBlank, NAME_RULE } from "./parts-encode.ts";
import { errorEvent } from "./errors.ts";
import { carrier, encodeCitation, encodeThought, messageHead, unshowable } from "./reply.ts";
import { signatureOf } from "./proofs.ts";
import { encodeFinish, encodeUsage, estimateInput, estimateText, type Estimate } from "./usage.ts";
import { ID, ORIGIN } from "./wire.ts";
import type * as wire from "./wire.ts";

export function replyEncoder(exchange: Exchange): Machine<ReplyEvent, SseEvent> {
  return new ReplyEncoder(exchange);
}

class ReplyEncoder implements Machine<ReplyEvent, SseEvent> {
  readonly #exchange: Exchange;
  readonly #estimatedInput: number;
  #out: SseEvent[] = [];
  #over = false;
  /** The part that is being told; null between parts. */
  #part: Part | null = null;
  /** Whether its block has been started: an empty one would be refused when the client sends it back. */
  #isOpen = false;
  /** White space at the beginning of a text: a block of nothing else would be refused too. And what is cited before any words come. */
  #blank = "";
  #held: Annotation[] = [];
  #index = 0;
  #usage: Usage | null = null;
  /** How much was told, in UTF-16 units. */
  #length = 0;
  #saidCalls = false;
  #saidRefusal = false;

  constructor(exchange: Exchange) {
    this.#exchange = withoutConversation(exchange);
    this.#estimatedInput = estimateInput(exchange.request);
  }

  step(event: ReplyEvent): SseEvent[] {
    if (this.#over) return [];
    this.#out = [];
    switch (event.type) {
      case "reply-start":
        this.#messageStart(event.id, event.model);
        break;
      case "part-start":
        this.#partStart(event.part);
        break;
      case "part-delta":
        this.#length += event.text.length;
        this.#delta(event.text);
        break;
      case "annotation":
        if (this.#isOpen) this.#cite(event.annotation);
        else this.#held.push(event.annotation);
        break;
      case "logprobs":
        // This protocol has no place for them, and a client that asked for them was refused.
        break;
      case "part-end":
        this.#partEnd(event.proof);
        break;
      case "usage":
        this.#usage = event.usage;
        break;
      case "reply-end":
        this.#over = true;
        this.#send("message_delta", {
          delta: encodeFinish(event.finish, { calls: this.#saidCalls, refusal: this.#saidRefusal }),
          usage: encodeUsage(this.#usage, this.#estimate()),
        });
        this.#send("message_stop", {});
        break;
      case "reply-error":
        this.#over = true;
        this.#out.push(errorEvent(event.error));
    }
    return this.#out;
  }

  end(): SseEvent[] {
    return [];
  }

  #messageStart(id: string, model: string): void {
    const usage = encodeUsage(null, this.#estimate());
    const message = {
      ...messageHead(id, model, this.#exchange),
      content: [],
      stop_reason: null,
      stop_sequence: null,
      stop_details: null,
      container: null,
      usage,
    };
    this.#send("message_start", { message });
  }

  #estimate(): Estimate {
    return { inputTokens: this.#estimatedInput, outputTokens: estimateText(this.#length) };
  }

  #partStart(part: Part): void {
    this.#part = part;
    this.#isOpen = false;
    switch (part.type) {
      case "text":
      case "reasoning":
        // Their blocks begin with the first words; a thought may have none.
        return;
      case "refusal":
        this.#saidRefusal = true;
        return;
      case "tool-call":
        this.#saidCalls = true;
        this.#open();
        if (part.kind === "custom") this.#writeInput('{"input":"');
        return;
      case "opaque":
        if (part.protocol === ID) this.#block(new JsonText(part.value));
        return;
      default:
        this.#open();
        this.#blockDelta({ type: "text_delta", text: unshowable(part) });
    }
  }

  #delta(text: string): void {
    const part = this.#part;
    const isText = part?.type === "text" || part?.type === "refusal";
    if (isText && !this.#isOpen && isBlank(text)) {
      this.#blank += text;
      return;
    }
    this.#open();
    if (part?.type === "reasoning") this.#blockDelta({ type: "thinking_delta", thinking: text });
    else if (part?.type === "tool-call") this.#writeInput(part.kind === "custom" ? JSON.stringify(text).slice(1, -1) : text);
    else this.#blockDelta({ type: "text_delta", text: this.#blank + text });
    this.#blank = "";
  }

  #cite(annotation: Annotation): void {
    this.#blockDelta({ type: "citations_delta", citation: encodeCitation(annotation) });
  }

  #partEnd(proof: Proof | null): void {
    const part = this.#part;
    this.#part = null;
    this.#blank = "";
    this.#held = [];
    if (part?.type === "reasoning") {
      if (!this.#isOpen && (part.redacted || proof?.origin !== ORIGIN)) {
        for (const block of encodeThought("", { redacted: part.redacted, proof })) this.#block(block);
        return;
      }
      this.#open(part);
      this.#blockDelta({ type: "signature_delta", signature: signatureOf(proof) });
    }
    if (part?.type === "tool-call" && part.kind === "custom") this.#writeInput('"}');
    if (this.#isOpen) this.#stop();
    if (part?.type !== "reasoning") for (const block of carrier(proof)) this.#block(block);
  }

  #writeInput(json: string): void {
    this.#blockDelta({ type: "input_json_delta", partial_json: json });
  }

  /** Starts the block of the current part, once. */
  #open(part: Part | null = this.#part): void {
    if (this.#isOpen || part === null) return;
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
    this.#send("content_block_start", { index: this.#index, content_block: block });
  }

  /** Most events are these; they hold nothing that has to stay as it was written. */
  #blockDelta(delta: JsonObject): void {
    const type = "content_block_delta";
    this.#out.push({ event: type, data: JSON.stringify({ type, index: this.#index, delta }) });
  }

  #stop(): void {
    this.#isOpen = false;
    this.#send("content_block_stop", { index: this.#index++ });
  }

  #send(type: string, members: JsonObject): void {
    this.#out.push({ event: type, data: print({ type, ...members }) });
  }
}

const NO_INPUT = new JsonText("{}");
