// An upstream's refusal as its client should hear it: marked as the upstream's, Factory's own errors with a hint, and a used-up plan in the
// words that make each client stop asking.
// Does not change the status of a refusal, except for Codex, which shows a used-up plan only under 429.

import { instantMs } from "../access/plan-limits.ts";
import { GatewayError, isUsedUp, REASON_HEADER, UPSTREAM_REASON, type ErrorOptions } from "../errors.ts";
import type { ProtocolId } from "../protocol/canonical.ts";
import { sentenceIn } from "../protocol/factory-error.ts";
import type { UpstreamRefusal } from "../upstream/upstream.ts";
import { isObject, parseOrUndefined, print, type Json, type JsonObject } from "../wire/json.ts";

export interface Listener {
  readonly protocol: ProtocolId;
  /** The client's request headers, lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Unix time in milliseconds. */
  readonly now: number;
}

/** The same refusal for a client. An empty body means: use the client's shape, even where the upstream speaks its protocol. */
export function refusalFor(listener: Listener, found: UpstreamRefusal): UpstreamRefusal {
  const { headers, error, ...told } = toldFor(listener, found);
  return {
    ...told,
    headers: new Map([...headers, [REASON_HEADER, UPSTREAM_REASON]]),
    error: copy(error, { headers: { ...error.headers, [REASON_HEADER]: UPSTREAM_REASON } }),
  };
}

function toldFor(listener: Listener, found: UpstreamRefusal): UpstreamRefusal {
  const value = parseOrUndefined(found.body);
  const outer = isObject(value) ? value : null;
  const hasShape = outer !== null && isObject(outer["error"]);
  const told = hasShape || outer === null ? found : { ...found, body: "", error: hinted(found.error, outer) };
  if (isUsedUp(told.error)) return usedUp(listener, told, outer);
  return told.status === 401 ? { ...told, headers: final(told.headers) } : told;
}

// ---- Factory's own errors ----------------------------------------------------------------------------------------

/** Hints for Factory's own errors: status, pattern of the sentence, hint. */
const HINTS: readonly (readonly [status: number, sentence: RegExp, hint: string])[] = [
  [400, /x-api-provider/i, "Set `provider` for this model in the model table (CONFIG_PATH)."],
  [401, /./, "Check the Factory key (FACTORY_API_KEY); keys come from https://app.factory.ai/settings/api-keys."],
  [402, /./, "Wait until the limit resets, allow extra usage in Factory's settings, or ask for a model that this limit does not cover."],
  [
    403,
    /^forbidden\W*$/i,
    "Factory refuses system prompts that do not begin with its own first line: leave SYSTEM_PROMPT at its default, and check that the key may use this model.",
  ],
  [403, /security settings/i, "An admin of your Factory organization can allow this model; GET /v1/models lists others."],
  [403, /opt-?in/i, "An admin of your Factory organization has to opt in to this model; GET /v1/models lists others."],
  [403, /./, "The Factory key may not do this; an admin of your Factory organization can say why."],
  [405, /./, "The model belongs to another endpoint: set `protocol` for it in the model table (CONFIG_PATH)."],
  [429, /./, "The provider behind Factory is limiting calls right now; try again later."],
];

/** Factory's `{"detail": ...}` as its sentence with a hint. */
function hinted(error: GatewayError, value: JsonObject): GatewayError {
  const detail = value["detail"];
  // Codecs read a plain sentence themselves, and take keys out of it; where there are two sentences they read the other.
  const said = typeof detail === "string" && typeof value["error"] !== "string" ? error.message : sentenceIn(detail);
  if (detail === undefined || said === null) return error;
  const hint = HINTS.find(([status, sentence]) => status === error.status && sentence.test(said))?.[2];
  return copy(error, { message: hint === undefined ? said : `${ENDED.test(said) ? said : `${said}.`} ${hint}` });
}

const ENDED = /[.!?]$/;

// ---- A used-up plan or quota -------------------------------------------------------------------------------------

const QUOTA = "insufficient_quota";
/** This makes Codex say "You've hit your usage limit"; any other refusal it retries, or shows without its message. */
const CODEX_LIMIT = "usage_limit_reached";
/** What says "used up" in an upstream's own body. */
const WORDS: Readonly<Record<ProtocolId, Readonly<Record<string, string>>>> = {
  "anthropic-messages": { type: "billing_error" },
  "openai-chat": { type: QUOTA, code: QUOTA },
  "openai-responses": { type: QUOTA, code: QUOTA },
  gemini: { status: "FAILED_PRECONDITION" },
};

/** A client that is told when to come back would wait silently for hours, so it is told not to. */
function usedUp({ protocol, headers: asked, now }: Listener, found: UpstreamRefusal, value: JsonObject | null): UpstreamRefusal {
  const headers = final(found.headers);
  headers.delete("retry-after");
  headers.delete("retry-after-ms");
  const own = { "x-should-retry": "false" };
  if (protocol === "openai-responses" && isCodex(asked)) {
    const resetsAtS = resetTime(value, { headers: found.headers, now });
    const details = resetsAtS === null ? {} : { resets_at: resetsAtS };
    const error = copy(found.error, { status: 429, type: CODEX_LIMIT, code: CODEX_LIMIT, details, headers: own });
    return { ...found, status: error.status, headers, body: "", error };
  }
  if (found.status !== 402) return { ...found, headers, error: copy(found.error, { headers: own }) };
  const error = copy(found.error, { type: QUOTA, code: found.error.code ?? QUOTA, headers: own });
  return { ...found, headers, body: worded(found.body, WORDS[protocol]), error };
}

/** An upstream's body with other words in its error; unchanged where it has them already, or has no error object. */
function worded(body: string, words: Readonly<Record<string, string>>): string {
  const value = parseOrUndefined(body);
  const error = isObject(value) ? value["error"] : null;
  if (!isObject(value) || !isObject(error)) return body;
  return Object.entries(words).every(([name, word]) => error[name] === word) ? body : print({ ...value, error: { ...error, ...words } });
}

/** Adds that a retry does not help, unless the upstream has said otherwise. */
function final(headers: ReadonlyMap<string, string>): Map<string, string> {
  const all = new Map(headers);
  if (!all.has("x-should-retry")) all.set("x-should-retry", "false");
  return all;
}

/** Whether the client is Codex, by its request headers. */
export function isCodex(headers: Readonly<Record<string, string>>): boolean {
  return /^codex/i.test(headers["originator"] ?? "") || Object.keys(headers).some((name) => name.startsWith("x-codex-"));
}

const RESETS = ["resets_at", "resetsAt", "reset_at", "resetAt", "window_end", "windowEnd"];
const REMAINING = ["resets_in_seconds", "secondsRemaining", "seconds_remaining"];

/** When a limit resets, in Unix seconds, according to the body or the headers; null where neither says. */
function resetTime(
  value: JsonObject | null,
  { headers, now }: { readonly headers: ReadonlyMap<string, string>; readonly now: number },
): number | null {
  const nowS = Math.floor(now / 1000);
  const places = [value, value?.["error"], value?.["detail"]].filter(isObject);
  for (const place of places) {
    for (const name of RESETS) {
      const found = unixSeconds(place[name]);
      if (found !== null) return found;
    }
    for (const name of REMAINING) {
      const remaining = place[name];
      if (typeof remaining === "number" && remaining >= 0) return nowS + Math.ceil(remaining);
    }
  }
  const after = headers.get("retry-after") ?? "";
  return DIGITS.test(after) ? nowS + Number(after) : unixSeconds(after);
}

const DIGITS = /^\d+$/;

function unixSeconds(time: Json | undefined): number | null {
  const ms = instantMs(time);
  return ms === null ? null : Math.floor(ms / 1000);
}

function copy(error: GatewayError, changes: ErrorOptions & { readonly message?: string }): GatewayError {
  const { kind, status, param, code, type, details, headers, cause } = error;
  const kept = Object.entries({ status, param, code, type, details, headers, cause }).filter(([, value]) => value !== null);
  return new GatewayError(kind, changes.message ?? error.message, { ...Object.fromEntries(kept), ...changes });
}
