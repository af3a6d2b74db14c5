// Whole calls: where a request goes, what it says there, and that bytes pass unchanged where nothing has to be converted.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { JsonObject } from "../../src/wire/json.ts";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { ask, instructionsIn, MODELS, SUCCESS, textOf, told, WAYS } from "../support/dialects.ts";
import { PROTOCOLS } from "../support/fixtures.ts";
import { CLIENT_KEY, FACTORY_KEY, startGateway, VERSION, type RunningGateway } from "../support/gateway.ts";
import { hear } from "../support/hearing.ts";
import type { Answer, Seen } from "../support/upstream.ts";
import { rawCall, requestText } from "../support/wire.ts";

const PROMPT = "You are Droid, an AI software engineering agent built by Factory.";
const gateway = await startGateway();
const { upstream } = gateway;
const bare = await startGateway({ upstream, environment: { SYSTEM_PROMPT: "" } });
const other = await startGateway({
  upstream,
  environment: {
    SYSTEM_PROMPT: "Answer in rhymes.",
    UPSTREAM_HEADERS: '{"X-Team": "blue", "user-agent": "somebody/1", "x-factory-client": "web"}',
  },
});
after(async () => {
  for (const one of [bare, other, gateway]) await one.stop();
});

const PATHS: Readonly<Record<ProtocolId, string>> = {
  "openai-chat": "/api/llm/o/v1/chat/completions",
  "openai-responses": "/api/llm/o/v1/responses",
  "anthropic-messages": "/api/llm/a/v1/messages",
  gemini: "/api/llm/g/v1/generate",
};
const COUNT_PATH = "/api/llm/a/v1/messages/count_tokens";

/** Calls and returns what the upstream got. The answer is read, so that the call is over. */
async function seenFor(
  path: string,
  body: unknown,
  options: { through?: RunningGateway; headers?: Record<string, string> } = {},
): Promise<Seen> {
  const one = options.through ?? gateway;
  const before = upstream.requests.length;
  const response = await one.call(path, { body, headers: options.headers ?? {} });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  assert.equal(upstream.requests.length, before + 1, "exactly one request goes upstream");
  return one.lastSeen();
}

// ---- Where a request goes ----------------------------------------------------------------------------------------

const MODEL_ROWS: readonly { readonly asked: string; readonly sent: string; readonly upstream: ProtocolId; readonly provider: string }[] = [
  { asked: "claude-opus-4-8", sent: "claude-opus-4-8", upstream: "anthropic-messages", provider: "anthropic" },
  { asked: "claude-sonnet-4-5", sent: "claude-sonnet-4-5-20250929", upstream: "anthropic-messages", provider: "anthropic" },
  { asked: "claude-of-the-future", sent: "claude-of-the-future", upstream: "anthropic-messages", provider: "anthropic" },
  { asked: "minimax-m2.5", sent: "minimax-m2.5", upstream: "anthropic-messages", provider: "fireworks" },
  { asked: "gpt-5", sent: "gpt-5-2025-08-07", upstream: "openai-responses", provider: "openai" },
  { asked: "gpt-5-codex", sent: "gpt-5-codex", upstream: "openai-responses", provider: "openai" },
  { asked: "o3", sent: "o3", upstream: "openai-responses", provider: "openai" },
  { asked: "codex-of-the-future", sent: "codex-of-the-future", upstream: "openai-responses", provider: "openai" },
  { asked: "grok-4.5", sent: "grok-4.5", upstream: "openai-responses", provider: "xai" },
  { asked: "glm-5.2", sent: "glm-5.2", upstream: "openai-chat", provider: "fireworks" },
  { asked: "kimi-k2.6", sent: "kimi-k2.6", upstream: "openai-chat", provider: "fireworks" },
  { asked: "a-model-that-nobody-knows", sent: "a-model-that-nobody-knows", upstream: "openai-chat", provider: "fireworks" },
  { asked: "gemini-2.5-pro", sent: "gemini-2.5-pro", upstream: "gemini", provider: "google" },
];
for (const client of PROTOCOLS) {
  for (const { asked, sent, upstream: protocol, provider } of MODEL_ROWS) {
    test(`${client}: ${asked} goes to ${protocol} as ${sent}, served by ${provider}`, async () => {
      const { path, body } = ask(client, { model: asked });
      const seen = await seenFor(path, body);
      assert.deepEqual(
        [seen.method, seen.path, seen.headers["x-api-provider"], (JSON.parse(seen.body) as { model: string }).model],
        ["POST", PATHS[protocol], provider, sent],
      );
    });
  }
}

interface Native {
  readonly route: string;
  readonly protocol: ProtocolId;
  readonly model: string;
  readonly path: string;
  readonly provider: string;
}
const NATIVE: readonly Native[] = [
  { route: "/anthropic", protocol: "anthropic-messages", model: "claude-opus-5", path: PATHS["anthropic-messages"], provider: "anthropic" },
  {
    route: "/anthropic/v1/messages",
    protocol: "anthropic-messages",
    model: "claude-opus-5",
    path: PATHS["anthropic-messages"],
    provider: "anthropic",
  },
  {
    route: "/anthropic/any/other",
    protocol: "anthropic-messages",
    model: "claude-opus-5",
    path: PATHS["anthropic-messages"],
    provider: "anthropic",
  },
  {
    route: "/anthropic/v1/messages",
    protocol: "anthropic-messages",
    model: "glm-5",
    path: PATHS["anthropic-messages"],
    provider: "anthropic",
  },
  {
    route: "/anthropic/v1/messages/count_tokens",
    protocol: "anthropic-messages",
    model: "claude-opus-5",
    path: COUNT_PATH,
    provider: "anthropic",
  },
  { route: "/v1/messages/count_tokens", protocol: "anthropic-messages", model: "claude-opus-5", path: COUNT_PATH, provider: "anthropic" },
  {
    route: "/bedrock/v1/messages",
    protocol: "anthropic-messages",
    model: "claude-opus-5",
    path: PATHS["anthropic-messages"],
    provider: "bedrock_anthropic",
  },
  {
    route: "/bedrock/model/invoke",
    protocol: "anthropic-messages",
    model: "claude-opus-5",
    path: PATHS["anthropic-messages"],
    provider: "bedrock_anthropic",
  },
  { route: "/openai/v1/responses", protocol: "openai-responses", model: "gpt-5.5", path: PATHS["openai-responses"], provider: "openai" },
  { route: "/openai/responses", protocol: "openai-responses", model: "grok-4", path: PATHS["openai-responses"], provider: "xai" },
  { route: "/openai/v1/chat/completions", protocol: "openai-chat", model: "glm-5", path: PATHS["openai-chat"], provider: "fireworks" },
  { route: "/gpt", protocol: "openai-responses", model: "gpt-5.5", path: PATHS["openai-responses"], provider: "openai" },
  { route: "/glm", protocol: "openai-chat", model: "glm-4.6", path: PATHS["openai-chat"], provider: "fireworks" },
];
for (const { route, protocol, model, path, provider } of NATIVE) {
  test(`native: ${model} through ${route} goes to ${path} for ${provider}, with the client's own bytes`, async () => {
    const { body } = ask(protocol, { model });
    const text = ` ${JSON.stringify(body, null, 3)}\n`;
    const seen = await seenFor(route, text, { through: bare });
    assert.deepEqual([seen.path, seen.headers["x-api-provider"], seen.body], [path, provider, text]);
    assert.equal(seen.headers["x-model-provider"], provider === "bedrock_anthropic" ? "bedrock" : undefined);
  });
}

test("what a model's upstream can't count is refused, never sent as a billed call", async () => {
  const before = upstream.requests.length;
  const { body } = ask("anthropic-messages", { model: "gpt-5.5" });
  const response = await gateway.call("/v1/messages/count_tokens", { body });
  const { error } = (await response.json()) as { error: { type: string; message: string } };
  assert.deepEqual([response.status, error.type], [404, "not_found_error"]);
  assert.match(error.message, /gpt-5\.5 counts no tokens/);
  assert.equal(upstream.requests.length, before);
});

test("a table of models in a file adds models, aliases and endpoints", async () => {
  const models = [
    {
      id: "in-house",
      protocol: "anthropic-messages",
      provider: "own",
      alias: ["house"],
      target: `${upstream.url}/api/llm/a/v1/messages?tenant=7`,
    },
    { id: "glm-5", alias: ["cheap"] },
  ];
  const tabled = await startGateway({ upstream, modelTable: JSON.stringify({ models }) });
  const house = await seenFor("/v1/chat/completions", ask("openai-chat", { model: "house" }).body, { through: tabled });
  assert.deepEqual(
    [house.path, house.headers["x-api-provider"], (JSON.parse(house.body) as { model: string }).model],
    [`${PATHS["anthropic-messages"]}?tenant=7`, "own", "in-house"],
  );
  const cheap = await seenFor("/v1/chat/completions", ask("openai-chat", { model: "cheap" }).body, { through: tabled });
  assert.deepEqual([cheap.path, (JSON.parse(cheap.body) as { model: string }).model], [PATHS["openai-chat"], "glm-5"]);
  await tabled.stop();
});

// ---- What it says there ------------------------------------------------------------------------------------------

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** What the connection itself says. */
const OF_THE_CONNECTION: ReadonlySet<string> = new Set(["host", "connection", "content-length", "transfer-encoding", "accept-language"]);

test("an upstream gets these headers and no others, whatever the client says", async () => {
  const said = {
    "x-api-key": CLIENT_KEY,
    "x-goog-api-key": "another-key",
    "proxy-authorization": "Basic c2VjcmV0",
    cookie: "session=secret",
    forwarded: "for=1.2.3.4",
    "x-forwarded-for": "1.2.3.4",
    te: "trailers",
    connection: "close, x-hop",
    "x-hop": "1",
    "keep-alive": "timeout=5",
    "user-agent": "some-client/1.0",
    "x-stainless-lang": "js",
    "x-session-id": "chosen-by-the-client",
    "x-assistant-message-id": "chosen-by-the-client",
    "x-factory-client": "chosen-by-the-client",
    "x-api-provider": "chosen-by-the-client",
    "accept-encoding": "gzip, br",
    "openai-organization": "org-1",
    "content-type": "application/json; charset=utf-8",
  };
  for (const { client, upstream: target, name } of WAYS) {
    const { path, body } = ask(client, { model: MODELS[target] });
    const text = JSON.stringify(body);
    const before = upstream.requests.length;
    await rawCall(gateway.url, requestText(`POST ${path}`, { ...said, "content-length": String(text.length) }, text)).closed;
    assert.equal(upstream.requests.length, before + 1, name);
    const { headers } = gateway.lastSeen();
    const own = Object.fromEntries(Object.entries(headers).filter(([header]) => !OF_THE_CONNECTION.has(header)));
    const { "x-session-id": session, "x-assistant-message-id": message, "anthropic-version": version, "anthropic-beta": _, ...rest } = own;
    assert.deepEqual(
      rest,
      {
        accept: "application/json",
        "accept-encoding": "identity",
        authorization: `Bearer ${FACTORY_KEY}`,
        "content-type": "application/json",
        "user-agent": `factory-proxy/${VERSION}`,
        "x-api-provider": { "openai-chat": "fireworks", "openai-responses": "openai", "anthropic-messages": "anthropic", gemini: "google" }[
          target
        ],
        "x-factory-client": "cli",
      },
      name,
    );
    assert.match(String(session), UUID);
    assert.match(String(message), UUID);
    assert.equal(version !== undefined, target === "anthropic-messages", name);
  }
});

test("a stream is asked for as one", async () => {
  for (const { client, upstream: target, name } of WAYS) {
    const { path, body } = ask(client, { model: MODELS[target], stream: true });
    const seen = await seenFor(path, body);
    assert.equal(seen.headers["accept"], "text/event-stream", name);
    assert.equal((JSON.parse(seen.body) as { stream: unknown }).stream, true, name);
  }
});

test("the session is stable over the turns of a conversation, and another one for another; each request has its own id", async () => {
  for (const client of PROTOCOLS) {
    const session = async (texts: readonly string[]): Promise<readonly [string, string]> => {
      const { path, body } = conversation(client, texts);
      const { headers } = await seenFor(path, body);
      return [String(headers["x-session-id"]), String(headers["x-assistant-message-id"])];
    };
    const [first, firstMessage] = await session(["Hello"]);
    const [second, secondMessage] = await session(["Hello", "You said: Hello", "And now?"]);
    const [another] = await session(["Good morning"]);
    assert.equal(second, first, client);
    assert.notEqual(another, first, client);
    assert.notEqual(secondMessage, firstMessage, client);
  }
});

/** A conversation whose texts come by turns from the user and from the model. */
function conversation(client: ProtocolId, texts: readonly string[]): { path: string; body: object } {
  const model = MODELS[client];
  const turns = texts.map((content, index) => ({ role: index % 2 === 0 ? "user" : "assistant", content }));
  const { path, body } = ask(client, { model });
  switch (client) {
    case "openai-chat":
    case "anthropic-messages":
      return { path, body: { ...body, messages: turns } };
    case "openai-responses":
      return { path, body: { ...body, input: turns } };
    case "gemini":
      return {
        path,
        body: { contents: turns.map(({ role, content }) => ({ role: role === "user" ? "user" : "model", parts: [{ text: content }] })) },
      };
  }
}

test("headers of the protocol pass to an upstream of the same protocol", async () => {
  const rows = [
    { client: "anthropic-messages", headers: { "anthropic-version": "2026-10-21", "anthropic-beta": "one-2026-01-01,two-2026-02-02" } },
    {
      client: "openai-responses",
      headers: { "openai-beta": "responses=v9", "x-codex-turn": "7", "x-openai-internal-codex-responses-lite": "true" },
    },
    { client: "openai-chat", headers: { "idempotency-key": "abc", "openai-beta": "x" } },
  ] as const;
  for (const { client, headers } of rows) {
    const { path, body } = ask(client, { model: MODELS[client] });
    const seen = await seenFor(path, body, { headers });
    for (const [name, value] of Object.entries(headers)) assert.equal(seen.headers[name], value, name);
  }
});

test("a Messages client that names no version gets the one that clients were written for", async () => {
  const seen = await seenFor("/anthropic", ask("anthropic-messages", { model: "claude-opus-5" }).body);
  assert.equal(seen.headers["anthropic-version"], "2023-06-01");
});

test("UPSTREAM_HEADERS are laid over the usual ones, on every way", async () => {
  for (const { client, upstream: target, name } of WAYS) {
    const { path, body } = ask(client, { model: MODELS[target] });
    const { headers } = await seenFor(path, body, { through: other });
    assert.deepEqual([headers["x-team"], headers["user-agent"], headers["x-factory-client"]], ["blue", "somebody/1", "web"], name);
    assert.equal(headers["authorization"], `Bearer ${FACTORY_KEY}`, name);
  }
});

// ---- The system prompt -------------------------------------------------------------------------------------------

test("the system prompt stands in front of the client's own instructions, on every way", async () => {
  for (const { client, upstream: target, name } of WAYS) {
    for (const [through, prompt] of [
      [gateway, PROMPT],
      [other, "Answer in rhymes."],
      [bare, null],
    ] as const) {
      const lone = ask(client, { model: MODELS[target] });
      const alone = await seenFor(lone.path, lone.body, { through });
      assert.equal(instructionsIn(target, alone.body), prompt ?? "", name);
      const own = ask(client, { model: MODELS[target], system: "Be brief." });
      const both = await seenFor(own.path, own.body, { through });
      assert.equal(instructionsIn(target, both.body), prompt === null ? "Be brief." : `${prompt}\n\nBe brief.`, name);
    }
  }
});

test("old defect: /openai/* overwrote the client's instructions; now they follow the system prompt", async () => {
  const { body } = ask("openai-responses", { model: "gpt-5.5", system: "Be brief." });
  const seen = await seenFor("/openai/v1/responses", body);
  assert.equal((JSON.parse(seen.body) as { instructions: string }).instructions, `${PROMPT}\n\nBe brief.`);
});

test("a system prompt that is there already is not put in twice, on every way", async () => {
  for (const { client, upstream: target, name } of WAYS) {
    for (const system of [PROMPT, `${PROMPT}\nBe brief.`]) {
      const { path, body } = ask(client, { model: MODELS[target], system });
      const seen = await seenFor(path, body);
      assert.equal(instructionsIn(target, seen.body), system, name);
    }
  }
});

test("the system prompt is the same on every turn, so that the upstream's cache holds", async () => {
  for (const { client, upstream: target, name } of WAYS) {
    const { path, body } = ask(client, { model: MODELS[target], system: "Be brief.", text: "One" });
    const first = await seenFor(path, body);
    const second = await seenFor(path, body);
    assert.equal(second.body, first.body, name);
  }
});

// ---- What used to be lost ----------------------------------------------------------------------------------------

const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const LOOK = {
  type: "function",
  function: {
    name: "look",
    description: "Looks.",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

for (const target of PROTOCOLS) {
  test(`old defect: tools, images and reasoning were dropped; a Chat client has all three with ${MODELS[target]}`, async () => {
    const question = {
      role: "user",
      content: [
        { type: "text", text: "What is this?" },
        { type: "image_url", image_url: { url: `data:image/png;base64,${PIXEL}` } },
      ],
    };
    const asked = { model: MODELS[target], tools: [LOOK], reasoning_effort: "high" };
    const first = await gateway.call("/v1/chat/completions", { body: { ...asked, messages: [question] } });
    const { choices } = (await first.json()) as { choices: { finish_reason: string; message: ChatMessage }[] };
    const { finish_reason: finish, message } = choices[0] ?? { finish_reason: "", message: {} };
    assert.deepEqual(
      [finish, message.reasoning_content, message.tool_calls?.map((call) => [call.function.name, call.function.arguments])],
      ["tool_calls", "I should think about that first.", [["look", '{"city":"Paris"}']]],
    );
    const heard = hear(target, JSON.parse(gateway.lastSeen().body) as JsonObject, false);
    assert.deepEqual([heard.imageCount, heard.tools.map(({ name }) => name), heard.wantsReasoning], [1, ["look"], true]);
    assert.ok(gateway.lastSeen().body.includes(PIXEL));

    const result = { role: "tool", tool_call_id: message.tool_calls?.[0]?.id, content: "It rains." };
    const messages = [question, { role: "assistant", ...message }, result];
    const second = await gateway.call("/v1/chat/completions", { body: { ...asked, messages, stream: true } });
    assert.deepEqual(told("openai-chat", await second.text()), { text: "The tool says: It rains.", terminals: SUCCESS["openai-chat"] });
  });
}

interface ChatMessage {
  readonly reasoning_content?: string;
  readonly tool_calls?: readonly { readonly id: string; readonly function: { readonly name: string; readonly arguments: string } }[];
}

// ---- The same bytes ----------------------------------------------------------------------------------------------

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
      upstream.script([{ body: "{}" }]);
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

test("a byte order mark and a last event without its blank line do not make an answer incomplete", async () => {
  const [first = "", ...rest] = GOOD_EVENTS["anthropic-messages"];
  const stream = `\ufeff${[first, ...rest].join("\n\n")}`;
  upstream.script([{ events: [stream] }]);
  const { path, body } = ask("anthropic-messages", { model: MODELS["anthropic-messages"], stream: true });
  const response = await gateway.call(path, { body });
  assert.equal(new TextDecoder("utf-8", { ignoreBOM: true }).decode(await response.arrayBuffer()), `${stream}\n\n`);
  assert.equal((await gateway.lineOf(response))["error"], undefined);
});

// ---- Answer headers ----------------------------------------------------------------------------------------------

test("what an upstream says about limits and requests reaches the client, what belongs to the connection does not", async () => {
  const kept = {
    "retry-after": "7",
    "x-should-retry": "true",
    "request-id": "req_of_the_upstream",
    "x-ratelimit-remaining-requests": "3",
    "anthropic-ratelimit-tokens-remaining": "9",
    "openai-processing-ms": "12",
  };
  const dropped = {
    "set-cookie": "a=b",
    server: "cloudflare",
    "x-powered-by": "x",
    "proxy-authenticate": "Basic",
    "alt-svc": "h3",
    "keep-alive": "timeout=9",
  };
  for (const { client, upstream: target, name } of WAYS) {
    for (const stream of [true, false]) {
      upstream.script([{ headers: { ...kept, ...dropped } }]);
      const { path, body } = ask(client, { model: MODELS[target], stream });
      const response = await gateway.call(path, { body });
      await response.text();
      for (const [header, value] of Object.entries(kept)) assert.equal(response.headers.get(header), value, `${name}: ${header}`);
      for (const header of Object.keys(dropped)) assert.equal(response.headers.get(header), null, `${name}: ${header}`);
      assert.equal(response.headers.get("x-upstream-request-id"), "req_scripted", name);
      assert.equal(response.headers.get("x-content-type-options"), "nosniff", name);
      if (stream) assert.equal(response.headers.get("cache-control"), "no-cache, no-transform", name);
      if (stream) assert.equal(response.headers.get("x-accel-buffering"), "no", name);
    }
  }
});

test("an upstream's only request id comes under both names", async () => {
  const { path, body } = ask("anthropic-messages", { model: MODELS["anthropic-messages"] });
  const response = await gateway.call(path, { body });
  await response.text();
  assert.deepEqual([response.headers.get("request-id"), response.headers.get("x-upstream-request-id")], ["req_scripted", "req_scripted"]);
});

test("an answer that comes compressed is read, and is not said to be compressed any more", async () => {
  for (const { client, upstream: target, name } of WAYS) {
    for (const stream of [true, false]) {
      upstream.script([{ gzip: true }]);
      const { path, body } = ask(client, { model: MODELS[target], stream });
      const response = await gateway.call(path, { body });
      assert.equal(response.headers.get("content-encoding"), null, name);
      const text = await response.text();
      const found = stream ? told(client, text) : { text: textOf(client, text), terminals: SUCCESS[client] };
      assert.deepEqual(found, { text: "You said: Hello there", terminals: SUCCESS[client] }, name);
    }
  }
});

// ---- Request ids and the log -------------------------------------------------------------------------------------

test("a client's request id is kept, a strange or missing one is replaced, and both are in the log", async () => {
  const { path, body } = ask("openai-chat", { model: MODELS["openai-chat"] });
  const own = await gateway.call(path, { body, headers: { "x-request-id": "my-request.7:a_b" } });
  await own.text();
  assert.equal(own.headers.get("x-request-id"), "my-request.7:a_b");
  assert.equal((await gateway.lineOf(own))["path"], "/v1/chat/completions");
  for (const strange of ["two words", "x".repeat(200), '"quoted"']) {
    const made = await gateway.call(path, { body, headers: { "x-request-id": strange } });
    await made.text();
    assert.match(made.headers.get("x-request-id") ?? "", UUID);
  }
  const failed = await gateway.call("/no/such/path", { body: {}, headers: { "x-request-id": "failed-one" } });
  assert.equal(failed.headers.get("x-request-id"), "failed-one");
});

test("one line a request says what happened", async () => {
  for (const { client, upstream: target, name } of WAYS) {
    for (const stream of [true, false]) {
      // A Chat client hears of usage in a stream only when it asks.
      const more = client === "openai-chat" && stream ? { stream_options: { include_usage: true } } : {};
      const { path, body } = ask(client, { model: MODELS[target], stream, more });
      const id = `line-${client}-${target}-${stream}`;
      const response = await gateway.call(path, { body, headers: { "x-request-id": id } });
      await response.text();
      const { time, durationMs, firstByteMs, caller, outputTokens, dropped: _, ...line } = await gateway.lineOf(response);
      assert.equal(new Date(String(time)).toISOString(), time);
      for (const number of [durationMs, firstByteMs]) assert.ok(Number(number) >= 0, `${name}: ${String(number)}`);
      assert.match(String(caller), /^[0-9a-f]{8}$/);
      assert.equal(outputTokens, 4, name);
      assert.deepEqual(
        line,
        {
          level: "info",
          event: "request",
          requestId: id,
          method: "POST",
          path: path.split("?")[0],
          protocol: client,
          model: MODELS[target],
          streamed: stream,
          upstreamModel: MODELS[target],
          upstreamProtocol: target,
          status: 200,
          finish: "end",
          inputTokens: 12,
          cacheReadTokens: 4,
        },
        name,
      );
      assert.equal(gateway.lines.filter(({ requestId, event }) => requestId === id && event === "request").length, 1, name);
    }
  }
});
