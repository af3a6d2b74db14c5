// The README says what is so: its tables are the program's own, its map names every file, its commands exist.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import packageJson from "../package.json" with { type: "json" };
import { README, withTables } from "./readme.ts";

const text = readFileSync(README, "utf8");
const source = new URL("../src/", import.meta.url);

test("the README's tables are the program's (`bun run readme` writes them)", () => {
  assert.equal(text, withTables(text));
});

test("the README's map names every file of the source in its folder, and no other", () => {
  const map = section("Map of the source");
  const named = [...map.matchAll(/^(?:#### `src\/(.*)`|\| `([^`]+\.ts)` \|)/gm)].reduce<{ folder: string; files: string[] }>(
    ({ folder, files }, [, newFolder, file]) =>
      file === undefined ? { folder: newFolder ?? "", files } : { folder, files: [...files, `${folder}${file}`] },
    { folder: "", files: [] },
  ).files;
  const present = readdirSync(source, { recursive: true, encoding: "utf8" })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => path.endsWith(".ts"));
  const missing = present.filter((file) => !named.includes(file)).join(", ");
  const gone = named.filter((file) => !present.includes(file)).join(", ");
  assert.deepEqual({ missing, gone }, { missing: "", gone: "" });
});

test("every script that the README names exists, and every script is named", () => {
  const named = new Set([...text.matchAll(/\b(?:bun|npm) run ([a-z][a-z:]*)/g)].map(([, name = ""]) => name));
  assert.deepEqual([...named].toSorted(), Object.keys(packageJson.scripts).toSorted());
});

test("every path of the repository that the README links to exists", () => {
  const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, path]) => path ?? "");
  assert.deepEqual(
    links.filter((path) => !existsSync(new URL(`../${path}`, import.meta.url))),
    [],
  );
});

test("every place in the README that the README links to exists", () => {
  const anchors = new Set(
    [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) =>
      title
        .toLowerCase()
        .replaceAll(/[^\w\- ]/g, "")
        .replaceAll(" ", "-"),
    ),
  );
  const links = [...text.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor ?? "");
  assert.deepEqual(
    links.filter((anchor) => !anchors.has(anchor)),
    [],
  );
});

test("the Dockerfile builds with the Bun that package.json pins", () => {
  const dockerfile = readFileSync(new URL("../Dockerfile", import.meta.url), "utf8");
  assert.equal(/^FROM oven\/bun:(\S+)/m.exec(dockerfile)?.[1], packageJson.devDependencies.bun);
});

/** From a heading of the second level to the next. */
function section(title: string): string {
  const start = text.indexOf(`\n## ${title}\n`);
  assert.notEqual(start, -1, `the README has a section "${title}"`);
  const end = text.indexOf("\n## ", start + 1);
  return text.slice(start, end === -1 ? undefined : end);
}
