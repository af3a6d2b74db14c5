// Room: protocol/gemini/seals (row 2).
// In:  the text of a body whose upstream is Gemini itself.
// Out: where signatures stand that this proxy put there for other vendors' models (see proofs.ts), as splices: a hidden thought goes
//      as a whole, a readable one and a text lose the signature, a call gets Google's word for "there is none" where it needs one.
// Never does: touch a signature of Gemini's own.

import { cut, items, members, type Member, type Span, type Splice } from "../../wire/json-edit.ts";
import { NO_SIGNATURE, SEALED } from "./proofs.ts";

const SEAL = `"${SEALED}`;
const SIGNATURE: ReadonlySet<string> = new Set(["thoughtSignature", "thought_signature"]);
const CALL: ReadonlySet<string> = new Set(["functionCall", "function_call"]);

export function hasSeals(body: string): boolean {
  return body.includes(SEAL);
}

/** The splices for a body, given its members. `needsSignatures`: whether the model refuses a call without one. */
export function withoutSeals(body: string, found: readonly Member[], { needsSignatures }: { needsSignatures: boolean }): Splice[] {
  const list = found.findLast(({ key }) => key === "contents");
  if (list === undefined) return [];
  const contents = items(body, list.valueStart);
  const emptied = new Set<Span>();
  const splices = contents.flatMap((content): Splice[] => {
    const place = partsOf(body, content);
    if (place === null) return [];
    const parts = items(body, place);
    const hidden = new Set(parts.filter((part) => isHiddenThought(body.slice(part.start, part.end))));
    if (hidden.size === parts.length) {
      emptied.add(content);
      return [];
    }
    const signed = parts.filter((part) => !hidden.has(part)).flatMap((part) => signature(body, part, needsSignatures));
    return [...cut(parts, hidden), ...signed];
  });
  return [...splices, ...cut(contents, emptied)];
}

/** Where the parts of a content begin; null where none of them is sealed. */
function partsOf(body: string, { start, end }: Span): number | null {
  const text = body.slice(start, end);
  if (!text.startsWith("{") || !text.includes(SEAL)) return null;
  const parts = members(text).find(({ key }) => key === "parts");
  return parts === undefined ? null : start + parts.valueStart;
}

function sealIn(text: string, found: readonly Member[]): Member | undefined {
  return found.find(({ key, valueStart }) => SIGNATURE.has(key) && text.startsWith(SEAL, valueStart));
}

/** Whether a part is another model's signature and nothing else. */
function isHiddenThought(text: string): boolean {
  if (!text.startsWith("{") || !text.includes(SEAL)) return false;
  const found = members(text);
  const isEmpty = ({ key, valueStart, valueEnd }: Member): boolean =>
    SIGNATURE.has(key) || key === "thought" || (key === "text" && text.slice(valueStart, valueEnd) === '""');
  return sealIn(text, found) !== undefined && found.every(isEmpty);
}

function signature(body: string, { start, end }: Span, needsSignatures: boolean): Splice[] {
  const text = body.slice(start, end);
  if (!text.startsWith("{") || !text.includes(SEAL)) return [];
  const found = members(text);
  const seal = sealIn(text, found);
  if (seal === undefined) return [];
  if (needsSignatures && found.some(({ key }) => CALL.has(key))) {
    return [{ start: start + seal.valueStart, end: start + seal.valueEnd, text: JSON.stringify(NO_SIGNATURE) }];
  }
  const spans = found.map((member): Span => ({ start: start + member.start, end: start + member.valueEnd }));
  return cut(spans, new Set(spans.filter((_, index) => found[index] === seal)));
}
