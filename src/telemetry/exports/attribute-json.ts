// Attributes as OTLP's JSON has them. Keys are printed once, when the file is loaded; values are escaped only where they need it.

type ValueType = "stringValue" | "intValue" | "doubleValue" | "boolValue";

/** A comma and all of an attribute up to its value; `END` follows the value. `name` is one of ours, and plain. */
export function attributeHead(name: string, type: ValueType): string {
  return `,{"key":"${name}","value":{"${type}":`;
}

export const END = "}}";

/** A list of texts alone, without brackets. */
export function textAttributes(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `{"key":${quoted(name)},"value":{"stringValue":${quoted(value)}}}`)
    .join(",");
}

export function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** Nearly every name and id. */
const PLAIN = /^[\w ./:{}-]*$/;

/** Nanoseconds of a Unix time in milliseconds, in digits. A number holds microseconds of it, no less. */
export function nanoseconds(ms: number): string {
  return `${Math.round(ms * 1000)}000`;
}
