// Why an answer ended: a response's status with its `incomplete_details`, and canonical finish reasons.

import { GatewayError } from "../../errors.ts";
import { isObject, rowOf, type JsonObject } from "../../wire/json.ts";
import type { FinishKind, FinishReason } from "../canonical.ts";
import { settle, type Contents } from "../finish.ts";
import { decodeErrorInside } from "./errors.ts";

/** Reasons of an `incomplete` response; an unknown or missing one means `length`. */
const REASONS: Readonly<Record<string, FinishKind>> = {
  max_output_tokens: "length",
  max_tokens: "length",
  content_filter: "filtered",
};

/** The end of a response; an error where it failed, or has a status with which no answer ends. */
export function decodeFinish(response: JsonObject, contents: Contents): FinishReason | GatewayError {
  const { status, error, incomplete_details: details } = response;
  const unsaid = { stopSequence: null, explanation: null };
  if (isObject(error)) return decodeErrorInside({ error });
  switch (status) {
    case "completed":
      return settle({ ...unsaid, kind: "end", raw: status }, contents);
    case "incomplete": {
      const reason = isObject(details) && typeof details["reason"] === "string" ? details["reason"] : "";
      return { ...unsaid, kind: rowOf(REASONS, reason) ?? "length", raw: reason === "" ? status : reason };
    }
    case "failed":
      return new GatewayError("upstream-failed", "The upstream failed without a message.");
    case undefined:
    case null:
      return settle({ ...unsaid, kind: "other", raw: null }, contents);
    default: {
      const said = typeof status === "string" ? status : "";
      return new GatewayError("upstream-failed", `The upstream ended the answer with the status ${said}.`);
    }
  }
}

export interface Finish {
  readonly status: "completed" | "incomplete";
  readonly reason?: "max_output_tokens" | "content_filter";
}

export function encodeFinish({ kind }: FinishReason): Finish {
  switch (kind) {
    case "length":
    case "context-full":
    // A paused answer that is not resumed is not finished; nor is one with an unknown end.
    case "paused":
    case "other":
      return { status: "incomplete", reason: "max_output_tokens" };
    case "filtered":
      return { status: "incomplete", reason: "content_filter" };
    default:
      return { status: "completed" };
  }
}
