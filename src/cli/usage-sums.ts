// Usage added up for a report, under ccusage's names.

import type { UsageSum } from "../access/store.ts";

/** The counts in a report's row. Costs and credits are estimates. */
export interface Counts {
  readonly calls: number;
  readonly errors: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheCreationTokens: number;
  readonly cacheReadTokens: number;
  readonly totalTokens: number;
  readonly credits: number;
  /** US dollars. Null: none of the calls has a known price. */
  readonly totalCost: number | null;
  /** Calls without a known price. `totalCost` leaves them out. */
  readonly unpricedCalls: number;
}

export interface ModelCounts extends Counts {
  readonly modelName: string | null;
}

export interface Line {
  /** The value that the report groups by: a day, a session, a key ... Null: the calls have none. */
  readonly name: string | null;
  readonly counts: Counts;
  readonly models: readonly ModelCounts[];
  readonly firstMs: number;
  readonly lastMs: number;
}

export function countsOf(sums: readonly UsageSum[]): Counts {
  const counts = {
    calls: 0,
    errors: 0,
    inputTokens: 0,
    outputTokens: 0,
    cacheCreationTokens: 0,
    cacheReadTokens: 0,
    totalTokens: 0,
    credits: 0,
    unpricedCalls: 0,
  };
  let usd = 0;
  for (const sum of sums) {
    counts.calls += sum.calls;
    counts.errors += sum.errors;
    counts.inputTokens += sum.inputTokens;
    counts.outputTokens += sum.outputTokens;
    counts.cacheCreationTokens += sum.cacheWriteTokens;
    counts.cacheReadTokens += sum.cacheReadTokens;
    counts.totalTokens += sum.inputTokens + sum.outputTokens + sum.cacheWriteTokens + sum.cacheReadTokens;
    counts.credits += sum.credits;
    counts.unpricedCalls += sum.unpriced;
    usd += sum.usd;
  }
  return { ...counts, totalCost: usd === 0 && counts.unpricedCalls > 0 ? null : usd };
}

/** From sums by a dimension and by model: a line for each value of the dimension. */
export function linesOf(sums: readonly UsageSum[]): Line[] {
  const groups = Map.groupBy(sums, ({ group }) => group[0] ?? null);
  return [...groups].map(([name, own]) => ({
    name,
    counts: countsOf(own),
    models: own.map((sum) => ({ modelName: sum.group[1] ?? null, ...countsOf([sum]) })),
    firstMs: Math.min(...own.map(({ firstMs }) => firstMs)),
    lastMs: Math.max(...own.map(({ lastMs }) => lastMs)),
  }));
}
