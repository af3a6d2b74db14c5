// Streams on their way: nothing is held back, nothing is too large or takes too long, and a client that leaves takes the upstream with it.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { compose } from "../../src/program.ts";
import { runtime } from "../../src/runtime/runtime.ts";
import { unpack } from "../../src/runtime/unpack.ts";
import { readConfig } from "../../src/config/config.ts";
import { Redactor } from "../../src/telemetry/redaction.ts";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { ask, failure, MODELS, SUCCESS, textOf, told, WAYS, type Told, type Way } from "../support/dialects.ts";
import { Clock } from "../support/clock.ts";
import { CLIENT_KEY, FACTORY_KEY, startGateway, until } from "../support/gateway.ts";
import { complete } from "../support/reply-content.ts";
import { encodeReply } from "../support/wire-reply.ts";
import type { Answer, Seen } from "../support/upstream.ts";
import { rawCall, requestText } from "../support/wire.ts";

const gateway = await startGateway();
const { upstream } = gateway;
after(() => gateway.stop());

const TEXT = "One after the other";
const FIRST = "One after ";
const isPass = ({ client, upstream: target }: Way): boolean => client === target;

function telling(protocol: ProtocolId, text = TEXT): readonly string[] {
  return encodeReply(protocol, complete({ model: MODELS[protocol], text }), { serial: 7, includeUsage: true }).events;
}

/** How many events hold the first two words. */
function eventsOfFirst(protocol: ProtocolId): number {
  const index = telling(protocol).findIndex((event) => event.includes('"the "'));
  assert.ok(index > 0);
  return index;
}

function call(way: Way, options: { stream: boolean; signal?: AbortSignal; id?: string }): Promise<Response> {
  const { path, body } = ask(way.client, { model: MODELS[way.upstream], stream: options.stream });
  return gateway.call(path, {
    body,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    headers: options.id === undefined ? {} : { "x-request-id": options.id },
  });
}

// ---- Nothing is held back ----------------------------------------------------------------------------------------

for (const way of WAYS) {
  test(`${way.name}: each event is there while the upstream still holds back the next`, async () => {
    const events = telling(way.upstream);
    const count = eventsOfFirst(way.upstream);
    upstream.script([{ events, hang: { afterEvents: count } }]);
    const abort = new AbortController();
    const response = await call(way, { stream: true, signal: abort.signal });
    const got = await readUntil(response, (stream) => told(way.client, stream).text === FIRST);
    assert.deepEqual(told(way.client, got), { text: FIRST, terminals: [] });
    if (isPass(way)) assert.equal(got, events.slice(0, count).join(""));
    assert.equal(gateway.lastSeen().leftAtMs, null, "the upstream is still at it");
    abort.abort();
    await gateway.lastSeen().done;
  });
}

/** Reads what comes until it is enough. Hangs when it never is. */
async function readUntil(response: Response, isEnough: (text: string) => boolean): Promise<string> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let got = "";
  while (!isEnough(got)) {
    const next = await reader?.read();
    assert.ok(next !== undefined && !next.done, `the stream ended after ${JSON.stringify(got)}`);
    got += next.value;
  }
  return got;
}

test("an event is passed on when its blank line comes, however its line ends are cut", async () => {
  const way = WAYS.find((one) => one.name === "anthropic-messages -> anthropic-messages");
  assert.ok(way !== undefined);
  const event = 'event: ping\r\ndata: {"type":"ping"}\r\n\r\n';
  upstream.script([{ events: [event, ...event.slice(0, -1).split(""), "\n"], hang: { afterEvents: event.length + 1 } }]);
  const abort = new AbortController();
  const response = await call(way, { stream: true, signal: abort.signal });
  assert.equal(await readUntil(response, (text) => text.length === 2 * event.length), event + event);
  abort.abort();
});

test("an upstream that sends one byte at a time is as good as any, on every way", async () => {
  upstream.script(() => ({ say: { text: "H\u00e9 \u{1f600}" }, byteByByte: true }));
  const found = await Promise.all(
    WAYS.map(async (way) => [way.name, told(way.client, await (await call(way, { stream: true })).text())] as const),
  );
  assert.deepEqual(
    Object.fromEntries(found),
    Object.fromEntries(WAYS.map(({ name, client }): [string, Told] => [name, { text: "H\u00e9 \u{1f600}", terminals: SUCCESS[client] }])),
  );
});

// ---- Nothing is too large ----------------------------------------------------------------------------------------

const KIB = 1024;
const MIB = 1024 * KIB;
/** Only a guard: megabytes are quick, but machines are shared. */
const SLOW_MACHINE_MS = 60_000;
for (const [size, what, ways] of [
  [200 * KIB, "old defect: events over 64 KiB ended the stream; one of 200 KiB passes", WAYS],
  [MIB, "an event of 1 MiB passes", WAYS.filter((way) => way.client === "openai-chat" || isPass(way))],
  [17 * MIB, "an event of 17 MiB passes", WAYS.filter(({ name }) => name === "openai-chat -> anthropic-messages")],
  [17 * MIB, "an event of 17 MiB passes as it is", WAYS.filter(({ name }) => name === "openai-chat -> openai-chat")],
] as const) {
  test(`${what}, streamed and whole`, { timeout: SLOW_MACHINE_MS }, async () => {
    const long = "x".repeat(size);
    upstream.script(() => ({ say: { text: long } }));
    for (const way of ways) {
      const stream = told(way.client, await (await call(way, { stream: true })).text());
      assert.deepEqual([stream.text.length, stream.terminals], [size, SUCCESS[way.client]], way.name);
      assert.ok(stream.text === long, way.name);
      assert.ok(textOf(way.client, await (await call(way, { stream: false })).text()) === long, way.name);
    }
  });
}

test("a request of 9 MiB passes, and its answer comes back", async () => {
  upstream.script(() => ({ say: { text: "Seen." } }));
  for (const name of ["openai-chat -> anthropic-messages", "openai-responses -> openai-responses"]) {
    const way = WAYS.find((one) => one.name === name);
    assert.ok(way !== undefined);
    const { path, body } = ask(way.client, { model: MODELS[way.upstream], text: "y".repeat(9 * MIB) });
    const response = await gateway.call(path, { body });
    assert.equal(textOf(way.client, await response.text()), "Seen.");
    assert.ok(gateway.lastSeen().body.length > 9 * MIB);
  }
});

// ---- Nothing takes too long --------------------------------------------------------------------------------------

for (const way of WAYS.filter(({ client }) => client !== "gemini")) {
  test(`old defect: streams were cut at 120 s; ${way.name} goes on for an hour while something comes every 4 minutes`, async () => {
    const clock = new Clock();
    const text = Array.from({ length: 15 }, (_, index) => `word${index}`).join(" ");
    const events = telling(way.upstream, text).map((event) => new TextEncoder().encode(event));
    let sent = 0;
    const { fetch } = compose(
      readConfig({
        environment: { FACTORY_API_KEY: FACTORY_KEY, PROXY_API_KEY: CLIENT_KEY, QUOTA_INTERVAL: "0" },
        arguments: [],
        file: () => null,
        redactor: new Redactor([]),
      }),
      {
        fetch: () => {
          // The first event comes in the tenth minute, as late as it may.
          clock.advance(5 * 60_000);
          const body = new ReadableStream<Uint8Array>({
            async pull(controller) {
              // The gateway must be waiting before time passes.
              await new Promise((resolve) => setTimeout(resolve, 0));
              clock.advance(4 * 60_000);
              const event = events[sent++];
              if (event === undefined) controller.close();
              else controller.enqueue(event);
            },
          });
          return Promise.resolve(new Response(body, { headers: { "content-type": "text/event-stream" } }));
        },
        after: clock.after,
        now: () => clock.nowMs,
        monotonic: () => clock.nowMs,
        random: () => 0.5,
        newId: () => crypto.randomUUID(),
        sha256: runtime.sha256,
        unpack,
        sink: () => {},
        logFormat: "json",
      },
      { version: "1", runtime: "test" },
    );
    const { path, body } = ask(way.client, { model: MODELS[way.upstream], stream: true });
    const headers = { authorization: `Bearer ${CLIENT_KEY}` };
    const response = await fetch(new Request(`http://gateway.test${path}`, { method: "POST", headers, body: JSON.stringify(body) }));
    const stream = await response.text();
    assert.ok(clock.nowMs > 60 * 60_000);
    assert.deepEqual(told(way.client, stream), { text, terminals: SUCCESS[way.client] });
  });
}

test("a limit on the whole time ends a stream with an error event, where one is set", async () => {
  const limited = await startGateway({ upstream, environment: { UPSTREAM_TOTAL_TIMEOUT: "0.8" } });
  upstream.script(() => ({ say: { text: "word ".repeat(200) }, delayMs: 20 }));
  const says = "The upstream did not finish within 0.8 s (UPSTREAM_TOTAL_TIMEOUT).";
  const found = await Promise.all(
    WAYS.map(async (way) => {
      const { path, body } = ask(way.client, { model: MODELS[way.upstream], stream: true });
      const response = await limited.call(path, { body });
      return [way.name, told(way.client, await response.text()).terminals] as const;
    }),
  );
  assert.deepEqual(Object.fromEntries(found), Object.fromEntries(WAYS.map((way) => [way.name, failure(way.client, says)])));
  await limited.stop();
});

// ---- A client that leaves ----------------------------------------------------------------------------------------

interface Leaving {
  readonly when: string;
  readonly stream: boolean;
  readonly answer: (protocol: ProtocolId) => Answer;
  /** What the client has got when it leaves; null: not even the head. */
  readonly text: string | null;
}
const LEAVINGS: readonly Leaving[] = [
  { when: "before the head of a stream", stream: true, answer: () => ({ hang: "before-head" }), text: null },
  { when: "before the first event", stream: true, answer: () => ({ events: ["data: {}\n\n"], hang: "after-head" }), text: null },
  {
    when: "in the middle of a stream",
    stream: true,
    answer: (protocol) => ({ events: telling(protocol), hang: { afterEvents: eventsOfFirst(protocol) } }),
    text: FIRST,
  },
  { when: "before the head of a whole answer", stream: false, answer: () => ({ hang: "before-head" }), text: null },
];
for (const { when, stream, answer, text } of LEAVINGS) {
  test(`old defect: a client that left kept the upstream generating; now it closes it, ${when}, on every way`, async () => {
    upstream.script((seen) => answer(seen.protocol ?? "openai-chat"));
    for (const way of WAYS) {
      const before = upstream.requests.length;
      const id = `leaves-${when.replaceAll(" ", "-")}-${way.client}-${way.upstream}`;
      const abort = new AbortController();
      const response = call(way, { stream, signal: abort.signal, id });
      if (text === null) {
        void response.then((answered) => answered.text()).catch(() => "The client has left.");
        await until(() => upstream.requests.length > before, `${way.name} to reach the upstream`);
      } else {
        await readUntil(await response, (got) => told(way.client, got).text === text);
      }
      const seen = upstream.requests[before];
      assert.equal(seen?.leftAtMs, null);
      abort.abort();
      await closedBy(seen);
      const { error, status, level } = await gateway.lineOf(id);
      assert.deepEqual([error, status, level], ["cancelled", 499, "info"], way.name);
      assert.equal(linesOf(id), 1, way.name);
    }
    await until(() => upstream.openConnections() === 0, "the upstream to be let go");
  });
}

test("a client that leaves while a whole answer is under way closes the upstream", async () => {
  const whole = (protocol: ProtocolId): string =>
    encodeReply(protocol, complete({ model: "any", text: TEXT }), { serial: 7, includeUsage: true }).whole;
  upstream.script((seen) => ({
    events: [whole(seen.protocol ?? "openai-chat").slice(0, 30)],
    headers: { "content-type": "application/json" },
    hang: { afterEvents: 1 },
  }));
  for (const way of WAYS) {
    const before = upstream.requests.length;
    const id = `leaves-whole-${way.client}-${way.upstream}`;
    const abort = new AbortController();
    const response = call(way, { stream: false, signal: abort.signal, id });
    void response.then((answered) => answered.text()).catch(() => "The client has left.");
    await until(() => upstream.requests[before]?.written === 1, `${way.name} to get half of an answer`);
    abort.abort();
    await closedBy(upstream.requests[before]);
    assert.equal((await gateway.lineOf(id))["error"], "cancelled", way.name);
    assert.equal(linesOf(id), 1, way.name);
  }
});

test("a client that leaves while it is still sending never reaches the upstream", async () => {
  // Its debug log tells when a call has begun.
  const listening = await startGateway({ upstream, environment: { LOG_LEVEL: "debug" } });
  const before = upstream.requests.length;
  const headers = { authorization: `Bearer ${CLIENT_KEY}`, "content-length": "1000", "x-request-id": "leaves-while-sending" };
  const sending = rawCall(listening.url, requestText("POST /v1/chat/completions", headers, '{"model": "glm-5", '));
  await until(() => listening.lines.some(({ event }) => event === "client request"), "the call to begin");
  sending.leave();
  assert.equal((await listening.lineOf("leaves-while-sending"))["error"], "cancelled");
  assert.equal(upstream.requests.length, before);
  await listening.stop();
});

async function closedBy(seen: Seen | undefined): Promise<void> {
  await seen?.done;
  assert.notEqual(seen?.leftAtMs, null);
}

function linesOf(id: string): number {
  return gateway.lines.filter(({ event, requestId }) => event === "request" && requestId === id).length;
}

test("what an upstream says after its terminal event, or its silence there, does not keep the client waiting", async () => {
  for (const way of WAYS.filter((one) => !isPass(one))) {
    // Chat and Gemini may send usage after the finish, so only the end of the stream, or [DONE], ends those.
    if (way.upstream === "gemini") continue;
    const events = telling(way.upstream);
    upstream.script([{ events, hang: { afterEvents: events.length } }]);
    const response = await call(way, { stream: true });
    const stream = await response.text();
    assert.deepEqual(told(way.client, stream), { text: TEXT, terminals: SUCCESS[way.client] }, way.name);
  }
});
