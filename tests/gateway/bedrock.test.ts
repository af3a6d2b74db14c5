// Bedrock's own form, as `@anthropic-ai/bedrock-sdk` and Claude Code with `CLAUDE_CODE_USE_BEDROCK=1` speak it. The SDK holds all scenarios of
// clients.test.ts; here is what it hides: what is sent upstream, frames, exceptions, and signs of life.

import assert from "node:assert/strict";
import { test } from "node:test";
import AnthropicBedrock from "@anthropic-ai/bedrock-sdk";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { modelOf } from "../../src/protocol/bedrock.ts";
import { AwakeClock } from "../support/awake.ts";
import { ask, eventsIn, MODELS } from "../support/dialects.ts";
import { framesIn, type Frame } from "../support/frames.ts";
import { FACTORY_KEY, startGateways, type RunningGateway } from "../support/gateway.ts";
import type { Answer } from "../support/upstream.ts";

const { upstream, gatewayWith } = await startGateways();
const gateway = await gatewayWith({ SYSTEM_PROMPT: "", KEEP_ALIVE_INTERVAL: "0" });

const UPSTREAMS = Object.keys(MODELS) as ProtocolId[];
const CLAUDE = MODELS["anthropic-messages"];
const BODY = { anthropic_version: "bedrock-2023-05-31", max_tokens: 1000, messages: [{ role: "user", content: "Hello there" }] };

interface Invoked {
  readonly body?: unknown;
  readonly stream?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  readonly at?: RunningGateway;
}

function invoke(model: string, { body = BODY, stream = false, headers = {}, at = gateway }: Invoked = {}): Promise<Response> {
  const method = stream ? "invoke-with-response-stream" : "invoke";
  return at.call(`/bedrock/model/${encodeURIComponent(model)}/${method}`, { body, headers });
}

interface Told extends Pick<Frame, "kind" | "name"> {
  readonly value: Readonly<Record<string, unknown>>;
}

async function framesOf(response: Response): Promise<Told[]> {
  assert.equal(response.headers.get("content-type"), "application/vnd.amazon.eventstream");
  const frames = framesIn(new Uint8Array(await response.arrayBuffer()));
  return frames.map(({ kind, name, text }) => ({ kind, name, value: JSON.parse(text) as Told["value"] }));
}

/** Ids and times differ from call to call. */
function withoutIds(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value).replaceAll(/"(id|signature)":"[^"]*"/g, '"$1":"x"'));
}

// ---- Models ------------------------------------------------------------------------------------------------------

const SPELLINGS: readonly (readonly [id: string, model: string])[] = [
  ["us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5-20250929"],
  ["anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5-20250929"],
  ["global.anthropic.claude-opus-4-6-v1", "claude-opus-4-6"],
  ["eu.anthropic.claude-opus-4-8", "claude-opus-4-8"],
  ["us-gov.anthropic.claude-sonnet-5", "claude-sonnet-5"],
  ["apac.anthropic.claude-3-5-sonnet-20241022-v2:0", "claude-3-5-sonnet-20241022"],
  ["anthropic.claude-3-sonnet-20240229-v1:0:200k", "claude-3-sonnet-20240229"],
  ["arn:aws:bedrock:us-east-2:123456789012:inference-profile/us.anthropic.claude-opus-4-6-v1:0", "claude-opus-4-6"],
  ["us.anthropic.claude-opus-4-6-v1[1m]", "claude-opus-4-6[1m]"],
  ["claude-haiku-4-5-20251001-v1:0", "claude-haiku-4-5-20251001"],
  ["claude-haiku-4-5-20251001", "claude-haiku-4-5-20251001"],
  ["openai.gpt-oss-120b-1:0", "gpt-oss-120b"],
  ["zai.glm-4.6", "glm-4.6"],
  ["moonshot.kimi-k2-thinking", "kimi-k2-thinking"],
  ["moonshotai.kimi-k2.5", "kimi-k2.5"],
  ["claude-of-our-own-v2", "claude-of-our-own-v2"],
  ["our-model-v1:0", "our-model-v1:0"],
  ["gpt-5.5", "gpt-5.5"],
  ["glm-5.2", "glm-5.2"],
  ["gemini-2.5-pro", "gemini-2.5-pro"],
  ["kimi-k2.7-code", "kimi-k2.7-code"],
  ["anthropic.", "anthropic."],
];
for (const [id, model] of SPELLINGS) test(`the model of ${id} is ${model}`, () => assert.equal(modelOf(id), model));

test("a model in Bedrock's spelling is found, also where the client escapes nothing of it", async () => {
  for (const path of ["us.anthropic.claude-opus-4-8-v1%3A0", "us.anthropic.claude-opus-4-8-v1:0", "claude-opus-4-8"]) {
    const response = await gateway.call(`/bedrock/model/${path}/invoke`, { body: BODY });
    assert.equal(response.status, 200, await response.text());
    assert.equal((JSON.parse(gateway.lastSeen().body) as { model: string }).model, "claude-opus-4-8");
  }
});

// ---- What is sent upstream ---------------------------------------------------------------------------------------

const SENT: readonly (readonly [name: string, body: string, sent: string])[] = [
  [
    "all else stays byte for byte",
    ' { "anthropic_version": "bedrock-2023-05-31",\n "max_tokens": 1e3, "messages": [{"content": "caf\\u00e9", "role":"user"}] }\n',
    ' {"model":"claude-opus-4-8","stream":true, "max_tokens": 1e3, "messages": [{"content": "caf\\u00e9", "role":"user"}] }\n',
  ],
  [
    "what only Bedrock reads may stand at the end",
    '{"max_tokens":9,"messages":[{"role":"user","content":"Hi"}],"anthropic_beta":["a-1"],"anthropic_version":"bedrock-2023-05-31"}',
    '{"model":"claude-opus-4-8","stream":true,"max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}',
  ],
  [
    "or in the middle, and the path wins over the body",
    '{"max_tokens":9,"model":"gpt-5.5","anthropic_version":"x","stream":false,"messages":[{"role":"user","content":"Hi"}]}',
    '{"model":"claude-opus-4-8","stream":true,"max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}',
  ],
];
for (const [name, body, sent] of SENT) {
  test(`to Claude goes a Messages body with model and stream switch: ${name}`, async () => {
    const response = await invoke(CLAUDE, { body, stream: true });
    await response.arrayBuffer();
    assert.equal(response.status, 200);
    assert.equal(gateway.lastSeen().body, sent);
  });
}

test("a body of nothing stays JSON", async () => {
  const prompted = await gatewayWith({ SYSTEM_PROMPT: "You are Droid." });
  const model = { model: CLAUDE, stream: false };
  for (const body of ["{}", '{"anthropic_version":"x"}', ' { "stream" : true , "anthropic_beta":[] } ']) {
    await (await invoke(CLAUDE, { body })).text();
    assert.deepEqual(JSON.parse(gateway.lastSeen().body), model);
    await (await invoke(CLAUDE, { at: prompted, body })).text();
    assert.deepEqual(JSON.parse(prompted.lastSeen().body), { ...model, system: [{ type: "text", text: "You are Droid." }] });
  }
});

test("the system prompt stands where a Messages client would get it, also in a large body", async () => {
  const prompted = await gatewayWith({ SYSTEM_PROMPT: "You are Droid." });
  for (const content of ["Hi", "x".repeat(1_500_000)]) {
    const messages = [{ role: "user", content }];
    await (await invoke(CLAUDE, { at: prompted, body: { ...BODY, messages } })).text();
    const expected = {
      model: CLAUDE,
      stream: false,
      system: [{ type: "text", text: "You are Droid." }],
      max_tokens: 1000,
      messages,
    };
    assert.deepEqual(JSON.parse(prompted.lastSeen().body), expected);
  }
});

test("betas of the body join those of the header; Claude goes out as Bedrock's", async () => {
  const body = { ...BODY, anthropic_beta: ["b-2", "a-1", "no beta\r\nx: y", 7] };
  await (await invoke(CLAUDE, { body, headers: { "anthropic-beta": "a-1, c-3", "anthropic-version": "2023-06-01" } })).text();
  const { headers, path } = gateway.lastSeen();
  assert.deepEqual(
    [path, headers["anthropic-beta"], headers["anthropic-version"], headers["x-api-provider"], headers["x-model-provider"]],
    ["/api/llm/a/v1/messages", "a-1,c-3,b-2", "2023-06-01", "bedrock_anthropic", "bedrock"],
  );
  assert.equal(headers["authorization"], `Bearer ${FACTORY_KEY}`);
});

test("other models get what a Messages client would have sent them, and nothing is reported as lost", async () => {
  for (const model of UPSTREAMS.filter((one) => one !== "anthropic-messages").map((one) => MODELS[one])) {
    const { path, body } = ask("anthropic-messages", { model, stream: true });
    await (await gateway.call(path, { body })).text();
    const expected = gateway.lastSeen();
    const response = await invoke(model, { stream: true, body: { ...BODY, anthropic_beta: ["b-2"] } });
    await response.arrayBuffer();
    const seen = gateway.lastSeen();
    assert.deepEqual([seen.path, JSON.parse(seen.body)], [expected.path, JSON.parse(expected.body)]);
    assert.equal(seen.headers["x-api-provider"], expected.headers["x-api-provider"]);
    assert.equal(response.headers.get("x-factory-proxy-dropped"), null);
  }
});

test("fallback models answer here too", async () => {
  const modelTable = JSON.stringify({ models: [{ id: CLAUDE, fallback: ["glm-5"] }] });
  const falling = await gatewayWith({}, { modelTable });
  upstream.script([{ error: { status: 503, message: "Overloaded" } }]);
  const response = await invoke(CLAUDE, { at: falling });
  await response.text();
  assert.deepEqual([response.status, falling.lastSeen().protocol], [200, "openai-chat"]);
});

test("/explain shows what would be sent", async () => {
  const before = upstream.requests.length;
  const response = await gateway.call("/explain/bedrock/model/us.anthropic.claude-opus-4-8-v1:0/invoke", { body: BODY });
  const { url, body } = (await response.json()) as { url: string; body: unknown };
  assert.deepEqual(
    [url, body],
    [`${upstream.url}/api/llm/a/v1/messages`, { model: CLAUDE, stream: false, max_tokens: 1000, messages: BODY.messages }],
  );
  assert.equal(upstream.requests.length, before);
});

// ---- Answers -----------------------------------------------------------------------------------------------------

for (const protocol of UPSTREAMS) {
  const model = MODELS[protocol];
  const said: Answer = { say: { text: "One two caf\u00e9 \u{1f600}", reasoning: "Hm." } };

  test(`${model}: the answer is the one that a Messages client gets`, async () => {
    upstream.script([said, said]);
    const { path, body } = ask("anthropic-messages", { model });
    const expected: unknown = await (await gateway.call(path, { body })).json();
    assert.deepEqual(withoutIds(await (await invoke(model)).json()), withoutIds(expected));
  });

  for (const byteByByte of [false, true]) {
    test(`${model}: a stream is the events that a Messages client gets, in frames${byteByByte ? ", wherever bytes are cut" : ""}`, async () => {
      upstream.script([said, { ...said, byteByByte }]);
      const { path, body } = ask("anthropic-messages", { model, stream: true });
      const expected = eventsIn(await (await gateway.call(path, { body })).text()).map(({ data }) => ({
        kind: "event",
        name: "chunk",
        value: JSON.parse(data) as unknown,
      }));
      const response = await invoke(model, { stream: true });
      assert.equal(response.headers.get("x-amzn-bedrock-content-type"), "application/json");
      assert.deepEqual(withoutIds(await framesOf(response)), withoutIds(expected));
    });
  }

  test(`${model}: an error before the answer has Bedrock's shape, whatever the upstream's is`, async () => {
    for (const stream of [false, true]) {
      for (const [status, type] of [
        [400, "ValidationException"],
        [403, "AccessDeniedException"],
        [404, "ResourceNotFoundException"],
        [429, "ThrottlingException"],
        [500, "InternalServerException"],
        [503, "ServiceUnavailableException"],
      ] as const) {
        upstream.script([{ error: { status, message: "It went wrong." } }]);
        const response = await invoke(model, { stream });
        assert.deepEqual(
          [response.status, response.headers.get("x-amzn-errortype"), response.headers.get("content-type"), await response.json()],
          [status, type, "application/json", { message: "It went wrong." }],
        );
      }
    }
  });

  test(`${model}: a stream that fails or is cut ends in an exception`, async () => {
    for (const broken of [
      { fail: { afterEvents: 3, message: "Too busy." } },
      { cut: { after: { events: 3 }, how: "end" } },
      { cut: { after: { events: 4 }, how: "destroy" } },
    ] as const) {
      upstream.script([{ ...said, ...broken }]);
      const frames = await framesOf(await invoke(model, { stream: true }));
      assert.deepEqual([frames.at(-1)?.kind, frames.filter(({ kind }) => kind === "exception").length], ["exception", 1]);
      assert.equal(typeof frames.at(-1)?.value["message"], "string");
      assert.equal(frames.filter(({ value }) => value["type"] === "message_stop").length, 0);
    }
  });

  // Where the protocols are the same, JSON passes as it is.
  if (protocol !== "anthropic-messages") {
    test(`${model}: JSON in answer to a stream becomes frames`, async () => {
      upstream.script([{ ...said, whole: true }]);
      const frames = await framesOf(await invoke(model, { stream: true }));
      assert.equal(frames.at(-1)?.value["type"], "message_stop");
    });
  }
}

const STARTED = `event: message_start\ndata: ${JSON.stringify({ type: "message_start", message: { id: "msg_1", content: [] } })}\n\n`;

test("which exception an error event becomes", async () => {
  for (const [type, name] of [
    ["rate_limit_error", "throttlingException"],
    ["overloaded_error", "serviceUnavailableException"],
    ["api_error", "internalServerException"],
    ["timeout_error", "modelTimeoutException"],
    ["invalid_request_error", "validationException"],
    ["something_new", "modelStreamErrorException"],
  ]) {
    const event = `event: error\ndata: ${JSON.stringify({ type: "error", error: { type, message: "No." } })}\n\n`;
    upstream.script([{ events: [STARTED, event] }]);
    const frames = await framesOf(await invoke(CLAUDE, { stream: true }));
    assert.deepEqual(frames.slice(1), [{ kind: "exception", name, value: { message: "No." } }]);
  }
});

for (const protocol of UPSTREAMS) {
  test(`${MODELS[protocol]}: while the stream is silent come pings that clients read past`, async () => {
    const lively = await gatewayWith({ KEEP_ALIVE_INTERVAL: "0.03" });
    upstream.script(() => ({ say: { text: "One two three" }, hold: { afterEvents: 2, until: new AwakeClock().pause(200) } }));
    const frames = await framesOf(await invoke(MODELS[protocol], { at: lively, stream: true }));
    const pings = frames.filter(({ value }) => value["type"] === "ping");
    assert.ok(pings.length >= 2, `${pings.length} pings`);
    assert.deepEqual(pings[0], { kind: "event", name: "chunk", value: { type: "ping" } });
    assert.equal(frames.at(-1)?.value["type"], "message_stop");
    const bedrock = new AnthropicBedrock({ baseURL: `${lively.url}/bedrock`, apiKey: lively.key, awsRegion: "us-east-1", maxRetries: 0 });
    const messages = [{ role: "user" as const, content: "Hello there" }];
    const text = await bedrock.messages.stream({ model: MODELS[protocol], max_tokens: 100, messages }).finalText();
    assert.equal(text, "One two three");
    upstream.script(() => null);
  });
}

// ---- Refusals ----------------------------------------------------------------------------------------------------

const REFUSED: readonly (readonly [name: string, status: number, type: string, call: () => Promise<Response>])[] = [
  ["no key", 401, "UnrecognizedClientException", () => gateway.call(`/bedrock/model/${CLAUDE}/invoke`, { body: BODY, key: null })],
  ["a misspelled model", 404, "ResourceNotFoundException", () => invoke("gtp-5.5")],
  ["no JSON", 400, "ValidationException", () => invoke(CLAUDE, { body: "{" })],
  ["an unknown encoding", 415, "ValidationException", () => invoke(CLAUDE, { headers: { "content-encoding": "compress" } })],
  ["what a model can't carry", 400, "ValidationException", () => invoke("glm-5", { body: { ...BODY, container: "c" } })],
  ["a method that is none", 405, "ValidationException", () => gateway.call(`/bedrock/model/${CLAUDE}/invoke`, { method: "GET" })],
];
for (const [name, status, type, call] of REFUSED) {
  test(`${name} is ${status} in Bedrock's shape`, async () => {
    const response = await call();
    const body = (await response.json()) as Record<string, unknown>;
    assert.deepEqual([response.status, response.headers.get("x-amzn-errortype"), Object.keys(body)], [status, type, ["message"]]);
    assert.ok(typeof body["message"] === "string" && body["message"].length > 10);
  });
}

test("a name that the upstream does not know either is told with the nearest ones", async () => {
  upstream.script([{ error: { status: 404, message: "model: claude-sonet-9" } }]);
  const { message } = (await (await invoke("claude-sonet-9")).json()) as { message: string };
  assert.match(message, /^model: claude-sonet-9\. Did you mean "claude-sonnet-4" or .* GET \/v1\/models lists the known models\.$/);
});

test("a full context is told in the words by which Claude Code knows it", async () => {
  upstream.script([{ error: { status: 400, message: "Your input exceeds the context window.", code: "context_length_exceeded" } }]);
  const response = await invoke(MODELS["openai-responses"]);
  assert.deepEqual(await response.json(), { message: "prompt is too long: Your input exceeds the context window." });
});
