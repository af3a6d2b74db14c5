// What request bodies, and what is made of them, may take altogether: large requests are refused beyond it, small ones never.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as zlib from "node:zlib";
import { BodyMemory } from "../../src/gateway/body-memory.ts";
import { GatewayError } from "../../src/errors.ts";
import { ask, errorIn, MODELS, type Way } from "../support/dialects.ts";
import { CONVERSION, PAIR, PASSTHROUGH, startGateways, until, type RunningGateway } from "../support/gateway.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const FULL = "The server has no memory left for large requests (MAX_BODY_MEMORY). Try again in a moment.";

function refused(act: () => void): boolean {
  try {
    act();
    return false;
  } catch (error) {
    assert.ok(error instanceof GatewayError);
    assert.deepEqual([error.kind, error.message, error.headers], ["overloaded", FULL, { "retry-after": "1" }]);
    return true;
  }
}

test("shares: beyond the limit a large one is refused and takes nothing, a small one passes, and what is given back makes room", () => {
  const memory = new BodyMemory(4 * MIB);
  const [one, other, small] = [memory.share(), memory.share(), memory.share()];
  one.add(3 * MIB);
  assert.ok(refused(() => other.add(2 * MIB)));
  assert.equal(memory.bytes, 3 * MIB);
  small.add(256 * KIB);
  other.add(512 * KIB);
  assert.ok(refused(() => other.add(MIB)));
  assert.ok(refused(() => small.add(MIB)));
  one.keep(MIB);
  other.add(MIB);
  assert.equal(memory.bytes, MIB + 256 * KIB + 1536 * KIB);
  for (const share of [one, other, small, one]) share.keep(0);
  assert.equal(memory.bytes, 0);
});

test("shares: one that is alone passes whatever its size, beside small ones too", () => {
  const memory = new BodyMemory(MIB);
  const [one, small, other] = [memory.share(), memory.share(), memory.share()];
  small.add(100 * KIB);
  one.add(3 * MIB);
  one.need(9 * MIB);
  assert.ok(refused(() => other.check(300 * KIB)));
  one.keep(0);
  other.check(300 * KIB);
  assert.equal(memory.bytes, 100 * KIB);
});

test("shares: another limit counts the same bytes, and a share keeps the limit that it began with", () => {
  const memory = new BodyMemory(MIB);
  const one = memory.share();
  one.add(MIB);
  const next = memory.within(3 * MIB);
  const other = next.share();
  other.add(MIB);
  assert.ok(refused(() => one.add(1)));
  assert.ok(refused(() => next.share().add(2 * MIB)));
  one.keep(0);
  next.share().add(2 * MIB);
  assert.equal(memory.bytes, 3 * MIB);
});

const { upstream, gatewayWith } = await startGateways();

interface Sent {
  readonly stream?: boolean;
  readonly bytes?: number;
}

function large(gateway: RunningGateway, way: Way, { stream = false, bytes = 2 * MIB }: Sent = {}): Promise<Response> {
  const { path, body } = ask(way.client, { model: MODELS[way.upstream], stream, text: "x".repeat(bytes) });
  return gateway.call(path, { body });
}

/** The gateway while a large request waits for its answer, of which `events` events come. */
async function occupied(
  way: Way,
  events: number,
  act: (gateway: RunningGateway, first: Promise<Response>) => Promise<void>,
): Promise<void> {
  const gateway = await gatewayWith({ MAX_BODY_MEMORY: "8MiB" });
  let goOn = (): void => {};
  const hold = { afterEvents: events, until: new Promise<void>((resolve) => (goOn = resolve)) };
  const before = upstream.requests.length;
  upstream.script((_, index) => ({ say: { text: "One two three" }, ...(index === before ? { hold } : {}) }));
  const first = large(gateway, way, { stream: true });
  await until(() => upstream.requests.length > before, "the first request");
  try {
    await act(gateway, first);
  } finally {
    goOn();
    await (await first).text();
  }
}

for (const way of PAIR) {
  test(`${way.name}: while a large request waits for its answer, another is 503 with retry-after, a small one passes`, async () => {
    await occupied(way, 0, async (gateway) => {
      const response = await large(gateway, way, { bytes: 3 * MIB });
      assert.equal(response.headers.get("retry-after"), "1");
      const { message } = await errorIn(way.client, response);
      assert.equal(message, FULL);
      assert.equal((await large(gateway, way, { bytes: 10 })).status, 200);
    });
  });

  test(`${way.name}: a large request makes room as soon as its answer begins`, async () => {
    await occupied(way, 5, async (gateway, first) => {
      assert.equal((await first).status, 200);
      assert.equal((await large(gateway, PASSTHROUGH)).status, 200);
    });
  });
}

test("what is made of a body counts: one that fits as it came is refused where its conversion does not", async () => {
  await occupied(PASSTHROUGH, 0, async (gateway) => {
    assert.equal((await large(gateway, PASSTHROUGH, { bytes: MIB })).status, 200);
    assert.equal((await large(gateway, CONVERSION, { bytes: MIB })).status, 503);
  });
});

test("a body that says no length, or comes packed, counts as it comes out", async () => {
  await occupied(PASSTHROUGH, 0, async (gateway) => {
    const { path, body } = ask(PASSTHROUGH.client, { model: MODELS[PASSTHROUGH.upstream], text: "x".repeat(3 * MIB) });
    const bytes = new Uint8Array(zlib.gzipSync(JSON.stringify(body)));
    assert.ok(bytes.length < 256 * KIB);
    const headers = { authorization: `Bearer ${gateway.key}`, "content-type": "application/json", "content-encoding": "gzip" };
    const response = await fetch(gateway.url + path, { method: "POST", headers, body: bytes });
    assert.equal((await errorIn(PASSTHROUGH.client, response)).message, FULL);
  });
});
