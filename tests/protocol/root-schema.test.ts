// Schemas without the keywords that a target refuses at their root.

import assert from "node:assert/strict";
import { test } from "node:test";
import { flatten, type FlatSchema } from "../../src/protocol/root-schema.ts";
import type { JsonObject } from "../../src/wire/json.ts";

const COMBINATORS = new Set(["anyOf", "oneOf", "allOf"]);
const STRING = { type: "string" };
const NUMBER = { type: "number" };

interface Row {
  readonly what: string;
  readonly root: JsonObject;
  readonly refused?: ReadonlySet<string>;
  readonly flat: FlatSchema;
}

const ROWS: readonly Row[] = [
  {
    what: "of a choice of required members no member is required, and the rule tells the choice",
    root: { type: "object", properties: { yaml: STRING, dir: STRING }, anyOf: [{ required: ["yaml"] }, { required: ["dir"] }] },
    flat: {
      schema: { type: "object", properties: { yaml: STRING, dir: STRING } },
      rules: [{ keyword: "anyOf", schemas: [{ required: ["yaml"] }, { required: ["dir"] }] }],
    },
  },
  {
    what: "what all branches require stays required",
    root: {
      properties: { id: STRING },
      required: ["id"],
      oneOf: [
        { type: "object", properties: { to: STRING, by: STRING }, required: ["to", "by"] },
        { type: "object", properties: { to: STRING, at: NUMBER }, required: ["at", "to"] },
      ],
    },
    flat: {
      schema: { type: "object", properties: { id: STRING, to: STRING, by: STRING, at: NUMBER }, required: ["id", "to"] },
      rules: [{ keyword: "oneOf", schemas: [{ required: ["to", "by"] }, { required: ["at", "to"] }] }],
    },
  },
  {
    what: "of allOf everything holds, which leaves nothing to tell",
    root: {
      type: "object",
      description: "All.",
      allOf: [
        { properties: { a: STRING }, required: ["a"], additionalProperties: false },
        { properties: { b: NUMBER }, required: ["b"] },
      ],
    },
    flat: {
      schema: {
        type: "object",
        description: "All.",
        properties: { a: STRING, b: NUMBER },
        required: ["a", "b"],
        additionalProperties: false,
      },
      rules: [],
    },
  },
  {
    what: "a choice inside of allOf is told",
    root: { type: "object", allOf: [{ properties: { a: STRING } }, { anyOf: [{ required: ["a"] }, { required: ["b"] }] }] },
    flat: {
      schema: { type: "object", properties: { a: STRING } },
      rules: [{ keyword: "allOf", schemas: [{ anyOf: [{ required: ["a"] }, { required: ["b"] }] }] }],
    },
  },
  {
    what: "a union told apart by a member, behind references",
    root: {
      $defs: {
        Cat: { type: "object", properties: { kind: { const: "cat" }, lives: NUMBER }, required: ["kind", "lives"] },
        Dog: { type: "object", properties: { kind: { const: "dog" }, name: STRING }, required: ["kind"] },
      },
      oneOf: [{ $ref: "#/$defs/Cat" }, { $ref: "#/$defs/Dog" }],
    },
    flat: {
      schema: {
        type: "object",
        $defs: {
          Cat: { type: "object", properties: { kind: { const: "cat" }, lives: NUMBER }, required: ["kind", "lives"] },
          Dog: { type: "object", properties: { kind: { const: "dog" }, name: STRING }, required: ["kind"] },
        },
        properties: { kind: { anyOf: [{ const: "cat" }, { const: "dog" }] }, lives: NUMBER, name: STRING },
        required: ["kind"],
      },
      rules: [
        {
          keyword: "oneOf",
          schemas: [
            { properties: { kind: { const: "cat" } }, required: ["kind", "lives"] },
            { properties: { kind: { const: "dog" }, name: {} }, required: ["kind"] },
          ],
        },
      ],
    },
  },
  {
    what: "a member of root and branches has to be both; what only some branches say of it is told alone",
    root: {
      type: "object",
      properties: { mode: { type: "string" }, size: { type: "number" } },
      anyOf: [{ properties: { mode: { const: "a" }, size: { const: 1 } } }, { properties: { mode: { const: "b" } } }, { type: "null" }],
    },
    flat: {
      schema: {
        type: "object",
        properties: { mode: { type: "string", anyOf: [{ const: "a" }, { const: "b" }] }, size: { type: "number" } },
      },
      rules: [
        {
          keyword: "anyOf",
          schemas: [{ properties: { mode: { const: "a" }, size: { const: 1 } } }, { properties: { mode: { const: "b" } } }],
        },
      ],
    },
  },
  {
    what: "members that contradict each other are left to the target",
    root: { type: "object", allOf: [{ properties: { a: STRING } }, { properties: { a: NUMBER } }] },
    flat: {
      schema: { type: "object", properties: { a: { allOf: [STRING, NUMBER] } } },
      rules: [{ keyword: "allOf", schemas: [{ properties: { a: STRING } }, { properties: { a: NUMBER } }] }],
    },
  },
  {
    what: "a reference into a branch leads to a copy of it",
    root: { type: "object", anyOf: [{ properties: { a: STRING, b: { $ref: "#/anyOf/0/properties/a" } } }] },
    flat: {
      schema: {
        type: "object",
        properties: { a: STRING, b: { $ref: "#/$defs/at_root/anyOf/0/properties/a" } },
        $defs: { at_root: { anyOf: [{ properties: { a: STRING, b: { $ref: "#/$defs/at_root/anyOf/0/properties/a" } } }] } },
      },
      rules: [{ keyword: "anyOf", schemas: [{ properties: { a: {}, b: {} } }] }],
    },
  },
  {
    what: "a reference may have a URL's escapes, as it should, or none",
    root: {
      type: "object",
      $defs: { "A[b]": { properties: { a: STRING } } },
      allOf: [{ $ref: "#/$defs/A%5Bb%5D" }, { $ref: "#/$defs/A[b]" }],
    },
    flat: {
      schema: { type: "object", $defs: { "A[b]": { properties: { a: STRING } } }, properties: { a: STRING } },
      rules: [],
    },
  },
  {
    what: "a branch that refers to itself ends",
    root: { type: "object", $defs: { A: { anyOf: [{ $ref: "#/$defs/A" }, { required: ["a"] }] } }, anyOf: [{ $ref: "#/$defs/A" }] },
    flat: {
      schema: { type: "object", $defs: { A: { anyOf: [{ $ref: "#/$defs/A" }, { required: ["a"] }] } }, properties: {} },
      rules: [{ keyword: "anyOf", schemas: [{ anyOf: [{}, { required: ["a"] }] }] }],
    },
  },
  {
    what: "other keywords that a target refuses are told as they are",
    root: { type: "object", properties: { a: STRING }, not: { required: ["a", "b"] }, enum: [{ a: "x" }] },
    refused: new Set([...COMBINATORS, "not", "enum"]),
    flat: {
      schema: { type: "object", properties: { a: STRING } },
      rules: [
        { keyword: "not", schemas: [{ required: ["a", "b"] }] },
        { keyword: "enum", schemas: [[{ a: "x" }]] },
      ],
    },
  },
];

for (const { what, root, refused = COMBINATORS, flat } of ROWS) {
  test(`a flat schema: ${what}`, () => assert.deepEqual(flatten(root, refused), flat));
}

test("a flat schema: references to references ask for no more work than a limit", () => {
  const definitions = Object.fromEntries(
    Array.from({ length: 40 }, (_, index) => [
      `d${index}`,
      { anyOf: [{ $ref: `#/$defs/d${index + 1}` }, { allOf: [{ $ref: `#/$defs/d${index + 1}` }] }] },
    ]),
  );
  const { schema } = flatten({ $defs: definitions, anyOf: [{ $ref: "#/$defs/d0" }] }, COMBINATORS);
  assert.deepEqual(schema, { type: "object", $defs: definitions, properties: {} });
});
