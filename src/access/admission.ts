// Admits a call or refuses it: who calls, whether that caller may, and whether a slot is free.
// Does not read a body.

import type { Visitor } from "./anonymous.ts";
import type { Concurrency, Slot } from "./concurrency.ts";
import type { Caller, Keys } from "./keys.ts";
import type { Limiter } from "./limiter.ts";

/** What is known of a request before its body is read. */
export interface AdmissionRequest extends Visitor {
  /** The credentials that count, in order. */
  readonly keys: readonly string[];
}

export interface Admission {
  /**
   * Identifies the caller, before the body is read.
   * @throws GatewayError `unauthenticated` or `forbidden`; what `enter` throws, where no slot is free now; `overloaded` where the store is away
   * and calls have to wait for it.
   */
  identify(request: AdmissionRequest): Caller;
  /** Tries again after `identify` threw: the store may know the key by now. Rejects with the same error, or as `identify` throws. */
  identifyAgain(request: AdmissionRequest, refused: unknown): Promise<Caller>;
  /**
   * Takes a slot for a call that is ready to run, since a body that comes slowly must not hold a slot. Give it back when the call has ended.
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
