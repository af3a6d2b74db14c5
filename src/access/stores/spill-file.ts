// Files in the data folder in which usage rows wait for a store that is away: one for each process, and those that processes before it left.
// Never does: read a file to its end at once, or remove one that is not in the store.

import { promises as files } from "node:fs";
import { join } from "node:path";
import type { Spill } from "../ledger.ts";

export interface SpillFileOptions {
  /** Made when it is needed. */
  readonly dir: string;
  /** What no other process is called; files are read in the order of these names. */
  readonly owner: string;
  /** Of what this process writes and nobody has taken. */
  readonly maxBytes?: number;
}

/** The file that is being read: how far it is in the store, and how far `oldest` has read. */
interface Taken {
  readonly path: string;
  doneBytes: number;
  readBytes: number;
}

const PREFIX = "waiting-usage-";
const SUFFIX = ".jsonl";
/** A file that is being read is called so: its process goes on with a new one. */
const TAKEN = ".taken";
const MOST_BYTES = 64 * 1024 * 1024;
/** About a hundred rows. */
const CHUNK_BYTES = 64 * 1024;
const LINE_FEED = 0x0a;

export class SpillFile implements Spill {
  readonly #dir: string;
  readonly #path: string;
  readonly #maxBytes: number;
  #bytes = 0;
  #taken: Taken | null = null;

  constructor({ dir, owner, maxBytes = MOST_BYTES }: SpillFileOptions) {
    this.#dir = dir;
    this.#path = join(dir, `${PREFIX}${owner}${SUFFIX}`);
    this.#maxBytes = maxBytes;
  }

  async append(lines: string): Promise<boolean> {
    const bytes = new TextEncoder().encode(lines);
    if (this.#bytes + bytes.length > this.#maxBytes) return false;
    if (this.#bytes === 0) await files.mkdir(this.#dir, { recursive: true });
    await files.appendFile(this.#path, bytes, { mode: 0o600 });
    this.#bytes += bytes.length;
    return true;
  }

  async oldest(): Promise<readonly string[]> {
    for (;;) {
      const taken = this.#taken ?? (await this.#take());
      if (taken === null) return [];
      const chunk = await readAt(taken.path, taken.doneBytes);
      const end = chunk.lastIndexOf(LINE_FEED) + 1;
      if (end > 0) {
        taken.readBytes = taken.doneBytes + end;
        return new TextDecoder().decode(chunk.subarray(0, end)).split("\n").filter(Boolean);
      }
      // At its end, but for half a line that a killed process may have left.
      await files.rm(taken.path, { force: true });
      this.#taken = null;
    }
  }

  done(): Promise<void> {
    if (this.#taken !== null) this.#taken.doneBytes = this.#taken.readBytes;
    return Promise.resolve();
  }

  /** Whoever renames a file has it. Two who read the same rows do no harm: the store takes each once. */
  async #take(): Promise<Taken | null> {
    for (const name of (await namesIn(this.#dir)).filter((one) => one.startsWith(PREFIX)).toSorted()) {
      const path = join(this.#dir, name);
      const mine = `${this.#path}${TAKEN}`;
      if (!(await isRenamed(path, mine))) continue;
      if (path === this.#path) this.#bytes = 0;
      this.#taken = { path: mine, doneBytes: 0, readBytes: 0 };
      return this.#taken;
    }
    return null;
  }
}

async function readAt(path: string, position: number): Promise<Uint8Array> {
  const file = await files.open(path, "r");
  try {
    const { bytesRead, buffer } = await file.read(new Uint8Array(CHUNK_BYTES), 0, CHUNK_BYTES, position);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function namesIn(dir: string): Promise<string[]> {
  try {
    return await files.readdir(dir);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

async function isRenamed(from: string, to: string): Promise<boolean> {
  try {
    await files.rename(from, to);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
