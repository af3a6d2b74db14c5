// What the tests of encoding share: what is sent for `Hi`, and rows that say what a request becomes.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { CanonicalRequest, FunctionTool, Loss } from "../../../src/protocol/canonical.ts";
import { openaiResponses } from "../../../src/protocol/openai-responses/codec.ts";
import { request as requestOf, tool, user } from "../../support/canonical.ts";

export const HI = requestOf({ model: "gpt-5.2", turns: [user("Hi")] });

/** What is sent for `Hi` to a model that reasons. */
export const SENT = {
  model: "gpt-5.2",
  input: [{ type: "message", role: "user", content: [{ type: "input_text", text: "Hi" }] }],
  stream: false,
  reasoning: { summary: "auto" },
  store: false,
  include: ["reasoning.encrypted_content"],
};
/** The same to a model that does not. */
export const PLAIN = { model: "gpt-4.1", input: SENT.input, stream: false, store: false };

export const message = (role: string, ...content: object[]) => ({ type: "message", role, content });
export const inputText = (said: string) => ({ type: "input_text", text: said });
export const outputText = (said: string) => ({ type: "output_text", text: said, annotations: [] });
export const loss = (field: string, severity: Loss["severity"], reason: string): Loss => ({ field, severity, reason });

/** A tool whose schema the server takes as it is. */
export function objectTool(name: string, more: Partial<FunctionTool> = {}): FunctionTool {
  return tool(name, { schema: '{"type":"object","properties":{}}', ...more });
}

/** A schema with optional members, which can't be strict. */
export const OPTIONAL = '{"type":"object","properties":{"a":{},"b":{}},"required":["a"],"additionalProperties":false}';

export interface Row {
  readonly what: string;
  readonly request: Partial<CanonicalRequest>;
  readonly body: object;
  readonly losses?: readonly Loss[];
}

/** A test for each row: `request`, added to `Hi`, becomes `body`, and loses `losses`. */
export function testEncoding(rows: readonly Row[]): void {
  for (const { what, request, body, losses = [] } of rows) {
    test(`encode: ${what}`, () => {
      const encoded = openaiResponses.request.encode({ ...HI, ...request });
      assert.deepEqual({ body: JSON.parse(encoded.body), losses: encoded.losses, headers: encoded.headers }, { body, losses, headers: {} });
    });
  }
}
