// Prompt-cache marks of blocks and tools, both directions.
// Never marks a block that may carry none.

import { isObject, JsonText, type Json } from "../../wire/json.ts";
import type { CacheMark } from "../canonical.ts";
import type { Fields } from "../fields.ts";
import { WORDS } from "./wire.ts";
import type * as wire from "./wire.ts";

/** `cache_control` of a block or tool; null counts as absent. */
export function decodeMark(fields: Fields): CacheMark | null {
  const control = fields.optionalObject("cache_control");
  if (control === null) return null;
  control.ignoreRest();
  return { ttl: control.optionalWord("ttl", WORDS["cache_control.ttl"]) };
}

export function encodeMark(mark: CacheMark): wire.CacheControl {
  return mark.ttl === null ? { type: "ephemeral" } : { type: "ephemeral", ttl: mark.ttl };
}

export function withMark<Block extends wire.MarkedBlock>(block: Block, mark: CacheMark | null): Block {
  return mark === null ? block : { ...block, cache_control: encodeMark(mark) };
}

/** Puts a mark on the last block that can have one. */
export function moveMark(mark: CacheMark | null, blocks: readonly wire.Block[]): void {
  if (mark === null) return;
  const last = blocks.findLast(canCarry);
  if (last !== undefined) last.cache_control ??= encodeMark(mark);
}

function canCarry(block: wire.Block): block is wire.MarkedBlock {
  return !(block instanceof JsonText) && block.type !== "thinking" && block.type !== "redacted_thinking";
}

const MAX_MARKS = 4;

/** Removes the mark from the last block that can have one: the API puts the mark of the whole request there. */
export function clearLastMark(messages: readonly wire.Message[]): void {
  const last = messages.at(-1)?.content.findLast(canCarry);
  if (last !== undefined) delete last.cache_control;
}

export interface Markable {
  /** Whether the whole request has a mark, which counts as one. */
  readonly hasRootMark: boolean;
  readonly tools: readonly Json[];
  readonly system: readonly wire.TextBlock[];
  readonly messages: readonly wire.Message[];
}

/** The API accepts four cache marks; of more, the last ones are kept, since they cover the longest prefixes. */
export function limitMarks({ hasRootMark, tools, system, messages }: Markable): void {
  const removals: (() => void)[] = [];
  for (const tool of tools) {
    if (isObject(tool) && tool["cache_control"] !== undefined) removals.push(() => delete tool["cache_control"]);
  }
  const collect = (block: wire.Block): void => {
    if (!canCarry(block)) return;
    if (block.type === "tool_result") block.content?.forEach(collect);
    if (block.cache_control !== undefined) removals.push(() => delete block.cache_control);
  };
  system.forEach(collect);
  for (const { content } of messages) content.forEach(collect);
  const most = hasRootMark ? MAX_MARKS - 1 : MAX_MARKS;
  for (const remove of removals.slice(0, Math.max(0, removals.length - most))) remove();
}
