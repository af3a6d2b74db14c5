// The program as a process of its own, as a user starts it: its output, its address, its end. Everything that is started here is ended here.
// Never passes on this process's own environment, apart from what a runtime needs to find its cache.

import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const MAIN = join(ROOT, "src", "main.ts");
const EXECUTABLE = join(ROOT, "dist", process.platform === "win32" ? "factory-proxy.exe" : "factory-proxy");

/** The Bun that runs this; under another runtime the one that npm installed. */
export function bunPath(): string {
  return process.versions["bun"] === undefined ? join(ROOT, "node_modules", ".bin", "bun") : process.execPath;
}

/** The binary itself: the `deno` in node_modules/.bin is a Node script, which does not forward signals. */
export function denoPath(): string {
  if (process.versions["deno"] !== undefined) return process.execPath;
  const packages = join(ROOT, "node_modules", "@deno");
  const binaries = (existsSync(packages) ? readdirSync(packages) : [])
    .flatMap((name) => [join(packages, name, "deno"), join(packages, name, "deno.exe")])
    .filter((path) => existsSync(path));
  return binaries[0] ?? "deno";
}

/** A way to start the program: the command line before its own arguments. */
export interface Way {
  readonly name: string;
  readonly command: readonly string[];
  /** The prefix of `runtime` where the program reports it. */
  readonly runtime: string;
  /** What the runtime itself prints to stderr. */
  readonly hint: string;
}

export const BUN: Way = { name: "bun", command: [bunPath(), MAIN], runtime: "bun ", hint: "" };
export const DENO: Way = {
  name: "deno",
  command: [denoPath(), "run", "--allow-all", "--no-check", MAIN],
  runtime: "deno ",
  hint: 'warning: Detected export default { fetch }, did you mean to run "deno serve"?\n',
};
export const BUILT: Way = { name: "executable", command: [EXECUTABLE], runtime: "bun ", hint: "" };

/** The ways of the runtime that the tests run under: a run of the suite under both starts the program in each way once. */
export const OWN_WAYS: readonly Way[] = process.versions["deno"] === undefined ? [BUN, BUILT] : [DENO];

/** Builds the executable with the project's own command if it is tested, unless it is newer than all its sources. */
export async function build(): Promise<void> {
  if (!OWN_WAYS.includes(BUILT)) return;
  const sources = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" }).map((path) => join(ROOT, "src", path));
  const youngest = Math.max(...[...sources, join(ROOT, "package.json"), join(ROOT, "bun.lock")].map((path) => statSync(path).mtimeMs));
  if (existsSync(EXECUTABLE) && statSync(EXECUTABLE).mtimeMs > youngest) return;
  // Under a temporary name, because another test file may be building it too.
  const built = `${EXECUTABLE}-${process.pid}-${Date.now()}`;
  const command = [bunPath(), "run", "build", "--outfile", built];
  const { code, stderr } = await start({ name: "build", command, runtime: "", hint: "" }, { cwd: ROOT }).ended;
  if (code !== 0) throw new Error(`The executable could not be built: ${stderr}`);
  renameSync(built, EXECUTABLE);
}

export interface StartOptions {
  /** The program's whole environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly arguments?: readonly string[];
  /** Default: a new empty folder. */
  readonly cwd?: string;
  /** A file descriptor for standard output. Then nothing of it is seen here. */
  readonly stdout?: number;
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export type Line = Readonly<Record<string, unknown>>;

export interface Running {
  readonly pid: number;
  /** Its address, once it prints it. Rejects when it ends without. */
  readonly url: Promise<string>;
  readonly ended: Promise<Ended>;
  /** Its output so far. */
  stdout(): string;
  stderr(): string;
  /** Its log lines so far. */
  lines(): Line[];
  signal(name: NodeJS.Signals): void;
}

const running = new Set<ChildProcess>();
const folders: string[] = [];

export function start(way: Way, options: StartOptions = {}): Running {
  const [command = "", ...words] = way.command;
  const child = spawn(command, [...words, ...(options.arguments ?? [])], {
    cwd: options.cwd ?? emptyFolder(),
    env: { NO_COLOR: "1", DATABASE_URL: "memory:", QUOTA_INTERVAL: "0", ...cacheOf(way), ...options.env },
    stdio: ["ignore", options.stdout ?? "pipe", "pipe"],
  });
  running.add(child);
  let stdout = "";
  let stderr = "";
  const heard = new Set<() => void>();
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    for (const listener of heard) listener();
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      running.delete(child);
      resolve({ code, stdout, stderr });
    });
  });
  const read: Line[] = [];
  let readTo = 0;
  // Each line is parsed once, however often a test checks for new ones.
  const lines = (): Line[] => {
    const end = stdout.lastIndexOf("\n") + 1;
    for (const line of stdout.slice(readTo, end).split("\n")) {
      if (line.startsWith("{") && line.endsWith("}")) read.push(JSON.parse(line) as Line);
    }
    readTo = end;
    return [...read];
  };
  const url = new Promise<string>((resolve, reject) => {
    const listener = (): void => {
      const line = lines().find(({ event }) => event === "listening");
      if (line === undefined) return;
      heard.delete(listener);
      resolve(String(line["url"]));
    };
    heard.add(listener);
    ended.then(({ code }) => reject(new Error(`${way.name} ended with ${code} before it listened: ${stdout}${stderr}`)), reject);
  });
  // A caller that does not wait for the address is not told that there is none.
  url.catch(() => {});
  const pid = child.pid ?? 0;
  // Deno's `child.kill` takes the signal for the end, whatever the process does with it.
  return { pid, url, ended, stdout: () => stdout, stderr: () => stderr, lines, signal: (name) => void process.kill(pid, name) };
}

/** What a runtime needs to find its compiled modules again; the executable needs nothing. */
function cacheOf({ command }: Way): Record<string, string> {
  if (command[0] === EXECUTABLE || command.length === 1) return {};
  const names = ["HOME", "DENO_DIR", "XDG_CACHE_HOME", "PATH", "SystemRoot", "LOCALAPPDATA", "USERPROFILE"];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])));
}

export function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "factory-proxy-"));
  folders.push(folder);
  return folder;
}

/** Every file below a folder. */
export function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" });
}

/** Ends what is still running and removes the folders. */
export function cleanUp(): void {
  for (const child of running) child.kill("SIGKILL");
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}

export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { readonly version: string };
  return version;
}
