// Everything that observes calls from outside the gateway: metrics on request, and traces and metrics for a collector, where there is one.
// Never loads a library before it is used.

import type { OtlpConfig } from "../config/observing.ts";
import type { Peers } from "../runtime/ports.ts";
import type { CallObserver } from "../telemetry/call-summary.ts";
import type { Tracing } from "../telemetry/call-trace.ts";
import type { DeliveryPorts } from "../telemetry/exports/delivery.ts";
import type { Family } from "../telemetry/families.ts";
import { CallMetrics, type KnownNames } from "./call-metrics.ts";
import { Collector, type CollectorPorts } from "./collector.ts";
import { GenAiMetrics } from "./gen-ai-metrics.ts";
import { LoopLag, type LagPorts } from "./loop-lag.ts";
import { Metrics, type MetricsPorts } from "./metrics.ts";
import { PeerFamilies } from "./peer-families.ts";

export interface ObservationPorts
  extends Omit<MetricsPorts, "calls" | "lag" | "unsent">, LagPorts, Pick<CollectorPorts, "report">, DeliveryPorts {
  readonly known: KnownNames;
  /** Null: there are no other processes on the port. */
  readonly peers: Peers | null;
  /** A UUID. */
  readonly newId: () => string;
}

export interface Observation {
  readonly observers: readonly CallObserver[];
  /** Null: no call is traced. */
  readonly tracing: Tracing | null;
  /** In Prometheus's format, for all processes on the port. */
  readonly text: () => Promise<string>;
  readonly start: () => void;
  /** Resolves when what is left has been sent, or the collector took too long. */
  readonly stop: () => Promise<void>;
}

export function createObservation(ports: ObservationPorts, otlp: OtlpConfig | null): Observation {
  const calls = new CallMetrics(ports.known);
  const lag = new LoopLag(ports);
  let collector: Collector | null = null;
  const metrics = new Metrics({ ...ports, calls, lag, unsent: () => collector?.unsent ?? null });
  const ofAll = new PeerFamilies(() => metrics.families(), ports.peers);
  const text = async (): Promise<string> => {
    const [{ prometheusText }, families] = await Promise.all([import("../telemetry/exports/prometheus.ts"), ofAll.all()]);
    return prometheusText(families);
  };
  if (otlp === null) {
    return { observers: [calls.observe], tracing: null, text, start: () => {}, stop: () => Promise.resolve() };
  }
  const genAi = new GenAiMetrics(otlp.genAi, (model) => calls.modelLabel(model));
  const families = async (): Promise<readonly Family[]> => [...genAi.families(), ...(await metrics.families())];
  const { facts, newId } = ports;
  const resource = { "service.name": otlp.serviceName, "service.version": facts.version, ...otlp.resource };
  const load: CollectorPorts["load"] = async () => {
    const { openExports } = await import("../telemetry/exports/otlp.ts");
    return openExports(ports, { url: otlp.url, headers: otlp.headers, resource, version: facts.version });
  };
  const sent = new Collector({ ...ports, load, families }, otlp);
  collector = sent;
  return {
    observers: [calls.observe, genAi.observe, sent.observe],
    tracing: { sampling: otlp.sampling, newId },
    text,
    start: () => sent.start(),
    stop: () => sent.stop(),
  };
}
