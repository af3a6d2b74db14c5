// What this codec sends, read by the official client: openai 7 and 6, through a fetch that answers with the encoder's output.
// The client's own final object is compared as a whole; the clients throw on what breaks their grammar.

import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI7 from "openai";
import OpenAI6 from "openai-6";
import type { CanonicalRequest, FinishKind, Part, Reply } from "../../../src/protocol/canonical.ts";
import { inOrder, unfold } from "../../../src/protocol/fold.ts";
import type { Exchange } from "../../../src/protocol/codec.ts";
import { openaiChat } from "../../../src/protocol/openai-chat/codec.ts";
import { LEGACY_NAMES } from "../../../src/protocol/openai-chat/wire.ts";
import { chain, run } from "../../../src/wire/machine.ts";
import { printSse } from "../../../src/wire/sse.ts";
import { anthropic, call, failed, finish, reasoning, reply, text, usage } from "../../support/canonical.ts";
import { chatExchange } from "./reply-cases.ts";
import { SEALED_SIGNATURE, toolCall } from "./request-cases.ts";

const USAGE = usage({ inputTokens: 3, cacheReadTokens: 4, outputTokens: 5, reasoningTokens: 2 });

interface Scene {
  readonly what: string;
  readonly parts: readonly Part[];
  readonly kind: FinishKind;
  /** The message that the client ends up with. */
  readonly message: object;
  readonly finishReason: string;
  readonly request?: Partial<CanonicalRequest>;
  /** A client that cannot put this together from any stream, OpenAI's own included. */
  readonly unreadBy?: string;
}

const SCENES: readonly Scene[] = [
  { what: "text", parts: [text("Hello there")], kind: "end", message: { content: "Hello there" }, finishReason: "stop" },
  {
    what: "text, then parallel calls",
    parts: [text("Look: "), call("toolu_1", "f", '{"a":1}'), call("toolu_2", "g", "")],
    kind: "tool-calls",
    message: {
      content: "Look: ",
      tool_calls: [toolCall("toolu_1", "f", '{"a":1}'), toolCall("toolu_2", "g", "{}")],
    },
    finishReason: "tool_calls",
  },
  {
    what: "a custom tool's call",
    parts: [call("c1", "patch", "*** Begin\n", { kind: "custom" })],
    kind: "tool-calls",
    message: { content: null, tool_calls: [{ id: "c1", type: "custom", custom: { name: "patch", input: "*** Begin\n" } }] },
    finishReason: "tool_calls",
    unreadBy: "openai 6",
  },
  {
    what: "reasoning with its proof",
    parts: [reasoning("Hmm.", { proof: anthropic("signature") }), text("Yes.")],
    kind: "end",
    message: {
      content: "Yes.",
      reasoning_content: "Hmm.",
      reasoning_details: [{ type: "reasoning.text", index: 0, text: "Hmm.", signature: SEALED_SIGNATURE }],
    },
    finishReason: "stop",
  },
  {
    what: "a call with its proof",
    parts: [call("c1", "f", "{}", { proof: anthropic("signature") })],
    kind: "tool-calls",
    message: {
      content: null,
      tool_calls: [{ ...toolCall("c1", "f", "{}"), extra_content: { google: { thought_signature: SEALED_SIGNATURE } } }],
    },
    finishReason: "tool_calls",
  },
  {
    what: "a refusal",
    parts: [{ type: "refusal", text: "I can't." }],
    kind: "end",
    message: { content: null, refusal: "I can't." },
    finishReason: "stop",
  },
  { what: "an answer that is cut", parts: [text("1, 2")], kind: "length", message: { content: "1, 2" }, finishReason: "length" },
  { what: "a filtered answer", parts: [text("First")], kind: "filtered", message: { content: "First" }, finishReason: "content_filter" },
  { what: "an empty answer", parts: [], kind: "end", message: { content: "" }, finishReason: "stop" },
  {
    what: "a call in the form of functions",
    parts: [call("c1", "f", '{"a":1}')],
    kind: "tool-calls",
    message: { content: null, function_call: { name: "f", arguments: '{"a":1}' } },
    finishReason: "function_call",
    request: { names: LEGACY_NAMES },
  },
];

const CLIENTS = [
  { name: "openai 7", Client: OpenAI7 },
  { name: "openai 6", Client: OpenAI6 as unknown as typeof OpenAI7 },
] as const;

/** A client whose every call is answered with this body. */
function clientOf(Client: typeof OpenAI7, contentType: string, body: string): OpenAI7 {
  const fetch = (): Promise<Response> => Promise.resolve(new Response(body, { headers: { "content-type": contentType } }));
  return new Client({ apiKey: "not-a-key", baseURL: "http://gateway.invalid/v1", maxRetries: 0, fetch });
}

function streamOf(answer: Reply, exchange: Exchange): string {
  return run(chain(inOrder(), openaiChat.reply.encoder(exchange)), unfold(answer))
    .map(printSse)
    .join("");
}

const ASKED = { model: "m", messages: [{ role: "user" as const, content: "Hi" }] };

for (const { name, Client } of CLIENTS) {
  for (const scene of SCENES) {
    const exchange = chatExchange(scene.request);
    const answer = reply(scene.parts, { id: "msg_1", model: "up", usage: USAGE, finish: finish(scene.kind) });
    const expected = (message: object): object => ({
      id: "chatcmpl-1",
      model: "up",
      created: 1_793_500_000,
      finish: scene.finishReason,
      message: { role: "assistant", refusal: null, ...message },
      usage: {
        prompt_tokens: 7,
        completion_tokens: 5,
        total_tokens: 12,
        prompt_tokens_details: { cached_tokens: 4 },
        completion_tokens_details: { reasoning_tokens: 2 },
      },
    });
    const found = (completion: OpenAI7.ChatCompletion): { readonly message: object; readonly [key: string]: unknown } => {
      const { id, model, created, choices, usage: counts } = completion;
      const [choice] = choices;
      // `parsed` is the client's own; `refusal` is absent from its message where no chunk had one.
      const { parsed: _parsed, ...message } = { refusal: null, ...choice?.message, parsed: null };
      return { id, model, created, finish: choice?.finish_reason, message, usage: counts };
    };

    test(`${name} reads the stream of ${scene.what}`, async () => {
      const client = clientOf(Client, "text/event-stream", streamOf(answer, exchange));
      const final = client.chat.completions.stream(ASKED).finalChatCompletion();
      if (scene.unreadBy === name) return assert.rejects(final, /missing choices\[0\]\.tool_calls/);
      // A stream begins before anybody knows whether text will come; the clients differ in how they show none.
      const withoutText = (message: object): object =>
        "content" in message && message.content === "" ? { ...message, content: null } : message;
      const { message, ...rest } = found(await final);
      assert.deepEqual(plain({ ...rest, message: withoutText(message) }), expected(withoutText(scene.message)));
    });

    test(`${name} reads the non-streaming answer of ${scene.what}`, async () => {
      const client = clientOf(Client, "application/json", openaiChat.reply.encode(answer, exchange));
      assert.deepEqual(plain(found(await client.chat.completions.create(ASKED))), expected(scene.message));
    });
  }

  test(`${name} throws on an error in the middle of a stream, with its message`, async () => {
    const events = [...unfold(reply([text("Hel")])).slice(0, 3), failed("overloaded", "Busy.")];
    const sent = run(openaiChat.reply.encoder(chatExchange()), events).map(printSse).join("");
    await assert.rejects(clientOf(Client, "text/event-stream", sent).chat.completions.stream(ASKED).finalChatCompletion(), /Busy\./);
  });
}

/** Without the client's own classes and members that are undefined. */
function plain(value: object): unknown {
  return JSON.parse(JSON.stringify(value));
}
