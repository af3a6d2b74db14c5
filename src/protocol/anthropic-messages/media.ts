// Room: anthropic-messages/media (row 2).
// In:  canonical sources of images and files.
// Out: the sources that Messages takes: jpeg, png, gif and webp images, PDF and plain text documents; null for anything else.
// Never does: download, or convert one format to another.

import type { Source } from "../canonical.ts";
import type * as wire from "./wire.ts";

/**
 * Beginnings of files, in base64, and what stands at the twelfth character (several formats begin with RIFF).
 * A declared type that the bytes contradict is an upstream's 400.
 */
const MAGIC: readonly (readonly [start: string, mediaType: string, twelfth?: string])[] = [
  ["iVBORw0KGgo", "image/png"],
  ["/9j/", "image/jpeg"],
  ["R0lGOD", "image/gif"],
  ["UklGR", "image/webp", "XRUJQ"],
  ["JVBERi", "application/pdf"],
];
const IMAGE_TYPES: ReadonlySet<string> = new Set(["image/jpeg", "image/png", "image/gif", "image/webp"]);

/** What the bytes are: by their beginning, otherwise as declared, without parameters. */
export function mediaTypeOf(source: Source): string | null {
  if (source.type === "text") return "text/plain";
  if (source.type === "base64") {
    const found = MAGIC.find(
      ([start, , rest]) => source.data.startsWith(start) && (rest === undefined || source.data.startsWith(rest, 11)),
    );
    if (found !== undefined) return found[1];
  }
  if (source.type === "file-id" || source.mediaType === null) return null;
  const declared = source.mediaType.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  return declared === "image/jpg" ? "image/jpeg" : declared;
}

/** The source of an image block, or null when Messages has none for it. */
export function imageSource(source: Source): wire.BlobSource | null {
  const mediaType = mediaTypeOf(source);
  switch (source.type) {
    case "base64":
      return mediaType !== null && IMAGE_TYPES.has(mediaType) ? { type: "base64", media_type: mediaType, data: source.data } : null;
    case "url":
      return { type: "url", url: source.url };
    case "file-id":
      return source.owner === "anthropic-messages" ? { type: "file", file_id: source.id } : null;
    case "text":
      return null;
  }
}

/** The source of a document block, or null when Messages has none for it. */
export function documentSource(source: Source): wire.BlobSource | null {
  const mediaType = mediaTypeOf(source);
  switch (source.type) {
    case "base64":
      if (mediaType === "application/pdf") return { type: "base64", media_type: mediaType, data: source.data };
      return mediaType !== null && isText(mediaType) ? textSource(source.data) : null;
    case "url":
      return { type: "url", url: source.url };
    case "file-id":
      return source.owner === "anthropic-messages" ? { type: "file", file_id: source.id } : null;
    case "text":
      return { type: "text", media_type: "text/plain", data: source.text };
  }
}

export function isImage(mediaType: string | null): boolean {
  return mediaType !== null && IMAGE_TYPES.has(mediaType);
}

function isText(mediaType: string): boolean {
  return mediaType.startsWith("text/") || mediaType === "application/json";
}

/** Null when the data is not base64 of UTF-8. */
function textSource(data: string): wire.BlobSource | null {
  try {
    const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
    return { type: "text", media_type: "text/plain", data: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch {
    return null;
  }
}
