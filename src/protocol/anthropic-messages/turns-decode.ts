// A client's `system` and `messages` as canonical instructions and turns, and their changes of the available tools.
// Never drops a message, except those that the client itself had cleared.

import type { Loss, Part, TextPart, Turn } from "../canonical.ts";
import type { Fields } from "../fields.ts";
import { mergeTurns } from "../turns.ts";
import { decodeMark } from "./cache-marks.ts";
import { decodeContent, textPart } from "./parts-decode.ts";
import type { ToolChange } from "./tools.ts";
import { WORDS } from "./wire.ts";

/** The first block of Claude Code's instructions: a note for Anthropic's billing that changes with every request. */
const ATTRIBUTION = "x-anthropic-billing-header:";

export interface DecodedSystem {
  readonly system: readonly TextPart[];
  /** The verbatim attribution block, which is not shown to the model. Null: none. */
  readonly attribution: string | null;
}

export function decodeSystem(body: Fields): DecodedSystem {
  const value = body.raw("system");
  if (value === undefined || value === null) return { system: [], attribution: null };
  if (typeof value === "string") return { system: value === "" ? [] : [textPart(value)], attribution: null };
  if (!Array.isArray(value)) throw body.fail("system", "a string or an array of text blocks");
  const blocks = body.objects("system");
  const attribution = blocks.find((block) => {
    const text = block.raw("text");
    return typeof text === "string" && text.startsWith(ATTRIBUTION);
  });
  const system = blocks.filter((block) => block !== attribution).map(decodeInstruction);
  return { system, attribution: attribution?.whole() ?? null };
}

function decodeInstruction(block: Fields): TextPart {
  block.word("type", WORDS["system.type"]);
  return textPart(block.text("text"), decodeMark(block));
}

export interface DecodedTurns {
  readonly turns: readonly Turn[];
  readonly toolChanges: readonly ToolChange[];
}

export function decodeTurns(body: Fields, losses: Loss[]): DecodedTurns {
  if (!body.has("messages")) throw body.fail("messages", "an array of messages");
  const messages = body.objects("messages");
  const lastUser = messages.findLastIndex((message) => message.raw("role") === "user");
  const toolChanges: ToolChange[] = [];
  const turns = messages.map((message, index): Turn => {
    const role = message.word("role", WORDS["messages.role"]);
    return role === null || role === "system"
      ? decodeSystemMessage(message, { losses, toolChanges, isBeforeUser: index < lastUser })
      : { role, parts: decodeContent(message, losses), effort: null };
  });
  return { turns: mergeTurns(turns), toolChanges };
}

interface SystemContext {
  readonly losses: Loss[];
  readonly toolChanges: ToolChange[];
  /** Whether a user turn follows later. */
  readonly isBeforeUser: boolean;
}

function decodeSystemMessage(message: Fields, { losses, toolChanges, isBeforeUser }: SystemContext): Turn {
  const effort = message.optionalObject("output_config")?.optionalWord("effort", WORDS["output_config.effort"]) ?? null;
  const parts: Part[] = [];
  const content = message.raw("content");
  if (typeof content === "string") {
    if (content !== "") parts.push(textPart(content));
  } else {
    for (const block of message.objects("content")) {
      if (block.raw("type") === "text") {
        parts.push(decodeInstruction(block));
        continue;
      }
      block.ignoreRest();
      const change = decodeToolChange(block);
      if (change !== null) toolChanges.push(change);
      else losses.push({ field: block.path, severity: "refused", reason: "Only Claude models understand this block in a system message." });
    }
  }
  // The model is no longer shown a message that a later user turn cleared.
  const isCleared = message.optionalWord("clear_at", WORDS["messages.clear_at"]) === "next_user_message" && isBeforeUser;
  return { role: "system", parts: isCleared ? [] : parts, effort };
}

/** Null for anything but a change of one of the client's own tools. */
function decodeToolChange(block: Fields): ToolChange | null {
  const type = block.raw("type");
  if (type !== "tool_addition" && type !== "tool_removal") return null;
  const tool = block.object("tool");
  tool.ignoreRest();
  if (tool.raw("type") === "tool_reference") return { type: type === "tool_addition" ? "addition" : "removal", name: tool.text("name") };
  return tool.raw("type") === "tool_definition" && type === "tool_addition"
    ? { type: "definition", tool: tool.object("definition") }
    : null;
}
