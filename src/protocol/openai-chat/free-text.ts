// Arguments `{"input": "..."}` of a function that stands for a custom tool -> the string's text, piece by piece.
// Never waits for the end of the string; arguments in another form are emitted unchanged.

/** The position: before, inside or after the string; or the arguments have another form. */
type Place = "before" | "inside" | "behind" | "elsewhere";

const HEAD = /^\s*\{\s*"input"\s*:\s*"/;
/** Matches every prefix of what HEAD matches. */
const HEAD_SO_FAR = /^\s*(?:\{\s*(?:"(?:i(?:n(?:p(?:u(?:t(?:"\s*(?::\s*)?)?)?)?)?)?)?)?)?$/;
const NOT_SPACE = /\S/;
const PLAIN = /^[^"\\]+/;
const ESCAPE = /^\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt])/;
const LONGEST_ESCAPE = 6;

export class FreeText {
  #place: Place = "before";
  #held = "";

  /** The text that this piece adds; "" while none is certain. */
  read(piece: string): string {
    if (this.#place === "elsewhere") return piece;
    if (this.#place === "behind") return "";
    this.#held += piece;
    if (this.#place === "before") {
      // White space alone decides nothing, however long it is.
      if (!NOT_SPACE.test(piece)) return "";
      const head = HEAD.exec(this.#held);
      if (head === null) return HEAD_SO_FAR.test(this.#held) ? "" : this.#giveUp();
      this.#held = this.#held.slice(head[0].length);
      this.#place = "inside";
    }
    return this.#string();
  }

  /** The rest when the arguments end: nothing for a call without arguments, everything for another form. */
  end(): string {
    return this.#place === "before" && this.#held.trim() !== "{}" ? this.#giveUp() : "";
  }

  #string(): string {
    let text = "";
    for (;;) {
      const plain = PLAIN.exec(this.#held)?.[0] ?? "";
      text += plain;
      this.#held = this.#held.slice(plain.length);
      if (this.#held.startsWith('"')) {
        this.#place = "behind";
        return text;
      }
      const escape = ESCAPE.exec(this.#held)?.[0];
      if (escape === undefined) {
        // An incomplete escape waits for its rest; an invalid one is text.
        if (this.#held.length < LONGEST_ESCAPE) return text;
        text += this.#held.slice(0, 1);
        this.#held = this.#held.slice(1);
        continue;
      }
      // The halves of a surrogate pair are two escapes; they join when appended.
      text += String(JSON.parse(`"${escape}"`));
      this.#held = this.#held.slice(escape.length);
    }
  }

  #giveUp(): string {
    const text = this.#held;
    this.#held = "";
    this.#place = "elsewhere";
    return text;
  }
}
