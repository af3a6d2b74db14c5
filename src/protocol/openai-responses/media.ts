// Room: openai-responses (row 2), content parts.
// In:  the content of a message or of a tool's output, and canonical parts.
// Out: the one from the other: text, images, files.
// Never does: fetch, convert or drop a file; what has no place here comes out as an opaque part or as a loss.

import { isObject, print, type Json } from "../../wire/json.ts";
import type { Annotation, CacheMark, FilePart, ImagePart, Loss, MediaPart, Part, Source, TextPart } from "../canonical.ts";
import type { Fields } from "../fields.ts";
import { fileName } from "../tool-names.ts";
import type * as wire from "./wire.ts";

// ---- Decoding ----------------------------------------------------------------------------------------------------

/** A message's content: a string is one text. Unknown parts come as opaque ones, each wrapped as a message of its own. */
export function decodeContent(owner: Fields, key: string): Part[] {
  const content = owner.raw(key);
  if (content === undefined || content === null) return [];
  if (typeof content === "string") return content === "" ? [] : [textPart(content)];
  if (!Array.isArray(content)) throw owner.fail(key, "a string or an array of parts");
  return owner.objects(key).flatMap((part) => decodePart(part, owner));
}

function decodePart(part: Fields, owner: Fields): Part[] {
  const type = part.text("type");
  switch (type) {
    case "input_text":
    case "output_text":
    case "text": {
      const text = part.text("text");
      const annotations = part.list("annotations").flatMap(decodeAnnotation);
      return text === "" ? [] : [{ ...textPart(text), annotations, cache: cacheOf(part) }];
    }
    case "refusal":
      return [{ type: "refusal", text: part.text("refusal") }];
    case "input_image":
      return [decodeImage(part)];
    case "input_file":
      return [decodeFile(part)];
    case "input_audio": {
      const audio = part.object("input_audio");
      const mediaType = audio.text("format") === "mp3" ? "audio/mpeg" : `audio/${audio.text("format")}`;
      return [{ type: "audio", source: { type: "base64", mediaType, data: audio.text("data") } }];
    }
    default: {
      const role = owner.raw("role") ?? "user";
      const value = `{"type":"message","role":${print(role)},"content":[${part.whole()}]}`;
      return [{ type: "opaque", protocol: "openai-responses", name: type, value, severity: "refused" }];
    }
  }
}

export function textPart(text: string): TextPart {
  return { type: "text", text, annotations: [], cache: null, proof: null };
}

function cacheOf(part: Fields): CacheMark | null {
  return part.has("prompt_cache_breakpoint") ? { ttl: null } : null;
}

function decodeImage(part: Fields): ImagePart | FilePart {
  const url = part.optionalText("image_url");
  const id = part.optionalText("file_id");
  const cache = cacheOf(part);
  if (url === null && id === null) throw part.fail("image_url", "a URL, a data URL, or file_id in its place");
  const source: Source = url === null ? { type: "file-id", id: id ?? "", owner: "openai-responses" } : sourceOfUrl(url);
  // Some clients send every attachment as an image; a PDF is a document all the same.
  if (source.type === "base64" && source.mediaType === "application/pdf") {
    return { type: "file", source, filename: null, context: null, citations: null, cache };
  }
  return { type: "image", source, detail: part.optionalWord("detail", ["auto", "low", "high", "original"]), cache };
}

function decodeFile(part: Fields): FilePart {
  const data = part.optionalText("file_data");
  const url = part.optionalText("file_url");
  const id = part.optionalText("file_id");
  let source: Source;
  if (data !== null) source = data.startsWith("data:") ? sourceOfUrl(data) : { type: "base64", mediaType: sniff(data), data };
  else if (url !== null) source = sourceOfUrl(url);
  else if (id !== null) source = { type: "file-id", id, owner: "openai-responses" };
  else throw part.fail("file_data", "base64 data, or file_url or file_id in its place");
  return { type: "file", source, filename: part.optionalText("filename"), context: null, citations: null, cache: cacheOf(part) };
}

/** Data URLs hold their bytes, with or without parameters, in base64 or percent-encoded; any other URL is one to fetch. */
function sourceOfUrl(url: string): Source {
  const comma = url.indexOf(",");
  if (!url.startsWith("data:") || comma === -1) return { type: "url", url, mediaType: null };
  const [mediaType = "", ...parameters] = url.slice("data:".length, comma).split(";");
  const body = url.slice(comma + 1);
  const data = parameters.at(-1) === "base64" ? body : base64OfPercentEncoded(body);
  return { type: "base64", mediaType: mediaType === "" ? null : mediaType.toLowerCase(), data };
}

function base64OfPercentEncoded(text: string): string {
  let binary = "";
  for (let index = 0; index < text.length; index++) {
    const code = text[index] === "%" ? Number.parseInt(text.slice(index + 1, index + 3), 16) : Number.NaN;
    if (Number.isNaN(code)) {
      for (const byte of UTF8.encode(text[index])) binary += String.fromCharCode(byte);
    } else {
      binary += String.fromCharCode(code);
      index += 2;
    }
  }
  return btoa(binary);
}

const UTF8 = new TextEncoder();

/** How base64 of a known kind of file begins. */
const MAGIC: readonly (readonly [string, string])[] = [
  ["JVBERi", "application/pdf"],
  ["iVBORw0KGgo", "image/png"],
  ["/9j/", "image/jpeg"],
  ["R0lGOD", "image/gif"],
  ["UklGR", "image/webp"],
];

function sniff(base64: string): string | null {
  return MAGIC.find(([start]) => base64.startsWith(start))?.[1] ?? null;
}

/** A `url_citation`; others point into stores of their own. */
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

// ---- Encoding ----------------------------------------------------------------------------------------------------

export interface PartOptions {
  /** Whether the model takes cache breakpoints. */
  readonly breakpoints: boolean;
  /** Whether the client speaks this protocol itself, and so knows what it left out. */
  readonly own: boolean;
  /** The client's name for the conversation, for losses. */
  readonly field: string;
  readonly lose: (loss: Loss) => void;
}

/** A part of the user's or a tool's content; what has no place here becomes a loss. */
export function encodePart(part: Part, options: PartOptions): wire.InputContent[] {
  const mark = "cache" in part && part.cache !== null && options.breakpoints ? BREAKPOINT : {};
  switch (part.type) {
    case "text":
      return part.text === "" ? [] : [{ type: "input_text", text: part.text, ...mark }];
    case "refusal":
      return part.text === "" ? [] : [{ type: "input_text", text: part.text }];
    case "image":
      return encodeImage(part, options).map((image) => ({ ...image, ...mark }));
    case "file":
      return encodeFile(part, options).map((file) => ({ ...file, ...mark }));
    case "audio":
    case "video":
      return encodeMedia(part, options);
    default:
      return [];
  }
}

/** Sound has a place in the API, but no model that answers in text takes it; a client of this protocol may know one that does. */
function encodeMedia({ type, source }: MediaPart, options: PartOptions): wire.InputContent[] {
  const isOwn = options.own && type === "audio" && source.type === "base64";
  if (!isOwn) return lost(options, type, `The Responses API takes no ${type}.`);
  const format = source.mediaType === "audio/mpeg" ? "mp3" : (source.mediaType?.slice("audio/".length) ?? "wav");
  return [{ type: "input_audio", input_audio: { data: source.data, format } }];
}

const BREAKPOINT: { prompt_cache_breakpoint?: wire.CacheBreakpoint } = { prompt_cache_breakpoint: { mode: "explicit" } };

function encodeImage({ source, detail }: ImagePart, options: PartOptions): wire.InputContent[] {
  const image: wire.InputImage = detail === null ? { type: "input_image" } : { type: "input_image", detail };
  switch (source.type) {
    case "url":
      return [{ ...image, image_url: source.url }];
    case "base64":
      return [{ ...image, image_url: dataUrl(source.mediaType ?? sniff(source.data) ?? "image/png", source.data) }];
    case "file-id":
      return isOpenAi(source) ? [{ ...image, file_id: source.id }] : lost(options, "image", FOREIGN_FILE);
    case "text":
      return lost(options, "image", "An image has to be bytes or a URL, not text.");
  }
}

function encodeFile({ source, filename, context, citations }: FilePart, options: PartOptions): wire.InputContent[] {
  if (citations === true) {
    options.lose({
      field: `${options.field}.citations`,
      severity: "reported",
      reason: "The Responses API cites no documents of the request.",
    });
  }
  const file: wire.InputFile = filename === null ? { type: "input_file" } : { type: "input_file", filename };
  const before: wire.InputContent[] = context === null ? [] : [{ type: "input_text", text: context }];
  switch (source.type) {
    case "url":
      return [...before, { ...file, file_url: source.url }];
    case "base64": {
      const mediaType = source.mediaType ?? sniff(source.data);
      if (!options.own) file.filename = fileName(filename, mediaType);
      return [...before, { ...file, file_data: mediaType === null ? source.data : dataUrl(mediaType, source.data) }];
    }
    case "file-id":
      return isOpenAi(source) ? [...before, { ...file, file_id: source.id }] : lost(options, "file", FOREIGN_FILE);
    case "text":
      return [...before, { type: "input_text", text: filename === null ? source.text : `${filename}\n\n${source.text}` }];
  }
}

const FOREIGN_FILE = "A file's id is known only to the provider that stores the file; send its bytes or a URL.";

function isOpenAi(source: { readonly owner: string }): boolean {
  return source.owner === "openai-responses" || source.owner === "openai-chat";
}

/** A note in the place of what cannot be sent, for the model of a client that chose to go on. */
function lost({ field, lose }: PartOptions, detail: string, reason: string): wire.InputText[] {
  lose({ field: `${field}.${detail}`, severity: "refused", reason });
  return [{ type: "input_text", text: `[${detail} left out: ${reason}]` }];
}

function dataUrl(mediaType: string, data: string): string {
  return `data:${mediaType};base64,${data}`;
}

/** What the Responses API requires of a citation, and the canonical form may not know, is filled from the text around it. */
export function encodeAnnotation({ url, title, start, end }: Annotation, textLength: number): wire.UrlCitation {
  return { type: "url_citation", url, title: title ?? url, start_index: start ?? 0, end_index: end ?? textLength };
}
