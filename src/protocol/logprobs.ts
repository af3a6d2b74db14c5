// Log probabilities of tokens, as every protocol tells them.
// Does not guess a probability.

import { JsonText } from "../wire/json.ts";
import type { TokenLogprob } from "./canonical.ts";

/** Stands for the logarithm of what is hardly possible, which is no number in JSON; OpenAI's own word. */
const UNLIKELY = -9999;

/** A token as an upstream gives it. Where it gives no bytes, they are those of its text. */
export function tokenLogprob(given: { readonly token?: unknown; readonly bytes?: unknown; readonly logprob?: unknown }): TokenLogprob {
  const token = typeof given.token === "string" ? given.token : "";
  const bytes = Array.isArray(given.bytes) ? given.bytes.filter((byte) => typeof byte === "number") : [...new TextEncoder().encode(token)];
  const number = given.logprob instanceof JsonText ? Number(given.logprob.text) : given.logprob;
  const logprob = typeof number === "number" && Number.isFinite(number) ? number : UNLIKELY;
  // Some print the zero of a certain token with a sign.
  return { token, bytes, logprob: logprob === 0 ? 0 : logprob };
}
