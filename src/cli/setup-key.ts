// The client key of agents that are set up: the one that the person gives or has in the environment, otherwise one that setup made for this
// machine. Never creates a key where a working one is known.

import type { KeyRecord } from "../access/client-key.ts";
import { newKey, type FreshKey, type KeyPorts } from "../access/key-changes.ts";
import type { Store } from "../access/store.ts";
import { StoreError } from "../access/store.ts";
import { runtime } from "../runtime/runtime.ts";
import { KEY_VARIABLE, type Agent } from "./agents/agent.ts";
import { CommandError, type Context } from "./command.ts";
import { hashOf, type MadeKey, type SetupRecord } from "./setup-record.ts";

export interface SetupKey {
  /** Secret. Null: somebody has changed it since it was created, and it was shown only then. */
  readonly value: string | null;
  /** Its name, in the store or in PROXY_API_KEY. Null: it is the one in KEY_VARIABLE. */
  readonly name: string | null;
  /** Whether setup created it, for this agent or an earlier one. Null: it is another key. */
  readonly made: MadeKey | null;
  /** Whether it was created just now. */
  readonly isFresh: boolean;
}

export interface KeySources {
  readonly agent: Agent;
  /** The record of this agent. Null: it was not set up. */
  readonly record: SetupRecord | null;
  /** The records of all agents. */
  readonly records: readonly SetupRecord[];
  /** The machine's name; "": not known. */
  readonly machine: string;
  /** A key of PROXY_API_KEY. Null: none was given. */
  readonly named: string | null;
  /** The value of KEY_VARIABLE. */
  readonly variable: string | undefined;
}

/** Stands for a key that is yet to be created. */
export const PLACEHOLDER = "fp-YOUR-KEY";
const HINT = `Use --key with the name of a key in PROXY_API_KEY, or put a key in ${KEY_VARIABLE}.`;

/** Whether the agent takes its key from KEY_VARIABLE. */
export function readsVariable({ files }: Agent): boolean {
  return files.every(({ holdsKey }) => !holdsKey);
}

/** The key, without creating one: for a preview. @throws CommandError */
export function knownKey(sources: KeySources, context: Context): string {
  const { named, variable = "" } = sources;
  if (named !== null) return namedKey(named, context);
  if (variable !== "") return variable;
  return madeBefore(sources).find(({ key }) => key !== null)?.key ?? PLACEHOLDER;
}

/** Whether the agent's key no longer works, because somebody removed or changed it. @throws CommandError, StoreError */
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

/** Keys that setup has created, the agent's own first. */
function madeBefore({ record, records }: KeySources): MadeKey[] {
  return [record, ...records].flatMap((one) => one?.madeKey ?? []);
}

/** `secret`: it exists, but only the person knows its value. */
type KeyState = "known" | "secret" | "gone";

async function stateOf(made: MadeKey, store: Store): Promise<KeyState> {
  const { key } = made;
  const found = (await store.keys()).find((record) => isMade(record, made))?.hash ?? null;
  if (found === null) return "gone";
  return key !== null && hashOf(key) === found ? "known" : "secret";
}

/** Whether a key in the store is the one that setup created, perhaps rotated: somebody may have replaced it with another of the same name. */
function isMade({ name, createdMs }: KeyRecord, made: MadeKey): boolean {
  return name === made.name && (made.createdMs === undefined || createdMs === made.createdMs);
}

function isUsable(state: KeyState, agent: Agent): boolean {
  return state === "known" || (state === "secret" && readsVariable(agent));
}

const LONGEST_MACHINE = 40;

/** `setup-mybook`: machines that share a store have different keys. */
function nameFor(machine: string): string {
  const [label = ""] = machine.toLowerCase().split(".");
  const word = label
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, LONGEST_MACHINE)
    .replace(/^-|-$/g, "");
  return word === "" || word === "localhost" ? "setup" : `setup-${word}`;
}

/** Uses a free name: the key of a forgotten setup may still be in use. */
async function fresh(name: string, { store, context }: { readonly store: Store; readonly context: Context }): Promise<FreshKey> {
  const ports: KeyPorts = {
    nowMs: context.now(),
    sha256: runtime.sha256,
    random: (count) => crypto.getRandomValues(new Uint8Array(count)),
  };
  for (let count = 1; ; count++) {
    const made = newKey(
      count === 1 ? name : `${name}-${count}`,
      { note: 'Made by "factory-proxy setup" for the agents on this machine.' },
      ports,
    );
    if (await store.insertKey(made.record)) return made;
  }
}

/** Removes the key that was created. Returns why it stays, if it does. */
export async function removeKey(made: MadeKey, context: Context): Promise<string | null> {
  try {
    const left = await (await context.store()).updateKey(made.name, (record) => (isMade(record, made) ? null : record));
    return left === null ? null : "Setup did not make it.";
  } catch (error) {
    if (!(error instanceof CommandError || error instanceof StoreError)) throw error;
    return error.message;
  }
}

function namedKey(named: string, context: Context): string {
  const found = context.config().proxyKeys.find(({ name }) => name === named);
  if (found !== undefined) return found.key;
  throw CommandError.failed(
    `PROXY_API_KEY has no key named ${named}. (Keys in the store can't be used: it keeps only their hashes.) Without --key, setup makes a key. ${HINT}`,
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
