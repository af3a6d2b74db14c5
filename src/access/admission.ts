// Admits a call or refuses it: who calls, whether that caller may, a slot to run in.
// Never does: read a body.

import type { Visitor } from "./anonymous.ts";
import type { CallObserver } from "../telemetry/call-summary.ts";
import type { Concurrency } from "./concurrency.ts";
import type { Caller, Keys } from "./keys.ts";

/** What is known of a request before its body is read. */
export interface AdmissionRequest extends Visitor {
  /** Every credential that counts, in order. */
  readonly keys: readonly string[];
}

export interface Grant {
  readonly caller: Caller;
  /** Gives back what was granted, once, when the call has ended. */
  readonly settle: CallObserver;
}

export interface Admission {
  /**
   * Whoever gets a grant must settle it.
   * @throws GatewayError `unauthenticated`; `overloaded` or `rate-limited` with `retry-after`.
   */
  admit(request: AdmissionRequest): Promise<Grant>;
}

export function createAdmission(keys: Keys, concurrency: Concurrency): Admission {
  return {
    // oxlint-disable-next-line typescript/require-await -- a store of keys or budgets is asked here
    async admit(request) {
      const caller = keys.identify(request.keys, request);
      return { caller, settle: concurrency.enter(caller.id) };
    },
  };
}
