// Room: journey (row 4).
// In:  a request that was read, and the model that is to answer it.
// Out: what is sent upstream for it, where to, and what the reply codecs need to know of it.
// Never does: send anything.

import type { BodyText } from "./body.ts";
import { GatewayError } from "../errors.ts";
import { headersForUpstream, identityHeaders, uuidOf } from "./headers.ts";
import type { Call, Route } from "./request.ts";
import type { Caller, Sha256 } from "../access/keys.ts";
import type { EndpointKind, Models, Target } from "../models/models.ts";
import type { CanonicalRequest, Loss, ProtocolId, Reasoning } from "../protocol/canonical.ts";
import { bareRequest } from "../protocol/exchange.ts";
import type { Codec, Exchange, RequestHead, WireRequest } from "../protocol/codec.ts";
import { codecOf } from "../protocol/codecs.ts";
import type { CallRecord } from "./call.ts";
import type { UpstreamCall } from "../upstream/upstream.ts";

export interface JourneyPorts {
  readonly models: Models;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  readonly newId: () => string;
  readonly sha256: Sha256;
}

export interface JourneySettings {
  /** Put in front of the client's instructions; null: nothing is. */
  readonly systemPrompt: string | null;
  /** A loss that would be reported ends the call with 400. */
  readonly strict: boolean;
  /** A loss that would end the call is repaired and reported instead. */
  readonly lenient: boolean;
  /** Laid over the headers of every upstream request. */
  readonly upstreamHeaders: Readonly<Record<string, string>>;
  readonly userAgent: string;
}

/** What the head of a body asks for. */
export type Asked = Pick<RequestHead, "model" | "stream">;

/** What a request turned out to be. */
export interface Reading {
  readonly call: Call;
  readonly record: CallRecord;
  readonly caller: Caller;
  /** Reads the request. */
  readonly reader: Codec;
  /** Writes the answer; another one than `reader` where a client sends one protocol to another one's path. */
  readonly writer: Codec;
  readonly body: BodyText;
  /** Its text may be cut where the body is large: see `body`. */
  readonly wire: WireRequest;
  readonly head: Asked;
  /** The same for all turns of one caller's conversation. */
  readonly conversation: string;
}

/**
 * A reading with one way to answer it: where it goes, what is sent, and what the reply codecs need to know. It may last as long as the
 * answer, so what came is not in it.
 */
export interface Journey extends Omit<Reading, "body" | "wire"> {
  readonly target: Target;
  readonly body: string | Uint8Array<ArrayBuffer>;
  readonly headers: Readonly<Record<string, string>>;
  readonly losses: readonly Loss[];
  /** The exchange as the upstream's codec sees it. */
  readonly sent: Exchange;
  /** And the client's codec; null when the bytes pass through. */
  readonly asked: Exchange | null;
}

type Outbound = Pick<Journey, "body" | "headers" | "losses" | "sent" | "asked">;

export interface Journeys {
  /** @throws GatewayError `not-found` where the route's endpoint has no such upstream. */
  readonly targetOf: (route: Route, head: Asked) => Target;
  /** @throws GatewayError when the target can't carry the request. */
  readonly plan: (reading: Reading, target: Target) => Journey;
  /** The request of a journey, made for a Factory key. */
  readonly address: (journey: Journey, key: string) => UpstreamCall;
}

export function createJourneys(ports: JourneyPorts, settings: JourneySettings): Journeys {
  /** Where it goes, and what is sent there. */
  const plan = (reading: Reading, target: Target): Journey => {
    const { call, record, caller, reader, writer, head, conversation } = reading;
    const isSame = target.protocol === reader.id && reader === writer;
    const { body, headers, losses, sent, asked } = isSame ? pass(reading, target) : convert(reading, target);
    // Each by its name: a spread costs ten times that.
    return { call, record, caller, reader, writer, head, conversation, target, body, headers, losses, sent, asked };
  };

  const targetOf = (route: Route, head: Asked): Target => {
    const target = ports.models.find(head.model);
    if (route.endpoint === null) return target;
    if (route.endpoint === "count-tokens" && target.countTokensUrl === null) {
      throw new GatewayError("not-found", `The upstream of ${head.model} counts no tokens. Estimate them, or ask for a Claude model.`);
    }
    const provider =
      route.endpoint === "bedrock" || target.protocol !== route.protocol ? NATIVE_PROVIDERS[route.endpoint] : target.provider;
    return { ...target, protocol: route.protocol, provider, url: ports.models.endpoint(route.endpoint) };
  };

  /** Same protocol: the client's own bytes with the named edits. */
  const pass = ({ call, reader, body, wire, head }: Reading, target: Target): Outbound => ({
    body: body.restored(
      reader.request.edit(
        wire.body,
        {
          model: target.model === head.model && call.path === null ? null : target.model,
          systemPrompt: settings.systemPrompt,
          stream: call.path === null ? null : head.stream,
        },
        wire.members,
      ),
      { final: target.fallback.length === 0 },
    ),
    headers: headersForUpstream(call.request.headers, reader.id),
    losses: [],
    sent: exchangeOf(bareRequest({ model: target.model, stream: head.stream })),
    asked: null,
  });

  /** Another protocol: decoded, encoded, and every loss accounted for. */
  const convert = ({ reader, body, wire }: Reading, target: Target): Outbound => {
    const asked = reader.request.decode({ ...wire, body: body.whole() });
    const byDefault: Reasoning | null =
      target.reasoning === null ? null : { mode: "on", effort: target.reasoning, budgetTokens: null, display: null };
    const sent = withPrompt({ ...asked, model: target.model, reasoning: asked.reasoning ?? byDefault });
    const encoded = codecOf(target).request.encode(sent);
    refuseLosses(encoded.losses);
    return { body: encoded.body, headers: encoded.headers, losses: encoded.losses, sent: exchangeOf(sent), asked: exchangeOf(asked) };
  };

  const withPrompt = (request: CanonicalRequest): CanonicalRequest => {
    const prompt = settings.systemPrompt;
    if (prompt === null || request.system.some((part) => part.text.startsWith(prompt))) return request;
    return { ...request, system: [{ type: "text", text: prompt, annotations: [], cache: null, proof: null }, ...request.system] };
  };

  const refuseLosses = (losses: readonly Loss[]): void => {
    const fatal = losses.find(
      ({ severity }) => (severity === "refused" && !settings.lenient) || (severity !== "dropped" && settings.strict),
    );
    if (fatal === undefined) return;
    const hint = fatal.severity === "refused" ? "" : " STRICT is on; without it the field would be left out and reported.";
    throw new GatewayError("invalid-request", `${fatal.field}: ${fatal.reason}${hint}`, {
      param: fatal.field,
      code: "unsupported_by_upstream",
    });
  };

  const exchangeOf = (request: CanonicalRequest): Exchange => ({
    request,
    id: ports.newId().replaceAll("-", ""),
    createdAtS: Math.floor(ports.now() / 1000),
  });

  const address = ({ call, head, conversation, target, body, headers, sent }: Journey, key: string): UpstreamCall => ({
    url: target.url,
    headers: {
      ...headers,
      ...identityHeaders({
        key,
        provider: target.provider,
        sessionId: uuidOf(conversation, ports.sha256),
        messageId: ports.newId(),
        userAgent: settings.userAgent,
        stream: head.stream,
      }),
      ...settings.upstreamHeaders,
    },
    body,
    stream: head.stream,
    signal: call.request.raw.signal,
    timeouts: target.timeouts,
    codec: codecOf(target),
    exchange: sent,
  });

  return { targetOf, plan, address };
}

/** Who serves what a native route takes, where the model does not say it. */
const NATIVE_PROVIDERS: Readonly<Record<EndpointKind, string>> = {
  messages: "anthropic",
  "count-tokens": "anthropic",
  bedrock: "bedrock_anthropic",
  responses: "openai",
  chat: "fireworks",
  gemini: "google",
};

/** The same for all turns of one caller's conversation. Its beginning is enough: the first message may hold megabytes. */
export function conversationOf(caller: Caller, head: RequestHead): string {
  return `${caller.id}\n${head.conversation.slice(0, MAX_CONVERSATION_LENGTH)}`;
}

const MAX_CONVERSATION_LENGTH = 4096;
