// Small canonical values, so that a row of a test contains only what it is about: parts, turns, tools, requests, answers and their events.
// Every builder takes the most frequent members first, and any other member in a last object.

import { GatewayError, type ErrorKind, type ErrorOptions } from "../../src/errors.ts";
import type {
  CanonicalRequest,
  CustomTool,
  FilePart,
  FinishKind,
  FinishReason,
  FunctionTool,
  ImagePart,
  Part,
  Proof,
  ReasoningPart,
  Reply,
  ReplyEvent,
  Sampling,
  Source,
  TextPart,
  ToolCallPart,
  ToolResultPart,
  Turn,
  Usage,
} from "../../src/protocol/canonical.ts";
import type { Exchange } from "../../src/protocol/codec.ts";
import { bareRequest } from "../../src/protocol/exchange.ts";

// ---- Parts -------------------------------------------------------------------------------------------------------

export function text(words = "", more: Partial<TextPart> = {}): TextPart {
  return { type: "text", text: words, annotations: [], cache: null, proof: null, ...more };
}

export function reasoning(words = "", more: Partial<ReasoningPart> = {}): ReasoningPart {
  return { type: "reasoning", text: words, redacted: false, proof: null, ...more };
}

/** A call at its start has "" for arguments: `call("c1", "look", "")`. */
export function call(callId: string, name = "look", args = "{}", more: Partial<ToolCallPart> = {}): ToolCallPart {
  return { type: "tool-call", callId, name, kind: "function", arguments: args, cache: null, proof: null, ...more };
}

export function result(
  callId: string,
  content: string | ToolResultPart["content"] = "done",
  more: Partial<ToolResultPart> = {},
): ToolResultPart {
  const parts = typeof content === "string" ? [text(content)] : content;
  return { type: "tool-result", callId, name: null, kind: "function", content: parts, isError: null, cache: null, ...more };
}

export const base64 = (mediaType: string | null, data: string): Source => ({ type: "base64", mediaType, data });
export const url = (address: string, mediaType: string | null = null): Source => ({ type: "url", url: address, mediaType });

export function image(source: Source, more: Partial<ImagePart> = {}): ImagePart {
  return { type: "image", source, detail: null, cache: null, ...more };
}

export function file(source: Source, more: Partial<FilePart> = {}): FilePart {
  return { type: "file", source, filename: null, context: null, citations: null, cache: null, ...more };
}

export const openai = (data: string): Proof => ({ origin: "openai", data });
export const anthropic = (data: string): Proof => ({ origin: "anthropic", data });
export const google = (data: string): Proof => ({ origin: "google", data });

// ---- Turns and tools ---------------------------------------------------------------------------------------------

/** A string stands for a text part. */
type Said = Part | string;

export const user = (...said: Said[]): Turn => turn("user", said);
export const assistant = (...said: Said[]): Turn => turn("assistant", said);
export const system = (...said: Said[]): Turn => turn("system", said);

function turn(role: Turn["role"], said: readonly Said[]): Turn {
  return { role, parts: said.map((one) => (typeof one === "string" ? text(one) : one)), effort: null };
}

export function tool(name: string, more: Partial<FunctionTool> = {}): FunctionTool {
  return { type: "function", name, namespace: null, description: null, schema: null, strict: null, cache: null, ...more };
}

export function customTool(name: string, more: Partial<CustomTool> = {}): CustomTool {
  return { type: "custom", name, namespace: null, description: null, grammar: null, ...more };
}

// ---- Requests ----------------------------------------------------------------------------------------------------

export function sampling(more: Partial<Sampling> = {}): Sampling {
  return { ...bareRequest({ model: "", stream: false }).sampling, ...more };
}

/** A request with only the given members; its client uses the canonical names of fields. */
export function request(more: Partial<CanonicalRequest> = {}): CanonicalRequest {
  return { ...bareRequest({ model: "m", stream: false }), ...more };
}

export function exchange(more: Partial<CanonicalRequest> = {}): Exchange {
  return { request: request(more), id: "0a1b2c", createdAtS: 1_793_500_000 };
}

// ---- Answers -----------------------------------------------------------------------------------------------------

export function usage(counts: Partial<Usage> = {}): Usage {
  return { inputTokens: null, cacheReadTokens: null, cacheWriteTokens: null, outputTokens: null, reasoningTokens: null, ...counts };
}

export function finish(kind: FinishKind = "end", raw: string | null = null, more: Partial<FinishReason> = {}): FinishReason {
  return { kind, raw, stopSequence: null, explanation: null, ...more };
}

export function reply(parts: readonly Part[], more: Partial<Reply> = {}): Reply {
  return { id: "r1", model: "m", parts, usage: null, finish: finish(), ...more };
}

// ---- Events of an answer -----------------------------------------------------------------------------------------

export const started = (id = "r1", model = "m"): ReplyEvent => ({ type: "reply-start", id, model });
export const opened = (index: number, part: Part): ReplyEvent => ({ type: "part-start", index, part });
export const delta = (index: number, words: string): ReplyEvent => ({ type: "part-delta", index, text: words });
export const closed = (index: number, proof: Proof | null = null): ReplyEvent => ({ type: "part-end", index, proof });
export const counted = (counts: Partial<Usage>): ReplyEvent => ({ type: "usage", usage: usage(counts) });

export function ended(kind: FinishKind = "end", raw: string | null = null, more: Partial<FinishReason> = {}): ReplyEvent {
  return { type: "reply-end", finish: finish(kind, raw, more) };
}

export function failed(kind: ErrorKind, message: string, options: ErrorOptions = {}): ReplyEvent {
  return { type: "reply-error", error: new GatewayError(kind, message, options) };
}
