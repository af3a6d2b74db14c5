// Headers: allow-lists for what crosses from one side to the other, and the headers that name a request, a conversation and this program.
// Does not let a credential, a hop-by-hop header or a length cross from one side to the other.

import { REASON_HEADER } from "../errors.ts";
import type { Loss, ProtocolId } from "../protocol/canonical.ts";

/** Names of headers in lower case; a trailing `*` makes a prefix. */
class AllowList {
  readonly #names: ReadonlySet<string>;
  readonly #prefixes: readonly string[];

  constructor(entries: readonly string[]) {
    this.#names = new Set(entries.filter((entry) => !entry.endsWith("*")));
    this.#prefixes = entries.filter((entry) => entry.endsWith("*")).map((entry) => entry.slice(0, -1));
  }

  allows(name: string): boolean {
    if (this.#names.has(name)) return true;
    for (const prefix of this.#prefixes) if (name.startsWith(prefix)) return true;
    return false;
  }

  /** Whether the list has this very name, not only a prefix of it. */
  names(name: string): boolean {
    return this.#names.has(name);
  }
}

/** What a client may send to an upstream of the same protocol. */
const TO_UPSTREAM: Readonly<Record<ProtocolId, AllowList>> = {
  "anthropic-messages": new AllowList(["anthropic-version", "anthropic-beta", "idempotency-key"]),
  "openai-responses": new AllowList(["openai-beta", "x-openai-*", "x-codex-*", "idempotency-key"]),
  "openai-chat": new AllowList(["openai-beta", "idempotency-key"]),
  gemini: new AllowList(["x-goog-api-client"]),
};

/** What an upstream may send to a client. */
const TO_CLIENT = new AllowList([
  "content-type",
  "retry-after",
  "retry-after-ms",
  "x-should-retry",
  REASON_HEADER,
  "request-id",
  "x-ratelimit-*",
  "anthropic-ratelimit-*",
  "anthropic-organization-id",
  "openai-*",
  "x-goog-*",
  "x-factory-*",
]);

/** The longest value of a header for a client that holds foreign text. A longer one is dropped: half of it could mean something else. */
const MAX_VALUE_BYTES = 2_000;
// Node takes heads of 16 KiB on either side; the rest is for this program's own headers.
/** Limit on all that passes from an upstream to a client. */
const MAX_TO_CLIENT_BYTES = 8 * 1024;
/** Limit on all that passes from a client to an upstream. It is larger, since bodies name headers too, beyond the limit on heads. */
const MAX_TO_UPSTREAM_BYTES = 12 * 1024;
/** `: ` and the line end. */
const FRAME_BYTES = 4;

/** As many headers as fit, those that the list names in full first. Values are bytes, one a character. */
function within(headers: Readonly<Record<string, string>>, list: AllowList, maxBytes: number): Record<string, string> {
  const rankOf = (name: string): number => (list.names(name) ? 0 : 1);
  let leftBytes = maxBytes;
  const kept = Object.entries(headers)
    .toSorted(([a], [b]) => rankOf(a) - rankOf(b))
    .filter(([name, value]) => {
      const bytes = bytesOf(name, value);
      if (bytes > leftBytes) return false;
      leftBytes -= bytes;
      return true;
    });
  return Object.fromEntries(kept);
}

function bytesOf(name: string, value: string): number {
  return name.length + value.length + FRAME_BYTES;
}

/** The headers of an error, without those that are too long for a client. */
export function shortHeaders(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).filter(([, value]) => value.length <= MAX_VALUE_BYTES));
}

export function headersForUpstream(headers: Readonly<Record<string, string>>, protocol: ProtocolId): Record<string, string> {
  let passed: Record<string, string> = {};
  let bytes = 0;
  const list = TO_UPSTREAM[protocol];
  for (const name in headers) {
    if (!list.allows(name)) continue;
    passed[name] = headers[name] ?? "";
    bytes += bytesOf(name, headers[name] ?? "");
  }
  if (bytes > MAX_TO_UPSTREAM_BYTES) passed = within(passed, list, MAX_TO_UPSTREAM_BYTES);
  // The Messages API requires a version, and curl users forget it.
  if (protocol === "anthropic-messages") passed["anthropic-version"] ??= OLDEST_VERSION;
  return passed;
}

const OLDEST_VERSION = "2023-06-01";

/**
 * The upstream's own `x-request-id` becomes `x-upstream-request-id`, since that name is taken by the gateway's id, and `request-id` where the
 * upstream sent none.
 */
export function headersForClient(headers: ReadonlyMap<string, string>): Record<string, string> {
  const passed: Record<string, string> = {};
  let requestId: string | null = null;
  let bytes = 0;
  for (const [name, value] of headers) {
    if (value.length > MAX_VALUE_BYTES) continue;
    if (TO_CLIENT.allows(name)) {
      passed[name] = value;
      bytes += bytesOf(name, value);
    } else if (name === "x-request-id") requestId = value;
  }
  if (requestId !== null) {
    passed["x-upstream-request-id"] = requestId;
    passed["request-id"] ??= requestId;
    bytes += 2 * bytesOf("x-upstream-request-id", requestId);
  }
  return bytes <= MAX_TO_CLIENT_BYTES ? passed : within(passed, TO_CLIENT, MAX_TO_CLIENT_BYTES);
}

export interface UpstreamIdentity {
  /** A key of the configuration, or the client's own. */
  readonly key: string;
  /** Factory's name: `anthropic`, `openai`, `google`, `fireworks`, `xai`, `bedrock_anthropic`. */
  readonly provider: string;
  /** The same for all turns of a conversation. */
  readonly sessionId: string;
  /** New for each request. */
  readonly messageId: string;
  readonly userAgent: string;
  readonly stream: boolean;
}

/** These headers plus those of every request to Factory. */
export function withIdentity(own: Readonly<Record<string, string>>, identity: UpstreamIdentity): Record<string, string> {
  const headers: Record<string, string> = {
    ...own,
    authorization: `Bearer ${identity.key}`,
    "content-type": "application/json",
    accept: identity.stream ? "text/event-stream" : "application/json",
    // No compression; a compressed answer is unpacked in upstream.ts all the same. Deno's fetch leaves that to us only with this exact value.
    "accept-encoding": "identity",
    "user-agent": identity.userAgent,
    "x-api-provider": identity.provider,
    "x-factory-client": "cli",
    "x-session-id": identity.sessionId,
    "x-assistant-message-id": identity.messageId,
  };
  // Older deployments used another header for Bedrock; both are sent.
  if (identity.provider === "bedrock_anthropic") headers["x-model-provider"] = "bedrock";
  return headers;
}

/** A UUID (version 8, RFC 9562) derived from text: the same text gives the same id on every replica. */
export function uuidOf(text: string, sha256: (text: string) => Uint8Array): string {
  const hex = sha256(text).toHex();
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** A UUID (version 7, RFC 9562): it begins with its time, so ids sort by time. */
export function uuidAt(ms: number, random: string): string {
  const hex = ms.toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7${random.slice(15)}`;
}

const REQUEST_ID = /^[\w.:-]{1,128}$/;

/** The client's own request id where it is well-formed, otherwise a new one. */
export function requestIdOf(headers: Readonly<Record<string, string>>, newId: () => string): string {
  const own = headers["x-request-id"];
  return own !== undefined && REQUEST_ID.test(own) ? own : newId();
}

// ---- Headers of this program -------------------------------------------------------------------------------------

/** For every answer: a browser must not sniff, frame, embed or cache it. */
export const SAFE_HEADERS: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
};

const SAFE = new Headers(SAFE_HEADERS);

interface Head {
  readonly status: number;
  /** Laid over SAFE_HEADERS. */
  readonly headers: Readonly<Record<string, string>>;
}

/** An answer to a call. Copying prepared headers costs a fifth of what a runtime takes to read them from an object. */
export function safeResponse(body: BodyInit, { status, headers }: Head): Response {
  const response = new Response(body, { status, headers: SAFE });
  for (const name in headers) response.headers.set(name, headers[name] ?? "");
  return response;
}

export const JSON_HEADERS: Readonly<Record<string, string>> = { "content-type": "application/json" };

/** Nothing on the way to the client may buffer, compress or cache a stream. */
export function streamHeaders(framing: "sse" | "json-array"): Record<string, string> {
  return {
    "content-type": framing === "sse" ? "text/event-stream; charset=utf-8" : "application/json",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
  };
}

/** Names the request, and what a conversion dropped from it. */
export function reportHeaders(requestId: string, losses: readonly Loss[]): Record<string, string> {
  const headers: Record<string, string> = { "x-request-id": requestId };
  if (losses.length === 0) return headers;
  const reported = losses.filter(({ severity }) => severity !== "dropped").map(({ field }) => field.replaceAll(UNFIT, "_"));
  if (reported.length > 0) headers["x-factory-proxy-dropped"] = listed([...new Set(reported)]);
  return headers;
}

/** As many names as fit into a header, and the number of the others. */
function listed(names: readonly string[]): string {
  const all = names.map(shortened).join(",");
  if (all.length <= MAX_VALUE_BYTES) return all;
  const kept = all.slice(0, all.lastIndexOf(",", MAX_VALUE_BYTES - MORE_LENGTH));
  return `${kept}, ${names.length - kept.split(",").length} more`;
}

/** Room for `, 990 more`. */
const MORE_LENGTH = 20;
/** The longest name of a field or a model in a header. */
const MAX_NAME_LENGTH = 200;

function shortened(name: string): string {
  return name.length <= MAX_NAME_LENGTH ? name : `${name.slice(0, MAX_NAME_LENGTH)}...`;
}

const UNFIT = /[^\w.[\]-]/g;

export interface AnswerFacts {
  readonly requestId: string;
  readonly losses: readonly Loss[];
  readonly attempted: Attempted;
}

/** The headers of an answer to a call: those that passed from the upstream, and this program's own. */
export function answerHeaders(
  passed: Readonly<Record<string, string>>,
  { requestId, losses, attempted }: AnswerFacts,
): Record<string, string> {
  const headers = { ...passed, "x-request-id": requestId };
  // Enough for nearly all answers.
  if (losses.length > 0) Object.assign(headers, reportHeaders(requestId, losses));
  if (attempted.count > 1 || attempted.fallback !== null) Object.assign(headers, attemptHeaders(attempted));
  return headers;
}

export interface Attempted {
  /** Requests sent, over all models. */
  readonly count: number;
  /** The model that was asked for and the one that answered. Null: the same. */
  readonly fallback?: { readonly asked: string; readonly answered: string } | null;
}

/** Tells the client of further attempts, and of a model other than the one it asked for. */
export function attemptHeaders({ count, fallback = null }: Attempted): Record<string, string> {
  const headers: Record<string, string> = {};
  if (count > 1) headers["x-factory-proxy-attempts"] = String(count);
  if (fallback !== null) {
    const [asked, answered] = [fallback.asked, fallback.answered].map(shortened);
    headers["x-factory-proxy-fallback"] = `${asked} -> ${answered}`.replaceAll(NOT_LATIN, "_");
  }
  return headers;
}

const NOT_LATIN = /[^\x20-\x7e]/g;
