// How much text an event of a stream delivers, in any protocol: for counting an answer that is not decoded.
// Does not tell one kind of text from another, or count what an event repeats.

import { isObject, parseOrUndefined, print, type Json } from "../wire/json.ts";

/** Members that hold a piece of an answer in the streams of the four protocols. */
const PIECES: ReadonlySet<string> = new Set([
  "text",
  "thinking",
  "partial_json",
  "delta",
  "content",
  "reasoning_content",
  "reasoning",
  "refusal",
  "arguments",
]);
/** Gemini's arguments are not text. */
const ARGUMENTS = "args";
/** Responses repeats parts, items and the answer when they are complete. */
const REPEATS = /^response\.(?!.*\.delta$)/;

/** UTF-8 bytes. */
export function deltaBytes(data: string): number {
  const event = parseOrUndefined(data);
  if (event === undefined || (isObject(event) && typeof event["type"] === "string" && REPEATS.test(event["type"]))) return 0;
  return bytesIn(event);
}

function bytesIn(value: Json): number {
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + bytesIn(item), 0);
  if (!isObject(value)) return 0;
  let bytes = 0;
  for (const [key, member] of Object.entries(value)) {
    if (key === ARGUMENTS) bytes += utf8Length(print(member));
    else if (typeof member !== "string") bytes += bytesIn(member);
    else if (PIECES.has(key)) bytes += utf8Length(member);
  }
  return bytes;
}

/** For a short text: without an encoder, and without an array. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    // Each half of a surrogate pair stands for two of its four bytes.
    if (unit > 0x7f) bytes += unit > 0x7ff && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1;
  }
  return bytes;
}
