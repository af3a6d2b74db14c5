// A server that runs, and commands beside it that change its keys, on every way to run.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { until } from "../support/gateway.ts";
import { build, cleanUp, emptyFolder, OWN_WAYS, packageVersion, start, type Ended } from "../support/program.ts";

/** On a busy machine; what a server waits for before it looks at its store again is tested in access/stores. */
const OBEYED_MS = 30_000;

await build();
after(cleanUp);

for (const way of OWN_WAYS) {
  test(`${way.name}: a running server obeys the keys commands, and calls its callers by name`, async () => {
    const cwd = emptyFolder();
    const env = {
      FACTORY_API_KEY: "fk-a-fake-key-of-factory",
      PROXY_API_KEY: "ops=ck-a-fake-key",
      PORT: "0",
      DATABASE_URL: "sqlite:",
      DATA_DIR: cwd,
    };
    const command = (...words: readonly string[]): Promise<Ended> => start(way, { env, cwd, arguments: ["keys", ...words] }).ended;
    const server = start(way, { env, cwd });
    const url = await server.url;
    const statusOf = async (key: string): Promise<number> => {
      const response = await fetch(`${url}/v1/models`, { headers: { "x-api-key": key } });
      await response.body?.cancel();
      return response.status;
    };
    const obeyed = async (key: string, status: number): Promise<void> => {
      const sinceMs = performance.now();
      while ((await statusOf(key)) !== status) {
        assert.ok(performance.now() - sinceMs < OBEYED_MS, `${status} did not come`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    const made = await command("add", "alice");
    assert.deepEqual([made.code, made.stderr], [0, "The key for alice, shown only once:\n"]);
    const key = made.stdout.trim();
    assert.equal(await statusOf(key), 200);
    assert.equal((await command("off", "alice")).stdout, "alice is off.\n");
    await obeyed(key, 401);
    await command("on", "alice");
    await obeyed(key, 200);
    const fresh = (await command("rotate", "alice")).stdout.trim();
    await obeyed(fresh, 200);
    assert.equal(await statusOf(key), 401);
    const headers = { "x-api-key": fresh, "content-type": "application/json" };
    await fetch(`${url}/explain/v1/messages`, {
      method: "POST",
      headers,
      body: '{"model":"claude-sonnet-5","max_tokens":1,"messages":[{"role":"user","content":"Hello"}]}',
    });
    await until(() => server.lines().some(({ caller }) => caller === "alice"), "the name of the caller in the log");
    await command("rm", "alice");
    await obeyed(fresh, 401);
    assert.equal(await statusOf("ck-a-fake-key"), 200);
    server.signal("SIGTERM");
    const { stdout, stderr } = await server.ended;
    for (const secret of [key, fresh, "ck-a-fake-key"]) assert.ok(!(stdout + stderr).includes(secret));
  });

  test(`${way.name}: a mistake on the command line is named, and ends it with 2`, async () => {
    const said = async (...words: readonly string[]): Promise<unknown> => {
      const { code, stdout, stderr } = await start(way, { arguments: words }).ended;
      return [code, stdout, stderr];
    };
    assert.deepEqual(await said("help", "setings"), [
      2,
      "",
      'Unknown command "setings". Did you mean "settings"? Run `factory-proxy help` for a list.\n',
    ]);
    const port = 'The configuration is wrong:\n--port ("abc") must be a whole number from 0 to 65535.\n';
    assert.deepEqual(await said("demo", "--port", "abc"), [2, "", port]);
    assert.deepEqual(await said("version", "--bogus"), [2, "", "Unknown option --bogus. See factory-proxy version --help.\n"]);
    assert.deepEqual(await said("kyes"), [2, "", 'Unknown command "kyes". Did you mean "keys"? Run `factory-proxy help` for a list.\n']);
    assert.deepEqual(await said("frob"), [2, "", 'Unknown command "frob". Run `factory-proxy help` for a list.\n']);
    assert.deepEqual(await said("fp-5f0c3a52"), [2, "", "Unknown command. Run `factory-proxy help` for a list.\n"]);
    assert.deepEqual(await said("keys", "frob"), [2, "", 'Unknown command "keys frob". Run `factory-proxy keys --help` for a list.\n']);
    assert.deepEqual(await said("keys", "lsit"), [
      2,
      "",
      'Unknown command "keys lsit". Did you mean "keys list"? Run `factory-proxy keys --help` for a list.\n',
    ]);
    const first = "Put the command before its options: factory-proxy keys.\n";
    assert.deepEqual(await said("--json", "keys", "list"), [2, "", first]);
    assert.deepEqual(await said("--help", "keys"), await said("keys", "--help"));
    const [code, stdout] = (await said("version", "--json")) as [number, string];
    assert.deepEqual([code, (JSON.parse(stdout) as { readonly version: string }).version], [0, packageVersion()]);
  });
}
