// What has to be remembered and shared: keys, accounts of what they used, reservations, usage rows. One interface, several engines.
// Types only. Never sees a key, a prompt or an answer.

import type { BudgetUnit, KeyRecord } from "./client-key.ts";

/** What a key has used of its limits. `scope` is "" for the key as a whole, or a session's id where a budget is for each session. */
export interface AccountId {
  readonly key: string;
  readonly scope: string;
}

/** Plain data, kept as JSON. What is reserved counts as used until it is settled. */
export interface Account {
  /** By `usd/day`: amounts in the unit. A window that has ended is begun anew by whoever reserves next. */
  readonly budgets: Readonly<Record<string, { readonly startMs: number; readonly used: number }>>;
  /** Sliding windows by the second: pairs of Unix second and amount, the oldest first, none older than a minute. */
  readonly requests: readonly (readonly [second: number, count: number])[];
  readonly tokens: readonly (readonly [second: number, count: number])[];
  /** Places of reservations that are open. */
  readonly running: number;
  /** How many of these are for calls to come, and when the last of them ends, in Unix time; null: none. */
  readonly ahead: { readonly count: number; readonly untilMs: number } | null;
}

/** What a call may use, or several that are to come, written before they go out, so that a process that dies forgets nothing. */
export interface Reservation {
  readonly id: string;
  readonly accounts: readonly AccountId[];
  /** The process that runs the call. */
  readonly gateway: string;
  /** Unix time in milliseconds. */
  readonly atMs: number;
  /** The estimate, by unit. A unit that no limit of the key counts may be absent. */
  readonly amounts: Readonly<Partial<Record<BudgetUnit, number>>>;
  /** How many calls may run at once in what was reserved ahead. Null: it is one call that runs. */
  readonly places: number | null;
  /** The usage row to be written if the process dies: what is known when the call goes out, with `source: "estimated"`. Null: none. */
  readonly row: UsageRow | null;
}

/** What one transaction reads and writes. */
export interface AccountChange<Result> {
  /** The accounts that changed; the others stay. */
  readonly accounts: readonly (readonly [AccountId, Account])[];
  readonly opened: readonly Reservation[];
  /** Ids. One that is not there any more is passed over. */
  readonly closed: readonly string[];
  readonly result: Result;
}

/** What a transaction of accounts gets to see. */
export interface AccountView {
  /** Null: there is none so far. */
  account(id: AccountId): Account | null;
  /** Whether a reservation is still open: one that was settled by its lease may not be settled twice. */
  isOpen(reservation: string): boolean;
}

/** How sure the token counts of a row are: the upstream's, counted from what was delivered, or estimated. */
export type UsageSource = "upstream" | "counted" | "estimated";

/** One call. Null: not known, or there was none. */
export interface UsageRow {
  /** The ledger's own id; clients choose their request ids. */
  readonly id: string;
  /** Unix time in milliseconds at which the call began. */
  readonly atMs: number;
  readonly requestId: string;
  /** Name of the client key. Null: nobody was admitted. */
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
  /** Date of the price snapshot that `usd` was worked out with, `2026-11-28`, or `file` for the model file's own price. */
  readonly priceDate: string | null;
  readonly tries: number;
  /** The model that was asked for where another one answered. */
  readonly fallback: string | null;
  /** How many request fields the conversion could not carry. */
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

/** Sums over the rows of a group. Days of which the rows are gone count as days of UTC, and with no session. */
export interface UsageSum {
  /** The value of each dimension asked for, in order; null: the rows have none. Days are `2026-11-28`, hours `2026-11-28T14`, weeks their Monday, months `2026-11`; a model is the one that served, or else the one asked for. */
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
  /** Calls with tokens and no known price, which `usd` therefore leaves out. */
  readonly unpriced: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

export interface UsageQuery extends UsageFilter {
  readonly by: readonly UsageDimension[];
  /** IANA name: where days, weeks (from Monday) and months begin. */
  readonly zone: string;
}

/** Rows, the newest first. */
export interface RowQuery extends UsageFilter {
  readonly limit: number;
  /** The `id` of a row: only older ones. Null: from the newest. */
  readonly before: string | null;
  /**
   * How the call ended: an HTTP status (`429`), a class of them (`4xx`), `error` for what `UsageSum.errors` counts, `ok` for
   * what that does not and the client waited for, or a `finish` (`cut`, `cancelled`, `error:overloaded` ...). Null: any.
   */
  readonly status: string | null;
  /** Part of an id or request id, in any case. Rows before the newest 10,000 of that time are found by how one of theirs begins. Null: any. */
  readonly text: string | null;
}

/** `unreachable`: calls throw `StoreError` at once, and it is tried again behind the scenes. */
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
  /** What to do about it: sentences, the end of the message. Null: the message does not say. */
  readonly remedy: string | null;
  /** Whether nothing helps but another program or another database: this one is of a newer version, or its tables can't be brought up to date. */
  readonly isFinal: boolean;
  /** Whether the store is well, and can't hold what it was given: another attempt with the same does not help. */
  readonly isUnfit: boolean;

  constructor(reason: string, { cause, isFinal = false, isUnfit = false, remedy }: StoreErrorOptions = {}) {
    super(remedy === undefined ? reason : `${reason} ${remedy}`, { cause });
    this.reason = reason;
    this.remedy = remedy ?? null;
    this.isFinal = isFinal;
    this.isUnfit = isUnfit;
  }
}

/** Every method may reject with StoreError, and changes all of what it is asked for or nothing. */
export interface Store {
  readonly kind: "sqlite" | "postgres" | "memory";
  /** A store that is being opened is unreachable, though calls wait for it. */
  readonly state: () => StoreState;
  /** Resolves when it has been reached for the first time, with its tables made or brought up to date. Rejects with StoreError where that can never be. */
  readonly ready: Promise<void>;

  keys(): Promise<readonly KeyRecord[]>;
  /** False: there is a key of that name. A new key begins at nothing, whatever one of that name has used before; a row without a key does not. */
  insertKey(record: KeyRecord): Promise<boolean>;
  /** Gives the record of that name to `change`, which may be called again, and keeps what that returns; null removes it, with what a key has used. Returns what was kept; null: no such key, or removed. */
  updateKey(name: string, change: (record: KeyRecord) => KeyRecord | null): Promise<KeyRecord | null>;
  /** Calls when keys may have changed, here or elsewhere, or the store is back. Call what comes back to stop. */
  watch(changed: () => void): () => void;

  /**
   * Reads accounts, and changes what `decide` says, as one transaction. `decide` must be pure: it may be called again.
   * @param ids every account and reservation that `decide` may ask for
   */
  transact<Result>(
    ids: { readonly accounts: readonly AccountId[]; readonly reservations: readonly string[] },
    decide: (view: AccountView) => AccountChange<Result>,
  ): Promise<Result>;
  /** The account as it is. */
  account(id: AccountId): Promise<Account | null>;
  /** Says that this process lives until then; its reservations are nobody else's. */
  renewLease(gateway: string, untilMs: number): Promise<void>;
  /** Open reservations of processes whose lease ran out before `nowMs`. */
  abandoned(nowMs: number): Promise<readonly Reservation[]>;

  /** Adds rows, and what they come to to the sums of their day. A row whose id is there already is passed over. */
  append(rows: readonly UsageRow[]): Promise<void>;
  sums(query: UsageQuery): Promise<readonly UsageSum[]>;
  rows(query: RowQuery): Promise<readonly UsageRow[]>;
  row(id: string): Promise<UsageRow | null>;
  /** Removes rows that began before then (null: none), whose daily sums stay for ever, and shared values whose time is over. */
  forget(beforeMs: number | null, nowMs: number): Promise<void>;

  /** A value that all gateways share, such as how long a Factory key rests; null: none, or its time is over. */
  shared(name: string, nowMs: number): Promise<string | null>;
  share(name: string, value: string, untilMs: number): Promise<void>;

  close(): Promise<void>;
}
