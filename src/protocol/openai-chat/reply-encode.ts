// Room: openai-chat (row 2). Streamed answers for Chat clients.
// In:  canonical events, parts one at a time.
// Out: chunks, as the head of reply.ts draws them; every one holds what came with the event, none waits for another.
// Never does: send `[DONE]` after an error, a role twice, or a tool index that leaves a gap.

import type { Machine } from "../../wire/machine.ts";
import type { SseEvent } from "../../wire/sse.ts";
import type { Annotation, FinishReason, Logprob, Part, Proof, ReplyEvent, Usage } from "../canonical.ts";
import { withoutConversation } from "../exchange.ts";
import type { Exchange } from "../codec.ts";
import { errorEvent } from "./errors.ts";
import { encodeLogprobs } from "./logprobs.ts";
import { encodeCallProof, encodeDetail } from "./proofs.ts";
import { encodeAnnotation, envelope, explanationOf, textOfPart } from "./reply.ts";
import { encodeFinish, encodeUsage } from "./usage.ts";
import { isLegacy, type Piece } from "./wire.ts";

export function replyEncoder(exchange: Exchange): Machine<ReplyEvent, SseEvent> {
  return new ReplyEncoder(exchange);
}

interface OpenPart {
  readonly part: Part;
  /** The tool's index; -1 of a part that is no call. */
  readonly toolIndex: number;
  /** Where the part begins in the content. */
  readonly offset: number;
  /** Of reasoning alone, whose proof repeats what it proves. */
  text: string;
  length: number;
  /** Of tokens that are told with the next chunk. */
  logprobs: Logprob[];
  readonly annotations: Annotation[];
}

class ReplyEncoder implements Machine<ReplyEvent, SseEvent> {
  readonly #exchange: Exchange;
  readonly #isLegacy: boolean;
  /** The text of a chunk before its delta. */
  #head = "";
  /** And after it, where the answer goes on. */
  readonly #tail: string;
  readonly #open = new Map<number, OpenPart>();
  #toolCount = 0;
  #detailCount = 0;
  /** UTF-16 units of content so far. */
  #contentLength = 0;
  #hasRefused = false;
  #usage: Usage | null = null;

  constructor(exchange: Exchange) {
    this.#exchange = withoutConversation(exchange);
    this.#isLegacy = isLegacy(exchange.request.names);
    this.#tail = `,"finish_reason":null}]${exchange.request.includeUsage ? ',"usage":null' : ""}}`;
  }

  step(event: ReplyEvent): SseEvent[] {
    switch (event.type) {
      case "reply-start": {
        const { id, created, model } = envelope(event, this.#exchange);
        const shared = `{"id":${JSON.stringify(id)},"object":"chat.completion.chunk","created":${created},"model":${JSON.stringify(model)}`;
        this.#head = `${shared},"choices":`;
        return [this.#chunk({ role: "assistant", content: "" })];
      }
      case "part-start":
        return this.#start(event.index, event.part);
      case "part-delta":
        return this.#delta(event.index, event.text);
      case "logprobs":
        for (const logprob of event.logprobs) this.#open.get(event.index)?.logprobs.push(logprob);
        return [];
      case "annotation":
        this.#open.get(event.index)?.annotations.push(event.annotation);
        return [];
      case "part-end":
        return this.#endPart(event.index, event.proof);
      case "usage":
        this.#usage = event.usage;
        return [];
      case "reply-end":
        return this.#endReply(event.finish);
      case "reply-error":
        return [errorEvent(event.error)];
    }
  }

  end(): SseEvent[] {
    return [];
  }

  #start(index: number, part: Part): SseEvent[] {
    const toolIndex = part.type === "tool-call" ? this.#toolCount++ : -1;
    this.#open.set(index, { part, toolIndex, offset: this.#contentLength, text: "", length: 0, logprobs: [], annotations: [] });
    if (part.type === "image") return this.#delta(index, textOfPart(part));
    if (part.type !== "tool-call") return [];
    const { callId: id, name, kind, proof } = part;
    if (this.#isLegacy) return toolIndex === 0 ? [this.#chunk({ function_call: { name, arguments: "" } })] : [];
    const called = kind === "custom" ? { custom: { name, input: "" } } : { function: { name, arguments: "" } };
    // Some clients look for it in a call's first chunk alone.
    return [this.#chunk({ tool_calls: [{ index: toolIndex, id, type: kind, ...called, ...encodeCallProof(proof) }] })];
  }

  #delta(index: number, text: string): SseEvent[] {
    const open = this.#open.get(index);
    if (open === undefined || text === "") return [];
    open.length += text.length;
    switch (open.part.type) {
      case "text":
      case "image":
        this.#contentLength += text.length;
        return [this.#chunk({ content: text }, open)];
      case "refusal":
        this.#hasRefused = true;
        return [this.#chunk({ refusal: text }, open)];
      case "reasoning":
        open.text += text;
        return [this.#chunk({ reasoning_content: text })];
      case "tool-call": {
        const { toolIndex } = open;
        if (this.#isLegacy) return toolIndex === 0 ? [this.#chunk({ function_call: { arguments: text } })] : [];
        const grown = open.part.kind === "custom" ? { custom: { input: text } } : { function: { arguments: text } };
        return [this.#chunk({ tool_calls: [{ index: toolIndex, ...grown }] })];
      }
      default:
        return [];
    }
  }

  #endPart(index: number, proof: Proof | null): SseEvent[] {
    const open = this.#open.get(index);
    if (open === undefined) return [];
    const { part, toolIndex } = open;
    // Clients parse the arguments: a call without any still says so.
    const out = part.type === "tool-call" && part.kind === "function" && open.length === 0 ? this.#delta(index, "{}") : [];
    this.#open.delete(index);
    if (open.logprobs.length > 0) out.push(this.#chunk(part.type === "refusal" ? { refusal: "" } : { content: "" }, open));
    if (open.annotations.length > 0) {
      const annotations = open.annotations.map((annotation) => encodeAnnotation(annotation, open.offset, open.length));
      out.push(this.#chunk({ annotations }));
    }
    if (proof === null) return out;
    if (part.type === "tool-call") {
      if (!this.#isLegacy && part.proof === null)
        out.push(this.#chunk({ tool_calls: [{ index: toolIndex, ...NOTHING_MORE[part.kind], ...encodeCallProof(proof) }] }));
      return out;
    }
    const proven = part.type === "reasoning" ? { ...part, text: open.text, proof } : part.type === "text" ? { ...part, proof } : part;
    const detail = encodeDetail(proven, this.#detailCount);
    if (detail !== null) {
      this.#detailCount++;
      out.push(this.#chunk({ reasoning_details: [detail] }));
    }
    return out;
  }

  #endReply(finish: FinishReason): SseEvent[] {
    const { includeUsage } = this.#exchange.request;
    const explanation = this.#hasRefused ? null : explanationOf(finish);
    const word = JSON.stringify(encodeFinish(finish.kind, this.#isLegacy));
    const out = explanation === null ? [] : [this.#chunk({ refusal: explanation })];
    const tail = `,"logprobs":null,"finish_reason":${word}}]${includeUsage ? ',"usage":null' : ""}}`;
    out.push({ event: null, data: `${this.#head}[{"index":0,"delta":{}${tail}` });
    if (includeUsage && this.#usage !== null) {
      out.push({ event: null, data: `${this.#head}[],"usage":${JSON.stringify(encodeUsage(this.#usage))}}` });
    }
    out.push({ event: null, data: "[DONE]" });
    return out;
  }

  /** `open`: the part whose tokens come with the chunk. */
  #chunk(delta: Piece, open?: OpenPart): SseEvent {
    let logprobs = "null";
    if (open !== undefined && open.logprobs.length > 0) {
      logprobs = JSON.stringify(encodeLogprobs([{ type: open.part.type, logprobs: open.logprobs }]));
      open.logprobs = [];
    }
    return { event: null, data: `${this.#head}[{"index":0,"delta":${JSON.stringify(delta)},"logprobs":${logprobs}${this.#tail}` };
  }
}

/** Some clients want the called thing on every chunk of its call. */
const NOTHING_MORE = { function: { function: { arguments: "" } }, custom: { custom: { input: "" } } };
