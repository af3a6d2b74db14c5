// A short JSON text of the same shape as a long one, which is read piece by piece: without long strings, and with the first items of long lists.
// Never holds more than the short text, and never checks that the long one is JSON.

const MOST_BYTES = 1024 * 1024;
const MOST_STRING_BYTES = 16 * 1024;
const MOST_ITEMS = 64;

/** In the place of a long string: some text, and JSON for whoever parses a call's arguments. */
const LONG_STRING = "{}";

const [QUOTE, BACKSLASH, COMMA, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x22, 0x5c, 0x2c, 0x5b, 0x5d, 0x7b, 0x7d];
/** In the place of a list's count of items. */
const OBJECT = -1;

export class JsonExcerpt {
  readonly #bytes = new Uint8Array(MOST_BYTES);
  #length = 0;
  /** What is open around the place, outermost first: items of a list so far, or OBJECT. */
  readonly #open: number[] = [];
  /** How many objects and lists are open inside items that are left out. Null: none are. */
  #leftOut: number | null = null;
  #isString = false;
  #isEscaped = false;
  #stringBytes = 0;
  #isTooLong = false;

  add(chunk: Uint8Array): void {
    if (this.#isTooLong) return;
    for (const byte of chunk) {
      if (this.#isString) this.#inString(byte);
      else this.#between(byte);
    }
  }

  /** Null: it would be too long, too. */
  text(): string | null {
    return this.#isTooLong ? null : new TextDecoder().decode(this.#bytes.subarray(0, this.#length));
  }

  #inString(byte: number): void {
    const isEnd = byte === QUOTE && !this.#isEscaped;
    this.#isEscaped = byte === BACKSLASH && !this.#isEscaped;
    if (isEnd) this.#isString = false;
    else if (++this.#stringBytes === MOST_STRING_BYTES) this.#shorten();
    if (isEnd || this.#stringBytes < MOST_STRING_BYTES) this.#put(byte);
  }

  #shorten(): void {
    if (this.#leftOut !== null) return;
    this.#length -= MOST_STRING_BYTES - 1;
    for (const character of LONG_STRING) this.#put(character.charCodeAt(0));
  }

  #between(byte: number): void {
    if (byte === QUOTE) {
      this.#isString = true;
      this.#stringBytes = 0;
    } else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      if (this.#leftOut === null) this.#open.push(byte === OPEN_LIST ? 1 : OBJECT);
      else this.#leftOut++;
    } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) this.#close();
    else if (byte === COMMA) this.#nextItem();
    this.#put(byte);
  }

  #close(): void {
    if (this.#leftOut !== null && this.#leftOut > 0) {
      this.#leftOut--;
      return;
    }
    this.#leftOut = null;
    this.#open.pop();
  }

  #nextItem(): void {
    const items = this.#open.at(-1) ?? OBJECT;
    if (this.#leftOut !== null || items === OBJECT) return;
    this.#open[this.#open.length - 1] = items + 1;
    if (items === MOST_ITEMS) this.#leftOut = 0;
  }

  #put(byte: number): void {
    if (this.#leftOut !== null) return;
    if (this.#length === MOST_BYTES) this.#isTooLong = true;
    else this.#bytes[this.#length++] = byte;
  }
}
