// What a server prints once it listens: its address, the settings with keys masked, and the key that was made for this run.
// Shows no other key, that one never among JSON lines, and the link to the dashboard at a terminal only.

import { writeSync } from "node:fs";
import process from "node:process";
import packageJson from "../../package.json" with { type: "json" };
import type { KeyRing } from "../access/key-ring.ts";
import { upstreamOrigins } from "../config/upstream-hosts.ts";
import { CALLS } from "../http/routes.ts";
import type { Program } from "../program.ts";
import type { Address } from "../runtime/ports.ts";
import { runtime } from "../runtime/runtime.ts";
import type { LogOutput } from "../telemetry/log-output.ts";
import { mask } from "../telemetry/redaction.ts";
import { background } from "./composition.ts";
import type { Setup } from "./configuration.ts";
import { FOR_PERSON, type WorkerRole } from "./worker.ts";

/** The first calls go first. */
const WARNINGS_MS = 50;
/** How long the lines for a terminal wait for those before them. */
const LINES_MS = 1000;

export interface Announcing {
  readonly program: Program;
  /** Why there is only one process although several were configured; null: there is no such reason. */
  readonly fault: string | null;
  readonly output: LogOutput;
  readonly logFormat: WorkerRole["logFormat"];
  /** Whether the program listens by itself. */
  readonly isOwnServer: boolean;
}

/** What a person who starts the program wants to see; keys are masked, except the one made for this run. */
export function announce(setup: Setup, { program, output, host, port, fault, logFormat, isOwnServer }: Address & Announcing): void {
  const { config, warnings, role } = setup;
  const { log, ring } = program;
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
  log.info("listening", {
    url,
    version: packageJson.version,
    runtime: runtime.name,
    // They would take three lines of the terminal, between what a person looks for.
    ...((config.logFormat ?? logFormat) === "text" ? {} : { routes: CALLS.map(({ path }) => path) }),
    // Not as a list, because the log would take a list of two for a header.
    upstream: upstreamOrigins(config).join(", "),
    upstreamKey: config.upstreamKey === null ? "none: each client brings its own Factory key" : mask(config.upstreamKey),
    proxyKeys: config.proxyKeys.map(({ key }) => mask(key)),
    ...(config.anonymous === "off" ? {} : { anonymous: config.anonymous }),
    ...(role === null ? {} : { workers: role.count }),
  });
  if (fault !== null) log.warning("one worker", { message: fault });
  background(WARNINGS_MS, () => {
    for (const { event, fields } of warnings()) log.warning(event, fields);
  });
  void tellKey(setup, { ring, output, logFormat }).then(async (key) => {
    if (!runtime.isTerminal("stderr")) return;
    const lines = linesForPerson(program, { url, key, isOwnServer });
    if (role === null) await tellPerson(lines, output);
    else for (const line of lines) output.add(FOR_PERSON + line);
  });
}

export interface KeyTelling extends Pick<Announcing, "output" | "logFormat"> {
  readonly ring: KeyRing;
}

/**
 * Shows the key that was made for this run, once it is known whether anybody needs it, and resolves with it; null: with no key, or one that nobody
 * needs. Among lines for people it is a line; where they are JSON it goes to standard error, since programs read and keep them.
 */
export async function tellKey({ randomKey, config }: Setup, { ring, output, logFormat }: KeyTelling): Promise<string | null> {
  if (randomKey === null) return null;
  if (ring.opening !== null) await ring.opening;
  // With keys in the store, another one is not needed.
  if (ring.storedCount > 0) return null;
  const line = `PROXY_API_KEY is not set. The key for this run, shown once: ${randomKey}`;
  if ((config.logFormat ?? logFormat) === "text") output.add(line);
  else writeError(`${line}\n`);
  return randomKey;
}

const STDERR = 2;

/** The runtimes' own stream ends the process where standard error is closed or full. */
function writeError(text: string): void {
  try {
    writeSync(STDERR, text);
  } catch {
    // Whoever closed it does not want to know.
  }
}

interface Telling extends Pick<Announcing, "isOwnServer"> {
  readonly url: string;
  /** A client key that may be shown. Null: there is none. */
  readonly key: string | null;
}

/** How to call the server and open the dashboard. Never goes to a log. */
function linesForPerson({ signInPath }: Pick<Program, "signInPath">, { url, key, isOwnServer }: Telling): string[] {
  const path = signInPath();
  return [
    ...(isOwnServer && runtime.startHint !== null ? [runtime.startHint] : []),
    `Try it: curl ${url}/v1/chat/completions -H "Authorization: Bearer ${key ?? "YOUR_KEY"}" -d '${QUESTION}'`,
    ...(path === null ? [] : [`Dashboard (the link works once, within 10 minutes): ${url}${path}`]),
  ];
}

/** Shows lines to a person at a terminal, after the log lines so far. */
export async function tellPerson(lines: readonly string[], output: LogOutput): Promise<void> {
  await output.flush(LINES_MS);
  process.stderr.write(lines.map((line) => `${line}\n`).join(""));
}

const QUESTION = '{"model": "claude-sonnet-5", "messages": [{"role": "user", "content": "Hello"}]}';
