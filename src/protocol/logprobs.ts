// Log probabilities of tokens, as every protocol tells them.
// Never does: guess a probability.

import { JsonText } from "../wire/json.ts";
import type { TokenLogprob } from "./canonical.ts";

/** Stands for the logarithm of what is hardly possible, which is no number in JSON; OpenAI's own word. */
const UNLIKELY = -9999;

/** A token as an upstream told it. Bytes that were not told are those of its text. */
export function tokenLogprob(told: { readonly token?: unknown; readonly bytes?: unknown; readonly logprob?: unknown }): TokenLogprob {
  const token = typeof told.token === "string" ? told.token : "";
  const bytes = Array.isArray(told.bytes) ? told.bytes.filter((byte) => typeof byte === "number") : [...new TextEncoder().encode(token)];
  const number = told.logprob instanceof JsonText ? Number(told.logprob.text) : told.logprob;
  const logprob = typeof number === "number" && Number.isFinite(number) ? number : UNLIKELY;
  // Some print the zero of a certain token with a sign.
  return { token, bytes, logprob: logprob === 0 ? 0 : logprob };
}
