// The table of what becomes of each member of a request, against the official SDK's types.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { GenerateContentConfig } from "@google/genai";
import { FIELDS } from "../../../src/protocol/gemini/wire.ts";

/** Members of the SDK's config that never reach the wire. */
type ClientOnly = "httpOptions" | "abortSignal" | "automaticFunctionCalling" | "automaticContinuation";
/** Members that the SDK puts beside `generationConfig`; `outputConfig` is its `generationOutputConfig` on the wire. */
const TOP_LEVEL = [
  "outputConfig",
  "systemInstruction",
  "safetySettings",
  "tools",
  "toolConfig",
  "labels",
  "cachedContent",
  "serviceTier",
  "modelArmorConfig",
  "continuationToken",
  "store",
] as const;
const GENERATION = [
  ...(["temperature", "topP", "topK", "candidateCount", "maxOutputTokens", "stopSequences", "responseLogprobs", "logprobs"] as const),
  ...([
    "presencePenalty",
    "frequencyPenalty",
    "seed",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "routingConfig",
  ] as const),
  ...(["modelSelectionConfig", "responseModalities", "mediaResolution", "speechConfig", "audioTimestamp", "thinkingConfig"] as const),
  ...(["audioTranscriptionConfig", "imageConfig", "enableEnhancedCivicAnswers"] as const),
];

test("every member of the official SDK's request has its row in FIELDS", () => {
  // A new member of the SDK makes this line an error of the compiler.
  const unknown: Exclude<
    keyof GenerateContentConfig,
    ClientOnly | "generationOutputConfig" | (typeof TOP_LEVEL)[number] | (typeof GENERATION)[number]
  >[] = [];
  const paths = [...unknown, ...TOP_LEVEL, ...GENERATION.map((key) => `generationConfig.${key}`)];
  assert.deepEqual(
    paths.filter((path) => FIELDS[path] === undefined),
    [],
  );
});
