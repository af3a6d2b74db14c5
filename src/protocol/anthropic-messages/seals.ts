// Proofs on the wire: signatures and redacted thoughts, both directions. A client gets other makers' proofs sealed, in slots that it sends
// back untouched. Anthropic answers 400 to a seal, so seals are removed from a body that passes to it.
// Never sends an empty signature, and never finds anything in a conversation that this program did not put there itself.

import { isObject, parse, type Json, type JsonObject } from "../../wire/json.ts";
import { cut, items, members, type Member, type Span, type Splice } from "../../wire/json-edit.ts";
import type { Proof } from "../canonical.ts";
import { openProof, SEAL, SEALED_STRING, sealProof } from "../seals.ts";
import { ORIGIN } from "./wire.ts";

/** The signature of a thought without a proof. */
const UNSIGNED = `${SEAL}unsigned`;
/** Ends redacted data that proves the preceding text or tool call: such blocks have no slot of their own. */
const OF_BLOCK_BEFORE = ".before";
/** Replaces Anthropic's own index into a search result, for another model's citation. */
export const FOREIGN_INDEX = `${SEAL}none`;
/** The prefix of ids of other models' web searches; Anthropic's rule for such ids allows no full stop. */
export const FOREIGN_SEARCH = "srvtoolu_gw1_";
const FOREIGN_SEARCH_STRING = `"${FOREIGN_SEARCH}`;

// ---- Proofs ------------------------------------------------------------------------------------------------------

export function signatureOf(proof: Proof | null): string {
  return proof === null ? UNSIGNED : sealProof(proof, ORIGIN);
}

/** What a signature, or the data of a redacted thought, proves; null: nothing. */
export function proofOf(signature: string): Proof | null {
  if (signature === "" || signature === UNSIGNED) return null;
  const sealed = isCarrier(signature) ? signature.slice(0, -OF_BLOCK_BEFORE.length) : signature;
  const proof = openProof(sealed, ORIGIN);
  // A text that begins like a seal but is not one is no proof.
  return sealed.startsWith(SEAL) && proof.data === sealed ? null : proof;
}

/** The data of a redacted block that carries the proof of the preceding block. */
export function carrierOf(proof: Proof): string {
  return sealProof(proof, ORIGIN) + OF_BLOCK_BEFORE;
}

export function isCarrier(data: string): boolean {
  return data.startsWith(SEAL) && data.endsWith(OF_BLOCK_BEFORE);
}

// ---- Bodies that pass --------------------------------------------------------------------------------------------

export function hasSeals(body: string): boolean {
  return body.includes(SEALED_STRING) || body.includes(FOREIGN_SEARCH_STRING);
}

/** The splices that remove other makers' thoughts, web searches and citations from a body, given its members. */
export function withoutSeals(body: string, found: readonly Member[]): Splice[] {
  const list = found.find(({ key }) => key === "messages");
  if (list === undefined || body[list.valueStart] !== "[") return [];
  const messages = items(body, list.valueStart);
  const splices: Splice[] = [];
  const emptied = new Set<Span>();
  for (const message of messages) {
    if (!hasSeals(body.slice(message.start, message.end))) continue;
    const content = memberAt(body, message, "content");
    if (content === null || body[content.start] !== "[") continue;
    const blocks = items(body, content.start);
    const foreign = new Set(blocks.filter((block) => isForeign(body.slice(block.start, block.end))));
    if (foreign.size === blocks.length) {
      emptied.add(message);
      continue;
    }
    for (const splice of cut(blocks, foreign)) splices.push(splice);
    for (const block of blocks) if (!foreign.has(block)) for (const splice of foreignCitations(body, block)) splices.push(splice);
  }
  const removed = [...splices, ...cut(messages, emptied)];
  return removed.length === 0 ? [] : [...removed, ...thinkingSplice(body, { found, messages })];
}

function isForeign(block: string): boolean {
  if (!hasSeals(block)) return false;
  const value = parse(block);
  return isObject(value) && (proofIn(value)?.startsWith(SEAL) === true || isForeignSearch(value["id"] ?? value["tool_use_id"]));
}

/** Whether the id of a call or result belongs to a search that this program reported for another model. */
export function isForeignSearch(id: Json | undefined): boolean {
  return typeof id === "string" && id.startsWith(FOREIGN_SEARCH);
}

/** The proof of a thought; null for any other block. */
function proofIn(block: JsonObject): string | null {
  const proof = block["type"] === "thinking" ? block["signature"] : block["type"] === "redacted_thinking" ? block["data"] : null;
  return typeof proof === "string" ? proof : null;
}

/** One citation of another maker makes the whole list unreadable; the list only says where the text came from. */
function foreignCitations(body: string, block: Span): Splice[] {
  const citations = memberAt(body, block, "citations");
  if (citations === null || !hasSeals(body.slice(citations.start, citations.end))) return [];
  return [{ ...citations, text: "null" }];
}

/** With a budget, the API requires a tool loop to begin with a signed thought; where it was removed, thinking waits for the next turn. */
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
  const signed = content.some((block) => proofIn(block)?.startsWith(SEAL) === false);
  return calls && !signed ? [{ start, end, text: '{"type":"disabled"}' }] : [];
}

function memberAt(body: string, { start, end }: Span, key: string): Span | null {
  if (body[start] !== "{") return null;
  const member = members(body.slice(start, end)).find((one) => one.key === key);
  return member === undefined ? null : { start: start + member.valueStart, end: start + member.valueEnd };
}
