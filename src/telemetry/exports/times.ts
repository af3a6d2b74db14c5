// Times as OpenTelemetry has them: seconds and nanoseconds.

import type { HrTime } from "@opentelemetry/api";

export function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.min(999_999_999, Math.round((ms - seconds * 1000) * 1_000_000))];
}
