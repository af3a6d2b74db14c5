// The body of a request is read up to the limit and not a byte further, however it says its length.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../src/errors.ts";
import { incomingRequest, readBody } from "../../src/gateway/request.ts";
import { unpack } from "../../src/runtime/unpack.ts";
import { Gathered } from "../../src/wire/gathered.ts";
import { concat } from "../../src/wire/pump.ts";

const MIB = 1024 * 1024;

/** Reads a body of so many bytes in two pieces; `declared`: whether the request says its length. */
async function lengthRead(length: number, { declared, limit }: { declared: boolean; limit: number }): Promise<number | GatewayError> {
  const half = Math.floor(length / 2);
  const pieces = [half, length - half].map((size) => new Uint8Array(size).fill(0x20));
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const piece = pieces.shift();
      if (piece === undefined) controller.close();
      else controller.enqueue(piece);
    },
  });
  const init: RequestInit & { duplex: "half" } = { method: "POST", body, duplex: "half" };
  const incoming = incomingRequest(new Request("http://gateway.test/v1/messages", init)) ?? assert.fail();
  const headers = declared ? { "content-length": String(length) } : {};
  try {
    return (await readBody({ ...incoming, headers }, { maxBytes: limit, unpack })).whole().length;
  } catch (error) {
    assert.ok(error instanceof GatewayError);
    return error;
  }
}

for (const limit of [1000, 2 * MIB]) {
  for (const declared of [true, false]) {
    const how = declared ? "says" : "does not say";
    test(`a body that ${how} its length may have ${limit} bytes where that is the limit, and not one more`, async () => {
      assert.equal(await lengthRead(limit, { declared, limit }), limit);
      const refused = await lengthRead(limit + 1, { declared, limit });
      assert.ok(refused instanceof GatewayError);
      assert.deepEqual(
        [refused.kind, refused.status, refused.message],
        ["too-large", 413, `The body is larger than ${limit} bytes (MAX_BODY_BYTES).`],
      );
    });
  }
}

test("a body that there is no memory for is a 503, and not a client that left", async () => {
  for (const cause of [new RangeError("Array buffer allocation failed"), new Error("Out of memory")]) {
    const body = new ReadableStream<Uint8Array>({ pull: (controller) => controller.error(cause) });
    const init: RequestInit & { duplex: "half" } = { method: "POST", body, duplex: "half" };
    const incoming = incomingRequest(new Request("http://gateway.test/v1/messages", init)) ?? assert.fail();
    await assert.rejects(readBody({ ...incoming, headers: {} }, { maxBytes: MIB, unpack }), { kind: "overloaded", status: 503, cause });
  }
});

/** A body of so many pieces, each alone in a buffer as large as Deno reads into. */
function crumbs(count: number, size: number): ReadableStream<Uint8Array> {
  let left = count;
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (left-- === 0) return controller.close();
      controller.enqueue(new Uint8Array(64 * 1024).fill(0x20, 0, size).subarray(0, size));
    },
  });
}

async function readCrumbs(count: number, size: number): Promise<Uint8Array | string> {
  const init: RequestInit & { duplex: "half" } = { method: "POST", body: crumbs(count, size), duplex: "half" };
  const incoming = incomingRequest(new Request("http://gateway.test/v1/messages", init)) ?? assert.fail();
  const body = await readBody({ ...incoming, headers: {} }, { maxBytes: 2 * MIB, unpack });
  return body.whole();
}

test("a body in pieces is put together in order, whatever their sizes", () => {
  const sizes = [1, 3, 16 * 1024 - 4, 1, 16 * 1024, 2, 40_000, 16 * 1024 - 1, 1, 1, 0, 5];
  const gathered = new Gathered();
  let next = 0;
  const pieces = sizes.map((size) => Uint8Array.from({ length: size }, () => next++ % 251));
  for (const piece of pieces) gathered.add(piece);
  assert.deepEqual(gathered.join(), concat(pieces));
});

test("short pieces of a body don't hold the buffers that they came in", () => {
  const gathered = new Gathered();
  const piece = new Uint8Array(64 * 1024).subarray(0, 1).fill(0x20);
  gathered.add(piece);
  piece.fill(0x21);
  assert.deepEqual(gathered.join(), new Uint8Array([0x20]));
});

test("a body may come in 10,000 pieces of any length, and in more where they are long enough", async () => {
  assert.equal((await readCrumbs(10_000, 1)).length, 10_000);
  assert.equal((await readCrumbs(11_000, 64)).length, 704_000);
  await assert.rejects(readCrumbs(10_001, 1), { kind: "invalid-request", status: 400, code: "body_fragmented" });
  await assert.rejects(readCrumbs(200_000, 63), { kind: "invalid-request", code: "body_fragmented" });
});
