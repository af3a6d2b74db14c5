// An answer that pauses goes on inside the gateway: one answer for the client, whole or streamed, however many requests it took.

import assert from "node:assert/strict";
import { test } from "node:test";
import { continuedReply, continuedStream, type ContinuationOptions } from "../../src/gateway/continuation.ts";
import type { JsonObject } from "../../src/wire/json.ts";
import type { ProtocolId, Reply, ReplyEvent } from "../../src/protocol/canonical.ts";
import { CODECS } from "../../src/protocol/codecs.ts";
import { fold, grammar, inOrder } from "../../src/protocol/fold.ts";
import { UsageMeter } from "../../src/gateway/usage-meter.ts";
import { chain } from "../../src/wire/machine.ts";
import { sseDecoder } from "../../src/wire/sse.ts";
import type { BodyReader } from "../../src/runtime/ports.ts";
import type { UpstreamAnswer } from "../../src/upstream/upstream.ts";
import { call as toolCall, exchange, reasoning as thought, text as textPart, tool, user } from "../support/canonical.ts";
import { until } from "../support/gateway.ts";
import { SSE_LIMITS } from "../support/laws.ts";
import { gemini, messages, type Told } from "../support/pauses.ts";

// ---- The joint: answers of several requests as one ---------------------------------------------------------------

const LIMITS = { ...SSE_LIMITS, maxReplyBytes: 1024 * 1024 };
const FUNCTIONS = exchange({
  turns: [user("Hi")],
  tools: [tool("f"), { type: "web-search", allowedDomains: [], blockedDomains: [], location: null, contextSize: null, maxUses: null }],
});

interface Joined {
  readonly reply: Reply;
  /** The requests that asked for the rest. */
  readonly rest: readonly string[];
}

function answerOf({ whole, events }: Told, stream: boolean): UpstreamAnswer {
  const chunks = (stream ? events : [whole]).map((chunk) => new TextEncoder().encode(chunk));
  const rest: BodyReader = {
    read: () => Promise.resolve(chunks.length === 0 ? { done: true } : { done: false, value: chunks.shift() }),
    cancel: () => Promise.resolve(),
  };
  return { type: stream ? "streaming" : "non-streaming", status: 200, headers: new Map<string, string>(), begun: [], rest };
}

/** `streams` says of each answer whether it is streamed; the first of it decides what the client gets. */
async function join(protocol: ProtocolId, answers: readonly Told[], streams: (index: number) => boolean): Promise<Joined> {
  const requests: string[] = [];
  const options: ContinuationOptions = {
    codec: CODECS[protocol],
    exchange: FUNCTIONS,
    body: '{"messages":[1]}',
    limits: LIMITS,
    meter: new UsageMeter(),
    signal: new AbortController().signal,
    post: (body) => {
      requests.push(body);
      return Promise.resolve(answerOf(answers[requests.length] ?? assert.fail("one request too many"), streams(requests.length)));
    },
  };
  const first = answerOf(answers[0] ?? assert.fail(), streams(0));
  if (!streams(0)) return { reply: await continuedReply(first, options), rest: requests };
  const { rest, decoder } = continuedStream(first, options);
  const machine = chain(chain(sseDecoder(LIMITS), decoder), chain(grammar(), inOrder()));
  const events: ReplyEvent[] = [];
  for (;;) {
    const { done, value } = await rest.read();
    if (done || value === undefined) return { reply: fold([...events, ...machine.end()]), rest: requests };
    events.push(...machine.step(value));
    if (events.at(-1)?.type === "reply-end") return { reply: fold(events), rest: requests };
  }
}

const USAGE = { cacheReadTokens: null, cacheWriteTokens: null, reasoningTokens: null };
const annotated = (value: string, starts: readonly number[]) =>
  textPart(value, {
    annotations: starts.map((start) => ({
      type: "url-citation",
      url: "https://a.example",
      title: null,
      start,
      end: start + 2,
      quote: null,
    })),
  });
const grounded: JsonObject = {
  groundingMetadata: {
    groundingChunks: [{ web: { uri: "https://a.example" } }],
    groundingSupports: [{ segment: { startIndex: 1, endIndex: 3 }, groundingChunkIndices: [0] }],
  },
};

interface Seam {
  readonly what: string;
  readonly answers: readonly Told[];
  readonly protocol: ProtocolId;
  readonly reply: Pick<Reply, "parts" | "usage"> & { readonly kind: Reply["finish"]["kind"] };
}

const SEAMS: readonly Seam[] = [
  {
    what: "a text that Gemini stopped in the middle of goes on in the same part, and so do the places of its sources",
    protocol: "gemini",
    answers: [
      gemini({ parts: [{ text: "Once u" }], token: "QQ==", more: grounded }),
      gemini({ parts: [{ text: "pon a ti" }], token: "Qg==" }),
      gemini({ parts: [{ text: "me." }, { text: "" }], reason: "STOP", more: grounded }),
    ],
    reply: {
      parts: [annotated("Once upon a time.", [1, 15])],
      usage: { ...USAGE, inputTokens: 30, outputTokens: 15, reasoningTokens: 0 },
      kind: "end",
    },
  },
  {
    what: "so does a thought, and the text behind it is a part of its own",
    protocol: "gemini",
    answers: [
      gemini({ parts: [{ text: "Hm", thought: true }], token: "QQ==", usage: { input: 1, output: 0, thoughts: 2 } }),
      gemini({ parts: [{ text: "m.", thought: true }, { text: "Yes." }], reason: "STOP", usage: { input: 3, output: 4, thoughts: 5 } }),
    ],
    reply: {
      parts: [thought("Hmm."), textPart("Yes.")],
      usage: { ...USAGE, inputTokens: 4, outputTokens: 11, reasoningTokens: 7 },
      kind: "end",
    },
  },
  {
    what: "a signature ends its part, and what follows is another",
    protocol: "gemini",
    answers: [
      gemini({ parts: [{ text: "One.", thoughtSignature: "R29v" }], token: "QQ==" }),
      gemini({ parts: [{ text: "Two." }], reason: "STOP" }),
    ],
    reply: {
      parts: [textPart("One.", { proof: { origin: "google", data: "R29v" } }), textPart("Two.")],
      usage: { ...USAGE, inputTokens: 20, outputTokens: 10, reasoningTokens: 0 },
      kind: "end",
    },
  },
  {
    what: "an answer that has nothing more to say ends the part all the same",
    protocol: "gemini",
    answers: [gemini({ parts: [{ text: "One." }], token: "QQ==" }), gemini({ parts: [], reason: "STOP" })],
    reply: { parts: [textPart("One.")], usage: { ...USAGE, inputTokens: 20, outputTokens: 10, reasoningTokens: 0 }, kind: "end" },
  },
  {
    what: "calls of all answers have ids of their own, and make the end one of calls",
    protocol: "gemini",
    answers: [
      gemini({ parts: [{ text: "I call." }, { functionCall: { name: "f", args: { a: 1 } } }], token: "QQ==" }),
      gemini({ parts: [{ functionCall: { name: "f", args: { a: 2 } } }, { text: "Done." }], token: "Qg==" }),
      gemini({ parts: [{ text: " Really." }], reason: "STOP" }),
    ],
    reply: {
      parts: [textPart("I call."), toolCall("call_1_0", "f", '{"a":1}'), toolCall("call_1_1", "f", '{"a":2}'), textPart("Done. Really.")],
      usage: { ...USAGE, inputTokens: 30, outputTokens: 15, reasoningTokens: 0 },
      kind: "tool-calls",
    },
  },
  {
    what: "a pause without a token is a limit, unless there are calls to answer",
    protocol: "gemini",
    answers: [gemini({ parts: [{ text: "Once u" }] })],
    reply: { parts: [textPart("Once u")], usage: { ...USAGE, inputTokens: 10, outputTokens: 5, reasoningTokens: 0 }, kind: "length" },
  },
  {
    what: "blocks of Messages stay as they are: what follows a pause is a block of its own",
    protocol: "anthropic-messages",
    answers: [
      messages({ blocks: [{ type: "text", text: "I look." }], usage: { input: 7, cached: 3, output: 2 } }),
      messages({ blocks: [{ type: "text", text: "At six." }], stop: "end_turn", usage: { input: 1, cached: 12, output: 4 } }),
    ],
    reply: {
      parts: [textPart("I look."), textPart("At six.")],
      usage: { inputTokens: 8, cacheReadTokens: 15, cacheWriteTokens: 0, outputTokens: 6, reasoningTokens: null },
      kind: "end",
    },
  },
  {
    what: "a pause that waits for the client's tools is the client's to go on with",
    protocol: "anthropic-messages",
    answers: [messages({ blocks: [{ type: "tool_use", id: "toolu_1", name: "f", input: { a: 1 } }] })],
    reply: {
      parts: [toolCall("toolu_1", "f", '{"a":1}')],
      usage: { ...USAGE, inputTokens: 10, cacheReadTokens: 0, cacheWriteTokens: 0, outputTokens: 5 },
      kind: "tool-calls",
    },
  },
];
const STREAMS: readonly { readonly name: string; readonly streams: (index: number) => boolean }[] = [
  { name: "whole", streams: () => false },
  { name: "streamed", streams: () => true },
  { name: "streamed, the rest whole", streams: (index) => index === 0 },
  { name: "whole, the rest streamed", streams: (index) => index > 0 },
];
for (const { what, protocol, answers, reply } of SEAMS) {
  for (const { name, streams } of STREAMS) {
    test(`${protocol}, ${name}: ${what}`, async () => {
      const joined = await join(protocol, answers, streams);
      const { parts, usage, finish } = joined.reply;
      assert.deepEqual({ parts, usage, kind: finish.kind }, reply);
      assert.equal(joined.rest.length, answers.length - 1);
    });
  }
}

test("an answer that is longer than may be held is not kept, and does not go on", async () => {
  const long = "x".repeat(LIMITS.maxReplyBytes / 2 + 1);
  const { reply, rest } = await join("gemini", [gemini({ parts: [{ text: long }, { text: long }], token: "QQ==" })], () => true);
  assert.deepEqual([reply.finish.kind, rest], ["length", []]);
});

test("whoever cancels a stream ends the asking for the rest, and so does a client whose connection is gone", async () => {
  for (const how of ["cancel", "client"]) {
    const client = new AbortController();
    const signals: AbortSignal[] = [];
    const cancelled: unknown[] = [];
    const first = answerOf(messages({ blocks: [{ type: "text", text: "I look." }] }), true);
    const beginning = first.rest ?? assert.fail();
    const { rest: source, decoder } = continuedStream(
      { ...first, rest: { read: () => beginning.read(), cancel: (reason) => Promise.resolve(void cancelled.push(reason)) } },
      {
        codec: CODECS["anthropic-messages"],
        exchange: FUNCTIONS,
        body: '{"messages":[1]}',
        limits: LIMITS,
        meter: new UsageMeter(),
        signal: client.signal,
        post: (_, signal) => {
          signals.push(signal);
          return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("left"))));
        },
      },
    );
    const machine = chain(sseDecoder(LIMITS), decoder);
    const reading = (async () => {
      for (;;) for (const _ of machine.step((await source.read()).value ?? new Uint8Array()));
    })();
    await until(() => signals.length === 1, "the rest to be asked for");
    if (how === "cancel") await source.cancel("enough");
    else client.abort();
    await assert.rejects(reading, /^Error: left$/);
    assert.deepEqual([signals.map(({ aborted }) => aborted), cancelled], [[true], how === "cancel" ? ["enough"] : []]);
  }
});
