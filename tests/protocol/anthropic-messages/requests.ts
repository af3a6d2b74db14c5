// What the tests of requests share: a client's request, what an upstream is sent for it, and a tool loop in both forms.

import assert from "node:assert/strict";
import { anthropicMessages } from "../../../src/protocol/anthropic-messages/codec.ts";
import { NAMES } from "../../../src/protocol/anthropic-messages/wire.ts";
import type { CanonicalRequest, FunctionTool, Loss } from "../../../src/protocol/canonical.ts";
import { assistant, call, request, result, text, tool, user } from "../../support/canonical.ts";

export type Body = Readonly<Record<string, unknown>>;

export const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
export const PDF = "JVBERi0xLjQKJSBhIGZpeHR1cmUK";

/** "Hi", as a client of this protocol says it. */
export const BLANK: CanonicalRequest = request({
  names: NAMES,
  model: "claude-opus-5",
  turns: [user("Hi")],
  maxOutputTokens: 64,
  includeUsage: true,
});

export function decode(body: Body | string): CanonicalRequest {
  const hi = { model: "claude-opus-5", max_tokens: 64, messages: [{ role: "user", content: "Hi" }] };
  const source = typeof body === "string" ? body : JSON.stringify({ ...hi, ...body });
  return anthropicMessages.request.decode({ body: source, headers: {}, path: null });
}

/** "Hi", as a client of another protocol says it, and what an upstream is sent for it. */
export const ASKED: CanonicalRequest = { ...BLANK, names: { ...NAMES, turns: "input", maxOutputTokens: "limit" }, maxOutputTokens: 1000 };
export const SENT = { model: "claude-opus-5", max_tokens: 1000, messages: [{ role: "user", content: [{ type: "text", text: "Hi" }] }] };
export const CURRENT = { "anthropic-version": "2026-10-21" };
/** The version that still takes sampling parameters. */
export const BEFORE = { "anthropic-version": "2023-06-01" };

export interface EncodeRow {
  readonly what: string;
  /** What differs from `ASKED`. */
  readonly request: Partial<CanonicalRequest>;
  readonly body: Body;
  readonly headers?: Readonly<Record<string, string>>;
  readonly losses?: readonly Loss[];
}

/** Holds what an upstream is sent against the row, as a whole. */
export function isSent({ request: asked, body, headers = CURRENT, losses = [] }: EncodeRow): void {
  const encoded = anthropicMessages.request.encode({ ...ASKED, ...asked });
  assert.deepEqual({ ...encoded, body: JSON.parse(encoded.body) as unknown }, { headers, body, losses });
}

export const lost = (field: string, severity: Loss["severity"], reason: string): Loss => ({ field, severity, reason });
export const message = (role: string, ...content: object[]): object => ({ role, content });
export const words = (value: string): object => ({ type: "text", text: value });
export const declared = (name: string, more: Partial<FunctionTool> = {}): FunctionTool =>
  tool(name, { schema: '{"type":"object","properties":{}}', ...more });

/** A tool, its call, and a conversation of call and result, as they are sent. */
export const LOOK = { name: "look", input_schema: { type: "object", properties: {} } };
export const USE = { type: "tool_use", id: "c1", name: "look", input: {} };
export const LOOP = [user("Hi"), assistant(call("c1", "look", "{}")), user(result("c1", [text("Sea.")]))];
export const LOOP_SENT = [
  message("user", words("Hi")),
  message("assistant", USE),
  message("user", { type: "tool_result", tool_use_id: "c1", content: [words("Sea.")] }),
];
