// Stop sequences in a text that comes in pieces: where it ends does not depend on the pieces, nor what a piece costs on how many are looked for.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openaiResponses } from "../../../src/protocol/openai-responses/codec.ts";
import { MAX_STOP_LENGTH, StopScanner, StopSequences, usableStops } from "../../../src/protocol/openai-responses/stop-sequences.ts";
import { request } from "../../support/canonical.ts";

function scanned(sequences: readonly string[], pieces: readonly string[]): { text: string; sequence: string | null } {
  const scanner = new StopScanner(new StopSequences(sequences));
  let text = "";
  for (const piece of pieces) {
    const found = scanner.push(piece);
    text += found.text;
    if (found.sequence !== null) return { text, sequence: found.sequence };
  }
  return { text: text + scanner.flush(), sequence: null };
}

const TEXTS: readonly (readonly [sequences: readonly string[], text: string, end: string, sequence: string | null])[] = [
  [["END"], "a ENEND b", "a EN", "END"],
  [["b", "ab"], "xab", "x", "ab"],
  [["abcd", "bc"], "abcd", "a", "bc"],
  [["abcd", "c"], "abc", "ab", "c"],
  [["aab"], "aaab", "a", "aab"],
  [["abab", "aba"], "xabab", "x", "aba"],
  [["", "x"], "ab", "ab", null],
  [["ab"], "aaaa", "aaaa", null],
  [["\n\nHuman:"], "Hi\n\nHumans\n\nHuman: yes", "Hi\n\nHumans", "\n\nHuman:"],
];

test("a text ends in front of the sequence that is complete first, wherever it is cut", () => {
  for (const [sequences, text, end, sequence] of TEXTS) {
    for (let cut = 0; cut <= text.length; cut++) {
      for (let next = cut; next <= text.length; next++) {
        const pieces = [text.slice(0, cut), text.slice(cut, next), text.slice(next)];
        assert.deepEqual(scanned(sequences, pieces), { text: end, sequence }, pieces.join("|"));
      }
    }
  }
});

test("no more is held back than the longest beginning of a sequence", () => {
  const scanner = new StopScanner(new StopSequences(["STOP", "TOPS"]));
  assert.deepEqual(
    ["a S", "TO", "X", "T"].map((piece) => scanner.push(piece).text),
    ["a ", "", "STOX", ""],
  );
  assert.equal(scanner.flush(), "T");
});

/** How often a scanner looks something up for a text. */
function lookUps(count: number, text: string): number {
  const sequences = new StopSequences(Array.from({ length: count }, (_, index) => `stop ${index}`));
  let steps = 0;
  const next = sequences.next.bind(sequences);
  sequences.next = (state, unit) => {
    steps++;
    return next(state, unit);
  };
  const scanner = new StopScanner(sequences);
  for (const piece of text.match(/.{1,4}/g) ?? []) scanner.push(piece);
  return steps;
}

test("a thousand sequences cost no more steps than one", () => {
  const text = "we stop here, or stop there; ".repeat(20);
  assert.deepEqual([lookUps(1, text), lookUps(1000, text)], [text.length, text.length]);
});

test("sequences beyond the limit are a refused loss in the client's words, and the first ones are looked for where it is repaired", () => {
  const half = "x".repeat(MAX_STOP_LENGTH / 2);
  const refused = { field: "stop", severity: "refused", reason: "All stop sequences together may have 16384 characters." };
  const lossesOf = (stop: readonly string[]): unknown => openaiResponses.request.encode(request({ stop })).losses;
  assert.deepEqual([lossesOf([half, "", half]), lossesOf([half, half, "y"])], [[], [refused]]);
  assert.deepEqual(usableStops([half, "", half, "y"]), [half, half]);
});
