// What calls cost: by list price, by a price of the model file, in credits, and where nobody knows.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Models } from "../../src/models/models.ts";
import { priceOf, type Cost } from "../../src/models/price.ts";
import { PRICE_DATE } from "../../src/models/prices.ts";
import { usage } from "../support/canonical.ts";
import { read } from "../support/configuration.ts";

const RULE = { cacheDiscountPercent: 90 };
const { endpoints } = read({});

function rounded({ usd, credits, date }: Cost): Cost {
  const near = (value: number | null): number | null => (value === null ? null : Number(value.toFixed(6)));
  return { usd: near(usd), credits: near(credits), date };
}

function costOf(model: string, counts: Parameters<typeof usage>[0], rows = ""): Cost {
  const { models } = rows === "" ? { models: [] } : read({ environment: { CONFIG_PATH: "m" }, files: { m: `{"models": ${rows}}` } });
  return rounded(priceOf(new Models({ endpoints, models }).find(model), usage(counts), RULE));
}

const MILLION = 1_000_000;

const COSTS: readonly (readonly [what: string, cost: Cost, expected: Cost])[] = [
  [
    "input, output and both kinds of cache writes, by list price",
    costOf("claude-opus-5", {
      inputTokens: 1000,
      cacheReadTokens: 10_000,
      cacheWriteTokens: 3000,
      cacheWrite1hTokens: 1000,
      outputTokens: 500,
    }),
    { usd: 0.045, credits: (1000 + 1000 + 3000 + 500) * 3, date: PRICE_DATE },
  ],
  [
    "a request of just as much input as the limit at the usual price",
    costOf("gpt-5.5", { inputTokens: 271_998, cacheReadTokens: 1, outputTokens: MILLION }),
    { usd: 31.35999, credits: 2_543_996.2, date: PRICE_DATE },
  ],
  [
    "every token of a longer request at the price of long contexts",
    costOf("gpt-5.5", { inputTokens: 271_999, cacheReadTokens: 1, outputTokens: MILLION }),
    { usd: 47.719991, credits: 2_543_998.2, date: PRICE_DATE },
  ],
  ["a model without a price in credits alone", costOf("gpt-5.5-fast", { outputTokens: 10 }), { usd: null, credits: 50, date: null }],
  [
    "a model without a multiplier in dollars alone",
    costOf("gpt-4o", { outputTokens: MILLION }),
    { usd: 10, credits: null, date: PRICE_DATE },
  ],
  ["a model that nobody knows in nothing", costOf("my-model", { outputTokens: 10 }), { usd: null, credits: null, date: null }],
  [
    "a price of the model file before the list's, what it leaves out as other input",
    costOf(
      "glm-5.2",
      { inputTokens: MILLION, cacheReadTokens: MILLION, cacheWriteTokens: MILLION, cacheWrite1hTokens: 0, outputTokens: MILLION },
      `[{"id": "glm-5.2", "price": {"input": 2, "output": 3, "cacheWrite": 5}, "multiplier": 0.5}]`,
    ),
    { usd: 12, credits: 1_550_000, date: "file" },
  ],
  [
    "a price of the model file for long contexts",
    costOf(
      "my-model",
      { inputTokens: 11, outputTokens: MILLION },
      `[{"id": "my-model", "price": {"input": 0, "output": 1, "longContext": {"overTokens": 10, "input": 0, "output": 4}}}]`,
    ),
    { usd: 4, credits: null, date: "file" },
  ],
  ["nothing at all where nothing was counted", costOf("claude-opus-5", {}), { usd: 0, credits: 0, date: PRICE_DATE }],
];

for (const [what, cost, expected] of COSTS) test(`price: ${what}`, () => assert.deepEqual(cost, expected));
