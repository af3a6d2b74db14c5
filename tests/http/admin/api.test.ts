import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ADMIN_KEY, errorIn, startAdminGateway, type AdminGateway } from "../../support/admin.ts";
import { callFor, PASSTHROUGH, until } from "../../support/gateway.ts";
import { usageRow } from "../../support/stored.ts";

let gateway: AdminGateway;
before(async () => (gateway = await startAdminGateway({ environment: { TRUSTED_PROXIES: "127.0.0.1" } })));
after(() => gateway.stop());

type Body = Readonly<Record<string, unknown>>;
const json = async (answer: Promise<Response>): Promise<Body> => (await (await answer).json()) as Body;

test("a key's life: made, used, seen, raised, rotated, off, removed", async () => {
  const made = await json(gateway.ask("POST", "/keys", { name: "bob", budgets: ["1usd/day"], rpm: 5, note: "first" }));
  const key = String(made["key"]);
  assert.match(key, /^fp-\w{32}$/);
  const call = (bearer: string): Promise<Response> => gateway.call("/v1/models", { method: "GET", key: bearer });
  assert.equal((await call(key)).status, 200);
  const kept = await json(gateway.ask("GET", "/keys/bob"));
  assert.deepEqual(
    [kept["state"], kept["kind"], kept["rpm"], kept["note"], JSON.stringify(kept).includes(key)],
    ["on", "stored", 5, "first", false],
  );
  const raised = await json(gateway.ask("POST", "/keys/bob/raise", { amount: "2usd", until: "24h" }));
  assert.deepEqual(
    (raised["budgetsNow"] as readonly Body[]).map(({ amount, used, unit, period }) => [amount, used, unit, period]),
    [[3, 0, "usd", "day"]],
  );
  const rotated = await json(gateway.ask("POST", "/keys/bob/rotate", {}));
  assert.deepEqual([(await call(key)).status, (await call(String(rotated["key"]))).status], [401, 200]);
  assert.equal((await json(gateway.ask("PATCH", "/keys/bob", { off: true })))["state"], "off");
  assert.equal((await call(String(rotated["key"]))).status, 401);
  assert.equal((await json(gateway.ask("PATCH", "/keys/bob", { off: false, budgets: ["0-tokens/day"] })))["state"], "spent");
  const cleared = await json(
    gateway.ask("PATCH", "/keys/bob", { off: false, rpm: null, budgets: [], note: null, models: ["opus", "@core"] }),
  );
  assert.deepEqual([cleared["rpm"], cleared["budgets"], cleared["note"]], [null, [], null]);
  assert.match(String((cleared["models"] as readonly string[])[0]), /^claude-opus-/);
  assert.equal((await gateway.ask("DELETE", "/keys/bob")).status, 204);
  assert.equal((await gateway.ask("GET", "/keys/bob")).status, 404);
});

test("the row default and keys of PROXY_API_KEY get limits, and can't be removed or rotated", async () => {
  const list = async (): Promise<readonly Body[]> => (await json(gateway.ask("GET", "/keys")))["keys"] as readonly Body[];
  assert.deepEqual(
    (await list()).map(({ name, kind }) => [name, kind]),
    [
      ["default", "default"],
      ["env-1", "environment"],
    ],
  );
  await gateway.ask("PATCH", "/keys/default", { parallel: 7 });
  const effective = (await list()).map((key) => (key["effective"] as Body)["parallel"]);
  assert.deepEqual(effective, [7, 7]);
  assert.equal((await gateway.ask("DELETE", "/keys/env-1")).status, 409);
  assert.deepEqual(await errorIn(await gateway.ask("POST", "/keys/env-1/rotate", {})), [400, "invalid_request", null]);
  assert.equal((await gateway.ask("POST", "/keys", { name: "env-1" })).status, 409);
  await gateway.ask("DELETE", "/keys/default");
});

test("words that can't be read are a 400 that says which, and so is what nobody knows", async () => {
  const bodies: readonly (readonly [body: unknown, param: string | null])[] = [
    [{ name: "x y" }, "name"],
    [{ name: "anonymous" }, "name"],
    [{}, "name"],
    [{ name: "c", rpm: "many" }, "rpm"],
    [{ name: "c", tpm: "many" }, "tpm"],
    [{ name: "c", parallel: "many" }, "parallel"],
    [{ name: "c", budgets: ["5usb/dy"] }, "budgets"],
    [{ name: "c", budgets: ["5usd/day", "6usd/day"] }, "budgets"],
    [{ name: "c", models: ["a b"] }, "models"],
    [{ name: "c", soft: "much" }, "soft"],
    [{ name: "c", zone: "Moon/Base" }, "zone"],
    [{ name: "c", expires: "soon" }, "expires"],
    [{ name: "c", expires: "2020-01-01" }, "expires"],
    [{ name: "c", note: "x".repeat(600) }, "note"],
    [{ name: "c", rpm: -1 }, "rpm"],
    [{ name: "c", budgets: "5usd/day" }, "budgets"],
    [{ name: "c", models: ["kimmi-k3"] }, "models"],
    [{ name: "c", colour: "red" }, "colour"],
    ["[]", null],
    ["{", null],
  ];
  for (const [body, param] of bodies) {
    const response = await gateway.ask("POST", "/keys", body);
    const { error } = (await response.json()) as { readonly error: Body };
    assert.deepEqual([response.status, error["type"], error["param"]], [400, "invalid_request", param], JSON.stringify(body));
  }
  const form = await gateway.call("/api/admin/keys", { key: ADMIN_KEY, body: "name=c", headers: { "content-type": "text/plain" } });
  assert.equal(form.status, 415);
  const large = await gateway.ask("POST", "/keys", { name: "c", note: "x".repeat(70_000) });
  assert.equal(large.status, 413);
  for (const query of ["limit=0", "limit=501", "status=6xx", "since=soon", "kye=alice"]) {
    assert.equal((await gateway.ask("GET", `/requests?${query}`)).status, 400, query);
  }
  for (const query of ["by=second", "split=session", "zone=Mars/Base"]) {
    assert.equal((await gateway.ask("GET", `/usage?${query}`)).status, 400, query);
  }
});

test("paths and methods that are none say which are", async () => {
  assert.deepEqual(await errorIn(await gateway.ask("GET", "/nothing")), [404, "not_found", null]);
  const wrong = await gateway.ask("PUT", "/keys/alice", {});
  assert.deepEqual([wrong.status, wrong.headers.get("allow")], [405, "GET, HEAD, PATCH, DELETE"]);
  const head = await gateway.ask("HEAD", "/keys");
  assert.deepEqual([head.status, await head.text()], [200, ""]);
});

test("calls of the ledger come page by page, by filter and by part of an id", async () => {
  const own = await startAdminGateway();
  const nowMs = Date.now();
  const rows = Array.from({ length: 25 }, (_, at) =>
    usageRow(`row-${String(at).padStart(2, "0")}`, {
      atMs: nowMs - 60_000 + at,
      key: at % 2 === 0 ? "alice" : "bob",
      ...(at < 5 ? { status: 500, finish: "error:internal" } : {}),
    }),
  );
  await own.store.append(rows);
  try {
    const found: string[] = [];
    let cursor: unknown = null;
    let pages = 0;
    do {
      const page = await json(own.ask("GET", `/requests?limit=10${cursor === null ? "" : `&cursor=${String(cursor)}`}`));
      found.push(...(page["rows"] as readonly Body[]).map(({ id }) => String(id)));
      cursor = page["next"];
      pages++;
    } while (cursor !== null);
    assert.deepEqual([pages, found], [3, rows.map(({ id }) => id).toReversed()]);
    const count = async (query: string): Promise<number> =>
      ((await json(own.ask("GET", `/requests?limit=500&${query}`)))["rows"] as readonly Body[]).length;
    assert.deepEqual(
      await Promise.all(
        ["key=alice", "status=5xx", "status=error", "status=ok", "q=row-07", "since=1h", "until=1h", "key=&model="].map(count),
      ),
      [13, 5, 5, 20, 1, 25, 0, 25],
    );
    // The day that a date is begins and ends in the zone.
    const [row] = rows.slice(-1);
    const dateIn = (zone: string): string => new Intl.DateTimeFormat("en-CA", { timeZone: zone }).format(row?.atMs);
    const [east, west] = ["Pacific/Kiritimati", "Pacific/Niue"];
    assert.deepEqual(
      await Promise.all([east, west].map((zone) => count(`q=row-24&since=${dateIn(zone)}&until=${dateIn(zone)}&zone=${zone}`))),
      [1, 1],
    );
    assert.equal(await count(`q=row-24&since=${dateIn(west)}&until=${dateIn(west)}&zone=${east}`), 0);
    const { cookie } = await own.signIn();
    const isOnPage = async (zone: string): Promise<boolean> => {
      const address = `/ui/requests?q=row-24&since=${dateIn(east)}&until=${dateIn(east)}`;
      const page = await own.call(address, { method: "GET", key: null, headers: { cookie: `${cookie}; zone=${zone}` } });
      return (await page.text()).includes("/ui/requests/row-24");
    };
    assert.deepEqual(await Promise.all([east, west].map(isOnPage)), [true, false]);
    const detail = await json(own.ask("GET", "/requests/row-07"));
    assert.deepEqual([(detail["request"] as Body)["requestId"], detail["inspection"]], ["request-row-07", null]);
    assert.equal((await own.ask("GET", "/requests/row-99")).status, 404);
    const usage = await json(own.ask("GET", "/usage?by=key"));
    assert.deepEqual(
      (usage["lines"] as readonly Body[]).map(({ name, calls, errors }) => [name, calls, errors]),
      [
        ["alice", 13, 3],
        ["bob", 12, 2],
      ],
    );
    assert.equal((usage["totals"] as Body)["cacheHitRate"], 10 / (100 + 10 + 12));
  } finally {
    await own.stop();
  }
});

test("the price of a call adds up to what the ledger says", async () => {
  const response = await callFor(gateway, PASSTHROUGH);
  await response.text();
  let detail: Body | null = null;
  const look = async (): Promise<void> => {
    const [row] = (await json(gateway.ask("GET", `/requests?q=${response.headers.get("x-request-id")}`)))["rows"] as readonly Body[];
    detail = row === undefined ? null : await json(gateway.ask("GET", `/requests/${String(row["id"])}`));
  };
  for (let tries = 0; detail === null && tries < 300; tries++) {
    await look();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const { request, price } = (detail ?? {}) as {
    readonly request: Body;
    readonly price: { readonly lines: readonly { readonly usd: number }[] };
  };
  const sum = price.lines.reduce((all, { usd }) => all + usd, 0);
  assert.ok(Math.abs(sum - Number(request["usd"])) < 1e-9, `${sum} ${String(request["usd"])}`);
});

test("whatever a client says stays text: JSON that no browser reads as a page", async () => {
  const name = '<img src=x onerror="alert(1)">';
  await gateway.store.append([usageRow("evil", { client: name, modelAsked: `</script>${name}`, atMs: Date.now() })]);
  const response = await gateway.ask("GET", "/requests?q=evil");
  const { headers } = response;
  assert.deepEqual(
    [
      "content-type",
      "x-content-type-options",
      "cache-control",
      "content-security-policy",
      "referrer-policy",
      "cross-origin-resource-policy",
      "cross-origin-opener-policy",
      "x-frame-options",
    ].map((one) => headers.get(one)?.split(/;\s*charset|, no-transform/)[0]),
    [
      "application/json",
      "nosniff",
      "no-store",
      "default-src 'none'; frame-ancestors 'none'",
      "no-referrer",
      "same-origin",
      "same-origin",
      "DENY",
    ],
  );
  assert.equal(headers.get("access-control-allow-origin"), null);
  const { rows } = (await response.json()) as { readonly rows: readonly Body[] };
  assert.equal(rows[0]?.["client"], name);
});

test("a playground key works for calls until the session ends, and counts as playground", async () => {
  const { cookie, csrfToken } = await gateway.signIn();
  const headers = { cookie, "x-csrf-token": csrfToken };
  const make = async (): Promise<string> => String((await json(gateway.call("/api/admin/playground-key", { key: null, headers })))["key"]);
  const key = await make();
  assert.equal(await make(), key);
  const answered = await gateway.call("/v1/messages", {
    key,
    body: { model: "claude-haiku-4-5", max_tokens: 5, messages: [{ role: "user", content: "Hi" }] },
  });
  await answered.text();
  const line = await gateway.lineOf(answered);
  assert.deepEqual([answered.status, line["caller"]], [200, "playground"]);
  assert.equal((await gateway.call("/api/admin/session", { method: "DELETE", key: null, headers })).status, 204);
  assert.equal((await gateway.call("/v1/models", { method: "GET", key })).status, 401);
});

test("live: a snapshot, then a call as it begins and ends; an administrator can end it; a drain ends the stream", async () => {
  const own = await startAdminGateway();
  const { cookie, csrfToken } = await own.signIn();
  const stream = await own.call("/api/admin/live", { method: "GET", key: null, headers: { cookie } });
  assert.deepEqual([stream.status, stream.headers.get("content-type")], [200, "text/event-stream; charset=utf-8"]);
  let text = "";
  let isOver = false;
  const reading = (async () => {
    for await (const chunk of stream.body ?? []) text += new TextDecoder().decode(chunk);
    isOver = true;
  })();
  try {
    await until(() => text.includes("event: snapshot"), "the snapshot");
    own.upstream.script([{ hang: "before-head" }]);
    const call = callFor(own, PASSTHROUGH);
    await until(() => /event: call\ndata: .*"phase":"(?:waiting|connecting)"/.test(text), "the call");
    const id = /"call":\{"id":"([^"]+)"/.exec(text)?.[1] ?? "";
    const ended = await own.call(`/api/admin/requests/${id}/cancel`, { key: null, headers: { cookie, "x-csrf-token": csrfToken } });
    assert.equal(ended.status, 204);
    assert.ok((await call).status >= 400);
    await until(() => text.includes(`event: ended\ndata: {"type":"ended","id":"${id}"`), "the end of the call");
    assert.equal((await own.ask("POST", `/requests/${id}/cancel`)).status, 404);
  } finally {
    await own.drain();
    await reading;
    await own.stop();
  }
  assert.equal(isOver, true);
});

test("readers of the live stream who leave hold nothing: many may come and go", async () => {
  for (let count = 0; count < 120; count++) {
    const leave = new AbortController();
    const stream = await gateway.call("/api/admin/live", { method: "GET", key: ADMIN_KEY, signal: leave.signal });
    assert.equal(stream.status, 200, `the ${count}th`);
    await stream.body?.getReader().read();
    leave.abort();
    assert.equal((await gateway.ask("HEAD", "/live")).status, 200);
  }
});

test("errors and checks are said in the language of whoever asks, and in English to scripts", async () => {
  const checks = [
    { id: "keys.factory", state: "warn", what: "FACTORY_API_KEY is not set.", why: "Said by others.", fix: null },
    { id: "host.clock", state: "ok", what: "This machine's clock matches the host's.", why: null, fix: null },
  ] as const;
  const doctor = (): Promise<typeof checks> => Promise.resolve(checks);
  const own = await startAdminGateway({
    operator: { doctor, reload: () => ({ changed: [], needRestart: [], fault: null }), settings: () => [] },
  });
  try {
    const told = async (headers: Readonly<Record<string, string>>): Promise<readonly unknown[]> => {
      const refused = await json(own.call("/api/admin/keys/bob", { method: "GET", key: ADMIN_KEY, headers }));
      const examined = await json(own.call("/api/admin/doctor", { method: "POST", key: ADMIN_KEY, headers, body: {} }));
      return [(refused["error"] as Body)["message"], ...(examined["checks"] as readonly Body[]).flatMap(({ what, why }) => [what, why])];
    };
    const english = ['There is no key "bob".', checks[0].what, checks[0].why, checks[1].what, null];
    const chinese = ["没有密钥“bob”。", "未设置 FACTORY_API_KEY。", "Said by others.", "本机时钟与主机一致。", null];
    const asked = [{}, { "accept-language": "zh-CN,en;q=0.5" }, { "accept-language": "en", cookie: "lang=zh" }, { "accept-language": "*" }];
    assert.deepEqual(await Promise.all(asked.map(told)), [english, chinese, chinese, english]);
  } finally {
    await own.stop();
  }
});

test("what nobody offers is said to be missing", async () => {
  assert.deepEqual(await errorIn(await gateway.ask("POST", "/doctor")), [404, "not_found", null]);
  assert.deepEqual(await errorIn(await gateway.ask("POST", "/reload")), [404, "not_found", null]);
});
