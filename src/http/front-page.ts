// What a browser gets at `/`: a short text with a link to the dashboard. Programs get JSON there.

import { html } from "hono/html";
import { SAFE_HEADERS } from "../gateway/headers.ts";

/** Whether a browser asks: browsers accept HTML by name, programs do not. */
export function wantsHtml(headers: Readonly<Record<string, string>>): boolean {
  return (headers["accept"] ?? "").includes("text/html");
}

export async function frontPage({ version, ui }: { readonly version: string; readonly ui: boolean }): Promise<Response> {
  const dashboard = ui ? html`<p><a href="/ui">Dashboard</a></p>` : "";
  const text = await html`<!doctype html>
    <html lang="en">
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width" />
      <meta name="color-scheme" content="light dark" />
      <link rel="icon" href="/icon.svg" />
      <title>Factory Proxy</title>
      <main>
        <h1>Factory Proxy</h1>
        <p>A gateway between any AI client and Factory's LLM API. Version ${version}.</p>
        ${dashboard}
        <p>For programs: <a href="/openapi.json">every path</a>, <a href="/health">health</a>.</p>
      </main>
    </html>`;
  const headers = { ...SAFE_HEADERS, "content-type": "text/html; charset=utf-8", "cache-control": "no-store", vary: "accept" };
  return new Response(text.toString(), { headers: { ...headers, "content-security-policy": POLICY } });
}

/** Allows the icon and nothing else. */
const POLICY = "default-src 'none'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'";
