// What is counted of calls: under which labels, and never more series than the tables allow.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError, ERRORS, type ErrorKind } from "../../src/errors.ts";
import { CallMetrics } from "../../src/gateway/call-metrics.ts";
import { GenAiMetrics } from "../../src/gateway/gen-ai-metrics.ts";
import { CallTrace } from "../../src/telemetry/call-trace.ts";
import type { CallSummary } from "../../src/telemetry/call-summary.ts";
import { Histogram, type Family } from "../../src/telemetry/families.ts";
import { prometheusText } from "../../src/telemetry/exports/prometheus.ts";
import { SUMMARY } from "../support/call-summary.ts";
import { finish, usage } from "../support/canonical.ts";

const KNOWN = { isModel: (name: string) => MODELS.includes(name), isKey: (name: string) => KEYS.includes(name) };
const MODELS = ["claude-sonnet-5", "glm-5.2"];
const KEYS = ["alice", "anonymous"];

const CALL: CallSummary = {
  ...SUMMARY,
  callerId: "alice",
  model: "sonnet",
  streaming: true,
  upstreamModel: "claude-sonnet-5",
  upstreamProtocol: "anthropic-messages",
  provider: "anthropic",
  status: 200,
  finish: finish("end"),
  usage: usage({ inputTokens: 10, cacheReadTokens: 5, cacheWriteTokens: 2, outputTokens: 11, reasoningTokens: 4 }),
  cost: { usd: 0.5, credits: 20, date: "2026-11-28" },
  attempts: 3,
  fallback: "glm-5.2",
  dropped: ["seed", "top_k"],
  admissionMs: 4,
  firstByteMs: 400,
  durationMs: 1400,
  timings: { admissionMs: 4, convertMs: 2, upstreamMs: 1390, ownMs: 4, totalMs: 1400 },
};

function valuesOf(families: readonly Family[]): Record<string, unknown> {
  return Object.fromEntries(
    families.flatMap(({ name, samples }) =>
      samples.map(({ labels, value }) => {
        const text = Object.entries(labels).map((label) => label.join("="));
        return [`${name} ${text.join(" ")}`.trim(), value instanceof Histogram ? [value.count, value.sum] : value];
      }),
    ),
  );
}

test("a call is counted by its protocol, model, key, status and finish, with its times, tokens, cost, retries, fallbacks and losses", () => {
  const metrics = new CallMetrics(KNOWN);
  metrics.observe(CALL);
  assert.deepEqual(valuesOf(metrics.families()), {
    "factory_proxy_calls_total protocol=anthropic-messages model=claude-sonnet-5 key=alice status=200 finish=end": 1,
    "factory_proxy_call_duration_seconds model=claude-sonnet-5": [1, 1.4],
    "factory_proxy_time_to_first_byte_seconds model=claude-sonnet-5": [1, 0.4],
    "factory_proxy_time_per_output_token_seconds model=claude-sonnet-5": [1, 0.1],
    "factory_proxy_overhead_seconds protocol=anthropic-messages upstream_protocol=anthropic-messages": [1, 0.01],
    factory_proxy_admission_seconds: [1, 0.004],
    "factory_proxy_retries_total model=claude-sonnet-5": 1,
    "factory_proxy_fallbacks_total model=claude-sonnet-5": 1,
    "factory_proxy_losses_total protocol=anthropic-messages upstream_protocol=anthropic-messages": 2,
    "factory_proxy_tokens_total model=claude-sonnet-5 key=alice type=input": 17,
    "factory_proxy_tokens_total model=claude-sonnet-5 key=alice type=cache_read": 5,
    "factory_proxy_tokens_total model=claude-sonnet-5 key=alice type=cache_write": 2,
    "factory_proxy_tokens_total model=claude-sonnet-5 key=alice type=output": 11,
    "factory_proxy_tokens_total model=claude-sonnet-5 key=alice type=reasoning": 4,
    "factory_proxy_cost_usd_total model=claude-sonnet-5 key=alice": 0.5,
    "factory_proxy_credits_total model=claude-sonnet-5 key=alice": 20,
  });
});

test("a model that the table does not hold, a key that is none and a status that is odd have no label of their own, and /explain is no call", () => {
  const metrics = new CallMetrics(KNOWN);
  metrics.observe({
    ...CALL,
    attempts: 0,
    upstreamModel: "my secret prompt",
    callerId: "1f2e3d4c",
    status: 599,
    dropped: [],
    admissionMs: null,
  });
  metrics.observe({ ...SUMMARY, status: 401 });
  metrics.observe({ ...CALL, path: "/explain/v1/messages" });
  const counted = Object.keys(valuesOf(metrics.families())).filter((name) => name.includes("calls_total"));
  assert.deepEqual(counted, [
    "factory_proxy_calls_total protocol=anthropic-messages model=other key=other status=5xx finish=end",
    "factory_proxy_calls_total protocol=anthropic-messages model=none key=none status=401 finish=end",
  ]);
});

const KINDS = Object.keys(ERRORS) as readonly ErrorKind[];
const PROTOCOLS = ["anthropic-messages", "openai-chat", "openai-responses", "gemini"] as const;

/** Whatever a client and an upstream can make of a call. */
function oddCall(index: number): CallSummary {
  const kind = KINDS[index % KINDS.length] ?? "internal";
  const protocol = PROTOCOLS[index % 4] ?? "gemini";
  const trace = new CallTrace(
    {},
    { sampling: { sampler: "always_on", ratio: 1 }, newId: () => "019e1f00-1111-7222-8333-444444444444", isInference: true },
  );
  trace.attempt(1, "m", "https://upstream.test/?key=secret");
  return {
    ...CALL,
    path: `/v1beta/models/${index}:generateContent`,
    protocol,
    upstreamProtocol: PROTOCOLS[(index >> 2) % 4] ?? "gemini",
    model: `odd model ${index}"\n{}`,
    upstreamModel: index % 3 === 0 ? "glm-5.2" : `odd model ${index}"\n{}`,
    callerId: index % 5 === 0 ? "alice" : `${index}`,
    client: `client ${index}`,
    session: `session ${index}`,
    status: 100 + (index % 900),
    error: index % 2 === 0 ? null : new GatewayError(kind, `Message ${index}`),
    dropped: [`field-${index}`],
    fallback: `model-${index}`,
    trace,
  };
}

test("ten thousand odd calls make no more series than what is known allows, and none of a client's words", async () => {
  const metrics = new CallMetrics(KNOWN);
  const genAi = new GenAiMetrics("both", (model) => metrics.modelLabel(model));
  const countSeries = (): number => [...metrics.families(), ...genAi.families()].reduce((sum, { samples }) => sum + samples.length, 0);
  let afterHalf = 0;
  for (let index = 0; index < 10_000; index++) {
    metrics.observe(oddCall(index));
    genAi.observe(oddCall(index));
    if (index === 4_999) afterHalf = countSeries();
  }
  assert.ok(countSeries() <= afterHalf * 1.1, `${afterHalf} series became ${countSeries()}`);
  const text = await prometheusText(
    [...metrics.families(), ...genAi.families()].map((family) => ({ ...family, name: family.name.replaceAll(".", "_") })),
  );
  assert.deepEqual(text.match(/odd model|session \d|client \d|Message|field-\d|upstream\.test|secret/), null);
  assert.ok(text.split("\n").length < 30_000, String(text.split("\n").length));
});

test("beyond the rows of a table calls are counted all the same, under labels that all of them share", () => {
  const metrics = new CallMetrics({ isModel: () => true, isKey: () => true });
  for (let index = 0; index < 10_000; index++) metrics.observe({ ...CALL, upstreamModel: `model-${index}`, callerId: `key-${index}` });
  const [calls] = metrics.families();
  assert.ok(calls !== undefined && calls.samples.length <= 2001, String(calls?.samples.length));
  assert.equal(
    calls.samples.reduce((sum, { value }) => sum + Number(value), 0),
    10_000,
  );
  assert.deepEqual(calls.samples.at(-1), {
    labels: { protocol: "anthropic-messages", model: "other", key: "other", status: "200", finish: "end" },
    value: 8000,
  });
});
