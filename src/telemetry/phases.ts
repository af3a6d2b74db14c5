// Where a call's time goes: every moment belongs to exactly one phase, so the phases add up to the total.
// Never reads a clock of its own.

/** `admission`: reading the request, checking its key and limits. `convert`: decoding, editing and encoding. `own`: all other work here. */
export type Phase = "admission" | "convert" | "upstream" | "own";

/** Milliseconds. The first four add up to the last. */
export interface Timings {
  readonly admissionMs: number;
  /** For a long stream, extrapolated from a sample of its chunks. */
  readonly convertMs: number;
  /** From the first upstream request to the answer, including pauses between attempts; for a stream, also the time that the client takes to read. */
  readonly upstreamMs: number;
  readonly ownMs: number;
  readonly totalMs: number;
}

/** When the first conversion of a request ran, in milliseconds since the call began. */
export interface Conversion {
  readonly startMs: number;
  readonly endMs: number;
}

/** This many chunks of a stream are timed one by one; after that, one in as many. */
const SAMPLE = 16;

export class PhaseClock {
  /** The first conversion. Null: none yet. */
  conversion: Conversion | null = null;
  readonly #monotonic: () => number;
  readonly #startedMs: number;
  readonly #spentMs = { admission: 0, convert: 0, upstream: 0, own: 0 };
  #phase: Phase = "admission";
  #sinceMs: number;
  #chunks = 0;

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
    this.#startedMs = monotonic();
    this.#sinceMs = this.#startedMs;
  }

  /** Milliseconds since the call began. */
  get elapsedMs(): number {
    return this.#monotonic() - this.#startedMs;
  }

  /** When the current phase began, in milliseconds since the call began. */
  get enteredMs(): number {
    return this.#sinceMs - this.#startedMs;
  }

  /** Returns the phase that this ends. */
  enter(phase: Phase): Phase {
    const now = this.#monotonic();
    const before = this.#phase;
    this.#spentMs[before] += now - this.#sinceMs;
    if (before === "convert") this.conversion ??= { startMs: this.#sinceMs - this.#startedMs, endMs: now - this.#startedMs };
    this.#phase = phase;
    this.#sinceMs = now;
    return before;
  }

  /** Ends a conversion and returns to the phase `before`. */
  converted(before: Phase): void {
    this.enter(before === "admission" ? "own" : before);
  }

  /** Called before each chunk of a stream is converted. Pass the result to `stepped`. */
  stepping(): number | null {
    const count = this.#chunks++;
    return count < SAMPLE || count % SAMPLE === 0 ? this.#monotonic() : null;
  }

  /** Called after each chunk. */
  stepped(startedMs: number | null): void {
    if (startedMs === null) return;
    const spentMs = (this.#monotonic() - startedMs) * (this.#chunks <= SAMPLE ? 1 : SAMPLE);
    this.#spentMs.convert += spentMs;
    this.#spentMs.upstream -= spentMs;
  }

  /** The times so far. */
  read(): Timings {
    this.enter(this.#phase);
    const { admission: admissionMs, own: ownMs, convert, upstream } = this.#spentMs;
    // The extrapolated time may exceed the real one.
    const convertMs = convert + Math.min(0, upstream);
    return { admissionMs, convertMs, upstreamMs: Math.max(0, upstream), ownMs, totalMs: this.#sinceMs - this.#startedMs };
  }
}

/** In the format of the header Server-Timing. */
export function serverTiming({ admissionMs, convertMs, upstreamMs, ownMs, totalMs }: Timings): string {
  const ours = `admission;dur=${hundredths(admissionMs)}, convert;dur=${hundredths(convertMs)}`;
  return `${ours}, upstream;dur=${hundredths(upstreamMs)}, own;dur=${hundredths(ownMs)}, total;dur=${hundredths(totalMs)}`;
}

/** Rounded so that the sum of four is exact to 0.05. */
export function hundredths(ms: number): number {
  return Math.round(ms * 100) / 100;
}
