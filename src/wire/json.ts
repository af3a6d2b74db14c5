// JSON text to lossless values, and back to text. The only scanner of JSON in this program.
// Does not round a number, reorder the keys of what is kept verbatim, or accept what JSON does not allow.

import { GatewayError } from "../errors.ts";

export type Json = null | boolean | number | string | JsonText | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}

/** A JSON value kept as its original text; `print` writes it back unchanged. */
export class JsonText {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export interface ParseOptions {
  /** Values of these keys, at any depth, become `JsonText` when they are objects or arrays. */
  readonly verbatim?: ReadonlySet<string>;
  /** How deep arrays and objects may nest; 512 by default. */
  readonly maxDepth?: number;
  /** Absent: the text has not been parsed yet. */
  readonly parsed?: Parsed | undefined;
}

/** What is known of a text that the runtime's own parser has read. */
export interface Parsed {
  /** The parser's result. It is used up: parts of it become parts of what `parse` returns. */
  readonly value: Json;
  /** The ends of objects and arrays by their starts, as far as they have been scanned; in UTF-16 units. */
  readonly ends: ReadonlyMap<number, number>;
}

/** A span of a text, in UTF-16 units; the end is exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

interface ReaderOptions {
  readonly at?: number;
  readonly verbatim?: ReadonlySet<string> | undefined;
  readonly maxDepth?: number | undefined;
  readonly ends?: Parsed["ends"] | undefined;
  readonly maxValues?: number;
}

export const DEFAULT_MAX_DEPTH = 512;
const NO_KEYS: ReadonlySet<string> = new Set();
const NO_ENDS: Parsed["ends"] = new Map();

/**
 * Parses JSON text. Numbers that a double cannot hold exactly come back as `JsonText`.
 * @throws GatewayError `invalid-request` naming what was found and where.
 */
export function parse(text: string, options: ParseOptions = {}): Json {
  const read = quick(text, options);
  if (read !== null) return read;
  const { verbatim, maxDepth, parsed } = options;
  const value = parsed === undefined ? native(text) : parsed.value;
  if (value === undefined) throw faultIn(text, maxDepth);
  return new JsonReader(text, { verbatim, maxDepth, ends: parsed?.ends }).value(value);
}

/** Undefined: not JSON. */
function native(text: string): Json | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What is wrong with a text that is not JSON, and where. */
export function faultIn(text: string, maxDepth?: number): GatewayError {
  try {
    const reader = new JsonReader(text, { maxDepth });
    reader.value();
    reader.end();
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
  return new GatewayError("invalid-request", "The body is not valid JSON.");
}

/**
 * Whether the runtime's parser gives the same result as this one: nothing in the text is kept verbatim, no number may have been rounded,
 * and it nests at most `room` levels deep.
 */
function isPlain(value: Json, verbatim: ReadonlySet<string>, room: number): boolean {
  if (typeof value !== "object" || value === null) return typeof value !== "number";
  if (room <= 0 || value instanceof JsonText) return false;
  if (Array.isArray(value)) {
    for (const item of value) if (!isPlain(item, verbatim, room - 1)) return false;
    return true;
  }
  for (const key in value) {
    const member = value[key] ?? null;
    if (typeof member === "object" && member !== null && verbatim.has(key)) return false;
    if (!isPlain(member, verbatim, room - 1)) return false;
  }
  return true;
}

/** The result of the runtime's parser for a short text that it can't change; null where that can't be told quickly. */
function quick(text: string, { verbatim = NO_KEYS, maxDepth = DEFAULT_MAX_DEPTH, parsed }: ParseOptions): Json {
  if (text.length > 2 * maxDepth || text.includes("\\u") || MAY_ROUND.test(text)) return null;
  for (const key of verbatim) if (text.includes(`"${key}"`)) return null;
  try {
    return parsed === undefined ? JSON.parse(text) : parsed.value;
  } catch {
    // Parsed once more, for an error that says where it is wrong.
    return null;
  }
}

/** Finds every number with more digits than a double surely holds, or an exponent that may be too large. */
const MAY_ROUND = /[\d.]{16}|\d[eE][+-]?\d{3}/;

// ---- Printing ----------------------------------------------------------------------------------------------------

/** Writes a value as compact JSON; `JsonText` goes out as it came in. */
export function print(value: Json): string {
  return printed(value) ?? JSON.stringify(value);
}

/** Null where the value holds no verbatim text: then the runtime's own printer does the same, many times faster. */
function printed(value: Json | undefined): string | null {
  if (typeof value !== "object" || value === null) return null;
  if (value instanceof JsonText) return value.text;
  return Array.isArray(value) ? printedArray(value) : printedObject(value);
}

function printedArray(items: readonly Json[]): string | null {
  let out: string | null = null;
  for (let index = 0; index < items.length; index++) {
    const text = printed(items[index]);
    if (text === null && out === null) continue;
    // Everything before the first verbatim text, with the opening bracket.
    out ??= index === 0 ? "[" : `${JSON.stringify(items.slice(0, index)).slice(0, -1)},`;
    out += `${text ?? JSON.stringify(items[index])}${index === items.length - 1 ? "" : ","}`;
  }
  return out === null ? null : out + "]";
}

function printedObject(object: JsonObject): string | null {
  let out: string | null = null;
  for (const key in object) {
    const text = printed(object[key]);
    if (text === null && out === null) continue;
    out ??= before(object, key);
    if (object[key] !== undefined) out += `${out === "{" ? "" : ","}${JSON.stringify(key)}:${text ?? JSON.stringify(object[key])}`;
  }
  return out === null ? null : out + "}";
}

/** What is printed of an object before this member. */
function before(object: JsonObject, end: string): string {
  let out = "{";
  for (const key in object) {
    if (key === end) break;
    if (object[key] !== undefined) out += `${out === "{" ? "" : ","}${JSON.stringify(key)}:${JSON.stringify(object[key])}`;
  }
  return out;
}

/** Whether a value is a JSON object (not an array, not verbatim text). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof JsonText);
}

/** Looks up a word from outside in a table, without finding what every object inherits (`constructor`). */
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

/** The same with the runtime's own parser, which is many times faster and may round numbers: for a look at what a text says. */
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
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/** Reads JSON text from left to right: values, with validation, or only the spans of values in text that is known to be valid. */
export class JsonReader {
  readonly text: string;
  /** Offset in UTF-16 units. */
  at: number;
  readonly #verbatim: ReadonlySet<string>;
  readonly #maxDepth: number;
  readonly #maxValues: number;
  #depth = 0;
  #values = 0;
  readonly #ends: Parsed["ends"];

  constructor(
    text: string,
    { at = 0, verbatim = NO_KEYS, maxDepth = DEFAULT_MAX_DEPTH, maxValues = Infinity, ends = NO_ENDS }: ReaderOptions = {},
  ) {
    this.text = text;
    this.at = at;
    this.#ends = ends;
    this.#verbatim = verbatim;
    this.#maxDepth = maxDepth;
    this.#maxValues = maxValues;
  }

  /** How many values `span` has passed. */
  get values(): number {
    return this.#values;
  }

  /** `parsed` is the runtime's parse of the text; undefined: the text has to be validated. */
  value(parsed?: Json): Json {
    switch (this.space()) {
      case QUOTE:
        return this.#taken(parsed) ?? this.#string();
      case OPEN_BRACE:
        return this.#taken(parsed) ?? this.#object(parsed);
      case OPEN_BRACKET:
        return this.#taken(parsed) ?? this.#array(parsed);
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

  /** The span of the next value, which must be valid. */
  span(): Span {
    this.space();
    const start = this.at;
    this.#pass();
    return { start, end: this.at };
  }

  #pass(): void {
    const first = this.space();
    this.#count();
    if (first === QUOTE) this.#skipString();
    else if (first === OPEN_BRACE || first === OPEN_BRACKET) this.#skip();
    else {
      // A number or a word ends at a separator, a bracket or white space.
      WORD_END.lastIndex = this.at;
      this.at = WORD_END.exec(this.text)?.index ?? this.text.length;
    }
  }

  /** The same, noting the span of each item of an array. */
  itemized(each: (item: Span) => void): Span {
    if (this.space() !== OPEN_BRACKET) return this.span();
    const start = this.at;
    this.#count();
    this.inside(() => each(this.span()));
    return { start, end: this.at };
  }

  /** A member's name and its colon. */
  key(): string {
    if (this.space() !== QUOTE) throw this.unexpected("a member name in double quotes");
    const key = this.#string();
    if (this.space() !== COLON) throw this.unexpected("':'");
    this.at++;
    return key;
  }

  /** Enters the object or array that begins here, and leaves it after `each` has read every member or item. */
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

  /** The next character that is not white space. */
  space(): number {
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return code;
      this.at++;
    }
  }

  /** The error for text that has something other than `wanted` here. */
  unexpected(wanted: string): GatewayError {
    const lines = this.text.slice(0, this.at).split("\n");
    const found = this.at < this.text.length ? `'${this.text[this.at]}'` : "the end of the body";
    const place = `line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1}`;
    return new GatewayError("invalid-request", `The body is not valid JSON: expected ${wanted}, found ${found} at ${place}.`);
  }

  /**
   * The next value, where the result of the runtime's parser can be used; null where it can't. For a member that occurs twice in its object this
   * is the other value, which is the one that counts in the end.
   */
  #taken(parsed: Json | undefined): Json {
    if (parsed === undefined) return null;
    const isAsIs =
      typeof parsed === "string" || (this.#depth <= MAX_TAKEN_DEPTH && isPlain(parsed, this.#verbatim, this.#maxDepth - this.#depth));
    if (!isAsIs) return null;
    const end = this.#ends.get(this.at);
    if (end === undefined) this.#pass();
    else this.at = end;
    return parsed;
  }

  /** Skips the object or array that begins here. */
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
    if (parsed === undefined) this.value();
    else this.#pass();
    return new JsonText(this.text.slice(start, this.at));
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

/** The end of the string that begins at `start`; -1 when it has none. A quote ends it unless an odd number of backslashes precedes it. */
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
/** Below this depth a value is not checked as a whole, since each level would check it again. This is the depth of a message's parts. */
const MAX_TAKEN_DEPTH = 6;
const DIGITS = /[1-9]\d*/;
// Below this, doubles have fewer than 15 digits.
const SMALLEST_EXACT = 1e-300;

/** Whether the double prints the same decimal value as the source; with at most 15 significant digits it always does. */
function isExact(source: string, value: number): boolean {
  const size = Math.abs(value);
  if (source.length <= 15 && ((size >= SMALLEST_EXACT && size < Infinity) || source === "0")) return true;
  if (Number.isSafeInteger(value) && !/[.eE]/.test(source)) return true;
  if (!Number.isFinite(value)) return false;
  return significant(source) === significant(String(value));
}

/** Significant digits without sign, point, exponent and trailing zeros; enough to see whether any were lost. */
function significant(source: string): string {
  const mantissa = source
    .replace(/[eE].*$/, "")
    .replace(/[-.]/g, "")
    .replace(/0+$/, "");
  return DIGITS.exec(mantissa)?.[0] ?? "0";
}
