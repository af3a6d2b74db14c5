// Room: openai-chat (row 2). What a conversation brings back from other vendors' models.
// In:  the text of a body whose upstream speaks Chat itself.
// Out: the proofs that this proxy sealed into messages and calls (see proofs.ts), as splices that take them out: no Chat server
//      knows these members, and some refuse what they do not know.
// Never does: touch `reasoning_details` or `extra_content` of anybody else.

import { cut, items, members, type Member, type Span, type Splice } from "../../wire/json-edit.ts";

const SEAL = '"gw1.';

export function hasSeals(body: string): boolean {
  return body.includes(SEAL);
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

/** The members of an object that holds a seal, with their places in the whole text; none of any other value. */
function membersOf(body: string, { start, end }: Span): Placed[] {
  const text = body.slice(start, end);
  if (!text.startsWith("{") || !text.includes(SEAL)) return [];
  return members(text).map((member) => ({
    key: member.key,
    start: start + member.start,
    valueStart: start + member.valueStart,
    end: start + member.valueEnd,
  }));
}

/** Takes the sealed items out of the list, and the list where nothing else is in it. */
function withoutDetails(body: string, found: readonly Placed[], details: Placed): Splice[] {
  const all = items(body, details.valueStart);
  const sealed = new Set(all.filter(({ start, end }) => body.slice(start, end).includes(SEAL)));
  return sealed.size === all.length ? cut(found, new Set([details])) : cut(all, sealed);
}

function withoutProof(body: string, call: Span): Splice[] {
  const found = membersOf(body, call);
  return cut(found, new Set(found.filter(({ key, start, end }) => key === "extra_content" && body.slice(start, end).includes(SEAL))));
}
