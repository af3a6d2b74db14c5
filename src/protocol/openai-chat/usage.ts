// Room: openai-chat (row 2). Usage and finish reasons, both ways.
// In:  the counters and words of an upstream, or canonical ones.
// Out: the other of the two. Chat's counters include each other, the canonical ones are disjoint.
// Never does: say zero where nobody counted.

import type { FinishKind, FinishReason, Usage } from "../canonical.ts";
import {
  numberOf,
  objectOf,
  textOf,
  type Chunk,
  type Choice,
  type FinishReason as WireFinish,
  type Usage as WireUsage,
  type UsageRead,
} from "./wire.ts";

// ---- Usage ---------------------------------------------------------------------------------------------------------

/** The usage of a chunk, wherever its upstream keeps it; null when there is none. */
export function decodeUsage(chunk: Chunk, choice: Choice | undefined): Usage | null {
  const groq = objectOf<{ usage: unknown }>(chunk.x_groq);
  const usage = objectOf<UsageRead>(chunk.usage) ?? objectOf<UsageRead>(choice?.usage) ?? objectOf<UsageRead>(groq?.usage);
  if (usage === undefined) return null;
  const promptDetails = objectOf<{ cached_tokens: unknown; cache_write_tokens: unknown }>(usage.prompt_tokens_details);
  const prompt = numberOf(usage.prompt_tokens);
  const cacheRead = numberOf(promptDetails?.cached_tokens) ?? numberOf(usage.prompt_cache_hit_tokens) ?? numberOf(usage.cached_tokens);
  const cacheWrite = numberOf(promptDetails?.cache_write_tokens);
  const completion = numberOf(usage.completion_tokens);
  const reasoning = numberOf(objectOf<{ reasoning_tokens: unknown }>(usage.completion_tokens_details)?.reasoning_tokens);
  // xAI counts reasoning beside the completion instead of inside; the total tells.
  const isBeside =
    prompt !== null &&
    completion !== null &&
    reasoning !== null &&
    reasoning > 0 &&
    numberOf(usage.total_tokens) === prompt + completion + reasoning;
  return {
    inputTokens: prompt === null ? null : Math.max(0, prompt - (cacheRead ?? 0) - (cacheWrite ?? 0)),
    cacheReadTokens: cacheRead,
    cacheWriteTokens: cacheWrite,
    outputTokens: isBeside ? completion + reasoning : completion,
    reasoningTokens: reasoning,
  };
}

export function encodeUsage({ inputTokens, cacheReadTokens, cacheWriteTokens, outputTokens, reasoningTokens }: Usage): WireUsage {
  const prompt = (inputTokens ?? 0) + (cacheReadTokens ?? 0) + (cacheWriteTokens ?? 0);
  const completion = outputTokens ?? 0;
  const details = {
    ...(cacheReadTokens === null ? {} : { cached_tokens: cacheReadTokens }),
    ...(cacheWriteTokens === null ? {} : { cache_write_tokens: cacheWriteTokens }),
  };
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    ...(Object.keys(details).length === 0 ? {} : { prompt_tokens_details: details }),
    ...(reasoningTokens === null ? {} : { completion_tokens_details: { reasoning_tokens: reasoningTokens } }),
  };
}

// ---- Finish reasons ------------------------------------------------------------------------------------------------

/** The words of OpenAI and of its imitators; what is not here is `other`. */
const KINDS: Readonly<Record<string, FinishKind>> = {
  stop: "end",
  eos: "end",
  end_turn: "end",
  length: "length",
  max_tokens: "length",
  model_length: "length",
  tool_calls: "tool-calls",
  function_call: "tool-calls",
  content_filter: "filtered",
  sensitive: "filtered",
};

/** Words that say that the answer broke off. */
const FAILURES: ReadonlySet<string> = new Set(["error", "network_error", "insufficient_system_resource", "abort"]);

export function isFailure(word: string): boolean {
  return FAILURES.has(word);
}

/** Null when the choice says nothing of its end. `stops` are the sequences that the request asked for. */
export function decodeFinish(choice: Choice, stops: readonly string[]): FinishReason | null {
  const raw = textOf(choice.finish_reason);
  if (raw === "") return null;
  const kind = (Object.hasOwn(KINDS, raw) ? KINDS[raw] : undefined) ?? "other";
  const matched = textOf(choice.stop_reason);
  const isSequence = kind === "end" && stops.includes(matched);
  return { kind: isSequence ? "stop-sequence" : kind, raw, stopSequence: isSequence ? matched : null, explanation: null };
}

const WORDS: Readonly<Record<FinishKind, WireFinish>> = {
  end: "stop",
  "stop-sequence": "stop",
  "tool-calls": "tool_calls",
  length: "length",
  "context-full": "length",
  filtered: "content_filter",
  // The answer could have gone on: never `stop`.
  paused: "length",
  other: "stop",
};

export function encodeFinish(kind: FinishKind, isLegacy: boolean): WireFinish {
  const word = WORDS[kind];
  return isLegacy && word === "tool_calls" ? "function_call" : word;
}
