// One suite for every engine of the store.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openStore } from "../../src/access/stores/stores.ts";
import type { AccountId, Store } from "../../src/access/store.ts";
import { startPostgres } from "../support/postgres.ts";
import { account, keyRecord, reservation, usageRow } from "../support/stored.ts";

interface Bed {
  readonly name: string;
  /** A store of its own, or one more on the same data. */
  open(data: string): Promise<Store>;
  /** Whether several stores can have the same data. */
  readonly isShared: boolean;
}

const folder = mkdtempSync(join(tmpdir(), "factory-proxy-stores-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const later = (ms: number, callback: () => void): (() => void) => {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
};

function opening(address: (data: string) => string | Promise<string>): (data: string) => Promise<Store> {
  return async (data) => {
    const store = openStore(await address(data), { dataDir: folder, isRequired: true }, { after: later, lost: assert.fail });
    await store.ready;
    return store;
  };
}

const server = await startPostgres();
after(() => server.remove());

const BEDS: readonly Bed[] = [
  { name: "sqlite", isShared: true, open: opening((data) => `sqlite:${folder}/${data}.db`) },
  { name: "postgres", isShared: true, open: opening((data) => server.database(data)) },
  { name: "memory", isShared: false, open: opening(() => "memory:") },
];

const NOON = Date.UTC(2026, 10, 28, 12);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const ALICE = { key: "alice", scope: "" };

let made = 0;

/** The same numbers each time. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
}

for (const bed of BEDS) {
  const own = (title: string, run: (store: Store, data: string) => Promise<void>): void => {
    test(`${bed.name}: ${title}`, async () => {
      const data = `data_${made++}`;
      const store = await bed.open(data);
      try {
        await run(store, data);
      } finally {
        await store.close();
      }
    });
  };

  own("keys are kept by name, changed and removed", async (store) => {
    assert.equal(store.kind, bed.name);
    assert.equal(store.state(), "ready");
    const bob = keyRecord("bob");
    assert.deepEqual(await store.keys(), []);
    assert.equal(await store.insertKey(bob), true);
    assert.equal(await store.insertKey({ ...bob, note: "another" }), false);
    assert.equal(await store.insertKey(keyRecord("alice")), true);
    assert.deepEqual(await store.keys(), [keyRecord("alice"), bob]);
    assert.deepEqual(await store.updateKey("bob", (record) => ({ ...record, isOff: true })), { ...bob, isOff: true });
    assert.deepEqual(await store.keys(), [keyRecord("alice"), { ...bob, isOff: true }]);
    assert.equal(await store.updateKey("bob", () => null), null);
    assert.equal(await store.updateKey("nobody", () => assert.fail()), null);
    assert.deepEqual(await store.keys(), [keyRecord("alice")]);
  });

  own("who watches hears of a changed key, until it stops", async (store) => {
    let heard = 0;
    const stop = store.watch(() => heard++);
    await store.insertKey(keyRecord("alice"));
    assert.ok(heard > 0);
    const before = heard;
    await store.updateKey("alice", (record) => ({ ...record, note: "new" }));
    assert.ok(heard > before);
    stop();
    const last = heard;
    await store.updateKey("alice", () => null);
    assert.equal(heard, last);
  });

  own("a transaction sees accounts and reservations, and keeps what it decides", async (store) => {
    const seen: unknown[] = [];
    const one = reservation("one");
    const opened = await store.transact({ accounts: [ALICE], reservations: ["one"] }, (view) => {
      seen.push(view.account(ALICE), view.isOpen("one"));
      return { accounts: [[ALICE, account(5)]], opened: [one], closed: [], result: "opened" };
    });
    await store.transact({ accounts: [ALICE], reservations: ["one", "two"] }, (view) => {
      seen.push(view.account(ALICE), view.isOpen("one"), view.isOpen("two"));
      return { accounts: [[ALICE, account(3)]], opened: [], closed: ["one", "two"], result: null };
    });
    await store.transact({ accounts: [], reservations: ["one"] }, (view) => {
      seen.push(view.isOpen("one"));
      return { accounts: [], opened: [], closed: [], result: null };
    });
    assert.equal(opened, "opened");
    assert.deepEqual(seen, [null, false, account(5), true, false, false]);
    assert.deepEqual(await store.account(ALICE), account(3));
    assert.equal(await store.account({ key: "alice", scope: "s1" }), null);
  });

  own("a transaction that throws changes nothing", async (store) => {
    const failed = store.transact({ accounts: [ALICE], reservations: [] }, () => {
      throw new RangeError("no");
    });
    await assert.rejects(failed, RangeError);
    assert.equal(await store.account(ALICE), null);
  });

  own("of 300 simultaneous transactions each counts", async (store) => {
    const results = await Promise.all(
      Array.from({ length: 300 }, () =>
        store.transact({ accounts: [ALICE], reservations: [] }, (view) => {
          const running = view.account(ALICE)?.running ?? 0;
          const isAdmitted = running < 100;
          return { accounts: isAdmitted ? [[ALICE, account(running + 1)]] : [], opened: [], closed: [], result: isAdmitted };
        }),
      ),
    );
    assert.equal(results.filter((isAdmitted) => isAdmitted).length, 100);
    assert.deepEqual(await store.account(ALICE), account(100));
  });

  own("reservations are abandoned once the lease of their process has run out", async (store) => {
    const open = [reservation("a", { gateway: "dead" }), reservation("b", { gateway: "alive" }), reservation("c", { gateway: "unknown" })];
    await store.renewLease("dead", NOON + 1000);
    await store.renewLease("alive", NOON + 1000);
    await store.renewLease("alive", NOON + 90_000);
    await store.transact({ accounts: [], reservations: [] }, () => ({ accounts: [], opened: open, closed: [], result: null }));
    assert.deepEqual(await store.abandoned(NOON + 1000), []);
    assert.deepEqual(await store.abandoned(NOON + 1001), [open[0]]);
    assert.deepEqual(await store.abandoned(NOON + 20_001), [open[0], open[2]]);
  });

  own("usage rows come back as they were, the newest first", async (store) => {
    const rows = [
      usageRow("r1", { atMs: NOON, requestId: "Ask-1" }),
      usageRow("r2", { atMs: NOON + 1, key: null, session: "s1", streaming: true, usd: null, credits: 1.5, status: null }),
      usageRow("r3", { atMs: NOON + 1, requestId: "ask_2", modelServed: "other", admissionMs: 0.25 }),
    ];
    await store.append(rows);
    await store.append(rows.slice(1));
    await store.append([]);
    const any = { sinceMs: null, untilMs: null, key: null, session: null, client: null, model: null };
    const all = { ...any, limit: 10, before: null, status: null, text: null };
    const ids = async (more: Partial<Parameters<Store["rows"]>[0]>): Promise<string[]> =>
      (await store.rows({ ...all, ...more })).map(({ id }) => id);
    assert.deepEqual(await store.rows(all), rows.toReversed());
    assert.deepEqual(await store.row("r2"), rows[1]);
    assert.equal(await store.row("r9"), null);
    assert.deepEqual(await ids({ limit: 2 }), ["r3", "r2"]);
    assert.deepEqual(await ids({ before: "r3" }), ["r2", "r1"]);
    assert.deepEqual(await ids({ before: "r9" }), []);
    assert.deepEqual(await ids({ text: "ASK" }), ["r3", "r1"]);
    assert.deepEqual(await ids({ text: "_" }), ["r3"]);
    assert.deepEqual(await ids({ sinceMs: NOON + 1 }), ["r3", "r2"]);
    assert.deepEqual(await ids({ untilMs: NOON + 1 }), ["r1"]);
    assert.deepEqual(await ids({ key: "alice" }), ["r3", "r1"]);
    assert.deepEqual(await ids({ session: "s1" }), ["r2"]);
    assert.deepEqual(await ids({ model: "other" }), ["r3"]);
    assert.deepEqual(await ids({ client: "codex" }), []);
  });

  own("rows are found by how the call ended", async (store) => {
    await store.append([
      usageRow("r1", { atMs: NOON }),
      usageRow("r2", { atMs: NOON + 1, status: 429, finish: "error:rate" }),
      usageRow("r3", { atMs: NOON + 2, status: 404, finish: "error:model" }),
      usageRow("r4", { atMs: NOON + 3, status: null, finish: "cancelled" }),
      usageRow("r5", { atMs: NOON + 4, finish: "cut" }),
      usageRow("r6", { atMs: NOON + 5, status: 429, finish: "error:rate", key: "bob" }),
    ]);
    const ids = async (more: Partial<Parameters<Store["rows"]>[0]>): Promise<string[]> => {
      const all = { sinceMs: null, untilMs: null, key: null, session: null, client: null, model: null };
      return (await store.rows({ ...all, limit: 10, before: null, text: null, status: null, ...more })).map(({ id }) => id);
    };
    const byStatus = async (status: string): Promise<string> => (await ids({ status })).join(" ");
    const asked = ["429", "4xx", "2xx", "500", "error", "cut", "cancelled", "error:rate", "error:", "ok"];
    assert.deepEqual(await Promise.all(asked.map(byStatus)), [
      "r6 r2",
      "r6 r3 r2",
      "r5 r1",
      "",
      "r6 r5 r3 r2",
      "r5",
      "r4",
      "r6 r2",
      "",
      "r1",
    ]);
    assert.deepEqual(await ids({ status: "4xx", key: "alice", before: "r3" }), ["r2"]);
    assert.deepEqual(await ids({ status: "error", limit: 1, text: "REQUEST-R" }), ["r6"]);
  });

  const any = { sinceMs: null, untilMs: null, key: null, session: null, client: null, model: null, zone: "UTC" };
  const rowsOfTwoDays = [
    usageRow("a", { atMs: NOON - DAY, usd: 1, credits: 10 }),
    usageRow("b", { atMs: NOON, usd: null, finish: "error:overloaded", session: "s1" }),
    usageRow("c", { atMs: NOON + 11 * HOUR, usd: 2, key: "bob", finish: "cut" }),
    usageRow("c", { atMs: NOON + 11 * HOUR, usd: 200, key: "bob", finish: "cut" }),
  ];

  own("sums are grouped as asked", async (store) => {
    await store.append(rowsOfTwoDays);
    assert.deepEqual(await store.sums({ ...any, by: [] }), [
      {
        group: [],
        calls: 3,
        errors: 2,
        inputTokens: 300,
        cacheReadTokens: 30,
        cacheWriteTokens: 36,
        outputTokens: 60,
        reasoningTokens: 15,
        credits: 30,
        usd: 3,
        unpriced: 1,
        firstMs: NOON - DAY,
        lastMs: NOON + 11 * HOUR,
      },
    ]);
    const groups = async (by: Parameters<Store["sums"]>[0]["by"], zone = "UTC"): Promise<unknown> =>
      (await store.sums({ ...any, zone, by })).map(({ group, calls }) => [...group, calls]);
    assert.deepEqual(await groups(["day", "key"]), [
      ["2026-11-27", "alice", 1],
      ["2026-11-28", "alice", 1],
      ["2026-11-28", "bob", 1],
    ]);
    assert.deepEqual(await groups(["hour"]), [
      ["2026-11-27T12", 1],
      ["2026-11-28T12", 1],
      ["2026-11-28T23", 1],
    ]);
    assert.deepEqual(await groups(["day", "hour"], "Asia/Kathmandu"), [
      ["2026-11-27", "2026-11-27T17", 1],
      ["2026-11-28", "2026-11-28T17", 1],
      ["2026-11-29", "2026-11-29T04", 1],
    ]);
    assert.deepEqual(await groups(["week"], "Pacific/Kiritimati"), [["2026-11-23", 3]]);
    assert.deepEqual(await groups(["month", "status"]), [["2026-11", "200", 3]]);
    assert.deepEqual(await groups(["session"]), [
      ["s1", 1],
      [null, 2],
    ]);
    assert.deepEqual(await groups(["model", "client"]), [["glm-5.2", "claude-code", 3]]);
    assert.deepEqual(
      (await store.sums({ ...any, by: [], sinceMs: NOON, untilMs: NOON + 1 })).map(({ calls }) => calls),
      [1],
    );
    assert.deepEqual(await store.sums({ ...any, by: ["day"], key: "carol" }), []);
    assert.deepEqual(await store.sums({ ...any, by: ["day"], key: "carol", zone: "Asia/Kathmandu" }), []);
  });

  own("days begin with the zone's clock, also over a change to summer time", async (store) => {
    // Berlin: on 29 March 2026 the clock goes from 2 to 3.
    const times = ["2026-03-28T22:59:59Z", "2026-03-28T23:00:00Z", "2026-03-29T21:59:59Z", "2026-03-29T22:00:00Z"];
    await store.append(times.map((time, index) => usageRow(`r${index}`, { atMs: Date.parse(time) })));
    const sums = await store.sums({ ...any, zone: "Europe/Berlin", by: ["day"] });
    assert.deepEqual(
      sums.map(({ group, calls }) => [...group, calls]),
      [
        ["2026-03-28", 1],
        ["2026-03-29", 2],
        ["2026-03-30", 1],
      ],
    );
  });

  own("sums are what the rows come to, in every zone, whatever is asked for", async (store) => {
    const random = seeded(12);
    const pick = <Value>(...values: readonly Value[]): Value => values[Math.floor(random() * values.length)] as Value;
    // Over changes to and from summer time, at the minutes around which days begin somewhere.
    const rows = Array.from({ length: 400 }, (_, index) =>
      usageRow(`r${index}`, {
        atMs: Date.UTC(2026, pick(2, 3, 9, 10), 1) + Math.floor(random() * 40 * 96) * 900_000 + pick(-1, 0, 1),
        key: pick("alice", "bob", null),
        client: pick("codex", null),
        session: pick("s1", "s2", null),
        modelServed: pick("a", "b", null),
        modelAsked: pick("a", null),
        status: pick(200, 429, null),
        finish: pick("end", "cut"),
        inputTokens: Math.floor(random() * 1000),
      }),
    );
    for (let at = 0; at < rows.length; at += 100) await store.append(rows.slice(at, at + 100));
    const reference = openStore("memory:", { dataDir: null, isRequired: true }, { after: later, lost: assert.fail });
    await reference.append(rows);
    const zones = [
      "UTC",
      "Asia/Shanghai",
      "Europe/Berlin",
      "Asia/Kolkata",
      "Asia/Kathmandu",
      "Australia/Adelaide",
      "Australia/Lord_Howe",
      "America/St_Johns",
      "Pacific/Chatham",
      "America/Havana",
    ];
    const dimensions = ["day", "week", "month", "hour", "session", "key", "client", "model", "status"] as const;
    for (let round = 0; round < 50; round++) {
      const [from, to] = [rows[Math.floor(random() * 400)]?.atMs ?? 0, rows[Math.floor(random() * 400)]?.atMs ?? 0];
      const query = {
        by: dimensions.filter(() => random() < 0.25),
        zone: pick(...zones),
        sinceMs: pick(null, Math.min(from, to)),
        untilMs: pick(null, Math.max(from, to)),
        key: pick(null, null, "alice"),
        client: pick(null, null, null, "codex"),
        session: pick(null, null, null, "s1"),
        model: pick(null, null, null, "a"),
      };
      const exact = (sums: Awaited<ReturnType<Store["sums"]>>): unknown =>
        sums.map((sum) => ({ ...sum, usd: sum.usd.toFixed(6), credits: sum.credits.toFixed(6) }));
      assert.deepEqual(exact(await store.sums(query)), exact(await reference.sums(query)), JSON.stringify(query));
    }
  });

  own("what is forgotten stays in the sums of its day", async (store) => {
    await store.append(rowsOfTwoDays);
    const query = { ...any, zone: "America/Los_Angeles", by: ["day", "key"] as const };
    const before = await store.sums({ ...query, zone: "UTC" });
    await store.forget(NOON, NOON);
    assert.equal(await store.row("a"), null);
    assert.notEqual(await store.row("b"), null);
    assert.deepEqual(await store.sums({ ...query, zone: "UTC" }), before);
    assert.deepEqual(
      (await store.sums(query)).map(({ group, calls }) => [...group, calls]),
      [
        ["2026-11-27", "alice", 1],
        ["2026-11-28", "alice", 1],
        ["2026-11-28", "bob", 1],
      ],
    );
    const since = await store.sums({ ...query, sinceMs: Date.UTC(2026, 10, 28, 8) });
    assert.deepEqual(
      since.map(({ group }) => group[0]),
      ["2026-11-28", "2026-11-28"],
    );
    assert.deepEqual(await store.sums({ ...any, by: [], session: "s2" }), []);
  });

  own("what a session has used is forgotten with the last that is known of it", async (store) => {
    const session = (scope: string): AccountId => ({ key: "alice", scope });
    const accounts = [ALICE, session("s1"), session("s2")];
    await store.transact({ accounts, reservations: [] }, () => ({
      accounts: accounts.map((id) => [id, account(0)] as const),
      opened: [],
      closed: [],
      result: null,
    }));
    await store.append([usageRow("r1", { atMs: NOON - 2 * DAY, session: "s1" }), usageRow("r2", { session: "s2" })]);
    await store.forget(NOON - DAY, NOON);
    assert.deepEqual(await Promise.all(accounts.map((id) => store.account(id))), [account(0), null, account(0)]);
  });

  own("a key that is made anew begins at nothing, whatever is open of the former one; what is no key goes on", async (store) => {
    const session: AccountId = { key: "alice", scope: "s1" };
    const bob: AccountId = { key: "bob", scope: "" };
    const ids = [ALICE, session, bob];
    const ofAlice = { accounts: [ALICE, session] };
    const use = (): Promise<null> =>
      store.transact({ accounts: ids, reservations: [] }, () => ({
        accounts: ids.map((id) => [id, account(1)] as const),
        opened: [reservation("r1", ofAlice), reservation("r2", { accounts: [bob] })],
        closed: [],
        result: null,
      }));
    const known = async (): Promise<readonly unknown[]> => [
      ...(await Promise.all(ids.map((id) => store.account(id)))),
      ...(await store.abandoned(NOON + DAY)).map(({ id }) => id).toSorted(),
    ];
    await store.insertKey(keyRecord("alice"));
    await use();
    await store.updateKey("alice", (record) => ({ ...record, isOff: true }));
    assert.deepEqual(await known(), [account(1), account(1), account(1), "r1", "r2"]);
    await store.updateKey("alice", () => null);
    assert.deepEqual(await known(), [null, null, account(1), "r2"]);
    // Of gateways that have not heard of it so far.
    await use();
    await store.insertKey(keyRecord("alice"));
    assert.deepEqual(await known(), [null, null, account(1), "r2"]);
    await use();
    assert.equal(await store.insertKey(keyRecord("alice")), false);
    await store.insertKey(keyRecord("bob", { hash: null }));
    await store.updateKey("bob", () => null);
    assert.deepEqual(await known(), [account(1), account(1), account(1), "r1", "r2"]);
  });

  own("shared values end with their time", async (store) => {
    assert.equal(await store.shared("rest", NOON), null);
    await store.share("rest", "a", NOON + 10);
    await store.share("rest", "b", NOON + 20);
    assert.equal(await store.shared("rest", NOON + 19), "b");
    assert.equal(await store.shared("rest", NOON + 20), null);
  });

  own("shared values are removed once their time is over, and others and usage rows are not", async (store) => {
    await store.append(rowsOfTwoDays);
    await store.share("over", "a", NOON);
    await store.share("rest", "b", NOON + 1);
    await store.forget(null, NOON);
    assert.deepEqual([await store.shared("over", NOON - 1), await store.shared("rest", NOON)], [null, "b"]);
    assert.notEqual(await store.row("a"), null);
  });
}

test("postgres: what it can't hold is refused as such, and changes nothing", async () => {
  const store = await opening((data) => server.database(data))(`data_${made++}`);
  try {
    for (const odd of [{ requestId: "\0" }, { outputTokens: 1.5 }, { inputTokens: 1e19 }]) {
      await assert.rejects(store.append([usageRow("r1"), usageRow("r2", odd)]), { name: "StoreError", isUnfit: true });
    }
    assert.equal(store.state(), "ready");
    assert.equal(await store.row("r1"), null);
  } finally {
    await store.close();
  }
});

test("sqlite: a row before the newest 10,000 is found by how one of its ids begins, and others by a part", async () => {
  const store = await opening((data) => `sqlite:${folder}/${data}.db`)(`data_${made++}`);
  try {
    const newer = Array.from({ length: 10_000 }, (_, index) => usageRow(`new-${index}`, { atMs: NOON + index, requestId: `new-${index}` }));
    await store.append([
      usageRow("old-1", { atMs: NOON - 1, requestId: "Asked_1" }),
      usageRow("old-2", { atMs: NOON - 2, requestId: "old-2" }),
      ...newer,
    ]);
    const any = { sinceMs: null, untilMs: null, key: null, session: null, client: null, model: null, status: null, before: null };
    const ids = async (text: string, more: Partial<Parameters<Store["rows"]>[0]> = {}): Promise<string[]> =>
      (await store.rows({ ...any, limit: 3, text, ...more })).map(({ id }) => id);
    assert.deepEqual(await ids("asked_"), ["old-1"]);
    assert.deepEqual(await ids("OLD-"), ["old-1", "old-2"]);
    assert.deepEqual(await ids("OLD-", { before: "old-1" }), ["old-2"]);
    assert.deepEqual(await ids("sked"), []);
    assert.deepEqual(await ids("w-9"), ["new-9999", "new-9998", "new-9997"]);
    assert.deepEqual(await ids("sked", { untilMs: NOON }), ["old-1"]);
  } finally {
    await store.close();
  }
});

for (const bed of BEDS.filter(({ isShared }) => isShared)) {
  test(`${bed.name}: two that start at once make the tables once, and see what the other does`, async () => {
    const data = `data_${made++}`;
    const [one, other] = await Promise.all([bed.open(data), bed.open(data)]);
    try {
      const heard = new Promise<void>((resolve) => void other.watch(resolve));
      await Promise.all([one.insertKey(keyRecord("alice")), one.append([usageRow("r1")]), other.append([usageRow("r1"), usageRow("r2")])]);
      await heard;
      assert.deepEqual(await other.keys(), [keyRecord("alice")]);
      const count = (store: Store): Promise<boolean> =>
        store.transact({ accounts: [ALICE], reservations: [] }, (view) => {
          const running = view.account(ALICE)?.running ?? 0;
          return { accounts: running < 100 ? [[ALICE, account(running + 1)]] : [], opened: [], closed: [], result: running < 100 };
        });
      const admitted = await Promise.all(Array.from({ length: 200 }, (_, index) => count(index % 2 === 0 ? one : other)));
      assert.equal(admitted.filter((isAdmitted) => isAdmitted).length, 100);
    } finally {
      await Promise.all([one.close(), other.close()]);
    }
  });
}
