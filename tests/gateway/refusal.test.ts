// Factory's own errors in every client's shape with what to do about them, and a plan that is used up in the words that stop each client.
// Every test runs all sixteen ways (client protocol -> upstream protocol).

import assert from "node:assert/strict";
import { test } from "node:test";
import { refusalFor } from "../../src/gateway/refusal.ts";
import { GatewayError } from "../../src/errors.ts";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { ask, errorIn, failure, MODELS, told, WAYS, type Way } from "../support/dialects.ts";
import { startGateways } from "../support/gateway.ts";
import { objectOf } from "../support/reading.ts";
import { complete } from "../support/reply-content.ts";
import { encodeReply } from "../support/wire-reply.ts";
import type { Answer } from "../support/upstream.ts";

const { upstream, gatewayWith } = await startGateways();
const gateway = await gatewayWith({});

interface Asking {
  readonly stream?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

async function call(way: Way, answer: Answer, { stream = false, headers = {} }: Asking = {}): Promise<Response> {
  upstream.script(() => answer);
  const { path, body } = ask(way.client, { model: MODELS[way.upstream], stream });
  return gateway.call(path, { body, headers });
}

// ---- Factory's own errors ----------------------------------------------------------------------------------------

interface Own {
  readonly status: number;
  readonly detail: unknown;
  readonly message: string;
}
const OWN: readonly Own[] = [
  {
    status: 400,
    detail: "Invalid x-api-provider header",
    message: "Invalid x-api-provider header. Set `provider` for this model in the model table (CONFIG_PATH).",
  },
  {
    status: 401,
    detail: "Unknown key.",
    message: "Unknown key. Check the Factory key (FACTORY_API_KEY); keys come from https://app.factory.ai/settings/api-keys.",
  },
  {
    status: 402,
    detail: "You have reached your weekly usage limit.",
    message:
      "You have reached your weekly usage limit. Wait until the limit resets, allow extra usage in Factory's settings, or ask for a model that this limit does not cover.",
  },
  {
    status: 403,
    detail: "Forbidden",
    message:
      "Forbidden. Factory refuses system prompts that do not begin with its own first line: leave SYSTEM_PROMPT at its default, and check that the key may use this model.",
  },
  {
    status: 403,
    detail: "This model is not available due to your organization's security settings.",
    message:
      "This model is not available due to your organization's security settings. An admin of your Factory organization can allow this model; GET /v1/models lists others.",
  },
  {
    status: 403,
    detail: "This model requires explicit organization opt-in by an admin.",
    message:
      "This model requires explicit organization opt-in by an admin. An admin of your Factory organization has to opt in to this model; GET /v1/models lists others.",
  },
  {
    status: 403,
    detail: "Not yours!",
    message: "Not yours! The Factory key may not do this; an admin of your Factory organization can say why.",
  },
  {
    status: 405,
    detail: "Method Not Allowed",
    message: "Method Not Allowed. The model belongs to another endpoint: set `protocol` for it in the model table (CONFIG_PATH).",
  },
  {
    status: 422,
    detail: [{ loc: ["body"], msg: "field required" }, { msg: "too short" }],
    message: "field required; too short",
  },
  {
    status: 429,
    detail: { message: "Slow down" },
    message: "Slow down. The provider behind Factory is limiting calls right now; try again later.",
  },
  { status: 500, detail: "Oh dear", message: "Oh dear" },
];

for (const { status, detail, message } of OWN) {
  test(`Factory's own ${status} ${JSON.stringify(detail)} comes in the client's shape with what to do about it`, async () => {
    for (const way of WAYS) {
      for (const stream of [false, true]) {
        const answer = { status, body: JSON.stringify({ detail, status, title: "No" }), headers: { "content-type": "application/json" } };
        const response = await call(way, answer, { stream });
        const found = await errorIn(way.client, response);
        assert.deepEqual({ status: found.status, message: found.message }, { status, message }, way.name);
        const isFinal = status === 401 || status === 402 ? "false" : null;
        assert.equal(response.headers.get("x-should-retry"), isFinal, way.name);
      }
    }
  });
}

const LIMIT = "You have reached your weekly usage limit.";
const WITH_HINT = `${LIMIT} Wait until the limit resets, allow extra usage in Factory's settings, or ask for a model that this limit does not cover.`;
const TYPES_OF_CONTENT = ["application/json", "application/problem+json", "text/html", "text/event-stream"];

for (const status of [402, 200]) {
  test(`Factory's own 402 is one whatever its type of content and its framing, under status ${status}`, async () => {
    const detail = JSON.stringify({ detail: LIMIT, status: 402 });
    const bodies = [detail, `\ufeff${detail}`, `\n\ndata: ${detail}\n\n`, `event: error\ndata: ${detail}\n\n`];
    for (const way of WAYS) {
      for (const type of TYPES_OF_CONTENT) {
        for (const body of bodies) {
          for (const stream of [false, true]) {
            const response = await call(way, { status, body, headers: { "content-type": type } }, { stream });
            const found = await errorIn(way.client, response);
            const heard = [found.status, found.message, response.headers.get("x-should-retry")];
            assert.deepEqual(heard, [402, WITH_HINT, "false"], `${way.name}, ${type}, ${body}`);
          }
        }
      }
    }
  });
}

test("Factory's own error under status 200 without a status is a failure of the upstream", async () => {
  for (const way of WAYS) {
    const found = await errorIn(way.client, await call(way, { body: '{"detail":"Oh dear"}' }));
    assert.deepEqual([found.status, found.message], [502, "Oh dear"], way.name);
  }
});

test("Factory's own error in the middle of a stream ends the answer with its sentence, whatever passed before", async () => {
  for (const way of WAYS) {
    const { events } = encodeReply(way.upstream, complete({ model: MODELS[way.upstream], text: "Hi there" }), {
      serial: 1,
      includeUsage: true,
    });
    const own = `event: error\ndata: ${JSON.stringify({ detail: LIMIT, status: 402 })}\n\n`;
    for (const last of [own, own.replace("event: error\n", "")]) {
      const response = await call(way, { events: [events[0] ?? "", last] }, { stream: true });
      const { terminals } = told(way.client, await response.text());
      assert.deepEqual(terminals, failure(way.client, LIMIT), way.name);
    }
  }
});

test("plain text, a JSON string and a sentence beside a bare error are what the upstream says", async () => {
  const bodies = [LIMIT, JSON.stringify(LIMIT), JSON.stringify({ error: "Payment Required", detail: LIMIT })];
  for (const way of WAYS) {
    for (const body of bodies) {
      const found = await errorIn(way.client, await call(way, { status: 402, body, headers: { "content-type": "text/plain" } }));
      assert.ok(found.message.includes(LIMIT), `${way.name}: ${found.message}`);
    }
    const page = await errorIn(way.client, await call(way, { status: 402, body: "<html>No</html>" }));
    assert.doesNotMatch(page.message, /html/, way.name);
  }
});

test("an error in the shape of the provider behind gets no hint, and its bytes stay where the client speaks its protocol", async () => {
  const body = '{"type":"error", "error":{"type":"permission_error", "message":"Forbidden"}, "x":1}';
  for (const way of WAYS.filter(({ upstream: target }) => target === "anthropic-messages")) {
    const response = await call(way, { status: 403, body, headers: { "content-type": "application/json" } });
    if (way.client === way.upstream) assert.equal(await response.text(), body);
    else assert.equal((await errorIn(way.client, response)).message, "Forbidden", way.name);
  }
});

// ---- A plan that is used up --------------------------------------------------------------------------------------

const TYPES: Readonly<Record<ProtocolId, { readonly type: string; readonly code: string | null }>> = {
  "anthropic-messages": { type: "billing_error", code: null },
  "openai-chat": { type: "insufficient_quota", code: "insufficient_quota" },
  "openai-responses": { type: "insufficient_quota", code: "insufficient_quota" },
  gemini: { type: "FAILED_PRECONDITION", code: null },
};
/** Each protocol's error with a type that says nothing of a plan. */
const VAGUE: Readonly<Record<ProtocolId, object>> = {
  "anthropic-messages": { type: "error", error: { type: "invalid_request_error", message: "Spent." }, request_id: "r" },
  "openai-chat": { error: { message: "Spent.", type: "unknown_error", param: null, code: null } },
  "openai-responses": { error: { message: "Spent.", type: "requests", param: null, code: null } },
  gemini: { error: { code: 402, message: "Spent.", status: "RESOURCE_EXHAUSTED" } },
};
const WAITING = { "content-type": "application/json", "retry-after": "3600", "retry-after-ms": "3600000" };
const CODEX = { originator: "codex_cli_rs" };

const retryHeaders = ({ headers }: Response): (string | null)[] =>
  ["x-should-retry", "retry-after", "retry-after-ms"].map((name) => headers.get(name));

test("a 402 of any shape is the protocol's word for a used-up plan, and tells nobody to come back", async () => {
  for (const way of WAYS) {
    for (const body of [JSON.stringify(VAGUE[way.upstream]), '{"detail":"Spent."}', "<html>Spent.</html>", ""]) {
      for (const stream of [false, true]) {
        const response = await call(way, { status: 402, body, headers: WAITING }, { stream });
        const { status, type, code } = await errorIn(way.client, response);
        assert.deepEqual({ status, type, code }, { status: 402, ...TYPES[way.client] }, `${way.name}: ${body}`);
        assert.deepEqual(retryHeaders(response), ["false", null, null], way.name);
      }
    }
  }
});

test("a 402 that says so already keeps its bytes where the client speaks its protocol", async () => {
  const said: Readonly<Record<ProtocolId, string>> = {
    "anthropic-messages": '{"type":"error", "error":{"type":"billing_error","message":"Spent."}, "more":1.0}',
    "openai-chat": '{"error":{"type":"insufficient_quota", "code":"insufficient_quota","message":"Spent."}, "more":1.0}',
    "openai-responses": '{"error":{"type":"insufficient_quota", "code":"insufficient_quota","message":"Spent."}, "more":1.0}',
    gemini: '{"error":{"status":"FAILED_PRECONDITION", "code":402,"message":"Spent."}, "more":1.0}',
  };
  for (const way of WAYS.filter(({ client, upstream: target }) => client === target)) {
    const response = await call(way, { status: 402, body: said[way.client], headers: WAITING });
    assert.deepEqual([response.status, await response.text()], [402, said[way.client]], way.name);
  }
});

test("a used-up quota under another status keeps status and body, and tells nobody to come back", async () => {
  const body = '{"error":{"message":"Pay.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}';
  for (const way of WAYS.filter(({ upstream: target }) => target.startsWith("openai"))) {
    const response = await call(way, { status: 429, body, headers: WAITING });
    assert.deepEqual(retryHeaders(response), ["false", null, null], way.name);
    if (way.client === way.upstream) assert.equal(await response.text(), body);
    else assert.deepEqual((await errorIn(way.client, response)).status, 429, way.name);
  }
});

const CODEX_WAYS = WAYS.filter(({ client }) => client === "openai-responses");

test("Codex gets a used-up plan as the limit that it shows, with the time when it ends", async () => {
  const resetsAt = 1_800_000_000;
  for (const way of CODEX_WAYS) {
    for (const headers of [CODEX, { "x-codex-turn-metadata": "{}" }]) {
      for (const end of [
        { resets_at: resetsAt },
        { resets_at: String(resetsAt) },
        { windowEnd: resetsAt * 1000 },
        { reset_at: new Date(resetsAt * 1000).toISOString() },
        { detail: { message: "Spent.", windowEnd: resetsAt } },
      ]) {
        const body = JSON.stringify({ detail: "Spent.", ...end });
        const response = await call(way, { status: 402, body, headers: WAITING }, { stream: true, headers });
        const hint =
          "Wait until the limit resets, allow extra usage in Factory's settings, or ask for a model that this limit does not cover.";
        const limit = { type: "usage_limit_reached", code: "usage_limit_reached", message: `Spent. ${hint}`, resets_at: resetsAt };
        assert.deepEqual([response.status, retryHeaders(response)], [429, ["false", null, null]], way.name);
        const { param, ...error } = objectOf(objectOf(await response.json())["error"]);
        assert.deepEqual([error, param], [limit, null], way.name);
        assert.equal((await gateway.lineOf(response))["status"], 429);
      }
    }
  }
});

test("Codex learns the time from what is left of it, from retry-after where the body names none, and none where nothing does", async () => {
  const [way] = CODEX_WAYS;
  assert.ok(way !== undefined);
  const soon = Math.floor(Date.now() / 1000) + 3600;
  const remaining = JSON.stringify({ detail: "Spent.", secondsRemaining: 3599.5 });
  for (const [body, waiting] of [
    [JSON.stringify(VAGUE[way.upstream]), WAITING],
    ["", WAITING],
    [remaining, {}],
  ] as const) {
    const response = await call(way, { status: 402, body, headers: waiting }, { headers: CODEX });
    const error = objectOf(objectOf(await response.json())["error"]);
    assert.ok(Math.abs(Number(error["resets_at"]) - soon) < 60, String(error["resets_at"]));
  }
  const response = await call(way, { status: 402, body: "" }, { headers: CODEX });
  assert.equal("resets_at" in objectOf(objectOf(await response.json())["error"]), false);
});

test("a quota that OpenAI calls used up stops Codex as well", async () => {
  const body = '{"error":{"message":"Pay.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}';
  for (const way of CODEX_WAYS.filter(({ upstream: target }) => target.startsWith("openai"))) {
    const response = await call(way, { status: 429, body }, { headers: CODEX });
    const { type, message } = await errorIn(way.client, response);
    assert.deepEqual([response.status, type, message], [429, "usage_limit_reached", "Pay."], way.name);
  }
});

test("a throttle is no used-up plan: Codex gets its 429 with the time to wait", async () => {
  for (const way of CODEX_WAYS) {
    const response = await call(way, { error: { status: 429, message: "Slow." }, headers: { "retry-after": "7" } }, { headers: CODEX });
    assert.notEqual((await errorIn(way.client, response)).type, "usage_limit_reached");
    assert.deepEqual([response.status, retryHeaders(response)], [429, [null, "7", null]], way.name);
  }
});

test("an upstream's 401 says that asking again does not help, unless the upstream says that it does", () => {
  const error = new GatewayError("upstream-rejected", "No.", { status: 401 });
  for (const said of [null, "true", "false"]) {
    const headers = new Map(said === null ? [] : [["x-should-retry", said]]);
    const found = refusalFor({ protocol: "openai-chat", headers: {}, now: 0 }, { type: "refusal", error, status: 401, headers, body: "" });
    assert.equal(found.headers.get("x-should-retry"), said ?? "false");
  }
});
