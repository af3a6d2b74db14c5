// The two processes beside this one, and what Linux says of the gateway.
// Does not keep what the gateway prints (it counts it), or leave a process behind.

import { spawn, type ChildProcess } from "node:child_process";
import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { build, BUILT, BUN, denoPath, MAIN } from "../support/program.ts";
import { modelTable } from "./scenarios.ts";

export const CLIENT_KEY = "soak-client-key";
const UPSTREAM = fileURLToPath(new URL("upstream.ts", import.meta.url));
/** How the program is started. */
const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  executable: BUILT.command,
  bun: BUN.command,
  deno: [denoPath(), "run", "-q", "--no-check", "--allow-net", "--allow-env", "--allow-read", MAIN],
};
const STDERR_KEPT = 2000;
/** Deno takes the default export for a mistake when it runs the module instead of serving it. */
const DENO_GUESS = "warning: Detected export default";

const children = new Set<ChildProcess>();

export function endAll(): void {
  for (const child of children) child.kill("SIGKILL");
}

function startChild(
  command: readonly string[],
  options: { readonly env: NodeJS.ProcessEnv; readonly cwd: string; readonly isTalking: boolean },
): ChildProcess {
  const [program = "", ...words] = command;
  const { env, cwd, isTalking } = options;
  // A group of its own where it would take the terminal's Ctrl-C for its own.
  const child = spawn(program, words, {
    env,
    cwd,
    detached: !isTalking,
    stdio: [isTalking ? "pipe" : "ignore", "pipe", isTalking ? "inherit" : "pipe"],
  });
  children.add(child);
  child.once("close", () => children.delete(child));
  return child;
}

export interface Upstream {
  readonly url: string;
  readonly port: number;
  /** How many requests are being answered. */
  open(): Promise<number>;
}

export async function startUpstream(folder: string): Promise<Upstream> {
  const child = startChild([process.execPath, UPSTREAM], { env: process.env, cwd: folder, isTalking: true });
  const waiting: ((line: string) => void)[] = [];
  const next = (): Promise<string> => new Promise((resolve) => waiting.push(resolve));
  const first = next();
  if (child.stdout !== null) createInterface({ input: child.stdout }).on("line", (line) => waiting.shift()?.(line));
  const url = await first;
  return {
    url,
    port: Number(new URL(url).port),
    async open() {
      const answer = next();
      child.stdin?.write("open\n");
      return Number(await answer);
    },
  };
}

export interface Gateway {
  readonly pid: number;
  readonly port: number;
  /** As it says itself, e.g. `bun 1.4.5`. */
  readonly runtime: string;
  /** Its log lines of calls by what they say of the end: `complete` or the kind of error. */
  readonly lines: ReadonlyMap<string, number>;
  /** Log lines that report a fault of the gateway itself, and what it said on standard error. */
  readonly complaints: readonly string[];
  /** How many log lines it says it has lost while nobody read them. */
  lost(): number;
  /** Stops reading its log, or goes on. */
  read(isReading: boolean): void;
  signal(name: NodeJS.Signals): void;
  /** Resolves with the exit code. */
  readonly ended: Promise<number | null>;
  stop(): Promise<number | null>;
}

/** What the gateway's limits on time are here, in seconds: short, so that many calls reach them. */
const TIMEOUT = "10";

export async function startGateway(
  runtime: string,
  {
    upstream,
    folder,
    settings = {},
  }: { readonly upstream: Upstream; readonly folder: string; readonly settings?: Readonly<Record<string, string>> },
): Promise<Gateway> {
  let command = COMMANDS[runtime];
  if (command === undefined) throw new Error(`--runtime takes ${Object.keys(COMMANDS).join(", ")}, not ${runtime}.`);
  const models = join(folder, "models.json");
  writeFileSync(models, modelTable());
  if (runtime === "executable") {
    // A copy: building again while this runs must not change what runs.
    const copy = join(folder, "factory-proxy");
    if (!existsSync(copy)) {
      await build();
      copyFileSync(command[0] ?? "", copy);
    }
    command = [copy];
  }
  const { PATH, HOME, DENO_DIR } = process.env;
  const env = {
    ...Object.fromEntries(Object.entries({ PATH, HOME, DENO_DIR }).filter(([, value]) => value !== undefined)),
    PORT: "0",
    DATABASE_URL: "memory:",
    FACTORY_BASE_URL: upstream.url,
    FACTORY_API_KEY: "fk-soak-factory-key-1",
    FACTORY_API_KEYS: "fk-soak-factory-key-2,fk-soak-factory-key-3",
    PROXY_API_KEY: CLIENT_KEY,
    CONFIG_PATH: models,
    UPSTREAM_FIRST_BYTE_TIMEOUT: TIMEOUT,
    UPSTREAM_IDLE_TIMEOUT: TIMEOUT,
    KEEP_ALIVE_INTERVAL: "1",
    RETRIES: "1",
    SHUTDOWN_TIMEOUT: "10",
    ...settings,
  };
  const child = startChild(command, { env, cwd: folder, isTalking: false });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const lines = new Map<string, number>();
  const complaints: string[] = [];
  let lost = 0;
  const listening = new Promise<Record<string, unknown>>((resolve, reject) => {
    void ended.then((code) =>
      reject(new Error(`The gateway (${runtime}) ended with ${code} before it listened. ${complaints.join("\n")}`)),
    );
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on("line", (text) => {
      const line = JSON.parse(text) as Record<string, unknown>;
      if (line["event"] === "listening") resolve(line);
      if (line["event"] === "log lines lost") lost += Number(line["count"]);
      if (line["error"] === "internal" && complaints.length < 10) complaints.push(text);
      if (line["event"] !== "request") return;
      const end = String(line["error"] ?? "complete");
      lines.set(end, (lines.get(end) ?? 0) + 1);
    });
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    if (complaints.length < 10 && !text.startsWith(DENO_GUESS)) complaints.push(text.slice(0, STDERR_KEPT));
  });
  const line = await listening;
  void ended.then((code) => {
    if (code !== 0) complaints.push(`The gateway ended with ${code}.`);
  });
  return {
    pid: child.pid ?? 0,
    port: Number(new URL(String(line["url"])).port),
    runtime: String(line["runtime"]),
    lines,
    complaints,
    lost: () => lost,
    read(isReading) {
      if (isReading) child.stdout?.resume();
      else child.stdout?.pause();
    },
    signal: (name) => void child.kill(name),
    ended,
    stop() {
      child.kill("SIGTERM");
      return ended;
    },
  };
}

// ---- What Linux says ---------------------------------------------------------------------------------------------
// https://man7.org/linux/man-pages/man5/proc_pid_status.5.html and proc_pid_net.5.html (read 2026-11)

const RESIDENT = /^VmRSS:\s+(\d+) kB$/m;
/** Connections that some process still holds: established, or closed by the peer alone. */
const HELD: ReadonlySet<string> = new Set(["01", "08"]);

/** Mebibytes in memory. */
export function memoryOf(pid: number): number {
  return Number(RESIDENT.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
}

export interface Connections {
  readonly fromClients: number;
  readonly toUpstream: number;
}

/** The gateway's connections. */
export function connectionsOf(pid: number, ports: { readonly gateway: number; readonly upstream: number }): Connections {
  const rows = ["tcp", "tcp6"].flatMap((name) => readFileSync(`/proc/${pid}/net/${name}`, "latin1").split("\n").slice(1, -1));
  let fromClients = 0;
  let toUpstream = 0;
  for (const row of rows) {
    const [, local = "", remote = "", state = ""] = row.trim().split(/\s+/);
    if (!HELD.has(state)) continue;
    if (portOf(local) === ports.gateway) fromClients++;
    if (portOf(remote) === ports.upstream) toUpstream++;
  }
  return { fromClients, toUpstream };
}

function portOf(address: string): number {
  return Number.parseInt(address.slice(address.lastIndexOf(":") + 1), 16);
}
