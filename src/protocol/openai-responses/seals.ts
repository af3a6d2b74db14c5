// Proofs in `encrypted_content` of reasoning items, the only place that this protocol has for them. Other makers' proofs travel sealed. Two
// suffixes of a seal express what a plain item can't: that the reasoning is hidden, and that the proof belongs to the preceding part.
// Never reads a proof, or makes one up.

import { cut, items, members, type Member, type Splice } from "../../wire/json-edit.ts";
import type { Json } from "../../wire/json.ts";
import type { Proof } from "../canonical.ts";
import { openProof, SEAL, SEALED_STRING, sealProof } from "../seals.ts";

const REDACTED = ".redacted";
const PREVIOUS = ".previous";
/** Marks reasoning that came without a proof. OpenAI would look for such an item in its store, so `withoutSeals` has to recognise it. */
const UNSIGNED = `${SEAL}unsigned`;

export interface Unsealed {
  readonly proof: Proof;
  /** Whether the whole reasoning is hidden. */
  readonly redacted: boolean;
  /** Whether the proof belongs to the preceding part; the item then holds no reasoning. */
  readonly ofPrevious: boolean;
}

/** What `encrypted_content` proves; null: nothing. */
export function unseal(encrypted: Json | undefined): Unsealed | null {
  if (typeof encrypted !== "string" || encrypted === "" || encrypted === UNSIGNED) return null;
  const ending = encrypted.startsWith(SEAL) ? encrypted.slice(encrypted.lastIndexOf(".")) : "";
  return { proof: openProof(encrypted, "openai"), redacted: ending === REDACTED, ofPrevious: ending === PREVIOUS };
}

/** `encrypted_content` for a reasoning part. */
export function sealReasoning(proof: Proof | null, redacted: boolean): string {
  return proof === null ? UNSIGNED : sealed(proof, redacted ? REDACTED : "");
}

/** `encrypted_content` for the proof of the preceding part. */
export function sealPrevious(proof: Proof): string {
  return sealed(proof, PREVIOUS);
}

function sealed(proof: Proof, ending: string): string {
  const text = sealProof(proof, "openai");
  return text.startsWith(SEAL) ? text + ending : text;
}

// ---- In a body that passes ---------------------------------------------------------------------------------------

export function hasSeals(body: string): boolean {
  return body.includes(SEALED_STRING);
}

/** Removes reasoning that other makers' models left in the conversation: OpenAI refuses what it did not encrypt. `found`: the body's members. */
export function withoutSeals(body: string, found: readonly Member[]): Splice[] {
  const input = found.find(({ key }) => key === "input");
  if (input === undefined) return [];
  const all = items(body, input.valueStart);
  return cut(all, new Set(all.filter(({ start, end }) => isSealed(body.slice(start, end)))));
}

function isSealed(item: string): boolean {
  if (!item.startsWith("{") || !item.includes(SEALED_STRING)) return false;
  const found = members(item);
  const says = (key: string, start: string): boolean =>
    found.some((member) => member.key === key && item.startsWith(start, member.valueStart));
  return says("type", '"reasoning"') && says("encrypted_content", SEALED_STRING);
}
