// Several workers on one port, as a user starts them: one log, one set of signals, one store, and what becomes of workers that die.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { after, test } from "node:test";
import { until } from "../support/gateway.ts";
import { build, cleanUp, emptyFolder, OWN_WAYS, start, type Line, type Running, type StartOptions, type Way } from "../support/program.ts";
import { startUpstream } from "../support/upstream.ts";

const FACTORY_KEY = "fk-a-fake-key-of-factory";
const CLIENT_KEY = "ck-a-fake-key-of-a-client";
const ADMIN_KEY = "an-admin-key-that-is-long-enough";
const isLinux = process.platform === "linux";

const upstream = await startUpstream({ key: FACTORY_KEY });
await build();
after(async () => {
  cleanUp();
  await upstream.stop();
});

function run(way: Way, options: StartOptions = {}): Running {
  const env = { FACTORY_BASE_URL: upstream.url, FACTORY_API_KEY: FACTORY_KEY, PROXY_API_KEY: CLIENT_KEY, PORT: "0", WORKERS: "2" };
  return start(way, { ...options, env: { ...env, DATABASE_URL: `sqlite:${join(emptyFolder(), "store.db")}`, ...options.env } });
}

/** The processes that it has started. */
function workersOf({ pid }: Running): number[] {
  // Where there are none, `ps` fails.
  const listed = spawnSync("ps", ["-o", "pid=", "--ppid", String(pid)], { encoding: "utf8" }).stdout;
  return listed.split("\n").flatMap((line) => (line.trim() === "" ? [] : [Number(line)]));
}

/** On a connection of its own each, so that the system shares them out. */
async function chat(url: string, { key = CLIENT_KEY, stream = false } = {}): Promise<Response> {
  const body = JSON.stringify({ model: "glm-4.6", stream, messages: [{ role: "user", content: "Hello there" }] });
  return fetch(`${url}/v1/chat/completions`, { method: "POST", headers: { authorization: `Bearer ${key}`, connection: "close" }, body });
}

async function ask(url: string, path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(url + path, { ...init, headers: { authorization: `Bearer ${ADMIN_KEY}`, connection: "close" } });
}

/** The calls that run, as the live events of the worker begin that happens to be asked. */
async function snapshotOf(url: string): Promise<string[]> {
  const response = await ask(url, "/api/admin/live");
  let text = "";
  for await (const piece of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += piece;
    const [, data] = /event: snapshot\ndata: (.*)\n/.exec(text) ?? [];
    if (data !== undefined) return (JSON.parse(data) as { calls: { id: string }[] }).calls.map(({ id }) => id);
  }
  throw new Error("There was no snapshot.");
}

function eventsIn(lines: readonly Line[]): unknown[] {
  return lines.map(({ event }) => event);
}

async function times<Result>(count: number, one: () => Promise<Result>): Promise<Result[]> {
  return Promise.all(Array.from({ length: count }, one));
}

for (const way of isLinux ? OWN_WAYS : []) {
  test(`${way.name}: workers are one server, with one log and one set of signals`, async () => {
    upstream.script(() => null);
    const program = run(way);
    const url = await program.url;
    assert.equal(program.lines()[0]?.["workers"], 2);
    assert.equal(workersOf(program).length, 2);
    const statuses = await times(40, async () => {
      const response = await chat(url);
      await response.text();
      return response.status;
    });
    assert.deepEqual(new Set(statuses), new Set([200]));
    program.signal("SIGHUP");
    await until(() => eventsIn(program.lines()).includes("configuration reloaded"), "the signal to be taken");
    program.signal("SIGTERM");
    const { code, stdout } = await program.ended;
    assert.equal(code, 0);
    for (const line of stdout.trimEnd().split("\n")) assert.doesNotThrow(() => JSON.parse(line), line);
    assert.deepEqual(
      eventsIn(program.lines()).filter((event) => event !== "request"),
      ["listening", "configuration reloaded", "stopping", "stopped"],
    );
    assert.equal(eventsIn(program.lines()).filter((event) => event === "request").length, 40);
  });

  test(`${way.name}: a worker that dies is replaced, and the log says so`, async () => {
    upstream.script(() => null);
    const program = run(way);
    const url = await program.url;
    const [first = 0] = workersOf(program);
    process.kill(first, "SIGKILL");
    await until(() => eventsIn(program.lines()).includes("worker started"), "another worker");
    const [died, started] = program.lines().slice(1);
    assert.deepEqual(
      [died?.["event"], died?.["worker"], died?.["pid"], died?.["reason"], started?.["event"], started?.["worker"]],
      ["worker died", 1, first, "SIGKILL", "worker started", 1],
    );
    assert.deepEqual(new Set((await times(10, () => chat(url))).map(({ status }) => status)), new Set([200]));
    program.signal("SIGINT");
    assert.equal((await program.ended).code, 0);
  });

  test(`${way.name}: workers that keep dying end it with 1`, async () => {
    const program = run(way);
    await program.url;
    let isOver = false;
    const ended = program.ended.finally(() => (isOver = true));
    while (!isOver) {
      for (const pid of workersOf(program)) kill(pid);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.equal((await ended).code, 1);
    assert.deepEqual(eventsIn(program.lines()).at(-1), "workers keep dying");
  });

  test(`${way.name}: at the signal to stop all workers end what runs, and at the second one they end at once`, async () => {
    let open = (): void => {};
    const opened = new Promise<void>((resolve) => (open = resolve));
    upstream.script(() => ({ say: { text: "One two three" }, hold: { afterEvents: 2, until: opened } }));
    const [patient, impatient] = [run(way), run(way)];
    const begin = async (program: Running): Promise<Response[]> => {
      const url = await program.url;
      return times(8, () => chat(url, { stream: true }));
    };
    const [calls, broken] = await Promise.all([begin(patient), begin(impatient)]);
    for (const program of [patient, impatient]) {
      program.signal("SIGTERM");
      await until(() => eventsIn(program.lines()).includes("stopping"), "the signal to be taken");
    }
    // Another one: the same might come too soon to count.
    impatient.signal("SIGINT");
    assert.equal((await impatient.ended).code, 1);
    for (const response of broken) assert.doesNotMatch(await response.text().catch(() => ""), /\[DONE\]/);
    open();
    for (const response of calls) assert.match(await response.text(), /\[DONE\]/);
    assert.equal((await patient.ended).code, 0);
  });

  test(`${way.name}: workers end with the process that started them`, async () => {
    const program = run(way);
    await program.url;
    const workers = workersOf(program);
    program.signal("SIGKILL");
    await until(() => workers.every((pid) => !isAlive(pid)), "the workers to end");
  });

  test(`${way.name}: what one worker knows every worker tells: calls that run, what was kept of them, metrics`, async () => {
    let open = (): void => {};
    const opened = new Promise<void>((resolve) => (open = resolve));
    upstream.script(() => ({ say: { text: "One two three" }, hold: { afterEvents: 2, until: opened } }));
    const program = run(way, { env: { ADMIN_KEY } });
    const url = await program.url;
    const calls = await times(12, () => chat(url, { stream: true }));
    const seen = await times(6, async () => {
      const text = await (await ask(url, "/metrics")).text();
      const inFlight = [...text.matchAll(/^factory_proxy_calls_in_flight\{worker="(\d)"\} (\d+)$/gm)];
      return [inFlight.map(([, worker]) => worker), inFlight.reduce((sum, [, , count]) => sum + Number(count), 0)];
    });
    for (const one of seen) assert.deepEqual(one, [["1", "2"], 12]);
    // Whichever worker is asked.
    const snapshots = await times(6, () => snapshotOf(url));
    for (const ids of snapshots) assert.equal(ids.length, 12);
    const [ended = ""] = snapshots[0] ?? [];
    assert.equal((await ask(url, `/api/admin/requests/${ended}/cancel`, { method: "POST" })).status, 204);
    open();
    for (const response of calls) await response.text();
    const kept = async (): Promise<unknown[]> => {
      const { rows } = (await (await ask(url, "/api/admin/requests?limit=20")).json()) as { rows: { isInspected: boolean }[] };
      return rows.filter(({ isInspected }) => isInspected);
    };
    let count = 0;
    await until(() => {
      void kept().then((rows) => (count = rows.length));
      return count === 12;
    }, "all calls to be kept");
    const details = await times(6, async () => {
      return (await (await ask(url, `/api/admin/requests/${ended}`)).json()) as { inspection: object | null };
    });
    for (const { inspection } of details) assert.notEqual(inspection, null);
    program.signal("SIGTERM");
    assert.equal((await program.ended).code, 0);
  });

  test(`${way.name}: where workers can't share a store there is one, and the log says why`, async () => {
    const program = run(way, { env: { DATABASE_URL: "memory:" } });
    await program.url;
    await until(() => eventsIn(program.lines()).includes("one worker"), "the reason");
    assert.deepEqual(workersOf(program), []);
    assert.equal(program.lines()[1]?.["message"], "DATABASE_URL is memory:, which processes can't share.");
    program.signal("SIGTERM");
    assert.equal((await program.ended).code, 0);
  });

  test(`${way.name}: workers do not share a port with another server, and say what is wrong once`, async () => {
    const first = run(way);
    const { port } = new URL(await first.url);
    const second = await run(way, { env: { PORT: port } }).ended;
    assert.equal(second.code, 1);
    assert.match(second.stderr, /can't listen on 127\.0\.0\.1:\d+: the port is in use/);
    const wrong = await run(way, { env: { DATABASE_URL: "sqlite:/dev/null/store.db" } }).ended;
    assert.equal(wrong.code, 2);
    assert.equal(wrong.stdout.split("store refused").length, 2);
    first.signal("SIGTERM");
    assert.equal((await first.ended).code, 0);
  });

  test(`${way.name}: a key's limit of calls at once is exact across workers`, async () => {
    let open = (): void => {};
    const opened = new Promise<void>((resolve) => (open = resolve));
    upstream.script(() => ({ say: { text: "One two three" }, hold: { afterEvents: 2, until: opened } }));
    const env = { DATABASE_URL: `sqlite:${join(emptyFolder(), "store.db")}` };
    const added = await run(way, { env, arguments: ["keys", "add", "alice", "--parallel", "3", "--json"] }).ended;
    const { key } = JSON.parse(added.stdout) as { readonly key: string };
    const program = run(way, { env });
    const url = await program.url;
    const calls = await times(12, () => chat(url, { key, stream: true }));
    assert.deepEqual(
      calls.map(({ status }) => status).toSorted((one, other) => one - other),
      [200, 200, 200, ...Array.from({ length: 9 }, () => 429)],
    );
    open();
    for (const response of calls) await response.text();
    program.signal("SIGTERM");
    assert.equal((await program.ended).code, 0);
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !spawnSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" }).stdout.startsWith("Z");
  } catch {
    return false;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended since it was listed.
  }
}
