// Which agents are installed, in which version, and where they point; and what in the environment would point them elsewhere.
// Never shows anything from their files except addresses.

import { readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ProtocolId } from "../protocol/canonical.ts";
import { shownUrl } from "../telemetry/redaction.ts";
import { isObject, parseOrUndefined } from "../wire/json.ts";
import type { Agent, SettingsFile } from "./agents/agent.ts";
import { AGENTS } from "./agents/agents.ts";
import { ok, skip, variable, warn, type Check, type DoctorWorld, type Group, type Subject } from "./doctor-check.ts";
import { gatewayUrl } from "./gateway-probe.ts";
import { findProgram } from "./programs.ts";
import { ADDED, FormatFault, isMap, type Step } from "./settings-format.ts";
import { settingsPath } from "./settings-files.ts";
import { settingsIn } from "./settings-formats.ts";

export const clientChecks: Group = async (subject) => {
  const { shell, platform } = subject.world;
  const found = AGENTS.map((agent) => ({ agent, path: findProgram(agent.program, { environment: shell, platform }) }));
  const missing = found.flatMap(({ agent, path }) => (path === null ? [agent.title] : []));
  const installed = found.flatMap(({ agent, path }) => (path === null ? [] : [agentCheck(agent, { path, subject })]));
  return [
    ...(await Promise.all(installed)),
    ...(missing.length === 0 ? [] : [skip("clients.missing", `Not installed: ${missing.join(", ")}.`)]),
    credentials(subject),
    proxies(subject),
  ];
};

interface Installed {
  /** The version of its program. */
  readonly path: string;
  readonly subject: Subject;
}

const VERSION = /\d+\.\d+\.\d+[\w.-]*/;

async function agentCheck(agent: Agent, { path, subject: { world, config } }: Installed): Promise<Check> {
  const id: Check["id"] = `clients.${agent.id}`;
  const version = packagedVersion(path, agent.package) ?? VERSION.exec((await world.outputOf(path, agent.versionWords)) ?? "")?.[0] ?? null;
  const named =
    version === null
      ? `${agent.title} (unknown version)`
      : version === agent.version
        ? `${agent.title} ${version}`
        : `${agent.title} ${version} (tested: ${agent.version})`;
  const urls = [...new Set([...urlsOfShell(agent, world), ...urlsOfFiles(agent, world)])];
  const own = config === null ? null : gatewayUrl(config);
  if (urls.length === 0) {
    return ok(id, `${named} uses its vendor's own service.`, {
      fix: `Run \`factory-proxy launch ${agent.id}\`, or \`factory-proxy setup ${agent.id}\` to make it permanent.`,
    });
  }
  const isHere = own !== null && urls.some((url) => isSameServer(url, own));
  const where = urls.map(shownUrl).join(", ");
  return ok(id, isHere ? `${named} points at this server: ${where}.` : `${named} points at ${where}.`);
}

/** As its npm package states it, around the program or, for npm's scripts on Windows, beside it: agents are slow to report it themselves. */
function packagedVersion(program: string, name: string): string | null {
  const folders = [join(dirname(program), "node_modules", name)];
  for (let folder = dirname(realpathSync(program)); folder !== dirname(folder); folder = dirname(folder)) folders.push(folder);
  for (const folder of folders) {
    const found = parseOrUndefined(textOf(join(folder, "package.json")));
    if (isObject(found) && found["name"] === name && typeof found["version"] === "string") return found["version"];
  }
  return null;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Stands for any address. */
const SOMEWHERE = "http://somewhere.invalid";

function sampleModel(protocol: ProtocolId): { id: string; protocol: ProtocolId; limits: { contextTokens: null; outputTokens: null } } {
  return { id: "model", protocol, limits: { contextTokens: null, outputTokens: null } };
}

/** The present values of the variables that `launch` would set. */
function urlsOfShell(agent: Agent, { shell }: DoctorWorld): string[] {
  const names = agent.protocols.flatMap((protocol) => {
    const { environment } = agent.launch({ url: SOMEWHERE, key: "", ...sampleModel(protocol), model: "model", read: null, folder: "" });
    return Object.entries(environment).flatMap(([name, value]) => (isAddress(value) ? [name] : []));
  });
  return [...new Set(names)].flatMap((name) => shell[name] || []);
}

function isAddress(value: string): boolean {
  return value.startsWith(SOMEWHERE);
}

/** The present values at the places where `setup` would write an address. */
function urlsOfFiles(agent: Agent, world: DoctorWorld): string[] {
  return agent.files.flatMap((file) => {
    const settings = readSettings(file, world);
    const edits = agent.protocols.flatMap((protocol) => file.edits({ url: SOMEWHERE, key: "", models: [sampleModel(protocol)] }));
    return edits.flatMap(({ path, value }) => valuesAt(settings, path).flatMap((found) => addressesIn(found, value)));
  });
}

function readSettings(file: SettingsFile, { shell, platform }: DoctorWorld): unknown {
  const home = shell[platform === "win32" ? "USERPROFILE" : "HOME"] ?? "";
  try {
    return settingsIn(readFileSync(settingsPath(file, { environment: shell, platform, home }), "utf8"), file.format);
  } catch (error) {
    if (error instanceof FormatFault || (error instanceof Error && "code" in error)) return undefined;
    throw error;
  }
}

/** ADDED stands for every item of a list. */
function valuesAt(value: unknown, [step, ...rest]: readonly Step[]): unknown[] {
  if (step === undefined) return [value];
  if (step === ADDED) return Array.isArray(value) ? value.flatMap((item) => valuesAt(item, rest)) : [];
  return isMap(value) && Object.hasOwn(value, step) ? valuesAt(value[step], rest) : [];
}

/** The strings at the places where a pattern has an address. */
function addressesIn(found: unknown, pattern: unknown): string[] {
  if (typeof pattern === "string") return isAddress(pattern) && typeof found === "string" ? [found] : [];
  if (!isMap(pattern) || !isMap(found)) return [];
  return Object.entries(pattern).flatMap(([name, value]) => addressesIn(found[name], value));
}

const HERE = /^(?:localhost|127\.0\.0\.1|\[::1\])$/;

function isSameServer(url: string, own: string): boolean {
  if (!URL.canParse(url)) return false;
  const [one, other] = [new URL(url), new URL(own)];
  return one.port === other.port && (one.hostname === other.hostname || (HERE.test(one.hostname) && HERE.test(other.hostname)));
}

/** What overrides, or accompanies, the token that an agent is given for this server. */
const BESIDE: readonly (readonly [url: string, token: string, other: string, agent: string])[] = [
  ["ANTHROPIC_BASE_URL", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY", "Claude Code"],
  ["GOOGLE_GEMINI_BASE_URL", "GEMINI_API_KEY", "GOOGLE_API_KEY", "Gemini CLI"],
];

function credentials({ world }: Subject): Check {
  const id = "clients.credentials";
  const found = BESIDE.find(([url, token, other]) => world.shell[other] && (world.shell[token] || world.shell[url]));
  const foreign = AGENTS.flatMap(({ foreignVariables }) => foreignVariables).filter((name) => world.shell[name]);
  if (found !== undefined) {
    const [url, token, other, agent] = found;
    const why = `${agent} may send ${other} to the address in ${url} instead of this server's key. It then gets 401, or asks which key to use.`;
    const beside = world.shell[token] ? token : url;
    return warn(id, `${other} and ${beside} are both set.`, {
      why,
      fix: `Unset ${other} where you use this server, or use factory-proxy launch`,
    });
  }
  if (foreign.length === 0) return ok(id, "No environment variable redirects an agent.");
  const names = [...new Set(foreign)].join(", ");
  return warn(id, `These environment variables redirect an agent: ${names}.`, {
    why: "They override the settings that point it at this server.",
    fix: "Unset them, or use factory-proxy launch, which removes them.",
  });
}

const PROXIES = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];

function proxies({ world, config }: Subject): Check {
  const id = "clients.proxy";
  const set = PROXIES.filter((name) => variable(world.shell, name) !== null);
  const own = config === null ? null : gatewayUrl(config);
  const host = own === null ? "127.0.0.1" : new URL(own).hostname;
  if (set.length === 0) return ok(id, "No HTTP proxy is between agents and this server.");
  if (isPassedBy(host, variable(world.shell, "NO_PROXY") ?? ""))
    return ok(id, `An HTTP proxy is set (${set.join(", ")}), and NO_PROXY includes ${host}.`);
  return warn(id, `An HTTP proxy is set (${set.join(", ")}), and NO_PROXY does not include ${host}.`, {
    why: "Agents try to reach this server through that proxy, which can't reach it.",
    fix: "Set NO_PROXY=127.0.0.1,localhost. factory-proxy launch does this for you.",
  });
}

function isPassedBy(host: string, list: string): boolean {
  const names = list.split(/[,\s]+/).filter((name) => name !== "");
  return names.some((name) => name === "*" || host === name || host.endsWith(`.${name.replace(/^\*?\./, "")}`));
}
