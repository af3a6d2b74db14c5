// The usage of a launched agent, as one line.

import type { Store } from "../access/store.ts";
import { countsOf, type Counts } from "./usage-sums.ts";
import { printShort, printUsd } from "./usage-words.ts";

export interface LaunchUsageOptions {
  /** The name of its key. */
  readonly key: string;
  readonly sinceMs: number;
  /** Whether all rows are in the store; those of another process may still be on their way. */
  readonly isOwn: boolean;
}

/** Another process writes its rows in batches, every 50 ms. */
const SETTLE_MS = 300;

export async function usageSince(store: Store, { key, sinceMs, isOwn }: LaunchUsageOptions): Promise<Counts> {
  if (!isOwn) await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const filter = { sinceMs, untilMs: null, key, session: null, client: null, model: null };
  return countsOf(await store.sums({ ...filter, zone: "UTC", by: [] }));
}

export function usageLine(name: string, counts: Counts): string {
  const { calls, errors, inputTokens, outputTokens, cacheReadTokens, cacheCreationTokens, credits, totalCost, unpricedCalls } = counts;
  if (calls === 0) return `${name}: no calls.`;
  const input = inputTokens + cacheReadTokens + cacheCreationTokens;
  const parts = [
    `${calls} ${calls === 1 ? "call" : "calls"}${errors === 0 ? "" : ` (${errors} failed)`}`,
    `${printShort(input)} tokens in and ${printShort(outputTokens)} out`,
    `${input === 0 ? 0 : Math.round((100 * cacheReadTokens) / input)}% of the input from the cache`,
    ...(credits === 0 ? [] : [`${printShort(Math.round(credits))} credits`]),
    printUsd(totalCost, unpricedCalls > 0),
  ];
  return `${name}: ${parts.join(", ")}.`;
}
