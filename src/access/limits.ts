// What clients are told of limits: why a call may not run, and what the headers of an answer report.
// Does not count anything.

import { GatewayError, REASON_HEADER, type ErrorOptions } from "../errors.ts";
import type { Priced } from "../models/price.ts";
import type { ProtocolId } from "../protocol/canonical.ts";
import type { BudgetState, Limits, RateState, Refusal, Standing } from "./accounts.ts";
import type { BudgetUnit, Period } from "./client-key.ts";
import { PLAN_WINDOWS, type PlanWindow } from "./plan-limits.ts";
import { rounded, windowText } from "./quota-headers.ts";
import type { Calendar } from "./windows.ts";

export type RefusalReason = "budget" | "rate" | "concurrency" | "model" | "expired" | "disabled" | "quota";

/** A retry does not help. */
const FINAL = { "x-should-retry": "false" };

/** Tells a program why a call was refused. */
export function reasonHeaders(reason: RefusalReason): Record<string, string> {
  return { [REASON_HEADER]: reason };
}

// ---- Models ------------------------------------------------------------------------------------------------------

/** In the shape of an unknown model, so that clients offer others. */
export function modelRefusal(who: string, model: string): GatewayError {
  return new GatewayError(
    "model-not-allowed",
    `The key "${who}" may not use the model "${model}". Choose another model, or ask whoever gave you the key.`,
    {
      param: "model",
      code: "model_not_found",
      headers: { ...FINAL, ...reasonHeaders("model") },
    },
  );
}

/** What to add to the model file for a budget in this unit. */
const PRICE_MEMBERS = { usd: "price", credits: "multiplier" } as const;

/** The unit of a budget in which the model has no known cost; null: none. */
export function unpricedUnit({ budgets }: Limits, { price, multiplier }: Priced): "usd" | "credits" | null {
  for (const { unit } of budgets) if (unit !== "tokens" && (unit === "usd" ? price : multiplier) === null) return unit;
  return null;
}

/** A budget in money can't cover a model without a price. */
export function priceRefusal(who: string, model: string, unit: "usd" | "credits"): GatewayError {
  const [what, member] = [unit === "usd" ? "price" : "credit multiplier", PRICE_MEMBERS[unit]];
  const text =
    `The model "${model}" has no known ${what}, and the key "${who}" has a budget in ${NAMES[unit]}: ` +
    `set \`${member}\` for this model in the model table (CONFIG_PATH), or ask for another model.`;
  return new GatewayError("invalid-request", text, {
    param: "model",
    code: "model_without_price",
    headers: { ...FINAL, ...reasonHeaders("model") },
  });
}

// ---- Refusals ----------------------------------------------------------------------------------------------------

export interface Place {
  readonly nowMs: number;
  readonly calendar: Calendar;
  readonly zone: string;
}

export interface RefusedCall extends Place {
  /** The key's name. */
  readonly who: string;
  /** Codex shows a used-up budget only under 429, in words of its own. */
  readonly isCodex: boolean;
}

/** For longer waits, SDKs use a time of their own. */
const LONGEST_RETRY_AFTER_MS = 60_000;
const QUOTA = "insufficient_quota";
const CODEX_LIMIT = "usage_limit_reached";

/** A refusal in the words that make each client stop, or wait as long as it has to. */
export function limitRefusal(refusal: Refusal, call: RefusedCall): GatewayError {
  if (refusal.reason === "budget") return budgetRefusal(refusal, call);
  if (refusal.reason === "rate") return rateRefusal(refusal, call);
  const { limit, running } = refusal;
  const text = `The key "${call.who}" already has ${running} of ${limit} calls running; the next one may start when one of them ends.`;
  const headers = { "x-factory-proxy-limit": `parallel;limit=${limit};used=${running}`, ...reasonHeaders("concurrency") };
  return new GatewayError("rate-limited", text, limit === 0 ? forEver(headers) : { headers: { "retry-after": "1", ...headers } });
}

function budgetRefusal({ state, wanted }: Refusal & { reason: "budget" }, { who, isCodex, ...place }: RefusedCall): GatewayError {
  const { budget, amount, used, resetMs } = state;
  const more = used < amount ? `, and this call may take ${shown(budget.unit, wanted)}` : "";
  const again =
    resetMs === null
      ? NEVER_AGAIN[budget.period === "session" ? "session" : "ever"]
      : `it resets at ${place.calendar.iso(resetMs, place.zone)}`;
  const text = `The key "${who}" has used ${shown(budget.unit, used)} of ${shown(budget.unit, amount)} ${NAMES[budget.unit]} ${PERIODS[budget.period]}${more}; ${again}.`;
  const headers = { ...reasonHeaders("budget"), "x-factory-proxy-limit": budgetText(state, place, "used") };
  return usedUp("budget", { text, resetMs, isCodex, headers });
}

interface UsedUp {
  readonly text: string;
  readonly resetMs: number | null;
  readonly isCodex: boolean;
  readonly headers: Readonly<Record<string, string>>;
}

/** For a limit that does not come back within a minute. */
function usedUp(kind: "budget" | "quota", { text, resetMs, isCodex, headers }: UsedUp): GatewayError {
  const words = isCodex ? CODEX_LIMIT : QUOTA;
  return new GatewayError(kind, text, {
    ...(isCodex ? { status: 429 } : {}),
    type: words,
    code: words,
    ...(resetMs === null || !isCodex ? {} : { details: { resets_at: Math.ceil(resetMs / 1000) } }),
    headers: { ...FINAL, ...headers },
  });
}

const NEVER_AGAIN = { ever: "it does not reset", session: "each session has its own budget" };

function rateRefusal({ of, state, wanted, waitMs }: Refusal & { reason: "rate" }, { who, ...place }: RefusedCall): GatewayError {
  const { limit, used } = state;
  const headers = { ...reasonHeaders("rate"), "x-factory-proxy-limit": `${of}/min;limit=${limit};used=${Math.round(used)}` };
  if (waitMs === null) {
    const text =
      of === "requests"
        ? `The key "${who}" can't make requests: its limit is ${limit} per minute.`
        : `This call has about ${shown("tokens", wanted)} tokens, more than the key "${who}" may use in a minute (${shown("tokens", limit)}); waiting won't help.`;
    return new GatewayError("invalid-request", text, forEver(headers));
  }
  const retryMs = Math.min(LONGEST_RETRY_AFTER_MS, Math.max(1, Math.ceil(waitMs)));
  const retryS = Math.ceil(retryMs / 1000);
  const at = place.calendar.iso(place.nowMs + waitMs, place.zone);
  const more = of === "tokens" && used < limit ? `, and this call may take ${shown("tokens", wanted)}` : "";
  const text = `The key "${who}" has used ${shown("tokens", used)} of ${shown("tokens", limit)} ${of} in the last minute${more}; try again in ${retryS} s, at ${at}.`;
  return new GatewayError("rate-limited", text, {
    headers: { "retry-after": String(retryS), "retry-after-ms": String(retryMs), ...headers },
  });
}

function forEver(headers: Readonly<Record<string, string>>): ErrorOptions {
  return { status: 400, type: "invalid_request_error", headers: { ...FINAL, ...headers } };
}

export interface GuardedCall extends RefusedCall {
  /** The share of the plan above which no new conversation begins. */
  readonly guardPercent: number;
}

/** The plan's window is nearly used up, and the rest is for conversations that run. */
export function quotaRefusal(window: PlanWindow, { who, isCodex, guardPercent, ...place }: GuardedCall): GatewayError {
  const { pool, name, usedPercent, resetMs } = window;
  const shownName = PLAN_WINDOWS.find((one) => one.name === name)?.shown ?? name;
  const again = resetMs === null ? "Factory does not say when it resets" : `it resets at ${place.calendar.iso(resetMs, place.zone)}`;
  const text =
    `The plan's ${shownName} for ${pool} models is ${rounded(usedPercent)}% used, and from ${guardPercent}% on (QUOTA_GUARD) ` +
    `the key "${who}" can't start new conversations; ${again}.`;
  return usedUp("quota", {
    text,
    resetMs,
    isCodex,
    headers: { ...reasonHeaders("quota"), "x-factory-proxy-limit": windowText(window, guardPercent) },
  });
}

/** The store that knows the usage can't be reached, and `STORE_DOWN=refuse` is set. */
export function storeRefusal(cause: unknown): GatewayError {
  return new GatewayError("overloaded", "The database of keys and limits can't be reached (STORE_DOWN=refuse). Try again later.", {
    headers: { "retry-after": "5" },
    cause,
  });
}

// ---- Headers of answers ------------------------------------------------------------------------------------------

/** `used`: reports what is used instead of what remains. */
function budgetText({ budget, amount, used, resetMs }: BudgetState, { calendar, zone }: Place, says: "used" | "remaining"): string {
  const number = says === "used" ? used : Math.max(0, amount - used);
  const reset = resetMs === null ? "" : `;reset=${calendar.iso(resetMs, zone)}`;
  const limit = says === "used" ? `;limit=${plain(budget.unit, amount)}` : "";
  return `${budget.period};${budget.unit}${limit};${says}=${plain(budget.unit, number)}${reset}`;
}

/** What an answer reports of a key's limits, in headers that clients of its protocol know. */
export function standingHeaders(
  { budgets, requests, tokens, isSoft }: Standing,
  protocol: ProtocolId,
  place: Place,
): Record<string, string> {
  const headers: Record<string, string> = {};
  if (requests !== null) rateHeaders(headers, { of: "requests", state: requests, protocol, place });
  if (tokens !== null) rateHeaders(headers, { of: "tokens", state: tokens, protocol, place });
  if (budgets.length > 0) {
    let text = "";
    for (const state of budgets) text += `${text === "" ? "" : ", "}${budgetText(state, place, "remaining")}`;
    headers["x-factory-proxy-budget"] = isSoft ? `${text}, soft` : text;
  }
  return headers;
}

interface RateHeaders {
  readonly of: "requests" | "tokens";
  readonly state: RateState;
  readonly protocol: ProtocolId;
  readonly place: Place;
}

function rateHeaders(headers: Record<string, string>, { of, state: { limit, used, resetMs }, protocol, place }: RateHeaders): void {
  if (protocol === "gemini") return;
  const isMessages = protocol === "anthropic-messages";
  const names = RATE_NAMES[isMessages ? "messages" : "others"][of];
  headers[names.limit] = String(limit);
  headers[names.remaining] = String(Math.max(0, Math.floor(limit - used)));
  headers[names.reset] = isMessages ? place.calendar.iso(resetMs, "UTC") : duration(resetMs - place.nowMs);
}

/** Written out: building names for each answer costs more than everything else here. */
const RATE_NAMES = {
  messages: {
    requests: {
      limit: "anthropic-ratelimit-requests-limit",
      remaining: "anthropic-ratelimit-requests-remaining",
      reset: "anthropic-ratelimit-requests-reset",
    },
    tokens: {
      limit: "anthropic-ratelimit-tokens-limit",
      remaining: "anthropic-ratelimit-tokens-remaining",
      reset: "anthropic-ratelimit-tokens-reset",
    },
  },
  others: {
    requests: { limit: "x-ratelimit-limit-requests", remaining: "x-ratelimit-remaining-requests", reset: "x-ratelimit-reset-requests" },
    tokens: { limit: "x-ratelimit-limit-tokens", remaining: "x-ratelimit-remaining-tokens", reset: "x-ratelimit-reset-tokens" },
  },
} as const;

/** Headers with the upstream's own limits, under names that would be misread as the key's limits where the key has them. */
export function hidesRate({ requestsPerMinute, tokensPerMinute }: Limits, header: string): boolean {
  if (!RATE_HEADER.test(header)) return false;
  return (requestsPerMinute !== null && header.includes("requests")) || (tokensPerMinute !== null && header.includes("tokens"));
}

const RATE_HEADER = /^(?:x-ratelimit-|anthropic-ratelimit-)/;

/** In OpenAI's format: `6m0s`, `20ms`. */
function duration(ms: number): string {
  if (ms <= 0) return "0s";
  if (ms < 1000) return `${Math.ceil(ms)}ms`;
  const seconds = Math.ceil(ms / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}

// ---- Words -------------------------------------------------------------------------------------------------------

const NAMES: Readonly<Record<BudgetUnit, string>> = { usd: "USD", credits: "credits", tokens: "tokens" };
const PERIODS: Readonly<Record<Period, string>> = {
  "5h": "of its 5-hour budget",
  day: "of its daily budget",
  week: "of its weekly budget",
  month: "of its monthly budget",
  ever: "of its total budget",
  session: "of its budget for this session",
};
/** Precision of amounts below a cent. */
const SMALL_DIGITS = 4;

function plain(unit: BudgetUnit, amount: number): string {
  if (unit !== "usd") return String(Math.round(amount));
  return amount.toFixed(amount > 0 && amount < 0.01 ? SMALL_DIGITS : 2);
}

/** An amount without its unit: `1,234`, `0.03`. */
export function shown(unit: BudgetUnit, amount: number): string {
  return unit === "usd"
    ? amount.toFixed(SMALL_DIGITS).replace(/(?<=\.\d\d\d*?)0+$/, "")
    : plain(unit, amount).replaceAll(/\B(?=(?:\d{3})+$)/g, ",");
}
