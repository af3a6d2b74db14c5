// The server's settings, and where each value comes from, for an administrator to read.
// Never shows a secret.

import { readArguments } from "../config/arguments.ts";
import { VARIABLE_NAMES, VARIABLES, type VariableName } from "../config/variables.ts";
import type { Config } from "../config/config.ts";
import type { SettingView } from "../http/admin/admin.ts";
import { mask, shownUrl } from "../telemetry/redaction.ts";
import type { Setup } from "./configuration.ts";

/** Their effective values are derived from others. */
const ENDPOINTS: Readonly<Partial<Record<VariableName, keyof Config["endpoints"]>>> = {
  ANTHROPIC_TARGET_URL: "messages",
  OPENAI_TARGET_URL: "responses",
  CHAT_TARGET_URL: "chat",
  GEMINI_TARGET_URL: "gemini",
  BEDROCK_TARGET_URL: "bedrock",
};

export function settingViews({ source, reading }: Pick<Setup, "source" | "reading">): SettingView[] {
  const options = new Set(readArguments(source.arguments).options.map(({ variable }) => variable));
  return VARIABLE_NAMES.map((name) => {
    const typed = reading.values[name];
    const { default: usual, reload, help } = VARIABLES[name];
    const endpoint = ENDPOINTS[name];
    const counts = endpoint === undefined ? (typed ?? usual) : reading.config.endpoints[endpoint];
    return { name, value: counts === usual ? usual : shown(name, counts), source: sourceOf(name), reload, help };
  });

  function sourceOf(name: VariableName): SettingView["source"] {
    if (reading.values[name] === null) return "default";
    if (options.has(name)) return "command line";
    return source.environment[name] === undefined ? "file" : "environment";
  }
}

const HIDDEN = "…";

function shown(name: VariableName, typed: string): string {
  // The first characters identify a key. Nothing is shown of ADMIN_KEY, or of headers, which are JSON.
  if (name === "ADMIN_KEY" || name === "UPSTREAM_HEADERS") return HIDDEN;
  if (name === "DATABASE_URL") return shownUrl(typed);
  if (name === "PROXY_API_KEY") return typed.split(",").map(maskedKey).join(", ");
  if (VARIABLES[name].isSecret)
    return typed
      .split(",")
      .map((key) => mask(key.trim()))
      .join(", ");
  // Values in a query may be keys.
  return /^https?:\/\//.test(typed) ? shownUrl(typed) : typed;
}

/** The name of `alice=secret` is kept. */
function maskedKey(text: string): string {
  const [, name = "", key = ""] = /^\s*([\w.-]+=)?(.*?)\s*$/.exec(text) ?? [];
  return name + mask(key);
}
