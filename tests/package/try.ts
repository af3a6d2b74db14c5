// `bun run package:test`: installs the packages of `bun run package` from a registry of its own on this machine, as a stranger would, and runs
// them. Needs Node, npm and network for Verdaccio, and takes a few minutes; so it is no part of `bun run test`. Never touches npm's own settings.

import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import packageJson from "../../package.json" with { type: "json" };

const NPM_PACKAGES = fileURLToPath(new URL("../../dist/npm", import.meta.url));
const VERDACCIO = { private: true, dependencies: { verdaccio: "6.8.0" }, overrides: { "node-fetch": "2.7.0" } };
const LONGEST_WAIT_MS = 30_000;
/** Every npm of Windows is a script. */
const shell = process.platform === "win32";

if (!existsSync(join(NPM_PACKAGES, "factory-proxy"))) throw new Error("There are no packages yet: bun run package --host");
const folder = mkdtempSync(join(tmpdir(), "factory-proxy-package-"));
const children: ChildProcess[] = [];
try {
  await tryAll();
} finally {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}

async function tryAll(): Promise<void> {
  const environment = await startRegistry();
  for (const name of readdirSync(NPM_PACKAGES))
    npm(["publish", "--access", "public", join(NPM_PACKAGES, name)], { environment, name: "." });
  say("published");

  const installed = { environment, name: "installed" };
  npm(["install", "factory-proxy"], installed);
  const npx = spawnSync("npx", ["factory-proxy", "--version"], {
    cwd: join(folder, "installed"),
    env: environment,
    shell,
    encoding: "utf8",
  });
  assert.deepEqual([npx.status, npx.stdout], [0, `${packageJson.version}\n`]);
  say("npx factory-proxy --version");

  const launcher = join(folder, "installed", "node_modules", "factory-proxy", "launcher.cjs");
  const demo = spawn("node", [launcher, "demo", "--port", "0"], { cwd: folder, env: environment, stdio: ["ignore", "pipe", "inherit"] });
  children.push(demo);
  const url = await printed(demo, /http:\/\/[\d.]+:\d+/);
  const response = await fetch(`${url}/v1/messages`, {
    method: "POST",
    headers: { "x-api-key": "demo-key", "content-type": "application/json" },
    body: JSON.stringify({ model: "glm-5.2", max_tokens: 100, messages: [{ role: "user", content: "Hello" }] }),
  });
  assert.deepEqual(((await response.json()) as { content: unknown }).content, [{ type: "text", text: "You said: Hello" }]);
  say("a call is served");

  const ended = new Promise((resolve) => demo.once("exit", (code, signal) => resolve({ code, signal })));
  demo.kill("SIGTERM");
  assert.deepEqual(await ended, process.platform === "win32" ? { code: null, signal: "SIGTERM" } : { code: 0, signal: null });
  await assert.rejects(fetch(url));
  say("SIGTERM to the launcher ends the server in order");

  npm(["install", "--omit=optional", "factory-proxy"], { environment, name: "omitted" });
  const bare = spawnSync("node", [join(folder, "omitted", "node_modules", "factory-proxy", "launcher.cjs")], { encoding: "utf8" });
  assert.equal(bare.status, 1);
  assert.match(bare.stderr, /^The package factory-proxy-\S+, which holds the program, is not installed\. .*--omit=optional.*\n$/);
  say("--omit=optional is told");
}

/** An environment in which npm uses the registry. */
async function startRegistry(): Promise<NodeJS.ProcessEnv> {
  const home = join(folder, "registry");
  mkdirSync(home);
  writeFileSync(join(home, "package.json"), JSON.stringify(VERDACCIO));
  npm(["install", "--ignore-scripts"], { environment: process.env, name: "registry" });
  const rules = [
    "storage: ./storage",
    "max_body_size: 500mb",
    "packages: { '**': { access: $all, publish: $all } }",
    "log: { type: stdout, level: warn }",
  ];
  writeFileSync(join(home, "config.yaml"), `${rules.join("\n")}\n`);
  const port = 20_000 + (process.pid % 10_000);
  const script = join(home, "node_modules", "verdaccio", "bin", "verdaccio");
  children.push(
    spawn("node", [script, "--config", join(home, "config.yaml"), "--listen", `127.0.0.1:${port}`], { cwd: home, stdio: "inherit" }),
  );
  const url = `http://127.0.0.1:${port}/`;
  const endMs = Date.now() + LONGEST_WAIT_MS;
  while (!(await fetch(`${url}-/ping`).catch(() => null))?.ok) {
    if (Date.now() > endMs) throw new Error("The registry does not answer.");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const settings = join(folder, "npmrc");
  // npm publishes only with some token.
  writeFileSync(settings, `registry=${url}\n//127.0.0.1:${port}/:_authToken=nobody\naudit=false\nfund=false\n`);
  return { ...process.env, npm_config_userconfig: settings, npm_config_cache: join(folder, "cache"), npm_config_registry: url };
}

function npm(words: readonly string[], { environment, name }: { readonly environment: NodeJS.ProcessEnv; readonly name: string }): void {
  const cwd = join(folder, name);
  mkdirSync(cwd, { recursive: true });
  execFileSync("npm", [...words, "--loglevel=error"], { cwd, env: environment, shell, stdio: ["ignore", "ignore", "inherit"] });
}

function printed(child: ChildProcess, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    child.stdout?.setEncoding("utf8").on("data", (more: string) => {
      text += more;
      const [found] = pattern.exec(text) ?? [];
      if (found !== undefined) resolve(found);
    });
    child.once("exit", () => reject(new Error(`It ended: ${text}`)));
  });
}

function say(what: string): void {
  process.stdout.write(`ok: ${what}\n`);
}
