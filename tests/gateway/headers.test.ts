// Headers that are made of somebody's words are bounded: a client whose HTTP library refuses a long head would lose a billed answer.

import assert from "node:assert/strict";
import { test } from "node:test";
import { attemptHeaders, headersForClient, headersForUpstream, reportHeaders } from "../../src/gateway/headers.ts";
import { ask, MODELS, textOf } from "../support/dialects.ts";
import { callFor, PAIR, startGateways } from "../support/gateway.ts";
import { SocketClient } from "../support/socket.ts";

const { upstream, gatewayWith } = await startGateways();
const plain = await gatewayWith({});

/** What a value may take, and what Node's fetch takes of a head. */
const [VALUE_BYTES, HEAD_BYTES] = [2_000, 16 * 1024];

function headBytes(headers: Iterable<readonly [string, string]>): number {
  return [...headers].reduce((bytes, [name, value]) => bytes + name.length + value.length + 4, 0);
}

function droppedOf(fields: readonly string[]): string {
  const losses = fields.map((field) => ({ field, reason: "", severity: "reported" }) as const);
  return reportHeaders("id", losses)["x-factory-proxy-dropped"] ?? assert.fail();
}

test("a request with a thousand unknown members has a header of at most 2,000 bytes, which says how many more there are", async () => {
  upstream.script(() => null);
  const members = Array.from({ length: 1000 }, (_, index) => `unknown_member_${index}`);
  const more = Object.fromEntries(members.map((name) => [name, 1]));
  for (const stream of [false, true]) {
    const { path, body } = ask("openai-chat", { model: MODELS["anthropic-messages"], stream, more });
    const response = await plain.call(path, { body });
    assert.equal(response.status, 200, await response.text());
    const dropped = response.headers.get("x-factory-proxy-dropped") ?? "";
    const [, names = "", left] = /^(.*), (\d+) more$/.exec(dropped) ?? [];
    const shown = names.split(",");
    assert.deepEqual([shown, Number(left)], [members.slice(0, shown.length), 1000 - shown.length]);
    assert.ok(dropped.length <= VALUE_BYTES && dropped.length > VALUE_BYTES - 50, String(dropped.length));
    assert.ok(headBytes(response.headers) < HEAD_BYTES);
  }
});

test("names are all there as long as they fit, and one that is long by itself is cut", () => {
  const fits = Array.from({ length: 10 }, (_, index) => String(index).padEnd(199, "x"));
  assert.equal(droppedOf(fits), fits.join(","));
  assert.equal(droppedOf([...fits, "y"]), `${fits.slice(0, 9).join(",")}, 2 more`);
  assert.equal(droppedOf(["z".repeat(5000), "y"]), `${"z".repeat(200)}...,y`);
});

test("models' names in x-factory-proxy-fallback are cut", () => {
  assert.deepEqual(attemptHeaders({ count: 2, fallback: { asked: "a".repeat(9000), answered: "b".repeat(9000) } }), {
    "x-factory-proxy-attempts": "2",
    "x-factory-proxy-fallback": `${"a".repeat(200)}... -> ${"b".repeat(200)}...`,
  });
});

test("an upstream's headers pass up to 2,000 bytes each and 8 KiB together, those that every client reads first", () => {
  const many = Object.fromEntries(Array.from({ length: 90 }, (_, index) => [`openai-${index}`, "x".repeat(1000)]));
  const passed = headersForClient(
    new Map(Object.entries({ ...many, "retry-after": "7", "x-should-retry": "false", "x-request-id": "up-1" })),
  );
  const { "retry-after": after, "x-should-retry": retry, "request-id": id } = passed;
  assert.deepEqual({ after, retry, id }, { after: "7", retry: "false", id: "up-1" });
  assert.ok(headBytes(Object.entries(passed)) <= 8 * 1024);
  const long = "x".repeat(VALUE_BYTES + 1);
  assert.deepEqual(
    headersForClient(new Map(Object.entries({ "openai-x": long, "x-request-id": long, "retry-after": long, "openai-y": long.slice(1) }))),
    {
      "openai-y": long.slice(1),
    },
  );
});

test("an answer and an error whose upstream says too much in headers reach the client, with a head that it can take", async () => {
  const long = "x".repeat(6000);
  const headers = {
    "retry-after": long,
    "x-request-id": long,
    ...Object.fromEntries(["a", "b", "c"].map((end) => [`openai-${end}`, "y".repeat(1900)])),
  };
  for (const way of PAIR) {
    upstream.script(() => ({ say: { text: "Here" }, headers }));
    const good = await callFor(plain, way);
    assert.equal(textOf(way.client, await good.text()), "Here");
    upstream.script(() => ({ error: { status: 429, message: "Slow down." }, headers }));
    const bad = await callFor(plain, way);
    await bad.text();
    for (const response of [good, bad]) {
      assert.ok(headBytes(response.headers) < HEAD_BYTES, way.name);
      assert.deepEqual([response.headers.get("retry-after"), response.headers.get("request-id")], [null, null]);
      assert.equal(response.headers.get("openai-c"), "y".repeat(1900));
    }
    assert.deepEqual([good.status, bad.status], [200, 429]);
  }
});

test("what a body makes headers of is bounded toward the upstream, and what a client says in a usual head passes as it is", () => {
  const betas = "beta-2026-01-01,".repeat(2000);
  const headers = { "anthropic-beta": betas, "idempotency-key": "k" };
  assert.deepEqual(headersForUpstream(headers, "anthropic-messages"), { "idempotency-key": "k", "anthropic-version": "2023-06-01" });
  const usual = { "x-codex-turn-metadata": "m".repeat(12_000), "openai-beta": "b" };
  assert.deepEqual(headersForUpstream(usual, "openai-responses"), usual);
});

test("a WebSocket frame can't send the upstream more headers than it takes", async () => {
  upstream.script(() => null);
  const client = await new SocketClient(plain).opened();
  const many = Array.from({ length: 200 }, (_, index) => [`ws_request_header_x_codex_${index}`, "x".repeat(1000)] as const);
  const client_metadata = { "x-codex-turn-metadata": "y".repeat(100_000), ...Object.fromEntries(many) };
  await client.ask({ model: MODELS["openai-responses"], input: "Hello", client_metadata });
  const sent = Object.entries(plain.lastSeen().headers).filter(([name]) => name.startsWith("x-codex-"));
  assert.ok(sent.length > 10 && headBytes(sent) <= 12 * 1024, String(headBytes(sent)));
  client.close();
});
