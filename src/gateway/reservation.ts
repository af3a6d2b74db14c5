// What a call may use of its key's limits: which models, an estimate that is reserved before the call goes out, and its settlement afterwards.
// Does not touch the store for a call whose key has no limit.

import { amountsOf, type Amounts, type Limits, type Estimate } from "../access/accounts.ts";
import type { Sha256 } from "../access/key-ring.ts";
import type { ReservationRequest, Granted, Limiter } from "../access/limiter.ts";
import { modelRefusal, priceRefusal, unpricedUnit } from "../access/limits.ts";
import type { GuardedConversation, QuotaGuard } from "../access/quota-guard.ts";
import type { UsageRow } from "../access/store.ts";
import type { Models, Target } from "../models/models.ts";
import type { Cost } from "../models/price.ts";
import type { ProtocolId, Usage } from "../protocol/canonical.ts";
import { hash } from "../protocol/tool-names.ts";
import type { CallSummary } from "../telemetry/call-summary.ts";
import { members, type Member } from "../wire/json-edit.ts";
import type { AdmittedCall, ReceivedCall } from "./prepare.ts";
import type { CallProgress, Held } from "./call-progress.ts";
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
  /** Null: there is no guard. */
  readonly guard: QuotaGuard | null;
}

// ---- Models ------------------------------------------------------------------------------------------------------

/** @throws GatewayError in the shape of an unknown model where the key may not use this model. */
export function refuseModel(call: AdmittedCall, target: Target, ports: ReservationPorts): void {
  if (!mayUse(call, target, ports)) throw modelRefusal(call.caller.id, call.head.model);
}

function mayUse({ caller }: AdmittedCall, { model }: Target, { models, limiter }: ReservationPorts): boolean {
  const fits = limiter?.modelRule(caller) ?? null;
  return fits === null || fits(models.ruled(model));
}

/** Whether a model may answer in place of the requested one. */
export function mayStandIn(call: AdmittedCall, target: Target, ports: ReservationPorts): boolean {
  const { limiter, guard } = ports;
  if (!mayUse(call, target, ports)) return false;
  if (guard !== null && guard.closedBy(conversationWith(call, target)) !== null) return false;
  const limits = limiter?.limitsOf(call.caller) ?? null;
  return limits === null || unpricedUnit(limits, target) === null;
}

/** As the plan's guard knows it: the same for all turns of a conversation, by the client's session where it names one. */
export function conversationWith({ caller, conversation, incoming }: AdmittedCall, { pool }: Target): GuardedConversation {
  const session = clientInfo(incoming.request.headers).session ?? hash(conversation);
  return { key: caller.upstreamKey, id: `${caller.id}\n${session}`, pool: pool ?? "standard" };
}

// ---- Before the call ---------------------------------------------------------------------------------------------

/**
 * Reserves what the call may use, and makes sure that it is settled at the end. Returns the model to use instead where a budget is above its
 * soft limit; null: the requested one.
 * Rejects with a GatewayError that says which limit refused the call. Returns no promise where the key has no limits.
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
  /** The request's own output limit in tokens. Null: it sets none. */
  readonly limit: number | null;
  readonly ports: ReservationPorts;
}

function reserve(call: AdmittedCall, target: Target, { limiter, limits, limit, ports }: Limited): Target | null | Promise<Target | null> {
  const { caller, head, progress } = call;
  const unit = unpricedUnit(limits, target);
  if (unit !== null) throw priceRefusal(caller.id, head.model, unit);
  const cheaper = limits.soft === null ? null : softTarget(call, target, { limits, ports });
  const limited = new LimitedCall(call, {
    limiter,
    limits,
    target,
    cheaper,
    asked: estimateFor(call, target, { limiter, limit, ports }),
    soft: cheaper === null ? null : estimateFor(call, cheaper, { limiter, limit, ports }),
    sha256: ports.sha256,
  });
  const granted = limiter.reserve(caller, limited);
  return granted instanceof Promise ? grantedLater(granted, limited, progress) : limited.granted(granted, progress);
}

async function grantedLater(granting: Promise<Granted>, limited: LimitedCall, progress: CallProgress): Promise<Target | null> {
  return limited.granted(await granting, progress);
}

/** What is reserved for a model's answer. */
function estimateFor(
  { caller, progress: { inputEstimate: inputTokens } }: AdmittedCall,
  target: Target,
  { limiter, limit, ports }: Omit<Limited, "limits">,
): Estimate {
  const outputTokens = Math.min(limiter.outputs.estimate(caller.id, target.model), limit ?? Infinity);
  const usage = { inputTokens, cacheReadTokens: 0, cacheWriteTokens: 0, outputTokens, reasoningTokens: null };
  return { inputTokens, amounts: amountsOf(usage, ports.priceOf(target, usage)) };
}

/** The cheaper model of a key's soft limit, where it can answer this call. */
function softTarget(
  call: AdmittedCall,
  target: Target,
  { limits, ports }: { readonly limits: Limits; readonly ports: ReservationPorts },
): Target | null {
  const name = limits.soft?.model ?? null;
  // A native route always goes to its endpoint, whatever the model.
  if (name === null || call.incoming.route.endpoint !== null || !ports.models.knows(name)) return null;
  const cheaper = ports.models.find(name);
  return cheaper.model !== target.model && mayStandIn(call, cheaper, ports) ? cheaper : null;
}

/** The members that limit an answer's length. */
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

interface LimitedOptions {
  readonly limiter: Limiter;
  readonly limits: Limits;
  readonly target: Target;
  /** Null: there is none. */
  readonly cheaper: Target | null;
  readonly asked: Estimate;
  readonly soft: Estimate | null;
  readonly sha256: Sha256;
}

/** What the limits need to know of a call until it is settled. It lives as long as the answer, so it does not hold the request. */
class LimitedCall implements ReservationRequest, Held {
  readonly id: string;
  readonly limits: Limits;
  readonly asked: Estimate;
  readonly soft: Estimate | null;
  readonly protocol: ProtocolId;
  readonly isCodex: boolean;
  readonly #key: string;
  readonly #limiter: Limiter;
  readonly #summary: CallSummary;
  readonly #target: Target;
  readonly #cheaper: Target | null;
  readonly #conversation: string;
  readonly #sha256: Sha256;
  /** Null: not granted yet. */
  #granted: Granted | null = null;

  constructor({ caller, conversation, incoming, progress }: AdmittedCall, options: LimitedOptions) {
    const { protocol } = incoming.route;
    this.id = progress.summary.id;
    this.limits = options.limits;
    this.asked = options.asked;
    this.soft = options.soft;
    this.protocol = protocol;
    this.isCodex = protocol === "openai-responses" && isCodex(incoming.request.headers);
    this.#key = caller.id;
    this.#limiter = options.limiter;
    this.#summary = progress.summary;
    this.#target = options.target;
    this.#cheaper = options.cheaper;
    this.#conversation = conversation;
    this.#sha256 = options.sha256;
  }

  session(): string {
    return this.#summary.session ?? uuidOf(this.#conversation, this.#sha256);
  }

  row(isSoft: boolean): UsageRow {
    const [cheaper, soft] = [this.#cheaper, this.soft];
    return isSoft && cheaper !== null && soft !== null
      ? reservedRow(this.#summary, cheaper, soft)
      : reservedRow(this.#summary, this.#target, this.asked);
  }

  /** The model to use instead; null: the requested one. */
  granted(granted: Granted, progress: CallProgress): Target | null {
    this.#granted = granted;
    progress.admitted(this);
    progress.limited(granted);
    return granted.isSoft ? this.#cheaper : null;
  }

  release({ usage, cost, source, upstreamModel: model }: CallSummary): void {
    this.#granted?.settle(usage === null || cost === null ? NOTHING : amountsOf(usage, cost));
    const tokens = usage?.outputTokens ?? null;
    if (model !== null && tokens !== null && source === "upstream") this.#limiter.outputs.add(this.#key, { model, tokens });
  }
}

/** The usage row for the case that the process dies: what is known now, and the estimate. */
function reservedRow(summary: CallSummary, target: Target, { inputTokens, amounts }: Estimate): UsageRow {
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

const NOTHING: Amounts = { tokens: 0, usd: 0, credits: 0 };
