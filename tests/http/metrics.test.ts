// GET /metrics over HTTP: who gets it, what stands in it, and that it is what Prometheus reads.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { MemoryStore } from "../../src/access/stores/memory.ts";
import { startGateway, type GatewayOptions, type RunningGateway } from "../support/gateway.ts";
import { grantOf } from "../support/limits.ts";
import { keyRecord } from "../support/stored.ts";
import { cleanUp, emptyFolder } from "../support/program.ts";

const KEY = "metrics-key-0123456789";
const ADMIN = "admin-key-0123456789";

after(cleanUp);

async function within(options: GatewayOptions, look: (gateway: RunningGateway) => Promise<void>): Promise<void> {
  const gateway = await startGateway(options);
  try {
    await look(gateway);
  } finally {
    await gateway.stop();
  }
}

const ask = (gateway: RunningGateway, key: string | null, headers: Record<string, string> = {}): Promise<Response> =>
  gateway.call("/metrics", { method: "GET", key, headers });

async function hello(gateway: RunningGateway, more: object = {}): Promise<Response> {
  const body = { model: "claude-sonnet-5", messages: [{ role: "user", content: "A secret prompt" }], ...more };
  const response = await gateway.call("/v1/chat/completions", { body });
  await response.text();
  return response;
}

test("without a key of its own a server on loopback gives metrics to programs on this machine, and to no web page", async () => {
  await within({}, async (gateway) => {
    const response = await ask(gateway, null);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    await response.text();
    assert.equal((await ask(gateway, null, { origin: "https://evil.test" })).status, 403);
    assert.equal((await ask(gateway, null, { "sec-fetch-site": "cross-site" })).status, 403);
  });
});

test("where others can reach the server, metrics need a key", async () => {
  await within({ environment: { HOST: "0.0.0.0" } }, async (gateway) => {
    const response = await ask(gateway, null);
    assert.equal(response.status, 401);
    assert.match(await response.text(), /Set METRICS_KEY/);
  });
});

test("METRICS_KEY and ADMIN_KEY open the metrics; a client key, a wrong key and none do not, and guessing ends after ten", async () => {
  await within({ environment: { METRICS_KEY: KEY, ADMIN_KEY: ADMIN } }, async (gateway) => {
    for (const key of [KEY, ADMIN]) assert.equal((await ask(gateway, key)).status, 200);
    for (const key of [null, gateway.key, "wrong"]) assert.equal((await ask(gateway, key)).status, 401);
    for (let guess = 0; guess < 8; guess++) await ask(gateway, `guess-${guess}`);
    assert.equal((await ask(gateway, "guess-8")).status, 429);
  });
});

test("METRICS_KEY is no key of a call, and one that can be guessed is a fault", async () => {
  await within({ environment: { METRICS_KEY: KEY } }, async (gateway) => {
    const response = await gateway.call("/v1/models", { method: "GET", key: KEY });
    assert.equal(response.status, 401);
  });
  await assert.rejects(startGateway({ environment: { METRICS_KEY: "short" } }), /METRICS_KEY/);
});

test("what calls come to is there at the first look, and how things stand", async () => {
  await within({ store: new MemoryStore() }, async (gateway) => {
    await hello(gateway);
    gateway.upstream.script([{ error: { status: 503, message: "Overloaded" } }]);
    await hello(gateway);
    await hello(gateway, { model: "no-such-claude-model-of-mine" });
    const text = await (await ask(gateway, null)).text();
    const lines = new Set(text.split("\n"));
    const calls = 'factory_proxy_calls_total{protocol="openai-chat",model="claude-sonnet-5",key="env-1"';
    for (const line of [
      `${calls},status="200",finish="end"} 1`,
      `${calls},status="503",finish="error:overloaded"} 1`,
      "factory_proxy_calls_in_flight 0",
      'factory_proxy_store_up{kind="memory"} 1',
      "factory_proxy_store_rows_lost_total 0",
      'factory_proxy_tokens_total{model="claude-sonnet-5",key="env-1",type="cache_read"} 4',
      "# TYPE factory_proxy_overhead_seconds histogram",
    ]) {
      assert.ok(lines.has(line), `${line}\n${text}`);
    }
    assert.doesNotMatch(text, /secret|no-such-claude/);
  });
});

test("budgets of keys and what is left of them are told", async () => {
  const store = new MemoryStore();
  await store.insertKey(
    keyRecord("default", { hash: null, hint: null, rules: grantOf({ budgets: [{ unit: "usd", period: "day", amount: 5 }] }).rules }),
  );
  await within({ store }, async (gateway) => {
    await hello(gateway);
    const text = await (await ask(gateway, null)).text();
    assert.match(text, /^factory_proxy_budget_limit\{key="env-1",unit="usd",period="day"\} 5$/m);
    assert.match(text, /^factory_proxy_budget_remaining\{key="env-1",unit="usd",period="day"\} 4\.9\d*$/m);
  });
});

function hasTool(name: string): boolean {
  return spawnSync(name, ["--version"]).status === 0;
}

test("promtool finds no fault in them", { skip: hasTool("promtool") ? false : "promtool is not installed" }, async () => {
  await within({ store: new MemoryStore() }, async (gateway) => {
    await hello(gateway);
    const { status, stderr } = spawnSync("promtool", ["check", "metrics"], {
      input: await (await ask(gateway, null)).text(),
      encoding: "utf8",
    });
    assert.equal(stderr, "");
    assert.equal(status, 0);
  });
});

test("a real Prometheus scrapes them by its key", { skip: hasTool("prometheus") ? false : "prometheus is not installed" }, async () => {
  await within({ environment: { METRICS_KEY: KEY } }, async (gateway) => {
    await hello(gateway);
    const folder = emptyFolder();
    const config = [
      "scrape_configs:",
      "  - job_name: factory-proxy",
      "    scrape_interval: 1s",
      `    authorization: { credentials: ${KEY} }`,
      `    static_configs: [{ targets: ["${new URL(gateway.url).host}"] }]`,
    ];
    writeFileSync(join(folder, "prometheus.yml"), config.join("\n"));
    // Below those that the system gives to connections, of which other tests open many.
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const words = [
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
    ];
    const prometheus = spawn("prometheus", words, { stdio: "ignore" });
    try {
      const query = `http://127.0.0.1:${port}/api/v1/query?query=sum(factory_proxy_calls_total)`;
      const found = await eventually(async () => {
        const { data } = (await (await fetch(query)).json()) as { data: { result: readonly { value: readonly [number, string] }[] } };
        return data.result[0]?.value[1];
      });
      assert.equal(found, "1");
    } finally {
      prometheus.kill("SIGKILL");
    }
  });
});

async function eventually<T>(look: () => Promise<T | undefined>): Promise<T | undefined> {
  for (let attempt = 0; attempt < 300; attempt++) {
    const found = await look().catch(() => undefined);
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return undefined;
}
