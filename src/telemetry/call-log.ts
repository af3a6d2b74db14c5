// The log line of a call.
// Never does: ask a value that an upstream sent for its text: it may have a `toString` of its own.

import { ERRORS } from "../errors.ts";
import type { CallSummary } from "./call-summary.ts";
import type { Log } from "./log.ts";

export function logCall(log: Log, summary: CallSummary): void {
  const { callerId, model, upstreamModel, error, usage } = summary;
  const fields: Record<string, unknown> = {
    requestId: summary.requestId,
    method: summary.method,
    path: summary.path,
    protocol: summary.protocol,
  };
  if (callerId !== null) fields["caller"] = callerId;
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

/** What went wrong here once the call had ended, and so is no part of what it came to. */
export function logFault(log: Log, requestId: string, cause: unknown): void {
  log.error("internal error", { requestId, cause: describe(cause) });
}

function describe(cause: unknown): string {
  if (cause instanceof Error) return cause.stack ?? cause.message;
  return typeof cause === "string" ? cause : `(${typeof cause})`;
}
