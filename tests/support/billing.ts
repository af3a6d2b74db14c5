// Test support: what Factory's billing endpoint reports of a plan.

export interface Billing {
  /** Used percent of the windows of 5 hours, a week and a month. */
  readonly standard?: readonly number[];
  readonly core?: readonly number[] | null;
  /** Unix time in milliseconds at which all used windows reset. */
  readonly endMs?: number;
  readonly more?: Readonly<Record<string, unknown>>;
}

const MEMBERS = ["fiveHour", "weekly", "monthly"];

export function billing({ standard = [0, 0, 0], core = [0, 0, 0], endMs, more = {} }: Billing = {}): string {
  const windowEnd = endMs === undefined ? {} : { windowEnd: endMs };
  const pool = (percents: readonly number[]): object =>
    Object.fromEntries(percents.map((usedPercent, index) => [MEMBERS[index], { usedPercent, ...(usedPercent > 0 ? windowEnd : {}) }]));
  const limits = { standard: pool(standard), ...(core === null ? {} : { core: pool(core) }) };
  return JSON.stringify({
    usesTokenRateLimitsBilling: true,
    limits,
    extraUsageBalanceCents: 1250,
    extraUsageAllowed: true,
    planType: "max",
    ...more,
  });
}
