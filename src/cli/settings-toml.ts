// TOML, edited by @decimalturn/toml-patch, which keeps comments, order and line ends. Never writes what TOML 1.0 does not allow.

import { parse, patch } from "@decimalturn/toml-patch";
import { changed, FormatFault, type SettingsFormat } from "./settings-format.ts";

/** Without these it writes commas behind the last member of inline tables, and tables within tables on one line. */
const FORMAT = { trailingComma: false, inlineTableStart: 3 };

export const TOML: SettingsFormat = {
  title: "TOML",
  parse: parsed,
  edit: (text, changes) => patch(text, changes.reduce(changed, parsed(text)), FORMAT),
};

function parsed(text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split("\n")[0] ?? "") : "";
    throw new FormatFault(`is no valid TOML (${reason})`);
  }
}
