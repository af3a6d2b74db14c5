// A format of settings files: what a text says, and the text with some of its members changed and every other byte as it was.
// Never reads a file. What an edit made of a text is read again: an edit that changed anything else is refused.

import { isDeepStrictEqual } from "node:util";
import { ENV } from "./settings-env.ts";
import { JSONC } from "./settings-jsonc.ts";
import { TOML } from "./settings-toml.ts";

/** A member's name; of a list, the number of an item, or ADDED for one more. */
export type Step = string | number;

/** In place of an item's number: behind the last one. */
export const ADDED = -1;

/** Changes one member. */
export interface Change {
  /** Names from the outside in: `["env", "ANTHROPIC_BASE_URL"]`. What is missing on the way is made. */
  readonly path: readonly Step[];
  /** Undefined: it is taken out. */
  readonly value: unknown;
}

export interface SettingsFormat {
  /** As a person calls it. */
  readonly title: string;
  /** @throws FormatFault where the text is not of this format */
  readonly parse: (text: string) => unknown;
  /** @throws FormatFault */
  readonly edit: (text: string, changes: readonly Change[]) => string;
}

export type FormatName = "jsonc" | "toml" | "env";

const FORMATS: Readonly<Record<FormatName, SettingsFormat>> = { jsonc: JSONC, toml: TOML, env: ENV };

/** Ends an edit. The message completes `The file ...`. */
export class FormatFault extends Error {
  override readonly name = "FormatFault";
}

const BYTE_ORDER_MARK = "\uFEFF";

/** What a text says. @throws FormatFault */
export function settingsIn(text: string, format: FormatName): unknown {
  return FORMATS[format].parse(withoutMark(text));
}

/** @throws FormatFault */
export function edited(text: string, changes: readonly Change[], format: FormatName): string {
  const { parse, edit } = FORMATS[format];
  const bare = withoutMark(text);
  const after = edit(bare, changes);
  if (!isDeepStrictEqual(plain(parse(after)), plain(changes.reduce(changed, parse(bare))))) {
    throw new FormatFault("is written in a way that can't be edited safely");
  }
  return (bare === text ? "" : BYTE_ORDER_MARK) + after;
}

function withoutMark(text: string): string {
  return text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
}

/** Without the prototypes that parsers give to objects. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (!isMap(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]));
}

/** The value at a path; undefined where there is none. */
export function valueAt(settings: unknown, path: readonly Step[]): unknown {
  return path.reduce<unknown>((value, step) => {
    if (Array.isArray(value)) return typeof step === "number" ? value[step] : undefined;
    return isMap(value) && Object.hasOwn(value, step) ? value[step] : undefined;
  }, settings);
}

/** The settings with a change made; those that were given stay as they are. @throws FormatFault where the path leads into something else */
export function changed(settings: unknown, { path: [step, ...rest], value }: Change): unknown {
  if (step === undefined) return value;
  if (typeof step === "number") {
    if (settings !== undefined && !Array.isArray(settings)) throw new FormatFault("has another kind of value where a list is to be");
    const items: readonly unknown[] = settings ?? [];
    const at = step === ADDED ? items.length : step;
    const item = changed(items[at], { path: rest, value });
    return [...items.slice(0, at), ...(item === undefined ? [] : [item]), ...items.slice(at + 1)];
  }
  if (settings !== undefined && !isMap(settings)) throw new FormatFault(`has another kind of value where "${step}" is to be`);
  const members = settings ?? {};
  const member = changed(members[step], { path: rest, value });
  if (member !== undefined) return { ...members, [step]: member };
  return Object.fromEntries(Object.entries(members).filter(([name]) => name !== step));
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
