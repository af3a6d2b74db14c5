// A value that matches a JSON schema, for the demo's tool calls and structured answers. Strings repeat what the person said, where possible.
// Never considers `pattern`, `not` or conditions.

import { isObject, type Json, type JsonObject } from "../wire/json.ts";

interface Sampling {
  /** The document that `$ref` points into. */
  readonly root: JsonObject;
  readonly said: string;
  /** How many references were followed: a schema can contain itself only through them. */
  readonly depth: number;
}

/** From here on everything optional is left out, and in the end everything: a schema that contains itself several times grows fast. */
const DEEP = 3;
const DEEPEST = 12;

const FORMATS: Readonly<Record<string, string>> = {
  "date-time": "2026-01-01T12:00:00Z",
  date: "2026-01-01",
  time: "12:00:00Z",
  duration: "PT1H",
  email: "someone@example.com",
  hostname: "example.com",
  ipv4: "192.0.2.1",
  ipv6: "2001:db8::1",
  uri: "https://example.com/",
  url: "https://example.com/",
  uuid: "123e4567-e89b-42d3-a456-426614174000",
};

export function sampleOf(schema: Json | undefined, said: string): Json {
  return sample(schema, { root: isObject(schema) ? schema : {}, said, depth: 0 });
}

function sample(given: Json | undefined, sampling: Sampling): Json {
  const { root, said, depth } = sampling;
  if (!isObject(given) || depth > DEEPEST) return null;
  const { $ref: reference, ...beside } = given;
  if (typeof reference === "string") return sample({ ...target(root, reference), ...beside }, { root, said, depth: depth + 1 });
  if (Array.isArray(given["allOf"])) return sample(merged(given, root), { root, said, depth: depth + 1 });
  if (given["const"] !== undefined) return given["const"];
  if (Array.isArray(given["enum"])) return given["enum"][0] ?? null;
  const choices = [given["anyOf"], given["oneOf"]].find(Array.isArray);
  if (choices !== undefined) return sample(chosen(choices, depth), sampling);
  switch (typeOf(given)) {
    case "object":
      return object(given, sampling);
    case "array":
      return array(given, sampling);
    case "integer":
      return number(given, 1);
    case "number":
      return number(given, 0);
    case "boolean":
      return true;
    case "null":
      return null;
    default:
      return text(given, said);
  }
}

/** `#/$defs/step`. */
function target(root: JsonObject, reference: string): JsonObject {
  let found: Json | undefined = root;
  for (const step of reference.split("/").slice(1)) {
    const name: string = decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~");
    found = isObject(found) ? found[name] : Array.isArray(found) ? found[Number(name)] : undefined;
  }
  return isObject(found) ? found : {};
}

function merged({ allOf, ...own }: JsonObject, root: JsonObject): JsonObject {
  const parts = [own, ...(Array.isArray(allOf) ? allOf : [])].filter(isObject).map(({ $ref: reference, ...part }) => {
    return typeof reference === "string" ? { ...target(root, reference), ...part } : part;
  });
  const properties = Object.fromEntries(parts.flatMap((part) => (isObject(part["properties"]) ? Object.entries(part["properties"]) : [])));
  const required = parts.flatMap((part) => (Array.isArray(part["required"]) ? part["required"] : []));
  return { ...Object.fromEntries(parts.flatMap(Object.entries<Json>)), properties, required };
}

/** The first one; deep down, one that does not go deeper. */
function chosen(choices: readonly Json[], depth: number): Json | undefined {
  const isLeaf = (choice: Json): boolean => isObject(choice) && ["null", "boolean", "number", "string"].includes(typeOf(choice));
  return (depth < DEEP ? undefined : choices.find(isLeaf)) ?? choices[0];
}

function typeOf(schema: JsonObject): string {
  const [type] = [schema["type"]].flat();
  if (typeof type === "string") return type.toLowerCase();
  if (isObject(schema["properties"])) return "object";
  return schema["items"] === undefined && schema["prefixItems"] === undefined ? "string" : "array";
}

/** With the required members; with all described ones where none is required. */
function object(schema: JsonObject, sampling: Sampling): JsonObject {
  const properties = isObject(schema["properties"]) ? schema["properties"] : {};
  const { required } = schema;
  const all = sampling.depth < DEEP ? Object.keys(properties) : [];
  const names = Array.isArray(required) && required.length > 0 ? required.filter((name) => typeof name === "string") : all;
  return Object.fromEntries(names.map((name) => [name, sample(properties[name] ?? { type: "string" }, sampling)]));
}

function array(schema: JsonObject, sampling: Sampling): Json[] {
  const first = Array.isArray(schema["prefixItems"]) ? schema["prefixItems"] : [];
  const usual = sampling.depth < DEEP && schema["items"] !== undefined && first.length === 0 ? 1 : first.length;
  const count = Math.min(Math.max(usual, limit(schema, "minItems") ?? 0), limit(schema, "maxItems") ?? Infinity);
  return Array.from({ length: count }, (_, at) => sample(first[at] ?? schema["items"] ?? { type: "string" }, sampling));
}

function number(schema: JsonObject, step: 0 | 1): number {
  const above = limit(schema, "exclusiveMinimum");
  const below = limit(schema, "exclusiveMaximum");
  const gap = step === 1 || above === null || below === null ? 1 : (below - above) / 2;
  const least = Math.max(limit(schema, "minimum") ?? -Infinity, above === null ? -Infinity : above + gap);
  const most = Math.min(limit(schema, "maximum") ?? Infinity, below === null ? Infinity : below - gap);
  const within = Math.min(Math.max(1, least), most);
  const multiple = limit(schema, "multipleOf") ?? step;
  return multiple === 0 ? within : Math.min(Math.ceil(within / multiple), Math.floor(most / multiple)) * multiple;
}

function text(schema: JsonObject, said: string): string {
  const { format } = schema;
  const known = typeof format === "string" ? FORMATS[format] : undefined;
  return known ?? said.slice(0, limit(schema, "maxLength") ?? said.length).padEnd(limit(schema, "minLength") ?? 0, ".");
}

function limit(schema: JsonObject, name: string): number | null {
  const value = schema[name];
  return typeof value === "number" ? value : null;
}
