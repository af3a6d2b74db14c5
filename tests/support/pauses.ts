// Answers of upstreams that pause, non-streaming and streamed, in Messages and Gemini, and the requests for them.
// Written from the protocols' documentation and not from the codecs, which it tests.

import type { JsonObject } from "../../src/wire/json.ts";
import type { Answer } from "./upstream.ts";

export interface Told {
  /** The body of a whole answer. */
  readonly whole: string;
  /** The same answer as server-sent events, each with its blank line. */
  readonly events: readonly string[];
}

/** One answer of a Messages upstream. */
export interface Turn {
  readonly blocks: readonly JsonObject[];
  readonly stop?: string;
  readonly usage?: { readonly input: number; readonly cached?: number; readonly output: number };
  readonly container?: string;
}

export function messages({ blocks, stop = "pause_turn", usage = { input: 10, output: 5 }, container }: Turn): Told {
  const held = container === undefined ? null : { id: container, expires_at: "2026-11-23T00:00:00Z" };
  const input = { input_tokens: usage.input, cache_creation_input_tokens: 0, cache_read_input_tokens: usage.cached ?? 0 };
  const head = { id: "msg_paused", type: "message", role: "assistant", model: "claude-opus-4-8" };
  const event = (data: JsonObject): string => `event: ${String(data["type"])}\ndata: ${JSON.stringify(data)}\n\n`;
  return {
    whole: JSON.stringify({
      ...head,
      content: blocks,
      stop_reason: stop,
      stop_sequence: null,
      container: held,
      usage: { ...input, output_tokens: usage.output },
    }),
    events: [
      event({
        type: "message_start",
        message: { ...head, content: [], stop_reason: null, stop_sequence: null, container: null, usage: { ...input, output_tokens: 1 } },
      }),
      ...blocks.flatMap((block, index) => blockEvents(block, index).map(event)),
      event({
        type: "message_delta",
        delta: { stop_reason: stop, stop_sequence: null, container: held },
        usage: { output_tokens: usage.output },
      }),
      event({ type: "message_stop" }),
    ],
  };
}

function blockEvents(block: JsonObject, index: number): JsonObject[] {
  const start = (begun: JsonObject): JsonObject => ({ type: "content_block_start", index, content_block: begun });
  const delta = (said: JsonObject): JsonObject => ({ type: "content_block_delta", index, delta: said });
  const stop: JsonObject = { type: "content_block_stop", index };
  const halves = (text: string): string[] => [text.slice(0, text.length >> 1), text.slice(text.length >> 1)].filter((half) => half !== "");
  switch (block["type"]) {
    case "text": {
      const citations = (block["citations"] as JsonObject[] | null | undefined) ?? [];
      return [
        start({ ...block, text: "", ...(citations.length > 0 ? { citations: [] } : {}) }),
        ...halves(String(block["text"])).map((text) => delta({ type: "text_delta", text })),
        ...citations.map((citation) => delta({ type: "citations_delta", citation })),
        stop,
      ];
    }
    case "thinking":
      return [
        start({ ...block, thinking: "", signature: "" }),
        ...halves(String(block["thinking"])).map((thinking) => delta({ type: "thinking_delta", thinking })),
        delta({ type: "signature_delta", signature: block["signature"] ?? "" }),
        stop,
      ];
    case "server_tool_use":
    case "tool_use":
      return [
        start({ ...block, input: {} }),
        delta({ type: "input_json_delta", partial_json: "" }),
        ...halves(JSON.stringify(block["input"])).map((piece) => delta({ type: "input_json_delta", partial_json: piece })),
        stop,
      ];
    default:
      return [start(block), stop];
  }
}

/** One answer of a Gemini upstream: its parts in one chunk each, the reason in the last. */
export interface Candidate {
  readonly parts: readonly JsonObject[];
  readonly reason?: string;
  /** Null: the upstream gives none. */
  readonly token?: string | null;
  readonly usage?: { readonly input: number; readonly output: number; readonly thoughts?: number };
  readonly more?: JsonObject;
}

export function gemini({ parts, reason = "CONTINUATION", token = null, usage = { input: 10, output: 5 }, more = {} }: Candidate): Told {
  const { input, output, thoughts = 0 } = usage;
  const end: JsonObject = { finishReason: reason, ...(token === null ? {} : { continuationToken: token }), ...more };
  const chunk = (some: readonly JsonObject[], said: JsonObject = {}): JsonObject => ({
    candidates: [{ content: { role: "model", parts: [...some] }, index: 0, ...said }],
    usageMetadata: {
      promptTokenCount: input,
      candidatesTokenCount: output,
      thoughtsTokenCount: thoughts,
      totalTokenCount: input + output + thoughts,
    },
    modelVersion: "gemini-2.5-pro",
    responseId: "paused",
  });
  const chunks = parts.map((part, index) => chunk([part], index === parts.length - 1 ? end : {}));
  return {
    whole: JSON.stringify(chunk(parts, end)),
    events: (chunks.length === 0 ? [chunk([], end)] : chunks).map((one) => `data: ${JSON.stringify(one)}\n\n`),
  };
}

/** The scripted upstream's answer: streamed if that was requested. */
export function answering(told: Told, stream: boolean): Answer {
  return stream ? { events: told.events } : { body: told.whole };
}
