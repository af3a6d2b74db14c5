// Room: openai-responses (row 2), requests.
// In:  the body that a client of the Responses API sent.
// Out: its head, or the canonical request.
// Never does: resolve what is stored at OpenAI; such members become extensions that other protocols refuse.

import { parse, print } from "../../wire/json.ts";
import type { CanonicalRequest, Effort, Extension, Loss, OutputFormat, Reasoning } from "../canonical.ts";
import { bodyHead } from "../head.ts";
import type { RequestHead, WireRequest } from "../codec.ts";
import { Fields } from "../fields.ts";
import { extension, extensionsOf } from "./extensions.ts";
import { EFFORTS, Input } from "./turns-decode.ts";
import { textPart } from "./media.ts";
import { decodeToolChoice, ToolList } from "./tools.ts";
import * as wire from "./wire.ts";

/** Schemas and arguments stay the text that they are: key order and big numbers included. */
const VERBATIM: ReadonlySet<string> = new Set(["parameters", "output_schema", "schema", "arguments"]);

/** Entries of `include` that the canonical request says in other words. */
export const ENCRYPTED = "reasoning.encrypted_content";
export const LOGPROBS = "message.output_text.logprobs";

const TIERS = ["auto", "default", "flex", "priority"] as const;
const SUMMARIES = ["auto", "concise", "detailed"] as const;

export function head(request: WireRequest): RequestHead {
  return bodyHead(request, "input");
}

export function decode({ body }: WireRequest): CanonicalRequest {
  const request = Fields.of(parse(body, { verbatim: VERBATIM }), "");
  const losses = new Losses();
  const tools = new ToolList(losses.add);
  const input = new Input({ tools, lose: losses.add });
  const instructions = request.optionalText("instructions");
  if (instructions !== null && instructions !== "") input.system.push(textPart(instructions));
  for (const tool of request.objects("tools")) tools.decode(tool);
  input.decode(request);
  const extensions: Extension[] = [];
  const choice = decodeToolChoice(request);
  if (choice === "hosted") extensions.push(extension("tool_choice", request.source("tool_choice") ?? "null"));
  const include = request.texts("include").filter((entry) => entry !== ENCRYPTED && entry !== LOGPROBS);
  if (include.length > 0) extensions.push(extension("include", print(include)));
  const tier = request.optionalText("service_tier");
  const serviceTier = TIERS.find((word) => word === tier) ?? null;
  if (tier !== null && serviceTier === null) extensions.push(extension("service_tier", print(tier)));
  const user = request.optionalText("user");
  const endUser = request.optionalText("safety_identifier") ?? user;
  if (user !== null && user !== endUser) extensions.push(extension("user", print(user)));
  const text = request.optionalObject("text");
  const format = text?.optionalObject("format") ?? null;
  return {
    names: wire.NAMES,
    model: request.text("model"),
    stream: request.optionalBoolean("stream") ?? false,
    system: input.system,
    turns: input.turns(),
    tools: tools.tools,
    toolChoice: choice === "hosted" ? null : choice,
    parallelToolCalls: request.optionalBoolean("parallel_tool_calls"),
    reasoning: decodeReasoning(request.optionalObject("reasoning"), { update: input.effort, losses }),
    output: decodeFormat(input.format ?? format),
    verbosity: decodeVerbosity(text, losses),
    maxOutputTokens: request.optionalInteger("max_output_tokens"),
    stop: [],
    sampling: {
      temperature: request.optionalNumber("temperature"),
      topP: request.optionalNumber("top_p"),
      topK: null,
      seed: null,
      presencePenalty: null,
      frequencyPenalty: null,
      topLogprobs: decodeLogprobs(request),
    },
    endUser,
    metadata: decodeMetadata(request),
    cacheKey: request.optionalText("prompt_cache_key"),
    serviceTier,
    store: request.optionalBoolean("store"),
    includeUsage: true,
    extensions: [...extensions, ...extensionsOf(request)],
    losses: losses.list,
  };
}

/** Losses, each told once however many items have it. */
class Losses {
  readonly list: Loss[] = [];
  readonly add = (loss: Loss): void => {
    if (!this.list.some(({ field, severity }) => field === loss.field && severity === loss.severity)) this.list.push(loss);
  };
}

function decodeReasoning(config: Fields | null, { update, losses }: { update: Effort | null; losses: Losses }): Reasoning | null {
  const effort = update ?? config?.optionalWord("effort", EFFORTS) ?? null;
  const display = config?.optionalWord("summary", SUMMARIES) ?? config?.optionalWord("generate_summary", SUMMARIES) ?? null;
  for (const key of ["effort", "summary", "generate_summary"]) config?.raw(key);
  for (const [key, value] of config?.unread() ?? []) {
    const isDefault = key === "context" || value === '"standard"';
    losses.add({
      field: `reasoning.${key}`,
      severity: isDefault ? "dropped" : "reported",
      reason: `No other protocol has reasoning.${key}.`,
    });
  }
  if (effort === null && display === null) return null;
  return { mode: effort === "none" ? "off" : effort === null ? "adaptive" : "on", effort, budgetTokens: null, display };
}

function decodeFormat(format: Fields | null): OutputFormat | null {
  if (format === null) return null;
  const type = format.optionalWord("type", ["text", "json_object", "json_schema"]);
  if (type === null) throw format.fail("type", "text, json_object or json_schema");
  if (type === "text") return null;
  if (type === "json_object") return { type: "json-object" };
  const schema = format.source("schema");
  if (schema === null) throw format.fail("schema", "a JSON Schema");
  return {
    type: "json-schema",
    name: format.optionalText("name"),
    description: format.optionalText("description"),
    schema,
    strict: format.optionalBoolean("strict"),
  };
}

function decodeVerbosity(text: Fields | null, losses: Losses): CanonicalRequest["verbosity"] {
  if (text === null) return null;
  const verbosity = text.optionalWord("verbosity", ["low", "medium", "high"]);
  for (const [key] of text.unread())
    losses.add({ field: `text.${key}`, severity: "reported", reason: `No other protocol has text.${key}.` });
  return verbosity;
}

/** Alternatives per token; asked for by number, or by including the chosen token's own. */
function decodeLogprobs(request: Fields): number | null {
  const count = request.optionalInteger("top_logprobs");
  if (count !== null && count > 0) return count;
  return request.texts("include").includes(LOGPROBS) ? 0 : null;
}

function decodeMetadata(request: Fields): Record<string, string> | null {
  const metadata = request.optionalObject("metadata");
  if (metadata === null) return null;
  return Object.fromEntries(metadata.unread().map(([key]) => [key, metadata.text(key)]));
}
