// What a call costs, in US dollars and in the plan's credits. Both are estimates, from list prices and from what Factory says of credits.
// Never guesses: null where no price or multiplier is known.

import type { Usage } from "../protocol/canonical.ts";

/** US dollars per million tokens. */
export interface Rates {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
  /** For a cache that lasts 5 minutes. */
  readonly cacheWrite: number;
  /** For a cache that lasts an hour. */
  readonly cacheWrite1h: number;
}

export interface Price extends Rates {
  /** The prices of every token of a request whose input, caches included, exceeds `overTokens`. Null: the same prices. */
  readonly longContext: (Rates & { readonly overTokens: number }) | null;
  /** The date of the price list, `2026-11-28`; `file` for a price in the model file. */
  readonly date: string;
}

/** What the table says of a model's cost. */
export interface Priced {
  readonly price: Price | null;
  /** Credits per token. */
  readonly multiplier: number | null;
}

export interface CreditRule {
  /** By how many percent fewer credits a token costs when it is read from a cache. */
  readonly cacheDiscountPercent: number;
}

/** Null: the model has no known price, or no known multiplier. */
export interface Cost {
  readonly usd: number | null;
  readonly credits: number | null;
  /** The `date` of the price. Null where `usd` is. */
  readonly date: string | null;
}

/** The cost of one request; prices for long contexts depend on the single request. Counters that are null count as 0. */
export function priceOf({ price, multiplier }: Priced, usage: Usage, { cacheDiscountPercent }: CreditRule): Cost {
  const input = usage.inputTokens ?? 0;
  const cacheRead = usage.cacheReadTokens ?? 0;
  const cacheWrite = usage.cacheWriteTokens ?? 0;
  const output = usage.outputTokens ?? 0;
  const credits = multiplier === null ? null : (input + cacheWrite + output + cacheRead * (1 - cacheDiscountPercent / 100)) * multiplier;
  if (price === null) return { usd: null, credits, date: null };
  const { longContext } = price;
  const rates = longContext !== null && input + cacheRead + cacheWrite > longContext.overTokens ? longContext : price;
  const anHour = Math.min(usage.cacheWrite1hTokens ?? 0, cacheWrite);
  const millionths =
    input * rates.input +
    output * rates.output +
    cacheRead * rates.cacheRead +
    (cacheWrite - anHour) * rates.cacheWrite +
    anHour * rates.cacheWrite1h;
  return { usd: millionths / 1_000_000, credits, date: price.date };
}
