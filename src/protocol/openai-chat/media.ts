// Images, files and audio, both directions: data URLs, base64, and media types, detected from the first bytes where the client is wrong.
// Never decodes more of the bytes than it must.

import { rowOf } from "../../wire/json.ts";
import type { CacheMark, FilePart, ImagePart, Loss, MediaPart, Part, Source } from "../canonical.ts";
import type { Fields } from "../fields.ts";
import { fileName } from "../tool-names.ts";
import { encodeMark } from "./cache-marks.ts";
import type { Capabilities } from "./capabilities.ts";
import { WORDS } from "./wire.ts";
import type * as wire from "./wire.ts";

// ---- Decode --------------------------------------------------------------------------------------------------------

export function decodeImage(part: Fields, cache: CacheMark | null): Part {
  const value = part.raw("image_url");
  // Some clients send the URL itself instead of the object.
  const image = typeof value === "string" ? null : part.object("image_url").ignoreRest();
  const url = image === null ? part.text("image_url") : image.text("url");
  const detail = image === null ? null : image.optionalWord("detail", WORDS["messages.detail"]);
  const source = decodeDataUrl(url) ?? ({ type: "url", url, mediaType: null } as const);
  if (source.mediaType === "application/pdf") return { type: "file", source, filename: null, context: null, citations: null, cache };
  return { type: "image", source, detail, cache };
}

export function decodeFile(file: Fields, cache: CacheMark | null): FilePart {
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

export function decodeAudio(audio: Fields): MediaPart {
  return { type: "audio", source: { type: "base64", mediaType: `audio/${audio.text("format")}`, data: audio.text("data") } };
}

// ---- Encode --------------------------------------------------------------------------------------------------------

/** What encoding the parts of one request needs, and where it reports losses. */
export interface PartTarget {
  readonly capabilities: Capabilities;
  /** The parts whose cache mark is sent. */
  readonly marked: ReadonlySet<Part>;
  readonly losses: Loss[];
  /** The client's name for its messages. */
  readonly field: string;
}

export function encodeImage(part: ImagePart, target: PartTarget): wire.ContentPart[] {
  const { source } = part;
  if (source.type === "file-id" || source.type === "text")
    return refuse(target, "image", "Chat Completions accepts images by URL or as bytes.");
  const url =
    source.type === "url" ? source.url : `data:${source.mediaType ?? mediaTypeOf(source.data) ?? "image/png"};base64,${source.data}`;
  const image = part.detail === null ? { url } : { url, detail: part.detail };
  return [{ type: "image_url", image_url: image, ...encodeMark(part, target.marked) }];
}

export function encodeFile(part: FilePart, target: PartTarget): wire.ContentPart[] {
  const { source, filename } = part;
  const context: wire.ContentPart[] = part.context === null ? [] : [{ type: "text", text: part.context }];
  if (part.citations === true) {
    target.losses.push({ field: `${target.field}.citations`, severity: "reported", reason: "Chat Completions does not cite documents." });
  }
  const asText = (text: string): wire.ContentPart[] => {
    const titled = filename === null ? text : `${filename}\n\n${text}`;
    return [...context, { type: "text", text: titled, ...encodeMark(part, target.marked) }];
  };
  switch (source.type) {
    case "text":
      return asText(source.text);
    case "url":
      return refuse(target, "file", "Chat Completions accepts files as bytes, not by URL.");
    case "file-id":
      if (!target.capabilities.openai || !source.owner.startsWith("openai-")) {
        return refuse(target, "file", "The file was uploaded elsewhere; this model's upstream cannot read it.");
      }
      return [...context, { type: "file", file: { file_id: source.id }, ...encodeMark(part, target.marked) }];
    case "base64": {
      const mediaType = source.mediaType ?? mediaTypeOf(source.data) ?? "application/pdf";
      if (mediaType.startsWith("text/")) return asText(utf8Of(source.data));
      const file = { filename: fileName(filename, mediaType), file_data: `data:${mediaType};base64,${source.data}` };
      return [...context, { type: "file", file, ...encodeMark(part, target.marked) }];
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

export function encodeMedia({ type, source }: MediaPart, target: PartTarget): wire.ContentPart[] {
  const format = source.type === "base64" && type === "audio" ? rowOf(AUDIO_FORMATS, source.mediaType ?? "") : undefined;
  if (format === undefined || source.type !== "base64") {
    return refuse(
      target,
      type,
      type === "audio" ? "Chat Completions accepts audio as wav or mp3 bytes." : "Chat Completions does not accept video.",
    );
  }
  return [{ type: "input_audio", input_audio: { data: source.data, format } }];
}

/** A note in place of what can't be sent, for the model of a client that chose to go on. */
function refuse(target: PartTarget, detail: string, reason: string): wire.ContentPart[] {
  target.losses.push({ field: `${target.field}.${detail}`, severity: "refused", reason });
  return [{ type: "text", text: `[${detail} left out: ${reason}]` }];
}

// ---- Bytes ---------------------------------------------------------------------------------------------------------

type Base64Source = Extract<Source, { type: "base64" }>;

const DATA_URL = /^data:([^,]*),/;

/** A data URL's bytes; null: the text is not a data URL. Accepts parameters, a missing media type, percent-encoded data. */
function decodeDataUrl(url: string): Base64Source | null {
  const head = DATA_URL.exec(url.slice(0, 512));
  if (head === null) return null;
  const [declared = "", ...parameters] = (head[1] ?? "").split(";").map((piece) => piece.trim().toLowerCase());
  const body = url.slice(head[0].length);
  const data = parameters.includes("base64") ? body : base64Of(body);
  const found = mediaTypeOf(data);
  // The magic bytes decide: upstreams reject an image with a wrong type.
  return { type: "base64", mediaType: found ?? (declared === "" ? null : properType(declared)), data };
}

function properType(declared: string): string {
  return declared === "image/jpg" ? "image/jpeg" : declared;
}

/** First characters of the base64 of well-known file types. */
const MAGIC: readonly (readonly [beginning: string, mediaType: string])[] = [
  ["iVBORw0KGgo", "image/png"],
  ["/9j/", "image/jpeg"],
  ["R0lGOD", "image/gif"],
  ["JVBERi", "application/pdf"],
];
/** `RIFF....WEBP`: the four bytes between are the length. */
const WEBP = /^UklGR[A-Za-z0-9+/]{6}XRUJQ/;

/** The media type according to the first bytes; null: not recognised. */
function mediaTypeOf(base64: string): string | null {
  const known = MAGIC.find(([beginning]) => base64.startsWith(beginning));
  if (known !== undefined) return known[1];
  return WEBP.test(base64.slice(0, 24)) ? "image/webp" : null;
}

/** Text out of base64; "" when it is not base64. */
function utf8Of(base64: string): string {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
  } catch {
    return "";
  }
}

function base64Of(percentEncoded: string): string {
  const ascii = percentEncoded.toWellFormed().replace(/[^ -~]+/g, encodeURIComponent);
  return btoa(ascii.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))));
}
