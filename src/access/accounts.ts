// What a key has used, as values: reserves what a call may use, and settles it by what it did use. Pure, so a store may repeat either.
// Does not read a clock, or change an account that it was given.

import type { Cost } from "../models/price.ts";
import type { Usage } from "../protocol/canonical.ts";
import type { BudgetUnit, KeyGrant, Period, Raise } from "./client-key.ts";
import type { Account } from "./store.ts";
import type { Calendar } from "./windows.ts";

/** By unit. Absent: not known. */
export type Amounts = Readonly<Partial<Record<BudgetUnit, number>>>;

/** What usage and its cost count against budgets. */
export function amountsOf(usage: Usage, { usd, credits }: Pick<Cost, "usd" | "credits">): Amounts {
  const tokens = (usage.inputTokens ?? 0) + (usage.cacheReadTokens ?? 0) + (usage.cacheWriteTokens ?? 0) + (usage.outputTokens ?? 0);
  if (usd !== null) return credits === null ? { tokens, usd } : { tokens, usd, credits };
  return credits === null ? { tokens } : { tokens, credits };
}

export interface BudgetLimit {
  /** The name under which an account counts it: `usd/day`. */
  readonly id: string;
  readonly unit: BudgetUnit;
  readonly period: Period;
  readonly amount: number;
}

/** The rules of a key, prepared for counting. Null: no limit. */
export interface Limits {
  readonly requestsPerMinute: number | null;
  readonly tokensPerMinute: number | null;
  readonly parallel: number | null;
  /** At most one for each id. */
  readonly budgets: readonly BudgetLimit[];
  readonly raises: readonly Raise[];
  readonly soft: { readonly percent: number; readonly model: string | null } | null;
  /** IANA name. */
  readonly zone: string;
}

/** The account of a key, and that of a session where a budget is for each session. */
export interface Accounts {
  readonly key: Account;
  readonly session: Account | null;
}

export interface Estimate {
  /** The estimate, by unit. */
  readonly amounts: Amounts;
  /** The part of `amounts.tokens` that is input. */
  readonly inputTokens: number;
}

interface Moment {
  readonly nowMs: number;
  readonly calendar: Calendar;
}

/** The state of a budget; reserved amounts count as used. */
export interface BudgetState {
  readonly budget: BudgetLimit;
  /** Including raises. */
  readonly amount: number;
  readonly used: number;
  readonly startMs: number;
  /** Null: it never resets. */
  readonly resetMs: number | null;
}

export interface RateState {
  /** In any 60 seconds. */
  readonly limit: number;
  readonly used: number;
  /** When the full limit is available again. */
  readonly resetMs: number;
}

/** What the headers of an answer report. Null: no limit of that kind. */
export interface Standing {
  readonly budgets: readonly BudgetState[];
  readonly requests: RateState | null;
  readonly tokens: RateState | null;
  /** Whether any budget is above the soft limit. */
  readonly isSoft: boolean;
}

/** Why a call may not run. `waitMs` null: it never may. */
export type Refusal =
  | { readonly reason: "budget"; readonly state: BudgetState; readonly wanted: number }
  | {
      readonly reason: "rate";
      readonly of: "requests" | "tokens";
      readonly state: RateState;
      readonly wanted: number;
      readonly waitMs: number | null;
    }
  | { readonly reason: "concurrency"; readonly limit: number; readonly running: number };

export type Reserved =
  | {
      readonly type: "granted";
      readonly accounts: Accounts;
      readonly atMs: number;
      readonly estimate: Estimate;
      readonly standing: Standing;
    }
  | { readonly type: "refused"; readonly refusal: Refusal };

export const EMPTY: Account = { budgets: {}, requests: [], tokens: [], running: 0, ahead: null };

/** A call counts in its second and in this many more, so it is over 60 seconds old when it stops counting. */
const WINDOW_S = 60;

/** Null: the key has no counted limits. */
export function limitsOf({ rules, raises }: KeyGrant): Limits | null {
  const budgets = new Map<string, BudgetLimit>();
  for (const { amount, unit, period } of rules.budgets ?? []) {
    const id = `${unit}/${period}`;
    const other = budgets.get(id);
    if (other === undefined || amount < other.amount) budgets.set(id, { id, unit, period, amount });
  }
  const { requestsPerMinute, tokensPerMinute, parallel, soft, zone } = rules;
  if (budgets.size === 0 && requestsPerMinute === null && tokensPerMinute === null && parallel === null) return null;
  return { requestsPerMinute, tokensPerMinute, parallel, budgets: [...budgets.values()], raises, soft, zone: zone ?? "UTC" };
}

/** `soft`: what is reserved instead where a budget is above the soft limit. */
export interface Choice {
  readonly asked: Estimate;
  readonly soft: Estimate | null;
}

/** Reserves what a call may use; a refusal changes nothing. */
export function reserve(accounts: Accounts, limits: Limits, { asked, soft, ...at }: Choice & Moment): Reserved {
  const budgets = budgetStates(accounts, limits, at);
  const percent = limits.soft?.percent ?? null;
  const isSoft = percent !== null && budgets.some(({ used, amount }) => used >= (amount * percent) / 100);
  const estimate = (isSoft ? soft : null) ?? asked;
  const { amounts } = estimate;
  const rates = rateStates(accounts.key, limits, at.nowMs);
  const refusal =
    budgetRefusal(budgets, amounts) ??
    parallelRefusal(accounts.key, limits) ??
    requestRefusal(accounts.key, rates.requests, at.nowMs) ??
    tokenRefusal(accounts.key, rates.tokens, { estimate, nowMs: at.nowMs });
  if (refusal !== null) return { type: "refused", refusal };
  // Another gateway's clock may be ahead of this one's.
  const { key } = accounts;
  const newestS = Math.max(key.requests.at(-1)?.[0] ?? 0, key.tokens.at(-1)?.[0] ?? 0);
  const atMs = Math.max(at.nowMs, newestS * 1000, ...budgets.map(({ startMs }) => startMs));
  const resetMs = endsMs(Math.floor(atMs / 1000));
  const standing = {
    budgets: budgets.map((state) => ({ ...state, used: state.used + (amounts[state.budget.unit] ?? 0) })),
    requests: rates.requests === null ? null : { ...rates.requests, used: rates.requests.used + 1, resetMs },
    tokens: rates.tokens === null ? null : { ...rates.tokens, used: rates.tokens.used + (amounts.tokens ?? 0), resetMs },
    isSoft,
  };
  return { type: "granted", accounts: charged(accounts, limits, { ...ONE_CALL, amounts, atMs, budgets }), atMs, estimate, standing };
}

const ONE_CALL = { calls: 1, places: 1 };

/** Adds what was granted elsewhere, perhaps long ago. Windows that have begun since then are left alone. */
export function charge(accounts: Accounts, limits: Limits, { amounts, nowMs, calendar }: { readonly amounts: Amounts } & Moment): Accounts {
  return charged(accounts, limits, { ...ONE_CALL, amounts, atMs: nowMs, budgets: budgetStates(accounts, limits, { nowMs, calendar }) });
}

export interface Charge {
  readonly calls: number;
  /** How many of them may run at once. */
  readonly places: number;
  /** The total for all of them. */
  readonly amounts: Amounts;
  readonly atMs: number;
  readonly budgets: readonly BudgetState[];
}

export function charged({ key, session }: Accounts, limits: Limits, { calls, places, amounts, atMs, budgets }: Charge): Accounts {
  const own: Record<string, Slot> = { ...key.budgets };
  const ofSession: Record<string, Slot> = { ...session?.budgets };
  for (const { budget, startMs, used } of budgets) {
    const more = startMs > atMs ? 0 : (amounts[budget.unit] ?? 0);
    (budget.period === "session" ? ofSession : own)[budget.id] = { startMs, used: used + more };
  }
  return {
    key: {
      budgets: own,
      requests: limits.requestsPerMinute === null ? [] : counting(key.requests, atMs, calls),
      tokens: limits.tokensPerMinute === null ? [] : counting(key.tokens, atMs, amounts.tokens ?? 0),
      running: key.running + places,
      ahead: key.ahead,
    },
    session: session === null ? null : { ...session, budgets: ofSession },
  };
}

type Slot = Account["budgets"][string];

export interface Settlement {
  /** When the reservation was made. */
  readonly atMs: number;
  readonly amounts: Amounts;
  /** Null: the estimate stands. */
  readonly real: Amounts | null;
  /** For an allowance: its slots, and how many calls it did not use. Null: it was one call. */
  readonly ahead: { readonly places: number; readonly unusedCalls: number } | null;
  readonly nowMs: number;
}

/** The accounts after a call has ended. Windows that have begun since are left alone: a call counts for the time at which it began. */
export function settle({ key, session }: Accounts, settlement: Settlement): Accounts {
  const { atMs, amounts, real, ahead: closed, nowMs } = settlement;
  const running = Math.max(0, key.running - (closed?.places ?? 1));
  const left = (key.ahead?.count ?? 0) - 1;
  const ahead = closed === null || key.ahead === null ? key.ahead : left > 0 ? { ...key.ahead, count: left } : null;
  if (real === null) return { key: { ...key, running, ahead }, session };
  const tokens = (real.tokens ?? 0) - (amounts.tokens ?? 0);
  return {
    key: {
      budgets: corrected(key.budgets, settlement),
      requests: lessened(key.requests, Math.floor(atMs / 1000), closed?.unusedCalls ?? 0),
      tokens:
        tokens > 0 && key.tokens.length > 0 ? counting(key.tokens, nowMs, tokens) : lessened(key.tokens, Math.floor(atMs / 1000), -tokens),
      running,
      ahead,
    },
    session: session === null ? null : { ...session, budgets: corrected(session.budgets, settlement) },
  };
}

export const UNITS: readonly BudgetUnit[] = ["usd", "credits", "tokens"];

function corrected(budgets: Account["budgets"], { atMs, amounts, real }: Settlement): Account["budgets"] {
  const slots: Record<string, Slot> = {};
  for (const id in budgets) {
    const slot = budgets[id];
    if (slot === undefined) continue;
    const unit = UNITS.find((one) => id.startsWith(one)) ?? "tokens";
    const more = slot.startMs > atMs ? 0 : (real?.[unit] ?? amounts[unit] ?? 0) - (amounts[unit] ?? 0);
    slots[id] = more === 0 ? slot : { startMs: slot.startMs, used: Math.max(0, slot.used + more) };
  }
  return slots;
}

// ---- Budgets -----------------------------------------------------------------------------------------------------

/** The states of all budgets of a key. */
export function budgetStates({ key, session }: Accounts, { budgets, raises, zone }: Limits, { nowMs, calendar }: Moment): BudgetState[] {
  return budgets.map((budget) => {
    const slot = (budget.period === "session" ? session : key)?.budgets[budget.id];
    const window = calendar.window(budget.period, slot?.startMs ?? null, { nowMs, zone });
    const goesOn = slot !== undefined && window.startMs <= slot.startMs;
    const raised = raises.reduce((sum, { unit, amount, untilMs }) => sum + (unit === budget.unit && nowMs < untilMs ? amount : 0), 0);
    return {
      budget,
      amount: budget.amount + raised,
      used: goesOn ? slot.used : 0,
      startMs: goesOn ? slot.startMs : window.startMs,
      resetMs: window.endMs,
    };
  });
}

/** Whether it is used up, so that no call may begin. */
export function isSpent({ used, amount }: BudgetState): boolean {
  return used >= amount;
}

/** The one that resets last: until then, the reset of any other does not help. */
function budgetRefusal(states: readonly BudgetState[], amounts: Amounts): Refusal | null {
  let longest: BudgetState | null = null;
  for (const state of states) {
    const hasRoom = !isSpent(state) && state.used + (amounts[state.budget.unit] ?? 0) <= state.amount;
    if (!hasRoom && (longest === null || endOf(state) > endOf(longest))) longest = state;
  }
  return longest === null ? null : { reason: "budget", state: longest, wanted: amounts[longest.budget.unit] ?? 0 };
}

function endOf({ resetMs }: BudgetState): number {
  return resetMs ?? Infinity;
}

// ---- Concurrency and rates ---------------------------------------------------------------------------------------

function parallelRefusal({ running }: Account, { parallel }: Limits): Refusal | null {
  return parallel === null || running < parallel ? null : { reason: "concurrency", limit: parallel, running };
}

type Pairs = Account["requests"];

export function rateStates(
  account: Account,
  { requestsPerMinute, tokensPerMinute }: Limits,
  nowMs: number,
): Pick<Standing, "requests" | "tokens"> {
  const stateOf = (pairs: Pairs, limit: number | null): RateState | null => {
    if (limit === null) return null;
    const kept = recent(pairs, nowMs);
    const newestS = kept.at(-1)?.[0];
    return { limit, used: sumOf(kept), resetMs: newestS === undefined ? nowMs : endsMs(newestS) };
  };
  return { requests: stateOf(account.requests, requestsPerMinute), tokens: stateOf(account.tokens, tokensPerMinute) };
}

function requestRefusal({ requests }: Account, state: RateState | null, nowMs: number): Refusal | null {
  if (state === null || state.used < state.limit) return null;
  return { reason: "rate", of: "requests", state, wanted: 1, waitMs: waitFor(requests, state.limit - 1, nowMs) };
}

/** An estimate alone never refuses a call for good; only input that is known to exceed the limit does. */
function tokenRefusal(
  { tokens }: Account,
  state: RateState | null,
  { estimate, nowMs }: { readonly estimate: Estimate; readonly nowMs: number },
): Refusal | null {
  if (state === null) return null;
  const wanted = estimate.amounts.tokens ?? 0;
  const room = state.limit - Math.min(wanted, state.limit);
  const isTooMuch = estimate.inputTokens > state.limit || state.limit === 0;
  if (!isTooMuch && state.used <= room) return null;
  return { reason: "rate", of: "tokens", state, wanted, waitMs: isTooMuch ? null : waitFor(tokens, room, nowMs) };
}

/** How long until at most `most` of what is counted is left. Null: `most` is below zero. */
function waitFor(pairs: Pairs, most: number, nowMs: number): number | null {
  if (most < 0) return null;
  const kept = recent(pairs, nowMs);
  let left = sumOf(kept);
  for (const [second, amount] of kept) {
    left -= amount;
    if (left <= most) return Math.max(0, endsMs(second) - nowMs);
  }
  return 0;
}

function endsMs(second: number): number {
  return (second + WINDOW_S + 1) * 1000;
}

function recent(pairs: Pairs, nowMs: number): Pairs {
  const oldestS = Math.floor(nowMs / 1000) - WINDOW_S;
  let first = 0;
  while (first < pairs.length && (pairs[first]?.[0] ?? 0) < oldestS) first++;
  return first === 0 ? pairs : pairs.slice(first);
}

function sumOf(pairs: Pairs): number {
  let sum = 0;
  // By index, since each call of a key does this: destructuring pairs in a loop takes several times as long.
  for (let at = 0; at < pairs.length; at++) sum += pairs[at]?.[1] ?? 0;
  return sum;
}

/** Adds an amount to the second of `atMs`. */
function counting(pairs: Pairs, atMs: number, amount: number): Pairs {
  const second = Math.floor(atMs / 1000);
  const newest = pairs.at(-1);
  if (newest?.[0] === second) return pairs.with(pairs.length - 1, [second, newest[1] + amount]);
  if (newest === undefined || second > newest[0]) return [...recent(pairs, atMs), [second, amount]];
  // A late entry is put in its place, unless it is already too old.
  if (second < newest[0] - WINDOW_S) return pairs;
  const at = pairs.findIndex(([one]) => one >= second);
  const same = pairs[at];
  if (same?.[0] === second) return pairs.with(at, [second, same[1] + amount]);
  return [...pairs.slice(0, at), [second, amount], ...pairs.slice(at)];
}

function lessened(pairs: Pairs, second: number, amount: number): Pairs {
  const at = amount > 0 ? pairs.findLastIndex(([one]) => one === second) : -1;
  const pair = pairs[at];
  return pair === undefined ? pairs : pairs.with(at, [second, Math.max(0, pair[1] - amount)]);
}
