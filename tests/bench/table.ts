// The tables that a person reads.
// Does not leave out a target that failed.

import type { LedgerResults, Results, Verdict } from "./bars.ts";
import type { Measured, ScenarioResult } from "./measure.ts";
import type { Memory } from "./process.ts";
import type { Spread } from "./load.ts";

export function tables(results: Results, verdicts: readonly Verdict[]): string {
  const parts: string[] = [];
  if (results.scenarios.length > 0) parts.push(callTable(results.scenarios));
  if (results.starts.length > 0) parts.push(startTable(results));
  if (results.idle.length > 0) parts.push(idleTable(results));
  if (results.ledger !== null) parts.push(ledgerTable(results.ledger), reportTable(results.ledger), lagTable(results.ledger));
  if (verdicts.length > 0) parts.push(barTable(verdicts));
  return parts.join("\n");
}

function callTable(scenarios: readonly ScenarioResult[]): string {
  const head = [
    "scenario",
    "gateway",
    "calls/s",
    "added ms p50 / p90 / p99",
    "CPU us a call",
    "a delta",
    "x nginx",
    "resident / private MB",
  ];
  const rows = scenarios.flatMap((result) => {
    const measured = result.measured.filter(({ target }) => target !== "direct").map((one) => callRow(result, one));
    const faults = Object.entries(result.faults).map(([target, fault]) => [result.title, target, `failed: ${fault}`]);
    return [...measured, ...faults];
  });
  return markdown(head, rows);
}

function callRow({ title }: ScenarioResult, { target, ...figures }: Measured): string[] {
  return [
    title,
    target,
    figures.callsPerSecond === null ? "" : figures.callsPerSecond.toFixed(figures.callsPerSecond < 100 ? 1 : 0),
    spread(figures.addedMs),
    figure(figures.cpuUsPerCall, 1),
    figure(figures.cpuUsPerDelta, 2),
    figure(figures.timesNginx, 2),
    figures.memory === null ? "" : `${figures.memory.resident.toFixed(0)} / ${figures.memory.private.toFixed(0)}`,
  ];
}

function startTable({ starts }: Results): string {
  const head = ["start", "ms to /health", "ms to a converted call", ...MEMORY_HEAD];
  return markdown(
    head,
    starts.map(({ target, healthMs, callMs, memory }) => [target, healthMs.toFixed(1), callMs.toFixed(1), ...memoryCells(memory)]),
  );
}

function idleTable({ idle }: Results): string {
  const head = ["idle streams", "open", "added ms p50 / p90 / p99 of a new call", ...MEMORY_HEAD];
  return markdown(
    head,
    idle.map(({ target, streams, addedMs, memory }) => [target, String(streams), spread(addedMs), ...memoryCells(memory)]),
  );
}

function ledgerTable({ calls }: LedgerResults): string {
  return markdown(
    ["calls in process", "at once", "CPU us a call", "more"],
    calls.map(({ variant, clients, cpuUs, addedUs }) => [variant, String(clients), cpuUs.toFixed(1), addedUs.toFixed(1)]),
  );
}

function reportTable({ rows: { rows, bytesPerRow, reports } }: LedgerResults): string {
  return markdown(
    [`usage, ${rows} rows of ${bytesPerRow.toFixed(0)} bytes`, "CPU ms"],
    reports.map(({ report, cpuMs }) => [report, cpuMs.toFixed(0)]),
  );
}

function lagTable({ rows: { lag } }: LedgerResults): string {
  return markdown(
    ["event loop, calls a second", "late by ms p50 / p99", "at most"],
    [[lag.callsASecond.toFixed(0), `${figure(lag.p50Ms, 2)} / ${figure(lag.p99Ms, 2)}`, figure(lag.maxMs, 2)]],
  );
}

function barTable(verdicts: readonly Verdict[]): string {
  return markdown(
    ["bar", "gateway", "measured", "at most", ""],
    verdicts.map(({ about, target, value, max, unit, isKept }) => [
      about,
      target,
      `${value.toFixed(2)} ${unit}`,
      `${max} ${unit}`,
      isKept ? "ok" : "MISSED",
    ]),
  );
}

const MEMORY_HEAD = ["resident MB", "private MB", "anonymous MB"];

function memoryCells(memory: Memory | null): string[] {
  return [memory?.resident, memory?.private, memory?.anonymous].map((value) => figure(value ?? null, 1));
}

function spread({ p50, p90, p99 }: Spread): string {
  return [p50, p90, p99].map((value) => value.toFixed(2)).join(" / ");
}

function figure(value: number | null, digits: number): string {
  return value === null ? "" : value.toFixed(digits);
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(
      title.length,
      3,
      ...rows.filter((row) => row.length > column + 1 || row.length === head.length).map((row) => row[column]?.length ?? 0),
    ),
  );
  const line = (cells: readonly string[]): string =>
    `| ${head.map((_, column) => (cells[column] ?? "").padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [line(head), `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`, ...rows.map(line), ""].join("\n");
}
