// What a web page can bring about through a browser on this machine: nothing without a key in a header, nor by a name that it was given.

import assert from "node:assert/strict";
import { test } from "node:test";
import { hasFormBody, isForeignPage, isForThisMachine } from "../../src/access/web-pages.ts";
import { errorOf, read } from "../support/configuration.ts";
import { ask, MODELS } from "../support/dialects.ts";
import { CLIENT_KEY, startGateways, type RunningGateway } from "../support/gateway.ts";
import { rawCall, requestText } from "../support/wire.ts";

const RULES = { corsOrigins: ["http://localhost:3000", "app://obsidian.md"], allowedHosts: ["llm.example.org", "[fd00::1]"] };
const PAGE = "https://page.example";

// ---- What browsers say -------------------------------------------------------------------------------------------

const PAGES: readonly (readonly [what: string, headers: Record<string, string>, isForeign: boolean])[] = [
  ["no browser", {}, false],
  ["an address that was typed", { "sec-fetch-site": "none" }, false],
  ["a page of this server's", { origin: "http://127.0.0.1:8000", host: "127.0.0.1:8000", "sec-fetch-site": "same-origin" }, false],
  ["a page of this server's behind TLS", { origin: "https://llm.example.org", host: "llm.example.org" }, false],
  ["a page elsewhere", { origin: PAGE, host: "127.0.0.1:8000" }, true],
  ["a page on another port", { origin: "http://127.0.0.1:9000", host: "127.0.0.1:8000", "sec-fetch-site": "same-site" }, true],
  ["a page without an origin", { origin: "null", host: "null" }, true],
  ["a picture or a link elsewhere", { host: "127.0.0.1:8000", "sec-fetch-site": "cross-site" }, true],
  ["a page that the operator names", { origin: "http://localhost:3000", "sec-fetch-site": "cross-site" }, false],
  ["an app that the operator names", { origin: "app://obsidian.md", host: "127.0.0.1:8000" }, false],
  ["its name in other letters", { origin: "app://Obsidian.md", host: "127.0.0.1:8000" }, true],
  ["two origins", { origin: "http://localhost:3000, https://page.example", host: "127.0.0.1:8000" }, true],
];
for (const [what, headers, isForeign] of PAGES) {
  test(`${what} ${isForeign ? "is foreign" : "is not foreign"}`, () => assert.equal(isForeignPage(headers, RULES), isForeign));
}

test("what is not JSON is what a form can send", () => {
  const types = ["application/json", "application/json; charset=utf-8", "application/vnd.api+json", "Application/JSON"];
  const others = ["text/plain", "text/plain;application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a", ""];
  assert.deepEqual(
    [...types, ...others].map((type) => hasFormBody({ "content-type": type })),
    [...types.map(() => false), ...others.map(() => true)],
  );
  assert.deepEqual([{}, { "content-length": "0" }, { "content-length": "2" }, { "transfer-encoding": "chunked" }].map(hasFormBody), [
    false,
    false,
    true,
    true,
  ]);
});

test("a request from this machine calls it by a name that no web page can have", () => {
  const is = (host: string | null, address: string | null = "127.0.0.1"): boolean =>
    isForThisMachine({ address: () => address, headers: host === null ? {} : { host } }, RULES);
  const own = [
    "127.0.0.1:8000",
    "127.1.2.3",
    "localhost",
    "LocalHost:1",
    "app.localhost:8000",
    "localhost.",
    "[::1]:8000",
    "[::ffff:127.0.0.1]",
  ];
  const named = ["llm.example.org", "LLM.example.org:443", "[fd00::1]:8000"];
  const others = [
    "page.example:8000",
    "127.0.0.1.page.example",
    "notlocalhost",
    "localhost.page.example",
    "10.0.0.1",
    "",
    "localhost, page.example",
  ];
  for (const host of [...own, ...named]) assert.equal(is(host), true, host);
  for (const host of [...others, null]) {
    assert.equal(is(host), false, String(host));
    for (const address of ["10.0.0.7", null]) assert.equal(is(host, address), true);
  }
});

// ---- The configuration -------------------------------------------------------------------------------------------

test("CORS_ORIGINS takes any scheme, and never what has no name", () => {
  const origins = ["http://localhost:3000", "app://obsidian.md", "chrome-extension://abcdefghijklmnop", "file://", "capacitor://localhost"];
  assert.deepEqual(read({ environment: { CORS_ORIGINS: origins.join(",") } }).corsOrigins, origins);
  assert.deepEqual(read({ environment: { CORS_ORIGINS: "http://localhost:3000/" } }).corsOrigins, ["http://localhost:3000"]);
  for (const wrong of ["null", "*", "http://*", "localhost:3000", "http://LOCALHOST", "http://a/b", "app://a/b", "http://a:80"]) {
    assert.deepEqual(
      errorOf({ environment: { CORS_ORIGINS: wrong } }).faults.map(({ name }) => name),
      ["CORS_ORIGINS"],
      wrong,
    );
  }
});

test("ALLOWED_HOSTS takes names without a port", () => {
  assert.deepEqual(read({ environment: { ALLOWED_HOSTS: "LLM.example.org, nas,[fd00::1]" } }).allowedHosts, [
    "llm.example.org",
    "nas",
    "[fd00::1]",
  ]);
  for (const wrong of ["http://nas", "nas:8000", "*", "a/b"]) {
    assert.deepEqual(
      errorOf({ environment: { ALLOWED_HOSTS: wrong } }).faults.map(({ name }) => name),
      ["ALLOWED_HOSTS"],
      wrong,
    );
  }
});

// ---- The listening program ---------------------------------------------------------------------------------------

const { gatewayWith } = await startGateways();
const closed = await gatewayWith({});
const anonymous = await gatewayWith({ ANONYMOUS: "loopback" });
const friendly = await gatewayWith({ ANONYMOUS: "loopback", CORS_ORIGINS: PAGE, ALLOWED_HOSTS: "llm.example.org" });
const bringing = await gatewayWith({}, { environment: { FACTORY_API_KEY: undefined, PROXY_API_KEY: undefined } });

const CHAT = ask("openai-chat", { model: MODELS["openai-chat"] });
const GEMINI = ask("gemini", { model: MODELS["gemini"] });
const TEXT = { "content-type": "text/plain" };
const FROM_PAGE = { origin: PAGE };

interface Asked {
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly method?: string;
}

/** The status of the answer, by a connection of its own on which any header can be sent. */
async function statusOf(gateway: RunningGateway, { path = CHAT.path, headers = {}, method = "POST" }: Asked): Promise<number> {
  const body = method === "GET" ? "" : JSON.stringify(/v1beta|:generate/.test(path) ? GEMINI.body : CHAT.body);
  const all = {
    host: new URL(gateway.url).host,
    ...(body === "" ? {} : { "content-type": "application/json", "content-length": String(new TextEncoder().encode(body).length) }),
    ...headers,
  };
  const answer = await rawCall(gateway.url, requestText(`${method} ${path}`, all, body)).closed;
  return Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
}

const KEY = { authorization: `Bearer ${CLIENT_KEY}` };

test("?key= counts on Gemini's paths only", async () => {
  const query = `?key=${CLIENT_KEY}`;
  for (const path of [GEMINI.path, `/explain${GEMINI.path}`, "/v1/models/gemini-2.5-pro:generateContent"])
    assert.equal(await statusOf(closed, { path: path + query }), 200, path);
  for (const path of [CHAT.path, "/v1/messages", "/v1/responses", "/openai/v1/chat/completions", "/anthropic/v1/messages"])
    assert.equal(await statusOf(closed, { path: path + query }), 401, path);
  assert.equal(await statusOf(closed, { path: `/v1beta/models${query}`, method: "GET" }), 200);
});

test("what a page sends without asking first is refused, and what has a key in a header is not", async () => {
  const cases: readonly (readonly [asked: Asked, status: number])[] = [
    [{ headers: { ...FROM_PAGE, ...TEXT } }, 403],
    [{ headers: { "sec-fetch-site": "cross-site", ...TEXT } }, 403],
    [{ headers: FROM_PAGE }, 401],
    [{ headers: { ...FROM_PAGE, ...TEXT, authorization: "Basic YTpi" } }, 403],
    [{ path: `${GEMINI.path}?key=${CLIENT_KEY}`, headers: FROM_PAGE }, 403],
    [{ path: `/v1beta/models?key=${CLIENT_KEY}`, headers: { "sec-fetch-site": "cross-site" }, method: "GET" }, 403],
    [{ headers: { ...FROM_PAGE, ...KEY } }, 200],
    ...["file://", "app://obsidian.md", "null"].map((origin) => [{ headers: { origin, ...KEY, ...TEXT } }, 200] as const),
    [{ path: `${GEMINI.path}?key=${CLIENT_KEY}` }, 200],
    // Proxies in front keep the name that they are known by.
    [{ headers: { host: "llm.example.org", ...KEY } }, 200],
  ];
  for (const [asked, status] of cases) assert.equal(await statusOf(closed, asked), status, JSON.stringify(asked));
});

test("with ANONYMOUS a page needs more than to be on this machine, whatever it calls it", async () => {
  const cases: readonly (readonly [asked: Asked, status: number])[] = [
    [{}, 200],
    [{ headers: TEXT }, 200],
    [{ headers: { authorization: "Bearer made-up" } }, 200],
    [{ headers: { ...FROM_PAGE, ...TEXT } }, 403],
    [{ headers: FROM_PAGE }, 403],
    [{ path: "/v1/models", headers: { "sec-fetch-site": "cross-site" }, method: "GET" }, 403],
    [{ path: `${GEMINI.path}?key=made-up`, headers: FROM_PAGE }, 403],
    [{ path: `${CHAT.path}?key=made-up`, headers: FROM_PAGE }, 403],
    [{ headers: { host: "page.example:8000", origin: "http://page.example:8000" } }, 403],
    [{ headers: { host: "page.example:8000", authorization: "Bearer made-up" } }, 403],
    [{ headers: { host: "page.example:8000", ...KEY } }, 200],
    [{ headers: { host: "llm.example.org" } }, 403],
    [{ headers: { host: "localhost:1" } }, 200],
  ];
  for (const [asked, status] of cases) assert.equal(await statusOf(anonymous, asked), status, JSON.stringify(asked));
  for (const headers of [{ ...FROM_PAGE, ...TEXT }, FROM_PAGE, { host: "LLM.example.org:443" }]) {
    assert.equal(await statusOf(friendly, { headers }), 200, JSON.stringify(headers));
  }
});

test("where clients bring their own Factory key, a page can't call by a name of its own", async () => {
  const own = { "x-api-key": "fk-of-a-client" };
  assert.equal(await statusOf(bringing, { headers: own }), 200);
  assert.equal(await statusOf(bringing, { headers: { ...own, ...FROM_PAGE } }), 200);
  assert.equal(await statusOf(bringing, { headers: { ...own, host: "page.example" } }), 403);
  assert.equal(await statusOf(bringing, { path: `${GEMINI.path}?key=made-up`, headers: FROM_PAGE }), 403);
});

test("without ANONYMOUS a wrong key from this machine is a wrong key", async () => {
  assert.equal(await statusOf(closed, { headers: { authorization: "Bearer made-up" } }), 401);
});

test("public pages answer anybody", async () => {
  for (const headers of [FROM_PAGE, { host: "page.example" }])
    assert.equal(await statusOf(anonymous, { path: "/health", method: "GET", headers }), 200);
});
