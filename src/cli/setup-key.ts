// The client key of an agent that is set up: one that the person names or has in the environment, otherwise one made for it.
// Never makes a key where one is known that works.

import { newKey, rotated, type FreshKey, type KeyPorts } from "../access/key-changes.ts";
import type { Store } from "../access/store.ts";
import { StoreError } from "../access/store.ts";
import { runtime } from "../runtime/runtime.ts";
import { KEY_VARIABLE, type Agent } from "./agents/agent.ts";
import { CommandError, type Context } from "./command.ts";
import type { MadeKey, SetupRecord } from "./setup-record.ts";

export interface SetupKey {
  /** Secret. Null: it is known to the person alone, who was shown it once. */
  readonly value: string | null;
  /** Null: it was there before. */
  readonly made: MadeKey | null;
}

export interface KeySources {
  readonly agent: Agent;
  readonly record: SetupRecord | null;
  /** Of PROXY_API_KEY. Null: none was named. */
  readonly named: string | null;
  /** What KEY_VARIABLE holds. */
  readonly variable: string | undefined;
}

/** Stands for a key that is yet to be made. */
export const PLACEHOLDER = "fp-YOUR-KEY";
const HINT = `--key takes the name of a key in PROXY_API_KEY, and ${KEY_VARIABLE} a key itself.`;

/** Whether the agent takes its key from KEY_VARIABLE. */
export function readsVariable({ files }: Agent): boolean {
  return files.every(({ holdsKey }) => !holdsKey);
}

/** What the key is without making one: for a look at what would be written. @throws CommandError */
export function knownKey({ record, named, variable }: KeySources, context: Context): string {
  if (named !== null) return namedKey(named, context);
  return (variable ?? "") || (record?.madeKey?.key ?? PLACEHOLDER);
}

/** Whether the agent has the key that was made for it, and somebody has removed that. @throws CommandError, StoreError */
export async function keyIsLost({ record, named, variable = "" }: KeySources, context: Context): Promise<boolean> {
  const made = record?.madeKey ?? null;
  if (made === null || named !== null || variable !== "") return false;
  return (await hashIn(await storeOf(context), made.name)) === null;
}

/** @throws CommandError, StoreError */
export async function keyFor(sources: KeySources, context: Context): Promise<SetupKey> {
  const { agent, record, named, variable = "" } = sources;
  if (named !== null) return { value: namedKey(named, context), made: null };
  const former = record?.madeKey ?? null;
  if (variable !== "") return { value: variable, made: former };
  const store = await storeOf(context);
  if (former !== null && (await hashIn(store, former.name)) !== null) return { value: former.key, made: former };
  const name = `setup-${agent.id}`;
  const { key } = await fresh(name, { agent, store, context });
  return { value: key, made: { name, key: readsVariable(agent) ? null : key } };
}

async function fresh(
  name: string,
  { agent, store, context }: { readonly agent: Agent; readonly store: Store; readonly context: Context },
): Promise<FreshKey> {
  const ports: KeyPorts = {
    nowMs: context.now(),
    sha256: runtime.sha256,
    random: (count) => crypto.getRandomValues(new Uint8Array(count)),
  };
  const made = newKey(name, { note: `${agent.title}, by "factory-proxy setup ${agent.id}".` }, ports);
  if (await store.insertKey(made.record)) return made;
  // One of a setup that has been forgotten. Nobody can know its value any more.
  let again = made;
  await store.updateKey(name, (before) => {
    again = rotated(before, null, ports);
    return again.record;
  });
  return again;
}

/** Takes back the key that was made. Says why where it stays. */
export async function removeKey(made: MadeKey, context: Context): Promise<string | null> {
  try {
    await (await context.store()).updateKey(made.name, () => null);
    return null;
  } catch (error) {
    if (!(error instanceof CommandError || error instanceof StoreError)) throw error;
    return error.message;
  }
}

async function hashIn(store: Store, name: string): Promise<string | null> {
  return (await store.keys()).find((record) => record.name === name)?.hash ?? null;
}

function namedKey(named: string, context: Context): string {
  const found = context.config().proxyKeys.find(({ name }) => name === named);
  if (found !== undefined) return found.key;
  throw CommandError.failed(
    `No key in PROXY_API_KEY is called ${named}, and the store keeps no keys, only their hashes. Without --key, setup makes a key. ${HINT}`,
  );
}

async function storeOf(context: Context): Promise<Store> {
  try {
    return await context.store();
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw CommandError.failed(`${error.message} ${HINT}`);
  }
}
