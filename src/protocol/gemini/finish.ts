// Why an answer ended, both directions: a candidate's `finishReason`, or why Gemini refused the prompt.
// https://ai.google.dev/api/generate-content#FinishReason (read 2026-11)
// Does not take a call that Gemini failed to write for an answer.

import { GatewayError } from "../../errors.ts";
import { isObject, rowOf, type Json, type JsonObject } from "../../wire/json.ts";
import type { FinishKind, FinishReason } from "../canonical.ts";
import { settle, unfinished, type Contents } from "../finish.ts";

/** Unknown reasons are `other`. `null`: the upstream failed, and there is no answer to pass on. */
const KINDS: Readonly<Record<string, FinishKind | null>> = {
  STOP: "end",
  MAX_TOKENS: "length",
  SAFETY: "filtered",
  RECITATION: "filtered",
  LANGUAGE: "filtered",
  BLOCKLIST: "filtered",
  PROHIBITED_CONTENT: "filtered",
  SPII: "filtered",
  IMAGE_SAFETY: "filtered",
  IMAGE_PROHIBITED_CONTENT: "filtered",
  IMAGE_RECITATION: "filtered",
  IMAGE_OTHER: "filtered",
  CONTINUATION: "paused",
  OTHER: "other",
  NO_IMAGE: "other",
  MISSING_THOUGHT_SIGNATURE: "other",
  MALFORMED_FUNCTION_CALL: null,
  UNEXPECTED_TOOL_CALL: null,
  TOO_MANY_TOOL_CALLS: null,
  MALFORMED_RESPONSE: null,
};

/** The end of a candidate; an error where Gemini failed to write one. */
export function decodeFinish(candidate: JsonObject, contents: Contents): FinishReason | GatewayError {
  const raw = reasonOf(candidate) ?? "";
  const message = candidate["finishMessage"];
  const explanation = typeof message === "string" && message !== "" ? message : null;
  const kind = rowOf(KINDS, raw);
  if (kind === null) return unfinished(raw, explanation);
  const finish = settle({ kind: kind ?? "other", raw, stopSequence: null, explanation }, contents);
  if (finish instanceof GatewayError) return finish;
  return { ...finish, explanation: finish.kind === "filtered" ? explanation : null };
}

/** The end of a prompt that Gemini refused to answer; null: it was not refused. */
export function decodeBlock(feedback: Json | undefined): FinishReason | null {
  if (!isObject(feedback)) return null;
  const { blockReason, blockReasonMessage: message } = feedback;
  if (typeof blockReason !== "string" || blockReason === "") return null;
  return {
    kind: "filtered",
    raw: blockReason,
    stopSequence: null,
    explanation: typeof message === "string" && message !== "" ? message : null,
  };
}

const WORDS: Readonly<Record<FinishKind, string>> = {
  end: "STOP",
  "stop-sequence": "STOP",
  "tool-calls": "STOP",
  length: "MAX_TOKENS",
  "context-full": "MAX_TOKENS",
  filtered: "SAFETY",
  paused: "MAX_TOKENS",
  other: "OTHER",
};

/** What else in the answer affects its finish reason. */
interface Ending {
  /** Some call's arguments were not JSON, so the call was left out. */
  readonly brokenCall: boolean;
  readonly refused: boolean;
}

/** `finishReason` and `finishMessage`: the upstream's own word if it is on Gemini's list, never another one. */
export function encodeFinish(finish: FinishReason, { brokenCall, refused }: Ending): JsonObject {
  const { raw, explanation } = finish;
  if (brokenCall && finish.kind !== "length" && finish.kind !== "context-full") {
    return { finishReason: "MALFORMED_FUNCTION_CALL", finishMessage: "The model's call had arguments that are not JSON." };
  }
  const kind = refused && (finish.kind === "end" || finish.kind === "other") ? "filtered" : finish.kind;
  const own = raw !== null && Object.hasOwn(KINDS, raw) && (KINDS[raw] === kind || (kind === "tool-calls" && KINDS[raw] === "end"));
  const finishReason = own && raw !== null ? raw : WORDS[kind];
  return explanation === null ? { finishReason } : { finishReason, finishMessage: explanation };
}

/** Whether a candidate has ended. */
export function isFinished(candidate: JsonObject): boolean {
  return reasonOf(candidate) !== null;
}

function reasonOf(candidate: JsonObject): string | null {
  const reason = candidate["finishReason"];
  return typeof reason === "string" && reason !== "" && reason !== "FINISH_REASON_UNSPECIFIED" ? reason : null;
}

/** The candidate of a chunk: a reply has one. */
export function candidateOf(chunk: JsonObject): JsonObject | null {
  const { candidates } = chunk;
  const first = Array.isArray(candidates) ? candidates[0] : undefined;
  return isObject(first) ? first : null;
}
