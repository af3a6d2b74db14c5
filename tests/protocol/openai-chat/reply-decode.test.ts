// Answers of Chat upstreams, streaming and not.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError, type ErrorKind } from "../../../src/errors.ts";
import { truncated } from "../../../src/protocol/fold.ts";
import { openaiChat } from "../../../src/protocol/openai-chat/codec.ts";
import { closed, counted, delta, ended, failed, finish, opened, reasoning, reply, started, text } from "../../support/canonical.ts";
import { chatExchange, chunk, done, stop, testDecodingStreams } from "./reply-cases.ts";

testDecodingStreams([
  [
    "text, the role and empty pieces say nothing",
    [chunk({ role: "assistant", content: "" }), chunk({ content: "Hel" }), chunk({ content: "lo" }), stop(), done],
    [started("1"), opened(0, text()), delta(0, "Hel"), delta(0, "lo"), closed(0), ended("end", "stop")],
  ],
  [
    "a word for an answer that broke off",
    [chunk({ content: "a" }), stop("network_error"), done],
    [
      started("1"),
      opened(0, text()),
      delta(0, "a"),
      failed("upstream-failed", "The upstream stopped the answer: network_error.", { code: "network_error" }),
    ],
  ],
  [
    "the stream ends before its finish reason",
    [chunk({ content: "a" })],
    [started("1"), opened(0, text()), delta(0, "a"), { type: "reply-error", error: truncated() }],
  ],
  [
    "[DONE] is no finish reason",
    [chunk({ content: "a" }), done],
    [started("1"), opened(0, text()), delta(0, "a"), { type: "reply-error", error: truncated() }],
  ],
  ["a stream of nothing at all is truncated", [], [{ type: "reply-error", error: truncated() }]],
  [
    "the end waits for the usage behind it, and does without [DONE]",
    [chunk({ content: "a" }), stop(), { choices: [], usage: { prompt_tokens: 1 } }],
    [started("1"), opened(0, text()), delta(0, "a"), counted({ inputTokens: 1 }), closed(0), ended("end", "stop")],
  ],
  [
    "what comes after [DONE] is ignored",
    [chunk({ content: "a" }), stop(), done, { error: { message: "late" } }, "{"],
    [started("1"), opened(0, text()), delta(0, "a"), closed(0), ended("end", "stop")],
  ],
  [
    "an error inside of the stream",
    [chunk({ content: "a" }), { error: { message: "Overloaded.", type: "overloaded_error" } }, done],
    [started("1"), opened(0, text()), delta(0, "a"), failed("overloaded", "Overloaded.", { type: "overloaded_error" })],
  ],
  ["an error as the first event, by a number", [{ error: { message: "Slow down.", code: 429 } }], [failed("rate-limited", "Slow down.")]],
  ["an error that is a string", [{ error: "broken" }], [failed("upstream-failed", "broken")]],
  [
    "vLLM's error that stands alone",
    [{ object: "error", message: "No.", type: "BadRequestError", code: 400 }],
    [failed("upstream-rejected", "No.", { type: "BadRequestError" })],
  ],
  [
    "error null is no error",
    [chunk({ content: "a" }), stop("stop", { error: null }), done],
    [started("1"), opened(0, text()), delta(0, "a"), closed(0), ended("end", "stop")],
  ],
  [
    "bad JSON is an error",
    [chunk({ content: "a" }), "{"],
    [started("1"), opened(0, text()), delta(0, "a"), failed("upstream-failed", "The upstream sent an event that is not JSON.")],
  ],
  [
    "several answers are an error: one was asked for",
    [chunk({ content: "a" }), { choices: [{ index: 1, delta: { content: "b" } }] }, stop(), done],
    [
      started("1"),
      opened(0, text()),
      delta(0, "a"),
      failed("upstream-failed", "The upstream sent several answers where one was asked for."),
    ],
  ],
  [
    "thought ends where the answer begins, and may begin again",
    [
      chunk({ reasoning_content: "Hm" }),
      chunk({ reasoning_content: "m.", content: "" }),
      chunk({ content: "Yes" }),
      chunk({ reasoning: "Or" }),
      stop(),
      done,
    ],
    [
      started("1"),
      opened(0, reasoning()),
      delta(0, "Hm"),
      delta(0, "m."),
      closed(0),
      opened(1, text()),
      delta(1, "Yes"),
      closed(1),
      opened(2, reasoning()),
      delta(2, "Or"),
      closed(2),
      ended("end", "stop"),
    ],
  ],
  [
    "a first chunk without choices, id and model",
    [{ choices: [], id: "", model: "", prompt_filter_results: [] }, chunk({ content: "a" }), stop(), done],
    [started("1"), opened(0, text()), delta(0, "a"), closed(0), ended("end", "stop")],
  ],
  [
    "content as an array of parts",
    [
      chunk({ content: [{ type: "thinking", thinking: [{ type: "text", text: "Hm" }] }] }),
      chunk({
        content: [
          { type: "text", text: "Yes" },
          { type: "reference", reference_ids: [1] },
        ],
      }),
      stop(),
      done,
    ],
    [started("1"), opened(0, reasoning()), delta(0, "Hm"), closed(0), opened(1, text()), delta(1, "Yes"), closed(1), ended("end", "stop")],
  ],
  [
    "citations are annotations of their text",
    [
      chunk({ content: "See here." }),
      chunk({
        annotations: [
          { type: "url_citation", url_citation: { url: "https://example.com", title: "T", start_index: 4, end_index: 8 } },
          { type: "file_citation" },
        ],
      }),
      stop(),
      done,
    ],
    [
      started("1"),
      opened(0, text()),
      delta(0, "See here."),
      {
        type: "annotation",
        index: 0,
        annotation: { type: "url-citation", url: "https://example.com", title: "T", start: 4, end: 8, quote: null },
      },
      closed(0),
      ended("end", "stop"),
    ],
  ],
  [
    "a refusal in pieces",
    [chunk({ refusal: "I " }), chunk({ refusal: "can't." }), stop(), done],
    [started("1"), opened(0, { type: "refusal", text: "" }), delta(0, "I "), delta(0, "can't."), closed(0), ended("end", "stop")],
  ],
]);

const NO_ANSWERS: readonly (readonly [what: string, body: string, kind: ErrorKind, message: string])[] = [
  ["no JSON", "<html>", "upstream-failed", "The upstream sent an answer that is not JSON."],
  [
    "an error with status 200 (mnfst#1878)",
    '{"error":{"message":"Bad key.","type":"authentication_error"}}',
    "upstream-rejected",
    "Bad key.",
  ],
  ["no choice", '{"id":"x","choices":[]}', "upstream-failed", truncated().message],
  [
    "several choices",
    '{"choices":[{"index":0,"message":{"content":"a"}},{"index":1,"message":{"content":"b"}}]}',
    "upstream-failed",
    "The upstream sent several answers where one was asked for.",
  ],
];
for (const [what, body, kind, message] of NO_ANSWERS) {
  test(`decoding a non-streaming answer: ${what} is an error`, () => {
    assert.throws(
      () => openaiChat.reply.decode(body, chatExchange()),
      (error) => error instanceof GatewayError && error.kind === kind && error.message === message,
    );
  });
}

test("decoding a non-streaming answer: one that does not say why it ended is complete all the same", () => {
  const body = '{"id":"chatcmpl-1","model":"m","choices":[{"message":{"content":"a"},"finish_reason":null}]}';
  assert.deepEqual(openaiChat.reply.decode(body, chatExchange()), reply([text("a")], { id: "1", finish: finish("other") }));
});
