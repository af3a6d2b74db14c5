// The page that asks for a key, an administrator's or a client's. A plain form: it works without the script.
/** @jsxImportSource hono/jsx */

import type { PageRequest } from "../admin/dashboard.ts";
import type { Page, View } from "./page.ts";
import { Code, Notice } from "./parts.tsx";
import type { TextKey } from "./texts.ts";

const FAILURES: Readonly<Record<NonNullable<PageRequest["failure"]>, TextKey>> = {
  "wrong-key": "sign-in.wrong",
  "too-many": "sign-in.too-many",
  link: "sign-in.link-used",
};

export function signInPage(view: View, failure: PageRequest["failure"]): Page {
  const { t, url } = view;
  const to = url.searchParams.get("to");
  const action = to === null ? "/ui/sign-in" : `/ui/sign-in?to=${encodeURIComponent(to)}`;
  return {
    title: t("sign-in.title"),
    body: (
      <>
        {failure === null ? null : <Notice tone="bad">{t(FAILURES[failure])}</Notice>}
        <form method="post" action={action} class="stack" id="sign-in">
          {/* Password managers keep a password for each name. */}
          <input type="text" name="username" value="factory-proxy" autocomplete="username" hidden readonly />
          <label for="key">{t("sign-in.key")}</label>
          <input
            id="key"
            name="key"
            type="password"
            autocomplete="current-password"
            required
            autofocus
            spellcheck={false}
            aria-describedby="key-hint"
            {...(failure === "wrong-key" ? { "aria-invalid": "true" } : {})}
          />
          <button type="submit" class="primary">
            {t("sign-in.submit")}
          </button>
          <p class="sub" id="key-hint">
            {t("sign-in.key.hint")}
          </p>
        </form>
        {isLocal(url) ? (
          <div class="stack">
            <p>{t("sign-in.link")}</p>
            <Code view={view} name={t("sign-in.command")} text="factory-proxy ui" />
          </div>
        ) : null}
      </>
    ),
  };
}

/** Whether the reader sits at this machine, or looks as if: the command is of use there alone. */
function isLocal({ hostname }: URL): boolean {
  return hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.");
}
