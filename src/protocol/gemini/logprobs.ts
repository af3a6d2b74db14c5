// Room: protocol/gemini/logprobs (row 2).
// In:  `logprobsResult` of a candidate; canonical log probabilities, as they come.
// Out: the other of the two, and their average.
// https://ai.google.dev/api/generate-content#LogprobsResult (read 2026-11)
// Never does: tell bytes or ids of tokens; Gemini has the ones not, and nobody else has the others.

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

/** Proto JSON leaves out what is zero or "". */
function decodeToken(candidate: Json): TokenLogprob {
  const { token, logProbability } = isObject(candidate) ? candidate : {};
  return tokenLogprob({ token, logprob: logProbability ?? 0 });
}

function list(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}

/** Log probabilities of an answer on their way to a client. */
export class LogprobsWriter {
  #untold: Logprob[] = [];
  #count = 0;
  #sum = 0;

  add(logprobs: readonly Logprob[]): void {
    for (const logprob of logprobs) {
      this.#untold.push(logprob);
      this.#sum += logprob.logprob;
    }
    this.#count += logprobs.length;
  }

  /** The member of a candidate that tells what no candidate has told yet. */
  take(): JsonObject {
    const told = this.#untold;
    if (told.length === 0) return {};
    this.#untold = [];
    const hasTop = told.some(({ top }) => top.length > 0);
    const topCandidates = told.map(({ top }) => ({ candidates: top.map(encodeToken) }));
    return { logprobsResult: { ...(hasTop ? { topCandidates } : {}), chosenCandidates: told.map(encodeToken) } };
  }

  /** The member of the last candidate that sums the answer up. */
  average(): JsonObject {
    return this.#count === 0 ? {} : { avgLogprobs: this.#sum / this.#count };
  }
}

function encodeToken({ token, logprob }: TokenLogprob): JsonObject {
  return { token, logProbability: logprob };
}
