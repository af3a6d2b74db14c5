// Web searches that ran upstream, both directions: a `server_tool_use` with the query and a `web_search_tool_result` with the pages.
// Never sends another maker's search back to Anthropic, which could not read its pages.

import { isObject, JsonText, parse, print, type JsonObject } from "../../wire/json.ts";
import type { WebSearch } from "../canonical.ts";
import { FOREIGN_INDEX, FOREIGN_SEARCH } from "./seals.ts";
import type * as wire from "./wire.ts";

export const SERVER_TOOL = "server_tool_use";
export const SEARCH_RESULT = "web_search_tool_result";

/** The search in a result block, with this query. */
export function decodeWebSearch(result: JsonObject, query: string): WebSearch {
  const { content } = result;
  const pages = Array.isArray(content) ? content.filter(isObject) : [];
  const sources = pages.flatMap(({ url, title }) => {
    return typeof url === "string" && url !== "" ? [{ url, title: typeof title === "string" && title !== "" ? title : null }] : [];
  });
  return { query, sources, hasFailed: isObject(content) };
}

/** The query of a server tool's call; "": none. */
export function queryOf({ input }: JsonObject): string {
  const value = input instanceof JsonText ? parse(input.text) : input;
  return isObject(value) && typeof value["query"] === "string" ? value["query"] : "";
}

/** The block of a call whose input is still to come, and that input. `id` distinguishes it from the others in its answer. */
export function encodeSearchCall(id: string, { query }: WebSearch): { readonly block: wire.ServerToolUse; readonly input: string } {
  const block: wire.ServerToolUse = { type: SERVER_TOOL, id: FOREIGN_SEARCH + id, name: "web_search", input: new JsonText("{}") };
  return { block, input: print({ query }) };
}

/** A page without a title gets its address: clients show titles. */
export function encodeSearchResult(id: string, { sources, hasFailed }: WebSearch): wire.WebSearchResult {
  const pages = sources.map(({ url, title }): wire.WebSearchPage => {
    return { type: "web_search_result", title: title ?? url, url, encrypted_content: FOREIGN_INDEX, page_age: null };
  });
  const content = hasFailed ? ({ type: "web_search_tool_result_error", error_code: "unavailable" } as const) : pages;
  return { type: SEARCH_RESULT, tool_use_id: FOREIGN_SEARCH + id, content };
}
