// The READMEs say what is so: their tables are the program's own, each folder names its files, and commands and links exist.

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { test } from "node:test";
import packageJson from "../package.json" with { type: "json" };
import { VARIABLES } from "../src/config/variables.ts";
import { FOLDERS, read, READMES, tablesIn, withTables } from "./readme.ts";

const ENGLISH = "README.md";
const CHINESE = "README.zh-CN.md";
const MAX_BYTES = 16_000;

for (const path of READMES) {
  test(`the tables of ${path} are the program's (\`bun run readme\` writes them)`, () => {
    assert.equal(read(path), withTables(path));
  });
}

test("every generated table stands somewhere, the models in both languages", () => {
  const found = READMES.flatMap((path) => tablesIn(read(path)).map((name) => ({ path, name })));
  const files = found.filter(({ name }) => name === "files").map(({ path }) => path);
  assert.deepEqual(files, ["src/README.md", ...FOLDERS.map((folder) => `src/${folder}/README.md`)]);
  assert.deepEqual(
    found.filter(({ name }) => name !== "files").map(({ path, name }) => `${path}: ${name}`),
    [
      "README.md: models",
      "README.zh-CN.md: models",
      "src/config/README.md: variables",
      "src/http/README.md: routes",
      "src/http/README.md: admin-routes",
      "src/http/README.md: dashboard-files",
      "src/protocol/README.md: codec-files",
      "src/protocol/README.md: own-files",
      "src/protocol/README.md: losses",
      "src/protocol/README.md: silent-losses",
      "tests/README.md: attacks",
    ],
  );
});

test("a folder's README names every file of the folder, and no other", () => {
  const wrong = ["", ...FOLDERS.map((folder) => `${folder}/`)].flatMap((folder) => {
    const table = /<!-- files -->([\s\S]*?)<!-- \/files -->/.exec(read(`src/${folder}README.md`))?.[1] ?? "";
    const named = [...table.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => `${folder}${name}`);
    const present = readdirSync(new URL(`../src/${folder}`, import.meta.url))
      .filter((name) => name.endsWith(".ts"))
      .map((name) => `${folder}${name}`);
    const missing = present.filter((name) => !named.includes(name)).map((name) => `${name} is missing`);
    return [...missing, ...named.filter((name) => !present.includes(name)).map((name) => `${name} is gone`)];
  });
  assert.deepEqual(wrong, []);
});

test("src/README.md lists every folder", () => {
  const listed = [...read("src/README.md").matchAll(/^\| \[`([a-z]+)\/`\]\(([a-z]+)\/README\.md\)/gm)].map(([, folder]) => folder ?? "");
  assert.deepEqual(listed.toSorted(), FOLDERS);
});

test("every file that a table of src/README.md sends the reader to exists", () => {
  const named = [...read("src/README.md").matchAll(/`((?:[a-z-]+\/)+[a-z-]+\.ts)`/g)].map(([, path = ""]) => path);
  const gone = [...new Set(named)].filter(
    (path) => !["src/", ""].some((root) => existsSync(new URL(`../${root}${path}`, import.meta.url))),
  );
  assert.deepEqual(gone, []);
});

test("every test that the promises of src/README.md rest on exists", () => {
  const [, promises = ""] = /\| Promise \| Tests \|([\s\S]*?)\n\n/.exec(read("src/README.md")) ?? [];
  const named = promises
    .split("\n")
    .flatMap((row) => [...(row.split(" | ").at(-1) ?? "").matchAll(/`([a-z-]+)`/g)].map(([, name]) => name));
  const present = readdirSync(new URL(".", import.meta.url), { recursive: true, encoding: "utf8" }).map((path) =>
    path.replace(/^.*[\\/]/, ""),
  );
  assert.ok(named.length > 0);
  assert.deepEqual(
    [...new Set(named)].filter((name) => !present.includes(`${name}.test.ts`)),
    [],
  );
});

test("every script that a README names exists, and every script is named", () => {
  const named = new Set(
    READMES.flatMap((path) => [...read(path).matchAll(/\b(?:bun|npm) run ([a-z][a-z:]*)/g)].map(([, name = ""]) => name)),
  );
  // What runs after another script by itself is nothing to be typed.
  const typed = Object.keys(packageJson.scripts).filter((name) => !name.startsWith("post"));
  assert.deepEqual([...named].toSorted(), typed.toSorted());
});

test("the first commands of the README install, start and test", () => {
  // Each in a block of its own: pasted together, the second would wait for the server to end.
  const commands = codeBlocks(read(ENGLISH)).slice(0, 4);
  assert.deepEqual(
    commands,
    ["bun", "npm"].flatMap((tool) => ["dev", "test"].map((script) => `sh\n${tool} install && ${tool} run ${script}\n`)),
  );
});

test("every link of a README leads to a file or a heading that exists", () => {
  const broken = READMES.flatMap((path) =>
    [...withoutCode(read(path)).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)]
      .filter(([, file = "", anchor]) => {
        const target = file === "" ? path : posix.join(posix.dirname(path), file);
        if (!existsSync(new URL(`../${target}`, import.meta.url))) return true;
        return anchor !== undefined && !anchorsOf(read(target)).has(anchor);
      })
      .map(([link]) => `${path}: ${link}`),
  );
  assert.deepEqual(broken, []);
});

test("the README is no longer than a person reads", () => {
  assert.ok(Buffer.byteLength(read(ENGLISH)) <= MAX_BYTES, `README.md has ${Buffer.byteLength(read(ENGLISH))} bytes, of ${MAX_BYTES}.`);
});

test("both languages begin with links to each other", () => {
  const links = "[English](README.md) | [简体中文](README.zh-CN.md)";
  assert.deepEqual(
    [ENGLISH, CHINESE].map(read).map((text) => text.split("\n")[0]),
    [links, links],
  );
});

test("both languages have the same headings, commands, and keys of tables", () => {
  const outlineOf = (path: string): object => ({
    headings: headingsOf(read(path)).map(({ level }) => level),
    commands: codeBlocks(read(path)),
    keys: keysOf(read(path)),
    links: [...withoutCode(read(path)).matchAll(/\]\((?!#)([^)#\s]+)/g)].map(([, target = ""]) => target).toSorted(),
  });
  assert.deepEqual(outlineOf(CHINESE), outlineOf(ENGLISH));
});

test("what stands in a table as code is the same in both languages", () => {
  const codeOf = (path: string): string[][] =>
    tablesOf(read(path)).map((table) => [...table.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code).toSorted());
  assert.deepEqual(codeOf(CHINESE), codeOf(ENGLISH));
});

test("the usual variables have the defaults that the program has", () => {
  const known: ReadonlyMap<string, { readonly default: string }> = new Map(Object.entries(VARIABLES));
  const rows = [...read(ENGLISH).matchAll(/^\| `([A-Z_]+)` \| (?:none|`([^`]+)`) \|/gm)];
  assert.equal(rows.length, 8);
  assert.deepEqual(
    rows.map(([, name = "", value = ""]) => [name, value]),
    rows.map(([, name = ""]) => [name, known.get(name)?.default]),
  );
});

test("the Dockerfile builds with the Bun that package.json pins", () => {
  const dockerfile = readFileSync(new URL("../Dockerfile", import.meta.url), "utf8");
  assert.equal(/^FROM (?:--platform=\S+ )?oven\/bun:(\S+)/m.exec(dockerfile)?.[1], packageJson.devDependencies.bun);
});

/** What stands between fences, the language in front. */
function codeBlocks(text: string): string[] {
  return [...text.matchAll(/^```(\w*\n[\s\S]*?)^```$/gm)].map(([, block = ""]) => block);
}

function withoutCode(text: string): string {
  return text.replaceAll(/^```[\s\S]*?^```$/gm, "").replaceAll(/`[^`\n]*`/g, "");
}

function headingsOf(text: string): { readonly level: number; readonly title: string }[] {
  const prose = text.replaceAll(/^```[\s\S]*?^```$/gm, "");
  return [...prose.matchAll(/^(#+) (.+)$/gm)].map(([, marks = "", title = ""]) => ({ level: marks.length, title }));
}

/** As GitHub makes them. */
function anchorsOf(text: string): ReadonlySet<string> {
  const slugs = headingsOf(text).map(({ title }) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_\- ]/gu, "")
      .replaceAll(" ", "-"),
  );
  return new Set(slugs);
}

function tablesOf(text: string): string[] {
  return [...text.matchAll(/(?:^\|.*\n)+/gm)].map(([table]) => table);
}

/** The first cell of each row of each table, heads left out. */
function keysOf(text: string): string[][] {
  return tablesOf(text).map((table) =>
    table
      .trimEnd()
      .split("\n")
      .slice(2)
      .map((line) => line.slice(2).split(" | ")[0] ?? ""),
  );
}
