// Counts calls by OpenTelemetry's conventions for generative AI, the current ones, those of 1.41, or both: see OTEL_GENAI.
// Never counts a call that asked no model, and never uses a client's words as a label.

import type { CallSummary } from "../telemetry/call-summary.ts";
import type { OtlpConfig } from "../config/observing.ts";
import { Histogram, Rows, type Family } from "../telemetry/families.ts";
import {
  GEN_AI,
  GEN_AI_SECONDS,
  GEN_AI_TOKENS,
  HTTP,
  LATEST,
  OLDER,
  operationName,
  providerName,
  type MetricName,
} from "../telemetry/gen-ai.ts";

interface Row {
  readonly duration: Histogram;
  readonly firstChunk: Histogram;
  readonly perChunk: Histogram;
  readonly inputTokens: Histogram;
  readonly outputTokens: Histogram;
  cacheReadTokens: number;
  cacheWriteTokens: number;
  reasoningTokens: number;
}

const MOST_ROWS = 1000;
/** No upstream reports text tokens apart from others. */
const UNKNOWN = { [GEN_AI.modality]: "unknown" };

export class GenAiMetrics {
  readonly #conventions: OtlpConfig["genAi"];
  readonly #modelLabel: (model: string | null) => string;
  readonly #rows = new Rows({
    labels: [GEN_AI.operation, GEN_AI.provider, GEN_AI.requestModel, GEN_AI.responseModel, HTTP.errorType],
    // Enough for more models and providers than anybody charts.
    beyond: (labels) => ({ ...labels, [GEN_AI.provider]: "_OTHER", [GEN_AI.requestModel]: "other", [GEN_AI.responseModel]: "other" }),
    make: emptyRow,
    mostRows: MOST_ROWS,
  });

  constructor(conventions: OtlpConfig["genAi"], modelLabel: (model: string | null) => string) {
    this.#conventions = conventions;
    this.#modelLabel = modelLabel;
  }

  readonly observe = (summary: CallSummary): void => {
    const { trace, usage, timings, error, upstreamProtocol, provider, streaming } = summary;
    const first = trace?.attempts[0];
    if (trace === null || first === undefined || !trace.isInference || upstreamProtocol === null || provider === null) return;
    const model = this.#modelLabel(summary.upstreamModel);
    const row = this.#rows.at(operationName(upstreamProtocol), providerName(provider), model, model, error?.kind ?? "");
    row.duration.add((timings.totalMs - first.startMs) / 1000);
    if (streaming === true && trace.firstChunkMs !== null) row.firstChunk.add((trace.firstChunkMs - first.startMs) / 1000);
    if (trace.chunkTimes !== null) row.perChunk.merge(trace.chunkTimes);
    if (usage === null) return;
    const { cacheReadTokens, cacheWriteTokens, inputTokens, outputTokens, reasoningTokens } = usage;
    row.inputTokens.add((inputTokens ?? 0) + (cacheReadTokens ?? 0) + (cacheWriteTokens ?? 0));
    row.outputTokens.add(outputTokens ?? 0);
    row.cacheReadTokens += cacheReadTokens ?? 0;
    row.cacheWriteTokens += cacheWriteTokens ?? 0;
    row.reasoningTokens += reasoningTokens ?? 0;
  };

  families(): Family[] {
    return [...(this.#conventions === "1.41" ? [] : this.#latest()), ...(this.#conventions === "latest" ? [] : this.#older())];
  }

  #latest(): Family[] {
    const counted = (name: MetricName, count: (row: Row) => number): Family => family(name, "counter", this.#rows.samples(count, UNKNOWN));
    return [
      ...this.#timed(LATEST),
      counted(LATEST.inputTokens, ({ inputTokens }) => inputTokens.sum),
      counted(LATEST.outputTokens, ({ outputTokens }) => outputTokens.sum),
      counted(LATEST.cacheReadTokens, ({ cacheReadTokens }) => cacheReadTokens),
      counted(LATEST.cacheWriteTokens, ({ cacheWriteTokens }) => cacheWriteTokens),
      counted(LATEST.reasoningTokens, ({ reasoningTokens }) => reasoningTokens),
    ];
  }

  #older(): Family[] {
    const usage = [
      ...this.#rows.samples(({ inputTokens }) => inputTokens, { [GEN_AI.tokenType]: "input" }),
      ...this.#rows.samples(({ outputTokens }) => outputTokens, { [GEN_AI.tokenType]: "output" }),
    ];
    return [...this.#timed(OLDER), family(OLDER.tokenUsage, "histogram", usage)];
  }

  #timed({
    duration,
    timeToFirstChunk,
    timePerOutputChunk,
  }: Pick<typeof LATEST, "duration" | "timeToFirstChunk" | "timePerOutputChunk">): Family[] {
    const filled = (of: (row: Row) => Histogram) => (row: Row) => (of(row).count === 0 ? null : of(row));
    return [
      family(duration, "histogram", this.#rows.samples(filled((row) => row.duration))),
      family(timeToFirstChunk, "histogram", this.#rows.samples(filled((row) => row.firstChunk))),
      family(timePerOutputChunk, "histogram", this.#rows.samples(filled((row) => row.perChunk))),
    ];
  }
}

function emptyRow(): Row {
  return {
    duration: new Histogram(GEN_AI_SECONDS),
    firstChunk: new Histogram(GEN_AI_SECONDS),
    perChunk: new Histogram(GEN_AI_SECONDS),
    inputTokens: new Histogram(GEN_AI_TOKENS),
    outputTokens: new Histogram(GEN_AI_TOKENS),
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
    reasoningTokens: 0,
  };
}

function family({ name, help, unit }: MetricName, type: Family["type"], samples: Family["samples"]): Family {
  return { name, help, unit, type, samples };
}
