// microsoft/vscode#312940, CLIProxyAPI#5557: the `cache_control` of a whole Chat body did not reach Claude, and without any mark nothing is cached.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { JsonObject } from "../../src/wire/json.ts";
import { ask } from "../support/dialects.ts";
import { PROTOCOLS } from "../support/fixtures.ts";
import { startGateways } from "../support/gateway.ts";

const { upstream, gatewayWith } = await startGateways();
const gateway = await gatewayWith({ SYSTEM_PROMPT: "" });
const FOLDER = new URL("../fixtures/reports/root-cache-control/", import.meta.url);
const request = readFileSync(new URL("request.json", FOLDER), "utf8");
const answer = readFileSync(new URL("upstream.json", FOLDER), "utf8");

const SENT = {
  model: "claude-sonnet-5",
  max_tokens: 128_000,
  cache_control: { type: "ephemeral" },
  messages: [{ role: "user", content: [{ type: "text", text: "hi" }] }],
};

test("root-cache-control: the mark goes on to Claude, and nothing is reported", async () => {
  upstream.script([{ body: answer }]);
  const response = await gateway.call("/v1/chat/completions", { body: request });
  const { choices } = (await response.json()) as { choices: { message: { content: string } }[] };
  assert.deepEqual(JSON.parse(gateway.lastSeen().body), SENT);
  assert.deepEqual([response.status, response.headers.get("x-factory-proxy-dropped"), choices[0]?.message.content], [200, null, "ok"]);
});

test("root-cache-control: so it does for the clients of every protocol", async () => {
  for (const protocol of PROTOCOLS) {
    const { cache_control: mark } = SENT;
    const { path, body } = ask(protocol, { model: SENT.model, text: "hi", more: { cache_control: mark } });
    upstream.script([{ body: answer }]);
    const response = await gateway.call(path, { body });
    await response.text();
    const sent = JSON.parse(gateway.lastSeen().body) as JsonObject;
    assert.deepEqual([response.status, sent["cache_control"]], [200, mark], protocol);
  }
});

test("root-cache-control: without any mark, an agent's body gets it", async () => {
  const tools = [{ type: "function", function: { name: "look", parameters: { type: "object", properties: {} } } }];
  upstream.script([{ body: answer }]);
  const { cache_control: _, ...unmarked } = JSON.parse(request) as JsonObject;
  await (await gateway.call("/v1/chat/completions", { body: { ...unmarked, tools } })).text();
  assert.deepEqual(JSON.parse(gateway.lastSeen().body), {
    ...SENT,
    tools: [{ name: "look", input_schema: { type: "object", properties: {} } }],
  });
});
