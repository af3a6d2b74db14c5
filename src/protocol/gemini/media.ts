// inlineData and fileData -> canonical images, files, sounds and videos, and back; the resolution of images in the words of both.
// https://ai.google.dev/gemini-api/docs/file-input-methods (read 2026-11)
// Does not download anything: a public URL goes to Gemini as fileData, and Gemini fetches it.

import { isObject, print, rowOf, type Json, type JsonObject } from "../../wire/json.ts";
import type { FilePart, ImagePart, MediaPart, OpaquePart, Source } from "../canonical.ts";
import type { Fields } from "../fields.ts";

/** Files that only Google can read: in its Files API and its buckets. */
const GOOGLE_FILE = /^(?:gs:\/\/|https?:\/\/[^/]*googleapis\.com\/|files\/)/;
/** Videos that Gemini finds by their page. */
const YOUTUBE = /^https?:\/\/(?:www\.|m\.)?(?:youtube\.com|youtu\.be)\//;

// ---- Decode ------------------------------------------------------------------------------------------------------

const PLACES = [
  ["inlineData", "data"],
  ["fileData", "fileUri"],
] as const;

/** @throws GatewayError naming the member of a client's part that is not what it should be. */
export function checkMedia(part: Fields): void {
  for (const [key, place] of PLACES) {
    const media = part.optionalObject(key);
    if (media === null) continue;
    media.ignoreRest();
    media.text(place);
    media.optionalText("mimeType");
    media.optionalText("displayName");
  }
}

/** Null where a part holds no media. A file that only Google can read goes back to Google, or nowhere. */
export function decodeMedia(part: JsonObject): ImagePart | FilePart | MediaPart | OpaquePart | null {
  const { inlineData, fileData } = part;
  const media = isObject(inlineData) ? inlineData : fileData;
  if (!isObject(media)) return null;
  const declared = textOf(media["mimeType"]) || null;
  const name = textOf(media["displayName"]);
  if (media === inlineData) {
    const data = textOf(media["data"]) ?? "";
    const mediaType = declared ?? sniff(data);
    return mediaPart({ type: "base64", mediaType, data }, mediaType, name);
  }
  const url = textOf(media["fileUri"]) ?? "";
  if (GOOGLE_FILE.test(url)) return { type: "opaque", protocol: "gemini", name: "fileData", value: print(part), severity: "refused" };
  const source: Source = { type: "url", url, mediaType: declared };
  if (declared === null && YOUTUBE.test(url)) return { type: "video", source };
  return mediaPart(source, declared ?? typeOfExtension(url), name);
}

function textOf(value: Json | undefined): string | null {
  return typeof value === "string" ? value : null;
}

function mediaPart(source: Source, mediaType: string | null, filename: string | null): ImagePart | FilePart | MediaPart {
  const kind = mediaType?.split("/", 1)[0];
  if (kind === "image") return { type: "image", source, detail: null, cache: null };
  if (kind === "audio" || kind === "video") return { type: kind, source };
  return { type: "file", source, filename, context: null, citations: null, cache: null };
}

// ---- Encode ------------------------------------------------------------------------------------------------------

/**
 * The member with the bytes or their address; null for what Gemini has no place for: a file in another vendor's store,
 * and plain text, which becomes a text part.
 */
export function encodeMedia(source: Source, kind: "image" | "file" | "audio" | "video"): JsonObject | null {
  switch (source.type) {
    case "base64":
      return inline(source.mediaType, source.data, kind);
    case "url": {
      const data = DATA_URL.exec(source.url);
      if (data?.[3] !== undefined) return inline(data[1] || source.mediaType, inBase64(data[3], data[2] !== undefined), kind);
      const mimeType = source.mediaType ?? typeOfExtension(source.url);
      return { fileData: mimeType === null ? { fileUri: source.url } : { mimeType, fileUri: source.url } };
    }
    case "file-id":
      return source.owner === "gemini" ? { fileData: { fileUri: source.id } } : null;
    case "text":
      return null;
  }
}

const DATA_URL = /^data:([^;,]*)(?:;[^;,]*)*?(;base64)?,(.*)$/is;

function inBase64(data: string, already: boolean): string {
  const unescaped = withoutEscapes(data);
  if (already) return unescaped;
  let binary = "";
  for (const byte of new TextEncoder().encode(unescaped)) binary += String.fromCharCode(byte);
  return btoa(binary);
}

function withoutEscapes(data: string): string {
  if (!data.includes("%")) return data;
  try {
    return decodeURIComponent(data);
  } catch {
    return data;
  }
}

const FALLBACK_TYPE = { image: "image/png", file: "application/octet-stream", audio: "audio/wav", video: "video/mp4" } as const;

function inline(declared: string | null, data: string, kind: keyof typeof FALLBACK_TYPE): JsonObject {
  const sniffed = sniff(data);
  // A wrong type of an image is a 400, and its first bytes show the right one.
  const mimeType = sniffed !== null && (declared === null || kind === "image") ? sniffed : (declared ?? FALLBACK_TYPE[kind]);
  return { inlineData: { mimeType: mimeType === "image/jpg" ? "image/jpeg" : mimeType, data } };
}

// ---- Resolution --------------------------------------------------------------------------------------------------

const LEVEL_OF_DETAIL = {
  low: "MEDIA_RESOLUTION_LOW",
  high: "MEDIA_RESOLUTION_HIGH",
  original: "MEDIA_RESOLUTION_ULTRA_HIGH",
} as const;
const DETAILS = ["low", "high", "original"] as const;

/** Null for a resolution that has no counterpart. */
export function decodeResolution(resolution: Json | undefined): ImagePart["detail"] {
  const level = isObject(resolution) ? resolution["level"] : resolution;
  return DETAILS.find((detail) => LEVEL_OF_DETAIL[detail] === level) ?? null;
}

/** The member of a part; none where the client left it to the model. */
export function encodeResolution(detail: ImagePart["detail"]): JsonObject {
  return detail === null || detail === "auto" ? {} : { mediaResolution: { level: LEVEL_OF_DETAIL[detail] } };
}

// ---- Media types -------------------------------------------------------------------------------------------------

/** Base64 of the first bytes that identify a format. */
const MAGIC: readonly (readonly [string, string])[] = [
  ["iVBORw0KGgo", "image/png"],
  ["/9j/", "image/jpeg"],
  ["R0lGOD", "image/gif"],
  ["UklGR", "image/webp"],
  ["JVBERi0", "application/pdf"],
];
/** RIFF contains audio as well as WebP; `WEBP` is at byte 8. */
const WEBP = /^UklGR.{6}XRUJQ/;

function sniff(data: string): string | null {
  const found = MAGIC.find(([magic]) => data.startsWith(magic))?.[1] ?? null;
  return found === "image/webp" && !WEBP.test(data) ? null : found;
}

const EXTENSION = /\.([a-z0-9]+)(?:[?#]|$)/i;
const TYPES: Readonly<Record<string, string>> = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  webp: "image/webp",
  gif: "image/gif",
  heic: "image/heic",
  heif: "image/heif",
  pdf: "application/pdf",
  txt: "text/plain",
  md: "text/markdown",
  csv: "text/csv",
  html: "text/html",
  json: "application/json",
  mp3: "audio/mp3",
  wav: "audio/wav",
  mp4: "video/mp4",
  mov: "video/quicktime",
  webm: "video/webm",
};

function typeOfExtension(url: string): string | null {
  return rowOf(TYPES, EXTENSION.exec(url)?.[1]?.toLowerCase() ?? "") ?? null;
}
