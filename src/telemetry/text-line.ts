// A log line for people: an event with its fields, and a call in one line with the essentials first. What a line says never breaks it, or
// commands a terminal.
// Does not mask anything: it gets what may be shown.

import type { LogLevel } from "../errors.ts";

type Fields = Readonly<Record<string, unknown>>;

export interface LineHead {
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly level: LogLevel;
  readonly event: string;
}

const TIME = { start: 11, end: 19 };
const LEVEL_LENGTH = 7;

/** `12:00:00Z warning old upstream name=OPENAI_TARGET_URL`: every field. */
export function eventLine({ time, level, event }: LineHead, fields: Fields): string {
  const pairs = Object.entries(fields)
    .filter(([, value]) => isKnown(value))
    .map(([name, value]) => ` ${name}=${printed(value)}`);
  return forTerminal(`${timeOf(time)} ${level.padEnd(LEVEL_LENGTH)} ${event}${pairs.join("")}`);
}

/**
 * `12:00:00Z 200 POST /v1/messages claude-sonnet-5 1.2s 1000→200 alice <request id>`. The essentials of a `request`: JSON lines, and those of
 * LOG_LEVEL=debug, have all of it.
 */
export function callLine({ time }: LineHead, fields: Fields): string {
  const words = [
    `${timeOf(time)} ${statusOf(fields)} ${printed(fields["method"])} ${printed(fields["path"])}`,
    modelOf(fields),
    durationOf(fields["durationMs"]),
    tokensOf(fields),
    ...[fields["caller"]].filter(isKnown).map(printed),
    finishOf(fields["finish"]),
    isKnown(fields["attempts"]) ? `${printed(fields["attempts"])} attempts` : "",
    Array.isArray(fields["dropped"]) ? `dropped ${fields["dropped"].join(",")}` : "",
    isKnown(fields["error"]) ? failureOf(fields) : "",
    printed(fields["requestId"]),
  ];
  return forTerminal(words.filter((word) => word !== "").join(" "));
}

/** Where nothing was asked (`/explain`). */
const NO_STATUS = "---";

const FIRST_ERROR = 400;

/** An answer that failed after its head had gone out is said to be cut off: its status alone looks like success. */
function statusOf({ status, error }: Fields): string {
  if (!isKnown(status)) return NO_STATUS;
  return isKnown(error) && Number(status) < FIRST_ERROR ? `${printed(status)} cut` : printed(status);
}

function timeOf(time: string): string {
  return `${time.slice(TIME.start, TIME.end)}Z`;
}

function isKnown(value: unknown): boolean {
  return value !== null && value !== undefined;
}

function printed(value: unknown): string {
  return typeof value === "string" && BARE.test(value) ? value : JSON.stringify(value);
}

/** The name of the client, and the upstream's where it differs. */
function modelOf({ model, upstreamModel }: Fields): string {
  if (!isKnown(model)) return "";
  return isKnown(upstreamModel) && upstreamModel !== model ? `${printed(model)}→${printed(upstreamModel)}` : printed(model);
}

const SECOND = 1000;

function durationOf(ms: unknown): string {
  const number = Number(ms);
  return number < SECOND ? `${number}ms` : `${(number / SECOND).toFixed(1)}s`;
}

/** Input and output; `~` in front: not the upstream's count. */
function tokensOf({ inputTokens, outputTokens, usageSource }: Fields): string {
  if (!isKnown(inputTokens) && !isKnown(outputTokens)) return "";
  const [input, output] = [inputTokens, outputTokens].map((count) => (isKnown(count) ? printed(count) : "?"));
  return `${isKnown(usageSource) ? "~" : ""}${input}→${output}`;
}

/** Answers usually end by themselves, or to have tools called. */
const USUAL: ReadonlySet<unknown> = new Set(["end", "tool-calls"]);

function finishOf(finish: unknown): string {
  return !isKnown(finish) || USUAL.has(finish) ? "" : printed(finish);
}

/** The kind of error, who said it if it was Factory, and what went wrong. */
function failureOf({ error, reason, message, cause }: Fields): string {
  const from = reason === "upstream" ? " by Factory" : "";
  return `${String(error)}${from}: ${String(message)}${isKnown(cause) ? ` (${String(cause)})` : ""}`;
}

/** Characters that control a terminal or change the direction of text must never reach it raw: JSON escapes the low ones, this the others. */
export function forTerminal(line: string): string {
  return line.replace(CONTROL, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

const BARE = /^[^\s"=\\\p{Cc}\p{Bidi_C}]+$/u;
const CONTROL = /[\p{Cc}\p{Bidi_C}\u2028\u2029]/gu;

// ---- Colours -----------------------------------------------------------------------------------------------------

/** A finished line in colours: grave things stand out, time and request id step back. Other lines stay as they are. */
export function painted(line: string): string {
  const [, time, mark = "", rest = ""] = PARTS.exec(line) ?? [];
  if (time === undefined) return line;
  const [, middle, id] = STATUS.test(mark) ? (LAST_WORD.exec(rest) ?? []) : [];
  const end = middle === undefined ? rest : `${middle}${dim(id ?? "")}`;
  return `${dim(time)} ${sgr(colourOf(mark), mark)}${end}`;
}

const PARTS = /^(\d\d:\d\d:\d\dZ) (\d{3}(?: cut)?|debug|info|warning|error)\b(.*)$/;
const STATUS = /^\d{3}/;
const LAST_WORD = /^(.* )(\S+)$/;
/** Codes of SGR (ECMA-48). */
const [RED, GREEN, YELLOW, DIM] = [31, 32, 33, 2];

function colourOf(mark: string): number {
  if (/^(?:error|5)|cut$/.test(mark)) return RED;
  if (/^(?:warning|4)/.test(mark)) return YELLOW;
  return mark.startsWith("2") ? GREEN : DIM;
}

function dim(text: string): string {
  return sgr(DIM, text);
}

function sgr(code: number, text: string): string {
  return `\u001b[${code}m${text}\u001b[0m`;
}
