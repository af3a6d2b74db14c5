// Valid settings that are probably mistakes: names close to that of a variable, the former host of Factory's API, hosts of somebody else
// that would get Factory keys, what can't be a Factory key, disabled certificate checks, telemetry that reveals keys, a proxy that would see keys and prompts.
// Never shows a value.

import type { Nearest } from "./arguments.ts";
import type { LogFields } from "../telemetry/log.ts";
import { FACTORY_KEY_PAGE, unlikelyKey } from "./factory-key.ts";
import { isForeignHost } from "./upstream-hosts.ts";
import { VARIABLES } from "./variables.ts";

export interface Warning {
  readonly event: string;
  readonly fields: LogFields;
}

export interface WarningSource {
  /** Including what the `.env` file adds. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Origins that calls go to. */
  readonly origins: readonly string[];
  /** Secrets: the Factory keys. */
  readonly upstreamKeys: readonly string[];
  readonly nearest: Nearest;
}

/** A shorter name has many neighbours that mean something else. */
const SHORT_NAME = 5;
const NAMES = Object.keys(VARIABLES);
/** UID is not a misspelled UI. */
const TOO_SHORT = 2;
const SHORT_NAMES = NAMES.filter((name) => name.length <= SHORT_NAME && name.length > TOO_SHORT);
const LONG_NAMES = NAMES.filter((name) => name.length > SHORT_NAME);

/** Names that people expect, and that are more than two edits away from the real one. */
const EXPECTED: Readonly<Record<string, string>> = {
  FACTORY_URL: "FACTORY_BASE_URL",
  FACTORY_KEY: "FACTORY_API_KEY",
  FACTORY_TOKEN: "FACTORY_AI_TOKEN",
  PROXY_KEY: "PROXY_API_KEY",
  RETRY: "RETRIES",
};

const UPSTREAM_NAMES = NAMES.filter((name) => name === "FACTORY_BASE_URL" || name.endsWith("_TARGET_URL"));
/** Where older programs found Factory's API. */
const OLD_HOST = "app.factory.ai";

export function warningsOf({ environment, origins, upstreamKeys, nearest }: WarningSource): Warning[] {
  const warnings: Warning[] = [];
  for (const name of Object.keys(environment)) {
    if (name in VARIABLES) continue;
    const meant = EXPECTED[name] ?? nearest(name, LONG_NAMES, 2)[0] ?? nearest(name, SHORT_NAMES, 1)[0];
    if (meant !== undefined) warnings.push({ event: "unknown variable", fields: { name, meant } });
  }
  for (const name of UPSTREAM_NAMES) {
    const value = environment[name] ?? "";
    if (!URL.canParse(value) || new URL(value).hostname !== OLD_HOST) continue;
    const message = `${OLD_HOST} is where old programs found Factory's API. Delete this setting: the default is ${VARIABLES.FACTORY_BASE_URL.default}.`;
    warnings.push({ event: "old upstream", fields: { name, message } });
  }
  warnings.push(...foreignUpstreams(environment, origins));
  for (const key of upstreamKeys) {
    const odd = unlikelyKey(key);
    if (odd?.isWrong === true)
      warnings.push({ event: "unlikely key", fields: { message: `${odd.what} Copy it again from ${FACTORY_KEY_PAGE}.` } });
  }
  if (environment["NODE_TLS_REJECT_UNAUTHORIZED"] === "0") {
    const message = "Certificates are not checked. To trust an authority of your own, name its file in NODE_EXTRA_CA_CERTS.";
    warnings.push({ event: "insecure", fields: { name: "NODE_TLS_REJECT_UNAUTHORIZED", message } });
  }
  if (/^(?:1|true)$/i.test(environment["OTEL_DENO"] ?? "")) {
    const message =
      "Deno's own telemetry tells URLs with their queries, and so the keys of Gemini clients. Unset it; OTEL_EXPORTER_OTLP_ENDPOINT is enough.";
    warnings.push({ event: "insecure", fields: { name: "OTEL_DENO", message } });
  }
  const proxy = ["HTTP_PROXY", "http_proxy"].find((name) => environment[name]);
  if (proxy !== undefined && origins.some((url) => url.startsWith("http:"))) {
    const message = "An upstream is plain http, so the proxy can read keys and prompts.";
    warnings.push({ event: "insecure", fields: { name: proxy, message } });
  }
  return warnings;
}

/** Where a Factory key goes to somebody else: above all what the settings of an older program brought with them. */
function foreignUpstreams(environment: WarningSource["environment"], origins: readonly string[]): Warning[] {
  return origins.flatMap((origin) => {
    const { host, hostname } = new URL(origin);
    if (!isForeignHost(hostname)) return [];
    const names = UPSTREAM_NAMES.filter((name) => originOf(environment[name] ?? "") === origin);
    const name = names.length === 0 ? "CONFIG_PATH" : names.join(", ");
    const [subject, verb, it] =
      names.length === 0 ? ["A target in CONFIG_PATH", "sends", "it"] : names.length === 1 ? [name, "sends", "it"] : [name, "send", "them"];
    const message = `${subject} ${verb} Factory keys and prompts to ${host}, which is not a Factory host. Delete ${it} unless you trust that host.`;
    return { event: "foreign upstream", fields: { name, host, message } };
  });
}

function originOf(url: string): string | null {
  return URL.canParse(url) ? new URL(url).origin : null;
}
