// How the next token is chosen, both directions: sends the members that the model supports; the rest are losses.
// Never sends a parameter because it has its default value.

import type { JsonObject } from "../../wire/json.ts";
import type { CanonicalRequest, Loss, Sampling } from "../canonical.ts";
import type { Fields } from "../fields.ts";
import type { Capabilities } from "./capabilities.ts";

export function decodeSampling(body: Fields): Sampling {
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

export interface SamplingContext {
  readonly capabilities: Capabilities;
  /** Whether `thinking` is sent and switched on. */
  readonly isThinking: boolean;
  readonly losses: Loss[];
}

export function encodeSampling({ sampling, names }: CanonicalRequest, { capabilities, isThinking, losses }: SamplingContext): JsonObject {
  const body: JsonObject = {};
  const lost = (field: string, severity: Loss["severity"], reason: string): void => void losses.push({ field, severity, reason });
  const { temperature, topP, topK, seed, presencePenalty, frequencyPenalty, topLogprobs } = sampling;

  if (!capabilities.sampling || isThinking) {
    const reason = capabilities.sampling
      ? "Claude models accept no sampling parameters while they think."
      : "This model accepts no sampling parameters.";
    // 1 is the default of both.
    if (temperature !== null) lost(names.temperature, temperature === 1 ? "dropped" : "reported", reason);
    if (topP !== null) lost(names.topP, topP === 1 ? "dropped" : "reported", reason);
    if (topK !== null) lost(names.topK, "reported", reason);
  } else {
    if (temperature !== null) {
      if (temperature > 1) lost(names.temperature, "reported", "Messages accepts a temperature of at most 1.");
      body["temperature"] = Math.min(temperature, 1);
    }
    if (topP !== null) {
      if (temperature !== null && capabilities.oneSampler)
        lost(names.topP, "reported", "This model accepts temperature or top_p, not both.");
      else body["top_p"] = topP;
    }
    if (topK !== null) body["top_k"] = topK;
  }

  if (seed !== null) lost(names.seed, "reported", "Messages has no seed.");
  penalty(names.presencePenalty, presencePenalty);
  penalty(names.frequencyPenalty, frequencyPenalty);
  if (topLogprobs !== null) lost(names.topLogprobs, "refused", "Messages does not return log probabilities.");
  return body;

  function penalty(field: string, value: number | null): void {
    if (value !== null) lost(field, value === 0 ? "dropped" : "reported", "Messages has no penalties for repetition.");
  }
}
