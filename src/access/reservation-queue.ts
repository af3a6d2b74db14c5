// What waits for the store for one key: calls that begin or have ended, what could not be written, and its allowances.
// Does not ask the store.

import { Allowances } from "./allowance.ts";
import type { Adopt, Close, Open, OpenRequest } from "./batch.ts";
import type { Opened } from "./held-reservations.ts";

export interface Opening extends Open {
  readonly resolve: (opened: Opened) => void;
  readonly reject: (error: unknown) => void;
  /** Until when it waits for allowances of other gateways to be given back. Null: it has not been refused yet. */
  waitsUntilMs: number | null;
}

export type Queued = Opening | Close | Adopt;

export class ReservationQueue {
  jobs: Queued[] = [];
  /** Whether one of the jobs can't wait. */
  isDue = false;
  /** Cancels the timer that will make it due. Null: no timer. */
  stop: (() => void) | null = null;
  /** What could not be written, in order. */
  unwritten: (Adopt | Close)[] = [];
  isRunning = false;
  readonly allowances = new Allowances<OpenRequest>();
  /** Whether all allowances are to be given back. */
  givesBack = false;
  /** Cancels the timer that looks after the allowances. Null: no timer. */
  stopTicking: (() => void) | null = null;

  /** Whether it still holds anything. */
  isNeeded(nowMs: number): boolean {
    const { jobs, unwritten, allowances } = this;
    return this.isRunning || jobs.length > 0 || unwritten.length > 0 || allowances.count > 0 || allowances.isRecent(nowMs);
  }
}
