// The key of a launched agent: it ends with the agent, or expires if this process dies.
// Never keeps its value anywhere except in memory.

import type { KeyRecord } from "../access/client-key.ts";
import { newKey, type KeyPorts } from "../access/key-changes.ts";
import type { Store } from "../access/store.ts";
import { runtime } from "../runtime/runtime.ts";
import type { Context } from "./command.ts";
import { recordOf } from "./key-records.ts";

export interface LaunchKey {
  /** The name under which its usage is kept. */
  readonly name: string;
  /** Secret. */
  readonly value: string;
  /** Removes it. May be called twice. */
  readonly revoke: () => Promise<void>;
}

export interface LaunchKeyOptions {
  /** The agent's id. */
  readonly agent: string;
  /** The key whose limits apply. Null: the agent gets a key of its own. */
  readonly key: string | null;
}

const PREFIX = "launch-";
const HOUR_MS = 3_600_000;
/** Long enough for a machine that sleeps overnight. */
const LIFETIME_MS = 24 * HOUR_MS;
const RENEWAL_MS = HOUR_MS;

/** @throws CommandError, StoreError */
export async function makeLaunchKey(context: Context, store: Store, { agent, key: named }: LaunchKeyOptions): Promise<LaunchKey> {
  await removeOld(store, context.now());
  if (named === null) return temporaryKey(context, store, { purpose: agent, note: `Made by "factory-proxy launch ${agent}" for one run.` });
  const configured = context.config().proxyKeys.find(({ name }) => name === named);
  if (configured !== undefined) return { name: named, value: configured.key, revoke: () => Promise.resolve() };
  await recordOf(named, { ...context, store: () => Promise.resolve(store) });
  return lentKey(context, store, named);
}

interface TemporaryKey {
  /** A part of its name. */
  readonly purpose: string;
  readonly note: string;
}

/** @throws StoreError */
export async function temporaryKey(context: Context, store: Store, { purpose, note }: TemporaryKey): Promise<LaunchKey> {
  const name = `${PREFIX}${purpose}-${crypto.randomUUID().slice(0, 8)}`;
  const { record, key } = newKey(name, { note }, portsOf(context));
  const until = (): KeyRecord["expiry"] => ({ type: "at", ms: context.now() + LIFETIME_MS });
  await store.insertKey({ ...record, expiry: until() });
  const stop = every(RENEWAL_MS, () => store.updateKey(name, (before) => ({ ...before, expiry: until() })));
  return {
    name,
    value: key,
    async revoke() {
      stop();
      await store.updateKey(name, () => null);
    },
  };
}

/** Counts as the key of that name in every respect. */
async function lentKey(context: Context, store: Store, name: string): Promise<LaunchKey> {
  const { record, key } = newKey(`${PREFIX}lent`, {}, portsOf(context));
  const hash = record.hash ?? "";
  const change = (lend: boolean): Promise<KeyRecord | null> =>
    store.updateKey(name, ({ lent = [], ...before }) => {
      const others = lent.filter((one) => one.hash !== hash && one.untilMs > context.now());
      const all = lend ? [...others, { hash, untilMs: context.now() + LIFETIME_MS }] : others;
      return all.length === 0 ? before : { ...before, lent: all };
    });
  await change(true);
  const stop = every(RENEWAL_MS, () => change(true));
  return {
    name,
    value: key,
    async revoke() {
      stop();
      await change(false);
    },
  };
}

/** Removes keys of processes that died. */
async function removeOld(store: Store, nowMs: number): Promise<void> {
  const isOld = ({ name, expiry }: KeyRecord): boolean => name.startsWith(PREFIX) && expiry?.type === "at" && expiry.ms < nowMs;
  for (const { name } of (await store.keys()).filter(isOld)) await store.updateKey(name, (record) => (isOld(record) ? null : record));
}

function every(ms: number, act: () => Promise<unknown>): () => void {
  // If the store is away, the next launch tries again.
  const timer = setInterval(() => void act().catch(() => {}), ms);
  return () => clearInterval(timer);
}

function portsOf(context: Context): KeyPorts {
  return { nowMs: context.now(), sha256: runtime.sha256, random: (count) => crypto.getRandomValues(new Uint8Array(count)) };
}
