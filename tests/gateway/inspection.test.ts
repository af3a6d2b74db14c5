// What is kept of a call for the inspector: four faces on every way, each attempt, the bounds, and no key.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../src/errors.ts";
import { Inspector, type CallInspection, type StreamEvent } from "../../src/gateway/inspection.ts";
import { incomingRequest } from "../../src/gateway/request.ts";
import type { CallSummary } from "../../src/telemetry/call-summary.ts";
import { Redactor } from "../../src/telemetry/redaction.ts";
import { NOTHING } from "../../src/wire/pump.ts";
import { SUMMARY } from "../support/call-summary.ts";
import { ask, eventsIn, MODELS, WAYS } from "../support/dialects.ts";
import { CLIENT_KEY, FACTORY_KEY, startGateways, until, type CallOptions, type RunningGateway } from "../support/gateway.ts";
import { SocketClient } from "../support/socket.ts";
import { askWithTools } from "../support/tool-dialects.ts";

const { upstream, gatewayWith } = await startGateways();
const BODIES = { INSPECT: "bodies", SYSTEM_PROMPT: "", KEEP_ALIVE_INTERVAL: "0" };
const gateway = await gatewayWith(BODIES);
const { path, body } = ask("openai-chat", { model: MODELS["openai-chat"] });

/** Knows the ledger's ids of a gateway's calls by their request ids. */
function idsOf(one: RunningGateway): Map<string, string> {
  const ids = new Map<string, string>();
  one.calls.watch((event) => {
    if (event.type === "call") ids.set(event.call.requestId, event.call.id);
  });
  return ids;
}
const known = new Map([[gateway, idsOf(gateway)]]);

async function inspect(one: RunningGateway, requestId: string): Promise<CallInspection | null> {
  const ids = known.get(one) ?? new Map<string, string>();
  await until(() => ids.has(requestId), `the call ${requestId}`);
  return one.calls.inspection(ids.get(requestId) ?? "");
}

async function called(one: RunningGateway, where: string, options: CallOptions = {}): Promise<{ text: string; seen: CallInspection }> {
  const response = await one.call(where, options);
  const text = await response.text();
  await one.lineOf(response);
  return { text, seen: (await inspect(one, response.headers.get("x-request-id") ?? "")) ?? assert.fail() };
}

async function started(environment: Readonly<Record<string, string | undefined>>, modelTable?: string): Promise<RunningGateway> {
  const one = await gatewayWith({ ...BODIES, ...environment }, modelTable === undefined ? {} : { modelTable });
  known.set(one, idsOf(one));
  return one;
}

const data = (events: readonly StreamEvent[]): (string | null)[] => events.map((event) => event.data);
const TOOLS = [{ name: "look_up", parameters: { type: "object", properties: { word: { type: "string" } }, required: ["word"] } }];

for (const { client, upstream: spoken, name } of WAYS) {
  test(`${name}: a streamed tool call is kept in its four faces`, async () => {
    const asked = askWithTools(client, { model: MODELS[spoken], stream: true, tools: TOOLS });
    const { text, seen } = await called(gateway, asked.path, { body: asked.body });
    assert.deepEqual([seen.kept, seen.protocol, seen.upstreamProtocol, seen.error], ["bodies", client, spoken, null]);
    const sent = JSON.stringify(asked.body);
    assert.deepEqual([seen.clientRequest.body, seen.clientRequest.bodyBytes], [sent, sent.length]);
    const [attempt, ...others] = seen.attempts;
    assert.ok(attempt !== undefined && others.length === 0);
    assert.deepEqual([attempt.request.body, attempt.model, attempt.why], [gateway.lastSeen().body, MODELS[spoken], null]);
    assert.equal(attempt.answer?.status, 200);
    assert.ok(attempt.answer.events.length > 0 && JSON.stringify(data(attempt.answer.events)).includes("look_up"));
    assert.deepEqual(
      data(seen.clientAnswer?.events ?? []),
      eventsIn(text).map((event) => event.data),
    );
    const times = [attempt.sentMs, ...attempt.answer.events.map(({ atMs }) => atMs)];
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    );
    assert.ok(seen.clientAnswer?.events.every((event) => event.name !== "" && event.bytes > 0));
    assert.deepEqual([seen.clientAnswer?.body, seen.clientAnswer?.isCut, attempt.answer.isCut], [null, false, false]);
  });

  test(`${name}: an answer that is not streamed is kept as it came and as it went`, async () => {
    const asked = ask(client, { model: MODELS[spoken] });
    const { text, seen } = await called(gateway, asked.path, { body: asked.body });
    assert.equal(seen.clientAnswer?.body, text);
    assert.ok((seen.attempts[0]?.answer?.body ?? "").includes("Hello there"));
    assert.equal(seen.attempts[0]?.answer?.bodyBytes, seen.attempts[0]?.answer?.body?.length);
  });
}

test("Gemini's stream as a JSON array is kept item by item", async () => {
  const { body: asked } = ask("gemini", { model: MODELS["openai-chat"], stream: true });
  const { text, seen } = await called(gateway, `/v1beta/models/${MODELS["openai-chat"]}:streamGenerateContent`, { body: asked });
  const items = (JSON.parse(text) as unknown[]).map((item) => JSON.stringify(item));
  assert.deepEqual(
    data(seen.clientAnswer?.events ?? []).map((item) => JSON.stringify(JSON.parse(item ?? ""))),
    items,
  );
  assert.deepEqual([...new Set(seen.clientAnswer?.events.map((event) => event.name))], ["GenerateContentResponse"]);
});

test("Bedrock's frames are kept as the events of Messages that they hold", async () => {
  const asked = { anthropic_version: "bedrock-2023-05-31", max_tokens: 1000, messages: [{ role: "user", content: "Hello there" }] };
  const response = await gateway.call(`/bedrock/model/${MODELS["openai-chat"]}/invoke-with-response-stream`, { body: asked });
  await response.arrayBuffer();
  await gateway.lineOf(response);
  const seen = await inspect(gateway, response.headers.get("x-request-id") ?? "");
  const names = seen?.clientAnswer?.events.map((event) => event.name) ?? [];
  assert.deepEqual([names[0], names.at(-1)], ["message_start", "message_stop"]);
});

test("each turn of a WebSocket is a call of its own", async () => {
  const socket = await new SocketClient(gateway).opened();
  for (const turn of ["One", "Two"]) {
    await socket.ask({ model: MODELS["openai-chat"], input: [{ role: "user", content: turn }] });
    await until(() => upstream.requests.at(-1)?.body.includes(turn) === true, "the turn");
    const requestId = String(gateway.lines.findLast((line) => line["event"] === "request")?.["requestId"]);
    const seen = await inspect(gateway, requestId);
    assert.ok(seen?.clientRequest.body?.includes(turn) === true);
    assert.equal(seen?.clientAnswer?.events.at(-1)?.name, "response.completed");
  }
  socket.close();
});

test("retries and fallbacks are kept each, with why they were not the last", async () => {
  const modelTable = JSON.stringify({ models: [{ id: "claude-often-full", fallback: [MODELS.gemini] }] });
  const one = await started({ RETRIES: "1" }, modelTable);
  const overloaded = { error: { status: 529, message: "Overloaded." }, headers: { "retry-after": "0" } };
  upstream.script([overloaded, overloaded]);
  const asked = ask("anthropic-messages", { model: "claude-often-full", stream: true });
  const { seen } = await called(one, asked.path, { body: asked.body });
  assert.deepEqual(
    seen.attempts.map(({ model, protocol, answer, why }) => [model, protocol, answer?.status, why]),
    [
      ["claude-often-full", "anthropic-messages", 529, "Overloaded."],
      ["claude-often-full", "anthropic-messages", 529, "Overloaded."],
      [MODELS.gemini, "gemini", 200, null],
    ],
  );
  assert.ok(seen.attempts[0]?.answer?.body?.includes("Overloaded."));
});

test("a stream that is cut is kept up to there, with the error that the client got", async () => {
  upstream.script([{ say: { text: "one two three four" }, cut: { after: { events: 3 }, how: "end" } }]);
  const asked = ask("anthropic-messages", { model: MODELS["anthropic-messages"], stream: true });
  const { seen } = await called(gateway, asked.path, { body: asked.body });
  assert.deepEqual([seen.error?.kind, seen.clientAnswer?.events.at(-1)?.name], ["upstream-failed", "error"]);
  assert.equal(seen.attempts[0]?.answer?.events.length, 3);
});

test("losses are kept with their reasons, as /explain gives them", async () => {
  const asked = ask("openai-chat", { model: MODELS["anthropic-messages"], more: { logit_bias: { 5: 1 }, seed: 7 } });
  const { seen } = await called(gateway, asked.path, { body: asked.body });
  const explained = (await (await gateway.call(`/explain${asked.path}`, { body: asked.body })).json()) as { losses: unknown };
  assert.ok(seen.losses.length > 0);
  assert.deepEqual(seen.losses, explained.losses);
});

test("of headers, sizes and times are kept, but no prompt and no answer", async () => {
  const one = await started({ INSPECT: "headers" });
  for (const stream of [true, false]) {
    const asked = ask("openai-responses", { model: MODELS.gemini, stream, text: "a quiet prompt" });
    const { seen, text } = await called(one, asked.path, { body: asked.body });
    assert.ok(!JSON.stringify(seen).includes("quiet"));
    assert.equal(seen.clientAnswer?.bodyBytes, text.length);
    assert.deepEqual([seen.clientRequest.body, seen.attempts[0]?.request.body, seen.attempts[0]?.answer?.body], [null, null, null]);
    assert.equal(seen.clientRequest.headers["content-type"], "application/json");
    assert.ok((seen.attempts[0]?.answer?.bodyBytes ?? 0) > 0);
  }
});

test("off keeps nothing, nor does a key that is left out, and what was kept is forgotten", async () => {
  const one = await started({ INSPECT: "off" });
  const response = await one.call(path, { body });
  const id = response.headers.get("x-request-id") ?? "";
  assert.equal(await inspect(one, id), null);
  one.reload({ ...BODIES, INSPECT_EXCEPT: "bob, env-1" });
  const left = await one.call(path, { body });
  assert.equal(await inspect(one, left.headers.get("x-request-id") ?? ""), null);
  one.reload(BODIES);
  const kept = await one.call(path, { body });
  assert.ok((await inspect(one, kept.headers.get("x-request-id") ?? "")) !== null);
  one.reload({ ...BODIES, INSPECT: "headers" });
  assert.equal(await inspect(one, kept.headers.get("x-request-id") ?? ""), null);
});

test("what is kept stays within INSPECT_BYTES: the oldest calls go, and a long message is not kept", async () => {
  const one = await started({ INSPECT_BYTES: "1MiB" });
  const asked = (length: number): object => ask("openai-chat", { model: MODELS["openai-chat"], text: "x".repeat(length) }).body;
  const requestIds: string[] = [];
  for (let count = 0; count < 30; count++) {
    upstream.script([{ say: { text: "Yes." } }]);
    const response = await one.call(path, { body: asked(20_000) });
    await response.text();
    requestIds.push(response.headers.get("x-request-id") ?? "");
  }
  const kept = await Promise.all(requestIds.map(async (id) => (await inspect(one, id)) !== null));
  const count = kept.filter(Boolean).length;
  assert.ok(count >= 8 && count <= 14, String(count));
  assert.deepEqual(kept, [...Array<boolean>(30 - count).fill(false), ...Array<boolean>(count).fill(true)]);
  upstream.script([{ say: { text: "y".repeat(200_000) } }]);
  const long = ask("openai-chat", { model: MODELS["openai-chat"], stream: true, text: "x".repeat(200_000) });
  const { seen, text } = await called(one, long.path, { body: long.body });
  assert.deepEqual([seen.clientRequest.body, seen.clientRequest.isCut], [null, true]);
  assert.deepEqual([seen.clientAnswer?.isCut, seen.clientAnswer?.bodyBytes], [true, text.length]);
});

test("no key shows in what is kept, wherever it stood", async () => {
  const own = "sk-owned-3d4e5f60718293a4b5c6d7e8";
  const all = `${FACTORY_KEY} and ${CLIENT_KEY} and ${own}`;
  const headers = { "x-api-key": own, cookie: `session=${own}`, "x-custom": all, referer: `https://example.test/?key=${own}` };
  for (const { client, upstream: spoken } of WAYS) {
    for (const stream of [true, false]) {
      upstream.script([{ say: { text: all }, headers: { "x-request-id": FACTORY_KEY, "openai-organization": all } }]);
      const asked = ask(client, { model: MODELS[spoken], stream, system: all, text: all });
      const { seen } = await called(gateway, asked.path, { body: asked.body, headers });
      const shown = JSON.stringify(seen);
      for (const key of [FACTORY_KEY, CLIENT_KEY, own]) assert.ok(!shown.includes(key.slice(9)), `${client} -> ${spoken}: ${key}`);
      assert.ok(shown.includes(`${FACTORY_KEY.slice(0, 8)}\u2026`));
    }
  }
});

test("nothing is copied of what passes: the client's bytes are the upstream's, which are held once", () => {
  const inspector = new Inspector(() => ({ inspect: "bodies", inspectBytes: 2 ** 20, inspectExcept: [] }));
  const request = incomingRequest(new Request("http://gateway.test/v1/messages", { method: "POST" })) ?? assert.fail();
  const recording = inspector.record(request, { summary: SUMMARY, redaction: new Redactor([]) }) ?? assert.fail();
  recording.sending({ url: "http://upstream.test", headers: {}, body: "{}" }, 0);
  const found = { type: "streaming", status: 200, headers: new Map<string, string>(), begun: [], rest: NOTHING } as const;
  recording.answered({ found }, 0);
  recording.answering(200, { "content-type": "text/event-stream" });
  const chunk = new TextEncoder().encode("data: {}\n\n");
  const before = recording.held;
  recording.streamed(chunk, chunk, 1);
  assert.ok(recording.held - before < 2 * chunk.length + 128);
  for (const one of [recording.attempts[0]?.answer?.body, recording.answer?.body]) assert.equal(one?.pieces?.[0], chunk);
});

test("of an error its message is kept, not what it came from, which may be a megabyte of the upstream's answer", () => {
  const inspector = new Inspector(() => ({ inspect: "headers", inspectBytes: 2 ** 20, inspectExcept: [] }));
  const request = incomingRequest(new Request("http://gateway.test/v1/messages", { method: "POST" })) ?? assert.fail();
  const error = new GatewayError("upstream-failed", "It broke off.", { cause: "a megabyte" });
  const recording = inspector.record(request, { summary: { ...SUMMARY, error }, redaction: new Redactor([]) }) ?? assert.fail();
  recording.ended();
  assert.deepEqual(
    [recording.summary.error?.kind, recording.summary.error?.message, recording.summary.error?.cause],
    ["upstream-failed", "It broke off.", undefined],
  );
});

test("with `headers`, a burst of calls that end well drives out no more than fifty others a second; those that failed or were tried again are all kept", () => {
  const inspector = new Inspector(() => ({ inspect: "headers", inspectBytes: 2 ** 20, inspectExcept: [] }));
  const request = incomingRequest(new Request("http://gateway.test/v1/messages", { method: "POST" })) ?? assert.fail();
  const kept = (facts: Partial<CallSummary>, count: number): number => {
    const ids = Array.from({ length: count }, (_, at) => `${JSON.stringify(facts)} ${at}`);
    for (const id of ids) inspector.record(request, { summary: { ...SUMMARY, ...facts, id }, redaction: new Redactor([]) })?.ended();
    return ids.filter((id) => inspector.isInspected(id)).length;
  };
  assert.deepEqual(
    [
      kept({ startedAtMs: 5000, durationMs: 999, attempts: 1 }, 60),
      kept({ startedAtMs: 5000, durationMs: 998, attempts: 2 }, 60),
      kept({ startedAtMs: 5000, durationMs: 997, error: new GatewayError("cancelled", "The client left.") }, 60),
      kept({ startedAtMs: 5000, durationMs: 1000, attempts: 1 }, 60),
    ],
    [50, 60, 60, 50],
  );
});
