// Bytes that arrive in many chunks, held until all are there.
// Never holds a chunk that lies in a much larger buffer: Deno reads each, however short, into 64 KiB.

import { compact, concat } from "./pump.ts";

/** Shorter chunks are copied into blocks of this many bytes. */
const BLOCK_BYTES = 16 * 1024;
/** Size of the first block, where the first chunk fits: most short bodies come in one chunk. */
const FIRST_BLOCK_BYTES = 1024;

export class Gathered {
  readonly #blocks: Uint8Array[] = [];
  /** The block being filled; null: none. */
  #block: Uint8Array | null = null;
  #filled = 0;

  add(piece: Uint8Array): void {
    if (piece.length >= BLOCK_BYTES) {
      this.#close();
      this.#blocks.push(compact(piece));
      return;
    }
    if (this.#filled + piece.length > (this.#block?.length ?? BLOCK_BYTES)) this.#close();
    this.#block ??= new Uint8Array(this.#blocks.length > 0 ? BLOCK_BYTES : Math.max(FIRST_BLOCK_BYTES, piece.length));
    this.#block.set(piece, this.#filled);
    this.#filled += piece.length;
  }

  join(): Uint8Array<ArrayBuffer> {
    this.#close();
    return concat(this.#blocks);
  }

  #close(): void {
    if (this.#block !== null) this.#blocks.push(this.#block.subarray(0, this.#filled));
    this.#block = null;
    this.#filled = 0;
  }
}
