// An answer that stopped at the limit of one request (`CONTINUATION`) -> the request that continues it: the same one with its token.
// @google/genai 3.1 (types and README, "Automatic Continuation", read 2026-11) does the same; `maxOutputTokens` counts over all
// answers together, so it stays as it is.
// Does not go on with a token that was used already, or that came before the last words: either would repeat part of the answer.

import { isObject, parseOrUndefined } from "../../wire/json.ts";
import { members, spliced } from "../../wire/json-edit.ts";
import type { SseEvent } from "../../wire/sse.ts";
import type { Continuation } from "../codec.ts";
import { candidateOf, isFinished } from "./finish.ts";

export function continuation(): Continuation {
  return new TokenContinuation();
}

const MEMBER = "continuationToken";

class TokenContinuation implements Continuation {
  readonly seamless = true;
  /** The token comes with the reason, in the last chunk, or in the one before where counts follow in their own chunk. */
  #last = "";
  #lastButOne = "";
  #used: string | null = null;

  event({ data }: SseEvent): void {
    this.#lastButOne = this.#last;
    this.#last = data;
  }

  nonStreaming(body: string): void {
    this.#last = body;
  }

  resume(body: string): string | null {
    const token = tokenIn(this.#last) ?? tokenIn(this.#lastButOne);
    if (token === null || token === this.#used) return null;
    this.#used = token;
    const at = body.indexOf("{") + 1;
    const comma = members(body).length > 0 ? "," : "";
    return spliced(body, [{ start: at, end: at, text: `${JSON.stringify(MEMBER)}:${JSON.stringify(token)}${comma}` }]);
  }
}

/** A token beside text in the middle of a stream is for a stream that breaks off there; only the one at the end covers all the text. */
function tokenIn(text: string): string | null {
  const value = parseOrUndefined(text);
  for (const chunk of Array.isArray(value) ? value.toReversed() : [value]) {
    const candidate = isObject(chunk) ? candidateOf(chunk) : null;
    if (candidate === null || !isFinished(candidate)) continue;
    const token = candidate[MEMBER];
    return typeof token === "string" && token !== "" ? token : null;
  }
  return null;
}
