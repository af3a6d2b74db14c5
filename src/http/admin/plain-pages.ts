// Pages that need no dashboard: why there is none, what went wrong, and a plain form to sign in.

import { html } from "hono/html";
import type { Dashboard, SignInFailure } from "./dashboard.ts";

const FAILURES: Readonly<Record<SignInFailure, string>> = {
  "wrong-key": "This key is not known here.",
  "too-many": "Too many wrong keys came from this address. Try again in a minute.",
  link: "This link has been used, or is older than ten minutes. Run factory-proxy ui for a new one.",
};

/** A sentence under a title. */
export function noticePage(title: string, text: string, status: number): Promise<Response> {
  return page(title, html`<p>${text}</p>`, status);
}

/** Until there is another dashboard. */
export const PLAIN_DASHBOARD: Dashboard = ({ path, failure, session }) => {
  if (path === "/sign-in") {
    const why = failure === null ? "" : html`<p>${FAILURES[failure]}</p>`;
    const form = html`<form method="post" action="/ui/sign-in">
      <label>Key <input type="password" name="key" autocomplete="current-password" required autofocus /></label>
      <button>Sign in</button>
    </form>`;
    return page("Sign in", html`${why}${form}`, 200);
  }
  if (path === "/") return page("Factory Proxy", html`<p>Signed in. The admin API is at /api/admin; /openapi.json describes it.</p>`, 200);
  return path === "/me" ? page("My usage", html`<p>${session?.key ?? "administrator"}</p>`, 200) : null;
};

type Html = ReturnType<typeof html>;

async function page(title: string, body: Html, status: number): Promise<Response> {
  const text = await html`<!doctype html>
    <html lang="en">
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width" />
      <meta name="color-scheme" content="light dark" />
      <title>${title}</title>
      <h1>${title}</h1>
      ${body}
    </html>`;
  return new Response(text.toString(), { status, headers: { "content-type": "text/html; charset=utf-8" } });
}
