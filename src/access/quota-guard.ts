// Keeps the last of a plan for conversations that run: above a share of any window of a pool, no new conversation begins with a model of that pool.
// Does not look into a conversation, or ask Factory.

import type { Pool } from "../models/catalog.ts";
import { windowsAt, type PlanWindow } from "./plan-limits.ts";
import type { Quota } from "./quota.ts";

export interface QuotaGuardSettings {
  /** Above which it counts, of any window. */
  readonly percent: number;
  /** What answers instead. Null: the first Core model that the key may use. */
  readonly model: string | null;
}

/** Somebody's conversation with the models of a pool. */
export interface GuardedConversation {
  /** The Factory key behind which the plan is. */
  readonly key: string;
  /** Names the conversation, and its caller. */
  readonly id: string;
  readonly pool: Pool;
}

/** Conversations that were let in last; one takes about 100 bytes. */
const MOST_REMEMBERED = 10_000;

export class QuotaGuard {
  readonly settings: QuotaGuardSettings;
  readonly #quota: Pick<Quota, "known">;
  /** Unix time in milliseconds. */
  readonly #now: () => number;
  /** Those that went on last stand last. */
  readonly #letIn: Set<string>;

  /** @param letIn of the guard before this one */
  constructor(
    quota: Pick<Quota, "known">,
    { now, ...settings }: QuotaGuardSettings & { readonly now: () => number },
    letIn = new Set<string>(),
  ) {
    this.#letIn = letIn;
    this.settings = settings;
    this.#quota = quota;
    this.#now = now;
  }

  /** Lets a conversation in, also for later, or says which window keeps it out: the one that lasts longest, before whose end no other helps. */
  enter(conversation: GuardedConversation): PlanWindow | null {
    const window = this.closedBy(conversation);
    if (window !== null) return window;
    const name = nameOf(conversation);
    this.#letIn.delete(name);
    this.#letIn.add(name);
    const [oldest] = this.#letIn;
    if (this.#letIn.size > MOST_REMEMBERED && oldest !== undefined) this.#letIn.delete(oldest);
    return null;
  }

  /** The same, without letting anybody in. */
  closedBy(conversation: GuardedConversation): PlanWindow | null {
    const limits = this.#quota.known(conversation.key);
    if (limits === null) return null;
    const full = windowsAt(limits, this.#now()).filter(
      ({ pool, usedPercent }) => pool === conversation.pool && usedPercent >= this.settings.percent,
    );
    if (full.length === 0 || this.#letIn.has(nameOf(conversation))) return null;
    return full.reduce((longest, one) => ((one.resetMs ?? Infinity) > (longest.resetMs ?? Infinity) ? one : longest));
  }
}

function nameOf({ id, pool }: GuardedConversation): string {
  return `${pool}\n${id}`;
}
