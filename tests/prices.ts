// `bun run prices`: writes src/models/prices.ts from the installed version of @pydantic/genai-prices, for the models of the table.
// A model that its provider does not list, or lists only under the name of another, has no price there.

import { writeFileSync } from "node:fs";
import { calcPrice, type ModelPrice } from "@pydantic/genai-prices";
import packageJson from "../package.json" with { type: "json" };
import { CATALOG } from "../src/models/catalog.ts";

/** The version that is installed, and the day on which it was published. */
const SNAPSHOT = { version: "0.1.8", date: "2026-09-23" } as const;
const DATE = SNAPSHOT.date;
const { devDependencies } = packageJson;
if (devDependencies["@pydantic/genai-prices"] !== SNAPSHOT.version) throw new Error("SNAPSHOT in tests/prices.ts is of another version.");

/** By `x-api-provider`: providers in order, each with how it calls a model. */
const LISTS: Readonly<Record<string, readonly (readonly [provider: string, name: (id: string) => string])[]>> = {
  anthropic: [["anthropic", (id) => id]],
  openai: [["openai", (id) => id]],
  xai: [["x-ai", (id) => id]],
  google: [["google", (id) => id]],
  // Open models: Fireworks itself, then who made the model.
  fireworks: [
    ["fireworks", (id) => `accounts/fireworks/models/${id.replaceAll(".", "p")}`],
    ["fireworks", (id) => `accounts/fireworks/routers/${id.replaceAll(".", "p")}`],
    ["fireworks", (id) => `accounts/fireworks/models/${id}-nvfp4`],
    ["zai", (id) => id],
    ["moonshotai", (id) => id],
    ["minimax", (id) => id],
    ["deepseek", (id) => id],
  ],
};

function priceOf({ id, provider }: { readonly id: string; readonly provider: string }): ModelPrice | null {
  for (const [providerId, name] of LISTS[provider] ?? []) {
    const found = calcPrice({ input_tokens: 1, output_tokens: 1 }, name(id), { providerId, timestamp: new Date(`${DATE}T12:00:00Z`) });
    if (found !== null) return found.model_price;
  }
  return null;
}

/** Input, output, cache read, cache write, cache write for an hour. What has no price of its own costs what any input does. */
function ratesOf(price: ModelPrice, isLong: boolean): number[] {
  const rate = (name: string): number | null => {
    const value = price[name];
    if (value === undefined || typeof value === "number") return value ?? null;
    return isLong ? (value.tiers[0]?.price ?? value.base) : value.base;
  };
  const [input, output] = [rate("input_mtok"), rate("output_mtok")];
  if (input === null || output === null) throw new Error("A price without input or output.");
  const write = rate("cache_write_mtok") ?? input;
  return [input, output, rate("cache_read_mtok") ?? input, write, rate("cache_write_1h_mtok") ?? write];
}

function longContextOf(id: string, price: ModelPrice): number[] | null {
  const tiers = Object.values(price).flatMap((value) => (typeof value === "object" ? [value.tiers] : []));
  const starts = new Set(tiers.flat().map(({ start }) => start));
  if (starts.size > 1) throw new Error(`${id} has more than one tier.`);
  const [start] = starts;
  return start === undefined ? null : [start, ...ratesOf(price, true)];
}

const rows = CATALOG.flatMap((row) => {
  const price = priceOf(row);
  if (price === null) return [];
  const longContext = longContextOf(row.id, price);
  const long = longContext === null ? "" : `, [${longContext.join(", ")}]`;
  return [`  ["${row.id}", [${ratesOf(price, false).join(", ")}]${long}],`];
});

writeFileSync(
  new URL("../src/models/prices.ts", import.meta.url),
  `// List prices of the models in the table, made by \`bun run prices\` from @pydantic/genai-prices ${SNAPSHOT.version}. Data only; never edited by hand.

/** The day of these prices. */
export const PRICE_DATE = "${DATE}";

type Rates = readonly [input: number, output: number, cacheRead: number, cacheWrite: number, cacheWrite1h: number];
export type LongContext = readonly [overTokens: number, ...rates: Rates];

/** US dollars for a million tokens; where a request with more input than \`overTokens\` costs more, that too. */
export const PRICE_ROWS: readonly (readonly [id: string, rates: Rates, longContext?: LongContext])[] = [
${rows.join("\n")}
];
`,
);
