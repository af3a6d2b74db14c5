// The windows of budgets: calendars of zones on both sides of UTC, over changes to summer time and the ends of months, and laws of all of them.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Period } from "../../src/access/client-key.ts";
import { Calendar } from "../../src/access/windows.ts";

const calendar = new Calendar();
const at = (iso: string): number => Date.parse(iso);

interface Case {
  readonly what: string;
  readonly period: Period;
  readonly zone: string;
  readonly now: string;
  readonly window: readonly [start: string, end: string];
}

const CASES: readonly Case[] = [
  {
    what: "a day in UTC",
    period: "day",
    zone: "UTC",
    now: "2026-11-28T13:00:00Z",
    window: ["2026-11-28T00:00:00Z", "2026-11-29T00:00:00Z"],
  },
  {
    what: "the last moment of a day",
    period: "day",
    zone: "UTC",
    now: "2026-11-28T23:59:59.999Z",
    window: ["2026-11-28T00:00:00Z", "2026-11-29T00:00:00Z"],
  },
  {
    what: "a day east of UTC, which is tomorrow already",
    period: "day",
    zone: "Asia/Shanghai",
    now: "2026-11-28T17:00:00Z",
    window: ["2026-11-29T00:00:00+08:00", "2026-11-30T00:00:00+08:00"],
  },
  {
    what: "a day west of UTC, which is yesterday still",
    period: "day",
    zone: "America/Los_Angeles",
    now: "2026-11-28T03:00:00Z",
    window: ["2026-11-27T00:00:00-08:00", "2026-11-28T00:00:00-08:00"],
  },
  {
    what: "the furthest east",
    period: "day",
    zone: "Pacific/Kiritimati",
    now: "2026-11-28T10:00:00Z",
    window: ["2026-11-29T00:00:00+14:00", "2026-11-30T00:00:00+14:00"],
  },
  {
    what: "an offset of three quarters of an hour",
    period: "day",
    zone: "Asia/Kathmandu",
    now: "2026-11-28T18:15:00Z",
    window: ["2026-11-29T00:00:00+05:45", "2026-11-30T00:00:00+05:45"],
  },
  {
    what: "the day of 23 hours on which summer time begins",
    period: "day",
    zone: "Europe/Berlin",
    now: "2026-03-29T12:00:00Z",
    window: ["2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"],
  },
  {
    what: "the day of 25 hours on which it ends",
    period: "day",
    zone: "Europe/Berlin",
    now: "2026-10-25T12:00:00Z",
    window: ["2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00"],
  },
  {
    what: "a day without a midnight",
    period: "day",
    zone: "Africa/Cairo",
    now: "2026-04-24T12:00:00Z",
    window: ["2026-04-24T01:00:00+03:00", "2026-04-25T00:00:00+03:00"],
  },
  {
    what: "a day that has its midnight twice",
    period: "day",
    zone: "America/Havana",
    now: "2026-11-01T12:00:00Z",
    window: ["2026-11-01T00:00:00-04:00", "2026-11-02T00:00:00-05:00"],
  },
  {
    what: "a week, on a Sunday",
    period: "week",
    zone: "UTC",
    now: "2026-11-29T23:00:00Z",
    window: ["2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"],
  },
  {
    what: "a week, on a Monday",
    period: "week",
    zone: "UTC",
    now: "2026-11-30T00:00:00Z",
    window: ["2026-11-30T00:00:00Z", "2026-12-07T00:00:00Z"],
  },
  {
    what: "a week in which summer time ends",
    period: "week",
    zone: "America/New_York",
    now: "2026-10-31T12:00:00Z",
    window: ["2026-10-26T00:00:00-04:00", "2026-11-02T00:00:00-05:00"],
  },
  {
    what: "a month with a change to summer time",
    period: "month",
    zone: "Europe/London",
    now: "2026-03-31T22:59:59Z",
    window: ["2026-03-01T00:00:00Z", "2026-04-01T00:00:00+01:00"],
  },
  {
    what: "the last month of a year, on its last day in the zone",
    period: "month",
    zone: "Asia/Tokyo",
    now: "2026-12-31T14:59:59Z",
    window: ["2026-12-01T00:00:00+09:00", "2027-01-01T00:00:00+09:00"],
  },
  {
    what: "a short month of a leap year",
    period: "month",
    zone: "UTC",
    now: "2028-02-29T12:00:00Z",
    window: ["2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"],
  },
  {
    what: "a zone that nobody knows, as UTC",
    period: "day",
    zone: "Mars/Olympus",
    now: "2026-11-28T13:00:00Z",
    window: ["2026-11-28T00:00:00Z", "2026-11-29T00:00:00Z"],
  },
];

for (const { what, period, zone, now, window } of CASES) {
  test(`${what} begins and ends with the zone's own calendar`, () => {
    const found = calendar.window(period, null, { nowMs: at(now), zone });
    assert.deepEqual(found, { startMs: at(window[0]), endMs: at(window[1]) });
  });
}

test("five hours begin with the first use, and again with the first one behind their end", () => {
  const hour = 3_600_000;
  const window = (began: number | null, nowMs: number) => calendar.window("5h", began, { nowMs, zone: "UTC" });
  assert.deepEqual(window(null, 1000), { startMs: 1000, endMs: 1000 + 5 * hour });
  assert.deepEqual(window(1000, 999 + 5 * hour), { startMs: 1000, endMs: 1000 + 5 * hour });
  assert.deepEqual(window(1000, 1000 + 5 * hour), { startMs: 1000 + 5 * hour, endMs: 1000 + 10 * hour });
});

test("what lasts for ever, or for a session, never begins anew", () => {
  for (const period of ["ever", "session"] as const) {
    assert.deepEqual(calendar.window(period, null, { nowMs: 7, zone: "UTC" }), { startMs: 0, endMs: null });
  }
});

test("no window goes back in time where a clock does", () => {
  const began = at("2026-11-28T00:00:00Z");
  const found = calendar.window("day", began, { nowMs: began - 1, zone: "UTC" });
  assert.deepEqual(found, { startMs: began, endMs: at("2026-11-29T00:00:00Z") });
});

test("times are shown with the offset of the zone", () => {
  const ms = at("2026-11-28T16:00:00Z");
  const shown = ["UTC", "Asia/Shanghai", "America/St_Johns"].map((zone) => calendar.iso(ms, zone));
  assert.deepEqual(shown, ["2026-11-28T16:00:00Z", "2026-11-29T00:00:00+08:00", "2026-11-28T12:30:00-03:30"]);
});

const ZONES = [
  "UTC",
  "Asia/Shanghai",
  "America/Los_Angeles",
  "Africa/Cairo",
  "Australia/Lord_Howe",
  "America/Sao_Paulo",
  "Asia/Kolkata",
  "Pacific/Apia",
];
const PLACE = fc.record({
  nowMs: fc.integer({ min: at("2020-01-01T00:00:00Z"), max: at("2040-01-01T00:00:00Z") }),
  zone: fc.constantFrom(...ZONES),
});
const CALENDAR_PERIOD = fc.constantFrom("day", "week", "month");
const LOCAL = (zone: string): Intl.DateTimeFormat => new Intl.DateTimeFormat("en-CA", { timeZone: zone, dateStyle: "short" });

test("a window holds its moment, the next begins where it ends, and every moment of it finds it", () => {
  fc.assert(
    fc.property(PLACE, CALENDAR_PERIOD, fc.double({ min: 0, max: 1, noNaN: true }), ({ nowMs, zone }, period, share) => {
      // Each by itself, so that nothing that is kept can help.
      const { startMs, endMs } = new Calendar().window(period, null, { nowMs, zone });
      assert.ok(endMs !== null && startMs <= nowMs && nowMs < endMs);
      assert.equal(new Calendar().window(period, null, { nowMs: endMs, zone }).startMs, endMs);
      const insideMs = startMs + Math.floor(share * (endMs - 1 - startMs));
      assert.deepEqual(new Calendar().window(period, null, { nowMs: insideMs, zone }), { startMs, endMs });
      const date = LOCAL(zone);
      assert.notEqual(date.format(startMs), date.format(startMs - 1));
      if (period === "day") assert.equal(date.format(startMs), date.format(endMs - 1));
      if (period === "month") assert.match(date.format(startMs), /-01$/);
      if (period === "week") assert.equal(new Intl.DateTimeFormat("en-US", { timeZone: zone, weekday: "long" }).format(startMs), "Monday");
    }),
    { numRuns: 300 },
  );
});
