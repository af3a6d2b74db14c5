// What a person gets to see only on a terminal, on every way to run: the question of `setup --write`, the link of `demo`.

import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { after, test } from "node:test";
import { until } from "../support/gateway.ts";
import { build, cleanUp, emptyFolder, OWN_WAYS, type Way } from "../support/program.ts";

const SCRIPT = "/usr/bin/script";
const CTRL_C = "\u0003";
const SETTINGS = join(".codex", "config.toml");

const shells: ChildProcess[] = [];

await build();
after(() => {
  for (const shell of shells) shell.kill("SIGKILL");
  cleanUp();
});

for (const way of OWN_WAYS) {
  test(`${way.name}: setup asks on a terminal, and writes at a yes alone`, { skip: !existsSync(SCRIPT) }, async () => {
    for (const answer of ["n", CTRL_C, "\r"]) {
      const { home, code, text } = await answered(way, answer);
      assert.deepEqual([code, existsSync(join(home, SETTINGS))], [1, false], JSON.stringify(answer));
      assert.match(text, /Nothing was written\./);
    }
    const { home, code, text } = await answered(way, "y");
    assert.equal(code, 0);
    assert.match(readFileSync(join(home, SETTINGS), "utf8"), /factory-proxy/);
    // What is noted stands behind what was printed before it, and the key behind both.
    assert.match(text, /Write these changes\?[^]*Wrote [^]*Add this line to your shell profile[^]*export FACTORY_PROXY_KEY=/);
  });

  test(`${way.name}: the demo's link on a terminal opens its dashboard`, { skip: !existsSync(SCRIPT) }, async () => {
    const { shell, text, ended } = inTerminal(way, ["demo", "--port", "0"]);
    await until(() => text().includes("Press Ctrl-C to stop."), "the demo's words");
    const [link = ""] = /http:\S+\/ui\/link\?token=\S+/.exec(text()) ?? [];
    const entered = await fetch(link, { redirect: "manual" });
    assert.deepEqual([entered.status, entered.headers.get("location")], [303, "/ui"]);
    shell.stdin?.write(CTRL_C);
    assert.equal(await ended, 0);
  });
}

async function answered(way: Way, answer: string): Promise<{ readonly home: string; readonly code: number | null; readonly text: string }> {
  const { shell, home, text, ended } = inTerminal(way, ["setup", "codex", "--write"]);
  await until(() => /Write these changes\?[^]*No/.test(text()), "the question");
  shell.stdin?.write(answer);
  return { home, code: await ended, text: text() };
}

interface Terminal {
  readonly shell: ChildProcess;
  readonly home: string;
  readonly text: () => string;
  /** Resolves to the exit code of the program. */
  readonly ended: Promise<number | null>;
}

/** Runs the program on a terminal of its own, at home in an empty folder. */
function inTerminal(way: Way, words: readonly string[]): Terminal {
  const home = emptyFolder();
  const { PATH = "", HOME = home, DENO_DIR = join(HOME, ".cache", "deno") } = process.env;
  const env = { PATH, HOME: home, DENO_DIR, SHELL: "/bin/sh", TERM: "xterm" };
  // What `script` opens has no size, and a prompt would wrap at each character.
  const command = `stty rows 40 cols 120; exec ${[...way.command, ...words].join(" ")}`;
  const shell = spawn(SCRIPT, ["-qec", command, "/dev/null"], { cwd: home, env, stdio: ["pipe", "pipe", "inherit"] });
  shells.push(shell);
  let text = "";
  shell.stdout?.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  const ended = new Promise<number | null>((resolve) => shell.once("close", resolve));
  return { shell, home, text: () => text, ended };
}
