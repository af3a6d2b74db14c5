// What the tests of Chat answers have in common: a row for each stream that is decoded or encoded. Whole values are compared.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Exchange } from "../../../src/protocol/codec.ts";
import type { CanonicalRequest, ReplyEvent } from "../../../src/protocol/canonical.ts";
import { grammar } from "../../../src/protocol/fold.ts";
import { openaiChat } from "../../../src/protocol/openai-chat/codec.ts";
import { NAMES } from "../../../src/protocol/openai-chat/wire.ts";
import { chain, run } from "../../../src/wire/machine.ts";
import type { SseEvent } from "../../../src/wire/sse.ts";
import { exchange } from "../../support/canonical.ts";

/** What differs from the usual call. */
type Differing = Partial<CanonicalRequest> & Pick<Exchange, "isExcerpt">;

export function chatExchange({ isExcerpt = false, ...more }: Differing = {}): Exchange {
  return { ...exchange({ model: "glm-5.1", stream: true, names: NAMES, includeUsage: true, ...more }), isExcerpt };
}

// ---- Decode --------------------------------------------------------------------------------------------------------

/** What an upstream sends as one event. */
export type Sent = object | string;
/** A chunk of the one choice. */
export const chunk = (piece: object, more: object = {}): Sent => ({
  id: "chatcmpl-1",
  model: "m",
  choices: [{ index: 0, delta: piece, finish_reason: null, ...more }],
});
export const stop = (reason = "stop", more: object = {}): Sent => ({
  id: "chatcmpl-1",
  model: "m",
  choices: [{ index: 0, delta: {}, finish_reason: reason }],
  ...more,
});
export const done = "[DONE]";
export const calls = (...items: object[]): Sent => chunk({ tool_calls: items });

/** Errors as values: what a client may learn of them. */
function comparable(events: readonly ReplyEvent[]): unknown[] {
  return events.map((event) => {
    if (event.type !== "reply-error") return event;
    const { kind, status, message, code, type, param } = event.error;
    return { type: event.type, kind, status, message, code, errorType: type, param };
  });
}

export function decodeStream(sent: readonly Sent[], request: Differing = {}): ReplyEvent[] {
  const events = sent.map((data): SseEvent => ({ event: null, data: typeof data === "string" ? data : JSON.stringify(data) }));
  return run(chain(openaiChat.reply.decoder(chatExchange(request)), grammar()), events);
}

export function testDecodingStreams(
  rows: readonly (readonly [what: string, sent: readonly Sent[], expected: readonly ReplyEvent[], request?: Differing])[],
): void {
  for (const [what, sent, expected, request] of rows) {
    test(`decoding a stream: ${what}`, () => assert.deepEqual(comparable(decodeStream(sent, request)), comparable(expected)));
  }
}

// ---- Encode --------------------------------------------------------------------------------------------------------

/** A chunk as it leaves, without what all chunks share. */
type Left = { readonly delta: object; readonly finish?: string } | { readonly usage: object } | { readonly error: object } | "[DONE]";
export const said = (piece: object): Left => ({ delta: piece });
export const role = said({ role: "assistant", content: "" });
export const stopped = (word: string): Left => ({ delta: {}, finish: word });

export function testEncodingStreams(
  rows: readonly (readonly [what: string, events: readonly ReplyEvent[], expected: readonly Left[], request?: Partial<CanonicalRequest>])[],
): void {
  for (const [what, events, expected, request] of rows) {
    test(`encoding a stream: ${what}`, () => {
      const answered = chatExchange(request);
      const shared = { id: "chatcmpl-1", object: "chat.completion.chunk", created: 1_793_500_000, model: "m" };
      const open = answered.request.includeUsage ? { usage: null } : {};
      const data = expected.map((left): unknown => {
        if (left === "[DONE]" || "error" in left) return left;
        if ("usage" in left) return { ...shared, choices: [], usage: left.usage };
        return { ...shared, choices: [{ index: 0, delta: left.delta, logprobs: null, finish_reason: left.finish ?? null }], ...open };
      });
      const sent = run(chain(grammar(), openaiChat.reply.encoder(answered)), events);
      assert.deepEqual(
        sent.map((event) => ({ event: event.event, data: event.data === "[DONE]" ? event.data : (JSON.parse(event.data) as unknown) })),
        data.map((value) => ({ event: null, data: value })),
      );
    });
  }
}
