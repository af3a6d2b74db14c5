// The renderer of the pages below /ui, as a port. Types only.

import type { Admin } from "./admin.ts";
import type { Session } from "./session.ts";

/** A requested page. */
export interface PageRequest {
  /** Below /ui: `/` for /ui itself, `/sign-in`, `/requests`, `/assets/…`. */
  readonly path: string;
  /** The page's address, with its query. */
  readonly url: URL;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Null on /sign-in and below /assets, which are public; never null elsewhere. The session of a client key requests only /me. */
  readonly session: Session | null;
  /** Why the sign-in form is shown again. Null: it is shown for the first time. */
  readonly failure: SignInFailure | null;
}

/** `link`: it has been used, or has expired. `too-many`: too many wrong keys from this address within a minute. */
export type SignInFailure = "wrong-key" | "too-many" | "link";

/**
 * Renders a page; null: there is no such page. Security headers, the redirect to /sign-in and errors are up to `site.ts`, which sets
 * them on the response; `cache-control` only where it is not set.
 */
export type Dashboard = (request: PageRequest, admin: Admin) => Response | Promise<Response | null> | null;
