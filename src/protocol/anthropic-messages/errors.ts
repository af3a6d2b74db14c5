// Errors, both directions, in a body or an event: {"type":"error","error":{"type","message","details"?},"request_id"}.
// Source: https://platform.claude.com/docs/en/api/errors (read 2026-11).
// Never loses a status or a `retry-after`, and never shows an upstream's HTML.

import { GatewayError, kindOfStatus, type ErrorKind, type ErrorOptions } from "../../errors.ts";
import { isObject, parseOrUndefined, print, type Json, type JsonObject } from "../../wire/json.ts";
import type { SseEvent } from "../../wire/sse.ts";
import type { EncodedError } from "../codec.ts";
import { CONTEXT_FULL, recognised } from "../context-overflow.ts";
import { plainSentence } from "../factory-error.ts";
import type * as wire from "./wire.ts";

/** Anthropic's own status for an overload; elsewhere it is 503. */
const OVERLOADED = 529;
const TYPES_BY_STATUS: readonly (readonly [status: number, type: wire.ErrorType])[] = [
  [400, "invalid_request_error"],
  [401, "authentication_error"],
  [402, "billing_error"],
  [403, "permission_error"],
  [404, "not_found_error"],
  [409, "conflict_error"],
  [413, "request_too_large"],
  [429, "rate_limit_error"],
  [500, "api_error"],
  [504, "timeout_error"],
  [OVERLOADED, "overloaded_error"],
];
const TYPES: ReadonlyMap<number, wire.ErrorType> = new Map(TYPES_BY_STATUS);
const STATUSES: ReadonlyMap<string, number> = new Map(TYPES_BY_STATUS.map(([status, type]) => [type, status]));
const TYPES_OF_OTHERS: ReadonlyMap<number, wire.ErrorType> = new Map([
  [408, "timeout_error"],
  [503, "overloaded_error"],
]);

/** Limits that do not go away by waiting a moment. */
const SPENT: ReadonlySet<string> = new Set(["contract_spend_limit_reached", "enforced_spend_limit_reached"]);
/** The text by which Claude Code recognises that the conversation is too long. */
const CONTEXT_FULL_WORDS = "prompt is too long";
/** Claude's own text, which clients recognise as well. */
const KNOWN_WORDS = /prompt is too long|input length and `max_tokens` exceed context limit/;
/** Response headers that tell a client when to retry. */
const RETRY_HEADERS = ["retry-after", "retry-after-ms", "x-should-retry"];

// ---- Decode ------------------------------------------------------------------------------------------------------

export function decodeError(status: number, body: string, headers: Readonly<Record<string, string>>): GatewayError {
  const value = parseOrUndefined(body);
  const kept = Object.fromEntries(RETRY_HEADERS.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])));
  const found = isObject(value) ? errorIn(value) : null;
  if (found === null) {
    const message = plainSentence(value, body) ?? `The upstream answered with status ${status} and gave no reason.`;
    return recognised(new GatewayError(kindOfStatus(status), message, { ...statusOption(status), headers: kept, cause: body }));
  }
  return build(status, found, kept);
}

/** The error in an `error` event, or in a body with status 200. */
export function decodeErrorObject(value: JsonObject): GatewayError {
  const found = errorIn(value) ?? { type: null, message: "The upstream reported an error without a message.", details: null };
  const status = STATUSES.get(found.type ?? "") ?? 500;
  return build(status, found, {});
}

interface Found {
  readonly type: string | null;
  readonly message: string;
  readonly details: JsonObject | null;
  /** Other makers' servers have one. */
  readonly code?: Json | undefined;
}

/** The error in this protocol's envelope, or in what other servers send instead. */
function errorIn(value: JsonObject): Found | null {
  const error = value["error"];
  if (isObject(error)) {
    const details = error["details"];
    return {
      type: text(error["type"]),
      message: text(error["message"]) ?? "The upstream gave no reason.",
      details: isObject(details) ? details : null,
      code: error["code"],
    };
  }
  const message = text(error) ?? text(value["message"]) ?? text(value["detail"]);
  return message === null ? null : { type: null, message, details: null };
}

function build(status: number, { type, message, details, code: said }: Found, headers: Readonly<Record<string, string>>): GatewayError {
  const code = text(details?.["error_code"]);
  const isSpent = code !== null && SPENT.has(code);
  // A retry does not help, so no time is given.
  const kind: ErrorKind = isSpent ? "upstream-rejected" : kindOfStatus(status);
  const options: ErrorOptions = {
    ...statusOption(status),
    ...(code === null ? {} : { code }),
    ...(type === null ? {} : { type }),
    ...(details === null ? {} : { details }),
    headers: isSpent ? {} : headers,
  };
  return recognised(new GatewayError(kind, message, options), code ?? said);
}

/** 529 becomes the kind's own status, since other protocols do not know it. */
function statusOption(status: number): { status?: number } {
  return status === OVERLOADED || status < 400 ? {} : { status };
}

function text(value: Json | undefined): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

// ---- Encode ------------------------------------------------------------------------------------------------------

export function encodeError(error: GatewayError, requestId: string): EncodedError {
  return { status: statusOf(error), body: JSON.stringify({ ...encodeErrorObject(error), request_id: requestId }) };
}

/** The last event of a stream that failed. */
export function errorEvent(error: GatewayError): SseEvent {
  return { event: "error", data: JSON.stringify(encodeErrorObject(error)) };
}

function statusOf({ kind, status }: GatewayError): number {
  return kind === "overloaded" || kind === "stopped" ? OVERLOADED : status;
}

export function encodeErrorObject(error: GatewayError): wire.ErrorObject {
  const details = detailsOf(error);
  return { type: "error", error: { type: typeOf(error), message: messageOf(error), ...(details === null ? {} : { details }) } };
}

function messageOf({ code, message }: GatewayError): string {
  return code === CONTEXT_FULL && !KNOWN_WORDS.test(message) ? `${CONTEXT_FULL_WORDS}: ${message}` : message;
}

/** For other makers' models behind this protocol: puts the text that clients recognise before theirs. Claude's own body is unchanged. */
export function editError(body: string, error: GatewayError): string {
  const message = messageOf(error);
  const value = message === error.message ? undefined : parseOrUndefined(body);
  if (!isObject(value)) return body;
  const inner = isObject(value["error"]) ? value["error"] : { type: typeOf(error) };
  return print({ ...value, type: "error", error: { ...inner, message } });
}

function detailsOf({ details, code, param }: GatewayError): object | null {
  if (details !== null) return details;
  if (code === null && param === null) return null;
  return { ...(code === null ? {} : { error_code: code }), ...(param === null ? {} : { param }) };
}

/** The status decides: other vendors use some of these types for other statuses. */
function typeOf(error: GatewayError): wire.ErrorType {
  const status = statusOf(error);
  const known = TYPES.get(status) ?? TYPES_OF_OTHERS.get(status) ?? TYPES_BY_STATUS.find(([, type]) => type === error.type)?.[1];
  if (known !== undefined) return known;
  return status >= 500 ? "api_error" : "invalid_request_error";
}
