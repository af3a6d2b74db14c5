// Prompt-cache marks, both directions: OpenAI's own form, and Anthropic's, which many Chat clients send for Claude models.
// Never sends more marks than a request may hold.

import type { CacheMark, Part, TextPart, Turn } from "../canonical.ts";
import type { Fields } from "../fields.ts";
import { WORDS, type CacheBreakpoint } from "./wire.ts";

export function decodeMark(fields: Fields): CacheMark | null {
  const mark = fields.optionalObject("prompt_cache_breakpoint")?.ignoreRest();
  if (mark !== undefined) return { ttl: mark.optionalText("ttl") === "12h" ? "1h" : null };
  const control = fields.optionalObject("cache_control")?.ignoreRest();
  return control === undefined ? null : { ttl: control.optionalWord("ttl", WORDS["cache_control.ttl"]) };
}

/** See `prompt_cache_options` in the source of wire.ts. */
const MAX_MARKS = 4;

/** The parts whose mark is sent: the last ones. */
export function markedParts(system: readonly TextPart[], turns: readonly Turn[]): ReadonlySet<Part> {
  const parts = turns
    .flatMap((turn) => turn.parts)
    .flatMap((part): Part[] => (part.type === "tool-result" ? [...part.content, part] : [part]));
  const marked = [...system, ...parts].filter((part) => "cache" in part && part.cache !== null && part.type !== "tool-call");
  return new Set(marked.slice(-MAX_MARKS));
}

/** The member with the part's mark, if that is sent. */
export function encodeMark(
  part: Part & { readonly cache: CacheMark | null },
  marked: ReadonlySet<Part>,
): { prompt_cache_breakpoint?: CacheBreakpoint } {
  if (part.cache === null || !marked.has(part)) return {};
  return { prompt_cache_breakpoint: part.cache.ttl === "1h" ? { mode: "explicit", ttl: "12h" } : { mode: "explicit" } };
}
