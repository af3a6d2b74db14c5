// The load process, as the program that orders it about sees it.
// Does not run two jobs at once; they would measure each other.

import type { ChildProcess } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Job, Result } from "./load.ts";
import { startProcess } from "./process.ts";

export class Load {
  readonly child: ChildProcess;
  #answer: ((line: string) => void) | null = null;
  #refuse: ((error: Error) => void) | null = null;

  constructor() {
    this.child = startProcess([process.execPath, fileURLToPath(new URL("load.ts", import.meta.url))], { piped: true });
    if (this.child.stdout === null) throw new Error("The load process has no output.");
    createInterface({ input: this.child.stdout }).on("line", (line) => this.#answer?.(line));
    this.child.once("exit", () => this.#refuse?.(new Error("The load process ended.")));
  }

  /** @throws Error when an answer was wrong, or none came. */
  async run(job: Job): Promise<Result> {
    const result = await this.attempt(job);
    if (result.fault !== null) throw new Error(result.fault);
    return result;
  }

  /** As `run`, with what went wrong in the result. */
  async attempt(job: Job): Promise<Result> {
    const line = await new Promise<string>((resolve, reject) => {
      this.#answer = resolve;
      this.#refuse = reject;
      this.child.stdin?.write(`${JSON.stringify(job)}\n`);
    });
    return JSON.parse(line) as Result;
  }
}
