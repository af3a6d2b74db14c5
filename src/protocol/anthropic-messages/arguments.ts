// The arguments of a tool call and its `input`, which in Messages is always a JSON object, both directions. Any other text (truncated, or
// free text) is wrapped in one member, and unwrapped again.
// Never reprints JSON, and never loses text: input of another shape is unchanged.

import { isObject, parseOrUndefined, print, type Json } from "../../wire/json.ts";

const WRAPPED = /^\s*\{\s*"_raw"\s*:/;
const BLANK = /^\s*$/;

export interface EncodedArguments {
  /** A JSON object. */
  readonly input: string;
  /** Why they had to be wrapped; null: they are what the model wrote. */
  readonly fault: "cut-off" | "no-object" | null;
}

export function encodeArguments(source: string, kind: "function" | "custom"): EncodedArguments {
  if (kind === "custom") return { input: JSON.stringify({ input: source }), fault: null };
  if (BLANK.test(source)) return { input: "{}", fault: null };
  const value = parseOrUndefined(source);
  if (isObject(value)) return { input: source, fault: null };
  return { input: JSON.stringify({ _raw: source }), fault: value === undefined ? "cut-off" : "no-object" };
}

/** The text that was wrapped, otherwise the input unchanged. */
export function decodeArguments(input: Json | undefined): string {
  if (input === undefined || input === null) return "{}";
  const source = print(input);
  if (!WRAPPED.test(source)) return source;
  const value = parseOrUndefined(source);
  if (!isObject(value) || Object.keys(value).length !== 1 || typeof value["_raw"] !== "string") return source;
  // An object would not have been wrapped: this is a tool's own argument of that name.
  return isObject(parseOrUndefined(value["_raw"])) ? source : value["_raw"];
}

// ---- Free text ---------------------------------------------------------------------------------------------------

const OPENING = /^\s*\{\s*"input"\s*:\s*"/;
const LONGEST_OPENING = 64;
const PLAIN_RUN = /[^"\\]+/y;
const ESCAPES: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };
const SURROGATE_ESCAPE = /^\\u[dD][89abAB]/;

/** Extracts the free text from a custom tool's `{"input":"free text"}`, piece by piece, as it arrives. */
export class FreeText {
  /** `opening`: what precedes the text is incomplete. `raw`: the arguments have another shape. */
  #state: "opening" | "text" | "over" | "raw" = "opening";
  #held = "";

  /** The text that this piece adds; often less than the piece, "" while an escape is incomplete. */
  add(piece: string): string {
    if (this.#state === "raw") return piece;
    if (this.#state === "over") return "";
    this.#held += piece;
    if (this.#state === "opening") {
      const opening = OPENING.exec(this.#held);
      if (opening === null) return this.#held.length > LONGEST_OPENING ? this.#giveUp() : "";
      this.#held = this.#held.slice(opening[0].length);
      this.#state = "text";
    }
    return this.#read();
  }

  /** Text that was held back. */
  end(): string {
    return this.#state === "opening" ? this.#giveUp() : "";
  }

  #giveUp(): string {
    this.#state = "raw";
    const held = this.#held;
    this.#held = "";
    return held;
  }

  /** Reads characters and escapes up to the closing quote, or to an incomplete escape. */
  #read(): string {
    const source = this.#held;
    let text = "";
    let at = 0;
    while (at < source.length) {
      if (source[at] === '"') {
        this.#state = "over";
        break;
      }
      if (source[at] !== "\\") {
        PLAIN_RUN.lastIndex = at;
        const run = PLAIN_RUN.exec(source)?.[0] ?? "";
        text += run;
        at += run.length;
        continue;
      }
      const length = escapeLength(source, at);
      if (at + length > source.length) break;
      text += decodeEscape(source.slice(at, at + length));
      at += length;
    }
    this.#held = source.slice(at);
    return text;
  }
}

/** The length of an escape as far as it is known; both halves of a surrogate pair count as one. */
function escapeLength(source: string, at: number): number {
  if (source[at + 1] !== "u") return 2;
  if (!SURROGATE_ESCAPE.test(source.slice(at, at + 6))) return 6;
  const next = source.slice(at + 6, at + 8);
  return "\\u".startsWith(next) ? 12 : 6;
}

function decodeEscape(escape: string): string {
  const mark = escape[1] ?? "";
  if (mark !== "u") return ESCAPES[mark] ?? mark;
  const first = Number.parseInt(escape.slice(2, 6), 16);
  const second = escape.length > 6 ? [Number.parseInt(escape.slice(8, 12), 16)] : [];
  return String.fromCharCode(first, ...second);
}
