// jasonxu114514/opencode2api#27: a Chat upstream says `tool_calls` and calls nothing; Claude Code waited for a call and stopped without a word.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ask, SUCCESS, told } from "../support/dialects.ts";
import { PROTOCOLS } from "../support/fixtures.ts";
import { startGateways } from "../support/gateway.ts";

const { upstream, gatewayWith } = await startGateways();
const gateway = await gatewayWith({});

const read = (file: string): string => readFileSync(new URL(`../fixtures/reports/tool-stop-without-call/${file}`, import.meta.url), "utf8");
const STREAM = read("upstream.sse");
const REQUEST = JSON.parse(read("request.json")) as object;
const SSE = { "content-type": "text/event-stream" };
const MESSAGE = { role: "assistant", content: "I will look." };

test("Claude Code's own request: the answer ends its turn, streamed and not", async () => {
  upstream.script([{ body: STREAM, headers: SSE }]);
  const streamed = await (await gateway.call("/v1/messages", { body: REQUEST })).text();
  assert.deepEqual(
    [...streamed.matchAll(/"stop_reason":"(\w+)"/g)].map(([, reason]) => reason),
    ["end_turn"],
  );

  upstream.script([{ body: JSON.stringify({ id: "c1", choices: [{ index: 0, message: MESSAGE, finish_reason: "tool_calls" }] }) }]);
  const answer = (await (await gateway.call("/v1/messages", { body: { ...REQUEST, stream: false } })).json()) as Record<string, unknown>;
  assert.deepEqual([answer["content"], answer["stop_reason"]], [[{ type: "text", text: "I will look." }], "end_turn"]);
});

for (const client of PROTOCOLS.filter((protocol) => protocol !== "openai-chat")) {
  test(`${client}: tool_calls without a call is the plain end`, async () => {
    upstream.script([{ body: STREAM, headers: SSE }]);
    const { path, body } = ask(client, { model: "glm-4.6", stream: true });
    const answer = await (await gateway.call(path, { body })).text();
    assert.deepEqual(told(client, answer), { text: "I will look.", terminals: SUCCESS[client] });
  });
}
