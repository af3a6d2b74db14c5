// The steps of a call, in order: admitted and read, prepared, sent, responded to. What fails becomes the answer: see `withCall`.
// Does not know Hono, fetch, the environment or the clock: they come through ports.

import type { Admission } from "../access/admission.ts";
import type { Caller } from "../access/keys.ts";
import { GatewayError } from "../errors.ts";
import type { Target } from "../models/models.ts";
import type { FinishReason, Reply } from "../protocol/canonical.ts";
import type { WireRequest } from "../protocol/codec.ts";
import { CODECS } from "../protocol/codecs.ts";
import { bareRequest } from "../protocol/exchange.ts";
import { shownUrl } from "../telemetry/redaction.ts";
import type { Unpack } from "../runtime/ports.ts";
import { outline } from "../wire/json-edit.ts";
import { JsonText, print } from "../wire/json.ts";
import { LARGE_BODY } from "./body.ts";
import type { BodyMemory } from "./body-memory.ts";
import { inBedrockForm } from "./bedrock.ts";
import type { Answer } from "./answer.ts";
import type { CallPorts, CallProgress } from "./call-progress.ts";
import { refuseCall, withCall } from "./call.ts";
import { streamText } from "./convert.ts";
import { estimateInputTokens } from "./input-estimate.ts";
import { JSON_HEADERS, reportHeaders, streamHeaders } from "./headers.ts";
import type { Inspector } from "./inspection.ts";
import { answerOrLate, type Late } from "./keep-alive.ts";
import {
  conversationOf,
  yieldToOthers,
  exchangeOf,
  ParsedBody,
  prepare,
  targetOf,
  upstreamCallOf,
  type AdmittedCall,
  type PreparedCall,
  type ReceivedCall,
} from "./prepare.ts";
import { isResponsesBody, readBody, type Call } from "./request.ts";
import { applyPlan, type PlanPorts } from "./plan-guard.ts";
import { mayStandIn, refuseModel, reserveFor } from "./reservation.ts";
import { respond, SendOptions, textOf, type RespondContext } from "./respond.ts";
import type { Candidates } from "./retry.ts";
import { countTokens, prepareCount } from "./token-count.ts";

interface GatewayContext extends RespondContext {
  readonly ports: RespondContext["ports"] &
    CallPorts &
    PlanPorts & {
      readonly admission: Admission;
      readonly unpack: Unpack;
      readonly bodyMemory: BodyMemory;
      /** Decides itself whether a call is recorded. */
      readonly inspector: Pick<Inspector, "record">;
    };
  readonly settings: RespondContext["settings"] & {
    readonly maxBodyBytes: number;
    /** How long nothing of a body may come, in milliseconds; null: no limit. */
    readonly bodyTimeoutMs: number | null;
    /** Whether a late non-streaming answer begins with white space, under a status 200 that may turn out to be wrong. */
    readonly keepAliveNonStreaming: boolean;
  };
}

export type GatewayPorts = GatewayContext["ports"];
export type GatewaySettings = GatewayContext["settings"];

export interface Gateway {
  /** Answers a call. Never rejects. */
  readonly answer: (call: Call) => Promise<Response>;
  /** Answers with what would be sent upstream, without sending it. Never rejects. */
  readonly explain: (call: Call) => Promise<Response>;
  /** Answers a call that asks for no output with an empty stream made here. Never rejects. */
  readonly warmUp: (call: Call) => Promise<Response>;
  /** Answers a request that no route takes. Never rejects. */
  readonly refuse: (call: Call, error: unknown) => Response;
}

export function createGateway(ports: GatewayPorts, settings: GatewaySettings): Gateway {
  const context = { ports, settings };
  return {
    answer: (call) => withCall(call, ports, (progress) => answer(call, progress, context)),
    explain: (call) => withCall(call, ports, (progress) => explain(call, progress, context)),
    warmUp: (call) => withCall(call, ports, (progress) => warmUp(call, progress, context)),
    refuse: (call, error) => refuseCall(call, ports, error),
  };
}

async function answer(call: Call, progress: CallProgress, context: GatewayContext): Promise<Answer | Late<Answer>> {
  const received = await receive(call, progress, context);
  const target = askedTarget(received.call, context);
  if (call.route.endpoint === "count-tokens") return countTokens(received, target, context);
  const { keepAliveMs, keepAliveNonStreaming } = context.settings;
  const diverted = applyPlan(received.call, target, context.ports);
  if (diverted !== null && diverted.target === null) throw diverted.refusal;
  const reserved = reserveFor(received, diverted?.target ?? target, context.ports);
  const cheaper = reserved instanceof Promise ? await reserved : reserved;
  const chosen = { target, instead: cheaper ?? diverted?.target ?? null, refusal: diverted?.refusal ?? null };
  const sent = send(received, chosen, context);
  // Awaiting it here is cheaper than returning a promise of a promise.
  if (received.call.head.stream || !keepAliveNonStreaming || keepAliveMs === null) return await sent;
  return await answerOrLate(sent, { everyMs: keepAliveMs, after: context.ports.after });
}

/** Identifies the caller, reads the body, takes a slot, and reads the model from the head. */
async function receive(incoming: Call, progress: CallProgress, { ports, settings }: GatewayContext): Promise<ReceivedCall> {
  const { request, route, path } = incoming;
  let caller: Caller;
  try {
    caller = ports.admission.identify(request);
  } catch (error) {
    caller = await ports.admission.identifyAgain(request, error);
  }
  progress.identified(caller);
  progress.recording = ports.inspector.record(request, progress);
  const { maxBodyBytes, bodyTimeoutMs } = settings;
  const timeout = bodyTimeoutMs === null ? null : { ms: bodyTimeoutMs, after: ports.after, monotonic: ports.monotonic };
  const memory = ports.bodyMemory.share();
  progress.admitted(memory);
  const body = await readBody(request, { maxBytes: maxBodyBytes, unpack: ports.unpack, timeout, memory });
  progress.admitted(ports.admission.enter(caller));
  progress.recording?.received(body);
  if (progress.isDebugged) progress.debug("client body", { body: body.text });
  const isLarge = body.length >= LARGE_BODY;
  if (isLarge) await yieldToOthers(ports.after);
  const { members: found, values, parsed } = outline(body.text);
  if (isLarge) await yieldToOthers(ports.after);
  const wire: WireRequest = { body: body.text, headers: request.headers, path, members: found };
  const writer = CODECS[route.protocol];
  const isResponsesOnChat = route.protocol === "openai-chat" && route.endpoint === null && isResponsesBody(found);
  const reader = isResponsesOnChat ? CODECS["openai-responses"] : writer;
  const head = reader.request.head(wire);
  const { model, stream } = head;
  if (route.endpoint !== "count-tokens") progress.inputEstimate = estimateInputTokens(body.text);
  progress.summary.model = model;
  progress.summary.streaming = stream;
  const conversation = conversationOf(caller, head);
  return {
    call: { incoming, progress, caller, reader, writer, head: { model, stream }, conversation, memory },
    body,
    wire,
    values,
    parsed: new ParsedBody(isLarge ? undefined : parsed),
  };
}

/** The upstream of the requested model. @throws GatewayError where there is none, or the key may not use it. */
function askedTarget(call: AdmittedCall, { ports }: GatewayContext): Target {
  const target = targetOf(call.incoming.route, call.head, ports.models);
  refuseModel(call, target, ports);
  call.progress.targeted(target);
  return target;
}

interface Chosen {
  readonly target: Target;
  /** The cheaper model of a budget's soft limit, or the one that the plan's guard chose. Null: the requested model. */
  readonly instead: Target | null;
  /** Why the requested model may not answer. Null: it may. */
  readonly refusal: GatewayError | null;
}

async function send(received: ReceivedCall, chosen: Chosen, context: GatewayContext): Promise<Answer> {
  const { call } = received;
  const sent = await context.ports.attempts.post(new Chain(received, chosen, context), new SendOptions(call, context));
  const found = respond(sent, context);
  if (call.incoming.route.form !== "bedrock") return found instanceof Promise ? await found : found;
  return inBedrockForm(await found, { progress: call.progress, limits: context.settings.limits });
}

/**
 * The call prepared for the requested model, or for the one chosen instead, then for the fallbacks. Skips fallbacks that can't carry the request,
 * or that the key may not use.
 */
class Chain implements Candidates<PreparedCall> {
  readonly #received: ReceivedCall;
  readonly #chosen: Chosen;
  readonly #context: GatewayContext;
  /** Names of models still to try. Null: the first call has not been prepared. */
  #fallbacks: string[] | null = null;

  constructor(received: ReceivedCall, chosen: Chosen, context: GatewayContext) {
    this.#received = received;
    this.#chosen = chosen;
    this.#context = context;
  }

  next(): PreparedCall | Promise<PreparedCall | null> | null {
    if (this.#fallbacks !== null) return this.#fallbacks.length === 0 ? null : this.#fallback(this.#fallbacks);
    const { target, instead } = this.#chosen;
    if (instead !== null) return this.#instead(instead);
    this.#fallbacks = this.#fallbacksOf(target);
    return prepare(this.#received, target, this.#context);
  }

  async #instead(instead: Target): Promise<PreparedCall> {
    const { target, refusal } = this.#chosen;
    const cheaper = await preparedOrNull(this.#received, instead, this.#context);
    if (cheaper === null && refusal !== null) throw refusal;
    this.#fallbacks = this.#fallbacksOf(cheaper === null ? target : instead);
    return cheaper ?? (await prepare(this.#received, target, this.#context));
  }

  async #fallback(left: string[]): Promise<PreparedCall | null> {
    const { call } = this.#received;
    const { ports } = this.#context;
    for (let name = left.shift(); name !== undefined; name = left.shift()) {
      const target = targetOf(call.incoming.route, { ...call.head, model: name }, ports.models);
      const prepared = mayStandIn(call, target, ports) ? await preparedOrNull(this.#received, target, this.#context) : null;
      if (prepared !== null) return prepared;
    }
    return null;
  }

  #fallbacksOf({ fallback }: Target): string[] {
    return this.#received.call.incoming.route.endpoint === null ? [...fallback] : [];
  }
}

async function preparedOrNull(received: ReceivedCall, target: Target, context: GatewayContext): Promise<PreparedCall | null> {
  try {
    return { ...(await prepare(received, target, context)), isStandIn: true };
  } catch (error) {
    if (error instanceof GatewayError) return null;
    throw error;
  }
}

async function explain(call: Call, progress: CallProgress, context: GatewayContext): Promise<Answer> {
  const received = await receive(call, progress, context);
  const { head, caller } = received.call;
  const target = askedTarget(received.call, context);
  const prepared = await (call.route.endpoint === "count-tokens" ? prepareCount : prepare)(received, target, context);
  if (prepared === null) throw new GatewayError("not-found", `Tokens of ${head.model} are estimated here. Nothing would be sent.`);
  const { url, headers, body } = upstreamCallOf(prepared, caller.upstreamKey, context);
  return {
    type: "complete",
    status: 200,
    headers: { ...JSON_HEADERS, ...reportHeaders(call.requestId, prepared.losses) },
    body: print({
      method: "POST",
      url: shownUrl(url),
      headers: new JsonText(JSON.stringify(progress.redaction.value(headers))),
      body: new JsonText(textOf(body)),
      losses: prepared.losses.map((loss) => ({ ...loss })),
    }),
    error: null,
  };
}

/** Answers a request that only announces what the next one builds on: it is read and refused like any other, but nothing is sent upstream. */
async function warmUp(call: Call, progress: CallProgress, context: GatewayContext): Promise<Answer> {
  const { call: admitted } = await receive(call, progress, context);
  const { head, writer } = admitted;
  askedTarget(admitted, context);
  progress.summary.status = 200;
  const exchange = exchangeOf(bareRequest(head), progress);
  const reply: Reply = { id: exchange.id, model: head.model, parts: [], finish: NO_OUTPUT, usage: null };
  return {
    type: "complete",
    status: 200,
    headers: { ...streamHeaders("sse"), ...reportHeaders(call.requestId, []) },
    body: streamText(reply, writer.reply.encoder(exchange), "sse"),
    error: null,
  };
}

const NO_OUTPUT: FinishReason = { kind: "end", raw: null, stopSequence: null, explanation: null };
