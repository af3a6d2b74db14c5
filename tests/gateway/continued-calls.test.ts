// Answers that pause, over the wire: each client in front of each upstream that pauses gets one answer, however many requests it took.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GoogleGenAI } from "@google/genai";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import OpenAI6 from "openai-6";
import { MAX_CONTINUATIONS } from "../../src/gateway/continuation.ts";
import type { JsonObject } from "../../src/wire/json.ts";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { ask, errorIn, failure, MODELS, textOf, told, type Asked } from "../support/dialects.ts";
import { AwakeClock } from "../support/awake.ts";
import { startGateways, until, type RunningGateway } from "../support/gateway.ts";
import { answering, gemini, messages, type Candidate, type Told, type Turn } from "../support/pauses.ts";
import { obeysStreamGrammar } from "../support/stream-grammar.ts";
import type { Answer, Seen } from "../support/upstream.ts";

const WHOLE_OR_STREAMED = [false, true];
const nameOf = (stream: boolean): string => (stream ? "streamed" : "whole");

const { upstream, gatewayWith } = await startGateways();
const plain = await gatewayWith({});

/** What lets a Messages upstream run a web search, in the words of each client. */
const SEARCH: Readonly<Record<ProtocolId, JsonObject>> = {
  "openai-chat": { web_search_options: {} },
  "openai-responses": { tools: [{ type: "web_search" }] },
  "anthropic-messages": { tools: [{ type: "web_search_20250305", name: "web_search" }] },
  gemini: { tools: [{ googleSearch: {} }] },
};
/** What a client says besides: Chat clients want the usage of a stream. */
const WITH_USAGE: Readonly<Record<ProtocolId, JsonObject>> = {
  "openai-chat": { stream_options: { include_usage: true } },
  "openai-responses": {},
  "anthropic-messages": {},
  gemini: {},
};

interface Pausing {
  readonly upstream: "anthropic-messages" | "gemini";
  readonly client: ProtocolId;
  /** `client -> upstream`. */
  readonly name: string;
}

const PAUSING: readonly Pausing[] = (["anthropic-messages", "gemini"] as const).flatMap((to) =>
  (["openai-chat", "openai-responses", "anthropic-messages", "gemini"] as const)
    .filter((client) => client !== to)
    .map((client) => ({ upstream: to, client, name: `${client} -> ${to}` })),
);

function askedBy({ client, upstream: to }: Pausing, stream: boolean): { path: string; body: object } {
  const more = { ...(to === "gemini" ? {} : SEARCH[client]), ...(stream ? WITH_USAGE[client] : {}) };
  return ask(client, { model: MODELS[to], stream, text: "When is high tide?", more } satisfies Asked);
}

function callOf(gateway: RunningGateway, way: Pausing, options: { stream: boolean; signal?: AbortSignal }): Promise<Response> {
  const { path, body } = askedBy(way, options.stream);
  return gateway.call(path, { body, ...(options.signal === undefined ? {} : { signal: options.signal }) });
}

const search = (id: string): JsonObject => ({ type: "server_tool_use", id, name: "web_search", input: { query: "high tide" } });
const found = (id: string): JsonObject => ({
  type: "web_search_tool_result",
  tool_use_id: id,
  content: [{ type: "web_search_result", url: "https://tides.example", title: "Tides", encrypted_content: `found-${id}`, page_age: null }],
});
const said = (words: string): JsonObject => ({ type: "text", text: words });
const THOUGHT: JsonObject = { type: "thinking", thinking: "Where?", signature: "c2lnbmF0dXJl" };

/** Three answers, of which two pause: together "I look. At six, at noon." */
const TURNS: readonly Turn[] = [
  { blocks: [THOUGHT, said("I look."), search("s1")], usage: { input: 10, cached: 4, output: 5 } },
  { blocks: [found("s1"), said(" At six,"), search("s2")], usage: { input: 20, cached: 14, output: 6 } },
  { blocks: [found("s2"), said(" at noon.")], stop: "end_turn", usage: { input: 30, cached: 24, output: 7 } },
];
const CANDIDATES: readonly Candidate[] = [
  { parts: [{ text: "Where?", thought: true }, { text: "I look." }, { text: " At s" }], token: "QQ==", usage: { input: 14, output: 5 } },
  { parts: [{ text: "ix, " }], token: "Qg==", usage: { input: 34, output: 6 } },
  { parts: [{ text: "at noon." }], reason: "STOP", usage: { input: 54, output: 7 } },
];
const ANSWERS: Readonly<Record<Pausing["upstream"], readonly Told[]>> = {
  "anthropic-messages": TURNS.map(messages),
  gemini: CANDIDATES.map(gemini),
};
/** Of all three requests together, from caches too. */
const INPUT_TOKENS = 14 + 34 + 54;
const OUTPUT_TOKENS = 5 + 6 + 7;
const TEXT = "I look. At six, at noon.";
const PAUSED: Readonly<Record<Pausing["upstream"], Told>> = {
  "anthropic-messages": messages({ blocks: [said("I look."), search("s1")] }),
  gemini: gemini({ parts: [{ text: "I look." }], token: "QQ==" }),
};

/** Answers request by request; the upstream has nothing to say to one more. */
function scripted(answers: readonly Answer[]): void {
  let next = 0;
  upstream.script(() => answers[next++] ?? { error: { status: 500, message: "one request too many" } });
}

function requestsSince(count: number): readonly Seen[] {
  return upstream.requests.slice(count);
}

/** What a request of the gateway says beyond the first one of its call. */
function restAsked(to: Pausing["upstream"], { body }: Seen): unknown {
  const data = JSON.parse(body) as { messages?: unknown[]; continuationToken?: string };
  return to === "gemini" ? data.continuationToken : data.messages?.slice(1);
}

const ENDS: Readonly<Record<ProtocolId, readonly string[]>> = {
  "openai-chat": ["stop", "[DONE]"],
  "openai-responses": ["response.completed"],
  "anthropic-messages": ["message_stop"],
  gemini: ["STOP"],
};

/** How a whole answer ended, in the client's words. */
function endOf(client: ProtocolId, body: string): unknown {
  const data = JSON.parse(body);
  if (client === "openai-chat") return data.choices[0].finish_reason;
  if (client === "openai-responses") return [data.status, data.incomplete_details];
  return client === "gemini" ? data.candidates[0].finishReason : data.stop_reason;
}
/** How a stream says why it ended, where its terminal does not: read from all of its text. */
const LIMIT: Readonly<Record<ProtocolId, { readonly whole: unknown; readonly streamed: RegExp; readonly terminals: readonly string[] }>> = {
  "openai-chat": { whole: "length", streamed: /"finish_reason":"length"/, terminals: ["length", "[DONE]"] },
  "openai-responses": {
    whole: ["incomplete", { reason: "max_output_tokens" }],
    streamed: /"incomplete_details":\{"reason":"max_output_tokens"\}/,
    terminals: ["response.incomplete"],
  },
  "anthropic-messages": { whole: "max_tokens", streamed: /"stop_reason":"max_tokens"/, terminals: ["message_stop"] },
  gemini: { whole: "MAX_TOKENS", streamed: /"finishReason":"MAX_TOKENS"/, terminals: ["MAX_TOKENS"] },
};

for (const way of PAUSING) {
  for (const stream of WHOLE_OR_STREAMED) {
    test(`${way.name}, ${nameOf(stream)}: an answer that pauses twice is one answer`, async () => {
      scripted(ANSWERS[way.upstream].map((answer) => answering(answer, stream)));
      const before = upstream.requests.length;
      const response = await callOf(plain, way, { stream });
      const body = await response.text();
      assert.equal(response.status, 200, body);
      if (stream) {
        assert.deepEqual(told(way.client, body), { text: TEXT, terminals: ENDS[way.client] });
        obeysStreamGrammar(way.client, body, { includeUsage: true });
      } else assert.equal(textOf(way.client, body), TEXT);

      const [first, ...rest] = requestsSince(before);
      const turn = (count: number): JsonObject => ({
        role: "assistant",
        content: TURNS.slice(0, count).flatMap(({ blocks }) => [...blocks]),
      });
      assert.deepEqual(
        rest.map((seen) => restAsked(way.upstream, seen)),
        way.upstream === "gemini" ? ["QQ==", "Qg=="] : [[turn(1)], [turn(2)]],
      );
      const constant = ["authorization", "x-session-id", "x-api-provider", "anthropic-version"];
      for (const { headers } of rest) for (const name of constant) assert.equal(headers[name], first?.headers[name], name);

      const { finish, continuations, attempts, error, inputTokens, outputTokens, status } = await plain.lineOf(response);
      assert.deepEqual(
        { finish, continuations, attempts, error, inputTokens, outputTokens, status },
        {
          finish: "end",
          continuations: 2,
          attempts: undefined,
          error: undefined,
          inputTokens: INPUT_TOKENS,
          outputTokens: OUTPUT_TOKENS,
          status: 200,
        },
      );
      const id = response.headers.get("x-request-id");
      assert.equal(plain.lines.filter((line) => line["event"] === "request" && line["requestId"] === id).length, 1);
      assert.equal(response.headers.get("x-factory-proxy-attempts"), null);
    });

    test(`${way.name}, ${nameOf(stream)}: an answer that pauses for ever ends at the bound, as one that ran out of tokens`, async () => {
      let next = 0;
      upstream.script(() => {
        const token = btoa(`token ${next++}`);
        const one =
          way.upstream === "gemini" ? gemini({ parts: [{ text: "On." }], token }) : messages({ blocks: [said("On."), search("s")] });
        return answering(one, stream);
      });
      const before = upstream.requests.length;
      const response = await callOf(plain, way, { stream });
      const body = await response.text();
      const { whole, streamed, terminals } = LIMIT[way.client];
      const text = "On.".repeat(1 + MAX_CONTINUATIONS);
      if (stream) {
        assert.deepEqual(told(way.client, body), { text, terminals });
        assert.match(body, streamed);
        obeysStreamGrammar(way.client, body, { includeUsage: true });
      } else assert.deepEqual([textOf(way.client, body), endOf(way.client, body)], [text, whole]);
      assert.equal(requestsSince(before).length, 1 + MAX_CONTINUATIONS);
      const { finish, continuations, outputTokens } = await plain.lineOf(response);
      assert.deepEqual({ finish, continuations, outputTokens }, { finish: "length", continuations: 8, outputTokens: 45 });
    });

    test(`${way.name}, ${nameOf(stream)}: when the rest is refused, the client gets its own error`, async () => {
      scripted([answering(PAUSED[way.upstream], stream), { error: { status: 400, message: "no more of this" } }]);
      const response = await callOf(plain, way, { stream });
      if (stream) {
        const body = await response.text();
        assert.deepEqual(told(way.client, body), { text: "I look.", terminals: failure(way.client, "no more of this") });
        obeysStreamGrammar(way.client, body, { includeUsage: true });
      } else {
        const { status, message } = await errorIn(way.client, response);
        assert.deepEqual({ status, message }, { status: 400, message: "no more of this" });
      }
      const { error, continuations, outputTokens } = await plain.lineOf(response);
      assert.deepEqual([error, continuations], ["upstream-rejected", 1]);
      assert.equal(outputTokens, 5);
    });
  }

  test(`${way.name}: an error in the middle of the rest is an error in the middle of the answer`, async () => {
    scripted([
      answering(PAUSED[way.upstream], true),
      { say: { text: "At six, I think." }, fail: { afterEvents: 4, message: "overloaded" } },
    ]);
    const response = await callOf(plain, way, { stream: true });
    const body = await response.text();
    const { text, terminals } = told(way.client, body);
    assert.match(text, /^I look\.At/);
    assert.deepEqual(terminals, failure(way.client, "overloaded"));
    obeysStreamGrammar(way.client, body, { includeUsage: true });
  });

  test(`${way.name}: rest that never comes is an answer that breaks off`, async () => {
    // Deno's fetch (2.9) itself sends once more what a kept connection lost.
    scripted([answering(PAUSED[way.upstream], true), { reset: true }, { reset: true }]);
    const response = await callOf(plain, way, { stream: true });
    const body = await response.text();
    const terminals = failure(way.client, "The connection to the upstream broke before it answered.");
    assert.deepEqual(told(way.client, body), { text: "I look.", terminals });
    obeysStreamGrammar(way.client, body, { includeUsage: true });
    const { error, attempts, continuations } = await plain.lineOf(response);
    assert.deepEqual({ error, attempts, continuations }, { error: "upstream-failed", attempts: undefined, continuations: 1 });
  });

  test(`${way.name}: rest that breaks off is an answer that breaks off`, async () => {
    scripted([answering(PAUSED[way.upstream], true), { say: { text: "At six, I think." }, cut: { after: { events: 3 }, how: "end" } }]);
    const response = await callOf(plain, way, { stream: true });
    const { terminals } = told(way.client, await response.text());
    assert.deepEqual(terminals, failure(way.client, "The upstream ended the stream before the answer was complete."));
  });
}

// ---- The official clients ----------------------------------------------------------------------------------------

interface Reader {
  readonly name: string;
  readonly client: ProtocolId;
  /** Text, finish and usage as the client's own accumulator has them. */
  readonly read: (model: string) => Promise<unknown>;
  /** The end and the usage, given the input and output tokens of all requests. */
  readonly expected: (input: number, output: number) => unknown;
}

const openAiReaders = [
  { version: "openai 7", client: new OpenAI({ baseURL: `${plain.url}/v1`, apiKey: plain.key, maxRetries: 0 }) },
  { version: "openai 6", client: new OpenAI6({ baseURL: `${plain.url}/v1`, apiKey: plain.key, maxRetries: 0 }) as unknown as OpenAI },
].flatMap(({ version, client }): Reader[] => [
  {
    name: `${version}, chat.completions.stream`,
    client: "openai-chat",
    async read(model) {
      const { choices, usage } = await client.chat.completions
        .stream({ model, messages: [{ role: "user", content: "?" }], web_search_options: {}, stream_options: { include_usage: true } })
        .finalChatCompletion();
      return [choices[0]?.message.content, choices[0]?.finish_reason, usage?.prompt_tokens, usage?.completion_tokens];
    },
    expected: (input, output) => [TEXT, "stop", input, output],
  },
  {
    name: `${version}, responses.stream`,
    client: "openai-responses",
    async read(model) {
      const final = await client.responses.stream({ model, input: "?", tools: [{ type: "web_search" }] }).finalResponse();
      return [final.output_text, final.status, final.usage?.input_tokens, final.usage?.output_tokens];
    },
    expected: (input, output) => [TEXT, "completed", input, output],
  },
]);
const READERS: readonly Reader[] = [
  ...openAiReaders,
  {
    name: "@anthropic-ai/sdk, messages.stream",
    client: "anthropic-messages",
    async read(model) {
      const client = new Anthropic({ baseURL: plain.url, apiKey: plain.key, maxRetries: 0 });
      const { content, stop_reason, usage } = await client.messages
        .stream({ model, max_tokens: 1000, messages: [{ role: "user", content: "?" }] })
        .finalMessage();
      return [
        content.flatMap((block) => (block.type === "text" ? [block.text] : [])),
        stop_reason,
        usage.input_tokens,
        usage.output_tokens,
      ];
    },
    expected: (input, output) => [[TEXT], "end_turn", input, output],
  },
  {
    name: "@google/genai, generateContentStream",
    client: "gemini",
    async read(model) {
      const client = new GoogleGenAI({ apiKey: plain.key, httpOptions: { baseUrl: plain.url } });
      const stream = await client.models.generateContentStream({ model, contents: "?", config: { tools: [{ googleSearch: {} }] } });
      let text = "";
      let end: unknown[] = [];
      for await (const chunk of stream) {
        text += chunk.text ?? "";
        const { promptTokenCount, candidatesTokenCount } = chunk.usageMetadata ?? {};
        end = [chunk.candidates?.[0]?.finishReason, promptTokenCount, candidatesTokenCount];
      }
      return [text, ...end];
    },
    expected: (input, output) => [TEXT, "STOP", input, output],
  },
];
for (const { upstream: to, client, name } of PAUSING) {
  for (const reader of READERS.filter((one) => one.client === client)) {
    test(`${name}: ${reader.name} reads one answer and the usage of all its requests`, async () => {
      scripted(ANSWERS[to].map((answer) => answering(answer, true)));
      assert.deepEqual(await reader.read(MODELS[to]), reader.expected(INPUT_TOKENS, OUTPUT_TOKENS));
    });
  }
}

// ---- What else may happen ----------------------------------------------------------------------------------------

const CHAT: Pausing = { upstream: "anthropic-messages", client: "openai-chat", name: "" };
const FROM_GEMINI: Pausing = { upstream: "gemini", client: "openai-chat", name: "" };
const [FIRST, SECOND, THIRD] = ANSWERS["anthropic-messages"] as [Told, Told, Told];

for (const stream of WHOLE_OR_STREAMED) {
  test(`${nameOf(stream)}: the rest is tried again as any request is, and the log counts it`, async () => {
    const patient = await gatewayWith({ RETRIES: "2" });
    const overloaded: Answer = { error: { status: 529, message: "busy" }, headers: { "retry-after": "0" } };
    scripted([answering(FIRST, stream), overloaded, answering(SECOND, stream), overloaded, answering(THIRD, stream)]);
    const response = await callOf(patient, CHAT, { stream });
    const body = await response.text();
    assert.equal(stream ? told("openai-chat", body).text : textOf("openai-chat", body), TEXT);
    const { attempts, continuations, finish } = await patient.lineOf(response);
    assert.deepEqual({ attempts, continuations, finish }, { attempts: 3, continuations: 2, finish: "end" });
  });

  test(`${nameOf(stream)}: a conversation asks for the rest with the key that it began with, while that one works`, async () => {
    const keys = ["fk-first-key-of-two", "fk-second-key-of-two"];
    const gateway = await gatewayWith({ FACTORY_API_KEY: keys[0] ?? "", FACTORY_API_KEYS: keys[1] ?? "" });
    for (const conversation of ["one", "two", "three", "four"]) {
      scripted([FIRST, SECOND, THIRD].map((answer) => answering(answer, stream)));
      const before = upstream.requests.length;
      const { path, body } = ask("openai-chat", {
        model: MODELS["anthropic-messages"],
        stream,
        text: conversation,
        more: { web_search_options: {} },
      });
      await (await gateway.call(path, { body })).text();
      const used = requestsSince(before).map(({ headers }) => headers["authorization"]);
      assert.deepEqual(used, [used[0], used[0], used[0]]);
    }
  });

  test(`${nameOf(stream)}: the limit on a whole answer is one for all its requests`, async () => {
    const gateway = await gatewayWith({ UPSTREAM_TOTAL_TIMEOUT: "0.6" });
    const slow = (answer: Told): Answer => ({
      ...answering(answer, stream),
      hold: {
        afterEvents: 0,
        // By the clock that the limit goes by, from when it is this answer's turn.
        get until() {
          return new AwakeClock().pause(400);
        },
      },
    });
    scripted([slow(FIRST), slow(SECOND), slow(THIRD)]);
    const before = upstream.requests.length;
    const response = await callOf(gateway, CHAT, { stream });
    const says = "The upstream did not finish within 0.6 s (UPSTREAM_TOTAL_TIMEOUT).";
    if (stream) assert.deepEqual(told("openai-chat", await response.text()).terminals, [`error: ${says}`]);
    else assert.deepEqual((await errorIn("openai-chat", response)).message, says);
    assert.ok(requestsSince(before).length < 3, "the third request is not sent any more");
    await until(() => upstream.openConnections() === 0, "the upstream to be let go");
  });

  test(`${nameOf(stream)}: a client that leaves while the rest is asked for ends the asking`, async () => {
    scripted([answering(FIRST, stream), { hang: "before-head" }]);
    const before = upstream.requests.length;
    const leaving = new AbortController();
    const calling = callOf(plain, CHAT, { stream, signal: leaving.signal });
    calling.then(
      (response) => response.text().catch(() => {}),
      () => {},
    );
    await until(() => requestsSince(before).length === 2, "the rest to be asked for");
    leaving.abort();
    const seen = requestsSince(before)[1] ?? assert.fail();
    await until(() => seen.leftAtMs !== null, "the upstream to be let go");
    await until(() => upstream.openConnections() === 0, "every connection to end");
    await until(() => plain.lines.at(-1)?.["error"] === "cancelled", "the log line");
    const { error, continuations, outputTokens } = plain.lines.at(-1) ?? {};
    assert.deepEqual([error, continuations, outputTokens], ["cancelled", 1, 5]);
  });
}

test("a client that leaves in the middle of the rest ends it, and the log has the usage of both requests so far", async () => {
  scripted([answering(FIRST, true), { events: SECOND.events, hang: { afterEvents: SECOND.events.length - 1 } }]);
  const before = upstream.requests.length;
  const response = await callOf(plain, CHAT, { stream: true });
  const reader = response.body?.getReader() ?? assert.fail();
  let text = "";
  while (!text.includes("six")) text += new TextDecoder().decode((await reader.read()).value);
  const seen = requestsSince(before)[1] ?? assert.fail();
  await reader.cancel();
  await until(() => seen.leftAtMs !== null, "the upstream to be let go");
  const { error, continuations, inputTokens } = await plain.lineOf(response);
  assert.deepEqual([error, continuations, inputTokens], ["cancelled", 1, 14 + 34]);
});

test("a Messages client gets the pause itself, byte for byte, and goes on as it likes", async () => {
  for (const stream of WHOLE_OR_STREAMED) {
    scripted([answering(FIRST, stream)]);
    const before = upstream.requests.length;
    const { path, body } = ask("anthropic-messages", { model: MODELS["anthropic-messages"], stream, more: SEARCH["anthropic-messages"] });
    const response = await plain.call(path, { body });
    assert.equal(await response.text(), stream ? FIRST.events.join("") : FIRST.whole);
    assert.equal(requestsSince(before).length, 1);
    assert.equal((await plain.lineOf(response))["finish"], "paused");
  }
});

test("so does a Gemini client", async () => {
  const [first] = ANSWERS.gemini as [Told];
  scripted([answering(first, true)]);
  const { path, body } = ask("gemini", { model: MODELS.gemini, stream: true });
  const response = await plain.call(path, { body });
  assert.equal(await response.text(), first.events.join(""));
});

test("a pause of a turn in which no tool runs upstream is not gone on with, and reported as a limit", async () => {
  for (const stream of WHOLE_OR_STREAMED) {
    scripted([answering(FIRST, stream)]);
    const before = upstream.requests.length;
    const { path, body } = ask("openai-chat", { model: MODELS["anthropic-messages"], stream });
    const text = await (await plain.call(path, { body })).text();
    if (stream) assert.deepEqual(told("openai-chat", text).terminals, ["length", "[DONE]"]);
    else assert.equal(endOf("openai-chat", text), "length");
    assert.equal(requestsSince(before).length, 1);
  }
});

test("a stream goes on where the last event of the one before lacks its blank line, and where its pieces are cut anywhere", async () => {
  for (const way of [CHAT, FROM_GEMINI]) {
    const cutOff = ANSWERS[way.upstream].map(({ events }): Answer => ({ events: [events.join("").trimEnd()], byteByByte: true }));
    scripted(cutOff);
    const body = await (await callOf(plain, way, { stream: true })).text();
    assert.deepEqual(told("openai-chat", body), { text: TEXT, terminals: ["stop", "[DONE]"] });
  }
});

test("a stream goes on where the upstream gives the rest whole, and a whole answer where it streams it", async () => {
  for (const way of [CHAT, FROM_GEMINI]) {
    for (const stream of WHOLE_OR_STREAMED) {
      const [first, second, third] = ANSWERS[way.upstream] as [Told, Told, Told];
      scripted([answering(first, stream), answering(second, !stream), answering(third, stream)]);
      const body = await (await callOf(plain, way, { stream })).text();
      assert.equal(stream ? told("openai-chat", body).text : textOf("openai-chat", body), TEXT);
    }
  }
});

test("a Gemini client that streams a JSON array gets one array", async () => {
  scripted([FIRST, SECOND, THIRD].map((answer) => answering(answer, true)));
  const { body } = ask("gemini", { model: MODELS["anthropic-messages"], more: SEARCH.gemini });
  const response = await plain.call(`/v1beta/models/${MODELS["anthropic-messages"]}:streamGenerateContent`, { body });
  const chunks = (await response.json()) as { candidates: { content: { parts: { text?: string; thought?: boolean }[] } }[] }[];
  const parts = chunks.flatMap((chunk) => chunk.candidates[0]?.content.parts ?? []);
  assert.equal(parts.map(({ text = "", thought: isThought }) => (isThought === true ? "" : text)).join(""), TEXT);
});

test("while the rest is asked for, the client's connection is kept busy", async () => {
  const gateway = await gatewayWith({ KEEP_ALIVE_INTERVAL: "0.05" });
  let goOn: () => void = () => {};
  const held = new Promise<void>((resolve) => (goOn = resolve));
  scripted([answering(FIRST, true), { ...answering(SECOND, true), hold: { afterEvents: 0, until: held } }, answering(THIRD, true)]);
  const response = await callOf(gateway, CHAT, { stream: true });
  const reader = response.body?.getReader() ?? assert.fail();
  let body = "";
  const take = async (): Promise<boolean> => {
    const { done, value } = await reader.read();
    body += new TextDecoder().decode(value);
    return done;
  };
  while (!body.includes(": keep-alive")) await take();
  goOn();
  while (!(await take()));
  assert.deepEqual(told("openai-chat", body), { text: TEXT, terminals: ["stop", "[DONE]"] });
});

test("a server that is told to stop lets an answer that has paused go on to its end", async () => {
  const gateway = await gatewayWith({});
  let goOn: () => void = () => {};
  const held = new Promise<void>((resolve) => (goOn = resolve));
  scripted([{ ...answering(FIRST, true), hold: { afterEvents: 3, until: held } }, answering(SECOND, true), answering(THIRD, true)]);
  const response = await callOf(gateway, CHAT, { stream: true });
  const stopping = gateway.stop();
  goOn();
  assert.deepEqual(told("openai-chat", await response.text()), { text: TEXT, terminals: ["stop", "[DONE]"] });
  await stopping;
});
