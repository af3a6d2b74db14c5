// Limits over three gateways on one real database, each with a connection of its own: exact, and nothing is lost or counted twice when the
// database is stopped and started again in the middle.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { KeyGrant } from "../../src/access/client-key.ts";
import { Limiter, type Granted } from "../../src/access/limiter.ts";
import type { Account, Store } from "../../src/access/store.ts";
import { openStore } from "../../src/access/stores/stores.ts";
import { GatewayError } from "../../src/errors.ts";
import { grantOf, estimateOf } from "../support/limits.ts";
import { startPostgres } from "../support/postgres.ts";
import { usageRow } from "../support/stored.ts";

const LONG = { timeout: 120_000 };
const folder = mkdtempSync(join(tmpdir(), "factory-proxy-limits-"));
const server = await startPostgres();
after(async () => {
  await server.remove();
  rmSync(folder, { recursive: true, force: true });
}, LONG);

const later = (ms: number, callback: () => void): (() => void) => {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
};

class Replicas {
  readonly stores: readonly Store[];
  readonly gateways: readonly Limiter[];
  readonly #grant: KeyGrant;

  constructor(stores: readonly Store[], grant: KeyGrant) {
    this.stores = stores;
    this.#grant = grant;
    const newId = (): string => crypto.randomUUID();
    this.gateways = stores.map((store) => new Limiter({ store, now: Date.now, after: later, newId }, { storeDown: "serve", ledger: true }));
    for (const gateway of this.gateways) gateway.start();
  }

  async reserve(gateway: Limiter, tokens: number): Promise<Granted | null> {
    const caller = { id: "alice", grant: this.#grant, upstreamKey: "fk-1" };
    const limits = gateway.limitsOf(caller);
    assert.ok(limits !== null);
    const id = crypto.randomUUID();
    const asked = estimateOf({ tokens });
    try {
      return await gateway.reserve(caller, {
        id,
        limits,
        session: () => "s1",
        asked,
        soft: null,
        row: () => usageRow(id),
        protocol: "gemini",
        isCodex: false,
      });
    } catch (error) {
      if (error instanceof GatewayError) return null;
      throw error;
    }
  }

  async storm(count: number, tokens: number): Promise<Granted[]> {
    const calls = Array.from({ length: count }, (_, index) => {
      const gateway = this.gateways[index % this.gateways.length];
      return gateway === undefined ? Promise.resolve(null) : this.reserve(gateway, tokens);
    });
    return (await Promise.all(calls)).filter((granted) => granted !== null);
  }

  async account(): Promise<Account | null> {
    for (const gateway of this.gateways) await gateway.idle();
    return (await this.stores[0]?.account({ key: "alice", scope: "" })) ?? null;
  }

  async until(condition: (account: Account | null) => boolean): Promise<Account | null> {
    for (const endMs = Date.now() + 60_000; Date.now() < endMs;) {
      const account = await this.account();
      if (condition(account)) return account;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return this.account();
  }

  async close(): Promise<void> {
    for (const gateway of this.gateways) await gateway.close();
    for (const store of this.stores) await store.close();
  }
}

const ADDRESSES: Readonly<Record<string, (name: string) => Promise<string>>> = {
  sqlite: (name) => Promise.resolve(`sqlite:${folder}/${name}.db`),
  postgres: (name) => server.database(name),
};

async function replicas(engine: string, name: string, grant: KeyGrant): Promise<Replicas> {
  const address = (await ADDRESSES[engine]?.(name)) ?? "memory:";
  const stores: Store[] = [];
  for (let count = 0; count < 3; count++) {
    const store = openStore(address, { dataDir: folder, isRequired: true }, { after: later, lost: assert.fail });
    await store.ready;
    stores.push(store);
  }
  return new Replicas(stores, grant);
}

for (const engine of Object.keys(ADDRESSES)) {
  test(
    `${engine}: of 1,000 simultaneous calls over three gateways under 100 requests a minute exactly 100 are admitted`,
    LONG,
    async () => {
      const fleet = await replicas(engine, "rates", grantOf({ requestsPerMinute: 100 }));
      const granted = await fleet.storm(1000, 10);
      assert.equal(granted.length, 100);
      for (const one of granted) one.settle(null);
      await fleet.close();
    },
  );

  test(`${engine}: a budget over three gateways is exact, and holds what was used in the end`, LONG, async () => {
    const fleet = await replicas(engine, "budgets", grantOf({ budgets: [{ amount: 30_000, unit: "tokens", period: "ever" }] }));
    let used = 0;
    for (let round = 0; round < 2; round++) {
      for (const one of await fleet.storm(1000, 20)) {
        one.settle({ tokens: 7 });
        used += 7;
      }
      const account = await fleet.account();
      assert.deepEqual([account?.budgets["tokens/ever"]?.used, account?.running], [used, 0]);
    }
    // 2,000 calls of 7 tokens: never more than 1,000 estimates of 20 were in flight, so none was refused.
    assert.equal(used, 14_000);
    await fleet.close();
  });
}

test("postgres: stopped and started again in the middle of calls, nothing is lost and nothing is counted twice", LONG, async () => {
  const fleet = await replicas("postgres", "restart", grantOf({ budgets: [{ amount: 10_000_000, unit: "tokens", period: "ever" }] }));
  let calls = 0;
  let isOver = false;
  const running = fleet.gateways.map(async (gateway, index) => {
    while (!isOver) {
      const granted = await fleet.reserve(gateway, 20);
      assert.ok(granted !== null);
      calls++;
      await new Promise((resolve) => setTimeout(resolve, index));
      granted.settle({ tokens: 7 });
    }
  });
  const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  const goOn = async (): Promise<void> => {
    for (const before = calls; calls < before + 50;) await pause(10);
  };
  await goOn();
  await server.stop();
  await goOn();
  await server.start();
  while (fleet.stores.some((store) => store.state() !== "ready")) await pause(10);
  await goOn();
  isOver = true;
  await Promise.all(running);
  const account = await fleet.until((found) => found?.running === 0 && found.budgets["tokens/ever"]?.used === 7 * calls);
  assert.deepEqual([account?.budgets["tokens/ever"]?.used, account?.running], [7 * calls, 0]);
  await fleet.close();
});
