// Whether strict decoding accepts a JSON Schema: every object is closed (it names its members, requires each, and allows no others), and
// uses no keyword that a grammar may not support. Never rewrites a schema.
// Source: https://platform.openai.com/docs/guides/structured-outputs#supported-schemas (read 2026-11); the limits are its oldest ones.

import { isObject, parseOrUndefined, type Json } from "../wire/json.ts";
import type { JsonSource } from "./canonical.ts";

const PLAIN: ReadonlySet<string> = new Set(
  "$schema $ref $defs definitions title description type properties required additionalProperties items enum const anyOf".split(" "),
);
/** Refused by strict decoding wherever they stand: "'oneOf' is not permitted". */
const REFUSED: ReadonlySet<string> = new Set(
  "oneOf allOf not if then else dependentRequired dependentSchemas patternProperties propertyNames".split(" "),
);
const SCHEMA_MAPS = ["properties", "$defs", "definitions"];
const MAX_DEPTH = 5;
const MAX_MEMBERS = 100;

/** Whether the root is not a union and every object in the schema is closed: strict decoding refuses anything else. */
export function isClosed(source: JsonSource): boolean {
  const root = parseOrUndefined(source);
  return isObject(root) && root["anyOf"] === undefined && walk(root, { plain: false, members: 0 }, 0);
}

/** Whether strict decoding surely accepts the schema. */
export function isPlain(source: JsonSource): boolean {
  const root = parseOrUndefined(source);
  return isObject(root) && root["anyOf"] === undefined && walk(root, { plain: true, members: 0 }, 0);
}

interface Walk {
  readonly plain: boolean;
  members: number;
}

function walk(schema: Json | undefined, seen: Walk, depth: number): boolean {
  if (Array.isArray(schema)) return schema.every((item) => walk(item, seen, depth));
  if (!isObject(schema)) return true;
  for (const key in schema) if (REFUSED.has(key)) return false;
  const { type, properties, required, additionalProperties } = schema;
  if (isObject(properties) || type === "object" || (Array.isArray(type) && type.includes("object"))) {
    const names = Object.keys(isObject(properties) ? properties : {});
    const demanded = new Set(Array.isArray(required) ? required : []);
    if (additionalProperties !== false || names.some((name) => !demanded.has(name))) return false;
    seen.members += names.length;
    depth++;
  }
  if (seen.plain && (depth > MAX_DEPTH || seen.members > MAX_MEMBERS || Object.keys(schema).some((key) => !PLAIN.has(key)))) return false;
  const inner = SCHEMA_MAPS.flatMap((key) => (isObject(schema[key]) ? Object.values(schema[key]) : []));
  return [...inner, schema["items"], schema["anyOf"]].every((child) => walk(child, seen, depth));
}
