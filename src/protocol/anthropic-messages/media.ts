// Images and files, both directions. Messages accepts jpeg, png, gif and webp images, PDF and plain text documents.
// Never downloads, and never converts one format to another.

import type { FilePart, ImagePart, Loss, Source } from "../canonical.ts";
import type { Fields } from "../fields.ts";
import { withMark } from "./cache-marks.ts";
import { ID, WORDS } from "./wire.ts";
import type * as wire from "./wire.ts";

// ---- Decode ------------------------------------------------------------------------------------------------------

export function decodeSource(source: Fields): Source {
  source.ignoreRest();
  switch (source.word("type", WORDS["source.type"])) {
    case "base64":
      return { type: "base64", mediaType: source.optionalText("media_type"), data: source.text("data") };
    case "url":
      return { type: "url", url: source.text("url"), mediaType: null };
    case "file":
      return { type: "file-id", id: source.text("file_id"), owner: ID };
    // A source with blocks of its own has been taken apart before.
    case "content":
    case "text":
    case null:
      return { type: "text", text: source.text("data") };
  }
}

// ---- Encode ------------------------------------------------------------------------------------------------------

/**
 * Beginnings of files in base64, and the text at the twelfth character (several formats begin with RIFF).
 * If the bytes contradict the declared type, an upstream answers 400.
 */
const MAGIC: readonly (readonly [start: string, mediaType: string, twelfth?: string])[] = [
  ["iVBORw0KGgo", "image/png"],
  ["/9j/", "image/jpeg"],
  ["R0lGOD", "image/gif"],
  ["UklGR", "image/webp", "XRUJQ"],
  ["JVBERi", "application/pdf"],
];
const IMAGE_TYPES: ReadonlySet<string | null> = new Set(["image/jpeg", "image/png", "image/gif", "image/webp"]);

/** Where the losses of a conversation are reported. */
export interface LossContext {
  /** The client's name for the conversation; losses name details below it. */
  readonly field: string;
  readonly losses: Loss[];
}

type MediaBlock = wire.ImageBlock | wire.DocumentBlock | wire.TextBlock;

export function encodeImage(part: ImagePart, context: LossContext): MediaBlock {
  const mediaType = mediaTypeOf(part.source);
  if (mediaType === "application/pdf") {
    return encodeFile({ ...part, type: "file", filename: null, context: null, citations: null }, context);
  }
  const source = imageSource(part.source, mediaType);
  if (source === null) return leaveOut("image", `${whatIsWrong(part, mediaType)} Send jpeg, png, gif or webp.`, context);
  return withMark<wire.ImageBlock>({ type: "image", source }, part.cache);
}

export function encodeFile(part: FilePart, context: LossContext): MediaBlock {
  const mediaType = mediaTypeOf(part.source);
  if (IMAGE_TYPES.has(mediaType)) return encodeImage({ type: "image", source: part.source, detail: null, cache: part.cache }, context);
  const source = documentSource(part.source, mediaType);
  if (source === null) return leaveOut("file", `${whatIsWrong(part, mediaType)} Send a PDF or text.`, context);
  const block: wire.DocumentBlock = { type: "document", source };
  if (part.filename !== null) block.title = part.filename;
  if (part.context !== null) block.context = part.context;
  if (part.citations !== null) block.citations = { enabled: part.citations };
  return withMark(block, part.cache);
}

/** A note in place of what can't be sent, so that the model knows of it where the client chose to go on. */
export function leaveOut(what: string, reason: string, { field, losses }: LossContext): wire.TextBlock {
  losses.push({ field: `${field}.${what}`, severity: "refused", reason });
  return { type: "text", text: `[${what} left out: ${reason}]` };
}

function whatIsWrong({ type, source }: ImagePart | FilePart, mediaType: string | null): string {
  if (source.type === "file-id") return `The ${type} ${source.id} is stored at another provider, and Messages cannot read it there.`;
  return mediaType === null ? `The ${type} does not say what it is.` : `Messages does not accept ${type}s of type ${mediaType}.`;
}

/** The media type: by the first bytes, otherwise as declared, without parameters. */
function mediaTypeOf(source: Source): string | null {
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
function imageSource(source: Source, mediaType: string | null): wire.BlobSource | null {
  switch (source.type) {
    case "base64":
      return mediaType !== null && IMAGE_TYPES.has(mediaType) ? { type: "base64", media_type: mediaType, data: source.data } : null;
    case "text":
      return null;
    default:
      return storedSource(source);
  }
}

/** The source of a document block, or null when Messages has none for it. */
function documentSource(source: Source, mediaType: string | null): wire.BlobSource | null {
  switch (source.type) {
    case "base64":
      if (mediaType === "application/pdf") return { type: "base64", media_type: mediaType, data: source.data };
      return mediaType !== null && isText(mediaType) ? textSource(source.data) : null;
    case "text":
      return { type: "text", media_type: "text/plain", data: source.text };
    default:
      return storedSource(source);
  }
}

function storedSource(source: Extract<Source, { type: "url" | "file-id" }>): wire.BlobSource | null {
  if (source.type === "url") return { type: "url", url: source.url };
  return source.owner === ID ? { type: "file", file_id: source.id } : null;
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
