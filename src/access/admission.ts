// Admits a call or refuses it: who calls and whether that caller may, then a slot to run in.
// Does not read a body.

import type { Visitor } from "./anonymous.ts";
import type { Concurrency, Slot } from "./concurrency.ts";
import type { Caller, Keys } from "./keys.ts";
import type { Limiter } from "./limiter.ts";

/** What is known of a request before its body is read. */
export interface AdmissionRequest extends Visitor {
  /** Every credential that counts, in order. */
  readonly keys: readonly string[];
}

export interface Admission {
  /**
   * Who calls, before the body is read.
   * @throws GatewayError `unauthenticated`, `forbidden`; what `enter` throws, where no slot is free now; `overloaded` where the store is away
   * and calls have to wait for it.
   */
  identify(request: AdmissionRequest): Caller;
  /** Once more, behind what `identify` threw: the store may know the key by now. Rejects with that, or as `identify` throws. */
  identifyAgain(request: AdmissionRequest, refused: unknown): Promise<Caller>;
  /**
   * Takes a slot for a call that could run at once: one whose body takes its time holds nobody up. It is to be given back when it has ended.
   * @throws GatewayError `overloaded` or `rate-limited` with `retry-after`.
   */
  enter(caller: Caller): Slot;
}

export interface AdmissionPorts {
  readonly keys: Keys;
  readonly concurrency: Concurrency;
  /** Null: there is no store. */
  readonly limiter: Pick<Limiter, "checkStore"> | null;
}

export function createAdmission({ keys, concurrency, limiter }: AdmissionPorts): Admission {
  return {
    identify(request) {
      limiter?.checkStore();
      const caller = keys.identify(request.keys, request);
      concurrency.check(caller.id);
      return caller;
    },
    async identifyAgain(request, refused) {
      const caller = await keys.identifyAgain(request, refused);
      concurrency.check(caller.id);
      return caller;
    },
    enter: (caller) => concurrency.enter(caller.id),
  };
}
