// The last known counters of accounts, for when the store is away.
// Does not keep more than it may, or ask the store.

import type { Account, AccountId } from "./store.ts";

/** How many accounts are remembered. */
const MOST_KNOWN = 10_000;

export class KnownAccounts {
  /** Least recently changed first. */
  readonly #accounts = new Map<string, Account>();

  get(id: AccountId): Account | null {
    return this.#accounts.get(nameOf(id)) ?? null;
  }

  /** How many calls of a key run, as far as is known here. */
  running(key: string): number {
    return this.get({ key, scope: "" })?.running ?? Infinity;
  }

  remember(id: AccountId, account: Account): void {
    const name = nameOf(id);
    this.#accounts.delete(name);
    this.#accounts.set(name, account);
    if (this.#accounts.size <= MOST_KNOWN) return;
    for (const oldest of this.#accounts.keys()) return void this.#accounts.delete(oldest);
  }
}

function nameOf({ key, scope }: AccountId): string {
  return `${key}\n${scope}`;
}
