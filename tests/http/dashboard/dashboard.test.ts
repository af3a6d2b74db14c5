// What holds for every page: who sees which, the reader's choices, assets.

import assert from "node:assert/strict";
import { test } from "node:test";
import { KEY_HOLDER, pagesOf } from "../../support/pages.ts";

test("without a session there is the page to sign in, which leads on to where one wanted to go", async () => {
  const pages = pagesOf();
  const nobody = { session: null };
  const text = await pages.html("/ui/sign-in?to=%2Fui%2Frequests%3Fkey%3Dalice", nobody);
  assert.match(text, /<form method="post" action="\/ui\/sign-in\?to=%2Fui%2Frequests%3Fkey%3Dalice"/);
  assert.doesNotMatch(text, /csrf-token|<nav/);
  assert.equal(await pages.ask("/ui/requests", nobody), null);
});

test("the page to sign in says why it is shown again", async () => {
  const pages = pagesOf();
  const failures = ["wrong-key", "too-many", "link"] as const;
  const said = await Promise.all(
    failures.map(async (failure) => {
      const text = await pages.html("/ui/sign-in", { session: null, failure });
      return /role="alert">([^<]*)</.exec(text)?.[1];
    }),
  );
  assert.deepEqual(said, [
    "That key is not correct.",
    "Too many wrong keys from your address. Try again in a minute.",
    "That link was already used, is older than ten minutes, or is for another server. Run the command again for a new one.",
  ]);
});

test("whoever has a client key gets no navigation, and an administrator has no usage of their own", async () => {
  const pages = pagesOf();
  assert.doesNotMatch(await pages.html("/ui/me", { session: KEY_HOLDER }), /<nav/);
  assert.equal((await pages.ask("/ui/me"))?.headers.get("location"), "/ui/keys");
});

test("a path that leads nowhere is a page that says so", async () => {
  const pages = pagesOf();
  for (const address of ["/ui/nothing", "/ui/keys/nobody", "/ui/keys/a/b", "/ui/keys/%E0%A4%A"]) {
    const answer = await pages.ask(address);
    assert.equal(answer?.status, 404, address);
    assert.match(answer?.text ?? "", /<h1>Page not found<\/h1>/);
  }
});

test("language and theme are chosen by links that set a cookie and lead back to the same page", async () => {
  const pages = pagesOf();
  const chosen = await pages.ask("/ui/requests?key=alice&set-lang=zh&set-theme=dark");
  assert.equal(chosen?.status, 303);
  assert.equal(chosen?.headers.get("location"), "/ui/requests?key=alice");
  assert.deepEqual(chosen?.headers.getSetCookie(), [
    "lang=zh; Path=/ui; Max-Age=31536000; SameSite=Lax",
    "theme=dark; Path=/ui; Max-Age=31536000; SameSite=Lax",
  ]);
  assert.equal((await pages.ask("/ui?set-lang=%0d%0ax"))?.status, 200);
});

test("pages are in the browser's language, in the cookie's before that, and in English where neither is known", async () => {
  const pages = pagesOf();
  const cases: readonly (readonly [headers: Readonly<Record<string, string>>, html: string])[] = [
    [{}, '<html lang="en" data-theme="auto" data-zone="UTC" data-locale="en">'],
    [{ "accept-language": "zh-TW,en;q=0.5" }, '<html lang="zh-CN" data-theme="auto" data-zone="UTC" data-locale="zh-TW">'],
    [{ "accept-language": "de,en-GB;q=0.5" }, '<html lang="en" data-theme="auto" data-zone="UTC" data-locale="en-GB">'],
    [
      { "accept-language": "en-US", cookie: "lang=zh; theme=dark; zone=Asia/Shanghai" },
      '<html lang="zh-CN" data-theme="dark" data-zone="Asia/Shanghai" data-locale="zh-CN">',
    ],
    [
      { "accept-language": "'\"><b>,x", cookie: "lang=xx; theme=x; zone=No/Where" },
      '<html lang="en" data-theme="auto" data-zone="UTC" data-locale="en">',
    ],
  ];
  for (const [headers, html] of cases) assert.match(await pages.html("/ui", { headers }), new RegExp(html.replaceAll("/", "\\/")));
});

test("assets are named by what they hold, import one another by those names, and may be kept for good", async () => {
  const pages = pagesOf();
  const text = await pages.html("/ui");
  const paths = [...text.matchAll(/(?:src|href)="(\/ui\/assets\/[^"]+)"/g)].map(([, path = ""]) => path);
  assert.deepEqual([...new Set(paths.map((path) => path.replace(/\.\w+(?=\.)/, "")))].toSorted(), [
    "/ui/assets/dom.js",
    "/ui/assets/formats.js",
    "/ui/assets/now.js",
    "/ui/assets/shell.js",
    "/ui/assets/style.css",
  ]);
  for (const path of paths) {
    const asset = await pages.ask(path, { session: null });
    assert.equal(asset?.headers.get("cache-control"), "public, max-age=31536000, immutable");
    for (const [, imported = ""] of asset?.text.matchAll(/from "([^"]+)"/g) ?? []) {
      assert.notEqual(await pages.ask(imported, { session: null }), null, `${path} imports ${imported}`);
    }
  }
  assert.equal(await pages.ask("/ui/assets/style.css", { session: null }), null);
});
