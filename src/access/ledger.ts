// Writes usage rows to the store: a queue that is written in small batches, outside the requests. While the store is away, rows wait in a
// spill file, and go to the store in order when it is back, each only once: their ids identify those already there.
// Does not make a call wait, throw into one, or keep more than it may.

import type { After } from "../runtime/ports.ts";
import { StoreError, type Store, type UsageRow } from "./store.ts";

/** Holds rows that can't be written now, in order, beyond the life of the process. Every method may reject. */
export interface Spill {
  /** Appends lines; false: they would exceed its limit, and are left out. */
  append(lines: string): Promise<boolean>;
  /** Some of the oldest lines, including those of processes that are gone, and whether there are more. They stay until `done`. */
  oldest(): Promise<readonly string[]>;
  /** The lines of the last `oldest` have been written. */
  done(): Promise<void>;
}

export interface LedgerPorts {
  readonly store: Pick<Store, "append" | "forget">;
  /** Null: no spill, so only few rows can wait, and only while the process lives. */
  readonly spill: Spill | null;
  readonly after: After;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  /** For the log, once for each change. */
  readonly report: (event: string, fields: Readonly<Record<string, unknown>>) => void;
}

export interface LedgerOptions {
  /** How long rows are kept. Null: for ever. */
  readonly keepMs: number | null;
}

/** How long a row waits for others: about what is lost when the process is killed. */
const GATHER_MS = 50;
/** Rows in a batch, written in about a millisecond: some stores do their work before they return. */
const BATCH = 100;
/** How often a store that is away is tried. */
const RETRY_MS = 1_000;
/** Rows kept in memory, about 1 KB each, where neither the store nor the spill takes them. */
const MOST_WAITING = 10_000;
const FORGET_EVERY_MS = 3_600_000;
/** A program that starts has more important things to do first. */
const FIRST_FORGET_MS = 60_000;

export class Ledger {
  readonly #ports: LedgerPorts;
  readonly #options: LedgerOptions;
  #waiting: UsageRow[] = [];
  /** Cancels the timer of the next turn. Null: none is set. */
  #cancelTimer: (() => void) | null = null;
  #cancelForgetting = (): void => {};
  /** Null: no turn is running. */
  #turn: Promise<void> | null = null;
  /** When to try a store again that did not take the last batch, on the clock of `now`. Null: it took it. */
  #retryAtMs: number | null = null;
  /** Whether the spill may hold rows: at the start, those of an earlier process. */
  #hasSpilled: boolean;
  #isSpillReported = false;
  #lost = 0;
  /** Since the program started. */
  #lostInAll = 0;

  constructor(ports: LedgerPorts, options: LedgerOptions) {
    this.#ports = ports;
    this.#options = options;
    this.#hasSpilled = ports.spill !== null;
  }

  /** Starts to write what an earlier process left, and to remove what has expired. */
  start(): void {
    this.#schedule();
    this.#forgetIn(FIRST_FORGET_MS);
  }

  /** Rows waiting in memory, and rows lost since the program started. */
  get standing(): { readonly waiting: number; readonly lost: number } {
    return { waiting: this.#waiting.length, lost: this.#lostInAll };
  }

  /** The row of a call while it waits in memory. Null: it has gone to the store or the spill, or there is none. */
  waiting(id: string): UsageRow | null {
    return this.#waiting.find((row) => row.id === id) ?? null;
  }

  /** The row will be written soon. Never throws. */
  add(row: UsageRow): void {
    if (this.#waiting.length >= MOST_WAITING) {
      this.#lostInAll++;
      if (this.#lost++ === 0) this.#ports.report("usage rows lost", { reason: "neither the store nor DATA_DIR takes them" });
      return;
    }
    this.#waiting.push(row);
    this.#schedule();
  }

  /** Writes everything that waits, to the spill where the store is away, and stops removing rows. For the end of the process. */
  async stop(): Promise<void> {
    this.#cancelForgetting();
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    await this.#turn;
    for (let before = Infinity; this.#waiting.length > 0 && this.#waiting.length < before;) {
      before = this.#waiting.length;
      await this.#takeTurn();
    }
  }

  #schedule(): void {
    if (this.#turn !== null || this.#cancelTimer !== null) return;
    if (this.#waiting.length === 0 && !this.#hasSpilled) return;
    const isBusy = this.#retryAtMs === null && (this.#waiting.length >= BATCH || this.#hasSpilled);
    this.#cancelTimer = this.#ports.after(isBusy ? 0 : GATHER_MS, () => {
      this.#cancelTimer = null;
      this.#turn = this.#takeTurn().finally(() => {
        this.#turn = null;
        this.#schedule();
      });
    });
  }

  /** Writes one batch. Spilled rows go first; until all of them are written, new rows are spilled behind them. Never rejects. */
  async #takeTurn(): Promise<void> {
    const isDue = this.#retryAtMs === null || this.#ports.now() >= this.#retryAtMs;
    if (this.#hasSpilled && isDue) await this.#writeSpilled();
    if (this.#waiting.length === 0) return;
    const batch = this.#waiting.slice(0, BATCH);
    const isWritten = !this.#hasSpilled && isDue && (await this.#write(batch));
    if (isWritten) this.#waiting.splice(0, batch.length);
    else await this.#spill();
  }

  async #writeSpilled(): Promise<void> {
    const { spill } = this.#ports;
    try {
      const lines = (await spill?.oldest()) ?? [];
      if (lines.length === 0) this.#hasSpilled = false;
      else if (await this.#write(lines.flatMap(rowOf))) await spill?.done();
    } catch (error) {
      this.#hasSpilled = false;
      this.#reportSpill(error);
    }
  }

  /** Whether the store has the rows now. */
  async #write(rows: readonly UsageRow[]): Promise<boolean> {
    const { now, report } = this.#ports;
    try {
      await this.#append(rows);
    } catch (error) {
      if (this.#retryAtMs === null) report("usage rows wait", { reason: messageOf(error) });
      this.#retryAtMs = now() + RETRY_MS;
      return false;
    }
    if (this.#retryAtMs !== null) report("usage rows are written again", this.#lost === 0 ? {} : { lost: this.#lost });
    this.#retryAtMs = null;
    this.#lost = 0;
    return true;
  }

  /** All but the rows that the store can't hold, which must not block the others. */
  async #append(rows: readonly UsageRow[]): Promise<void> {
    try {
      await this.#ports.store.append(rows);
    } catch (error) {
      if (!(error instanceof StoreError) || !error.isUnfit) throw error;
      if (rows.length <= 1) return this.#ports.report("usage row lost", { id: rows[0]?.id, reason: error.message });
      const half = Math.ceil(rows.length / 2);
      await this.#append(rows.slice(0, half));
      await this.#append(rows.slice(half));
    }
  }

  async #spill(): Promise<void> {
    const { spill, report } = this.#ports;
    if (spill === null) return;
    const rows = this.#waiting;
    this.#waiting = [];
    try {
      const isKept = await spill.append(rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
      if (isKept) this.#hasSpilled = true;
      else {
        if (this.#lost === 0) report("usage rows lost", { reason: "too many wait in DATA_DIR" });
        this.#lost += rows.length;
        this.#lostInAll += rows.length;
      }
    } catch (error) {
      this.#waiting = [...rows, ...this.#waiting];
      this.#reportSpill(error);
    }
  }

  #reportSpill(error: unknown): void {
    if (!this.#isSpillReported) this.#ports.report("usage rows can't be kept in DATA_DIR", { reason: messageOf(error) });
    this.#isSpillReported = true;
  }

  /** A failure is retried in an hour. */
  #forgetIn(ms: number): void {
    const { store, now, after } = this.#ports;
    const { keepMs } = this.#options;
    this.#cancelForgetting = after(ms, () => {
      const nowMs = now();
      store.forget(keepMs === null ? null : nowMs - keepMs, nowMs).catch(() => {});
      this.#forgetIn(FORGET_EVERY_MS);
    });
  }
}

/** A process that was killed may have left half a line. */
function rowOf(line: string): UsageRow[] {
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- this program wrote it
    return [JSON.parse(line) as UsageRow];
  } catch {
    return [];
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
