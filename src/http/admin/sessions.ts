// Sign-in sessions, by the token in the cookie. They are kept in the store, so that every gateway on it knows them; without a store, or while
// it is away, in memory.
// Never keeps a token: only its hash, which includes ADMIN_KEY, so that changing ADMIN_KEY ends all sessions.

import type { Sha256 } from "../../access/key-ring.ts";
import { StoreError, type Store } from "../../access/store.ts";
import { isObject, parseOrUndefined } from "../../wire/json.ts";

export interface SessionPorts {
  /** Null: nothing is shared. */
  readonly store: Pick<Store, "shared" | "share"> | null;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  /** Returns this many random bytes. */
  readonly random: (count: number) => Uint8Array;
  readonly sha256: Sha256;
}

/** Whose session it is: an administrator's for null, otherwise that of the client key with this digest. */
export type Holder = string | null;

interface Kept {
  readonly holder: Holder;
  readonly untilMs: number;
}

export interface OpenSession extends Kept {
  readonly id: string;
  readonly csrfToken: string;
}

export const SESSION_MS = 12 * 3_600_000;
const LINK_MS = 10 * 60_000;
const TOKEN_BYTES = 32;
const MOST_KEPT = 1000;
const LONG_AGO_MS = 0;

export class Sessions {
  readonly #ports: SessionPorts;
  readonly #sessions = new Map<string, Kept>();
  /** Links where there is no store, by the hash of their token -> when they expire. */
  readonly #links = new Map<string, number>();
  /** Hashes of tokens that were tried here recently. */
  readonly #tried = new Map<string, true>();

  constructor(ports: SessionPorts) {
    this.#ports = ports;
  }

  /** A new token for a cookie. */
  async open(holder: Holder, adminKey: string | null): Promise<{ readonly token: string; readonly session: OpenSession }> {
    const token = this.#token();
    const kept = { holder, untilMs: this.#ports.now() + SESSION_MS };
    const name = this.#nameOf(token, adminKey);
    remember(this.#sessions, name, kept);
    await this.#share(name, JSON.stringify(kept), kept.untilMs);
    return { token, session: this.#opened(token, kept) };
  }

  async find(token: string, adminKey: string | null): Promise<OpenSession | null> {
    if (!TOKEN.test(token)) return null;
    const name = this.#nameOf(token, adminKey);
    const kept = await this.#kept(name);
    return kept === null || this.#ports.now() >= kept.untilMs ? null : this.#opened(token, kept);
  }

  async close(token: string, adminKey: string | null): Promise<void> {
    const name = this.#nameOf(token, adminKey);
    this.#sessions.delete(name);
    await this.#share(name, "", LONG_AGO_MS);
  }

  /** A token that signs in once, within ten minutes. */
  makeLink(): string {
    const token = this.#token();
    const name = this.#digest(`link ${token}`);
    const untilMs = this.#ports.now() + LINK_MS;
    // Any process on the store may receive it, and only one may accept it.
    if (this.#ports.store === null) remember(this.#links, name, untilMs);
    else void this.#share(LINK_NAME + name, "link", untilMs);
    return token;
  }

  /** Uses up a link, and returns whether it was valid. Links of the command `ui` are in the store. */
  async takeLink(token: string): Promise<boolean> {
    if (!TOKEN.test(token)) return false;
    const name = this.#digest(`link ${token}`);
    if (this.#tried.has(name)) return false;
    // Before the store is asked, so that two concurrent requests are not both accepted.
    remember(this.#tried, name, true);
    const untilMs = this.#links.get(name);
    this.#links.delete(name);
    if (untilMs !== undefined) return this.#ports.now() < untilMs;
    const shared = await this.#shared(LINK_NAME + name);
    if (shared !== null) await this.#share(LINK_NAME + name, "", LONG_AGO_MS);
    return shared !== null;
  }

  async #kept(name: string): Promise<Kept | null> {
    const { store, now } = this.#ports;
    const own = this.#sessions.get(name) ?? null;
    if (store === null) return own;
    try {
      return keptIn(await store.shared(name, now()));
    } catch (error) {
      if (error instanceof StoreError) return own;
      throw error;
    }
  }

  #opened(token: string, kept: Kept): OpenSession {
    return { ...kept, id: this.#digest(`id ${token}`).slice(0, ID_LENGTH), csrfToken: this.#digest(`csrf ${token}`) };
  }

  #nameOf(token: string, adminKey: string | null): string {
    return SESSION_NAME + this.#digest(`session ${token} ${adminKey ?? ""}`);
  }

  #digest(text: string): string {
    return this.#ports.sha256(text).toHex();
  }

  #token(): string {
    return this.#ports.random(TOKEN_BYTES).toBase64({ alphabet: "base64url", omitPadding: true });
  }

  async #shared(name: string): Promise<string | null> {
    try {
      return (await this.#ports.store?.shared(name, this.#ports.now())) ?? null;
    } catch (error) {
      if (error instanceof StoreError) return null;
      throw error;
    }
  }

  /** A store that is away neither blocks nor admits anybody. */
  async #share(name: string, value: string, untilMs: number): Promise<void> {
    try {
      await this.#ports.store?.share(name, value, untilMs);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
    }
  }
}

const TOKEN = /^[\w-]{43}$/;
const ID_LENGTH = 16;
const SESSION_NAME = "admin-session ";
const LINK_NAME = "admin-link ";

/** A link that the command `ui` puts into the store, for a server to find. */
export function sharedLink(
  { random, sha256 }: Pick<SessionPorts, "random" | "sha256">,
  nowMs: number,
): { readonly token: string; readonly name: string; readonly untilMs: number } {
  const token = random(TOKEN_BYTES).toBase64({ alphabet: "base64url", omitPadding: true });
  return { token, name: LINK_NAME + sha256(`link ${token}`).toHex(), untilMs: nowMs + LINK_MS };
}

function keptIn(text: string | null): Kept | null {
  const value = parseOrUndefined(text ?? "");
  if (!isObject(value)) return null;
  const { holder, untilMs } = value;
  if (typeof untilMs !== "number" || (holder !== null && typeof holder !== "string")) return null;
  return { holder, untilMs };
}

function remember<Value>(kept: Map<string, Value>, name: string, value: Value): void {
  kept.delete(name);
  kept.set(name, value);
  const [oldest] = kept.keys();
  if (kept.size > MOST_KEPT && oldest !== undefined) kept.delete(oldest);
}
