// Why an answer ended, both directions.

import { call, closed, delta, ended, opened, started, text } from "../../support/canonical.ts";
import { calls, chunk, done, role, stop, stopped, testDecodingStreams, testEncodingStreams } from "./reply-cases.ts";

testDecodingStreams([
  [
    "stop after a tool call is a tool call",
    [calls({ index: 0, id: "a", type: "function", function: { name: "f", arguments: "{}" } }), stop(), done],
    [started("1"), opened(0, call("a", "f", "")), delta(0, "{}"), closed(0), ended("tool-calls", "stop")],
  ],
  [
    "length stays length, and the arguments stay as they were cut",
    [calls({ index: 0, id: "a", type: "function", function: { name: "f", arguments: '{"a' } }), stop("length"), done],
    [started("1"), opened(0, call("a", "f", "")), delta(0, '{"a'), closed(0), ended("length", "length")],
  ],
  [
    "words that are not OpenAI's",
    [chunk({ content: "a" }), stop("recitation"), done],
    [started("1"), opened(0, text()), delta(0, "a"), closed(0), ended("other", "recitation")],
  ],
  [
    "words that are like OpenAI's",
    [chunk({ content: "a" }), stop("model_length")],
    [started("1"), opened(0, text()), delta(0, "a"), closed(0), ended("length", "model_length")],
  ],
  [
    "words in capitals",
    [chunk({ content: "a" }), stop("MAX_TOKENS"), done],
    [started("1"), opened(0, text()), delta(0, "a"), closed(0), ended("length", "MAX_TOKENS")],
  ],
  [
    "Cohere's word for the end",
    [chunk({ content: "a" }), stop("COMPLETE"), done],
    [started("1"), opened(0, text()), delta(0, "a"), closed(0), ended("end", "COMPLETE")],
  ],
  [
    "the stop sequence, where the server names it",
    [chunk({ content: "a" }), { choices: [{ index: 0, delta: {}, finish_reason: "stop", stop_reason: "END" }] }, done],
    [started("1"), opened(0, text()), delta(0, "a"), closed(0), ended("stop-sequence", "stop", { stopSequence: "END" })],
    { stop: ["END"] },
  ],
]);

testEncodingStreams([
  ["the context is full", [started("1"), ended("context-full", "model_context_window_exceeded")], [role, stopped("length"), "[DONE]"]],
  ["a pause is never a stop", [started("1"), ended("paused", "pause_turn")], [role, stopped("length"), "[DONE]"]],
  ["unknown words are never handed on", [started("1"), ended("other", "new_word")], [role, stopped("length"), "[DONE]"]],
]);
