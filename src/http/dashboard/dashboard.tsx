// The pages below /ui: finds the page of a path, renders it, and serves its assets.
// Never signs anybody in: whoever calls it knows who looks. Never changes anything but the reader's own cookies.

import { GatewayError } from "../../errors.ts";
import type { Admin } from "../admin/admin.ts";
import { assetAt } from "./assets.ts";
import { Formats } from "./formats.ts";
import { renderBare, renderPage } from "./layout.tsx";
import type { Page, PageRow, View, Viewer, Visit } from "./page.ts";
import { PAGES } from "./pages.ts";
import { chosenCookies, readerOf } from "./reader.ts";
import { signInPage, type SignIn } from "./sign-in.tsx";
import { translator } from "./texts.ts";

export interface DashboardPorts {
  readonly admin: Admin;
  /** The API's description, OpenAPI 3.1. */
  readonly openapi: () => object;
  /** Unix time in milliseconds. */
  readonly now: () => number;
}

export interface Dashboard {
  /** A page for whoever looks. Without a viewer, and for what a viewer may not see, it is the page that asks for a key. Never rejects. */
  page(visit: Visit): Promise<Response>;
  /** The page that asks for a key. */
  signIn(visit: Visit, state: SignIn): Response;
  /** A style sheet or script, for everybody. Null: there is none of that name. */
  asset(path: string): Response | null;
}

/** What the pages need, by name; uPlot sets its styles by script, which `style-src` does not concern. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join("; ");

const HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": CONTENT_SECURITY_POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store",
};

export function createDashboard(ports: DashboardPorts): Dashboard {
  const viewOf = (visit: Visit, parameter: string): View => {
    const { path, query, origin, viewer } = visit;
    const reader = readerOf(visit.headers);
    const format = Formats.of(reader.locale, reader.zone);
    const t = translator(reader.language, (number) => format.number(number));
    const { admin, openapi, now } = ports;
    return { admin, t, format, reader, nowMs: now(), path, query, origin, viewer, parameter, openapi };
  };
  const signIn = (visit: Visit, state: SignIn): Response => {
    const page = signInPage(viewOf(visit, ""), state);
    return html(renderBare(viewOf({ ...visit, viewer: null }, ""), page), page);
  };
  return {
    signIn,
    async page(visit) {
      if (visit.path === "/ui/preferences") return preferences(visit);
      const found = rowAt(visit.path);
      if (!maySee(visit.viewer, found?.row ?? null)) {
        const kind = visit.path.startsWith("/ui/me") ? "key" : "admin";
        return signIn(visit, { kind, state: null, next: nextOf(visit), hasLink: isLocal(visit.origin) });
      }
      const view = viewOf(visit, found?.parameter ?? "");
      const page = found === null ? null : await rendered(found.row, view);
      if (page instanceof Response) return page;
      const shown = page ?? notFound(view);
      return html(renderPage(view, shown, found?.row.entry ?? null), shown);
    },
    asset(path) {
      const asset = assetAt(path);
      if (asset === null) return null;
      return new Response(asset.text, {
        headers: {
          "content-type": asset.type,
          "cache-control": "public, max-age=31536000, immutable",
          "x-content-type-options": "nosniff",
          "cross-origin-resource-policy": "same-origin",
        },
      });
    },
  };
}

function html(text: string, page: Page): Response {
  return new Response(text, { status: page.status ?? 200, headers: HEADERS });
}

async function rendered(row: PageRow, view: View): Promise<Page | Response | null> {
  try {
    return await row.render(view);
  } catch (error) {
    return failed(view, error);
  }
}

/** A client key opens its own page alone, and an administrator's everything but that. */
function maySee(viewer: Viewer | null, row: PageRow | null): boolean {
  if (viewer === null) return false;
  return row?.entry === "me" ? viewer.type === "key" : viewer.type === "admin";
}

interface Found {
  readonly row: PageRow;
  readonly parameter: string;
}

function rowAt(path: string): Found | null {
  for (const row of PAGES) {
    const [before = "", after] = row.path.split(":id");
    if (after === undefined ? path === row.path : path.startsWith(before) && path.length > before.length) {
      const parameter = after === undefined ? "" : decoded(path.slice(before.length));
      if (parameter !== null) return { row, parameter };
    }
  }
  return null;
}

/** One step of a path. Null: it is more than one, or can't be read. */
function decoded(step: string): string | null {
  if (step.includes("/")) return null;
  try {
    return decodeURIComponent(step);
  } catch {
    return null;
  }
}

/** Sets what a link of the layout chose, and leads back. */
function preferences({ query }: Visit): Response {
  const headers = new Headers({ ...HEADERS, location: pathBelowUi(query.get("back") ?? "") });
  for (const cookie of chosenCookies(query)) headers.append("set-cookie", cookie);
  return new Response(null, { status: 303, headers });
}

/** A path of these pages and no other address. */
export function pathBelowUi(path: string): string {
  return /^\/ui(?:[/?][\w\-./~%?=&+:@!$'()*,;]*)?$/.test(path) ? path : "/ui";
}

function nextOf({ path, query }: Visit): string {
  return pathBelowUi(query.size === 0 ? path : `${path}?${query.toString()}`);
}

function isLocal(origin: string): boolean {
  return /^http:\/\/(?:localhost|127\.|\[::1\])/.test(origin);
}

function notFound({ t }: View): Page {
  return {
    title: t("error.not-found"),
    status: 404,
    body: (
      <div class="empty">
        <p>{t("error.not-found.hint")}</p>
        <p>
          <a href="/ui">{t("error.home")}</a>
        </p>
      </div>
    ),
  };
}

/** @throws whatever nobody has foreseen: the caller's boundary knows what to do with it */
function failed(view: View, error: unknown): Page {
  if (!(error instanceof GatewayError)) throw error;
  const { t } = view;
  return {
    title: t("error.failed"),
    status: error.status,
    body: (
      <div class="empty" role="alert">
        <p class="empty-title">{error.message}</p>
        <p>{t("error.failed.hint")}</p>
        <p>
          <a href={view.path}>{t("error.retry")}</a>
        </p>
      </div>
    ),
  };
}

export type { SignIn, Visit };
