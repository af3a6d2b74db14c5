// The contract of the admin API and the pages below /ui: routes expose it over HTTP, pages render it on the server.
// Types only. Every time is ISO 8601 in UTC; no value holds a key, except the two that return a new one.

import type { Check } from "./health.ts";
import type { Session } from "./session.ts";
import type { KeyJson, RulesJson } from "../../access/key-json.ts";
import type { BudgetUnit, Period } from "../../access/client-key.ts";
import type { UsageRow, UsageSum } from "../../access/store.ts";
import type { CallInspection } from "../../gateway/inspection.ts";
import type { LiveCall, LiveEvent } from "../../gateway/live-calls.ts";
import type { Price } from "../../models/price.ts";
import type { Pool } from "../../models/catalog.ts";
import type { ProtocolId } from "../../protocol/canonical.ts";

/** Everything that an administrator may see and do. Methods reject with GatewayError, whose message is safe to show. */
export interface Admin {
  live(): Promise<LiveView>;
  /** Calls the listener at each change until the returned function is called. Never waits for the listener. */
  watch(listener: (event: LiveEvent) => void): () => void;
  /** Null: no such call is running here. */
  running(id: string): Promise<RunningDetail | null>;
  /** Ends a running call. False: no call with this id is running here. */
  cancel(id: string): Promise<boolean>;

  requests(query: RequestQuery): Promise<RequestList>;
  /** Null: there is no such call. */
  request(id: string): Promise<RequestDetail | null>;

  usage(query: UsageRequest): Promise<UsageView>;
  /** In the format of `GET /quota`. */
  quota(): Promise<object>;

  keys(): Promise<readonly KeyView[]>;
  /** Null: there is no such key. */
  key(name: string): Promise<KeyView | null>;
  addKey(words: KeyWordsJson & { readonly name: string }): Promise<NewKey>;
  changeKey(name: string, words: KeyWordsJson): Promise<KeyView>;
  rotateKey(name: string, words: { readonly grace?: string }): Promise<NewKey>;
  raiseKey(name: string, words: { readonly amount: string; readonly until?: string }): Promise<KeyView>;
  removeKey(name: string): Promise<void>;

  models(): readonly ModelView[];
  health(): HealthView;
  doctor(): Promise<DoctorView>;
  /** Reads the configuration again, as SIGHUP does. */
  reload(): ReloadView;
  /** A key for the playground's calls, valid as long as the session: its calls are counted under the name `playground`. */
  playgroundKey(session: Pick<Session, "id" | "untilMs">): Promise<{ readonly key: string; readonly expires: string }>;
  /** Ends what was valid for the session. */
  signedOut(session: Pick<Session, "id">): Promise<void>;
}

/** Calls that run here now, oldest first, and the last minute. */
export interface LiveView {
  /** Identifies this gateway among several on one store. */
  readonly replica: string;
  readonly calls: readonly LiveCall[];
  /** 60 seconds, oldest first. */
  readonly minute: readonly { readonly calls: number; readonly errors: number; readonly outputTokens: number }[];
}

export interface RunningDetail {
  readonly call: LiveCall;
  /** Null: it is not recorded. */
  readonly inspection: CallInspection | null;
}

/** Null: any. */
export interface RequestQuery {
  readonly key: string | null;
  readonly model: string | null;
  readonly client: string | null;
  readonly session: string | null;
  /** A number, a class such as `4xx`, or a word: `ok`, `error`, `cut`, `cancelled`. */
  readonly status: string | null;
  /** Part of an id or request id. */
  readonly q: string | null;
  /** `2026-11-01`, `7d`, or ISO 8601. */
  readonly since: string | null;
  readonly until: string | null;
  /** IANA name of the zone that dates are in. */
  readonly zone: string;
  /** The value of `next` in the page before. */
  readonly cursor: string | null;
  /** From 1 to 500. */
  readonly limit: number;
}

export interface RequestList {
  /** Running calls that fit the filters, newest first. They have no row in the ledger yet, so only the first page has them, and only where no status is asked for. */
  readonly running: readonly LiveCall[];
  readonly rows: readonly RequestView[];
  /** Requests the next page. Null: this is the last one. */
  readonly next: string | null;
}

/** A row of the ledger; see `UsageRow`. */
export interface RequestView extends Omit<UsageRow, "atMs"> {
  readonly at: string;
  /** Whether more is recorded here: see `INSPECT`. */
  readonly isInspected: boolean;
}

export interface RequestDetail {
  readonly request: RequestView;
  /** Null: never recorded, dropped, or recorded by another gateway. */
  readonly inspection: CallInspection | null;
  /** How its price was calculated. Null: there is no known price. */
  readonly price: { readonly rates: Price; readonly lines: readonly PriceLine[] } | null;
}

export interface PriceLine {
  readonly of: "input" | "cacheRead" | "cacheWrite5m" | "cacheWrite1h" | "output";
  readonly tokens: number;
  /** US dollars per million tokens. */
  readonly rate: number;
  readonly usd: number;
}

export type UsageBy = "hour" | "day" | "week" | "month" | "model" | "key" | "client" | "session";

export interface UsageRequest {
  readonly by: UsageBy;
  /** Splits each period by this. Null: not split. */
  readonly split: "model" | "key" | "client" | null;
  readonly since: string | null;
  readonly until: string | null;
  readonly key: string | null;
  readonly model: string | null;
  readonly client: string | null;
  readonly session: string | null;
  /** IANA name. */
  readonly zone: string;
}

/** Credits and US dollars are estimates. */
export interface UsageCounts extends Omit<UsageSum, "group" | "usd" | "firstMs" | "lastMs"> {
  readonly totalTokens: number;
  /** Share of all input, from 0 to 1. Null: there was no input. */
  readonly cacheHitRate: number | null;
  /** Null: none of the calls has a known price. */
  readonly usd: number | null;
}

export interface UsageView {
  readonly by: UsageBy;
  readonly zone: string;
  readonly lines: readonly (UsageCounts & { readonly name: string | null; readonly split: string | null })[];
  readonly totals: UsageCounts;
}

/** The options of `keys add` and `keys set`, as JSON. Absent: unchanged; null: the key no longer sets this itself. */
export interface KeyWordsJson {
  readonly note?: string | null;
  readonly expires?: string | null;
  readonly off?: boolean;
  readonly models?: readonly string[] | null;
  readonly rpm?: number | string | null;
  readonly tpm?: number | string | null;
  readonly parallel?: number | string | null;
  readonly budgets?: readonly string[] | null;
  readonly soft?: string | null;
  readonly zone?: string | null;
}

export interface KeyView extends KeyJson {
  /** `spent`: a budget is used up. */
  readonly state: "on" | "spent" | "off" | "expired";
  /** Whether it is set in PROXY_API_KEY, or has no key of its own. */
  readonly kind: "stored" | "environment" | "default" | "anonymous";
  /** Including what the row `default` adds. */
  readonly effective: RulesJson;
  readonly budgetsNow: readonly BudgetView[];
  readonly lastMinute: { readonly requests: number; readonly tokens: number };
  readonly running: number;
}

export interface BudgetView {
  readonly unit: BudgetUnit;
  readonly period: Period;
  /** Including raises. */
  readonly amount: number;
  /** Including open reservations. */
  readonly used: number;
  /** Null: it never resets, or has not begun. */
  readonly resetsAt: string | null;
}

export interface NewKey {
  /** Shown only this once. */
  readonly key: string;
  readonly record: KeyView;
}

export interface ModelView {
  readonly id: string;
  readonly aliases: readonly string[];
  readonly protocol: ProtocolId;
  readonly provider: string | null;
  readonly pool: Pool | null;
  readonly multiplier: number | null;
  readonly contextTokens: number | null;
  readonly outputTokens: number | null;
  readonly inputModalities: readonly string[];
  readonly price: Price | null;
  readonly fallback: readonly string[];
}

export interface HealthView {
  readonly version: string;
  readonly runtime: string;
  readonly replica: string;
  readonly startedAt: string;
  readonly store: { readonly kind: "sqlite" | "postgres" | "memory"; readonly isReachable: boolean } | null;
  readonly inspect: "off" | "headers" | "bodies";
  readonly settings: readonly SettingView[];
}

export interface SettingView {
  readonly name: string;
  /** Masked where it is secret. */
  readonly value: string;
  readonly source: "command line" | "environment" | "file" | "default";
  /** Whether a change applies without a restart. */
  readonly reload: boolean;
  readonly help: string;
}

export interface DoctorView {
  readonly at: string;
  readonly checks: readonly Check[];
}

export interface ReloadView {
  readonly changed: readonly string[];
  readonly needRestart: readonly string[];
  /** Null: it was applied. */
  readonly fault: string | null;
}
