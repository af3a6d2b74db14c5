// The named edits of a body that passes to a Chat upstream: the model's name, the system prompt, and removing others' proofs.
// Never changes anything else, or adds the system prompt twice.

import { isObject, parse, type Json } from "../../wire/json.ts";
import { members, spliced, type Member, type Splice } from "../../wire/json-edit.ts";
import type { Edits } from "../codec.ts";
import { hasSeals, withoutSeals } from "./seals.ts";

/** @throws GatewayError `invalid-request` when the body is not a JSON object. */
export function editRequest(body: string, { model, systemPrompt }: Edits, known?: readonly Member[]): string {
  const sealed = hasSeals(body);
  if (model === null && systemPrompt === null && !sealed) return body;
  const splices: Splice[] = [];
  for (const member of known ?? members(body)) {
    if (member.key === "model" && model !== null)
      splices.push({ start: member.valueStart, end: member.valueEnd, text: JSON.stringify(model) });
    if (member.key === "messages" && systemPrompt !== null) splices.push(...insertPrompt(body, member, systemPrompt));
    if (member.key === "messages" && sealed) for (const splice of withoutSeals(body, member)) splices.push(splice);
  }
  return spliced(body, splices);
}

/** The prompt as first message, unless it is there already, or `messages` is not an array, which the upstream will report. */
function insertPrompt(body: string, member: Member, prompt: string): Splice[] {
  const messages = parse(body.slice(member.valueStart, member.valueEnd));
  if (!Array.isArray(messages) || startsInstructions(messages, prompt)) return [];
  const message = `{"role":"system","content":${JSON.stringify(prompt)}}`;
  const at = member.valueStart + 1;
  return [{ start: at, end: at, text: messages.length === 0 ? message : `${message},` }];
}

/** Whether one of the leading instructions begins with the prompt. */
function startsInstructions(messages: readonly Json[], prompt: string): boolean {
  for (const message of messages) {
    if (!isObject(message) || (message["role"] !== "system" && message["role"] !== "developer")) return false;
    if (textOfContent(message["content"]).startsWith(prompt)) return true;
  }
  return false;
}

function textOfContent(content: Json | undefined): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content.map((part) => (isObject(part) && typeof part["text"] === "string" ? part["text"] : "")).join("");
}
