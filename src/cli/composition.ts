// The program with what this process has to offer: clock, random numbers, network, store.
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
import { dial } from "../runtime/dial.ts";
import type { After, Peers, ProcessFigures } from "../runtime/ports.ts";
import { runtime } from "../runtime/runtime.ts";
import { unpack } from "../runtime/unpack.ts";

export interface Composing {
  readonly store: Store;
  /** Where the program keeps its own files. Null: nowhere. */
  readonly dataDir: string | null;
  /** Gets each log line. */
  readonly sink: (line: string) => void;
  readonly logFormat: "text" | "json";
  /** Absent: none are lost. */
  readonly logLinesLost?: () => number;
  /** See `World`. */
  readonly operator?: Operator;
  readonly isLocal?: () => boolean;
  readonly peers?: Peers;
}

const PROXY_VARIABLES = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

export function composed(config: Config, { store, dataDir, sink, logFormat, logLinesLost = () => 0, ...more }: Composing): Program {
  return compose(
    config,
    {
      fetch: (url, init) => fetch(url, init),
      sender: runtime.bodySource,
      reader: runtime.bodyReader,
      // Behind a proxy of the network's own, hosts can't be reached directly.
      ...(PROXY_VARIABLES.some((name) => process.env[name]) ? {} : { dial }),
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
      // Workers are one server.
      replica: replicaName(more.peers === undefined ? process.pid : process.ppid),
      ...more,
    },
    { version: packageJson.version, runtime: runtime.name },
  );
}

function processFigures(): Omit<ProcessFigures, "logLinesLost"> {
  const { user, system } = process.cpuUsage();
  return { residentBytes: process.memoryUsage.rss(), cpuSeconds: (user + system) / 1e6 };
}

export const after: After = (ms, callback) => {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
};

/** As `after`, for what comes back again and again: it keeps neither a program that imports this one nor `deno serve` from its end. */
export const background: After = (ms, callback) => {
  const timer = setTimeout(callback, ms).unref();
  return () => clearTimeout(timer);
};

/** Containers have their name in the environment; Deno has to be allowed to ask for that of a machine. */
function replicaName(pid: number): string {
  const { HOSTNAME, COMPUTERNAME } = process.env;
  return `${HOSTNAME ?? COMPUTERNAME ?? "process"}-${pid}`;
}

/** Like that of no other process, and sorted by when it began. */
function processName(): string {
  return `${Date.now()}-${crypto.randomUUID().slice(0, 8)}`;
}
