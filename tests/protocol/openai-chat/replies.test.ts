// Answers of Chat Completions, both ways: what an upstream's chunks mean, and what a Chat client gets.
// A row names the pitfall (PROTOCOLS section B) or the row of section A that it stands for; whole values are compared.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError, type ErrorKind } from "../../../src/errors.ts";
import type { CanonicalRequest, FinishReason, Part, Reply, ReplyEvent, Usage } from "../../../src/protocol/canonical.ts";
import { bareRequest } from "../../../src/protocol/exchange.ts";
import { sealProof } from "../../../src/protocol/seals.ts";
import type { Exchange } from "../../../src/protocol/codec.ts";
import { fold, grammar, truncated } from "../../../src/protocol/fold.ts";
import { openaiChat } from "../../../src/protocol/openai-chat/codec.ts";
import { LEGACY_NAMES, NAMES } from "../../../src/protocol/openai-chat/wire.ts";
import { chain, run } from "../../../src/wire/machine.ts";
import type { SseEvent } from "../../../src/wire/sse.ts";

const REQUEST: CanonicalRequest = {
  ...bareRequest({ model: "glm-5.1", stream: true }),
  names: NAMES,
  includeUsage: true,
};
const exchangeOf = (request: Partial<CanonicalRequest> = {}): Exchange => ({
  request: { ...REQUEST, ...request },
  id: "ex1",
  createdAtS: 1_793_500_000,
});

const start: ReplyEvent = { type: "reply-start", id: "1", model: "m" };
const text: Part = { type: "text", text: "", annotations: [], cache: null, proof: null };
const reasoning: Part = { type: "reasoning", text: "", redacted: false, proof: null };
const call = (callId: string, name: string, kind: "function" | "custom" = "function"): Part => ({
  type: "tool-call",
  callId,
  name,
  kind,
  arguments: "",
  cache: null,
  proof: null,
});
const opened = (index: number, part: Part): ReplyEvent => ({ type: "part-start", index, part });
const delta = (index: number, piece: string): ReplyEvent => ({ type: "part-delta", index, text: piece });
const ended = (index: number): ReplyEvent => ({ type: "part-end", index, proof: null });
const finish = (kind: FinishReason["kind"], raw: string | null, more: Partial<FinishReason> = {}): ReplyEvent => ({
  type: "reply-end",
  finish: { kind, raw, stopSequence: null, explanation: null, ...more },
});
const usage = (counts: Partial<Usage>): ReplyEvent => ({
  type: "usage",
  usage: { inputTokens: null, cacheReadTokens: null, cacheWriteTokens: null, outputTokens: null, reasoningTokens: null, ...counts },
});
const failed = (kind: ErrorKind, message: string, options = {}): ReplyEvent => ({
  type: "reply-error",
  error: new GatewayError(kind, message, options),
});

/** Errors as values: what a client may learn of them. */
function comparable(events: readonly ReplyEvent[]): unknown[] {
  return events.map((event) => {
    if (event.type !== "reply-error") return event;
    const { kind, status, message, code, type, param } = event.error;
    return { type: event.type, kind, status, message, code, errorType: type, param };
  });
}

// ---- Decode --------------------------------------------------------------------------------------------------------

type Sent = object | string;
/** A chunk of the one choice. */
const chunk = (piece: object, more: object = {}): Sent => ({
  id: "chatcmpl-1",
  model: "m",
  choices: [{ index: 0, delta: piece, finish_reason: null, ...more }],
});
const stop = (reason = "stop", more: object = {}): Sent => ({
  id: "chatcmpl-1",
  model: "m",
  choices: [{ index: 0, delta: {}, finish_reason: reason }],
  ...more,
});
const done = "[DONE]";
const tool = (...items: object[]): Sent => chunk({ tool_calls: items });

const patch = { type: "custom", name: "patch", namespace: null, description: null, grammar: null } as const;
const mcp = { type: "function", name: "mcp.read", namespace: null, description: null, schema: null, strict: null, cache: null } as const;

const STREAMS: readonly (readonly [
  what: string,
  sent: readonly Sent[],
  expected: readonly ReplyEvent[],
  request?: Partial<CanonicalRequest>,
])[] = [
  [
    "A.18: text, the role and empty pieces say nothing",
    [chunk({ role: "assistant", content: "" }), chunk({ content: "Hel" }), chunk({ content: "lo" }), stop(), done],
    [start, opened(0, text), delta(0, "Hel"), delta(0, "lo"), ended(0), finish("end", "stop")],
  ],
  [
    "124: usage in a chunk without choices",
    [chunk({ content: "a" }), stop(), { choices: [], usage: { prompt_tokens: 3, completion_tokens: 1 } }, done],
    [start, opened(0, text), delta(0, "a"), usage({ inputTokens: 3, outputTokens: 1 }), ended(0), finish("end", "stop")],
  ],
  [
    "124: usage beside the finish reason, of a server that counts cached tokens outside of the details",
    [chunk({ content: "a" }), stop("stop", { usage: { prompt_tokens: 30, completion_tokens: 1, prompt_cache_hit_tokens: 20 } }), done],
    [
      start,
      opened(0, text),
      delta(0, "a"),
      usage({ inputTokens: 10, cacheReadTokens: 20, outputTokens: 1 }),
      ended(0),
      finish("end", "stop"),
    ],
  ],
  [
    "124: usage in x_groq, in the choice, and before the first choice",
    [
      { choices: [], usage: { prompt_tokens: 1 } },
      chunk({ content: "a" }, { usage: { prompt_tokens: 2, cached_tokens: 1 } }),
      stop("stop", { x_groq: { usage: { prompt_tokens: 3 } } }),
      done,
    ],
    [
      start,
      usage({ inputTokens: 1 }),
      opened(0, text),
      delta(0, "a"),
      usage({ inputTokens: 1, cacheReadTokens: 1 }),
      usage({ inputTokens: 3 }),
      ended(0),
      finish("end", "stop"),
    ],
  ],
  [
    "127, A.15: cached and written tokens are taken out of the prompt, reasoning stays in the output",
    [
      chunk({ content: "a" }),
      stop(),
      {
        choices: [],
        usage: {
          prompt_tokens: 100,
          completion_tokens: 20,
          total_tokens: 120,
          prompt_tokens_details: { cached_tokens: 64, cache_write_tokens: 16 },
          completion_tokens_details: { reasoning_tokens: 12 },
        },
      },
      done,
    ],
    [
      start,
      opened(0, text),
      delta(0, "a"),
      usage({ inputTokens: 20, cacheReadTokens: 64, cacheWriteTokens: 16, outputTokens: 20, reasoningTokens: 12 }),
      ended(0),
      finish("end", "stop"),
    ],
  ],
  [
    "A.15: reasoning that is counted beside the completion",
    [
      chunk({ content: "a" }),
      stop(),
      {
        choices: [],
        usage: { prompt_tokens: 307, completion_tokens: 26, total_tokens: 560, completion_tokens_details: { reasoning_tokens: 227 } },
      },
      done,
    ],
    [
      start,
      opened(0, text),
      delta(0, "a"),
      usage({ inputTokens: 307, outputTokens: 253, reasoningTokens: 227 }),
      ended(0),
      finish("end", "stop"),
    ],
  ],
  [
    "132, 133: stop after a tool call is a tool call",
    [tool({ index: 0, id: "a", type: "function", function: { name: "f", arguments: "{}" } }), stop(), done],
    [start, opened(0, call("a", "f")), delta(0, "{}"), ended(0), finish("tool-calls", "stop")],
  ],
  [
    "A.14: length stays length, and the arguments stay as they were cut",
    [tool({ index: 0, id: "a", type: "function", function: { name: "f", arguments: '{"a' } }), stop("length"), done],
    [start, opened(0, call("a", "f")), delta(0, '{"a'), ended(0), finish("length", "length")],
  ],
  [
    "134: words that are not OpenAI's",
    [chunk({ content: "a" }), stop("recitation"), done],
    [start, opened(0, text), delta(0, "a"), ended(0), finish("other", "recitation")],
  ],
  [
    "A.14: words that are like OpenAI's",
    [chunk({ content: "a" }), stop("model_length")],
    [start, opened(0, text), delta(0, "a"), ended(0), finish("length", "model_length")],
  ],
  [
    "A.14: the stop sequence, where the server names it",
    [chunk({ content: "a" }), { choices: [{ index: 0, delta: {}, finish_reason: "stop", stop_reason: "END" }] }, done],
    [start, opened(0, text), delta(0, "a"), ended(0), finish("stop-sequence", "stop", { stopSequence: "END" })],
    { stop: ["END"] },
  ],
  [
    "A.14: a word for an answer that broke off",
    [chunk({ content: "a" }), stop("network_error"), done],
    [
      start,
      opened(0, text),
      delta(0, "a"),
      failed("upstream-failed", "The upstream broke the answer off: network_error.", { code: "network_error" }),
    ],
  ],
  [
    "139, 140: the stream ends before its finish reason",
    [chunk({ content: "a" })],
    [start, opened(0, text), delta(0, "a"), { type: "reply-error", error: truncated() }],
  ],
  [
    "139: [DONE] is no finish reason",
    [chunk({ content: "a" }), done],
    [start, opened(0, text), delta(0, "a"), { type: "reply-error", error: truncated() }],
  ],
  ["139: nothing at all", [], [{ type: "reply-error", error: truncated() }]],
  [
    "125: the end waits for the usage behind it, and does without [DONE]",
    [chunk({ content: "a" }), stop(), { choices: [], usage: { prompt_tokens: 1 } }],
    [start, opened(0, text), delta(0, "a"), usage({ inputTokens: 1 }), ended(0), finish("end", "stop")],
  ],
  [
    "143: what comes after [DONE] is ignored",
    [chunk({ content: "a" }), stop(), done, { error: { message: "late" } }, "{"],
    [start, opened(0, text), delta(0, "a"), ended(0), finish("end", "stop")],
  ],
  [
    "142: an error inside of the stream",
    [chunk({ content: "a" }), { error: { message: "Overloaded.", type: "overloaded_error" } }, done],
    [start, opened(0, text), delta(0, "a"), failed("overloaded", "Overloaded.", { type: "overloaded_error" })],
  ],
  [
    "142, 144: an error as the first event, by a number",
    [{ error: { message: "Slow down.", code: 429 } }],
    [failed("rate-limited", "Slow down.")],
  ],
  ["142: an error that is a string", [{ error: "broken" }], [failed("upstream-failed", "broken")]],
  [
    "142: vLLM's error that stands alone",
    [{ object: "error", message: "No.", type: "BadRequestError", code: 400 }],
    [failed("upstream-rejected", "No.", { type: "BadRequestError" })],
  ],
  [
    "142: error null is no error",
    [chunk({ content: "a" }), stop("stop", { error: null }), done],
    [start, opened(0, text), delta(0, "a"), ended(0), finish("end", "stop")],
  ],
  [
    "bad JSON is an error",
    [chunk({ content: "a" }), "{"],
    [start, opened(0, text), delta(0, "a"), failed("upstream-failed", "The upstream sent an event that is not JSON.")],
  ],
  [
    "several answers are an error: one was asked for",
    [chunk({ content: "a" }), { choices: [{ index: 1, delta: { content: "b" } }] }, stop(), done],
    [start, opened(0, text), delta(0, "a"), failed("upstream-failed", "The upstream sent several answers where one was asked for.")],
  ],
  [
    "145, A.18: thought ends where the answer begins, and may begin again",
    [
      chunk({ reasoning_content: "Hm" }),
      chunk({ reasoning_content: "m.", content: "" }),
      chunk({ content: "Yes" }),
      chunk({ reasoning: "Or" }),
      stop(),
      done,
    ],
    [
      start,
      opened(0, reasoning),
      delta(0, "Hm"),
      delta(0, "m."),
      ended(0),
      opened(1, text),
      delta(1, "Yes"),
      ended(1),
      opened(2, reasoning),
      delta(2, "Or"),
      ended(2),
      finish("end", "stop"),
    ],
  ],
  [
    "146: arguments of two calls that interleave",
    [
      tool({ index: 0, id: "a", type: "function", function: { name: "f", arguments: '{"x":' } }),
      tool({ index: 1, id: "b", type: "function", function: { name: "g", arguments: "{" } }),
      tool({ index: 0, function: { arguments: "1}" } }, { index: 1, function: { arguments: "}" } }),
      stop("tool_calls"),
      done,
    ],
    [
      start,
      opened(0, call("a", "f")),
      delta(0, '{"x":'),
      opened(1, call("b", "g")),
      delta(1, "{"),
      delta(0, "1}"),
      delta(1, "}"),
      ended(0),
      ended(1),
      finish("tool-calls", "tool_calls"),
    ],
  ],
  [
    "146: a call with whole arguments ends where the next one begins, so that both can stream",
    [
      tool({ index: 0, id: "a", type: "function", function: { name: "f", arguments: '{"x":1}' } }),
      tool({ index: 1, id: "b", type: "function", function: { name: "g", arguments: "{}" } }),
      tool({ index: 0, function: { arguments: " " } }),
      stop("tool_calls"),
      done,
    ],
    [
      start,
      opened(0, call("a", "f")),
      delta(0, '{"x":1}'),
      ended(0),
      opened(1, call("b", "g")),
      delta(1, "{}"),
      ended(1),
      finish("tool-calls", "tool_calls"),
    ],
  ],
  [
    "arguments behind their end are an error",
    [
      tool(
        { index: 0, id: "a", type: "function", function: { name: "f", arguments: "{}" } },
        { index: 1, id: "b", function: { name: "g", arguments: "" } },
      ),
      tool({ index: 0, function: { arguments: '{"x":1}' } }),
    ],
    [
      start,
      opened(0, call("a", "f")),
      delta(0, "{}"),
      ended(0),
      opened(1, call("b", "g")),
      failed("upstream-failed", "The upstream added to the arguments of a tool call that were complete."),
    ],
  ],
  [
    "172: later pieces with an empty or repeated name and id",
    [
      tool({ index: 0, id: "a", type: "function", function: { name: "f", arguments: "{" } }),
      tool({ index: 0, id: "", function: { name: "", arguments: '"x"' } }),
      tool({ index: 0, id: "a", function: { name: "f", arguments: ":1" } }),
      tool({ index: 0, id: null, function: { name: null, arguments: "}" } }),
      stop("tool_calls"),
      done,
    ],
    [
      start,
      opened(0, call("a", "f")),
      delta(0, "{"),
      delta(0, '"x"'),
      delta(0, ":1"),
      delta(0, "}"),
      ended(0),
      finish("tool-calls", "tool_calls"),
    ],
  ],
  [
    "173: a first chunk without choices, id and model",
    [{ choices: [], id: "", model: "", prompt_filter_results: [] }, chunk({ content: "a" }), stop(), done],
    [start, opened(0, text), delta(0, "a"), ended(0), finish("end", "stop")],
  ],
  [
    "174: calls without an index, told apart by id",
    [
      tool({ id: "a", function: { name: "f", arguments: '{"x"' } }, { id: "b", function: { name: "f", arguments: "{" } }),
      tool({ id: "a", function: { arguments: ":1}" } }, { function: { arguments: "}" } }),
      stop("tool_calls"),
      done,
    ],
    [
      start,
      opened(0, call("a", "f")),
      delta(0, '{"x"'),
      opened(1, call("b", "f")),
      delta(1, "{"),
      delta(0, ":1}"),
      delta(1, "}"),
      ended(0),
      ended(1),
      finish("tool-calls", "tool_calls"),
    ],
  ],
  [
    "118: an index that begins at one",
    [
      chunk({ content: "a" }),
      tool({ index: 1, id: "a", type: "function", function: { name: "f", arguments: "{}" } }),
      stop("tool_calls"),
      done,
    ],
    [
      start,
      opened(0, text),
      delta(0, "a"),
      ended(0),
      opened(1, call("a", "f")),
      delta(1, "{}"),
      ended(1),
      finish("tool-calls", "tool_calls"),
    ],
  ],
  [
    "every call at index 0: a new id with a name is a new call",
    [
      tool({ index: 0, id: "a", function: { name: "f", arguments: "{}" } }),
      tool({ index: 0, id: "b", function: { name: "g", arguments: "{}" } }),
      stop(),
      done,
    ],
    [
      start,
      opened(0, call("a", "f")),
      delta(0, "{}"),
      ended(0),
      opened(1, call("b", "g")),
      delta(1, "{}"),
      ended(1),
      finish("tool-calls", "stop"),
    ],
  ],
  [
    "170: calls without an id, and two with the same",
    [
      tool({ index: 0, function: { name: "f", arguments: "{}" } }),
      tool(
        { index: 1, id: "c", function: { name: "g", arguments: "{}" } },
        { index: 2, id: "c", function: { name: "g", arguments: "{}" } },
      ),
      stop(),
      done,
    ],
    [
      start,
      opened(0, call("call_ex1_0", "f")),
      delta(0, "{}"),
      ended(0),
      opened(1, call("c", "g")),
      delta(1, "{}"),
      ended(1),
      opened(2, call("c_2", "g")),
      delta(2, "{}"),
      ended(2),
      finish("tool-calls", "stop"),
    ],
  ],
  [
    "a name that comes after the id and the first arguments",
    [
      tool({ index: 0, id: "a", type: "function", function: { arguments: "{" } }),
      tool({ index: 0, function: { name: "f" } }),
      tool({ index: 0, function: { arguments: "}" } }),
      stop(),
      done,
    ],
    [start, opened(0, call("a", "f")), delta(0, "{"), delta(0, "}"), ended(0), finish("tool-calls", "stop")],
  ],
  [
    "a call that is never named cannot be made",
    [tool({ index: 0, id: "a", function: { arguments: "{}" } }), stop("tool_calls"), done],
    [start, failed("upstream-failed", "The upstream called a tool without naming it.")],
  ],
  [
    "arguments without any call are what is left of a missing beginning",
    [tool({ index: 0, function: { arguments: "1}" } }), stop("tool_calls"), done],
    [start, finish("tool-calls", "tool_calls")],
  ],
  [
    "175: content as an array of parts",
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
    [start, opened(0, reasoning), delta(0, "Hm"), ended(0), opened(1, text), delta(1, "Yes"), ended(1), finish("end", "stop")],
  ],
  [
    "176: citations",
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
      start,
      opened(0, text),
      delta(0, "See here."),
      {
        type: "annotation",
        index: 0,
        annotation: { type: "url-citation", url: "https://example.com", title: "T", start: 4, end: 8, quote: null },
      },
      ended(0),
      finish("end", "stop"),
    ],
  ],
  [
    "A.4: a refusal",
    [chunk({ refusal: "I " }), chunk({ refusal: "can't." }), stop(), done],
    [start, opened(0, { type: "refusal", text: "" }), delta(0, "I "), delta(0, "can't."), ended(0), finish("end", "stop")],
  ],
  [
    "A.7: function_call, of servers from before there were tools",
    [chunk({ function_call: { name: "f", arguments: "" } }), chunk({ function_call: { arguments: "{}" } }), stop("function_call"), done],
    [start, opened(0, call("call_ex1_0", "f")), delta(0, "{}"), ended(0), finish("tool-calls", "function_call")],
  ],
  [
    "48: names that went out short come back as the client's",
    [tool({ index: 0, id: "a", function: { name: "mcp_read_9970f21b", arguments: "{}" } }), stop(), done],
    [start, opened(0, call("a", "mcp.read")), delta(0, "{}"), ended(0), finish("tool-calls", "stop")],
    { tools: [mcp] },
  ],
  [
    "67: the input of a custom tool comes out of its function, piece by piece, escapes cut anywhere",
    [
      tool({ index: 0, id: "a", function: { name: "patch", arguments: '{"in' } }),
      tool({ index: 0, function: { arguments: 'put": "a\\' } }),
      tool({ index: 0, function: { arguments: 'n\\"b\\u00' } }),
      tool({ index: 0, function: { arguments: "e9" } }),
      tool({ index: 0, function: { arguments: '"}' } }),
      stop("tool_calls"),
      done,
    ],
    [
      start,
      opened(0, call("a", "patch", "custom")),
      delta(0, "a"),
      delta(0, '\n"b'),
      delta(0, "é"),
      ended(0),
      finish("tool-calls", "tool_calls"),
    ],
    { tools: [patch] },
  ],
  [
    "67: arguments of another form come out as they are",
    [
      tool({ index: 0, id: "a", function: { name: "patch", arguments: '{"text"' } }),
      tool({ index: 0, function: { arguments: ':"a"}' } }),
      stop("tool_calls"),
      done,
    ],
    [start, opened(0, call("a", "patch", "custom")), delta(0, '{"text"'), delta(0, ':"a"}'), ended(0), finish("tool-calls", "tool_calls")],
    { tools: [patch] },
  ],
  [
    "67: a custom tool of a model that has them",
    [
      tool({ index: 0, id: "a", type: "custom", custom: { name: "patch", input: "" } }),
      tool({ index: 0, custom: { input: "raw" } }),
      stop("tool_calls"),
      done,
    ],
    [start, opened(0, call("a", "patch", "custom")), delta(0, "raw"), ended(0), finish("tool-calls", "tool_calls")],
    { model: "gpt-5.1", tools: [patch] },
  ],
];

function decode(sent: readonly Sent[], exchange: Exchange): ReplyEvent[] {
  const events = sent.map((data): SseEvent => ({ event: null, data: typeof data === "string" ? data : JSON.stringify(data) }));
  return run(chain(openaiChat.reply.decoder(exchange), grammar()), events);
}

for (const [what, sent, expected, request] of STREAMS) {
  test(`decoding a stream, ${what}`, () => assert.deepEqual(comparable(decode(sent, exchangeOf(request))), comparable(expected)));
}

test("decoding a stream, 67: every cut of an emulated input gives the same text", () => {
  const args = ' { "input" : "caf\\u00e9 \\ud83e\\udd8a\\n\\\\ \\q end" } ';
  for (let at = 0; at <= args.length; at++) {
    const events = decode(
      [
        tool({ index: 0, id: "a", function: { name: "patch", arguments: args.slice(0, at) } }),
        tool({ index: 0, function: { arguments: args.slice(at) } }),
        stop(),
        done,
      ],
      exchangeOf({ tools: [patch] }),
    );
    const [part] = fold(events).parts;
    assert.deepEqual(part, { ...call("a", "patch", "custom"), arguments: "café 🦊\n\\ \\q end" });
  }
});

const WHOLE_ERRORS: readonly (readonly [what: string, body: string, kind: ErrorKind, message: string])[] = [
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
for (const [what, body, kind, message] of WHOLE_ERRORS) {
  test(`decoding a whole answer, ${what} is an error`, () => {
    assert.throws(
      () => openaiChat.reply.decode(body, exchangeOf()),
      (error) => error instanceof GatewayError && error.kind === kind && error.message === message,
    );
  });
}

test("decoding a whole answer, one that does not say why it ended is complete all the same", () => {
  const reply = openaiChat.reply.decode(
    '{"id":"chatcmpl-1","model":"m","choices":[{"message":{"content":"a"},"finish_reason":null}]}',
    exchangeOf(),
  );
  const expected: Reply = {
    id: "1",
    model: "m",
    parts: [{ ...text, text: "a" }],
    usage: null,
    finish: { kind: "other", raw: null, stopSequence: null, explanation: null },
  };
  assert.deepEqual(reply, expected);
});

// ---- Encode --------------------------------------------------------------------------------------------------------

const thought = { origin: "google", data: "thought" } as const;
const signature = { origin: "anthropic", data: "signature" } as const;
const [SEALED, SEALED_CALL] = [sealProof(signature, null), sealProof(thought, null)];
const proven = (index: number, proof: typeof thought | typeof signature): ReplyEvent => ({ type: "part-end", index, proof });
const endOfReply: ReplyEvent = finish("end", "end_turn");

/** A chunk as it leaves, without what all chunks share. */
type Left = { readonly delta: object; readonly finish?: string } | { readonly usage: object } | { readonly error: object } | "[DONE]";
const said = (piece: object): Left => ({ delta: piece });
const role = said({ role: "assistant", content: "" });
const stopped = (word: string): Left => ({ delta: {}, finish: word });

const SENT: readonly (readonly [
  what: string,
  events: readonly ReplyEvent[],
  expected: readonly Left[],
  request?: Partial<CanonicalRequest>,
])[] = [
  [
    "122: the role on the first chunk alone",
    [start, opened(0, text), delta(0, "Hel"), delta(0, "lo"), ended(0), endOfReply],
    [role, said({ content: "Hel" }), said({ content: "lo" }), stopped("stop"), "[DONE]"],
  ],
  [
    "118, 121: tool indices are dense whatever stood before; id, type and name on the first chunk of a call",
    [
      start,
      opened(0, reasoning),
      delta(0, "Hm"),
      ended(0),
      opened(1, text),
      delta(1, "Look"),
      ended(1),
      opened(2, call("toolu_1", "f")),
      delta(2, '{"a":'),
      delta(2, "1}"),
      ended(2),
      opened(3, call("toolu_2", "g")),
      delta(3, "{}"),
      ended(3),
      finish("tool-calls", "tool_use"),
    ],
    [
      role,
      said({ reasoning_content: "Hm" }),
      said({ content: "Look" }),
      said({ tool_calls: [{ index: 0, id: "toolu_1", type: "function", function: { name: "f", arguments: "" } }] }),
      said({ tool_calls: [{ index: 0, function: { arguments: '{"a":' } }] }),
      said({ tool_calls: [{ index: 0, function: { arguments: "1}" } }] }),
      said({ tool_calls: [{ index: 1, id: "toolu_2", type: "function", function: { name: "g", arguments: "" } }] }),
      said({ tool_calls: [{ index: 1, function: { arguments: "{}" } }] }),
      stopped("tool_calls"),
      "[DONE]",
    ],
  ],
  [
    "119: blocks that another protocol runs itself are no tool calls",
    [
      start,
      opened(0, { type: "opaque", protocol: "anthropic-messages", name: "server_tool_use", value: "{}", severity: "dropped" }),
      ended(0),
      opened(1, text),
      delta(1, "a"),
      ended(1),
      endOfReply,
    ],
    [role, said({ content: "a" }), stopped("stop"), "[DONE]"],
  ],
  [
    "120: a call without arguments has an empty object",
    [start, opened(0, call("a", "f")), ended(0), finish("tool-calls", "tool_use")],
    [
      role,
      said({ tool_calls: [{ index: 0, id: "a", type: "function", function: { name: "f", arguments: "" } }] }),
      said({ tool_calls: [{ index: 0, function: { arguments: "{}" } }] }),
      stopped("tool_calls"),
      "[DONE]",
    ],
  ],
  [
    "67: a call of a custom tool",
    [start, opened(0, call("a", "patch", "custom")), delta(0, "raw"), ended(0), finish("tool-calls", "tool_use")],
    [
      role,
      said({ tool_calls: [{ index: 0, id: "a", type: "custom", custom: { name: "patch", input: "" } }] }),
      said({ tool_calls: [{ index: 0, custom: { input: "raw" } }] }),
      stopped("tool_calls"),
      "[DONE]",
    ],
  ],
  [
    "123, 128, 131: usage in its own chunk, with everything that was counted",
    [
      start,
      opened(0, text),
      delta(0, "a"),
      usage({ inputTokens: 1, outputTokens: 1 }),
      ended(0),
      usage({ inputTokens: 20, cacheReadTokens: 64, cacheWriteTokens: 16, outputTokens: 20, reasoningTokens: 12 }),
      endOfReply,
    ],
    [
      role,
      said({ content: "a" }),
      stopped("stop"),
      {
        usage: {
          prompt_tokens: 100,
          completion_tokens: 20,
          total_tokens: 120,
          prompt_tokens_details: { cached_tokens: 64, cache_write_tokens: 16 },
          completion_tokens_details: { reasoning_tokens: 12 },
        },
      },
      "[DONE]",
    ],
  ],
  [
    "123: usage that nobody asked for stays away",
    [start, usage({ inputTokens: 1, outputTokens: 1 }), endOfReply],
    [role, stopped("stop"), "[DONE]"],
    { includeUsage: false },
  ],
  [
    "A.15: what nobody counted is not zero",
    [start, usage({ inputTokens: 1, outputTokens: 2 }), endOfReply],
    [role, stopped("stop"), { usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 } }, "[DONE]"],
  ],
  [
    "135: a filtered answer says why",
    [start, opened(0, text), delta(0, "a"), ended(0), finish("filtered", "refusal", { explanation: "Not this." })],
    [role, said({ content: "a" }), said({ refusal: "Not this." }), stopped("content_filter"), "[DONE]"],
  ],
  [
    "135: a refusal of its own is not explained twice",
    [
      start,
      opened(0, { type: "refusal", text: "" }),
      delta(0, "No."),
      ended(0),
      finish("filtered", "refusal", { explanation: "Not this." }),
    ],
    [role, said({ refusal: "No." }), stopped("content_filter"), "[DONE]"],
  ],
  ["134, 136: the context is full", [start, finish("context-full", "model_context_window_exceeded")], [role, stopped("length"), "[DONE]"]],
  ["137: a pause is never a stop", [start, finish("paused", "pause_turn")], [role, stopped("length"), "[DONE]"]],
  ["134: unknown words are never handed on", [start, finish("other", "new_word")], [role, stopped("stop"), "[DONE]"]],
  [
    "139, 141: an error is one chunk, without [DONE]",
    [start, opened(0, text), delta(0, "a"), failed("overloaded", "Busy.", { status: 529 })],
    [role, said({ content: "a" }), { error: { message: "Busy.", type: "server_error", param: null, code: null } }],
  ],
  [
    "176: citations count from the beginning of the content; one without a place is about its whole part",
    [
      start,
      opened(0, text),
      delta(0, "One. "),
      ended(0),
      opened(1, text),
      delta(1, "Two"),
      {
        type: "annotation",
        index: 1,
        annotation: { type: "url-citation", url: "https://example.com", title: null, start: null, end: null, quote: "q" },
      },
      delta(1, "!"),
      ended(1),
      endOfReply,
    ],
    [
      role,
      said({ content: "One. " }),
      said({ content: "Two" }),
      said({ content: "!" }),
      said({
        annotations: [
          {
            type: "url_citation",
            url_citation: { url: "https://example.com", title: "https://example.com", start_index: 5, end_index: 9 },
          },
        ],
      }),
      stopped("stop"),
      "[DONE]",
    ],
  ],
  [
    "A.8: proofs follow what they prove, sealed",
    [
      start,
      opened(0, reasoning),
      delta(0, "Hm"),
      delta(0, "m."),
      proven(0, signature),
      opened(1, { ...reasoning, redacted: true }),
      proven(1, signature),
      opened(2, text),
      delta(2, "Yes"),
      proven(2, thought),
      opened(3, call("a", "f")),
      delta(3, "{}"),
      proven(3, thought),
      finish("tool-calls", "STOP"),
    ],
    [
      role,
      said({ reasoning_content: "Hm" }),
      said({ reasoning_content: "m." }),
      said({ reasoning_details: [{ type: "reasoning.text", index: 0, text: "Hmm.", signature: SEALED }] }),
      said({ reasoning_details: [{ type: "reasoning.encrypted", index: 1, data: SEALED }] }),
      said({ content: "Yes" }),
      said({ reasoning_details: [{ type: "reasoning.encrypted", index: 2, data: SEALED_CALL, id: "content" }] }),
      said({ tool_calls: [{ index: 0, id: "a", type: "function", function: { name: "f", arguments: "" } }] }),
      said({ tool_calls: [{ index: 0, function: { arguments: "{}" } }] }),
      said({ tool_calls: [{ index: 0, function: { arguments: "" }, extra_content: { google: { thought_signature: SEALED_CALL } } }] }),
      stopped("tool_calls"),
      "[DONE]",
    ],
  ],
  [
    "A.7: a client of functions is answered in that form, with the first call alone",
    [
      start,
      opened(0, call("a", "f")),
      delta(0, "{}"),
      proven(0, thought),
      opened(1, call("b", "g")),
      delta(1, "{}"),
      ended(1),
      finish("tool-calls", "tool_use"),
    ],
    [
      role,
      said({ function_call: { name: "f", arguments: "" } }),
      said({ function_call: { arguments: "{}" } }),
      stopped("function_call"),
      "[DONE]",
    ],
    { names: LEGACY_NAMES },
  ],
  [
    "88: a proof that is known when the call begins stands in its first chunk, and there alone",
    [
      start,
      opened(0, { ...call("a", "f"), proof: thought } as Part),
      { type: "part-delta", index: 0, text: '{"n":1}' },
      proven(0, thought),
      finish("tool-calls", "tool_use"),
    ],
    [
      role,
      said({
        tool_calls: [
          {
            index: 0,
            id: "a",
            type: "function",
            function: { name: "f", arguments: "" },
            extra_content: { google: { thought_signature: SEALED_CALL } },
          },
        ],
      }),
      said({ tool_calls: [{ index: 0, function: { arguments: '{"n":1}' } }] }),
      stopped("tool_calls"),
      "[DONE]",
    ],
  ],
  [
    "A.4: an image in an answer is Markdown",
    [
      start,
      opened(0, { type: "image", source: { type: "base64", mediaType: "image/png", data: "AAAA" }, detail: null, cache: null }),
      ended(0),
      endOfReply,
    ],
    [role, said({ content: "![image](data:image/png;base64,AAAA)" }), stopped("stop"), "[DONE]"],
  ],
];

for (const [what, events, expected, request] of SENT) {
  test(`encoding a stream, ${what}`, () => {
    const exchange = exchangeOf(request);
    const shared = { id: "chatcmpl-1", object: "chat.completion.chunk", created: 1_793_500_000, model: "m" };
    const open = exchange.request.includeUsage ? { usage: null } : {};
    const data = expected.map((left): unknown => {
      if (left === "[DONE]" || "error" in left) return left;
      if ("usage" in left) return { ...shared, choices: [], usage: left.usage };
      return { ...shared, choices: [{ index: 0, delta: left.delta, logprobs: null, finish_reason: left.finish ?? null }], ...open };
    });
    const sent = run(chain(grammar(), openaiChat.reply.encoder(exchange)), events);
    assert.deepEqual(
      sent.map((event) => ({ event: event.event, data: event.data === "[DONE]" ? event.data : (JSON.parse(event.data) as unknown) })),
      data.map((value) => ({ event: null, data: value })),
    );
  });
}

const WHOLE: readonly (readonly [
  what: string,
  reply: Partial<Reply>,
  message: object,
  finishReason: string,
  request?: Partial<CanonicalRequest>,
])[] = [
  [
    "178, 179: all texts and all thoughts, joined",
    {
      parts: [
        { ...reasoning, text: "A" },
        { ...text, text: "One" },
        { ...reasoning, text: "B" },
        { ...text, text: " two" },
      ],
    },
    { content: "One two", refusal: null, reasoning_content: "AB" },
    "stop",
  ],
  [
    "17: calls alone have content null; one without arguments has an empty object",
    {
      parts: [call("a", "f"), { ...call("b", "patch", "custom"), arguments: "raw", proof: thought } as Part],
      finish: { kind: "tool-calls", raw: "tool_use", stopSequence: null, explanation: null },
    },
    {
      content: null,
      refusal: null,
      tool_calls: [
        { id: "a", type: "function", function: { name: "f", arguments: "{}" } },
        { id: "b", type: "custom", custom: { name: "patch", input: "raw" }, extra_content: { google: { thought_signature: SEALED_CALL } } },
      ],
    },
    "tool_calls",
  ],
  ["an empty answer is an empty text", { parts: [] }, { content: "", refusal: null }, "stop"],
  [
    "135: a filtered answer without content",
    { parts: [], finish: { kind: "filtered", raw: "refusal", stopSequence: null, explanation: "No." } },
    { content: null, refusal: "No." },
    "content_filter",
  ],
  [
    "A.7: a client of functions",
    {
      parts: [{ ...call("a", "f"), arguments: '{"a":1}' } as Part, call("b", "g")],
      finish: { kind: "tool-calls", raw: "tool_use", stopSequence: null, explanation: null },
    },
    { content: null, refusal: null, function_call: { name: "f", arguments: '{"a":1}' } },
    "function_call",
    { names: LEGACY_NAMES },
  ],
];

for (const [what, reply, message, finishReason, request] of WHOLE) {
  test(`encoding a whole answer, ${what}`, () => {
    const whole: Reply = {
      id: "msg_7",
      model: "",
      parts: [],
      usage: null,
      finish: { kind: "end", raw: null, stopSequence: null, explanation: null },
      ...reply,
    };
    assert.deepEqual(JSON.parse(openaiChat.reply.encode(whole, exchangeOf(request))), {
      id: "chatcmpl-7",
      object: "chat.completion",
      created: 1_793_500_000,
      model: "glm-5.1",
      choices: [{ index: 0, message: { role: "assistant", ...message }, logprobs: null, finish_reason: finishReason }],
    });
  });
}

test("A.8: what an answer proves comes back from a client that echoes its message", () => {
  const parts: Part[] = [
    { type: "reasoning", text: "First.", redacted: false, proof: signature },
    { type: "reasoning", text: "", redacted: true, proof: signature },
    { type: "reasoning", text: "Second.", redacted: false, proof: { origin: "openai", data: "é🦊" } },
    { type: "text", text: "Yes.", annotations: [], cache: null, proof: thought },
    { type: "tool-call", callId: "a", name: "f", kind: "function", arguments: "{}", cache: null, proof: thought },
  ];
  const reply: Reply = {
    id: "1",
    model: "m",
    parts,
    usage: null,
    finish: { kind: "tool-calls", raw: null, stopSequence: null, explanation: null },
  };
  const { choices } = JSON.parse(openaiChat.reply.encode(reply, exchangeOf())) as { choices: { message: object }[] };
  const body = JSON.stringify({ model: "m", messages: [{ role: "user", content: "Hi" }, choices[0]?.message] });
  assert.deepEqual(openaiChat.request.decode({ body, headers: {}, path: null }).turns[1], { role: "assistant", parts, effort: null });
});

// ---- Errors --------------------------------------------------------------------------------------------------------

type Found = { kind: ErrorKind; message: string; code?: string; type?: string; param?: string; headers?: Record<string, string> };
const ERRORS: readonly (readonly [what: string, status: number, body: string, headers: Record<string, string>, expected: Found])[] = [
  [
    "A.17: OpenAI's own",
    400,
    '{"error":{"message":"No.","type":"invalid_request_error","param":"messages","code":"empty_array"}}',
    {},
    {
      kind: "upstream-rejected",
      message: "No.",
      type: "invalid_request_error",
      param: "messages",
      code: "empty_array",
    },
  ],
  [
    "A.17: waiting times are handed on",
    429,
    '{"error":{"message":"Slow.","type":"requests","code":"rate_limit_exceeded"}}',
    { "retry-after": "7", "retry-after-ms": "6500", "x-other": "1" },
    {
      kind: "rate-limited",
      message: "Slow.",
      type: "requests",
      code: "rate_limit_exceeded",
      headers: { "retry-after": "7", "retry-after-ms": "6500" },
    },
  ],
  [
    "192: a used-up quota is no matter of waiting",
    429,
    '{"error":{"message":"Pay.","type":"insufficient_quota","code":"insufficient_quota"}}',
    {},
    {
      kind: "rate-limited",
      message: "Pay.",
      type: "insufficient_quota",
      code: "insufficient_quota",
      headers: { "x-should-retry": "false" },
    },
  ],
  [
    "193: a page of HTML",
    502,
    "<html><h1>Bad gateway</h1></html>",
    {},
    { kind: "upstream-failed", message: "The upstream answered with status 502 and no explanation." },
  ],
  [
    "193: a sentence",
    503,
    "no healthy upstream\n",
    {},
    { kind: "overloaded", message: "The upstream answered with status 503: no healthy upstream" },
  ],
  [
    "FastAPI's detail",
    422,
    '{"detail":[{"loc":["body"],"msg":"field required"}]}',
    {},
    { kind: "upstream-rejected", message: "field required" },
  ],
  [
    "CLIENTS 10: a context that is full, in words alone",
    400,
    '{"object":"error","message":"This model\'s maximum context length is 8192 tokens.","code":400}',
    {},
    {
      kind: "upstream-rejected",
      message: "This model's maximum context length is 8192 tokens.",
      code: "context_length_exceeded",
    },
  ],
  [
    "a key that the upstream repeats is nobody's to see",
    401,
    '{"error":{"message":"Incorrect API key provided: fk-abc***********wxyz. Find yours.","code":"invalid_api_key"}}',
    {},
    {
      kind: "upstream-rejected",
      message: "Incorrect API key provided: <key> Find yours.",
      code: "invalid_api_key",
    },
  ],
];

for (const [what, status, body, headers, expected] of ERRORS) {
  test(`decoding an error, ${what}`, () => {
    const { kind, message, code, type, param, headers: kept, status: found } = openaiChat.error.decode(status, body, headers);
    assert.deepEqual(
      { kind, message, code, type, param, headers: kept, status: found },
      { code: null, type: null, param: null, headers: {}, status, ...expected },
    );
  });
}

test("encoding an error, A.17: 529 is a word of another protocol; another vendor's type tells nothing", () => {
  const error = new GatewayError("overloaded", "Busy.", { status: 529, type: "overloaded_error" });
  assert.deepEqual(openaiChat.error.encode(error, "r1"), {
    status: 503,
    body: '{"error":{"message":"Busy.","type":"server_error","param":null,"code":null}}',
  });
});

test("encoding an error, A.17: the event that ends a stream has no name", () => {
  assert.deepEqual(openaiChat.error.event(new GatewayError("upstream-timeout", "Silence.")), {
    event: null,
    data: '{"error":{"message":"Silence.","type":"timeout_error","param":null,"code":null}}',
  });
});
