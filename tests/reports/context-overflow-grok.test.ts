// chenyme/grok2api#693, openclaw#9562, MoonshotAI/kimi-code#207: a full context in words that no agent recognised, so that none compacted.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { ask, MODELS } from "../support/dialects.ts";
import { PROTOCOLS } from "../support/fixtures.ts";
import { startGateways } from "../support/gateway.ts";

const { upstream, gatewayWith } = await startGateways();
const gateway = await gatewayWith({});

const read = (file: string): string => readFileSync(new URL(`../fixtures/reports/context-overflow-grok/${file}`, import.meta.url), "utf8");
const REQUEST = JSON.parse(read("request.json")) as object;
const ANSWER = read("upstream.json");
const WORDS = "This model's maximum prompt length is 500000 but the request contains 907154 tokens.";
const MOONSHOT = "Invalid request: Your request exceeded model token limit: 262144 (requested: 270000)";

test("Claude Code's own request: it reads that the prompt is too long", async () => {
  upstream.script([{ status: 400, body: ANSWER }]);
  const response = await gateway.call("/v1/messages", { body: REQUEST });
  const { error } = (await response.json()) as { error: object };
  assert.deepEqual([response.status, error], [400, told("anthropic-messages", WORDS).error]);
});

/** The error as a client that has to recognise it reads it. */
function told(client: ProtocolId, message: string): { error: object } {
  switch (client) {
    case "anthropic-messages":
      return {
        error: {
          type: "invalid_request_error",
          message: `prompt is too long: ${message}`,
          details: { error_code: "context_length_exceeded" },
        },
      };
    case "gemini": {
      const details = [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "context_length_exceeded", domain: "factory-proxy" }];
      return { error: { code: 400, message, status: "INVALID_ARGUMENT", details } };
    }
    default:
      return { error: { message, type: "invalid_request_error", param: null, code: "context_length_exceeded" } };
  }
}

for (const [whose, model, message, body] of [
  ["xAI", "grok-4.5", WORDS, ANSWER],
  ["Moonshot", "kimi-k2.6", MOONSHOT, JSON.stringify({ error: { message: MOONSHOT, type: "invalid_request_error" } })],
  ["Z.ai", "glm-5.3", "Prompt 超长", JSON.stringify({ error: { code: "1261", message: "Prompt 超长" } })],
] as const) {
  for (const client of PROTOCOLS) {
    test(`${whose}'s words, as ${client} recognises them`, async () => {
      upstream.script([{ status: 400, body }]);
      const call = ask(client, { model });
      const response = await gateway.call(call.path, { body: call.body });
      const { error } = (await response.json()) as { error: { details?: { "@type"?: string }[] } };
      if (client === "gemini") error.details = (error.details ?? []).filter((detail) => detail["@type"]?.endsWith("ErrorInfo"));
      // A body in the client's own protocol has the members that it came with.
      assert.deepEqual([response.status, withoutNull(error)], [400, withoutNull(told(client, message).error)]);
    });
  }
}

const withoutNull = (value: object): object => Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null));

test("Claude's own words to a Messages client stay as they are, byte for byte", async () => {
  for (const message of [
    "prompt is too long: 210000 tokens > 200000 maximum",
    "input length and `max_tokens` exceed context limit: 190000 + 32000 > 200000, decrease input length or `max_tokens` and try again",
  ]) {
    const body = `{ "type":"error",  "error":{"type":"invalid_request_error","message":${JSON.stringify(message)}},"request_id":"req_1"}`;
    upstream.script([{ status: 400, body }]);
    const call = ask("anthropic-messages", { model: MODELS["anthropic-messages"] });
    const response = await gateway.call(call.path, { body: call.body });
    assert.deepEqual([response.status, await response.text()], [400, body]);
  }
});

test("another maker's words behind Messages follow those that Claude Code knows; status and all else stay", async () => {
  const message = "invalid params, context window exceeds limit (2013)";
  upstream.script([
    { status: 422, body: JSON.stringify({ type: "error", error: { type: "bad_request_error", message }, request_id: "r" }) },
  ]);
  const call = ask("anthropic-messages", { model: MODELS["anthropic-messages"] });
  const response = await gateway.call(call.path, { body: call.body });
  assert.deepEqual(
    [response.status, await response.json()],
    [422, { type: "error", error: { type: "bad_request_error", message: `prompt is too long: ${message}` }, request_id: "r" }],
  );
});
