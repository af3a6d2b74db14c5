// One signal that arrives twice, as Ctrl-C does under `bun run`, and two that a person has sent.

import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import process from "node:process";
import { after, test } from "node:test";
import { once } from "../../src/cli/signals.ts";
import { CLIENT_KEY, FACTORY_KEY, until } from "../support/gateway.ts";
import { bunPath, cleanUp, emptyFolder, ROOT } from "../support/program.ts";
import { startUpstream } from "../support/upstream.ts";

const SCRIPT = "/usr/bin/script";
const CTRL_C = "\u0003";
const isBun = process.versions["bun"] !== undefined;
const shells: ChildProcess[] = [];

after(() => {
  for (const shell of shells) shell.kill("SIGKILL");
  cleanUp();
});

test("the same signal within half a second is one, and a later or another one is a second", () => {
  const told: string[] = [];
  let atMs = 1000;
  const stop = once(
    (signal) => told.push(`${signal} ${atMs}`),
    () => atMs,
  );
  for (const [ms, signal] of [
    [1000, "SIGINT"],
    [1000, "SIGINT"],
    [1499, "SIGINT"],
    [1500, "SIGINT"],
    [1501, "SIGINT"],
    [1502, "SIGTERM"],
    [1503, "SIGTERM"],
    [1504, "SIGINT"],
  ] as const) {
    atMs = ms;
    stop(signal);
  }
  assert.deepEqual(told, ["SIGINT 1000", "SIGINT 1500", "SIGTERM 1502", "SIGINT 1504"]);
});

for (const script of ["start", "dev"]) {
  test(
    `one Ctrl-C under \`bun run ${script}\` cuts off nothing and ends with 0`,
    { skip: !isBun || !existsSync(SCRIPT), timeout: 120_000 },
    async () => {
      const upstream = await startUpstream({ key: FACTORY_KEY });
      try {
        let open = (): void => {};
        const opened = new Promise<void>((resolve) => (open = resolve));
        upstream.script(() => ({ say: { text: "One two three" }, hold: { afterEvents: 2, until: opened } }));
        const server = inTerminal(script, upstream.url);
        await until(() => /"url":"http:[^"]+"/.test(server.text()), "the server to listen");
        const [, url = ""] = /"url":"(http:[^"]+)"/.exec(server.text()) ?? [];
        const body = JSON.stringify({ model: "glm-5.2", stream: true, messages: [{ role: "user", content: "Hello" }] });
        const response = await fetch(`${url}/v1/chat/completions`, {
          method: "POST",
          headers: { authorization: `Bearer ${CLIENT_KEY}` },
          body,
        });
        server.type(CTRL_C);
        await until(() => server.text().includes('"event":"stopping"'), "the server to see the signal");
        open();
        assert.match(await response.text(), /\[DONE\]/);
        assert.equal(await server.ended, 0);
        const events = [...server.text().matchAll(/"event":"([^"]+)"/g)].map(([, event]) => event);
        assert.deepEqual(events, ["listening", "stopping", "request", "stopped"]);
      } finally {
        await upstream.stop();
      }
    },
  );
}

interface Terminal {
  readonly text: () => string;
  readonly type: (text: string) => void;
  /** Resolves to the exit code of the script. */
  readonly ended: Promise<number | null>;
}

/** Runs a script of package.json on a terminal of its own. */
function inTerminal(script: string, upstreamUrl: string): Terminal {
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: emptyFolder(),
    SHELL: "/bin/sh",
    TERM: "xterm",
    PORT: "0",
    LOG_FORMAT: "json",
    DATABASE_URL: "memory:",
    QUOTA_INTERVAL: "0",
    FACTORY_API_KEY: FACTORY_KEY,
    PROXY_API_KEY: CLIENT_KEY,
    FACTORY_BASE_URL: upstreamUrl,
  };
  const shell = spawn(SCRIPT, ["-qec", `exec ${bunPath()} run ${script}`, "/dev/null"], {
    cwd: ROOT,
    env,
    stdio: ["pipe", "pipe", "inherit"],
  });
  shells.push(shell);
  let text = "";
  shell.stdout?.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  const ended = new Promise<number | null>((resolve) => shell.once("close", resolve));
  return { text: () => text, type: (typed) => void shell.stdin?.write(typed), ended };
}
