// Packed bodies: all of one comes out, and nothing else; one that is cut off anywhere ends in an error, and never in silence.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as zlib from "node:zlib";
import type { BodyReader } from "../../src/runtime/ports.ts";
import { unpack } from "../../src/runtime/unpack.ts";

type Pack = (bytes: Uint8Array) => Uint8Array;

const withChecksum = { params: { [zlib.constants.ZSTD_c_checksumFlag]: 1 } };
const slightly = { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } };
/** A frame of zstd that a decoder passes over. */
const skippable = (bytes: number): Uint8Array => Uint8Array.of(0x5e, 0x2a, 0x4d, 0x18, bytes, 0, 0, 0, ...new Uint8Array(bytes));

const PACKERS: readonly (readonly [encoding: string, name: string, pack: Pack])[] = [
  ["gzip", "gzip", (bytes) => zlib.gzipSync(bytes)],
  ["deflate", "deflate", (bytes) => zlib.deflateSync(bytes)],
  ["deflate", "deflate without its zlib head", (bytes) => zlib.deflateRawSync(bytes)],
  ["br", "br", (bytes) => zlib.brotliCompressSync(bytes, slightly)],
  ["zstd", "zstd", (bytes) => zlib.zstdCompressSync(bytes)],
  ["zstd", "zstd with a checksum", (bytes) => zlib.zstdCompressSync(bytes, withChecksum)],
  ["zstd", "zstd that does not say its size", zstdOfUnknownSize],
];

/** Flushed in the middle: in several blocks, and with a window in its head. */
function zstdOfUnknownSize(bytes: Uint8Array): Uint8Array {
  const begun = zlib.zstdCompressSync(bytes, { finishFlush: zlib.constants.ZSTD_e_flush });
  const lastBlock = Uint8Array.of(1, 0, 0);
  return Buffer.concat([begun, lastBlock]);
}

const PLAIN = new TextEncoder().encode(Array.from({ length: 60 }, (_, index) => `word ${(index * 7919) % 101} and on`).join(" "));

interface Found {
  readonly bytes: Uint8Array;
  /** Null: the body was complete. */
  readonly error: unknown;
}

async function unpacked(encoding: string, pieces: readonly Uint8Array[]): Promise<Found> {
  let at = 0;
  const source: BodyReader = {
    read() {
      const value = pieces[at++];
      return Promise.resolve(value === undefined ? { done: true } : { done: false, value });
    },
    cancel: () => Promise.resolve(),
  };
  const reader = unpack(encoding, source, { maxBytes: 1024 * 1024 }) ?? assert.fail();
  const out: Uint8Array[] = [];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || value === undefined) return { bytes: Buffer.concat(out), error: null };
      out.push(value);
    }
  } catch (error) {
    return { bytes: Buffer.concat(out), error };
  }
}

const crumbs = (bytes: Uint8Array): Uint8Array[] => Array.from(bytes, (byte) => Uint8Array.of(byte));
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

for (const [encoding, name, pack] of PACKERS) {
  const packed = pack(PLAIN);

  test(`${name}: all of it comes out, in one piece and in crumbs`, async () => {
    for (const pieces of [[packed], crumbs(packed)]) {
      const { bytes, error } = await unpacked(encoding, pieces);
      assert.deepEqual([text(bytes), error], [text(PLAIN), null]);
    }
  });

  test(`${name}: cut off anywhere, it ends in an error, and nothing comes out that was not in it`, async () => {
    for (let length = 0; length < packed.length; length++) {
      const begun = packed.subarray(0, length);
      for (const pieces of [[begun], crumbs(begun)]) {
        const { bytes, error } = await unpacked(encoding, pieces);
        assert.ok(error !== null, `${length} of ${packed.length} bytes, in ${pieces.length} pieces`);
        assert.equal(text(bytes), text(PLAIN.subarray(0, bytes.length)));
      }
    }
  });

  test(`${name}: what stands behind its end is an error`, async () => {
    for (const rest of ["garbage", "\0"]) {
      const { error } = await unpacked(encoding, [packed, new TextEncoder().encode(rest)]);
      assert.ok(error !== null, rest);
    }
  });
}

for (const [name, packed] of [
  ["gzip", Buffer.concat([zlib.gzipSync(PLAIN), zlib.gzipSync(PLAIN)])],
  ["zstd", Buffer.concat([zlib.zstdCompressSync(PLAIN), skippable(9), zlib.zstdCompressSync(PLAIN), skippable(0)])],
] as const) {
  test(`${name} in several frames: all of them come out, or there is an error`, async () => {
    for (const pieces of [[packed], crumbs(packed)]) {
      const { bytes, error } = await unpacked(name, pieces);
      if (error === null) assert.equal(text(bytes), text(PLAIN).repeat(2));
    }
  });
}

test("zstd that ends in a skippable frame which is cut off is an error", async () => {
  const packed = Buffer.concat([zlib.zstdCompressSync(PLAIN), skippable(9)]);
  for (let missing = 1; missing < 17; missing++) {
    const { error } = await unpacked("zstd", crumbs(packed.subarray(0, -missing)));
    assert.ok(error !== null, `${missing} bytes are missing`);
  }
});
