// A clock that stands still while this process does. A process that was paused, or was not scheduled, has lost hardly any time on it: what arrived
// meanwhile is read before any timer fires. So a short timeout means silence, and never a busy machine.

const TICK_MS = 5;
/** The most that the clock advances between two looks at the wall clock. */
const STEP_MS = 2 * TICK_MS;

interface Timer {
  readonly atMs: number;
  readonly callback: () => void;
}

export class AwakeClock {
  #nowMs = 0;
  #lookedAtMs = performance.now();
  #ticking: ReturnType<typeof setInterval> | null = null;
  readonly #timers = new Set<Timer>();

  /** Monotonic time in milliseconds. */
  readonly now = (): number => {
    const lookedAtMs = performance.now();
    this.#nowMs += Math.min(lookedAtMs - this.#lookedAtMs, STEP_MS);
    this.#lookedAtMs = lookedAtMs;
    return this.#nowMs;
  };

  /** Calls back once after `ms`; returns a function that cancels it. */
  readonly after = (ms: number, callback: () => void): (() => void) => {
    const timer: Timer = { atMs: this.now() + ms, callback };
    this.#timers.add(timer);
    this.#ticking ??= setInterval(() => this.#tick(), TICK_MS);
    return () => {
      this.#timers.delete(timer);
      this.#restIfIdle();
    };
  };

  readonly pause = (ms: number): Promise<void> => new Promise((resolve) => void this.after(ms, resolve));

  #tick(): void {
    const nowMs = this.now();
    const due = [...this.#timers].filter(({ atMs }) => atMs <= nowMs).toSorted((a, b) => a.atMs - b.atMs);
    for (const timer of due) {
      // An earlier one may have cancelled it.
      if (this.#timers.delete(timer)) timer.callback();
    }
    this.#restIfIdle();
  }

  #restIfIdle(): void {
    if (this.#ticking === null || this.#timers.size > 0) return;
    clearInterval(this.#ticking);
    this.#ticking = null;
  }
}
