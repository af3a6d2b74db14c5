// What draws the pages below /ui, as a port. Types only.

import type { Admin } from "./admin.ts";
import type { Session } from "./session.ts";

/** A page that is asked for. */
export interface PageRequest {
  /** Below /ui: `/` for /ui itself, `/sign-in`, `/requests`, `/assets/…`. */
  readonly path: string;
  /** The page's address, with its query. */
  readonly url: URL;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Null on /sign-in and below /assets, which are for everybody; never null elsewhere. One of a client key asks for /me only. */
  readonly session: Session | null;
  /** Why the sign-in form is shown again. Null: it is shown for the first time. */
  readonly failure: SignInFailure | null;
}

/** `link`: it has been used, or is too old. `too-many`: wrong keys from this address, within a minute. */
export type SignInFailure = "wrong-key" | "too-many" | "link";

/**
 * Draws a page; null: there is none of that path. Security headers, the redirect to /sign-in and errors are not its business: `site.ts` lays them
 * over what comes back, but for `cache-control` where it is set.
 */
export type Dashboard = (request: PageRequest, admin: Admin) => Response | Promise<Response | null> | null;
