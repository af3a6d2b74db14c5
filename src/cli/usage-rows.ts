// Single calls: the latest ones, and everything that is known of one.

import type { RowQuery, Store, UsageRow } from "../access/store.ts";
import { forTerminal } from "../telemetry/text-line.ts";
import { CommandError, table, type Command, type Context } from "./command.ts";
import { askedOf, FILTER_OPTIONS, printSeconds, printShort, printUsd } from "./usage-words.ts";

const SHOWN = 20;
const MOST_SHOWN = 10_000;
const POLL_MS = 1_000;
/** How many new rows are read at a time. */
const MOST_NEW = 200;

export const TAIL: Command = {
  name: "usage tail",
  summary: "Prints the latest calls, newest last. With --follow, keeps printing new ones.",
  operands: [],
  options: {
    ...FILTER_OPTIONS,
    lines: { value: "count", help: `How many calls. Default: ${SHOWN}.` },
    follow: { value: null, help: "Keeps printing new calls until stopped." },
  },
  short: { "-n": "--lines", "-f": "--follow" },
  examples: ["usage tail", "usage tail --follow --key alice", "usage tail --lines 100 --json"],
  run: async (input, context) => {
    const { filter, zone } = askedOf(input, context);
    const limit = Number(input.text("lines") ?? SHOWN);
    if (!Number.isInteger(limit) || limit < 1 || limit > MOST_SHOWN) {
      throw CommandError.wrongUse(`--lines must be a number from 1 to ${MOST_SHOWN}.`);
    }
    const store = await context.store();
    const print = (row: UsageRow): void => context.print(context.isJson ? JSON.stringify(row) : lineOf(row, zone));
    const query: RowQuery = { ...filter, limit, before: null, status: null, text: null };
    const latest = (await store.rows(query)).toReversed();
    for (const row of latest) print(row);
    if (input.has("follow")) await follow(store, { query, seen: latest, print });
  },
};

interface Following {
  readonly query: RowQuery;
  readonly seen: readonly UsageRow[];
  readonly print: (row: UsageRow) => void;
}

/** Rows are written when calls end, but sorted by when these began, so the last few are read again. */
async function follow(store: Store, { query, seen, print }: Following): Promise<never> {
  let known = new Set(seen.map(({ id }) => id));
  const sinceMs = seen[0]?.atMs ?? query.sinceMs;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    const rows = await store.rows({ ...query, sinceMs, limit: MOST_NEW });
    for (const row of rows.toReversed()) if (!known.has(row.id)) print(row);
    known = new Set(rows.map(({ id }) => id));
  }
}

function lineOf(row: UsageRow, zone: string): string {
  const input = (row.inputTokens ?? 0) + (row.cacheReadTokens ?? 0) + (row.cacheWrite5mTokens ?? 0) + (row.cacheWrite1hTokens ?? 0);
  const about = row.source === "upstream" ? "" : "~";
  const words = [
    printSeconds(row.atMs, zone),
    String(row.status ?? "-").padEnd(3),
    (row.key ?? "-").padEnd(24),
    (row.client ?? "-").padEnd(14),
    (row.modelServed ?? row.modelAsked ?? "-").padEnd(20),
    `${about}${printShort(input)} in`.padStart(10),
    `${about}${printShort(row.outputTokens ?? 0)} out`.padStart(11),
    printUsd(row.usd).padStart(9),
    `${(row.totalMs / 1000).toFixed(1)}s`.padStart(7),
    row.requestId,
    // Last, as kinds of errors differ in length.
    row.finish,
  ];
  return forTerminal(words.join("  "));
}

export const SHOW: Command = {
  name: "usage show",
  summary: "Shows everything about the calls that match a request id, or part of one. Newest first.",
  operands: ["REQUEST_ID"],
  options: { zone: { value: "name", help: "The time zone to show times in. Default: this machine's." } },
  examples: ["usage show 5f0c3a52-7d7e-4c0a-9c53-3a1f6f7d2b11", "usage show 5f0c3a52 --json"],
  run: async (input, context) => {
    const { filter, zone } = askedOf(input, context);
    const text = input.operand(0);
    const rows = await (await context.store()).rows({ ...filter, limit: SHOWN, before: null, status: null, text });
    if (rows.length === 0) throw CommandError.failed(`No call matches the request id ${forTerminal(text)}.`);
    context.show(rows.length === 1 ? rows[0] : rows, () => rows.map((row) => factsOf(row, { zone, style: context.style })).join("\n\n"));
  },
};

function factsOf(row: UsageRow, { zone, style }: Pick<Context, "style"> & { readonly zone: string }): string {
  const count = (value: number | null): string => (value === null ? "-" : String(value));
  const facts: readonly (readonly [string, string])[] = [
    ["Time", printSeconds(row.atMs, zone)],
    ["Key", row.key ?? "-"],
    ["Client", row.client ?? "-"],
    ["Session", row.session ?? "-"],
    ["Agent", row.agent ?? "-"],
    ["Route", `${row.route} (${row.protocol}${row.streaming ? ", streaming" : ""})`],
    ["Model", row.modelAsked === row.modelServed ? (row.modelServed ?? "-") : `${row.modelAsked ?? "-"} -> ${row.modelServed ?? "-"}`],
    ["Provider", `${row.provider ?? "-"}${row.pool === null ? "" : `, ${row.pool} pool`}`],
    ["Factory key", row.factoryKey ?? "-"],
    ["Status", `${count(row.status)}, ${row.finish}`],
    ["Milliseconds", `${count(row.admissionMs)} to admission, ${count(row.firstByteMs)} to the first byte, ${row.totalMs} total`],
    ["Input", `${count(row.inputTokens)} tokens`],
    [
      "Cache",
      `${count(row.cacheReadTokens)} read, ${count(row.cacheWrite5mTokens)} written for 5 minutes, ${count(row.cacheWrite1hTokens)} written for 1 hour`,
    ],
    ["Output", `${count(row.outputTokens)} tokens, including ${count(row.reasoningTokens)} for reasoning`],
    ["Counted by", SOURCES[row.source]],
    [
      "Cost",
      `${printUsd(row.usd)}${row.priceDate === null ? "" : ` (prices of ${row.priceDate})`}, ${count(row.credits === null ? null : Number(row.credits.toFixed(2)))} credits; estimates`,
    ],
    ["Tries", String(row.tries)],
    ["Fallback", row.fallback === null ? "-" : `instead of ${row.fallback}`],
    ["Fields dropped", String(row.losses)],
  ];
  return [style("bold", forTerminal(row.requestId)), ...table(facts.map(([name, value]) => [name, forTerminal(value)]))].join("\n");
}

const SOURCES: Readonly<Record<UsageRow["source"], string>> = {
  upstream: "Factory",
  counted: "this server: output counted from what was delivered",
  estimated: "this server: input estimated, output counted from what was delivered",
};
