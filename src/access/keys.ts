// Identifies the caller by the credentials of a request: a name for the log, and the Factory key to send upstream.
// Does not show a key in an error, compare keys other than by their hash, or admit a request that no rule below admits.
//
//   server's Factory key | client keys | a client presents
//   set                  | some        | a client key; the Factory key itself is none
//   set                  | none        | nothing helps: no client is admitted (cli/serve.ts makes a random key, so that there is one)
//   not set              | none        | its own Factory key
//   not set              | some        | a client key in one header and its own Factory key in another
//
// With a server's Factory key and ANONYMOUS=loopback, a caller on this machine may present anything, or nothing.
// What a web page could do without one of this server's keys is kept out by web-pages.ts.

import { GatewayError } from "../errors.ts";
import type { KeyGrant } from "./client-key.ts";
import type { Found, KeyRing, Sha256 } from "./key-ring.ts";
import { printInstant } from "./limit-syntax.ts";
import { reasonHeaders } from "./limits.ts";
import { isWelcome, type Anonymous, type Visitor } from "./anonymous.ts";
import { foreignHost, foreignPage, hasFormBody, isForeignPage, isForThisMachine, type WebRules } from "./web-pages.ts";

export interface Caller {
  /**
   * The name of the client key; `anonymous` without one. Where each client brings its own Factory key, the first characters of that key's hash,
   * which do not reveal it.
   */
  readonly id: string;
  /** The key's limits. Absent: none. Admission counts usage under `id`. */
  readonly grant?: KeyGrant;
  /** The Factory key for this request; a secret. */
  readonly upstreamKey: string;
}

export interface KeyOptions {
  /** The client keys; empty when each client brings its own Factory key. */
  readonly ring: KeyRing;
  /** The server's own Factory key; null when clients bring theirs. */
  readonly upstreamKey: string | null;
  /** Who needs no client key. */
  readonly anonymous: Anonymous;
  readonly web: WebRules;
  /** Opens the dashboard, but never counts as a key of a call, nor as a client's own Factory key. Null or absent: there is none. */
  readonly adminKey?: string | null;
}

/** The caller's name where there is no key. */
export const ANONYMOUS = "anonymous";
const BEARER = /^bearer[ \t]+/i;
const KEY_HEADERS = ["x-api-key", "x-goog-api-key"];
/** What can be sent as a header value in one piece. */
const WELL_FORMED = /^[\x21-\x7e]+$/;
const ID_LENGTH = 8;

// Claude Code answers any error that says x-api-key with "Not logged in" and nothing else; see tests/client-words.test.ts.
const HOW = "as `Authorization: Bearer <key>` or in your client's own key header";
const FACTORY_KEY = "fk-..., from app.factory.ai/settings/api-keys";
const CLIENT_KEY = "a client key of this server (one listed in PROXY_API_KEY or made with `factory-proxy keys add`)";
const BOTH =
  "this server has no Factory key; send one of its client keys in one header and your own Factory key in another, " +
  "e.g. `Authorization: Bearer <client key>` with `x-goog-api-key: <Factory key>`.";

/**
 * Every credential of the request, in order: `Authorization: Bearer`, `x-api-key`, `x-goog-api-key`, `?key=`. All of them are
 * secrets of this request: pass them to the log before anything is written.
 */
export function presentedKeys(headers: Visitor["headers"], queryKey: string | null = null): string[] {
  const found: string[] = [];
  const authorization = headers["authorization"]?.trim();
  if (authorization !== undefined && BEARER.test(authorization)) addKey(found, authorization.replace(BEARER, ""));
  for (const name of KEY_HEADERS) addKey(found, headers[name]?.trim());
  addKey(found, queryKey);
  return found;
}

function addKey(found: string[], key: string | null | undefined): void {
  if (typeof key === "string" && key !== "" && !found.includes(key)) found.push(key);
}

export class Keys {
  readonly #ring: KeyRing;
  readonly #upstreamKey: string | null;
  readonly #anonymous: Anonymous;
  readonly #web: WebRules;
  readonly #sha256: Sha256;
  /** Digest of ADMIN_KEY, in hex. */
  readonly #admin: string | null;

  constructor({ ring, upstreamKey, anonymous, web, adminKey = null }: KeyOptions, sha256: Sha256) {
    this.#admin = adminKey === null ? null : sha256(adminKey).toHex();
    this.#ring = ring;
    this.#upstreamKey = upstreamKey;
    this.#anonymous = anonymous;
    this.#web = web;
    this.#sha256 = sha256;
  }

  /** Which keys a call has to bring: one of this server's client keys, the client's own Factory key, or both. */
  get needed(): readonly ("client" | "factory")[] {
    if (this.#upstreamKey !== null) return ["client"];
    return this.#ring.isEmpty ? ["factory"] : ["client", "factory"];
  }

  /**
   * The caller, by the keys that came with the request and by where it came from.
   * @throws GatewayError `unauthenticated`, code `invalid_api_key`; `forbidden` for what a web page may not do; `overloaded` while the store that
   *   may know the key, or what limits it, has never been reached.
   */
  identify(keys: readonly string[], visitor: Visitor): Caller {
    const { headers } = visitor;
    // A browser sends none of these headers for a page without asking first.
    const isUnasked = isForeignPage(headers, this.#web) && presentedKeys(headers).length === 0;
    if (isUnasked && (keys.length > 0 || hasFormBody(headers))) throw foreignPage();
    const { caller, hasClientKey } = this.#callerOf(keys, visitor);
    if (hasClientKey) return caller;
    if (isUnasked) throw foreignPage();
    if (!isForThisMachine(visitor, this.#web)) throw foreignHost();
    return caller;
  }

  /**
   * Tries again after `identify` refused: the key may have been added, or enabled, a moment ago. Rejects with that refusal where the store
   * has nothing new.
   */
  async identifyAgain(request: Visitor & { readonly keys: readonly string[] }, refused: unknown): Promise<Caller> {
    const isByKey = refused instanceof GatewayError && refused.kind === "unauthenticated" && request.keys.length > 0;
    const reading = isByKey ? this.#ring.lookAgain() : null;
    if (reading === null) throw refused;
    await reading;
    return this.identify(request.keys, request);
  }

  #callerOf(keys: readonly string[], visitor: Visitor): { readonly caller: Caller; readonly hasClientKey: boolean } {
    const presented: Examined[] = [];
    let client: Valid | undefined;
    let own: Examined | undefined;
    for (const key of keys) {
      if (!WELL_FORMED.test(key)) continue;
      const examined = this.#examine(key);
      if (examined.digest === this.#admin) throw refusal(`ADMIN_KEY opens the dashboard, and nothing else. Send ${CLIENT_KEY}.`);
      const { found } = examined;
      if (found.state === "valid") client ??= found;
      else if (found.state === "unknown") own ??= examined;
      presented.push(examined);
    }
    if (client !== undefined && this.#upstreamKey !== null) {
      return { caller: callerOf(client, this.#upstreamKey), hasClientKey: true };
    }
    const fault = presented.length === 0 ? "No API key" : "Wrong API key";
    if (client === undefined) for (const { found } of presented) refuseKnown(found);

    if (this.#upstreamKey !== null) {
      if (!isWelcome(this.#anonymous, visitor)) throw refusal(`${fault}: send ${CLIENT_KEY} ${HOW}.`);
      if (!this.#ring.knowsLimits) throw unread();
      return { caller: callerOf({ name: ANONYMOUS, grant: this.#ring.grantOf(ANONYMOUS) }, this.#upstreamKey), hasClientKey: false };
    }
    if (this.#ring.isEmpty) {
      if (own === undefined) throw refusal(`${fault}: this server has no Factory key; send your own (${FACTORY_KEY}) ${HOW}.`);
      return { caller: { id: own.digest.slice(0, ID_LENGTH), upstreamKey: own.key }, hasClientKey: false };
    }
    if (client === undefined) throw refusal(`${fault}: ${BOTH}`);
    if (own === undefined) {
      if (presented.some(({ found }) => found.state === "unread")) throw unread();
      throw refusal(`A client key but no Factory key: ${BOTH}`);
    }
    return { caller: callerOf(client, own.key), hasClientKey: true };
  }

  #examine(key: string): Examined {
    const digest = this.#sha256(key).toHex();
    return { key, digest, found: this.#ring.find(digest) };
  }
}

/** A key that came with a request. */
interface Examined {
  readonly key: string;
  readonly digest: string;
  readonly found: Found;
}
type Valid = Extract<Found, { readonly state: "valid" }>;

function callerOf({ name, grant }: { readonly name: string; readonly grant: KeyGrant | null }, upstreamKey: string): Caller {
  return grant === null ? { id: name, upstreamKey } : { id: name, grant, upstreamKey };
}

/** A retry with the same key can't help; Claude Code would silently retry seven times. */
const REFUSAL_HEADERS = { "www-authenticate": "Bearer", "x-should-retry": "false" };

function refusal(message: string, reason: "disabled" | "expired" | null = null): GatewayError {
  const headers = reason === null ? REFUSAL_HEADERS : { ...REFUSAL_HEADERS, ...reasonHeaders(reason) };
  return new GatewayError("unauthenticated", message, { code: "invalid_api_key", headers });
}

const ASK = "Ask whoever gave you the key.";

function unread(): GatewayError {
  const text = "The client keys and their limits can't be read, because the store has not been reached yet. Try again in a moment.";
  return new GatewayError("overloaded", text, { headers: { "retry-after": "5" } });
}

/** For a key that is known but not valid, or that may be in a store that could not be read. */
function refuseKnown(found: Found): void {
  if (found.state === "unread") throw unread();
  if (found.state === "off") throw refusal(`The key "${found.name}" is switched off. ${ASK}`, "disabled");
  if (found.state === "expired") throw refusal(`The key "${found.name}" expired at ${printInstant(found.sinceMs)}. ${ASK}`, "expired");
  if (found.state !== "replaced") return;
  throw refusal(`This key was replaced by a new one for "${found.name}", and ended at ${printInstant(found.sinceMs)}. ${ASK}`, "expired");
}
