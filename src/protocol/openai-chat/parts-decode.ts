// The content of a message -> canonical parts.
// Never fetches a URL, and keeps unknown parts verbatim.

import type { CacheMark, Part, TextPart } from "../canonical.ts";
import type { Fields } from "../fields.ts";
import { decodeMark } from "./cache-marks.ts";
import { decodeAudio, decodeFile, decodeImage } from "./media.ts";

export function textPart(text: string, cache: CacheMark | null = null): TextPart {
  return { type: "text", text, annotations: [], cache, proof: null };
}

/** The parts of `content`: a string, an array of parts, or nothing. Empty text is dropped. */
export function decodeContent(message: Fields): Part[] {
  const value = message.raw("content");
  if (value === undefined || value === null || value === "") return [];
  if (typeof value === "string") return [textPart(value)];
  if (!Array.isArray(value)) throw message.fail("content", "a string or an array of content parts");
  return message
    .objects("content")
    .map(decodePart)
    .filter((part) => part.type !== "text" || part.text !== "");
}

/** Content that can only be text: instructions. @throws GatewayError when it is anything else. */
export function decodeText(message: Fields): TextPart[] {
  return decodeContent(message).map((part) => {
    if (part.type !== "text") throw message.fail("content", "text alone");
    return part;
  });
}

function decodePart(part: Fields): Part {
  const type = part.text("type");
  const cache = decodeMark(part);
  switch (type) {
    case "text":
      return textPart(part.text("text"), cache);
    case "image_url":
      return decodeImage(part, cache);
    case "file":
      return decodeFile(part.object("file").ignoreRest(), cache);
    case "input_audio":
      return decodeAudio(part.object("input_audio").ignoreRest());
    case "refusal":
      return { type: "refusal", text: part.text("refusal") };
    default:
      return { type: "opaque", protocol: "openai-chat", name: type, value: part.whole(), severity: "refused" };
  }
}
