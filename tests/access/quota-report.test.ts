// What is told of a plan: six windows, and when each is full if calls go on as the ledger says they did.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePlanLimits } from "../../src/access/plan-limits.ts";
import { quotaJson, QuotaReports, type ForecastPorts } from "../../src/access/quota-report.ts";
import { StoreError } from "../../src/access/store.ts";
import { MemoryStore } from "../../src/access/stores/memory.ts";
import { parse } from "../../src/wire/json.ts";
import { billing, type Billing } from "../support/billing.ts";
import { usageRow } from "../support/stored.ts";

const NOW_MS = Date.UTC(2026, 10, 28, 14);
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** The window of five hours began three hours ago. */
const END_MS = NOW_MS + 2 * HOUR_MS;

const store = new MemoryStore();
await store.append([
  usageRow("long ago", { atMs: NOW_MS - 4 * HOUR_MS, modelServed: "claude-opus-5", credits: 5000 }),
  usageRow("a", { atMs: NOW_MS - 150 * MINUTE_MS, modelServed: "claude-opus-5", credits: 300 }),
  usageRow("b", { atMs: NOW_MS - 30 * MINUTE_MS, modelServed: "claude-opus-5", credits: 60 }),
  usageRow("c", { atMs: NOW_MS - 10 * MINUTE_MS, modelServed: "who-knows", credits: 40 }),
  usageRow("core", { atMs: NOW_MS - 10 * MINUTE_MS, modelServed: "glm-5.2", credits: 1000 }),
]);

const PORTS: ForecastPorts = {
  store,
  now: () => NOW_MS,
  poolOf: (model) => (model === "glm-5.2" ? "core" : model === "who-knows" ? null : "standard"),
};

async function reported(said: Billing, ports: Partial<ForecastPorts> = {}): ReturnType<QuotaReports["report"]> {
  const limits = parsePlanLimits(parse(billing({ endMs: END_MS, ...said })), NOW_MS);
  return new QuotaReports({ ...PORTS, ...ports }).report({ state: "works", reason: null, atMs: NOW_MS, limits });
}

/** Minutes from now at which the first window is full; "lasts", or null where nobody knows. */
async function fullIn(usedPercent: number, ports: Partial<ForecastPorts> = {}, endMs = END_MS): Promise<number | "lasts" | null> {
  const [window] = (await reported({ standard: [usedPercent, 0, 0], endMs }, ports)).windows;
  if (window === undefined || window.forecast === null) return null;
  const { fullMs } = window.forecast;
  return fullMs === null ? "lasts" : (fullMs - NOW_MS) / MINUTE_MS;
}

test("the pace is that of the last hour: 400 credits were half of the window, 100 of them in that hour, so an hour takes an eighth", async () => {
  assert.equal(await fullIn(80), 60);
  assert.equal(await fullIn(50), "lasts");
  assert.equal(await fullIn(100), 0);
  assert.equal(await fullIn(0), null);
});

test("where the ledger says nothing there is no forecast, and where nothing was called of late the window lasts", async () => {
  assert.equal(await fullIn(80, { store: null }), null);
  assert.equal(await fullIn(80, { store: new MemoryStore() }), null);
  const away = new MemoryStore();
  away.sums = () => Promise.reject(new StoreError("away"));
  assert.equal(await fullIn(80, { store: away }), null);
  assert.equal(await fullIn(80, {}, NOW_MS + 5 * HOUR_MS - 10), null);
  const idle = new MemoryStore();
  await idle.append([usageRow("a", { atMs: NOW_MS - 2 * HOUR_MS, modelServed: "claude-opus-5" })]);
  assert.equal(await fullIn(80, { store: idle }), "lasts");
});

test("GET /quota has all six windows, those too of which Factory says nothing", async () => {
  const report = await reported({ standard: [80, 0, 0], core: null });
  const unsaid = { used_percent: null, resets_at: null, forecast: null };
  const unused = { used_percent: 0, resets_at: null, forecast: null };
  assert.deepEqual(quotaJson(report), {
    object: "quota",
    schema_version: 1,
    state: "works",
    reason: null,
    as_of: "2026-11-28T14:00:00.000Z",
    plan: "max",
    windows: [
      {
        pool: "standard",
        window: "5h",
        used_percent: 80,
        resets_at: "2026-11-28T16:00:00.000Z",
        forecast: { full_at: "2026-11-28T15:00:00.000Z" },
      },
      { pool: "standard", window: "7d", ...unused },
      { pool: "standard", window: "30d", ...unused },
      { pool: "core", window: "5h", ...unsaid },
      { pool: "core", window: "7d", ...unsaid },
      { pool: "core", window: "30d", ...unsaid },
    ],
    extra_usage: { allowed: true, balance_usd: 12.5 },
  });
});

test("where it does not work, it says why and nothing else", async () => {
  const report = await new QuotaReports(PORTS).report({ state: "sign-in only", reason: "Not with this key.", atMs: NOW_MS, limits: null });
  assert.deepEqual(quotaJson(report), {
    object: "quota",
    schema_version: 1,
    state: "sign-in only",
    reason: "Not with this key.",
    as_of: "2026-11-28T14:00:00.000Z",
    plan: null,
    windows: [],
    extra_usage: null,
  });
});

test("the ledger is asked once a minute, and an hour that a window begins in counts in part", async () => {
  let [nowMs, asked] = [NOW_MS, 0];
  const ledger = new MemoryStore();
  // Evenly from 11:10 to 11:50; the window of five hours began at 11:30, that of a week long before.
  const minutes = [170, 160, 150, 140, 130];
  await ledger.append(
    minutes.map((ago) => usageRow(`m${ago}`, { atMs: NOW_MS - ago * MINUTE_MS, modelServed: "claude-opus-5", credits: 40 })),
  );
  await ledger.append([usageRow("late", { atMs: NOW_MS - 5 * MINUTE_MS, modelServed: "claude-opus-5", credits: 100 })]);
  const sums: MemoryStore["sums"] = (query) => {
    asked++;
    return ledger.sums(query);
  };
  const reports = new QuotaReports({ ...PORTS, store: { sums }, now: () => nowMs });
  const limits = parsePlanLimits(parse(billing({ standard: [50, 1, 0], endMs: NOW_MS + 2.5 * HOUR_MS })), NOW_MS);
  for (const afterMs of [0, 59_000, 60_000]) {
    nowMs = NOW_MS + afterMs;
    const [window] = (await reports.report({ state: "works", reason: null, atMs: NOW_MS, limits })).windows;
    if (afterMs === 0) assert.deepEqual(window?.forecast, { fullMs: NOW_MS + 2 * HOUR_MS });
  }
  assert.equal(asked, 2);
});
