// Errors, both directions: as a body, as the event that ends a stream, as `error` of a failed response.
// Never loses the status or retry-after, and never shows markup, which broken intermediate proxies send.
// Source: https://platform.openai.com/docs/guides/error-codes (read 2026-11).

import { ERRORS, GatewayError, kindOfStatus, type ErrorKind, type ErrorOptions } from "../../errors.ts";
import { isObject, parseOrUndefined, print, rowOf, type Json, type JsonObject } from "../../wire/json.ts";
import type { EncodedError } from "../codec.ts";
import { recognised, withContextCode } from "../context-overflow.ts";
import type { SseEvent } from "../../wire/sse.ts";
import type * as wire from "./wire.ts";

// ---- Decoding ----------------------------------------------------------------------------------------------------

/** Headers that tell a client when to retry. */
const PASSED_HEADERS = ["retry-after", "retry-after-ms", "x-should-retry"] as const;
/** A used-up quota does not return by waiting, despite its status. */
const QUOTA = "insufficient_quota";
/** The longest non-JSON answer that is shown. */
const MAX_SHOWN = 500;

export function decodeError(status: number, body: string, headers: Readonly<Record<string, string>>): GatewayError {
  const said = detailsOf(parseOrUndefined(body), body);
  const passed: Record<string, string> = {};
  for (const name of PASSED_HEADERS) if (headers[name] !== undefined) passed[name] = headers[name];
  const message = said.message ?? `The upstream answered with status ${status} and no readable message.`;
  if (said.code === QUOTA || said.type === QUOTA) {
    return new GatewayError("upstream-rejected", message, { ...optionsOf(said), status, headers: { "x-should-retry": "false" } });
  }
  return recognised(new GatewayError(kindOfStatus(status), message, { ...optionsOf(said), status, headers: passed }));
}

interface ErrorDetails {
  readonly message: string | null;
  readonly type: string | null;
  readonly code: string | null;
  readonly param: string | null;
}

/** The message of a body, in the shapes that were seen: OpenAI's object, a bare string, `message`, `detail`, plain text. */
function detailsOf(value: Json | undefined, body: string): ErrorDetails {
  if (isObject(value)) {
    const error = value["error"];
    if (isObject(error)) return objectDetails(error);
    if (typeof error === "string" && error !== "") return { ...NO_DETAILS, message: error };
    const details = objectDetails(value);
    return details.message === null ? { ...details, message: text(value["detail"]) } : details;
  }
  if (typeof value === "string" && value !== "") return { ...NO_DETAILS, message: value };
  const shown = body.trim();
  const isReadable = value === undefined && shown !== "" && !MARKUP.test(shown);
  return isReadable ? { ...NO_DETAILS, message: shown.length > MAX_SHOWN ? `${shown.slice(0, MAX_SHOWN)} ...` : shown } : NO_DETAILS;
}

const NO_DETAILS: ErrorDetails = { message: null, type: null, code: null, param: null };
/** Markup, or truncated JSON: not for people. */
const MARKUP = /^[{[]|</;

function objectDetails(error: JsonObject): ErrorDetails {
  const code = error["code"];
  return {
    message: text(error["message"]),
    type: text(error["type"]),
    code: typeof code === "number" ? String(code) : text(code),
    param: text(error["param"]),
  };
}

function text(value: Json | undefined): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

function optionsOf({ type, code, param }: ErrorDetails): ErrorOptions {
  return { ...(type === null ? {} : { type }), ...(code === null ? {} : { code }), ...(param === null ? {} : { param }) };
}

/** Errors inside an answer with status 200: by their code, otherwise by their type. */
const KINDS: Readonly<Record<string, ErrorKind>> = {
  rate_limit_exceeded: "rate-limited",
  rate_limit_error: "rate-limited",
  requests: "rate-limited",
  tokens: "rate-limited",
  server_is_overloaded: "overloaded",
  overloaded_error: "overloaded",
  slow_down: "overloaded",
  timeout_error: "upstream-timeout",
  invalid_request_error: "upstream-rejected",
  invalid_prompt: "upstream-rejected",
  context_length_exceeded: "upstream-rejected",
  image_content_policy_violation: "upstream-rejected",
  bio_policy: "upstream-rejected",
  cyber_policy: "upstream-rejected",
  permission_error: "upstream-rejected",
};

/** The error in an `error` event, a failed response, or a 200 with an error. */
export function decodeErrorInside(error: JsonObject): GatewayError {
  const said = isObject(error["error"]) ? objectDetails(error["error"]) : { ...objectDetails(error), type: null };
  const message = said.message ?? "The upstream failed without a message.";
  if (said.code === QUOTA || said.type === QUOTA) {
    return new GatewayError("upstream-rejected", message, { ...optionsOf(said), status: 429, headers: { "x-should-retry": "false" } });
  }
  const kind = rowOf(KINDS, said.code ?? "") ?? rowOf(KINDS, said.type ?? "") ?? "upstream-failed";
  return recognised(new GatewayError(kind, message, optionsOf(said)));
}

// ---- Encoding ----------------------------------------------------------------------------------------------------

/** Types that OpenAI's clients know; another provider's type would mean nothing to them. */
const TYPES: ReadonlySet<string> = new Set([
  "invalid_request_error",
  "insufficient_quota",
  "server_error",
  "permission_error",
  "timeout_error",
  "requests",
  "tokens",
  // Codex's own word for a used-up plan.
  "usage_limit_reached",
]);

export function encodeError(error: GatewayError): EncodedError {
  return { status: statusOf(error), body: JSON.stringify({ error: errorObject(error) }) };
}

/** 529 is Anthropic's alone; all others use 503. */
function statusOf({ status }: GatewayError): number {
  return status === 529 ? 503 : status;
}

function errorObject(error: GatewayError): wire.ErrorObject {
  const { message, param, details } = error;
  const resetsAtS = details?.["resets_at"];
  return { message, type: typeOf(error), param, code: codeOf(error), ...(typeof resetsAtS === "number" ? { resets_at: resetsAtS } : {}) };
}

function typeOf({ kind, type, code, status }: GatewayError): string {
  if (type !== null && TYPES.has(type)) return type;
  if (code === QUOTA || status === 402) return QUOTA;
  if (kind === "rate-limited") return "requests";
  if (kind === "forbidden" || status === 403) return "permission_error";
  if (kind === "upstream-timeout" || status === 408) return "timeout_error";
  if (ERRORS[kind].blame === "client" || (status >= 400 && status < 500)) return "invalid_request_error";
  return "server_error";
}

function codeOf({ kind, code, param, status }: GatewayError): string | null {
  if (code !== null) return code;
  if (kind === "unauthenticated" || status === 401) return "invalid_api_key";
  if (kind === "rate-limited") return "rate_limit_exceeded";
  return kind === "not-found" && param === "model" ? "model_not_found" : null;
}

/** An upstream's own body, with the code that clients recognise where the context is full. */
export const editError = withContextCode;

/**
 * Both shapes at once: the members that the API's types define, and the surrounding object that the API sends. Some clients read
 * one, some the other. `sequence`: the event's number in its stream.
 */
export function errorEvent(error: GatewayError, sequence = 0): SseEvent {
  const { message, type, param, code } = errorObject(error);
  const event: wire.ErrorEvent = { type: "error", sequence_number: sequence, code, message, param, error: { type, code, message, param } };
  return { event: "error", data: JSON.stringify(event) };
}

/** Codes of a failed response; the first three are OpenAI's own, the others are understood all the same. */
const FAILURE_CODES: ReadonlySet<string> = new Set([
  "server_error",
  "rate_limit_exceeded",
  "invalid_prompt",
  "context_length_exceeded",
  "insufficient_quota",
]);

/** Errors that no client should retry; without the code, Codex would. */
const FINAL: ReadonlySet<ErrorKind> = new Set(["upstream-rejected", "invalid-request", "ended"]);

const LIMITED: ReadonlySet<ErrorKind> = new Set(["rate-limited", "budget", "quota"]);

/** `error` of a failed response. */
export function failureOf(error: GatewayError): { code: string; message: string } {
  const { message, kind } = error;
  const code = codeOf(error) ?? "";
  if (FAILURE_CODES.has(code)) return { code, message };
  if (LIMITED.has(kind)) return { code: "rate_limit_exceeded", message };
  return { code: FINAL.has(kind) ? "invalid_prompt" : "server_error", message };
}

/**
 * The end of a passed stream: the event that clients throw on, and the one that fails the response. Codex (0.171) reads only the latter, to
 * show the error and to decide whether to retry. The response is the one in the first events, since clients reject another id.
 */
export function failureEvents(error: GatewayError, passed: readonly SseEvent[]): SseEvent[] {
  let sequence = 0;
  let response: JsonObject | null = null;
  for (const { data } of passed) {
    const event = parseOrUndefined(data);
    if (!isObject(event)) continue;
    const { sequence_number: number, response: said = null } = event;
    if (typeof number === "number") sequence = number + 1;
    if (isObject(said)) response ??= said;
  }
  const thrown = errorEvent(error, sequence);
  if (response === null) return [thrown];
  const type = "response.failed";
  const failed = { type, sequence_number: sequence + 1, response: { ...response, status: "failed", error: failureOf(error) } };
  return [thrown, { event: type, data: print(failed) }];
}
