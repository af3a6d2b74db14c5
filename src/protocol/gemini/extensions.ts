// Request members without a canonical field: extracted from a client's request, and restored for Gemini.
// Does not look for them: `Fields` knows which were not read.

import { isObject, JsonText, type JsonObject } from "../../wire/json.ts";
import type { CanonicalRequest, Extension, JsonSource, Loss } from "../canonical.ts";
import type { UnreadMember } from "../fields.ts";
import { ownExtensions } from "../losses.ts";
import { fateOf } from "./wire.ts";

// ---- Decode ------------------------------------------------------------------------------------------------------

/** Why a nested member of a list is lost: an extension could not be put back there. */
const LOST: readonly (readonly [RegExp, string])[] = [
  [/^contents\[\d+\]\.parts\[\d+\]\.functionResponse\./, "Other protocols have one result a call, given at once."],
  [/^tools\[\d+\]\.functionDeclarations\[/, "Other protocols describe what a function takes, not what it gives."],
  [/^tools\[\d+\]\.googleSearch/, "Only Google's own search knows it."],
];

/** The fate of unread members; those of the body itself come last. */
export function decodeUnread(unread: readonly UnreadMember[]): { extensions: Extension[]; losses: Loss[] } {
  const inner: Extension[] = [];
  const outer: Extension[] = [];
  const losses: Loss[] = [];
  for (const { key, path, value, reason: unknown } of unread) {
    const reason = LOST.find(([pattern]) => pattern.test(path))?.[1];
    if (unknown !== null) inner.push({ protocol: "gemini", field: path, value, severity: "reported", reason: unknown });
    else if (reason !== undefined) losses.push({ field: path, severity: "reported", reason });
    else (path === key ? outer : inner).push(extensionOf(path, value));
  }
  return { extensions: [...inner, ...outer], losses };
}

export function extensionOf(field: string, value: JsonSource): Extension {
  const { fate, reason } = fateOf(field);
  return { protocol: "gemini", field, value, severity: fate === "carried" ? "reported" : fate, reason };
}

// ---- Encode ------------------------------------------------------------------------------------------------------

/** Puts Gemini's own members back into the body, where the client had them. */
export function encodeExtensions(request: CanonicalRequest, body: JsonObject): void {
  for (const [field, value] of ownExtensions(request, "gemini")) put(body, { path: field.split("."), value });
}

function put(holder: JsonObject, { path, value }: { path: readonly string[]; value: JsonSource }): void {
  const [key, ...rest] = path;
  if (key === undefined) return;
  if (rest.length === 0) {
    holder[key] = new JsonText(value);
    return;
  }
  const found = holder[key];
  const next = isObject(found) ? found : {};
  holder[key] = next;
  put(next, { path: rest, value });
}
