// What a client reads when the upstream does not know the model that it named.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../src/errors.ts";
import { isUnknownModel, withNamesMember } from "../../src/gateway/unknown-model.ts";
import { Models } from "../../src/models/models.ts";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { read } from "../support/configuration.ts";
import { ask } from "../support/dialects.ts";
import { PROTOCOLS } from "../support/fixtures.ts";
import { startGateways } from "../support/gateway.ts";

const { upstream, gatewayWith } = await startGateways();
const gateway = await gatewayWith({});
const models = new Models({ endpoints: read({}).endpoints, models: [] });
const LISTED = "GET /v1/models lists the known models.";

interface Case {
  readonly model: string;
  readonly status: number;
  readonly body: object;
  /** The upstream's message as it is told. */
  readonly message: string;
  readonly names: readonly string[];
}

/** As each provider says it, in the protocol of the model. */
const CASES: Readonly<Record<ProtocolId, Case>> = {
  "anthropic-messages": {
    model: "claude-sonet-5",
    status: 404,
    body: { type: "error", error: { type: "not_found_error", message: "model: claude-sonet-5" } },
    message: "model: claude-sonet-5.",
    names: ["claude-sonnet-5", "claude-sonnet-4", "claude-sonnet-4-5"],
  },
  "openai-responses": {
    model: "gpt-5.55",
    status: 400,
    body: {
      error: {
        message: "The requested model 'gpt-5.55' does not exist.",
        type: "invalid_request_error",
        param: "model",
        code: "model_not_found",
      },
    },
    message: "The requested model 'gpt-5.55' does not exist.",
    names: ["gpt-5.5", "gpt-5.4", "gpt-5.2"],
  },
  "openai-chat": {
    model: "glm-52",
    status: 400,
    body: { error: { code: "1211", message: "Unknown Model, please check the model code." } },
    message: "Unknown Model, please check the model code.",
    names: ["glm-5.2", "glm-5", "glm-5.3"],
  },
  gemini: {
    model: "gemini-2.5-prro",
    status: 404,
    body: { error: { code: 404, message: "models/gemini-2.5-prro is not found for API version v1beta", status: "NOT_FOUND" } },
    message: "models/gemini-2.5-prro is not found for API version v1beta.",
    names: ["gemini-2.5-pro", "gemini-2.5-flash"],
  },
};

function messageIn(body: string): unknown {
  return (JSON.parse(body) as { error: { message: unknown } }).error.message;
}

for (const target of PROTOCOLS) {
  const { model, status, body, message, names } = CASES[target];
  for (const client of PROTOCOLS.filter((one) => one !== target)) {
    test(`unknown model: ${client} reads the nearest names when the upstream does not know ${model}`, async () => {
      upstream.script([{ status, body: JSON.stringify(body) }]);
      const { path, body: asked } = ask(client, { model });
      const response = await gateway.call(path, { body: asked });
      const told = names.map((name) => `"${name}"`).join(" or ");
      const text = await response.text();
      assert.deepEqual([response.status, messageIn(text)], [status, `${message} Did you mean ${told}? ${LISTED}`]);
    });
  }

  test(`unknown model: ${target} keeps its own message, and the names stand beside it`, async () => {
    upstream.script([{ status, body: JSON.stringify(body) }]);
    const { path, body: asked } = ask(target, { model });
    const response = await gateway.call(path, { body: asked });
    const { error, ...rest } = body as { error: object };
    assert.deepEqual([response.status, await response.json()], [status, { ...rest, error: { nearest_models: names, ...error } }]);
  });
}

const SAID: readonly (readonly [status: number, code: string | null, message: string, isUnknown: boolean])[] = [
  [404, null, "The model `gpt-9` does not exist or you do not have access to it.", true],
  [404, null, "Model not found, inaccessible, and/or not deployed", true],
  [404, null, "Not found the model kimi-k9 or Permission denied", true],
  [400, null, "Model Not Exist", true],
  [400, null, "The model is not supported", true],
  [400, null, "unknown model", true],
  [400, "model_not_found", "", true],
  [403, null, "This model is not available due to your organization's security settings.", false],
  [429, null, "The model is not available right now", false],
  [400, null, "temperature: must be at most 1 for this model", false],
  [400, null, "tools: unknown field", false],
  [404, null, "Not Found", false],
];

for (const [status, code, message, isUnknown] of SAID) {
  test(`unknown model: ${status} "${message || code}" ${isUnknown ? "is" : "is not"} about the name`, () => {
    const error = new GatewayError("upstream-rejected", message, { status, ...(code === null ? {} : { code }) });
    assert.equal(isUnknownModel(error, "gpt-9", models), isUnknown);
    assert.equal(isUnknownModel(error, "gpt-5.5", models), false, "a model of the table is another matter");
  });
}

test("unknown model: the names go into an error object, else into the body", () => {
  const put = (body: string): string => withNamesMember(body, "grok-44", models);
  assert.equal(put('{"error" : {"a":1}, "b": 2}'), '{"error" : {"nearest_models":["grok-4","grok-4.5"],"a":1}, "b": 2}');
  assert.equal(put('{"error":{}}'), '{"error":{"nearest_models":["grok-4","grok-4.5"]}}');
  assert.equal(put('{"detail": "x"}'), '{"nearest_models":["grok-4","grok-4.5"],"detail": "x"}');
  assert.equal(put("{}"), '{"nearest_models":["grok-4","grok-4.5"]}');
  assert.equal(withNamesMember('{"error":{}}', "qwen-something-else", models), '{"error":{}}');
});
