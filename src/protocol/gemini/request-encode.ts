// Canonical -> an upstream's generateContent request, with its losses.
// Does not choose a model or send.

import { print, type JsonObject } from "../../wire/json.ts";
import type { CanonicalRequest, Loss } from "../canonical.ts";
import type { EncodedRequest } from "../codec.ts";
import { lossesFor, lostMarks } from "../losses.ts";
import { withoutHosted } from "../tool-list.ts";
import { capabilitiesOf } from "./capabilities.ts";
import { encodeExtensions } from "./extensions.ts";
import { encodeGenerationConfig, instructionFor } from "./generation-config.ts";
import { encodeToolChoice, encodeTools } from "./tools.ts";
import { encodeTurns } from "./turns-encode.ts";

export function encodeRequest(original: CanonicalRequest): EncodedRequest {
  const { request, losses: hosted } = withoutHosted(original, "gemini");
  const losses = [...lossesFor(request, "gemini"), ...hosted, ...lostMarks(request, "parts"), ...lostMarks(request, "tools")];
  const capabilities = capabilitiesOf(request.model);
  // Factory's endpoint wants what Google has in the path: see request-decode.ts.
  const body: JsonObject = { model: request.model, ...(request.stream ? { stream: true } : {}) };
  const instructions = [...request.system.map((part) => part.text), instructionFor(request) ?? ""];
  const system = instructions.filter((text) => text !== "").map((text) => ({ text }));
  if (system.length > 0) body["systemInstruction"] = { parts: system };
  body["contents"] = encodeTurns(request, { capabilities, losses });
  const tools = encodeTools(request, { capabilities, losses });
  if (tools.length > 0) body["tools"] = tools;
  const choice = encodeToolChoice(request, losses);
  if (choice !== null) body["toolConfig"] = { functionCallingConfig: choice };
  const generation = encodeGenerationConfig(request, { capabilities, losses });
  if (Object.keys(generation).length > 0) body["generationConfig"] = generation;
  const { serviceTier } = request;
  if (serviceTier !== null && serviceTier !== "auto") body["serviceTier"] = serviceTier === "default" ? "standard" : serviceTier;
  losses.push(...lostHints(request));
  encodeExtensions(request, body);
  return { body: print(body), headers: {}, losses };
}

function lostHints(request: CanonicalRequest): Loss[] {
  const { names } = request;
  const losses: Loss[] = [];
  if (request.verbosity !== null) {
    losses.push({ field: names.verbosity, severity: "reported", reason: "Gemini has no setting for the length of an answer." });
  }
  if (request.store === true) losses.push({ field: names.store, severity: "reported", reason: "Gemini does not store answers." });
  for (const key of ["endUser", "metadata", "cacheKey"] as const) {
    if (request[key] === null) continue;
    losses.push({ field: names[key], severity: "dropped", reason: "Gemini has no such field, and answers the same without it." });
  }
  return losses;
}
