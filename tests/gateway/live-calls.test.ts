// The calls that run: what a watcher is told of them, how an administrator ends one, and the last minute.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../src/errors.ts";
import { LiveCalls, type LiveEvent, type RunningCall } from "../../src/gateway/live-calls.ts";
import type { CallSummary } from "../../src/telemetry/call-summary.ts";
import { ask, errorIn, failure, MODELS, told, WAYS } from "../support/dialects.ts";
import { PROTOCOLS } from "../support/fixtures.ts";
import { startGateways, until } from "../support/gateway.ts";
import { SocketClient } from "../support/socket.ts";
import { SUMMARY } from "../support/call-summary.ts";
import { Clock } from "../support/clock.ts";

const { upstream, gatewayWith } = await startGateways();
const gateway = await gatewayWith({ SYSTEM_PROMPT: "", KEEP_ALIVE_INTERVAL: "0" });

const HANGS = { hang: { afterEvents: 4 } } as const;
const text = "one two three four five six";

async function running(): Promise<string> {
  await until(() => gateway.calls.live().calls.length === 1, "the call to run");
  return gateway.calls.live().calls[0]?.id ?? "";
}

for (const { client, upstream: spoken, name } of WAYS) {
  test(`${name}: a stream that an administrator ends tells so, and its upstream is let go`, async () => {
    upstream.script([{ say: { text }, hang: { afterEvents: spoken === "gemini" ? 1 : 6 } }]);
    const asked = ask(client, { model: MODELS[spoken], stream: true });
    const response = await gateway.call(asked.path, { body: asked.body });
    const id = await running();
    await until(() => gateway.calls.live().calls[0]?.phase === "streaming", "the stream");
    assert.equal(gateway.calls.cancel(id), true);
    const [said] = told(client, await response.text()).terminals;
    assert.equal(said, failure(client, "An administrator ended this call.")[0]);
    const line = await gateway.lineOf(response);
    assert.deepEqual([line["error"], line["status"]], ["ended", 200]);
    await upstream.requests.at(-1)?.done;
    assert.notEqual(gateway.lastSeen().leftAtMs, null);
    assert.deepEqual([gateway.calls.cancel(id), gateway.calls.live().calls], [false, []]);
  });
}

for (const client of PROTOCOLS) {
  test(`${client}: a call that is ended before its answer gets 400, is not sent again, and its upstream is let go`, async () => {
    const count = upstream.requests.length;
    upstream.script([{ hang: "before-head" }]);
    const asked = ask(client, { model: MODELS["openai-chat"] });
    const answering = gateway.call(asked.path, { body: asked.body });
    await until(() => upstream.requests.length === count + 1 && gateway.calls.live().calls[0]?.phase === "waiting", "the request");
    gateway.calls.cancel(await running());
    const response = await answering;
    assert.deepEqual([response.status, response.headers.get("x-should-retry")], [400, "false"]);
    assert.equal((await errorIn(client, response)).message, "An administrator ended this call.");
    await upstream.requests.at(-1)?.done;
    assert.equal(upstream.requests.length, count + 1);
  });
}

test("a turn of a WebSocket is ended alone", async () => {
  const socket = await new SocketClient(gateway).opened();
  upstream.script([{ say: { text }, ...HANGS }]);
  const asked = socket.ask({ model: MODELS["openai-responses"], input: [{ role: "user", content: "Go" }] });
  const id = await running();
  await until(() => gateway.calls.live().calls[0]?.phase === "streaming", "the stream");
  gateway.calls.cancel(id);
  assert.match(JSON.stringify((await asked).at(-1)), /An administrator ended this call/);
  assert.equal((await socket.ask({ model: MODELS["openai-responses"], input: "Again" })).at(-1)?.["type"], "response.completed");
  socket.close();
});

test("a watcher is told of a call within a tenth of a second, of each phase, of its tokens, and of its end", async () => {
  const events: LiveEvent[] = [];
  const leave = gateway.calls.watch((event) => events.push(event));
  let release = (): void => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  upstream.script([{ say: { reasoning: "hm hm hm", text: "word ".repeat(100) }, hold: { afterEvents: 60, until: held } }]);
  const asked = ask("openai-chat", { model: MODELS["anthropic-messages"], stream: true });
  const response = await gateway.call(asked.path, { body: asked.body });
  await until(() => events.some(({ type }) => type === "call"), "the event");
  await until(() => (gateway.calls.live().calls[0]?.outputTokens ?? 0) > 20, "some tokens");
  const [call] = gateway.calls.live().calls;
  assert.ok(call !== undefined);
  assert.deepEqual(
    [call.key, call.protocol, call.upstreamProtocol, call.modelAsked, call.streaming, call.attempts],
    ["env-1", "openai-chat", "anthropic-messages", MODELS["anthropic-messages"], true, 1],
  );
  await until(() => events.some((event) => event.type === "tick" && event.calls.some(({ id }) => id === call.id)), "a second");
  release();
  await response.text();
  await until(() => events.some(({ type }) => type === "ended"), "the end");
  assert.deepEqual(events.at(-1), { type: "ended", id: call.id, status: 200, finish: "end", isCounted: true });
  leave();
});

for (const [protocol, at] of [
  ["anthropic-messages", 4],
  ["openai-chat", 2],
  ["openai-responses", 6],
  ["gemini", 1],
] as const) {
  test(`${protocol}: reasoning shows as thinking, where it passes unparsed and where it is converted`, async () => {
    for (const client of [protocol, protocol === "openai-chat" ? "anthropic-messages" : "openai-chat"] as const) {
      upstream.script([{ say: { reasoning: "Let me think about this for a while.", text }, hang: { afterEvents: at } }]);
      const left = new AbortController();
      const asked = ask(client, { model: MODELS[protocol], stream: true });
      const response = await gateway.call(asked.path, { body: asked.body, signal: left.signal });
      await until(() => gateway.calls.live().calls[0]?.phase === "thinking", `thinking, from ${protocol} to ${client}`);
      left.abort();
      await response.text().catch(() => {});
      await until(() => gateway.calls.live().calls.length === 0, "the end");
    }
  });
}

function runningCall(fields: Partial<CallSummary>): RunningCall {
  return { summary: { ...SUMMARY, ...fields }, phase: "waiting", elapsedMs: 1.4, outputTokens: 3, fail: () => {} };
}

test("the last minute has sixty seconds, of which those gone by are forgotten, and counts what the ledger lists", () => {
  let now = 1_000_000;
  const live = new LiveCalls({ now: () => now, after: () => () => {} });
  const one = runningCall({
    id: "one",
    callerId: "bob",
    startedAtMs: now,
    durationMs: 2500,
    error: new GatewayError("overloaded", "Full."),
  });
  const two = runningCall({ id: "two", callerId: "bob", startedAtMs: now, durationMs: 500, error: new GatewayError("cancelled", "Left.") });
  const wrongKey = runningCall({ id: "three", startedAtMs: now, error: new GatewayError("unauthenticated", "Wrong.") });
  const explained = runningCall({ id: "four", callerId: "bob", path: "/explain/v1/messages", startedAtMs: now });
  const all = [one, two, wrongKey, explained];
  for (const each of all) live.add(each);
  assert.ok(live.live().minute.every(({ calls }) => calls === 0));
  for (const each of all) live.remove(each);
  now += 5000;
  const seconds = live.live().minute.flatMap(({ calls, errors }, index) => (calls + errors === 0 ? [] : [[index, calls, errors]]));
  assert.deepEqual(seconds, [
    [54, 1, 0],
    [56, 1, 1],
  ]);
  now += 58_000;
  assert.ok(live.live().minute.every(({ calls, errors }) => calls + errors === 0));
});

test("a call leaves the list of a second no sooner than its end is told", () => {
  const clock = new Clock();
  const live = new LiveCalls({ now: clock.now, after: clock.after });
  const heard: string[] = [];
  const leave = live.watch((event) => heard.push(event.type === "tick" ? `tick of ${event.calls.length}` : event.type));
  const one = runningCall({ id: "one" });
  live.add(one);
  clock.advance(950);
  live.remove(one);
  clock.advance(200);
  assert.deepEqual(heard, ["call", "ended", "tick of 0"]);
  leave();
});

test("nobody is waited for: a listener that throws is called no more, and without one no timer runs", () => {
  const clock = new Clock();
  const live = new LiveCalls({ now: clock.now, after: clock.after });
  const heard: string[] = [];
  live.watch(() => {
    throw new Error("no");
  });
  const leave = live.watch(({ type }) => heard.push(type));
  const one = runningCall({ id: "one" });
  live.add(one);
  live.changed(one);
  assert.deepEqual(heard, []);
  clock.advance(100);
  live.remove(one);
  clock.advance(900);
  assert.deepEqual(heard, ["call", "ended", "tick"]);
  leave();
  live.add(one);
  assert.equal(clock.timers, 0);
});
