// One of several processes on the same port: what it is, and the channel to the process that started it, which has the signals and the log.
// Never outlives that process.

import process from "node:process";
import type { Config } from "../config/config.ts";
import type { Question, WorkersFault } from "../runtime/ports.ts";
import { isObject, parseOrUndefined } from "../wire/json.ts";

/** What a worker has to know before it starts. */
export interface WorkerRole {
  /** From 1. The first one says what is to be said once. */
  readonly index: number;
  readonly count: number;
  readonly port: number;
  readonly runKey: string;
  readonly logFormat: "text" | "json";
}

/** What a worker is told. */
export type Order =
  | { readonly order: "announce" }
  | { readonly order: "reload" }
  | { readonly order: "stop"; readonly signal: NodeJS.Signals }
  | { readonly order: "answer"; readonly to: Asked; readonly question: Question }
  /** So many will answer it. */
  | { readonly order: "asked"; readonly id: number; readonly count: number }
  | { readonly order: "answered"; readonly id: number; readonly answer: unknown };

/** Who asked, and which of its questions it is. */
export interface Asked {
  readonly worker: number;
  readonly id: number;
}

/** What a worker says. `reloaded`: an administrator had it read the configuration again. */
export type Report =
  | { readonly report: "listening" }
  | { readonly report: "reloaded" }
  | { readonly report: "ask"; readonly id: number; readonly question: Question }
  | { readonly report: "answer"; readonly to: Asked; readonly answer: unknown };

/** How many workers there are to be. */
export function workersOf(
  { workers, databaseUrl }: Pick<Config, "workers" | "databaseUrl">,
  { cores, command }: { readonly cores: number; readonly command: () => readonly [string, ...string[]] | WorkersFault },
): WorkersPlan {
  const count = workers ?? cores;
  if (count === 1) return { count, command: null, fault: null };
  if (databaseUrl === "memory:") return { count: 1, command: null, fault: "DATABASE_URL is memory:, which processes can't share." };
  const found = command();
  return "fault" in found ? { count: 1, command: null, fault: found.fault } : { count, command: found, fault: null };
}

export interface WorkersPlan {
  readonly count: number;
  /** What starts one. Null: this process is the only one. */
  readonly command: readonly [string, ...string[]] | null;
  /** Why there is one where several were asked for. Null: as many as were asked for. */
  readonly fault: string | null;
}

/** Begins a line on a worker's standard output that is for the person at the terminal, after the log lines before it. It goes to no log. */
export const FOR_PERSON = "\u0001";

/** Holds the role of a worker as JSON. */
export const ROLE_VARIABLE = "FACTORY_PROXY_WORKER";

/** Null: this process is no worker. Nobody else finds the role in the environment then. */
export function takeRole(environment: Record<string, string | undefined>): WorkerRole | null {
  const text = environment[ROLE_VARIABLE];
  if (text === undefined) return null;
  delete environment[ROLE_VARIABLE];
  const role = parseOrUndefined(text);
  if (!isObject(role) || process.send === undefined) return null;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- workers.ts alone writes it
  return role as unknown as WorkerRole;
}

/** For the process that started this one. */
export function report(what: Report): void {
  // It may have died meanwhile.
  if (process.connected) process.send?.(what);
}

export interface Obeying {
  readonly announce: () => void;
  readonly reload: () => void;
  /** What a first and a second signal do. */
  readonly stop: (signal: NodeJS.Signals) => void;
}

/** Does what it is told from now on. A terminal, or systemd, sends signals to every process: those of workers are the parent's business. */
export function obey({ announce, reload, stop }: Obeying): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
  process.on("message", (message: Order) => {
    if (message.order === "announce") announce();
    else if (message.order === "reload") reload();
    else if (message.order === "stop") stop(message.signal);
  });
  process.on("disconnect", () => {
    stop("SIGTERM");
    stop("SIGTERM");
  });
}
