// What is reserved ahead, over several gateways on one store: whatever happens in whatever order, no limit is overrun, nothing is refused that could
// be granted, and in the end the sums are what was used.

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import fc from "fast-check";
import type { Amounts } from "../../src/access/accounts.ts";
import type { KeyRules } from "../../src/access/client-key.ts";
import { Limiter, type Granted } from "../../src/access/limiter.ts";
import type { Account } from "../../src/access/store.ts";
import { GatewayError } from "../../src/errors.ts";
import { Clock } from "../support/clock.ts";
import { grantOf, SharedStore, estimateOf } from "../support/limits.ts";
import { usageRow } from "../support/stored.ts";

const NOON = Date.parse("2026-11-28T12:00:00Z");
/** Longer than the lease of a gateway that died, and what is reserved ahead. */
const LONG_MS = 60_000;
const LONG = { timeout: 300_000 };

interface RunningCall {
  readonly gateway: number;
  readonly granted: Granted;
  readonly estimate: number;
}

/** Gateways on one store, of which some die. */
class Fleet {
  readonly store = new SharedStore();
  readonly clock = new Clock();
  readonly rules: Partial<KeyRules>;
  readonly #caller;
  #gateways: (Limiter | null)[] = [];
  #ids = 0;
  running: RunningCall[] = [];
  /** When calls were granted. */
  readonly grantedMs: number[] = [];
  refused = 0;

  constructor(rules: Partial<KeyRules>, count: number) {
    this.rules = rules;
    this.clock.nowMs = NOON;
    this.#caller = { id: "alice", grant: grantOf(rules), upstreamKey: "fk-1" };
    this.#gateways = Array.from({ length: count }, (_, index) => {
      // A dead process has no timers and says nothing to the store.
      const after = (ms: number, callback: () => void): (() => void) =>
        this.clock.after(ms, () => (this.#gateways[index] === null ? undefined : callback()));
      const newId = (): string => `id-${this.#ids++}`;
      return new Limiter({ store: this.store, now: this.clock.now, after, newId }, { storeDown: "serve", ledger: true });
    });
    for (const gateway of this.#gateways) gateway?.start();
  }

  get alive(): number {
    return this.#gateways.filter((gateway) => gateway !== null).length;
  }

  isAlive(index: number): boolean {
    return this.#gateways[index] !== null;
  }

  async call(index: number, estimate: number): Promise<void> {
    const gateway = this.#gateways[index % this.#gateways.length];
    if (gateway === null || gateway === undefined) return;
    const limits = gateway.limitsOf(this.#caller);
    assert.ok(limits !== null);
    const id = `call-${this.#ids++}`;
    const row = (): ReturnType<typeof usageRow> => usageRow(id, { source: "estimated" });
    const asked = estimateOf({ tokens: estimate });
    const call = { id, limits, session: () => "s1", asked, soft: null, row, protocol: "openai-chat", isCodex: false } as const;
    try {
      const granted = await gateway.reserve(this.#caller, call);
      this.grantedMs.push(this.clock.nowMs);
      this.running.push({ gateway: index % this.#gateways.length, granted, estimate });
    } catch (error) {
      assert.ok(error instanceof GatewayError, String(error));
      this.refused++;
    }
  }

  /** Ends the call that has run the longest. */
  end(real: Amounts | null): RunningCall | undefined {
    const ended = this.running.shift();
    ended?.granted.settle(real);
    return ended;
  }

  /** Kills one gateway, unless it is the last. The estimates of its calls. */
  kill(index: number): number {
    const place = index % this.#gateways.length;
    if (this.alive === 1 || !this.isAlive(place)) return 0;
    this.#gateways[place] = null;
    const lost = this.running.filter(({ gateway }) => gateway === place);
    this.running = this.running.filter(({ gateway }) => gateway !== place);
    return lost.reduce((sum, { estimate }) => sum + estimate, 0);
  }

  /** Time in which timers go off and the store answers. */
  async pass(ms: number): Promise<void> {
    const stepMs = ms > 5000 ? 2000 : 50;
    for (let left = ms; left > 0; left -= stepMs) {
      this.clock.advance(Math.min(stepMs, left));
      for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  async settled(): Promise<Account> {
    for (const gateway of this.#gateways) await gateway?.idle();
    const account = await this.store.account({ key: "alice", scope: "" });
    return account ?? { budgets: {}, requests: [], tokens: [], running: 0, ahead: null };
  }

  async close(): Promise<void> {
    for (const gateway of this.#gateways) await gateway?.close();
  }
}

/** The most of these moments that lie in any 60 seconds. */
function mostInAMinute(moments: readonly number[]): number {
  const inOrder = moments.toSorted((one, other) => one - other);
  let [most, first] = [0, 0];
  for (const [index, ms] of inOrder.entries()) {
    while ((inOrder[first] ?? 0) <= ms - 60_000) first++;
    most = Math.max(most, index - first + 1);
  }
  return most;
}

const GATEWAY = fc.nat({ max: 2 });
const STEPS = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        type: fc.constant("calls" as const),
        gateway: GATEWAY,
        count: fc.integer({ min: 1, max: 30 }),
        estimate: fc.integer({ min: 1, max: 60 }),
      }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        type: fc.constant("ends" as const),
        count: fc.integer({ min: 1, max: 40 }),
        real: fc.integer({ min: 0, max: 120 }),
      }),
    },
    { weight: 4, arbitrary: fc.record({ type: fc.constant("time" as const), ms: fc.constantFrom(10, 30, 60, 400, 1100, 20_000) }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant("kill" as const), gateway: GATEWAY }) },
    {
      weight: 1,
      arbitrary: fc.record({ type: fc.constant("weather" as const), weather: fc.constantFrom("away" as const, "mute" as const) }),
    },
  ),
  { maxLength: 50 },
);

interface Calls {
  readonly gateway: number;
  readonly count: number;
  readonly estimate: number;
}

/** One after the other, as a client does that waits for each answer: what is reserved ahead grows by that. */
async function callsOf(fleet: Fleet, { gateway, count, estimate }: Calls): Promise<void> {
  for (let index = 0; index < count; index++) await fleet.clock.during(fleet.call(gateway, estimate));
}

test(
  "whatever happens, a rate is never overrun, a budget by the estimates' error at most, and in the end the sums are what was used",
  LONG,
  async () => {
    const [RATE, AMOUNT] = [fc.integer({ min: 40, max: 3000 }), fc.integer({ min: 500, max: 40_000 })];
    await fc.assert(
      fc.asyncProperty(RATE, AMOUNT, STEPS, async (requestsPerMinute, mostTokens, steps) => {
        const fleet = new Fleet({ requestsPerMinute, budgets: [{ amount: mostTokens, unit: "tokens", period: "ever" }], parallel: 400 }, 3);
        let [used, lost, wasAway] = [0, 0, false];
        /** What calls used above their estimates, by gateway. */
        const above = [0, 0, 0];
        const end = (real: number): void => {
          const ended = fleet.end({ tokens: real });
          if (ended === undefined) return;
          used += real;
          above[ended.gateway] = (above[ended.gateway] ?? 0) + Math.max(0, real - ended.estimate);
        };
        for (const step of steps) {
          if (step.type === "calls") await callsOf(fleet, step);
          else if (step.type === "ends") for (let count = 0; count < step.count; count++) end(step.real);
          else if (step.type === "time") await fleet.pass(step.ms);
          else if (step.type === "kill") lost += fleet.kill(step.gateway);
          else {
            wasAway = true;
            fleet.store.weather = step.weather;
            await fleet.pass(500);
            await callsOf(fleet, { gateway: 0, count: 3, estimate: 10 });
            fleet.store.weather = "fair";
            await fleet.pass(6000);
          }
        }
        await fleet.pass(1500);
        while (fleet.running.length > 0) end(7);
        await fleet.pass(LONG_MS);
        const account = await fleet.settled();
        const counted = account.budgets["tokens/ever"]?.used ?? 0;
        assert.deepEqual([account.running, account.ahead], [0, null]);
        // What ended in the last moments of a gateway that died counts by its estimate.
        const untold = above.reduce((sum, amount, index) => sum + (fleet.isAlive(index) ? 0 : amount), 0);
        assert.ok(counted >= used + lost - untold, `${counted} counted, ${used} used, ${lost} lost, ${untold} untold`);
        if (fleet.alive === 3) assert.equal(counted, used);
        if (!wasAway) {
          const most = mostInAMinute(fleet.grantedMs);
          assert.ok(most <= requestsPerMinute, `${most} of ${requestsPerMinute} in a minute`);
          const excess = above.reduce((sum, more) => sum + more, 0);
          assert.ok(used + lost <= mostTokens + excess, `${used} and ${lost} of ${mostTokens}, ${excess} above the estimates`);
        }
        await fleet.close();
      }),
      { numRuns: Number(process.env["ALLOWANCE_RUNS"] ?? 25) },
    );
  },
);

test("calls one after the other take one transaction for many, and hundreds when they all come to an end at once", async () => {
  const fleet = new Fleet({ requestsPerMinute: 100_000 }, 1);
  for (let count = 0; count < 500; count++) {
    await fleet.call(0, 10);
    fleet.end({ tokens: 7 });
  }
  assert.ok(fleet.store.asked < 30, `${fleet.store.asked} times asked`);
  await fleet.close();
  const account = await fleet.settled();
  assert.deepEqual(account.requests, [[NOON / 1000, 500]]);
});

test("what another gateway has reserved ahead and does not need keeps nobody out: exactly as many are granted as the limit allows", async () => {
  const fleet = new Fleet({ requestsPerMinute: 100 }, 2);
  for (let count = 0; count < 20; count++) await fleet.call(0, 1);
  const before = await fleet.store.account({ key: "alice", scope: "" });
  assert.ok(before?.ahead !== null);
  await fleet.clock.during(Promise.all(Array.from({ length: 200 }, () => fleet.call(1, 1))));
  assert.deepEqual([fleet.grantedMs.length, fleet.refused], [100, 120]);
  await fleet.close();
});

test("what is reserved ahead is given back within moments when no more calls come, and calls that run get reservations of their own", async () => {
  const fleet = new Fleet({ requestsPerMinute: 1000, parallel: 500 }, 1);
  for (let count = 0; count < 10; count++) await fleet.call(0, 1);
  const busy = await fleet.store.account({ key: "alice", scope: "" });
  assert.ok((busy?.running ?? 0) > 10);
  await fleet.pass(250);
  const quiet = await fleet.store.account({ key: "alice", scope: "" });
  assert.deepEqual([quiet?.running, quiet?.ahead, quiet?.requests], [10, null, [[NOON / 1000, 10]]]);
  while (fleet.running.length > 0) fleet.end(null);
  assert.equal((await fleet.settled()).running, 0);
  await fleet.close();
});

test("what remains is said as if nothing were reserved ahead", async () => {
  const fleet = new Fleet({ requestsPerMinute: 1000 }, 1);
  for (let count = 1; count <= 100; count++) {
    await fleet.call(0, 1);
    assert.equal(fleet.running.at(-1)?.granted.headers["x-ratelimit-remaining-requests"], String(1000 - count));
  }
  await fleet.close();
});

test("near a limit nothing is reserved ahead", async () => {
  for (const rules of [
    { requestsPerMinute: 20 },
    { parallel: 1 },
    { budgets: [{ amount: 100, unit: "tokens", period: "day" }] },
  ] as const) {
    const fleet = new Fleet(rules, 1);
    for (let count = 0; count < 10; count++) {
      await fleet.call(0, 10);
      assert.equal((await fleet.store.account({ key: "alice", scope: "" }))?.ahead, null);
      fleet.end(null);
      await fleet.settled();
    }
    assert.equal(fleet.refused, 0);
    await fleet.close();
  }
});
