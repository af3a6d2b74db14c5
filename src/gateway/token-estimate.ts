// Estimates the tokens of a request for models whose upstream can't count: text with tokenx's heuristics, everything else by its size.
// Does not call anybody, or take longer for a long request than for one of 128 Ki characters.

import type { CanonicalRequest, FilePart, MediaPart, Part, Source, Tool } from "../protocol/canonical.ts";

/** Tokens of the prompt, without its answer. */
export async function estimateTokens(request: CanonicalRequest): Promise<number> {
  // Loaded by the first call that needs it.
  const { estimateTokenCount } = await import("tokenx");
  const parts = [...request.system, ...request.turns.flatMap((turn) => turn.parts)];
  const pieces = [...parts.flatMap(piecesOf), ...request.tools.map(toolText)];
  if (request.output?.type === "json-schema") pieces.push(request.output.schema);
  const text = pieces.filter((piece) => typeof piece === "string").join("\n");
  const { sample, share } = sampleOf(text);
  const others = pieces.filter((piece) => typeof piece === "number").reduce((sum, tokens) => sum + tokens, 0);
  const frames = (request.turns.length + (request.system.length > 0 ? 1 : 0)) * TURN_TOKENS + request.tools.length * TOOL_TOKENS;
  return Math.ceil(estimateTokenCount(sample) / share + others + frames);
}

/** What a provider adds around a message, and around a tool definition. */
const TURN_TOKENS = 4;
const TOOL_TOKENS = 8;
/** An image of usual size: between 258 (Gemini) and 1,600 (Claude). */
const IMAGE_TOKENS = 1_000;
/** A file whose size is not known: it is a URL or an id. */
const REMOTE_TOKENS = 1_500;
/** Bytes per token, for documents by the page, and for audio and video by the second. */
const BYTES_PER_TOKEN = { text: 4, file: 25, audio: 500, video: 1_000 } as const;

/** Text, or the tokens of something that is not text. */
function piecesOf(part: Part): (string | number)[] {
  switch (part.type) {
    case "text":
    case "refusal":
    case "reasoning":
      return [part.text];
    case "image":
      return [IMAGE_TOKENS];
    case "file":
    case "audio":
    case "video":
      return [sourcePiece(part.source, part.type)];
    case "tool-call":
      return [part.name, part.arguments, TOOL_TOKENS];
    case "tool-result":
      return [...part.content.flatMap(piecesOf), TOOL_TOKENS];
    case "opaque":
      return [part.value];
  }
}

function sourcePiece(source: Source, type: (FilePart | MediaPart)["type"]): string | number {
  if (source.type === "text") return source.text;
  if (source.type !== "base64") return REMOTE_TOKENS;
  const kind = type === "file" && source.mediaType?.startsWith("text/") === true ? "text" : type;
  return (source.data.length * 3) / 4 / BYTES_PER_TOKEN[kind];
}

function toolText(tool: Tool): string {
  switch (tool.type) {
    case "function":
      return [tool.name, tool.description ?? "", tool.schema ?? ""].join("\n");
    case "custom":
      return [tool.name, tool.description ?? "", tool.grammar?.definition ?? ""].join("\n");
    case "web-search":
      return "";
    case "opaque":
      return tool.value;
  }
}

const MOST_CHARACTERS = 128 * 1024;
const WINDOWS = 64;

/** The whole text, or windows spread evenly over it: estimating takes half a second per megabyte and blocks everything else. */
function sampleOf(text: string): { readonly sample: string; readonly share: number } {
  if (text.length <= MOST_CHARACTERS) return { sample: text, share: 1 };
  const step = text.length / WINDOWS;
  const length = MOST_CHARACTERS / WINDOWS;
  const windows = Array.from({ length: WINDOWS }, (_, index) => text.slice(Math.floor(index * step), Math.floor(index * step) + length));
  return { sample: windows.join("\n"), share: MOST_CHARACTERS / text.length };
}
