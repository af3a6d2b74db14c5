// Gemini's codec, answers and errors: what an upstream says (decode), what a client hears (encode), whole and streamed.
// Numbers in the names are those of the specification's table of pitfalls, letters its mapping tables.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError, type ErrorKind } from "../../../src/errors.ts";
import type { FinishReason, Reply, ReplyEvent, Usage } from "../../../src/protocol/canonical.ts";
import { fold, grammar, inOrder, unfold } from "../../../src/protocol/fold.ts";
import { gemini } from "../../../src/protocol/gemini/codec.ts";
import { UNSIGNED } from "../../../src/protocol/gemini/seals.ts";
import { chain, run } from "../../../src/wire/machine.ts";
import type { SseEvent } from "../../../src/wire/sse.ts";
import { assistant, call, exchange, result, sent, text, thought, tool, user } from "../../support/gemini.ts";

const sse = (chunk: unknown): SseEvent => ({ event: null, data: typeof chunk === "string" ? chunk : JSON.stringify(chunk) });
const events = (chunks: readonly unknown[], said = exchange()): ReplyEvent[] =>
  run(chain(gemini.reply.decoder(said), grammar()), chunks.map(sse));
const heard = (told: readonly ReplyEvent[], said = exchange()): unknown[] =>
  run(chain(inOrder(), gemini.reply.encoder(said)), told).map(({ event, data }) => {
    assert.equal(event, null);
    assert.ok(!/[\r\n]/.test(data), "an event is one line");
    return JSON.parse(data) as unknown;
  });

const ID = { responseId: "r1", modelVersion: "gemini-x" };
const chunk = (parts: readonly unknown[], more: object = {}): object => ({
  candidates: [{ content: { parts, role: "model" }, index: 0, ...more }],
  ...ID,
});
const STOP = { finishReason: "STOP" };
const end: FinishReason = { kind: "end", raw: "STOP", stopSequence: null, explanation: null };
const called: FinishReason = { ...end, kind: "tool-calls" };
const google = (data: string) => ({ origin: "google", data }) as const;
const claude = { origin: "anthropic", data: "claude's own" } as const;
const SEALED = btoa(`gw1.anthropic.${btoa("claude's own").replace(/=+$/, "")}`);
const reply = (said: Partial<Reply>): Reply => ({ id: "r1", model: "gemini-x", parts: [], usage: null, finish: end, ...said });
const usage = (said: Partial<Usage>): Usage => ({
  inputTokens: null,
  cacheReadTokens: null,
  cacheWriteTokens: null,
  outputTokens: null,
  reasoningTokens: null,
  ...said,
});
const cited = (url: string, start: number | null, stop: number | null) =>
  ({ type: "url-citation", url, title: null, start, end: stop, quote: null }) as const;

// ---- Decode ------------------------------------------------------------------------------------------------------

interface DecodeRow {
  readonly name: string;
  readonly chunks: readonly unknown[];
  readonly said?: ReturnType<typeof exchange>;
  readonly expected: Reply;
}

const DECODED: readonly DecodeRow[] = [
  {
    name: "168: a signature on an empty part at the end belongs to the text before it",
    chunks: [chunk([{ text: "Hel" }]), chunk([{ text: "lo" }]), chunk([{ text: "", thoughtSignature: "R29v" }], STOP)],
    expected: reply({ parts: [text("Hello", { proof: google("R29v") })] }),
  },
  {
    name: "A.8: a signature without anything before it is a thought that stays hidden; text behind a signed one is a part of its own",
    chunks: [chunk([{ text: "", thoughtSignature: "QUJD" }, { text: "One", thoughtSignature: "R29v" }, { text: "Two" }], STOP)],
    expected: reply({ parts: [thought("", google("QUJD"), true), text("One", { proof: google("R29v") }), text("Two")] }),
  },
  {
    name: "A.8: thoughts and the answer are parts of their own, a signature of a thought included",
    chunks: [
      chunk([{ text: "I ", thought: true }]),
      chunk([{ text: "think.", thought: true }]),
      chunk([{ text: "", thought: true, thoughtSignature: "R29v" }, { text: "Yes." }], STOP),
    ],
    expected: reply({ parts: [thought("I think.", google("R29v")), text("Yes.")] }),
  },
  {
    name: "132: STOP in an event of its own ends a turn of calls as one",
    chunks: [chunk([{ functionCall: { id: "a", name: "f", args: { x: 1 } }, thoughtSignature: "R29v" }]), chunk([{ text: "" }], STOP)],
    expected: reply({ parts: [call("a", "f", '{"x":1}', { proof: google("R29v") })], finish: called }),
  },
  {
    name: "170: calls without ids get those that decoding their echo gives",
    chunks: [chunk([{ functionCall: { name: "f" } }, { functionCall: { name: "g", args: {} } }], STOP)],
    said: exchange({ turns: [user(text("Hi")), assistant(call("x", "f", "{}")), user(result("x", "1"))] }),
    expected: reply({ parts: [call("call_3_0", "f", "{}"), call("call_3_1", "g", "{}")], finish: called }),
  },
  {
    name: "70: arguments keep their text",
    chunks: [
      `{"candidates":[{"content":{"parts":[{"functionCall":{"id":"a","name":"f","args":{ "n":12345678901234567890, "b":1.0 }}}]},"finishReason":"STOP"}],"responseId":"r1","modelVersion":"gemini-x"}`,
    ],
    expected: reply({ parts: [call("a", "f", '{ "n":12345678901234567890, "b":1.0 }')], finish: called }),
  },
  {
    name: "67, 48: a free-form tool's text is taken out of its function, under the client's own name",
    chunks: [
      chunk(
        [
          { functionCall: { id: "a", name: "apply_patch_8d1c8cda", args: { input: "*** Begin\nx" } } },
          { functionCall: { id: "b", name: "_1st" } },
        ],
        STOP,
      ),
    ],
    said: exchange({ tools: [{ type: "custom", name: "apply/patch", namespace: null, description: null, grammar: null }, tool("1st")] }),
    expected: reply({ parts: [call("a", "apply/patch", "*** Begin\nx", { kind: "custom" }), call("b", "1st", "{}")], finish: called }),
  },
  {
    name: "167: arguments in pieces, a call that ends by an empty one, one that ends by the next name, one that ends with the stream",
    chunks: [
      chunk([{ functionCall: { id: "a", name: "f", willContinue: true } }]),
      chunk([{ functionCall: { partialArgs: [{ jsonPath: "$.a.b[0]", stringValue: "x", willContinue: true }], willContinue: true } }]),
      chunk([
        {
          functionCall: {
            partialArgs: [
              { jsonPath: "$.a.b[0]", stringValue: "y" },
              { jsonPath: "$.a['c d']", boolValue: true },
            ],
            willContinue: true,
          },
        },
      ]),
      chunk([{ functionCall: {} }]),
      chunk([{ functionCall: { id: "b", name: "f", partialArgs: [{ jsonPath: "$.n", nullValue: "NULL_VALUE" }], willContinue: true } }]),
      chunk([{ functionCall: { id: "c", name: "f", partialArgs: [{ jsonPath: "$.l[1]", numberValue: 1 }], willContinue: true } }]),
      chunk([], STOP),
    ],
    expected: reply({
      parts: [call("a", "f", '{"a":{"b":["xy"],"c d":true}}'), call("b", "f", '{"n":null}'), call("c", "f", '{"l":[1]}')],
      finish: called,
    }),
  },
  {
    name: "130, 131: usage of the last event counts, thoughts are output, what was cached is no input",
    chunks: [
      { ...chunk([{ text: "H" }]), usageMetadata: { promptTokenCount: 100, candidatesTokenCount: 1 } },
      {
        ...chunk([{ text: "i" }], STOP),
        usageMetadata: {
          promptTokenCount: 100,
          cachedContentTokenCount: 60,
          toolUsePromptTokenCount: 5,
          candidatesTokenCount: 2,
          thoughtsTokenCount: 8,
        },
      },
    ],
    expected: reply({ parts: [text("Hi")], usage: usage({ inputTokens: 45, cacheReadTokens: 60, outputTokens: 10, reasoningTokens: 8 }) }),
  },
  {
    name: "169: a blocked prompt is a filtered answer",
    chunks: [{ promptFeedback: { blockReason: "JAILBREAK", blockReasonMessage: "Nice try." }, ...ID }],
    expected: reply({ finish: { kind: "filtered", raw: "JAILBREAK", stopSequence: null, explanation: "Nice try." } }),
  },
  {
    name: "A.14: words that nobody knows yet are an odd end",
    chunks: [chunk([{ text: "Hi" }], { finishReason: "BORED" })],
    expected: reply({ parts: [text("Hi")], finish: { ...end, kind: "other", raw: "BORED" } }),
  },
  {
    name: "A.14: a model that wants to go on is paused",
    chunks: [chunk([{ text: "Hi" }], { finishReason: "CONTINUATION" })],
    expected: reply({ parts: [text("Hi")], finish: { ...end, kind: "paused", raw: "CONTINUATION" } }),
  },
  {
    name: "176: sources by bytes, by their words where bytes do not fit, and without a place",
    chunks: [
      chunk([{ text: "Grüße 🦊. " }]),
      chunk([{ text: "Und Tschüß." }], {
        ...STOP,
        groundingMetadata: {
          groundingChunks: ["a", "b", "c"].map((name) => ({ web: { uri: `https://${name}.example` } })),
          groundingSupports: [
            { segment: { endIndex: 13, text: "Grüße 🦊." }, groundingChunkIndices: [0] },
            { segment: { startIndex: 99, endIndex: 112, text: "Und Tschüß." }, groundingChunkIndices: [0, 1] },
          ],
        },
        citationMetadata: { citations: [{ startIndex: 14, endIndex: 17, uri: "https://d.example" }, { endIndex: 3 }] },
      }),
    ],
    expected: reply({
      parts: [
        text("Grüße 🦊. Und Tschüß.", {
          annotations: [
            cited("https://a.example", 0, 9),
            cited("https://a.example", 10, 21),
            cited("https://b.example", 10, 21),
            cited("https://c.example", null, null),
            cited("https://d.example", 10, 13),
          ],
        }),
      ],
    }),
  },
  {
    name: "A.4: images and Google's own parts come whole",
    chunks: [
      chunk(
        [{ text: "Here:" }, { inlineData: { mimeType: "image/png", data: "AAAA" } }, { executableCode: { code: "1" } }, { text: "" }],
        STOP,
      ),
    ],
    expected: reply({
      parts: [
        text("Here:"),
        { type: "image", source: { type: "base64", mediaType: "image/png", data: "AAAA" }, detail: null, cache: null },
        { type: "opaque", protocol: "gemini", name: "executableCode", value: '{"executableCode":{"code":"1"}}', severity: "reported" },
      ],
    }),
  },
  {
    name: "A.16: without a name of its own the answer has that of the model that was asked",
    chunks: [{ candidates: [{ content: { parts: [{ text: "Hi" }] }, finishReason: "STOP" }] }],
    expected: reply({ id: "", model: "gemini-2.5-pro", parts: [text("Hi")] }),
  },
  {
    name: "164, C.5: a [DONE] and usage behind the finish do no harm",
    chunks: [chunk([{ text: "Hi" }], STOP), { usageMetadata: { promptTokenCount: 4, candidatesTokenCount: 1 }, ...ID }, "[DONE]"],
    expected: reply({ parts: [text("Hi")], usage: usage({ inputTokens: 4, outputTokens: 1 }) }),
  },
];

for (const { name, chunks, said, expected } of DECODED) {
  test(`decodes ${name}`, () => assert.deepEqual(fold(events(chunks, said)), expected));
}

test("the id that an answer's call gets is the one that its echo gets", () => {
  const first = { contents: [{ role: "user", parts: [{ text: "Hi" }] }] };
  const request = gemini.request.decode(sent(first));
  const answer = chunk([{ text: "Both." }, { functionCall: { name: "f" } }, { functionCall: { name: "f" } }], STOP);
  const parts = fold(events([answer], { ...exchange(), request })).parts;
  const echo = {
    contents: [
      ...first.contents,
      { role: "model", parts: [{ text: "Both." }, { functionCall: { name: "f" } }, { functionCall: { name: "f" } }] },
    ],
  };
  assert.deepEqual(gemini.request.decode(sent(echo)).turns[1]?.parts, parts);
});

test("an answer of several lines is read as the same one on one line", () => {
  const answer = chunk([{ functionCall: { id: "a", name: "f", args: { s: "a  b\n", n: [1, 2] } } }], STOP);
  const whole = gemini.reply.decode(JSON.stringify(answer, null, 2), exchange());
  assert.deepEqual(whole, fold(events([answer])));
  assert.deepEqual(whole.parts, [call("a", "f", '{"s":"a  b\\n","n":[1,2]}')]);
});

test("the events of an answer, one by one", () => {
  assert.deepEqual(
    events([
      { ...chunk([{ text: "Hi" }]), usageMetadata: { promptTokenCount: 4 } },
      chunk([{ functionCall: { id: "a", name: "f", args: { x: 1 } } }], STOP),
    ]),
    [
      { type: "reply-start", id: "r1", model: "gemini-x" },
      { type: "usage", usage: usage({ inputTokens: 4 }) },
      { type: "part-start", index: 0, part: text("") },
      { type: "part-delta", index: 0, text: "Hi" },
      { type: "part-end", index: 0, proof: null },
      { type: "part-start", index: 1, part: call("a", "f", "") },
      { type: "part-delta", index: 1, text: '{"x":1}' },
      { type: "part-end", index: 1, proof: null },
      { type: "reply-end", finish: called },
    ],
  );
});

// ---- Bad ends ----------------------------------------------------------------------------------------------------

const BROKEN: readonly (readonly [name: string, chunks: readonly unknown[], kind: ErrorKind, status: number, message: string])[] = [
  [
    "139: a stream without a finish reason",
    [chunk([{ text: "Hi" }])],
    "upstream-failed",
    502,
    "The upstream ended the stream before the answer was complete.",
  ],
  ["139: a stream without an event", [], "upstream-failed", 502, "The upstream ended the stream before the answer was complete."],
  [
    "an event that is no JSON",
    [chunk([{ text: "Hi" }]), "{", chunk([{ text: "more" }])],
    "upstream-failed",
    502,
    "The upstream sent an event that is not JSON.",
  ],
  [
    "142: an error in a stream that began with 200",
    [chunk([{ text: "Hi" }]), { error: { code: 503, message: "Overloaded.", status: "UNAVAILABLE" } }, chunk([{ text: "more" }])],
    "overloaded",
    503,
    "Overloaded.",
  ],
  ["142: an error as the first event", [{ error: { code: 429, message: "Slow down." } }], "rate-limited", 429, "Slow down."],
  [
    "A.14: a call that the model could not write",
    [chunk([], { finishReason: "MALFORMED_FUNCTION_CALL", finishMessage: "print(" })],
    "upstream-failed",
    502,
    "The model could not finish its answer (MALFORMED_FUNCTION_CALL): print(",
  ],
  [
    "A.14: an end for no reason, without a word",
    [chunk([{ text: "" }], { finishReason: "OTHER" })],
    "upstream-failed",
    502,
    "The model could not finish its answer (OTHER).",
  ],
];

for (const [name, chunks, kind, status, message] of BROKEN) {
  test(`${name} ends in an error, and nothing follows`, () => {
    const found = events(chunks);
    const last = found.at(-1);
    assert.ok(last?.type === "reply-error");
    assert.deepEqual({ kind: last.error.kind, status: last.error.status, message: last.error.message }, { kind, status, message });
  });
}

test("a whole answer that is none is an error", () => {
  for (const body of ["", "<html>", "{}", "[]", '"x"', '{"error":{"code":400,"message":"No."}}']) {
    assert.throws(() => gemini.reply.decode(body, exchange()), GatewayError, body);
  }
});

// ---- Encode ------------------------------------------------------------------------------------------------------

interface EncodeRow {
  readonly name: string;
  readonly said: Partial<Reply>;
  /** `candidates[0].content.parts`, one by one; null when there is no content. */
  readonly parts: readonly unknown[] | null;
  /** The parts of a whole answer where they differ. */
  readonly whole?: readonly unknown[];
  /** What else the last chunk's candidate says. */
  readonly candidate: object;
  readonly more?: object;
}

const ENCODED: readonly EncodeRow[] = [
  {
    name: "a text, and an id without the prefix of another protocol",
    said: { id: "msg_01AB", model: "claude-x", parts: [text("Hi")] },
    parts: [{ text: "Hi" }],
    candidate: STOP,
    more: { responseId: "01AB", modelVersion: "claude-x" },
  },
  {
    name: "A.16: an id where the upstream gave none",
    said: { id: "", model: "", parts: [text("Hi")] },
    parts: [{ text: "Hi" }],
    candidate: STOP,
    more: { responseId: "0a1b2c", modelVersion: "gemini-2.5-pro" },
  },
  {
    name: "A.8: a foreign proof is sealed, in base64, behind its thought; a hidden one is an empty text",
    said: { parts: [thought("Hm.", claude), thought("", claude, true), text("Yes.")] },
    parts: [
      { text: "Hm.", thought: true },
      { text: "", thought: true, thoughtSignature: SEALED },
      { text: "", thoughtSignature: SEALED },
      { text: "Yes." },
    ],
    whole: [{ text: "Hm.", thought: true, thoughtSignature: SEALED }, { text: "", thoughtSignature: SEALED }, { text: "Yes." }],
    candidate: STOP,
  },
  {
    name: "166, 120, 88: a call comes whole, with its id, with an empty object where it has no arguments; the first says that it is unsigned",
    said: {
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
    name: "A.14: a call that was cut is left out, and the limit is the reason",
    said: { parts: [text("I call."), call("a", "f", '{"x":')], finish: { ...end, kind: "length", raw: "max_tokens" } },
    parts: [{ text: "I call." }],
    candidate: { finishReason: "MAX_TOKENS" },
  },
  {
    name: "A.14: a call that is no JSON is left out, and Gemini has a word for that",
    said: { parts: [call("a", "f", "{x:1}")], finish: called },
    parts: [],
    candidate: { finishReason: "MALFORMED_FUNCTION_CALL", finishMessage: "The model's call had arguments that are not JSON." },
  },
  {
    name: "135: a refusal is its text, and SAFETY",
    said: { parts: [{ type: "refusal", text: "I won't." }], finish: { ...end, raw: "stop" } },
    parts: [{ text: "I won't." }],
    candidate: { finishReason: "SAFETY" },
  },
  {
    name: "134, 169: a filtered answer without a word has no content, and a reason of Gemini's list",
    said: { finish: { kind: "filtered", raw: "refusal", stopSequence: null, explanation: "Not this." } },
    parts: null,
    candidate: { finishReason: "SAFETY", finishMessage: "Not this." },
  },
  {
    name: "134: Gemini's own word stays",
    said: { parts: [text("H")], finish: { ...end, kind: "filtered", raw: "RECITATION" } },
    parts: [{ text: "H" }],
    candidate: { finishReason: "RECITATION" },
  },
  {
    name: "134: an end that nobody knows is OTHER",
    said: { parts: [text("H")], finish: { ...end, kind: "other", raw: "odd" } },
    parts: [{ text: "H" }],
    candidate: { finishReason: "OTHER" },
  },
  {
    name: "136: a full context is a limit",
    said: { parts: [text("H")], finish: { ...end, kind: "context-full", raw: "x" } },
    parts: [{ text: "H" }],
    candidate: { finishReason: "MAX_TOKENS" },
  },
  {
    name: "137: a pause that came this far is a limit",
    said: { parts: [text("H")], finish: { ...end, kind: "paused", raw: "pause_turn" } },
    parts: [{ text: "H" }],
    candidate: { finishReason: "MAX_TOKENS" },
  },
  {
    name: "A.15: counters are Gemini's sums, thoughts outside of the candidates",
    said: { parts: [text("H")], usage: { inputTokens: 10, cacheReadTokens: 5, cacheWriteTokens: 3, outputTokens: 9, reasoningTokens: 4 } },
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
    name: "176: sources by bytes of all the text",
    said: {
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
    name: "A.4: an image is inline data, what only another protocol knows is left out",
    said: {
      parts: [
        { type: "image", source: { type: "base64", mediaType: "image/png", data: "iVBORw0KGgo" }, detail: null, cache: null },
        { type: "opaque", protocol: "openai-responses", name: "web_search_call", value: "{}", severity: "reported" },
      ],
    },
    parts: [{ inlineData: { mimeType: "image/png", data: "iVBORw0KGgo" } }],
    candidate: STOP,
  },
];

for (const { name, said, parts, whole, candidate, more } of ENCODED) {
  test(`encodes ${name}`, () => {
    const told = reply(said);
    const envelope = { ...ID, ...more };
    const all = whole ?? parts;
    const empty = all === null ? {} : { content: { parts: all.length === 0 ? [{ text: "" }] : all, role: "model" } };
    assert.deepEqual(JSON.parse(gemini.reply.encode(told, exchange())), {
      candidates: [{ ...empty, ...candidate, index: 0 }],
      ...envelope,
    });
    const { usageMetadata: _, ...each } = envelope as Record<string, unknown>;
    const closing = parts === null ? {} : { content: { parts: [{ text: "" }], role: "model" } };
    assert.deepEqual(heard(unfold(told)), [
      ...(parts ?? []).map((part) => ({ candidates: [{ content: { parts: [part], role: "model" }, index: 0 }], ...each })),
      { candidates: [{ ...closing, ...candidate, index: 0 }], ...envelope },
    ]);
  });
}

test("163, 164, 165: a stream has no names of events and no [DONE]; an error is its last event", () => {
  const told: ReplyEvent[] = [
    { type: "reply-start", id: "chatcmpl-1", model: "glm" },
    { type: "part-start", index: 0, part: text("") },
    { type: "part-delta", index: 0, text: "Hi" },
    { type: "reply-error", error: new GatewayError("upstream-failed", "It broke.") },
  ];
  assert.deepEqual(heard(told), [
    { candidates: [{ content: { parts: [{ text: "Hi" }], role: "model" }, index: 0 }], responseId: "1", modelVersion: "glm" },
    { error: { code: 502, message: "It broke.", status: "UNAVAILABLE" } },
  ]);
});

// ---- Errors ------------------------------------------------------------------------------------------------------

const RETRY = { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "34.4s" };

interface ErrorRow {
  readonly name: string;
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Record<string, string>;
  readonly expected: Partial<GatewayError>;
}

const ERRORS: readonly ErrorRow[] = [
  {
    name: "A.17: RetryInfo is a retry-after, rounded up",
    status: 429,
    body: { error: { code: 429, message: "Quota.", status: "RESOURCE_EXHAUSTED", details: [RETRY] } },
    expected: {
      kind: "rate-limited",
      status: 429,
      message: "Quota.",
      type: "RESOURCE_EXHAUSTED",
      details: { details: [RETRY] },
      headers: { "retry-after": "35" },
    },
  },
  {
    name: "A.17: a header says it better than the body",
    status: 503,
    body: { error: { code: 503, message: "Busy.", details: [RETRY] } },
    headers: { "retry-after": "7" },
    expected: { kind: "overloaded", status: 503, message: "Busy.", details: { details: [RETRY] }, headers: { "retry-after": "7" } },
  },
  {
    name: "A.17: milliseconds",
    status: 429,
    body: "",
    headers: { "retry-after-ms": "1500" },
    expected: {
      kind: "rate-limited",
      status: 429,
      message: "The upstream answered with status 429 and no readable error.",
      headers: { "retry-after": "2" },
    },
  },
  {
    name: "A.17: an error in an array, as a stream without events has it",
    status: 400,
    body: [{ error: { code: 400, message: "Bad.", status: "INVALID_ARGUMENT" } }],
    expected: { kind: "upstream-rejected", status: 400, message: "Bad.", type: "INVALID_ARGUMENT" },
  },
  {
    name: "A.17: too long a conversation has the code that agents know",
    status: 400,
    body: {
      error: {
        code: 400,
        message: "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576).",
        status: "INVALID_ARGUMENT",
      },
    },
    expected: {
      kind: "upstream-rejected",
      status: 400,
      message: "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576).",
      code: "context_length_exceeded",
      type: "INVALID_ARGUMENT",
    },
  },
  {
    name: "A.17: Google's reason is the code",
    status: 400,
    body: {
      error: {
        code: 400,
        message: "API key not valid.",
        status: "INVALID_ARGUMENT",
        details: [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "API_KEY_INVALID" }],
      },
    },
    expected: {
      kind: "upstream-rejected",
      status: 400,
      message: "API key not valid.",
      code: "API_KEY_INVALID",
      type: "INVALID_ARGUMENT",
      details: { details: [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "API_KEY_INVALID" }] },
    },
  },
  {
    name: "193: a page of HTML",
    status: 502,
    body: "<html><h1>Bad gateway</h1></html>",
    expected: { kind: "upstream-failed", status: 502, message: "The upstream answered with status 502 and no readable error." },
  },
];

for (const { name, status, body, headers, expected } of ERRORS) {
  test(`decodes an error, ${name}`, () => {
    const {
      kind,
      status: found,
      message,
      param,
      code,
      type,
      details,
      headers: kept,
    } = gemini.error.decode(status, typeof body === "string" ? body : JSON.stringify(body), headers ?? {});
    assert.deepEqual(
      { kind, status: found, message, param, code, type, details, headers: kept },
      { param: null, code: null, type: null, details: null, headers: {}, ...expected },
    );
  });
}

test("192: an error of the gateway has Google's shape, with the field, the code, the time to wait and the request's id", () => {
  const error = new GatewayError("rate-limited", "Slow down.", {
    param: "contents",
    code: "rate_limit_exceeded",
    headers: { "retry-after": "3" },
  });
  const { status, body } = gemini.error.encode(error, "req-1");
  const type = "type.googleapis.com/google.rpc.";
  assert.equal(status, 429);
  assert.deepEqual(JSON.parse(body), {
    error: {
      code: 429,
      message: "Slow down.",
      status: "RESOURCE_EXHAUSTED",
      details: [
        { "@type": `${type}BadRequest`, fieldViolations: [{ field: "contents", description: "Slow down." }] },
        { "@type": `${type}ErrorInfo`, reason: "rate_limit_exceeded", domain: "factory-proxy" },
        { "@type": `${type}RetryInfo`, retryDelay: "3s" },
        { "@type": `${type}RequestInfo`, requestId: "req-1" },
      ],
    },
  });
});

test("192: Anthropic's 529 is 503 here, its billing error keeps its status", () => {
  assert.equal(gemini.error.encode(new GatewayError("overloaded", "Busy.", { status: 529 }), "r").status, 503);
  const billing = gemini.error.encode(new GatewayError("upstream-rejected", "Pay.", { status: 402, type: "billing_error" }), "r");
  assert.deepEqual(
    [billing.status, (JSON.parse(billing.body) as { error: { status: string } }).error.status],
    [402, "FAILED_PRECONDITION"],
  );
});
