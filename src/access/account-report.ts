// What the holder of a key may know of it: its budgets, what was spent, when it expires.
// Does not say anything about other keys.

import type { BudgetState } from "./accounts.ts";
import type { KeyRing } from "./key-ring.ts";
import type { Caller } from "./keys.ts";
import type { Limiter } from "./limiter.ts";
import { StoreError, type Store } from "./store.ts";
import { Calendar } from "./windows.ts";

export interface AccountReport {
  /** The key's name. */
  readonly name: string;
  /** Reserved amounts count as used. The budget with the least left comes first. Empty: none. */
  readonly budgets: readonly BudgetState[];
  /** US dollars by the ledger for the given dates. Null: not known, or a budget in USD says it. */
  readonly spentUsd: number | null;
  /** Unix time in milliseconds. Null: the key does not expire. */
  readonly endMs: number | null;
}

export interface AccountPorts {
  /** Null: there is no store. */
  readonly store: Pick<Store, "sums"> | null;
  readonly limiter: Pick<Limiter, "budgetsOf"> | null;
  readonly ring: Pick<KeyRing, "termsOf">;
  /** Unix time in milliseconds. */
  readonly now: () => number;
}

/** Dates, `2026-11-01`, in the key's zone, both inclusive. Null: from the beginning of the month, until now. */
export interface Dates {
  readonly from: string | null;
  readonly to: string | null;
}

/** Rejects with StoreError where budgets can't be read. */
export async function reportAccount(caller: Caller, dates: Dates, { store, limiter, ring, now }: AccountPorts): Promise<AccountReport> {
  const { sinceMs, endMs, zone } = ring.termsOf(caller.id);
  const budgets = (await limiter?.budgetsOf(caller)) ?? [];
  return {
    name: caller.id,
    budgets: budgets.toSorted((one, other) => shareOf(other) - shareOf(one)),
    spentUsd:
      store === null || budgets.some(({ budget }) => budget.unit === "usd")
        ? null
        : await spentUsd(caller.id, { dates, sinceMs, zone, nowMs: now(), store }),
    endMs,
  };
}

/** The used share of a budget: 0 or more, 1 when it is used up. */
function shareOf({ used, amount }: BudgetState): number {
  return amount === 0 ? Infinity : used / amount;
}

interface Spending {
  readonly dates: Dates;
  /** Spending before this time belongs to an earlier key of the same name. Null: there is no such time. */
  readonly sinceMs: number | null;
  readonly zone: string;
  readonly nowMs: number;
  readonly store: Pick<Store, "sums">;
}

async function spentUsd(key: string, { dates, sinceMs: firstMs, zone, nowMs, store }: Spending): Promise<number | null> {
  const calendar = new Calendar();
  const askedMs = dayOf(dates.from, zone)?.startMs ?? calendar.window("month", null, { nowMs, zone }).startMs;
  const sinceMs = Math.max(askedMs, firstMs ?? 0);
  const untilMs = dayOf(dates.to, zone)?.endMs ?? null;
  try {
    const sums = await store.sums({ sinceMs, untilMs, key, session: null, client: null, model: null, by: [], zone: "UTC" });
    return sums.reduce((all, { usd }) => all + usd, 0);
  } catch (error) {
    if (error instanceof StoreError) return null;
    throw error;
  }
}

/** Null: not a date. */
function dayOf(date: string | null, zone: string): { readonly startMs: number; readonly endMs: number | null } | null {
  const noonMs = date !== null && DATE.test(date) ? Date.parse(`${date}T12:00:00Z`) : Number.NaN;
  if (Number.isNaN(noonMs)) return null;
  // At noon UTC the date is the same in every zone up to 12 hours away.
  const calendar = new Calendar();
  for (const nowMs of [noonMs, noonMs - HALF_DAY_MS, noonMs + HALF_DAY_MS]) {
    const day = calendar.window("day", null, { nowMs, zone });
    if (calendar.iso(day.startMs, zone).startsWith(date ?? "")) return day;
  }
  return null;
}

const DATE = /^\d{4}-\d\d-\d\d$/;
const HALF_DAY_MS = 12 * 3_600_000;
