// What an administrator sees of the client keys, and can do to them.
// Never keeps a key; two methods return the one that they have made.

import { budgetStates, EMPTY, limitsOf, type BudgetState } from "../../access/accounts.ts";
import type { KeyRecord, KeyRules } from "../../access/client-key.ts";
import {
  changed,
  emptyRecord,
  isKeylessName,
  newKey,
  raised,
  raiseEndMs,
  rotated,
  ROWS_WITHOUT_KEY,
  type FreshKey,
  type KeyWords,
} from "../../access/key-changes.ts";
import { keyJson, rulesJson } from "../../access/key-json.ts";
import { allRecords, changeRecord, stateOf, type RecordSource } from "../../access/key-records.ts";
import { DEFAULT_ROW, effectiveRules, type Sha256 } from "../../access/key-ring.ts";
import { parseAmount } from "../../access/limit-syntax.ts";
import type { Account, Store, UsageSum } from "../../access/store.ts";
import { Calendar } from "../../access/windows.ts";
import { GatewayError } from "../../errors.ts";
import { nearest } from "../../models/nearest.ts";
import type { CallViews } from "../../gateway/call-views.ts";
import type { Models } from "../../models/models.ts";
import { notFound, told, wrongInput } from "./admin-faults.ts";
import type { Admin, BudgetView, KeyView, KeyWordsJson, NewKey } from "./admin.ts";

export interface AdminKeyPorts {
  /** @throws GatewayError where there is no store. */
  readonly store: () => Store;
  readonly calls: Pick<CallViews, "live">;
  readonly models: () => Models;
  /** Names of the keys of PROXY_API_KEY. */
  readonly named: () => readonly string[];
  /** Unix time in milliseconds. */
  readonly now: () => number;
  readonly random: (count: number) => Uint8Array;
  readonly sha256: Sha256;
}

type KeyAdmin = Pick<Admin, "keys" | "key" | "addKey" | "changeKey" | "rotateKey" | "raiseKey" | "removeKey">;

export function createKeyAdmin(ports: AdminKeyPorts): KeyAdmin {
  const { store, now } = ports;
  const change = async (name: string, make: (before: KeyRecord) => KeyRecord): Promise<KeyRecord> => {
    const kept = await changeRecord(name, make, sourceOf(ports));
    return kept ?? (await unknownKey(name, store()));
  };
  const shown = async (record: KeyRecord): Promise<KeyView> => viewOf(record, await surroundings(ports));
  const fresh = async ({ key, record }: FreshKey): Promise<NewKey> => ({ key, record: await shown(record) });
  const make = (): Parameters<typeof newKey>[2] => ({ nowMs: now(), sha256: ports.sha256, random: ports.random });
  const find = async (name: string): Promise<KeyRecord> => {
    const found = (await recordsIn(ports)).find((record) => record.name === name);
    return found ?? (await unknownKey(name, store()));
  };
  return {
    keys: () =>
      told(async () => {
        const around = await surroundings(ports);
        return Promise.all(around.records.map((record) => viewOf(record, around)));
      }),
    key: (name) =>
      told(async () => {
        const around = await surroundings(ports);
        const record = around.records.find((one) => one.name === name);
        return record === undefined ? null : viewOf(record, around);
      }),
    addKey: ({ name, ...words }) =>
      told(async () => {
        if (ports.named().includes(name)) throw conflict(`PROXY_API_KEY already has a key named "${name}".`, "name");
        const made = newKey(name, keyWords(words, ports.models()), make());
        const record = words.off === true ? { ...made.record, isOff: true } : made.record;
        if (!(await store().insertKey(record))) throw conflict(`A key named "${name}" already exists.`, "name");
        return fresh({ key: made.key, record });
      }),
    changeKey: (name, words) =>
      told(async () => {
        const { off } = words;
        if (off !== undefined && ROWS_WITHOUT_KEY.includes(name))
          throw wrongInput(`"${name}" is not a key and can't be turned off.`, "off");
        const read = keyWords(words, ports.models());
        const withOff = (record: KeyRecord): KeyRecord => (off === undefined ? record : { ...record, isOff: off });
        return shown(await change(name, (before) => withOff(changed(before, read, now()))));
      }),
    rotateKey: (name, { grace }) =>
      told(async () => {
        let made: FreshKey | null = null;
        await change(name, (before) => (made = rotated(before, grace ?? null, make())).record);
        if (made === null) throw notFound(`There is no key "${name}".`);
        return fresh(made);
      }),
    raiseKey: (name, { amount, until }) =>
      told(async () => {
        const { effective } = await viewOf(await find(name), await surroundings(ports));
        const unit = parseAmount(amount)?.unit;
        if (unit !== undefined && !effective.budgets?.some((budget) => budgetUnit(budget) === unit)) {
          throw wrongInput(`"${name}" has no budget in ${unit} to raise.`, "amount");
        }
        const untilMs = raiseEndMs(until ?? null, { nowMs: now(), zone: effective.zone ?? "UTC" });
        return shown(await change(name, (before) => raised(before, amount, { nowMs: now(), untilMs })));
      }),
    removeKey: (name) =>
      told(async () => {
        if ((await store().keys()).some((record) => record.name === name)) await store().updateKey(name, () => null);
        else if (ports.named().includes(name)) throw conflict(`"${name}" is set in PROXY_API_KEY. Remove it there.`);
        else await unknownKey(name, store());
      }),
  };
}

function conflict(message: string, param?: "name"): GatewayError {
  return new GatewayError("invalid-request", message, { status: 409, code: "conflict", ...(param === undefined ? {} : { param }) });
}

async function unknownKey(name: string, store: Store): Promise<never> {
  const names = (await store.keys()).map((record) => record.name);
  const [meant] = nearest(name, names, 2);
  throw notFound(meant === undefined ? `There is no key "${name}".` : `There is no key "${name}". Did you mean "${meant}"?`);
}

function sourceOf({ store, named, now }: AdminKeyPorts): RecordSource {
  return { store: store(), named: named(), nowMs: now() };
}

/** The row `default` too, which can be changed before it exists. */
async function recordsIn(ports: AdminKeyPorts): Promise<readonly KeyRecord[]> {
  const records = await allRecords(sourceOf(ports));
  return records.some(({ name }) => name === DEFAULT_ROW) ? records : [emptyRecord(DEFAULT_ROW, ports.now()), ...records];
}

// ---- Views -------------------------------------------------------------------------------------------------------

/** What the views of all keys share. */
interface Surroundings {
  readonly records: readonly KeyRecord[];
  readonly defaults: KeyRules | null;
  readonly named: readonly string[];
  readonly store: Store;
  /** In the last minute, by key. */
  readonly recent: ReadonlyMap<string | null, UsageSum>;
  /** Running calls in this process, by key. */
  readonly running: ReadonlyMap<string | null, number>;
  readonly nowMs: number;
  readonly calendar: Calendar;
}

const MINUTE_MS = 60_000;

async function surroundings(ports: AdminKeyPorts): Promise<Surroundings> {
  const { calls, named, now } = ports;
  const [nowMs, store] = [now(), ports.store()];
  const anyone = { untilMs: null, key: null, session: null, client: null, model: null };
  const [live, records, sums] = await Promise.all([
    calls.live(),
    recordsIn(ports),
    store.sums({ ...anyone, sinceMs: nowMs - MINUTE_MS, by: ["key"], zone: "UTC" }),
  ]);
  const running = new Map<string | null, number>();
  for (const { key } of live.calls) running.set(key, (running.get(key) ?? 0) + 1);
  return {
    records,
    defaults: records.find(({ name }) => name === DEFAULT_ROW)?.rules ?? null,
    named: named(),
    store,
    recent: new Map(sums.map((sum) => [sum.group[0] ?? null, sum])),
    running,
    nowMs,
    calendar: new Calendar(),
  };
}

async function viewOf(record: KeyRecord, around: Surroundings): Promise<KeyView> {
  const { name } = record;
  const { defaults, store, recent, running, nowMs, calendar } = around;
  const effective = effectiveRules(record.rules, defaults);
  const limits = name === DEFAULT_ROW ? null : limitsOf({ rules: effective, raises: record.raises });
  // The limiter counts only keys that have limits.
  const account = limits === null ? EMPTY : ((await store.account({ key: name, scope: "" })) ?? EMPTY);
  const budgets = limits?.budgets.filter(({ period }) => period !== "session") ?? [];
  const states = limits === null ? [] : budgetStates({ key: account, session: null }, { ...limits, budgets }, { nowMs, calendar });
  const state = stateOf(record, { nowMs, budgets: states });
  return {
    ...keyJson(record),
    state: state === "active" || state === "row" ? "on" : state,
    kind: kindOf(name, around),
    effective: rulesJson(effective),
    budgetsNow: states.map(budgetView),
    lastMinute: lastMinute(account, recent.get(name) ?? null, nowMs),
    running: Math.max(account.running, running.get(name) ?? 0),
  };
}

function kindOf(name: string, { named }: Surroundings): KeyView["kind"] {
  if (name === DEFAULT_ROW) return "default";
  if (isKeylessName(name) && ROWS_WITHOUT_KEY.includes(name)) return "anonymous";
  return named.includes(name) ? "environment" : "stored";
}

function budgetView({ budget, amount, used, resetMs }: BudgetState): BudgetView {
  return { unit: budget.unit, period: budget.period, amount, used, resetsAt: resetMs === null ? null : new Date(resetMs).toISOString() };
}

/** By the limiter's own count where there is one, otherwise by the ledger, which knows only calls that have ended. */
function lastMinute({ requests, tokens }: Account, sum: UsageSum | null, nowMs: number): KeyView["lastMinute"] {
  const sinceS = (nowMs - MINUTE_MS) / 1000;
  const counted = (pairs: Account["requests"]): number => pairs.reduce((all, [second, count]) => all + (second > sinceS ? count : 0), 0);
  const ended = sum === null ? 0 : sum.inputTokens + sum.cacheReadTokens + sum.cacheWriteTokens + sum.outputTokens;
  return { requests: Math.max(counted(requests), sum?.calls ?? 0), tokens: Math.max(counted(tokens), ended) };
}

function budgetUnit(budget: string): string | null {
  return parseAmount(budget.split("/")[0] ?? "")?.unit ?? null;
}

// ---- Input -------------------------------------------------------------------------------------------------------

/** In the form of `keys set`. */
function keyWords(words: KeyWordsJson, models: Models): KeyWords {
  const { note, expires, rpm, tpm, parallel, budgets, soft, zone } = words;
  const number = (name: "rpm" | "tpm" | "parallel", value: number | string | null | undefined): KeyWords =>
    value === undefined ? {} : { [name]: value === null ? "default" : value === 0 ? "none" : String(value) };
  return {
    ...(note === undefined ? {} : { note: note ?? "" }),
    ...(expires === undefined ? {} : { expires: expires ?? "never" }),
    ...(words.models === undefined ? {} : { models: modelWords(words.models, models) }),
    ...number("rpm", rpm),
    ...number("tpm", tpm),
    ...number("parallel", parallel),
    ...(budgets === undefined ? {} : { budget: budgets === null ? ["default"] : budgets.length === 0 ? ["none"] : budgets }),
    ...(soft === undefined ? {} : { soft: soft === null ? "default" : soft.replace(/(?<=:).*$/, (name) => idOf(name, models)) }),
    ...(zone === undefined ? {} : { zone: zone ?? "default" }),
  };
}

function modelWords(patterns: readonly string[] | null, models: Models): string {
  if (patterns === null) return "default";
  return patterns.length === 0 ? "all" : patterns.map((pattern) => idOf(pattern.trim(), models)).join(",");
}

/** A model's id, by any of its names. @throws GatewayError for a name that is surely misspelled */
function idOf(pattern: string, models: Models): string {
  const [, denied = "", name = ""] = /^(!?)(.*)$/.exec(pattern) ?? [];
  if (/^$|^@|\*|^(?:none|all|default)$/i.test(name)) return pattern;
  if (models.knows(name)) return denied + models.entry(name).id;
  try {
    return denied + models.find(name).model;
  } catch (error) {
    throw error instanceof GatewayError ? wrongInput(error.message, "models") : error;
  }
}
