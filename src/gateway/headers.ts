// Headers: which of one side's the other side gets, by allow-lists, and those that name a request, a conversation and this program.
// Never does: let a credential, a hop-by-hop header or a length cross from one side to the other.

import type { Loss, ProtocolId } from "../protocol/canonical.ts";

/** Names of headers in lower case; `*` ends a prefix. */
class AllowList {
  readonly #names: ReadonlySet<string>;
  readonly #prefixes: readonly string[];

  constructor(entries: readonly string[]) {
    this.#names = new Set(entries.filter((entry) => !entry.endsWith("*")));
    this.#prefixes = entries.filter((entry) => entry.endsWith("*")).map((entry) => entry.slice(0, -1));
  }

  allows(name: string): boolean {
    return this.#names.has(name) || this.#prefixes.some((prefix) => name.startsWith(prefix));
  }
}

/** What a client of a protocol may say to an upstream of the same protocol. */
const TO_UPSTREAM: Readonly<Record<ProtocolId, AllowList>> = {
  "anthropic-messages": new AllowList(["anthropic-version", "anthropic-beta", "idempotency-key"]),
  "openai-responses": new AllowList(["openai-beta", "x-openai-*", "x-codex-*", "idempotency-key"]),
  "openai-chat": new AllowList(["openai-beta", "idempotency-key"]),
  gemini: new AllowList(["x-goog-api-client"]),
};

/** What an upstream may say to a client. */
const TO_CLIENT = new AllowList([
  "content-type",
  "retry-after",
  "retry-after-ms",
  "x-should-retry",
  "request-id",
  "x-ratelimit-*",
  "anthropic-ratelimit-*",
  "anthropic-organization-id",
  "openai-*",
  "x-goog-*",
  "x-factory-*",
]);

export function headersForUpstream(headers: Readonly<Record<string, string>>, protocol: ProtocolId): Record<string, string> {
  const passed: Record<string, string> = {};
  const list = TO_UPSTREAM[protocol];
  for (const name in headers) if (list.allows(name)) passed[name] = headers[name] ?? "";
  // The Messages API answers nobody who does not name a version; curl users forget it.
  if (protocol === "anthropic-messages") passed["anthropic-version"] ??= OLDEST_VERSION;
  return passed;
}

const OLDEST_VERSION = "2023-06-01";

/**
 * The upstream's own `x-request-id` comes as `x-upstream-request-id`, since the gateway's id stands under that name, and as
 * `request-id` where the upstream sent none.
 */
export function headersForClient(headers: Headers): Record<string, string> {
  const passed: Record<string, string> = {};
  let requestId: string | null = null;
  // The quicker way to walk headers on Bun.
  headers.forEach((value, name) => {
    if (TO_CLIENT.allows(name)) passed[name] = value;
    else if (name === "x-request-id") requestId = value;
  });
  if (requestId !== null) {
    passed["x-upstream-request-id"] = requestId;
    passed["request-id"] ??= requestId;
  }
  return passed;
}

export interface UpstreamIdentity {
  /** The key of the configuration, or the client's own. */
  readonly key: string;
  /** As Factory calls it: `anthropic`, `openai`, `google`, `fireworks`, `xai`, `bedrock_anthropic`. */
  readonly provider: string;
  /** Stable over the turns of a conversation. */
  readonly sessionId: string;
  /** New for each request. */
  readonly messageId: string;
  readonly userAgent: string;
  readonly stream: boolean;
}

/** What every request to Factory says. */
export function identityHeaders(identity: UpstreamIdentity): Record<string, string> {
  const headers: Record<string, string> = {
    authorization: `Bearer ${identity.key}`,
    "content-type": "application/json",
    accept: identity.stream ? "text/event-stream" : "application/json",
    // Nothing compressed; what comes so all the same is unpacked in upstream.ts. Deno leaves that to us only with this very word.
    "accept-encoding": "identity",
    "user-agent": identity.userAgent,
    "x-api-provider": identity.provider,
    "x-factory-client": "cli",
    "x-session-id": identity.sessionId,
    "x-assistant-message-id": identity.messageId,
  };
  // Older deployments knew Bedrock under another header; both are sent.
  if (identity.provider === "bedrock_anthropic") headers["x-model-provider"] = "bedrock";
  return headers;
}

/** A UUID (version 8, RFC 9562) made from text: the same text gives the same id on every replica. */
export function uuidOf(text: string, sha256: (text: string) => Uint8Array): string {
  const hex = sha256(text).toHex();
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

const REQUEST_ID = /^[\w.:-]{1,128}$/;

/** The client's own request id where it is one, otherwise a new one. */
export function requestIdOf(headers: Readonly<Record<string, string>>, newId: () => string): string {
  const own = headers["x-request-id"];
  return own !== undefined && REQUEST_ID.test(own) ? own : newId();
}

// ---- What this program says itself -------------------------------------------------------------------------------

/** For every answer. Nothing here is a page: a browser must not guess, frame, embed or remember any of it. */
export const SAFE_HEADERS: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
};

export const JSON_HEADERS: Readonly<Record<string, string>> = { "content-type": "application/json" };

/** Nothing between here and the client may hold back, compress or keep a stream. */
export function streamHeaders(framing: "sse" | "json-array"): Record<string, string> {
  return {
    "content-type": framing === "sse" ? "text/event-stream; charset=utf-8" : "application/json",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
  };
}

/** Names the request, and what a conversion left out of it. */
export function reportHeaders(requestId: string, losses: readonly Loss[]): Record<string, string> {
  const headers: Record<string, string> = { "x-request-id": requestId };
  if (losses.length === 0) return headers;
  const reported = losses.filter(({ severity }) => severity !== "dropped").map(({ field }) => field.replaceAll(UNFIT, "_"));
  if (reported.length > 0) headers["x-factory-proxy-dropped"] = [...new Set(reported)].join(",");
  return headers;
}

const UNFIT = /[^\w.[\]-]/g;

export interface Attempted {
  /** Requests sent, all models together. */
  readonly count: number;
  /** The model that was asked for and the one that answered. Null: they are the same. */
  readonly fallback?: { readonly asked: string; readonly answered: string } | null;
}

/** Says that it took more than one attempt, and another model than the one that was asked for. */
export function attemptHeaders({ count, fallback = null }: Attempted): Record<string, string> {
  const headers: Record<string, string> = {};
  if (count > 1) headers["x-factory-proxy-attempts"] = String(count);
  if (fallback !== null) headers["x-factory-proxy-fallback"] = `${fallback.asked} -> ${fallback.answered}`.replaceAll(NOT_LATIN, "_");
  return headers;
}

const NOT_LATIN = /[^\x20-\x7e]/g;
