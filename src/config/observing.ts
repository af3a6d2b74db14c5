// How the server can be observed: the format of the log, who gets metrics, where traces and metrics are sent.

import type { SamplerName, Sampling } from "../telemetry/trace-context.ts";
import type { Settings } from "./settings.ts";
import type { VariableName } from "./variables.ts";

export interface ObservingConfig {
  /** Null: text on a terminal, JSON otherwise. */
  readonly logFormat: "json" | "text" | null;
  /** Secret. Null: there is no separate key for metrics. */
  readonly metricsKey: string | null;
  /** Null: nothing is sent. */
  readonly otlp: OtlpConfig | null;
}

export interface OtlpConfig {
  /** URL of the collector, without `/v1/traces` and without a slash at its end. */
  readonly url: string;
  /** Secrets. */
  readonly headers: Readonly<Record<string, string>>;
  readonly serviceName: string;
  readonly resource: Readonly<Record<string, string>>;
  readonly sampling: Sampling;
  /** Time between two reports of metrics. */
  readonly metricsEveryMs: number;
  /** Names of the metrics about models. */
  readonly genAi: "latest" | "1.41" | "both";
}

/** It can be guessed at from anywhere, as ADMIN_KEY can. */
const MIN_KEY_LENGTH = 16;
const KEY = /^[\x21-\x7e]+$/;
const SAMPLERS: readonly [SamplerName, ...SamplerName[]] = [
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
  "always_on",
  "always_off",
  "traceidratio",
];
const RATIO = /^(?:0(?:\.\d{1,9})?|1(?:\.0{1,9})?)$/;
const INTERVAL = { min: 1_000, max: 3_600_000 };

export function observingOf(settings: Settings): ObservingConfig {
  const format = settings.oneOf("LOG_FORMAT", ["auto", "json", "text"]);
  const metricsKey = settings.given("METRICS_KEY");
  if (metricsKey !== null && (metricsKey.length < MIN_KEY_LENGTH || !KEY.test(metricsKey))) {
    settings.fault("METRICS_KEY", `must have at least ${MIN_KEY_LENGTH} characters and no spaces or line breaks`);
  }
  return { logFormat: format === "auto" ? null : format, metricsKey, otlp: otlpOf(settings) };
}

function otlpOf(settings: Settings): OtlpConfig | null {
  const url = settings.url("OTEL_EXPORTER_OTLP_ENDPOINT");
  const ratio = settings.text("OTEL_TRACES_SAMPLER_ARG");
  if (!RATIO.test(ratio)) settings.fault("OTEL_TRACES_SAMPLER_ARG", "must be a number from 0 to 1, e.g. 0.1");
  const rest = {
    headers: pairsOf(settings, "OTEL_EXPORTER_OTLP_HEADERS"),
    serviceName: settings.text("OTEL_SERVICE_NAME"),
    resource: pairsOf(settings, "OTEL_RESOURCE_ATTRIBUTES"),
    sampling: { sampler: settings.oneOf("OTEL_TRACES_SAMPLER", SAMPLERS), ratio: Number(ratio) },
    metricsEveryMs: settings.wholeNumber("OTEL_METRIC_EXPORT_INTERVAL", INTERVAL),
    genAi: settings.oneOf("OTEL_GENAI", ["both", "latest", "1.41"]),
  };
  if (url?.includes("?") === true) settings.fault("OTEL_EXPORTER_OTLP_ENDPOINT", "must be a URL without a query");
  return url === null ? null : { url: url.replace(/\/+$/, ""), ...rest };
}

/** `name=value,other=value`, with URL escapes: https://opentelemetry.io/docs/specs/otel/protocol/exporter/ */
function pairsOf(settings: Settings, name: VariableName): Readonly<Record<string, string>> {
  const pairs: Record<string, string> = {};
  for (const pair of settings.text(name).split(",")) {
    if (pair.trim() === "") continue;
    const [, key = "", value = ""] = PAIR.exec(pair.trim()) ?? [];
    if (key === "" || ESCAPE_FAULT.test(value)) {
      settings.fault(name, "must be name=value, several separated by commas, with %-escapes for special characters");
      return {};
    }
    try {
      pairs[key] = decodeURIComponent(value);
    } catch {
      settings.fault(name, "has invalid %-escapes");
    }
  }
  return pairs;
}

const PAIR = /^([!#$&'*+.^_`|~\w-]+)\s*=\s*([\x20-\x7e]*)$/;
const ESCAPE_FAULT = /%(?![\dA-Fa-f]{2})/;
