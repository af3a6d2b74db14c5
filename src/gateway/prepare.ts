// Turns a request that was read into what is sent upstream: the address, the text, and what the reply codecs need to know of it.
// Does not send anything.

import type { Sha256 } from "../access/key-ring.ts";
import type { Caller } from "../access/keys.ts";
import { GatewayError } from "../errors.ts";
import type { Endpoints } from "../models/catalog.ts";
import type { Models, Target } from "../models/models.ts";
import type { CanonicalRequest, Loss, Reasoning } from "../protocol/canonical.ts";
import { headersOf } from "../protocol/bedrock.ts";
import type { Codec, Exchange, RequestHead, WireRequest } from "../protocol/codec.ts";
import { codecOf } from "../protocol/codecs.ts";
import { bareRequest } from "../protocol/exchange.ts";
import { namesMethod, streamingUrl } from "../protocol/own-path.ts";
import type { After } from "../runtime/ports.ts";
import type { UpstreamCall } from "../upstream/upstream.ts";
import { cut, members, spliced } from "../wire/json-edit.ts";
import type { Parsed } from "../wire/json.ts";
import type { BodyShare } from "./body-memory.ts";
import { LARGE_BODY, type BodyText } from "./body.ts";
import type { CallProgress } from "./call-progress.ts";
import { headersForUpstream, uuidOf, withIdentity } from "./headers.ts";
import type { Call, Route } from "./request.ts";

export interface PreparePorts {
  readonly after: After;
  readonly models: Models;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  readonly newId: () => string;
  readonly sha256: Sha256;
  /** The first digits of a Factory key's hash: distinguishes keys without revealing them. */
  readonly keyId: (key: string) => string;
}

export interface PrepareSettings {
  /** Put in front of the client's instructions; null: nothing. */
  readonly systemPrompt: string | null;
  /** Whether Claude's prompt cache is used where a client of another protocol does not ask for it. */
  readonly promptCache: "auto" | "off";
  /** Limit in tokens for a Messages request that sets none; null: the model's own. */
  readonly defaultMaxTokens: number | null;
  /** A loss that would be reported ends the call with 400 instead. */
  readonly strict: boolean;
  /** A loss that would end the call is repaired and reported instead. */
  readonly lenient: boolean;
  /** Laid over the headers of every upstream request. */
  readonly upstreamHeaders: Readonly<Record<string, string>>;
  readonly userAgent: string;
}

export interface PrepareContext {
  readonly ports: PreparePorts;
  readonly settings: PrepareSettings;
}

/** The model and stream switch of a body. */
export type Asked = Pick<RequestHead, "model" | "stream">;

/** A call whose caller was admitted. It may live as long as the answer, so it does not hold the request's body. */
export interface AdmittedCall {
  readonly incoming: Call;
  readonly progress: CallProgress;
  readonly caller: Caller;
  /** Reads the request. */
  readonly reader: Codec;
  /** Writes the answer; differs from `reader` where a client sends one protocol to another one's path. */
  readonly writer: Codec;
  readonly head: Asked;
  /** The same for all turns of one caller's conversation. */
  readonly conversation: string;
  /** The memory that the call still holds for its request. */
  readonly memory: BodyShare;
}

/** An admitted call with its request. */
export interface ReceivedCall {
  readonly call: AdmittedCall;
  readonly body: BodyText;
  /** Its text may be shortened where the body is large: see `body`. */
  readonly wire: WireRequest;
  /** How many JSON values the body holds. */
  readonly values: number;
  /** The body as parsed by the runtime's own parser. */
  readonly parsed: ParsedBody;
}

/** Can be taken once: it must not live as long as the answer. */
export class ParsedBody {
  #value: Parsed | undefined;

  constructor(value: Parsed | undefined) {
    this.#value = value;
  }

  /** Undefined where it was taken before, or the body is large. */
  take(): Parsed | undefined {
    const value = this.#value;
    this.#value = undefined;
    return value;
  }
}

/** An admitted call prepared for one model. It may live as long as the answer too. */
export interface PreparedCall extends UpstreamRequest {
  readonly call: AdmittedCall;
  readonly target: Target;
  /** Set where this is not the model that the client asked for. */
  readonly isStandIn?: true;
}

interface UpstreamRequest {
  readonly body: string | Uint8Array<ArrayBuffer>;
  /** The protocol's own headers. */
  readonly headers: Readonly<Record<string, string>>;
  readonly losses: readonly Loss[];
  /** The exchange as the upstream's codec sees it. */
  readonly sent: Exchange;
  /** The exchange as the client's codec sees it; null when the bytes pass through. */
  readonly asked: Exchange | null;
}

/** The upstream of a request. @throws GatewayError `not-found` where there is none. */
export function targetOf(route: Route, head: Asked, models: Models): Target {
  const target = models.find(head.model);
  if (route.form === "bedrock" && target.provider === "anthropic" && target.url === models.endpoint("messages")) {
    return { ...target, provider: NATIVE_PROVIDERS.bedrock, url: models.endpoint("bedrock") };
  }
  if (route.endpoint === null || route.endpoint === "count-tokens") return target;
  const isOwn = route.endpoint !== "bedrock" && target.protocol === route.protocol;
  const provider = isOwn ? target.provider : NATIVE_PROVIDERS[route.endpoint];
  return { ...target, protocol: route.protocol, provider, url: models.endpoint(route.endpoint) };
}

/** The provider for a native route, where the model does not decide it. */
const NATIVE_PROVIDERS: Readonly<Record<keyof Endpoints, string>> = {
  messages: "anthropic",
  bedrock: "bedrock_anthropic",
  responses: "openai",
  chat: "fireworks",
  gemini: "google",
};

/**
 * Yields to other calls between the steps of a large conversion; a single step can't be interrupted.
 * Throws, or rejects with, GatewayError when the target can't carry the request, or there is no memory for it.
 */
export function prepare(received: ReceivedCall, target: Target, context: PrepareContext): PreparedCall | Promise<PreparedCall> {
  const { call } = received;
  // Taken first, so that it is released whatever happens.
  const parsed = received.parsed.take();
  if (target.protocol !== call.reader.id || call.reader !== call.writer)
    return preparedConversion(received, target, { ...context, parsed });
  const { clock } = call.progress;
  const before = clock.enter("convert");
  try {
    return withTarget(passThrough(received, target, context), { call, target });
  } finally {
    clock.converted(before);
  }
}

async function preparedConversion(
  received: ReceivedCall,
  target: Target,
  context: PrepareContext & { readonly parsed: Parsed | undefined },
): Promise<PreparedCall> {
  const { call } = received;
  const { clock } = call.progress;
  const before = clock.enter("convert");
  try {
    return withTarget(await convert(received, target, context), { call, target });
  } finally {
    clock.converted(before);
  }
}

/** Members by name: a spread takes ten times as long. */
function withTarget(
  { body, headers, losses, sent, asked }: UpstreamRequest,
  { call, target }: Pick<PreparedCall, "call" | "target">,
): PreparedCall {
  return { call, target, body, headers, losses, sent, asked };
}

/** The body as it came, and as the runtime sends it; and twice the text that is edited in between, without its large strings. */
function passedBytes({ body }: ReceivedCall): number {
  return 2 * body.length + 2 * body.text.length;
}

/** Measured on both runtimes while a request waits for its answer: five times the body, and the objects made of its values. */
export function convertedBytes({ body, values }: Pick<ReceivedCall, "body" | "values">): number {
  return 5 * body.length + VALUE_BYTES * values;
}

const VALUE_BYTES = 300;

/** Same protocol: the client's own bytes with the named edits. */
function passThrough(received: ReceivedCall, target: Target, context: PrepareContext): UpstreamRequest {
  const { call, body, wire } = received;
  const { reader, head } = call;
  const { path, request, route } = call.incoming;
  const { systemPrompt, defaultMaxTokens } = context.settings;
  const isFinal = target.fallback.length === 0;
  call.memory.need(passedBytes(received) + (isFinal ? 0 : body.length));
  const isInPath = namesMethod(target.url);
  const named = {
    model: isInPath || (target.model === head.model && path === null) ? null : target.model,
    systemPrompt,
    stream: path === null || isInPath ? null : head.stream,
  };
  // A token count has no output limit.
  const edits = route.endpoint === "count-tokens" ? named : { ...named, defaultMaxTokens };
  return {
    body: body.restored(reader.request.edit(wire.body, edits, wire.members), { final: isFinal }),
    headers: headersForUpstream(route.form === "bedrock" ? headersOf(wire) : request.headers, reader.id),
    losses: [],
    sent: exchangeOf(bareRequest({ model: target.model, stream: head.stream }), call.progress),
    asked: null,
  };
}

/** Another protocol: decoded and encoded, with every loss accounted for. */
async function convert(
  received: ReceivedCall,
  target: Target,
  { ports, settings, parsed }: PrepareContext & { readonly parsed: Parsed | undefined },
): Promise<UpstreamRequest> {
  const { call, body, wire, values } = received;
  call.memory.need(convertedBytes(received));
  const isHeavy = body.length >= LARGE_BODY || values >= MANY_VALUES;
  if (isHeavy) await yieldToOthers(ports.after);
  const asked = call.reader.request.decode({ ...wire, body: body.whole(), parsed });
  const byDefault: Reasoning | null =
    target.reasoning === null ? null : { mode: "on", effort: target.reasoning, budgetTokens: null, display: null };
  const defaults = { maxOutputTokens: settings.defaultMaxTokens, markPrompt: settings.promptCache === "auto" && takesRootMark(target) };
  const sent = withPrompt({ ...asked, model: target.model, reasoning: asked.reasoning ?? byDefault, defaults }, settings.systemPrompt);
  if (isHeavy) await yieldToOthers(ports.after);
  const encoded = codecOf(target).request.encode(sent);
  refuseLosses(encoded.losses, settings);
  if (isHeavy) await yieldToOthers(ports.after);
  return {
    body: namesMethod(target.url) ? withoutMembers(encoded.body, ["model", "stream"]) : encoded.body,
    headers: encoded.headers,
    losses: encoded.losses,
    sent: exchangeOf(sent, call.progress),
    asked: exchangeOf(asked, call.progress),
  };
}

/** This many take about 50 ms to convert on a slow machine. */
const MANY_VALUES = 10_000;

/** Resolves when everything that is waiting for the event loop has had a turn. */
export function yieldToOthers(after: After): Promise<void> {
  return new Promise((resolve) => void after(0, resolve));
}

/** Bedrock and Vertex take cache marks on blocks only. */
const OTHER_CLOUDS = /bedrock|vertex/;

function takesRootMark({ protocol, provider }: Target): boolean {
  return protocol === "anthropic-messages" && !OTHER_CLOUDS.test(provider);
}

function withoutMembers(body: string, names: readonly string[]): string {
  const all = members(body).map(({ key, start, valueEnd }) => ({ key, start, end: valueEnd }));
  return spliced(body, cut(all, new Set(all.filter(({ key }) => names.includes(key)))));
}

/** The request with the system prompt in front, unless it is already there. */
export function withPrompt(request: CanonicalRequest, prompt: string | null): CanonicalRequest {
  if (prompt === null || request.system.some((part) => part.text.startsWith(prompt))) return request;
  return { ...request, system: [{ type: "text", text: prompt, annotations: [], cache: null, proof: null }, ...request.system] };
}

function refuseLosses(losses: readonly Loss[], { strict, lenient }: PrepareSettings): void {
  const fatal = losses.find(({ severity }) => (severity === "refused" && !lenient) || (severity !== "dropped" && strict));
  if (fatal === undefined) return;
  const hint = fatal.severity === "refused" ? "" : " STRICT is on; without it the field would be dropped and reported.";
  throw new GatewayError("invalid-request", `${fatal.field}: ${fatal.reason}${hint}`, {
    param: fatal.field,
    code: "unsupported_by_upstream",
  });
}

/** Uses the ledger's id, which is unique; a client may repeat its own request id. */
export function exchangeOf(request: CanonicalRequest, { summary: { id, startedAtMs } }: Pick<CallProgress, "summary">): Exchange {
  return { request, id: id.replaceAll("-", ""), createdAtS: Math.floor(startedAtMs / 1000) };
}

/** The request for the upstream, with a Factory key. */
export function upstreamCallOf({ call, target, body, headers, sent }: PreparedCall, key: string, context: PrepareContext): UpstreamCall {
  const { ports, settings } = context;
  return {
    url: call.head.stream ? streamingUrl(target.url) : target.url,
    headers: Object.assign(
      withIdentity(headers, {
        key,
        provider: target.provider,
        sessionId: uuidOf(call.conversation, ports.sha256),
        messageId: ports.newId(),
        userAgent: settings.userAgent,
        stream: call.head.stream,
      }),
      settings.upstreamHeaders,
    ),
    body,
    stream: call.head.stream,
    signal: call.incoming.request.signal(),
    owner: call.progress,
    timeouts: target.timeouts,
    codec: codecOf(target),
    exchange: sent,
  };
}

/** The same for all turns of one caller's conversation. The beginning is enough: the first message may hold megabytes. */
export function conversationOf(caller: Caller, head: RequestHead): string {
  return `${caller.id}\n${head.conversation.slice(0, MAX_CONVERSATION_LENGTH)}`;
}

const MAX_CONVERSATION_LENGTH = 4096;
