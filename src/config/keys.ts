// Keys in the settings: Factory's, the clients', and the administrator's.
// Never shows one: faults say what is wrong with it, not what it is.

import type { NamedKey } from "../access/key-ring.ts";
import type { Settings } from "./settings.ts";

export interface KeysConfig {
  /** Secret. Null: each client brings its own Factory key. */
  readonly upstreamKey: string | null;
  /** Secrets. `upstreamKey` and the further keys of the same organisation. */
  readonly upstreamKeys: readonly string[];
  /** Secrets, each with its name. Empty: none is configured. */
  readonly proxyKeys: readonly NamedKey[];
  /** Secret. Null: no key opens the dashboard. */
  readonly adminKey: string | null;
}

/** Shorter keys could not be kept out of the log without masking half of it. */
const MIN_KEY_LENGTH = 4;
/** This key opens everything, and can be guessed at from anywhere. */
const MIN_ADMIN_KEY_LENGTH = 16;
const KEY = /^[\x21\x23-\x26\x28-\x7e]+$/;
const KEY_RULE = `at least ${MIN_KEY_LENGTH} characters and no spaces, quotes or line breaks`;

export function keysOf(settings: Settings): KeysConfig {
  const name = settings.given("FACTORY_API_KEY") === null ? "FACTORY_AI_TOKEN" : "FACTORY_API_KEY";
  const single = settings.given(name);
  const further = settings.list("FACTORY_API_KEYS");
  if (single !== null && !isKey(single)) settings.fault(name, `must be the key alone: ${KEY_RULE}`);
  if (!further.every(isKey)) settings.fault("FACTORY_API_KEYS", `must be keys separated by commas, each with ${KEY_RULE}`);
  const upstreamKeys = [...new Set([...(single === null ? [] : [single]), ...further])];
  const upstreamKey = upstreamKeys[0] ?? null;
  const proxyKeys = proxyKeysOf(settings);
  if (proxyKeys.some(({ key }) => upstreamKeys.includes(key))) {
    settings.fault("PROXY_API_KEY", `must differ from ${name}, which no client should know`);
  }
  const adminKey = settings.given("ADMIN_KEY");
  if (adminKey !== null && (adminKey.length < MIN_ADMIN_KEY_LENGTH || !isKey(adminKey))) {
    settings.fault("ADMIN_KEY", `must have at least ${MIN_ADMIN_KEY_LENGTH} characters and no spaces, quotes or line breaks`);
  } else if (adminKey !== null && [...upstreamKeys, ...proxyKeys.map(({ key }) => key)].includes(adminKey)) {
    settings.fault("ADMIN_KEY", "must differ from PROXY_API_KEY and FACTORY_API_KEY");
  }
  return { upstreamKey, upstreamKeys, proxyKeys, adminKey };
}

function proxyKeysOf(settings: Settings): NamedKey[] {
  const listed = [...new Set(settings.list("PROXY_API_KEY"))].map((text, index) => {
    const [, name = "", key = ""] = NAMED_KEY.exec(text) ?? [];
    return name === "" ? { name: `env-${index + 1}`, key: text } : { name, key };
  });
  const names = listed.map(({ name }) => name);
  const isEach = listed.every(({ key }) => isKey(key));
  if (!isEach) settings.fault("PROXY_API_KEY", `must be one key, or several separated by commas, each with ${KEY_RULE}`);
  else if (new Set(listed.map(({ key }) => key)).size < listed.length) settings.fault("PROXY_API_KEY", "must not give one key two names");
  else if (new Set(names).size < names.length) settings.fault("PROXY_API_KEY", "must not give one name to two keys");
  else if (names.some((name) => RESERVED_NAMES.test(name))) {
    settings.fault("PROXY_API_KEY", "must not call a key default or anonymous, which mean something else");
  }
  return listed;
}

/** `alice=secret`. What follows the `=` must be long enough for a key, since Base64 keys may end in `=`. */
const NAMED_KEY = new RegExp(`^([A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?)=([^=].{${MIN_KEY_LENGTH - 1},})$`);
const RESERVED_NAMES = /^(?:default|anonymous)$/i;

function isKey(text: string): boolean {
  return text.length >= MIN_KEY_LENGTH && KEY.test(text);
}
