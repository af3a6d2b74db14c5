// Reports when one of a few files may have changed, by checking them twice a second. It follows links, and notices when another file was
// renamed over one. `fs.watch` can't be used: on Deno (2.9) it opens and closes every file of the folder that changes, and closing a
// database file loses the locks that SQLite holds on it in the same process (https://www.sqlite.org/howtocorrupt.html, 2.2).
// Never opens a file, or prompts for a permission.

import { statSync } from "node:fs";
import { resolve } from "node:path";
import type { After } from "../runtime/ports.ts";

export interface FileWatchPorts {
  readonly after: After;
  /** Called once the files have stopped changing. */
  readonly changed: () => void;
  /** Whether a file may be looked at. */
  readonly mayRead: (path: string) => boolean;
}

const LOOK_MS = 500;

export class FileWatch {
  readonly #ports: FileWatchPorts;
  #paths: readonly string[] = [];
  #seen = "";
  /** Whether something has changed since the last report. */
  #isPending = false;
  #cancelTimer = (): void => {};

  constructor(ports: FileWatchPorts) {
    this.#ports = ports;
  }

  /** Watches these files, which need not exist, and no others. */
  follow(files: readonly string[]): void {
    const paths = [...new Set(files.map((file) => resolve(file)))].filter((path) => this.#ports.mayRead(path));
    if (paths.join("\n") === this.#paths.join("\n")) return;
    this.close();
    this.#paths = paths;
    this.#seen = this.#now();
    this.#goOn();
  }

  close(): void {
    this.#cancelTimer();
    this.#paths = [];
    this.#isPending = false;
  }

  #goOn(): void {
    if (this.#paths.length > 0) this.#cancelTimer = this.#ports.after(LOOK_MS, () => this.#look());
  }

  /** A file that is written in several steps is complete when two checks find the same. */
  #look(): void {
    const now = this.#now();
    const isCalm = now === this.#seen;
    this.#seen = now;
    this.#goOn();
    if (isCalm && this.#isPending) {
      this.#isPending = false;
      this.#ports.changed();
    } else if (!isCalm) this.#isPending = true;
  }

  #now(): string {
    return this.#paths.map(stateOf).join("\n");
  }
}

/** A text that changes when a file is changed, replaced, removed or created. Where a file can't be looked at, SIGHUP is needed. */
function stateOf(path: string): string {
  try {
    const found = statSync(path, { bigint: true, throwIfNoEntry: false });
    return found === undefined ? "none" : `${found.dev} ${found.ino} ${found.size} ${found.mtimeNs}`;
  } catch {
    return "unknown";
  }
}
