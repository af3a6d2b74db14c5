// Connections that ask for nothing, or are too many, on every way to run: they take neither the process nor a running answer with them.

import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { after, test } from "node:test";
import { until } from "../support/gateway.ts";
import { build, cleanUp, DENO, OWN_WAYS, start, type Running, type Way } from "../support/program.ts";
import { startUpstream } from "../support/upstream.ts";
import { rawCall, type RawCall } from "../support/wire.ts";

const CLIENT_KEY = "ck-a-fake-key-of-a-client";
const CLAUDE = "claude-haiku-4-5-20251001";
const upstream = await startUpstream();
const silent = await startUpstream();
await build();
after(async () => {
  cleanUp();
  await upstream.stop();
  await silent.stop();
});

let release = (): void => {};
/** Streams that are asked for with "Wait" say their last words once `release` is called. */
function holdStreams(): void {
  const released = new Promise<void>((resolve) => (release = resolve));
  upstream.script(({ body }) => ({
    say: { text: "One two three" },
    ...(body.includes("Wait") ? { hold: { afterEvents: 4, until: released } } : {}),
  }));
}

function run(way: Way, env: Readonly<Record<string, string>> = {}): Running {
  const settings = { FACTORY_BASE_URL: upstream.url, FACTORY_API_KEY: "fk-a-fake-key-of-factory", PROXY_API_KEY: CLIENT_KEY, PORT: "0" };
  return start(way, { env: { ...settings, KEEP_ALIVE_INTERVAL: "0", ...env } });
}

function requestFor(words: string): string {
  const body = JSON.stringify({ model: CLAUDE, stream: true, max_tokens: 100, messages: [{ role: "user", content: words }] });
  return `POST /v1/messages HTTP/1.1\r\nhost: a\r\nx-api-key: ${CLIENT_KEY}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}
const HEALTH = "GET /health HTTP/1.1\r\nhost: a\r\n\r\n";
const HALF_A_HEAD = "GET /health HTTP/1.1\r\nho";

/** A stream in its middle. */
async function stream(url: string, words = "Wait"): Promise<RawCall> {
  const call = rawCall(url, requestFor(words));
  await until(() => call.text().includes("content_block_delta"), "the stream to begin");
  return call;
}

async function complete(call: RawCall): Promise<void> {
  release();
  await until(() => call.text().includes("message_stop"), "the end of the stream");
  call.leave();
}

async function isHealthy(url: string, mostMs: number): Promise<boolean> {
  const call = rawCall(url, HEALTH);
  const late = setTimeout(() => call.leave(), mostMs);
  const cut = call.closed.then(() => false);
  const found = await Promise.race([cut, until(() => call.text().startsWith("HTTP/1.1 200 "), "health").then(() => true)]);
  clearTimeout(late);
  call.leave();
  return found;
}

/** By the way to run: lets its stream at `silent` come to its end. */
const speak = new Map<string, () => void>();
silent.script(({ body }) => {
  const name = OWN_WAYS.find((way) => body.includes(`"${way.name}"`))?.name ?? "";
  return { say: { text: "One two three" }, hold: { afterEvents: 4, until: new Promise((resolve) => speak.set(name, resolve)) } };
});

/** How long it took until nobody was left whose head was not complete, while an answer was silent. */
async function headLimitMs(way: Way): Promise<number> {
  const url = await run(way, { HEADER_TIMEOUT: "1", FACTORY_BASE_URL: silent.url }).url;
  const running = await stream(url, way.name);
  const trickling = rawCall(url, HALF_A_HEAD);
  const trickle = setInterval(() => trickling.send("o"), 200);
  const idle = [rawCall(url, ""), rawCall(url, HALF_A_HEAD), rawCall(url, HEALTH), trickling];
  // Deno sees no difference between the first head of a connection and the next; Bun lets that trickle.
  if (way === DENO) idle.push(rawCall(url, HEALTH + HALF_A_HEAD));
  const startedMs = performance.now();
  await Promise.all(idle.map(({ closed }) => closed));
  clearInterval(trickle);
  const tookMs = performance.now() - startedMs;
  speak.get(way.name)?.();
  await until(() => running.text().includes("message_stop"), "the end of the stream");
  running.leave();
  return tookMs;
}

/** Bun takes 12 s, whatever the setting: they begin before all tests and run beside them. */
const headLimits = new Map(OWN_WAYS.map((way) => [way, headLimitMs(way)]));
for (const limit of headLimits.values()) limit.catch(() => {});

for (const way of OWN_WAYS) {
  const isDeno = way === DENO;

  test(`${way.name}: out of file descriptors it goes on, and takes new calls once the silent connections are closed`, async () => {
    holdStreams();
    const limited: Way = { ...way, command: ["/bin/sh", "-c", 'ulimit -n 150 && exec "$@"', "sh", ...way.command] };
    const program = run(limited, { HEADER_TIMEOUT: "1" });
    const url = await program.url;
    const running = await stream(url);
    const { hostname, port } = new URL(url);
    const held: Socket[] = Array.from({ length: 250 }, (_, index) => {
      const socket = connect(Number(port), hostname);
      socket.on("error", () => {});
      if (index % 2 === 0) socket.write(HALF_A_HEAD);
      return socket;
    });
    await new Promise((resolve) => setTimeout(resolve, 500));
    // Bun takes up to 12 s to close those that it has, and then those that waited.
    assert.ok(await isHealthy(url, isDeno ? 5000 : 30_000));
    await complete(running);
    for (const socket of held) socket.destroy();
    program.signal("SIGTERM");
    assert.equal((await program.ended).code, 0);
  });

  test(`${way.name}: MAX_CONNECTIONS closes the longest idle one for a new one, never one with a running answer`, async () => {
    holdStreams();
    const url = await run(way, { MAX_CONNECTIONS: "4" }).url;
    const running = await Promise.all([stream(url), stream(url), stream(url)]);
    const first = rawCall(url, HALF_A_HEAD);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const second = rawCall(url, "");
    if (isDeno) {
      await first.closed;
      running.push(await stream(url));
      await second.closed;
      // Where all are busy, there is no place.
      await rawCall(url, "").closed;
    } else {
      // Declared gap: Bun tells nobody of a connection before its first request. This tells when that has changed.
      assert.ok(await isHealthy(url, 5000));
      const isClosed = await Promise.race([first.closed.then(() => true), new Promise((resolve) => setTimeout(() => resolve(false), 300))]);
      assert.equal(isClosed, false);
    }
    release();
    for (const call of running) await complete(call);
    first.leave();
    second.leave();
  });

  test(`${way.name}: bytes behind a request that is being answered`, async () => {
    holdStreams();
    const url = await run(way).url;
    for (const extra of ["\r\n", HEALTH]) {
      const call = await stream(url);
      call.send(extra);
      if (isDeno) {
        // Time for it to be read.
        assert.ok(await isHealthy(url, 5000));
        assert.equal(call.text().match(/^HTTP\/1\.1 200 /gm)?.length, 1, "the second answer waits for the first");
        await complete(call);
      } else {
        // Declared gap: Bun takes them for a request, and closes the connection. This tells when that has changed.
        assert.doesNotMatch(await call.closed, /message_stop/);
      }
      holdStreams();
    }
    const both = rawCall(url, requestFor("Hello") + HEALTH.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n"));
    const statuses = (await both.closed).match(/HTTP\/1\.1 \d+/g);
    assert.deepEqual(statuses, isDeno ? ["HTTP/1.1 200", "HTTP/1.1 200"] : null);
  });
}

for (const way of OWN_WAYS) {
  test(`${way.name}: a connection that sends no complete head is closed, trickled or not; a silent answer is not`, async () => {
    const tookMs = (await headLimits.get(way)) ?? Infinity;
    assert.ok(tookMs < (way === DENO ? 5000 : 20_000), `${tookMs} ms`);
  });
}
