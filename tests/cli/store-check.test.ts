// Commands beside a server that reads another store, the same one, or none: what they say, and that they leave nothing behind.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { after, test } from "node:test";
import { until } from "../support/gateway.ts";
import { BUN, cleanUp, DENO, emptyFolder, start, type Ended } from "../support/program.ts";

const WAY = process.versions["deno"] === undefined ? BUN : DENO;
/** Busy machines start processes slowly. */
const PATIENT = { timeout: 240_000 };
const FACTORY_KEY = "FACTORY_API_KEY=fk-a-fake-key-of-factory\n";
const ADVICE = "Run this command again with --env-file PATH, where PATH is that server's .env.\n";

after(cleanUp);

const BECAUSE = `because its key store is not the one that DATABASE_URL or DATA_DIR points to here. ${ADVICE}`;
const refusal = (url: string): string => `Warning: the server at ${url} refuses this key, ${BECAUSE}`;

/** A person's home, and what they type in a folder of their own. */
class Desk {
  readonly #env: Readonly<Record<string, string>>;

  constructor(port: string) {
    const home = emptyFolder();
    const cache = process.env["DENO_DIR"] ?? join(process.env["HOME"] ?? "", ".cache", "deno");
    const data = join(home, "data");
    this.#env = {
      HOME: home,
      USERPROFILE: home,
      XDG_DATA_HOME: data,
      LOCALAPPDATA: data,
      DENO_DIR: cache,
      DATABASE_URL: "sqlite:",
      PORT: port,
    };
  }

  /** Where no server's port is known. */
  store(line: string): Promise<Ended> {
    return this.run(line, { PORT: "0" });
  }

  async run(line: string, env: Readonly<Record<string, string>> = {}): Promise<Ended> {
    const ended = await start(WAY, { env: { ...this.#env, ...env }, arguments: line.split(" ") }).ended;
    return { ...ended, stderr: ended.stderr.replace(WAY.hint, "") };
  }
}

interface Served {
  readonly url: string;
  readonly port: string;
  readonly envFile: string;
}

/** A server whose store is in its own folder, as the `.env` there says. */
async function served(lines: string): Promise<Served> {
  const cwd = emptyFolder();
  const envFile = join(cwd, ".env");
  writeFileSync(envFile, `DATA_DIR=${cwd}\nFACTORY_BASE_URL=http://127.0.0.1:9/\nPROXY_API_KEY=ops=ck-a-fake-key-of-ops\n${lines}`);
  const url = await start(WAY, { env: { DATABASE_URL: "sqlite:", PORT: "0" }, cwd }).url;
  return { url, port: new URL(url).port, envFile };
}

test("whatever hands out a key says that the running server reads another store", PATIENT, async () => {
  const { url, port } = await served(FACTORY_KEY);
  const desk = new Desk(port);
  await desk.store("keys add carol");
  const setUp = async (): Promise<readonly [Ended, Ended]> => {
    const words = "setup claude --write --yes";
    return [await desk.run(words), await desk.run(words)];
  };
  const [added, json, link, rotated, ui, [setup, again]] = await Promise.all([
    desk.run("keys add erin"),
    desk.run("keys add dave --json"),
    desk.run("keys link carol --for claude"),
    desk.run("keys rotate carol"),
    desk.run("ui --print"),
    setUp(),
  ]);
  assert.deepEqual([added.code, added.stderr], [0, `The key for erin, shown only once:\n${refusal(url)}`]);
  assert.match(added.stdout, /^fp-[0-9A-Za-z]{32}\n$/);
  assert.deepEqual([json.code, json.stderr, (JSON.parse(json.stdout) as Record<string, unknown>)["name"]], [0, refusal(url), "dave"]);
  assert.deepEqual([link.code, link.stderr], [0, refusal(url)]);
  assert.deepEqual(
    [rotated.code, rotated.stderr],
    [0, `The key for carol, shown only once:\nThe old key no longer works.\n${refusal(url)}`],
  );
  assert.deepEqual([ui.code, ui.stdout, ui.stderr], [1, "", `The server at ${url} would refuse the sign-in link, ${BECAUSE}`]);
  assert.deepEqual([setup.code, setup.stderr.split("\n").slice(1).join("\n")], [0, refusal(url)]);
  assert.deepEqual([again.code, again.stdout, again.stderr], [0, "Claude Code is already set up. Nothing to write.\n", refusal(url)]);
  const names = (JSON.parse((await desk.store("keys list --json")).stdout) as { readonly name: string }[]).map(({ name }) => name);
  assert.deepEqual(names.map((name) => name.replace(/^setup.*/, "setup")).sort(), ["carol", "dave", "erin", "setup"]);
});

test("with the server's .env, as the warning says, its keys and its link work and nothing is said", PATIENT, async () => {
  const { url, port, envFile } = await served(FACTORY_KEY);
  const desk = new Desk(port);
  const added = await desk.run(`keys add carol --env-file ${envFile}`);
  assert.deepEqual([added.code, added.stderr], [0, "The key for carol, shown only once:\n"]);
  const asked = await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${added.stdout.trim()}` } });
  await asked.body?.cancel();
  assert.equal(asked.status, 200);
  const ui = await desk.run(`ui --print --env-file ${envFile}`);
  assert.deepEqual([ui.code, ui.stderr], [0, ""]);
  assert.equal((await fetch(ui.stdout.trim(), { redirect: "manual" })).status, 303);
  const setup = await desk.run(`setup claude --write --yes --env-file ${envFile}`);
  assert.deepEqual([setup.code, /^Made the key setup\S*\. [^\n]+\n$/.test(setup.stderr)], [0, true], setup.stderr);
});

test(`a server without a Factory key, which refuses a client key alone, is not said to read another store`, PATIENT, async () => {
  const { url, port, envFile } = await served("");
  const desk = new Desk(port);
  const { keys } = (await (await fetch(url)).json()) as { readonly keys: readonly string[] };
  assert.deepEqual(keys, ["client", "factory"]);
  const { code, stderr } = await desk.run(`keys add carol --env-file ${envFile}`);
  assert.deepEqual([code, stderr], [0, "The key for carol, shown only once:\n"]);
});

test("a demo is said to be one", PATIENT, async () => {
  const demo = start(WAY, { arguments: ["demo", "--port", "0"] });
  await until(() => demo.stdout().includes("Press Ctrl-C to stop."), "the demo's words");
  const [url = ""] = /http:\/\/[\d.]+:\d+/.exec(demo.stdout()) ?? [];
  const { code, stderr } = await new Desk(new URL(url).port).run("keys add carol");
  const warning = `Warning: the server at ${url} is a demo, so it refuses this key. Its own key is demo-key.\n`;
  assert.deepEqual([code, stderr], [0, `The key for carol, shown only once:\n${warning}`]);
});

test("setup says that no server answers yet, unless it is another machine's", PATIENT, async () => {
  const desk = new Desk("1");
  const silence = "No server answers at http://127.0.0.1:1 yet. Start one with factory-proxy serve.\n";
  const here = await desk.run("setup claude --write --yes");
  assert.deepEqual([here.code, here.stderr.split("\n").slice(1).join("\n")], [0, silence]);
  const there = await desk.run("setup claude --write --yes --url https://llm.example.org");
  assert.deepEqual([there.code, there.stderr], [0, ""]);
  assert.equal((await desk.run("keys add carol")).stderr, "The key for carol, shown only once:\n");
});
