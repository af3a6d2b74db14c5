// Token counts, both directions. Chat's counters include each other; the canonical ones are disjoint.
// Never reports zero for an unknown count.

import type { Usage } from "../canonical.ts";
import { numberOf, objectOf } from "./wire.ts";
import type * as wire from "./wire.ts";

/** The usage of a chunk, wherever its upstream keeps it; null: none. */
export function decodeUsage(chunk: wire.Chunk, choice: wire.Choice | undefined): Usage | null {
  const groq = objectOf<{ usage: unknown }>(chunk.x_groq);
  const usage = objectOf<wire.UsageRead>(chunk.usage) ?? objectOf<wire.UsageRead>(choice?.usage) ?? objectOf<wire.UsageRead>(groq?.usage);
  if (usage === undefined) return null;
  const promptDetails = objectOf<{ cached_tokens: unknown; cache_write_tokens: unknown }>(usage.prompt_tokens_details);
  const prompt = numberOf(usage.prompt_tokens);
  const cacheRead = numberOf(promptDetails?.cached_tokens) ?? numberOf(usage.prompt_cache_hit_tokens) ?? numberOf(usage.cached_tokens);
  const cacheWrite = numberOf(promptDetails?.cache_write_tokens);
  const completion = numberOf(usage.completion_tokens);
  const reasoning = numberOf(objectOf<{ reasoning_tokens: unknown }>(usage.completion_tokens_details)?.reasoning_tokens);
  // xAI counts reasoning in addition to the completion; the total shows it.
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

export function encodeUsage({ inputTokens, cacheReadTokens, cacheWriteTokens, outputTokens, reasoningTokens }: Usage): wire.Usage {
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
