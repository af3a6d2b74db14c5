// Sources, both directions: `groundingMetadata` and `citationMetadata` count in UTF-8 bytes, canonical annotations in UTF-16 units.
// https://ai.google.dev/gemini-api/docs/google-search (read 2026-11)
// Does not trust an offset that does not fit: the quoted text decides, and without a match a citation has no position.

import { isObject, type Json, type JsonObject } from "../../wire/json.ts";
import type { Annotation, WebSearch } from "../canonical.ts";
import { ByteOffsets } from "./byte-offsets.ts";

// ---- Decode ------------------------------------------------------------------------------------------------------

/** The sources of one text part: supported passages first, then sources of the whole part. */
export function decodeGrounding(candidate: JsonObject, text: string): Annotation[] {
  const annotations: Annotation[] = [];
  const places = new Places(text);
  const grounding = candidate["groundingMetadata"];
  if (isObject(grounding)) {
    const sources = list(grounding["groundingChunks"]).map(sourceOf);
    const used = new Set<number>();
    for (const support of list(grounding["groundingSupports"]).filter(isObject)) {
      const place = places.of(isObject(support["segment"]) ? support["segment"] : {});
      for (const index of list(support["groundingChunkIndices"])) {
        const source = typeof index === "number" ? sources[index] : undefined;
        if (source === undefined || source === null || typeof index !== "number") continue;
        used.add(index);
        annotations.push({ type: "url-citation", ...source, ...place, quote: null });
      }
    }
    sources.forEach((source, index) => {
      if (source !== null && !used.has(index)) annotations.push({ type: "url-citation", ...source, start: null, end: null, quote: null });
    });
  }
  const citations = candidate["citationMetadata"];
  for (const citation of isObject(citations) ? list(citations["citations"] ?? citations["citationSources"]).filter(isObject) : []) {
    const { uri, title } = citation;
    if (typeof uri !== "string" || uri === "") continue;
    annotations.push({
      type: "url-citation",
      url: uri,
      title: typeof title === "string" ? title : null,
      ...places.of(citation),
      quote: null,
    });
  }
  return annotations;
}

/** The searches behind the sources, one for each query. It is not reported which found what, so the first one gets all sources. */
export function decodeSearches(candidate: JsonObject): WebSearch[] {
  const grounding = candidate["groundingMetadata"];
  if (!isObject(grounding)) return [];
  const found = list(grounding["groundingChunks"]).flatMap((chunk) => sourceOf(chunk) ?? []);
  const queries = list(grounding["webSearchQueries"]).filter((query) => typeof query === "string");
  return queries.map((query, index) => ({ query, sources: index === 0 ? found : [], hasFailed: false }));
}

function list(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}

function sourceOf(chunk: Json): { url: string; title: string | null } | null {
  if (!isObject(chunk)) return null;
  for (const key of ["web", "retrievedContext", "maps", "image"]) {
    const source = chunk[key];
    if (!isObject(source)) continue;
    const url = source["uri"] ?? source["sourceUri"];
    if (typeof url === "string" && url !== "") return { url, title: typeof source["title"] === "string" ? source["title"] : null };
  }
  return null;
}

interface Place {
  readonly start: number | null;
  readonly end: number | null;
}

/** In characters: a search this long goes unnoticed. Without a limit, each quote that is not found would be searched for in the whole text. */
const MAX_SEARCHED = 100_000_000;

/** Finds the positions of passages in a text. */
class Places {
  readonly #text: string;
  readonly #offsets: ByteOffsets;
  #searched = 0;

  constructor(text: string) {
    this.#text = text;
    this.#offsets = new ByteOffsets(text);
  }

  of(segment: JsonObject): Place {
    const from = typeof segment["startIndex"] === "number" ? segment["startIndex"] : 0;
    const to = segment["endIndex"];
    const quoted = typeof segment["text"] === "string" ? segment["text"] : null;
    if (typeof to === "number" && to > from) {
      const start = this.#offsets.unitsAt(from);
      const end = this.#offsets.unitsAt(to);
      if (start !== null && end !== null && (quoted === null || this.#stands(quoted, { start, end }))) return { start, end };
    }
    // The offsets count in Google's own parts, which a stream does not show.
    const start = quoted === null || quoted === "" ? -1 : this.#find(quoted);
    return start === -1 || quoted === null ? { start: null, end: null } : { start, end: start + quoted.length };
  }

  #stands(quoted: string, { start, end }: { readonly start: number; readonly end: number }): boolean {
    return quoted.length === end - start && this.#text.startsWith(quoted, start);
  }

  #find(quoted: string): number {
    if (this.#searched > MAX_SEARCHED) return -1;
    const found = this.#text.indexOf(quoted);
    this.#searched += found === -1 ? this.#text.length : found;
    return found;
  }
}

// ---- Encode ------------------------------------------------------------------------------------------------------

/** An annotation and the text of its part. */
export interface Cited {
  readonly annotation: Annotation;
  readonly text: string;
  readonly offsets: ByteOffsets;
  /** Bytes of the parts before this one. */
  readonly bytesBefore: number;
}

/** Limit in characters on all quoted passages, since each may be the whole text. The rest have only their offsets. */
const MAX_QUOTED = 4_000_000;

/** Null when nothing is cited and nothing was searched. */
export function encodeGrounding(cited: readonly Cited[], searches: readonly WebSearch[]): JsonObject | null {
  if (cited.length === 0 && searches.length === 0) return null;
  const chunks: Json[] = [];
  const supports: Json[] = [];
  const places = new Map<string, number>();
  let quoted = 0;
  for (const { annotation, text, offsets, bytesBefore } of cited) {
    const { url, title, start, end } = annotation;
    const key = JSON.stringify([url, title]);
    const known = start === null ? undefined : places.get(key);
    const index = known ?? chunks.push({ web: { uri: url, ...(title === null ? {} : { title }) } }) - 1;
    if (start === null || end === null) continue;
    places.set(key, index);
    const startIndex = bytesBefore + offsets.bytesAt(start);
    const endIndex = bytesBefore + Math.max(offsets.bytesAt(start), offsets.bytesAt(end));
    const passage = text.slice(start, end);
    quoted += passage.length;
    const segment = { startIndex, endIndex, ...(quoted > MAX_QUOTED ? {} : { text: passage }) };
    supports.push({ segment, groundingChunkIndices: [index] });
  }
  return {
    ...(searches.length > 0 ? { webSearchQueries: searches.map(({ query }) => query) } : {}),
    groundingChunks: chunks,
    ...(supports.length > 0 ? { groundingSupports: supports } : {}),
  };
}
