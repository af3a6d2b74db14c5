// Room: gateway (row 4). The corridor: the life of a request on one page, and the error boundary.
// In:  a request that came through a door.
// Out: the response, always: an answer, a stream, or an error in the shape of the client's protocol; and one log line.
// Never does: know Hono, fetch, the environment or the clock; they come through `Ports`.

import type { Attempts, Way } from "./attempts.ts";
import { Discretion, shownUrl } from "./discretion.ts";
import { GatewayError } from "./errors.ts";
import { attemptHeaders, headersForClient, headersForUpstream, identityHeaders, reportHeaders, streamHeaders, uuidOf } from "./headers.ts";
import { isResponsesBody, readBody } from "./inbound.ts";
import { isObject, JsonText, parseOrUndefined, print } from "./json.ts";
import type { Caller, Keys } from "./keys.ts";
import type { Limits } from "./limits.ts";
import type { Log, Redactor } from "./log.ts";
import type { EndpointKind, Models, Target } from "./models.ts";
import type { CanonicalRequest, Loss, ProtocolId, Reasoning } from "./protocol/canonical.ts";
import { bareRequest, type Codec, type Exchange, type RequestHead, type WireRequest } from "./protocol/codec.ts";
import { CODECS } from "./protocol/codecs.ts";
import { CallRecord } from "./record.ts";
import { withPatience } from "./patience.ts";
import { asGatewayError, asJsonArray, conversion, passage, readReply, streamText, wholePassage } from "./relay.ts";
import { through, type Pump } from "./stream.ts";
import type { UpstreamAnswer, UpstreamCall, UpstreamLimits, UpstreamRefusal } from "./upstream.ts";

export interface Ports {
  readonly keys: Keys;
  readonly models: Models;
  readonly attempts: Attempts;
  readonly limits: Limits;
  readonly log: Log;
  readonly redactor: Redactor;
  /** Calls back once after `ms`; returns what takes it back. */
  readonly after: (ms: number, callback: () => void) => () => void;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  readonly newId: () => string;
}

export interface Settings {
  /** Put in front of the client's instructions; null: nothing is. */
  readonly systemPrompt: string | null;
  /** A loss that would be reported ends the call with 400. */
  readonly strict: boolean;
  /** A loss that would end the call is repaired and reported instead. */
  readonly lenient: boolean;
  readonly maxBodyBytes: number;
  /** Laid over the headers of every upstream request. */
  readonly upstreamHeaders: Readonly<Record<string, string>>;
  readonly userAgent: string;
  readonly limits: UpstreamLimits;
  /** How long a stream may be silent before the client gets a sign of life; null: never one. */
  readonly keepAliveMs: number | null;
  /** Whether a whole answer that takes longer than that begins with white space, under a status 200 that may turn out wrong. */
  readonly keepAliveWhole: boolean;
}

/** Where a call came in. */
export interface Door {
  readonly protocol: ProtocolId;
  /** The endpoint that takes the bytes whatever the model; null: the model decides. */
  readonly endpoint: EndpointKind | null;
}

export interface Call {
  readonly request: Request;
  readonly door: Door;
  readonly requestId: string;
  /** Model and stream switch, where the door has them in its path. */
  readonly path: WireRequest["path"];
  /** How a streamed answer is written: Gemini without `alt=sse` streams the items of a JSON array. */
  readonly framing: "sse" | "json-array";
}

export interface Gateway {
  /** Answers a call; never rejects. */
  readonly answer: (call: Call) => Promise<Response>;
  /** Answers with what would be sent upstream, and does not send it; never rejects. */
  readonly explain: (call: Call) => Promise<Response>;
  /** Answers what no door takes; never rejects. */
  refuse(call: Call, error: unknown): Response;
}

/** What a request turned out to be. */
interface Reading {
  readonly call: Call;
  readonly record: CallRecord;
  readonly caller: Caller;
  /** Reads the request. */
  readonly reader: Codec;
  /** Writes the answer; another one than `reader` where a client sends one protocol to another one's path. */
  readonly writer: Codec;
  readonly wire: WireRequest;
  readonly head: RequestHead;
}

/** A reading with one way to answer it: where it goes, what is sent, and what the reply codecs need to know. */
interface Journey extends Reading {
  readonly target: Target;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly losses: readonly Loss[];
  /** The exchange as the upstream's codec sees it. */
  readonly sent: Exchange;
  /** And the client's codec; null when the bytes pass through. */
  readonly asked: Exchange | null;
}

type Outbound = Pick<Journey, "body" | "headers" | "losses" | "sent" | "asked">;

export function createGateway(ports: Ports, settings: Settings): Gateway {
  /** Who calls, and what is asked. */
  const read = async (call: Call, record: CallRecord): Promise<Reading> => {
    const { request, door } = call;
    const caller = ports.keys.identify(request.headers, new URL(request.url).searchParams.get("key"));
    record.caller(caller, ports.limits.enter(caller.id));
    const body = await readBody(request, settings.maxBodyBytes);
    record.clientBody(body);
    const wire: WireRequest = { body, headers: Object.fromEntries(request.headers), path: call.path };
    const writer = CODECS[door.protocol];
    const isStray = door.protocol === "openai-chat" && door.endpoint === null && isResponsesBody(body);
    const reader = isStray ? CODECS["openai-responses"] : writer;
    const head = reader.request.head(wire);
    record.head(head);
    return { call, record, caller, reader, writer, wire, head };
  };

  /** Where it goes, and what is sent there. */
  const plan = (reading: Reading, target: Target): Journey => {
    const { reader, writer } = reading;
    const outbound = target.protocol === reader.id && reader === writer ? pass(reading, target) : convert(reading, target);
    return { ...reading, target, ...outbound };
  };

  /** The journey to the model that was asked for, then those to its fallbacks; a fallback that can't carry the request is left out. */
  function* ways(reading: Reading): Generator<Way<Journey>> {
    const target = targetOf(reading.call.door, reading.head);
    reading.record.target(target);
    yield wayOf(plan(reading, target));
    if (reading.call.door.endpoint !== null) return;
    for (const name of target.fallback) {
      try {
        yield wayOf(plan(reading, ports.models.find(name)));
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
      }
    }
  }

  const wayOf = (journey: Journey): Way<Journey> => ({
    journey,
    address: (key) => {
      const upstreamCall = address(journey, key);
      journey.record.upstreamRequest(upstreamCall);
      return upstreamCall;
    },
  });

  const answer = async (call: Call): Promise<Response> => {
    const record = new CallRecord(ports, call);
    try {
      const reading = await read(call, record);
      const rest = fetchAnswer(reading);
      const { keepAliveWhole, keepAliveMs } = settings;
      if (reading.head.stream || !keepAliveWhole || keepAliveMs === null) return await rest;
      return await withPatience(rest, { everyMs: keepAliveMs, after: ports.after });
    } catch (error) {
      return failure({ call, record }, error);
    }
  };

  const fetchAnswer = async (reading: Reading): Promise<Response> => {
    const { call, record, caller, head } = reading;
    let count = 0;
    try {
      const { found, journey, attempts } = await ports.attempts.post(ways(reading), {
        signal: call.request.signal,
        conversation: conversationOf(caller, head),
        ownKey: caller.upstreamKey,
        tried: (now) => record.attempts((count = now)),
      });
      record.answer(journey, found);
      const said = {
        ...headersForClient(found.headers),
        ...reportHeaders(call.requestId, journey.losses),
        ...attemptHeaders({ ...attempts, asked: head.model, answered: journey.target.model }),
      };
      const headers = discretion(call).headers(said);
      if (found.type === "refusal") return refusal(journey, found, headers);
      if (journey.asked === null) return hand(journey, found, headers);
      return await encode({ ...journey, asked: journey.asked }, found, headers);
    } catch (error) {
      return failure({ call, record }, error, attemptHeaders({ count, way: 0, asked: head.model, answered: head.model }));
    }
  };

  const explain = async (call: Call): Promise<Response> => {
    const record = new CallRecord(ports, call);
    try {
      const reading = await read(call, record);
      const target = targetOf(call.door, reading.head);
      record.target(target);
      const journey = plan(reading, target);
      const { url, headers, body } = address(journey, reading.caller.upstreamKey);
      const shown = discretion(call).explained(headers);
      const losses = journey.losses.map((loss) => ({ ...loss }));
      const text = print({ method: "POST", url: shownUrl(url), headers: shown, body: new JsonText(body), losses });
      record.end({ type: "complete" });
      return new Response(text, { status: 200, headers: { ...JSON_HEADERS, ...reportHeaders(call.requestId, journey.losses) } });
    } catch (error) {
      return failure({ call, record }, error);
    }
  };

  const targetOf = (door: Door, head: RequestHead): Target => {
    const target = ports.models.find(head.model);
    if (door.endpoint === null) return target;
    if (door.endpoint === "count-tokens" && target.countTokensUrl === null) {
      throw new GatewayError("not-found", `The upstream of ${head.model} counts no tokens. Estimate them, or ask for a Claude model.`);
    }
    const provider = door.endpoint === "bedrock" || target.protocol !== door.protocol ? NATIVE_PROVIDERS[door.endpoint] : target.provider;
    return { ...target, protocol: door.protocol, provider, url: ports.models.endpoint(door.endpoint) };
  };

  /** Same protocol: the client's own bytes with the named edits. */
  const pass = ({ call, reader, wire, head }: Reading, target: Target): Outbound => ({
    body: reader.request.edit(wire.body, {
      model: target.model === head.model && call.path === null ? null : target.model,
      systemPrompt: settings.systemPrompt,
      stream: call.path === null ? null : head.stream,
    }),
    headers: headersForUpstream(call.request.headers, reader.id),
    losses: [],
    sent: exchangeOf(bareRequest({ ...head, model: target.model })),
    asked: null,
  });

  /** Another protocol: decoded, encoded, and every loss accounted for. */
  const convert = ({ reader, wire }: Reading, target: Target): Outbound => {
    const asked = reader.request.decode(wire);
    const byDefault: Reasoning | null =
      target.reasoning === null ? null : { mode: "on", effort: target.reasoning, budgetTokens: null, display: null };
    const sent = withPrompt({ ...asked, model: target.model, reasoning: asked.reasoning ?? byDefault });
    const encoded = CODECS[target.protocol].request.encode(sent);
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

  const address = ({ call, caller, head, target, body, headers, sent }: Journey, key: string): UpstreamCall => ({
    url: target.url,
    headers: {
      ...headers,
      ...identityHeaders({
        key,
        provider: target.provider,
        sessionId: uuidOf(conversationOf(caller, head)),
        messageId: ports.newId(),
        userAgent: settings.userAgent,
        stream: head.stream,
      }),
      ...settings.upstreamHeaders,
    },
    body,
    stream: head.stream,
    signal: call.request.signal,
    timeouts: target.timeouts,
    codec: CODECS[target.protocol],
    exchange: sent,
  });

  /** Same protocol: the upstream's own bytes. */
  const hand = (journey: Journey, found: UpstreamAnswer, headers: Record<string, string>): Response => {
    const { record, writer, call, sent } = journey;
    const options = { codec: writer, exchange: sent, meter: record.meter, limits: settings.limits };
    if (found.type === "stream") return stream(journey, { found, pump: passage(options), headers });
    const pump = wholePassage({ ...options, metered: call.door.endpoint !== "count-tokens" });
    const body = through(found.source, record.timed(pump), { closed: (outcome) => record.end(outcome) });
    return new Response(body, { status: found.status, headers });
  };

  /** Another protocol: decoded and encoded, streamed or whole as the client asked. */
  const encode = async (
    journey: Journey & { asked: Exchange },
    found: UpstreamAnswer,
    headers: Record<string, string>,
  ): Promise<Response> => {
    const { call, record, writer, head, target, sent, asked } = journey;
    const upstream = CODECS[target.protocol];
    if (head.stream && found.type === "stream") {
      const decoder = discretion(call).decoder(upstream.reply.decoder(sent));
      const encoder = writer.reply.encoder(asked);
      return stream(journey, { found, pump: conversion({ decoder, encoder, meter: record.meter, limits: settings.limits }), headers });
    }
    const reply = await readReply(found, upstream, { exchange: sent, limits: settings.limits });
    record.reply(reply);
    const text = head.stream ? streamText(reply, writer.reply.encoder(asked), call.framing) : writer.reply.encode(reply, asked);
    record.sent(() => text);
    record.end({ type: "complete" });
    return new Response(text, { status: 200, headers: { ...headers, ...(head.stream ? streamHeaders(call.framing) : JSON_HEADERS) } });
  };

  const stream = (journey: Journey, parts: { found: UpstreamAnswer; pump: Pump; headers: Record<string, string> }): Response => {
    const { call, record, writer } = journey;
    const isSse = call.framing === "sse";
    const pump = record.timed(isSse ? parts.pump : asJsonArray(parts.pump, settings.limits));
    const keepAlive = {
      bytes: isSse ? utf8.encode(writer.reply.keepAlive) : JSON_SPACE,
      everyMs: settings.keepAliveMs,
      after: ports.after,
    };
    const body = through(parts.found.source, pump, { closed: (outcome) => record.end(outcome), keepAlive });
    return new Response(body, { status: 200, headers: { ...parts.headers, ...streamHeaders(call.framing) } });
  };

  /** The upstream's error: its own bytes where it is the client's protocol, that protocol's shape where it is not. */
  const refusal = (journey: Journey, found: UpstreamRefusal, headers: Record<string, string>): Response => {
    const { call, record, asked } = journey;
    const isOwn = asked === null && isObject(parseOrUndefined(found.body));
    if (!isOwn) return failure(journey, found.error, headers);
    record.fail(found.error, found.status);
    return new Response(discretion(call).text(found.body), { status: found.status, headers });
  };

  const failure = ({ call, record }: Pick<Journey, "call" | "record">, cause: unknown, headers: Record<string, string> = {}): Response => {
    const error = asGatewayError(cause);
    const encoded = CODECS[call.door.protocol].error.encode(error, call.requestId);
    record.fail(error, encoded.status);
    const kept = discretion(call);
    return new Response(kept.text(encoded.body), {
      status: encoded.status,
      headers: { ...headers, ...kept.headers(error.headers), ...JSON_HEADERS, "x-request-id": call.requestId },
    });
  };

  const discretion = (call: Call): Discretion => new Discretion(ports.redactor, call.request);

  return { answer, explain, refuse: (call, error) => failure({ call, record: new CallRecord(ports, call) }, error) };
}

/** Who serves what a native door takes, where the model does not say it. */
const NATIVE_PROVIDERS: Readonly<Record<EndpointKind, string>> = {
  messages: "anthropic",
  "count-tokens": "anthropic",
  bedrock: "bedrock_anthropic",
  responses: "openai",
  chat: "fireworks",
  gemini: "google",
};

const utf8 = new TextEncoder();
/** Between the items of a JSON array a line feed means nothing. */
const JSON_SPACE = utf8.encode("\n");
const JSON_HEADERS = { "content-type": "application/json" };

/** The same for all turns of one caller's conversation. Its beginning is enough: the first message may hold megabytes. */
function conversationOf(caller: Caller, head: RequestHead): string {
  return `${caller.id}\n${head.conversation.slice(0, MAX_CONVERSATION_LENGTH)}`;
}

const MAX_CONVERSATION_LENGTH = 4096;
