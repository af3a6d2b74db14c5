// Reads one JSON object of a request body: each member is checked as it is read, and the members that nobody read are reported.
// Never guesses: a member of the wrong type is an `invalid-request` that names the path and what it should be.

import { GatewayError } from "../errors.ts";
import { isObject, JsonText, print, type Json, type JsonObject } from "../wire/json.ts";
import type { JsonSource } from "./canonical.ts";

/** A member that nobody read, or whose word nobody here knows. */
export interface UnreadMember {
  readonly key: string;
  /** As the client would write it: `tools[0].strict`. */
  readonly path: string;
  readonly value: JsonSource;
  /** Why it is lost, where the word is to blame; null for a member that nobody read. */
  readonly reason: string | null;
}

/** An enumeration of a request. Each protocol lists its own in one table, `WORDS` of its wire.ts. */
export interface Words<Word extends string> {
  readonly known: readonly Word[];
  /**
   * What a word means that is not among them. `reported`: protocols gain words, so it is left out and said. `refused`: without it the answer
   * would be another one than was asked for, so the call ends with 400.
   */
  readonly unknown: "reported" | "refused";
  /** Whether the words are read in upper and lower case alike; they are listed in upper case then. */
  readonly anyCase?: true;
}

/** Reads one object's members. Absent and `null` are the same: "did not say". */
export class Fields {
  readonly path: string;
  readonly #object: JsonObject;
  readonly #read = new Set<string>();
  /** What was read through this one. */
  readonly #inside: Fields[] = [];
  /** Members whose word is not known. */
  readonly #unknown: string[] = [];
  #reportsRest = true;

  constructor(object: JsonObject, path: string) {
    this.#object = object;
    this.path = path;
  }

  /** @throws GatewayError when `value` is not an object. */
  static of(value: Json | undefined, path: string): Fields {
    if (!isObject(value)) throw wrong(path, "a JSON object", value);
    return new Fields(value, path);
  }

  /** The path of a member as the client would write it: `messages[2].content`. */
  at(key: string): string {
    return this.path === "" ? key : `${this.path}.${key}`;
  }

  /** The member as it is; undefined when absent. */
  raw(key: string): Json | undefined {
    const value = this.#object[key];
    // Of the many members that a request can have, few are there.
    if (value !== undefined) this.#read.add(key);
    return value;
  }

  text(key: string): string {
    const value = this.raw(key);
    if (typeof value !== "string") throw this.fail(key, "a string");
    return value;
  }

  optionalText(key: string): string | null {
    const value = this.#stated(key);
    if (value === null || typeof value === "string") return value;
    throw this.fail(key, "a string");
  }

  optionalNumber(key: string): number | null {
    const value = this.#stated(key);
    if (value === null || typeof value === "number") return value;
    const number = value instanceof JsonText ? Number(value.text) : Number.NaN;
    if (Number.isNaN(number)) throw this.fail(key, "a number");
    return number;
  }

  optionalInteger(key: string): number | null {
    const value = this.optionalNumber(key);
    if (value !== null && !Number.isInteger(value)) throw this.fail(key, "an integer");
    return value;
  }

  optionalBoolean(key: string): boolean | null {
    const value = this.#stated(key);
    if (value === null || typeof value === "boolean") return value;
    throw this.fail(key, "true or false");
  }

  /** One of the known words; null when absent, or when the word is not known and may be left out, which `close` then says. */
  optionalWord<Word extends string>(key: string, { known, unknown, anyCase }: Words<Word>): Word | null {
    const value = this.#stated(key);
    if (value === null) return null;
    const wanted = anyCase === true && typeof value === "string" ? value.toUpperCase() : value;
    const found = known.find((word) => word === wanted);
    if (found !== undefined) return found;
    if (unknown === "refused" || typeof value !== "string") throw this.fail(key, `one of ${known.join(", ")}`);
    if (!this.#unknown.includes(key)) this.#unknown.push(key);
    return null;
  }

  /** As `optionalWord`, but the word has to be there. @throws GatewayError when absent. */
  word<Word extends string>(key: string, words: Words<Word>): Word | null {
    if (!this.has(key)) throw this.fail(key, `one of ${words.known.join(", ")}`);
    return this.optionalWord(key, words);
  }

  /** An array's items; [] when absent. */
  list(key: string): readonly Json[] {
    const value = this.#stated(key);
    if (value === null) return [];
    if (!Array.isArray(value)) throw this.fail(key, "an array");
    return value;
  }

  /** An array of strings; [] when absent. */
  texts(key: string): readonly string[] {
    return this.list(key).map((item, index) => {
      if (typeof item !== "string") throw wrong(`${this.at(key)}[${index}]`, "a string", item);
      return item;
    });
  }

  /** An array of objects; [] when absent. */
  objects(key: string): readonly Fields[] {
    return this.list(key).map((item, index) => this.inside(item, `${this.at(key)}[${index}]`));
  }

  /** @throws GatewayError when absent or not an object. */
  object(key: string): Fields {
    return this.inside(this.raw(key), this.at(key));
  }

  optionalObject(key: string): Fields | null {
    const value = this.raw(key);
    return value === undefined || value === null ? null : this.inside(value, this.at(key));
  }

  /** A reader of an object that stands somewhere in this one; `close` reports what nobody read of it. @throws GatewayError when it is none. */
  inside(value: Json | undefined, path: string): Fields {
    const fields = Fields.of(value, path);
    this.#inside.push(fields);
    return fields;
  }

  /** These members need no reading: they say nothing that is not known anyway. */
  ignore(...keys: readonly string[]): void {
    for (const key of keys) this.#read.add(key);
  }

  /** Nothing that is left unread here needs reporting. What was read through this one is not meant. */
  ignoreRest(): this {
    this.#reportsRest = false;
    return this;
  }

  /** The member as JSON text: as it was written where it was parsed verbatim, printed otherwise. */
  source(key: string): JsonSource | null {
    const value = this.raw(key);
    return value === undefined || value === null ? null : print(value);
  }

  /** The whole object as JSON text. */
  whole(): JsonSource {
    for (const key in this.#object) this.#read.add(key);
    return print(this.#object);
  }

  has(key: string): boolean {
    return this.#object[key] !== undefined && this.#object[key] !== null;
  }

  /** Members that nobody read and that say something, with their JSON text. */
  unread(): [key: string, value: JsonSource][] {
    return Object.entries(this.#object)
      .filter(([key, value]) => value !== null && !this.#read.has(key))
      .map(([key, value]) => [key, print(value)]);
  }

  /**
   * Members that nobody read or whose word nobody knows, of this object and of all that was read through it: the outer ones first, then in
   * the order of reading. A word is told even where the rest need not be.
   */
  close(): UnreadMember[] {
    const own = this.#unknown.map((key): UnreadMember => {
      const value = print(this.#object[key] ?? null);
      return { key, path: this.at(key), value, reason: `The value ${shortened(value)} is not known here; it was left out.` };
    });
    if (this.#reportsRest) for (const [key, value] of this.unread()) own.push({ key, path: this.at(key), value, reason: null });
    for (const fields of this.#inside) for (const member of fields.close()) own.push(member);
    return own;
  }

  /** The error for a member that is not what it should be. */
  fail(key: string, wanted: string): GatewayError {
    return wrong(this.at(key), wanted, this.#object[key]);
  }

  /** The member; null where it did not say. */
  #stated(key: string): Json {
    return this.raw(key) ?? null;
  }
}

function wrong(path: string, wanted: string, found: Json | undefined): GatewayError {
  const sentence = `${path === "" ? "The body" : path} should be ${wanted}, not ${describe(found)}.`;
  return new GatewayError("invalid-request", sentence, path === "" ? {} : { param: path });
}

function shortened(value: JsonSource): string {
  return value.length <= 42 ? value : "that was sent";
}

function describe(value: Json | undefined): string {
  if (value === undefined) return "absent";
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (value instanceof JsonText) return "this value";
  if (typeof value === "object") return "an object";
  if (typeof value === "string") return value.length <= 40 ? `"${value}"` : "a long string";
  return String(value);
}
