// Reads the limits of a plan from whatever Factory's billing endpoint answers: windows of 5, 168 and 720 hours, each for Standard and for
// Core models. That format is not documented, so anything that is not understood counts as unknown.
// Never throws, and never guesses.

import type { Pool } from "../models/catalog.ts";
import { isObject, type Json, type JsonObject } from "../wire/json.ts";

export const POOLS: readonly Pool[] = ["standard", "core"];

const HOUR_MS = 3_600_000;

/** The windows of each pool, in order. `member` is Factory's name. */
export const PLAN_WINDOWS = [
  { name: "5h", member: "fiveHour", lengthMs: 5 * HOUR_MS, shown: "5-hour window" },
  { name: "7d", member: "weekly", lengthMs: 7 * 24 * HOUR_MS, shown: "weekly window" },
  { name: "30d", member: "monthly", lengthMs: 30 * 24 * HOUR_MS, shown: "monthly window" },
] as const;

export type PlanWindowName = (typeof PLAN_WINDOWS)[number]["name"];

export interface PlanWindow {
  readonly pool: Pool;
  readonly name: PlanWindowName;
  /** 0 or more. */
  readonly usedPercent: number;
  /** When it resets, as Unix time in milliseconds. Null: it has not begun, or is not known. */
  readonly resetMs: number | null;
}

export interface PlanLimits {
  /** Factory's name of the plan. Null: not given. */
  readonly plan: string | null;
  /** The known windows. */
  readonly windows: readonly PlanWindow[];
  readonly extraUsage: {
    /** Whether calls go on, for money, when a window is used up. Null: not given. */
    readonly isAllowed: boolean | null;
    /** US dollars. Null: not given. */
    readonly balanceUsd: number | null;
  };
}

/** @returns null where the format is not known. */
export function parsePlanLimits(body: Json | undefined, atMs: number): PlanLimits | null {
  if (!isObject(body) || !isObject(body["limits"])) return null;
  const pools = body["limits"];
  const windows = POOLS.flatMap((pool) => {
    const limits = pools[pool];
    if (!isObject(limits)) return [];
    return PLAN_WINDOWS.flatMap(({ name, member }) => {
      const found = limits[member];
      const window = isObject(found) ? windowOf(found, atMs) : null;
      return window === null ? [] : [{ pool, name, ...window }];
    });
  });
  if (!windows.some(({ pool }) => pool === "standard")) return null;
  const { planType: plan, extraUsageAllowed: isAllowed } = body;
  const cents = numberOf(body["extraUsageBalanceCents"]);
  return {
    plan: typeof plan === "string" && PLAN_NAME.test(plan) ? plan : null,
    windows,
    extraUsage: { isAllowed: typeof isAllowed === "boolean" ? isAllowed : null, balanceUsd: cents === null ? null : cents / 100 },
  };
}

/** It goes into a header, and to a terminal. */
const PLAN_NAME = /^[\w .+-]{1,40}$/;

function windowOf(window: JsonObject, atMs: number): Pick<PlanWindow, "usedPercent" | "resetMs"> | null {
  const usedPercent = numberOf(window["usedPercent"]);
  if (usedPercent === null || usedPercent < 0) return null;
  const endMs = instantMs(window["windowEnd"]);
  const remainingS = numberOf(window["secondsRemaining"]);
  const remainingMs = remainingS !== null && remainingS > 0 ? atMs + Math.ceil(remainingS * 1000) : null;
  const resetMs = endMs !== null && endMs > atMs ? endMs : remainingMs;
  if (resetMs === null && (endMs !== null || remainingS !== null)) return { usedPercent: 0, resetMs: null };
  return { usedPercent, resetMs };
}

/** The windows as they are at a later time: one that is over has been reset. */
export function windowsAt({ windows }: PlanLimits, nowMs: number): PlanWindow[] {
  return windows.map((window) =>
    window.resetMs === null || nowMs < window.resetMs ? window : { ...window, usedPercent: 0, resetMs: null },
  );
}

/** Also accepts text. */
function numberOf(value: Json | undefined): number | null {
  const number = typeof value === "string" && DECIMAL.test(value) ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : null;
}

const DECIMAL = /^-?\d{1,15}(?:\.\d{1,9})?$/;
const DIGITS = /^\d+$/;
/** Other formats are parsed differently by the runtimes. */
const DATED = /^\d{4}-\d\d-\d\d(?:[T ]|$)|\d GMT$/;
const ZONELESS = /^\d{4}-\d\d-\d\dT[\d:.]+$/;

/** An ISO or HTTP date, or a Unix time in seconds or milliseconds; as Unix time in milliseconds. */
export function instantMs(time: Json | undefined): number | null {
  const text = typeof time === "string" ? time.trim() : "";
  const isNumber = typeof time === "number" || DIGITS.test(text);
  const number = isNumber ? Number(time) : DATED.test(text) ? Date.parse(ZONELESS.test(text) ? `${text}Z` : text) : Number.NaN;
  if (!Number.isFinite(number) || number <= 0 || number > LAST_MILLISECOND) return null;
  return isNumber && number < FIRST_MILLISECONDS ? number * 1000 : number;
}

/** Times in seconds stay below this until the year 5000; times in milliseconds have been above it since 1973. */
const FIRST_MILLISECONDS = 1e11;
const LAST_MILLISECOND = 8.64e15;
