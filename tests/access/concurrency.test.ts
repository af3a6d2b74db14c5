// Calls at the same time: in all, of one key, and none any more once the program is about to stop.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../src/errors.ts";
import { Concurrency } from "../../src/access/concurrency.ts";

interface Refusal {
  readonly kind: string;
  readonly status: number;
  readonly message: string;
  readonly retryAfter: string | undefined;
}

/** What a call that is not let in is told. */
function refusalOf(concurrency: Concurrency, callerId: string): Refusal {
  try {
    concurrency.enter(callerId);
  } catch (error) {
    assert.ok(error instanceof GatewayError);
    return { kind: error.kind, status: error.status, message: error.message, retryAfter: error.headers["retry-after"] };
  }
  return assert.fail("was let in");
}

test("without limits everybody comes in", () => {
  const concurrency = new Concurrency({ maxCalls: null, maxCallsPerKey: null });
  for (let count = 0; count < 10_000; count++) concurrency.enter("caller");
  assert.equal(concurrency.isDraining, false);
});

test("a call too many is told the limit and when to come back; one that ends makes room for one", () => {
  const concurrency = new Concurrency({ maxCalls: 2, maxCallsPerKey: null });
  const slot = concurrency.enter("a");
  concurrency.enter("b");
  const message = "The server is already running 2 calls, its limit (MAX_CALLS).";
  assert.deepEqual(refusalOf(concurrency, "c"), { kind: "overloaded", status: 503, message, retryAfter: "1" });
  slot.release();
  concurrency.enter("c");
  refusalOf(concurrency, "d");
});

test("a key's calls are counted for that key alone", () => {
  const concurrency = new Concurrency({ maxCalls: null, maxCallsPerKey: 1 });
  const slot = concurrency.enter("a");
  concurrency.enter("b");
  const message = "This key already has 1 calls running, its limit (MAX_CALLS_PER_KEY).";
  assert.deepEqual(refusalOf(concurrency, "a"), { kind: "rate-limited", status: 429, message, retryAfter: "1" });
  slot.release();
  concurrency.enter("a");
});

test("a call that leaves twice leaves once", () => {
  const concurrency = new Concurrency({ maxCalls: 2, maxCallsPerKey: 2 });
  const slot = concurrency.enter("a");
  concurrency.enter("a");
  slot.release();
  slot.release();
  concurrency.enter("a");
  refusalOf(concurrency, "a");
});

test("a call that was refused is not counted", () => {
  const concurrency = new Concurrency({ maxCalls: null, maxCallsPerKey: 1 });
  const slot = concurrency.enter("a");
  refusalOf(concurrency, "a");
  slot.release();
  concurrency.enter("a");
});

test("draining lets nobody in, and is over when the last call has left", async () => {
  const concurrency = new Concurrency({ maxCalls: null, maxCallsPerKey: null });
  const slots = [concurrency.enter("a"), concurrency.enter("b")];
  let isOver = false;
  const drained = concurrency.drain().then(() => (isOver = true));
  const message = "The server is stopping and accepts no new calls.";
  assert.deepEqual(refusalOf(concurrency, "c"), { kind: "stopped", status: 503, message, retryAfter: "5" });
  assert.equal(concurrency.isDraining, true);
  for (const slot of slots) {
    await Promise.resolve();
    assert.equal(isOver, false);
    slot.release();
  }
  await drained;
});

test("draining an idle program is over at once", async () => {
  await new Concurrency({ maxCalls: 1, maxCallsPerKey: 1 }).drain();
});

test("other limits count the same calls: those that run already, and where they end", async () => {
  const before = new Concurrency({ maxCalls: 10, maxCallsPerKey: null });
  const slots = [before.enter("a"), before.enter("a")];
  const after = before.within({ maxCalls: 10, maxCallsPerKey: 2 });
  assert.equal(refusalOf(after, "a").message, "This key already has 2 calls running, its limit (MAX_CALLS_PER_KEY).");
  slots.pop()?.release();
  slots.push(after.enter("a"));
  let isIdle = false;
  void before.drain().then(() => (isIdle = true));
  assert.ok(after.isDraining);
  for (const slot of slots) slot.release();
  await Promise.resolve();
  assert.ok(isIdle);
});
