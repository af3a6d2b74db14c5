// TOML, edited with @decimalturn/toml-patch, which keeps comments, order and line ends. Never writes what TOML 1.0 does not allow.

import { parse, patch } from "@decimalturn/toml-patch";
import { diffArrays } from "diff";
import { changed, FormatFault, type SettingsFormat } from "./settings-format.ts";

/** Without these it writes a comma after the last member of inline tables, and nested tables on one line. */
const FORMAT = { trailingComma: false, inlineTableStart: 3 };

export const TOML: SettingsFormat = {
  title: "TOML",
  parse: parsed,
  edit: (text, changes) => withComments(text, patch(text, changes.reduce(changed, parsed(text)), FORMAT)),
};

function parsed(text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    // The part after the position shows the line itself, which may hold a secret.
    const [, line = "?"] = /\((\d+), \d+\):/.exec(String(error)) ?? [];
    throw new FormatFault(`is not valid TOML (line ${line})`);
  }
}

/** Removing a member also removes the comment above it, which may be about anything. */
function withComments(before: string, after: string): string {
  const lineEnd = /\r?\n/.exec(before)?.[0] ?? "\n";
  const [old, made] = [before, after].map((text) => text.split(/(?<=\n)/));
  const parts = diffArrays(old ?? [], made ?? [], { comparator: (one, other) => one.trimEnd() === other.trimEnd() });
  const lines = parts.flatMap(({ value, removed }) => (removed ? value.filter((line) => /^\s*#/.test(line)) : value));
  return lines.map((line, index) => (line.endsWith("\n") || index === lines.length - 1 ? line : line + lineEnd)).join("");
}
