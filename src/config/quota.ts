// Where Factory is asked what is left of a plan, how often, and what is reserved for conversations that run.
// Never lets a key go to a host that gets no calls.

import type { Endpoints } from "../models/catalog.ts";
import type { Settings } from "./settings.ts";

/** Base URL of Factory's API. */
const QUOTA_PATH = "/api/billing/limits";

export interface QuotaConfig {
  /** Where Factory reports what is left of a plan. Null: no calls go to its host. */
  readonly quotaUrl: string | null;
  /** The shortest time between two requests; null: never. */
  readonly quotaIntervalMs: number | null;
  /** The used percentage of a window from which new conversations go to another model; null: never. */
  readonly quotaGuardPercent: number | null;
  /** That other model. Null: the first Core model that the key may use. */
  readonly quotaGuardModel: string | null;
}

export function quotaOf(settings: Settings, { base, endpoints }: { readonly base: string; readonly endpoints: Endpoints }): QuotaConfig {
  const originOf = (url: string): string | null => (URL.canParse(url) ? new URL(url).origin : null);
  const isCalled = Object.values(endpoints).some((url) => originOf(url) === originOf(base));
  const quotaIntervalMs = settings.limit("QUOTA_INTERVAL");
  const quotaGuardPercent = guardOf(settings);
  if (quotaGuardPercent !== null && quotaIntervalMs === null) settings.fault("QUOTA_GUARD", "needs a QUOTA_INTERVAL above 0");
  const quotaGuardModel = settings.given("QUOTA_GUARD_MODEL");
  return { quotaUrl: isCalled ? base + QUOTA_PATH : null, quotaIntervalMs, quotaGuardPercent, quotaGuardModel };
}

function guardOf(settings: Settings): number | null {
  const text = settings.text("QUOTA_GUARD").toLowerCase();
  const percent = Number(PERCENT.exec(text)?.[1] ?? 0);
  if (percent >= 1 && percent <= 100) return percent;
  if (text !== "off") settings.fault("QUOTA_GUARD", "must be off, or a percentage from 1 to 100, e.g. 95");
  return null;
}

const PERCENT = /^(\d{1,3})%?$/;
