// The house holds: who may import whom, what each row may name, and the size and the names of files.
// A new room of src/ gets its row in ROWS below, or the first test fails.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { relative } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = new URL("../", import.meta.url);

interface Row {
  /** Files and folders of src/; what a folder's name stands for is everything below it. */
  readonly rooms: readonly string[];
  /** Whether rooms of this row may know each other. */
  readonly siblings: boolean;
  /** Packages and `node:` modules that may be imported. */
  readonly packages: RegExp | null;
  /** Words of the language and its surroundings that may not stand in the code. */
  readonly never: readonly string[];
}

const RUNTIMES = ["Bun", "Deno"];
const WORLD = [...RUNTIMES, "process", "fetch", "Date", "performance", "setTimeout", "setInterval", "crypto", "console", "Math.random"];
/** Where the clock is injected, a time that is given may be read or printed. */
const CLOCK = ["Date.now", "new Date()", "performance", "setTimeout", "setInterval"];

/** From the bottom up: a room imports from rows below its own. */
const ROWS: readonly Row[] = [
  { rooms: ["errors"], siblings: false, packages: null, never: WORLD },
  {
    rooms: [
      "stream",
      "json",
      "spans",
      "connection",
      "body-text",
      "protocol/canonical",
      "protocol/codec",
      "protocol/fold",
      "protocol/fields",
      "protocol/names",
      "protocol/turns",
      "protocol/structured-output",
      "protocol/closed-schema",
    ],
    siblings: true,
    packages: null,
    never: WORLD,
  },
  {
    rooms: ["protocol/openai-chat", "protocol/openai-responses", "protocol/anthropic-messages", "protocol/gemini"],
    siblings: false,
    packages: null,
    never: WORLD,
  },
  // The table of codecs stands on the codecs, within their row.
  { rooms: ["protocol/codecs"], siblings: false, packages: null, never: WORLD },
  {
    rooms: ["keys", "key-pool", "models", "upstream", "config", "log", "headers", "limits"],
    siblings: false,
    packages: /^node:util$/,
    never: [...RUNTIMES, ...CLOCK, "process", "fetch", "console", "Math.random"],
  },
  {
    rooms: ["gateway", "journey", "relay", "record", "attempts", "continuation", "inbound", "patience", "discretion"],
    siblings: true,
    packages: null,
    never: [...WORLD.filter((word) => word !== "Date"), ...CLOCK],
  },
  { rooms: ["app"], siblings: false, packages: /^hono(\/.*)?$/, never: [...RUNTIMES, "process", "fetch", "console"] },
  { rooms: ["runtime", "dial"], siblings: false, packages: /^node:/, never: [] },
  { rooms: ["compose", "start", "main"], siblings: true, packages: /^node:/, never: RUNTIMES },
];

interface SourceFile {
  /** `protocol/gemini/wire.ts`. */
  readonly path: string;
  readonly text: string;
  /** The text without comments and the insides of strings and regular expressions. */
  readonly code: string;
  /** Files of src/ that it imports. */
  readonly imports: readonly string[];
  /** Packages and `node:` modules that it imports. */
  readonly packages: readonly string[];
}

const IMPORT = /^\s*(?:import|export)\s[^;"'`]*?from\s+["']([^"']+)["']|^\s*import\s+["']([^"']+)["']|\bimport\(["']([^"']+)["']\)/gm;
const PATH = /^(?:[a-z0-9]+(?:-[a-z0-9]+)*\/)*[a-z0-9]+(?:-[a-z0-9]+)*\.ts$/;
const EMPTY_NAMES = /(?:^|\/|-)(?:utils?|helpers?|common|lib|index|misc|shared|stuff)(?:\/|-|\.ts$)/;
const SHORT_NAMES = /(?<![\w$.])(?:req|res|msg|opts|cfg|tmp)(?![\w$]|\??:)/g;

const files = readFiles();

function readFiles(): SourceFile[] {
  const source = new URL("src/", ROOT);
  return readdirSync(source, { recursive: true, encoding: "utf8" })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => path.endsWith(".ts"))
    .sort()
    .map((path) => {
      const url = new URL(path, source);
      const text = readFileSync(url, "utf8");
      const specifiers = [...text.matchAll(IMPORT)].map((match) => match[1] ?? match[2] ?? match[3] ?? "");
      const inside = specifiers.filter((specifier) => specifier.startsWith("."));
      return {
        path,
        text,
        code: codeOf(text),
        imports: inside.map((specifier) => relative(fileURLToPath(source), fileURLToPath(new URL(specifier, url))).replaceAll("\\", "/")),
        packages: specifiers.filter((specifier) => !specifier.startsWith(".")),
      };
    });
}

function roomOf(path: string): { room: string; row: number } {
  const name = path.replace(/\.ts$/, "");
  for (const [row, { rooms }] of ROWS.entries()) {
    const room = rooms.find((one) => name === one || name.startsWith(`${one}/`));
    if (room !== undefined) return { room, row };
  }
  return { room: name, row: -1 };
}

test("every file of src/ belongs to a room of the table", () => {
  assert.deepEqual(
    files.map(({ path }) => path).filter((path) => roomOf(path).row === -1),
    [],
  );
});

test("imports go downwards, and rooms of one row do not know each other", () => {
  const faults = files.flatMap(({ path, imports }) => {
    const own = roomOf(path);
    return imports.flatMap((target) => {
      // What stands in package.json (the version) is data.
      if (target === "../package.json" && own.room === "start") return [];
      const other = roomOf(target);
      if (other.room === own.room || (other.row !== -1 && other.row < own.row)) return [];
      return other.row === own.row && ROWS[own.row]?.siblings === true ? [] : [`${path} imports ${target}`];
    });
  });
  assert.deepEqual(faults, []);
});

test("packages and node: modules are imported only where their row allows it", () => {
  const faults = files.flatMap(({ path, packages }) => {
    const allowed = ROWS[roomOf(path).row]?.packages ?? null;
    return packages.filter((name) => allowed === null || !allowed.test(name)).map((name) => `${path} imports ${name}`);
  });
  assert.deepEqual(faults, []);
});

test("Hono is named in app.ts alone", () => {
  assert.deepEqual(
    files.filter(({ packages }) => packages.some((name) => name.startsWith("hono"))).map(({ path }) => path),
    ["app.ts"],
  );
});

test("no import cycles, not even of types", () => {
  const graph = new Map(files.map(({ path, imports }) => [path, imports]));
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path);
    if (at !== -1) cycles.push([...trail.slice(at), path].join(" -> "));
    if (at !== -1 || done.has(path)) return;
    for (const target of graph.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  assert.deepEqual(cycles, []);
});

test("clock, chance, network and runtimes are named only where their row allows it", () => {
  const faults = files.flatMap(({ path, code }) =>
    (ROWS[roomOf(path).row]?.never ?? []).filter((word) => names(code, word)).map((word) => `${path} names ${word}`),
  );
  assert.deepEqual(faults, []);
});

/** Whether the code uses a global; a member, a property or a parameter's declaration of that name is something else. */
function names(code: string, word: string): boolean {
  return new RegExp(`(?<![\\w$.#])${word.replace(/[.()]/g, "\\$&")}(?![\\w$]|\\??:)`).test(code);
}

test("no file of src/ is longer than 400 lines", () => {
  assert.deepEqual(
    files.map(({ path, text }) => `${path}: ${text.trimEnd().split("\n").length}`).filter((line) => Number(line.split(": ")[1]) > 400),
    [],
  );
});

test("every file of src/ begins with a comment of 3 to 8 lines, drawings and tables in it aside", () => {
  const faults = files.flatMap(({ path, text }) => {
    const lines = text.split("\n");
    const comment = lines.slice(
      0,
      lines.findIndex((line) => !line.startsWith("//")),
    );
    const said = comment.filter((line) => line.startsWith("// ") && !line.startsWith("//  "));
    return said.length >= 3 && said.length <= 8 ? [] : [`${path}: ${said.length}`];
  });
  assert.deepEqual(faults, []);
});

test("files have kebab-case nouns for names, and none that says nothing", () => {
  const faults = files.map(({ path }) => path).filter((path) => !PATH.test(path) || EMPTY_NAMES.test(path));
  assert.deepEqual(faults, []);
});

test("identifiers are words: no req, res, msg, opts, cfg, tmp", () => {
  const faults = files.flatMap(({ path, code }) => [...code.matchAll(SHORT_NAMES)].map((match) => `${path}: ${match[0]}`));
  assert.deepEqual(faults, []);
});

test("the types are not silenced: no any, no ts-ignore", () => {
  const faults = files.filter(({ code, text }) => /(?:\bas|:|<)\s*any\b/.test(code) || /@ts-(ignore|nocheck|expect-error)/.test(text));
  assert.deepEqual(
    faults.map(({ path }) => path),
    [],
  );
});

test("the top level of the repo holds what the house names, and nothing else", () => {
  const known = ["src", "tests", "bunfig.toml", "deno.json", "package.json", "tsconfig.json", "README.md", "LICENSE", "Dockerfile"];
  const made = ["node_modules", "dist", "bun.lock", "package-lock.json", "deno.lock"];
  const found = readdirSync(ROOT).filter((name) => !name.startsWith("."));
  assert.deepEqual(
    found.filter((name) => !known.includes(name) && !made.includes(name)),
    [],
  );
});

test("codeOf: comments, strings and regular expressions are taken out, code stays", () => {
  const text = [
    'const a = "Date // no"; // Date',
    "/* Bun */ const b = /[\"'/]Date/g.test(`x ${Date.now() + '`'} Deno`);",
    "const c = a / b / 2; const d = '\\'fetch';",
  ].join("\n");
  assert.equal(
    codeOf(text),
    ['const a = ""; ', " const b = //.test(`${Date.now() + ''}`);", "const c = a / b / 2; const d = '';"].join("\n"),
  );
  assert.deepEqual(
    ["Date", "Bun", "Deno", "fetch"].filter((word) => names(codeOf(text), word)),
    ["Date"],
  );
  assert.deepEqual(
    ["fetch: 1", "a.fetch()", "#fetch()", "prefetch()", "fetch()"].filter((code) => names(code, "fetch")),
    ["fetch()"],
  );
});

/** TypeScript without comments, and with empty strings and regular expressions; what stands in a template's braces is code. */
function codeOf(text: string): string {
  let code = "";
  // How deep in braces, for each template that is open around the present place.
  const templates: number[] = [];
  let at = 0;
  const skipTo = (end: RegExp): void => {
    end.lastIndex = at;
    at = end.test(text) ? end.lastIndex : text.length;
  };
  const inTemplate = (): void => {
    skipTo(/(?:\\[\s\S]|(?!\$\{)[^\\`])*(?:`|\$\{)/y);
    const opened = text[at - 1] === "{";
    code += opened ? "${" : "`";
    if (opened) templates.push(0);
  };
  while (at < text.length) {
    const character = text[at] ?? "";
    if (text.startsWith("//", at) && !isRegex(code, text, at)) skipTo(/[^\n]*/y);
    else if (text.startsWith("/*", at)) skipTo(/[\s\S]*?\*\//y);
    else if (character === '"' || character === "'") {
      skipTo(character === '"' ? /"(?:\\.|[^"\\])*"/y : /'(?:\\.|[^'\\])*'/y);
      code += character + character;
    } else if (character === "`") {
      code += "`";
      at++;
      inTemplate();
    } else if (character === "/" && isRegex(code, text, at)) {
      skipTo(/\/(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\[])+\/[a-z]*/y);
      code += "//";
    } else if (character === "}" && templates.at(-1) === 0) {
      templates.pop();
      code += "}";
      at++;
      inTemplate();
    } else {
      const depth = templates.length - 1;
      if (depth >= 0) templates[depth] = (templates[depth] ?? 0) + (character === "{" ? 1 : character === "}" ? -1 : 0);
      code += character;
      at++;
    }
  }
  return code;
}

/** Whether a slash begins a regular expression: it does where a value may begin. */
function isRegex(code: string, text: string, at: number): boolean {
  return text[at + 1] !== "/" && text[at + 1] !== "*" && /(?:^|[=(,[!&|?:;{}+]|\breturn|=>)\s*$/.test(code.slice(-20));
}
