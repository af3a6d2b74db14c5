// Keep-alive: what a client gets while it waits, between the events of a stream or in front of a late answer, and when it gets nothing.

import assert from "node:assert/strict";
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { lateResponse, answerOrLate, withSigns } from "../../src/gateway/keep-alive.ts";
import { streamPassthrough } from "../../src/gateway/passthrough.ts";
import { UsageMeter } from "../../src/gateway/usage-meter.ts";
import { CODECS } from "../../src/protocol/codecs.ts";
import { concat } from "../../src/wire/pump.ts";
import { AwakeClock } from "../support/awake.ts";
import { exchange } from "../support/canonical.ts";
import { Clock } from "../support/clock.ts";
import { ask, errorIn, eventsIn, MODELS, SUCCESS, textOf, told } from "../support/dialects.ts";
import { PROTOCOLS } from "../support/fixtures.ts";
import { callFor, CONVERSION, PAIR, startGateways, until } from "../support/gateway.ts";
import { SSE_LIMITS } from "../support/laws.ts";
import { complete } from "../support/reply-content.ts";
import { encodeReply } from "../support/wire-reply.ts";
import type { Answer } from "../support/upstream.ts";

type Json = Readonly<Record<string, unknown>>;
const RESPONSES = { client: "openai-responses", upstream: "openai-responses", name: "" } as const;

const { upstream, gatewayWith } = await startGateways();

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
  "openai-responses": /event: keepalive\ndata: \{"type":"keepalive","sequence_number":\d+\}\n\n/g,
  gemini: /^:[^\n]*\n\n/gm,
};

for (const client of PROTOCOLS) {
  for (const target of ["anthropic-messages", "openai-chat", "openai-responses", "gemini"] as const) {
    test(`${client} <- ${target}: a silent stream shows signs of life, between events, and none after the end`, async () => {
      const sign = SIGNS[client] ?? assert.fail();
      const stream = await heldUntil(
        (text) => (text.match(sign) ?? []).length >= 2,
        () => callFor(lively, { client, upstream: target, name: "" }, { stream: true }),
      );
      const rest = stream.replaceAll(sign, "");
      assert.deepEqual(told(client, rest), { text: "One two three", terminals: SUCCESS[client] });
      assert.equal(eventsIn(rest).length, rest.trim().split("\n\n").length, "every event is whole");
      assert.doesNotMatch(stream.trim().split("\n\n").at(-1) ?? "", /^(?::|event: ping)/, "the last is the end");
    });
  }
}

for (const target of PROTOCOLS) {
  test(`openai-responses <- ${target}: the signs of life are counted among the events, and nothing else differs`, async () => {
    const way = { client: "openai-responses", upstream: target, name: "" } as const;
    const asked = (): Promise<Response> => callFor(lively, way, { stream: true });
    upstream.script(() => ({ say: { text: "One two three" } }));
    const numbers = (stream: string): unknown[] => eventsIn(stream).map(({ data }) => (JSON.parse(data) as Json)["sequence_number"]);
    const quiet = await (await asked()).text();
    const events = numbers(quiet).length;
    const stream = await heldUntil((text) => (text.match(SIGNS[way.client] ?? /^/) ?? []).length >= 2, asked, 3);
    const signed = numbers(stream);
    assert.deepEqual(
      signed,
      signed.map((_, index) => index),
    );
    const signs = signed.length - events;
    const rest = stream.replaceAll(SIGNS[way.client] ?? /^/g, "");
    // Behind the signs each number is greater by as many; ids and times are each call's own.
    const bare = rest.replaceAll(/(?<="sequence_number":)\d+/g, (number, at: number) => {
      const isBehind = at > stream.indexOf("event: keepalive");
      return String(Number(number) - (isBehind ? signs : 0));
    });
    const own = /(?<="(?:id|item_id)":")[^"]*|(?<="created_at":)\d+/g;
    assert.equal(bare.replaceAll(own, "-"), quiet.replaceAll(own, "-"));
  });
}

test("wherever a passed stream falls silent, in the middle of a call too, its numbers go on and its events stay", () => {
  const codec = CODECS["openai-responses"];
  const calls = [{ id: "call_1", name: "f", arguments: '{"sequence_number":3,"a":"日本"}', custom: false }];
  const said = complete({ model: "gpt-5.5", text: 'Hé \u2028 "sequence_number":5', calls, finish: "tool-calls" });
  const base = encodeReply("openai-responses", said, { serial: 1, includeUsage: true }).events.join("");
  const unnumbered = (stream: string): unknown[] =>
    eventsIn(stream)
      .filter(({ event }) => event !== "keepalive")
      .map(({ event, data }) => ({ event, ...(JSON.parse(data) as Json), sequence_number: null }));
  for (const text of [base, base.replaceAll("\n", "\r\n"), base.replaceAll("\n\n", "\n\n: wait\n\n"), base.trimEnd()]) {
    const bytes = new TextEncoder().encode(text);
    const expected = unnumbered(text);
    for (let cut = 0; cut <= bytes.length; cut += text === base ? 1 : 13) {
      const passing = streamPassthrough({ codec, exchange: exchange(), meter: new UsageMeter(), limits: SSE_LIMITS });
      const { pump, sign } = withSigns(passing, codec.reply);
      const out = [pump.step(bytes.subarray(0, cut)), sign(), sign(), pump.step(bytes.subarray(cut)), sign(), pump.end()];
      const stream = new TextDecoder().decode(concat(out.filter((piece) => piece !== null)));
      const numbers = eventsIn(stream).map(({ data }) => (JSON.parse(data) as Json)["sequence_number"]);
      assert.ok(
        numbers.every((number, index) => number === index),
        `cut at ${cut}: ${numbers.join()}`,
      );
      if (cut % 97 === 0) assert.deepEqual(unnumbered(stream), expected, `cut at ${cut}`);
    }
  }
});

test("a passed stream that was never silent keeps its bytes, numbers and all", async () => {
  const events = ["created", "in_progress", "completed"].map(
    (type, index) =>
      `data: {"type":"response.${type}","response":{"id":"resp_1","output":[],"status":"completed"},"sequence_number": ${7 * index}}\n\n`,
  );
  upstream.script(() => ({ events }));
  assert.equal(await (await callFor(lively, RESPONSES, { stream: true })).text(), events.join(""));
});

test("comments of the upstream are no life to Codex: the sign comes all the same", async () => {
  const created = 'data: {"type":"response.created","response":{"id":"resp_1","output":[]},"sequence_number":0}\n\n';
  const completed =
    'data: {"type":"response.completed","response":{"id":"resp_1","output":[],"status":"completed"},"sequence_number":1}\n\n';
  upstream.script(() => ({ events: [created, ...Array.from({ length: 12 }, () => ": wait\n\n"), completed], delayMs: 10 }));
  const stream = await (await callFor(lively, RESPONSES, { stream: true })).text();
  assert.match(stream, /event: keepalive\ndata: \{"type":"keepalive","sequence_number":1\}\n\n/);
  assert.equal(stream.match(/: wait\n\n/g)?.length, 12);
  const signs = stream.match(/event: keepalive/g)?.length ?? 0;
  assert.ok(stream.endsWith(completed.replace('number":1', `number":${1 + signs}`)));
});

test("the official OpenAI and Anthropic clients read past signs of life", async () => {
  upstream.script(() => pausing(2));
  const openai = new OpenAI({ apiKey: lively.key, baseURL: `${lively.url}/v1`, maxRetries: 0 });
  const anthropic = new Anthropic({ apiKey: lively.key, baseURL: lively.url, maxRetries: 0 });
  const messages = [{ role: "user" as const, content: "Hello there" }];
  for (const model of [MODELS["openai-chat"], MODELS["anthropic-messages"]]) {
    let chat = "";
    for await (const chunk of await openai.chat.completions.create({ model, messages, stream: true }))
      chat += chunk.choices[0]?.delta.content ?? "";
    const { output_text: helped } = await openai.responses.stream({ model, input: "Hello there" }).finalResponse();
    assert.equal(helped, "One two three");
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
  const { status, message } = await errorIn("openai-chat", await callFor(lively, CONVERSION, { stream: true }));
  assert.deepEqual({ status, message }, { status: 500, message: "No." });
});

test("nor while the first event of a stream is awaited: it may be an error, which still has a status of its own", async () => {
  for (const client of PROTOCOLS) {
    upstream.script(() => ({
      say: { text: "x" },
      fail: { afterEvents: 0, message: "Busy." },
      hold: { afterEvents: 0, until: new Promise((resolve) => setTimeout(resolve, QUIET_MS)) },
    }));
    const { status, message } = await errorIn(client, await callFor(lively, { client, upstream: client, name: "" }, { stream: true }));
    assert.deepEqual({ isError: status >= 500, message }, { isError: true, message: "Busy." }, client);
  }
});

test("a whole answer has white space before it only where KEEP_ALIVE_WHOLE says so, and is the same answer", async () => {
  const patient = await gatewayWith({ KEEP_ALIVE_INTERVAL: "0.03", KEEP_ALIVE_WHOLE: "1" });
  for (const way of PAIR) {
    upstream.script(() => pausing(0));
    const usual = await (await callFor(lively, way)).text();
    const spaced = await heldUntil(
      (text) => text.startsWith("  "),
      () => callFor(patient, way),
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
  const way = CONVERSION;
  upstream.script(() => ({ error: { status: 500, message: "Soon." } }));
  assert.equal((await callFor(patient, way)).status, 500);
  upstream.script(() => ({ hang: "before-head" }));
  const leaving = new AbortController();
  const response = await callFor(hasty, way, { signal: leaving.signal });
  assert.equal(response.status, 200);
  leaving.abort();
  await until(() => upstream.openConnections() === 0, "the upstream to be let go");
});

// ---- A late answer, on a clock of its own ----------------------------------------------------------------------------

/** A response whose body says whether it was cancelled. */
function cancellable(): { response: Response; cancelled: unknown[] } {
  const cancelled: unknown[] = [];
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new TextEncoder().encode("{")),
    cancel: (reason) => void cancelled.push(reason),
  });
  return { response: new Response(body), cancelled };
}

/** Lets everything happen that waits for nothing from outside. */
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

test("a client that leaves before a late answer has come cancels it when it comes", async () => {
  const { response, cancelled } = cancellable();
  let answer = (_response: Response): void => {};
  const coming = new Promise<Response>((resolve) => (answer = resolve));
  const clock = new Clock();
  const reader = lateResponse(coming, { everyMs: 100, after: clock.after }).body?.getReader() ?? assert.fail();
  assert.equal(new TextDecoder().decode((await reader.read()).value), " ");
  const leaving = reader.cancel("left");
  await settle();
  assert.deepEqual([cancelled, clock.timers], [[], 0]);
  answer(response);
  await leaving;
  assert.deepEqual(cancelled, ["left"]);
});

test("a client that leaves in the middle of a late answer cancels it", async () => {
  const { response, cancelled } = cancellable();
  const clock = new Clock();
  const reader = lateResponse(Promise.resolve(response), { everyMs: 100, after: clock.after }).body?.getReader() ?? assert.fail();
  await reader.read();
  assert.equal(new TextDecoder().decode((await reader.read()).value), "{");
  await reader.cancel("left");
  assert.deepEqual([cancelled, clock.timers], [["left"], 0]);
});

test("an answer that comes or fails in time is nobody's late one, and leaves no timer", async () => {
  const clock = new Clock();
  const waiting = { everyMs: 100, after: clock.after };
  assert.equal(await answerOrLate(Promise.resolve("soon"), waiting), "soon");
  await assert.rejects(answerOrLate(Promise.reject(new Error("failed soon")), waiting), /^Error: failed soon$/);
  assert.equal(clock.timers, 0);
  const answer = new Promise<string>(() => {});
  const late = answerOrLate(answer, waiting);
  clock.advance(100);
  assert.deepEqual(await late, { type: "late", answer, ...waiting });
});
