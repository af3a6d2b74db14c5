// Metrics in Prometheus's format. Loaded when they are first asked for.
// Never counts anything: prom-client's registry only prints what families hold.

import { Registry, type MetricObjectWithValues, type MetricValue } from "prom-client";
import { Histogram, type Family, type Labels } from "../families.ts";

export async function prometheusText(families: readonly Family[]): Promise<string> {
  const registry = new Registry();
  for (const family of families) {
    const metric = { name: family.name, get: () => Promise.resolve(valuesOf(family)) };
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of a metric the registry uses its name and what it holds, and nothing else
    registry.registerMetric(metric as unknown as Parameters<typeof registry.registerMetric>[0]);
  }
  return registry.metrics();
}

type Value = MetricValue<string> & { readonly metricName?: string };

function valuesOf({ name, help, type, samples }: Family): MetricObjectWithValues<Value> {
  const values = samples.flatMap(({ labels, value }) =>
    value instanceof Histogram ? bucketsOf(name, labels, value) : [{ labels, value }],
  );
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- its own type is an enum of these very words
  return { name, help, type: type as unknown as MetricObjectWithValues<Value>["type"], aggregator: "sum", collect: () => {}, values };
}

function bucketsOf(name: string, labels: Labels, { bounds, counts, sum, count }: Histogram): Value[] {
  let below = 0;
  const buckets = counts.map((more, bucket) => {
    below += more;
    return { metricName: `${name}_bucket`, labels: { ...labels, le: bounds[bucket] ?? "+Inf" }, value: below };
  });
  return [...buckets, { metricName: `${name}_sum`, labels, value: sum }, { metricName: `${name}_count`, labels, value: count }];
}
