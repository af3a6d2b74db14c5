// Metrics and traces of the program as a process: from source on each runtime, and as one executable, which has the libraries in it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startCollector } from "../support/collector.ts";
import { build, cleanUp, OWN_WAYS, start } from "../support/program.ts";
import { startUpstream } from "../support/upstream.ts";

const KEY = "client-key";
const METRICS_KEY = "metrics-key-0123456789";

before(build);
after(cleanUp);

for (const way of OWN_WAYS) {
  test(`${way.name}: metrics come from /metrics, and traces and the last metrics reach the collector before the process ends`, async () => {
    const [collector, upstream] = [await startCollector(), await startUpstream()];
    const program = start(way, {
      env: {
        PORT: "0",
        FACTORY_API_KEY: "fk-key-of-the-tests",
        FACTORY_BASE_URL: upstream.url,
        PROXY_API_KEY: KEY,
        METRICS_KEY,
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      },
    });
    try {
      const url = await program.url;
      const response = await fetch(`${url}/v1/messages`, {
        method: "POST",
        headers: { "x-api-key": KEY, "content-type": "application/json" },
        body: JSON.stringify({ model: "claude-sonnet-5", max_tokens: 10, messages: [{ role: "user", content: "Hi" }] }),
      });
      await response.text();
      assert.equal(response.status, 200);
      const metrics = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${METRICS_KEY}` } });
      const text = await metrics.text();
      for (const pattern of [
        /^factory_proxy_calls_total\{protocol="anthropic-messages",model="claude-sonnet-5",key="env-1",status="200",finish="end"\} 1$/m,
        /^process_resident_memory_bytes [1-9]\d+$/m,
        /^process_cpu_seconds_total \d/m,
        /^factory_proxy_log_lines_dropped_total 0$/m,
      ]) {
        assert.match(text, pattern);
      }
      program.signal("SIGTERM");
      const { code, stdout } = await program.ended;
      assert.equal(code, 0, stdout);
      assert.ok(collector.spans().some(({ name }) => name === "chat claude-sonnet-5"));
      assert.ok(collector.metrics().some(({ name }) => name === "gen_ai.client.inference.duration"));
    } finally {
      await Promise.all([collector.stop(), upstream.stop()]);
    }
  });
}
