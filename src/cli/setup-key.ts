// The client key of agents that are set up: one that the person names or has in the environment, otherwise one that setup made for this machine.
// Never makes a key where one is known that works.

import type { KeyRecord } from "../access/client-key.ts";
import { newKey, type FreshKey, type KeyPorts } from "../access/key-changes.ts";
import type { Store } from "../access/store.ts";
import { StoreError } from "../access/store.ts";
import { runtime } from "../runtime/runtime.ts";
import { KEY_VARIABLE, type Agent } from "./agents/agent.ts";
import { CommandError, type Context } from "./command.ts";
import { hashOf, type MadeKey, type SetupRecord } from "./setup-record.ts";

export interface SetupKey {
  /** Secret. Null: somebody has changed it since it was made, and was shown it then. */
  readonly value: string | null;
  /** What it is called, in the store or in PROXY_API_KEY. Null: it is the one in KEY_VARIABLE. */
  readonly name: string | null;
  /** By setup, for this agent or one before. Null: it is another key. */
  readonly made: MadeKey | null;
  /** Whether it was made just now. */
  readonly isFresh: boolean;
}

export interface KeySources {
  readonly agent: Agent;
  /** Of this agent. Null: it was not set up. */
  readonly record: SetupRecord | null;
  /** Of all agents. */
  readonly records: readonly SetupRecord[];
  /** The machine's name, as it calls itself; "" where nothing says it. */
  readonly machine: string;
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
export function knownKey(sources: KeySources, context: Context): string {
  const { named, variable = "" } = sources;
  if (named !== null) return namedKey(named, context);
  if (variable !== "") return variable;
  return madeBefore(sources).find(({ key }) => key !== null)?.key ?? PLACEHOLDER;
}

/** Whether the key that was made for the agent works no longer, as somebody has removed or changed it. @throws CommandError, StoreError */
export async function keyIsLost({ agent, record, named, variable = "" }: KeySources, context: Context): Promise<boolean> {
  const made = record?.madeKey ?? null;
  if (made === null || named !== null || variable !== "") return false;
  return !isUsable(await stateOf(made, await storeOf(context)), agent);
}

/** @throws CommandError, StoreError */
export async function keyFor(sources: KeySources, context: Context): Promise<SetupKey> {
  const { agent, record, named, variable = "" } = sources;
  if (named !== null) return { value: namedKey(named, context), name: named, made: null, isFresh: false };
  if (variable !== "") {
    const made = madeBefore(sources).find(({ key }) => key === variable) ?? record?.madeKey ?? null;
    return { value: variable, name: made?.key === variable ? made.name : null, made, isFresh: false };
  }
  const store = await storeOf(context);
  for (const made of madeBefore(sources)) {
    const state = await stateOf(made, store);
    const isOwn = made.name === record?.madeKey?.name;
    if (isOwn ? isUsable(state, agent) : state === "known")
      return { value: state === "known" ? made.key : null, name: made.name, made, isFresh: false };
  }
  const {
    record: { name, createdMs },
    key,
  } = await fresh(nameFor(sources.machine), { store, context });
  return { value: key, name, made: { name, key, createdMs }, isFresh: true };
}

/** Keys that setup has made, the agent's own first. */
function madeBefore({ record, records }: KeySources): MadeKey[] {
  return [record, ...records].flatMap((one) => one?.madeKey ?? []);
}

/** `secret`: it is there, but only the person knows what it is. */
type KeyState = "known" | "secret" | "gone";

async function stateOf(made: MadeKey, store: Store): Promise<KeyState> {
  const { key } = made;
  const found = (await store.keys()).find((record) => isMade(record, made))?.hash ?? null;
  if (found === null) return "gone";
  return key !== null && hashOf(key) === found ? "known" : "secret";
}

/** Whether a key of the store is the one that setup made, rotated perhaps: somebody may have removed that and made another one of the name. */
function isMade({ name, createdMs }: KeyRecord, made: MadeKey): boolean {
  return name === made.name && (made.createdMs === undefined || createdMs === made.createdMs);
}

function isUsable(state: KeyState, agent: Agent): boolean {
  return state === "known" || (state === "secret" && readsVariable(agent));
}

const LONGEST_MACHINE = 40;

/** `setup-mybook`: machines that share a store tell their keys apart. */
function nameFor(machine: string): string {
  const [label = ""] = machine.toLowerCase().split(".");
  const word = label
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, LONGEST_MACHINE)
    .replace(/^-|-$/g, "");
  return word === "" || word === "localhost" ? "setup" : `setup-${word}`;
}

/** Of a name that is free: a key of a setup that has been forgotten may be in use. */
async function fresh(name: string, { store, context }: { readonly store: Store; readonly context: Context }): Promise<FreshKey> {
  const ports: KeyPorts = {
    nowMs: context.now(),
    sha256: runtime.sha256,
    random: (count) => crypto.getRandomValues(new Uint8Array(count)),
  };
  for (let count = 1; ; count++) {
    const made = newKey(count === 1 ? name : `${name}-${count}`, { note: 'The agents of this machine, by "factory-proxy setup".' }, ports);
    if (await store.insertKey(made.record)) return made;
  }
}

/** Takes back the key that was made. Says why where it stays. */
export async function removeKey(made: MadeKey, context: Context): Promise<string | null> {
  try {
    const left = await (await context.store()).updateKey(made.name, (record) => (isMade(record, made) ? null : record));
    return left === null ? null : "It is not the one that setup made.";
  } catch (error) {
    if (!(error instanceof CommandError || error instanceof StoreError)) throw error;
    return error.message;
  }
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
