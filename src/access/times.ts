// Times as people type them: a date, a time before now, a time with an offset.

import { parseDuration, parseExpiry } from "./limit-syntax.ts";
import { Calendar } from "./windows.ts";

interface Here {
  readonly nowMs: number;
  /** IANA name. */
  readonly zone: string;
}

/** In ccusage's format: `20261101`. */
const SHORT_DATE = /^(\d{4})(\d\d)(\d\d)$/;
const DATE = /^\d{4}-\d\d-\d\d$/;

/** Unix time in milliseconds. A date means its beginning in the zone; for `until`, the end of a range, its end. Null: not a time. */
export function timeOf(text: string, edge: "since" | "until", here: Here): number | null {
  const typed = text.trim().replace(SHORT_DATE, "$1-$2-$3");
  const agoMs = parseDuration(typed);
  if (agoMs !== null) return here.nowMs - agoMs;
  const found = parseExpiry(typed, here);
  if (found?.type !== "at") return null;
  return edge === "since" && DATE.test(typed) ? dayAround(found.ms - 1, here.zone).startMs : found.ms;
}

/** The date of a time in the zone. */
export function dayAround(ms: number, zone: string): { readonly startMs: number; readonly endMs: number } {
  const { startMs, endMs } = new Calendar().window("day", null, { nowMs: ms, zone });
  return { startMs, endMs: endMs ?? startMs };
}
