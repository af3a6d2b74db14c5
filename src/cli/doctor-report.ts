// Keeps all keys out of what the doctor prints; and writes its findings to a file for a bug report.

import { readFileSync, writeFileSync } from "node:fs";
import packageJson from "../../package.json" with { type: "json" };
import type { Config } from "../config/config.ts";
import { VARIABLES } from "../config/variables.ts";
import { Redactor, shownUrl } from "../telemetry/redaction.ts";
import { isObject, parseOrUndefined, type Json } from "../wire/json.ts";
import { CommandError } from "./command.ts";
import type { Check, Environment, Subject } from "./doctor-check.ts";
import { typedPath } from "./caller.ts";
import { codeOf } from "./environment.ts";
import { SECRETS } from "./launch-environment.ts";

export const REPORT_FILE = "factory-proxy-report.json";
const KIND = "factory-proxy-report";

/** Matches variables that hold a secret. */
const SECRET_NAME = /key|token|secret|password|passwd|credential|cookie/i;
const SHORTEST_SECRET = 8;

/** Masks every secret in the environment and the configuration. */
export function redactorFor(environment: Environment, config: Config | null): Redactor {
  const found = Object.entries(environment).flatMap(([name, value = ""]) => {
    const own = SECRETS.includes(name) && name !== "DATABASE_URL";
    if (own) return [value, ...partsOf(value)];
    return [...secretsOfUrl(value), ...(SECRET_NAME.test(name) && value.length >= SHORTEST_SECRET ? [value] : [])];
  });
  const configured =
    config === null ? [] : [...config.upstreamKeys, ...config.proxyKeys.map(({ key }) => key), ...Object.values(config.upstreamHeaders)];
  return new Redactor([...new Set([...found, ...configured])]);
}

/** Secrets in a list, in `name=key`, in JSON. */
function partsOf(value: string): string[] {
  const listed = value.split(",").map((part) => part.trim());
  return [...listed, ...listed.flatMap((part) => part.split("=").slice(1)), ...textsIn(parseOrUndefined(value))].filter(
    (part) => part !== "",
  );
}

function textsIn(value: Json | undefined): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

/** The password, and what follows the path. */
function secretsOfUrl(value: string): string[] {
  if (!URL.canParse(value)) return [];
  const { password, searchParams, hash } = new URL(value);
  const others = [...searchParams.values(), hash.slice(1)].filter((text) => text.length >= SHORTEST_SECRET);
  return [password, unescaped(password), ...others];
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** @throws CommandError */
export function writeReport(path: string, checks: readonly Check[], subject: Subject): void {
  const { world, context, variables } = subject;
  const report = {
    object: KIND,
    schema_version: 1,
    at: new Date(context.now()).toISOString(),
    version: packageJson.version,
    runtime: world.runtime,
    platform: world.platform,
    checks,
    variables: Object.fromEntries(
      Object.keys(VARIABLES).flatMap((name) => (variables[name] === undefined ? [] : [[name, shown(name, variables[name])]])),
    ),
  };
  const home = world.shell[world.platform === "win32" ? "USERPROFILE" : "HOME"] || null;
  const text = subject.redact(JSON.stringify(report, null, 2));
  const quotedHome = home === null ? null : JSON.stringify(home).slice(1, -1);
  requireOwn(path);
  try {
    writeFileSync(typedPath(path), `${quotedHome === null ? text : text.replaceAll(quotedHome, "~")}\n`, { mode: 0o600 });
  } catch (error) {
    throw CommandError.failed(`${path} can't be written (${String(codeOf(error) ?? error)}).`);
  }
}

/** A file of another kind is not overwritten. */
function requireOwn(path: string): void {
  let text: string;
  try {
    text = readFileSync(typedPath(path), "utf8");
  } catch {
    return;
  }
  const found = parseOrUndefined(text);
  if (isObject(found) && found["object"] === KIND) return;
  throw CommandError.failed(`${path} exists and is not a report, so it was not overwritten. Use another file: doctor --report FILE`);
}

function shown(name: string, value: string): string {
  if (name === "DATABASE_URL") return shownUrl(value);
  if (SECRETS.includes(name)) return value === "" ? "" : "(set)";
  return URL.canParse(value) ? shownUrl(value) : value;
}
