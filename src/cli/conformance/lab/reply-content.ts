// What the lab's model says, independent of a protocol, and its token counts.

import type { Call } from "../wire.ts";

export type Finish = "end" | "calls" | "length" | "filtered";

export interface ReplyContent {
  readonly text: string;
  readonly reasoning: string;
  readonly calls: readonly Call[];
  readonly finish: Finish;
  /** Replaces the protocol's own word for `finish`. */
  readonly word?: string;
}

export const COUNTED = { inputTokens: 120, cachedTokens: 100, outputTokens: 30, reasoningTokens: 10 } as const;

/** Every character matters: a combined emoji, two alphabets, quotes, a backslash, a tab and line ends. */
export const ODD_TEXT = 'Grüße, 世界 👩‍👩‍👧! "Quoted" \\ back\tslash\nand a second line.';
export const PLAIN_TEXT = "One two three four five six.";
export const THOUGHT = "First think, then answer.";
/** Numbers beyond a double, unsorted keys, and white space. */
export const ODD_ARGUMENTS = '{"zeta": 9007199254740993, "location": "Zürich", "alpha": {"b": 1, "a": [1.0, 2]}}';

export function contentOf(said: Partial<ReplyContent> = {}): ReplyContent {
  const calls = said.calls ?? [];
  return { text: calls.length === 0 ? PLAIN_TEXT : "", reasoning: "", finish: calls.length === 0 ? "end" : "calls", ...said, calls };
}

export function callOf(id: string, words: string, name = "get_weather"): Call {
  return { id, name, arguments: words };
}
