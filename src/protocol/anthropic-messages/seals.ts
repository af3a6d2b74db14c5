// Room: anthropic-messages/seals (row 2).
// In:  the text of a request whose upstream speaks this protocol too.
// Out: where thoughts and citations stand that other vendors' models left in the conversation (see proofs.ts), as splices that take
//      them out. Anthropic answers 400 to them.
// Never does: find anything in a conversation that this proxy did not put there itself.

import { isObject, parse, type JsonObject } from "../../wire/json.ts";
import { cut, items, members, type Member, type Span, type Splice } from "../../wire/json-edit.ts";

const SEALED = '"gw1.';

export function hasSeals(body: string): boolean {
  return body.includes(SEALED);
}

/** The splices for a body, given its members. */
export function withoutSeals(body: string, found: readonly Member[]): Splice[] {
  const list = found.find(({ key }) => key === "messages");
  if (list === undefined || body[list.valueStart] !== "[") return [];
  const messages = items(body, list.valueStart);
  const splices: Splice[] = [];
  const emptied = new Set<Span>();
  for (const message of messages) {
    if (!body.slice(message.start, message.end).includes(SEALED)) continue;
    const content = memberAt(body, message, "content");
    if (content === null || body[content.start] !== "[") continue;
    const blocks = items(body, content.start);
    const foreign = new Set(blocks.filter((block) => isForeignThought(body.slice(block.start, block.end))));
    if (foreign.size === blocks.length) emptied.add(message);
    else
      splices.push(
        ...cut(blocks, foreign),
        ...blocks.filter((block) => !foreign.has(block)).flatMap((block) => foreignCitations(body, block)),
      );
  }
  const removed = [...splices, ...cut(messages, emptied)];
  return removed.length === 0 ? [] : [...removed, ...thinkingSplice(body, { found, messages })];
}

function isForeignThought(block: string): boolean {
  if (!block.includes(SEALED)) return false;
  const value = parse(block);
  return isObject(value) && proofIn(value)?.startsWith(SEALED.slice(1)) === true;
}

/** The proof of a thought; null for any other block. */
function proofIn(block: JsonObject): string | null {
  const proof = block["type"] === "thinking" ? block["signature"] : block["type"] === "redacted_thinking" ? block["data"] : null;
  return typeof proof === "string" ? proof : null;
}

/** One of another vendor's citations makes the whole list unreadable; it only says where the text came from. */
function foreignCitations(body: string, block: Span): Splice[] {
  const citations = memberAt(body, block, "citations");
  if (citations === null || !body.slice(citations.start, citations.end).includes(SEALED)) return [];
  return [{ ...citations, text: "null" }];
}

/** With a budget, the API wants a tool loop to begin with a signed thought; where that was taken out, thinking waits for the next turn. */
function thinkingSplice(body: string, { found, messages }: { found: readonly Member[]; messages: readonly Span[] }): Splice[] {
  const thinking = found.find(({ key }) => key === "thinking");
  if (thinking === undefined) return [];
  const { valueStart: start, valueEnd: end } = thinking;
  const value = parse(body.slice(start, end));
  if (!isObject(value) || value["type"] !== "enabled") return [];
  const last = messages
    .map((message) => parse(body.slice(message.start, message.end)))
    .findLast((message) => isObject(message) && message["role"] === "assistant");
  const content = isObject(last) && Array.isArray(last["content"]) ? last["content"].filter(isObject) : [];
  const calls = content.some((block) => block["type"] === "tool_use");
  const signed = content.some((block) => proofIn(block)?.startsWith(SEALED.slice(1)) === false);
  return calls && !signed ? [{ start, end, text: '{"type":"disabled"}' }] : [];
}

function memberAt(body: string, { start, end }: Span, key: string): Span | null {
  if (body[start] !== "{") return null;
  const member = members(body.slice(start, end)).find((one) => one.key === key);
  return member === undefined ? null : { start: start + member.valueStart, end: start + member.valueEnd };
}
