// The connection to the upstream, over the wire: limits on time, hosts that take no connection, answers that were lost or came packed.

import assert from "node:assert/strict";
import { createServer, type AddressInfo } from "node:net";
import { test } from "node:test";
import * as zlib from "node:zlib";
import { sendByFetch } from "../../src/upstream/http-fetch.ts";
import { createUpstream } from "../../src/upstream/upstream.ts";
import { bareRequest } from "../../src/protocol/exchange.ts";
import { CODECS } from "../../src/protocol/codecs.ts";
import { dial } from "../../src/runtime/dial.ts";
import { unpack } from "../../src/runtime/unpack.ts";
import { GatewayError } from "../../src/errors.ts";
import { Clock } from "../support/clock.ts";
import { ask, errorIn, failure, MODELS, textOf, told, WAYS } from "../support/dialects.ts";
import { callFor, CONVERSION, PAIR, startGateways, until } from "../support/gateway.ts";
import { CLOSED, type Answer } from "../support/upstream.ts";

const { upstream, gatewayWith } = await startGateways();
const plain = await gatewayWith({});
const CHAT_PATH = "/v1/chat/completions";

// ---- Time --------------------------------------------------------------------------------------------------------

const HANGS: readonly { readonly limit: string; readonly answer: Answer; readonly says: string }[] = [
  {
    limit: "FIRST_BYTE",
    answer: { hang: "before-head" },
    says: "The upstream did not start to answer within 0.2 s (UPSTREAM_FIRST_BYTE_TIMEOUT).",
  },
  { limit: "IDLE", answer: { hang: "after-head" }, says: "The upstream sent nothing for more than 0.2 s (UPSTREAM_IDLE_TIMEOUT)." },
  {
    limit: "TOTAL",
    answer: { say: { text: "word ".repeat(500) }, delayMs: 20 },
    says: "The upstream did not finish within 0.2 s (UPSTREAM_TOTAL_TIMEOUT).",
  },
];
for (const { limit, answer, says } of HANGS) {
  for (const stream of [false, true]) {
    test(`${limit}: a ${stream ? "streamed" : "whole"} call ends by its limit and says which one it was`, async () => {
      const clock = new Clock();
      const gateway = await gatewayWith({ [`UPSTREAM_${limit}_TIMEOUT`]: "0.2" }, { clock });
      // A whole answer has one piece, so it is slow by not coming.
      upstream.script(() => (limit === "TOTAL" && !stream ? { hang: "after-head", say: { text: "x" } } : answer));
      for (const way of PAIR) {
        const response = await clock.during(callFor(gateway, way, { stream }));
        if (response.status === 200 && stream) {
          assert.equal(limit, "TOTAL");
          assert.deepEqual(told(way.client, await clock.during(response.text())).terminals, [`error: ${says}`]);
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
  const clock = new Clock();
  const gateway = await gatewayWith({ UPSTREAM_FIRST_BYTE_TIMEOUT: "0.3" }, { modelTable, clock });
  upstream.script(() => ({ hang: "before-head" }));
  const messageFor = async (model: string): Promise<string> =>
    (await errorIn("openai-chat", await clock.during(gateway.call(CHAT_PATH, { body: ask("openai-chat", { model }).body })))).message;
  assert.match(await messageFor("glm-5"), /within 0\.1 s/);
  assert.match(await messageFor("glm-4.6"), /within 0\.3 s/);
  await until(() => upstream.openConnections() === 0, "the upstream to be let go");
  const leaving = new AbortController();
  const unlimited = callFor(gateway, CONVERSION, { signal: leaving.signal });
  await until(() => upstream.openConnections() === 1, "the upstream to be asked");
  clock.advance(60 * 60_000);
  const winner = await Promise.race([unlimited, new Promise((resolve) => setTimeout(() => resolve("still waiting"), 5))]);
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
    const clock = new Clock();
    const gateway = await gatewayWith({ [variable]: "0" }, { modelTable: JSON.stringify({ models }), clock });
    for (const way of PAIR) {
      for (const stream of [false, true]) {
        upstream.script(() => answer(stream));
        const response = await clock.during(callFor(gateway, way, { stream }));
        const says = String((await clock.during(gateway.lineOf(response)))["message"]);
        assert.match(says, new RegExp(`0\\.15 s \\(${variable}\\)\\.$`));
        if (response.status === 200) assert.deepEqual(told(way.client, await response.text()).terminals, [`error: ${says}`]);
        else assert.equal((await errorIn(way.client, response)).message, says);
      }
    }
  });
}

test("silence in the middle of a stream ends it by an error event that names the limit, on every way", async () => {
  const clock = new Clock();
  const gateway = await gatewayWith({ UPSTREAM_IDLE_TIMEOUT: "0.3" }, { clock });
  const says = "The upstream sent nothing for more than 0.3 s (UPSTREAM_IDLE_TIMEOUT).";
  upstream.script(() => ({ say: { text: "One two three four five six" }, hang: { afterEvents: 5 } }));
  const silent = WAYS.map(async (way) => {
    const response = await callFor(gateway, way, { stream: true });
    return [way.name, told(way.client, await response.text()).terminals] as const;
  });
  const found = await clock.during(Promise.all(silent));
  assert.deepEqual(Object.fromEntries(found), Object.fromEntries(WAYS.map((way) => [way.name, failure(way.client, says)])));
});

// ---- Before the first event --------------------------------------------------------------------------------------

const COMMENT = `: ${"x".repeat(1022)}\n`;
const NO_EVENT: Readonly<Record<string, readonly string[]>> = {
  comments: Array.from({ length: 3000 }, () => COMMENT),
  "comments between blank lines": Array.from({ length: 3000 }, () => `${COMMENT}\n`),
  "blank lines": Array.from({ length: 3000 }, () => "\n".repeat(1024)),
  "events without data": Array.from({ length: 3000 }, () => `event: ping\nid: ${"1".repeat(1000)}\n\n`),
};
for (const [what, events] of Object.entries(NO_EVENT)) {
  test(`an upstream that sends 3 MB of ${what} before its first event is given up, on pass and conversion`, async () => {
    upstream.script(() => ({ events }));
    for (const way of PAIR) {
      const { status, message } = await errorIn(way.client, await callFor(plain, way, { stream: true }));
      const says = "The upstream sent more than 1048576 bytes before its first event, the limit of this proxy.";
      assert.deepEqual([status, message], [502, says]);
    }
    await until(() => upstream.openConnections() === 0, "the upstream to be let go");
  });
}

test("FIRST_BYTE: signs of life before the first event, and an error's body that trickles, do not put the limit off; the error stays", async () => {
  const says = "The upstream did not start to answer within 0.2 s (UPSTREAM_FIRST_BYTE_TIMEOUT).";
  const clock = new Clock();
  const gateway = await gatewayWith({ UPSTREAM_FIRST_BYTE_TIMEOUT: "0.2", UPSTREAM_IDLE_TIMEOUT: "0" }, { clock });
  const pieces = Array.from({ length: 1000 }, () => ": wait\n\n");
  for (const way of PAIR) {
    for (const error of [null, 429]) {
      upstream.script(() => ({ events: pieces, delayMs: 20, ...(error === null ? {} : { status: error }) }));
      const response = await clock.during(callFor(gateway, way, { stream: true }));
      const { status, message } = await errorIn(way.client, response);
      assert.equal(status, error ?? 504);
      if (error === null) assert.equal(message, says);
    }
  }
  await until(() => upstream.openConnections() === 0, "the upstream to be let go");
});

test("FIRST_BYTE: an answer that has begun may take longer", async () => {
  const clock = new Clock();
  const gateway = await gatewayWith({ UPSTREAM_FIRST_BYTE_TIMEOUT: "0.2" }, { clock });
  upstream.script(() => ({ say: { text: "One two three" }, hang: { afterEvents: 4 } }));
  const leaving = new AbortController();
  const response = await callFor(gateway, CONVERSION, { stream: true, signal: leaving.signal });
  clock.advance(60_000);
  assert.equal(gateway.lines.filter(({ event }) => event === "request").length, 0);
  leaving.abort();
  await gateway.lineOf(response);
});

test("of an error's body no more than its beginning is read, and its status stays", async () => {
  for (const way of PAIR) {
    upstream.script(() => ({ status: 429, body: "x".repeat(8 * 1024 * 1024), headers: { "retry-after": "7" } }));
    const response = await callFor(plain, way);
    assert.equal(response.headers.get("retry-after"), "7");
    assert.equal((await errorIn(way.client, response)).status, 429);
  }
  await until(() => upstream.openConnections() === 0, "the upstream to be let go");
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
  const now = (): number => clock.now;
  const send = sendByFetch({
    fetch: (url) => {
      sent.push(url);
      return broken === null ? Promise.resolve(new Response("{}")) : Promise.reject(broken);
    },
    dial: (url, signal) => {
      dials.push(url);
      return takes ? Promise.resolve() : new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
    },
    now,
  });
  const room = createUpstream(
    {
      send,
      now,
      after: (ms, callback) => {
        const timer = setTimeout(() => {
          clock.now += ms;
          callback();
        }, ms);
        return () => clearTimeout(timer);
      },
      unpack,
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
    assert.deepEqual(
      [error.status, error.message],
      [504, "The upstream did not accept a connection within 0.05 s (UPSTREAM_CONNECT_TIMEOUT)."],
    );
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
  ["Bun: no name server", codedError("EAI_AGAIN", "getaddrinfo EAI_AGAIN host.test"), "upstream_unreachable"],
  ["Bun: no way to the host", codedError("EHOSTUNREACH", "connect EHOSTUNREACH 192.0.2.1:443"), "upstream_unreachable"],
  ["Bun: no way to its network", codedError("ENETUNREACH", "connect ENETUNREACH 192.0.2.1:443"), "upstream_unreachable"],
  ["Bun: no address to call from", codedError("EADDRNOTAVAIL", "connect EADDRNOTAVAIL 192.0.2.1:443"), "upstream_unreachable"],
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

test("a packed answer that says a short length is unpacked when it is asked for, and not beyond the limit on answers", async () => {
  const packed = zlib.gzipSync(new Uint8Array(30 * 1024 * 1024));
  const headers = { "content-type": "application/json", "content-encoding": "gzip", "content-length": String(packed.length) };
  assert.ok(packed.length < 64 * 1024);
  const now = (): number => 0;
  const send = sendByFetch({ fetch: () => Promise.resolve(new Response(new Uint8Array(packed), { headers })), now });
  const room = createUpstream(
    { send, now, after: () => () => {}, unpack },
    {
      timeouts: { connectMs: null, firstByteMs: null, idleMs: null, totalMs: null },
      limits: { maxEventLength: 1000, maxReplyBytes: 1_000_000 },
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
  const { rest } = found;
  const says = "The upstream compressed its answer without being asked. It is larger than 1000000 bytes, the limit of this proxy.";
  await assert.rejects(
    async () => {
      while (!(await rest.read()).done);
    },
    { message: says },
  );
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

// ---- Packed answers ----------------------------------------------------------------------------------------------

type Packer = (bytes: Uint8Array) => Uint8Array;
const PACKERS: readonly { readonly encoding: string; readonly pack: Packer; readonly isEverywhere: boolean }[] = [
  { encoding: "gzip", pack: zlib.gzipSync, isEverywhere: true },
  { encoding: "deflate", pack: zlib.deflateSync, isEverywhere: true },
  { encoding: "br", pack: zlib.brotliCompressSync, isEverywhere: true },
  { encoding: "GZIP", pack: zlib.gzipSync, isEverywhere: true },
  { encoding: "zstd", pack: zlib.zstdCompressSync, isEverywhere: true },
  { encoding: "snappy", pack: (bytes) => bytes, isEverywhere: false },
  { encoding: "gzip, br", pack: (bytes) => zlib.brotliCompressSync(zlib.gzipSync(bytes)), isEverywhere: false },
];
for (const { encoding, pack, isEverywhere } of PACKERS) {
  test(`an answer packed as ${encoding} is read, or refused in words; whole, streamed, errors too, on pass and conversion`, async () => {
    for (const way of PAIR) {
      for (const stream of [false, true]) {
        upstream.script(() => ({ say: { text: "Gr\u00fc\u00dfe" }, pack, headers: { "content-encoding": encoding } }));
        const response = await callFor(plain, way, { stream });
        assert.equal(response.headers.get("content-encoding"), null);
        if (response.status === 200) {
          const text = await response.text();
          assert.equal(stream ? told(way.client, text).text : textOf(way.client, text), "Gr\u00fc\u00dfe");
        } else {
          assert.equal(isEverywhere, false);
          const { status, message } = await errorIn(way.client, response);
          assert.deepEqual(
            [status, message],
            [502, "The upstream compressed its answer without being asked, in an encoding that can't be read here."],
          );
        }
        upstream.script(() => ({ error: { status: 429, message: "Slow down." }, pack, headers: { "content-encoding": encoding } }));
        const { status, message } = await errorIn(way.client, await callFor(plain, way, { stream }));
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
  const way = CONVERSION;
  upstream.script(() => ({ ...packed, say: { text: "Gr\u00fc\u00dfe" }, whole: false }));
  assert.equal(textOf(way.client, await (await callFor(plain, way)).text()), "Gr\u00fc\u00dfe");
  for (const stream of [false, true]) {
    const headers = { "content-encoding": "gzip", "retry-after-ms": "1" };
    upstream.script([
      { error: { status: 503, message: "Later." }, pack: zlib.gzipSync, headers },
      { ...packed, say: { text: "Gr\u00fc\u00dfe" } },
    ]);
    const text = await (await callFor(retrying, way, { stream })).text();
    assert.equal(stream ? told(way.client, text).text : textOf(way.client, text), "Gr\u00fc\u00dfe");
  }
  await until(() => upstream.openConnections() === 0, "the upstream to be let go");
});

test("what unpacks to far more than it was is bounded, and everybody else goes on meanwhile", { timeout: 60_000 }, async () => {
  const bomb = zlib.zstdCompressSync(new Uint8Array(80 * 1024 * 1024));
  assert.ok(bomb.length < 64 * 1024);
  const answers: readonly Answer[] = [
    { headers: { "content-encoding": "zstd", "content-type": "text/event-stream" } },
    { status: 429, headers: { "content-encoding": "zstd" } },
  ];
  for (const answer of answers) {
    upstream.script(() => ({ ...answer, body: "{}", pack: () => bomb }));
    let [turns, isOver] = [0, false];
    const turn = (): void => {
      turns++;
      if (!isOver) setTimeout(turn, 0);
    };
    turn();
    const { status } = await errorIn("openai-chat", await callFor(plain, CONVERSION, { stream: true }));
    isOver = true;
    assert.equal(status, answer.status ?? 502);
    // A turn for each of the 64 MiB that an event may have.
    assert.ok(answer.status !== undefined || turns > 50, `${turns} turns`);
  }
});

test("what says that it is packed and is not, or breaks off, is an error and never half an answer", async () => {
  for (const pack of [(bytes: Uint8Array) => bytes, (bytes: Uint8Array) => zlib.gzipSync(bytes).subarray(0, 40)]) {
    for (const stream of [false, true]) {
      upstream.script(() => ({ say: { text: "Hello" }, pack, headers: { "content-encoding": "gzip" } }));
      const response = await callFor(plain, CONVERSION, { stream });
      assert.equal((await errorIn("openai-chat", response)).status, 502);
    }
  }
});
