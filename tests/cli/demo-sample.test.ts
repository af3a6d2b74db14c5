// Values that fit a JSON schema, as the demo makes them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sampleOf } from "../../src/cli/demo-sample.ts";
import type { Json, JsonObject } from "../../src/wire/json.ts";

const SAID = "Hello there";

const CASES: readonly (readonly [what: string, schema: Json, value: Json])[] = [
  ["a text is what was said, within its length", { type: "string" }, SAID],
  ["a text is cut", { type: "string", maxLength: 5 }, "Hello"],
  ["a text is filled up", { type: "string", minLength: 13 }, `${SAID}..`],
  ["a format that is known", { type: "string", format: "date" }, "2026-01-01"],
  ["numbers are within their limits", { type: "integer", minimum: 18, maximum: 99 }, 18],
  ["above a limit that is left out", { type: "integer", exclusiveMinimum: 4 }, 5],
  ["between two of them", { type: "number", exclusiveMinimum: 0, exclusiveMaximum: 1 }, 0.5],
  ["a multiple", { type: "integer", multipleOf: 5 }, 5],
  ["no more than the largest", { type: "number", maximum: -3 }, -3],
  ["a switch", { type: "boolean" }, true],
  ["nothing", { type: "null" }, null],
  ["the first of several types", { type: ["string", "null"] }, SAID],
  ["as Gemini spells them", { type: "OBJECT", properties: { a: { type: "INTEGER" } }, required: ["a"] }, { a: 1 }],
  ["a constant", { const: "circle" }, "circle"],
  ["the first of a list", { type: "string", enum: ["red", "green"] }, "red"],
  ["the first alternative", { anyOf: [{ type: "number" }, { type: "null" }] }, 1],
  ["what is required", { type: "object", properties: { a: { type: "string" }, b: {} }, required: ["a"] }, { a: SAID }],
  ["all that is described where nothing is required", { properties: { a: { type: "integer" } } }, { a: 1 }],
  ["an object of which nothing is known", { type: "object" }, {}],
  ["a list has an item", { type: "array", items: { type: "boolean" } }, [true]],
  ["or as many as it needs", { type: "array", items: { const: 1 }, minItems: 2 }, [1, 1]],
  ["a tuple", { type: "array", prefixItems: [{ const: 1 }, { type: "boolean" }] }, [1, true]],
  ["a reference", { $ref: "#/$defs/a~1b", $defs: { "a/b": { type: "boolean" } } }, true],
  [
    "parts that hold together",
    {
      allOf: [{ $ref: "#/$defs/a" }, { properties: { b: { const: 2 } }, required: ["b"] }],
      $defs: { a: { required: ["a"], properties: { a: { const: 1 } } } },
    },
    { a: 1, b: 2 },
  ],
];

for (const [what, schema, value] of CASES) {
  test(`sample: ${what}`, () => {
    assert.deepEqual(sampleOf(schema, SAID), value);
  });
}

test("sample: a schema that contains itself ends", () => {
  const list = {
    $ref: "#/$defs/node",
    $defs: { node: { properties: { next: { anyOf: [{ $ref: "#/$defs/node" }, { type: "null" }] } }, required: ["next"] } },
  };
  let deepest: Json | undefined = sampleOf(list, SAID);
  while (deepest !== null) deepest = (deepest as JsonObject)["next"];
  assert.equal(deepest, null);
  const tree = { properties: { children: { type: "array", items: { $ref: "#" } } }, required: ["children"] };
  assert.match(JSON.stringify(sampleOf(tree, SAID)), /^(?:\{"children":\[)+\]/);
  assert.ok(JSON.stringify(sampleOf({ $ref: "#" }, SAID)) === "null");
});

test("sample: a schema that contains itself many times stays small", () => {
  const names = Array.from({ length: 20 }, (_, at) => `member${at}`);
  const wide = { properties: Object.fromEntries(names.map((name) => [name, { $ref: "#" }])) };
  const broad = { properties: Object.fromEntries(names.map((name) => [name, { type: "array", items: { $ref: "#" } }])), required: names };
  for (const schema of [wide, broad]) assert.ok(JSON.stringify(sampleOf(schema, SAID)).length < 10_000_000);
});
