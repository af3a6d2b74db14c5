// Token counts, both directions: the prompt count of `usageMetadata` includes cached tokens, its candidates count excludes thoughts.
// https://ai.google.dev/api/generate-content#UsageMetadata (read 2026-11)
// Does not add up the events of a stream: each one has the total so far.

import { isObject, type Json, type JsonObject } from "../../wire/json.ts";
import type { Usage } from "../canonical.ts";

export function decodeUsage(metadata: Json | undefined): Usage | null {
  if (!isObject(metadata)) return null;
  const count = (key: string): number | null => {
    const value = metadata[key];
    return typeof value === "number" ? value : null;
  };
  const prompt = sum(count("promptTokenCount"), count("toolUsePromptTokenCount"));
  const cacheReadTokens = count("cachedContentTokenCount");
  const reasoningTokens = count("thoughtsTokenCount");
  const usage: Usage = {
    inputTokens: prompt === null ? null : Math.max(0, prompt - (cacheReadTokens ?? 0)),
    cacheReadTokens,
    cacheWriteTokens: null,
    outputTokens: sum(count("candidatesTokenCount"), reasoningTokens),
    reasoningTokens,
  };
  return Object.values(usage).every((value) => value === null) ? null : usage;
}

export function encodeUsage(usage: Usage): JsonObject {
  const prompt = sum(sum(usage.inputTokens, usage.cacheReadTokens), usage.cacheWriteTokens);
  const candidates = usage.outputTokens === null ? null : Math.max(0, usage.outputTokens - (usage.reasoningTokens ?? 0));
  const metadata: JsonObject = {};
  const put = (key: string, value: number | null): void => {
    if (value !== null) metadata[key] = value;
  };
  put("promptTokenCount", prompt);
  put("cachedContentTokenCount", usage.cacheReadTokens);
  put("candidatesTokenCount", candidates);
  put("thoughtsTokenCount", usage.reasoningTokens);
  put("totalTokenCount", sum(prompt, usage.outputTokens));
  return metadata;
}

/** Null when both are unknown. */
function sum(left: number | null, right: number | null): number | null {
  return left === null && right === null ? null : (left ?? 0) + (right ?? 0);
}
