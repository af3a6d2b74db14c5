// The Responses codec, answers and errors: what an upstream's events come to, and what a client of this protocol is sent.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError, type ErrorKind } from "../../../src/errors.ts";
import type { CanonicalRequest, FinishReason, Part, Reply, ReplyEvent } from "../../../src/protocol/canonical.ts";
import { bareRequest } from "../../../src/protocol/exchange.ts";
import type { Exchange } from "../../../src/protocol/codec.ts";
import { fold, grammar, unfold } from "../../../src/protocol/fold.ts";
import { openaiResponses } from "../../../src/protocol/openai-responses/codec.ts";
import { chain, run } from "../../../src/wire/machine.ts";
import type { SseEvent } from "../../../src/wire/sse.ts";

const REQUEST = bareRequest({ model: "gpt-5.2", stream: true });

function exchange(request: Partial<CanonicalRequest> = {}): Exchange {
  return { request: { ...REQUEST, ...request }, id: "0a1b2c", createdAtS: 1_793_500_000 };
}

/** Events as an upstream sends them; `null` stands for what is no JSON. */
function decode(events: readonly (object | string)[], request: Partial<CanonicalRequest> = {}): ReplyEvent[] {
  const sse = events.map((event): SseEvent => ({ event: null, data: typeof event === "string" ? event : JSON.stringify(event) }));
  return run(chain(openaiResponses.reply.decoder(exchange(request)), grammar()), sse);
}

const started: ReplyEvent = { type: "reply-start", id: "resp_1", model: "gpt-5.2-2025" };
const created = { type: "response.created", response: { id: "resp_1", model: "gpt-5.2-2025", output: [] } };
const completed = { type: "response.completed", response: { id: "resp_1", status: "completed", output: [] } };
const textStart = (index: number): ReplyEvent => ({
  type: "part-start",
  index,
  part: { type: "text", text: "", annotations: [], cache: null, proof: null },
});
const callStart = (index: number, callId: string, name: string, kind: "function" | "custom" = "function"): ReplyEvent => ({
  type: "part-start",
  index,
  part: { type: "tool-call", callId, name, kind, arguments: "", cache: null, proof: null },
});
const delta = (index: number, text: string): ReplyEvent => ({ type: "part-delta", index, text });
const end = (index: number, proof: null | { origin: "openai"; data: string } = null): ReplyEvent => ({ type: "part-end", index, proof });
const over = (kind: FinishReason["kind"], raw: string | null = "completed", stopSequence: string | null = null): ReplyEvent => ({
  type: "reply-end",
  finish: { kind, raw, stopSequence, explanation: null },
});
const said = (text: string, index = 0, content = 0) => ({
  type: "response.output_text.delta",
  output_index: index,
  content_index: content,
  delta: text,
});
const added = (index: number, item: object) => ({ type: "response.output_item.added", output_index: index, item });
const done = (index: number, item: object) => ({ type: "response.output_item.done", output_index: index, item });

interface StreamRow {
  readonly what: string;
  readonly events: readonly (object | string)[];
  readonly request?: Partial<CanonicalRequest>;
  readonly expected: readonly ReplyEvent[];
}

const STREAMS: readonly StreamRow[] = [
  {
    what: "a text",
    events: [created, added(0, { type: "message" }), said("a"), said(""), said("b"), completed],
    expected: [started, textStart(0), delta(0, "a"), delta(0, "b"), end(0), over("end")],
  },
  {
    what: "without a first event",
    events: [said("a"), completed],
    expected: [{ type: "reply-start", id: "", model: "gpt-5.2" }, textStart(0), delta(0, "a"), end(0), over("end")],
  },
  {
    what: "unknown events, keep-alives and [DONE] are passed over",
    events: [
      created,
      { type: "keepalive" },
      { type: "response.scent.delta", output_index: 0 },
      said("a"),
      completed,
      "[DONE]",
      { type: "error", message: "late" },
    ],
    expected: [started, textStart(0), delta(0, "a"), end(0), over("end")],
  },
  {
    what: "items are told apart by their index, whatever their ids are, and may interleave",
    events: [
      created,
      added(0, { type: "function_call", id: "x1", call_id: "c0", name: "f", arguments: "" }),
      added(1, { type: "function_call", id: "x2", call_id: "c1", name: "g", arguments: "" }),
      { type: "response.function_call_arguments.delta", output_index: 0, item_id: "x3", delta: '{"a"' },
      { type: "response.function_call_arguments.delta", output_index: 1, item_id: "x4", delta: "{}" },
      { type: "response.function_call_arguments.delta", output_index: 0, item_id: "x5", delta: ":1}" },
      done(1, { type: "function_call", id: "x6", call_id: "c1", name: "g", arguments: "{}" }),
      done(0, { type: "function_call", id: "x7", call_id: "c0", name: "f", arguments: '{"a":1}' }),
      completed,
    ],
    expected: [
      started,
      callStart(0, "c0", "f"),
      callStart(1, "c1", "g"),
      delta(0, '{"a"'),
      delta(1, "{}"),
      delta(0, ":1}"),
      end(1),
      end(0),
      over("tool-calls"),
    ],
  },
  {
    what: "the proof is the one of the item's end",
    events: [
      created,
      added(0, { type: "reasoning", summary: [], encrypted_content: "early" }),
      { type: "response.reasoning_summary_text.delta", output_index: 0, summary_index: 0, delta: "A" },
      { type: "response.reasoning_summary_text.delta", output_index: 0, summary_index: 1, delta: "B" },
      done(0, { type: "reasoning", summary: [{ text: "A" }, { text: "B" }], encrypted_content: "final" }),
      completed,
    ],
    expected: [
      started,
      { type: "part-start", index: 0, part: { type: "reasoning", text: "", redacted: false, proof: null } },
      delta(0, "A"),
      delta(0, "\n\nB"),
      end(0, { origin: "openai", data: "final" }),
      over("end"),
    ],
  },
  {
    what: "several messages of one answer, each a text of its own",
    events: [
      created,
      said("a", 0),
      done(0, { type: "message", content: [{ type: "output_text", text: "a" }] }),
      said("b", 2),
      done(2, { type: "message", content: [{ type: "output_text", text: "b" }] }),
      completed,
    ],
    expected: [started, textStart(0), delta(0, "a"), end(0), textStart(1), delta(1, "b"), end(1), over("end")],
  },
  {
    what: "what the end of an item adds to its beginning, and items that were never streamed",
    events: [
      created,
      said("ab"),
      done(0, { type: "message", content: [{ type: "output_text", text: "abc" }] }),
      {
        type: "response.completed",
        response: {
          status: "completed",
          output: [
            { type: "message", content: [{ type: "output_text", text: "abc" }] },
            { type: "function_call", call_id: "c", name: "f", arguments: "{}" },
          ],
        },
      },
    ],
    expected: [
      started,
      textStart(0),
      delta(0, "ab"),
      delta(0, "c"),
      end(0),
      callStart(1, "c", "f"),
      delta(1, "{}"),
      end(1),
      over("tool-calls"),
    ],
  },
  {
    what: "renamed tools get their names back; a namespace becomes part of the name",
    request: {
      tools: [{ type: "function", name: "files/read.text", namespace: null, description: null, schema: null, strict: null, cache: null }],
    },
    events: [
      created,
      done(0, { type: "function_call", call_id: "1", name: "files_read_text_a36c0c3a", arguments: "{}" }),
      done(1, { type: "custom_tool_call", call_id: "2", name: "log", namespace: "crew", input: "x" }),
      completed,
    ],
    expected: [
      started,
      callStart(0, "1", "files/read.text"),
      delta(0, "{}"),
      end(0),
      callStart(1, "2", "crew__log", "custom"),
      delta(1, "x"),
      end(1),
      over("tool-calls"),
    ],
  },
  {
    what: "hosted items and strange parts go on as they are",
    events: [
      created,
      added(0, { type: "web_search_call", id: "ws_1" }),
      { type: "response.web_search_call.searching", output_index: 0 },
      '{"type":"response.output_item.done","output_index":0,"item":{"type":"web_search_call","n":12345678901234567890}}',
      done(1, { type: "message", content: [{ type: "output_scent", scent: "salt" }] }),
      completed,
    ],
    expected: [
      started,
      {
        type: "part-start",
        index: 0,
        part: {
          type: "opaque",
          protocol: "openai-responses",
          name: "web_search_call",
          value: '{"type":"web_search_call","n":12345678901234567890}',
          severity: "reported",
        },
      },
      end(0),
      {
        type: "part-start",
        index: 1,
        part: {
          type: "opaque",
          protocol: "openai-responses",
          name: "output_scent",
          value: '{"type":"message","role":"assistant","content":[{"type":"output_scent","scent":"salt"}]}',
          severity: "reported",
        },
      },
      end(1),
      over("end"),
    ],
  },
  {
    what: "citations, streamed and those that only the whole part has",
    events: [
      created,
      said("ab"),
      {
        type: "response.output_text.annotation.added",
        output_index: 0,
        content_index: 0,
        annotation_index: 0,
        annotation: { type: "url_citation", url: "https://a.example", title: "A", start_index: 0, end_index: 1 },
      },
      {
        type: "response.content_part.done",
        output_index: 0,
        content_index: 0,
        part: {
          type: "output_text",
          text: "ab",
          annotations: [
            { type: "url_citation", url: "https://a.example" },
            { type: "file_citation", file_id: "f" },
            { type: "url_citation", url: "https://b.example" },
          ],
        },
      },
      completed,
    ],
    expected: [
      started,
      textStart(0),
      delta(0, "ab"),
      {
        type: "annotation",
        index: 0,
        annotation: { type: "url-citation", url: "https://a.example", title: "A", start: 0, end: 1, quote: null },
      },
      {
        type: "annotation",
        index: 0,
        annotation: { type: "url-citation", url: "https://b.example", title: null, start: null, end: null, quote: null },
      },
      end(0),
      over("end"),
    ],
  },
  {
    what: "the content filter",
    events: [
      created,
      said("a"),
      { type: "response.incomplete", response: { status: "incomplete", incomplete_details: { reason: "content_filter" } } },
    ],
    expected: [started, textStart(0), delta(0, "a"), end(0), over("filtered", "content_filter")],
  },
  {
    what: "the limit of tokens, also in the middle of a call",
    events: [
      created,
      added(0, { type: "function_call", call_id: "c", name: "f", arguments: "" }),
      { type: "response.function_call_arguments.delta", output_index: 0, delta: '{"a' },
      { type: "response.incomplete", response: { status: "incomplete", incomplete_details: { reason: "max_output_tokens" } } },
    ],
    expected: [started, callStart(0, "c", "f"), delta(0, '{"a'), end(0), over("length", "max_output_tokens")],
  },
  {
    what: "a reason that came later than this program",
    events: [created, { type: "response.incomplete", response: { status: "incomplete", incomplete_details: { reason: "steered" } } }],
    expected: [started, over("other", "steered")],
  },
  {
    what: "usage in counters that do not overlap",
    events: [
      created,
      {
        type: "response.completed",
        response: {
          status: "completed",
          usage: {
            input_tokens: 100,
            input_tokens_details: { cached_tokens: 60, cache_write_tokens: 10 },
            output_tokens: 50,
            output_tokens_details: { reasoning_tokens: 30 },
          },
        },
      },
    ],
    expected: [
      started,
      { type: "usage", usage: { inputTokens: 30, cacheReadTokens: 60, cacheWriteTokens: 10, outputTokens: 50, reasoningTokens: 30 } },
      over("end"),
    ],
  },
  {
    what: "a stop sequence that comes in pieces ends the answer in front of it",
    request: { stop: ["\nUser:", "END"] },
    events: [created, said("One\nUs"), said("ed\nUser"), said(": two"), completed],
    expected: [started, textStart(0), delta(0, "One"), delta(0, "\nUsed"), end(0), over("stop-sequence", null, "\nUser:")],
  },
  {
    what: "the first of two stop sequences counts",
    request: { stop: ["b", "ab"] },
    events: [created, said("xab"), completed],
    expected: [started, textStart(0), delta(0, "x"), end(0), over("stop-sequence", null, "ab")],
  },
  {
    what: "a beginning that came to nothing is text",
    request: { stop: ["END"] },
    events: [created, said("aEN"), completed],
    expected: [started, textStart(0), delta(0, "a"), delta(0, "EN"), end(0), over("end")],
  },
  {
    what: "an answer that begins with a stop sequence is empty",
    request: { stop: ["END"] },
    events: [created, said("END"), said("x"), completed],
    expected: [started, over("stop-sequence", null, "END")],
  },
  {
    what: "arguments and reasoning are not searched",
    request: { stop: ["END"] },
    events: [
      created,
      { type: "response.reasoning_summary_text.delta", output_index: 0, summary_index: 0, delta: "END" },
      done(1, { type: "function_call", call_id: "c", name: "f", arguments: '"END"' }),
      completed,
    ],
    expected: [
      started,
      { type: "part-start", index: 0, part: { type: "reasoning", text: "", redacted: false, proof: null } },
      delta(0, "END"),
      callStart(1, "c", "f"),
      delta(1, '"END"'),
      end(1),
      end(0),
      over("tool-calls"),
    ],
  },
];

for (const { what, events, request = {}, expected } of STREAMS) {
  test(`decoder: ${what}`, () => assert.deepEqual(decode(events, request), expected));
}

// ---- Bad ends ----------------------------------------------------------------------------------------------------

const BAD: readonly {
  what: string;
  events: readonly (object | string)[];
  error: { kind: ErrorKind; message: RegExp; code?: string; status?: number };
}[] = [
  {
    what: "no end",
    events: [created, said("a")],
    error: { kind: "upstream-failed", message: /before the answer was complete/, code: "upstream_truncated" },
  },
  {
    what: "nothing at all",
    events: [],
    error: { kind: "upstream-failed", message: /before the answer was complete/, code: "upstream_truncated" },
  },
  {
    what: "a response that failed",
    events: [created, { type: "response.failed", response: { status: "failed", error: { code: "server_error", message: "It broke." } } }],
    error: { kind: "upstream-failed", message: /^It broke\.$/, code: "server_error" },
  },
  {
    what: "a response that failed in silence",
    events: [created, { type: "response.failed", response: { status: "failed" } }],
    error: { kind: "upstream-failed", message: /failed without a message/ },
  },
  {
    what: "an error event and then a failed response",
    events: [
      created,
      { type: "error", error: { type: "server_error", code: "server_is_overloaded", message: "Too busy." } },
      { type: "response.failed", response: { status: "failed", error: { message: "Too busy." } } },
    ],
    error: { kind: "overloaded", message: /^Too busy\.$/, code: "server_is_overloaded" },
  },
  {
    what: "an error event without an object around it",
    events: [created, { type: "error", code: "rate_limit_exceeded", message: "Slow.", param: null, sequence_number: 3 }],
    error: { kind: "rate-limited", message: /^Slow\.$/, code: "rate_limit_exceeded", status: 429 },
  },
  {
    what: "a spent quota",
    events: [{ type: "error", error: { type: "insufficient_quota", code: "insufficient_quota", message: "Pay." } }],
    error: { kind: "upstream-rejected", message: /^Pay\.$/, code: "insufficient_quota", status: 429 },
  },
  {
    what: "a conversation that is too long",
    events: [
      created,
      { type: "response.failed", response: { status: "failed", error: { code: "context_length_exceeded", message: "Too long." } } },
    ],
    error: { kind: "upstream-rejected", message: /^Too long\.$/, code: "context_length_exceeded", status: 400 },
  },
  {
    what: "an error whose code is a word that every object knows",
    events: [{ type: "error", error: { type: "toString", code: "constructor", message: "Odd." } }],
    error: { kind: "upstream-failed", message: /^Odd\.$/, code: "constructor" },
  },
  {
    what: "an error without a type",
    events: [{ error: { message: "Odd." } }],
    error: { kind: "upstream-failed", message: /^Odd\.$/ },
  },
  {
    what: "an event that is no JSON",
    events: [created, "{"],
    error: { kind: "upstream-failed", message: /^The upstream sent an event that is not JSON\.$/ },
  },
  {
    what: "a response that was cancelled",
    events: [created, { type: "response.cancelled", response: { status: "cancelled" } }],
    error: { kind: "upstream-failed", message: /status cancelled/ },
  },
  {
    what: "an answer in the shape of Chat Completions",
    events: [{ object: "chat.completion.chunk", choices: [{ delta: { content: "Hi" } }] }, "[DONE]"],
    error: { kind: "upstream-failed", message: /shape of Chat Completions/, code: "unexpected_answer" },
  },
];

for (const { what, events, error } of BAD) {
  test(`decoder: ${what} is an error, once`, () => {
    const last = decode(events).at(-1);
    assert.equal(last?.type, "reply-error");
    if (last?.type !== "reply-error") return;
    assert.match(last.error.message, error.message);
    assert.deepEqual({ kind: last.error.kind, code: last.error.code }, { kind: error.kind, code: error.code ?? null });
    if (error.status !== undefined) assert.equal(last.error.status, error.status);
  });
}

const WHOLE_BAD: readonly { what: string; body: string; message: RegExp }[] = [
  { what: "no JSON", body: "<html>", message: /^The upstream sent an answer that is not JSON\.$/ },
  { what: "an error with the status 200", body: '{"error":{"message":"No.","code":"server_error"}}', message: /^No\.$/ },
  { what: "a response that failed", body: '{"status":"failed","output":[],"error":{"message":"It broke."}}', message: /^It broke\.$/ },
  { what: "a response that still runs", body: '{"status":"in_progress","output":[]}', message: /status in_progress/ },
  {
    what: "the shape of Chat Completions",
    body: '{"object":"chat.completion","choices":[]}',
    message: /shape of Chat Completions/,
  },
  { what: "an answer without output", body: "{}", message: /has no output/ },
];

for (const { what, body, message } of WHOLE_BAD) {
  test(`decode: ${what} is no answer`, () => {
    assert.throws(
      () => openaiResponses.reply.decode(body, exchange()),
      (error) => error instanceof GatewayError && message.test(error.message),
    );
  });
}

test("decode: a whole answer is cut at the stop sequence, and its usage is known", () => {
  const body = JSON.stringify({
    id: "resp_1",
    model: "m",
    status: "completed",
    output: [
      { type: "message", content: [{ type: "output_text", text: "One. END Two." }] },
      { type: "function_call", call_id: "c", name: "f", arguments: "{}" },
    ],
    usage: { input_tokens: 3, output_tokens: 9 },
  });
  assert.deepEqual(openaiResponses.reply.decode(body, exchange({ stop: [" END"] })), {
    id: "resp_1",
    model: "m",
    parts: [{ type: "text", text: "One.", annotations: [], cache: null, proof: null }],
    usage: { inputTokens: 3, cacheReadTokens: null, cacheWriteTokens: null, outputTokens: 9, reasoningTokens: null },
    finish: { kind: "stop-sequence", raw: null, stopSequence: " END", explanation: null },
  });
});

// ---- Towards a client --------------------------------------------------------------------------------------------

const USAGE = { inputTokens: 30, cacheReadTokens: 60, cacheWriteTokens: 10, outputTokens: 50, reasoningTokens: 30 };
const END: FinishReason = { kind: "end", raw: "end_turn", stopSequence: null, explanation: null };
const textPart = (text: string): Part => ({ type: "text", text, annotations: [], cache: null, proof: null });
const callPart = (callId: string, name: string, args: string, kind: "function" | "custom" = "function"): Part => ({
  type: "tool-call",
  callId,
  name,
  kind,
  arguments: args,
  cache: null,
  proof: null,
});

function encode(parts: readonly Part[], finish: FinishReason = END, request: Partial<CanonicalRequest> = {}): Record<string, unknown> {
  const reply: Reply = { id: "msg_01abc", model: "claude-x", parts, usage: USAGE, finish };
  return JSON.parse(openaiResponses.reply.encode(reply, exchange(request))) as Record<string, unknown>;
}

const spoken = (index: number, ...content: object[]) => ({
  id: `msg_01abc_${index}`,
  type: "message",
  status: "completed",
  role: "assistant",
  content,
});
const outputText = (text: string) => ({ type: "output_text", text, annotations: [], logprobs: [] });

const OUTPUTS: readonly { what: string; parts: readonly Part[]; request?: Partial<CanonicalRequest>; output: readonly object[] }[] = [
  {
    what: "texts in a row share a message",
    parts: [textPart("a"), textPart("b"), { type: "refusal", text: "No." }],
    output: [spoken(0, outputText("a"), outputText("b"), { type: "refusal", refusal: "No." })],
  },
  {
    what: "reasoning, text and calls in their order",
    parts: [
      { type: "reasoning", text: "Hm.", redacted: false, proof: { origin: "openai", data: "gAAA" } },
      textPart("a"),
      callPart("c1", "f", '{"n":12345678901234567890}'),
      textPart("b"),
    ],
    output: [
      { id: "rs_01abc_0", type: "reasoning", summary: [{ type: "summary_text", text: "Hm." }], encrypted_content: "gAAA" },
      spoken(1, outputText("a")),
      { id: "fc_01abc_2", type: "function_call", status: "completed", call_id: "c1", name: "f", arguments: '{"n":12345678901234567890}' },
      spoken(3, outputText("b")),
    ],
  },
  {
    what: "hidden reasoning has an empty summary; a proof of another maker is sealed",
    parts: [
      { type: "reasoning", text: "", redacted: true, proof: { origin: "anthropic", data: "data" } },
      { type: "reasoning", text: "Hm.", redacted: false, proof: { origin: "anthropic", data: "sig" } },
    ],
    output: [
      { id: "rs_01abc_0", type: "reasoning", summary: [], encrypted_content: "gw1.anthropic.ZGF0YQ.redacted" },
      { id: "rs_01abc_1", type: "reasoning", summary: [{ type: "summary_text", text: "Hm." }], encrypted_content: "gw1.anthropic.c2ln" },
    ],
  },
  {
    what: "the signature of a call follows in an item of its own",
    parts: [{ ...callPart("c1", "f", "{}"), proof: { origin: "google", data: "signature" } } as Part, callPart("c2", "g", "{}")],
    output: [
      { id: "fc_01abc_0", type: "function_call", status: "completed", call_id: "c1", name: "f", arguments: "{}" },
      { id: "rs_01abc_1", type: "reasoning", summary: [], encrypted_content: "gw1.google.c2lnbmF0dXJl.previous" },
      { id: "fc_01abc_2", type: "function_call", status: "completed", call_id: "c2", name: "g", arguments: "{}" },
    ],
  },
  {
    what: "a call without arguments has an empty object",
    parts: [callPart("c1", "f", "")],
    output: [{ id: "fc_01abc_0", type: "function_call", status: "completed", call_id: "c1", name: "f", arguments: "{}" }],
  },
  {
    what: "an id that comes twice is made unique, one that is missing is made",
    parts: [callPart("c", "f", "{}"), callPart("c", "f", "{}"), callPart("", "f", "{}")],
    output: ["c", "c_1", "call_01abc_2"].map((call_id, index) => ({
      id: `fc_01abc_${index}`,
      type: "function_call",
      status: "completed",
      call_id,
      name: "f",
      arguments: "{}",
    })),
  },
  {
    what: "an id that is too long for OpenAI is fitted, since it comes back in the next request; ids that begin alike stay apart",
    parts: [1, 2].map((last) => callPart(`${"c".repeat(64)}${last}`, "f", "{}")),
    output: ["f024005c", "f3240515"].map((ending, index) => ({
      id: `fc_01abc_${index}`,
      type: "function_call",
      status: "completed",
      call_id: `${"c".repeat(55)}_${ending}`,
      name: "f",
      arguments: "{}",
    })),
  },
  {
    what: "custom tools and namespaces as the client declared them",
    request: {
      tools: [
        { type: "function", name: "crew__wake", namespace: "crew", description: null, schema: null, strict: null, cache: null },
        { type: "custom", name: "mcp__x__log", namespace: "mcp__x__", description: null, grammar: null },
      ],
    },
    parts: [callPart("c1", "crew__wake", "{}"), callPart("c2", "mcp__x__log", "all well", "custom")],
    output: [
      { id: "fc_01abc_0", type: "function_call", status: "completed", call_id: "c1", name: "wake", namespace: "crew", arguments: "{}" },
      {
        id: "ctc_01abc_1",
        type: "custom_tool_call",
        status: "completed",
        call_id: "c2",
        name: "log",
        namespace: "mcp__x__",
        input: "all well",
      },
    ],
  },
  {
    what: "a citation has all its members",
    parts: [
      {
        ...textPart("abc"),
        annotations: [{ type: "url-citation", url: "https://a.example", title: null, start: null, end: null, quote: "q" }],
      } as Part,
    ],
    output: [
      spoken(0, {
        type: "output_text",
        text: "abc",
        annotations: [{ type: "url_citation", url: "https://a.example", title: "https://a.example", start_index: 0, end_index: 3 }],
        logprobs: [],
      }),
    ],
  },
  {
    what: "another vendor's hosted blocks are not turned into calls",
    parts: [{ type: "opaque", protocol: "anthropic-messages", name: "server_tool_use", value: "{}", severity: "reported" }, textPart("a")],
    output: [spoken(0, outputText("a"))],
  },
  {
    what: "an item of this protocol goes back as it came",
    parts: [
      {
        type: "opaque",
        protocol: "openai-responses",
        name: "web_search_call",
        value: '{"type":"web_search_call","id":"ws_1","status":"completed"}',
        severity: "reported",
      },
    ],
    output: [{ type: "web_search_call", id: "ws_1", status: "completed" }],
  },
  {
    what: "a model's own image is an image call",
    parts: [{ type: "image", source: { type: "base64", mediaType: "image/png", data: "AAAA" }, detail: null, cache: null }],
    output: [{ id: "ig_01abc_0", type: "image_generation_call", status: "completed", result: "AAAA" }],
  },
];

for (const { what, parts, request = {}, output } of OUTPUTS) {
  test(`encode: ${what}`, () => {
    assert.deepEqual(encode(parts, END, request)["output"], output);
    assertStrict(streamed(parts, END, request), encode(parts, END, request));
  });
}

const ENDS: readonly { what: string; finish: Partial<FinishReason>; status: string; reason: string | null; item: string }[] = [
  { what: "end", finish: { kind: "end" }, status: "completed", reason: null, item: "completed" },
  { what: "stop sequence", finish: { kind: "stop-sequence" }, status: "completed", reason: null, item: "completed" },
  { what: "calls", finish: { kind: "tool-calls" }, status: "completed", reason: null, item: "completed" },
  { what: "length", finish: { kind: "length" }, status: "incomplete", reason: "max_output_tokens", item: "incomplete" },
  { what: "a full context", finish: { kind: "context-full" }, status: "incomplete", reason: "max_output_tokens", item: "incomplete" },
  {
    what: "a pause that nobody resumed",
    finish: { kind: "paused" },
    status: "incomplete",
    reason: "max_output_tokens",
    item: "incomplete",
  },
  { what: "the filter", finish: { kind: "filtered" }, status: "incomplete", reason: "content_filter", item: "incomplete" },
  { what: "an unknown end", finish: { kind: "other" }, status: "completed", reason: null, item: "completed" },
];

for (const { what, finish: ended, status, reason, item } of ENDS) {
  test(`encode: ${what}`, () => {
    const parts = [textPart("a"), callPart("c", "f", '{"a')];
    const response = encode(parts, { ...END, ...ended });
    const statuses = (response["output"] as { status: string }[]).map((one) => one.status);
    assert.deepEqual(
      [response["status"], response["incomplete_details"], statuses],
      [status, reason === null ? null : { reason }, ["completed", item]],
    );
    assertStrict(streamed(parts, { ...END, ...ended }), response);
  });
}

test("encode: why an answer was filtered is said as a refusal", () => {
  const filtered: FinishReason = { kind: "filtered", raw: "refusal", stopSequence: null, explanation: "Not that." };
  const response = encode([textPart("a")], filtered);
  assert.deepEqual(response["output"], [
    { ...spoken(0, outputText("a")), status: "incomplete" },
    { ...spoken(1, { type: "refusal", refusal: "Not that." }), status: "incomplete" },
  ]);
  assertStrict(streamed([textPart("a")], filtered), response);
  const own = encode([{ type: "refusal", text: "No." }], filtered)["output"];
  assert.deepEqual(own, [{ ...spoken(0, { type: "refusal", refusal: "No." }), status: "incomplete" }]);
});

test("encode: the whole response, with the client's own values and the sums of usage", () => {
  const body = {
    model: "alias",
    instructions: "Be brief.",
    input: "Hi",
    temperature: 0.5,
    tools: [
      { type: "namespace", name: "crew", description: "", tools: [{ type: "function", name: "wake", parameters: { type: "object" } }] },
    ],
    tool_choice: "required",
    parallel_tool_calls: false,
    text: { verbosity: "low", format: { type: "json_schema", name: "n", schema: { a: 1 }, strict: true, description: "D" } },
    reasoning: { effort: "low", summary: "auto" },
    metadata: { a: "b" },
    store: true,
    max_output_tokens: 100,
    truncation: "auto",
    prompt_cache_key: "k",
    safety_identifier: "s",
  };
  const request = openaiResponses.request.decode({ body: JSON.stringify(body), headers: {}, path: null });
  assert.deepEqual(encode([textPart("Hi")], END, request), {
    id: "resp_01abc",
    object: "response",
    created_at: 1_793_500_000,
    model: "claude-x",
    status: "completed",
    background: false,
    error: null,
    incomplete_details: null,
    output: [spoken(0, outputText("Hi"))],
    usage: {
      input_tokens: 100,
      input_tokens_details: { cached_tokens: 60, cache_write_tokens: 10 },
      output_tokens: 50,
      output_tokens_details: { reasoning_tokens: 30 },
      total_tokens: 150,
    },
    instructions: "Be brief.",
    max_output_tokens: 100,
    max_tool_calls: null,
    metadata: { a: "b" },
    parallel_tool_calls: false,
    previous_response_id: null,
    prompt_cache_key: "k",
    reasoning: { effort: "low", summary: "auto" },
    safety_identifier: "s",
    service_tier: "default",
    store: true,
    temperature: 0.5,
    text: { format: { type: "json_schema", name: "n", description: "D", schema: { a: 1 }, strict: true }, verbosity: "low" },
    tool_choice: "required",
    tools: body.tools,
    top_logprobs: 0,
    top_p: 1,
    truncation: "auto",
    user: null,
  });
});

const IDS: readonly (readonly [upstream: string, response: string, item: string])[] = [
  ["chatcmpl-abc", "resp_abc", "msg_abc_0"],
  ["resp_abc", "resp_abc", "msg_abc_0"],
  ["abc-Def_1", "resp_abc-Def_1", "msg_abc-Def_1_0"],
  ["", "resp_0a1b2c", "msg_0a1b2c_0"],
  ["x/y".repeat(30), `resp_${"x/y".repeat(30)}`, "msg_x_yx_yx_yx_yx_yx_yx_yx_yx_yx_yx_yx_yx_y_a6673841_0"],
];

for (const [upstream, response, item] of IDS) {
  test(`encode: the upstream's id ${upstream.slice(0, 20)} as ids of this protocol`, () => {
    const reply: Reply = { id: upstream, model: "", parts: [textPart("a")], usage: null, finish: END };
    const body = JSON.parse(openaiResponses.reply.encode(reply, exchange())) as { id: string; model: string; output: { id: string }[] };
    assert.deepEqual([body.id, body.model, body.output[0]?.id], [response, "gpt-5.2", item]);
    assert.ok((body.output[0]?.id.length ?? 0) <= 64);
  });
}

// ---- The strict grammar ------------------------------------------------------------------------------------------

type WireEvent = Record<string, unknown> & { readonly type: string };

function streamed(parts: readonly Part[], finish: FinishReason, request: Partial<CanonicalRequest> = {}): WireEvent[] {
  const reply: Reply = { id: "msg_01abc", model: "claude-x", parts, usage: USAGE, finish };
  const events = run(openaiResponses.reply.encoder(exchange(request)), unfold(reply));
  return events.map(({ event, data }) => {
    const value = JSON.parse(data) as WireEvent;
    assert.equal(event, value.type, "the event is named after its type");
    return value;
  });
}

const NONE: { readonly id: unknown; readonly index: number } = { id: null, index: -1 };

/** Numbers, ids, one open item at a time, and a last event that holds what the items said. */
function assertStrict(events: readonly WireEvent[], whole: Record<string, unknown>): void {
  assert.deepEqual(
    events.map((event) => event["sequence_number"]),
    events.map((_, index) => index),
  );
  assert.deepEqual(
    events.slice(0, 2).map((event) => event.type),
    ["response.created", "response.in_progress"],
  );
  const last = events.at(-1);
  assert.deepEqual(last?.["response"], whole, "the last event holds what a whole answer would say");
  const items: unknown[] = [];
  let open = NONE;
  for (const event of events.slice(2, -1)) {
    const item = event["item"] as { id?: unknown } | undefined;
    if (event.type === "response.output_item.added") {
      assert.equal(open, NONE, "one item is open at a time");
      open = { id: item?.id, index: items.length };
      assert.equal(event["output_index"], open.index);
    } else {
      assert.notEqual(open, NONE, `${event.type} stands inside of an item`);
      assert.equal(event["output_index"], open.index);
      assert.equal(item === undefined ? event["item_id"] : item.id, open.id);
      if (event.type !== "response.output_item.done") continue;
      items.push(item);
      open = NONE;
    }
  }
  assert.equal(open, NONE);
  assert.deepEqual(items, whole["output"], "the items' last words are the output");
  assert.equal(new Set(items.map((item) => (item as { id: string }).id)).size, items.length, "ids are unique");
}

test("encoder: the events of a message, a thought and a call, to the letter", () => {
  const events = streamed([{ type: "reasoning", text: "Hm.", redacted: false, proof: null }, textPart("a"), callPart("c", "f", "{}")], END);
  const place = (index: number, id: string): object => ({ item_id: id, output_index: index });
  const expected = [
    ["response.output_item.added", { output_index: 0, item: { id: "rs_01abc_0", type: "reasoning", summary: [] } }],
    ["response.reasoning_summary_part.added", { ...place(0, "rs_01abc_0"), summary_index: 0, part: { type: "summary_text", text: "" } }],
    ["response.reasoning_summary_text.delta", { ...place(0, "rs_01abc_0"), summary_index: 0, delta: "Hm." }],
    ["response.reasoning_summary_text.done", { ...place(0, "rs_01abc_0"), summary_index: 0, text: "Hm." }],
    ["response.reasoning_summary_part.done", { ...place(0, "rs_01abc_0"), summary_index: 0, part: { type: "summary_text", text: "Hm." } }],
    [
      "response.output_item.done",
      {
        output_index: 0,
        item: {
          id: "rs_01abc_0",
          type: "reasoning",
          summary: [{ type: "summary_text", text: "Hm." }],
          encrypted_content: "gw1.unsigned",
        },
      },
    ],
    ["response.output_item.added", { output_index: 1, item: { ...spoken(1), status: "in_progress" } }],
    ["response.content_part.added", { ...place(1, "msg_01abc_1"), content_index: 0, part: outputText("") }],
    ["response.output_text.delta", { ...place(1, "msg_01abc_1"), content_index: 0, delta: "a", logprobs: [] }],
    ["response.output_text.done", { ...place(1, "msg_01abc_1"), content_index: 0, text: "a", logprobs: [] }],
    ["response.content_part.done", { ...place(1, "msg_01abc_1"), content_index: 0, part: outputText("a") }],
    ["response.output_item.done", { output_index: 1, item: spoken(1, outputText("a")) }],
    [
      "response.output_item.added",
      { output_index: 2, item: { id: "fc_01abc_2", type: "function_call", status: "in_progress", call_id: "c", name: "f", arguments: "" } },
    ],
    ["response.function_call_arguments.delta", { ...place(2, "fc_01abc_2"), delta: "{}" }],
    ["response.function_call_arguments.done", { ...place(2, "fc_01abc_2"), name: "f", arguments: "{}" }],
    [
      "response.output_item.done",
      { output_index: 2, item: { id: "fc_01abc_2", type: "function_call", status: "completed", call_id: "c", name: "f", arguments: "{}" } },
    ],
  ] as const;
  assert.deepEqual(
    events.slice(2, -1),
    expected.map(([type, members], index) => ({ type, sequence_number: index + 2, ...members })),
  );
});

test("encoder: an error in the middle is an error event, then a failed response with what was complete", () => {
  const encoder = openaiResponses.reply.encoder(exchange());
  const error = new GatewayError("overloaded", "Too busy.");
  const events = run(encoder, [
    { type: "reply-start", id: "r", model: "m" },
    { type: "part-start", index: 0, part: textPart("") },
    { type: "part-delta", index: 0, text: "a" },
    { type: "reply-error", error },
  ]).map(({ event, data }) => [event, JSON.parse(data)] as const);
  assert.deepEqual(
    events.map(([event]) => event),
    [
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.content_part.added",
      "response.output_text.delta",
      "error",
      "response.failed",
    ],
  );
  const body = { type: "server_error", code: null, message: "Too busy.", param: null };
  assert.deepEqual(events[5]?.[1], { type: "error", sequence_number: 5, code: null, message: "Too busy.", param: null, error: body });
  const failed = events[6]?.[1] as { response: Record<string, unknown> } | undefined;
  const { status, error: failure, output } = failed?.response ?? {};
  assert.deepEqual({ status, failure, output }, { status: "failed", failure: { code: "server_error", message: "Too busy." }, output: [] });
});

test("encoder: an error before anything else still tells a response that failed", () => {
  const events = run(openaiResponses.reply.encoder(exchange()), [
    { type: "reply-error", error: new GatewayError("rate-limited", "Slow.") },
  ]);
  assert.deepEqual(
    events.map(({ event }) => event),
    ["response.created", "response.in_progress", "error", "response.failed"],
  );
});

test("encoder: a citation that comes before its text and does not say where it ends stands for the whole text", () => {
  const citation = (url: string, at: number | null) => ({
    type: "url-citation" as const,
    url,
    title: "T",
    start: at,
    end: at,
    quote: null,
  });
  const events = run(openaiResponses.reply.encoder(exchange()), [
    { type: "reply-start", id: "r", model: "m" },
    { type: "part-start", index: 0, part: textPart("") },
    { type: "annotation", index: 0, annotation: citation("https://a.example", null) },
    { type: "annotation", index: 0, annotation: citation("https://b.example", 1) },
    { type: "part-delta", index: 0, text: "abc" },
    { type: "part-end", index: 0, proof: null },
  ]);
  const cited = events
    .map(({ data }) => JSON.parse(data) as WireEvent)
    .filter((event) => event.type === "response.output_text.annotation.added");
  const cite = (url: string, start: number, last: number) => ({
    type: "url_citation",
    url,
    title: "T",
    start_index: start,
    end_index: last,
  });
  assert.deepEqual(
    cited.map((event) => [event["annotation_index"], event["annotation"]]),
    [
      [0, cite("https://b.example", 1, 1)],
      [1, cite("https://a.example", 0, 3)],
    ],
  );
});

const FAILURES: readonly (readonly [kind: ErrorKind, code: string | undefined, said: string])[] = [
  ["rate-limited", undefined, "rate_limit_exceeded"],
  ["upstream-rejected", undefined, "invalid_prompt"],
  ["upstream-rejected", "context_length_exceeded", "context_length_exceeded"],
  ["upstream-rejected", "insufficient_quota", "insufficient_quota"],
  ["upstream-failed", "upstream_truncated", "server_error"],
  ["internal", undefined, "server_error"],
];

for (const [kind, code, expected] of FAILURES) {
  test(`encoder: ${kind}${code === undefined ? "" : ` with ${code}`} fails a response with ${expected}`, () => {
    const error = new GatewayError(kind, "M", code === undefined ? {} : { code });
    const last = run(openaiResponses.reply.encoder(exchange()), [{ type: "reply-error", error }]).at(-1);
    assert.deepEqual((JSON.parse(last?.data ?? "{}") as { response: { error: object } }).response.error, { code: expected, message: "M" });
  });
}

test("encode and decode: what a client is sent says what the upstream said", () => {
  const parts: Part[] = [
    { type: "reasoning", text: "Hm.", redacted: false, proof: { origin: "google", data: "s" } },
    textPart("a"),
    callPart("c", "f", "{}"),
  ];
  const reply: Reply = {
    id: "resp_1",
    model: "m",
    parts,
    usage: USAGE,
    finish: { kind: "tool-calls", raw: "completed", stopSequence: null, explanation: null },
  };
  const events = run(openaiResponses.reply.encoder(exchange()), unfold(reply));
  assert.deepEqual(fold(run(openaiResponses.reply.decoder(exchange()), events)), reply);
});

// ---- Errors ------------------------------------------------------------------------------------------------------

const ERRORS_IN: readonly { what: string; status: number; body: string; headers?: Record<string, string>; expected: object }[] = [
  {
    what: "OpenAI's own object",
    status: 400,
    body: '{"error":{"message":"Bad.","type":"invalid_request_error","param":"input","code":"unsupported_value"}}',
    expected: {
      kind: "upstream-rejected",
      status: 400,
      message: "Bad.",
      type: "invalid_request_error",
      param: "input",
      code: "unsupported_value",
      headers: {},
    },
  },
  {
    what: "a rate limit keeps when to come back",
    status: 429,
    body: '{"error":{"message":"Slow.","code":"rate_limit_exceeded"}}',
    headers: { "retry-after": "7", "retry-after-ms": "6500", server: "x" },
    expected: {
      kind: "rate-limited",
      status: 429,
      message: "Slow.",
      type: null,
      param: null,
      code: "rate_limit_exceeded",
      headers: { "retry-after": "7", "retry-after-ms": "6500" },
    },
  },
  {
    what: "a spent quota is not worth another try",
    status: 429,
    body: '{"error":{"message":"Pay.","type":"insufficient_quota","code":"insufficient_quota"}}',
    headers: { "retry-after": "7" },
    expected: {
      kind: "upstream-rejected",
      status: 429,
      message: "Pay.",
      type: "insufficient_quota",
      param: null,
      code: "insufficient_quota",
      headers: { "x-should-retry": "false" },
    },
  },
  {
    what: "an HTML page",
    status: 502,
    body: "<html>nginx</html>",
    expected: {
      kind: "upstream-failed",
      status: 502,
      message: "The upstream answered 502 without a readable message.",
      type: null,
      param: null,
      code: null,
      headers: {},
    },
  },
  {
    what: "plain text",
    status: 403,
    body: " Forbidden. \n",
    expected: { kind: "upstream-rejected", status: 403, message: "Forbidden.", type: null, param: null, code: null, headers: {} },
  },
  {
    what: "a status that only Anthropic knows",
    status: 529,
    body: "",
    expected: {
      kind: "overloaded",
      status: 529,
      message: "The upstream answered 529 without a readable message.",
      type: null,
      param: null,
      code: null,
      headers: {},
    },
  },
  {
    what: "a bare message and a number for a code",
    status: 404,
    body: '{"message":"Gone.","code":404}',
    expected: { kind: "upstream-rejected", status: 404, message: "Gone.", type: null, param: null, code: "404", headers: {} },
  },
];

for (const { what, status, body, headers = {}, expected } of ERRORS_IN) {
  test(`error.decode: ${what}`, () => {
    const error = openaiResponses.error.decode(status, body, headers);
    const { kind, message, type, param, code } = error;
    assert.deepEqual({ kind, status: error.status, message, type, param, code, headers: error.headers }, expected);
  });
}

const ERRORS_OUT: readonly { what: string; error: GatewayError; status: number; body: object }[] = [
  {
    what: "a wrong field",
    error: new GatewayError("invalid-request", "M", { param: "input[0]" }),
    status: 400,
    body: { message: "M", type: "invalid_request_error", param: "input[0]", code: null },
  },
  {
    what: "an unknown model",
    error: new GatewayError("not-found", "M", { param: "model" }),
    status: 404,
    body: { message: "M", type: "invalid_request_error", param: "model", code: "model_not_found" },
  },
  {
    what: "Anthropic's own status 529 is 503 here",
    error: new GatewayError("overloaded", "M", { status: 529, type: "overloaded_error" }),
    status: 503,
    body: { message: "M", type: "server_error", param: null, code: null },
  },
  {
    what: "a type that only another vendor knows",
    error: new GatewayError("upstream-rejected", "M", { status: 402, type: "billing_error" }),
    status: 402,
    body: { message: "M", type: "insufficient_quota", param: null, code: null },
  },
];

for (const { what, error, status, body } of ERRORS_OUT) {
  test(`error.encode: ${what}`, () => {
    const encoded = openaiResponses.error.encode(error, "request-1");
    assert.deepEqual({ status: encoded.status, body: JSON.parse(encoded.body) }, { status, body: { error: body } });
  });
}
