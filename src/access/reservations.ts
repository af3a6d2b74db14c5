// Reserves what calls may use and settles it when they have ended, through a store that gateways share. Calls of one key go through it one batch
// after the other, so that each sees what the ones before it took. While the store is away, what is known of a key goes on being counted here, and
// is written when the store is back.
// Never does: fail a call because the store is away, or count a call twice.

import { charge, EMPTY, reserve, settle, type Accounts, type Amounts, type Choice, type Limits, type Reserved } from "./accounts.ts";
import {
  StoreError,
  type Account,
  type AccountChange,
  type AccountId,
  type AccountView,
  type Reservation,
  type Store,
  type UsageRow,
} from "./store.ts";
import type { After } from "../runtime/ports.ts";
import type { Calendar } from "./windows.ts";

export interface ReservationPorts {
  readonly store: Pick<Store, "transact" | "account" | "state">;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  readonly calendar: Calendar;
  readonly after: After;
  /** Calls back when what has come in by now has been looked at: calls that came together go together. */
  readonly soon: (callback: () => void) => void;
  /** The name of this process. */
  readonly gateway: string;
  /** Whether calls go on while the store is away. */
  readonly storeDown: "serve" | "refuse";
  /** Told before a reservation is written: see to it that the store knows that this process lives. Rejects with StoreError. */
  readonly beforeOpening: () => Promise<void>;
}

export interface OpenRequest extends Choice {
  /** Names the call, also in its usage row. */
  readonly id: string;
  readonly key: string;
  /** Null: no budget is for each session. */
  readonly session: string | null;
  readonly limits: Limits;
  /** The usage rows to be written if this process dies. */
  readonly rows: { readonly asked: UsageRow; readonly soft: UsageRow | null };
}

/** A reservation as its owner holds it. */
export interface Held {
  readonly reserved: Reserved & { readonly type: "granted" };
  /** Once, when the call has ended. Null: by the estimate. */
  readonly settle: (real: Amounts | null) => void;
}

export type Opened = Held | (Reserved & { readonly type: "refused" });

interface Close {
  readonly type: "close";
  readonly id: string;
  readonly session: string | null;
  readonly atMs: number;
  readonly amounts: Amounts;
  readonly real: Amounts | null;
}

interface Open {
  readonly type: "open";
  readonly request: OpenRequest;
  readonly resolve: (reserved: Reserved) => void;
  readonly reject: (error: unknown) => void;
}

/** What was granted while the store was away. */
interface Adopt {
  readonly type: "adopt";
  readonly reservation: Reservation;
  readonly session: string | null;
  readonly limits: Limits;
}

type Job = Open | Close | Adopt;

interface Queue {
  jobs: Job[];
  /** Whether one of the jobs can't wait. */
  isDue: boolean;
  /** Set while a timer will make it due. */
  stop: (() => void) | null;
  /** What could not be written, in order. */
  unwritten: (Adopt | Close)[];
  isRunning: boolean;
}

/**
 * How long the end of a call may wait for the beginning of the key's next one, with which it is written; meanwhile its estimate counts. Of a
 * process that dies meanwhile it is settled by its estimate.
 */
const SETTLING_MS = 50;
/** How many calls go into one transaction. */
const MOST_AT_ONCE = 500;
/** Accounts whose last counters are kept for the time when the store is away. */
const MOST_KNOWN = 10_000;
/** What all keys together may leave unwritten; what is more is forgotten. */
const MOST_UNWRITTEN = 50_000;

export class Reservations {
  readonly #ports: ReservationPorts;
  readonly #queues = new Map<string, Queue>();
  /** Those that changed last stand last. */
  readonly #known = new Map<string, Account>();
  #onIdle: (() => void)[] = [];
  /** Reservations of this process that are not settled. */
  #openCount = 0;
  #unwritten = 0;

  constructor(ports: ReservationPorts) {
    this.#ports = ports;
  }

  get openCount(): number {
    return this.#openCount;
  }

  /** Whether something waits for the store to be back. */
  get isBehind(): boolean {
    return this.#unwritten > 0;
  }

  /** Rejects with StoreError while the store is away and `storeDown` is `refuse`. */
  async open(request: OpenRequest): Promise<Opened> {
    const reserved = await new Promise<Reserved>((resolve, reject) => {
      this.#add(request.key, { type: "open", request, resolve, reject }, true);
    });
    if (reserved.type === "refused") return reserved;
    this.#openCount++;
    let isSettled = false;
    return {
      reserved,
      settle: (real) => {
        if (isSettled) return;
        isSettled = true;
        this.#openCount--;
        const { id, key, session, limits } = request;
        // Others may be waiting for the place of this call.
        const isDue = limits.parallel !== null && 2 * this.#running(key) >= limits.parallel;
        this.#add(key, { type: "close", id, session, atMs: reserved.atMs, amounts: reserved.wish.amounts, real }, isDue);
      },
    };
  }

  /** What a key has used; while the store is away, as last known. */
  async account(key: string): Promise<Account> {
    const id = { key, scope: "" };
    try {
      return (await this.#ports.store.account(id)) ?? EMPTY;
    } catch (error) {
      if (error instanceof StoreError) return this.#known.get(nameOf(id)) ?? EMPTY;
      throw error;
    }
  }

  /** How many calls of a key run, as far as is known here. */
  #running(key: string): number {
    return this.#known.get(nameOf({ key, scope: "" }))?.running ?? Infinity;
  }

  /** Settles what a process that died left behind, by its estimate. */
  abandon({ id, accounts, atMs, amounts }: Reservation): void {
    const [own] = accounts;
    const session = accounts.find(({ scope }) => scope !== "")?.scope ?? null;
    if (own !== undefined) this.#add(own.key, { type: "close", id, session, atMs, amounts, real: null }, true);
  }

  /** Writes what waits, if the store is back. */
  catchUp(): void {
    for (const [key, queue] of this.#queues) if (queue.unwritten.length > 0) this.#start(key, queue);
  }

  /** Writes what waits; resolves when that is done, or the store is away. */
  idle(): Promise<void> {
    for (const [key, queue] of this.#queues) if (queue.jobs.length > 0) this.#due(key, queue);
    if (![...this.#queues.values()].some(({ isRunning }) => isRunning)) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  #add(key: string, job: Job, isDue: boolean): void {
    let queue = this.#queues.get(key);
    if (queue === undefined) this.#queues.set(key, (queue = { jobs: [], isDue: false, stop: null, unwritten: [], isRunning: false }));
    const { jobs } = queue;
    jobs.push(job);
    if (isDue || jobs.length >= MOST_AT_ONCE) return this.#due(key, queue);
    const waiting = queue;
    queue.stop ??= this.#ports.after(SETTLING_MS, () => {
      waiting.stop = null;
      this.#due(key, waiting);
    });
  }

  #due(key: string, queue: Queue): void {
    queue.isDue = true;
    this.#start(key, queue);
  }

  #start(key: string, queue: Queue): void {
    if (queue.isRunning) return;
    queue.isRunning = true;
    this.#ports.soon(() => void this.#run(key, queue));
  }

  async #run(key: string, queue: Queue): Promise<void> {
    let isReached = true;
    while (queue.isDue || (isReached && queue.unwritten.length > 0)) isReached = await this.#next(key, queue);
    queue.isRunning = false;
    if (queue.jobs.length === 0 && queue.unwritten.length === 0) this.#queues.delete(key);
    if ([...this.#queues.values()].some(({ isRunning }) => isRunning)) return;
    for (const resolve of this.#onIdle) resolve();
    this.#onIdle = [];
  }

  /** One batch. Whether the store was reached. */
  async #next(key: string, queue: Queue): Promise<boolean> {
    const { store } = this.#ports;
    if (store.state() === "unreachable") {
      for (const job of taken(queue)) this.#locally(key, queue, { job, wasAsked: false });
      return false;
    }
    // Never an opening together with its end: after a transaction whose outcome nobody heard of, both would be done again.
    const adopted = queue.unwritten.filter((job) => job.type === "adopt").slice(0, MOST_AT_ONCE);
    const isLate = adopted.length > 0;
    const late = isLate ? adopted : queue.unwritten.slice(0, MOST_AT_ONCE);
    const jobs = isLate ? [] : taken(queue, MOST_AT_ONCE - late.length);
    const batch: readonly Job[] = [...late, ...jobs];
    let results: readonly (Reserved | null)[];
    try {
      if (batch.some(({ type }) => type !== "close")) await this.#ports.beforeOpening();
      results = await this.#write(key, batch);
    } catch (error) {
      const isAway = error instanceof StoreError;
      for (const job of jobs) {
        if (isAway || job.type !== "open") this.#locally(key, queue, { job, wasAsked: true });
        else job.reject(error);
      }
      for (const job of taken(queue)) this.#locally(key, queue, { job, wasAsked: false });
      return false;
    }
    const written = new Set<Job>(late);
    if (late.length > 0) queue.unwritten = queue.unwritten.filter((job) => !written.has(job));
    this.#unwritten -= late.length;
    for (const [index, job] of batch.entries()) {
      const result = results[index];
      if (job.type === "open" && result !== null && result !== undefined) job.resolve(result);
    }
    return true;
  }

  #write(key: string, batch: readonly Job[]): Promise<readonly (Reserved | null)[]> {
    const scopes = new Set([""]);
    const reservations: string[] = [];
    for (const job of batch) {
      scopes.add(sessionOf(job) ?? "");
      if (job.type !== "open") reservations.push(idOf(job));
    }
    const accounts = [...scopes].map((scope) => ({ key, scope }));
    let changed: AccountChange<unknown>["accounts"] = [];
    const decide = (view: AccountView): AccountChange<readonly (Reserved | null)[]> => {
      const change = this.#decide(key, batch, view);
      changed = change.accounts;
      return change;
    };
    return this.#ports.store.transact({ accounts, reservations }, decide).then((results) => {
      for (const [id, account] of changed) this.#remember(id, account);
      return results;
    });
  }

  #decide(key: string, batch: readonly Job[], view: AccountView): AccountChange<readonly (Reserved | null)[]> {
    const { calendar, now, gateway } = this.#ports;
    const nowMs = now();
    const touched = new Map<string, Account>();
    const opened: Reservation[] = [];
    const closed: string[] = [];
    const read = (scope: string): Account => touched.get(scope) ?? view.account({ key, scope }) ?? EMPTY;
    const keep = (accounts: Accounts, session: string | null): void => {
      touched.set("", accounts.key);
      if (session !== null && accounts.session !== null) touched.set(session, accounts.session);
    };
    const result = batch.map((job) => {
      const session = sessionOf(job);
      const accounts = { key: read(""), session: session === null ? null : read(session) };
      if (job.type === "open") {
        const { request } = job;
        const reserved = reserve(accounts, request.limits, { asked: request.asked, soft: request.soft, nowMs, calendar });
        if (reserved.type === "granted") {
          keep(reserved.accounts, session);
          opened.push(reservationOf(request, reserved, gateway));
        }
        return reserved;
      }
      const isOpen = view.isOpen(idOf(job));
      if (job.type === "close" && isOpen) {
        closed.push(job.id);
        keep(settle(accounts, { ...job, nowMs }), session);
      } else if (job.type === "adopt" && !isOpen) {
        const { reservation, limits } = job;
        opened.push(reservation);
        keep(charge(accounts, limits, { amounts: reservation.amounts, nowMs: reservation.atMs, calendar }), session);
      }
      return null;
    });
    const accounts = [...touched].map(([scope, account]) => [{ key, scope }, account] as const);
    return { accounts, opened, closed, result };
  }

  /** By the last known counters. `wasAsked`: the store may have done it all the same, and not have got to say so. */
  #locally(key: string, queue: Queue, { job, wasAsked }: { readonly job: Job; readonly wasAsked: boolean }): void {
    if (job.type === "open" && this.#ports.storeDown === "refuse") {
      if (wasAsked) this.#postpone(queue, undoing(job.request, this.#ports.now()));
      return job.reject(new StoreError("The store can't be reached."));
    }
    const { accounts, opened, result } = this.#decide(key, [job], {
      account: (id) => this.#known.get(nameOf(id)) ?? null,
      isOpen: () => true,
    });
    for (const [id, account] of accounts) this.#remember(id, account);
    if (job.type !== "open") return this.#postpone(queue, job);
    const [reservation] = opened;
    const [reserved] = result;
    if (reservation !== undefined) {
      const { session, limits } = job.request;
      this.#postpone(queue, { type: "adopt", reservation, session, limits });
    } else if (wasAsked) this.#postpone(queue, undoing(job.request, this.#ports.now()));
    if (reserved !== null && reserved !== undefined) job.resolve(reserved);
  }

  #postpone(queue: Queue, job: Adopt | Close): void {
    if (this.#unwritten >= MOST_UNWRITTEN) return;
    this.#unwritten++;
    queue.unwritten.push(job);
  }

  #remember(id: AccountId, account: Account): void {
    const name = nameOf(id);
    this.#known.delete(name);
    this.#known.set(name, account);
    if (this.#known.size <= MOST_KNOWN) return;
    for (const oldest of this.#known.keys()) return void this.#known.delete(oldest);
  }
}

/** The next jobs of a queue; what is left stays due. */
function taken(queue: Queue, most = Infinity): Job[] {
  const jobs = queue.jobs.splice(0, most);
  if (queue.jobs.length > 0) return jobs;
  queue.isDue = false;
  queue.stop?.();
  queue.stop = null;
  return jobs;
}

function nameOf({ key, scope }: AccountId): string {
  return `${key}\n${scope}`;
}

function idOf(job: Job): string {
  return job.type === "open" ? job.request.id : job.type === "adopt" ? job.reservation.id : job.id;
}

function sessionOf(job: Job): string | null {
  return job.type === "open" ? job.request.session : job.session;
}

function reservationOf({ id, key, session, rows }: OpenRequest, reserved: Reserved & { type: "granted" }, gateway: string): Reservation {
  const { wish, atMs, standing } = reserved;
  const accounts = [{ key, scope: "" }, ...(session === null ? [] : [{ key, scope: session }])];
  const row = (standing.isSoft ? rows.soft : null) ?? rows.asked;
  return { id, accounts, gateway, atMs, amounts: wish.amounts, row };
}

/** Takes back what the store may have reserved. */
function undoing({ id, session, asked }: OpenRequest, nowMs: number): Close {
  return { type: "close", id, session, atMs: nowMs, amounts: asked.amounts, real: NOTHING };
}

const NOTHING: Amounts = { usd: 0, credits: 0, tokens: 0 };
