// Opens the store that an address names: `sqlite:`, `sqlite:<path>`, `postgres://...` or `memory:`. It can be used at once; what is asked of it
// waits until it is open. Where the file can't be used the store is one in memory, unless it is required.

import type { KeyRecord } from "../client-key.ts";
import {
  StoreError,
  type Account,
  type AccountChange,
  type AccountId,
  type AccountView,
  type Reservation,
  type RowQuery,
  type Store,
  type StoreState,
  type UsageQuery,
  type UsageRow,
  type UsageSum,
} from "../store.ts";
import type { After } from "../../runtime/ports.ts";
import { MemoryStore } from "./memory.ts";

export interface StorePorts {
  readonly after: After;
  /** Called once where the store is in memory because its file can't be used; the reason says what to do, and is safe to show. */
  readonly lost: (reason: string) => void;
  /**
   * Called once each time that the database can't be used any more, or not yet, again where there is another reason that only a person can mend,
   * and once when it is back.
   */
  readonly away?: (reason: string) => void;
  /** Called each time that another file has taken the place of the one that was used. */
  readonly replaced?: (reason: string) => void;
  readonly back?: () => void;
}

export interface StoreOptions {
  /** Where `sqlite:` without a path keeps its file. Null: nowhere. */
  readonly dataDir: string | null;
  /** Whether `ready` rejects where the store can't be reached at once: for a command, which has no use for one in memory. */
  readonly isRequired: boolean;
}

const NOBODY = (): void => {};
const FILE_NAME = "factory-proxy.db";
const POSTGRES = /^postgres(?:ql)?:\/\//;
const SQLITE = /^sqlite:(?:\/\/)?/;

/** @throws StoreError for an address of another kind. */
export function openStore(address: string, options: StoreOptions, ports: StorePorts): Store {
  if (address === "memory:") return new MemoryStore();
  if (SQLITE.test(address)) {
    const named = address.replace(SQLITE, "");
    const path = named !== "" ? named : options.dataDir === null ? null : `${options.dataDir}/${FILE_NAME}`;
    return new OpeningStore("sqlite", opened(path, options, ports));
  }
  if (POSTGRES.test(address)) return new OpeningStore("postgres", connected(address, options, ports));
  throw new StoreError("DATABASE_URL must begin with sqlite:, postgres:// or memory:.");
}

async function opened(path: string | null, { isRequired }: StoreOptions, ports: StorePorts): Promise<Store> {
  const { after, lost, away = NOBODY, back = NOBODY, replaced = NOBODY } = ports;
  const [{ openSqlite }, { SqlStore }] = await Promise.all([import("./sqlite.ts"), import("./sql-store.ts")]);
  try {
    if (path === null) throw new StoreError("The database file has no location.", { remedy: "Set DATA_DIR to a writable folder." });
    return new SqlStore(await openSqlite({ path, after, away, back, replaced }));
  } catch (error) {
    if (isRequired || !(error instanceof StoreError) || error.isFinal) throw error;
    lost(error.message);
    return new MemoryStore();
  }
}

async function connected(
  address: string,
  { isRequired }: StoreOptions,
  { after, away = NOBODY, back = NOBODY }: StorePorts,
): Promise<Store> {
  const [{ openPostgres }, { SqlStore }] = await Promise.all([import("./postgres.ts"), import("./sql-store.ts")]);
  return new SqlStore(await openPostgres({ address, after, isRequired, away, back }));
}

/** Hands everything to the store that is being opened. */
class OpeningStore implements Store {
  readonly ready: Promise<void>;
  readonly #expected: Store["kind"];
  readonly #opening: Promise<Store>;
  #store: Store | null = null;

  constructor(expected: Store["kind"], opening: Promise<Store>) {
    this.#expected = expected;
    this.#opening = opening;
    this.ready = opening.then(async (store) => {
      this.#store = store;
      await store.ready;
    });
    // Whoever asks for something hears of it.
    this.ready.catch(() => {});
  }

  get kind(): Store["kind"] {
    return this.#store?.kind ?? this.#expected;
  }

  readonly state = (): StoreState => this.#store?.state() ?? "unreachable";

  /** The open store; otherwise what is asked waits. */
  #with<Result>(ask: (store: Store) => Promise<Result>): Promise<Result> {
    return this.#store === null ? this.#opening.then(ask) : ask(this.#store);
  }

  keys(): Promise<readonly KeyRecord[]> {
    return this.#with((store) => store.keys());
  }

  insertKey(record: KeyRecord): Promise<boolean> {
    return this.#with((store) => store.insertKey(record));
  }

  updateKey(name: string, change: (record: KeyRecord) => KeyRecord | null): Promise<KeyRecord | null> {
    return this.#with((store) => store.updateKey(name, change));
  }

  watch(changed: () => void): () => void {
    if (this.#store !== null) return this.#store.watch(changed);
    let stop: (() => void) | null = null;
    let isStopped = false;
    this.#opening.then(
      (store) => {
        if (isStopped) return;
        stop = store.watch(changed);
        changed();
      },
      () => {},
    );
    return () => {
      isStopped = true;
      stop?.();
    };
  }

  transact<Result>(
    ids: { readonly accounts: readonly AccountId[]; readonly reservations: readonly string[] },
    decide: (view: AccountView) => AccountChange<Result>,
  ): Promise<Result> {
    return this.#with((store) => store.transact(ids, decide));
  }

  account(id: AccountId): Promise<Account | null> {
    return this.#with((store) => store.account(id));
  }

  renewLease(gateway: string, untilMs: number): Promise<void> {
    return this.#with((store) => store.renewLease(gateway, untilMs));
  }

  abandoned(nowMs: number): Promise<readonly Reservation[]> {
    return this.#with((store) => store.abandoned(nowMs));
  }

  append(rows: readonly UsageRow[]): Promise<void> {
    return this.#with((store) => store.append(rows));
  }

  sums(query: UsageQuery): Promise<readonly UsageSum[]> {
    return this.#with((store) => store.sums(query));
  }

  rows(query: RowQuery): Promise<readonly UsageRow[]> {
    return this.#with((store) => store.rows(query));
  }

  row(id: string): Promise<UsageRow | null> {
    return this.#with((store) => store.row(id));
  }

  forget(beforeMs: number | null, nowMs: number): Promise<void> {
    return this.#with((store) => store.forget(beforeMs, nowMs));
  }

  shared(name: string, nowMs: number): Promise<string | null> {
    return this.#with((store) => store.shared(name, nowMs));
  }

  share(name: string, value: string, untilMs: number): Promise<void> {
    return this.#with((store) => store.share(name, value, untilMs));
  }

  async close(): Promise<void> {
    await this.#opening.then(
      (store) => store.close(),
      () => {},
    );
  }
}
