// Log probabilities of tokens, in every protocol's form.
// Does not guess a probability.

import { JsonText } from "../wire/json.ts";
import type { TokenLogprob } from "./canonical.ts";

/** Stands for the logarithm of a near-zero probability, which JSON can't express; OpenAI uses it too. */
const UNLIKELY = -9999;

/** A token as an upstream reports it. Missing bytes are those of its text. */
export function tokenLogprob(given: { readonly token?: unknown; readonly bytes?: unknown; readonly logprob?: unknown }): TokenLogprob {
  const token = typeof given.token === "string" ? given.token : "";
  const bytes = Array.isArray(given.bytes) ? given.bytes.filter((byte) => typeof byte === "number") : [...new TextEncoder().encode(token)];
  const number = given.logprob instanceof JsonText ? Number(given.logprob.text) : given.logprob;
  const logprob = typeof number === "number" && Number.isFinite(number) ? number : UNLIKELY;
  // Some print the zero of a certain token as -0.
  return { token, bytes, logprob: logprob === 0 ? 0 : logprob };
}
