// Passthrough: between a client and an upstream of the same protocol every byte stays as it is, but for the named edits of the request.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { ask, eventsIn, MODELS } from "../support/dialects.ts";
import { PROTOCOLS } from "../support/fixtures.ts";
import { startGateways } from "../support/gateway.ts";
import { complete } from "../support/reply-content.ts";
import { encodeReply } from "../support/wire-reply.ts";
import type { Answer } from "../support/upstream.ts";

const PROMPT = "You are Droid, an AI software engineering agent built by Factory.";
const { upstream, gatewayWith } = await startGateways();
const gateway = await gatewayWith({});
const bare = await gatewayWith({ SYSTEM_PROMPT: "" });

const PATHS: Readonly<Record<ProtocolId, string>> = {
  "openai-chat": "/api/llm/o/v1/chat/completions",
  "openai-responses": "/api/llm/o/v1/responses",
  "anthropic-messages": "/api/llm/a/v1/messages",
  gemini: "/api/llm/g/v1/generate",
};
/** White space, numbers, keys, escapes and members as nobody would print them again; all of it valid. */
const ODD: Readonly<Record<ProtocolId, string>> = {
  "openai-chat": String.raw`  {
	"zeta" : 12345678901234567890 , "model":"MODEL",
  "messages" : [ {"content":"caf\u00e9 \/ \ud83d\ude00 é", "role" : "user", "x_unknown": [ 1.0, 1e2, -0, 0.10 ]} ],
  "temperature":1.0,"max_tokens" : 64, "tools": [{"type":"function","function":{"parameters":{"type":"object", "properties":{"b":{"const":9007199254740993},"a":{}}},"name":"f"}}],
  "a_new_field" : {"b":1,  "a": [ ] } , "": null } `,
  "openai-responses": String.raw`{"input":[{"role":"user","content":"caf\u00e9 \/ \ud83d\ude00"}]  , "z":9007199254740993,
"model" : "MODEL" , "text":{"new_thing":1.50}, "client_metadata" : {"b":"2","a":"1"}, "store":false,"include":["reasoning.encrypted_content"]}
`,
  "anthropic-messages": String.raw`{ "max_tokens" : 1e2,"model":"MODEL"   ,
    "messages":[{"role":"user","content":[{"type":"text","text":"caf\u00e9 \/","cache_control":{"ttl":"1h","type":"ephemeral"}},{ "type":"future_block", "n":12345678901234567890 }]}],
  "metadata":{"user_id":"u"}, "context_management" : { "edits" : [ ] }}`,
  gemini: String.raw`{"contents" :[{"parts":[{"text":"caf\u00e9 \/ \ud83d\ude00"},{"futurePart":{"n":9007199254740993}}],"role":"user"}] , "model":"MODEL",
  "generationConfig" : { "temperature":1.0, "futureSetting" : -0 } , "stream":SWITCH }`,
};
const PASS_PATHS: Readonly<Record<ProtocolId, readonly string[]>> = {
  "openai-chat": ["/v1/chat/completions", "/glm", "/openai/v1/chat/completions"],
  "openai-responses": ["/v1/responses", "/gpt", "/openai/v1/responses"],
  "anthropic-messages": ["/v1/messages", "/v1/messages?beta=true", "/anthropic", "/anthropic/v1/messages", "/bedrock/v1/messages"],
  gemini: [
    "/v1beta/models/MODEL:generateContent",
    "/v1/models/MODEL:generateContent",
    "/v1beta/models/MODEL:streamGenerateContent?alt=sse",
  ],
};
const oddBody = (protocol: ProtocolId, path: string, model: string): string =>
  ODD[protocol].replace("MODEL", model).replace("SWITCH", String(path.includes(":stream")));

for (const protocol of PROTOCOLS) {
  for (const path of PASS_PATHS[protocol]) {
    test(`every byte of a request reaches an upstream of the same protocol: ${path}`, async () => {
      upstream.script([path.includes(":stream") ? { say: { text: "Hi" } } : { body: "{}" }]);
      const body = oddBody(protocol, path, MODELS[protocol]);
      const response = await bare.call(path.replace("MODEL", MODELS[protocol]), { body });
      assert.equal(response.status, 200, await response.text());
      assert.equal(bare.lastSeen().body, body);
      assert.equal(bare.lastSeen().path, protocol === "gemini" ? PATHS.gemini : PATHS[protocol]);
    });
  }

  test(`${protocol}: the system prompt is put in, and nothing else changes`, async () => {
    const path = PASS_PATHS[protocol][0] ?? "";
    upstream.script([{ body: "{}" }]);
    const body = oddBody(protocol, path, MODELS[protocol]);
    await (await gateway.call(path.replace("MODEL", MODELS[protocol]), { body })).text();
    const sent = gateway.lastSeen().body;
    const inserted = insertionIn(body, sent);
    assert.ok(inserted.includes(JSON.stringify(PROMPT).slice(1, -1)), inserted);
    assert.doesNotThrow(() => JSON.parse(sent) as unknown);
  });
}

/** What was put into a text at one place; fails when anything else changed. */
function insertionIn(before: string, now: string): string {
  let head = 0;
  while (head < before.length && before[head] === now[head]) head++;
  const tail = before.length - head;
  assert.equal(now.slice(now.length - tail), before.slice(head), "something besides the insertion changed");
  return now.slice(head, now.length - tail);
}

test("an alias is spliced in, and nothing else changes", async () => {
  for (const [protocol, alias, id] of [
    ["openai-responses", "gpt-5", "gpt-5-2025-08-07"],
    ["anthropic-messages", "claude-sonnet-4-5", "claude-sonnet-4-5-20250929"],
  ] as const) {
    upstream.script([{ body: "{}" }]);
    const path = PASS_PATHS[protocol][0] ?? "";
    await (await bare.call(path, { body: oddBody(protocol, path, alias) })).text();
    assert.equal(bare.lastSeen().body, oddBody(protocol, path, id));
  }
});

const ODD_ANSWERS: Readonly<Record<ProtocolId, string>> = {
  "openai-chat": String.raw`{ "choices":[{"index":0, "message":{"content":"caf\u00e9","role":"assistant","new":[1.0]},"finish_reason":"stop"}],"z":9007199254740993 }  `,
  "openai-responses": String.raw`{"output" : [ {"type":"future_item","id":"x"} ], "status":"completed", "n":1e2,"id":"resp_1"}`,
  "anthropic-messages": String.raw`{"type":"message","role":"assistant","content":[{"type":"future_block","n":12345678901234567890}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":2} }`,
  gemini: String.raw`{"candidates":[{"content":{"parts":[{"future":1.0}],"role":"model"},"finishReason":"STOP"}]}`,
};
const GOOD_EVENTS: Readonly<Record<ProtocolId, readonly string[]>> = {
  "openai-chat": [
    'data: {"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":"Hi"},"finish_reason":null}]}',
    'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}',
    "data: [DONE]",
  ],
  "openai-responses": [
    'event: response.created\ndata: {"type":"response.created","sequence_number":0,"response":{"id":"r","status":"in_progress","output":[]}}',
    'event: response.completed\ndata: {"type":"response.completed","sequence_number":9,"response":{"id":"r","status":"completed","output":[]}}',
  ],
  "anthropic-messages": [
    'event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":"message","role":"assistant","content":[],"model":"x","usage":{"input_tokens":1,"output_tokens":1}}}',
    'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}',
    'event: message_stop\ndata: {"type":"message_stop"            }',
  ],
  gemini: [
    'data: {"candidates":[{"content":{"parts":[{"text":"Hi"}]}}]}',
    'data: {"candidates":[{"content":{"parts":[{"text":""}]},"finishReason":"STOP"}]}',
  ],
};
/** What no client has seen yet stands between the first event and the rest. */
const UNKNOWN = [
  ": a comment",
  'event: future_event\nid: 7\nretry: 10\ndata: { "n" :\ndata: 9007199254740993 }',
  'data:{"type":"of_the_future","new":[1.0]}',
];

for (const protocol of PROTOCOLS) {
  test(`${protocol}: every byte of a whole answer comes back as it came`, async () => {
    upstream.script([{ body: ODD_ANSWERS[protocol], headers: { "content-type": "application/json; odd=1" } }]);
    const { path, body } = ask(protocol, { model: MODELS[protocol] });
    const response = await gateway.call(path, { body });
    assert.equal(await response.text(), ODD_ANSWERS[protocol]);
    assert.equal(response.headers.get("content-type"), "application/json; odd=1");
  });

  for (const [what, end] of [
    ["LF", "\n"],
    ["CRLF", "\r\n"],
    ["CR", "\r"],
  ] as const) {
    test(`${protocol}: every byte of a stream comes back as it came, lines ending in ${what}`, async () => {
      const [first = "", ...rest] = GOOD_EVENTS[protocol];
      const events = [first, ...UNKNOWN, ...rest].map((event) => `${event}\n\n`.replaceAll("\n", end));
      const { path, body } = ask(protocol, { model: MODELS[protocol], stream: true });
      for (const answer of [{ events }, { events, byteByByte: true }, { events: [events.join("")] }] satisfies Answer[]) {
        upstream.script([answer]);
        const response = await gateway.call(path, { body });
        assert.equal(await response.text(), events.join(""));
        assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
        assert.equal((await gateway.lineOf(response))["error"], undefined);
      }
    });
  }
}

/** Up to 64 KiB an answer is read before its head goes out, and up to 1 MiB it is kept; of a longer one, only an excerpt is. */
for (const [size, length] of [
  ["short", 1_000],
  ["long", 200_000],
  ["very long", 2_000_000],
] as const) {
  for (const protocol of PROTOCOLS) {
    test(`${protocol}: a ${size} whole answer that is cut off, though its framing is right, does not look finished`, async () => {
      const text = "words of an answer, ".repeat(length / 20);
      const { whole } = encodeReply(protocol, complete({ model: MODELS[protocol], text }), { serial: 1, includeUsage: true });
      for (const cutLength of [whole.length - 1, whole.length / 2]) {
        const head = Promise.withResolvers<void>();
        if (size === "short") head.resolve();
        const begunLength = size === "short" ? 100 : 90_000;
        const events = [whole.slice(0, begunLength), whole.slice(begunLength, cutLength)];
        upstream.script([{ events, headers: { "content-type": "application/json" }, hold: { afterEvents: 1, until: head.promise } }]);
        const { path, body } = ask(protocol, { model: MODELS[protocol] });
        const response = await gateway.call(path, { body });
        head.resolve();
        const end = await response.text().then(
          () => response.status,
          () => "broken off",
        );
        const { error } = await gateway.lineOf(response);
        assert.deepEqual({ end, error }, { end: size === "short" ? 502 : "broken off", error: "upstream-failed" });
      }
    });
  }
}

test("a byte order mark and a last event without its blank line do not make an answer incomplete", async () => {
  const [first = "", ...rest] = GOOD_EVENTS["anthropic-messages"];
  const stream = `\ufeff${[first, ...rest].join("\n\n")}`;
  upstream.script([{ events: [stream] }]);
  const { path, body } = ask("anthropic-messages", { model: MODELS["anthropic-messages"], stream: true });
  const response = await gateway.call(path, { body });
  assert.equal(new TextDecoder("utf-8", { ignoreBOM: true }).decode(await response.arrayBuffer()), `${stream}\n\n`);
  assert.equal((await gateway.lineOf(response))["error"], undefined);
});

for (const reason of [
  "MALFORMED_FUNCTION_CALL",
  "UNEXPECTED_TOOL_CALL",
  "TOO_MANY_TOOL_CALLS",
  "MALFORMED_RESPONSE",
  "OTHER",
  "NEW_REASON",
]) {
  test(`a Gemini stream that ends with ${reason} is complete: nothing is appended`, async () => {
    const events = [`data: {"candidates":[{"finishReason":"${reason}","index":0}],"modelVersion":"gemini-2.5-pro"}\n\n`];
    const { path, body } = ask("gemini", { model: MODELS.gemini, stream: true });
    for (const answer of [{ events }, { events, byteByByte: true }] satisfies Answer[]) {
      upstream.script([answer]);
      const response = await gateway.call(path, { body });
      assert.equal(await response.text(), events.join(""));
      assert.equal((await gateway.lineOf(response))["status"], 200);
    }
  });
}

test("a count of tokens passes as it is, and is no usage in the log, be it short or long", async () => {
  const { body } = ask("anthropic-messages", { model: MODELS["anthropic-messages"] });
  for (const padding of [0, 200_000]) {
    const text = `{"input_tokens": 14${" ".repeat(padding)}}`;
    upstream.script([{ events: [text.slice(0, 10), text.slice(10)], headers: { "content-type": "application/json" } }]);
    const response = await gateway.call("/v1/messages/count_tokens", { body });
    assert.equal(await response.text(), text);
    const { level, status, error, finish, inputTokens, outputTokens } = await gateway.lineOf(response);
    assert.deepEqual(
      { level, status, error, finish, inputTokens, outputTokens },
      { level: "info", status: 200, error: undefined, finish: null, inputTokens: undefined, outputTokens: undefined },
    );
  }
});

for (const protocol of PROTOCOLS) {
  test(`${protocol}: comments and blank lines between and behind events hide no end of a passed stream, and nothing follows it`, async () => {
    const model = MODELS[protocol];
    const stream = encodeReply(protocol, complete({ model, text: "One two three" }), { serial: 1, includeUsage: true }).events.join("");
    const bodies = [
      stream + ": wait\n\n".repeat(9),
      (stream + ": wait\n\n".repeat(9)).replaceAll("\n", "\r\n"),
      stream.replaceAll("\n\n", "\n\n: a\n\n: b\n\n"),
      stream.replaceAll("\n\n", "\n\nid: 1\n\nretry: 5\n\n"),
      stream.replaceAll("\n\n", "\n".repeat(8)),
      stream + "\n".repeat(12),
    ];
    for (const body of bodies) {
      for (const byteByByte of [false, true]) {
        upstream.script(() => ({ body, byteByByte, headers: { "content-type": "text/event-stream" } }));
        const asked = ask(protocol, { model, stream: true });
        const response = await gateway.call(asked.path, { body: asked.body });
        assert.equal(await response.text(), body);
        const { error, outputTokens } = await gateway.lineOf(response);
        assert.deepEqual([error, typeof outputTokens], [undefined, "number"], body);
      }
    }
  });
}

test("a Responses stream that is cut off fails the response that it began, with its id and the next numbers: Codex reads no other end", async () => {
  const model = MODELS["openai-responses"];
  const { events } = encodeReply("openai-responses", complete({ model, text: "One two" }), { serial: 1, includeUsage: true });
  const { path, body } = ask("openai-responses", { model, stream: true });
  for (const count of [1, 5]) {
    upstream.script([{ events, cut: { after: { events: count }, how: "end" } }]);
    const passed = events.slice(0, count);
    const stream = await (await gateway.call(path, { body })).text();
    assert.ok(stream.startsWith(passed.join("")));
    const [thrown, failed, ...more] = eventsIn(stream.slice(passed.join("").length)).map(({ event, data }) => ({
      event,
      ...objectIn(data),
    }));
    const [created] = eventsIn(passed.join("")).map(({ data }) => objectIn(data));
    const message = "The upstream ended the stream before the answer was complete.";
    const said = { type: "server_error", code: "upstream_truncated", message, param: null };
    assert.deepEqual([thrown, more], [{ ...said, event: "error", type: "error", sequence_number: count, error: said }, []]);
    assert.deepEqual(failed, {
      event: "response.failed",
      type: "response.failed",
      sequence_number: count + 1,
      response: { ...objectIn(JSON.stringify(created?.["response"])), status: "failed", error: { code: "server_error", message } },
    });
  }
});

test("a Responses stream that begins with no response is ended by the error alone", async () => {
  upstream.script([{ events: ['event: keepalive\ndata: {"type":"keepalive","sequence_number":6}\n\n'] }]);
  const { path, body } = ask("openai-responses", { model: MODELS["openai-responses"], stream: true });
  const events = eventsIn(await (await gateway.call(path, { body })).text());
  assert.deepEqual(
    events.map(({ data }) => objectIn(data)).map(({ type, sequence_number }) => [type, sequence_number]),
    [
      ["keepalive", 6],
      ["error", 7],
    ],
  );
});

function objectIn(json: string): Readonly<Record<string, unknown>> {
  return JSON.parse(json) as Record<string, unknown>;
}
