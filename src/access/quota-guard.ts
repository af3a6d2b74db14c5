// Keeps the last of a plan for conversations that run: once a share of any window is used, no new conversation begins with models of its pool.
// Does not look into a conversation, or ask Factory.

import type { Pool } from "../models/catalog.ts";
import { windowsAt, type PlanWindow } from "./plan-limits.ts";
import type { Quota } from "./quota.ts";

export interface QuotaGuardSettings {
  /** The share of any window above which the guard acts. */
  readonly percent: number;
  /** The model that answers instead. Null: the first Core model that the key may use. */
  readonly model: string | null;
}

/** A conversation with the models of a pool. */
export interface GuardedConversation {
  /** The Factory key whose plan is used. */
  readonly key: string;
  /** Identifies the conversation and its caller. */
  readonly id: string;
  readonly pool: Pool;
}

/** Conversations that are remembered; each takes about 100 bytes. */
const MOST_REMEMBERED = 10_000;

export class QuotaGuard {
  readonly settings: QuotaGuardSettings;
  readonly #quota: Pick<Quota, "known">;
  /** Unix time in milliseconds. */
  readonly #now: () => number;
  /** Least recently used first. */
  readonly #admitted: Set<string>;

  /** @param admitted the conversations of the guard before this one */
  constructor(
    quota: Pick<Quota, "known">,
    { now, ...settings }: QuotaGuardSettings & { readonly now: () => number },
    admitted = new Set<string>(),
  ) {
    this.#admitted = admitted;
    this.settings = settings;
    this.#quota = quota;
    this.#now = now;
  }

  /** Admits a conversation, from now on, or returns the window that refuses it: the one that resets last, since until then no other reset helps. */
  enter(conversation: GuardedConversation): PlanWindow | null {
    const window = this.closedBy(conversation);
    if (window !== null) return window;
    const name = nameOf(conversation);
    this.#admitted.delete(name);
    this.#admitted.add(name);
    const [oldest] = this.#admitted;
    if (this.#admitted.size > MOST_REMEMBERED && oldest !== undefined) this.#admitted.delete(oldest);
    return null;
  }

  /** The same check, without admitting the conversation. */
  closedBy(conversation: GuardedConversation): PlanWindow | null {
    const limits = this.#quota.known(conversation.key);
    if (limits === null) return null;
    const full = windowsAt(limits, this.#now()).filter(
      ({ pool, usedPercent }) => pool === conversation.pool && usedPercent >= this.settings.percent,
    );
    if (full.length === 0 || this.#admitted.has(nameOf(conversation))) return null;
    return full.reduce((longest, one) => ((one.resetMs ?? Infinity) > (longest.resetMs ?? Infinity) ? one : longest));
  }
}

function nameOf({ id, pool }: GuardedConversation): string {
  return `${pool}\n${id}`;
}
