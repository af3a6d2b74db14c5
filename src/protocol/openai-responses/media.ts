// Images, files and audio, both directions. Whatever has no place here becomes a loss, and a note for the model.
// Never fetches or converts a file.

import type { CacheMark, FilePart, ImagePart, MediaPart, Source } from "../canonical.ts";
import type { Fields } from "../fields.ts";
import { fileName } from "../tool-names.ts";
import type { Target } from "./target.ts";
import { WORDS } from "./wire.ts";
import type * as wire from "./wire.ts";

// ---- Decoding ----------------------------------------------------------------------------------------------------

export function decodeAudio(part: Fields): MediaPart {
  const audio = part.object("input_audio");
  audio.ignoreRest();
  const format = audio.text("format");
  const mediaType = format === "mp3" ? "audio/mpeg" : `audio/${format}`;
  return { type: "audio", source: { type: "base64", mediaType, data: audio.text("data") } };
}

/** @throws GatewayError when the image has neither data nor an address. */
export function decodeImage(part: Fields, cache: CacheMark | null): ImagePart | FilePart {
  const url = part.optionalText("image_url");
  const id = part.optionalText("file_id");
  if (url === null && id === null) throw part.fail("image_url", "a URL, a data URL, or file_id in its place");
  const source: Source = url === null ? { type: "file-id", id: id ?? "", owner: "openai-responses" } : sourceOfUrl(url);
  // Some clients send every attachment as an image; a PDF is still a document.
  if (source.type === "base64" && source.mediaType === "application/pdf") {
    return { type: "file", source, filename: null, context: null, citations: null, cache };
  }
  return { type: "image", source, detail: part.optionalWord("detail", WORDS["input.detail"]), cache };
}

/** @throws GatewayError when the file has neither data nor an address. */
export function decodeFile(part: Fields, cache: CacheMark | null): FilePart {
  const data = part.optionalText("file_data");
  const url = part.optionalText("file_url");
  const id = part.optionalText("file_id");
  let source: Source;
  if (data !== null) source = data.startsWith("data:") ? sourceOfUrl(data) : { type: "base64", mediaType: sniff(data), data };
  else if (url !== null) source = sourceOfUrl(url);
  else if (id !== null) source = { type: "file-id", id, owner: "openai-responses" };
  else throw part.fail("file_data", "base64 data, or file_url or file_id in its place");
  return { type: "file", source, filename: part.optionalText("filename"), context: null, citations: null, cache };
}

/** Data URLs contain their bytes in base64 or percent-encoded, with or without parameters; any other URL has to be fetched. */
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

/** The beginning of known kinds of file, in base64. */
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

// ---- Encoding ----------------------------------------------------------------------------------------------------

/** The API has a place for audio, but no model that answers in text accepts it; a client of this protocol may know one that does. */
export function encodeMedia({ type, source }: MediaPart, target: Target): wire.InputContent[] {
  const isOwn = target.own && type === "audio" && source.type === "base64";
  if (!isOwn) return lost(target, { inside: type, reason: `The Responses API does not accept ${type}.` });
  const format = source.mediaType === "audio/mpeg" ? "mp3" : (source.mediaType?.slice("audio/".length) ?? "wav");
  return [{ type: "input_audio", input_audio: { data: source.data, format } }];
}

export function encodeImage({ source, detail }: ImagePart, target: Target): wire.InputContent[] {
  const image: wire.InputImage = detail === null ? { type: "input_image" } : { type: "input_image", detail };
  switch (source.type) {
    case "url":
      return [{ ...image, image_url: source.url }];
    case "base64":
      return [{ ...image, image_url: dataUrl(source.mediaType ?? sniff(source.data) ?? "image/png", source.data) }];
    case "file-id":
      return isOpenAi(source) ? [{ ...image, file_id: source.id }] : lost(target, { inside: "image", reason: FOREIGN_FILE });
    case "text":
      return lost(target, { inside: "image", reason: "An image has to be bytes or a URL, not text." });
  }
}

export function encodeFile({ source, filename, context, citations }: FilePart, target: Target): wire.InputContent[] {
  if (citations === true) {
    target.lose("turns", { inside: "citations", reason: "The Responses API does not cite documents in the request." });
  }
  const file: wire.InputFile = filename === null ? { type: "input_file" } : { type: "input_file", filename };
  const before: wire.InputContent[] = context === null ? [] : [{ type: "input_text", text: context }];
  switch (source.type) {
    case "url":
      return [...before, { ...file, file_url: source.url }];
    case "base64": {
      const mediaType = source.mediaType ?? sniff(source.data);
      if (!target.own) file.filename = fileName(filename, mediaType);
      return [...before, { ...file, file_data: mediaType === null ? source.data : dataUrl(mediaType, source.data) }];
    }
    case "file-id":
      return isOpenAi(source) ? [...before, { ...file, file_id: source.id }] : lost(target, { inside: "file", reason: FOREIGN_FILE });
    case "text":
      return [...before, { type: "input_text", text: filename === null ? source.text : `${filename}\n\n${source.text}` }];
  }
}

const FOREIGN_FILE = "A file's id is known only to the provider that stores the file; send its bytes or a URL.";

function isOpenAi(source: { readonly owner: string }): boolean {
  return source.owner === "openai-responses" || source.owner === "openai-chat";
}

/** A note in place of what can't be sent, for the model of a client that chose to go on. */
function lost(target: Target, { inside, reason }: { readonly inside: string; readonly reason: string }): wire.InputText[] {
  target.lose("turns", { inside, severity: "refused", reason });
  return [{ type: "input_text", text: `[${inside} left out: ${reason}]` }];
}

function dataUrl(mediaType: string, data: string): string {
  return `data:${mediaType};base64,${data}`;
}
