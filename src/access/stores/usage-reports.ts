// What usage comes to, by day, key, model and so on: from the sums of days and hours, and from rows where a part of
// those is asked for.

import type { UsageDimension, UsageFilter, UsageQuery, UsageSum } from "../store.ts";
import { DAY_MS, HOUR_MS, offsetsOf, QUARTER_MS, type Offset } from "./calendar.ts";
import { Conditions, DIMENSIONS, IS_ERROR } from "./conditions.ts";
import { query, type Plan, type Row, type Value } from "./plan.ts";
import { TIMES, UsageGroups, type Amounts, type Place } from "./usage-groups.ts";

const TOKENS =
  "COALESCE(u.input, 0) + COALESCE(u.cache_read, 0) + COALESCE(u.cache_write_5m, 0) + COALESCE(u.cache_write_1h, 0) + COALESCE(u.output, 0)";

/** Of rows, by the names of `Amounts`. */
const ROW_SUMS = `COUNT(*) AS calls, SUM(CASE WHEN ${IS_ERROR} THEN 1 ELSE 0 END) AS errors,
  COALESCE(SUM(u.input), 0) AS input, COALESCE(SUM(u.cache_read), 0) AS cache_read,
  COALESCE(SUM(u.cache_write_5m), 0) + COALESCE(SUM(u.cache_write_1h), 0) AS cache_write, COALESCE(SUM(u.output), 0) AS output,
  COALESCE(SUM(u.reasoning), 0) AS reasoning, COALESCE(SUM(u.credits), 0) AS credits, COALESCE(SUM(u.usd), 0) AS usd,
  SUM(CASE WHEN u.usd IS NULL AND ${TOKENS} > 0 THEN 1 ELSE 0 END) AS unpriced, MIN(u.at_ms) AS first_ms, MAX(u.at_ms) AS last_ms`;

export const SUM_NAMES = ["calls", "errors", "input", "cache_read", "cache_write", "output", "reasoning", "credits", "usd", "unpriced"];
/** Of sums by the hour, in the columns' own order. */
export const SUM_SUMS = `${SUM_NAMES.map((name) => `SUM(u.${name}) AS ${name}`).join(", ")}, MIN(u.first_ms) AS first_ms, MAX(u.last_ms) AS last_ms`;
/** The first millisecond of which rows are there. */
const FLOOR = "SELECT value FROM facts WHERE name = 'rows_from'";
const FOREVER_MS = Number.MAX_SAFE_INTEGER;
const DIMENSION_NAMES = ["session", "key", "client", "model", "status"] as const;

export function* sumsOf({ by, zone, ...filter }: UsageQuery): Plan<readonly UsageSum[]> {
  const floorMs = Number((yield* query(FLOOR))[0]?.["value"] ?? 0);
  const [range] = yield* filter.session === null
    ? query("SELECT MIN(day) AS first, MAX(day) AS last FROM usage_days")
    : query("SELECT MIN(day) AS first, MAX(day) AS last FROM usage_days WHERE session = $1", filter.session);
  const fromMs = Math.max(Number(range?.["first"] ?? 0) * DAY_MS, filter.sinceMs ?? 0);
  const toMs = Math.min((Number(range?.["last"] ?? 0) + 1) * DAY_MS, filter.untilMs ?? FOREVER_MS);
  const offsets = by.some((dimension) => TIMES.has(dimension)) ? offsetsOf(zone, { fromMs, toMs }) : null;
  const cut: Cut = { filter: { ...filter, sinceMs: fromMs, untilMs: toMs }, floorMs, offsets, by };
  const found = yield* coarsest(cut)(cut, fromMs, toMs);
  const groups = new UsageGroups(by);
  for (const row of found) groups.add(placeIn(row, unitOf(by)), sumsIn(row));
  return groups.sums();
}

/** What a question comes down to. */
interface Cut {
  readonly filter: UsageFilter;
  readonly floorMs: number;
  /** Null: time is no dimension. */
  readonly offsets: readonly Offset[] | null;
  readonly by: readonly UsageDimension[];
}

type Source = (cut: Cut, fromMs: number, toMs: number) => Plan<readonly Row[]>;

/** The coarsest sums that answer the question. */
function coarsest(cut: Cut): Source {
  const { by, filter, offsets } = cut;
  const byDays = offsets === null || (!by.includes("hour") && offsets.every(({ offsetMs }) => offsetMs === 0));
  const bySession = by.includes("session") || filter.session !== null;
  // A day has a sum for each session and key, an hour one for each model.
  if (byDays && filter.session === null && isByModel(cut)) return hoursAndRows;
  if (byDays) return bySession ? daysAndRows : daysAndHours;
  const byHours = !bySession && (!by.includes("hour") || offsets.every(isOfHours));
  return byHours ? hoursAndRows : rowsAndFoldedDays;
}

function isOfHours({ offsetMs, untilMs }: Offset): boolean {
  return offsetMs % HOUR_MS === 0 && (untilMs === Infinity || untilMs % HOUR_MS === 0);
}

function isOfQuarters({ offsetMs, untilMs }: Offset): boolean {
  return offsetMs % QUARTER_MS === 0 && (untilMs === Infinity || untilMs % QUARTER_MS === 0);
}

/** Whole days from the sums of days; what is asked for in part from `edges`, where its rows are still there. */
function* days(
  cut: Cut,
  { fromMs, toMs, edges }: { readonly fromMs: number; readonly toMs: number; readonly edges: Source },
): Plan<readonly Row[]> {
  const fullFromMs = wholeDay(fromMs, cut, Math.ceil);
  const fullToMs = Math.max(wholeDay(toMs, cut, Math.floor), fullFromMs);
  return [
    ...(yield* edges(cut, Math.max(fromMs, cut.floorMs), Math.min(fullFromMs, toMs))),
    ...(yield* sumsOfDays(cut, fullFromMs, fullToMs)),
    ...(yield* edges(cut, Math.max(fullToMs, cut.floorMs), toMs)),
  ];
}

/** Days whose rows are gone count where their noon is. */
function wholeDay(ms: number, { floorMs }: Cut, round: (days: number) => number): number {
  return (ms < floorMs ? Math.ceil((ms - DAY_MS / 2) / DAY_MS) : round(ms / DAY_MS)) * DAY_MS;
}

function daysAndRows(cut: Cut, fromMs: number, toMs: number): Plan<readonly Row[]> {
  return days(cut, { fromMs, toMs, edges: sumsOfRows });
}

function daysAndHours(cut: Cut, fromMs: number, toMs: number): Plan<readonly Row[]> {
  return days(cut, { fromMs, toMs, edges: hoursAndRows });
}

function* hoursAndRows(cut: Cut, fromMs: number, toMs: number): Plan<readonly Row[]> {
  const fullFromMs = Math.ceil(fromMs / HOUR_MS) * HOUR_MS;
  const fullToMs = Math.max(Math.floor(toMs / HOUR_MS) * HOUR_MS, fullFromMs);
  return [
    ...(yield* sumsOfRows(cut, fromMs, Math.min(fullFromMs, toMs))),
    ...(yield* sumsOfHours(cut, fullFromMs, fullToMs)),
    ...(yield* sumsOfRows(cut, fullToMs, toMs)),
  ];
}

function* rowsAndFoldedDays(cut: Cut, fromMs: number, toMs: number): Plan<readonly Row[]> {
  const folded = { ...cut, floorMs: FOREVER_MS };
  const [firstMs, lastMs] = [fromMs, Math.min(toMs, cut.floorMs)].map((ms) => wholeDay(ms, folded, Math.ceil));
  return [...(yield* sumsOfRows(cut, fromMs, toMs)), ...(yield* sumsOfDays(cut, firstMs ?? 0, lastMs ?? 0))];
}

function* sumsOfRows(cut: Cut, fromMs: number, toMs: number): Plan<readonly Row[]> {
  const sinceMs = Math.max(fromMs, cut.floorMs);
  if (sinceMs >= toMs) return [];
  const conditions = new Conditions();
  conditions.add(OF_KIND);
  conditions.addFilter({ ...cut.filter, sinceMs, untilMs: toMs });
  const columns = columnsOf(cut, "u.at_ms");
  return yield* query(grouped({ columns, sums: ROW_SUMS, from: `usage ${OF_KINDS}`, conditions }), ...conditions.values);
}

/** From the sums of hours; where a day of the zone begins within an hour, from those of its quarters, or from its rows. */
function* sumsOfHours(cut: Cut, fromMs: number, toMs: number): Plan<readonly Row[]> {
  if (fromMs >= toMs) return [];
  const hours = isByModel(cut) ? MODEL_HOURS : KIND_HOURS;
  const conditions = new Conditions();
  conditions.add(`u.hour >= ${conditions.value(fromMs / HOUR_MS)} AND u.hour < ${conditions.value(toMs / HOUR_MS)}`);
  if (isByModel(cut)) addModel(conditions, cut.filter);
  else addKind(conditions, cut.filter);
  const split = splitSql("u.hour", cut);
  if (split !== null) conditions.add(`NOT ${split}`);
  const columns = columnsOf(cut, HOUR_START, hours.names);
  const whole = yield* query(grouped({ columns, sums: SUM_SUMS, from: hours.from, conditions }), ...conditions.values);
  if (split === null) return whole;
  return [...whole, ...(yield* sumsOfSplitHours(cut, fromMs, toMs))];
}

function* sumsOfSplitHours(cut: Cut, fromMs: number, toMs: number): Plan<readonly Row[]> {
  const conditions = new Conditions();
  conditions.add(`h.hour >= ${conditions.value(fromMs / HOUR_MS)} AND h.hour < ${conditions.value(toMs / HOUR_MS)}`);
  conditions.add(splitSql("h.hour", cut) ?? "FALSE");
  const hours = "(SELECT DISTINCT hour FROM usage_models) h CROSS JOIN";
  if (isByModel(cut) && cut.offsets?.every(isOfQuarters) === true) {
    conditions.add("u.quarter >= h.hour * 4 AND u.quarter < (h.hour + 1) * 4");
    addModel(conditions, cut.filter);
    const columns = columnsOf(cut, `(u.quarter * ${QUARTER_MS})`, MODEL_HOURS.names);
    const sql = grouped({ columns, sums: SUM_SUMS, from: `${hours} usage_quarters u`, conditions });
    return yield* query(sql, ...conditions.values);
  }
  conditions.add(`u.at_ms >= h.hour * ${HOUR_MS} AND u.at_ms < (h.hour + 1) * ${HOUR_MS}`);
  addKind(conditions, cut.filter);
  const sql = grouped({ columns: columnsOf(cut, "u.at_ms"), sums: ROW_SUMS, from: `${hours} usage ${OF_KINDS}`, conditions });
  return yield* query(sql, ...conditions.values);
}

/** Whether an hour belongs to two days, or has two offsets. Null: none does. Of days whose rows are gone none is told apart. */
function splitSql(hour: string, { offsets, floorMs }: Cut): string | null {
  if (offsets === null || offsets.every(isOfHours)) return null;
  const isLast = `${localSql(`(${hour} * ${HOUR_MS})`, offsets)} % ${DAY_MS} > ${DAY_MS - HOUR_MS}`;
  const changes = offsets.flatMap(({ untilMs }) => (untilMs % HOUR_MS > 0 ? Math.floor(untilMs / HOUR_MS) : []));
  const isChange = changes.length === 0 ? "" : ` OR ${hour} IN (${changes.join(", ")})`;
  return `(${hour} >= ${floorMs / HOUR_MS} AND (${isLast}${isChange}))`;
}

/** Whether nothing but models is told apart, for which there are sums of their own. */
function isByModel({ by, filter: { key, client } }: Cut): boolean {
  return key === null && client === null && by.every((dimension) => dimension === "model" || TIMES.has(dimension));
}

const OF_KIND = "k.id = u.kind";

function addKind(conditions: Conditions, filter: UsageFilter): void {
  conditions.add(OF_KIND);
  conditions.addKind(filter);
}

function addModel(conditions: Conditions, { model }: UsageFilter): void {
  if (model !== null) conditions.add(`u.model = ${conditions.value(model)}`);
}

function* sumsOfDays(cut: Cut, fromMs: number, toMs: number): Plan<readonly Row[]> {
  if (fromMs >= toMs) return [];
  const conditions = new Conditions();
  conditions.add(`u.day >= ${conditions.value(fromMs / DAY_MS)} AND u.day < ${conditions.value(toMs / DAY_MS)}`);
  if (cut.filter.session !== null) conditions.add(`u.session = ${conditions.value(cut.filter.session)}`);
  addKind(conditions, cut.filter);
  const columns = columnsOf(cut, `(u.day * ${DAY_MS} + ${DAY_MS / 2})`);
  return yield* query(grouped({ columns, sums: SUM_SUMS, from: `usage_days ${OF_KINDS}`, conditions }), ...conditions.values);
}

/** CROSS JOIN has SQLite begin with the first. */
const OF_KINDS = "u CROSS JOIN kinds k";
const KIND_HOURS = { from: `usage_hours ${OF_KINDS}`, names: DIMENSIONS };
const HOUR_START = `(u.hour * ${HOUR_MS})`;
const MODEL_HOURS = { from: "usage_models u", names: { ...DIMENSIONS, model: "u.model" } };

function columnsOf({ by, offsets }: Cut, ms: string, names: Readonly<Record<keyof typeof DIMENSIONS, string>> = DIMENSIONS): string[] {
  const columns = DIMENSION_NAMES.flatMap((name) => (by.includes(name) ? `${names[name]} AS ${name}` : []));
  return offsets === null ? columns : [`${bucketSql(ms, offsets, unitOf(by))} AS bucket`, ...columns];
}

interface Grouping {
  readonly columns: readonly string[];
  readonly sums: string;
  readonly from: string;
  readonly conditions: Conditions;
}

function grouped({ columns, sums, from, conditions }: Grouping): string {
  const by = columns.length === 0 ? "HAVING COUNT(*) > 0" : `GROUP BY ${columns.map((_, index) => index + 1).join(", ")}`;
  return `SELECT ${[...columns, sums].join(", ")} FROM ${from}${conditions.where()} ${by}`;
}

function unitOf(by: readonly UsageDimension[]): number {
  return by.includes("hour") ? HOUR_MS : DAY_MS;
}

/** The number of the hour or day on the zone's clock. */
function bucketSql(ms: string, offsets: readonly Offset[], unitMs: number): string {
  // In the order of the table nothing has to be sorted.
  if (ms === HOUR_START && unitMs === HOUR_MS && offsets.every(({ offsetMs }) => offsetMs === 0)) return "u.hour";
  return `${localSql(ms, offsets)} / ${unitMs}`;
}

function localSql(ms: string, offsets: readonly Offset[]): string {
  const last = offsets.at(-1)?.offsetMs ?? 0;
  const cases = offsets.slice(0, -1).map(({ untilMs, offsetMs }) => `WHEN ${ms} < ${untilMs} THEN ${offsetMs}`);
  const offset = cases.length === 0 ? String(last) : `CASE ${cases.join(" ")} ELSE ${last} END`;
  return `(${ms} + ${offset})`;
}

/** Member by member, as for `sumsIn`: a report may have tens of thousands of them, and looking members up by name takes several times as long. */
function placeIn(row: Row, unitMs: number): Place {
  const { key, client, model, session, status = null, bucket } = row;
  const hour = Number(bucket ?? 0) * (unitMs / HOUR_MS);
  return {
    key: textOf(key),
    client: textOf(client),
    model: textOf(model),
    session: textOf(session),
    status: status === null ? null : Number(status),
    hour,
  };
}

function textOf(value: Value | undefined): string | null {
  return value === undefined || value === null || value === "" ? null : String(value);
}

function sumsIn(row: Row): Amounts {
  const { calls, errors, input, cache_read: cacheRead, cache_write: cacheWrite, output, reasoning } = row;
  const { credits, usd, unpriced, first_ms: firstMs, last_ms: lastMs } = row;
  return {
    calls: Number(calls),
    errors: Number(errors),
    inputTokens: Number(input),
    cacheReadTokens: Number(cacheRead),
    cacheWriteTokens: Number(cacheWrite),
    outputTokens: Number(output),
    reasoningTokens: Number(reasoning),
    credits: Number(credits),
    usd: Number(usd),
    unpriced: Number(unpriced),
    firstMs: Number(firstMs),
    lastMs: Number(lastMs),
  };
}
