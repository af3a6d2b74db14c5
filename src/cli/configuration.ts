// The server's configuration, at the start and again while it runs: with a client key for this run where none is configured, and with its
// warnings.
// Never lets other machines call without a client key.

import { ConfigError, isLoopback, type Config } from "../config/config.ts";
import { readAgain, readFirst, type Reading, type Rereading } from "../config/reload.ts";
import type { ConfigSource } from "../config/source.ts";
import { upstreamOrigins } from "../config/upstream-hosts.ts";
import { warningsOf, type Warning } from "../config/warnings.ts";
import { nearest } from "../models/nearest.ts";
import { Redactor } from "../telemetry/redaction.ts";
import { sourceOf } from "./environment.ts";
import type { WorkerRole } from "./worker.ts";

export interface Setup {
  readonly source: ConfigSource;
  /** As it was read. */
  readonly reading: Reading;
  /** As it applies: with the key below. */
  readonly config: Config;
  /** This process's role among several workers; null: it is the only process. */
  readonly role: WorkerRole | null;
  /** The client key for this run, used while none is configured. */
  readonly runKey: string;
  /** That key while none is configured; otherwise null. */
  readonly randomKey: string | null;
  /** Computed on demand: finding names close to that of a variable takes longer than everything else at the start. */
  readonly warnings: () => readonly Warning[];
}

export interface ChangedSetup extends Setup {
  readonly reading: Rereading;
}

/** @throws ConfigError */
export function configure(commandLine: readonly string[], role: WorkerRole | null): Setup {
  const source = sourceOf(commandLine);
  const runKey = role?.runKey ?? `fp-${`${crypto.randomUUID()}${crypto.randomUUID()}`.replaceAll("-", "")}`;
  return setupOf(readFirst(source), { source, role, runKey });
}

/** The key of this run stays the same. @throws ConfigError */
export function configureAgain(before: Setup): ChangedSetup {
  return setupOf(readAgain(before.source, before.reading), before);
}

function setupOf<R extends Reading>(
  reading: R,
  { source, role, runKey }: Pick<Setup, "source" | "role" | "runKey">,
): Setup & { readonly reading: R } {
  const { environment } = reading;
  const config = shareOf(reading.config, role);
  const warnings = (): Warning[] =>
    warningsOf({ environment, origins: upstreamOrigins(config), upstreamKeys: config.upstreamKeys, nearest });
  const setup = { source, role, runKey, reading, warnings };
  if (config.upstreamKey === null || config.proxyKeys.length > 0) return { ...setup, config, randomKey: null };
  return { ...setup, config: { ...config, proxyKeys: [{ name: "env-1", key: runKey }] }, randomKey: runKey };
}

/** The workers' shares add up to the memory that the server may use. */
function shareOf(config: Config, role: WorkerRole | null): Config {
  if (role === null) return config;
  const share = (bytes: number): number => Math.floor(bytes / role.count);
  const { maxBodyMemory, inspectBytes } = config;
  return { ...config, maxBodyMemory: maxBodyMemory === null ? null : share(maxBodyMemory), inspectBytes: share(inspectBytes) };
}

/** Whether other machines can reach the server, and only keys in the store keep them from calling. */
export function needsStoredKey({ reading: { config } }: Setup): boolean {
  return !isLoopback(config.host) && config.proxyKeys.length === 0;
}

/** The error of a server that needs a key in the store, and finds none. */
export function noClientKey({ config }: Setup): ConfigError {
  const problem =
    "needs a client key, because anyone who can reach this address could use the server. Make one with `factory-proxy keys add NAME`, " +
    "set PROXY_API_KEY, e.g. to the output of `openssl rand -hex 24`, or listen on 127.0.0.1";
  return new ConfigError([{ name: "HOST", value: config.host, problem }], new Redactor(config.upstreamKeys));
}
