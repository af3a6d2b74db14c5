// Names of arguments that a target does not take: in schemas, and in calls that are cut anywhere.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ArgumentRenamer, fittedNames, renameArguments, renameSchema, reversed } from "../../src/protocol/property-names.ts";
import { fitName } from "../../src/protocol/tool-names.ts";

const RULE = { unfit: /[^a-zA-Z0-9_.-]/, maxLength: 64 };
const NAMES = new Map([
  ["$filter", "_filter"],
  ['a"b\\c', "abc"],
  ["größe", "gr__e"],
]);

test("names that fit stay; others are fitted as tool names are, whatever stands beside them", () => {
  const long = "n".repeat(65);
  assert.deepEqual(
    [...fittedNames(["a.b-c_1", "$filter", "filter[id]", long, ""], RULE)],
    ["$filter", "filter[id]", long, ""].map((name) => [name, fitName(name, RULE)]),
  );
});

test("a fitted name that another argument has already gets another one", () => {
  const taken = fitName("$filter", RULE);
  const again = fitName(`_${taken}`, RULE);
  assert.deepEqual([...fittedNames(["$filter", taken, again], RULE)], [["$filter", fitName(`_${again}`, RULE)]]);
  const full = fitName("$".repeat(70), RULE);
  assert.equal(full.length, 64);
  const [[, other = ""] = []] = fittedNames(["$".repeat(70), full], RULE);
  assert.ok(other !== full && other.length <= 64, other);
});

test("a schema is renamed wherever it speaks of the root's own members, and nowhere else", () => {
  const nested = { type: "object", properties: { $filter: {} }, required: ["$filter"] };
  assert.deepEqual(
    renameSchema(
      {
        properties: {
          $filter: nested,
          b: { $ref: "#/properties/$filter/properties/$filter" },
          c: { enum: ["$filter"] },
          d: { $ref: "#/properties/%24filter" },
        },
        required: ["$filter", "b"],
        not: { required: ["$filter"] },
        if: { properties: { $filter: { const: 1 } } },
        dependentRequired: { $filter: ["b"], b: ["$filter"] },
        dependentSchemas: { b: { anyOf: [{ required: ["$filter"] }] } },
        $defs: { d: nested },
      },
      NAMES,
    ),
    {
      properties: {
        _filter: nested,
        b: { $ref: "#/properties/_filter/properties/$filter" },
        c: { enum: ["$filter"] },
        d: { $ref: "#/properties/_filter" },
      },
      required: ["_filter", "b"],
      not: { required: ["_filter"] },
      if: { properties: { _filter: { const: 1 } } },
      dependentRequired: { _filter: ["b"], b: ["_filter"] },
      dependentSchemas: { b: { anyOf: [{ required: ["_filter"] }] } },
      $defs: { d: nested },
    },
  );
});

const ARGUMENTS: readonly (readonly [what: string, before: string, after: string])[] = [
  ["a name", '{"$filter":1}', '{"_filter":1}'],
  [
    "white space and numbers stay as they are",
    ' { "$filter" :\n1.50e3 ,"x": 12345678901234567890}',
    ' { "_filter" :\n1.50e3 ,"x": 12345678901234567890}',
  ],
  ["a name with escapes", '{"\\u0024filter":1,"a\\"b\\\\c":2,"gr\\u00f6\\u00DFe":3}', '{"_filter":1,"abc":2,"gr__e":3}'],
  ["other names and their escapes", '{"fil\\u0074er":"\\u0024filter"}', '{"fil\\u0074er":"\\u0024filter"}'],
  [
    "values that look like names",
    '{"a":"$filter","b":["$filter",{"$filter":"$filter"}]}',
    '{"a":"$filter","b":["$filter",{"$filter":"$filter"}]}',
  ],
  ["a name after nested values", '{"a":{"x":[1,{"y":"}]"}]},"$filter":[]}', '{"a":{"x":[1,{"y":"}]"}]},"_filter":[]}'],
  ["quotes and braces in strings", '{"a":"\\"$filter\\":{[,","$filter":"\\\\"}', '{"a":"\\"$filter\\":{[,","_filter":"\\\\"}'],
  ["no object", '[{"$filter":1},"$filter"]', '[{"$filter":1},"$filter"]'],
  ["a text", '"$filter"', '"$filter"'],
  ["nothing", "", ""],
  ["cut off in a value", '{"$filter":"a', '{"_filter":"a'],
  ["cut off in a name", '{"a":1,"$filter', '{"a":1,"$filter'],
  ["a name that is no JSON", '{"\\x$filter":1,"$filter":2}', '{"\\x$filter":1,"_filter":2}'],
];

for (const [what, before, after] of ARGUMENTS) {
  test(`arguments are renamed, wherever they are cut: ${what}`, () => {
    assert.equal(renameArguments(before, NAMES), after);
    for (let first = 0; first <= before.length; first++) {
      for (let second = first; second <= before.length; second++) {
        const pieces = [before.slice(0, first), before.slice(first, second), before.slice(second)];
        assert.equal(inPieces(pieces), after, JSON.stringify(pieces));
      }
    }
    assert.equal(inPieces(before.split("")), after);
  });
}

test("what is renamed comes back", () => {
  const source = '{"$filter":{"$filter":1},"a\\"b\\\\c":"größe"}';
  assert.equal(renameArguments(renameArguments(source, NAMES), reversed(NAMES)), '{"$filter":{"$filter":1},"a\\"b\\\\c":"größe"}');
});

test("only a name is held back", () => {
  const renamer = new ArgumentRenamer(NAMES);
  const pieces = ['{"', "$fil", 'ter"', ':"long', " text", '","x', '":1}'];
  assert.deepEqual(
    pieces.map((piece) => renamer.add(piece)),
    ["{", "", '"_filter"', ':"long', " text", '",', '"x":1}'],
  );
});

function inPieces(pieces: readonly string[]): string {
  const renamer = new ArgumentRenamer(NAMES);
  return pieces.map((piece) => renamer.add(piece)).join("") + renamer.end();
}
