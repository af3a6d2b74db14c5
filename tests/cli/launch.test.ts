// launch, with a fake agent in the place of each real one: what it is given, what it is not, and what is left when it has ended.

import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { delimiter, dirname, join } from "node:path";
import process from "node:process";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Agent } from "../../src/cli/agents/agent.ts";
import { AGENTS } from "../../src/cli/agents/agents.ts";
import { environmentFor } from "../../src/cli/launch-environment.ts";
import { findProgram } from "../../src/cli/programs.ts";
import { FACTORY_KEY, until } from "../support/gateway.ts";
import { BUN, bunPath, cleanUp, DENO, emptyFolder, start, type Ended, type Running } from "../support/program.ts";
import { startUpstream, type ScriptedUpstream } from "../support/upstream.ts";

interface Given {
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, string>>;
}

const WAY = process.versions["deno"] === undefined ? BUN : DENO;
const FAKE = fileURLToPath(new URL("fake-agent.ts", import.meta.url));
const KEY = /fp-[0-9A-Za-z]{32}/g;
const IS_WINDOWS = process.platform === "win32";
/** Busy machines start processes slowly. */
const PATIENT = { timeout: 120_000 };
const SECRETS = {
  FACTORY_API_KEY: FACTORY_KEY,
  FACTORY_API_KEYS: "fk-second-key-of-the-tests",
  FACTORY_AI_TOKEN: "fk-third-key-of-the-tests",
  PROXY_API_KEY: "client-key-of-somebody-else",
  UPSTREAM_HEADERS: '{"x-secret": "value-of-a-secret-header"}',
};
/** What a person may have set for an agent, in files that no launch may touch. */
const HOME_FILES: Readonly<Record<string, string>> = {
  ".claude/settings.json": '{"env": {"ANTHROPIC_BASE_URL": "https://elsewhere.example"}} // mine\n',
  ".codex/config.toml": '# mine\nmodel = "gpt-5"\n',
  ".gemini/settings.json": '{"security": {"auth": {"selectedType": "oauth-personal"}}, "ui": {"theme": "Dracula"}}\n',
  ".qwen/settings.json": "{}\n",
  ".factory/settings.json": '{"customModels": []}\n',
  ".pi/agent/models.json": '{"providers": {}}\n',
  ".cline/data/settings/providers.json": '{"version": 1}\n',
  ".config/opencode/opencode.json": '{"theme": "mine"}\n',
};

let upstream: ScriptedUpstream;
let programs: string;

before(async () => {
  upstream = await startUpstream({ key: FACTORY_KEY });
  programs = emptyFolder();
  for (const { program } of AGENTS) writeProgram(program);
});
after(async () => {
  cleanUp();
  await upstream.stop();
});

function writeProgram(name: string): void {
  const path = join(programs, IS_WINDOWS ? `${name}.cmd` : name);
  writeFileSync(path, IS_WINDOWS ? `@"${bunPath()}" "${FAKE}" %*\r\n` : `#!/bin/sh\nexec "${bunPath()}" "${FAKE}" "$@"\n`);
  chmodSync(path, 0o755);
}

function newHome(): string {
  const home = emptyFolder();
  for (const [path, text] of Object.entries(HOME_FILES)) {
    mkdirSync(dirname(join(home, path)), { recursive: true });
    writeFileSync(join(home, path), text);
  }
  return home;
}

/** Every file of a folder with its text, but for the runtimes' own. */
function tree(folder: string): Record<string, string> {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replaceAll("\\", "/"),
    )
    .filter((path) => !/^\.(?:bun|cache|deno)\//.test(path));
  return Object.fromEntries(paths.map((path) => [path, readFileSync(join(folder, path), "utf8")]));
}

interface LaunchOptions {
  readonly home?: string;
  readonly env?: Readonly<Record<string, string>>;
}

function launched(words: readonly string[], { home = newHome(), env = {} }: LaunchOptions = {}): Running {
  const temporary = emptyFolder();
  // What is in no environment can't be mistaken for this server's address.
  const envFile = join(temporary, "upstream.env");
  writeFileSync(envFile, `FACTORY_BASE_URL=${upstream.url}\n`);
  return start(WAY, {
    arguments: ["launch", ...words.slice(0, 1), "--env-file", envFile, ...words.slice(1)],
    env: {
      PATH: [programs, process.env["PATH"] ?? ""].join(delimiter),
      HOME: home,
      USERPROFILE: home,
      TMPDIR: temporary,
      ...(process.env["HOME"] === undefined ? {} : { DENO_DIR: process.env["DENO_DIR"] ?? join(process.env["HOME"], ".cache/deno") }),
      PORT: "0",
      ...SECRETS,
      ...env,
    },
  });
}

async function givenTo(words: readonly string[], options: LaunchOptions = {}): Promise<{ readonly given: Given; readonly ended: Ended }> {
  const ended = await launched(words, options).ended;
  assert.match(ended.stdout, /^\{.*\}\n$/, ended.stderr);
  return { given: JSON.parse(ended.stdout) as Given, ended };
}

describe("every agent", () => {
  for (const agent of AGENTS) {
    test(`${agent.title} gets the server's address and a key of its own, and nothing else that is secret`, PATIENT, async () => {
      const home = newHome();
      const env = { FAKE_CALL: "1", FAKE_EXIT: "7", ...Object.fromEntries(agent.foreignVariables.map((name) => [name, "elsewhere"])) };
      const { given, ended } = await givenTo([agent.id, "--", "--own-option", "two words"], { home, env });
      assert.equal(ended.code, 7);
      assert.deepEqual(given.words.slice(-2), ["--own-option", "two words"]);
      const [words, all] = [JSON.stringify(given.words), JSON.stringify(given)];
      assert.equal(KEY.test(words), false, "other users of the machine can read a command line");
      assert.equal(new Set(all.match(KEY)).size, 1);
      assert.equal(new Set(all.match(/http:\/\/127\.0\.0\.1:\d+/g)).size, 1);
      for (const secret of Object.values(SECRETS)) assert.equal(all.includes(secret), false, secret);
      for (const name of agent.foreignVariables) assert.notEqual(given.environment[name], "elsewhere", name);
      assert.deepEqual(tree(home), HOME_FILES);
      const model = agent.defaultModel === null ? "" : ` on ${agent.defaultModel}`;
      const [first = "", ...others] = ended.stderr.replace(WAY.hint, "").trim().split("\n");
      assert.match(
        first,
        new RegExp(`^${agent.title}${model}, through its own server at http://127\\.0\\.0\\.1:\\d+, using the key launch-${agent.id}-`),
      );
      assert.match(
        others.at(-1) ?? "",
        /^launch-\w+-\w{8}: 1 call, \d+ tokens in and \d+ out, \d+% of the input from the cache, \d+ credits, <?\$/,
      );
    });
  }
});

test("the folder of a run is gone when the agent has ended", PATIENT, async () => {
  const { given } = await givenTo(["cline", "--model", "gpt-5.5"]);
  const path = given.environment["CLINE_PROVIDER_SETTINGS_PATH"] ?? "";
  assert.match(path, /factory-proxy-launch-/);
  assert.match(given.files["providers.json"] ?? "", /"provider": "openai-native"/);
  assert.throws(() => readFileSync(path));
});

test("a model is taken by any of its names, and one that is misspelled or unknown is told", PATIENT, async () => {
  const { given } = await givenTo(["claude", "--model", "sonnet"]);
  assert.equal(given.environment["ANTHROPIC_MODEL"], "claude-sonnet-5");
  const wrong = await launched(["claude", "--model", "claud-sonnet-5"]).ended;
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /Did you mean "claude-sonnet-5"/);
});

test("Gemini CLI runs in its user's own home where that signs in by key", PATIENT, async () => {
  const home = newHome();
  const { given, ended } = await givenTo(["gemini"], { home });
  assert.match(given.environment["GEMINI_CLI_HOME"] ?? "", /factory-proxy-launch-/);
  assert.deepEqual(JSON.parse(given.files[".gemini/settings.json"] ?? ""), {
    security: { auth: { selectedType: "gemini-api-key" } },
    ui: { theme: "Dracula" },
  });
  assert.match(ended.stderr, /this run uses a copy of its settings\.json/);
  writeFileSync(join(home, ".gemini/settings.json"), '{"security": {"auth": {"selectedType": "gemini-api-key"}}}');
  assert.equal((await givenTo(["gemini"], { home })).given.environment["GEMINI_CLI_HOME"], undefined);
});

test(
  "without an agent, with one that does not exist or is not installed, or without a Factory key, a sentence says what to do",
  PATIENT,
  async () => {
    const none = await launched([]).ended;
    assert.deepEqual([none.code, none.stderr.startsWith("Missing AGENT.")], [2, true]);
    const misspelled = await launched(["clade"]).ended;
    assert.deepEqual([misspelled.code, /Did you mean "claude"\?/.test(misspelled.stderr)], [2, true]);
    const behind = await launched(["claude", "-p", "hello"]).ended;
    assert.deepEqual([behind.code, /Put ARGUMENTS after --\./.test(behind.stderr)], [2, true]);
    const missing = await launched(["claude"], { env: { PATH: dirname(WAY.command[0] ?? "") } }).ended;
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /Claude Code is not installed\. Install it: npm install --global @anthropic-ai\/claude-code/);
    const keyless = { FACTORY_API_KEY: "", FACTORY_API_KEYS: "", FACTORY_AI_TOKEN: "" };
    const unknown = await launched(["claude"], { env: keyless }).ended;
    assert.equal(unknown.code, 1);
    assert.match(unknown.stderr, /^Can't start a server because FACTORY_API_KEY is not set\. Set it to /m);
    const missed = await launched(["claude"], { env: { ...keyless, PORT: "1" } }).ended;
    assert.equal(missed.code, 1);
    assert.match(
      missed.stderr,
      /^No server is running at http:\/\/127\.0\.0\.1:1, and launch can't start one because FACTORY_API_KEY is not set\. Set it to /m,
    );
  },
);

test("where there is no .env, whoever has set no Factory key is told how to name one", PATIENT, async () => {
  const cwd = realpathSync(emptyFolder());
  const env = { PATH: [programs, process.env["PATH"] ?? ""].join(delimiter) };
  const said = async (...words: readonly string[]): Promise<string> => (await start(WAY, { arguments: words, cwd, env }).ended).stderr;
  const unset = /FACTORY_API_KEY is not set\. Set it to /;
  const hint = `. There is no .env in ${cwd}; --env-file PATH reads another.`;
  for (const command of [["quota"], ["launch", "claude"]]) {
    const stderr = await said(...command);
    assert.match(stderr, unset);
    assert.ok(stderr.includes(hint), stderr);
    writeFileSync(join(cwd, "my.env"), "PORT=1\n");
    const named = await said(...command, "--env-file", "my.env");
    assert.match(named, unset);
    assert.ok(!named.includes("There is no .env"), named);
  }
  writeFileSync(join(cwd, ".env"), "PORT=1\n");
  const there = await said("quota");
  assert.match(there, unset);
  assert.ok(!there.includes("There is no .env"), there);
});

test(
  "signals reach the agent, and its exit code is that of launch, also where a signal ended it",
  { ...PATIENT, skip: IS_WINDOWS },
  async () => {
    const waiting = launched(["claude"], { env: { FAKE_WAIT: "1" } });
    while (waiting.stdout() === "") await new Promise((resolve) => setTimeout(resolve, 20));
    waiting.signal("SIGTERM");
    assert.equal((await waiting.ended).code, 9);
    assert.equal((await launched(["claude"], { env: { FAKE_KILL: "1" } }).ended).code, 137);
  },
);

test("a gateway that runs is used, with a key of the store that is taken back, or for a key with its limits", PATIENT, async () => {
  const home = newHome();
  const env = { DATABASE_URL: "sqlite:", DATA_DIR: emptyFolder() };
  const server = start(WAY, { env: { ...env, PORT: "0", FACTORY_BASE_URL: upstream.url, FACTORY_API_KEY: FACTORY_KEY } });
  const { port } = new URL(await server.url);
  const own = await givenTo(["claude"], { home, env: { ...env, PORT: port, FAKE_CALL: "1" } });
  assert.equal(own.given.environment["ANTHROPIC_BASE_URL"], `http://127.0.0.1:${port}`);
  assert.match(own.ended.stderr, /through the server at .*\nlaunch-claude-\w{8}: 1 call, /);
  const list = async (): Promise<Record<string, unknown>[]> =>
    JSON.parse((await start(WAY, { arguments: ["keys", "list", "--json"], env }).ended).stdout) as Record<string, unknown>[];
  assert.deepEqual(await list(), []);

  await start(WAY, { arguments: ["keys", "add", "alice", "--budget", "5usd/day"], env }).ended;
  const lent = await givenTo(["codex", "--key", "alice", "--json"], { home, env: { ...env, PORT: port, FAKE_CALL: "1" } });
  const usage = JSON.parse(lent.ended.stderr.replace(WAY.hint, "")) as Record<string, unknown>;
  assert.deepEqual([usage["agent"], usage["key"], usage["calls"], usage["exitCode"]], ["codex", "alice", 1, 0]);
  const [key = ""] = JSON.stringify(lent.given).match(KEY) ?? [];
  let status = 200;
  for (let tries = 0; status === 200 && tries < 100; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    status = (await fetch(`http://127.0.0.1:${port}/v1/models`, { headers: { authorization: `Bearer ${key}` } })).status;
  }
  assert.equal(status, 401);
  assert.equal((await launched(["codex", "--key", "bob"], { env: { ...env, PORT: port } }).ended).code, 1);
  server.signal("SIGTERM");
  await server.ended;
});

test("a gateway that knows nothing of this store is left alone, and said to be", PATIENT, async () => {
  const server = start(WAY, { env: { PORT: "0", FACTORY_BASE_URL: upstream.url, FACTORY_API_KEY: FACTORY_KEY } });
  const { port } = new URL(await server.url);
  const { ended } = await givenTo(["claude"], { env: { PORT: port } });
  const cant = `Can't use the server at http://127.0.0.1:${port}: `;
  assert.ok(ended.stderr.includes(`${cant}DATABASE_URL is memory:, so launch can't make a key for it.\n`), ended.stderr);
  assert.match(ended.stderr, /through its own server/);
  const other = await givenTo(["claude"], { env: { PORT: port, DATABASE_URL: "sqlite:", DATA_DIR: emptyFolder() } });
  const why =
    "its key store is not the one that DATABASE_URL or DATA_DIR points to here. " +
    "Run this command again with --env-file PATH, where PATH is that server's .env.";
  assert.ok(other.ended.stderr.includes(`${cant}${why}\n`), other.ended.stderr);
  server.signal("SIGTERM");
  await server.ended;
});

test("a demo that runs is used with its own key, and said to be one; for a key of the store it is not", PATIENT, async () => {
  const demo = start(WAY, { arguments: ["demo", "--port", "0"] });
  await until(() => demo.stdout().includes("Press Ctrl-C to stop."), "the demo's words");
  const [url = ""] = /http:\/\/[\d.]+:\d+/.exec(demo.stdout()) ?? [];
  const { port } = new URL(url);
  assert.ok(demo.stdout().includes(`\n  PORT=${port} factory-proxy launch claude --model glm-5.2\n`), demo.stdout());
  const { given, ended } = await givenTo(["claude"], { env: { PORT: port, FAKE_CALL: "1" } });
  const { ANTHROPIC_BASE_URL, ANTHROPIC_AUTH_TOKEN, FAKE_ANSWER = "" } = given.environment;
  assert.deepEqual([ANTHROPIC_BASE_URL, ANTHROPIC_AUTH_TOKEN], [url, "demo-key"]);
  assert.match(FAKE_ANSWER, /"content":"You said: Hello\."/);
  assert.equal(
    ended.stderr.replace(WAY.hint, ""),
    `Claude Code, through the demo at ${url}, using the key demo-key.\nAnswers come from a script that echoes each question, not from a model.\n`,
  );
  // What launch has to know of a gateway it asks without a key, which would be a warning there.
  assert.doesNotMatch(demo.stderr(), /warning| 401 /);
  const env = { PORT: port, DATABASE_URL: "sqlite:", DATA_DIR: emptyFolder() };
  await start(WAY, { arguments: ["keys", "add", "alice"], env }).ended;
  const named = await givenTo(["claude", "--key", "alice"], { env });
  assert.match(named.ended.stderr, /^Can't use the server at .+: it is a demo and has no key named alice\.\n.*through its own server/);
  demo.signal("SIGTERM");
  await demo.ended;
});

test("another program on the port, whose answers never end, is passed by", PATIENT, async () => {
  const endless = createServer((socket) => {
    socket.on("error", () => {}).write("HTTP/1.1 200 OK\r\n\r\n");
    const writing = setInterval(() => socket.write("a".repeat(1000)), 20);
    socket.on("close", () => clearInterval(writing));
  });
  await new Promise<void>((resolve) => endless.listen(0, "127.0.0.1", resolve));
  const address = endless.address();
  const port = typeof address === "object" && address !== null ? String(address.port) : assert.fail();
  const { ended } = await givenTo(["claude"], { env: { PORT: port } });
  assert.match(ended.stderr, /^Claude Code, through its own server at /m);
  const health = await start(WAY, { arguments: ["health", "--url", `http://127.0.0.1:${port}`] }).ended;
  assert.deepEqual([health.code, health.stderr.includes("No server answers at")], [1, true]);
  endless.close();
});

const SILENT: Pick<Agent, "foreignVariables"> = { foreignVariables: ["OPENAI_BASE_URL"] };

test("an agent's environment passes a proxy by for this machine, and takes no notice of case on Windows", () => {
  const base = { Path: "/bin", HTTPS_PROXY: "http://proxy:3128", NO_PROXY: "example.org", factory_api_key: "fk-1", OpenAI_Base_Url: "x" };
  assert.deepEqual(environmentFor(SILENT, { base, added: { PATH: "/new" }, platform: "win32" }), {
    HTTPS_PROXY: "http://proxy:3128",
    NO_PROXY: "example.org,127.0.0.1,localhost",
    no_proxy: "example.org,127.0.0.1,localhost",
    PATH: "/new",
  });
  assert.deepEqual(environmentFor(SILENT, { base: { FACTORY_API_KEY: "fk-1", A: "1" }, added: {}, platform: "linux" }), { A: "1" });
});

test("a program is found as a shell would find it", { skip: IS_WINDOWS }, () => {
  const folder = emptyFolder();
  writeFileSync(join(folder, "agent"), "");
  const environment = { PATH: `relative:${folder}` };
  assert.equal(findProgram("agent", { environment, platform: "linux" }), null);
  chmodSync(join(folder, "agent"), 0o755);
  assert.equal(findProgram("agent", { environment, platform: "linux" }), join(folder, "agent"));
  assert.equal(findProgram("agent", { environment: {}, platform: "linux" }), null);
});
