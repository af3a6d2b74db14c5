// Calls at the same time, in all and of one key: a call may go on, or gets an error that says which limit was reached and when to come back.
// Never does: let a call wait in a queue, where its client would not know of it.

import { GatewayError } from "../errors.ts";

/** Calls at the same time; null is no limit. */
export interface ConcurrencyLimits {
  readonly maxCalls: number | null;
  /** Of one client key. */
  readonly maxCallsPerKey: number | null;
}

const RETRY_AFTER = { "retry-after": "1" };
const DRAIN_RETRY_AFTER = { "retry-after": "5" };

export class Concurrency {
  readonly #limits: ConcurrencyLimits;
  readonly #byKey = new Map<string, number>();
  #running = 0;
  #isDraining = false;
  #idle: (() => void) | null = null;

  constructor(limits: ConcurrencyLimits) {
    this.#limits = limits;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /**
   * Whether a call of this caller could come in now.
   * @throws GatewayError as `enter` does.
   */
  check(callerId: string): void {
    const { maxCalls, maxCallsPerKey } = this.#limits;
    if (this.#isDraining)
      throw new GatewayError("overloaded", "The server is about to stop and takes no new calls.", { headers: DRAIN_RETRY_AFTER });
    if (maxCalls !== null && this.#running >= maxCalls) {
      throw new GatewayError("overloaded", `The server runs ${maxCalls} calls already, its limit (MAX_CALLS).`, { headers: RETRY_AFTER });
    }
    if (maxCallsPerKey !== null && (this.#byKey.get(callerId) ?? 0) >= maxCallsPerKey) {
      throw new GatewayError("rate-limited", `This key runs ${maxCallsPerKey} calls already, its limit (MAX_CALLS_PER_KEY).`, {
        headers: RETRY_AFTER,
      });
    }
  }

  /**
   * Lets a call of this caller in; call the returned function once when it has ended.
   * @throws GatewayError `overloaded` or `rate-limited`, with `retry-after`.
   */
  enter(callerId: string): () => void {
    this.check(callerId);
    this.#running++;
    this.#byKey.set(callerId, (this.#byKey.get(callerId) ?? 0) + 1);
    let hasLeft = false;
    return () => {
      if (hasLeft) return;
      hasLeft = true;
      this.#running--;
      const left = (this.#byKey.get(callerId) ?? 1) - 1;
      if (left === 0) this.#byKey.delete(callerId);
      else this.#byKey.set(callerId, left);
      if (this.#running === 0) this.#idle?.();
    };
  }

  /** Lets nobody in any more; resolves when the last running call has ended. */
  drain(): Promise<void> {
    this.#isDraining = true;
    if (this.#running === 0) return Promise.resolve();
    return new Promise((resolve) => (this.#idle = resolve));
  }
}
