// Canonical -> a client's answer, as one object or as the chunks drawn in reply-decode.ts: one for each event.
// Never sends `[DONE]` after an error, a role twice, or a tool index that leaves a gap.

import type { SseEvent } from "../../wire/sse.ts";
import type {
  Annotation,
  FinishReason,
  ImagePart,
  Logprob,
  Part,
  Proof,
  Reply,
  ReplyEvent,
  TextPart,
  ToolCallPart,
  Usage,
} from "../canonical.ts";
import type { Exchange, StreamEncoder } from "../codec.ts";
import { withoutConversation } from "../exchange.ts";
import { errorEvent } from "./errors.ts";
import { encodeFinish } from "./finish.ts";
import { encodeLogprobs } from "./logprobs.ts";
import { encodeCallProof, encodeDetail } from "./seals.ts";
import { encodeCall } from "./tool-calls.ts";
import { encodeUsage } from "./usage.ts";
import { bareId, isLegacy } from "./wire.ts";
import type * as wire from "./wire.ts";

// ---- Non-streaming -------------------------------------------------------------------------------------------------

export function encodeReply(reply: Reply, exchange: Exchange): string {
  const legacy = isLegacy(exchange.request.names);
  const logprobs = encodeLogprobs(reply.parts);
  const answer: wire.Reply = {
    ...envelope(reply, exchange),
    object: "chat.completion",
    choices: [{ index: 0, message: encodeMessage(reply, legacy), logprobs, finish_reason: encodeFinish(reply.finish.kind, legacy) }],
    ...(reply.usage === null ? {} : { usage: encodeUsage(reply.usage) }),
  };
  return JSON.stringify(answer);
}

function encodeMessage({ parts, finish }: Reply, legacy: boolean): wire.Message {
  const calls = parts.filter((part) => part.type === "tool-call");
  const texts = parts.filter((part) => part.type === "text" || part.type === "image");
  const content = texts.map(textOfPart).join("");
  const refusals = parts.flatMap((part) => (part.type === "refusal" ? [part.text] : []));
  const refusal = refusals.length > 0 ? refusals.join("") : explanationOf(finish);
  const reasoning = parts.flatMap((part) => (part.type === "reasoning" ? [part.text] : [])).join("");
  const details = encodeDetails(parts);
  const annotations = encodeAnnotations(texts);
  return {
    role: "assistant",
    content: texts.length === 0 && (calls.length > 0 || refusal !== null) ? null : content,
    refusal,
    ...(reasoning === "" ? {} : { reasoning_content: reasoning }),
    ...(details.length === 0 ? {} : { reasoning_details: details }),
    ...(annotations.length === 0 ? {} : { annotations }),
    ...encodeCalls(calls, legacy),
  };
}

function encodeCalls(calls: readonly ToolCallPart[], legacy: boolean): Pick<wire.Message, "tool_calls" | "function_call"> {
  const [first] = calls;
  if (first === undefined) return {};
  // That form has room for one call; the model repeats the others when it sees the first one's result.
  if (legacy) return { function_call: { name: first.name, arguments: first.arguments || "{}" } };
  return { tool_calls: calls.map((call) => encodeCall(call, call.arguments || (call.kind === "custom" ? "" : "{}"))) };
}

function encodeDetails(parts: readonly Part[]): wire.ReasoningDetail[] {
  const details: wire.ReasoningDetail[] = [];
  for (const part of parts) {
    const detail = encodeDetail(part, details.length);
    if (detail !== null) details.push(detail);
  }
  return details;
}

/** Offsets count from the beginning of the whole content. */
function encodeAnnotations(texts: readonly (TextPart | ImagePart)[]): wire.Annotation[] {
  let offset = 0;
  return texts.flatMap((part) => {
    const text = textOfPart(part);
    const annotations = part.type === "text" ? part.annotations.map((annotation) => encodeAnnotation(annotation, offset, text.length)) : [];
    offset += text.length;
    return annotations;
  });
}

// ---- Streaming -----------------------------------------------------------------------------------------------------

export function replyEncoder(exchange: Exchange): StreamEncoder {
  return new ReplyEncoder(exchange);
}

interface OpenPart {
  readonly part: Part;
  /** The tool's index; -1 for a part that is not a call. */
  readonly toolIndex: number;
  /** Where the part begins in the content. */
  readonly offset: number;
  /** Of reasoning only, whose proof repeats what it proves. */
  text: string;
  length: number;
  /** Of tokens that go out with the next chunk. */
  logprobs: Logprob[];
  readonly annotations: Annotation[];
}

class ReplyEncoder implements StreamEncoder {
  readonly #exchange: Exchange;
  readonly #isLegacy: boolean;
  /** The text of a chunk before its delta. */
  #head = "";
  /** The text after its delta, unless the answer ends. */
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

  printed(event: ReplyEvent): string | null {
    if (event.type !== "part-delta" || event.text === "") return null;
    const open = this.#open.get(event.index);
    if (open === undefined || open.part.type !== "text" || open.logprobs.length > 0) return null;
    open.length += event.text.length;
    this.#contentLength += event.text.length;
    return `data: ${this.#textChunk(event.text)}\n\n`;
  }

  end(): SseEvent[] {
    return [];
  }

  #start(index: number, part: Part): SseEvent[] {
    const toolIndex = part.type === "tool-call" ? this.#toolCount++ : -1;
    this.#open.set(index, { part, toolIndex, offset: this.#contentLength, text: "", length: 0, logprobs: [], annotations: [] });
    if (part.type === "image") return this.#delta(index, textOfPart(part));
    if (part.type !== "tool-call") return [];
    if (this.#isLegacy) return toolIndex === 0 ? [this.#chunk({ function_call: { name: part.name, arguments: "" } })] : [];
    // With its proof, if known: some clients look for it only in a call's first chunk.
    return [this.#chunk({ tool_calls: [{ index: toolIndex, ...encodeCall(part, "") }] })];
  }

  #delta(index: number, text: string): SseEvent[] {
    const open = this.#open.get(index);
    if (open === undefined || text === "") return [];
    open.length += text.length;
    switch (open.part.type) {
      case "text":
      case "image":
        this.#contentLength += text.length;
        if (open.logprobs.length === 0) return [{ event: null, data: this.#textChunk(text) }];
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
        return [this.#chunk({ tool_calls: [{ index: toolIndex, ...moreOf(open.part, text) }] })];
      }
      default:
        return [];
    }
  }

  #endPart(index: number, proof: Proof | null): SseEvent[] {
    const open = this.#open.get(index);
    if (open === undefined) return [];
    const { part, toolIndex } = open;
    // Clients parse the arguments, so a call without any gets an empty object.
    const out = part.type === "tool-call" && part.kind === "function" && open.length === 0 ? this.#delta(index, "{}") : [];
    this.#open.delete(index);
    if (open.logprobs.length > 0) out.push(this.#chunk(part.type === "refusal" ? { refusal: "" } : { content: "" }, open));
    if (open.annotations.length > 0) {
      const annotations = open.annotations.map((annotation) => encodeAnnotation(annotation, open.offset, open.length));
      out.push(this.#chunk({ annotations }));
    }
    if (proof === null) return out;
    if (part.type === "tool-call") {
      // Some clients need the called name in every chunk of its call.
      if (!this.#isLegacy && part.proof === null)
        out.push(this.#chunk({ tool_calls: [{ index: toolIndex, ...moreOf(part, ""), ...encodeCallProof(proof) }] }));
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

  /** Nearly all chunks are of this kind: printed without building an object. */
  #textChunk(text: string): string {
    return `${this.#head}[{"index":0,"delta":{"content":${JSON.stringify(text)}},"logprobs":null${this.#tail}`;
  }

  #piece(delta: string, logprobs: string): SseEvent {
    return { event: null, data: `${this.#head}[{"index":0,"delta":${delta},"logprobs":${logprobs}${this.#tail}` };
  }

  /** `open`: the part whose tokens go with the chunk. */
  #chunk(delta: wire.Piece, open?: OpenPart): SseEvent {
    let logprobs = "null";
    if (open !== undefined && open.logprobs.length > 0) {
      logprobs = JSON.stringify(encodeLogprobs([{ type: open.part.type, logprobs: open.logprobs }]));
      open.logprobs = [];
    }
    return this.#piece(JSON.stringify(delta), logprobs);
  }
}

// ---- Both ----------------------------------------------------------------------------------------------------------

/** What all chunks of an answer share. */
function envelope({ id, model }: Pick<Reply, "id" | "model">, exchange: Exchange): { id: string; created: number; model: string } {
  return { id: `chatcmpl-${bareId(id) || exchange.id}`, created: exchange.createdAtS, model: model || exchange.request.model };
}

/** What the next chunk of a call adds. */
function moreOf({ kind }: ToolCallPart, text: string): Pick<wire.ToolCallPiece, "custom" | "function"> {
  return kind === "custom" ? { custom: { input: text } } : { function: { arguments: text } };
}

/** A citation without a position applies to its whole part: clients reject one without a position. */
function encodeAnnotation({ url, title, start, end }: Annotation, offset: number, length: number): wire.Annotation {
  const place = { start_index: offset + (start ?? 0), end_index: offset + (end ?? length) };
  return { type: "url_citation", url_citation: { url, title: title ?? url, ...place } };
}

/** Why the answer was filtered, where Chat clients look for it; null: it was not filtered. */
function explanationOf({ kind, explanation }: FinishReason): string | null {
  return kind === "filtered" ? explanation : null;
}

/** A part of the content as text. Chat has no images in answers: clients that render Markdown show them. */
function textOfPart(part: TextPart | ImagePart): string {
  if (part.type === "text") return part.text;
  const { source } = part;
  if (source.type === "url") return `![image](${source.url})`;
  return source.type === "base64" ? `![image](data:${source.mediaType ?? "image/png"};base64,${source.data})` : "";
}
