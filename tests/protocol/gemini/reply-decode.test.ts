// What an upstream of Gemini's protocol answers -> canonical, streamed and not, and how a broken answer ends.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError, type ErrorKind } from "../../../src/errors.ts";
import type { CanonicalRequest, Reply, ReplyEvent } from "../../../src/protocol/canonical.ts";
import { fold, grammar } from "../../../src/protocol/fold.ts";
import { gemini } from "../../../src/protocol/gemini/codec.ts";
import { chain, run } from "../../../src/wire/machine.ts";
import type { SseEvent } from "../../../src/wire/sse.ts";
import {
  assistant,
  call,
  customTool,
  exchange as ofCall,
  finish,
  google,
  image,
  base64,
  reasoning,
  reply,
  result,
  text,
  tool,
  usage,
  user,
} from "../../support/canonical.ts";

const exchange: typeof ofCall = (more) => ofCall({ model: "gemini-2.5-pro", turns: [user("Hi")], ...more });
const sse = (chunk: unknown): SseEvent => ({ event: null, data: typeof chunk === "string" ? chunk : JSON.stringify(chunk) });
const events = (chunks: readonly unknown[], given = exchange()): ReplyEvent[] =>
  run(chain(gemini.reply.decoder(given), grammar()), chunks.map(sse));

const ID = { responseId: "r1", modelVersion: "gemini-x" };
const chunk = (parts: readonly unknown[], more: object = {}): object => ({
  candidates: [{ content: { parts, role: "model" }, index: 0, ...more }],
  ...ID,
});
const STOP = { finishReason: "STOP" };
const end = finish("end", "STOP");
const called = finish("tool-calls", "STOP");
const answer = (more: Partial<Reply>): Reply => reply([], { model: "gemini-x", finish: end, ...more });
const cited = (url: string, start: number | null, stop: number | null) =>
  ({ type: "url-citation", url, title: null, start, end: stop, quote: null }) as const;

interface DecodeRow {
  readonly name: string;
  readonly chunks: readonly unknown[];
  readonly given?: ReturnType<typeof exchange>;
  readonly expected: Reply;
}

const DECODED: readonly DecodeRow[] = [
  {
    name: "a signature on an empty part at the end belongs to the text before it",
    chunks: [chunk([{ text: "Hel" }]), chunk([{ text: "lo" }]), chunk([{ text: "", thoughtSignature: "R29v" }], STOP)],
    expected: answer({ parts: [text("Hello", { proof: google("R29v") })] }),
  },
  {
    name: "a signature without anything before it is a thought that stays hidden; text behind a signed one is a part of its own",
    chunks: [chunk([{ text: "", thoughtSignature: "QUJD" }, { text: "One", thoughtSignature: "R29v" }, { text: "Two" }], STOP)],
    expected: answer({
      parts: [reasoning("", { proof: google("QUJD"), redacted: true }), text("One", { proof: google("R29v") }), text("Two")],
    }),
  },
  {
    name: "thoughts and the answer are parts of their own, a signature of a thought included",
    chunks: [
      chunk([{ text: "I ", thought: true }]),
      chunk([{ text: "think.", thought: true }]),
      chunk([{ text: "", thought: true, thoughtSignature: "R29v" }, { text: "Yes." }], STOP),
    ],
    expected: answer({ parts: [reasoning("I think.", { proof: google("R29v") }), text("Yes.")] }),
  },
  {
    name: "STOP in an event of its own ends a turn of calls as one",
    chunks: [chunk([{ functionCall: { id: "a", name: "f", args: { x: 1 } }, thoughtSignature: "R29v" }]), chunk([{ text: "" }], STOP)],
    expected: answer({ parts: [call("a", "f", '{"x":1}', { proof: google("R29v") })], finish: called }),
  },
  {
    name: "calls without ids get those that decoding their echo gives",
    chunks: [chunk([{ functionCall: { name: "f" } }, { functionCall: { name: "g", args: {} } }], STOP)],
    given: exchange({ turns: [user("Hi"), assistant(call("x", "f", "{}")), user(result("x", "1"))] }),
    expected: answer({ parts: [call("call_3_0", "f", "{}"), call("call_3_1", "g", "{}")], finish: called }),
  },
  {
    name: "arguments keep their text",
    chunks: [
      `{"candidates":[{"content":{"parts":[{"functionCall":{"id":"a","name":"f","args":{ "n":12345678901234567890, "b":1.0 }}}]},"finishReason":"STOP"}],"responseId":"r1","modelVersion":"gemini-x"}`,
    ],
    expected: answer({ parts: [call("a", "f", '{ "n":12345678901234567890, "b":1.0 }')], finish: called }),
  },
  {
    name: "a free-form tool's text is taken out of its function, under the client's own name",
    chunks: [
      chunk(
        [
          { functionCall: { id: "a", name: "apply_patch_8d1c8cda", args: { input: "*** Begin\nx" } } },
          { functionCall: { id: "b", name: "_1st" } },
        ],
        STOP,
      ),
    ],
    given: exchange({ tools: [customTool("apply/patch"), tool("1st")] }),
    expected: answer({ parts: [call("a", "apply/patch", "*** Begin\nx", { kind: "custom" }), call("b", "1st", "{}")], finish: called }),
  },
  {
    name: "arguments in pieces, a call that ends by an empty one, one that ends by the next name, one that ends with the stream",
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
    expected: answer({
      parts: [call("a", "f", '{"a":{"b":["xy"],"c d":true}}'), call("b", "f", '{"n":null}'), call("c", "f", '{"l":[1]}')],
      finish: called,
    }),
  },
  {
    name: "usage of the last event counts, thoughts are output, what was cached is no input",
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
    expected: answer({ parts: [text("Hi")], usage: usage({ inputTokens: 45, cacheReadTokens: 60, outputTokens: 10, reasoningTokens: 8 }) }),
  },
  {
    name: "a blocked prompt is a filtered answer",
    chunks: [{ promptFeedback: { blockReason: "JAILBREAK", blockReasonMessage: "Nice try." }, ...ID }],
    expected: answer({ finish: { kind: "filtered", raw: "JAILBREAK", stopSequence: null, explanation: "Nice try." } }),
  },
  {
    name: "words that nobody knows yet are an odd end",
    chunks: [chunk([{ text: "Hi" }], { finishReason: "BORED" })],
    expected: answer({ parts: [text("Hi")], finish: { ...end, kind: "other", raw: "BORED" } }),
  },
  {
    name: "a model that wants to go on is paused",
    chunks: [chunk([{ text: "Hi" }], { finishReason: "CONTINUATION" })],
    expected: answer({ parts: [text("Hi")], finish: { ...end, kind: "paused", raw: "CONTINUATION" } }),
  },
  {
    name: "sources by bytes, by their words where bytes do not fit, and without a place",
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
    expected: answer({
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
    name: "images and Google's own parts come whole",
    chunks: [
      chunk(
        [{ text: "Here:" }, { inlineData: { mimeType: "image/png", data: "AAAA" } }, { executableCode: { code: "1" } }, { text: "" }],
        STOP,
      ),
    ],
    expected: answer({
      parts: [
        text("Here:"),
        image(base64("image/png", "AAAA")),
        { type: "opaque", protocol: "gemini", name: "executableCode", value: '{"executableCode":{"code":"1"}}', severity: "reported" },
      ],
    }),
  },
  {
    name: "without a name of its own the answer has that of the model that was asked",
    chunks: [{ candidates: [{ content: { parts: [{ text: "Hi" }] }, finishReason: "STOP" }] }],
    expected: answer({ id: "", model: "gemini-2.5-pro", parts: [text("Hi")] }),
  },
  {
    name: "a [DONE] and usage behind the finish do no harm",
    chunks: [chunk([{ text: "Hi" }], STOP), { usageMetadata: { promptTokenCount: 4, candidatesTokenCount: 1 }, ...ID }, "[DONE]"],
    expected: answer({ parts: [text("Hi")], usage: usage({ inputTokens: 4, outputTokens: 1 }) }),
  },
];

for (const { name, chunks, given, expected } of DECODED) {
  test(`decodes: ${name}`, () => assert.deepEqual(fold(events(chunks, given)), expected));
}

const decodeRequest = (body: object): CanonicalRequest =>
  gemini.request.decode({ body: JSON.stringify(body), headers: {}, path: { model: "gemini-2.5-pro", stream: false } });

test("the id that an answer's call gets is the one that its echo gets", () => {
  const first = { contents: [{ role: "user", parts: [{ text: "Hi" }] }] };
  const request = decodeRequest(first);
  const last = chunk([{ text: "Both." }, { functionCall: { name: "f" } }, { functionCall: { name: "f" } }], STOP);
  const parts = fold(events([last], { ...exchange(), request })).parts;
  const echo = {
    contents: [
      ...first.contents,
      { role: "model", parts: [{ text: "Both." }, { functionCall: { name: "f" } }, { functionCall: { name: "f" } }] },
    ],
  };
  assert.deepEqual(decodeRequest(echo).turns[1]?.parts, parts);
});

test("an answer of several lines is read as the same one on one line", () => {
  const last = chunk([{ functionCall: { id: "a", name: "f", args: { s: "a  b\n", n: [1, 2] } } }], STOP);
  const whole = gemini.reply.decode(JSON.stringify(last, null, 2), exchange());
  assert.deepEqual(whole, fold(events([last])));
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
    "a stream without a finish reason",
    [chunk([{ text: "Hi" }])],
    "upstream-failed",
    502,
    "The upstream ended the stream before the answer was complete.",
  ],
  ["a stream without an event", [], "upstream-failed", 502, "The upstream ended the stream before the answer was complete."],
  [
    "an event that is no JSON",
    [chunk([{ text: "Hi" }]), "{", chunk([{ text: "more" }])],
    "upstream-failed",
    502,
    "The upstream sent an event that is not JSON.",
  ],
  [
    "an error in a stream that began with 200",
    [chunk([{ text: "Hi" }]), { error: { code: 503, message: "Overloaded.", status: "UNAVAILABLE" } }, chunk([{ text: "more" }])],
    "overloaded",
    503,
    "Overloaded.",
  ],
  ["an error as the first event", [{ error: { code: 429, message: "Slow down." } }], "rate-limited", 429, "Slow down."],
  [
    "a call that the model could not write",
    [chunk([], { finishReason: "MALFORMED_FUNCTION_CALL", finishMessage: "print(" })],
    "upstream-failed",
    502,
    "The model could not finish its answer (MALFORMED_FUNCTION_CALL): print(",
  ],
  [
    "an end for no reason, without a word",
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

test("a non-streaming answer that is none is an error", () => {
  for (const body of ["", "<html>", "{}", "[]", '"x"', '{"error":{"code":400,"message":"No."}}']) {
    assert.throws(() => gemini.reply.decode(body, exchange()), GatewayError, body);
  }
});
