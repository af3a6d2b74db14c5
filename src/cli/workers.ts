// Runs several workers on one port: starts them, writes their log, hands signals on, and replaces who dies.
// Never answers a request.

import { spawn, type ChildProcess } from "node:child_process";
import process from "node:process";
import type { After } from "../runtime/ports.ts";
import type { Log } from "../telemetry/log.ts";
import { FOR_PERSON, ROLE_VARIABLE, type Order, type Report, type WorkerRole } from "./worker.ts";

/** So many deaths within so long end it all; more where there are many workers, which may die of one cause. */
const MOST_DEATHS = 10;
const DEATHS_MS = 60_000;
/** How long the place of a worker that died stays empty: longer with each death. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2000;
/** How long workers have to end at once. */
const LAST_MS = 5000;
const EXIT_FAILED = 1;

export interface WorkersPorts {
  readonly after: After;
  /** Milliseconds that only grow. */
  readonly monotonic: () => number;
  readonly log: Log;
  /** Gets each log line of a worker. */
  readonly write: (line: string) => void;
  /** Gets each line that a worker has for the person at the terminal. */
  readonly tellPerson: (line: string) => void;
  /** Called once, when all have ended. */
  readonly ended: (exitCode: number) => void;
}

export interface WorkersOptions extends Omit<WorkerRole, "index"> {
  readonly command: readonly [string, ...string[]];
}

interface Worker {
  readonly index: number;
  readonly child: ChildProcess;
  isListening: boolean;
}

export class Workers {
  readonly #ports: WorkersPorts;
  readonly #options: WorkersOptions;
  readonly #running = new Map<number, Worker>();
  /** When workers died, within the last minute. */
  #deaths: number[] = [];
  #isAnnounced = false;
  #stage: "running" | "stopping" | "ending" = "running";
  #exitCode = 0;

  constructor(options: WorkersOptions, ports: WorkersPorts) {
    this.#ports = ports;
    this.#options = options;
    // The first alone makes what all need, such as the tables of the database, and says what is wrong once.
    this.#start(1);
  }

  reload(): void {
    this.#tell({ order: "reload" });
  }

  /** At the first signal what runs may end, at the second it is broken off, and at the third nobody waits any more. */
  stop(signal: NodeJS.Signals, timeoutMs: number): void {
    const { log, after } = this.#ports;
    if (this.#stage === "ending") return this.#kill(() => true);
    if (this.#stage === "stopping") {
      this.#stage = "ending";
      log.warning("stopped at once", { signal });
      after(LAST_MS, () => this.#kill(() => true));
    } else {
      this.#stage = "stopping";
      log.info("stopping", { signal, timeoutMs, message: "A second signal (Ctrl-C) stops immediately." });
    }
    this.#stopAll(signal);
  }

  #stopAll(signal: NodeJS.Signals): void {
    // One that does not listen yet has nothing to end, and nobody knows whether it would hear it.
    this.#kill(({ isListening }) => !isListening);
    this.#tell({ order: "stop", signal });
    this.#endIfAlone();
  }

  #kill(isMeant: (worker: Worker) => boolean): void {
    for (const worker of this.#running.values()) if (isMeant(worker)) worker.child.kill("SIGKILL");
  }

  #tell(order: Order, from: Worker | null = null): void {
    for (const worker of this.#running.values()) if (worker !== from) send(worker, order);
  }

  #start(index: number): void {
    if (this.#stage !== "running") return;
    const { command, ...role } = this.#options;
    const [program, ...words] = command;
    const child = spawn(program, words, {
      env: { ...process.env, [ROLE_VARIABLE]: JSON.stringify({ index, ...role } satisfies WorkerRole) },
      stdio: ["ignore", "pipe", "inherit", "ipc"],
    });
    const worker: Worker = { index, child, isListening: false };
    this.#running.set(index, worker);
    const { write, tellPerson } = this.#ports;
    const log = new LineSplitter((line) => (line.startsWith(FOR_PERSON) ? tellPerson(line.slice(FOR_PERSON.length)) : write(line)));
    child.stdout?.setEncoding("utf8").on("data", log.add);
    child.on("message", (message: Report) => this.#hear(worker, message));
    let isOver = false;
    const over = (code: number | null, reason: string | null): void => {
      if (isOver) return;
      isOver = true;
      log.end();
      this.#running.delete(index);
      this.#ended(worker, { code, reason });
    };
    child.once("error", (error) => over(null, error.message));
    // After all that it has written.
    child.once("close", (code, signal) => over(code, signal));
  }

  #hear(worker: Worker, message: Report): void {
    const { index } = worker;
    if (message.report === "listening") this.#listens(worker);
    else if (message.report === "reloaded") this.#tell({ order: "reload" }, worker);
    else if (message.report === "ask") {
      const { id, question } = message;
      const others = [...this.#running.values()].filter((other) => other !== worker && other.isListening);
      send(worker, { order: "asked", id, count: others.length });
      for (const other of others) send(other, { order: "answer", to: { worker: index, id }, question });
    } else {
      const asker = this.#running.get(message.to.worker);
      if (asker !== undefined) send(asker, { order: "answered", id: message.to.id, answer: message.answer });
    }
  }

  #listens(worker: Worker): void {
    worker.isListening = true;
    const { log } = this.#ports;
    const { count } = this.#options;
    if (this.#isAnnounced) return log.info("worker started", { worker: worker.index, pid: worker.child.pid ?? null });
    if (worker.index === 1) for (let index = 2; index <= count; index++) this.#start(index);
    const workers = [...this.#running.values()];
    if (workers.length < count || !workers.every(({ isListening }) => isListening)) return;
    this.#isAnnounced = true;
    const [first] = workers;
    if (first !== undefined) send(first, { order: "announce" });
  }

  #ended({ index, child, isListening }: Worker, { code, reason }: { readonly code: number | null; readonly reason: string | null }): void {
    const { log, after, monotonic } = this.#ports;
    if (this.#stage !== "running") {
      if (code !== 0 && isListening) this.#exitCode = EXIT_FAILED;
      return this.#endIfAlone();
    }
    // It has said why.
    if (!this.#isAnnounced && code !== null) return this.#giveUp(code === 0 ? EXIT_FAILED : code);
    const nowMs = monotonic();
    this.#deaths = [...this.#deaths.filter((atMs) => nowMs - atMs < DEATHS_MS), nowMs];
    const deaths = this.#deaths.length;
    log.error("worker died", { worker: index, pid: child.pid ?? null, code, reason });
    if (deaths >= Math.max(MOST_DEATHS, 2 * this.#options.count)) {
      log.error("workers keep dying", { deaths, withinMs: DEATHS_MS });
      return this.#giveUp(EXIT_FAILED);
    }
    after(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (deaths - 1)), () => this.#start(index));
  }

  #giveUp(exitCode: number): void {
    this.#stage = "stopping";
    this.#exitCode = exitCode;
    this.#stopAll("SIGTERM");
  }

  #endIfAlone(): void {
    if (this.#running.size > 0) return;
    if (this.#exitCode === 0) this.#ports.log.info("stopped");
    this.#ports.ended(this.#exitCode);
  }
}

function send({ child }: Worker, order: Order): void {
  // It may be about to end.
  if (child.connected) child.send(order, () => {});
}

/** Lines of a text that comes in pieces, so that those of several workers never stand within each other. */
class LineSplitter {
  readonly #write: (line: string) => void;
  #begun = "";

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  readonly add = (text: string): void => {
    const lines = text.split("\n");
    lines[0] = this.#begun + (lines[0] ?? "");
    this.#begun = lines.pop() ?? "";
    for (const line of lines) this.#write(line);
  };

  end(): void {
    if (this.#begun !== "") this.#write(this.#begun);
    this.#begun = "";
  }
}
