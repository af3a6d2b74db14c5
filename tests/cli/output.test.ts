// The program while nobody reads what it prints, on every way to run: a pipe that is full, a terminal that was stopped, a disk that is full. It goes
// on answering, stops in order, and says how many lines are missing.

import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { after, test } from "node:test";
import { until } from "../support/gateway.ts";
import { build, cleanUp, emptyFolder, OWN_WAYS, start, type Line, type Way } from "../support/program.ts";

const SCRIPT = "/usr/bin/script";
const CTRL_S = "\u0013";
const CTRL_Q = "\u0011";
const SETTINGS = { FACTORY_BASE_URL: "http://127.0.0.1:1", FACTORY_API_KEY: "fk-a-fake-key-of-factory", PROXY_API_KEY: "ck-a-fake-key" };
/** More than a terminal, a pipe and the queue hold together, with these long paths. */
const CALLS = 300;
const LONG_PATH = `/v1beta/models/${"x".repeat(7000)}:generateContent`;

const shells: ChildProcess[] = [];

await build();
after(() => {
  // A test that fails leaves its terminal behind, and the program in it.
  for (const shell of shells) shell.kill("SIGKILL");
  cleanUp();
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return typeof address === "object" && address !== null ? address.port : assert.fail();
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/health`, { signal: AbortSignal.timeout(2000) })).ok;
  } catch {
    return false;
  }
}

async function untilHealthy(url: string): Promise<void> {
  while (!(await isHealthy(url))) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Calls without a key: a line each. */
async function callOften(url: string, { from = 0, count = CALLS }: { from?: number; count?: number } = {}): Promise<void> {
  for (let index = from; index < from + count; index++) {
    const headers = { "x-request-id": `call-${index}` };
    const body = "{}";
    const { status } = await fetch(url + LONG_PATH, { method: "POST", headers, body, signal: AbortSignal.timeout(5000) });
    assert.equal(status, 401);
  }
}

interface Pipe {
  /** Where the program writes. */
  readonly stdout: number;
  /** Lets somebody read until the end of the test. */
  readonly read: () => void;
  readonly lines: () => Line[];
  readonly close: () => void;
}

/** A pipe that nobody reads for the time being. */
function pipe(): Pipe {
  const path = join(emptyFolder(), "pipe");
  execFileSync("/usr/bin/mkfifo", [path]);
  // Both ends: to open one waits for the other.
  const stdout = openSync(path, "r+");
  let text = "";
  let reader: ChildProcess | null = null;
  return {
    stdout,
    read() {
      reader = spawn("cat", [path], { stdio: ["ignore", "pipe", "inherit"] });
      reader.stdout?.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    },
    lines: () => linesIn(text),
    close() {
      closeSync(stdout);
      reader?.kill();
    },
  };
}

function linesIn(text: string): Line[] {
  const lines = text.split("\n").slice(0, -1);
  return lines.flatMap((line) => (line.startsWith("{") ? [JSON.parse(line) as Line] : []));
}

for (const way of OWN_WAYS) {
  test(`${way.name}: while nobody reads its pipe it answers, then says how many lines are missing, and the order of the rest is kept`, async () => {
    const { stdout, read, lines, close } = pipe();
    const port = await freePort();
    const program = start(way, { env: { ...SETTINGS, PORT: String(port) }, stdout });
    const url = `http://127.0.0.1:${port}`;
    await untilHealthy(url);
    await callOften(url);
    assert.ok(await isHealthy(url));
    read();
    await until(() => lines().some(({ event }) => event === "log lines lost"), "the count of what is missing");
    await callOften(url, { from: CALLS, count: 1 });
    await until(() => lines().at(-1)?.["requestId"] === `call-${CALLS}`, "the line of a later call");
    const [first, ...rest] = lines();
    const count = Number(rest.at(-2)?.["count"]);
    assert.equal(first?.["event"], "listening");
    assert.ok(count > 50, String(count));
    assert.deepEqual(
      rest.map(({ event, requestId }) => requestId ?? event),
      [...Array.from({ length: CALLS - count }, (_, index) => `call-${index}`), "log lines lost", `call-${CALLS}`],
    );
    program.signal("SIGTERM");
    assert.equal((await program.ended).code, 0);
    await until(() => lines().at(-1)?.["event"] === "stopped", "the last line");
    close();
  });

  test(`${way.name}: while nobody reads its pipe it still stops at the signal to stop`, async () => {
    const { stdout, close } = pipe();
    const port = await freePort();
    const program = start(way, { env: { ...SETTINGS, PORT: String(port) }, stdout });
    await untilHealthy(`http://127.0.0.1:${port}`);
    await callOften(`http://127.0.0.1:${port}`, { count: 30 });
    program.signal("SIGTERM");
    const startedMs = performance.now();
    assert.equal((await program.ended).code, 0);
    assert.ok(performance.now() - startedMs < 6000);
    close();
  });

  test(`${way.name}: a full disk costs lines and nothing else`, { skip: !existsSync("/dev/full") }, async () => {
    const stdout = openSync("/dev/full", "w");
    const port = await freePort();
    const program = start(way, { env: { ...SETTINGS, PORT: String(port) }, stdout });
    await untilHealthy(`http://127.0.0.1:${port}`);
    await callOften(`http://127.0.0.1:${port}`, { count: 10 });
    assert.ok(await isHealthy(`http://127.0.0.1:${port}`));
    program.signal("SIGTERM");
    const { code, stderr } = await program.ended;
    assert.deepEqual({ code, stderr }, { code: 0, stderr: way.hint });
    closeSync(stdout);
  });

  test(`${way.name}: where nothing takes the key of the run it starts all the same`, { skip: !existsSync("/dev/full") }, async () => {
    const { PROXY_API_KEY: _, ...env } = SETTINGS;
    const program = start(
      { ...way, command: ["/bin/sh", "-c", 'exec "$@" 2> /dev/full', "sh", ...way.command] },
      { env: { ...env, PORT: "0" } },
    );
    const url = await program.url;
    // By then the key was shown, or was not.
    await until(() => program.lines().length > 0, "the first line");
    assert.ok(await isHealthy(url));
    program.signal("SIGTERM");
    assert.equal((await program.ended).code, 0);
  });

  test(`${way.name}: a command whose words a full disk does not take fails and says so`, { skip: !existsSync("/dev/full") }, async () => {
    const stdout = openSync("/dev/full", "w");
    const { code, stderr } = await start(way, { arguments: ["help", "settings"], stdout }).ended;
    closeSync(stdout);
    const message = "Can't write to standard output (ENOSPC). The output is lost.\n";
    assert.deepEqual({ code, stderr: stderr.replace(way.hint, "") }, { code: 1, stderr: message });
  });

  test(`${way.name}: Ctrl-S on its terminal stops nothing but the lines`, { skip: !existsSync(SCRIPT) }, async () => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const { shell, text, pid } = await inTerminal(way, { port, more: { NO_COLOR: "1" } });
    await untilHealthy(url);
    await until(() => /listening[^]*\n$/.test(text()) && text().includes("Dashboard"), "the first lines");
    assert.match(text(), /^\S+ info +listening url=\S+ (?!.*routes=)/m);
    const inOrder = [
      "listening url=",
      ...(way.hint === "" ? [] : ['Never mind the warning about "deno serve"']),
      `Try it: curl ${url}/v1/chat/completions -H "Authorization: Bearer `,
      "Dashboard (the link works once",
    ].map((words) => text().indexOf(words));
    assert.ok(!inOrder.includes(-1), text());
    assert.deepEqual(
      inOrder,
      inOrder.toSorted((one, other) => one - other),
    );
    shell.stdin?.write(CTRL_S);
    await callOften(url);
    assert.ok(await isHealthy(url));
    shell.stdin?.write(CTRL_Q);
    await until(() => text().includes("log lines lost"), "the count of what is missing");
    shell.stdin?.write(CTRL_S);
    await callOften(url, { count: 30 });
    process.kill(pid(), "SIGTERM");
    await until(() => !existsSync(`/proc/${pid()}`), "the end");
    shell.kill("SIGKILL");
  });

  const isShared = process.platform === "linux" && existsSync(SCRIPT);
  test(
    `${way.name}: with several workers, its terminal shows what is for a person after the first log line`,
    { skip: !isShared },
    async () => {
      const { shell, text, pid } = await inTerminal(way, {
        port: await freePort(),
        more: { WORKERS: "2", DATABASE_URL: "sqlite:store.db" },
      });
      await until(() => text().includes("Dashboard (the link works once"), "the first lines");
      const inOrder = /listening url=[^]*\nTry it: curl [^]*\nDashboard \(the link works once/;
      assert.match(text(), inOrder);
      process.kill(pid(), "SIGTERM");
      await until(() => !existsSync(`/proc/${pid()}`), "the end");
      shell.kill("SIGKILL");
    },
  );

  test(`${way.name}: colours are for terminals that have them and a person who wants them`, { skip: !existsSync(SCRIPT) }, () => {
    const env = {
      PATH: process.env["PATH"] ?? "",
      ...cacheHome(),
      DATABASE_URL: "sqlite:store.db",
      PROXY_API_KEY: "ck-a-fake-key",
      SHELL: "/bin/sh",
    };
    const isColoured = (more: Readonly<Record<string, string>>): boolean => {
      // Deno (2.9) gives `spawnSync` the environment of its own process as well, where the suite has set NO_COLOR.
      const unset = more["NO_COLOR"] === undefined ? ["env", "-u", "NO_COLOR"] : [];
      const words = ["-qec", [...unset, ...way.command, "keys", "list"].join(" "), "/dev/null"];
      const { status, stdout } = spawnSync(SCRIPT, words, { cwd: emptyFolder(), env: { ...env, ...more }, encoding: "utf8" });
      assert.deepEqual([status, stdout.includes("PROXY_API_KEY")], [0, true], stdout);
      return stdout.includes("\u001b[");
    };
    const seen = [{ TERM: "xterm" }, { TERM: "dumb" }, { TERM: "xterm", NO_COLOR: "1" }, { TERM: "xterm", NO_COLOR: "" }].map(isColoured);
    assert.deepEqual(seen, [true, false, false, true]);
  });

  test(`${way.name}: a terminal gets a call in one line, with colours where it has them`, { skip: !existsSync(SCRIPT) }, async () => {
    for (const [more, time, status] of [
      [{ TERM: "xterm" }, "\u001b[2m", "\u001b[33m"],
      [{ TERM: "xterm", NO_COLOR: "1" }, "", ""],
    ] as const) {
      const port = await freePort();
      const { shell, text, pid } = await inTerminal(way, { port, more });
      await untilHealthy(`http://127.0.0.1:${port}`);
      await callOften(`http://127.0.0.1:${port}`, { count: 1 });
      const end = time === "" ? "" : "\u001b[0m";
      const line = (): string | undefined =>
        text()
          .split("\r\n")
          .find((one) => one.includes(" unauthenticated: "));
      await until(() => line() !== undefined, "the line of the call");
      const begin = `${time}00:00:00Z${end} ${status}401${end} POST /`;
      assert.equal(
        line()
          ?.replace(/\d\d:\d\d:\d\dZ/, "00:00:00Z")
          .slice(0, begin.length),
        begin,
      );
      process.kill(pid(), "SIGTERM");
      await until(() => !existsSync(`/proc/${pid()}`), "the end");
      shell.kill("SIGKILL");
    }
  });

  test(
    `${way.name}: at a terminal the first call can be copied, with the key that was made for the run`,
    { skip: !existsSync(SCRIPT) },
    async () => {
      const port = await freePort();
      const { shell, text, pid } = await inTerminal(way, { port, more: { PROXY_API_KEY: "" } });
      await until(() => text().includes("Dashboard"), "the last of the first lines");
      const [, key = "no key"] = /The key for this run, shown once: (\S+)/.exec(text()) ?? [];
      assert.ok(text().includes(`/v1/chat/completions -H "Authorization: Bearer ${key}" -d '`), text());
      process.kill(pid(), "SIGTERM");
      await until(() => !existsSync(`/proc/${pid()}`), "the end");
      shell.kill("SIGKILL");
    },
  );

  test(`${way.name}: a terminal that is closed stops it in order`, { skip: !existsSync(SCRIPT) }, async () => {
    const port = await freePort();
    const { shell, pid } = await inTerminal(way, { port });
    await untilHealthy(`http://127.0.0.1:${port}`);
    const ended = pid();
    shell.kill("SIGKILL");
    await until(() => !existsSync(`/proc/${ended}`), "the end");
  });

  test(`${way.name}: under nohup a hang-up is ignored`, { skip: process.platform !== "linux" }, async () => {
    const program = start(
      { ...way, command: ["nohup", ...way.command] },
      { env: { PATH: process.env["PATH"] ?? "", ...cacheHome(), DATABASE_URL: "memory:", ...SETTINGS, PORT: "0" } },
    );
    const url = await program.url;
    program.signal("SIGHUP");
    assert.ok(await isHealthy(url));
    program.signal("SIGTERM");
    assert.equal((await program.ended).code, 0);
    assert.equal(program.lines()[1]?.["signal"], "SIGTERM");
  });
}

function cacheHome(): Record<string, string> {
  const names = ["HOME", "DENO_DIR"];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])));
}

interface Terminal {
  readonly shell: ChildProcess;
  readonly text: () => string;
  /** Of the program. */
  readonly pid: () => number;
}

/** Starts the program with a terminal of its own. */
async function inTerminal(
  way: Way,
  { port, more = {} }: { readonly port: number; readonly more?: Readonly<Record<string, string>> },
): Promise<Terminal> {
  const folder = emptyFolder();
  const pidFile = join(folder, "pid");
  const command = `echo $$ > ${pidFile}; exec ${way.command.join(" ")}`;
  const env = {
    PATH: process.env["PATH"] ?? "",
    ...cacheHome(),
    DATABASE_URL: "memory:",
    ...SETTINGS,
    PORT: String(port),
    SHELL: "/bin/sh",
    ...more,
  };
  const shell = spawn(SCRIPT, ["-qc", command, "/dev/null"], { cwd: folder, env, stdio: ["pipe", "pipe", "inherit"] });
  shells.push(shell);
  let text = "";
  shell.stdout?.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  const pid = (): number => Number(readFileSync(pidFile, "utf8"));
  await until(() => existsSync(pidFile) && pid() > 0, "the terminal");
  return { shell, text: () => text, pid };
}
