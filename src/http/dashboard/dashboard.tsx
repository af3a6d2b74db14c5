// The pages below /ui: finds the page of a path, renders it, and serves its assets.
// Never signs anybody in, and never changes anything but the reader's own cookies.
/** @jsxImportSource hono/jsx */

import { GatewayError } from "../../errors.ts";
import type { Admin } from "../admin/admin.ts";
import type { Dashboard, PageRequest } from "../admin/dashboard.ts";
import type { Session } from "../admin/session.ts";
import { assetAt } from "./assets.ts";
import { Formats } from "./formats.ts";
import { renderBare, renderPage } from "./layout.tsx";
import type { Page, PageRow, View } from "./page.ts";
import { PAGES } from "./pages.ts";
import { chosenCookies, readerOf, withoutChoices } from "./reader.ts";
import { signInPage } from "./sign-in.tsx";
import { sentenceText, translator } from "./texts.ts";

interface DashboardPorts {
  /** Unix time in milliseconds. */
  readonly now: () => number;
}

const UI = "/ui";
const SEE_OTHER = 303;

export function createDashboard(ports: DashboardPorts): Dashboard {
  return (request, admin) => {
    const { path, url } = request;
    const asset = assetAt(UI + path);
    if (asset !== null) return new Response(asset.text, { headers: { "content-type": asset.type, "cache-control": FOR_GOOD } });
    const cookies = chosenCookies(url.searchParams);
    if (cookies.length > 0) return redirect(withoutChoices(url), cookies);
    const found = rowAt(path);
    const view = viewOf(request, { admin, ports, parameter: found?.parameter ?? "" });
    if (request.session === null) return path === "/sign-in" ? html(renderBare(view, signInPage(view, request.failure))) : null;
    if (found?.row.entry === "me" && request.session.key === null) return redirect(`${UI}/keys`);
    return draw(view, found?.row ?? null, request.session);
  };
}

const FOR_GOOD = "public, max-age=31536000, immutable";

interface Parts {
  readonly admin: Admin;
  readonly ports: DashboardPorts;
  readonly parameter: string;
}

function viewOf({ url, headers, session }: PageRequest, { admin, ports, parameter }: Parts): View {
  const reader = readerOf(headers);
  const format = Formats.of(reader.locale, reader.zone);
  const t = translator(reader.language, (number) => format.number(number));
  return { admin, t, format, reader, nowMs: ports.now(), url, session, parameter };
}

async function draw(view: View, row: PageRow | null, session: Session): Promise<Response> {
  const drawn = row === null ? null : await rendered(row, view);
  if (drawn instanceof Response) return drawn;
  const page = drawn ?? notFound(view);
  return html(renderPage({ view, session }, page, row?.entry ?? null), page.status);
}

function html(text: string, status = 200): Response {
  return new Response(text, { status, headers: { "content-type": "text/html; charset=utf-8" } });
}

function redirect(location: string, cookies: readonly string[] = []): Response {
  const headers = new Headers({ location });
  for (const cookie of cookies) headers.append("set-cookie", cookie);
  return new Response(null, { status: SEE_OTHER, headers });
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

/** @throws whatever nobody has foreseen: the site's boundary knows what to do with it */
async function rendered(row: PageRow, view: View): Promise<Page | Response | null> {
  try {
    return await row.render(view);
  } catch (error) {
    if (!(error instanceof GatewayError) || error.kind === "internal") throw error;
    return failed(view, error);
  }
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

function failed({ t, url, reader }: View, { message, status }: GatewayError): Page {
  return {
    title: t("error.failed"),
    status,
    body: (
      <div class="empty" role="alert">
        <p class="empty-title">{sentenceText(reader.language, message)}</p>
        <p>
          <a href={url.pathname}>{t("error.retry")}</a>
        </p>
      </div>
    ),
  };
}
