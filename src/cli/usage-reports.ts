// Reports of usage by day, week, month, session, key, client and model: as a table, as JSON in ccusage's shape, as CSV.

import type { UsageDimension } from "../access/store.ts";
import type { Command, Context, Input, Option } from "./command.ts";
import { countsOf, linesOf, type Counts, type Line } from "./usage-sums.ts";
import { dayAround } from "../access/times.ts";
import { askedOf, columns, csv, FILTER_OPTIONS, printCount, printModels, printUsd, timePrinter, type Asked } from "./usage-words.ts";

interface Report {
  readonly by: UsageDimension;
  /** The heading of its column. */
  readonly head: string;
  /** Names of a row's label, and of the list of rows, in JSON. */
  readonly member: string;
  readonly list: string;
  readonly summary: string;
  /** Options for an example. */
  readonly asked: string;
}

const BY_MODEL: Report = {
  by: "model",
  head: "Model",
  member: "modelName",
  list: "models",
  summary: "Reports usage by model.",
  asked: "--key alice",
};
const REPORTS: Readonly<Record<string, Report>> = {
  daily: { by: "day", head: "Date", member: "date", list: "daily", summary: "Reports usage by day.", asked: "--since 7d --key alice" },
  weekly: {
    by: "week",
    head: "Week",
    member: "week",
    list: "weekly",
    summary: "Reports usage by week, starting on Monday.",
    asked: "--csv",
  },
  monthly: {
    by: "month",
    head: "Month",
    member: "month",
    list: "monthly",
    summary: "Reports usage by month.",
    asked: "--since 2026-11-01 --breakdown",
  },
  session: {
    by: "session",
    head: "Session",
    member: "sessionId",
    list: "sessions",
    summary: "Reports usage by client session, newest last.",
    asked: "--client claude-code",
  },
  keys: { by: "key", head: "Key", member: "key", list: "keys", summary: "Reports usage by client key.", asked: "--since 7d" },
  clients: {
    by: "client",
    head: "Client",
    member: "client",
    list: "clients",
    summary: "Reports usage by client, e.g. claude-code.",
    asked: "--since 7d --breakdown",
  },
  models: BY_MODEL,
};

const REPORT_OPTIONS: Readonly<Record<string, Option>> = {
  ...FILTER_OPTIONS,
  breakdown: { value: null, help: "Adds a row for each model." },
  csv: { value: null, help: "Prints CSV." },
};

/** By default: today, by model. */
export const TODAY: Command = {
  name: "usage",
  summary: "Reports today's usage by model. Use --since and --until for other days.",
  operands: [],
  options: REPORT_OPTIONS,
  examples: ["usage", "usage --since 7d --key alice", "usage --since 2026-11-01 --csv", "usage --json"],
  run: async (input, context) => {
    const asked = askedOf(input, context);
    const { sinceMs, untilMs } = asked.filter;
    const isToday = sinceMs === null && untilMs === null;
    const filter = isToday ? { ...asked.filter, sinceMs: dayAround(context.now(), asked.zone).startMs } : asked.filter;
    await print(BY_MODEL, { ...asked, filter }, { input, context });
  },
};

export const REPORT_COMMANDS: readonly Command[] = Object.entries(REPORTS).map(([name, report]) => ({
  name: `usage ${name}`,
  summary: report.summary,
  operands: [],
  options: REPORT_OPTIONS,
  examples: [`usage ${name}`, `usage ${name} ${report.asked}`],
  run: (input, context) => print(report, askedOf(input, context), { input, context }),
}));

interface Asking {
  readonly input: Input;
  readonly context: Context;
}

async function print(report: Report, { filter, zone }: Asked, { input, context }: Asking): Promise<void> {
  const store = await context.store();
  const by: readonly UsageDimension[] = report.by === "model" ? ["model"] : [report.by, "model"];
  const sums = await store.sums({ ...filter, zone, by });
  const lines = linesOf(sums);
  if (report.by === "session") lines.sort((one, other) => one.lastMs - other.lastMs);
  const isBroken = input.has("breakdown") && report.by !== "model";
  if (input.has("csv")) return context.print(csvOf(report, lines, isBroken));
  const totals = countsOf(sums);
  const json = { [report.list]: lines.map((line) => jsonOf(report, line)), totals };
  context.show(json, () => tableOf(report, lines, { totals, zone, isBroken, context }));
}

function jsonOf({ by, member }: Report, { name, counts, models, firstMs, lastMs }: Line): unknown {
  const times = { firstActivity: new Date(firstMs).toISOString(), lastActivity: new Date(lastMs).toISOString() };
  if (by === "model") return { [member]: name, ...counts };
  return {
    [member]: name,
    ...counts,
    ...(by === "session" ? times : {}),
    modelsUsed: models.flatMap(({ modelName }) => modelName ?? []),
    modelBreakdowns: models.map(({ totalCost, ...rest }) => ({ ...rest, cost: totalCost })),
  };
}

const COUNT_HEADS = ["Calls", "Errors", "Input", "Output", "Cache Create", "Cache Read", "Total Tokens", "Credits", "Cost (USD)"];

function cells(counts: Counts): string[] {
  const { calls, errors, inputTokens, outputTokens, cacheCreationTokens, cacheReadTokens, totalTokens, credits } = counts;
  const numbers = [calls, errors, inputTokens, outputTokens, cacheCreationTokens, cacheReadTokens, totalTokens, credits].map(printCount);
  return [...numbers, printUsd(counts.totalCost, counts.unpricedCalls > 0)];
}

interface TableOptions {
  readonly totals: Counts;
  readonly zone: string;
  readonly isBroken: boolean;
  readonly context: Pick<Context, "style">;
}

function tableOf({ by, head }: Report, lines: readonly Line[], { totals, zone, isBroken, context }: TableOptions): string {
  if (lines.length === 0) return "No calls.";
  const isByModel = by === "model";
  const isBySession = by === "session";
  const printTime = timePrinter(zone);
  const rowsOf = ({ name, counts, models, lastMs }: Line): string[][] => [
    [
      name ?? "-",
      ...(isByModel ? [] : [printModels(models.map(({ modelName }) => modelName ?? "-"))]),
      ...(isBySession ? [printTime(lastMs)] : []),
      ...cells(counts),
    ],
    ...(isBroken ? models.map((model) => ["", `- ${model.modelName ?? "-"}`, ...(isBySession ? [""] : []), ...cells(model)]) : []),
  ];
  const heads = [head, ...(isByModel ? [] : ["Models"]), ...(isBySession ? ["Last Activity"] : [])];
  const [first = "", ...rest] = columns(
    [[...heads, ...COUNT_HEADS], ...lines.flatMap(rowsOf), ["Total", ...heads.slice(1).map(() => ""), ...cells(totals)]],
    heads.length,
  );
  const body = rest.slice(0, -1);
  const unpriced = totals.unpricedCalls;
  const notes =
    unpriced === 0 ? [] : [`* Excludes ${printCount(unpriced)} ${unpriced === 1 ? "call" : "calls"} to models without a known price.`];
  return [
    context.style("bold", first),
    ...body,
    context.style("bold", rest.at(-1) ?? ""),
    "",
    ...notes,
    `Credits and cost are estimates. Zone: ${zone}.`,
  ].join("\n");
}

const CSV_MEMBERS = [
  "calls",
  "errors",
  "inputTokens",
  "outputTokens",
  "cacheCreationTokens",
  "cacheReadTokens",
  "totalTokens",
  "credits",
  "totalCost",
  "unpricedCalls",
] as const satisfies readonly (keyof Counts)[];

function csvOf({ member }: Report, lines: readonly Line[], isBroken: boolean): string {
  const numbers = (counts: Counts): (number | null)[] => CSV_MEMBERS.map((name) => counts[name]);
  const rows = isBroken
    ? lines.flatMap(({ name, models }) => models.map((model) => [name, model.modelName, ...numbers(model)]))
    : lines.map(({ name, counts }) => [name, ...numbers(counts)]);
  return csv([[member, ...(isBroken ? ["modelName"] : []), ...CSV_MEMBERS], ...rows]);
}
