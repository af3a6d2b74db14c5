// The ledger's row of a call through the whole program, whichever way the call ends, in all protocols, passed and converted.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { UsageRow } from "../../src/access/store.ts";
import { MemoryStore } from "../../src/access/stores/memory.ts";
import { PRICE_DATE } from "../../src/models/prices.ts";
import { ask, MODELS } from "../support/dialects.ts";
import { PROTOCOLS } from "../support/fixtures.ts";
import { CLIENT_KEY, FACTORY_KEY, startGateways, type CallOptions } from "../support/gateway.ts";
import { complete } from "../support/reply-content.ts";
import { encodeReply } from "../support/wire-reply.ts";

const { upstream, gatewayWith } = await startGateways();
const store = new MemoryStore();
const gateway = await gatewayWith({ PROXY_API_KEY: `alice=${CLIENT_KEY}`, SYSTEM_PROMPT: "" }, { store });
const factoryKey = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(FACTORY_KEY))).toHex().slice(0, 8);

/** The row of a request, once it is there. */
async function rowOf(requestId: string): Promise<UsageRow> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const [row] = await store.rows({ ...ANY, text: requestId });
    if (row !== undefined) return row;
    assert.ok(Date.now() < deadline, `no row of ${requestId}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const ANY = { sinceMs: null, untilMs: null, key: null, session: null, client: null, model: null, limit: 2, before: null, status: null };

/** What differs from run to run. */
const TIMES = { id: "", atMs: 0, admissionMs: null, firstByteMs: null, totalMs: 0 };

interface Asking extends Pick<CallOptions, "headers" | "signal" | "key"> {
  readonly stream?: boolean;
  readonly model?: string;
}

let calls = 0;

function call(client: (typeof PROTOCOLS)[number], { model = MODELS[client], stream = false, headers = {}, ...more }: Asking = {}) {
  const id = `call-${calls++}-`;
  const { path, body } = ask(client, { model, stream });
  return { id, answered: gateway.call(path, { body, headers: { "x-request-id": id, ...headers }, ...more }) };
}

test("a call's row says who, with what, which model, how it went, what was used and what that costs", async () => {
  upstream.script(() => ({ say: { text: "One two three four" } }));
  const headers = {
    "user-agent": "claude-cli/2.1.330 (external, cli)",
    "x-claude-code-session-id": "5f0c3a52",
    "x-claude-code-agent-id": "helper",
  };
  const startMs = Date.now();
  const { id, answered } = call("anthropic-messages", { model: "claude-opus-5", headers });
  await (await answered).text();
  const row = await rowOf(id);
  assert.ok(row.atMs >= startMs && row.atMs <= Date.now() && row.id.length === 36);
  assert.deepEqual(
    { ...row, ...TIMES },
    {
      ...TIMES,
      requestId: id,
      key: "alice",
      client: "claude-code",
      session: "5f0c3a52",
      agent: "helper",
      route: "/v1/messages",
      protocol: "anthropic-messages",
      modelAsked: "claude-opus-5",
      modelServed: "claude-opus-5",
      provider: "anthropic",
      pool: "standard",
      factoryKey,
      status: 200,
      finish: "end",
      streaming: false,
      inputTokens: 8,
      cacheReadTokens: 4,
      cacheWrite5mTokens: row.cacheWrite5mTokens,
      cacheWrite1hTokens: null,
      outputTokens: 4,
      reasoningTokens: row.reasoningTokens,
      source: "upstream",
      credits: row.credits,
      usd: (8 * 5 + 4 * 0.5 + 4 * 25) / 1_000_000,
      priceDate: PRICE_DATE,
      tries: 1,
      fallback: null,
      losses: 0,
    },
  );
  assert.ok(Math.abs((row.credits ?? 0) - (8 + 0.4 + 4) * 3) < 1e-9);
});

const PAIRS = PROTOCOLS.flatMap((client) => PROTOCOLS.map((served) => ({ client, served })));

test("a cancelled stream has the input that came or an estimate of it, and the output that was delivered: not none, not all", async () => {
  const text = "Seven words are in this one sentence. ".repeat(200);
  for (const { client, served } of PAIRS) {
    upstream.script(() => ({ say: { text }, hang: { afterEvents: 120 } }));
    const leaving = new AbortController();
    const { id, answered } = call(client, { model: MODELS[served], stream: true, signal: leaving.signal });
    const reader = (await answered).body?.getReader() ?? assert.fail();
    for (let bytes = 0; bytes < 6000;) bytes += (await reader.read()).value?.length ?? assert.fail();
    leaving.abort();
    const row = await rowOf(id);
    const where = `${client} <- ${served}: ${JSON.stringify(row)}`;
    assert.deepEqual([row.finish, row.status, row.streaming], ["cancelled", 499, true], where);
    assert.ok((row.outputTokens ?? 0) >= 5 && (row.outputTokens ?? 0) < 400, where);
    assert.ok((row.inputTokens ?? 0) > 0, where);
    assert.notEqual(row.usd, 0, where);
    if (served === "anthropic-messages") assert.deepEqual([row.inputTokens, row.source], [8, "counted"], where);
    if (served === "openai-chat" || served === "openai-responses") assert.equal(row.source, "estimated", where);
  }
});

test("a stream that broke off is cut, and what was delivered of it is counted", async () => {
  const text = "word ".repeat(100);
  for (const { client, served } of PAIRS) {
    upstream.script(() => ({ say: { text }, cut: { after: { events: 40 }, how: "end" } }));
    const { id, answered } = call(client, { model: MODELS[served], stream: true });
    await (await answered).text();
    const row = await rowOf(id);
    assert.equal(row.finish, "cut", `${client} <- ${served}`);
    assert.ok((row.outputTokens ?? 0) > 0 && (row.outputTokens ?? 0) < 125, `${client} <- ${served}: ${JSON.stringify(row)}`);
  }
});

test("a non-streaming answer of megabytes costs what the upstream says, passed and converted, however much beside its text there is", async () => {
  const long = complete({ model: "m", text: "word ".repeat(300_000) });
  for (const { client, served } of PAIRS) {
    const told = encodeReply(served, { ...long, model: MODELS[served] }, { serial: 7, includeUsage: true }).whole;
    const padding = `,"logprobs":{"content":[${'{"token":"a","top_logprobs":[1,[2,3]]},'.repeat(30_000)}null]}`;
    const body = served === "openai-chat" ? told.replace('"finish_reason"', `${padding.slice(1)},"finish_reason"`) : told;
    upstream.script(() => ({ body, headers: { "content-type": "application/json" } }));
    const { id, answered } = call(client, { model: MODELS[served] });
    await (await answered).text();
    const { inputTokens, cacheReadTokens, outputTokens, finish, source } = await rowOf(id);
    assert.deepEqual(
      [inputTokens, cacheReadTokens, outputTokens, finish, source],
      [8, 4, 300_000, "end", "upstream"],
      `${client} <- ${served}`,
    );
  }
});

test("a non-streaming answer that says no usage is counted, as a streamed one is", async () => {
  for (const { client, served } of PAIRS) {
    const { whole } = encodeReply(served, complete({ model: MODELS[served], text: "Four words it has. ".repeat(40) }), {
      serial: 7,
      includeUsage: true,
    });
    const body = whole.replace(/"(?:usage|usageMetadata)":\{(?:[^{}]|\{[^{}]*\})*\}/, '"id":"r1"');
    assert.notEqual(body, whole);
    upstream.script(() => ({ body, headers: { "content-type": "application/json" } }));
    const { id, answered } = call(client, { model: MODELS[served] });
    assert.equal((await answered).status, 200);
    await (await answered).text();
    const { inputTokens, outputTokens, finish, source } = await rowOf(id);
    assert.deepEqual([outputTokens, finish, source, (inputTokens ?? 0) > 0], [190, "end", "estimated", true], `${client} <- ${served}`);
  }
});

test("what failed has a row too, which costs nothing, and so has a model that nobody knows", async () => {
  upstream.script(() => ({ error: { status: 503, message: "Busy." } }));
  const failed = call("openai-chat");
  await (await failed.answered).text();
  const row = await rowOf(failed.id);
  assert.deepEqual(
    [row.status, row.finish, row.inputTokens, row.outputTokens, row.usd, row.credits, row.tries, row.source],
    [503, "error:overloaded", null, null, 0, 0, 1, "upstream"],
  );
  const unknown = call("openai-chat", { model: "gork-4" });
  await (await unknown.answered).text();
  const { modelAsked, modelServed, status, finish, tries } = await rowOf(unknown.id);
  assert.deepEqual([modelAsked, modelServed, status, finish, tries], ["gork-4", null, 404, "error:not-found", 0]);
});

test("a name that no database takes has a row all the same", async () => {
  upstream.script(() => ({ say: { text: "One" } }));
  const odd = call("openai-chat", { model: "glm-\0odd\ud800" });
  await (await odd.answered).text();
  assert.equal((await rowOf(odd.id)).modelAsked, "glm-\ufffdodd\ufffd");
});

test("a model without a price has no cost, not one of 0", async () => {
  upstream.script(() => ({ say: { text: "One" } }));
  const { id, answered } = call("openai-responses", { model: "gpt-5.5-fast" });
  await (await answered).text();
  const { usd, priceDate, credits } = await rowOf(id);
  assert.deepEqual([usd, priceDate, (credits ?? 0) > 0], [null, null, true]);
});

test("callers that nobody knows have no row, and with LEDGER=off nobody has", async () => {
  upstream.script(() => ({ say: { text: "One" } }));
  const own = new MemoryStore();
  const off = await gatewayWith({ LEDGER: "off" }, { store: own });
  const { path, body } = ask("openai-chat", { model: MODELS["openai-chat"] });
  await (await off.call(path, { body })).text();
  await off.drain();
  assert.deepEqual(await own.rows({ ...ANY, text: null }), []);
  const strangers = await gatewayWith({}, { store: own });
  assert.equal((await strangers.call(path, { body, key: "nobody" })).status, 401);
  await strangers.drain();
  assert.deepEqual(await own.rows({ ...ANY, text: null }), []);
});

test("a row names the fallback's model and the one that was asked for, and counts tries", async () => {
  const model = MODELS["openai-chat"];
  const table = JSON.stringify({ models: [{ id: "claude-opus-5", fallback: [model] }] });
  const own = new MemoryStore();
  const falling = await gatewayWith({}, { store: own, modelTable: table });
  upstream.script(({ protocol }) =>
    protocol === "anthropic-messages" ? { error: { status: 529, message: "Busy." } } : { say: { text: "One" } },
  );
  const { path, body } = ask("anthropic-messages", { model: "claude-opus-5" });
  await (await falling.call(path, { body })).text();
  await falling.drain();
  const [row] = await own.rows({ ...ANY, text: null });
  assert.deepEqual([row?.modelServed, row?.fallback, row?.tries, row?.provider], [model, "claude-opus-5", 2, "fireworks"]);
});

test("what is only explained is no call, and has no row", async () => {
  const { path, body } = ask("openai-chat", { model: MODELS["openai-chat"] });
  const explained = await gateway.call(`/explain${path}`, { body, headers: { "x-request-id": "explained-" } });
  assert.equal(explained.status, 200);
  await explained.text();
  const { id, answered } = call("openai-chat");
  await (await answered).text();
  await rowOf(id);
  assert.deepEqual(await store.rows({ ...ANY, text: "explained-" }), []);
});
