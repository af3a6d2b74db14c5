// What a server prints once it listens: its address, the settings with keys masked, and the key that was made for this run.
// Shows no other key, and the link to the dashboard at a terminal only.

import process from "node:process";
import packageJson from "../../package.json" with { type: "json" };
import type { KeyRing } from "../access/key-ring.ts";
import { CALLS } from "../http/routes.ts";
import type { Program } from "../program.ts";
import type { Address } from "../runtime/ports.ts";
import { runtime } from "../runtime/runtime.ts";
import type { LogOutput } from "../telemetry/log-output.ts";
import { mask } from "../telemetry/redaction.ts";
import { background } from "./composition.ts";
import type { Setup } from "./configuration.ts";
import type { WorkerRole } from "./worker.ts";

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
    upstream: new URL(config.endpoints.messages).origin,
    upstreamKey: config.upstreamKey === null ? "none: each client brings its own Factory key" : mask(config.upstreamKey),
    proxyKeys: config.proxyKeys.map(({ key }) => mask(key)),
    ...(config.anonymous === "off" ? {} : { anonymous: config.anonymous }),
    ...(role === null ? {} : { workers: role.count }),
  });
  if (fault !== null) log.warning("one worker", { message: fault });
  background(WARNINGS_MS, () => {
    for (const { event, fields } of warnings()) log.warning(event, fields);
  });
  void tellKey(setup, { ring, output }).then(async () => {
    if (!runtime.isTerminal("stderr")) return;
    await output.flush(LINES_MS);
    tellPerson(program, { url, isOwnServer });
  });
}

/** Shows the key that was made for this run, if any, once it is known whether anybody needs it. */
export async function tellKey(
  { randomKey }: Setup,
  { ring, output }: { readonly ring: KeyRing; readonly output: LogOutput },
): Promise<void> {
  if (randomKey === null) return;
  if (ring.opening !== null) await ring.opening;
  // With keys in the store, another one is not needed.
  if (ring.storedCount === 0) output.add(`PROXY_API_KEY is not set. The key for this run, shown once: ${randomKey}`);
}

/** Shows a person at a terminal how to call the server and open the dashboard. Never goes to a log. */
function tellPerson(
  { signInPath }: Pick<Program, "signInPath">,
  { url, isOwnServer }: { readonly url: string; readonly isOwnServer: boolean },
): void {
  const path = signInPath();
  const lines = [
    ...(isOwnServer && runtime.startHint !== null ? [runtime.startHint] : []),
    `Try it: curl ${url}/v1/chat/completions -H "Authorization: Bearer YOUR_KEY" -d '${QUESTION}'`,
    ...(path === null ? [] : [`Dashboard (the link works once, within 10 minutes): ${url}${path}`]),
  ];
  process.stderr.write(lines.map((line) => `${line}\n`).join(""));
}

const QUESTION = '{"model": "claude-sonnet-5", "messages": [{"role": "user", "content": "Hello"}]}';
