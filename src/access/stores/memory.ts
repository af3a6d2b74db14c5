// The store of one process that keeps nothing: what is left where no database can be used. Remembers the newest rows, and what the others
// came to in their day.

// oxlint-disable typescript/require-await -- the interface answers later, and an error has to reject

import type { KeyRecord } from "../client-key.ts";
import type {
  Account,
  AccountChange,
  AccountId,
  AccountView,
  Reservation,
  RowQuery,
  Store,
  UsageFilter,
  UsageQuery,
  UsageRow,
  UsageSum,
} from "../store.ts";
import { DAY_MS, HOUR_MS, offsetsOf } from "./calendar.ts";
import { add, amountsOf, hasEnded, isAsked, placeOf, sumSignatureOf, UsageGroups, type Amounts, type UsageKind } from "./usage-groups.ts";

const MOST_ROWS = 10_000;
/** Clients choose the names of sessions and models; what is more than this begins anew, or is added up without a name. */
const MOST_SESSIONS = 50_000;
const MOST_SUMS = 10_000;
/** How long reservations of a process that has no lease are its own. */
const LEASE_MS = 20_000;
const HOURS_A_DAY = DAY_MS / HOUR_MS;

interface DaySum {
  readonly day: number;
  readonly kind: UsageKind;
  readonly amounts: Amounts;
}

export class MemoryStore implements Store {
  readonly kind = "memory";
  readonly ready = Promise.resolve();
  readonly #keys = new Map<string, KeyRecord>();
  readonly #watchers = new Set<() => void>();
  /** Of keys. */
  readonly #accounts = new Map<string, Account>();
  /** Of sessions; those that changed last stand last. */
  readonly #sessions = new Map<string, { readonly session: string; readonly account: Account }>();
  readonly #reservations = new Map<string, Reservation>();
  readonly #leases = new Map<string, number>();
  readonly #shared = new Map<string, { readonly value: string; readonly untilMs: number }>();
  /** By id, in the order in which they came. */
  readonly #rows = new Map<string, UsageRow>();
  /** Of the rows that are gone. */
  readonly #days = new Map<string, DaySum>();

  readonly state = (): "ready" => "ready";

  async keys(): Promise<readonly KeyRecord[]> {
    return [...this.#keys.values()].toSorted((one, other) => (one.name < other.name ? -1 : 1));
  }

  async insertKey(record: KeyRecord): Promise<boolean> {
    if (this.#keys.has(record.name)) return false;
    this.#keys.set(record.name, record);
    if (record.hash !== null) this.#beginAnew(record.name);
    this.#tell();
    return true;
  }

  async updateKey(name: string, change: (record: KeyRecord) => KeyRecord | null): Promise<KeyRecord | null> {
    const found = this.#keys.get(name);
    if (found === undefined) return null;
    const changed = change(found);
    this.#keys.delete(name);
    if (changed !== null) this.#keys.set(changed.name, changed);
    else if (found.hash !== null) this.#beginAnew(name);
    this.#tell();
    return changed;
  }

  #beginAnew(key: string): void {
    this.#accounts.delete(key);
    for (const name of this.#sessions.keys()) if (name.startsWith(nameOf({ key, scope: "" }))) this.#sessions.delete(name);
    for (const { id, accounts } of this.#reservations.values())
      if (accounts.some((account) => account.key === key)) this.#reservations.delete(id);
  }

  watch(changed: () => void): () => void {
    this.#watchers.add(changed);
    return () => void this.#watchers.delete(changed);
  }

  #tell(): void {
    for (const changed of this.#watchers) changed();
  }

  async transact<Result>(_ids: unknown, decide: (view: AccountView) => AccountChange<Result>): Promise<Result> {
    const change = decide({
      account: (id) => this.#accountOf(id),
      isOpen: (id) => this.#reservations.has(id),
    });
    for (const [id, account] of change.accounts) this.#keep(id, account);
    for (const reservation of change.opened) this.#reservations.set(reservation.id, reservation);
    for (const id of change.closed) this.#reservations.delete(id);
    return change.result;
  }

  async account(id: AccountId): Promise<Account | null> {
    return this.#accountOf(id);
  }

  #accountOf(id: AccountId): Account | null {
    return (id.scope === "" ? this.#accounts.get(id.key) : this.#sessions.get(nameOf(id))?.account) ?? null;
  }

  #keep(id: AccountId, account: Account): void {
    if (id.scope === "") return void this.#accounts.set(id.key, account);
    this.#sessions.delete(nameOf(id));
    this.#sessions.set(nameOf(id), { session: id.scope, account });
    if (this.#sessions.size <= MOST_SESSIONS) return;
    for (const oldest of this.#sessions.keys()) return void this.#sessions.delete(oldest);
  }

  async renewLease(gateway: string, untilMs: number): Promise<void> {
    this.#leases.set(gateway, untilMs);
  }

  async abandoned(nowMs: number): Promise<readonly Reservation[]> {
    return [...this.#reservations.values()].filter(({ gateway, atMs }) => (this.#leases.get(gateway) ?? atMs + LEASE_MS) < nowMs);
  }

  async append(rows: readonly UsageRow[]): Promise<void> {
    for (const row of rows) if (!this.#rows.has(row.id)) this.#rows.set(row.id, row);
    for (const row of this.#rows.values()) {
      if (this.#rows.size <= MOST_ROWS) break;
      this.#remove(row);
    }
  }

  #remove(row: UsageRow): void {
    this.#rows.delete(row.id);
    const day = Math.floor(row.atMs / DAY_MS);
    const kind = this.#days.size < MOST_SUMS ? row : { ...row, client: null, modelAsked: null, modelServed: null };
    const name = `${day} ${sumSignatureOf(kind)}`;
    const sum = this.#days.get(name);
    if (sum === undefined) this.#days.set(name, { day, kind, amounts: amountsOf(row) });
    else add(sum.amounts, amountsOf(row));
  }

  async sums({ by, zone, ...filter }: UsageQuery): Promise<readonly UsageSum[]> {
    const groups = new UsageGroups(by);
    const rows = [...this.#rows.values()].filter((row) => isFound(row, filter));
    const times = rows.map(({ atMs }) => atMs);
    const toMs = times.reduce((a, b) => Math.max(a, b), 0);
    const offsets = offsetsOf(zone, { fromMs: times.reduce((a, b) => Math.min(a, b), toMs), toMs });
    for (const row of rows) {
      const offsetMs = offsets.find(({ untilMs }) => row.atMs < untilMs)?.offsetMs ?? 0;
      groups.add(placeOf(row, row.session, Math.floor((row.atMs + offsetMs) / HOUR_MS)), amountsOf(row));
    }
    for (const { day, kind, amounts } of this.#days.values()) {
      const noonMs = (day + 0.5) * DAY_MS;
      const isAskedFor = filter.session === null && isAsked(kind, filter) && isWithin(noonMs, filter);
      if (isAskedFor) groups.add(placeOf(kind, null, day * HOURS_A_DAY), amounts);
    }
    return groups.sums();
  }

  async rows({ limit, before, status, text, ...filter }: RowQuery): Promise<readonly UsageRow[]> {
    const part = text?.toLowerCase() ?? "";
    const found = [...this.#rows.values()]
      .filter((row) => isFound(row, filter) && (status === null || hasEnded(row, status)))
      .filter((row) => row.id.toLowerCase().includes(part) || row.requestId.toLowerCase().includes(part))
      .toSorted(newestFirst);
    if (before === null) return found.slice(0, limit);
    const last = this.#rows.get(before);
    return last === undefined ? [] : found.filter((row) => newestFirst(last, row) < 0).slice(0, limit);
  }

  async row(id: string): Promise<UsageRow | null> {
    return this.#rows.get(id) ?? null;
  }

  async forget(beforeMs: number | null, nowMs: number): Promise<void> {
    for (const [name, { untilMs }] of this.#shared) if (untilMs <= nowMs) this.#shared.delete(name);
    if (beforeMs === null) return;
    const floorMs = Math.floor(beforeMs / DAY_MS) * DAY_MS;
    for (const row of this.#rows.values()) if (row.atMs < floorMs) this.#remove(row);
    const known = new Set([...this.#rows.values()].map(({ session }) => session));
    for (const [name, { session }] of this.#sessions) if (!known.has(session)) this.#sessions.delete(name);
  }

  async shared(name: string, nowMs: number): Promise<string | null> {
    const found = this.#shared.get(name);
    return found === undefined || found.untilMs <= nowMs ? null : found.value;
  }

  async share(name: string, value: string, untilMs: number): Promise<void> {
    this.#shared.set(name, { value, untilMs });
  }

  async close(): Promise<void> {
    this.#watchers.clear();
  }
}

function nameOf({ key, scope }: AccountId): string {
  return `${key} ${scope}`;
}

function isFound(row: UsageRow, filter: UsageFilter): boolean {
  return isAsked(row, filter) && isWithin(row.atMs, filter) && (filter.session === null || row.session === filter.session);
}

function isWithin(ms: number, { sinceMs, untilMs }: UsageFilter): boolean {
  return ms >= (sinceMs ?? 0) && ms < (untilMs ?? Infinity);
}

function newestFirst(one: UsageRow, other: UsageRow): number {
  return other.atMs - one.atMs || (one.id === other.id ? 0 : one.id < other.id ? 1 : -1);
}
