// What this codec sends, read by the official client, which throws on what breaks its grammar.

import { APIError } from "@anthropic-ai/sdk";
import assert from "node:assert/strict";
import { test } from "node:test";
import { anthropicMessages } from "../../../src/protocol/anthropic-messages/codec.ts";
import type { Part, ReplyEvent } from "../../../src/protocol/canonical.ts";
import { fold, grammar, inOrder } from "../../../src/protocol/fold.ts";
import { chain, run } from "../../../src/wire/machine.ts";
import type { SseEvent } from "../../../src/wire/sse.ts";
import { call, closed, delta, failed, opened, started, text } from "../../support/canonical.ts";
import { loadCases } from "../../support/fixtures.ts";
import { exchangeFor, sseEvents } from "../../support/laws.ts";
import { accumulated, ASK, encodeStream, END, EXCHANGE, official, SENT, USAGE, type Json } from "./replies.ts";

function decodeStream(events: readonly SseEvent[], exchange = EXCHANGE): ReplyEvent[] {
  return run(chain(anthropicMessages.reply.decoder(exchange), grammar()), events);
}

test("arguments of two calls that come in turns leave one block after the other", async () => {
  const part = (callId: string): Part => call(callId, "f", "");
  const events: ReplyEvent[] = [
    started("1", "m"),
    opened(0, part("a")),
    opened(1, part("b")),
    delta(1, '{"n":'),
    delta(0, '{"n":1}'),
    delta(1, "2}"),
    closed(1),
    closed(0),
    { type: "usage", usage: USAGE },
    { type: "reply-end", finish: { ...END, kind: "tool-calls" } },
  ];
  const message = await accumulated(run(chain(inOrder(), anthropicMessages.reply.encoder(EXCHANGE)), events));
  const content = ["a", "b"].map((id, index) => ({ type: "tool_use", id, name: "f", input: { n: index + 1 } }));
  assert.deepEqual(message, { ...SENT, model: "m", content, stop_reason: "tool_use" });
});

test("a broken answer ends in an error event, and the official client throws it", async () => {
  const events = run(anthropicMessages.reply.encoder(EXCHANGE), [
    started("1", "m"),
    opened(0, text("")),
    delta(0, "A"),
    failed("overloaded", "Busy."),
    { type: "reply-end", finish: END },
  ]);
  assert.deepEqual(events.slice(-1), [{ event: "error", data: '{"type":"error","error":{"type":"overloaded_error","message":"Busy."}}' }]);
  await assert.rejects(
    official(events).messages.stream(ASK).finalMessage(),
    (error) => error instanceof APIError && error.type === "overloaded_error",
  );
});

for (const one of loadCases().cases.filter(
  ({ protocol, stream, meta }) => protocol === "anthropic-messages" && stream !== null && meta.ends !== "error",
)) {
  test(`the official client reads the stream of ${one.name} like the non-streaming answer`, async () => {
    const exchange = exchangeFor(anthropicMessages, one.request);
    const reply = fold(decodeStream(sseEvents(one.stream ?? ""), exchange));
    const message = JSON.parse(anthropicMessages.reply.encode(reply, exchange)) as Json;
    // The client reads an input that was cut off as empty; a non-streaming answer keeps it as text.
    const content = (message["content"] as Json[]).map((block) =>
      block["type"] === "tool_use" && reply.finish.kind === "length" ? { ...block, input: {} } : block,
    );
    assert.deepEqual(await accumulated(encodeStream(reply, exchange)), { ...message, content });
  });
}
