// The named edits of a request that passes: the model's name, a system prompt before the client's own, a limit on the answer where there is
// none, and removing other makers' seals.
// Never reprints anything of the client's; its instructions keep every character.

import { isObject, parse, type Json } from "../../wire/json.ts";
import { members, spliced, type Member, type Splice } from "../../wire/json-edit.ts";
import { isOutside, withoutOutside } from "../bedrock.ts";
import type { Edits } from "../codec.ts";
import { capabilitiesOf, defaultLimit } from "./capabilities.ts";
import { hasSeals, withoutSeals } from "./seals.ts";

/** If there is a stream switch to write, the body is in Bedrock's form. */
export function editRequest(body: string, edits: Edits, known?: readonly Member[]): string {
  const { model, systemPrompt, stream = null, defaultMaxTokens } = edits;
  const sealed = hasSeals(body);
  if (model === null && systemPrompt === null && defaultMaxTokens === undefined && !sealed) return body;
  const all = known ?? members(body);
  const splices: Splice[] = [];
  let found = all;
  if (model !== null && stream !== null) {
    found = all.filter((member) => !isOutside(member));
    const start = body.indexOf("{") + 1;
    const comma = found.length === 0 && systemPrompt === null ? "" : ",";
    splices.push({ start, end: start, text: `"model":${JSON.stringify(model)},"stream":${stream}${comma}` }, ...withoutOutside(all));
  } else if (model !== null) {
    const member = memberOf(found, "model");
    if (member !== undefined) splices.push({ start: member.valueStart, end: member.valueEnd, text: JSON.stringify(model) });
  }
  if (systemPrompt !== null) {
    const splice = promptSplice(body, found, systemPrompt);
    if (splice !== null) splices.push(splice);
  }
  // First, because what is removed from a body in Bedrock's form may begin where the limit is inserted.
  if (defaultMaxTokens !== undefined) splices.unshift(...limitSplices(body, found, { model, wanted: defaultMaxTokens }));
  if (sealed) for (const splice of withoutSeals(body, found)) splices.push(splice);
  return splices.length === 0 ? body : spliced(body, splices);
}

/** Claude answers 400 without `max_tokens`. The limit must be above the thinking budget. */
function limitSplices(
  body: string,
  found: readonly Member[],
  { model, wanted }: { model: string | null; wanted: number | null },
): Splice[] {
  const limited = memberOf(found, "max_tokens");
  const last = found.at(-1);
  if (last === undefined || (limited !== undefined && !body.startsWith("null", limited.valueStart))) return [];
  const named = model ?? valueOf(body, memberOf(found, "model"));
  const capabilities = capabilitiesOf(typeof named === "string" ? named : "");
  const thinking = valueOf(body, memberOf(found, "thinking"));
  const budget = isObject(thinking) ? thinking["budget_tokens"] : null;
  const limit = defaultLimit(capabilities, wanted);
  const tokens = String(typeof budget === "number" && budget >= limit ? capabilities.maxOutputTokens : limit);
  if (limited !== undefined) return [{ start: limited.valueStart, end: limited.valueEnd, text: tokens }];
  return [{ start: last.valueEnd, end: last.valueEnd, text: `,"max_tokens":${tokens}` }];
}

function memberOf(found: readonly Member[], name: string): Member | undefined {
  for (const member of found) if (member.key === name) return member;
  return undefined;
}

function valueOf(body: string, member: Member | undefined): Json {
  return member === undefined ? null : parse(body.slice(member.valueStart, member.valueEnd));
}

/** Where the prompt goes; null when it is there already, or when no prompt can be put before `system`. */
function promptSplice(body: string, found: readonly Member[], prompt: string): Splice | null {
  const block = JSON.stringify({ type: "text", text: prompt });
  const member = memberOf(found, "system");
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
  // Claude Code's attribution block may precede a prompt that is there already.
  const isThere = value.slice(0, 2).some((item) => isObject(item) && typeof item["text"] === "string" && item["text"].startsWith(prompt));
  if (isThere) return null;
  const inside = start + 1;
  return { start: inside, end: inside, text: value.length === 0 ? block : `${block},` };
}
