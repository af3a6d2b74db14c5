// Each page over a made-up gateway: what stands on it, and that whatever a client has sent stays text.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openApi } from "../../../src/http/admin/openapi.ts";
import { HOSTILE } from "../../support/fake-admin.ts";
import { KEY_HOLDER, pagesOf, textsOf } from "../../support/pages.ts";

const ADDRESSES = [
  "/ui",
  "/ui/requests",
  "/ui/requests?q=%3Cscript%3E&key=%22%3E%3Cimg%20src=x%3E&since=%27%22%3E&status=ok",
  "/ui/usage?by=model",
  "/ui/usage?by=client&split=key&key=%22%3E%3Cscript%3E",
  "/ui/usage?by=%3Cscript%3E",
  "/ui/quota",
  "/ui/keys",
  "/ui/keys/alice",
  "/ui/keys/bob",
  "/ui/keys/default",
  "/ui/keys/%3Cscript%3Ealert(1)%3C%2Fscript%3E",
  "/ui/models?q=%3Cscript%3E",
  "/ui/models",
  "/ui/health",
  "/ui/api",
  "/ui/%22%3E%3Cscript%3E",
] as const;

/** The texts of a page from the first of these to the last, both included. */
function between(texts: readonly string[], first: string, last: string): readonly string[] {
  const from = texts.indexOf(first);
  return texts.slice(from, texts.indexOf(last, from) + 1);
}

test("Now: before the first call it says how to make one", async () => {
  const texts = textsOf(await pagesOf({ calls: 0 }).html("/ui"));
  assert.deepEqual(between(texts, "No calls yet. Paste this into a terminal to make one:", "Get a key for it"), [
    "No calls yet. Paste this into a terminal to make one:",
    [
      "curl http://127.0.0.1:8000/v1/messages \\",
      "  -H &#39;authorization: Bearer YOUR_KEY&#39; \\",
      "  -H &#39;content-type: application/json&#39; \\",
      "  -d &#39;{&quot;model&quot;:&quot;claude-haiku-4-5&quot;,&quot;max_tokens&quot;:100,&quot;messages&quot;:[{&quot;role&quot;:&quot;user&quot;,&quot;content&quot;:&quot;Hello&quot;}]}&#39;",
    ].join("\n"),
    "Copy",
    "Get a key for it",
  ]);
});

test("Now: a running call has a row with its phase, times and a button that ends it", async () => {
  const html = await pagesOf().html("/ui");
  const [row = ""] = /<tr data-id="live-0">.*?<\/tr>/s.exec(html) ?? [];
  assert.deepEqual(textsOf(`<body>${row}`), [
    "11:59:15",
    "Streaming",
    "claude-opus-5",
    "alice",
    "claude-code",
    "44.4s",
    "812ms",
    "140",
    "3",
    "End",
  ]);
  // Found by the keys j and k, as the calls below are.
  assert.match(html, /<table class="rows" data-rows="true">.*<tr data-id="live-0"><td><a class="row-link" href="\/ui\/requests\/live-0">/s);
  assert.match(row, /<button type="button" class="quiet needs-script" data-end="live-0" aria-label="End the call live-0">/);
});

test("Now: says of which time its numbers are, and names the replica only where there may be several", async () => {
  const texts = textsOf(await pagesOf().html("/ui"));
  assert.ok(texts.some((text) => /the last minute\. As on Usage, they count completed calls only/.test(text)));
  assert.ok(!texts.some((text) => text.includes("gateway-1")));
  const shared = pagesOf({ store: "postgres" });
  assert.ok(textsOf(await shared.html("/ui")).includes("Replica gateway-1"));
  assert.ok(textsOf(await shared.html("/ui/health")).includes("gateway-1"));
});

test("Requests: a row for each call, which leads to its page; the next page is a link", async () => {
  const html = await pagesOf().html("/ui/requests?limit=3");
  const links = [...html.matchAll(/class="row-link" href="([^"]+)"/g)].map(([, href]) => href);
  const running = [5, 4, 3, 2, 1, 0].map((at) => `/ui/requests/live-${at}`);
  assert.deepEqual(links, [...running, "/ui/requests/c0000000", "/ui/requests/c0000001", "/ui/requests/c0000002"]);
  assert.match(html, /rel="next" href="\/ui\/requests\?limit=3&amp;cursor=3"/);
  assert.match(await pagesOf().html("/ui/requests?limit=3&cursor=3"), /href="\/ui\/requests\?limit=3">Newest</);
});

test("Requests: calls that run stand above the others of the first page, marked so", async () => {
  const html = await pagesOf().html("/ui/requests");
  const [row = ""] = /<tr><td><a class="row-link" href="\/ui\/requests\/live-0">.*?<\/tr>/s.exec(html) ?? [];
  assert.deepEqual(textsOf(`<body>${row}`), [
    "11:59:15",
    "Streaming",
    "running",
    "claude-opus-5",
    "alice",
    "claude-code",
    "44.4s",
    "–",
    "–",
    "140",
    "–",
    "812ms",
  ]);
  assert.ok(!(await pagesOf().html("/ui/requests?cursor=3")).includes("live-0"));
});

test("Requests: what is wrong with a filter is said above the form that it was typed into", async () => {
  const answer = await pagesOf().ask("/ui/requests?status=bad");
  assert.equal(answer?.status, 400);
  assert.match(answer?.text ?? "", /role="alert">status must be a number/);
  assert.match(answer?.text ?? "", /<option value="bad" selected="">/);
  for (const address of ["/ui/requests?status=bad", "/ui/usage?by=bad", "/ui/usage.csv?by=bad"]) {
    const chinese = await pagesOf().html(address, { headers: { "accept-language": "zh-CN" } });
    assert.match(chinese, /(?:状态应为数字（429）|by 应为 hour, day, .* 之一)/, address);
  }
});

test("Usage: the totals stand above, and each line leads to its requests", async () => {
  const html = await pagesOf().html("/ui/usage?by=model");
  assert.match(html, /href="\/ui\/requests\?model=claude-opus-5"/);
  // Of those alone that the page is about.
  assert.match(
    await pagesOf().html("/ui/usage?by=model&split=client&since=7d&key=alice&client="),
    /href="\/ui\/requests\?since=7d&amp;key=alice&amp;model=claude-opus-5"/,
  );
  const texts = textsOf(html);
  assert.deepEqual(
    texts.slice(texts.indexOf("Model", texts.indexOf("Cache hits") + 1), texts.indexOf("Cost (est.)", texts.indexOf("Share")) + 1),
    ["Model", "Tokens", "Share", "Calls", "Errors", "Input", "Output", "Cache hits", "Credits (est.)", "Cost (est.)"],
  );
});

test("Usage as CSV: texts that a spreadsheet would run are kept from it", async () => {
  const answer = await pagesOf({ isHostile: true }).ask("/ui/usage.csv?by=client&since=90d");
  const lines = (answer?.text ?? "").trimEnd().split("\r\n");
  assert.equal(answer?.headers.get("content-type"), "text/csv; charset=utf-8");
  assert.equal(answer?.headers.get("content-disposition"), 'attachment; filename="usage-by-client.csv"');
  assert.equal(
    lines[0],
    "client,calls,errors,inputTokens,cacheReadTokens,cacheWriteTokens,outputTokens,reasoningTokens,totalTokens,cacheHitRate,credits,usd,unpriced",
  );
  assert.equal(
    lines.some((line) => line.startsWith(`"'=HYPERLINK(""http://evil.example"",""x"")",`)),
    true,
  );
  assert.deepEqual(
    lines.filter((line) => /^"?[=+\-@]/.test(line)),
    [],
  );
});

test("Quota: six windows, each with what is used, its reset and its forecast", async () => {
  const texts = textsOf(await pagesOf().html("/ui/quota"));
  assert.deepEqual(
    between(texts, "Standard", "Forecasts are estimated from calls through this server."),
    [
      ["Standard", "5 hours", "Runs out", "in 1 hour", "at this pace", "72.4%", "Resets", "in 2 hours"],
      ["7 days", "Lasts at this pace", "31%", "Resets", "in 3 days"],
      ["30 days", "Lasts at this pace", "12.8%", "Resets", "in 17 days"],
      ["Core", "5 hours", "Lasts at this pace", "0%", "Starts on first use"],
      ["7 days", "Used up", "100%", "Resets", "in 30 hours"],
      ["30 days", "unknown", "Reset time unknown"],
      "Forecasts are estimated from calls through this server.",
    ].flat(),
  );
});

test("Keys: each with state, budgets, limits in words, and what it does now", async () => {
  const html = await pagesOf().html("/ui/keys");
  const rows = [...html.matchAll(/<tr><th scope="row">.*?<\/tr>/gs)].map(([row]) => textsOf(`<body>${row}`));
  assert.deepEqual(
    rows[0],
    [
      ["alice", "Alice, laptop and desktop", "fp-a1…9z", "Active"],
      ["$4.21 of $5.00", "per day", "Resets", "in 7 hours", "$31.70 of $60.00", "per month", "Resets", "in 3 days"],
      "claude-*, !claude-opus-*, @core · 60 requests/min · 400K tokens/min · 4 concurrent calls · glm-5.2 at 80% of a budget",
      ["12", "88.4K tokens", "2", "never"],
    ].flat(),
  );
  assert.deepEqual(
    rows.map(([name]) => name),
    ["alice", "bob", "ci", "design-team", "old-laptop", "env-1"],
  );
});

test("A key: the form holds its own words, so that what is sent is what was changed", async () => {
  const html = await pagesOf().html("/ui/keys/alice");
  const fields = [...html.matchAll(/<input id="field-(\w+)" name="\w+" value="([^"]*)" data-was="([^"]*)"/g)].map(([, ...found]) => found);
  assert.deepEqual(fields, [
    ["note", "Alice, laptop and desktop", "Alice, laptop and desktop"],
    ["budgets", "5usd/day, 60usd/month", "5usd/day, 60usd/month"],
    ["models", "claude-*, !claude-opus-*, @core", "claude-*, !claude-opus-*, @core"],
    ["rpm", "60", "60"],
    ["tpm", "400000", "400000"],
    ["parallel", "4", "4"],
    ["soft", "80:glm-5.2", "80:glm-5.2"],
    ["expires", "", ""],
    ["zone", "Asia/Shanghai", "Asia/Shanghai"],
  ]);
});

test("A key of the configuration has no dates, which nobody knows", async () => {
  const pages = pagesOf();
  const dates = async (name: string): Promise<string[]> =>
    textsOf(await pages.html(`/ui/keys/${name}`)).filter((text) => ["Created", "First used"].includes(text));
  assert.deepEqual([await dates("alice"), await dates("env-1")], [["Created", "First used"], []]);
});

test("My usage: a client key sees itself, and no other key or way to one", async () => {
  const html = await pagesOf().html("/ui/me", { session: KEY_HOLDER });
  assert.match(html, /<span class="sub">alice<\/span>/);
  assert.doesNotMatch(html, /bob|href="\/ui\/(?!me|assets)/);
  assert.deepEqual(between(textsOf(html), "Running", "12 requests, 88.4K tokens"), [
    "Running",
    "2",
    "Last minute",
    "12 requests, 88.4K tokens",
  ]);
});

test("Models, Health and API show all that there is", async () => {
  const pages = pagesOf();
  assert.equal([...(await pages.html("/ui/models")).matchAll(/href="\/ui\/playground\?model=/g)].length, 67);
  const health = textsOf(await pages.html("/ui/health"));
  assert.deepEqual(health.slice(health.indexOf("FACTORY_API_KEY"), health.indexOf("FACTORY_API_KEY") + 5), [
    "FACTORY_API_KEY",
    "fk-…9z",
    "file",
    "on restart",
    "The key for Factory&#39;s API.",
  ]);
  const paths = Object.keys((openApi("1") as { readonly paths: object }).paths);
  const api = new Set(textsOf(await pages.html("/ui/api")));
  assert.deepEqual(
    paths.filter((path) => !api.has(path)),
    paths.filter((path) => path.startsWith("/explain/")),
  );
  assert.ok(api.has("/explain/…") && api.has("a prefix for each of the 21 call paths"));
});

test("Chinese: no page has an English heading, and numbers and times are Chinese", async () => {
  const pages = pagesOf();
  const headers = { "accept-language": "zh-CN", cookie: "zone=Asia/Shanghai" };
  for (const address of ["/ui", "/ui/requests", "/ui/usage", "/ui/quota", "/ui/keys", "/ui/models", "/ui/health"]) {
    const html = await pages.html(address, { headers });
    const headings = [...html.matchAll(/<(?:h[1-3]|th scope="col"|label|button)[^>]*>([^<]+)/g)].map(([, text = ""]) => text.trim());
    const names = ["Token"];
    assert.deepEqual(
      headings.filter((text) => !/[\u4e00-\u9fff]/.test(text) && !names.includes(text)),
      [],
      address,
    );
  }
  assert.match(await pages.html("/ui/quota", { headers }), />2026年11月28日 19:59:40 GMT\+8</);
});

for (const language of ["en", "zh"] as const) {
  test(`whatever a client has sent stays text, and nothing is inline: ${language}`, async () => {
    const pages = pagesOf({ isHostile: true });
    const headers = { "accept-language": language };
    let all = "";
    for (const address of ADDRESSES) {
      const html = await pages.html(address, { headers });
      assert.deepEqual(faultsIn(html), [], address);
      all += html;
    }
    const me = await pages.html("/ui/me", { headers, session: KEY_HOLDER });
    const signIn = await pages.html("/ui/sign-in?to=%22%3E%3Cscript%3E", { headers, session: null, failure: "link" });
    assert.deepEqual([...faultsIn(me), ...faultsIn(signIn)], []);
    const shown = HOSTILE.map((text) => escaped(text.replaceAll(/[\u202E\u0000]/g, "\uFFFD")));
    assert.deepEqual(
      shown.filter((text) => !all.includes(text)),
      [],
    );
  });
}

/** Tags that no page has, attributes that run something, styles, scripts that are no files, and what turns texts around. */
function faultsIn(html: string): string[] {
  const tags = html.match(/<[a-z!/][^>]*>/gi) ?? [];
  const names = /^<\/?(?:img|iframe|object|embed|style|base|textarea|b|onload)\b/i;
  return [
    ...tags.filter((tag) => names.test(tag)),
    ...tags.filter((tag) => /\s(?:style|on\w+)\s*=/i.test(tag.replaceAll(/"[^"]*"/g, '""'))),
    ...tags.filter((tag) => /^<script(?! (?:type="module"|defer="") src="\/ui\/assets\/[\w.-]+")/.test(tag)),
    ...tags.filter((tag) => /(?:href|src|action)="(?!\/|#)/i.test(tag)),
    ...(/[\u202E\u0000]/.test(html) ? ["a text that turns around"] : []),
  ];
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;").replaceAll("'", "&#39;");
}
