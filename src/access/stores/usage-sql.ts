// Usage rows in SQL: adds them and what they come to in their hour, and answers questions about them, from the sums where it can. A day whose
// rows are gone is one sum, at its noon, which is on the same date in (almost) every zone.
// Never removes a sum.

import type { RowQuery, UsageDimension, UsageFilter, UsageQuery, UsageRow, UsageSum } from "../store.ts";
import { DAY_MS, HOUR_MS, offsetsOf, type Offset } from "./calendar.ts";
import { lock, query, queryAll, type Engine, type Plan, type Row, type Value } from "./plan.ts";
import { add, amountsOf, signatureOf, UsageGroups, type Amounts, type UsageKind } from "./usage-groups.ts";

const KIND_COLUMNS = {
  key: "key",
  client: "client",
  route: "route",
  protocol: "protocol",
  modelAsked: "model_asked",
  modelServed: "model_served",
  provider: "provider",
  pool: "pool",
  factoryKey: "factory_key",
  status: "status",
  finish: "finish",
  streaming: "streaming",
  source: "source",
  priceDate: "price_date",
  fallback: "fallback",
} as const satisfies Record<keyof UsageKind, string>;

const ROW_COLUMNS = {
  id: "id",
  atMs: "at_ms",
  requestId: "request_id",
  session: "session",
  agent: "agent",
  admissionMs: "admission_ms",
  firstByteMs: "first_byte_ms",
  totalMs: "total_ms",
  inputTokens: "input",
  cacheReadTokens: "cache_read",
  cacheWrite5mTokens: "cache_write_5m",
  cacheWrite1hTokens: "cache_write_1h",
  outputTokens: "output",
  reasoningTokens: "reasoning",
  credits: "credits",
  usd: "usd",
  tries: "tries",
  losses: "losses",
} as const satisfies Record<Exclude<keyof UsageRow, keyof UsageKind>, string>;

const TOKENS =
  "COALESCE(u.input, 0) + COALESCE(u.cache_read, 0) + COALESCE(u.cache_write_5m, 0) + COALESCE(u.cache_write_1h, 0) + COALESCE(u.output, 0)";

/** Of rows, by the names of `Amounts`. */
const ROW_SUMS = `COUNT(*) AS calls, COALESCE(SUM(u.input), 0) AS input, COALESCE(SUM(u.cache_read), 0) AS cache_read,
  COALESCE(SUM(u.cache_write_5m), 0) + COALESCE(SUM(u.cache_write_1h), 0) AS cache_write, COALESCE(SUM(u.output), 0) AS output,
  COALESCE(SUM(u.reasoning), 0) AS reasoning, COALESCE(SUM(u.credits), 0) AS credits, COALESCE(SUM(u.usd), 0) AS usd,
  SUM(CASE WHEN u.usd IS NULL AND ${TOKENS} > 0 THEN 1 ELSE 0 END) AS unpriced, MIN(u.at_ms) AS first_ms, MAX(u.at_ms) AS last_ms`;

const SUM_NAMES = ["calls", "input", "cache_read", "cache_write", "output", "reasoning", "credits", "usd", "unpriced"];
/** Of sums by the hour, in the columns' own order. */
const SUM_SUMS = `${SUM_NAMES.map((name) => `SUM(u.${name}) AS ${name}`).join(", ")}, MIN(u.first_ms) AS first_ms, MAX(u.last_ms) AS last_ms`;
const SUM_COLUMNS = `hour, kind, session, ${SUM_NAMES.join(", ")}, first_ms, last_ms`;
const ADD_SUMS = `ON CONFLICT (hour, kind, session) DO UPDATE SET ${SUM_NAMES.map((name) => `${name} = usage_sums.${name} + excluded.${name}`).join(", ")},
  first_ms = CASE WHEN excluded.first_ms < usage_sums.first_ms THEN excluded.first_ms ELSE usage_sums.first_ms END,
  last_ms = CASE WHEN excluded.last_ms > usage_sums.last_ms THEN excluded.last_ms ELSE usage_sums.last_ms END`;
const INSERT_SUMS = `INSERT INTO usage_sums (${SUM_COLUMNS}) VALUES (${numbered(SUM_NAMES.length + 5)}) ${ADD_SUMS}`;
/** What of days before $1 is to become part of their noon, where nobody's session is known any more. */
const TO_FOLD = "hour < $1 AND (hour % 24 <> 12 OR session <> '')";
const FOLDED = "u.hour / 24 * 24 + 12, u.kind, ''";
const FOLD = `INSERT INTO usage_sums (${SUM_COLUMNS})
  SELECT ${FOLDED}, ${SUM_SUMS} FROM usage_sums u WHERE ${TO_FOLD} GROUP BY u.hour / 24, u.kind ${ADD_SUMS}`;

const KIND_MEMBERS = membersOf(KIND_COLUMNS);
const ROW_MEMBERS = membersOf(ROW_COLUMNS);
const KIND_NAMES = Object.values(KIND_COLUMNS);
const ROW_NAMES = Object.values(ROW_COLUMNS);
const INSERT_KIND = `INSERT INTO kinds (id, signature, ${KIND_NAMES.join(", ")})
  SELECT COALESCE(MAX(id), 0) + 1, ${numbered(KIND_NAMES.length + 1)} FROM kinds RETURNING id`;
const INSERT_ROW = `INSERT INTO usage (kind, ${ROW_NAMES.join(", ")}) VALUES (${numbered(ROW_NAMES.length + 1)})
  ON CONFLICT (at_ms, id) DO NOTHING RETURNING id`;
const SELECT_ROW = `SELECT ${[...KIND_NAMES.map((name) => `k.${name}`), ...ROW_NAMES.map((name) => `u.${name}`)].join(", ")}
  FROM usage u JOIN kinds k ON k.id = u.kind`;

/** The first millisecond of which rows are there. */
const FLOOR = "SELECT value FROM facts WHERE name = 'rows_from'";
const RAISE_FLOOR = `INSERT INTO facts (name, value) VALUES ('rows_from', $1)
  ON CONFLICT (name) DO UPDATE SET value = $1 WHERE facts.value < $1`;
const FORGOTTEN_AT_ONCE = 2000;
const FORGET = `DELETE FROM usage WHERE (at_ms, id) IN (SELECT at_ms, id FROM usage WHERE at_ms < $1 ORDER BY at_ms LIMIT ${FORGOTTEN_AT_ONCE}) RETURNING id`;
const FOREVER_MS = Number.MAX_SAFE_INTEGER;

function numbered(count: number): string {
  return Array.from({ length: count }, (_, index) => `$${index + 1}`).join(", ");
}

export class UsageTables {
  readonly #engine: Engine;
  /** Ids by signature, of what a transaction has kept. */
  readonly #kinds = new Map<string, number>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async append(rows: readonly UsageRow[]): Promise<void> {
    if (rows.length === 0) return;
    const known = this.#kinds;
    const signed = rows.map((row) => ({ row, signature: signatureOf(row) }));
    const found = await this.#engine.run("write", function* (): Plan<ReadonlyMap<string, number>> {
      const kinds = yield* kindsOf(signed, known);
      const placed = signed.map(({ row, signature }) => ({ row, kind: kinds.get(signature) ?? 0 }));
      const sets = placed.map(({ row, kind }) => [kind, ...ROW_MEMBERS.map((name) => row[name])]);
      const inserted = new Set((yield* queryAll({ sql: INSERT_ROW, sets })).map(({ id }) => id));
      // Each once: an id may stand in `rows` twice.
      yield* queryAll({ sql: INSERT_SUMS, sets: hourlySums(placed.filter(({ row }) => inserted.delete(row.id))) });
      return kinds;
    });
    for (const [signature, id] of found) known.set(signature, id);
  }

  async sums(asked: UsageQuery): Promise<readonly UsageSum[]> {
    return this.#engine.run("read", () => sumsOf(asked));
  }

  async rows({ limit, before, text, ...filter }: RowQuery): Promise<readonly UsageRow[]> {
    const conditions = new Conditions();
    conditions.addFilter(filter);
    if (before !== null) {
      const id = conditions.value(before);
      conditions.add(`(u.at_ms, u.id) < (SELECT at_ms, id FROM usage WHERE id = ${id})`);
    }
    if (text !== null) {
      const pattern = conditions.value(`%${text.toLowerCase().replaceAll(/[!%_]/g, "!$&")}%`);
      conditions.add(`(LOWER(u.id) LIKE ${pattern} ESCAPE '!' OR LOWER(u.request_id) LIKE ${pattern} ESCAPE '!')`);
    }
    const sql = `${SELECT_ROW}${conditions.where()} ORDER BY u.at_ms DESC, u.id DESC LIMIT ${Math.max(0, Math.floor(limit))}`;
    return this.#engine.run("read", function* (): Plan<readonly UsageRow[]> {
      return (yield* query(sql, ...conditions.values)).map(usageRow);
    });
  }

  row(id: string): Promise<UsageRow | null> {
    return this.#engine.run("read", function* (): Plan<UsageRow | null> {
      const [found] = yield* query(`${SELECT_ROW} WHERE u.id = $1`, id);
      return found === undefined ? null : usageRow(found);
    });
  }

  async forget(beforeMs: number): Promise<void> {
    // A day has all of its rows or is answered from its sum.
    const floorMs = Math.floor(beforeMs / DAY_MS) * DAY_MS;
    await this.#engine.run("write", function* (): Plan<void> {
      yield* lock("forget");
      yield* query(RAISE_FLOOR, floorMs);
      yield* query(FOLD, floorMs / HOUR_MS);
      yield* query(`DELETE FROM usage_sums WHERE ${TO_FOLD}`, floorMs / HOUR_MS);
    });
    // Piece by piece, so that nobody has to wait for long.
    for (let removed = FORGOTTEN_AT_ONCE; removed === FORGOTTEN_AT_ONCE;) {
      removed = (await this.#engine.run("write", () => query(FORGET, floorMs))).length;
    }
  }
}

interface SignedRow {
  readonly row: UsageRow;
  readonly signature: string;
}

interface PlacedRow {
  readonly row: UsageRow;
  /** The id of its kind. */
  readonly kind: number;
}

/** The ids of the rows' kinds; those that are new get one. */
function* kindsOf(rows: readonly SignedRow[], known: ReadonlyMap<string, number>): Plan<ReadonlyMap<string, number>> {
  const kinds = new Map<string, number>();
  const unknown = new Map<string, UsageRow>();
  for (const { row, signature } of rows) {
    const id = known.get(signature);
    if (id === undefined) unknown.set(signature, row);
    else kinds.set(signature, id);
  }
  if (unknown.size === 0) return kinds;
  yield* lock("kinds");
  for (const [signature, row] of unknown) {
    const [found] = yield* query("SELECT id FROM kinds WHERE signature = $1", signature);
    const values = KIND_MEMBERS.map((name) => (name === "streaming" ? Number(row.streaming) : row[name]));
    const [made] = found === undefined ? yield* query(INSERT_KIND, signature, ...values) : [found];
    kinds.set(signature, Number(made?.["id"]));
  }
  return kinds;
}

/** Values for INSERT_SUMS, always in the same order, so that two processes don't wait for each other. */
function hourlySums(rows: readonly PlacedRow[]): Value[][] {
  const sums = new Map<string, { readonly hour: number; readonly kind: number; readonly session: string; readonly amounts: Amounts }>();
  for (const { row, kind } of rows) {
    const hour = Math.floor(row.atMs / HOUR_MS);
    const session = row.session ?? "";
    const name = `${hour} ${kind} ${session}`;
    const sum = sums.get(name);
    if (sum === undefined) sums.set(name, { hour, kind, session, amounts: amountsOf(row) });
    else add(sum.amounts, amountsOf(row));
  }
  return [...sums]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([, { hour, kind, session, amounts }]) => [hour, kind, session, ...inOrder(amounts)]);
}

function inOrder(amounts: Amounts): number[] {
  const { calls, inputTokens, cacheReadTokens, cacheWriteTokens, outputTokens, reasoningTokens } = amounts;
  const { credits, usd, unpriced, firstMs, lastMs } = amounts;
  return [calls, inputTokens, cacheReadTokens, cacheWriteTokens, outputTokens, reasoningTokens, credits, usd, unpriced, firstMs, lastMs];
}

function* sumsOf({ by, zone, ...filter }: UsageQuery): Plan<readonly UsageSum[]> {
  const floorMs = Number((yield* query(FLOOR))[0]?.["value"] ?? 0);
  const [range] = yield* query("SELECT MIN(hour) AS first, MAX(hour) AS last FROM usage_sums");
  const fromMs = Math.max(Number(range?.["first"] ?? 0) * HOUR_MS, filter.sinceMs ?? 0);
  const toMs = Math.min((Number(range?.["last"] ?? 0) + 1) * HOUR_MS, filter.untilMs ?? FOREVER_MS);
  const offsets = by.some((dimension) => TIMES.has(dimension)) ? offsetsOf(zone, { fromMs, toMs }) : null;
  const cut: Cut = { filter: { ...filter, sinceMs: fromMs, untilMs: toMs }, floorMs, offsets, by };
  const found: Row[] = [];
  if (offsets?.some(({ offsetMs }) => offsetMs % HOUR_MS !== 0)) {
    found.push(...(yield* sumsOfRows(cut, fromMs, toMs)));
    found.push(...(yield* sumsOfHours(cut, fromMs, Math.min(toMs, floorMs))));
  } else {
    const fullFromMs = Math.ceil(fromMs / HOUR_MS) * HOUR_MS;
    const fullToMs = Math.max(Math.floor(toMs / HOUR_MS) * HOUR_MS, fullFromMs);
    found.push(...(yield* sumsOfRows(cut, fromMs, Math.min(fullFromMs, toMs))));
    found.push(...(yield* sumsOfHours(cut, fullFromMs, fullToMs)));
    found.push(...(yield* sumsOfRows(cut, fullToMs, toMs)));
  }
  // Last, so that none is missing.
  const kinds = new Map((yield* query(`SELECT id, ${KIND_NAMES.join(", ")} FROM kinds`)).map((row) => [row["id"], kindOf(row)]));
  const groups = new UsageGroups(by);
  for (const row of found) {
    const kind = kinds.get(row["kind"] ?? null);
    const session = String(row["session"] ?? "") || null;
    if (kind !== undefined) groups.add({ kind, session, hour: Number(row["bucket"] ?? 0) * (unitOf(by) / HOUR_MS) }, sumsIn(row));
  }
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

function* sumsOfRows({ filter, floorMs, offsets, by }: Cut, fromMs: number, toMs: number): Plan<readonly Row[]> {
  const sinceMs = Math.max(fromMs, floorMs);
  if (sinceMs >= toMs) return [];
  const columns = ["u.kind AS kind"];
  if (by.includes("session")) columns.push("u.session AS session");
  if (offsets !== null) columns.push(`${bucketSql("u.at_ms", offsets, unitOf(by))} AS bucket`);
  const conditions = new Conditions();
  conditions.addFilter({ ...filter, sinceMs, untilMs: toMs });
  return yield* query(
    `SELECT ${columns.join(", ")}, ${ROW_SUMS} FROM usage u${conditions.where()} ${groupBy(columns)}`,
    ...conditions.values,
  );
}

/** From what is added up already. */
function* sumsOfHours({ filter, offsets, by }: Cut, fromMs: number, toMs: number): Plan<readonly Row[]> {
  if (fromMs >= toMs) return [];
  const columns = ["u.kind AS kind"];
  if (by.includes("session")) columns.push("u.session AS session");
  if (offsets !== null) columns.push(`${bucketSql(`(u.hour * ${HOUR_MS})`, offsets, unitOf(by))} AS bucket`);
  const conditions = new Conditions();
  conditions.add(`u.hour >= ${conditions.value(Math.ceil(fromMs / HOUR_MS))} AND u.hour < ${conditions.value(Math.ceil(toMs / HOUR_MS))}`);
  if (filter.session !== null) conditions.add(`u.session = ${conditions.value(filter.session)}`);
  conditions.addKind(filter);
  return yield* query(
    `SELECT ${columns.join(", ")}, ${SUM_SUMS} FROM usage_sums u${conditions.where()} ${groupBy(columns)}`,
    ...conditions.values,
  );
}

const TIMES: ReadonlySet<string> = new Set(["hour", "day", "week", "month"]);

function unitOf(by: readonly UsageDimension[]): number {
  return by.includes("hour") ? HOUR_MS : DAY_MS;
}

function groupBy(columns: readonly string[]): string {
  return `GROUP BY ${Array.from(columns, (_, index) => index + 1).join(", ")}`;
}

/** The number of the hour or day on the zone's clock. */
function bucketSql(ms: string, offsets: readonly Offset[], unitMs: number): string {
  const last = offsets.at(-1)?.offsetMs ?? 0;
  const cases = offsets.slice(0, -1).map(({ untilMs, offsetMs }) => `WHEN ${ms} < ${untilMs} THEN ${offsetMs}`);
  const offset = cases.length === 0 ? String(last) : `CASE ${cases.join(" ")} ELSE ${last} END`;
  return `(${ms} + ${offset}) / ${unitMs}`;
}

/** A WHERE clause that grows, and its values. */
class Conditions {
  readonly values: Value[] = [];
  readonly #conditions: string[] = [];

  add(sql: string): void {
    this.#conditions.push(sql);
  }

  /** What stands for the value in the SQL. */
  value(value: Value): string {
    return `$${this.values.push(value)}`;
  }

  addFilter(filter: UsageFilter): void {
    const { sinceMs, untilMs, session } = filter;
    if (sinceMs !== null) this.add(`u.at_ms >= ${this.value(sinceMs)}`);
    if (untilMs !== null) this.add(`u.at_ms < ${this.value(untilMs)}`);
    if (session !== null) this.add(`u.session = ${this.value(session)}`);
    this.addKind(filter);
  }

  addKind({ key, client, model }: UsageFilter): void {
    const kinds: string[] = [];
    if (key !== null) kinds.push(`key = ${this.value(key)}`);
    if (client !== null) kinds.push(`client = ${this.value(client)}`);
    if (model !== null) kinds.push(`COALESCE(model_served, model_asked) = ${this.value(model)}`);
    if (kinds.length > 0) this.add(`u.kind IN (SELECT id FROM kinds WHERE ${kinds.join(" AND ")})`);
  }

  where(): string {
    return this.#conditions.length === 0 ? "" : ` WHERE ${this.#conditions.join(" AND ")}`;
  }
}

function sumsIn(row: Row): Amounts {
  const number = (name: string): number => Number(row[name]);
  return {
    calls: number("calls"),
    inputTokens: number("input"),
    cacheReadTokens: number("cache_read"),
    cacheWriteTokens: number("cache_write"),
    outputTokens: number("output"),
    reasoningTokens: number("reasoning"),
    credits: number("credits"),
    usd: number("usd"),
    unpriced: number("unpriced"),
    firstMs: number("first_ms"),
    lastMs: number("last_ms"),
  };
}

function membersOf<Name extends string>(columns: Readonly<Record<Name, string>>): Name[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- tables of this file, which have no other members
  return Object.keys(columns) as Name[];
}

function kindOf(row: Row): UsageKind {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only this file writes what it reads
  return { ...renamed(KIND_COLUMNS, row), streaming: row["streaming"] === 1 } as unknown as UsageKind;
}

function usageRow(row: Row): UsageRow {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as above
  return { ...kindOf(row), ...renamed(ROW_COLUMNS, row) } as unknown as UsageRow;
}

function renamed(columns: Readonly<Record<string, string>>, row: Row): Record<string, Value> {
  return Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, row[column] ?? null]));
}
