// The keys in memory: which digest is whose, what ends a key, what limits it, and what becomes of them while the store is away.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { KeyRecord, KeyRules } from "../../src/access/client-key.ts";
import { changed, emptyRecord, newKey, NO_RULES, rotated } from "../../src/access/key-changes.ts";
import { KeyRing, type Found, type NamedKey } from "../../src/access/key-ring.ts";
import { StoreError, type Store } from "../../src/access/store.ts";
import { MemoryStore } from "../../src/access/stores/memory.ts";
import { runtime } from "../../src/runtime/runtime.ts";

const NOW_MS = Date.UTC(2026, 10, 28, 14);
const DAY_MS = 86_400_000;

interface Setting {
  readonly store?: Store | null;
  readonly named?: readonly NamedKey[];
  readonly storeDown?: "serve" | "refuse";
}

/** A ring, a clock that is set by hand, and what has been put off. */
class Bench {
  nowMs = NOW_MS;
  readonly store = new MemoryStore();
  readonly late: (() => void)[] = [];
  #count = 0;

  ring({ store = this.store, named = [], storeDown = "serve" }: Setting = {}): KeyRing {
    const after = (_: number, callback: () => void): (() => void) => {
      this.late.push(callback);
      return () => {};
    };
    return new KeyRing({ named, store, storeDown }, { sha256: runtime.sha256, now: () => this.nowMs, after });
  }

  ports(): { nowMs: number; sha256: typeof runtime.sha256; random: (count: number) => Uint8Array } {
    return { nowMs: this.nowMs, sha256: runtime.sha256, random: (count) => new Uint8Array(count).fill(this.#count++ % 62) };
  }

  /** Puts a key into the store. */
  async add(name: string, words: Parameters<typeof changed>[1] = {}): Promise<string> {
    const { record, key } = newKey(name, words, this.ports());
    await this.store.insertKey(record);
    return key;
  }
}

const find = (ring: KeyRing, key: string): Found => ring.find(runtime.sha256(key).toHex());
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

test("keys count when the store has been read, those of the configuration too, as it says what limits them; others are unknown", async () => {
  const bench = new Bench();
  const key = await bench.add("alice");
  const ring = bench.ring({ named: [{ name: "env-1", key: "of-the-environment" }] });
  const keys = ["of-the-environment", key, "other"];
  assert.deepEqual([...keys.map((one) => find(ring, one).state), ring.isEmpty], ["unread", "unread", "unread", false]);
  await ring.opening;
  assert.equal(ring.opening, null);
  assert.deepEqual(find(ring, "of-the-environment"), { state: "valid", name: "env-1", grant: null });
  assert.deepEqual(find(ring, key), { state: "valid", name: "alice", grant: null });
  assert.deepEqual([find(ring, "other"), ring.storedCount, ring.isEmpty], [{ state: "unknown" }, 1, false]);
});

test("without a store nothing is waited for, and no key at all is told from keys that are not known yet", () => {
  const bench = new Bench();
  const ring = bench.ring({ store: null });
  assert.deepEqual([ring.opening, ring.isEmpty, find(ring, "other")], [null, true, { state: "unknown" }]);
});

test("a change of the store counts without a restart: added, off, on, removed", async () => {
  const bench = new Bench();
  const ring = bench.ring();
  await ring.opening;
  const states: string[] = [];
  const key = await bench.add("alice");
  const say = async (): Promise<void> => {
    await turn();
    states.push(find(ring, key).state);
  };
  await say();
  for (const isOff of [true, false]) {
    await bench.store.updateKey("alice", (record) => ({ ...record, isOff }));
    await say();
  }
  await bench.store.updateKey("alice", () => null);
  await say();
  assert.deepEqual(states, ["valid", "off", "valid", "unknown"]);
  ring.close();
  const later = await bench.add("bob");
  await turn();
  assert.deepEqual(find(ring, later), { state: "unknown" });
});

test("a key that is not known is looked for in the store, once in 100 ms for all, and as seldom as such a look takes long", async () => {
  const bench = new Bench();
  let tookMs = 0;
  let reads = 0;
  /** Changed by another process, of which nobody tells so far. */
  class Elsewhere extends MemoryStore {
    override watch(): () => void {
      return () => {};
    }

    override async keys(): Promise<readonly KeyRecord[]> {
      reads++;
      bench.nowMs += tookMs;
      return bench.store.keys();
    }
  }
  const ring = bench.ring({ store: new Elsewhere() });
  assert.equal(ring.lookAgain(), null);
  await ring.opening;
  const key = await bench.add("alice");
  assert.equal(find(ring, key).state, "unknown");
  const looks = [ring.lookAgain(), ring.lookAgain()];
  assert.ok(looks[0] !== null && looks[0] === looks[1]);
  await looks[0];
  assert.deepEqual([find(ring, key).state, ring.lookAgain(), reads], ["valid", null, 2]);
  bench.nowMs += 99;
  assert.equal(ring.lookAgain(), null);
  bench.nowMs += 1;
  tookMs = 30;
  await ring.lookAgain();
  bench.nowMs += 20 * 30 - 31;
  assert.equal(ring.lookAgain(), null);
  bench.nowMs += 1;
  assert.notEqual(ring.lookAgain(), null);
  assert.equal(reads, 4);
});

test("a key ends on its date, and not a moment before", async () => {
  const bench = new Bench();
  const key = await bench.add("alice", { expires: "30d" });
  const ring = bench.ring();
  await ring.opening;
  bench.nowMs = NOW_MS + 30 * DAY_MS - 1;
  assert.equal(find(ring, key).state, "valid");
  bench.nowMs++;
  assert.deepEqual(find(ring, key), { state: "expired", name: "alice", sinceMs: bench.nowMs });
});

test("a key that ends after its first use is not older before it, and the store hears of the first use once", async () => {
  const bench = new Bench();
  const key = await bench.add("alice", { expires: "1d after first use" });
  const ring = bench.ring();
  await ring.opening;
  bench.nowMs += 100 * DAY_MS;
  const firstMs = bench.nowMs;
  assert.equal(find(ring, key).state, "valid");
  await turn();
  bench.nowMs += 1000;
  assert.equal(find(ring, key).state, "valid");
  await turn();
  assert.deepEqual(
    (await bench.store.keys()).map(({ firstUsedMs }) => firstUsedMs),
    [firstMs],
  );
  bench.nowMs = firstMs + DAY_MS;
  assert.deepEqual(find(ring, key), { state: "expired", name: "alice", sinceMs: bench.nowMs });
});

test("a call with a removed key, before its removal is heard of, begins no time of a new key of that name", async () => {
  const bench = new Bench();
  const old = await bench.add("alice", { expires: "1d after first use" });
  const deaf = new MemoryStore();
  for (const record of await bench.store.keys()) await deaf.insertKey(record);
  deaf.updateKey = (...change) => bench.store.updateKey(...change);
  const ring = bench.ring({ store: deaf });
  await ring.opening;
  bench.nowMs += 1000;
  await bench.store.updateKey("alice", () => null);
  await bench.add("alice", { expires: "1d after first use" });
  bench.nowMs += 1000;
  assert.equal(find(ring, old).state, "valid");
  await turn();
  deaf.keys = () => bench.store.keys();
  await deaf.insertKey(emptyRecord("bob", bench.nowMs));
  await turn();
  assert.deepEqual(find(ring, old), { state: "unknown" });
  assert.deepEqual(
    (await bench.store.keys()).map(({ firstUsedMs }) => firstUsedMs),
    [null],
  );
});

test("after a rotation the old key works for its grace, the new one from then on; off ends both", async () => {
  const bench = new Bench();
  const old = await bench.add("alice");
  const ring = bench.ring();
  await ring.opening;
  let key = "";
  await bench.store.updateKey("alice", (record) => {
    const fresh = rotated(record, "24h", bench.ports());
    key = fresh.key;
    return fresh.record;
  });
  await turn();
  assert.deepEqual([find(ring, old).state, find(ring, key).state], ["valid", "valid"]);
  bench.nowMs += DAY_MS;
  assert.deepEqual([find(ring, old), find(ring, key).state], [{ state: "replaced", name: "alice", sinceMs: bench.nowMs }, "valid"]);
  bench.nowMs -= 1000;
  await bench.store.updateKey("alice", (record) => ({ ...record, isOff: true }));
  await turn();
  assert.deepEqual([find(ring, old).state, find(ring, key).state], ["off", "off"]);
});

test("a key that is lent counts as the one that it was lent of, until it is taken back or its time is over", async () => {
  const bench = new Bench();
  await bench.add("alice");
  const ring = bench.ring();
  const untilMs = bench.nowMs + DAY_MS;
  const hash = runtime.sha256("lent").toHex();
  await bench.store.updateKey("alice", (record) => ({ ...record, lent: [{ hash, untilMs }] }));
  await turn();
  assert.deepEqual(find(ring, "lent"), { state: "valid", name: "alice", grant: null });
  bench.nowMs = untilMs;
  assert.equal(find(ring, "lent").state, "replaced");
  await bench.store.updateKey("alice", ({ lent: _lent, ...record }) => record);
  await turn();
  assert.equal(find(ring, "lent").state, "unknown");
});

test("without a grace the old key ends at once", async () => {
  const bench = new Bench();
  const old = await bench.add("alice");
  const ring = bench.ring();
  await bench.store.updateKey("alice", (record) => rotated(record, null, bench.ports()).record);
  await turn();
  assert.equal(find(ring, old).state, "replaced");
});

// ---- What limits a key -------------------------------------------------------------------------------------------

function grantOf(found: Found): unknown {
  return found.state === "valid" ? found.grant : found.state;
}

async function setDefault(bench: Bench, words: Parameters<typeof changed>[1]): Promise<void> {
  await bench.store.insertKey(changed(emptyRecord("default", NOW_MS), words, NOW_MS));
}

test("the row default counts for what a key does not say, and for keys of the configuration", async () => {
  const bench = new Bench();
  await setDefault(bench, { rpm: "60", budget: ["5usd/day"], parallel: "4", soft: "80", zone: "Asia/Shanghai" });
  const own = await bench.add("alice", { rpm: "10", budget: ["none"], parallel: "none", soft: "none" });
  const ring = bench.ring({ named: [{ name: "env-1", key: "of-the-environment" }] });
  await ring.opening;
  const rules: KeyRules = {
    ...NO_RULES,
    requestsPerMinute: 60,
    parallel: 4,
    budgets: [{ amount: 5, unit: "usd", period: "day" }],
    soft: { percent: 80, model: null },
    zone: "Asia/Shanghai",
  };
  assert.deepEqual(grantOf(find(ring, "of-the-environment")), { rules, raises: [] });
  assert.deepEqual(ring.grantOf("anonymous"), { rules, raises: [] });
  assert.deepEqual(grantOf(find(ring, own)), { rules: { ...NO_RULES, requestsPerMinute: 10, zone: "Asia/Shanghai" }, raises: [] });
});

test("a row of its name limits and switches off a key of the configuration, and a row of anonymous those without a key", async () => {
  const bench = new Bench();
  await setDefault(bench, { rpm: "60" });
  await bench.store.insertKey({ ...emptyRecord("env-1", NOW_MS), isOff: true });
  await bench.store.insertKey(changed(emptyRecord("anonymous", NOW_MS), { rpm: "none" }, NOW_MS));
  const ring = bench.ring({ named: [{ name: "env-1", key: "of-the-environment" }] });
  await ring.opening;
  assert.deepEqual(find(ring, "of-the-environment"), { state: "off", name: "env-1" });
  assert.equal(ring.grantOf("anonymous"), null);
});

test("what limits a key is the same object until the key changes", async () => {
  const bench = new Bench();
  const key = await bench.add("alice", { rpm: "60" });
  const ring = bench.ring();
  await ring.opening;
  const before = grantOf(find(ring, key));
  await bench.add("bob", { rpm: "60" });
  await turn();
  assert.equal(grantOf(find(ring, key)), before);
  await bench.store.updateKey("alice", (record) => changed(record, { rpm: "61" }, NOW_MS));
  await turn();
  assert.notEqual(grantOf(find(ring, key)), before);
});

test("a key that is made anew under a name has limits of its own, though they say the same", async () => {
  const bench = new Bench();
  const ring = bench.ring();
  await ring.opening;
  const former = await bench.add("alice", { rpm: "60" });
  await turn();
  const before = grantOf(find(ring, former));
  bench.nowMs += 1;
  await bench.store.updateKey("alice", () => null);
  const key = await bench.add("alice", { rpm: "60" });
  await turn();
  assert.deepEqual([grantOf(find(ring, key)), find(ring, former).state], [before, "unknown"]);
  assert.notEqual(grantOf(find(ring, key)), before);
});

// ---- A store that is away ----------------------------------------------------------------------------------------

/** A store whose keys can be read only while it is there. */
class AbsentStore extends MemoryStore {
  isAway = true;

  override async keys(): Promise<readonly KeyRecord[]> {
    if (this.isAway) throw new StoreError("It is away.");
    return super.keys();
  }

  override async updateKey(name: string, change: (record: KeyRecord) => KeyRecord | null): Promise<KeyRecord | null> {
    if (this.isAway) throw new StoreError("It is away.");
    return super.updateKey(name, change);
  }

  async come(): Promise<void> {
    this.isAway = false;
    // The one call that tells whoever watches.
    await super.insertKey(emptyRecord("default", NOW_MS));
    await turn();
  }
}

test("a store that is away at the start: keys of the configuration count, of others nobody knows until it is there", async () => {
  const bench = new Bench();
  const store = new AbsentStore();
  const { record, key } = newKey("alice", {}, bench.ports());
  await store.insertKey(record);
  const ring = bench.ring({ store, named: [{ name: "env-1", key: "of-the-environment" }] });
  await ring.opening;
  assert.deepEqual([find(ring, "of-the-environment").state, find(ring, key).state, ring.isEmpty], ["valid", "unread", false]);
  await store.come();
  assert.equal(find(ring, key).state, "valid");
});

test("a store that is away at the start and must not be: no key counts until it is there", async () => {
  const bench = new Bench();
  const store = new AbsentStore();
  const ring = bench.ring({ store, named: [{ name: "env-1", key: "of-the-environment" }], storeDown: "refuse" });
  await ring.opening;
  assert.deepEqual([find(ring, "of-the-environment").state, ring.knowsLimits], ["unread", false]);
  await store.come();
  assert.deepEqual([find(ring, "of-the-environment").state, ring.knowsLimits], ["valid", true]);
});

test("a store that takes its time is waited for again when it is back, and its keys have their limits from the first call on", async () => {
  const bench = new Bench();
  const store = new AbsentStore();
  await store.insertKey({ ...newKey("alice", { rpm: "60" }, bench.ports()).record, hash: null });
  const ring = bench.ring({ store, named: [{ name: "alice", key: "of-the-environment" }] });
  await ring.opening;
  assert.deepEqual(find(ring, "of-the-environment"), { state: "valid", name: "alice", grant: null });
  const { promise, resolve } = Promise.withResolvers<void>();
  const keys = store.keys.bind(store);
  store.keys = () => promise.then(keys);
  await store.come();
  assert.equal(find(ring, "of-the-environment").state, "unread");
  assert.notEqual(ring.opening, null);
  resolve();
  await ring.opening;
  const found = find(ring, "of-the-environment");
  assert.equal(found.state === "valid" && found.grant?.rules.requestsPerMinute, 60);
});

test("a store that goes away leaves the last known keys, and hears of first uses when it is back", async () => {
  const bench = new Bench();
  const store = new AbsentStore();
  store.isAway = false;
  const { record, key } = newKey("alice", { expires: "1d after first use" }, bench.ports());
  await store.insertKey(record);
  const ring = bench.ring({ store });
  await ring.opening;
  store.isAway = true;
  const firstMs = bench.nowMs;
  assert.equal(find(ring, key).state, "valid");
  await turn();
  bench.nowMs += DAY_MS;
  assert.equal(find(ring, key).state, "expired");
  await store.come();
  assert.equal((await store.keys()).find(({ name }) => name === "alice")?.firstUsedMs, firstMs);
});

test("a store that never answers holds the first calls up for a second and no longer", async () => {
  const bench = new Bench();
  const store = new MemoryStore();
  store.keys = () => new Promise(() => {});
  const ring = bench.ring({ store, named: [{ name: "env-1", key: "of-the-environment" }] });
  const opening = ring.opening;
  assert.equal(bench.late.length, 1);
  for (const callback of bench.late) callback();
  await opening;
  assert.deepEqual([ring.opening, find(ring, "any").state, find(ring, "of-the-environment").state], [null, "unread", "unread"]);
});

test("other keys of the configuration take the place of the old ones, with what the store says of their names", async () => {
  const bench = new Bench();
  const stored = await bench.add("bob");
  await bench.store.insertKey({ ...newKey("alice", { rpm: "60" }, bench.ports()).record, hash: null });
  const ring = bench.ring({ named: [{ name: "env-1", key: "first-key" }] });
  await ring.opening;
  ring.takeNamed([{ name: "alice", key: "second-key" }]);
  assert.equal(find(ring, "first-key").state, "unknown");
  assert.equal(find(ring, stored).state, "valid");
  const found = find(ring, "second-key");
  assert.deepEqual(found.state === "valid" && [found.name, found.grant?.rules.requestsPerMinute], ["alice", 60]);
  ring.takeNamed([]);
  assert.equal(ring.isEmpty, false);
});

test("a ring that is closed asks the store for nothing more", async () => {
  const bench = new Bench();
  const ring = bench.ring();
  await ring.opening;
  ring.close();
  const key = await bench.add("late");
  await turn();
  assert.equal(find(ring, key).state, "unknown");
});
