// Usage put together for a report, in the words that ccusage uses for them.

import type { UsageSum } from "../access/store.ts";

/** Counts of a report's row. Costs and credits are estimates. */
export interface Counts {
  readonly calls: number;
  readonly errors: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheCreationTokens: number;
  readonly cacheReadTokens: number;
  readonly totalTokens: number;
  readonly credits: number;
  /** US dollars. Null: no price is known of any of the calls. */
  readonly totalCost: number | null;
  /** Calls of which no price is known. `totalCost` leaves them out. */
  readonly unpricedCalls: number;
}

export interface ModelCounts extends Counts {
  readonly modelName: string | null;
}

export interface Line {
  /** What the report is by: a day, a session, a key ... Null: the calls have none. */
  readonly name: string | null;
  readonly counts: Counts;
  readonly models: readonly ModelCounts[];
  readonly firstMs: number;
  readonly lastMs: number;
}

export function countsOf(sums: readonly UsageSum[]): Counts {
  const total = (amount: (sum: UsageSum) => number): number => sums.reduce((all, sum) => all + amount(sum), 0);
  const inputTokens = total((sum) => sum.inputTokens);
  const outputTokens = total((sum) => sum.outputTokens);
  const cacheCreationTokens = total((sum) => sum.cacheWriteTokens);
  const cacheReadTokens = total((sum) => sum.cacheReadTokens);
  const usd = total((sum) => sum.usd);
  const unpricedCalls = total((sum) => sum.unpriced);
  return {
    calls: total((sum) => sum.calls),
    errors: total((sum) => sum.errors),
    inputTokens,
    outputTokens,
    cacheCreationTokens,
    cacheReadTokens,
    totalTokens: inputTokens + outputTokens + cacheCreationTokens + cacheReadTokens,
    credits: total((sum) => sum.credits),
    totalCost: usd === 0 && unpricedCalls > 0 ? null : usd,
    unpricedCalls,
  };
}

/** From sums by something and by model: a line for each value of the first. */
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
