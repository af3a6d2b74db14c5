// The program as a user starts it: under Bun `bun src/main.ts` and the executable, under Deno `deno run src/main.ts`. Each is a process of its
// own in front of the scripted upstream; what it promises about its start, its configuration, its streams and its end holds every way.

import assert from "node:assert/strict";
import { copyFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { after, test } from "node:test";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { CALLS } from "../../src/http/routes.ts";
import { helpText } from "../../src/cli/commands.ts";
import { ask, MODELS, SUCCESS, textOf, told, type Way as Pair } from "../support/dialects.ts";
import { PROTOCOLS } from "../support/fixtures.ts";
import { until } from "../support/gateway.ts";
import {
  build,
  BUILT,
  bunPath,
  cleanUp,
  DENO,
  denoPath,
  emptyFolder,
  filesIn,
  MAIN,
  OWN_WAYS,
  packageVersion,
  ROOT,
  start,
  type Line,
  type Running,
  type StartOptions,
  type Way,
} from "../support/program.ts";
import { SocketClient } from "../support/socket.ts";
import { startUpstream, type Answer, type Seen } from "../support/upstream.ts";
import { rawCall, requestText, type RawCall } from "../support/wire.ts";

const FACTORY_KEY = "fk-a-fake-key-of-factory";
const CLIENT_KEY = "ck-a-fake-key-of-a-client";
const CLAUDE = "claude-haiku-4-5-20251001";
const GLM = "glm-4.6";

const upstream = await startUpstream({ key: FACTORY_KEY });
const silent = await startUpstream();
await build();
after(async () => {
  cleanUp();
  await upstream.stop();
  await silent.stop();
});

const SETTINGS = { FACTORY_BASE_URL: upstream.url, FACTORY_API_KEY: FACTORY_KEY, PROXY_API_KEY: CLIENT_KEY, PORT: "0" };

/** Starts the program with settings that work, and what a test wants besides. */
function run(way: Way, options: StartOptions = {}): Running {
  return start(way, { ...options, env: { ...SETTINGS, ...options.env } });
}

function chat(
  url: string,
  { model = CLAUDE, stream = false, key = CLIENT_KEY }: { model?: string; stream?: boolean; key?: string } = {},
): RawCall {
  const body = JSON.stringify({ model, stream, messages: [{ role: "user", content: "Hello there" }] });
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json", "content-length": String(body.length) };
  return rawCall(url, requestText("POST /v1/chat/completions", headers, body));
}

/** What the upstream says in words, and waits for after the first of them. */
function held(released: Promise<void>): (request: { readonly protocol: string | null }) => Answer {
  // A Messages stream has three events before its first word, a Chat stream one.
  return ({ protocol }) => ({
    say: { text: "One two three" },
    hold: { afterEvents: protocol === "anthropic-messages" ? 4 : 2, until: released },
  });
}

function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

function eventsIn(lines: readonly Line[]): unknown[] {
  return lines.map(({ event }) => event);
}

/** Where the program will not come up: how it ended. */
async function endOf(way: Way, options: StartOptions): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await start(way, options).ended;
  return { code, stdout, stderr };
}

const PAIRS: readonly Pair[] = [
  { client: "anthropic-messages", upstream: "anthropic-messages", name: "pass" },
  { client: "openai-chat", upstream: "gemini", name: "conversion" },
];

/** Longer than either side's server waits for by itself: Bun's takes up to 12 s to close a connection that is silent for 10 s. */
const LONG_SILENCE_MS = 14_000;
/** What calls come to that are silent for so long. They begin before all tests and run beside them. */
const silences = OWN_WAYS.map(async (way) => {
  silent.script((seen) => ({
    say: { text: "One two three" },
    // A stream is silent in its middle, when its head is out; a whole answer before its head.
    hold: { afterEvents: isStreamed(seen) ? 4 : 0, until: new Promise((resolve) => setTimeout(resolve, LONG_SILENCE_MS)) },
  }));
  const program = start(way, { env: { ...SETTINGS, FACTORY_BASE_URL: silent.url, KEEP_ALIVE_INTERVAL: "0" } });
  const url = await program.url;
  const calls = PAIRS.flatMap((target) =>
    [true, false].map(async (stream) => {
      const { path, body } = ask(target.client, { model: MODELS[target.upstream], stream });
      const headers = { authorization: `Bearer ${CLIENT_KEY}` };
      const text = await (await fetch(url + path, { method: "POST", headers, body: JSON.stringify(body) })).text();
      return stream ? told(target.client, text) : { text: textOf(target.client, text), terminals: SUCCESS[target.client] };
    }),
  );
  return Promise.all(calls);
});
// The last test says it.
for (const silence of silences) silence.catch(() => {});

function isStreamed({ path, body }: Seen): boolean {
  return /[?&]alt=sse/.test(path) || body.includes('"stream":true');
}

for (const way of OWN_WAYS) {
  test(`${way.name}: says where it listens, its routes, its masked keys and the upstream, and answers streaming or not`, async () => {
    upstream.script(() => null);
    const cwd = emptyFolder();
    const program = run(way, { cwd });
    const url = await program.url;
    const { time, ...line } = program.lines()[0] ?? {};
    assert.ok(!Number.isNaN(Date.parse(String(time))));
    assert.match(String(line["runtime"]), new RegExp(`^${way.runtime}\\d`));
    assert.deepEqual(line, {
      level: "info",
      event: "listening",
      url,
      version: packageVersion(),
      runtime: line["runtime"],
      routes: CALLS.map(({ path }) => path),
      upstream: upstream.url,
      upstreamKey: "fk-a-fak…",
      proxyKeys: ["ck-a-fak…"],
    });
    const health = (await (await fetch(`${url}/health`)).json()) as Line;
    assert.deepEqual([health["status"], health["version"], health["runtime"]], ["healthy", packageVersion(), line["runtime"]]);
    assert.match(await chat(url).closed, /"content":"You said: Hello there"/);
    const streamed = await chat(url, { stream: true }).closed;
    assert.deepEqual(streamed.match(/"content":"[^"]+"/g), [
      '"content":"You "',
      '"content":"said: "',
      '"content":"Hello "',
      '"content":"there"',
    ]);
    assert.match(streamed, /data: \[DONE\]/);
    program.signal("SIGINT");
    const { code, stdout, stderr } = await program.ended;
    assert.equal(code, 0);
    assert.equal(stderr, way.hint);
    for (const secret of [FACTORY_KEY, CLIENT_KEY]) assert.ok(!stdout.includes(secret));
    assert.deepEqual(filesIn(cwd), [], "nothing is written to the working directory");
  });

  test(`${way.name}: prints its version and its help, and does not listen`, async () => {
    const [version, help] = await Promise.all([endOf(way, { arguments: ["--version"] }), endOf(way, { arguments: ["--help"] })]);
    assert.deepEqual(version, { code: 0, stdout: `${packageVersion()}\n`, stderr: "" });
    assert.deepEqual(help, { code: 0, stdout: `${helpText()}\n`, stderr: "" });
    const [byName, helpByName] = await Promise.all([endOf(way, { arguments: ["version"] }), endOf(way, { arguments: ["help"] })]);
    assert.deepEqual([byName, helpByName], [version, help]);
  });

  test(`${way.name}: names every fault of a configuration, shows no secret, and ends with 2`, async () => {
    const env = {
      PORT: "eighty",
      LOG_LEVEL: "loud",
      FACTORY_BASE_URL: "factory.example",
      FACTORY_API_KEY: "fk-canary with a space",
      PROXY_API_KEY: 'ck-canary,"quoted"',
      SHUTDOWN_TIMEOUT: "soon",
      CONFIG_PATH: "missing.json",
    };
    const { code, stdout, stderr } = await endOf(way, { env, arguments: ["--prot", "8001", "--env-file", "missing.env"] });
    assert.deepEqual({ code, stdout }, { code: 2, stdout: "" });
    assert.doesNotMatch(stderr, /canary|quoted/);
    const [first, ...faults] = stderr.trimEnd().split("\n");
    assert.equal(first, "factory-proxy can't start with this configuration:");
    const named = new Set(faults.map((fault) => /^\S+/.exec(fault)?.[0]));
    assert.deepEqual(named, new Set([...Object.keys(env), "--prot", "--env-file"]));
    assert.equal(faults.length, named.size);
    for (const fault of faults) assert.match(fault, / must | is not an option; did you mean --port\?$/);
  });

  test(`${way.name}: does not listen for others without a client key, and says what to do`, async () => {
    const env = { FACTORY_API_KEY: FACTORY_KEY, HOST: "0.0.0.0", PORT: "0" };
    const { code, stdout, stderr } = await endOf(way, { env });
    assert.deepEqual({ code, stdout }, { code: 2, stdout: "" });
    assert.match(stderr, /^HOST \("0\.0\.0\.0"\) needs a client key, .* `factory-proxy keys add NAME`, set PROXY_API_KEY/m);
    const stored = { ...env, DATABASE_URL: `sqlite:${join(emptyFolder(), "keys.db")}` };
    assert.equal((await endOf(way, { env: stored })).code, 2);
    assert.equal((await endOf(way, { env: stored, arguments: ["keys", "add", "alice"] })).code, 0);
    const keyed = start(way, { env: stored });
    await keyed.url;
    keyed.signal("SIGTERM");
    assert.equal((await keyed.ended).code, 0);
    const program = run(way, { env: { HOST: "0.0.0.0" } });
    assert.match(await program.url, /^http:\/\/0\.0\.0\.0:\d+$/);
    program.signal("SIGTERM");
    assert.equal((await program.ended).code, 0);
  });

  test(`${way.name}: shows no key that was given for an address where it can't listen`, async () => {
    const { code, stdout, stderr } = await endOf(way, { env: { ...SETTINGS, HOST: "sk-canary-0a1b2c3d4e5f" } });
    assert.deepEqual({ code, stdout }, { code: 2, stdout: "" });
    assert.match(stderr, /^factory-proxy can't listen on sk-canar…:0: HOST must be /m);
    assert.doesNotMatch(stderr, /0a1b2c3d4e5f/);
  });

  test(`${way.name}: says in one line that its port is in use, and ends with 1`, async () => {
    const first = start(way, { env: SETTINGS });
    const reason = "the port is in use. Stop the other program, or choose another port with --port or PORT.";
    // Another program's port, and that of a copy of this one, which some systems would share.
    for (const url of [upstream.url, await first.url]) {
      const { port } = new URL(url);
      const ended = await endOf(way, { env: SETTINGS, arguments: ["--port", port] });
      assert.deepEqual(ended, { code: 1, stdout: "", stderr: `${way.hint}factory-proxy can't listen on 127.0.0.1:${port}: ${reason}\n` });
    }
    first.signal("SIGTERM");
    assert.equal((await first.ended).code, 0);
  });

  test(`${way.name}: names every host that gets Factory keys, and warns of one that is not Factory's`, async () => {
    const program = start(way, { env: { ...SETTINGS, ANTHROPIC_TARGET_URL: "https://someone.example/functions/v1/messages" } });
    await program.url;
    const warned = (): unknown => program.lines().find(({ event }) => event === "foreign upstream");
    await until(() => warned() !== undefined, "the warning");
    const [first] = program.lines();
    assert.equal(first?.["upstream"], `https://someone.example, ${upstream.url}`);
    const { name, host } = warned() as Record<string, unknown>;
    assert.deepEqual([name, host], ["ANTHROPIC_TARGET_URL", "someone.example"]);
    program.signal("SIGTERM");
    assert.equal((await program.ended).code, 0);
  });

  test(`${way.name}: makes a key for the run when none is set, and prints it once`, async () => {
    upstream.script(() => null);
    const { PROXY_API_KEY: _, ...env } = SETTINGS;
    const [program, other] = [start(way, { env }), start(way, { env })];
    const keys: string[] = [];
    for (const one of [program, other]) {
      const url = await one.url;
      const printed = (): RegExpExecArray | null =>
        /^PROXY_API_KEY is not set\. The key for this run, shown once: (fp-[0-9a-f]{64})$/m.exec(one.stderr());
      await until(() => printed() !== null, "the key for this run");
      const key = printed()?.[1] ?? "";
      keys.push(key);
      assert.match(await chat(url, { key }).closed, /You said: Hello there/);
      assert.match(await chat(url, { key: CLIENT_KEY }).closed, /^HTTP\/1\.1 401 /);
      one.signal("SIGTERM");
      const { stdout, stderr } = await one.ended;
      // The log is for programs here.
      assert.deepEqual([stdout.includes(key), stderr.split(key).length], [false, 2]);
      for (const line of stdout.trimEnd().split("\n")) assert.doesNotThrow(() => void JSON.parse(line), line);
    }
    assert.notEqual(keys[0], keys[1]);
  });

  test(`${way.name}: says nothing but why where the store is refused, and ends with 2`, async () => {
    const path = join(emptyFolder(), "newer.db");
    const database = new DatabaseSync(path);
    database.exec("CREATE TABLE facts (name TEXT PRIMARY KEY, value BIGINT NOT NULL); INSERT INTO facts VALUES ('schema', 99)");
    database.close();
    const { PROXY_API_KEY: _, ...settings } = SETTINGS;
    for (const more of [{}, { HOST: "0.0.0.0" }, { WORKERS: "2" }] as const) {
      const program = start(way, { env: { ...settings, DATABASE_URL: `sqlite:${path}`, ...more } });
      const { code, stdout, stderr } = await program.ended;
      assert.deepEqual([code, stdout.split("\n").length, stderr, eventsIn(program.lines())], [2, 2, way.hint, ["store refused"]]);
    }
  });

  test(`${way.name}: reads .env in its working directory or the file it is given, and the environment wins`, async () => {
    upstream.script(() => null);
    const cwd = emptyFolder();
    // As in the checkout: Bun leaves .env to the program.
    copyFileSync(join(ROOT, "bunfig.toml"), join(cwd, "bunfig.toml"));
    const lines = Object.entries(SETTINGS).map(([name, value]) => `${name}=${value}\n`);
    writeFileSync(join(cwd, ".env"), `${lines.join("")}SYSTEM_PROMPT="From the file."\n`);
    writeFileSync(join(cwd, "other.env"), `${lines.join("")}PROXY_API_KEY=ck-from-the-other-file\n`);
    const programs = [
      { program: start(way, { cwd }), key: CLIENT_KEY, prompt: "From the file." },
      { program: start(way, { cwd, env: { SYSTEM_PROMPT: "From the environment." } }), key: CLIENT_KEY, prompt: "From the environment." },
      {
        program: start(way, { cwd, arguments: ["serve", "--env-file", "other.env"] }),
        key: "ck-from-the-other-file",
        prompt: "You are Droid, an AI software engineering agent built by Factory.",
      },
    ];
    for (const { program, key, prompt } of programs) {
      assert.match(await chat(await program.url, { model: GLM, key }).closed, /You said: Hello there/);
      const { messages } = JSON.parse(upstream.requests.at(-1)?.body ?? "{}") as { messages?: { content: string }[] };
      assert.equal(messages?.[0]?.content, prompt);
      program.signal("SIGTERM");
      assert.equal((await program.ended).code, 0);
    }
  });

  test(`${way.name}: carries 300 streams at once`, async () => {
    const { opened, open } = gate();
    upstream.script(held(opened));
    const program = run(way);
    const url = await program.url;
    const calls = Array.from({ length: 300 }, (_, index) => chat(url, { model: index % 2 === 0 ? CLAUDE : GLM, stream: true }));
    await until(() => calls.every((call) => call.text().includes('"content":"One "')), "the first word of every stream");
    await until(() => upstream.openConnections() === 300, "a connection for each");
    open();
    for (const text of await Promise.all(calls.map((call) => call.closed))) assert.match(text, /"content":"three"[^]*data: \[DONE\]/);
    program.signal("SIGTERM");
    assert.equal((await program.ended).code, 0);
  });

  test(`${way.name}: at the signal to stop it takes nothing new, ends what runs whole, then ends with 0`, async () => {
    const { opened, open } = gate();
    upstream.script(held(opened));
    const program = run(way);
    const url = await program.url;
    // A client that keeps its connection for later holds nobody up.
    const idle = rawCall(url, requestText("GET /health", { connection: "keep-alive" }));
    const calls = [chat(url, { stream: true }), chat(url, { model: GLM, stream: true })];
    await until(() => calls.every((call) => call.text().includes('"content":"One "')), "the first word");
    await until(() => idle.text().includes('"status":"healthy"'), "the answer about its health");
    program.signal("SIGTERM");
    await until(() => eventsIn(program.lines()).includes("stopping"), "the program to see the signal");
    assert.match(await chat(url).closed, /^(?:$|HTTP\/1\.1 503 )/, "no new call is taken");
    open();
    for (const call of calls) assert.match(await call.closed, /"content":"three"[^]*data: \[DONE\]/);
    assert.equal((await program.ended).code, 0);
    const answered = program.lines().filter(({ event, status }) => event !== "request" || status === 200);
    assert.deepEqual(eventsIn(answered), ["listening", "stopping", "request", "request", "stopped"]);
    idle.leave();
  });

  test(`${way.name}: takes WebSockets, lets a running response end at the signal to stop, and then closes them and ends`, async () => {
    const { opened, open } = gate();
    upstream.script(() => null);
    const program = run(way);
    const url = await program.url;
    const [idle, busy] = [
      await new SocketClient({ url }, { key: CLIENT_KEY }).opened(),
      await new SocketClient({ url }, { key: CLIENT_KEY }).opened(),
    ];
    assert.equal((await idle.ask({ model: GLM, input: "Hello there" })).at(-1)?.["type"], "response.completed");
    upstream.script(held(opened));
    busy.send({ model: GLM, input: "Hello there" });
    await busy.until((frames) => frames.some(({ type }) => type === "response.output_text.delta"), "the first word");
    program.signal("SIGTERM");
    assert.equal((await idle.untilClosed()).code, 1001);
    open();
    assert.equal((await busy.untilClosed()).code, 1001);
    assert.equal(busy.frames.at(-1)?.["type"], "response.completed");
    assert.equal((await program.ended).code, 0);
  });

  test(`${way.name}: ends at once at the second signal, and after SHUTDOWN_TIMEOUT at the latest`, async () => {
    const { opened, open } = gate();
    upstream.script(held(opened));
    const [impatient, patient] = [run(way), run(way, { env: { SHUTDOWN_TIMEOUT: "0.2" } })];
    const calls: RawCall[] = [];
    for (const program of [impatient, patient]) {
      const call = chat(await program.url, { stream: true });
      calls.push(call);
      await until(() => call.text().includes('"content":"One "'), "the first word");
      program.signal("SIGTERM");
      await until(() => eventsIn(program.lines()).includes("stopping"), "the program to see the signal");
    }
    const waiting = impatient.lines().find(({ event }) => event === "stopping");
    assert.deepEqual(
      [waiting?.["calls"], waiting?.["message"]],
      [1, "Waiting up to 30 s for 1 running call. A second signal (Ctrl-C) stops immediately."],
    );
    // Another one: the same might come too soon to count.
    impatient.signal("SIGINT");
    assert.equal((await impatient.ended).code, 1);
    assert.deepEqual(eventsIn(impatient.lines()), ["listening", "stopping", "request", "stopped at once"]);
    assert.equal((await patient.ended).code, 0);
    assert.deepEqual(eventsIn(patient.lines()), ["listening", "stopping", "request", "stopped with answers still running"]);
    for (const call of calls) assert.doesNotMatch(await call.closed, /\[DONE\]/);
    open();
  });

  test(`${way.name}: a forced stop ends each call with an error in its protocol, and a log line with the usage so far`, async () => {
    const { opened, open } = gate();
    upstream.script((seen) => (isStreamed(seen) ? held(opened)(seen) : { hang: "before-head" }));
    for (const { signals, code } of [
      { signals: ["SIGTERM", "SIGINT"], code: 1 },
      { signals: ["SIGTERM"], code: 0 },
    ] as const) {
      const program = run(way, { env: { SHUTDOWN_TIMEOUT: signals.length === 2 ? "60" : "0.2" } });
      const url = await program.url;
      const begin = (client: ProtocolId, { model, stream, id }: { model: string; stream: boolean; id: string }): RawCall => {
        const { path, body } = ask(client, { model, stream });
        const text = JSON.stringify(body);
        const headers = { authorization: `Bearer ${CLIENT_KEY}`, "x-request-id": id, "content-length": String(text.length) };
        return rawCall(url, requestText(`POST ${path}`, headers, text));
      };
      const before = upstream.requests.length;
      const calls = PROTOCOLS.map((client) => begin(client, { model: CLAUDE, stream: true, id: client }));
      const late = begin("openai-chat", { model: GLM, stream: false, id: "non-streaming" });
      await until(() => calls.every((call) => call.text().includes("One ")), "the first word of every stream");
      await until(() => upstream.requests.length === before + calls.length + 1, "all calls to be under way");
      for (const signal of signals) {
        program.signal(signal);
        await until(() => eventsIn(program.lines()).includes("stopping"), "the program to see the signal");
      }
      for (const [index, call] of calls.entries()) {
        assert.match(await call.closed, /The server stopped before the answer was complete\./, `${index}`);
      }
      assert.match(await late.closed, /^HTTP\/1\.1 503 [^]*retry-after: 5\r\n[^]*"The server stopped/i);
      assert.equal((await program.ended).code, code);
      const logged = program.lines().filter(({ event }) => event === "request");
      assert.deepEqual(
        Object.fromEntries(logged.map((line) => [line["requestId"], [line["status"], line["error"], line["inputTokens"]]])),
        {
          ...Object.fromEntries(PROTOCOLS.map((client) => [client, [200, "stopped", 12]])),
          "non-streaming": [503, "stopped", undefined],
        },
      );
    }
    open();
  });
}

async function executableAlone(): Promise<void> {
  upstream.script(() => null);
  const [home, cwd, empty] = [emptyFolder(), emptyFolder(), emptyFolder()];
  const copy = join(home, basename(BUILT.command[0] ?? ""));
  copyFileSync(BUILT.command[0] ?? "", copy);
  const program = start({ ...BUILT, command: [copy] }, { cwd, env: { ...SETTINGS, HOME: empty, TMPDIR: empty } });
  assert.match(await chat(await program.url).closed, /You said: Hello there/);
  program.signal("SIGTERM");
  assert.equal((await program.ended).code, 0);
  assert.deepEqual([filesIn(home), filesIn(cwd), filesIn(empty)], [[basename(copy)], [], []]);
}
if (OWN_WAYS.includes(BUILT)) {
  test("the executable needs nothing beside it, nothing in its environment but its settings, and writes nothing", executableAlone);
}

test("`deno serve` serves the module, which says where and does not listen a second time", async () => {
  upstream.script(() => null);
  const way = { ...DENO, command: [denoPath(), "serve", "--allow-all", "--no-check", "--port", "0", MAIN] };
  const { PROXY_API_KEY: _, ...env } = SETTINGS;
  // It looks for deno.json where it is started, not beside the module.
  const program = start(way, { env, cwd: ROOT });
  const { port } = new URL(await program.url);
  const key = (): string | undefined => /shown once: (\S+)\n/.exec(program.stderr())?.[1];
  await until(() => key() !== undefined, "the key for this run");
  assert.match(await chat(`http://127.0.0.1:${port}`, { key: key() ?? "" }).closed, /You said: Hello there/);
  await until(() => program.lines().length > 1, "the log line of the call");
  assert.deepEqual(eventsIn(program.lines()), ["listening", "request"]);
  program.signal("SIGTERM");
  assert.equal((await program.ended).stderr, `PROXY_API_KEY is not set. The key for this run, shown once: ${key()}\n`);
});

for (const [name, command] of [
  ["bun", [bunPath(), "-e"]],
  ["deno", [denoPath(), "eval", "--no-check"]],
] as const) {
  test(`${name}: a program that imports the module gets a fetch, and no server`, async () => {
    const script = `
      import entry from ${JSON.stringify(pathToFileURL(MAIN).href)};
      const response = await entry.fetch(new Request("http://gateway.test/health"));
      console.log(response.status, (await response.json()).status, Object.keys(entry).join());`;
    const ended = await start({ name, command: [...command, script], runtime: "", hint: "" }, { cwd: ROOT, env: SETTINGS }).ended;
    assert.deepEqual(ended, { code: 0, stdout: "200 healthy fetch\n", stderr: "" });
  });
}

test("silence of 14 s from both sides ends no call, whole or streamed: no limit is in force but those that are set", async () => {
  const expected = PAIRS.flatMap(({ client }) => [true, false].map(() => ({ text: "One two three", terminals: SUCCESS[client] })));
  assert.deepEqual(
    await Promise.all(silences),
    OWN_WAYS.map(() => expected),
  );
});
