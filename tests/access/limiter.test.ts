// Limits over all calls of several gateways on one store: exact, also while the store is away, after answers of it that were lost, and after a
// gateway died.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Amounts } from "../../src/access/accounts.ts";
import type { KeyGrant, KeyRules } from "../../src/access/client-key.ts";
import { Limiter, type ReservationRequest, type Granted } from "../../src/access/limiter.ts";
import type { Account, Store } from "../../src/access/store.ts";
import { GatewayError } from "../../src/errors.ts";
import { Clock } from "../support/clock.ts";
import { grantOf, SharedStore, estimateOf } from "../support/limits.ts";
import { usageRow } from "../support/stored.ts";

const NOON = Date.parse("2026-11-28T12:00:00Z");

class Fleet {
  readonly store = new SharedStore();
  readonly clock = new Clock();
  readonly gateways: Limiter[];
  readonly #grant: KeyGrant;
  #ids = 0;

  constructor(
    rules: Partial<KeyRules>,
    { count = 3, storeDown = "serve" }: { readonly count?: number; readonly storeDown?: "serve" | "refuse" } = {},
  ) {
    this.clock.nowMs = NOON;
    this.#grant = grantOf(rules);
    const newId = (): string => `id-${this.#ids++}`;
    const ports = { store: this.store as Store, now: this.clock.now, after: this.clock.after, newId };
    this.gateways = Array.from({ length: count }, () => new Limiter(ports, { storeDown, ledger: true }));
  }

  get first(): Limiter {
    const [first] = this.gateways;
    assert.ok(first !== undefined);
    return first;
  }

  async reserve(gateway: Limiter, amounts: Amounts = { tokens: 10 }): Promise<Granted> {
    const caller = { id: "alice", grant: this.#grant, upstreamKey: "fk-1" };
    const limits = gateway.limitsOf(caller);
    assert.ok(limits !== null);
    const id = `call-${this.#ids++}`;
    const ask: ReservationRequest = {
      id,
      limits,
      session: () => "s1",
      asked: estimateOf(amounts),
      soft: null,
      row: () => usageRow(id, { source: "estimated" }),
      protocol: "openai-chat",
      isCodex: false,
    };
    return gateway.reserve(caller, ask);
  }

  /** All at once, over all gateways: those that were granted, and how many were refused. */
  async storm(count: number, amounts?: Amounts): Promise<{ readonly granted: Granted[]; readonly refused: number }> {
    const calls = Array.from({ length: count }, (_, index) =>
      this.reserve(this.gateways[index % this.gateways.length] ?? this.first, amounts),
    );
    const results = await Promise.allSettled(calls);
    const granted = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    for (const result of results) if (result.status === "rejected") assert.ok(result.reason instanceof GatewayError, String(result.reason));
    return { granted, refused: count - granted.length };
  }

  async quiet(): Promise<void> {
    for (const gateway of this.gateways) await gateway.idle();
  }

  /** Time in which timers go off and the store answers. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 1000) {
      this.clock.advance(Math.min(1000, left));
      for (let turn = 0; turn < 6; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
    }
    await this.quiet();
  }

  async account(): Promise<Account> {
    const account = await this.store.account({ key: "alice", scope: "" });
    assert.ok(account !== null);
    return account;
  }

  async used(budget: string): Promise<number | undefined> {
    return (await this.account()).budgets[budget]?.used;
  }
}

const DAY_OF_TOKENS = { budgets: [{ amount: 1000, unit: "tokens", period: "day" }] } as const;

test("of 1,000 simultaneous calls under 100 requests a minute exactly 100 are admitted, on one gateway and over three", async () => {
  for (const count of [1, 3]) {
    const fleet = new Fleet({ requestsPerMinute: 100 }, { count });
    const { granted, refused } = await fleet.storm(1000);
    assert.deepEqual([granted.length, refused], [100, 900]);
    // Calls of a key that come together go together.
    assert.ok(fleet.store.asked < 40, `${fleet.store.asked} times asked`);
    fleet.clock.advance(61_000);
    assert.equal((await fleet.storm(300)).granted.length, 100);
  }
});

test("a budget is exact over three gateways, and holds what was used when all calls are over", async () => {
  const fleet = new Fleet({ ...DAY_OF_TOKENS, parallel: 70 });
  const { granted } = await fleet.storm(300, { tokens: 10 });
  assert.equal(granted.length, 70);
  for (const one of granted) one.settle({ tokens: 4 });
  await fleet.quiet();
  assert.deepEqual([await fleet.used("tokens/day"), (await fleet.account()).running], [280, 0]);
  const more = await fleet.storm(300, { tokens: 72 });
  assert.deepEqual([more.granted.length, await fleet.used("tokens/day")], [10, 1000]);
});

test("a call is settled once, however often that is said", async () => {
  const fleet = new Fleet(DAY_OF_TOKENS, { count: 1 });
  const granted = await fleet.reserve(fleet.first);
  for (const tokens of [30, 40]) granted.settle({ tokens });
  await fleet.quiet();
  assert.equal(await fleet.used("tokens/day"), 30);
});

test("while the store is away limits go on from the last known counters, and all of it is counted when it is back", async () => {
  const fleet = new Fleet({ ...DAY_OF_TOKENS, requestsPerMinute: 50 }, { count: 1 });
  fleet.first.start();
  const before = await fleet.storm(10, { tokens: 10 });
  fleet.store.weather = "away";
  for (const one of before.granted) one.settle({ tokens: 20 });
  const during = await fleet.storm(100, { tokens: 10 });
  assert.equal(during.granted.length, 40);
  for (const one of during.granted.slice(0, 30)) one.settle({ tokens: 5 });
  await fleet.pass(30_000);
  fleet.store.weather = "fair";
  await fleet.pass(6_000);
  assert.deepEqual([await fleet.used("tokens/day"), (await fleet.account()).running], [200 + 150 + 100, 10]);
  for (const one of during.granted.slice(30)) one.settle({ tokens: 5 });
  await fleet.pass(1_000);
  assert.deepEqual([await fleet.used("tokens/day"), (await fleet.account()).running], [400, 0]);
  await fleet.first.close();
});

test("what the store did and could not say is not done again, and not left behind", async () => {
  const fleet = new Fleet({ ...DAY_OF_TOKENS, parallel: 5 }, { count: 1 });
  fleet.first.start();
  const [running] = (await fleet.storm(1)).granted;
  fleet.store.weather = "mute";
  const { granted } = await fleet.storm(20, { tokens: 10 });
  assert.equal(granted.length, 4);
  running?.settle({ tokens: 3 });
  granted[0]?.settle({ tokens: 4 });
  await fleet.pass(1_000);
  fleet.store.weather = "fair";
  await fleet.pass(6_000);
  assert.deepEqual([await fleet.used("tokens/day"), (await fleet.account()).running], [3 + 4 + 30, 3]);
  for (const one of granted) one.settle({ tokens: 1 });
  await fleet.pass(1_000);
  assert.deepEqual([await fleet.used("tokens/day"), (await fleet.account()).running], [10, 0]);
  await fleet.first.close();
});

test("while the store is away calls are refused where the operator wants that, and with what to do", async () => {
  const fleet = new Fleet(DAY_OF_TOKENS, { count: 1, storeDown: "refuse" });
  const isRefusal = (error: unknown): boolean =>
    error instanceof GatewayError && error.status === 503 && error.headers["retry-after"] === "5";
  fleet.first.checkStore();
  fleet.store.weather = "away";
  assert.throws(() => fleet.first.checkStore(), isRefusal);
  await assert.rejects(fleet.reserve(fleet.first), isRefusal);
  fleet.store.weather = "mute";
  await assert.rejects(fleet.reserve(fleet.first), isRefusal);
  fleet.store.weather = "fair";
  await fleet.reserve(fleet.first);
  await fleet.quiet();
  assert.deepEqual([await fleet.used("tokens/day"), (await fleet.account()).running], [10, 1]);
});

test("what a gateway that died left behind is settled as its estimate when its lease has run out, with a row, once, and nothing of the others", async () => {
  const fleet = new Fleet({ ...DAY_OF_TOKENS, parallel: 10 });
  const [, second, third] = fleet.gateways;
  assert.ok(second !== undefined && third !== undefined);
  // The first one dies: it never says again that it lives.
  for (let index = 0; index < 5; index++) await fleet.reserve(fleet.first, { tokens: 20 });
  const alive = await fleet.reserve(second, { tokens: 30 });
  second.start();
  third.start();
  await fleet.pass(19_000);
  assert.deepEqual([await fleet.used("tokens/day"), (await fleet.account()).running], [130, 6]);
  await fleet.pass(12_000);
  assert.deepEqual([await fleet.used("tokens/day"), (await fleet.account()).running], [130, 1]);
  const rows = await fleet.store.rows({
    sinceMs: null,
    untilMs: null,
    key: "alice",
    session: null,
    client: null,
    model: null,
    limit: 100,
    before: null,
    status: null,
    text: null,
  });
  assert.deepEqual(new Set(rows.map(({ source }) => source)), new Set(["estimated"]));
  assert.equal(rows.length, 5);
  alive.settle({ tokens: 1 });
  await fleet.pass(1_000);
  assert.deepEqual([await fleet.used("tokens/day"), (await fleet.account()).running], [101, 0]);
  await second.close();
  await third.close();
});

test("after the store was away no gateway takes the others for dead before they could say that they live", async () => {
  const fleet = new Fleet(DAY_OF_TOKENS);
  for (const gateway of fleet.gateways) gateway.start();
  const granted = await Promise.all(fleet.gateways.map((gateway) => fleet.reserve(gateway)));
  await fleet.pass(30_000);
  fleet.store.weather = "away";
  await fleet.pass(60_000);
  fleet.store.weather = "fair";
  await fleet.pass(40_000);
  assert.equal((await fleet.account()).running, 3);
  for (const one of granted) one.settle({ tokens: 2 });
  await fleet.pass(1_000);
  assert.deepEqual([await fleet.used("tokens/day"), (await fleet.account()).running], [6, 0]);
  for (const gateway of fleet.gateways) await gateway.close();
});

test("a budget for each session is counted for each session", async () => {
  const fleet = new Fleet({ budgets: [{ amount: 25, unit: "tokens", period: "session" }] }, { count: 1 });
  const { granted } = await fleet.storm(5, { tokens: 10 });
  assert.equal(granted.length, 2);
  for (const one of granted) one.settle({ tokens: 1 });
  await fleet.quiet();
  const session = await fleet.store.account({ key: "alice", scope: "s1" });
  assert.deepEqual(session?.budgets, { "tokens/session": { startMs: 0, used: 2 } });
});

test("a limiter that is closed leaves no timer", async () => {
  const fleet = new Fleet(DAY_OF_TOKENS, { count: 1 });
  fleet.first.start();
  await fleet.pass(11_000);
  await fleet.first.close();
  await fleet.pass(11_000);
  assert.equal(fleet.clock.timers, 0);
});
