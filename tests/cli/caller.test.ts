// Where a command works that a script runner started, and what the paths mean that were typed: npm, Deno and Bun each say it in another way.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import process from "node:process";
import { after, test } from "node:test";
import { callerEnvironment, callerOf, typedPath, type CallerStart } from "../../src/cli/caller.ts";
import { readSettings } from "../../src/config/source.ts";
import { Redactor } from "../../src/telemetry/redaction.ts";
import { bunPath, cleanUp, DENO, emptyFolder, MAIN, ROOT, start, type Ended, type Way } from "../support/program.ts";

const PATIENT = { timeout: 120_000 };
const root = realpathSync(ROOT);
const isBun = process.versions["bun"] !== undefined;
const hasNpm = process.platform !== "win32" && spawnSync("npm", ["--version"]).status === 0;

after(cleanUp);

function startedBy(agent: string, env: CallerStart["env"] = {}, cwd = root): CallerStart {
  const packageFile = agent.startsWith("deno") ? {} : { npm_package_json: join(root, "package.json"), npm_lifecycle_event: "start" };
  const runner = { npm_config_user_agent: agent, npm_config_prefix: root, PWD: root, HOME: "/home/ann", ...packageFile, ...env };
  return { argv: ["/usr/bin/bun", MAIN], env: runner, cwd: () => cwd };
}

const INIT_CWD = process.platform === "win32" ? "C:\\ann\\project" : "/home/ann/project";

test("npm and Deno say where they were called, and Bun does not", () => {
  const folderOf = (asked: CallerStart): unknown => callerOf(asked)?.folder;
  assert.equal(folderOf(startedBy("npm/11.19.1 node/v20.20.2", { INIT_CWD })), INIT_CWD);
  assert.equal(folderOf(startedBy("pnpm/10.1.0 npm/? node/v20.20.2", { INIT_CWD })), INIT_CWD);
  assert.equal(folderOf(startedBy("deno/2.9.6 npm/?", { INIT_CWD })), INIT_CWD);
  assert.equal(folderOf(startedBy("bun/1.4.5 npm/?")), null);
  // It is npm's further out, in whose script `bun run` was called.
  assert.equal(folderOf(startedBy("bun/1.4.5 npm/?", { INIT_CWD })), null);
  assert.equal(folderOf(startedBy("npm/11.19.1", { INIT_CWD: "relative" })), null);
});

test("what another script runner has left is not believed, and an executable believes none", () => {
  const npm = "npm/11.19.1 node/v20.20.2";
  const others: CallerStart[] = [
    { ...startedBy(npm, { INIT_CWD }), argv: ["bun", "/$bunfs/root/factory-proxy"] },
    startedBy(npm, { INIT_CWD, npm_package_json: join(emptyFolder(), "package.json") }),
    startedBy(npm, { INIT_CWD }, emptyFolder()),
    startedBy("deno/2.9.6", { INIT_CWD, npm_lifecycle_event: "start" }),
    { ...startedBy(npm), env: { INIT_CWD } },
  ];
  assert.deepEqual(
    others.map(callerOf),
    others.map(() => null),
  );
  assert.deepEqual(
    others.map((asked) => typedPath("a.env", asked)),
    others.map(() => "a.env"),
  );
});

test("an agent gets the environment of whoever typed it, without what npm says of this package", () => {
  assert.deepEqual(callerEnvironment(startedBy("npm/11.19.1", { INIT_CWD })), { PWD: INIT_CWD, HOME: "/home/ann" });
  const own = { argv: ["bun", "/$bunfs/root/factory-proxy"], env: { INIT_CWD, npm_config_prefix: "/opt" }, cwd: () => root };
  assert.deepEqual(callerEnvironment(own), own.env);
});

test("paths of the command line are the caller's, and those of a file or the environment are relative to where the server runs", () => {
  const read: string[] = [];
  const { settings } = readSettings({
    environment: { DATA_DIR: "data" },
    arguments: ["--env-file", "some.env", "--config=models.json"],
    typedPath: (path) => `/called/here/${path}`,
    file: (path) => (read.push(path), "DATABASE_URL=sqlite:keys.db\n"),
    redactor: new Redactor([]),
  });
  assert.deepEqual(read, ["/called/here/some.env"]);
  const values = (["CONFIG_PATH", "DATA_DIR", "DATABASE_URL"] as const).map((name) => settings.given(name));
  assert.deepEqual(values, ["/called/here/models.json", "data", "sqlite:keys.db"]);
});

/** A fake Claude Code that writes where it works to a file beside itself. */
function agentIn(folder: string): string {
  const path = join(folder, "claude");
  writeFileSync(path, '#!/bin/sh\nprintf "%s\\n" "$PWD" "$(pwd -P)" "$INIT_CWD" "$npm_config_prefix" > "$0.said"\n');
  chmodSync(path, 0o755);
  return `${path}.said`;
}

interface Typed {
  readonly words: readonly string[];
  readonly cwd: string;
  readonly programs: string;
}

function typed(words: readonly string[], { cwd, programs }: Omit<Typed, "words">): Promise<Ended> {
  const [command = "", ...rest] = words;
  const path = [programs, dirname(bunPath()), process.env["PATH"] ?? ""].join(delimiter);
  // A script of somebody else's, in which all of this may be typed.
  const env = { PATH: path, HOME: emptyFolder(), INIT_CWD: "/stale", FACTORY_API_KEY: "fk-a-key", PORT: "0" };
  const way: Way = { name: command, command: [command, ...rest], runtime: "", hint: "" };
  return start(way, { cwd, env }).ended;
}

test("an agent that npm's script launches works where npm was called", { ...PATIENT, skip: !isBun || !hasNpm }, async () => {
  const programs = emptyFolder();
  const said = agentIn(programs);
  const cwd = realpathSync(emptyFolder());
  mkdirSync(join(cwd, "below"));
  writeFileSync(join(cwd, "below", "my.env"), "PROXY_API_KEY=a-key-of-mine\n");
  const words = ["npm", "--prefix", root, "run", "-s", "start", "--", "launch", "claude", "--env-file", "below/my.env"];
  const { code, stderr } = await typed(words, { cwd, programs });
  assert.equal(code, 0, stderr);
  assert.deepEqual(readFileSync(said, "utf8").split("\n"), [cwd, cwd, "", "", ""]);
});

test("Bun's script launches no agent, which would work in the source, and says what does", { ...PATIENT, skip: !isBun }, async () => {
  const programs = emptyFolder();
  const said = agentIn(programs);
  const cwd = realpathSync(emptyFolder());
  const { code, stderr } = await typed([bunPath(), "run", "--silent", "--cwd", root, "start", "launch", "claude"], { cwd, programs });
  assert.equal(code, 1);
  const command = `bun ${join(root, "src", "main.ts")} launch claude`;
  assert.match(stderr, /^bun run always starts in .*, so Claude Code would work there\. /);
  assert.ok(stderr.includes(`run: ${command}\n`), stderr);
  assert.equal(existsSync(said), false);
  const direct = await typed([bunPath(), ...command.split(" ").slice(1)], { cwd, programs });
  assert.equal(direct.code, 0, direct.stderr);
  assert.deepEqual(readFileSync(said, "utf8").split("\n").slice(0, 2), [cwd, cwd]);
});

test("a path that is typed behind `deno task` is relative to where that was called", { ...PATIENT, skip: isBun }, async () => {
  const called = emptyFolder();
  writeFileSync(join(called, "my.env"), "LOG_LEVEL=wrong\n");
  // What `deno task` sets. Itself it can't run where npm has installed Deno, whose program it takes for a script.
  const env = { INIT_CWD: called, npm_config_user_agent: "deno/2.9.6 npm/? deno/2.9.6 linux x86_64" };
  const { code, stderr } = await start(DENO, { cwd: root, env, arguments: ["models", "--env-file", "my.env"] }).ended;
  assert.deepEqual([code, stderr.split("\n").slice(0, 1)], [2, ["The configuration is wrong:"]]);
});
