// Tells whether a zstd body is complete (RFC 8878, section 3.1). The decoders of Bun (1.4) and Deno (2.9) end silently when it is truncated.
// Does not look into blocks or keep bytes.

const MAGIC = 0xfd2fb528;
const CHECKSUM_BYTES = 4;
const RLE_BLOCK = 1;
/** By the low two bits of a frame's descriptor. */
const DICTIONARY_ID_BYTES = [0, 1, 2, 4];
const FIELD_BYTES = { magic: 4, "skippable-size": 4, descriptor: 1, block: 3 };

export class ZstdFrames {
  #field: keyof typeof FIELD_BYTES = "magic";
  /** The field as read so far, little-endian. */
  #value = 0;
  #readBytes = 0;
  /** To skip before the next field. */
  #skipBytes = 0;
  #hasChecksum = false;
  #hasBegun = false;

  /** Whether the input so far is one or more complete frames. */
  get isComplete(): boolean {
    return this.#hasBegun && this.#field === "magic" && this.#readBytes === 0 && this.#skipBytes === 0;
  }

  take(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const skipped = Math.min(this.#skipBytes, bytes.length - at);
      this.#skipBytes -= skipped;
      at += skipped;
      if (at === bytes.length) return;
      this.#hasBegun = true;
      this.#value += (bytes[at++] ?? 0) * 256 ** this.#readBytes++;
      if (this.#readBytes < FIELD_BYTES[this.#field]) continue;
      this.#read(this.#value);
      this.#value = this.#readBytes = 0;
    }
  }

  #read(value: number): void {
    switch (this.#field) {
      case "magic":
        // The decoder rejects anything else.
        this.#field = value === MAGIC ? "descriptor" : "skippable-size";
        return;
      case "skippable-size":
        this.#skipBytes = value;
        this.#field = "magic";
        return;
      case "descriptor":
        this.#skipBytes = headerBytes(value);
        this.#hasChecksum = (value & 0b100) !== 0;
        this.#field = "block";
        return;
      case "block":
        this.#skipBytes = ((value >> 1) & 0b11) === RLE_BLOCK ? 1 : value >> 3;
        if ((value & 1) === 0) return;
        if (this.#hasChecksum) this.#skipBytes += CHECKSUM_BYTES;
        this.#field = "magic";
    }
  }
}

/** The length of what stands between a frame's descriptor and its first block. */
function headerBytes(descriptor: number): number {
  const isSingleSegment = (descriptor & 0b10_0000) !== 0;
  const sizeFlag = descriptor >> 6;
  const sizeBytes = sizeFlag === 0 ? Number(isSingleSegment) : 2 ** sizeFlag;
  return Number(!isSingleSegment) + (DICTIONARY_ID_BYTES[descriptor & 0b11] ?? 0) + sizeBytes;
}
