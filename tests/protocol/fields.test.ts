// Reading a request body member by member: what is wrong is named, what nobody read is known.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../src/errors.ts";
import { parse } from "../../src/wire/json.ts";
import { Fields } from "../../src/protocol/fields.ts";

const BODY = `{
  "text": "hello", "empty": "", "none": null, "number": 1.5, "integer": 7, "huge": 12345678901234567890, "flag": false,
  "word": "high", "list": [1, "a"], "words": ["a", "b"], "objects": [{"n": 1}, {"n": 2}], "object": {"inner": {"deep": "x"}}, "kept": { "z" : 1.0 }
}`;

function body(): Fields {
  return Fields.of(parse(BODY, { verbatim: new Set(["kept"]) }), "");
}

test("Fields: each kind of member is read as what it is", () => {
  const fields = body();
  assert.deepEqual(
    {
      text: fields.text("text"),
      empty: fields.optionalText("empty"),
      number: fields.optionalNumber("number"),
      integer: fields.optionalInteger("integer"),
      huge: fields.optionalNumber("huge"),
      flag: fields.optionalBoolean("flag"),
      word: fields.optionalWord("word", { known: ["low", "high"], unknown: "refused" }),
      list: fields.list("list"),
      words: fields.texts("words"),
      objects: fields.objects("objects").map((object) => [object.path, object.optionalInteger("n")]),
      deep: fields.object("object").object("inner").text("deep"),
      path: fields.object("object").object("inner").at("deep"),
      kept: fields.source("kept"),
      source: fields.source("list"),
    },
    {
      text: "hello",
      empty: "",
      number: 1.5,
      integer: 7,
      huge: 12345678901234567000,
      flag: false,
      word: "high",
      list: [1, "a"],
      words: ["a", "b"],
      objects: [
        ["objects[0]", 1],
        ["objects[1]", 2],
      ],
      deep: "x",
      path: "object.inner.deep",
      kept: '{ "z" : 1.0 }',
      source: '[1,"a"]',
    },
  );
});

test("Fields: absent and null both say nothing", () => {
  for (const key of ["none", "absent"]) {
    const fields = body();
    assert.deepEqual(
      [
        fields.optionalText(key),
        fields.optionalNumber(key),
        fields.optionalInteger(key),
        fields.optionalBoolean(key),
        fields.optionalWord(key, { known: ["a"], unknown: "refused" }),
        fields.optionalObject(key),
        fields.source(key),
        fields.list(key),
        fields.has(key),
      ],
      [null, null, null, null, null, null, null, [], false],
    );
  }
});

const WRONG: readonly { readonly read: (fields: Fields) => unknown; readonly message: string; readonly param: string }[] = [
  { read: (fields) => fields.text("number"), message: "number should be a string, not 1.5.", param: "number" },
  { read: (fields) => fields.text("absent"), message: "absent should be a string, not absent.", param: "absent" },
  { read: (fields) => fields.text("none"), message: "none should be a string, not null.", param: "none" },
  { read: (fields) => fields.optionalText("list"), message: "list should be a string, not an array.", param: "list" },
  { read: (fields) => fields.optionalNumber("text"), message: 'text should be a number, not "hello".', param: "text" },
  { read: (fields) => fields.optionalNumber("kept"), message: "kept should be a number, not this value.", param: "kept" },
  { read: (fields) => fields.optionalInteger("number"), message: "number should be an integer, not 1.5.", param: "number" },
  { read: (fields) => fields.optionalBoolean("object"), message: "object should be true or false, not an object.", param: "object" },
  {
    read: (fields) => fields.optionalWord("word", { known: ["low", "mid"], unknown: "refused" }),
    message: 'word should be one of low, mid, not "high".',
    param: "word",
  },
  { read: (fields) => fields.list("object"), message: "object should be an array, not an object.", param: "object" },
  { read: (fields) => fields.texts("list"), message: "list[0] should be a string, not 1.", param: "list[0]" },
  { read: (fields) => fields.objects("words"), message: 'words[0] should be a JSON object, not "a".', param: "words[0]" },
  { read: (fields) => fields.object("list"), message: "list should be a JSON object, not an array.", param: "list" },
  { read: (fields) => fields.object("absent"), message: "absent should be a JSON object, not absent.", param: "absent" },
  { read: (fields) => fields.optionalObject("flag"), message: "flag should be a JSON object, not false.", param: "flag" },
  {
    read: (fields) => fields.object("object").object("inner").optionalInteger("deep"),
    message: 'object.inner.deep should be a number, not "x".',
    param: "object.inner.deep",
  },
];

for (const { read, message, param } of WRONG) {
  test(`Fields: ${message}`, () => {
    assert.throws(
      () => read(body()),
      (error) => error instanceof GatewayError && error.kind === "invalid-request" && error.message === message && error.param === param,
    );
  });
}

test("Fields: a body that is no object is refused without naming a member", () => {
  assert.throws(
    () => Fields.of([], ""),
    (error) =>
      error instanceof GatewayError && error.message === "The body should be a JSON object, not an empty array." && error.param === null,
  );
});

test("Fields: a long string is not repeated in the message", () => {
  const fields = Fields.of({ secret: "s".repeat(41) }, "");
  assert.throws(() => fields.optionalNumber("secret"), { message: "secret should be a number, not a long string." });
});

test("Fields: what nobody read is known, with its text; null is nothing", () => {
  const fields = Fields.of(parse('{"a":1,"b":{ "c" : 1 },"d":null,"e":[],"__proto__":2}'), "");
  fields.optionalNumber("a");
  fields.has("b");
  assert.deepEqual(fields.unread(), [
    ["b", '{"c":1}'],
    ["e", "[]"],
    ["__proto__", "2"],
  ]);
});

test("Fields: the whole object as text leaves nothing unread", () => {
  const fields = Fields.of(parse('{"a":1,"b":[2]}'), "");
  assert.equal(fields.whole(), '{"a":1,"b":[2]}');
  assert.deepEqual(fields.unread(), []);
});

test("Fields: a word that is not known is told even where the rest need not be, once; a refused one is an error", () => {
  const open = { known: ["low", "mid"], unknown: "reported" } as const;
  const fields = body().ignoreRest();
  assert.deepEqual([fields.optionalWord("word", open), fields.word("word", open), fields.optionalWord("none", open)], [null, null, null]);
  assert.deepEqual(fields.close(), [
    { key: "word", path: "word", value: '"high"', reason: 'The value "high" is unknown and was left out.' },
  ]);
  assert.throws(() => fields.word("none", open), /none should be one of low, mid, not null\./);
  assert.throws(() => fields.optionalWord("number", open), /number should be one of low, mid, not 1\.5\./);
  assert.equal(fields.optionalWord("word", { known: ["LOW", "HIGH"], unknown: "refused", anyCase: true }), "HIGH");
});

test("Fields: closing reports what nobody read, here and in all that was read through it, but not what was to be ignored", () => {
  const fields = Fields.of(
    parse('{"a":1,"known":2,"inner":{"b":3,"read":4},"items":[{"c":5},{"d":6}],"loose":{"e":7,"in":{"f":8}},"g":9}'),
    "",
  );
  fields.ignore("known", "absent");
  fields.object("inner").raw("read");
  fields.objects("items")[0]?.ignore("c");
  fields.object("loose").ignoreRest().object("in");
  assert.deepEqual(fields.close(), [
    { key: "a", path: "a", value: "1", reason: null },
    { key: "g", path: "g", value: "9", reason: null },
    { key: "b", path: "inner.b", value: "3", reason: null },
    { key: "d", path: "items[1].d", value: "6", reason: null },
    { key: "f", path: "loose.in.f", value: "8", reason: null },
  ]);
});
