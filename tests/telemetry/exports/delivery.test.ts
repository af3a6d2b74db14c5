// Posting to a collector: what is sent again, after which pause, and when it is given up.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Delivery } from "../../../src/telemetry/exports/delivery.ts";

type Answer = Response | Error | "silence";

/** The clock stands still but for pauses, which are over at once. `answers` come in order, the last one again and again. */
function scripted(answers: readonly Answer[]) {
  const seen: { readonly url: string; readonly init: RequestInit }[] = [];
  const pauses: number[] = [];
  let nowMs = 0;
  const timers: { readonly atMs: number; readonly callback: () => void }[] = [];
  const delivery = new Delivery(
    {
      async fetch(url, init) {
        const answer = answers[Math.min(seen.length, answers.length - 1)] ?? "silence";
        seen.push({ url, init });
        if (answer instanceof Error) throw answer;
        if (answer !== "silence") return answer.clone();
        return new Promise((_, reject) => {
          init.signal?.addEventListener("abort", () => reject(new Error("aborted")));
          advance();
        });
      },
      after(ms, callback) {
        const timer = { atMs: nowMs + ms, callback };
        timers.push(timer);
        if (timers.length > 1) {
          pauses.push(ms);
          queueMicrotask(advance);
        }
        return () => void (timers.includes(timer) && timers.splice(timers.indexOf(timer), 1));
      },
      random: () => 0.5,
    },
    { "x-tenant": "a" },
  );
  function advance(): void {
    const next = timers.toSorted((one, other) => one.atMs - other.atMs)[0];
    if (next === undefined) return;
    timers.splice(timers.indexOf(next), 1);
    nowMs = next.atMs;
    next.callback();
  }
  return { delivery, seen, pauses, timers };
}

const answer = (status: number, headers: Readonly<Record<string, string>> = {}): Response => new Response("{}", { status, headers });

test("what is taken is sent once, as JSON with the headers of the configuration, and follows no redirect", async () => {
  const { delivery, seen, pauses, timers } = scripted([answer(200)]);
  assert.equal(await delivery.send("http://collector/v1/traces", "{}"), true);
  assert.deepEqual(
    seen.map(({ url, init: { method, headers, body, redirect } }) => ({ url, method, headers, body, redirect })),
    [
      {
        url: "http://collector/v1/traces",
        method: "POST",
        headers: { "x-tenant": "a", "content-type": "application/json" },
        body: "{}",
        redirect: "manual",
      },
    ],
  );
  assert.deepEqual([pauses, timers], [[], []]);
});

test("a collector that is busy or can't be reached is asked again, after pauses that grow or that it asks for", async () => {
  const { delivery, seen, pauses } = scripted([answer(503), new Error("refused"), answer(429, { "retry-after": "1" }), answer(200)]);
  assert.equal(await delivery.send("http://collector/v1/traces", "{}"), true);
  assert.deepEqual([seen.length, pauses], [4, [375, 750, 1000]]);
});

test("what it refuses is not sent again", async () => {
  for (const status of [302, 400, 401, 404, 500]) {
    const { delivery, seen } = scripted([answer(status)]);
    assert.equal(await delivery.send("http://collector/v1/traces", "{}"), false);
    assert.equal(seen.length, 1, String(status));
  }
});

test("after five seconds it is given up, in a pause or in the midst of a request", async () => {
  for (const last of [answer(503), answer(503, { "retry-after": "60" }), "silence"] as const) {
    const { delivery, timers } = scripted([last]);
    assert.equal(await delivery.send("http://collector/v1/traces", "{}"), false);
    assert.deepEqual(timers, []);
  }
});

test("while the program ends, what is not taken is sent once more and no further", async () => {
  const { delivery, seen } = scripted([answer(503)]);
  delivery.close();
  assert.equal(await delivery.send("http://collector/v1/traces", "{}"), false);
  assert.equal(seen.length, 2);
});
