// The log line of a call.
// Never does: ask a value that an upstream sent for its text: it may have a `toString` of its own.

import { ERRORS } from "../errors.ts";
import type { CallSummary } from "./call-summary.ts";
import type { Log, LogFields } from "./log.ts";
import { hundredths } from "./phases.ts";

export function logCall(log: Log, summary: CallSummary): void {
  const { model, upstreamModel, error, usage, timings } = summary;
  const fields: Record<string, unknown> = {
    ...named(summary),
    method: summary.method,
    path: summary.path,
    protocol: summary.protocol,
  };
  if (model !== null) {
    fields["model"] = model;
    fields["streamed"] = summary.streaming;
  }
  if (upstreamModel !== null) {
    fields["upstreamModel"] = upstreamModel;
    fields["upstreamProtocol"] = summary.upstreamProtocol;
  }
  if (summary.attempts > 1) fields["attempts"] = summary.attempts;
  if (summary.continuations > 0) fields["continuations"] = summary.continuations;
  if (summary.dropped.length > 0) fields["dropped"] = summary.dropped;
  if (summary.status !== null) fields["status"] = summary.status;
  fields["durationMs"] = summary.durationMs;
  fields["firstByteMs"] = summary.firstByteMs;
  if (summary.attempts > 0) {
    for (const phase of PHASES) fields[phase] = hundredths(timings[phase]);
  }
  fields["finish"] = summary.finish?.kind ?? null;
  if (usage !== null) {
    fields["inputTokens"] = (usage.inputTokens ?? 0) + (usage.cacheReadTokens ?? 0) + (usage.cacheWriteTokens ?? 0);
    fields["cacheReadTokens"] = usage.cacheReadTokens;
    fields["outputTokens"] = usage.outputTokens;
    if (summary.source !== "upstream") fields["usageSource"] = summary.source;
  }
  if (error === null) return log.info("request", fields);
  fields["error"] = error.kind;
  fields["message"] = error.message;
  if (error.cause !== undefined) fields["cause"] = describe(error.cause);
  log[ERRORS[error.kind].level]("request", fields);
}

const PHASES = ["admissionMs", "convertMs", "upstreamMs", "ownMs", "totalMs"] as const;

/** What every line about a call begins with, as far as it is known. */
export function named({ requestId, traceId, callerId }: CallSummary): LogFields {
  const fields: Record<string, string> = { requestId };
  if (traceId !== null) fields["traceId"] = traceId;
  if (callerId !== null) fields["caller"] = callerId;
  return fields;
}

/** What went wrong here once the call had ended, and so is no part of what it came to. */
export function logFault(log: Log, summary: CallSummary, cause: unknown): void {
  log.error("internal error", { ...named(summary), cause: describe(cause) });
}

function describe(cause: unknown): string {
  if (cause instanceof Error) return cause.stack ?? cause.message;
  return typeof cause === "string" ? cause : `(${typeof cause})`;
}
