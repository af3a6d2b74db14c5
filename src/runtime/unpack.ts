// Decompresses with the runtime's own zlib: `DecompressionStream` has no zstd on Deno (2.9), and sets no limit on its window.
// Never holds more than a window and a chunk: the reader decides how much comes out.

import process from "node:process";
import type * as nodeZlib from "node:zlib";
import type { BodyReader, Unpack } from "./ports.ts";
import { ZstdFrames } from "./zstd-frames.ts";

type Zlib = typeof nodeZlib;
type Decoder = ReturnType<Zlib["createGunzip"]>;

const PIECE_BYTES = 64 * 1024;
/** After this much, others get a turn: Deno (2.9) decompresses on the only thread. */
const STEP_BYTES = 1024 * 1024;
/** RFC 9659: the largest window of a zstd body, 8 MiB, as a power of two. */
const MIN_WINDOW_LOG = 23;
/** The default limit of the format's own tools. */
const MAX_WINDOW_LOG = 27;
/** The low half of the first byte of a zlib stream; raw deflate, which some clients send under the same name, begins differently. */
const ZLIB_METHOD = 8;

interface Start {
  readonly zlib: Zlib;
  /** Undefined: not available. */
  readonly firstByte: number | undefined;
  readonly maxBytes: number;
}

/** By the name of the encoding. Null: not supported by this runtime. */
const DECODERS: Readonly<Record<string, (start: Start) => Decoder>> = {
  gzip: ({ zlib }) => zlib.createGunzip({ chunkSize: PIECE_BYTES }),
  deflate: ({ zlib, firstByte = ZLIB_METHOD }) =>
    (firstByte & 0x0f) === ZLIB_METHOD ? zlib.createInflate({ chunkSize: PIECE_BYTES }) : zlib.createInflateRaw({ chunkSize: PIECE_BYTES }),
  br: ({ zlib }) => zlib.createBrotliDecompress({ chunkSize: PIECE_BYTES }),
  zstd: ({ zlib, maxBytes }) => {
    const windowLog = Math.min(Math.max(Math.floor(Math.log2(maxBytes)), MIN_WINDOW_LOG), MAX_WINDOW_LOG);
    return zlib.createZstdDecompress({ chunkSize: PIECE_BYTES, params: { [zlib.constants.ZSTD_d_windowLogMax]: windowLog } });
  },
};

export const unpack: Unpack = (encoding, source, { maxBytes }) => {
  const decoderOf = Object.hasOwn(DECODERS, encoding) ? DECODERS[encoding] : undefined;
  if (decoderOf === undefined) return null;
  const open = (firstByte: number | undefined): Decoder => decoderOf({ zlib: process.getBuiltinModule("node:zlib"), firstByte, maxBytes });
  const plain = unpacked(new Packed(encoding, source), open);
  return {
    read: async () => {
      const { done, value } = await plain.next();
      return done === true ? { done } : { done: false, value };
    },
    async cancel() {
      // The source first: a read that waits for it would delay `return`.
      await source.cancel();
      await plain.return();
    },
  };
};

async function* unpacked(packed: Packed, open: (firstByte: number | undefined) => Decoder): AsyncGenerator<Uint8Array, void> {
  const { pipeline, Readable } = process.getBuiltinModule("node:stream");
  const first = await packed.source.read();
  const decoder = open(first.value?.[0]);
  // Errors of either side surface in the loop below.
  pipeline(Readable.from(packed.pieces(first)), decoder, () => {});
  try {
    let length = 0;
    for await (const piece of decoder) {
      if (packed.isExceededBy(decoder)) break;
      yield piece;
      length += piece.length;
      if (length < STEP_BYTES) continue;
      length = 0;
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    if (!packed.isAllOf(decoder)) throw new Error("The compressed body is truncated, or something follows it.");
  } finally {
    decoder.destroy();
  }
}

type Read = Awaited<ReturnType<BodyReader["read"]>>;

/** The input of a decoder. The zstd decoders of both runtimes and Deno's brotli decoder (2.9) end silently when their input is truncated. */
class Packed {
  readonly #encoding: string;
  readonly source: BodyReader;
  readonly #frames = new ZstdFrames();
  #bytes = 0;

  constructor(encoding: string, source: BodyReader) {
    this.#encoding = encoding;
    this.source = source;
  }

  async *pieces(first: Read): AsyncGenerator<Uint8Array, void> {
    for (let found = first; !found.done && found.value !== undefined; found = await this.source.read()) {
      // An empty chunk would end the stream.
      if (found.value.length === 0) continue;
      this.#bytes += found.value.length;
      if (this.#encoding === "zstd") this.#frames.take(found.value);
      yield found.value;
    }
    if (this.#encoding === "br") yield ONE_MORE;
  }

  /** Whether the decoder has consumed `ONE_MORE`: from then on its output is not what was sent. */
  isExceededBy({ bytesWritten: consumedBytes }: Decoder): boolean {
    return consumedBytes > this.#bytes;
  }

  /** Whether the decoder has consumed all of a complete body; Deno's zstd decoder can stop after the first frame. */
  isAllOf({ bytesWritten: consumedBytes }: Decoder): boolean {
    return consumedBytes === this.#bytes && (this.#encoding !== "zstd" || this.#frames.isComplete);
  }
}

/** A byte that the brotli decoder consumes only if it expects more. */
const ONE_MORE = new Uint8Array(1);
