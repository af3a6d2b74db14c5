// Keys, accounts, reservations and usage rows as a store keeps them, for tests.

import type { KeyRecord } from "../../src/access/client-key.ts";
import type { Account, Reservation, UsageRow } from "../../src/access/store.ts";

const NOON = Date.UTC(2026, 10, 28, 12);

export function keyRecord(name: string, more: Partial<KeyRecord> = {}): KeyRecord {
  return {
    name,
    note: null,
    hash: name.padEnd(64, "0"),
    hint: "fp-a1…9z",
    previous: null,
    createdMs: NOON,
    expiry: null,
    firstUsedMs: null,
    isOff: false,
    rules: {
      models: null,
      requestsPerMinute: null,
      tokensPerMinute: null,
      parallel: null,
      budgets: [{ amount: 5, unit: "usd", period: "day" }],
      soft: null,
      zone: null,
    },
    raises: [],
    ...more,
  };
}

export function account(running: number): Account {
  return { budgets: { "usd/day": { startMs: NOON, used: 1.25 } }, requests: [[NOON / 1000, running]], tokens: [], running, ahead: null };
}

export function reservation(id: string, more: Partial<Reservation> = {}): Reservation {
  return {
    id,
    accounts: [{ key: "alice", scope: "" }],
    gateway: "g1",
    atMs: NOON,
    amounts: { usd: 0.5 },
    places: null,
    row: usageRow(id, { source: "estimated" }),
    ...more,
  };
}

export function usageRow(id: string, more: Partial<UsageRow> = {}): UsageRow {
  return {
    id,
    atMs: NOON,
    requestId: `request-${id}`,
    key: "alice",
    client: "claude-code",
    session: null,
    agent: null,
    route: "/v1/messages",
    protocol: "anthropic-messages",
    modelAsked: "glm-5.2",
    modelServed: "glm-5.2",
    provider: "zai",
    pool: "core",
    factoryKey: "0123abcd",
    status: 200,
    finish: "end",
    streaming: false,
    admissionMs: 1,
    firstByteMs: 300,
    totalMs: 1200,
    inputTokens: 100,
    cacheReadTokens: 10,
    cacheWrite5mTokens: 8,
    cacheWrite1hTokens: 4,
    outputTokens: 20,
    reasoningTokens: 5,
    source: "upstream",
    credits: 10,
    usd: 0.01,
    priceDate: "2026-11-28",
    tries: 1,
    fallback: null,
    losses: 0,
    ...more,
  };
}
