// The tables, as numbered steps forward. Never changes a step that was released: add one.

import { StoreError } from "../store.ts";
import { lock, query, type Engine, type Plan } from "./plan.ts";

const SUM_COLUMNS = `calls BIGINT NOT NULL, errors BIGINT NOT NULL, input BIGINT NOT NULL, cache_read BIGINT NOT NULL,
      cache_write BIGINT NOT NULL, output BIGINT NOT NULL, reasoning BIGINT NOT NULL, credits DOUBLE PRECISION NOT NULL,
      usd DOUBLE PRECISION NOT NULL, unpriced BIGINT NOT NULL, first_ms BIGINT NOT NULL, last_ms BIGINT NOT NULL`;

/** SQLite reads BIGINT as INTEGER and DOUBLE PRECISION as REAL. What else it says in its own words, `translated` says in those of Postgres. */
const STEPS: readonly (readonly string[])[] = [
  [
    "CREATE TABLE keys (name TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE accounts (key TEXT NOT NULL, scope TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (key, scope)) WITHOUT ROWID",
    "CREATE TABLE reservations (id TEXT PRIMARY KEY, gateway TEXT NOT NULL, at_ms BIGINT NOT NULL, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE leases (gateway TEXT PRIMARY KEY, until_ms BIGINT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE shared (name TEXT PRIMARY KEY, value TEXT NOT NULL, until_ms BIGINT NOT NULL) WITHOUT ROWID",
    // What many rows of usage have in common stands once: it makes the file half as large. Kinds that no report tells apart have one
    // sum, under the id of the first of them. SQLite finds a row by INTEGER at once, by BIGINT through an index.
    `CREATE TABLE kinds (
      id INTEGER PRIMARY KEY, signature TEXT NOT NULL UNIQUE, sum_kind BIGINT NOT NULL, sum_signature TEXT NOT NULL,
      key TEXT, client TEXT, route TEXT NOT NULL, protocol TEXT NOT NULL, model_asked TEXT, model_served TEXT, provider TEXT, pool TEXT,
      factory_key TEXT, status BIGINT, finish TEXT NOT NULL, streaming BIGINT NOT NULL, source TEXT NOT NULL, price_date TEXT, fallback TEXT
    )`,
    `CREATE TABLE usage (
      id TEXT COLLATE BINARY NOT NULL, at_ms BIGINT NOT NULL, kind BIGINT NOT NULL, request_id TEXT COLLATE BINARY, session TEXT, agent TEXT,
      admission_ms DOUBLE PRECISION, first_byte_ms DOUBLE PRECISION, total_ms DOUBLE PRECISION NOT NULL,
      input BIGINT, cache_read BIGINT, cache_write_5m BIGINT, cache_write_1h BIGINT, output BIGINT, reasoning BIGINT,
      credits DOUBLE PRECISION, usd DOUBLE PRECISION, tries BIGINT NOT NULL, losses BIGINT NOT NULL
    )`,
    // Ids of ours begin with their time: what is written together stands together.
    "CREATE UNIQUE INDEX usage_id ON usage (id)",
    // With the kind, what is rare is found without a look at each row. One by the kind would have every row written to another page.
    "CREATE INDEX usage_at ON usage (at_ms, kind)",
    // No request id: the id is it, as nearly always.
    "CREATE INDEX usage_request ON usage (LOWER(request_id)) WHERE request_id IS NOT NULL",
    // By hours since 1970. A day whose rows are gone is one sum for each kind, at its noon.
    `CREATE TABLE usage_hours (
      hour BIGINT NOT NULL, kind BIGINT NOT NULL, ${SUM_COLUMNS}, PRIMARY KEY (hour, kind)
    ) WITHOUT ROWID`,
    // For reports by the model alone, of which there are few.
    `CREATE TABLE usage_models (
      hour BIGINT NOT NULL, model TEXT NOT NULL, ${SUM_COLUMNS}, PRIMARY KEY (hour, model)
    ) WITHOUT ROWID`,
    // By days since 1970, of UTC; no session is "".
    `CREATE TABLE usage_days (
      day BIGINT NOT NULL, kind BIGINT NOT NULL, session TEXT NOT NULL, ${SUM_COLUMNS}, PRIMARY KEY (day, kind, session)
    ) WITHOUT ROWID`,
  ],
  // Clients choose the names of models: there may be many kinds.
  ["CREATE INDEX kinds_sum ON kinds (sum_signature, id)"],
  [
    // By quarters of an hour since 1970, for days that begin within an hour of UTC.
    `CREATE TABLE usage_quarters (
      quarter BIGINT NOT NULL, model TEXT NOT NULL, ${SUM_COLUMNS}, PRIMARY KEY (quarter, model)
    ) WITHOUT ROWID`,
    `INSERT INTO usage_quarters (quarter, model, calls, errors, input, cache_read, cache_write, output, reasoning, credits, usd, unpriced, first_ms, last_ms)
    SELECT u.at_ms / 900000, COALESCE(k.model_served, k.model_asked, ''), COUNT(*),
      SUM(CASE WHEN k.finish = 'cut' OR k.finish LIKE 'error:%' THEN 1 ELSE 0 END), COALESCE(SUM(u.input), 0), COALESCE(SUM(u.cache_read), 0),
      COALESCE(SUM(u.cache_write_5m), 0) + COALESCE(SUM(u.cache_write_1h), 0), COALESCE(SUM(u.output), 0), COALESCE(SUM(u.reasoning), 0),
      COALESCE(SUM(u.credits), 0), COALESCE(SUM(u.usd), 0), SUM(CASE WHEN u.usd IS NULL AND COALESCE(u.input, 0) + COALESCE(u.cache_read, 0)
        + COALESCE(u.cache_write_5m, 0) + COALESCE(u.cache_write_1h, 0) + COALESCE(u.output, 0) > 0 THEN 1 ELSE 0 END), MIN(u.at_ms), MAX(u.at_ms)
    FROM usage u JOIN kinds k ON k.id = u.kind GROUP BY 1, 2`,
  ],
];

/** In the words of Postgres. */
function translated(statement: string): string {
  return statement.replace(/ WITHOUT ROWID$/, "").replaceAll("COLLATE BINARY", 'COLLATE "C"');
}

/**
 * The version of the tables, and whether step 1 is the one above: it was changed once before it was released, in files that say version 1 or 2
 * (or 3, brought up to that from 2).
 */
const FOUND: Readonly<Record<Engine["kind"], string>> = {
  sqlite: "SELECT value, (SELECT name FROM sqlite_master WHERE name = 'usage_models') AS finished FROM facts WHERE name = 'schema'",
  postgres: "SELECT value, to_regclass('usage_models')::text AS finished FROM facts WHERE name = 'schema'",
};

/** What `where` names, as the subject of a sentence, and what takes its place. */
export interface Place {
  /** `The database file /data/factory-proxy.db`. */
  readonly where: string;
  /** What to do where its tables are of no use: a sentence. */
  readonly remedy: string;
}

/** Makes the tables, or brings them up to date. @throws StoreError for a database of a newer version, or of one that was never finished. */
export function* migrate(kind: Engine["kind"], { where, remedy }: Place): Plan<void> {
  yield* lock("schema");
  yield* query("CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value BIGINT NOT NULL)");
  const [found] = yield* query(FOUND[kind]);
  const version = Number(found?.["value"] ?? 0);
  if (version > STEPS.length) {
    throw new StoreError(
      `${where} was written by a newer factory-proxy (its tables are version ${version}; this program knows up to ${STEPS.length}).`,
      { isFinal: true, remedy: "Update factory-proxy, or set DATABASE_URL to another database." },
    );
  }
  if (version > 0 && found?.["finished"] === null) {
    throw new StoreError(`${where} has tables of an unfinished earlier version of factory-proxy, which can't be upgraded.`, {
      isFinal: true,
      remedy,
    });
  }
  if (version === STEPS.length) return;
  for (const statement of STEPS.slice(version).flat()) yield* query(kind === "sqlite" ? statement : translated(statement));
  yield* query("INSERT INTO facts (name, value) VALUES ('schema', $1) ON CONFLICT (name) DO UPDATE SET value = $1", STEPS.length);
}

/** For tables that the steps do not fit, whoever has made them. */
export function unfitTables(error: StoreError, { where, remedy }: Place): StoreError {
  const said = error.cause instanceof Error ? error.cause.message : error.reason;
  return new StoreError(`The tables of ${where.replace(/^The/, "the")} can't be upgraded: ${said}.`, {
    cause: error.cause,
    isFinal: true,
    remedy,
  });
}
