// Smaller forms of an exchange, for calls that are not decoded and for long answers.
// Does not read a request.

import type { CanonicalRequest, FieldNames } from "./canonical.ts";
import type { Exchange, RequestHead } from "./codec.ts";

/**
 * An exchange without its turns: all that an encoder needs while an answer is under way. The turns may be megabytes, and an
 * answer takes minutes.
 */
export function withoutConversation({ request, id, createdAtS }: Exchange): Exchange {
  return { request: { ...request, turns: [] }, id, createdAtS };
}

/**
 * An exchange with strings of its own, except for the turns, which no codec keeps: in the engines, a substring of a body keeps the whole
 * body alive.
 */
export function detached({ request: { turns, names, ...rest }, id, createdAtS }: Exchange): Exchange {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what was printed a moment ago
  const own = JSON.parse(JSON.stringify(rest)) as typeof rest;
  // Which protocol the client speaks is told by the identity of its names.
  return { request: { ...own, names, turns }, id, createdAtS };
}

/** A request with nothing but its head, for calls whose body is not decoded. */
export function bareRequest(head: Pick<RequestHead, "model" | "stream">): CanonicalRequest {
  return {
    names: CANONICAL_NAMES,
    model: head.model,
    stream: head.stream,
    system: NONE,
    turns: NONE,
    tools: NONE,
    toolChoice: null,
    parallelToolCalls: null,
    reasoning: null,
    output: null,
    verbosity: null,
    maxOutputTokens: null,
    stop: NONE,
    sampling: NO_SAMPLING,
    endUser: null,
    metadata: null,
    cacheKey: null,
    serviceTier: null,
    store: null,
    includeUsage: false,
    extensions: NONE,
    losses: NONE,
  };
}

const NONE: readonly never[] = [];
const NO_SAMPLING: CanonicalRequest["sampling"] = {
  temperature: null,
  topP: null,
  topK: null,
  seed: null,
  presencePenalty: null,
  frequencyPenalty: null,
  topLogprobs: null,
};

const CANONICAL_NAMES: FieldNames = {
  model: "model",
  system: "system",
  turns: "turns",
  tools: "tools",
  toolChoice: "toolChoice",
  parallelToolCalls: "parallelToolCalls",
  reasoning: "reasoning",
  output: "output",
  verbosity: "verbosity",
  maxOutputTokens: "maxOutputTokens",
  stop: "stop",
  temperature: "temperature",
  topP: "topP",
  topK: "topK",
  seed: "seed",
  presencePenalty: "presencePenalty",
  frequencyPenalty: "frequencyPenalty",
  topLogprobs: "topLogprobs",
  endUser: "endUser",
  metadata: "metadata",
  cacheKey: "cacheKey",
  cache: "cache",
  serviceTier: "serviceTier",
  store: "store",
};
