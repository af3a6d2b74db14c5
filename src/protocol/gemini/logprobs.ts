// Log probabilities, both directions: `logprobsResult` of a candidate, and the average that the last one says.
// https://ai.google.dev/api/generate-content#LogprobsResult (read 2026-11)
// Does not send bytes or ids of tokens: Gemini has no bytes, and nobody else has ids.

import { isObject, type Json, type JsonObject } from "../../wire/json.ts";
import type { Logprob, TokenLogprob } from "../canonical.ts";
import { tokenLogprob } from "../logprobs.ts";

export function decodeLogprobs(result: Json | undefined): Logprob[] {
  if (!isObject(result)) return [];
  const places = list(result["topCandidates"]);
  return list(result["chosenCandidates"]).map((chosen, index) => {
    const place = places[index];
    return { ...decodeToken(chosen), top: isObject(place) ? list(place["candidates"]).map(decodeToken) : [] };
  });
}

/** Proto JSON omits zero and "". */
function decodeToken(candidate: Json): TokenLogprob {
  const { token, logProbability } = isObject(candidate) ? candidate : {};
  return tokenLogprob({ token, logprob: logProbability ?? 0 });
}

function list(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}

/** Log probabilities of an answer on their way to a client. */
export class LogprobsEncoder {
  #unsent: Logprob[] = [];
  #count = 0;
  #sum = 0;

  add(logprobs: readonly Logprob[]): void {
    for (const logprob of logprobs) {
      this.#unsent.push(logprob);
      this.#sum += logprob.logprob;
    }
    this.#count += logprobs.length;
  }

  /** The member of a candidate with what no candidate has had yet. */
  take(): JsonObject {
    const taken = this.#unsent;
    if (taken.length === 0) return {};
    this.#unsent = [];
    const hasTop = taken.some(({ top }) => top.length > 0);
    const topCandidates = taken.map(({ top }) => ({ candidates: top.map(encodeToken) }));
    return { logprobsResult: { ...(hasTop ? { topCandidates } : {}), chosenCandidates: taken.map(encodeToken) } };
  }

  /** The member of the last candidate that sums up the answer. */
  average(): JsonObject {
    return this.#count === 0 ? {} : { avgLogprobs: this.#sum / this.#count };
  }
}

function encodeToken({ token, logprob }: TokenLogprob): JsonObject {
  return { token, logProbability: logprob };
}
