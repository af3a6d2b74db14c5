// What setup remembers of an agent, in DATA_DIR: what it wrote where, and each file's earlier state with its hash.
// Readable only by the owner: files of agents hold secrets.

import { chmodSync, existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { runtime } from "../runtime/runtime.ts";
import { glance, isObject } from "../wire/json.ts";
import { CommandError } from "./command.ts";
import type { FormatName, Step } from "./settings-format.ts";
import { fileState, makeFolders, OWNER_ONLY, putFile, removeFolders, removeLeftovers } from "./settings-files.ts";

export interface SetupRecord {
  readonly agent: string;
  /** The client key that setup created, which other agents may share; null: the agent uses another one. */
  readonly madeKey: MadeKey | null;
  /** Whether the agent takes its key from the environment. */
  readonly readsVariable: boolean;
  /** Folders that were created, the outermost first. */
  readonly folders: readonly string[];
  readonly files: readonly FileRecord[];
}

export interface MadeKey {
  readonly name: string;
  /** Secret. Null: it was shown once and not kept. */
  readonly key: string | null;
  /** When it was created, in Unix milliseconds: distinguishes it from a later key of the same name. Absent: an older setup did not record it. */
  readonly createdMs?: number;
}

export interface FileRecord {
  /** The path as the agent knows it. */
  readonly path: string;
  /** The real file. */
  readonly target: string;
  readonly format: FormatName;
  /** SHA-256 of the earlier state, in hex; null: there was no file. */
  readonly beforeHash: string | null;
  readonly afterHash: string;
  /** The name of the copy of the earlier state; null: there was no file. */
  readonly copy: string | null;
  readonly modeBefore: number | null;
  readonly modeAfter: number;
  readonly entries: readonly Entry[];
  /** Objects and lists that had to be created for the members, the outermost first. */
  readonly madeParents: readonly (readonly Step[])[];
}

/** A member that was written. */
export interface Entry {
  readonly path: readonly Step[];
  readonly value: unknown;
  /** The earlier value; absent: none. */
  readonly before?: unknown;
}

export class SetupRecords {
  readonly #folder: string;

  constructor(dataDir: string) {
    this.#folder = join(dataDir, "setup");
  }

  /** Null: it was not set up. @throws CommandError where the record is damaged */
  of(agent: string): SetupRecord | null {
    const path = join(this.#folder, `${agent}.json`);
    if (!existsSync(path)) return null;
    const record = recordAt(path);
    if (record !== null) return record;
    throw CommandError.failed(`${path} is damaged. Backups from before setup are next to it. Restore them by hand, then delete it.`);
  }

  /** @throws FileFault */
  save(record: SetupRecord): void {
    this.#put(`${record.agent}.json`, `${JSON.stringify(record, null, 2)}\n`);
  }

  /** Stores a copy of a text and returns its name. @throws FileFault */
  keep(agent: string, { path, text }: { readonly path: string; readonly text: string }): string {
    const name = `${agent}-${hashOf(text).slice(0, 12)}-${basename(path)}`;
    this.#put(name, text);
    return name;
  }

  /** The copy of an earlier state; null: it is gone, or has been changed. */
  copyOf({ copy, beforeHash }: FileRecord): string | null {
    if (copy === null) return null;
    const { text } = fileState(this.copyPath(copy));
    return text !== null && hashOf(text) === beforeHash ? text : null;
  }

  copyPath(copy: string): string {
    return join(this.#folder, copy);
  }

  /** Removes the copies of an agent, except those to keep. */
  sweep(agent: string, kept: readonly string[]): void {
    removeLeftovers(join(this.#folder, `${agent}.json`));
    for (const name of this.#names()) {
      if (name.startsWith(`${agent}-`) && !kept.includes(name)) rmSync(join(this.#folder, name), { force: true });
    }
  }

  /** Forgets an agent and its copies, except those to keep. */
  remove(agent: string, kept: readonly string[]): void {
    this.sweep(agent, kept);
    rmSync(join(this.#folder, `${agent}.json`), { force: true });
    removeFolders([this.#folder]);
  }

  /** All agents that are set up, except those with damaged records. */
  all(): SetupRecord[] {
    return this.#found().flatMap(({ record }) => record ?? []);
  }

  /** The paths of damaged records. */
  damaged(): string[] {
    return this.#found().flatMap(({ path, record }) => (record === null ? [path] : []));
  }

  #found(): { readonly path: string; readonly record: SetupRecord | null }[] {
    const names = this.#names().filter((name) => /^[a-z]+\.json$/.test(name));
    return names.map((name) => {
      const path = join(this.#folder, name);
      return { path, record: recordAt(path) };
    });
  }

  #names(): string[] {
    return existsSync(this.#folder) ? readdirSync(this.#folder) : [];
  }

  #put(name: string, text: string): void {
    const path = join(this.#folder, name);
    makeFolders(path);
    chmodSync(this.#folder, 0o700);
    putFile(path, { text, mode: OWNER_ONLY });
  }
}

/** Null: it is damaged. */
function recordAt(path: string): SetupRecord | null {
  const record = glance(readFileSync(path, "utf8"));
  return isRecord(record) ? record : null;
}

/** Only setup writes records, so a superficial check is enough. */
function isRecord(value: unknown): value is SetupRecord {
  return isObject(value) && Array.isArray(value["files"]) && Array.isArray(value["folders"]);
}

export function hashOf(text: string): string {
  return runtime.sha256(text).toHex();
}
