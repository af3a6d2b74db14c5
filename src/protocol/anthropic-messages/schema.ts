// A client's JSON Schema, if the API's constrained decoding accepts it; otherwise with its constraints moved into descriptions.
// Source: https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations (read 2026-11).
// Never rewrites a valid schema, and never reorders properties.

import { glance, isObject, parseOrUndefined, print, type Json, type JsonObject } from "../../wire/json.ts";
import type { JsonSource } from "../canonical.ts";

export const EMPTY_SCHEMA: JsonSource = '{"type":"object","properties":{}}';

const KEPT: ReadonlySet<string> = new Set(["type", "title", "description", "default", "const", "enum", "required", "$ref", "$id"]);
const SCHEMA_MAPS: ReadonlySet<string> = new Set(["properties", "$defs", "definitions"]);
const SCHEMA_LISTS: ReadonlySet<string> = new Set(["anyOf", "allOf", "oneOf"]);
const FORMATS: ReadonlySet<string> = new Set(["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"]);
/** In all schemas of a request that are compiled to a grammar. */
export const MAX_OPTIONAL_PARAMETERS = 24;
export const MAX_UNION_PARAMETERS = 16;
/** More than any grammar could have; references to references can require any amount of work. */
const MAX_STEPS = 10_000;
const CLOSES = /^\s*\}/;

/** A tool's schema with the root type that the API requires. */
export function toolSchema(source: JsonSource): { readonly schema: JsonSource; readonly faulty: boolean } {
  const seen = glance(source);
  if (isObject(seen) && seen["type"] === "object") return { schema: source, faulty: false };
  const root = parseOrUndefined(source);
  if (!isObject(root)) return { schema: EMPTY_SCHEMA, faulty: true };
  if (root["type"] === undefined) {
    const open = source.indexOf("{") + 1;
    const rest = source.slice(open);
    return { schema: `${source.slice(0, open)}"type":"object"${CLOSES.test(rest) ? "" : ","}${rest}`, faulty: false };
  }
  return { schema: print({ ...root, type: "object" }), faulty: root["type"] !== null && !includesObject(root["type"]) };
}

/** The schema in a form that constrained decoding accepts; the source itself when nothing has to change. */
export function lowerSchema(source: JsonSource): JsonSource {
  const root = parseOrUndefined(source);
  if (!isObject(root)) return source;
  const lowered = lower(root);
  return print(lowered) === print(root) ? source : print(lowered);
}

/** What a schema adds to the grammar of a request. */
export interface SchemaCost {
  /** Optional parameters. */
  readonly optional: number;
  /** Parameters with several types, or with a choice of schemas. */
  readonly unions: number;
}

/**
 * Null where constrained decoding can't produce everything that the schema allows. It supports no recursion, closes every object, and refuses
 * too many optional and union parameters.
 */
export function costOf(source: JsonSource): SchemaCost | null {
  const root = parseOrUndefined(source);
  if (!isObject(root)) return null;
  const seen: Seen = { root, optional: 0, unions: 0, steps: 0 };
  return walk(root, seen, []) ? { optional: seen.optional, unions: seen.unions } : null;
}

export function isNative(source: JsonSource): boolean {
  return costOf(source) !== null;
}

function lower(schema: JsonObject): JsonObject {
  const lowered: JsonObject = {};
  const moved: string[] = [];
  for (const [key, value] of Object.entries(schema)) {
    if (KEPT.has(key)) lowered[key] = value;
    else if (SCHEMA_MAPS.has(key) && isObject(value)) {
      lowered[key] = Object.fromEntries(Object.entries(value).map(([name, member]) => [name, lowerValue(member)]));
    } else if (SCHEMA_LISTS.has(key) && Array.isArray(value)) lowered[key === "oneOf" ? "anyOf" : key] = value.map(lowerValue);
    else if (key === "items" && (isObject(value) || Array.isArray(value))) lowered[key] = lowerValue(value);
    else if (key === "additionalProperties") lowered[key] = false;
    else if (key === "format" && typeof value === "string" && FORMATS.has(value)) lowered[key] = value;
    else if (key === "minItems" && (value === 0 || value === 1)) lowered[key] = value;
    else if (key !== "$schema") moved.push(`${key}: ${print(value)}`);
  }
  if (isObject(lowered["properties"]) || includesObject(schema["type"])) lowered["additionalProperties"] = false;
  if (moved.length > 0) {
    const description = typeof schema["description"] === "string" ? `${schema["description"]}\n` : "";
    lowered["description"] = `${description}{${moved.join(", ")}}`;
  }
  return lowered;
}

function lowerValue(value: Json): Json {
  if (Array.isArray(value)) return value.map(lowerValue);
  return isObject(value) ? lower(value) : value;
}

interface Seen {
  readonly root: JsonObject;
  optional: number;
  unions: number;
  steps: number;
}

/** False at the first part that constrained decoding can't produce; counts optional and union parameters on the way. */
function walk(schema: Json | undefined, seen: Seen, path: readonly string[]): boolean {
  if (Array.isArray(schema)) return schema.every((item) => walk(item, seen, path));
  if (!isObject(schema)) return true;
  if (isOpen(schema) || ++seen.steps > MAX_STEPS) return false;
  const reference = schema["$ref"];
  if (typeof reference === "string") {
    if (path.includes(reference)) return false;
    if (!walk(resolve(seen.root, reference), seen, [...path, reference])) return false;
  }
  const properties = isObject(schema["properties"]) ? schema["properties"] : {};
  const required = new Set(Array.isArray(schema["required"]) ? schema["required"] : []);
  const names = Object.keys(properties);
  seen.steps += names.length;
  seen.optional += names.filter((name) => !required.has(name)).length;
  if (isUnion(schema)) seen.unions++;
  if (seen.optional > MAX_OPTIONAL_PARAMETERS || seen.unions > MAX_UNION_PARAMETERS) return false;
  const inner = [...Object.values(properties), schema["items"], schema["anyOf"], schema["oneOf"], schema["allOf"]];
  return inner.every((child) => walk(child, seen, path));
}

function isUnion({ type, anyOf, oneOf }: JsonObject): boolean {
  return (Array.isArray(type) && type.length > 1) || anyOf !== undefined || oneOf !== undefined;
}

/** An object whose properties are not named. */
function isOpen(schema: JsonObject): boolean {
  const { additionalProperties, patternProperties, properties, type } = schema;
  if (additionalProperties === true || isObject(additionalProperties)) return true;
  if (isObject(patternProperties) && Object.keys(patternProperties).length > 0) return true;
  return includesObject(type) && properties === undefined && additionalProperties !== false;
}

function includesObject(type: Json | undefined): boolean {
  return type === "object" || (Array.isArray(type) && type.includes("object"));
}

/** The target of a reference within the document; undefined: none. */
function resolve(root: JsonObject, reference: string): Json | undefined {
  if (!reference.startsWith("#")) return undefined;
  let at: Json | undefined = root;
  for (const step of reference.slice(1).split("/").slice(1)) {
    if (!isObject(at)) return undefined;
    at = at[step.replaceAll("~1", "/").replaceAll("~0", "~")];
  }
  return at;
}
