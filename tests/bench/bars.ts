// What is held to its bar, and whether it keeps it.
// Ratios are of one run on one machine; the executable alone has bars, and Deno one: to take no more than twice what Bun takes.
// Does not round in favour of anybody.

import type { LedgerResult, RowsResult } from "./ledger.ts";
import type { Measured, ScenarioResult } from "./measure.ts";
import { LIMITS, SCENARIOS, type Scenario } from "./scenarios.ts";
import type { IdleResult, StartResult } from "./states.ts";

export interface Verdict {
  readonly about: string;
  readonly target: string;
  readonly value: number;
  readonly max: number;
  readonly unit: "x nginx" | "x Bun" | "x the short stream" | "us" | "ms" | "MB" | "bytes";
  readonly isKept: boolean;
}

export interface LedgerResults {
  readonly calls: readonly LedgerResult[];
  readonly rows: RowsResult;
}

export interface Results {
  readonly scenarios: readonly ScenarioResult[];
  readonly starts: readonly StartResult[];
  readonly idle: readonly IdleResult[];
  /** Null: not asked for. */
  readonly ledger: LedgerResults | null;
}

export function verdicts(results: Results): Verdict[] {
  return [
    ...results.scenarios.flatMap((result) => scenarioVerdicts(result, results)),
    ...stateVerdicts(results),
    ...ledgerVerdicts(results),
  ];
}

function ledgerVerdicts({ ledger }: Results): Verdict[] {
  if (ledger === null) return [];
  const target = "in process";
  const { calls, rows } = ledger;
  const ofCalls = calls.flatMap(({ variant, clients, addedUs, maxUs }) => {
    return maxUs === null ? [] : verdict({ about: `${variant}, ${clients} at once`, target }, { value: addedUs, max: maxUs, unit: "us" });
  });
  return [
    ...ofCalls,
    verdict({ about: `a row of ${rows.rows}`, target }, { value: rows.bytesPerRow, max: LIMITS.rowBytes, unit: "bytes" }),
    ...rows.reports.map(({ report, cpuMs }) =>
      verdict({ about: `usage ${report}, ${rows.rows} rows`, target }, { value: cpuMs, max: LIMITS.reportMs, unit: "ms" }),
    ),
    verdict({ about: `event loop lag (p99) at ${rows.rows} rows`, target }, { value: rows.lag.p99Ms, max: LIMITS.lagMs, unit: "ms" }),
  ];
}

function scenarioVerdicts(result: ScenarioResult, results: Results): Verdict[] {
  const scenario = SCENARIOS.find(({ name }) => name === result.scenario);
  const found: Verdict[] = [];
  for (const measured of result.measured) {
    const about = { about: result.title, target: measured.target };
    if (measured.target === "deno" && measured.timesExecutable !== null) {
      found.push(verdict(about, { value: measured.timesExecutable, max: LIMITS.denoTimesBun, unit: "x Bun" }));
    }
    if (measured.target !== "executable" || scenario === undefined) continue;
    const bar = barFigure(scenario, measured, results);
    if (bar !== null) found.push(verdict(about, bar));
    if (scenario.bar?.type !== "added-ms") continue;
    found.push(verdict({ ...about, about: `${result.title}, p99` }, { value: measured.addedMs.p99, max: scenario.bar.maxP99, unit: "ms" }));
  }
  return found;
}

type Figure = Pick<Verdict, "value" | "max" | "unit">;

function barFigure({ bar }: Scenario, measured: Measured, { scenarios }: Results): Figure | null {
  switch (bar?.type) {
    case undefined:
      return null;
    case "times-nginx":
      return measured.timesNginx === null ? null : { value: measured.timesNginx, max: bar.max, unit: "x nginx" };
    case "added-ms":
      return { value: measured.addedMs.p50, max: bar.max, unit: "ms" };
    case "cpu-ms":
      return measured.cpuUsPerCall === null ? null : { value: measured.cpuUsPerCall / 1000, max: bar.max, unit: "ms" };
    case "times-scenario": {
      const other = scenarios.find(({ scenario }) => scenario === bar.scenario)?.measured.find(({ target }) => target === measured.target);
      if (measured.cpuUsPerDelta === null || other === undefined || other.cpuUsPerDelta === null) return null;
      return { value: measured.cpuUsPerDelta / other.cpuUsPerDelta, max: bar.max, unit: "x the short stream" };
    }
  }
}

function stateVerdicts({ starts, idle }: Results): Verdict[] {
  const found: Verdict[] = [];
  for (const { target, callMs, memory } of starts) {
    if (target !== "executable") continue;
    found.push(verdict({ about: "cold start to the first answered call", target }, { value: callMs, max: LIMITS.startMs, unit: "ms" }));
    if (memory === null) continue;
    found.push(verdict({ about: "resident memory after start", target }, { value: memory.resident, max: LIMITS.residentMb, unit: "MB" }));
  }
  for (const { target, streams, memory } of idle) {
    if (target !== "executable" || memory === null) continue;
    const about = `resident memory with ${streams} idle streams`;
    found.push(verdict({ about, target }, { value: memory.resident, max: LIMITS.idleResidentMb, unit: "MB" }));
  }
  return found;
}

function verdict(about: Pick<Verdict, "about" | "target">, figure: Figure): Verdict {
  return { ...about, ...figure, isKept: figure.value <= figure.max };
}
