// Runs a program at this process's terminal: its input, output and exit code are those of this process, and signals reach it.

import { constants } from "node:os";
import process from "node:process";
import spawn from "cross-spawn";
import { CommandError } from "./command.ts";
import { codeOf } from "./environment.ts";

export interface ChildOptions {
  readonly words: readonly string[];
  /** All of it. */
  readonly environment: Readonly<Record<string, string>>;
}

/** What a shell adds to the number of a signal that ended a program. */
const SIGNALLED = 128;
/** A terminal sends these to every process in front of it, so to the child too. */
const FROM_TERMINAL: readonly NodeJS.Signals[] = ["SIGINT", "SIGQUIT"];
const HANDED_ON: readonly NodeJS.Signals[] = ["SIGTERM", "SIGHUP"];

/** Resolves to the exit code, as a shell would say it. @throws CommandError where it can't be started */
export async function runChild(path: string, { words, environment }: ChildOptions): Promise<number> {
  // A script of npm's on Windows can't be started by itself.
  const child = spawn(path, words, { stdio: "inherit", env: environment });
  const handOn = (signal: NodeJS.Signals): void => {
    const isTold = FROM_TERMINAL.includes(signal) && process.stdin.isTTY;
    // Deno loses the exit code of a child that its own method has sent a signal.
    if (!isTold && child.pid !== undefined && child.exitCode === null) sendTo(child.pid, signal);
  };
  const signals = process.platform === "win32" ? (["SIGINT", "SIGHUP"] as const) : [...FROM_TERMINAL, ...HANDED_ON];
  for (const signal of signals) process.on(signal, handOn);
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code, signal) => resolve(signal === null ? (code ?? 0) : SIGNALLED + constants.signals[signal]));
    });
  } catch (error) {
    throw CommandError.failed(`${path} can't be started (${String(codeOf(error) ?? error)}).`);
  }
  // The signals stay taken: what has to be put in order at the end must not be cut off.
}

function sendTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended.
  }
}
