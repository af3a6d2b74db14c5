// Why an answer ended, both directions.

import { isObject, rowOf, type Json, type JsonObject } from "../../wire/json.ts";
import type { FinishKind, FinishReason } from "../canonical.ts";
import type * as wire from "./wire.ts";

const KINDS: Readonly<Record<string, FinishKind>> = {
  end_turn: "end",
  stop_sequence: "stop-sequence",
  tool_use: "tool-calls",
  max_tokens: "length",
  model_context_window_exceeded: "context-full",
  refusal: "filtered",
  pause_turn: "paused",
};

/** How an answer ended. One that `called` a tool ended in tool calls, whatever the upstream calls it. */
export function decodeFinish(stop: JsonObject, called: boolean): FinishReason {
  const raw = text(stop["stop_reason"]);
  const details = stop["stop_details"];
  let kind: FinishKind = rowOf(KINDS, raw ?? "") ?? "other";
  if (called && (kind === "end" || kind === "other")) kind = "tool-calls";
  return {
    kind,
    raw,
    stopSequence: kind === "stop-sequence" ? text(stop["stop_sequence"]) : null,
    explanation: kind === "filtered" && isObject(details) ? text(details["explanation"]) : null,
  };
}

function text(value: Json | undefined): string | null {
  return typeof value === "string" ? value : null;
}

const STOP_REASONS: Readonly<Record<FinishKind, wire.StopReason>> = {
  end: "end_turn",
  "stop-sequence": "stop_sequence",
  "tool-calls": "tool_use",
  length: "max_tokens",
  "context-full": "model_context_window_exceeded",
  filtered: "refusal",
  paused: "pause_turn",
  other: "end_turn",
};

/** What the answer holds. */
export interface Contents {
  readonly hasCalls: boolean;
  readonly hasRefusal: boolean;
}

export function encodeFinish(finish: FinishReason, contents: Contents): wire.Stop {
  const reason = stopReason(finish, contents);
  return {
    stop_reason: reason,
    stop_sequence: reason === "stop_sequence" ? finish.stopSequence : null,
    stop_details: reason === "refusal" ? { type: "refusal", category: null, explanation: finish.explanation } : null,
    container: null,
  };
}

function stopReason({ kind, stopSequence }: FinishReason, { hasCalls, hasRefusal }: Contents): wire.StopReason {
  if (kind === "end" && hasRefusal) return "refusal";
  if ((kind === "end" || kind === "other") && hasCalls) return "tool_use";
  // Other protocols do not say which sequence it was; without one Messages calls it the end.
  if (kind === "stop-sequence" && stopSequence === null) return "end_turn";
  return STOP_REASONS[kind];
}
