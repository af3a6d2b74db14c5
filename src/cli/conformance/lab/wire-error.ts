// Errors and keep-alives of each provider: as a body, and inside a stream.
// Written from the protocols' documentation and not from this program's codecs, which it judges.

import type { ProtocolId } from "../../../protocol/canonical.ts";
import type { JsonObject } from "../wire.ts";
import { crlf, named, unnamed } from "./wire-reply.ts";

export interface Refusal {
  readonly status: number;
  readonly message: string;
  readonly code?: string;
}

const ANTHROPIC_TYPES: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  500: "api_error",
  503: "overloaded_error",
  529: "overloaded_error",
};
const GOOGLE_STATUSES: Readonly<Record<number, string>> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  413: "INVALID_ARGUMENT",
  429: "RESOURCE_EXHAUSTED",
  500: "INTERNAL",
  503: "UNAVAILABLE",
};
const OPENAI_TYPES: Readonly<Record<number, string>> = { 429: "rate_limit_error", 500: "server_error", 503: "server_error" };
const OPENAI_CODES: Readonly<Record<number, string>> = { 401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded" };

/** An error in the body format of each provider. */
export function errorOf(protocol: ProtocolId, { status, message: words, code }: Refusal): JsonObject {
  switch (protocol) {
    case "anthropic-messages":
      return { type: "error", error: { type: ANTHROPIC_TYPES[status] ?? "api_error", message: words }, request_id: "req_lab" };
    case "gemini":
      return { error: { code: status, message: words, status: GOOGLE_STATUSES[status] ?? "INTERNAL" } };
    default:
      return {
        error: {
          message: words,
          type: OPENAI_TYPES[status] ?? "invalid_request_error",
          param: null,
          code: code ?? OPENAI_CODES[status] ?? null,
        },
      };
  }
}

/** An error inside a stream, as each provider sends it. */
export function errorEvents(protocol: ProtocolId, refusal: Refusal): string[] {
  const body = errorOf(protocol, refusal);
  if (protocol === "anthropic-messages") return [named({ ...body, type: "error" })];
  if (protocol === "gemini") return [crlf(unnamed(body))];
  if (protocol === "openai-chat") return [unnamed(body)];
  return [named({ type: "error", code: refusal.code ?? "server_error", message: refusal.message, param: null, sequence_number: 90 })];
}

const COMMENT = ": keep-alive\n\n";

/** A keep-alive, as each provider sends it. */
export function ping(protocol: ProtocolId): string {
  if (protocol === "anthropic-messages") return named({ type: "ping" });
  return protocol === "gemini" ? crlf(COMMENT) : COMMENT;
}
