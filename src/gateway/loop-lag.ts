// Measures how late the event loop is: a timer compares when it was due with when it ran.
// Never runs before it is first read.

import type { After } from "../runtime/ports.ts";

export interface LagPorts {
  /** Does not keep the process alive. */
  readonly after: After;
  /** Monotonic time in milliseconds. */
  readonly monotonic: () => number;
}

const EVERY_MS = 500;
/** How many of the latest times are kept: half a minute's. */
const KEPT = 60;

export class LoopLag {
  readonly #ports: LagPorts;
  readonly #latestMs: number[] = [];
  #isRunning = false;

  constructor(ports: LagPorts) {
    this.#ports = ports;
  }

  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#next();
  }

  /** The longest lag of the last half minute. */
  get seconds(): number {
    return Math.max(0, ...this.#latestMs) / 1000;
  }

  #next(): void {
    const { after, monotonic } = this.#ports;
    const dueMs = monotonic() + EVERY_MS;
    after(EVERY_MS, () => {
      this.#latestMs.push(monotonic() - dueMs);
      if (this.#latestMs.length > KEPT) this.#latestMs.shift();
      this.#next();
    });
  }
}
