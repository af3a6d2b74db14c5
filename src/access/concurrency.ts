// Concurrent calls, in total and per key: a call may run, or gets an error that says which limit was reached and when to come back.
// Does not queue a call: its client could not tell that it waits.

import { GatewayError } from "../errors.ts";

/** Calls at the same time; null: no limit. */
export interface ConcurrencyLimits {
  readonly maxCalls: number | null;
  /** For one client key. */
  readonly maxCallsPerKey: number | null;
}

const RETRY_AFTER = { "retry-after": "1" };
const DRAIN_RETRY_AFTER = { "retry-after": "5" };

/** The counts, which do not depend on the limits. */
interface Counts {
  readonly byKey: Map<string, number>;
  running: number;
  isDraining: boolean;
  idle: (() => void) | null;
}

export class Slot {
  readonly #counts: Counts;
  readonly #callerId: string;
  #hasLeft = false;

  constructor(counts: Counts, callerId: string) {
    this.#counts = counts;
    this.#callerId = callerId;
    counts.running++;
    counts.byKey.set(callerId, (counts.byKey.get(callerId) ?? 0) + 1);
  }

  /** Only the first call counts. */
  release(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    const counts = this.#counts;
    const { byKey } = counts;
    counts.running--;
    const left = (byKey.get(this.#callerId) ?? 1) - 1;
    if (left === 0) byKey.delete(this.#callerId);
    else byKey.set(this.#callerId, left);
    if (counts.running === 0) counts.idle?.();
  }
}

export class Concurrency {
  readonly #limits: ConcurrencyLimits;
  readonly #counts: Counts;

  constructor(limits: ConcurrencyLimits, counts: Counts = { byKey: new Map(), running: 0, isDraining: false, idle: null }) {
    this.#limits = limits;
    this.#counts = counts;
  }

  /** The same counts under other limits. */
  within(limits: ConcurrencyLimits): Concurrency {
    return new Concurrency(limits, this.#counts);
  }

  get isDraining(): boolean {
    return this.#counts.isDraining;
  }

  /**
   * Checks that a call of this caller could come in now.
   * @throws GatewayError as `enter` does.
   */
  check(callerId: string): void {
    const { maxCalls, maxCallsPerKey } = this.#limits;
    const { byKey, running, isDraining } = this.#counts;
    if (isDraining) throw new GatewayError("stopped", "The server is stopping and accepts no new calls.", { headers: DRAIN_RETRY_AFTER });
    if (maxCalls !== null && running >= maxCalls) {
      throw new GatewayError("overloaded", `The server is already running ${maxCalls} calls, its limit (MAX_CALLS).`, {
        headers: RETRY_AFTER,
      });
    }
    if (maxCallsPerKey !== null && (byKey.get(callerId) ?? 0) >= maxCallsPerKey) {
      throw new GatewayError("rate-limited", `This key already has ${maxCallsPerKey} calls running, its limit (MAX_CALLS_PER_KEY).`, {
        headers: RETRY_AFTER,
      });
    }
  }

  /**
   * Admits a call of this caller. The slot must be given back when the call has ended.
   * @throws GatewayError `overloaded` or `rate-limited`, with `retry-after`.
   */
  enter(callerId: string): Slot {
    this.check(callerId);
    return new Slot(this.#counts, callerId);
  }

  /** Admits nothing more; resolves when the last running call has ended. */
  drain(): Promise<void> {
    this.#counts.isDraining = true;
    if (this.#counts.running === 0) return Promise.resolve();
    return new Promise((resolve) => (this.#counts.idle = resolve));
  }
}
