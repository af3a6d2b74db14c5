// The environment of an agent that is launched: that of this process, without the secrets of this server and what would point it elsewhere.
// Never changes this process's own.

import { VARIABLES } from "../config/variables.ts";
import type { Agent } from "./agents/agent.ts";

export interface EnvironmentOptions {
  readonly base: Readonly<Record<string, string | undefined>>;
  /** Wins. */
  readonly added: Readonly<Record<string, string>>;
  /** As Node says it. */
  readonly platform: string;
}

/** Variables of this server that no other program should have. */
export const SECRETS: readonly string[] = Object.entries(VARIABLES).flatMap(([name, { isSecret }]) => (isSecret ? [name] : []));
const PROXIES = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
const HERE = "127.0.0.1,localhost";

export function environmentFor({ foreignVariables }: Pick<Agent, "foreignVariables">, options: EnvironmentOptions): Record<string, string> {
  const { base, added, platform } = options;
  // Windows does not tell the case of names apart.
  const spelled = (name: string): string => (platform === "win32" ? name.toUpperCase() : name);
  const left = new Set([...SECRETS, ...foreignVariables, ...Object.keys(added)].map(spelled));
  const kept = Object.entries(base).flatMap(([name, value]) =>
    value === undefined || left.has(spelled(name)) ? [] : [[name, value] as const],
  );
  return { ...Object.fromEntries(kept), ...passedBy(Object.fromEntries(kept)), ...added };
}

/** A proxy of the network's must not get what is for this machine. */
function passedBy(environment: Readonly<Record<string, string>>): Record<string, string> {
  const hasProxy = Object.keys(environment).some((name) => PROXIES.includes(name.toUpperCase()));
  if (!hasProxy) return {};
  const others = environment["NO_PROXY"] ?? environment["no_proxy"] ?? "";
  if (others.trim() === "*") return {};
  const all = others === "" ? HERE : `${others},${HERE}`;
  return { NO_PROXY: all, no_proxy: all };
}
