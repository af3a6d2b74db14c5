// Writes log lines in order, one write at a time, through a queue with a limit. A reader that stops, a full disk or a closed pipe costs
// lines, which are counted; the count becomes a line once a write works again.
// Never waits for a reader, and never throws because of one.

import type { After, Write } from "../runtime/ports.ts";

export interface LogOutputPorts {
  readonly write: Write;
  readonly after: After;
  /** Adds a line, through `add`, that reports how many lines were lost at this place. */
  readonly report: (count: number) => void;
  /** How a line looks where it is read; it stays one line. Absent: as it is. */
  readonly paint?: (line: string) => string;
}

interface Entry {
  readonly line: string;
  /** The line itself, or the number of lost lines that it reports. */
  readonly count: number;
}

/** Limit on the characters of all unwritten lines. */
export const MAX_QUEUED = 1024 * 1024;
/** Lines are accepted again below this many characters, so that a reader that barely keeps up does not get a report after each line. */
const RESUME_AT = MAX_QUEUED / 2;
/** Characters of one write, give or take a line. So a reader that comes back gets the first lines soon. */
const MAX_WRITE = 64 * 1024;
/** A pipe that somebody else made non-blocking does not say when there is room again. */
const LOOK_AGAIN_MS = 50;
/** Each write wakes a thread and is woken by it, which costs a busy server more than the line itself. */
const GATHER_MS = 5;
const LINE_FEED = 10;
const UTF8 = new TextEncoder();

export class LogOutput {
  readonly #ports: LogOutputPorts;
  #queue: Entry[] = [];
  #queued = 0;
  #missing = 0;
  #lost = 0;
  /** How many lost lines the line being added reports. */
  #weight = 1;
  #isFull = false;
  #isScheduled = false;
  #isWriting = false;
  /** A write ended inside a line. */
  #isTorn = false;
  #emptied: (() => void)[] = [];

  constructor(ports: LogOutputPorts) {
    this.#ports = ports;
  }

  /** Whether a write is running, perhaps one that nobody reads. */
  get isWriting(): boolean {
    return this.#isWriting;
  }

  /** Lines lost since the program started. */
  get lost(): number {
    return this.#lost;
  }

  /** Takes a line without its line break. Lines of the same few milliseconds go out together. */
  readonly add = (line: string): void => {
    this.#isFull ||= this.#queued + line.length > MAX_QUEUED;
    if (this.#isFull) {
      this.#missing += this.#weight;
      if (this.#weight === 1) this.#lost++;
      return;
    }
    this.#queue.push({ line, count: this.#weight });
    this.#queued += line.length + 1;
    if (this.#isScheduled || this.#isWriting) return;
    this.#isScheduled = true;
    this.#ports.after(GATHER_MS, () => {
      this.#isScheduled = false;
      void this.#writeAll();
    });
  };

  /** Takes out everything that has not been written; from now on only the caller writes it. */
  takeAll(): string {
    const text = this.#queue.map(({ line }) => `${line}\n`).join("");
    this.#queue = [];
    this.#queued = 0;
    return text;
  }

  /** Resolves when every line has been written or lost, at the latest after `ms` milliseconds. */
  flush(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancelTimer = this.#ports.after(ms, resolve);
      this.#emptied.push(() => {
        cancelTimer();
        resolve();
      });
      void this.#writeAll();
    });
  }

  async #writeAll(): Promise<void> {
    if (this.#isWriting) return;
    this.#isWriting = true;
    while (this.#queue.length > 0) await this.#writeSome();
    this.#isWriting = false;
    const emptied = this.#emptied;
    this.#emptied = [];
    for (const resolve of emptied) resolve();
  }

  async #writeSome(): Promise<void> {
    const { entries, length } = this.#nextBatch();
    const unwritten = await this.#write(entries);
    this.#queued -= length;
    if (this.#queued <= RESUME_AT) this.#isFull = false;
    for (const { count } of unwritten) {
      this.#missing += count;
      // The lines that it reports are counted already.
      if (count === 1) this.#lost++;
    }
    if (unwritten.length > 0 || this.#missing === 0 || this.#isFull) return;
    this.#weight = this.#missing;
    this.#missing = 0;
    this.#ports.report(this.#weight);
    this.#weight = 1;
  }

  #nextBatch(): { readonly entries: readonly Entry[]; readonly length: number } {
    let length = 0;
    let count = 0;
    for (const { line } of this.#queue) {
      if (length >= MAX_WRITE) break;
      length += line.length + 1;
      count++;
    }
    return { entries: this.#queue.splice(0, count), length };
  }

  /** Returns the entries that were lost. */
  async #write(entries: readonly Entry[]): Promise<readonly Entry[]> {
    // First ends the line that was broken off.
    const start = this.#isTorn ? "\n" : "";
    const { paint = asItIs } = this.#ports;
    const bytes = UTF8.encode(start + entries.map(({ line }) => `${paint(line)}\n`).join(""));
    let at = 0;
    while (at < bytes.length) {
      try {
        at += await this.#ports.write(bytes.subarray(at));
      } catch (error) {
        if (error instanceof Error && "code" in error && error.code === "EAGAIN") {
          await new Promise<void>((resolve) => this.#ports.after(LOOK_AGAIN_MS, resolve));
          continue;
        }
        if (at === 0) return entries;
        const written = bytes.subarray(0, at);
        this.#isTorn = written.at(-1) !== LINE_FEED;
        return entries.slice(written.filter((byte) => byte === LINE_FEED).length - start.length);
      }
    }
    this.#isTorn = false;
    return [];
  }
}

function asItIs(line: string): string {
  return line;
}
