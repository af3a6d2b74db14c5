// The short form of the fault table, against the program as it is shipped; and, on every way to start it, what only a whole process can show:
// clients that leave, and the end of the process while calls run.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { ask, MODELS, textOf, told, type Way } from "../support/dialects.ts";
import { answerTo, cellsOf, expectedOf, FAULTS, nameOf, outcomeOf } from "../support/faults.ts";
import { inTime, until, type CallOptions } from "../support/gateway.ts";
import { build, BUILT, cleanUp, OWN_WAYS, start, type Line } from "../support/program.ts";
import { startUpstream, type Answer } from "../support/upstream.ts";

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
const SHORT_LIMITS = { UPSTREAM_FIRST_BYTE_TIMEOUT: "3", UPSTREAM_IDLE_TIMEOUT: "3" };

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

/** Under Bun the executable. */
const SHIPPED = OWN_WAYS.at(-1) ?? BUILT;

test(`${SHIPPED.name}: every fault has its one right end and its one line in the log, and leaves nothing open`, async () => {
  // All at once, as each silence takes its time, and those apart, as their limits are short.
  const [quick, patient] = [start(SHIPPED, { env: { ...SETTINGS, ...SHORT_LIMITS } }), start(SHIPPED, { env: SETTINGS })];
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
    assert.deepEqual({ code, stderr }, { code: 0, stderr: SHIPPED.hint });
  }
});

interface Phase {
  readonly name: string;
  readonly answer: Answer;
  readonly stream: boolean;
  /** Whether the client has got something before it leaves. */
  readonly begins?: boolean;
  /** How much of the body the upstream has sent when the client leaves. */
  readonly written?: number;
  /** Whether the upstream has ended its part before the client leaves. */
  readonly waits?: boolean;
}
/** When a client leaves; `connect.test.ts` has the phase before these. */
const PHASES: readonly Phase[] = [
  { name: "before the head of a whole answer", answer: { hang: "before-head" }, stream: false },
  { name: "before the head of a stream", answer: { hang: "before-head" }, stream: true },
  { name: "before the first event", answer: { say: { text: "x" }, hang: "after-head" }, stream: true },
  { name: "in the body of a whole answer", answer: { body: '{"id": ', hang: { afterEvents: 1 } }, stream: false, written: 1 },
  {
    name: "in the middle of a stream",
    answer: { say: { text: "One two three four" }, hang: { afterEvents: 4 } },
    stream: true,
    begins: true,
  },
  {
    name: "in the wait for a retry",
    answer: { error: { status: 503, message: "Later." }, headers: { "retry-after": "2" } },
    stream: true,
    waits: true,
  },
];

for (const way of OWN_WAYS) {
  test(`${way.name}: a client that leaves lets the upstream go within 100 ms, in every phase, and the log says cancelled`, async () => {
    const program = start(way, { env: { ...SETTINGS, RETRIES: "2" } });
    const call = callerOf(await program.url);
    for (const target of WAYS) {
      for (const { name, answer, stream, begins = false, written = 0, waits = false } of PHASES) {
        upstream.script(() => answer);
        const where = `${target.name}, ${name}`;
        await inTime(100, async () => {
          const before = upstream.requests.length;
          const leaving = new AbortController();
          const id = crypto.randomUUID();
          const asked = ask(target.client, { model: MODELS[target.upstream], stream });
          const called = call(asked.path, { body: asked.body, signal: leaving.signal, headers: { "x-request-id": id } });
          called.catch(() => {});
          await until(() => upstream.requests.length > before, "the upstream to be asked");
          const seen = upstream.requests[before] ?? assert.fail();
          await until(() => seen.written >= written, "the beginning of a body");
          if (begins) await (await called).body?.getReader().read();
          // Long enough for the program to hear of the failure, and before it asks again.
          if (waits) await seen.done.then(() => new Promise((resolve) => setTimeout(resolve, 50)));
          const leftMs = performance.now();
          leaving.abort();
          await seen.done;
          const lines = (): Line[] => program.lines().filter(({ event, requestId }) => event === "request" && requestId === id);
          await until(() => lines().length > 0, `the log of ${where}`);
          // Messages says at its beginning what the input was, Gemini with every event; before that it is estimated, unless the upstream
          // has refused the request.
          assert.deepEqual(
            lines().map(({ status, error, inputTokens, usageSource }) => [status, error, begins ? inputTokens : usageSource]),
            [[499, "cancelled", begins ? 12 : waits ? undefined : "estimated"]],
            where,
          );
          assert.equal(upstream.requests.length, before + 1, where);
          return waits ? 0 : (seen.leftAtMs ?? assert.fail(where)) - leftMs;
        });
      }
    }
    program.signal("SIGTERM");
    assert.equal((await program.ended).code, 0);
    assert.equal(upstream.openConnections(), 0);
  });

  test(`${way.name}: while it stops it is alive but not ready, refuses new calls in words, and ends what runs whole`, async () => {
    let open = (): void => {};
    const opened = new Promise<void>((resolve) => (open = resolve));
    upstream.script(({ path }) => ({
      say: { text: "One two three" },
      hold: { afterEvents: path.endsWith("/messages") ? 4 : 0, until: opened },
    }));
    const program = start(way, { env: SETTINGS });
    const call = callerOf(await program.url);
    assert.equal((await call("/ready", { method: "GET" })).status, 200);
    const { path, body } = ask("anthropic-messages", { model: MODELS["anthropic-messages"], stream: true });
    const before = upstream.requests.length;
    const running = await call(path, { body });
    const whole = ask("openai-chat", { model: MODELS["openai-chat"] });
    const runningWhole = call(whole.path, { body: whole.body });
    await until(() => upstream.requests.length === before + 2, "both calls to be under way");
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
    assert.deepEqual(told("anthropic-messages", await running.text()), { text: "One two three", terminals: ["message_stop"] });
    assert.equal(textOf("openai-chat", await (await runningWhole).text()), "One two three");
    assert.equal((await program.ended).code, 0);
  });
}
