// The spans of a call as OTLP's JSON, written when it has ended: the call, its admission, the conversion of its request, the model's answer with
// each attempt, the stream. Made of texts that are printed once; src/telemetry/README.md says what that saves.
// Never holds content, a key, or a URL: hosts, names of models and of client keys, counts and times.

import type { Attempt, CallTrace } from "../call-trace.ts";
import type { CallSummary } from "../call-summary.ts";
import { GEN_AI, HTTP, operationName, OWN, providerName } from "../gen-ai.ts";
import { attributeHead, END, nanoseconds, quoted } from "./attribute-json.ts";

/** https://github.com/open-telemetry/opentelemetry-proto/blob/v1.7.0/opentelemetry/proto/trace/v1/trace.proto (read 2026-11-28) */
const INTERNAL = 1;
const SERVER = 2;
const CLIENT = 3;
/** Flags: sampled, with a parent in this process, or a remote one. */
const FLAGS = 0x101;
const REMOTE_FLAGS = 0x301;
const STATUS_UNSET = '],"status":{"code":0}}';
const STATUS_ERROR = '],"status":{"code":2}}';

const METHOD = attributeHead(HTTP.method, "stringValue");
const ROUTE = attributeHead(HTTP.route, "stringValue");
const STATUS = attributeHead(HTTP.status, "intValue");
const RESEND = attributeHead(HTTP.resend, "intValue");
const ADDRESS = attributeHead(HTTP.address, "stringValue");
const PORT = attributeHead(HTTP.port, "intValue");
const ERROR_TYPE = attributeHead(HTTP.errorType, "stringValue");
const REQUEST_ID = attributeHead(OWN.requestId, "stringValue");
const KEY = attributeHead(OWN.key, "stringValue");
const PROTOCOL = attributeHead(OWN.protocol, "stringValue");
const UPSTREAM_PROTOCOL = attributeHead(OWN.upstreamProtocol, "stringValue");
const MODEL_ASKED = attributeHead(OWN.modelAsked, "stringValue");
const IS_FALLBACK = `${attributeHead(OWN.fallback, "boolValue")}true${END}`;
const LOSSES = attributeHead(OWN.losses, "intValue");
const OPERATION = attributeHead(GEN_AI.operation, "stringValue");
const PROVIDER = attributeHead(GEN_AI.provider, "stringValue");
const REQUEST_MODEL = attributeHead(GEN_AI.requestModel, "stringValue");
const RESPONSE_MODEL = attributeHead(GEN_AI.responseModel, "stringValue");
const IS_STREAM = `${attributeHead(GEN_AI.stream, "boolValue")}true${END}`;
const CONVERSATION = attributeHead(GEN_AI.conversation, "stringValue");
const FINISH_REASONS = `,{"key":"${GEN_AI.finishReasons}","value":{"arrayValue":{"values":[{"stringValue":`;
const END_OF_LIST = "}]}}}";
const TIME_TO_FIRST_CHUNK = attributeHead(GEN_AI.timeToFirstChunk, "doubleValue");
const INPUT_TOKENS = attributeHead(GEN_AI.inputTokens, "intValue");
const OUTPUT_TOKENS = attributeHead(GEN_AI.outputTokens, "intValue");
const CACHE_READ_TOKENS = attributeHead(GEN_AI.cacheReadTokens, "intValue");
const CACHE_WRITE_TOKENS = attributeHead(GEN_AI.cacheWriteTokens, "intValue");
const REASONING_TOKENS = attributeHead(GEN_AI.reasoningTokens, "intValue");

/** What all spans of a batch share. */
interface Batch {
  /** Attributes of an upstream's address, by URL. */
  readonly places: Map<string, string>;
}

/** What the spans of one call share. */
interface Call {
  readonly summary: CallSummary;
  readonly trace: CallTrace;
  readonly batch: Batch;
  /** When the call ended, in nanoseconds. */
  readonly endTime: string;
}

interface Making {
  /** In quotes. */
  readonly name: string;
  readonly kind: number;
  readonly id: string;
  /** Null: a root span. */
  readonly parentId: string | null;
  readonly flags?: number;
  /** In nanoseconds. */
  readonly startTime: string;
  readonly endTime: string;
  /** Each with a comma before it. */
  readonly attributes: string;
  /** Null: it succeeded. */
  readonly error: string | null;
}

export interface TraceSource {
  /** JSON that describes the resource and the scope of the spans. */
  readonly resource: string;
  readonly scope: string;
}

/** The body of a request to `/v1/traces`. */
export function tracesJson(calls: readonly CallSummary[], { resource, scope }: TraceSource): string {
  const batch = { places: new Map<string, string>() };
  let spans = "";
  for (const summary of calls) {
    if (summary.trace !== null) spans += `${spans === "" ? "" : ","}${spansJson(summary, summary.trace, batch)}`;
  }
  return `{"resourceSpans":[{"resource":${resource},"scopeSpans":[{"scope":${scope},"spans":[${spans}]}]}]}`;
}

/** All spans of a call, separated by commas. */
function spansJson(summary: CallSummary, trace: CallTrace, batch: Batch): string {
  const { timings, streaming, startedAtMs } = summary;
  const { conversion, attempts, firstChunkMs, parent } = trace;
  const startTime = nanoseconds(startedAtMs);
  const endTime = nanoseconds(startedAtMs + timings.totalMs);
  const call = { summary, trace, batch, endTime };
  const at = (ms: number): string => nanoseconds(startedAtMs + ms);
  const route = routeOf(summary);
  let spans = spanJson(trace.traceId, {
    name: quoted(route === null ? summary.method : `${summary.method} ${route}`),
    kind: SERVER,
    id: trace.spanId,
    parentId: parent?.spanId ?? null,
    flags: parent === null ? FLAGS : REMOTE_FLAGS,
    startTime,
    endTime,
    attributes: callAttributes(summary, route),
    error: serverError(summary),
  });
  spans += partJson("admission", call, { startTime, endTime: at(timings.admissionMs) });
  if (conversion !== null) spans += partJson("conversion", call, { startTime: at(conversion.startMs), endTime: at(conversion.endMs) });
  const [first] = attempts;
  if (first === undefined) return spans;
  if (trace.isInference) spans += `,${inferenceSpan(first, call)}`;
  for (const [index, attempt] of attempts.entries()) spans += `,${attemptSpan(attempt, index, call)}`;
  if (streaming === true && firstChunkMs !== null) spans += partJson("stream", call, { startTime: at(firstChunkMs), endTime });
  return spans;
}

type Times = Pick<Making, "startTime" | "endTime">;

/** A span without attributes of its own, with a comma before it. */
function partJson(name: string, { trace }: Call, { startTime, endTime }: Times): string {
  return (
    `,{"traceId":"${trace.traceId}","spanId":"${trace.nextSpanId()}","parentSpanId":"${trace.spanId}","name":"${name}",` +
    `"kind":${INTERNAL},"flags":${FLAGS},"startTimeUnixNano":"${startTime}","endTimeUnixNano":"${endTime}","attributes":[${STATUS_UNSET}`
  );
}

function spanJson(traceId: string, making: Making): string {
  const { name, kind, id, parentId, flags = FLAGS, startTime, endTime, attributes, error } = making;
  const parent = parentId === null ? "" : `"parentSpanId":"${parentId}",`;
  return (
    `{"traceId":"${traceId}","spanId":"${id}",${parent}"name":${name},"kind":${kind},"flags":${flags},` +
    `"startTimeUnixNano":"${startTime}","endTimeUnixNano":"${endTime}","attributes":[${attributes}` +
    (error === null ? STATUS_UNSET : `${ERROR_TYPE}${quoted(error)}${END}${STATUS_ERROR}`)
  );
}

/** An error of the client is not one of the server: https://opentelemetry.io/docs/specs/semconv/http/http-spans/#status */
function serverError({ error, status }: CallSummary): string | null {
  return error !== null && (status === null || status >= SERVER_ERROR || status < CLIENT_ERROR) ? error.kind : null;
}

const CLIENT_ERROR = 400;
const SERVER_ERROR = 500;

/** Host and port only. */
function place(url: string, { places }: Batch): string {
  const known = places.get(url);
  if (known !== undefined) return known;
  const { hostname, port, protocol } = new URL(url);
  const text = `${ADDRESS}${quoted(hostname)}${END}${PORT}${port === "" ? (PORTS[protocol] ?? 0) : port}${END}`;
  places.set(url, text);
  return text;
}

const PORTS: Readonly<Record<string, number>> = { "https:": 443, "http:": 80 };

/** A client chooses models, and so parts of some paths; a path without a route may be anything. */
function routeOf({ path, callerId, error, model }: CallSummary): string | null {
  if (callerId === null || (model === null && NO_ROUTE.has(error?.kind ?? ""))) return null;
  return path.includes("odel") ? path.replace(MODEL_IN_PATH, "$1{model}") : path;
}

const NO_ROUTE: ReadonlySet<string> = new Set(["not-found", "method-not-allowed"]);
const MODEL_IN_PATH = /(\/(?:models?|tunedModels)\/)[^/]+?(?=(?::\w+)?$|\/)/;
/** Limit on names that clients choose. */
const MOST_CHARACTERS = 120;
/** Matches an id, and no prose. */
const ID = /^[\w.:-]{1,128}$/;
/** The first attribute of a span has no comma before it. */
const FIRST_METHOD = METHOD.slice(1);
const FIRST_OPERATION = OPERATION.slice(1);

function callAttributes(summary: CallSummary, route: string | null): string {
  const { status, callerId, upstreamProtocol, model, dropped } = summary;
  let text = `${FIRST_METHOD}${quoted(summary.method)}${END}`;
  if (route !== null) text += `${ROUTE}${quoted(route)}${END}`;
  if (status !== null) text += `${STATUS}${status}${END}`;
  text += `${REQUEST_ID}${quoted(summary.requestId)}${END}${PROTOCOL}"${summary.protocol}"${END}`;
  if (callerId !== null) text += `${KEY}${quoted(callerId)}${END}`;
  if (upstreamProtocol !== null) text += `${UPSTREAM_PROTOCOL}"${upstreamProtocol}"${END}`;
  if (model !== null) text += `${MODEL_ASKED}${quoted(model.slice(0, MOST_CHARACTERS))}${END}`;
  if (summary.fallback !== null) text += IS_FALLBACK;
  if (dropped.length > 0) text += `${LOSSES}${dropped.length}${END}`;
  return text;
}

/** All attempts together, following the conventions. */
function inferenceSpan(first: Attempt, { summary, trace, batch, endTime }: Call): string {
  const { finish, error, session } = summary;
  const operation = operationName(summary.upstreamProtocol ?? "openai-chat");
  const model = quoted((summary.upstreamModel ?? first.model).slice(0, MOST_CHARACTERS));
  let attributes =
    `${FIRST_OPERATION}"${operation}"${END}${PROVIDER}${quoted(providerName(summary.provider ?? ""))}${END}` +
    `${REQUEST_MODEL}${model}${END}${RESPONSE_MODEL}${model}${END}${place(first.url, batch)}`;
  if (summary.streaming === true) attributes += IS_STREAM;
  if (session !== null && ID.test(session)) attributes += `${CONVERSATION}"${session}"${END}`;
  if (finish !== null) attributes += `${FINISH_REASONS}${quoted(finish.kind)}${END_OF_LIST}`;
  if (trace.firstChunkMs !== null) attributes += `${TIME_TO_FIRST_CHUNK}${(trace.firstChunkMs - first.startMs) / 1000}${END}`;
  return spanJson(trace.traceId, {
    name: `"${operation} ${model.slice(1)}`,
    kind: CLIENT,
    id: trace.inferenceId,
    parentId: trace.spanId,
    startTime: nanoseconds(summary.startedAtMs + first.startMs),
    endTime,
    attributes: attributes + usageAttributes(summary),
    error: error?.kind ?? null,
  });
}

function usageAttributes({ usage }: CallSummary): string {
  if (usage === null) return "";
  const { inputTokens, cacheReadTokens, cacheWriteTokens, outputTokens, reasoningTokens } = usage;
  const input = (inputTokens ?? 0) + (cacheReadTokens ?? 0) + (cacheWriteTokens ?? 0);
  let text = `${INPUT_TOKENS}${input}${END}${OUTPUT_TOKENS}${outputTokens ?? 0}${END}`;
  if (cacheReadTokens !== null) text += `${CACHE_READ_TOKENS}${cacheReadTokens}${END}`;
  if (cacheWriteTokens !== null) text += `${CACHE_WRITE_TOKENS}${cacheWriteTokens}${END}`;
  if (reasoningTokens !== null) text += `${REASONING_TOKENS}${reasoningTokens}${END}`;
  return text;
}

function attemptSpan(attempt: Attempt, index: number, { summary, trace, batch, endTime }: Call): string {
  const { spanId, status, startMs, endMs, error } = attempt;
  let attributes = `${FIRST_METHOD}"POST"${END}${place(attempt.url, batch)}${REQUEST_MODEL}${quoted(attempt.model.slice(0, MOST_CHARACTERS))}${END}`;
  if (status !== null) attributes += `${STATUS}${status}${END}`;
  if (index > 0) attributes += `${RESEND}${index}${END}`;
  return spanJson(trace.traceId, {
    name: '"POST"',
    kind: CLIENT,
    id: spanId,
    parentId: trace.isInference ? trace.inferenceId : trace.spanId,
    startTime: nanoseconds(summary.startedAtMs + startMs),
    endTime: endMs === null ? endTime : nanoseconds(summary.startedAtMs + endMs),
    attributes,
    error,
  });
}
