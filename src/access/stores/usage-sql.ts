// Usage rows in SQL: adds them and what they come to in their hour, finds them, and forgets them. A day whose rows are gone is one sum, at its
// noon, which is on the same date in (almost) every zone.
// Never removes a sum.

import { StoreError, type RowQuery, type UsageQuery, type UsageRow, type UsageSum } from "../store.ts";
import { DAY_MS, HOUR_MS } from "./calendar.ts";
import { Conditions } from "./conditions.ts";
import { lock, query, queryAll, type Engine, type Plan, type Value } from "./plan.ts";
import { KIND_NAMES, kindValues, ROW_NAMES, rowValues, usageRow } from "./usage-columns.ts";
import { add, amountsOf, signatureOf, type Amounts } from "./usage-groups.ts";
import { SUM_NAMES, SUM_SUMS, sumsOf } from "./usage-reports.ts";

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

const INSERT_KIND = `INSERT INTO kinds (id, signature, ${KIND_NAMES.join(", ")})
  SELECT COALESCE(MAX(id), 0) + 1, ${numbered(KIND_NAMES.length + 1)} FROM kinds RETURNING id`;
const INSERT_ROW = `INSERT INTO usage (kind, ${ROW_NAMES.join(", ")}) VALUES (${numbered(ROW_NAMES.length + 1)})`;
const INSERT_NEW_ROW = `${INSERT_ROW} ON CONFLICT (at_ms, id) DO NOTHING RETURNING id`;
/** How SQLite and Postgres say it. */
const DUPLICATE = /UNIQUE constraint failed|duplicate key value/;
const SELECT_ROW = `SELECT ${[...KIND_NAMES.map((name) => `k.${name}`), ...ROW_NAMES.map((name) => `u.${name}`)].join(", ")}
  FROM usage u JOIN kinds k ON k.id = u.kind`;

const RAISE_FLOOR = `INSERT INTO facts (name, value) VALUES ('rows_from', $1)
  ON CONFLICT (name) DO UPDATE SET value = $1 WHERE facts.value < $1`;
const FORGOTTEN_AT_ONCE = 2000;
const FORGET = `DELETE FROM usage WHERE (at_ms, id) IN (SELECT at_ms, id FROM usage WHERE at_ms < $1 ORDER BY at_ms LIMIT ${FORGOTTEN_AT_ONCE}) RETURNING id`;

function numbered(count: number): string {
  return Array.from({ length: count }, (_, index) => `$${index + 1}`).join(", ");
}

function isDuplicate({ cause }: StoreError): boolean {
  return cause instanceof Error && DUPLICATE.test(cause.message);
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
    try {
      await this.#append(rows, { areNew: true });
    } catch (error) {
      if (!(error instanceof StoreError) || !isDuplicate(error)) throw error;
      await this.#append(rows, { areNew: false });
    }
  }

  /** `areNew`: none of them may be there already. Nearly always none is, and asking takes as long as writing. */
  async #append(rows: readonly UsageRow[], { areNew }: { readonly areNew: boolean }): Promise<void> {
    const known = this.#kinds;
    const signed = rows.map((row) => ({ row, signature: signatureOf(row) }));
    const found = await this.#engine.run("write", function* (): Plan<ReadonlyMap<string, number>> {
      const kinds = yield* kindsOf(signed, known);
      const placed = signed.map(({ row, signature }) => ({ row, kind: kinds.get(signature) ?? 0 }));
      const sets = placed.map(({ row, kind }) => rowValues(row, kind));
      let added = placed;
      if (areNew) yield* queryAll({ sql: INSERT_ROW, sets });
      else {
        const inserted = new Set((yield* queryAll({ sql: INSERT_NEW_ROW, sets })).map(({ id }) => id));
        // Each once: an id may stand in `rows` twice.
        added = placed.filter(({ row }) => inserted.delete(row.id));
      }
      yield* queryAll({ sql: INSERT_SUMS, sets: hourlySums(added) });
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
    const [made] = found === undefined ? yield* query(INSERT_KIND, signature, ...kindValues(row)) : [found];
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
