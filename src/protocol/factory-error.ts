// Factory's own error, `{"detail": ..., "status"?: 403}`, which comes in place of any provider's answer, under any status and inside streams.
// Never mistakes an answer for one, nor a provider's error with a shape of its own.

import { GatewayError, kindOfStatus } from "../errors.ts";
import { isObject, type Json } from "../wire/json.ts";
import { recognised } from "./context-overflow.ts";

/** Each provider's answer, or error, has one of these members. */
const OTHERS = ["error", "choices", "output", "response", "content", "candidates", "delta", "item"];

/** Null: not one. One without a status gets that of a failed upstream. */
export function factoryError(value: unknown): GatewayError | null {
  if (!isObject(value) || OTHERS.some((name) => isObject(value[name]) || Array.isArray(value[name]))) return null;
  const message = sentenceIn(value["detail"]);
  if (message === null) return null;
  const { status } = value;
  const isStatus = typeof status === "number" && status >= 400 && status < 600;
  return recognised(
    new GatewayError(isStatus ? kindOfStatus(status) : "upstream-failed", message, { ...(isStatus ? { status } : {}), type: TYPE }),
  );
}

const TYPE = "factory_error";

/** Whether no client would recognise it as an error, unless it is converted to the client's protocol. */
export function isFactoryError(error: GatewayError | null): boolean {
  return error?.type === TYPE;
}

/** FastAPI writes a sentence, an object around one, or a list of such objects. */
export function sentenceIn(detail: Json | undefined): string | null {
  if (typeof detail === "string") return detail.trim() === "" ? null : detail.trim();
  if (Array.isArray(detail)) return detail.map(sentenceIn).filter(Boolean).join("; ") || null;
  if (!isObject(detail)) return null;
  return sentenceIn(detail["message"] ?? detail["msg"] ?? detail["detail"] ?? detail["error"] ?? detail["title"]);
}

const MAX_PLAIN_TEXT = 300;

/** An error body's text, where it is a JSON string or plain text; null for a page, truncated JSON, or nothing. `value`: the body parsed. */
export function plainSentence(value: Json | undefined, body: string): string | null {
  const text = (typeof value === "string" ? value : value === undefined ? body : "").trim();
  return text === "" || text.length > MAX_PLAIN_TEXT || /^[{[]|</.test(text) ? null : text;
}
