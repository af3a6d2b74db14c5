// What is left of a plan, for people and programs that ask: the six windows, each with a forecast from the ledger.
// Never does: ask Factory.

import type { Pool } from "../models/catalog.ts";
import { PLAN_WINDOWS, POOLS, windowsAt, type PlanLimits, type PlanWindow, type PlanWindowName } from "./plan-limits.ts";
import { rounded } from "./quota-headers.ts";
import type { QuotaReading, QuotaState } from "./quota.ts";
import { StoreError, type Store } from "./store.ts";

export interface WindowReport {
  readonly pool: Pool;
  readonly name: PlanWindowName;
  /** Null: Factory does not say. */
  readonly usedPercent: number | null;
  /** Unix time in milliseconds. Null: it has not begun, or Factory does not say. */
  readonly resetMs: number | null;
  /** When it is full if calls go on as they did, as Unix time in milliseconds; null in it: not before it begins anew. Null: nobody knows. */
  readonly forecast: { readonly fullMs: number | null } | null;
}

export interface QuotaReport extends Pick<QuotaReading, "state" | "reason" | "atMs"> {
  readonly state: QuotaState;
  readonly plan: string | null;
  /** All six where it works, else none. */
  readonly windows: readonly WindowReport[];
  /** Null: it does not work. */
  readonly extraUsage: PlanLimits["extraUsage"] | null;
}

export interface ForecastPorts {
  /** Null: there is no ledger of this plan. */
  readonly store: Pick<Store, "sums"> | null;
  readonly nowMs: number;
  /** Null: nobody knows the model. */
  readonly poolOf: (model: string) => Pool | null;
}

export async function reportQuota({ state, reason, atMs, limits }: QuotaReading, ports: ForecastPorts): Promise<QuotaReport> {
  const known = limits === null ? [] : windowsAt(limits, ports.nowMs);
  const all = limits === null ? [] : POOLS.flatMap((pool) => PLAN_WINDOWS.map(({ name, lengthMs }) => ({ pool, name, lengthMs })));
  const windows = await Promise.all(
    all.map(async ({ pool, name, lengthMs }): Promise<WindowReport> => {
      const found = known.find((window) => window.pool === pool && window.name === name);
      if (found === undefined) return { pool, name, usedPercent: null, resetMs: null, forecast: null };
      return { ...found, forecast: await forecastOf(found, lengthMs, ports) };
    }),
  );
  return { state, reason, atMs, plan: limits?.plan ?? null, windows, extraUsage: limits?.extraUsage ?? null };
}

/** The pace is that of the last fifth of a window: of an hour, of a day or two, of six days. */
const RECENT_SHARE = 5;
/** What happened in less time says nothing. */
const SHORTEST_MS = 60_000;

/** What a percent of a window comes to in credits says how many of them the calls of late take an hour. */
async function forecastOf(
  { pool, usedPercent, resetMs }: PlanWindow,
  lengthMs: number,
  { store, nowMs, poolOf }: ForecastPorts,
): Promise<WindowReport["forecast"]> {
  if (usedPercent >= 100) return { fullMs: nowMs };
  if (store === null || resetMs === null || usedPercent === 0) return null;
  const startMs = resetMs - lengthMs;
  const recentMs = Math.max(startMs, nowMs - lengthMs / RECENT_SHARE);
  if (nowMs - recentMs < SHORTEST_MS) return null;
  const creditsSince = async (sinceMs: number): Promise<number> => {
    const filter = { sinceMs, untilMs: null, key: null, session: null, client: null, model: null };
    const sums = await store.sums({ ...filter, by: ["model"], zone: "UTC" });
    return sums.reduce((all, { group, credits }) => all + ((poolOf(group[0] ?? "") ?? "standard") === pool ? credits : 0), 0);
  };
  try {
    const credits = await creditsSince(startMs);
    if (credits === 0) return null;
    const recent = await creditsSince(recentMs);
    if (recent === 0) return { fullMs: null };
    const percentPerMs = ((usedPercent / credits) * recent) / (nowMs - recentMs);
    const fullMs = Math.round(nowMs + (100 - usedPercent) / percentPerMs);
    return { fullMs: fullMs < resetMs ? fullMs : null };
  } catch (error) {
    if (error instanceof StoreError) return null;
    throw error;
  }
}

/** As `GET /quota` and `quota --json` have it. */
export function quotaJson({ state, reason, atMs, plan, windows, extraUsage }: QuotaReport): object {
  return {
    object: "quota",
    schema_version: 1,
    state,
    reason,
    as_of: iso(atMs),
    plan,
    windows: windows.map(({ pool, name, usedPercent, resetMs, forecast }) => ({
      pool,
      window: name,
      used_percent: usedPercent === null ? null : rounded(usedPercent),
      resets_at: iso(resetMs),
      forecast: forecast === null ? null : { full_at: iso(forecast.fullMs) },
    })),
    extra_usage: extraUsage === null ? null : { allowed: extraUsage.isAllowed, balance_usd: extraUsage.balanceUsd },
  };
}

function iso(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
