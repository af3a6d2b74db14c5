// What is known of the plan behind the Factory key, and the guard that keeps some of it for conversations that run.
// Does not ask Factory itself.

import { QuotaGuard } from "../access/quota-guard.ts";
import { Quota } from "../access/quota.ts";
import type { Config } from "../config/config.ts";
import type { World } from "./world.ts";

export interface Plan {
  readonly quota: Quota;
  /** The settings of its requests, as JSON. */
  readonly asked: string;
  /** Null: there is no guard. */
  readonly guard: QuotaGuard | null;
}

export interface PlanParts {
  /** The first digits of a Factory key's hash. */
  readonly keyId: (key: string) => string;
  /** Conversations that the guard has admitted. */
  readonly admitted: Set<string>;
  readonly userAgent: string;
  /** The plan of the previous configuration. Null: this is the first. */
  readonly before: Plan | null;
}

/** Keeps what is known of the plan while Factory is asked in the same way. */
export function planOf(
  { quotaUrl: url, quotaIntervalMs: everyMs, quotaGuardPercent: percent, quotaGuardModel: model, upstreamHeaders }: Config,
  { fetch, store, now, after, random }: World,
  { keyId, admitted, userAgent, before }: PlanParts,
): Plan {
  const settings = { url, everyMs, headers: { "user-agent": userAgent, "x-factory-client": "cli", ...upstreamHeaders } };
  const asked = JSON.stringify(settings);
  const known = before?.asked === asked ? before.quota : null;
  const quota = known ?? new Quota({ fetch, store: store ?? null, now, after, random, keyId }, settings);
  return { quota, asked, guard: percent === null ? null : new QuotaGuard(quota, { percent, model, now }, admitted) };
}
