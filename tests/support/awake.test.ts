// The clock of the tests' own gateways: what it does not count, and that its timers come in order.

import assert from "node:assert/strict";
import { test } from "node:test";
import { AwakeClock } from "./awake.ts";

test("what a process has slept through has taken no more than a moment", () => {
  const clock = new AwakeClock();
  const beforeMs = clock.now();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  assert.ok(clock.now() - beforeMs <= 10);
});

test("timers come in the order of their times, once each, and not when they were taken back", async () => {
  const clock = new AwakeClock();
  const came: string[] = [];
  // Further behind the other than the clock can go between these lines.
  clock.after(30, () => came.push("second"));
  clock.after(10, () => {
    came.push("first");
    cancelTimer();
  });
  const cancelTimer = clock.after(30, () => came.push("never"));
  await clock.pause(40);
  assert.deepEqual(came, ["first", "second"]);
  assert.ok(clock.now() >= 40);
});
