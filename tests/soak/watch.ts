// The gateway's memory over time.
// Does not look more often than once a second.

import { memoryOf } from "./processes.ts";

interface Look {
  /** From 0 to 1. */
  readonly part: number;
  readonly mebibytes: number;
}

const EVERY_MS = 1000;
/** Middle and end are medians over these parts of the run, each after as many bursts of streams as the other has in its half. */
const MIDDLE = [0.4, 0.5] as const;
const END = [0.9, 1] as const;

export class Watch {
  readonly #pid: number;
  readonly #start: number;
  readonly #looks: Look[] = [];
  #lookedMs = 0;

  constructor(pid: number) {
    this.#pid = pid;
    this.#start = memoryOf(pid);
  }

  get latest(): number {
    return Math.round(this.#looks.at(-1)?.mebibytes ?? this.#start);
  }

  now(): number {
    return Math.round(memoryOf(this.#pid));
  }

  look(part: number): void {
    const now = performance.now();
    if (now - this.#lookedMs < EVERY_MS) return;
    this.#lookedMs = now;
    this.#looks.push({ part, mebibytes: memoryOf(this.#pid) });
  }

  memory(): { readonly start: number; readonly middle: number; readonly end: number } {
    return { start: Math.round(this.#start), middle: this.#median(MIDDLE), end: this.#median(END) };
  }

  /** A run that was ended early has its latest figure where the parts were not reached. */
  #median([from, to]: readonly [number, number]): number {
    const within = this.#looks.filter(({ part }) => part >= from && part <= to).map(({ mebibytes }) => mebibytes);
    return Math.round(within.toSorted((a, b) => a - b)[within.length >> 1] ?? this.latest);
  }
}
