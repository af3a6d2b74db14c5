// How much memory the bodies of requests, and what is made of them, take in total: each call has a share, and a large share is refused where
// the total would exceed the limit.
// Does not refuse a small request, or a large one that is alone, and does not make a call wait.

import { GatewayError } from "../errors.ts";

/** A share of at most this many bytes is never refused. */
const SMALL_SHARE = 256 * 1024;

export class BodyMemory {
  readonly #maxBytes: number;
  readonly #held: { bytes: number; largeShares: number };

  /** Null: no limit. */
  constructor(maxBytes: number | null, held = { bytes: 0, largeShares: 0 }) {
    this.#maxBytes = maxBytes ?? Infinity;
    this.#held = held;
  }

  /** The same shares under another limit for new ones. */
  within(maxBytes: number | null): BodyMemory {
    return new BodyMemory(maxBytes, this.#held);
  }

  /** Bytes held now. */
  get bytes(): number {
    return this.#held.bytes;
  }

  share(): BodyShare {
    return new BodyShare(this);
  }

  /** Changes the size of a share, in bytes. Called by shares only. @throws GatewayError `overloaded` where there is no room. */
  change(before: number, after: number): void {
    const wasLarge = before > SMALL_SHARE;
    const isLarge = after > SMALL_SHARE;
    const held = this.#held;
    const isAlone = held.largeShares === (wasLarge ? 1 : 0);
    if (after > before && isLarge && !isAlone && held.bytes + after - before > this.#maxBytes) throw full();
    held.bytes += after - before;
    held.largeShares += Number(isLarge) - Number(wasLarge);
  }
}

/** The bytes that one call holds. Must be given back once, by `keep(0)`, which may be called twice. */
export class BodyShare {
  readonly #memory: Pick<BodyMemory, "change">;
  #bytes = 0;

  constructor(memory: Pick<BodyMemory, "change">) {
    this.#memory = memory;
  }

  /** @throws GatewayError `overloaded` with `retry-after`; then nothing is added. */
  add(bytes: number): void {
    this.#set(this.#bytes + bytes);
  }

  /** Checks that there is room for this many more bytes. @throws as `add` does. */
  check(bytes: number): void {
    this.add(bytes);
    this.keep(this.#bytes - bytes);
  }

  /** Grows the share to this size where it is smaller. @throws as `add` does. */
  need(bytes: number): void {
    if (bytes > this.#bytes) this.#set(bytes);
  }

  /** Shrinks the share to this size where it is larger. */
  keep(bytes: number): void {
    if (bytes < this.#bytes) this.#set(bytes);
  }

  release(): void {
    this.keep(0);
  }

  #set(bytes: number): void {
    this.#memory.change(this.#bytes, bytes);
    this.#bytes = bytes;
  }
}

function full(): GatewayError {
  const text = "The server has no memory left for large requests (MAX_BODY_MEMORY). Try again in a moment.";
  return new GatewayError("overloaded", text, { headers: { "retry-after": "1" } });
}
