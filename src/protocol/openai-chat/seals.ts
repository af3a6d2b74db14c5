// Proofs in the slots that Chat clients echo (see wire.ts), both directions; and the splices that remove them from a body that passes:
// no Chat server knows these members, and some refuse unknown ones.
// Never sends a proof unsealed, accepts an unsealed one, or touches anybody else's `reasoning_details` and `extra_content`.

import { cut, items, members, type Member, type Span, type Splice } from "../../wire/json-edit.ts";
import type { Part, Proof, ReasoningPart } from "../canonical.ts";
import { openProof, SEALED_STRING, sealProof } from "../seals.ts";
import { objectOf, objectsOf, textOf, type CallProof, type DetailRead, type ReasoningDetail } from "./wire.ts";

// ---- Proofs --------------------------------------------------------------------------------------------------------

/** A proof that a client or a gateway sent back; null for text that `sealProof` did not make. */
function unseal(text: unknown): Proof | null {
  if (typeof text !== "string") return null;
  const proof = openProof(text, "openai");
  // Unsealed text comes back unchanged.
  return proof.data === text ? null : proof;
}

/** The contents of the sealed items in `reasoning_details`. */
export interface Details {
  readonly reasoning: readonly ReasoningPart[];
  readonly textProof: Proof | null;
}

export function decodeDetails(value: unknown): Details {
  if (value === undefined) return NO_DETAILS;
  const reasoning: ReasoningPart[] = [];
  let textProof: Proof | null = null;
  for (const detail of objectsOf<DetailRead>(value)) {
    const redacted = detail.type === "reasoning.encrypted";
    const proof = unseal(redacted ? detail.data : detail.signature);
    if (proof === null) continue;
    if (redacted && detail.id === "content") textProof = proof;
    else reasoning.push({ type: "reasoning", text: redacted ? "" : textOf(detail.text), redacted, proof });
  }
  return { reasoning, textProof };
}

const NO_DETAILS: Details = { reasoning: [], textProof: null };

/** The item that proves a part; null for parts without a proof, and for tool calls, which carry their own. */
export function encodeDetail(part: Part, index: number): ReasoningDetail | null {
  if (part.type === "text" && part.proof !== null) {
    return { type: "reasoning.encrypted", index, data: sealProof(part.proof, null), id: "content" };
  }
  if (part.type !== "reasoning" || part.proof === null) return null;
  const sealed = sealProof(part.proof, null);
  if (part.redacted) return { type: "reasoning.encrypted", index, data: sealed };
  return { type: "reasoning.text", index, text: part.text, signature: sealed };
}

/** The proof in a tool call's `extra_content`. */
export function decodeCallProof(extraContent: unknown): Proof | null {
  const google = objectOf<{ google: unknown }>(extraContent)?.google;
  return unseal(objectOf<{ thought_signature: unknown }>(google)?.thought_signature);
}

export function encodeCallProof(proof: Proof | null): CallProof {
  return proof === null ? {} : { extra_content: { google: { thought_signature: sealProof(proof, null) } } };
}

// ---- A body that passes --------------------------------------------------------------------------------------------

export function hasSeals(body: string): boolean {
  return body.includes(SEALED_STRING);
}

/** The splices for a body, given its member `messages`. */
export function withoutSeals(body: string, messages: Member): Splice[] {
  return items(body, messages.valueStart).flatMap((message): Splice[] => {
    const found = membersOf(body, message);
    const details = found.find(({ key }) => key === "reasoning_details");
    const calls = found.find(({ key }) => key === "tool_calls");
    return [
      ...(details === undefined ? [] : withoutDetails(body, found, details)),
      ...(calls === undefined ? [] : items(body, calls.valueStart).flatMap((call) => withoutProof(body, call))),
    ];
  });
}

interface Placed extends Span {
  readonly key: string;
  readonly valueStart: number;
}

/** The members of an object that contains a seal, with their places in the whole text; none for any other value. */
function membersOf(body: string, { start, end }: Span): Placed[] {
  const text = body.slice(start, end);
  if (!text.startsWith("{") || !text.includes(SEALED_STRING)) return [];
  return members(text).map((member) => ({
    key: member.key,
    start: start + member.start,
    valueStart: start + member.valueStart,
    end: start + member.valueEnd,
  }));
}

/** Removes the sealed items from the list, and the whole list if nothing else is in it. */
function withoutDetails(body: string, found: readonly Placed[], details: Placed): Splice[] {
  const all = items(body, details.valueStart);
  const sealed = new Set(all.filter(({ start, end }) => body.slice(start, end).includes(SEALED_STRING)));
  return sealed.size === all.length ? cut(found, new Set([details])) : cut(all, sealed);
}

function withoutProof(body: string, call: Span): Splice[] {
  const found = membersOf(body, call);
  return cut(
    found,
    new Set(found.filter(({ key, start, end }) => key === "extra_content" && body.slice(start, end).includes(SEALED_STRING))),
  );
}
