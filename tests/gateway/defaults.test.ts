// What the operator sets where the client says nothing: the limit on Claude's answers, and target URLs without a path.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "../../src/wire/json.ts";
import { ask, MODELS } from "../support/dialects.ts";
import { PROTOCOLS } from "../support/fixtures.ts";
import { startGateways, type RunningGateway } from "../support/gateway.ts";

const { upstream, gatewayWith } = await startGateways();
const plain = await gatewayWith({ SYSTEM_PROMPT: "" });
const limited = await gatewayWith({ SYSTEM_PROMPT: "", DEFAULT_MAX_TOKENS: "5000" });
const generous = await gatewayWith({ SYSTEM_PROMPT: "", DEFAULT_MAX_TOKENS: "900000" });

async function limitOf(gateway: RunningGateway, path: string, body: object): Promise<unknown> {
  const response = await gateway.call(path, { body });
  assert.equal(response.status, 200, await response.text());
  assert.equal(response.headers.get("x-factory-proxy-dropped"), null);
  return (JSON.parse(gateway.lastSeen().body) as JsonObject)["max_tokens"];
}

const USER = { role: "user", content: "Hello" };

for (const protocol of PROTOCOLS) {
  test(`defaults: ${protocol} without a limit gets Claude's own, or DEFAULT_MAX_TOKENS up to that`, async () => {
    for (const [model, most] of [
      ["claude-opus-4-8", 128_000],
      ["claude-sonnet-4-5-20250929", 64_000],
      ["claude-3-5-haiku-20241022", 8192],
    ] as const) {
      const { path, body } = ask(protocol, { model });
      const asked = { ...body, max_tokens: undefined };
      assert.deepEqual(
        [await limitOf(plain, path, asked), await limitOf(limited, path, asked), await limitOf(generous, path, asked)],
        [most, 5000, most],
        model,
      );
    }
  });
}

const OWN_LIMITS: readonly (readonly [string, object])[] = [
  ["/v1/messages", { max_tokens: 77, messages: [USER] }],
  ["/v1/chat/completions", { max_tokens: 77, messages: [USER] }],
  ["/v1/chat/completions", { max_completion_tokens: 77, messages: [USER] }],
  ["/v1/responses", { max_output_tokens: 77, input: "Hello" }],
];

for (const [path, body] of OWN_LIMITS) {
  test(`defaults: the client's own limit stays, ${path} ${Object.keys(body)[0]}`, async () => {
    assert.equal(await limitOf(limited, path, { model: "claude-opus-4-8", ...body }), 77);
  });
}

test("defaults: a Messages body gets its limit at the end, and every other character stays", async () => {
  const send = async (gateway: RunningGateway, path: string, body: string): Promise<string> => {
    await (await gateway.call(path, { body })).text();
    return gateway.lastSeen().body;
  };
  const body = '{ "messages": [{"role":"user","content":"Hi"}],  "model": "claude-opus-4-8" }';
  assert.equal(await send(limited, "/v1/messages", body), body.replace('8" }', '8","max_tokens":5000 }'));
  assert.equal(await send(plain, "/anthropic/v1/messages", body), body.replace('8" }', '8","max_tokens":128000 }'));
  const alias = body.replace("claude-opus-4-8", "claude-haiku-4-5");
  assert.equal(await send(plain, "/v1/messages", alias), body.replace('opus-4-8" }', 'haiku-4-5-20251001","max_tokens":64000 }'));
  const empty = '{"max_tokens":null,"model":"claude-opus-4-8","messages":[{"role":"user","content":"Hi"}]}';
  assert.equal(await send(limited, "/v1/messages", empty), empty.replace("null", "5000"));
  assert.equal(await send(limited, "/v1/messages/count_tokens", body), body);
});

test("defaults: a limit that a thinking budget reaches gives way to the model's own", async () => {
  const thinking = { type: "enabled", budget_tokens: 6000 };
  const body = { model: "claude-sonnet-4-5-20250929", thinking, messages: [USER] };
  assert.equal(await limitOf(limited, "/v1/messages", body), 64_000);
  assert.equal(await limitOf(limited, "/v1/messages", { ...body, thinking: { ...thinking, budget_tokens: 4000 } }), 5000);
});

const PATHS = {
  "anthropic-messages": "/v1/messages",
  "openai-responses": "/v1/responses",
  "openai-chat": "/v1/chat/completions",
  gemini: "/v1beta/models/gemini-2.5-pro:generateContent",
} as const;

test("defaults: a target URL without a path is asked at its protocol's own, and Google's names model and method there", async () => {
  const gateway = await gatewayWith({
    SYSTEM_PROMPT: "",
    ANTHROPIC_TARGET_URL: upstream.url,
    OPENAI_TARGET_URL: `${upstream.url}/`,
    CHAT_TARGET_URL: upstream.url,
    GEMINI_TARGET_URL: upstream.url,
  });
  const seen = async (path: string, body: object): Promise<readonly [path: string, members: JsonObject]> => {
    await (await gateway.call(path, { body })).text();
    const request = gateway.lastSeen();
    return [request.path, JSON.parse(request.body) as JsonObject];
  };
  for (const client of PROTOCOLS) {
    for (const target of PROTOCOLS) {
      for (const stream of [false, true]) {
        const { path, body } = ask(client, { model: MODELS[target], stream });
        const [asked, sent] = await seen(path, body);
        if (target !== "gemini") {
          assert.deepEqual([asked, sent["model"]], [PATHS[target], MODELS[target]], client);
          continue;
        }
        const streaming = "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse";
        assert.deepEqual([asked, "model" in sent, "stream" in sent], [stream ? streaming : PATHS.gemini, false, false], client);
        assert.deepEqual(sent["contents"], [{ role: "user", parts: [{ text: "Hello there" }] }], client);
      }
    }
  }
});
