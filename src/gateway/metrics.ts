// All that is measured, as families of metrics: counts of calls that ended, and the present state, read on request.
// Never asks Factory anything, and never fails because the store is away.

import type { KeyRing } from "../access/key-ring.ts";
import type { Ledger } from "../access/ledger.ts";
import type { Limiter } from "../access/limiter.ts";
import { windowsAt, type PlanLimits } from "../access/plan-limits.ts";
import { StoreError, type Store } from "../access/store.ts";
import type { ProcessFigures } from "../runtime/ports.ts";
import type { Family, Sample } from "../telemetry/families.ts";
import { counter, gauge, type CallMetrics } from "./call-metrics.ts";
import type { LiveCalls } from "./live-calls.ts";
import type { LoopLag } from "./loop-lag.ts";

export interface MetricsPorts {
  readonly calls: CallMetrics;
  readonly running: Pick<LiveCalls, "size">;
  readonly ring: Pick<KeyRing, "limited">;
  readonly lag: LoopLag;
  /** Null: budgets are not counted. */
  readonly limiter: Pick<Limiter, "budgetsOf"> | null;
  /** Null: no usage rows are kept. */
  readonly ledger: Pick<Ledger, "standing"> | null;
  /** Null: there is no store. */
  readonly store: Pick<Store, "state" | "kind"> | null;
  /** What is known of the plan behind the server's own key. Null: nothing. */
  readonly plan: () => PlanLimits | null;
  readonly figures: () => ProcessFigures | null;
  /** Calls and metric reports that no collector took. Null: there is no collector. */
  readonly unsent: () => { readonly traces: number; readonly metrics: number } | null;
  readonly facts: { readonly version: string; readonly runtime: string };
  /** Unix time in milliseconds. */
  readonly now: () => number;
  /** Unix time in milliseconds at which the program began. */
  readonly startedMs: number;
}

/** The budgets of this many keys are reported. */
const MOST_KEYS = 500;
/** Budgets are read at most this often. */
const BUDGETS_MS = 5_000;

export class Metrics {
  readonly #ports: MetricsPorts;
  #budgets: { readonly atMs: number; readonly families: Promise<readonly Family[]> } | null = null;

  constructor(ports: MetricsPorts) {
    this.#ports = ports;
  }

  /** What is known now. The event loop's lag is measured from the first call on. */
  async families(): Promise<readonly Family[]> {
    const { calls, running, lag, facts } = this.#ports;
    lag.start();
    return [
      gauge("info", "Version and runtime.", [{ labels: { version: facts.version, runtime: facts.runtime }, value: 1 }]),
      ...calls.families(),
      gauge("calls_in_flight", "Running calls.", [single(running.size)]),
      gauge("event_loop_lag_seconds", "The longest delay of the event loop in the last half minute.", [single(lag.seconds)]),
      ...(await this.#budgetFamilies()),
      ...this.#plan(),
      ...this.#store(),
      ...this.#process(),
      ...this.#unsent(),
    ];
  }

  #budgetFamilies(): Promise<readonly Family[]> {
    const nowMs = this.#ports.now();
    if (this.#budgets === null || nowMs >= this.#budgets.atMs + BUDGETS_MS) this.#budgets = { atMs: nowMs, families: this.#readBudgets() };
    return this.#budgets.families;
  }

  async #readBudgets(): Promise<readonly Family[]> {
    const { limiter, ring } = this.#ports;
    if (limiter === null) return [];
    const limits: Sample[] = [];
    const remaining: Sample[] = [];
    try {
      for (const [name, grant] of ring.limited().slice(0, MOST_KEYS)) {
        for (const { budget, amount, used } of await limiter.budgetsOf({ id: name, grant, upstreamKey: "" })) {
          const labels = { key: name, unit: budget.unit, period: budget.period };
          limits.push({ labels, value: amount });
          remaining.push({ labels, value: Math.max(0, amount - used) });
        }
      }
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      return [];
    }
    return [
      gauge("budget_limit", "Budgets of client keys, in their unit.", limits),
      gauge("budget_remaining", "What is left of those budgets.", remaining),
    ];
  }

  #plan(): Family[] {
    const limits = this.#ports.plan();
    if (limits === null) return [];
    const samples = windowsAt(limits, this.#ports.now()).map(({ pool, name, usedPercent }) => {
      return { labels: { pool, window: name }, value: usedPercent / 100 };
    });
    return [gauge("quota_used_ratio", "How much of each window of Factory's plan is used; 1 is all.", samples)];
  }

  #store(): Family[] {
    const { store, ledger } = this.#ports;
    if (store === null) return [];
    const up = { labels: { kind: store.kind }, value: store.state() === "ready" ? 1 : 0 };
    return [
      gauge("store_up", "Whether the store can be reached.", [up]),
      ...(ledger === null
        ? []
        : [
            gauge("store_queue_rows", "Usage rows waiting to be written.", [single(ledger.standing.waiting)]),
            counter("store_rows_lost_total", "Usage rows that were lost.", [single(ledger.standing.lost)]),
          ]),
    ];
  }

  #process(): Family[] {
    const figures = this.#ports.figures();
    const started = this.#ports.startedMs / 1000;
    return [
      {
        name: "process_start_time_seconds",
        help: "When the process began, in Unix seconds.",
        unit: "s",
        type: "gauge",
        samples: [single(started)],
      },
      ...(figures === null ? [] : processFamilies(figures)),
    ];
  }

  #unsent(): Family[] {
    const unsent = this.#ports.unsent();
    if (unsent === null) return [];
    const samples = [
      { labels: { signal: "traces" }, value: unsent.traces },
      { labels: { signal: "metrics" }, value: unsent.metrics },
    ];
    return [counter("telemetry_dropped_total", "Traces and metric reports that the collector did not accept.", samples)];
  }
}

/** The names that every program's dashboards use. */
function processFamilies({ residentBytes, cpuSeconds, logLinesLost }: ProcessFigures): Family[] {
  return [
    { name: "process_resident_memory_bytes", help: "Resident memory.", unit: "By", type: "gauge", samples: [single(residentBytes)] },
    { name: "process_cpu_seconds_total", help: "CPU time.", unit: "s", type: "counter", samples: [single(cpuSeconds)] },
    counter("log_lines_dropped_total", "Log lines that were dropped because nobody read them in time.", [single(logLinesLost)]),
  ];
}

function single(value: number): Sample {
  return { labels: {}, value };
}
