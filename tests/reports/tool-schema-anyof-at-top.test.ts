// anthropics/claude-code#5319, #5973, OmniRoute#13552, litellm#38792: a choice at the root of one tool's schema fails every request, with Claude
// and with OpenAI's models before GPT-5.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { PROTOCOLS } from "../support/fixtures.ts";
import { startGateways } from "../support/gateway.ts";
import { objectOf, objectsOf } from "../support/reading.ts";
import { askWithTools, callIn, type Declared } from "../support/tool-dialects.ts";

const { gatewayWith } = await startGateways();
const gateway = await gatewayWith({});

const REQUEST = JSON.parse(readFileSync(new URL("../fixtures/reports/tool-schema-anyof-at-top/request.json", import.meta.url), "utf8")) as {
  tools: [{ function: Declared }];
};
const RUN = REQUEST.tools[0].function;
const FLAT = { type: "object", properties: { yaml: { type: "string" }, dir: { type: "string" } } };
const TOLD = 'd\n\nThe arguments must match at least one of these schemas: {"required":["yaml"]}; {"required":["dir"]}.';

/** The only tool that the upstream was sent: its description and schema. */
function sentTool(through = gateway): [description: unknown, schema: unknown] {
  const [tool] = objectsOf(objectOf(JSON.parse(through.lastSeen().body))["tools"]);
  const definition = tool?.["function"] === undefined ? objectOf(tool) : objectOf(tool["function"]);
  return [definition["description"], definition["input_schema"] ?? definition["parameters"]];
}

test("the report's own request: Claude takes it", async () => {
  const response = await gateway.call("/v1/chat/completions", { body: REQUEST });
  assert.equal(response.status, 200, await response.text());
  assert.equal(response.headers.get("x-factory-proxy-dropped"), null);
  assert.deepEqual(sentTool(), [TOLD, FLAT]);
});

const TARGETS: readonly (readonly [upstream: ProtocolId, models: readonly string[], isFlat: boolean])[] = [
  ["anthropic-messages", ["claude-sonnet-5", "claude-opus-4-8"], true],
  ["openai-responses", ["gpt-4.1", "gpt-4o", "o1", "o3", "o4-mini"], true],
  ["openai-responses", ["gpt-5.5"], false],
  ["openai-chat", ["gpt-4.1", "gpt-4o", "o3"], true],
  ["openai-chat", ["gpt-5", "glm-5"], false],
];

for (const [upstream, models, isFlat] of TARGETS) {
  const modelTable = JSON.stringify({ models: models.map((id) => ({ id, protocol: upstream })) });
  const tabled = await gatewayWith({}, { modelTable });
  for (const client of PROTOCOLS.filter((protocol) => protocol !== upstream)) {
    test(`${client} to ${models.join(", ")} over ${upstream}: the choice ${isFlat ? "is said in the description" : "stays"}`, async () => {
      for (const model of models) {
        for (const stream of [false, true]) {
          const { path, body } = askWithTools(client, { model, stream, tools: [RUN] });
          const response = await tabled.call(path, { body });
          const answer = await response.text();
          assert.equal(response.status, 200, answer);
          assert.deepEqual(sentTool(tabled), isFlat ? [TOLD, FLAT] : ["d", RUN.parameters], model);
          assert.deepEqual(callIn(client, answer).name, "run");
        }
      }
    });
  }
}

test("oneOf and allOf, and names that Claude does not take in their branches", async () => {
  const parameters = {
    oneOf: [{ $ref: "#/$defs/byId" }, { type: "object", properties: { name: { type: "string" } }, required: ["name"] }],
    allOf: [{ properties: { dry: { type: "boolean" } }, required: ["dry"] }],
    $defs: { byId: { type: "object", properties: { "item[id]": { type: "string" } }, required: ["item[id]"] } },
  };
  const { path, body } = askWithTools("openai-responses", { model: "claude-sonnet-5", tools: [{ name: "run", parameters }] });
  const response = await gateway.call(path, { body });
  const answer = await response.text();
  assert.equal(response.status, 200, answer);
  assert.deepEqual(callIn("openai-responses", answer).arguments, { dry: true, "item[id]": "Paris", name: "Paris" });
});
