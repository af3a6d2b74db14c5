// Attributes in OTLP's JSON. Keys are printed once, when the file is loaded; values are escaped only where needed.

type ValueType = "stringValue" | "intValue" | "doubleValue" | "boolValue";

/** A comma and an attribute up to its value, which `END` follows. `name` is one of this program's, and needs no escape. */
export function attributeHead(name: string, type: ValueType): string {
  return `,{"key":"${name}","value":{"${type}":`;
}

export const END = "}}";

/** A list of strings, without brackets. */
export function textAttributes(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `{"key":${quoted(name)},"value":{"stringValue":${quoted(value)}}}`)
    .join(",");
}

export function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** Matches nearly every name and id. */
const PLAIN = /^[\w ./:{}-]*$/;

/** A Unix time in milliseconds as digits of nanoseconds. A double holds microseconds of it. */
export function nanoseconds(ms: number): string {
  return `${Math.round(ms * 1000)}000`;
}
