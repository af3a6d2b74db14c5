// What goes wrong around a store: folders that can't be written, newer files, killed processes, a Postgres that is away.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { DatabaseSync } from "node:sqlite";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import postgres from "postgres";
import { migrate } from "../../src/access/stores/schema.ts";
import { openStore } from "../../src/access/stores/stores.ts";
import { StoreError, type Store, type UsageRow } from "../../src/access/store.ts";
import { runtime } from "../../src/runtime/runtime.ts";
import { ask } from "../support/dialects.ts";
import { CLIENT_KEY, startGateway } from "../support/gateway.ts";
import { startPostgres } from "../support/postgres.ts";
import { bunPath } from "../support/program.ts";
import { keyRecord, usageRow } from "../support/stored.ts";

const ADMITTING = fileURLToPath(new URL("../support/limit-writer.ts", import.meta.url));
const WRITER = fileURLToPath(new URL("../support/store-writer.ts", import.meta.url));
/** Each kills as many processes as write at once. */
const ROUNDS = Number(process.env["STORE_KILLS"] ?? 12) / 4;
const ALICE = { key: "alice", scope: "" };
const EVERYTHING = { sinceMs: null, untilMs: null, key: null, session: null, client: null, model: null, zone: "UTC", by: [] } as const;
const MOVE_AWAY = "Move it elsewhere and restart to create a new one, or set DATABASE_URL to another database.";
const UPDATE = "Update factory-proxy, or set DATABASE_URL to another database.";

const folder = mkdtempSync(join(tmpdir(), "factory-proxy-faults-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** How many have been set. */
let timers = 0;
const later = (ms: number, callback: () => void): (() => void) => {
  timers++;
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
};
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Opened {
  readonly store: Store;
  readonly heard: string[];
  /** Why it was away. */
  readonly reasons: string[];
}

function open(address: string, isRequired = false): Opened {
  const heard: string[] = [];
  const reasons: string[] = [];
  const ports = {
    after: later,
    lost: (reason: string) => void heard.push(`lost: ${reason}`),
    away: (reason: string) => {
      heard.push("away");
      reasons.push(reason);
    },
    back: () => void heard.push("back"),
    replaced: () => void heard.push("replaced"),
  };
  return { store: openStore(address, { dataDir: null, isRequired }, ports), heard, reasons };
}

test("a file that can't be used is said once, and the store is one in memory", async () => {
  const text = join(folder, "text.db");
  writeFileSync(text, "This is no database. ".repeat(100));
  const cases = [
    ["sqlite:", /^lost: The database file has no location\. Set DATA_DIR to a writable folder\.$/],
    [
      `sqlite:${text}`,
      /^lost: The database file \S+text\.db can't be used: file is not a database\. Move it elsewhere and restart to create a new one, /,
    ],
    [
      `sqlite:${text}/below.db`,
      /^lost: The database file \S+below\.db can't be used: .*\. Set DATA_DIR to a writable folder, or set DATABASE_URL\.$/,
    ],
  ] as const;
  for (const [address, says] of cases) {
    const { store, heard } = open(address);
    assert.equal(store.kind, "sqlite");
    assert.equal(await store.insertKey(keyRecord("alice")), true);
    await store.ready;
    assert.equal(store.kind, "memory");
    assert.equal(store.state(), "ready");
    assert.equal(heard.length, 1);
    assert.match(heard[0] ?? "", says);
    await store.close();
    await assert.rejects(open(address, true).store.ready, StoreError);
  }
});

test("a file that is replaced or removed while it is used gives way to the one that is there", { timeout: 30_000 }, async () => {
  const path = join(folder, "replaced.db");
  const { store, heard } = open(`sqlite:${path}`);
  let changes = 0;
  store.watch(() => changes++);
  await store.insertKey(keyRecord("alice"));
  await store.append([usageRow("r1"), usageRow("r2", { modelServed: "other" })]);

  const restored = open(`sqlite:${path}.backup`).store;
  await restored.insertKey(keyRecord("bob"));
  // The same id as another kind has in the file before.
  await restored.append([usageRow("b1", { modelServed: "other" })]);
  await restored.close();
  const before = changes;
  renameSync(`${path}.backup`, path);
  await eventually(() => heard.includes("replaced") && changes > before);
  assert.deepEqual(await store.keys(), [keyRecord("bob")]);
  await store.append([usageRow("r3")]);
  assert.deepEqual([await store.row("b1"), await store.row("r3")], [usageRow("b1", { modelServed: "other" }), usageRow("r3")]);

  rmSync(path);
  await eventually(() => heard.length === 2);
  assert.deepEqual(await store.keys(), []);
  await store.append([usageRow("r4")]);
  // As a command does.
  const command = open(`sqlite:${path}`).store;
  const seen = changes;
  await command.insertKey(keyRecord("carol"));
  await command.close();
  await eventually(() => changes > seen);
  await store.close();
  const again = open(`sqlite:${path}`).store;
  assert.deepEqual(await again.row("r4"), usageRow("r4"));
  await again.close();
});

test(
  "a file that takes the place of the one that is used and can't be used is said once, until there is one that can",
  { timeout: 60_000 },
  async () => {
    const path = join(folder, "unfit.db");
    const { store, heard, reasons } = open(`sqlite:${path}`);
    await store.insertKey(keyRecord("alice"));
    store.watch(() => {});
    writeFileSync(`${path}.text`, "This is no database. ".repeat(100));
    renameSync(`${path}.text`, path);
    await eventually(() => store.state() === "unreachable");
    await assert.rejects(store.keys(), { message: reasons[0] ?? "" });

    const database = new DatabaseSync(`${path}.newer`);
    database.exec("CREATE TABLE facts (name TEXT PRIMARY KEY, value BIGINT NOT NULL); INSERT INTO facts VALUES ('schema', 99)");
    database.close();
    renameSync(`${path}.newer`, path);
    await eventually(() => reasons.length === 2);
    // It looks at the file again and again.
    const before = timers;
    await eventually(() => timers > before + 2);
    await assert.rejects(store.keys(), { message: reasons[1] ?? "" });
    rmSync(path);
    await eventually(() => store.state() === "ready");
    assert.deepEqual(await store.keys(), []);
    assert.deepEqual(heard, ["away", "away", "replaced", "back"]);
    assert.deepEqual(reasons, [
      `The database file ${path} can't be used: file is not a database. ${MOVE_AWAY}`,
      `The database file ${path} was written by a newer factory-proxy (its tables are version 99; this program knows up to ${STEP_HASHES.length}). ${UPDATE}`,
    ]);
    await store.close();
  },
);

test("a database of a newer version is refused with a sentence", async () => {
  const path = join(folder, "newer.db");
  const first = open(`sqlite:${path}`, true).store;
  await first.insertKey(keyRecord("alice"));
  await first.close();
  const database = new DatabaseSync(path);
  database.exec("UPDATE facts SET value = 99 WHERE name = 'schema'");
  database.close();
  const { store, heard } = open(`sqlite:${path}`);
  await assert.rejects(
    store.ready,
    /newer\.db was written by a newer factory-proxy \(its tables are version 99; .*\)\. Update factory-proxy, or set/,
  );
  await assert.rejects(store.keys(), StoreError);
  assert.deepEqual(heard, []);
});

test("a database of an unfinished earlier version, or one that its steps do not fit, is refused with its name and what to do", async () => {
  const unfinished = "has tables of an unfinished earlier version of factory-proxy, which can't be upgraded.";
  const MADE = "CREATE TABLE facts (name TEXT PRIMARY KEY, value BIGINT NOT NULL); INSERT INTO facts VALUES ('schema', ?);";
  const cases = [
    [`${MADE.replace("?", "1")} CREATE TABLE kinds (id INTEGER PRIMARY KEY, signature TEXT NOT NULL UNIQUE)`, unfinished],
    [`${MADE.replace("?", "3")} CREATE TABLE kinds (id INTEGER PRIMARY KEY, sum_signature TEXT)`, unfinished],
    [`${MADE.replace("?", "1")} CREATE TABLE usage_models (hour BIGINT)`, "can't be upgraded: no such table: main.kinds."],
    ["CREATE TABLE keys (id TEXT)", "can't be upgraded: table keys already exists."],
  ] as const;
  for (const [index, [sql, reason]] of cases.entries()) {
    const path = join(folder, `unfinished-${index}.db`);
    const database = new DatabaseSync(path);
    database.exec(sql);
    database.close();
    const { store, heard } = open(`sqlite:${path}`);
    const said = index < 2 ? `The database file ${path} ${reason}` : `The tables of the database file ${path} ${reason}`;
    await assert.rejects(store.ready, (error) => {
      assert.ok(error instanceof StoreError);
      const { message, isFinal } = error;
      assert.deepEqual({ message, isFinal }, { message: `${said} ${MOVE_AWAY}`, isFinal: true });
      return true;
    });
    assert.deepEqual(heard, []);
  }
});

/** Of the statements of each step. A hash never changes: files have those tables. Another step adds its own at the end. */
const STEP_HASHES = ["90ea6439a90a803f", "a056f32bce87a57d", "f2f79483f086a070"];

test("no step of the schema is changed: there are files with its tables", () => {
  const place = { where: "The database", remedy: "" };
  const statementsFrom = (version: number): string[] => {
    const statements: string[] = [];
    const plan = migrate("sqlite", place);
    for (let next = plan.next([]); next.done !== true;) {
      const sql = next.value.type === "statements" ? next.value.statements.map((one) => one.sql) : [];
      statements.push(...sql);
      next = plan.next(sql[0]?.startsWith("SELECT value") === true ? [{ value: version, finished: "usage_models" }] : []);
    }
    // Behind the look at the version, and in front of its new one.
    return statements.slice(2, -1);
  };
  const hashes: string[] = [];
  for (let version = 0, rest = statementsFrom(0); rest.length > 0; version++) {
    const ahead = statementsFrom(version + 1);
    hashes.push(
      runtime
        .sha256(rest.slice(0, rest.length - ahead.length).join("\n"))
        .toHex()
        .slice(0, 16),
    );
    rest = ahead;
  }
  assert.deepEqual(hashes, STEP_HASHES);
});

test("a database of an earlier version is brought up to date, with what its rows come to", async () => {
  const path = join(folder, "earlier.db");
  const days = { ...EVERYTHING, zone: "Asia/Kolkata", by: ["day", "model"] } as const;
  const { store } = open(`sqlite:${path}`, true);
  await store.ready;
  // The day there begins at half past six in the evening.
  const times = ["18:10", "18:20", "18:31", "18:50", "19:10"].map((time) => Date.parse(`2026-11-28T${time}:00Z`));
  const kinds = [{ usd: null }, { finish: "cut" }, { modelServed: null, modelAsked: null }] as const;
  await store.append(times.flatMap((atMs) => kinds.map((kind, index) => usageRow(`row-${atMs}-${index}`, { ...kind, atMs }))));
  const before = await store.sums(days);
  assert.equal(before.length, 4);
  await store.close();
  const database = new DatabaseSync(path);
  database.exec("DROP TABLE usage_quarters; UPDATE facts SET value = 2 WHERE name = 'schema'");
  database.close();
  const newer = open(`sqlite:${path}`, true).store;
  assert.deepEqual(await newer.sums(days), before);
  await newer.close();
});

/** Has four processes write at once, and kills them in the middle. How many writes they were told are kept. */
async function killedWriters(program: string, path: string, round: number): Promise<number> {
  let kept = 0;
  const writers = [0, 1, 2, 3].map((index) => {
    const child = spawn(bunPath(), [program, `sqlite:${path}`, `${round}-${index}`], { stdio: ["ignore", "pipe", "inherit"] });
    const ended = new Promise((resolve) => child.once("close", resolve));
    const begun = new Promise<void>((resolve, reject) => {
      child.stdout.once("data", () => resolve());
      child.once("close", (code, signal) => reject(new Error(`A writer ended by itself: ${code ?? signal}.`)));
    });
    child.stdout.on("data", (piece: Buffer) => (kept += piece.length));
    return { child, begun, ended };
  });
  // A process may be late on a busy machine; those that have begun are enough.
  await Promise.race([Promise.all(writers.map(({ begun }) => begun)), pause(20_000)]);
  await pause(100 + 20 * (round % 7));
  assert.ok(kept > 0, "no writer has begun");
  for (const { child } of writers) child.kill("SIGKILL");
  await Promise.all(writers.map(({ ended }) => ended));
  return kept;
}

test("processes that are killed while they write leave a sound file that misses nothing they were told", { timeout: 300_000 }, async () => {
  const path = join(folder, "killed.db");
  let acknowledged = 0;
  let written = 0;
  for (let round = 0; round < ROUNDS; round++) {
    acknowledged += await killedWriters(WRITER, path, round);

    const database = new DatabaseSync(path);
    assert.deepEqual({ ...database.prepare("PRAGMA integrity_check").get() }, { integrity_check: "ok" });
    const { count } = database.prepare("SELECT COUNT(*) AS count FROM reservations").get() ?? {};
    database.close();
    const { store } = open(`sqlite:${path}`, true);
    const running = (await store.account(ALICE))?.running ?? 0;
    const [sum] = await store.sums(EVERYTHING);
    await store.close();
    assert.equal(running, count);
    assert.ok(running >= acknowledged, `${running} kept, ${acknowledged} acknowledged`);
    assert.ok((sum?.calls ?? 0) >= written);
    written = sum?.calls ?? 0;
    assert.equal(sum?.usd ?? 0, written);
    assert.ok(written >= running - 4 * (round + 1), `${written} rows of ${running} calls`);
  }
});

test("no call that was admitted by a process that is killed is missing from the budgets", { timeout: 300_000 }, async () => {
  const path = join(folder, "admitted.db");
  let admitted = 0;
  for (let round = 0; round < ROUNDS; round++) {
    admitted += await killedWriters(ADMITTING, path, round);
    const { store } = open(`sqlite:${path}`, true);
    const used = (await store.account(ALICE))?.budgets["tokens/ever"]?.used ?? 0;
    await store.close();
    assert.ok(used >= 10 * admitted, `${used} tokens counted, ${admitted} calls of 10 tokens admitted`);
  }
});

async function eventually(isTrue: () => boolean): Promise<void> {
  for (const startedMs = performance.now(); !isTrue();) {
    assert.ok(performance.now() - startedMs < 15_000, "it takes too long");
    await pause(10);
  }
}

test("Postgres absent at the start, gone, and back", { timeout: 60_000 }, async () => {
  const server = await startPostgres();
  try {
    const address = await server.database("faults");
    await server.stop();

    await assert.rejects(open(address, true).store.ready, StoreError);
    const { store, heard } = open(address);
    let changes = 0;
    store.watch(() => changes++);
    assert.equal(store.kind, "postgres");
    await assert.rejects(store.keys(), StoreError);
    assert.equal(store.state(), "unreachable");
    let isReady = false;
    void store.ready.then(() => (isReady = true));
    await pause(50);
    assert.equal(isReady, false);

    await server.start();
    await store.ready;
    await eventually(() => store.state() === "ready" && changes > 0);
    assert.deepEqual(heard, ["away", "back"]);
    await store.insertKey(keyRecord("alice"));

    const rows = Array.from({ length: 200 }, (_, index): UsageRow => usageRow(`r${index}`, { atMs: 1000 * index, usd: 1 }));
    const writing = (async () => {
      // As the ledger does: in order, each until it is kept.
      for (const row of rows) {
        while (
          !(await store.append([row]).then(
            () => true,
            () => false,
          ))
        )
          await pause(5);
      }
    })();
    await pause(30);
    await server.stop();
    await eventually(() => store.state() === "unreachable");
    const startedMs = performance.now();
    await assert.rejects(store.keys(), StoreError);
    assert.ok(performance.now() - startedMs < 100, "it is said at once");
    const before = changes;
    await server.start();
    await writing;
    await eventually(() => changes > before);
    const [sum] = await store.sums(EVERYTHING);
    assert.deepEqual([sum?.calls, sum?.usd], [200, 200]);
    assert.deepEqual(heard, ["away", "back", "away", "back"]);
    assert.deepEqual(await store.keys(), [keyRecord("alice")]);
    await store.close();
  } finally {
    await server.remove();
  }
});

test(
  "a Postgres that comes back with the tables of a newer version is said once more, and used again once it has others",
  { timeout: 60_000 },
  async () => {
    const server = await startPostgres();
    try {
      const address = await server.database("newer");
      const { store, heard, reasons } = open(address);
      await store.insertKey(keyRecord("alice"));
      const other = postgres(address, { max: 1 });
      await other`UPDATE facts SET value = 99 WHERE name = 'schema'`;
      await other`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'factory-proxy'`;
      await eventually(() => reasons.some((reason) => reason.includes("newer factory-proxy")));
      await assert.rejects(store.keys(), { message: reasons.at(-1) ?? "" });
      await other`UPDATE facts SET value = ${STEP_HASHES.length} WHERE name = 'schema'`;
      await eventually(() => store.state() === "ready");
      assert.deepEqual(await store.keys(), [keyRecord("alice")]);
      assert.deepEqual(heard, [...reasons.map(() => "away"), "back"]);
      const newer = `The database was written by a newer factory-proxy (its tables are version 99; this program knows up to ${STEP_HASHES.length}). ${UPDATE}`;
      assert.equal(reasons.filter((reason) => reason === newer).length, 1);
      await other.end();
      await store.close();
    } finally {
      await server.remove();
    }
  },
);

test("a Postgres that takes its time at the start: no call is served before its key's limits are known", { timeout: 60_000 }, async () => {
  const server = await startPostgres();
  try {
    const address = await server.database("slow");
    const first = open(address).store;
    const record = keyRecord("alice", { hash: null });
    await first.insertKey({ ...record, rules: { ...record.rules, budgets: [{ amount: 0, unit: "tokens", period: "day" }] } });
    await first.close();
    const holder = postgres(address, { max: 1 });
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const { promise: isHeld, resolve: holds } = Promise.withResolvers<void>();
    const holding = holder.begin(async (sql) => {
      await sql`LOCK TABLE keys IN ACCESS EXCLUSIVE MODE`;
      holds();
      await released;
    });
    await isHeld;
    const { store } = open(address);
    const gateway = await startGateway({ store, environment: { PROXY_API_KEY: `alice=${CLIENT_KEY}` } });
    const body = ask("openai-chat", { model: "glm-5.2" }).body;
    const call = async (): Promise<readonly unknown[]> => {
      const { status, headers } = await gateway.call("/v1/chat/completions", { body });
      return [status, headers.get("retry-after"), headers.get("x-factory-proxy-reason")];
    };
    try {
      assert.deepEqual(await Promise.all([call(), call()]), [
        [503, "5", null],
        [503, "5", null],
      ]);
      release();
      await holding;
      // The gateway reads its keys' limits once the store says that it is ready.
      let answer = await call();
      for (const startedMs = performance.now(); answer[0] === 503 && performance.now() - startedMs < 15_000; answer = await call())
        await pause(10);
      assert.deepEqual(answer, [402, null, "budget"]);
      assert.equal(gateway.upstream.requests.length, 0);
    } finally {
      release();
      await gateway.stop();
      await store.close();
      await holder.end();
    }
  } finally {
    await server.remove();
  }
});
