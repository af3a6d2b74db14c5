// The ledger's row of a call, made from its summary: one observer among others.
// Does not include a prompt, an answer or a key.

import type { UsageRow } from "../access/store.ts";
import { isTruncation } from "../protocol/fold.ts";
import type { FinishKind } from "../protocol/canonical.ts";
import type { CallObserver, CallSummary } from "../telemetry/call-summary.ts";

const EXPLAIN = "/explain/";

export interface Rows {
  /** Must not wait, and must not throw. */
  add(row: UsageRow): void;
}

/**
 * Gives the ledger a row for each call with a known caller: what anybody can send without a key must not fill a disk. `/explain` does not
 * count as a call: nothing goes to Factory.
 */
export function ledgerObserver(ledger: Rows): CallObserver {
  return (summary) => {
    if (isListed(summary)) ledger.add(usageRow(summary));
  };
}

/** Whether the ledger has a row for the call. */
export function isListed(summary: CallSummary): boolean {
  return summary.callerId !== null && !isExplained(summary);
}

/** Whether nothing was asked of a model. */
export function isExplained({ path }: CallSummary): boolean {
  return path.startsWith(EXPLAIN);
}

export function usageRow(summary: CallSummary): UsageRow {
  const { usage, cost } = summary;
  const anHour = usage?.cacheWrite1hTokens ?? null;
  const writes = usage?.cacheWriteTokens ?? null;
  return {
    id: summary.id,
    atMs: summary.startedAtMs,
    requestId: summary.requestId,
    key: summary.callerId,
    client: summary.client,
    session: summary.session,
    agent: summary.agent,
    route: shortened(summary.path),
    protocol: summary.protocol,
    modelAsked: summary.model === null ? null : shortened(summary.model),
    modelServed: summary.upstreamModel === null ? null : shortened(summary.upstreamModel),
    provider: summary.provider,
    pool: summary.pool,
    factoryKey: summary.factoryKey,
    status: summary.status,
    finish: finishWord(summary),
    streaming: summary.streaming ?? false,
    admissionMs: summary.admissionMs,
    firstByteMs: summary.firstByteMs,
    totalMs: summary.durationMs,
    inputTokens: usage?.inputTokens ?? null,
    cacheReadTokens: usage?.cacheReadTokens ?? null,
    cacheWrite5mTokens: writes === null ? null : Math.max(0, writes - (anHour ?? 0)),
    cacheWrite1hTokens: anHour,
    outputTokens: usage?.outputTokens ?? null,
    reasoningTokens: usage?.reasoningTokens ?? null,
    source: summary.source,
    credits: cost === null ? 0 : cost.credits,
    usd: cost === null ? 0 : cost.usd,
    priceDate: cost?.date ?? null,
    tries: summary.attempts,
    fallback: summary.fallback === null ? null : shortened(summary.fallback),
    losses: summary.dropped.length,
  };
}

/** Paths and model names are chosen by the client. */
const MOST_CHARACTERS = 120;

/** In characters that every database takes: Postgres has no NUL, and a lone surrogate is not valid text. */
function shortened(text: string): string {
  const short = text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS)}…`;
  return short.replaceAll("\0", "\ufffd").toWellFormed();
}

const FINISHES: Readonly<Record<FinishKind, string>> = {
  end: "end",
  "stop-sequence": "end",
  "tool-calls": "tool",
  length: "length",
  "context-full": "length",
  paused: "length",
  filtered: "error:filtered",
  other: "end",
};

/** As in the ledger; `error:ended` means that an administrator ended the call. */
export function finishWord({ error, finish }: CallSummary): string {
  if (error === null) return finish === null ? "end" : FINISHES[finish.kind];
  if (error.kind === "cancelled") return "cancelled";
  return isTruncation(error) ? "cut" : `error:${error.kind}`;
}
