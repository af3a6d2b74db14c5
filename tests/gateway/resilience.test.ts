// Never lost, never hung, never open: what the program does over the wire when time runs out, clients leave, answers are slow or packed,
// and requests are too large, too many or not what they seem.

import assert from "node:assert/strict";
import { createServer, type AddressInfo } from "node:net";
import { after, test } from "node:test";
import * as zlib from "node:zlib";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { createUpstream } from "../../src/upstream/upstream.ts";
import { bareRequest } from "../../src/protocol/exchange.ts";
import { CODECS } from "../../src/protocol/codecs.ts";
import { dial } from "../../src/runtime/dial.ts";
import { GatewayError } from "../../src/errors.ts";
import { AwakeClock } from "../support/awake.ts";
import { ask, errorIn, eventsIn, failure, MODELS, SUCCESS, textOf, told, WAYS, type Way } from "../support/dialects.ts";
import { PROTOCOLS } from "../support/fixtures.ts";
import { inTime, startGateway, until, type GatewayOptions, type RunningGateway } from "../support/gateway.ts";
import { CLOSED, startUpstream, type Answer } from "../support/upstream.ts";

const upstream = await startUpstream();
const gateways: RunningGateway[] = [];
after(async () => {
  for (const one of gateways) await one.stop();
  await upstream.stop();
});

async function gatewayWith(environment: Record<string, string>, options: GatewayOptions = {}): Promise<RunningGateway> {
  const gateway = await startGateway({ upstream, environment, ...options });
  gateways.push(gateway);
  return gateway;
}

const plain = await gatewayWith({});
const PAIR: readonly Way[] = [
  { client: "anthropic-messages", upstream: "anthropic-messages", name: "pass" },
  { client: "openai-chat", upstream: "anthropic-messages", name: "conversion" },
];
const CHAT_PATH = "/v1/chat/completions";

interface CallOf {
  readonly stream?: boolean;
  readonly signal?: AbortSignal;
  readonly model?: string;
}

function call(gateway: RunningGateway, way: Way, { stream = false, signal, model = MODELS[way.upstream] }: CallOf = {}): Promise<Response> {
  const { path, body } = ask(way.client, { model, stream });
  return gateway.call(path, { body, ...(signal === undefined ? {} : { signal }) });
}

// ---- Time --------------------------------------------------------------------------------------------------------

const HANGS: readonly { readonly limit: string; readonly answer: Answer; readonly says: string }[] = [
  {
    limit: "FIRST_BYTE",
    answer: { hang: "before-head" },
    says: "The upstream did not begin to answer within 0.2 s (UPSTREAM_FIRST_BYTE_TIMEOUT).",
  },
  { limit: "IDLE", answer: { hang: "after-head" }, says: "The upstream fell silent for more than 0.2 s (UPSTREAM_IDLE_TIMEOUT)." },
  {
    limit: "TOTAL",
    answer: { say: { text: "word ".repeat(500) }, delayMs: 20 },
    says: "The upstream did not finish within 0.2 s (UPSTREAM_TOTAL_TIMEOUT).",
  },
];
for (const { limit, answer, says } of HANGS) {
  for (const stream of [false, true]) {
    test(`${limit}: a ${stream ? "streamed" : "whole"} call ends by its limit and says which one it was`, async () => {
      const gateway = await gatewayWith({ [`UPSTREAM_${limit}_TIMEOUT`]: "0.2" });
      // A whole answer has one piece, so it is slow by not coming.
      upstream.script(() => (limit === "TOTAL" && !stream ? { hang: "after-head", say: { text: "x" } } : answer));
      for (const way of PAIR) {
        const response = await call(gateway, way, { stream });
        if (response.status === 200 && stream) {
          assert.equal(limit, "TOTAL");
          assert.deepEqual(told(way.client, await response.text()).terminals, [`error: ${says}`]);
        } else {
          const { status, message } = await errorIn(way.client, response);
          assert.deepEqual({ status, message }, { status: 504, message: says });
        }
        const line = await gateway.lineOf(response);
        assert.deepEqual([line["error"], line["message"]], ["upstream-timeout", says]);
      }
      await until(() => upstream.openConnections() === 0, "the upstream to be let go");
    });
  }
}

test("a model's own limits stand in the table, and the usual ones hold for the others", async () => {
  const modelTable = JSON.stringify({
    models: [
      { id: "glm-5", timeouts: { firstByte: 0.1 } },
      { id: "claude-opus-4-8", timeouts: { firstByte: 0 } },
    ],
  });
  const gateway = await gatewayWith({ UPSTREAM_FIRST_BYTE_TIMEOUT: "0.3" }, { modelTable });
  upstream.script(() => ({ hang: "before-head" }));
  const messageFor = async (model: string): Promise<string> =>
    (await errorIn("openai-chat", await gateway.call(CHAT_PATH, { body: ask("openai-chat", { model }).body }))).message;
  assert.match(await messageFor("glm-5"), /within 0\.1 s/);
  assert.match(await messageFor("glm-4.6"), /within 0\.3 s/);
  const leaving = new AbortController();
  const unlimited = call(gateway, PAIR[1] ?? assert.fail(), { signal: leaving.signal });
  const winner = await Promise.race([unlimited, new Promise((resolve) => setTimeout(() => resolve("still waiting"), 600))]);
  assert.equal(winner, "still waiting");
  leaving.abort();
  await assert.rejects(unlimited);
});

/** What each limit is called in the file, and an answer that reaches it, whole or streamed. */
const LIMITS: Readonly<Record<string, (stream: boolean) => Answer>> = {
  firstByte: () => ({ hang: "before-head" }),
  idle: () => ({ hang: "after-head" }),
  total: (stream) => (stream ? { say: { text: "a b c d e f g h" }, delayMs: 60 } : { hang: "after-head" }),
};
for (const [name, answer] of Object.entries(LIMITS)) {
  test(`${name}: a model's own limit holds for whole and streamed calls, on pass and conversion, where the usual one is off`, async () => {
    const variable = `UPSTREAM_${name === "firstByte" ? "FIRST_BYTE" : name.toUpperCase()}_TIMEOUT`;
    const models = [{ id: MODELS["anthropic-messages"], timeouts: { [name]: 0.15 } }];
    const gateway = await gatewayWith({ [variable]: "0" }, { modelTable: JSON.stringify({ models }) });
    for (const way of PAIR) {
      for (const stream of [false, true]) {
        upstream.script(() => answer(stream));
        const response = await call(gateway, way, { stream });
        const says = String((await gateway.lineOf(response))["message"]);
        assert.match(says, new RegExp(`0\\.15 s \\(${variable}\\)\\.$`));
        if (response.status === 200) assert.deepEqual(told(way.client, await response.text()).terminals, [`error: ${says}`]);
        else assert.equal((await errorIn(way.client, response)).message, says);
      }
    }
  });
}

test("silence in the middle of a stream ends it by an error event that names the limit, on every way", async () => {
  const gateway = await gatewayWith({ UPSTREAM_IDLE_TIMEOUT: "0.3" });
  const says = "The upstream fell silent for more than 0.3 s (UPSTREAM_IDLE_TIMEOUT).";
  upstream.script(() => ({ say: { text: "One two three four five six" }, hang: { afterEvents: 5 } }));
  const found = await Promise.all(
    WAYS.map(async (way) => [way.name, told(way.client, await (await call(gateway, way, { stream: true })).text()).terminals] as const),
  );
  assert.deepEqual(
    Object.fromEntries(found),
    Object.fromEntries(WAYS.map((way) => [way.name, way.client === way.upstream ? [`error: ${says}`] : failure(way.client, says)])),
  );
});

interface Dialled {
  readonly dials: string[];
  readonly sent: string[];
  readonly post: () => Promise<unknown>;
  readonly clock: { now: number };
  readonly left: AbortController;
}

/** An upstream room whose host takes connections, or does not; `broken` is how the request that follows fails. */
function dialled(takes: boolean, broken: Error | null = null): Dialled {
  const [dials, sent, clock, left]: [string[], string[], { now: number }, AbortController] = [[], [], { now: 0 }, new AbortController()];
  const room = createUpstream(
    {
      fetch: (url) => {
        sent.push(url);
        return broken === null ? Promise.resolve(new Response("{}")) : Promise.reject(broken);
      },
      dial: (url, signal) => {
        dials.push(url);
        return takes ? Promise.resolve() : new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
      },
      now: () => clock.now,
      after: (ms, callback) => {
        const timer = setTimeout(() => {
          clock.now += ms;
          callback();
        }, ms);
        return () => clearTimeout(timer);
      },
    },
    { timeouts: { connectMs: 50, firstByteMs: null, idleMs: null, totalMs: null }, limits: { maxEventLength: 1000, maxReplyBytes: 1000 } },
  );
  const exchange = { request: bareRequest({ model: "m", stream: false }), id: "1", createdAtS: 0 };
  const post = (): Promise<unknown> =>
    room.post({
      url: "http://host.test/path",
      headers: {},
      body: "{}",
      stream: false,
      signal: left.signal,
      timeouts: {},
      codec: CODECS["openai-chat"],
      exchange,
    });
  return { dials, sent, post, clock, left };
}

test("CONNECT: nothing is sent to a host that takes no connection in time, and the error names the limit", async () => {
  const { dials, sent, post } = dialled(false);
  await assert.rejects(post(), (error: unknown) => {
    assert.ok(error instanceof GatewayError);
    assert.deepEqual([error.status, error.message], [504, "The upstream took no connection within 0.05 s (UPSTREAM_CONNECT_TIMEOUT)."]);
    return true;
  });
  assert.deepEqual([dials, sent], [["http://host.test/path"], []]);
});

test("CONNECT: a host that has answered within the last minute is not asked again", async () => {
  const { dials, sent, post, clock } = dialled(true);
  for (const now of [0, 1, 60_000, 120_001]) {
    clock.now = now;
    await post();
  }
  assert.deepEqual([dials.length, sent.length], [2, 4]);
});

test("CONNECT: a client that leaves meanwhile is let go at once, and nothing is sent", async () => {
  const { sent, post, left } = dialled(false);
  const posted = post();
  left.abort();
  await assert.rejects(posted, (error: unknown) => error instanceof GatewayError && error.kind === "cancelled");
  assert.deepEqual(sent, []);
});

for (const [what, broken, code] of [
  ["Bun: refused", codedError("ECONNREFUSED", "Unable to connect. Is the computer able to access the url?"), "upstream_unreachable"],
  [
    "Bun: the system gave up",
    codedError("ETIMEDOUT", "Unable to connect. Is the computer able to access the url?"),
    "upstream_unreachable",
  ],
  ["Bun: an unknown name", codedError("ENOTFOUND", "getaddrinfo ENOTFOUND host.test"), "upstream_unreachable"],
  ["Bun: no TLS there", codedError("EPROTO", "The TLS handshake failed. Does the server speak TLS on this port?"), "upstream_unreachable"],
  ["Bun: closed", codedError("ECONNRESET", "The socket connection was closed unexpectedly."), "upstream_lost"],
  ["Bun: silent for too long", codedError("ETIMEDOUT", "The socket timed out."), "upstream_lost"],
  [
    "Deno: not reached",
    causedError("client error (Connect): tcp connect error: Connection timed out (os error 110)"),
    "upstream_unreachable",
  ],
  ["Deno: closed", causedError("client error (SendRequest): connection closed before message completed"), "upstream_lost"],
] as const) {
  test(`${what}: a request that never went out is told from one whose answer is lost (${code})`, async () => {
    await assert.rejects(dialled(true, broken).post(), (error: unknown) => {
      assert.ok(error instanceof GatewayError);
      assert.deepEqual([error.kind, error.status, error.code], ["upstream-failed", 502, code]);
      return true;
    });
  });
}

function codedError(code: string, text: string): Error {
  return Object.assign(new TypeError(`${code}: ${text}`), { code });
}

function causedError(text: string): Error {
  return new TypeError("fetch failed", { cause: new Error(`error sending request for url (http://host.test/): ${text}`) });
}

test("a dial ends when the host accepts, when it refuses, and when it is told to", async () => {
  await dial(upstream.url, new AbortController().signal);
  await dial(CLOSED, new AbortController().signal);
  await dial(upstream.url, AbortSignal.abort());
  await until(() => upstream.openConnections() === 0, "nothing to be asked");
});

test("a packed answer that says a short length is not unpacked into memory before it is asked for", async () => {
  const packed = zlib.gzipSync(new Uint8Array(30 * 1024 * 1024));
  const headers = { "content-type": "application/json", "content-encoding": "gzip", "content-length": String(packed.length) };
  assert.ok(packed.length < 64 * 1024);
  const room = createUpstream(
    { fetch: () => Promise.resolve(new Response(new Uint8Array(packed), { headers })), now: () => 0, after: () => () => {} },
    {
      timeouts: { connectMs: null, firstByteMs: null, idleMs: null, totalMs: null },
      limits: { maxEventLength: 1000, maxReplyBytes: 1000 },
    },
  );
  const found = await room.post({
    url: "http://host.test/path",
    headers: {},
    body: "{}",
    stream: false,
    signal: new AbortController().signal,
    timeouts: {},
    codec: CODECS["openai-chat"],
    exchange: { request: bareRequest({ model: "m", stream: false }), id: "1", createdAtS: 0 },
  });
  assert.ok(found.type === "non-streaming" && found.rest !== null);
  await found.rest.cancel();
});

test("a request that is lost with a connection which was kept open is not sent again, not even by the runtime's own fetch", async () => {
  const asked: string[] = [];
  const answer = JSON.stringify({
    id: "m",
    type: "message",
    role: "assistant",
    model: "m",
    content: [],
    stop_reason: "end_turn",
    usage: {},
  });
  const server = createServer((socket) => {
    let text = "";
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      text += String(bytes);
      const number = /number (\d)/.exec(text)?.[1];
      if (number === undefined) return;
      asked.push(number);
      text = "";
      if (number === "1")
        socket.write(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${answer.length}\r\n\r\n${answer}`);
      else socket.resetAndDestroy();
    });
  });
  const port = await new Promise<number>((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
  const kept = await gatewayWith({ FACTORY_BASE_URL: `http://127.0.0.1:${port}`, RETRIES: "2" });
  const statuses: number[] = [];
  for (const number of [1, 2]) {
    const { path, body } = ask("anthropic-messages", { model: MODELS["anthropic-messages"], text: `number ${number}` });
    const response = await kept.call(path, { body });
    await response.text();
    statuses.push(response.status);
  }
  server.close();
  assert.deepEqual(
    [statuses, asked],
    [
      [200, 502],
      ["1", "2"],
    ],
  );
});

// ---- Signs of life -----------------------------------------------------------------------------------------------

const lively = await gatewayWith({ KEEP_ALIVE_INTERVAL: "0.03" });
const QUIET_MS = 150;

/** The upstream says some words, nothing for a while or until something has happened, and the rest. */
function pausing(afterEvents: number, happened = new AwakeClock().pause(QUIET_MS)): Answer {
  return { say: { text: "One two three" }, hold: { afterEvents, until: happened } };
}

/** All of an answer that the upstream holds back after so many events until enough of it has come. */
async function heldUntil(isEnough: (text: string) => boolean, asked: () => Promise<Response>, afterEvents = 2): Promise<string> {
  let goOn = (): void => {};
  const enough = new Promise<void>((resolve) => (goOn = resolve));
  upstream.script(() => pausing(afterEvents, enough));
  let text = "";
  for await (const piece of (await asked()).body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += piece;
    if (isEnough(text)) goOn();
  }
  return text;
}

const SIGNS: Readonly<Record<string, RegExp>> = {
  "anthropic-messages": /event: ping\ndata: \{"type": ?"ping"\}\n\n/g,
  "openai-chat": /^:[^\n]*\n\n/gm,
  "openai-responses": /^:[^\n]*\n\n/gm,
  gemini: /^:[^\n]*\n\n/gm,
};

for (const client of PROTOCOLS) {
  for (const target of ["anthropic-messages", "openai-chat", "openai-responses", "gemini"] as const) {
    test(`${client} <- ${target}: a silent stream shows signs of life, between events, and none after the end`, async () => {
      const sign = SIGNS[client] ?? assert.fail();
      const stream = await heldUntil(
        (text) => (text.match(sign) ?? []).length >= 2,
        () => call(lively, { client, upstream: target, name: "" }, { stream: true }),
      );
      const rest = stream.replaceAll(sign, "");
      assert.deepEqual(told(client, rest), { text: "One two three", terminals: SUCCESS[client] });
      assert.equal(eventsIn(rest).length, rest.trim().split("\n\n").length, "every event is whole");
      assert.doesNotMatch(stream.trim().split("\n\n").at(-1) ?? "", /^(?::|event: ping)/, "the last is the end");
    });
  }
}

test("the official OpenAI and Anthropic clients read past signs of life", async () => {
  upstream.script(() => pausing(2));
  const openai = new OpenAI({ apiKey: lively.key, baseURL: `${lively.url}/v1`, maxRetries: 0 });
  const anthropic = new Anthropic({ apiKey: lively.key, baseURL: lively.url, maxRetries: 0 });
  const messages = [{ role: "user" as const, content: "Hello there" }];
  for (const model of [MODELS["openai-chat"], MODELS["anthropic-messages"]]) {
    let chat = "";
    for await (const chunk of await openai.chat.completions.create({ model, messages, stream: true }))
      chat += chunk.choices[0]?.delta.content ?? "";
    let responses = "";
    for await (const event of await openai.responses.create({ model, input: "Hello there", stream: true })) {
      if (event.type === "response.output_text.delta") responses += event.delta;
    }
    const message = await anthropic.messages.stream({ model, max_tokens: 100, messages }).finalText();
    assert.deepEqual([chat, responses, message], ["One two three", "One two three", "One two three"]);
  }
});

test("a Gemini client that streams a JSON array gets white space between the items", async () => {
  const { body } = ask("gemini", { model: MODELS.gemini, stream: true });
  for (const model of [MODELS.gemini, MODELS["openai-chat"]]) {
    const text = await heldUntil(
      (some) => /(?:^|[}\]])\n\n/.test(some),
      () => lively.call(`/v1beta/models/${model}:streamGenerateContent`, { body }),
    );
    assert.ok(Array.isArray(JSON.parse(text)));
  }
});

test("no sign of life comes before it is known that the answer is a stream", async () => {
  upstream.script(() => ({
    error: { status: 500, message: "No." },
    hold: { afterEvents: 0, until: new AwakeClock().pause(QUIET_MS) },
  }));
  const { status, message } = await errorIn("openai-chat", await call(lively, PAIR[1] ?? assert.fail(), { stream: true }));
  assert.deepEqual({ status, message }, { status: 500, message: "No." });
});

test("nor while the first event of a stream is awaited: it may be an error, which still has a status of its own", async () => {
  for (const client of PROTOCOLS) {
    upstream.script(() => ({
      say: { text: "x" },
      fail: { afterEvents: 0, message: "Busy." },
      hold: { afterEvents: 0, until: new Promise((resolve) => setTimeout(resolve, QUIET_MS)) },
    }));
    const { status, message } = await errorIn(client, await call(lively, { client, upstream: client, name: "" }, { stream: true }));
    assert.deepEqual({ isError: status >= 500, message }, { isError: true, message: "Busy." }, client);
  }
});

test("a whole answer has white space before it only where KEEP_ALIVE_WHOLE says so, and is the same answer", async () => {
  const patient = await gatewayWith({ KEEP_ALIVE_INTERVAL: "0.03", KEEP_ALIVE_WHOLE: "1" });
  for (const way of PAIR) {
    upstream.script(() => pausing(0));
    const usual = await (await call(lively, way)).text();
    const spaced = await heldUntil(
      (text) => text.startsWith("  "),
      () => call(patient, way),
      0,
    );
    assert.match(usual, /^\{/);
    assert.match(spaced, /^ {2,}\{/);
    assert.deepEqual([textOf(way.client, usual), textOf(way.client, spaced)], ["One two three", "One two three"]);
  }
});

test("with KEEP_ALIVE_WHOLE a late failure is a body of an error under status 200, and a soon one keeps its status", async () => {
  const patient = await gatewayWith({ KEEP_ALIVE_INTERVAL: "60", KEEP_ALIVE_WHOLE: "1" });
  const hasty = await gatewayWith({ KEEP_ALIVE_INTERVAL: "0.05", KEEP_ALIVE_WHOLE: "1" });
  const way = PAIR[1] ?? assert.fail();
  upstream.script(() => ({ error: { status: 500, message: "Soon." } }));
  assert.equal((await call(patient, way)).status, 500);
  upstream.script(() => ({ hang: "before-head" }));
  const leaving = new AbortController();
  const response = await call(hasty, way, { signal: leaving.signal });
  assert.equal(response.status, 200);
  leaving.abort();
  await until(() => upstream.openConnections() === 0, "the upstream to be let go");
});

// ---- Clients that leave ------------------------------------------------------------------------------------------

interface Phase {
  readonly name: string;
  readonly answer: Answer;
  readonly stream: boolean;
  /** Whether the client has got something before it leaves. */
  readonly begins: boolean;
}
const PHASES: readonly Phase[] = [
  { name: "before the head", answer: { hang: "before-head" }, stream: true, begins: false },
  { name: "before the first event", answer: { hang: "after-head", say: { text: "x" } }, stream: true, begins: false },
  { name: "in the middle of a stream", answer: { say: { text: "One two three" }, hang: { afterEvents: 4 } }, stream: true, begins: true },
  { name: "in a whole call", answer: { hang: "before-head" }, stream: false, begins: false },
  { name: "in the body of a whole answer", answer: { hang: "after-head", say: { text: "x" } }, stream: false, begins: false },
];
for (const { name, answer, stream, begins } of PHASES) {
  test(`a client that leaves ${name} lets the upstream go within 100 ms, and the log says cancelled`, async () => {
    for (const way of PAIR) {
      upstream.script(() => answer);
      await inTime(100, async () => {
        const before = upstream.requests.length;
        const leaving = new AbortController();
        const id = `leaves-${crypto.randomUUID()}`;
        const { path, body } = ask(way.client, { model: MODELS[way.upstream], stream });
        const called = plain.call(path, { body, signal: leaving.signal, headers: { "x-request-id": id } });
        called.catch(() => {});
        await until(() => upstream.requests.length > before, "the upstream to be asked");
        if (begins) {
          const reader = (await called).body?.getReader();
          await reader?.read();
        } else await new Promise((resolve) => setTimeout(resolve, 30));
        const leftMs = performance.now();
        leaving.abort();
        const seen = upstream.requests[before] ?? assert.fail();
        await seen.done;
        const line = await plain.lineOf(id);
        assert.deepEqual([line["error"], line["status"]], ["cancelled", 499], way.name);
        assert.equal(plain.lines.filter((one) => one["event"] === "request" && one["requestId"] === id).length, 1);
        return (seen.leftAtMs ?? assert.fail()) - leftMs;
      });
    }
  });
}

test("a client that leaves while a retry waits is not tried for again", async () => {
  const retrying = await gatewayWith({ RETRIES: "2" });
  upstream.script(() => ({ error: { status: 503, message: "Later." }, headers: { "retry-after": "5" } }));
  await inTime(100, async () => {
    const before = upstream.requests.length;
    const leaving = new AbortController();
    const id = `leaves-the-wait-${crypto.randomUUID()}`;
    const { path, body } = ask("openai-chat", { model: MODELS["openai-chat"] });
    const called = retrying.call(path, { body, signal: leaving.signal, headers: { "x-request-id": id } });
    called.catch(() => {});
    await until(() => upstream.requests.length > before && upstream.openConnections() === 0, "the first attempt");
    await new Promise((resolve) => setTimeout(resolve, 30));
    const leftMs = performance.now();
    leaving.abort();
    assert.equal((await retrying.lineOf(id))["error"], "cancelled");
    assert.equal(upstream.requests.length, before + 1);
    return performance.now() - leftMs;
  });
});

test("the log of a client that left in the middle has the usage seen so far, on pass and conversion", async () => {
  upstream.script(() => ({ say: { text: "One two three" }, hang: { afterEvents: 4 } }));
  for (const way of PAIR) {
    const leaving = new AbortController();
    const response = await call(plain, way, { stream: true, signal: leaving.signal });
    await response.body?.getReader().read();
    leaving.abort();
    const line = await plain.lineOf(response);
    assert.deepEqual([line["error"], line["inputTokens"]], ["cancelled", 12], way.name);
  }
});

// ---- Trying again, seen from outside -----------------------------------------------------------------------------

test("an attempt that failed before the first byte is invisible but for a header and the log, whole and streamed, on every route", async () => {
  const retrying = await gatewayWith({ RETRIES: "2" });
  for (const client of PROTOCOLS) {
    for (const stream of [false, true]) {
      upstream.script([{ error: { status: 503, message: "Later." }, headers: { "retry-after-ms": "1" } }, { say: { text: "Here" } }]);
      const response = await call(retrying, { client, upstream: client, name: "" }, { stream });
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
  const way = PAIR[1] ?? assert.fail();
  upstream.script([{ say: { text: "One two" }, fail: { afterEvents: 4, message: "Broke." } }, { say: { text: "Never" } }]);
  const before = upstream.requests.length;
  const broken = await call(retrying, way, { stream: true });
  assert.deepEqual(told(way.client, await broken.text()).terminals, ["error: Broke."]);
  assert.equal(upstream.requests.length, before + 1);
});

test("a call that failed at last says how often it was tried, also where no answer came at all", async () => {
  const nowhere = await gatewayWith({ RETRIES: "1", FACTORY_BASE_URL: CLOSED });
  const retrying = await gatewayWith({ RETRIES: "1" });
  upstream.script(() => ({ error: { status: 503, message: "Later." }, headers: { "retry-after-ms": "1" } }));
  for (const gateway of [nowhere, retrying]) {
    for (const stream of [false, true]) {
      const response = await call(gateway, PAIR[1] ?? assert.fail(), { stream });
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
    const response = await call(falling, PAIR[0] ?? assert.fail(), { stream });
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
  for (let turn = 0; turn < 2; turn++) assert.equal((await call(several, PAIR[0] ?? assert.fail())).status, 200);
  const [first, second, third] = keysSeen(before);
  assert.notEqual(first, second);
  assert.equal(third, second);
});

// ---- Packed answers ----------------------------------------------------------------------------------------------

type Packer = (bytes: Uint8Array) => Uint8Array;
const PACKERS: readonly { readonly encoding: string; readonly pack: Packer; readonly isEverywhere: boolean }[] = [
  { encoding: "gzip", pack: zlib.gzipSync, isEverywhere: true },
  { encoding: "deflate", pack: zlib.deflateSync, isEverywhere: true },
  { encoding: "br", pack: zlib.brotliCompressSync, isEverywhere: true },
  { encoding: "GZIP", pack: zlib.gzipSync, isEverywhere: true },
  { encoding: "zstd", pack: zlib.zstdCompressSync, isEverywhere: false },
  { encoding: "snappy", pack: (bytes) => bytes, isEverywhere: false },
  { encoding: "gzip, br", pack: (bytes) => zlib.brotliCompressSync(zlib.gzipSync(bytes)), isEverywhere: false },
];
for (const { encoding, pack, isEverywhere } of PACKERS) {
  test(`an answer packed as ${encoding} is read, or refused in words; whole, streamed, errors too, on pass and conversion`, async () => {
    for (const way of PAIR) {
      for (const stream of [false, true]) {
        upstream.script(() => ({ say: { text: "Gr\u00fc\u00dfe" }, pack, headers: { "content-encoding": encoding } }));
        const response = await call(plain, way, { stream });
        assert.equal(response.headers.get("content-encoding"), null);
        if (response.status === 200) {
          const text = await response.text();
          assert.equal(stream ? told(way.client, text).text : textOf(way.client, text), "Gr\u00fc\u00dfe");
        } else {
          assert.equal(isEverywhere, false);
          const { status, message } = await errorIn(way.client, response);
          assert.deepEqual([status, message], [502, "The upstream compressed its answer, unasked, in a way that can't be read here."]);
        }
        upstream.script(() => ({ error: { status: 429, message: "Slow down." }, pack, headers: { "content-encoding": encoding } }));
        const { status, message } = await errorIn(way.client, await call(plain, way, { stream }));
        assert.equal(status, 429);
        if (isEverywhere) assert.equal(message, "Slow down.");
      }
    }
    await until(() => upstream.openConnections() === 0, "the upstream to be let go");
  });
}

test("a packed answer is read on native routes, in token counts, where it is streamed unasked, and after a retry", async () => {
  const retrying = await gatewayWith({ RETRIES: "1" });
  const packed: Answer = { pack: zlib.gzipSync, headers: { "content-encoding": "gzip" } };
  const { body } = ask("anthropic-messages", { model: MODELS["anthropic-messages"] });
  upstream.script(() => ({ ...packed, say: { text: "Gr\u00fc\u00dfe" } }));
  for (const path of ["/anthropic/v1/messages", "/bedrock/v1/messages"]) {
    assert.equal(textOf("anthropic-messages", await (await plain.call(path, { body })).text()), "Gr\u00fc\u00dfe", path);
  }
  upstream.script(() => ({ ...packed, body: '{"input_tokens": 7}' }));
  for (const path of ["/v1/messages/count_tokens", "/anthropic/v1/messages/count_tokens"]) {
    assert.equal(await (await plain.call(path, { body })).text(), '{"input_tokens": 7}', path);
  }
  const way = PAIR[1] ?? assert.fail();
  upstream.script(() => ({ ...packed, say: { text: "Gr\u00fc\u00dfe" }, whole: false }));
  assert.equal(textOf(way.client, await (await call(plain, way)).text()), "Gr\u00fc\u00dfe");
  for (const stream of [false, true]) {
    const headers = { "content-encoding": "gzip", "retry-after-ms": "1" };
    upstream.script([
      { error: { status: 503, message: "Later." }, pack: zlib.gzipSync, headers },
      { ...packed, say: { text: "Gr\u00fc\u00dfe" } },
    ]);
    const text = await (await call(retrying, way, { stream })).text();
    assert.equal(stream ? told(way.client, text).text : textOf(way.client, text), "Gr\u00fc\u00dfe");
  }
  await until(() => upstream.openConnections() === 0, "the upstream to be let go");
});

test("what says that it is packed and is not, or breaks off, is an error and never half an answer", async () => {
  for (const pack of [(bytes: Uint8Array) => bytes, (bytes: Uint8Array) => zlib.gzipSync(bytes).subarray(0, 40)]) {
    for (const stream of [false, true]) {
      upstream.script(() => ({ say: { text: "Hello" }, pack, headers: { "content-encoding": "gzip" } }));
      const response = await call(plain, PAIR[1] ?? assert.fail(), { stream });
      assert.equal((await errorIn("openai-chat", response)).status, 502);
    }
  }
});
