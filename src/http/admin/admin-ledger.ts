// What an administrator sees of the ledger: single calls with the calculation of their price, and sums.

import { parseZone } from "../../access/limit-syntax.ts";
import type { RowQuery, Store, UsageDimension, UsageFilter, UsageRow, UsageSum } from "../../access/store.ts";
import { timeOf } from "../../access/times.ts";
import type { CallViews } from "../../gateway/call-views.ts";
import type { LiveCall } from "../../gateway/live-calls.ts";
import type { Models } from "../../models/models.ts";
import { told, wrongInput } from "./admin-faults.ts";
import type { Admin, PriceLine, RequestDetail, RequestQuery, RequestView, UsageCounts, UsageRequest } from "./admin.ts";

export interface AdminLedgerPorts {
  /** @throws GatewayError where there is no store. */
  readonly store: () => Store;
  readonly calls: Pick<CallViews, "live" | "waiting" | "inspected" | "inspection">;
  readonly models: () => Models;
  /** Unix time in milliseconds. */
  readonly now: () => number;
}

export function createLedgerAdmin({ store, calls, models, now }: AdminLedgerPorts): Pick<Admin, "requests" | "request" | "usage"> {
  return {
    requests: (query) =>
      told(async () => {
        const asked = rowQuery(query, now());
        // Asked before the rows: a call that ends in between would otherwise be in neither list.
        const live = query.cursor === null && query.status === null ? (await calls.live()).calls : [];
        // One row more shows whether there are more.
        const rows = await store().rows({ ...asked, limit: asked.limit + 1 });
        const shown = rows.slice(0, asked.limit);
        const inspected = await calls.inspected(shown.map(({ id }) => id));
        const views = shown.map((row) => requestView(row, inspected.has(row.id)));
        const ended = new Set(shown.map(({ id }) => id));
        const running = live.filter((call) => isAskedFor(call, asked) && !ended.has(call.id)).toReversed();
        return { running, rows: views, next: rows.length > shown.length ? (shown.at(-1)?.id ?? null) : null };
      }),
    request: (id) =>
      told(async () => {
        // In this order: a row that no longer waits is in the store.
        const row = (await calls.waiting(id)) ?? (await store().row(id));
        if (row === null) return null;
        const inspection = await calls.inspection(id);
        return { request: requestView(row, inspection !== null), inspection, price: priceOf(row, models()) };
      }),
    usage: (query) =>
      told(async () => {
        const { by, split } = query;
        const zone = zoneOf(query);
        const dimensions: readonly UsageDimension[] = split === null || split === by ? [by] : [by, split];
        const sums = await store().sums({ ...filterOf(query, { nowMs: now(), zone }), by: dimensions, zone });
        const lines = sums.map((sum) => ({ name: sum.group[0] ?? null, split: sum.group[1] ?? null, ...countsOf([sum]) }));
        const ordered = TIMES.has(by)
          ? lines.toSorted((one, other) => ((one.name ?? "") < (other.name ?? "") ? -1 : 1))
          : lines.toSorted((one, other) => other.totalTokens - one.totalTokens || other.calls - one.calls);
        return { by, zone, lines: ordered, totals: countsOf(sums) };
      }),
  };
}

const TIMES: ReadonlySet<UsageRequest["by"]> = new Set(["hour", "day", "week", "month"]);

interface Here {
  readonly nowMs: number;
  readonly zone: string;
}

function zoneOf({ zone }: { readonly zone: string }): string {
  const found = parseZone(zone);
  if (found === null) throw wrongInput("zone must be the name of a time zone such as Asia/Shanghai or UTC.", "zone");
  return found;
}

type Asked = Pick<RequestQuery, "since" | "until" | "key" | "session" | "client" | "model">;

function filterOf({ since, until, key, session, client, model }: Asked, here: Here): UsageFilter {
  const time = (text: string | null, edge: "since" | "until"): number | null => {
    const ms = text === null ? null : timeOf(text, edge, here);
    if (text === null || ms !== null) return ms;
    throw wrongInput(`${edge} must be a date (2026-11-01), an age (7d, 12h), or a time (2026-11-01T08:00:00Z).`, edge);
  };
  return { sinceMs: time(since, "since"), untilMs: time(until, "until"), key, session, client, model };
}

function rowQuery(query: RequestQuery, nowMs: number): RowQuery {
  const { status, q, cursor, limit } = query;
  return { ...filterOf(query, { nowMs, zone: zoneOf(query) }), status, text: q, before: cursor, limit };
}

/** Whether a running call fits the filters, as its row will when it has one. */
function isAskedFor(call: LiveCall, asked: RowQuery): boolean {
  const atMs = Date.parse(call.startedAt);
  const text = asked.text?.toLowerCase() ?? "";
  return (
    (asked.key ?? call.key) === call.key &&
    (asked.session ?? call.session) === call.session &&
    (asked.client ?? call.client) === call.client &&
    (asked.model ?? call.modelServed ?? call.modelAsked) === (call.modelServed ?? call.modelAsked) &&
    (asked.sinceMs ?? atMs) <= atMs &&
    atMs < (asked.untilMs ?? Infinity) &&
    [call.id, call.requestId].some((id) => id.toLowerCase().includes(text))
  );
}

function requestView({ atMs, ...row }: UsageRow, isInspected: boolean): RequestView {
  return { ...row, at: new Date(atMs).toISOString(), isInspected };
}

// ---- Prices ------------------------------------------------------------------------------------------------------

const MILLION = 1_000_000;

/** Null where the price is not known, or has changed since. */
function priceOf(row: UsageRow, models: Models): RequestDetail["price"] {
  const model = row.modelServed;
  const price = model !== null && models.knows(model) ? models.entry(model).price : null;
  if (price === null || row.usd === null || row.priceDate !== price.date) return null;
  const [input, cacheRead] = [row.inputTokens ?? 0, row.cacheReadTokens ?? 0];
  const [write5m, write1h, output] = [row.cacheWrite5mTokens ?? 0, row.cacheWrite1hTokens ?? 0, row.outputTokens ?? 0];
  const { longContext } = price;
  const isLong = longContext !== null && input + cacheRead + write5m + write1h > longContext.overTokens;
  const rates = isLong ? longContext : price;
  const line = (of: PriceLine["of"], tokens: number, rate: number): PriceLine => ({ of, tokens, rate, usd: (tokens * rate) / MILLION });
  const lines = [
    line("input", input, rates.input),
    line("cacheRead", cacheRead, rates.cacheRead),
    line("cacheWrite5m", write5m, rates.cacheWrite),
    line("cacheWrite1h", write1h, rates.cacheWrite1h),
    line("output", output, rates.output),
  ];
  return { rates: price, lines: lines.filter(({ tokens }) => tokens > 0) };
}

// ---- Sums --------------------------------------------------------------------------------------------------------

function countsOf(sums: readonly UsageSum[]): UsageCounts {
  const total = (amount: (sum: UsageSum) => number): number => sums.reduce((all, sum) => all + amount(sum), 0);
  const inputTokens = total((sum) => sum.inputTokens);
  const cacheReadTokens = total((sum) => sum.cacheReadTokens);
  const cacheWriteTokens = total((sum) => sum.cacheWriteTokens);
  const outputTokens = total((sum) => sum.outputTokens);
  const allInput = inputTokens + cacheReadTokens + cacheWriteTokens;
  const [usd, unpriced] = [total((sum) => sum.usd), total((sum) => sum.unpriced)];
  return {
    calls: total((sum) => sum.calls),
    errors: total((sum) => sum.errors),
    inputTokens,
    cacheReadTokens,
    cacheWriteTokens,
    outputTokens,
    reasoningTokens: total((sum) => sum.reasoningTokens),
    totalTokens: allInput + outputTokens,
    cacheHitRate: allInput === 0 ? null : cacheReadTokens / allInput,
    credits: total((sum) => sum.credits),
    usd: usd === 0 && unpriced > 0 ? null : usd,
    unpriced,
  };
}
