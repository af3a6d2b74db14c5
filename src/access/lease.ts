// Reports this process as alive while it has reservations, and settles what dead processes left behind.
// Does not settle what may still be running: a process that lost the store for a while gets time to say that it is alive.

import type { After } from "../runtime/ports.ts";
import type { Reservation, Store } from "./store.ts";

export interface LeasePorts {
  readonly store: Pick<Store, "renewLease" | "abandoned" | "state">;
  readonly gateway: string;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  readonly after: After;
}

export interface LeaseEvents {
  /** Whether this process has reservations. */
  readonly isNeeded: () => boolean;
  /** A reservation of a dead process. May reject with StoreError; then it is reported again later. */
  readonly abandoned: (reservation: Reservation) => Promise<void>;
  /** The store has answered. */
  readonly reached: () => void;
}

const LEASE_MS = 20_000;
const EVERY_MS = 5_000;

export class Lease {
  readonly #ports: LeasePorts;
  readonly #events: LeaseEvents;
  #untilMs = 0;
  /** Since when the store has answered without interruption. */
  #reachedSinceMs: number | null = null;
  #renewing: Promise<void> | null = null;
  #stop = (): void => {};
  #isStopped = false;

  constructor(ports: LeasePorts, events: LeaseEvents) {
    this.#ports = ports;
    this.#events = events;
  }

  start(): void {
    this.#stop = this.#ports.after(EVERY_MS, () => {
      void this.#turn().then(() => {
        if (!this.#isStopped) this.start();
      });
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#stop();
  }

  /** Resolves when the store will take this process for alive for some time. Rejects with StoreError. */
  async ensure(): Promise<void> {
    if (this.#untilMs - this.#ports.now() > LEASE_MS / 2) return;
    await this.#renew();
  }

  #renew(): Promise<void> {
    const { store, gateway, now } = this.#ports;
    const untilMs = now() + LEASE_MS;
    this.#renewing ??= store
      .renewLease(gateway, untilMs)
      .then(() => void (this.#untilMs = untilMs))
      .finally(() => (this.#renewing = null));
    return this.#renewing;
  }

  async #turn(): Promise<void> {
    const { store, gateway, now } = this.#ports;
    try {
      if (this.#events.isNeeded()) await this.#renew();
      const left = await store.abandoned(now());
      this.#reachedSinceMs ??= now();
      this.#events.reached();
      // All who were cut off from the store have had the time to renew their leases.
      if (now() - this.#reachedSinceMs < LEASE_MS) return;
      for (const reservation of left) if (reservation.gateway !== gateway) await this.#events.abandoned(reservation);
    } catch {
      // The store is away, and says so itself.
      this.#reachedSinceMs = null;
    }
  }
}
