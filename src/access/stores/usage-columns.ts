// A usage row as columns: what many rows have in common, and what is a row's own, each as a list of values in one order.
// Never knows a statement.

import type { UsageRow } from "../store.ts";
import type { Row, Value } from "./plan.ts";
import type { UsageKind } from "./usage-groups.ts";

type Columns<Members extends keyof UsageRow> = readonly (readonly [member: Members, column: string])[];

const KIND: Columns<keyof UsageKind> = [
  ["key", "key"],
  ["client", "client"],
  ["route", "route"],
  ["protocol", "protocol"],
  ["modelAsked", "model_asked"],
  ["modelServed", "model_served"],
  ["provider", "provider"],
  ["pool", "pool"],
  ["factoryKey", "factory_key"],
  ["status", "status"],
  ["finish", "finish"],
  ["streaming", "streaming"],
  ["source", "source"],
  ["priceDate", "price_date"],
  ["fallback", "fallback"],
];

const OWN: Columns<Exclude<keyof UsageRow, keyof UsageKind>> = [
  ["id", "id"],
  ["atMs", "at_ms"],
  ["requestId", "request_id"],
  ["session", "session"],
  ["agent", "agent"],
  ["admissionMs", "admission_ms"],
  ["firstByteMs", "first_byte_ms"],
  ["totalMs", "total_ms"],
  ["inputTokens", "input"],
  ["cacheReadTokens", "cache_read"],
  ["cacheWrite5mTokens", "cache_write_5m"],
  ["cacheWrite1hTokens", "cache_write_1h"],
  ["outputTokens", "output"],
  ["reasoningTokens", "reasoning"],
  ["credits", "credits"],
  ["usd", "usd"],
  ["tries", "tries"],
  ["losses", "losses"],
];

export const KIND_NAMES = KIND.map(([, column]) => column);
export const ROW_NAMES = OWN.map(([, column]) => column);

/** In the order of KIND_NAMES. Written out, since it is made for every call: looking members up by name takes three times as long. */
export function kindValues(row: UsageKind): Value[] {
  const { key, client, route, protocol, modelAsked, modelServed, provider, pool } = row;
  const { factoryKey, status, finish, streaming, source, priceDate, fallback } = row;
  const served = streaming ? 1 : 0;
  return [
    key,
    client,
    route,
    protocol,
    modelAsked,
    modelServed,
    provider,
    pool,
    factoryKey,
    status,
    finish,
    served,
    source,
    priceDate,
    fallback,
  ];
}

/** In the order of ROW_NAMES, behind the id of the row's kind. */
export function rowValues(row: UsageRow, kind: number): Value[] {
  const { id, atMs, requestId, session, agent, admissionMs, firstByteMs, totalMs, inputTokens, cacheReadTokens } = row;
  const { cacheWrite5mTokens, cacheWrite1hTokens, outputTokens, reasoningTokens, credits, usd, tries, losses } = row;
  // prettier-ignore
  return [
    kind, id, atMs, requestId === id ? null : requestId, session, agent, admissionMs, firstByteMs, totalMs, inputTokens, cacheReadTokens,
    cacheWrite5mTokens, cacheWrite1hTokens, outputTokens, reasoningTokens, credits, usd, tries, losses,
  ];
}

/** From the columns of both. */
export function usageRow(columns: Row): UsageRow {
  return rowOf(([, column]) => columns[column]);
}

/** From the values of both. */
export function rowFrom(kind: readonly Value[], own: readonly Value[]): UsageRow {
  return rowOf((_, index) => (index < KIND.length ? kind[index] : own[index - KIND.length + 1]));
}

function rowOf(valueOf: (column: readonly [string, string], index: number) => Value | undefined): UsageRow {
  const row = Object.fromEntries([...KIND, ...OWN].map((column, index) => [column[0], valueOf(column, index) ?? null]));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only this program writes what it reads
  return { ...row, requestId: row["requestId"] ?? row["id"], streaming: row["streaming"] === 1 } as unknown as UsageRow;
}
