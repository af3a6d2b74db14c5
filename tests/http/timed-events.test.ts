// The stream that shows whether something in front of the server holds streams back.

import assert from "node:assert/strict";
import { test } from "node:test";
import { timedEvents } from "../../src/http/timed-events.ts";

test("five events, each a pause of 150 ms behind the one before, and the last says that it is", async () => {
  const pauses: number[] = [];
  const stream = timedEvents((ms, callback) => {
    pauses.push(ms);
    queueMicrotask(callback);
    return () => {};
  });
  const text = await new Response(stream).text();
  assert.deepEqual(
    text
      .trim()
      .split("\n\n")
      .map((event) => event.split("\n")),
    [1, 2, 3, 4, 5].map((number) => [`event: ${number === 5 ? "end" : "tick"}`, `data: {"number":${number}}`]),
  );
  assert.deepEqual(pauses, [150, 150, 150, 150]);
});

test("whoever leaves is waited for no longer", async () => {
  let running = 0;
  const reader = timedEvents(() => {
    running++;
    return () => running--;
  }).getReader();
  await reader.read();
  void reader.read();
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.equal(running, 1);
  await reader.cancel();
  assert.equal(running, 0);
});
