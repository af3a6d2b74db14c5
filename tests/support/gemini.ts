// Test support: gemini.
// Small canonical values for the tests of Gemini's codec, so that a row says only what it is about.

import type { CanonicalRequest, FieldNames, Part, TextPart, ToolCallPart, ToolResultPart, Turn } from "../../src/protocol/canonical.ts";
import type { Exchange, WireRequest } from "../../src/protocol/codec.ts";

const FIELDS = [
  "model system turns tools toolChoice parallelToolCalls reasoning output verbosity maxOutputTokens stop temperature topP topK seed",
  "presencePenalty frequencyPenalty topLogprobs endUser metadata cacheKey cache serviceTier store",
];

/** A client whose names for the fields are the canonical ones. */
const NAMES = Object.fromEntries(
  FIELDS.join(" ")
    .split(" ")
    .map((field) => [field, field]),
) as FieldNames;

export const NO_SAMPLING: CanonicalRequest["sampling"] = {
  temperature: null,
  topP: null,
  topK: null,
  seed: null,
  presencePenalty: null,
  frequencyPenalty: null,
  topLogprobs: null,
};

/** A request of some client that says nothing but what is given here. */
export function asked(said: Partial<CanonicalRequest>): CanonicalRequest {
  return {
    names: NAMES,
    model: "gemini-2.5-pro",
    stream: false,
    system: [],
    turns: [user(text("Hi"))],
    tools: [],
    toolChoice: null,
    parallelToolCalls: null,
    reasoning: null,
    output: null,
    verbosity: null,
    maxOutputTokens: null,
    stop: [],
    sampling: NO_SAMPLING,
    endUser: null,
    metadata: null,
    cacheKey: null,
    serviceTier: null,
    store: null,
    includeUsage: false,
    extensions: [],
    losses: [],
    ...said,
  };
}

export function exchange(said: Partial<CanonicalRequest> = {}): Exchange {
  return { request: asked(said), id: "0a1b2c", createdAtS: 1_793_500_000 };
}

export function user(...parts: Part[]): Turn {
  return { role: "user", parts, effort: null };
}

export function assistant(...parts: Part[]): Turn {
  return { role: "assistant", parts, effort: null };
}

export function system(words: string, effort: Turn["effort"] = null): Turn {
  return { role: "system", parts: [text(words)], effort };
}

export function text(words: string, more: Partial<TextPart> = {}): TextPart {
  return { type: "text", text: words, annotations: [], cache: null, proof: null, ...more };
}

export function thought(words: string, proof: TextPart["proof"] = null, redacted = false): Part {
  return { type: "reasoning", text: words, redacted, proof };
}

export function call(callId: string, name: string, args: string, more: Partial<ToolCallPart> = {}): ToolCallPart {
  return { type: "tool-call", callId, name, kind: "function", arguments: args, cache: null, proof: null, ...more };
}

export function result(callId: string, words: string, more: Partial<ToolResultPart> = {}): ToolResultPart {
  return { type: "tool-result", callId, name: null, kind: "function", content: [text(words)], isError: null, cache: null, ...more };
}

export function tool(
  name: string,
  schema: string | null = '{"type":"object","properties":{"a":{"type":"string"}}}',
): CanonicalRequest["tools"][number] {
  return { type: "function", name, namespace: null, description: null, schema, strict: null, cache: null };
}

/** A request as it comes through Gemini's door. */
export function sent(body: unknown, path: WireRequest["path"] = { model: "gemini-2.5-pro", stream: false }): WireRequest {
  return { body: typeof body === "string" ? body : JSON.stringify(body), headers: {}, path };
}
