// The dashboard and the alerts ask for metrics that there are, by labels that they have, and take several workers for one server.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { MemoryStore } from "../../src/access/stores/memory.ts";
import { CallMetrics } from "../../src/gateway/call-metrics.ts";
import { LoopLag } from "../../src/gateway/loop-lag.ts";
import { Metrics } from "../../src/gateway/metrics.ts";
import { PeerFamilies } from "../../src/gateway/peer-families.ts";
import type { Family } from "../../src/telemetry/families.ts";
import { SUMMARY } from "../support/call-summary.ts";
import { usage } from "../support/canonical.ts";
import { grantOf } from "../support/limits.ts";

const DASHBOARD = new URL("../../src/telemetry/grafana-dashboard.json", import.meta.url);
const RULES = new URL("../../src/telemetry/alert-rules.yml", import.meta.url);

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly query?: string | { readonly query: string } }[] };
}

/** Every family, each with a sample at least, of two workers. */
async function allFamilies(): Promise<readonly Family[]> {
  const calls = new CallMetrics({ isModel: () => true, isKey: () => true });
  calls.observe({
    ...SUMMARY,
    callerId: "alice",
    upstreamModel: "glm-5.2",
    upstreamProtocol: "openai-chat",
    attempts: 1,
    admissionMs: 1,
    dropped: ["seed"],
    usage: usage({ inputTokens: 1 }),
  });
  const ports = { after: () => () => {}, monotonic: () => 0, now: () => 0 };
  const budget = { id: "usd/day", unit: "usd", period: "day", amount: 5 } as const;
  const metrics = new Metrics({
    ...ports,
    calls,
    lag: new LoopLag(ports),
    running: { size: 0 },
    ring: { limited: () => [["alice", grantOf({})]] },
    limiter: { budgetsOf: () => Promise.resolve([{ budget, amount: 5, used: 1, startMs: 0, resetMs: null }]) },
    ledger: { standing: { waiting: 0, lost: 0 } },
    store: new MemoryStore(),
    plan: () => ({
      plan: null,
      windows: [{ pool: "standard", name: "5h", usedPercent: 3, resetMs: null }],
      extraUsage: { isAllowed: null, balanceUsd: null },
    }),
    figures: () => ({ residentBytes: 1, cpuSeconds: 1, logLinesLost: 0 }),
    unsent: () => ({ traces: 0, metrics: 0 }),
    facts: { version: "1", runtime: "test" },
    startedMs: 0,
  });
  const peers = { index: 0, answers: () => {}, ask: async () => [{ index: 1, families: await metrics.families() }] };
  return new PeerFamilies(() => metrics.families(), peers).all();
}

/** Names as Prometheus has them, each with its labels. */
async function knownSeries(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const series = new Map<string, ReadonlySet<string>>([["up", new Set(SCRAPED)]]);
  for (const { name, type, samples } of await allFamilies()) {
    const labels = new Set([...SCRAPED, ...samples.flatMap((sample) => Object.keys(sample.labels))]);
    assert.notEqual(samples.length, 0, name);
    if (type !== "histogram") series.set(name, labels);
    else for (const part of ["_bucket", "_sum", "_count"]) series.set(name + part, new Set([...labels, "le"]));
  }
  return series;
}

/** What Prometheus adds. */
const SCRAPED = ["job", "instance"];
const NAME = /\b(?:factory_proxy|process)_\w+|\bup\b(?=\{)/g;
const LABELS_OF = /(\w+)\{([^}]*)\}/g;

function faultsOf(query: string, series: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const unknown = (query.match(NAME) ?? []).filter((name) => !series.has(name)).map((name) => `no metric ${name}`);
  const chosen = [...query.matchAll(LABELS_OF)].flatMap(([, name = "", inside = ""]) =>
    [...inside.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].flatMap(([, label = ""]) =>
      series.get(name)?.has(label) === true ? [] : [`${name} has no label ${label}`],
    ),
  );
  const used = new Set((query.match(NAME) ?? []).flatMap((name) => [...(series.get(name) ?? [])]));
  const grouped = [...query.matchAll(/\bby\s*\(([^)]*)\)/g)].flatMap(([, names = ""]) => names.split(",").map((name) => name.trim()));
  return [...unknown, ...chosen, ...grouped.filter((label) => !used.has(label)).map((label) => `nothing has a label ${label}: ${query}`)];
}

test("every query of the dashboard asks for metrics that there are, by labels that they have, and panels do not overlap", async () => {
  const { panels, templating } = JSON.parse(readFileSync(DASHBOARD, "utf8")) as Dashboard;
  const series = await knownSeries();
  const queries = [
    ...panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
    ...templating.list.flatMap(({ query }) => (typeof query === "object" ? [query.query] : [])),
  ];
  assert.ok(queries.length > 30);
  assert.deepEqual(
    queries.flatMap((query) => faultsOf(query, series)),
    [],
  );
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  for (const [index, { gridPos: one, title }] of panels.entries()) {
    assert.ok(one.x + one.w <= 24, title);
    for (const { gridPos: other, title: another } of panels.slice(index + 1)) {
      const isApart = one.x + one.w <= other.x || other.x + other.w <= one.x || one.y + one.h <= other.y || other.y + other.h <= one.y;
      assert.ok(isApart, `${title} and ${another}`);
    }
  }
});

/** What is left of a query without what it adds up, and takes the most or the least of. */
function withoutSums(query: string): string {
  const head = /\b(?:sum|max|min)(?: by \(([^)]*)\))?\s*\(/.exec(query);
  if (head === null) return query;
  let depth = 1;
  let end = head.index + head[0].length;
  for (; depth > 0 && end < query.length; end++) depth += query[end] === "(" ? 1 : query[end] === ")" ? -1 : 0;
  return query.slice(0, head.index) + (head[1] ?? "") + withoutSums(query.slice(end));
}

function tellsApart(query: string, series: ReadonlyMap<string, ReadonlySet<string>>): boolean {
  const left = withoutSums(query);
  return /\bworker\b/.test(left) || (left.match(NAME) ?? []).some((name) => series.get(name)?.has("worker") === true);
}

test("several workers are one server to every query, or have their number in the legend", async () => {
  const { panels } = JSON.parse(readFileSync(DASHBOARD, "utf8")) as Dashboard;
  const series = await knownSeries();
  const apart = panels.flatMap(({ title, targets = [] }) =>
    targets.flatMap(({ expr, legendFormat }) => {
      return tellsApart(expr, series) ? [[title, legendFormat.includes("{{worker}}")]] : [];
    }),
  );
  assert.deepEqual(apart, [
    ["Event loop lag", true],
    ["Memory", true],
    ["CPU", true],
  ]);
});

test("every metric that is counted is shown", async () => {
  const text = readFileSync(DASHBOARD, "utf8");
  const names = (await allFamilies()).map(({ name }) => name).filter((name) => name !== "process_start_time_seconds");
  assert.deepEqual(
    names.filter((name) => !text.includes(name)),
    [],
  );
});

test("every alert asks for metrics that there are, by labels that they have", async () => {
  const series = await knownSeries();
  const text = readFileSync(RULES, "utf8");
  const queries = [...text.matchAll(/expr: (?:\|\n((?: {10,}.*\n)+)|(.*)\n)/g)].map(([, block, line]) => block ?? line ?? "");
  assert.equal(queries.length, text.match(/- alert:/g)?.length);
  assert.deepEqual(
    queries.flatMap((query) => faultsOf(query, series)),
    [],
  );
  assert.deepEqual(
    queries.filter((query) => tellsApart(query, series)),
    [],
  );
});

const hasPromtool = spawnSync("promtool", ["--version"]).status === 0;

test(
  "promtool finds no fault in the alerts, nor in the dashboard's queries",
  { skip: hasPromtool ? false : "promtool is not installed" },
  () => {
    const rules = spawnSync("promtool", ["check", "rules", fileURLToPath(RULES)], { encoding: "utf8" });
    assert.equal(rules.status, 0, rules.stdout + rules.stderr);
    const { panels } = JSON.parse(readFileSync(DASHBOARD, "utf8")) as Dashboard;
    const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr.replaceAll("$__rate_interval", "5m")));
    const asRules = { groups: [{ name: "dashboard", rules: queries.map((expr, index) => ({ record: `query:${index}`, expr })) }] };
    const checked = spawnSync("promtool", ["check", "rules", "/dev/stdin"], { input: JSON.stringify(asRules), encoding: "utf8" });
    assert.equal(checked.status, 0, checked.stdout + checked.stderr);
  },
);

/** Of two workers, the second fails and drops lines: alone it would be half of its calls, of both it is a tenth. */
const TWO_WORKERS = {
  rule_files: [fileURLToPath(RULES)],
  evaluation_interval: "1m",
  tests: [
    {
      interval: "1m",
      input_series: [
        { series: 'factory_proxy_calls_total{job="p",instance="i",worker="0",finish="stop"}', values: "0+80x30" },
        { series: 'factory_proxy_calls_total{job="p",instance="i",worker="1",finish="stop"}', values: "0+10x30" },
        { series: 'factory_proxy_calls_total{job="p",instance="i",worker="1",finish="error:internal"}', values: "0+10x30" },
        { series: 'factory_proxy_log_lines_dropped_total{job="p",instance="i",worker="0"}', values: "0+0x30" },
        { series: 'factory_proxy_log_lines_dropped_total{job="p",instance="i",worker="1"}', values: "0+2x30" },
      ],
      alert_rule_test: [
        {
          eval_time: "20m",
          alertname: "FactoryProxyErrorRate",
          exp_alerts: [
            {
              exp_labels: { severity: "critical", job: "p" },
              exp_annotations: { summary: "10% of calls fail", description: "Look at the log by error, and at Factory's status page." },
            },
          ],
        },
        {
          eval_time: "20m",
          alertname: "FactoryProxyLogLinesDropped",
          exp_alerts: [
            {
              exp_labels: { severity: "warning", job: "p", instance: "i" },
              exp_annotations: {
                summary: "i lost 20 log lines",
                description: "Whoever reads its standard output is too slow, or the disk is full.",
              },
            },
          ],
        },
      ],
    },
  ],
};

test("an alert adds up what workers count", { skip: hasPromtool ? false : "promtool is not installed" }, () => {
  const file = `${mkdtempSync(`${tmpdir()}/factory-proxy-alerts-`)}/test.yml`;
  writeFileSync(file, JSON.stringify(TWO_WORKERS));
  const { status, stdout, stderr } = spawnSync("promtool", ["test", "rules", file], { encoding: "utf8" });
  rmSync(dirname(file), { recursive: true });
  assert.equal(status, 0, stdout + stderr);
});
