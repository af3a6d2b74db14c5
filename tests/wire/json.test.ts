// JSON that loses nothing.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../src/errors.ts";
import { isObject, JsonReader, JsonText, parse, parseOrUndefined, print, rowOf, type Json } from "../../src/wire/json.ts";
import { cut, items, members, outline, spliced } from "../../src/wire/json-edit.ts";
import { JsonExcerpt } from "../../src/wire/json-excerpt.ts";

function invalid(message: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof GatewayError && error.kind === "invalid-request" && message.test(error.message);
}

// ---- Values ------------------------------------------------------------------------------------------------------

const SAME_AS_JSON = [
  "null",
  "true",
  "false",
  "0",
  "-1",
  "12.5",
  "1e3",
  "1.5E-7",
  '""',
  '"plain"',
  '"\u00e4\u20ac\u{1f600} raw"',
  String.raw`"\"\\\/\b\f\n\r\t\u0041\ud83d\ude00"`,
  String.raw`"ends in a backslash\\"`,
  String.raw`["\\", "\\\"", "a"]`,
  "[]",
  "[[], [[]], 1]",
  "{}",
  '{"a":{"b":[1,{"c":null}]},"":2}',
  ' \t\r\n{ "a" : [ 1 , 2 ] } \n',
  '{"a":1,"a":2}',
];

for (const text of SAME_AS_JSON) {
  test(`parse: ${text.trim()} is what JSON.parse says`, () => {
    assert.deepEqual(parse(text), JSON.parse(text) as Json);
    assert.deepEqual(JSON.parse(print(parse(text))), JSON.parse(text));
  });
}

const NUMBERS: readonly { readonly source: string; readonly printed: string }[] = [
  { source: "9007199254740991", printed: "9007199254740991" },
  { source: "9007199254740993", printed: "9007199254740993" },
  { source: "12345678901234567890", printed: "12345678901234567890" },
  { source: "-98765432109876543210", printed: "-98765432109876543210" },
  { source: "0.1234567890123456789", printed: "0.1234567890123456789" },
  { source: "0.30000000000000004", printed: "0.30000000000000004" },
  { source: "1e400", printed: "1e400" },
  { source: "1e-400", printed: "1e-400" },
  { source: "1.2345e-320", printed: "1.2345e-320" },
  { source: "3.141592653589793238462643", printed: "3.141592653589793238462643" },
  { source: "1000000000000000000000", printed: "1e+21" },
  { source: "1.50", printed: "1.5" },
  { source: "0.0", printed: "0" },
];

for (const { source, printed } of NUMBERS) {
  test(`parse: the number ${source} goes out as ${printed}, no digit lost`, () => {
    assert.equal(print(parse(source)), printed);
    assert.equal(print(parse(`{"n":[${source}]}`)), `{"n":[${printed}]}`);
  });
}

const VERBATIM = { verbatim: new Set(["input", "schema"]) };

/** Longer than what is given to the runtime's own parser. */
const longer = (text: string): string => text + " ".repeat(1100);

for (const source of [...SAME_AS_JSON, ...NUMBERS.map(({ source: number }) => `{"n":[${number}],"m":${number}}`)]) {
  test(`parse: ${source.trim()} is the same at the head of a long text`, () => {
    assert.deepEqual(parse(longer(source)), parse(source));
    assert.equal(print(parse(longer(source))), print(parse(source)));
  });
}

for (const source of [
  '{"input":{"b":1, "a":2},"x":"y"}',
  String.raw`{"input":{"b":1, "a":2}}`,
  String.raw`{"a":"\"input\"","input":[1 ]}`,
]) {
  test(`parse: verbatim, ${source} is the same at the head of a long text`, () => {
    assert.deepEqual(parse(longer(source), VERBATIM), parse(source, VERBATIM));
    assert.equal(print(parse(source, VERBATIM)).includes('"input":'), true);
  });
}

// Whatever the runtime's own parser may read of a long text, and at whatever depth something stands that it would change.
for (const spoiler of [
  '"input":{"z": 1.0}',
  '"in\\u0070ut" : [1 ]',
  '"n":12345678901234567890',
  '"n":1e5',
  '"n":-0.0',
  '"schema":"text"',
  '"a":1',
]) {
  for (const depth of [0, 1, 2, 4, 5, 6, 9]) {
    test(`parse: ${spoiler} comes out alike ${depth} levels deep in a long text and a short one`, () => {
      const inside = (text: string, level: number): string =>
        level === 0 ? text : `{"p":[1,{"q":"{\\"[}"}],"__proto__":{"a":1},"m":[${inside(text, level - 1)}],"r":{"s":[true, null]}}`;
      const text = inside(`{"b":1,${spoiler},"c":[2 ,{"d":"\\\\"}]}`, depth);
      const slow = new JsonReader(text, VERBATIM).value();
      assert.deepEqual(parse(longer(text), VERBATIM), slow);
      assert.equal(print(parse(longer(text), VERBATIM)), print(slow));
      assert.deepEqual(parse(text, { ...VERBATIM, parsed: outline(text).parsed }), slow);
      const parsed = { value: JSON.parse(text), ends: new Map<number, number>() };
      assert.deepEqual(parse(longer(text), { ...VERBATIM, parsed }), slow);
    });
  }
}

test("parse: a number that a double can't hold comes as the text it was written in", () => {
  assert.deepEqual(parse("[1, 12345678901234567890]"), [1, new JsonText("12345678901234567890")]);
});

test("parse: members called __proto__ and constructor are members like any other", () => {
  const text = '{"__proto__":{"polluted":1},"constructor":2,"a":{"__proto__":null}}';
  const value = parse(text);
  assert.ok(isObject(value));
  assert.deepEqual(Object.keys(value), ["__proto__", "constructor", "a"]);
  assert.equal(Object.getPrototypeOf(value), Object.prototype);
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
  assert.equal(print(value), text);
});

// ---- Verbatim ----------------------------------------------------------------------------------------------------

test("parse, verbatim: objects and arrays of these keys come as they were written, at any depth", () => {
  const text = '{"a":[{"input":{ "z" : 1.0,\n"a":[12345678901234567890] }}],"schema":[ 1 , 2 ],"b":{"c":{"schema":{"input":{}}}}}';
  assert.deepEqual(parse(text, VERBATIM), {
    a: [{ input: new JsonText('{ "z" : 1.0,\n"a":[12345678901234567890] }') }],
    schema: new JsonText("[ 1 , 2 ]"),
    b: { c: { schema: new JsonText('{"input":{}}') } },
  });
  assert.equal(print(parse(text, VERBATIM)), text);
});

test("parse, verbatim: strings, numbers and null of these keys come as values", () => {
  assert.deepEqual(parse('{"input":"text","schema":null,"a":{"input":7}}', VERBATIM), { input: "text", schema: null, a: { input: 7 } });
});

test("parse, verbatim: what is kept is checked all the same", () => {
  assert.throws(() => parse('{"input":{"a":}}', VERBATIM), invalid(/expected a value, found '}' at line 1, column 15/));
  assert.throws(() => parse('{"input":[{"a":1]}', VERBATIM), invalid(/expected ',' or '}', found ']' at line 1, column 17/));
  assert.throws(() => parse('{"input":["a', VERBATIM), invalid(/expected the closing quote of a string, found the end of the body/));
  const options = { ...VERBATIM, maxDepth: 2 };
  assert.throws(() => parse('{"input":[[1]]}', options), invalid(/nests deeper than 2 levels/));
  assert.throws(() => parse('{"input":[nul,[1]]}', options), invalid(/expected a value, found 'n' at line 1, column 11/));
  const deeper = parse('{"a":{"input":[]},"b":{"c":[ ]}}', { ...VERBATIM, maxDepth: 3 });
  assert.deepEqual(deeper, { a: { input: new JsonText("[]") }, b: { c: [] } });
});

// ---- Members -----------------------------------------------------------------------------------------------------

test("members: the spans of the outermost members, in order", () => {
  const text = ' {\n "model" : "m",\t"a\\u0062": [ {"model":1} ] , "n":1.50e+2}\n';
  const spans = members(text).map(({ key, start, valueStart, valueEnd }) => [
    key,
    text.slice(start, valueStart),
    text.slice(valueStart, valueEnd),
  ]);
  assert.deepEqual(spans, [
    ["model", '"model" : ', '"m"'],
    ["ab", '"a\\u0062": ', '[ {"model":1} ]'],
    ["n", '"n":', "1.50e+2"],
  ]);
});

test("members: an empty object has none", () => {
  assert.deepEqual(members("{ }"), []);
});

test("members: a member that stands twice is refused by name, also when it is spelled differently", () => {
  const twice = (error: unknown): boolean => invalid(/"model" occurs twice/)(error) && (error as GatewayError).param === "model";
  assert.throws(() => members('{"model":"a","x":1,"model":"b"}'), twice);
  assert.throws(() => members('{"model":"a","mod\\u0065l":"b"}'), twice);
});

test("members: inside of a member the same name may stand again", () => {
  assert.equal(members('{"a":{"b":1,"b":2}}').length, 1);
});

for (const text of ["[]", '"a"', "1", "", "null", ",{}"]) {
  test(`members: ${text || "nothing"} is no object`, () => {
    assert.throws(() => members(text), invalid(/expected a JSON object, found .* at line 1, column 1\./));
  });
}

// ---- Errors ------------------------------------------------------------------------------------------------------

const INVALID: readonly { readonly text: string; readonly says: string }[] = [
  { text: "", says: "expected a value, found the end of the body at line 1, column 1" },
  { text: '{"a":1', says: "expected ',' or '}', found the end of the body at line 1, column 7" },
  { text: '{"a":1,}', says: "expected a member name in double quotes, found '}' at line 1, column 8" },
  { text: '{\n  "a": 1\n  "b": 2\n}', says: "expected ',' or '}', found '\"' at line 3, column 3" },
  { text: "{a:1}", says: "expected a member name in double quotes, found 'a' at line 1, column 2" },
  { text: '{"a" 1}', says: "expected ':', found '1' at line 1, column 6" },
  { text: "[1,]", says: "expected a value, found ']' at line 1, column 4" },
  { text: "[1 2]", says: "expected ',' or ']', found '2' at line 1, column 4" },
  { text: "[1", says: "expected ',' or ']', found the end of the body at line 1, column 3" },
  { text: '"abc', says: "expected the closing quote of a string, found the end of the body at line 1, column 5" },
  { text: '"abc\\"', says: "expected the closing quote of a string, found the end of the body at line 1, column 7" },
  {
    text: '["a\nb"]',
    says: "expected a well-formed string (no raw control characters, only JSON escapes), found '\"' at line 1, column 2",
  },
  { text: '"\\x41"', says: "expected a well-formed string (no raw control characters, only JSON escapes), found '\"' at line 1, column 1" },
  { text: "01", says: "expected the end, found '1' at line 1, column 2" },
  { text: "1.", says: "expected the end, found '.' at line 1, column 2" },
  { text: "-", says: "expected a value, found '-' at line 1, column 1" },
  { text: "+1", says: "expected a value, found '+' at line 1, column 1" },
  { text: "NaN", says: "expected a value, found 'N' at line 1, column 1" },
  { text: "nul", says: "expected a value, found 'n' at line 1, column 1" },
  { text: "{} {}", says: "expected the end, found '{' at line 1, column 4" },
  { text: "\ufeff{}", says: "expected a value, found '\ufeff' at line 1, column 1" },
  { text: "[1] // one", says: "expected the end, found '/' at line 1, column 5" },
  { text: "{'a':1}", says: "expected a member name in double quotes, found ''' at line 1, column 2" },
];

for (const { text, says } of INVALID) {
  test(`parse: ${JSON.stringify(text)} is refused with the place`, () => {
    assert.throws(() => parse(text), { name: "GatewayError", message: `The body is not valid JSON: ${says}.` });
    assert.throws(() => JSON.parse(text), SyntaxError);
    assert.equal(parseOrUndefined(text), undefined);
  });
}

test("parse: nesting has a limit, which is one more than what passes", () => {
  const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
  assert.equal(print(parse(nested(512))), nested(512));
  assert.throws(() => parse(nested(513)), invalid(/nests deeper than 512 levels/));
  assert.throws(() => parse('{"a":{"b":{}}}', { maxDepth: 2 }), invalid(/nests deeper than 2 levels/));
  assert.throws(() => parse("[".repeat(1_000_000)), invalid(/nests deeper/));
});

test("rowOf: a table has only its own words", () => {
  const table: Readonly<Record<string, number>> = { one: 1 };
  assert.deepEqual(
    [rowOf(table, "one"), rowOf(table, "two"), rowOf(table, "constructor"), rowOf(table, "__proto__")],
    [1, undefined, undefined, undefined],
  );
});

test("members: a body holds half a million values and no more", () => {
  const holding = (zeros: number): string => `{"list":[0${",0".repeat(zeros - 1)}]}`;
  assert.equal(members(holding(499_999)).length, 1);
  assert.throws(
    () => members(holding(500_000)),
    (error) => error instanceof GatewayError && error.kind === "too-large" && error.message === "The JSON holds more than 500000 values.",
  );
});

test("parse: the limit counts depth, not the number of lists", () => {
  assert.equal((parse(`[${"[],".repeat(2000)}[]]`) as Json[]).length, 2001);
});

test("parse: a body of a million characters of escapes takes no time worth mentioning", () => {
  const text = JSON.stringify("\\".repeat(250_000) + '"'.repeat(250_000));
  assert.equal(print(parse(text)), text);
});

test("print: what is undefined is left out", () => {
  const value = { a: undefined, b: [null], c: new JsonText("1.0") } as unknown as Json;
  assert.equal(print(value), '{"b":[null],"c":1.0}');
});

test("isObject: objects only, no lists, no kept text", () => {
  assert.deepEqual([{}, [], null, "a", 1, new JsonText("{}")].map(isObject), [true, false, false, false, false, false]);
});

// ---- Splices -----------------------------------------------------------------------------------------------------

const LIST = ' [ {"a":[1,2]} ,"b, ]" , 3 ]';

test("items: where each item of an array stands", () => {
  assert.deepEqual(
    items(LIST, 0).map(({ start, end }) => LIST.slice(start, end)),
    ['{"a":[1,2]}', '"b, ]"', "3"],
  );
  assert.deepEqual(items("[]", 0), []);
  assert.deepEqual(items('{"a":1}', 0), []);
});

const CUTS: readonly (readonly [taken: readonly number[], left: string])[] = [
  [[], LIST],
  [[0], ' [ "b, ]" , 3 ]'],
  [[1], ' [ {"a":[1,2]} ,3 ]'],
  [[2], ' [ {"a":[1,2]} ,"b, ]" ]'],
  [[0, 1], " [ 3 ]"],
  [[1, 2], ' [ {"a":[1,2]} ]'],
  [[0, 2], ' [ "b, ]" ]'],
  [[0, 1, 2], " [  ]"],
];

for (const [taken, left] of CUTS) {
  test(`cut: what is left without the items ${taken.join(", ") || "of no index"} is an array still`, () => {
    const all = items(LIST, 0);
    const found = spliced(LIST, cut(all, new Set(all.filter((_, index) => taken.includes(index)))));
    assert.equal(found, left);
    assert.equal((JSON.parse(found) as unknown[]).length, 3 - taken.length);
  });
}

test("spliced: in any order, and two at one place one after the other", () => {
  const splices = [
    { start: 3, end: 3, text: "x" },
    { start: 0, end: 1, text: "" },
    { start: 3, end: 3, text: "y" },
  ];
  assert.equal(spliced("abcd", splices), "bcxyd");
});

// ---- Excerpts ----------------------------------------------------------------------------------------------------

function excerptOf(text: string, pieceBytes = 1 << 20): string | null {
  const excerpt = new JsonExcerpt();
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; at += pieceBytes) excerpt.add(bytes.subarray(at, at + pieceBytes));
  return excerpt.text();
}

test("excerpt: a text without long strings and lists is the same, wherever it is cut", () => {
  for (const text of SAME_AS_JSON) for (const bytes of [1, 2, 3, 100]) assert.equal(excerptOf(text, bytes), text);
});

test("excerpt: long strings are short ones, wherever they would be cut, and lists end after 64 items", () => {
  const long = (unit: string): string => unit.repeat(20_000);
  const list = Array.from({ length: 1000 }, (_, index) => ({ index, more: [[index], { a: ["]", "}"] }] }));
  const value = { text: long("a"), odd: long('\\\u0001"ä😀'), shorter: "\\".repeat(8000), list, after: { list: [list], usage: 7 } };
  const expected = { ...value, text: "{}", odd: "{}", list: list.slice(0, 64), after: { list: [list.slice(0, 64)], usage: 7 } };
  for (const bytes of [1, 1000, 1 << 20]) {
    const found = excerptOf(JSON.stringify(value, null, 1), bytes);
    assert.deepEqual(found === null ? null : JSON.parse(found), expected);
  }
});

test("excerpt: there is none where it would be longer than a mebibyte, however deep it is", () => {
  assert.equal(excerptOf(JSON.stringify(Object.fromEntries(Array.from({ length: 200_000 }, (_, index) => [index, index])))), null);
  assert.equal(excerptOf("[".repeat(3 << 20)), null);
  const deep = excerptOf(`{"list":[${"1,".repeat(64)}${"[".repeat(1 << 20)}${"]".repeat(1 << 20)}],"usage":7}`);
  assert.deepEqual(JSON.parse(deep ?? "null"), { list: Array<number>(64).fill(1), usage: 7 });
});
