// JSON text to values that lose nothing, and back to text. The only scanner of JSON there is.
// Never does: round a number, reorder the keys of what is kept verbatim, or accept what JSON does not allow.

import { GatewayError } from "../errors.ts";

export type Json = null | boolean | number | string | JsonText | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}

/** A JSON value kept as the text it was written in; `print` writes it back unchanged. */
export class JsonText {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export interface ParseOptions {
  /** Values of these keys, at any depth, come back as `JsonText` when they are objects or arrays. */
  readonly verbatim?: ReadonlySet<string>;
  /** How deep arrays and objects may nest; default 512. */
  readonly maxDepth?: number;
  /** What the runtime's own parser makes of the text. It is used up: parts of it become parts of the value. Absent: it was not asked. */
  readonly parsed?: Json | undefined;
}

/** A stretch of a text, in UTF-16 units; the end is exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

interface ReaderOptions extends ParseOptions {
  readonly at?: number;
  readonly maxValues?: number;
}

export const DEFAULT_MAX_DEPTH = 512;
const NO_KEYS: ReadonlySet<string> = new Set();

/**
 * Parses JSON text. Numbers that a double cannot hold exactly come back as `JsonText`.
 * @throws GatewayError `invalid-request` naming what was found and where.
 */
export function parse(text: string, options: ParseOptions = {}): Json {
  const read = quick(text, options);
  if (read !== null) return read;
  const reader = new JsonReader(text, options);
  reader.survey();
  const value = reader.value(options.parsed);
  reader.end();
  return value;
}

/** What the runtime's own parser makes of a short text that holds nothing which it would change; null where that can't be told at a look. */
function quick(text: string, { verbatim = NO_KEYS, maxDepth = DEFAULT_MAX_DEPTH, parsed }: ParseOptions): Json {
  if (text.length > 2 * maxDepth || text.includes("\\u") || MAY_ROUND.test(text)) return null;
  for (const key of verbatim) if (text.includes(`"${key}"`)) return null;
  try {
    return parsed === undefined ? JSON.parse(text) : parsed;
  } catch {
    // Parsed once more, for words that say where it is wrong.
    return null;
  }
}

/** Finds every number with more digits than a double surely holds, or an exponent that may be too large. */
const MAY_ROUND = /[\d.]{16}|\d[eE][+-]?\d{3}/;

// ---- Printing ----------------------------------------------------------------------------------------------------

/** Writes a value as compact JSON; `JsonText` goes out as it came in. */
export function print(value: Json): string {
  if (value instanceof JsonText) return value.text;
  if (value === null || typeof value !== "object" || !holdsText(value)) return JSON.stringify(value);
  if (Array.isArray(value)) {
    let out = "[";
    for (let index = 0; index < value.length; index++) out += (index === 0 ? "" : ",") + print(value[index] ?? null);
    return out + "]";
  }
  let out = "{";
  for (const key in value) {
    const member = value[key];
    if (member === undefined) continue;
    out += (out === "{" ? "" : ",") + JSON.stringify(key) + ":" + print(member);
  }
  return out + "}";
}

/** Whether verbatim text stands in it; where none does the runtime's own printer does the same, many times faster. */
function holdsText(value: Json | undefined): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (value instanceof JsonText) return true;
  if (Array.isArray(value)) return value.some(holdsText);
  for (const key in value) if (holdsText(value[key])) return true;
  return false;
}

/** Whether a value is a JSON object (not an array, not verbatim text). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof JsonText);
}

/** What a table says of a word that came from outside; the words that every object knows (`constructor`) are not in it. */
export function rowOf<T>(table: Readonly<Record<string, T>>, word: string): T | undefined {
  return Object.hasOwn(table, word) ? table[word] : undefined;
}

/** Parses what an upstream sent; `undefined` when it is not JSON. */
export function parseOrUndefined(text: string, options: ParseOptions = {}): Json | undefined {
  try {
    return parse(text, options);
  } catch (error) {
    if (error instanceof GatewayError) return undefined;
    throw error;
  }
}

/** The same by the runtime's own parser, which is many times faster and may round numbers: for a look at what text says. */
export function glance(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const EXPONENT = 0x45;
const SMALL_EXPONENT = 0x65;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/** Reads JSON text from left to right: values, which it checks, or no more than where values stand in text that is known to be JSON. */
export class JsonReader {
  readonly text: string;
  /** UTF-16 units. */
  at: number;
  readonly #verbatim: ReadonlySet<string>;
  readonly #maxDepth: number;
  readonly #maxValues: number;
  #depth = 0;
  #values = 0;
  /** Where objects and arrays end that the runtime's own parser reads as this one would, many times faster; by where they begin. */
  readonly #plain = new Map<number, number>();

  constructor(text: string, { at = 0, verbatim = NO_KEYS, maxDepth = DEFAULT_MAX_DEPTH, maxValues = Infinity }: ReaderOptions = {}) {
    this.text = text;
    this.at = at;
    this.#verbatim = verbatim;
    this.#maxDepth = maxDepth;
    this.#maxValues = maxValues;
  }

  /** How many values `span` has passed. */
  get values(): number {
    return this.#values;
  }

  /** `parsed` is what the runtime's own parser makes of it; undefined: it was not asked. */
  value(parsed?: Json): Json {
    switch (this.space()) {
      case QUOTE:
        return this.#string();
      case OPEN_BRACE:
        return this.#native(parsed) ?? this.#object(parsed);
      case OPEN_BRACKET:
        return this.#native(parsed) ?? this.#array(parsed);
      case 0x74:
        return this.#literal("true", true);
      case 0x66:
        return this.#literal("false", false);
      case 0x6e:
        return this.#literal("null", null);
      default:
        return this.#number();
    }
  }

  /** Where the value stands that comes next. It has been checked before. */
  span(): Span {
    const first = this.space();
    const start = this.at;
    this.#count();
    if (first === QUOTE) this.#skipString();
    else if (first === OPEN_BRACE || first === OPEN_BRACKET) this.#skip();
    else {
      // A number or a word ends where a separator, a bracket or white space does.
      WORD_END.lastIndex = start;
      this.at = WORD_END.exec(this.text)?.index ?? this.text.length;
    }
    return { start, end: this.at };
  }

  /** A member's name, and the colon behind it. */
  key(): string {
    if (this.space() !== QUOTE) throw this.unexpected("a member name in double quotes");
    const key = this.#string();
    if (this.space() !== COLON) throw this.unexpected("':'");
    this.at++;
    return key;
  }

  /** Goes into the object or array that begins here, and out of it once `each` has taken all of it, member by member or item by item. */
  inside(each: () => void): void {
    const close = this.text.charCodeAt(this.at++) === OPEN_BRACE ? CLOSE_BRACE : CLOSE_BRACKET;
    this.#enter();
    if (this.space() !== close) {
      for (each(); this.space() !== close; each()) {
        if (this.text.charCodeAt(this.at) !== COMMA) throw this.unexpected(`',' or '${String.fromCharCode(close)}'`);
        this.at++;
      }
    }
    this.at++;
    this.#depth--;
  }

  end(): void {
    this.space();
    if (this.at < this.text.length) throw this.unexpected("the end");
  }

  /** The next character that is no white space. */
  space(): number {
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return code;
      this.at++;
    }
  }

  /** The error for text that has something else than `wanted` here. */
  unexpected(wanted: string): GatewayError {
    const lines = this.text.slice(0, this.at).split("\n");
    const found = this.at < this.text.length ? `'${this.text[this.at]}'` : "the end of the body";
    const place = `line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1}`;
    return new GatewayError("invalid-request", `The body is not valid JSON: expected ${wanted}, found ${found} at ${place}.`);
  }

  /**
   * Finds the objects and arrays in which nothing is verbatim, may round, or nests too deep, in one pass over what stands outside of strings.
   * Of text that is no JSON it may say anything: whatever the runtime's parser refuses is read once more.
   */
  survey(): void {
    const { text } = this;
    // Of those that are open: where they begin, and whether they are plain so far.
    const open: { readonly start: number; isPlain: boolean }[] = [];
    const spoil = (): void => {
      for (let index = Math.min(open.length, SURVEYED_DEPTH) - 1; index >= 0; index--) {
        const container = open[index];
        if (container?.isPlain !== true) break;
        container.isPlain = false;
      }
    };
    let key: Span = { start: 0, end: 0 };
    let isMember = false;
    for (let at = this.at; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) {
        const end = closingQuote(text, at);
        if (end === -1) return;
        key = { start: at + 1, end };
        at = end;
      } else if (code === COLON) isMember = true;
      else if (code === COMMA) isMember = false;
      else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
        if (isMember && this.#isVerbatim(key)) spoil();
        isMember = false;
        open.push({ start: at, isPlain: true });
        if (open.length > this.#maxDepth) return spoil();
      } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
        const container = open.pop();
        if (container?.isPlain === true && open.length < SURVEYED_DEPTH) this.#plain.set(container.start, at + 1);
        isMember = false;
      } else if (code <= NINE && code >= MINUS) {
        const end = numberEnd(text, at);
        if (end === -1) spoil();
        else at = end - 1;
      }
    }
  }

  /** Also of a name that is written with an escape, which may stand for any. */
  #isVerbatim({ start, end }: Span): boolean {
    const name = this.text.slice(start, end);
    return this.#verbatim.has(name) || name.includes("\\");
  }

  #native(parsed: Json | undefined): Json | null {
    const end = this.#plain.get(this.at);
    if (end === undefined) return null;
    try {
      const value: Json = parsed === undefined ? JSON.parse(this.text.slice(this.at, end)) : parsed;
      this.at = end;
      return value;
    } catch {
      return null;
    }
  }

  /** Over the object or array that begins here. */
  #skip(): void {
    const outside = this.#depth;
    do {
      const code = this.text.charCodeAt(this.at);
      if (code === QUOTE) {
        this.#skipString();
        continue;
      }
      if (code === COMMA) this.#count();
      else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
        this.#count();
        this.#enter();
      } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) this.#depth--;
      this.at++;
    } while (this.#depth > outside && this.at < this.text.length);
  }

  #skipString(): void {
    const end = closingQuote(this.text, this.at);
    this.at = end === -1 ? this.text.length : end + 1;
  }

  #enter(): void {
    if (++this.#depth > this.#maxDepth) throw new GatewayError("invalid-request", `The JSON nests deeper than ${this.#maxDepth} levels.`);
  }

  #count(): void {
    if (++this.#values > this.#maxValues) throw new GatewayError("too-large", `The JSON holds more than ${this.#maxValues} values.`);
  }

  #object(parsed: Json | undefined): JsonObject {
    const object: JsonObject = {};
    this.inside(() => {
      const key = this.key();
      const value = this.#member(key, isObject(parsed) ? parsed[key] : undefined);
      if (key === "__proto__") Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
      else object[key] = value;
    });
    return object;
  }

  #member(key: string, parsed: Json | undefined): Json {
    const code = this.space();
    if ((code !== OPEN_BRACE && code !== OPEN_BRACKET) || !this.#verbatim.has(key)) return this.value(parsed);
    const { at: start } = this;
    const depth = this.#depth;
    try {
      const text = this.text.slice(start, this.span().end);
      JSON.parse(text);
      return new JsonText(text);
    } catch {
      // Read once more, for words that say what is wrong, and where.
      this.at = start;
      this.#depth = depth;
      return this.value();
    }
  }

  #array(parsed: Json | undefined): Json[] {
    const array: Json[] = [];
    this.inside(() => array.push(this.value(Array.isArray(parsed) ? parsed[array.length] : undefined)));
    return array;
  }

  #string(): string {
    const { text, at: start } = this;
    const end = closingQuote(text, start);
    if (end === -1) {
      this.at = text.length;
      throw this.unexpected("the closing quote of a string");
    }
    this.at = end + 1;
    const body = text.slice(start + 1, end);
    if (PLAIN.test(body)) return body;
    try {
      return String(JSON.parse(text.slice(start, end + 1)));
    } catch {
      this.at = start;
      throw this.unexpected("a well-formed string (no raw control characters, only JSON escapes)");
    }
  }

  #number(): Json {
    NUMBER.lastIndex = this.at;
    const source = NUMBER.exec(this.text)?.[0];
    if (source === undefined) throw this.unexpected("a value");
    this.at += source.length;
    const value = Number(source);
    return isExact(source, value) ? value : new JsonText(source);
  }

  #literal<T extends Json>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) throw this.unexpected("a value");
    this.at += word.length;
    return value;
  }
}

/** Where the number that begins at `start` ends; -1 where it may be one that a double does not hold. */
function numberEnd(text: string, start: number): number {
  for (let at = start + 1; at < start + MAY_ROUND_LENGTH; at++) {
    const code = text.charCodeAt(at);
    if ((code > NINE || code < ZERO) && code !== POINT) return code === EXPONENT || code === SMALL_EXPONENT ? -1 : at;
  }
  return -1;
}

/** Where the string that begins at `start` ends; -1 when it does not. A quote closes it unless an odd number of backslashes stands before. */
export function closingQuote(text: string | Uint8Array, start: number): number {
  let end = quoteFrom(text, start + 1);
  while (end !== -1) {
    let slashes = 0;
    while (codeAt(text, end - 1 - slashes) === BACKSLASH) slashes++;
    if (slashes % 2 === 0) break;
    end = quoteFrom(text, end + 1);
  }
  return end;
}

function quoteFrom(text: string | Uint8Array, start: number): number {
  return typeof text === "string" ? text.indexOf('"', start) : text.indexOf(QUOTE, start);
}

function codeAt(text: string | Uint8Array, at: number): number | undefined {
  return typeof text === "string" ? text.charCodeAt(at) : text[at];
}

// Built once: a string without these needs no unescaping.
const PLAIN = /^[^\\\u0000-\u001f]*$/;
const WORD_END = /[\s,\]}]/g;
/** So deep `survey` tells objects and arrays apart: the blocks of a message in a list of messages. */
const SURVEYED_DEPTH = 5;
/** A number that is shorter, without an exponent, is a double as it stands. */
const MAY_ROUND_LENGTH = 16;
const DIGITS = /[1-9]\d*/;
// Below this, doubles have fewer than 15 digits.
const SMALLEST_EXACT = 1e-300;

/** Whether the double prints the same decimal value as the source; 15 significant digits always do. */
function isExact(source: string, value: number): boolean {
  const size = Math.abs(value);
  if (source.length <= 15 && ((size >= SMALLEST_EXACT && size < Infinity) || source === "0")) return true;
  if (Number.isSafeInteger(value) && !/[.eE]/.test(source)) return true;
  if (!Number.isFinite(value)) return false;
  return significant(source) === significant(String(value));
}

/** Significant digits without sign, point, exponent and trailing zeros; enough to tell whether any were lost. */
function significant(source: string): string {
  const mantissa = source
    .replace(/[eE].*$/, "")
    .replace(/[-.]/g, "")
    .replace(/0+$/, "");
  return DIGITS.exec(mantissa)?.[0] ?? "0";
}
