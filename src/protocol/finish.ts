// What a reason to stop means beside what the answer holds: one rule for all four protocols, whose own tables say what each word means.
// Never takes a reason that nobody knows for a success.

import { GatewayError } from "../errors.ts";
import type { FinishReason } from "./canonical.ts";
import { truncated } from "./fold.ts";

/** What an answer holds. */
export interface Contents {
  /** Tool calls that the client has to run. */
  readonly calls: number;
  /** Parts of any kind, calls among them. */
  readonly parts: number;
  /** Whether only the beginning and the end of the answer were read, so that there may be more than was counted. */
  readonly isExcerpt: boolean;
}

/** The reason as clients may rely on it; an error where the answer holds nothing and nobody knows why. */
export function settle(finish: FinishReason, { calls, parts, isExcerpt }: Contents): FinishReason | GatewayError {
  switch (finish.kind) {
    case "end":
      // Many servers call the end of an answer with calls an end like any other.
      return calls > 0 ? { ...finish, kind: "tool-calls" } : finish;
    case "tool-calls":
      // Agents wait for ever, or stop without a word, when they are told of calls that are not there.
      return calls > 0 || isExcerpt ? finish : { ...finish, kind: "end" };
    case "other":
      if (parts === 0 && !isExcerpt) return finish.raw === null ? truncated() : unfinished(finish.raw, finish.explanation);
      return calls > 0 && finish.raw === null ? { ...finish, kind: "tool-calls" } : finish;
    default:
      return finish;
  }
}

/** The error of an answer that the model could not write; `raw` is the upstream's word for it. */
export function unfinished(raw: string, explanation: string | null): GatewayError {
  const message = `The model could not finish its answer (${raw})${explanation === null ? "." : `: ${explanation}`}`;
  return new GatewayError("upstream-failed", message, { code: raw.toLowerCase() });
}
