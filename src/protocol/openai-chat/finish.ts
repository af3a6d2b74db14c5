// Why an answer ended, both directions.
// Never hands an upstream's own word on to a client.

import { GatewayError } from "../../errors.ts";
import { rowOf } from "../../wire/json.ts";
import type { FinishKind, FinishReason } from "../canonical.ts";
import { textOf } from "./wire.ts";
import type * as wire from "./wire.ts";

/** OpenAI's words, and those of compatible servers, some of which use capitals; unknown ones are `other`. `null`: the upstream failed. */
const KINDS: Readonly<Record<string, FinishKind | null>> = {
  stop: "end",
  eos: "end",
  eos_token: "end",
  end_turn: "end",
  stop_sequence: "end",
  // Cohere.
  complete: "end",
  length: "length",
  max_tokens: "length",
  model_length: "length",
  model_context_window_exceeded: "context-full",
  tool_calls: "tool-calls",
  tool_use: "tool-calls",
  function_call: "tool-calls",
  content_filter: "filtered",
  sensitive: "filtered",
  refusal: "filtered",
  error: null,
  network_error: null,
  insufficient_system_resource: null,
  abort: null,
};

/** Null when the choice has no finish reason. `stops`: the sequences that the request asked for. */
export function decodeFinish(choice: wire.Choice, stops: readonly string[]): FinishReason | GatewayError | null {
  const raw = textOf(choice.finish_reason);
  if (raw === "") return null;
  const found = rowOf(KINDS, raw.toLowerCase());
  if (found === null) return new GatewayError("upstream-failed", `The upstream stopped the answer: ${raw}.`, { code: raw });
  const kind = found ?? "other";
  const matched = textOf(choice.stop_reason);
  const isSequence = kind === "end" && stops.includes(matched);
  return { kind: isSequence ? "stop-sequence" : kind, raw, stopSequence: isSequence ? matched : null, explanation: null };
}

const WORDS: Readonly<Record<FinishKind, wire.FinishReason>> = {
  end: "stop",
  "stop-sequence": "stop",
  "tool-calls": "tool_calls",
  length: "length",
  "context-full": "length",
  filtered: "content_filter",
  // Not finished, or unknown: never `stop`.
  paused: "length",
  other: "length",
};

export function encodeFinish(kind: FinishKind, isLegacy: boolean): wire.FinishReason {
  const word = WORDS[kind];
  return isLegacy && word === "tool_calls" ? "function_call" : word;
}
