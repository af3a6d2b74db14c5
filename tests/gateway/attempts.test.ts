// Retries, other keys and other models, over the wire: what the client and the log see of them. What is tried and after how long: retry.test.ts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, errorIn, MODELS, textOf, told, WAYS } from "../support/dialects.ts";
import { PROTOCOLS } from "../support/fixtures.ts";
import { callFor, CONVERSION, PASSTHROUGH, startGateways } from "../support/gateway.ts";
import { CLOSED } from "../support/upstream.ts";

const { upstream, gatewayWith } = await startGateways();

test("an attempt that failed before the first byte is invisible but for a header and the log, whole and streamed, on every route", async () => {
  const retrying = await gatewayWith({ RETRIES: "2" });
  for (const client of PROTOCOLS) {
    for (const stream of [false, true]) {
      upstream.script([{ error: { status: 503, message: "Later." }, headers: { "retry-after-ms": "1" } }, { say: { text: "Here" } }]);
      const response = await callFor(retrying, { client, upstream: client, name: "" }, { stream });
      assert.deepEqual([response.status, response.headers.get("x-factory-proxy-attempts")], [200, "2"]);
      const text = await response.text();
      assert.equal(stream ? told(client, text).text : textOf(client, text), "Here");
      assert.equal((await retrying.lineOf(response))["attempts"], 2);
    }
  }
});

test("an error that opens a stream is tried again, on every way; one in the middle is not", async () => {
  const retrying = await gatewayWith({ RETRIES: "1" });
  const failed = new Set<string>();
  upstream.script(({ path, headers }) => {
    // The first attempt of each way fails; its session tells the ways apart.
    const attempt = `${path} ${headers["x-session-id"]}`;
    if (failed.has(attempt)) return { say: { text: "Here" } };
    failed.add(attempt);
    return { say: { text: "x" }, fail: { afterEvents: 0, message: "Busy." } };
  });
  await Promise.all(
    WAYS.map(async ({ client, upstream: target, name }) => {
      const { path, body } = ask(client, { model: MODELS[target], stream: true, text: name });
      const response = await retrying.call(path, { body });
      const { text } = told(client, await response.text());
      assert.deepEqual([response.status, response.headers.get("x-factory-proxy-attempts"), text], [200, "2", "Here"], name);
    }),
  );
  const way = CONVERSION;
  upstream.script([{ say: { text: "One two" }, fail: { afterEvents: 4, message: "Broke." } }, { say: { text: "Never" } }]);
  const before = upstream.requests.length;
  const broken = await callFor(retrying, way, { stream: true });
  assert.deepEqual(told(way.client, await broken.text()).terminals, ["error: Broke."]);
  assert.equal(upstream.requests.length, before + 1);
});

test("a call that failed at last says how often it was tried, also where no answer came at all", async () => {
  const nowhere = await gatewayWith({ RETRIES: "1", FACTORY_BASE_URL: CLOSED });
  const retrying = await gatewayWith({ RETRIES: "1" });
  upstream.script(() => ({ error: { status: 503, message: "Later." }, headers: { "retry-after-ms": "1" } }));
  for (const gateway of [nowhere, retrying]) {
    for (const stream of [false, true]) {
      const response = await callFor(gateway, CONVERSION, { stream });
      const { status } = await errorIn("openai-chat", response);
      assert.deepEqual([status, response.headers.get("x-factory-proxy-attempts")], [gateway === nowhere ? 502 : 503, "2"]);
      assert.equal((await gateway.lineOf(response))["attempts"], 2);
    }
  }
});

test("a fallback is asked in its own protocol, and a header says which model answers", async () => {
  const modelTable = JSON.stringify({ models: [{ id: "claude-opus-4-8", fallback: ["glm-5", "gpt-5.5"] }] });
  const falling = await gatewayWith({}, { modelTable });
  for (const stream of [false, true]) {
    upstream.script([
      { error: { status: 529, message: "Busy." } },
      { error: { status: 503, message: "Busy too." } },
      { say: { text: "Here" } },
    ]);
    const before = upstream.requests.length;
    const response = await callFor(falling, PASSTHROUGH, { stream });
    const text = await response.text();
    assert.equal(stream ? told("anthropic-messages", text).text : textOf("anthropic-messages", text), "Here");
    assert.deepEqual(
      [response.headers.get("x-factory-proxy-fallback"), response.headers.get("x-factory-proxy-attempts")],
      ["claude-opus-4-8 -> gpt-5.5", "3"],
    );
    assert.deepEqual(
      upstream.requests.slice(before).map(({ protocol }) => protocol),
      ["anthropic-messages", "openai-chat", "openai-responses"],
    );
    const line = await falling.lineOf(response);
    assert.deepEqual([line["upstreamModel"], line["attempts"], line["status"]], ["gpt-5.5", 3, 200]);
  }
});

test("a native route asks the model that it names and no fallback: its clients want that endpoint's answer", async () => {
  const modelTable = JSON.stringify({ models: [{ id: "claude-opus-4-8", fallback: ["claude-sonnet-5"] }] });
  const falling = await gatewayWith({}, { modelTable });
  upstream.script(() => ({ error: { status: 529, message: "Busy." } }));
  const { body } = ask("anthropic-messages", { model: "claude-opus-4-8" });
  for (const [path, models] of [
    ["/v1/messages", ["claude-opus-4-8", "claude-sonnet-5"]],
    ["/anthropic/v1/messages", ["claude-opus-4-8"]],
    ["/bedrock/v1/messages", ["claude-opus-4-8"]],
    ["/v1/messages/count_tokens", ["claude-opus-4-8"]],
  ] as const) {
    const before = upstream.requests.length;
    const response = await falling.call(path, { body });
    await response.text();
    const asked = upstream.requests.slice(before).map((seen) => (JSON.parse(seen.body) as { model: string }).model);
    assert.deepEqual(
      [response.status, response.headers.get("x-factory-proxy-fallback"), asked],
      [529, fallbackNamed(models), models],
      path,
    );
  }
});

function fallbackNamed(models: readonly string[]): string | null {
  return models.length === 1 ? null : models.join(" -> ");
}

test("a fallback that can't carry the request is left out", async () => {
  const modelTable = JSON.stringify({ models: [{ id: "glm-5", fallback: ["claude-opus-4-8", "glm-4.6"] }] });
  const falling = await gatewayWith({}, { modelTable });
  upstream.script([{ error: { status: 503, message: "Busy." } }, { say: { text: "Here" } }]);
  // Two choices are more than another protocol can give.
  const { path, body } = ask("openai-chat", { model: "glm-5", more: { n: 2 } });
  const response = await falling.call(path, { body });
  assert.deepEqual([response.status, response.headers.get("x-factory-proxy-fallback")], [200, "glm-5 -> glm-4.6"]);
  await response.text();
});

test("a key that is refused rests, and another key of the organisation answers", async () => {
  const several = await gatewayWith({ FACTORY_API_KEY: "fk-first-of-the-tests", FACTORY_API_KEYS: "fk-second-of-the-tests" });
  const keysSeen = (from: number): string[] => upstream.requests.slice(from).map(({ headers }) => headers["authorization"] ?? "");
  const before = upstream.requests.length;
  upstream.script([{ error: { status: 429, message: "Slow down." } }, { say: { text: "Here" } }, { say: { text: "Here" } }]);
  for (let turn = 0; turn < 2; turn++) assert.equal((await callFor(several, PASSTHROUGH)).status, 200);
  const [first, second, third] = keysSeen(before);
  assert.notEqual(first, second);
  assert.equal(third, second);
});

test("what is the client's to wait for reaches it at once, on every route: a retry-after beyond two seconds, x-should-retry: false", async () => {
  const retrying = await gatewayWith({ RETRIES: "2", RETRY_BUDGET: "60" });
  for (const way of WAYS) {
    for (const [status, headers] of [
      [429, { "retry-after": "7" }],
      [503, { "retry-after": "3" }],
      [529, { "retry-after-ms": "2001" }],
      [500, { "x-should-retry": "false" }],
    ] as const) {
      for (const stream of [false, true]) {
        upstream.script([{ error: { status, message: "Later." }, headers }, { say: { text: "Too late" } }]);
        const response = await callFor(retrying, way, { stream });
        const { message } = await errorIn(way.client, response);
        const [name = "", value] = Object.entries(headers)[0] ?? [];
        const attempts = response.headers.get("x-factory-proxy-attempts");
        assert.deepEqual([message, response.headers.get(name), attempts], ["Later.", value, null], way.name);
      }
    }
  }
});
