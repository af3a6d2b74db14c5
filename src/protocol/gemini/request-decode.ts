// Room: protocol/gemini/request (row 2).
// In:  a generateContent body, with model and stream switch from the path; or a canonical request.
// Out: the other of the two, with what the way lost.
// The parts have their own rooms: contents and history, tools, generation, thinking, schema, media, edit.
// Never does: guess. A wrong member is an `invalid-request` that names its path.

import { isObject, JsonText, parse, print, type Json, type JsonObject } from "../../wire/json.ts";
import { lossesFor, lostMarks, ownExtensions } from "../losses.ts";
import type { EncodedRequest, WireRequest } from "../codec.ts";
import type { CanonicalRequest, Extension, Loss } from "../canonical.ts";
import { Fields } from "../fields.ts";
import { decodeTurns, decodeSystem } from "./turns-decode.ts";
import { decodeGeneration, encodeGeneration, extensionOf, instructionFor } from "./generation-config.ts";
import { encodeTurns } from "./turns-encode.ts";
import { addressOf } from "./edit.ts";
import { capabilitiesOf } from "./capabilities.ts";
import { NAMES } from "./names.ts";
import { decodeToolChoice, decodeTools, encodeToolChoice, encodeTools } from "./tools.ts";
import { inCamelCase, VERBATIM } from "./wire.ts";

const TIERS = { unspecified: null, standard: "default", flex: "flex", priority: "priority" } as const;
const TIER_WORDS = ["unspecified", "standard", "flex", "priority"] as const;

/** @throws GatewayError `invalid-request`. */
export function decodeRequest(request: WireRequest): CanonicalRequest {
  const body = Fields.of(inCamelCase(parse(request.body, { verbatim: VERBATIM })), "");
  const losses: Loss[] = [];
  const { model, stream } = addressOf(request, { model: body.raw("model"), stream: body.raw("stream") });
  const system = decodeSystem(body.raw("systemInstruction"), { path: "systemInstruction", losses });
  const turns = decodeTurns(body, losses);
  const tools = decodeTools(body, losses);
  const { toolChoice, extensions: toolExtensions } = decodeToolChoice(body.optionalObject("toolConfig"));
  const generation = decodeGeneration(body.optionalObject("generationConfig") ?? new Fields({}, "generationConfig"));
  const tier = body.optionalWord("serviceTier", TIER_WORDS);
  const safety = safetyExtension(body);
  const rest = body.unread().map(([key, value]) => extensionOf(key, value));
  return {
    names: NAMES,
    model,
    stream,
    system,
    turns,
    tools,
    toolChoice,
    parallelToolCalls: null,
    reasoning: generation.reasoning,
    output: generation.output,
    verbosity: null,
    maxOutputTokens: generation.maxOutputTokens,
    stop: generation.stop,
    sampling: generation.sampling,
    endUser: null,
    metadata: null,
    cacheKey: null,
    serviceTier: tier === null ? null : TIERS[tier],
    store: null,
    includeUsage: true,
    extensions: [...safety, ...toolExtensions, ...generation.extensions, ...rest],
    losses,
  };
}

/** Thresholds that block more than Gemini's default does: leaving them out would weaken what the client asked for. */
const STRICT_THRESHOLDS: ReadonlySet<Json | undefined> = new Set(["BLOCK_LOW_AND_ABOVE", "BLOCK_MEDIUM_AND_ABOVE"]);

function safetyExtension(body: Fields): Extension[] {
  const settings = body.objects("safetySettings");
  const value = body.source("safetySettings");
  if (value === null) return [];
  const plain = extensionOf("safetySettings", value);
  const strict = settings.some((setting) => STRICT_THRESHOLDS.has(setting.raw("threshold")));
  const reason = "This model's provider cannot promise to filter as strictly as these settings ask.";
  return [strict ? { ...plain, severity: "refused", reason } : plain];
}

// ---- Encode ------------------------------------------------------------------------------------------------------

export function encodeRequest(request: CanonicalRequest): EncodedRequest {
  const losses = [...lossesFor(request, "gemini"), ...lostMarks(request, "parts"), ...lostMarks(request, "tools")];
  const capabilities = capabilitiesOf(request.model);
  // Where Factory's endpoint wants what Google keeps in the path: see edit.ts.
  const body: JsonObject = { model: request.model, ...(request.stream ? { stream: true } : {}) };
  const instructions = [...request.system.map((part) => part.text), instructionFor(request) ?? ""];
  const system = instructions.filter((text) => text !== "").map((text) => ({ text }));
  if (system.length > 0) body["systemInstruction"] = { parts: system };
  body["contents"] = encodeTurns(request, { capabilities, losses });
  const tools = encodeTools(request, { capabilities, losses });
  if (tools.length > 0) body["tools"] = tools;
  const choice = encodeToolChoice(request, losses);
  if (choice !== null) body["toolConfig"] = { functionCallingConfig: choice };
  const generation = encodeGeneration(request, { capabilities, losses });
  if (Object.keys(generation).length > 0) body["generationConfig"] = generation;
  encodeService(request, { body, losses });
  for (const [field, value] of ownExtensions(request, "gemini")) put(body, { path: field.split("."), value });
  return { body: print(body), headers: {}, losses };
}

function encodeService(request: CanonicalRequest, { body, losses }: { body: JsonObject; losses: Loss[] }): void {
  const { names, serviceTier } = request;
  if (serviceTier !== null && serviceTier !== "auto") body["serviceTier"] = serviceTier === "default" ? "standard" : serviceTier;
  if (request.verbosity !== null) {
    losses.push({ field: names.verbosity, severity: "reported", reason: "Gemini has no switch for how much it says." });
  }
  if (request.store === true) {
    losses.push({ field: names.store, severity: "reported", reason: "Gemini keeps no answers for later." });
  }
  const hints = [
    [names.endUser, request.endUser],
    [names.metadata, request.metadata],
    [names.cacheKey, request.cacheKey],
  ] as const;
  for (const [field, value] of hints) {
    if (value !== null) losses.push({ field, severity: "dropped", reason: "Gemini has no place for it, and answers the same without." });
  }
}

function put(holder: JsonObject, { path, value }: { path: readonly string[]; value: string }): void {
  const [key, ...rest] = path;
  if (key === undefined) return;
  if (rest.length === 0) {
    holder[key] = new JsonText(value);
    return;
  }
  const found = holder[key];
  const next = isObject(found) ? found : {};
  holder[key] = next;
  put(next, { path: rest, value });
}
