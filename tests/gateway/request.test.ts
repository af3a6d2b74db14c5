// The body of a request is read up to the limit and not a byte further, however it says its length.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../src/errors.ts";
import { incomingRequest, readBody } from "../../src/gateway/request.ts";
import { unpack } from "../../src/runtime/unpack.ts";

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
