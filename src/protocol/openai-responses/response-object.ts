// Room: openai-responses (row 2), the response object.
// In:  the call that is answered, and what its answer has come to.
// Out: the `response` of a whole answer and of the first and last events of a streamed one: the client's own request values
//      echoed (A.16), status, output, usage.
// Never does: echo what the upstream was sent instead.

import { isObject, JsonText, print, type Json, type JsonObject } from "../../wire/json.ts";
import type { CanonicalRequest, FinishReason, Usage } from "../canonical.ts";
import { ownExtensions } from "../losses.ts";
import type { Exchange } from "../codec.ts";
import { NameTable } from "../tool-names.ts";
import { encodeToolChoice, encodeTools, NAME_RULE } from "./tools.ts";
import type * as wire from "./wire.ts";

/** How a response stands. */
export interface Standing {
  readonly status: "in_progress" | "completed" | "incomplete" | "failed";
  readonly reason?: "max_output_tokens" | "content_filter";
  readonly error?: { code: string; message: string };
  readonly output: Json[];
  readonly usage: wire.Usage | null;
}

/** Prefixes of the ids that upstreams give; cut off before this protocol's own is put in front. */
const PREFIXES = ["resp_", "chatcmpl-", "msg_"];

/** What is unique about an upstream's id. */
export function bareId(id: string, exchange: Exchange): string {
  const prefix = PREFIXES.find((candidate) => id.startsWith(candidate)) ?? "";
  const bare = id.slice(prefix.length);
  return bare === "" ? exchange.id : bare;
}

/** One answer's `response`, which keeps its id and echo through all events. */
export class ResponseObject {
  readonly #head: JsonObject;
  readonly #echo: JsonObject;

  constructor(exchange: Exchange, { id, model }: { id: string; model: string }) {
    this.#head = {
      id: `resp_${bareId(id, exchange)}`,
      object: "response",
      created_at: exchange.createdAtS,
      model: model === "" ? exchange.request.model : model,
    };
    this.#echo = echoOf(exchange.request);
  }

  standing({ status, reason, error, output, usage }: Standing): JsonObject {
    return {
      ...this.#head,
      status,
      background: false,
      error: error ?? null,
      incomplete_details: reason === undefined ? null : { reason },
      output,
      usage,
      ...this.#echo,
    };
  }
}

/** The client's request values, or the API's defaults where it gave none. Tools are printed once, since they may be long. */
function echoOf(request: CanonicalRequest): JsonObject {
  const { reasoning, sampling, tools, toolChoice, output } = request;
  const options = { names: new NameTable([], NAME_RULE), own: true, field: "tools", lose: () => {} };
  const encodedTools = new JsonText(print(encodeTools(tools, options)));
  const choice = toolChoice === null ? null : encodeToolChoice(toolChoice, { ...options, tools, choiceField: "tool_choice" });
  const format: Json =
    output === null
      ? { type: "text" }
      : output.type === "json-object"
        ? { type: "json_object" }
        : {
            type: "json_schema",
            name: output.name ?? "answer",
            description: output.description,
            schema: new JsonText(output.schema),
            strict: output.strict,
          };
  const echo: JsonObject = {
    instructions: request.system[0]?.text ?? null,
    max_output_tokens: request.maxOutputTokens,
    max_tool_calls: null,
    metadata: { ...request.metadata },
    parallel_tool_calls: request.parallelToolCalls ?? true,
    previous_response_id: null,
    prompt_cache_key: request.cacheKey,
    reasoning: { effort: reasoning?.effort ?? null, summary: reasoning?.display ?? null },
    safety_identifier: request.endUser,
    service_tier: request.serviceTier ?? "default",
    store: request.store ?? false,
    temperature: sampling.temperature ?? 1,
    text: { format, verbosity: request.verbosity ?? "medium" },
    tool_choice: choice ?? "auto",
    tools: encodedTools,
    top_logprobs: sampling.topLogprobs ?? 0,
    top_p: sampling.topP ?? 1,
    truncation: "disabled",
    user: null,
  };
  for (const [field, value] of ownExtensions(request, "openai-responses")) {
    if (ECHOED.has(field)) echo[field] = new JsonText(value);
  }
  return echo;
}

/** Members without a canonical home that a response repeats. */
const ECHOED: ReadonlySet<string> = new Set([
  "max_tool_calls",
  "previous_response_id",
  "service_tier",
  "tool_choice",
  "truncation",
  "user",
]);

/** Status and reason of an answer that ended so. */
export function standingOf({ kind }: FinishReason): Pick<Standing, "status" | "reason"> {
  switch (kind) {
    case "length":
    case "context-full":
    // A pause that nobody resumes is an answer that is not finished.
    case "paused":
      return { status: "incomplete", reason: "max_output_tokens" };
    case "filtered":
      return { status: "incomplete", reason: "content_filter" };
    default:
      return { status: "completed" };
  }
}

/**
 * The API's own sums. Clients require all members, so what the upstream did not say is 0 here; what it read from and wrote into
 * caches is part of the input.
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

/** Disjoint counters from the API's sums; null when there are none. */
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
