// Writes one line for each event, readable or JSON, to the sink that it was given. Secrets are masked on the way (redaction.ts).
// Never does I/O of its own, reads a clock of its own, or throws because of what a field holds.
//
// A logging library was considered (2026-11, logtape with its redaction). It takes 10 ms to import and configure, which is as long as
// the whole program may take to start, and it masks by field name or pattern, but not keys that it is told about, nor their escaped forms.

import type { LogLevel } from "../errors.ts";
import type { Redactor } from "./redaction.ts";

export type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warning(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /** Whether lines of this level are written: ask before gathering what is costly. */
  enabled(level: LogLevel): boolean;
  /** The same log with further secrets to mask, for one request. */
  knowing(secrets: readonly string[]): Log;
}

export interface LogOptions {
  /** Lines below this level are left out. */
  readonly level: LogLevel;
  /** `text`: readable lines for a terminal; `json`: one JSON object a line. */
  readonly format: "text" | "json";
  /** Gets each line without its line break. */
  readonly sink: (line: string) => void;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  readonly redactor: Redactor;
}

const LEVELS: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warning: 2, error: 3 };
/** Longest string of a field, in characters; the rest of a debugged body is left out. */
const MAX_TEXT_LENGTH = 32_768;

export function openLog(options: LogOptions): Log {
  return new LineLog(options, options.redactor);
}

class LineLog implements Log {
  readonly #options: LogOptions;
  readonly #redactor: Redactor;

  constructor(options: LogOptions, redactor: Redactor) {
    this.#options = options;
    this.#redactor = redactor;
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

  enabled(level: LogLevel): boolean {
    return LEVELS[level] >= LEVELS[this.#options.level];
  }

  knowing(secrets: readonly string[]): Log {
    const redactor = this.#redactor.with(secrets);
    return redactor === this.#redactor ? this : new LineLog(this.#options, redactor);
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
    const time = new Date(this.#options.now()).toISOString();
    if (this.#options.format === "json") return jsonLine({ time, level, event }, fields);
    return textLine(`${time.slice(11)} ${level.padEnd(7)} ${event}`, fields);
  }
}

/** Whether these fields go into a line as they are, secrets aside. */
function isPlain(fields: LogFields): boolean {
  for (const name in fields) {
    const value = fields[name];
    const isOne = value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean";
    if (!isOne && !(Array.isArray(value) && value.every((item) => typeof item === "string") && value.length !== 2)) return false;
  }
  return true;
}

/** `time`, `level` and `event` come first and can't be overwritten by a field. */
function jsonLine(head: Readonly<Record<string, string>>, fields: Readonly<Record<string, unknown>>): string {
  for (const name in head) if (name in fields) return JSON.stringify({ ...head, ...fields, ...head });
  const rest = JSON.stringify(fields);
  return `${JSON.stringify(head).slice(0, -1)}${rest === "{}" ? "" : ","}${rest.slice(1)}`;
}

function textLine(head: string, fields: Readonly<Record<string, unknown>>): string {
  const pairs = Object.entries(fields)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => ` ${name}=${typeof value === "string" && BARE.test(value) ? value : JSON.stringify(value)}`);
  return forTerminal(head + pairs.join(""));
}

/** What commands a terminal, or turns the direction of its text, never reaches it raw: JSON escapes the low bytes, this the rest. */
export function forTerminal(line: string): string {
  return line.replace(CONTROL, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

const BARE = /^[^\s"=\\\p{Cc}\p{Bidi_C}]+$/u;
const CONTROL = /[\p{Cc}\p{Bidi_C}\u2028\u2029]/gu;
