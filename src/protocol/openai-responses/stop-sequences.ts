// Finds stop sequences in the text of an answer as it comes, since the Responses API has no field for them. One machine (Aho and Corasick's)
// looks for all of them at once: a piece of text costs the same however many there are.
// Never holds back more than the beginning of a sequence that the next piece may complete.

export interface Scanned {
  readonly text: string;
  /** The sequence that ended the text; null while there was none. */
  readonly sequence: string | null;
}

/** In UTF-16 units, all sequences together. Providers take four or five; this keeps a call's machine below a few megabytes. */
export const MAX_STOP_LENGTH = 16 * 1024;

/** Those that are looked for: none is empty, and all that fit into the limit, from the first. */
export function usableStops(sequences: readonly string[]): string[] {
  let length = 0;
  return sequences.filter((sequence) => sequence !== "" && (length += sequence.length) <= MAX_STOP_LENGTH);
}

/** A state is what a text may end with: the beginning of a sequence. 0: no beginning. */
const START = 0;

/** What a scanner looks for; one serves all texts of an answer. */
export class StopSequences {
  /** State and UTF-16 unit in one number -> the state behind it. */
  readonly #next = new Map<number, number>();
  /** State -> the longest other beginning that ends it. */
  readonly #shorter: number[] = [START];
  /** State -> the length of the beginning that it is. */
  readonly #lengths: number[] = [0];
  /** State -> the longest sequence that ends there; null: none does. */
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

  /** Shorter states first: a longer one's link is one step behind that of the state before it. */
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

/** Watches one text. The sequence that is complete first ends it; of two that end at one place, the longer. */
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

  /** What was held back and turned out to be text. */
  flush(): string {
    const text = this.#held;
    this.#held = "";
    this.#state = START;
    return text;
  }
}
