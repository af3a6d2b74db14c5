// A client's Messages request as a canonical request.
// Never guesses: a member of the wrong type is an error that names it.

import { GatewayError } from "../../errors.ts";
import { parse } from "../../wire/json.ts";
import type { CanonicalRequest, Extension, Loss } from "../canonical.ts";
import { OUTSIDE_BODY } from "../bedrock.ts";
import type { RequestHead, WireRequest } from "../codec.ts";
import { Fields } from "../fields.ts";
import { bodyHead } from "../head.ts";
import { decodeReasoning } from "./reasoning.ts";
import { decodeSampling } from "./sampling.ts";
import { decodeOutput } from "./structured-output.ts";
import { decodeToolChoice, decodeTools } from "./tools.ts";
import { decodeSystem, decodeTurns } from "./turns-decode.ts";
import { fateOf, ID, NAMES, nestedFateOf, WORDS, type LostFate } from "./wire.ts";

/** Members that stay verbatim: a tool's input, and schemas. */
const VERBATIM: ReadonlySet<string> = new Set(["input", "input_schema", "schema"]);
/** The extension for Claude Code's attribution block, which goes back before the instructions. */
export const ATTRIBUTION_FIELD = "system.attribution";

export function requestHead(request: WireRequest): RequestHead {
  return bodyHead(request, "messages");
}

export function decodeRequest(request: WireRequest): CanonicalRequest {
  const body = Fields.of(parse(request.body, { verbatim: VERBATIM, parsed: request.parsed }), "");
  if (request.path !== null) body.ignore(...OUTSIDE_BODY);
  refuseThread(body);
  const losses: Loss[] = [];
  const extensions: Extension[] = [];
  const extend = (field: string, value: string, { fate, reason }: LostFate): void =>
    void extensions.push({ protocol: ID, field, value, severity: fate, reason });

  const { system, attribution } = decodeSystem(body);
  if (attribution !== null) extend(ATTRIBUTION_FIELD, attribution, { fate: "dropped", reason: "It is a note for Anthropic's billing." });
  const { turns, toolChanges } = decodeTurns(body, losses);
  const config = body.optionalObject("output_config");
  const effort = config?.optionalWord("effort", WORDS["output_config.effort"]) ?? null;
  const format = config?.optionalObject("format") ?? null;
  const alias = body.optionalObject("output_format");
  if (format !== null) alias?.ignoreRest();
  const output = decodeOutput(format ?? alias);
  const thinking = body.optionalObject("thinking");
  const reasoning = decodeReasoning(thinking, effort);
  if (thinking?.raw("type") === "between_tools") {
    const source = body.source("thinking") ?? "";
    extend("thinking", source, { fate: "reported", reason: "Only Claude models can think between tool calls." });
  }
  const endUser = body.optionalObject("metadata")?.optionalText("user_id") ?? null;
  const maxTokens = body.optionalInteger("max_tokens");
  if (maxTokens === 0) extend("max_tokens", "0", { fate: "refused", reason: "Only Anthropic fills its cache without an answer." });

  const decoded = {
    names: NAMES,
    ...(request.path ?? { model: body.text("model"), stream: body.optionalBoolean("stream") ?? false }),
    system,
    turns,
    tools: decodeTools(body, { toolChanges, losses }),
    ...decodeToolChoice(body),
    reasoning,
    output,
    verbosity: null,
    maxOutputTokens: maxTokens === 0 ? null : maxTokens,
    stop: body.texts("stop_sequences"),
    sampling: decodeSampling(body),
    endUser,
    metadata: null,
    cacheKey: sessionOf(endUser),
    serviceTier: decodeServiceTier(body),
    store: null,
    includeUsage: true,
  };
  for (const { key, path, value, reason } of body.close()) {
    if (reason !== null && path === key) extend(key, value, { fate: "reported", reason });
    else if (reason !== null) losses.push({ field: path, severity: "reported", reason });
    else if (path === key) extend(key, value, key === "context_management" ? contextManagementFate(value) : fateOf(key));
    else losses.push(nestedLoss(key, path));
  }
  return { ...decoded, extensions, losses };
}

function nestedLoss(key: string, path: string): Loss {
  const { fate, reason } = nestedFateOf(key);
  return { field: path, severity: fate, reason };
}

/** Keeping all thoughts, which is all that Claude Code asks for, is the default. */
const KEEPS_ALL = /^\{"edits":\[(?:\{"type":"clear_thinking_\d+","keep":"all"\})?\]\}$/;

function contextManagementFate(value: string): LostFate {
  const fate = fateOf("context_management");
  return KEEPS_ALL.test(value) ? { ...fate, fate: "dropped" } : fate;
}

/**
 * A thread stores the conversation at Anthropic, so a request that continues one has no history to convert. These details make the
 * official clients send the whole conversation instead.
 */
function refuseThread(body: Fields): void {
  if (!body.has("thread")) return;
  throw new GatewayError(
    "invalid-request",
    "thread: this model's provider does not support threads; send the whole conversation without `thread`.",
    {
      param: "thread",
      details: { error_code: "thread_unsupported_request", unsupported: ["thread"] },
    },
  );
}

function decodeServiceTier(body: Fields): "auto" | "default" | null {
  const tier = body.optionalWord("service_tier", WORDS.service_tier);
  return tier === "standard_only" ? "default" : tier;
}

const SESSION_IN_JSON = /"session_id"\s*:\s*"([^"\\]+)"/;
const SESSION_IN_WORDS = /_session_([\w-]+)$/;

/** The session that Claude Code writes into its user id, in its current and its older form. */
export function sessionOf(userId: string | null): string | null {
  if (userId === null) return null;
  return (SESSION_IN_JSON.exec(userId) ?? SESSION_IN_WORDS.exec(userId))?.[1] ?? null;
}
