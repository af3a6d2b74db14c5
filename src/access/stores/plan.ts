// What the SQL engines have in common: a plan yields its statements one after the other and gets their rows, whether the engine answers at
// once or later. Never knows which engine runs it.

export type Value = string | number | null;
export type Row = Readonly<Record<string, Value>>;

/** SQL that every engine understands, with `$1`, `$2` ... for values. It runs once for each set of values. */
export interface Statement {
  readonly sql: string;
  readonly sets: readonly (readonly Value[])[];
}

/** Statements that go out together; the rows of all of them come back, in order. */
interface Statements {
  readonly type: "statements";
  readonly statements: readonly Statement[];
}

/** Waits until no other transaction holds one of these names, and holds them until this one ends. */
interface Lock {
  readonly type: "lock";
  readonly names: readonly string[];
}

/** Says to every process that keys have changed, if the transaction succeeds. */
interface Notice {
  readonly type: "notice";
}

export type Step = Statements | Lock | Notice;
export type Plan<Result> = Generator<Step, Result, readonly Row[]>;

export function* query(sql: string, ...values: readonly Value[]): Plan<readonly Row[]> {
  return yield { type: "statements", statements: [{ sql, sets: [values] }] };
}

/** Several statements in one go. */
export function* queryAll(...statements: readonly Statement[]): Plan<readonly Row[]> {
  const needed = statements.filter(({ sets }) => sets.length > 0);
  return needed.length === 0 ? [] : yield { type: "statements", statements: needed };
}

export function* lock(...names: readonly string[]): Plan<void> {
  yield { type: "lock", names };
}

/** A database that runs plans. */
export interface Engine {
  readonly kind: "sqlite" | "postgres";
  /** As that of the store. */
  readonly ready: Promise<void>;
  readonly isReachable: () => boolean;
  /** Another number once the database may be another one: ids that were read before may mean something else in it. */
  readonly epoch: () => number;
  /**
   * Runs a plan; `write`: as one transaction. The plan may be made and run again where the engine was busy.
   * @throws StoreError, and what the plan throws.
   */
  run<Result>(mode: "read" | "write", plan: () => Plan<Result>): Promise<Result>;
  /** Calls when another process may have changed keys, or the database is back. Call what comes back to stop. */
  watch(changed: () => void): () => void;
  close(): Promise<void>;
}
