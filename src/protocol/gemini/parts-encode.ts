// Parts on the wire that are the same in a history for Gemini and in an answer for a client of Gemini.
// Calls are in calls.ts, tool results in tool-results.ts, media in media.ts.
// Does not choose a signature: the encoder knows who will read it.

import { isObject, parseOrUndefined, type JsonObject } from "../../wire/json.ts";
import type { OpaquePart } from "../canonical.ts";
import { signed } from "./seals.ts";

/** Text or a thought, with its signature; nothing where there is neither. */
export function encodeText(text: string, { thought, signature }: { thought: boolean; signature: string | null }): JsonObject[] {
  if (signature === null) return text === "" ? [] : [thought ? { text, thought } : { text }];
  return [{ text, ...(thought ? { thought } : {}), ...signed(signature) }];
}

/** A part that goes back to Gemini verbatim, including its numbers. */
export function encodeOpaque({ value: source }: OpaquePart): JsonObject {
  const value = parseOrUndefined(source);
  return isObject(value) ? value : {};
}
