// What the plan means for a call: Factory is asked how it stands, answers report it, and when too little is left a new conversation goes to
// another model, or nowhere.
// Does not wait for Factory.

import { quotaRefusal } from "../access/limits.ts";
import type { Quota } from "../access/quota.ts";
import type { QuotaGuard } from "../access/quota-guard.ts";
import { Calendar } from "../access/windows.ts";
import type { GatewayError } from "../errors.ts";
import type { Target } from "../models/models.ts";
import type { AdmittedCall } from "./prepare.ts";
import { isCodex } from "./refusal.ts";
import { conversationWith, mayStandIn, type ReservationPorts } from "./reservation.ts";

export interface PlanPorts extends ReservationPorts {
  readonly quota: Quota;
  /** Unix time in milliseconds. */
  readonly now: () => number;
}

/** Null: the requested model may answer. */
export interface Diverted {
  /** The model to use instead. Null: none. */
  readonly target: Target | null;
  /** For where there is none, or it can't carry the request. */
  readonly refusal: GatewayError;
}

export function applyPlan(call: AdmittedCall, target: Target, ports: PlanPorts): Diverted | null {
  const { caller, incoming, progress } = call;
  const { quota, guard } = ports;
  const forCodex = incoming.route.protocol === "openai-responses" && isCodex(incoming.request.headers);
  quota.touch(caller.upstreamKey);
  progress.planHeaders = quota.headers(caller.upstreamKey)?.[forCodex ? "forCodex" : "forAll"] ?? null;
  const window = guard?.enter(conversationWith(call, target)) ?? null;
  if (guard === null || window === null) return null;
  const refusal = quotaRefusal(window, {
    who: caller.id,
    isCodex: forCodex,
    guardPercent: guard.settings.percent,
    nowMs: ports.now(),
    calendar: new Calendar(),
    zone: caller.grant?.rules.zone ?? "UTC",
  });
  return { target: standIn(call, target, { guard, ports }), refusal };
}

function standIn(
  call: AdmittedCall,
  { model }: Target,
  { guard, ports }: { readonly guard: QuotaGuard; readonly ports: PlanPorts },
): Target | null {
  // A native route always goes to its endpoint, whatever the model.
  if (call.incoming.route.endpoint !== null) return null;
  const { models } = ports;
  const own = guard.settings.model;
  const names = own === null ? models.list().flatMap(({ id, pool }) => (pool === "core" ? id : [])) : models.knows(own) ? [own] : [];
  for (const name of names) {
    const found = models.find(name);
    if (found.model !== model && mayStandIn(call, found, ports)) return found;
  }
  return null;
}
