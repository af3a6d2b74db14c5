// What is read of a plan's limits from what a billing endpoint may answer, also one that has changed its shape.

import assert from "node:assert/strict";
import { test } from "node:test";
import { instantMs, parsePlanLimits, windowsAt, type PlanLimits } from "../../src/access/plan-limits.ts";
import { parse, type Json } from "../../src/wire/json.ts";

const AT_MS = Date.UTC(2026, 10, 28, 14);
const END_MS = AT_MS + 3_600_000;

function read(body: unknown): PlanLimits | null {
  return parsePlanLimits(parse(JSON.stringify(body)), AT_MS);
}

/** Of a five-hour window: what it is used, and when it begins anew. */
function windowOf(window: unknown): unknown {
  const [found] = read({ limits: { standard: { fiveHour: window, weekly: { usedPercent: 1 } } } })?.windows ?? [];
  return found?.name === "5h" ? [found.usedPercent, found.resetMs] : null;
}

test("all that the endpoint is known to say is read", () => {
  const core = { fiveHour: { usedPercent: 0 }, weekly: { usedPercent: 2 }, monthly: { usedPercent: 3, secondsRemaining: 60 } };
  const standard = {
    fiveHour: { usedPercent: 42.5, windowEnd: new Date(END_MS).toISOString() },
    weekly: { usedPercent: 10 },
    monthly: { usedPercent: 7 },
  };
  const body = {
    usesTokenRateLimitsBilling: true,
    limits: { standard, core },
    extraUsageBalanceCents: 1234,
    extraUsageAllowed: true,
    planType: "max",
  };
  assert.deepEqual(read(body), {
    plan: "max",
    windows: [
      { pool: "standard", name: "5h", usedPercent: 42.5, resetMs: END_MS },
      { pool: "standard", name: "7d", usedPercent: 10, resetMs: null },
      { pool: "standard", name: "30d", usedPercent: 7, resetMs: null },
      { pool: "core", name: "5h", usedPercent: 0, resetMs: null },
      { pool: "core", name: "7d", usedPercent: 2, resetMs: null },
      { pool: "core", name: "30d", usedPercent: 3, resetMs: AT_MS + 60_000 },
    ],
    extraUsage: { isAllowed: true, balanceUsd: 12.34 },
  });
});

test("the end of a window is an ISO date, seconds or milliseconds, as a number or a text", () => {
  const iso = new Date(END_MS).toISOString();
  const seconds = END_MS / 1000;
  for (const windowEnd of [
    iso,
    iso.slice(0, 19),
    `${iso.slice(0, 19)}+00:00`,
    new Date(END_MS).toUTCString(),
    seconds,
    END_MS,
    String(seconds),
    String(END_MS),
  ]) {
    assert.deepEqual(windowOf({ usedPercent: 50, windowEnd }), [50, END_MS], String(windowEnd));
  }
});

test("a window that is over is not used, unless seconds of it remain", () => {
  const over = new Date(AT_MS - 1000).toISOString();
  assert.deepEqual(windowOf({ usedPercent: 50, windowEnd: over }), [0, null]);
  assert.deepEqual(windowOf({ usedPercent: 50, windowEnd: over, secondsRemaining: 0 }), [0, null]);
  assert.deepEqual(windowOf({ usedPercent: 50, windowEnd: over, secondsRemaining: 90.5 }), [50, AT_MS + 90_500]);
  assert.deepEqual(windowOf({ usedPercent: 50, secondsRemaining: "90" }), [50, AT_MS + 90_000]);
  assert.deepEqual(windowOf({ usedPercent: 50, windowEnd: "soon" }), [50, null]);
  assert.deepEqual(windowOf({ usedPercent: "99.5", windowEnd: null }), [99.5, null]);
  assert.deepEqual(windowOf({ usedPercent: 130 }), [130, null]);
});

test("a window that is not understood is left out, the others stay", () => {
  for (const window of [
    undefined,
    null,
    5,
    "50%",
    [],
    {},
    { usedPercent: null },
    { usedPercent: "many" },
    { usedPercent: -1 },
    { used_percent: 4 },
  ]) {
    assert.equal(windowOf(window), null, JSON.stringify(window));
  }
  assert.deepEqual(
    read({
      limits: { standard: { weekly: { usedPercent: 1 } }, core: "none" },
      planType: 7,
      extraUsageAllowed: "yes",
      extraUsageBalanceCents: {},
    }),
    {
      plan: null,
      windows: [{ pool: "standard", name: "7d", usedPercent: 1, resetMs: null }],
      extraUsage: { isAllowed: null, balanceUsd: null },
    },
  );
  assert.equal(read({ limits: { standard: { weekly: { usedPercent: 1 } } }, planType: "max\r\nx: y" })?.plan, null);
});

test("what has no window for Standard models is of no known shape", () => {
  const bodies: readonly unknown[] = [
    null,
    1,
    "",
    [],
    {},
    { limits: null },
    { limits: [] },
    { limits: {} },
    { limits: { standard: [] } },
    { limits: { standard: {} } },
    { limits: { core: { weekly: { usedPercent: 1 } } } },
    { usesTokenRateLimitsBilling: false },
    { detail: "Not here.", status: 404 },
  ];
  for (const body of bodies) assert.equal(read(body), null, JSON.stringify(body));
  assert.equal(parsePlanLimits(undefined, AT_MS), null);
});

test("time goes on: a window whose end has come is not used any more", () => {
  const limits = read({ limits: { standard: { fiveHour: { usedPercent: 50, windowEnd: END_MS }, weekly: { usedPercent: 20 } } } });
  assert.ok(limits !== null);
  const used = (nowMs: number): unknown => windowsAt(limits, nowMs).map(({ usedPercent, resetMs }) => [usedPercent, resetMs]);
  assert.deepEqual(used(END_MS - 1), [
    [50, END_MS],
    [20, null],
  ]);
  assert.deepEqual(used(END_MS), [
    [0, null],
    [20, null],
  ]);
});

test("what is no time is none", () => {
  const none: readonly (Json | undefined)[] = ["", "soon", "5 apples", "2026", 0, -5, Number.NaN, 1e20, true, null, undefined, {}, []];
  assert.deepEqual(
    none.map(instantMs).filter((ms) => ms !== null),
    [2026_000],
  );
});
