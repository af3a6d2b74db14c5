// One line for Claude Code's `statusLine`: the model, and the cost of the session, the day and the block of five hours.
// Never fails: Claude Code would show an empty line.

import type { Store, UsageFilter } from "../access/store.ts";
import { forTerminal } from "../telemetry/text-line.ts";
import { isObject, parseOrUndefined, type Json } from "../wire/json.ts";
import type { Command, Context } from "./command.ts";
import { blocksOf, isActive, RECENT_MS } from "./usage-blocks.ts";
import { countsOf } from "./usage-sums.ts";
import { dayAround } from "../access/times.ts";
import { askedOf, FILTER_OPTIONS, printShort, printSpan, printUsd } from "./usage-words.ts";

export const STATUSLINE: Command = {
  name: "usage statusline",
  summary: "Prints one line for Claude Code's statusLine, from the JSON on standard input.",
  operands: [],
  options: {
    key: { value: "name", help: "The client key to count today's usage for. Default: the session's key." },
    zone: FILTER_OPTIONS["zone"] ?? { value: "name", help: "" },
  },
  examples: ["usage statusline", "usage statusline --key alice"],
  run: async (input, context) => {
    const status = statusOf(context);
    const parts = [status.model];
    try {
      const { filter, zone } = askedOf(input, context);
      parts.push(...(await usageOf(await context.store(), { filter, zone, session: status.session, nowMs: context.now() })));
    } catch {
      parts.push("usage unknown");
    }
    if (status.contextPercent !== null) parts.push(`${Math.round(status.contextPercent)}% context`);
    context.show({ line: parts.join(" | ") }, () => forTerminal(parts.join(" | ")));
  },
};

interface Status {
  readonly model: string;
  readonly session: string | null;
  readonly contextPercent: number | null;
}

/** https://code.claude.com/docs/en/statusline (read 2026-11). */
function statusOf({ read }: Pick<Context, "read">): Status {
  const status = parseOrUndefined(textOf(read));
  const model = member(status, "model");
  const name = member(model, "display_name") ?? member(model, "id");
  const session = member(status, "session_id");
  const percent = member(member(status, "context_window"), "used_percentage");
  return {
    model: typeof name === "string" && name !== "" ? name : "Claude Code",
    session: typeof session === "string" ? session : null,
    contextPercent: typeof percent === "number" ? percent : null,
  };
}

function textOf(read: Context["read"]): string {
  try {
    return read("-");
  } catch {
    return "";
  }
}

function member(value: Json | undefined, name: string): Json | undefined {
  return isObject(value) ? value[name] : undefined;
}

interface Wanted {
  readonly filter: UsageFilter;
  readonly zone: string;
  readonly session: string | null;
  readonly nowMs: number;
}

async function usageOf(store: Store, { filter, zone, session, nowMs }: Wanted): Promise<string[]> {
  const own = session === null ? null : { ...filter, session };
  const [latest] = own === null ? [] : await store.rows({ ...own, limit: 1, before: null, status: null, text: null });
  const key = filter.key ?? latest?.key ?? null;
  const today = { ...filter, key, sinceMs: dayAround(nowMs, zone).startMs };
  const inSession = own === null ? null : countsOf(await store.sums({ ...own, zone, by: [] }));
  const onDay = countsOf(await store.sums({ ...today, zone, by: [] }));
  const block = (await blocksOf(store, { ...filter, key, sinceMs: nowMs - RECENT_MS })).findLast((one) => isActive(one, nowMs));
  const cost = (counts: typeof onDay): string => printUsd(counts.totalCost, counts.unpricedCalls > 0);
  return [
    ...(inSession === null ? [] : [`${cost(inSession)} session, ${printShort(inSession.totalTokens)} tokens`]),
    `${cost(onDay)} today`,
    ...(block === undefined ? [] : [`${cost(block.counts)} block, ${printSpan(block.endMs - nowMs)} left`]),
  ];
}
