// Room: headers (row 3).
// In:  the headers of one side.
// Out: those that the other side gets, by allow-lists; what names a request, a conversation and this program.
// Never does: let a credential, a hop-by-hop header or a length cross from one side to the other.

import { createHash } from "node:crypto";
import type { Loss, ProtocolId } from "./protocol/canonical.ts";

/** What a client of a protocol may say to an upstream of the same protocol; lower case, `*` ends a prefix. */
const TO_UPSTREAM: Readonly<Record<ProtocolId, readonly string[]>> = {
  "anthropic-messages": ["anthropic-version", "anthropic-beta", "idempotency-key"],
  "openai-responses": ["openai-beta", "x-openai-*", "x-codex-*", "idempotency-key"],
  "openai-chat": ["openai-beta", "idempotency-key"],
  gemini: ["x-goog-api-client"],
};

/** What an upstream may say to a client. */
const TO_CLIENT: readonly string[] = [
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
];

function allows(list: readonly string[], name: string): boolean {
  return list.some((entry) => (entry.endsWith("*") ? name.startsWith(entry.slice(0, -1)) : name === entry));
}

export function headersForUpstream(headers: Headers, protocol: ProtocolId): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const [name, value] of headers) if (allows(TO_UPSTREAM[protocol], name)) passed[name] = value;
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
  for (const [name, value] of headers) if (allows(TO_CLIENT, name)) passed[name] = value;
  const requestId = headers.get("x-request-id");
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
export function uuidOf(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

const REQUEST_ID = /^[\w.:-]{1,128}$/;

/** The client's own request id where it is one, otherwise a new one. */
export function requestIdOf(headers: Headers, newId: () => string): string {
  const own = headers.get("x-request-id");
  return own !== null && REQUEST_ID.test(own) ? own : newId();
}

// ---- What this program says itself -------------------------------------------------------------------------------

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
  const reported = losses.filter(({ severity }) => severity !== "dropped").map(({ field }) => field.replaceAll(UNFIT, "_"));
  if (reported.length > 0) headers["x-factory-proxy-dropped"] = [...new Set(reported)].join(",");
  return headers;
}

const UNFIT = /[^\w.[\]-]/g;

export interface Attempted {
  /** Requests sent, all models together. */
  readonly count: number;
  /** Which model answered: 0 for the one that was asked for, then its fallbacks. */
  readonly way: number;
  readonly asked: string;
  readonly answered: string;
}

/** Says that it took more than one attempt, and another model than the one that was asked for. */
export function attemptHeaders({ count, way, asked, answered }: Attempted): Record<string, string> {
  const headers: Record<string, string> = {};
  if (count > 1) headers["x-factory-proxy-attempts"] = String(count);
  if (way > 0) headers["x-factory-proxy-fallback"] = `${asked} -> ${answered}`.replaceAll(NOT_LATIN, "_");
  return headers;
}

const NOT_LATIN = /[^\x20-\x7e]/g;
