// The spans of a call as OTLP's JSON, written when it has ended: the call, its admission, the conversion of its request, the model's answer with
// each attempt, the stream. Written by hand: made as objects for the library's exporter, a call's spans cost 23 us on Bun and 50 us on Deno.
// Never holds content, a key, or a URL: hosts, names of models and of client keys, counts and times.

import type { Attempt, CallTrace } from "../call-trace.ts";
import type { CallSummary } from "../call-summary.ts";
import { GEN_AI, HTTP, operationName, OWN, providerName } from "../gen-ai.ts";
import { spanIdOf } from "../trace-context.ts";

/** https://github.com/open-telemetry/opentelemetry-proto/blob/v1.7.0/opentelemetry/proto/trace/v1/trace.proto (read 2026-11-28) */
const INTERNAL = 1;
const SERVER = 2;
const CLIENT = 3;
const STATUS_UNSET = 0;
const STATUS_ERROR = 2;
/** Sampled, with a parent of this process, or of another. */
const FLAGS = 0x101;
const REMOTE_FLAGS = 0x301;

interface Making {
  readonly name: string;
  readonly kind: number;
  readonly id: string;
  /** Null: it is the first of its trace. */
  readonly parentId: string | null;
  readonly flags?: number;
  /** Milliseconds from the beginning of the call. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Attributes | null;
  /** Null: it went well. */
  readonly error: string | null;
}

type Make = (making: Making) => string;

/** All spans of a call, separated by commas. `newId` makes UUIDs. */
export function spansJson(summary: CallSummary, trace: CallTrace, newId: () => string): string {
  const { timings, streaming, startedAtMs } = summary;
  const { parent, conversion, attempts } = trace;
  const make: Make = (making) => spanJson(making, trace.traceId, startedAtMs);
  const part = (name: string, startMs: number, endMs: number): string =>
    make({ name, kind: INTERNAL, id: spanIdOf(newId()), parentId: trace.spanId, startMs, endMs, attributes: null, error: null });
  const route = routeOf(summary);
  let spans = make({
    name: route === null ? summary.method : `${summary.method} ${route}`,
    kind: SERVER,
    id: trace.spanId,
    parentId: parent?.spanId ?? null,
    flags: parent === null ? FLAGS : REMOTE_FLAGS,
    startMs: 0,
    endMs: timings.totalMs,
    attributes: callAttributes(summary, route),
    error: serverError(summary),
  });
  spans += `,${part("admission", 0, timings.admissionMs)}`;
  if (conversion !== null) spans += `,${part("conversion", conversion.startMs, conversion.endMs)}`;
  const [first] = attempts;
  if (first === undefined) return spans;
  if (trace.isInference) spans += `,${inferenceSpan(summary, { first, trace, make })}`;
  const parentId = trace.isInference ? trace.inferenceId : trace.spanId;
  for (const [index, attempt] of attempts.entries())
    spans += `,${attemptSpan(attempt, index, { make, parentId, totalMs: timings.totalMs })}`;
  if (streaming === true && trace.firstChunkMs !== null) spans += `,${part("stream", trace.firstChunkMs, timings.totalMs)}`;
  return spans;
}

function spanJson(
  { name, kind, id, parentId, flags = FLAGS, startMs, endMs, attributes, error }: Making,
  traceId: string,
  atMs: number,
): string {
  const parent = parentId === null ? "" : `"parentSpanId":"${parentId}",`;
  const all = error === null ? attributes : (attributes ?? new Attributes()).text(HTTP.errorType, error);
  return (
    `{"traceId":"${traceId}","spanId":"${id}",${parent}"name":${quoted(name)},"kind":${kind},"flags":${flags},` +
    `"startTimeUnixNano":"${nanoseconds(atMs + startMs)}","endTimeUnixNano":"${nanoseconds(atMs + Math.max(startMs, endMs))}",` +
    `"attributes":[${all?.json ?? ""}],"status":{"code":${error === null ? STATUS_UNSET : STATUS_ERROR}}}`
  );
}

/** What the client did is no error of the server: https://opentelemetry.io/docs/specs/semconv/http/http-spans/#status */
function serverError({ error, status }: CallSummary): string | null {
  return error !== null && (status === null || status >= SERVER_ERROR || status < CLIENT_ERROR) ? error.kind : null;
}

const CLIENT_ERROR = 400;
const SERVER_ERROR = 500;
const MILLION = 1_000_000;

function nanoseconds(ms: number): string {
  const whole = Math.floor(ms);
  return `${whole}${String(MILLION + Math.min(MILLION - 1, Math.round((ms - whole) * MILLION))).slice(1)}`;
}

function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** Nearly every name and id. */
const PLAIN = /^[\w ./:{}-]*$/;

class Attributes {
  json = "";

  text(name: string, value: string): this {
    return this.#add(name, `{"stringValue":${quoted(value)}}`);
  }

  /** A whole one. */
  number(name: string, value: number): this {
    return this.#add(name, `{"intValue":${value}}`);
  }

  seconds(name: string, ms: number): this {
    return this.#add(name, `{"doubleValue":${ms / 1000}}`);
  }

  flag(name: string): this {
    return this.#add(name, '{"boolValue":true}');
  }

  list(name: string, only: string): this {
    return this.#add(name, `{"arrayValue":{"values":[{"stringValue":${JSON.stringify(only)}}]}}`);
  }

  /** The host alone. */
  place({ hostname, port, protocol }: URL): this {
    return this.text(HTTP.address, hostname).number(HTTP.port, port === "" ? (PORTS[protocol] ?? 0) : Number(port));
  }

  #add(name: string, value: string): this {
    this.json += `${this.json === "" ? "" : ","}{"key":"${name}","value":${value}}`;
    return this;
  }
}

const PORTS: Readonly<Record<string, number>> = { "https:": 443, "http:": 80 };

/** A client chooses models and so parts of some paths; what nobody was let in for may be anything. */
function routeOf({ path, callerId, error, model }: CallSummary): string | null {
  if (callerId === null || (model === null && NO_ROUTE.has(error?.kind ?? ""))) return null;
  return path.includes("odel") ? path.replace(MODEL_IN_PATH, "$1{model}") : path;
}

const NO_ROUTE: ReadonlySet<string> = new Set(["not-found", "method-not-allowed"]);
const MODEL_IN_PATH = /(\/(?:models?|tunedModels)\/)[^/]+?(?=(?::\w+)?$|\/)/;
/** Names are the client's to choose. */
const MOST_CHARACTERS = 120;
/** What is an id, and no words. */
const ID = /^[\w.:-]{1,128}$/;

function callAttributes(summary: CallSummary, route: string | null): Attributes {
  const { status, callerId, upstreamProtocol, model, dropped } = summary;
  const attributes = new Attributes().text(HTTP.method, summary.method);
  if (route !== null) attributes.text(HTTP.route, route);
  if (status !== null) attributes.number(HTTP.status, status);
  attributes.text(OWN.requestId, summary.requestId).text(OWN.protocol, summary.protocol);
  if (callerId !== null) attributes.text(OWN.key, callerId);
  if (upstreamProtocol !== null) attributes.text(OWN.upstreamProtocol, upstreamProtocol);
  if (model !== null) attributes.text(OWN.modelAsked, model.slice(0, MOST_CHARACTERS));
  if (summary.fallback !== null) attributes.flag(OWN.fallback);
  if (dropped.length > 0) attributes.number(OWN.losses, dropped.length);
  return attributes;
}

interface InferenceParts {
  readonly first: Attempt;
  readonly trace: CallTrace;
  readonly make: Make;
}

/** All attempts together, as the conventions have it. */
function inferenceSpan(summary: CallSummary, { first, trace, make }: InferenceParts): string {
  const { finish, error, session } = summary;
  const operation = operationName(summary.upstreamProtocol ?? "openai-chat");
  const model = (summary.upstreamModel ?? first.model).slice(0, MOST_CHARACTERS);
  const attributes = new Attributes()
    .text(GEN_AI.operation, operation)
    .text(GEN_AI.provider, providerName(summary.provider ?? ""))
    .text(GEN_AI.requestModel, model)
    .text(GEN_AI.responseModel, model)
    .place(new URL(first.url));
  if (summary.streaming === true) attributes.flag(GEN_AI.stream);
  if (session !== null && ID.test(session)) attributes.text(GEN_AI.conversation, session);
  if (finish !== null) attributes.list(GEN_AI.finishReasons, finish.kind);
  if (trace.firstChunkMs !== null) attributes.seconds(GEN_AI.timeToFirstChunk, trace.firstChunkMs - first.startMs);
  addUsage(attributes, summary);
  return make({
    name: `${operation} ${model}`,
    kind: CLIENT,
    id: trace.inferenceId,
    parentId: trace.spanId,
    startMs: first.startMs,
    endMs: summary.timings.totalMs,
    attributes,
    error: error?.kind ?? null,
  });
}

function addUsage(attributes: Attributes, { usage }: CallSummary): void {
  if (usage === null) return;
  const { inputTokens, cacheReadTokens, cacheWriteTokens, outputTokens, reasoningTokens } = usage;
  attributes.number(GEN_AI.inputTokens, (inputTokens ?? 0) + (cacheReadTokens ?? 0) + (cacheWriteTokens ?? 0));
  attributes.number(GEN_AI.outputTokens, outputTokens ?? 0);
  if (cacheReadTokens !== null) attributes.number(GEN_AI.cacheReadTokens, cacheReadTokens);
  if (cacheWriteTokens !== null) attributes.number(GEN_AI.cacheWriteTokens, cacheWriteTokens);
  if (reasoningTokens !== null) attributes.number(GEN_AI.reasoningTokens, reasoningTokens);
}

interface AttemptParts {
  readonly make: Make;
  readonly parentId: string;
  readonly totalMs: number;
}

function attemptSpan(attempt: Attempt, index: number, { make, parentId, totalMs }: AttemptParts): string {
  const attributes = new Attributes().text(HTTP.method, "POST").place(new URL(attempt.url));
  attributes.text(GEN_AI.requestModel, attempt.model.slice(0, MOST_CHARACTERS));
  if (attempt.status !== null) attributes.number(HTTP.status, attempt.status);
  if (index > 0) attributes.number(HTTP.resend, index);
  return make({
    name: "POST",
    kind: CLIENT,
    id: attempt.spanId,
    parentId,
    startMs: attempt.startMs,
    endMs: attempt.endMs ?? totalMs,
    attributes,
    error: attempt.error,
  });
}

export interface TraceSource {
  /** What the spans are about. */
  readonly resource: Readonly<Record<string, string>>;
  readonly scope: { readonly name: string; readonly version: string };
  /** A UUID. */
  readonly newId: () => string;
}

/** The body of a request to `/v1/traces`. */
export function tracesJson(calls: readonly CallSummary[], { resource, scope, newId }: TraceSource): string {
  const about = new Attributes();
  for (const [name, value] of Object.entries(resource)) about.text(name, value);
  const spans = calls.flatMap((summary) => (summary.trace === null ? [] : spansJson(summary, summary.trace, newId)));
  return `{"resourceSpans":[{"resource":{"attributes":[${about.json}]},"scopeSpans":[{"scope":${JSON.stringify(scope)},"spans":[${spans.join(",")}]}]}]}`;
}
