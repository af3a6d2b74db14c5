// Whether a database is unusable for now, and why. The reason is reported once, and again when another one comes up that only a person can fix.
// Does not decide when to try again.

import type { StoreError } from "../store.ts";

export interface AbsencePorts {
  /** The reason is safe to show. */
  readonly away: (reason: string) => void;
  readonly back: () => void;
}

export class Absence {
  readonly #ports: AbsencePorts;
  #fault: StoreError | null = null;

  constructor(ports: AbsencePorts) {
    this.#ports = ports;
  }

  /** The error that was reported last; null: the database can be used. */
  get fault(): StoreError | null {
    return this.#fault;
  }

  begin(fault: StoreError): void {
    const isNews = this.#fault === null || (fault.remedy !== null && fault.message !== this.#fault.message);
    if (!isNews) return;
    this.#fault = fault;
    this.#ports.away(fault.message);
  }

  end(): void {
    if (this.#fault !== null) this.#ports.back();
    this.#fault = null;
  }
}
