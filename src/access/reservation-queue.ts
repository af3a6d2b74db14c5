// What waits for the store on behalf of one key: calls that begin or have ended, what could not be written, and what is reserved ahead.
// Does not ask the store.

import { Allowances } from "./allowance.ts";
import type { Adopt, Close, Open, OpenRequest } from "./batch.ts";
import type { Opened } from "./held-reservations.ts";

export interface Opening extends Open {
  readonly resolve: (opened: Opened) => void;
  readonly reject: (error: unknown) => void;
  /** Until when it waits for what other gateways have reserved ahead and may not need. Null: it was not refused so far. */
  waitsUntilMs: number | null;
}

export type Queued = Opening | Close | Adopt;

export class ReservationQueue {
  jobs: Queued[] = [];
  /** Whether one of the jobs can't wait. */
  isDue = false;
  /** Set while a timer will make it due. */
  stop: (() => void) | null = null;
  /** What could not be written, in order. */
  unwritten: (Adopt | Close)[] = [];
  isRunning = false;
  readonly allowances = new Allowances<OpenRequest>();
  /** Whether all that is reserved ahead is to be given back. */
  givesBack = false;
  /** Set while a timer looks after what is reserved ahead. */
  stopTicking: (() => void) | null = null;

  /** Whether anything has to be kept of it. */
  isNeeded(nowMs: number): boolean {
    const { jobs, unwritten, allowances } = this;
    return this.isRunning || jobs.length > 0 || unwritten.length > 0 || allowances.count > 0 || allowances.isRecent(nowMs);
  }
}
