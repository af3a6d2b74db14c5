// Citations of web pages, both directions. Citations that point into OpenAI's own stores mean nothing elsewhere and are left out.

import { isObject, type Json } from "../../wire/json.ts";
import type { Annotation } from "../canonical.ts";
import type * as wire from "./wire.ts";

/** Empty for other kinds of citation. */
export function decodeAnnotation(value: Json): Annotation[] {
  if (!isObject(value) || value["type"] !== "url_citation" || typeof value["url"] !== "string") return [];
  const { title, start_index: start, end_index: end } = value;
  return [
    {
      type: "url-citation",
      url: value["url"],
      title: typeof title === "string" ? title : null,
      start: typeof start === "number" ? start : null,
      end: typeof end === "number" ? end : null,
      quote: null,
    },
  ];
}

/** Fills in what the API requires and an upstream may have omitted, from the surrounding text. */
export function encodeAnnotation({ url, title, start, end }: Annotation, textLength: number): wire.UrlCitation {
  return { type: "url_citation", url, title: title ?? url, start_index: start ?? 0, end_index: end ?? textLength };
}
