// Pages that need no dashboard: why there is none, and errors.

import { html } from "hono/html";
import type { Language } from "../dashboard/texts.ts";

interface Notice {
  readonly title: string;
  readonly text: string;
  readonly language: Language;
}

/** A sentence under a title. */
export async function noticePage({ title, text, language }: Notice, status: number): Promise<Response> {
  const page = await html`<!doctype html>
    <html lang="${language === "zh" ? "zh-CN" : "en"}">
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width" />
      <meta name="color-scheme" content="light dark" />
      <title>${title}</title>
      <main>
        <h1>${title}</h1>
        <p>${text}</p>
      </main>
    </html>`;
  return new Response(page.toString(), { status, headers: { "content-type": "text/html; charset=utf-8" } });
}
