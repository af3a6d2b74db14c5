// Whole calls, seen from the client and in the log: the headers of an answer, request ids, the line of each call.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, MODELS, SUCCESS, textOf, told, WAYS } from "../support/dialects.ts";
import { startGateways } from "../support/gateway.ts";

const { upstream, gatewayWith } = await startGateways();
const gateway = await gatewayWith({});
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

// ---- Answer headers ----------------------------------------------------------------------------------------------

test("what an upstream says about limits and requests reaches the client, what belongs to the connection does not", async () => {
  const kept = {
    "retry-after": "7",
    "x-should-retry": "true",
    "request-id": "req_of_the_upstream",
    "x-ratelimit-remaining-requests": "3",
    "anthropic-ratelimit-tokens-remaining": "9",
    "openai-processing-ms": "12",
  };
  const dropped = {
    "set-cookie": "a=b",
    server: "cloudflare",
    "x-powered-by": "x",
    "proxy-authenticate": "Basic",
    "alt-svc": "h3",
    "keep-alive": "timeout=9",
  };
  for (const { client, upstream: target, name } of WAYS) {
    for (const stream of [true, false]) {
      upstream.script([{ headers: { ...kept, ...dropped } }]);
      const { path, body } = ask(client, { model: MODELS[target], stream });
      const response = await gateway.call(path, { body });
      await response.text();
      for (const [header, value] of Object.entries(kept)) assert.equal(response.headers.get(header), value, `${name}: ${header}`);
      for (const header of Object.keys(dropped)) assert.equal(response.headers.get(header), null, `${name}: ${header}`);
      assert.equal(response.headers.get("x-upstream-request-id"), "req_scripted", name);
      assert.equal(response.headers.get("x-content-type-options"), "nosniff", name);
      if (stream) assert.equal(response.headers.get("cache-control"), "no-cache, no-transform", name);
      if (stream) assert.equal(response.headers.get("x-accel-buffering"), "no", name);
    }
  }
});

test("an upstream's only request id comes under both names", async () => {
  const { path, body } = ask("anthropic-messages", { model: MODELS["anthropic-messages"] });
  const response = await gateway.call(path, { body });
  await response.text();
  assert.deepEqual([response.headers.get("request-id"), response.headers.get("x-upstream-request-id")], ["req_scripted", "req_scripted"]);
});

test("an answer that comes compressed is read, and is not said to be compressed any more", async () => {
  for (const { client, upstream: target, name } of WAYS) {
    for (const stream of [true, false]) {
      upstream.script([{ gzip: true }]);
      const { path, body } = ask(client, { model: MODELS[target], stream });
      const response = await gateway.call(path, { body });
      assert.equal(response.headers.get("content-encoding"), null, name);
      const text = await response.text();
      const found = stream ? told(client, text) : { text: textOf(client, text), terminals: SUCCESS[client] };
      assert.deepEqual(found, { text: "You said: Hello there", terminals: SUCCESS[client] }, name);
    }
  }
});

// ---- Request ids and the log -------------------------------------------------------------------------------------

test("a client's request id is kept, a strange or missing one is replaced, and both are in the log", async () => {
  const { path, body } = ask("openai-chat", { model: MODELS["openai-chat"] });
  const own = await gateway.call(path, { body, headers: { "x-request-id": "my-request.7:a_b" } });
  await own.text();
  assert.equal(own.headers.get("x-request-id"), "my-request.7:a_b");
  assert.equal((await gateway.lineOf(own))["path"], "/v1/chat/completions");
  for (const strange of ["two words", "x".repeat(200), '"quoted"']) {
    const made = await gateway.call(path, { body, headers: { "x-request-id": strange } });
    await made.text();
    assert.match(made.headers.get("x-request-id") ?? "", UUID);
  }
  const failed = await gateway.call("/no/such/path", { body: {}, headers: { "x-request-id": "failed-one" } });
  assert.equal(failed.headers.get("x-request-id"), "failed-one");
});

test("one line a request says what happened", async () => {
  for (const { client, upstream: target, name } of WAYS) {
    for (const stream of [true, false]) {
      // A Chat client hears of usage in a stream only when it asks.
      const more = client === "openai-chat" && stream ? { stream_options: { include_usage: true } } : {};
      const { path, body } = ask(client, { model: MODELS[target], stream, more });
      const id = `line-${client}-${target}-${stream}`;
      const response = await gateway.call(path, { body, headers: { "x-request-id": id } });
      await response.text();
      const { time, durationMs, firstByteMs, caller, outputTokens, dropped: _, ...rest } = await gateway.lineOf(response);
      const { admissionMs, convertMs, upstreamMs, ownMs, totalMs, ...line } = rest;
      const phases = [admissionMs, convertMs, upstreamMs, ownMs].map(Number);
      assert.ok(
        phases.every((ms) => ms >= 0),
        name,
      );
      assert.ok(
        Math.abs(phases.reduce((sum, ms) => sum + ms, 0) - Number(totalMs)) < 0.5,
        `${name}: ${phases.join(" ")} ${String(totalMs)}`,
      );
      assert.equal(new Date(String(time)).toISOString(), time);
      for (const number of [durationMs, firstByteMs]) assert.ok(Number(number) >= 0, `${name}: ${String(number)}`);
      assert.equal(caller, "env-1");
      assert.equal(outputTokens, 4, name);
      assert.deepEqual(
        line,
        {
          level: "info",
          event: "request",
          requestId: id,
          method: "POST",
          path: path.split("?")[0],
          protocol: client,
          model: MODELS[target],
          streamed: stream,
          upstreamModel: MODELS[target],
          upstreamProtocol: target,
          status: 200,
          finish: "end",
          inputTokens: 12,
          cacheReadTokens: 4,
        },
        name,
      );
      assert.equal(gateway.lines.filter(({ requestId, event }) => requestId === id && event === "request").length, 1, name);
    }
  }
});
