// Commands in the folder of somebody's project: what its `.env` decides, and what it does not, on every way to run.

import assert from "node:assert/strict";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { readConfig, type Config } from "../../src/config/config.ts";
import { isOwnEnvFile } from "../../src/config/source.ts";
import { CommandError, type EnvHere } from "../../src/cli/command.ts";
import { checkCollectorHost, checkGatewayHost, checkKeyHosts } from "../../src/cli/folder-trust.ts";
import { Redactor } from "../../src/telemetry/redaction.ts";
import { FACTORY_KEY } from "../support/gateway.ts";
import { build, bunPath, cleanUp, emptyFolder, OWN_WAYS, start, type Ended, type Way } from "../support/program.ts";
import { startUpstream, type ScriptedUpstream } from "../support/upstream.ts";

const FAKE = fileURLToPath(new URL("fake-agent.ts", import.meta.url));
const IS_WINDOWS = process.platform === "win32";
const PATIENT = { timeout: 120_000 };
/** Nobody listens there. */
const NOWHERE = "http://127.0.0.1:1";

let upstream: ScriptedUpstream;
let programs: string;

before(async () => {
  await build();
  upstream = await startUpstream({ key: FACTORY_KEY });
  programs = emptyFolder();
  const path = join(programs, IS_WINDOWS ? "claude.cmd" : "claude");
  writeFileSync(path, IS_WINDOWS ? `@"${bunPath()}" "${FAKE}" %*\r\n` : `#!/bin/sh\nexec "${bunPath()}" --no-env-file "${FAKE}" "$@"\n`);
  chmodSync(path, 0o755);
});
after(async () => {
  cleanUp();
  await upstream.stop();
});

/** The address that the agent, which looks for one, does not take for the gateway's. */
function upstreamUrl(): string {
  return upstream.url.replace("127.0.0.1", "localhost");
}

function project(files: Readonly<Record<string, string>>): string {
  const folder = emptyFolder();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

interface Place {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

function ended(way: Way, words: readonly string[], { cwd, env }: Place): Promise<Ended> {
  const home = process.env["HOME"];
  const cache = home === undefined ? {} : { DENO_DIR: process.env["DENO_DIR"] ?? join(home, ".cache/deno") };
  const PATH = [programs, process.env["PATH"] ?? ""].join(delimiter);
  const own = emptyFolder();
  return start(way, { cwd, arguments: words, env: { PATH, HOME: own, USERPROFILE: own, ...cache, PORT: "0", FAKE_CALL: "1", ...env } })
    .ended;
}

for (const way of OWN_WAYS) {
  test(`${way.name}: another program's .env is left alone, which is said where it sets what this one reads`, PATIENT, async () => {
    const lines = [
      "PORT=3000",
      "DATABASE_URL=postgres://app:$WORD@127.0.0.1:1/app",
      "LOG_LEVEL=trace",
      "ONE=1",
      "WORD=pw",
      "no line of ours",
    ];
    const local = [`FACTORY_BASE_URL=${NOWHERE}`, `HTTP_PROXY=${NOWHERE}$NOTHING`, "TWO=2", "KEPT=$KEPT"];
    const cwd = project({ ".env": lines.join("\n"), ".env.local": local.join("\n") });
    const env = { FACTORY_API_KEY: FACTORY_KEY, FACTORY_BASE_URL: upstreamUrl(), KEPT: "mine" };
    const calls = upstream.requests.length;
    const { code, stdout, stderr } = await ended(way, ["launch", "claude"], { cwd, env });
    assert.equal(code, 0, stderr);
    const { environment } = JSON.parse(stdout) as { readonly environment: Readonly<Record<string, string>> };
    const names = ["PORT", "ONE", "TWO", "WORD", "LOG_LEVEL", "HTTP_PROXY"];
    assert.deepEqual(
      names.map((name) => environment[name]),
      ["0", ...names.slice(1).map(() => undefined)],
    );
    assert.equal(environment["KEPT"], "mine");
    assert.equal(upstream.requests.length - calls, 1);
    assert.match(stderr, /[\\/]\.env sets PORT, DATABASE_URL, LOG_LEVEL, but was not read: /m);
  });

  test(`${way.name}: this program's own .env is read, and no key of the environment goes to a host that it names`, PATIENT, async () => {
    const cwd = project({
      ".env": `FACTORY_API_KEY=${FACTORY_KEY}\nFACTORY_BASE_URL=${upstreamUrl()}\n`,
    });
    const calls = upstream.requests.length;
    assert.equal((await ended(way, ["launch", "claude"], { cwd, env: {} })).code, 0);
    assert.equal(upstream.requests.length - calls, 1);

    const cloned = project({ ".env": `PROXY_API_KEY=a-client-key\nFACTORY_BASE_URL=${upstreamUrl()}\n` });
    const place = { cwd: cloned, env: { FACTORY_API_KEY: FACTORY_KEY } };
    for (const words of [["launch", "claude"], ["quota"]]) {
      const { code, stdout, stderr } = await ended(way, words, place);
      assert.deepEqual([code, stdout], [1, ""]);
      assert.match(
        stderr,
        /would send the Factory key of your environment to http:\/\/localhost:\d+, which is not Factory's\. .* --env-file \S+\.env$/m,
      );
    }
    // The doctor reads any file, but sends no key either.
    const others = project({ ".env": `FACTORY_BASE_URL=${upstreamUrl()}\n` });
    const { stdout } = await ended(way, ["doctor", "--live", "--json"], { ...place, cwd: others });
    const { checks } = JSON.parse(stdout) as {
      readonly checks: readonly { readonly id: string; readonly state: string; readonly why: string }[];
    };
    const unasked = checks.filter(({ id }) => id === "models.live" || id === "quota.plan");
    assert.deepEqual(
      unasked.map(({ id, state }) => [id, state]),
      [
        ["models.live", "skip"],
        ["quota.plan", "skip"],
      ],
    );
    for (const { why } of unasked) assert.match(why, /would send the Factory key of your environment to http:\/\/localhost:\d+/);
    assert.deepEqual(
      upstream.requests.slice(calls + 1).filter(({ headers }) => JSON.stringify(headers).includes(FACTORY_KEY)),
      [],
    );
    const reporting = project({ ".env": `PROXY_API_KEY=a-client-key\nOTEL_EXPORTER_OTLP_ENDPOINT=${NOWHERE}\n` });
    const env = { ...place.env, FACTORY_BASE_URL: upstreamUrl(), OTEL_EXPORTER_OTLP_HEADERS: "authorization=secret" };
    const refused = await ended(way, ["launch", "claude"], { cwd: reporting, env });
    assert.deepEqual([refused.code, refused.stdout], [1, ""]);
    assert.match(refused.stderr, /would send the OTEL_EXPORTER_OTLP_HEADERS of your environment to http:\/\/127\.0\.0\.1:1\. /);
    const seen = upstream.requests.length;
    assert.equal((await ended(way, ["launch", "claude", "--env-file", ".env"], place)).code, 0);
    assert.equal(upstream.requests.length - seen, 1);
  });

  test(`${way.name}: a folder named .env, as Python's environments often are, is nothing to read`, async () => {
    const cwd = emptyFolder();
    mkdirSync(join(cwd, ".env"));
    const { code, stderr } = await ended(way, ["models"], { cwd, env: {} });
    assert.deepEqual([code, stderr], [0, ""]);
  });
}

test("a .env is this program's by a key that it names", () => {
  const own = [
    "FACTORY_API_KEY=fk-1",
    "A=1\n  export FACTORY_AI_TOKEN = fk",
    "FACTORY_API_KEYS=",
    "A=1\r\nPROXY_API_KEY=x",
    "FACTORY_API_KEY fk-1",
  ];
  const others = [
    "",
    "PORT=1\nFACTORY_BASE_URL=http://a",
    "# FACTORY_API_KEY=fk",
    "MY_PROXY_API_KEY=x",
    "PROXY_API_KEY_FILE=x",
    "A=FACTORY_API_KEY",
  ];
  assert.deepEqual([own.map(isOwnEnvFile), others.map(isOwnEnvFile)], [own.map(() => true), others.map(() => false)]);
});

type Said = Readonly<Record<string, string>>;

/** What a command finds where the environment and a `.env` say so; `model.json` is a file of models. */
function found(environment: Said, file: Said, isNamed = false): { config: () => Config; envHere: () => EnvHere | null } {
  const text = Object.entries(file)
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");
  const models = '{"models": [{"id": "m", "protocol": "openai-chat", "target": "https://elsewhere.example/v1"}]}';
  const read = (envText: string): Config =>
    readConfig({ environment, arguments: [], file: (path) => (path === ".env" ? envText : models), redactor: new Redactor([]) });
  return { config: () => read(text), envHere: () => (isNamed ? null : { path: "/project/.env", text, without: read("") }) };
}

test("a key of the environment goes to no host that only the .env names, by whatever variable, and to every other", () => {
  const ELSEWHERE = "https://elsewhere.example";
  const exported = { FACTORY_API_KEY: "fk-exported" };
  const inFile = { FACTORY_API_KEY: "fk-in-the-file" };
  const bases = [
    "FACTORY_BASE_URL",
    "ANTHROPIC_TARGET_URL",
    "OPENAI_TARGET_URL",
    "CHAT_TARGET_URL",
    "GEMINI_TARGET_URL",
    "BEDROCK_TARGET_URL",
  ];
  const files: Said[] = [...bases.map((name) => ({ [name]: ELSEWHERE })), { CONFIG_PATH: "models.json" }];
  const refused = CommandError.failed(
    "/project/.env would send the Factory key of your environment to https://elsewhere.example, which is not Factory's. Nothing was sent. If you trust that file, add --env-file /project/.env",
  );
  for (const file of files) {
    assert.throws(() => checkKeyHosts(found(exported, file)), refused);
    assert.throws(() => checkKeyHosts(found({ FACTORY_API_KEYS: "fk-other" }, { ...inFile, ...file })), refused);
    assert.throws(() => checkKeyHosts(found({ UPSTREAM_HEADERS: '{"x-token": "secret"}' }, { ...inFile, ...file })), refused);
    checkKeyHosts(found(exported, file, true));
    checkKeyHosts(found({}, { ...inFile, ...file }));
    checkKeyHosts(found({ ...exported, ...file }, file));
  }
  checkKeyHosts(found(exported, { FACTORY_BASE_URL: "https://api.eu.factory.ai" }));
  assert.throws(() => checkKeyHosts(found(exported, { FACTORY_BASE_URL: "http://api.factory.ai" })), CommandError);
});

test("headers for a collector that the environment holds go to no collector that only the .env names", () => {
  const collector = { OTEL_EXPORTER_OTLP_ENDPOINT: "https://collector.example:4318" };
  const headers = { OTEL_EXPORTER_OTLP_HEADERS: "authorization=Basic%20c2VjcmV0" };
  const refused = CommandError.failed(
    "/project/.env would send the OTEL_EXPORTER_OTLP_HEADERS of your environment to https://collector.example:4318. Nothing was sent. If you trust that file, add --env-file /project/.env",
  );
  assert.throws(() => checkCollectorHost(found(headers, collector)), refused);
  checkCollectorHost(found(headers, collector, true));
  checkCollectorHost(found({ ...headers, ...collector }, collector));
  checkCollectorHost(found({}, { ...headers, ...collector }));
  checkCollectorHost(found({}, collector));
  checkCollectorHost(found(headers, {}));
});

test("a .env sends no agent to another machine", async () => {
  const refused = CommandError.failed(
    "/project/.env names a server on another machine, gateway.example. Nothing was sent there. If you trust that file, add --env-file /project/.env",
  );
  await assert.rejects(checkGatewayHost(found({}, { HOST: "gateway.example" })), refused);
  await checkGatewayHost(found({}, { HOST: "gateway.example" }, true));
  await checkGatewayHost(found({ HOST: "gateway.example" }, { HOST: "gateway.example" }));
  for (const HOST of ["127.0.0.1", "::1", "localhost", "0.0.0.0"]) await checkGatewayHost(found({}, { HOST }));
});
