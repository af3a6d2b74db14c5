// Seals: the text in which a proof travels through a client of another protocol. The only file that knows their format.
// Does not change what a proof says.

import { fromBase64url, toBase64url } from "./base64url.ts";
import type { Origin, Proof } from "./canonical.ts";

/** Every seal begins with this. */
export const SEAL = "gw1.";
/** How a JSON string that holds a seal begins. */
export const SEALED_STRING = `"${SEAL}`;
/** How the base64 of a seal begins; the last character also covers bits of the next letter, which gives a to o for every seal. */
export const SEAL_BASE64 = btoa(`${SEAL}a`).slice(0, 6);
// No encoding has a length of 4n + 1.
const BASE64URL = /^(?:[\w-]{4})*(?:[\w-]{2,3})?$/;

/**
 * The text that carries a proof through a client of another protocol: `gw1.<origin>.<data, base64url>`.
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
