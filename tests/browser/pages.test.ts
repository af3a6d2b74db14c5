// Every page of the dashboard in a real browser: in both themes and languages, on a narrow screen, without the script.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { CHROMIUM, NO_CHROMIUM, violationsOn, Visitors, widerThan, type Visitor } from "../support/browser.ts";
import { callOf, CLIENT_KEY, convertedCall, startDashboard, type DashboardServer } from "../support/dashboard.ts";

interface Row {
  readonly name: string;
  /** `CALL` stands for the id of a call. */
  readonly path: string;
  /** Unless 200: the console tells of it. */
  readonly status?: number;
}

const PAGES: readonly Row[] = [
  { name: "Now", path: "/ui" },
  { name: "Requests", path: "/ui/requests" },
  { name: "Requests that nothing fits", path: "/ui/requests?q=nothing-has-this-id" },
  { name: "Requests with a wrong filter", path: "/ui/requests?since=yesterday", status: 400 },
  { name: "a request", path: "/ui/requests/CALL" },
  { name: "an exported request", path: "/ui/requests/open" },
  { name: "Usage", path: "/ui/usage" },
  { name: "Usage by day", path: "/ui/usage?by=day&split=model" },
  { name: "Quota", path: "/ui/quota" },
  { name: "Keys", path: "/ui/keys" },
  { name: "a key", path: "/ui/keys/alice" },
  { name: "Models", path: "/ui/models" },
  { name: "Playground", path: "/ui/playground" },
  { name: "Health", path: "/ui/health" },
  { name: "API", path: "/ui/api" },
  { name: "a page that is not there", path: "/ui/nowhere", status: 404 },
];

if (CHROMIUM === null) void test.skip(`the pages in a browser (${NO_CHROMIUM})`);
else tests();

function tests(): void {
  let server: DashboardServer;
  let visitors: Visitors;
  let cookie: string;
  let admin: Visitor;
  let callId: string;
  let release: () => void = () => {};

  before(async () => {
    server = await startDashboard();
    visitors = new Visitors(server.origin);
    cookie = await server.signIn();
    admin = await visitors.visitor({ cookie });
    await server.admin("keys", { name: "alice", note: "Team A", budgets: ["5usd/day"], rpm: 60 });
    callId = await convertedCall(server);
    const messages = [{ role: "user", content: "Hello" }];
    server.upstream.script([{ error: { status: 400, message: "The upstream does not like this." } }]);
    const refused = await server.call("/v1/messages", { model: "claude-haiku-4-5", max_tokens: 100, messages });
    assert.equal(refused.status, 400);
    await refused.text();
    await callOf(server, refused);
    // One that runs for as long as the tests.
    const until = new Promise<void>((resolve) => (release = resolve));
    server.upstream.script([{ say: { text: "one two three" }, hold: { afterEvents: 3, until } }]);
    const running = await server.call("/v1/messages", { model: "claude-haiku-4-5", max_tokens: 100, stream: true, messages });
    void running.text().catch(() => "");
  });

  after(async () => {
    release();
    await visitors.stop();
    await server.stop();
  });

  const open = async ({ page }: Visitor, path: string): Promise<void> => {
    await page.goto(path.replace("CALL", callId));
    await page.waitForSelector("#main:not(:has([aria-busy=true])) h1");
  };
  const allowed = ({ status }: Row): RegExp | undefined => (status === undefined ? undefined : new RegExp(`status of ${status}`));

  for (const row of PAGES) {
    test(`${row.name}: nobody is kept out in either theme, a narrow screen is enough, and nothing goes wrong`, async () => {
      const { page, faults } = admin;
      await page.setViewportSize({ width: 1280, height: 900 });
      await open(admin, row.path);
      const themes: Record<string, string[]> = {};
      for (const theme of ["light", "dark"]) {
        await page.click(`[data-theme-choice=${theme}]`);
        themes[theme] = await violationsOn(page, theme === "light" ? "all" : "colours");
      }
      await page.setViewportSize({ width: 390, height: 800 });
      const found = { ...themes, narrow: await widerThan(page), faults: faults(allowed(row)) };
      assert.deepEqual(found, { light: [], dark: [], narrow: [], faults: [] });
    });
  }

  test("on a screen of 1280 pixels the tables show all of their columns, and on a narrow one the settings stand below one another", async () => {
    const { page, faults } = admin;
    const wider = (): Promise<number[]> =>
      page.evaluate(`[...document.querySelectorAll(".table-frame")].map((frame) => frame.scrollWidth - frame.clientWidth)`);
    await page.setViewportSize({ width: 1280, height: 900 });
    const found: Record<string, number[]> = {};
    for (const path of ["/ui/requests", "/ui/models", "/ui/health"]) {
      await open(admin, path);
      found[path] = await wider();
    }
    await page.setViewportSize({ width: 390, height: 800 });
    found["narrow"] = await wider();
    assert.deepEqual(found, { "/ui/requests": [0], "/ui/models": [0], "/ui/health": [0], narrow: [0] });
    assert.deepEqual(faults(), []);
  });

  test("on a screen of 1280 pixels the fields of a filter and its buttons stand in one line", async () => {
    const found: Record<string, readonly [lines: number, overlapping: number]> = {};
    for (const locale of ["en-US", "zh-CN"]) {
      const visitor = await visitors.visitor({ cookie, locale });
      for (const path of ["/ui/requests", "/ui/requests?key=ops&since=24h", "/ui/usage", "/ui/usage?key=ops"]) {
        await open(visitor, path);
        const bottoms = await visitor.page.evaluate<number[]>(
          `[...document.querySelectorAll(".filters > *")].map((one) => Math.round(one.getBoundingClientRect().bottom))`,
        );
        const overlapping = await visitor.page.evaluate<number>(
          `[...document.querySelectorAll(".filters .field")].filter((field) => field.scrollWidth > field.clientWidth).length`,
        );
        found[`${locale} ${path}`] = [new Set(bottoms).size, overlapping];
      }
      await visitor.close();
    }
    assert.deepEqual(found, Object.fromEntries(Object.keys(found).map((name) => [name, [1, 0]])));
  });

  for (const [name, path, button] of [
    ["a new key", "/ui/keys", "#new-key"],
    ["another key for the same name", "/ui/keys/alice", "[data-act=rotate]"],
    ["to remove a key", "/ui/keys/alice", "[data-act=remove]"],
    ["the shortcuts", "/ui", "#show-shortcuts"],
  ] as const) {
    test(`the dialog for ${name} keeps nobody out, and closes by the keyboard`, async () => {
      const { page, faults } = admin;
      await page.setViewportSize({ width: 1280, height: 900 });
      await open(admin, path);
      await page.click(button);
      const themes: Record<string, string[]> = {};
      for (const theme of ["light", "dark"]) {
        await page.evaluate(`document.documentElement.dataset.theme = "${theme}"`);
        themes[theme] = await violationsOn(page, theme === "light" ? "all" : "colours");
      }
      await page.setViewportSize({ width: 390, height: 800 });
      const narrow = await widerThan(page);
      await page.keyboard.press("Escape");
      assert.equal(await page.locator("dialog[open]").count(), 0);
      assert.deepEqual({ ...themes, narrow, faults: faults() }, { light: [], dark: [], narrow: [], faults: [] });
    });
  }

  test("the pages of those who have not signed in, and of a client, keep nobody out either", async () => {
    const found: Record<string, string[]> = {};
    for (const [path, cookieOf] of [
      ["/ui/sign-in", ""],
      ["/ui/me", await server.signIn(CLIENT_KEY)],
      ["/", ""],
    ] as const) {
      const visitor = await visitors.visitor(cookieOf === "" ? {} : { cookie: cookieOf });
      await visitor.page.goto(path);
      found[`${path} light`] = await violationsOn(visitor.page);
      // The page at `/` has the browser's own colours, which axe does not know.
      if (path !== "/") {
        await visitor.page.emulateMedia({ colorScheme: "dark" });
        found[`${path} dark`] = await violationsOn(visitor.page, "colours");
      }
      await visitor.page.setViewportSize({ width: 390, height: 800 });
      found[`${path} narrow`] = await widerThan(visitor.page);
      found[`${path} faults`] = visitor.faults();
      await visitor.close();
    }
    const nothing = Object.fromEntries(Object.keys(found).map((name) => [name, []]));
    assert.deepEqual(found, nothing);
  });

  test("in Chinese every page has a Chinese title and navigation, and English is one click away", async () => {
    const visitor = await visitors.visitor({ cookie, locale: "zh-CN" });
    const { page } = visitor;
    for (const row of PAGES) {
      await open(visitor, row.path);
      assert.equal(await page.getAttribute("html", "lang"), "zh-CN", row.path);
      const title = await page.innerText("h1");
      // The name of a key, and one word that is the same in both.
      if (!["alice", "API"].includes(title)) assert.match(title, /\p{Script=Han}/u, row.path);
      assert.match(await page.innerText("nav"), /实时\s+请求\s+用量\s+配额\s+密钥\s+模型/, row.path);
      assert.deepEqual(visitor.faults(allowed(row)), [], row.path);
    }
    await page.goto("/ui/usage");
    await page.click("text=English");
    assert.equal(await page.innerText("h1"), "Usage");
    assert.equal(new URL(page.url()).search, "");
    await visitor.close();
  });

  test("without the script every page can be read, and the filter works", async () => {
    const visitor = await visitors.visitor({ cookie, javaScriptEnabled: false });
    const { page } = visitor;
    for (const row of PAGES) {
      await page.goto(row.path.replace("CALL", callId));
      assert.ok((await page.innerText("h1")).length > 0, row.path);
      assert.match(await page.locator("noscript").first().innerText(), /JavaScript/, row.path);
      const deadButtons = await page.locator("main button:visible:not([type=submit])").allInnerTexts();
      assert.deepEqual(deadButtons, [], row.path);
      assert.deepEqual(visitor.faults(allowed(row)), [], row.path);
    }
    await page.goto("/ui/requests");
    await page.selectOption("#status", "4xx");
    await page.click("text=Apply");
    assert.deepEqual(await page.locator("table tbody td.model .name").allInnerTexts(), ["claude-haiku-4-5-20251001"]);
    await page.goto(`/ui/requests/${callId}`);
    await page.click("summary:has-text('upstream')");
    assert.ok(await page.isVisible("text=response.function_call_arguments.delta"));
    await visitor.close();
  });
}
