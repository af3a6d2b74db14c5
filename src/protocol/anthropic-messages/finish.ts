// Why an answer ended, both directions.

import type { GatewayError } from "../../errors.ts";
import { isObject, rowOf, type Json, type JsonObject } from "../../wire/json.ts";
import type { FinishKind, FinishReason } from "../canonical.ts";
import { settle, type Contents } from "../finish.ts";
import type * as wire from "./wire.ts";

/** Unknown reasons are `other`. */
const KINDS: Readonly<Record<string, FinishKind>> = {
  end_turn: "end",
  stop_sequence: "stop-sequence",
  tool_use: "tool-calls",
  max_tokens: "length",
  model_context_window_exceeded: "context-full",
  refusal: "filtered",
  pause_turn: "paused",
};

/** How an answer ended; an error where the reason is unknown and the answer empty. */
export function decodeFinish(stop: JsonObject, contents: Contents): FinishReason | GatewayError {
  const raw = text(stop["stop_reason"]);
  const details = stop["stop_details"];
  const kind: FinishKind = rowOf(KINDS, raw ?? "") ?? "other";
  const finish = {
    kind,
    raw,
    stopSequence: kind === "stop-sequence" ? text(stop["stop_sequence"]) : null,
    explanation: kind === "filtered" && isObject(details) ? text(details["explanation"]) : null,
  };
  return settle(finish, contents);
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
  // Not finished, or unknown: never the plain end.
  other: "max_tokens",
};

/** The contents of the blocks that were sent. */
interface Sent {
  readonly hasCalls: boolean;
  readonly hasRefusal: boolean;
}

export function encodeFinish(finish: FinishReason, sent: Sent): wire.Stop {
  const reason = stopReason(finish, sent);
  return {
    stop_reason: reason,
    stop_sequence: reason === "stop_sequence" ? finish.stopSequence : null,
    stop_details: reason === "refusal" ? { type: "refusal", category: null, explanation: finish.explanation } : null,
    container: null,
  };
}

function stopReason({ kind, stopSequence }: FinishReason, { hasCalls, hasRefusal }: Sent): wire.StopReason {
  if (kind === "end" && hasRefusal) return "refusal";
  if (kind === "end" && hasCalls) return "tool_use";
  // Other protocols do not say which sequence it was; without one, Messages calls it the end.
  if (kind === "stop-sequence" && stopSequence === null) return "end_turn";
  return STOP_REASONS[kind];
}
