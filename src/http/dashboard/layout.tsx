// What is around every page: head, navigation, theme and language, the list of shortcuts.
// Never has an inline script or style: the content security policy forbids both.
/** @jsxImportSource hono/jsx */

import type { Child } from "hono/jsx";
import { assetPath, type ScriptName, type StyleName } from "./assets.ts";
import { Icon, Mark } from "./icons.tsx";
import { ENTRY_TEXTS, type NavigationId, type Page, type View, type Rendered } from "./page.ts";
import type { Session } from "../admin/session.ts";
import type { Theme } from "./reader.ts";
import { textsFor, type Language } from "./texts.ts";

/** In the order of the navigation. `letter`: after `g`. */
export const ENTRIES: readonly { readonly id: NavigationId; readonly href: string; readonly letter: string }[] = [
  { id: "now", href: "/ui", letter: "n" },
  { id: "requests", href: "/ui/requests", letter: "r" },
  { id: "usage", href: "/ui/usage", letter: "u" },
  { id: "quota", href: "/ui/quota", letter: "q" },
  { id: "keys", href: "/ui/keys", letter: "k" },
  { id: "models", href: "/ui/models", letter: "m" },
  { id: "playground", href: "/ui/playground", letter: "p" },
  { id: "health", href: "/ui/health", letter: "h" },
  { id: "api", href: "/ui/api", letter: "a" },
];

interface Seen {
  readonly view: View;
  readonly session: Session;
}

/** A whole page, as HTML. */
export function renderPage({ view, session }: Seen, page: Page, entry: NavigationId | null): string {
  const isAdmin = session.key === null;
  const scripts: readonly ScriptName[] = ["shell.js", ...(page.scripts ?? [])];
  const body = (
    <Document view={view} title={page.title} scripts={scripts} styles={page.styles ?? []} prefixes={["script.", ...(page.texts ?? [])]}>
      <a class="skip" href="#main">
        {view.t("shell.skip")}
      </a>
      <header class="side">
        <a class="brand" href={isAdmin ? "/ui" : "/ui/me"}>
          <Mark />
          Factory Proxy
        </a>
        {isAdmin ? <Navigation view={view} entry={entry} /> : null}
      </header>
      <main id="main" tabindex={-1}>
        <div class="title">
          {page.parent === undefined ? null : (
            <a class="parent" href={page.parent.href}>
              {page.parent.text} <span aria-hidden="true">/</span>
            </a>
          )}
          <h1>{page.title}</h1>
          {page.aside}
        </div>
        <noscript>
          <p class="notice plain">{view.t("shell.no-script")}</p>
        </noscript>
        {page.body}
      </main>
      <footer>
        <Preferences view={view} />
      </footer>
      <Shortcuts view={view} isAdmin={isAdmin} />
      <div id="toasts" role="status" aria-live="polite" />
    </Document>
  );
  return htmlOf(body);
}

/** A page with nothing around it, for whoever has not signed in. */
export function renderBare(view: View, page: Page): string {
  const body = (
    <Document view={view} title={page.title} scripts={["shell.js"]} styles={[]} prefixes={["script."]}>
      <main id="main" class="bare">
        <p class="brand">
          <Mark />
          Factory Proxy
        </p>
        <h1>{page.title}</h1>
        {page.body}
        <Preferences view={view} />
      </main>
      <div id="toasts" role="status" aria-live="polite" />
    </Document>
  );
  return htmlOf(body);
}

/** Components wait for nothing: what a page needs is there before it is rendered. */
function htmlOf(document: Rendered): string {
  if (document instanceof Promise) throw new TypeError("A component of the page is asynchronous.");
  return `<!doctype html>${document.toString().replaceAll(UNSEEN, "\uFFFD")}`;
}

/** Characters that turn the text around them the other way, or that nobody sees: in a name they make it look like another one. */
const UNSEEN = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F\u200B-\u200F\u202A-\u202E\u2060-\u2069\uFEFF]/g;

interface DocumentParts {
  readonly view: View;
  readonly title: string;
  readonly scripts: readonly ScriptName[];
  readonly styles: readonly StyleName[];
  readonly prefixes: readonly string[];
  readonly children?: Child;
}

function Document({ view, title, scripts, styles, prefixes, children }: DocumentParts): Rendered {
  const { reader, session } = view;
  const hasChart = scripts.includes("uplot.js");
  return (
    <html lang={reader.language === "zh" ? "zh-CN" : "en"} data-theme={reader.theme} data-zone={reader.zone} data-locale={reader.locale}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content={reader.theme === "auto" ? "light dark" : reader.theme} />
        <meta name="texts" content={JSON.stringify(textsFor(reader.language, prefixes))} />
        {typeof session?.csrfToken === "string" ? <meta name="csrf-token" content={session.csrfToken} /> : null}
        <title>{`${title} · Factory Proxy`}</title>
        <link rel="icon" href="/icon.svg" type="image/svg+xml" />
        {hasChart ? <link rel="stylesheet" href={assetPath("uplot.css")} /> : null}
        <link rel="stylesheet" href={assetPath("style.css")} />
        {styles.map((name) => (
          <link rel="stylesheet" href={assetPath(name)} />
        ))}
        <link rel="modulepreload" href={assetPath("dom.js")} />
        <link rel="modulepreload" href={assetPath("formats.js")} />
        {scripts.map((name) =>
          name === "uplot.js" ? <script defer src={assetPath(name)} /> : <script type="module" src={assetPath(name)} />,
        )}
      </head>
      <body>{children}</body>
    </html>
  );
}

function Navigation({ view, entry }: { readonly view: View; readonly entry: NavigationId | null }): Rendered {
  return (
    <nav aria-label={view.t("shell.navigation")}>
      <ul>
        {ENTRIES.map(({ id, href, letter }) => (
          <li>
            <a href={href} data-letter={letter} {...(id === entry ? { "aria-current": "page" } : {})}>
              <Icon of={id} />
              {view.t(ENTRY_TEXTS[id])}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

const THEMES: readonly Theme[] = ["auto", "light", "dark"];
const LANGUAGES: readonly (readonly [Language, string, string])[] = [
  ["en", "en", "English"],
  ["zh", "zh-CN", "简体中文"],
];

/** Links, so that they work without the script: to the same page, which sets a cookie. */
function Preferences({ view }: { readonly view: View }): Rendered {
  const { t, reader, session } = view;
  const href = (choice: string): string => {
    const query = view.url.searchParams.toString();
    return `${view.url.pathname}?${query === "" ? "" : `${query}&`}${choice}`;
  };
  return (
    <div class="preferences">
      <div class="switch" role="group" aria-label={t("shell.theme")}>
        {THEMES.map((theme) => (
          <a href={href(`set-theme=${theme}`)} data-theme-choice={theme} {...(theme === reader.theme ? { "aria-current": "true" } : {})}>
            {t(`shell.theme.${theme}`)}
          </a>
        ))}
      </div>
      <div class="switch" role="group" aria-label={t("shell.language")}>
        {LANGUAGES.map(([language, tag, name]) => (
          <a
            href={href(`set-lang=${language}`)}
            lang={tag}
            hreflang={tag}
            {...(language === reader.language ? { "aria-current": "true" } : {})}
          >
            {name}
          </a>
        ))}
      </div>
      {session === null ? null : (
        <div class="foot needs-script">
          <button type="button" class="quiet" id="show-shortcuts" aria-haspopup="dialog">
            {t("shell.shortcuts")} <kbd>?</kbd>
          </button>
          <button type="button" class="quiet" id="sign-out">
            {t("shell.sign-out")}
          </button>
        </div>
      )}
    </div>
  );
}

function Shortcuts({ view, isAdmin }: { readonly view: View; readonly isAdmin: boolean }): Rendered {
  const { t } = view;
  return (
    <dialog id="shortcuts" aria-labelledby="shortcuts-title">
      <h2 id="shortcuts-title">{t("shell.shortcuts")}</h2>
      <dl class="shortcuts">
        <Shortcut keys={["/"]} what={t("shell.shortcuts.search")} />
        <Shortcut keys={["j", "k"]} what={t("shell.shortcuts.rows")} />
        <Shortcut keys={["Enter"]} what={t("shell.shortcuts.open")} />
        <Shortcut keys={["?"]} what={t("shell.shortcuts.help")} />
        {(isAdmin ? ENTRIES : []).map(({ id, letter }) => (
          <Shortcut keys={["g", letter]} then={t("shell.shortcuts.then")} what={t("shell.shortcuts.go", { page: t(ENTRY_TEXTS[id]) })} />
        ))}
      </dl>
      <form method="dialog">
        <button type="submit">{t("shell.close")}</button>
      </form>
    </dialog>
  );
}

function Shortcut({ keys, then, what }: { readonly keys: readonly string[]; readonly then?: string; readonly what: string }): Rendered {
  return (
    <div>
      <dt>
        {keys.map((key, at) => (
          <>
            {at > 0 && then !== undefined ? <span class="sub">{then}</span> : null}
            <kbd>{key}</kbd>
          </>
        ))}
      </dt>
      <dd>{what}</dd>
    </div>
  );
}
