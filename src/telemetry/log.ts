// Writes one line for each event, readable or JSON, to the sink that it was given. Secrets are masked on the way (redaction.ts).
// Does no I/O of its own, reads no clock of its own, and never throws because of what a field holds.
//
// A logging library was considered (2026-11, logtape with its redaction). It takes 10 ms to import and configure, as long as the whole
// program may take to start, and it masks by field name or pattern, but not known keys or their escaped forms.

import type { LogLevel } from "../errors.ts";
import type { Redactor } from "./redaction.ts";
import { callLine, eventLine, type LineHead } from "./text-line.ts";

export type LogFields = Readonly<Record<string, unknown>>;

/** A line that is written for every call, split into parts for a faster search for secrets. */
export interface PlainLine {
  readonly event: string;
  /** Only strings, numbers, booleans and null; undefined fields are left out. */
  readonly fields: LogFields;
  /** The event and all possible field names as one text, the same for each line. */
  readonly names: string;
  /** String values that recur in many lines, joined by line breaks. */
  readonly usual: string;
  /** All other string values. */
  readonly texts: string;
}

export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warning(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /** Writes the same line as the methods above, faster. */
  plain(level: LogLevel, line: PlainLine): void;
  /** Whether lines of this level are written. Check it before gathering anything expensive. */
  enabled(level: LogLevel): boolean;
  /** The same log with further secrets to mask, for one request. */
  knowing(secrets: readonly string[]): Log;
}

export interface LogOptions {
  /** Lines below this level are not written. */
  readonly level: LogLevel;
  /** `text`: lines for people, of a call only the essentials unless the level is `debug`; `json`: one JSON object a line. */
  readonly format: "text" | "json";
  /** Gets each line without its line break. */
  readonly sink: (line: string) => void;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  readonly redactor: Redactor;
}

/** The event of a call's line. */
export const CALL_EVENT = "request";

const LEVELS: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warning: 2, error: 3 };
/** The longest string of a field, in characters; the rest, as of a debugged body, is cut off. */
const MAX_TEXT_LENGTH = 32_768;

export function openLog(options: LogOptions): Log {
  return new LineLog(options, { redactor: options.redactor, times: new IsoTimes() });
}

/** Times in ISO 8601. Most are within the same second as the one before. */
class IsoTimes {
  #second = Number.NaN;
  /** Everything up to the milliseconds. */
  #beginning = "";

  at(ms: number): string {
    const second = Math.floor(ms / 1000);
    if (second !== this.#second) {
      this.#beginning = new Date(second * 1000).toISOString().slice(0, -"000Z".length);
      this.#second = second;
    }
    return `${this.#beginning}${String(Math.floor(ms - second * 1000)).padStart(3, "0")}Z`;
  }
}

class LineLog implements Log {
  readonly #options: LogOptions;
  readonly #redactor: Redactor;
  readonly #times: IsoTimes;

  constructor(options: LogOptions, { redactor, times }: { readonly redactor: Redactor; readonly times: IsoTimes }) {
    this.#options = options;
    this.#redactor = redactor;
    this.#times = times;
  }

  debug(event: string, fields?: LogFields): void {
    this.#write("debug", event, fields);
  }

  info(event: string, fields?: LogFields): void {
    this.#write("info", event, fields);
  }

  warning(event: string, fields?: LogFields): void {
    this.#write("warning", event, fields);
  }

  error(event: string, fields?: LogFields): void {
    this.#write("error", event, fields);
  }

  plain(level: LogLevel, { event, fields, names, usual, texts }: PlainLine): void {
    if (!this.enabled(level)) return;
    const redactor = this.#redactor;
    const isClear = redactor.clearsAgain(names) && redactor.clearsAgain(usual) && redactor.clears(texts);
    const line = isClear ? this.#line(level, event, fields) : null;
    if (line !== null && line.length <= MAX_TEXT_LENGTH) this.#options.sink(line);
    else this.#write(level, event, fields);
  }

  enabled(level: LogLevel): boolean {
    return LEVELS[level] >= LEVELS[this.#options.level];
  }

  knowing(secrets: readonly string[]): Log {
    const redactor = this.#redactor.with(secrets);
    return redactor === this.#redactor ? this : new LineLog(this.#options, { redactor, times: this.#times });
  }

  #write(level: LogLevel, event: string, fields: LogFields = {}): void {
    if (!this.enabled(level)) return;
    const redactor = this.#redactor;
    if (isPlain(fields)) {
      const line = this.#line(level, event, fields);
      if (line.length <= MAX_TEXT_LENGTH && redactor.clears(line)) return this.#options.sink(line);
    }
    this.#options.sink(this.#line(level, redactor.text(event), redactor.record(fields, MAX_TEXT_LENGTH)));
  }

  #line(level: LogLevel, event: string, fields: LogFields): string {
    const head = { time: this.#times.at(this.#options.now()), level, event };
    if (this.#options.format === "json") return jsonLine(head, fields);
    return event === CALL_EVENT && this.#options.level !== "debug" ? callLine(head, fields) : eventLine(head, fields);
  }
}

/** Whether these fields can go into a line unchanged, apart from secrets. */
function isPlain(fields: LogFields): boolean {
  for (const name in fields) {
    const value = fields[name];
    const isOne =
      value === null || value === undefined || typeof value === "string" || typeof value === "number" || typeof value === "boolean";
    if (!isOne && !(Array.isArray(value) && value.every((item) => typeof item === "string") && value.length !== 2)) return false;
  }
  return true;
}

/** `time`, `level` and `event` come first and can't be overwritten by a field. */
function jsonLine(head: LineHead, fields: LogFields): string {
  if ("time" in fields || "level" in fields || "event" in fields) return JSON.stringify({ ...head, ...fields, ...head });
  const rest = JSON.stringify(fields);
  return `{"time":"${head.time}","level":"${head.level}","event":${JSON.stringify(head.event)}${rest === "{}" ? "" : ","}${rest.slice(1)}`;
}
