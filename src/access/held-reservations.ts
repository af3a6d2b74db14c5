// A reservation held by its call until the call has ended: either part of an allowance, or one of its own.
// Does not settle twice.

import type { Amounts, Reserved, Standing } from "./accounts.ts";
import type { AllowedCall } from "./allowance.ts";
import type { Close, OpenRequest } from "./batch.ts";

export interface Held {
  readonly standing: Standing;
  /** Called when the call has ended; further calls do nothing. Null: by the estimate. */
  settle(real: Amounts | null): void;
}

export type Opened = Held | (Reserved & { readonly type: "refused" });

/** Handles the end of a call that has a reservation of its own. */
export type Ending = (request: OpenRequest, end: Pick<Close, "atMs" | "amounts" | "real">) => void;

/** A reservation of its own. */
interface Alone {
  readonly allowance: null;
  readonly asking: OpenRequest;
  readonly standing: Standing;
  readonly atMs: number;
  readonly amounts: Amounts;
}

export class HeldReservation implements Held {
  readonly standing: Standing;
  readonly #ending: Ending;
  /** Null: the call has ended. */
  #taken: AllowedCall<OpenRequest> | Alone | null;

  constructor(taken: AllowedCall<OpenRequest> | Alone, ending: Ending) {
    this.standing = taken.standing;
    this.#ending = ending;
    this.#taken = taken;
  }

  settle(real: Amounts | null): void {
    const taken = this.#taken;
    this.#taken = null;
    if (taken === null) return;
    const { asking } = taken;
    if (taken.allowance === null) return this.#ending(asking, { atMs: taken.atMs, amounts: taken.amounts, real });
    if (taken.allowance.end(taken, real)) return;
    this.#ending(asking, { atMs: taken.allowance.ahead.atMs, amounts: asking.asked.amounts, real });
  }
}
