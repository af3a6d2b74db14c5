// Words by which official clients take an error for another one, and then show advice of their own in its place.
// No sentence of this program for a client may hold them.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const SRC = new URL("../src/", import.meta.url);
/** What only people at a terminal, in a browser or in a log read. */
const NOT_FOR_CLIENTS = /^(?:cli|config|runtime|telemetry|http\/dashboard)\//;

/** Read in November 2026 in the programs themselves: Claude Code 2.1.332, Gemini CLI 0.61.0, Qwen Code 0.24.4, opencode 1.18.33, pi 0.73.1. */
const WORDS: Readonly<Record<string, RegExp>> = {
  "Claude Code: not logged in": /x-api-key|not a valid api key for this workspace/i,
  "Claude Code: the account is out of credit, or disabled":
    /credit balance is too low|organization has been disabled|usage credits (?:are )?required/i,
  "Claude Code: sign in again": /api key authentication is disabled|oauth (?:access )?token has been revoked/i,
  "Claude Code: the plan lacks the model":
    /invalid model name|is not enabled for (?:this|your) organization|not available for this organization/i,
  "Claude Code: the API is at capacity": /repeated 529 overloaded|experiencing high load/i,
  "Claude Code, opencode, pi: the conversation is too long, so it is compacted":
    /(?:prompt|input) is too long|request_too_large|context.?window|maximum (?:context|prompt) length|(?:limit of|maximum number of|too many) (?:\d+ )?tokens|exceeds the (?:limit of|maximum)|token limit exceeded|request entity too large|reduce the length/i,
  "Gemini CLI: the daily quota is used up": /please retry in|limit:\s*0|exhausted your capacity|capacity exceeded/i,
  "Qwen Code: the plan is used up": /quota.*(?:exhausted|exceeded)/i,
};

/** Sentences in the code: its texts that hold a space, without those of the comments. */
function sentencesOf(source: string): string[] {
  const code = source.replaceAll(/^\s*(?:\/\/|\/?\*).*$/gm, "");
  return [...code.matchAll(/"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g)].map(([text]) => text).filter((text) => text.includes(" "));
}

/** These are there to be recognised. */
const MEANT = new Set(["protocol/context-overflow.ts"]);

test("client words: no sentence for a client makes it show the advice of another error", () => {
  const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).map((file) => file.replaceAll("\\", "/"));
  const read = files.filter((file) => /\.tsx?$/.test(file) && !NOT_FOR_CLIENTS.test(file) && !MEANT.has(file));
  const found = read.flatMap((file) =>
    sentencesOf(readFileSync(new URL(file, SRC), "utf8")).flatMap((text) =>
      Object.entries(WORDS)
        .filter(([, words]) => words.test(text))
        .map(([advice]) => `${file}: ${text} (${advice})`),
    ),
  );
  assert.deepEqual(found, [
    'protocol/anthropic-messages/errors.ts: "prompt is too long" (Claude Code, opencode, pi: the conversation is too long, so it is compacted)',
  ]);
});
