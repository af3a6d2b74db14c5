// Sampling parameters and stop sequences: what a client asks for, and what is sent to the model.
// Never changes a value: a parameter is sent unchanged or not at all.

import type { Json } from "../../wire/json.ts";
import type { CanonicalRequest, FieldName, Loss, Sampling } from "../canonical.ts";
import type { Fields } from "../fields.ts";
import type { Capabilities } from "./capabilities.ts";

export function decodeSampling(body: Fields): Sampling {
  const logprobs = body.optionalBoolean("logprobs");
  const topLogprobs = body.optionalInteger("top_logprobs");
  if (topLogprobs !== null && topLogprobs > 0 && logprobs !== true) throw body.fail("top_logprobs", "used together with logprobs: true");
  return {
    temperature: body.optionalNumber("temperature"),
    topP: body.optionalNumber("top_p"),
    topK: null,
    seed: body.optionalInteger("seed"),
    presencePenalty: body.optionalNumber("presence_penalty"),
    frequencyPenalty: body.optionalNumber("frequency_penalty"),
    topLogprobs: logprobs === true ? (topLogprobs ?? 0) : null,
  };
}

export interface SamplingTarget {
  readonly capabilities: Capabilities;
  readonly losses: Loss[];
  /** Whether the model may reason in this call. */
  readonly reasons: boolean;
}

/** Parameters that reasoning models reject, by the wire's name, with their neutral value. */
const PARAMETERS: readonly (readonly [member: string, field: Exclude<keyof Sampling, "topK" | "seed" | "topLogprobs">, neutral: number])[] =
  [
    ["temperature", "temperature", 1],
    ["top_p", "topP", 1],
    ["presence_penalty", "presencePenalty", 0],
    ["frequency_penalty", "frequencyPenalty", 0],
  ];
const MAX_STOPS = 4;

export function encodeSampling(
  request: CanonicalRequest,
  { capabilities, losses, reasons }: SamplingTarget,
): Record<string, Json | undefined> {
  const { sampling, names } = request;
  const members: Record<string, Json | undefined> = { seed: sampling.seed ?? undefined };
  const lose = (field: FieldName, severity: Loss["severity"], reason: string): void =>
    void losses.push({ field: names[field], severity, reason });
  const takesSampling = capabilities.sampling === "always" || (capabilities.sampling === "without-reasoning" && !reasons);
  for (const [member, field, neutral] of PARAMETERS) {
    const value = sampling[field];
    if (value === null) continue;
    if (takesSampling) members[member] = value;
    else if (value !== neutral) lose(field, "reported", "The model accepts no sampling parameters while it reasons.");
  }
  if (request.stop.length > 0) {
    if (takesSampling) members["stop"] = request.stop.slice(0, MAX_STOPS);
    else lose("stop", "reported", "The model accepts no stop sequences while it reasons.");
    if (takesSampling && request.stop.length > MAX_STOPS)
      lose("stop", "reported", `Chat Completions accepts ${MAX_STOPS} stop sequences; the first ones were sent.`);
  }
  if (sampling.topK !== null) lose("topK", "reported", "Chat Completions has no such parameter.");
  if (sampling.topLogprobs !== null) {
    if (takesSampling) Object.assign(members, { logprobs: true, top_logprobs: sampling.topLogprobs });
    else lose("topLogprobs", "refused", "The model returns no log probabilities while it reasons.");
  }
  return members;
}
