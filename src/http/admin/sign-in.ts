// Signs administrators in: by ADMIN_KEY, the one-time link, or the cookie of a session; and holders of client keys to see their own usage.
// Never compares a key other than by its hash, and never says what was wrong with one.

import type { KeyRing, Sha256 } from "../../access/key-ring.ts";
import { GatewayError } from "../../errors.ts";
import type { IncomingRequest } from "../../gateway/request.ts";
import type { Session } from "./session.ts";
import { SESSION_MS, type OpenSession, type Sessions } from "./sessions.ts";
import type { AdminVisitor } from "./visitor.ts";
import type { WrongKeys } from "./wrong-keys.ts";

export interface SignInPorts {
  readonly sessions: Sessions;
  readonly wrongKeys: WrongKeys;
  readonly ring: Pick<KeyRing, "find">;
  readonly sha256: Sha256;
  /** Unix time in milliseconds. */
  readonly now: () => number;
}

export interface SignedIn {
  readonly session: Session;
  /** The value for `set-cookie`. */
  readonly cookie: string;
}

type Heads = Pick<IncomingRequest, "headers">;

const BEARER = /^bearer[ \t]+(.*)$/i;
/** The prefix makes browsers accept it only from this host, over TLS. */
const COOKIE = "factory-proxy";
const SECURE_COOKIE = `__Host-${COOKIE}`;

export class SignIn {
  readonly #ports: SignInPorts;

  constructor(ports: SignInPorts) {
    this.#ports = ports;
  }

  /**
   * The sender of a request. Null: not signed in.
   * @throws GatewayError `unauthenticated` for a wrong bearer; `rate-limited` after too many of them.
   */
  async sessionOf({ headers }: Heads, visitor: AdminVisitor, adminKey: string | null): Promise<Session | null> {
    const bearer = BEARER.exec(headers["authorization"]?.trim() ?? "")?.[1];
    if (bearer !== undefined) {
      const holder = this.#holderOf(bearer, visitor, adminKey);
      const name = holder === null ? null : this.#nameOf(holder);
      return { id: "bearer", key: name, csrfToken: null, untilMs: this.#ports.now() + SESSION_MS };
    }
    const token = cookieIn(headers, visitor);
    const found = token === null ? null : await this.#ports.sessions.find(token, adminKey);
    return found === null ? null : this.#known(found);
  }

  /** Signs in with a key. An earlier session ends, so whoever may have known its cookie does not know the new one. */
  async byKey(key: string, { headers }: Heads, { visitor, adminKey }: Surroundings): Promise<SignedIn> {
    const holder = this.#holderOf(key, visitor, adminKey);
    return this.#open(holder, { headers }, { visitor, adminKey });
  }

  /** Null: the link is invalid or expired. Failures are not counted: nobody guesses a token, and any page can make its visitors try. */
  async byLink(token: string, heads: Heads, around: Surroundings): Promise<SignedIn | null> {
    return (await this.#ports.sessions.takeLink(token)) ? this.#open(null, heads, around) : null;
  }

  /** Returns the header that deletes the cookie. */
  async signOut({ headers }: Heads, { visitor, adminKey }: Surroundings): Promise<string> {
    const token = cookieIn(headers, visitor);
    if (token !== null) await this.#ports.sessions.close(token, adminKey);
    return cookieFor("", 0, visitor);
  }

  async #open(holder: string | null, { headers }: Heads, { visitor, adminKey }: Surroundings): Promise<SignedIn> {
    const before = cookieIn(headers, visitor);
    if (before !== null) await this.#ports.sessions.close(before, adminKey);
    const { token, session } = await this.#ports.sessions.open(holder, adminKey);
    const known = this.#known(session);
    if (known === null) throw wrongKey();
    return { session: known, cookie: cookieFor(token, SESSION_MS, visitor) };
  }

  /** Null: an administrator; otherwise the digest of a client key. */
  #holderOf(key: string, { from }: AdminVisitor, adminKey: string | null): string | null {
    const { wrongKeys, sha256 } = this.#ports;
    wrongKeys.check(from);
    const digest = sha256(key);
    if (adminKey !== null && isSame(digest, sha256(adminKey))) return null;
    const holder = digest.toHex();
    if (this.#nameOf(holder) !== null) return holder;
    wrongKeys.add(from);
    throw wrongKey();
  }

  /** Null: the client key is no longer valid. */
  #known({ id, csrfToken, untilMs, holder }: OpenSession): Session | null {
    if (holder === null) return { id, key: null, csrfToken, untilMs };
    const key = this.#nameOf(holder);
    return key === null ? null : { id, key, csrfToken, untilMs };
  }

  #nameOf(digest: string): string | null {
    const found = this.#ports.ring.find(digest, false);
    return found.state === "valid" ? found.name : null;
  }
}

export interface Surroundings {
  readonly visitor: AdminVisitor;
  /** Null: ADMIN_KEY is not set. */
  readonly adminKey: string | null;
}

function wrongKey(): GatewayError {
  return new GatewayError("unauthenticated", "Unknown key. Sign in with ADMIN_KEY, or with a client key to see its own usage.", {
    code: "wrong_key",
    headers: { "www-authenticate": "Bearer" },
  });
}

/** Takes the same time wherever they differ. */
export function isSame(one: Uint8Array, other: Uint8Array): boolean {
  let difference = one.length ^ other.length;
  for (let at = 0; at < one.length; at++) difference |= (one[at] ?? 0) ^ (other[at] ?? 0);
  return difference === 0;
}

function cookieIn(headers: Readonly<Record<string, string>>, { isSecure }: AdminVisitor): string | null {
  const wanted = `${isSecure ? SECURE_COOKIE : COOKIE}=`;
  const found = (headers["cookie"] ?? "").split(";").find((pair) => pair.trim().startsWith(wanted));
  return found?.trim().slice(wanted.length) ?? null;
}

function cookieFor(token: string, lastsMs: number, { isSecure }: AdminVisitor): string {
  const name = isSecure ? SECURE_COOKIE : COOKIE;
  return `${name}=${token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${lastsMs / 1000}${isSecure ? "; Secure" : ""}`;
}
