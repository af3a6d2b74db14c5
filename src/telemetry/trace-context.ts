// Which trace a call belongs to, by its traceparent header, and whether it is sampled. https://www.w3.org/TR/trace-context/ (read 2026-11-28).
// Never trusts a client's header beyond its format.

export interface TraceParent {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits. */
  readonly spanId: string;
  readonly isSampled: boolean;
}

export const TRACEPARENT = "traceparent";
const FORM = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/;
const NO_TRACE = "0".repeat(32);
const NO_SPAN = "0".repeat(16);
const SAMPLED = 1;

/** Null: missing or malformed. */
export function parseTraceParent(text: string | undefined): TraceParent | null {
  if (text === undefined) return null;
  const [, version, traceId = NO_TRACE, spanId = NO_SPAN, flags = "0", more] = FORM.exec(text.trim()) ?? [];
  if (version === undefined || version === "ff" || (version === "00" && more !== undefined)) return null;
  if (traceId === NO_TRACE || spanId === NO_SPAN) return null;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & SAMPLED) === SAMPLED };
}

export function printTraceParent({ traceId, spanId, isSampled }: TraceParent): string {
  return `00-${traceId}-${spanId}-${isSampled ? "01" : "00"}`;
}

/** For a new trace, from a UUID. */
export function traceIdOf(uuid: string): string {
  return uuid.replaceAll("-", "");
}

/** Span ids of one call, counted up from the end of one UUID, which is random in every version: a UUID for each would cost as much as everything else. */
export class SpanIds {
  readonly #base: string;
  #count = 0;

  constructor(uuid: string) {
    this.#base = uuid.slice(19, 23) + uuid.slice(24, 24 + BASE_DIGITS);
  }

  next(): string {
    const digits = (this.#count++ % MOST_SPANS).toString(16);
    return digits.length === 1 ? `${this.#base}0${digits}` : this.#base + digits;
  }
}

/** Random digits besides the four in front of them; two are left for the count. */
const BASE_DIGITS = 10;
const MOST_SPANS = 256;

export type SamplerName =
  | "always_on"
  | "always_off"
  | "traceidratio"
  | "parentbased_always_on"
  | "parentbased_always_off"
  | "parentbased_traceidratio";

export interface Sampling {
  readonly sampler: SamplerName;
  /** For the two samplers with a ratio: from 0 to 1. */
  readonly ratio: number;
}

/** The values of OTEL_TRACES_SAMPLER: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ */
export function shouldSample(traceId: string, parent: TraceParent | null, { sampler, ratio }: Sampling): boolean {
  if (parent !== null && sampler.startsWith("parentbased_")) return parent.isSampled;
  if (sampler.endsWith("always_on")) return true;
  if (sampler.endsWith("always_off")) return false;
  return Number.parseInt(traceId.slice(-LAST_DIGITS), 16) < ratio * 16 ** LAST_DIGITS;
}

/** The digits that are random in every id. */
const LAST_DIGITS = 8;
