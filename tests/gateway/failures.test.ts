// Failures: whatever goes wrong upstream, the client learns it in its own protocol, and never takes it for success.
// Every test runs all sixteen ways (client protocol -> upstream protocol).

import assert from "node:assert/strict";
import { test } from "node:test";
import { REASON_HEADER } from "../../src/errors.ts";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import {
  ask,
  errorIn,
  eventsIn,
  failure,
  MODELS,
  SUCCESS,
  textOf,
  told,
  WAYS,
  type SaidError,
  type Told,
  type Way,
} from "../support/dialects.ts";
import { ERROR_LOOKS, REJECTIONS } from "../support/errors.ts";
import { startGateways, until, type RunningGateway } from "../support/gateway.ts";
import { isTerminal } from "../support/laws.ts";
import { complete } from "../support/reply-content.ts";
import { encodeReply, type WireReply } from "../support/wire-reply.ts";
import { CLOSED, type Answer } from "../support/upstream.ts";

const { upstream, gatewayWith } = await startGateways();
const gateway = await gatewayWith({});
const hasty = await gatewayWith({ UPSTREAM_FIRST_BYTE_TIMEOUT: "0.3" });
const talkative = await gatewayWith({ UPSTREAM_IDLE_TIMEOUT: "0.5" });
const nowhere = await gatewayWith({ FACTORY_BASE_URL: CLOSED });

const isPass = ({ client, upstream: target }: Way): boolean => client === target;

function call(way: Way, options: { stream: boolean; through?: RunningGateway }): Promise<Response> {
  const { path, body } = ask(way.client, { model: MODELS[way.upstream], stream: options.stream });
  return (options.through ?? gateway).call(path, { body });
}

/** The same for every way, in order. */
async function onAllWays<T>(visit: (way: Way) => Promise<T>, ways: readonly Way[] = WAYS): Promise<Record<string, T>> {
  const found: Record<string, T> = {};
  for (const way of ways) found[way.name] = await visit(way);
  return found;
}

/** All ways at once, since each has to wait. */
async function together<T>(visit: (way: Way) => Promise<T>): Promise<Record<string, T>> {
  const found = await Promise.all(WAYS.map(async (way) => [way.name, await visit(way)] as const));
  return Object.fromEntries(found);
}

function forAllWays<T>(expected: (way: Way) => T, ways: readonly Way[] = WAYS): Record<string, T> {
  return Object.fromEntries(ways.map((way) => [way.name, expected(way)]));
}

// ---- An error before the answer has begun ------------------------------------------------------------------------

/** What the client of another protocol sees: 529 is Anthropic's word for what the others call 503. */
function statusFor({ client, upstream: target }: Way, status: number): number {
  if (client === target) return status;
  if (status !== 503 && status !== 529) return status;
  return client === "anthropic-messages" ? 529 : 503;
}

/** Null where the protocol has no word of its own. */
function typesFor(client: ProtocolId, status: number): readonly string[] | null {
  const rejection = REJECTIONS.find((one) => one.status === status)?.types[client];
  if (rejection !== undefined) return rejection === null ? null : [rejection];
  const kind =
    status === 429 ? "rate-limited" : status === 503 || status === 529 ? "overloaded" : status >= 500 ? "internal" : "upstream-rejected";
  return ERROR_LOOKS[client][kind].types;
}

const familyOf = (protocol: ProtocolId): string => protocol.replace(/-.*/, "");

for (const status of [400, 401, 402, 403, 404, 429, 500, 503, 529]) {
  const old = status === 401 || status === 429 ? "old defect: it became an empty 200 stream; " : "";
  test(`${old}an upstream's ${status} reaches the client as its own protocol's error, streamed and whole`, async () => {
    upstream.script(() => ({ error: { status, message: "The script says no." }, headers: { "retry-after": "7" } }));
    for (const stream of [true, false]) {
      const found = await onAllWays(async (way) => {
        const response = await call(way, { stream });
        const { type, ...error } = await errorIn(way.client, response);
        // OpenAI's own words pass between its two protocols.
        const types = familyOf(way.client) === familyOf(way.upstream) ? null : typesFor(way.client, status);
        assert.ok(types === null || types.includes(type), `${way.name}: ${type}`);
        const line = await gateway.lineOf(response);
        const { headers } = response;
        return {
          status: error.status,
          message: error.message,
          retryAfter: headers.get("retry-after"),
          reason: headers.get(REASON_HEADER),
          logged: [line["status"], line["reason"]],
        };
      });
      const expected = forAllWays((way) => {
        const shown = statusFor(way, status);
        // Nobody should wait for a plan that is used up.
        const retryAfter = status === 402 ? null : "7";
        return { status: shown, message: "The script says no.", retryAfter, reason: "upstream", logged: [shown, "upstream"] };
      });
      assert.deepEqual(found, expected);
    }
  });
}

test("an error of this server is none of the upstream's, in any protocol", async () => {
  const found = await onAllWays(async (way) => {
    const { path, body } = ask(way.client, { model: MODELS[way.upstream], stream: false });
    const responses = [
      await gateway.call(path, { body, key: "wrong" }),
      await gateway.call(path, { body: "{" }),
      await call(way, { stream: false, through: nowhere }),
    ];
    await Promise.all(responses.map((response) => response.arrayBuffer()));
    return responses.map(({ status, headers }) => [status, headers.get(REASON_HEADER)]);
  });
  assert.deepEqual(
    found,
    forAllWays(() => [
      [401, null],
      [400, null],
      [502, null],
    ]),
  );
});

interface Odd {
  readonly what: string;
  readonly answer: Answer;
  readonly status: number;
  /** Holds for the message. */
  readonly says: RegExp;
}
const ODD_ERRORS: readonly Odd[] = [
  {
    what: "an HTML error page",
    answer: { status: 502, body: "<html><body><h1>502 Bad Gateway</h1></body></html>", headers: { "content-type": "text/html" } },
    status: 502,
    says: /502/,
  },
  {
    what: "a block page",
    answer: { status: 403, body: "<!doctype html><p>no", headers: { "content-type": "text/html" } },
    status: 403,
    says: /403/,
  },
  { what: "an error without a body", answer: { status: 500, body: "" }, status: 500, says: /500/ },
  {
    what: "an error in plain text",
    answer: { status: 429, body: "slow down, please", headers: { "content-type": "text/plain" } },
    status: 429,
    says: /429|slow down, please/,
  },
];
for (const { what, answer, status, says } of ODD_ERRORS) {
  test(`${what} becomes an error in the client's shape, with its status`, async () => {
    upstream.script(() => answer);
    for (const stream of [true, false]) {
      const found = await onAllWays(async (way) => {
        const error = await errorIn(way.client, await call(way, { stream }));
        assert.match(error.message, says, way.name);
        assert.ok(!error.message.includes("<"), error.message);
        return error.status;
      });
      assert.deepEqual(
        found,
        forAllWays(() => status),
      );
    }
  });
}

test("an error that is the first event of a 200 stream becomes an HTTP status", async () => {
  upstream.script(() => ({ fail: { afterEvents: 0, message: "Too busy." }, say: { text: "never said" } }));
  const found = await onAllWays(async (way) => {
    const { status, message } = await errorIn(way.client, await call(way, { stream: true }));
    return { isError: status >= 500, message };
  });
  assert.deepEqual(
    found,
    forAllWays(() => ({ isError: true, message: "Too busy." })),
  );
});

test("a stream that ends before its first event is a 502", async () => {
  for (const how of ["end", "destroy"] as const) {
    upstream.script(() => ({ events: ["data: {}\n\n"], cut: { after: { events: 0 }, how } }));
    const found = await onAllWays(async (way) => (await errorIn(way.client, await call(way, { stream: true }))).status);
    assert.deepEqual(
      found,
      forAllWays(() => 502),
      how,
    );
  }
});

test("an upstream that can't be reached is a 502 that does not say where it is; the log does", async () => {
  for (const stream of [true, false]) {
    const found = await onAllWays(async (way) => {
      const response = await call(way, { stream, through: nowhere });
      const { cause } = await nowhere.lineOf(response);
      // One line for the operator, without a stack.
      assert.match(String(cause), /^Could not connect to 127\.0\.0\.1:\d+: (?:[A-Z]+|tcp connect error: [^\n]+)$/);
      return errorIn(way.client, response);
    });
    const expected = forAllWays(({ client }): SaidError => ({
      status: 502,
      type: ERROR_LOOKS[client]["upstream-failed"].types.find((type) => type === found[`${client} -> ${client}`]?.type) ?? "",
      message: "Factory could not be reached.",
      param: null,
      code: client.startsWith("openai") ? "upstream_unreachable" : null,
    }));
    assert.deepEqual(found, expected);
  }
});

test("a redirect is refused and not followed", async () => {
  upstream.script(() => ({ status: 307, body: "", headers: { location: `${upstream.url}/api/llm/o/v1/chat/completions` } }));
  const before = upstream.requests.length;
  const found = await onAllWays(async (way) => {
    const { status, message } = await errorIn(way.client, await call(way, { stream: true }));
    assert.ok(!message.includes(upstream.url));
    return status;
  });
  assert.deepEqual(
    found,
    forAllWays(() => 502),
  );
  assert.equal(upstream.requests.length, before + WAYS.length);
});

// ---- An answer that is not complete ------------------------------------------------------------------------------

const TEXT = "Gr\u00fc\u00dfe an Zuhause in der \u4e16\u754c und dar\u00fcber hinaus";
const BEFORE_CUT = "Gr\u00fc\u00dfe an ";

function telling(protocol: ProtocolId, text = TEXT): WireReply {
  return encodeReply(protocol, complete({ model: MODELS[protocol], text }), { serial: 7, includeUsage: true });
}

/** How many events come before the one that holds `part`. */
function eventsBefore({ events }: WireReply, part: string): number {
  const index = events.findIndex((event) => event.includes(part));
  assert.ok(index > 0, part);
  return index;
}

function bytesOf(events: readonly string[]): number {
  return new TextEncoder().encode(events.join("")).length;
}

interface Cut {
  readonly what: string;
  /** `read` resolves when the client has got all that comes before: what a breaking connection still held may be lost. */
  readonly answer: (protocol: ProtocolId, read: Promise<void>) => Answer;
  readonly says: RegExp;
  /** What the client has got before; the whole text unless said otherwise. */
  readonly text?: string;
}
const TRUNCATED = /^The upstream ended the stream before the answer was complete\.$/;
const BROKEN = /^The connection to the upstream broke before the answer was complete\.$/;
const afterWords = (protocol: ProtocolId): Answer => {
  const all = telling(protocol);
  return { events: all.events, cut: { after: { events: eventsBefore(all, "Zuhause") }, how: "end" } };
};
const inEvent = (protocol: ProtocolId): Answer => {
  const all = telling(protocol);
  const before = all.events.slice(0, eventsBefore(all, "Zuhause"));
  return { events: all.events, cut: { after: { bytes: bytesOf(before) + 20 }, how: "end" } };
};
const broken = (protocol: ProtocolId, read: Promise<void>): Answer => {
  const all = telling(protocol);
  const afterEvents = eventsBefore(all, "Zuhause");
  const before = bytesOf(all.events.slice(0, afterEvents));
  return { events: all.events, hold: { afterEvents, until: read }, cut: { after: { bytes: before + 20 }, how: "destroy" } };
};
const inCharacter = (protocol: ProtocolId): Answer => {
  const all = telling(protocol);
  const before = all.events.join("").split("\u4e16")[0] ?? "";
  return { events: all.events, cut: { after: { bytes: bytesOf([before]) + 1 }, how: "end" } };
};
const beforeTerminal = (protocol: ProtocolId): Answer => {
  const { events } = telling(protocol);
  const terminal = events.findIndex((block) => eventsIn(block).some((event) => isTerminal(protocol, event)));
  assert.ok(terminal > 0);
  return { events, cut: { after: { events: terminal }, how: "end" } };
};
const CUTS: readonly Cut[] = [
  { what: "a clean end after some words", answer: afterWords, says: TRUNCATED, text: BEFORE_CUT },
  { what: "a clean end just before the terminal event", answer: beforeTerminal, says: TRUNCATED },
  { what: "a broken connection", answer: broken, says: BROKEN, text: BEFORE_CUT },
  { what: "an end inside of an event", answer: inEvent, says: TRUNCATED, text: BEFORE_CUT },
  { what: "an end inside of a character", answer: inCharacter, says: TRUNCATED, text: "Gr\u00fc\u00dfe an Zuhause in der " },
];

function namesIn(terminals: readonly string[]): string[] {
  return terminals.map((terminal) => terminal.split(": ")[0] ?? "");
}

/** A stream as far as its events are complete. */
function wholeEvents(stream: string): string {
  return stream.slice(0, stream.lastIndexOf("\n\n") + 2);
}

for (const { what, answer, says, text = TEXT } of CUTS) {
  test(`old defect: an unfinished answer got a "stop"; ${what} is an error event, and the only terminal`, async () => {
    let hasRead = (): void => {};
    upstream.script((seen) => {
      const read = new Promise<void>((resolve) => (hasRead = resolve));
      return answer(seen.protocol ?? "openai-chat", read);
    });
    const found = await onAllWays(async (way): Promise<Told & { status: number; logged: unknown }> => {
      const response = await call(way, { stream: true });
      let stream = "";
      for await (const piece of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        stream += piece;
        if (wholeEvents(stream) === stream && told(way.client, stream).text === text) hasRead();
      }
      assert.match(stream, /\n\n$/, `${way.name} ends with a whole event`);
      const { text: got, terminals } = told(way.client, stream);
      for (const terminal of terminals) assert.match(terminal.replace(/^[\w.]+: /, ""), says, way.name);
      return { text: got, terminals: namesIn(terminals), status: response.status, logged: (await gateway.lineOf(response))["error"] };
    });
    assert.deepEqual(
      found,
      forAllWays((way) => ({ text, terminals: namesIn(failure(way.client, "any")), status: 200, logged: "upstream-failed" })),
    );
  });
}

test("an error in the middle of a stream is the client's error event, and the only terminal", async () => {
  upstream.script((seen) => ({
    say: { text: TEXT },
    fail: { afterEvents: eventsBefore(telling(seen.protocol ?? "openai-chat"), "Zuhause"), message: "The model fell over." },
  }));
  const found = await onAllWays(async (way) => {
    const response = await call(way, { stream: true });
    const { text, terminals } = told(way.client, await response.text());
    const line = await gateway.lineOf(response);
    return { text, terminals, level: line["level"] !== "info" };
  });
  assert.deepEqual(
    found,
    // What passes is the upstream's own word.
    forAllWays((way) => {
      const terminals = isPass(way) ? ["error: The model fell over."] : failure(way.client, "The model fell over.");
      return { text: BEFORE_CUT, terminals, level: true };
    }),
  );
});

/** What each way's client sees of a whole answer that breaks after so many bytes. */
function brokenOff(text: string, bytes: number): Promise<Record<string, string>> {
  let hasRead = (): void => {};
  const read = new Promise<void>((resolve) => (hasRead = resolve));
  upstream.script(() => ({ say: { text }, cut: { after: { bytes }, how: "destroy", read } }));
  // Only a long answer that passes is seen before its end.
  let unseen = bytes < 65_536 ? 0 : WAYS.filter(isPass).length;
  if (unseen === 0) hasRead();
  return together(async (way) => {
    try {
      const response = await call(way, { stream: false });
      if (isPass(way) && --unseen === 0) hasRead();
      await response.text();
      return String(response.status);
    } catch {
      return "broken connection";
    }
  });
}

test("a short whole answer that breaks off is a 502, never half an answer", async () => {
  assert.deepEqual(await brokenOff(TEXT, 60), Object.fromEntries(WAYS.map(({ name }) => [name, "502"])));
});

test("a long whole answer that breaks off breaks the client's connection where its head has gone out, and is a 502 where it is converted", async () => {
  const found = await brokenOff(TEXT.repeat(10_000), 200_000);
  assert.deepEqual(found, Object.fromEntries(WAYS.map((way) => [way.name, isPass(way) ? "broken connection" : "502"])));
});

test("an answer of another kind than asked for is understood, and told as it was asked for", async () => {
  for (const stream of [true, false]) {
    upstream.script(() => ({ say: { text: TEXT }, whole: stream }));
    const found = await onAllWays(async (way) => {
      const response = await call(way, { stream });
      const kind = response.headers.get("content-type")?.startsWith("text/event-stream") === true ? "stream" : "whole";
      const body = await response.text();
      assert.deepEqual(kind === "stream" ? told(way.client, body) : { text: textOf(way.client, body) }, {
        text: TEXT,
        ...(kind === "stream" ? { terminals: SUCCESS[way.client] } : {}),
      });
      return kind;
    });
    assert.deepEqual(
      found,
      forAllWays(() => (stream ? "stream" : "whole")),
    );
  }
});

test("a 200 that holds an error or nothing is no success", async () => {
  const converted = WAYS.filter((way) => !isPass(way));
  for (const body of ['{"error":{"message":"Not today.","type":"server_error","code":"x"},"type":"error"}', "", "<html>", "{}", "null"]) {
    upstream.script(() => ({ body }));
    for (const stream of [true, false]) {
      const found = await onAllWays(async (way) => (await errorIn(way.client, await call(way, { stream }))).status >= 400, converted);
      assert.deepEqual(
        found,
        forAllWays(() => true, converted),
        body,
      );
    }
  }
});

// ---- Silence -----------------------------------------------------------------------------------------------------

for (const [what, hang, through, says] of [
  ["does not begin to answer", "before-head", hasty, "The upstream did not start to answer within 0.3 s (UPSTREAM_FIRST_BYTE_TIMEOUT)."],
  ["begins and says nothing", "after-head", talkative, "The upstream sent nothing for more than 0.5 s (UPSTREAM_IDLE_TIMEOUT)."],
] as const) {
  test(`an upstream that ${what} is a 504, and is let go`, async () => {
    upstream.script(() => ({ events: ["data: {}\n\n"], hang }));
    const before = upstream.requests.length;
    const found = await together(async (way) => {
      const { status, type, message } = await errorIn(way.client, await call(way, { stream: true, through }));
      assert.ok(ERROR_LOOKS[way.client]["upstream-timeout"].types.includes(type), `${way.name}: ${type}`);
      return { status, message };
    });
    assert.deepEqual(
      found,
      forAllWays(() => ({ status: 504, message: says })),
    );
    for (const seen of upstream.requests.slice(before)) {
      await seen.done;
      assert.notEqual(seen.leftAtMs, null);
    }
  });
}

test("an upstream that falls silent in the middle of a stream is an error event, and is let go", async () => {
  upstream.script((seen) => {
    const all = telling(seen.protocol ?? "openai-chat");
    return { events: all.events, hang: { afterEvents: eventsBefore(all, "Zuhause") } };
  });
  const before = upstream.requests.length;
  const found = await together(async (way) => told(way.client, await (await call(way, { stream: true, through: talkative })).text()));
  const says = "The upstream sent nothing for more than 0.5 s (UPSTREAM_IDLE_TIMEOUT).";
  assert.deepEqual(
    found,
    forAllWays((way) => ({ text: BEFORE_CUT, terminals: failure(way.client, says) })),
  );
  for (const seen of upstream.requests.slice(before)) {
    await seen.done;
    assert.notEqual(seen.leftAtMs, null);
  }
});

test("the limits hold after the runtime has cleaned its memory up", async () => {
  // An abort signal on Deno (2.9) forgot the body that it was to end once the response had been collected.
  const ways = WAYS.filter((way) => !isPass(way));
  upstream.script((seen) => ({ events: telling(seen.protocol ?? "openai-chat").events, hang: { afterEvents: 2 } }));
  const before = upstream.requests.length;
  const answers = ways.map((way) => call(way, { stream: false, through: talkative }));
  await until(() => upstream.requests.slice(before).filter(({ written }) => written === 2).length === ways.length, "half of every answer");
  let garbage: object[] = [];
  for (let round = 0; round < 30; round++) {
    garbage = Array.from({ length: 200_000 }, (_, number) => ({ number }));
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  assert.equal(garbage.length, 200_000);
  const found = await Promise.all(answers.map(async (answer) => (await answer).status));
  assert.deepEqual(
    found,
    ways.map(() => 504),
  );
});
