// Token counts, both directions. Messages counts input outside of caches, like the canonical form; thinking is part of the output.
// Never adds up cumulative counts.

import { isObject, type Json, type JsonObject } from "../../wire/json.ts";
import type { CanonicalRequest, Part, Usage } from "../canonical.ts";
import type * as wire from "./wire.ts";

const NOTHING_SAID: Usage = { inputTokens: null, cacheReadTokens: null, cacheWriteTokens: null, outputTokens: null, reasoningTokens: null };

/** `usage` merged over the earlier one: a stream's later counts replace the earlier ones, and may omit some. */
export function decodeUsage(usage: Json | undefined, before: Usage | null): Usage | null {
  if (!isObject(usage)) return before;
  const known = before ?? NOTHING_SAID;
  const details = usage["output_tokens_details"];
  const writes = usage["cache_creation"];
  const anHour = (isObject(writes) ? count(writes, "ephemeral_1h_input_tokens") : null) ?? known.cacheWrite1hTokens;
  return {
    inputTokens: count(usage, "input_tokens") ?? known.inputTokens,
    cacheReadTokens: count(usage, "cache_read_input_tokens") ?? known.cacheReadTokens,
    cacheWriteTokens: count(usage, "cache_creation_input_tokens") ?? known.cacheWriteTokens,
    ...(anHour === undefined || anHour === 0 ? {} : { cacheWrite1hTokens: anHour }),
    outputTokens: count(usage, "output_tokens") ?? known.outputTokens,
    reasoningTokens: (isObject(details) ? count(details, "thinking_tokens") : null) ?? known.reasoningTokens,
  };
}

function count(object: JsonObject, key: string): number | null {
  const value = object[key];
  return typeof value === "number" ? value : null;
}

/** Used where the upstream did not count, e.g. because it was cancelled at a stop sequence: the official clients require two numbers. */
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
 * Roughly how many tokens the request has. A stream's first event needs a number before the upstream reports one, and clients show
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
