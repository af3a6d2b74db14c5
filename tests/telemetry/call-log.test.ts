// The log line of a call, made from its summary.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { GatewayError } from "../../src/errors.ts";
import { logCall } from "../../src/telemetry/call-log.ts";
import type { CallSummary } from "../../src/telemetry/call-summary.ts";
import { openLog, type Log } from "../../src/telemetry/log.ts";
import { Redactor } from "../../src/telemetry/redaction.ts";
import { SUMMARY } from "../support/call-summary.ts";
import { finish, usage } from "../support/canonical.ts";

const BARE_LINE = {
  level: "info",
  event: "request",
  requestId: "r1",
  method: "POST",
  path: "/v1/messages",
  protocol: "anthropic-messages",
  durationMs: 3,
  firstByteMs: null,
  finish: null,
};

function lineOf(summary: Partial<CallSummary>): unknown {
  const lines: Record<string, unknown>[] = [];
  const sink = (line: string): void => void lines.push(JSON.parse(line) as Record<string, unknown>);
  logCall(openLog({ level: "info", format: "json", sink, now: () => 0, redactor: new Redactor([]) }), { ...SUMMARY, ...summary });
  const [{ time: _, ...line } = {}] = lines;
  assert.equal(lines.length, 1);
  return line;
}

test("a line has what is known of a call, and nothing in the place of what is not", () => {
  assert.deepEqual(lineOf({}), BARE_LINE);
});

test("a line of a call that took all that a call can take has every field", () => {
  const line = lineOf({
    callerId: "0123abcd",
    model: "alias",
    streaming: false,
    upstreamModel: "glm-5",
    upstreamProtocol: "openai-chat",
    status: 200,
    finish: finish("length"),
    usage: usage({ inputTokens: 100, cacheReadTokens: 20, cacheWriteTokens: 3, outputTokens: 40, reasoningTokens: 10 }),
    attempts: 3,
    continuations: 2,
    dropped: ["top_k", "metadata"],
    firstByteMs: 1,
    timings: { admissionMs: 0.111, convertMs: 0.222, upstreamMs: 2.333, ownMs: 0.334, totalMs: 3 },
    traceId: "0af7651916cd43dd8448eb211c80319c",
  });
  assert.deepEqual(line, {
    ...BARE_LINE,
    traceId: "0af7651916cd43dd8448eb211c80319c",
    caller: "0123abcd",
    admissionMs: 0.11,
    convertMs: 0.22,
    upstreamMs: 2.33,
    ownMs: 0.33,
    totalMs: 3,
    model: "alias",
    streamed: false,
    upstreamModel: "glm-5",
    upstreamProtocol: "openai-chat",
    attempts: 3,
    continuations: 2,
    dropped: ["top_k", "metadata"],
    status: 200,
    firstByteMs: 1,
    finish: "length",
    inputTokens: 123,
    cacheReadTokens: 20,
    outputTokens: 40,
  });
});

test("every field of a line is in the table of README.md", () => {
  const { error: _, ...all } = SUMMARY;
  const line = lineOf({
    ...all,
    callerId: "alice",
    model: "m",
    upstreamModel: "m",
    attempts: 2,
    continuations: 1,
    dropped: ["a"],
    status: 500,
    traceId: "t",
    source: "counted",
    usage: usage({ outputTokens: 1 }),
    error: new GatewayError("internal", "It failed.", { cause: "Why" }),
  });
  const readme = readFileSync(new URL("../../src/telemetry/README.md", import.meta.url), "utf8");
  const [table = ""] = readme.split("| Field of `request` |")[1]?.split("\n\n") ?? [];
  const missing = Object.keys(Object(line)).filter((name) => !table.includes(`\`${name}\``) && !["level", "event"].includes(name));
  assert.deepEqual(missing, []);
});

test("input tokens are those that were read, and those read from and written to a cache, whichever of them the upstream names", () => {
  for (const [counts, inputTokens] of [
    [{}, 0],
    [{ inputTokens: 5 }, 5],
    [{ cacheReadTokens: 7 }, 7],
    [{ cacheWriteTokens: 9 }, 9],
    [{ inputTokens: 5, cacheWriteTokens: 9 }, 14],
  ] as const) {
    const counted = usage(counts);
    const { cacheReadTokens, outputTokens } = counted;
    assert.deepEqual(lineOf({ usage: counted }), { ...BARE_LINE, inputTokens, cacheReadTokens, outputTokens });
  }
});

test("the level of a failed call is that of its error, and a cause is told as text", () => {
  const failed = (error: GatewayError): unknown => lineOf({ status: error.status, error });
  const message = "No.";
  assert.deepEqual(failed(new GatewayError("upstream-failed", message, { cause: "the line was cut" })), {
    ...BARE_LINE,
    level: "error",
    status: 502,
    error: "upstream-failed",
    message,
    cause: "the line was cut",
  });
  assert.deepEqual(failed(new GatewayError("unauthenticated", message, { cause: { toString: () => assert.fail() } })), {
    ...BARE_LINE,
    level: "warning",
    status: 401,
    error: "unauthenticated",
    message,
    cause: "(object)",
  });
  assert.deepEqual(failed(new GatewayError("cancelled", message)), { ...BARE_LINE, status: 499, error: "cancelled", message });
});

test("no secret stands in a line, whichever of its values it is in, nor where it is the name of a field, in JSON and in text", () => {
  const known = "a-known-secret";
  const shapes = [
    known,
    "fk-0123456789abcdef",
    "x?key=0123456789",
    "bearer 0123456789abcdef",
    "cookie: a=0123456789",
    "api_key=0123456789",
  ];
  const members = ["requestId", "traceId", "callerId", "method", "path", "model", "upstreamModel"] as const;
  const bare = { ...SUMMARY, traceId: "t", callerId: "alice", model: "m", upstreamModel: "m", attempts: 1 };
  for (const format of ["json", "text"] as const) {
    const lines: string[] = [];
    const open = (redactor: Redactor): Log => openLog({ level: "info", format, sink: (line) => lines.push(line), now: () => 0, redactor });
    // The second log has cleared lines of the kind before; the third learns of the secret later on.
    const later = open(new Redactor([]));
    logCall(later, bare);
    for (const log of [open(new Redactor([known])), open(new Redactor([known])), later.knowing([known])]) {
      logCall(log, bare);
      for (const shape of shapes) {
        for (const member of members) {
          logCall(log, { ...bare, [member]: `a ${shape}` });
          assert.ok(!String(lines.at(-1)).includes(shape), `${format}, ${member}: ${lines.at(-1)}`);
        }
      }
    }
    for (const word of format === "json" ? ["durationMs", "request", "alice", "anthropic-messages"] : ["alice"]) {
      const log = open(new Redactor([]));
      logCall(log, bare);
      assert.ok(lines.at(-1)?.includes(word));
      logCall(log.knowing([word]), { ...bare, requestId: "r2" });
      assert.ok(!String(lines.at(-1)).includes(word), String(lines.at(-1)));
    }
  }
});
