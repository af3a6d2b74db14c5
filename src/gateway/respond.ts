// Turns what the upstream answered into what the client gets: the same bytes, another protocol, or an error.
// Does not send anything, except to ask for the rest of an answer that paused.

import { GatewayError } from "../errors.ts";
import type { CanonicalRequest, Reply } from "../protocol/canonical.ts";
import type { Exchange } from "../protocol/codec.ts";
import { codecOf } from "../protocol/codecs.ts";
import { detached } from "../protocol/exchange.ts";
import type { After, BodyReader } from "../runtime/ports.ts";
import type { Redactor } from "../telemetry/redaction.ts";
import { TRACEPARENT } from "../telemetry/trace-context.ts";
import { openingBracket, type SizeLimits, type UpstreamAnswer, type UpstreamCall, type UpstreamRefusal } from "../upstream/upstream.ts";
import { isObject, parseOrUndefined } from "../wire/json.ts";
import { concat, type Pump } from "../wire/pump.ts";
import type { Answer, CompleteAnswer, StreamingAnswer } from "./answer.ts";
import type { CallProgress } from "./call-progress.ts";
import { failure } from "./call.ts";
import { continuedReply, continuedStream, type ContinuationOptions } from "./continuation.ts";
import { asJsonArray, conversion, readReply, streamText } from "./convert.ts";
import { withSigns } from "./keep-alive.ts";
import { answerHeaders, headersForClient, JSON_HEADERS, streamHeaders } from "./headers.ts";
import { bodyPassthrough, readUsage, streamPassthrough } from "./passthrough.ts";
import { upstreamCallOf, type AdmittedCall, type PrepareContext, type PreparedCall } from "./prepare.ts";
import { refusalFor, type Listener } from "./refusal.ts";
import { only, type AttemptOptions, type Attempts, type Result, type Sent } from "./retry.ts";
import { isUnknownModel, withNames, withNamesMember } from "./unknown-model.ts";

export interface RespondContext extends PrepareContext {
  readonly ports: PrepareContext["ports"] & {
    readonly attempts: Attempts;
    readonly after: After;
  };
  readonly settings: PrepareContext["settings"] & {
    readonly limits: SizeLimits;
    /** How long a stream may be silent before the client gets a keep-alive, in milliseconds; null: no keep-alives. */
    readonly keepAliveMs: number | null;
  };
}

/** How the attempts of a call are made. */
export class SendOptions implements AttemptOptions<PreparedCall> {
  readonly #call: AdmittedCall;
  readonly #context: PrepareContext;

  constructor(call: AdmittedCall, context: PrepareContext) {
    this.#call = call;
    this.#context = context;
  }

  get signal(): AbortSignal {
    return this.#call.incoming.request.signal();
  }

  get conversation(): string {
    return this.#call.conversation;
  }

  get ownKey(): string {
    return this.#call.caller.upstreamKey;
  }

  attemptStarted(count: number): void {
    this.#call.progress.attemptStarted(count);
  }

  attemptEnded(result: Result): void {
    this.#call.progress.attemptEnded(result);
  }

  upstreamCall(prepared: PreparedCall, key: string): UpstreamCall {
    const { progress } = this.#call;
    const upstreamCall = traced(upstreamCallOf(prepared, key, this.#context), prepared.target.model, progress);
    progress.sending(upstreamCall, { target: prepared.target, factoryKey: this.#context.ports.keyId(key) });
    return upstreamCall;
  }
}

/** The same request with the header that continues the call's trace. */
function traced(call: UpstreamCall, model: string, { summary, elapsedMs }: CallProgress): UpstreamCall {
  const { trace } = summary;
  return trace === null ? call : { ...call, headers: { ...call.headers, [TRACEPARENT]: trace.attempt(elapsedMs, model, call.url) } };
}

/** @throws GatewayError, or rejects with one, when the answer can't be used. */
export function respond({ found: answered, prepared, attempts }: Sent<PreparedCall>, context: RespondContext): Answer | Promise<Answer> {
  const { call, target, losses, asked } = prepared;
  const { progress, head } = call;
  progress.answered(answered, prepared);
  const found = answered.type === "refusal" ? refusalFor(listenerOf(call, context), answered) : answered;
  const fallback = prepared.isStandIn === true ? { asked: head.model, answered: target.model } : null;
  if (fallback !== null) progress.summary.fallback = head.model;
  const headers = progress.redaction.headers(
    answerHeaders(progress.withLimits(headersForClient(found.headers)), {
      requestId: call.incoming.requestId,
      losses,
      attempted: { count: attempts.count, fallback },
    }),
  );
  if (found.type === "refusal") return refusal(prepared, found, { headers, context });
  const parts = { found, headers, context };
  if (asked === null) return passOn(prepared, parts);
  return head.stream && found.type === "streaming" ? convertStream(prepared, asked, parts) : convertReply(prepared, asked, parts);
}

function listenerOf({ incoming }: AdmittedCall, { ports }: RespondContext): Listener {
  return { protocol: incoming.route.protocol, headers: incoming.request.headers, now: ports.now() };
}

interface Parts {
  readonly found: UpstreamAnswer;
  /** For the client. */
  readonly headers: Readonly<Record<string, string>>;
  readonly context: RespondContext;
  /** How much of the request a stream holds while it runs, in bytes; absent: nothing. */
  readonly keptBytes?: number;
}

/** The upstream's error: its own body where it speaks the client's protocol, otherwise in that protocol's shape. */
function refusal(
  { call, target, asked }: PreparedCall,
  found: UpstreamRefusal,
  { headers, context }: Omit<Parts, "found">,
): CompleteAnswer {
  const { models } = context.ports;
  const { progress, writer } = call;
  const { status, error } = found;
  const isUnknown = isUnknownModel(error, target.model, models);
  // Bedrock's error bodies differ: they hold only a message.
  const isOwn = asked === null && progress.form !== "bedrock" && isObject(parseOrUndefined(found.body));
  if (!isOwn) return failure(isUnknown ? withNames(error, target.model, models) : error, progress, headers);
  const own = writer.error.edit(found.body, error);
  const body = isUnknown ? withNamesMember(own, target.model, models) : own;
  return { type: "complete", status, headers: { ...headers, ...JSON_HEADERS }, body: progress.redaction.known(body), error };
}

/** Same protocol: the upstream's own bytes, unless they are in a framing that the client did not ask for. */
function passOn(prepared: PreparedCall, parts: Parts): Answer | Promise<Answer> {
  const { call, sent } = prepared;
  const { found, headers, context } = parts;
  const { progress, writer } = call;
  const { begun, rest, status } = found;
  const options = { codec: writer, exchange: sent, meter: progress.meter, limits: context.settings.limits };
  if ((found.type === "streaming") !== call.head.stream || isList(found)) return reframe(prepared, parts);
  if (found.type === "streaming") return streaming(call, streamPassthrough(options), { found, headers, context });
  // Official clients do not parse JSON under another content type.
  const named = JSON_TYPE.test(headers["content-type"] ?? "") ? headers : { ...headers, ...JSON_HEADERS };
  if (rest !== null) {
    call.memory.keep(0);
    return { type: "streaming", status, headers: named, begun, rest, pump: bodyPassthrough(options), keepAlive: null };
  }
  const body = concat(begun);
  readUsage(found.text ?? body, options);
  progress.sent(body);
  return { type: "complete", status, headers: named, body, error: null };
}

const JSON_TYPE = /^[^;]*[/+]json\s*(?:;|$)/i;

/** A list of chunks, as Gemini streams them without server-sent events; no non-streaming answer is one. */
function isList({ type, begun }: UpstreamAnswer): boolean {
  return type === "non-streaming" && openingBracket(begun) === "[";
}

/** Another protocol: decoded and encoded event by event. */
function convertStream(prepared: PreparedCall, asked: Exchange, parts: Parts): StreamingAnswer {
  const { call, body } = prepared;
  const { meter, redaction } = call.progress;
  const { limits } = parts.context.settings;
  const isLong = body.length >= LONG_TEXT;
  const continuation = continuationOf(prepared, isLong ? detached(prepared.sent) : prepared.sent, parts.context);
  const { rest, decoder, holdsRequest } = continuedStream(parts.found, continuation);
  const encoder = call.writer.reply.encoder(isLong ? detached(asked) : asked);
  const pump = conversion({ decoder, encoder, meter, limits, shown: shownBy(redaction) });
  return streaming(call, pump, { ...parts, found: { ...parts.found, rest }, keptBytes: holdsRequest ? body.length : 0 });
}

/** Another protocol: the whole answer is decoded, then encoded as the client asked. */
async function convertReply(prepared: PreparedCall, asked: Exchange, parts: Parts): Promise<CompleteAnswer> {
  const { found, headers, context } = parts;
  prepared.call.progress.clock.enter("convert");
  const reply = await continuedReply(read(found, prepared.call), continuationOf(prepared, prepared.sent, context));
  return encoded(prepared.call, { reply, asked, headers });
}

/**
 * Same protocol, but JSON where a stream was asked for, or a stream where none was: official clients read nothing from that, some of them
 * silently. The whole answer is read, then encoded as the client asked.
 */
async function reframe({ call, body, sent }: PreparedCall, { found, headers, context }: Parts): Promise<CompleteAnswer> {
  const exchange = { ...sent, request: requestOf(call, textOf(body)) ?? sent.request };
  call.progress.clock.enter("convert");
  const reply = await readReply(read(found, call), call.writer, { exchange, limits: context.settings.limits });
  return encoded(call, { reply, asked: exchange, headers });
}

/** A passed request as its codec understands it, with its namespaces and custom tools; null where only the upstream understood it. */
function requestOf({ incoming, reader }: AdmittedCall, body: string): CanonicalRequest | null {
  try {
    return reader.request.decode({ body, headers: incoming.request.headers, path: incoming.path });
  } catch (error) {
    if (error instanceof GatewayError) return null;
    throw error;
  }
}

interface EncodedParts {
  readonly reply: Reply;
  /** The exchange as the client's codec sees it. */
  readonly asked: Exchange;
  readonly headers: Readonly<Record<string, string>>;
}

function encoded({ incoming, progress, writer, head }: AdmittedCall, { reply, asked, headers }: EncodedParts): CompleteAnswer {
  const { framing } = incoming;
  progress.meter.seeReply(reply);
  const body = head.stream ? streamText(reply, writer.reply.encoder(asked), framing) : writer.reply.encode(reply, asked);
  progress.sent(body);
  const type = head.stream ? streamHeaders(framing) : JSON_HEADERS;
  return { type: "complete", status: 200, headers: { ...headers, ...type }, body, error: null };
}

function streaming(call: AdmittedCall, pump: Pump, { found, headers, context, keptBytes = 0 }: Parts): StreamingAnswer {
  call.memory.keep(keptBytes);
  const { incoming, writer } = call;
  const { framing } = incoming;
  const { keepAliveMs, limits } = context.settings;
  const { pump: framed, ...life } =
    framing === "sse" ? withSigns(pump, writer.reply) : { pump: asJsonArray(pump, limits), sign: () => JSON_SPACE };
  return {
    type: "streaming",
    status: 200,
    headers: { ...headers, ...streamHeaders(framing) },
    begun: found.begun,
    rest: found.rest,
    pump: framed,
    keepAlive: keepAliveMs === null ? null : { ...life, everyMs: keepAliveMs, after: context.ports.after },
  };
}

/** What it takes to continue a paused answer in the way that it began. */
function continuationOf(prepared: PreparedCall, exchange: Exchange, context: RespondContext): ContinuationOptions {
  const { incoming, progress } = prepared.call;
  const { attempts } = context.ports;
  return {
    codec: codecOf(prepared.target),
    exchange,
    body: textOf(prepared.body),
    limits: context.settings.limits,
    meter: progress.meter,
    signal: incoming.request.signal(),
    async post(body, signal) {
      progress.summary.continuations++;
      const options = new SendOptions(prepared.call, context);
      const { found } = await attempts.post(only({ ...prepared, body }), {
        conversation: options.conversation,
        ownKey: options.ownKey,
        attemptStarted: (count) => options.attemptStarted(count),
        attemptEnded: (result) => options.attemptEnded(result),
        signal,
        upstreamCall: (again, key) => ({ ...options.upstreamCall(again, key), signal, spentMs: progress.elapsedMs }),
      });
      if (found.type === "refusal" || (found.type === "streaming" && prepared.call.head.stream)) return found;
      progress.clock.enter("convert");
      return read(found, prepared.call);
    },
  };
}

/** The same answer. Waiting for it counts as upstream time, and what is read of it is recorded where the call is inspected. */
function read(found: UpstreamAnswer, { progress }: AdmittedCall): UpstreamAnswer {
  const { rest, begun } = found;
  if (rest === null) return found;
  const { recording, clock } = progress;
  if (recording !== null) for (const chunk of begun) recording.read(chunk, progress.elapsedMs);
  const source: BodyReader = {
    async read() {
      const before = clock.enter("upstream");
      const next = await rest.read();
      clock.enter(before);
      if (recording !== null && next.value !== undefined) recording.read(next.value, progress.elapsedMs);
      return next;
    },
    cancel: (reason) => rest.cancel(reason),
  };
  return { ...found, rest: source };
}

/** Made outside the function that has the call: a closure keeps its whole scope alive for as long as the answer takes. */
function shownBy(redaction: Redactor): (error: GatewayError) => GatewayError {
  return (error) => redaction.error(error);
}

export function textOf(body: string | Uint8Array): string {
  return typeof body === "string" ? body : new TextDecoder().decode(body);
}

/** From this length on, a request's strings are worth releasing while the answer is under way. */
const LONG_TEXT = 16 * 1024;
/** White space between the items of a JSON array. */
const JSON_SPACE = new TextEncoder().encode("\n");
