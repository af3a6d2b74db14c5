// Calls at the same time: in all, of one key, and none any more once the program is about to stop.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../src/errors.ts";
import { Limits } from "../../src/access/concurrency.ts";

interface Refusal {
  readonly kind: string;
  readonly status: number;
  readonly message: string;
  readonly retryAfter: string | undefined;
}

/** What a call that is not let in is told. */
function refusalOf(limits: Limits, callerId: string): Refusal {
  try {
    limits.enter(callerId);
  } catch (error) {
    assert.ok(error instanceof GatewayError);
    return { kind: error.kind, status: error.status, message: error.message, retryAfter: error.headers["retry-after"] };
  }
  return assert.fail("was let in");
}

test("without limits everybody comes in", () => {
  const limits = new Limits({ maxCalls: null, maxCallsPerKey: null });
  for (let count = 0; count < 10_000; count++) limits.enter("caller");
  assert.equal(limits.isDraining, false);
});

test("a call too many is told the limit and when to come back; one that ends makes room for one", () => {
  const limits = new Limits({ maxCalls: 2, maxCallsPerKey: null });
  const leave = limits.enter("a");
  limits.enter("b");
  const message = "The server runs 2 calls already, its limit (MAX_CALLS).";
  assert.deepEqual(refusalOf(limits, "c"), { kind: "overloaded", status: 503, message, retryAfter: "1" });
  leave();
  limits.enter("c");
  refusalOf(limits, "d");
});

test("a key's calls are counted for that key alone", () => {
  const limits = new Limits({ maxCalls: null, maxCallsPerKey: 1 });
  const leave = limits.enter("a");
  limits.enter("b");
  const message = "This key runs 1 calls already, its limit (MAX_CALLS_PER_KEY).";
  assert.deepEqual(refusalOf(limits, "a"), { kind: "rate-limited", status: 429, message, retryAfter: "1" });
  leave();
  limits.enter("a");
});

test("a call that leaves twice leaves once", () => {
  const limits = new Limits({ maxCalls: 2, maxCallsPerKey: 2 });
  const leave = limits.enter("a");
  limits.enter("a");
  leave();
  leave();
  limits.enter("a");
  refusalOf(limits, "a");
});

test("a call that was refused is not counted", () => {
  const limits = new Limits({ maxCalls: null, maxCallsPerKey: 1 });
  const leave = limits.enter("a");
  refusalOf(limits, "a");
  leave();
  limits.enter("a");
});

test("draining lets nobody in, and is over when the last call has left", async () => {
  const limits = new Limits({ maxCalls: null, maxCallsPerKey: null });
  const leaves = [limits.enter("a"), limits.enter("b")];
  let isOver = false;
  const drained = limits.drain().then(() => (isOver = true));
  const message = "The server is about to stop and takes no new calls.";
  assert.deepEqual(refusalOf(limits, "c"), { kind: "overloaded", status: 503, message, retryAfter: "5" });
  assert.equal(limits.isDraining, true);
  for (const leave of leaves) {
    await Promise.resolve();
    assert.equal(isOver, false);
    leave();
  }
  await drained;
});

test("draining an idle program is over at once", async () => {
  await new Limits({ maxCalls: 1, maxCallsPerKey: 1 }).drain();
});
