// Room: anthropic-messages/blocks (row 2).
// In:  the content of a client's messages: a string, or blocks.
// Out: canonical parts; what had no home as losses.
// Never does: judge order or pairing, or look into a tool's input.

import { JsonText, parse, print, rowOf } from "../../wire/json.ts";
import type { CacheMark, FilePart, ImagePart, Loss, LossSeverity, Part, Proof, Source, TextPart, ToolResultPart } from "../canonical.ts";
import type { Fields } from "../fields.ts";
import { decodeInput } from "./input.ts";
import { isCarrier, proofOf } from "./proofs.ts";
import { ID, nestedFateOf } from "./wire.ts";

type ResultContent = ToolResultPart["content"][number];

/** Blocks that run, or hold what lives, at Anthropic; and what leaving them out means elsewhere. */
const HOSTED: Readonly<Record<string, LossSeverity>> = {
  server_tool_use: "reported",
  web_search_tool_result: "reported",
  web_fetch_tool_result: "reported",
  code_execution_tool_result: "reported",
  bash_code_execution_tool_result: "reported",
  text_editor_code_execution_tool_result: "reported",
  tool_search_tool_result: "reported",
  advisor_tool_result: "reported",
  mcp_tool_use: "reported",
  mcp_tool_result: "reported",
  mcp_tool_listing: "reported",
  fallback: "dropped",
  container_upload: "refused",
  compaction: "refused",
};

export function text(value: string, cache: CacheMark | null = null): TextPart {
  return { type: "text", text: value, annotations: [], cache, proof: null };
}

/** Says which members of an object nobody read. */
export function reportUnread(fields: Fields, losses: Loss[]): void {
  for (const [key] of fields.unread()) {
    const { fate, reason } = nestedFateOf(key);
    losses.push({ field: fields.at(key), severity: fate, reason });
  }
}

/** The parts of a message's `content`. */
export function decodeContent(message: Fields, losses: Loss[]): Part[] {
  const content = message.raw("content");
  if (typeof content === "string") return content === "" ? [] : [text(content)];
  if (!Array.isArray(content)) throw message.fail("content", "a string or an array of content blocks");
  const parts: Part[] = [];
  for (const block of message.objects("content")) {
    const before = parts.at(-1);
    const proof = carriedProof(block);
    if (proof !== null && (before?.type === "text" || before?.type === "tool-call")) parts[parts.length - 1] = { ...before, proof };
    else parts.push(...decodeBlock(block, losses));
  }
  return parts;
}

/** The proof in a redacted block that was put behind another block to carry it. */
function carriedProof(block: Fields): Proof | null {
  const data = block.raw("data");
  return block.raw("type") === "redacted_thinking" && typeof data === "string" && isCarrier(data) ? proofOf(data) : null;
}

function decodeBlock(block: Fields, losses: Loss[]): Part[] {
  const type = block.text("type");
  switch (type) {
    case "text":
    case "image":
    case "document":
    case "search_result":
      return decodeShown(block, losses);
    case "thinking": {
      const part: Part = {
        type: "reasoning",
        text: block.text("thinking"),
        redacted: false,
        proof: proofOf(block.optionalText("signature") ?? ""),
      };
      reportUnread(block, losses);
      return [part];
    }
    case "redacted_thinking":
      return [{ type: "reasoning", text: "", redacted: true, proof: proofOf(block.text("data")) }];
    case "tool_use":
      return [decodeToolUse(block, losses)];
    case "tool_result":
      return [decodeToolResult(block, losses)];
    default: {
      const severity = rowOf(HOSTED, type) ?? "refused";
      return [{ type: "opaque", protocol: ID, name: type, value: compact(block.whole()), severity }];
    }
  }
}

/** One spelling for blocks that are kept whole, whether they come in one piece or in events. */
export function compact(source: string): string {
  return print(parse(source));
}

function decodeShown(block: Fields, losses: Loss[]): ResultContent[] {
  const cache = decodeCache(block);
  switch (block.text("type")) {
    case "text": {
      const part = text(block.text("text"), cache);
      reportUnread(block, losses);
      return [part];
    }
    case "image": {
      const part: ImagePart = { type: "image", source: decodeSource(block.object("source")), detail: null, cache };
      reportUnread(block, losses);
      return [part];
    }
    case "document":
      return decodeDocument(block, losses, cache);
    default: {
      // A search result: the model reads it like any other text.
      const lines = [`${block.text("title")} (${block.text("source")})`, ...block.objects("content").map((piece) => piece.text("text"))];
      block.raw("citations");
      reportUnread(block, losses);
      return [text(lines.join("\n"), cache)];
    }
  }
}

function decodeDocument(block: Fields, losses: Loss[], cache: CacheMark | null): ResultContent[] {
  const about = {
    filename: block.optionalText("title"),
    context: block.optionalText("context"),
    citations: block.optionalObject("citations")?.optionalBoolean("enabled") ?? null,
    cache,
  };
  const source = block.object("source");
  reportUnread(block, losses);
  const file = (from: Source): FilePart => ({ type: "file", source: from, ...about });
  if (source.text("type") !== "content") return [file(decodeSource(source))];
  const content = source.raw("content");
  if (typeof content === "string") return [file({ type: "text", text: content })];
  const pieces = source.objects("content").flatMap((piece) => decodeShown(piece, losses));
  if (pieces.every((piece) => piece.type === "text")) {
    return [file({ type: "text", text: pieces.map((piece) => piece.text).join("\n") })];
  }
  const heading = [about.filename, about.context].filter((line) => line !== null).join("\n");
  return heading === "" ? pieces : [text(heading), ...pieces];
}

function decodeSource(source: Fields): Source {
  switch (source.text("type")) {
    case "base64":
      return { type: "base64", mediaType: source.optionalText("media_type"), data: source.text("data") };
    case "url":
      return { type: "url", url: source.text("url"), mediaType: null };
    case "file":
      return { type: "file-id", id: source.text("file_id"), owner: ID };
    case "text":
      return { type: "text", text: source.text("data") };
    default:
      throw source.fail("type", "one of base64, url, file, text, content");
  }
}

function decodeToolUse(block: Fields, losses: Loss[]): Part {
  const input = block.raw("input");
  const part: Part = {
    type: "tool-call",
    callId: block.text("id"),
    name: block.text("name"),
    kind: "function",
    arguments: input === undefined || input === null ? "{}" : decodeInput(print(input)),
    cache: decodeCache(block),
    proof: null,
  };
  if (input !== undefined && input !== null && !(input instanceof JsonText)) throw block.fail("input", "a JSON object");
  const caller = block.optionalObject("caller")?.optionalText("type") ?? "direct";
  if (caller !== "direct") {
    losses.push({
      field: block.at("caller"),
      severity: "refused",
      reason: `The call was made by ${caller}, which runs at Anthropic alone.`,
    });
  }
  reportUnread(block, losses);
  return part;
}

function decodeToolResult(block: Fields, losses: Loss[]): ToolResultPart {
  const content = block.raw("content");
  const part: ToolResultPart = {
    type: "tool-result",
    callId: block.text("tool_use_id"),
    name: null,
    kind: "function",
    content:
      typeof content === "string"
        ? content === ""
          ? []
          : [text(content)]
        : block.objects("content").flatMap((piece) => decodeResultPiece(piece, losses)),
    isError: block.optionalBoolean("is_error"),
    cache: decodeCache(block),
  };
  reportUnread(block, losses);
  return part;
}

function decodeResultPiece(piece: Fields, losses: Loss[]): ResultContent[] {
  const type = piece.text("type");
  if (type === "text" || type === "image" || type === "document" || type === "search_result") return decodeShown(piece, losses);
  if (type === "tool_reference") {
    // All tools are sent in full; the model only has to learn which one was found.
    const cache = decodeCache(piece);
    return [text(`The tool ${piece.text("tool_name")} can be called now.`, cache)];
  }
  losses.push({
    field: piece.path,
    severity: "refused",
    reason: `Only Claude models can read content of type ${type} in a tool's result.`,
  });
  return [];
}

/** `cache_control` of a block or tool; null is as good as absent. */
export function decodeCache(block: Fields): CacheMark | null {
  const control = block.optionalObject("cache_control");
  return control === null ? null : { ttl: control.optionalWord("ttl", ["5m", "1h"]) };
}
