// One transaction of a key: calls that begin, calls that have ended, and what is reserved ahead. Pure, so that a store may repeat it.
// Does not wait for anything, or tell anybody the outcome.

import { charge, EMPTY, reserve, settle, type Accounts, type Amounts, type Choice, type Limits, type Reserved } from "./accounts.ts";
import { reserveAhead, type Ahead, type AheadPlan, type Sealed } from "./allowance.ts";
import type { BudgetUnit } from "./client-key.ts";
import type { Account, AccountChange, AccountId, AccountView, Reservation, UsageRow } from "./store.ts";
import type { Calendar } from "./windows.ts";

export interface OpenRequest extends Choice {
  /** The id of the call, also in its usage row. */
  readonly id: string;
  readonly key: string;
  /** Null: the key has no budget for each session. */
  readonly session: string | null;
  readonly limits: Limits;
  readonly rows: RowMaker;
}

export interface RowMaker {
  /** The usage row to write if this process dies. */
  row(isSoft: boolean): UsageRow;
}

export interface Open {
  readonly type: "open";
  readonly request: OpenRequest;
}

export interface Close {
  readonly type: "close";
  readonly id: string;
  readonly session: string | null;
  readonly atMs: number;
  readonly amounts: Amounts;
  readonly real: Amounts | null;
  /** Null: it was one call. */
  readonly ahead: { readonly places: number; readonly unusedCalls: number } | null;
}

/** A reservation that was granted while the store was away. */
export interface Adopt {
  readonly type: "adopt";
  readonly reservation: Reservation;
  readonly session: string | null;
  readonly limits: Limits;
}

export type Job = Open | Close | Adopt;

export interface Decision {
  /** By job. Null: the job does not begin a call, or its call is granted from what is reserved ahead. */
  readonly reserved: readonly (Reserved | null)[];
  readonly ahead: Ahead | null;
  /** The account of the key after the transaction. */
  readonly account: Account;
}

export interface BatchContext {
  /** The key of the whole batch. */
  readonly key: string;
  readonly nowMs: number;
  readonly calendar: Calendar;
  /** The id of this process. */
  readonly gateway: string;
  /** What to reserve ahead where possible, besides the calls that begin. Null: nothing. */
  readonly ahead: Omit<AheadPlan, "amounts"> | null;
}

export function decide(batch: readonly Job[], view: AccountView, at: BatchContext): AccountChange<Decision> {
  const { key, nowMs, calendar, gateway } = at;
  const touched = new Map<string, Account>();
  const opened: Reservation[] = [];
  const closed: string[] = [];
  const read = (scope: string): Account => touched.get(scope) ?? view.account({ key, scope }) ?? EMPTY;
  const keep = (accounts: Accounts, session: string | null): void => {
    touched.set("", accounts.key);
    if (session !== null && accounts.session !== null) touched.set(session, accounts.session);
  };
  const opens: Open[] = [];
  // First what ends, which makes room for what begins.
  for (const job of batch) {
    if (job.type === "open") {
      opens.push(job);
      continue;
    }
    const { session } = job;
    const accounts = { key: read(""), session: session === null ? null : read(session) };
    const isOpen = view.isOpen(idOf(job));
    if (job.type === "close" && isOpen) {
      closed.push(job.id);
      keep(settle(accounts, { ...job, nowMs }), session);
    } else if (job.type === "adopt" && !isOpen) {
      const { reservation, limits } = job;
      opened.push(reservation);
      keep(charge(accounts, limits, { amounts: reservation.amounts, nowMs: reservation.atMs, calendar }), session);
    }
  }
  const found = at.ahead === null ? null : aheadOf(opens, read(""), { ...at, ahead: at.ahead });
  if (found !== null) {
    const { id, atMs, amounts, places } = found.ahead;
    keep(found.accounts, null);
    opened.push({ id, accounts: [{ key, scope: "" }], gateway, atMs, amounts, places, row: null });
  }
  const reserved = batch.map((job) => {
    if (job.type !== "open" || found !== null) return null;
    const { request } = job;
    const { session, asked, soft, limits } = request;
    const one = reserve({ key: read(""), session: session === null ? null : read(session) }, limits, { asked, soft, nowMs, calendar });
    if (one.type === "granted") {
      keep(one.accounts, session);
      opened.push(reservationOf(request, { amounts: one.estimate.amounts, atMs: one.atMs, isSoft: one.standing.isSoft, gateway }));
    }
    return one;
  });
  const accounts = [...touched].map(([scope, account]) => [{ key, scope }, account] as const);
  return { accounts, opened, closed, result: { reserved, ahead: found?.ahead ?? null, account: read("") } };
}

/** Reserves for all calls that begin, and more. Null: they have to be reserved one by one. */
function aheadOf(
  opens: readonly Open[],
  key: Account,
  { ahead: { id, calls, places }, nowMs, calendar }: BatchContext & { readonly ahead: Omit<AheadPlan, "amounts"> },
): ReturnType<typeof reserveAhead> {
  const [first] = opens;
  if (first === undefined) return null;
  const { limits } = first.request;
  if (opens.some(({ request }) => request.limits !== limits || request.session !== null)) return null;
  const largest = (unit: BudgetUnit): number => opens.reduce((most, { request }) => Math.max(most, request.asked.amounts[unit] ?? 0), 0);
  const amounts = { usd: largest("usd"), credits: largest("credits"), tokens: largest("tokens") };
  const wanted = { id, amounts, calls: calls + opens.length, places, nowMs, calendar };
  const found = reserveAhead({ key, session: null }, limits, wanted);
  return found !== null && found.ahead.calls > opens.length && found.ahead.places >= opens.length ? found : null;
}

/** The accounts and reservations that a transaction has to read. */
export function idsOf(
  key: string,
  batch: readonly Job[],
): { readonly accounts: readonly AccountId[]; readonly reservations: readonly string[] } {
  const scopes = new Set([""]);
  const reservations: string[] = [];
  for (const job of batch) {
    scopes.add(sessionOf(job) ?? "");
    if (job.type !== "open") reservations.push(idOf(job));
  }
  return { accounts: [...scopes].map((scope) => ({ key, scope })), reservations };
}

function idOf(job: Job): string {
  return job.type === "open" ? job.request.id : job.type === "adopt" ? job.reservation.id : job.id;
}

function sessionOf(job: Job): string | null {
  return job.type === "open" ? job.request.session : job.session;
}

interface GrantedCall {
  readonly amounts: Amounts;
  readonly atMs: number;
  readonly isSoft: boolean;
  readonly gateway: string;
}

function reservationOf({ id, key, session, rows }: OpenRequest, { amounts, atMs, isSoft, gateway }: GrantedCall): Reservation {
  const accounts = [{ key, scope: "" }, ...(session === null ? [] : [{ key, scope: session }])];
  return { id, accounts, gateway, atMs, amounts, places: null, row: rows.row(isSoft) };
}

/** Closes an allowance: a reservation for each call that still runs, and the end of what it had reserved. */
export function jobsOf({ ahead, unusedCalls, real, running }: Sealed<OpenRequest>, gateway: string): readonly (Adopt | Close)[] {
  const { id, atMs, amounts, places, limits } = ahead;
  const adopted = running.map(({ asking }): Adopt => {
    const reservation = reservationOf(asking, { amounts: asking.asked.amounts, atMs, isSoft: false, gateway });
    return { type: "adopt", reservation, session: null, limits };
  });
  return [...adopted, { type: "close", id, session: null, atMs, amounts, real, ahead: { places, unusedCalls } }];
}

const NOTHING: Amounts = { usd: 0, credits: 0, tokens: 0 };

/** Takes back what the store may have reserved for a call. */
export function undoing({ id, session, asked }: OpenRequest, nowMs: number): Close {
  return { type: "close", id, session, atMs: nowMs, amounts: asked.amounts, real: NOTHING, ahead: null };
}

/** Takes back what the store may have reserved ahead. */
export function undoingAhead({ id, atMs, amounts, places, calls }: Ahead): Close {
  return { type: "close", id, session: null, atMs, amounts, real: NOTHING, ahead: { places, unusedCalls: calls } };
}

/** Settles what a dead process left behind, by its estimate. Null: it belongs to no key. */
export function abandoning({ id, accounts, atMs, amounts, places }: Reservation): { readonly key: string; readonly close: Close } | null {
  const [own] = accounts;
  if (own === undefined) return null;
  const session = accounts.find(({ scope }) => scope !== "")?.scope ?? null;
  const ahead = places === null ? null : { places, unusedCalls: 0 };
  return { key: own.key, close: { type: "close", id, session, atMs, amounts, real: null, ahead } };
}
