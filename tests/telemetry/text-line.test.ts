// The line of a call for people at a terminal, and its colours.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError, REASON_HEADER, type LogLevel } from "../../src/errors.ts";
import { logCall } from "../../src/telemetry/call-log.ts";
import type { CallSummary } from "../../src/telemetry/call-summary.ts";
import { openLog } from "../../src/telemetry/log.ts";
import { Redactor } from "../../src/telemetry/redaction.ts";
import { painted } from "../../src/telemetry/text-line.ts";
import { SUMMARY } from "../support/call-summary.ts";
import { finish, usage } from "../support/canonical.ts";

const NOON = Date.UTC(2026, 10, 22, 12, 0, 0, 7);
const USUAL: CallSummary = {
  ...SUMMARY,
  requestId: "01a2272b-4ea3-7db1-b8e7-bd2766d8b57f",
  path: "/v1/chat/completions",
  protocol: "openai-chat",
  callerId: "alice",
  model: "claude-sonnet-5",
  streaming: true,
  upstreamModel: "claude-sonnet-5",
  upstreamProtocol: "anthropic-messages",
  status: 200,
  finish: finish("end"),
  usage: usage({ inputTokens: 1000, outputTokens: 200 }),
  attempts: 1,
  durationMs: 4521,
  timings: { admissionMs: 1, convertMs: 1, upstreamMs: 4518, ownMs: 1, totalMs: 4521 },
  traceId: "0af7651916cd43dd8448eb211c80319c",
};

function lineOf(summary: Partial<CallSummary>, level: LogLevel = "info"): string {
  const lines: string[] = [];
  const sink = (line: string): void => void lines.push(line);
  logCall(openLog({ level, format: "text", sink, now: () => NOON, redactor: new Redactor([]) }), { ...USUAL, ...summary });
  return lines.join("\n");
}

test("text line: a usual call fits into 120 columns, the essentials first", () => {
  const line = lineOf({});
  assert.equal(line, "12:00:00Z 200 POST /v1/chat/completions claude-sonnet-5 4.5s 1000→200 alice 01a2272b-4ea3-7db1-b8e7-bd2766d8b57f");
  assert.ok(line.length <= 120, String(line.length));
});

test("text line: what is unusual about a call is said too", () => {
  const unusual: Partial<CallSummary> = {
    requestId: "r1",
    model: "two words",
    attempts: 3,
    dropped: ["top_k", "metadata"],
    finish: finish("length"),
    source: "counted",
    durationMs: 999,
  };
  assert.equal(
    lineOf(unusual),
    '12:00:00Z 200 POST /v1/chat/completions "two words"→claude-sonnet-5 999ms ~1000→200 alice length 3 attempts dropped top_k,metadata r1',
  );
});

test("text line: a failure says what went wrong, and whether Factory said so, without a stack", () => {
  const failed = (error: GatewayError): string =>
    lineOf({ requestId: "r1", usage: null, finish: null, durationMs: 5, status: error.status, error });
  const refused = Object.assign(new Error("ENOTFOUND"), { code: "ENOTFOUND" });
  const cause = new Error("Could not connect to api.factory.ai", { cause: refused });
  assert.equal(
    failed(new GatewayError("upstream-failed", "Factory could not be reached.", { cause })),
    "12:00:00Z 502 POST /v1/chat/completions claude-sonnet-5 5ms alice " +
      "upstream-failed: Factory could not be reached. (Could not connect to api.factory.ai: ENOTFOUND) r1",
  );
  assert.equal(
    failed(new GatewayError("rate-limited", "Slow\ndown.", { headers: { [REASON_HEADER]: "upstream" } })),
    String.raw`12:00:00Z 429 POST /v1/chat/completions claude-sonnet-5 5ms alice rate-limited by Factory: Slow\u000adown. r1`,
  );
  assert.equal(
    lineOf({ requestId: "r1", finish: null, error: new GatewayError("upstream-failed", "Factory cut off the answer.") }),
    "12:00:00Z 200 cut POST /v1/chat/completions claude-sonnet-5 4.5s 1000→200 alice upstream-failed: Factory cut off the answer. r1",
  );
  const unread = { model: null, upstreamModel: null, callerId: null, usage: null, finish: null, status: 401, attempts: 0, requestId: "r1" };
  assert.equal(
    lineOf({ ...unread, error: new GatewayError("unauthenticated", "No API key.") }),
    "12:00:00Z 401 POST /v1/chat/completions 4.5s unauthenticated: No API key. r1",
  );
});

test("text line: at LOG_LEVEL=debug a call has every field", () => {
  assert.equal(
    lineOf({ requestId: "r1" }, "debug"),
    "12:00:00Z info    request requestId=r1 traceId=0af7651916cd43dd8448eb211c80319c caller=alice method=POST path=/v1/chat/completions " +
      "protocol=openai-chat model=claude-sonnet-5 streamed=true upstreamModel=claude-sonnet-5 upstreamProtocol=anthropic-messages status=200 " +
      "durationMs=4521 admissionMs=1 convertMs=1 upstreamMs=4518 ownMs=1 totalMs=4521 finish=end inputTokens=1000 outputTokens=200",
  );
});

test("text line: colours are laid over a finished line, and over no other", () => {
  const shown = (line: string): string => painted(line).replaceAll("\u001b", "^");
  assert.deepEqual(
    [
      "12:00:00Z 200 POST /v1/messages 5ms r1",
      "12:00:00Z 200 cut POST /v1/messages 5ms r1",
      "12:00:00Z 404 POST /v1/messages 5ms r1",
      "12:00:00Z 502 POST /v1/messages 5ms r1",
      "12:00:00Z warning old upstream name=X",
      '{"time":"12:00:00Z","level":"error"}',
      "The key for this run: 12:00:00Z 200",
    ].map(shown),
    [
      "^[2m12:00:00Z^[0m ^[32m200^[0m POST /v1/messages 5ms ^[2mr1^[0m",
      "^[2m12:00:00Z^[0m ^[31m200 cut^[0m POST /v1/messages 5ms ^[2mr1^[0m",
      "^[2m12:00:00Z^[0m ^[33m404^[0m POST /v1/messages 5ms ^[2mr1^[0m",
      "^[2m12:00:00Z^[0m ^[31m502^[0m POST /v1/messages 5ms ^[2mr1^[0m",
      "^[2m12:00:00Z^[0m ^[33mwarning^[0m old upstream name=X",
      '{"time":"12:00:00Z","level":"error"}',
      "The key for this run: 12:00:00Z 200",
    ],
  );
});
