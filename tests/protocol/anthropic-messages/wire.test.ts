// Every member of the official client's request types has its fate in the codec.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { FIELDS } from "../../../src/protocol/anthropic-messages/wire.ts";

/** The members of an interface of the SDK's type declarations. */
function membersOf(file: string): string[] {
  const source = readFileSync(new URL(`../../../node_modules/@anthropic-ai/sdk/resources/${file}`, import.meta.url), "utf8");
  const body = /export interface MessageCreateParamsBase \{\n([\s\S]*?)\n\}/.exec(source)?.[1] ?? "";
  return Array.from(body.matchAll(/^ {4}(\w+)\??:/gm), ([, name]) => name ?? "");
}

test("every member of the official request types has its fate, and so has what the API version before still takes", () => {
  const declared = [...membersOf("messages/messages.d.ts"), ...membersOf("beta/messages/messages.d.ts")];
  assert.deepEqual(Object.keys(FIELDS).sort(), [...new Set([...declared, "temperature", "top_p", "top_k"])].sort());
});
