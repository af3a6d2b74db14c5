// Bodies that stream over a connection, made in the way that suits the runtime: what reaches the client, what is read for one that takes
// nothing, and how each end is told.

import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { after, test } from "node:test";
import type { BodyFlow, BodyReader, Fetch } from "../../src/runtime/ports.ts";
import { runtime } from "../../src/runtime/runtime.ts";
import { through, UNTOUCHED, webBody, type Outcome, type Pump } from "../../src/wire/pump.ts";
import { until } from "../support/gateway.ts";

const utf8 = new TextEncoder();
const sockets: Socket[] = [];
let answer: Fetch = () => new Response(null);
const server = runtime.listen(
  { host: "127.0.0.1", port: 0, maxFrameBytes: 1, headTimeoutMs: null, maxConnections: null },
  async (request, connection) => await answer(request, connection),
);
after(async () => {
  for (const socket of sockets) socket.destroy();
  await server.drain();
});

interface Source extends BodyReader {
  reads: number;
  isCancelled: boolean;
}

/** Text as a chunk, an error as a break; the last item again and again where the source is endless. */
function sourceOf(
  items: readonly (string | Uint8Array | Error)[],
  { isEndless = false, afterItem = () => Promise.resolve() } = {},
): Source {
  return {
    reads: 0,
    isCancelled: false,
    async read() {
      const index = this.reads++;
      await afterItem();
      const item = items[index] ?? (isEndless ? items.at(-1) : undefined);
      if (item instanceof Error) throw item;
      return item === undefined ? { done: true } : { done: false, value: typeof item === "string" ? utf8.encode(item) : item };
    },
    cancel() {
      this.isCancelled = true;
      return Promise.resolve();
    },
  };
}

function serving(source: BodyReader, { pump = UNTOUCHED, waitMs = 0 }: { pump?: Pump; waitMs?: number } = {}): Outcome[] {
  const outcomes: Outcome[] = [];
  answer = async (_, connection) => {
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    return new Response(through(source, pump, { closed: (outcome) => outcomes.push(outcome), body: connection?.body }));
  };
  return outcomes;
}

const url = `http://127.0.0.1:${server.port}/`;

function open(): Socket {
  const socket = connect({ port: server.port, host: "127.0.0.1" });
  sockets.push(socket);
  socket.on("error", () => {});
  socket.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  return socket;
}

/** A turn of the event loop between two items, as there is between two chunks of an upstream. */
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));

test("a body: all that the pump puts out, in order, and its last words", async () => {
  const outcomes = serving(sourceOf(["a", "b", "c"], { afterItem: turn }), { pump: { ...UNTOUCHED, end: () => utf8.encode("[end]") } });
  assert.equal(await (await fetch(url)).text(), "abc[end]");
  assert.deepEqual(outcomes, [{ type: "complete" }]);
});

test("a body whose source breaks ends with the pump's last words", async () => {
  const error = new Error("line cut");
  const outcomes = serving(sourceOf(["a", error], { afterItem: turn }), { pump: { ...UNTOUCHED, fail: () => utf8.encode("[broken]") } });
  assert.equal(await (await fetch(url)).text(), "a[broken]");
  assert.deepEqual(outcomes, [{ type: "failed", error }]);
});

test("a body whose source breaks where nobody can say so breaks the connection", async () => {
  const error = new Error("line cut");
  const outcomes = serving(sourceOf(["a", error], { afterItem: turn }));
  await assert.rejects(async () => await (await fetch(url)).text());
  assert.deepEqual(outcomes, [{ type: "failed", error }]);
});

test("a client that leaves ends the body and lets the source go, also where the source says nothing", async () => {
  // On Deno nobody but the connection's signal says it while nothing is written: see leaving.test.ts.
  for (const isSilent of runtime.name.startsWith("bun") ? [false, true] : [false]) {
    const silence = (): Promise<void> => (isSilent && source.reads > 2 ? new Promise(() => {}) : turn());
    const source: Source = sourceOf(["a"], { isEndless: true, afterItem: silence });
    const outcomes = serving(source);
    const socket = open();
    await until(() => source.reads > 2, "the body");
    socket.destroy();
    await until(() => source.isCancelled, "the source to be let go");
    assert.deepEqual(outcomes, [{ type: "cancelled" }]);
  }
});

test("a client that left before the body began lets the source go", async () => {
  const source = sourceOf(["a"], { isEndless: true, afterItem: turn });
  const outcomes = serving(source, { waitMs: 50 });
  const socket = open();
  setTimeout(() => socket.destroy(), 10);
  await until(() => source.isCancelled, "the source to be let go");
  assert.deepEqual([outcomes, source.reads <= 1], [[{ type: "cancelled" }], true]);
});

test("a client that takes nothing has no more read for it than its connection holds; once it does, the body goes on", async () => {
  const source = sourceOf([new Uint8Array(256 * 1024)], { isEndless: true, afterItem: turn });
  serving(source);
  const socket = open();
  socket.pause();
  let before = -1;
  await until(() => {
    const isStill = source.reads > 0 && source.reads === before;
    before = source.reads;
    return isStill;
  }, "the reading to stop");
  const readsMs = 200;
  await new Promise((resolve) => setTimeout(resolve, readsMs));
  const full = source.reads;
  await new Promise((resolve) => setTimeout(resolve, readsMs));
  assert.equal(source.reads, full);
  assert.ok(full < 256, `${full} pieces were read`);
  socket.resume();
  await until(() => source.reads > full + 8, "the reading to go on");
  socket.destroy();
  await until(() => source.isCancelled, "the source to be let go");
});

test("what ends a body from outside before it has begun ends it as it begins", async () => {
  let begin = (): void => {};
  const error = new Error("stopped");
  const outcomes: Outcome[] = [];
  const later = (flow: BodyFlow): ReadableStream<Uint8Array> =>
    webBody({
      ...flow,
      start(writer) {
        begin = () => flow.start(writer);
      },
    });
  const source = sourceOf(["a"]);
  let fail: (error: unknown) => void = () => {};
  const body = through(
    source,
    { ...UNTOUCHED, fail: () => utf8.encode("[stopped]") },
    { closed: (outcome) => outcomes.push(outcome), failing: (end) => void (fail = end), body: later },
  );
  fail(error);
  assert.deepEqual(outcomes, []);
  begin();
  assert.equal(await new Response(body).text(), "[stopped]");
  assert.deepEqual([outcomes, source.isCancelled], [[{ type: "failed", error }], true]);
});
