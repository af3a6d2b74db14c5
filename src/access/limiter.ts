// Applies the limits of keys to all calls: reserves before a call goes out, settles when it has ended. Wires the parts that do so.
// Does not touch the store for a key that has no limit.

import type { ProtocolId } from "../protocol/canonical.ts";
import type { After } from "../runtime/ports.ts";
import { budgetStates, limitsOf, type Amounts, type BudgetState, type Choice, type Limits } from "./accounts.ts";
import type { KeyGrant } from "./client-key.ts";
import { modelRule, type RuledModel } from "./limit-syntax.ts";
import type { Caller } from "./keys.ts";
import { Lease } from "./lease.ts";
import { hidesRate, limitRefusal, standingHeaders, storeRefusal } from "./limits.ts";
import { OutputMedians, outputsIn } from "./output-medians.ts";
import type { RowMaker } from "./batch.ts";
import type { Held, Opened } from "./held-reservations.ts";
import { Reservations, type ReservationPorts } from "./reservations.ts";
import { StoreError, type Store } from "./store.ts";
import { Calendar } from "./windows.ts";

export interface LimiterPorts {
  readonly store: Store;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  readonly after: After;
  /** See ReservationPorts. Absent: at once. */
  readonly soon?: ReservationPorts["soon"] | undefined;
  /** A UUID. */
  readonly newId: () => string;
}

export interface LimiterSettings {
  /** Whether calls go on while the store is away. */
  readonly storeDown: "serve" | "refuse";
  /** Whether usage rows are kept. */
  readonly ledger: boolean;
}

export interface ReservationRequest extends Choice, RowMaker {
  /** The id of the call, also in its usage row. */
  readonly id: string;
  readonly limits: Limits;
  /** The id of the session; called only where a budget is for each session. */
  session(): string;
  readonly protocol: ProtocolId;
  readonly isCodex: boolean;
}

export interface Granted {
  /** Whether it was granted for the cheaper model. */
  readonly isSoft: boolean;
  /** For the answer. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whether an upstream's header is about a limit that the key has itself. */
  hides(header: string): boolean;
  /** Called when the call has ended; further calls do nothing. Null: by the estimate. */
  settle(real: Amounts | null): void;
}

/** Derived from a grant, once. */
interface Rules {
  readonly limits: Limits | null;
  /** Null: any model. */
  readonly mayUse: ((model: RuledModel) => boolean) | null;
}

export class Limiter {
  readonly outputs: OutputMedians;
  readonly #ports: LimiterPorts;
  readonly #settings: LimiterSettings;
  readonly #calendar = new Calendar();
  readonly #reservations: Reservations;
  readonly #lease: Lease;
  readonly #rules = new WeakMap<KeyGrant, Rules>();

  constructor(ports: LimiterPorts, settings: LimiterSettings) {
    const { store, now, after, newId, soon = atOnce } = ports;
    this.#ports = ports;
    this.#settings = settings;
    const gateway = newId();
    this.#lease = new Lease(
      { store, gateway, now, after },
      {
        isNeeded: () => this.#reservations.openCount > 0 || this.#reservations.isBehind,
        reached: () => this.#reservations.catchUp(),
        abandoned: async (reservation) => {
          const { row } = reservation;
          if (settings.ledger && row !== null) await store.append([row]).catch(ignoreUnstorable);
          this.#reservations.abandon(reservation);
        },
      },
    );
    this.#reservations = new Reservations({
      store,
      now,
      after,
      soon,
      calendar: this.#calendar,
      gateway,
      storeDown: settings.storeDown,
      beforeOpening: () => this.#lease.ensure(),
    });
    this.outputs = new OutputMedians(outputsIn(store, now));
  }

  /** Starts to settle what dead processes leave behind. */
  start(): void {
    this.#lease.start();
  }

  /** Resolves when nothing is being written. */
  idle(): Promise<void> {
    return this.#reservations.idle();
  }

  /** Called once no call runs any more: resolves when all are settled in the store, or it is away. */
  async close(): Promise<void> {
    this.#lease.stop();
    await this.idle();
  }

  /** @throws GatewayError `overloaded` while the store is away, with STORE_DOWN=refuse. */
  checkStore(): void {
    if (this.#settings.storeDown === "refuse" && this.#ports.store.state() === "unreachable") throw storeRefusal(null);
  }

  /** Null: this caller has no counted limits. */
  limitsOf({ grant }: Caller): Limits | null {
    return grant === undefined ? null : this.#rulesOf(grant).limits;
  }

  /** The states of a caller's budgets, reserved amounts included; without those for single sessions. */
  async budgetsOf(caller: Caller): Promise<readonly BudgetState[]> {
    const limits = this.limitsOf(caller);
    const budgets = limits?.budgets.filter(({ period }) => period !== "session") ?? [];
    if (limits === null || budgets.length === 0) return [];
    const key = await this.#reservations.account(caller.id);
    return budgetStates({ key, session: null }, { ...limits, budgets }, { nowMs: this.#ports.now(), calendar: this.#calendar });
  }

  /** Which models this caller may use. Null: any. */
  modelRule({ grant }: Caller): ((model: RuledModel) => boolean) | null {
    return grant === undefined ? null : this.#rulesOf(grant).mayUse;
  }

  #rulesOf(grant: KeyGrant): Rules {
    const known = this.#rules.get(grant);
    if (known !== undefined) return known;
    const { models } = grant.rules;
    const rules = { limits: limitsOf(grant), mayUse: models === null || models.length === 0 ? null : modelRule(models) };
    this.#rules.set(grant, rules);
    return rules;
  }

  /** Returns no promise where the store need not be asked. Rejects with a GatewayError that says which limit refused the call. */
  reserve({ id: key }: Caller, ask: ReservationRequest): Granted | Promise<Granted> {
    const { id, limits, asked, soft } = ask;
    const session = isBySession(limits) ? ask.session() : null;
    const opened = this.#reservations.open({ id, key, session, limits, rows: ask, asked, soft });
    return opened instanceof Promise ? this.#grantedLater(opened, key, ask) : this.#granted(opened, key, ask);
  }

  async #grantedLater(opening: Promise<Opened>, key: string, ask: ReservationRequest): Promise<Granted> {
    let opened: Opened;
    try {
      opened = await opening;
    } catch (error) {
      throw error instanceof StoreError ? storeRefusal(error) : error;
    }
    return this.#granted(opened, key, ask);
  }

  #granted(opened: Opened, key: string, { limits, soft, protocol, isCodex }: ReservationRequest): Granted {
    const place = { nowMs: this.#ports.now(), calendar: this.#calendar, zone: limits.zone };
    if ("refusal" in opened) throw limitRefusal(opened.refusal, { ...place, who: key, isCodex });
    return new GrantedCall(opened, {
      limits,
      isSoft: opened.standing.isSoft && soft !== null,
      headers: standingHeaders(opened.standing, protocol, place),
    });
  }
}

class GrantedCall implements Granted {
  readonly isSoft: boolean;
  readonly headers: Granted["headers"];
  readonly #limits: Limits;
  readonly #held: Held;

  constructor(held: Held, { limits, isSoft, headers }: Pick<Granted, "isSoft" | "headers"> & { readonly limits: Limits }) {
    this.isSoft = isSoft;
    this.headers = headers;
    this.#limits = limits;
    this.#held = held;
  }

  hides(header: string): boolean {
    return hidesRate(this.#limits, header);
  }

  settle(real: Amounts | null): void {
    this.#held.settle(real);
  }
}

function isBySession({ budgets }: Limits): boolean {
  for (const { period } of budgets) if (period === "session") return true;
  return false;
}

/** A row that no store takes must not keep its reservation open, nor those behind it. */
function ignoreUnstorable(error: unknown): void {
  if (!(error instanceof StoreError) || !error.isUnfit) throw error;
}

function atOnce(callback: () => void): void {
  callback();
}
