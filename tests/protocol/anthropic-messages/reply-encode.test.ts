// What a client is answered, non-streaming and streaming; streams are read by the official client.

import assert from "node:assert/strict";
import { test } from "node:test";
import { anthropicMessages } from "../../../src/protocol/anthropic-messages/codec.ts";
import type { Part, Reply } from "../../../src/protocol/canonical.ts";
import type { Exchange } from "../../../src/protocol/codec.ts";
import { sealProof } from "../../../src/protocol/seals.ts";
import { run } from "../../../src/wire/machine.ts";
import { base64, call, closed, delta, image, opened, reasoning, started, text } from "../../support/canonical.ts";
import { accumulated, at, encodeStream, END, EXCHANGE, REPLY, SENT, type Json } from "./replies.ts";

const OPENAI = { origin: "openai", data: "enc" } as const;
const GOOGLE = { origin: "google", data: "sig" } as const;

const ENCODED: readonly { readonly what: string; readonly reply: Partial<Reply>; readonly message: Json; readonly exchange?: Exchange }[] =
  [
    {
      what: "an id of another protocol",
      reply: { id: "chatcmpl-9", parts: [text("A")] },
      message: { id: "msg_9", content: [{ type: "text", text: "A" }] },
    },
    {
      what: "no id and no model",
      reply: { id: "", model: "", parts: [text("A")] },
      message: { id: "msg_0a1b2c", content: [{ type: "text", text: "A" }] },
    },
    {
      what: "thought, text and calls, one block after the other, none of them empty",
      reply: {
        parts: [reasoning("T"), text(""), text("A"), call("c1", "f", '{"a":1}'), call("c2", "g", "")],
        finish: { ...END, kind: "tool-calls", raw: "tool_calls" },
      },
      message: {
        content: [
          { type: "thinking", thinking: "T", signature: "gw1.unsigned" },
          { type: "text", text: "A" },
          { type: "tool_use", id: "c1", name: "f", input: { a: 1 } },
          { type: "tool_use", id: "c2", name: "g", input: {} },
        ],
        stop_reason: "tool_use",
      },
    },
    {
      what: "blank text, which the API refuses when it comes back, is left out; white space in front of words is not",
      reply: { parts: [text("\n\n"), text(" \nA "), text(" ", { proof: GOOGLE })] },
      message: {
        content: [
          { type: "text", text: " \nA " },
          { type: "redacted_thinking", data: `${sealProof(GOOGLE, "anthropic")}.before` },
        ],
      },
    },
    {
      what: "an end with a call in it is a tool call",
      reply: { parts: [call("call.1", "f", "{}")], finish: { ...END, raw: "stop" } },
      message: { content: [{ type: "tool_use", id: "call_1_2945fb5c", name: "f", input: {} }], stop_reason: "tool_use" },
    },
    {
      what: "proofs of every maker travel in the client's own slots",
      reply: {
        parts: [
          reasoning("A", { proof: { origin: "anthropic", data: "s1" } }),
          reasoning("", { proof: { origin: "anthropic", data: "s2" } }),
          reasoning("", { redacted: true, proof: { origin: "anthropic", data: "s3" } }),
          reasoning("B", { proof: OPENAI }),
          reasoning("", { proof: OPENAI }),
          reasoning(""),
          text("C", { proof: GOOGLE }),
          call("c1", "f", "{}", { proof: GOOGLE }),
        ],
        finish: { ...END, kind: "tool-calls", raw: null },
      },
      message: {
        content: [
          { type: "thinking", thinking: "A", signature: "s1" },
          { type: "thinking", thinking: "", signature: "s2" },
          { type: "redacted_thinking", data: "s3" },
          { type: "thinking", thinking: "B", signature: sealProof(OPENAI, "anthropic") },
          { type: "redacted_thinking", data: sealProof(OPENAI, "anthropic") },
          { type: "text", text: "C" },
          { type: "redacted_thinking", data: `${sealProof(GOOGLE, "anthropic")}.before` },
          { type: "tool_use", id: "c1", name: "f", input: {} },
          { type: "redacted_thinking", data: `${sealProof(GOOGLE, "anthropic")}.before` },
        ],
        stop_reason: "tool_use",
      },
    },
    {
      what: "a refusal is text with its own reason to stop",
      reply: { parts: [{ type: "refusal", text: "No." }], finish: { ...END, raw: "stop" } },
      message: {
        content: [{ type: "text", text: "No." }],
        stop_reason: "refusal",
        stop_details: { type: "refusal", category: null, explanation: null },
      },
    },
    {
      what: "a filtered answer says why",
      reply: { parts: [], finish: { kind: "filtered", raw: "SAFETY", stopSequence: null, explanation: "Harm." } },
      message: { stop_reason: "refusal", stop_details: { type: "refusal", category: null, explanation: "Harm." } },
    },
    {
      what: "an answer that was cut at its limit",
      reply: { parts: [text("A")], finish: { ...END, kind: "length", raw: "length" } },
      message: { content: [{ type: "text", text: "A" }], stop_reason: "max_tokens" },
    },
    {
      what: "a full context window",
      reply: { finish: { ...END, kind: "context-full", raw: null } },
      message: { stop_reason: "model_context_window_exceeded" },
    },
    {
      what: "a stop sequence that is named",
      reply: { finish: { ...END, kind: "stop-sequence", stopSequence: "X" } },
      message: { stop_reason: "stop_sequence", stop_sequence: "X" },
    },
    {
      what: "a stop sequence that is not",
      reply: { finish: { ...END, kind: "stop-sequence" } },
      message: { stop_reason: "end_turn" },
    },
    { what: "a paused answer", reply: { finish: { ...END, kind: "paused" } }, message: { stop_reason: "pause_turn" } },
    {
      what: "a reason to stop that nobody knows",
      reply: { finish: { ...END, kind: "other", raw: "OTHER" } },
      message: { stop_reason: "max_tokens" },
    },
    {
      what: "counts outside of caches stay outside of caches",
      reply: { usage: { inputTokens: 5, cacheReadTokens: 100, cacheWriteTokens: 7, outputTokens: 20, reasoningTokens: 12 } },
      message: {
        usage: {
          input_tokens: 5,
          cache_creation_input_tokens: 7,
          cache_read_input_tokens: 100,
          output_tokens: 20,
          output_tokens_details: { thinking_tokens: 12 },
        },
      },
    },
    { what: "an answer without counts", reply: { usage: null }, message: { usage: { ...SENT.usage, input_tokens: 0, output_tokens: 0 } } },
    {
      what: "citations of other models, with an index that only says so",
      reply: {
        parts: [
          text("A", { annotations: [{ type: "url-citation", url: "https://example.com", title: null, start: 0, end: 1, quote: null }] }),
        ],
      },
      message: {
        content: [
          {
            type: "text",
            text: "A",
            citations: [
              { type: "web_search_result_location", url: "https://example.com", title: null, cited_text: "", encrypted_index: "gw1.none" },
            ],
          },
        ],
      },
    },
    {
      what: "a picture in an answer is said to have been there; blocks of other protocols are left out",
      reply: {
        parts: [
          image(base64("image/png", "AA==")),
          { type: "opaque", protocol: "gemini", name: "executableCode", value: "{}", severity: "reported" },
          {
            type: "opaque",
            protocol: "anthropic-messages",
            name: "server_tool_use",
            value: '{"type":"server_tool_use","id":"s","name":"web_search","input":{"q":1}}',
            severity: "reported",
          },
        ],
      },
      message: {
        content: [
          { type: "text", text: "[The answer held an image, which Messages cannot show.]" },
          { type: "server_tool_use", id: "s", name: "web_search", input: { q: 1 } },
        ],
      },
    },
    {
      what: "a call of a custom tool, for a client that knows none",
      reply: { parts: [call("c1", "patch", 'a "b"\n\u{1f600}', { kind: "custom" })], finish: { ...END, kind: "tool-calls", raw: null } },
      message: { content: [{ type: "tool_use", id: "c1", name: "patch", input: { input: 'a "b"\n\u{1f600}' } }], stop_reason: "tool_use" },
    },
  ];

for (const { what, reply, message, exchange = EXCHANGE } of ENCODED) {
  const told = { ...REPLY, ...reply };
  const expected = { ...SENT, ...message };
  test(`a client is answered, non-streaming: ${what}`, () =>
    assert.deepEqual(JSON.parse(anthropicMessages.reply.encode(told, exchange)), expected));
  test(`a client is answered, streaming, as its official client reads it: ${what}`, async () => {
    assert.deepEqual(await accumulated(encodeStream(told, exchange)), expected);
  });
}

test("the events of a stream, each named, each with what the accumulators need", () => {
  const events = encodeStream({
    ...REPLY,
    parts: [reasoning("T", { proof: OPENAI }), call("c1", "f", '{"a":1}')],
    finish: { ...END, kind: "tool-calls", raw: null },
  });
  const signature = sealProof(OPENAI, "anthropic");
  const { content: _content, stop_reason: _reason, usage, ...head } = SENT;
  const stop = { stop_reason: "tool_use", stop_sequence: null, stop_details: null, container: null };
  const expected = [
    { type: "message_start", message: { ...head, content: [], stop_reason: null, usage: { ...usage, input_tokens: 0, output_tokens: 0 } } },
    { type: "content_block_start", index: 0, content_block: { type: "thinking", thinking: "", signature: "" } },
    { type: "content_block_delta", index: 0, delta: { type: "thinking_delta", thinking: "T" } },
    { type: "content_block_delta", index: 0, delta: { type: "signature_delta", signature } },
    { type: "content_block_stop", index: 0 },
    { type: "content_block_start", index: 1, content_block: { type: "tool_use", id: "c1", name: "f", input: {} } },
    { type: "content_block_delta", index: 1, delta: { type: "input_json_delta", partial_json: '{"a":1}' } },
    { type: "content_block_stop", index: 1 },
    { type: "message_delta", delta: stop, usage },
    { type: "message_stop" },
  ];
  assert.deepEqual(
    events.map(({ event: name, data }) => [name, JSON.parse(data) as unknown]),
    expected.map((data) => [data.type, data]),
  );
});

test("where the upstream has counted nothing, as one that was let go at a stop sequence, both counts are estimates", () => {
  const exchange = at({ system: [{ type: "text", text: "x".repeat(400), annotations: [], cache: null, proof: null }] });
  const parts: Part[] = [
    { type: "reasoning", text: "t".repeat(20), redacted: false, proof: null },
    text("a".repeat(40)),
    call("c", "look", '{"at":"here"}'),
  ];
  const usages = [null, { inputTokens: null, cacheReadTokens: null, cacheWriteTokens: null, outputTokens: null, reasoningTokens: 5 }];
  for (const usage of usages) {
    const reply: Reply = { ...REPLY, usage, parts };
    const message = JSON.parse(anthropicMessages.reply.encode(reply, exchange)) as { usage: { output_tokens_details?: object } };
    const last = encodeStream(reply, exchange)
      .map(({ data }) => JSON.parse(data) as { type: string; usage: object })
      .findLast(({ type }) => type === "message_delta");
    const thought = usage === null ? {} : { output_tokens_details: { thinking_tokens: 5 } };
    const counted = { cache_creation_input_tokens: null, cache_read_input_tokens: null, ...thought };
    const expected = { ...counted, input_tokens: 100, output_tokens: Math.ceil((20 + 40 + 13) / 4) };
    assert.deepEqual([message.usage, last?.usage], [expected, expected]);
  }
});

test("the first event estimates the input, the last one corrects it", () => {
  const exchange = at({ system: [{ type: "text", text: "x".repeat(400), annotations: [], cache: null, proof: null }] });
  const counts = encodeStream(REPLY, exchange).map(({ data }) => JSON.parse(data) as { message?: Json; usage?: Json });
  assert.deepEqual([counts[0]?.message?.["usage"], counts[1]?.usage], [{ ...SENT.usage, input_tokens: 100, output_tokens: 0 }, SENT.usage]);
});

test("blank text in front of words is held until the words come, and what is cited with it", () => {
  const events = run(anthropicMessages.reply.encoder(EXCHANGE), [
    started("1", "m"),
    opened(0, text("")),
    delta(0, "\n"),
    {
      type: "annotation",
      index: 0,
      annotation: { type: "url-citation", url: "https://example.com", title: null, start: null, end: null, quote: null },
    },
    delta(0, " "),
    delta(0, "A"),
    delta(0, " "),
    closed(0),
  ]);
  const told = events.map(({ data }) => JSON.parse(data) as { type: string; delta?: { type: string; text?: string } });
  assert.deepEqual(
    told.slice(1).map((one) => [one.type, one.delta?.type, one.delta?.text]),
    [
      ["content_block_start", undefined, undefined],
      ["content_block_delta", "citations_delta", undefined],
      ["content_block_delta", "text_delta", "\n A"],
      ["content_block_delta", "text_delta", " "],
      ["content_block_stop", undefined, undefined],
    ],
  );
});
