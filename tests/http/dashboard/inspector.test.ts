// The inspector and the playground as people use them, in a real browser where there is one, and as text where there is no script.

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { after, test } from "node:test";
import { startAdminGateway } from "../../support/admin.ts";
import { launchBrowser, visitorOf } from "../../support/browser.ts";
import { ask, MODELS } from "../../support/dialects.ts";
import { PROTOCOLS } from "../../support/fixtures.ts";
import { HOSTILE } from "../../support/fake-admin.ts";
import { until, type CallOptions } from "../../support/gateway.ts";
import { askWithTools } from "../../support/tool-dialects.ts";

const modelTable = JSON.stringify({ models: [{ id: "claude-often-full", fallback: [MODELS.gemini] }] });
const gateway = await startAdminGateway({ modelTable, environment: { INSPECT: "bodies", RETRIES: "1", SYSTEM_PROMPT: "" } });
const browser = (await launchBrowser()) ?? null;
if (browser === null) console.log("There is no Chromium here: the browser's tests are skipped.");
after(async () => {
  await browser?.close();
  await gateway.stop();
});
const LONG = { timeout: 60_000 };
const inBrowser = browser === null ? { skip: true } : LONG;

/** The ledger's id of a call that has ended. */
async function called(path: string, options: CallOptions): Promise<string> {
  const response = await gateway.call(path, options);
  await response.text();
  const requestId = response.headers.get("x-request-id") ?? "";
  let id: string | null = null;
  const look = async (): Promise<void> => {
    const { rows } = (await (await gateway.ask("GET", `/requests?q=${requestId}`)).json()) as { readonly rows: readonly { id: string }[] };
    id = rows[0]?.id ?? null;
  };
  for (let tries = 0; tries < 100 && id === null; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    await look();
  }
  return id ?? assert.fail("The ledger has no row of the call.");
}

const TOOLS = [{ name: "look_up", parameters: { type: "object", properties: { word: { type: "string" } }, required: ["word"] } }];

async function toolCall(): Promise<string> {
  const more = { seed: 7, temperature: 0.3 };
  const asked = askWithTools("openai-chat", { model: MODELS["anthropic-messages"], stream: true, tools: TOOLS, more });
  gateway.upstream.script([
    { say: { text: "I look it up.", calls: [{ id: "c1", name: "look_up", custom: false, arguments: '{"word":"gateway"}' }] } },
  ]);
  return called(asked.path, { body: asked.body });
}

test("a page of a call is readable without a script, and whatever a client or a model says stays text", LONG, async () => {
  const [payload] = HOSTILE;
  const said = HOSTILE.join(" ");
  gateway.upstream.script([
    { say: { text: said, calls: [{ id: payload, name: "x", custom: false, arguments: JSON.stringify({ [payload]: said }) }] } },
  ]);
  const asked = ask("openai-chat", { model: MODELS["anthropic-messages"], stream: true, text: said, system: said });
  const id = await called(asked.path, {
    body: asked.body,
    headers: { "user-agent": "</pre><script>alert(1)</script>", "x-title": "<img src=x>" },
  });
  const { cookie } = await gateway.signIn();
  const response = await gateway.call(`/ui/requests/${id}`, { method: "GET", key: null, headers: { cookie } });
  const html = await response.text();
  assert.equal(response.status, 200);
  assert.ok(html.includes("content_block_delta") && html.includes("chat.completion.chunk"));
  assert.doesNotMatch(html, /<script>|<img|<svg onload|onerror=(?!&quot;|")[^&]*>/);
  assert.ok(html.includes("&lt;/pre&gt;&lt;script&gt;alert(1)"));
  if (browser === null) return;
  const visitor = await visitorOf(gateway, browser);
  await visitor.goto(`/ui/requests/${id}`);
  await visitor.page.waitForSelector(".faces");
  for (const tab of await visitor.page.getByRole("tab", { name: /Events/ }).all()) await tab.click();
  await visitor.page.evaluate('for (const event of document.querySelectorAll(".event")) event.open = true');
  await visitor.page.waitForSelector(".event .json");
  assert.deepEqual([visitor.faults, await visitor.page.locator("main script, main img").count()], [[], 0]);
});

test("a call that nobody knows is 404, one that runs says so, and one of which nothing is kept shows its numbers", async () => {
  const { cookie } = await gateway.signIn();
  const page = (id: string): Promise<Response> => gateway.call(`/ui/requests/${id}`, { method: "GET", key: null, headers: { cookie } });
  assert.equal((await page("00000000-0000-4000-8000-000000000000")).status, 404);
  gateway.upstream.script([{ hang: { afterEvents: 3 } }]);
  const left = new AbortController();
  const { path, body } = ask("openai-chat", { model: MODELS["openai-chat"], stream: true });
  const running = await gateway.call(path, { body, signal: left.signal });
  await until(() => gateway.calls.live().calls.length === 1, "the call to run");
  const html = await (await page(gateway.calls.live().calls[0]?.id ?? "")).text();
  assert.match(html, /This call is still running/);
  assert.match(html, /Client&#39;s request/);
  left.abort();
  await running.text().catch(() => {});
  gateway.reload({ ADMIN_KEY: "admin-key-of-the-tests", INSPECT: "off" });
  const id = await called(path, { body: ask("openai-chat", { model: MODELS["openai-chat"] }).body });
  assert.match(await (await page(id)).text(), /INSPECT is off on this server/);
  // Of a call that is refused here no upstream reported anything.
  const refused = await (await page(await called(path, { body: { model: "clode-sonnet-5", messages: [] } }))).text();
  const [, shown = ""] = refused.split("<body>");
  assert.match(shown, /Nothing was sent upstream, so the call used no tokens and cost nothing/);
  assert.doesNotMatch(shown, /reported/);
  gateway.reload({ ADMIN_KEY: "admin-key-of-the-tests", INSPECT: "bodies", RETRIES: "1", SYSTEM_PROMPT: "" });
});

const LANGUAGES = [
  { locale: "en-US", streaming: "Streaming", note: "This call is still running", pending: "Nothing yet.", face: "Client's answer" },
  { locale: "zh-CN", streaming: "输出中", note: "该调用仍在进行中", pending: "尚无。", face: "给客户端的回答" },
];

for (const { locale, streaming, note, pending, face } of LANGUAGES) {
  test(`a call that runs has a page, which keeps up with it and goes over to the ended call by itself: ${locale}`, inBrowser, async () => {
    assert.ok(browser !== null);
    const visitor = await visitorOf(gateway, browser, { locale });
    const { page } = visitor;
    const begun = Promise.withResolvers<void>();
    const text = "one two three four five six seven eight";
    gateway.upstream.script([{ say: { text }, hold: { afterEvents: 0, until: begun.promise }, delayMs: 250 }]);
    const { path, body } = ask("openai-chat", { model: MODELS["anthropic-messages"], stream: true });
    const answer = gateway.call(path, { body });
    await until(() => gateway.calls.live().calls.length === 1, "the call to run");
    const [call] = gateway.calls.live().calls;
    await visitor.goto("/ui");
    await page.click(`#running tr[data-id="${call?.id}"] a`);
    await page.getByText(note).waitFor();
    await page.locator(".face", { hasText: pending }).first().waitFor();
    assert.equal(await page.locator(".face").count(), 4);
    assert.equal(await page.innerText("#running-model"), MODELS["anthropic-messages"]);
    begun.resolve();
    await page.locator("#running-phase", { hasText: streaming }).waitFor();
    await page.locator(".face", { hasText: "text/event-stream" }).last().waitFor();
    assert.match((await page.textContent("#running-output")) ?? "", /^\d+$/);
    assert.deepEqual(await visitor.violations(), []);
    await (await answer).text();
    await page.locator("main .pill", { hasText: "200" }).first().waitFor();
    await page.locator(".face h3", { hasText: face }).waitFor();
    assert.equal(await page.locator("#running-phase").count(), 0);
    assert.equal(new URL(page.url()).pathname, `/ui/requests/${call?.id}`);
    assert.deepEqual(visitor.faults, []);
  });
}

test("a call that runs is ended from its page", inBrowser, async () => {
  assert.ok(browser !== null);
  const visitor = await visitorOf(gateway, browser);
  gateway.upstream.script([{ hang: { afterEvents: 3 } }]);
  const { path, body } = ask("openai-chat", { model: MODELS["openai-chat"], stream: true });
  const text = gateway.call(path, { body }).then((response) => response.text());
  await until(() => gateway.calls.live().calls.length === 1, "the call to run");
  await visitor.goto(`/ui/requests/${gateway.calls.live().calls[0]?.id}`);
  await visitor.page.click("#running-end");
  assert.match(await text, /ended this call/);
  await visitor.page.getByText("ended by administrator").first().waitFor();
  assert.deepEqual(visitor.faults, []);
});

test("a converted tool call shows its four faces, its losses and its events, and goes through a file", inBrowser, async () => {
  assert.ok(browser !== null);
  const id = await toolCall();
  const visitor = await visitorOf(gateway, browser, { acceptDownloads: true });
  const { page } = visitor;
  const look = async (): Promise<void> => {
    await page.waitForSelector(".faces");
    assert.deepEqual(await page.locator(".face h3").allTextContents(), [
      "Client's request",
      "Request sent",
      "Upstream's answer",
      "Client's answer",
    ]);
    assert.equal(await page.locator(".part.tool", { hasText: '"word": "gateway"' }).count(), 2);
    assert.match(
      await page
        .locator(".json-line.removed")
        .allTextContents()
        .then((lines) => lines.join("\n")),
      /"type": "function"/,
    );
    assert.match(
      await page
        .locator(".json-line.added")
        .allTextContents()
        .then((lines) => lines.join("\n")),
      /"max_tokens"/,
    );
    assert.equal(await page.getByText("Messages has no seed.").count(), 1);
    for (const tab of await page.getByRole("tab", { name: /Events/ }).all()) await tab.click();
    await page.locator(".event > summary", { hasText: "content_block_start" }).last().click();
    assert.match((await page.locator(".event[open] .json").textContent()) ?? "", /"tool_use"/);
    assert.deepEqual(await visitor.violations(), []);
  };
  await visitor.goto(`/ui/requests/${id}`);
  await look();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Export" }).click()]);
  const path = await download.path();
  await visitor.goto("/ui/requests/open");
  await page.setInputFiles("#inspection-file", { name: "x.json", mimeType: "application/json", buffer: Buffer.from("[]") });
  await page.getByText("This file is not an exported request.").waitFor();
  await page.setInputFiles("#inspection-file", path);
  await look();
  assert.deepEqual(visitor.faults, []);
});

test("each attempt is shown with its own request and answer", inBrowser, async () => {
  assert.ok(browser !== null);
  const full = { error: { status: 529, message: "Overloaded." }, headers: { "retry-after": "0" } };
  gateway.upstream.script([full, full]);
  const asked = ask("anthropic-messages", { model: "claude-often-full", stream: true });
  const visitor = await visitorOf(gateway, browser, { colorScheme: "dark", viewport: { width: 360, height: 800 } });
  const { page } = visitor;
  await visitor.goto(`/ui/requests/${await called(asked.path, { body: asked.body })}`);
  await page.waitForSelector(".faces");
  assert.equal(await page.locator("tr", { hasText: "Overloaded." }).count(), 2);
  assert.match((await page.locator(".face").nth(1).textContent()) ?? "", /gemini-2\.5-pro|systemInstruction|contents/);
  await page.getByRole("button", { name: "1", exact: true }).click();
  assert.match((await page.locator(".face").nth(2).textContent()) ?? "", /529/);
  assert.deepEqual([await visitor.violations(), visitor.faults], [[], []]);
  assert.equal(await page.evaluate("document.documentElement.scrollWidth > innerWidth"), false);
});

test("the playground asks two models in each protocol, and takes a call over from the inspector", inBrowser, async () => {
  assert.ok(browser !== null);
  const visitor = await visitorOf(gateway, browser);
  const { page } = visitor;
  await visitor.goto("/ui/playground");
  const answered = async (count: number): Promise<string[]> => {
    await page.getByRole("button", { name: "Send", exact: true }).click();
    await page
      .locator(".answer[aria-busy=false]")
      .nth(count - 1)
      .waitFor();
    return page.locator(".answer .tab-panel").allTextContents();
  };
  await page.selectOption("#model", MODELS["anthropic-messages"]);
  await page.selectOption("#other-model", MODELS.gemini);
  await page.selectOption("#reasoning", "high");
  await page.check("[name=with-tools]");
  for (const protocol of PROTOCOLS) {
    await page.selectOption("#protocol", protocol);
    for (const said of await answered(2)) assert.match(said, /I should think about that first.*Tool call get_weather/s);
  }
  await page.locator(".answer [data-tab=events]").last().click();
  assert.ok((await page.locator(".event").count()) > 0);
  assert.deepEqual(await visitor.violations(), []);
  await page.getByLabel("Result of get_weather").first().fill("It rains.");
  await page.getByRole("button", { name: "Send and continue" }).first().click();
  await page.locator(".answer", { hasText: "It rains." }).and(page.locator("[aria-busy=false]")).waitFor();
  await visitor.goto(`/ui/requests/${await toolCall()}`);
  await page.getByRole("button", { name: "Open in the playground" }).click();
  await page.waitForSelector("#playground");
  assert.equal(await page.inputValue("#protocol"), "openai-chat");
  assert.match(await page.inputValue("#request-json"), /"look_up"/);
  const [said = ""] = await answered(1);
  assert.match(said, /look_up/);
  assert.deepEqual(visitor.faults, []);
  const live = (await (await gateway.ask("GET", "/requests?key=playground")).json()) as { readonly rows: readonly unknown[] };
  assert.ok(live.rows.length > 0);
});
