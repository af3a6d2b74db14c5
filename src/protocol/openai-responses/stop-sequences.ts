// Finds stop sequences in the text of an answer as it arrives, since the Responses API has no field for them. One Aho-Corasick machine
// looks for all of them at once: a piece of text costs the same however many there are.
// Never holds back more than the beginning of a sequence that the next piece may complete.

export interface Scanned {
  readonly text: string;
  /** The sequence that ended the text; null: none so far. */
  readonly sequence: string | null;
}

/** Total length in UTF-16 units. Providers allow four or five sequences; this keeps a call's machine below a few megabytes. */
export const MAX_STOP_LENGTH = 16 * 1024;

/** The sequences to look for: none is empty, and as many of the first ones as fit into the limit. */
export function usableStops(sequences: readonly string[]): string[] {
  let length = 0;
  return sequences.filter((sequence) => sequence !== "" && (length += sequence.length) <= MAX_STOP_LENGTH);
}

/** A state is the beginning of a sequence that a text may end with. 0: none. */
const START = 0;

/** The automaton; one serves all texts of an answer. */
export class StopSequences {
  /** State and UTF-16 unit in one number -> next state. */
  readonly #next = new Map<number, number>();
  /** State -> the longest other beginning that it ends with. */
  readonly #shorter: number[] = [START];
  /** State -> the length of its beginning. */
  readonly #lengths: number[] = [0];
  /** State -> the longest sequence that ends there; null: none. */
  readonly #found: (string | null)[] = [null];

  constructor(sequences: readonly string[]) {
    for (const sequence of usableStops(sequences)) this.#add(sequence);
    this.#link();
  }

  get isEmpty(): boolean {
    return this.#lengths.length === 1;
  }

  next(from: number, unit: number): number {
    for (let state = from; ; state = this.#shorter[state] ?? START) {
      const next = this.#next.get(keyOf(state, unit));
      if (next !== undefined) return next;
      if (state === START) return START;
    }
  }

  foundAt(state: number): string | null {
    return this.#found[state] ?? null;
  }

  lengthAt(state: number): number {
    return this.#lengths[state] ?? 0;
  }

  #add(sequence: string): void {
    let state = START;
    for (let at = 0; at < sequence.length; at++) {
      const key = keyOf(state, sequence.charCodeAt(at));
      let next = this.#next.get(key);
      if (next === undefined) {
        next = this.#lengths.push(at + 1) - 1;
        this.#found.push(null);
        this.#next.set(key, next);
      }
      state = next;
    }
    this.#found[state] = sequence;
  }

  /** Shorter states first: the link of a longer one is one step from the link of its predecessor. */
  #link(): void {
    const edges = [...this.#next].toSorted(([, a], [, b]) => this.lengthAt(a) - this.lengthAt(b));
    for (const [key, state] of edges) {
      const [before, unit] = [Math.floor(key / UNITS), key % UNITS];
      const shorter = before === START ? START : this.next(this.#shorter[before] ?? START, unit);
      this.#shorter[state] = shorter;
      this.#found[state] ??= this.foundAt(shorter);
    }
  }
}

const UNITS = 0x1_0000;

function keyOf(state: number, unit: number): number {
  return state * UNITS + unit;
}

/** Watches one text. The sequence that completes first ends it; of two that end at the same place, the longer one. */
export class StopScanner {
  readonly #sequences: StopSequences;
  #state = START;
  #held = "";

  constructor(sequences: StopSequences) {
    this.#sequences = sequences;
  }

  push(piece: string): Scanned {
    const sequences = this.#sequences;
    const text = this.#held + piece;
    for (let at = this.#held.length; at < text.length; at++) {
      this.#state = sequences.next(this.#state, text.charCodeAt(at));
      const found = sequences.foundAt(this.#state);
      if (found === null) continue;
      this.flush();
      return { text: text.slice(0, at + 1 - found.length), sequence: found };
    }
    const kept = text.length - sequences.lengthAt(this.#state);
    this.#held = text.slice(kept);
    return { text: text.slice(0, kept), sequence: null };
  }

  /** Text that was held back and belongs to no sequence. */
  flush(): string {
    const text = this.#held;
    this.#held = "";
    this.#state = START;
    return text;
  }
}
