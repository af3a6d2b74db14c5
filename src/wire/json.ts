// Room: json (row 1).
// In:  JSON text as a client or an upstream wrote it.
// Out: values that lose nothing, the spans of top-level members (for named edits), and text again.
// Never does: round a number, reorder keys of what is kept verbatim, or accept what JSON does not allow.

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
}

export const DEFAULT_MAX_DEPTH = 512;
const NO_KEYS: ReadonlySet<string> = new Set();

/**
 * Parses JSON text. Numbers that a double cannot hold exactly come back as `JsonText`.
 * @throws GatewayError `invalid-request` naming what was found and where.
 */
export function parse(text: string, options: ParseOptions = {}): Json {
  return quick(text, options) ?? new Parser(text, options).document();
}

/** What the runtime's own parser makes of a short text that holds nothing which it would change; null where that can't be told at a look. */
function quick(text: string, { verbatim = NO_KEYS, maxDepth = DEFAULT_MAX_DEPTH }: ParseOptions): Json {
  if (text.length > 2 * maxDepth || text.includes("\\u") || MAY_ROUND.test(text)) return null;
  for (const key of verbatim) if (text.includes(`"${key}"`)) return null;
  try {
    return JSON.parse(text);
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

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

class Parser {
  readonly #text: string;
  readonly #verbatim: ReadonlySet<string>;
  readonly #maxDepth: number;
  #at = 0;
  #depth = 0;

  constructor(text: string, options: ParseOptions) {
    this.#text = text;
    this.#verbatim = options.verbatim ?? NO_KEYS;
    this.#maxDepth = options.maxDepth ?? DEFAULT_MAX_DEPTH;
  }

  document(): Json {
    const value = this.#value();
    this.#space();
    if (this.#at < this.#text.length) throw this.#unexpected("the end");
    return value;
  }

  #value(): Json {
    this.#space();
    switch (this.#text.charCodeAt(this.#at)) {
      case QUOTE:
        return this.#string();
      case OPEN_BRACE:
        return this.#object();
      case OPEN_BRACKET:
        return this.#array();
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

  #object(): JsonObject {
    const object: JsonObject = {};
    this.#enter();
    this.#space();
    if (this.#text.charCodeAt(this.#at) === CLOSE_BRACE) {
      this.#leave();
      return object;
    }
    for (;;) {
      this.#space();
      if (this.#text.charCodeAt(this.#at) !== QUOTE) throw this.#unexpected("a member name in double quotes");
      const key = this.#string();
      this.#space();
      if (this.#text.charCodeAt(this.#at) !== COLON) throw this.#unexpected("':'");
      this.#at++;
      const value = this.#member(key);
      if (key === "__proto__") Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
      else object[key] = value;
      this.#space();
      const code = this.#text.charCodeAt(this.#at);
      if (code === CLOSE_BRACE) {
        this.#leave();
        return object;
      }
      if (code !== COMMA) throw this.#unexpected("',' or '}'");
      this.#at++;
    }
  }

  #member(key: string): Json {
    this.#space();
    const start = this.#at;
    const value = this.#value();
    const keep = typeof value === "object" && value !== null && this.#verbatim.has(key);
    return keep ? new JsonText(this.#text.slice(start, this.#at)) : value;
  }

  #array(): Json[] {
    const array: Json[] = [];
    this.#enter();
    this.#space();
    if (this.#text.charCodeAt(this.#at) === CLOSE_BRACKET) {
      this.#leave();
      return array;
    }
    for (;;) {
      array.push(this.#value());
      this.#space();
      const code = this.#text.charCodeAt(this.#at);
      if (code === CLOSE_BRACKET) {
        this.#leave();
        return array;
      }
      if (code !== COMMA) throw this.#unexpected("',' or ']'");
      this.#at++;
    }
  }

  #enter(): void {
    this.#at++;
    if (++this.#depth > this.#maxDepth) throw tooDeep(this.#maxDepth);
  }

  #leave(): void {
    this.#at++;
    this.#depth--;
  }

  #string(): string {
    const text = this.#text;
    const start = this.#at;
    const end = closingQuote(text, start);
    if (end === -1) {
      this.#at = text.length;
      throw this.#unexpected("the closing quote of a string");
    }
    this.#at = end + 1;
    const body = text.slice(start + 1, end);
    if (PLAIN.test(body)) return body;
    try {
      return String(JSON.parse(text.slice(start, end + 1)));
    } catch {
      this.#at = start;
      throw this.#unexpected("a well-formed string (no raw control characters, only JSON escapes)");
    }
  }

  #number(): Json {
    NUMBER.lastIndex = this.#at;
    const source = NUMBER.exec(this.#text)?.[0];
    if (source === undefined) throw this.#unexpected("a value");
    this.#at += source.length;
    const value = Number(source);
    return isExact(source, value) ? value : new JsonText(source);
  }

  #literal<T extends Json>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) throw this.#unexpected("a value");
    this.#at += word.length;
    return value;
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) this.#at++;
      else return;
    }
  }

  #unexpected(wanted: string): GatewayError {
    return unexpected(this.#text, this.#at, wanted);
  }
}

/** Where the string that begins at `start` ends; -1 when it does not. A quote closes it unless an odd number of backslashes stands before. */
export function closingQuote(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes++;
    if (slashes % 2 === 0) break;
    end = text.indexOf('"', end + 1);
  }
  return end;
}

export function tooDeep(maxDepth: number): GatewayError {
  return new GatewayError("invalid-request", `The JSON nests deeper than ${maxDepth} levels.`);
}

/** The error for text that has something else than `wanted` at an offset. */
export function unexpected(text: string, at: number, wanted: string): GatewayError {
  const lines = text.slice(0, at).split("\n");
  const found = at < text.length ? `'${text[at]}'` : "the end of the body";
  const place = `line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1}`;
  return new GatewayError("invalid-request", `The body is not valid JSON: expected ${wanted}, found ${found} at ${place}.`);
}

// Built once: a string without these needs no unescaping.
const PLAIN = /^[^\\\u0000-\u001f]*$/;
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
