// Proofs on Gemini's wire: its own thought signatures, and sealed ones of other makers, both directions and in a body that passes.
// A thought signature is a bytes field of the official types, so it must be base64.
// Does not touch a signature of Gemini's own, or invent one, except Google's own word for "there is none".

import { cut, items, members, type Member, type Span, type Splice } from "../../wire/json-edit.ts";
import type { JsonObject } from "../../wire/json.ts";
import type { Proof } from "../canonical.ts";
import { openProof, SEAL, SEAL_BASE64, sealProof } from "../seals.ts";
import type { Capabilities } from "./capabilities.ts";

/**
 * Replaces the signature of a function call that Gemini did not make.
 * https://ai.google.dev/gemini-api/docs/thought-signatures (read 2026-11); clients put it there themselves.
 */
export const NO_SIGNATURE = "skip_thought_signature_validator";
const NO_SIGNATURES: ReadonlySet<string> = new Set([NO_SIGNATURE, "context_engineering_is_the_way_to_go"]);

const NONE = `${SEAL}none`;
/**
 * When the client sends it back, it tells this program that another vendor's model made the call: Gemini 3 refuses a call without a
 * signature, and `NO_SIGNATURE` is not base64, which some official clients require here.
 */
export const UNSIGNED = btoa(NONE);

// ---- One signature -----------------------------------------------------------------------------------------------

/** The proof in `thoughtSignature`, whoever put it there. */
export function decodeSignature(signature: unknown): Proof | null {
  if (typeof signature !== "string" || signature === "" || NO_SIGNATURES.has(signature)) return null;
  if (!signature.startsWith(SEAL_BASE64)) return { origin: "google", data: signature };
  try {
    // A client's JSON library may have converted the bytes to the other alphabet.
    const sealed = atob(signature.replaceAll("-", "+").replaceAll("_", "/"));
    return sealed === NONE ? null : openProof(sealed, "google");
  } catch {
    return { origin: "google", data: signature };
  }
}

/** For Gemini itself: its own signature, or null. */
export function ownSignature(proof: Proof | null): string | null {
  return proof?.origin === "google" && proof.data !== "" ? proof.data : null;
}

/** For a Gemini client: any proof, in a form that it can carry. */
export function carriedSignature(proof: Proof | null): string | null {
  if (proof === null || proof.data === "") return null;
  return proof.origin === "google" ? proof.data : btoa(sealProof(proof, "google"));
}

/** The member of a part for a signature; none for null. */
export function signed(signature: string | null): JsonObject {
  return signature === null ? {} : { thoughtSignature: signature };
}

// ---- A body that passes ------------------------------------------------------------------------------------------

const SEALED = `"${SEAL_BASE64}`;
const SIGNATURE: ReadonlySet<string> = new Set(["thoughtSignature", "thought_signature"]);
const CALL: ReadonlySet<string> = new Set(["functionCall", "function_call"]);

export function hasSeals(body: string): boolean {
  return body.includes(SEALED);
}

/**
 * The splices that remove other makers' seals from a body, given its members: a hidden thought is removed, a readable one and a
 * text lose the signature, and a call gets Google's word for "there is none" where the model needs one.
 */
export function withoutSeals(body: string, found: readonly Member[], { needsSignatures }: Pick<Capabilities, "needsSignatures">): Splice[] {
  const list = found.findLast(({ key }) => key === "contents");
  if (list === undefined) return [];
  const contents = items(body, list.valueStart);
  const emptied = new Set<Span>();
  const splices = contents.flatMap((content): Splice[] => {
    const place = partsOf(body, content);
    if (place === null) return [];
    const parts = items(body, place);
    const hidden = new Set(parts.filter((part) => isHiddenThought(body.slice(part.start, part.end))));
    if (hidden.size === parts.length) {
      emptied.add(content);
      return [];
    }
    const readable = parts.filter((part) => !hidden.has(part));
    return [...cut(parts, hidden), ...readable.flatMap((part) => withoutSeal(body, part, needsSignatures))];
  });
  return [...splices, ...cut(contents, emptied)];
}

/** Where the parts of a content begin; null where none of them is sealed. */
function partsOf(body: string, { start, end }: Span): number | null {
  const text = body.slice(start, end);
  if (!text.startsWith("{") || !text.includes(SEALED)) return null;
  const parts = members(text).find(({ key }) => key === "parts");
  return parts === undefined ? null : start + parts.valueStart;
}

function sealIn(text: string, found: readonly Member[]): Member | undefined {
  return found.find(({ key, valueStart }) => SIGNATURE.has(key) && text.startsWith(SEALED, valueStart));
}

/** Whether a part is only another model's signature. */
function isHiddenThought(text: string): boolean {
  if (!text.startsWith("{") || !text.includes(SEALED)) return false;
  const found = members(text);
  const isEmpty = ({ key, valueStart, valueEnd }: Member): boolean =>
    SIGNATURE.has(key) || key === "thought" || (key === "text" && text.slice(valueStart, valueEnd) === '""');
  return sealIn(text, found) !== undefined && found.every(isEmpty);
}

function withoutSeal(body: string, { start, end }: Span, needsSignatures: boolean): Splice[] {
  const text = body.slice(start, end);
  if (!text.startsWith("{") || !text.includes(SEALED)) return [];
  const found = members(text);
  const seal = sealIn(text, found);
  if (seal === undefined) return [];
  if (needsSignatures && found.some(({ key }) => CALL.has(key))) {
    return [{ start: start + seal.valueStart, end: start + seal.valueEnd, text: JSON.stringify(NO_SIGNATURE) }];
  }
  const spans = found.map((member): Span => ({ start: start + member.start, end: start + member.valueEnd }));
  return cut(spans, new Set(spans.filter((_, index) => found[index] === seal)));
}
