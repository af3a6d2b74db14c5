// How much thinking a request asks a Responses upstream for.

import assert from "node:assert/strict";
import { test } from "node:test";
import { capabilitiesOf } from "../../../src/protocol/openai-responses/capabilities.ts";
import { nearestEffort } from "../../../src/protocol/openai-responses/reasoning.ts";
import { loss, PLAIN, SENT, testEncoding } from "./encoded.ts";

testEncoding([
  {
    what: "an effort",
    request: { reasoning: { mode: "on", effort: "high", budgetTokens: null, display: "detailed" } },
    body: { ...SENT, reasoning: { effort: "high", summary: "detailed" } },
  },
  {
    what: "who does not want to see reasoning gets no summary",
    request: { reasoning: { mode: "on", effort: "low", budgetTokens: null, display: "none" } },
    body: { ...SENT, reasoning: { effort: "low" } },
  },
  {
    what: "thinking that is switched off",
    request: { reasoning: { mode: "off", effort: null, budgetTokens: null, display: null } },
    body: { ...SENT, reasoning: { effort: "none" } },
  },
  {
    what: "as much as the model wants",
    request: { reasoning: { mode: "adaptive", effort: null, budgetTokens: null, display: null } },
    body: SENT,
  },
  ...(
    [
      [1, "low"],
      [1024, "low"],
      [1025, "medium"],
      [8192, "medium"],
      [24_576, "high"],
      [31_999, "xhigh"],
    ] as const
  ).map(([budgetTokens, effort]) => ({
    what: `a budget of ${budgetTokens} tokens is the effort ${effort}`,
    request: { reasoning: { mode: "on", effort: null, budgetTokens, display: null } as const },
    body: { ...SENT, reasoning: { effort, summary: "auto" } },
    losses: budgetTokens === 1 ? [loss("reasoning", "reported", "gpt-5.2 does not accept the effort minimal; low was sent.")] : [],
  })),
  {
    what: "gpt-5-codex takes no effort",
    request: { model: "gpt-5-codex", reasoning: { mode: "on", effort: "high", budgetTokens: null, display: null } },
    body: { ...SENT, model: "gpt-5-codex" },
    losses: [loss("reasoning", "reported", "gpt-5-codex does not accept the effort high; it is left to the model.")],
  },
  {
    what: "a model that does not reason can't be made to",
    request: { model: "gpt-4.1", reasoning: { mode: "on", effort: "low", budgetTokens: null, display: null } },
    body: PLAIN,
    losses: [loss("reasoning", "reported", "gpt-4.1 does not reason.")],
  },
]);

const EFFORTS: readonly (readonly [model: string, wanted: "none" | "minimal" | "max" | "high", sent: string | null])[] = [
  ["o3", "none", "low"],
  ["o4-mini", "max", "high"],
  ["gpt-5-2025-08-07", "none", "minimal"],
  ["gpt-5-pro", "minimal", "high"],
  ["gpt-5.1", "minimal", "low"],
  ["gpt-5.1-codex-max", "max", "xhigh"],
  ["gpt-5.1-codex-mini", "max", "high"],
  ["gpt-5.5", "max", "xhigh"],
  ["gpt-5.6-codex", "max", "max"],
  ["gpt-6", "minimal", "minimal"],
  ["grok-4", "high", null],
  ["grok-4.5", "high", "high"],
  ["some-model", "max", "max"],
];

for (const [model, wanted, sent] of EFFORTS) {
  test(`effort: ${model}, asked for the effort ${wanted}, gets ${sent ?? "none of it"}`, () => {
    assert.equal(nearestEffort(wanted, capabilitiesOf(model)), sent);
  });
}
