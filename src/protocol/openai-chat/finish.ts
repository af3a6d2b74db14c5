// Why an answer ended, both directions.
// Never hands an upstream's own word on to a client.

import type { FinishKind, FinishReason } from "../canonical.ts";
import { textOf } from "./wire.ts";
import type * as wire from "./wire.ts";

/** The words of OpenAI and of its imitators; what is not here is `other`. */
const KINDS: Readonly<Record<string, FinishKind>> = {
  stop: "end",
  eos: "end",
  end_turn: "end",
  length: "length",
  max_tokens: "length",
  model_length: "length",
  tool_calls: "tool-calls",
  function_call: "tool-calls",
  content_filter: "filtered",
  sensitive: "filtered",
};

/** Words that say that the answer broke off. */
const FAILURES: ReadonlySet<string> = new Set(["error", "network_error", "insufficient_system_resource", "abort"]);

export function isFailure(word: string): boolean {
  return FAILURES.has(word);
}

/** Null when the choice says nothing of its end. `stops` are the sequences that the request asked for. */
export function decodeFinish(choice: wire.Choice, stops: readonly string[]): FinishReason | null {
  const raw = textOf(choice.finish_reason);
  if (raw === "") return null;
  const kind = (Object.hasOwn(KINDS, raw) ? KINDS[raw] : undefined) ?? "other";
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
  // The answer could have gone on: never `stop`.
  paused: "length",
  other: "stop",
};

export function encodeFinish(kind: FinishKind, isLegacy: boolean): wire.FinishReason {
  const word = WORDS[kind];
  return isLegacy && word === "tool_calls" ? "function_call" : word;
}
