// What the holder of a key sees of its budget, in the formats that configuration switchers and chat programs read.
// Never counts anything.

import type { AccountReport } from "../access/account-report.ts";
import type { BudgetState } from "../access/accounts.ts";
import type { BudgetUnit } from "../access/client-key.ts";

const UNITS: Readonly<Record<BudgetUnit, string>> = { usd: "USD", credits: "credits", tokens: "tokens" };
const USD = UNITS.usd;

/** `GET /v1/usage`, as sub2api answers it and cc-switch reads it: the budget with the least left. */
export function usagePage({ name, budgets, spentUsd, endMs }: AccountReport): object {
  const [nearest] = budgets;
  const page = { object: "usage", schema_version: 1, isValid: true, planName: name };
  const windows = budgets.map((state) => ({ period: state.budget.period, ...numbersOf(state), resets_at: iso(state.resetMs) }));
  const expires = { expires_at: iso(endMs) };
  if (nearest === undefined) {
    const spent = { remaining: null, used: spentUsd, total: null, unit: USD, extra: "no budget; used is that of this month" };
    return { ...page, ...spent, windows, ...expires };
  }
  const reset = iso(nearest.resetMs);
  const extra = `${nearest.budget.period}${reset === null ? "" : `, resets at ${reset}`}`;
  return { ...page, ...numbersOf(nearest), extra, windows, ...expires };
}

/** `GET /user/balance`. */
export function balancePage({ budgets }: AccountReport): object {
  const state = inUsd(budgets) ?? budgets[0];
  const { remaining, unit } = state === undefined ? { remaining: null, unit: USD } : numbersOf(state);
  return { object: "balance", is_active: true, balance: remaining, unit };
}

/** One-api's value for "no limit". */
const NO_LIMIT_USD = 100_000_000;

/** `GET /dashboard/billing/subscription`, in one-api's format. */
export function subscriptionPage({ budgets, endMs }: AccountReport): object {
  const limit = inUsd(budgets)?.amount ?? NO_LIMIT_USD;
  return {
    object: "billing_subscription",
    has_payment_method: true,
    soft_limit_usd: limit,
    hard_limit_usd: limit,
    system_hard_limit_usd: limit,
    access_until: endMs === null ? 0 : Math.floor(endMs / 1000),
  };
}

/** `GET /dashboard/billing/usage`, in cents: of the budget in USD, so that clients compute what is left of it; otherwise of the given dates. */
export function billedPage({ budgets, spentUsd }: AccountReport): object {
  return { object: "list", total_usage: rounded((inUsd(budgets)?.used ?? spentUsd ?? 0) * 100) };
}

function inUsd(budgets: readonly BudgetState[]): BudgetState | undefined {
  return budgets.find(({ budget }) => budget.unit === "usd");
}

interface Numbers {
  readonly remaining: number;
  readonly used: number;
  readonly total: number;
  readonly unit: string;
}

function numbersOf({ budget, amount, used }: BudgetState): Numbers {
  return { remaining: rounded(Math.max(0, amount - used)), used: rounded(used), total: rounded(amount), unit: UNITS[budget.unit] };
}

/** Rounds to a millionth: sums of prices have long tails. */
function rounded(amount: number): number {
  return Math.round(amount * 1e6) / 1e6;
}

function iso(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
