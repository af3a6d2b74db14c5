// A canonical request as the body and headers of a Messages request, and what it could not carry.
// Never throws for what a client says; the body is always the best that the model takes.
// Versions: https://platform.claude.com/docs/en/api/migration-2026-10-21 (read 2026-11).

import { JsonText, print, type JsonObject } from "../../wire/json.ts";
import type { CanonicalRequest, Effort, Loss } from "../canonical.ts";
import type { EncodedRequest } from "../codec.ts";
import { lossesFor, ownExtensions } from "../losses.ts";
import { rootMarkOf } from "../root-mark.ts";
import { withoutHosted } from "../tool-list.ts";
import { fitEndUser, NameTable } from "../tool-names.ts";
import { clearLastMark, limitMarks, moveMark, withMark, type Markable } from "./cache-marks.ts";
import { capabilitiesOf, defaultLimit, type Capabilities } from "./capabilities.ts";
import { encodeReasoning } from "./reasoning.ts";
import { ATTRIBUTION_FIELD, sessionOf } from "./request-decode.ts";
import { encodeSampling } from "./sampling.ts";
import { encodeOutput } from "./structured-output.ts";
import { encodeTools, isForced } from "./tools.ts";
import { encodeTurns } from "./turns-encode.ts";
import { ID, NAME_RULE } from "./wire.ts";
import type * as wire from "./wire.ts";

/** The current version answers 400 to every sampling parameter; a request that sets one the model takes goes to the version before. */
const VERSION_WITH_SAMPLING = "2023-06-01";
const CURRENT_VERSION = "2026-10-21";
/** In characters. */
const MAX_USER_ID_LENGTH = 256;
/** An effort of its own on a system message inside of `messages`. */
const MESSAGE_EFFORT_BETA = "mid-conversation-output-config-2026-07-01";

export function encodeRequest(original: CanonicalRequest): EncodedRequest {
  const { request, losses: hosted } = withoutHosted(original, ID);
  const capabilities = capabilitiesOf(request.model);
  const losses = [...lossesFor(request, ID), ...hosted];
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
  const conversation = encodeTurns(request, { capabilities: { ...capabilities, prefill }, names: table, losses });
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
  const hasOwnMark = own.some(([field]) => field === ROOT_MARK);
  const rootMark = placeMarks(request, { capabilities, hasOwnMark, tools, system, messages: conversation.messages, lost });
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
    ...(request.endUser === null ? {} : { metadata: { user_id: fitEndUser(request.endUser, MAX_USER_ID_LENGTH) } }),
    ...encodeServiceTier(request, lost),
    ...(rootMark === null || hasOwnMark ? {} : { [ROOT_MARK]: new JsonText(rootMark) }),
    messages: [...conversation.messages],
  };
  const left = new Set([ATTRIBUTION_FIELD, ...(rootMark === null ? [ROOT_MARK] : [])]);
  for (const [field, value] of own) if (!left.has(field)) body[field] = new JsonText(value);
  // Servers of other models know the older version alone.
  const version = Object.keys(sampling).length > 0 || !capabilities.claude ? VERSION_WITH_SAMPLING : CURRENT_VERSION;
  const beta = conversation.hasMessageEffort ? { "anthropic-beta": MESSAGE_EFFORT_BETA } : {};
  return { body: print(body), headers: { "anthropic-version": version, ...beta }, losses };
}

const ROOT_MARK = "cache_control";

interface MarkedParts extends Omit<Markable, "hasRootMark"> {
  readonly capabilities: Capabilities;
  /** Whether the client's own extensions contain the mark of the whole request. */
  readonly hasOwnMark: boolean;
  readonly lost: Lost;
}

/** Puts the cache marks where Claude takes them, no more than it takes. Returns the mark of the whole request; null: it gets none. */
function placeMarks(request: CanonicalRequest, { capabilities, hasOwnMark, tools, system, messages, lost }: MarkedParts): string | null {
  const rootMark = capabilities.claude ? rootMarkOf(request) : null;
  if (!capabilities.claude && hasOwnMark) lost(ROOT_MARK, "dropped", "This model's server supports cache marks only on blocks, if at all.");
  // With calls that nobody signed, the thinking budget comes and goes. Each change moves the prefix of the messages, but not of the instructions.
  if (rootMark !== null && !hasOwnMark && capabilities.thinking === "manual" && thinks(request)) moveMark({ ttl: null }, system);
  if (rootMark !== null) clearLastMark(messages);
  limitMarks({ hasRootMark: rootMark !== null, tools, system, messages });
  return rootMark;
}

type Lost = (field: string, severity: Loss["severity"], reason: string) => void;

function thinks({ reasoning }: CanonicalRequest): boolean {
  return reasoning !== null && reasoning.mode !== "off" && reasoning.effort !== "none";
}

function encodeLimit({ maxOutputTokens, defaults, names }: CanonicalRequest, capabilities: Capabilities, lost: Lost): number {
  if (maxOutputTokens === null || maxOutputTokens < 1) return defaultLimit(capabilities, defaults?.maxOutputTokens ?? null);
  if (!capabilities.claude || maxOutputTokens <= capabilities.maxOutputTokens) return maxOutputTokens;
  lost(names.maxOutputTokens, "reported", `This model's limit is ${capabilities.maxOutputTokens} output tokens.`);
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
  if (sequences.length < stop.length) lost(names.stop, "reported", "Messages accepts no stop sequence that is only white space.");
  return sequences.length === 0 ? {} : { stop_sequences: sequences };
}

function encodeServiceTier({ serviceTier, names }: CanonicalRequest, lost: Lost): JsonObject {
  if (serviceTier === null) return {};
  if (serviceTier === "default") return { service_tier: "standard_only" };
  if (serviceTier !== "flex") return { service_tier: "auto" };
  lost(names.serviceTier, "reported", "Messages has no cheaper tier for calls that can wait.");
  return {};
}

function reportTheRest(request: CanonicalRequest, lost: Lost): void {
  const { names } = request;
  if (request.verbosity !== null) lost(names.verbosity, "reported", "Messages has no setting for the length of an answer.");
  if (request.metadata !== null) lost(names.metadata, "dropped", "Messages does not store labels.");
  if (request.store === true) lost(names.store, "reported", "Nothing is stored for later retrieval.");
  if (request.cacheKey !== null && request.cacheKey !== sessionOf(request.endUser)) {
    lost(names.cacheKey, "dropped", "Anthropic finds cached prefixes by their content.");
  }
}
