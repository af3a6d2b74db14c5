// How answers are transported: cut anywhere, and compressed.

import { gzipSync } from "node:zlib";
import { incomplete, looking, shown, type Case } from "../case.ts";
import { answer, typeOf, type Plan, type Step } from "../lab/lab.ts";
import { ODD_TEXT, contentOf } from "../lab/reply-content.ts";
import { PROTOCOLS } from "../wire.ts";
import type { Scenario } from "../world.ts";

const UTF8 = new TextEncoder();

// ---- Pieces ------------------------------------------------------------------------------------------------------

function inPieces(bytes: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) => bytes.subarray(index * size, (index + 1) * size));
}

function split(name: string, change: (text: string) => string, size: number): Scenario {
  return {
    name: `split ${name}`,
    text: "Say something odd.",
    script: (seen): Plan => {
      const plan = answer(seen, contentOf({ text: ODD_TEXT }));
      return { ...plan, steps: inPieces(UTF8.encode(change(plan.steps.join(""))), size).flatMap(apart) };
    },
  };
}

/** With a pause inside a character: without one, chunks arrive together. */
function apart(piece: Uint8Array): Step[] {
  return (piece.at(-1) ?? 0) > LAST_OF_ASCII ? [piece, { pauseMs: 1 }] : [piece];
}
const LAST_OF_ASCII = 0x7f;

const SPLITS = [
  { name: "after every byte", scenario: split("after every byte", (text) => text, 1) },
  { name: "after every seventh byte", scenario: split("after every seventh byte", (text) => text, 7) },
  { name: "CRLF for line ends, after every third byte", scenario: split("crlf", (text) => text.replaceAll(/\r?\n/g, "\r\n"), 3) },
];

const SPLIT_CASES: readonly Case[] = PROTOCOLS.flatMap((protocol) => [
  ...SPLITS.map(({ name, scenario }) =>
    looking({
      area: "split-utf8",
      name: `${protocol} ${name}`,
      protocol,
      needs: "lab",
      expected: "the text, character by character",
      breaks: "all clients: � in place of letters, or events that are lost",
      scenario,
      stream: true,
      check: (one) => incomplete(one) ?? (one.said.text === ODD_TEXT ? null : shown(one.said.text)),
    }),
  ),
  looking({
    area: "split-utf8",
    name: `${protocol} one event of 300 KB`,
    protocol,
    needs: "lab",
    expected: "all of it",
    breaks: "agents that get large arguments: a scanner of 64 KiB cuts them",
    scenario: { name: "a long event", text: "Say a long word.", script: (seen) => answer(seen, contentOf({ text: LONG_WORD })) },
    stream: true,
    check: (one) => incomplete(one) ?? (one.said.text === LONG_WORD ? null : `${one.said.text.length} of ${LONG_WORD.length} characters`),
  }),
]);
const LONG_WORD = "é".repeat(150_000);

// ---- Compression -------------------------------------------------------------------------------------------------

/** Whether or not the gateway asked for it: providers and their front ends compress all the same. */
const PACKED: Scenario = {
  name: "packed",
  text: "Say something odd.",
  script: (seen): Plan => {
    const plan = answer(seen, contentOf({ text: ODD_TEXT }));
    const bytes = gzipSync(UTF8.encode(plan.steps.join("")));
    return { ...plan, headers: { ...typeOf(seen), "content-encoding": "gzip" }, steps: inPieces(bytes, PACKED_PIECE) };
  },
};
const PACKED_PIECE = 50;

const COMPRESSION_CASES: readonly Case[] = PROTOCOLS.flatMap((protocol) =>
  [true, false].flatMap((stream): Case[] => [
    looking({
      area: "compression",
      name: `${protocol} packed by the upstream${stream ? ", streamed" : ""}`,
      protocol,
      needs: "lab",
      expected: "a body that its own headers describe: the text",
      breaks: "SDKs: content-encoding gzip on a body that is not packed, or the other way round",
      scenario: PACKED,
      stream,
      check: (one) => incomplete(one) ?? (one.said.text === ODD_TEXT ? null : shown(one.said.text)),
    }),
    looking({
      area: "compression",
      name: `${protocol} a client that takes nothing packed${stream ? ", streamed" : ""}`,
      protocol,
      needs: "lab",
      expected: "no content-encoding",
      breaks: "clients that send accept-encoding: identity read noise",
      scenario: { ...PACKED, name: "packed, identity", headers: { "accept-encoding": "identity" } },
      stream,
      check: (one) => {
        const encoding = one.headers["content-encoding"] ?? "identity";
        return encoding === "identity" ? incomplete(one) : `content-encoding ${encoding}`;
      },
    }),
  ]),
);

export const TRANSPORT_CASES: readonly Case[] = [...SPLIT_CASES, ...COMPRESSION_CASES];
