// Creates, changes, raises and rotates keys: turns what people type into records.
// Never reads or writes a store, and never keeps a key that it creates.

import type { KeyRecord, KeyRules } from "./client-key.ts";
import { DEFAULT_ROW, NEVER_SOFT, type Sha256 } from "./key-ring.ts";
import {
  isKeyName,
  parseAmount,
  parseBudget,
  parseCount,
  parseDuration,
  parseExpiry,
  parseModels,
  parseSoft,
  parseZone,
} from "./limit-syntax.ts";
import { Calendar } from "./windows.ts";

/** Input that can't be read, or a change that makes no sense. `message` says what to do. */
export class KeyFault extends Error {
  override readonly name = "KeyFault";
  /** The member of the key's JSON that is wrong. Null: none in particular. */
  readonly param: string | null;

  constructor(message: string, param: string | null = null) {
    super(message);
    this.param = param;
  }
}

/** Absent: unchanged. `none`: no limit. `default`: what the row `default` says. */
export interface KeyWords {
  readonly note?: string;
  /** `30d`, `30d after first use`, a date, a time; `never`. */
  readonly expires?: string;
  readonly models?: string;
  readonly rpm?: string;
  readonly tpm?: string;
  readonly parallel?: string;
  /** All budgets of the key. */
  readonly budget?: readonly string[];
  readonly soft?: string;
  readonly zone?: string;
}

export interface KeyPorts {
  readonly nowMs: number;
  readonly sha256: Sha256;
  /** Returns this many random bytes. */
  readonly random: (count: number) => Uint8Array;
}

/** A new key, to be shown once. */
export interface FreshKey {
  readonly record: KeyRecord;
  /** Secret. */
  readonly key: string;
}

export const NO_RULES: KeyRules = {
  models: null,
  requestsPerMinute: null,
  tokensPerMinute: null,
  parallel: null,
  budgets: null,
  soft: null,
  zone: null,
};
/** Names of rows that are not keys: for keys that set nothing themselves, and for calls without a key. */
export const ROWS_WITHOUT_KEY: readonly string[] = [DEFAULT_ROW, "anonymous"];
const LONGEST_NOTE = 500;

// ---- Changes -----------------------------------------------------------------------------------------------------

/** @throws KeyFault */
export function newKey(name: string, words: KeyWords, ports: KeyPorts): FreshKey {
  if (!isKeyName(name)) throw new KeyFault("A name must have 1 to 64 letters or digits, with . _ - allowed between them.", "name");
  if (ROWS_WITHOUT_KEY.includes(name.toLowerCase()))
    throw new KeyFault(`"${name}" is not a key. Use keys set ${name.toLowerCase()} to change its limits.`, "name");
  if (ENVIRONMENT_NAME.test(name)) throw new KeyFault("Names that begin with env- are reserved for keys in PROXY_API_KEY.", "name");
  const { key, hash, hint } = freshKey(ports);
  return { record: changed({ ...emptyRecord(name, ports.nowMs), hash, hint }, words, ports.nowMs), key };
}

/** Whether a row of this name never has a key of its own. */
export function isKeylessName(name: string): boolean {
  return ROWS_WITHOUT_KEY.includes(name.toLowerCase()) || ENVIRONMENT_NAME.test(name);
}

const ENVIRONMENT_NAME = /^env-/i;

/** A row for something that has no key of its own in the store. */
export function emptyRecord(name: string, nowMs: number): KeyRecord {
  return {
    name,
    note: null,
    hash: null,
    hint: null,
    previous: null,
    createdMs: nowMs,
    expiry: null,
    firstUsedMs: null,
    isOff: false,
    rules: NO_RULES,
    raises: [],
  };
}

/** @throws KeyFault */
export function changed(record: KeyRecord, words: KeyWords, nowMs: number): KeyRecord {
  const { note, expires } = words;
  if (expires !== undefined && ROWS_WITHOUT_KEY.includes(record.name))
    throw new KeyFault(`"${record.name}" is not a key and does not expire.`, "expires");
  if (note !== undefined && note.length > LONGEST_NOTE) throw new KeyFault(`A note can have at most ${LONGEST_NOTE} characters.`, "note");
  const rules = rulesWith(record.rules, words);
  return {
    ...record,
    rules,
    ...(note === undefined ? {} : { note: note.trim() === "" ? null : note.trim() }),
    ...(expires === undefined
      ? {}
      : { expiry: isWord(expires, "never", "none") ? null : expiryOf(expires, { nowMs, zone: rules.zone ?? "UTC", param: "expires" }) }),
  };
}

/** Raises the budgets in one unit until then. @throws KeyFault */
export function raised(
  record: KeyRecord,
  amount: string,
  { nowMs, untilMs }: { readonly nowMs: number; readonly untilMs: number },
): KeyRecord {
  const parsed = parseAmount(amount);
  if (parsed === null || parsed.amount === 0) throw new KeyFault(`Write ${AMOUNTS}.`, "amount");
  return { ...record, raises: [...record.raises.filter((raise) => raise.untilMs > nowMs), { ...parsed, untilMs }] };
}

/** A new key for the same record. The old one ends after the grace period, or at once without one. @throws KeyFault */
export function rotated(record: KeyRecord, grace: string | null, ports: KeyPorts): FreshKey {
  if (record.hash === null) throw new KeyFault(`"${record.name}" has no key in the store.`);
  const graceMs = grace === null ? 0 : parseDuration(grace);
  if (graceMs === null) throw new KeyFault(`The grace period must be ${DURATIONS}.`, "grace");
  const { key, hash, hint } = freshKey(ports);
  return { record: { ...record, hash, hint, previous: { hash: record.hash, untilMs: ports.nowMs + graceMs } }, key };
}

/** When a raise ends that was typed as `24h`, a date or a time; null: at the end of the day. @throws KeyFault */
export function raiseEndMs(until: string | null, { nowMs, zone }: { readonly nowMs: number; readonly zone: string }): number {
  if (until === null) return new Calendar().window("day", null, { nowMs, zone }).endMs ?? nowMs;
  const expiry = expiryOf(until, { nowMs, zone, param: "until" });
  if (expiry.type !== "at") throw new KeyFault("The end of a raise must be a duration, a date or a time.", "until");
  return expiry.ms;
}

// ---- From input to rules -----------------------------------------------------------------------------------------

const DURATIONS = "a duration such as 90s, 15m, 24h or 30d";
const AMOUNTS = "an amount such as 5usd, 20M-credits or 500k-tokens";

function rulesWith(rules: KeyRules, words: KeyWords): KeyRules {
  const { models, rpm, tpm, parallel, budget, soft, zone } = words;
  return {
    models: models === undefined ? rules.models : isDefault(models) ? null : modelsOf(models),
    requestsPerMinute: numberWith(rules.requestsPerMinute, rpm, "rpm"),
    tokensPerMinute: numberWith(rules.tokensPerMinute, tpm, "tpm"),
    parallel: numberWith(rules.parallel, parallel, "parallel"),
    budgets: budget === undefined ? rules.budgets : budgetsOf(budget),
    soft: soft === undefined ? rules.soft : isDefault(soft) ? null : softOf(soft),
    zone: zone === undefined ? rules.zone : isDefault(zone) ? null : zoneOf(zone),
  };
}

function isWord(text: string, ...words: readonly string[]): boolean {
  return words.includes(text.trim().toLowerCase());
}

const isDefault = (text: string): boolean => isWord(text, "default");
const isNone = (text: string): boolean => isWord(text, "none");

function numberWith(before: number | null, word: string | undefined, name: string): number | null {
  if (word === undefined) return before;
  if (isDefault(word)) return null;
  const count = isNone(word) ? 0 : parseCount(word);
  if (count === null) throw new KeyFault(`${name} must be a whole number such as 60 or 400k, or none or default.`, name);
  return count;
}

function modelsOf(text: string): readonly string[] {
  const models = isWord(text, "none", "all") ? ["*"] : parseModels(text);
  if (models === null)
    throw new KeyFault(
      "models must be names, globs and pools, separated by commas, such as claude-*,!claude-opus-*,@core, or all or default.",
      "models",
    );
  return models;
}

function budgetsOf(words: readonly string[]): KeyRules["budgets"] {
  if (words.length === 1 && isDefault(words[0] ?? "")) return null;
  if (words.length === 1 && isNone(words[0] ?? "")) return [];
  const budgets = words.map((word) => {
    const budget = parseBudget(word);
    if (budget === null)
      throw new KeyFault(
        `A budget must be ${AMOUNTS} with a period, such as 5usd/day. Periods are 5h, day, week, month, ever and session.`,
        "budgets",
      );
    return budget;
  });
  const kinds = budgets.map(({ unit, period }) => `${unit}/${period}`);
  const twice = budgets.find((_, index) => kinds.indexOf(kinds[index] ?? "") < index);
  if (twice !== undefined) throw new KeyFault(`There are two budgets in ${twice.unit} per ${twice.period}.`, "budgets");
  return budgets;
}

function softOf(text: string): KeyRules["soft"] {
  if (isNone(text)) return { percent: NEVER_SOFT, model: null };
  const soft = parseSoft(text);
  if (soft === null)
    throw new KeyFault(
      "soft must be a share of the budget in percent, from 1 to 99, optionally with a cheaper model, such as 80 or 80:glm-5.2, or none or default.",
      "soft",
    );
  return soft;
}

function zoneOf(text: string): string {
  const zone = parseZone(text);
  if (zone === null) throw new KeyFault("zone must be the name of a time zone such as Asia/Shanghai or UTC.", "zone");
  return zone;
}

interface ExpiryPlace {
  readonly nowMs: number;
  readonly zone: string;
  /** The name of the option that the text belongs to. */
  readonly param: "expires" | "until";
}

function expiryOf(text: string, { param, ...at }: ExpiryPlace): NonNullable<KeyRecord["expiry"]> {
  const expiry = parseExpiry(text, at);
  if (expiry === null)
    throw new KeyFault(
      `The expiry must be ${DURATIONS}, "30d after first use", a date such as 2026-12-31, or a time such as 2026-12-31T18:00:00Z.`,
      param,
    );
  if (expiry.type === "at" && expiry.ms <= at.nowMs) throw new KeyFault("The expiry must be in the future.", param);
  return expiry;
}

// ---- A new key ---------------------------------------------------------------------------------------------------

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const KEY_LENGTH = 32;
const PREFIX = "fp-";
/** Bytes from here on would favour the first characters of the alphabet. */
const FAIR = 256 - (256 % ALPHABET.length);

function freshKey({ random, sha256 }: KeyPorts): { readonly key: string; readonly hash: string; readonly hint: string } {
  let characters = "";
  while (characters.length < KEY_LENGTH) {
    for (const byte of random(KEY_LENGTH)) if (byte < FAIR) characters += ALPHABET[byte % ALPHABET.length] ?? "";
  }
  const key = PREFIX + characters.slice(0, KEY_LENGTH);
  return { key, hash: sha256(key).toHex(), hint: `${key.slice(0, PREFIX.length + 2)}…${key.slice(-2)}` };
}
