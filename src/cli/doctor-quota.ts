// What is left of the plan, and whether Factory reports it for this key.

import { ok, skip, warn, type Check, type Group, type Subject } from "./doctor-check.ts";
import { keyHostFault } from "./folder-trust.ts";
import { quotaReport } from "./quota.ts";

/** Percent of a window. */
const NEARLY_FULL = 90;

export const quotaChecks: Group = async (subject) => [await plan(subject)];

async function plan({ config, context, world }: Subject): Promise<Check> {
  const id = "quota.plan";
  if (config === null) return skip(id, "The configuration is invalid.");
  const { upstreamKey } = config;
  if (upstreamKey === null) return skip(id, "No Factory key is set, so the plan was not checked.");
  const fault = keyHostFault(context);
  if (fault !== null) return skip(id, "Factory was not asked.", { why: fault });
  const { state, reason, windows, extraUsage } = await quotaReport(context, { ...world, upstreamKey });
  if (state === "sign-in only") {
    const fix = "Nothing, if calls work (check with --live). If they also get 401, the key is wrong or belongs to the other region.";
    return warn(id, "Factory does not show this key what is left of the plan.", { why: reason, fix });
  }
  if (state === "not available") {
    const fix = "Calls work without it. If calls work but this warning remains, look for a newer version of this program.";
    return warn(id, "What is left of the plan is unknown.", { why: reason, fix });
  }
  const known = windows.filter(({ usedPercent }) => usedPercent !== null);
  const shown = known.map(({ pool, name, usedPercent }) => `${pool} ${name} ${Math.round(usedPercent ?? 0)}%`).join(", ");
  const fullest = Math.max(0, ...known.map(({ usedPercent }) => usedPercent ?? 0));
  if (fullest < NEARLY_FULL) return ok(id, `Used of the plan: ${shown}.`);
  const why = extraUsage?.isAllowed === true ? "Usage beyond a window costs extra." : "Calls get 402 while a window is used up.";
  return warn(id, `Used of the plan: ${shown}.`, {
    why,
    fix: "Run `factory-proxy quota` for the reset. QUOTA_GUARD keeps some of the plan for running conversations.",
  });
}
