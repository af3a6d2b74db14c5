// The response object, in an answer or in the first and last events of a stream: the client's own request values, status, output, usage.
// Never repeats the values that were sent upstream instead.

import { JsonText, print, type Json, type JsonObject } from "../../wire/json.ts";
import type { CanonicalRequest } from "../canonical.ts";
import type { Exchange } from "../codec.ts";
import { ownExtensions } from "../losses.ts";
import { Target } from "./target.ts";
import { encodeToolChoice, encodeTools } from "./tools.ts";
import type * as wire from "./wire.ts";

/** The state of a response. */
export interface Standing {
  readonly status: "in_progress" | "completed" | "incomplete" | "failed";
  readonly reason?: "max_output_tokens" | "content_filter";
  readonly error?: { code: string; message: string };
  readonly output: Json[];
  readonly usage: wire.Usage | null;
}

/** Prefixes of upstreams' ids, which are removed before this protocol's own is added. */
const PREFIXES = ["resp_", "chatcmpl-", "msg_"];

/** The unique part of an upstream's id. */
export function bareId(id: string, exchange: Exchange): string {
  const prefix = PREFIXES.find((candidate) => id.startsWith(candidate)) ?? "";
  const bare = id.slice(prefix.length);
  return bare === "" ? exchange.id : bare;
}

/** The `response` of one answer, which keeps its id and the request's values through all events. */
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

/** The client's request values, or the API's defaults. Tools are printed once, since they may be long. */
function echoOf(request: CanonicalRequest): JsonObject {
  const { reasoning, sampling, tools, output } = request;
  const target = new Target(request, { own: true });
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
    tool_choice: encodeToolChoice(target, tools.length > 0) ?? "auto",
    tools: new JsonText(print(encodeTools(target, { echo: true }))),
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

/** Members without a canonical field that a response repeats. */
const ECHOED: ReadonlySet<string> = new Set([
  "max_tool_calls",
  "previous_response_id",
  "service_tier",
  "tool_choice",
  "truncation",
  "user",
]);
