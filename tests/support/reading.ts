// Reads JSON of unchecked shape.
// Each function returns the value when it has the right type, otherwise an empty value.

import { isObject, type Json, type JsonObject } from "../../src/wire/json.ts";

export function objectOf(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

export function objectsOf(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

export function listOf(value: unknown): Json[] {
  return Array.isArray(value) ? value : [];
}

export function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

export function numberOf(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}

export function has(object: JsonObject, key: string): boolean {
  return object[key] !== undefined && object[key] !== null;
}

/** Names as proto JSON accepts them, in either spelling: `system_instruction` is `systemInstruction`. The client's own names stay. */
export function inCamelCase(object: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(object).map(([key, value]) => {
      const name = key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
      return [name, CLIENTS_OWN.has(name) ? value : valueInCamelCase(value)];
    }),
  );
}

const CLIENTS_OWN: ReadonlySet<string> = new Set([
  "args",
  "response",
  "parameters",
  "parametersJsonSchema",
  "responseSchema",
  "responseJsonSchema",
  "labels",
]);

function valueInCamelCase(value: Json): Json {
  if (Array.isArray(value)) return value.map(valueInCamelCase);
  return isObject(value) ? inCamelCase(value) : value;
}
