// Runs plans on a file through `node:sqlite`. Never waits on the event loop's time for another process: a busy file is tried again later.

import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { After } from "../../runtime/ports.ts";
import { StoreError } from "../store.ts";
import { Absence, type AbsencePorts } from "./absence.ts";
import { query, type Engine, type Plan, type Row, type Step, type Value } from "./plan.ts";
import { migrate, unfitTables } from "./schema.ts";

/** How long SQLite itself waits, with the event loop. */
const BUSY_MS = 2;
const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 25;
const PATIENT_MS = 10_000;
const WATCH_MS = 1000;
/** After how many statements what they wrote goes over into the file: 400 to 1000 pages, so that the event loop waits for 2 to 4 ms. */
const CHECKPOINT_STATEMENTS = 1000;
/** Where statements write much more, it goes over at the latest then, at once: 16 MB. */
const MOST_PAGES = 4000;

/** Away: another file has replaced the one in use, and can't be used. */
export interface SqliteOptions extends AbsencePorts {
  /** The file. Its folder is made. */
  readonly path: string;
  readonly after: After;
  /** Called once each time that another file has taken the place of the one that was used; `reason` is safe to show. */
  readonly replaced: (reason: string) => void;
}

/** @throws StoreError where there is no `node:sqlite`, the file can't be used, or has tables of a newer version or of one that was never finished. */
export async function openSqlite(options: SqliteOptions): Promise<Engine> {
  return prepared(options);
}

/** With its tables. */
async function prepared(options: SqliteOptions): Promise<SqliteEngine> {
  const { path } = options;
  const engine = new SqliteEngine(await connect(path), options);
  const place = { where: `The database file ${path}`, remedy: MOVE_AWAY };
  try {
    await engine.run("write", () => migrate("sqlite", place));
  } catch (error) {
    await engine.close();
    if (!(error instanceof StoreError) || error.isFinal || isBusy(error)) throw error;
    throw NOT_TABLES.test(error.message) ? unusable(error.cause, path) : unfitTables(error, place);
  }
  return engine;
}

const MOVE_AWAY = "Move it elsewhere and restart to create a new one, or set DATABASE_URL to another database.";
const WRITE_ELSEWHERE = "Set DATA_DIR to a writable folder, or set DATABASE_URL.";
/** What is wrong with a file, or its disk, whatever stands in it. Deno's errors have no `errcode`. */
const NOT_TABLES = /readonly|disk|full|unable to open|not a database|malformed/;
const NO_DATABASE = /not a database|malformed/;

function unusable(error: unknown, path: string): StoreError {
  const said = (error instanceof Error ? error.message : String(error)).replace(/\.$/, "");
  const remedy = NO_DATABASE.test(said) ? MOVE_AWAY : WRITE_ELSEWHERE;
  return new StoreError(`The database file ${path} can't be used: ${said}.`, { cause: error, remedy });
}

interface Connection {
  readonly database: DatabaseSync;
  /** Which file stands at the path now; null: none. */
  readonly fileNow: () => string | null;
  /** Has what was written on the disk, while the event loop goes on. */
  readonly syncLog: () => Promise<void>;
}

async function connect(path: string): Promise<Connection> {
  try {
    // Both only where they are used: not every place that serves a module has them.
    const [files, { dirname }, sqlite] = await Promise.all([import("node:fs"), import("node:path"), import("node:sqlite")]);
    // Others on this machine may not read who used what.
    files.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    // Not if it is there: closing a file gives up the locks that SQLite has on it in this process.
    if (!files.existsSync(path)) files.closeSync(files.openSync(path, "a", 0o600));
    const database = new sqlite.DatabaseSync(path, { timeout: PATIENT_MS });
    // Changing the mode of a new file waits for the other process that does the same, and for the disk once less where that is NORMAL before.
    database.exec("PRAGMA synchronous = NORMAL; PRAGMA journal_mode = WAL");
    database.exec(`PRAGMA wal_autocheckpoint = ${MOST_PAGES}`);
    database.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
    const fileNow = (): string | null => {
      const found = files.statSync(path, { throwIfNoEntry: false });
      return found === undefined ? null : `${found.dev} ${found.ino}`;
    };
    // SQLite has no locks on this one, so that it may be closed.
    const syncLog = async (): Promise<void> => {
      const log = await files.promises.open(`${path}-wal`, "r+");
      try {
        await log.datasync();
      } finally {
        await log.close();
      }
    };
    return { database, fileNow, syncLog };
  } catch (error) {
    throw unusable(error, path);
  }
}

class SqliteEngine implements Engine {
  readonly kind = "sqlite";
  readonly ready = Promise.resolve();
  readonly isReachable = (): boolean => this.#absence.fault === null;
  readonly epoch = (): number => this.#epoch;
  readonly #options: SqliteOptions;
  readonly #after: After;
  readonly #absence: Absence;
  #connection: Connection;
  #file: string | null;
  #epoch = 0;
  /** Null: no other file is being opened. */
  #reopening: Promise<void> | null = null;
  /** Null: nothing is going over into the file. */
  #checkpointing: Promise<void> | null = null;
  /** Since that ended last; reads count too. */
  #statementsSince = 0;
  readonly #statements = new Map<string, StatementSync>();
  readonly #watchers = new Set<() => void>();
  #stopWatching: (() => void) | null = null;
  #isClosed = false;

  constructor(connection: Connection, options: SqliteOptions) {
    this.#connection = connection;
    this.#file = connection.fileNow();
    this.#options = options;
    this.#after = options.after;
    this.#absence = new Absence(options);
  }

  async run<Result>(mode: "read" | "write", plan: () => Plan<Result>): Promise<Result> {
    let waitedMs = 0;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      if (this.#reopening !== null) await this.#reopening;
      try {
        return mode === "read" ? this.#drive(plan()) : this.#transaction(plan());
      } catch (error) {
        if (!isBusy(error) || waitedMs >= PATIENT_MS) throw error;
      }
      waitedMs += pauseMs;
      await new Promise<void>((resolve) => this.#after(pauseMs, resolve));
    }
  }

  #transaction<Result>(plan: Plan<Result>): Result {
    this.#execute("BEGIN IMMEDIATE", []);
    try {
      const result = this.#drive(plan);
      this.#execute("COMMIT", []);
      if (this.#statementsSince >= CHECKPOINT_STATEMENTS) this.#checkpointing ??= this.#checkpoint();
      return result;
    } catch (error) {
      if (this.#connection.database.isTransaction) this.#execute("ROLLBACK", []);
      throw error;
    }
  }

  /** SQLite would have the event loop wait for the disk twice, and mostly for what is synced here behind the scenes. Never rejects. */
  async #checkpoint(): Promise<void> {
    const { database, syncLog } = this.#connection;
    try {
      await syncLog();
      if (database.isOpen) database.exec("PRAGMA wal_checkpoint(PASSIVE)");
    } catch {
      // It goes over at MOST_PAGES.
    }
    this.#statementsSince = 0;
    this.#checkpointing = null;
  }

  #drive<Result>(plan: Plan<Result>): Result {
    let next = plan.next([]);
    while (next.done !== true) next = plan.next(this.#rowsOf(next.value));
    return next.value;
  }

  #rowsOf(step: Step): readonly Row[] {
    // A transaction that writes is the only one, and whoever watches sees that the file has changed.
    if (step.type !== "statements") return [];
    const rows: Row[] = [];
    for (const { sql, sets } of step.statements) for (const values of sets) for (const row of this.#execute(sql, values)) rows.push(row);
    return rows;
  }

  #execute(sql: string, values: readonly Value[]): Row[] {
    if (this.#isClosed) throw new StoreError("The database is closed.");
    if (this.#absence.fault !== null) throw this.#absence.fault;
    try {
      let statement = this.#statements.get(sql);
      this.#statementsSince++;
      if (statement === undefined) this.#statements.set(sql, (statement = this.#connection.database.prepare(inSqlite(sql))));
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- no table here holds bytes
      return statement.all(...values) as Row[];
    } catch (error) {
      throw failure(error, "The database failed");
    }
  }

  watch(changed: () => void): () => void {
    this.#watchers.add(changed);
    this.#stopWatching ??= this.#look(null);
    return () => {
      this.#watchers.delete(changed);
      if (this.#watchers.size > 0) return;
      this.#stopWatching?.();
      this.#stopWatching = null;
    };
  }

  /** Looks whether keys have changed since, and goes on to look. `seen`: null at first. */
  #look(seen: Seen | null): () => void {
    let now = seen;
    try {
      // A new file may have got the inode number of the old one.
      const isOther = this.#absence.fault !== null || this.#connection.fileNow() !== this.#file;
      if (isOther) this.#reopening ??= this.#reopen().finally(() => (this.#reopening = null));
      const data = this.#execute("PRAGMA data_version", [])[0]?.["data_version"] ?? 0;
      const epoch = this.#epoch;
      if (data !== seen?.data || epoch !== seen.epoch) {
        const keys = this.#drive(query("SELECT value FROM facts WHERE name = 'keys'"))[0]?.["value"] ?? 0;
        now = { epoch, data, keys };
        if (seen !== null && (keys !== seen.keys || epoch !== seen.epoch)) for (const changed of this.#watchers) changed();
      }
    } catch {
      // Whoever needs the database hears of it; the next look may succeed.
    }
    return this.#after(WATCH_MS, () => (this.#stopWatching = this.#look(now)));
  }

  /** Goes over to the file that has taken the place of the one that is used: what is written to that, nobody else would ever read. */
  async #reopen(): Promise<void> {
    const { database } = this.#connection;
    try {
      this.#statements.clear();
      // What waits to go over into the file would be taken for part of the other one.
      if (database.isOpen) database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
      if (database.isOpen) database.close();
      const other = await prepared(this.#options);
      if (this.#isClosed) return await other.close();
      this.#connection = other.#connection;
      this.#file = other.#file;
      this.#epoch++;
      this.#options.replaced(`Another file has taken the place of ${this.#options.path}.`);
      this.#absence.end();
      for (const changed of this.#watchers) changed();
    } catch (error) {
      // The next look tries again.
      this.#absence.begin(failure(error, "The database failed"));
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stopWatching?.();
    this.#watchers.clear();
    this.#statements.clear();
    await this.#reopening;
    await this.#checkpointing;
    if (this.#connection.database.isOpen) this.#connection.database.close();
  }
}

/** Values without a number are bound much sooner: SQLite takes the numbers for names, and looks through all of them for each. */
function inSqlite(sql: string): string {
  const numbers = Array.from(sql.matchAll(/\$(\d+)/g), ([, number]) => Number(number));
  return sql.replaceAll(/\$(\d+)/g, numbers.every((number, index) => number === index + 1) ? "?" : "?$1");
}

interface Seen {
  /** Of what the others are numbers. */
  readonly epoch: number;
  /** Changes with every transaction of another connection. */
  readonly data: unknown;
  /** Changes with every key. */
  readonly keys: unknown;
}

function isBusy(error: unknown): boolean {
  const cause = error instanceof StoreError ? error.cause : error;
  return cause instanceof Error && /database (?:table )?is locked|database schema is locked/.test(cause.message);
}

function failure(error: unknown, what: string): StoreError {
  if (error instanceof StoreError) return error;
  return new StoreError(`${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
}
