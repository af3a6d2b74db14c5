// Room: openai-responses (row 2), edits.
// In:  the body of a client whose upstream speaks the Responses API too.
// Out: the same text with the model and the instructions edited, and without reasoning that this proxy sealed for another maker.
// Never does: print anything again that it did not change.

import { parse } from "../../wire/json.ts";
import { cut, items, members, spliced, type Member, type Splice } from "../../wire/json-edit.ts";
import type { Edits } from "../codec.ts";

export function edit(body: string, { model, systemPrompt }: Edits, known?: readonly Member[]): string {
  const found = known ?? members(body);
  const splices: Splice[] = [];
  const named = (key: string): Member | undefined => found.find((member) => member.key === key);
  const modelMember = named("model");
  if (model !== null && modelMember !== undefined) {
    splices.push({ start: modelMember.valueStart, end: modelMember.valueEnd, text: JSON.stringify(model) });
  }
  if (systemPrompt !== null && systemPrompt !== "") {
    const first = found[0];
    const splice = promptSplice(body, systemPrompt, named("instructions"));
    if (splice !== null) splices.push(splice);
    else if (named("instructions") === undefined && first !== undefined) {
      splices.push({ start: first.start, end: first.start, text: `"instructions":${JSON.stringify(systemPrompt)},` });
    }
  }
  const input = named("input");
  if (input !== undefined && body.includes(SEALED)) splices.push(...sealedReasoning(body, input));
  return spliced(body, splices);
}

/** The prompt in front of the client's own instructions; null when there is nothing to do at the member itself. */
function promptSplice(body: string, prompt: string, member: Member | undefined): Splice | null {
  if (member === undefined) return null;
  const value = parse(body.slice(member.valueStart, member.valueEnd));
  if (value === null || value === "") return { start: member.valueStart, end: member.valueEnd, text: JSON.stringify(prompt) };
  // What is no string is wrong, and the upstream says so better.
  if (typeof value !== "string" || value.startsWith(prompt)) return null;
  const put = JSON.stringify(`${prompt}\n\n`).slice(1, -1);
  return { start: member.valueStart + 1, end: member.valueStart + 1, text: put };
}

// ---- Sealed reasoning --------------------------------------------------------------------------------------------

/**
 * How sealed reasoning begins. The seal is this proxy's own: it carried another maker's proof to the client, in an earlier turn
 * of the conversation, and its own maker alone can read it. Here it could only be refused as content that can't be decrypted.
 */
const SEALED = '"gw1.';

function sealedReasoning(body: string, input: Member): Splice[] {
  const all = items(body, input.valueStart);
  return cut(all, new Set(all.filter(({ start, end }) => isSealed(body.slice(start, end)))));
}

function isSealed(text: string): boolean {
  if (!text.startsWith("{") || !text.includes(SEALED)) return false;
  const item = members(text);
  const says = (key: string, check: (value: string) => boolean): boolean =>
    item.some((member) => member.key === key && check(text.slice(member.valueStart, member.valueEnd)));
  return says("type", (value) => value === '"reasoning"') && says("encrypted_content", (value) => value.startsWith(SEALED));
}
