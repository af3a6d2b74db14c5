// Room: openai-responses (row 2), reasoning items.
// In:  reasoning items of either direction; reasoning parts and the proofs of other parts.
// Out: the one from the other. The opaque slot of this protocol is `encrypted_content`; proofs of other makers travel in it
//      sealed, and two endings of the seal say what a plain item cannot: that the thought was hidden as a whole, and that the
//      proof belongs to the part in front of it (Gemini signs calls and texts).
// Never does: read a proof, or make one up.

import { isObject, type Json, type JsonObject } from "../../wire/json.ts";
import type { Proof, ReasoningPart } from "../canonical.ts";
import { openProof, sealProof } from "../seals.ts";
import type * as wire from "./wire.ts";

const SEAL = "gw1.";
const REDACTED = ".redacted";
const PREVIOUS = ".previous";
/** Of reasoning that came without a proof: OpenAI would look for such an item in its store, so it must be known again; see edit.ts. */
const UNSIGNED = "gw1.unsigned";

/** Between the paragraphs of a summary; one canonical part holds them all. */
export const PARAGRAPH = "\n\n";

/** `previous`: the proof is that of the part in front of the item; there is no reasoning to show. */
export type DecodedReasoning =
  | { readonly type: "part"; readonly part: ReasoningPart }
  | { readonly type: "previous"; readonly proof: Proof };

/** A reasoning item as a part; null when it says nothing that can be kept: no text and no proof. */
export function decodeReasoning(item: JsonObject): DecodedReasoning | null {
  const text = reasoningText(item);
  const encrypted = item["encrypted_content"];
  const sealed = typeof encrypted === "string" && encrypted !== "" && encrypted !== UNSIGNED ? encrypted : null;
  if (sealed === null) return text === "" ? null : { type: "part", part: { type: "reasoning", text, redacted: false, proof: null } };
  const proof = openProof(sealed, "openai");
  if (isForeign(sealed) && sealed.endsWith(PREVIOUS)) return { type: "previous", proof };
  return { type: "part", part: { type: "reasoning", text, redacted: isForeign(sealed) && sealed.endsWith(REDACTED), proof } };
}

/** The readable thought: its summary, or the raw text where a model shows that instead. */
function reasoningText(item: JsonObject): string {
  const summary = texts(item["summary"]);
  return summary === "" ? texts(item["content"]) : summary;
}

function texts(list: Json | undefined): string {
  if (!Array.isArray(list)) return "";
  return list
    .map((entry) => (isObject(entry) && typeof entry["text"] === "string" ? entry["text"] : ""))
    .filter((text) => text !== "")
    .join(PARAGRAPH);
}

/** What `encrypted_content` holds for a reasoning part. */
export function sealReasoning(proof: Proof | null, redacted: boolean): string {
  if (proof === null) return UNSIGNED;
  const sealed = sealProof(proof, "openai");
  return redacted && isForeign(sealed) ? sealed + REDACTED : sealed;
}

/** What `encrypted_content` holds for the proof of the part in front of the item. */
export function sealPrevious(proof: Proof): string {
  const sealed = sealProof(proof, "openai");
  return isForeign(sealed) ? sealed + PREVIOUS : sealed;
}

/** Whether this `encrypted_content` was sealed by this proxy for the maker of another protocol. */
export function isForeign(encrypted: string): boolean {
  return encrypted.startsWith(SEAL);
}

export function summaryOf(text: string): wire.Summary[] {
  return text === "" ? [] : [{ type: "summary_text", text }];
}
