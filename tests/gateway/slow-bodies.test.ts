// Bodies that take their time, or never end: they hold no slot, are given up on when nothing comes, and after a refusal are not read on.

import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { GatewayError } from "../../src/errors.ts";
import { ClientBody, withIdleTimeout } from "../../src/gateway/client-body.ts";
import { AwakeClock } from "../support/awake.ts";
import { ask, MODELS } from "../support/dialects.ts";
import { CLIENT_KEY, startGateways, until, type RunningGateway } from "../support/gateway.ts";
import { rawCall } from "../support/wire.ts";

const { gatewayWith } = await startGateways();
const { path, body } = ask("openai-chat", { model: MODELS["openai-chat"] });
const TEXT = JSON.stringify(body);
const MEBIBYTE = 1024 * 1024;

function head(length: number, { key = CLIENT_KEY, to = path, more = "" } = {}): string {
  return `POST ${to} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\n${more}content-length: ${length}\r\n\r\n`;
}

test("a call takes its slot when its body has come: half-sent ones hold nobody up", async () => {
  const gateway = await gatewayWith(
    { MAX_CALLS: "1" },
    { environment: { MAX_CALLS: "1", FACTORY_API_KEY: undefined, PROXY_API_KEY: undefined } },
  );
  const half = TEXT.slice(0, 20);
  const slow = Array.from({ length: 20 }, (_, index) => rawCall(gateway.url, head(TEXT.length, { key: `made-up-${index}` }) + half));
  // What was sent before has been taken in when this one has been answered.
  await (await gateway.call("/health", { method: "GET" })).text();
  const response = await gateway.call(path, { body, key: "fk-of-a-client" });
  assert.equal(response.status, 200);
  await response.text();
  for (const call of slow) call.send(TEXT.slice(20));
  await until(() => slow.every((call) => call.text().includes("\r\n\r\n")), "the answers");
  const statuses = slow.map((call) => call.text().slice(9, 12));
  assert.ok(statuses.includes("200") && statuses.every((status) => ["200", "503"].includes(status)), statuses.join());
  for (const call of slow) call.leave();
});

test("a body that stops coming is 408 after BODY_TIMEOUT, and its connection closes", async () => {
  const gateway = await gatewayWith({ BODY_TIMEOUT: "0.2" });
  const call = rawCall(gateway.url, head(TEXT.length) + TEXT.slice(0, 20));
  await until(() => call.text().includes("body_timeout"), "the refusal");
  assert.match(call.text(), /^HTTP\/1\.1 408 /);
  await call.closed;
  assert.deepEqual(
    gateway.lines.filter(({ event }) => event === "request").map(({ status }) => status),
    [408],
  );
});

test("a small body that trickles has BODY_TIMEOUT in all", async () => {
  const gateway = await gatewayWith({ BODY_TIMEOUT: "0.4" });
  const call = rawCall(gateway.url, head(TEXT.length));
  const pieces = Array.from(TEXT, (_, index) => TEXT.slice(index, index + 1));
  for (const piece of pieces) {
    if (call.text() !== "") break;
    call.send(piece);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await until(() => call.text().includes("body_timeout"), "the refusal");
  assert.match(call.text(), /^HTTP\/1\.1 408 /);
  call.leave();
});

test("a large body of which something comes now and then may take longer than BODY_TIMEOUT", async () => {
  const gateway = await gatewayWith({ BODY_TIMEOUT: "0.4" });
  const large = TEXT + " ".repeat(MEBIBYTE / 2);
  const call = rawCall(gateway.url, head(large.length));
  const pieces = Array.from({ length: 8 }, (_, index) => large.slice((index * large.length) / 8, ((index + 1) * large.length) / 8));
  for (const piece of pieces) {
    call.send(piece);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await until(() => call.text().includes("\r\n\r\n"), "the answer");
  assert.match(call.text(), /^HTTP\/1\.1 200 /);
  call.leave();
});

test("the wait for a body counts from its last piece, and is over when nobody waits any more", async () => {
  let nowMs = 0;
  const timers: { atMs: number; callback: (() => void) | null }[] = [];
  const after = (ms: number, callback: () => void): (() => void) => {
    const timer: (typeof timers)[number] = { atMs: nowMs + ms, callback };
    timers.push(timer);
    return () => void (timer.callback = null);
  };
  const tick = (ms: number): void => {
    nowMs = ms;
    for (const timer of timers) {
      const { callback } = timer;
      if (timer.atMs > nowMs) continue;
      timer.callback = null;
      callback?.();
    }
  };
  const found = Promise.withResolvers<{ done: boolean; value: Uint8Array }>();
  const waits = [found.promise, new Promise<never>(() => {})];
  const source = { read: () => waits.shift() ?? assert.fail(), cancel: () => Promise.resolve() };
  const { reader, stop } = withIdleTimeout(source, { ms: 100, after, monotonic: () => nowMs });
  const first = reader.read();
  nowMs = 60;
  found.resolve({ done: false, value: new Uint8Array(1) });
  assert.equal((await first).done, false);
  const second = reader.read();
  tick(100);
  tick(159);
  assert.equal(await Promise.race([second, Promise.resolve("waiting")]), "waiting");
  tick(160);
  await assert.rejects(second, (error) => error instanceof GatewayError && error.status === 408);
  stop();
});

// ---- After a refusal ---------------------------------------------------------------------------------------------

interface Flood {
  readonly answer: string;
  readonly sentBytes: number;
}

/** Sends without end, whatever comes back, until the connection closes. */
function flood(gateway: RunningGateway, text: string): Promise<Flood> {
  const { hostname, port } = new URL(gateway.url);
  const piece = new Uint8Array(64 * 1024).fill(0x20);
  return new Promise((resolve) => {
    let answer = "";
    let sentBytes = 0;
    const socket = connect(Number(port), hostname, () => {
      socket.write(text);
      const send = (): void => {
        while (!socket.destroyed && socket.write(piece)) sentBytes += piece.length;
      };
      socket.on("drain", send);
      send();
    });
    const guard = setTimeout(() => socket.destroy(), 10_000);
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => (answer += chunk));
    socket.on("error", () => {});
    socket.on("close", () => {
      clearTimeout(guard);
      resolve({ answer, sentBytes: Math.max(sentBytes, socket.bytesWritten) });
    });
  });
}

const ENDLESS = 9_999_999_999;
const REFUSALS: readonly (readonly [status: number, text: string])[] = [
  [401, head(ENDLESS, { key: "wrong" })],
  [401, head(ENDLESS, { key: "wrong" }).replace(`content-length: ${ENDLESS}`, "transfer-encoding: chunked") + "fffffffff\r\n"],
  [
    403,
    head(ENDLESS, { more: "origin: https://page.example\r\n" })
      .replace(/authorization.*\r\n/, "")
      .replace("application/json", "text/plain"),
  ],
  [413, head(ENDLESS)],
  [413, head(ENDLESS).replace(`content-length: ${ENDLESS}`, "transfer-encoding: chunked") + "fffffffff\r\n"],
  [404, head(ENDLESS, { to: "/no/such/path" })],
];
for (const [status, text] of REFUSALS) {
  const how = text.includes("chunked") ? "that does not say its length" : "that says its length";
  test(`after a ${status} the rest of a body ${how} is read for a moment, then the connection closes`, async () => {
    const gateway = await gatewayWith({ MAX_BODY_BYTES: "1MiB" });
    const { answer, sentBytes } = await flood(gateway, text);
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `));
    assert.match(answer, /"error"/);
    // What was on its way counts too.
    assert.ok(sentBytes < 64 * MEBIBYTE, `${sentBytes / MEBIBYTE} MiB were taken`);
  });
}

test("who sends half a body with a wrong key is answered at once, and left after two seconds", async () => {
  const gateway = await gatewayWith({});
  const clock = new AwakeClock();
  const call = rawCall(gateway.url, head(TEXT.length, { key: "wrong" }) + TEXT.slice(0, 20));
  await until(() => call.text().includes("invalid_api_key"), "the refusal");
  const answeredMs = clock.now();
  await call.closed;
  assert.match(call.text(), /\r\nconnection: close\r\n/i);
  assert.ok(clock.now() - answeredMs < 10_000);
});

test("a refused client gets the answer to a body of some size that it sends to the end", async () => {
  const gateway = await gatewayWith({});
  for (let count = 0; count < 5; count++) {
    const response = await gateway.call(path, { body: " ".repeat(900_000), key: "wrong" });
    assert.equal(response.status, 401);
    assert.match(await response.text(), /invalid_api_key/);
  }
});

test("a body that is read to its end is over, and one that breaks off too", async () => {
  const whole = new ClientBody(new Request("http://gateway.test", { method: "POST", body: "abc" }));
  assert.equal(whole.isOver, false);
  while (!(await whole.read()).done);
  assert.equal(whole.isOver, true);
  assert.deepEqual(await whole.read(), { done: true });
  const broken = new ClientBody({
    body: new ReadableStream({ pull: () => Promise.reject(new Error("gone")) }),
    arrayBuffer: () => Promise.reject(new Error("gone")),
  });
  await assert.rejects(broken.read(), (error) => error instanceof GatewayError && error.kind === "cancelled");
  assert.equal(broken.isOver, true);
  const atOnce = new ClientBody(new Request("http://gateway.test", { method: "POST", body: "abc" }));
  assert.deepEqual(await atOnce.whole(null), new TextEncoder().encode("abc"));
  assert.equal(atOnce.isOver, true);
  assert.equal(new ClientBody(new Request("http://gateway.test")).isOver, true);
});
