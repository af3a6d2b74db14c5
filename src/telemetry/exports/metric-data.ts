// Families of metrics as OpenTelemetry's exporter takes them.
// Never counts anything.

import { ValueType, type HrTime } from "@opentelemetry/api";
import { AggregationTemporality, DataPointType, type MetricData } from "@opentelemetry/sdk-metrics";
import { Histogram, type Family, type Sample } from "../families.ts";
import { hrTime } from "./times.ts";

/** Unix times in milliseconds. */
export interface Period {
  readonly startMs: number;
  readonly endMs: number;
}

export function metricData(families: readonly Family[], { startMs, endMs }: Period): MetricData[] {
  const times = { startTime: hrTime(startMs), endTime: hrTime(endMs) };
  return families.filter(({ samples }) => samples.length > 0).map((family) => dataOf(family, times));
}

interface Times {
  readonly startTime: HrTime;
  readonly endTime: HrTime;
}

function dataOf({ name, help, unit, type, samples }: Family, times: Times): MetricData {
  const descriptor = { name, description: help, unit, valueType: ValueType.DOUBLE };
  const common = { descriptor, aggregationTemporality: AggregationTemporality.CUMULATIVE };
  if (type === "histogram") {
    return {
      ...common,
      dataPointType: DataPointType.HISTOGRAM,
      dataPoints: samples.map((sample) => ({ ...pointOf(sample, times), value: bucketsOf(sample) })),
    };
  }
  const dataPoints = samples.map((sample) => ({ ...pointOf(sample, times), value: Number(sample.value) }));
  if (type === "gauge") return { ...common, dataPointType: DataPointType.GAUGE, dataPoints };
  return { ...common, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints };
}

function pointOf({ labels }: Sample, times: Times): Times & { readonly attributes: Sample["labels"] } {
  return { ...times, attributes: labels };
}

function bucketsOf({ value }: Sample): { buckets: { boundaries: number[]; counts: number[] }; sum: number; count: number } {
  const { bounds, counts, sum, count } = value instanceof Histogram ? value : new Histogram([]);
  return { buckets: { boundaries: [...bounds], counts: [...counts] }, sum, count };
}
