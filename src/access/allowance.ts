// An allowance: what one transaction reserves ahead for the next calls of a key, so that they are granted and settled here, without the store.
// Only far from each of the key's limits, and never for longer than the second in which it was reserved.
// Does not grant more than was reserved.

import {
  budgetStates,
  charged,
  rateStates,
  UNITS,
  type Accounts,
  type Amounts,
  type BudgetState,
  type Limits,
  type Standing,
  type Estimate,
} from "./accounts.ts";
import type { Calendar } from "./windows.ts";

/** What one transaction has reserved for coming calls. */
export interface Ahead {
  readonly id: string;
  readonly limits: Limits;
  readonly calls: number;
  /** How many of them may run at once. */
  readonly places: number;
  /** The total for all of them, in the units that the key's limits count. */
  readonly amounts: Amounts;
  /** They all count in the second of this time. */
  readonly atMs: number;
  /** From then on nothing is granted from it. */
  readonly endMs: number;
  /** The state of the limits without it. */
  readonly standing: Standing;
}

export interface AheadPlan {
  readonly id: string;
  /** For each call, as large as calls are expected to be. */
  readonly amounts: Amounts;
  /** The most calls. */
  readonly calls: number;
  /** The most calls at once. */
  readonly places: number;
}

/** At most one part in so many of what is left of each limit is reserved ahead. */
const PARTS = 16;
/** The longest time for which anything is reserved ahead. */
export const LONGEST_MS = 1000;

/** Null: the key is too close to one of its limits. */
export function reserveAhead(
  accounts: Accounts,
  limits: Limits,
  {
    id,
    amounts: each,
    calls: most,
    places: mostPlaces,
    nowMs,
    calendar,
  }: AheadPlan & { readonly nowMs: number; readonly calendar: Calendar },
): { readonly accounts: Accounts; readonly ahead: Ahead } | null {
  const { key } = accounts;
  const budgets = budgetStates(accounts, limits, { nowMs, calendar });
  const rates = rateStates(key, limits, nowMs);
  const percent = Math.min(100, limits.soft?.percent ?? 100);
  const room = [most, partOf(rates.requests, 1), partOf(rates.tokens, each.tokens ?? 0)];
  for (const { amount, used, budget } of budgets) room.push(partOf({ limit: (amount * percent) / 100, used }, each[budget.unit] ?? 0));
  const calls = Math.min(...room);
  const places = Math.min(calls, limits.parallel === null ? calls : Math.min(mostPlaces, Math.floor(limits.parallel / 2) - key.running));
  if (calls < 2 || places < 1) return null;
  const newestS = Math.max(key.requests.at(-1)?.[0] ?? 0, key.tokens.at(-1)?.[0] ?? 0);
  const atMs = Math.max(nowMs, newestS * 1000, ...budgets.map(({ startMs }) => startMs));
  const ends = budgets.map(({ resetMs }) => resetMs ?? Infinity);
  const endMs = Math.min(nowMs + LONGEST_MS, (Math.floor(atMs / 1000) + 1) * 1000, ...ends, ...limits.raises.map(endOf(nowMs)));
  const amounts: Partial<Record<(typeof UNITS)[number], number>> = {};
  if (limits.tokensPerMinute !== null) amounts.tokens = calls * (each.tokens ?? 0);
  for (const { unit } of limits.budgets) amounts[unit] = calls * (each[unit] ?? 0);
  const after = charged(accounts, limits, { calls, places, amounts, atMs, budgets });
  const before = key.ahead;
  const ahead = { count: (before?.count ?? 0) + 1, untilMs: Math.max(before?.untilMs ?? 0, endMs) };
  const resetMs = (Math.floor(atMs / 1000) + MINUTE_S + 1) * 1000;
  const standing = {
    budgets,
    requests: rates.requests === null ? null : { ...rates.requests, resetMs },
    tokens: rates.tokens === null ? null : { ...rates.tokens, resetMs },
    isSoft: false,
  };
  return { accounts: { ...after, key: { ...after.key, ahead } }, ahead: { id, limits, calls, places, amounts, atMs, endMs, standing } };
}

const MINUTE_S = 60;

/** How many calls of this size may be reserved ahead; none once half of the limit is used. */
function partOf(state: { readonly limit: number; readonly used: number } | null, each: number): number {
  if (state === null) return Infinity;
  const part = Math.min((state.limit - state.used) / PARTS, state.limit / 2 - state.used);
  return part < 0 ? 0 : each === 0 ? Infinity : Math.floor(part / each);
}

function endOf(nowMs: number): (raise: { readonly untilMs: number }) => number {
  return ({ untilMs }) => (untilMs > nowMs ? untilMs : Infinity);
}

// ---- Granting ----------------------------------------------------------------------------------------------------

/** What a call asks for. */
export interface Asking {
  readonly limits: Limits;
  readonly asked: Estimate;
}

/** A call that was granted from an allowance. */
export interface AllowedCall<Asked extends Asking> {
  readonly allowance: Allowance<Asked>;
  readonly asking: Asked;
  readonly standing: Standing;
}

/** What is left of an allowance when it is given back. */
export interface Sealed<Asked extends Asking> {
  readonly ahead: Ahead;
  readonly unusedCalls: number;
  /** Of the calls that have ended. */
  readonly real: Amounts;
  /** Calls still running, which now need reservations of their own. */
  readonly running: readonly AllowedCall<Asked>[];
}

export class Allowance<Asked extends Asking> {
  readonly ahead: Ahead;
  readonly #running = new Set<AllowedCall<Asked>>();
  readonly #used = { usd: 0, credits: 0, tokens: 0 };
  #granted = 0;

  constructor(ahead: Ahead) {
    this.ahead = ahead;
  }

  get runningCount(): number {
    return this.#running.size;
  }

  /** Null: it does not fit. */
  grant(asking: Asked): AllowedCall<Asked> | null {
    const { ahead } = this;
    const used = this.#used;
    const { amounts } = asking.asked;
    if (asking.limits !== ahead.limits || this.#granted >= ahead.calls || this.#running.size >= ahead.places) return null;
    for (const unit of UNITS) if (used[unit] + (amounts[unit] ?? 0) > (ahead.amounts[unit] ?? Infinity)) return null;
    this.#granted++;
    for (const unit of UNITS) used[unit] += amounts[unit] ?? 0;
    const call = { allowance: this, asking, standing: this.#standing() };
    this.#running.add(call);
    return call;
  }

  /** Whether the call was one of this allowance's running ones. */
  end(call: AllowedCall<Asked>, real: Amounts | null): boolean {
    if (!this.#running.delete(call)) return false;
    const { amounts } = call.asking.asked;
    if (real !== null) for (const unit of UNITS) this.#used[unit] += (real[unit] ?? amounts[unit] ?? 0) - (amounts[unit] ?? 0);
    return true;
  }

  seal(): Sealed<Asked> {
    const running = [...this.#running];
    this.#running.clear();
    for (const { asking } of running) for (const unit of UNITS) this.#used[unit] -= asking.asked.amounts[unit] ?? 0;
    return { ahead: this.ahead, unusedCalls: this.ahead.calls - this.#granted + running.length, real: { ...this.#used }, running };
  }

  #standing(): Standing {
    const { budgets: before, requests, tokens, isSoft } = this.ahead.standing;
    const used = this.#used;
    const budgets: BudgetState[] = [];
    for (const state of before) budgets.push(moved(state, used[state.budget.unit]));
    return {
      budgets,
      requests: requests === null ? null : { limit: requests.limit, used: requests.used + this.#granted, resetMs: requests.resetMs },
      tokens: tokens === null ? null : { limit: tokens.limit, used: tokens.used + used.tokens, resetMs: tokens.resetMs },
      isSoft,
    };
  }
}

function moved({ budget, amount, used, startMs, resetMs }: BudgetState, more: number): BudgetState {
  return { budget, amount, used: used + more, startMs, resetMs };
}

/** Calls that follow each other within this time make the next allowance larger; slower ones make it smaller. */
const SOON_MS = 50;
const MOST_CALLS = 256;

/** The allowances of one key; their size follows the pace of its calls. */
export class Allowances<Asked extends Asking> {
  #open: Allowance<Asked>[] = [];
  /** Grants a call. Null: no allowance has room. */
  #current: Allowance<Asked> | null = null;
  #calls = 0;
  #lastMs = -Infinity;
  #hasGranted = false;

  get count(): number {
    return this.#open.length;
  }

  get runningCount(): number {
    return this.#open.reduce((sum, one) => sum + one.runningCount, 0);
  }

  /** Whether calls came recently. */
  isRecent(nowMs: number): boolean {
    return Math.abs(nowMs - this.#lastMs) < LONGEST_MS;
  }

  /** Whether nothing was granted since the last time this was asked. */
  isQuiet(): boolean {
    const isQuiet = !this.#hasGranted;
    this.#hasGranted = false;
    return isQuiet;
  }

  isOver(nowMs: number): boolean {
    return this.#open.some(({ ahead }) => nowMs >= ahead.endMs);
  }

  grant(asking: Asked, nowMs: number): AllowedCall<Asked> | null {
    const allowance = this.#current;
    if (allowance === null || nowMs >= allowance.ahead.endMs) return null;
    const call = allowance.grant(asking);
    if (call === null) return null;
    this.#lastMs = nowMs;
    this.#hasGranted = true;
    return call;
  }

  /** How many calls the next allowance should cover. */
  next(nowMs: number): number {
    const isSoon = Math.abs(nowMs - this.#lastMs) < SOON_MS;
    this.#calls = isSoon ? Math.min(MOST_CALLS, Math.max(2, 2 * this.#calls)) : Math.floor(this.#calls / 2);
    this.#lastMs = nowMs;
    return this.#calls;
  }

  /** Replaces the current allowance. */
  add(ahead: Ahead): Allowance<Asked> {
    this.#hasGranted = true;
    this.#current = new Allowance(ahead);
    this.#open.push(this.#current);
    return this.#current;
  }

  /** Stops granting from the current allowance. */
  rest(): void {
    this.#current = null;
  }

  /** Gives back allowances that are used up or over, or all. */
  sealed(nowMs: number, { all }: { readonly all: boolean }): readonly Sealed<Asked>[] {
    if (this.#open.length === 0) return [];
    const isDone = (one: Allowance<Asked>): boolean => all || nowMs >= one.ahead.endMs || (one.runningCount === 0 && one !== this.#current);
    const [done, open] = [this.#open.filter(isDone), this.#open.filter((one) => !isDone(one))];
    this.#open = open;
    if (this.#current !== null && done.includes(this.#current)) this.#current = null;
    return done.map((one) => one.seal());
  }
}
