// Sources, both directions: `groundingMetadata` and `citationMetadata` count in UTF-8 bytes, canonical annotations in UTF-16 units.
// https://ai.google.dev/gemini-api/docs/google-search (read 2026-11)
// Never does: trust an offset that does not fit: the quoted text decides, and without a match a citation has no place.

import { isObject, type Json, type JsonObject } from "../../wire/json.ts";
import type { Annotation, WebSearch } from "../canonical.ts";

const utf8 = new TextEncoder();

// ---- Decode ------------------------------------------------------------------------------------------------------

/** The sources of one text part; supported passages first, then sources that stand for the whole. */
export function decodeGrounding(candidate: JsonObject, text: string): Annotation[] {
  const annotations: Annotation[] = [];
  const grounding = candidate["groundingMetadata"];
  if (isObject(grounding)) {
    const sources = list(grounding["groundingChunks"]).map(sourceOf);
    const used = new Set<number>();
    for (const support of list(grounding["groundingSupports"]).filter(isObject)) {
      const place = placeOf(isObject(support["segment"]) ? support["segment"] : {}, text);
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
      ...placeOf(citation, text),
      quote: null,
    });
  }
  return annotations;
}

/** The searches behind the sources, one a query; which of them found what is not said, so the first one has all. */
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

function placeOf(segment: JsonObject, text: string): { start: number | null; end: number | null } {
  const from = typeof segment["startIndex"] === "number" ? segment["startIndex"] : 0;
  const to = segment["endIndex"];
  const quoted = segment["text"];
  if (typeof to === "number" && to > from) {
    const bytes = utf8.encode(text);
    const start = unitsOf(bytes, from);
    const end = unitsOf(bytes, to);
    if (start !== null && end !== null && (typeof quoted !== "string" || text.slice(start, end) === quoted)) return { start, end };
  }
  // Offsets are of Google's own parts, which a stream does not show.
  const start = typeof quoted === "string" && quoted !== "" ? text.indexOf(quoted) : -1;
  return start === -1 || typeof quoted !== "string" ? { start: null, end: null } : { start, end: start + quoted.length };
}

const decoder = new TextDecoder();

/** How many UTF-16 units the first bytes hold; null beyond the end. */
function unitsOf(bytes: Uint8Array, count: number): number | null {
  return count > bytes.length ? null : decoder.decode(bytes.subarray(0, count)).length;
}

// ---- Encode ------------------------------------------------------------------------------------------------------

/** An annotation and the text of the part that it is about; `before` is the text of the parts in front of it. */
export interface Cited {
  readonly annotation: Annotation;
  readonly before: string;
  readonly text: string;
}

/** Null when there is nothing to cite and nothing was searched. */
export function encodeGrounding(cited: readonly Cited[], searches: readonly WebSearch[]): JsonObject | null {
  if (cited.length === 0 && searches.length === 0) return null;
  const chunks: Json[] = [];
  const supports: Json[] = [];
  const places = new Map<string, number>();
  for (const { annotation, before, text } of cited) {
    const { url, title, start, end } = annotation;
    const key = JSON.stringify([url, title]);
    const known = start === null ? undefined : places.get(key);
    const index = known ?? chunks.push({ web: { uri: url, ...(title === null ? {} : { title }) } }) - 1;
    if (start === null || end === null) continue;
    places.set(key, index);
    const startIndex = utf8.encode(before + text.slice(0, start)).length;
    const passage = text.slice(start, end);
    const segment = { startIndex, endIndex: startIndex + utf8.encode(passage).length, text: passage };
    supports.push({ segment, groundingChunkIndices: [index] });
  }
  return {
    ...(searches.length > 0 ? { webSearchQueries: searches.map(({ query }) => query) } : {}),
    groundingChunks: chunks,
    ...(supports.length > 0 ? { groundingSupports: supports } : {}),
  };
}
