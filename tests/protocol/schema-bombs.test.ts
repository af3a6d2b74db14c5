// Schemas of few kilobytes that ask for any amount of work: references to references, types and branches that double at each level.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { CODECS } from "../../src/protocol/codecs.ts";
import { PROTOCOLS } from "../support/fixtures.ts";
import { exchangeFor } from "../support/laws.ts";

type Schema = Readonly<Record<string, unknown>>;

const numbered = <T>(count: number, of: (index: number) => T): T[] => Array.from({ length: count }, (_, index) => of(index));
const reference = (index: number): Schema => ({ $ref: `#/$defs/d${index}` });
const definitions = (count: number, of: (index: number) => Schema): Schema =>
  Object.fromEntries(numbered(count, (index) => [`d${index}`, of(index)]));
const nested = (depth: number, of: (inner: Schema) => Schema): Schema => (depth === 0 ? { type: "string" } : of(nested(depth - 1, of)));
/** As often as `LONG` it would be far more than `MOST_WRITTEN`. */
const MANY = 2_000;
const LONG = "long ".repeat(20_000);

const BOMBS: Readonly<Record<string, Schema>> = {
  "references that double": {
    type: "object",
    properties: { a: reference(0) },
    $defs: definitions(40, (index) => ({ type: "object", properties: { a: reference(index + 1), b: reference(index + 1) } })),
  },
  "types that double": nested(40, (inner) => ({ type: ["object", "object"], properties: { a: inner } })),
  "branches under several types": nested(40, (inner) => ({ type: ["object", "string"], anyOf: [{ type: "null" }, inner, {}] })),
  "branches that refer to branches": {
    anyOf: [reference(0)],
    $defs: definitions(40, (index) => ({ anyOf: [reference(index + 1), reference(index + 1)] })),
  },
  "a long text that is referred to often": {
    type: "object",
    properties: Object.fromEntries(numbered(MANY, (index) => [`p${index}`, reference(0)])),
    $defs: { d0: { type: "string", description: LONG, default: LONG, pattern: LONG } },
  },
  "a long property that many branches have": {
    anyOf: [...numbered(MANY, () => reference(0)), { type: "object", properties: { a: { type: "number" } } }],
    $defs: { d0: { type: "object", properties: { a: { type: "string", description: LONG } } } },
  },
};

const MODELS: Readonly<Record<ProtocolId, readonly string[]>> = {
  "openai-chat": ["gpt-4.1"],
  "openai-responses": ["gpt-5.5"],
  "anthropic-messages": ["claude-opus-4-5", "claude-3-5-haiku"],
  gemini: ["gemini-1.5-pro", "gemini-2.5-pro"],
};

/** Characters. */
const MOST_WRITTEN = 16_000_000;

for (const [name, schema] of Object.entries(BOMBS)) {
  test(`${name}: as a tool's schema and as an answer's, no request grows beyond bounds`, () => {
    const source = JSON.stringify(schema);
    for (const protocol of PROTOCOLS) {
      for (const model of MODELS[protocol]) {
        const { request } = exchangeFor(CODECS[protocol === "gemini" ? "openai-chat" : "gemini"], null);
        const tool = {
          type: "function",
          name: "t",
          namespace: null,
          description: null,
          schema: source,
          strict: true,
          cache: null,
        } as const;
        const output = { type: "json-schema", name: "a", description: null, schema: source, strict: true } as const;
        for (const asked of [{ tools: [tool] }, { output }]) {
          const { body } = CODECS[protocol].request.encode({ ...request, model, ...asked });
          assert.ok(body.length < source.length + MOST_WRITTEN, `${model}: ${body.length} characters`);
        }
      }
    }
  });
}
