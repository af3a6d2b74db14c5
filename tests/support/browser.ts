// A browser that looks at the dashboard: Debian's Chromium, driven from here. What must never happen on any page is collected on the way.

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import process from "node:process";
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";
import type { AdminGateway } from "./admin.ts";

const PATH = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

/** Null where there is none: who asks for one then says so, and skips its tests. */
export function launchBrowser(): Promise<Browser> | null {
  return existsSync(PATH) ? chromium.launch({ executablePath: PATH, args: ["--no-sandbox"] }) : null;
}

export interface Visitor {
  readonly page: Page;
  /** Errors of the console and of scripts, and requests to anywhere else. */
  readonly faults: readonly string[];
  /** Goes to a path of the gateway. */
  goto(path: string): Promise<void>;
  /** What axe-core finds, one line each. */
  violations(): Promise<readonly string[]>;
}

/** Somebody who has signed in as an administrator. */
export async function visitorOf(gateway: AdminGateway, browser: Browser, options: BrowserContextOptions = {}): Promise<Visitor> {
  const context = await browser.newContext({ locale: "en-US", ...options });
  const [name = "", ...value] = (await gateway.signIn()).cookie.split("=");
  await context.addCookies([{ name, value: value.join("="), url: gateway.url }]);
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") faults.push(message.text());
  });
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("request", (request) => {
    if (!request.url().startsWith(gateway.url) && !/^(?:data|blob):/.test(request.url())) faults.push(request.url());
  });
  return {
    page,
    faults,
    async goto(path) {
      await page.goto(gateway.url + path);
    },
    async violations() {
      // The content security policy forbids script tags.
      await page.evaluate(await readFile(new URL("../../node_modules/axe-core/axe.min.js", import.meta.url), "utf8"));
      return page.evaluate(AXE);
    },
  };
}

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
/** As text: it runs in the page. */
const AXE = `axe.run({ runOnly: ${JSON.stringify(TAGS)} }).then(({ violations }) => violations.map(({ id, nodes }) => id + ": " + nodes[0].html))`;
