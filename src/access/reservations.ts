// Reserves what calls may use and settles it when they have ended, through a store that gateways share. Calls of one key go through it batch by
// batch, so that each sees what the earlier ones took, or are granted from an allowance that a batch has reserved ahead. While the store is
// away, counting continues here from the last known counters, and is written to the store when it is back.
// Does not fail a call because the store is away, or count a call twice.

import { EMPTY, type Reserved } from "./accounts.ts";
import { LONGEST_MS, type Ahead, type Allowance, type Allowances } from "./allowance.ts";
import {
  abandoning,
  decide,
  idsOf,
  jobsOf,
  undoing,
  undoingAhead,
  type Adopt,
  type BatchContext,
  type Close,
  type Decision,
  type Job,
  type OpenRequest,
} from "./batch.ts";
import { KnownAccounts } from "./known-accounts.ts";
import { HeldReservation, type Ending, type Held, type Opened } from "./held-reservations.ts";
import { ReservationQueue, type Opening, type Queued } from "./reservation-queue.ts";
import { StoreError, type Account, type AccountChange, type AccountId, type Reservation, type Store } from "./store.ts";
import type { After } from "../runtime/ports.ts";
import type { Calendar } from "./windows.ts";

export interface ReservationPorts {
  readonly store: Pick<Store, "transact" | "account" | "state">;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  readonly calendar: Calendar;
  readonly after: After;
  /** Calls back once the input that has already arrived is handled, so that calls that arrive together share a transaction. */
  readonly soon: (callback: () => void) => void;
  /** The id of this process. */
  readonly gateway: string;
  /** Whether calls go on while the store is away. */
  readonly storeDown: "serve" | "refuse";
  /** Called before a reservation is written; makes sure that the store knows this process to be alive. Rejects with StoreError. */
  readonly beforeOpening: () => Promise<void>;
}

/**
 * How long the end of a call may wait to be written together with the beginning of the key's next call; until then its estimate counts, which
 * is also what it is settled by if the process dies. Also how often it is checked whether an allowance is still needed.
 */
const SETTLING_MS = 50;
/** The most jobs in one transaction. */
const MOST_AT_ONCE = 500;
/** How many jobs may wait for the store, over all keys; further ones are dropped. */
const MOST_UNWRITTEN = 50_000;
/** How long another gateway may take to give back its allowance after its end. */
const LATE_MS = 250;

export class Reservations {
  readonly #ports: ReservationPorts;
  readonly #queues = new Map<string, ReservationQueue>();
  readonly #known = new KnownAccounts();
  #onIdle: (() => void)[] = [];
  /** Unsettled reservations of this process. */
  #openCount = 0;
  #aheadCount = 0;
  #unwritten = 0;

  constructor(ports: ReservationPorts) {
    this.#ports = ports;
  }

  /** Open reservations of this process, including allowances. */
  get openCount(): number {
    return this.#openCount;
  }

  /** Whether something waits for the store to come back. */
  get isBehind(): boolean {
    return this.#unwritten > 0;
  }

  /** Rejects with StoreError while the store is away and `storeDown` is `refuse`. */
  open(request: OpenRequest): Opened | Promise<Opened> {
    const { allowances } = this.#queueOf(request.key);
    const held = this.#heldAhead(request, allowances);
    if (held !== null) return held;
    return new Promise((resolve, reject) => {
      this.#add(request.key, { type: "open", request, resolve, reject, waitsUntilMs: null }, true);
    });
  }

  /** From an allowance; null: none has room. */
  #heldAhead(request: OpenRequest, allowances: Allowances<OpenRequest>): Held | null {
    const call = allowances.grant(request, this.#ports.now());
    return call === null ? null : new HeldReservation(call, this.#ending);
  }

  /** Ends a call that has a reservation of its own. */
  readonly #ending: Ending = ({ id, key, session, limits: { parallel } }, end) => {
    this.#openCount--;
    // Others may be waiting for this call's slot.
    const isDue = parallel !== null && 2 * this.#known.running(key) >= parallel;
    this.#add(key, { type: "close", id, session, ...end, ahead: null }, isDue);
  };

  /** What a key has used; while the store is away, the last known state. */
  async account(key: string): Promise<Account> {
    const id = { key, scope: "" };
    try {
      return (await this.#ports.store.account(id)) ?? EMPTY;
    } catch (error) {
      if (error instanceof StoreError) return this.#known.get(id) ?? EMPTY;
      throw error;
    }
  }

  /** Settles what a dead process left behind, by its estimate. */
  abandon(reservation: Reservation): void {
    const abandoned = abandoning(reservation);
    if (abandoned !== null) this.#add(abandoned.key, abandoned.close, true);
  }

  /** Writes what waits, if the store is back. */
  catchUp(): void {
    for (const [key, queue] of this.#queues) if (queue.unwritten.length > 0) this.#start(key, queue);
  }

  /** Writes what waits, and gives back all allowances; resolves when that is done, or the store is away. */
  idle(): Promise<void> {
    for (const [key, queue] of this.#queues) {
      if (queue.allowances.count > 0) queue.givesBack = true;
      if (queue.jobs.length > 0 || queue.givesBack) this.#due(key, queue);
    }
    if (![...this.#queues.values()].some(({ isRunning }) => isRunning)) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  #queueOf(key: string): ReservationQueue {
    let queue = this.#queues.get(key);
    if (queue === undefined) {
      queue = new ReservationQueue();
      this.#queues.set(key, queue);
    }
    return queue;
  }

  #add(key: string, job: Queued, isDue: boolean): void {
    const queue = this.#queueOf(key);
    const { jobs } = queue;
    jobs.push(job);
    if (isDue || jobs.length >= MOST_AT_ONCE) return this.#due(key, queue);
    queue.stop ??= this.#ports.after(SETTLING_MS, () => {
      queue.stop = null;
      this.#due(key, queue);
    });
  }

  #due(key: string, queue: ReservationQueue): void {
    queue.isDue = true;
    this.#start(key, queue);
  }

  #start(key: string, queue: ReservationQueue): void {
    if (queue.isRunning) return;
    queue.isRunning = true;
    this.#ports.soon(() => void this.#run(key, queue));
  }

  async #run(key: string, queue: ReservationQueue): Promise<void> {
    let isReached = true;
    while (queue.isDue || (isReached && queue.unwritten.length > 0)) isReached = await this.#next(key, queue);
    queue.isRunning = false;
    if (!this.#forget(key, queue)) this.#tick(key, queue);
    if ([...this.#queues.values()].some(({ isRunning }) => isRunning)) return;
    for (const resolve of this.#onIdle) resolve();
    this.#onIdle = [];
  }

  /** Drops a queue that holds nothing. Returns whether it did. */
  #forget(key: string, queue: ReservationQueue): boolean {
    if (queue.isNeeded(this.#ports.now())) return false;
    queue.stopTicking?.();
    this.#queues.delete(key);
    return true;
  }

  /** Watches the allowances and the pace of calls for as long as calls come. */
  #tick(key: string, queue: ReservationQueue): void {
    const { allowances } = queue;
    if (allowances.count === 0 && !allowances.isRecent(this.#ports.now())) return;
    queue.stopTicking ??= this.#ports.after(allowances.count > 0 ? SETTLING_MS : LONGEST_MS, () => {
      queue.stopTicking = null;
      if (allowances.count > 0 && allowances.isQuiet()) queue.givesBack = true;
      if (queue.givesBack || allowances.isOver(this.#ports.now())) this.#due(key, queue);
      if (!this.#forget(key, queue) && !queue.isRunning) this.#tick(key, queue);
    });
  }

  /** Writes one batch. Returns whether the store was reached. */
  async #next(key: string, queue: ReservationQueue): Promise<boolean> {
    const { store } = this.#ports;
    if (store.state() === "unreachable") {
      queue.givesBack = true;
      for (const job of this.#taken(queue)) this.#locally(key, queue, { job, wasAsked: false });
      return false;
    }
    // Never an opening together with its end: after a transaction with an unknown outcome, both would be done again.
    const adopted = queue.unwritten.filter((job) => job.type === "adopt").slice(0, MOST_AT_ONCE);
    const isLate = adopted.length > 0;
    const late = isLate ? adopted : queue.unwritten.slice(0, MOST_AT_ONCE);
    const mayReserveAhead = !queue.givesBack;
    const jobs = isLate ? [] : this.#taken(queue, MOST_AT_ONCE - late.length);
    const batch: readonly Queued[] = [...late, ...jobs];
    if (batch.length === 0) return true;
    const attempt: Attempt = { ahead: mayReserveAhead ? this.#planned(queue, jobs) : null, reserved: null };
    let decision: Decision;
    try {
      if (batch.some(({ type }) => type !== "close")) await this.#ports.beforeOpening();
      decision = await this.#write(key, batch, attempt);
    } catch (error) {
      const isAway = error instanceof StoreError;
      if (attempt.reserved !== null) this.#postpone(queue, undoingAhead(attempt.reserved));
      for (const job of jobs) {
        if (isAway || job.type !== "open") this.#locally(key, queue, { job, wasAsked: true });
        else job.reject(error);
      }
      queue.givesBack = true;
      for (const job of this.#taken(queue)) this.#locally(key, queue, { job, wasAsked: false });
      return false;
    }
    const written = new Set<Queued>(late);
    if (late.length > 0) queue.unwritten = queue.unwritten.filter((job) => !written.has(job));
    this.#unwritten -= late.length;
    this.#answer(key, queue, { batch, decision });
    return true;
  }

  /** What to reserve ahead: at most twice the slots that calls have now, since a process that dies blocks them for a while. */
  #planned(queue: ReservationQueue, jobs: readonly Queued[]): Attempt["ahead"] {
    const opens = jobs.filter(({ type }) => type === "open").length;
    const calls = opens === 0 ? 0 : queue.allowances.next(this.#ports.now());
    if (calls === 0) return null;
    return { id: `${this.#ports.gateway} ${this.#aheadCount++}`, calls, places: 2 * (queue.allowances.runningCount + opens) };
  }

  /** The next jobs of a queue, with the allowances that are given back; what is left stays due. */
  #taken(queue: ReservationQueue, most = Infinity): readonly Queued[] {
    const { allowances } = queue;
    const jobs = queue.jobs.splice(0, most);
    if (jobs.some(({ type }) => type === "open")) allowances.rest();
    const sealed = allowances.sealed(this.#ports.now(), { all: queue.givesBack });
    queue.givesBack = false;
    for (const { running } of sealed) this.#openCount += running.length - 1;
    if (queue.jobs.length === 0) {
      queue.isDue = false;
      queue.stop?.();
      queue.stop = null;
    }
    return sealed.length === 0 ? jobs : [...sealed.flatMap((one) => jobsOf(one, this.#ports.gateway)), ...jobs];
  }

  async #write(key: string, batch: readonly Job[], attempt: Attempt): Promise<Decision> {
    let changed: AccountChange<unknown>["accounts"] = [];
    const decision = await this.#ports.store.transact(idsOf(key, batch), (view) => {
      const change = decide(batch, view, { ...this.#context(key), ahead: attempt.ahead });
      changed = change.accounts;
      attempt.reserved = change.result.ahead;
      return change;
    });
    for (const [id, account] of changed) this.#known.remember(id, account);
    return decision;
  }

  #context(key: string): Omit<BatchContext, "ahead"> {
    const { calendar, now, gateway } = this.#ports;
    return { key, nowMs: now(), calendar, gateway };
  }

  #answer(
    key: string,
    queue: ReservationQueue,
    { batch, decision }: { readonly batch: readonly Queued[]; readonly decision: Decision },
  ): void {
    const again: Opening[] = [];
    const allowance = decision.ahead === null ? null : this.#allow(queue, decision.ahead);
    for (const [index, job] of batch.entries()) {
      if (job.type !== "open") continue;
      const { request } = job;
      const reserved = decision.reserved[index] ?? null;
      const call = reserved === null ? (allowance?.grant(request) ?? null) : null;
      if (call !== null) job.resolve(new HeldReservation(call, this.#ending));
      else if (reserved === null || (reserved.type === "refused" && this.#mayChange(job, decision.account))) again.push(job);
      else this.#resolve(job, reserved);
    }
    if (again.length === 0) return this.#serve(queue);
    if (queue.allowances.count > 0) {
      queue.givesBack = true;
      queue.isDue = true;
      queue.jobs.unshift(...again);
    } else
      this.#ports.after(SETTLING_MS, () => {
        for (const job of again) this.#add(key, job, true);
      });
  }

  #allow(queue: ReservationQueue, ahead: Ahead): Allowance<OpenRequest> {
    this.#openCount++;
    queue.stopTicking?.();
    queue.stopTicking = null;
    return queue.allowances.add(ahead);
  }

  /** Grants from the allowances what arrived meanwhile. */
  #serve(queue: ReservationQueue): void {
    queue.jobs = queue.jobs.filter((job) => {
      const held = job.type === "open" ? this.#heldAhead(job.request, queue.allowances) : null;
      if (job.type === "open" && held !== null) job.resolve(held);
      return held === null;
    });
  }

  /** Whether a refused call may be granted once allowances have been given back, here or elsewhere. */
  #mayChange(job: Opening, { ahead }: Account): boolean {
    if (ahead === null) return false;
    const nowMs = this.#ports.now();
    job.waitsUntilMs ??= Math.min(ahead.untilMs, nowMs + LONGEST_MS) + LATE_MS;
    return nowMs < job.waitsUntilMs;
  }

  #resolve({ request: asking, resolve }: Opening, reserved: Reserved): void {
    if (reserved.type === "refused") return resolve(reserved);
    this.#openCount++;
    const { atMs, standing, estimate } = reserved;
    resolve(new HeldReservation({ allowance: null, asking, standing, atMs, amounts: estimate.amounts }, this.#ending));
  }

  /** Decides by the last known counters. `wasAsked`: the store may have done it after all, without being able to say so. */
  #locally(key: string, queue: ReservationQueue, { job, wasAsked }: { readonly job: Queued; readonly wasAsked: boolean }): void {
    if (job.type === "open" && this.#ports.storeDown === "refuse") {
      if (wasAsked) this.#postpone(queue, undoing(job.request, this.#ports.now()));
      return job.reject(new StoreError("The store can't be reached."));
    }
    const view = { account: (id: AccountId) => this.#known.get(id), isOpen: () => job.type === "close" };
    const { accounts, opened, result } = decide([job], view, { ...this.#context(key), ahead: null });
    for (const [id, account] of accounts) this.#known.remember(id, account);
    if (job.type !== "open") return this.#postpone(queue, job);
    const [reservation] = opened;
    const [reserved] = result.reserved;
    if (reservation !== undefined) {
      const { session, limits } = job.request;
      this.#postpone(queue, { type: "adopt", reservation, session, limits });
    } else if (wasAsked) this.#postpone(queue, undoing(job.request, this.#ports.now()));
    if (reserved !== null && reserved !== undefined) this.#resolve(job, reserved);
  }

  #postpone(queue: ReservationQueue, job: Adopt | Close): void {
    if (this.#unwritten >= MOST_UNWRITTEN) return;
    this.#unwritten++;
    queue.unwritten.push(job);
  }
}

interface Attempt {
  /** What may be reserved ahead. */
  readonly ahead: BatchContext["ahead"];
  /** What was reserved ahead, as far as is known. */
  reserved: Ahead | null;
}
