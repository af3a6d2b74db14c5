// The Factory keys of one organisation: a conversation stays with one key while that works, and uses the next one while the key rests.
// Does not show a key, or spread one conversation over keys without need (signatures and caches are bound to a key).

import { hash } from "../protocol/tool-names.ts";

export class KeyPool {
  readonly #keys: readonly string[];
  readonly #now: () => number;
  /** Key -> when it may be used again, in milliseconds of `now`. */
  readonly #restsUntil: Map<string, number>;

  /** `keys` is empty where each client brings its own. `now` is monotonic, in milliseconds. */
  constructor(keys: readonly string[], now: () => number, restsUntil = new Map<string, number>()) {
    this.#keys = keys;
    this.#now = now;
    this.#restsUntil = restsUntil;
  }

  /** The same pool with other keys. Keys that rest in one rest in both, now and later. */
  of(keys: readonly string[]): KeyPool {
    return new KeyPool(keys, this.#now, this.#restsUntil);
  }

  get size(): number {
    return this.#keys.length;
  }

  /**
   * The keys for a conversation, the preferred one first (rendezvous hashing: every replica has the same order, and removing a key moves only
   * its own conversations). Resting keys come last, the one that wakes first before the others.
   */
  order(conversation: string): readonly string[] {
    if (this.#keys.length === 1) return this.#keys;
    const now = this.#now();
    const restOf = (key: string): number => Math.max(0, (this.#restsUntil.get(key) ?? 0) - now);
    const weight = new Map(this.#keys.map((key) => [key, hash(`${key}\n${conversation}`)]));
    return this.#keys.toSorted((a, b) => restOf(a) - restOf(b) || ((weight.get(a) ?? "") < (weight.get(b) ?? "") ? -1 : 1));
  }

  isAwake(key: string): boolean {
    return (this.#restsUntil.get(key) ?? 0) <= this.#now();
  }

  /** Rests a key for a while; a longer rest that is already running continues. */
  rest(key: string, ms: number): void {
    if (!this.#keys.includes(key)) return;
    this.#restsUntil.set(key, Math.max(this.#restsUntil.get(key) ?? 0, this.#now() + ms));
  }
}
