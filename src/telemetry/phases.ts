// Where the time of a call goes: each moment belongs to one phase, so that the phases come to the total.
// Never reads a clock of its own.

/** `admission`: the request is read, its key and limits are looked at. `convert`: requests and answers are decoded, edited, encoded. `own`: all else that is done here. */
export type Phase = "admission" | "convert" | "upstream" | "own";

/** Milliseconds. The first four come to the last. */
export interface Timings {
  readonly admissionMs: number;
  /** Of a long stream as a sample of its chunks says. */
  readonly convertMs: number;
  /** From the first request that goes upstream to the answer, the pauses between attempts included; of a stream also what its client takes to read. */
  readonly upstreamMs: number;
  readonly ownMs: number;
  readonly totalMs: number;
}

/** The times of the first conversion of a request, from the beginning of the call, in milliseconds. */
export interface Conversion {
  readonly startMs: number;
  readonly endMs: number;
}

/** So many chunks of a stream are timed each; of what follows, one in as many. */
const SAMPLE = 16;

export class PhaseClock {
  /** The first conversion. Null: there was none so far. */
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

  /** When the present phase began, in milliseconds since the call did. */
  get enteredMs(): number {
    return this.#sinceMs - this.#startedMs;
  }

  /** Returns the phase that ends with it. */
  enter(phase: Phase): Phase {
    const now = this.#monotonic();
    const before = this.#phase;
    this.#spentMs[before] += now - this.#sinceMs;
    if (before === "convert") this.conversion ??= { startMs: this.#sinceMs - this.#startedMs, endMs: now - this.#startedMs };
    this.#phase = phase;
    this.#sinceMs = now;
    return before;
  }

  /** A conversion is over that began by entering it, in the phase `before`. */
  converted(before: Phase): void {
    this.enter(before === "admission" ? "own" : before);
  }

  /** Before each chunk of a stream is converted, in the midst of waiting. What comes back is for `stepped`. */
  stepping(): number | null {
    const count = this.#chunks++;
    return count < SAMPLE || count % SAMPLE === 0 ? this.#monotonic() : null;
  }

  /** And after it. */
  stepped(startedMs: number | null): void {
    if (startedMs === null) return;
    const spentMs = (this.#monotonic() - startedMs) * (this.#chunks <= SAMPLE ? 1 : SAMPLE);
    this.#spentMs.convert += spentMs;
    this.#spentMs.upstream -= spentMs;
  }

  /** As it stands now. */
  read(): Timings {
    this.enter(this.#phase);
    const { admission: admissionMs, own: ownMs, convert, upstream } = this.#spentMs;
    // A sample may say more than there is.
    const convertMs = convert + Math.min(0, upstream);
    return { admissionMs, convertMs, upstreamMs: Math.max(0, upstream), ownMs, totalMs: this.#sinceMs - this.#startedMs };
  }
}

/** As the header Server-Timing has them. */
export function serverTiming({ admissionMs, convertMs, upstreamMs, ownMs, totalMs }: Timings): string {
  const ours = `admission;dur=${hundredths(admissionMs)}, convert;dur=${hundredths(convertMs)}`;
  return `${ours}, upstream;dur=${hundredths(upstreamMs)}, own;dur=${hundredths(ownMs)}, total;dur=${hundredths(totalMs)}`;
}

/** Rounded, so that four of them come to their sum within 0.05. */
export function hundredths(ms: number): number {
  return Math.round(ms * 100) / 100;
}
