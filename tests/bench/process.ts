// Processes, and what the operating system says of them.
// CPU time and memory come from Linux's /proc and are null elsewhere.
// Does not leave a child behind, or end a process that it has not started.

import { spawn, type ChildProcess } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import process from "node:process";

export interface StartOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly folder?: string;
  /** Whether its input and output are spoken to; otherwise they lead nowhere. */
  readonly piped?: boolean;
  /** What ends it at once, and all that it has started; SIGKILL unless it has children of its own. */
  readonly lastSignal?: NodeJS.Signals;
}

const children = new Map<ChildProcess, NodeJS.Signals>();

export function startProcess(
  command: readonly string[],
  { environment = {}, folder, piped = false, lastSignal = "SIGKILL" }: StartOptions = {},
): ChildProcess {
  const [program = "", ...rest] = command;
  const child = spawn(program, rest, {
    env: { ...process.env, DATABASE_URL: "memory:", ...environment },
    ...(folder === undefined ? {} : { cwd: folder }),
    stdio: piped ? ["pipe", "pipe", "inherit"] : ["ignore", "ignore", "ignore"],
  });
  children.set(child, lastSignal);
  child.on("error", () => children.delete(child));
  child.on("exit", () => children.delete(child));
  return child;
}

/** Ends a child and waits until it is gone. */
export function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return Promise.resolve();
  return new Promise((resolve) => {
    const force = setTimeout(() => child.kill("SIGKILL"), 3000);
    child.once("exit", () => {
      clearTimeout(force);
      resolve();
    });
    child.kill("SIGTERM");
  });
}

/** Ends every child at once; for the end of the benchmark, however it comes. */
export function endAll(): void {
  for (const [child, signal] of children) child.kill(signal);
}

export function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null && child.pid !== undefined;
}

export function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** Polling without a pause would take the processor away from what is about to start. */
const POLL_MS = 0.5;

/**
 * Sends a request on a new connection, again and again until the port is open, and resolves with the status of the answer.
 * Rejects when that takes longer than `patienceMs`.
 */
export function firstAnswer(port: number, { request, patienceMs = 10_000 }: { request: Uint8Array; patienceMs?: number }): Promise<number> {
  const startedMs = performance.now();
  return new Promise((resolve, reject) => {
    const attempt = (): void => {
      const socket = connect({ port, host: "127.0.0.1", noDelay: true });
      socket.once("connect", () => socket.write(request));
      socket.once("data", (bytes) => {
        socket.destroy();
        resolve(Number(String(bytes).slice(9, 12)));
      });
      socket.once("error", () => {
        socket.destroy();
        if (performance.now() - startedMs > patienceMs) reject(new Error(`Nothing answers on port ${port}.`));
        else setTimeout(attempt, POLL_MS);
      });
    };
    attempt();
  });
}

// ---- What Linux says ---------------------------------------------------------------------------------------------
// https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html (read 2026-11): utime and stime are fields 14 and 15, ppid is field 4,
// counted in clock ticks, of which every Linux that Bun and Deno run on has 100 a second.

const MICROSECONDS_PER_TICK = 10_000;
const IS_LINUX = process.platform === "linux";

interface Stat {
  readonly pid: number;
  readonly parent: number;
  readonly ticks: number;
}

function statOf(pid: number): Stat | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name in brackets may hold anything; what follows its last bracket begins with field 3.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { pid, parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
  } catch {
    return null;
  }
}

/** The process and all that descend from it. */
function familyOf(pid: number): Stat[] {
  const stats = readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) ? (statOf(Number(name)) ?? []) : []));
  const family = stats.filter((stat) => stat.pid === pid);
  for (const member of family) family.push(...stats.filter(({ parent }) => parent === member.pid));
  return family;
}

/** CPU time of all threads of a process and its descendants so far, in microseconds; null where the system does not say. */
export function cpuTimeUs(pid: number | null): number | null {
  if (pid === null || !IS_LINUX) return null;
  return familyOf(pid).reduce((ticks, stat) => ticks + stat.ticks, 0) * MICROSECONDS_PER_TICK;
}

/** Mebibytes. */
export interface Memory {
  readonly resident: number;
  /** What no other process shares: it goes when the process goes. */
  readonly private: number;
  /** Memory of the process's own making: heap and stacks, without the pages of the executable. */
  readonly anonymous: number;
}

const KIBIBYTES = /^(Rss|Private_Clean|Private_Dirty|Anonymous): +(\d+) kB$/gm;

export function memoryOf(pid: number | null): Memory | null {
  if (pid === null || !IS_LINUX) return null;
  const sum: Record<string, number> = {};
  for (const member of familyOf(pid)) {
    for (const [, name = "", size] of readFileSync(`/proc/${member.pid}/smaps_rollup`, "latin1").matchAll(KIBIBYTES)) {
      sum[name] = (sum[name] ?? 0) + Number(size) / 1024;
    }
  }
  return {
    resident: sum["Rss"] ?? 0,
    private: (sum["Private_Clean"] ?? 0) + (sum["Private_Dirty"] ?? 0),
    anonymous: sum["Anonymous"] ?? 0,
  };
}

/** Who listens on a port; null when the system does not say. */
export function listenerOf(port: number): number | null {
  if (!IS_LINUX) return null;
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const rows = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((path) => readFileSync(path, "latin1").split("\n"));
  const inodes = new Set(
    rows
      .map((row) => row.trim().split(/\s+/))
      // The state 0A is LISTEN.
      .filter((fields) => fields[1]?.endsWith(`:${hex}`) && fields[3] === "0A")
      .map((fields) => `socket:[${fields[9]}]`),
  );
  const owners = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && holdsSocket(name, inodes));
  return owners[0] === undefined ? null : Number(owners[0]);
}

function holdsSocket(pid: string, inodes: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((descriptor) => {
      try {
        return inodes.has(readlinkSync(`/proc/${pid}/fd/${descriptor}`));
      } catch {
        return false;
      }
    });
  } catch {
    return false;
  }
}
