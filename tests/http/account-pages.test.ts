// What a client sees of its own budget with its own key, in the shapes that cc-switch and one-api's clients ask for.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { KeyRecord, KeyRules } from "../../src/access/client-key.ts";
import { StoreError } from "../../src/access/store.ts";
import { Calendar } from "../../src/access/windows.ts";
import { runtime } from "../../src/runtime/runtime.ts";
import { ask, MODELS } from "../support/dialects.ts";
import { CLIENT_KEY, startGateway, until, type RunningGateway } from "../support/gateway.ts";
import { SharedStore } from "../support/limits.ts";
import { keyRecord, usageRow } from "../support/stored.ts";

const ZONE = "Asia/Shanghai";
const gateways: RunningGateway[] = [];
after(async () => {
  for (const one of gateways) await one.stop();
});

interface Holder {
  readonly gateway: RunningGateway;
  readonly store: SharedStore;
  /** A page as JSON. */
  readonly page: (path: string) => Promise<unknown>;
}

async function holder(rules: Partial<KeyRules>, more: Partial<KeyRecord> = {}): Promise<Holder> {
  const store = new SharedStore();
  const record = keyRecord("alice", { hash: null, ...more });
  await store.insertKey({ ...record, rules: { ...record.rules, budgets: null, zone: ZONE, ...rules } });
  const gateway = await startGateway({ store, environment: { PROXY_API_KEY: `alice=${CLIENT_KEY}` } });
  gateways.push(gateway);
  const page = async (path: string): Promise<unknown> => {
    const response = await gateway.call(path, { method: "GET" });
    assert.equal(response.status, 200, path);
    return response.json();
  };
  return { gateway, store, page };
}

/** When the day and the month are over. */
const [MIDNIGHT, MONTH_END] = (["day", "month"] as const).map((period) =>
  new Date(new Calendar().window(period, null, { nowMs: Date.now(), zone: ZONE }).endMs ?? 0).toISOString(),
);

const budgeted = await holder({
  budgets: [
    { amount: 1000, unit: "tokens", period: "ever" },
    { amount: 5, unit: "usd", period: "day" },
    { amount: 20_000_000, unit: "credits", period: "month" },
    { amount: 1, unit: "usd", period: "session" },
  ],
});
const day = new Calendar().window("day", null, { nowMs: Date.now(), zone: ZONE }).startMs;
await budgeted.store.transact({ accounts: [], reservations: [] }, () => ({
  accounts: [
    [
      { key: "alice", scope: "" },
      {
        budgets: { "usd/day": { startMs: day, used: 4.2000000001 }, "tokens/ever": { startMs: 0, used: 700 } },
        requests: [],
        tokens: [],
        running: 0,
        ahead: null,
      },
    ],
  ],
  opened: [],
  closed: [],
  result: null,
}));

test("GET /v1/usage is about the budget that is nearest to its end, and lists them all", async () => {
  const usd = { remaining: 0.8, used: 4.2, total: 5, unit: "USD" };
  assert.deepEqual(await budgeted.page("/v1/usage"), {
    object: "usage",
    schema_version: 1,
    isValid: true,
    planName: "alice",
    ...usd,
    extra: `day, resets at ${MIDNIGHT}`,
    windows: [
      { period: "day", ...usd, resets_at: MIDNIGHT },
      { period: "ever", remaining: 300, used: 700, total: 1000, unit: "tokens", resets_at: null },
      { period: "month", remaining: 20_000_000, used: 0, total: 20_000_000, unit: "credits", resets_at: MONTH_END },
    ],
    expires_at: null,
  });
});

test("balance and one-api's two pages say the same, with and without /v1, so that what clients subtract is what is left", async () => {
  assert.deepEqual(await budgeted.page("/user/balance"), { object: "balance", is_active: true, balance: 0.8, unit: "USD" });
  for (const base of ["", "/v1"]) {
    assert.deepEqual(await budgeted.page(`${base}/dashboard/billing/subscription`), {
      object: "billing_subscription",
      has_payment_method: true,
      soft_limit_usd: 5,
      hard_limit_usd: 5,
      system_hard_limit_usd: 5,
      access_until: 0,
    });
    assert.deepEqual(await budgeted.page(`${base}/dashboard/billing/usage?start_date=2026-11-01&end_date=2026-11-30`), {
      object: "list",
      total_usage: 420,
    });
  }
});

test("without a budget there is no total, and what is used is the ledger's: of this month, or of the dates", async () => {
  const END_MS = Date.UTC(2030, 0, 1);
  const { store, page } = await holder({}, { expiry: { type: "at", ms: END_MS } });
  await store.append([
    usageRow("old", { atMs: Date.UTC(2026, 9, 31, 15, 59), usd: 4 }),
    // The first of November in Shanghai.
    usageRow("first", { atMs: Date.UTC(2026, 9, 31, 16), usd: 2 }),
    usageRow("last", { atMs: Date.UTC(2026, 10, 2, 15, 59), usd: 1 }),
    usageRow("later", { atMs: Date.UTC(2026, 10, 2, 16), usd: 8 }),
    usageRow("somebody else's", { key: "bob", atMs: Date.UTC(2026, 10, 1, 12), usd: 100 }),
    usageRow("now", { atMs: Date.now(), usd: 0.25 }),
  ]);
  const dates = "start_date=2026-11-01&end_date=2026-11-02";
  assert.deepEqual(await page(`/v1/dashboard/billing/usage?${dates}`), { object: "list", total_usage: 300 });
  assert.deepEqual(
    await page("/dashboard/billing/usage?start_date=1999-99-99&end_date=2100-01-01"),
    await page("/dashboard/billing/usage"),
  );
  const usage = await page("/v1/usage");
  assert.match(JSON.stringify(usage), /"isValid":true,"planName":"alice","remaining":null,"used":\d+\.25,"total":null,"unit":"USD"/);
  assert.match(JSON.stringify(usage), /"windows":\[\],"expires_at":"2030-01-01T00:00:00.000Z"\}$/);
  assert.deepEqual(await page("/user/balance"), { object: "balance", is_active: true, balance: null, unit: "USD" });
  assert.deepEqual(await page("/dashboard/billing/subscription"), {
    object: "billing_subscription",
    has_payment_method: true,
    soft_limit_usd: 100_000_000,
    hard_limit_usd: 100_000_000,
    system_hard_limit_usd: 100_000_000,
    access_until: END_MS / 1000,
  });
});

test("what a former key of the same name has spent is not what the new one has", async () => {
  const { store, page } = await holder({}, { hash: runtime.sha256(CLIENT_KEY).toHex(), createdMs: Date.UTC(2026, 10, 2) });
  await store.append([
    usageRow("former", { atMs: Date.UTC(2026, 10, 1, 23), usd: 2 }),
    usageRow("own", { atMs: Date.UTC(2026, 10, 2), usd: 1 }),
  ]);
  const dates = "start_date=2026-11-01&end_date=2026-11-02";
  assert.deepEqual(await page(`/v1/dashboard/billing/usage?${dates}`), { object: "list", total_usage: 100 });
});

test("what a running call has reserved counts as used, and while the store is away the last known numbers do", async () => {
  const { gateway, store, page } = await holder({ budgets: [{ amount: 100_000, unit: "tokens", period: "day" }] });
  const { promise: held, resolve: free } = Promise.withResolvers<void>();
  gateway.upstream.script([{ hold: { afterEvents: 0, until: held } }]);
  const { path, body } = ask("openai-chat", { model: MODELS["openai-chat"], stream: false });
  const running = gateway.call(path, { body });
  await until(() => gateway.upstream.requests.length === 1, "the call");
  const reserved = JSON.stringify(await page("/user/balance"));
  assert.match(reserved, /"balance":9\d\d\d\d,"unit":"tokens"/);
  store.account = () => Promise.reject(new StoreError("away"));
  store.sums = () => Promise.reject(new StoreError("away"));
  assert.equal(JSON.stringify(await page("/user/balance")), reserved);
  free();
  await (await running).text();
});

test("each page needs a key that counts, and takes no POST", async () => {
  for (const path of ["/v1/usage", "/user/balance", "/dashboard/billing/subscription", "/dashboard/billing/usage", "/quota"]) {
    const statuses: number[] = [];
    for (const options of [
      { method: "GET", key: null },
      { method: "GET", key: "fp-wrong" },
      { method: "POST", body: {} },
    ]) {
      const response = await budgeted.gateway.call(path, options);
      await response.text();
      statuses.push(response.status);
    }
    assert.deepEqual(statuses, [401, 401, 405], path);
  }
});

test("a server without a store answers too", async () => {
  const gateway = await startGateway();
  gateways.push(gateway);
  const response = await gateway.call("/v1/usage", { method: "GET" });
  assert.match(JSON.stringify(await response.json()), /"planName":"env-1","remaining":null,"used":null/);
});
