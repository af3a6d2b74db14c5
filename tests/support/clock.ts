// Test support: time that passes only when a test says so.

/** A clock that moves only when told to. */
export class Clock {
  nowMs = 0;
  #timers: { readonly atMs: number; readonly callback: () => void }[] = [];

  readonly now = (): number => this.nowMs;

  readonly after = (ms: number, callback: () => void): (() => void) => {
    const timer = { atMs: this.nowMs + ms, callback };
    this.#timers.push(timer);
    return () => (this.#timers = this.#timers.filter((other) => other !== timer));
  };

  /** How many timers are set. */
  get timers(): number {
    return this.#timers.length;
  }

  advance(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (;;) {
      const [next] = this.#timers.filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs);
      if (next === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.nowMs = next.atMs;
      next.callback();
    }
    this.nowMs = untilMs;
  }

  /** Lets time pass quickly while something is running. Only for what ends because time passes: nothing else can hurry. */
  async during<T>(going: Promise<T>): Promise<T> {
    let isOver = false;
    const over = (): void => void (isOver = true);
    going.then(over, over);
    while (!isOver) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      this.advance(PASSING_MS);
    }
    return going;
  }
}

const PASSING_MS = 5;
