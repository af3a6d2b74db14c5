// The scripted upstream itself, which the other tests depend on.
// The official clients talk to it directly, so that its answers are known to be what they accept from the real providers.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { PROTOCOLS } from "./fixtures.ts";
import { until } from "./gateway.ts";
import { CLOSED, startUpstream, type Answer } from "./upstream.ts";
import type { ProtocolId } from "../../src/protocol/canonical.ts";

const KEY = "fk-fake-upstream-key";
const upstream = await startUpstream({ key: KEY });
after(() => upstream.stop());

const openai = new OpenAI({ apiKey: KEY, baseURL: `${upstream.url}/api/llm/o/v1`, maxRetries: 0 });
const anthropic = new Anthropic({ authToken: KEY, baseURL: `${upstream.url}/api/llm/a`, maxRetries: 0 });

const PATHS: Readonly<Record<ProtocolId, string>> = {
  "openai-chat": "/api/llm/o/v1/chat/completions",
  "openai-responses": "/api/llm/o/v1/responses",
  "anthropic-messages": "/api/llm/a/v1/messages",
  gemini: "/api/llm/g/v1/generate",
};

const user = (text: string): { role: "user"; content: string } => ({ role: "user", content: text });

const HELLO: Readonly<Record<ProtocolId, object>> = {
  "openai-chat": { model: "glm-5", messages: [user("Hello there")] },
  "openai-responses": { model: "gpt-5.5", input: "Hello there" },
  "anthropic-messages": { model: "claude-opus-4-8", max_tokens: 100, messages: [user("Hello there")] },
  gemini: { model: "gemini-2.5-pro", contents: [{ role: "user", parts: [{ text: "Hello there" }] }] },
};

function post(
  protocol: ProtocolId,
  options: { stream?: boolean; body?: object; key?: string; signal?: AbortSignal } = {},
): Promise<Response> {
  return fetch(upstream.url + PATHS[protocol], {
    method: "POST",
    headers: { authorization: `Bearer ${options.key ?? KEY}`, "anthropic-version": "2023-06-01", "content-type": "application/json" },
    body: JSON.stringify({ ...(options.body ?? HELLO[protocol]), stream: options.stream ?? false }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
}

const SCHEMA = { type: "object", properties: { city: { type: "string" }, days: { type: "integer" } }, required: ["city"] };

test("the official openai client chats: whole, streamed, tools in parallel, a tool's result", async () => {
  const whole = await openai.chat.completions.create({ model: "glm-5", messages: [user("Hello there")] });
  assert.equal(whole.choices[0]?.message.content, "You said: Hello there");
  const streamed = await openai.chat.completions
    .stream({ model: "glm-5", messages: [user("Hello there")], stream_options: { include_usage: true } })
    .finalChatCompletion();
  assert.equal(streamed.choices[0]?.message.content, "You said: Hello there");
  assert.equal(streamed.usage?.completion_tokens, 4);
  const tools = ["look", "listen"].map((name) => ({ type: "function" as const, function: { name, parameters: SCHEMA } }));
  const called = await openai.chat.completions.stream({ model: "glm-5", messages: [user("Do both")], tools }).finalChatCompletion();
  const calls = called.choices[0]?.message.tool_calls ?? [];
  assert.deepEqual(
    calls.map((call) => call.type === "function" && [call.function.name, call.function.arguments]),
    [
      ["look", '{"city":"Paris","days":7}'],
      ["listen", '{"city":"Paris","days":7}'],
    ],
  );
  const read = await openai.chat.completions.create({
    model: "glm-5",
    tools,
    messages: [
      user("Do both"),
      { role: "assistant", content: null, tool_calls: calls },
      ...calls.map((call, index) => ({ role: "tool" as const, tool_call_id: call.id, content: `result ${index}` })),
    ],
  });
  assert.equal(read.choices[0]?.message.content, "The tool says: result 0; result 1");
});

test("the official openai client asks for responses: whole, streamed, reasoning, tools, schema", async () => {
  const whole = await openai.responses.create({ model: "gpt-5.5", input: "Hello there" });
  assert.equal(whole.output_text, "You said: Hello there");
  const asked = { model: "gpt-5.5", input: "Hello there", reasoning: { effort: "low" as const } };
  const streamed = await openai.responses.stream(asked).finalResponse();
  assert.equal(streamed.output_text, "You said: Hello there");
  assert.deepEqual(
    streamed.output.map((item) => item.type),
    ["reasoning", "message"],
  );
  const tools = [
    { type: "function" as const, name: "look", parameters: SCHEMA, strict: false },
    { type: "custom" as const, name: "patch" },
  ];
  const called = await openai.responses.stream({ model: "gpt-5.5", input: "Do both", tools }).finalResponse();
  assert.deepEqual(
    called.output.map((item) =>
      item.type === "function_call" ? item.arguments : item.type === "custom_tool_call" ? item.input : item.type,
    ),
    ['{"city":"Paris","days":7}', "free text for patch"],
  );
  const format = { type: "json_schema" as const, name: "trip", schema: SCHEMA };
  const json = await openai.responses.create({ model: "gpt-5.5", input: "Where?", text: { format } });
  assert.equal(json.output_text, '{"city":"Paris","days":7}');
});

test("the official Anthropic client: whole, streamed, thinking, tools, stop sequence, length", async () => {
  const base = { model: "claude-opus-4-8", max_tokens: 2000, messages: [user("Hello there")] };
  const whole = await anthropic.messages.create(base);
  assert.deepEqual(whole.content, [{ type: "text", text: "You said: Hello there" }]);
  const streamed = await anthropic.messages.stream({ ...base, thinking: { type: "enabled", budget_tokens: 1024 } }).finalMessage();
  assert.deepEqual(
    streamed.content.map((block) => block.type),
    ["thinking", "text"],
  );
  const tools = [{ name: "look", input_schema: { ...SCHEMA, type: "object" as const } }];
  const called = await anthropic.messages.stream({ ...base, tools }).finalMessage();
  const call = called.content.find((block) => block.type === "tool_use");
  assert.deepEqual([call?.name, call?.input, called.stop_reason], ["look", { city: "Paris", days: 7 }, "tool_use"]);
  const stopped = await anthropic.messages.create({ ...base, stop_sequences: ["there"] });
  assert.deepEqual([stopped.content[0]?.type === "text" && stopped.content[0].text, stopped.stop_sequence], ["You said: Hello ", "there"]);
  const short = await anthropic.messages.create({ ...base, max_tokens: 2 });
  assert.equal(short.stop_reason, "max_tokens");
  const count = await anthropic.messages.countTokens({ model: base.model, messages: base.messages });
  assert.ok(count.input_tokens > 10);
});

test("Gemini answers whole and as events", async () => {
  const whole = (await (await post("gemini")).json()) as { candidates: [{ content: { parts: object[] } }] };
  assert.deepEqual(whole.candidates[0].content.parts, [{ text: "You said: Hello there" }]);
  const streamed = await (await post("gemini", { stream: true })).text();
  const texts = [...streamed.matchAll(/"text":"([^"]*)"/g)].map((match) => match[1]);
  assert.equal(texts.join(""), "You said: Hello there");
  assert.match(streamed, /"finishReason":"STOP"/);
});

const ODD: readonly { readonly what: string; readonly protocol: ProtocolId; readonly body: object; readonly says: RegExp }[] = [
  {
    what: "no max_tokens",
    protocol: "anthropic-messages",
    body: { model: "m", messages: [user("x")] },
    says: /max_tokens: Field required/,
  },
  {
    what: "the assistant first",
    protocol: "anthropic-messages",
    body: { model: "m", max_tokens: 9, messages: [{ role: "assistant", content: "x" }] },
    says: /first message must use the \\"user\\" role/,
  },
  {
    what: "a result without its call",
    protocol: "anthropic-messages",
    body: { model: "m", max_tokens: 9, messages: [{ role: "user", content: [{ type: "tool_result", tool_use_id: "t" }] }] },
    says: /unexpected `tool_use_id`/,
  },
  {
    what: "a foreign signature",
    protocol: "anthropic-messages",
    body: {
      model: "claude-opus-4-5",
      max_tokens: 9,
      messages: [user("x"), { role: "assistant", content: [{ type: "thinking", thinking: "t", signature: "proof-of-openai-1" }] }],
    },
    says: /Invalid `signature`/,
  },
  {
    what: "a call that is not answered",
    protocol: "openai-chat",
    body: {
      model: "m",
      messages: [
        { role: "assistant", content: null, tool_calls: [{ id: "c", type: "function", function: { name: "n", arguments: "{}" } }] },
        user("x"),
      ],
    },
    says: /must be followed by tool messages/,
  },
  {
    what: "a member of another protocol",
    protocol: "openai-chat",
    body: { model: "m", messages: [user("x")], thinking: {} },
    says: /Unknown parameter: 'thinking'/,
  },
  { what: "no tools in the list", protocol: "openai-responses", body: { model: "m", input: "x", tools: [] }, says: /empty array/ },
  {
    what: "a call id that is too long",
    protocol: "openai-responses",
    body: { model: "m", input: [{ type: "function_call", call_id: "c".repeat(65), name: "n", arguments: "{}" }] },
    says: /call_id/,
  },
  {
    what: "the model last",
    protocol: "gemini",
    body: { model: "m", contents: [{ role: "model", parts: [{ text: "x" }] }] },
    says: /end with a user role/,
  },
  {
    what: "an empty part",
    protocol: "gemini",
    body: { model: "m", contents: [{ role: "user", parts: [{}] }] },
    says: /required oneof field/,
  },
];

for (const { what, protocol, body, says } of ODD) {
  test(`${protocol} refuses ${what}`, async () => {
    const response = await post(protocol, { body });
    assert.equal(response.status, 400);
    assert.match(await response.text(), says);
  });
}

for (const protocol of PROTOCOLS) {
  test(`${protocol}: a wrong key is 401 in the provider's shape`, async () => {
    const response = await post(protocol, { key: "fk-other" });
    assert.equal(response.status, 401);
    assert.match(await response.text(), /Incorrect API key provided/);
  });

  test(`${protocol}: an error in the middle ends a stream`, async () => {
    upstream.script([{ fail: { afterEvents: 2, message: "Overloaded, sorry." } }]);
    const text = await (await post(protocol, { stream: true })).text();
    assert.match(text, /Overloaded, sorry\.[^\n]*\n\n$/);
  });
}

const FAULTS: readonly { readonly what: string; readonly answer: Answer; readonly expected: string }[] = [
  {
    what: "a cut that looks like an end",
    answer: { events: ["a", "b", "c"], cut: { after: { events: 2 }, how: "end" } },
    expected: "200 ab",
  },
  { what: "a cut inside of an event", answer: { events: ["abc", "def"], cut: { after: { bytes: 4 }, how: "end" } }, expected: "200 abcd" },
  { what: "one byte at a time", answer: { body: "a\u00e9z", byteByByte: true }, expected: "200 a\u00e9z" },
  { what: "a compressed body", answer: { body: "squeezed", gzip: true }, expected: "200 squeezed" },
  { what: "an HTML page", answer: { status: 502, body: "<html>", headers: { "content-type": "text/html" } }, expected: "502 <html>" },
  { what: "nothing", answer: { status: 500, body: "" }, expected: "500 " },
  { what: "a pause before each event", answer: { events: ["a", "b"], delayMs: 5 }, expected: "200 ab" },
];

for (const { what, answer, expected } of FAULTS) {
  test(`a script answers with ${what}`, async () => {
    upstream.script([answer]);
    const response = await post("openai-chat");
    assert.equal(`${response.status} ${await response.text()}`, expected);
  });
}

test("a scripted error keeps its status, its headers and the provider's shape", async () => {
  upstream.script([{ error: { status: 429, message: "Slow down." }, headers: { "retry-after": "7" } }]);
  const response = await post("anthropic-messages");
  assert.equal(response.headers.get("retry-after"), "7");
  assert.deepEqual(await response.json(), {
    type: "error",
    error: { type: "rate_limit_error", message: "Slow down." },
    request_id: "req_scripted",
  });
});

test("a broken connection is an error for the client, not an end", async () => {
  let hasRead = (): void => {};
  const read = new Promise<void>((resolve) => (hasRead = resolve));
  upstream.script([{ events: ["a", "b", "c"], hold: { afterEvents: 1, until: read }, cut: { after: { events: 2 }, how: "destroy" } }]);
  const response = await post("openai-chat");
  hasRead();
  await assert.rejects(response.text());
});

for (const hang of ["before-head", "after-head", { afterEvents: 1 }] as const) {
  test(`the upstream notices that the client left: ${JSON.stringify(hang)}`, async () => {
    upstream.script([{ hang }]);
    const before = upstream.requests.length;
    const abort = new AbortController();
    const left = post("openai-chat", { stream: true, signal: abort.signal }).then((response) => response.text());
    await until(() => upstream.requests.length > before, "the upstream to be asked");
    const seen = upstream.requests[before];
    if (typeof hang === "object") await until(() => seen?.written === 1, "the first event");
    await until(() => upstream.openConnections() === 1, "the answers before to be over");
    assert.equal(seen?.leftAtMs, null);
    abort.abort();
    await assert.rejects(left);
    await seen?.done;
    assert.equal(typeof seen?.leftAtMs, "number");
    await until(() => upstream.openConnections() === 0, "the answer to be over");
  });
}

test("what the upstream got is there to be looked at, byte for byte", async () => {
  const before = upstream.requests.length;
  await (await post("openai-chat", { body: { model: "glm-5", messages: [user("\u00fc\u{1f600}")] } })).text();
  const seen = upstream.requests[before];
  assert.deepEqual(
    [seen?.method, seen?.path, seen?.headers["authorization"], seen?.body],
    ["POST", PATHS["openai-chat"], `Bearer ${KEY}`, JSON.stringify({ model: "glm-5", messages: [user("\u00fc\u{1f600}")], stream: false })],
  );
});

test("nobody listens on a closed port", async () => {
  await assert.rejects(fetch(CLOSED));
});
