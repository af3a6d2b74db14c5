// Every route and page of the program: who may come in, what it says of itself, and how it refuses.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Keys } from "../../src/access/keys.ts";
import type { Call } from "../../src/gateway/request.ts";
import { createApp } from "../../src/http/app.ts";
import { Models } from "../../src/models/models.ts";
import { SAFE_HEADERS } from "../../src/gateway/headers.ts";
import { CALLS, ROUTES } from "../../src/http/routes.ts";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { runtime } from "../../src/runtime/runtime.ts";
import { ask, errorIn, MODELS, textOf, told, type SaidError } from "../support/dialects.ts";
import { PROTOCOLS } from "../support/fixtures.ts";
import { ringOf } from "../support/keys.ts";
import { CLIENT_KEY, FACTORY_KEY, startGateway, until, VERSION } from "../support/gateway.ts";
import { rawCall, requestText } from "../support/wire.ts";

const SMALL_LIMIT = 2048;
const gateway = await startGateway();
const { upstream } = gateway;
const small = await startGateway({ upstream, environment: { MAX_BODY_BYTES: String(SMALL_LIMIT) } });
const bringYourOwn = await startGateway({ upstream, environment: { FACTORY_API_KEY: undefined, PROXY_API_KEY: undefined } });
const bothKeys = await startGateway({ upstream, environment: { FACTORY_API_KEY: undefined } });
after(async () => {
  for (const one of [small, bringYourOwn, bothKeys, gateway]) await one.stop();
});

const HELLO = ask("openai-chat", { model: MODELS["openai-chat"] });
const json = async (response: Response): Promise<unknown> => JSON.parse(await response.text());

// ---- Pages -------------------------------------------------------------------------------------------------------

for (const path of ["/health", "/v1/health", "/health/"]) {
  test(`GET ${path} is public and says how the program is`, async () => {
    const response = await gateway.call(path, { method: "GET", key: null });
    const { timestamp, uptime, ...rest } = (await json(response)) as Record<string, unknown>;
    assert.deepEqual([response.status, rest], [200, { status: "healthy", version: VERSION, runtime: runtime.name }]);
    assert.equal(new Date(String(timestamp)).toISOString(), timestamp);
    assert.ok(Number.isInteger(uptime) && Number(uptime) >= 0);
  });
}

test("GET / is public and lists every route", async () => {
  const response = await gateway.call("/", { method: "GET", key: null });
  const page = (await json(response)) as { name: string; version: string; status: string; routes: { method: string; path: string }[] };
  assert.deepEqual([response.status, page.name, page.version, page.status], [200, "factory-proxy", VERSION, "ok"]);
  assert.deepEqual(
    page.routes.map(({ method, path }) => `${method} ${path}`),
    CALLS.map(({ path }) => `POST ${path}`),
  );
});

test("the overview says which keys a call has to bring", async () => {
  const both = await startGateway({ upstream, environment: { FACTORY_API_KEY: undefined } });
  const said: unknown[] = [];
  for (const own of [gateway, bringYourOwn, both]) {
    const { keys, demo } = (await json(await own.call("/", { method: "GET", key: null }))) as { keys: unknown; demo: unknown };
    said.push([keys, demo]);
  }
  assert.deepEqual(said, [
    [["client"], false],
    [["factory"], false],
    [["client", "factory"], false],
  ]);
});

for (const path of ["/", "/health", "/api/hello"]) {
  test(`HEAD ${path} is public and has no body`, async () => {
    const answer = await rawCall(gateway.url, requestText(`HEAD ${path}`, {})).closed;
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
    assert.match(answer, /\r\n\r\n$/);
  });
}

test("GET /v1/models lists the table in OpenAI's shape", async () => {
  const response = await gateway.call("/v1/models", { method: "GET" });
  const list = (await json(response)) as { object: string; data: { id: string }[] };
  assert.deepEqual([response.status, Object.keys(list), list.object], [200, ["object", "data"], "list"]);
  assert.deepEqual(
    list.data.find(({ id }) => id === "gpt-5.5"),
    {
      id: "gpt-5.5",
      object: "model",
      owned_by: "openai",
      context_length: 1_000_000,
      max_output_tokens: 128_000,
      input_modalities: ["text", "image"],
      reasoning_efforts: ["none", "low", "medium", "high", "xhigh"],
    },
  );
  for (const model of Object.values(MODELS))
    assert.ok(
      list.data.some(({ id }) => id === model),
      model,
    );
});

test("GET /v1/models lists the table in Anthropic's shape for a client that says anthropic-version", async () => {
  const response = await gateway.call("/v1/models", { method: "GET", headers: { "anthropic-version": "2023-06-01" } });
  const list = (await json(response)) as { data: { id: string }[]; has_more: boolean; first_id: string; last_id: string };
  assert.deepEqual([response.status, Object.keys(list), list.has_more], [200, ["data", "has_more", "first_id", "last_id"], false]);
  assert.deepEqual([list.first_id, list.last_id], [list.data[0]?.id, list.data.at(-1)?.id]);
  const page = {
    type: "model",
    id: "claude-opus-4-8",
    display_name: "claude-opus-4-8",
    created_at: "1970-01-01T00:00:00Z",
    max_input_tokens: 1_000_000,
    max_tokens: 128_000,
  };
  assert.deepEqual(
    list.data.find(({ id }) => id === "claude-opus-4-8"),
    page,
  );
  const one = await gateway.call("/v1/models/claude-opus-4-8", { method: "GET", headers: { "anthropic-version": "2023-06-01" } });
  assert.deepEqual([one.status, await json(one)], [200, page]);
});

test("GET /v1/models/{id} finds a model by its id and by its alias", async () => {
  for (const name of ["gpt-5-2025-08-07", "gpt-5"]) {
    const response = await gateway.call(`/v1/models/${name}`, { method: "GET" });
    assert.deepEqual(
      [response.status, await json(response)],
      [
        200,
        {
          id: "gpt-5-2025-08-07",
          object: "model",
          created: Date.UTC(2025, 7, 7) / 1000,
          owned_by: "openai",
          context_length: 400_000,
          max_output_tokens: 128_000,
          input_modalities: ["text", "image"],
          reasoning_efforts: ["minimal", "low", "medium", "high"],
        },
      ],
    );
  }
});

test("GET /v1beta/models, and /v1/models with a key as Gemini's clients send it, list the table in Gemini's shape", async () => {
  const withKey = { key: null, headers: { "x-goog-api-key": CLIENT_KEY } };
  const answers = [
    await gateway.call("/v1beta/models?pageSize=50", { method: "GET" }),
    await gateway.call("/v1/models", { method: "GET", ...withKey }),
    await gateway.call(`/v1/models?key=${CLIENT_KEY}`, { method: "GET", key: null }),
  ];
  const lists = (await Promise.all(answers.map(json))) as { models: { name: string }[] }[];
  const openai = (await json(await gateway.call("/v1/models", { method: "GET" }))) as { data: { id: string }[] };
  for (const list of lists) {
    assert.deepEqual(Object.keys(list), ["models"]);
    assert.deepEqual(
      list.models.map(({ name }) => name),
      openai.data.map(({ id }) => `models/${id}`),
    );
  }
  const page = {
    name: "models/gemini-2.5-pro",
    baseModelId: "gemini-2.5-pro",
    displayName: "gemini-2.5-pro",
    inputTokenLimit: 1_048_576,
    outputTokenLimit: 65_535,
    supportedGenerationMethods: ["generateContent", "countTokens"],
    thinking: true,
  };
  assert.deepEqual(
    lists[0]?.models.find(({ name }) => name === page.name),
    page,
  );
  for (const answer of [
    await gateway.call("/v1beta/models/gemini-2.5-pro", { method: "GET" }),
    await gateway.call("/v1/models/gemini-2.5-pro", { method: "GET", ...withKey }),
  ]) {
    assert.deepEqual([answer.status, await json(answer)], [200, page]);
  }
  const unknown = await errorIn("gemini", await gateway.call("/v1beta/models/gemini-2.5-por", { method: "GET" }));
  assert.equal(unknown.status, 404);
  assert.match(unknown.message, /"gemini-2\.5-pro"/);
});

test("what nobody knows of a model is null or absent in every list, never a number", async () => {
  const modelTable = JSON.stringify({ models: [{ id: "in-house", protocol: "openai-chat", provider: "own" }] });
  const tabled = await startGateway({ upstream, modelTable });
  const page = async (path: string, headers = {}): Promise<unknown> => json(await tabled.call(path, { method: "GET", headers }));
  const efforts = ["none", "low", "medium", "high"];
  assert.deepEqual(await page("/v1/models/in-house"), {
    id: "in-house",
    object: "model",
    owned_by: "own",
    context_length: null,
    max_output_tokens: null,
    input_modalities: null,
    reasoning_efforts: efforts,
  });
  assert.deepEqual(await page("/v1/models/in-house", { "anthropic-version": "2023-06-01" }), {
    type: "model",
    id: "in-house",
    display_name: "in-house",
    // As Anthropic's reference writes "unknown".
    created_at: "1970-01-01T00:00:00Z",
    max_input_tokens: null,
    max_tokens: null,
  });
  assert.deepEqual(await page("/v1beta/models/in-house"), {
    name: "models/in-house",
    baseModelId: "in-house",
    displayName: "in-house",
    supportedGenerationMethods: ["generateContent", "countTokens"],
    thinking: true,
  });
  await tabled.stop();
});

test("an Anthropic client reads the day in a model's id as its release", async () => {
  const headers = { "anthropic-version": "2023-06-01" };
  const model = (await json(await gateway.call("/v1/models/claude-opus-4-5", { method: "GET", headers }))) as Record<string, unknown>;
  assert.deepEqual([model["id"], model["created_at"]], ["claude-opus-4-5-20251101", "2025-11-01T00:00:00Z"]);
});

/** What codex-cli 0.171.0 can't do without: it drops a list with one row that lacks any of them. */
const NEEDED_BY_CODEX = {
  slug: "string",
  display_name: "string",
  supported_reasoning_levels: "object",
  shell_type: "string",
  visibility: "string",
  supported_in_api: "boolean",
  priority: "number",
  support_verbosity: "boolean",
  truncation_policy: "object",
  experimental_supported_tools: "object",
  base_instructions: "string",
};

test("GET /v1/models with client_version lists the models that Codex does not ship with, as it reads them", async () => {
  const response = await gateway.call("/v1/models?client_version=0.171.0", { method: "GET" });
  const list = (await json(response)) as { models: Record<string, unknown>[] };
  assert.deepEqual([response.status, Object.keys(list)], [200, ["models"]]);
  for (const row of list.models) {
    const types = Object.fromEntries(Object.keys(NEEDED_BY_CODEX).map((key) => [key, typeof row[key]]));
    assert.deepEqual(types, NEEDED_BY_CODEX, String(row["slug"]));
  }
  const slugs = list.models.map(({ slug }) => slug);
  assert.ok(!slugs.includes("gpt-5.5"));
  const { base_instructions: instructions, ...row } = list.models.find(({ slug }) => slug === "gpt-5.4") ?? {};
  assert.match(String(instructions), /^You are Codex, /);
  assert.deepEqual(row, {
    slug: "gpt-5.4",
    display_name: "gpt-5.4",
    description: null,
    default_reasoning_level: "medium",
    supported_reasoning_levels: [
      { effort: "low", description: "Thinks little" },
      { effort: "medium", description: "Thinks as much as most tasks need" },
      { effort: "high", description: "Thinks long" },
      { effort: "xhigh", description: "Thinks very long" },
    ],
    shell_type: "default",
    visibility: "list",
    supported_in_api: true,
    priority: 100,
    availability_nux: null,
    upgrade: null,
    supports_reasoning_summaries: true,
    support_verbosity: true,
    default_verbosity: null,
    apply_patch_tool_type: "freeform",
    truncation_policy: { mode: "bytes", limit: 10_000 },
    supports_parallel_tool_calls: true,
    context_window: 922_000,
    max_context_window: 922_000,
    experimental_supported_tools: [],
    input_modalities: ["text", "image"],
  });
  // The prompt of Gemini has a window of its own; who does not know the window says so.
  const windows = new Map(list.models.map(({ slug, context_window: tokens }) => [slug, tokens]));
  assert.deepEqual(
    ["claude-opus-4-8", "gemini-2.5-pro", "glm-5", "glm-4.6"].map((slug) => windows.get(slug)),
    [872_000, 1_048_576, 200_000, null],
  );
});

test("a page that names an unknown model is 404 and says the nearest", async () => {
  const response = await gateway.call("/v1/models/gpt-5.55", { method: "GET" });
  const { message, ...error } = await errorIn("openai-chat", response);
  assert.deepEqual(error, { status: 404, type: "invalid_request_error", param: "model", code: "model_not_found" });
  assert.match(message, /gpt-5\.55.*gpt-5\.5/);
});

test("with WEBSOCKET=off a handshake on /v1/responses gets 426, so that Codex falls back to HTTP", async () => {
  const httpOnly = await startGateway({ upstream: gateway.upstream, environment: { WEBSOCKET: "off" } });
  for (const upgrade of ["websocket", "WebSocket"]) {
    const handshake = {
      authorization: `Bearer ${CLIENT_KEY}`,
      connection: "Upgrade",
      upgrade,
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      "sec-websocket-version": "13",
    };
    const call = rawCall(httpOnly.url, requestText("GET /v1/responses", handshake));
    await until(() => call.text().includes("}"), "the answer");
    call.leave();
    assert.match(await call.closed, /^HTTP\/1\.1 426 [^\n]*\r\n[^]*POST \/v1\/responses/);
  }
  await httpOnly.stop();
});

test("a page that fails is answered and logged like a call that does", async () => {
  const url = "http://upstream.test/";
  const failed: string[] = [];
  const nobody = (): Promise<never> => Promise.reject(new Error("Nothing is called here."));
  const refuse = ({ requestId, route }: Call, error: unknown): Response => {
    failed.push(`${requestId} ${route.protocol} ${String(error)}`);
    return new Response(null, { status: 500 });
  };
  const app = createApp(
    {
      gateway: { answer: nobody, explain: nobody, refuse, warmUp: nobody },
      sockets: { listener: () => assert.fail("no socket is opened") },
      keys: new Keys({ ring: ringOf([]), upstreamKey: null, anonymous: "off", web: { corsOrigins: [], allowedHosts: [] } }, runtime.sha256),
      models: new Models({ endpoints: { messages: url, responses: url, chat: url, gemini: url, bedrock: url }, models: [] }),
      mayUse: () => true,
      store: () => null,
      quota: nobody,
      account: nobody,
      metrics: nobody,
      site: () => null,
      isDraining: () => {
        throw new Error("No idea.");
      },
      now: () => 0,
      after: () => () => {},
      newId: () => "id-1",
    },
    { version: VERSION, runtime: runtime.name, startedMs: 0, corsOrigins: [], maxHeaderBytes: 1000, webSocket: false, ui: false },
  );
  assert.equal((await app(new Request("http://gateway.test/ready"))).status, 500);
  assert.deepEqual(failed, ["id-1 openai-chat Error: No idea."]);
});

// ---- What is not here --------------------------------------------------------------------------------------------

interface Refused {
  readonly call: string;
  readonly protocol: ProtocolId;
  readonly allow: string;
  readonly type: string;
}
const WRONG_METHODS: readonly Refused[] = [
  { call: "GET /v1/chat/completions", protocol: "openai-chat", allow: "POST", type: "invalid_request_error" },
  { call: "GET /v1/responses", protocol: "openai-responses", allow: "POST", type: "invalid_request_error" },
  { call: "PUT /v1/messages", protocol: "anthropic-messages", allow: "POST", type: "invalid_request_error" },
  { call: "GET /v1/messages/count_tokens", protocol: "anthropic-messages", allow: "POST", type: "invalid_request_error" },
  { call: "DELETE /anthropic/v1/messages", protocol: "anthropic-messages", allow: "POST", type: "invalid_request_error" },
  { call: "GET /gpt", protocol: "openai-responses", allow: "POST", type: "invalid_request_error" },
  { call: "POST /v1/models", protocol: "openai-chat", allow: "GET, HEAD", type: "invalid_request_error" },
  { call: "DELETE /health", protocol: "openai-chat", allow: "GET, HEAD", type: "invalid_request_error" },
];
for (const { call, protocol, allow, type } of WRONG_METHODS) {
  test(`${call} is 405 and says what the path takes`, async () => {
    const [method = "", path = ""] = call.split(" ");
    const response = await gateway.call(path, { method });
    assert.equal(response.headers.get("allow"), allow);
    const error = await errorIn(protocol, response);
    assert.deepEqual(error, { status: 405, type, message: `${path} accepts ${allow}, not ${method}.`, param: null, code: error.code });
  });
}

const UNKNOWN_PATHS: readonly { readonly path: string; readonly protocol: ProtocolId; readonly nearest: string }[] = [
  { path: "/v1/chat/completion", protocol: "openai-chat", nearest: "/v1/chat/completions" },
  { path: "/v1/chat/complete", protocol: "openai-chat", nearest: "/v1/chat/completions" },
  { path: "/v1/completions", protocol: "openai-chat", nearest: "/v1/chat/completions" },
  { path: "/v1/response", protocol: "openai-chat", nearest: "/v1/responses" },
  { path: "/v2/messages", protocol: "anthropic-messages", nearest: "/v1/messages" },
  { path: "/healthz", protocol: "openai-chat", nearest: "/health" },
  // Nobody who lists models wants to have one explained.
  { path: "/openai/v1/models", protocol: "openai-chat", nearest: "/v1/models/*" },
  { path: "/explain/v1/message", protocol: "openai-chat", nearest: "/explain/v1/messages" },
];
for (const { path, protocol, nearest } of UNKNOWN_PATHS) {
  test(`POST ${path} is 404 and names ${nearest}`, async () => {
    const { status, message } = await errorIn(protocol, await gateway.call(path, { body: {} }));
    assert.deepEqual([status, message], [404, `There is no path ${path}. Did you mean ${nearest}? GET / lists all paths.`]);
  });
}

const NO_COMPACTION = "Factory's API has no endpoint for compaction. Ask the model for a summary with POST /v1/responses, as Codex does.";
const NOT_STORED = "Responses are not stored here. Send the conversation with POST /v1/responses.";
const NO_BATCHES = "Factory's API has no batches. Send each request separately.";
const NO_EMBEDDINGS = "Factory's API has no embeddings.";
const NO_ENDPOINT = "Factory's API has no such endpoint.";
const NO_AZURE = "Azure-style paths are not supported. Set the client's base URL to /openai/v1.";
const NOT_OFFERED: readonly { readonly call: string; readonly protocol: ProtocolId; readonly why: string }[] = [
  { call: "POST /v1/responses/compact", protocol: "openai-responses", why: NO_COMPACTION },
  { call: "POST /openai/v1/responses/compact", protocol: "openai-responses", why: NO_COMPACTION },
  { call: "GET /v1/responses/resp_1", protocol: "openai-responses", why: NOT_STORED },
  { call: "POST /openai/v1/responses/resp_1/cancel", protocol: "openai-responses", why: NOT_STORED },
  { call: "GET /v1/chat/completions/chatcmpl-1", protocol: "openai-chat", why: NOT_STORED },
  { call: "POST /v1/embeddings", protocol: "openai-chat", why: NO_EMBEDDINGS },
  { call: "POST /openai/v1/embeddings", protocol: "openai-responses", why: NO_EMBEDDINGS },
  { call: "POST /v1beta/models/gemini-2.5-pro:batchEmbedContents", protocol: "gemini", why: NO_EMBEDDINGS },
  { call: "POST /openai/deployments/gpt-5.5/chat/completions", protocol: "openai-chat", why: NO_AZURE },
  { call: "POST /explain/openai/deployments/gpt-5.5/responses", protocol: "openai-chat", why: NO_AZURE },
  { call: "POST /v1/messages/batches", protocol: "anthropic-messages", why: NO_BATCHES },
  { call: "POST /anthropic/v1/messages/batches", protocol: "anthropic-messages", why: NO_BATCHES },
  { call: "GET /anthropic/v1/messages/batches/msgbatch_1/results", protocol: "anthropic-messages", why: NO_BATCHES },
  { call: "POST /anthropic/v1/files", protocol: "anthropic-messages", why: NO_ENDPOINT },
  { call: "POST /openai/v1/audio/speech", protocol: "openai-chat", why: NO_ENDPOINT },
];
for (const { call, protocol, why } of NOT_OFFERED) {
  test(`${call} is a 404 that says why, and goes to no endpoint`, async () => {
    const before = upstream.requests.length;
    const [method = "", path = ""] = call.split(" ");
    const body = { ...ask("openai-responses", { model: "gpt-5.5" }).body, ...ask("anthropic-messages", { model: "gpt-5.5" }).body };
    const response = await gateway.call(path, { method, ...(method === "GET" ? {} : { body }) });
    const { status, message } = await errorIn(protocol, response);
    assert.deepEqual([status, message], [404, `There is no path ${path}. ${why} GET / lists all paths.`]);
    assert.equal(upstream.requests.length, before);
  });
}

const NO_OPERATION = "Only Bedrock's InvokeModel and InvokeModelWithResponseStream are supported.";
const BEDROCK_OPERATIONS: readonly { readonly path: string; readonly why: string }[] = [
  { path: "/bedrock/model/claude-sonnet-5/converse", why: NO_OPERATION },
  { path: "/bedrock/model/claude-sonnet-5/converse-stream", why: NO_OPERATION },
  { path: "/bedrock/model/arn:aws:bedrock:us-east-1:1:inference-profile/claude-sonnet-5/invoke", why: NO_OPERATION },
  { path: "/bedrock/model/us.anthropic.claude-opus-4-8/count-tokens", why: "Count with POST /bedrock/v1/messages/count_tokens." },
];
for (const { path, why } of BEDROCK_OPERATIONS) {
  test(`POST ${path} is a 404 in AWS's shape, and no billed call`, async () => {
    const before = upstream.requests.length;
    const response = await gateway.call(path, { body: ask("anthropic-messages", { model: "claude-sonnet-5" }).body });
    assert.deepEqual(await response.json(), { message: `There is no path ${path}. ${why} GET / lists all paths.` });
    assert.deepEqual([response.status, response.headers.get("x-amzn-errortype")], [404, "ResourceNotFoundException"]);
    assert.equal(upstream.requests.length, before);
  });
}

test("a path that is like none of the known ones gets no suggestion", async () => {
  const { status, message } = await errorIn("openai-chat", await gateway.call("/foo", { body: {} }));
  assert.deepEqual([status, message], [404, "There is no path /foo. GET / lists all paths."]);
});

for (const protocol of PROTOCOLS) {
  test(`${protocol}: an unknown model is 404 and names the nearest`, async () => {
    const before = upstream.requests.length;
    const { path, body } = ask(protocol, { model: "claud-opus-4-8" });
    const { status, message } = await errorIn(protocol, await gateway.call(path, { body }));
    assert.equal(status, 404);
    assert.match(message, /"claud-opus-4-8".*"claude-opus-4-8"/);
    assert.equal(upstream.requests.length, before);
  });
}

test("a path that is there under /explain takes POST alone, as it does without", async () => {
  const { status, message } = await errorIn("anthropic-messages", await gateway.call("/explain/v1/messages", { method: "GET" }));
  assert.deepEqual([status, message], [405, "/explain/v1/messages accepts POST, not GET."]);
});

test("no refusal suggests the path that was asked for", async () => {
  const paths = [...ROUTES.map(({ path }) => path), ...ROUTES.map(({ path }) => path.replace(/\/\*$/, "")), "/explain"];
  for (const path of new Set(paths)) {
    for (const method of ["GET", "PUT", "POST"]) {
      const response = await gateway.call(path, { method, ...(method === "GET" ? {} : { body: {} }) });
      const text = await response.text();
      if (response.status === 404) assert.ok(!text.includes(`Did you mean ${path}?`), `${method} ${path}: ${text}`);
    }
  }
});

test("a very long path is refused like any other", async () => {
  const path = `/${"x".repeat(10_000)}`;
  const response = await gateway.call(path, { method: "GET" });
  assert.equal(response.status, 404);
});

test("with CORS_ORIGINS every answer still has the safe headers: pages, calls, refusals and preflights", async () => {
  const origin = "http://localhost:3000";
  const open = await startGateway({ upstream, environment: { CORS_ORIGINS: origin } });
  const preflight = { origin, "access-control-request-method": "POST", "access-control-request-headers": "authorization" };
  const answers = [
    await open.call("/health", { method: "GET", headers: { origin } }),
    await open.call(HELLO.path, { body: HELLO.body, headers: { origin } }),
    await open.call("/v1/models", { method: "GET", key: null, headers: { origin } }),
    await open.call("/no/such/path", { method: "GET", headers: { origin } }),
    await open.call(HELLO.path, { method: "OPTIONS", key: null, headers: preflight }),
    await open.call("/health", { method: "OPTIONS", key: null, headers: { ...preflight, origin: "http://elsewhere.test" } }),
  ];
  assert.deepEqual(
    answers.map(({ status, headers }) => [status, Object.fromEntries(Object.keys(SAFE_HEADERS).map((name) => [name, headers.get(name)]))]),
    [200, 200, 401, 404, 204, 204].map((status) => [status, SAFE_HEADERS]),
  );
  for (const answer of answers) await answer.text();
  await open.stop();
});

// ---- Keys --------------------------------------------------------------------------------------------------------

const UNAUTHENTICATED: Readonly<Record<ProtocolId, Omit<SaidError, "message">>> = {
  "openai-chat": { status: 401, type: "invalid_request_error", param: null, code: "invalid_api_key" },
  "openai-responses": { status: 401, type: "invalid_request_error", param: null, code: "invalid_api_key" },
  "anthropic-messages": { status: 401, type: "authentication_error", param: null, code: null },
  gemini: { status: 401, type: "UNAUTHENTICATED", param: null, code: null },
};
const WRONG_KEYS: readonly { readonly what: string; readonly headers: Readonly<Record<string, string>>; readonly says: RegExp }[] = [
  { what: "no key", headers: {}, says: /^No API key: send a client key/ },
  { what: "a wrong bearer", headers: { authorization: "Bearer not-the-key" }, says: /^Wrong API key: / },
  { what: "a wrong x-api-key", headers: { "x-api-key": "not-the-key" }, says: /^Wrong API key: / },
  { what: "a wrong x-goog-api-key", headers: { "x-goog-api-key": "not-the-key" }, says: /^Wrong API key: / },
  { what: "an empty x-api-key", headers: { "x-api-key": "" }, says: /^No API key: / },
  { what: "an empty bearer", headers: { authorization: "Bearer " }, says: /^No API key: / },
  { what: "the key without its scheme", headers: { authorization: CLIENT_KEY }, says: /^No API key: / },
  { what: "half of the key", headers: { authorization: `Bearer ${CLIENT_KEY.slice(0, -1)}` }, says: /^Wrong API key: / },
  { what: "the server's own Factory key", headers: { authorization: `Bearer ${FACTORY_KEY}` }, says: /^Wrong API key: / },
];
for (const protocol of PROTOCOLS) {
  test(`${protocol}: whoever has not the key is refused in the protocol's shape`, async () => {
    const before = upstream.requests.length;
    for (const { what, headers, says } of WRONG_KEYS) {
      const { path, body } = ask(protocol, { model: MODELS[protocol] });
      const response = await gateway.call(path, { body, key: null, headers });
      assert.deepEqual([response.headers.get("www-authenticate"), response.headers.get("x-should-retry")], ["Bearer", "false"], what);
      const { message, ...error } = await errorIn(protocol, response);
      assert.deepEqual(error, UNAUTHENTICATED[protocol], what);
      assert.match(message, says, what);
    }
    assert.equal(upstream.requests.length, before);
  });
}

test("without a key the public rows of the table answer, and all others are 401", async () => {
  for (const { method, path, isPublic } of ROUTES.filter(({ about }) => about !== null)) {
    const response = await gateway.call(path.replace("*", "glm-5:generateContent"), {
      method,
      key: null,
      ...(method === "POST" ? { body: {} } : {}),
    });
    await response.text();
    assert.equal(response.status, isPublic ? 200 : 401, `${method} ${path}`);
  }
});

for (const [method, path] of [
  ["GET", "/v1/models"],
  ["GET", "/v1/models/gpt-5.5"],
  ["GET", "/v1/chat/completions"],
  ["POST", "/no/such/path"],
  ["POST", "/explain/v1/messages"],
  ["POST", "/glm"],
] as const) {
  test(`${method} ${path} says nothing without a key`, async () => {
    const response = await gateway.call(path, { method, key: null, ...(method === "POST" ? { body: HELLO.body } : {}) });
    const text = await response.text();
    assert.equal(response.status, 401);
    assert.match(text, /No API key/);
  });
}

for (const [what, headers] of Object.entries({
  "Authorization: Bearer": { authorization: `Bearer ${CLIENT_KEY}` },
  "authorization: bearer, with spaces around": { authorization: ` bearer   ${CLIENT_KEY} ` },
  "x-api-key": { "x-api-key": CLIENT_KEY },
  "x-goog-api-key": { "x-goog-api-key": CLIENT_KEY },
  "an empty x-api-key beside a right bearer": { "x-api-key": "", authorization: `Bearer ${CLIENT_KEY}` },
  "a wrong x-api-key beside a right bearer": { "x-api-key": "something-else", authorization: `Bearer ${CLIENT_KEY}` },
})) {
  test(`the key is taken from ${what}, on every route`, async () => {
    for (const protocol of PROTOCOLS) {
      const { path, body } = ask(protocol, { model: MODELS[protocol] });
      const response = await gateway.call(path, { body, key: null, headers });
      assert.equal(textOf(protocol, await response.text()), "You said: Hello there", protocol);
      assert.equal(gateway.lastSeen().headers["authorization"], `Bearer ${FACTORY_KEY}`);
    }
  });
}

test("?key= is taken as Gemini's clients send it, and goes no further", async () => {
  const { path, body } = ask("gemini", { model: MODELS.gemini });
  const response = await gateway.call(`${path}?key=${CLIENT_KEY}`, { body, key: null });
  assert.equal(textOf("gemini", await response.text()), "You said: Hello there");
  assert.ok(!gateway.lastSeen().path.includes(CLIENT_KEY));
});

test("several client keys are told apart by nothing but the session", async () => {
  const several = await startGateway({ upstream, environment: { PROXY_API_KEY: "first-client-key, second-client-key" } });
  const sessions: string[] = [];
  for (const key of ["first-client-key", "second-client-key", "first-client-key"]) {
    const response = await several.call(HELLO.path, { body: HELLO.body, key });
    assert.equal(response.status, 200, await response.text());
    sessions.push(String(several.lastSeen().headers["x-session-id"]));
  }
  assert.equal(sessions[0], sessions[2]);
  assert.notEqual(sessions[0], sessions[1]);
  await several.stop();
});

test("without keys of its own the server lets in only clients that bring a Factory key", async () => {
  const before = upstream.requests.length;
  const { message, ...error } = await errorIn("openai-chat", await bringYourOwn.call(HELLO.path, { body: HELLO.body, key: null }));
  assert.deepEqual(error, UNAUTHENTICATED["openai-chat"]);
  assert.match(message, /has no Factory key; send your own/);
  assert.equal(upstream.requests.length, before);
  for (const key of ["fk-of-one-client", "fk-of-another-client"]) {
    const response = await bringYourOwn.call(HELLO.path, { body: HELLO.body, key });
    assert.equal(response.status, 200, await response.text());
    assert.equal(bringYourOwn.lastSeen().headers["authorization"], `Bearer ${key}`);
  }
});

test("a server with client keys and no Factory key wants both of each client", async () => {
  const none = await errorIn("anthropic-messages", await bothKeys.call("/v1/messages", { body: {}, key: "fk-of-one-client" }));
  assert.match(none.message, /^Wrong API key: this server has no Factory key; send one of its client keys in one header/);
  const half = await errorIn("anthropic-messages", await bothKeys.call("/v1/messages", { body: {} }));
  assert.match(half.message, /^A client key but no Factory key: /);
  const response = await bothKeys.call(HELLO.path, { body: HELLO.body, headers: { "x-api-key": "fk-of-one-client" } });
  assert.equal(response.status, 200, await response.text());
  assert.equal(bothKeys.lastSeen().headers["authorization"], "Bearer fk-of-one-client");
});

// ---- Bodies ------------------------------------------------------------------------------------------------------

const TOO_LARGE: Readonly<Record<ProtocolId, string>> = {
  "openai-chat": "invalid_request_error",
  "openai-responses": "invalid_request_error",
  "anthropic-messages": "request_too_large",
  gemini: "INVALID_ARGUMENT",
};
for (const protocol of PROTOCOLS) {
  test(`${protocol} answers 413 to one that says it is too large`, async () => {
    const before = upstream.requests.length;
    const { path, body } = ask(protocol, { model: MODELS[protocol], text: "x".repeat(SMALL_LIMIT) });
    const { status, type, message } = await errorIn(protocol, await small.call(path, { body }));
    assert.deepEqual([status, type, message], [413, TOO_LARGE[protocol], `The body is larger than ${SMALL_LIMIT} bytes (MAX_BODY_BYTES).`]);
    assert.equal(upstream.requests.length, before);
  });
}

test("a body that does not say its length is refused when it grows too large", async () => {
  const headers = { authorization: `Bearer ${CLIENT_KEY}`, "content-type": "application/json", "transfer-encoding": "chunked" };
  const call = rawCall(small.url, requestText("POST /v1/chat/completions", headers));
  const piece = "y".repeat(1000);
  for (let sent = 0; sent < 3; sent++) call.send(`${piece.length.toString(16)}\r\n${piece}\r\n`);
  call.send("0\r\n\r\n");
  assert.match(await call.closed, /^HTTP\/1\.1 413 [^]*MAX_BODY_BYTES/);
});

test("a body that says its length twice is refused as soon as it is too large", async () => {
  const headers = { authorization: `Bearer ${CLIENT_KEY}`, "content-type": "application/json", "content-length": "3000" };
  const head = requestText("POST /v1/chat/completions", headers);
  const call = rawCall(small.url, head.replace("content-length: 3000", "$&\r\n$&"));
  call.send("y".repeat(3000));
  assert.match(await call.closed, /^HTTP\/1\.1 413 [^]*MAX_BODY_BYTES/);
});

test("a body of exactly the limit passes", async () => {
  const { path, body } = ask("openai-chat", { model: MODELS["openai-chat"] });
  const text = JSON.stringify(body);
  const response = await small.call(path, { body: text + " ".repeat(SMALL_LIMIT - text.length) });
  assert.equal(response.status, 200, await response.text());
});

interface Wrong {
  readonly what: string;
  readonly body: string;
  readonly says: RegExp;
  readonly param: string | null;
}
const NO_REQUESTS: readonly Wrong[] = [
  { what: "no body", body: "", says: /not valid JSON: expected a JSON object, found the end of the body at line 1, column 1/, param: null },
  { what: "no JSON", body: '{"model": gpt}', says: /not valid JSON: expected a value, found 'g' at line 1, column 11/, param: null },
  { what: "JSON that is cut off", body: '{"model": "glm-5", "x": [1, 2', says: /not valid JSON/, param: null },
  { what: "JSON and more", body: '{"model": "glm-5"} {}', says: /expected the end, found '\{'/, param: null },
  { what: "a list", body: "[]", says: /expected a JSON object, found '\['/, param: null },
  { what: "a member twice", body: '{"model": "glm-5", "model": "gpt-5.5"}', says: /"model" occurs twice/, param: "model" },
  {
    what: "no model",
    body: '{"messages": [], "input": [], "max_tokens": 1}',
    says: /model must be a model name\. GET \/v1\/models lists the available ones\./,
    param: "model",
  },
  {
    what: "a model that is no string",
    body: '{"model": 5, "messages": []}',
    says: /model must be a model name\. GET \/v1\/models lists the available ones\./,
    param: "model",
  },
];
for (const { what, body, says, param } of NO_REQUESTS) {
  test(`a body with ${what} is 400 and says so, on each route`, async () => {
    const before = upstream.requests.length;
    for (const protocol of PROTOCOLS.filter((one) => one !== "gemini")) {
      const { path } = ask(protocol, { model: "any" });
      const error = await errorIn(protocol, await gateway.call(path, { body }));
      assert.deepEqual([error.status, error.type], [400, "invalid_request_error"], protocol);
      assert.match(error.message, says, protocol);
      if (protocol !== "anthropic-messages") assert.equal(error.param, param, protocol);
    }
    assert.equal(upstream.requests.length, before);
  });
}

test("a body that is not UTF-8 is 400", async () => {
  const bytes = "\xff\xfe{}";
  const headers = { authorization: `Bearer ${CLIENT_KEY}`, "content-length": String(bytes.length) };
  const call = rawCall(gateway.url, "");
  call.send(Buffer.from(requestText("POST /v1/messages", headers, bytes), "latin1"));
  assert.match(await call.closed, /^HTTP\/1\.1 400 [^]*The body is not UTF-8 text/);
});

const WRONG_FIELDS: readonly { readonly protocol: ProtocolId; readonly body: object; readonly field: string }[] = [
  { protocol: "openai-chat", body: { model: "claude-opus-4-8", messages: "Hello" }, field: "messages" },
  {
    protocol: "openai-chat",
    body: { model: "claude-opus-4-8", messages: [{ role: "user", content: "x" }], temperature: "hot" },
    field: "temperature",
  },
  { protocol: "openai-chat", body: { model: "gpt-5.5", messages: [{ role: "user", content: 5 }] }, field: "messages[0].content" },
  { protocol: "openai-responses", body: { model: "claude-opus-4-8", input: [{ role: "user", content: 5 }] }, field: "input[0].content" },
  { protocol: "anthropic-messages", body: { model: "gpt-5.5", max_tokens: "many", messages: [] }, field: "max_tokens" },
  {
    protocol: "anthropic-messages",
    body: { model: "glm-5", max_tokens: 9, messages: [{ role: "user", content: [{ type: "text" }] }] },
    field: "messages[0].content[0].text",
  },
];
for (const { protocol, body, field } of WRONG_FIELDS) {
  test(`${protocol}: a wrong ${field} is 400 and is named`, async () => {
    const before = upstream.requests.length;
    const error = await errorIn(protocol, await gateway.call(ask(protocol, { model: "any" }).path, { body }));
    assert.deepEqual([error.status, error.type], [400, "invalid_request_error"]);
    assert.ok(error.message.includes(field), error.message);
    if (protocol !== "anthropic-messages") assert.equal(error.param, field);
    assert.equal(upstream.requests.length, before);
  });
}

// ---- Spellings ---------------------------------------------------------------------------------------------------

const SPELLINGS: Readonly<Record<Exclude<ProtocolId, "gemini">, readonly string[]>> = {
  "openai-chat": [
    "/chat/completions",
    "/v1/v1/chat/completions",
    "/v1/chat/completions/",
    "//v1/chat/completions",
    "/v1//chat/completions",
    "/v1/chat/completions?x=1",
  ],
  "openai-responses": ["/responses", "/v1/v1/responses", "/v1/responses/"],
  "anthropic-messages": ["/messages", "/v1/v1/messages", "/v1/messages/", "/v1/messages?beta=true", "/v1/v1/messages/?beta=true"],
};
for (const protocol of ["openai-chat", "openai-responses", "anthropic-messages"] as const) {
  for (const path of SPELLINGS[protocol]) {
    test(`POST ${path} is understood`, async () => {
      const { body } = ask(protocol, { model: MODELS[protocol] });
      assert.equal(textOf(protocol, await (await gateway.call(path, { body })).text()), "You said: Hello there");
    });
  }
}
for (const path of ["/models", "/v1/models/", "/v1/v1/models"]) {
  test(`GET ${path} is understood`, async () => {
    const list = (await json(await gateway.call(path, { method: "GET" }))) as { object: string };
    assert.equal(list.object, "list");
  });
}

for (const model of Object.values(MODELS)) {
  test(`a Responses body on the chat path, as Cursor sends it, is answered as a chat: ${model}`, async () => {
    const { body } = ask("openai-responses", { model });
    const whole = await gateway.call("/v1/chat/completions", { body });
    assert.equal(textOf("openai-chat", await whole.text()), "You said: Hello there");
    const streamed = await gateway.call("/v1/chat/completions", { body: { ...body, stream: true } });
    assert.deepEqual(told("openai-chat", await streamed.text()), { text: "You said: Hello there", terminals: ["stop", "[DONE]"] });
  });
}

// ---- Gemini's routes ---------------------------------------------------------------------------------------------

for (const model of Object.values(MODELS)) {
  for (const prefix of ["/v1beta/models", "/v1/models", "/v1beta/tunedModels", "/v1/v1beta/models"]) {
    test(`POST ${prefix}/${model} takes generateContent and streamGenerateContent`, async () => {
      const { body } = ask("gemini", { model });
      const whole = await gateway.call(`${prefix}/${model}:generateContent`, { body });
      assert.equal(textOf("gemini", await whole.text()), "You said: Hello there");
      const streamed = await gateway.call(`${prefix}/${model}:streamGenerateContent?alt=sse`, { body });
      assert.equal(streamed.headers.get("content-type"), "text/event-stream; charset=utf-8");
      const stream = await streamed.text();
      assert.deepEqual(told("gemini", stream), { text: "You said: Hello there", terminals: ["STOP"] });
      assert.ok(!stream.includes("event:"), "Gemini's clients lose an event that has a name");
      const array = await gateway.call(`${prefix}/${model}:streamGenerateContent`, { body });
      assert.match(array.headers.get("content-type") ?? "", /^application\/json/);
      const items = (await json(array)) as object[];
      assert.deepEqual(told("gemini", items.map((item) => `data: ${JSON.stringify(item)}\n\n`).join("")), {
        text: "You said: Hello there",
        terminals: ["STOP"],
      });
    });
  }
}

test("a Gemini method that is not served is 404 in Gemini's shape", async () => {
  for (const path of ["/v1beta/models/gemini-2.5-pro:embedContent", "/v1beta/models/gemini-2.5-pro", "/v1/models/gpt-5.5:predict"]) {
    const { status, type } = await errorIn("gemini", await gateway.call(path, { body: {} }));
    assert.deepEqual([status, type], [404, "NOT_FOUND"], path);
  }
});
