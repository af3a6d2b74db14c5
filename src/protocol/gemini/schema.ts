// Schemas: Google's subset of OpenAPI (`parameters`, `responseSchema`) -> JSON Schema, and back for models before 2.5, which take no other.
// https://ai.google.dev/api/caching#Schema (read 2026-11)
// Does not drop a constraint silently: it becomes words in the description, where the model can read it.

import { DEFAULT_MAX_DEPTH, isObject, JsonText, parseOrUndefined, print, rowOf, type Json, type JsonObject } from "../../wire/json.ts";
import type { JsonSource } from "../canonical.ts";

// ---- Google's subset -> JSON Schema ------------------------------------------------------------------------------

/** Proto JSON writes 64-bit integers as strings. */
const INTEGERS: ReadonlySet<string> = new Set(["minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"]);
const CAMEL: Readonly<Record<string, string>> = {
  any_of: "anyOf",
  min_items: "minItems",
  max_items: "maxItems",
  min_length: "minLength",
  max_length: "maxLength",
  min_properties: "minProperties",
  max_properties: "maxProperties",
  property_ordering: "propertyOrdering",
};
const DIGITS = /^\d+$/;

/** The same schema as JSON Schema; the source itself where it already is. */
export function raiseSchema(source: JsonSource): JsonSource {
  const parsed = parseOrUndefined(source);
  if (parsed === undefined) return source;
  const raised = print(raise(parsed));
  return raised === print(parsed) ? source : raised;
}

function raise(schema: Json): Json {
  if (!isObject(schema)) return schema;
  const raised: JsonObject = {};
  for (const [written, value] of Object.entries(schema)) {
    const key = rowOf(CAMEL, written) ?? written;
    if (key === "nullable" || key === "propertyOrdering" || (key === "format" && value === "enum")) continue;
    if (key === "type" && typeof value === "string") {
      if (value !== "TYPE_UNSPECIFIED") raised[key] = value.toLowerCase();
    } else if (INTEGERS.has(key) && typeof value === "string" && DIGITS.test(value)) raised[key] = Number(value);
    else if (key === "properties" && isObject(value)) raised[key] = eachMember(value, raise);
    else if (key === "items") raised[key] = raise(value);
    else if (key === "anyOf" && Array.isArray(value)) raised[key] = value.map(raise);
    else if (key === "example") raised["examples"] = [value];
    else raised[key] = value;
  }
  return schema["nullable"] === true ? orNull(raised) : raised;
}

function orNull(schema: JsonObject): JsonObject {
  const { type } = schema;
  if (Array.isArray(schema["anyOf"])) return { ...schema, anyOf: [...schema["anyOf"], { type: "null" }] };
  if (typeof type !== "string") return schema;
  const words = Array.isArray(schema["enum"]) && !schema["enum"].includes(null) ? { enum: [...schema["enum"], null] } : {};
  return { ...schema, type: [type, "null"], ...words };
}

function eachMember(object: JsonObject, change: (value: Json) => Json): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));
}

// ---- JSON Schema -> Google's subset ------------------------------------------------------------------------------

interface LoweredSchema {
  /** Null when nothing is left: an object without members. */
  readonly schema: JsonSource | null;
  /** The keywords that became words. */
  readonly lost: readonly string[];
}

const TYPES: Readonly<Record<string, string>> = {
  string: "STRING",
  number: "NUMBER",
  integer: "INTEGER",
  boolean: "BOOLEAN",
  array: "ARRAY",
  object: "OBJECT",
};
const FORMATS: Readonly<Record<string, readonly string[]>> = {
  STRING: ["date-time", "enum"],
  NUMBER: ["float", "double"],
  INTEGER: ["int32", "int64"],
};
/** Keywords that are copied. */
const KEPT: ReadonlySet<string> = new Set([...INTEGERS, "title", "minimum", "maximum", "pattern", "required"]);
/** They do not constrain the value. */
const SILENT: ReadonlySet<string> = new Set([
  "$schema",
  "$id",
  "$anchor",
  "$comment",
  "$defs",
  "definitions",
  "description",
  "type",
  "nullable",
  "properties",
  "items",
  "anyOf",
  "oneOf",
  "allOf",
  "$ref",
  "propertyOrdering",
  "examples",
  "readOnly",
  "writeOnly",
  "deprecated",
  "strict",
]);

/** Whether a tool with this schema takes no arguments: Gemini rejects an object without members. */
export function takesNothing(source: JsonSource): boolean {
  const schema = parseOrUndefined(source);
  if (!isObject(schema)) return schema === undefined;
  const { type, properties } = schema;
  const open = ["$ref", "anyOf", "oneOf", "allOf", "additionalProperties", "patternProperties"].some(
    (key) => schema[key] !== undefined && schema[key] !== false,
  );
  return !open && (type === "object" || type === undefined) && (!isObject(properties) || Object.keys(properties).length === 0);
}

export function lowerSchema(source: JsonSource): LoweredSchema {
  const parsed = parseOrUndefined(source);
  if (!isObject(parsed) || takesNothing(source)) return { schema: null, lost: [] };
  const lowering = new Lowering(parsed);
  return { schema: print(lowering.lower(parsed)), lost: lowering.lost };
}

export function loweredReason(lost: readonly string[]): string {
  return `This Gemini model supports fewer schema keywords; ${[...new Set(lost)].join(", ")} moved into a description.`;
}

const LINE_LENGTH = 64;
/** Limit on schemas, members and lines: more than any model accepts. References and unions can require any amount of work. */
const MAX_STEPS = 100_000;

class Lowering {
  readonly lost: string[] = [];
  #steps = 0;
  readonly #root: JsonObject;
  /** The references on the way to the current schema. */
  readonly #path = new Set<string>();

  constructor(root: JsonObject) {
    this.#root = root;
  }

  lower(schema: Json): JsonObject {
    if (!isObject(schema) || this.#steps > MAX_STEPS) return this.#open();
    this.#steps += sizeOf(schema);
    if (typeof schema["$ref"] === "string") return this.#reference(schema["$ref"], schema);
    if (Array.isArray(schema["allOf"])) return this.lower(together(schema, schema["allOf"]));
    const { type } = schema;
    if (Array.isArray(type)) return this.#several(schema, type);
    const choices = Array.isArray(schema["anyOf"]) ? schema["anyOf"] : schema["oneOf"];
    if (Array.isArray(choices)) return this.#choice(schema, choices);
    return this.#plain(schema, typeof type === "string" ? type : guess(schema));
  }

  /** Members keep their order: models read it, and prompt caches depend on it. */
  #plain(schema: JsonObject, type: string | null): JsonObject {
    const word = rowOf(TYPES, type ?? "");
    if (word === undefined) return type === "null" ? { type: "STRING", nullable: true } : this.#described(this.#open(), schema, []);
    const out: JsonObject = schema["type"] === undefined ? { type: word } : {};
    const notes: string[] = [];
    for (const [key, value] of Object.entries(schema)) {
      if (key === "type") out[key] = word;
      else if (key === "nullable" && value === true) out[key] = true;
      else if (KEPT.has(key) || (key === "description" && typeof value === "string")) out[key] = value;
      else if (key === "properties" && isObject(value) && word === "OBJECT") out[key] = eachMember(value, (one) => this.lower(one));
      else if (key === "items" && word === "ARRAY") out[key] = this.lower(value);
      else if (key === "enum" && Array.isArray(value) && word === "STRING") {
        out[key] = value.filter((one) => typeof one === "string");
        if (value.includes(null)) out["nullable"] = true;
      } else if (key === "const" && typeof value === "string") out["enum"] = [value];
      else if (key === "format" && typeof value === "string" && FORMATS[word]?.includes(value) === true) out[key] = value;
      else if (!SILENT.has(key) && !(key === "additionalProperties" && typeof value === "boolean")) notes.push(this.#note(key, value));
    }
    if (word === "ARRAY" && out["items"] === undefined) out["items"] = this.#open();
    return this.#described(out, schema, notes);
  }

  #several(schema: JsonObject, types: readonly Json[]): JsonObject {
    const words = [...new Set(types.filter((one): one is string => typeof one === "string" && one !== "null"))];
    const nullable = types.some((one) => typeof one !== "string" || one === "null") ? { nullable: true } : {};
    if (words.length <= 1) return { ...this.lower({ ...schema, type: words[0] ?? "null" }), ...nullable };
    const { description: _, ...rest } = schema;
    return this.#described({ anyOf: words.map((type) => this.lower({ ...rest, type })), ...nullable }, schema, []);
  }

  #choice(schema: JsonObject, choices: readonly Json[]): JsonObject {
    const rest = choices.filter((one) => !isObject(one) || one["type"] !== "null");
    const nullable = rest.length < choices.length ? { nullable: true } : {};
    const [only] = rest;
    const { anyOf: _, oneOf: __, ...around } = schema;
    if (rest.length === 1 && isObject(only)) return { ...this.lower({ ...around, ...only }), ...nullable };
    const notes = Object.entries(around).flatMap(([key, value]) => (SILENT.has(key) || KEPT.has(key) ? [] : [this.#note(key, value)]));
    return this.#described({ anyOf: rest.map((one) => this.lower(one)), ...nullable }, schema, notes);
  }

  #reference(reference: string, schema: JsonObject): JsonObject {
    const target = at(this.#root, reference);
    if (target === undefined || this.#path.has(reference) || this.#path.size >= DEFAULT_MAX_DEPTH) {
      this.lost.push("a recursive $ref");
      return this.#described({ type: "OBJECT" }, schema, []);
    }
    this.#path.add(reference);
    const { $ref: _, ...around } = schema;
    const lowered = this.lower(isObject(target) ? { ...target, ...around } : target);
    this.#path.delete(reference);
    return lowered;
  }

  /** Any value at all: a text can hold it. */
  #open(): JsonObject {
    this.lost.push("a schema without a type");
    return { type: "STRING" };
  }

  #note(keyword: string, value: Json): string {
    this.lost.push(keyword);
    const note = `${keyword}: ${print(value)}`;
    this.#steps += linesOf(note);
    return note;
  }

  #described(out: JsonObject, schema: JsonObject, notes: readonly string[]): JsonObject {
    const said = typeof schema["description"] === "string" ? schema["description"] : "";
    const words = notes.length === 0 ? said : `${said}${said === "" ? "" : " "}(${notes.join("; ")})`;
    return words === "" ? out : { ...out, description: words };
  }
}

/** The size of a schema: members, items, and lines of text. */
function sizeOf(schema: JsonObject): number {
  let size = 1;
  for (const key in schema) {
    size += 1 + linesOf(schema[key]);
    for (const item of list(schema[key])) size += 1 + linesOf(item);
  }
  return size;
}

function linesOf(value: Json | undefined): number {
  return typeof value === "string" ? Math.floor(value.length / LINE_LENGTH) : 0;
}

function guess(schema: JsonObject): string | null {
  if (schema["properties"] !== undefined || schema["required"] !== undefined) return "object";
  if (schema["items"] !== undefined) return "array";
  const sample = schema["const"] ?? (Array.isArray(schema["enum"]) ? schema["enum"][0] : undefined);
  return sample === undefined || sample === null || sample instanceof JsonText || typeof sample === "object" ? null : typeof sample;
}

/** All of the schemas at once, as far as one object can express it. */
function together(schema: JsonObject, all: readonly Json[]): JsonObject {
  const { allOf: _, ...around } = schema;
  // Maps, since an object can't have a member of every name.
  const sum = new Map<string, Json>();
  const properties = new Map<string, Json>();
  const required = new Set<Json>();
  for (const one of [...all.filter(isObject), around]) {
    for (const [key, value] of Object.entries(one)) sum.set(key, value);
    for (const [name, property] of Object.entries(members(one["properties"]))) properties.set(name, property);
    for (const name of list(one["required"])) required.add(name);
  }
  if (properties.size > 0) sum.set("properties", Object.fromEntries(properties));
  if (required.size > 0) sum.set("required", [...required]);
  return Object.fromEntries(sum);
}

function members(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {};
}

function list(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}

/** The target of a reference inside the same schema. https://www.rfc-editor.org/rfc/rfc6901 (read 2026-11) */
function at(root: JsonObject, reference: string): Json | undefined {
  if (!reference.startsWith("#/")) return reference === "#" ? root : undefined;
  let found: Json | undefined = root;
  for (const step of reference.slice(2).split("/")) {
    if (!isObject(found)) return undefined;
    found = found[step.replaceAll("~1", "/").replaceAll("~0", "~")];
  }
  return found;
}
