// Test support: the summary of a call of which nothing is known but that it ended.

import type { CallSummary } from "../../src/telemetry/call-summary.ts";

export const SUMMARY: CallSummary = {
  requestId: "r1",
  method: "POST",
  path: "/v1/messages",
  protocol: "anthropic-messages",
  callerId: null,
  model: null,
  streaming: null,
  upstreamModel: null,
  upstreamProtocol: null,
  status: null,
  error: null,
  finish: null,
  usage: null,
  attempts: 0,
  continuations: 0,
  dropped: [],
  firstByteMs: null,
  durationMs: 3,
};
