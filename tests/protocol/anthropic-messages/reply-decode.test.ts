// What an upstream's answer means, non-streaming and streaming: whole replies, odd streams that are read, and broken ones that end in an error.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../../src/errors.ts";
import { anthropicMessages } from "../../../src/protocol/anthropic-messages/codec.ts";
import type { Reply, ReplyEvent } from "../../../src/protocol/canonical.ts";
import type { Exchange } from "../../../src/protocol/codec.ts";
import { fold, grammar } from "../../../src/protocol/fold.ts";
import { chain, run } from "../../../src/wire/machine.ts";
import type { SseEvent } from "../../../src/wire/sse.ts";
import { call, customTool, reasoning, text, tool } from "../../support/canonical.ts";
import { at, END, EXCHANGE, REPLY, USAGE, type Json } from "./replies.ts";

function decodeMessage(content: readonly object[], more: Json = {}, exchange = EXCHANGE): Reply {
  const message = {
    id: "msg_1",
    type: "message",
    role: "assistant",
    model: "claude-opus-5",
    content,
    stop_reason: "end_turn",
    stop_sequence: null,
  };
  return anthropicMessages.reply.decode(JSON.stringify({ ...message, usage: { input_tokens: 3, output_tokens: 2 }, ...more }), exchange);
}

const event = (type: string, data: Json = {}): SseEvent => ({ event: type, data: JSON.stringify({ type, ...data }) });
const start = (id = "msg_1"): SseEvent =>
  event("message_start", { message: { id, model: "claude-opus-5", content: [], usage: { input_tokens: 3, output_tokens: 1 } } });
const block = (index: number, content_block: Json): SseEvent => event("content_block_start", { index, content_block });
const delta = (index: number, delta_: Json): SseEvent => event("content_block_delta", { index, delta: delta_ });
const close = (index: number): SseEvent => event("content_block_stop", { index });
const finish = (stop_reason: string | null = "end_turn", usage: Json = { output_tokens: 2 }): SseEvent[] => [
  event("message_delta", { delta: { stop_reason, stop_sequence: null }, usage }),
  event("message_stop"),
];

function decodeStream(events: readonly SseEvent[], exchange = EXCHANGE): ReplyEvent[] {
  return run(chain(anthropicMessages.reply.decoder(exchange), grammar()), events);
}

function errorOf(events: readonly ReplyEvent[]): GatewayError {
  const last = events.at(-1);
  assert.ok(last?.type === "reply-error", `the stream ends in ${last?.type}`);
  return last.error;
}

interface DecodeRow {
  readonly what: string;
  readonly content: readonly Json[];
  /** The same blocks, streamed; left out where a block has no other form. */
  readonly events?: readonly SseEvent[];
  readonly stop?: string;
  readonly exchange?: Exchange;
  readonly reply: Partial<Reply>;
}

const LONG = `{"input":"${"x".repeat(200)}"}`;

const DECODED: readonly DecodeRow[] = [
  {
    what: "a call without arguments has an empty object",
    content: [{ type: "tool_use", id: "t", name: "f", input: {} }],
    events: [
      block(0, { type: "tool_use", id: "t", name: "f", input: {} }),
      delta(0, { type: "input_json_delta", partial_json: "" }),
      close(0),
    ],
    stop: "tool_use",
    reply: { parts: [call("t", "f", "{}")], finish: { ...END, kind: "tool-calls", raw: "tool_use" } },
  },
  {
    what: "a call whose start says all of its input",
    content: [{ type: "tool_use", id: "t", name: "f", input: { a: 1 } }],
    events: [block(0, { type: "tool_use", id: "t", name: "f", input: { a: 1 } }), close(0)],
    stop: "tool_use",
    reply: { parts: [call("t", "f", '{"a":1}')], finish: { ...END, kind: "tool-calls", raw: "tool_use" } },
  },
  {
    what: "a hosted tool's call is none of the client's, and comes in one piece",
    content: [
      { type: "server_tool_use", id: "s", name: "web_search", input: { q: "x" } },
      { type: "text", text: "A" },
    ],
    events: [
      block(0, { type: "server_tool_use", id: "s", name: "web_search", input: {} }),
      delta(0, { type: "input_json_delta", partial_json: '{"q": ' }),
      delta(0, { type: "input_json_delta", partial_json: '"x"}' }),
      close(0),
      block(1, { type: "text", text: "" }),
      delta(1, { type: "text_delta", text: "A" }),
      close(1),
    ],
    reply: {
      parts: [
        {
          type: "opaque",
          protocol: "anthropic-messages",
          name: "server_tool_use",
          value: '{"type":"server_tool_use","id":"s","name":"web_search","input":{"q":"x"}}',
          severity: "reported",
        },
        text("A"),
      ],
    },
  },
  {
    what: "an end with a call in it is a tool call",
    content: [{ type: "tool_use", id: "t", name: "f", input: {} }],
    events: [block(0, { type: "tool_use", id: "t", name: "f", input: {} }), close(0)],
    reply: { parts: [call("t", "f", "{}")], finish: { ...END, kind: "tool-calls", raw: "end_turn" } },
  },
  {
    what: "a full context window",
    content: [],
    events: [],
    stop: "model_context_window_exceeded",
    reply: { finish: { ...END, kind: "context-full", raw: "model_context_window_exceeded" } },
  },
  {
    what: "a paused answer",
    content: [],
    events: [],
    stop: "pause_turn",
    reply: { finish: { ...END, kind: "paused", raw: "pause_turn" } },
  },
  {
    what: "a reason to stop that nobody knows",
    content: [{ type: "text", text: "A" }],
    events: [block(0, { type: "text", text: "" }), delta(0, { type: "text_delta", text: "A" }), close(0)],
    stop: "bored",
    reply: { parts: [text("A")], finish: { ...END, kind: "other", raw: "bored" } },
  },
  {
    what: "citations of pages, with their words; those of documents have no address",
    content: [
      {
        type: "text",
        text: "A",
        citations: [
          { type: "web_search_result_location", url: "https://example.com", title: "T", cited_text: "Q", encrypted_index: "e" },
          { type: "char_location", cited_text: "Q", document_index: 0, document_title: null, start_char_index: 0, end_char_index: 1 },
        ],
      },
    ],
    events: [
      block(0, { type: "text", text: "", citations: [] }),
      delta(0, { type: "text_delta", text: "A" }),
      delta(0, {
        type: "citations_delta",
        citation: { type: "web_search_result_location", url: "https://example.com", title: "T", cited_text: "Q", encrypted_index: "e" },
      }),
      delta(0, { type: "citations_delta", citation: { type: "char_location", cited_text: "Q", document_index: 0 } }),
      close(0),
    ],
    reply: {
      parts: [
        text("A", { annotations: [{ type: "url-citation", url: "https://example.com", title: "T", start: null, end: null, quote: "Q" }] }),
      ],
    },
  },
  {
    what: "thoughts and hidden thoughts, each on its own",
    content: [
      { type: "thinking", thinking: "A", signature: "s1" },
      { type: "redacted_thinking", data: "s2" },
      { type: "thinking", thinking: "", signature: "s3" },
    ],
    events: [
      block(0, { type: "thinking", thinking: "", signature: "" }),
      delta(0, { type: "thinking_delta", thinking: "A", estimated_tokens: null }),
      delta(0, { type: "signature_delta", signature: "s1" }),
      close(0),
      block(1, { type: "redacted_thinking", data: "s2" }),
      close(1),
      block(2, { type: "thinking", thinking: "", signature: "" }),
      delta(2, { type: "signature_delta", signature: "s3" }),
      close(2),
    ],
    reply: {
      parts: [
        reasoning("A", { proof: { origin: "anthropic", data: "s1" } }),
        reasoning("", { redacted: true, proof: { origin: "anthropic", data: "s2" } }),
        reasoning("", { proof: { origin: "anthropic", data: "s3" } }),
      ],
    },
  },
  {
    what: "text blocks stay apart",
    content: [
      { type: "text", text: "A" },
      { type: "text", text: "B" },
    ],
    events: [
      block(0, { type: "text", text: "A" }),
      close(0),
      block(1, { type: "text", text: "" }),
      delta(1, { type: "text_delta", text: "B" }),
      close(1),
    ],
    reply: { parts: [text("A"), text("B")] },
  },
  {
    what: "a fitted name becomes the client's own again",
    content: [{ type: "tool_use", id: "t", name: "mcp_sea_look_32aa9cd0", input: {} }],
    events: [block(0, { type: "tool_use", id: "t", name: "mcp_sea_look_32aa9cd0", input: {} }), close(0)],
    stop: "tool_use",
    exchange: at({ tools: [tool("mcp.sea/look")] }),
    reply: { parts: [call("t", "mcp.sea/look", "{}")], finish: { ...END, kind: "tool-calls", raw: "tool_use" } },
  },
  {
    what: "a custom tool's text is unwrapped, cut anywhere",
    content: [{ type: "tool_use", id: "t", name: "patch", input: { input: 'a"\\\n\u{1f600}\u00e9/' } }],
    events: [
      block(0, { type: "tool_use", id: "t", name: "patch", input: {} }),
      ...Array.from(String.raw`{ "input" : "a\"\\\n\ud83d\ude00\u00e9\/"}`, (character) =>
        delta(0, { type: "input_json_delta", partial_json: character }),
      ),
      close(0),
    ],
    stop: "tool_use",
    exchange: at({ tools: [customTool("patch")] }),
    reply: {
      parts: [call("t", "patch", 'a"\\\n\u{1f600}\u00e9/', { kind: "custom" })],
      finish: { ...END, kind: "tool-calls", raw: "tool_use" },
    },
  },
  {
    what: "input of another shape than the custom tool's is not lost",
    content: [{ type: "tool_use", id: "t", name: "patch", input: { text: LONG } }],
    events: [
      block(0, { type: "tool_use", id: "t", name: "patch", input: {} }),
      delta(0, { type: "input_json_delta", partial_json: JSON.stringify({ text: LONG }).slice(0, 90) }),
      delta(0, { type: "input_json_delta", partial_json: JSON.stringify({ text: LONG }).slice(90) }),
      close(0),
    ],
    stop: "tool_use",
    exchange: at({ tools: [customTool("patch")] }),
    reply: {
      parts: [call("t", "patch", JSON.stringify({ text: LONG }), { kind: "custom" })],
      finish: { ...END, kind: "tool-calls", raw: "tool_use" },
    },
  },
  {
    what: "the tool that stands in for a schema gives its input as the text of the answer",
    content: [{ type: "tool_use", id: "t", name: "json", input: { n: 1 } }],
    events: [
      block(0, { type: "tool_use", id: "t", name: "json", input: {} }),
      delta(0, { type: "input_json_delta", partial_json: '{"n":' }),
      delta(0, { type: "input_json_delta", partial_json: "1}" }),
      close(0),
    ],
    stop: "tool_use",
    exchange: at({
      model: "claude-3-5-haiku-20241022",
      output: { type: "json-schema", name: null, description: null, schema: '{"type":"object","properties":{"n":{}}}', strict: null },
    }),
    reply: { parts: [text('{"n":1}')], finish: { ...END, kind: "end", raw: "tool_use" } },
  },
];

for (const { what, content, events, stop = "end_turn", exchange = EXCHANGE, reply } of DECODED) {
  const expected = { ...REPLY, ...reply };
  test(`an answer means, non-streaming: ${what}`, () =>
    assert.deepEqual(decodeMessage(content, { stop_reason: stop }, exchange), expected));
  if (events === undefined) continue;
  test(`an answer means, streaming: ${what}`, () =>
    assert.deepEqual(fold(decodeStream([start(), ...events, ...finish(stop)], exchange)), expected));
}

test("a refusal says why, and keeps what was said", () => {
  const stop_details = { type: "refusal", category: "cyber", explanation: "Blocked." };
  const reply = decodeMessage([{ type: "text", text: "A" }], { stop_reason: "refusal", stop_details });
  assert.deepEqual(reply, {
    ...REPLY,
    parts: [text("A")],
    finish: { kind: "filtered", raw: "refusal", stopSequence: null, explanation: "Blocked." },
  });
});

test("counts are cumulative: the last one replaces the one before", () => {
  const first = event("message_start", {
    message: { id: "msg_1", model: "claude-opus-5", usage: { input_tokens: 43, cache_read_input_tokens: 9, output_tokens: 1 } },
  });
  const usages = decodeStream([
    first,
    ...finish("end_turn", { input_tokens: 61, output_tokens: 2, output_tokens_details: { thinking_tokens: 0 } }),
  ]);
  const known = { ...USAGE, cacheReadTokens: 9 };
  assert.deepEqual(
    usages.filter((one) => one.type === "usage"),
    [
      { type: "usage", usage: { ...known, inputTokens: 43, outputTokens: 1 } },
      { type: "usage", usage: { ...known, inputTokens: 61, outputTokens: 2, reasoningTokens: 0 } },
    ],
  );
});

test("cache writes for an hour are told apart from those for five minutes", () => {
  const usage = {
    input_tokens: 3,
    output_tokens: 2,
    cache_creation_input_tokens: 70,
    cache_creation: { ephemeral_5m_input_tokens: 50, ephemeral_1h_input_tokens: 20 },
  };
  const { usage: read } = decodeMessage([], { usage });
  assert.deepEqual([read?.cacheWriteTokens, read?.cacheWrite1hTokens], [70, 20]);
});

test("deltas come out as they come in, none of them empty", () => {
  const events = [
    start(),
    block(0, { type: "text", text: "" }),
    delta(0, { type: "text_delta", text: "" }),
    delta(0, { type: "text_delta", text: "A" }),
    close(0),
    ...finish(),
  ];
  assert.deepEqual(decodeStream(events), [
    { type: "reply-start", id: "msg_1", model: "claude-opus-5" },
    { type: "usage", usage: { ...USAGE, outputTokens: 1 } },
    { type: "part-start", index: 0, part: text("") },
    { type: "part-delta", index: 0, text: "A" },
    { type: "part-end", index: 0, proof: null },
    { type: "usage", usage: USAGE },
    { type: "reply-end", finish: END },
  ]);
});

const A = [block(0, { type: "text", text: "" }), delta(0, { type: "text_delta", text: "A" })];

const ODD: readonly { readonly what: string; readonly events: readonly SseEvent[] }[] = [
  { what: "no message_start", events: [...A, close(0), ...finish("end_turn", { input_tokens: 3, output_tokens: 2 })] },
  { what: "no content_block_start", events: [start(), delta(0, { type: "text_delta", text: "A" }), close(0), ...finish()] },
  { what: "no content_block_stop", events: [start(), ...A, ...finish()] },
  {
    what: "index from 1",
    events: [start(), block(1, { type: "text", text: "" }), delta(1, { type: "text_delta", text: "A" }), close(1), ...finish()],
  },
  {
    what: "no index",
    events: [
      start(),
      event("content_block_start", { content_block: { type: "text", text: "A" } }),
      event("content_block_stop"),
      ...finish(),
    ],
  },
  { what: "no event names", events: [start(), ...A, close(0), ...finish()].map(({ data }) => ({ event: null, data })) },
  { what: "the start comes twice", events: [start(), start(), ...A, close(0), ...finish()] },
  {
    what: "pings, padding, unknown events, [DONE]",
    events: [
      start(),
      { event: "ping", data: "{}" },
      event("sparkle"),
      ...A.map(({ event: name, data }) => ({ event: name, data: data.replace(/\}$/, "   }") })),
      delta(0, { type: "glitter" }),
      close(0),
      { event: null, data: "[DONE]" },
      ...finish(),
    ],
  },
  {
    what: "an error after the end",
    events: [start(), ...A, close(0), ...finish(), event("error", { error: { type: "api_error", message: "late" } })],
  },
];

for (const { what, events } of ODD) {
  test(`a stream that is only odd is read: ${what}`, () => {
    const reply = fold(decodeStream(events));
    assert.deepEqual({ ...reply, id: "msg_1" }, { ...REPLY, parts: [text("A")] });
  });
}

const BROKEN: readonly {
  readonly what: string;
  readonly events: readonly SseEvent[];
  readonly kind: string;
  readonly status: number;
  readonly message: string;
}[] = [
  {
    what: "no terminal event",
    events: [start(), ...A],
    kind: "upstream-failed",
    status: 502,
    message: "The upstream ended the stream before the answer was complete.",
  },
  {
    what: "nothing at all",
    events: [],
    kind: "upstream-failed",
    status: 502,
    message: "The upstream ended the stream before the answer was complete.",
  },
  {
    what: "a call left open in the middle of its arguments",
    events: [
      start(),
      block(0, { type: "tool_use", id: "t", name: "f", input: {} }),
      delta(0, { type: "input_json_delta", partial_json: '{"a' }),
      ...finish("max_tokens"),
    ],
    kind: "upstream-failed",
    status: 502,
    message: "The upstream ended the stream before the answer was complete.",
  },
  {
    what: "a call without a name",
    events: [start(), block(0, { type: "tool_use", id: "t", input: {} }), ...finish("tool_use")],
    kind: "upstream-failed",
    status: 502,
    message: "The upstream called a tool without naming it.",
  },
  {
    what: "an error in the middle",
    events: [start(), ...A, event("error", { error: { type: "overloaded_error", message: "Overloaded" } })],
    kind: "overloaded",
    status: 503,
    message: "Overloaded",
  },
  {
    what: "an error first",
    events: [event("error", { error: { type: "rate_limit_error", message: "Slow down" } })],
    kind: "rate-limited",
    status: 429,
    message: "Slow down",
  },
  {
    what: "another answer in the middle",
    events: [start(), ...A, start("msg_2")],
    kind: "upstream-failed",
    status: 502,
    message: "The upstream began a second answer in the middle of the first.",
  },
  {
    what: "bad JSON",
    events: [start(), { event: "content_block_delta", data: '{"type":' }],
    kind: "upstream-failed",
    status: 502,
    message: "The upstream sent an event that is not JSON.",
  },
];

for (const { what, events, kind, status, message } of BROKEN) {
  test(`a stream that ends badly ends in an error: ${what}`, () => {
    const error = errorOf(decodeStream(events));
    assert.deepEqual([error.kind, error.status, error.message], [kind, status, message]);
  });
}

for (const [what, body, kind, message] of [
  ["an error with status 200", '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}', "overloaded", "Overloaded"],
  [
    "a call without a name",
    '{"type":"message","content":[{"type":"tool_use","id":"t","name":null,"input":{}}]}',
    "upstream-failed",
    "The upstream called a tool without naming it.",
  ],
  ["no message", '{"hello":1}', "upstream-failed", "The upstream answered with something that is not a message."],
  ["no JSON", "<html>", "upstream-failed", "The upstream sent an answer that is not JSON."],
] as const) {
  test(`a non-streaming answer that is none is an error: ${what}`, () => {
    assert.throws(
      () => anthropicMessages.reply.decode(body, EXCHANGE),
      (error) => {
        assert.ok(error instanceof GatewayError);
        assert.deepEqual([error.kind, error.message], [kind, message]);
        return true;
      },
    );
  });
}
