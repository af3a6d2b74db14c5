// How people write the limits of a key, and how they are printed: durations, amounts, budgets, lists of models, expiries.
// Never reads a clock: the caller passes the time in. Input that can't be read gives null.

import type { Budget, BudgetUnit, Expiry, KeyRules, Period } from "./client-key.ts";
import { Calendar } from "./windows.ts";

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** The largest first, as printing tries them in order. */
const DURATION_UNITS = { d: DAY_MS, h: HOUR_MS, m: MINUTE_MS, s: SECOND_MS } as const;
const MOST_DURATION_MS = 100 * 366 * DAY_MS;
const DURATION = /^(\d{1,9})(s|m|h|d)$/;

/** `90s`, `15m`, `24h` or `30d`, as milliseconds. */
export function parseDuration(text: string): number | null {
  const [, count = "", unit = ""] = DURATION.exec(text.trim().toLowerCase()) ?? [];
  const ms = Number(count) * (Object.entries(DURATION_UNITS).find(([name]) => name === unit)?.[1] ?? 0);
  return ms > 0 && ms <= MOST_DURATION_MS ? ms : null;
}

/** In the largest unit that expresses it exactly. */
export function printDuration(ms: number): string {
  for (const [unit, unitMs] of Object.entries(DURATION_UNITS)) if (ms % unitMs === 0) return `${ms / unitMs}${unit}`;
  return `${ms / SECOND_MS}s`;
}

const COUNT_UNITS = { B: 1e9, M: 1e6, k: 1e3 } as const;
const NUMBER = /^(\d{1,15}(?:\.\d{1,9})?)([kmb])?$/i;
const MOST_COUNT = 1e15;

/** `60`, `400k`, `1.5M` or `2B`: a whole number above 0. */
export function parseCount(text: string): number | null {
  const count = parseNumber(text.trim());
  return count !== null && count > 0 && Number.isInteger(count) ? count : null;
}

/** In the largest unit that expresses it with at most three decimals. */
export function printCount(count: number): string {
  for (const [unit, size] of Object.entries(COUNT_UNITS)) {
    const inUnit = count / size;
    if (inUnit >= 1 && Number(inUnit.toFixed(3)) === inUnit) return `${inUnit}${unit}`;
  }
  return String(count);
}

function parseNumber(text: string): number | null {
  const [, digits = "", suffix = ""] = NUMBER.exec(text) ?? [];
  if (digits === "") return null;
  const size = Object.entries(COUNT_UNITS).find(([unit]) => unit.toLowerCase() === suffix.toLowerCase())?.[1] ?? 1;
  // Decimal arithmetic would leave 0.1M slightly off 100,000.
  const number = Number(`${digits}e${Math.log10(size)}`);
  return number <= MOST_COUNT ? number : null;
}

export interface Amount {
  readonly amount: number;
  readonly unit: BudgetUnit;
}

const AMOUNT = /^(\$?)([\d.]+[kmb]?)[- ]?([a-z]*)$/i;
const UNITS: Readonly<Record<string, BudgetUnit>> = {
  usd: "usd",
  credit: "credits",
  credits: "credits",
  token: "tokens",
  tokens: "tokens",
};

/** `5usd`, `$5`, `20M-credits`, `500k-tokens`; 0 or more, and whole numbers but for USD. */
export function parseAmount(text: string): Amount | null {
  const [, dollar = "", digits = "", word = ""] = AMOUNT.exec(text.trim()) ?? [];
  const amount = parseNumber(digits);
  const unit = dollar !== "" && word === "" ? "usd" : dollar === "" ? UNITS[word.toLowerCase()] : undefined;
  if (amount === null || unit === undefined || (unit !== "usd" && !Number.isInteger(amount))) return null;
  return { amount, unit };
}

export function printAmount({ amount, unit }: Amount): string {
  return unit === "usd" ? `${amount}usd` : `${printCount(amount)}-${unit}`;
}

export const PERIODS: readonly Period[] = ["5h", "day", "week", "month", "ever", "session"];

/** `5usd/day`. */
export function parseBudget(text: string): Budget | null {
  const [left = "", right = "", ...more] = text.split("/");
  const amount = parseAmount(left);
  const period = PERIODS.find((known) => known === right.trim().toLowerCase());
  return amount === null || period === undefined || more.length > 0 ? null : { ...amount, period };
}

export function printBudget({ period, ...amount }: Budget): string {
  return `${printAmount(amount)}/${period}`;
}

const SOFT = /^(\d{1,2})%?(?::(\S{1,200}))?$/;

/** From 1 to 99: `80`, or `80:glm-5.2` with a cheaper model. */
export function parseSoft(text: string): NonNullable<KeyRules["soft"]> | null {
  const [, digits = "", model = null] = SOFT.exec(text.trim()) ?? [];
  const percent = Number(digits);
  return digits !== "" && percent > 0 ? { percent, model } : null;
}

export function printSoft({ percent, model }: NonNullable<KeyRules["soft"]>): string {
  return model === null ? String(percent) : `${percent}:${model}`;
}

const MODEL_PATTERN = /^!?(?:@(?:standard|core)|[^\s,!@][^\s,]{0,199})$/;

/** `claude-*,!claude-opus-*,@core`. */
export function parseModels(text: string): readonly string[] | null {
  const patterns = text
    .split(",")
    .map((pattern) => pattern.trim().toLowerCase())
    .filter((pattern) => pattern !== "");
  return patterns.length > 0 && patterns.every((pattern) => MODEL_PATTERN.test(pattern)) ? patterns : null;
}

/** A model as rules see it. */
export interface RuledModel {
  /** Its id and every alias, in any case: what is denied under one name is denied under all. */
  readonly names: readonly string[];
  /** For an unknown model: names that its upstream may read its name as. They can deny it, but never allow it. */
  readonly readAs?: readonly string[];
  readonly pool: "standard" | "core" | null;
}

/**
 * Whether patterns allow a model. A pattern that denies (`!`) always wins; of the others one must match, unless there are none.
 * Call it once for a list of patterns.
 */
export function modelRule(patterns: readonly string[]): (model: RuledModel) => boolean {
  const denied = patterns.filter((pattern) => pattern.startsWith("!")).map((pattern) => fits(pattern.slice(1)));
  const allowed = patterns.filter((pattern) => !pattern.startsWith("!")).map(fits);
  const isDenied = (model: RuledModel): boolean => denied.some((fit) => fit(model));
  return (model) =>
    !isDenied(model) && !isDenied({ ...model, names: model.readAs ?? [] }) && (allowed.length === 0 || allowed.some((fit) => fit(model)));
}

function fits(pattern: string): (model: RuledModel) => boolean {
  if (pattern.startsWith("@")) return ({ pool }) => pool === pattern.slice(1).toLowerCase();
  const parts = pattern.toLowerCase().split("*");
  return ({ names }) => names.some((name) => fitsParts(name.toLowerCase(), parts));
}

/** Whether a name begins with the first part, ends with the last, and has the others in between. A regular expression could take for ever. */
function fitsParts(name: string, parts: readonly string[]): boolean {
  const [first = "", last = ""] = [parts[0], parts.at(-1)];
  if (parts.length === 1) return name === first;
  const endAt = name.length - last.length;
  let at = first.length;
  if (at > endAt || !name.startsWith(first) || !name.endsWith(last)) return false;
  for (const part of parts.slice(1, -1)) {
    const found = name.indexOf(part, at);
    if (found === -1 || found + part.length > endAt) return false;
    at = found + part.length;
  }
  return true;
}

const AFTER_FIRST_USE = /^(\S+)\s+after\s+first\s+use$/i;
const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;
const INSTANT = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:?\d{2})$/i;

/** `30d` from now, `30d after first use`, a date (`2026-12-31`: to the end of that day in the zone), or a time with its offset. */
export function parseExpiry(text: string, { nowMs, zone }: { readonly nowMs: number; readonly zone: string }): Expiry | null {
  const typed = text.trim();
  const [, first = ""] = AFTER_FIRST_USE.exec(typed) ?? [];
  const ms = parseDuration(first === "" ? typed : first);
  if (first !== "") return ms === null ? null : { type: "after-first-use", ms };
  if (ms !== null) return { type: "at", ms: nowMs + ms };
  const atMs = DATE.test(typed) ? endOfDate(typed, zone) : INSTANT.test(typed) ? Date.parse(typed.replace(" ", "T")) : Number.NaN;
  return Number.isNaN(atMs) ? null : { type: "at", ms: atMs };
}

/** In the form that `parseExpiry` reads. */
export function printExpiry(expiry: Expiry): string {
  return expiry.type === "at" ? printInstant(expiry.ms) : `${printDuration(expiry.ms)} after first use`;
}

/** `2026-11-28T14:00:00Z`. */
export function printInstant(ms: number): string {
  return new Date(ms).toISOString().replace(".000Z", "Z");
}

/** The first moment of the day after a date. NaN: there is no such date. */
function endOfDate(date: string, zone: string): number {
  const noonMs = Date.parse(`${date}T12:00:00Z`);
  if (Number.isNaN(noonMs) || !new Date(noonMs).toISOString().startsWith(date)) return Number.NaN;
  const calendar = new Calendar();
  // At noon UTC the date differs only in zones that are far ahead or behind.
  const days = [noonMs, noonMs - DAY_MS, noonMs + DAY_MS].map((nowMs) => calendar.window("day", null, { nowMs, zone }));
  return days.find(({ startMs }) => calendar.iso(startMs, zone).startsWith(date))?.endMs ?? Number.NaN;
}

/** The zone's official spelling; null: there is no such zone. */
export function parseZone(text: string): string | null {
  try {
    return new Intl.DateTimeFormat("en-US", { timeZone: text.trim() }).resolvedOptions().timeZone;
  } catch {
    return null;
  }
}

const KEY_NAME = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/i;

export function isKeyName(text: string): boolean {
  return KEY_NAME.test(text);
}
