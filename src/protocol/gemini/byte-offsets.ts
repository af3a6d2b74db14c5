// Positions in a text, in UTF-16 units and in bytes of its UTF-8 form. The text is scanned once, however many positions are requested.
// Never throws: half a surrogate pair counts as its replacement (U+FFFD).

export class ByteOffsets {
  readonly #text: string;
  /** How many bytes precede each unit, and the end. */
  #before: Uint32Array | null = null;

  constructor(text: string) {
    this.#text = text;
  }

  /** How many bytes the first units take. */
  bytesAt(unit: number): number {
    const before = this.#built();
    return before[Math.min(unit, this.#text.length)] ?? 0;
  }

  /** How many units the first bytes hold, including a partial character; null beyond the end. */
  unitsAt(byte: number): number | null {
    const before = this.#built();
    let [low, high] = [0, this.#text.length];
    if (byte > (before[high] ?? 0)) return null;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((before[middle] ?? 0) < byte) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #built(): Uint32Array {
    if (this.#before !== null) return this.#before;
    const text = this.#text;
    const before = new Uint32Array(text.length + 1);
    let bytes = 0;
    for (let unit = 0; unit < text.length; unit++) {
      const code = text.charCodeAt(unit);
      const isPaired = code >= 0xdc00 && code <= 0xdfff && isHigh(text.charCodeAt(unit - 1));
      // The first half of a pair counts as a character of its own until the second makes it one of four bytes.
      bytes += isPaired ? 1 : code < 0x80 ? 1 : code < 0x800 ? 2 : 3;
      before[unit + 1] = bytes;
    }
    this.#before = before;
    return before;
  }
}

function isHigh(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}
