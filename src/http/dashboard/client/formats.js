// Numbers, durations and times as the server prints them, in the reader's locale and in the browser's own time zone.

const root = document.documentElement;
const locale = root.dataset.locale || undefined;
export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

const UNKNOWN = "–";
const LEAST_USD = 0.0001;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const clock = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
const date = { year: "numeric", month: "short", day: "numeric" };
const money = { style: "currency", currency: "USD", currencyDisplay: "narrowSymbol", minimumFractionDigits: 2 };

const numbers = new Intl.NumberFormat(locale, { maximumFractionDigits: 2 });
const compacts = new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 });
const percents = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 });
const dollars = new Intl.NumberFormat(locale, { ...money, maximumFractionDigits: 2 });
const smallDollars = new Intl.NumberFormat(locale, { ...money, minimumFractionDigits: 4, maximumFractionDigits: 4 });
const prices = new Intl.NumberFormat(locale, { ...money, maximumFractionDigits: 4 });
const exactDollars = new Intl.NumberFormat(locale, { ...money, maximumFractionDigits: 8 });
const longTimes = new Intl.DateTimeFormat(locale, { ...date, ...clock });
const shortTimes = new Intl.DateTimeFormat(locale, { month: "short", day: "numeric", ...clock });
const clockTimes = new Intl.DateTimeFormat(locale, clock);
const days = new Intl.DateTimeFormat(locale, date);
const zoneNames = new Intl.DateTimeFormat(locale, { timeZoneName: "short" });
const relatives = new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "long" });
const second = { style: "unit", unit: "second", unitDisplay: "narrow" };
const seconds = new Intl.NumberFormat(locale, { ...second, minimumFractionDigits: 1, maximumFractionDigits: 1 });
const units = new Map();

function unit(name, count) {
  if (!units.has(name)) {
    units.set(name, new Intl.NumberFormat(locale, { style: "unit", unit: name, unitDisplay: "narrow", maximumFractionDigits: 1 }));
  }
  return units.get(name).format(count);
}

function pair(ms, [large, largeMs], [small, smallMs]) {
  const whole = Math.round(ms / smallMs);
  const perLarge = largeMs / smallMs;
  const rest = whole % perLarge;
  const first = unit(large, Math.floor(whole / perLarge));
  return rest === 0 ? first : `${first} ${unit(small, rest)}`;
}

export const number = (count) => (count === null ? UNKNOWN : numbers.format(count));
export const compact = (count) => (count === null ? UNKNOWN : compacts.format(count));
export const percent = (share) => (share === null ? UNKNOWN : percents.format(share));

export function usd(amount) {
  if (amount === null) return UNKNOWN;
  if (amount > 0 && amount < LEAST_USD) return `<${smallDollars.format(LEAST_USD)}`;
  return (amount !== 0 && Math.abs(amount) < 1 ? smallDollars : dollars).format(amount);
}

/** Of a list: as few decimals as say it. */
export const price = (amount) => (amount === null ? UNKNOWN : prices.format(amount));
export const exactUsd = (amount) => (amount === null ? UNKNOWN : exactDollars.format(amount));

/** With the zone at its end: some locales would put it between date and time. */
export function longTime(iso) {
  return `${longTimes.format(new Date(iso))} ${zoneName(new Date(iso))}`;
}

/** Of today without the date. */
export function shortTime(iso) {
  const at = new Date(iso);
  return (days.format(at) === days.format(new Date()) ? clockTimes : shortTimes).format(at);
}

/** `GMT+8`, `MEZ` */
export function zoneName(at = new Date()) {
  return zoneNames.formatToParts(at).find(({ type }) => type === "timeZoneName")?.value ?? zone;
}

export function duration(ms) {
  if (ms === null) return UNKNOWN;
  if (ms < 1000) return unit("millisecond", Math.round(ms));
  if (ms < MINUTE_MS) return seconds.format(ms / 1000);
  if (ms < HOUR_MS) return pair(ms, ["minute", MINUTE_MS], ["second", 1000]);
  if (ms < DAY_MS) return pair(ms, ["hour", HOUR_MS], ["minute", MINUTE_MS]);
  return pair(ms, ["day", DAY_MS], ["hour", HOUR_MS]);
}

export function relative(iso) {
  const ms = Date.parse(iso) - Date.now();
  const size = Math.abs(ms);
  if (size < MINUTE_MS) return relatives.format(Math.round(ms / 1000), "second");
  if (size < HOUR_MS) return relatives.format(Math.round(ms / MINUTE_MS), "minute");
  if (size < 2 * DAY_MS) return relatives.format(Math.round(ms / HOUR_MS), "hour");
  return relatives.format(Math.round(ms / DAY_MS), "day");
}

const PRINTS = { long: longTime, short: shortTime, relative };

/** Prints the times again that stand in a part of the page. */
export function printTimes(within, only = "[data-print]") {
  for (const time of within.querySelectorAll(`time${only}`)) {
    time.textContent = PRINTS[time.dataset.print](time.dateTime);
    time.title = longTime(time.dateTime);
  }
}
