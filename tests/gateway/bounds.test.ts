// Bounded and closed: how much a call may hold, how many may run, who may call from where, and what no request can bring about.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { connect } from "node:net";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { GatewayError } from "../../src/errors.ts";
import type { Part, Proof, ReplyEvent } from "../../src/protocol/canonical.ts";
import { CODECS } from "../../src/protocol/codecs.ts";
import { conversion, readReply } from "../../src/gateway/convert.ts";
import { UsageMeter } from "../../src/gateway/usage-meter.ts";
import type { BodyReader } from "../../src/runtime/ports.ts";
import type { Machine } from "../../src/wire/machine.ts";
import { through } from "../../src/wire/pump.ts";
import type { SseEvent } from "../../src/wire/sse.ts";
import type { SizeLimits } from "../../src/upstream/upstream.ts";
import { ask, errorIn, failure, MODELS, textOf, told, WAYS } from "../support/dialects.ts";
import { PROTOCOLS } from "../support/fixtures.ts";
import { startGateways, until, type RunningGateway } from "../support/gateway.ts";
import { exchangeAt, exchangeFor } from "../support/laws.ts";
import { complete } from "../support/reply-content.ts";
import { encodeReply } from "../support/wire-reply.ts";
import type { Answer } from "../support/upstream.ts";
import { rawCall, requestText } from "../support/wire.ts";

const { upstream, gatewayWith } = await startGateways();
const plain = await gatewayWith({});
const PATH = "/v1/chat/completions";
const GLM = MODELS["openai-chat"];

function chat(gateway: RunningGateway, { stream = false, signal }: { stream?: boolean; signal?: AbortSignal } = {}): Promise<Response> {
  return gateway.call(PATH, { body: ask("openai-chat", { model: GLM, stream }).body, ...(signal === undefined ? {} : { signal }) });
}

/** A call by hand, with the key. */
function byHand(headers: Readonly<Record<string, string>>, body: string, { line = `POST ${PATH}`, gateway = plain } = {}): Promise<string> {
  return rawCall(
    gateway.url,
    requestText(line, { authorization: `Bearer ${gateway.key}`, "content-type": "application/json", ...headers }, body),
  ).closed;
}

const GOOD = JSON.stringify(ask("openai-chat", { model: GLM }).body);

// ---- Sizes -------------------------------------------------------------------------------------------------------

test("a head of more than MAX_HEADER_BYTES is 431 in each route's shape, and the usual head passes", async () => {
  const strict = await gatewayWith({ MAX_HEADER_BYTES: "1KiB" });
  for (const client of PROTOCOLS) {
    const { path, body } = ask(client, { model: MODELS[client] });
    const response = await strict.call(path, { body, headers: { "x-long": "x".repeat(1100) } });
    const { status, message } = await errorIn(client, response);
    assert.deepEqual(
      { status, message },
      { status: 431, message: "The head of the request is larger than 1024 bytes (MAX_HEADER_BYTES)." },
    );
    assert.equal((await strict.call(path, { body })).status, 200);
  }
});

test("a head of exactly MAX_HEADER_BYTES passes, and one byte more does not", async () => {
  const strict = await gatewayWith({ MAX_HEADER_BYTES: "1KiB" });
  const statusOf = async (bytes: number): Promise<string | undefined> => {
    const headers = { authorization: `Bearer ${strict.key}`, "x-long": "" };
    const others = requestText("GET /health", headers).length - "GET /health HTTP/1.1\r\n\r\n".length;
    const text = requestText("GET /health", { ...headers, "x-long": "x".repeat(bytes - others) });
    return (await rawCall(strict.url, text).closed).split(" ")[1];
  };
  assert.deepEqual([await statusOf(1024), await statusOf(1025)], ["200", "431"]);
});

test("a caller without a right key is refused before the body is read: none of it has come, or it is too large", async () => {
  const strict = await gatewayWith({ MAX_BODY_BYTES: "1KiB" });
  const call = rawCall(strict.url, requestText(`POST ${PATH}`, { authorization: "Bearer wrong", "content-length": "100" }));
  await until(() => call.text().includes("\r\n\r\n"), "the answer");
  call.leave();
  assert.match(await call.closed, /^HTTP\/1\.1 401 /);
  assert.equal((await strict.call(PATH, { key: "wrong", body: "x".repeat(2048) })).status, 401);
});

test("JSON that nests too deep or holds too many values is refused and says so, on the same protocol and across", async () => {
  for (const model of [GLM, MODELS["anthropic-messages"]]) {
    for (const [value, refused, says] of [
      ["[".repeat(600) + "]".repeat(600), 400, "The JSON nests deeper than 512 levels."],
      [`[${"1,".repeat(500_001)}1]`, 413, "The JSON holds more than 500000 values."],
    ] as const) {
      const body = GOOD.replace(/\}$/, `,"metadata":${value}}`).replace(GLM, model);
      const { status, message } = await errorIn("openai-chat", await plain.call(PATH, { body }));
      assert.deepEqual({ status, message }, { status: refused, message: says });
    }
  }
});

test("a body of 20 MB with images passes unchanged to its own protocol", async () => {
  upstream.script(() => ({ say: { text: "Seen" } }));
  const image = { type: "image", source: { type: "base64", media_type: "image/png", data: "A".repeat(5_000_000) } };
  const content = [image, image, image, image, { type: "text", text: "What is it?" }];
  const sent = { model: MODELS["anthropic-messages"], max_tokens: 10, system: "Be brief.", messages: [{ role: "user", content }] };
  const response = await plain.call("/v1/messages", { body: sent });
  assert.equal(textOf("anthropic-messages", await response.text()), "Seen");
  assert.deepEqual((JSON.parse(plain.lastSeen().body) as typeof sent).messages, sent.messages);
});

/** An answer of an upstream, event by event, and whether it was let go before its end. */
function sourceOf(events: readonly string[]): BodyReader & { isCancelled: () => boolean } {
  let index = 0;
  let cancelled = false;
  return {
    read() {
      const event = events[index++];
      return Promise.resolve(event === undefined ? { done: true } : { done: false, value: new TextEncoder().encode(event) });
    },
    cancel() {
      cancelled = true;
      return Promise.resolve();
    },
    isCancelled: () => cancelled,
  };
}

/** More than the limit below allows, as text, as thoughts, and as the arguments of a tool call. */
const LONG = "word ".repeat(1000);
const SAYINGS = {
  text: { text: LONG },
  reasoning: { reasoning: LONG, text: "So." },
  arguments: { calls: [{ id: "call_1", name: "look_up", custom: false, arguments: JSON.stringify({ city: LONG }) }] },
};
const TIGHT: SizeLimits = { maxEventLength: 100_000, maxReplyBytes: 2000 };

for (const [what, said] of Object.entries(SAYINGS)) {
  test(`what is held while an answer is converted is bounded, streamed and whole, on every way: ${what}`, async () => {
    for (const way of WAYS.filter(({ client, upstream: target }) => client !== target)) {
      const [from, to] = [CODECS[way.upstream], CODECS[way.client]];
      const exchange = exchangeFor(from, null);
      const telling = encodeReply(way.upstream, complete({ model: MODELS[way.upstream], ...said }), { serial: 7, includeUsage: true });
      const source = sourceOf(telling.events);
      const pump = conversion({
        decoder: from.reply.decoder(exchange),
        encoder: to.reply.encoder(exchangeAt(to, exchange)),
        meter: new UsageMeter(),
        limits: TIGHT,
        shown: (error) => error,
      });
      const stream = await new Response(through(source, pump, { closed: () => {} })).text();
      const says = "The upstream's answer is longer than 2000 characters, the limit of this proxy.";
      assert.deepEqual([told(way.client, stream).terminals, source.isCancelled()], [failure(way.client, says), true], way.name);
      for (const [type, pieces] of [
        ["non-streaming", [telling.whole]],
        ["streaming", telling.events],
      ] as const) {
        const whole = sourceOf(pieces);
        const found = { type, status: 200, headers: new Map<string, string>(), begun: [], rest: whole };
        await assert.rejects(readReply(found, from, { exchange, limits: TIGHT }), (error: unknown) => {
          assert.ok(error instanceof GatewayError);
          assert.deepEqual(
            [error.kind, error.message],
            ["upstream-failed", "The upstream's answer is larger than 2000 bytes, the limit of this proxy."],
          );
          return true;
        });
        assert.ok(whole.isCancelled(), way.name);
      }
    }
  });
}

const URL_CITATION = { type: "url-citation", url: "https://page.test", title: null, start: null, end: null, quote: null } as const;
const PROOF = { origin: { protocol: "anthropic-messages", model: "m" }, data: "p".repeat(40) } as unknown as Proof;
const EMPTY: Part = { type: "reasoning", text: "", redacted: false, proof: null };
const CALL: Part = { type: "tool-call", callId: "call_1", name: "n".repeat(40), kind: "function", arguments: "", cache: null, proof: null };

/** Each the events of the nth step, none of which has a text. */
const HELD: Readonly<Record<string, (index: number) => readonly ReplyEvent[]>> = {
  citations: (index) =>
    index === 0 ? [{ type: "part-start", index, part: EMPTY }] : [{ type: "annotation", index: 0, annotation: URL_CITATION }],
  proofs: (index) => [
    { type: "part-start", index, part: EMPTY },
    { type: "part-end", index, proof: PROOF },
  ],
  names: (index) => [{ type: "part-start", index, part: CALL }],
  "empty parts": (index) => [
    { type: "part-start", index, part: EMPTY },
    { type: "part-end", index, proof: null },
  ],
  "what never becomes an event": () => [],
};
for (const [what, eventsAt] of Object.entries(HELD)) {
  test(`what is held while an answer is converted is bounded, streamed and whole: ${what}`, async () => {
    for (const client of PROTOCOLS) {
      const codec = CODECS[client];
      const exchange = exchangeFor(codec, null);
      let steps = 0;
      const decoder = (): Machine<SseEvent, ReplyEvent> => {
        let index = 0;
        const start: ReplyEvent = { type: "reply-start", id: "1", model: "m" };
        return { step: () => (steps++, index === 0 ? [start, ...eventsAt(index++)] : eventsAt(index++)), end: () => [] };
      };
      const events = Array.from({ length: 2000 }, () => "data: {}\n\n");
      const encoder = codec.reply.encoder(exchange);
      const source = sourceOf(events);
      const pump = conversion({ decoder: decoder(), encoder, meter: new UsageMeter(), limits: TIGHT, shown: (error) => error });
      await new Response(through(source, pump, { closed: () => {} })).text();
      assert.deepEqual([source.isCancelled(), steps < 500], [true, true], `${client}: ${steps}`);
      const from = { ...codec, reply: { ...codec.reply, decoder } };
      const found = { type: "streaming", status: 200, headers: new Map<string, string>(), begun: [], rest: sourceOf(events) } as const;
      await assert.rejects(readReply(found, from, { exchange, limits: TIGHT }), { kind: "upstream-failed" });
    }
  });
}

// ---- Back-pressure -----------------------------------------------------------------------------------------------

const MEGABYTE = 1024 * 1024;

for (const client of ["anthropic-messages", "openai-chat"] as const) {
  test(`a slow ${client} client slows its upstream: of 300 MB hardly any is read ahead`, async () => {
    const delta = { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "x".repeat(MEGABYTE) } };
    const start = {
      type: "message_start",
      message: {
        id: "msg_1",
        type: "message",
        role: "assistant",
        model: "m",
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: { input_tokens: 1, output_tokens: 1 },
      },
    };
    const block = (event: { readonly type: string }): string => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
    const begin = [
      block(start),
      block({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } } as { type: string }),
    ];
    const megabyte = block(delta);
    upstream.script(() => ({ events: [...begin, ...Array.from({ length: 300 }, () => megabyte)] }));
    const before = upstream.requests.length;
    const { path, body } = ask(client, { model: MODELS["anthropic-messages"], stream: true });
    const text = JSON.stringify(body);
    const socket = connect(Number(new URL(plain.url).port), "127.0.0.1");
    socket.on("error", () => {});
    socket.write(requestText(`POST ${path}`, { authorization: `Bearer ${plain.key}`, "content-length": String(text.length) }, text));
    // The client takes the head and then nothing any more.
    await new Promise((resolve) => socket.once("data", resolve));
    socket.pause();
    let written = -1;
    const seen = upstream.requests[before] ?? assert.fail();
    while (written !== seen.written) {
      written = seen.written;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    socket.destroy();
    await seen.done;
    // What the system itself holds for the sockets differs, but not by this much.
    assert.ok(written < 150, `${written} of 302 events were taken`);
    assert.notEqual(seen.leftAtMs, null);
  });
}

// ---- How many ----------------------------------------------------------------------------------------------------

for (const [variable, status, says] of [
  ["MAX_CALLS", 503, /its limit \(MAX_CALLS\)/],
  ["MAX_CALLS_PER_KEY", 429, /its limit \(MAX_CALLS_PER_KEY\)/],
] as const) {
  test(`${variable}: a call too many is ${status} with retry-after, on each route; one that ends makes room`, async () => {
    const small = await gatewayWith({ [variable]: "1", PROXY_API_KEY: "key-one,key-two" });
    const leaving = new AbortController();
    upstream.script(() => ({ hang: "before-head" }));
    const before = upstream.requests.length;
    const body = ask("openai-chat", { model: GLM }).body;
    const running = small.call(PATH, { body, key: "key-one", signal: leaving.signal });
    running.catch(() => {});
    await until(() => upstream.requests.length > before, "the first call");
    for (const client of PROTOCOLS) {
      const asked = ask(client, { model: MODELS[client] });
      const response = await small.call(asked.path, { body: asked.body, key: "key-one" });
      assert.equal(response.headers.get("retry-after"), "1");
      const error = await errorIn(client, response);
      // Anthropic's word for an overload is 529.
      assert.equal(error.status, client === "anthropic-messages" && status === 503 ? 529 : status);
      assert.match(error.message, says);
    }
    upstream.script(() => ({ say: { text: "Here" } }));
    const other = await small.call(PATH, { body, key: "key-two" });
    assert.equal(other.status, variable === "MAX_CALLS" ? 503 : 200);
    leaving.abort();
    await until(() => small.lines.some((line) => line["error"] === "cancelled"), "the first call's end");
    assert.equal((await small.call(PATH, { body, key: "key-one" })).status, 200);
  });
}

// ---- Web pages ---------------------------------------------------------------------------------------------------

const PAGE = "https://page.test";

function corsHeaders(response: Response): string[] {
  return [...response.headers.keys()].filter((name) => name.startsWith("access-control-"));
}

async function preflight(gateway: RunningGateway, origin: string): Promise<Response> {
  return gateway.call(PATH, {
    method: "OPTIONS",
    key: null,
    headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type" },
  });
}

test("a web page may not call unless it is named, neither before nor in the call", async () => {
  const named = await gatewayWith({ CORS_ORIGINS: PAGE });
  upstream.script(() => null);
  for (const [gateway, origin] of [
    [plain, PAGE],
    [named, "https://other.test"],
    [named, "https://page.test.evil.test"],
    [named, "null"],
  ] as const) {
    const before = await preflight(gateway, origin);
    const call = await gateway.call(PATH, { body: GOOD, headers: { origin } });
    assert.deepEqual(
      [before.headers.get("access-control-allow-origin"), call.headers.get("access-control-allow-origin")],
      [null, null],
      origin,
    );
  }
  assert.deepEqual(corsHeaders(await preflight(plain, PAGE)), []);
});

test("a page that is named may, and sees the headers that say what happened", async () => {
  const named = await gatewayWith({ CORS_ORIGINS: `http://localhost:3000,${PAGE}` });
  const before = await preflight(named, PAGE);
  assert.deepEqual([before.status, before.headers.get("access-control-allow-origin")], [204, PAGE]);
  assert.match(before.headers.get("access-control-allow-headers") ?? "", /authorization/);
  const call = await named.call(PATH, { body: GOOD, headers: { origin: PAGE } });
  assert.equal(call.headers.get("access-control-allow-origin"), PAGE);
  assert.match(call.headers.get("access-control-expose-headers") ?? "", /x-factory-proxy-dropped/);
  assert.equal(call.headers.get("access-control-allow-credentials"), null);
});

test("a form of a web page, which asks nobody first, can't spend a key: there is none without a header", async () => {
  const before = upstream.requests.length;
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]) {
    const response = await plain.call(PATH, { body: GOOD, key: null, headers: { "content-type": type, origin: PAGE } });
    assert.equal(response.status, 403);
  }
  assert.equal(upstream.requests.length, before);
});

test("every answer tells a browser not to guess, frame, embed or remember it", async () => {
  upstream.script(() => null);
  const answers: Record<string, Response> = {
    page: await plain.call("/", { method: "GET", key: null }),
    "no key": await plain.call(PATH, { body: GOOD, key: null }),
    unknown: await plain.call("/nowhere", { body: "{}" }),
    whole: await plain.call(PATH, { body: GOOD }),
    stream: await chat(plain, { stream: true }),
    preflight: await preflight(plain, PAGE),
    explain: await plain.call(`/explain${PATH}`, { body: GOOD }),
  };
  const names = ["x-content-type-options", "x-frame-options", "content-security-policy", "cross-origin-resource-policy", "referrer-policy"];
  for (const [name, response] of Object.entries(answers)) {
    await response.body?.cancel();
    assert.deepEqual(
      names.map((header) => response.headers.get(header)),
      ["nosniff", "DENY", "default-src 'none'; frame-ancestors 'none'", "same-origin", "no-referrer"],
      name,
    );
  }
});

// ---- What no request can bring about -----------------------------------------------------------------------------

test("neither the host, the path, the query nor any header of a request can choose where it is sent", async () => {
  let strayed = 0;
  const trap = createServer((_, answer) => {
    strayed++;
    answer.end("{}");
  });
  await new Promise<void>((resolve) => trap.listen(0, "127.0.0.1", resolve));
  const elsewhere = `127.0.0.1:${(trap.address() as AddressInfo).port}`;
  upstream.script(() => null);
  const length = { "content-length": String(GOOD.length) };
  const before = upstream.requests.length;
  const odd = [
    byHand({ ...length, host: elsewhere }, GOOD),
    byHand({ ...length, "x-forwarded-host": elsewhere, forwarded: `host=${elsewhere}`, "x-original-url": `http://${elsewhere}/` }, GOOD),
    byHand(length, GOOD, { line: `POST http://${elsewhere}${PATH}` }),
    byHand(length, GOOD, { line: `POST ${PATH}?url=http://${elsewhere}/&target=${elsewhere}` }),
    byHand(length, GOOD, { line: `POST //${elsewhere}${PATH}` }),
    byHand(length, GOOD, { line: `POST /anthropic/@${elsewhere}/v1/messages` }),
    byHand(length, GOOD, { line: `POST /openai/..//${elsewhere}/v1/responses` }),
    byHand({}, "", { line: `CONNECT ${elsewhere}` }),
  ];
  await Promise.race([Promise.all(odd), new Promise((resolve) => setTimeout(resolve, 2000))]);
  for (const model of [`http://${elsewhere}/v1`, `//${elsewhere}`, `@${elsewhere}`, `claude-opus-4-8/../../${elsewhere}`]) {
    const response = await plain.call(PATH, { body: { model, messages: [{ role: "user", content: "Hello" }] } });
    await response.body?.cancel();
  }
  assert.equal(strayed, 0);
  const known = /^\/api\/llm\/(?:a\/v1\/messages|o\/v1\/(?:responses|chat\/completions)|g\/v1\/generate)(?:\?alt=sse)?$/;
  for (const { path, headers } of upstream.requests.slice(before)) {
    assert.match(path, known);
    assert.equal(headers["host"], new URL(upstream.url).host);
  }
  trap.close();
});

test("a header that passes through can't bring another one with it", async () => {
  upstream.script(() => null);
  const length = { "content-length": String(GOOD.length) };
  const before = upstream.requests.length;
  await Promise.race([
    byHand({ ...length, "openai-beta": "a\r\nx-smuggled: 1\r\nauthorization: Bearer stolen" }, GOOD),
    new Promise((resolve) => setTimeout(resolve, 500)),
  ]);
  await Promise.race([byHand({ ...length, "openai-beta": "a\nx-smuggled: 1" }, GOOD), new Promise((resolve) => setTimeout(resolve, 500))]);
  for (const { headers } of upstream.requests.slice(before)) {
    assert.deepEqual([headers["x-smuggled"], headers["authorization"]], [undefined, "Bearer fk-factory-key-of-the-tests"]);
  }
});

test("a redirect of the upstream is refused, whole and streamed, and the place it names is not asked", async () => {
  for (const status of [301, 302, 303, 307, 308]) {
    for (const stream of [false, true]) {
      const answer: Answer = { status, body: "", headers: { location: `${upstream.url}/elsewhere` } };
      upstream.script(() => answer);
      const before = upstream.requests.length;
      assert.equal((await errorIn("openai-chat", await chat(plain, { stream }))).status, 502);
      assert.equal(upstream.requests.length, before + 1);
    }
  }
});
