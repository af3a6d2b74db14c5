// Web searches that ran upstream: `web_search_call` items, both directions.
// Never makes up a page that was not found.

import { isObject, type Json, type JsonObject } from "../../wire/json.ts";
import type { WebSearch } from "../canonical.ts";

export const WEB_SEARCH_CALL = "web_search_call";

/** An item's search: its query, or the page that was opened or searched, which is then its only source. */
export function decodeWebSearch(item: JsonObject): WebSearch {
  const action = isObject(item["action"]) ? item["action"] : {};
  const [first] = Array.isArray(action["queries"]) ? action["queries"] : [];
  const page = textOf(action["url"]);
  const sources = (Array.isArray(action["sources"]) ? action["sources"] : []).filter(isObject).flatMap(({ url, title }) => {
    return typeof url === "string" && url !== "" ? [{ url, title: typeof title === "string" ? title : null }] : [];
  });
  return {
    query: textOf(action["query"]) || textOf(first) || textOf(action["pattern"]) || page,
    sources: sources.length === 0 && page !== "" ? [{ url: page, title: null }] : sources,
    hasFailed: item["status"] === "failed",
  };
}

export function encodeWebSearch(id: string, { query, sources, hasFailed }: WebSearch): JsonObject {
  const found = sources.map(({ url }) => ({ type: "url", url }));
  const action = { type: "search", query, queries: [query], sources: found };
  return { type: WEB_SEARCH_CALL, id, status: hasFailed ? "failed" : "completed", action };
}

function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}
