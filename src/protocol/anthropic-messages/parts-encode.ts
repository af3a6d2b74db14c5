// The canonical parts of one turn as content blocks that the API accepts: no blank text, tool results first, no foreign proofs.
// Never throws for content, and never looks at other turns.

import { JsonText } from "../../wire/json.ts";
import type { Part, ToolCallPart, ToolResultPart, Turn } from "../canonical.ts";
import { fitName, type NameTable } from "../tool-names.ts";
import { encodeArguments } from "./arguments.ts";
import { moveMark, withMark } from "./cache-marks.ts";
import { encodeFile, encodeImage, leaveOut, type LossContext } from "./media.ts";
import { encodeThought } from "./reasoning.ts";
import { ID, NAME_RULE } from "./wire.ts";
import type * as wire from "./wire.ts";

export interface PartContext extends LossContext {
  readonly names: NameTable;
}

export interface Content {
  readonly blocks: wire.Block[];
  /** Images and files of an assistant turn, which only a user turn can show. */
  readonly shown: wire.Block[];
}

const NOT_BLANK = /\S/;

/** The API refuses a text block that is only white space. */
export function isBlank(text: string): boolean {
  return !NOT_BLANK.test(text);
}

export function encodeContent({ role, parts }: Turn, context: PartContext): Content {
  const blocks: wire.Block[] = [];
  const results: wire.Block[] = [];
  const shown: wire.Block[] = [];
  for (const part of parts) {
    if (part.type === "text" && isBlank(part.text)) {
      // Its cache mark ends the same prefix one block earlier.
      moveMark(part.cache, blocks);
      continue;
    }
    const encoded = encodePart(part, context);
    if (encoded === null) continue;
    if (part.type === "tool-result") results.push(encoded);
    else if (role === "assistant" && (part.type === "image" || part.type === "file")) shown.push(encoded);
    else blocks.push(encoded);
  }
  return { blocks: results.length === 0 ? blocks : [...results, ...blocks], shown };
}

function encodePart(part: Part, context: PartContext): wire.Block | null {
  const { field, losses } = context;
  switch (part.type) {
    case "text":
      if (part.annotations.length > 0) {
        losses.push({ field: `${field}.annotations`, severity: "dropped", reason: "Messages accepts only its own citations." });
      }
      return withMark<wire.TextBlock>({ type: "text", text: part.text }, part.cache);
    case "refusal":
      return isBlank(part.text) ? null : { type: "text", text: part.text };
    case "image":
      return encodeImage(part, context);
    case "file":
      return encodeFile(part, context);
    case "audio":
    case "video":
      return leaveOut(part.type, `Messages does not accept ${part.type} content.`, context);
    case "reasoning":
      return encodeThought(part, context);
    case "tool-call":
      return encodeToolCall(part, context);
    case "tool-result":
      return encodeToolResult(part, context);
    case "opaque":
      if (part.protocol === ID) return new JsonText(part.value);
      losses.push({ field: `${field}.${part.name}`, severity: part.severity, reason: `Only its own provider understands ${part.name}.` });
      return null;
  }
}

function encodeToolCall(part: ToolCallPart, context: PartContext): wire.Block {
  const block: wire.ToolUseBlock = {
    type: "tool_use",
    id: fitName(part.callId, NAME_RULE),
    name: context.names.fit(part.name),
    input: new JsonText(inputOf(part, context)),
  };
  return withMark(block, part.cache);
}

/** Arguments as the JSON object that Messages requires, verbatim. */
function inputOf({ arguments: source, kind, name }: ToolCallPart, context: LossContext): string {
  const { input, fault } = encodeArguments(source, kind);
  if (fault === null) return input;
  const field = `${context.field}.arguments`;
  if (fault === "cut-off") {
    const reason = `The arguments of a call to ${name} are not JSON; Messages accepts only JSON.`;
    context.losses.push({ field, severity: "refused", reason });
  } else {
    const reason = `The arguments of a call to ${name} are not a JSON object; they were wrapped in one.`;
    context.losses.push({ field, severity: "reported", reason });
  }
  return input;
}

function encodeToolResult(part: ToolResultPart, context: PartContext): wire.Block {
  const block: wire.ToolResultBlock = { type: "tool_result", tool_use_id: fitName(part.callId, NAME_RULE) };
  const content: NonNullable<wire.ToolResultBlock["content"]> = [];
  for (const piece of part.content) {
    if (piece.type === "text") {
      if (isBlank(piece.text)) continue;
      content.push(withMark<wire.TextBlock>({ type: "text", text: piece.text }, piece.cache));
    } else {
      content.push(piece.type === "image" ? encodeImage(piece, context) : encodeFile(piece, context));
    }
  }
  if (content.length > 0) block.content = content;
  if (part.isError !== null) block.is_error = part.isError;
  return withMark(block, part.cache);
}
