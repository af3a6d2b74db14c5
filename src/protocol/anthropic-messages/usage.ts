// Room: anthropic-messages/usage (row 2).
// In:  token counts and the ends of answers, on the wire or canonical.
// Out: the other of the two. Messages counts input outside of caches, like the canonical form; thinking is part of the output.
// Never does: add up what is cumulative.

import { isObject, type Json, type JsonObject } from "../../wire/json.ts";
import type { CanonicalRequest, FinishKind, FinishReason, Part, Usage } from "../canonical.ts";
import type * as wire from "./wire.ts";

// ---- Usage -------------------------------------------------------------------------------------------------------

const NOTHING_SAID: Usage = { inputTokens: null, cacheReadTokens: null, cacheWriteTokens: null, outputTokens: null, reasoningTokens: null };

/** What `usage` says, over what was said before: a stream's later counts replace the earlier ones, and may leave some out. */
export function decodeUsage(usage: Json | undefined, before: Usage | null): Usage | null {
  if (!isObject(usage)) return before;
  const known = before ?? NOTHING_SAID;
  const details = usage["output_tokens_details"];
  return {
    inputTokens: count(usage, "input_tokens") ?? known.inputTokens,
    cacheReadTokens: count(usage, "cache_read_input_tokens") ?? known.cacheReadTokens,
    cacheWriteTokens: count(usage, "cache_creation_input_tokens") ?? known.cacheWriteTokens,
    outputTokens: count(usage, "output_tokens") ?? known.outputTokens,
    reasoningTokens: (isObject(details) ? count(details, "thinking_tokens") : null) ?? known.reasoningTokens,
  };
}

function count(object: JsonObject, key: string): number | null {
  const value = object[key];
  return typeof value === "number" ? value : null;
}

/** Stands in where the upstream did not count, e.g. since it was let go at a stop sequence: the official clients demand two numbers. */
export interface Estimate {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export function encodeUsage(usage: Usage | null, estimate: Estimate): wire.Usage {
  return {
    input_tokens: usage?.inputTokens ?? estimate.inputTokens,
    cache_creation_input_tokens: usage?.cacheWriteTokens ?? null,
    cache_read_input_tokens: usage?.cacheReadTokens ?? null,
    output_tokens: usage?.outputTokens ?? estimate.outputTokens,
    ...(usage === null || usage.reasoningTokens === null ? {} : { output_tokens_details: { thinking_tokens: usage.reasoningTokens } }),
  };
}

const CHARACTERS_PER_TOKEN = 4;
const TOKENS_PER_IMAGE = 1_500;

/**
 * Roughly how many tokens the request has. A stream's first event has to say a number before the upstream does, and clients show
 * it; `message_delta` corrects it.
 */
export function estimateInput(request: CanonicalRequest): number {
  let characters = 0;
  let images = 0;
  const countPart = (part: Part): void => {
    switch (part.type) {
      case "text":
      case "refusal":
      case "reasoning":
        characters += part.text.length;
        return;
      case "tool-call":
        characters += part.name.length + part.arguments.length;
        return;
      case "tool-result":
        part.content.forEach(countPart);
        return;
      case "opaque":
        characters += part.value.length;
        return;
      case "file":
        if (part.source.type === "text") characters += part.source.text.length;
        else images++;
        return;
      default:
        images++;
    }
  };
  request.system.forEach(countPart);
  for (const turn of request.turns) turn.parts.forEach(countPart);
  for (const tool of request.tools) {
    if (tool.type === "function") characters += tool.name.length + (tool.description?.length ?? 0) + (tool.schema?.length ?? 0);
  }
  return estimateText(characters) + images * TOKENS_PER_IMAGE;
}

/** Roughly how many tokens so much text is. */
export function estimateText(characters: number): number {
  return Math.ceil(characters / CHARACTERS_PER_TOKEN);
}

// ---- Finish ------------------------------------------------------------------------------------------------------

const KINDS: Readonly<Record<string, FinishKind>> = {
  end_turn: "end",
  stop_sequence: "stop-sequence",
  tool_use: "tool-calls",
  max_tokens: "length",
  model_context_window_exceeded: "context-full",
  refusal: "filtered",
  pause_turn: "paused",
};

/** How an answer ended. One that `called` a tool is said to have, whatever the upstream calls it. */
export function decodeFinish(stop: JsonObject, called: boolean): FinishReason {
  const raw = text(stop["stop_reason"]);
  const details = stop["stop_details"];
  let kind: FinishKind = raw !== null && Object.hasOwn(KINDS, raw) ? (KINDS[raw] ?? "other") : "other";
  if (called && (kind === "end" || kind === "other")) kind = "tool-calls";
  return {
    kind,
    raw,
    stopSequence: kind === "stop-sequence" ? text(stop["stop_sequence"]) : null,
    explanation: kind === "filtered" && isObject(details) ? text(details["explanation"]) : null,
  };
}

function text(value: Json | undefined): string | null {
  return typeof value === "string" ? value : null;
}

const STOP_REASONS: Readonly<Record<FinishKind, wire.StopReason>> = {
  end: "end_turn",
  "stop-sequence": "stop_sequence",
  "tool-calls": "tool_use",
  length: "max_tokens",
  "context-full": "model_context_window_exceeded",
  filtered: "refusal",
  paused: "pause_turn",
  other: "end_turn",
};

export interface Said {
  readonly calls: boolean;
  readonly refusal: boolean;
}

export function encodeFinish(finish: FinishReason, said: Said): wire.Stop {
  const reason = stopReason(finish, said);
  return {
    stop_reason: reason,
    stop_sequence: reason === "stop_sequence" ? finish.stopSequence : null,
    stop_details: reason === "refusal" ? { type: "refusal", category: null, explanation: finish.explanation } : null,
    container: null,
  };
}

function stopReason({ kind, stopSequence }: FinishReason, said: Said): wire.StopReason {
  if (kind === "end" && said.refusal) return "refusal";
  if ((kind === "end" || kind === "other") && said.calls) return "tool_use";
  // Other protocols do not say which sequence it was; without one Messages calls it the end.
  if (kind === "stop-sequence" && stopSequence === null) return "end_turn";
  return STOP_REASONS[kind];
}
