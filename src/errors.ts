// One error class, and the table that says what each kind of failure means for the client, the operator and the log.
// Never logs, formats for a protocol, or carries a secret in `message`. Imports nothing.

/** What went wrong, in the one vocabulary that all folders and codecs share. */
export type ErrorKind =
  | "invalid-request"
  | "unauthenticated"
  | "forbidden"
  | "not-found"
  | "model-not-allowed"
  | "method-not-allowed"
  | "too-large"
  | "rate-limited"
  | "budget"
  | "quota"
  | "cancelled"
  | "ended"
  | "stopped"
  | "internal"
  | "upstream-rejected"
  | "upstream-failed"
  | "overloaded"
  | "upstream-timeout";

export type Blame = "client" | "upstream" | "gateway";
export type LogLevel = "debug" | "info" | "warning" | "error";

export interface ErrorTrait {
  /** HTTP status of the answer, if none has been sent; `upstream-rejected` keeps the upstream's own. */
  readonly status: number;
  /** Whether sending the same request again can succeed. */
  readonly retryable: boolean;
  readonly blame: Blame;
  readonly level: LogLevel;
}

export const ERRORS: Readonly<Record<ErrorKind, ErrorTrait>> = {
  "invalid-request": { status: 400, retryable: false, blame: "client", level: "info" },
  unauthenticated: { status: 401, retryable: false, blame: "client", level: "warning" },
  forbidden: { status: 403, retryable: false, blame: "client", level: "warning" },
  "not-found": { status: 404, retryable: false, blame: "client", level: "info" },
  // The client sees an unknown model.
  "model-not-allowed": { status: 404, retryable: false, blame: "client", level: "info" },
  "method-not-allowed": { status: 405, retryable: false, blame: "client", level: "info" },
  "too-large": { status: 413, retryable: false, blame: "client", level: "info" },
  "rate-limited": { status: 429, retryable: true, blame: "upstream", level: "warning" },
  // A key's budget, or the plan, is used up; waiting a moment does not help.
  budget: { status: 402, retryable: false, blame: "client", level: "warning" },
  quota: { status: 402, retryable: false, blame: "client", level: "warning" },
  cancelled: { status: 499, retryable: false, blame: "client", level: "info" },
  // Ended by an administrator. Agents retry after 409 and 5xx, and ask for another key after 401 and 403.
  ended: { status: 400, retryable: false, blame: "gateway", level: "warning" },
  // The server is shutting down, or stopped before the answer was complete.
  stopped: { status: 503, retryable: true, blame: "gateway", level: "warning" },
  internal: { status: 500, retryable: false, blame: "gateway", level: "error" },
  "upstream-rejected": { status: 400, retryable: false, blame: "upstream", level: "warning" },
  "upstream-failed": { status: 502, retryable: true, blame: "upstream", level: "error" },
  overloaded: { status: 503, retryable: true, blame: "upstream", level: "warning" },
  "upstream-timeout": { status: 504, retryable: true, blame: "upstream", level: "error" },
};

export interface ErrorOptions {
  /** HTTP status instead of the kind's own; used to keep an upstream's status. */
  readonly status?: number;
  /** The request field at fault, as a path the client wrote, e.g. `messages[2].content`. */
  readonly param?: string;
  /** A machine-readable code: the upstream's own, or one that clients know, e.g. `context_length_exceeded`. */
  readonly code?: string;
  /** The upstream's own error type, e.g. `billing_error`; used again where the client's protocol knows it. */
  readonly type?: string;
  /** Further members of the error object that the client's protocol understands. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** Headers for the client, lower-case names: `retry-after`, `allow`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** For the log only. */
  readonly cause?: unknown;
}

/**
 * The one error of this program. `message` is always safe to show to a client: it names what was wrong, where, and what
 * to do, and holds no key, no upstream address, no stack. Everything else belongs in `cause`.
 */
export class GatewayError extends Error {
  override readonly name = "GatewayError";
  readonly kind: ErrorKind;
  readonly status: number;
  readonly param: string | null;
  readonly code: string | null;
  readonly type: string | null;
  readonly details: Readonly<Record<string, unknown>> | null;
  readonly headers: Readonly<Record<string, string>>;

  constructor(kind: ErrorKind, message: string, options: ErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.kind = kind;
    this.status = options.status ?? ERRORS[kind].status;
    this.param = options.param ?? null;
    this.code = options.code ?? null;
    this.type = options.type ?? null;
    this.details = options.details ?? null;
    this.headers = options.headers ?? {};
  }
}

/**
 * The header of an error that says where it comes from: `upstream` where Factory refused the call, otherwise which of this server's limits did.
 * Errors of this server that are no limit's have none.
 */
export const REASON_HEADER = "x-factory-proxy-reason";
export const UPSTREAM_REASON = "upstream";

/** Any failure as the error that a client may see. */
export function asGatewayError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  return new GatewayError("internal", "The proxy failed while it answered. The log has the details under this request id.", {
    cause: error,
  });
}

/** Whether a quota or a plan is used up, so that waiting a moment does not help. */
export function isUsedUp({ status, code, type }: GatewayError): boolean {
  return status === 402 || USED_UP.has(code ?? "") || USED_UP.has(type ?? "");
}

const USED_UP: ReadonlySet<string> = new Set([
  "insufficient_quota",
  "billing_error",
  "usage_limit_reached",
  "contract_spend_limit_reached",
  "enforced_spend_limit_reached",
]);

/** The kind of error for an upstream's HTTP status. */
export function kindOfStatus(status: number): ErrorKind {
  if (status === 429) return "rate-limited";
  if (status === 503 || status === 529) return "overloaded";
  if (status === 408 || status === 504) return "upstream-timeout";
  if (status >= 400 && status < 500) return "upstream-rejected";
  return "upstream-failed";
}
