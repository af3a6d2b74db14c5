// Log probabilities of the tokens of an answer, both directions.
// Never reports tokens of reasoning or calls; the API has them only for content and refusals.

import type { Logprob, Part, TokenLogprob } from "../canonical.ts";
import { tokenLogprob } from "../logprobs.ts";
import * as wire from "./wire.ts";

export function decodeLogprobs(tokens: unknown): Logprob[] {
  return wire.objectsOf<wire.LogprobRead>(tokens).map((token) => ({
    ...tokenLogprob(token),
    top: wire.objectsOf<wire.LogprobRead>(token.top_logprobs).map(tokenLogprob),
  }));
}

/** Null where there are no tokens, as in the API. */
export function encodeLogprobs(
  parts: readonly { readonly type: Part["type"]; readonly logprobs?: readonly Logprob[] }[],
): wire.Logprobs | null {
  const tokensOf = (type: "text" | "refusal"): wire.Logprob[] | null => {
    const tokens = parts.flatMap((part) => (part.type === type ? (part.logprobs ?? []) : []));
    return tokens.length === 0 ? null : tokens.map((token) => ({ ...encodeToken(token), top_logprobs: token.top.map(encodeToken) }));
  };
  const [content, refusal] = [tokensOf("text"), tokensOf("refusal")];
  return content === null && refusal === null ? null : { content, refusal };
}

function encodeToken({ token, bytes, logprob }: TokenLogprob): wire.TokenLogprob {
  return { token, bytes: [...bytes], logprob };
}
