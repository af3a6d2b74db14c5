// Room: protocol/gemini/proofs (row 2).
// In:  thought signatures on the wire, canonical proofs.
// Out: the other of the two, for a Gemini upstream (its own proofs alone) and for a Gemini client (foreign ones sealed).
// A thought signature is a bytes field of the official types, so whatever stands there has to be base64.
// Never does: invent a signature, except Google's own word for "there is none".

import { openProof, sealProof } from "../seals.ts";
import type { Proof } from "../canonical.ts";

/**
 * Stands in for the signature of a function call that Gemini did not make.
 * https://ai.google.dev/gemini-api/docs/thought-signatures (read 2026-11); clients put it there themselves.
 */
export const NO_SIGNATURE = "skip_thought_signature_validator";
const NO_SIGNATURES: ReadonlySet<string> = new Set([NO_SIGNATURE, "context_engineering_is_the_way_to_go"]);

/** The beginning of base64 of `gw1.` and a letter up to o, as all seals have it. */
export const SEALED = "Z3cxLm";
/**
 * Says to this proxy, when the client sends it back, that the call was made by another vendor's model: Gemini 3 refuses a call
 * without a signature, and `NO_SIGNATURE` is no base64, which some official clients want here.
 */
export const UNSIGNED = btoa("gw1.none");
const NONE = atob(UNSIGNED);

/** What stands in `thoughtSignature`, whoever put it there. */
export function decodeSignature(signature: unknown): Proof | null {
  if (typeof signature !== "string" || signature === "" || NO_SIGNATURES.has(signature)) return null;
  if (!signature.startsWith(SEALED)) return { origin: "google", data: signature };
  try {
    // A client's JSON library may have read and written the bytes with the other alphabet.
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
