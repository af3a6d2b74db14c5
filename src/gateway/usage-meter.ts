// What is known of an answer while it passes, and after: usage, how it ended, the error in it, and how much text the client got.
// Does not change the answer.

import type { UsageSource } from "../access/store.ts";
import type { GatewayError } from "../errors.ts";
import type { FinishReason, Reply, ReplyEvent, Usage } from "../protocol/canonical.ts";
import { utf8Length } from "../protocol/delta-text.ts";
import { unfold } from "../protocol/fold.ts";

/** Of text, in any language: Chinese takes three bytes a character, and about as many tokens for its bytes as English. */
export const BYTES_PER_TOKEN = 4;

export interface UsageTotal {
  /** Null: nothing was generated, as far as anybody can tell. */
  readonly usage: Usage | null;
  readonly source: UsageSource;
}

const none = (): number => 0;
const never = (): boolean => false;

export class UsageMeter {
  usage: Usage | null = null;
  finish: FinishReason | null = null;
  error: GatewayError | null = null;
  /** Finds out how much text passed unparsed, in UTF-8 bytes; asked only where the upstream has not said its usage. */
  passedTextBytes: () => number = none;
  /** Whether what passed last, unparsed, is reasoning; asked only by whoever watches. */
  passedReasoning: () => boolean = never;
  /** Of the part that began last. */
  #seesReasoning = false;
  /** UTF-8 bytes of text, reasoning and arguments that were seen. */
  #seenTextBytes = 0;

  see(event: ReplyEvent): void {
    if (event.type === "part-delta") this.#seenTextBytes += utf8Length(event.text);
    else if (event.type === "part-start") this.#seesReasoning = event.part.type === "reasoning";
    else if (event.type === "usage") this.usage = event.usage;
    else if (event.type === "reply-end") this.finish = event.finish;
    else if (event.type === "reply-error") this.error = event.error;
  }

  /** A non-streaming answer; its text is counted where it does not say its output. */
  seeReply(reply: Reply): void {
    if (saysOutput(reply.usage)) ({ usage: this.usage, finish: this.finish } = reply);
    else for (const event of unfold(reply)) this.see(event);
  }

  get isReasoning(): boolean {
    return this.#seesReasoning || this.passedReasoning();
  }

  /** So far, roughly. */
  get outputTokens(): number {
    if (this.finish !== null) return this.usage?.outputTokens ?? 0;
    return Math.ceil((this.#seenTextBytes + this.passedTextBytes()) / BYTES_PER_TOKEN);
  }

  /**
   * What the upstream said, with the output counted from what was delivered where an answer ended before it said so: at its beginning
   * Messages names a few tokens of output, and Chat nothing at all.
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

/** No call has more; the sum of millions of calls is a number that a database holds. */
const MOST_TOKENS = 1e9;

/** What can be added up: an upstream may say 1.5, -1 or 1e99, which would lift a budget, and which no database takes. */
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
