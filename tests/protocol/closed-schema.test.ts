// Which schemas strict decoding takes: objects that are closed, and, to be sure of it, nothing but plain words.

import assert from "node:assert/strict";
import { test } from "node:test";
import { isClosed, isPlain } from "../../src/protocol/closed-schema.ts";

const object = (properties: object, more: object = {}) => ({
  type: "object",
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
  ...more,
});
const nested = (depth: number): object => object(depth === 1 ? {} : { inner: nested(depth - 1) });

const SCHEMAS: readonly (readonly [what: string, schema: unknown, closed: boolean, plain: boolean])[] = [
  ["an object of required members", object({ a: { type: "string", description: "A." }, b: { enum: ["x", null] } }), true, true],
  ["an optional member", object({ a: {}, b: {} }, { required: ["a"] }), false, false],
  ["members that it does not name", object({ a: {} }, { additionalProperties: {} }), false, false],
  ["nothing said of other members", { type: "object", properties: {} }, false, false],
  ["an open object in a list", object({ list: { type: "array", items: { type: "object" } } }), false, false],
  ["an open object behind a reference", object({ a: { $ref: "#/$defs/A" } }, { $defs: { A: { type: ["object", "null"] } } }), false, false],
  ["a choice inside", object({ a: { anyOf: [{ type: "string" }, { type: "null" }] } }), true, true],
  ["a choice at the root", { anyOf: [object({})] }, false, false],
  ["a member named as a keyword", object({ oneOf: { type: "string" } }), true, true],
  ["an exclusive choice inside", object({ a: { oneOf: [{ type: "string" }, { type: "null" }] } }), false, false],
  ["a condition", object({ a: {} }, { not: { required: ["b"] } }), false, false],
  ["names of members by a pattern", object({ a: object({}, { propertyNames: { pattern: "^x" } }) }), false, false],
  ["a constraint that a grammar may not know", object({ a: { type: "string", minLength: 2 } }), true, false],
  ["as deep as it may be", nested(5), true, true],
  ["deeper", nested(6), true, false],
  ["as many members as there may be", object(Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`m${index}`, {}]))), true, true],
  ["more", object(Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`m${index}`, {}]))), true, false],
];

for (const [what, schema, closed, plain] of SCHEMAS) {
  test(`a schema for strict decoding: ${what}`, () => {
    const source = JSON.stringify(schema);
    assert.deepEqual([isClosed(source), isPlain(source)], [closed, plain]);
  });
}

test("a schema for strict decoding: what is no schema is not closed", () => {
  assert.deepEqual([isClosed("{"), isClosed("true"), isPlain("true")], [false, false, false]);
});
