// Test support: limits of a key, what a call asks for, and a store that may be slow, away, or unable to report its result.

import { limitsOf, type Amounts, type Limits } from "../../src/access/accounts.ts";
import type { KeyGrant, KeyRules } from "../../src/access/client-key.ts";
import { StoreError, type Store } from "../../src/access/store.ts";
import { MemoryStore } from "../../src/access/stores/memory.ts";

const NO_RULES: KeyRules = {
  models: null,
  requestsPerMinute: null,
  tokensPerMinute: null,
  parallel: null,
  budgets: null,
  soft: null,
  zone: null,
};

export function grantOf(rules: Partial<KeyRules>, raises: KeyGrant["raises"] = []): KeyGrant {
  return { rules: { ...NO_RULES, ...rules }, raises };
}

export function limits(rules: Partial<KeyRules>, raises: KeyGrant["raises"] = []): Limits {
  const found = limitsOf(grantOf(rules, raises));
  if (found === null) throw new Error("These rules limit nothing.");
  return found;
}

/** All of them input. */
export function estimateOf(amounts: Amounts): { readonly amounts: Amounts; readonly inputTokens: number } {
  return { amounts, inputTokens: amounts.tokens ?? 0 };
}

/** `mute`: it does what it is asked for, but can't report it. */
export type Weather = "fair" | "away" | "mute";

/** A store that several gateways share. Every transaction is decided twice, as in a retry. */
export class SharedStore extends MemoryStore {
  weather: Weather = "fair";
  /** How often it was asked for anything. */
  asked = 0;

  // The in-memory store is never away.
  override readonly state = (): "ready" => (this.weather === "away" ? "unreachable" : "ready") as "ready";

  override async transact<Result>(...[ids, decide]: Parameters<Store["transact"]>): Promise<Result> {
    await this.#pass();
    const result = await super.transact(ids, (view) => {
      decide(view);
      return decide(view);
    });
    this.#say();
    return result as Result;
  }

  override async renewLease(gateway: string, untilMs: number): Promise<void> {
    await this.#pass();
    await super.renewLease(gateway, untilMs);
    this.#say();
  }

  override async abandoned(nowMs: number): ReturnType<Store["abandoned"]> {
    await this.#pass();
    return super.abandoned(nowMs);
  }

  async #pass(): Promise<void> {
    this.asked++;
    await new Promise((resolve) => setTimeout(resolve, 0));
    if (this.weather === "away") throw new StoreError("The store can't be reached.");
  }

  #say(): void {
    if (this.weather === "mute") throw new StoreError("The connection broke.");
  }
}
