// Whether the Factory keys look valid, whether clients have keys, and who else can read the file that holds them.
// Never shows a key, and asks nobody about it.

import { statSync } from "node:fs";
import { StoreError } from "../access/store.ts";
import { isLoopback } from "../config/config.ts";
import { FACTORY_KEY_PAGE, unlikelyKey } from "../config/factory-key.ts";
import { DEFAULT_ENV_FILE } from "../config/source.ts";
import { typedPath } from "./caller.ts";
import { CommandError, type Context } from "./command.ts";
import { fail, ok, skip, warn, type Check, type Group, type Subject } from "./doctor-check.ts";

export const keyChecks: Group = async (subject) => [...factoryKeys(subject), await clientKeys(subject), keyFile(subject)];

function factoryKeys({ config }: Subject): Check[] {
  const id = "keys.factory";
  if (config === null) return [skip(id, "The configuration is invalid.")];
  const { upstreamKeys } = config;
  if (upstreamKeys.length === 0) {
    const why = "Without it, each client must send its own Factory key.";
    return [warn(id, "FACTORY_API_KEY is not set.", { why, fix: `Create a key at ${FACTORY_KEY_PAGE} and set FACTORY_API_KEY.` })];
  }
  return upstreamKeys.map((key, index) => factoryKey(key, index === 0 ? id : `${id}-${index + 1}`));
}

function factoryKey(key: string, id: Check["id"]): Check {
  const odd = unlikelyKey(key);
  if (odd === null) return ok(id, "The Factory key looks valid.");
  const { what, why, isWrong } = odd;
  const reason = { ...(why === null ? {} : { why }), fix: `Copy the key again from ${FACTORY_KEY_PAGE}.` };
  return isWrong ? fail(id, what, reason) : warn(id, what, reason);
}

const LEAST_LENGTH = 16;

async function clientKeys({ config, context }: Subject): Promise<Check> {
  const id = "keys.clients";
  if (config === null) return skip(id, "The configuration is invalid.");
  const { proxyKeys, host, upstreamKey, anonymous } = config;
  const stored = await storedKeys(context);
  const count = proxyKeys.length + (stored ?? 0);
  const short = proxyKeys.filter(({ key }) => key.length < LEAST_LENGTH);
  if (short.length > 0 && !isLoopback(host)) {
    const why = `Other machines can reach ${host}. Keys in PROXY_API_KEY shorter than ${LEAST_LENGTH} characters, which can be guessed: ${short.length}.`;
    return warn(id, "A client key is too short.", { why, fix: "Make a key with `factory-proxy keys add NAME`." });
  }
  if (count > 0)
    return ok(
      id,
      stored === null ? `Client keys: ${count}, not counting those in the store, which can't be read.` : `Client keys: ${count}.`,
    );
  if (upstreamKey === null) return ok(id, "No client keys: each client sends its own Factory key.");
  if (anonymous !== "off") return ok(id, "No client keys: any program on this machine may call (ANONYMOUS=loopback).");
  return warn(id, "There are no client keys.", {
    why: "The server makes a random key at each start and prints it once.",
    fix: "Make a permanent key with `factory-proxy keys add NAME`.",
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
  if (world.platform === "win32") return skip(id, "The permissions of .env are not checked on Windows.");
  const mode = modeOf(path);
  if (mode === null) return ok(id, `There is no ${path}.`);
  if ((mode & FOR_OTHERS) === 0) return ok(id, `Only you can read ${path}.`);
  return warn(id, `Other users of this machine can read ${path}.`, { why: "It may contain keys.", fix: `chmod 600 ${path}` });
}

function modeOf(path: string): number | null {
  try {
    return statSync(path).mode;
  } catch {
    return null;
  }
}
