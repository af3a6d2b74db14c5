// Room: openai-chat (row 2). Reasoning and proofs in the slots that Chat clients echo; see wire.ts.
// In:  an assistant message of a client's history, or the parts of an answer.
// Out: reasoning parts and the proofs of text and calls, or the wire's slots.
// Never does: send a proof bare, or believe one that is not sealed.

import type { Part, Proof, ReasoningPart } from "../canonical.ts";
import { openProof, sealProof } from "../seals.ts";
import { objectOf, objectsOf, textOf, type CallProof, type DetailRead, type ReasoningDetail } from "./wire.ts";

/** A proof that a client or a gateway brought back; null for text that `sealProof` has not made. */
export function unseal(text: unknown): Proof | null {
  if (typeof text !== "string") return null;
  const proof = openProof(text, "openai");
  // What is not sealed comes back as it is.
  return proof.data === text ? null : proof;
}

/** What the sealed items of `reasoning_details` say. */
export interface Details {
  readonly reasoning: readonly ReasoningPart[];
  readonly textProof: Proof | null;
}

export function decodeDetails(value: unknown): Details {
  const reasoning: ReasoningPart[] = [];
  let textProof: Proof | null = null;
  for (const detail of objectsOf<DetailRead>(value)) {
    const redacted = detail.type === "reasoning.encrypted";
    const proof = unseal(redacted ? detail.data : detail.signature);
    if (proof === null) continue;
    if (redacted && detail.id === "content") textProof = proof;
    else reasoning.push({ type: "reasoning", text: redacted ? "" : textOf(detail.text), redacted, proof });
  }
  return { reasoning, textProof };
}

/** The item that proves a part; null for parts without a proof, and for tool calls, which carry their own. */
export function encodeDetail(part: Part, index: number): ReasoningDetail | null {
  if (part.type === "text" && part.proof !== null) {
    return { type: "reasoning.encrypted", index, data: sealProof(part.proof, null), id: "content" };
  }
  if (part.type !== "reasoning" || part.proof === null) return null;
  const sealed = sealProof(part.proof, null);
  if (part.redacted) return { type: "reasoning.encrypted", index, data: sealed };
  return { type: "reasoning.text", index, text: part.text, signature: sealed };
}

/** The proof in a tool call's `extra_content`. */
export function decodeCallProof(extraContent: unknown): Proof | null {
  const google = objectOf<{ google: unknown }>(extraContent)?.google;
  return unseal(objectOf<{ thought_signature: unknown }>(google)?.thought_signature);
}

export function encodeCallProof(proof: Proof | null): CallProof {
  return proof === null ? {} : { extra_content: { google: { thought_signature: sealProof(proof, null) } } };
}
