// Room: anthropic-messages/proofs (row 2).
// In:  signatures and redacted thoughts on the wire, canonical proofs.
// Out: the other of the two. A client of this protocol gets foreign proofs sealed in the slots that it sends back untouched:
//      the signature of a thinking block, the data of a redacted one.
// Every value that is not Anthropic's begins with `gw1.`: a body that holds such a value is not for Anthropic as it is.
// Never does: hand out an empty signature, or a foreign one to Anthropic.

import type { Proof } from "../canonical.ts";
import { openProof, sealProof } from "../seals.ts";
import { ORIGIN } from "./wire.ts";

const SEAL = "gw1.";
/** The signature of a thought that came without a proof. */
const UNSIGNED = "gw1.unsigned";
/** The end of redacted data that is the proof of the text or tool call in front of it: such blocks have no slot of their own. */
const OF_BLOCK_BEFORE = ".before";
/** Stands in for Anthropic's own index into a search result, where another model cited. */
export const FOREIGN_INDEX = "gw1.none";

export function signatureOf(proof: Proof | null): string {
  return proof === null ? UNSIGNED : sealProof(proof, ORIGIN);
}

/** What a signature, or the data of a redacted thought, proves; null for none. */
export function proofOf(signature: string): Proof | null {
  if (signature === "" || signature === UNSIGNED) return null;
  const sealed = isCarrier(signature) ? signature.slice(0, -OF_BLOCK_BEFORE.length) : signature;
  const proof = openProof(sealed, ORIGIN);
  // What begins like a seal and is none is nobody's proof.
  return sealed.startsWith(SEAL) && proof.data === sealed ? null : proof;
}

/** The data of a redacted block that carries the proof of the block before it. */
export function carrierOf(proof: Proof): string {
  return sealProof(proof, ORIGIN) + OF_BLOCK_BEFORE;
}

export function isCarrier(data: string): boolean {
  return data.startsWith(SEAL) && data.endsWith(OF_BLOCK_BEFORE);
}
