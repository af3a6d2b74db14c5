// Keys as text for people: one line each, or everything about one.

import type { BudgetState } from "../access/accounts.ts";
import type { Account } from "../access/store.ts";
import type { KeyRecord, KeyRules } from "../access/client-key.ts";
import { ROWS_WITHOUT_KEY } from "../access/key-changes.ts";
import { expiresMs, NEVER_SOFT } from "../access/key-ring.ts";
import { printAmount, printBudget, printCount, printExpiry, printInstant, printSoft } from "../access/limit-syntax.ts";
import type { KeyState } from "../access/key-records.ts";
import { Calendar } from "../access/windows.ts";
import { forTerminal } from "../telemetry/text-line.ts";
import type { Context } from "./command.ts";
import { environmentNames } from "./key-records.ts";

const STATE_COLOURS = { active: "green", spent: "red", off: "yellow", expired: "red", row: "dim" } as const;
function shownState(state: KeyState): string {
  return state === "row" ? "-" : state === "spent" ? "budget used up" : state;
}

export function keyList(keys: readonly Shown[], context: Context): string {
  const { style } = context;
  const named = environmentNames(context);
  const rows = keys.map(({ record, state }) => {
    return {
      state,
      cells: [
        record.name,
        shownKey(record, named),
        shownState(state),
        limitsOf(record.rules).join(", ") || "-",
        endOf(record),
        forTerminal(record.note ?? ""),
      ],
    };
  });
  const heads = ["NAME", "KEY", "STATE", "LIMITS", "EXPIRES", "NOTE"];
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map(({ cells }) => cells[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string[] => cells.map((cell, column) => cell.padEnd(widths[column] ?? 0));
  return [
    style("bold", line(heads).join("  ").trimEnd()),
    ...rows.map(({ state, cells }) => {
      const padded = line(cells);
      return padded
        .with(2, style(STATE_COLOURS[state], padded[2] ?? ""))
        .join("  ")
        .trimEnd();
    }),
  ].join("\n");
}

/** Keys of the playground are temporary, and have no hint. */
function shownKey({ name, hint }: KeyRecord, named: readonly string[]): string {
  return hint ?? (ROWS_WITHOUT_KEY.includes(name) ? "-" : named.includes(name) ? "PROXY_API_KEY" : "stored");
}

function endOf({ expiry }: KeyRecord): string {
  if (expiry === null) return "never";
  return printExpiry(expiry.type === "at" ? { ...expiry, ms: wholeSeconds(expiry.ms) } : expiry);
}

function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}

function limitsOf({ models, requestsPerMinute, tokensPerMinute, parallel, budgets, soft, zone }: KeyRules): string[] {
  const number = (count: number | null, text: string): string[] =>
    count === null ? [] : [count === 0 ? `unlimited ${text}` : `${printCount(count)} ${text}`];
  return [
    ...(budgets?.length === 0 ? ["no budget"] : (budgets ?? []).map(printBudget)),
    ...number(requestsPerMinute, "requests/min"),
    ...number(tokensPerMinute, "tokens/min"),
    ...number(parallel, "concurrent calls"),
    ...(models === null ? [] : [models.join(",")]),
    ...(soft === null ? [] : [soft.percent === NEVER_SOFT ? "never soft" : `soft ${printSoft(soft)}`]),
    ...(zone === null ? [] : [zone]),
  ];
}

export interface Shown {
  readonly record: KeyRecord;
  /** Including the rules of the row `default`. */
  readonly effective: KeyRules;
  /** What it has used, sessions apart. */
  readonly account: Account;
  /** The states of its budgets. */
  readonly budgets: readonly BudgetState[];
  readonly state: KeyState;
}

export function keyPage({ record, effective, budgets, state }: Shown, context: Context): string {
  const { now, style } = context;
  const { previous, firstUsedMs, raises, note } = record;
  const zone = effective.zone ?? "UTC";
  const time = (ms: number): string => new Calendar().iso(wholeSeconds(ms), zone);
  const own = new Set(limitsOf(record.rules));
  const limits = limitsOf(effective).map((limit) => (own.has(limit) ? limit : `${limit} (from default)`));
  const endMs = expiresMs(record, null);
  const rows: readonly (readonly [string, string])[] = [
    ["Key", `${record.name}  ${shownKey(record, environmentNames(context))}`],
    ["State", style(STATE_COLOURS[state], shownState(state))],
    ...(note === null ? [] : [["Note", forTerminal(note)] as const]),
    // Of other keys, and of rows without one, the store does not know it.
    ...(record.hash === null
      ? []
      : ([
          ["Created", time(record.createdMs)],
          ["First used", firstUsedMs === null ? "not yet" : time(firstUsedMs)],
        ] as const)),
    ["Expires", endMs === null ? endOf(record) : time(endMs)],
    ...(previous === null || previous.untilMs <= now() ? [] : [["Old key", `works until ${time(previous.untilMs)}`] as const]),
    ["Limits", limits.join("\n") || "none"],
    ...(budgets.length === 0 ? [] : [["Budgets", budgets.map((budget) => standing(budget, time)).join("\n")] as const]),
    ...raises
      .filter(({ untilMs }) => untilMs > now())
      .map((raise) => ["Raised", `by ${printAmount(raise)} until ${time(raise.untilMs)}`] as const),
  ];
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  return rows.map(([name, value]) => `${name.padEnd(width)}${value.replaceAll("\n", `\n${" ".repeat(width)}`)}`).join("\n");
}

function standing({ budget, amount, used, resetMs }: BudgetState, time: (ms: number) => string): string {
  const isEach = budget.period === "session";
  const until = resetMs === null ? (isEach ? "for each session" : "") : `until ${time(resetMs)}`;
  return `${printBudget(budget)}: ${isEach ? "" : `${rounded(used)} of `}${printAmount({ unit: budget.unit, amount })} ${isEach ? "" : "used "}${until}`.trimEnd();
}

function rounded(used: number): string {
  return String(Number(used.toFixed(4)));
}

/** A budget as JSON. */
export function standingJson({ budget, amount, used, resetMs }: BudgetState): Readonly<Record<string, unknown>> {
  return {
    budget: printBudget(budget),
    amount,
    unit: budget.unit,
    used: budget.period === "session" ? null : used,
    resets: resetMs === null ? null : printInstant(resetMs),
  };
}
