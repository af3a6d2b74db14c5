// A client that asks for more than the model can answer gets the most that the model gives, and is told; Claude Code asks for 128,000.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { bareRequest } from "../../src/protocol/exchange.ts";
import { CODECS } from "../../src/protocol/codecs.ts";

/** The limit as it is sent, by the protocol. */
function limitIn(protocol: ProtocolId, body: string): unknown {
  const sent = JSON.parse(body) as Record<string, unknown>;
  switch (protocol) {
    case "openai-chat":
      return sent["max_completion_tokens"] ?? sent["max_tokens"];
    case "openai-responses":
      return sent["max_output_tokens"];
    case "anthropic-messages":
      return sent["max_tokens"];
    case "gemini":
      return (sent["generationConfig"] as Record<string, unknown>)["maxOutputTokens"];
  }
}

const LIMITS: readonly (readonly [protocol: ProtocolId, model: string, most: number])[] = [
  ["openai-chat", "gpt-4o-mini", 16_384],
  ["openai-chat", "gpt-4.1", 32_768],
  ["openai-chat", "o3", 100_000],
  ["openai-chat", "gpt-5.1", 128_000],
  ["openai-responses", "gpt-4o", 16_384],
  ["openai-responses", "gpt-4.1-mini", 32_768],
  ["openai-responses", "o4-mini", 100_000],
  ["openai-responses", "gpt-5.5", 128_000],
  ["anthropic-messages", "claude-sonnet-4-5-20250929", 64_000],
  ["gemini", "gemini-2.0-flash", 8_192],
  ["gemini", "gemini-2.5-pro", 65_535],
  ["gemini", "gemini-3.5-flash", 65_535],
];

for (const [protocol, model, most] of LIMITS) {
  test(`${protocol}, ${model} answers with at most ${most} tokens`, () => {
    for (const asked of [most, 200_000]) {
      const request = { ...bareRequest({ model, stream: false }), maxOutputTokens: asked };
      const { body, losses } = CODECS[protocol].request.encode(request);
      const said = losses.filter(({ field }) => field === "maxOutputTokens").map(({ severity }) => severity);
      assert.deepEqual([limitIn(protocol, body), said], [most, asked > most ? ["reported"] : []]);
    }
  });
}

test("a limit goes as it is to models whose own is not known", () => {
  for (const [protocol, model] of [
    ["openai-chat", "glm-5.2"],
    ["openai-responses", "grok-4.5"],
    ["openai-responses", "gpt-6"],
  ] as const) {
    const request = { ...bareRequest({ model, stream: false }), maxOutputTokens: 200_000 };
    const { body, losses } = CODECS[protocol].request.encode(request);
    assert.deepEqual([limitIn(protocol, body), losses], [200_000, []], model);
  }
});

test("of the Gemini models, only those before 2.5 take penalties for repetition", () => {
  const sampling = { ...bareRequest({ model: "", stream: false }).sampling, presencePenalty: 0.5, frequencyPenalty: 0 };
  for (const [model, sent, lost] of [
    ["gemini-2.0-flash", { presencePenalty: 0.5, frequencyPenalty: 0 }, []],
    ["gemini-2.5-flash", undefined, ["presencePenalty"]],
    ["gemini-3.1-pro-preview", undefined, ["presencePenalty"]],
  ] as const) {
    const { body, losses } = CODECS.gemini.request.encode({ ...bareRequest({ model, stream: false }), sampling });
    const { generationConfig } = JSON.parse(body) as { generationConfig?: object };
    assert.deepEqual([generationConfig, losses.map(({ field }) => field)], [sent, lost], model);
  }
});
