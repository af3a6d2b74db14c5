// Runs a program at this process's terminal: it shares input, output and exit code, and gets the signals.

import { constants } from "node:os";
import process from "node:process";
import spawn from "cross-spawn";
import { CommandError } from "./command.ts";
import { codeOf } from "./environment.ts";

export interface ChildOptions {
  readonly words: readonly string[];
  /** Where it runs. */
  readonly folder: string;
  /** Its whole environment. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Shells report 128 plus the number of the signal that ended a program. */
const SIGNALLED = 128;
/** A terminal sends these to every foreground process, so also to the child. */
const FROM_TERMINAL: readonly NodeJS.Signals[] = ["SIGINT", "SIGQUIT"];
const HANDED_ON: readonly NodeJS.Signals[] = ["SIGTERM", "SIGHUP"];

/** Resolves to the exit code in a shell's convention. @throws CommandError where it can't be started */
export async function runChild(path: string, { words, folder, environment }: ChildOptions): Promise<number> {
  // An npm script on Windows can't be started directly.
  const child = spawn(path, words, { stdio: "inherit", cwd: folder, env: environment });
  const handOn = (signal: NodeJS.Signals): void => {
    const isTold = FROM_TERMINAL.includes(signal) && process.stdin.isTTY;
    // Deno loses the exit code of a child after its own method has sent it a signal.
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
  // The signals stay caught: the clean-up at the end must not be interrupted.
}

function sendTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended.
  }
}
