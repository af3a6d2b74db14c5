// What has to be remembered and shared: keys, their accounts, reservations, usage rows. One interface, several engines.
// Types only. Never sees a key, a prompt or an answer.

import type { BudgetUnit, KeyRecord } from "./client-key.ts";

/** Identifies an account. `scope` is "" for the key as a whole, or a session's id where a budget is for each session. */
export interface AccountId {
  readonly key: string;
  readonly scope: string;
}

/** Plain data, kept as JSON. Reserved amounts count as used until they are settled. */
export interface Account {
  /** By budget id (`usd/day`), in its unit. A window that has ended is restarted by the next reservation. */
  readonly budgets: Readonly<Record<string, { readonly startMs: number; readonly used: number }>>;
  /** Sliding windows by the second: pairs of Unix second and amount, the oldest first, none older than a minute. */
  readonly requests: readonly (readonly [second: number, count: number])[];
  readonly tokens: readonly (readonly [second: number, count: number])[];
  /** Slots taken by open reservations. */
  readonly running: number;
  /** How many of the reservations are allowances, and when the last of them ends, in Unix milliseconds; null: none. */
  readonly ahead: { readonly count: number; readonly untilMs: number } | null;
}

/** What a call, or several coming calls, may use: written before they go out, so that nothing is lost if the process dies. */
export interface Reservation {
  readonly id: string;
  readonly accounts: readonly AccountId[];
  /** The process that runs the call. */
  readonly gateway: string;
  /** Unix time in milliseconds. */
  readonly atMs: number;
  /** The estimate, by unit. Units that no limit of the key counts may be absent. */
  readonly amounts: Readonly<Partial<Record<BudgetUnit, number>>>;
  /** For an allowance: how many calls may run at once. Null: a single running call. */
  readonly places: number | null;
  /** The usage row to write if the process dies: what is known when the call goes out, with `source: "estimated"`. Null: none. */
  readonly row: UsageRow | null;
}

/** What one transaction reads and writes. */
export interface AccountChange<Result> {
  /** The accounts that changed; the others stay. */
  readonly accounts: readonly (readonly [AccountId, Account])[];
  readonly opened: readonly Reservation[];
  /** Ids. One that no longer exists is skipped. */
  readonly closed: readonly string[];
  readonly result: Result;
}

/** What a transaction on accounts can read. */
export interface AccountView {
  /** Null: there is none yet. */
  account(id: AccountId): Account | null;
  /** Whether a reservation is still open: one that was settled after its lease expired must not be settled twice. */
  isOpen(reservation: string): boolean;
}

/** How reliable a row's token counts are: the upstream's, counted from what was delivered, or estimated. */
export type UsageSource = "upstream" | "counted" | "estimated";

/** One call. Null: not known, or not applicable. */
export interface UsageRow {
  /** The ledger's own id; clients choose their request ids. */
  readonly id: string;
  /** Unix time in milliseconds at which the call began. */
  readonly atMs: number;
  readonly requestId: string;
  /** Name of the client key. Null: the caller was not admitted. */
  readonly key: string | null;
  /** `claude-code`, `codex`, `openai-node` ..., from user agent and headers. */
  readonly client: string | null;
  readonly session: string | null;
  readonly agent: string | null;
  readonly route: string;
  readonly protocol: string;
  readonly modelAsked: string | null;
  readonly modelServed: string | null;
  readonly provider: string | null;
  readonly pool: "standard" | "core" | null;
  /** First 8 hex digits of the SHA-256 of the Factory key. */
  readonly factoryKey: string | null;
  readonly status: number | null;
  /** `end`, `length`, `tool`, `cancelled`, `cut`, or `error:<kind>`. */
  readonly finish: string;
  readonly streaming: boolean;
  readonly admissionMs: number | null;
  readonly firstByteMs: number | null;
  readonly totalMs: number;
  readonly inputTokens: number | null;
  readonly cacheReadTokens: number | null;
  readonly cacheWrite5mTokens: number | null;
  readonly cacheWrite1hTokens: number | null;
  readonly outputTokens: number | null;
  /** Of `outputTokens`. */
  readonly reasoningTokens: number | null;
  readonly source: UsageSource;
  /** Estimates. Null: the model has no known price or multiplier. */
  readonly credits: number | null;
  readonly usd: number | null;
  /** Date of the price list that `usd` was computed with, `2026-11-28`, or `file` for a price of the model file. */
  readonly priceDate: string | null;
  readonly tries: number;
  /** The requested model where another one answered. */
  readonly fallback: string | null;
  /** How many request fields the conversion dropped. */
  readonly losses: number;
}

export type UsageDimension = "day" | "week" | "month" | "hour" | "session" | "key" | "client" | "model" | "status";

/** Null: any. Times are Unix milliseconds, `sinceMs` included and `untilMs` not. */
export interface UsageFilter {
  readonly sinceMs: number | null;
  readonly untilMs: number | null;
  readonly key: string | null;
  readonly session: string | null;
  readonly client: string | null;
  readonly model: string | null;
}

/** Sums over the rows of a group. Days whose rows have been removed count as UTC days without a session. */
export interface UsageSum {
  /** The value of each requested dimension, in order; null: the rows have none. Days are `2026-11-28`, hours `2026-11-28T14`, weeks their Monday, months `2026-11`; the model is the one that served, otherwise the one that was asked for. */
  readonly group: readonly (string | null)[];
  readonly calls: number;
  /** Calls whose `finish` is `cut` or `error:<kind>`. */
  readonly errors: number;
  readonly inputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  readonly credits: number;
  readonly usd: number;
  /** Calls with tokens but no known price, which `usd` leaves out. */
  readonly unpriced: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

export interface UsageQuery extends UsageFilter {
  readonly by: readonly UsageDimension[];
  /** IANA name: where days, weeks (from Monday) and months begin. */
  readonly zone: string;
}

/** Rows, newest first. */
export interface RowQuery extends UsageFilter {
  readonly limit: number;
  /** The `id` of a row: only older ones. Null: from the newest. */
  readonly before: string | null;
  /**
   * How the call ended: an HTTP status (`429`), a class of them (`4xx`), `error` for what `UsageSum.errors` counts, `ok` for
   * what that does not and the client waited for, or a `finish` (`cut`, `cancelled`, `error:overloaded` ...). Null: any.
   */
  readonly status: string | null;
  /** Part of an id or request id, in any case. Beyond the newest 10,000 rows, only the beginning of an id is matched. Null: any. */
  readonly text: string | null;
}

/** `unreachable`: calls throw `StoreError` at once, while reconnecting goes on in the background. */
export type StoreState = "ready" | "unreachable";

interface StoreErrorOptions {
  readonly cause?: unknown;
  readonly isFinal?: boolean;
  readonly isUnfit?: boolean;
  readonly remedy?: string;
}

/** The store can't be reached, or failed. Its message is safe to show. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  /** The message without the remedy. */
  readonly reason: string;
  /** What to do about it: sentences at the end of the message. Null: the message does not say. */
  readonly remedy: string | null;
  /** Whether only another program or another database helps: this one is of a newer version, or its tables can't be migrated. */
  readonly isFinal: boolean;
  /** Whether the store works but can't hold this value: a retry with the same value does not help. */
  readonly isUnfit: boolean;

  constructor(reason: string, { cause, isFinal = false, isUnfit = false, remedy }: StoreErrorOptions = {}) {
    super(remedy === undefined ? reason : `${reason} ${remedy}`, { cause });
    this.reason = reason;
    this.remedy = remedy ?? null;
    this.isFinal = isFinal;
    this.isUnfit = isUnfit;
  }
}

/** Every method may reject with StoreError, and does either all of what it is asked for or nothing. */
export interface Store {
  readonly kind: "sqlite" | "postgres" | "memory";
  /** A store that is being opened counts as unreachable, but calls wait for it. */
  readonly state: () => StoreState;
  /** Resolves when it has been reached for the first time and its tables are up to date. Rejects with StoreError where that can never happen. */
  readonly ready: Promise<void>;

  keys(): Promise<readonly KeyRecord[]>;
  /** False: a key of that name exists. A new key starts from zero, whatever an earlier one of that name has used; a row without a key does not. */
  insertKey(record: KeyRecord): Promise<boolean>;
  /** Passes the record of that name to `change`, which may be called again, and keeps what it returns; null removes the key with its accounts. Returns what was kept; null: no such key, or removed. */
  updateKey(name: string, change: (record: KeyRecord) => KeyRecord | null): Promise<KeyRecord | null>;
  /** Calls the listener when keys may have changed, here or elsewhere, or the store is back, until the returned function is called. */
  watch(changed: () => void): () => void;

  /**
   * Reads accounts, and applies what `decide` returns, as one transaction. `decide` must be pure: it may be called again.
   * @param ids every account and reservation that `decide` may read
   */
  transact<Result>(
    ids: { readonly accounts: readonly AccountId[]; readonly reservations: readonly string[] },
    decide: (view: AccountView) => AccountChange<Result>,
  ): Promise<Result>;
  /** The account as it is. */
  account(id: AccountId): Promise<Account | null>;
  /** Marks this process as alive until then; its reservations are left alone. */
  renewLease(gateway: string, untilMs: number): Promise<void>;
  /** Open reservations of processes whose lease expired before `nowMs`. */
  abandoned(nowMs: number): Promise<readonly Reservation[]>;

  /** Adds rows, and their amounts to the sums of their day. A row whose id exists already is skipped. */
  append(rows: readonly UsageRow[]): Promise<void>;
  sums(query: UsageQuery): Promise<readonly UsageSum[]>;
  rows(query: RowQuery): Promise<readonly UsageRow[]>;
  row(id: string): Promise<UsageRow | null>;
  /** Removes rows that began before then (null: none) and expired shared values. Daily sums stay for ever. */
  forget(beforeMs: number | null, nowMs: number): Promise<void>;

  /** A value that all gateways share, such as how long a Factory key rests; null: none, or it has expired. */
  shared(name: string, nowMs: number): Promise<string | null>;
  share(name: string, value: string, untilMs: number): Promise<void>;

  close(): Promise<void>;
}
