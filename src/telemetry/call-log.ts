// The log line of a call.
// Does not convert a value that an upstream sent to text: it may have a `toString` of its own.

import { ERRORS, REASON_HEADER } from "../errors.ts";
import type { CallSummary } from "./call-summary.ts";
import { CALL_EVENT, type Log, type LogFields } from "./log.ts";
import { hundredths } from "./phases.ts";

/** The event and every possible field name: these are checked for secrets once, values each time. */
const NAMES =
  "request requestId traceId caller method path protocol model streamed upstreamModel upstreamProtocol attempts continuations dropped status durationMs " +
  "firstByteMs admissionMs convertMs upstreamMs ownMs totalMs finish inputTokens cacheReadTokens outputTokens usageSource error reason message cause";

export function logCall(log: Log, summary: CallSummary): void {
  const { error, dropped } = summary;
  const level = error === null ? "info" : ERRORS[error.kind].level;
  if (!log.enabled(level)) return;
  const fields = fieldsOf(summary);
  if (error !== null || dropped.length > 0) return log[level](CALL_EVENT, fields);
  const { requestId, traceId, caller, method, path, protocol, model, upstreamModel, upstreamProtocol, finish, usageSource } = fields;
  const usual = `${caller}\n${method}\n${path}\n${protocol}\n${model}\n${upstreamModel}\n${upstreamProtocol}\n${finish}\n${usageSource}`;
  log.plain(level, { event: CALL_EVENT, fields, names: NAMES, usual, texts: `${requestId}\n${traceId}` });
}

/** Undefined: not in the line. A single object, because one is made for every call. */
function fieldsOf(summary: CallSummary) {
  const { model, upstreamModel, error, usage, timings, source } = summary;
  const wasSent = summary.attempts > 0;
  return {
    requestId: summary.requestId,
    traceId: summary.traceId ?? undefined,
    caller: summary.callerId ?? undefined,
    method: summary.method,
    path: summary.path,
    protocol: summary.protocol,
    model: model ?? undefined,
    streamed: model === null ? undefined : summary.streaming,
    upstreamModel: upstreamModel ?? undefined,
    upstreamProtocol: upstreamModel === null ? undefined : summary.upstreamProtocol,
    attempts: summary.attempts > 1 ? summary.attempts : undefined,
    continuations: summary.continuations > 0 ? summary.continuations : undefined,
    dropped: summary.dropped.length > 0 ? summary.dropped : undefined,
    status: summary.status ?? undefined,
    durationMs: summary.durationMs,
    firstByteMs: summary.firstByteMs,
    admissionMs: wasSent ? hundredths(timings.admissionMs) : undefined,
    convertMs: wasSent ? hundredths(timings.convertMs) : undefined,
    upstreamMs: wasSent ? hundredths(timings.upstreamMs) : undefined,
    ownMs: wasSent ? hundredths(timings.ownMs) : undefined,
    totalMs: wasSent ? hundredths(timings.totalMs) : undefined,
    finish: summary.finish?.kind ?? null,
    inputTokens: usage === null ? undefined : (usage.inputTokens ?? 0) + (usage.cacheReadTokens ?? 0) + (usage.cacheWriteTokens ?? 0),
    cacheReadTokens: usage?.cacheReadTokens,
    outputTokens: usage?.outputTokens,
    usageSource: source === "upstream" ? undefined : source,
    error: error?.kind,
    reason: error?.headers[REASON_HEADER],
    message: error?.message,
    cause: error?.cause === undefined ? undefined : error.kind === "internal" ? describe(error.cause) : told(error.cause),
  };
}

/** What every line about a call begins with, as far as it is known. */
export function named({ requestId, traceId, callerId }: CallSummary): LogFields {
  const fields: Record<string, string> = { requestId };
  if (traceId !== null) fields["traceId"] = traceId;
  if (callerId !== null) fields["caller"] = callerId;
  return fields;
}

/** A failure here after the call had ended, which is therefore not part of its summary. */
export function logFault(log: Log, summary: CallSummary, cause: unknown): void {
  log.error("internal error", { ...named(summary), cause: describe(cause) });
}

/** A fault of this program, with its stack. */
function describe(cause: unknown): string {
  if (cause instanceof Error) return cause.stack ?? cause.message;
  return typeof cause === "string" ? cause : `(${typeof cause})`;
}

/** What went wrong outside this program: its messages, from the outer one to the innermost. */
function told(cause: unknown): string {
  if (!(cause instanceof Error)) return describe(cause);
  const messages = [cause.message];
  for (let inner = cause.cause; inner instanceof Error && messages.length < MOST_CAUSES; inner = inner.cause) messages.push(inner.message);
  return [...new Set(messages)].join(": ");
}

/** Causes may form a circle. */
const MOST_CAUSES = 5;
