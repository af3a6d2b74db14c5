// What the server is configured with, and where each value comes from, for an administrator to read.
// Never shows a secret.

import { readArguments } from "../config/arguments.ts";
import { VARIABLE_NAMES, VARIABLES, type VariableName } from "../config/variables.ts";
import type { SettingView } from "../http/admin/admin.ts";
import { mask, shownUrl } from "../telemetry/redaction.ts";
import type { Setup } from "./configuration.ts";

export function settingViews({ source, reading }: Pick<Setup, "source" | "reading">): SettingView[] {
  const options = new Set(readArguments(source.arguments).options.map(({ variable }) => variable));
  return VARIABLE_NAMES.map((name) => {
    const typed = reading.values[name];
    const { default: usual, reload, help } = VARIABLES[name];
    return { name, value: typed === null ? usual : shown(name, typed), source: sourceOf(name), reload, help };
  });

  function sourceOf(name: VariableName): SettingView["source"] {
    if (reading.values[name] === null) return "default";
    if (options.has(name)) return "command line";
    return source.environment[name] === undefined ? "file" : "environment";
  }
}

const HIDDEN = "…";

function shown(name: VariableName, typed: string): string {
  // Their first characters tell which key it is; of what opens everything nothing is shown, nor of headers, which are JSON.
  if (name === "ADMIN_KEY" || name === "UPSTREAM_HEADERS") return HIDDEN;
  if (name === "DATABASE_URL") return shownUrl(typed);
  if (name === "PROXY_API_KEY") return typed.split(",").map(maskedKey).join(", ");
  if (VARIABLES[name].isSecret)
    return typed
      .split(",")
      .map((key) => mask(key.trim()))
      .join(", ");
  // The values of a query may be keys.
  return /^https?:\/\//.test(typed) ? shownUrl(typed) : typed;
}

/** Of `alice=secret` the name stays. */
function maskedKey(text: string): string {
  const [, name = "", key = ""] = /^\s*([\w.-]+=)?(.*?)\s*$/.exec(text) ?? [];
  return name + mask(key);
}
