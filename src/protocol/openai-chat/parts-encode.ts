// Canonical parts -> the content of a message for a Chat upstream.
// Never drops content without reporting it.

import { JsonText } from "../../wire/json.ts";
import type { Part, TextPart } from "../canonical.ts";
import { encodeMark } from "./cache-marks.ts";
import type { Capabilities } from "./capabilities.ts";
import { encodeFile, encodeImage, encodeMedia, type PartTarget } from "./media.ts";
import type * as wire from "./wire.ts";

/** A content part of the wire, or one of Chat's own that is kept verbatim. */
export type Content = wire.ContentPart | JsonText;

/** Parts as content: a plain string where that is enough. `separator` joins texts that become one string. */
export function encodeContent(parts: readonly Content[], separator: string, { openai }: Capabilities): string | Content[] {
  const texts: string[] = [];
  for (const part of parts) {
    if (part instanceof JsonText || part.type !== "text" || part.prompt_cache_breakpoint !== undefined) return [...parts];
    texts.push(part.text);
  }
  // Many compatible servers accept only strings.
  return texts.length <= 1 || !openai ? texts.join(separator) : [...parts];
}

export function encodeText(part: TextPart, { marked }: PartTarget): wire.TextContent {
  return { type: "text", text: part.text, ...encodeMark(part, marked) };
}

/** A part. Chat's own parts, which other protocols do not know, are unchanged; another protocol's are left out. */
export function encodePart(part: Part, target: PartTarget): Content[] {
  switch (part.type) {
    case "text":
      return part.text === "" ? [] : [encodeText(part, target)];
    case "image":
      return encodeImage(part, target);
    case "file":
      return encodeFile(part, target);
    case "audio":
    case "video":
      return encodeMedia(part, target);
    case "refusal":
      return part.text === "" ? [] : [{ type: "text", text: part.text }];
    case "opaque": {
      if (part.protocol === "openai-chat") return [new JsonText(part.value)];
      const reason = `Only the protocol it came from understands a ${part.name} block.`;
      target.losses.push({ field: `${target.field}.${part.name}`, severity: part.severity, reason });
      return [];
    }
    default:
      return [];
  }
}
