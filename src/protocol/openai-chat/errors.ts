// Errors, both directions: an upstream's error answer or error chunk of any shape, and OpenAI's error object with its status.
// Never loses a status or `retry-after`, and never shows a client a page of HTML or a key.
// Shapes: https://platform.openai.com/docs/guides/error-codes (read 2026-11).

import { GatewayError, kindOfStatus, type ErrorKind } from "../../errors.ts";
import { parseOrUndefined } from "../../wire/json.ts";
import type { SseEvent } from "../../wire/sse.ts";
import type { EncodedError } from "../codec.ts";
import { recognised, withContextCode } from "../context-overflow.ts";
import { numberOf, objectOf, objectsOf, textOf, type ErrorRead } from "./wire.ts";

// ---- Decode --------------------------------------------------------------------------------------------------------

/** How long clients wait before a retry. */
const RETRY_HEADERS = ["retry-after", "retry-after-ms", "x-should-retry"];

export function decodeError(status: number, body: string, headers: Readonly<Record<string, string>>): GatewayError {
  const found = readError(parseOrUndefined(body));
  const message = found.message === "" ? textMessage(status, body) : found.message;
  const { code } = found;
  const kept = RETRY_HEADERS.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]] as const]));
  // A used-up quota does not return by waiting.
  const isSpent = code === "insufficient_quota" || found.type === "insufficient_quota";
  const error = new GatewayError(kindOfStatus(status), redacted(message), {
    status,
    ...optional({ code, type: found.type, param: found.param }),
    headers: isSpent ? { ...Object.fromEntries(kept), "x-should-retry": "false" } : Object.fromEntries(kept),
  });
  return recognised(error);
}

/** An error inside an answer with a successful status. */
export function decodeErrorValue(value: unknown): GatewayError {
  const found = readError(value);
  const status = found.status ?? statusOfType(found.type) ?? statusOfType(found.code);
  const message = found.message === "" ? "The upstream stopped with an unexplained error." : found.message;
  const kind: ErrorKind = status === null ? "upstream-failed" : kindOfStatus(status);
  const { code, type, param } = found;
  return recognised(
    new GatewayError(kind, redacted(message), { ...(status === null ? {} : { status }), ...optional({ code, type, param }) }),
  );
}

interface FoundError {
  readonly message: string;
  readonly type: string | null;
  readonly code: string | null;
  readonly param: string | null;
  readonly status: number | null;
}

/** `{error: {...}}`, `{error: "..."}`, the object itself, FastAPI's `detail`, a bare string. */
function readError(value: unknown): FoundError {
  const outer = objectOf<ErrorRead>(value);
  const error = objectOf<ErrorRead>(outer?.error) ?? outer;
  const detail =
    textOf(error?.detail) ||
    objectsOf<{ msg: unknown }>(error?.detail)
      .map((fault) => textOf(fault.msg))
      .join("; ");
  const message = textOf(error?.message) || textOf(error?.error) || textOf(outer?.error) || detail || textOf(value);
  const numbered = numberOf(error?.code);
  const number = numbered ?? numberOf(error?.status);
  const isStatus = number !== null && number >= 400 && number < 600;
  return {
    message,
    type: textOf(error?.type) || null,
    code: textOf(error?.code) || (numbered === null || isStatus ? null : String(numbered)),
    param: textOf(error?.param) || null,
    status: isStatus ? number : null,
  };
}

/** The status that a type or code stands for, at OpenAI and compatible servers. */
const STATUS_OF_TYPE: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  invalid_api_key: 401,
  permission_error: 403,
  not_found_error: 404,
  model_not_found: 404,
  rate_limit_error: 429,
  rate_limit_exceeded: 429,
  requests: 429,
  tokens: 429,
  insufficient_quota: 429,
  overloaded_error: 503,
  service_unavailable: 503,
  timeout_error: 504,
};

function statusOfType(type: string | null): number | null {
  return type !== null && Object.hasOwn(STATUS_OF_TYPE, type) ? (STATUS_OF_TYPE[type] ?? null) : null;
}

const MAX_PLAIN_TEXT = 300;

/** A message for a non-JSON answer; its text where that is short and not a page. */
function textMessage(status: number, body: string): string {
  const text = body.trim();
  const isSentence = text !== "" && text.length <= MAX_PLAIN_TEXT && !text.includes("<") && !text.startsWith("{") && !text.startsWith("[");
  return isSentence
    ? `The upstream answered with status ${status}: ${text}`
    : `The upstream answered with status ${status} and gave no reason.`;
}

const KEY = /\b(?:sk|fk|rk|pk|gsk|xai)-[A-Za-z0-9_*.-]{6,}/g;

/** Some upstreams repeat the key that they reject; it is not the client's to see. */
function redacted(message: string): string {
  return message.replace(KEY, "<key>");
}

function optional(options: Readonly<Record<"code" | "type" | "param", string | null>>): { code?: string; type?: string; param?: string } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== null));
}

// ---- Encode --------------------------------------------------------------------------------------------------------

interface Look {
  readonly type: string;
  readonly code?: string;
}

const SERVER_ERROR: Look = { type: "server_error" };
const BAD_REQUEST: Look = { type: "invalid_request_error" };

const LOOKS: Readonly<Record<number, Look>> = {
  401: { type: "invalid_request_error", code: "invalid_api_key" },
  402: { type: "insufficient_quota", code: "insufficient_quota" },
  403: { type: "permission_error" },
  408: { type: "timeout_error" },
  429: { type: "requests", code: "rate_limit_exceeded" },
  504: { type: "timeout_error" },
};

/** Types that OpenAI's clients know; another vendor's type would mean nothing to them. */
const KNOWN_TYPES: ReadonlySet<string> = new Set([
  "invalid_request_error",
  "permission_error",
  "timeout_error",
  "server_error",
  "requests",
  "tokens",
  "insufficient_quota",
]);

export function encodeError(error: GatewayError): EncodedError {
  // 529 belongs to another protocol; clients of this one retry at 503.
  const status = error.status === 529 ? 503 : error.status;
  const look = LOOKS[status] ?? (status >= 500 ? SERVER_ERROR : BAD_REQUEST);
  const type = error.type !== null && KNOWN_TYPES.has(error.type) ? error.type : look.type;
  const body = { error: { message: error.message, type, param: error.param, code: error.code ?? look.code ?? null } };
  return { status, body: JSON.stringify(body) };
}

/** An upstream's own body, with the code that clients recognise where the context is full. */
export const editError = withContextCode;

/** The last event of a stream that failed; no `[DONE]` follows it. */
export function errorEvent(error: GatewayError): SseEvent {
  return { event: null, data: encodeError(error).body };
}
