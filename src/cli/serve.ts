// Starts the server: configuration, program, listen, shut down.
// Never decides anything about a request.

import { readFileSync, writeSync } from "node:fs";
import process from "node:process";
import packageJson from "../../package.json" with { type: "json" };
import { CALLS } from "../http/routes.ts";
import type { Program } from "../program.ts";
import { ConfigError, isLoopback, type Config } from "../config/config.ts";
import { forTerminal } from "../telemetry/log.ts";
import { LogOutput } from "../telemetry/log-output.ts";
import { mask, Redactor } from "../telemetry/redaction.ts";
import type { Address, EntryPoint, Server } from "../runtime/ports.ts";
import { runtime } from "../runtime/runtime.ts";
import type { KeyRing } from "../access/key-ring.ts";
import type { Store } from "../access/store.ts";
import { openStore } from "../access/stores/stores.ts";
import { after, background, composed } from "./composition.ts";
import { dataFolder } from "./data-folder.ts";
import { codeOf } from "./environment.ts";
import { configure, needsStoredKey, noClientKey, type Setup } from "./configuration.ts";
import { operatorOf } from "./operator.ts";
import { Reload } from "./reload.ts";

const { version } = packageJson;
const STDOUT = 1;
/** How long the end waits for whoever reads the log, and for clients that have still to take their last event. */
const LAST_LINES_MS = 2000;
const LAST_WORDS_MS = 1000;
/** How long the start waits for a store that may hold the only client keys. */
const STORE_MS = 1000;
const EXIT_FAILED = 1;
const EXIT_MISCONFIGURED = 2;

const PORT_TAKEN = "the port is in use. Stop what uses it, or choose another port with --port or PORT.";
const HOST_UNUSABLE = "HOST is neither an address of this machine nor a name of one.";
const IN_MEMORY =
  "Keys, limits and usage are kept in memory and end with this process. Set DATA_DIR to a folder that can be written, or DATABASE_URL.";
/** How Bun and Deno say so. */
const NO_HOST = /EINVAL|ENOTFOUND|EADDRNOTAVAIL|AddrNotAvailable|failed to lookup/;

/** `configure`, or the end of the process with every fault of the configuration named. */
function configureOrExit(commandLine: readonly string[]): Setup {
  try {
    return configure(commandLine);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return exitMisconfigured(error);
  }
}

function exitMisconfigured({ message }: ConfigError): never {
  const faults = message.split("\n").map(forTerminal).join("\n");
  process.stderr.write(`factory-proxy can't start with this configuration:\n${faults}\n`);
  process.exit(EXIT_MISCONFIGURED);
}

function writeLast(text: string): void {
  try {
    writeSync(STDOUT, text);
  } catch {
    // The process ends; nobody is left to tell.
  }
}

interface Kept {
  readonly output: LogOutput;
  readonly store: Store;
}

interface Starting extends Kept {
  readonly program: Program;
  /** Is told of what reads the configuration again, and where the server listens. */
  readonly started: (reload: Reload, host: string) => void;
}

/** Ends the process where it would need a client key of the store and finds none; resolves before that is known where the store takes its time. */
async function findStoredKey(setup: Setup, store: Store): Promise<void> {
  const looked = store.ready
    .then(() => store.keys())
    .then((records) => {
      if (records.every(({ hash }) => hash === null)) exitMisconfigured(noClientKey(setup));
    })
    // Until it can be read nobody may call, and what is wrong with it is said elsewhere.
    .catch(() => {});
  await Promise.race([looked, new Promise<void>((resolve) => after(STORE_MS, resolve))]);
}

function start(setup: Setup, { program, output, store, started }: Starting): void {
  const { config } = setup;
  let server: Server;
  try {
    const { host, port, headTimeoutMs, maxConnections } = config;
    server = runtime.listen({ host, port, maxFrameBytes: program.maxFrameBytes, headTimeoutMs, maxConnections }, program.fetch);
  } catch (error) {
    void endDeaf(config, error);
    return;
  }
  const { ring } = program;
  const madeKey = (made: Setup): void => tellKey(made, { ring, output });
  const reload = new Reload(setup, { program, after, mayRead: runtime.mayRead, madeKey });
  started(reload, config.host);
  const stop = stopper({ server, program, output, store, reload });
  process.on("SIGHUP", hangUp(stop, reload));
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  // Whoever reads this line may send a signal at once.
  announce(setup, { program, output, host: config.host, port: server.port });
  reload.start();
}

/** What SIGHUP does. The terminal that the server was started in has been closed, or somebody has changed the configuration. */
function hangUp(stop: (signal: NodeJS.Signals) => void, reload: Reload): (signal: NodeJS.Signals) => void {
  // Deno undoes `nohup` unless somebody listens.
  if (isHangUpIgnored()) return () => {};
  // Asked now: a terminal that is closed is none any more.
  return runtime.isTerminal("stdin") ? stop : () => reload.hangUp();
}

/** Says why it can't listen, and ends the process. */
async function endDeaf({ host, port, proxyKeys, upstreamKeys }: Config, error: unknown): Promise<never> {
  // Of a name that it can't resolve Bun reports whatever error came last in the process, e.g. that the port is in use.
  const isNoHost = NO_HOST.test(`${String(codeOf(error))} ${String(error)}`) || !(await isKnown(host));
  const reason = isNoHost ? HOST_UNUSABLE : codeOf(error) === "EADDRINUSE" ? PORT_TAKEN : String(error);
  const text = `factory-proxy can't listen on ${host}:${port}: ${reason}`;
  process.stderr.write(`${forTerminal(new Redactor([...proxyKeys.map(({ key }) => key), ...upstreamKeys]).text(text))}\n`);
  return process.exit(isNoHost ? EXIT_MISCONFIGURED : EXIT_FAILED);
}

async function isKnown(host: string): Promise<boolean> {
  const { lookup } = await import("node:dns/promises");
  return lookup(host).then(
    () => true,
    () => false,
  );
}

interface Stopping extends Kept {
  readonly server: Server;
  readonly program: Program;
  readonly reload: Reload;
}

/** What the first, the second and every further signal to stop do. */
function stopper({ server, program, output, store, reload }: Stopping): (signal: NodeJS.Signals) => void {
  const { ring } = program;
  let stage: "running" | "stopping" | "ending" = "running";
  let drained: Promise<void> = Promise.resolve();
  const end = async (code: number): Promise<never> => {
    stage = "ending";
    ring.close();
    // A file that is closed in order leaves no second file behind.
    await Promise.race([store.close(), new Promise<void>((resolve) => after(LAST_WORDS_MS, resolve))]);
    await output.flush(LAST_LINES_MS);
    return process.exit(code);
  };
  const force = async (code: number, logged: () => void): Promise<void> => {
    if (stage === "ending") return;
    stage = "ending";
    program.endCalls();
    logged();
    await Promise.race([drained, new Promise<void>((resolve) => after(LAST_WORDS_MS, resolve))]);
    await end(code);
  };
  return (signal) => {
    if (stage === "ending") process.exit(EXIT_FAILED);
    if (stage === "stopping") return void force(EXIT_FAILED, () => program.log.warning("stopped at once", { signal }));
    stage = "stopping";
    reload.close();
    const timeoutMs = reload.setup.config.shutdownTimeoutMs;
    program.log.info("stopping", { signal, timeoutMs });
    const giveUp = after(timeoutMs, () => void force(0, () => program.log.warning("stopped with answers still running", { timeoutMs })));
    // The port stays open until the last answer has ended, so that probes and new clients learn what is going on.
    drained = program.drain().then(() => server.drain());
    void drained.then(() => {
      if (stage === "ending") return;
      giveUp();
      program.log.info("stopped");
      void end(0);
    });
  };
}

/** `nohup` has the hang-up of a terminal ignored, which a listener of its own would undo. Only Linux says so. */
function isHangUpIgnored(): boolean {
  try {
    const [, signals = "0"] = /^SigIgn:\t(\w+)$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
    return (BigInt(`0x${signals}`) & 1n) === 1n;
  } catch {
    return false;
  }
}

interface Announcing {
  readonly program: Program;
  readonly output: LogOutput;
}

/** What a person who starts the program wants to see; keys are masked, but for the one made for this run. */
function announce(setup: Setup, { program, output, host, port }: Address & Announcing): void {
  const { config, warnings } = setup;
  const { log, ring } = program;
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
  log.info("listening", {
    url,
    version,
    runtime: runtime.name,
    routes: CALLS.map(({ path }) => path),
    upstream: new URL(config.endpoints.messages).origin,
    upstreamKey: config.upstreamKey === null ? "none: each client brings its own Factory key" : mask(config.upstreamKey),
    proxyKeys: config.proxyKeys.map(({ key }) => mask(key)),
    ...(config.anonymous === "off" ? {} : { anonymous: config.anonymous }),
  });
  for (const { event, fields } of warnings) log.warning(event, fields);
  tellKey(setup, { ring, output });
  tellLink(program, url);
}

/** Shows whoever sits at a terminal how to get into the dashboard. Nothing that keeps what it reads gets to see it. */
function tellLink(program: Pick<Program, "signInPath">, url: string): void {
  const path = runtime.isTerminal("stderr") ? program.signInPath() : null;
  if (path !== null) process.stderr.write(`Dashboard (the link works once, within 10 minutes): ${url}${path}\n`);
}

/** Shows the key that was made for this run, where there is one. */
function tellKey({ randomKey }: Setup, { ring, output }: { readonly ring: KeyRing; readonly output: LogOutput }): void {
  if (randomKey === null) return;
  const tell = (): void => {
    // Whoever made keys of their own needs no further one.
    if (ring.storedCount === 0) output.add(`PROXY_API_KEY is not set. The key for this run, shown once: ${randomKey}`);
  };
  if (ring.opening === null) tell();
  else void ring.opening.then(tell);
}

export function serve(commandLine: readonly string[], isMain: boolean): EntryPoint {
  const setup = configureOrExit(commandLine);
  const output: LogOutput = new LogOutput({
    write: runtime.write,
    after,
    report: (count) => program.log.error("log lines lost", { count }),
  });
  const { config } = setup;
  const dataDir = config.dataDir ?? dataFolder({ environment: process.env, platform: process.platform });
  const store = openStore(
    config.databaseUrl,
    { dataDir, isRequired: false },
    {
      after: background,
      lost: (reason) => program.log.warning("store in memory", { reason, message: IN_MEMORY }),
      away: (reason) => program.log.warning("store unreachable", { reason }),
      back: () => program.log.info("store reached"),
      replaced: (reason) => program.log.warning("store replaced", { reason }),
    },
  );
  store.ready.catch(async (error: unknown) => {
    program.log.error("store refused", { message: error instanceof Error ? error.message : String(error) });
    await output.flush(LAST_LINES_MS);
    process.exit(EXIT_MISCONFIGURED);
  });
  // After a crash. A reader that does not read by then could hold up the end for ever.
  process.on("exit", () => {
    const last = output.isWriting ? "" : output.takeAll();
    if (last !== "") writeLast(last);
  });
  const logFormat = runtime.isTerminal("stdout") ? "text" : "json";
  let reload: Reload | null = null;
  // Who imports this program, or serves it with `deno serve`, has an address of its own.
  let listensOn: string | null = null;
  const operator = operatorOf({ commandLine, store, setup: () => reload?.setup ?? setup, reload: () => reload });
  const isLocal = (): boolean => listensOn !== null && isLoopback(listensOn);
  const program: Program = composed(config, {
    store,
    dataDir,
    sink: output.add,
    logFormat,
    logLinesLost: () => output.lost,
    operator,
    isLocal,
  });
  // What a program that imports this one calls it with besides is not known.
  if (!isMain) return { fetch: (request) => program.fetch(request) };
  return runtime.entryPoint({
    fetch: program.fetch,
    maxFrameBytes: program.maxFrameBytes,
    start() {
      const started = (made: Reload, host: string): void => {
        reload = made;
        listensOn = host;
      };
      const listen = (): void => start(setup, { program, output, store, started });
      if (needsStoredKey(setup)) void findStoredKey(setup, store).then(listen);
      else listen();
    },
    served(address) {
      listensOn = address.host;
      announce(setup, { program, output, ...address });
    },
  });
}
