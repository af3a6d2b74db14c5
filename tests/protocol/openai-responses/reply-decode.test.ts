// An upstream's answers of the Responses API: what its events, and its non-streaming answers, come to.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError, type ErrorKind } from "../../../src/errors.ts";
import type { CanonicalRequest, ReplyEvent } from "../../../src/protocol/canonical.ts";
import type { Exchange } from "../../../src/protocol/codec.ts";
import { grammar } from "../../../src/protocol/fold.ts";
import { openaiResponses } from "../../../src/protocol/openai-responses/codec.ts";
import { chain, run } from "../../../src/wire/machine.ts";
import type { SseEvent } from "../../../src/wire/sse.ts";
import {
  call,
  closed,
  counted,
  delta,
  ended,
  exchange,
  finish,
  openai,
  opened,
  reasoning,
  started,
  text,
  tool,
  usage,
} from "../../support/canonical.ts";

function asked(request: Partial<CanonicalRequest> = {}): Exchange {
  return exchange({ model: "gpt-5.2", stream: true, ...request });
}

/** The canonical events of what an upstream sends; a string is data as it stands. */
function decode(events: readonly (object | string)[], request: Partial<CanonicalRequest> = {}): ReplyEvent[] {
  const sse = events.map((event): SseEvent => ({ event: null, data: typeof event === "string" ? event : JSON.stringify(event) }));
  return run(chain(openaiResponses.reply.decoder(asked(request)), grammar()), sse);
}

const begun = started("resp_1", "gpt-5.2-2025");
const created = { type: "response.created", response: { id: "resp_1", model: "gpt-5.2-2025", output: [] } };
const completed = { type: "response.completed", response: { id: "resp_1", status: "completed", output: [] } };
const said = (words: string, index = 0, content = 0) => ({
  type: "response.output_text.delta",
  output_index: index,
  content_index: content,
  delta: words,
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
    expected: [begun, opened(0, text()), delta(0, "a"), delta(0, "b"), closed(0), ended("end", "completed")],
  },
  {
    what: "without a first event",
    events: [said("a"), completed],
    expected: [started("", "gpt-5.2"), opened(0, text()), delta(0, "a"), closed(0), ended("end", "completed")],
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
    expected: [begun, opened(0, text()), delta(0, "a"), closed(0), ended("end", "completed")],
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
      begun,
      opened(0, call("c0", "f", "")),
      opened(1, call("c1", "g", "")),
      delta(0, '{"a"'),
      delta(1, "{}"),
      delta(0, ":1}"),
      closed(1),
      closed(0),
      ended("tool-calls", "completed"),
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
    expected: [begun, opened(0, reasoning()), delta(0, "A"), delta(0, "\n\nB"), closed(0, openai("final")), ended("end", "completed")],
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
    expected: [begun, opened(0, text()), delta(0, "a"), closed(0), opened(1, text()), delta(1, "b"), closed(1), ended("end", "completed")],
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
      begun,
      opened(0, text()),
      delta(0, "ab"),
      delta(0, "c"),
      closed(0),
      opened(1, call("c", "f", "")),
      delta(1, "{}"),
      closed(1),
      ended("tool-calls", "completed"),
    ],
  },
  {
    what: "renamed tools get their names back; a namespace becomes part of the name",
    request: {
      tools: [tool("files/read.text")],
    },
    events: [
      created,
      done(0, { type: "function_call", call_id: "1", name: "files_read_text_a36c0c3a", arguments: "{}" }),
      done(1, { type: "custom_tool_call", call_id: "2", name: "log", namespace: "crew", input: "x" }),
      completed,
    ],
    expected: [
      begun,
      opened(0, call("1", "files/read.text", "")),
      delta(0, "{}"),
      closed(0),
      opened(1, call("2", "crew__log", "", { kind: "custom" })),
      delta(1, "x"),
      closed(1),
      ended("tool-calls", "completed"),
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
      begun,
      {
        type: "part-start",
        index: 0,
        part: {
          type: "opaque",
          protocol: "openai-responses",
          name: "web_search_call",
          value: '{"type":"web_search_call","n":12345678901234567890}',
          severity: "reported",
          search: { query: "", sources: [], hasFailed: false },
        },
      },
      closed(0),
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
      closed(1),
      ended("end", "completed"),
    ],
  },
  {
    what: "citations, streamed and those that only the complete part has",
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
      begun,
      opened(0, text()),
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
      closed(0),
      ended("end", "completed"),
    ],
  },
  {
    what: "the content filter",
    events: [
      created,
      said("a"),
      { type: "response.incomplete", response: { status: "incomplete", incomplete_details: { reason: "content_filter" } } },
    ],
    expected: [begun, opened(0, text()), delta(0, "a"), closed(0), ended("filtered", "content_filter")],
  },
  {
    what: "the limit of tokens, also in the middle of a call",
    events: [
      created,
      added(0, { type: "function_call", call_id: "c", name: "f", arguments: "" }),
      { type: "response.function_call_arguments.delta", output_index: 0, delta: '{"a' },
      { type: "response.incomplete", response: { status: "incomplete", incomplete_details: { reason: "max_output_tokens" } } },
    ],
    expected: [begun, opened(0, call("c", "f", "")), delta(0, '{"a'), closed(0), ended("length", "max_output_tokens")],
  },
  {
    what: "a reason that came later than this program",
    events: [created, { type: "response.incomplete", response: { status: "incomplete", incomplete_details: { reason: "steered" } } }],
    expected: [begun, ended("length", "steered")],
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
      begun,
      counted({ inputTokens: 30, cacheReadTokens: 60, cacheWriteTokens: 10, outputTokens: 50, reasoningTokens: 30 }),
      ended("end", "completed"),
    ],
  },
  {
    what: "a stop sequence that comes in pieces ends the answer in front of it",
    request: { stop: ["\nUser:", "END"] },
    events: [created, said("One\nUs"), said("ed\nUser"), said(": two"), completed],
    expected: [
      begun,
      opened(0, text()),
      delta(0, "One"),
      delta(0, "\nUsed"),
      closed(0),
      ended("stop-sequence", null, { stopSequence: "\nUser:" }),
    ],
  },
  {
    what: "the first of two stop sequences counts",
    request: { stop: ["b", "ab"] },
    events: [created, said("xab"), completed],
    expected: [begun, opened(0, text()), delta(0, "x"), closed(0), ended("stop-sequence", null, { stopSequence: "ab" })],
  },
  {
    what: "a beginning that came to nothing is text",
    request: { stop: ["END"] },
    events: [created, said("aEN"), completed],
    expected: [begun, opened(0, text()), delta(0, "a"), delta(0, "EN"), closed(0), ended("end", "completed")],
  },
  {
    what: "an answer that begins with a stop sequence is empty",
    request: { stop: ["END"] },
    events: [created, said("END"), said("x"), completed],
    expected: [begun, ended("stop-sequence", null, { stopSequence: "END" })],
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
      begun,
      opened(0, reasoning()),
      delta(0, "END"),
      opened(1, call("c", "f", "")),
      delta(1, '"END"'),
      closed(1),
      closed(0),
      ended("tool-calls", "completed"),
    ],
  },
];

for (const { what, events, request = {}, expected } of STREAMS) {
  test(`decoder: ${what}`, () => assert.deepEqual(decode(events, request), expected));
}

// ---- Bad ends ----------------------------------------------------------------------------------------------------

const BAD_STREAMS: readonly {
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

for (const { what, events, error } of BAD_STREAMS) {
  test(`decoder: ${what} is an error, once`, () => {
    const last = decode(events).at(-1);
    assert.equal(last?.type, "reply-error");
    if (last?.type !== "reply-error") return;
    assert.match(last.error.message, error.message);
    assert.deepEqual({ kind: last.error.kind, code: last.error.code }, { kind: error.kind, code: error.code ?? null });
    if (error.status !== undefined) assert.equal(last.error.status, error.status);
  });
}

const BAD_REPLIES: readonly { what: string; body: string; message: RegExp }[] = [
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

for (const { what, body, message } of BAD_REPLIES) {
  test(`decode: ${what} is no answer`, () => {
    assert.throws(
      () => openaiResponses.reply.decode(body, asked()),
      (error) => error instanceof GatewayError && message.test(error.message),
    );
  });
}

test("decode: a non-streaming answer is cut at the stop sequence, and its usage is known", () => {
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
  assert.deepEqual(openaiResponses.reply.decode(body, asked({ stop: [" END"] })), {
    id: "resp_1",
    model: "m",
    parts: [text("One.")],
    usage: usage({ inputTokens: 3, outputTokens: 9 }),
    finish: finish("stop-sequence", null, { stopSequence: " END" }),
  });
});
