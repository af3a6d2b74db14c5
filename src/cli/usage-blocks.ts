// Usage in blocks of five hours, like the plan's windows: each begins with the hour of its first call. An active one comes with a projection.

import type { Store, UsageFilter, UsageSum } from "../access/store.ts";
import type { Command } from "./command.ts";
import { countsOf, type Counts } from "./usage-sums.ts";
import { askedOf, columns, csv, FILTER_OPTIONS, printCount, printModels, printSpan, printUsd, timePrinter } from "./usage-words.ts";

const HOUR_MS = 3_600_000;
const BLOCK_MS = 5 * HOUR_MS;
/** How many are listed by default. */
export const RECENT_MS = 3 * 24 * HOUR_MS;

export interface Block {
  readonly startMs: number;
  readonly endMs: number;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly models: readonly string[];
  readonly counts: Counts;
}

/** In order of time. */
export async function blocksOf(store: Pick<Store, "sums">, filter: UsageFilter): Promise<Block[]> {
  // Hours of UTC are always distinct; those of a zone repeat when its clock is put back.
  const sums = await store.sums({ ...filter, zone: "UTC", by: ["hour", "model"] });
  const hours = sums.map((sum) => ({ sum, hourMs: Date.parse(`${sum.group[0] ?? ""}:00:00Z`) }));
  const blocks: { readonly startMs: number; readonly sums: UsageSum[] }[] = [];
  for (const { sum, hourMs } of hours.toSorted((one, other) => one.hourMs - other.hourMs)) {
    const last = blocks.at(-1);
    if (last === undefined || hourMs >= last.startMs + BLOCK_MS) blocks.push({ startMs: hourMs, sums: [sum] });
    else last.sums.push(sum);
  }
  return blocks.map(blockOf);
}

function blockOf({ startMs, sums }: { readonly startMs: number; readonly sums: readonly UsageSum[] }): Block {
  return {
    startMs,
    endMs: startMs + BLOCK_MS,
    firstMs: Math.min(...sums.map(({ firstMs }) => firstMs)),
    lastMs: Math.max(...sums.map(({ lastMs }) => lastMs)),
    models: [...new Set(sums.flatMap(({ group }) => group[1] ?? []))],
    counts: countsOf(sums),
  };
}

export function isActive({ endMs }: Block, nowMs: number): boolean {
  return nowMs < endMs;
}

interface Pace {
  readonly burnRate: { readonly tokensPerMinute: number; readonly costPerHour: number | null };
  readonly projection: { readonly totalTokens: number; readonly totalCost: number | null; readonly remainingMinutes: number };
}

/** The projected total of an active block at its present pace. Null: it has hardly begun. */
function paceOf({ firstMs, endMs, counts }: Block, nowMs: number): Pace | null {
  const minutes = (nowMs - firstMs) / 60_000;
  if (minutes < 1) return null;
  const remainingMinutes = Math.round((endMs - nowMs) / 60_000);
  const { totalTokens, totalCost } = counts;
  const grown = (amount: number): number => amount * (1 + remainingMinutes / minutes);
  return {
    burnRate: { tokensPerMinute: totalTokens / minutes, costPerHour: totalCost === null ? null : (totalCost / minutes) * 60 },
    projection: { totalTokens: Math.round(grown(totalTokens)), totalCost: totalCost === null ? null : grown(totalCost), remainingMinutes },
  };
}

export const BLOCKS: Command = {
  name: "usage blocks",
  summary: "Reports usage in five-hour blocks for the last three days, with a projection for the active one.",
  operands: [],
  options: {
    ...FILTER_OPTIONS,
    active: { value: null, help: "Only the active block." },
    csv: { value: null, help: "Prints CSV." },
  },
  examples: ["usage blocks", "usage blocks --active --json"],
  run: async (input, context) => {
    const { filter, zone } = askedOf(input, context);
    const nowMs = context.now();
    const sinceMs = filter.sinceMs ?? nowMs - RECENT_MS;
    const all = await blocksOf(await context.store(), { ...filter, sinceMs });
    const blocks = input.has("active") ? all.filter((block) => isActive(block, nowMs)) : all;
    if (input.has("csv")) return context.print(csvOf(blocks));
    context.show({ blocks: blocks.map((block) => jsonOf(block, nowMs)) }, () => tableOf(blocks, { nowMs, zone }));
  },
};

const iso = (ms: number): string => new Date(ms).toISOString();

function jsonOf(block: Block, nowMs: number): unknown {
  const { startMs, endMs, lastMs, models, counts } = block;
  const pace = isActive(block, nowMs) ? paceOf(block, nowMs) : null;
  return {
    id: iso(startMs),
    startTime: iso(startMs),
    endTime: iso(endMs),
    actualEndTime: iso(lastMs),
    isActive: isActive(block, nowMs),
    isGap: false,
    entries: counts.calls,
    tokenCounts: {
      inputTokens: counts.inputTokens,
      outputTokens: counts.outputTokens,
      cacheCreationInputTokens: counts.cacheCreationTokens,
      cacheReadInputTokens: counts.cacheReadTokens,
    },
    totalTokens: counts.totalTokens,
    credits: counts.credits,
    costUSD: counts.totalCost,
    unpricedCalls: counts.unpricedCalls,
    models,
    burnRate: pace?.burnRate ?? null,
    projection: pace?.projection ?? null,
  };
}

function tableOf(blocks: readonly Block[], { nowMs, zone }: { readonly nowMs: number; readonly zone: string }): string {
  if (blocks.length === 0) return "No calls.";
  const printTime = timePrinter(zone);
  const rows = blocks.map((block) => {
    const { startMs, endMs, models, counts } = block;
    const state = isActive(block, nowMs) ? `active, ${printSpan(endMs - nowMs)} left` : "";
    const numbers = [counts.calls, counts.totalTokens, counts.credits].map(printCount);
    return [printTime(startMs), state, printModels(models), ...numbers, printUsd(counts.totalCost, counts.unpricedCalls > 0)];
  });
  const active = blocks.find((block) => isActive(block, nowMs));
  const pace = active === undefined ? null : paceOf(active, nowMs);
  const forecast =
    pace === null
      ? []
      : [
          `At this pace (${printCount(pace.burnRate.tokensPerMinute)} tokens a minute) the active block will reach ` +
            `${printCount(pace.projection.totalTokens)} tokens, ${printUsd(pace.projection.totalCost)}.`,
        ];
  const heads = ["Block Start", "", "Models", "Calls", "Total Tokens", "Credits", "Cost (USD)"];
  return [...columns([heads, ...rows], 3), "", ...forecast, `Credits and cost are estimates. Zone: ${zone}.`].join("\n");
}

function csvOf(blocks: readonly Block[]): string {
  const heads = ["startTime", "endTime", "entries", "totalTokens", "credits", "costUSD", "models"];
  const rows = blocks.map(({ startMs, endMs, models, counts: { calls, totalTokens, credits, totalCost } }) => [
    iso(startMs),
    iso(endMs),
    calls,
    totalTokens,
    credits,
    totalCost,
    models.join(" "),
  ]);
  return csv([heads, ...rows]);
}
