// The environment of a launched agent: that of this process, without this server's secrets and without what would point the agent elsewhere.
// Never changes this process's own.

import { VARIABLES } from "../config/variables.ts";
import type { Agent } from "./agents/agent.ts";

export interface EnvironmentOptions {
  readonly base: Readonly<Record<string, string | undefined>>;
  /** These win. */
  readonly added: Readonly<Record<string, string>>;
  /** Node's name of the platform. */
  readonly platform: string;
}

/** Variables of this server that no other program should have. */
export const SECRETS: readonly string[] = Object.entries(VARIABLES).flatMap(([name, { isSecret }]) => (isSecret ? [name] : []));
const PROXIES = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
const HERE = "127.0.0.1,localhost";

export function environmentFor({ foreignVariables }: Pick<Agent, "foreignVariables">, options: EnvironmentOptions): Record<string, string> {
  const { base, added, platform } = options;
  // Names on Windows are case-insensitive.
  const spelled = (name: string): string => (platform === "win32" ? name.toUpperCase() : name);
  const left = new Set([...SECRETS, ...foreignVariables, ...Object.keys(added)].map(spelled));
  const kept = Object.entries(base).flatMap(([name, value]) =>
    value === undefined || left.has(spelled(name)) ? [] : [[name, value] as const],
  );
  return { ...Object.fromEntries(kept), ...passedBy(Object.fromEntries(kept)), ...added };
}

/** A proxy must not get what is meant for this machine. */
function passedBy(environment: Readonly<Record<string, string>>): Record<string, string> {
  const hasProxy = Object.keys(environment).some((name) => PROXIES.includes(name.toUpperCase()));
  if (!hasProxy) return {};
  const others = environment["NO_PROXY"] ?? environment["no_proxy"] ?? "";
  if (others.trim() === "*") return {};
  const all = others === "" ? HERE : `${others},${HERE}`;
  return { NO_PROXY: all, no_proxy: all };
}
