// Room: spans (row 1).
// In:  JSON text.
// Out: where its members and items stand, for edits that leave every other character as it is; the text with such edits done.
// Never does: build the values. The runtime's own parser says whether text is JSON; what is found here builds on that.

import { GatewayError } from "../errors.ts";
import { closingQuote, DEFAULT_MAX_DEPTH, parse, tooDeep, unexpected } from "./json.ts";

/** More than the longest conversations hold by far; reading them takes a second, during which nobody else is served. */
const MAX_VALUES = 500_000;

/** One member of the outermost object. All offsets count UTF-16 units of the text; ends are exclusive. */
export interface Member {
  readonly key: string;
  /** Where the member's key begins (its opening quote). */
  readonly start: number;
  readonly valueStart: number;
  readonly valueEnd: number;
}

/** A stretch of a text; the end is exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A stretch of a text, and what takes its place. */
export interface Splice extends Span {
  readonly text: string;
}

/**
 * The members of the outermost object, in order, with their spans; the whole text is validated.
 * @throws GatewayError `invalid-request` when the text is not one JSON object or names a member twice, `too-large` when it holds
 * more than 500,000 values.
 */
export function members(text: string): Member[] {
  const skipper = new Skipper(text, 0);
  if (skipper.code() !== OPEN_BRACE) throw unexpected(text, skipper.at, "a JSON object");
  validate(text);
  const found: Member[] = [];
  const seen = new Set<string>();
  skipper.at++;
  while (skipper.code() !== CLOSE_BRACE) {
    const { start, end } = skipper.string();
    const key = String(JSON.parse(text.slice(start, end)));
    if (seen.has(key)) throw new GatewayError("invalid-request", `The member "${key}" stands twice in the body.`, { param: key });
    seen.add(key);
    const value = skipper.value();
    found.push({ key, start, valueStart: value.start, valueEnd: value.end });
  }
  return found;
}

/** The text of the first item of the array at `start`; of the value itself when it is no array; "" for an empty array. */
export function firstItem(text: string, start: number): string {
  const skipper = new Skipper(text, start);
  if (skipper.code() === OPEN_BRACKET) skipper.at++;
  if (skipper.code() === CLOSE_BRACKET) return "";
  const item = skipper.value();
  return text.slice(item.start, item.end);
}

/** Where the items of the array at `start` stand; none when it is no array. The text is known to be valid JSON. */
export function items(text: string, start: number): Span[] {
  const skipper = new Skipper(text, start);
  const found: Span[] = [];
  if (skipper.code() !== OPEN_BRACKET) return found;
  skipper.at++;
  while (skipper.code() !== CLOSE_BRACKET) found.push(skipper.value());
  return found;
}

/** What takes members or items out of their object or array, each with one of the commas beside it. */
export function cut(all: readonly Span[], taken: ReadonlySet<Span>): Splice[] {
  const lastKept = all.findLastIndex((one) => !taken.has(one));
  return all.flatMap((one, index): Splice[] => {
    if (!taken.has(one)) return [];
    const next = all[index + 1];
    const previous = all[index - 1];
    if (index < lastKept && next !== undefined) return [{ start: one.start, end: next.start, text: "" }];
    return [{ start: previous?.end ?? one.start, end: one.end, text: "" }];
  });
}

/** The text with all splices done; they come in any order, and do not overlap. Of two at one place the first stands first. */
export function spliced(text: string, splices: readonly Splice[]): string {
  let out = "";
  let at = 0;
  for (const { start, end, text: put } of splices.toSorted((left, right) => left.start - right.start)) {
    out += text.slice(at, start) + put;
    at = end;
  }
  return out + text.slice(at);
}

/** The runtime's own parser is the fastest to say whether text is JSON; `parse` says what is wrong with it, and where. */
function validate(text: string): void {
  try {
    JSON.parse(text);
  } catch (cause) {
    parse(text);
    throw new GatewayError("invalid-request", "The body is not valid JSON.", { cause });
  }
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Walks over JSON that is known to be valid and builds nothing: it only finds where values begin and end. */
class Skipper {
  readonly #text: string;
  at: number;
  #values = 0;

  constructor(text: string, at: number) {
    this.#text = text;
    this.at = at;
  }

  /** The next character that is no white space and none of the two separators. */
  code(): number {
    for (;;) {
      const code = this.#text.charCodeAt(this.at);
      if (code > 0x20 && code !== COMMA && code !== COLON) return code;
      if (Number.isNaN(code)) return code;
      this.at++;
    }
  }

  string(): Span {
    const start = this.at;
    this.at = closingQuote(this.#text, start) + 1;
    return { start, end: this.at };
  }

  value(): Span {
    this.#count();
    const first = this.code();
    const start = this.at;
    if (first === QUOTE) return this.string();
    if (first !== OPEN_BRACE && first !== OPEN_BRACKET) {
      // A number or a word ends where a separator, a bracket or white space does.
      WORD_END.lastIndex = start;
      this.at = WORD_END.exec(this.#text)?.index ?? this.#text.length;
      return { start, end: this.at };
    }
    for (let depth = 0; ; this.at++) {
      const code = this.#text.charCodeAt(this.at);
      if (code === QUOTE) this.at = closingQuote(this.#text, this.at);
      else if (code === COMMA) this.#count();
      else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
        this.#count();
        if (++depth >= DEFAULT_MAX_DEPTH) throw tooDeep(DEFAULT_MAX_DEPTH);
      } else if ((code === CLOSE_BRACE || code === CLOSE_BRACKET) && --depth === 0) break;
    }
    this.at++;
    return { start, end: this.at };
  }

  #count(): void {
    if (++this.#values > MAX_VALUES) throw new GatewayError("too-large", `The JSON holds more than ${MAX_VALUES} values.`);
  }
}

const WORD_END = /[\s,\]}]/g;
