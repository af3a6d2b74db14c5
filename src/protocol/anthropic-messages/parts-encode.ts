// Room: anthropic-messages/content (row 2).
// In:  canonical parts of one turn.
// Out: content blocks that the API accepts: no empty text, tool results first, foreign proofs left out; and what was lost.
// Never does: throw for content, or look at other turns.

import { JsonText } from "../../wire/json.ts";
import type { CacheMark, FilePart, ImagePart, Loss, Part, ToolCallPart, ToolResultPart, Turn } from "../canonical.ts";
import { fitName, type NameRule, type NameTable } from "../tool-names.ts";
import { encodeInput } from "./input.ts";
import { documentSource, imageSource, isImage, mediaTypeOf } from "./media.ts";
import { ID, ORIGIN } from "./wire.ts";
import type * as wire from "./wire.ts";

/** Tool names and call ids: `^[a-zA-Z0-9_-]{1,128}$`. */
export const NAME_RULE: NameRule = { allowed: /[a-zA-Z0-9_-]/, maxLength: 128 };

export interface ContentContext {
  /** The client's word for the conversation; losses name details below it. */
  readonly field: string;
  readonly names: NameTable;
  readonly losses: Loss[];
}

export interface Content {
  readonly blocks: wire.Block[];
  /** Images and files of an assistant turn; only a user turn can show them. */
  readonly shown: wire.Block[];
}

const NOT_BLANK = /\S/;

/** The API refuses a text block of white space alone. */
export function isBlank(text: string): boolean {
  return !NOT_BLANK.test(text);
}

export function encodeContent({ role, parts }: Turn, context: ContentContext): Content {
  const blocks: wire.Block[] = [];
  const results: wire.Block[] = [];
  const shown: wire.Block[] = [];
  for (const part of parts) {
    if (part.type === "text" && isBlank(part.text)) {
      // The API refuses blank text. Its cache mark ends the same prefix one block earlier.
      moveMark(part.cache, blocks);
      continue;
    }
    const encoded = encodePart(part, context);
    if (encoded === null) continue;
    if (part.type === "tool-result") results.push(encoded);
    else if (role === "assistant" && (part.type === "image" || part.type === "file")) shown.push(encoded);
    else blocks.push(encoded);
  }
  return { blocks: [...results, ...blocks], shown };
}

function encodePart(part: Part, context: ContentContext): wire.Block | null {
  switch (part.type) {
    case "text":
      if (part.annotations.length > 0) {
        context.losses.push({
          field: `${context.field}.annotations`,
          severity: "dropped",
          reason: "Messages takes back its own citations alone.",
        });
      }
      return withMark<wire.TextBlock>({ type: "text", text: part.text }, part.cache);
    case "refusal":
      return !isBlank(part.text) ? { type: "text", text: part.text } : null;
    case "image":
      return encodeImage(part, context);
    case "file":
      return encodeFile(part, context);
    case "audio":
    case "video":
      return leftOut(part.type, `Messages takes no ${part.type}.`, context);
    case "reasoning":
      return encodeReasoning(part, context);
    case "tool-call":
      return encodeToolCall(part, context);
    case "tool-result":
      return encodeToolResult(part, context);
    case "opaque":
      if (part.protocol === ID) return new JsonText(part.value);
      context.losses.push({
        field: `${context.field}.${part.name}`,
        severity: part.severity,
        reason: `Only its own provider understands ${part.name}.`,
      });
      return null;
  }
}

/** A thought goes back to the vendor that made it, with its proof, or not at all. */
function encodeReasoning(part: Extract<Part, { type: "reasoning" }>, context: ContentContext): wire.Block | null {
  const { proof } = part;
  if (proof?.origin === ORIGIN && proof.data !== "") {
    return part.redacted
      ? { type: "redacted_thinking", data: proof.data }
      : { type: "thinking", thinking: part.text, signature: proof.data };
  }
  const reason = "Claude models take back only thoughts that they signed.";
  const field = `${context.field}.reasoning`;
  if (!context.losses.some((loss) => loss.field === field)) context.losses.push({ field, severity: "dropped", reason });
  return null;
}

function encodeToolCall(part: ToolCallPart, context: ContentContext): wire.Block {
  const block: wire.ToolUseBlock = {
    type: "tool_use",
    id: fitName(part.callId, NAME_RULE),
    name: context.names.fit(part.name),
    input: new JsonText(inputOf(part, context)),
  };
  return withMark(block, part.cache);
}

/** Arguments as the JSON object that Messages wants, spelled as the model spelled it. */
function inputOf({ arguments: text, kind, name }: ToolCallPart, context: ContentContext): string {
  const { source, fault } = encodeInput(text, kind);
  const field = `${context.field}.arguments`;
  if (fault === "cut-off") {
    context.losses.push({
      field,
      severity: "refused",
      reason: `The arguments of a call to ${name} are not JSON; Messages takes JSON alone.`,
    });
  } else if (fault === "no-object") {
    context.losses.push({
      field,
      severity: "reported",
      reason: `The arguments of a call to ${name} are no JSON object; they were wrapped into one.`,
    });
  }
  return source;
}

function encodeToolResult(part: ToolResultPart, context: ContentContext): wire.Block {
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

function encodeImage(part: ImagePart, context: ContentContext): wire.ImageBlock | wire.DocumentBlock | wire.TextBlock {
  const mediaType = mediaTypeOf(part.source);
  if (mediaType === "application/pdf") {
    return encodeFile({ ...part, type: "file", filename: null, context: null, citations: null }, context);
  }
  const source = imageSource(part.source);
  if (source === null) return leftOut("image", `${whatIsWrong(part, mediaType)} Send jpeg, png, gif or webp.`, context);
  return withMark<wire.ImageBlock>({ type: "image", source }, part.cache);
}

function encodeFile(part: FilePart, context: ContentContext): wire.ImageBlock | wire.DocumentBlock | wire.TextBlock {
  const mediaType = mediaTypeOf(part.source);
  if (isImage(mediaType)) return encodeImage({ type: "image", source: part.source, detail: null, cache: part.cache }, context);
  const source = documentSource(part.source);
  if (source === null) return leftOut("file", `${whatIsWrong(part, mediaType)} Send a PDF or text.`, context);
  const block: wire.DocumentBlock = { type: "document", source };
  if (part.filename !== null) block.title = part.filename;
  if (part.context !== null) block.context = part.context;
  if (part.citations !== null) block.citations = { enabled: part.citations };
  return withMark(block, part.cache);
}

function whatIsWrong({ type, source }: ImagePart | FilePart, mediaType: string | null): string {
  if (source.type === "file-id") return `The ${type} ${source.id} is stored at another provider, and Messages cannot read it there.`;
  return mediaType === null ? `The ${type} does not say what it is.` : `Messages takes no ${type} of type ${mediaType}.`;
}

/** A note in the place of what cannot be sent, so that the model knows of it where the client chose to go on. */
function leftOut(what: string, reason: string, context: ContentContext): wire.TextBlock {
  context.losses.push({ field: `${context.field}.${what}`, severity: "refused", reason });
  return { type: "text", text: `[${what} left out: ${reason}]` };
}

// ---- Cache marks -------------------------------------------------------------------------------------------------

export function cacheControl(mark: CacheMark): wire.CacheControl {
  return mark.ttl === null ? { type: "ephemeral" } : { type: "ephemeral", ttl: mark.ttl };
}

export function withMark<Block extends wire.MarkedBlock>(block: Block, mark: CacheMark | null): Block {
  return mark === null ? block : { ...block, cache_control: cacheControl(mark) };
}

/** Puts a mark on the last block that can carry one. */
function moveMark(mark: CacheMark | null, blocks: wire.Block[]): void {
  if (mark === null) return;
  const last = blocks.findLast(isMarked);
  if (last !== undefined) last.cache_control ??= cacheControl(mark);
}

export function isMarked(block: wire.Block): block is wire.MarkedBlock {
  return !(block instanceof JsonText) && block.type !== "thinking" && block.type !== "redacted_thinking";
}
