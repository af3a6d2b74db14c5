// Asks the upstream until there is an answer: again, with another key, then with the fallback models.
// Does not try again once a byte of an answer has reached the client, or send twice what may have been billed.

import { GatewayError, isUsedUp } from "../errors.ts";
import type { After } from "../runtime/ports.ts";
import { UNREACHABLE } from "../upstream/connection.ts";
import type { KeyPool } from "../upstream/key-pool.ts";
import type { Upstream, UpstreamAnswer, UpstreamCall, UpstreamRefusal } from "../upstream/upstream.ts";
import { onAbort } from "../wire/abort.ts";

export interface RetrySettings {
  /** Further attempts for each model, after the first; 0: no retries. */
  readonly retries: number;
  /** Total waiting of one call, in milliseconds. */
  readonly budgetMs: number;
  /** Also retry when the connection broke after the request had gone out; the lost answer may have been billed. */
  readonly retryLost: boolean;
}

export interface AttemptPorts {
  readonly upstream: Upstream;
  readonly pool: KeyPool;
  readonly after: After;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  /** At least 0, below 1. */
  readonly random: () => number;
}

export interface AttemptOptions<Prepared> {
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal;
  /** The same for all turns of a conversation. */
  readonly conversation: string;
  /** The client's own Factory key, used when the pool is empty. */
  readonly ownKey: string;
  /** Called as each attempt begins; counts from 1. */
  readonly attemptStarted: (count: number) => void;
  /** Called with the outcome of each attempt. Absent: nobody asks. */
  readonly attemptEnded?: (result: Result) => void;
  /** The request for the upstream, with a key. */
  readonly upstreamCall: (prepared: Prepared, key: string) => UpstreamCall;
}

/** The prepared calls of one call, in order of preference. */
export interface Candidates<Prepared> {
  /** Prepared on demand. Null: there are no more. */
  next(): Prepared | null | Promise<Prepared | null>;
}

/** One prepared call without a fallback. */
export function only<Prepared>(prepared: Prepared): Candidates<Prepared> {
  let left: Prepared | null = prepared;
  return {
    next() {
      const next = left;
      left = null;
      return next;
    },
  };
}

export interface Sent<Prepared> {
  readonly found: UpstreamAnswer | UpstreamRefusal;
  /** The prepared call that got the answer. */
  readonly prepared: Prepared;
  readonly attempts: {
    /** Requests sent, over all models. */
    readonly count: number;
    /** Index of the model; 0 is the requested one. */
    readonly fallback: number;
  };
}

type Failed = { readonly found: UpstreamRefusal } | { readonly thrown: GatewayError };
export type Result = { readonly found: UpstreamAnswer } | Failed;

const RETRYABLE: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504, 529]);
/** Statuses for which the key, not the request, is at fault. */
const KEY_FAULTS: ReadonlySet<number> = new Set([401, 402, 429]);
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8_000;
/** A longer wait is left to the client, which retries by itself and shows that it waits. */
const LONGEST_NAMED_WAIT_MS = 2_000;
const KEY_REST_MS = 60_000;
/** A key rests no longer than this, whatever the upstream said: plans change, and some upstreams name absurd times. */
const LONGEST_KEY_REST_MS = 24 * 3_600_000;

export class Attempts {
  readonly #ports: AttemptPorts;
  readonly #settings: RetrySettings;

  constructor(ports: AttemptPorts, settings: RetrySettings) {
    this.#ports = ports;
    this.#settings = settings;
  }

  /**
   * Takes the next prepared call, for another model, only when the one before has failed.
   * @throws GatewayError when the last attempt got no answer at all, or the client has left.
   */
  async post<Prepared>(candidates: Candidates<Prepared>, options: AttemptOptions<Prepared>): Promise<Sent<Prepared>> {
    const attempts = { count: 0, fallback: 0, budgetMs: this.#settings.budgetMs };
    let last: { readonly failed: Failed; readonly prepared: Prepared } | null = null;
    for (;;) {
      const next = candidates.next();
      // Most are available at once.
      const prepared = next instanceof Promise ? await next : next;
      if (prepared === null) break;
      if (last !== null) attempts.fallback++;
      const result: UpstreamAnswer | Failed = await this.#follow(prepared, options, attempts);
      if ("type" in result) return { found: result, prepared, attempts };
      last = { failed: result, prepared };
      if (!FALLBACK_KINDS.has(failureOf(result).kind) || (isLost(result) && !this.#settings.retryLost)) break;
    }
    if (last === null) throw new GatewayError("internal", "There is no model to answer this call.");
    if ("thrown" in last.failed) throw last.failed.thrown;
    return { found: last.failed.found, prepared: last.prepared, attempts };
  }

  /** One model with its retries and, where the key is at fault, with the other keys. */
  async #follow<Prepared>(
    prepared: Prepared,
    options: AttemptOptions<Prepared>,
    attempts: { count: number; budgetMs: number },
  ): Promise<UpstreamAnswer | Failed> {
    const { pool, upstream } = this.#ports;
    const keys = pool.size === 0 ? [options.ownKey] : pool.order(options.conversation);
    const tries = { turn: 0, retry: 0 };
    for (;;) {
      const key = keys[tries.turn] ?? options.ownKey;
      options.attemptStarted(++attempts.count);
      const call = options.upstreamCall(prepared, key);
      let failed: Failed;
      try {
        const found = await upstream.post(call);
        if (found.type !== "refusal") {
          options.attemptEnded?.({ found });
          return found;
        }
        failed = { found };
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        failed = { thrown: error };
      }
      options.attemptEnded?.(failed);
      const waitMs = this.#waitMs(failed, { keys, tries, attempts });
      if (waitMs === null) return failed;
      if (waitMs !== "none") await this.#pause(waitMs, options.signal);
    }
  }

  /** How long to wait before the next attempt; `none` with another key, which was not at fault. Null: there is no further attempt. */
  #waitMs(failed: Failed, { keys, tries, attempts }: Tried): number | "none" | null {
    const { pool, now } = this.#ports;
    const failure = failureOf(failed);
    const namedMs = retryAfterMs((name) => named({ failed, failure }, name), now());
    const key = keys[tries.turn];
    if (key !== undefined && KEY_FAULTS.has(failure.status) && "found" in failed) {
      pool.rest(key, Math.min(namedMs ?? KEY_REST_MS, LONGEST_KEY_REST_MS));
      const next = keys.findIndex((other, index) => index > tries.turn && pool.isAwake(other));
      if (next !== -1) {
        tries.turn = next;
        return "none";
      }
    }
    const waitMs = namedMs ?? this.#backoffMs(tries.retry);
    const isShort = waitMs <= attempts.budgetMs && (namedMs === null || namedMs <= LONGEST_NAMED_WAIT_MS);
    if (tries.retry >= this.#settings.retries || !isShort || !this.#isRetryable(failed, failure)) return null;
    tries.retry++;
    attempts.budgetMs -= waitMs;
    return waitMs;
  }

  #isRetryable(failed: Failed, failure: GatewayError): boolean {
    if (isUsedUp(failure)) return false;
    if ("found" in failed) return RETRYABLE.has(failure.status) && named({ failed, failure }, "x-should-retry").toLowerCase() !== "false";
    return failure.code === UNREACHABLE || (isLost(failed) && this.#settings.retryLost);
  }

  /** Exponential backoff, with jitter on its upper half. */
  #backoffMs(retry: number): number {
    const ms = Math.min(FIRST_WAIT_MS * 2 ** retry, LONGEST_WAIT_MS);
    return ms / 2 + (ms / 2) * this.#ports.random();
  }

  #pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancelTimer = this.#ports.after(ms, () => {
        unfollow();
        resolve();
      });
      const unfollow = onAbort(signal, () => {
        cancelTimer();
        reject(new GatewayError("cancelled", "The client closed the connection."));
      });
    });
  }
}

/** The state of the attempts at one model. */
interface Tried {
  readonly keys: readonly string[];
  /** Index of the key, and the number of retries. */
  readonly tries: { turn: number; retry: number };
  readonly attempts: { budgetMs: number };
}

const FALLBACK_KINDS: ReadonlySet<string> = new Set(["rate-limited", "overloaded", "upstream-failed", "upstream-timeout"]);

/** Whether the connection broke after the request had gone out. */
function isLost(failed: Failed): boolean {
  return "thrown" in failed && failed.thrown.kind === "upstream-failed" && failed.thrown.code !== UNREACHABLE;
}

function failureOf(failed: Failed): GatewayError {
  return "thrown" in failed ? failed.thrown : failed.found.error;
}

/** A header of an answer. The error's own value, which may come from the body, has precedence. */
function named({ failed, failure }: { readonly failed: Failed; readonly failure: GatewayError }, name: string): string {
  return failure.headers[name] ?? ("found" in failed ? failed.found.headers.get(name) : undefined) ?? "";
}

/** `retry-after-ms`, or `retry-after` in seconds or as a date (in ISO form too). Null: the upstream names no time. */
function retryAfterMs(header: (name: string) => string, now: number): number | null {
  if (DECIMAL.test(header("retry-after-ms"))) return Number(header("retry-after-ms"));
  const text = header("retry-after");
  if (DECIMAL.test(text)) return Number(text) * 1000;
  const atMs = DATE.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(atMs) ? null : Math.max(0, atMs - now);
}

const DECIMAL = /^\d+(?:\.\d+)?$/;
const DATE = /^(?:[A-Z][a-z]+, \d.* GMT|\d{4}-\d\d-\d\dT.*)$/;
