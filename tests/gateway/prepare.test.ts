// What goes upstream: where a request goes, what its headers say, the system prompt, and all that a conversion carries.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "../../src/wire/json.ts";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { AwakeClock } from "../support/awake.ts";
import { ask, instructionsIn, MODELS, SUCCESS, told, WAYS, type Way } from "../support/dialects.ts";
import { PROTOCOLS } from "../support/fixtures.ts";
import {
  CLIENT_KEY,
  CONVERSION,
  FACTORY_KEY,
  PASSTHROUGH,
  startGateway,
  startGateways,
  VERSION,
  type RunningGateway,
} from "../support/gateway.ts";
import { parseRequest } from "../support/parsed-request.ts";
import type { Seen } from "../support/upstream.ts";
import { rawCall, requestText } from "../support/wire.ts";

const PROMPT = "You are Droid, an AI software engineering agent built by Factory.";
const { upstream, gatewayWith } = await startGateways();
const gateway = await gatewayWith({});
const bare = await gatewayWith({ SYSTEM_PROMPT: "" });
const other = await gatewayWith({
  SYSTEM_PROMPT: "Answer in rhymes.",
  UPSTREAM_HEADERS: '{"X-Team": "blue", "user-agent": "somebody/1", "x-factory-client": "web"}',
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
    route: "/anthropic//messages/",
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
    route: "/bedrock/messages",
    protocol: "anthropic-messages",
    model: "claude-opus-5",
    path: PATHS["anthropic-messages"],
    provider: "bedrock_anthropic",
  },
  { route: "/openai/v1/responses", protocol: "openai-responses", model: "gpt-5.5", path: PATHS["openai-responses"], provider: "openai" },
  { route: "/openai", protocol: "openai-responses", model: "gpt-5.5", path: PATHS["openai-responses"], provider: "openai" },
  {
    route: "/openai/v1/v1/responses/",
    protocol: "openai-responses",
    model: "gpt-5.5",
    path: PATHS["openai-responses"],
    provider: "openai",
  },
  { route: "/openai/chat/completions", protocol: "openai-chat", model: "glm-5", path: PATHS["openai-chat"], provider: "fireworks" },
  { route: "/openai/responses", protocol: "openai-responses", model: "grok-4", path: PATHS["openai-responses"], provider: "xai" },
  { route: "/openai/v1/chat/completions", protocol: "openai-chat", model: "glm-5", path: PATHS["openai-chat"], provider: "fireworks" },
  { route: "/gpt", protocol: "openai-responses", model: "gpt-5.5", path: PATHS["openai-responses"], provider: "openai" },
  { route: "/glm", protocol: "openai-chat", model: "glm-4.6", path: PATHS["openai-chat"], provider: "fireworks" },
  // A model of another protocol does not say who serves it here; the endpoint does.
  {
    route: "/openai/v1/chat/completions",
    protocol: "openai-chat",
    model: "claude-opus-5",
    path: PATHS["openai-chat"],
    provider: "fireworks",
  },
  { route: "/glm", protocol: "openai-chat", model: "gpt-5.5", path: PATHS["openai-chat"], provider: "fireworks" },
  { route: "/gpt", protocol: "openai-responses", model: "glm-5", path: PATHS["openai-responses"], provider: "openai" },
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
    const heard = parseRequest(target, JSON.parse(gateway.lastSeen().body) as JsonObject, false);
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

test("a conversion of many messages gives way between its steps; one of a few, and what passes, do not", async () => {
  const clock = new AwakeClock();
  let turns = 0;
  const after = (ms: number, callback: () => void): (() => void) => {
    if (ms === 0) turns++;
    return clock.after(ms, callback);
  };
  const counted = await gatewayWith({}, { clock: { now: clock.now, after } });
  upstream.script(() => ({ say: { text: "Hello" } }));
  const turnsOf = async (way: Way, count: number): Promise<number> => {
    turns = 0;
    const messages = Array.from({ length: count }, (_, index) => ({ role: index % 2 === 0 ? "user" : "assistant", content: "Hi" }));
    const { path, body } = ask(way.client, { model: MODELS[way.upstream], more: { messages } });
    assert.equal((await counted.call(path, { body })).status, 200);
    return turns;
  };
  assert.deepEqual([await turnsOf(CONVERSION, 5001), await turnsOf(CONVERSION, 11), await turnsOf(PASSTHROUGH, 5001)], [3, 0, 0]);
});
