// Where the time of a call goes, by a clock that the test turns.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PhaseClock, serverTiming } from "../../src/telemetry/phases.ts";
import { startGateway } from "../support/gateway.ts";

test("each moment belongs to one phase, and all of them come to the total", () => {
  let now = 1000;
  const clock = new PhaseClock(() => now);
  const pass = (ms: number): void => void (now += ms);
  pass(3);
  const before = clock.enter("convert");
  pass(2);
  clock.converted(before);
  pass(1);
  clock.enter("upstream");
  pass(50);
  // A fallback is converted while the upstream is waited for.
  const waiting = clock.enter("convert");
  pass(4);
  clock.converted(waiting);
  pass(40);
  clock.enter("own");
  pass(0.5);
  assert.deepEqual(clock.read(), { admissionMs: 3, convertMs: 6, upstreamMs: 90, ownMs: 1.5, totalMs: 100.5 });
  assert.deepEqual(clock.conversion, { startMs: 3, endMs: 5 });
});

test("what converting the chunks of a stream takes is no time of the upstream's, and of many chunks a sample says it", () => {
  let now = 0;
  const clock = new PhaseClock(() => now);
  clock.enter("upstream");
  for (let chunk = 0; chunk < 160; chunk++) {
    now += 9;
    const startedMs = clock.stepping();
    now += 1;
    clock.stepped(startedMs);
  }
  const { convertMs, upstreamMs, totalMs } = clock.read();
  assert.deepEqual({ convertMs, upstreamMs, totalMs }, { convertMs: 160, upstreamMs: 1440, totalMs: 1600 });
});

test("a sample that says more than there is takes nothing from the others", () => {
  let now = 0;
  const clock = new PhaseClock(() => now);
  clock.enter("upstream");
  for (let chunk = 0; chunk < 17; chunk++) {
    const startedMs = clock.stepping();
    now += chunk === 16 ? 100 : 0;
    clock.stepped(startedMs);
  }
  assert.deepEqual(clock.read(), { admissionMs: 0, convertMs: 100, upstreamMs: 0, ownMs: 0, totalMs: 100 });
});

test("Server-Timing has hundredths of a millisecond", () => {
  assert.equal(
    serverTiming({ admissionMs: 1.23456, convertMs: 0, upstreamMs: 20.005, ownMs: 0.1, totalMs: 21.34 }),
    "admission;dur=1.23, convert;dur=0, upstream;dur=20.01, own;dur=0.1, total;dur=21.34",
  );
});

test("a non-streamed answer has Server-Timing, passed on or converted, its four phases come to the total, and nobody's waiting is ours", async () => {
  const gateway = await startGateway({ environment: { RETRIES: "1" } });
  try {
    for (const path of ["/v1/messages", "/v1/chat/completions", "/v1/responses"]) {
      gateway.upstream.script([{ say: { text: "Hello" }, delayMs: 60 }]);
      const body = { model: "claude-sonnet-5", max_tokens: 10, messages: [{ role: "user", content: "Hi" }], input: "Hi" };
      const response = await gateway.call(path, { body });
      await response.text();
      assert.equal(response.status, 200);
      const times = timesIn(response);
      assert.deepEqual([...times.keys()], ["admission", "convert", "upstream", "own", "total"]);
      const { admission = 0, convert = 0, upstream = 0, own = 0, total = 0 } = Object.fromEntries(times);
      assert.ok(Math.abs(admission + convert + upstream + own - total) < 0.5, response.headers.get("server-timing") ?? "");
      assert.ok(Math.min(admission, convert, own) >= 0 && upstream > 0);
    }
    const counted = await gateway.call("/v1/messages/count_tokens", {
      body: { model: "glm-5.2", messages: [{ role: "user", content: "Hi" }] },
    });
    assert.equal(counted.headers.get("server-timing"), null, "nothing was sent");
  } finally {
    await gateway.stop();
  }
});

function timesIn(response: Response): Map<string, number> {
  const text = response.headers.get("server-timing") ?? "";
  return new Map([...text.matchAll(/(\w+);dur=([\d.]+)/g)].map(([, name = "", ms = ""]) => [name, Number(ms)]));
}
