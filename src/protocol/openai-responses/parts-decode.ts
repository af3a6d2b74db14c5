// The content of a message or of a tool's output as canonical parts.
// Never drops a part: an unknown one stays opaque.

import { print } from "../../wire/json.ts";
import type { CacheMark, Part, TextPart } from "../canonical.ts";
import type { Fields } from "../fields.ts";
import { decodeAnnotation } from "./annotations.ts";
import { decodeAudio, decodeFile, decodeImage } from "./media.ts";

/** A string is one text. Each unknown part is wrapped in a message of its own. */
export function decodeContent(owner: Fields, key: "content" | "output"): Part[] {
  const content = owner.raw(key);
  if (content === undefined || content === null) return [];
  if (typeof content === "string") return content === "" ? [] : [textPart(content)];
  if (!Array.isArray(content)) throw owner.fail(key, "a string or an array of parts");
  return owner.objects(key).flatMap((part) => decodePart(part, owner));
}

function decodePart(part: Fields, owner: Fields): Part[] {
  part.ignoreRest();
  const type = part.text("type");
  const cache: CacheMark | null = part.has("prompt_cache_breakpoint") ? { ttl: null } : null;
  switch (type) {
    case "input_text":
    case "output_text":
    case "text": {
      const text = part.text("text");
      const annotations = part.list("annotations").flatMap(decodeAnnotation);
      return text === "" ? [] : [{ ...textPart(text), annotations, cache }];
    }
    case "refusal":
      return [{ type: "refusal", text: part.text("refusal") }];
    case "input_image":
      return [decodeImage(part, cache)];
    case "input_file":
      return [decodeFile(part, cache)];
    case "input_audio":
      return [decodeAudio(part)];
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
