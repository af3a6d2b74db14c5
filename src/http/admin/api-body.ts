// Reads the bodies of the admin API: JSON objects with known members.
// Never decides what a value means.

import { isObject, parseOrUndefined, type Json, type JsonObject } from "../../wire/json.ts";
import { wrongInput } from "./admin-faults.ts";
import type { KeyWordsJson } from "./admin.ts";

/** @throws GatewayError for anything but an object, or for an unknown member. */
export function objectIn(text: string, known: readonly string[]): JsonObject {
  const value = text.trim() === "" ? {} : parseOrUndefined(text);
  if (!isObject(value)) throw wrongInput("The body must be a JSON object.");
  for (const name of Object.keys(value)) {
    if (!known.includes(name)) throw wrongInput(`Unknown member ${JSON.stringify(name)}. Known members: ${known.join(", ")}.`, name);
  }
  return value;
}

type Reader<Value> = (value: Json) => Value | undefined;

const text: Reader<string> = (value) => (typeof value === "string" ? value : undefined);
const flag: Reader<boolean> = (value) => (typeof value === "boolean" ? value : undefined);
const count: Reader<number | string> = (value) =>
  typeof value === "string" || (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) ? value : undefined;
const texts: Reader<readonly string[]> = (value) =>
  Array.isArray(value) && value.every((one) => typeof one === "string") ? value : undefined;
const orNull =
  <Value>(read: Reader<Value>): Reader<Value | null> =>
  (value) =>
    value === null ? null : read(value);

const WORDS = {
  note: [orNull(text), "must be a string or null."],
  expires: [orNull(text), "must be a string or null."],
  off: [flag, "must be true or false."],
  models: [orNull(texts), "must be a list of strings or null."],
  rpm: [orNull(count), "must be a whole number, a string or null."],
  tpm: [orNull(count), "must be a whole number, a string or null."],
  parallel: [orNull(count), "must be a whole number, a string or null."],
  budgets: [orNull(texts), "must be a list of strings or null."],
  soft: [orNull(text), "must be a string or null."],
  zone: [orNull(text), "must be a string or null."],
} as const satisfies Readonly<Record<keyof KeyWordsJson, readonly [Reader<unknown>, string]>>;

export const KEY_WORDS: readonly string[] = Object.keys(WORDS);

/** @throws GatewayError for a member of the wrong type. */
export function keyWordsIn(body: JsonObject): KeyWordsJson {
  const words: Record<string, unknown> = {};
  for (const [name, [read, rule]] of Object.entries(WORDS)) {
    const value = body[name];
    if (value === undefined) continue;
    words[name] = read(value);
    if (words[name] === undefined) throw wrongInput(`${name} ${rule}`, name);
  }
  return words;
}

/** @throws GatewayError where it is missing, or not text. */
export function textIn(body: JsonObject, name: string): string {
  const value = optionalTextIn(body, name);
  if (value === undefined) throw wrongInput(`${name} is missing: a string.`, name);
  return value;
}

export function optionalTextIn(body: JsonObject, name: string): string | undefined {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") throw wrongInput(`${name} must be a string.`, name);
  return value;
}
