// The named edits of a request that passes: the model's name, a system prompt in front of the client's own, and other makers' seals taken out.
// Never prints anything of the client's anew; its instructions keep every character.

import { isObject, parse } from "../../wire/json.ts";
import { members, spliced, type Member, type Splice } from "../../wire/json-edit.ts";
import { isOutside, withoutOutside } from "../bedrock.ts";
import type { Edits } from "../codec.ts";
import { hasSeals, withoutSeals } from "./seals.ts";

/** A stream switch to write says that the body is in Bedrock's form. */
export function editRequest(body: string, { model, systemPrompt, stream = null }: Edits, known?: readonly Member[]): string {
  const sealed = hasSeals(body);
  if (model === null && systemPrompt === null && !sealed) return body;
  const all = known ?? members(body);
  const splices: Splice[] = [];
  let found = all;
  if (model !== null && stream !== null) {
    found = all.filter((member) => !isOutside(member));
    const start = body.indexOf("{") + 1;
    const comma = found.length === 0 && systemPrompt === null ? "" : ",";
    splices.push({ start, end: start, text: `"model":${JSON.stringify(model)},"stream":${stream}${comma}` }, ...withoutOutside(all));
  } else if (model !== null) {
    const member = found.find(({ key }) => key === "model");
    if (member !== undefined) splices.push({ start: member.valueStart, end: member.valueEnd, text: JSON.stringify(model) });
  }
  if (systemPrompt !== null) {
    const splice = promptSplice(body, found, systemPrompt);
    if (splice !== null) splices.push(splice);
  }
  if (sealed) splices.push(...withoutSeals(body, found));
  return spliced(body, splices);
}

/** Where the prompt goes; null when it stands there already, or when `system` is nothing that a prompt can be put in front of. */
function promptSplice(body: string, found: readonly Member[], prompt: string): Splice | null {
  const block = JSON.stringify({ type: "text", text: prompt });
  const member = found.find(({ key }) => key === "system");
  if (member === undefined) {
    const start = body.indexOf("{") + 1;
    return { start, end: start, text: `"system":[${block}]${found.length === 0 ? "" : ","}` };
  }
  const { valueStart: start, valueEnd: end } = member;
  const source = body.slice(start, end);
  const value = parse(source);
  if (value === null || value === "") return { start, end, text: `[${block}]` };
  if (typeof value === "string") {
    return value.startsWith(prompt) ? null : { start, end, text: `[${block},{"type":"text","text":${source}}]` };
  }
  if (!Array.isArray(value)) return null;
  // Claude Code's attribution block may stand in front of a prompt that is there already.
  const isThere = value.slice(0, 2).some((item) => isObject(item) && typeof item["text"] === "string" && item["text"].startsWith(prompt));
  if (isThere) return null;
  const inside = start + 1;
  return { start: inside, end: inside, text: value.length === 0 ? block : `${block},` };
}
