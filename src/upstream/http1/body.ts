// The body of an HTTP/1.1 answer (RFC 9112, sections 6 and 7): bytes in, however they are cut, and out what they mean.
// Never does: keep bytes, or read a size that others may read in another way.

import { cut } from "../../wire/pump.ts";
import { CR, DELETE, HttpFault, LF, SPACE, TAB, type AnswerHead } from "./head.ts";

export interface BodyDecoder {
  /** What of the body is in these bytes, from there on; may write over them. Null: nothing. */
  take(bytes: Uint8Array, from: number): Uint8Array | null;
  /** Where the body ended in the bytes that were taken last; -1: it goes on. */
  readonly end: number;
}

export function bodyDecoder(length: AnswerHead["length"]): BodyDecoder {
  return length === "chunked" ? new ChunkedBody() : new SizedBody(length === "close" ? Infinity : length);
}

class SizedBody implements BodyDecoder {
  #left: number;
  end = -1;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  take(bytes: Uint8Array, from: number): Uint8Array | null {
    const length = Math.min(this.#left, bytes.length - from);
    this.#left -= length;
    if (this.#left === 0) this.end = from + length;
    return length === 0 ? null : cut(bytes, from, from + length);
  }
}

const SEMICOLON = 0x3b;
/** What stands beside a size, and all trailers. */
const MAX_LINE_BYTES = 16 * 1024;

const MALFORMED = "a line between two chunks is malformed";

class ChunkedBody implements BodyDecoder {
  #state: "size" | "blank" | "extension" | "data" | "data-end" | "trailer" = "size";
  #digits = 0;
  /** Of the chunk. */
  #left = 0;
  #lineBytes = 0;
  #last = 0;
  #isLineEmpty = true;
  end = -1;

  take(bytes: Uint8Array, from: number): Uint8Array | null {
    // The data moves together in place: of a burst comes one piece, not one for each chunk.
    let start = from;
    let written = from;
    for (let at = from; at < bytes.length && this.end === -1;) {
      if (this.#state !== "data") {
        if (this.#isOver(bytes[at++] ?? 0)) this.end = at;
        continue;
      }
      const length = Math.min(this.#left, bytes.length - at);
      if (written === start) start = written = at;
      else bytes.copyWithin(written, at, at + length);
      written += length;
      at += length;
      this.#left -= length;
      if (this.#left === 0) this.#state = "data-end";
    }
    return written === start ? null : cut(bytes, start, written);
  }

  /** One byte of a line. */
  #isOver(byte: number): boolean {
    if (byte === LF && this.#last === CR) return this.#isLast();
    if (this.#last === CR || (byte < SPACE && byte !== CR && byte !== TAB) || byte === DELETE) throw new HttpFault(MALFORMED);
    if (++this.#lineBytes > MAX_LINE_BYTES) throw new HttpFault(MALFORMED);
    this.#last = byte;
    if (byte !== CR) this.#isLineEmpty = false;
    if (this.#state === "size") this.#size(byte);
    else if (this.#state === "blank" && byte === SEMICOLON) this.#state = "extension";
    else if ((this.#state === "blank" && byte !== SPACE && byte !== TAB) || (this.#state === "data-end" && byte !== CR))
      throw new HttpFault(MALFORMED);
    return false;
  }

  #size(byte: number): void {
    const letter = byte | 0x20;
    const digit = byte >= 0x30 && byte <= 0x39 ? byte - 0x30 : letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
    if (digit !== -1) {
      this.#left = this.#left * 16 + digit;
      // Zeros in front could go on for ever.
      if (++this.#digits > 16 || this.#left > Number.MAX_SAFE_INTEGER) throw new HttpFault(MALFORMED);
    } else if (this.#digits === 0) throw new HttpFault(MALFORMED);
    else if (byte === SEMICOLON) this.#state = "extension";
    else if (byte === SPACE || byte === TAB) this.#state = "blank";
    else if (byte !== CR) throw new HttpFault(MALFORMED);
  }

  /** At the end of a line: whether it was the last. */
  #isLast(): boolean {
    const isLast = this.#state === "trailer" && this.#isLineEmpty;
    if (this.#state === "data-end") [this.#state, this.#digits, this.#lineBytes] = ["size", 0, 0];
    else this.#state = this.#left > 0 ? "data" : "trailer";
    this.#last = 0;
    this.#isLineEmpty = true;
    return isLast;
  }
}
