// Canonical answers -> what a client of Gemini's protocol gets, streamed and not.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../../src/errors.ts";
import type { Reply, ReplyEvent } from "../../../src/protocol/canonical.ts";
import { inOrder, unfold } from "../../../src/protocol/fold.ts";
import { gemini } from "../../../src/protocol/gemini/codec.ts";
import { UNSIGNED } from "../../../src/protocol/gemini/seals.ts";
import { chain, run } from "../../../src/wire/machine.ts";
import {
  anthropic,
  base64,
  call,
  delta,
  exchange as ofCall,
  finish,
  image,
  opened,
  reasoning,
  reply,
  started,
  text,
} from "../../support/canonical.ts";

const exchange = ofCall({ model: "gemini-2.5-pro" });
const sent = (events: readonly ReplyEvent[]): unknown[] =>
  run(chain(inOrder(), gemini.reply.encoder(exchange)), events).map(({ event, data }) => {
    assert.equal(event, null);
    assert.ok(!/[\r\n]/.test(data), "an event is one line");
    return JSON.parse(data) as unknown;
  });

const ID = { responseId: "r1", modelVersion: "gemini-x" };
const STOP = { finishReason: "STOP" };
const end = finish("end", "STOP");
const called = finish("tool-calls", "STOP");
const claude = anthropic("claude's own");
const SEALED = btoa(`gw1.anthropic.${btoa("claude's own").replace(/=+$/, "")}`);
const answer = (more: Partial<Reply>): Reply => reply([], { model: "gemini-x", finish: end, ...more });
const cited = (url: string, start: number | null, stop: number | null) =>
  ({ type: "url-citation", url, title: null, start, end: stop, quote: null }) as const;

interface EncodeRow {
  readonly name: string;
  readonly given: Partial<Reply>;
  /** `candidates[0].content.parts`, one by one; null when there is no content. */
  readonly parts: readonly unknown[] | null;
  /** The parts of a non-streaming answer where they differ. */
  readonly nonStreaming?: readonly unknown[];
  /** What else the last chunk's candidate says. */
  readonly candidate: object;
  readonly more?: object;
}

const ENCODED: readonly EncodeRow[] = [
  {
    name: "a text, and an id without the prefix of another protocol",
    given: { id: "msg_01AB", model: "claude-x", parts: [text("Hi")] },
    parts: [{ text: "Hi" }],
    candidate: STOP,
    more: { responseId: "01AB", modelVersion: "claude-x" },
  },
  {
    name: "an id where the upstream gave none",
    given: { id: "", model: "", parts: [text("Hi")] },
    parts: [{ text: "Hi" }],
    candidate: STOP,
    more: { responseId: "0a1b2c", modelVersion: "gemini-2.5-pro" },
  },
  {
    name: "a foreign proof is sealed, in base64, behind its thought; a hidden one is an empty text",
    given: { parts: [reasoning("Hm.", { proof: claude }), reasoning("", { proof: claude, redacted: true }), text("Yes.")] },
    parts: [
      { text: "Hm.", thought: true },
      { text: "", thought: true, thoughtSignature: SEALED },
      { text: "", thoughtSignature: SEALED },
      { text: "Yes." },
    ],
    nonStreaming: [{ text: "Hm.", thought: true, thoughtSignature: SEALED }, { text: "", thoughtSignature: SEALED }, { text: "Yes." }],
    candidate: STOP,
  },
  {
    name: "a call comes whole, with its id, with an empty object where it has no arguments; the first says that it is unsigned",
    given: {
      parts: [call("toolu_1", "f", '{\n  "n": 7\n}'), call("toolu_2", "g", "")],
      finish: { ...called, raw: "tool_use" },
    },
    parts: [
      { functionCall: { id: "toolu_1", name: "f", args: { n: 7 } }, thoughtSignature: UNSIGNED },
      { functionCall: { id: "toolu_2", name: "g", args: {} } },
    ],
    candidate: STOP,
  },
  {
    name: "a call that was cut is left out, and the limit is the reason",
    given: { parts: [text("I call."), call("a", "f", '{"x":')], finish: { ...end, kind: "length", raw: "max_tokens" } },
    parts: [{ text: "I call." }],
    candidate: { finishReason: "MAX_TOKENS" },
  },
  {
    name: "a call that is no JSON is left out, and Gemini has a word for that",
    given: { parts: [call("a", "f", "{x:1}")], finish: called },
    parts: [],
    candidate: { finishReason: "MALFORMED_FUNCTION_CALL", finishMessage: "The model's call had arguments that are not JSON." },
  },
  {
    name: "a refusal is its text, and SAFETY",
    given: { parts: [{ type: "refusal", text: "I won't." }], finish: { ...end, raw: "stop" } },
    parts: [{ text: "I won't." }],
    candidate: { finishReason: "SAFETY" },
  },
  {
    name: "a filtered answer without a word has no content, and a reason of Gemini's list",
    given: { finish: { kind: "filtered", raw: "refusal", stopSequence: null, explanation: "Not this." } },
    parts: null,
    candidate: { finishReason: "SAFETY", finishMessage: "Not this." },
  },
  {
    name: "Gemini's own word stays",
    given: { parts: [text("H")], finish: { ...end, kind: "filtered", raw: "RECITATION" } },
    parts: [{ text: "H" }],
    candidate: { finishReason: "RECITATION" },
  },
  {
    name: "an end that nobody knows is OTHER",
    given: { parts: [text("H")], finish: { ...end, kind: "other", raw: "odd" } },
    parts: [{ text: "H" }],
    candidate: { finishReason: "OTHER" },
  },
  {
    name: "a full context is a limit",
    given: { parts: [text("H")], finish: { ...end, kind: "context-full", raw: "x" } },
    parts: [{ text: "H" }],
    candidate: { finishReason: "MAX_TOKENS" },
  },
  {
    name: "a pause that came this far is a limit",
    given: { parts: [text("H")], finish: { ...end, kind: "paused", raw: "pause_turn" } },
    parts: [{ text: "H" }],
    candidate: { finishReason: "MAX_TOKENS" },
  },
  {
    name: "counters are Gemini's sums, thoughts outside of the candidates",
    given: { parts: [text("H")], usage: { inputTokens: 10, cacheReadTokens: 5, cacheWriteTokens: 3, outputTokens: 9, reasoningTokens: 4 } },
    parts: [{ text: "H" }],
    candidate: STOP,
    more: {
      usageMetadata: {
        promptTokenCount: 18,
        cachedContentTokenCount: 5,
        candidatesTokenCount: 5,
        thoughtsTokenCount: 4,
        totalTokenCount: 27,
      },
    },
  },
  {
    name: "sources by bytes of all the text",
    given: {
      parts: [text("Grüße. "), text("Ja.", { annotations: [cited("https://a.example", 0, 3), cited("https://b.example", null, null)] })],
    },
    parts: [{ text: "Grüße. " }, { text: "Ja." }],
    candidate: {
      ...STOP,
      groundingMetadata: {
        groundingChunks: [{ web: { uri: "https://a.example" } }, { web: { uri: "https://b.example" } }],
        groundingSupports: [{ segment: { startIndex: 9, endIndex: 12, text: "Ja." }, groundingChunkIndices: [0] }],
      },
    },
  },
  {
    name: "an image is inline data, what only another protocol knows is left out",
    given: {
      parts: [
        image(base64("image/png", "iVBORw0KGgo")),
        { type: "opaque", protocol: "openai-responses", name: "web_search_call", value: "{}", severity: "reported" },
      ],
    },
    parts: [{ inlineData: { mimeType: "image/png", data: "iVBORw0KGgo" } }],
    candidate: STOP,
  },
];

for (const { name, given, parts, nonStreaming, candidate, more } of ENCODED) {
  test(`encodes: ${name}`, () => {
    const full = answer(given);
    const envelope = { ...ID, ...more };
    const all = nonStreaming ?? parts;
    const empty = all === null ? {} : { content: { parts: all.length === 0 ? [{ text: "" }] : all, role: "model" } };
    assert.deepEqual(JSON.parse(gemini.reply.encode(full, exchange)), {
      candidates: [{ ...empty, ...candidate, index: 0 }],
      ...envelope,
    });
    const { usageMetadata: _, ...each } = envelope as Record<string, unknown>;
    const closing = parts === null ? {} : { content: { parts: [{ text: "" }], role: "model" } };
    assert.deepEqual(sent(unfold(full)), [
      ...(parts ?? []).map((part) => ({ candidates: [{ content: { parts: [part], role: "model" }, index: 0 }], ...each })),
      { candidates: [{ ...closing, ...candidate, index: 0 }], ...envelope },
    ]);
  });
}

test("a stream has no names of events and no [DONE]; an error is its last event", () => {
  const events: ReplyEvent[] = [
    started("chatcmpl-1", "glm"),
    opened(0, text()),
    delta(0, "Hi"),
    { type: "reply-error", error: new GatewayError("upstream-failed", "It broke.") },
  ];
  assert.deepEqual(sent(events), [
    { candidates: [{ content: { parts: [{ text: "Hi" }], role: "model" }, index: 0 }], responseId: "1", modelVersion: "glm" },
    { error: { code: 502, message: "It broke.", status: "UNAVAILABLE" } },
  ]);
});
