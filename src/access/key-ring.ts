// The client keys in memory, by their SHA-256: those of PROXY_API_KEY, and those of the store, read again when they change there.
// Never holds a key itself, and never forgets what it knew when the store goes away.

import type { After } from "../runtime/ports.ts";
import type { KeyGrant, KeyRecord, KeyRules } from "./client-key.ts";
import { StoreError, type Store } from "./store.ts";

/** SHA-256 of a text, as 32 bytes. */
export type Sha256 = (text: string) => Uint8Array;

/** A key of PROXY_API_KEY. */
export interface NamedKey {
  /** `env-1`, or the given name. */
  readonly name: string;
  /** Secret. */
  readonly key: string;
}

export interface KeyRingOptions {
  readonly named: readonly NamedKey[];
  /** Null: there are no other keys. */
  readonly store: Store | null;
  /** Whether the keys of PROXY_API_KEY count while the store has been away from the start, so that their limits are not known. */
  readonly storeDown: "serve" | "refuse";
}

export interface KeyRingPorts {
  readonly sha256: Sha256;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  readonly after: After;
}

/** What is known of a presented key. `unread`: the store has not been read yet, so its owner or its limits are not known. */
export type Found =
  | { readonly state: "valid"; readonly name: string; readonly grant: KeyGrant | null }
  | { readonly state: "off"; readonly name: string }
  /** Since when, as Unix time in milliseconds. `replaced`: by a rotation. */
  | { readonly state: "expired" | "replaced"; readonly name: string; readonly sinceMs: number }
  | { readonly state: "unknown" | "unread" };

interface Entry {
  readonly name: string;
  /** Null: a key of PROXY_API_KEY without a row in the store. */
  readonly record: KeyRecord | null;
  /** Null: no limits. */
  readonly grant: KeyGrant | null;
  /** When this key ends because another one replaced it; null: it was not replaced. */
  readonly replacedMs: number | null;
}

export interface KeyTerms {
  /** When the key was created in the store, as Unix time in milliseconds. Null: it is not one of the store's. */
  readonly sinceMs: number | null;
  /** When it expires, as Unix time in milliseconds. Null: never. */
  readonly endMs: number | null;
  /** IANA name of the zone in which its days begin. */
  readonly zone: string;
}

/** In Unix milliseconds, of the key created at `createdMs`: another one may have got its name since. */
interface FirstUse {
  readonly atMs: number;
  readonly createdMs: number;
}

/** A reading of the store for an unknown key. */
interface Again {
  readonly reading: Promise<void>;
  /** Unix time in milliseconds. */
  readonly atMs: number;
  /** Null: it has not ended. */
  tookMs: number | null;
}

interface KnownGrant {
  readonly grant: KeyGrant;
  /** As JSON with its creation time, to detect changes. */
  readonly text: string;
}

/** The row for keys that set nothing themselves. */
export const DEFAULT_ROW = "default";
/** A soft limit of this many percent means none, whatever `default` says. */
export const NEVER_SOFT = 100;
/** How long calls wait for the store's first reading, and how long until the next try. */
const READING_MS = 1000;
/** Between two readings for unknown keys, whoever presents them; with many keys, this many times as long as a reading took. */
const AGAIN_MS = 100;
const AGAIN_SHARE = 20;

export class KeyRing {
  readonly #ports: KeyRingPorts;
  readonly #store: Store | null;
  readonly #storeDown: KeyRingOptions["storeDown"];
  /** Digest (hex) of each key of PROXY_API_KEY -> its name. */
  #named: ReadonlyMap<string, string> = new Map();
  readonly #stop: () => void;
  /** By digest (hex). */
  #entries: ReadonlyMap<string, Entry> = new Map();
  #records: ReadonlyMap<string, KeyRecord> = new Map();
  #names: ReadonlySet<string> = new Set();
  /** By name, so that a grant stays the same object until the key changes. */
  #grants: ReadonlyMap<string, KnownGrant> = new Map();
  /** First uses, by name, that the store may not have yet. */
  readonly #firstUses = new Map<string, FirstUse>();
  #isRead: boolean;
  /** Whether the last attempt to read the store failed. */
  #isAway = false;
  #isStale = false;
  /** Null: the store is not being read. */
  #reading: Promise<void> | null = null;
  #opening: Promise<void> | null = null;
  /** The last reading for an unknown key. */
  #again: Again | null = null;

  constructor({ named, store, storeDown }: KeyRingOptions, ports: KeyRingPorts) {
    this.#ports = ports;
    this.#store = store;
    this.#storeDown = storeDown;
    this.#isRead = store === null;
    this.takeNamed(named);
    if (store === null) {
      this.#stop = () => {};
      return;
    }
    this.#stop = store.watch(() => this.#look(store));
    this.#look(store);
  }

  /** Reads the store. Calls wait until it could be read for the first time. */
  #look(store: Store): void {
    const reading = this.#read(store);
    if (this.#isRead || this.#opening !== null) return void reading;
    this.#opening = this.#soon(reading).then(() => {
      this.#opening = null;
    });
  }

  async #soon(reading: Promise<void>): Promise<void> {
    let giveUp = (): void => {};
    const late = new Promise<void>((resolve) => (giveUp = this.#ports.after(READING_MS, resolve)));
    await Promise.race([reading, late]);
    giveUp();
  }

  /**
   * Reads the store again, for a key that may have been added; concurrent calls share one reading. Null: there is no store, or it was read a
   * moment ago, so that a flood of wrong keys costs next to nothing.
   */
  lookAgain(): Promise<void> | null {
    if (this.#store === null || !this.#isRead) return null;
    const atMs = this.#ports.now();
    if (this.#again !== null) {
      const { reading, atMs: beforeMs, tookMs } = this.#again;
      if (tookMs === null) return reading;
      const sinceMs = atMs - beforeMs;
      if (sinceMs >= 0 && sinceMs < Math.max(AGAIN_MS, AGAIN_SHARE * tookMs)) return null;
    }
    const reading = this.#soon(this.#read(this.#store)).finally(() => (again.tookMs = this.#ports.now() - atMs));
    const again: Again = { reading, atMs, tookMs: null };
    this.#again = again;
    return reading;
  }

  /** Replaces the keys of PROXY_API_KEY. */
  takeNamed(named: readonly NamedKey[]): void {
    this.#named = new Map(named.map(({ name, key }) => [this.#ports.sha256(key).toHex(), name]));
    this.#take([...this.#records.values()]);
  }

  /** Resolves when the store has been read, or can't be read for now; null once that is over. */
  get opening(): Promise<void> | null {
    return this.#opening;
  }

  /** Whether there is no client key at all. A store that has not been read may hold some. */
  get isEmpty(): boolean {
    return this.#isRead && this.#entries.size === 0;
  }

  /**
   * Whether the keys' limits are known. Where the store is away from the start and calls go on all the same, this is true: there are none
   * then.
   */
  get knowsLimits(): boolean {
    return this.#isRead || (this.#isAway && this.#storeDown === "serve");
  }

  /** Whether there is a client key of that name. */
  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** The keys that have limits, with their grants. */
  limited(): readonly (readonly [name: string, grant: KeyGrant])[] {
    return Array.from(this.#grants, ([name, { grant }]) => [name, grant] as const);
  }

  /** The number of keys in the store. */
  get storedCount(): number {
    return [...this.#records.values()].filter(({ hash }) => hash !== null).length;
  }

  /**
   * @param digest in hex
   * @param isUse whether this counts as the key's first use, if there was none
   */
  find(digest: string, isUse = true): Found {
    const entry = this.#entries.get(digest);
    if (entry === undefined) return { state: this.#isRead ? "unknown" : "unread" };
    if (!this.knowsLimits) return { state: "unread" };
    const { name, record, grant, replacedMs } = entry;
    if (record === null) return { state: "valid", name, grant };
    const nowMs = this.#ports.now();
    if (record.isOff) return { state: "off", name };
    const endMs = expiresMs(record, this.#firstUses.get(name)?.atMs ?? null);
    if (endMs !== null && nowMs >= endMs) return { state: "expired", name, sinceMs: endMs };
    if (replacedMs !== null && nowMs >= replacedMs) return { state: "replaced", name, sinceMs: replacedMs };
    if (isUse && record.firstUsedMs === null && record.hash !== null && !this.#firstUses.has(name))
      this.#noteFirstUse(name, { atMs: nowMs, createdMs: record.createdMs });
    return { state: "valid", name, grant };
  }

  /** The limits of a caller with this name, which need not be the name of a key; null: none. */
  grantOf(name: string): KeyGrant | null {
    return this.#grants.get(this.#records.has(name) ? name : DEFAULT_ROW)?.grant ?? null;
  }

  /** What else the holder of this key may know. */
  termsOf(name: string): KeyTerms {
    const record = this.#records.get(name) ?? null;
    const defaults = this.#records.get(DEFAULT_ROW)?.rules ?? null;
    return {
      sinceMs: record === null || record.hash === null ? null : record.createdMs,
      endMs: record === null ? null : expiresMs(record, this.#firstUses.get(name)?.atMs ?? null),
      zone: effectiveRules(record?.rules ?? null, defaults).zone ?? "UTC",
    };
  }

  /** Stops reading the store. */
  close(): void {
    this.#stop();
  }

  /** One reading at a time; changes in the meantime lead to another reading afterwards. */
  #read(store: Store): Promise<void> {
    this.#isStale = true;
    return (this.#reading ??= this.#readAll(store));
  }

  async #readAll(store: Store): Promise<void> {
    this.#isAway = false;
    try {
      while (this.#isStale) {
        this.#isStale = false;
        this.#take(await store.keys());
        this.#isRead = true;
      }
    } catch (error) {
      // The store reports when it is back; until then the last known keys count.
      if (!(error instanceof StoreError)) throw error;
      this.#isAway = true;
    } finally {
      this.#reading = null;
    }
  }

  #take(records: readonly KeyRecord[]): void {
    const known = new Map(records.map((record) => [record.name, record]));
    const rules = known.get(DEFAULT_ROW)?.rules ?? null;
    const grants = new Map<string, KnownGrant>();
    const names = new Set([DEFAULT_ROW, ...known.keys(), ...this.#named.values()]);
    for (const name of names) {
      const record = known.get(name) ?? null;
      const grant = grantOf(record, rules);
      if (grant === null) continue;
      const text = JSON.stringify([grant, record?.createdMs]);
      const before = this.#grants.get(name);
      grants.set(name, before?.text === text ? before : { grant, text });
    }
    const entries = new Map<string, Entry>();
    const entryOf = (name: string, replacedMs: number | null): Entry => {
      return { name, record: known.get(name) ?? null, grant: grants.get(name)?.grant ?? null, replacedMs };
    };
    for (const { name, hash, previous, lent = [] } of records) {
      for (const { hash: digest, untilMs } of lent) entries.set(digest, entryOf(name, untilMs));
      if (previous !== null) entries.set(previous.hash, entryOf(name, previous.untilMs));
      if (hash !== null) entries.set(hash, entryOf(name, null));
    }
    for (const [digest, name] of this.#named) entries.set(digest, entryOf(name, null));
    this.#records = known;
    this.#names = names;
    this.#grants = grants;
    this.#entries = entries;
    this.#writeFirstUses();
  }

  #noteFirstUse(name: string, use: FirstUse): void {
    this.#firstUses.set(name, use);
    void this.#writeFirstUse(name, use);
  }

  /** Again, where the store was away; forgets keys that are gone, and those that the store already has. */
  #writeFirstUses(): void {
    for (const [name, use] of this.#firstUses) {
      const record = this.#records.get(name);
      if (record?.firstUsedMs === null && record.createdMs === use.createdMs) void this.#writeFirstUse(name, use);
      else this.#firstUses.delete(name);
    }
  }

  async #writeFirstUse(name: string, { atMs, createdMs }: FirstUse): Promise<void> {
    try {
      await this.#store?.updateKey(name, (record) =>
        record.firstUsedMs === null && record.createdMs === createdMs ? { ...record, firstUsedMs: atMs } : record,
      );
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
    }
  }
}

/** When a key expires; null: never, or it has not been used. */
export function expiresMs({ expiry, firstUsedMs }: KeyRecord, usedMs: number | null): number | null {
  if (expiry === null) return null;
  if (expiry.type === "at") return expiry.ms;
  const firstMs = firstUsedMs ?? usedMs;
  return firstMs === null ? null : firstMs + expiry.ms;
}

/** A key's own rules laid over those of the row `default`, without the values that mean "no limit". */
export function effectiveRules(own: KeyRules | null, defaults: KeyRules | null): KeyRules {
  const number = (name: "requestsPerMinute" | "tokensPerMinute" | "parallel"): number | null => (own?.[name] ?? defaults?.[name]) || null;
  const budgets = own?.budgets ?? defaults?.budgets ?? [];
  const soft = own?.soft ?? defaults?.soft ?? null;
  return {
    models: own?.models ?? defaults?.models ?? null,
    requestsPerMinute: number("requestsPerMinute"),
    tokensPerMinute: number("tokensPerMinute"),
    parallel: number("parallel"),
    budgets: budgets.length === 0 ? null : budgets,
    soft: soft !== null && soft.percent < NEVER_SOFT ? soft : null,
    zone: own?.zone ?? defaults?.zone ?? null,
  };
}

function grantOf(record: KeyRecord | null, defaults: KeyRules | null): KeyGrant | null {
  const rules = effectiveRules(record?.rules ?? null, defaults);
  const { models, requestsPerMinute, tokensPerMinute, parallel, budgets } = rules;
  const isLimited = [models, requestsPerMinute, tokensPerMinute, parallel, budgets].some((limit) => limit !== null);
  return isLimited ? { rules, raises: record?.raises ?? [] } : null;
}
