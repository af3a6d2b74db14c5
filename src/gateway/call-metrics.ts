// Counts calls as they end, for /metrics and OTLP: one observer among the others.
// Never lets a client's words become a label, nor has more series than its tables allow.

import { Histogram, Rows, type Family } from "../telemetry/families.ts";
import type { CallSummary } from "../telemetry/call-summary.ts";
import { finishWord, isExplained } from "./usage-row.ts";

/** Which names may become labels. */
export interface KnownNames {
  /** A model of the table. */
  readonly isModel: (name: string) => boolean;
  /** The name of a client key, or that of callers without one. The hash of a client's own Factory key does not count. */
  readonly isKey: (name: string) => boolean;
}

interface ModelRow {
  readonly duration: Histogram;
  readonly firstByte: Histogram;
  readonly perToken: Histogram;
  retries: number;
  fallbacks: number;
}

/** For one key's calls to one model. */
interface UseRow {
  readonly tokens: Record<TokenType, number>;
  usd: number;
  credits: number;
}

type TokenType = "input" | "cache_read" | "cache_write" | "output" | "reasoning";

const TOKEN_TYPES: readonly TokenType[] = ["input", "cache_read", "cache_write", "output", "reasoning"];

const DURATION = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640];
const FIRST_BYTE = [0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120];
const PER_TOKEN = [0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1];
const OVERHEAD = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];

/** Rows of a table. There are fewer combinations of known values, unless there are hundreds of keys. */
const MOST_ROWS = 2000;
const OTHER = "other";
const NONE = "none";
const PROTOCOLS = ["protocol", "upstream_protocol"];
/** Statuses with a label of their own; others are counted by their class. */
const STATUSES: ReadonlySet<number> = new Set([200, 400, 401, 402, 403, 404, 405, 408, 413, 422, 429, 431, 499, 500, 502, 503, 504, 529]);

export class CallMetrics {
  readonly #known: KnownNames;
  readonly #calls = new Rows({
    labels: ["protocol", "model", "key", "status", "finish"],
    beyond: (labels) => ({ ...labels, model: OTHER, key: OTHER }),
    make: () => ({ count: 0 }),
    mostRows: MOST_ROWS,
  });
  readonly #models = new Rows({ labels: ["model"], beyond: () => ({ model: OTHER }), make: modelRow, mostRows: MOST_ROWS });
  readonly #uses = new Rows({
    labels: ["model", "key"],
    beyond: (labels) => ({ ...labels, key: OTHER }),
    make: useRow,
    mostRows: MOST_ROWS,
  });
  readonly #losses = new Rows({ labels: PROTOCOLS, beyond: () => ({}), make: () => ({ count: 0 }), mostRows: MOST_ROWS });
  readonly #overheads = new Rows({ labels: PROTOCOLS, beyond: () => ({}), make: () => new Histogram(OVERHEAD), mostRows: MOST_ROWS });
  readonly #admission = new Histogram(OVERHEAD);

  constructor(known: KnownNames) {
    this.#known = known;
  }

  readonly observe = (summary: CallSummary): void => {
    if (isExplained(summary)) return;
    const { protocol, usage, timings } = summary;
    const model = this.modelLabel(summary.upstreamModel);
    const key = this.#keyLabel(summary.callerId);
    const upstream = summary.upstreamProtocol ?? NONE;
    this.#calls.at(protocol, model, key, statusLabel(summary.status), finishWord(summary)).count++;
    if (summary.admissionMs !== null) this.#admission.add(timings.admissionMs / 1000);
    if (summary.dropped.length > 0) this.#losses.at(protocol, upstream).count += summary.dropped.length;
    if (summary.attempts === 0) return;
    this.#overheads.at(protocol, upstream).add((timings.totalMs - timings.upstreamMs) / 1000);
    this.#time(summary, this.#models.at(model));
    if (usage === null) return;
    const use = this.#uses.at(model, key);
    use.tokens.input += (usage.inputTokens ?? 0) + (usage.cacheReadTokens ?? 0) + (usage.cacheWriteTokens ?? 0);
    use.tokens.cache_read += usage.cacheReadTokens ?? 0;
    use.tokens.cache_write += usage.cacheWriteTokens ?? 0;
    use.tokens.output += usage.outputTokens ?? 0;
    use.tokens.reasoning += usage.reasoningTokens ?? 0;
    use.usd += summary.cost?.usd ?? 0;
    use.credits += summary.cost?.credits ?? 0;
  };

  #time({ timings, streaming, firstByteMs, usage, attempts, fallback }: CallSummary, row: ModelRow): void {
    row.duration.add(timings.totalMs / 1000);
    if (firstByteMs !== null) row.firstByte.add(firstByteMs / 1000);
    const followers = (usage?.outputTokens ?? 0) - 1;
    if (streaming === true && firstByteMs !== null && followers > 0) {
      row.perToken.add(Math.max(0, timings.totalMs - firstByteMs) / 1000 / followers);
    }
    if (fallback !== null) row.fallbacks++;
    row.retries += Math.max(0, attempts - (fallback === null ? 1 : 2));
  }

  modelLabel(model: string | null): string {
    if (model === null) return NONE;
    return this.#known.isModel(model) ? model : OTHER;
  }

  #keyLabel(name: string | null): string {
    if (name === null) return NONE;
    return this.#known.isKey(name) ? name : OTHER;
  }

  families(): Family[] {
    const [calls, models, uses] = [this.#calls, this.#models, this.#uses];
    return [
      counter(
        "calls_total",
        "Calls that ended.",
        calls.samples(({ count }) => count),
      ),
      seconds(
        "call_duration_seconds",
        "From the arrival of the call to the end of its answer.",
        models.samples(({ duration }) => duration),
      ),
      seconds(
        "time_to_first_byte_seconds",
        "From the arrival of the call to the first byte of its answer.",
        models.samples(({ firstByte }) => firstByte),
      ),
      seconds(
        "time_per_output_token_seconds",
        "Time per token of a stream after the first.",
        models.samples(({ perToken }) => perToken),
      ),
      seconds(
        "overhead_seconds",
        "The proxy's own time in a call: the total minus the upstream's time.",
        this.#overheads.samples((row) => row),
      ),
      seconds("admission_seconds", "Time until a call was read and admitted.", [{ labels: {}, value: this.#admission }]),
      counter(
        "retries_total",
        "Retries: further requests to the same model.",
        models.samples(({ retries }) => retries),
      ),
      counter(
        "fallbacks_total",
        "Calls answered by another model than the requested one.",
        models.samples(({ fallbacks }) => fallbacks),
      ),
      counter(
        "losses_total",
        "Request fields that conversion dropped.",
        this.#losses.samples(({ count }) => count),
      ),
      counter(
        "tokens_total",
        "Tokens used. input includes tokens read from and written to a cache; output includes reasoning tokens.",
        TOKEN_TYPES.flatMap((type) => uses.samples(({ tokens }) => tokens[type], { type })),
      ),
      counter(
        "cost_usd_total",
        "Estimated cost by list prices, in US dollars.",
        uses.samples(({ usd }) => usd),
      ),
      counter(
        "credits_total",
        "Estimated credits of the plan.",
        uses.samples(({ credits }) => credits),
      ),
    ];
  }
}

function modelRow(): ModelRow {
  return {
    duration: new Histogram(DURATION),
    firstByte: new Histogram(FIRST_BYTE),
    perToken: new Histogram(PER_TOKEN),
    retries: 0,
    fallbacks: 0,
  };
}

function useRow(): UseRow {
  return { tokens: { input: 0, cache_read: 0, cache_write: 0, output: 0, reasoning: 0 }, usd: 0, credits: 0 };
}

function statusLabel(status: number | null): string {
  if (status === null) return NONE;
  return STATUSES.has(status) ? String(status) : `${Math.floor(status / 100)}xx`;
}

export const PREFIX = "factory_proxy_";

export function counter(name: string, help: string, samples: Family["samples"]): Family {
  return { name: PREFIX + name, help, unit: "1", type: "counter", samples };
}

export function gauge(name: string, help: string, samples: Family["samples"]): Family {
  return { name: PREFIX + name, help, unit: name.endsWith("_seconds") ? "s" : "1", type: "gauge", samples };
}

function seconds(name: string, help: string, samples: Family["samples"]): Family {
  return { name: PREFIX + name, help, unit: "s", type: "histogram", samples };
}
