// What the tests of Chat requests have in common: a row for each body that is decoded, and for each canonical request that is encoded.
// Whole values are compared; what a row leaves out is what HI alone makes of it.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { CanonicalRequest, Loss, Reasoning } from "../../../src/protocol/canonical.ts";
import { sealProof } from "../../../src/protocol/seals.ts";
import { openaiChat } from "../../../src/protocol/openai-chat/codec.ts";
import { NAMES } from "../../../src/protocol/openai-chat/wire.ts";
import { anthropic, google, request, user } from "../../support/canonical.ts";

type Body = Readonly<Record<string, unknown>>;

export const HI = { role: "user", content: "Hi" };
export const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";
export const PDF = "JVBERi0xLjQKJeLjz9MKMSAwIG9iago8PD4+CmVuZG9iag==";

/** A call as it stands in a message. */
export const toolCall = (id: string, name: string, args: string): object => ({ id, type: "function", function: { name, arguments: args } });

export const SEALED_SIGNATURE = sealProof(anthropic("signature"), null);
export const SEALED_THOUGHT = sealProof(google("thought"), null);

// ---- Decode --------------------------------------------------------------------------------------------------------

export function testDecoding(rows: readonly (readonly [what: string, body: Body | string, expected: Partial<CanonicalRequest>])[]): void {
  for (const [what, body, expected] of rows) {
    test(`decoding a request: ${what}`, () => {
      const written = typeof body === "string" ? body : JSON.stringify({ model: "m", messages: [HI], ...body });
      const decoded = openaiChat.request.decode({ body: written, headers: {}, path: null });
      // The order of members is the order of the body, which says nothing.
      const sorted = (one: CanonicalRequest): object => ({
        ...one,
        extensions: one.extensions.toSorted((a, b) => (a.field < b.field ? -1 : 1)),
      });
      assert.deepEqual(sorted(decoded), sorted(request({ names: NAMES, turns: [user("Hi")], ...expected })));
    });
  }
}

// ---- Encode --------------------------------------------------------------------------------------------------------

/** Of a client of another protocol, whose words the losses have to use. */
export const THEIR_REQUEST = request({
  model: "gpt-4.1",
  names: {
    ...NAMES,
    turns: "contents",
    system: "instructions",
    reasoning: "thinking",
    topK: "top_k",
    maxOutputTokens: "max_tokens",
    output: "text.format",
  },
  turns: [user("Hi")],
});

export const on = (more: Partial<Reasoning>): Reasoning => ({ mode: "on", effort: null, budgetTokens: null, display: null, ...more });
export const reported = (field: string, reason: string): Loss => ({ field, severity: "reported", reason });
export const refused = (field: string, reason: string): Loss => ({ field, severity: "refused", reason });
export const dropped = (field: string, reason: string): Loss => ({ field, severity: "dropped", reason });

interface Encoded {
  readonly body?: Body;
  readonly losses?: readonly Loss[];
}

export function testEncoding(rows: readonly (readonly [what: string, request: Partial<CanonicalRequest>, expected: Encoded])[]): void {
  for (const [what, more, expected] of rows) {
    test(`encoding a request: ${what}`, () => {
      const canonical = { ...THEIR_REQUEST, ...more };
      const encoded = openaiChat.request.encode(canonical);
      const body = { model: canonical.model, messages: [HI], ...expected.body };
      assert.deepEqual({ ...encoded, body: JSON.parse(encoded.body) as unknown }, { body, headers: {}, losses: expected.losses ?? [] });
    });
  }
}
