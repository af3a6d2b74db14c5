// Reads what people type about usage: times, a zone, whose calls. Prints numbers, costs and times.

import { parseZone } from "../access/limit-syntax.ts";
import type { UsageFilter } from "../access/store.ts";
import { timeOf } from "../access/times.ts";
import { forTerminal } from "../telemetry/text-line.ts";
import { CommandError, type Context, type Input, type Option } from "./command.ts";

export const FILTER_OPTIONS: Readonly<Record<string, Option>> = {
  since: { value: "when", help: "Starts at a date (2026-11-01), an age (7d), or a time (2026-11-01T08:00:00Z)." },
  until: { value: "when", help: "Ends at such a time; a date is included." },
  zone: { value: "name", help: "The time zone for dates, e.g. Asia/Shanghai. Default: this machine's." },
  key: { value: "name", help: "Only calls with this client key." },
  session: { value: "id", help: "Only calls in this session." },
  client: { value: "name", help: "Only calls from this client, e.g. claude-code." },
  model: { value: "name", help: "Only calls answered by this model." },
};

export interface Asked {
  readonly filter: UsageFilter;
  readonly zone: string;
}

/** @throws CommandError */
export function askedOf(input: Input, { now }: Pick<Context, "now">): Asked {
  const typed = input.text("zone");
  const zone = parseZone(typed ?? new Intl.DateTimeFormat().resolvedOptions().timeZone);
  if (zone === null)
    throw CommandError.wrongUse(`Unknown time zone: ${forTerminal(typed ?? "")}. Use a name such as Europe/Berlin or UTC.`);
  const here = { nowMs: now(), zone };
  const [sinceMs, untilMs] = [typedTime(input, "since", here), typedTime(input, "until", here)];
  if (sinceMs !== null && untilMs !== null && untilMs <= sinceMs) throw CommandError.wrongUse("--until must be later than --since.");
  return {
    zone,
    filter: {
      sinceMs,
      untilMs,
      key: input.text("key"),
      session: input.text("session"),
      client: input.text("client"),
      model: input.text("model"),
    },
  };
}

interface Here {
  readonly nowMs: number;
  readonly zone: string;
}

function typedTime(input: Input, option: "since" | "until", here: Here): number | null {
  const typed = input.text(option);
  const ms = typed === null ? null : timeOf(typed, option, here);
  if (typed === null || ms !== null) return ms;
  throw CommandError.wrongUse(`--${option} must be a date (2026-11-01), an age (7d, 12h), or a time (2026-11-01T08:00:00Z).`);
}

/** Prints `2026-11-28 14:05` in the zone. Creating a formatter takes longer than using it a hundred times. */
export function timePrinter(zone: string): (ms: number) => string {
  const format = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "short" });
  return (ms) => format.format(ms);
}

export function printTime(ms: number, zone: string): string {
  return timePrinter(zone)(ms);
}

/** `2026-11-28 14:05:09`. */
export function printSeconds(ms: number, zone: string): string {
  return new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" }).format(ms);
}

const MOST_MODELS = 3;

/** The first few by name, and how many others there are. */
export function printModels(models: readonly string[]): string {
  const more = models.length - MOST_MODELS;
  return [...models.slice(0, MOST_MODELS), ...(more > 0 ? [`${more} more`] : [])].join(", ");
}

/** `1,234,567`. A report has many of them, and Intl takes ten times as long. */
export function printCount(count: number): string {
  const digits = String(Math.round(count));
  if (digits.length < 4 || !/^\d+$/.test(digits)) return digits;
  let printed = digits.slice(-3);
  for (let end = digits.length - 3; end > 0; end -= 3) printed = `${digits.slice(Math.max(0, end - 3), end)},${printed}`;
  return printed;
}

/** `42.1k`, `1.2M`. */
export function printShort(count: number): string {
  if (count < 1000) return printCount(count);
  return count < 1_000_000 ? `${(count / 1000).toFixed(1)}k` : `${(count / 1_000_000).toFixed(1)}M`;
}

const NO_PRICE = "no price";
const SMALLEST_USD = 0.0001;

/** `isPartial`: some of the calls have no known price. */
export function printUsd(usd: number | null, isPartial = false): string {
  if (usd === null) return NO_PRICE;
  const amount = usd === 0 || usd >= 0.01 ? `$${usd.toFixed(2)}` : usd < SMALLEST_USD ? `<$${SMALLEST_USD}` : `$${usd.toFixed(4)}`;
  return `${amount}${isPartial ? "*" : ""}`;
}

/** `2h 10m`. */
export function printSpan(ms: number): string {
  const minutes = Math.max(0, Math.round(ms / 60_000));
  return minutes < 60 ? `${minutes}m` : `${Math.floor(minutes / 60)}h ${minutes % 60}m`;
}

/** Columns: the first few aligned to the left, numbers to the right. */
export function columns(rows: readonly (readonly string[])[], leftColumns: number): string[] {
  const shown = rows.map((cells) => cells.map(forTerminal));
  const widths = (shown[0] ?? []).map((_, column) => Math.max(...shown.map((cells) => cells[column]?.length ?? 0)));
  return shown.map((cells) =>
    cells
      .map((cell, column) => (column < leftColumns ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
}

/** Lines of CSV. Values that a spreadsheet would take for a formula are marked as text. */
export function csv(rows: readonly (readonly (string | number | null)[])[]): string {
  return rows.map((cells) => cells.map(csvCell).join(",")).join("\n");
}

function csvCell(value: string | number | null): string {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
