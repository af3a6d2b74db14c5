// Who reads the pages and how: language, locale, time zone, theme, from the request's headers and cookies.
// Never remembers anything: the cookies are the reader's.

import type { Language } from "./texts.ts";

export type Theme = "auto" | "light" | "dark";

export interface Reader {
  readonly language: Language;
  /** BCP 47: how numbers and times are printed. */
  readonly locale: string;
  /** IANA name; UTC until the script has said which. */
  readonly zone: string;
  readonly theme: Theme;
}

type Heads = Readonly<Record<string, string | undefined>>;

const MOST_LANGUAGES = 20;

export function readerOf(headers: Heads): Reader {
  const cookies = cookiesOf(headers["cookie"] ?? "");
  const accepted = acceptedOf(headers["accept-language"] ?? "");
  const chosen = cookies.get("lang");
  const language = chosen === "en" || chosen === "zh" ? chosen : (accepted.map(languageOf).find((one) => one !== null) ?? "en");
  const locale = accepted.find((tag) => languageOf(tag) === language) ?? (language === "zh" ? "zh-CN" : "en");
  const theme = cookies.get("theme");
  return { language, locale, zone: zoneOf(cookies.get("zone") ?? ""), theme: theme === "light" || theme === "dark" ? theme : "auto" };
}

/** What a link of the page chooses, as cookies; empty: it chooses nothing. */
export function chosenCookies(query: URLSearchParams): readonly string[] {
  const lang = query.get("set-lang");
  const theme = query.get("set-theme");
  return [
    ...(lang === "en" || lang === "zh" ? [`lang=${lang}`] : []),
    ...(theme === "light" || theme === "dark" || theme === "auto" ? [`theme=${theme}`] : []),
  ].map((pair) => `${pair}; Path=/ui; Max-Age=31536000; SameSite=Lax`);
}

/** The page's own address again. */
export function withoutChoices({ pathname, searchParams }: URL): string {
  const query = new URLSearchParams([...searchParams].filter(([name]) => name !== "set-lang" && name !== "set-theme"));
  return query.size === 0 ? pathname : `${pathname}?${query.toString()}`;
}

function languageOf(tag: string): Language | null {
  const [first = ""] = tag.toLowerCase().split("-");
  return first === "en" || first === "zh" ? first : null;
}

/** Tags that are well formed, the one that is liked best first. */
function acceptedOf(header: string): string[] {
  return header
    .split(",", MOST_LANGUAGES)
    .map((part) => {
      const [tag = "", quality] = part.split(";q=");
      return { tag: tag.trim(), quality: Number(quality ?? 1) };
    })
    .filter(({ tag, quality }) => TAG.test(tag) && quality > 0)
    .toSorted((one, other) => other.quality - one.quality)
    .map(({ tag }) => tag);
}

const TAG = /^[a-z]{2,3}(?:-[a-z]{4})?(?:-(?:[a-z]{2}|\d{3}))?$/i;

function cookiesOf(header: string): Map<string, string> {
  const pairs = header.split(";").map((pair): readonly [string, string] => {
    const at = pair.indexOf("=");
    return [pair.slice(0, Math.max(at, 0)).trim(), pair.slice(at + 1).trim()];
  });
  return new Map(pairs);
}

const ZONE = /^[\w+-]{1,40}(?:\/[\w+-]{1,40}){0,2}$/;

function zoneOf(cookie: string): string {
  const zone = cookie.replaceAll("%2F", "/");
  if (!ZONE.test(zone)) return "UTC";
  try {
    return new Intl.DateTimeFormat("en", { timeZone: zone }).resolvedOptions().timeZone;
  } catch (error) {
    if (error instanceof RangeError) return "UTC";
    throw error;
  }
}
