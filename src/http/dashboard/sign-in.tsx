// The page that asks for a key, an administrator's or a client's. A plain form: it works without the script.

import type { Page, View, Rendered } from "./page.ts";
import { Code, Notice } from "./parts.tsx";

/** Why the page is shown, where somebody has tried. */
export type SignInState =
  | { readonly type: "wrong" | "link-used" | "expired" | "signed-out" }
  | { readonly type: "limited"; readonly retryAfterMs: number }
  | null;

export interface SignIn {
  /** `key`: with a client key, for "My usage". */
  readonly kind: "admin" | "key";
  readonly state: SignInState;
  /** Where to go then, a path below /ui. */
  readonly next: string;
  /** Whether the server listens for this machine alone, so that the command can open the page. */
  readonly hasLink: boolean;
}

export function signInPage(view: View, { kind, state, next, hasLink }: SignIn): Page {
  const { t } = view;
  const isAdmin = kind === "admin";
  return {
    title: isAdmin ? t("sign-in.title") : t("page.me"),
    status: state?.type === "wrong" ? 401 : state?.type === "limited" ? 429 : 200,
    body: (
      <>
        <State view={view} state={state} />
        <form method="post" action={isAdmin ? "/ui/sign-in" : "/ui/me/sign-in"} class="stack" id="sign-in">
          <input type="hidden" name="next" value={next} />
          {/* Managers of passwords keep one for each name. */}
          <input type="text" name="username" value={isAdmin ? "admin" : "client"} autocomplete="username" hidden readonly />
          <label for="key">{isAdmin ? t("sign-in.admin") : t("sign-in.key")}</label>
          <input
            id="key"
            name="key"
            type="password"
            autocomplete="current-password"
            required
            autofocus
            spellcheck={false}
            aria-describedby="key-hint"
            {...(state?.type === "wrong" ? { "aria-invalid": "true" } : {})}
          />
          <p class="sub" id="key-hint">
            {isAdmin ? t("sign-in.admin.hint") : t("sign-in.key.hint")}
          </p>
          <button type="submit" class="primary">
            {t("sign-in.submit")}
          </button>
        </form>
        {isAdmin && hasLink ? (
          <>
            <p>{t("sign-in.link")}</p>
            <Code view={view} name={t("sign-in.link")} text="factory-proxy ui" />
          </>
        ) : null}
        <p>
          <a href={isAdmin ? "/ui/me" : "/ui"}>{isAdmin ? t("sign-in.me") : t("sign-in.back")}</a>
        </p>
      </>
    ),
  };
}

function State({ view, state }: { readonly view: View; readonly state: SignInState }): Rendered | null {
  if (state === null) return null;
  const { t, format } = view;
  if (state.type === "limited") {
    return <Notice tone="bad">{t("sign-in.limited", { wait: format.duration(Math.ceil(state.retryAfterMs / 1000) * 1000) })}</Notice>;
  }
  return <Notice tone={state.type === "signed-out" ? "plain" : "bad"}>{t(`sign-in.${state.type}`)}</Notice>;
}
