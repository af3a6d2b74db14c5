// Token counts: the API's sums, and disjoint canonical counters.

import { isObject, type Json } from "../../wire/json.ts";
import type { Usage } from "../canonical.ts";
import type * as wire from "./wire.ts";

/** Disjoint counters from the API's sums; null: none. */
export function decodeUsage(value: Json | undefined): Usage | null {
  if (!isObject(value)) return null;
  const input = count(value["input_tokens"]);
  const output = count(value["output_tokens"]);
  if (input === null && output === null) return null;
  const { input_tokens_details: inputDetails, output_tokens_details: outputDetails } = value;
  const cached = isObject(inputDetails) ? count(inputDetails["cached_tokens"]) : null;
  const written = isObject(inputDetails) ? count(inputDetails["cache_write_tokens"]) : null;
  return {
    inputTokens: input === null ? null : Math.max(0, input - (cached ?? 0) - (written ?? 0)),
    cacheReadTokens: cached,
    cacheWriteTokens: written,
    outputTokens: output,
    reasoningTokens: isObject(outputDetails) ? count(outputDetails["reasoning_tokens"]) : null,
  };
}

function count(value: Json | undefined): number | null {
  return typeof value === "number" ? value : null;
}

/**
 * Clients require all members, so unreported counts are 0 here; tokens read from and written to
 * caches are part of the input.
 */
export function encodeUsage(usage: Usage | null): wire.Usage {
  const cached = usage?.cacheReadTokens ?? 0;
  const written = usage?.cacheWriteTokens ?? null;
  const input = (usage?.inputTokens ?? 0) + cached + (written ?? 0);
  const output = usage?.outputTokens ?? 0;
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: cached, ...(written === null ? {} : { cache_write_tokens: written }) },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: usage?.reasoningTokens ?? 0 },
    total_tokens: input + output,
  };
}
