// Answers for a client of the Responses API: the response that an answer becomes, and the events that tell the same.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ErrorKind } from "../../../src/errors.ts";
import type { CanonicalRequest, FinishReason, Part, Reply } from "../../../src/protocol/canonical.ts";
import type { Exchange } from "../../../src/protocol/codec.ts";
import { fold, unfold } from "../../../src/protocol/fold.ts";
import { openaiResponses } from "../../../src/protocol/openai-responses/codec.ts";
import { run } from "../../../src/wire/machine.ts";
import {
  anthropic,
  call,
  closed,
  customTool,
  delta,
  exchange,
  failed,
  finish,
  google,
  image,
  base64,
  openai,
  opened,
  reasoning,
  reply,
  started,
  text,
  tool,
} from "../../support/canonical.ts";

function asked(request: Partial<CanonicalRequest> = {}): Exchange {
  return exchange({ model: "gpt-5.2", stream: true, ...request });
}

// ---- Towards a client --------------------------------------------------------------------------------------------

const USAGE = { inputTokens: 30, cacheReadTokens: 60, cacheWriteTokens: 10, outputTokens: 50, reasoningTokens: 30 };
const END = finish("end", "end_turn");

const answer = (parts: readonly Part[], ended: FinishReason): Reply =>
  reply(parts, { id: "msg_01abc", model: "claude-x", usage: USAGE, finish: ended });
function encode(parts: readonly Part[], ended: FinishReason = END, request: Partial<CanonicalRequest> = {}): Record<string, unknown> {
  return JSON.parse(openaiResponses.reply.encode(answer(parts, ended), asked(request))) as Record<string, unknown>;
}

const spoken = (index: number, ...content: object[]) => ({
  id: `msg_01abc_${index}`,
  type: "message",
  status: "completed",
  role: "assistant",
  content,
});
const outputText = (words: string) => ({ type: "output_text", text: words, annotations: [], logprobs: [] });

const OUTPUTS: readonly { what: string; parts: readonly Part[]; request?: Partial<CanonicalRequest>; output: readonly object[] }[] = [
  {
    what: "texts in a row share a message",
    parts: [text("a"), text("b"), { type: "refusal", text: "No." }],
    output: [spoken(0, outputText("a"), outputText("b"), { type: "refusal", refusal: "No." })],
  },
  {
    what: "reasoning, text and calls in their order",
    parts: [reasoning("Hm.", { proof: openai("gAAA") }), text("a"), call("c1", "f", '{"n":12345678901234567890}'), text("b")],
    output: [
      { id: "rs_01abc_0", type: "reasoning", summary: [{ type: "summary_text", text: "Hm." }], encrypted_content: "gAAA" },
      spoken(1, outputText("a")),
      { id: "fc_01abc_2", type: "function_call", status: "completed", call_id: "c1", name: "f", arguments: '{"n":12345678901234567890}' },
      spoken(3, outputText("b")),
    ],
  },
  {
    what: "hidden reasoning has an empty summary; a proof of another maker is sealed",
    parts: [reasoning("", { redacted: true, proof: anthropic("data") }), reasoning("Hm.", { proof: anthropic("sig") })],
    output: [
      { id: "rs_01abc_0", type: "reasoning", summary: [], encrypted_content: "gw1.anthropic.ZGF0YQ.redacted" },
      { id: "rs_01abc_1", type: "reasoning", summary: [{ type: "summary_text", text: "Hm." }], encrypted_content: "gw1.anthropic.c2ln" },
    ],
  },
  {
    what: "the signature of a call follows in an item of its own",
    parts: [call("c1", "f", "{}", { proof: google("signature") }), call("c2", "g", "{}")],
    output: [
      { id: "fc_01abc_0", type: "function_call", status: "completed", call_id: "c1", name: "f", arguments: "{}" },
      { id: "rs_01abc_1", type: "reasoning", summary: [], encrypted_content: "gw1.google.c2lnbmF0dXJl.previous" },
      { id: "fc_01abc_2", type: "function_call", status: "completed", call_id: "c2", name: "g", arguments: "{}" },
    ],
  },
  {
    what: "a call without arguments has an empty object",
    parts: [call("c1", "f", "")],
    output: [{ id: "fc_01abc_0", type: "function_call", status: "completed", call_id: "c1", name: "f", arguments: "{}" }],
  },
  {
    what: "an id that comes twice is made unique, one that is missing is made",
    parts: [call("c", "f", "{}"), call("c", "f", "{}"), call("", "f", "{}")],
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
    parts: [1, 2].map((last) => call(`${"c".repeat(64)}${last}`, "f", "{}")),
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
      tools: [tool("crew__wake", { namespace: "crew" }), customTool("mcp__x__log", { namespace: "mcp__x__" })],
    },
    parts: [call("c1", "crew__wake", "{}"), call("c2", "mcp__x__log", "all well", { kind: "custom" })],
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
      text("abc", {
        annotations: [{ type: "url-citation", url: "https://a.example", title: null, start: null, end: null, quote: "q" }],
      }),
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
    parts: [{ type: "opaque", protocol: "anthropic-messages", name: "server_tool_use", value: "{}", severity: "reported" }, text("a")],
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
    parts: [image(base64("image/png", "AAAA"))],
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
  { what: "an unknown end", finish: { kind: "other" }, status: "incomplete", reason: "max_output_tokens", item: "incomplete" },
];

for (const { what, finish: ended, status, reason, item } of ENDS) {
  test(`encode: ${what}`, () => {
    const parts = [text("a"), call("c", "f", '{"a')];
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
  const filtered = finish("filtered", "refusal", { explanation: "Not that." });
  const response = encode([text("a")], filtered);
  assert.deepEqual(response["output"], [
    { ...spoken(0, outputText("a")), status: "incomplete" },
    { ...spoken(1, { type: "refusal", refusal: "Not that." }), status: "incomplete" },
  ]);
  assertStrict(streamed([text("a")], filtered), response);
  const own = encode([{ type: "refusal", text: "No." }], filtered)["output"];
  assert.deepEqual(own, [{ ...spoken(0, { type: "refusal", refusal: "No." }), status: "incomplete" }]);
});

test("encode: the response, with the client's own values and the sums of usage", () => {
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
  assert.deepEqual(encode([text("Hi")], END, request), {
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
    const nameless = reply([text("a")], { id: upstream, model: "", finish: END });
    const body = JSON.parse(openaiResponses.reply.encode(nameless, asked())) as { id: string; model: string; output: { id: string }[] };
    assert.deepEqual([body.id, body.model, body.output[0]?.id], [response, "gpt-5.2", item]);
    assert.ok((body.output[0]?.id.length ?? 0) <= 64);
  });
}

// ---- The strict grammar ------------------------------------------------------------------------------------------

type WireEvent = Record<string, unknown> & { readonly type: string };

function streamed(parts: readonly Part[], ended: FinishReason, request: Partial<CanonicalRequest> = {}): WireEvent[] {
  const events = run(openaiResponses.reply.encoder(asked(request)), unfold(answer(parts, ended)));
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
  assert.deepEqual(last?.["response"], whole, "the last event holds what a non-streaming answer would say");
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
  const events = streamed([reasoning("Hm."), text("a"), call("c", "f", "{}")], END);
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
  const encoder = openaiResponses.reply.encoder(asked());
  const events = run(encoder, [started("r"), opened(0, text()), delta(0, "a"), failed("overloaded", "Too busy.")]).map(
    ({ event, data }) => [event, JSON.parse(data)] as const,
  );
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
  const last = events[6]?.[1] as { response: Record<string, unknown> } | undefined;
  const { status, error: failure, output } = last?.response ?? {};
  assert.deepEqual({ status, failure, output }, { status: "failed", failure: { code: "server_error", message: "Too busy." }, output: [] });
});

test("encoder: an error before anything else still tells a response that failed", () => {
  const events = run(openaiResponses.reply.encoder(asked()), [failed("rate-limited", "Slow.")]);
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
  const events = run(openaiResponses.reply.encoder(asked()), [
    started("r"),
    opened(0, text()),
    { type: "annotation", index: 0, annotation: citation("https://a.example", null) },
    { type: "annotation", index: 0, annotation: citation("https://b.example", 1) },
    delta(0, "abc"),
    closed(0),
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
    const error = failed(kind, "M", code === undefined ? {} : { code });
    const last = run(openaiResponses.reply.encoder(asked()), [error]).at(-1);
    assert.deepEqual((JSON.parse(last?.data ?? "{}") as { response: { error: object } }).response.error, { code: expected, message: "M" });
  });
}

test("encode and decode: what a client is sent says what the upstream said", () => {
  const parts: Part[] = [reasoning("Hm.", { proof: google("s") }), text("a"), call("c", "f", "{}")];
  const whole = reply(parts, { id: "resp_1", usage: USAGE, finish: finish("tool-calls", "completed") });
  const events = run(openaiResponses.reply.encoder(asked()), unfold(whole));
  assert.deepEqual(fold(run(openaiResponses.reply.decoder(asked()), events)), whole);
});
