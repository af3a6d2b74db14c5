// Room: gateway (row 4). The corridor: the life of a request on one page, and the error boundary.
// In:  a request that came through a route.
// Out: the response, always: an answer, a stream, or an error in the shape of the client's protocol; and one log line.
// Never does: know Hono, fetch, the environment or the clock; they come through `Ports`.

import type { After } from "../runtime/ports.ts";
import type { AttemptOptions, Attempts, Way } from "./retry.ts";
import { continuedReply, continuedStream, type ContinuationOptions } from "./continuation.ts";
import { Discretion, shownUrl } from "../telemetry/redaction.ts";
import { GatewayError } from "../errors.ts";
import { attemptHeaders, headersForClient, reportHeaders, SAFE_HEADERS, streamHeaders } from "./headers.ts";
import { isResponsesBody, readBody, type Call } from "./request.ts";
import { conversationOf, createJourneys, type Journey, type JourneyPorts, type JourneySettings, type Reading } from "./prepare.ts";
import { isObject, JsonText, parseOrUndefined, print } from "../wire/json.ts";
import type { Keys } from "../access/keys.ts";
import type { Limits } from "../access/concurrency.ts";
import type { Log, Redactor } from "../telemetry/log.ts";
import { detached } from "../protocol/exchange.ts";
import type { Exchange, WireRequest } from "../protocol/codec.ts";
import { CODECS, codecOf } from "../protocol/codecs.ts";
import { CallRecord } from "./call.ts";
import { members } from "../wire/json-edit.ts";
import { withPatience } from "./keep-alive.ts";
import { asGatewayError, asJsonArray, conversion, passage, readUsage, streamText, wholePassage } from "./convert.ts";
import { concat, NOTHING, through, type Pump } from "../wire/pump.ts";
import type { UpstreamAnswer, UpstreamLimits, UpstreamRefusal } from "../upstream/upstream.ts";

export interface Ports extends JourneyPorts {
  /** Milliseconds that only grow. */
  readonly monotonic: () => number;
  readonly keys: Keys;
  readonly attempts: Attempts;
  readonly limits: Limits;
  readonly log: Log;
  readonly redactor: Redactor;
  /** Calls back once after `ms`; returns what takes it back. */
  readonly after: After;
}

export interface Settings extends JourneySettings {
  readonly maxBodyBytes: number;
  readonly limits: UpstreamLimits;
  /** How long a stream may be silent before the client gets a sign of life; null: never one. */
  readonly keepAliveMs: number | null;
  /** Whether a whole answer that takes longer than that begins with white space, under a status 200 that may turn out wrong. */
  readonly keepAliveWhole: boolean;
}

export interface Gateway {
  /** Answers a call; never rejects. */
  readonly answer: (call: Call) => Promise<Response>;
  /** Answers with what would be sent upstream, and does not send it; never rejects. */
  readonly explain: (call: Call) => Promise<Response>;
  /** Answers what no route takes; never rejects. */
  refuse(call: Call, error: unknown): Response;
}

export function createGateway(ports: Ports, settings: Settings): Gateway {
  const { targetOf, plan, address } = createJourneys(ports, settings);

  /** Who calls, and what is asked. */
  const read = async (call: Call, record: CallRecord): Promise<Reading> => {
    const { request, route } = call;
    const caller = ports.keys.identify(request.keys);
    record.caller(caller, ports.limits.enter(caller.id));
    const body = await readBody(request, settings.maxBodyBytes);
    record.clientBody(body.text);
    const found = members(body.text);
    const wire: WireRequest = { body: body.text, headers: request.headers, path: call.path, members: found };
    const writer = CODECS[route.protocol];
    const isStray = route.protocol === "openai-chat" && route.endpoint === null && isResponsesBody(found);
    const reader = isStray ? CODECS["openai-responses"] : writer;
    const head = reader.request.head(wire);
    const { model, stream } = head;
    record.head(head);
    return { call, record, caller, reader, writer, body, wire, head: { model, stream }, conversation: conversationOf(caller, head) };
  };

  /** The journey to the model that was asked for, then those to its fallbacks; a fallback that can't carry the request is left out. */
  function* ways(reading: Reading): Generator<Way<Journey>> {
    const target = targetOf(reading.call.route, reading.head);
    reading.record.target(target);
    yield wayOf(plan(reading, target));
    if (reading.call.route.endpoint !== null) return;
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

  const triesOf = (
    { call, record, caller, conversation }: Pick<Reading, "call" | "record" | "caller" | "conversation">,
    tried: (count: number) => void = NOBODY,
  ): AttemptOptions => ({
    signal: call.request.raw.signal,
    conversation,
    ownKey: caller.upstreamKey,
    tried: (count) => {
      record.attempts(count);
      tried(count);
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
    const { call, record, head } = reading;
    let count = 0;
    try {
      const tries = triesOf(reading, (now) => (count = now));
      const { found, journey, attempts } = await ports.attempts.post(ways(reading), tries);
      record.answer(journey, found);
      const said = {
        ...SAFE_HEADERS,
        ...headersForClient(found.headers),
        ...reportHeaders(call.requestId, journey.losses),
        ...attemptHeaders({ ...attempts, asked: head.model, answered: journey.target.model }),
      };
      const headers = discretion(call).headers(said);
      if (found.type === "refusal") return refusal(journey, found, headers);
      if (journey.asked === null) return hand(journey, found, headers);
      return await encode({ journey, asked: journey.asked }, found, headers);
    } catch (error) {
      return failure({ call, record }, error, attemptHeaders({ count, way: 0, asked: head.model, answered: head.model }));
    }
  };

  const explain = async (call: Call): Promise<Response> => {
    const record = new CallRecord(ports, call);
    try {
      const reading = await read(call, record);
      const target = targetOf(call.route, reading.head);
      record.target(target);
      const journey = plan(reading, target);
      const { url, headers, body } = address(journey, reading.caller.upstreamKey);
      const shown = discretion(call).explained(headers);
      const losses = journey.losses.map((loss) => ({ ...loss }));
      const text = print({ method: "POST", url: shownUrl(url), headers: shown, body: new JsonText(textOf(body)), losses });
      record.end({ type: "complete" });
      return new Response(text, {
        status: 200,
        headers: { ...SAFE_HEADERS, ...JSON_HEADERS, ...reportHeaders(call.requestId, journey.losses) },
      });
    } catch (error) {
      return failure({ call, record }, error);
    }
  };

  /** Same protocol: the upstream's own bytes. */
  const hand = (journey: Journey, found: UpstreamAnswer, headers: Record<string, string>): Response => {
    const { record, writer, call, sent } = journey;
    const options = { codec: writer, exchange: sent, meter: record.meter, limits: settings.limits };
    const { begun, rest } = found;
    if (found.type === "stream") return stream(journey, { begun, rest, pump: passage(options), headers });
    const metered = call.route.endpoint !== "count-tokens";
    if (rest === null) {
      const bytes = concat(begun);
      if (metered) readUsage(bytes, options);
      record.sent(() => new TextDecoder().decode(bytes));
      record.end({ type: "complete" });
      return new Response(bytes, { status: found.status, headers });
    }
    const pump = wholePassage({ ...options, metered });
    const body = through(rest, record.timed(pump), { closed: (outcome) => record.end(outcome), begun });
    return new Response(body, { status: found.status, headers });
  };

  /** Another protocol: decoded and encoded, streamed or whole as the client asked. */
  const encode = async (
    { journey, asked }: { readonly journey: Journey; readonly asked: Exchange },
    found: UpstreamAnswer,
    headers: Record<string, string>,
  ): Promise<Response> => {
    const { call, record, writer, head } = journey;
    if (head.stream && found.type === "stream") {
      const isLong = journey.body.length >= LONG_TEXT;
      const { rest, decoder } = continuedStream(found, continuationOf(isLong ? { ...journey, sent: detached(journey.sent) } : journey));
      const encoder = writer.reply.encoder(isLong ? detached(asked) : asked);
      const pump = conversion({ decoder, encoder, meter: record.meter, limits: settings.limits, shown: shownBy(discretion(call)) });
      return stream(journey, { begun: found.begun, rest, pump, headers });
    }
    const reply = await continuedReply(found, continuationOf(journey));
    record.reply(reply);
    const text = head.stream ? streamText(reply, writer.reply.encoder(asked), call.framing) : writer.reply.encode(reply, asked);
    record.sent(() => text);
    record.end({ type: "complete" });
    return new Response(text, { status: 200, headers: { ...headers, ...(head.stream ? streamHeaders(call.framing) : JSON_HEADERS) } });
  };

  const continuationOf = (journey: Journey): ContinuationOptions => {
    const again = { ...journey, asked: null, body: "" };
    return {
      codec: codecOf(journey.target),
      exchange: journey.sent,
      body: textOf(journey.body),
      limits: settings.limits,
      meter: journey.record.meter,
      signal: journey.call.request.raw.signal,
      post: (body, end) => goOn({ ...again, body }, end),
    };
  };

  /** Asks for the rest of an answer that paused, the way that its beginning was asked for. */
  const goOn = async (journey: Journey, signal: AbortSignal): Promise<UpstreamAnswer | UpstreamRefusal> => {
    const startedMs = journey.record.continued();
    const { address: addressed } = wayOf(journey);
    const way = { journey, address: (key: string) => ({ ...addressed(key), signal, spentMs: ports.monotonic() - startedMs }) };
    const { found } = await ports.attempts.post([way], { ...triesOf(journey), signal });
    return found;
  };

  const stream = (
    journey: Journey,
    parts: Pick<UpstreamAnswer, "begun" | "rest"> & { pump: Pump; headers: Readonly<Record<string, string>> },
  ): Response => {
    const { call, record, writer } = journey;
    const isSse = call.framing === "sse";
    const pump = record.timed(isSse ? parts.pump : asJsonArray(parts.pump, settings.limits));
    const keepAlive = {
      bytes: isSse ? utf8.encode(writer.reply.keepAlive) : JSON_SPACE,
      everyMs: settings.keepAliveMs,
      after: ports.after,
    };
    const body = through(parts.rest ?? NOTHING, pump, { closed: (outcome) => record.end(outcome), keepAlive, begun: parts.begun });
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
    const encoded = CODECS[call.route.protocol].error.encode(error, call.requestId);
    record.fail(error, encoded.status);
    const kept = discretion(call);
    return new Response(kept.text(encoded.body), {
      status: encoded.status,
      headers: { ...SAFE_HEADERS, ...headers, ...kept.headers(error.headers), ...JSON_HEADERS, "x-request-id": call.requestId },
    });
  };

  const discretion = (call: Call): Discretion => new Discretion(ports.redactor, call.request.keys);

  return { answer, explain, refuse: (call, error) => failure({ call, record: new CallRecord(ports, call) }, error) };
}

/** Made here, and not where the journey can be seen: a function keeps all that its surroundings use for as long as an answer takes. */
function shownBy(kept: Discretion): (error: GatewayError) => GatewayError {
  return (error) => kept.error(error);
}

function textOf(body: string | Uint8Array): string {
  return typeof body === "string" ? body : new TextDecoder().decode(body);
}

/** Worth letting go of while its answer is under way. */
const LONG_TEXT = 16 * 1024;
const NOBODY = (): void => {};
const utf8 = new TextEncoder();
/** Between the items of a JSON array a line feed means nothing. */
const JSON_SPACE = utf8.encode("\n");
const JSON_HEADERS = { "content-type": "application/json" };
