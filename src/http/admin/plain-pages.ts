// Pages that need no dashboard: why there is none, and errors.

import { html } from "hono/html";

/** A sentence under a title. */
export function noticePage(title: string, text: string, status: number): Promise<Response> {
  return page(title, html`<p>${text}</p>`, status);
}

type Html = ReturnType<typeof html>;

async function page(title: string, body: Html, status: number): Promise<Response> {
  const text = await html`<!doctype html>
    <html lang="en">
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width" />
      <meta name="color-scheme" content="light dark" />
      <title>${title}</title>
      <main>
        <h1>${title}</h1>
        ${body}
      </main>
    </html>`;
  return new Response(text.toString(), { status, headers: { "content-type": "text/html; charset=utf-8" } });
}
