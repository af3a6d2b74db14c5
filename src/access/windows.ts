// When the window of a budget began and when the next one begins: days, weeks and months in the calendar of a time zone.
// Never reads a clock.

import type { Period } from "./client-key.ts";

/** From its start, inclusive, to its end, exclusive. Unix time in milliseconds. */
export interface Window {
  readonly startMs: number;
  /** Null: it never ends. */
  readonly endMs: number | null;
}

const HOUR_MS = 3_600_000;
/** In the calendar, where each day has 24 hours. */
const DAY_MS = 24 * HOUR_MS;
const FIVE_HOURS_MS = 5 * HOUR_MS;
/** Monday, in `getUTCDay`'s numbering. */
const MONDAY = 1;
/** No zone is further from UTC in either direction. */
const MOST_OFFSET_MS = 16 * HOUR_MS;
const MOST_KEPT = 1000;
const UTC = "UTC";
const FOREVER: Window = { startMs: 0, endMs: null };

interface Place {
  readonly nowMs: number;
  /** IANA name; an unknown one counts as UTC. */
  readonly zone: string;
}

/** Caches windows, so that the same one is not computed for each call. */
export class Calendar {
  readonly #windows = new Map<string, Window>();
  /** By zone and time. */
  readonly #shown = new Map<string, Map<number, string>>();
  readonly #formats = new Map<string, Intl.DateTimeFormat | null>();

  /**
   * The window that contains `nowMs`. `began`: when the one before began, if any. A window of five hours that is not over continues, and no
   * window goes back in time when a clock does.
   */
  window(period: Period, began: number | null, { nowMs, zone }: Place): Window {
    if (period === "ever" || period === "session") return FOREVER;
    if (period === "5h") {
      const startMs = began !== null && nowMs < began + FIVE_HOURS_MS ? began : nowMs;
      return { startMs, endMs: startMs + FIVE_HOURS_MS };
    }
    return this.#calendarWindow(period, { nowMs: Math.max(nowMs, began ?? nowMs), zone });
  }

  /** `2026-11-29T00:00:00+08:00`. */
  iso(ms: number, zone: string): string {
    if (this.#shown.size >= MOST_KEPT) this.#shown.clear();
    let ofZone = this.#shown.get(zone);
    if (ofZone === undefined) this.#shown.set(zone, (ofZone = new Map()));
    const kept = ofZone.get(ms);
    if (kept !== undefined) return kept;
    const shown = this.#isoOf(ms, zone);
    if (ofZone.size >= MOST_KEPT) ofZone.clear();
    ofZone.set(ms, shown);
    return shown;
  }

  #isoOf(ms: number, zone: string): string {
    const offsetMinutes = Math.round(this.#offsetMs(ms, zone) / 60_000);
    const local = new Date(ms + offsetMinutes * 60_000).toISOString().slice(0, 19);
    if (offsetMinutes === 0) return `${local}Z`;
    const two = (number: number): string => String(number).padStart(2, "0");
    const [sign, minutes] = [offsetMinutes < 0 ? "-" : "+", Math.abs(offsetMinutes)];
    return `${local}${sign}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
  }

  #calendarWindow(period: "day" | "week" | "month", { nowMs, zone }: Place): Window {
    const name = `${period} ${zone}`;
    const kept = this.#windows.get(name);
    if (kept !== undefined && kept.startMs <= nowMs && kept.endMs !== null && nowMs < kept.endMs) return kept;
    const today = new Date(nowMs + this.#offsetMs(nowMs, zone));
    const [year, month, day] = [today.getUTCFullYear(), today.getUTCMonth(), today.getUTCDate()];
    const sinceMonday = (today.getUTCDay() - MONDAY + 7) % 7;
    const monday = day - sinceMonday;
    const first = period === "month" ? Date.UTC(year, month, 1) : Date.UTC(year, month, period === "week" ? monday : day);
    const next = period === "month" ? Date.UTC(year, month + 1, 1) : first + (period === "week" ? 7 : 1) * DAY_MS;
    const found = { startMs: this.#beginning(first, zone), endMs: this.#beginning(next, zone) };
    if (this.#windows.size >= MOST_KEPT) this.#windows.clear();
    this.#windows.set(name, found);
    return found;
  }

  /** The first moment of `dateMs`'s date in a zone: midnight, or later where summer time begins at midnight. */
  #beginning(dateMs: number, zone: string): number {
    const isBegun = (ms: number): boolean => ms + this.#offsetMs(ms, zone) >= dateMs;
    // On most days the offset before midnight still applies at midnight, so this takes two look-ups.
    const likelyMs = dateMs - this.#offsetMs(dateMs - this.#offsetMs(dateMs, zone) - 1, zone);
    if (isBegun(likelyMs) && !isBegun(likelyMs - 1)) return likelyMs;
    let [lowS, highS] = [(dateMs - MOST_OFFSET_MS) / 1000, (dateMs + MOST_OFFSET_MS) / 1000];
    while (highS - lowS > 1) {
      const middleS = Math.floor((lowS + highS) / 2);
      if (isBegun(middleS * 1000)) highS = middleS;
      else lowS = middleS;
    }
    return highS * 1000;
  }

  /** What to add to UTC for the local time of a zone. */
  #offsetMs(ms: number, zone: string): number {
    if (zone === UTC) return 0;
    const format = this.#formatOf(zone);
    if (format === null) return 0;
    const parts: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(ms)) parts[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(ms / 1000) * 1000;
  }

  #formatOf(zone: string): Intl.DateTimeFormat | null {
    const kept = this.#formats.get(zone);
    if (kept !== undefined) return kept;
    let format: Intl.DateTimeFormat | null = null;
    try {
      const [number, calendar] = ["numeric", "gregory"] as const;
      const fields = { year: number, month: number, day: number, hour: number, minute: number, second: number } as const;
      format = new Intl.DateTimeFormat("en-US", { timeZone: zone, calendar, hourCycle: "h23", ...fields });
    } catch {
      // A zone from the store that this runtime does not know.
    }
    if (this.#formats.size >= MOST_KEPT) this.#formats.clear();
    this.#formats.set(zone, format);
    return format;
  }
}
