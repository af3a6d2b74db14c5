// Nobody reads what the gateway prints: a pipe that stays full, then a disk that is full. It goes on, and says later how many lines are missing.
// Never looks at more of the log than the kinds of its lines.

import { execFileSync, spawn } from "node:child_process";
import { closeSync, existsSync, openSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { emptyFolder, type Running } from "../support/program.ts";
import { atMost, exactly, healthMs, PULSE_MS, soon, type Finding, type OwnTarget, type Report } from "./attack.ts";

/** More than a pipe and a queue of 1 MiB hold, with paths this long. */
const CALLS = 400;
const LONG_PATH = `/v1beta/models/${"x".repeat(7000)}:generateContent`;
const FULL_DISK = "/dev/full";
const MKFIFO = "/usr/bin/mkfifo";

export async function attack({ start, key }: OwnTarget): Promise<Report> {
  if (!existsSync(MKFIFO)) return [{ what: "a full pipe", expected: "mkfifo", came: "this system has none; left out", held: true }];
  return [...(await fullPipe({ start, key })), ...(await fullDisk({ start, key }))];
}

async function fullPipe({ start }: Pick<OwnTarget, "start" | "key">): Promise<Report> {
  const path = join(emptyFolder(), "pipe");
  execFileSync(MKFIFO, [path]);
  // Both ends: to open one waits for the other.
  const stdout = openSync(path, "r+");
  const port = await freePort();
  const program = start({ stdout, env: { PORT: String(port) } });
  const url = `http://127.0.0.1:${port}`;
  const findings = await callsWithout(url, "a full pipe");
  const reader = spawn("cat", [path], { stdio: ["ignore", "pipe", "ignore"] });
  let text = "";
  reader.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  const isSaid = await soon(() => text.includes('"log lines lost"'));
  const said = exactly("when the reader is back", {
    expected: "the count of what is missing",
    came: isSaid ? "the count of what is missing" : "nothing of it",
  });
  const ended = await endingOf(program, "a full pipe");
  reader.kill("SIGKILL");
  closeSync(stdout);
  return [...findings, said, ended];
}

async function fullDisk({ start }: Pick<OwnTarget, "start" | "key">): Promise<Report> {
  if (!existsSync(FULL_DISK)) return [];
  const stdout = openSync(FULL_DISK, "w");
  const port = await freePort();
  const program = start({ stdout, env: { PORT: String(port) } });
  const findings = await callsWithout(`http://127.0.0.1:${port}`, "a full disk");
  const ended = await endingOf(program, "a full disk");
  closeSync(stdout);
  return [...findings, ended];
}

/** Calls without a key, a line each. */
async function callsWithout(url: string, what: string): Promise<Finding[]> {
  await soon(async () => (await healthMs(url, 1000)) < 1000, 20_000);
  let refused = 0;
  let worstMs = 0;
  for (let index = 0; index < CALLS; index++) {
    const startedMs = performance.now();
    try {
      const response = await fetch(url + LONG_PATH, { method: "POST", body: "{}", signal: AbortSignal.timeout(5000) });
      await response.text();
      if (response.status === 401) refused++;
    } catch {
      break;
    } finally {
      worstMs = Math.max(worstMs, performance.now() - startedMs);
    }
  }
  return [
    exactly(`${what}: calls that are answered`, { expected: String(CALLS), came: String(refused) }),
    atMost(`${what}: the slowest`, { limit: PULSE_MS, came: worstMs, unit: "ms" }),
    atMost(`${what}: /health`, { limit: PULSE_MS, came: await healthMs(url, 5000), unit: "ms" }),
  ];
}

async function endingOf(program: Running, what: string): Promise<Finding> {
  program.signal("SIGTERM");
  const late = new Promise<null>((resolve) => setTimeout(() => resolve(null), 15_000));
  const ended = await Promise.race([program.ended, late]);
  return exactly(`${what}: SIGTERM ends it`, { expected: "exit code 0", came: ended === null ? "it runs on" : `exit code ${ended.code}` });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}
