// The errors of the `openai` SDK, both majors.

import type { Failure } from "./client.ts";

export const OPENAI_ERRORS = {
  401: "AuthenticationError",
  404: "NotFoundError",
  429: "RateLimitError",
  500: "InternalServerError",
} as const;

interface OpenaiError {
  readonly status?: number;
  readonly headers?: Headers;
  readonly message?: string;
  /** The value of `error` in the body. */
  readonly error?: { readonly message?: string };
}

/** The class by its name, since each major has its own. */
export function openaiFailure(error: unknown): Failure {
  const { status, headers, error: body, message } = error as OpenaiError;
  return {
    type: error instanceof Error ? error.constructor.name : typeof error,
    status,
    // What 6.x rejects with in mid-stream is the event, not an error.
    message: body?.message ?? message,
    retryAfter: headers?.get("retry-after") ?? null,
  };
}
