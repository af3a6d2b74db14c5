import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryStore } from "../../../src/access/stores/memory.ts";
import { compose, type Program } from "../../../src/program.ts";
import { sharedLink } from "../../../src/http/admin/sessions.ts";
import { runtime } from "../../../src/runtime/runtime.ts";
import { unpack } from "../../../src/runtime/unpack.ts";
import { ADMIN_KEY, errorIn, startAdminGateway } from "../../support/admin.ts";
import { read } from "../../support/configuration.ts";

const random = (count: number): Uint8Array => crypto.getRandomValues(new Uint8Array(count));

/** The program without a port, at a time that the test sets. */
function programWith(environment: Record<string, string>, clock: { nowMs: number }, store = new MemoryStore()): Program {
  return compose(
    read({ environment: { FACTORY_API_KEY: "fk-of-nobody", PROXY_API_KEY: "client-key-1", QUOTA_INTERVAL: "0", ...environment } }),
    {
      fetch: () => Promise.reject(new Error("Nothing is called here.")),
      after: () => () => {},
      now: () => clock.nowMs,
      monotonic: () => clock.nowMs,
      random: () => 0.5,
      newId: () => crypto.randomUUID(),
      sha256: runtime.sha256,
      store,
      unpack,
      sink: () => {},
      logFormat: "json",
    },
    { version: "1.2.3", runtime: "test" },
  );
}

interface Asking {
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const ask = async (program: Program, path: string, { headers = {}, ...init }: Asking = {}): Promise<Response> =>
  program.fetch(new Request(`http://127.0.0.1:8000${path}`, { ...init, headers: { host: "127.0.0.1:8000", ...headers } }), {
    address: () => "127.0.0.1",
    upgrade: () => null,
  });

test("the one-time link signs in once, within ten minutes, and leaves no token in the address", async () => {
  const clock = { nowMs: Date.UTC(2026, 10, 28) };
  const program = programWith({}, clock);
  const path = program.signInPath() ?? "";
  const first = await ask(program, path);
  assert.deepEqual([first.status, first.headers.get("location")], [303, "/ui"]);
  const cookie = first.headers.get("set-cookie")?.split(";")[0] ?? "";
  assert.equal((await ask(program, "/api/admin/me", { headers: { cookie } })).status, 200);
  assert.equal((await ask(program, path)).status, 401);
  const late = program.signInPath() ?? "";
  clock.nowMs += 10 * 60_000;
  assert.equal((await ask(program, late)).status, 401);
  clock.nowMs += 12 * 3_600_000;
  assert.equal((await ask(program, "/api/admin/me", { headers: { cookie } })).status, 401);
});

test("a link of the command comes through the store, and two who use it at once are not both let in", async () => {
  const clock = { nowMs: Date.UTC(2026, 10, 28) };
  const store = new MemoryStore();
  const program = programWith({}, clock, store);
  const { token, name, untilMs } = sharedLink({ random, sha256: runtime.sha256 }, clock.nowMs);
  assert.ok(!name.includes(token));
  await store.share(name, "link", untilMs);
  const answers = await Promise.all([1, 2, 3].map(() => ask(program, `/ui/link?token=${token}`)));
  assert.deepEqual(
    answers.map(({ status }) => status).toSorted((one, other) => one - other),
    [303, 401, 401],
  );
});

test("where other machines reach the server there is no link, and nothing at all until ADMIN_KEY is set", async () => {
  const clock = { nowMs: Date.UTC(2026, 10, 28) };
  const open = programWith({ HOST: "0.0.0.0" }, clock);
  assert.equal(open.signInPath(), null);
  const page = await ask(open, "/ui");
  assert.equal(page.status, 404);
  assert.match(await page.text(), /Set ADMIN_KEY/);
  const chinese = await (await ask(open, "/ui", { headers: { "accept-language": "zh-CN" } })).text();
  assert.match(chinese, /<html lang="zh-CN">[^]*<h1>页面不存在<\/h1>[^]*控制台已关闭。请设置 ADMIN_KEY/);
  assert.deepEqual(await errorIn(await ask(open, "/api/admin/keys")), [404, "not_found", "admin_key_not_set"]);
  assert.equal((await ask(open, "/ui/sign-in", { method: "POST", body: "key=client-key-1" })).status, 404);
  const guarded = programWith({ HOST: "0.0.0.0", ADMIN_KEY }, clock);
  const made = programWith({}, clock).signInPath() ?? "";
  assert.equal((await ask(guarded, made)).status, 401);
  assert.equal((await ask(guarded, "/api/admin/me", { headers: { authorization: `Bearer ${ADMIN_KEY}` } })).status, 200);
});

test("UI=off takes the dashboard and the admin API away, and leaves what is for everybody", async () => {
  const program = programWith({ UI: "off", ADMIN_KEY }, { nowMs: 0 });
  assert.equal(program.signInPath(), null);
  const headers = { authorization: "Bearer client-key-1" };
  for (const path of ["/ui", "/ui/sign-in", "/api/admin/me"]) assert.equal((await ask(program, path, { headers })).status, 404, path);
  for (const path of ["/openapi.json", "/icon.svg", "/favicon.ico"]) assert.equal((await ask(program, path)).status, 200, path);
  const front = await ask(program, "/", { headers: { accept: "text/html" } });
  assert.ok(!(await front.text()).includes("/ui"));
});

test("GET / is a page for browsers and JSON for everybody else", async () => {
  const program = programWith({}, { nowMs: 0 });
  const kinds: unknown[] = [];
  for (const accept of ["text/html,application/xhtml+xml,*/*;q=0.8", "*/*", "application/json"]) {
    const { headers } = await ask(program, "/", { headers: { accept } });
    kinds.push([headers.get("content-type")?.split(";")[0], headers.get("vary")]);
  }
  assert.deepEqual(kinds, [
    ["text/html", "accept"],
    ["application/json", "accept"],
    ["application/json", "accept"],
  ]);
});

test("pages have a policy that names what they need, icons are kept for a day", async () => {
  const program = programWith({}, { nowMs: 0 });
  const { headers } = await ask(program, "/ui/sign-in");
  assert.equal(
    headers.get("content-security-policy"),
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  );
  assert.equal(headers.get("cache-control"), "no-store");
  const icon = await ask(program, "/favicon.ico");
  assert.deepEqual([icon.headers.get("content-type"), icon.headers.get("cache-control")], ["image/svg+xml", "public, max-age=86400"]);
});

test("web pages that may make calls may not read the admin API", async () => {
  const gateway = await startAdminGateway({ environment: { CORS_ORIGINS: "http://localhost:3000" } });
  try {
    const preflight = await gateway.call("/api/admin/keys", {
      method: "OPTIONS",
      key: null,
      headers: {
        origin: "http://localhost:3000",
        "access-control-request-method": "POST",
        "access-control-request-headers": "x-csrf-token",
      },
    });
    assert.equal(preflight.headers.get("access-control-allow-origin"), null);
    const response = await gateway.call("/api/admin/me", { method: "GET", key: ADMIN_KEY, headers: { origin: "http://localhost:3000" } });
    assert.equal(response.headers.get("access-control-allow-origin"), null);
  } finally {
    await gateway.stop();
  }
});
