// What is left of the plan behind a Factory key, read from Factory's billing endpoint while there are calls, at most once in an interval, and
// shared with other gateways through the store.
// Does not make a call wait, fail one, or follow a redirect with a key.

import type { After } from "../runtime/ports.ts";
import { parseOrUndefined } from "../wire/json.ts";
import { parsePlanLimits, type PlanLimits } from "./plan-limits.ts";
import { quotaHeaders, type QuotaHeaders } from "./quota-headers.ts";
import { StoreError, type Store } from "./store.ts";

/** `sign-in only`: Factory tells signed-in people, but not keys. */
export type QuotaState = "works" | "sign-in only" | "not available";

export interface QuotaReading {
  readonly state: QuotaState;
  /** Why it does not work, as a sentence. Null: it does. */
  readonly reason: string | null;
  /** When Factory was asked, as Unix time in milliseconds. */
  readonly atMs: number;
  /** Null: it does not work. */
  readonly limits: PlanLimits | null;
}

export interface QuotaPorts {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Null: nothing is shared with other gateways. */
  readonly store: Pick<Store, "shared" | "share"> | null;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  readonly after: After;
  /** At least 0, below 1. */
  readonly random: () => number;
  /** The first digits of a Factory key's hash. */
  readonly keyId: (key: string) => string;
}

export interface QuotaSettings {
  /** Null: calls go to a host without such an endpoint. */
  readonly url: string | null;
  /** The shortest time between two requests. Null: Factory is never asked. */
  readonly everyMs: number | null;
  /** Headers of each request, besides the key. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What is known of the plan behind one key. */
interface Plan {
  reading: QuotaReading | null;
  /** When Factory may be asked again. */
  dueMs: number;
  /** Null: no request is running. */
  asking: Promise<void> | null;
  headers: QuotaHeaders | null;
}

/** The most keys, where each client brings its own. */
const MOST_PLANS = 1000;
const TIMEOUT_MS = 5_000;
const MOST_BYTES = 256 * 1024;
/** After this many intervals without an answer, the last one is no longer valid. */
const INTERVALS_KNOWN = 5;
/** Where it does not work, it seldom does an interval later. */
const INTERVALS_OF_REFUSAL = 10;
/** Each gateway waits up to this fraction of an interval longer, so that one asks and the others find its answer in the store. */
const SPREAD = 0.1;
/** Statuses that say nothing about the next request. */
const PASSING: ReadonlySet<number> = new Set([408, 429]);

export class Quota {
  readonly #ports: QuotaPorts;
  readonly #settings: QuotaSettings;
  /** By Factory key; least recently used first. */
  readonly #plans = new Map<string, Plan>();
  readonly #running = new Set<AbortController>();
  #isStopped = false;

  constructor(ports: QuotaPorts, settings: QuotaSettings) {
    this.#ports = ports;
    this.#settings = settings;
  }

  /** Called when a call goes out with this key: asks Factory in the background, if it is time. */
  touch(key: string): void {
    if (this.#settings.everyMs === null || this.#settings.url === null) return;
    const plan = this.#planOf(key);
    if (this.#ports.now() >= plan.dueMs) void this.#refresh(key, plan);
  }

  /** What is known now. Null: nothing, or it is too old. */
  known(key: string): PlanLimits | null {
    const reading = this.#plans.get(key)?.reading ?? null;
    const knownMs = (this.#settings.everyMs ?? 0) * INTERVALS_KNOWN;
    return reading !== null && this.#ports.now() < reading.atMs + knownMs ? reading.limits : null;
  }

  /** What answers report of the plan. Null: nothing is known. */
  headers(key: string): QuotaHeaders | null {
    const limits = this.known(key);
    const plan = this.#plans.get(key);
    if (limits === null || plan === undefined) return null;
    const nowMs = this.#ports.now();
    if (plan.headers === null || nowMs >= plan.headers.untilMs) plan.headers = quotaHeaders(limits, nowMs);
    return plan.headers;
  }

  /** For a caller that wants to know now, and waits. Never rejects. */
  async read(key: string): Promise<QuotaReading> {
    const { url, everyMs } = this.#settings;
    const nowMs = this.#ports.now();
    if (everyMs === null) return unavailable("Asking Factory is off (QUOTA_INTERVAL is 0).", nowMs);
    if (url === null) return unavailable("Factory was not asked, because no calls go to FACTORY_BASE_URL.", nowMs);
    const plan = this.#planOf(key);
    if (nowMs >= plan.dueMs) await this.#refresh(key, plan);
    return plan.reading ?? unavailable("The server is stopping.", nowMs);
  }

  /** Asks nothing more, and cancels what is being asked. */
  stop(): void {
    this.#isStopped = true;
    for (const abort of this.#running) abort.abort();
  }

  #planOf(key: string): Plan {
    const known = this.#plans.get(key);
    if (known !== undefined && this.#plans.size === 1) return known;
    const plan: Plan = known ?? { reading: null, dueMs: -Infinity, asking: null, headers: null };
    this.#plans.delete(key);
    this.#plans.set(key, plan);
    const [oldest] = this.#plans.keys();
    if (this.#plans.size > MOST_PLANS && oldest !== undefined) this.#plans.delete(oldest);
    return plan;
  }

  /** One request at a time. */
  #refresh(key: string, plan: Plan): Promise<void> {
    plan.asking ??= this.#ask(key, plan).finally(() => (plan.asking = null));
    return plan.asking;
  }

  async #ask(key: string, plan: Plan): Promise<void> {
    // The call goes first: some stores do their work before they return.
    await new Promise<void>((resolve) => void this.#ports.after(0, resolve));
    if (this.#isStopped) return;
    // Another FACTORY_BASE_URL may answer differently for the same key.
    const name = `quota/2/${this.#ports.keyId(`${this.#settings.url ?? ""} ${key}`)}`;
    const before = await this.#shared(name);
    if (before !== null && this.#ports.now() < this.#goodUntilMs(before)) return this.#take(plan, before);
    const { reading, isPassing } = await this.#fetch(key);
    if (this.#isStopped) return;
    if (isPassing) {
      plan.dueMs = reading.atMs + (this.#settings.everyMs ?? 0);
      if (this.known(key) === null) plan.reading = reading;
      return;
    }
    this.#take(plan, reading);
    await this.#share(name, reading);
  }

  #take(plan: Plan, reading: QuotaReading): void {
    plan.reading = reading;
    plan.headers = null;
    plan.dueMs = this.#goodUntilMs(reading) + (this.#settings.everyMs ?? 0) * SPREAD * this.#ports.random();
  }

  #goodUntilMs({ state, atMs }: QuotaReading): number {
    return atMs + (this.#settings.everyMs ?? 0) * (state === "works" ? 1 : INTERVALS_OF_REFUSAL);
  }

  async #fetch(key: string): Promise<{ readonly reading: QuotaReading; readonly isPassing: boolean }> {
    const { now, after } = this.#ports;
    const abort = new AbortController();
    this.#running.add(abort);
    const cancelTimer = after(TIMEOUT_MS, () => abort.abort());
    try {
      const response = await this.#ports.fetch(this.#settings.url ?? "", {
        headers: { ...this.#settings.headers, authorization: `Bearer ${key}`, accept: "application/json" },
        redirect: "manual",
        signal: abort.signal,
      });
      const text = await textOf(response);
      return { reading: readingOf(response.status, text, now()), isPassing: PASSING.has(response.status) || response.status >= 500 };
    } catch {
      return { reading: unavailable("Factory's billing endpoint can't be reached.", now()), isPassing: true };
    } finally {
      cancelTimer();
      this.#running.delete(abort);
    }
  }

  async #shared(name: string): Promise<QuotaReading | null> {
    try {
      const value = await this.#ports.store?.shared(name, this.#ports.now());
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- this program wrote it
      return value === null || value === undefined ? null : (JSON.parse(value) as QuotaReading);
    } catch (error) {
      if (error instanceof StoreError || error instanceof SyntaxError) return null;
      throw error;
    }
  }

  async #share(name: string, reading: QuotaReading): Promise<void> {
    try {
      await this.#ports.store?.share(name, JSON.stringify(reading), this.#goodUntilMs(reading));
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
    }
  }
}

function readingOf(status: number, text: string | null, atMs: number): QuotaReading {
  if (status === 401 || status === 403) {
    const reason = `Factory answers ${status}: it shows the plan's limits to people who sign in, but not to this key.`;
    return { state: "sign-in only", reason, atMs, limits: null };
  }
  if (status !== 200) return unavailable(`Factory's billing endpoint answers ${status}.`, atMs);
  const limits = text === null ? null : parsePlanLimits(parseOrUndefined(text), atMs);
  if (limits === null) return unavailable("Factory's billing endpoint sent an answer in an unknown format.", atMs);
  return { state: "works", reason: null, atMs, limits };
}

function unavailable(reason: string, atMs: number): QuotaReading {
  return { state: "not available", reason, atMs, limits: null };
}

/** Null: it is too long. */
async function textOf({ body }: Response): Promise<string | null> {
  const reader = body?.getReader();
  if (reader === undefined) return "";
  const decoder = new TextDecoder();
  let text = "";
  for (let bytes = 0; ;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    bytes += value.length;
    if (bytes > MOST_BYTES) {
      await reader.cancel();
      return null;
    }
    text += decoder.decode(value, { stream: true });
  }
}
