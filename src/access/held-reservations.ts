// A reservation as the call that has it holds it, until it has ended: one from what was reserved ahead, or one of its own.
// Never does: settle twice.

import type { Amounts, Reserved, Standing } from "./accounts.ts";
import type { AllowedCall } from "./allowance.ts";
import type { Close, OpenRequest } from "./batch.ts";

export interface Held {
  readonly standing: Standing;
  /** When the call has ended; said again, it does nothing. Null: by the estimate. */
  settle(real: Amounts | null): void;
}

export type Opened = Held | (Reserved & { readonly type: "refused" });

/** Takes the end of a call that has a reservation of its own. */
export type Ending = (request: OpenRequest, end: Pick<Close, "atMs" | "amounts" | "real">) => void;

export class HeldAhead implements Held {
  readonly standing: Standing;
  readonly #ending: Ending;
  /** Null: it has ended. */
  #call: AllowedCall<OpenRequest> | null;

  constructor(call: AllowedCall<OpenRequest>, ending: Ending) {
    this.standing = call.standing;
    this.#ending = ending;
    this.#call = call;
  }

  settle(real: Amounts | null): void {
    const call = this.#call;
    this.#call = null;
    if (call === null || call.allowance.end(call, real)) return;
    const { allowance, asking } = call;
    this.#ending(asking, { atMs: allowance.ahead.atMs, amounts: asking.asked.amounts, real });
  }
}

interface Alone {
  readonly request: OpenRequest;
  readonly standing: Standing;
  readonly reserved: Pick<Close, "atMs" | "amounts">;
}

export class HeldAlone implements Held {
  readonly standing: Standing;
  readonly #ending: Ending;
  /** Null: it has ended. */
  #alone: Alone | null;

  constructor(alone: Alone, ending: Ending) {
    this.standing = alone.standing;
    this.#ending = ending;
    this.#alone = alone;
  }

  settle(real: Amounts | null): void {
    const alone = this.#alone;
    this.#alone = null;
    if (alone !== null) this.#ending(alone.request, { ...alone.reserved, real });
  }
}
