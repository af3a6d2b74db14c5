// What goes to a collector: traced calls in batches, and metrics at intervals. The exporters are loaded when the first data goes out.
// Never makes a call wait, nor keeps more than its limit: what a collector does not take is counted as lost.

import type { OtlpConfig } from "../config/observing.ts";
import type { After } from "../runtime/ports.ts";
import type { CallSummary } from "../telemetry/call-summary.ts";
import type { Exports } from "../telemetry/exports/otlp.ts";
import type { Family } from "../telemetry/families.ts";

export interface CollectorPorts {
  readonly load: () => Promise<Exports>;
  readonly families: () => Promise<readonly Family[]>;
  /** Does not keep the process alive. */
  readonly after: After;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  /** For the log, once for each change. */
  readonly report: (event: string, fields: Readonly<Record<string, unknown>>) => void;
}

/** How long a call waits for others to join its batch. */
const GATHER_MS = 5_000;
/** Calls in a batch, with about 1,200 spans: writing them takes a millisecond or two, and a request costs the same however little it holds. */
const BATCH = 200;
/** Calls that may wait while the collector is slow or away. */
const MOST_WAITING = 2_000;
/** How long the end of the program waits for the collector. */
const LAST_MS = 2_000;

export class Collector {
  readonly #ports: CollectorPorts;
  readonly #settings: Pick<OtlpConfig, "metricsEveryMs" | "url">;
  readonly #startedMs: number;
  #exports: Promise<Exports> | null = null;
  #waiting: CallSummary[] = [];
  /** Calls in the batch that is being sent. */
  #underWay = 0;
  #unsentCalls = 0;
  #unsentReports = 0;
  #isAway = false;
  /** Resolves when stopped. Null: not stopped. */
  #stopped: Promise<void> | null = null;
  /** Cancels the timer of the next batch. Null: none is set. */
  #cancelTimer: (() => void) | null = null;
  #cancelMetrics = (): void => {};
  /** Null: nothing is being sent. */
  #sending: Promise<void> | null = null;

  constructor(ports: CollectorPorts, settings: Pick<OtlpConfig, "metricsEveryMs" | "url">) {
    this.#ports = ports;
    this.#settings = settings;
    this.#startedMs = ports.now();
  }

  start(): void {
    this.#metricsLater();
  }

  get unsent(): { readonly traces: number; readonly metrics: number } {
    return { traces: this.#unsentCalls, metrics: this.#unsentReports };
  }

  readonly observe = (summary: CallSummary): void => {
    if (summary.trace?.isSampled !== true || this.#stopped !== null) return;
    if (this.#waiting.length >= MOST_WAITING) {
      this.#unsentCalls++;
      return;
    }
    this.#waiting.push(summary);
    if (this.#sending === null && (this.#cancelTimer === null || this.#waiting.length === BATCH)) this.#soon();
  };

  /** Sends what waits and the last metrics; resolves when that is done, or has taken too long. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#cancelTimer?.();
    this.#cancelMetrics();
    const late = new Promise<"late">((resolve) => void this.#ports.after(LAST_MS, () => resolve("late")));
    const last = async (): Promise<void> => {
      (await this.#open()).close();
      await this.#sending;
      while (this.#waiting.length > 0) await this.#sendBatch();
      await this.#sendMetrics();
    };
    if ((await Promise.race([last(), late])) !== "late") return;
    this.#unsentCalls += this.#underWay + this.#waiting.length;
    this.#logChange(false);
  }

  #soon(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#ports.after(this.#waiting.length >= BATCH ? 0 : GATHER_MS, () => {
      this.#cancelTimer = null;
      this.#sending = this.#sendBatch().finally(() => {
        this.#sending = null;
        if (this.#waiting.length > 0 && this.#stopped === null) this.#soon();
      });
    });
  }

  async #sendBatch(): Promise<void> {
    const batch = this.#waiting.splice(0, BATCH);
    this.#underWay = batch.length;
    const taken = await (await this.#open()).traces(batch);
    this.#underWay = 0;
    this.#unsentCalls += batch.length - taken;
    this.#logChange(taken === batch.length);
  }

  #metricsLater(): void {
    this.#cancelMetrics = this.#ports.after(this.#settings.metricsEveryMs, () => {
      void this.#sendMetrics().finally(() => {
        if (this.#stopped === null) this.#metricsLater();
      });
    });
  }

  async #sendMetrics(): Promise<void> {
    const families = await this.#ports.families();
    const exports = await this.#open();
    const isTaken = await exports.metrics(families, { startMs: this.#startedMs, endMs: this.#ports.now() });
    if (!isTaken) this.#unsentReports++;
    this.#logChange(isTaken);
  }

  #open(): Promise<Exports> {
    this.#exports ??= this.#ports.load();
    return this.#exports;
  }

  #logChange(isTaken: boolean): void {
    if (isTaken !== this.#isAway) return;
    this.#isAway = !isTaken;
    const { traces, metrics } = this.unsent;
    const fields = { url: this.#settings.url, calls: traces, reports: metrics };
    this.#ports.report(isTaken ? "collector takes telemetry again" : "collector does not take telemetry", fields);
  }
}
