// The formats of settings files as a table, and what they have in common. A byte order mark is kept.
// Never reads a file. An edited text is parsed again: an edit that changed anything else is refused.

import { isDeepStrictEqual } from "node:util";
import { changed, FormatFault, isMap, type Change, type FormatName, type SettingsFormat } from "./settings-format.ts";
import { ENV } from "./settings-env.ts";
import { JSONC } from "./settings-jsonc.ts";
import { TOML } from "./settings-toml.ts";

const FORMATS: Readonly<Record<FormatName, SettingsFormat>> = { jsonc: JSONC, toml: TOML, env: ENV };

const BYTE_ORDER_MARK = "\uFEFF";

/** The value of a text. @throws FormatFault */
export function settingsIn(text: string, format: FormatName): unknown {
  return plain(FORMATS[format].parse(withoutMark(text)));
}

/** @throws FormatFault */
export function edited(text: string, changes: readonly Change[], format: FormatName): string {
  const { edit } = FORMATS[format];
  const bare = withoutMark(text);
  const made = edit(bare, changes);
  const after = bare === "" && made !== "" && !made.endsWith("\n") ? `${made}\n` : made;
  if (!isDeepStrictEqual(settingsIn(after, format), changes.reduce(changed, settingsIn(bare, format)))) {
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
