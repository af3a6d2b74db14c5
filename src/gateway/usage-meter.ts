// What is known of an answer while it passes and afterwards: usage, how it ended, its error, and how much text the client got.
// Does not change the answer.

import type { UsageSource } from "../access/store.ts";
import type { GatewayError } from "../errors.ts";
import type { FinishReason, Reply, ReplyEvent, Usage } from "../protocol/canonical.ts";
import { utf8Length } from "../protocol/delta-text.ts";
import { unfold } from "../protocol/fold.ts";

/** In any language: Chinese takes three bytes a character, and about as many tokens per byte as English. */
export const BYTES_PER_TOKEN = 4;

export interface UsageTotal {
  /** Null: nothing was generated, as far as is known. */
  readonly usage: Usage | null;
  readonly source: UsageSource;
}

const none = (): number => 0;
const never = (): boolean => false;

export class UsageMeter {
  usage: Usage | null = null;
  finish: FinishReason | null = null;
  error: GatewayError | null = null;
  /** Works out how much text passed unparsed, in UTF-8 bytes; called only where the upstream did not report its usage. */
  passedTextBytes: () => number = none;
  /** Whether the unparsed text that passed last is reasoning; called only while somebody watches. */
  passedReasoning: () => boolean = never;
  /** Whether the part that began last is reasoning. */
  #seesReasoning = false;
  /** UTF-8 bytes of text, reasoning and arguments seen. */
  #seenTextBytes = 0;

  see(event: ReplyEvent): void {
    if (event.type === "part-delta") this.#seenTextBytes += utf8Length(event.text);
    else if (event.type === "part-start") this.#seesReasoning = event.part.type === "reasoning";
    else if (event.type === "usage") this.usage = event.usage;
    else if (event.type === "reply-end") this.finish = event.finish;
    else if (event.type === "reply-error") this.error = event.error;
  }

  /** A non-streaming answer; its text is counted where it does not report its output. */
  seeReply(reply: Reply): void {
    if (saysOutput(reply.usage)) ({ usage: this.usage, finish: this.finish } = reply);
    else for (const event of unfold(reply)) this.see(event);
  }

  get isReasoning(): boolean {
    return this.#seesReasoning || this.passedReasoning();
  }

  /** A rough count so far. */
  get outputTokens(): number {
    if (this.finish !== null) return this.usage?.outputTokens ?? 0;
    return Math.ceil((this.#seenTextBytes + this.passedTextBytes()) / BYTES_PER_TOKEN);
  }

  /**
   * What the upstream reported, with the output counted from what was delivered where the answer ended before the report: at its start
   * Messages reports a few tokens of output, and Chat none at all.
   */
  total(): UsageTotal {
    const usage = this.usage === null ? null : wholeCounts(this.usage);
    const said = usage?.outputTokens ?? null;
    if (said !== null && this.finish !== null) return { usage, source: "upstream" };
    const counted = Math.ceil((this.#seenTextBytes + this.passedTextBytes()) / BYTES_PER_TOKEN);
    if (counted <= (said ?? 0)) return { usage, source: "upstream" };
    return { usage: { ...(usage ?? UNCOUNTED), outputTokens: counted }, source: "counted" };
  }
}

export function saysOutput(usage: Usage | null): boolean {
  return usage !== null && usage.outputTokens !== null;
}

/** No call has more, and the sum over millions of calls still fits into a database's numbers. */
const MOST_TOKENS = 1e9;

/** A counter that can be added up: an upstream may send 1.5, -1 or 1e99, which would raise a budget, and which no database takes. */
function wholeCounts({ inputTokens, cacheReadTokens, cacheWriteTokens, cacheWrite1hTokens, outputTokens, reasoningTokens }: Usage): Usage {
  const counts: Usage = {
    inputTokens: wholeCount(inputTokens),
    cacheReadTokens: wholeCount(cacheReadTokens),
    cacheWriteTokens: wholeCount(cacheWriteTokens),
    outputTokens: wholeCount(outputTokens),
    reasoningTokens: wholeCount(reasoningTokens),
  };
  return cacheWrite1hTokens === undefined ? counts : { ...counts, cacheWrite1hTokens: wholeCount(cacheWrite1hTokens) ?? 0 };
}

function wholeCount(count: number | null): number | null {
  return count === null || !(count >= 0) ? null : Math.min(Math.ceil(count), MOST_TOKENS);
}

export const UNCOUNTED: Usage = {
  inputTokens: null,
  cacheReadTokens: null,
  cacheWriteTokens: null,
  outputTokens: null,
  reasoningTokens: null,
};
