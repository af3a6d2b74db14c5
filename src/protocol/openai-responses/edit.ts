// The named edits of a body whose upstream also speaks the Responses API: the model, the instructions, and removing other makers' reasoning.
// Never rewrites anything that it did not change.

import { parse } from "../../wire/json.ts";
import { members, spliced, type Member, type Splice } from "../../wire/json-edit.ts";
import type { Edits } from "../codec.ts";
import { hasSeals, withoutSeals } from "./seals.ts";

export function editRequest(body: string, { model, systemPrompt }: Edits, known?: readonly Member[]): string {
  const found = known ?? members(body);
  const splices: Splice[] = [];
  const modelMember = found.find(({ key }) => key === "model");
  if (model !== null && modelMember !== undefined) {
    splices.push({ start: modelMember.valueStart, end: modelMember.valueEnd, text: JSON.stringify(model) });
  }
  if (systemPrompt !== null && systemPrompt !== "") splices.push(...insertPrompt(systemPrompt, { body, found }));
  if (hasSeals(body)) for (const splice of withoutSeals(body, found)) splices.push(splice);
  return spliced(body, splices);
}

/** Puts the prompt in front of the client's own instructions, unless it is there already, or `instructions` is not text. */
function insertPrompt(prompt: string, { body, found }: { readonly body: string; readonly found: readonly Member[] }): Splice[] {
  const member = found.find(({ key }) => key === "instructions");
  if (member === undefined) {
    return found.slice(0, 1).map(({ start }) => ({ start, end: start, text: `"instructions":${JSON.stringify(prompt)},` }));
  }
  const { valueStart: start, valueEnd: end } = member;
  const value = parse(body.slice(start, end));
  if (value === null || value === "") return [{ start, end, text: JSON.stringify(prompt) }];
  // Anything but a string is an error, which the upstream explains better.
  if (typeof value !== "string" || value.startsWith(prompt)) return [];
  return [{ start: start + 1, end: start + 1, text: JSON.stringify(`${prompt}\n\n`).slice(1, -1) }];
}
