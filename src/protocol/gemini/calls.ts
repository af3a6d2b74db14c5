// Function calls, both directions: their ids, and their arguments, which are an object on the wire and JSON text in canonical form.
// Does not repair arguments: the caller learns that they are not JSON.

import { isObject, JsonText, parseOrUndefined, print, type Json, type JsonObject } from "../../wire/json.ts";
import type { JsonSource, ToolCallPart } from "../canonical.ts";
import { signed } from "./seals.ts";

// ---- Ids ---------------------------------------------------------------------------------------------------------

/** The id for a call without one: the same in an answer and in its echo in the next request. */
export function madeCallId(turn: number, index: number): string {
  return `call_${turn}_${index}`;
}

const MADE_ID = /^call_\d+_\d+$/;

/** The id for Gemini: null for one that this gateway made because the call had none. */
export function wireCallId(callId: string): string | null {
  return callId === "" || MADE_ID.test(callId) ? null : callId;
}

// ---- Decode ------------------------------------------------------------------------------------------------------

/** Arguments on one line, because an event's data must be one. */
export function decodeArguments(args: Json | undefined): JsonSource {
  if (args === undefined || args === null) return "{}";
  return oneLine(args instanceof JsonText ? args.text : print(args));
}

/** A free-form tool went to Gemini as a function with one string; see tools.ts. */
export function freeTextOf(args: JsonSource): string {
  const value = parseOrUndefined(args);
  return isObject(value) && typeof value["input"] === "string" ? value["input"] : args;
}

const LINE_END = /[\r\n]/;
const STRING_OR_SPACE = /("(?:[^"\\]+|\\.)*")|\s+/g;

/** Puts an object of several lines on one; any other text stays as it is. JSON strings contain no line ends. */
export function oneLine(source: JsonSource): JsonSource {
  return LINE_END.test(source) ? source.replace(STRING_OR_SPACE, "$1") : source;
}

// ---- Encode ------------------------------------------------------------------------------------------------------

/** Arguments in Gemini's form: an object, its text unchanged. `fault`: they are not JSON. */
export function encodeArguments(call: Pick<ToolCallPart, "kind" | "arguments">): { args: Json; fault: boolean } {
  if (call.kind === "custom") return { args: { input: call.arguments }, fault: false };
  const text = call.arguments.trim();
  if (text === "") return { args: {}, fault: false };
  const value = parseOrUndefined(text);
  if (isObject(value)) return { args: new JsonText(call.arguments), fault: false };
  if (value === undefined) return { args: { _raw: call.arguments }, fault: true };
  return { args: value === null ? {} : { value }, fault: false };
}

/** The part; `id` is null for a call that Gemini knows without one. */
export function encodeCall(call: { id: string | null; name: string; args: Json }, signature: string | null): JsonObject {
  const { id, name, args } = call;
  return { functionCall: { ...(id === null ? {} : { id }), name, args }, ...signed(signature) };
}
