// The dashboard of a server that runs, opened by the command, on each runtime.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { build, BUN, cleanUp, emptyFolder, OWN_WAYS, start, type Ended } from "../support/program.ts";

await build();
after(cleanUp);

const ADMIN_KEY = "an-admin-key-of-the-tests";

for (const way of OWN_WAYS) {
  test(`${way.name}: the link of the command signs in, the configuration is shown without secrets, and read again`, async () => {
    const cwd = emptyFolder();
    const envFile = join(cwd, ".env");
    writeFileSync(envFile, `RETRIES=1\nADMIN_KEY=${ADMIN_KEY}\n`);
    const env = {
      FACTORY_API_KEY: "fk-a-fake-key-of-factory",
      PROXY_API_KEY: "ops=ck-a-fake-key-of-ops",
      DATABASE_URL: "sqlite:",
      DATA_DIR: cwd,
      FACTORY_BASE_URL: "http://127.0.0.1:9/",
    };
    const server = start(way, { env: { ...env, PORT: "0" }, cwd });
    const url = await server.url;
    const command = (...words: readonly string[]): Promise<Ended> =>
      start(way, { env, cwd, arguments: ["ui", "--url", url, ...words] }).ended;
    const printed = await command("--print");
    assert.deepEqual([printed.code, printed.stdout.startsWith(`${url}/ui/link?token=`)], [0, true]);
    const link = printed.stdout.trim();
    const entered = await fetch(link, { redirect: "manual" });
    assert.deepEqual([entered.status, entered.headers.get("location")], [303, "/ui"]);
    assert.equal((await fetch(link, { redirect: "manual" })).status, 401);
    const cookie = entered.headers.get("set-cookie")?.split(";")[0] ?? "";
    const page = await fetch(`${url}/ui`, { headers: { cookie } });
    assert.equal(page.status, 200);
    assert.match(await page.text(), /<html/);
    const ask = async (method: string, path: string): Promise<Record<string, unknown>> => {
      const response = await fetch(`${url}/api/admin${path}`, { method, headers: { authorization: `Bearer ${ADMIN_KEY}` } });
      return (await response.json()) as Record<string, unknown>;
    };
    const { settings } = (await ask("GET", "/health")) as { readonly settings: readonly Record<string, unknown>[] };
    const shown = (name: string): unknown[] => {
      const setting = settings.find((one) => one["name"] === name);
      return [setting?.["value"], setting?.["source"]];
    };
    assert.deepEqual(["RETRIES", "PORT", "MAX_CALLS", "FACTORY_API_KEY", "PROXY_API_KEY", "ADMIN_KEY", "DATABASE_URL"].map(shown), [
      ["1", "file"],
      ["0", "environment"],
      ["5000", "default"],
      ["fk-a-fak…", "environment"],
      ["ops=ck-a-fak…", "environment"],
      ["…", "file"],
      ["sqlite:", "environment"],
    ]);
    writeFileSync(envFile, `RETRIES=3\nADMIN_KEY=${ADMIN_KEY}\n`);
    const reloaded = await ask("POST", "/reload");
    // Whoever looks at the file may have been quicker.
    assert.deepEqual([reloaded["needRestart"], reloaded["fault"]], [[], null]);
    writeFileSync(envFile, `RETRIES=many\nADMIN_KEY=${ADMIN_KEY}\n`);
    assert.match(String((await ask("POST", "/reload"))["fault"]), /RETRIES/);
    const { checks } = (await ask("POST", "/doctor")) as { readonly checks: readonly { readonly id: string }[] };
    assert.ok(checks.some(({ id }) => id === "configuration.valid"));
    server.signal("SIGTERM");
    const { stdout, stderr } = await server.ended;
    for (const secret of [new URL(link).searchParams.get("token") ?? "", ADMIN_KEY, cookie.slice(cookie.indexOf("=") + 1), "/ui/link"]) {
      assert.ok(!stdout.includes(secret) && !stderr.includes(secret), "a secret is in the log");
    }
  });
}

test("the command says what keeps it from opening anything", async () => {
  const cwd = emptyFolder();
  const outcome = async (env: Record<string, string>, ...words: readonly string[]): Promise<string> => {
    const { code, stderr } = await start(BUN, { env: { FACTORY_API_KEY: "fk-1234", ...env }, cwd, arguments: ["ui", ...words] }).ended;
    return `${code} ${stderr.trim()}`;
  };
  assert.equal(await outcome({ UI: "off" }), "1 The dashboard is off (UI=off).");
  assert.equal(await outcome({ PORT: "0" }), "2 PORT is 0, so the server's port is not known. Pass its address with --url <url>.");
  assert.match(await outcome({}, "--url", "http://127.0.0.1:1"), /^1 No server answers at http:\/\/127\.0\.0\.1:1\./);
});
