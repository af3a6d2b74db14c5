// Never lost, never hung, never open: what the program does over the wire when time runs out, clients leave, answers are slow or packed,
// and requests are too large, too many or not what they seem.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import * as zlib from "node:zlib";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { createUpstream } from "../src/upstream.ts";
import { bareRequest } from "../src/protocol/codec.ts";
import { CODECS } from "../src/protocol/codecs.ts";
import { dial } from "../src/dial.ts";
import { GatewayError } from "../src/errors.ts";
import { AwakeClock } from "./support/awake.ts";
import { ask, errorIn, eventsIn, MODELS, SUCCESS, textOf, told, type Way } from "./support/dialects.ts";
import { PROTOCOLS } from "./support/fixtures.ts";
import { inTime, startGateway, until, type GatewayOptions, type RunningGateway } from "./support/gateway.ts";
import { CLOSED, startUpstream, type Answer } from "./support/upstream.ts";

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

interface Dialled {
  readonly dials: string[];
  readonly sent: string[];
  readonly post: () => Promise<unknown>;
  readonly clock: { now: number };
  readonly left: AbortController;
}

/** An upstream room whose host takes connections, or does not. */
function dialled(takes: boolean): Dialled {
  const [dials, sent, clock, left]: [string[], string[], { now: number }, AbortController] = [[], [], { now: 0 }, new AbortController()];
  const room = createUpstream(
    {
      fetch: (url) => {
        sent.push(url);
        return Promise.resolve(new Response("{}"));
      },
      dial: (url, signal) => {
        dials.push(url);
        return takes ? Promise.resolve() : new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
      },
      now: () => clock.now,
      after: (ms, callback) => {
        const timer = setTimeout(callback, ms);
        return () => clearTimeout(timer);
      },
    },
    { timeouts: { connectMs: 50, firstByteMs: null, idleMs: null, totalMs: null }, limits: { maxEventLength: 1000, maxReplyBytes: 1000 } },
  );
  const exchange = { request: bareRequest({ model: "m", stream: false, conversation: "" }), id: "1", createdAtS: 0 };
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

test("a dial ends when the host accepts, when it refuses, and when it is told to", async () => {
  await dial(upstream.url, new AbortController().signal);
  await dial(CLOSED, new AbortController().signal);
  await dial(upstream.url, AbortSignal.abort());
  await until(() => upstream.openConnections() === 0, "nothing to be asked");
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

test("the log of a client that left in the middle has the usage seen so far", async () => {
  upstream.script(() => ({ say: { text: "One two three" }, hang: { afterEvents: 4 } }));
  const leaving = new AbortController();
  const response = await call(plain, PAIR[1] ?? assert.fail(), { stream: true, signal: leaving.signal });
  await response.body?.getReader().read();
  leaving.abort();
  const line = await plain.lineOf(response);
  assert.deepEqual([line["error"], line["inputTokens"]], ["cancelled", 12]);
});

// ---- Trying again, seen from outside -----------------------------------------------------------------------------

test("an attempt that failed before the first byte is invisible but for a header and the log, whole and streamed, on every door", async () => {
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

test("an error that opens a stream is tried again; one in the middle is not", async () => {
  const retrying = await gatewayWith({ RETRIES: "1" });
  const way = PAIR[1] ?? assert.fail();
  upstream.script([{ say: { text: "x" }, fail: { afterEvents: 0, message: "Busy." } }, { say: { text: "Here" } }]);
  const response = await call(retrying, way, { stream: true });
  assert.deepEqual([response.headers.get("x-factory-proxy-attempts"), told(way.client, await response.text()).text], ["2", "Here"]);
  upstream.script([{ say: { text: "One two" }, fail: { afterEvents: 4, message: "Broke." } }, { say: { text: "Never" } }]);
  const before = upstream.requests.length;
  const broken = await call(retrying, way, { stream: true });
  assert.deepEqual(told(way.client, await broken.text()).terminals, ["error: Broke."]);
  assert.equal(upstream.requests.length, before + 1);
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

test("what says that it is packed and is not, or breaks off, is an error and never half an answer", async () => {
  for (const pack of [(bytes: Uint8Array) => bytes, (bytes: Uint8Array) => zlib.gzipSync(bytes).subarray(0, 40)]) {
    for (const stream of [false, true]) {
      upstream.script(() => ({ say: { text: "Hello" }, pack, headers: { "content-encoding": "gzip" } }));
      const response = await call(plain, PAIR[1] ?? assert.fail(), { stream });
      assert.equal((await errorIn("openai-chat", response)).status, 502);
    }
  }
});
