// Seals: the text in which a proof travels through a client that speaks another protocol. The only file that knows their form.
// Does not change what a proof says.

import { fromBase64url, toBase64url } from "./base64url.ts";
import type { Origin, Proof } from "./canonical.ts";

/** Every seal begins with this. */
export const SEAL = "gw1.";
/** How a JSON string that holds a seal begins. */
export const SEALED_STRING = `"${SEAL}`;
/** How base64 of a seal begins; the last character holds some of the letter behind, which for every seal is one from a to o. */
export const SEAL_BASE64 = btoa(`${SEAL}a`).slice(0, 6);
// A length of 4n + 1 is nobody's encoding.
const BASE64URL = /^(?:[\w-]{4})*(?:[\w-]{2,3})?$/;

/**
 * The text that carries a proof through a client which speaks another protocol: `gw1.<origin>.<data, base64url>`.
 * Proofs go to clients of their own protocol unsealed.
 */
export function sealProof(proof: Proof, own: Origin | null): string {
  if (proof.origin === own) return proof.data;
  return `${SEAL}${proof.origin}.${toBase64url(proof.data)}`;
}

/** The reverse of `sealProof`: unsealed text belongs to the client protocol's own vendor. */
export function openProof(text: string, own: Origin): Proof {
  if (!text.startsWith(SEAL)) return { origin: own, data: text };
  const [origin, data] = text.slice(SEAL.length).split(".", 2);
  if (data === undefined || !BASE64URL.test(data) || (origin !== "openai" && origin !== "anthropic" && origin !== "google")) {
    return { origin: own, data: text };
  }
  return { origin, data: fromBase64url(data) };
}
