// Finds stop sequences in the text of an answer as it comes, since the Responses API has no field for them.
// Never holds back more than the beginning of a sequence that the next piece may complete.

export interface Scanned {
  readonly text: string;
  /** The sequence that ended the text; null while there was none. */
  readonly sequence: string | null;
}

/** Watches one text; `sequences` holds no empty one. */
export class StopScanner {
  readonly #sequences: readonly string[];
  #held = "";

  constructor(sequences: readonly string[]) {
    this.#sequences = sequences;
  }

  push(piece: string): Scanned {
    const text = this.#held + piece;
    let end = -1;
    let found: string | null = null;
    for (const sequence of this.#sequences) {
      const at = text.indexOf(sequence);
      if (at === -1 || (found !== null && at >= end)) continue;
      end = at;
      found = sequence;
    }
    if (found !== null) {
      this.#held = "";
      return { text: text.slice(0, end), sequence: found };
    }
    const kept = text.length - this.#beginning(text);
    this.#held = text.slice(kept);
    return { text: text.slice(0, kept), sequence: null };
  }

  /** What was held back and turned out to be text. */
  flush(): string {
    const text = this.#held;
    this.#held = "";
    return text;
  }

  /** The length of the longest end of the text that a sequence begins with. */
  #beginning(text: string): number {
    let longest = 0;
    for (const sequence of this.#sequences) {
      for (let length = Math.min(sequence.length - 1, text.length); length > longest; length--) {
        if (text.endsWith(sequence.slice(0, length))) longest = length;
      }
    }
    return longest;
  }
}
