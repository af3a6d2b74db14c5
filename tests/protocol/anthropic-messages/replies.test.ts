// Answers and errors of Anthropic's Messages API, both ways, whole and streamed; the named edits of a body that passes through;
// what leaves the proxy, read by the official client.
// A row names the pitfall (PROTOCOLS section B) or the row of section A that it stands for; whole values are compared.

import Anthropic, { APIError } from "@anthropic-ai/sdk";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { GatewayError, type ErrorOptions } from "../../../src/errors.ts";
import { anthropicMessages } from "../../../src/protocol/anthropic-messages/codec.ts";
import { capabilitiesOf } from "../../../src/protocol/anthropic-messages/capabilities.ts";
import { FIELDS } from "../../../src/protocol/anthropic-messages/wire.ts";
import type { CanonicalRequest, FinishReason, Part, Reply, ReplyEvent, Usage } from "../../../src/protocol/canonical.ts";
import { bareRequest } from "../../../src/protocol/exchange.ts";
import { sealProof } from "../../../src/protocol/seals.ts";
import type { Exchange } from "../../../src/protocol/codec.ts";
import { fold, grammar, inOrder, unfold } from "../../../src/protocol/fold.ts";
import { chain, run } from "../../../src/wire/machine.ts";
import { printSse, type SseEvent } from "../../../src/wire/sse.ts";
import { loadCases } from "../../support/fixtures.ts";
import { exchangeFor, sseEvents } from "../../support/laws.ts";

type Json = Readonly<Record<string, unknown>>;

const REQUEST: CanonicalRequest = bareRequest({ model: "claude-opus-5", stream: true });
const EXCHANGE: Exchange = { request: REQUEST, id: "0a1b2c", createdAtS: 1_793_500_000 };
const at = (request: Partial<CanonicalRequest>): Exchange => ({ ...EXCHANGE, request: { ...REQUEST, ...request } });

const USAGE: Usage = { inputTokens: 3, cacheReadTokens: null, cacheWriteTokens: null, outputTokens: 2, reasoningTokens: null };
const END: FinishReason = { kind: "end", raw: "end_turn", stopSequence: null, explanation: null };
const REPLY: Reply = { id: "msg_1", model: "claude-opus-5", parts: [], usage: USAGE, finish: END };

const text = (value: string, more: object = {}): Part => ({
  type: "text",
  text: value,
  annotations: [],
  cache: null,
  proof: null,
  ...more,
});
const reasoning = (value: string, more: object = {}): Part => ({ type: "reasoning", text: value, redacted: false, proof: null, ...more });
const call = (callId: string, name: string, args: string, more: object = {}): Part => ({
  type: "tool-call",
  callId,
  name,
  kind: "function",
  arguments: args,
  cache: null,
  proof: null,
  ...more,
});
const custom = (name: string): CanonicalRequest["tools"][number] => ({
  type: "custom",
  name,
  namespace: null,
  description: null,
  grammar: null,
});
const fn = (name: string): CanonicalRequest["tools"][number] => ({
  type: "function",
  name,
  namespace: null,
  description: null,
  schema: null,
  strict: null,
  cache: null,
});

// ---- Decode --------------------------------------------------------------------------------------------------------

function decodeWhole(content: readonly object[], more: Json = {}, exchange = EXCHANGE): Reply {
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
    what: "120: a call without arguments has an empty object",
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
    what: "C.4: a call whose start says all of its input",
    content: [{ type: "tool_use", id: "t", name: "f", input: { a: 1 } }],
    events: [block(0, { type: "tool_use", id: "t", name: "f", input: { a: 1 } }), close(0)],
    stop: "tool_use",
    reply: { parts: [call("t", "f", '{"a":1}')], finish: { ...END, kind: "tool-calls", raw: "tool_use" } },
  },
  {
    what: "119: a hosted tool's call is none of the client's, and comes in one piece",
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
    what: "133: an end with a call in it is a tool call",
    content: [{ type: "tool_use", id: "t", name: "f", input: {} }],
    events: [block(0, { type: "tool_use", id: "t", name: "f", input: {} }), close(0)],
    reply: { parts: [call("t", "f", "{}")], finish: { ...END, kind: "tool-calls", raw: "end_turn" } },
  },
  {
    what: "136: a full context window",
    content: [],
    events: [],
    stop: "model_context_window_exceeded",
    reply: { finish: { ...END, kind: "context-full", raw: "model_context_window_exceeded" } },
  },
  { what: "137: a pause", content: [], events: [], stop: "pause_turn", reply: { finish: { ...END, kind: "paused", raw: "pause_turn" } } },
  {
    what: "A.14: a reason of the future",
    content: [],
    events: [],
    stop: "bored",
    reply: { finish: { ...END, kind: "other", raw: "bored" } },
  },
  {
    what: "176: citations of pages, with their words; those of documents have no address",
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
    what: "177, 179: thoughts and hidden thoughts, each on its own",
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
    what: "178: text blocks stay apart",
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
    what: "48: a fitted name becomes the client's own again",
    content: [{ type: "tool_use", id: "t", name: "mcp_sea_look_32aa9cd0", input: {} }],
    events: [block(0, { type: "tool_use", id: "t", name: "mcp_sea_look_32aa9cd0", input: {} }), close(0)],
    stop: "tool_use",
    exchange: at({ tools: [fn("mcp.sea/look")] }),
    reply: { parts: [call("t", "mcp.sea/look", "{}")], finish: { ...END, kind: "tool-calls", raw: "tool_use" } },
  },
  {
    what: "67: a custom tool's text is unwrapped, cut anywhere",
    content: [{ type: "tool_use", id: "t", name: "patch", input: { input: 'a"\\\n\u{1f600}\u00e9/' } }],
    events: [
      block(0, { type: "tool_use", id: "t", name: "patch", input: {} }),
      ...Array.from(String.raw`{ "input" : "a\"\\\n\ud83d\ude00\u00e9\/"}`, (character) =>
        delta(0, { type: "input_json_delta", partial_json: character }),
      ),
      close(0),
    ],
    stop: "tool_use",
    exchange: at({ tools: [custom("patch")] }),
    reply: {
      parts: [call("t", "patch", 'a"\\\n\u{1f600}\u00e9/', { kind: "custom" })],
      finish: { ...END, kind: "tool-calls", raw: "tool_use" },
    },
  },
  {
    what: "67: input of another shape than the custom tool's is not lost",
    content: [{ type: "tool_use", id: "t", name: "patch", input: { text: LONG } }],
    events: [
      block(0, { type: "tool_use", id: "t", name: "patch", input: {} }),
      delta(0, { type: "input_json_delta", partial_json: JSON.stringify({ text: LONG }).slice(0, 90) }),
      delta(0, { type: "input_json_delta", partial_json: JSON.stringify({ text: LONG }).slice(90) }),
      close(0),
    ],
    stop: "tool_use",
    exchange: at({ tools: [custom("patch")] }),
    reply: {
      parts: [call("t", "patch", JSON.stringify({ text: LONG }), { kind: "custom" })],
      finish: { ...END, kind: "tool-calls", raw: "tool_use" },
    },
  },
  {
    what: "A.9: the tool that stands in for a schema gives its input as the text of the answer",
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
  test(`an answer means, whole: ${what}`, () => assert.deepEqual(decodeWhole(content, { stop_reason: stop }, exchange), expected));
  if (events === undefined) continue;
  test(`an answer means, streamed: ${what}`, () =>
    assert.deepEqual(fold(decodeStream([start(), ...events, ...finish(stop)], exchange)), expected));
}

test("135: a refusal says why, and keeps what was said", () => {
  const stop_details = { type: "refusal", category: "cyber", explanation: "Blocked." };
  const reply = decodeWhole([{ type: "text", text: "A" }], { stop_reason: "refusal", stop_details });
  assert.deepEqual(reply, {
    ...REPLY,
    parts: [text("A")],
    finish: { kind: "filtered", raw: "refusal", stopSequence: null, explanation: "Blocked." },
  });
});

test("129: counts are cumulative: the last one replaces the one before", () => {
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

test("17: deltas come out as they come in, none of them empty", () => {
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
  { what: "C.4: no message_start", events: [...A, close(0), ...finish("end_turn", { input_tokens: 3, output_tokens: 2 })] },
  { what: "C.4: no content_block_start", events: [start(), delta(0, { type: "text_delta", text: "A" }), close(0), ...finish()] },
  { what: "C.4: no content_block_stop", events: [start(), ...A, ...finish()] },
  {
    what: "C.4: index from 1",
    events: [start(), block(1, { type: "text", text: "" }), delta(1, { type: "text_delta", text: "A" }), close(1), ...finish()],
  },
  {
    what: "C.4: no index",
    events: [
      start(),
      event("content_block_start", { content_block: { type: "text", text: "A" } }),
      event("content_block_stop"),
      ...finish(),
    ],
  },
  { what: "151: no event names", events: [start(), ...A, close(0), ...finish()].map(({ data }) => ({ event: null, data })) },
  { what: "152: the start comes twice", events: [start(), start(), ...A, close(0), ...finish()] },
  {
    what: "185, C.4: pings, padding, unknown events, [DONE]",
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
    what: "143: an error after the end",
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
    what: "139: no end",
    events: [start(), ...A],
    kind: "upstream-failed",
    status: 502,
    message: "The upstream ended the stream before the answer was complete.",
  },
  {
    what: "139: nothing at all",
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
    what: "141: an error in the middle",
    events: [start(), ...A, event("error", { error: { type: "overloaded_error", message: "Overloaded" } })],
    kind: "overloaded",
    status: 503,
    message: "Overloaded",
  },
  {
    what: "144: an error first",
    events: [event("error", { error: { type: "rate_limit_error", message: "Slow down" } })],
    kind: "rate-limited",
    status: 429,
    message: "Slow down",
  },
  {
    what: "152: another answer in the middle",
    events: [start(), ...A, start("msg_2")],
    kind: "upstream-failed",
    status: 502,
    message: "The upstream began a second answer in the middle of the first.",
  },
  {
    what: "C.1: bad JSON",
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
  [
    "142: an error with status 200",
    '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
    "overloaded",
    "Overloaded",
  ],
  [
    "a call without a name",
    '{"type":"message","content":[{"type":"tool_use","id":"t","name":null,"input":{}}]}',
    "upstream-failed",
    "The upstream called a tool without naming it.",
  ],
  ["no message", '{"hello":1}', "upstream-failed", "The upstream answered with something that is no message."],
  ["no JSON", "<html>", "upstream-failed", "The upstream sent an answer that is not JSON."],
] as const) {
  test(`a whole answer that is none is an error: ${what}`, () => {
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

// ---- Encode --------------------------------------------------------------------------------------------------------

const SENT = {
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "claude-opus-5",
  content: [] as unknown[],
  stop_reason: "end_turn",
  stop_sequence: null,
  stop_details: null,
  container: null,
  usage: { input_tokens: 3, cache_creation_input_tokens: null, cache_read_input_tokens: null, output_tokens: 2 },
};

function encodeStream(reply: Reply, exchange = EXCHANGE): SseEvent[] {
  return run(chain(inOrder(), anthropicMessages.reply.encoder(exchange)), unfold(reply));
}

function official(events: readonly SseEvent[]): Anthropic {
  const body = events.map(printSse).join("");
  return new Anthropic({
    apiKey: "sk-fixture",
    maxRetries: 0,
    fetch: () => Promise.resolve(new Response(body, { headers: { "content-type": "text/event-stream" } })),
  });
}

const ASK = { model: "claude-opus-5", max_tokens: 1, messages: [{ role: "user" as const, content: "x" }] };

/** What the official client makes of a stream, without the members that it adds of its own. */
async function accumulated(events: readonly SseEvent[]): Promise<unknown> {
  const message = await official(events).messages.stream(ASK).finalMessage();
  const ADDED = new Set(["parsed_output", "_request_id", "_workspace_id"]);
  return JSON.parse(JSON.stringify(message, (key, value: unknown) => (ADDED.has(key) ? undefined : value)));
}

const OPENAI = { origin: "openai", data: "enc" } as const;
const GOOGLE = { origin: "google", data: "sig" } as const;

const ENCODED: readonly { readonly what: string; readonly reply: Partial<Reply>; readonly message: Json; readonly exchange?: Exchange }[] =
  [
    {
      what: "A.16: an id of another protocol",
      reply: { id: "chatcmpl-9", parts: [text("A")] },
      message: { id: "msg_9", content: [{ type: "text", text: "A" }] },
    },
    {
      what: "A.16: no id and no model",
      reply: { id: "", model: "", parts: [text("A")] },
      message: { id: "msg_0a1b2c", content: [{ type: "text", text: "A" }] },
    },
    {
      what: "145, 147: thought, text and calls, one block after the other, none of them empty",
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
      what: "16: blank text, which the API refuses when it comes back, is left out; white space in front of words is not",
      reply: { parts: [text("\n\n"), text(" \nA "), text(" ", { proof: GOOGLE })] },
      message: {
        content: [
          { type: "text", text: " \nA " },
          { type: "redacted_thinking", data: `${sealProof(GOOGLE, "anthropic")}.before` },
        ],
      },
    },
    {
      what: "133: an end with a call in it",
      reply: { parts: [call("call.1", "f", "{}")], finish: { ...END, raw: "stop" } },
      message: { content: [{ type: "tool_use", id: "call_1_2945fb5c", name: "f", input: {} }], stop_reason: "tool_use" },
    },
    {
      what: "A.8: proofs of every vendor travel in the client's own slots",
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
      what: "A.4: a refusal is text with its own reason to stop",
      reply: { parts: [{ type: "refusal", text: "No." }], finish: { ...END, raw: "stop" } },
      message: {
        content: [{ type: "text", text: "No." }],
        stop_reason: "refusal",
        stop_details: { type: "refusal", category: null, explanation: null },
      },
    },
    {
      what: "135: a filtered answer says why",
      reply: { parts: [], finish: { kind: "filtered", raw: "SAFETY", stopSequence: null, explanation: "Harm." } },
      message: { stop_reason: "refusal", stop_details: { type: "refusal", category: null, explanation: "Harm." } },
    },
    {
      what: "A.14: length",
      reply: { parts: [text("A")], finish: { ...END, kind: "length", raw: "length" } },
      message: { content: [{ type: "text", text: "A" }], stop_reason: "max_tokens" },
    },
    {
      what: "A.14: a full context window",
      reply: { finish: { ...END, kind: "context-full", raw: null } },
      message: { stop_reason: "model_context_window_exceeded" },
    },
    {
      what: "A.14: a stop sequence that is named",
      reply: { finish: { ...END, kind: "stop-sequence", stopSequence: "X" } },
      message: { stop_reason: "stop_sequence", stop_sequence: "X" },
    },
    {
      what: "A.14: a stop sequence that is not",
      reply: { finish: { ...END, kind: "stop-sequence" } },
      message: { stop_reason: "end_turn" },
    },
    { what: "A.14: a pause", reply: { finish: { ...END, kind: "paused" } }, message: { stop_reason: "pause_turn" } },
    {
      what: "A.14: a reason that nobody knows",
      reply: { finish: { ...END, kind: "other", raw: "OTHER" } },
      message: { stop_reason: "end_turn" },
    },
    {
      what: "127: counts outside of caches stay outside of caches",
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
    { what: "A.15: no counts", reply: { usage: null }, message: { usage: { ...SENT.usage, input_tokens: 0, output_tokens: 0 } } },
    {
      what: "176: citations of other models, with an index that only says so",
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
      what: "A.4: a picture in an answer is said to have been there; blocks of other protocols are not",
      reply: {
        parts: [
          { type: "image", source: { type: "base64", mediaType: "image/png", data: "AA==" }, detail: null, cache: null },
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
      what: "A.5: a custom call, to a client that knows none",
      reply: { parts: [call("c1", "patch", 'a "b"\n\u{1f600}', { kind: "custom" })], finish: { ...END, kind: "tool-calls", raw: null } },
      message: { content: [{ type: "tool_use", id: "c1", name: "patch", input: { input: 'a "b"\n\u{1f600}' } }], stop_reason: "tool_use" },
    },
  ];

for (const { what, reply, message, exchange = EXCHANGE } of ENCODED) {
  const told = { ...REPLY, ...reply };
  const expected = { ...SENT, ...message };
  test(`a client is answered, whole: ${what}`, () =>
    assert.deepEqual(JSON.parse(anthropicMessages.reply.encode(told, exchange)), expected));
  test(`a client is answered, streamed, as its official client reads it: ${what}`, async () => {
    assert.deepEqual(await accumulated(encodeStream(told, exchange)), expected);
  });
}

test("C.4: the events of a stream, each named, each with what the accumulators need", () => {
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

test("A.15: where the upstream has counted nothing, as one that was let go at a stop sequence, both counts are estimates", () => {
  const exchange = at({ system: [{ type: "text", text: "x".repeat(400), annotations: [], cache: null, proof: null }] });
  const parts: Part[] = [
    { type: "reasoning", text: "t".repeat(20), redacted: false, proof: null },
    text("a".repeat(40)),
    call("c", "look", '{"at":"here"}'),
  ];
  const usages = [null, { inputTokens: null, cacheReadTokens: null, cacheWriteTokens: null, outputTokens: null, reasoningTokens: 5 }];
  for (const usage of usages) {
    const reply: Reply = { ...REPLY, usage, parts };
    const whole = JSON.parse(anthropicMessages.reply.encode(reply, exchange)) as { usage: { output_tokens_details?: object } };
    const last = encodeStream(reply, exchange)
      .map(({ data }) => JSON.parse(data) as { type: string; usage: object })
      .findLast(({ type }) => type === "message_delta");
    const thought = usage === null ? {} : { output_tokens_details: { thinking_tokens: 5 } };
    const counted = { cache_creation_input_tokens: null, cache_read_input_tokens: null, ...thought };
    const expected = { ...counted, input_tokens: 100, output_tokens: Math.ceil((20 + 40 + 13) / 4) };
    assert.deepEqual([whole.usage, last?.usage], [expected, expected]);
  }
});

test("126: the first event estimates the input, the last one corrects it", () => {
  const exchange = at({ system: [{ type: "text", text: "x".repeat(400), annotations: [], cache: null, proof: null }] });
  const counts = encodeStream(REPLY, exchange).map(({ data }) => JSON.parse(data) as { message?: Json; usage?: Json });
  assert.deepEqual([counts[0]?.message?.["usage"], counts[1]?.usage], [{ ...SENT.usage, input_tokens: 100, output_tokens: 0 }, SENT.usage]);
});

test("146: arguments of two calls that come in turns leave one block after the other", async () => {
  const part = (callId: string): Part => call(callId, "f", "");
  const events: ReplyEvent[] = [
    { type: "reply-start", id: "1", model: "m" },
    { type: "part-start", index: 0, part: part("a") },
    { type: "part-start", index: 1, part: part("b") },
    { type: "part-delta", index: 1, text: '{"n":' },
    { type: "part-delta", index: 0, text: '{"n":1}' },
    { type: "part-delta", index: 1, text: "2}" },
    { type: "part-end", index: 1, proof: null },
    { type: "part-end", index: 0, proof: null },
    { type: "usage", usage: USAGE },
    { type: "reply-end", finish: { ...END, kind: "tool-calls" } },
  ];
  const message = await accumulated(run(chain(inOrder(), anthropicMessages.reply.encoder(EXCHANGE)), events));
  const content = ["a", "b"].map((id, index) => ({ type: "tool_use", id, name: "f", input: { n: index + 1 } }));
  assert.deepEqual(message, { ...SENT, model: "m", content, stop_reason: "tool_use" });
});

test("140: a broken answer ends in an error event, and the official client throws it", async () => {
  const events = run(anthropicMessages.reply.encoder(EXCHANGE), [
    { type: "reply-start", id: "1", model: "m" },
    { type: "part-start", index: 0, part: text("") },
    { type: "part-delta", index: 0, text: "A" },
    { type: "reply-error", error: new GatewayError("overloaded", "Busy.") },
    { type: "reply-end", finish: END },
  ]);
  assert.deepEqual(events.slice(-1), [{ event: "error", data: '{"type":"error","error":{"type":"overloaded_error","message":"Busy."}}' }]);
  await assert.rejects(
    official(events).messages.stream(ASK).finalMessage(),
    (error) => error instanceof APIError && error.type === "overloaded_error",
  );
});

for (const one of loadCases().cases.filter(
  ({ protocol, stream, meta }) => protocol === "anthropic-messages" && stream !== null && meta.ends !== "error",
)) {
  test(`the official client reads what is told of ${one.name} like the whole answer`, async () => {
    const exchange = exchangeFor(anthropicMessages, one.request);
    const reply = fold(decodeStream(sseEvents(one.stream ?? ""), exchange));
    const whole = JSON.parse(anthropicMessages.reply.encode(reply, exchange)) as Json;
    // An input that was cut off is nothing to the client; whole, it is kept as text.
    const content = (whole["content"] as Json[]).map((one_) =>
      one_["type"] === "tool_use" && reply.finish.kind === "length" ? { ...one_, input: {} } : one_,
    );
    assert.deepEqual(await accumulated(encodeStream(reply, exchange)), { ...whole, content });
  });
}

// ---- Errors --------------------------------------------------------------------------------------------------------

const wire = (type: string, message: string, details?: object): string =>
  JSON.stringify({ type: "error", error: { type, message, ...(details === undefined ? {} : { details }) } });

interface ErrorRow {
  readonly what: string;
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly error: readonly [kind: string, status: number, message: string, code: string | null, type: string | null];
  readonly kept?: Readonly<Record<string, string>>;
}

const ERRORS: readonly ErrorRow[] = [
  {
    what: "A.17: 400",
    status: 400,
    body: wire("invalid_request_error", "Bad."),
    error: ["upstream-rejected", 400, "Bad.", null, "invalid_request_error"],
  },
  {
    what: "192: 529 is an overload, which elsewhere is 503",
    status: 529,
    body: wire("overloaded_error", "Overloaded"),
    error: ["overloaded", 503, "Overloaded", null, "overloaded_error"],
  },
  {
    what: "A.17: 429 says when to try again",
    status: 429,
    body: wire("rate_limit_error", "Slow."),
    headers: { "retry-after": "7", "x-should-retry": "true", server: "x" },
    error: ["rate-limited", 429, "Slow.", null, "rate_limit_error"],
    kept: { "retry-after": "7", "x-should-retry": "true" },
  },
  {
    what: "A.17: a spent budget does not come back by waiting",
    status: 429,
    body: wire("rate_limit_error", "Spent.", { error_code: "contract_spend_limit_reached" }),
    headers: { "retry-after": "7" },
    error: ["upstream-rejected", 429, "Spent.", "contract_spend_limit_reached", "rate_limit_error"],
  },
  {
    what: "A.17: 500 keeps its status",
    status: 500,
    body: wire("api_error", "Oops."),
    error: ["upstream-failed", 500, "Oops.", null, "api_error"],
  },
  {
    what: "CLIENTS 10: a conversation that is too long",
    status: 400,
    body: wire("invalid_request_error", "prompt is too long: 2 > 1 maximum"),
    error: ["upstream-rejected", 400, "prompt is too long: 2 > 1 maximum", "context_length_exceeded", "invalid_request_error"],
  },
  {
    what: "193: HTML",
    status: 403,
    body: "<html>no</html>",
    error: ["upstream-rejected", 403, "The upstream answered with status 403 and said nothing more.", null, null],
  },
  {
    what: "193: nothing",
    status: 502,
    body: "",
    headers: { "retry-after": "1" },
    error: ["upstream-failed", 502, "The upstream answered with status 502 and said nothing more.", null, null],
    kept: { "retry-after": "1" },
  },
  {
    what: "FACTORY: other envelopes",
    status: 402,
    body: '{"detail":"No credit."}',
    error: ["upstream-rejected", 402, "No credit.", null, null],
  },
];

for (const { what, status, body, headers = {}, error, kept = {} } of ERRORS) {
  test(`an upstream's error means: ${what}`, () => {
    const decoded = anthropicMessages.error.decode(status, body, headers);
    assert.deepEqual([decoded.kind, decoded.status, decoded.message, decoded.code, decoded.type], error);
    assert.deepEqual(decoded.headers, kept);
  });
}

const TOLD: readonly {
  readonly what: string;
  readonly kind: GatewayError["kind"];
  readonly options?: ErrorOptions;
  readonly status: number;
  readonly error: Json;
}[] = [
  { what: "A.17: an overload is 529", kind: "overloaded", status: 529, error: { type: "overloaded_error", message: "M" } },
  {
    what: "A.17: an upstream's own type",
    kind: "upstream-rejected",
    options: { status: 402, type: "billing_error" },
    status: 402,
    error: { type: "billing_error", message: "M" },
  },
  {
    what: "A.17: a type of another protocol",
    kind: "upstream-rejected",
    options: { status: 404, type: "model_not_found" },
    status: 404,
    error: { type: "not_found_error", message: "M" },
  },
  {
    what: "A.17: field and code",
    kind: "invalid-request",
    options: { param: "tools[0]", code: "x" },
    status: 400,
    error: { type: "invalid_request_error", message: "M", details: { error_code: "x", param: "tools[0]" } },
  },
  {
    what: "A.17: details of the upstream",
    kind: "upstream-rejected",
    options: { details: { error_code: "d", n: 1 }, code: "d" },
    status: 400,
    error: { type: "invalid_request_error", message: "M", details: { error_code: "d", n: 1 } },
  },
  {
    what: "CLIENTS 10: by these words Claude Code knows a full context",
    kind: "upstream-rejected",
    options: { status: 400, code: "context_length_exceeded" },
    status: 400,
    error: { type: "invalid_request_error", message: "prompt is too long: M", details: { error_code: "context_length_exceeded" } },
  },
];

for (const { what, kind, options, status, error } of TOLD) {
  test(`a client is told of an error: ${what}`, () => {
    const encoded = anthropicMessages.error.encode(new GatewayError(kind, "M", options), "req-1");
    assert.deepEqual([encoded.status, JSON.parse(encoded.body)], [status, { type: "error", error, request_id: "req-1" }]);
  });
}

// ---- Edits ---------------------------------------------------------------------------------------------------------

const PROMPT = 'Be "Droid".';
const QUOTED = JSON.stringify(PROMPT);
const BLOCK = `{"type":"text","text":${QUOTED}}`;
const REST = '"max_tokens" :\t1.0e3, "zz": 12345678901234567890, "messages": [ {"role":"user","content":"\\u0041\\/"} ]';

const EDITS: readonly { readonly what: string; readonly before: string; readonly after: string }[] = [
  { what: "none: a new member", before: `{ ${REST} }`, after: `{"system":[${BLOCK}], ${REST} }` },
  {
    what: "a string: an array, the client's own words as it wrote them",
    before: `{ "system" : "A\\u0042\\n", ${REST}}`,
    after: `{ "system" : [${BLOCK},{"type":"text","text":"A\\u0042\\n"}], ${REST}}`,
  },
  {
    what: "an array: a block in front",
    before: `{${REST},"system":[ {"text":"A" , "type":"text","cache_control":{"type":"ephemeral"}}\n]}`,
    after: `{${REST},"system":[${BLOCK}, {"text":"A" , "type":"text","cache_control":{"type":"ephemeral"}}\n]}`,
  },
  { what: "an empty array", before: `{"system":[ ],${REST}}`, after: `{"system":[${BLOCK} ],${REST}}` },
  { what: "an empty string", before: `{"system":"",${REST}}`, after: `{"system":[${BLOCK}],${REST}}` },
  { what: "null", before: `{"system": null,${REST}}`, after: `{"system": [${BLOCK}],${REST}}` },
  {
    what: "a string that begins with it",
    before: `{"system":"Be \\"Droid\\". And more.",${REST}}`,
    after: `{"system":"Be \\"Droid\\". And more.",${REST}}`,
  },
  {
    what: "a first block that begins with it",
    before: `{"system":[{"type":"text","text":"Be \\u0022Droid\\u0022. X"}],${REST}}`,
    after: `{"system":[{"type":"text","text":"Be \\u0022Droid\\u0022. X"}],${REST}}`,
  },
  {
    what: "a second block that is it",
    before: `{"system":[{"type":"text","text":"x-anthropic-billing-header: a"},${BLOCK}],${REST}}`,
    after: `{"system":[{"type":"text","text":"x-anthropic-billing-header: a"},${BLOCK}],${REST}}`,
  },
  { what: "something that is wrong stays wrong", before: `{"system":7,${REST}}`, after: `{"system":7,${REST}}` },
];

for (const { what, before, after } of EDITS) {
  test(`the system prompt is put in front of the client's own: ${what}`, () => {
    assert.equal(anthropicMessages.request.edit(before, { model: null, systemPrompt: PROMPT }), after);
    assert.equal(anthropicMessages.request.edit(after, { model: null, systemPrompt: PROMPT }), after);
  });
}

test("117: the model's name is spliced, and nothing else is touched", () => {
  const body = `{"a":{"model":"inner"}, "model" : "x\\u0041" ,${REST}}`;
  assert.equal(
    anthropicMessages.request.edit(body, { model: 'new "one"', systemPrompt: null }),
    `{"a":{"model":"inner"}, "model" : "new \\"one\\"" ,${REST}}`,
  );
  assert.equal(anthropicMessages.request.edit(body, { model: null, systemPrompt: null }), body);
});

test("116: a body that is not one JSON object, or names a member twice, is refused", () => {
  for (const body of ["[]", '{"a":1,}', '{"model":"a","model":"b"}', '\ufeff{"model":"a"}']) {
    assert.throws(() => anthropicMessages.request.edit(body, { model: "m", systemPrompt: null }), GatewayError, body);
    assert.throws(() => anthropicMessages.request.head({ body, headers: {}, path: null }), GatewayError, body);
  }
});

test("A.8: what other vendors sealed is taken out of a conversation that goes to Anthropic, and nothing else", () => {
  const before =
    '{"model":"m","messages":[ {"role":"user","content":"gw1. is no seal here: \\"gw1.\\""},' +
    '{"role":"assistant","content":[ {"type":"thinking","thinking":"A","signature":"gw1.openai.YQ"} , {"type":"thinking","thinking":"B","signature":"real=="},' +
    '{"type":"text","text":"C","citations":[{"type":"web_search_result_location","encrypted_index":"gw1.none"}]},{"type":"tool_use","id":"t","name":"f","input":{"n":1.50}},' +
    '{"type":"redacted_thinking","data":"gw1.google.YQ.before"} ]},' +
    '{"role":"user","content":[{"type":"tool_result","tool_use_id":"t"}]}, {"role":"assistant","content":[{"type":"thinking","thinking":"D","signature":"gw1.unsigned"}]}]}';
  const after =
    '{"model":"m","messages":[ {"role":"user","content":"gw1. is no seal here: \\"gw1.\\""},' +
    '{"role":"assistant","content":[ {"type":"thinking","thinking":"B","signature":"real=="},' +
    '{"type":"text","text":"C","citations":null},{"type":"tool_use","id":"t","name":"f","input":{"n":1.50}} ]},' +
    '{"role":"user","content":[{"type":"tool_result","tool_use_id":"t"}]}]}';
  assert.equal(anthropicMessages.request.edit(before, { model: null, systemPrompt: null }), after);
});

test("84: with a budget, a tool loop whose thought was taken out goes on without thinking", () => {
  const loop = (thought: string): string =>
    `[{"role":"user","content":"x"},{"role":"assistant","content":[${thought}{"type":"tool_use","id":"t","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t"}]}]`;
  const sealed = '{"type":"thinking","thinking":"A","signature":"gw1.unsigned"},';
  const body = `{"thinking":{"type":"enabled","budget_tokens":2048},"messages":${loop(sealed)}}`;
  assert.equal(
    anthropicMessages.request.edit(body, { model: null, systemPrompt: null }),
    `{"thinking":{"type":"disabled"},"messages":${loop("")}}`,
  );
});

test("84: words that look like a seal switch nothing off", () => {
  const body =
    '{"thinking":{"type":"enabled","budget_tokens":2048},"messages":[{"role":"user","content":"\\"gw1.x"},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"gw1."}]}]}';
  assert.equal(anthropicMessages.request.edit(body, { model: null, systemPrompt: null }), body);
});

test("16: blank text in front of words is held until the words come, and what is cited with it", () => {
  const events = run(anthropicMessages.reply.encoder(EXCHANGE), [
    { type: "reply-start", id: "1", model: "m" },
    { type: "part-start", index: 0, part: text("") },
    { type: "part-delta", index: 0, text: "\n" },
    {
      type: "annotation",
      index: 0,
      annotation: { type: "url-citation", url: "https://example.com", title: null, start: null, end: null, quote: null },
    },
    { type: "part-delta", index: 0, text: " " },
    { type: "part-delta", index: 0, text: "A" },
    { type: "part-delta", index: 0, text: " " },
    { type: "part-end", index: 0, proof: null },
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

// ---- Facts ---------------------------------------------------------------------------------------------------------

const EVERY = ["low", "medium", "high", "xhigh", "max"];

const MODELS: readonly (readonly [
  name: string,
  limit: number,
  thinking: string,
  off: string,
  efforts: readonly string[],
  switches: string,
])[] = [
  ["claude-3-haiku-20240307", 4096, "none", "disabled", [], "sampling prefill forced"],
  ["claude-3-5-sonnet-20241022", 8192, "none", "disabled", [], "sampling prefill forced search"],
  ["claude-3-7-sonnet-20250219", 64000, "manual", "disabled", [], "sampling prefill forced search"],
  ["claude-sonnet-4-20250514", 64000, "manual", "disabled", [], "sampling prefill forced search"],
  ["claude-opus-4-20250514", 32000, "manual", "disabled", [], "sampling prefill forced search"],
  ["claude-opus-4-1-20250805", 32000, "manual", "disabled", [], "sampling one prefill structured forced search"],
  ["claude-haiku-4-5-20251001", 64000, "manual", "disabled", [], "sampling one prefill structured forced search"],
  ["us.anthropic.claude-sonnet-4-5-20250929-v1:0", 64000, "manual", "disabled", [], "sampling one prefill structured forced search"],
  ["claude-opus-4-5-20251101", 64000, "manual", "disabled", ["low", "medium", "high"], "sampling one prefill structured forced search"],
  ["claude-opus-4-6", 128000, "either", "disabled", ["low", "medium", "high", "max"], "sampling one structured forced search"],
  ["claude-sonnet-4.6", 128000, "either", "disabled", ["low", "medium", "high", "max"], "sampling one structured forced search"],
  ["claude-opus-4-7", 128000, "adaptive", "disabled", EVERY, "one structured forced search"],
  ["claude-opus-4-8", 128000, "adaptive", "disabled", EVERY, "one structured system forced search"],
  ["claude-opus-5", 128000, "adaptive", "up-to-high", EVERY, "one structured system forced search"],
  ["claude-sonnet-5", 128000, "adaptive", "disabled", EVERY, "one structured system forced search"],
  ["claude-sonnet-5-5", 128000, "adaptive", "between-tools", EVERY, "one structured system search"],
  ["claude-haiku-5-5", 128000, "adaptive", "up-to-high", EVERY, "one structured system forced search"],
  ["claude-opus-5-5", 128000, "adaptive", "never", EVERY, "one structured system search"],
  ["claude-fable-5", 128000, "adaptive", "never", EVERY, "one structured system forced search"],
  ["claude-mythos-5-1", 128000, "adaptive", "never", EVERY, "one structured system search"],
  ["claude-opus-7", 128000, "adaptive", "never", EVERY, "one structured system search"],
  ["claude-lab", 128000, "adaptive", "never", EVERY, "one structured system forced search"],
  ["minimax-m2.5", 32000, "none", "disabled", [], "sampling prefill forced"],
];

for (const [name, limit, thinking, off, efforts, switches] of MODELS) {
  test(`what ${name} takes`, () => {
    const capabilities = capabilitiesOf(name);
    const on: [boolean, string][] = [
      [capabilities.sampling, "sampling"],
      [capabilities.oneSampler, "one"],
      [capabilities.prefill, "prefill"],
      [capabilities.structuredOutput, "structured"],
      [capabilities.systemMessages, "system"],
      [capabilities.forcedTools, "forced"],
      [capabilities.webSearch, "search"],
    ];
    const said = on.flatMap(([value, word]) => (value ? [word] : [])).join(" ");
    assert.deepEqual(
      [capabilities.maxOutputTokens, capabilities.thinking, capabilities.thinkingOff, capabilities.efforts, said],
      [limit, thinking, off, efforts, switches],
    );
    assert.equal(capabilities.claude, name.includes("claude"));
  });
}

/** The members of an interface of the SDK's type declarations. */
function membersOf(file: string): string[] {
  const source = readFileSync(new URL(`../../../node_modules/@anthropic-ai/sdk/resources/${file}`, import.meta.url), "utf8");
  const body = /export interface MessageCreateParamsBase \{\n([\s\S]*?)\n\}/.exec(source)?.[1] ?? "";
  return Array.from(body.matchAll(/^ {4}(\w+)\??:/gm), ([, name]) => name ?? "");
}

test("every member of the official request types has its fate, and so has what the API before still takes", () => {
  const declared = [...membersOf("messages/messages.d.ts"), ...membersOf("beta/messages/messages.d.ts")];
  assert.deepEqual(Object.keys(FIELDS).sort(), [...new Set([...declared, "temperature", "top_p", "top_k"])].sort());
});
