// Sends traces and metrics to a collector, as OTLP in JSON over HTTP. Loaded only where one is configured.
// Never makes a call wait: the caller counts what a collector does not accept in time.

import type { CallSummary } from "../call-summary.ts";
import type { Family } from "../families.ts";
import { textAttributes } from "./attribute-json.ts";
import { Delivery, type DeliveryPorts } from "./delivery.ts";
import { metricsJson, type Period } from "./metrics-json.ts";
import { tracesJson } from "./span-json.ts";

export interface ExportOptions {
  /** The collector's URL, without a slash at its end. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The resource that traces and metrics describe. */
  readonly resource: Readonly<Record<string, string>>;
  readonly version: string;
}

export interface Exports {
  /** Resolves to how many of the calls were accepted. Never rejects. */
  readonly traces: (calls: readonly CallSummary[]) => Promise<number>;
  /** Resolves to whether they were accepted. Never rejects. */
  readonly metrics: (families: readonly Family[], period: Period) => Promise<boolean>;
  /** The program is about to end: from now on nobody waits long for a collector. */
  readonly close: () => void;
}

const SCOPE = "factory-proxy";

export function openExports(ports: DeliveryPorts, { url, headers, resource, version }: ExportOptions): Exports {
  const delivery = new Delivery(ports, headers);
  const about = { resource: `{"attributes":[${textAttributes(resource)}]}`, scope: JSON.stringify({ name: SCOPE, version }) };
  return {
    traces: async (calls) => ((await delivery.send(`${url}/v1/traces`, tracesJson(calls, about))) ? calls.length : 0),
    metrics: (families, period) => delivery.send(`${url}/v1/metrics`, metricsJson(families, period, about)),
    close: () => delivery.close(),
  };
}
