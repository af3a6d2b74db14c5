// Log probabilities of tokens, both directions. Tokens of deltas may lack their bytes; the official client passes over those that do.
// Never reports tokens of refusals: the API has them only for texts.

import { isObject, type Json, type JsonObject } from "../../wire/json.ts";
import type { Logprob, TokenLogprob } from "../canonical.ts";
import { tokenLogprob } from "../logprobs.ts";
import type * as wire from "./wire.ts";

/** A delta has this list whether or not it was requested. */
const NONE: readonly Logprob[] = [];

export function decodeLogprobs(value: Json | undefined): readonly Logprob[] {
  if (!Array.isArray(value) || value.length === 0) return NONE;
  return objectsOf(value).map((token) => ({ ...tokenLogprob(token), top: objectsOf(token["top_logprobs"]).map(tokenLogprob) }));
}

function objectsOf(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

export function encodeLogprob({ top, ...token }: Logprob): wire.Logprob {
  return { ...encodeToken(token), top_logprobs: top.map(encodeToken) };
}

function encodeToken({ token, bytes, logprob }: TokenLogprob): wire.TokenLogprob {
  return { token, bytes: [...bytes], logprob };
}
