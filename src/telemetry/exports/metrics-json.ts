// Families of metrics as the body of a request to `/v1/metrics`.
// Never counts anything.

import { Histogram, type Family, type Sample } from "../families.ts";
import { nanoseconds } from "./attribute-json.ts";

/** Unix times in milliseconds. */
export interface Period {
  readonly startMs: number;
  readonly endMs: number;
}

interface Source {
  /** JSON that describes the resource and the scope of the metrics. */
  readonly resource: string;
  readonly scope: string;
}

/** https://github.com/open-telemetry/opentelemetry-proto/blob/v1.7.0/opentelemetry/proto/metrics/v1/metrics.proto (read 2026-11-28) */
const CUMULATIVE = 2;

export function metricsJson(families: readonly Family[], { startMs, endMs }: Period, { resource, scope }: Source): string {
  const times = { startTimeUnixNano: nanoseconds(startMs), timeUnixNano: nanoseconds(endMs) };
  const metrics = families.filter(({ samples }) => samples.length > 0).map((family) => metricOf(family, times));
  return `{"resourceMetrics":[{"resource":${resource},"scopeMetrics":[{"scope":${scope},"metrics":${JSON.stringify(metrics)}}]}]}`;
}

function metricOf({ name, help, unit, type, samples }: Family, times: object): object {
  const about = { name, description: help, unit };
  const dataPoints = samples.map(({ labels, value }) => ({ attributes: attributesOf(labels), ...times, ...valueOf(value) }));
  if (type === "gauge") return { ...about, gauge: { dataPoints } };
  if (type === "histogram") return { ...about, histogram: { dataPoints, aggregationTemporality: CUMULATIVE } };
  return { ...about, sum: { dataPoints, aggregationTemporality: CUMULATIVE, isMonotonic: true } };
}

function valueOf(value: Sample["value"]): object {
  if (!(value instanceof Histogram)) return { asDouble: value };
  const { bounds, counts, sum, count } = value;
  return { count, sum, bucketCounts: counts, explicitBounds: bounds };
}

function attributesOf(labels: Sample["labels"]): object[] {
  return Object.entries(labels).map(([key, stringValue]) => ({ key, value: { stringValue } }));
}
