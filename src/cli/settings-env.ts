// Lines of NAME=value, as dotenv reads them. Never changes a line that sets another variable, or a comment.

import type { Change, SettingsFormat } from "./settings-format.ts";

export const ENV: SettingsFormat = {
  title: "lines of NAME=value",
  parse: (text) => Object.fromEntries(assignments(text).map(({ name, value }) => [name, value])),
  edit: (text, changes) => changes.reduce(changed, text),
};

interface Assignment {
  readonly name: string;
  readonly value: string;
  /** Its position in the text. */
  readonly start: number;
  readonly end: number;
  readonly valueStart: number;
  readonly valueEnd: number;
}

/** https://github.com/motdotla/dotenv/blob/master/lib/main.js (read 2026-11-28), without its `NAME: value`. */
const LINE =
  /^([^\S\n]*(?:export[^\S\n]+)?([\w.-]+)[^\S\n]*=[^\S\n]*)('(?:\\'|[^'])*'|"(?:\\"|[^"])*"|`(?:\\`|[^`])*`|[^#\r\n]*)[^\n]*(?:\n|$)/gm;

function assignments(text: string): Assignment[] {
  return [...text.matchAll(LINE)].map((match) => {
    const [line, before = "", name = "", raw = ""] = match;
    const value = raw.trimEnd();
    const valueStart = match.index + before.length;
    const unquoted = /^(['"`])([\s\S]*)\1$/.exec(value)?.[2] ?? value;
    return { name, value: unquoted, start: match.index, end: match.index + line.length, valueStart, valueEnd: valueStart + value.length };
  });
}

function changed(text: string, { path, value }: Change): string {
  const name = String(path[0]);
  const found = assignments(text).filter((assignment) => assignment.name === name);
  // The last one counts. When a variable is removed, all its lines are.
  const last = found.at(-1);
  if (value === undefined) return found.reduceRight((rest, { start, end }) => rest.slice(0, start) + rest.slice(end), text);
  if (last !== undefined) return text.slice(0, last.valueStart) + quoted(value) + text.slice(last.valueEnd);
  const lineEnd = /\r?\n/.exec(text)?.[0] ?? "\n";
  return `${text}${text === "" || text.endsWith("\n") ? "" : lineEnd}${name}=${quoted(value)}${lineEnd}`;
}

function quoted(wanted: unknown): string {
  const value = typeof wanted === "string" ? wanted : JSON.stringify(wanted);
  if (/^[\w.:/@%+~,-]*$/.test(value)) return value;
  const mark = ['"', "'", "`"].find((one) => !value.includes(one)) ?? "";
  return mark + value + mark;
}
