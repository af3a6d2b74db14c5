import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ADMIN_KEY, errorIn, startAdminGateway, type AdminGateway } from "../../support/admin.ts";

let gateway: AdminGateway;
before(
  async () =>
    (gateway = await startAdminGateway({ environment: { TRUSTED_PROXIES: "127.0.0.1,10.0.0.0/8", ALLOWED_HOSTS: "llm.example.com" } })),
);
after(() => gateway.stop());

/** From an address of its own, so that tests do not count each other's wrong keys. */
const from = (address: string): Record<string, string> => ({ "x-forwarded-for": address });
const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
  gateway.call(path, { method: "GET", key: null, headers });

test("ADMIN_KEY signs in, and the cookie lasts 12 hours, out of reach of scripts and of other sites", async () => {
  const { response } = await gateway.signIn();
  assert.equal(response.status, 200);
  assert.match(response.headers.get("set-cookie") ?? "", /^factory-proxy=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/);
  const answer = (await response.json()) as Record<string, unknown>;
  assert.deepEqual(Object.keys(answer), ["key", "csrfToken", "expires"]);
  assert.equal(answer["key"], null);
});

test("behind TLS the cookie is Secure, and says so to browsers by its name", async () => {
  const headers = { "x-forwarded-proto": "https", ...from("203.0.113.9") };
  const { response, cookie } = await gateway.signIn(ADMIN_KEY, headers);
  assert.match(
    response.headers.get("set-cookie") ?? "",
    /^__Host-factory-proxy=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200; Secure$/,
  );
  assert.equal((await get("/api/admin/me", { cookie, ...headers })).status, 200);
  assert.equal((await get("/api/admin/me", { cookie })).status, 401);
});

test("a proxy that is not trusted says nothing about TLS", async () => {
  const plain = await startAdminGateway();
  try {
    const { response } = await plain.signIn(ADMIN_KEY, { "x-forwarded-proto": "https" });
    assert.doesNotMatch(response.headers.get("set-cookie") ?? "", /Secure|__Host/);
  } finally {
    await plain.stop();
  }
});

test("a wrong key, no cookie and a made-up one are 401 in one shape", async () => {
  const madeUp = `factory-proxy=${"a".repeat(43)}`;
  assert.deepEqual(await errorIn((await gateway.signIn("wrong-key", from("203.0.113.1"))).response), [401, "unauthenticated", "wrong_key"]);
  assert.deepEqual(await errorIn(await get("/api/admin/keys")), [401, "unauthenticated", "not_signed_in"]);
  assert.deepEqual(await errorIn(await get("/api/admin/keys", { cookie: madeUp })), [401, "unauthenticated", "not_signed_in"]);
  const bearer = { authorization: "Bearer nobody-knows-this", ...from("203.0.113.1") };
  assert.deepEqual(await errorIn(await get("/api/admin/keys", bearer)), [401, "unauthenticated", "wrong_key"]);
});

test("after ten wrong keys from one address in a minute nobody from there signs in, while sessions and calls go on", async () => {
  const { cookie } = await gateway.signIn();
  const guess = (address: string, key = "wrong"): Promise<number> =>
    gateway.signIn(key, from(address)).then(({ response }) => response.status);
  for (let count = 0; count < 10; count++) assert.equal(await guess("203.0.113.2"), 401);
  const { response } = await gateway.signIn(ADMIN_KEY, from("203.0.113.2"));
  const wait = Number(response.headers.get("retry-after"));
  assert.ok(wait > 50 && wait <= 60, `waits ${wait}`);
  assert.deepEqual(await errorIn(response), [429, "rate_limited", null]);
  const bearer = { authorization: `Bearer ${ADMIN_KEY}` };
  assert.equal((await get("/api/admin/me", { ...bearer, ...from("203.0.113.2") })).status, 429);
  assert.equal((await get("/api/admin/me", { ...bearer, ...from("203.0.113.3") })).status, 200);
  assert.equal((await get("/api/admin/me", { cookie, ...from("203.0.113.2") })).status, 200);
  const call = await gateway.call("/v1/models", { method: "GET", headers: from("203.0.113.2") });
  assert.equal(call.status, 200);
  // Whoever adds addresses of others in front of its own counts as itself.
  assert.equal(await guess("198.51.100.7, 203.0.113.2"), 429);
});

test("a change by cookie needs x-csrf-token, by ADMIN_KEY it does not, and a page of another origin makes none", async () => {
  const { cookie, csrfToken } = await gateway.signIn();
  const add = async (name: string, headers: Record<string, string>): Promise<number> =>
    (await gateway.call("/api/admin/keys", { body: { name }, key: null, headers })).status;
  assert.equal(await add("csrf-1", { cookie }), 403);
  assert.equal(await add("csrf-2", { cookie, "x-csrf-token": `${csrfToken}0` }), 403);
  assert.equal(await add("csrf-3", { cookie, "x-csrf-token": csrfToken, origin: "http://evil.example" }), 403);
  assert.equal(await add("csrf-4", { cookie, "x-csrf-token": csrfToken, "sec-fetch-site": "cross-site" }), 403);
  assert.equal(await add("csrf-5", { cookie, "x-csrf-token": csrfToken, origin: gateway.url }), 201);
  assert.equal(await add("csrf-6", { authorization: `Bearer ${ADMIN_KEY}` }), 201);
  const names = (await gateway.store.keys()).map(({ name }) => name).filter((name) => name.startsWith("csrf"));
  assert.deepEqual(names, ["csrf-5", "csrf-6"]);
});

test("a session begins with an id of its own, and the one before ends", async () => {
  const first = await gateway.signIn();
  const second = await gateway.signIn(ADMIN_KEY, { cookie: first.cookie });
  assert.notEqual(second.cookie, first.cookie);
  assert.equal((await get("/api/admin/me", { cookie: first.cookie })).status, 401);
  assert.equal((await get("/api/admin/me", { cookie: second.cookie })).status, 200);
  const fixed = `factory-proxy=${"b".repeat(43)}`;
  const { cookie } = await gateway.signIn(ADMIN_KEY, { cookie: fixed });
  assert.notEqual(cookie, fixed);
});

test("signing out ends the session and takes the cookie away", async () => {
  const { cookie, csrfToken } = await gateway.signIn();
  const response = await gateway.call("/api/admin/session", {
    method: "DELETE",
    key: null,
    headers: { cookie, "x-csrf-token": csrfToken },
  });
  assert.equal(response.status, 204);
  assert.equal(response.headers.get("set-cookie"), "factory-proxy=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
  assert.equal((await get("/api/admin/me", { cookie })).status, 401);
});

test("the store gets no token, and another gateway on it knows the session", async () => {
  const shared: string[] = [];
  const { store } = gateway;
  const other = await startAdminGateway({ store });
  const share = store.share.bind(store);
  store.share = (name, value, untilMs) => {
    shared.push(name, value);
    return share(name, value, untilMs);
  };
  try {
    const { cookie } = await gateway.signIn();
    const token = cookie.slice(cookie.indexOf("=") + 1);
    assert.ok(shared.length > 0 && !shared.some((text) => text.includes(token)));
    const there = await other.call("/api/admin/me", { method: "GET", key: null, headers: { cookie } });
    assert.equal(there.status, 200);
  } finally {
    store.share = share;
    await other.stop();
  }
});

test("client keys and ADMIN_KEY stay on their own sides", async () => {
  const asClient = { authorization: `Bearer ${gateway.key}` };
  assert.deepEqual(await errorIn(await get("/api/admin/keys", asClient)), [403, "forbidden", null]);
  assert.deepEqual(await errorIn(await get("/api/admin/requests", asClient)), [403, "forbidden", null]);
  const me = (await (await get("/api/admin/me", asClient)).json()) as { readonly key: { readonly name: string } };
  assert.equal(me.key.name, "env-1");
  const { cookie, csrfToken } = await gateway.signIn(gateway.key);
  assert.equal((await get("/api/admin/me", { cookie })).status, 200);
  assert.equal((await get("/api/admin/live", { cookie })).status, 403);
  const change = await gateway.call("/api/admin/reload", { key: null, headers: { cookie, "x-csrf-token": csrfToken } });
  assert.equal(change.status, 403);
  const admin = await gateway.signIn();
  assert.equal((await gateway.call("/v1/models", { method: "GET", key: ADMIN_KEY })).status, 401);
  assert.equal((await gateway.call("/v1/models", { method: "GET", key: null, headers: { cookie: admin.cookie } })).status, 401);
});

test("ADMIN_KEY never goes upstream, where each client brings a Factory key of its own", async () => {
  const open = await startAdminGateway({ environment: { FACTORY_API_KEY: undefined, PROXY_API_KEY: undefined } });
  try {
    const body = { model: "claude-haiku-4-5", max_tokens: 5, messages: [{ role: "user", content: "Hi" }] };
    assert.equal((await open.call("/v1/messages", { key: ADMIN_KEY, body })).status, 401);
    assert.equal((await open.call("/v1/messages", { key: "fk-own", headers: { "x-api-key": ADMIN_KEY }, body })).status, 401);
    assert.equal(open.upstream.requests.length, 0);
  } finally {
    await open.stop();
  }
});

test("a session of a client key ends with the key", async () => {
  const { key } = (await (await gateway.ask("POST", "/keys", { name: "short-lived" })).json()) as { readonly key: string };
  const { cookie } = await gateway.signIn(key);
  assert.equal((await get("/api/admin/me", { cookie })).status, 200);
  assert.equal((await gateway.ask("PATCH", "/keys/short-lived", { off: true })).status, 200);
  assert.equal((await get("/api/admin/me", { cookie })).status, 401);
});

test("another ADMIN_KEY ends the sessions of the one before", async () => {
  const own = await startAdminGateway();
  try {
    const { cookie } = await own.signIn();
    own.reload({ ADMIN_KEY: "another-admin-key-than-before" });
    assert.equal((await own.call("/api/admin/me", { method: "GET", key: null, headers: { cookie } })).status, 401);
    assert.equal((await own.ask("GET", "/me")).status, 401);
  } finally {
    await own.stop();
  }
});

test("the form signs in without a script, and goes on to where somebody wanted to", async () => {
  const send = (key: string, to = "", headers: Record<string, string> = {}): Promise<Response> =>
    gateway.call(`/ui/sign-in${to}`, {
      key: null,
      body: new URLSearchParams({ key }).toString(),
      headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
    });
  const entered = async (to: string): Promise<string | null> => (await send(ADMIN_KEY, to)).headers.get("location");
  assert.equal((await send(ADMIN_KEY)).status, 303);
  assert.equal(await entered(""), "/ui");
  assert.equal(await entered("?to=%2Fui%2Frequests%3Fstatus%3D4xx"), "/ui/requests?status=4xx");
  for (const elsewhere of ["//evil.example", "https://evil.example", "/ui/../v1", "/ui//evil", "/uix", "/\\evil", "javascript:alert(1)"]) {
    const target = await entered(`?to=${encodeURIComponent(elsewhere)}`);
    assert.equal(new URL(target ?? "", "http://own.example").origin, "http://own.example", elsewhere);
  }
  const wrong = await send("wrong", "", from("203.0.113.5"));
  assert.equal(wrong.status, 401);
  assert.match(await wrong.text(), /not correct/);
  assert.equal((await send(ADMIN_KEY, "", { origin: "http://evil.example" })).status, 403);
  assert.equal((await send(gateway.key)).headers.get("location"), "/ui/me");
});

test("a page that needs a session leads to the form", async () => {
  const response = await get("/ui/requests?status=4xx");
  assert.deepEqual([response.status, response.headers.get("location")], [303, "/ui/sign-in?to=%2Fui%2Frequests%3Fstatus%3D4xx"]);
  const { cookie } = await gateway.signIn(gateway.key);
  assert.equal((await get("/ui", { cookie })).headers.get("location"), "/ui/me");
});

test("a name that a web page could have is refused, unless the operator has named it", async () => {
  const { request } = await import("node:http");
  const statusFor = (host: string): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const asked = request(
        `${gateway.url}/api/admin/me`,
        { headers: { host, authorization: `Bearer ${ADMIN_KEY}` }, agent: false },
        (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        },
      );
      asked.on("error", reject);
      asked.end();
    });
  assert.deepEqual(await Promise.all(["evil.example", "localhost", "llm.example.com"].map(statusFor)), [403, 200, 200]);
});
