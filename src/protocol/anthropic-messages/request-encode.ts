// Room: anthropic-messages/request (row 2).
// In:  the body of a Messages request, or a canonical request.
// Out: the other of the two; with the body the headers that it was written for, and what it could not carry.
// Never does: throw for what a client says when encoding; the body is always the best that the model takes.

import { GatewayError } from "../../errors.ts";
import { isObject, JsonText, parse, print, type Json, type JsonObject } from "../../wire/json.ts";
import type { CanonicalRequest, Effort, Extension, Loss, OutputFormat, Sampling, Tool } from "../canonical.ts";
import { bodyHead } from "../head.ts";
import { lossesFor, ownExtensions } from "../losses.ts";
import type { EncodedRequest, RequestHead, WireRequest } from "../codec.ts";
import { Fields } from "../fields.ts";
import { NameTable } from "../tool-names.ts";
import { reportUnread } from "./parts-decode.ts";
import { isMarked, NAME_RULE, withMark } from "./parts-encode.ts";
import { decodeConversation, decodeSystem, type ToolChange } from "./turns-decode.ts";
import { encodeMessages } from "./turns-encode.ts";
import { capabilitiesOf, type Capabilities } from "./capabilities.ts";
import { encodeOutput } from "./structured-output.ts";
import { decodeReasoning, EFFORTS, encodeReasoning } from "./reasoning.ts";
import { encodeSampling } from "./sampling.ts";
import { decodeTool, decodeToolChoice, encodeTools, isForced } from "./tools.ts";
import { headersFor, MESSAGE_EFFORT_BETA } from "./version.ts";
import { fateOf, ID, NAMES } from "./wire.ts";
import type * as wire from "./wire.ts";

/** What has to stay as it was written: a tool's input, and schemas. */
const VERBATIM: ReadonlySet<string> = new Set(["input", "input_schema", "schema"]);
/** The extension that holds Claude Code's attribution block; it goes back in front of the instructions. */
const ATTRIBUTION_FIELD = "system.attribution";

export function requestHead(request: WireRequest): RequestHead {
  return bodyHead(request, "messages");
}

// ---- Decode ------------------------------------------------------------------------------------------------------

export function decodeRequest(request: WireRequest): CanonicalRequest {
  const body = Fields.of(parse(request.body, { verbatim: VERBATIM }), "");
  refuseThread(body);
  const losses: Loss[] = [];
  const extensions: Extension[] = [];
  const extend = (field: string, value: string, fate: { severity: Loss["severity"]; reason: string }): void =>
    void extensions.push({ protocol: ID, field, value, ...fate });

  const { system, attribution } = decodeSystem(body, losses);
  if (attribution !== null)
    extend(ATTRIBUTION_FIELD, attribution, { severity: "dropped", reason: "It is a note for Anthropic's billing." });
  const { turns, toolChanges } = decodeConversation(body, losses);
  const config = body.optionalObject("output_config");
  const effort: Effort | null = config?.optionalWord("effort", EFFORTS) ?? null;
  const format = config?.optionalObject("format") ?? null;
  if (config !== null) reportUnread(config, losses);
  const alias = body.optionalObject("output_format");
  const output = decodeOutput(format ?? alias, losses);
  const thinking = body.optionalObject("thinking");
  const reasoning = decodeReasoning(thinking, effort, losses);
  if (thinking?.raw("type") === "between_tools") {
    extend("thinking", thinking.whole(), { severity: "reported", reason: "Only Claude models can think between tool calls alone." });
  }
  const metadata = body.optionalObject("metadata");
  const endUser = metadata?.optionalText("user_id") ?? null;
  if (metadata !== null) reportUnread(metadata, losses);
  const maxTokens = body.optionalInteger("max_tokens");
  if (maxTokens === 0) extend("max_tokens", "0", { severity: "refused", reason: "Only Anthropic fills its cache without an answer." });

  const decoded = {
    names: NAMES,
    model: body.text("model"),
    stream: body.optionalBoolean("stream") ?? false,
    system,
    turns,
    tools: applyChanges(
      body.objects("tools").map((tool) => decodeTool(tool, losses)),
      toolChanges,
      losses,
    ),
    ...decodeToolChoice(body.optionalObject("tool_choice")),
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
  for (const [field, value] of body.unread()) {
    const { fate, reason } = field === "context_management" ? contextManagementFate(value) : fateOf(field);
    extend(field, value, { severity: fate, reason });
  }
  return { ...decoded, extensions, losses };
}

/**
 * A thread holds the conversation at Anthropic, so a request that continues one has no history to convert. These details make the
 * official clients send the whole conversation instead.
 */
function refuseThread(body: Fields): void {
  if (!body.has("thread")) return;
  throw new GatewayError(
    "invalid-request",
    "thread: this model's provider holds no threads; send the whole conversation without `thread`.",
    {
      param: "thread",
      details: { error_code: "thread_unsupported_request", unsupported: ["thread"] },
    },
  );
}

function decodeOutput(format: Fields | null, losses: Loss[]): OutputFormat | null {
  if (format === null) return null;
  if (format.text("type") !== "json_schema") throw format.fail("type", "json_schema");
  const schema = format.source("schema");
  if (schema === null) throw format.fail("schema", "a JSON Schema");
  reportUnread(format, losses);
  return { type: "json-schema", name: null, description: null, schema, strict: null };
}

function decodeSampling(body: Fields): Sampling {
  return {
    temperature: body.optionalNumber("temperature"),
    topP: body.optionalNumber("top_p"),
    topK: body.optionalInteger("top_k"),
    seed: null,
    presencePenalty: null,
    frequencyPenalty: null,
    topLogprobs: null,
  };
}

function decodeServiceTier(body: Fields): "auto" | "default" | null {
  const tier = body.optionalWord("service_tier", ["auto", "standard_only"]);
  return tier === "standard_only" ? "default" : tier;
}

const SESSION_IN_JSON = /"session_id"\s*:\s*"([^"\\]+)"/;
const SESSION_IN_WORDS = /_session_([\w-]+)$/;

/** The session that Claude Code writes into its user id, in its present and its older form. */
function sessionOf(userId: string | null): string | null {
  if (userId === null) return null;
  return (SESSION_IN_JSON.exec(userId) ?? SESSION_IN_WORDS.exec(userId))?.[1] ?? null;
}

/** Keeping all thoughts, which is all that Claude Code asks for, asks for nothing. */
const KEEPS_ALL = /^\{"edits":\[(?:\{"type":"clear_thinking_\d+","keep":"all"\})?\]\}$/;

function contextManagementFate(value: string): { fate: Loss["severity"]; reason: string } {
  const fate = fateOf("context_management");
  return KEEPS_ALL.test(value) ? { ...fate, fate: "dropped" } : fate;
}

/** The tools on offer at the end of the conversation. */
function applyChanges(declared: readonly Tool[], changes: readonly ToolChange[], losses: Loss[]): readonly Tool[] {
  if (changes.length === 0) return declared;
  const removed = new Set<string>();
  const defined: Tool[] = [];
  for (const change of changes) {
    if (change.type === "definition") defined.push(decodeTool(change.tool, losses));
    else if (change.type === "removal") removed.add(change.name);
    else removed.delete(change.name);
  }
  return [...declared, ...defined].filter((tool) => !("name" in tool && removed.has(tool.name)));
}

// ---- Encode ------------------------------------------------------------------------------------------------------

export function encodeRequest(request: CanonicalRequest): EncodedRequest {
  const capabilities = capabilitiesOf(request.model);
  const losses = lossesFor(request, ID);
  const lost = (field: string, severity: Loss["severity"], reason: string): void => void losses.push({ field, severity, reason });
  const table = new NameTable(
    request.tools.flatMap((tool) => ("name" in tool ? [tool.name] : [])),
    NAME_RULE,
  );

  const maxTokens = encodeLimit(request, capabilities, lost);
  const output = encodeOutput(request);
  losses.push(...output.losses);
  const { tools, toolChoice } = encodeTools(request, { capabilities, names: table, losses });
  const prefill = capabilities.prefill && !(thinks(request) && capabilities.thinking !== "none");
  const conversation = encodeMessages(request, { capabilities: { ...capabilities, prefill }, names: table, losses });
  const { thinking, effort } = encodeReasoning(request, {
    capabilities,
    maxTokens,
    forced: isForced(toolChoice),
    turnEffort: conversation.turnEffort,
    unsignedLoop: conversation.unsignedLoop,
    losses,
  });
  const isThinking = thinking !== null && (thinking["type"] === "enabled" || thinking["type"] === "adaptive");
  const sampling = encodeSampling(request, { capabilities, isThinking, losses });
  const own = ownExtensions(request, ID);
  const system = [...encodeSystem(request, output.instruction), ...conversation.system];
  const attribution = own.find(([field]) => field === ATTRIBUTION_FIELD)?.[1];
  limitMarks({ tools, system, messages: conversation.messages });
  reportTheRest(request, lost);

  const body: JsonObject = {
    model: request.model,
    max_tokens: maxTokens,
    ...(request.stream ? { stream: true } : {}),
    ...(attribution === undefined && system.length === 0
      ? {}
      : { system: [...(attribution === undefined ? [] : [new JsonText(attribution)]), ...system] }),
    ...(tools.length === 0 ? {} : { tools: [...tools] }),
    ...(toolChoice === null ? {} : { tool_choice: toolChoice }),
    ...(thinking === null ? {} : { thinking }),
    ...outputConfig(effort, output.format),
    ...sampling,
    ...encodeStop(request, lost),
    ...(request.endUser === null ? {} : { metadata: { user_id: request.endUser } }),
    ...encodeServiceTier(request, lost),
    messages: [...conversation.messages],
  };
  for (const [field, value] of own) if (field !== ATTRIBUTION_FIELD) body[field] = new JsonText(value);
  const betas = new Set(conversation.hasMessageEffort ? [MESSAGE_EFFORT_BETA] : []);
  const headers = headersFor({ claude: capabilities.claude, sampling: Object.keys(sampling).length > 0, betas });
  return { body: print(body), headers, losses };
}

type Lost = (field: string, severity: Loss["severity"], reason: string) => void;

function thinks({ reasoning }: CanonicalRequest): boolean {
  return reasoning !== null && reasoning.mode !== "off" && reasoning.effort !== "none";
}

function encodeLimit({ maxOutputTokens, names }: CanonicalRequest, capabilities: Capabilities, lost: Lost): number {
  if (maxOutputTokens === null || maxOutputTokens < 1) return capabilities.maxOutputTokens;
  if (!capabilities.claude || maxOutputTokens <= capabilities.maxOutputTokens) return maxOutputTokens;
  lost(names.maxOutputTokens, "reported", `This model answers with at most ${capabilities.maxOutputTokens} tokens.`);
  return capabilities.maxOutputTokens;
}

function encodeSystem(request: CanonicalRequest, instruction: string | null): wire.TextBlock[] {
  const blocks: wire.TextBlock[] = [];
  for (const part of request.system) {
    if (part.text.trim() !== "") blocks.push(withMark<wire.TextBlock>({ type: "text", text: part.text }, part.cache));
  }
  return instruction === null ? blocks : [...blocks, { type: "text", text: instruction }];
}

function outputConfig(effort: Effort | null, format: JsonObject | null): JsonObject {
  if (effort === null && format === null) return {};
  return { output_config: { ...(effort === null ? {} : { effort }), ...(format === null ? {} : { format }) } };
}

function encodeStop({ stop, names }: CanonicalRequest, lost: Lost): JsonObject {
  const sequences = stop.filter((sequence) => sequence.trim() !== "");
  if (sequences.length < stop.length) lost(names.stop, "reported", "Messages takes no stop sequence of white space alone.");
  return sequences.length === 0 ? {} : { stop_sequences: sequences };
}

function encodeServiceTier({ serviceTier, names }: CanonicalRequest, lost: Lost): JsonObject {
  if (serviceTier === null) return {};
  if (serviceTier === "default") return { service_tier: "standard_only" };
  if (serviceTier !== "flex") return { service_tier: "auto" };
  lost(names.serviceTier, "reported", "Messages has no cheaper tier for calls that may wait.");
  return {};
}

function reportTheRest(request: CanonicalRequest, lost: Lost): void {
  const { names } = request;
  if (request.verbosity !== null) lost(names.verbosity, "reported", "Messages has no setting for how long an answer is.");
  if (request.metadata !== null) lost(names.metadata, "dropped", "Messages keeps no labels.");
  if (request.store === true) lost(names.store, "reported", "Nothing is kept for later retrieval.");
  if (request.cacheKey !== null && request.cacheKey !== sessionOf(request.endUser)) {
    lost(names.cacheKey, "dropped", "Anthropic finds cached prefixes by their content.");
  }
}

const MAX_MARKS = 4;

interface Markable {
  readonly tools: readonly Json[];
  readonly system: readonly wire.TextBlock[];
  readonly messages: readonly wire.Message[];
}

/** The API takes four cache marks; of more, the last ones stay, which cover the longest prefixes. */
function limitMarks({ tools, system, messages }: Markable): void {
  const removals: (() => void)[] = [];
  for (const tool of tools) {
    if (isObject(tool) && tool["cache_control"] !== undefined) removals.push(() => delete tool["cache_control"]);
  }
  const collect = (block: wire.Block): void => {
    if (!isMarked(block)) return;
    if (block.type === "tool_result") block.content?.forEach(collect);
    if (block.cache_control !== undefined) removals.push(() => delete block.cache_control);
  };
  system.forEach(collect);
  for (const { content } of messages) content.forEach(collect);
  for (const remove of removals.slice(0, Math.max(0, removals.length - MAX_MARKS))) remove();
}
