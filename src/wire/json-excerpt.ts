// A short JSON text of the same shape as a long one, which is read chunk by chunk: without long strings, and with the first items of long lists.
// Never holds more than the short text, and never checks that the long one is JSON.

const MOST_BYTES = 1024 * 1024;
const MOST_STRING_BYTES = 16 * 1024;
const MOST_ITEMS = 64;

/** Replaces a long string: some text that is also JSON, for whoever parses a call's arguments. */
const LONG_STRING = new TextEncoder().encode("{}");

const [QUOTE, BACKSLASH, COMMA, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x22, 0x5c, 0x2c, 0x5b, 0x5d, 0x7b, 0x7d];
/** Marks an object in the list of open values, where a list has its count of items. */
const OBJECT = -1;

export class JsonExcerpt {
  readonly #bytes = new Uint8Array(MOST_BYTES);
  #length = 0;
  /** The open values around the current place, outermost first: the number of items of a list, or OBJECT. */
  readonly #open: number[] = [];
  /** The depth of objects and lists inside items that are left out. Null: nothing is being left out. */
  #leftOut: number | null = null;
  #isString = false;
  #isEscaped = false;
  #stringBytes = 0;
  #isTooLong = false;

  add(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length && !this.#isTooLong) at = this.#isString ? this.#inString(chunk, at) : this.#between(chunk, at);
  }

  /** Null: the excerpt would be too long as well. */
  text(): string | null {
    return this.#isTooLong ? null : new TextDecoder().decode(this.#bytes.subarray(0, this.#length));
  }

  /** Reads to the end of a string. Returns where to continue, as `#between` does. */
  #inString(chunk: Uint8Array, start: number): number {
    let end = start;
    let isEscaped = this.#isEscaped;
    for (; end < chunk.length; end++) {
      const byte = chunk[end];
      if (isEscaped) isEscaped = false;
      else if (byte === BACKSLASH) isEscaped = true;
      else if (byte === QUOTE) break;
    }
    this.#isEscaped = isEscaped;
    this.#content(chunk, start, end);
    if (end === chunk.length) return end;
    this.#isString = false;
    this.#put(chunk, end, end + 1);
    return end + 1;
  }

  #content(chunk: Uint8Array, start: number, end: number): void {
    const before = this.#stringBytes;
    this.#stringBytes += end - start;
    if (this.#leftOut !== null || before > MOST_STRING_BYTES) return;
    if (this.#stringBytes <= MOST_STRING_BYTES) return this.#put(chunk, start, end);
    this.#length -= before;
    this.#put(LONG_STRING, 0, LONG_STRING.length);
  }

  /** Reads to the beginning of a string. */
  #between(chunk: Uint8Array, start: number): number {
    let from = start;
    let end = start;
    for (; end < chunk.length; end++) {
      const byte = chunk[end];
      if (byte === QUOTE) break;
      if (byte !== COMMA && byte !== OPEN_LIST && byte !== CLOSE_LIST && byte !== OPEN_OBJECT && byte !== CLOSE_OBJECT) continue;
      const wasLeftOut = this.#leftOut !== null;
      this.#step(byte);
      if ((this.#leftOut !== null) === wasLeftOut) continue;
      if (!wasLeftOut) this.#copy(chunk, from, end);
      from = end;
    }
    this.#isString = end < chunk.length;
    this.#stringBytes = 0;
    const next = this.#isString ? end + 1 : end;
    this.#put(chunk, from, next);
    return next;
  }

  #step(byte: number): void {
    if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      if (this.#leftOut === null) this.#open.push(byte === OPEN_LIST ? 1 : OBJECT);
      else this.#leftOut++;
    } else if (byte === COMMA) this.#nextItem();
    else if (this.#leftOut !== null && this.#leftOut > 0) this.#leftOut--;
    else {
      this.#leftOut = null;
      this.#open.pop();
    }
  }

  #nextItem(): void {
    const items = this.#open.at(-1) ?? OBJECT;
    if (this.#leftOut !== null || items === OBJECT) return;
    this.#open[this.#open.length - 1] = items + 1;
    if (items === MOST_ITEMS) this.#leftOut = 0;
  }

  #put(chunk: Uint8Array, start: number, end: number): void {
    if (this.#leftOut === null) this.#copy(chunk, start, end);
  }

  #copy(chunk: Uint8Array, start: number, end: number): void {
    this.#isTooLong ||= this.#length + end - start > MOST_BYTES;
    if (this.#isTooLong) return;
    this.#bytes.set(chunk.subarray(start, end), this.#length);
    this.#length += end - start;
  }
}
