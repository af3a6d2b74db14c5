// Whether the Factory keys look valid, whether clients have keys, and who else can read the file that holds them.
// Never shows a key, and asks nobody about it.

import { statSync } from "node:fs";
import { StoreError } from "../access/store.ts";
import { isLoopback } from "../config/config.ts";
import { DEFAULT_ENV_FILE } from "../config/source.ts";
import { typedPath } from "./caller.ts";
import { CommandError, type Context } from "./command.ts";
import { fail, ok, skip, warn, type Check, type Group, type Subject } from "./doctor-check.ts";

export const keyChecks: Group = async (subject) => [...factoryKeys(subject), await clientKeys(subject), keyFile(subject)];

const SETTINGS_PAGE = "https://app.factory.ai/settings/api-keys";
const FACTORY_KEY = /^fk-[A-Za-z0-9_-]{16,}$/;
const PLACEHOLDER = /^fk-(?:\.*|x+|your.*)$/i;
/** Prefixes of other vendors' keys. */
const OTHERS: readonly (readonly [shape: RegExp, owner: string])[] = [
  [/^sk-ant-/, "Anthropic"],
  [/^sk-or-/, "OpenRouter"],
  [/^sk-/, "OpenAI"],
  [/^AIza/, "Google"],
  [/^xai-/, "xAI"],
  [/^fp-/, "a client of this server"],
];

function factoryKeys({ config }: Subject): Check[] {
  const id = "keys.factory";
  if (config === null) return [skip(id, "The configuration can't be used.")];
  const { upstreamKeys } = config;
  if (upstreamKeys.length === 0) {
    const why = "Each client has to send its own Factory key then.";
    return [warn(id, "FACTORY_API_KEY is not set.", { why, fix: `Create a key at ${SETTINGS_PAGE} and set FACTORY_API_KEY.` })];
  }
  return upstreamKeys.map((key, index) => factoryKey(key, index === 0 ? id : `${id}-${index + 1}`));
}

function factoryKey(key: string, id: Check["id"]): Check {
  const fix = `Copy the key again from ${SETTINGS_PAGE}.`;
  if (FACTORY_KEY.test(key)) return ok(id, "The Factory key has the shape of one.");
  if (PLACEHOLDER.test(key)) return fail(id, "The Factory key is the placeholder of an example.", { fix });
  const owner = OTHERS.find(([shape]) => shape.test(key))?.[1];
  if (owner !== undefined) return fail(id, `The Factory key looks like a key of ${owner}.`, { why: "Factory's keys begin with fk-.", fix });
  return warn(id, "The Factory key does not look like one.", {
    why: "Factory's keys begin with fk-, followed by at least 16 characters.",
    fix,
  });
}

const LEAST_LENGTH = 16;

async function clientKeys({ config, context }: Subject): Promise<Check> {
  const id = "keys.clients";
  if (config === null) return skip(id, "The configuration can't be used.");
  const { proxyKeys, host, upstreamKey, anonymous } = config;
  const stored = await storedKeys(context);
  const count = proxyKeys.length + (stored ?? 0);
  const short = proxyKeys.filter(({ key }) => key.length < LEAST_LENGTH);
  if (short.length > 0 && !isLoopback(host)) {
    const why = `Other machines can reach ${host}. Keys of PROXY_API_KEY with less than ${LEAST_LENGTH} characters, which can be guessed: ${short.length}.`;
    return warn(id, "A client key is short.", { why, fix: "Make a key: factory-proxy keys add NAME" });
  }
  if (count > 0)
    return ok(id, stored === null ? `Client keys: ${count}, without those of the store, which can't be read.` : `Client keys: ${count}.`);
  if (upstreamKey === null) return ok(id, "No client keys: each client sends its own Factory key.");
  if (anonymous !== "off") return ok(id, "No client keys: any program on this machine may call (ANONYMOUS=loopback).");
  return warn(id, "There are no client keys.", {
    why: "The server makes a random one at each start and prints it once.",
    fix: "Make one that stays: factory-proxy keys add NAME",
  });
}

/** Null: the store can't be read. */
async function storedKeys({ store, now }: Context): Promise<number | null> {
  try {
    const records = await (await store()).keys();
    return records.filter(({ hash, isOff, expiry }) => hash !== null && !isOff && !(expiry?.type === "at" && expiry.ms <= now())).length;
  } catch (error) {
    if (error instanceof CommandError || error instanceof StoreError) return null;
    throw error;
  }
}

const FOR_OTHERS = 0o044;

function keyFile({ world, envFile }: Subject): Check {
  const id = "keys.file";
  const path = envFile === null ? DEFAULT_ENV_FILE : typedPath(envFile);
  if (world.platform === "win32") return skip(id, "Who can read the file of variables is not looked at on Windows.");
  const mode = modeOf(path);
  if (mode === null) return ok(id, `There is no ${path}.`);
  if ((mode & FOR_OTHERS) === 0) return ok(id, `Only you can read ${path}.`);
  return warn(id, `Other users of this machine can read ${path}.`, { why: "It may hold keys.", fix: `chmod 600 ${path}` });
}

function modeOf(path: string): number | null {
  try {
    return statSync(path).mode;
  } catch {
    return null;
  }
}
