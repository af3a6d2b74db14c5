// Canonical -> a Chat upstream's request. What Chat can't carry becomes a loss; the body is complete without it.
// Never decides what a loss means for the call.

import { JsonText, print, type Json, type JsonObject } from "../../wire/json.ts";
import type { CanonicalRequest, Loss, Turn } from "../canonical.ts";
import type { EncodedRequest } from "../codec.ts";
import { lossesFor, lostMarks, ownExtensions } from "../losses.ts";
import { Callables, withoutHosted } from "../tool-list.ts";
import { fitEndUser, fitId } from "../tool-names.ts";
import { pairResults, uniqueCallIds } from "../turns.ts";
import { markedParts } from "./cache-marks.ts";
import { capabilitiesOf, type Capabilities } from "./capabilities.ts";
import { encodeReasoning } from "./reasoning.ts";
import { encodeSampling } from "./sampling.ts";
import { encodeOutput, withJsonWord } from "./structured-output.ts";
import { emulatedTools, encodeToolChoice, encodeTools, encodeWebSearch, toolNames } from "./tools.ts";
import { encodeTurns } from "./turns-encode.ts";
import { isLegacy, isOwn } from "./wire.ts";

export function encodeRequest(original: CanonicalRequest): EncodedRequest {
  const { request, losses: hosted } = withoutHosted(withJsonWord(original), "openai-chat");
  const capabilities = capabilitiesOf(request.model);
  const marks = [...(capabilities.cacheBreakpoints ? [] : lostMarks(request, "parts")), ...lostMarks(request, "tools")];
  const paired = pairResults(request);
  const losses = [...lossesFor(request, "openai-chat"), ...hosted, ...marks, ...paired.losses];
  const turns = paired.turns.some(sharesIds) ? uniqueCallIds(paired.turns) : paired.turns;
  const target = {
    capabilities,
    names: toolNames(request),
    callables: new Callables(request.tools),
    emulated: emulatedTools(request, capabilities),
    marked: capabilities.cacheBreakpoints ? markedParts(request.system, turns) : NO_PARTS,
    losses,
    field: request.names.turns,
    legacy: isLegacy(request.names),
  };
  const messages = encodeTurns(request, turns, target);
  const webSearch = encodeWebSearch(request, target);
  const tools = encodeTools(request, target);
  const hasTools = tools["tools"] !== undefined;
  const toolChoice = encodeToolChoice(request, { ...target, hasTools });
  const effort = encodeReasoning(request, { capabilities, losses, hasTools });
  const body = said({
    model: request.model,
    messages,
    ...tools,
    ...toolChoice,
    web_search_options: webSearch,
    ...encodeStream(request),
    [capabilities.limitField]: encodeLimit(request, capabilities, losses),
    reasoning_effort: effort ?? undefined,
    response_format: encodeOutput(request, capabilities),
    ...encodeSampling(request, { capabilities, losses, reasons: effort !== "none" }),
    ...encodeOpenAI(request, capabilities, losses),
  });
  for (const [field, value] of ownExtensions(request, "openai-chat")) body[field] = new JsonText(value);
  return { body: print(body), headers: {}, losses };
}

const NO_PARTS: ReadonlySet<never> = new Set();

/** Whether two calls of one turn share an id: their results would be ambiguous. An id may recur in a later turn. */
function sharesIds({ parts }: Turn): boolean {
  const ids = parts.flatMap((part) => (part.type === "tool-call" ? [part.callId] : []));
  return new Set(ids).size < ids.length;
}

/** An object of the members that are set. */
function said(members: Readonly<Record<string, Json | undefined>>): JsonObject {
  const object: JsonObject = {};
  for (const [key, value] of Object.entries(members)) if (value !== undefined) object[key] = value;
  return object;
}

function encodeStream(request: CanonicalRequest): Record<string, Json> {
  if (!request.stream) return {};
  // A client of Chat itself says whether it wants the usage; other clients always get it.
  return { stream: true, ...(request.includeUsage || !isOwn(request.names) ? { stream_options: { include_usage: true } } : {}) };
}

function encodeLimit({ maxOutputTokens, names }: CanonicalRequest, capabilities: Capabilities, losses: Loss[]): number | undefined {
  if (maxOutputTokens !== 0) {
    const limit = isOwn(names) ? null : capabilities.maxOutputTokens;
    if (maxOutputTokens === null || limit === null || maxOutputTokens <= limit) return maxOutputTokens ?? undefined;
    losses.push({ field: names.maxOutputTokens, severity: "reported", reason: `The model's limit is ${limit} output tokens.` });
    return limit;
  }
  losses.push({ field: names.maxOutputTokens, severity: "refused", reason: "Only Messages can be asked for no output at all." });
  return undefined;
}

/** The longest name of a user, and of a cached prefix. */
const MAX_ID_LENGTH = 64;

/** Members that OpenAI itself has; compatible servers get the few that they know. */
function encodeOpenAI(request: CanonicalRequest, capabilities: Capabilities, losses: Loss[]): Record<string, Json | undefined> {
  const { names, verbosity, endUser, metadata, cacheKey, serviceTier, store } = request;
  const lose = (field: string, severity: Loss["severity"], reason: string): void => void losses.push({ field, severity, reason });
  if (verbosity !== null && !capabilities.verbosity)
    lose(names.verbosity, "reported", "The model has no setting for the length of an answer.");
  const user = endUser === null ? undefined : fitEndUser(endUser, MAX_ID_LENGTH);
  const key = cacheKey === null ? undefined : fitId(cacheKey, MAX_ID_LENGTH);
  if (!capabilities.openai) {
    if (store === true) lose(names.store, "reported", "The model's upstream does not store answers.");
    if (serviceTier === "flex" || serviceTier === "priority")
      lose(names.serviceTier, "reported", "The model's upstream has only one tier.");
    if (metadata !== null) lose(names.metadata, "dropped", "The model's upstream does not store labels.");
    if (key !== undefined && !capabilities.cacheKey)
      lose(names.cacheKey, "dropped", "The model's upstream finds cached prefixes by itself.");
    return { user, prompt_cache_key: capabilities.cacheKey ? key : undefined };
  }
  // OpenAI accepts metadata only with answers that it stores.
  if (metadata !== null && store !== true) lose(names.metadata, "dropped", "Labels are only kept with stored answers.");
  return {
    verbosity: capabilities.verbosity ? (verbosity ?? undefined) : undefined,
    safety_identifier: user,
    metadata: metadata !== null && store === true ? { ...metadata } : undefined,
    prompt_cache_key: key,
    service_tier: serviceTier ?? undefined,
    store: store ?? undefined,
  };
}
