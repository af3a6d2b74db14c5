// Errors, both directions: Google's error body, or whatever else an upstream sends in its place, and the event that ends a stream.
// https://cloud.google.com/apis/design/errors and google/rpc/error_details.proto (read 2026-11)
// Does not lose the status or the retry time, or show a page of HTML to a client.

import { GatewayError, kindOfStatus } from "../../errors.ts";
import { isObject, parseOrUndefined, print, type Json, type JsonObject } from "../../wire/json.ts";
import type { SseEvent } from "../../wire/sse.ts";
import type { EncodedError } from "../codec.ts";
import { recognised } from "../context-overflow.ts";
import { plainSentence } from "../factory-error.ts";

const TYPE = "type.googleapis.com/google.rpc.";

// ---- Decode ------------------------------------------------------------------------------------------------------

export function decodeError(status: number, body: string, headers: Readonly<Record<string, string>>): GatewayError {
  const value = parseOrUndefined(body);
  return errorOf(value ?? plainSentence(value, body), { status, headers });
}

interface Answer {
  /** HTTP status; 200 for an error inside an answer. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** The error in an upstream's JSON. */
export function errorOf(value: Json, { status, headers }: Answer): GatewayError {
  // An endpoint that streams without server-sent events wraps its error in an array.
  const outer = Array.isArray(value) ? (value[0] ?? null) : value;
  const inner = isObject(outer) ? (outer["error"] ?? outer) : outer;
  const error = isObject(inner) ? inner : {};
  const said = isObject(inner) ? (inner["message"] ?? inner["detail"]) : inner;
  const code = error["code"];
  const known = status >= 400 ? status : typeof code === "number" && code >= 400 && code < 600 ? code : 502;
  const details = Array.isArray(error["details"]) ? error["details"] : null;
  const message = typeof said === "string" && said !== "" ? said : `The upstream answered with status ${known} and no readable error.`;
  const type = typeof error["status"] === "string" ? error["status"] : null;
  const reason = detail(details, "ErrorInfo")?.["reason"];
  const retryAfter = retryAfterOf(headers, details);
  const found = new GatewayError(kindOfStatus(known), message, {
    status: known,
    ...(typeof reason === "string" ? { code: reason } : {}),
    ...(type === null ? {} : { type }),
    ...(details === null ? {} : { details: { details } }),
    ...(retryAfter === null ? {} : { headers: { "retry-after": retryAfter } }),
  });
  return recognised(found, reason ?? code);
}

function detail(details: readonly Json[] | null, name: string): JsonObject | null {
  return details?.filter(isObject).find((one) => one["@type"] === TYPE + name) ?? null;
}

const DELAY = /^(\d+(?:\.\d+)?)s$/;

/** Seconds, or the HTTP date that the header held. */
function retryAfterOf(headers: Answer["headers"], details: readonly Json[] | null): string | null {
  const header = headers["retry-after"];
  if (header !== undefined) return header;
  const milliseconds = Number(headers["retry-after-ms"] ?? Number.NaN);
  if (milliseconds >= 0) return String(Math.ceil(milliseconds / 1000));
  const said = detail(details, "RetryInfo")?.["retryDelay"];
  const delay = typeof said === "string" ? DELAY.exec(said)?.[1] : undefined;
  return delay === undefined ? null : String(Math.ceil(Number(delay)));
}

// ---- Encode ------------------------------------------------------------------------------------------------------

const WORDS: Readonly<Record<number, string>> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  402: "FAILED_PRECONDITION",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  405: "UNIMPLEMENTED",
  408: "DEADLINE_EXCEEDED",
  409: "ABORTED",
  413: "INVALID_ARGUMENT",
  422: "INVALID_ARGUMENT",
  429: "RESOURCE_EXHAUSTED",
  499: "CANCELLED",
  500: "INTERNAL",
  501: "UNIMPLEMENTED",
  502: "UNAVAILABLE",
  503: "UNAVAILABLE",
  504: "DEADLINE_EXCEEDED",
};
const GOOGLE_WORDS: ReadonlySet<string> = new Set([...Object.values(WORDS), "OUT_OF_RANGE", "ALREADY_EXISTS", "DATA_LOSS", "UNKNOWN"]);

export function encodeError(error: GatewayError, requestId: string): EncodedError {
  const { status, value } = errorValue(error, [{ "@type": `${TYPE}RequestInfo`, requestId }]);
  return { status, body: print({ error: value }) };
}

/** Official clients read an error chunk by its numeric code, and do not know named events. */
export function errorEvent(error: GatewayError): SseEvent {
  return { event: null, data: print({ error: errorValue(error, []).value }) };
}

/** Clients of this protocol look for no code: an upstream's own body is unchanged. */
export function editError(body: string): string {
  return body;
}

function errorValue(error: GatewayError, more: readonly JsonObject[]): { status: number; value: JsonObject } {
  // 529 is Anthropic's word for overloaded; others do not know it.
  const status = error.status === 529 ? 503 : error.status;
  const word =
    error.type !== null && GOOGLE_WORDS.has(error.type) ? error.type : (WORDS[status] ?? (status < 500 ? "INVALID_ARGUMENT" : "INTERNAL"));
  const given = ownDetails(error);
  const details = given ?? madeDetails(error);
  for (const one of more) if (!details.some((found) => isObject(found) && found["@type"] === one["@type"])) details.push(one);
  return { status, value: { code: status, message: error.message, status: word, ...(details.length > 0 ? { details } : {}) } };
}

/** Google's own details, unchanged. */
function ownDetails(error: GatewayError): Json[] | null {
  const details = error.details?.["details"];
  if (!Array.isArray(details)) return null;
  const typed = details.filter((one) => isObject(one)).filter((one) => typeof one["@type"] === "string");
  return typed.length > 0 ? typed : null;
}

function madeDetails(error: GatewayError): Json[] {
  const details: Json[] = [];
  if (error.param !== null) {
    details.push({ "@type": `${TYPE}BadRequest`, fieldViolations: [{ field: error.param, description: error.message }] });
  }
  if (error.code !== null) details.push({ "@type": `${TYPE}ErrorInfo`, reason: error.code, domain: "factory-proxy" });
  const seconds = Number(error.headers["retry-after"] ?? Number.NaN);
  if (seconds >= 0) details.push({ "@type": `${TYPE}RetryInfo`, retryDelay: `${seconds}s` });
  return details;
}
