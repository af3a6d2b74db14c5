// The result of parsing an answer: its content, independent of a protocol, and the rules of its protocol that it breaks.
// A rule is something that an official client throws on, silently loses, or misreads. What all clients tolerate is not a rule.

import type { Call, Json } from "../wire.ts";

/** Counters include each other: `inputTokens` includes cached ones, `outputTokens` those of reasoning. Null: not reported. */
export interface Counted {
  readonly inputTokens: number | null;
  readonly cachedTokens: number | null;
  readonly outputTokens: number | null;
  readonly reasoningTokens: number | null;
}

/** Filled in by a parser as it goes. */
export interface Said {
  id: string;
  text: string;
  reasoning: string;
  readonly calls: Call[];
  /** The protocol's word; null: none. */
  finish: string | null;
  usage: Counted | null;
  error: { readonly message: string; readonly type: string } | null;
  /** Whether the client takes the answer for complete. */
  isComplete: boolean;
  /** The assistant's turn, as a client sends it back. */
  readonly turns: Json[];
}

export function nothingSaid(): Said {
  return { id: "", text: "", reasoning: "", calls: [], finish: null, usage: null, error: null, isComplete: false, turns: [] };
}

export interface Rule {
  readonly expected: string;
  readonly breaks: string;
}

export interface Fault {
  /** A name in the table of rules. */
  readonly rule: string;
  readonly came: string;
}

export class Faults {
  readonly list: Fault[] = [];

  /** Notes a fault where the condition is false, and returns the condition. */
  hold(condition: boolean, rule: string, came: () => string): boolean {
    if (!condition) this.list.push({ rule, came: came() });
    return condition;
  }
}

/** One block of a stream of server-sent events. */
export interface Block {
  readonly event: string | null;
  readonly data: string;
  /** As it arrived. */
  readonly raw: string;
}

/** Blocks with data, and what follows the last blank line. */
export function blocksOf(text: string): { readonly blocks: readonly Block[]; readonly rest: string } {
  const pieces = text.replace(/^\uFEFF/, "").split(/\r\n\r\n|\n\n|\r\r/);
  const rest = pieces.pop() ?? "";
  return { blocks: pieces.map(blockOf).filter((block) => block !== null), rest };
}

function blockOf(raw: string): Block | null {
  let event: string | null = null;
  const data: string[] = [];
  for (const line of raw.split(/\r\n|\n|\r/)) {
    const [, name, value = ""] = /^(\w+)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (name === "event") event = value;
    if (name === "data") data.push(value);
  }
  return data.length === 0 ? null : { event, data: data.join("\n"), raw };
}

export interface Read {
  readonly said: Said;
  readonly faults: readonly Fault[];
}
