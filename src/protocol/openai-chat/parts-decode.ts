// Room: openai-chat (row 2). Content parts: text, images, files, sound.
// In:  content of a message as a client sent it, or canonical parts.
// Out: canonical parts, or content as Chat Completions takes it, and what it cannot take.
// Never does: fetch a URL, or drop content without saying so.

import type { CacheMark, FilePart, ImagePart, Loss, MediaPart, Part, Source, TextPart } from "../canonical.ts";
import type { Fields } from "../fields.ts";
import { fileName } from "../tool-names.ts";
import { JsonText, rowOf } from "../../wire/json.ts";
import { decodeDataUrl, mediaTypeOf, utf8Of } from "./media.ts";
import type { Capabilities } from "./capabilities.ts";
import type { Unread } from "./unread.ts";
import type * as wire from "./wire.ts";

// ---- Decode --------------------------------------------------------------------------------------------------------

export function textPart(text: string, cache: CacheMark | null = null): TextPart {
  return { type: "text", text, annotations: [], cache, proof: null };
}

/** The parts of `content`: a string, an array of parts, or nothing. Empty text says nothing and is left out. */
export function decodeContent(message: Fields, key: string, unread: Unread): Part[] {
  const value = message.raw(key);
  if (value === undefined || value === null || value === "") return [];
  if (typeof value === "string") return [textPart(value)];
  if (!Array.isArray(value)) throw message.fail(key, "a string or an array of content parts");
  const parts = message.objects(key).map((fields) => {
    const part = decodePart(fields);
    unread.note(fields);
    return part;
  });
  return parts.filter((part) => part.type !== "text" || part.text !== "");
}

/** Content that can only be text: instructions. @throws GatewayError when it is anything else. */
export function decodeText(message: Fields, key: string, unread: Unread): TextPart[] {
  return decodeContent(message, key, unread).map((part) => {
    if (part.type !== "text") throw message.fail(key, "text alone");
    return part;
  });
}

function decodePart(part: Fields): Part {
  const type = part.text("type");
  const cache = decodeCache(part);
  switch (type) {
    case "text":
      return textPart(part.text("text"), cache);
    case "image_url":
      return decodeImage(part, cache);
    case "file":
      return decodeFile(part.object("file"), cache);
    case "input_audio": {
      const audio = part.object("input_audio");
      return { type: "audio", source: { type: "base64", mediaType: `audio/${audio.text("format")}`, data: audio.text("data") } };
    }
    case "refusal":
      return { type: "refusal", text: part.text("refusal") };
    default:
      return { type: "opaque", protocol: "openai-chat", name: type, value: part.whole(), severity: "refused" };
  }
}

function decodeImage(part: Fields, cache: CacheMark | null): Part {
  const value = part.raw("image_url");
  // Some clients send the URL itself in the place of the object.
  const image = typeof value === "string" ? null : part.object("image_url");
  const url = image === null ? part.text("image_url") : image.text("url");
  const detail = image === null ? null : image.optionalWord("detail", ["auto", "low", "high", "original"]);
  const source = decodeDataUrl(url) ?? ({ type: "url", url, mediaType: null } as const);
  if (source.mediaType === "application/pdf") return { type: "file", source, filename: null, context: null, citations: null, cache };
  return { type: "image", source, detail, cache };
}

function decodeFile(file: Fields, cache: CacheMark | null): FilePart {
  const filename = file.optionalText("filename");
  const id = file.optionalText("file_id");
  const data = file.optionalText("file_data");
  if (data === null && id === null) throw file.fail("file_data", "a data: URL, or file_id the id of an uploaded file");
  const source: Source =
    data === null
      ? { type: "file-id", id: id ?? "", owner: "openai-chat" }
      : (decodeDataUrl(data) ?? { type: "base64", mediaType: mediaTypeOf(data), data });
  return { type: "file", source, filename, context: null, citations: null, cache };
}

/** A cache mark, in OpenAI's own form or in Anthropic's, which many Chat clients send for Claude models. */
export function decodeCache(part: Fields): CacheMark | null {
  const mark = part.optionalObject("prompt_cache_breakpoint");
  if (mark !== null) return { ttl: mark.optionalText("ttl") === "12h" ? "1h" : null };
  const control = part.optionalObject("cache_control");
  return control === null ? null : { ttl: control.optionalWord("ttl", ["5m", "1h"]) };
}

// ---- Encode --------------------------------------------------------------------------------------------------------

/** What encoding the parts of one request may ask, and where it says what got lost. */
export interface Target {
  readonly model: Capabilities;
  /** The parts whose cache mark goes out. */
  readonly marked: ReadonlySet<Part>;
  readonly losses: Loss[];
  /** What the client calls its messages. */
  readonly field: string;
}

/** A content part of the wire, or one of Chat's own that is kept as it was written. */
export type Content = wire.ContentPart | JsonText;

/** Parts as content: a plain string where that is all there is to say. `separator` stands between texts that become one string. */
export function encodeContent(parts: readonly Content[], separator: string, model: Capabilities): string | Content[] {
  const texts: string[] = [];
  for (const part of parts) {
    if (part instanceof JsonText || part.type !== "text" || part.prompt_cache_breakpoint !== undefined) return [...parts];
    texts.push(part.text);
  }
  // Many compatible servers take strings alone.
  return texts.length <= 1 || !model.openai ? texts.join(separator) : [...parts];
}

export function encodeText(part: TextPart, target: Target): wire.TextContent {
  return { type: "text", text: part.text, ...breakpoint(part, target) };
}

/** A part as Chat content; several where one becomes several, none where Chat cannot carry it. */
export function encodePart(part: Part, target: Target): wire.ContentPart[] {
  switch (part.type) {
    case "text":
      return [encodeText(part, target)];
    case "image":
      return encodeImage(part, target);
    case "file":
      return encodeFile(part, target);
    case "audio":
    case "video":
      return encodeMedia(part, target);
    case "refusal":
      return part.text === "" ? [] : [{ type: "text", text: part.text }];
    default:
      return [];
  }
}

function encodeImage(part: ImagePart, target: Target): wire.ContentPart[] {
  const { source } = part;
  if (source.type === "file-id" || source.type === "text")
    return refuse(target, "image", "Chat Completions takes images by URL or as bytes.");
  const url =
    source.type === "url" ? source.url : `data:${source.mediaType ?? mediaTypeOf(source.data) ?? "image/png"};base64,${source.data}`;
  const image = part.detail === null ? { url } : { url, detail: part.detail };
  return [{ type: "image_url", image_url: image, ...breakpoint(part, target) }];
}

function encodeFile(part: FilePart, target: Target): wire.ContentPart[] {
  const { source, filename } = part;
  const context: wire.ContentPart[] = part.context === null ? [] : [{ type: "text", text: part.context }];
  if (part.citations === true) {
    target.losses.push({ field: `${target.field}.citations`, severity: "reported", reason: "Chat Completions does not cite documents." });
  }
  const asText = (text: string): wire.ContentPart[] => {
    const titled = filename === null ? text : `${filename}\n\n${text}`;
    return [...context, { type: "text", text: titled, ...breakpoint(part, target) }];
  };
  switch (source.type) {
    case "text":
      return asText(source.text);
    case "url":
      return refuse(target, "file", "Chat Completions takes files as bytes, not by URL.");
    case "file-id":
      if (!target.model.openai || !source.owner.startsWith("openai-")) {
        return refuse(target, "file", "The file was uploaded elsewhere; this model's upstream cannot read it.");
      }
      return [...context, { type: "file", file: { file_id: source.id }, ...breakpoint(part, target) }];
    case "base64": {
      const mediaType = source.mediaType ?? mediaTypeOf(source.data) ?? "application/pdf";
      if (mediaType.startsWith("text/")) return asText(utf8Of(source.data));
      const file = { filename: fileName(filename, mediaType), file_data: `data:${mediaType};base64,${source.data}` };
      return [...context, { type: "file", file, ...breakpoint(part, target) }];
    }
  }
}

const AUDIO_FORMATS: Readonly<Record<string, string>> = {
  "audio/wav": "wav",
  "audio/x-wav": "wav",
  "audio/wave": "wav",
  "audio/mp3": "mp3",
  "audio/mpeg": "mp3",
};

function encodeMedia({ type, source }: MediaPart, target: Target): wire.ContentPart[] {
  const format = source.type === "base64" && type === "audio" ? rowOf(AUDIO_FORMATS, source.mediaType ?? "") : undefined;
  if (format === undefined || source.type !== "base64") {
    return refuse(
      target,
      type,
      type === "audio" ? "Chat Completions takes sound as wav or mp3 bytes." : "Chat Completions takes no video.",
    );
  }
  return [{ type: "input_audio", input_audio: { data: source.data, format } }];
}

function breakpoint(
  part: Part & { readonly cache: CacheMark | null },
  { marked }: Target,
): { prompt_cache_breakpoint?: wire.CacheBreakpoint } {
  return part.cache === null || !marked.has(part) ? {} : encodeBreakpoint(part.cache);
}

export function encodeBreakpoint({ ttl }: CacheMark): { prompt_cache_breakpoint: wire.CacheBreakpoint } {
  return { prompt_cache_breakpoint: ttl === "1h" ? { mode: "explicit", ttl: "12h" } : { mode: "explicit" } };
}

/** A note in the place of what cannot be sent, for the model of a client that chose to go on. */
function refuse(target: Target, detail: string, reason: string): wire.ContentPart[] {
  target.losses.push({ field: `${target.field}.${detail}`, severity: "refused", reason });
  return [{ type: "text", text: `[${detail} left out: ${reason}]` }];
}
