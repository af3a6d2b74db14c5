// Finds members and items in JSON text, so that edits leave every other character as it is; applies such edits.
// Does not build the values.

import { GatewayError } from "../errors.ts";
import { faultIn, JsonReader, type Json, type Parsed, type Span } from "./json.ts";

export type { Span };

const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** Far more than the longest conversations hold; reading this many takes a second, during which nobody else is served. */
const MAX_VALUES = 500_000;

/** One member of the outermost object. Offsets count UTF-16 units of the text; ends are exclusive. */
export interface Member {
  readonly key: string;
  /** The opening quote of the member's key. */
  readonly start: number;
  readonly valueStart: number;
  readonly valueEnd: number;
}

/** A span of a text, and its replacement. */
export interface Splice extends Span {
  readonly text: string;
}

/**
 * The members of the outermost object, in order, with their spans. Validates the whole text.
 * @throws GatewayError `invalid-request` when the text is not one JSON object or has a member twice, `too-large` when it holds
 * more than 500,000 values.
 */
export function members(text: string): Member[] {
  return outline(text).members;
}

export interface Outline {
  readonly members: Member[];
  /** About how many values the text holds. */
  readonly values: number;
  readonly parsed: Parsed;
}

/** The members, the number of values, and the parsed text. @throws as `members` does. */
export function outline(text: string): Outline {
  const reader = new JsonReader(text, { maxValues: MAX_VALUES });
  if (reader.space() !== OPEN_BRACE) throw reader.unexpected("a JSON object");
  const parsed = validated(text);
  const found: Member[] = [];
  const seen = new Set<string>();
  const ends = new Map<number, number>();
  const note = ({ start, end }: Span): void => void ends.set(start, end);
  reader.inside(() => {
    reader.space();
    const start = reader.at;
    const key = reader.key();
    if (seen.has(key)) throw new GatewayError("invalid-request", `The member "${key}" occurs twice in the body.`, { param: key });
    seen.add(key);
    const value = reader.itemized(note);
    note(value);
    found.push({ key, start, valueStart: value.start, valueEnd: value.end });
  });
  return { members: found, values: reader.values, parsed: { value: parsed, ends } };
}

/** The text of the first item of the array at `start`; of the value itself when it is not an array; "" for an empty array. */
export function firstItem(text: string, start: number): string {
  const reader = new JsonReader(text, { at: start });
  if (reader.space() === OPEN_BRACKET) reader.at++;
  if (reader.space() === CLOSE_BRACKET) return "";
  const item = reader.span();
  return text.slice(item.start, item.end);
}

/** Spans of the items of the array at `start`; none when it is not an array. The text must be valid JSON. */
export function items(text: string, start: number): Span[] {
  const found: Span[] = [];
  new JsonReader(text, { at: start }).itemized((item) => void found.push(item));
  return found;
}

/** The splices that take members or items out of their object or array, each with one of the adjacent commas. */
export function cut(all: readonly Span[], taken: ReadonlySet<Span>): Splice[] {
  const lastKept = all.findLastIndex((one) => !taken.has(one));
  return all.flatMap((one, index): Splice[] => {
    if (!taken.has(one)) return [];
    const next = all[index + 1];
    const previous = all[index - 1];
    if (index < lastKept && next !== undefined) return [{ start: one.start, end: next.start, text: "" }];
    return [{ start: previous?.end ?? one.start, end: one.end, text: "" }];
  });
}

/**
 * The text with all splices applied; they come in any order, and do not overlap. An insertion at a place goes in front of a replacement
 * there; of two insertions the first comes first.
 */
export function spliced(text: string, splices: readonly Splice[]): string {
  const [only] = splices;
  if (only !== undefined && splices.length === 1) return text.slice(0, only.start) + only.text + text.slice(only.end);
  let out = "";
  let at = 0;
  for (const { start, end, text: put } of splices.toSorted((left, right) => left.start - right.start || left.end - right.end)) {
    out += text.slice(at, start) + put;
    at = end;
  }
  return out + text.slice(at);
}

/** JSON text with a whole number of its outermost object increased; the same text where it has no such number. */
export function shifted(text: string, { key, by }: { readonly key: string; readonly by: number }): string {
  const member = JSON_OBJECT.test(text) ? membersOrNone(text).find((one) => one.key === key) : undefined;
  if (member === undefined) return text;
  const { valueStart: start, valueEnd: end } = member;
  const value = text.slice(start, end);
  return WHOLE_NUMBER.test(value) ? spliced(text, [{ start, end, text: String(Number(value) + by) }]) : text;
}

function membersOrNone(text: string): Member[] {
  try {
    return members(text);
  } catch {
    return [];
  }
}

const JSON_OBJECT = /^\s*\{/;
const WHOLE_NUMBER = /^\d{1,15}$/;

/** The runtime's own parser is the fastest way to validate JSON. */
function validated(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    throw faultIn(text);
  }
}
