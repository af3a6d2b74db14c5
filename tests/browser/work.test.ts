// What people do on the dashboard, in a real browser: sign in, watch calls, end one, give out keys, look into a call, try models.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { CHROMIUM, NO_CHROMIUM, Visitors, type Visitor } from "../support/browser.ts";
import { ADMIN_KEY, CLIENT_KEY, callOf, callsOf, convertedCall, startDashboard, type DashboardServer } from "../support/dashboard.ts";

const HELLO = { model: "claude-haiku-4-5", max_tokens: 100, messages: [{ role: "user", content: "Hello" }] };

if (CHROMIUM === null) void test.skip(`work on the dashboard in a browser (${NO_CHROMIUM})`);
else tests();

function tests(): void {
  let server: DashboardServer;
  let visitors: Visitors;
  let cookie: string;
  let admin: Visitor;

  before(async () => {
    server = await startDashboard();
    visitors = new Visitors(server.origin);
    cookie = await server.signIn();
    admin = await visitors.visitor({ cookie });
  });

  after(async () => {
    await visitors.stop();
    await server.stop();
  });

  test("whoever comes without a session signs in and is where they wanted to be; a wrong key is refused, and signing out ends it", async () => {
    const { page, context, faults, close } = await visitors.visitor();
    await page.goto("/ui/usage?by=day");
    assert.equal(await page.innerText("h1"), "Sign in");
    await page.fill("#key", "a-wrong-key");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".notice.bad");
    assert.equal(await page.getAttribute("#key", "aria-invalid"), "true");
    assert.deepEqual(
      (await context.cookies()).map(({ name }) => name),
      ["zone"],
    );
    await page.fill("#key", ADMIN_KEY);
    await page.keyboard.press("Enter");
    await page.waitForURL("**/ui/usage?by=day");
    assert.equal(await page.innerText("h1"), "Usage");
    const [session] = (await context.cookies()).filter(({ name }) => name === "factory-proxy");
    assert.deepEqual([session?.httpOnly, session?.sameSite, session?.path], [true, "Strict", "/"]);
    await page.click("#sign-out");
    await page.waitForURL("**/ui/sign-in");
    await page.goto("/ui");
    assert.equal(await page.innerText("h1"), "Sign in");
    assert.deepEqual(faults(/status of 401/), []);
    // The cookie of before is worth nothing any more, wherever it is sent from.
    const again = await fetch(`${server.origin}/api/admin/keys`, { headers: { cookie: `factory-proxy=${session?.value}` } });
    assert.equal(again.status, 401);
    await again.text();
    await close();
  });

  test("a client key gets to its own usage, and nowhere else", async () => {
    const { page, faults, close } = await visitors.visitor();
    await page.goto("/ui/sign-in");
    await page.fill("#key", CLIENT_KEY);
    await page.keyboard.press("Enter");
    await page.waitForURL("**/ui/me");
    assert.equal(await page.innerText("h1"), "My usage");
    await page.goto("/ui/keys");
    assert.equal(new URL(page.url()).pathname, "/ui/me");
    const statuses = await page.evaluate<number[]>(
      `Promise.all(["keys", "requests", "live", "health"].map((path) => fetch("/api/admin/" + path).then(({ status }) => status)))`,
    );
    assert.deepEqual(statuses, [403, 403, 403, 403]);
    assert.deepEqual(faults(/status of 403/), []);
    await close();
  });

  test("a call is on the page as soon as it begins, with its phases, and among the latest when it ends, without a reload", async () => {
    const { page, faults } = admin;
    await page.goto("/ui");
    await page.waitForSelector("#connection.good");
    await page.evaluate("window.isSamePage = true");
    let release = (): void => {};
    const until = new Promise<void>((resolve) => (release = resolve));
    server.upstream.script([{ say: { text: "one two three four" }, hold: { afterEvents: 4, until } }]);
    const answer = await server.call("/v1/messages", { ...HELLO, stream: true });
    const text = answer.text();
    await page.waitForSelector("#running tr:has-text('claude-haiku-4-5'):has-text('ops') .pill:has-text('Streaming')");
    assert.equal(await page.innerText("#sum-running"), "1");
    release();
    await text;
    await page.waitForSelector("#latest tr:has-text('claude-haiku-4-5'):has-text('200')");
    // Then its numbers, when the ledger has them.
    await page.waitForSelector("#latest tr:has-text('claude-haiku-4-5') td:nth-child(7):has-text('$')");
    await page.waitForSelector("#running", { state: "hidden" });
    assert.equal(await page.evaluate("window.isSamePage"), true);
    assert.deepEqual(faults(), []);
  });

  test("a call that is refused for its key is among the latest, without a link: the ledger has no row of it", async () => {
    const { page, faults } = admin;
    await page.goto("/ui");
    await page.waitForSelector("#connection.good");
    const refused = await server.call("/v1/messages", {}, { authorization: "Bearer wrong" });
    assert.equal(refused.status, 401);
    await refused.text();
    const row = page.locator('#latest tbody tr:has(.pill:text-is("401"))');
    await row.waitFor();
    assert.equal(await row.locator("a").count(), 0);
    assert.deepEqual(faults(), []);
  });

  test("a call is ended from the page", async () => {
    const { page, faults } = admin;
    await page.goto("/ui");
    await page.waitForSelector("#connection.good");
    server.upstream.script([{ hang: { afterEvents: 2 } }]);
    const answer = await server.call("/v1/messages", { ...HELLO, stream: true });
    const text = answer.text().catch((error: unknown) => String(error));
    await page.click("#running [data-end]");
    await page.waitForSelector("#latest tr:has-text('ended by administrator')");
    assert.match(await text, /event: error/);
    await callOf(server, answer);
    const { rows } = await server.admin<{ rows: readonly { readonly finish: string }[] }>("requests?limit=1");
    assert.equal(rows[0]?.finish, "error:ended");
    await page.waitForSelector("#running", { state: "hidden" });
    assert.deepEqual(faults(), []);
  });

  test("a change is refused without the page's token, and from a page of another origin", async () => {
    const { page, faults } = admin;
    await page.goto("/ui/keys");
    const post = (headers: object): Promise<unknown> =>
      page.evaluate(
        `fetch("/api/admin/keys", { method: "POST", body: '{"name":"mallory"}', headers: ${JSON.stringify(headers)} })
          .then(async (answer) => [answer.status, (await answer.json()).error.code])`,
      );
    const json = { "content-type": "application/json" };
    assert.deepEqual(await post(json), [403, "csrf"]);
    assert.deepEqual(await post({ ...json, "x-csrf-token": "x".repeat(43) }), [403, "csrf"]);
    // What a form of another site can send: the cookie stays at home, and the origin gives it away besides.
    await page.route("http://evil.example/**", (route) =>
      route.fulfill({
        contentType: "text/html",
        body: `<form method="post" action="${server.origin}/api/admin/reload" enctype="text/plain"><input name="{}" value=""><button>Win</button></form>`,
      }),
    );
    await page.goto("http://evil.example/");
    const sent = page.waitForRequest(`${server.origin}/api/admin/reload`);
    const answered = page.waitForResponse(`${server.origin}/api/admin/reload`);
    // Of a page the browser knows the answer before the page itself tells of it, which may be in the next test else.
    const told = page.waitForEvent("console", (message) => message.location().url === `${server.origin}/api/admin/reload`);
    await page.click("button");
    assert.equal((await (await sent).allHeaders())["cookie"], undefined);
    assert.ok([401, 403].includes((await answered).status()));
    await told;
    const { keys } = await server.admin<{ readonly keys: readonly { readonly name: string }[] }>("keys");
    assert.ok(!keys.some(({ name }) => name === "mallory"));
    assert.deepEqual(faults(/status of 40[13]|evil\.example/), []);
  });

  test("a key is made, called with, counted, raised and removed", async () => {
    const { page, faults } = admin;
    await page.goto("/ui/keys");
    await page.click("#new-key");
    await page.fill("#field-name", "newcomer");
    await page.fill("#new-key-form [name=budgets]", "1usd/day");
    await page.click("#new-key-form button[type=submit]");
    const dialog = page.locator("#fresh-key");
    await dialog.waitFor();
    // Nothing lies over the key or the commands, and all of the key is to be seen.
    await page.setViewportSize({ width: 390, height: 800 });
    assert.deepEqual(
      await page.evaluate(
        `[...document.querySelectorAll("#fresh-key .code")].filter((code) => code.checkVisibility()).filter((code) => {
          const [text, button] = ["pre", "button"].map((name) => code.querySelector(name));
          return text.scrollWidth > text.clientWidth || text.getBoundingClientRect().right > button.getBoundingClientRect().left;
        }).length`,
      ),
      0,
    );
    await page.setViewportSize({ width: 1280, height: 900 });
    const key = /ck-[\w-]{20,}|fp-[\w-]{20,}/.exec(await dialog.innerText())?.[0] ?? "";
    assert.notEqual(key, "", await dialog.innerText());
    await dialog.locator("button[type=submit]").click();
    await page.waitForSelector("tr:has-text('newcomer')");
    assert.ok(!(await page.content()).includes(key), "the key is still on the page");
    const authorization = { authorization: `Bearer ${key}` };
    const answer = await server.call("/v1/messages", HELLO, authorization);
    assert.equal(answer.status, 200);
    await answer.text();
    await callOf(server, answer);
    await page.goto("/ui/usage?by=key");
    assert.match(await page.innerText("tr:has-text('newcomer')"), /newcomer\s+14\s+1\s/);
    await page.goto("/ui/keys/newcomer");
    assert.match(await page.innerText("#main"), /\$1\.00/);
    await page.fill("#raise-amount", "5usd");
    await page.fill("#raise-until", "24h");
    await page.click("#raise-form button");
    await page.waitForSelector("#toasts :text('raised')");
    assert.match(await page.innerText("#main"), /\$6\.00/);
    await page.click("[data-act=off]");
    await page.waitForSelector("[data-act=on]");
    const refused = await server.call("/v1/messages", HELLO, authorization);
    assert.ok([401, 403].includes(refused.status));
    await refused.text();
    await page.click("[data-act=remove]");
    await page.click("#remove-dialog [data-confirm]");
    await page.waitForURL("**/ui/keys");
    assert.equal(await page.locator("td:has-text('newcomer'), th:has-text('newcomer')").count(), 0);
    const gone = await server.call("/v1/messages", HELLO, authorization);
    assert.equal(gone.status, 401);
    await gone.text();
    assert.deepEqual(faults(), []);
  });

  test("a key that can't be made is told why, beside the field that is wrong, and the form keeps what was typed", async () => {
    const { page, faults } = admin;
    await page.setViewportSize({ width: 390, height: 800 });
    await page.goto("/ui/keys");
    await page.click("#new-key");
    await page.fill("#field-name", "second");
    await page.fill("#new-key-form [name=budgets]", "much/day");
    await page.click("#new-key-form button[type=submit]");
    await page.waitForSelector(
      "#new-key-form .field:has([name=budgets]:focus[aria-invalid=true]) .fault:has-text('A budget must be an amount such as')",
    );
    assert.deepEqual(
      await page.evaluate(
        `[...document.querySelectorAll("[name=budgets], .fault")].map((element) => {
          const [{ top, bottom }, dialog] = [element, element.closest("dialog")].map((one) => one.getBoundingClientRect());
          return top >= dialog.top && bottom <= dialog.bottom;
        })`,
      ),
      [true, true],
    );
    assert.equal(await page.inputValue("#field-name"), "second");
    await page.fill("#new-key-form [name=budgets]", "1usd/day");
    assert.equal(await page.locator("#new-key-form .fault, #new-key-form [aria-invalid]").count(), 0);
    // What is wrong with no field in particular stands at the end.
    await page.route("**/api/admin/keys", (route) =>
      route.fulfill({ status: 503, json: { error: { message: "The store is away.", param: null } } }),
    );
    await page.click("#new-key-form button[type=submit]");
    await page.waitForSelector("#new-key-form [data-fault]:has-text('The store is away.')");
    await page.unroute("**/api/admin/keys");
    await page.setViewportSize({ width: 1280, height: 900 });
    assert.deepEqual(faults(/status of (?:400|503)/), []);
  });

  test("a filter is chosen by the keyboard without the page loading at each key, and takes effect at once with the mouse", async () => {
    const { page, faults } = admin;
    await page.goto("/ui/requests");
    await page.focus("#status");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await page.focus("#until");
    await page.keyboard.type("11282026");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/ui/requests?*");
    assert.equal(new URL(page.url()).search, "?until=2026-11-28&status=error");
    await page.click("#status");
    await page.selectOption("#status", "ok");
    await page.waitForURL("**/ui/requests?until=2026-11-28&status=ok");
    assert.deepEqual(faults(), []);
  });

  test("in Chinese the checks of Health, and what is wrong with a form, are Chinese too", async () => {
    const visitor = await visitors.visitor({ cookie: await server.signIn(), locale: "zh-CN" });
    const { page, faults } = visitor;
    await page.goto("/ui/health");
    await page.click("#run-doctor");
    await page.waitForSelector("#doctor .check:not(.skeleton)");
    const findings = await page.locator("#doctor .check p:first-child").allInnerTexts();
    assert.ok(findings.length > 10, findings.join("\n"));
    assert.deepEqual(
      findings.filter((finding) => !/\p{Script=Han}/u.test(finding)),
      [],
    );
    await page.goto("/ui/keys");
    await page.click("#new-key");
    await page.fill("#field-name", "third");
    await page.fill("#new-key-form [name=rpm]", "many");
    await page.click("#new-key-form button[type=submit]");
    await page.waitForSelector("#new-key-form .fault:has-text('每分钟请求数应为整数，例如 60 或 400k，或 none、default 之一。')");
    assert.deepEqual(faults(/status of 400/), []);
    await visitor.close();
  });

  test("the inspector shows the four faces of a converted streamed tool call, what was lost, and lets it be copied, exported and opened again", async () => {
    const { page, context, faults } = admin;
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    const id = await convertedCall(server);
    await page.goto("/ui/requests");
    await page.click("table tbody tr:first-child td.model");
    await page.waitForURL(`**/ui/requests/${id}`);
    await page.waitForSelector("#inspection:not([aria-busy]) .faces");
    const faces = await page.locator("article.face").allInnerTexts();
    assert.equal(faces.length, 4);
    const [asked = "", sent = "", came = "", answered = ""] = faces;
    assert.match(asked, /POST \/v1\/messages[^]*"top_k": 5/);
    assert.match(sent, /\/api\/llm\/o\/v1\/responses[^]*"type": "function"/);
    assert.doesNotMatch(sent, /top_k/);
    for (const face of [came, answered]) assert.match(face, /get_weather[^]*"place": "Paris"/);
    const explained = await server.call("/explain/v1/messages", { ...HELLO, model: "gpt-5", top_k: 5 }).then((answer) => answer.text());
    const loss = await page.innerText("tr:has(th:text-is('top_k')) td.wrap");
    assert.ok(explained.includes(JSON.stringify(loss)), `${loss} is not in ${explained}`);
    // Each event under its own name.
    const eventNames = async (title: string): Promise<string> => {
      const face = page.locator("article.face").filter({ has: page.locator(`h3:text-is("${title}")`) });
      await face.locator("[role=tab]:has-text('Events')").click();
      return face.innerText();
    };
    assert.match(
      await eventNames("Upstream's answer"),
      /response\.created[^]*response\.function_call_arguments\.delta[^]*response\.completed/,
    );
    assert.match(await eventNames("Client's answer"), /message_start[^]*content_block_delta[^]*message_stop/);
    await page.click("button:has-text('curl')");
    const command = await page.evaluate<string>("navigator.clipboard.readText()");
    assert.match(command, /^curl -N 'http:\/\/127\.0\.0\.1:\d+\/v1\/messages'[^]*"top_k": 5/);
    for (const secret of [CLIENT_KEY, "fk-a-fake-key-of-factory"]) assert.ok(!(await page.content()).includes(secret), "a key is shown");
    const coming = page.waitForEvent("download");
    await page.click("button:has-text('Export')");
    const path = await (await coming).path();
    const file = readFileSync(path, "utf8");
    for (const secret of [CLIENT_KEY, "fk-a-fake-key-of-factory", ADMIN_KEY]) assert.ok(!file.includes(secret), "a key is in the file");
    await page.goto("/ui/requests/open");
    await page.setInputFiles("#inspection-file", { name: "call.json", mimeType: "application/json", buffer: Buffer.from(file) });
    await page.waitForSelector("article.face");
    assert.deepEqual(
      (await page.locator("article.face").allInnerTexts()).map((text) => text.replaceAll(/\s+/g, " ")),
      faces.map((text) => text.replaceAll(/\s+/g, " ")),
    );
    await page.goto(`/ui/requests/${id}`);
    await page.click("button:has-text('playground')");
    await page.waitForURL("**/ui/playground");
    assert.match(await page.inputValue("#request-json"), /"top_k": 5/);
    assert.equal(await page.inputValue("#model"), "gpt-5-2025-08-07");
    assert.deepEqual(faults(), []);
  });

  for (const [protocol, event] of [
    ["anthropic-messages", "content_block_delta"],
    ["openai-chat", "chat.completion.chunk"],
    ["openai-responses", "response.output_text.delta"],
    ["gemini", "GenerateContentResponse"],
  ] as const) {
    test(`the playground streams, calls tools and shows raw events in ${protocol}`, async () => {
      const { page, faults } = admin;
      faults();
      await page.goto("/ui/playground");
      await page.selectOption("#protocol", protocol);
      await page.selectOption("#model", "claude-sonnet-5");
      await page.selectOption("#other-model", "gemini-2.5-pro");
      await page.fill("#text", "Are you there?");
      await page.selectOption("#reasoning", "low");
      await page.setInputFiles("#image", { name: "dot.png", mimeType: "image/png", buffer: DOT });
      await page.waitForSelector("#image-preview img");
      await page.locator("#text").press("Control+Enter");
      await page.waitForSelector("#answers:not(:has([aria-busy=true])) article:nth-child(2)");
      for (const answer of await page.locator("#answers article").allInnerTexts())
        assert.match(answer, /I should think about that first\.[^]*You said: Are you there\? \(and I saw 1 image\)/);
      await page.locator("#answers [role=tab]:has-text('Events')").first().click();
      assert.ok((await page.locator("#answers article").first().innerText()).includes(event));
      await page.check("[name=with-tools]");
      await page.selectOption("#other-model", "");
      await page.click("#playground button[type=submit]");
      await page.waitForSelector("#answers:not(:has([aria-busy=true])):not(:has(article:nth-child(2))) article");
      assert.match(await page.innerText("#answers article"), /get_weather[^]*Paris/);
      assert.deepEqual(faults(), []);
    });
  }

  test("calls of the playground are counted under its name", async () => {
    const { page, faults } = admin;
    // Three in each protocol.
    await callsOf(server, "key=playground", 12);
    await page.goto("/ui/usage?by=key");
    assert.match(await page.innerText("tr:has-text('playground')"), /playground\s+\d+\s+12\s/);
    assert.deepEqual(faults(), []);
  });
}

/** A picture of one dot. */
const DOT = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");
