// The checker of client streams (support/stream-grammar.ts) notices what official accumulators throw at, or lose in silence.
// Each row spoils a good stream in one place and names the rule that has to break.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { CODECS } from "../../src/protocol/codecs.ts";
import { unfold } from "../../src/protocol/fold.ts";
import { anthropic, call, finish, reasoning, reply, text, usage } from "./canonical.ts";
import { PROTOCOLS } from "./fixtures.ts";
import { encodeStream, exchangeAt, exchangeFor } from "./laws.ts";
import { obeysStreamGrammar } from "./stream-grammar.ts";

const REPLY = reply(
  [reasoning("Hm.", { proof: anthropic("c2ln") }), text("So:"), call("call_1", "look", '{"at":1}'), call("call_2", "look", '{"at":2}')],
  {
    id: "one",
    model: "some-model",
    usage: usage({ inputTokens: 1, cacheReadTokens: 0, outputTokens: 2, reasoningTokens: 1 }),
    finish: finish("tool-calls"),
  },
);

function streamOf(protocol: ProtocolId): string {
  const codec = CODECS[protocol];
  return encodeStream(codec, unfold(REPLY), exchangeAt(codec, exchangeFor(codec, null)));
}

/** The stream without the events that hold the text. */
const without = (stream: string, words: string): string =>
  stream
    .split(/(?<=\n\n)/)
    .filter((block) => !block.includes(words))
    .join("");

const SPOILED: readonly (readonly [protocol: ProtocolId, what: string, spoil: (stream: string) => string, rule: RegExp])[] = [
  ["openai-chat", "event names", (stream) => stream.replace("data:", "event: chunk\ndata:"), /framing/],
  ["openai-chat", "carriage returns", (stream) => stream.replaceAll("\n", "\r\n"), /framing/],
  ["openai-chat", "no blank line at the end", (stream) => stream.slice(0, -1), /framing/],
  ["openai-chat", "no role", (stream) => stream.replace('"role":"assistant",', ""), /the role on the first chunk/],
  [
    "openai-chat",
    "a tool index that begins at one",
    (stream) => stream.replaceAll('"tool_calls":[{"index":0', '"tool_calls":[{"index":1'),
    /dense/,
  ],
  ["openai-chat", "a call without a type", (stream) => stream.replace('"type":"function",', ""), /type/],
  [
    "openai-chat",
    "a name that comes again",
    (stream) => stream.replace('"function":{"arguments":"{\\"', '"function":{"name":"look","arguments":"{\\"'),
    /name on the first chunk/,
  ],
  ["openai-chat", "no finish reason", (stream) => without(stream, '"finish_reason":"'), /behind the finish|finish reason before/],
  [
    "openai-chat",
    "a finish reason of another protocol",
    (stream) => stream.replace('"finish_reason":"tool_calls"', '"finish_reason":"tool_use"'),
    /of the list/,
  ],
  [
    "openai-chat",
    "an id that changes",
    (stream) => stream.replace(/"id":"chatcmpl-one"(.*"choices":\[\],)/, '"id":""$1'),
    /share id|empty id/,
  ],
  ["openai-chat", "no [DONE]", (stream) => without(stream, "[DONE]"), /without \[DONE\]/],
  ["openai-responses", "no response.created", (stream) => without(stream, "response.created"), /numbered|comes first/],
  ["openai-responses", "another item's id", (stream) => stream.replace('"item_id":"msg', '"item_id":"other'), /its item's id/],
  ["openai-responses", "no content_part.added", (stream) => without(stream, "content_part.added"), /numbered/],
  [
    "openai-responses",
    "an empty output at the end",
    (stream) => stream.replace(/("type":"response.completed".*)"output":\[.*\](,"usage")/, '$1"output":[]$2'),
    /holds all items/,
  ],
  ["openai-responses", "one call_id for two calls", (stream) => stream.replaceAll("call_2", "call_1"), /share an id/],
  [
    "openai-responses",
    "a ping",
    (stream) => stream.replace(/(?=event: response.in_progress)/, 'event: ping\ndata: {"type":"ping","sequence_number":1}\n\n'),
    /numbered|belongs to/,
  ],
  ["openai-responses", "no terminal event", (stream) => without(stream, "response.completed"), /asks again/],
  ["anthropic-messages", "no event names", (stream) => stream.replace(/event: .*\n/g, ""), /framing/],
  ["anthropic-messages", "no message_start", (stream) => without(stream, "message_start"), /comes first/],
  [
    "anthropic-messages",
    "message_start without usage",
    (stream) => stream.replace(/"usage":\{"input_tokens":[^}]*\}/, '"usage":{}'),
    /usage\.input_tokens/,
  ],
  ["anthropic-messages", "a gap in the indices", (stream) => stream.replaceAll('"index":1', '"index":5'), /no gaps/],
  [
    "anthropic-messages",
    "a thought that begins with nothing",
    (stream) => stream.replace('"thinking":"","signature":""', '"signature":""'),
    /begins empty/,
  ],
  [
    "anthropic-messages",
    "a signature in two pieces",
    (stream) => stream.replace(/(event: content_block_delta\ndata: [^\n]*signature_delta[^\n]*\n\n)/, "$1$1"),
    /once, and last/,
  ],
  ["anthropic-messages", "text in a tool block", (stream) => stream.replaceAll("input_json_delta", "text_delta"), /text_delta in a block/],
  ["anthropic-messages", "half of a call", (stream) => stream.replace('1}"}', '1"}'), /lost in silence/],
  ["anthropic-messages", "no message_stop", (stream) => without(stream, "message_stop"), /rejects/],
  ["gemini", "event names", (stream) => stream.replace("data:", "event: chunk\ndata:"), /framing/],
  ["gemini", "[DONE]", (stream) => `${stream}data: [DONE]\n\n`, /JSON|Unexpected|token/],
  ["gemini", "no finish reason", (stream) => stream.replace(/"finishReason":"STOP",?/, ""), /finish reason/],
  [
    "gemini",
    "a signature that is no base64 (A.8)",
    (stream) => stream.replace(/"thoughtSignature":"[^"]*"/, '"thoughtSignature":"gw1.x"'),
    /base64/,
  ],
  ["gemini", "a chunk without a part", (stream) => stream.replace(/"parts":\[[^\]]*\]/, '"parts":[]'), /empty chunk/],
];

for (const protocol of PROTOCOLS) {
  test(`${protocol}: a good stream obeys the grammar`, () => obeysStreamGrammar(protocol, streamOf(protocol), { includeUsage: true }));
}

for (const [protocol, what, spoil, rule] of SPOILED) {
  test(`${protocol}: the grammar notices ${what}`, () => {
    const good = streamOf(protocol);
    const spoiled = spoil(good);
    assert.notEqual(spoiled, good, "the row spoils something");
    assert.throws(() => obeysStreamGrammar(protocol, spoiled, { includeUsage: true }), rule);
  });
}
