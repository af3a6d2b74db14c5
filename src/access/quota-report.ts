// What is left of a plan, for people and programs: the six windows, each with a forecast from the ledger.
// Does not ask Factory.

import type { Pool } from "../models/catalog.ts";
import { PLAN_WINDOWS, POOLS, windowsAt, type PlanLimits, type PlanWindow, type PlanWindowName } from "./plan-limits.ts";
import { rounded } from "./quota-headers.ts";
import type { QuotaReading, QuotaState } from "./quota.ts";
import { StoreError, type Store, type UsageSum } from "./store.ts";

export interface WindowReport {
  readonly pool: Pool;
  readonly name: PlanWindowName;
  /** Null: Factory does not say. */
  readonly usedPercent: number | null;
  /** Unix time in milliseconds. Null: it has not begun, or Factory does not say. */
  readonly resetMs: number | null;
  /** When it will be full at the current pace, as Unix time in milliseconds; null inside: not before it resets. Null: not known. */
  readonly forecast: { readonly fullMs: number | null } | null;
}

export interface QuotaReport extends Pick<QuotaReading, "state" | "reason" | "atMs"> {
  readonly state: QuotaState;
  readonly plan: string | null;
  /** All six where the quota is known, else none. */
  readonly windows: readonly WindowReport[];
  /** Null: it is not known. */
  readonly extraUsage: PlanLimits["extraUsage"] | null;
}

export interface ForecastPorts {
  /** Null: there is no ledger of this plan. */
  readonly store: Pick<Store, "sums"> | null;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  /** Null: the model is not known. */
  readonly poolOf: (model: string) => Pool | null;
}

/** The pace is measured over the last fifth of a window: an hour, a day or two, six days. */
const RECENT_SHARE = 5;
/** A shorter time says nothing about the pace. */
const SHORTEST_MS = 60_000;
/** How long the ledger's answer is reused. */
const KEPT_MS = 60_000;

interface Ledger {
  readonly sinceMs: number;
  readonly atMs: number;
  /** By hour and model. */
  readonly sums: Promise<readonly UsageSum[] | null>;
}

/** Asks the ledger at most once a minute, since adding up a month may take a while. */
export class QuotaReports {
  readonly #ports: ForecastPorts;
  #ledger: Ledger | null = null;

  constructor(ports: ForecastPorts) {
    this.#ports = ports;
  }

  async report({ state, reason, atMs, limits }: QuotaReading): Promise<QuotaReport> {
    const nowMs = this.#ports.now();
    const known = limits === null ? [] : windowsAt(limits, nowMs);
    const starts = known.flatMap((window) => startOf(window) ?? []);
    const sums = starts.length === 0 ? null : await this.#sumsSince(Math.min(...starts), nowMs);
    const all = limits === null ? [] : POOLS.flatMap((pool) => PLAN_WINDOWS.map(({ name }) => ({ pool, name })));
    const windows = all.map(({ pool, name }): WindowReport => {
      const found = known.find((window) => window.pool === pool && window.name === name);
      if (found === undefined) return { pool, name, usedPercent: null, resetMs: null, forecast: null };
      const own = sums?.filter(({ group }) => (this.#ports.poolOf(group[1] ?? "") ?? "standard") === pool) ?? [];
      return { ...found, forecast: forecastOf(found, own, nowMs) };
    });
    return { state, reason, atMs, plan: limits?.plan ?? null, windows, extraUsage: limits?.extraUsage ?? null };
  }

  /** Null: not known. */
  #sumsSince(sinceMs: number, nowMs: number): Ledger["sums"] {
    const known = this.#ledger;
    if (known !== null && known.sinceMs <= sinceMs && nowMs < known.atMs + KEPT_MS) return known.sums;
    const filter = { sinceMs, untilMs: null, key: null, session: null, client: null, model: null };
    const asked = this.#ports.store?.sums({ ...filter, by: ["hour", "model"], zone: "UTC" }) ?? Promise.resolve(null);
    const sums = asked.catch((error: unknown) => {
      if (error instanceof StoreError) return null;
      throw error;
    });
    this.#ledger = { sinceMs, atMs: nowMs, sums };
    return sums;
  }
}

/** When a window began, where that allows a forecast; null where it does not. */
function startOf({ name, usedPercent, resetMs }: PlanWindow): number | null {
  return resetMs === null || usedPercent === 0 ? null : resetMs - lengthOf(name);
}

function lengthOf(name: PlanWindowName): number {
  return PLAN_WINDOWS.find((one) => one.name === name)?.lengthMs ?? 0;
}

/** How many credits a percent of a window took, and how many the calls took recently. */
function forecastOf(window: PlanWindow, sums: readonly UsageSum[], nowMs: number): WindowReport["forecast"] {
  const { name, usedPercent, resetMs } = window;
  if (usedPercent >= 100) return { fullMs: nowMs };
  const startMs = startOf(window);
  if (startMs === null || resetMs === null) return null;
  const recentMs = Math.max(startMs, nowMs - lengthOf(name) / RECENT_SHARE);
  const credits = creditsSince(startMs, sums);
  if (nowMs - recentMs < SHORTEST_MS || credits === 0) return null;
  const recent = creditsSince(recentMs, sums);
  if (recent === 0) return { fullMs: null };
  const percentPerMs = ((usedPercent / credits) * recent) / (nowMs - recentMs);
  const fullMs = Math.round(nowMs + (100 - usedPercent) / percentPerMs);
  return { fullMs: fullMs < resetMs ? fullMs : null };
}

/** For an hour that began before the window: the part that its calls suggest if they came evenly. */
function creditsSince(sinceMs: number, sums: readonly UsageSum[]): number {
  return sums.reduce((all, { firstMs, lastMs, credits }) => {
    if (firstMs >= sinceMs) return all + credits;
    return lastMs <= sinceMs ? all : all + (credits * (lastMs - sinceMs)) / (lastMs - firstMs);
  }, 0);
}

/** In the form of `GET /quota` and `quota --json`. */
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
