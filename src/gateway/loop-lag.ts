// How late the event loop is: a timer that knows when it should have been called.
// Never runs before somebody asks.

import type { After } from "../runtime/ports.ts";

export interface LagPorts {
  /** Keeps no process from its end. */
  readonly after: After;
  /** Milliseconds that only grow. */
  readonly monotonic: () => number;
}

const EVERY_MS = 500;
/** So many of the latest times are kept: half a minute. */
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

  /** The longest of the last half minute. */
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
