// What answers report of the plan: a header of this program's own for everybody, and for Codex the headers with which it shows a plan's limits.
// Does not ask Factory.

import type { Pool } from "../models/catalog.ts";
import { PLAN_WINDOWS, windowsAt, type PlanLimits, type PlanWindow } from "./plan-limits.ts";

type Headers = Readonly<Record<string, string>>;

export interface QuotaHeaders {
  /** By the pool of the model that answers. */
  readonly forAll: Readonly<Record<Pool, Headers>>;
  readonly forCodex: Readonly<Record<Pool, Headers>>;
  /** When the next window resets, as Unix time in milliseconds. */
  readonly untilMs: number;
}

export function quotaHeaders(limits: PlanLimits, nowMs: number): QuotaHeaders {
  const windows = windowsAt(limits, nowMs);
  const [standard, core] = [ofPool("standard", windows), ofPool("core", windows)];
  return {
    forAll: { standard: ownHeader(standard), core: ownHeader(core) },
    forCodex: {
      standard: { ...ownHeader(standard), ...codexHeaders(standard, limits) },
      core: { ...ownHeader(core), ...codexHeaders(core, limits) },
    },
    untilMs: Math.min(...windows.map(({ resetMs }) => resetMs ?? Infinity)),
  };
}

function ofPool(pool: Pool, windows: readonly PlanWindow[]): PlanWindow[] {
  return windows.filter((window) => window.pool === pool);
}

function ownHeader(windows: readonly PlanWindow[]): Headers {
  return windows.length === 0 ? {} : { "x-factory-proxy-quota": windows.map((window) => windowText(window)).join(", ") };
}

/** `5h;standard;used=42.5;reset=2026-11-28T19:00:00Z`; percent. `limit`: the share above which the window is guarded. */
export function windowText({ name, pool, usedPercent, resetMs }: PlanWindow, limit: number | null = null): string {
  const reset = resetMs === null ? "" : `;reset=${isoTime(resetMs)}`;
  return `${name};${pool}${limit === null ? "" : `;limit=${limit}`};used=${rounded(usedPercent)}${reset}`;
}

function isoTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

export function rounded(percent: number): number {
  return Math.round(percent * 10) / 10;
}

/** The headers that Codex reads: https://github.com/openai/codex/blob/main/codex-rs/codex-api/src/rate_limits.rs (2026-11). */
const CODEX_WINDOWS = [
  ["primary", "5h"],
  ["secondary", "7d"],
] as const;

function codexHeaders(windows: readonly PlanWindow[], { extraUsage }: PlanLimits): Headers {
  const headers: Record<string, string> = {};
  for (const [word, name] of CODEX_WINDOWS) {
    const window = windows.find((one) => one.name === name);
    const lengthMs = PLAN_WINDOWS.find((one) => one.name === name)?.lengthMs ?? 0;
    if (window === undefined) continue;
    headers[`x-codex-${word}-used-percent`] = String(rounded(Math.min(100, window.usedPercent)));
    headers[`x-codex-${word}-window-minutes`] = String(lengthMs / 60_000);
    if (window.resetMs !== null) headers[`x-codex-${word}-reset-at`] = String(Math.ceil(window.resetMs / 1000));
  }
  const { isAllowed, balanceUsd } = extraUsage;
  if (windows.length === 0 || isAllowed === null || balanceUsd === null) return headers;
  headers["x-codex-credits-has-credits"] = String(isAllowed && balanceUsd > 0);
  headers["x-codex-credits-unlimited"] = "false";
  headers["x-codex-credits-balance"] = balanceUsd.toFixed(2);
  return headers;
}
