// What the environment says that was hardly meant, and environment files as editors write them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { strayLines, textOfFile } from "../../src/config/env-file.ts";
import { VARIABLES } from "../../src/config/variables.ts";
import { warningsOf } from "../../src/config/warnings.ts";
import { nearest } from "../../src/models/nearest.ts";

function warned(environment: Record<string, string>, endpoints: readonly string[] = ["https://api.factory.ai/"]): unknown[] {
  return warningsOf({ environment, endpoints, nearest }).map(({ event, fields }) => [event, fields["name"], fields["meant"]]);
}

test("warnings: a name within two edits of a variable's, or one of a short one's, is named with what was probably meant", () => {
  const environment = { PROXY_API_KEYS: "x", LOG_LVL: "x", PORTT: "x", HSOT: "x", RETIRES: "x" };
  assert.deepEqual(warned(environment), [
    ["unknown variable", "PROXY_API_KEYS", "PROXY_API_KEY"],
    ["unknown variable", "LOG_LVL", "LOG_LEVEL"],
    ["unknown variable", "PORTT", "PORT"],
    ["unknown variable", "HSOT", "HOST"],
    ["unknown variable", "RETIRES", "RETRIES"],
  ]);
});

test("warnings: a name that people expect, and the host that Factory's API had once", () => {
  assert.deepEqual(warned({ FACTORY_URL: "x", RETRY: "x" }), [
    ["unknown variable", "FACTORY_URL", "FACTORY_BASE_URL"],
    ["unknown variable", "RETRY", "RETRIES"],
  ]);
  const old = "https://app.factory.ai/api/llm/o/v1/responses";
  const urls = { FACTORY_BASE_URL: "https://api.eu.factory.ai", OPENAI_TARGET_URL: old, ANTHROPIC_TARGET_URL: "no URL" };
  assert.deepEqual(warned(urls), [["old upstream", "OPENAI_TARGET_URL", undefined]]);
});

test("warnings: none about the variables themselves, or those of a usual shell", () => {
  const usual =
    "PATH HOME PWD OLDPWD USER LOGNAME SHELL TERM LANG LC_ALL SHLVL TZ EDITOR PAGER HOSTNAME DISPLAY TMPDIR COLORTERM MAIL ROOT";
  const names = [...Object.keys(VARIABLES), ...usual.split(" "), "_", "CI", "NO_PROXY", "HTTPS_PROXY", "BUN_OPTIONS", "NODE_OPTIONS"];
  assert.deepEqual(warned(Object.fromEntries(names.map((name) => [name, "x"]))), []);
});

test("warnings: certificates that are not checked, and a proxy before an upstream of plain http", () => {
  assert.deepEqual(warned({ NODE_TLS_REJECT_UNAUTHORIZED: "0" }), [["insecure", "NODE_TLS_REJECT_UNAUTHORIZED", undefined]]);
  assert.deepEqual(warned({ NODE_TLS_REJECT_UNAUTHORIZED: "1", HTTP_PROXY: "http://proxy.test" }), []);
  assert.deepEqual(warned({ http_proxy: "http://proxy.test" }, ["http://factory.test/"]), [["insecure", "http_proxy", undefined]]);
});

test("environment file: UTF-8 and UTF-16 are read, with their marks, and what is neither is none", () => {
  const text = "A=☃\n";
  const little = new Uint8Array(new Uint16Array([0xfeff, ...Array.from(text, (character) => character.charCodeAt(0))]).buffer);
  const big = little.map((_, index) => little[index ^ 1] ?? 0);
  for (const bytes of [new TextEncoder().encode(text), new TextEncoder().encode(`\uFEFF${text}`), little, big]) {
    assert.equal(textOfFile(bytes), text);
  }
  for (const bytes of [little.subarray(2), Uint8Array.of(0xff), Uint8Array.of(0x41, 0)]) assert.equal(textOfFile(bytes), null);
});

test("environment file: a line sets something, is empty or is a comment", () => {
  assert.deepEqual(strayLines('A=1\r\n\r\n  # b\r\nexport C = 2\nD="x\ny"\nE=\'\nz\n\' # e\n#F="\nstray\n'), [11]);
  assert.deepEqual(strayLines('A="never closed\nstray\n'), [2]);
});
