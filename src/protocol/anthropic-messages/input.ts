// Room: anthropic-messages/input (row 2).
// In:  a tool call's arguments as text, or its `input`, which in Messages is always a JSON object.
// Out: the other of the two. Text that is no JSON object (cut off, or free) travels in one member, and comes back as it was.
// Never does: spell JSON anew.

import { isObject, parseOrUndefined } from "../../wire/json.ts";

const WRAPPED = /^\s*\{\s*"_raw"\s*:/;
const BLANK = /^\s*$/;

export interface EncodedInput {
  /** A JSON object. */
  readonly source: string;
  /** Why it had to be wrapped; null when it is what the model wrote. */
  readonly fault: "cut-off" | "no-object" | null;
}

export function encodeInput(source: string, kind: "function" | "custom"): EncodedInput {
  if (kind === "custom") return { source: JSON.stringify({ input: source }), fault: null };
  if (BLANK.test(source)) return { source: "{}", fault: null };
  const value = parseOrUndefined(source);
  if (isObject(value)) return { source, fault: null };
  return { source: JSON.stringify({ _raw: source }), fault: value === undefined ? "cut-off" : "no-object" };
}

/** The arguments in an input: the text that was wrapped, otherwise the input as it is. */
export function decodeInput(source: string): string {
  if (!WRAPPED.test(source)) return source;
  const value = parseOrUndefined(source);
  if (!isObject(value) || Object.keys(value).length !== 1 || typeof value["_raw"] !== "string") return source;
  // An object would not have been wrapped: this is a tool's own argument of that name.
  return isObject(parseOrUndefined(value["_raw"])) ? source : value["_raw"];
}
