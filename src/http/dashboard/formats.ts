// Numbers, money, durations and times as the reader's locale and zone print them.
// Never reads a clock: whoever wants to know how long something takes hands both times in.

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Of what nobody knows. */
const UNKNOWN = "–";
/** What is less and not nothing is said to be less. */
const LEAST_USD = 0.0001;
/** Formatters are dear to make. A reader may send any locale and zone, so few are kept. */
const MOST_KEPT = 50;

type Unit = "millisecond" | "second" | "minute" | "hour" | "day";

export class Formats {
  static readonly #kept = new Map<string, Formats>();

  static of(locale: string, zone: string): Formats {
    const name = `${locale} ${zone}`;
    const known = Formats.#kept.get(name);
    if (known !== undefined) return known;
    if (Formats.#kept.size >= MOST_KEPT) Formats.#kept.clear();
    const made = new Formats(locale, zone);
    Formats.#kept.set(name, made);
    return made;
  }

  readonly locale: string;
  readonly zone: string;
  readonly #number: Intl.NumberFormat;
  readonly #compact: Intl.NumberFormat;
  readonly #percent: Intl.NumberFormat;
  readonly #usd: Intl.NumberFormat;
  readonly #smallUsd: Intl.NumberFormat;
  readonly #price: Intl.NumberFormat;
  readonly #exactUsd: Intl.NumberFormat;
  /** With a decimal, so that they stand below one another. */
  readonly #seconds: Intl.NumberFormat;
  readonly #units = new Map<string, Intl.NumberFormat>();
  readonly #time: Intl.DateTimeFormat;
  readonly #short: Intl.DateTimeFormat;
  readonly #clock: Intl.DateTimeFormat;
  readonly #day: Intl.DateTimeFormat;
  readonly #zoneName: Intl.DateTimeFormat;
  // The store has worked the zone in already.
  readonly #hourName: Intl.DateTimeFormat;
  readonly #dayName: Intl.DateTimeFormat;
  readonly #monthName: Intl.DateTimeFormat;
  readonly #relative: Intl.RelativeTimeFormat;

  constructor(locale: string, zone: string) {
    this.locale = locale;
    this.zone = zone;
    const usd = { style: "currency", currency: "USD", currencyDisplay: "narrowSymbol" } as const;
    this.#number = new Intl.NumberFormat(locale, { maximumFractionDigits: 2 });
    this.#compact = new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 });
    this.#percent = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 });
    this.#usd = new Intl.NumberFormat(locale, { ...usd, minimumFractionDigits: 2, maximumFractionDigits: 2 });
    this.#smallUsd = new Intl.NumberFormat(locale, { ...usd, minimumFractionDigits: 4, maximumFractionDigits: 4 });
    this.#price = new Intl.NumberFormat(locale, { ...usd, minimumFractionDigits: 2, maximumFractionDigits: 4 });
    this.#exactUsd = new Intl.NumberFormat(locale, { ...usd, minimumFractionDigits: 2, maximumFractionDigits: 8 });
    const seconds = { style: "unit", unit: "second", unitDisplay: "narrow" } as const;
    this.#seconds = new Intl.NumberFormat(locale, { ...seconds, minimumFractionDigits: 1, maximumFractionDigits: 1 });
    const clock = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" } as const;
    const date = { year: "numeric", month: "short", day: "numeric" } as const;
    this.#time = new Intl.DateTimeFormat(locale, { ...date, ...clock, timeZone: zone });
    this.#short = new Intl.DateTimeFormat(locale, { month: "short", day: "numeric", ...clock, timeZone: zone });
    this.#clock = new Intl.DateTimeFormat(locale, { ...clock, timeZone: zone });
    this.#day = new Intl.DateTimeFormat(locale, { ...date, timeZone: zone });
    this.#zoneName = new Intl.DateTimeFormat(locale, { timeZoneName: "short", timeZone: zone });
    const named = { year: "numeric", month: "short", timeZone: "UTC" } as const;
    this.#hourName = new Intl.DateTimeFormat(locale, {
      month: "short",
      day: "numeric",
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
      timeZone: "UTC",
    });
    this.#dayName = new Intl.DateTimeFormat(locale, { ...named, day: "numeric", weekday: "short" });
    this.#monthName = new Intl.DateTimeFormat(locale, named);
    this.#relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "long" });
  }

  number(number: number | null): string {
    return number === null ? UNKNOWN : this.#number.format(number);
  }

  /** `1.2M` */
  compact(number: number | null): string {
    return number === null ? UNKNOWN : this.#compact.format(number);
  }

  /** Of a share from 0 to 1. */
  percent(share: number | null): string {
    return share === null ? UNKNOWN : this.#percent.format(share);
  }

  usd(amount: number | null): string {
    if (amount === null) return UNKNOWN;
    if (amount > 0 && amount < LEAST_USD) return `<${this.#smallUsd.format(LEAST_USD)}`;
    return (amount !== 0 && Math.abs(amount) < 1 ? this.#smallUsd : this.#usd).format(amount);
  }

  /** Of a list: as few decimals as say it. */
  price(amount: number | null): string {
    return amount === null ? UNKNOWN : this.#price.format(amount);
  }

  /** To the last digit: of sums that are worked out before the reader's eyes. */
  exactUsd(amount: number | null): string {
    return amount === null ? UNKNOWN : this.#exactUsd.format(amount);
  }

  /** `840ms`, `3.2s`, `2m 5s`, `1h 3m`, `4d 2h`. */
  duration(ms: number | null): string {
    if (ms === null) return UNKNOWN;
    if (ms < 1000) return this.#unit("millisecond", Math.round(ms));
    if (ms < MINUTE_MS) return this.#seconds.format(ms / 1000);
    if (ms < HOUR_MS) return this.#pair(ms, { large: "minute", largeMs: MINUTE_MS, small: "second", smallMs: 1000 });
    if (ms < DAY_MS) return this.#pair(ms, { large: "hour", largeMs: HOUR_MS, small: "minute", smallMs: MINUTE_MS });
    return this.#pair(ms, { large: "day", largeMs: DAY_MS, small: "hour", smallMs: HOUR_MS });
  }

  /** With date, seconds and zone. */
  time(iso: string): string {
    const at = new Date(iso);
    // Some locales would put the zone between date and time.
    return `${this.#time.format(at)} ${this.zoneName(at.getTime())}`;
  }

  /** Without year and zone, and of today without the date: where the page says them. */
  shortTime(iso: string, nowMs: number): string {
    const at = new Date(iso);
    return (this.#day.format(at) === this.#day.format(nowMs) ? this.#clock : this.#short).format(at);
  }

  /** A span of time as sums name it: `2026-11-28T14` an hour, `2026-11-28` a day or a week's Monday, `2026-11` a month. */
  period(by: string, name: string): string {
    const at = new Date(name.length > "2026-11-28".length ? `${name}:00Z` : name);
    if (Number.isNaN(at.getTime())) return name;
    return (by === "hour" ? this.#hourName : by === "month" ? this.#monthName : this.#dayName).format(at);
  }

  /** `UTC`, `GMT+8`, `MEZ`. */
  zoneName(nowMs: number): string {
    return this.#zoneName.formatToParts(nowMs).find(({ type }) => type === "timeZoneName")?.value ?? this.zone;
  }

  /** `in 3 hours`, `2 days ago`. */
  relative(iso: string, nowMs: number): string {
    const ms = Date.parse(iso) - nowMs;
    const size = Math.abs(ms);
    if (size < MINUTE_MS) return this.#relative.format(Math.round(ms / 1000), "second");
    if (size < HOUR_MS) return this.#relative.format(Math.round(ms / MINUTE_MS), "minute");
    if (size < 2 * DAY_MS) return this.#relative.format(Math.round(ms / HOUR_MS), "hour");
    return this.#relative.format(Math.round(ms / DAY_MS), "day");
  }

  #pair(ms: number, units: { readonly large: Unit; readonly largeMs: number; readonly small: Unit; readonly smallMs: number }): string {
    const { large, largeMs, small, smallMs } = units;
    const whole = Math.round(ms / smallMs);
    const perLarge = largeMs / smallMs;
    const rest = whole % perLarge;
    const first = this.#unit(large, Math.floor(whole / perLarge));
    return rest === 0 ? first : `${first} ${this.#unit(small, rest)}`;
  }

  #unit(unit: Unit, count: number): string {
    const known = this.#units.get(unit);
    const format = known ?? new Intl.NumberFormat(this.locale, { style: "unit", unit, unitDisplay: "narrow", maximumFractionDigits: 1 });
    if (known === undefined) this.#units.set(unit, format);
    return format.format(count);
  }
}
