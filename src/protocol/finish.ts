// The canonical finish reason, given what the answer holds: one rule for all four protocols, whose own tables map each word.
// Never takes an unknown reason for a success.

import { GatewayError } from "../errors.ts";
import type { FinishReason } from "./canonical.ts";
import { truncated } from "./fold.ts";

/** What an answer holds. */
export interface Contents {
  /** Tool calls that the client has to run. */
  readonly calls: number;
  /** Parts of any kind, calls among them. */
  readonly parts: number;
  /** Whether only the beginning and the end of the answer were read, so that it may hold more. */
  readonly isExcerpt: boolean;
}

/** The reason in a form that clients can rely on; an error where the answer is empty and the reason unknown. */
export function settle(finish: FinishReason, { calls, parts, isExcerpt }: Contents): FinishReason | GatewayError {
  switch (finish.kind) {
    case "end":
      // Many servers report a plain end for an answer with calls.
      return calls > 0 ? { ...finish, kind: "tool-calls" } : finish;
    case "tool-calls":
      // Agents hang, or stop silently, when they are told of calls that do not exist.
      return calls > 0 || isExcerpt ? finish : { ...finish, kind: "end" };
    case "other":
      if (parts === 0 && !isExcerpt) return finish.raw === null ? truncated() : unfinished(finish.raw, finish.explanation);
      return calls > 0 && finish.raw === null ? { ...finish, kind: "tool-calls" } : finish;
    default:
      return finish;
  }
}

/** The error of an answer that the model failed to write; `raw` is the upstream's word for it. */
export function unfinished(raw: string, explanation: string | null): GatewayError {
  const message = `The model could not finish its answer (${raw})${explanation === null ? "." : `: ${explanation}`}`;
  return new GatewayError("upstream-failed", message, { code: raw.toLowerCase() });
}
