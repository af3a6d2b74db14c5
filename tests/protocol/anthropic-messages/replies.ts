// What the tests of answers share: an answer in all its forms, and what the official client makes of a stream.

import Anthropic from "@anthropic-ai/sdk";
import { anthropicMessages } from "../../../src/protocol/anthropic-messages/codec.ts";
import type { CanonicalRequest, FinishReason, Reply, Usage } from "../../../src/protocol/canonical.ts";
import type { Exchange } from "../../../src/protocol/codec.ts";
import { inOrder, unfold } from "../../../src/protocol/fold.ts";
import { chain, run } from "../../../src/wire/machine.ts";
import { printSse, type SseEvent } from "../../../src/wire/sse.ts";
import { exchange, finish, reply, usage } from "../../support/canonical.ts";

export type Json = Readonly<Record<string, unknown>>;

export const at = (request: Partial<CanonicalRequest>): Exchange => exchange({ model: "claude-opus-5", stream: true, ...request });
export const EXCHANGE = at({});

export const USAGE: Usage = usage({ inputTokens: 3, outputTokens: 2 });
export const END: FinishReason = finish("end", "end_turn");
export const REPLY: Reply = reply([], { id: "msg_1", model: "claude-opus-5", usage: USAGE, finish: END });

/** `REPLY` as a client gets it. */
export const SENT = {
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "claude-opus-5",
  content: [] as unknown[],
  stop_reason: "end_turn",
  stop_sequence: null,
  stop_details: null,
  container: null,
  usage: { input_tokens: 3, cache_creation_input_tokens: null, cache_read_input_tokens: null, output_tokens: 2 },
};

export function encodeStream(told: Reply, to = EXCHANGE): SseEvent[] {
  return run(chain(inOrder(), anthropicMessages.reply.encoder(to)), unfold(told));
}

export function official(events: readonly SseEvent[]): Anthropic {
  const body = events.map(printSse).join("");
  return new Anthropic({
    apiKey: "sk-fixture",
    maxRetries: 0,
    fetch: () => Promise.resolve(new Response(body, { headers: { "content-type": "text/event-stream" } })),
  });
}

export const ASK = { model: "claude-opus-5", max_tokens: 1, messages: [{ role: "user" as const, content: "x" }] };

/** What the official client makes of a stream, without the members that it adds of its own. */
export async function accumulated(events: readonly SseEvent[]): Promise<unknown> {
  const message = await official(events).messages.stream(ASK).finalMessage();
  const ADDED = new Set(["parsed_output", "_request_id", "_workspace_id"]);
  return JSON.parse(JSON.stringify(message, (key, value: unknown) => (ADDED.has(key) ? undefined : value)));
}
