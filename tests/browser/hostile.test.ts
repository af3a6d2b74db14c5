// Texts of clients, upstreams and links that would do harm if a page took them for more than text, in a real browser; and what else a stranger tries.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { CHROMIUM, NO_CHROMIUM, Visitors, type Visitor } from "../support/browser.ts";
import { ADMIN_KEY, callOf, startDashboard, type DashboardServer } from "../support/dashboard.ts";

/** Each would leave an element with `data-harm`, open a dialog, or ask another origin. No spaces: model names have none. */
const PAYLOADS = [
  "<script>alert(1)</script>",
  '"><img/src=x/onerror=alert(1)/data-harm>',
  "'><svg/onload=alert(1)/data-harm>",
  "</title></textarea></script><svg/onload=alert(1)/data-harm>",
  "<iframe/srcdoc='<script>alert(1)</script>'/data-harm></iframe>",
  "javascript:alert(1)//data-harm",
  "<base/href=//evil.example/data-harm>",
  "<style/data-harm>@import'//evil.example/x.css';</style>",
  "<form/action=//evil.example/data-harm><button/formaction=javascript:alert(1)>",
  "<!--<b/data-harm>--!><b/data-harm>",
  "<meta/http-equiv=refresh/content=0;url=//evil.example/data-harm>",
  "__proto__",
  "{{constructor.constructor('alert(1)')()}}",
  "\u202Eevil",
] as const;

/** All of them, where there is room; those that swallow what follows come last. */
const ALL = [...PAYLOADS]
  .sort((one, other) => Number(/^<(?:!--|iframe|style)/.test(one)) - Number(/^<(?:!--|iframe|style)/.test(other)))
  .join(" ");

if (CHROMIUM === null) void test.skip(`hostile texts on the dashboard in a browser (${NO_CHROMIUM})`);
else tests();

function tests(): void {
  let server: DashboardServer;
  let visitors: Visitors;
  let cookie: string;
  let admin: Visitor;
  /** Ids of calls that carry payloads wherever a client or an upstream can put them. */
  let ids: readonly string[] = [];

  before(async () => {
    server = await startDashboard();
    visitors = new Visitors(server.origin);
    cookie = await server.signIn();
    admin = await visitors.visitor({ cookie });
    for (const payload of PAYLOADS)
      await called(server, "/v1/chat/completions", { model: payload, messages: [{ role: "user", content: payload }] }, payload);
    ids = await hostileCalls(server);
    // The last one stays among those that run.
    server.upstream.script([{ hang: { afterEvents: 1 } }]);
    const running = await server.call(
      "/v1/messages",
      { model: "claude-haiku-4-5", max_tokens: 9, stream: true, messages: [{ role: "user", content: PAYLOADS[1] }] },
      clientHeaders(PAYLOADS[1]),
    );
    void running.text().catch(() => "");
  });

  after(async () => {
    await visitors.stop();
    await server.stop();
  });

  /** What came of the payloads on the page as it is. Pages answer some of these addresses with an error: the console says so. */
  const harm = async ({ page, faults }: Visitor): Promise<unknown[]> => {
    const elements = await page.evaluate<string[]>(
      `[...document.querySelectorAll("[data-harm], iframe, base, script:not([src]), style, [onerror], [onload], a[href^='javascript:' i]")].map((one) => one.outerHTML.slice(0, 200))`,
    );
    return [...elements, ...faults(/status of [45]\d\d/)];
  };

  test("stored texts of clients and upstreams are text on every page", async () => {
    const { page } = admin;
    const paths = [
      "/ui",
      "/ui/requests",
      ...["model", "client", "session", "key", "hour", "day"].map((by) => `/ui/usage?by=${by}`),
      "/ui/usage?by=day&split=model",
      "/ui/usage?by=day&split=client",
      "/ui/keys",
      "/ui/keys/hostile",
      "/ui/models",
      "/ui/health",
      "/ui/quota",
    ];
    const found: Record<string, unknown[]> = {};
    for (const path of paths) {
      await page.goto(path);
      await page.waitForSelector("#main:not(:has([aria-busy=true])) h1");
      found[path] = await harm(admin);
    }
    assert.deepEqual(found, Object.fromEntries(paths.map((path) => [path, []])));
    await page.goto("/ui/requests");
    assert.match(await page.innerText("#main"), /<script>alert\(1\)<\/script>/);
  });

  test("the inspector shows hostile requests, answers, events, tools and errors as text, in every tab", async () => {
    const { page } = admin;
    const found: Record<string, unknown[]> = {};
    for (const id of ids) {
      await page.goto(`/ui/requests/${id}`);
      await page.waitForSelector("#inspection:not([aria-busy]) .faces");
      await page.evaluate(
        `for (const one of document.querySelectorAll("details")) one.open = true;
         for (const tab of document.querySelectorAll("#inspection [role=tab]")) tab.click();
         for (const one of document.querySelectorAll("#inspection details")) one.open = true;`,
      );
      found[id] = await harm(admin);
    }
    assert.deepEqual(found, Object.fromEntries(ids.map((id) => [id, []])));
  });

  test("hostile links are answered with pages that show them as text", async () => {
    const { page } = admin;
    const found: Record<string, unknown[]> = {};
    const text = encodeURIComponent(ALL);
    for (const path of [
      `/ui/requests?q=${text}&status=${text}&key=${text}&model=${text}&client=${text}&session=${text}&since=${text}&cursor=${text}`,
      `/ui/requests?q=${text}&model=${text}`,
      `/ui/requests/${text}`,
      `/ui/usage?by=${text}&split=${text}&key=${text}`,
      `/ui/usage?key=${text}&model=${text}&client=${text}`,
      `/ui/keys/${text}`,
      `/ui/playground?model=${text}`,
      `/ui/${text}?${text}=${text}`,
      ...PAYLOADS.map((payload) => `/ui/requests?q=${encodeURIComponent(payload)}`),
    ]) {
      await page.goto(path, { waitUntil: "domcontentloaded" });
      const harmful = await harm(admin);
      if (harmful.length > 0) found[path] = harmful;
    }
    assert.deepEqual(found, {});
  });

  test("the form to sign in leads nowhere but into the dashboard", async () => {
    const found: Record<string, unknown> = {};
    for (const to of [
      "//evil.example/ui",
      "https://evil.example/",
      "javascript:alert(1)",
      "/\\evil.example",
      "/ui/../../evil",
      "/ui\n//evil.example",
      "/v1/models",
      ...PAYLOADS,
    ]) {
      const answer = await fetch(`${server.origin}/ui/sign-in?to=${encodeURIComponent(to)}`, {
        method: "POST",
        redirect: "manual",
        headers: { "content-type": "application/x-www-form-urlencoded", origin: server.origin },
        body: new URLSearchParams({ key: ADMIN_KEY }).toString(),
      });
      await answer.text();
      found[to] = new URL(answer.headers.get("location") ?? "", server.origin).pathname;
    }
    const visitor = await visitors.visitor();
    await visitor.page.goto(`/ui/sign-in?to=${encodeURIComponent(ALL)}`);
    assert.deepEqual(await harm(visitor), []);
    await visitor.close();
    // A path of the dashboard that a browser would read as another one stays below the same origin all the same.
    for (const [to, path] of Object.entries(found)) assert.match(String(path), /^\/ui(?:$|\/)|^\/evil$/, to);
  });

  test("an exported call that somebody has written by hand is text, whatever is in it", async () => {
    const { page } = admin;
    await page.goto("/ui/requests/open");
    const message = (payload: string): object => ({
      headers: { [payload]: payload, "content-type": payload },
      body: payload,
      bodyBytes: payload,
      isCut: payload,
    });
    for (const payload of PAYLOADS) {
      const answer = {
        ...message(
          JSON.stringify({
            model: payload,
            content: [
              { type: "tool_use", name: payload, input: { [payload]: payload } },
              { type: "text", text: payload },
            ],
          }),
        ),
        status: payload,
        events: [{ atMs: payload, name: payload, bytes: payload, data: payload }],
      };
      const file = {
        format: "factory-proxy-inspection-1",
        request: {
          id: payload,
          at: payload,
          modelServed: payload,
          modelAsked: { payload },
          status: payload,
          finish: payload,
          totalMs: payload,
          client: [payload],
          inputTokens: payload,
        },
        price: { rates: payload, lines: [{ of: "input", tokens: payload, rate: payload, usd: payload }] },
        inspection: {
          kept: payload,
          protocol: payload,
          clientRequest: { ...message(payload), method: payload, path: `//evil.example/${payload}` },
          attempts: [
            {
              model: payload,
              protocol: payload,
              url: `javascript:${payload}`,
              request: message(payload),
              sentMs: payload,
              answeredMs: 5,
              answer,
              why: payload,
            },
            { model: payload, protocol: "gemini", url: payload, request: message(payload), sentMs: 1, answeredMs: 5, answer, why: null },
          ],
          clientAnswer: answer,
          losses: [{ field: payload, reason: payload, severity: payload }],
          error: { kind: payload, message: payload },
        },
      };
      await page.setInputFiles("#inspection-file", {
        name: `${payload.replaceAll("/", "")}.json`,
        mimeType: "application/json",
        buffer: Buffer.from(JSON.stringify(file)),
      });
      await page.waitForSelector("article.face");
      await page.evaluate(`for (const tab of document.querySelectorAll("#inspection [role=tab]")) tab.click();`);
      assert.deepEqual(await harm(admin), [], payload);
    }
    for (const text of [
      "",
      "[]",
      "null",
      '{"format":"factory-proxy-inspection-1"}',
      '{"format":"factory-proxy-inspection-1","inspection":{}}',
      "<script>",
    ]) {
      await page.setInputFiles("#inspection-file", {
        name: "<img src=x onerror=alert(1) data-harm>.json",
        mimeType: "application/json",
        buffer: Buffer.from(text),
      });
      assert.deepEqual(await harm(admin), [], text);
    }
  });

  test("the playground shows hostile answers, pictures and names as text", async () => {
    const { page } = admin;
    for (const payload of [PAYLOADS[1], PAYLOADS[3]]) {
      server.upstream.script([{ say: SAYING }]);
      await page.goto("/ui/playground");
      await page.selectOption("#model", "claude-sonnet-5");
      await page.fill("#text", payload);
      await page.setInputFiles("#image", {
        name: `${payload.replaceAll("/", "")}.png`,
        mimeType: "image/svg+xml",
        buffer: Buffer.from("<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
      });
      await page.waitForSelector("#image-preview img");
      await page.click("#playground button[type=submit]");
      await page.waitForSelector("#answers article[aria-busy=false]");
      await page.locator("#answers [role=tab]").nth(1).click();
      assert.deepEqual(await harm(admin), [], payload);
    }
  });

  test("no page can be framed, is kept by a cache, or is taken for another type", async () => {
    const policy = /default-src 'none'.*frame-ancestors 'none'.*base-uri 'none'/;
    const found: Record<string, unknown> = {};
    const paths = [
      "/ui",
      "/ui/sign-in",
      "/ui/keys",
      "/ui/usage.csv",
      "/ui/nowhere",
      "/api/admin/keys",
      "/api/admin/nothing",
      "/ui/link?token=x",
    ];
    for (const path of paths) {
      const answer = await fetch(server.origin + path, { headers: { cookie }, redirect: "manual" });
      await answer.text();
      const { headers } = answer;
      const isPage = headers.get("content-type")?.startsWith("text/html") === true;
      found[path] = [
        // Deno would compress answers, unless told not to.
        headers.get("cache-control")?.replace(", no-transform", ""),
        headers.get("x-content-type-options"),
        headers.get("cross-origin-resource-policy"),
        !isPage || policy.test(headers.get("content-security-policy") ?? ""),
        headers.get("access-control-allow-origin"),
      ];
    }
    assert.deepEqual(found, Object.fromEntries(paths.map((path) => [path, ["no-store", "nosniff", "same-origin", true, null]])));
    const { page, close } = await visitors.visitor({ cookie });
    await page.route("http://evil.example/**", (route) =>
      route.fulfill({ contentType: "text/html", body: `<iframe src="${server.origin}/ui/sign-in"></iframe>` }),
    );
    await page.goto("http://evil.example/");
    const [, frame] = page.frames();
    assert.notEqual(frame, undefined);
    assert.equal(await frame?.locator("#key").count(), 0);
    await close();
  });

  test("the one-time link works once, and leaves nothing of itself in the address, the history or the page", async () => {
    const link = await server.link();
    const token = new URL(link).searchParams.get("token") ?? "";
    const visitor = await visitors.visitor();
    const { page } = visitor;
    await page.goto(link);
    assert.equal(page.url(), `${server.origin}/ui`);
    await page.goto("/ui/keys");
    await page.goBack();
    const seen = `${page.url()} ${await page.content()} ${await page.evaluate<string>("document.referrer + history.length + document.cookie")}`;
    assert.ok(token.length > 20 && !seen.includes(token));
    assert.deepEqual(await harm(visitor), []);
    await visitor.close();
    const second = await visitors.visitor();
    await second.page.goto(link);
    assert.match(await second.page.innerText("main"), /Sign in/);
    assert.deepEqual(
      (await second.context.cookies()).filter(({ name }) => name === "factory-proxy"),
      [],
    );
    await second.close();
  });

  test("a cookie that somebody planted is worth nothing before and after signing in", async () => {
    const planted = `factory-proxy=${"A".repeat(43)}`;
    const visitor = await visitors.visitor({ cookie: planted });
    const { page, context } = visitor;
    await page.goto("/ui/keys");
    assert.equal(await page.innerText("h1"), "Sign in");
    await page.fill("#key", ADMIN_KEY);
    await page.keyboard.press("Enter");
    await page.waitForURL("**/ui/keys");
    const session = (await context.cookies()).find(({ name }) => name === "factory-proxy");
    assert.notEqual(session?.value, "A".repeat(43));
    for (const path of ["/ui", "/ui/requests", "/ui/keys"]) {
      await page.goto(path);
      const everything = `${page.url()} ${await page.content()}`;
      for (const secret of [ADMIN_KEY, session?.value ?? "", "fk-a-fake-key-of-factory"]) assert.ok(!everything.includes(secret), path);
    }
    const refused = await fetch(`${server.origin}/api/admin/keys`, { headers: { cookie: planted } });
    assert.equal(refused.status, 401);
    await refused.text();
    await visitor.close();
  });
}

/** What a hostile upstream says. */
const SAYING = {
  text: ALL,
  reasoning: ALL,
  calls: [{ id: "call_1", name: "tool", custom: false, arguments: JSON.stringify({ [ALL]: ALL }) }],
};

function clientHeaders(payload: string): Record<string, string> {
  // Header values are bytes: what is beyond them goes elsewhere.
  const ascii = payload.replaceAll(/[^\x20-\x7e]/g, "?");
  return {
    "user-agent": `${ascii}/1.0`,
    "x-session-id": ascii,
    "x-request-id": ascii,
    "x-client-name": ascii,
    "openai-organization": ascii,
  };
}

/** One that the upstream refuses, and one with tools and a converted stream. */
async function hostileCalls(server: DashboardServer): Promise<string[]> {
  const messages = [{ role: "user", content: ALL }];
  const tool = { name: "tool", description: ALL, parameters: { type: "object", properties: { [ALL]: { type: "string" } } } };
  server.upstream.script([{ error: { status: 400, message: ALL, code: ALL } }, { say: SAYING }]);
  return [
    await called(server, "/v1/messages", { model: "claude-haiku-4-5", max_tokens: 9, system: ALL, messages }, PAYLOADS[1]),
    await called(
      server,
      "/v1/chat/completions",
      { model: "claude-sonnet-5", stream: true, tools: [{ type: "function", function: tool }], messages, user: ALL, top_k: ALL },
      PAYLOADS[2],
    ),
  ];
}

/** Returns the ledger's id. */
async function called(
  server: DashboardServer,
  path: string,
  ...[body, payload]: readonly [body: object, payload: string]
): Promise<string> {
  const answer = await server.call(path, body, clientHeaders(payload));
  await answer.text();
  return callOf(server, answer);
}
