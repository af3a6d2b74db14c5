// WebSockets that speak the Responses API, through the whole program: the same answers as over HTTP, a conversation that goes on, one
// response at a time, what is refused and how, and every way in which a socket ends.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import OpenAI from "openai";
import { ResponsesWS } from "openai/resources/responses/ws";
import { GatewayError } from "../../src/errors.ts";
import { BodyMemory } from "../../src/gateway/body-memory.ts";
import { Sockets } from "../../src/gateway/socket.ts";
import type { Call } from "../../src/gateway/request.ts";
import type { Socket } from "../../src/runtime/ports.ts";
import { eventsIn, MODELS } from "../support/dialects.ts";
import { PROTOCOLS } from "../support/fixtures.ts";
import { CLIENT_KEY, startGateways, until, type RunningGateway } from "../support/gateway.ts";
import { SocketClient, type Frame } from "../support/socket.ts";
import type { Answer } from "../support/upstream.ts";

const { upstream, gatewayWith } = await startGateways();
const gateway = await gatewayWith({ MAX_BODY_BYTES: "64KiB" });
const GPT = MODELS["openai-responses"];
const CLAUDE = MODELS["anthropic-messages"];
const clients: SocketClient[] = [];
after(() => {
  for (const client of clients) client.close();
});

function open(options: ConstructorParameters<typeof SocketClient>[1] = {}, at: RunningGateway = gateway): Promise<SocketClient> {
  const client = new SocketClient(at, options);
  clients.push(client);
  return client.opened();
}

const TOOL = { type: "function", name: "look_up", parameters: { type: "object", properties: { word: { type: "string" } } }, strict: false };
const CALL = { id: "call_1", name: "look_up", custom: false, arguments: '{"word":"fish"}' };
const CALLING: Answer = { say: { reasoning: "Hm.", text: "One two", calls: [CALL], finish: "tool-calls" } };

const responseOf = (frame: Frame | undefined): Frame => (frame?.["response"] ?? {}) as Frame;
const idOf = (frames: readonly Frame[]): unknown => responseOf(frames.at(-1))["id"];
const typesOf = (frames: readonly Frame[]): unknown[] => frames.map(({ type }) => type);
const headersOf = (frame: Frame | undefined): Frame => (frame?.["headers"] ?? {}) as Frame;
const errorOf = (frame: Frame | undefined): Frame => (frame?.["error"] ?? {}) as Frame;

/** Without what is each call's own. */
function common(events: readonly unknown[]): unknown {
  const text = JSON.stringify(events);
  return JSON.parse(text.replaceAll(/(?<="(?:id|item_id)":")[^"]*|(?<="created_at":)\d+|(?<="encrypted_content":")[^"]*/g, "0"));
}

// ---- The same as over HTTP ---------------------------------------------------------------------------------------

for (const target of PROTOCOLS) {
  test(`openai-responses <- ${target}: the frames of a WebSocket are the events of a stream, for a success and for an error`, async () => {
    const body = { model: MODELS[target], input: "Hello there", tools: [TOOL], reasoning: { summary: "auto" } };
    const answers: Answer[] = [CALLING, { say: { text: "One two" }, fail: { afterEvents: 3, message: "Busy." } }];
    const client = await open();
    for (const answer of answers) {
      upstream.script(() => answer);
      const stream = await (await gateway.call("/v1/responses", { body: { ...body, stream: true } })).text();
      const overHttp = gateway.lastSeen().body;
      const frames = await client.ask(body);
      const events = eventsIn(stream).map(({ data }) => JSON.parse(data) as Frame);
      // An error that ends a stream by itself needs a status on a socket, which stays open.
      const bare = frames.map(({ status, ...frame }) => (frame["type"] === "error" ? frame : { ...frame, status }));
      assert.deepEqual(common(bare), common(events));
      assert.deepEqual(JSON.parse(gateway.lastSeen().body), JSON.parse(overHttp));
    }
  });

  test(`openai-responses -> ${target}: what goes on from the last response is sent with all that went before`, async () => {
    const request = { model: MODELS[target], tools: [TOOL], store: false, include: ["reasoning.encrypted_content"] };
    const input = [{ type: "message", role: "user", content: [{ type: "input_text", text: "Hello there" }] }];
    const result = { type: "function_call_output", call_id: "call_1", output: "A fish." };
    const more = { role: "user", content: "And now?" };
    const client = await open();
    upstream.script(() => CALLING);
    const first = await client.ask({ ...request, input });
    upstream.script(() => ({ say: { text: "Well" } }));
    const second = await client.ask({ ...request, input: [result], previous_response_id: idOf(first) });
    const sentSecond = gateway.lastSeen().body;
    await client.ask({ ...request, input: "And now?", previous_response_id: idOf(second) });
    const sentThird = gateway.lastSeen().body;
    const output = (frames: readonly Frame[]): unknown[] => responseOf(frames.at(-1))["output"] as unknown[];
    const conversation = [...input, ...output(first), result];
    await (await gateway.call("/v1/responses", { body: { ...request, stream: true, input: conversation } })).text();
    assert.deepEqual(JSON.parse(sentSecond), JSON.parse(gateway.lastSeen().body));
    conversation.push(...output(second), more);
    await (await gateway.call("/v1/responses", { body: { ...request, stream: true, input: conversation } })).text();
    assert.deepEqual(JSON.parse(sentThird), JSON.parse(gateway.lastSeen().body));
  });
}

test("OpenAI's own client works over a WebSocket, for GPT and for a foreign model", async () => {
  const openai = new OpenAI({ apiKey: CLIENT_KEY, baseURL: `${gateway.url}/v1` });
  for (const model of [GPT, CLAUDE]) {
    upstream.script(() => ({ say: { text: "One two three" } }));
    const socket = new ResponsesWS(openai);
    let text = "";
    let previous: string | null = null;
    const ended = new Promise<void>((resolve, reject) => {
      socket.on("error", reject);
      socket.on("response.output_text.delta", ({ delta }) => void (text += delta));
      socket.on("response.completed", ({ response }) => {
        if (previous !== null) return resolve();
        previous = response.id;
        socket.send({ type: "response.create", model, input: "And now?", previous_response_id: previous });
      });
    });
    socket.send({ type: "response.create", model, input: "Hello there" });
    await ended;
    socket.close();
    assert.equal(text, "One two threeOne two three");
    assert.match(gateway.lastSeen().body, /Hello there[^]*One two three[^]*And now\?/);
  }
});

test("a passed request keeps its characters, but for what belongs to the socket", async () => {
  const client = await open();
  client.send(
    '{ "generate" : true, "type":"response.create", "model":"gpt-5.5",  "input":[ {"role":"user","content":"Hi"} ], "temperature":1.0 }',
  );
  await client.until((frames) => frames.length > 2, "an answer");
  assert.equal(
    gateway.lastSeen().body.replace(/"instructions":"[^"]*",/, ""),
    '{ "stream":true, "model":"gpt-5.5",  "input":[ {"role":"user","content":"Hi"} ], "temperature":1.0 }',
  );
});

test("each response is a call of its own: its log line, its usage, its limits", async () => {
  const few = await gatewayWith({ MAX_CALLS_PER_KEY: "1" });
  let release = (): void => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  upstream.script(() => ({ say: { text: "One two" }, hold: { afterEvents: 3, until: released } }));
  const [one, other] = [await open({}, few), await open({}, few)];
  one.send({ model: GPT, input: "Hello" });
  await one.until((frames) => frames.length > 0, "the first event");
  const [refused, ...others] = await other.ask({ model: GPT, input: "Hello" });
  assert.deepEqual(others, []);
  const { message, ...error } = errorOf(refused);
  assert.deepEqual([refused?.["status"], error], [429, { type: "requests", param: null, code: "rate_limit_exceeded" }]);
  assert.match(String(message), /MAX_CALLS_PER_KEY/);
  const { "x-request-id": id, ...headers } = headersOf(refused);
  assert.deepEqual(headers, { "retry-after": "1" });
  assert.equal((await few.lineOf(String(id)))["status"], 429);
  release();
  await one.until((frames) => typesOf(frames).includes("response.completed"), "the end");
  await until(() => few.lines.filter(({ event }) => event === "request").length === 2, "two lines");
  const line = few.lines.findLast(({ event }) => event === "request") ?? {};
  assert.deepEqual([line["path"], line["status"], line["model"]], ["/v1/responses", 200, GPT]);
});

test("what Codex says in headers with each request over HTTP goes up from client_metadata; nothing else does", async () => {
  const client = await open({ headers: { "openai-beta": "responses_websockets=2026-02-06, other=1", "x-codex-turn-metadata": "old" } });
  upstream.script(() => null);
  const client_metadata = {
    "x-codex-turn-metadata": "new",
    "x-codex-ws-stream-request-start-ms": "1",
    ws_request_header_x_openai_internal_codex_responses_lite: "true",
    ws_request_header_authorization: "Bearer other",
    "x-codex-window-id": "line\nbreak",
  };
  await client.ask({ model: GPT, input: "Hello", client_metadata });
  const { headers } = gateway.lastSeen();
  const sent = Object.entries(headers).filter(([name]) => /^(?:x-codex|x-openai|openai-beta|sec-|upgrade)/.test(name));
  assert.deepEqual(Object.fromEntries(sent), {
    "openai-beta": "other=1",
    "x-codex-turn-metadata": "new",
    "x-openai-internal-codex-responses-lite": "true",
  });
  assert.doesNotMatch(String(headers["authorization"]), /other/);
});

// ---- The conversation of a socket --------------------------------------------------------------------------------

test("a client that says its input ahead gets a response without output, and no upstream a request", async () => {
  const client = await open();
  upstream.script(() => ({ say: { text: "One" } }));
  const before = upstream.requests.length;
  const warmed = await client.ask({ model: CLAUDE, input: "You are a pirate.", generate: false });
  assert.deepEqual(typesOf(warmed), ["response.created", "response.in_progress", "response.completed"]);
  const { status, output, model } = responseOf(warmed.at(-1));
  assert.deepEqual(
    { status, output, model, requests: upstream.requests.length - before },
    { status: "completed", output: [], model: CLAUDE, requests: 0 },
  );
  await client.ask({ model: CLAUDE, input: "Hello", previous_response_id: idOf(warmed) });
  assert.match(gateway.lastSeen().body, /pirate[^]*Hello/);
  const [unknown] = await client.ask({ model: "gml-4.7", input: "Hello", generate: false });
  assert.deepEqual([unknown?.["status"], errorOf(unknown)["code"]], [404, "model_not_found"]);
});

test("any other previous_response_id is refused, and the last response is not forgotten for it, nor for a failure", async () => {
  const client = await open();
  upstream.script(() => ({ say: { text: "One" } }));
  const first = await client.ask({ model: CLAUDE, input: "Alpha" });
  const last = await client.ask({ model: CLAUDE, input: "Beta" });
  const before = upstream.requests.length;
  for (const id of [idOf(first), "resp_of_another_socket", 7]) {
    const [refused, ...others] = await client.ask({ model: CLAUDE, input: "Gamma", previous_response_id: id });
    const { headers: _, ...frame } = refused ?? {};
    const named = typeof id === "string" ? ` with id '${id}'` : "";
    const said = {
      code: "previous_response_not_found",
      message: `Previous response${named} not found. A WebSocket remembers its own last response only. Send the complete input without previous_response_id.`,
      param: "previous_response_id",
    };
    assert.deepEqual([frame, others], [{ type: "error", status: 400, ...said, error: { ...said, type: "invalid_request_error" } }, []]);
  }
  assert.equal(upstream.requests.length, before);
  upstream.script(() => ({ error: { status: 500, message: "No." } }));
  assert.equal((await client.ask({ model: CLAUDE, input: "Delta", previous_response_id: idOf(last) }))[0]?.["status"], 500);
  upstream.script(() => ({ say: { text: "Two" } }));
  await client.ask({ model: CLAUDE, input: "Delta", previous_response_id: idOf(last) });
  assert.match(gateway.lastSeen().body, /Beta[^]*Delta/);
  assert.doesNotMatch(gateway.lastSeen().body, /Alpha|Gamma/);
  const other = await open();
  const [foreign] = await other.ask({ model: CLAUDE, input: "Hi", previous_response_id: idOf(last) });
  assert.equal(errorOf(foreign)["code"], "previous_response_not_found");
});

test("reasoning that OpenAI would look for in its store does not go up again, nor ids that belong to it", async () => {
  const message = { type: "message", id: "msg_1", role: "assistant", status: "completed", content: [] };
  const reasoning = { type: "reasoning", id: "rs_1", summary: [] };
  const answer = (output: readonly object[]): Answer => ({
    events: ["created", "completed"].map(
      (type) => `data: ${JSON.stringify({ type: `response.${type}`, response: { id: "resp_1", status: type, output } })}\n\n`,
    ),
  });
  const client = await open();
  const sent = async (output: readonly object[]): Promise<unknown> => {
    upstream.script(() => answer(output));
    const frames = await client.ask({ model: GPT, input: [] });
    await client.ask({ model: GPT, input: [], previous_response_id: idOf(frames) });
    return (JSON.parse(gateway.lastSeen().body) as Frame)["input"];
  };
  const { id: _, ...bare } = message;
  assert.deepEqual(await sent([reasoning, message]), [bare]);
  const proven = [{ ...reasoning, encrypted_content: "proof" }, message];
  assert.deepEqual(await sent(proven), proven);
});

test("items that a server told as they were done are remembered where its last event leaves them out", async () => {
  const item = { type: "message", role: "assistant", content: [{ type: "output_text", text: "Ahoy", annotations: [] }] };
  const events = [
    { type: "response.created", response: { id: "resp_1" } },
    { type: "response.output_item.done", output_index: 0, item },
    { type: "response.completed", response: { id: "resp_1", status: "completed", output: [] } },
  ];
  upstream.script(() => ({ events: events.map((event) => `data: ${JSON.stringify(event)}\n\n`) }));
  const client = await open();
  await client.ask({ model: GPT, input: "Hello" });
  await client.ask({ model: GPT, input: "More", previous_response_id: "resp_1" });
  const { input } = JSON.parse(gateway.lastSeen().body) as Frame;
  assert.deepEqual(input, [{ role: "user", content: "Hello" }, item, { role: "user", content: "More" }]);
});

// ---- One at a time -----------------------------------------------------------------------------------------------

test("a second request is refused while one is answered, which goes on", async () => {
  let release = (): void => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  upstream.script(() => ({ say: { text: "One two" }, hold: { afterEvents: 3, until: released } }));
  const client = await open();
  client.send({ model: GPT, input: "Hello" });
  await client.until((frames) => frames.length > 0, "the first event");
  client.send({ model: GPT, input: "Hello again" });
  await client.until((frames) => typesOf(frames).includes("error"), "the error");
  const refused = client.frames.find(({ type }) => type === "error");
  assert.deepEqual([refused?.["status"], refused?.["code"]], [400, "response_in_progress"]);
  release();
  await client.until((frames) => typesOf(frames).includes("response.completed"), "the end");
});

test("the next request need not wait for a stream that says nothing behind its end", async () => {
  const end = { type: "response.completed", response: { id: "resp_1", status: "completed", output: [] } };
  upstream.script((_, index) => ({
    events: [`data: ${JSON.stringify(end)}\n\n`, ": \n\n"],
    hang: { afterEvents: 1 },
    headers: { n: String(index) },
  }));
  const client = await open();
  await client.ask({ model: GPT, input: "One" });
  await client.ask({ model: GPT, input: "Two", previous_response_id: "resp_1" });
  await until(() => upstream.openConnections() === 0, "both streams to be let go");
});

// ---- What is refused ---------------------------------------------------------------------------------------------

test("a frame that asks for nothing known is an error that says what to send, and the socket stays open", async () => {
  const client = await open();
  const cases: [string, string | null, RegExp][] = [
    ["{", null, /JSON/],
    ["[]", null, /JSON object/],
    ["{}", "type", /Send response\.create/],
    ['{"type":"session.update"}', "type", /"session\.update"/],
    ['{"type":"response.create","stream_id":"a","model":"gpt-5.5","input":"x"}', "stream_id", /open another/],
    ['{"type":"response.create","input":"x"}', "model", /model/],
    [`{"type":"response.create","model":"gpt-5.5","input":"${"x".repeat(70_000)}"}`, null, /MAX_BODY_BYTES/],
  ];
  for (const [text, param, message] of cases) {
    const from = client.texts.length;
    client.send(text);
    await client.until((frames) => frames.length > from, "an answer");
    const frame = client.frames.at(-1);
    assert.deepEqual([frame?.["type"], frame?.["param"]], ["error", param], text.slice(0, 80));
    assert.match(String(frame?.["message"]), message);
  }
  client.send('{"type":"response.processed","response_id":"resp_1"}');
  upstream.script(() => ({ say: { text: "One" } }));
  assert.equal((await client.ask({ model: GPT, input: "x" })).at(-1)?.["type"], "response.completed");
});

test("bytes close the socket with 1003, a frame far beyond the limit with 1009", async () => {
  const bytes = await open();
  bytes.send(new Uint8Array([1, 2]));
  assert.equal((await bytes.untilClosed()).code, 1003);
  const large = await open();
  large.send("x".repeat(200_000));
  assert.equal((await large.untilClosed()).code, 1009);
});

test("a handshake shows a key, and comes from no web page but those that may call", async () => {
  const handshake = {
    upgrade: "websocket",
    connection: "Upgrade",
    "sec-websocket-version": "13",
    "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
  };
  const closed = await (await open({ key: "wrong" })).untilClosed();
  assert.notEqual(closed.code, 1000);
  const page = await (await open({ headers: { origin: "https://page.example" } })).untilClosed();
  assert.notEqual(page.code, 1000);
  const refusals = gateway.lines.filter(({ event, method }) => event === "request" && method === "GET");
  assert.deepEqual(
    refusals.map(({ status }) => status),
    [401, 403],
  );
  const friendly = await gatewayWith({ CORS_ORIGINS: "https://page.example" });
  const allowed = await open({ headers: { origin: "https://page.example" } }, friendly);
  assert.equal(allowed.closed, null);
  const incomplete = await gateway.call("/v1/responses", { method: "GET", headers: { upgrade: handshake.upgrade } });
  assert.equal(incomplete.status >= 400, true);
});

test("the upstream's refusal is a frame with its status, its words and when to come again", async () => {
  upstream.script(() => ({ error: { status: 429, message: "Slow down." }, headers: { "retry-after": "7" } }));
  const client = await open();
  for (const model of [GPT, CLAUDE]) {
    const [frame, ...others] = await client.ask({ model, input: "Hello" });
    assert.deepEqual([frame?.["status"], errorOf(frame)["message"], others], [429, "Slow down.", []]);
    assert.equal(headersOf(frame)["retry-after"], "7");
  }
});

test("an answer that breaks off ends in a word that Codex takes for the last", async () => {
  upstream.script(() => ({ say: { text: "One two three" }, cut: { after: { events: 5 }, how: "end" } }));
  const client = await open();
  for (const model of [GPT, CLAUDE]) {
    const frames = await client.ask({ model, input: "Hello" });
    assert.deepEqual(typesOf(frames.slice(-2)), ["error", "response.failed"]);
  }
  assert.equal((await client.ask({ model: CLAUDE, input: "Hello" })).at(-1)?.["type"], "response.failed");
});

test("an error that is the upstream's last word gets the status by which Codex takes it for the last", async () => {
  upstream.script(() => ({ say: { text: "One two three" }, fail: { afterEvents: 5, message: "It fell over." } }));
  const client = await open();
  const last = (await client.ask({ model: GPT, input: "Hello" })).at(-1);
  assert.deepEqual([last?.["type"], last?.["status"]], ["error", 502]);
});

// ---- Silence, and the end ----------------------------------------------------------------------------------------

test("a silent answer shows signs of life from the first moment on, in one count with its events", async () => {
  const lively = await gatewayWith({ KEEP_ALIVE_INTERVAL: "0.03" });
  const client = await open({}, lively);
  for (const model of [GPT, CLAUDE]) {
    let release = (): void => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    let held = 0;
    upstream.script(() => ({ say: { text: "One two" }, hold: { afterEvents: 0, until: released } }));
    const from = client.texts.length;
    client.send({ model, input: "Hello" });
    await client.until((frames) => (held = frames.length - from) >= 2, "two signs of life");
    release();
    await client.until((frames) => typesOf(frames.slice(from)).includes("response.completed"), "the end");
    const frames = client.frames.slice(from);
    assert.ok(frames.slice(0, held).every(({ type }) => type === "keepalive"));
    assert.deepEqual(
      frames.map(({ sequence_number }) => sequence_number),
      frames.map((_, index) => index),
    );
  }
});

test("a client that leaves cancels its answer, before its first byte and behind it", async () => {
  for (const hang of ["before-head", { afterEvents: 3 }] as const) {
    upstream.script(() => ({ say: { text: "One two three" }, hang }));
    const client = await open();
    const from = gateway.lines.length;
    client.send({ model: CLAUDE, input: "Hello" });
    await until(() => upstream.openConnections() === 1, "the request");
    if (hang !== "before-head") await client.until((frames) => frames.length > 0, "the first event");
    client.close();
    await until(() => upstream.openConnections() === 0, "the upstream to be let go");
    await until(() => gateway.lines.slice(from).some(({ event }) => event === "request"), "the line");
    assert.equal(gateway.lines.findLast(({ event }) => event === "request")?.["status"], 499);
  }
});

test("a server that stops closes idle sockets, lets a running response end, and takes no new ones", async () => {
  const stopping = await gatewayWith({});
  const [idle, busy] = [await open({}, stopping), await open({}, stopping)];
  let release = (): void => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  upstream.script(() => ({ say: { text: "One two" }, hold: { afterEvents: 3, until: released } }));
  busy.send({ model: GPT, input: "Hello" });
  await busy.until((frames) => frames.length > 0, "the first event");
  const stopped = stopping.drain();
  assert.equal((await idle.untilClosed()).code, 1001);
  assert.equal(busy.closed, null);
  const late = await open({}, stopping);
  assert.notEqual(late.closed, null);
  release();
  assert.equal((await busy.untilClosed()).code, 1001);
  assert.equal(busy.frames.at(-1)?.["type"], "response.completed");
  await stopped;
});

test("what all sockets remember is bounded: the one that was used longest ago has to come again", async () => {
  const answer = (): Promise<Response> => {
    const event = { type: "response.completed", response: { id: "resp_1", output: [] } };
    return Promise.resolve(new Response(`data: ${JSON.stringify(event)}\n\n`, { headers: { "content-type": "text/event-stream" } }));
  };
  const sockets = new Sockets(
    {
      gateway: { answer, warmUp: answer, refuse: () => new Response() },
      bodyMemory: new BodyMemory(null),
      after: () => () => {},
      newId: () => "id",
    },
    { limits: { maxEventLength: 1000 }, keepAliveMs: () => null, maxRemembered: 250 },
  );
  const closed: string[] = [];
  const openOne = (name: string): { ask(): Promise<void> } => {
    let told = (): void => {};
    const call = { request: { headers: {}, address: () => null }, route: {} } as unknown as Call;
    const listener = sockets.listener(call);
    const socket: Socket = {
      send() {
        told();
        return undefined;
      },
      close() {
        closed.push(name);
        listener.closed();
      },
    };
    listener.opened(socket);
    return {
      async ask() {
        await new Promise<void>((resolve) => {
          told = resolve;
          listener.text(JSON.stringify({ type: "response.create", input: [{ text: "x".repeat(80) }] }));
        });
        await new Promise((resolve) => setTimeout(resolve, 1));
      },
    };
  };
  const [one, two, three] = [openOne("one"), openOne("two"), openOne("three")];
  await one.ask();
  await two.ask();
  await one.ask();
  assert.deepEqual(closed, []);
  await three.ask();
  assert.deepEqual(closed, ["two"]);
});

test("a large frame counts in MAX_BODY_MEMORY from its arrival to the end of its answer", async () => {
  const bodyMemory = new BodyMemory(1024 * 1024);
  const answered = Promise.withResolvers<Response>();
  const refused: unknown[] = [];
  const refuse = (_call: Call, error: unknown): Response => {
    refused.push(error);
    return new Response("{}", { status: 503 });
  };
  const answer = (): Promise<Response> => answered.promise;
  const ports = { gateway: { answer, warmUp: answer, refuse }, bodyMemory, after: () => () => {}, newId: () => "id" };
  const sockets = new Sockets(ports, { limits: { maxEventLength: 1000 }, keepAliveMs: () => null, maxRemembered: 1000 });
  const frame = JSON.stringify({ type: "response.create", input: "x".repeat(600_000) });
  const [first, second] = [0, 1].map(() => {
    const call = { request: { headers: {}, address: () => null }, route: {} } as unknown as Call;
    const listener = sockets.listener(call);
    listener.opened({ send: () => undefined, close: () => {} });
    return listener;
  });
  first?.text(frame);
  second?.text(frame);
  assert.equal(bodyMemory.bytes, frame.length);
  assert.deepEqual(
    refused.map((error) => (error instanceof GatewayError ? error.kind : error)),
    ["overloaded"],
  );
  answered.resolve(new Response("{}", { status: 500 }));
  await until(() => bodyMemory.bytes === 0, "the end of the first answer");
});
