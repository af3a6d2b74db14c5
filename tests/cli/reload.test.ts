// A server that runs takes over a changed configuration, on every way to run: at SIGHUP, and when `.env` or the model file changes.

import assert from "node:assert/strict";
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { MODELS, textOf, told } from "../support/dialects.ts";
import { until } from "../support/gateway.ts";
import { build, cleanUp, emptyFolder, OWN_WAYS, start, type Line, type Running, type Way } from "../support/program.ts";
import { SocketClient } from "../support/socket.ts";
import { startUpstream } from "../support/upstream.ts";

const STREAMS = 10;
const FIRST_KEY = "fk-the-first-fake-key";
const SECOND_KEY = "fk-the-second-fake-key";
const ALICE = "ck-a-fake-key-of-alice";
const BOB = "ck-a-fake-key-of-bob";
const RELOADED = "configuration reloaded";
const NOT_RELOADED = "configuration not reloaded";

const upstream = await startUpstream();
await build();
after(async () => {
  cleanUp();
  await upstream.stop();
});

const SETTINGS = {
  FACTORY_BASE_URL: upstream.url,
  FACTORY_API_KEY: FIRST_KEY,
  PROXY_API_KEY: `alice=${ALICE},bob=${BOB}`,
  PORT: "0",
  DATABASE_URL: "memory:",
  QUOTA_INTERVAL: "0",
};

/** A server with an `.env` of its own, and nothing in its environment. */
class Server {
  readonly folder = emptyFolder();
  readonly program: Running;
  url = "";

  constructor(way: Way, settings: Readonly<Record<string, string>> = SETTINGS) {
    this.write(settings);
    this.program = start(way, { cwd: this.folder });
  }

  async listening(): Promise<this> {
    this.url = await this.program.url;
    return this;
  }

  /** As editors do it: another file is renamed over it. */
  write(settings: Readonly<Record<string, string>>): void {
    this.put(
      ".env",
      Object.entries(settings)
        .map(
          ([name, value]) => `${name}=${value}
`,
        )
        .join(""),
    );
  }

  put(name: string, text: string): void {
    writeFileSync(join(this.folder, `${name}.new`), text);
    renameSync(join(this.folder, `${name}.new`), join(this.folder, name));
  }

  /** What the log said of reloading, without its time. */
  reloads(): Line[] {
    const lines = this.program.lines().filter(({ event }) => event === RELOADED || event === NOT_RELOADED);
    return lines.map((line) => Object.fromEntries(Object.entries(line).filter(([name]) => name !== "time" && name !== "level")));
  }

  /** What it said next. */
  async reloaded(count: number): Promise<Line> {
    await until(() => this.reloads().length >= count, `reload ${count}: ${this.program.stdout()}${this.program.stderr()}`);
    assert.equal(this.reloads().length, count);
    return this.reloads().at(-1) ?? {};
  }

  chat(key: string, more: object = {}): Promise<Response> {
    const body = { model: MODELS["openai-chat"], messages: [{ role: "user", content: "Hello there" }], ...more };
    return fetch(`${this.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  }

  async statusOf(key: string, more: object = {}): Promise<number> {
    const response = await this.chat(key, more);
    await response.text();
    return response.status;
  }

  async end(): Promise<void> {
    this.program.signal("SIGTERM");
    const { code, stdout, stderr } = await this.program.ended;
    assert.equal(code, 0);
    for (const secret of [FIRST_KEY, SECOND_KEY, ALICE, BOB]) assert.ok(!(stdout + stderr).includes(secret));
  }
}

for (const way of OWN_WAYS) {
  test(`${way.name}: ten streams run on while a key and the Factory key are taken away, and new calls get the new ones`, async () => {
    const server = await new Server(way).listening();
    const socket = await new SocketClient(server, { key: ALICE }).opened();
    let release = (): void => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    upstream.script(() => ({ say: { text: "One two three" }, hold: { afterEvents: 2, until: released } }));
    const from = upstream.requests.length;
    const running = await Promise.all(Array.from({ length: STREAMS }, () => server.chat(ALICE, { stream: true })));
    await until(() => upstream.requests.length === from + STREAMS, "the streams");
    server.write({ ...SETTINGS, FACTORY_API_KEY: SECOND_KEY, PROXY_API_KEY: `bob=${BOB}`, MAX_CALLS: String(STREAMS), PORT: "1" });
    assert.deepEqual(await server.reloaded(1), {
      event: RELOADED,
      file: ".env",
      changed: "FACTORY_API_KEY, PROXY_API_KEY, MAX_CALLS",
      needRestart: "PORT",
    });
    assert.equal(await server.statusOf(ALICE), 401);
    const [frame] = await socket.ask({ model: MODELS["openai-chat"], input: "Hello there" });
    assert.deepEqual([frame?.["type"], frame?.["status"]], ["error", 401]);
    // The running ones count against the new limit.
    assert.equal(await server.statusOf(BOB), 503);
    release();
    for (const response of running) {
      const { text, terminals } = told("openai-chat", await response.text());
      assert.deepEqual([response.status, text, terminals.at(-1)], [200, "One two three", "[DONE]"]);
    }
    upstream.script([]);
    assert.equal(await server.statusOf(BOB), 200);
    const keys = upstream.requests.slice(from).map(({ headers }) => headers["authorization"]);
    assert.deepEqual(keys, [...Array.from({ length: STREAMS }, () => `Bearer ${FIRST_KEY}`), `Bearer ${SECOND_KEY}`]);
    await server.end();
  });

  test(`${way.name}: a faulty file changes nothing and is named, as is one that is gone, and the next good one counts`, async () => {
    const server = await new Server(way).listening();
    server.write({ ...SETTINGS, PROXY_API_KEY: BOB, RETRIES: "many", PORT: "none" });
    const faulty = await server.reloaded(1);
    assert.deepEqual([faulty["event"], faulty["file"]], [NOT_RELOADED, ".env"]);
    assert.match(String(faulty["faults"]), /^PORT .*\nRETRIES \("many"\) must be /);
    rmSync(join(server.folder, ".env"));
    assert.match(String((await server.reloaded(2))["faults"]), /^The environment file \("\.env"\) is empty or missing\. /);
    assert.equal(await server.statusOf(ALICE), 200);
    server.write({ ...SETTINGS, CONFIG_PATH: "models.json" });
    assert.equal((await server.reloaded(3))["faults"], 'CONFIG_PATH ("models.json") must be an existing file.');
    server.put("models.json", '{"models": [{"id": "my-glm", "protocol": "openai-chat"}]}');
    // Nobody said that it counts.
    server.program.signal("SIGHUP");
    assert.deepEqual(await server.reloaded(4), { event: RELOADED, signal: "SIGHUP", changed: "CONFIG_PATH", needRestart: null });
    assert.equal(await server.statusOf(ALICE, { model: "my-glm" }), 200);
    server.put("models.json", '{"models": [{"id": "my-gml", "protocol": "openai-chat"}]}');
    assert.deepEqual(await server.reloaded(5), { event: RELOADED, file: "models.json", changed: "CONFIG_PATH", needRestart: null });
    assert.equal(await server.statusOf(ALICE, { model: "my-glm" }), 404);
    server.put("models.json", '{"models": [');
    assert.deepEqual([(await server.reloaded(6))["event"], await server.statusOf(ALICE, { model: "my-gml" })], [NOT_RELOADED, 200]);
    await server.end();
  });

  test(`${way.name}: SIGHUP without a change says so, prompt and log level count at once, and a misspelled name is warned of`, async () => {
    const server = await new Server(way).listening();
    server.program.signal("SIGHUP");
    assert.deepEqual(await server.reloaded(1), { event: RELOADED, signal: "SIGHUP", changed: null, needRestart: null });
    server.write({ ...SETTINGS, SYSTEM_PROMPT: "Be brief.", LOG_LEVEL: "debug", MAX_CALS: "3" });
    assert.deepEqual((await server.reloaded(2))["changed"], "SYSTEM_PROMPT, LOG_LEVEL");
    await until(() => server.program.lines().some(({ meant }) => meant === "MAX_CALLS"), "the warning");
    const response = await server.chat(ALICE);
    assert.equal(textOf("openai-chat", await response.text()), "You said: Hello there");
    assert.match(upstream.requests.at(-1)?.body ?? "", /"Be brief\."/);
    await until(() => server.program.lines().some(({ event }) => event === "client body"), "a line of debugging");
    await server.end();
  });

  test(`${way.name}: without PROXY_API_KEY a key is made for the run, which a reload keeps and a configured key ends`, async () => {
    const { PROXY_API_KEY: key, ...rest } = SETTINGS;
    const server = await new Server(way, rest).listening();
    const shown = (): string[] => [...server.program.stderr().matchAll(/shown once: (\S+)/g)].map(([, made = ""]) => made);
    await until(() => shown().length === 1, "the key");
    const [made = ""] = shown();
    server.write({ ...rest, RETRIES: "0" });
    await server.reloaded(1);
    assert.deepEqual([await server.statusOf(made), shown().length], [200, 1]);
    server.write({ ...rest, PROXY_API_KEY: key });
    await server.reloaded(2);
    assert.deepEqual([await server.statusOf(made), await server.statusOf(ALICE)], [401, 200]);
    await server.end();
  });

  test(`${way.name}: one that other machines reach does not give up its last client key`, async () => {
    const open = { ...SETTINGS, HOST: "0.0.0.0" };
    const server = await new Server(way, open).listening();
    server.write({ ...open, PROXY_API_KEY: "" });
    const refused = await server.reloaded(1);
    assert.deepEqual(
      [refused["event"], String(refused["faults"]).startsWith('HOST ("0.0.0.0") needs a client key, ')],
      [NOT_RELOADED, true],
    );
    assert.equal(await server.statusOf(ALICE), 200);
    await server.end();
  });
}
