// Pages that a Chat upstream lists with its answer, in various providers' members; OpenAI's own are `annotations` of the message.
// Never makes up a position in the text: a list applies to the whole answer.
// Perplexity: `citations`, `search_results`; xAI: `citations`; Z.ai: `web_search`; Alibaba: `search_info` (all read 2026-11).

import type { SearchSource } from "../canonical.ts";
import { objectOf, textOf, type Chunk } from "./wire.ts";

const WEB_ADDRESS = /^https?:\/\//;

interface Listed {
  readonly url?: unknown;
  readonly link?: unknown;
  readonly title?: unknown;
}

/** Each page once, in the order of the list; null: the chunk has none. Lists of a stream repeat and grow. */
export function decodeCitations({ citations, search_results, web_search, search_info }: Chunk): readonly SearchSource[] | null {
  // Nearly every chunk.
  if (citations === undefined && search_results === undefined && web_search === undefined && search_info === undefined) return null;
  const nested = objectOf<{ readonly search_results?: unknown }>(search_info)?.search_results;
  const lists = [citations, search_results, web_search, nested].filter((list): list is unknown[] => Array.isArray(list));
  if (lists.length === 0) return null;
  const found = new Map<string, string | null>();
  for (const item of lists.flat()) {
    const listed = objectOf<Listed>(item);
    const url = textOf(item) || textOf(listed?.url) || textOf(listed?.link);
    if (WEB_ADDRESS.test(url)) found.set(url, found.get(url) ?? (textOf(listed?.title) || null));
  }
  return [...found].map(([url, title]) => ({ url, title }));
}
