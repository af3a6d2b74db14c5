// Edits of settings files: what is not part of an edit stays byte for byte, whatever the file looks like, and taking the edit out leaves nothing.

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import fc from "fast-check";
import { ADDED, FormatFault, valueAt, type Change, type FormatName } from "../../src/cli/settings-format.ts";
import { edited, settingsIn } from "../../src/cli/settings-formats.ts";

/** As for properties.test.ts. */
const SEED = Number(process.env["PROPERTY_SEED"] ?? 20_261_122);
const RUNS = Number(process.env["PROPERTY_RUNS"] ?? 20);
const MARK = "\uFEFF";

interface Case {
  readonly format: FormatName;
  readonly before: string;
  readonly changes: readonly Change[];
  readonly after: string;
}

const lines = (...text: readonly string[]): string => text.join("\n");

const CASES: Readonly<Record<string, Case>> = {
  "an empty file becomes an object": {
    format: "jsonc",
    before: "",
    changes: [{ path: ["env", "URL"], value: "x" }],
    after: lines("{", '  "env": {', '    "URL": "x"', "  }", "}", ""),
  },
  "a member stands behind the comments of the one before, in the file's indentation": {
    format: "jsonc",
    before: lines("{", '\t"a": 1 // one', "\t// end", "}"),
    changes: [{ path: ["b", "c"], value: [1] }],
    after: lines("{", '\t"a": 1, // one', "\t// end", '\t"b": {', '\t\t"c": [', "\t\t\t1", "\t\t]", "\t}", "}"),
  },
  "one line stays one line": {
    format: "jsonc",
    before: '{ "a": 1 }',
    changes: [{ path: ["b"], value: { c: 1 } }],
    after: '{ "a": 1, "b": {"c":1} }',
  },
  "a trailing comma stays the style": {
    format: "jsonc",
    before: lines("{", '  "list": [', "    1,", "  ],", "}"),
    changes: [
      { path: ["list", ADDED], value: 2 },
      { path: ["b"], value: true },
    ],
    after: lines("{", '  "list": [', "    1,", "    2,", "  ],", '  "b": true,', "}"),
  },
  "of two members with one name the one that counts is changed": {
    format: "jsonc",
    before: '{"a": 1, "a": 2}',
    changes: [{ path: ["a"], value: 3 }],
    after: '{"a": 1, "a": 3}',
  },
  "a member is taken out with its line, its neighbours' comments stay": {
    format: "jsonc",
    before: lines("{", '  "a": 1, // one', '  "b": 2', "  // end", "}"),
    changes: [{ path: ["b"], value: undefined }],
    after: lines("{", '  "a": 1 // one', "  // end", "}"),
  },
  "TOML gets tables and no inline ones": {
    format: "toml",
    before: lines("# mine", "model = 'gpt' # which", "", "[features]", "a = true"),
    changes: [
      { path: ["model"], value: "glm" },
      { path: ["providers", "p", "url"], value: "x" },
      { path: ["providers", "p", "name"], value: "y" },
    ],
    after: lines(
      "# mine",
      "model = 'glm' # which",
      "",
      "[features]",
      "a = true",
      "",
      "[providers]",
      "",
      "[providers.p]",
      'url = "x"',
      'name = "y"',
    ),
  },
  "of a variable that is set twice the last line counts": {
    format: "env",
    before: lines("A=1 # one", "export A='2' # two", "B=3"),
    changes: [
      { path: ["A"], value: "x y" },
      { path: ["C"], value: "http://127.0.0.1:1" },
    ],
    after: lines("A=1 # one", 'export A="x y" # two', "B=3", "C=http://127.0.0.1:1", ""),
  },
};

for (const [name, { format, before, changes, after }] of Object.entries(CASES)) {
  test(`${name} (${format})`, () => {
    assert.equal(edited(before, changes, format), after);
    const [windows, expected] = [before, after].map((text) => MARK + text.replaceAll("\n", "\r\n"));
    // An empty file has no line ends to keep.
    if (before.includes("\n")) assert.equal(edited(windows ?? "", changes, format), expected);
  });
}

test("what is not of its format is refused in words", () => {
  const faults: readonly (readonly [FormatName, string, RegExp])[] = [
    ["jsonc", '{\n"a": ', /^is not valid JSON \(ValueExpected in line 2\)$/],
    ["jsonc", "[]", /^is not a JSON object$/],
    ["jsonc", '{"env": "x"}', /^has a value that is not an object where "URL" belongs$/],
    ["toml", "a = 1\nb = ", /^is not valid TOML \(line 2\)$/],
    ["toml", "env = 1", /^has a value that is not an object where "URL" belongs$/],
  ];
  for (const [format, text, message] of faults) {
    assert.throws(
      () => edited(text, [{ path: ["env", "URL"], value: "x" }], format),
      (error) => error instanceof FormatFault && message.test(error.message),
    );
  }
});

// ---- Files as people write them ---------------------------------------------------------------------------------

const KEYS = ["a", "b", "model", "env", "list", 'quo"ted', "ü"];
const NEW_CHANGES: readonly Change[] = [
  { path: ["ours"], value: "x" },
  { path: ["made", "deep", "url"], value: "http://127.0.0.1:8000" },
  { path: ["made", "deep", "names"], value: ["a", { b: 1 }] },
  { path: ["env", "OURS"], value: "" },
];
/** What has to go after them, the outermost last. */
const MADE: readonly (readonly string[])[] = [["made", "deep"], ["made"], ["env"]];

const gap = fc.constantFrom("", "", " ", "\n", "\n  ", " // note\n", "/* note */", "\n\n\t// {\n");
const { object } = fc.letrec<{ value: string; object: string; list: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom("1", "-1.50e3", "null", "true", '"text"', '"// no \\" comment"', '"}"'),
    tie("object"),
    tie("list"),
  ),
  object: fc
    .tuple(
      fc.uniqueArray(fc.tuple(fc.constantFrom(...KEYS), gap, gap, tie("value"), gap), { selector: ([key]) => key, maxLength: 4 }),
      gap,
      fc.boolean(),
    )
    .map(([members, end, hasComma]) => {
      const parts = members.map(([key, before, between, value, behind]) => {
        const isEnv = key === "env" && !value.startsWith("{");
        return `${before}${JSON.stringify(key)}:${between}${isEnv ? "{}" : value}${behind}`;
      });
      return `{${parts.join(",")}${hasComma && parts.length > 0 ? "," : ""}${end}}`;
    }),
  list: fc
    .tuple(fc.array(fc.tuple(gap, tie("value"), gap), { maxLength: 3 }), gap)
    .map(([items, end]) => `[${items.map((item) => item.join("")).join(",")}${end}]`),
}));
const jsonc = fc.tuple(gap, object, gap).map((parts) => parts.join(""));

const tomlValue = fc.constantFrom(
  "1",
  "0x1F",
  "1_000",
  "1.50",
  "inf",
  "true",
  "'x' # note",
  '"a # b"',
  '"""\nline\n"""',
  "'''\n[no]\n'''",
  "[1, 2]",
  "[ # note\n  1,\n  2, # note\n]",
  "{ a = 1, b = { c = 2 } }",
  "{}",
  "1979-05-27T07:32:00Z",
  "07:32:00",
  "1979-05-27",
);
const tomlRows = fc
  .uniqueArray(
    fc.tuple(
      fc.constantFrom("k", "l", '"q r"', "m.n", "o"),
      fc.constantFrom("", "  ", "# note\n", "\n"),
      fc.constantFrom("=", " = "),
      tomlValue,
    ),
    { selector: ([key]) => key, maxLength: 4 },
  )
  .map((rows) => rows.map(([key, before, sign, value]) => `${before}${key}${sign}${value}\n`).join(""));
const toml = fc
  .tuple(
    tomlRows,
    fc.uniqueArray(
      fc.tuple(
        fc.constantFrom("[t]", "[t.u]", "[[v]]", '[w."x y"]', "[env]", "[made]"),
        fc.constantFrom("", " # note", "\n# note"),
        tomlRows,
      ),
      {
        selector: ([head]) => head,
        maxLength: 4,
      },
    ),
    fc.constantFrom("", "# end\n", "\n\n"),
  )
  .map(([rows, tables, end]) => rows + tables.map(([head, note, body]) => `\n${head}${note}\n${body}`).join("") + end);
const env = fc
  .array(fc.constantFrom("A=1", "export B='x y' # note", "# note", "", "C=", 'D="a\nb"', "  E = 5", "no assignment"), { maxLength: 6 })
  .map((rows) => rows.join("\n"));

const FILES: Readonly<Record<FormatName, { readonly files: fc.Arbitrary<string>; readonly changes: readonly Change[] }>> = {
  jsonc: { files: jsonc, changes: NEW_CHANGES },
  toml: { files: toml, changes: NEW_CHANGES },
  env: {
    files: env,
    changes: [
      { path: ["OURS"], value: "x" },
      { path: ["URL"], value: "http://127.0.0.1:8000/a b" },
    ],
  },
};

for (const format of ["jsonc", "toml", "env"] as const) {
  const { files, changes } = FILES[format];

  test(`property: an edit keeps every character of a file, its line ends and its mark, and can be taken out (${format})`, () => {
    fc.assert(
      fc.property(files, fc.boolean(), fc.boolean(), fc.boolean(), (plain, isWindows, hasMark, hasEnd) => {
        const ended = hasEnd ? plain : plain.replace(/\s+$/, "");
        const text = (hasMark ? MARK : "") + (isWindows ? ended.replaceAll("\n", "\r\n") : ended);
        const after = edited(text, changes, format);
        for (const { path, value } of changes) assert.deepEqual(valueAt(settingsIn(after, format), path), value);
        assert.ok(isWithin(bare(text), bare(after)), `${JSON.stringify(text)} -> ${JSON.stringify(after)}`);
        if (isWindows && text.includes("\n")) assert.doesNotMatch(after, /(?<!\r)\n/);
        if (!isWindows) assert.doesNotMatch(after, /\r/);
        const back = MADE.filter((path) => valueAt(settingsIn(text, format), path) === undefined && format !== "env");
        const removals = [...changes.map(({ path }) => path), ...back].map((path) => ({ path, value: undefined }));
        const restored = removals.reduce((now, change) => edited(now, [change], format), after);
        assert.deepEqual(settingsIn(restored, format), settingsIn(text, format));
        // A file without any object gets one.
        if (bare(restored) !== `${bare(text)}{}`) assert.equal(bare(restored), bare(text));
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });
}

/** Without white space. */
function bare(text: string): string {
  return text.replaceAll(/\s/g, "").replace(MARK, "");
}

/** Whether all characters of a text stand in another one, in order. */
function isWithin(part: string, whole: string): boolean {
  let at = 0;
  for (const character of whole) if (character === part[at]) at += character.length;
  return at >= part.length;
}
