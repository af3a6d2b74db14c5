// The ledger: in batches and off the call's way; while the store is away rows wait in a file, and are written in order and once afterwards.

import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Ledger, type Spill } from "../../src/access/ledger.ts";
import { StoreError, type UsageRow } from "../../src/access/store.ts";
import { MemoryStore } from "../../src/access/stores/memory.ts";
import { SpillFile } from "../../src/access/stores/spill-file.ts";
import { Clock } from "../support/clock.ts";
import { usageRow } from "../support/stored.ts";

const ROOT = mkdtempSync(join(tmpdir(), "ledger-"));
after(() => rmSync(ROOT, { recursive: true }));
let folders = 0;

/** A store that can be away, and remembers what came. */
class Stored {
  isAway = false;
  /** The id of a row that it can't hold. */
  unfit: string | null = null;
  readonly batches: string[][] = [];
  readonly forgotten: (readonly [beforeMs: number | null, nowMs: number])[] = [];
  readonly #inner = new MemoryStore();

  async append(rows: readonly UsageRow[]): Promise<void> {
    if (this.isAway) throw new StoreError("The store is away.");
    if (rows.some(({ id }) => id === this.unfit)) throw new StoreError("A text is none.", { isUnfit: true });
    this.batches.push(rows.map(({ id }) => id));
    await this.#inner.append(rows);
  }

  async forget(beforeMs: number | null, nowMs: number): Promise<void> {
    this.forgotten.push([beforeMs, nowMs]);
    await this.#inner.forget(beforeMs, nowMs);
  }

  get ids(): string[] {
    return this.batches.flat();
  }
}

/** What a spill is doing: files take their own time, whatever the clock says. */
class Work {
  #running = 0;

  watched(spill: Spill): Spill {
    const seen = async <T>(doing: Promise<T>): Promise<T> => {
      this.#running++;
      return doing.finally(() => this.#running--);
    };
    return { append: (lines) => seen(spill.append(lines)), oldest: () => seen(spill.oldest()), done: () => seen(spill.done()) };
  }

  async done(): Promise<void> {
    do await new Promise((resolve) => setTimeout(resolve, 0));
    while (this.#running > 0);
  }
}

interface World {
  readonly store: Stored;
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly reports: string[];
  readonly dir: string;
  /** Lets time pass in small steps, and what was begun be done. */
  readonly pass: (ms: number) => Promise<void>;
}

function worldWith({
  spill,
  dir = join(ROOT, String(folders++)),
  keepMs = null,
}: { spill?: Spill | null; dir?: string; keepMs?: number | null } = {}): World {
  const [store, clock, reports] = [new Stored(), new Clock(), [] as string[]];
  const file = spill === undefined ? new SpillFile({ dir, owner: `p${folders++}` }) : spill;
  const work = new Work();
  const ledger = new Ledger(
    {
      store,
      spill: file === null ? null : work.watched(file),
      after: clock.after,
      now: () => clock.now(),
      report: (event) => reports.push(event),
    },
    { keepMs },
  );
  ledger.start();
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 10) {
      clock.advance(10);
      await work.done();
    }
  };
  return { store, clock, ledger, reports, dir, pass };
}

const rows = (from: number, to: number): UsageRow[] => Array.from({ length: to - from }, (_, index) => usageRow(`r${from + index}`));
const ids = (from: number, to: number): string[] => rows(from, to).map(({ id }) => id);
const addAll = (ledger: Ledger, some: readonly UsageRow[]): void => some.forEach((row) => ledger.add(row));

test("rows are written within 100 ms, in order, a hundred at once at most", async () => {
  const { store, ledger, pass } = worldWith();
  addAll(ledger, rows(0, 250));
  assert.deepEqual(store.ids, []);
  await pass(100);
  assert.deepEqual(store.ids, ids(0, 250));
  assert.deepEqual(
    store.batches.map(({ length }) => length),
    [100, 100, 50],
  );
});

test("a row that the store can't hold keeps no other row out", async () => {
  const { store, ledger, reports, pass } = worldWith();
  store.unfit = "r7";
  addAll(ledger, rows(0, 60));
  await pass(100);
  assert.deepEqual(store.ids, [...ids(0, 7), ...ids(8, 60)]);
  assert.deepEqual(reports, ["usage row lost"]);
});

test("while the store is away rows wait in a file; when it is back they are written in order, once, before newer ones", async () => {
  const { store, ledger, reports, dir, pass } = worldWith();
  store.isAway = true;
  addAll(ledger, rows(0, 150));
  await pass(200);
  addAll(ledger, rows(150, 300));
  await pass(200);
  assert.equal(readdirSync(dir).length, 1);
  store.isAway = false;
  await pass(1100);
  addAll(ledger, rows(300, 310));
  await pass(300);
  assert.deepEqual(store.ids, ids(0, 310));
  assert.deepEqual(reports, ["usage rows wait", "usage rows are written again"]);
  assert.deepEqual(readdirSync(dir), []);
});

test("what a killed process left waiting is written by the next one, but for half a line", async () => {
  const first = worldWith();
  first.store.isAway = true;
  addAll(first.ledger, rows(0, 120));
  await first.pass(200);
  const [name = ""] = readdirSync(first.dir);
  appendFileSync(join(first.dir, name), '{"id":"half');
  const next = worldWith({ dir: first.dir });
  next.ledger.add(usageRow("r120"));
  await next.pass(300);
  assert.deepEqual(next.store.ids, ids(0, 121));
  assert.deepEqual(readdirSync(first.dir), []);
});

test("the end writes what waits: to the store, or to the file", async () => {
  const near = worldWith();
  addAll(near.ledger, rows(0, 250));
  await near.ledger.stop();
  assert.deepEqual(near.store.ids, ids(0, 250));
  const away = worldWith();
  away.store.isAway = true;
  addAll(away.ledger, rows(0, 250));
  await away.ledger.stop();
  const next = worldWith({ dir: away.dir });
  await next.pass(200);
  assert.deepEqual(next.store.ids, ids(0, 250));
});

test("without a file some thousand rows wait in memory, and the log says that more are lost", async () => {
  const { store, ledger, reports, pass } = worldWith({ spill: null });
  store.isAway = true;
  addAll(ledger, rows(0, 10_005));
  await pass(100);
  store.isAway = false;
  await pass(4000);
  assert.deepEqual(store.ids, ids(0, 10_000));
  assert.deepEqual(reports, ["usage rows lost", "usage rows wait", "usage rows are written again"]);
});

test("a file that is full, or can't be written, is said once, and no call hears of it", async () => {
  const dir = join(ROOT, String(folders++));
  const full = worldWith({ spill: new SpillFile({ dir, owner: "full", maxBytes: 2000 }) });
  full.store.isAway = true;
  addAll(full.ledger, rows(0, 2));
  await full.pass(100);
  addAll(full.ledger, rows(2, 10));
  await full.pass(100);
  full.store.isAway = false;
  await full.pass(1200);
  assert.deepEqual(full.store.ids, ids(0, 2));
  assert.deepEqual(full.reports, ["usage rows wait", "usage rows lost", "usage rows are written again"]);

  const broken = worldWith({ dir: "/dev/null/none" });
  broken.store.isAway = true;
  addAll(broken.ledger, rows(0, 3));
  await broken.pass(300);
  broken.store.isAway = false;
  await broken.pass(1200);
  assert.deepEqual(broken.store.ids, ids(0, 3));
  assert.deepEqual(broken.reports, ["usage rows can't be kept in DATA_DIR", "usage rows wait", "usage rows are written again"]);
});

for (const keepMs of [1000, null]) {
  const what = keepMs === null ? "what is over is removed, but no rows where they are kept for ever" : "rows that are too old are removed";
  test(`${what}, a minute after the start and each hour`, async () => {
    const { store, clock, ledger } = worldWith({ keepMs });
    const startMs = clock.now();
    clock.advance(60_000);
    clock.advance(3_600_000);
    const times = [startMs + 60_000, startMs + 3_660_000];
    assert.deepEqual(
      store.forgotten,
      times.map((nowMs) => [keepMs === null ? null : nowMs - keepMs, nowMs]),
    );
    await ledger.stop();
    clock.advance(3_600_000);
    assert.equal(store.forgotten.length, 2);
  });
}
