// The architecture: who may import whom, what each folder may name, and the names of files.
// The import rule of src/README.md stands here once: a new folder of src/ gets its row in ROWS below, or the first test fails.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { relative } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = new URL("../", import.meta.url);

interface Row {
  /** Files and folders of src/; a folder's name stands for everything below it that has no row of its own. */
  readonly folders: readonly string[];
  /** The only folders that may import from here; absent: every folder of a row above. */
  readonly importers?: readonly string[];
  /** Packages and `node:` modules that may be imported. */
  readonly packages: RegExp | null;
  /** Words of the language and its surroundings that may not stand in the code. */
  readonly never: readonly string[];
}

const RUNTIMES = ["Bun", "Deno"];
const OUTSIDE = [...RUNTIMES, "process", "fetch", "Date", "performance", "setTimeout", "setInterval", "crypto", "console", "Math.random"];
/** Where the clock is injected, a time that is given may be read or printed. */
const CLOCK = ["Date.now", "new Date()", "performance", "setTimeout", "setInterval"];
const BUT_DATES = [...OUTSIDE.filter((word) => word !== "Date"), ...CLOCK];

/** From left to right: a folder imports only from rows below its own. Folders of one row share types, and nothing that runs. */
const ROWS: readonly Row[] = [
  { folders: ["main"], packages: null, never: RUNTIMES },
  { folders: ["cli"], packages: /^(?:node:.*|cross-spawn|jsonc-parser|@clack\/prompts|@decimalturn\/toml-patch|diff)$/, never: RUNTIMES },
  { folders: ["runtime"], importers: ["main", "cli"], packages: /^node:/, never: [] },
  { folders: ["program"], packages: null, never: [...RUNTIMES, "process", "console", "Math.random", ...CLOCK] },
  {
    folders: ["http"],
    packages: /^(?:hono(?:\/.*)?|uplot\/dist\/.*)$/,
    never: [...RUNTIMES, ...CLOCK, "process", "fetch", "console", "Math.random"],
  },
  { folders: ["gateway"], packages: /^tokenx$/, never: BUT_DATES },
  // The engines alone touch files and the network; only who starts the program opens one.
  { folders: ["access/stores"], importers: ["cli"], packages: /^(?:node:(?:fs|path|sqlite)|postgres)$/, never: BUT_DATES },
  // What turns metrics and spans into a library's form is loaded where it is used; its types are free.
  { folders: ["telemetry/exports"], packages: /^prom-client$/, never: BUT_DATES },
  { folders: ["access", "models", "upstream", "telemetry", "config"], packages: /^node:util$/, never: BUT_DATES },
  // The table of codecs stands on the codecs, and these on what all of them share.
  { folders: ["protocol/codecs"], packages: null, never: OUTSIDE },
  {
    folders: ["protocol/openai-chat", "protocol/openai-responses", "protocol/anthropic-messages", "protocol/gemini"],
    importers: ["protocol/codecs"],
    packages: null,
    never: OUTSIDE,
  },
  { folders: ["protocol"], packages: null, never: OUTSIDE },
  { folders: ["wire"], packages: /^@smithy\/eventstream-codec$/, never: OUTSIDE },
  { folders: ["runtime/ports"], packages: null, never: OUTSIDE },
  { folders: ["errors"], packages: null, never: OUTSIDE },
];
/** Data, not code: the version. */
const DATA = "../package.json";

interface SourceFile {
  /** `protocol/gemini/wire.ts`. */
  readonly path: string;
  readonly text: string;
  /** The text without comments and the insides of strings and regular expressions. */
  readonly code: string;
  /** Files of src/ that it imports. */
  readonly imports: readonly string[];
  /** Those of them of which it takes more than types. */
  readonly runs: ReadonlySet<string>;
  /** Those of them that are loaded only when the code asks for them. */
  readonly later: ReadonlySet<string>;
  /** Packages and `node:` modules that it imports. */
  readonly packages: readonly string[];
}

const IMPORT = /^\s*(?:import|export)\s[^;"'`]*?from\s+["']([^"']+)["']|^\s*import\s+["']([^"']+)["']|\bimport\(["']([^"']+)["']\)/gm;
const TYPES_ALONE = /^\s*(?:import|export)\s+(?:type\s|\{\s*(?:type\s+\w+(?:\s+as\s+\w+)?\s*,?\s*)+\}\s*from)/;
const PATH = /^(?:[a-z0-9]+(?:-[a-z0-9]+)*\/)*[a-z0-9]+(?:-[a-z0-9]+)*\.tsx?$/;
const EMPTY_NAMES = /(?:^|\/|-)(?:utils?|helpers?|common|lib|index|misc|shared|stuff)(?:\/|-|\.ts$)/;
const SHORT_NAMES = /(?<![\w$.])(?:req|res|msg|opts|cfg|tmp)(?![\w$]|\??:)/g;

const files = readFiles();

function readFiles(): SourceFile[] {
  const source = new URL("src/", ROOT);
  return readdirSync(source, { recursive: true, encoding: "utf8" })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => /\.tsx?$/.test(path) && !path.endsWith(".d.ts"))
    .sort()
    .map((path) => sourceFile(path, readFileSync(new URL(path, source), "utf8")));
}

function sourceFile(path: string, text: string): SourceFile {
  const source = new URL("src/", ROOT);
  const statements = [...text.matchAll(IMPORT)].map(([whole, ...found]) => ({
    whole,
    specifier: found.find((one) => one !== undefined) ?? "",
  }));
  const inside = statements.filter(({ specifier }) => specifier.startsWith("."));
  const target = (specifier: string): string =>
    relative(fileURLToPath(source), fileURLToPath(new URL(specifier, new URL(path, source)))).replaceAll("\\", "/");
  return {
    path,
    text,
    code: codeOf(text),
    imports: inside.map(({ specifier }) => target(specifier)),
    runs: new Set(inside.filter(({ whole }) => !TYPES_ALONE.test(whole)).map(({ specifier }) => target(specifier))),
    later: new Set(inside.filter(({ whole }) => whole.startsWith("import(")).map(({ specifier }) => target(specifier))),
    packages: statements.map(({ specifier }) => specifier).filter((specifier) => !specifier.startsWith(".")),
  };
}

/** The longest name wins: `runtime/ports` has a row of its own within `runtime`. */
function placeOf(path: string): { readonly folder: string; readonly row: number } {
  const name = path.replace(/\.tsx?$/, "");
  const places = ROWS.flatMap(({ folders }, row) => folders.map((folder) => ({ folder, row })));
  const fitting = places.filter(({ folder }) => name === folder || name.startsWith(`${folder}/`));
  return fitting.toSorted((a, b) => b.folder.length - a.folder.length)[0] ?? { folder: name, row: -1 };
}

/** Whether the rule allows this import. */
function isAllowed(from: SourceFile, target: string): boolean {
  const own = placeOf(from.path);
  if (target === DATA) return own.folder === "cli";
  const other = placeOf(target);
  if (other.folder === own.folder) return true;
  if (other.row < own.row) return false;
  if (other.row === own.row) return !from.runs.has(target) && own.folder.split("/")[0] !== "protocol";
  return ROWS[other.row]?.importers?.includes(own.folder) ?? true;
}

test("every file of src/ belongs to a folder of the table", () => {
  assert.deepEqual(
    files.map(({ path }) => path).filter((path) => placeOf(path).row === -1),
    [],
  );
});

test("a folder imports from those to its right, and shares only types with those beside it", () => {
  assert.deepEqual(files.flatMap(importFaults), []);
});

function importFaults(file: SourceFile): string[] {
  return file.imports.filter((target) => !isAllowed(file, target)).map((target) => `${file.path} imports ${target}`);
}

test("packages and node: modules are imported only where their row allows it", () => {
  assert.deepEqual(files.flatMap(packageFaults), []);
});

function packageFaults({ path, packages }: SourceFile): string[] {
  const allowed = ROWS[placeOf(path).row]?.packages ?? null;
  return packages.filter((name) => allowed === null || !allowed.test(name)).map((name) => `${path} imports ${name}`);
}

test("the rule sees what breaks it", () => {
  const broken: readonly (readonly [path: string, line: string])[] = [
    ["gateway/prepare.ts", 'import { Hono } from "hono";'],
    ["upstream/connection.ts", 'import { readFileSync } from "node:fs";'],
    ["protocol/gemini/tools.ts", 'import { NAMES } from "../openai-chat/wire.ts";'],
    ["protocol/turns.ts", 'import type { Codec } from "./codecs.ts";'],
    ["models/models.ts", 'import { readConfig } from "../config/config.ts";'],
    ["gateway/gateway.ts", 'export { listen } from "../runtime/runtime.ts";'],
    ["wire/json.ts", 'const late = import("../protocol/fold.ts");'],
  ];
  assert.deepEqual(
    broken.map(([path, line]) => sourceFile(path, line)).flatMap((file) => [...importFaults(file), ...packageFaults(file)]),
    [
      "gateway/prepare.ts imports hono",
      "upstream/connection.ts imports node:fs",
      "protocol/gemini/tools.ts imports protocol/openai-chat/wire.ts",
      "protocol/turns.ts imports protocol/codecs.ts",
      "models/models.ts imports config/config.ts",
      "gateway/gateway.ts imports runtime/runtime.ts",
      "wire/json.ts imports protocol/fold.ts",
    ],
  );
  const sound = sourceFile(
    "models/models.ts",
    'import type { Config } from "../config/config.ts";\nimport { type Fault, type Config } from "../config/config.ts";',
  );
  assert.deepEqual(importFaults(sound), []);
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

test("a library for metrics and traces is loaded where it is used, and never as the program starts", () => {
  const early = files.filter(({ path, runs, later }) => {
    return (
      !path.startsWith("telemetry/exports/") && [...runs].some((target) => target.startsWith("telemetry/exports/") && !later.has(target))
    );
  });
  assert.deepEqual(
    early.map(({ path }) => path),
    [],
  );
});

test("no --help waits for the server: what it loads has no part of it", () => {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const loaded = new Set<string>();
  const load = (path: string): void => {
    const file = byPath.get(path);
    if (file === undefined || loaded.has(path)) return;
    loaded.add(path);
    for (const target of file.runs) if (!file.later.has(target)) load(target);
  };
  load("main.ts");
  for (const path of byPath.get("cli/commands.ts")?.later ?? []) if (path !== "cli/serve.ts") load(path);
  assert.ok(loaded.has("cli/keys.ts"));
  assert.deepEqual(
    [...loaded].filter((path) => /^(?:program|http\/|gateway\/|access\/stores\/|protocol\/[a-z-]+\/)/.test(path)),
    [],
  );
});

test("clock, chance, network and runtimes are named only where their row allows it", () => {
  const faults = files.flatMap(({ path, code }) =>
    (ROWS[placeOf(path).row]?.never ?? []).filter((word) => names(code, word)).map((word) => `${path} names ${word}`),
  );
  assert.deepEqual(faults, []);
});

/** Whether the code uses a global; a member, a property or a parameter's declaration of that name is something else. */
function names(code: string, word: string): boolean {
  return new RegExp(`(?<![\\w$.#])${word.replace(/[.()]/g, "\\$&")}(?![\\w$]|\\??:)`).test(code);
}

test("files have kebab-case nouns for names, and none that says nothing", () => {
  const faults = files.map(({ path }) => path).filter((path) => !PATH.test(path) || EMPTY_NAMES.test(path));
  assert.deepEqual(faults, []);
});

test("identifiers are words: no req, res, msg, opts, cfg, tmp", () => {
  const faults = files.flatMap(({ path, code }) => [...code.matchAll(SHORT_NAMES)].map((match) => `${path}: ${match[0]}`));
  assert.deepEqual(faults, []);
});

test("src/ itself holds main, program, errors and their page", () => {
  const found = readdirSync(new URL("src/", ROOT), { withFileTypes: true }).filter((entry) => entry.isFile());
  assert.deepEqual(found.map(({ name }) => name).sort(), ["README.md", "errors.ts", "main.ts", "program.ts"]);
});

const CODEC_FOLDERS = ["openai-chat", "openai-responses", "anthropic-messages", "gemini"];

/** The files of every codec folder, in the order of reading, and what the rest of the program takes from them. */
const CODEC_FILES: Readonly<Record<string, readonly string[]>> = {
  codec: [],
  wire: ["NAMES", "fateOf"],
  capabilities: ["capabilitiesOf"],
  "request-decode": ["decodeRequest", "requestHead"],
  "request-encode": ["encodeRequest"],
  "reply-decode": ["decodeReply", "decodeEnding", "replyDecoder"],
  "reply-encode": ["encodeReply", "replyEncoder"],
  "turns-decode": [],
  "turns-encode": ["encodeTurns"],
  "parts-decode": [],
  "parts-encode": [],
  tools: ["decodeTools", "encodeTools", "decodeToolChoice", "encodeToolChoice"],
  reasoning: ["decodeReasoning", "encodeReasoning"],
  media: [],
  errors: ["decodeError", "encodeError", "errorEvent"],
  edit: ["editRequest"],
  seals: ["hasSeals", "withoutSeals"],
  usage: ["decodeUsage", "encodeUsage"],
  finish: ["decodeFinish", "encodeFinish"],
};

for (const folder of CODEC_FOLDERS) {
  test(`protocol/${folder} has the files of every codec folder, and they export the same names`, () => {
    const missing = Object.entries(CODEC_FILES).flatMap(([name, exported]) => {
      const path = `protocol/${folder}/${name}.ts`;
      const file = files.find((one) => one.path === path);
      if (file === undefined) return [path];
      return exported.filter((word) => !exportsName(file, word)).map((word) => `${word} of ${path}`);
    });
    assert.deepEqual(missing, []);
  });
}

function exportsName({ code }: SourceFile, name: string): boolean {
  return new RegExp(`^export (?:function|const|class) ${name}\\b|^export \\{[^}]*\\b${name}\\b`, "m").test(code);
}

test("files with JSX say themselves whose it is: Bun reads tsconfig.json of the working directory alone", () => {
  const faults = files.filter(({ path, text }) => path.endsWith(".tsx") && !text.includes("/** @jsxImportSource hono/jsx */"));
  assert.deepEqual(
    faults.map(({ path }) => path),
    [],
  );
});

test("the types are not silenced: no any, no ts-ignore", () => {
  const faults = files.filter(({ code, text }) => /(?:\bas|:|<)\s*any\b/.test(code) || /@ts-(ignore|nocheck|expect-error)/.test(text));
  assert.deepEqual(
    faults.map(({ path }) => path),
    [],
  );
});

test("the top level of the repository holds what this test names, and nothing else", () => {
  const known = [
    "src",
    "tests",
    "bunfig.toml",
    "deno.json",
    "package.json",
    "tsconfig.json",
    "README.md",
    "README.zh-CN.md",
    "LICENSE",
    "Dockerfile",
  ];
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
