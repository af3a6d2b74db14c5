// Starts the server: configuration, program, listen, shut down. The only reader of the environment, the command line and `.env`.
// Never decides anything about a request.

import { readFileSync } from "node:fs";
import process from "node:process";
import packageJson from "../../package.json" with { type: "json" };
import { CALLS } from "../http/routes.ts";
import { nameFaults } from "../models/name-faults.ts";
import { compose, type Program } from "../program.ts";
import { ConfigError, readConfig, type Config } from "../config/config.ts";
import type { Log } from "../telemetry/log.ts";
import { mask, Redactor } from "../telemetry/redaction.ts";
import { dial } from "../runtime/dial.ts";
import type { Address, EntryPoint, Server } from "../runtime/ports.ts";
import { runtime } from "../runtime/runtime.ts";
import { unpack } from "../runtime/unpack.ts";

const { version } = packageJson;
const PROXY_VARIABLES = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
const EXIT_FAILED = 1;
const EXIT_MISCONFIGURED = 2;

interface Setup {
  readonly config: Config;
  /** Made for this run because none is configured; null otherwise. */
  readonly randomKey: string | null;
}

/** @throws ConfigError */
function configure(commandLine: readonly string[]): Setup {
  const source = { environment: process.env, arguments: commandLine, file: readFile, redactor: new Redactor([]), nameFaults };
  const config = readConfig(source);
  if (config.upstreamKey === null || config.proxyKeys.length > 0) return { config, randomKey: null };
  const randomKey = `fp-${`${crypto.randomUUID()}${crypto.randomUUID()}`.replaceAll("-", "")}`;
  return { config: { ...config, proxyKeys: [randomKey] }, randomKey };
}

/** `configure`, or the end of the process with every fault of the configuration named. */
function configureOrExit(commandLine: readonly string[]): Setup {
  try {
    return configure(commandLine);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`factory-proxy can't start with this configuration:\n${error.message}\n`);
    process.exit(EXIT_MISCONFIGURED);
  }
}

/** The text of a file; null when there is none, or none that this process may look for (Deno without --allow-read). */
function readFile(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT" || (error instanceof Error && error.name === "NotCapable")) return null;
    throw error;
  }
}

/** What the system calls an error. */
function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

/** Lines of one turn of the event loop go out in one write; by the console, as the stream `process.stdout` takes 8 ms to be made. */
class Lines {
  #unwritten: string[] = [];

  readonly add = (line: string): void => {
    if (this.#unwritten.length === 0) setImmediate(this.write);
    this.#unwritten.push(line);
  };

  readonly write = (): void => {
    if (this.#unwritten.length > 0) console.log(this.#unwritten.join("\n"));
    this.#unwritten = [];
  };
}

function after(ms: number, callback: () => void): () => void {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
}

function start(setup: Setup, { fetch, maxFrameBytes, log, drain }: Program): void {
  const { config } = setup;
  let server: Server;
  try {
    server = runtime.listen({ host: config.host, port: config.port, maxFrameBytes }, fetch);
  } catch (error) {
    const isTaken = codeOf(error) === "EADDRINUSE";
    const reason = isTaken ? "the port is in use. Stop what uses it, or choose another port with --port or PORT." : String(error);
    const text = `factory-proxy can't listen on ${config.host}:${config.port}: ${reason}\n`;
    process.stderr.write(new Redactor([...config.proxyKeys, ...config.upstreamKeys]).text(text));
    process.exit(EXIT_FAILED);
  }
  let isStopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (isStopping) {
      log.warning("stopped at once", { signal });
      process.exit(EXIT_FAILED);
    }
    isStopping = true;
    log.info("stopping", { signal, timeoutMs: config.shutdownTimeoutMs });
    const giveUp = setTimeout(() => {
      log.warning("stopped with answers still running", { timeoutMs: config.shutdownTimeoutMs });
      process.exit(0);
    }, config.shutdownTimeoutMs);
    // The port stays open until the last answer has ended, so that probes and new clients learn what is going on.
    void drain().then(async () => {
      await server.drain();
      clearTimeout(giveUp);
      log.info("stopped");
      process.exit(0);
    });
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  // Whoever reads this line may send a signal at once.
  announce(setup, { log, host: config.host, port: server.port });
}

/** What a person who starts the program wants to see; keys are masked, but for the one made for this run. */
function announce({ config, randomKey }: Setup, { log, host, port }: Address & { readonly log: Log }): void {
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
  log.info("listening", {
    url,
    version,
    runtime: runtime.name,
    routes: CALLS.map(({ path }) => path),
    upstream: new URL(config.endpoints.messages).origin,
    upstreamKey: config.upstreamKey === null ? "none: each client brings its own Factory key" : mask(config.upstreamKey),
    proxyKeys: config.proxyKeys.map(mask),
    ...(config.anonymous === "off" ? {} : { anonymous: config.anonymous }),
  });
  if (randomKey !== null) console.log(`PROXY_API_KEY is not set. The key for this run, shown once: ${randomKey}`);
}

export function serve(commandLine: readonly string[], isMain: boolean): EntryPoint {
  const setup = configureOrExit(commandLine);
  const lines = new Lines();
  process.on("exit", lines.write);
  const program = compose(
    setup.config,
    {
      fetch: (url, init) => fetch(url, init),
      sender: runtime.bodySource,
      reader: runtime.bodyReader,
      // Behind a proxy of the network's own, hosts can't be reached directly.
      ...(PROXY_VARIABLES.some((name) => process.env[name]) ? {} : { dial }),
      after,
      now: Date.now,
      monotonic: () => performance.now(),
      random: Math.random,
      newId: () => crypto.randomUUID(),
      sha256: runtime.sha256,
      unpack,
      sink: lines.add,
      logFormat: runtime.isTerminal() ? "text" : "json",
    },
    { version, runtime: runtime.name },
  );
  // What a program that imports this one calls it with besides is not known.
  if (!isMain) return { fetch: (request) => program.fetch(request) };
  return runtime.entryPoint({
    fetch: program.fetch,
    maxFrameBytes: program.maxFrameBytes,
    start: () => start(setup, program),
    served: (address) => announce(setup, { log: program.log, ...address }),
  });
}
