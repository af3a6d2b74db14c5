// The store on a database that knows SQL: keys, accounts, leases and shared values. What concerns usage rows stands in usage-sql.ts.
// Never knows which engine it runs on.

import type { KeyRecord } from "../client-key.ts";
import type {
  Account,
  AccountChange,
  AccountId,
  AccountView,
  Reservation,
  RowQuery,
  Store,
  StoreState,
  UsageQuery,
  UsageRow,
  UsageSum,
} from "../store.ts";
import { AccountTexts, reservationFrom, reservationText } from "./account-text.ts";
import { lock, query, queryAll, type Engine, type Plan, type Row } from "./plan.ts";
import { UsageTables } from "./usage-sql.ts";

/** How long reservations of a process that has no lease are its own. */
const LEASE_MS = 20_000;
const SAVE_ACCOUNT =
  "INSERT INTO accounts (key, scope, value) VALUES ($1, $2, $3) ON CONFLICT (key, scope) DO UPDATE SET value = excluded.value";
const OPEN = "INSERT INTO reservations (id, gateway, at_ms, value) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING";
const KEYS_CHANGED = "INSERT INTO facts (name, value) VALUES ('keys', 1) ON CONFLICT (name) DO UPDATE SET value = facts.value + 1";
/** Of processes that ended long ago and left nothing behind. */
const FORGET_LEASES = "DELETE FROM leases WHERE until_ms < $1 AND gateway NOT IN (SELECT gateway FROM reservations)";
const FORGOTTEN_LEASE_MS = 24 * 3_600_000;
const ABANDONED = `SELECT r.id AS id, r.gateway AS gateway, r.at_ms AS at_ms, r.value AS value FROM reservations r LEFT JOIN leases l ON l.gateway = r.gateway
  WHERE COALESCE(l.until_ms, r.at_ms + ${LEASE_MS}) < $1 ORDER BY r.at_ms`;

export class SqlStore implements Store {
  readonly ready: Promise<void>;
  readonly #engine: Engine;
  readonly #usage: UsageTables;
  readonly #accounts = new AccountTexts();
  readonly #watchers = new Set<() => void>();

  constructor(engine: Engine) {
    this.#engine = engine;
    this.ready = engine.ready;
    this.#usage = new UsageTables(engine);
  }

  get kind(): Store["kind"] {
    return this.#engine.kind;
  }

  readonly state = (): StoreState => (this.#engine.isReachable() ? "ready" : "unreachable");

  keys(): Promise<readonly KeyRecord[]> {
    return this.#engine.run("read", function* (): Plan<readonly KeyRecord[]> {
      return (yield* query("SELECT record FROM keys ORDER BY name")).map(({ record }) => parsed<KeyRecord>(record));
    });
  }

  async insertKey(record: KeyRecord): Promise<boolean> {
    const isNew = await this.#engine.run("write", function* (): Plan<boolean> {
      const sql = "INSERT INTO keys (name, record) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING RETURNING name";
      const [inserted] = yield* query(sql, record.name, JSON.stringify(record));
      if (inserted === undefined) return false;
      if (record.hash !== null) yield* beginAnew(record.name);
      yield* sayKeysChanged();
      return true;
    });
    if (isNew) this.#tell();
    return isNew;
  }

  async updateKey(name: string, change: (record: KeyRecord) => KeyRecord | null): Promise<KeyRecord | null> {
    const kept = await this.#engine.run("write", function* (): Plan<KeyRecord | null> {
      yield* lock(`key ${name}`);
      const [found] = yield* query("SELECT record FROM keys WHERE name = $1", name);
      if (found === undefined) return null;
      const before = parsed<KeyRecord>(found["record"]);
      const changed = change(before);
      if (changed === null) {
        yield* query("DELETE FROM keys WHERE name = $1", name);
        if (before.hash !== null) yield* beginAnew(name);
      } else yield* query("UPDATE keys SET name = $1, record = $2 WHERE name = $3", changed.name, JSON.stringify(changed), name);
      yield* sayKeysChanged();
      return changed;
    });
    this.#tell();
    return kept;
  }

  watch(changed: () => void): () => void {
    this.#watchers.add(changed);
    const stop = this.#engine.watch(changed);
    return () => {
      this.#watchers.delete(changed);
      stop();
    };
  }

  #tell(): void {
    for (const changed of this.#watchers) changed();
  }

  transact<Result>(
    { accounts, reservations }: { readonly accounts: readonly AccountId[]; readonly reservations: readonly string[] },
    decide: (view: AccountView) => AccountChange<Result>,
  ): Promise<Result> {
    const texts = this.#accounts;
    return this.#engine.run("write", function* (): Plan<Result> {
      yield* lock(...accounts.map((id) => `account ${nameOf(id)}`));
      const found = yield* queryAll(
        {
          sql: "SELECT key, scope, value FROM accounts WHERE key = $1 AND scope = $2",
          sets: accounts.map(({ key, scope }) => [key, scope]),
        },
        { sql: "SELECT id FROM reservations WHERE id = $1", sets: reservations.map((id) => [id]) },
      );
      const byName = new Map(found.map(({ key, scope, value }) => [nameOf({ key: String(key), scope: String(scope) }), value]));
      const open = new Set(found.map(({ id }) => id));
      const change = decide({
        account(id) {
          const name = nameOf(id);
          const value = byName.get(name);
          return value === undefined ? null : texts.read(name, String(value));
        },
        isOpen: (id) => open.has(id),
      });
      yield* queryAll(
        { sql: SAVE_ACCOUNT, sets: change.accounts.map(([id, kept]) => [id.key, id.scope, texts.write(nameOf(id), kept)]) },
        { sql: OPEN, sets: change.opened.map((opened) => [opened.id, opened.gateway, opened.atMs, reservationText(opened)]) },
        { sql: "DELETE FROM reservations WHERE id = $1", sets: change.closed.map((id) => [id]) },
      );
      return change.result;
    });
  }

  account({ key, scope }: AccountId): Promise<Account | null> {
    const texts = this.#accounts;
    return this.#engine.run("read", function* (): Plan<Account | null> {
      const [found] = yield* query("SELECT value FROM accounts WHERE key = $1 AND scope = $2", key, scope);
      return found === undefined ? null : texts.read(nameOf({ key, scope }), String(found["value"]));
    });
  }

  renewLease(gateway: string, untilMs: number): Promise<void> {
    return this.#engine.run("write", function* (): Plan<void> {
      const sql = "INSERT INTO leases (gateway, until_ms) VALUES ($1, $2) ON CONFLICT (gateway) DO UPDATE SET until_ms = excluded.until_ms";
      yield* query(sql, gateway, untilMs);
      yield* query(FORGET_LEASES, untilMs - FORGOTTEN_LEASE_MS);
    });
  }

  abandoned(nowMs: number): Promise<readonly Reservation[]> {
    return this.#engine.run("read", function* (): Plan<readonly Reservation[]> {
      return (yield* query(ABANDONED, nowMs)).map(reservationIn);
    });
  }

  shared(name: string, nowMs: number): Promise<string | null> {
    return this.#engine.run("read", function* (): Plan<string | null> {
      const [found] = yield* query("SELECT value FROM shared WHERE name = $1 AND until_ms > $2", name, nowMs);
      return found === undefined ? null : String(found["value"]);
    });
  }

  share(name: string, value: string, untilMs: number): Promise<void> {
    return this.#engine.run("write", function* (): Plan<void> {
      const sql = `INSERT INTO shared (name, value, until_ms) VALUES ($1, $2, $3)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value, until_ms = excluded.until_ms`;
      yield* query(sql, name, value, untilMs);
    });
  }

  append(rows: readonly UsageRow[]): Promise<void> {
    return this.#usage.append(rows);
  }

  sums(asked: UsageQuery): Promise<readonly UsageSum[]> {
    return this.#usage.sums(asked);
  }

  rows(asked: RowQuery): Promise<readonly UsageRow[]> {
    return this.#usage.rows(asked);
  }

  row(id: string): Promise<UsageRow | null> {
    return this.#usage.row(id);
  }

  async forget(beforeMs: number | null, nowMs: number): Promise<void> {
    await this.#engine.run("write", () => query("DELETE FROM shared WHERE until_ms <= $1", nowMs));
    if (beforeMs !== null) await this.#usage.forget(beforeMs);
  }

  close(): Promise<void> {
    this.#watchers.clear();
    return this.#engine.close();
  }
}

/** Forgets what a key has used; the calls of a former one that still run are not settled. */
function* beginAnew(key: string): Plan<void> {
  yield* lock(`account ${nameOf({ key, scope: "" })}`);
  const open = yield* query("SELECT id, gateway, at_ms, value FROM reservations");
  const own = open.map(reservationIn).filter(({ accounts }) => accounts.some((account) => account.key === key));
  yield* queryAll(
    { sql: "DELETE FROM accounts WHERE key = $1", sets: [[key]] },
    { sql: "DELETE FROM reservations WHERE id = $1", sets: own.map(({ id }) => [id]) },
  );
}

function reservationIn({ id, gateway, at_ms: atMs, value }: Row): Reservation {
  return reservationFrom({ id: String(id), gateway: String(gateway), atMs: Number(atMs) }, String(value));
}

function* sayKeysChanged(): Plan<void> {
  yield* query(KEYS_CHANGED);
  yield { type: "notice" };
}

function nameOf({ key, scope }: AccountId): string {
  return `${key} ${scope}`;
}

/** What this program has written. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- each column holds one type
function parsed<Kept>(value: unknown): Kept {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only this file writes what it reads
  return JSON.parse(String(value)) as Kept;
}
