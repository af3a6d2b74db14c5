// Checks a value against a JSON schema, as far as the OpenAPI document uses it. Stricter than the standard: unnamed members are not allowed.

import type { Schema } from "../../src/http/admin/openapi-schemas.ts";

type Schemas = Readonly<Record<string, Schema>>;

/** The faults, each with its place; empty: none. */
export function faultsOf(value: unknown, schema: Schema, schemas: Schemas, place = "$"): string[] {
  if (schema.$ref !== undefined) {
    const found = schemas[schema.$ref.replace("#/components/schemas/", "")];
    return found === undefined ? [`${place}: no schema ${schema.$ref}`] : faultsOf(value, found, schemas, place);
  }
  if (schema.anyOf !== undefined) {
    const all = schema.anyOf.map((one) => faultsOf(value, one, schemas, place));
    return all.some((faults) => faults.length === 0)
      ? []
      : (all.find((faults) => faults[0]?.startsWith(`${place}:`) !== true) ?? all[0] ?? []);
  }
  const types = schema.type === undefined ? [] : [schema.type].flat();
  if (types.length > 0 && !types.some((type) => isOf(type, value)))
    return [`${place}: ${JSON.stringify(value)} is no ${types.join(" or ")}`];
  if (schema.enum !== undefined && !schema.enum.some((one) => one === value))
    return [`${place}: ${JSON.stringify(value)} is none of ${schema.enum.join(", ")}`];
  if (schema.format === "date-time" && typeof value === "string" && !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/.test(value)) {
    return [`${place}: ${value} is no time`];
  }
  if (Array.isArray(value)) return value.flatMap((one, at) => faultsOf(one, schema.items ?? {}, schemas, `${place}[${at}]`));
  return typeof value === "object" && value !== null ? memberFaults(value, schema, schemas, place) : [];
}

function memberFaults(
  value: object,
  { properties, required = [], additionalProperties }: Schema,
  schemas: Schemas,
  place: string,
): string[] {
  if (properties === undefined && additionalProperties === undefined) return [];
  const missing = required.filter((name) => !(name in value)).map((name) => `${place}.${name} is missing`);
  const found = Object.entries(value).flatMap(([name, member]) => {
    const schema = properties?.[name] ?? additionalProperties;
    return schema === undefined ? [`${place}.${name} is not described`] : faultsOf(member, schema, schemas, `${place}.${name}`);
  });
  return [...missing, ...found];
}

function isOf(type: string, value: unknown): boolean {
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  if (type === "integer") return Number.isInteger(value);
  if (type === "object") return typeof value === "object" && value !== null && !Array.isArray(value);
  return typeof value === type;
}
