// A client key as the store keeps it: who it is for, what it may do and how much. Types only; the key itself is never kept.

/** How long a budget lasts before it resets. `5h` begins with the first use, the others with the calendar of the key's zone. */
export type Period = "5h" | "day" | "week" | "month" | "ever" | "session";

/** `usd` and `credits` are estimates; `tokens` are input, cache reads, cache writes and output together. */
export type BudgetUnit = "usd" | "credits" | "tokens";

export interface Budget {
  /** In its unit, 0 or more. */
  readonly amount: number;
  readonly unit: BudgetUnit;
  readonly period: Period;
}

/**
 * What a key may do. Null: the key sets nothing itself, so the row `default` counts, and without one there is no limit. The number 0, and
 * an empty list of budgets, mean that there is none, whatever `default` says.
 */
export interface KeyRules {
  /** Names and globs (`claude-*`), pools (`@standard`, `@core`); `!` in front denies, and wins. See `modelRule` of limit-syntax.ts. */
  readonly models: readonly string[] | null;
  /** Calls in any 60 seconds. */
  readonly requestsPerMinute: number | null;
  /** Tokens in any 60 seconds, input and output together. */
  readonly tokensPerMinute: number | null;
  /** Calls at once. */
  readonly parallel: number | null;
  readonly budgets: readonly Budget[] | null;
  /** Above this share of any budget, in percent, calls go to a cheaper model; without one, answers only report it. 100: never. */
  readonly soft: { readonly percent: number; readonly model: string | null } | null;
  /** IANA name of the time zone in which days, weeks and months begin. Null: UTC. */
  readonly zone: string | null;
}

/** What admission needs to know of a key. The same object for all calls of a key until the key changes, so that derived values can be cached by it. */
export interface KeyGrant {
  /** Its own rules, laid over those of the row `default`. */
  readonly rules: KeyRules;
  readonly raises: readonly Raise[];
}

/** `at`: Unix time in milliseconds. `after-first-use`: milliseconds since the key's first call. */
export type Expiry = { readonly type: "at"; readonly ms: number } | { readonly type: "after-first-use"; readonly ms: number };

/** A temporary increase of a budget. */
export interface Raise {
  readonly amount: number;
  readonly unit: BudgetUnit;
  /** Unix time in milliseconds. */
  readonly untilMs: number;
}

export interface KeyRecord {
  /** Unique; letters, digits, `.`, `_` and `-`. `default` is the row for keys that set nothing themselves, `env-1` a PROXY_API_KEY. */
  readonly name: string;
  readonly note: string | null;
  /** SHA-256 of the key, as 64 hex digits. Null for the row `default` and for keys of PROXY_API_KEY, which the configuration holds. */
  readonly hash: string | null;
  /** The first and last characters of the key, `fp-a1…9z`. Null where there is no hash. */
  readonly hint: string | null;
  /** The key before the last rotation, which is valid until then. */
  readonly previous: { readonly hash: string; readonly untilMs: number } | null;
  /** Further keys that count as this one for a while, one for each launched agent. Absent: none. */
  readonly lent?: readonly { readonly hash: string; readonly untilMs: number }[];
  /** Unix time in milliseconds. */
  readonly createdMs: number;
  /** Null: it does not expire. */
  readonly expiry: Expiry | null;
  /** Unix time in milliseconds. Null: not used yet. */
  readonly firstUsedMs: number | null;
  readonly isOff: boolean;
  readonly rules: KeyRules;
  readonly raises: readonly Raise[];
}
