// Gemini's codec against the official SDK: what the encoder sends is fed to @google/genai through a fetch of its own, and what
// the SDK sends back is decoded. The SDK forgets a turn in which one event holds no part; see reply-decode.ts for the sequence of events.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError, GoogleGenAI, type Content } from "@google/genai";
import { GatewayError } from "../../../src/errors.ts";
import type { Part, Reply, ReplyEvent } from "../../../src/protocol/canonical.ts";
import { inOrder, unfold } from "../../../src/protocol/fold.ts";
import { gemini } from "../../../src/protocol/gemini/codec.ts";
import { chain, run } from "../../../src/wire/machine.ts";
import { printSse } from "../../../src/wire/sse.ts";
import {
  anthropic,
  assistant,
  base64,
  call,
  delta,
  exchange,
  image,
  opened,
  reasoning,
  started,
  text,
  tool,
  user,
} from "../../support/canonical.ts";

const MODEL = "claude-sonnet-5";

/** The SDK in front of one canned answer; `bodies` collects what it sends. */
function client(answer: { body: string; status?: number; type: string }): { sdk: GoogleGenAI; bodies: string[] } {
  const bodies: string[] = [];
  const fetch = (_: unknown, init?: { body?: unknown }): Promise<Response> => {
    bodies.push(String(init?.body));
    return Promise.resolve(new Response(answer.body, { status: answer.status ?? 200, headers: { "content-type": answer.type } }));
  };
  const sdk = new GoogleGenAI({
    apiKey: "not-a-key",
    httpOptions: { baseUrl: "http://gateway.invalid", fetch },
  });
  return { sdk, bodies };
}

const streamed = (events: readonly ReplyEvent[]) =>
  client({
    type: "text/event-stream",
    body: run(chain(inOrder(), gemini.reply.encoder(exchange())), events)
      .map(printSse)
      .join(""),
  });

const PARTS: readonly Part[] = [
  reasoning("I ask both.", { proof: anthropic("claude's own signature") }),
  reasoning("", { redacted: true, proof: anthropic("hidden") }),
  text("One moment … 🦊"),
  call("toolu_1", "weather", '{"place":"Köln","id":12345678901234567890}'),
  call("toolu_2", "clock", ""),
];

const ANSWER: Reply = {
  id: "msg_01",
  model: MODEL,
  parts: PARTS,
  usage: { inputTokens: 10, cacheReadTokens: 2, cacheWriteTokens: null, outputTokens: 8, reasoningTokens: 3 },
  finish: { kind: "tool-calls", raw: "tool_use", stopSequence: null, explanation: null },
};

const RESULTS: Content = {
  role: "user",
  parts: [
    { functionResponse: { id: "toolu_1", name: "weather", response: { output: "rain" } } },
    { functionResponse: { id: "toolu_2", name: "clock", response: { output: "12:00" } } },
  ],
};

test("the SDK reads a non-streaming answer", async () => {
  const { sdk } = client({ type: "application/json", body: gemini.reply.encode(ANSWER, exchange()) });
  const answer = await sdk.models.generateContent({ model: MODEL, contents: "Hi" });
  assert.deepEqual(
    answer.candidates?.[0]?.content?.parts?.map((part) => part.text),
    ["I ask both.", "", "One moment … 🦊", undefined, undefined],
  );
  assert.deepEqual(
    answer.functionCalls?.map(({ id, name }) => [id, name]),
    [
      ["toolu_1", "weather"],
      ["toolu_2", "clock"],
    ],
  );
  assert.equal(answer.candidates?.[0]?.finishReason, "STOP");
  assert.deepEqual(
    [answer.usageMetadata?.promptTokenCount, answer.usageMetadata?.thoughtsTokenCount, answer.usageMetadata?.totalTokenCount],
    [12, 3, 20],
  );
  assert.deepEqual([answer.modelVersion, answer.responseId], [MODEL, "01"]);
});

test("the SDK reads a streamed answer to its end", async () => {
  const { sdk } = streamed(unfold(ANSWER));
  let said = "";
  let thoughts = "";
  const calls: unknown[] = [];
  let finish: unknown;
  for await (const chunk of await sdk.models.generateContentStream({ model: MODEL, contents: "Hi" })) {
    for (const part of chunk.candidates?.[0]?.content?.parts ?? []) {
      if (part.thought === true) thoughts += part.text ?? "";
      else said += part.text ?? "";
    }
    calls.push(...(chunk.functionCalls ?? []).map(({ id }) => id));
    finish = chunk.candidates?.[0]?.finishReason ?? finish;
  }
  assert.deepEqual(
    { said, thoughts, calls, finish },
    { said: "One moment … 🦊", thoughts: "I ask both.", calls: ["toolu_1", "toolu_2"], finish: "STOP" },
  );
});

test("what the SDK's chat echoes of a streamed answer is that answer, foreign proofs included", async () => {
  const { sdk, bodies } = streamed(unfold(ANSWER));
  const chat = sdk.chats.create({ model: MODEL });
  for await (const _ of await chat.sendMessageStream({ message: "Hi" }));
  for await (const _ of await chat.sendMessageStream({ message: RESULTS.parts ?? [] }));
  const decoded = gemini.request.decode({ body: bodies[1] ?? "", headers: {}, path: { model: MODEL, stream: true } });
  // JSON.parse of the SDK rounds the integer; its echo is what it is.
  const echoed = PARTS.map((part) =>
    part.type === "tool-call" ? { ...part, arguments: part.name === "clock" ? "{}" : '{"place":"Köln","id":12345678901234567000}' } : part,
  );
  assert.deepEqual(decoded.turns[0], user("Hi"));
  assert.deepEqual(decoded.turns[1], assistant(...echoed));
  assert.deepEqual(
    decoded.turns[2]?.parts.map((part) => (part.type === "tool-result" ? part.callId : null)),
    ["toolu_1", "toolu_2"],
  );
});

test("what the SDK's chat echoes of a non-streaming answer is that answer too", async () => {
  const { sdk, bodies } = client({
    type: "application/json",
    body: gemini.reply.encode({ ...ANSWER, parts: PARTS.slice(0, 3) }, exchange()),
  });
  const chat = sdk.chats.create({ model: MODEL });
  await chat.sendMessage({ message: "Hi" });
  await chat.sendMessage({ message: "Go on" });
  const decoded = gemini.request.decode({ body: bodies[1] ?? "", headers: {}, path: { model: MODEL, stream: false } });
  assert.deepEqual(decoded.turns, [user("Hi"), assistant(...PARTS.slice(0, 3)), user("Go on")]);
});

test("an answer without a word keeps the SDK's chat going", async () => {
  const { sdk, bodies } = streamed(unfold({ ...ANSWER, parts: [], finish: { ...ANSWER.finish, kind: "end" } }));
  const chat = sdk.chats.create({ model: MODEL });
  for await (const _ of await chat.sendMessageStream({ message: "Hi" }));
  for await (const _ of await chat.sendMessageStream({ message: "Still there?" }));
  const { contents } = JSON.parse(bodies[1] ?? "") as { contents: Content[] };
  assert.deepEqual(
    contents.map(({ role }) => role),
    ["user", "model", "user"],
  );
});

test("the SDK throws the error that ends a stream", async () => {
  const { sdk } = streamed([
    started("msg_01", MODEL),
    opened(0, text()),
    delta(0, "Hi"),
    { type: "reply-error", error: new GatewayError("overloaded", "Busy.", { status: 529 }) },
  ]);
  const heard: string[] = [];
  await assert.rejects(
    async () => {
      for await (const chunk of await sdk.models.generateContentStream({ model: MODEL, contents: "Hi" })) heard.push(chunk.text ?? "");
    },
    (error) => error instanceof ApiError && error.status === 503 && error.message.includes("Busy."),
  );
  assert.deepEqual(heard, ["Hi"]);
});

test("the SDK throws the error of a call that was refused", async () => {
  const { status, body } = gemini.error.encode(new GatewayError("unauthenticated", "No key."), "req-1");
  const { sdk } = client({ type: "application/json", status, body });
  await assert.rejects(
    sdk.models.generateContent({ model: MODEL, contents: "Hi" }),
    (error) => error instanceof ApiError && error.status === 401 && error.message.includes("No key."),
  );
});

test("what the SDK sends is understood as a whole", async () => {
  const { sdk, bodies } = client({ type: "application/json", body: gemini.reply.encode(ANSWER, exchange()) });
  await sdk.models.generateContent({
    model: MODEL,
    contents: [{ role: "user", parts: [{ text: "Hi" }, { inlineData: { mimeType: "image/png", data: "iVBORw0KGgo=" } }] }],
    config: {
      systemInstruction: "Be brief.",
      temperature: 0.5,
      maxOutputTokens: 100,
      stopSequences: ["END"],
      thinkingConfig: { includeThoughts: true, thinkingBudget: 512 },
      tools: [
        {
          functionDeclarations: [
            { name: "f", description: "Does f.", parametersJsonSchema: { type: "object", properties: { a: { type: "string" } } } },
          ],
        },
      ],
      responseMimeType: "text/plain",
    },
  });
  const {
    model,
    system,
    turns,
    tools,
    sampling,
    maxOutputTokens,
    stop,
    reasoning: setting,
    extensions,
    losses,
  } = gemini.request.decode({
    body: bodies[0] ?? "",
    headers: {},
    path: { model: MODEL, stream: false },
  });
  assert.deepEqual(
    { model, system, turns, tools, temperature: sampling.temperature, maxOutputTokens, stop, reasoning: setting, extensions, losses },
    {
      model: MODEL,
      system: [text("Be brief.")],
      turns: [user("Hi", image(base64("image/png", "iVBORw0KGgo=")))],
      tools: [tool("f", { description: "Does f.", schema: '{"type":"object","properties":{"a":{"type":"string"}}}' })],
      temperature: 0.5,
      maxOutputTokens: 100,
      stop: ["END"],
      reasoning: { mode: "on", effort: null, budgetTokens: 512, display: "auto" },
      extensions: [],
      losses: [],
    },
  );
});
