// Who calls, by the credentials of a request: a name for the log, and the Factory key that goes upstream.
// Never does: show a key in an error, stop comparing at the first match, or let a request in that no rule below admits.
//
//   server's Factory key | client keys | a client presents
//   set                  | some        | a client key; the Factory key itself is none
//   set                  | none        | nothing helps: no client is admitted (cli/serve.ts makes a random key, so that there is one)
//   not set              | none        | its own Factory key
//   not set              | some        | a client key in one header and its own Factory key in another
//
// With a Factory key of the server's and ANONYMOUS=loopback, who calls from this machine may present anything, or nothing.
// What a web page can bring about without a key of this server's is kept out by web-pages.ts.

import { GatewayError } from "../errors.ts";
import type { KeyGrant } from "./client-key.ts";
import { isWelcome, type Anonymous, type Visitor } from "./anonymous.ts";
import { foreignHost, foreignPage, hasFormBody, isForeignPage, isForThisMachine, type WebRules } from "./web-pages.ts";

/** `Headers`, or anything that answers by lower-case name. */
export interface HeaderSource {
  get(name: string): string | null | undefined;
}

export interface Caller {
  /** First characters of the key's hash: tells callers apart in the log and says nothing about the key. `anonymous` without a client key. */
  readonly id: string;
  /** What limits the key. Absent: nothing does. Admission counts what it uses under `id`. */
  readonly grant?: KeyGrant;
  /** The Factory key for this request; a secret. */
  readonly upstreamKey: string;
}

/** SHA-256 of a text, as 32 bytes. */
export type Sha256 = (text: string) => Uint8Array;

export interface KeyOptions {
  /** What clients present; empty when each client brings its own Factory key. */
  readonly proxyKeys: readonly string[];
  /** The server's own Factory key; null when clients bring theirs. */
  readonly upstreamKey: string | null;
  /** Who needs no client key. */
  readonly anonymous: Anonymous;
  readonly web: WebRules;
}

/** Its caller's name where there is no key. */
const ANONYMOUS = "anonymous";
const BEARER = /^bearer[ \t]+/i;
const KEY_HEADERS = ["x-api-key", "x-goog-api-key"];
/** What can go out again as a header value, in one piece. */
const WELL_FORMED = /^[\x21-\x7e]+$/;
const ID_LENGTH = 8;

const HOW = "as `Authorization: Bearer <key>`, `x-api-key` or `x-goog-api-key`";
const FACTORY_KEY = "fk-..., from app.factory.ai/settings/api-keys";
const BOTH =
  "this server holds no Factory key; send one of its PROXY_API_KEY in one header and your own Factory key in another, " +
  "e.g. `Authorization: Bearer <client key>` with `x-api-key: <Factory key>`.";

/**
 * Every credential of the request, in order: `Authorization: Bearer`, `x-api-key`, `x-goog-api-key`, `?key=`. All of them are
 * secrets of this request: give them to the log before anything is written.
 */
export function presentedKeys(headers: HeaderSource, queryKey: string | null = null): string[] {
  const found: string[] = [];
  const add = (key: string): void => {
    if (key !== "" && !found.includes(key)) found.push(key);
  };
  const authorization = headers.get("authorization")?.trim() ?? "";
  if (BEARER.test(authorization)) add(authorization.replace(BEARER, ""));
  for (const name of KEY_HEADERS) add(headers.get(name)?.trim() ?? "");
  add(queryKey ?? "");
  return found;
}

export class Keys {
  readonly #proxyDigests: readonly Uint8Array[];
  readonly #upstreamKey: string | null;
  readonly #anonymous: Anonymous;
  readonly #web: WebRules;
  readonly #sha256: Sha256;

  constructor({ proxyKeys, upstreamKey, anonymous, web }: KeyOptions, sha256: Sha256) {
    this.#proxyDigests = proxyKeys.map(sha256);
    this.#upstreamKey = upstreamKey;
    this.#anonymous = anonymous;
    this.#web = web;
    this.#sha256 = sha256;
  }

  /**
   * Who is calling, by the keys that came with the request, and by where it came from.
   * @throws GatewayError `unauthenticated`, code `invalid_api_key`; `forbidden` for what a web page may not do.
   */
  identify(keys: readonly string[], visitor: Visitor): Caller {
    const { headers } = visitor;
    // A browser sends none of these headers for a page without asking first.
    const isUnasked = isForeignPage(headers, this.#web) && presentedKeys({ get: (name) => headers[name] }).length === 0;
    if (isUnasked && (keys.length > 0 || hasFormBody(headers))) throw foreignPage();
    const caller = this.#callerOf(keys, visitor);
    const hasClientKey = this.#proxyDigests.length > 0 && caller.id !== ANONYMOUS;
    if (hasClientKey) return caller;
    if (isUnasked) throw foreignPage();
    if (!isForThisMachine(visitor, this.#web)) throw foreignHost();
    return caller;
  }

  #callerOf(keys: readonly string[], visitor: Visitor): Caller {
    const presented = keys.filter((key) => WELL_FORMED.test(key)).map((key) => this.#examine(key));
    const client = presented.find(({ isProxyKey }) => isProxyKey);
    const own = presented.find(({ isProxyKey }) => !isProxyKey);
    const fault = presented.length === 0 ? "No API key" : "Wrong API key";

    if (this.#upstreamKey !== null) {
      if (client === undefined && isWelcome(this.#anonymous, visitor)) return { id: ANONYMOUS, upstreamKey: this.#upstreamKey };
      if (client === undefined) throw refusal(`${fault}: send a client key of this server (one of its PROXY_API_KEY) ${HOW}.`);
      return { id: client.id, upstreamKey: this.#upstreamKey };
    }
    if (this.#proxyDigests.length === 0) {
      if (own === undefined) throw refusal(`${fault}: this server holds no Factory key; send your own (${FACTORY_KEY}) ${HOW}.`);
      return { id: own.id, upstreamKey: own.key };
    }
    if (client === undefined) throw refusal(`${fault}: ${BOTH}`);
    if (own === undefined) throw refusal(`A client key but no Factory key: ${BOTH}`);
    return { id: client.id, upstreamKey: own.key };
  }

  #examine(key: string): { key: string; id: string; isProxyKey: boolean } {
    const digest = this.#sha256(key);
    let isProxyKey = false;
    for (const proxyDigest of this.#proxyDigests) {
      // Compared first, so that every key is compared whatever the ones before it said.
      isProxyKey = isSame(digest, proxyDigest) || isProxyKey;
    }
    return { key, id: digest.toHex().slice(0, ID_LENGTH), isProxyKey };
  }
}

/** Whether two digests are one, found out in the same time wherever they differ. */
function isSame(one: Uint8Array, other: Uint8Array): boolean {
  let difference = one.length ^ other.length;
  for (let index = 0; index < one.length; index++) difference |= (one[index] ?? 0) ^ (other[index] ?? 0);
  return difference === 0;
}

/** Asking again with the same key can't help; Claude Code would do so seven times without a word. */
const REFUSAL_HEADERS = { "www-authenticate": "Bearer", "x-should-retry": "false" };

function refusal(message: string): GatewayError {
  return new GatewayError("unauthenticated", message, { code: "invalid_api_key", headers: REFUSAL_HEADERS });
}
