// Hours, days, weeks and months of a time zone, as numbers and as words. Never reads the clock.

export const HOUR_MS = 3_600_000;
export const QUARTER_MS = HOUR_MS / 4;
export const DAY_MS = 24 * HOUR_MS;
const MINUTE_MS = 60_000;
/** No zone changes its offset twice within that time, but for a few that did long ago. */
const STRIDE_MS = 7 * DAY_MS;
const DAYS_A_WEEK = 7;
/** 1 January 1970 was a Thursday. */
const THURSDAY = 3;
const OFFSET = /^GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/;

/** What a zone is ahead of UTC, until a change. */
export interface Offset {
  /** Infinity for the last one. */
  readonly untilMs: number;
  readonly offsetMs: number;
}

/** The offsets of a zone between two times. @throws RangeError for a zone that there is none of. */
export function offsetsOf(zone: string, { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number }): Offset[] {
  if (zone === "UTC") return [{ untilMs: Infinity, offsetMs: 0 }];
  const format = new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "longOffset" });
  const offsets: Offset[] = [];
  let offsetMs = offsetAt(format, fromMs);
  for (let atMs = fromMs; atMs < toMs; atMs += STRIDE_MS) {
    const nextMs = offsetAt(format, atMs + STRIDE_MS);
    if (nextMs === offsetMs) continue;
    offsets.push({ untilMs: changeBetween(format, { fromMs: atMs, toMs: atMs + STRIDE_MS }), offsetMs });
    offsetMs = nextMs;
  }
  return [...offsets, { untilMs: Infinity, offsetMs }];
}

function changeBetween(format: Intl.DateTimeFormat, { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number }): number {
  const before = offsetAt(format, fromMs);
  let low = Math.floor(fromMs / MINUTE_MS);
  let high = Math.ceil(toMs / MINUTE_MS);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(format, middle * MINUTE_MS) === before) low = middle;
    else high = middle;
  }
  return high * MINUTE_MS;
}

function offsetAt(format: Intl.DateTimeFormat, ms: number): number {
  const name = format.formatToParts(ms).find(({ type }) => type === "timeZoneName")?.value ?? "GMT";
  const [, sign = "+", hours = "0", minutes = "0", seconds = "0"] = OFFSET.exec(name) ?? [];
  return (sign === "-" ? -1 : 1) * ((Number(hours) * 60 + Number(minutes)) * MINUTE_MS + Number(seconds) * 1000);
}

/** `2026-11-28` from the number of days since 1970. */
export function dayName(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

/** `2026-11-28T14` from the number of hours since 1970. */
export function hourName(hour: number): string {
  return new Date(hour * HOUR_MS).toISOString().slice(0, 13);
}

/** The Monday of its week. */
export function weekName(day: number): string {
  return dayName(day - ((((day + THURSDAY) % DAYS_A_WEEK) + DAYS_A_WEEK) % DAYS_A_WEEK));
}

/** `2026-11`. */
export function monthName(day: number): string {
  return dayName(day).slice(0, 7);
}
