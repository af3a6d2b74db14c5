// Tells when one of a few files may have changed, by asking the system about them twice a second. It follows links, and knows a file that another
// was renamed over. `fs.watch` is no way to do it: on Deno (2.9) it opens and closes every file of the folder that changes, and whoever closes a
// database file loses the locks that SQLite holds on it in the same process (https://www.sqlite.org/howtocorrupt.html, 2.2).
// Never opens a file, or asks a person for permission.

import { statSync } from "node:fs";
import { resolve } from "node:path";
import type { After } from "../runtime/ports.ts";

export interface FileWatchPorts {
  readonly after: After;
  /** Called once things have calmed down. */
  readonly changed: () => void;
  /** Whether a file may be looked at. */
  readonly mayRead: (path: string) => boolean;
}

const LOOK_MS = 500;

export class FileWatch {
  readonly #ports: FileWatchPorts;
  #paths: readonly string[] = [];
  #seen = "";
  /** Something has changed since it was last told. */
  #isPending = false;
  #cancelTimer = (): void => {};

  constructor(ports: FileWatchPorts) {
    this.#ports = ports;
  }

  /** Watches for these files, which need not exist, and for no others any more. */
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

  /** A file that is written in several steps is whole when two looks have found the same. */
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

/** Another text for a file that was changed, replaced, removed or made. SIGHUP helps where a file can't be looked at. */
function stateOf(path: string): string {
  try {
    const found = statSync(path, { bigint: true, throwIfNoEntry: false });
    return found === undefined ? "none" : `${found.dev} ${found.ino} ${found.size} ${found.mtimeNs}`;
  } catch {
    return "unknown";
  }
}
