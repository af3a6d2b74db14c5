// Why an answer ended: a response's status with its `incomplete_details`, and canonical finish reasons.

import { isObject, rowOf, type JsonObject } from "../../wire/json.ts";
import type { FinishKind, FinishReason } from "../canonical.ts";

const REASONS: Readonly<Record<string, FinishKind>> = {
  max_output_tokens: "length",
  content_filter: "filtered",
};

/** A complete response does not say whether it ended with tool calls. */
export function decodeFinish({ status, incomplete_details: details }: JsonObject, hasCalls: boolean): FinishReason {
  const unsaid = { stopSequence: null, explanation: null };
  if (status !== "incomplete") return { ...unsaid, kind: hasCalls ? "tool-calls" : "end", raw: "completed" };
  const reason = isObject(details) && typeof details["reason"] === "string" ? details["reason"] : "";
  return { ...unsaid, kind: rowOf(REASONS, reason) ?? "other", raw: reason === "" ? "incomplete" : reason };
}

export interface Finish {
  readonly status: "completed" | "incomplete";
  readonly reason?: "max_output_tokens" | "content_filter";
}

export function encodeFinish({ kind }: FinishReason): Finish {
  switch (kind) {
    case "length":
    case "context-full":
    // A pause that nobody resumes is an answer that is not finished.
    case "paused":
      return { status: "incomplete", reason: "max_output_tokens" };
    case "filtered":
      return { status: "incomplete", reason: "content_filter" };
    default:
      return { status: "completed" };
  }
}
