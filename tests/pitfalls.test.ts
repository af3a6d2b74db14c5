// Every pitfall that is known of these protocols has a test that holds it, or a reason why it cannot happen here.
// A test that is renamed or taken away fails here, under the number of what it held.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { PITFALLS } from "./support/pitfalls.ts";

const TESTS = new URL("./", import.meta.url);
const SPECIFICATION = new URL("../../shared/PROTOCOLS.md", import.meta.url);

const sources = readdirSync(TESTS)
  .filter((name) => name.endsWith(".test.ts") && name !== "pitfalls.test.ts")
  .map((name) => readFileSync(new URL(name, TESTS), "utf8"));

/** Whether a test, or a row that becomes one, is called so in the sources. */
function isNamed(name: string): boolean {
  return sources.some((source) => source.includes(`"${name}"`) || source.includes(`\`${name}\``));
}

for (const [number, about, heldBy] of PITFALLS) {
  test(`pitfall ${number}: ${about}`, () => {
    if (typeof heldBy === "string") return assert.ok(heldBy.length > 20, "a pitfall that has no test has a reason");
    assert.ok(heldBy.length > 0, "a pitfall has a test or a reason");
    assert.deepEqual(
      heldBy.filter((name) => !isNamed(name)),
      [],
      "no test has this name",
    );
  });
}

test("the pitfalls are numbered as the specification numbers them", () => {
  const count = PITFALLS.length;
  assert.deepEqual(
    PITFALLS.map(([number]) => number),
    Array.from({ length: count }, (_, index) => index + 1),
  );
  if (!existsSync(SPECIFICATION)) return;
  const text = readFileSync(SPECIFICATION, "utf8");
  const section = text.slice(text.indexOf("\n## B. "), text.indexOf("\n## C. "));
  const numbers = Array.from(section.matchAll(/^(\d+)\. \[/gm), ([, number]) => Number(number));
  assert.deepEqual(
    numbers,
    Array.from({ length: count }, (_, index) => index + 1),
  );
});
