// Sends traces and metrics to a collector, by OTLP in JSON over HTTP. Loaded only where one is configured.
// Never makes a call wait: what a collector does not take in time is for the caller to count.

import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { convertLegacyHttpOptions, createOtlpHttpExportDelegate } from "@opentelemetry/otlp-exporter-base/node-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import type { CallSummary } from "../call-summary.ts";
import type { Family } from "../families.ts";
import { metricData, type Period } from "./metric-data.ts";
import { tracesJson } from "./span-json.ts";

export interface ExportOptions {
  /** Of the collector, without a slash at its end. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** What traces and metrics are about. */
  readonly resource: Readonly<Record<string, string>>;
  readonly version: string;
  /** A UUID. */
  readonly newId: () => string;
}

export interface Exports {
  /** Resolves to how many of the calls were taken. Never rejects. */
  readonly traces: (calls: readonly CallSummary[]) => Promise<number>;
  /** Resolves to whether they were taken. Never rejects. */
  readonly metrics: (families: readonly Family[], period: Period) => Promise<boolean>;
}

/** In which a collector has to have taken what it is sent, repetitions included. */
const TIMEOUT_MS = 5_000;
const SCOPE = "factory-proxy";
const UTF8 = new TextEncoder();

export function openExports({ url, headers, resource, version, newId }: ExportOptions): Exports {
  const scope = { name: SCOPE, version };
  const options = { headers: { ...headers }, timeoutMillis: TIMEOUT_MS };
  const metrics = new OTLPMetricExporter({ ...options, url: `${url}/v1/metrics` });
  const about = resourceFromAttributes({ ...resource });
  const traces = createOtlpHttpExportDelegate<readonly CallSummary[], object>(
    convertLegacyHttpOptions({ ...options, url: `${url}/v1/traces` }, "TRACES", "v1/traces", { "Content-Type": "application/json" }),
    { serializeRequest: (calls) => UTF8.encode(tracesJson(calls, { resource, scope, newId })), deserializeResponse: () => ({}) },
    "otlp_http_json_span_exporter",
    { name: "span", countItems: (calls) => calls.length },
    undefined,
  );
  return {
    async traces(calls) {
      return (await taken((done) => traces.export(calls, done))) ? calls.length : 0;
    },
    metrics: (families, period) => {
      const data = { resource: about, scopeMetrics: [{ scope, metrics: metricData(families, period) }] };
      return taken((done) => metrics.export(data, done));
    },
  };
}

type Done = (result: { readonly code: number }) => void;

function taken(send: (done: Done) => void): Promise<boolean> {
  return new Promise((resolve) => {
    try {
      send(({ code }) => resolve(code === 0));
    } catch {
      resolve(false);
    }
  });
}
