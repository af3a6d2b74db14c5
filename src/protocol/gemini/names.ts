// Room: protocol/gemini/names (row 2).
// In:  canonical field names; tool names as clients chose them.
// Out: what Gemini calls each field; tool names that Gemini takes, and the way back.
// Never does: keep state; a name is fitted the same way on every turn.

import type { CanonicalRequest, FieldNames } from "../canonical.ts";
import { fitName, type NameRule } from "../tool-names.ts";

export const NAMES: FieldNames = {
  model: "model",
  system: "systemInstruction",
  turns: "contents",
  tools: "tools",
  toolChoice: "toolConfig.functionCallingConfig",
  parallelToolCalls: "toolConfig",
  reasoning: "generationConfig.thinkingConfig",
  output: "generationConfig.responseJsonSchema",
  verbosity: "generationConfig",
  maxOutputTokens: "generationConfig.maxOutputTokens",
  stop: "generationConfig.stopSequences",
  temperature: "generationConfig.temperature",
  topP: "generationConfig.topP",
  topK: "generationConfig.topK",
  seed: "generationConfig.seed",
  presencePenalty: "generationConfig.presencePenalty",
  frequencyPenalty: "generationConfig.frequencyPenalty",
  topLogprobs: "generationConfig.logprobs",
  endUser: "labels",
  metadata: "labels",
  cacheKey: "cachedContent",
  cache: "cachedContent",
  serviceTier: "serviceTier",
  store: "store",
};

/** FunctionDeclaration.name: a letter or underscore first, then also digits, dots, colons and dashes; 128 in all. */
const RULE: NameRule = { allowed: /[A-Za-z0-9_.:-]/, maxLength: 128 };
const FIRST = /^[A-Za-z_]/;

export function fitToolName(name: string): string {
  return fitName(FIRST.test(name) ? name : `_${name}`, RULE);
}

/** A declared tool as a call names it. */
export interface CalledTool {
  /** The client's own name. */
  readonly name: string;
  readonly kind: "function" | "custom";
}

/** From the names that Gemini was told to the tools that the client declared. */
export function calledTools(request: CanonicalRequest): (fitted: string) => CalledTool {
  const tools = new Map<string, CalledTool>();
  for (const tool of request.tools) {
    if (tool.type === "function" || tool.type === "custom") tools.set(fitToolName(tool.name), { name: tool.name, kind: tool.type });
  }
  return (fitted) => tools.get(fitted) ?? { name: fitted, kind: "function" };
}
