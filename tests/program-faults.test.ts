// The short form of the fault table, against the program as it is shipped: the executable; and on all three ways to start it what only a
// whole process can show: clients that leave, and the end of the process while calls run.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { ask, MODELS, type Way } from "./support/dialects.ts";
import { answerTo, cellsOf, expectedOf, FAULTS, nameOf, outcomeOf } from "./support/faults.ts";
import { inTime, until, type CallOptions } from "./support/gateway.ts";
import { build, BUILT, BUN, cleanUp, DENO, start } from "./support/program.ts";
import { startUpstream } from "./support/upstream.ts";

const CLIENT_KEY = "ck-a-fake-key-of-a-client";

const upstream = await startUpstream();
await build();
after(async () => {
  cleanUp();
  await upstream.stop();
});

const SETTINGS = {
  FACTORY_BASE_URL: upstream.url,
  FACTORY_API_KEY: "fk-a-fake-key-of-factory",
  PROXY_API_KEY: CLIENT_KEY,
  PORT: "0",
  RETRIES: "0",
};
/** Long enough for what is not silent on a machine that is busy. */
const SHORT_LIMITS = { UPSTREAM_FIRST_BYTE_TIMEOUT: "5", UPSTREAM_IDLE_TIMEOUT: "5" };

function callerOf(url: string): (path: string, options?: CallOptions) => Promise<Response> {
  return (path, { method = "POST", body, headers = {}, signal } = {}) =>
    fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${CLIENT_KEY}`, ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
}

const WAYS: readonly Way[] = [
  { client: "anthropic-messages", upstream: "anthropic-messages", name: "pass" },
  { client: "openai-chat", upstream: "gemini", name: "conversion" },
];

test("the executable: every fault has its one right end and its one line in the log, and leaves nothing open", async () => {
  // All at once, as each silence takes its time, and those apart, as their limits are short.
  const [quick, patient] = [start(BUILT, { env: { ...SETTINGS, ...SHORT_LIMITS } }), start(BUILT, { env: SETTINGS })];
  const callers = { quick: callerOf(await quick.url), patient: callerOf(await patient.url) };
  const cells = FAULTS.filter(({ name }) => !/^a \d/.test(name)).flatMap((fault) => cellsOf(fault, WAYS));
  upstream.script((seen) => answerTo(seen, cells));
  const found = await Promise.all(
    cells.map((cell) => outcomeOf(cell, { call: cell.fault.name.startsWith("silence") ? callers.quick : callers.patient })),
  );
  assert.deepEqual(
    Object.fromEntries(cells.map((cell, index) => [nameOf(cell), found[index]])),
    Object.fromEntries(cells.map((cell) => [nameOf(cell), expectedOf(cell)])),
  );
  const logged = (): string[] =>
    [quick, patient]
      .flatMap((program) => program.lines().filter(({ event }) => event === "request"))
      .map((line) => String(line["requestId"]));
  await until(() => cells.every(({ id }) => logged().includes(id)), "the log");
  assert.deepEqual(logged().toSorted(), cells.map(({ id }) => id).toSorted());
  await until(() => upstream.openConnections() === 0, "the upstream to be let go");
  for (const program of [quick, patient]) {
    program.signal("SIGTERM");
    const { code, stderr } = await program.ended;
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
  }
});

for (const way of [BUN, DENO, BUILT]) {
  test(`${way.name}: a client that leaves lets the upstream go within 100 ms, before the head and in the middle of a stream`, async () => {
    const program = start(way, { env: SETTINGS });
    const call = callerOf(await program.url);
    const asked = upstream.requests.length;
    for (const target of WAYS) {
      for (const [answer, stream] of [
        [{ hang: "before-head" }, false],
        [{ say: { text: "One two three four five six seven" }, hang: { afterEvents: 4 } }, true],
      ] as const) {
        upstream.script(() => answer);
        await inTime(100, async () => {
          const before = upstream.requests.length;
          const leaving = new AbortController();
          const { path, body } = ask(target.client, { model: MODELS[target.upstream], stream });
          const called = call(path, { body, signal: leaving.signal });
          called.catch(() => {});
          await until(() => upstream.requests.length > before, "the upstream to be asked");
          if (stream) await (await called).body?.getReader().read();
          const leftMs = performance.now();
          leaving.abort();
          const seen = upstream.requests[before] ?? assert.fail();
          await seen.done;
          return (seen.leftAtMs ?? assert.fail()) - leftMs;
        });
      }
    }
    const requests = (): unknown[] =>
      program
        .lines()
        .filter(({ event }) => event === "request")
        .map(({ error }) => error);
    await until(() => requests().length === upstream.requests.length - asked, "the log");
    assert.deepEqual(new Set(requests()), new Set(["cancelled"]));
    program.signal("SIGTERM");
    assert.equal((await program.ended).code, 0);
  });

  test(`${way.name}: while it stops it is alive but not ready, refuses new calls in words, and ends what runs whole`, async () => {
    let open = (): void => {};
    const opened = new Promise<void>((resolve) => (open = resolve));
    upstream.script(() => ({ say: { text: "One two three" }, hold: { afterEvents: 4, until: opened } }));
    const program = start(way, { env: SETTINGS });
    const call = callerOf(await program.url);
    assert.equal((await call("/ready", { method: "GET" })).status, 200);
    const { path, body } = ask("anthropic-messages", { model: MODELS["anthropic-messages"], stream: true });
    const running = await call(path, { body });
    program.signal("SIGTERM");
    await until(() => program.lines().some(({ event }) => event === "stopping"), "the program to see the signal");
    const found = await Promise.all([
      call("/ready", { method: "GET" }),
      call("/health", { method: "GET" }),
      call("/v1/chat/completions", { body }),
    ]);
    assert.deepEqual(
      found.map(({ status, headers }) => [status, headers.get("retry-after")]),
      [
        [503, "5"],
        [200, null],
        [503, "5"],
      ],
    );
    open();
    assert.match(await running.text(), /message_stop/);
    assert.equal((await program.ended).code, 0);
  });
}
