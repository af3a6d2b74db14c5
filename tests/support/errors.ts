// What each kind of error has to look like in each protocol. Where the protocol leaves a word open, the table has the words that the
// official clients know.

import type { ErrorKind } from "../../src/errors.ts";
import type { ProtocolId } from "../../src/protocol/canonical.ts";

export interface ErrorLook {
  readonly status: number;
  /** `error.type` of OpenAI and Anthropic, `error.status` of Gemini: one of these. */
  readonly types: readonly string[];
  /** OpenAI's `error.code`, where it is fixed. */
  readonly code?: string;
}

const OPENAI: Readonly<Record<ErrorKind, ErrorLook>> = {
  "invalid-request": { status: 400, types: ["invalid_request_error"] },
  unauthenticated: { status: 401, types: ["invalid_request_error"], code: "invalid_api_key" },
  forbidden: { status: 403, types: ["permission_error"] },
  "not-found": { status: 404, types: ["invalid_request_error"] },
  "model-not-allowed": { status: 404, types: ["invalid_request_error"] },
  "method-not-allowed": { status: 405, types: ["invalid_request_error"] },
  "too-large": { status: 413, types: ["invalid_request_error"] },
  "rate-limited": { status: 429, types: ["requests", "tokens", "rate_limit_exceeded", "rate_limit_error"], code: "rate_limit_exceeded" },
  budget: { status: 402, types: ["insufficient_quota"] },
  quota: { status: 402, types: ["insufficient_quota"] },
  cancelled: { status: 499, types: ["invalid_request_error", "server_error", "cancelled", "request_cancelled"] },
  ended: { status: 400, types: ["invalid_request_error"] },
  internal: { status: 500, types: ["server_error"] },
  "upstream-rejected": { status: 400, types: ["invalid_request_error"] },
  "upstream-failed": { status: 502, types: ["server_error"] },
  overloaded: { status: 503, types: ["server_error"] },
  stopped: { status: 503, types: ["server_error"] },
  "upstream-timeout": { status: 504, types: ["timeout_error"] },
};

const ANTHROPIC: Readonly<Record<ErrorKind, ErrorLook>> = {
  "invalid-request": { status: 400, types: ["invalid_request_error"] },
  unauthenticated: { status: 401, types: ["authentication_error"] },
  forbidden: { status: 403, types: ["permission_error"] },
  "not-found": { status: 404, types: ["not_found_error"] },
  "model-not-allowed": { status: 404, types: ["not_found_error"] },
  "method-not-allowed": { status: 405, types: ["invalid_request_error"] },
  "too-large": { status: 413, types: ["request_too_large"] },
  "rate-limited": { status: 429, types: ["rate_limit_error"] },
  budget: { status: 402, types: ["billing_error"] },
  quota: { status: 402, types: ["billing_error"] },
  cancelled: { status: 499, types: ["invalid_request_error", "api_error"] },
  ended: { status: 400, types: ["invalid_request_error"] },
  internal: { status: 500, types: ["api_error"] },
  "upstream-rejected": { status: 400, types: ["invalid_request_error"] },
  "upstream-failed": { status: 502, types: ["api_error"] },
  overloaded: { status: 529, types: ["overloaded_error"] },
  stopped: { status: 529, types: ["overloaded_error"] },
  "upstream-timeout": { status: 504, types: ["timeout_error"] },
};

const GEMINI: Readonly<Record<ErrorKind, ErrorLook>> = {
  "invalid-request": { status: 400, types: ["INVALID_ARGUMENT"] },
  unauthenticated: { status: 401, types: ["UNAUTHENTICATED"] },
  forbidden: { status: 403, types: ["PERMISSION_DENIED"] },
  "not-found": { status: 404, types: ["NOT_FOUND"] },
  "model-not-allowed": { status: 404, types: ["NOT_FOUND"] },
  "method-not-allowed": { status: 405, types: ["INVALID_ARGUMENT", "UNIMPLEMENTED"] },
  "too-large": { status: 413, types: ["INVALID_ARGUMENT"] },
  "rate-limited": { status: 429, types: ["RESOURCE_EXHAUSTED"] },
  budget: { status: 402, types: ["FAILED_PRECONDITION"] },
  quota: { status: 402, types: ["FAILED_PRECONDITION"] },
  cancelled: { status: 499, types: ["CANCELLED"] },
  ended: { status: 400, types: ["INVALID_ARGUMENT"] },
  internal: { status: 500, types: ["INTERNAL"] },
  "upstream-rejected": { status: 400, types: ["INVALID_ARGUMENT"] },
  "upstream-failed": { status: 502, types: ["INTERNAL", "UNAVAILABLE"] },
  overloaded: { status: 503, types: ["UNAVAILABLE"] },
  stopped: { status: 503, types: ["UNAVAILABLE"] },
  "upstream-timeout": { status: 504, types: ["DEADLINE_EXCEEDED"] },
};

export const ERROR_LOOKS: Readonly<Record<ProtocolId, Readonly<Record<ErrorKind, ErrorLook>>>> = {
  "openai-chat": OPENAI,
  "openai-responses": OPENAI,
  "anthropic-messages": ANTHROPIC,
  gemini: GEMINI,
};

/** The upstream statuses that a client must see unchanged, and their names (A.17). */
export const REJECTIONS: readonly { readonly status: number; readonly types: Readonly<Record<ProtocolId, string | null>> }[] = [
  rejection(400, "invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT"),
  rejection(401, "invalid_request_error", "authentication_error", "UNAUTHENTICATED"),
  rejection(402, "insufficient_quota", "billing_error", null),
  rejection(403, "permission_error", "permission_error", "PERMISSION_DENIED"),
  rejection(404, "invalid_request_error", "not_found_error", "NOT_FOUND"),
  rejection(409, null, "conflict_error", "ABORTED"),
  rejection(413, "invalid_request_error", "request_too_large", "INVALID_ARGUMENT"),
];

function rejection(status: number, openai: string | null, anthropic: string | null, gemini: string | null): (typeof REJECTIONS)[number] {
  return { status, types: { "openai-chat": openai, "openai-responses": openai, "anthropic-messages": anthropic, gemini } };
}
