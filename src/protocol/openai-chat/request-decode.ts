// Room: openai-chat (row 2). Requests, both ways.
// In:  a client's body, or a canonical request for a Chat upstream.
// Out: the other of the two. What Chat cannot carry is a loss; the body is complete without it.
// Never does: decide what a loss means for the call, or look at a message's inside (messages-*.ts, parts.ts, tools.ts).

import { JsonText, parse, print, type Json, type JsonObject } from "../../wire/json.ts";
import type { CanonicalRequest, Effort, Extension, Loss, OutputFormat, Reasoning, Turn } from "../canonical.ts";
import { isPlain } from "../closed-schema.ts";
import { lossesFor, lostMarks, ownExtensions } from "../losses.ts";
import type { EncodedRequest, WireRequest } from "../codec.ts";
import { Fields } from "../fields.ts";
import { fitId, fitName } from "../tool-names.ts";
import { pairResults, uniqueCallIds } from "../turns.ts";
import { decodeTurns } from "./turns-decode.ts";
import { encodeTurns, markedParts } from "./turns-encode.ts";
import { capabilitiesOf, type Capabilities } from "./capabilities.ts";
import { textPart } from "./parts-decode.ts";
import { encodeSampling } from "./sampling.ts";
import { decodeFunctionChoice, decodeFunctions, decodeToolChoice, decodeTools, emulatedTools, encodeTools, toolNames } from "./tools.ts";
import { Unread } from "./unread.ts";
import { fateOf, isOwn, LEGACY_NAMES, NAMES } from "./wire.ts";

/** Members whose value stays the text that it was written in. */
const VERBATIM: ReadonlySet<string> = new Set(["parameters", "schema", "arguments", "input"]);

// ---- Decode --------------------------------------------------------------------------------------------------------

/** @throws GatewayError `invalid-request`, naming the member and what it should be. */
export function decodeRequest({ body: text }: WireRequest): CanonicalRequest {
  const body = Fields.of(parse(text, { verbatim: VERBATIM }), "");
  const legacy = body.list("functions").length > 0;
  if (legacy && body.has("tools")) throw body.fail("functions", "left out where there are tools");
  const unread = new Unread();
  const tools = legacy ? decodeFunctions(body, unread) : decodeTools(body, unread);
  const toolChoice = legacy ? decodeFunctionChoice(body, tools) : decodeToolChoice(body, tools);
  const messages = decodeTurns(body, unread);
  const streamOptions = body.optionalObject("stream_options");
  const includeUsage = streamOptions?.optionalBoolean("include_usage") ?? false;
  const logprobs = body.optionalBoolean("logprobs");
  const topLogprobs = body.optionalInteger("top_logprobs");
  if (topLogprobs !== null && topLogprobs > 0 && logprobs !== true) throw body.fail("top_logprobs", "used together with logprobs: true");
  // In this order: the newer name wins where a client sends both.
  const limits = [body.optionalInteger("max_completion_tokens"), body.optionalInteger("max_tokens")];
  const endUsers = [body.optionalText("safety_identifier"), body.optionalText("user")];
  return {
    names: legacy ? LEGACY_NAMES : NAMES,
    model: body.text("model"),
    stream: body.optionalBoolean("stream") ?? false,
    system: messages.system,
    turns: messages.turns,
    tools,
    toolChoice,
    // `function_call` holds one call; a client of that form cannot read a second one.
    parallelToolCalls: body.optionalBoolean("parallel_tool_calls") ?? (legacy ? false : null),
    reasoning: decodeReasoning(body),
    output: decodeOutput(body),
    verbosity: body.optionalWord("verbosity", ["low", "medium", "high"]),
    maxOutputTokens: limits[0] ?? limits[1] ?? null,
    stop: decodeStop(body),
    sampling: {
      temperature: body.optionalNumber("temperature"),
      topP: body.optionalNumber("top_p"),
      topK: null,
      seed: body.optionalInteger("seed"),
      presencePenalty: body.optionalNumber("presence_penalty"),
      frequencyPenalty: body.optionalNumber("frequency_penalty"),
      topLogprobs: logprobs === true ? (topLogprobs ?? 0) : null,
    },
    endUser: endUsers[0] ?? endUsers[1] ?? null,
    metadata: decodeMetadata(body),
    cacheKey: body.optionalText("prompt_cache_key"),
    serviceTier: decodeTier(body),
    store: body.optionalBoolean("store"),
    includeUsage,
    extensions: decodeExtensions(body),
    losses: unread.losses,
  };
}

const EFFORTS = ["none", "minimal", "low", "medium", "high", "xhigh", "max"] as const satisfies readonly Effort[];

function decodeReasoning(body: Fields): Reasoning | null {
  const effort = body.optionalWord("reasoning_effort", EFFORTS);
  return effort === null ? null : { mode: effort === "none" ? "off" : "on", effort, budgetTokens: null, display: null };
}

function decodeOutput(body: Fields): OutputFormat | null {
  const format = body.optionalObject("response_format");
  if (format === null) return null;
  switch (format.text("type")) {
    case "text":
      return null;
    case "json_object":
      return { type: "json-object" };
    case "json_schema": {
      const schema = format.object("json_schema");
      return {
        type: "json-schema",
        name: schema.optionalText("name"),
        description: schema.optionalText("description"),
        schema: schema.source("schema") ?? "{}",
        strict: schema.optionalBoolean("strict"),
      };
    }
    default:
      throw format.fail("type", "one of text, json_object, json_schema");
  }
}

function decodeStop(body: Fields): readonly string[] {
  const value = body.raw("stop");
  return typeof value === "string" ? [value] : body.texts("stop");
}

function decodeMetadata(body: Fields): Readonly<Record<string, string>> | null {
  const metadata = body.optionalObject("metadata");
  if (metadata === null) return null;
  return Object.fromEntries(metadata.unread().map(([key, source]) => [key, metadataText(source)]));
}

/** A label is text; what some clients send besides text stays the JSON that it is. */
function metadataText(source: string): string {
  const value = parse(source);
  return typeof value === "string" ? value : source;
}

const TIERS = ["auto", "default", "flex", "priority"] as const;

/** Null too for tiers that Chat Completions alone has; those stay a member of their own. */
function decodeTier(body: Fields): (typeof TIERS)[number] | null {
  return TIERS.find((tier) => tier === body.raw("service_tier")) ?? null;
}

/** Members without a canonical home, each with what leaving it out means. Those that ask for nothing special are left out. */
function decodeExtensions(body: Fields): Extension[] {
  const asksForSound = body.texts("modalities").includes("audio");
  const choices = body.optionalInteger("n") ?? 1;
  const extensions: Extension[] = [];
  const keep = (field: string): void => {
    const value = body.source(field);
    const { fate: severity, reason } = fateOf(field);
    if (value !== null) extensions.push({ protocol: "openai-chat", field, value, severity, reason });
  };
  if (asksForSound) for (const field of ["modalities", "audio"]) keep(field);
  else body.raw("audio");
  if (choices > 1) keep("n");
  if (decodeTier(body) === null) keep("service_tier");
  for (const [field] of body.unread()) keep(field);
  return extensions;
}

// ---- Encode --------------------------------------------------------------------------------------------------------

export function encodeRequest(original: CanonicalRequest): EncodedRequest {
  const request = withJsonWord(original);
  const model = capabilitiesOf(request.model);
  const marks = [...(model.cacheBreakpoints ? [] : lostMarks(request, "parts")), ...lostMarks(request, "tools")];
  const losses = [...lossesFor(request, "openai-chat"), ...marks];
  const paired = pairResults(request);
  losses.push(...paired.losses);
  const turns = paired.turns.some(sharesIds) ? uniqueCallIds(paired.turns) : paired.turns;
  const names = toolNames(request);
  const emulated = emulatedTools(request, model);
  const marked = model.cacheBreakpoints ? markedParts(request.system, turns) : NO_PARTS;
  const messages = encodeTurns(request, turns, { model, names, emulated, marked, losses, field: request.names.turns });
  const tools = encodeTools(request, { model, names, losses });
  const effort = encodeReasoning(request, { model, losses, hasTools: tools.tools !== undefined });
  const body = said({
    model: request.model,
    messages,
    ...tools,
    ...encodeStream(request),
    [model.limitField]: encodeLimit(request, model, losses),
    reasoning_effort: effort ?? undefined,
    response_format: encodeOutput(request.output, model.openai && !isOwn(request.names)),
    ...encodeSampling(request, { model, losses, reasons: effort !== "none" }),
    ...encodeOpenAI(request, model, losses),
  });
  for (const [field, value] of ownExtensions(request, "openai-chat")) body[field] = new JsonText(value);
  return { body: print(body), headers: {}, losses };
}

const NO_PARTS: ReadonlySet<never> = new Set();

/** Whether two calls of one turn have one id: their results could not be told apart. An id that comes again later may stay. */
function sharesIds({ parts }: Turn): boolean {
  const ids = parts.flatMap((part) => (part.type === "tool-call" ? [part.callId] : []));
  return new Set(ids).size < ids.length;
}

const JSON_WORD = /json/i;

/** OpenAI rejects the format `json_object` unless the messages speak of JSON. */
function withJsonWord(request: CanonicalRequest): CanonicalRequest {
  if (request.output?.type !== "json-object") return request;
  const parts = [...request.system, ...request.turns.flatMap((turn) => turn.parts)];
  if (parts.some((part) => part.type === "text" && JSON_WORD.test(part.text))) return request;
  return { ...request, system: [...request.system, textPart("Answer with one JSON object.")] };
}

/** An object of the members that say something. */
function said(members: Readonly<Record<string, Json | undefined>>): JsonObject {
  const object: JsonObject = {};
  for (const [key, value] of Object.entries(members)) if (value !== undefined) object[key] = value;
  return object;
}

function encodeStream(request: CanonicalRequest): Record<string, Json> {
  if (!request.stream) return {};
  // A client of Chat itself says whether it wants the usage; any other client is always told.
  return { stream: true, ...(request.includeUsage || !isOwn(request.names) ? { stream_options: { include_usage: true } } : {}) };
}

function encodeLimit({ maxOutputTokens, names }: CanonicalRequest, model: Capabilities, losses: Loss[]): number | undefined {
  if (maxOutputTokens !== 0) {
    const limit = isOwn(names) ? null : model.maxOutputTokens;
    if (maxOutputTokens === null || limit === null || maxOutputTokens <= limit) return maxOutputTokens ?? undefined;
    losses.push({ field: names.maxOutputTokens, severity: "reported", reason: `The model answers with at most ${limit} tokens.` });
    return limit;
  }
  losses.push({ field: names.maxOutputTokens, severity: "refused", reason: "Only Messages can be asked for no output at all." });
  return undefined;
}

/** `holds`: in the client's protocol a schema holds without a word, and here the model may be asked to hold to it. */
function encodeOutput(output: OutputFormat | null, holds: boolean): Json | undefined {
  if (output === null) return undefined;
  if (output.type === "json-object") return { type: "json_object" };
  const { name, description, schema } = output;
  const strict = output.strict ?? (holds && isPlain(schema) ? true : undefined);
  return {
    type: "json_schema",
    json_schema: said({
      name: fitName(name ?? "response", SCHEMA_NAME_RULE),
      description: description ?? undefined,
      schema: new JsonText(schema),
      strict,
    }),
  };
}

const SCHEMA_NAME_RULE = { allowed: /[A-Za-z0-9_-]/, maxLength: 64 };

interface EffortTarget {
  readonly model: Capabilities;
  readonly losses: Loss[];
  readonly hasTools: boolean;
}

/** The level of `reasoning_effort`; null leaves it to the model. */
function encodeReasoning(request: CanonicalRequest, { model, losses, hasTools }: EffortTarget): Effort | null {
  const field = request.names.reasoning;
  const report = (reason: string): void => void losses.push({ field, severity: "reported", reason });
  const wanted = wantedEffort(request);
  if (model.toolsForbidReasoning && hasTools) {
    if (wanted !== "none") report("Over Chat Completions this model takes tools only without reasoning.");
    return "none";
  }
  if (wanted === null) return null;
  if (model.efforts.length === 0) {
    if (wanted !== "none") report("The model does not reason.");
    return null;
  }
  const fitted = fitEffort(wanted, model.efforts);
  // A level that was derived from a budget was never the client's own word.
  const isOwnWord = request.reasoning?.effort === wanted || wanted === "none" || lastEffort(request.turns) === wanted;
  if (fitted !== wanted && isOwnWord) report(`The model knows no effort "${wanted}"; it gets "${fitted}".`);
  return fitted;
}

function wantedEffort(request: CanonicalRequest): Effort | null {
  const own = lastEffort(request.turns);
  if (own !== null) return own;
  const { reasoning } = request;
  if (reasoning === null) return null;
  if (reasoning.mode === "off") return "none";
  if (reasoning.effort !== null) return reasoning.effort;
  if (reasoning.budgetTokens !== null) return effortOfBudget(reasoning.budgetTokens);
  return reasoning.mode === "on" ? "medium" : null;
}

/** A system turn's effort holds from there on. */
function lastEffort(turns: readonly Turn[]): Effort | null {
  return turns.findLast((turn) => turn.effort !== null)?.effort ?? null;
}

/** PROTOCOLS A.8, rule 2. */
function effortOfBudget(tokens: number): Effort {
  if (tokens <= 512) return "minimal";
  if (tokens <= 1024) return "low";
  if (tokens <= 8192) return "medium";
  return tokens <= 24576 ? "high" : "xhigh";
}

/** The level itself, the next lower one, or the lowest. */
function fitEffort(wanted: Effort, known: readonly Effort[]): Effort {
  const rank = EFFORTS.indexOf(wanted);
  return known.findLast((effort) => EFFORTS.indexOf(effort) <= rank && (effort !== "none" || wanted === "none")) ?? lowest(known, wanted);
}

function lowest(known: readonly Effort[], wanted: Effort): Effort {
  return known.find((effort) => effort !== "none") ?? known[0] ?? wanted;
}

/** The longest name of a user, and of a cached prefix. */
const MAX_ID_LENGTH = 64;

/** Members that OpenAI itself has; compatible servers get the few that they know. */
function encodeOpenAI(request: CanonicalRequest, model: Capabilities, losses: Loss[]): Record<string, Json | undefined> {
  const { names, verbosity, endUser, metadata, cacheKey, serviceTier, store } = request;
  const lose = (field: string, severity: Loss["severity"], reason: string): void => void losses.push({ field, severity, reason });
  if (verbosity !== null && !model.verbosity) lose(names.verbosity, "reported", "The model has no setting for how much it says.");
  const user = endUser === null ? undefined : fitId(endUser, MAX_ID_LENGTH);
  const key = cacheKey === null ? undefined : fitId(cacheKey, MAX_ID_LENGTH);
  if (!model.openai) {
    if (store === true) lose(names.store, "reported", "The model's upstream keeps no answers for later.");
    if (serviceTier === "flex" || serviceTier === "priority")
      lose(names.serviceTier, "reported", "The model's upstream has one tier alone.");
    if (metadata !== null) lose(names.metadata, "dropped", "The model's upstream keeps no labels.");
    if (key !== undefined && !model.cacheKey) lose(names.cacheKey, "dropped", "The model's upstream finds cached prefixes by itself.");
    return { user, prompt_cache_key: model.cacheKey ? key : undefined };
  }
  // OpenAI takes metadata only with answers that it stores.
  if (metadata !== null && store !== true) lose(names.metadata, "dropped", "Labels are kept with stored answers alone.");
  return {
    verbosity: model.verbosity ? (verbosity ?? undefined) : undefined,
    safety_identifier: user,
    metadata: metadata !== null && store === true ? { ...metadata } : undefined,
    prompt_cache_key: key,
    service_tier: serviceTier ?? undefined,
    store: store ?? undefined,
  };
}
