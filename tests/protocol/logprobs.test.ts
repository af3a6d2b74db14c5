// Log probabilities between the three protocols that have them: what each codec reads and writes, whole and
// streamed; what the official clients make of it; and whole calls through the gateway. Messages has none, and refuses.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { GoogleGenAI } from "@google/genai";
import OpenAI7 from "openai";
import OpenAI6 from "openai-6";
import type { Logprob, Part, ProtocolId, ReplyEvent, TokenLogprob } from "../../src/protocol/canonical.ts";
import { CODECS } from "../../src/protocol/codecs.ts";
import { fold, unfold } from "../../src/protocol/fold.ts";
import { conversion } from "../../src/gateway/convert.ts";
import { UsageMeter } from "../../src/gateway/usage-meter.ts";
import { closed, delta as deltaOf, opened, reasoning, reply as replyOf, text as plainText } from "../support/canonical.ts";
import { ask, errorIn } from "../support/dialects.ts";
import { loadCase } from "../support/fixtures.ts";
import { CLIENT_KEY, startGateway } from "../support/gateway.ts";
import { decodeStream, encodeStream, exchangeFor, sseEvents } from "../support/laws.ts";
import { obeysStreamGrammar } from "../support/stream-grammar.ts";

type Having = Exclude<ProtocolId, "anthropic-messages">;
const HAVING: readonly Having[] = ["openai-chat", "openai-responses", "gemini"];

/** A token whose bytes are those of its text. */
const token = (text: string, logprob: number, bytes: readonly number[] = [...new TextEncoder().encode(text)]): TokenLogprob => ({
  token: text,
  bytes,
  logprob,
});
const chosen = (one: TokenLogprob, ...top: TokenLogprob[]): Logprob => ({ ...one, top });
const text = (said: string, logprobs: readonly Logprob[]): Part => plainText(said, { logprobs });

// ---- Decoding: what the fixtures `log-probabilities` say -----------------------------------------------------------

const HALF = token(" \\xf0\\x9f\\x90", -0.25, [32, 240, 159, 144]);
const REST = token("\\x9f", -1.1472419600977446e-6, [159]);

const SAID: Readonly<Record<Having, readonly Part[]>> = {
  "openai-chat": [
    text("Hi 🐟", [
      chosen(token("Hi", 0), token("Hi", 0), token("Hello", -9.5)),
      chosen(HALF, HALF, token(" there", -1.5)),
      chosen(REST, REST, token("\\xa0", -13.75, [160])),
    ]),
  ],
  "openai-responses": [
    text("Oslo.", [
      chosen(token("Oslo", -0.125), token("Oslo", -0.125), token("Bergen", -2.5)),
      chosen(token(".", 0), token(".", 0), token("!", -21.5)),
    ]),
  ],
  gemini: [
    text("Hello there.", [
      chosen(token("Hello ", 0), token("Hello ", 0), token("Hi ", -12.25)),
      chosen(token("there", -0.0625), token("there", -0.0625), token("you", -3.5)),
      chosen(token(".", -0.5), token("!", -0.25), token(".", -0.5)),
    ]),
  ],
};

for (const protocol of HAVING) {
  const codec = CODECS[protocol];
  const { request, reply, stream } = loadCase(protocol, "log-probabilities");
  const exchange = exchangeFor(codec, request);

  test(`${protocol}: a whole answer is read with its log probabilities`, () => {
    assert.deepEqual(codec.reply.decode(reply ?? "", exchange).parts, SAID[protocol]);
  });

  test(`${protocol}: a streamed answer is read with them, each in front of its text`, () => {
    const events = decodeStream(codec, sseEvents(stream ?? ""), exchange);
    assert.deepEqual(fold(events).parts, SAID[protocol]);
    const types = events.flatMap((event) => (event.type === "logprobs" || event.type === "part-delta" ? [event.type] : []));
    assert.deepEqual(
      types,
      types.map((_, index) => (index % 2 === 0 ? "logprobs" : "part-delta")),
    );
    assert.ok(types.length >= 4, "in more than one piece");
  });

  test(`${protocol}: the request that asks for them is read so`, () => {
    assert.equal(exchange.request.sampling.topLogprobs, 2);
  });
}

interface Read {
  readonly what: string;
  readonly protocol: Having;
  readonly stop?: readonly string[];
  readonly data: readonly object[];
  readonly parts: readonly Part[];
}

const chat = (delta: object, logprobs: object | null = null, finish: string | null = null): object => ({
  id: "chatcmpl-1",
  model: "m",
  choices: [{ index: 0, delta, logprobs, finish_reason: finish }],
});
const told = (...tokens: object[]): object => ({ content: tokens, refusal: null });
const said = (delta: string, ...logprobs: object[]): object => ({ type: "response.output_text.delta", output_index: 0, delta, logprobs });
const done = (part: object): object => ({ type: "response.content_part.done", output_index: 0, part: { type: "output_text", ...part } });
const completed = { type: "response.completed", response: { status: "completed", output: [] } };
const google = (parts: object[], more: object): object => ({ candidates: [{ content: { parts }, ...more }] });
const result = (...tokens: string[]): object => ({
  logprobsResult: { chosenCandidates: tokens.map((one) => ({ token: one, logProbability: -1 })) },
});
const plain = (...tokens: string[]): Logprob[] => tokens.map((one) => chosen(token(one, -1)));
const a = { token: "a", logprob: -1 };
const bc = { token: "bc", logprob: -1 };

const READ: readonly Read[] = [
  {
    what: "tokens that come before the text that they begin, and a number that JSON has no word for",
    protocol: "openai-chat",
    data: [
      chat({ role: "assistant", content: "" }, { content: [], refusal: null }),
      chat({ content: "" }, told({ token: "\\xf0", bytes: [240], logprob: -1 })),
      chat({ content: "🐟" }, told({ token: "", bytes: null, logprob: null, top_logprobs: null })),
      chat({}, null, "stop"),
    ],
    parts: [text("🐟", [chosen(token("\\xf0", -1, [240])), chosen(token("", -9999))])],
  },
  {
    what: "tokens of thoughts and calls belong to no text",
    protocol: "openai-chat",
    data: [
      chat({ reasoning_content: "Hm." }, told({ token: "Hm.", logprob: -2 })),
      chat({ content: "a" }, told(a)),
      chat({ tool_calls: [{ index: 0, id: "c", function: { name: "f", arguments: "{}" } }] }, told({ token: "{}", logprob: -3 })),
      chat({}, null, "tool_calls"),
    ],
    parts: [
      reasoning("Hm."),
      text("a", plain("a")),
      { type: "tool-call", callId: "c", name: "f", kind: "function", arguments: "{}", cache: null, proof: null },
    ],
  },
  {
    what: "tokens that only the part as a whole tells",
    protocol: "openai-responses",
    data: [said("a"), said("bc"), done({ text: "abc", logprobs: [a, bc] }), completed],
    parts: [text("abc", plain("a", "bc"))],
  },
  {
    what: "tokens that the part as a whole repeats, and the rest of them",
    protocol: "openai-responses",
    data: [said("a", a), done({ text: "abc", logprobs: [a, bc] }), completed],
    parts: [text("abc", plain("a", "bc"))],
  },
  {
    what: "a stop sequence cuts off the tokens that make it and all behind it",
    protocol: "openai-responses",
    stop: ["END"],
    data: [
      said("aé", a, { token: "é", logprob: -1 }),
      said("bcE", bc, { token: "E", logprob: -1 }),
      said("ND.", { token: "ND.", logprob: -1 }),
    ],
    parts: [text("aébc", plain("a", "é", "bc"))],
  },
  {
    what: "what looked like a stop sequence and was none keeps its tokens",
    protocol: "openai-responses",
    stop: ["END"],
    data: [said("aE", a, { token: "E", logprob: -1 }), said("N", { token: "N", logprob: -1 }), done({ text: "aEN" }), completed],
    parts: [text("aEN", plain("a", "E", "N"))],
  },
  {
    what: "numbers that are left out, and those that are none in JSON",
    protocol: "gemini",
    data: [
      google([{ text: "abc" }], {
        logprobsResult: {
          chosenCandidates: [{ token: "a" }, { token: "b", logProbability: "-Infinity" }, { token: "c", logProbability: -0 }],
        },
        finishReason: "STOP",
      }),
    ],
    parts: [text("abc", [chosen(token("a", 0)), chosen(token("b", -9999)), chosen(token("c", 0))])],
  },
  {
    what: "tokens of a chunk without text belong to the text before it",
    protocol: "gemini",
    data: [
      google([{ text: "ab" }], result("a")),
      google([{ functionCall: { id: "c", name: "f", args: {} } }], result("b")),
      google([], { finishReason: "STOP" }),
    ],
    parts: [
      text("ab", plain("a", "b")),
      { type: "tool-call", callId: "c", name: "f", kind: "function", arguments: "{}", cache: null, proof: null },
    ],
  },
  {
    what: "tokens stand with the text, not with the thought beside it; those of a thought alone go untold",
    protocol: "gemini",
    data: [
      google([{ text: "Hm", thought: true }], result("Hm")),
      google([{ text: ".", thought: true }, { text: "a" }], { ...result("a"), finishReason: "STOP" }),
    ],
    parts: [reasoning("Hm."), text("a", plain("a"))],
  },
];

for (const { what, protocol, stop = [], data, parts } of READ) {
  test(`${protocol}, read: ${what}`, () => {
    const codec = CODECS[protocol];
    const exchange = exchangeFor(codec, null);
    const sse = data.map((one) => ({ event: null, data: JSON.stringify(one) }));
    const events = decodeStream(codec, sse, { ...exchange, request: { ...exchange.request, stop } });
    assert.deepEqual(fold(events).parts, parts);
  });
}

// ---- Encoding ------------------------------------------------------------------------------------------------------

const LOGPROBS = [chosen(token("No", -0.5), token("No", -0.5), token("Yes", -1)), chosen(HALF), chosen(REST)] as const;
const REPLY = replyOf([text("No 🐟", LOGPROBS), { type: "refusal", text: "I can't", logprobs: plain("I can't") }]);
/** The first token before its text, the others before theirs, the refusal's behind it. */
const EVENTS: readonly ReplyEvent[] = [
  ...unfold({ ...REPLY, parts: [] }).slice(0, 1),
  opened(0, plainText()),
  { type: "logprobs", index: 0, logprobs: [LOGPROBS[0]] },
  deltaOf(0, "No"),
  { type: "logprobs", index: 0, logprobs: [LOGPROBS[1]] },
  { type: "logprobs", index: 0, logprobs: [LOGPROBS[2]] },
  deltaOf(0, " 🐟"),
  closed(0),
  opened(1, { type: "refusal", text: "" }),
  deltaOf(1, "I can't"),
  { type: "logprobs", index: 1, logprobs: plain("I can't") },
  closed(1),
  ...unfold({ ...REPLY, parts: [] }).slice(1),
];

const NO = {
  token: "No",
  bytes: [78, 111],
  logprob: -0.5,
  top_logprobs: [
    { token: "No", bytes: [78, 111], logprob: -0.5 },
    { token: "Yes", bytes: [89, 101, 115], logprob: -1 },
  ],
};
const FISH = [
  { ...HALF, top_logprobs: [] },
  { ...REST, top_logprobs: [] },
];
const CANT = { token: "I can't", bytes: [73, 32, 99, 97, 110, 39, 116], logprob: -1, top_logprobs: [] };

const gemini = (...tokens: readonly TokenLogprob[]) => tokens.map(({ token: name, logprob }) => ({ token: name, logProbability: logprob }));
const NO_TOP = { candidates: gemini(token("No", -0.5), token("Yes", -1)) };

type Data = Record<string, any>; // oxlint-disable-line typescript/no-explicit-any -- parsed JSON; a wrong guess fails the test

/** What a whole answer says of tokens, as it stands there. */
const IN_WHOLE: Readonly<Record<Having, (answer: Data) => unknown>> = {
  "openai-chat": ({ choices }) => choices[0].logprobs,
  "openai-responses": ({ output }) => output[0].content.map((part: Data) => part["logprobs"]),
  gemini: ({ candidates: [{ logprobsResult, avgLogprobs }] }) => ({ logprobsResult, avgLogprobs }),
};

/** What the events of a stream say, each text with its tokens. */
const IN_STREAM: Readonly<Record<Having, (event: Data) => unknown[]>> = {
  "openai-chat": ({ choices: [choice] }) =>
    (choice?.logprobs ?? null) === null ? [] : [[choice.delta.content ?? choice.delta.refusal, choice.logprobs]],
  "openai-responses": ({ type, delta, logprobs, part }) =>
    logprobs === undefined && part?.logprobs === undefined ? [] : [[type, delta ?? "", logprobs ?? part.logprobs]],
  gemini: ({ candidates: [{ content, logprobsResult, avgLogprobs }] }) =>
    logprobsResult === undefined && avgLogprobs === undefined ? [] : [[content.parts[0].text, logprobsResult, avgLogprobs ?? null]],
};

const AVERAGE = (-0.5 - 0.25 - 1.1472419600977446e-6 - 1) / 4;

const WRITTEN: Readonly<Record<Having, { readonly whole: unknown; readonly stream: unknown[] }>> = {
  "openai-chat": {
    whole: { content: [NO, ...FISH], refusal: [CANT] },
    stream: [
      ["No", { content: [NO], refusal: null }],
      [" 🐟", { content: FISH, refusal: null }],
      ["", { content: null, refusal: [CANT] }],
    ],
  },
  "openai-responses": {
    // A refusal has no place for them.
    whole: [[NO, ...FISH], undefined],
    stream: [
      ["response.content_part.added", "", []],
      ["response.output_text.delta", "No", [NO]],
      ["response.output_text.delta", " 🐟", FISH],
      ["response.output_text.done", "", [NO, ...FISH]],
      ["response.content_part.done", "", [NO, ...FISH]],
    ],
  },
  gemini: {
    whole: {
      logprobsResult: {
        topCandidates: [NO_TOP, { candidates: [] }, { candidates: [] }, { candidates: [] }],
        chosenCandidates: gemini(LOGPROBS[0], HALF, REST, token("I can't", -1)),
      },
      avgLogprobs: AVERAGE,
    },
    stream: [
      ["No", { topCandidates: [NO_TOP], chosenCandidates: gemini(LOGPROBS[0]) }, null],
      [" 🐟", { chosenCandidates: gemini(HALF, REST) }, null],
      ["", { chosenCandidates: gemini(token("I can't", -1)) }, AVERAGE],
    ],
  },
};

for (const protocol of HAVING) {
  const codec = CODECS[protocol];
  const exchange = exchangeFor(codec, null);

  test(`${protocol}: a whole answer tells them`, () => {
    assert.deepEqual(IN_WHOLE[protocol](JSON.parse(codec.reply.encode(REPLY, exchange)) as Data), WRITTEN[protocol].whole);
  });

  test(`${protocol}: a streamed answer tells them with their text, and late ones behind it`, () => {
    const stream = encodeStream(codec, EVENTS, exchange);
    obeysStreamGrammar(protocol, stream, { includeUsage: exchange.request.includeUsage });
    const events = sseEvents(stream).flatMap(({ data }) => (data === "[DONE]" ? [] : [JSON.parse(data) as Data]));
    assert.deepEqual(events.flatMap(IN_STREAM[protocol]), WRITTEN[protocol].stream);
  });
}

test("anthropic-messages: an answer that has them all the same is told without them", () => {
  const codec = CODECS["anthropic-messages"];
  const exchange = exchangeFor(codec, null);
  const without = { ...REPLY, parts: [text("No 🐟", []), { type: "refusal" as const, text: "I can't" }] };
  assert.equal(codec.reply.encode(REPLY, exchange), codec.reply.encode(without, exchange));
  assert.equal(encodeStream(codec, unfold(REPLY), exchange), encodeStream(codec, unfold(without), exchange));
});

// ---- Through the gateway, read by the official clients -------------------------------------------------------------

const MODELS: Readonly<Record<Having, string>> = { "openai-chat": "glm-5", "openai-responses": "gpt-4.1", gemini: "gemini-2.5-flash" };
const gateway = await startGateway();
after(() => gateway.stop());

/** The switches of each protocol, as they go upstream. */
const SWITCHES: Readonly<Record<Having, object>> = {
  "openai-chat": { logprobs: true, top_logprobs: 2 },
  "openai-responses": { include: ["message.output_text.logprobs"], top_logprobs: 2 },
  gemini: { generationConfig: { responseLogprobs: true, logprobs: 2 } },
};

interface Client {
  readonly name: string;
  readonly protocol: Having;
  /** What the client has in the end of the tokens of a streamed and of a whole answer. */
  stream(model: string): Promise<unknown>;
  whole(model: string): Promise<unknown>;
}

const HI = [{ role: "user" as const, content: "Hi" }];
const openai = [
  ["openai 7", new OpenAI7({ apiKey: CLIENT_KEY, baseURL: `${gateway.url}/v1`, maxRetries: 0 })],
  ["openai 6", new OpenAI6({ apiKey: CLIENT_KEY, baseURL: `${gateway.url}/v1`, maxRetries: 0 }) as unknown as OpenAI7],
] as const;
const genai = new GoogleGenAI({ apiKey: CLIENT_KEY, httpOptions: { baseUrl: gateway.url } });
const GOOGLE = { contents: "Hi", config: { responseLogprobs: true, logprobs: 2 } };

const CLIENTS: readonly Client[] = [
  ...openai.flatMap(([name, sdk]): Client[] => [
    {
      name: `${name}, Chat`,
      protocol: "openai-chat",
      stream: async (model) =>
        (await sdk.chat.completions.stream({ model, messages: HI, logprobs: true, top_logprobs: 2 }).finalChatCompletion()).choices[0]
          ?.logprobs,
      whole: async (model) =>
        (await sdk.chat.completions.create({ model, messages: HI, logprobs: true, top_logprobs: 2 })).choices[0]?.logprobs,
    },
    {
      name: `${name}, Responses`,
      protocol: "openai-responses",
      stream: async (model) => {
        const asked = { model, input: "Hi", include: ["message.output_text.logprobs" as const], top_logprobs: 2 };
        return outputLogprobs(await sdk.responses.stream(asked).finalResponse());
      },
      whole: async (model) => {
        const asked = { model, input: "Hi", include: ["message.output_text.logprobs" as const], top_logprobs: 2 };
        return outputLogprobs(await sdk.responses.create(asked));
      },
    },
  ]),
  {
    name: "@google/genai",
    protocol: "gemini",
    stream: async (model) => {
      const heard: Data[] = [];
      let average: number | undefined;
      for await (const { candidates } of await genai.models.generateContentStream({ model, ...GOOGLE })) {
        heard.push(candidates?.[0]?.logprobsResult ?? {});
        average = candidates?.[0]?.avgLogprobs ?? average;
      }
      const joined = (key: string): unknown[] => heard.flatMap((one) => (one[key] as unknown[] | undefined) ?? []);
      return { topCandidates: joined("topCandidates"), chosenCandidates: joined("chosenCandidates"), average };
    },
    whole: async (model) => {
      const [candidate] = (await genai.models.generateContent({ model, ...GOOGLE })).candidates ?? [];
      return { ...candidate?.logprobsResult, average: candidate?.avgLogprobs };
    },
  },
];

function outputLogprobs({ output }: { output: readonly object[] }): unknown {
  return (output.find((item): item is Data => "content" in item)?.["content"] as Data[] | undefined)?.[0]?.["logprobs"];
}

/** What a client of the protocol has in the end. */
function heardBy(protocol: Having, upstream: Having): unknown {
  const tokens = SAID[upstream].flatMap((part) => (part.type === "text" ? (part.logprobs ?? []) : []));
  const openaiTokens = tokens.map(({ top, ...one }) => ({ ...one, top_logprobs: top }));
  if (protocol === "openai-chat") return { content: openaiTokens, refusal: null };
  if (protocol === "openai-responses") return openaiTokens;
  return {
    topCandidates: tokens.map(({ top }) => ({ candidates: gemini(...top) })),
    chosenCandidates: gemini(...tokens),
    average: tokens.reduce((sum, { logprob }) => sum + logprob, 0) / tokens.length,
  };
}

for (const client of CLIENTS) {
  for (const upstream of HAVING) {
    // The same protocol on both sides: the upstream's own bytes, which gateway.test.ts compares.
    if (upstream === client.protocol) continue;
    test(`${client.name} through the gateway to ${upstream}: asked for, streamed and whole`, async () => {
      for (const way of ["stream", "whole"] as const) {
        gateway.upstream.script([{ fixture: "log-probabilities" }]);
        const heard = await client[way](MODELS[upstream]);
        assert.deepEqual(JSON.parse(JSON.stringify(heard)), heardBy(client.protocol, upstream), way);
        const sent = JSON.parse(gateway.lastSeen().body) as Data;
        for (const [key, value] of Object.entries(SWITCHES[upstream])) assert.deepEqual(sent[key], value, key);
      }
    });
  }
}

test("openai-responses through the gateway to openai-chat: the response echoes what the client asked for", async () => {
  gateway.upstream.script([{ fixture: "log-probabilities" }]);
  const { path, body } = ask("openai-responses", {
    model: MODELS["openai-chat"],
    more: SWITCHES["openai-responses"] as Record<string, unknown>,
  });
  assert.equal(((await (await gateway.call(path, { body })).json()) as Data)["top_logprobs"], 2);
});

test("log probabilities that an upstream cannot give are refused under the client's own name, streamed or not", async () => {
  const before = gateway.upstream.requests.length;
  for (const protocol of HAVING) {
    for (const stream of [true, false]) {
      const more = SWITCHES[protocol] as Record<string, unknown>;
      const { path, body } = ask(protocol, { model: "claude-opus-4-8", stream, more });
      const { status, message } = await errorIn(protocol, await gateway.call(path, { body }));
      assert.equal(status, 400);
      const field = { "openai-chat": "logprobs", "openai-responses": "top_logprobs", gemini: "generationConfig.logprobs" }[protocol];
      assert.equal(message.slice(0, message.indexOf(":")), field);
    }
  }
  assert.equal(gateway.upstream.requests.length, before);
});

test("tokens count against the limit of what is held of an answer", () => {
  const from = CODECS["openai-chat"];
  const to = CODECS["openai-responses"];
  const pump = conversion({
    decoder: from.reply.decoder(exchangeFor(from, null)),
    encoder: to.reply.encoder(exchangeFor(to, null)),
    meter: new UsageMeter(),
    limits: { maxEventLength: 10_000, maxReplyBytes: 1000 },
    shown: (error) => error,
  });
  const bytes = new TextEncoder().encode(
    `data: ${JSON.stringify(chat({ content: "a" }, told(...Array.from({ length: 8 }, () => a))))}\n\n`,
  );
  assert.ok(bytes.length < 500);
  pump.step(bytes);
  assert.throws(() => pump.step(bytes), /longer than 1000 characters/);
});
