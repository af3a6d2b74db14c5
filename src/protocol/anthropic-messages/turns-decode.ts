// Room: anthropic-messages/conversation (row 2).
// In:  a client's `system` and `messages`.
// Out: canonical instructions and turns; the changes that the conversation makes to the tools on offer.
// Never does: leave out what somebody said, but for what the client itself had cleared.

import type { Loss, Part, TextPart, Turn } from "../canonical.ts";
import type { Fields } from "../fields.ts";
import { mergeTurns } from "../turns.ts";
import { decodeCache, decodeContent, reportUnread, text } from "./parts-decode.ts";
import { EFFORTS } from "./reasoning.ts";

/** A change of the tools on offer, in the order of the conversation. */
export type ToolChange =
  | { readonly type: "removal"; readonly name: string }
  /** A tool that the request declares is offered again. */
  | { readonly type: "addition"; readonly name: string }
  | { readonly type: "definition"; readonly tool: Fields };

export interface DecodedConversation {
  readonly turns: readonly Turn[];
  readonly toolChanges: readonly ToolChange[];
}

/** The first block of Claude Code's instructions: a note for Anthropic's billing that changes with every request. */
const ATTRIBUTION = "x-anthropic-billing-header:";

export interface DecodedSystem {
  readonly system: readonly TextPart[];
  /** The attribution block as it came; no part of what the model is told. */
  readonly attribution: string | null;
}

export function decodeSystem(body: Fields, losses: Loss[]): DecodedSystem {
  const value = body.raw("system");
  if (value === undefined || value === null) return { system: [], attribution: null };
  if (typeof value === "string") return { system: value === "" ? [] : [text(value)], attribution: null };
  if (!Array.isArray(value)) throw body.fail("system", "a string or an array of text blocks");
  const blocks = body.objects("system");
  const attribution = blocks.find((block) => {
    const words = block.raw("text");
    return typeof words === "string" && words.startsWith(ATTRIBUTION);
  });
  const system = blocks.filter((block) => block !== attribution).map((block) => decodeInstruction(block, losses));
  return { system, attribution: attribution?.whole() ?? null };
}

function decodeInstruction(block: Fields, losses: Loss[]): TextPart {
  if (block.text("type") !== "text") throw block.fail("type", "text");
  const part = text(block.text("text"), decodeCache(block));
  reportUnread(block, losses);
  return part;
}

export function decodeConversation(body: Fields, losses: Loss[]): DecodedConversation {
  if (!body.has("messages")) throw body.fail("messages", "an array of messages");
  const messages = body.objects("messages");
  const lastUser = messages.findLastIndex((message) => message.raw("role") === "user");
  const toolChanges: ToolChange[] = [];
  const turns = messages.map((message, index): Turn => {
    const role = message.optionalWord("role", ["user", "assistant", "system"]);
    if (role === null) throw message.fail("role", "one of user, assistant, system");
    const turn: Turn =
      role === "system"
        ? decodeSystemMessage(message, { losses, toolChanges, isBeforeUser: index < lastUser })
        : { role, parts: decodeContent(message, losses), effort: null };
    reportUnread(message, losses);
    return turn;
  });
  return { turns: mergeTurns(turns), toolChanges };
}

interface SystemContext {
  readonly losses: Loss[];
  readonly toolChanges: ToolChange[];
  /** Whether a user turn follows somewhere. */
  readonly isBeforeUser: boolean;
}

function decodeSystemMessage(message: Fields, { losses, toolChanges, isBeforeUser }: SystemContext): Turn {
  const config = message.optionalObject("output_config");
  const effort = config?.optionalWord("effort", EFFORTS) ?? null;
  if (config !== null) reportUnread(config, losses);
  const parts: Part[] = [];
  const content = message.raw("content");
  if (typeof content === "string") {
    if (content !== "") parts.push(text(content));
  } else {
    for (const block of message.objects("content")) {
      const change = decodeToolChange(block);
      if (change !== null) toolChanges.push(change);
      else if (block.raw("type") === "text") parts.push(decodeInstruction(block, losses));
      else
        losses.push({ field: block.path, severity: "refused", reason: "Only Claude models understand such a block in a system message." });
    }
  }
  // The model is no longer shown a message that a later user turn cleared.
  const isCleared = message.optionalWord("clear_at", ["next_user_message", "never"]) === "next_user_message" && isBeforeUser;
  return { role: "system", parts: isCleared ? [] : parts, effort };
}

/** Null for anything but a change of one of the client's own tools. */
function decodeToolChange(block: Fields): ToolChange | null {
  const type = block.raw("type");
  if (type !== "tool_addition" && type !== "tool_removal") return null;
  const tool = block.object("tool");
  if (tool.raw("type") === "tool_reference") return { type: type === "tool_addition" ? "addition" : "removal", name: tool.text("name") };
  return tool.raw("type") === "tool_definition" && type === "tool_addition"
    ? { type: "definition", tool: tool.object("definition") }
    : null;
}
