// Composes the program with what this process offers: clock, random numbers, network, store.
// Never listens.

import process from "node:process";
import { clearTimeout, setImmediate, setTimeout } from "node:timers";
import packageJson from "../../package.json" with { type: "json" };
import type { Store } from "../access/store.ts";
import { SpillFile } from "../access/stores/spill-file.ts";
import type { Config } from "../config/config.ts";
import type { Operator } from "../http/admin/operator.ts";
import { uuidAt } from "../gateway/headers.ts";
import { compose, type Program } from "../program.ts";
import { dial, isProxied } from "../runtime/dial.ts";
import type { After, Peers, ProcessFigures, Send } from "../runtime/ports.ts";
import { runtime } from "../runtime/runtime.ts";
import { unpack } from "../runtime/unpack.ts";
import { http1 } from "../upstream/http1/client.ts";
import { sendByFetch } from "../upstream/http-fetch.ts";

export interface Composing {
  readonly store: Store;
  /** The program's own folder for files. Null: none. */
  readonly dataDir: string | null;
  /** Gets each log line. */
  readonly sink: (line: string) => void;
  readonly logFormat: "text" | "json";
  /** Absent: no lines are lost. */
  readonly logLinesLost?: () => number;
  /** See `World`. */
  readonly operator?: Operator;
  readonly isLocal?: () => boolean;
  readonly peers?: Peers;
  /** Whether a script answers instead of Factory. Absent: no. */
  readonly isDemo?: boolean;
}

export function composed(
  config: Config,
  { store, dataDir, sink, logFormat, logLinesLost = () => 0, isDemo = false, ...more }: Composing,
): Program {
  return compose(
    config,
    {
      fetch: (url, init) => fetch(url, init),
      send: sender(),
      after,
      background,
      soon: (callback) => void setImmediate(callback),
      now: Date.now,
      monotonic: () => performance.now(),
      random: Math.random,
      newId: () => uuidAt(Date.now(), crypto.randomUUID()),
      sha256: runtime.sha256,
      store,
      ...(dataDir === null || store.kind === "memory" ? {} : { spill: new SpillFile({ dir: dataDir, owner: processName() }) }),
      unpack,
      sink,
      logFormat,
      figures: () => ({ ...processFigures(), logLinesLost: logLinesLost() }),
      // All workers count as one server.
      replica: replicaName(more.peers === undefined ? process.pid : process.ppid),
      ...more,
    },
    { version: packageJson.version, runtime: runtime.name, isDemo },
  );
}

/** Sends calls to the upstream. */
function sender(): Send {
  const { bodySource, bodyReader, connectTcp } = runtime;
  const now = (): number => performance.now();
  const ports = { fetch: (url: string, init: RequestInit) => fetch(url, init), bodySource, bodyReader, now };
  const byFetch = sendByFetch(isProxied(process.env) ? ports : { ...ports, dial });
  return connectTcp === null ? byFetch : http1({ connectTcp, after: background, now, otherwise: byFetch });
}

function processFigures(): Omit<ProcessFigures, "logLinesLost"> {
  const { user, system } = process.cpuUsage();
  return { residentBytes: process.memoryUsage.rss(), cpuSeconds: (user + system) / 1e6 };
}

export const after: After = (ms, callback) => {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
};

/** As `after`, for recurring tasks: does not keep a program that imports this one, or `deno serve`, alive. */
export const background: After = (ms, callback) => {
  const timer = setTimeout(callback, ms).unref();
  return () => clearTimeout(timer);
};

/** Containers have their name in the environment; on Deno, reading a machine's name takes a permission. */
function replicaName(pid: number): string {
  const { HOSTNAME, COMPUTERNAME } = process.env;
  return `${HOSTNAME ?? COMPUTERNAME ?? "process"}-${pid}`;
}

/** Unique to this process, and sorted by when it started. */
function processName(): string {
  return `${Date.now()}-${crypto.randomUUID().slice(0, 8)}`;
}
