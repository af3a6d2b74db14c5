// Debian's Chromium, driven by playwright-core: tabs that record whatever a page should not do, and axe, which checks accessibility.
// Never downloads a browser.

import axe from "axe-core";
import { existsSync } from "node:fs";
import process from "node:process";
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from "playwright-core";
import type { AdminGateway } from "./admin.ts";

/** Null: this machine has none, so the tests that need one are skipped. */
export const CHROMIUM =
  [process.env["CHROMIUM"] ?? "", "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
    (path) => path !== "" && existsSync(path),
  ) ?? null;

export const NO_CHROMIUM = "no Chromium here: `apt-get install chromium`, or say where it is in CHROMIUM";

/** Null: there is none, and the test file says so and skips its tests. */
export function launchBrowser(): Promise<Browser> | null {
  return CHROMIUM === null ? null : chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
}

/** Longer than anything takes here: a slow machine is not the page's fault. */
const PATIENCE_MS = 20_000;

/** One browser profile: one set of cookies, one tab. */
export interface Visitor {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What went wrong since the last call: errors in the console, dialogs, requests to other origins. `allowed`: those that had to happen. */
  readonly faults: (allowed?: RegExp) => string[];
  readonly close: () => Promise<void>;
}

export interface Visiting extends BrowserContextOptions {
  /** `name=value`. */
  readonly cookie?: string;
}

/** For a test file. */
export class Visitors {
  readonly #origin: string;
  #browser: Promise<Browser> | null = null;

  constructor(origin: string) {
    this.#origin = origin;
  }

  async visitor({ cookie, ...options }: Visiting = {}): Promise<Visitor> {
    this.#browser ??= launchBrowser();
    const browser = await this.#browser;
    if (browser === null) throw new Error(NO_CHROMIUM);
    const context = await browser.newContext({
      baseURL: this.#origin,
      locale: "en-US",
      timezoneId: "Europe/Berlin",
      viewport: { width: 1280, height: 900 },
      reducedMotion: "reduce",
      ...options,
    });
    context.setDefaultTimeout(PATIENCE_MS);
    const [name = "", value = ""] = cookie?.split(/=(.*)/s) ?? [];
    if (name !== "") await context.addCookies([{ name, value, url: this.#origin, httpOnly: true, sameSite: "Strict" }]);
    const page = await context.newPage();
    const seen = faultsOf(page, this.#origin);
    return {
      page,
      context,
      faults: (allowed) => seen.splice(0).filter((fault) => allowed?.test(fault) !== true),
      close: () => context.close(),
    };
  }

  async stop(): Promise<void> {
    await (await this.#browser)?.close();
  }
}

/** An administrator of a gateway in this process. */
export async function visitorOf(gateway: AdminGateway, browser: Browser, options: BrowserContextOptions = {}): Promise<LocalVisitor> {
  const context = await browser.newContext({ locale: "en-US", ...options });
  const [name = "", value = ""] = (await gateway.signIn()).cookie.split(/=(.*)/s);
  await context.addCookies([{ name, value, url: gateway.url }]);
  const page = await context.newPage();
  return {
    page,
    faults: faultsOf(page, new URL(gateway.url).origin),
    goto: async (path) => void (await page.goto(gateway.url + path)),
    violations: () => violationsOn(page),
  };
}

interface LocalVisitor {
  readonly page: Page;
  /** Everything that went wrong so far, as for a visitor. */
  readonly faults: readonly string[];
  /** Opens a path of the gateway. */
  goto(path: string): Promise<void>;
  violations(): Promise<readonly string[]>;
}

function faultsOf(page: Page, origin: string): string[] {
  const seen: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") seen.push(`console: ${message.text()} (${message.location().url})`);
  });
  page.on("pageerror", (error) => seen.push(`page: ${error.message}`));
  page.on("dialog", (dialog) => {
    seen.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.origin !== origin && url.protocol !== "data:" && url.protocol !== "blob:") seen.push(`elsewhere: ${request.url()}`);
  });
  return seen;
}

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

/** What another theme may break; everything else is the same document. */
const OF_COLOURS = ["color-contrast", "link-in-text-block"];

/** What axe finds on the page as it is now, one line each. `only`: colours, where the rest has been checked before. */
export async function violationsOn(page: Page, only: "all" | "colours" = "all"): Promise<string[]> {
  // The page's policy allows scripts only through the debugger.
  if (!(await page.evaluate<boolean>("'axe' in window"))) await page.evaluate(axe.source);
  const options = JSON.stringify({
    runOnly: only === "all" ? { type: "tag", values: TAGS } : { type: "rule", values: OF_COLOURS },
    resultTypes: ["violations"],
    elementRef: false,
  });
  const violations = await page.evaluate<readonly Violation[]>(`axe.run(document, ${options}).then(({ violations }) => violations)`);
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${(failureSummary ?? "").replaceAll(/\s+/g, " ")}`),
  );
}

const WIDER = `document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll("body *")]
  .filter((one) => one.getBoundingClientRect().right > innerWidth && one.closest(".table-frame, pre, nav ul") === null)
  .map((one) => one.outerHTML.slice(0, 120))`;

/** What makes the page itself scroll sideways, after its charts had time to fit; its own scrolling frames may. */
export async function widerThan(page: Page): Promise<string[]> {
  for (let looks = 1; ; looks++) {
    const wider = await page.evaluate<string[]>(WIDER);
    if (wider.length === 0 || looks === MOST_LOOKS) return wider;
    await page.waitForTimeout(LOOK_MS);
  }
}

const MOST_LOOKS = 30;
const LOOK_MS = 100;
