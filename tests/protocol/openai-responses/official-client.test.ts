// The Responses codec before its real clients: what the encoder sends, through a fake fetch, into the official `openai` packages
// of two major versions and the AI SDK. Each of them accumulates a stream by rules of its own and throws when they are broken.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createOpenAI } from "@ai-sdk/openai";
import OpenAI from "openai";
import OpenAI6 from "openai-6";
import { GatewayError } from "../../../src/errors.ts";
import type { FinishReason, Part, Reply, ReplyEvent } from "../../../src/protocol/canonical.ts";
import type { Exchange } from "../../../src/protocol/codec.ts";
import { unfold } from "../../../src/protocol/fold.ts";
import { openaiResponses } from "../../../src/protocol/openai-responses/codec.ts";
import { printSse } from "../../../src/wire/sse.ts";
import { run } from "../../../src/wire/machine.ts";
import { anthropic, call, google, reasoning, reply as replyOf, text, usage as usageOf } from "../../support/canonical.ts";

const BODY = { model: "m", input: "Hi" };
const EXCHANGE: Exchange = {
  request: openaiResponses.request.decode({ body: JSON.stringify(BODY), headers: {}, path: null }),
  id: "0a1b2c",
  createdAtS: 1_793_500_000,
};
const citation = { type: "url-citation", url: "https://a.example", title: null, start: null, end: null, quote: null } as const;

/** One of everything that an upstream of another protocol may say. */
const PARTS: readonly Part[] = [
  reasoning("Let me\nsee.", { proof: anthropic("sig") }),
  reasoning("", { redacted: true, proof: anthropic("data") }),
  text("Two "),
  text("at once. \u{1F6A2}", { annotations: [citation] }),
  call("call_1", "look", '{"place":"Bodø","n":12345678901234567890}', { proof: google("s") }),
  call("call_1", "look", ""),
  call("call_3", "log", "all well", { kind: "custom" }),
  { type: "refusal", text: "No more." },
];

function reply(parts: readonly Part[], finish: Partial<FinishReason> = {}): Reply {
  return replyOf(parts, {
    id: "msg_01abc",
    model: "claude-x",
    usage: usageOf({ inputTokens: 30, cacheReadTokens: 60, outputTokens: 50 }),
    finish: { kind: "end", raw: null, stopSequence: null, explanation: null, ...finish },
  });
}

/** What the fetch of a client gets: a stream of events, or a non-streaming answer. */
function answering(events: readonly ReplyEvent[] | Reply): typeof fetch {
  const respond = (): Response => {
    if ("parts" in events) {
      return new Response(openaiResponses.reply.encode(events, EXCHANGE), { headers: { "content-type": "application/json" } });
    }
    const sent = run(openaiResponses.reply.encoder(EXCHANGE), events).map(printSse).join("");
    return new Response(sent, { headers: { "content-type": "text/event-stream" } });
  };
  return Object.assign(async () => Promise.resolve(respond()), { preconnect: () => {} });
}

/** What the test uses of both major versions, whose types differ. */
interface Client {
  readonly responses: {
    stream(body: object): { finalResponse(): Promise<Final> };
    create(body: object): Promise<Final>;
  };
}
interface Final {
  readonly id: string;
  readonly status?: string;
  readonly output: readonly unknown[];
  readonly output_text: string;
  readonly usage?: object;
  readonly incomplete_details: object | null;
}

const OPTIONS = { apiKey: "none", baseURL: "http://localhost/v1", maxRetries: 0 };
const CLIENTS: Readonly<Record<string, (fetch: typeof globalThis.fetch) => Client>> = {
  "openai 7": (fetch) => new OpenAI({ ...OPTIONS, fetch }),
  "openai 6": (fetch) => new OpenAI6({ ...OPTIONS, fetch }),
};

const PLAIN = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

for (const [name, open] of Object.entries(CLIENTS)) {
  for (const [what, parts] of Object.entries({
    everything: PARTS,
    nothing: [],
    "a single text": [text("Hi")],
    "calls alone": [call("c")],
  })) {
    test(`${name} accumulates a stream of ${what} to the non-streaming answer`, async () => {
      const whole = reply(parts);
      const final = await open(answering(unfold(whole)))
        .responses.stream({ ...BODY, stream: true })
        .finalResponse();
      const sent = JSON.parse(openaiResponses.reply.encode(whole, EXCHANGE)) as { output: object[]; usage: object };
      const { id, status, output, usage, output_text: said } = final;
      assert.deepEqual(PLAIN({ id, status, output: withoutParsed(output), usage }), {
        id: "resp_01abc",
        status: "completed",
        output: sent.output,
        usage: sent.usage,
      });
      assert.equal(said, parts.map((part) => (part.type === "text" ? part.text : "")).join(""));
    });
  }

  test(`${name} reads a non-streaming answer`, async () => {
    const response = await open(answering(reply(PARTS))).responses.create({ ...BODY });
    assert.deepEqual(
      [response.id, response.status, response.output_text, response.output.length],
      ["resp_01abc", "completed", "Two at once. \u{1F6A2}", 8],
    );
  });

  test(`${name} sees that an answer is incomplete`, async () => {
    const final = await open(answering(unfold(reply([text("a")], { kind: "length" }))))
      .responses.stream({ ...BODY, stream: true })
      .finalResponse();
    assert.deepEqual([final.status, final.incomplete_details], ["incomplete", { reason: "max_output_tokens" }]);
  });

  test(`${name} throws on an error in the middle`, async () => {
    const events = unfold(reply([text("a")])).slice(0, -1);
    const broken = answering([...events, { type: "reply-error", error: new GatewayError("overloaded", "Too busy.") }]);
    await assert.rejects(
      open(broken)
        .responses.stream({ ...BODY, stream: true })
        .finalResponse(),
      (error) => error instanceof Error && error.message.includes("Too busy."),
    );
  });
}

/** The SDK puts what it parsed beside what was sent. */
function withoutParsed(output: readonly unknown[]): unknown {
  return JSON.parse(JSON.stringify(output), (key, value: unknown) => (key === "parsed" || key === "parsed_arguments" ? undefined : value));
}

const AI_PARTS = PARTS.filter((part) => part.type !== "tool-call" || part.kind === "function");

function aiModel(events: readonly ReplyEvent[] | Reply) {
  return createOpenAI({ apiKey: "none", baseURL: "http://localhost/v1", fetch: answering(events) }).responses("m");
}

const PROMPT = [{ role: "user" as const, content: [{ type: "text" as const, text: "Hi" }] }];

/** The parts of the provider's own stream, none of which may be an error; its texts, thoughts and calls put together. */
async function streamed(whole: Reply) {
  const { stream } = await aiModel(unfold(whole)).doStream({ prompt: PROMPT });
  const received = { text: "", reasoning: "", calls: [] as string[][], sources: 0, finish: "", usage: {} as object };
  for await (const part of stream) {
    if (part.type === "error") throw part.error;
    if (part.type === "text-delta") received.text += part.delta;
    if (part.type === "reasoning-delta") received.reasoning += part.delta;
    if (part.type === "tool-call") received.calls.push([part.toolCallId, part.toolName, part.input]);
    if (part.type === "source") received.sources++;
    if (part.type === "finish") {
      received.finish = part.finishReason.unified;
      received.usage = {
        input: part.usage.inputTokens.total,
        cached: part.usage.inputTokens.cacheRead,
        output: part.usage.outputTokens.total,
      };
    }
  }
  return received;
}

const CALLS = [
  ["call_1", "look", '{"place":"Bodø","n":12345678901234567890}'],
  ["call_1_5", "look", "{}"],
];
const USAGE = { input: 90, cached: 60, output: 50 };

test("the AI SDK's provider takes a stream without an error part", async () => {
  assert.deepEqual(await streamed(reply(AI_PARTS, { kind: "tool-calls" })), {
    // The provider takes a refusal for text.
    text: "Two at once. \u{1F6A2}No more.",
    reasoning: "Let me\nsee.",
    calls: CALLS,
    sources: 1,
    finish: "tool-calls",
    usage: USAGE,
  });
});

test("the AI SDK's provider takes a non-streaming answer", async () => {
  const { content, finishReason, usage } = await aiModel(reply(AI_PARTS, { kind: "length" })).doGenerate({ prompt: PROMPT });
  assert.deepEqual(
    content.map((part) => part.type),
    ["reasoning", "reasoning", "text", "text", "source", "tool-call", "reasoning", "tool-call", "text"],
  );
  assert.deepEqual(
    [finishReason.unified, usage.inputTokens.total, usage.inputTokens.cacheRead, usage.outputTokens.total],
    ["length", USAGE.input, USAGE.cached, USAGE.output],
  );
});

test("the AI SDK's provider takes an answer whose upstream said nothing of usage", async () => {
  const received = await streamed({ ...reply([text("Hi")]), usage: null });
  assert.deepEqual([received.text, received.finish], ["Hi", "stop"]);
});
