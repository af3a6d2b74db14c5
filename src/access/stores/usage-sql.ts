// Usage rows in SQL: adds them and what they come to in their day, and answers questions about them. Days whose rows are gone are answered
// from the sums of days.
// Never removes a sum.

import type { RowQuery, UsageFilter, UsageQuery, UsageRow, UsageSum } from "../store.ts";
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

const DAY_SUMS = ["calls", "input", "cache_read", "cache_write", "output", "reasoning", "credits", "usd", "unpriced"];
const INSERT_DAY = `INSERT INTO usage_days (day, kind, ${DAY_SUMS.join(", ")}, first_ms, last_ms) VALUES (${numbered(DAY_SUMS.length + 4)})
  ON CONFLICT (day, kind) DO UPDATE SET ${DAY_SUMS.map((name) => `${name} = usage_days.${name} + excluded.${name}`).join(", ")},
  first_ms = CASE WHEN excluded.first_ms < usage_days.first_ms THEN excluded.first_ms ELSE usage_days.first_ms END,
  last_ms = CASE WHEN excluded.last_ms > usage_days.last_ms THEN excluded.last_ms ELSE usage_days.last_ms END`;

const KIND_NAMES = Object.values(KIND_COLUMNS);
const ROW_NAMES = Object.values(ROW_COLUMNS);
const INSERT_KIND = `INSERT INTO kinds (id, signature, ${KIND_NAMES.join(", ")})
  SELECT COALESCE(MAX(id), 0) + 1, ${numbered(KIND_NAMES.length + 1)} FROM kinds RETURNING id`;
const INSERT_ROW = `INSERT INTO usage (kind, ${ROW_NAMES.join(", ")}) VALUES (${numbered(ROW_NAMES.length + 1)})
  ON CONFLICT (id) DO NOTHING RETURNING id`;
const SELECT_ROW = `SELECT ${[...KIND_NAMES.map((name) => `k.${name}`), ...ROW_NAMES.map((name) => `u.${name}`)].join(", ")}
  FROM usage u JOIN kinds k ON k.id = u.kind`;

/** The first millisecond of which rows are there; sums before that come from the sums of days. */
const FLOOR = "SELECT value FROM facts WHERE name = 'rows_from'";
const RAISE_FLOOR = `INSERT INTO facts (name, value) VALUES ('rows_from', $1)
  ON CONFLICT (name) DO UPDATE SET value = $1 WHERE facts.value < $1`;
const FORGOTTEN_AT_ONCE = 2000;
const FORGET = `DELETE FROM usage WHERE id IN (SELECT id FROM usage WHERE at_ms < $1 ORDER BY at_ms LIMIT ${FORGOTTEN_AT_ONCE}) RETURNING id`;
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
    const found = await this.#engine.run("write", function* (): Plan<ReadonlyMap<string, number>> {
      const kinds = yield* kindsOf(rows, known);
      const idOf = (row: UsageRow): number => kinds.get(signatureOf(row)) ?? 0;
      const sets = rows.map((row) => [idOf(row), ...columnNames(ROW_COLUMNS).map((name) => row[name])]);
      const inserted = new Set((yield* queryAll({ sql: INSERT_ROW, sets })).map(({ id }) => id));
      // Each once: an id may stand in `rows` twice.
      const added = rows.filter(({ id }) => inserted.delete(id));
      yield* queryAll({ sql: INSERT_DAY, sets: dailySums(added, idOf) });
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
    // A day has all of its rows or is answered from its sums.
    const floorMs = Math.floor(beforeMs / DAY_MS) * DAY_MS;
    await this.#engine.run("write", () => query(RAISE_FLOOR, floorMs));
    // Piece by piece, so that nobody has to wait for long.
    for (let removed = FORGOTTEN_AT_ONCE; removed === FORGOTTEN_AT_ONCE;) {
      removed = (await this.#engine.run("write", () => query(FORGET, floorMs))).length;
    }
  }
}

/** The ids of the rows' kinds; those that are new get one. */
function* kindsOf(rows: readonly UsageRow[], known: ReadonlyMap<string, number>): Plan<ReadonlyMap<string, number>> {
  const kinds = new Map<string, number>();
  const unknown = new Map<string, UsageRow>();
  for (const row of rows) {
    const signature = signatureOf(row);
    const id = known.get(signature);
    if (id === undefined) unknown.set(signature, row);
    else kinds.set(signature, id);
  }
  if (unknown.size === 0) return kinds;
  yield* lock("kinds");
  for (const [signature, row] of unknown) {
    const [found] = yield* query("SELECT id FROM kinds WHERE signature = $1", signature);
    const values = columnNames(KIND_COLUMNS).map((name) => (name === "streaming" ? Number(row.streaming) : row[name]));
    const [made] = found === undefined ? yield* query(INSERT_KIND, signature, ...values) : [found];
    kinds.set(signature, Number(made?.["id"]));
  }
  return kinds;
}

/** Values for INSERT_DAY, always in the same order, so that two processes don't wait for each other. */
function dailySums(rows: readonly UsageRow[], idOf: (row: UsageRow) => number): Value[][] {
  const sums = new Map<string, { readonly day: number; readonly kind: number; readonly amounts: Amounts }>();
  for (const row of rows) {
    const day = Math.floor(row.atMs / DAY_MS);
    const kind = idOf(row);
    const sum = sums.get(`${day} ${kind}`);
    if (sum === undefined) sums.set(`${day} ${kind}`, { day, kind, amounts: amountsOf(row) });
    else add(sum.amounts, amountsOf(row));
  }
  return [...sums.values()]
    .toSorted((one, other) => one.day - other.day || one.kind - other.kind)
    .map(({ day, kind, amounts: { firstMs, lastMs, ...amounts } }) => [day, kind, ...inOrder(amounts), firstMs, lastMs]);
}

function inOrder(amounts: Omit<Amounts, "firstMs" | "lastMs">): number[] {
  const { calls, inputTokens, cacheReadTokens, cacheWriteTokens, outputTokens, reasoningTokens, credits, usd, unpriced } = amounts;
  return [calls, inputTokens, cacheReadTokens, cacheWriteTokens, outputTokens, reasoningTokens, credits, usd, unpriced];
}

function* sumsOf({ by, zone, ...filter }: UsageQuery): Plan<readonly UsageSum[]> {
  const floorMs = Number((yield* query(FLOOR))[0]?.["value"] ?? 0);
  const sinceMs = Math.max(filter.sinceMs ?? 0, floorMs);
  const untilMs = filter.untilMs ?? FOREVER_MS;
  const unitMs = by.includes("hour") ? HOUR_MS : DAY_MS;
  const hasTime = by.some((dimension) => TIMES.has(dimension));
  const columns = ["u.kind AS kind"];
  if (by.includes("session")) columns.push("u.session AS session");
  if (hasTime) {
    const [range] = yield* query(
      "SELECT MIN(at_ms) AS from_ms, MAX(at_ms) AS to_ms FROM usage WHERE at_ms >= $1 AND at_ms < $2",
      sinceMs,
      untilMs,
    );
    const offsets = offsetsOf(zone, { fromMs: Number(range?.["from_ms"] ?? 0), toMs: Number(range?.["to_ms"] ?? 0) });
    columns.push(`(u.at_ms + ${offsetSql(offsets)}) / ${unitMs} AS bucket`);
  }
  const conditions = new Conditions();
  conditions.addFilter({ ...filter, sinceMs, untilMs });
  const grouped = Array.from(columns, (_, index) => index + 1).join(", ");
  const sql = `SELECT ${columns.join(", ")}, ${ROW_SUMS} FROM usage u${conditions.where()} GROUP BY ${grouped}`;
  const ofRows = yield* query(sql, ...conditions.values);
  const ofDays = filter.session === null ? yield* forgottenDays({ ...filter, untilMs: Math.min(untilMs, floorMs) }) : [];
  // Last, so that none is missing.
  const kinds = new Map((yield* query(`SELECT id, ${KIND_NAMES.join(", ")} FROM kinds`)).map((row) => [row["id"], kindOf(row)]));
  const groups = new UsageGroups(by);
  const addAll = (rows: readonly Row[], hoursOfBucket: number): void => {
    for (const row of rows) {
      const kind = kinds.get(row["kind"] ?? null);
      const session = typeof row["session"] === "string" ? row["session"] : null;
      if (kind !== undefined) groups.add({ kind, session, hour: Number(row["bucket"] ?? 0) * hoursOfBucket }, sumsIn(row));
    }
  };
  addAll(ofRows, unitMs / HOUR_MS);
  addAll(ofDays, DAY_MS / HOUR_MS);
  return groups.sums();
}

/** The sums of days whose rows are gone. A day belongs where its noon does, which is on the same date in (almost) every zone. */
function* forgottenDays(filter: UsageFilter & { readonly untilMs: number }): Plan<readonly Row[]> {
  const firstDay = dayWithNoonFrom(filter.sinceMs ?? 0);
  const endDay = dayWithNoonFrom(filter.untilMs);
  if (firstDay >= endDay) return [];
  const conditions = new Conditions();
  conditions.add(`u.day >= ${conditions.value(firstDay)} AND u.day < ${conditions.value(endDay)}`);
  conditions.addKind(filter);
  const columns = DAY_SUMS.map((name) => `u.${name} AS ${name}`).join(", ");
  const sql = `SELECT u.day AS bucket, u.kind AS kind, ${columns}, u.first_ms AS first_ms, u.last_ms AS last_ms FROM usage_days u`;
  return yield* query(`${sql}${conditions.where()}`, ...conditions.values);
}

function dayWithNoonFrom(ms: number): number {
  return Math.ceil(ms / DAY_MS - 0.5);
}

const TIMES: ReadonlySet<string> = new Set(["hour", "day", "week", "month"]);

/** What to add to a time in UTC, as SQL. */
function offsetSql(offsets: readonly Offset[]): string {
  const last = offsets.at(-1)?.offsetMs ?? 0;
  const cases = offsets.slice(0, -1).map(({ untilMs, offsetMs }) => `WHEN u.at_ms < ${untilMs} THEN ${offsetMs}`);
  return cases.length === 0 ? String(last) : `CASE ${cases.join(" ")} ELSE ${last} END`;
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

function columnNames<Name extends string>(columns: Readonly<Record<Name, string>>): Name[] {
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
