// Tells when one of a few files may have changed, by watching their folders: whoever watches a file itself hears nothing more of it once another
// one has been renamed over it.
// Never reads a file, or asks a person for permission.

import { watch, type FSWatcher } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import type { After } from "../runtime/ports.ts";

export interface FileWatchPorts {
  readonly after: After;
  /** Called once things have calmed down. */
  readonly changed: () => void;
  /** Whether a folder may be watched. */
  readonly mayRead: (folder: string) => boolean;
}

/** A file that is written in several steps is whole by then. */
const SETTLED_MS = 200;
/** Kubernetes changes all files of a folder at once, by another link of such a name. */
const LINK = "..";

export class FileWatch {
  readonly #ports: FileWatchPorts;
  #watchers: readonly FSWatcher[] = [];
  #watched = "";
  #takeBack = (): void => {};

  constructor(ports: FileWatchPorts) {
    this.#ports = ports;
  }

  /** Watches for these files, which need not exist, and for no others any more. */
  follow(files: readonly string[]): void {
    const paths = [...new Set(files.map((file) => resolve(file)))];
    if (paths.join("\n") === this.#watched) return;
    this.close();
    this.#watched = paths.join("\n");
    const names = new Set(paths.map((path) => basename(path)));
    const folders = [...new Set(paths.map((path) => dirname(path)))];
    this.#watchers = folders.flatMap((folder) => this.#watch(folder, names) ?? []);
  }

  close(): void {
    this.#takeBack();
    for (const watcher of this.#watchers) watcher.close();
    this.#watchers = [];
    this.#watched = "";
  }

  /** Null: the folder can't be watched. SIGHUP does without. */
  #watch(folder: string, names: ReadonlySet<string>): FSWatcher | null {
    if (!this.#ports.mayRead(folder)) return null;
    try {
      const watcher = watch(folder, (_, name) => {
        if (name !== null && !names.has(name) && !name.startsWith(LINK)) return;
        this.#takeBack();
        this.#takeBack = this.#ports.after(SETTLED_MS, this.#ports.changed);
      });
      watcher.on("error", () => {});
      return watcher;
    } catch {
      return null;
    }
  }
}
