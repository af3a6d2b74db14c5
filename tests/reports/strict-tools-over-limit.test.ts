// camel-ai/camel#4171, elizaOS/eliza#16499, elie222/inbox-zero#2323: Claude accepts 20 strict tools, with 24 optional and 16 union parameters, and
// refuses a request above that.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { startGateways } from "../support/gateway.ts";
import { askWithTools, type Declared } from "../support/tool-dialects.ts";

const { gatewayWith } = await startGateways();
const gateway = await gatewayWith({});
const lawful = await gatewayWith({ STRICT: "1" });

const REQUEST = JSON.parse(readFileSync(new URL("../fixtures/reports/strict-tools-over-limit/request.json", import.meta.url), "utf8")) as {
  tools: { function: Declared }[];
};
const TOOLS = REQUEST.tools.map((tool) => tool.function);

/** Which of the tools that the upstream was sent are strict. */
function strictTools(): string[] {
  const { tools } = JSON.parse(gateway.lastSeen().body) as { tools: { name: string; strict?: boolean; input_schema: unknown }[] };
  assert.deepEqual(
    tools.map(({ name, input_schema }) => [name, input_schema]),
    TOOLS.map(({ name, parameters }) => [name, parameters]).slice(0, tools.length),
  );
  return tools.filter(({ strict }) => strict === true).map(({ name }) => name);
}

test("the report's own request: 25 strict tools with a union each; 16 of them stay strict, and the client is told", async () => {
  const response = await gateway.call("/v1/chat/completions", { body: REQUEST });
  assert.equal(response.status, 200, await response.text());
  assert.equal(response.headers.get("x-factory-proxy-dropped"), "tools.strict");
  assert.deepEqual(
    strictTools(),
    Array.from({ length: 16 }, (_, index) => `t${index}`),
  );
});

for (const client of ["openai-chat", "openai-responses"] as const) {
  for (const [count, dropped] of [
    [16, null],
    [17, "tools.strict"],
  ] as const) {
    test(`${client}: ${count} unions`, async () => {
      const { path, body } = askWithTools(client, { model: "claude-sonnet-5", tools: TOOLS.slice(0, count) });
      const response = await gateway.call(path, { body });
      assert.equal(response.status, 200, await response.text());
      assert.deepEqual([response.headers.get("x-factory-proxy-dropped"), strictTools().length], [dropped, 16]);
    });
  }
}

test("STRICT refuses the request with the reason", async () => {
  const response = await lawful.call("/v1/chat/completions", { body: REQUEST });
  assert.equal(response.status, 400);
  assert.match(await response.text(), /tools\.strict: Claude accepts 20 strict tools, with 24 optional and 16 union parameters/);
});
