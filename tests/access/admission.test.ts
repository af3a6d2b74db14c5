// Admission: who calls comes first, then the slot, which the settled grant gives back once.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createAdmission } from "../../src/access/admission.ts";
import { Concurrency } from "../../src/access/concurrency.ts";
import { Keys } from "../../src/access/keys.ts";
import { GatewayError } from "../../src/errors.ts";
import { runtime } from "../../src/runtime/runtime.ts";
import { ringOf } from "../support/keys.ts";

const KEYS = new Keys(
  { ring: ringOf(["a-client-key"]), upstreamKey: "fk-of-the-server", anonymous: "off", web: { corsOrigins: [], allowedHosts: [] } },
  runtime.sha256,
);
const NOWHERE = { address: () => null, headers: {} };
const isKind = (kind: string) => (error: unknown) => error instanceof GatewayError && error.kind === kind;

const REQUEST = { ...NOWHERE, keys: ["a-client-key"] };

test("a caller is admitted with a name for the log and the Factory key of the request", () => {
  const caller = createAdmission({
    keys: KEYS,
    concurrency: new Concurrency({ maxCalls: null, maxCallsPerKey: null }),
    limiter: null,
  }).identify(REQUEST);
  assert.deepEqual(caller, { id: "env-1", upstreamKey: "fk-of-the-server" });
});

test("a slot is taken until the call is settled, which counts once; whoever is only known holds none", () => {
  const admission = createAdmission({ keys: KEYS, concurrency: new Concurrency({ maxCalls: 1, maxCallsPerKey: null }), limiter: null });
  const [caller, late] = [admission.identify(REQUEST), admission.identify(REQUEST)];
  const slot = admission.enter(caller);
  assert.throws(() => admission.identify(REQUEST), isKind("overloaded"));
  assert.throws(() => admission.enter(late), isKind("overloaded"));
  slot.release();
  const next = admission.enter(late);
  slot.release();
  assert.throws(() => admission.identify(REQUEST), isKind("overloaded"));
  next.release();
});

test("whoever shows no key is told so, also where no slot is free, and takes none", () => {
  const admission = createAdmission({ keys: KEYS, concurrency: new Concurrency({ maxCalls: 1, maxCallsPerKey: null }), limiter: null });
  assert.throws(() => admission.identify({ ...NOWHERE, keys: [] }), isKind("unauthenticated"));
  admission.enter(admission.identify(REQUEST));
  assert.throws(() => admission.identify({ ...NOWHERE, keys: ["wrong"] }), isKind("unauthenticated"));
});
