// A key as JSON, for programs and for export to another store: printed, and read back.
// Never holds a key, only its hash.

import type { Expiry, KeyRecord, KeyRules } from "./client-key.ts";
import { isKeylessName, KeyFault } from "./key-changes.ts";
import { NEVER_SOFT } from "./key-ring.ts";
import { isKeyName, parseAmount, parseBudget, parseExpiry, parseModels, parseSoft, parseZone } from "./limit-syntax.ts";
import { printAmount, printBudget, printExpiry, printInstant, printSoft } from "./limit-syntax.ts";

/** A key as JSON: members named like the options, times in ISO 8601. Null: the key sets nothing itself; the number 0 and `[]`: there is no limit. */
export interface KeyJson extends RulesJson {
  readonly name: string;
  readonly note: string | null;
  readonly hint: string | null;
  readonly created: string;
  readonly expires: string | null;
  readonly firstUsed: string | null;
  readonly off: boolean;
  readonly raises: readonly { readonly amount: string; readonly until: string }[];
  /** Until when the key before the last rotation is or was valid. */
  readonly previousUntil: string | null;
}

export interface RulesJson {
  readonly models: readonly string[] | null;
  readonly rpm: number | null;
  readonly tpm: number | null;
  readonly parallel: number | null;
  readonly budgets: readonly string[] | null;
  readonly soft: string | null;
  readonly zone: string | null;
}

/** For another store: with the hashes of the key and of the one before it. */
export interface KeyFile extends KeyJson {
  readonly hash: string | null;
  readonly previousHash: string | null;
}

export function keyJson(record: KeyRecord): KeyJson {
  const { name, note, hint, createdMs, expiry, firstUsedMs, isOff, raises, previous } = record;
  return {
    name,
    note,
    hint,
    created: printInstant(createdMs),
    expires: expiry === null ? null : printExpiry(expiry),
    firstUsed: firstUsedMs === null ? null : printInstant(firstUsedMs),
    off: isOff,
    ...rulesJson(record.rules),
    raises: raises.map(({ untilMs, ...amount }) => ({ amount: printAmount(amount), until: printInstant(untilMs) })),
    previousUntil: previous === null ? null : printInstant(previous.untilMs),
  };
}

export function rulesJson({ models, requestsPerMinute, tokensPerMinute, parallel, budgets, soft, zone }: KeyRules): RulesJson {
  return {
    models,
    rpm: requestsPerMinute,
    tpm: tokensPerMinute,
    parallel,
    budgets: budgets?.map(printBudget) ?? null,
    soft: soft === null ? null : soft.percent === NEVER_SOFT ? "none" : printSoft(soft),
    zone,
  };
}

export function keyFile(record: KeyRecord): KeyFile {
  return { ...keyJson(record), hash: record.hash, previousHash: record.previous?.hash ?? null };
}

// ---- Reading -----------------------------------------------------------------------------------------------------

type Members = Readonly<Record<string, unknown>>;

/** @throws KeyFault */
export function readKeyFile(value: unknown): KeyRecord {
  if (!isMembers(value)) throw new KeyFault("A key is an object.");
  const name = text(value, "name");
  if (name === null || !isKeyName(name)) throw new KeyFault("A key has no valid name.");
  try {
    const hash = hashIn(value, "hash");
    if (hash !== null && isKeylessName(name)) throw new KeyFault("a row with this name is not a key and can't have a hash.");
    const [previousHash, previousUntil] = [hashIn(value, "previousHash"), instant(value, "previousUntil")];
    return {
      name,
      note: text(value, "note"),
      hash,
      hint: hash === null ? null : text(value, "hint"),
      previous: previousHash === null || previousUntil === null ? null : { hash: previousHash, untilMs: previousUntil },
      createdMs: instant(value, "created") ?? 0,
      expiry: expiryIn(value),
      firstUsedMs: instant(value, "firstUsed"),
      isOff: value["off"] === true,
      rules: rulesIn(value),
      raises: list(value, "raises")?.map(raiseIn) ?? [],
    };
  } catch (error) {
    if (!(error instanceof KeyFault)) throw error;
    throw new KeyFault(`The key "${name}": ${error.message}`);
  }
}

function rulesIn(members: Members): KeyRules {
  return {
    models: parsed(members, "models", (value) => (isTexts(value) ? parseModels(value.join(",")) : null)),
    requestsPerMinute: parsed(members, "rpm", count),
    tokensPerMinute: parsed(members, "tpm", count),
    parallel: parsed(members, "parallel", count),
    budgets: list(members, "budgets")?.map((value) => known(typeof value === "string" ? parseBudget(value) : null, "budgets")) ?? null,
    soft: parsed(members, "soft", (value) => {
      if (value === "none") return { percent: NEVER_SOFT, model: null };
      return typeof value === "string" ? parseSoft(value) : null;
    }),
    zone: parsed(members, "zone", (value) => (typeof value === "string" ? parseZone(value) : null)),
  };
}

function raiseIn(value: unknown): KeyRecord["raises"][number] {
  if (!isMembers(value)) throw wrong("raises");
  const untilMs = known(instant(value, "until"), "raises");
  return { ...known(parseAmount(text(value, "amount") ?? ""), "raises"), untilMs };
}

/** A time in the past is allowed: the key has expired then. */
function expiryIn(members: Members): Expiry | null {
  return parsed(members, "expires", (value) => (typeof value === "string" ? parseExpiry(value, { nowMs: 0, zone: "UTC" }) : null));
}

/** Null where the member is null or absent. @throws KeyFault where it can't be read */
function parsed<Result>(members: Members, name: string, read: (value: unknown) => Result | null): Result | null {
  const value = members[name] ?? null;
  return value === null ? null : known(read(value), name);
}

function text(members: Members, name: string): string | null {
  return parsed(members, name, (value) => (typeof value === "string" ? value : null));
}

function list(members: Members, name: string): readonly unknown[] | null {
  return parsed(members, name, (value): readonly unknown[] | null => (Array.isArray(value) ? value : null));
}

function instant(members: Members, name: string): number | null {
  return parsed(members, name, (value) => {
    const ms = typeof value === "string" ? Date.parse(value) : Number.NaN;
    return Number.isNaN(ms) ? null : ms;
  });
}

function hashIn(members: Members, name: string): string | null {
  return parsed(members, name, (value) => (typeof value === "string" && HASH.test(value) ? value : null));
}

const HASH = /^[0-9a-f]{64}$/;

function count(value: unknown): number | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

function known<Result>(value: Result | null, name: string): Result {
  if (value === null) throw wrong(name);
  return value;
}

function wrong(name: string): KeyFault {
  return new KeyFault(`"${name}" can't be read.`);
}

function isMembers(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}
