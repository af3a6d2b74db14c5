// The content of a client's messages, a string or blocks, as canonical parts.
// Never judges order or pairing, and never looks into a tool's input.

import { JsonText, parse, print, rowOf } from "../../wire/json.ts";
import type { CacheMark, FilePart, LossSeverity, Loss, Part, Proof, Source, TextPart, ToolResultPart } from "../canonical.ts";
import type { Fields } from "../fields.ts";
import { decodeArguments } from "./arguments.ts";
import { decodeMark } from "./cache-marks.ts";
import { decodeSource } from "./media.ts";
import { isCarrier, isForeignSearch, proofOf } from "./seals.ts";
import { ID } from "./wire.ts";

type ResultContent = ToolResultPart["content"][number];

/** Blocks that run, or whose content is stored, at Anthropic; and the consequence of leaving them out elsewhere. */
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

export function textPart(text: string, cache: CacheMark | null = null): TextPart {
  return { type: "text", text, annotations: [], cache, proof: null };
}

/** The parts of a message's `content`. */
export function decodeContent(message: Fields, losses: Loss[]): Part[] {
  const content = message.raw("content");
  if (typeof content === "string") return content === "" ? [] : [textPart(content)];
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

/** The proof in a redacted block that carries it for the preceding block. */
function carriedProof(block: Fields): Proof | null {
  if (block.raw("type") !== "redacted_thinking") return null;
  block.ignoreRest();
  const data = block.raw("data");
  return typeof data === "string" && isCarrier(data) ? proofOf(data) : null;
}

function decodeBlock(block: Fields, losses: Loss[]): readonly Part[] {
  const type = block.text("type");
  switch (type) {
    case "text":
    case "image":
    case "document":
    case "search_result":
      return decodeShown(block);
    case "thinking":
      return [{ type: "reasoning", text: block.text("thinking"), redacted: false, proof: proofOf(block.optionalText("signature") ?? "") }];
    case "redacted_thinking":
      return [{ type: "reasoning", text: "", redacted: true, proof: proofOf(block.text("data")) }];
    case "tool_use":
      return [decodeToolUse(block, losses)];
    case "tool_result":
      return [decodeToolResult(block, losses)];
    default: {
      const value = compact(block.whole());
      // Another model's search as this program reported it is no loss: the resulting text is there.
      const severity = isForeignSearch(block.raw("id") ?? block.raw("tool_use_id")) ? "dropped" : (rowOf(HOSTED, type) ?? "refused");
      return [{ type: "opaque", protocol: ID, name: type, value, severity }];
    }
  }
}

/** One spelling for verbatim blocks, whether they come in one piece or in events. */
export function compact(source: string): string {
  return print(parse(source));
}

/** Blocks that both a message and a tool's result may contain. */
function decodeShown(block: Fields): readonly ResultContent[] {
  const cache = decodeMark(block);
  switch (block.text("type")) {
    case "text":
      return [textPart(block.text("text"), cache)];
    case "image":
      return [{ type: "image", source: decodeSource(block.object("source")), detail: null, cache }];
    case "document":
      return decodeDocument(block, cache);
    default: {
      // A search result: the model reads it like any other text.
      block.ignore("citations");
      const lines = [`${block.text("title")} (${block.text("source")})`];
      for (const piece of block.objects("content")) {
        piece.ignoreRest();
        lines.push(piece.text("text"));
      }
      return [textPart(lines.join("\n"), cache)];
    }
  }
}

function decodeDocument(block: Fields, cache: CacheMark | null): readonly ResultContent[] {
  const about = { filename: block.optionalText("title"), context: block.optionalText("context"), citations: citationsOf(block), cache };
  const source = block.object("source");
  source.ignoreRest();
  const file = (from: Source): FilePart => ({ type: "file", source: from, ...about });
  if (source.text("type") !== "content") return [file(decodeSource(source))];
  const content = source.raw("content");
  if (typeof content === "string") return [file({ type: "text", text: content })];
  const pieces = source.objects("content").flatMap(decodeShown);
  if (pieces.every((piece) => piece.type === "text")) {
    return [file({ type: "text", text: pieces.map((piece) => piece.text).join("\n") })];
  }
  const heading = [about.filename, about.context].filter((line) => line !== null).join("\n");
  return heading === "" ? pieces : [textPart(heading), ...pieces];
}

/** Whether the client asked for citations from the document. */
function citationsOf(document: Fields): boolean | null {
  const citations = document.optionalObject("citations");
  citations?.ignoreRest();
  return citations?.optionalBoolean("enabled") ?? null;
}

function decodeToolUse(block: Fields, losses: Loss[]): Part {
  const input = block.raw("input");
  const part: Part = {
    type: "tool-call",
    callId: block.text("id"),
    name: block.text("name"),
    kind: "function",
    arguments: decodeArguments(input),
    cache: decodeMark(block),
    proof: null,
  };
  if (input !== undefined && input !== null && !(input instanceof JsonText)) throw block.fail("input", "a JSON object");
  const caller = block.optionalObject("caller");
  caller?.ignoreRest();
  const name = caller?.optionalText("type") ?? "direct";
  if (name !== "direct") {
    losses.push({ field: block.at("caller"), severity: "refused", reason: `The call was made by ${name}, which runs only at Anthropic.` });
  }
  return part;
}

function decodeToolResult(block: Fields, losses: Loss[]): ToolResultPart {
  const content = block.raw("content");
  return {
    type: "tool-result",
    callId: block.text("tool_use_id"),
    name: null,
    kind: "function",
    content:
      typeof content === "string"
        ? content === ""
          ? []
          : [textPart(content)]
        : block.objects("content").flatMap((piece) => decodeResultPiece(piece, losses)),
    isError: block.optionalBoolean("is_error"),
    cache: decodeMark(block),
  };
}

function decodeResultPiece(piece: Fields, losses: Loss[]): readonly ResultContent[] {
  const type = piece.text("type");
  if (type === "text" || type === "image" || type === "document" || type === "search_result") return decodeShown(piece);
  piece.ignoreRest();
  if (type === "tool_reference") {
    // All tools are sent in full; the model only has to learn which one was found.
    const cache = decodeMark(piece);
    return [textPart(`The tool ${piece.text("tool_name")} can be called now.`, cache)];
  }
  losses.push({
    field: piece.path,
    severity: "refused",
    reason: `Only Claude models can read content of type ${type} in a tool's result.`,
  });
  return [];
}
