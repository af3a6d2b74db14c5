// Puts usage together by day, key, model and so on: the same for rows in memory and for what a database has added up already.
// Never rounds: amounts are added as they are.

import type { UsageDimension, UsageFilter, UsageRow, UsageSum } from "../store.ts";
import { dayName, hourName, monthName, weekName } from "./calendar.ts";

/** What many rows have in common. */
export type UsageKind = Pick<
  UsageRow,
  | "key"
  | "client"
  | "route"
  | "protocol"
  | "modelAsked"
  | "modelServed"
  | "provider"
  | "pool"
  | "factoryKey"
  | "status"
  | "finish"
  | "streaming"
  | "source"
  | "priceDate"
  | "fallback"
>;

/** The same for every row of that kind, and for no other. */
export function signatureOf(row: UsageKind): string {
  const { key, client, route, protocol, modelAsked, modelServed, provider, pool, factoryKey } = row;
  const { status, finish, streaming, source, priceDate, fallback } = row;
  const served = [modelAsked, modelServed, provider, pool, factoryKey];
  return JSON.stringify([key, client, route, protocol, ...served, status, finish, streaming, source, priceDate, fallback]);
}

/** Whether both have the same signature: much sooner known than made, where they have. */
export function isSameKind(one: UsageKind, other: UsageKind): boolean {
  return (
    one.modelServed === other.modelServed &&
    one.key === other.key &&
    one.client === other.client &&
    one.status === other.status &&
    one.finish === other.finish &&
    one.streaming === other.streaming &&
    one.modelAsked === other.modelAsked &&
    one.route === other.route &&
    one.protocol === other.protocol &&
    one.provider === other.provider &&
    one.pool === other.pool &&
    one.factoryKey === other.factoryKey &&
    one.source === other.source &&
    one.priceDate === other.priceDate &&
    one.fallback === other.fallback
  );
}

/** The same for all kinds that no report tells apart. */
export function sumSignatureOf(kind: UsageKind): string {
  return JSON.stringify([kind.key, kind.client, modelOf(kind), kind.status]);
}

export type Amounts = Omit<UsageSum, "group">;

/** Where a part of the sums belongs. What nobody asks for may be null. */
export interface Place {
  readonly key: string | null;
  readonly client: string | null;
  readonly model: string | null;
  readonly status: number | null;
  readonly session: string | null;
  /** Hours since 1970 on the clock of the zone asked for. */
  readonly hour: number;
}

const HOURS_A_DAY = 24;
export const TIMES: ReadonlySet<UsageDimension> = new Set(["hour", "day", "week", "month"]);

type Changing<T> = { -readonly [Name in keyof T]: T[Name] };

export class UsageGroups {
  readonly #by: readonly UsageDimension[];
  readonly #groups = new Map<string, Changing<UsageSum>>();
  /** Of the hour that came last, as most come in order: to name it takes longer than all else. */
  #times: { readonly hour: number; readonly names: ReadonlyMap<UsageDimension, string | null> } = { hour: Number.NaN, names: new Map() };

  constructor(by: readonly UsageDimension[]) {
    this.#by = by;
  }

  add(place: Place, amounts: Amounts): void {
    if (place.hour !== this.#times.hour) {
      const names = this.#by.filter((dimension) => TIMES.has(dimension)).map((dimension) => [dimension, VALUES[dimension](place)] as const);
      this.#times = { hour: place.hour, names: new Map(names) };
    }
    const group = this.#by.map((dimension) =>
      TIMES.has(dimension) ? (this.#times.names.get(dimension) ?? null) : VALUES[dimension](place),
    );
    const name = JSON.stringify(group);
    const sum = this.#groups.get(name);
    if (sum === undefined) this.#groups.set(name, { group, ...amounts });
    else add(sum, amounts);
  }

  /** In the order of their groups. */
  sums(): UsageSum[] {
    return [...this.#groups].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, sum]) => sum);
  }
}

/** Adds to `sum`, which changes. */
export function add(sum: Changing<Amounts>, amounts: Amounts): void {
  sum.calls += amounts.calls;
  sum.errors += amounts.errors;
  sum.inputTokens += amounts.inputTokens;
  sum.cacheReadTokens += amounts.cacheReadTokens;
  sum.cacheWriteTokens += amounts.cacheWriteTokens;
  sum.outputTokens += amounts.outputTokens;
  sum.reasoningTokens += amounts.reasoningTokens;
  sum.credits += amounts.credits;
  sum.usd += amounts.usd;
  sum.unpriced += amounts.unpriced;
  sum.firstMs = Math.min(sum.firstMs, amounts.firstMs);
  sum.lastMs = Math.max(sum.lastMs, amounts.lastMs);
}

/** What one row comes to. */
export function amountsOf(row: UsageRow): Amounts {
  const inputTokens = row.inputTokens ?? 0;
  const cacheReadTokens = row.cacheReadTokens ?? 0;
  const cacheWriteTokens = (row.cacheWrite5mTokens ?? 0) + (row.cacheWrite1hTokens ?? 0);
  const outputTokens = row.outputTokens ?? 0;
  return {
    calls: 1,
    errors: isError(row) ? 1 : 0,
    inputTokens,
    cacheReadTokens,
    cacheWriteTokens,
    outputTokens,
    reasoningTokens: row.reasoningTokens ?? 0,
    credits: row.credits ?? 0,
    usd: row.usd ?? 0,
    // A call that used nothing costs nothing.
    unpriced: row.usd === null && inputTokens + cacheReadTokens + cacheWriteTokens + outputTokens > 0 ? 1 : 0,
    firstMs: row.atMs,
    lastMs: row.atMs,
  };
}

/** Where rows of that kind belong. */
export function placeOf(kind: UsageKind, session: string | null, hour: number): Place {
  const { key, client, status } = kind;
  return { key, client, status, model: modelOf(kind), session, hour };
}

export function modelOf({ modelServed, modelAsked }: UsageKind): string | null {
  return modelServed ?? modelAsked;
}

function isError({ finish }: UsageKind): boolean {
  return finish === "cut" || finish.startsWith("error:");
}

/** Whether rows of that kind are asked for; time and session are another question. */
export function isAsked(kind: UsageKind, { key, client, model }: UsageFilter): boolean {
  return (key === null || kind.key === key) && (client === null || kind.client === client) && (model === null || modelOf(kind) === model);
}

export const STATUS = /^\d{3}$/;
export const STATUS_CLASS = /^\dxx$/;

/** Whether rows of that kind ended so, as `RowQuery.status` has it. */
export function hasEnded(kind: UsageKind, status: string): boolean {
  if (status === "error") return isError(kind);
  if (status === "ok") return !isError(kind) && kind.finish !== "cancelled";
  if (STATUS.test(status)) return kind.status === Number(status);
  if (STATUS_CLASS.test(status)) return kind.status !== null && Math.floor(kind.status / 100) === Number(status[0]);
  return kind.finish === status;
}

const VALUES: Readonly<Record<UsageDimension, (place: Place) => string | null>> = {
  hour: ({ hour }) => hourName(hour),
  day: ({ hour }) => dayName(dayOf(hour)),
  week: ({ hour }) => weekName(dayOf(hour)),
  month: ({ hour }) => monthName(dayOf(hour)),
  session: ({ session }) => session,
  key: ({ key }) => key,
  client: ({ client }) => client,
  model: ({ model }) => model,
  status: ({ status }) => (status === null ? null : String(status)),
};

function dayOf(hour: number): number {
  return Math.floor(hour / HOURS_A_DAY);
}
