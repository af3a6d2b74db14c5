// Limits of a key through the whole program: refusals in the words at which each client stops, what answers say of the limits, models that a key may
// use, and what is counted whichever way a call ends.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Budget, KeyRules } from "../../src/access/client-key.ts";
import type { Account } from "../../src/access/store.ts";
import { limitRefusal } from "../../src/access/limits.ts";
import { Calendar } from "../../src/access/windows.ts";
import { CATALOG } from "../../src/models/catalog.ts";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { runtime } from "../../src/runtime/runtime.ts";
import { ask, errorIn, MODELS } from "../support/dialects.ts";
import { PROTOCOLS } from "../support/fixtures.ts";
import { CLIENT_KEY, startGateways, type GatewayOptions, type RunningGateway } from "../support/gateway.ts";
import { SharedStore } from "../support/limits.ts";
import { SocketClient } from "../support/socket.ts";
import { keyRecord } from "../support/stored.ts";

const { upstream, gatewayWith } = await startGateways();
const CLAUDE = MODELS["anthropic-messages"];
const GPT = MODELS["openai-responses"];
const CODEX = { originator: "codex_cli_rs" };
const EMPTY_BUDGET: Budget = { amount: 0, unit: "tokens", period: "day" };

interface Limited {
  readonly gateway: RunningGateway;
  readonly store: SharedStore;
  readonly account: () => Promise<Account | null>;
  /** The account, once nothing runs any more. */
  readonly settled: () => Promise<Account>;
}

async function limited(rules: Partial<KeyRules>, options: GatewayOptions = {}): Promise<Limited> {
  const store = new SharedStore();
  const record = keyRecord("alice", { hash: null });
  await store.insertKey({ ...record, rules: { ...record.rules, budgets: null, ...rules } });
  const gateway = await gatewayWith({ PROXY_API_KEY: `alice=${CLIENT_KEY}`, SYSTEM_PROMPT: "" }, { store, ...options });
  const account = (): Promise<Account | null> => store.account({ key: "alice", scope: "" });
  const settled = async (): Promise<Account> => {
    let found = await account();
    const deadline = Date.now() + 10_000;
    while ((found === null || found.running > 0) && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      found = await account();
    }
    assert.ok(found !== null && found.running === 0, "the call to be settled");
    return found;
  };
  return { gateway, store, account, settled };
}

interface Asking {
  readonly model?: string;
  readonly stream?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  readonly more?: Readonly<Record<string, unknown>>;
}

function call(
  { gateway }: Limited,
  protocol: ProtocolId,
  { model = CLAUDE, stream = false, headers = {}, more = {} }: Asking = {},
): Promise<Response> {
  const { path, body } = ask(protocol, { model, stream, more });
  return gateway.call(path, { body, headers });
}

test("a key that another process has just added may call, ask for a page and open a socket", async () => {
  const path = ask("anthropic-messages", { model: CLAUDE, stream: false });
  const opens = async (gateway: RunningGateway): Promise<number> => {
    const socket = await new SocketClient(gateway, { key: "fp-alice" }).opened();
    const status = socket.closed === null ? 101 : 401;
    socket.close();
    return status;
  };
  const ways: readonly ((gateway: RunningGateway) => Promise<number>)[] = [
    async (gateway) => (await gateway.call(path.path, { body: path.body, key: "fp-alice" })).status,
    async (gateway) => (await gateway.call("/v1/models", { method: "GET", key: "fp-alice" })).status,
    opens,
  ];
  const statuses: number[] = [];
  for (const way of ways) {
    const store = new SharedStore();
    // Nobody tells of a change so far.
    store.watch = () => () => {};
    const gateway = await gatewayWith({}, { store });
    assert.equal((await gateway.call("/v1/models", { method: "GET" })).status, 200);
    const hash = runtime.sha256("fp-alice").toHex();
    await store.insertKey(keyRecord("alice", { hash }));
    statuses.push(await way(gateway));
  }
  assert.deepEqual(statuses, [200, 200, 101]);
});

const headersOf = (response: Response, ...names: string[]): (string | null)[] => names.map((name) => response.headers.get(name));
const LIMIT_HEADERS = ["x-factory-proxy-reason", "x-factory-proxy-limit", "x-should-retry", "retry-after", "retry-after-ms"];

/** When this day is over in a zone, as it is shown. */
function midnight(zone: string): { readonly ms: number; readonly text: string } {
  const calendar = new Calendar();
  const { endMs } = calendar.window("day", null, { nowMs: Date.now(), zone });
  assert.ok(endMs !== null);
  return { ms: endMs, text: calendar.iso(endMs, zone) };
}

// ---- Refusals ----------------------------------------------------------------------------------------------------

const empty = await limited({ budgets: [EMPTY_BUDGET], zone: "Asia/Shanghai" });
const USED_UP: Readonly<Record<ProtocolId, { readonly type: string; readonly code: string | null }>> = {
  "anthropic-messages": { type: "billing_error", code: null },
  "openai-chat": { type: "insufficient_quota", code: "insufficient_quota" },
  "openai-responses": { type: "insufficient_quota", code: "insufficient_quota" },
  gemini: { type: "FAILED_PRECONDITION", code: null },
};

test("amounts of money have as many digits as they need, and no budget below a cent reads as none", () => {
  const place = { who: "alice", isCodex: false, nowMs: 0, calendar: new Calendar(), zone: "UTC" };
  const messageOf = (amount: number, used: number, wanted: number): string => {
    const state = { budget: { amount, id: "usd/ever", unit: "usd", period: "ever" } as const, amount, used, startMs: 0, resetMs: null };
    return limitRefusal({ reason: "budget", state, wanted }, place).message;
  };
  assert.deepEqual(
    [messageOf(0.005, 0.004, 0.03), messageOf(5, 4.5, 0.75)],
    [
      'The key "alice" has used 0.004 of 0.005 USD of its total budget, and this call may take 0.03; it does not reset.',
      'The key "alice" has used 4.50 of 5.00 USD of its total budget, and this call may take 0.75; it does not reset.',
    ],
  );
});

test("a used-up budget is 402 in each protocol's own words, never to be tried again, with who, how much and until when", async () => {
  const { text } = midnight("Asia/Shanghai");
  assert.match(text, /T00:00:00\+08:00$/);
  for (const protocol of PROTOCOLS) {
    for (const stream of [false, true]) {
      const response = await call(empty, protocol, { stream });
      const limit = `day;tokens;limit=0;used=0;reset=${text}`;
      assert.deepEqual(headersOf(response, ...LIMIT_HEADERS), ["budget", limit, "false", null, null], protocol);
      const message = `The key "alice" has used 0 of 0 tokens of its daily budget; it resets at ${text}.`;
      assert.deepEqual(await errorIn(protocol, response), { status: 402, message, param: null, ...USED_UP[protocol] });
    }
  }
});

test("Codex gets 429 with the time in seconds, which is what it shows, over HTTP and on a WebSocket", async () => {
  const { ms, text } = midnight("Asia/Shanghai");
  const message = `The key "alice" has used 0 of 0 tokens of its daily budget; it resets at ${text}.`;
  const error = { message, type: "usage_limit_reached", param: null, code: "usage_limit_reached", resets_at: ms / 1000 };
  for (const headers of [CODEX, { "x-codex-turn-metadata": "{}" }]) {
    const response = await call(empty, "openai-responses", { model: GPT, headers });
    assert.deepEqual([response.status, await response.json()], [429, { error }]);
    assert.deepEqual(headersOf(response, "x-factory-proxy-reason", "x-should-retry", "retry-after"), ["budget", "false", null]);
    const client = await new SocketClient(empty.gateway, { headers }).opened();
    const [frame] = await client.ask({ model: GPT, input: "Hello" });
    client.close();
    assert.deepEqual([frame?.["status"], frame?.["error"]], [429, error]);
    assert.match(JSON.stringify(frame?.["headers"]), /"x-factory-proxy-reason":"budget"/);
  }
});

test("Bedrock's form says it in AWS's words", async () => {
  const body = { anthropic_version: "bedrock-2023-05-31", max_tokens: 1000, messages: [{ role: "user", content: "Hello there" }] };
  const response = await empty.gateway.call(`/bedrock/model/${CLAUDE}/invoke`, { body });
  assert.deepEqual(
    [response.status, ...headersOf(response, "x-amzn-errortype", "x-factory-proxy-reason")],
    [402, "ServiceQuotaExceededException", "budget"],
  );
  assert.match(JSON.stringify(await response.json()), /has used 0 of 0 tokens/);
});

test("nothing that is refused goes upstream, and its log line, its row and the metrics say why", async () => {
  const before = upstream.requests.length;
  const refused = await limited({ budgets: [EMPTY_BUDGET] });
  const line = await refused.gateway.lineOf(await call(refused, "openai-chat"));
  assert.equal(upstream.requests.length, before);
  assert.deepEqual([line["caller"], line["status"], line["error"]], ["alice", 402, "budget"]);
  const metrics = await refused.gateway.call("/metrics", { method: "GET" });
  assert.match(await metrics.text(), /calls_total\{.*key="alice",status="402",finish="error:budget"\} 1/);
  await refused.gateway.drain();
  const any = { sinceMs: null, untilMs: null, key: null, session: null, client: null, model: null, status: null, before: null, text: null };
  const rows = await refused.store.rows({ ...any, limit: 9 });
  assert.deepEqual(
    rows.map(({ status, finish }) => [status, finish]),
    [[402, "error:budget"]],
  );
});

test("a rate says when to come back, in no more than 60 seconds, and what is left on each answer before", async () => {
  const rates = await limited({ requestsPerMinute: 2, tokensPerMinute: 100_000 });
  for (const remaining of ["1", "0"]) {
    const response = await call(rates, "openai-chat", { model: GPT });
    const names = ["limit", "remaining"].flatMap((word) => ["requests", "tokens"].map((of) => `x-ratelimit-${word}-${of}`));
    const [requests, tokens, left, tokensLeft] = headersOf(response, ...names);
    assert.deepEqual([response.status, requests, tokens, left], [200, "2", "100000", remaining]);
    assert.ok(Number(tokensLeft) > 90_000 && Number(tokensLeft) < 100_000, String(tokensLeft));
    assert.match(response.headers.get("x-ratelimit-reset-requests") ?? "", /^1m[01]s$/);
    await response.text();
  }
  for (const protocol of PROTOCOLS) {
    const response = await call(rates, protocol);
    const { status, message } = await errorIn(protocol, response);
    const [reason, limit, retry, seconds, ms] = headersOf(response, ...LIMIT_HEADERS);
    assert.deepEqual([status, reason, limit, retry], [429, "rate", "requests/min;limit=2;used=2", null]);
    assert.ok(Number(seconds) > 50 && Number(seconds) <= 60 && Number(ms) <= 60_000, `${seconds} s, ${ms} ms`);
    const said =
      /^The key "alice" has used 2 of 2 requests in the last minute; try again in (\d+) s, at 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ\.$/;
    assert.equal(said.exec(message)?.[1], seconds, message);
  }
});

test("calls at once are refused with a second to wait, and one that has ended makes room", async () => {
  const one = await limited({ parallel: 1 });
  let release = (): void => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  upstream.script([{ say: { text: "One two three" }, hold: { afterEvents: 1, until: held } }]);
  const running = await call(one, "openai-chat", { stream: true });
  const response = await call(one, "openai-chat");
  const { message, status } = await errorIn("openai-chat", response);
  assert.deepEqual([status, ...headersOf(response, ...LIMIT_HEADERS)], [429, "concurrency", "parallel;limit=1;used=1", null, "1", null]);
  assert.equal(message, 'The key "alice" already has 1 of 1 calls running; the next one may start when one of them ends.');
  release();
  await running.text();
  await one.settled();
  assert.equal((await call(one, "openai-chat")).status, 200);
});

test("what can never fit is refused for good", async () => {
  const small = await limited({ tokensPerMinute: 5 });
  const response = await call(small, "anthropic-messages");
  const { status, message } = await errorIn("anthropic-messages", response);
  assert.deepEqual(
    [status, ...headersOf(response, "x-factory-proxy-reason", "x-should-retry", "retry-after")],
    [400, "rate", "false", null],
  );
  assert.match(message, /^This call has about [\d,]+ tokens, more than the key "alice" may use in a minute \(5\); waiting won't help\.$/);
});

// ---- Models ------------------------------------------------------------------------------------------------------

const TABLE = JSON.stringify({
  models: [{ id: "gpt-5.5", alias: ["clever"], fallback: ["claude-opus-4-8", "glm-5"] }, { id: "my-own-model" }],
});

test("a model that a key may not use is an unknown one, by each of its names, on every path", async () => {
  const some = await limited({ models: ["gpt-*", "@core", "!gpt-5.5"] }, { modelTable: TABLE });
  for (const model of ["gpt-5.5", "clever", CLAUDE, "opus"]) {
    for (const protocol of PROTOCOLS) {
      const response = await call(some, protocol, { model });
      const { status, message } = await errorIn(protocol, response);
      assert.deepEqual(
        [status, ...headersOf(response, "x-factory-proxy-reason", "x-should-retry"), (await some.gateway.lineOf(response))["error"]],
        [404, "model", "false", "model-not-allowed"],
        `${protocol} ${model}`,
      );
      assert.match(message, new RegExp(`^The key "alice" may not use the model "${model}"\\. `));
    }
    const { body } = ask("anthropic-messages", { model });
    for (const path of ["/v1/messages/count_tokens", "/explain/v1/messages", "/anthropic/v1/messages"]) {
      assert.equal((await some.gateway.call(path, { body })).status, 404, path);
    }
  }
  for (const model of ["gpt-5.4", "glm-5"]) assert.equal((await call(some, "openai-chat", { model })).status, 200, model);
});

test("the list of models holds those that the key may use, for each client", async () => {
  const some = await limited({ models: ["gpt-*", "@core", "!gpt-5.5"] }, { modelTable: TABLE });
  const wanted = CATALOG.filter(({ id, pool }) => id !== "gpt-5.5" && (id.startsWith("gpt-") || pool === "core")).map(({ id }) => id);
  const listed = async (path: string, headers: Record<string, string> = {}): Promise<unknown[]> => {
    const response = await some.gateway.call(path, { method: "GET", headers });
    const { data, models } = (await response.json()) as { data?: { id: string }[]; models?: { slug?: string; name?: string }[] };
    return data?.map(({ id }) => id) ?? models?.map(({ slug, name }) => slug ?? name?.replace("models/", "")) ?? [];
  };
  assert.deepEqual(
    [await listed("/v1/models"), await listed("/v1/models", { "anthropic-version": "2023-06-01" }), await listed("/v1beta/models")],
    [wanted, wanted, wanted],
  );
  const shown = async (model: string): Promise<unknown[]> => {
    const response = await some.gateway.call(`/v1/models/${model}`, { method: "GET" });
    const { id = null } = (await response.json()) as { id?: string };
    return [response.status, id, response.headers.get("x-factory-proxy-reason")];
  };
  assert.deepEqual(
    [await shown("gpt-5.4"), await shown("gpt-5.5"), await shown("clever"), await shown("opus")],
    [
      [200, "gpt-5.4", null],
      [404, null, "model"],
      [404, null, "model"],
      [404, null, "model"],
    ],
  );
});

test("no fallback leads to a model that the key may not use", async () => {
  upstream.script(({ body }) => (body.includes("glm-5") ? null : { status: 503 }));
  const some = await limited({ models: ["!claude-*"] }, { modelTable: TABLE });
  const response = await call(some, "openai-chat", { model: "clever" });
  assert.deepEqual([response.status, response.headers.get("x-factory-proxy-fallback")], [200, "clever -> glm-5"]);
  upstream.script(() => null);
});

test("a budget in USD needs a price, and one in credits a multiplier: the refusal says how to give them", async () => {
  for (const [unit, member] of [
    ["usd", "price"],
    ["credits", "multiplier"],
  ] as const) {
    const priced = await limited({ budgets: [{ amount: 1e6, unit, period: "day" }] }, { modelTable: TABLE });
    const response = await call(priced, "openai-chat", { model: "my-own-model" });
    const { status, message } = await errorIn("openai-chat", response);
    assert.deepEqual([status, ...headersOf(response, "x-factory-proxy-reason", "x-should-retry")], [400, "model", "false"]);
    assert.match(message, new RegExp(`set \`${member}\` for this model in the model table`));
    assert.equal((await call(priced, "openai-chat", { model: CLAUDE })).status, 200);
  }
});

test("above the soft limit the cheaper model answers, and the answer says so", async () => {
  const soft = await limited({
    budgets: [{ amount: 1_000_000, unit: "tokens", period: "ever" }],
    soft: { percent: 0.001, model: "glm-5" },
  });
  for (const stream of [false, true]) {
    const first = stream ? null : await call(soft, "anthropic-messages");
    if (first !== null) {
      await first.text();
      assert.equal(first.headers.get("x-factory-proxy-fallback"), null);
      await soft.settled();
    }
    const response = await call(soft, "anthropic-messages", { stream });
    await response.text();
    assert.equal(response.headers.get("x-factory-proxy-fallback"), `${CLAUDE} -> glm-5`);
    assert.match(response.headers.get("x-factory-proxy-budget") ?? "", /^ever;tokens;remaining=99\d{4}, soft$/);
    assert.match(soft.gateway.lastSeen().body, /"model": ?"glm-5"/);
  }
  const native = await soft.gateway.call("/anthropic/v1/messages", { body: ask("anthropic-messages", { model: CLAUDE }).body });
  assert.deepEqual([native.status, native.headers.get("x-factory-proxy-fallback")], [200, null]);
});

// ---- What is counted ---------------------------------------------------------------------------------------------

const WHOLE_DAY: Budget = { amount: 1_000_000, unit: "tokens", period: "day" };

test("what an answer used is what is counted, passed or converted, streamed or not, and the headers say what remains", async () => {
  let used = 0;
  const counted = await limited({ budgets: [WHOLE_DAY] });
  for (const protocol of PROTOCOLS) {
    for (const model of Object.values(MODELS)) {
      for (const stream of [false, true]) {
        upstream.script(() => ({ say: { text: "One two three" } }));
        const response = await call(counted, protocol, {
          model,
          stream,
          more: protocol === "openai-chat" && stream ? { stream_options: { include_usage: true } } : {},
        });
        await response.text();
        const [, tokens] = /^day;tokens;remaining=(\d+);reset=/.exec(response.headers.get("x-factory-proxy-budget") ?? "") ?? [];
        assert.ok(Number(tokens) < 1_000_000 - used, `${protocol} ${model}: ${tokens}`);
        const { budgets } = await counted.settled();
        const line = await counted.gateway.lineOf(response);
        used += Number(line["inputTokens"]) + Number(line["outputTokens"]);
        assert.equal(budgets["tokens/day"]?.used, used, `${protocol} ${model} ${stream ? "streamed" : "whole"}`);
      }
    }
  }
  upstream.script(() => null);
});

test("what is reserved is the input, and the output that such calls had so far, but never more than the request allows", async () => {
  const LIMITS: Readonly<Record<ProtocolId, Readonly<Record<string, unknown>>>> = {
    "anthropic-messages": { max_tokens: 50 },
    "openai-chat": { max_completion_tokens: 50 },
    "openai-responses": { max_output_tokens: 50 },
    gemini: { generationConfig: { temperature: 1, maxOutputTokens: 50 } },
  };
  for (const protocol of PROTOCOLS) {
    const counted = await limited({ budgets: [WHOLE_DAY] });
    const reserved = async (more: Readonly<Record<string, unknown>>): Promise<number> => {
      const before = (await counted.account())?.budgets["tokens/day"]?.used ?? 0;
      const response = await call(counted, protocol, { more });
      await response.text();
      await counted.settled();
      const [, remaining] = /remaining=(\d+)/.exec(response.headers.get("x-factory-proxy-budget") ?? "") ?? [];
      return 1_000_000 - Number(remaining) - before;
    };
    const short = await reserved(LIMITS[protocol]);
    assert.ok(short > 50 && short < 150, `${protocol}: ${short}`);
    // By now the key has a median of its own: a few words.
    const usual = await reserved(protocol === "anthropic-messages" ? { max_tokens: 100_000 } : {});
    assert.ok(usual > 10 && usual < 80, `${protocol}: ${usual}`);
  }
});

test("what was refused upstream, or never went out, costs nothing, and an answer that is no answer still makes room", async () => {
  const counted = await limited({ budgets: [WHOLE_DAY], parallel: 1 });
  upstream.script(() => ({ status: 500, body: "Oh dear" }));
  for (const protocol of PROTOCOLS) {
    assert.equal((await call(counted, protocol)).status, 500);
    assert.equal((await counted.settled()).budgets["tokens/day"]?.used, 0);
  }
  upstream.script(() => null);
  const impossible = await call(counted, "openai-chat", { more: { messages: [{ role: "user", content: [{ type: "nonsense" }] }] } });
  assert.equal(impossible.status, 400);
  assert.equal((await counted.settled()).budgets["tokens/day"]?.used, 0);
});

test("whoever leaves has used the input and what was delivered, and an answer that breaks off as much", async () => {
  const counted = await limited({ budgets: [WHOLE_DAY] });
  let before = 0;
  for (const protocol of PROTOCOLS) {
    for (const model of Object.values(MODELS)) {
      const said = { say: { text: "One two three four five six seven eight" } };
      upstream.script([{ ...said, hang: { afterEvents: model === GPT ? 6 : 4 } }]);
      const leaving = new AbortController();
      const { path, body } = ask(protocol, { model, stream: true });
      const response = await counted.gateway.call(path, { body, signal: leaving.signal });
      await response.body?.getReader().read();
      leaving.abort();
      const line = await counted.gateway.lineOf(response);
      const used = (await counted.settled()).budgets["tokens/day"]?.used ?? 0;
      assert.deepEqual(
        [line["status"], used - before],
        [499, Number(line["inputTokens"]) + Number(line["outputTokens"])],
        `${protocol} ${model}`,
      );
      assert.ok(used - before > 5 && used - before < 1000, `${protocol} ${model}: ${used - before}`);
      before = used;
    }
  }
});

test("headers of the upstream's about its own limits go on where the key has none, and make room for the key's", async () => {
  const headers = {
    "x-ratelimit-limit-requests": "7",
    "x-ratelimit-remaining-tokens": "8",
    "anthropic-ratelimit-requests-limit": "9",
    "anthropic-ratelimit-input-tokens-limit": "10",
  };
  upstream.script(() => ({ say: { text: "One" }, headers }));
  const names = Object.keys(headers);
  const none = await limited({ parallel: 5 });
  assert.deepEqual(headersOf(await call(none, "anthropic-messages"), ...names), ["7", "8", "9", "10"]);
  const requests = await limited({ requestsPerMinute: 50 });
  assert.deepEqual(headersOf(await call(requests, "anthropic-messages"), ...names), [null, "8", "50", "10"]);
  const tokens = await limited({ tokensPerMinute: 100_000 });
  const response = await call(tokens, "anthropic-messages");
  assert.deepEqual(headersOf(response, ...names), ["7", null, "9", null]);
  assert.match(response.headers.get("anthropic-ratelimit-tokens-reset") ?? "", /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.equal(response.headers.get("anthropic-ratelimit-tokens-limit"), "100000");
  upstream.script(() => null);
});

test("a call whose key has no limit asks the store for nothing", async () => {
  for (const rules of [{}, { models: ["claude-*"] }]) {
    const free = await limited(rules);
    const before = free.store.asked;
    const response = await call(free, "anthropic-messages");
    await response.text();
    await free.gateway.lineOf(response);
    assert.deepEqual([response.status, response.headers.get("x-factory-proxy-budget"), free.store.asked - before], [200, null, 0]);
  }
});

test("while the store is away calls go on, and are counted when it is back", async () => {
  const counted = await limited({ budgets: [WHOLE_DAY] });
  await (await call(counted, "openai-chat")).text();
  const before = (await counted.settled()).budgets["tokens/day"]?.used ?? 0;
  counted.store.weather = "away";
  const response = await call(counted, "openai-chat");
  await response.text();
  assert.equal(response.status, 200);
  counted.store.weather = "fair";
  await (await call(counted, "openai-chat")).text();
  assert.equal((await counted.settled()).budgets["tokens/day"]?.used, 3 * before);
});

after(() => upstream.script(() => null));
