// Canonical parts as the content of a message or of a tool's output.

import type { Part } from "../canonical.ts";
import { encodeAnnotation } from "./annotations.ts";
import { encodeFile, encodeImage, encodeMedia } from "./media.ts";
import type { Target } from "./target.ts";
import type * as wire from "./wire.ts";

const BREAKPOINT: { prompt_cache_breakpoint?: wire.CacheBreakpoint } = { prompt_cache_breakpoint: { mode: "explicit" } };

/** A part from the user, a developer or a tool; whatever has no place here becomes a loss. */
export function encodeInput(part: Part, target: Target): wire.InputContent[] {
  const mark = "cache" in part && part.cache !== null && target.capabilities.breakpoints ? BREAKPOINT : {};
  switch (part.type) {
    case "text":
      return part.text === "" ? [] : [{ type: "input_text", text: part.text, ...mark }];
    case "refusal":
      return part.text === "" ? [] : [{ type: "input_text", text: part.text }];
    case "image":
      return encodeImage(part, target).map((image) => ({ ...image, ...mark }));
    case "file":
      return encodeFile(part, target).map((file) => ({ ...file, ...mark }));
    case "audio":
    case "video":
      return encodeMedia(part, target);
    default:
      return [];
  }
}

/** A part from the model. */
export function encodeOutput(part: Part): wire.OutputContent[] {
  if (part.type === "refusal" && part.text !== "") return [{ type: "refusal", refusal: part.text }];
  if (part.type !== "text" || part.text === "") return [];
  return [{ type: "output_text", text: part.text, annotations: part.annotations.map((one) => encodeAnnotation(one, part.text.length)) }];
}
