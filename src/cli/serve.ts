// Starts the server: configuration, program, listening, shutdown.
// Never decides anything about a request.

import { writeSync } from "node:fs";
import process from "node:process";
import { maxFrameBytesOf, type Program } from "../program.ts";
import { ConfigError, isLoopback, type Config } from "../config/config.ts";
import { openLog, type Log } from "../telemetry/log.ts";
import { LogOutput } from "../telemetry/log-output.ts";
import { Redactor } from "../telemetry/redaction.ts";
import { forTerminal, painted } from "../telemetry/text-line.ts";
import type { Address, EntryPoint, Server } from "../runtime/ports.ts";
import { runtime } from "../runtime/runtime.ts";
import type { Store } from "../access/store.ts";
import { openStore } from "../access/stores/stores.ts";
import { announce, tellKey, tellPerson } from "./announcement.ts";
import { after, background, composed } from "./composition.ts";
import { dataFolder } from "./data-folder.ts";
import { codeOf, showsColours } from "./environment.ts";
import { configure, needsStoredKey, noClientKey, type Setup } from "./configuration.ts";
import { operatorOf } from "./operator.ts";
import { asTyped } from "./own-name.ts";
import { Reload } from "./reload.ts";
import { onSignals } from "./signals.ts";
import { peersOf } from "./worker-peers.ts";
import { obey, report, takeRole, workersOf, type WorkerRole, type WorkersPlan } from "./worker.ts";

const STDOUT = 1;
/** How long the shutdown waits for the reader of the log, and for clients that have yet to read their last event. */
const LAST_LINES_MS = 2000;
const LAST_WORDS_MS = 1000;
/** How long the start waits for the store. */
const STORE_MS = 1000;
const EXIT_FAILED = 1;
const EXIT_MISCONFIGURED = 2;

const PORT_TAKEN = "the port is in use. Stop the other program, or choose another port with --port or PORT.";
const HOST_UNUSABLE = "HOST must be an address or hostname of this machine.";
const IN_MEMORY = "Keys, limits and usage are kept in memory and are lost when this process ends.";
/** The codes of Bun and Deno for this. */
const NO_HOST = /EINVAL|ENOTFOUND|EADDRNOTAVAIL|AddrNotAvailable|failed to lookup/;

/** `configure`; ends the process with all faults of the configuration. */
function configureOrExit(commandLine: readonly string[], role: WorkerRole | null): Setup {
  try {
    return configure(commandLine, role);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return exitMisconfigured(error);
  }
}

function exitMisconfigured({ message }: ConfigError): never {
  const faults = asTyped(message).split("\n").map(forTerminal).join("\n");
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
  readonly logFormat: WorkerRole["logFormat"];
  readonly program: Program;
  /** Why there is only one process although several were configured; null: there is no such reason. */
  readonly fault: string | null;
  /** Told of the reloader and of the host it listens on. */
  readonly started: (reload: Reload, host: string) => void;
  /** See `opened`. */
  readonly opening: Promise<void>;
}

/** Ends the process where it needs a client key in the store and finds none. Until the store can be read nobody may call, and its error is reported elsewhere. */
async function findStoredKey(setup: Setup, store: Store): Promise<void> {
  const records = await store.keys().catch(() => null);
  if (records?.every(({ hash }) => hash === null) === true) exitMisconfigured(noClientKey(setup));
}

/** Resolves when the store has opened, or after a while. Never resolves where it can't be opened, which ends the process. */
function opened(opening: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const cancelTimer = background(STORE_MS, resolve);
    void opening.then(resolve, () => {}).then(cancelTimer);
  });
}

function start(setup: Setup, { program, output, store, started, opening, fault, logFormat }: Starting): void {
  const { config, role } = setup;
  let server: Server;
  try {
    const { host, headTimeoutMs, maxConnections } = config;
    const { port } = role ?? config;
    const limits = { maxFrameBytes: program.maxFrameBytes, headTimeoutMs, maxConnections };
    server = runtime.listen({ host, port, isShared: role !== null, ...limits }, program.fetch);
  } catch (error) {
    void endDeaf(config, error);
    return;
  }
  const madeKey = (made: Setup): void => void tellKey(made, { ring: program.ring, output, logFormat });
  // What the first worker reports holds for all.
  const isFirst = role === null || role.index === 1;
  const reload = new Reload(setup, {
    program: isFirst ? program : { ring: program.ring, reload: program.reload, log: SILENT },
    after,
    mayRead: runtime.mayRead,
    madeKey: isFirst ? madeKey : () => {},
  });
  started(reload, config.host);
  const stop = stopper({ server, program, output, store, reload, log: () => (role === null ? program.log : SILENT) });
  const tellAll = (): void =>
    announce(setup, { program, output, host: config.host, port: server.port, fault, logFormat, isOwnServer: true });
  if (role === null) {
    // The reader of the first line may send a signal at once.
    onSignals({ stop, reload: () => reload.hangUp() });
    void opening.then(() => {
      if (!reload.isClosed) tellAll();
    });
  } else {
    obey({ stop, reload: () => reload.hangUp(), announce: tellAll });
    report({ report: "listening" });
  }
  reload.start();
}

/** For what only the first worker reports. */
const SILENT = { info: () => {}, warning: () => {}, error: () => {} };

interface Supervising {
  readonly output: LogOutput;
  readonly log: Log;
  readonly logFormat: WorkerRole["logFormat"];
  readonly count: number;
  readonly command: readonly [string, ...string[]];
}

/** Starts workers that share the port, in place of a server in this process. */
async function supervise({ config, runKey }: Setup, { output, log, logFormat, count, command }: Supervising): Promise<void> {
  const { host, shutdownTimeoutMs } = config;
  let port: number;
  try {
    // Listens alone for a moment: on a shared port, another program's server would go unnoticed.
    const probe = runtime.listen({ ...PROBE, host, port: config.port }, () => new Response(null, { status: 503 }));
    port = probe.port;
    await probe.drain();
  } catch (error) {
    return endDeaf(config, error);
  }
  const { Workers } = await import("./workers.ts");
  const ended = (exitCode: number): void => void output.flush(LAST_LINES_MS).then(() => process.exit(exitCode));
  const told = (line: string): void => void tellPerson([line], output);
  const ports = { after, monotonic: () => performance.now(), log, write: output.add, tellPerson: told, ended };
  const workers = new Workers({ command, count, port, runKey, logFormat }, ports);
  onSignals({ stop: (signal) => workers.stop(signal, shutdownTimeoutMs), reload: () => workers.reload() });
}

const PROBE = { maxFrameBytes: 0, headTimeoutMs: null, maxConnections: null };

/** Reports why it can't listen, and ends the process. */
async function endDeaf({ host, port, proxyKeys, upstreamKeys }: Config, error: unknown): Promise<never> {
  // For a name that can't be resolved, Bun reports the last error of the process, e.g. that the port is in use.
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
  /** The log for what all workers do alike. */
  readonly log: () => Pick<Log, "info" | "warning">;
}

/** Handles the first, the second and every further signal to stop. */
function stopper({ server, program, output, store, reload, log }: Stopping): (signal: NodeJS.Signals) => void {
  const { ring } = program;
  let stage: "running" | "stopping" | "ending" = "running";
  let drained: Promise<void> = Promise.resolve();
  const end = async (code: number): Promise<never> => {
    stage = "ending";
    ring.close();
    // Closing the database file properly removes its second file.
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
    if (stage === "stopping") return void force(EXIT_FAILED, () => log().warning("stopped at once", { signal }));
    stage = "stopping";
    reload.close();
    const timeoutMs = reload.setup.config.shutdownTimeoutMs;
    log().info("stopping", { signal, timeoutMs, ...waitingFor(program.calls.live().calls.length, timeoutMs) });
    const giveUp = after(timeoutMs, () => void force(0, () => program.log.warning("stopped with answers still running", { timeoutMs })));
    // The port stays open until the last answer has ended, so that probes and new clients get an answer.
    drained = program.drain().then(() => server.drain());
    void drained.then(() => {
      if (stage === "ending") return;
      giveUp();
      log().info("stopped");
      void end(0);
    });
  };
}

/** Explains why the process does not end yet. */
function waitingFor(calls: number, timeoutMs: number): { readonly calls?: number; readonly message?: string } {
  if (calls === 0) return {};
  const which = calls === 1 ? "1 running call" : `${calls} running calls`;
  return { calls, message: `Waiting up to ${timeoutMs / 1000} s for ${which}. A second signal (Ctrl-C) stops immediately.` };
}

interface Making {
  readonly commandLine: readonly string[];
  readonly output: LogOutput;
  readonly logFormat: WorkerRole["logFormat"];
  readonly fault: string | null;
}

interface Made {
  readonly program: Program;
  readonly start: () => void;
  /** Where the runtime listens. */
  readonly served: (address: Address) => void;
}

function make(setup: Setup, { commandLine, output, logFormat, fault }: Making): Made {
  const { config, role } = setup;
  const dataDir = config.dataDir ?? dataFolder({ environment: process.env, platform: process.platform });
  const worker = role === null ? {} : { worker: role.index };
  const store = openStore(
    config.databaseUrl,
    // In-memory stores of several workers would differ.
    { dataDir, isRequired: role !== null },
    {
      after: background,
      lost: (reason) => program.log.warning("store in memory", { reason, message: IN_MEMORY }),
      away: (reason) => program.log.warning("store unreachable", { ...worker, reason }),
      back: () => program.log.info("store reached", worker),
      replaced: (reason) => program.log.warning("store replaced", { ...worker, reason }),
    },
  );
  store.ready.catch(async (error: unknown) => {
    program.log.error("store refused", { message: error instanceof Error ? error.message : String(error) });
    await output.flush(LAST_LINES_MS);
    process.exit(EXIT_MISCONFIGURED);
  });
  let reload: Reload | null = null;
  // A program that imports this one, or `deno serve`, has its own address.
  let listensOn: string | null = null;
  const reloaded = (): void => (role === null ? undefined : report({ report: "reloaded" }));
  const operator = operatorOf({ commandLine, store, setup: () => reload?.setup ?? setup, reload: () => reload, reloaded });
  const isLocal = (): boolean => listensOn !== null && isLoopback(listensOn);
  const program: Program = composed(config, {
    store,
    dataDir,
    sink: output.add,
    logFormat,
    logLinesLost: () => output.lost,
    operator,
    isLocal,
    ...(role === null ? {} : { peers: peersOf(role, background) }),
  });
  return {
    program,
    start() {
      const started = (made: Reload, host: string): void => {
        reload = made;
        listensOn = host;
      };
      const needsKey = needsStoredKey(setup);
      const opening = opened(needsKey ? store.ready.then(() => findStoredKey(setup, store)) : store.ready);
      const listen = (): void => start(setup, { program, output, store, started, opening, fault, logFormat });
      // A worker reports that it listens, which it must not do before its store has opened.
      if (needsKey || role !== null) void opening.then(listen);
      else listen();
    },
    served(address) {
      listensOn = address.host;
      void opened(store.ready).then(() => announce(setup, { program, output, ...address, fault: null, logFormat, isOwnServer: false }));
    },
  };
}

export function serve(commandLine: readonly string[], isMain: boolean): EntryPoint {
  const role = isMain ? takeRole(process.env) : null;
  const setup = configureOrExit(commandLine, role);
  const { config } = setup;
  const logFormat = role?.logFormat ?? (runtime.isTerminal("stdout") ? "text" : "json");
  const { count, command, fault } = isMain && role === null ? planOf(config) : ALONE;
  const redactor = new Redactor([...config.proxyKeys.map(({ key }) => key), ...config.upstreamKeys, setup.runKey]);
  const ownLog = openLog({
    level: config.logLevel,
    format: config.logFormat ?? logFormat,
    sink: (line) => output.add(line),
    now: Date.now,
    redactor,
  });
  const output: LogOutput = new LogOutput({
    write: runtime.write,
    after,
    ...(showsColours() ? { paint: painted } : {}),
    report: (lost) => (made?.program.log ?? ownLog).error("log lines lost", { count: lost }),
  });
  // After a crash. A reader that does not read could block the end for ever.
  process.on("exit", () => {
    const last = output.isWriting ? "" : output.takeAll();
    if (last !== "") writeLast(last);
  });
  let made: Made | null = null;
  const single = (): Made => (made ??= make(setup, { commandLine, output, logFormat, fault }));
  if (command === null) single();
  // A program that imports this one may pass further arguments.
  if (!isMain) return { fetch: (request) => single().program.fetch(request) };
  if (role !== null) {
    queueMicrotask(() => single().start());
    return {};
  }
  return runtime.entryPoint({
    fetch: (request, connection) => single().program.fetch(request, connection),
    maxFrameBytes: maxFrameBytesOf(config),
    start: () => (command === null ? single().start() : void supervise(setup, { output, log: ownLog, logFormat, count, command })),
    served: (address) => single().served(address),
  });
}

const ALONE: WorkersPlan = { count: 1, command: null, fault: null };

function planOf(config: Config): WorkersPlan {
  return workersOf(config, { cores: navigator.hardwareConcurrency, command: runtime.workerCommand });
}
