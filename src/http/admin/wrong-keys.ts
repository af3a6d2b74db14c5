// Counts wrong keys at sign-in by address: after ten in a minute, further attempts from there are refused for a while.
// Never counts calls of clients.

import { GatewayError } from "../../errors.ts";

const MOST = 10;
const WINDOW_MS = 60_000;
const MOST_ADDRESSES = 10_000;

export class WrongKeys {
  readonly #now: () => number;
  /** Unix times in milliseconds, oldest first. */
  readonly #byAddress = new Map<string, readonly number[]>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** @throws GatewayError `rate-limited` with `retry-after`. */
  check(address: string): void {
    const [first] = this.#recent(address).slice(-MOST);
    if (first === undefined || this.#recent(address).length < MOST) return;
    const seconds = Math.max(1, Math.ceil((first + WINDOW_MS - this.#now()) / 1000));
    throw new GatewayError("rate-limited", `Too many wrong keys from this address. Try again in ${seconds} seconds.`, {
      headers: { "retry-after": String(seconds) },
    });
  }

  add(address: string): void {
    const times = [...this.#recent(address), this.#now()];
    // Most recent failure last.
    this.#byAddress.delete(address);
    this.#byAddress.set(address, times);
    const [oldest] = this.#byAddress.keys();
    if (this.#byAddress.size > MOST_ADDRESSES && oldest !== undefined) this.#byAddress.delete(oldest);
  }

  #recent(address: string): readonly number[] {
    return (this.#byAddress.get(address) ?? []).filter((atMs) => atMs > this.#now() - WINDOW_MS);
  }
}
