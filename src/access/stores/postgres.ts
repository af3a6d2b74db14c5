// Runs plans on Postgres. Statements whose rows nobody waits for go out together, so that a transaction takes two round trips. Once a
// connection breaks, all of them are given up and made anew behind the scenes.
// Never shows the address, which holds a password.

import type postgres from "postgres";
import type { Options, PostgresType, ReservedSql, Sql } from "postgres";
import type { After } from "../../runtime/ports.ts";
import { StoreError } from "../store.ts";
import { Absence, type AbsencePorts } from "./absence.ts";
import type { Engine, Plan, Row, Step, Value } from "./plan.ts";
import { migrate, unfitTables, type Place } from "./schema.ts";

const CHANNEL = "factory_proxy_keys";
const CONNECTIONS = 5;
const CONNECT_TIMEOUT_S = 5;
/** How long it may take to make the tables, or to wait for another process that does. */
const REACH_MS = 30_000;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 2000;
/**
 * How often it is asked whether it is there, and how long that may take: one that is frozen breaks no connection. Keys are looked at on the
 * way, as not every pooler hands on what is notified.
 */
const HEARTBEAT_MS = 5000;
const MOST_TRIES = 5;
/** Serialization failure, deadlock. */
const AGAIN = new Set(["40001", "40P01"]);
/** Codes of the server's own; others are those of sockets, such as EPIPE. */
const SQL_STATE = /^(?=.*\d)[0-9A-Z]{5}$/;
/** The server stops, starts, or takes no more connections; 08 are connections that broke. */
const GONE = /^(?:57P0\d|53300|08\w{3})$/;
/** Data exceptions: a number out of range, a text that is none in UTF-8. */
const UNFIT = /^22\w{3}$/;
/** Tables or columns that are not there, or are already; who may not make any (42501) may be allowed to. */
const UNFIT_TABLES = /^42(?!501)\w{3}$/;
const PLACE: Place = { where: "The database", remedy: "Set DATABASE_URL to another database." };
const RETURNS_ROWS = /^\s*SELECT|\bRETURNING\b/;
const LOCK = `SELECT pg_advisory_xact_lock(key) FROM (
  SELECT DISTINCT hashtextextended(name, 0) AS key FROM jsonb_array_elements_text($1::text::jsonb) AS name ORDER BY key
) AS keys`;

export interface PostgresOptions extends AbsencePorts {
  /** `postgres://user:password@host:port/database`; a secret. */
  readonly address: string;
  readonly after: After;
  /** Whether one failed attempt is enough to give up. */
  readonly isRequired: boolean;
}

/** Returns before the database has been reached. */
export async function openPostgres(options: PostgresOptions): Promise<Engine> {
  const { default: connect } = await import("postgres");
  return new PostgresEngine(options, connect);
}

type Connect = typeof postgres;

/** Two options that the package's types don't know. */
type Listening = Options<{ number: PostgresType<number> }> & { readonly onnotify: () => void; readonly onclose: () => void };

interface Connections {
  readonly pool: Sql;
  /** Hears of changed keys, and is the first to notice that the database is gone. */
  readonly listener: Sql;
}

class PostgresEngine implements Engine {
  readonly kind = "postgres";
  readonly ready: Promise<void>;
  readonly isReachable = (): boolean => this.#connections !== null;
  readonly epoch = (): number => this.#epoch;
  readonly #options: PostgresOptions;
  readonly #connect: Connect;
  readonly #watchers = new Set<() => void>();
  #connections: Connections | null = null;
  /** What is asked before the first attempt has ended waits for it. */
  #first: Promise<void> | null;
  #stopTimer: () => void = () => {};
  #seenKeys: unknown = null;
  #epoch = 0;
  readonly #absence: Absence;
  #isClosed = false;

  constructor(options: PostgresOptions, connect: Connect) {
    this.#options = options;
    this.#absence = new Absence(options);
    this.#connect = connect;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.ready = promise;
    promise.catch(() => {});
    const isLast = ({ isFinal }: StoreError): boolean => isFinal || options.isRequired;
    this.#first = this.#attempt(FIRST_PAUSE_MS, { resolve, reject, isLast }).finally(() => (this.#first = null));
  }

  /** Connects, or tries again later. */
  async #attempt(pauseMs: number, settling: Settling): Promise<void> {
    const { resolve, reject, isLast } = settling;
    try {
      const connections = await this.#reach();
      if (this.#isClosed) {
        end(connections);
        return;
      }
      this.#connections = connections;
      this.#epoch++;
      this.#absence.end();
      resolve();
      this.#beat(connections);
      this.#tell();
    } catch (error) {
      const failed = failure(error, "The database can't be reached");
      if (isLast(failed) || this.#isClosed) {
        reject(failed);
        return;
      }
      this.#absence.begin(failed);
      const nextMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
      this.#stopTimer = this.#options.after(pauseMs, () => void this.#attempt(nextMs, settling));
    }
  }

  async #reach(): Promise<Connections> {
    const common = {
      connect_timeout: CONNECT_TIMEOUT_S,
      onnotice: () => {},
      connection: { application_name: "factory-proxy" },
      // Counts and sums, which come as text; none of ours is beyond what a number holds.
      types: { number: { to: 20, from: [20, 1700], parse: Number, serialize: String } },
    };
    // Without `fetch_types` a new connection is never handed out by `reserve` (3.4.9).
    const pool = this.#connect(this.#options.address, { ...common, max: CONNECTIONS, fetch_types: true });
    const listening: Listening = {
      ...common,
      max: 1,
      fetch_types: false,
      max_lifetime: null,
      onnotify: () => this.#tell(),
      onclose: () => this.#lose(connections),
    };
    const listener = this.#connect(this.#options.address, listening);
    const connections: Connections = { pool, listener };
    try {
      await this.#within(
        REACH_MS,
        this.#transaction(pool, () => migrate("postgres", PLACE)),
      );
      await this.#within(REACH_MS, listener.unsafe(`LISTEN ${CHANNEL}`));
      return connections;
    } catch (error) {
      end(connections);
      throw error instanceof StoreError && UNFIT_TABLES.test(codeOf(error)) ? unfitTables(error, PLACE) : error;
    }
  }

  /** Gives these connections up, and begins to make new ones. */
  #lose(connections: Connections): void {
    if (this.#connections !== connections || this.#isClosed) return;
    this.#connections = null;
    this.#stopTimer();
    end(connections);
    void this.#attempt(FIRST_PAUSE_MS, NOBODY);
  }

  #beat(connections: Connections): void {
    this.#stopTimer = this.#options.after(HEARTBEAT_MS, () => {
      void (async () => {
        try {
          const keys = await this.#within(HEARTBEAT_MS, connections.listener.unsafe("SELECT value FROM facts WHERE name = 'keys'"));
          const seen = keys[0]?.["value"];
          if (seen !== this.#seenKeys) this.#tell();
          this.#seenKeys = seen;
          if (this.#connections === connections) this.#beat(connections);
        } catch {
          this.#lose(connections);
        }
      })();
    });
  }

  #tell(): void {
    for (const changed of this.#watchers) changed();
  }

  async run<Result>(mode: "read" | "write", plan: () => Plan<Result>): Promise<Result> {
    if (this.#first !== null) await this.#first;
    const connections = this.#connections;
    if (connections === null) throw this.#absence.fault ?? new StoreError("The database can't be reached.");
    for (let tries = 1; ; tries++) {
      try {
        const { pool } = connections;
        return await (mode === "write" ? this.#transaction(pool, plan) : drive(pool, plan(), { isTransaction: false }));
      } catch (error) {
        if (isGone(error)) this.#lose(connections);
        if (!AGAIN.has(codeOf(error)) || tries === MOST_TRIES) throw error;
      }
    }
  }

  async #transaction<Result>(pool: Sql, plan: () => Plan<Result>): Promise<Result> {
    const connection = await reserved(pool);
    let isBroken = false;
    try {
      return await drive(connection, plan(), { isTransaction: true });
    } catch (error) {
      isBroken = isGone(error);
      // What failed within the transaction has ended it; what the plan threw has not.
      if (!isBroken) await statement(connection, "ROLLBACK").catch(() => (isBroken = true));
      throw error;
    } finally {
      // A broken one belongs to nobody any more, and would be handed out again.
      if (!isBroken) connection.release();
    }
  }

  /** @throws StoreError where it takes too long. */
  #within<Result>(limitMs: number, work: PromiseLike<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      const stop = this.#options.after(limitMs, () => reject(new StoreError("The database does not answer.")));
      work.then(
        (result) => {
          stop();
          resolve(result);
        },
        (error: unknown) => {
          stop();
          reject(error instanceof Error ? error : new StoreError(String(error)));
        },
      );
    });
  }

  watch(changed: () => void): () => void {
    this.#watchers.add(changed);
    return () => void this.#watchers.delete(changed);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stopTimer();
    this.#watchers.clear();
    const connections = this.#connections;
    this.#connections = null;
    if (connections !== null) await Promise.all([connections.pool.end({ timeout: 1 }), connections.listener.end({ timeout: 0 })]);
  }
}

interface Settling {
  readonly resolve: () => void;
  readonly reject: (error: StoreError) => void;
  /** Whether there is no other attempt after one that fails so. */
  readonly isLast: (error: StoreError) => boolean;
}

/** Only the first connection is waited for. A database that was used once is tried again for ever. */
const NOBODY: Settling = { resolve: () => {}, reject: () => {}, isLast: () => false };

/** Runs a plan. Waits for what returns rows, and for all of it at the end. @throws StoreError, and what the plan throws. */
async function drive<Result>(connection: Sql, plan: Plan<Result>, options: { readonly isTransaction: boolean }): Promise<Result> {
  /** Sent, and not waited for so far. */
  const sent: Promise<unknown>[] = options.isTransaction ? [statement(connection, "BEGIN")] : [];
  try {
    let next = plan.next([]);
    while (next.done !== true) {
      const { isAwaited, results } = send(connection, next.value);
      sent.push(...results);
      if (!isAwaited) next = plan.next([]);
      else {
        await Promise.all(sent.splice(0));
        next = plan.next((await Promise.all(results)).flat());
      }
    }
    if (options.isTransaction) sent.push(statement(connection, "COMMIT"));
    await Promise.all(sent.splice(0));
    return next.value;
  } finally {
    // The plan has thrown; what becomes of these says no more.
    for (const one of sent) one.catch(() => {});
  }
}

function send(connection: Sql, step: Step): { readonly isAwaited: boolean; readonly results: Promise<readonly Row[]>[] } {
  if (step.type === "notice") return { isAwaited: false, results: [statement(connection, `NOTIFY ${CHANNEL}`)] };
  if (step.type === "lock") {
    const isNeeded = step.names.length > 0;
    return { isAwaited: false, results: isNeeded ? [statement(connection, LOCK, [JSON.stringify(step.names)])] : [] };
  }
  const results = step.statements.flatMap(({ sql, sets }) => sets.map((values) => statement(connection, sql, values)));
  return { isAwaited: step.statements.some(({ sql }) => RETURNS_ROWS.test(sql)), results };
}

async function statement(connection: Sql, sql: string, values: readonly Value[] = []): Promise<readonly Row[]> {
  try {
    return await connection.unsafe<Row[]>(sql, [...values], { prepare: true });
  } catch (error) {
    throw failure(error, "The database failed");
  }
}

async function reserved(pool: Sql): Promise<ReservedSql> {
  try {
    return await pool.reserve();
  } catch (error) {
    throw failure(error, "The database can't be reached");
  }
}

function end({ pool, listener }: Connections): void {
  for (const one of [pool, listener]) void one.end({ timeout: 0 }).catch(() => {});
}

function failure(error: unknown, what: string): StoreError {
  if (error instanceof StoreError) return error;
  const isUnfit = UNFIT.test(codeOf(error));
  return new StoreError(`${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error, isUnfit });
}

/** Whether the connection is no good any more. What a plan throws is something else, and has no cause. */
function isGone(error: unknown): boolean {
  return error instanceof StoreError && error.cause !== undefined && (!SQL_STATE.test(codeOf(error)) || GONE.test(codeOf(error)));
}

function codeOf(error: unknown): string {
  const cause = error instanceof StoreError ? error.cause : error;
  return cause instanceof Error && "code" in cause ? String(cause.code) : "";
}
