// What a call may use of its key's limits: the models it may ask, an estimate to reserve before it goes out, and what it did use when it has ended.
// Never does: touch the store for a call whose key has no limit.

import type { Amounts, Limits, Wish } from "../access/accounts.ts";
import type { Sha256 } from "../access/key-ring.ts";
import type { Granted, Limiter } from "../access/limiter.ts";
import { modelRefusal, priceRefusal } from "../access/limits.ts";
import type { GuardedConversation, QuotaGuard } from "../access/quota-guard.ts";
import type { UsageRow } from "../access/store.ts";
import type { Models, Target } from "../models/models.ts";
import type { Cost } from "../models/price.ts";
import type { ProtocolId, Usage } from "../protocol/canonical.ts";
import { hash } from "../protocol/tool-names.ts";
import type { CallSummary } from "../telemetry/call-summary.ts";
import { members, type Member } from "../wire/json-edit.ts";
import type { AdmittedCall, ReceivedCall } from "./prepare.ts";
import type { Held } from "./call-progress.ts";
import { clientInfo } from "./client-name.ts";
import { uuidOf } from "./headers.ts";
import { isCodex } from "./refusal.ts";
import { usageRow } from "./usage-row.ts";

type PriceOf = (target: Target, usage: Usage) => Cost;

export interface ReservationPorts {
  readonly models: Models;
  /** Null: there is no store, so nothing is counted. */
  readonly limiter: Limiter | null;
  readonly priceOf: PriceOf;
  readonly sha256: Sha256;
  /** Null: the plan is used until it is used up. */
  readonly guard: QuotaGuard | null;
}

// ---- Models ------------------------------------------------------------------------------------------------------

/** @throws GatewayError in the shape of an unknown model where the key may not use this one. */
export function refuseModel(call: AdmittedCall, target: Target, ports: ReservationPorts): void {
  if (!mayUse(call, target, ports)) throw modelRefusal(call.caller.id, call.head.model);
}

function mayUse({ caller }: AdmittedCall, { model, pool }: Target, { models, limiter }: ReservationPorts): boolean {
  if (limiter === null || caller.grant === undefined) return true;
  if (!models.knows(model)) return limiter.mayUse(caller, { names: [model], readAs: models.readAs(model), pool });
  return limiter.mayUse(caller, { names: [model, ...models.entry(model).aliases], pool });
}

/** Whether a model may answer in place of the one that was asked for. */
export function mayStandIn(call: AdmittedCall, target: Target, ports: ReservationPorts): boolean {
  const { limiter, priceOf, guard } = ports;
  if (!mayUse(call, target, ports)) return false;
  if (guard !== null && guard.closedBy(conversationWith(call, target)) !== null) return false;
  const limits = limiter?.limitsOf(call.caller) ?? null;
  return limits === null || unpricedUnit(limits, target, priceOf) === null;
}

/** As the guard of the plan knows it: the same for all turns of a conversation, and whatever the client calls its session. */
export function conversationWith({ caller, conversation, incoming }: AdmittedCall, { pool }: Target): GuardedConversation {
  const session = clientInfo(incoming.request.headers).session ?? hash(conversation);
  return { key: caller.upstreamKey, id: `${caller.id}\n${session}`, pool: pool ?? "standard" };
}

const NO_USAGE: Usage = { inputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0, outputTokens: 0, reasoningTokens: null };

/** A unit of a budget in which the model's cost is not known; null: there is none. */
function unpricedUnit({ budgets }: Limits, target: Target, priceOf: PriceOf): "usd" | "credits" | null {
  const cost = priceOf(target, NO_USAGE);
  for (const { unit } of budgets) if (unit !== "tokens" && cost[unit] === null) return unit;
  return null;
}

// ---- Before the call ---------------------------------------------------------------------------------------------

/**
 * Reserves what the call may use, and sees to it that it is settled when the call has ended. Returns the model to ask instead, where a budget
 * is used above its soft limit; null: the one that was asked for.
 * Rejects with GatewayError which says which limit keeps the call out. No promise comes back where there is none.
 */
export function reserveFor(received: ReceivedCall, target: Target, ports: ReservationPorts): Target | null | Promise<Target | null> {
  const { call } = received;
  const { limiter } = ports;
  const limits = limiter?.limitsOf(call.caller) ?? null;
  if (limiter === null || limits === null) return null;
  return reserve(call, target, { limiter, limits, limit: outputLimit(received), ports });
}

interface Limited {
  readonly limiter: Limiter;
  readonly limits: Limits;
  /** What the request says itself, in tokens. Null: it sets no limit. */
  readonly limit: number | null;
  readonly ports: ReservationPorts;
}

/** Does not know the request: a function keeps all that its surroundings use, and what is made here lasts as long as an answer. */
function reserve(call: AdmittedCall, target: Target, { limiter, limits, limit, ports }: Limited): Target | null | Promise<Target | null> {
  const { priceOf } = ports;
  const { caller, head, incoming, progress } = call;
  const unit = unpricedUnit(limits, target, priceOf);
  if (unit !== null) throw priceRefusal(caller.id, head.model, unit);
  const { summary, inputEstimate: inputTokens } = progress;
  const wishFor = (one: Target): Wish => {
    const outputTokens = Math.min(limiter.outputs.estimate(caller.id, one.model), limit ?? Infinity);
    const usage = { ...NO_USAGE, inputTokens, outputTokens };
    return { inputTokens, amounts: amountsOf(usage, priceOf(one, usage)) };
  };
  const cheaper = softTarget(call, target, { limits, ports });
  const [asked, soft] = [wishFor(target), cheaper === null ? null : wishFor(cheaper)];
  const granted = limiter.reserve(caller, {
    id: summary.id,
    limits,
    session: sessionNamer(summary, { conversation: call.conversation, sha256: ports.sha256 }),
    asked,
    soft,
    row: rowMaker(summary, {
      asked: { target, wish: asked },
      soft: cheaper === null || soft === null ? null : { target: cheaper, wish: soft },
    }),
    protocol: incoming.route.protocol,
    isCodex: incoming.route.protocol === "openai-responses" && isCodex(incoming.request.headers),
  });
  const holder = { progress, key: caller.id, limiter, cheaper };
  return granted instanceof Promise ? granted.then((later) => held(later, holder)) : held(granted, holder);
}

interface Holder extends Pick<AdmittedCall, "progress"> {
  readonly key: string;
  readonly limiter: Limiter;
  readonly cheaper: Target | null;
}

function held(granted: Granted, { progress, key, limiter, cheaper }: Holder): Target | null {
  progress.admitted(settling(granted.settle, key, limiter));
  progress.limited(granted);
  return granted.isSoft ? cheaper : null;
}

/** The cheaper model of a key's soft limit, where it can answer this call. */
function softTarget(
  call: AdmittedCall,
  target: Target,
  { limits, ports }: { readonly limits: Limits; readonly ports: ReservationPorts },
): Target | null {
  const name = limits.soft?.model ?? null;
  // What comes in at a native route goes to its endpoint, whatever the model.
  if (name === null || call.incoming.route.endpoint !== null || !ports.models.knows(name)) return null;
  const cheaper = ports.models.find(name);
  return cheaper.model !== target.model && mayStandIn(call, cheaper, ports) ? cheaper : null;
}

/** Where a request says how long its answer may be. */
const LIMIT_MEMBERS: Readonly<Record<ProtocolId, readonly string[]>> = {
  "anthropic-messages": ["max_tokens"],
  "openai-chat": ["max_completion_tokens", "max_tokens"],
  "openai-responses": ["max_output_tokens"],
  gemini: ["maxOutputTokens", "max_output_tokens"],
};

/** Tokens; null: the request sets no limit. */
function outputLimit({ call, wire }: ReceivedCall): number | null {
  const found = wire.members ?? members(wire.body);
  const protocol = call.reader.id;
  if (protocol !== "gemini") return numberIn(wire.body, found, LIMIT_MEMBERS[protocol]);
  const config = found.find(({ key }) => key === "generationConfig" || key === "generation_config");
  if (config === undefined) return null;
  const text = wire.body.slice(config.valueStart, config.valueEnd);
  return numberIn(text, members(text), LIMIT_MEMBERS.gemini);
}

function numberIn(text: string, found: readonly Member[], names: readonly string[]): number | null {
  for (const { key, valueStart, valueEnd } of found) {
    const value = names.includes(key) ? Number(text.slice(valueStart, valueEnd)) : Number.NaN;
    if (value > 0) return Math.ceil(value);
  }
  return null;
}

interface Wished {
  readonly target: Target;
  readonly wish: Wish;
}

/** Made here as `settling` is: it lasts as long, and the call knows the body of its request. */
function sessionNamer(
  summary: CallSummary,
  { conversation, sha256 }: { readonly conversation: string; readonly sha256: Sha256 },
): () => string {
  return () => summary.session ?? uuidOf(conversation, sha256);
}

/** Made here as `settling` is. */
function rowMaker(
  summary: CallSummary,
  { asked, soft }: { readonly asked: Wished; readonly soft: Wished | null },
): (isSoft: boolean) => UsageRow {
  return (isSoft) => {
    const { target, wish } = (isSoft ? soft : null) ?? asked;
    return reservedRow(summary, target, wish);
  };
}

/** The usage row of a call whose process dies: what is known now, and the estimate. */
function reservedRow(summary: CallSummary, target: Target, { inputTokens, amounts }: Wish): UsageRow {
  const { tokens = 0, usd = null, credits = null } = amounts;
  return {
    ...usageRow(summary),
    modelServed: target.model,
    provider: target.provider,
    pool: target.pool,
    finish: "cut",
    source: "estimated",
    inputTokens,
    outputTokens: tokens - inputTokens,
    usd,
    credits,
    priceDate: usd === null ? null : (target.price?.date ?? null),
    tries: 1,
    fallback: target.model === summary.upstreamModel ? null : summary.model,
  };
}

// ---- After it ----------------------------------------------------------------------------------------------------

/** Made here, and not where the request can be seen: a function keeps all that its surroundings use for as long as an answer takes. */
function settling(settle: (real: Amounts | null) => void, key: string, limiter: Limiter): Held {
  return {
    giveBack({ usage, cost, source, upstreamModel: model }) {
      settle(usage === null || cost === null ? NOTHING : amountsOf(usage, cost));
      const tokens = usage?.outputTokens ?? null;
      if (model !== null && tokens !== null && source === "upstream") limiter.outputs.add(key, { model, tokens });
    },
  };
}

const NOTHING: Amounts = { tokens: 0, usd: 0, credits: 0 };

function amountsOf(usage: Usage, { usd, credits }: Pick<Cost, "usd" | "credits">): Amounts {
  const tokens = (usage.inputTokens ?? 0) + (usage.cacheReadTokens ?? 0) + (usage.cacheWriteTokens ?? 0) + (usage.outputTokens ?? 0);
  return { tokens, ...(usd === null ? {} : { usd }), ...(credits === null ? {} : { credits }) };
}
