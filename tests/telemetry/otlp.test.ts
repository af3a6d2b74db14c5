// Traces and metrics as a collector gets them: names, units, attributes, the tree of spans, and what happens when it is gone.

import assert from "node:assert/strict";
import { test } from "node:test";
import { LATEST, OLDER } from "../../src/telemetry/gen-ai.ts";
import { attributesOf, startCollector, type Collector, type OtlpMetric, type OtlpSpan } from "../support/collector.ts";
import { startGateway, type GatewayOptions, type RunningGateway } from "../support/gateway.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const PARENT = "b7ad6b7169203331";

interface Seen {
  readonly gateway: RunningGateway;
  readonly collector: Collector;
}

async function observed(environment: GatewayOptions["environment"], look: (seen: Seen) => Promise<void>): Promise<void> {
  const collector = await startCollector();
  const gateway = await startGateway({ environment: { OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/`, ...environment } });
  try {
    await look({ gateway, collector });
  } finally {
    await gateway.stop();
    await collector.stop();
  }
}

interface Asking {
  readonly path?: string;
  readonly model?: string;
  readonly stream?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

async function hello(
  gateway: RunningGateway,
  { path = "/v1/chat/completions", model = "claude-sonnet-5", stream = false, headers = {} }: Asking = {},
) {
  const body = {
    model,
    stream,
    messages: [{ role: "user", content: "A secret prompt" }],
    contents: [{ role: "user", parts: [{ text: "A secret prompt" }] }],
  };
  const response = await gateway.call(path, { body, headers });
  await response.text();
  return response;
}

const named = (spans: readonly OtlpSpan[], name: string): OtlpSpan =>
  spans.find((span) => span.name === name) ?? assert.fail(`no span ${name}`);
const metric = (metrics: readonly OtlpMetric[], name: string): OtlpMetric =>
  metrics.find((one) => one.name === name) ?? assert.fail(`no metric ${name}`);

test("a streamed call is a tree of spans in the client's trace, named and described as the conventions have it", async () => {
  await observed({ OTEL_SERVICE_NAME: "team-gateway", OTEL_EXPORTER_OTLP_HEADERS: "x-tenant=a%20b" }, async ({ gateway, collector }) => {
    await hello(gateway, { stream: true, headers: { traceparent: `00-${TRACE}-${PARENT}-01` } });
    await gateway.drain();
    const spans = collector.spans();
    assert.deepEqual(
      spans.map(({ name, kind }) => `${kind} ${name}`),
      ["2 POST /v1/chat/completions", "1 admission", "1 conversion", "3 chat claude-sonnet-5", "3 POST", "1 stream"],
    );
    for (const span of spans) {
      assert.equal(span.traceId, TRACE);
      assert.ok(BigInt(span.endTimeUnixNano) >= BigInt(span.startTimeUnixNano), span.name);
      assert.equal(span.status.code, 0);
    }
    const [call, inference, attempt] = [
      named(spans, "POST /v1/chat/completions"),
      named(spans, "chat claude-sonnet-5"),
      named(spans, "POST"),
    ];
    assert.equal(new Set(spans.map(({ spanId }) => spanId)).size, spans.length);
    assert.equal(call.parentSpanId, PARENT);
    for (const name of ["admission", "conversion", "chat claude-sonnet-5", "stream"])
      assert.equal(named(spans, name).parentSpanId, call.spanId, name);
    assert.equal(attempt.parentSpanId, inference.spanId);
    assert.equal(gateway.lastSeen().headers["traceparent"], `00-${TRACE}-${attempt.spanId}-01`);
    const { "factory_proxy.request_id": requestId, ...about } = attributesOf(call);
    assert.equal(typeof requestId, "string");
    assert.deepEqual(about, {
      "http.request.method": "POST",
      "http.route": "/v1/chat/completions",
      "http.response.status_code": 200,
      "factory_proxy.protocol": "openai-chat",
      "factory_proxy.key": "env-1",
      "factory_proxy.upstream_protocol": "anthropic-messages",
      "factory_proxy.model_asked": "claude-sonnet-5",
      "factory_proxy.losses": 1,
    });
    const {
      "gen_ai.conversation.id": conversation,
      "gen_ai.response.time_to_first_chunk": first,
      "server.port": port,
      ...asked
    } = attributesOf(inference);
    assert.equal(typeof conversation, "string");
    assert.ok(Number(first) >= 0);
    assert.equal(port, Number(new URL(gateway.upstream.url).port));
    assert.deepEqual(asked, {
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "anthropic",
      "gen_ai.request.model": "claude-sonnet-5",
      "gen_ai.response.model": "claude-sonnet-5",
      "server.address": "127.0.0.1",
      "gen_ai.request.stream": true,
      "gen_ai.response.finish_reasons": ["end"],
      "gen_ai.usage.input_tokens": 13,
      "gen_ai.usage.output_tokens": 5,
      "gen_ai.usage.cache_read.input_tokens": 4,
      "gen_ai.usage.cache_write.input_tokens": 0,
      "gen_ai.usage.reasoning.output_tokens": 0,
    });
    assert.deepEqual(
      collector.resources().map((resource) => resource["service.name"]),
      ["team-gateway", "team-gateway"],
    );
    assert.deepEqual(
      collector.headers.map(({ path, "x-tenant": tenant }) => [path, tenant]),
      [
        ["/v1/traces", "a b"],
        ["/v1/metrics", "a b"],
      ],
    );
  });
});

test("each attempt is a span of its own with its status, and the call and the model's span say how it failed", async () => {
  await observed({ RETRIES: "1", RETRY_BUDGET: "2" }, async ({ gateway, collector }) => {
    gateway.upstream.script([{ error: { status: 503, message: "Overloaded" } }, { error: { status: 529, message: "Overloaded" } }]);
    await hello(gateway);
    await gateway.drain();
    const spans = collector.spans();
    const attempts = spans.filter(({ name }) => name === "POST").map((span) => attributesOf(span));
    assert.deepEqual(
      attempts.map((attempt) => [attempt["http.response.status_code"], attempt["http.request.resend_count"], attempt["error.type"]]),
      [
        [503, undefined, "503"],
        [529, 1, "529"],
      ],
    );
    for (const name of ["POST /v1/chat/completions", "chat claude-sonnet-5"]) {
      const span = named(spans, name);
      assert.deepEqual([span.status, attributesOf(span)["error.type"]], [{ code: 2 }, "overloaded"], name);
    }
  });
});

test("metrics about models have the names, units, kinds and boundaries of the conventions, of today and of 1.41", async () => {
  await observed({}, async ({ gateway, collector }) => {
    const { inputTokens, outputTokens } = await gateway.lineOf(await hello(gateway, { stream: true }));
    await hello(gateway, { path: "/v1beta/models/gemini-3-pro-preview:generateContent" });
    await gateway.call("/v1/messages/count_tokens", { body: { model: "claude-sonnet-5", messages: [{ role: "user", content: "Hi" }] } });
    await gateway.drain();
    const metrics = collector.metrics();
    for (const { name, unit } of [LATEST.duration, OLDER.duration]) {
      const found = metric(metrics, name);
      assert.equal(found.unit, unit);
      assert.equal(found.histogram?.aggregationTemporality, 2);
      assert.deepEqual(
        found.histogram?.dataPoints.map((point) => [
          attributesOf(point)["gen_ai.operation.name"],
          point.count,
          point.explicitBounds?.[0],
          point.explicitBounds?.length,
        ]),
        [
          ["chat", 1, 0.01, 14],
          ["generate_content", 1, 0.01, 14],
        ],
        name,
      );
    }
    for (const { name } of [LATEST.timeToFirstChunk, OLDER.timeToFirstChunk])
      assert.equal(metric(metrics, name).histogram?.dataPoints.length, 1);
    for (const [{ name, unit }, value] of [
      [LATEST.inputTokens, inputTokens],
      [LATEST.outputTokens, outputTokens],
      [LATEST.cacheReadTokens, 4],
      [LATEST.cacheWriteTokens, 0],
      [LATEST.reasoningTokens, 0],
    ] as const) {
      const found = metric(metrics, name);
      const [point] = found.sum?.dataPoints ?? [];
      assert.deepEqual([found.unit, found.sum?.isMonotonic, point?.asDouble], [unit, true, value], name);
      assert.ok(point !== undefined);
      assert.deepEqual(attributesOf(point), {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": "claude-sonnet-5",
        "gen_ai.response.model": "claude-sonnet-5",
        "gen_ai.token.modality": "unknown",
      });
    }
    const usage = metric(metrics, OLDER.tokenUsage.name);
    assert.equal(usage.unit, "{token}");
    assert.deepEqual(
      usage.histogram?.dataPoints.map((point) => [attributesOf(point)["gen_ai.token.type"], point.explicitBounds?.at(-1)]).slice(0, 2),
      [
        ["input", 67108864],
        ["input", 67108864],
      ],
    );
    assert.ok(metric(metrics, "factory_proxy_calls_total").sum !== undefined);
  });
});

test("OTEL_GENAI chooses the names", async () => {
  for (const [choice, has, lacks] of [
    ["latest", LATEST.duration.name, OLDER.duration.name],
    ["1.41", OLDER.duration.name, LATEST.duration.name],
  ] as const) {
    await observed({ OTEL_GENAI: choice }, async ({ gateway, collector }) => {
      await hello(gateway);
      await gateway.drain();
      const names = collector.metrics().map(({ name }) => name);
      assert.deepEqual([names.includes(has), names.includes(lacks)], [true, false], choice);
    });
  }
});

test("a call that is not sampled sends no span, and says so upstream; its trace stands in the log, and so does the client's without a collector", async () => {
  await observed({ OTEL_TRACES_SAMPLER: "always_off" }, async ({ gateway, collector }) => {
    const response = await hello(gateway);
    const { traceId } = await gateway.lineOf(response);
    assert.match(String(traceId), /^[\da-f]{32}$/);
    assert.match(String(gateway.lastSeen().headers["traceparent"]), new RegExp(`^00-${String(traceId)}-[\\da-f]{16}-00$`));
    await gateway.drain();
    assert.deepEqual(collector.spans(), []);
  });
  const gateway = await startGateway();
  try {
    const line = await gateway.lineOf(await hello(gateway, { headers: { traceparent: `00-${TRACE}-${PARENT}-01` } }));
    assert.equal(line["traceId"], TRACE);
    assert.equal(gateway.lastSeen().headers["traceparent"], undefined);
    assert.equal((await gateway.lineOf(await hello(gateway)))["traceId"], undefined);
  } finally {
    await gateway.stop();
  }
});

test("nothing that a collector gets holds content, a key, a query, or a path that nobody was let in for", async () => {
  await observed({}, async ({ gateway, collector }) => {
    gateway.upstream.script((_, index) => (index === 0 ? { say: { text: "A secret answer" } } : null));
    await hello(gateway);
    await hello(gateway, { path: `/v1beta/models/gemini-3-pro-preview:generateContent?key=${gateway.key}` });
    await gateway.call("/v1/secret-path", { method: "GET", key: null });
    await gateway.call("/v1/secret-path", { method: "GET" });
    await gateway.call("/v1beta/models/secret-model:generateContent?key=wrong-secret-key", { key: null, body: {} });
    await gateway.drain();
    const text = collector.texts.join("\n");
    assert.deepEqual(text.match(/secret|fk-factory|client-key|\?key=/g), null);
    assert.equal(named(collector.spans(), "POST /v1beta/models/{model}:generateContent").kind, 2);
  });
});

test("a collector that is gone, refuses or says nothing costs calls nothing; what it did not take is counted, and said once", async () => {
  for (const status of [503, 400, null] as const) {
    await observed({}, async ({ gateway, collector }) => {
      collector.answer(status);
      if (status === 503) await collector.stop();
      for (let call = 0; call < 3; call++) assert.equal((await hello(gateway)).status, 200);
      const beganMs = performance.now();
      await gateway.drain();
      assert.ok(performance.now() - beganMs < 10_000);
      if (status === null) return;
      const lines = gateway.lines.filter(({ event }) => event === "collector does not take telemetry");
      assert.equal(lines.length, 1, String(status));
      assert.equal(lines[0]?.["calls"], 3);
      const metrics = await (await gateway.call("/metrics", { method: "GET", key: null })).text();
      assert.match(metrics, /^factory_proxy_telemetry_dropped_total\{signal="traces"\} 3$/m);
    });
  }
});
