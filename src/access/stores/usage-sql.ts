// Usage rows in SQL: adds them and what they come to in their hour and their day, finds them, and forgets them. A day whose rows are gone is one sum, at its
// noon, which is on the same date in (almost) every zone.
// Never removes a sum.

import { StoreError, type RowQuery, type UsageQuery, type UsageRow, type UsageSum } from "../store.ts";
import { DAY_MS, HOUR_MS, QUARTER_MS } from "./calendar.ts";
import { lock, query, queryAll, type Engine, type Plan, type Statement, type Value } from "./plan.ts";
import { KIND_NAMES, kindValues, ROW_NAMES, rowValues } from "./usage-columns.ts";
import { add, amountsOf, isSameKind, modelOf, signatureOf, sumSignatureOf, type Amounts } from "./usage-groups.ts";
import { SUM_NAMES, SUM_SUMS, sumsOf } from "./usage-reports.ts";
import { rowsOf, rowWith } from "./usage-search.ts";

const INSERT_HOURS = insertSums("usage_hours", ["hour", "kind"]);
const INSERT_MODELS = insertSums("usage_models", ["hour", "model"]);
const INSERT_QUARTERS = insertSums("usage_quarters", ["quarter", "model"]);
const INSERT_DAYS = insertSums("usage_days", ["day", "kind", "session"]);
/** What of days before $1 is to become part of their noon, and of the day as a whole, where nobody's session is known any more. */
const HOURS_TO_FOLD = "hour < $1 * 24 AND hour % 24 <> 12";
const DAYS_TO_FOLD = "day < $1 AND session <> ''";
const FOLDS = [
  `${intoSums("usage_hours", ["hour", "kind"])}
  SELECT u.hour / 24 * 24 + 12, u.kind, ${SUM_SUMS} FROM usage_hours u WHERE ${HOURS_TO_FOLD} GROUP BY u.hour / 24, u.kind ${addSums("usage_hours", ["hour", "kind"])}`,
  `DELETE FROM usage_hours WHERE ${HOURS_TO_FOLD}`,
  `${intoSums("usage_models", ["hour", "model"])}
  SELECT u.hour / 24 * 24 + 12, u.model, ${SUM_SUMS} FROM usage_models u WHERE ${HOURS_TO_FOLD} GROUP BY u.hour / 24, u.model ${addSums("usage_models", ["hour", "model"])}`,
  `DELETE FROM usage_models WHERE ${HOURS_TO_FOLD}`,
  "DELETE FROM usage_quarters WHERE quarter < $1 * 96",
  `${intoSums("usage_days", ["day", "kind", "session"])}
  SELECT u.day, u.kind, '', ${SUM_SUMS} FROM usage_days u WHERE ${DAYS_TO_FOLD} GROUP BY u.day, u.kind ${addSums("usage_days", ["day", "kind", "session"])}`,
  `DELETE FROM usage_days WHERE ${DAYS_TO_FOLD}`,
];
/** What sessions have used of budgets for each session, once nothing else is known of them. */
const FORGET_SESSIONS = "DELETE FROM accounts WHERE scope <> '' AND scope NOT IN (SELECT session FROM usage_days)";

const INSERT_KIND = `INSERT INTO kinds (id, sum_kind, signature, sum_signature, ${KIND_NAMES.join(", ")})
  SELECT next.id, COALESCE((SELECT MIN(k.id) FROM kinds k WHERE k.sum_signature = $2), next.id), ${numbered(KIND_NAMES.length + 2)}
  FROM (SELECT COALESCE(MAX(id), 0) + 1 AS id FROM kinds) AS next RETURNING id, sum_kind`;
const INSERT_ROW = insertRows(1);
/** Ten in one statement take four fifths of the time of ten statements; more gain little. */
const ROWS_A_STATEMENT = 10;
const INSERT_ROWS = insertRows(ROWS_A_STATEMENT);
const INSERT_NEW_ROW = `${INSERT_ROW} ON CONFLICT (id) DO NOTHING RETURNING id`;
/** How SQLite and Postgres say it. */
const DUPLICATE = /UNIQUE constraint failed|duplicate key value/;

const RAISE_FLOOR = `INSERT INTO facts (name, value) VALUES ('rows_from', $1)
  ON CONFLICT (name) DO UPDATE SET value = $1 WHERE facts.value < $1`;
const FORGOTTEN_AT_ONCE = 2000;
const FORGET = `DELETE FROM usage WHERE id IN (SELECT id FROM usage WHERE at_ms < $1 ORDER BY at_ms LIMIT ${FORGOTTEN_AT_ONCE}) RETURNING id`;

function numbered(count: number, after = 0): string {
  return Array.from({ length: count }, (_, index) => `$${after + index + 1}`).join(", ");
}

function insertRows(count: number): string {
  const values = ROW_NAMES.length + 1;
  const sets = Array.from({ length: count }, (_, index) => `(${numbered(values, index * values)})`);
  return `INSERT INTO usage (kind, ${ROW_NAMES.join(", ")}) VALUES ${sets.join(", ")}`;
}

function insertions(sets: readonly Value[][]): Statement[] {
  const together = sets.length - (sets.length % ROWS_A_STATEMENT);
  const joined: Value[][] = [];
  for (let at = 0; at < together; at += ROWS_A_STATEMENT) joined.push(sets.slice(at, at + ROWS_A_STATEMENT).flat());
  return [
    { sql: INSERT_ROWS, sets: joined },
    { sql: INSERT_ROW, sets: sets.slice(together) },
  ];
}

function intoSums(table: string, names: readonly string[]): string {
  return `INSERT INTO ${table} (${[...names, ...SUM_NAMES].join(", ")}, first_ms, last_ms)`;
}

function addSums(table: string, names: readonly string[]): string {
  const [first, last] = [`${table}.first_ms`, `${table}.last_ms`];
  return `ON CONFLICT (${names.join(", ")}) DO UPDATE SET ${SUM_NAMES.map((name) => `${name} = ${table}.${name} + excluded.${name}`).join(", ")},
  first_ms = CASE WHEN excluded.first_ms < ${first} THEN excluded.first_ms ELSE ${first} END,
  last_ms = CASE WHEN excluded.last_ms > ${last} THEN excluded.last_ms ELSE ${last} END`;
}

function insertSums(table: string, names: readonly string[]): string {
  return `${intoSums(table, names)} VALUES (${numbered(names.length + SUM_NAMES.length + 2)}) ${addSums(table, names)}`;
}

function isDuplicate({ cause }: StoreError): boolean {
  return cause instanceof Error && DUPLICATE.test(cause.message);
}

export class UsageTables {
  readonly #engine: Engine;
  /** Ids by signature, of what a transaction has kept. */
  readonly #kinds = new Map<string, KindIds>();
  #kindsEpoch = 0;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async append(rows: readonly UsageRow[]): Promise<void> {
    if (rows.length === 0) return;
    try {
      await this.#append(rows, { areNew: true });
    } catch (error) {
      if (!(error instanceof StoreError) || !isDuplicate(error)) throw error;
      await this.#append(rows, { areNew: false });
    }
  }

  /** `areNew`: none of them may be there already. Nearly always none is, and asking takes as long as writing. */
  async #append(rows: readonly UsageRow[], { areNew }: { readonly areNew: boolean }): Promise<void> {
    const groups = grouped(rows);
    let epoch = this.#kindsEpoch;
    const knownNow = (): ReadonlyMap<string, KindIds> => {
      epoch = this.#engine.epoch();
      return epoch === this.#kindsEpoch ? this.#kinds : NONE;
    };
    const found = await this.#engine.run("write", function* (): Plan<ReadonlyMap<string, KindIds>> {
      const kinds = yield* kindsOf(groups, knownNow());
      const kindOf = ({ signature }: RowGroup): KindIds => kinds.get(signature) ?? NO_KIND;
      const sets: Value[][] = [];
      for (const group of groups) for (const row of group.rows) sets.push(rowValues(row, kindOf(group).id));
      let added: readonly RowGroup[] = groups;
      if (areNew) yield* queryAll(...insertions(sets));
      else {
        const inserted = new Set((yield* queryAll({ sql: INSERT_NEW_ROW, sets })).map(({ id }) => id));
        // Each once: an id may stand in `rows` twice.
        added = groups.map(({ rows: all, signature }) => ({ rows: all.filter(({ id }) => inserted.delete(id)), signature }));
      }
      const parts = partsOf(added, kindOf);
      yield* queryAll(
        { sql: INSERT_HOURS, sets: sumsBy(parts.hours, hourOf) },
        { sql: INSERT_MODELS, sets: sumsBy(parts.hours, timeAndModel) },
        { sql: INSERT_QUARTERS, sets: sumsBy(parts.quarters, timeAndModel) },
        { sql: INSERT_DAYS, sets: sumsBy(parts.days, dayOf) },
      );
      return kinds;
    });
    this.#remember(found, epoch);
  }

  #remember(found: ReadonlyMap<string, KindIds>, epoch: number): void {
    if (epoch !== this.#kindsEpoch || this.#kinds.size >= MOST_KINDS) this.#kinds.clear();
    this.#kindsEpoch = epoch;
    for (const [signature, ids] of found) this.#kinds.set(signature, ids);
  }

  async sums(asked: UsageQuery): Promise<readonly UsageSum[]> {
    return this.#engine.run("read", () => sumsOf(asked));
  }

  rows(asked: RowQuery): Promise<readonly UsageRow[]> {
    return this.#engine.run("read", () => rowsOf(asked));
  }

  row(id: string): Promise<UsageRow | null> {
    return this.#engine.run("read", () => rowWith(id));
  }

  async forget(beforeMs: number): Promise<void> {
    // A day has all of its rows or is answered from its sum.
    const floorMs = Math.floor(beforeMs / DAY_MS) * DAY_MS;
    await this.#engine.run("write", function* (): Plan<void> {
      yield* lock("forget");
      yield* query(RAISE_FLOOR, floorMs);
      for (const fold of FOLDS) yield* query(fold, floorMs / DAY_MS);
      yield* query(FORGET_SESSIONS);
    });
    // Piece by piece, so that nobody has to wait for long.
    for (let removed = FORGOTTEN_AT_ONCE; removed === FORGOTTEN_AT_ONCE;) {
      removed = (await this.#engine.run("write", () => query(FORGET, floorMs))).length;
    }
  }
}

/** Rows of one kind. */
interface RowGroup {
  readonly signature: string;
  readonly rows: UsageRow[];
}

/** By kind. Those of a batch have few. */
function grouped(rows: readonly UsageRow[]): readonly RowGroup[] {
  const groups: RowGroup[] = [];
  for (const row of rows) {
    const known = groups.find(({ rows: [first] }) => first !== undefined && isSameKind(first, row));
    if (known === undefined) groups.push({ signature: signatureOf(row), rows: [row] });
    else known.rows.push(row);
  }
  return groups;
}

interface KindIds {
  readonly id: number;
  /** Under which it is added up. */
  readonly sum: number;
}

const NO_KIND: KindIds = { id: 0, sum: 0 };
const NONE: ReadonlyMap<string, KindIds> = new Map();
/** That are remembered: clients choose the names of models. */
const MOST_KINDS = 5000;

/** The ids of the rows' kinds; those that are new get one. */
function* kindsOf(groups: readonly RowGroup[], known: ReadonlyMap<string, KindIds>): Plan<ReadonlyMap<string, KindIds>> {
  const kinds = new Map<string, KindIds>();
  const unknown = new Map<string, UsageRow>();
  for (const { rows, signature } of groups) {
    const ids = known.get(signature);
    const [row] = rows;
    if (row === undefined) continue;
    if (ids === undefined) unknown.set(signature, row);
    else kinds.set(signature, ids);
  }
  if (unknown.size === 0) return kinds;
  yield* lock("kinds");
  for (const [signature, row] of unknown) {
    const [found] = yield* query("SELECT id, sum_kind FROM kinds WHERE signature = $1", signature);
    const [made] = found === undefined ? yield* query(INSERT_KIND, signature, sumSignatureOf(row), ...kindValues(row)) : [found];
    kinds.set(signature, { id: Number(made?.["id"]), sum: Number(made?.["sum_kind"]) });
  }
  return kinds;
}

/** What rows of one kind come to in a quarter of an hour, an hour or a day. */
interface Part {
  /** Since 1970. */
  readonly time: number;
  readonly kind: KindIds;
  readonly model: string;
  /** "" where it does not matter. */
  readonly session: string;
  readonly amounts: Amounts;
}

class Parts {
  readonly all: Part[] = [];
  /** Of the rows of one kind. */
  readonly #bySession = new Map<string, Map<number, Part>>();

  /** What comes next is of another kind. */
  next(): void {
    this.#bySession.clear();
  }

  add({ time, session, kind, model }: Omit<Part, "amounts">, amounts: Amounts): void {
    let byTime = this.#bySession.get(session);
    if (byTime === undefined) this.#bySession.set(session, (byTime = new Map()));
    const part = byTime.get(time);
    if (part !== undefined) return add(part.amounts, amounts);
    const made = { time, session, kind, model, amounts: { ...amounts } };
    byTime.set(time, made);
    this.all.push(made);
  }
}

function partsOf(
  groups: readonly RowGroup[],
  kindOf: (group: RowGroup) => KindIds,
): { readonly quarters: readonly Part[]; readonly hours: readonly Part[]; readonly days: readonly Part[] } {
  const [quarters, hours, days] = [new Parts(), new Parts(), new Parts()];
  for (const group of groups) {
    const kind = kindOf(group);
    quarters.next();
    hours.next();
    days.next();
    for (const row of group.rows) {
      const [model, amounts] = [modelOf(row) ?? "", amountsOf(row)];
      quarters.add({ time: Math.floor(row.atMs / QUARTER_MS), session: "", kind, model }, amounts);
      hours.add({ time: Math.floor(row.atMs / HOUR_MS), session: "", kind, model }, amounts);
      days.add({ time: Math.floor(row.atMs / DAY_MS), session: row.session ?? "", kind, model }, amounts);
    }
  }
  return { quarters: quarters.all, hours: hours.all, days: days.all };
}

type Place = readonly (number | string)[];

function hourOf({ time, kind }: Part): Place {
  return [time, kind.sum];
}

function timeAndModel({ time, model }: Part): Place {
  return [time, model];
}

function dayOf({ time, kind, session }: Part): Place {
  return [time, kind.sum, session];
}

/** Values for what adds to sums, always in the same order, so that two processes don't wait for each other. */
function sumsBy(parts: readonly Part[], placeOf: (part: Part) => Place): Value[][] {
  const sums = new Map<string, { readonly place: Place; readonly amounts: Amounts }>();
  for (const part of parts) {
    const place = placeOf(part);
    const name = place.join(" ");
    const sum = sums.get(name);
    if (sum === undefined) sums.set(name, { place, amounts: { ...part.amounts } });
    else add(sum.amounts, part.amounts);
  }
  return [...sums].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, { place, amounts }]) => [...place, ...inOrder(amounts)]);
}

function inOrder(amounts: Amounts): number[] {
  const { calls, errors, inputTokens, cacheReadTokens, cacheWriteTokens, outputTokens, reasoningTokens } = amounts;
  const { credits, usd, unpriced, firstMs, lastMs } = amounts;
  return [
    calls,
    errors,
    inputTokens,
    cacheReadTokens,
    cacheWriteTokens,
    outputTokens,
    reasoningTokens,
    credits,
    usd,
    unpriced,
    firstMs,
    lastMs,
  ];
}
