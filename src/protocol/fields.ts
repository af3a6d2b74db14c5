// Reads one JSON object of a request body: each member is checked as it is read, and members that were not read are reported.
// Never guesses: a member of the wrong type is an `invalid-request` with its path and the expected type.

import { GatewayError } from "../errors.ts";
import { isObject, JsonText, print, type Json, type JsonObject } from "../wire/json.ts";
import type { JsonSource } from "./canonical.ts";

/** A member that was not read, or with an unknown word. */
export interface UnreadMember {
  readonly key: string;
  /** As the client would write it: `tools[0].strict`. */
  readonly path: string;
  readonly value: JsonSource;
  /** Why it is lost, if that is due to its word; null: it was not read. */
  readonly reason: string | null;
}

/** An enumeration in a request. Each protocol lists its own in one table, `WORDS` of its wire.ts. */
export interface Words<Word extends string> {
  readonly known: readonly Word[];
  /**
   * What an unknown word means. `reported`: protocols gain words, so it is left out and reported. `refused`: without it the answer
   * would be a different one than was requested, so the call ends with 400.
   */
  readonly unknown: "reported" | "refused";
  /** Whether case is ignored; the words are listed in upper case then. */
  readonly anyCase?: true;
}

/** Reads one object's members. Absent and `null` both mean "not specified". A long conversation has thousands of readers, so they are small. */
export class Fields {
  readonly #object: JsonObject;
  /** The path of the object, or of the list that contains it. */
  readonly #place: string;
  /** Its index in that list; null: it is not in a list. */
  readonly #index: number | null;
  /** Members that were read; few, so a linear search is fine. */
  readonly #read: string[] = [];
  /** Readers of objects inside this one; null: none. */
  #inside: Fields[] | null = null;
  /** Members with unknown words; null: none. */
  #unknown: string[] | null = null;
  /** What becomes of members that are not read. */
  #rest: "reported" | "ignored" | "read" = "reported";

  constructor(object: JsonObject, place: string, index: number | null = null) {
    this.#object = object;
    this.#place = place;
    this.#index = index;
  }

  /** @throws GatewayError when `value` is not an object. */
  static of(value: Json | undefined, path: string): Fields {
    if (!isObject(value)) throw wrong(path, "a JSON object", value);
    return new Fields(value, path);
  }

  get path(): string {
    return this.#index === null ? this.#place : `${this.#place}[${this.#index}]`;
  }

  /** The path of a member as the client would write it: `messages[2].content`. */
  at(key: string): string {
    const { path } = this;
    return path === "" ? key : `${path}.${key}`;
  }

  /** The member as it is; undefined when absent. */
  raw(key: string): Json | undefined {
    const value = this.#object[key];
    // A request has few of its many possible members.
    if (value !== undefined && this.#rest === "reported") this.#note(key);
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

  /** One of the known words; null when absent, or when unknown and optional, which `close` then reports. */
  optionalWord<Word extends string>(key: string, { known, unknown, anyCase }: Words<Word>): Word | null {
    const value = this.#stated(key);
    if (value === null) return null;
    const wanted = anyCase === true && typeof value === "string" ? value.toUpperCase() : value;
    for (const word of known) if (word === wanted) return word;
    if (unknown === "refused" || typeof value !== "string") throw this.fail(key, `one of ${known.join(", ")}`);
    if (this.#unknown?.includes(key) !== true) (this.#unknown ??= []).push(key);
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
    const items = this.list(key);
    if (items.length === 0) return NONE;
    const place = this.at(key);
    const found: Fields[] = [];
    for (const [index, item] of items.entries()) {
      if (!isObject(item)) throw wrong(`${place}[${index}]`, "a JSON object", item);
      found.push(this.#keep(new Fields(item, place, index)));
    }
    return found;
  }

  /** @throws GatewayError when absent or not an object. */
  object(key: string): Fields {
    return this.inside(this.raw(key), this.at(key));
  }

  optionalObject(key: string): Fields | null {
    const value = this.raw(key);
    return value === undefined || value === null ? null : this.inside(value, this.at(key));
  }

  /** A reader of an object inside this one; `close` reports what was not read of it. @throws GatewayError when it is not an object. */
  inside(value: Json | undefined, path: string): Fields {
    return this.#keep(Fields.of(value, path));
  }

  /** These members need no reading: they have no effect. */
  ignore(...keys: readonly string[]): void {
    for (const key of keys) this.#note(key);
  }

  /** Members left unread here need no report. Objects that were read through this one are not affected. */
  ignoreRest(): this {
    if (this.#rest === "reported") this.#rest = "ignored";
    return this;
  }

  /** The member as JSON text: verbatim where it was parsed that way, otherwise printed. */
  source(key: string): JsonSource | null {
    const value = this.raw(key);
    return value === undefined || value === null ? null : print(value);
  }

  /** The whole object as JSON text. */
  whole(): JsonSource {
    this.#rest = "read";
    return print(this.#object);
  }

  has(key: string): boolean {
    return this.#object[key] !== undefined && this.#object[key] !== null;
  }

  /** Members that were not read and are not null, with their JSON text. What is read of them after `ignoreRest` is not noted. */
  unread(): [key: string, value: JsonSource][] {
    const found: [string, JsonSource][] = [];
    if (this.#rest === "read") return found;
    for (const key in this.#object) if (this.#isUnread(key)) found.push([key, print(this.#object[key] ?? null)]);
    return found;
  }

  /**
   * Members that were not read, or with unknown words, in this object and in all that were read through it: outer ones first, then in
   * reading order. Unknown words are reported even after `ignoreRest`.
   */
  close(): UnreadMember[] {
    const found: UnreadMember[] = [];
    this.#close(found);
    return found;
  }

  #close(found: UnreadMember[]): void {
    if (this.#unknown !== null) for (const key of this.#unknown) found.push(this.#unreadMember(key, unknownWord));
    if (this.#rest === "reported") {
      for (const key in this.#object) if (this.#isUnread(key)) found.push(this.#unreadMember(key, null));
    }
    if (this.#inside !== null) for (const fields of this.#inside) fields.#close(found);
  }

  #isUnread(key: string): boolean {
    return this.has(key) && !this.#read.includes(key);
  }

  #unreadMember(key: string, reason: ((value: JsonSource) => string) | null): UnreadMember {
    const value = print(this.#object[key] ?? null);
    return { key, path: this.at(key), value, reason: reason?.(value) ?? null };
  }

  /** The error for a member that is not what it should be. */
  fail(key: string, wanted: string): GatewayError {
    return wrong(this.at(key), wanted, this.#object[key]);
  }

  /** The member; null where it was not specified. */
  #stated(key: string): Json {
    return this.raw(key) ?? null;
  }

  #note(key: string): void {
    if (!this.#read.includes(key)) this.#read.push(key);
  }

  #keep(fields: Fields): Fields {
    (this.#inside ??= []).push(fields);
    return fields;
  }
}

const NONE: readonly Fields[] = [];

function wrong(path: string, wanted: string, found: Json | undefined): GatewayError {
  const sentence = `${path === "" ? "The body" : path} should be ${wanted}, not ${describe(found)}.`;
  return new GatewayError("invalid-request", sentence, path === "" ? {} : { param: path });
}

function unknownWord(value: JsonSource): string {
  return `The value ${shortened(value)} is unknown and was left out.`;
}

function shortened(value: JsonSource): string {
  return value.length <= 42 ? value : "that was sent";
}

function describe(value: Json | undefined): string {
  if (value === undefined) return "absent";
  if (value === null) return "null";
  if (Array.isArray(value)) return value.length === 0 ? "an empty array" : "an array";
  if (value instanceof JsonText) return "this value";
  if (typeof value === "object") return "an object";
  if (typeof value === "string") return value.length <= 40 ? `"${value}"` : "a long string";
  return String(value);
}
