// Compressed bodies: what a client packed is read as if it had not, within the limit on bodies, and what can't be unpacked is refused.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import * as zlib from "node:zlib";
import { GatewayError } from "../../src/errors.ts";
import { incomingRequest, readBody } from "../../src/gateway/request.ts";
import { unpack } from "../../src/runtime/unpack.ts";
import type { Unpack } from "../../src/runtime/ports.ts";
import { ask, MODELS } from "../support/dialects.ts";
import { PROTOCOLS } from "../support/fixtures.ts";
import { startGateway } from "../support/gateway.ts";

const MIB = 1024 * 1024;
const ACCEPTED = "zstd, gzip, deflate, br";

type Bytes = Uint8Array<ArrayBuffer>;
type Pack = (bytes: Bytes) => Uint8Array;

const PACKERS: readonly (readonly [header: string, name: string, pack: Pack])[] = [
  ["zstd", "zstd", (bytes) => zlib.zstdCompressSync(bytes)],
  ["gzip", "gzip", (bytes) => zlib.gzipSync(bytes)],
  ["x-gzip", "gzip under its old name", (bytes) => zlib.gzipSync(bytes)],
  ["deflate", "deflate", (bytes) => zlib.deflateSync(bytes)],
  ["deflate", "deflate without its zlib head", (bytes) => zlib.deflateRawSync(bytes)],
  ["br", "br", (bytes) => zlib.brotliCompressSync(bytes, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } })],
  [" ZSTD ,", "zstd, oddly written", (bytes) => zlib.zstdCompressSync(bytes)],
  ["identity", "nothing that is named", (bytes) => bytes],
];

const gateway = await startGateway({ environment: { MAX_BODY_BYTES: "1MiB" } });
after(() => gateway.stop());

const encode = (text: string): Bytes => new TextEncoder().encode(text);

function post(path: string, body: BodyInit, encoding: string): Promise<Response> {
  return fetch(gateway.url + path, {
    method: "POST",
    headers: { authorization: `Bearer ${gateway.key}`, "content-type": "application/json", "content-encoding": encoding },
    body,
  });
}

for (const [encoding, name, pack] of PACKERS) {
  test(`a body packed by ${name} is read as if it were plain, on every client's path and for every upstream`, async () => {
    for (const client of PROTOCOLS) {
      for (const upstream of PROTOCOLS) {
        const { path, body } = ask(client, { model: MODELS[upstream] });
        const text = ` ${JSON.stringify(body, null, 2)}\n`;
        const plain = await gateway.call(path, { body: text });
        await plain.text();
        const sent = gateway.lastSeen();
        const packed = await post(path, pack(encode(text)) as Bytes, encoding);
        await packed.text();
        assert.equal(packed.status, plain.status);
        const { headers, ...seen } = gateway.lastSeen();
        assert.deepEqual([seen.path, seen.body], [sent.path, sent.body]);
        assert.equal(headers["content-encoding"], undefined);
      }
    }
  });
}

const REFUSED: readonly (readonly [encoding: string, message: string])[] = [
  ["compress", `content-encoding: compress: this server does not support it. Send the body uncompressed or with one of ${ACCEPTED}.`],
  ["toString", `content-encoding: tostring: this server does not support it. Send the body uncompressed or with one of ${ACCEPTED}.`],
  [
    "gzip, zstd",
    `content-encoding: gzip, zstd: a body may be compressed only once. Send the body uncompressed or with one of ${ACCEPTED}.`,
  ],
  ["gzip,gzip", `content-encoding: gzip,gzip: a body may be compressed only once. Send the body uncompressed or with one of ${ACCEPTED}.`],
];

for (const [encoding, message] of REFUSED) {
  test(`content-encoding "${encoding}" is 415 in the client's shape, and says what is accepted`, async () => {
    const before = gateway.upstream.requests.length;
    for (const client of PROTOCOLS) {
      const { path, body } = ask(client, { model: MODELS[client] });
      const response = await post(path, zlib.gzipSync(encode(JSON.stringify(body))) as Bytes, encoding);
      const { error } = (await response.json()) as { error: { message: string } };
      assert.deepEqual([response.status, response.headers.get("accept-encoding"), error.message], [415, ACCEPTED, message]);
    }
    assert.equal(gateway.upstream.requests.length, before);
  });
}

test("without a key nothing is unpacked", async () => {
  const response = await fetch(`${gateway.url}/v1/responses`, { method: "POST", headers: { "content-encoding": "compress" }, body: "x" });
  assert.equal(response.status, 401);
});

for (const [encoding, name, pack] of PACKERS.slice(0, 6)) {
  test(`${name}: a body that is something else, or cut off, is a 400`, async () => {
    const { path, body } = ask("openai-responses", { model: MODELS.gemini });
    const packed = pack(encode(JSON.stringify({ ...body, padding: "p".repeat(5000) })));
    const before = gateway.upstream.requests.length;
    for (const spoilt of [encode("{}"), packed.subarray(0, packed.length >> 1), new Uint8Array(0), new Uint8Array(500).fill(7)]) {
      const response = await post(path, spoilt as Bytes, encoding);
      const { error } = (await response.json()) as { error: { type: string } };
      assert.deepEqual([response.status, error.type], [400, "invalid_request_error"]);
    }
    assert.equal(gateway.upstream.requests.length, before);
  });
}

test("what is not of the encoding is named by it", async () => {
  const response = await post("/v1/messages", encode('{"model":"glm-5"}'), "zstd");
  const { error } = (await response.json()) as { error: { message: string } };
  assert.equal(error.message, "The body is not zstd, as its content-encoding says, or it is cut off.");
});

// ---- Limits ------------------------------------------------------------------------------------------------------

interface Read {
  /** Length of the body, or the error. */
  readonly result: number | GatewayError;
  /** How many bytes came out of it before. */
  readonly unpacked: number;
  /** How many packed bytes were taken. */
  readonly taken: number;
}

/** Reads a packed body that comes piece by piece and does not say its length. */
async function read(encoding: string, { limit, next }: { limit: number; next: () => Uint8Array | undefined }): Promise<Read> {
  let taken = 0;
  let unpacked = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const piece = next();
        taken += piece?.length ?? 0;
        if (piece === undefined) controller.close();
        else controller.enqueue(piece);
      },
    },
    { highWaterMark: 0 },
  );
  const counting: Unpack = (...given) => {
    const reader = unpack(...given);
    if (reader === null) return null;
    return {
      ...reader,
      async read() {
        const found = await reader.read();
        unpacked += found.value?.length ?? 0;
        return found;
      },
    };
  };
  const init: RequestInit & { duplex: "half" } = { method: "POST", body, duplex: "half", headers: { "content-encoding": encoding } };
  const incoming = incomingRequest(new Request("http://gateway.test/v1/messages", init)) ?? assert.fail();
  try {
    const text = await readBody(incoming, { maxBytes: limit, unpack: counting });
    return { result: text.whole().length, unpacked, taken };
  } catch (error) {
    assert.ok(error instanceof GatewayError);
    return { result: error, unpacked, taken };
  }
}

function inPieces(bytes: Uint8Array, size: number): () => Uint8Array | undefined {
  let at = 0;
  return () => (at < bytes.length ? bytes.slice(at, (at += size)) : undefined);
}

const TOO_LARGE = (limit: number): unknown => ["too-large", 413, `The body is larger than ${limit} bytes (MAX_BODY_BYTES).`];
const said = (result: Read["result"]): unknown => (result instanceof GatewayError ? [result.kind, result.status, result.message] : result);

for (const [encoding, name, pack] of PACKERS.slice(0, 6)) {
  const bomb = pack(new Uint8Array(64 * MIB).fill(0x20));

  test(`${name}: the limit holds for what comes out, to the byte`, async () => {
    const limit = 3 * MIB;
    const exact = await read(encoding, { limit, next: inPieces(pack(new Uint8Array(limit).fill(0x20)), 1000) });
    assert.deepEqual(said(exact.result), limit);
    const more = await read(encoding, { limit, next: inPieces(pack(new Uint8Array(limit + 1).fill(0x20)), 1000) });
    assert.deepEqual(said(more.result), TOO_LARGE(limit));
  });

  test(`${name}: of a bomb no more comes out than the limit and one piece`, async () => {
    const { result, unpacked } = await read(encoding, { limit: MIB, next: inPieces(bomb, bomb.length) });
    assert.deepEqual(said(result), TOO_LARGE(MIB));
    assert.ok(unpacked <= MIB + 64 * 1024, `${unpacked}`);
  });

  test(`${name}: a bomb is 413 in the client's shape`, async () => {
    const response = await post("/v1/messages", bomb.slice(), encoding);
    const { error } = (await response.json()) as { error: { type: string } };
    assert.deepEqual([response.status, error.type], [413, "request_too_large"]);
  });

  test(`${name}: a body in pieces of one byte is read`, async () => {
    const text = JSON.stringify({ text: "caf\u00e9 \u{1f600} ".repeat(200) });
    const { result } = await read(encoding, { limit: MIB, next: inPieces(pack(encode(text)), 1) });
    assert.deepEqual(said(result), text.length);
  });
}

test("a packed body out of which nothing comes is taken up to the limit and no further", async () => {
  const nothing = zlib.gzipSync(new Uint8Array(0));
  const piece = new Uint8Array(nothing.length * 1000);
  for (let at = 0; at < piece.length; at += nothing.length) piece.set(nothing, at);
  const { result, taken } = await read("gzip", { limit: MIB, next: () => piece });
  assert.deepEqual(said(result), TOO_LARGE(MIB));
  assert.ok(taken <= MIB + 2 * piece.length, `${taken}`);
});

test("zstd that wants a window of more memory than a body may have is refused", async () => {
  const packer = { params: { [zlib.constants.ZSTD_c_windowLog]: 27 } };
  const packed = zlib.zstdCompressSync(new Uint8Array(130 * MIB), packer);
  const { result, unpacked } = await read("zstd", { limit: MIB, next: inPieces(packed, packed.length) });
  assert.deepEqual(said(result), ["invalid-request", 400, "The body is not zstd, as its content-encoding says, or it is cut off."]);
  assert.equal(unpacked, 0);
});

test("a client that leaves in the middle of a packed body is no bad request", async () => {
  const packed = zlib.gzipSync(encode("x".repeat(1000)));
  let calls = 0;
  const next = (): Uint8Array => {
    if (calls++ > 0) throw new Error("gone");
    return packed.slice(0, 10);
  };
  const { result } = await read("gzip", { limit: MIB, next });
  assert.ok(result instanceof GatewayError && result.kind === "cancelled", String(said(result)));
});
