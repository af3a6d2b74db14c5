// The named edits of a generateContent body that passes: model, stream switch, system prompt, and removing other makers' seals.
// Does not rewrite anything that the client wrote.

import { firstItem, members, spliced, type Member, type Splice } from "../../wire/json-edit.ts";
import { parse } from "../../wire/json.ts";
import type { Edits } from "../codec.ts";
import { capabilitiesOf } from "./capabilities.ts";
import { hasSeals, withoutSeals } from "./seals.ts";

/** @throws GatewayError `invalid-request` when the body is not a JSON object. */
export function editRequest(body: string, edits: Edits, known?: readonly Member[]): string {
  const { model } = edits;
  const systemPrompt = edits.systemPrompt === "" ? null : edits.systemPrompt;
  const stream = edits.stream ?? null;
  const sealed = hasSeals(body);
  if (model === null && systemPrompt === null && stream === null && !sealed) return body;
  const found = known ?? members(body);
  const inserted: string[] = [];
  const splices: Splice[] = [];
  const set = (key: string, value: string): void => {
    const member = found.find((one) => one.key === key);
    if (member === undefined) inserted.push(`${JSON.stringify(key)}:${value}`);
    else splices.push({ start: member.valueStart, end: member.valueEnd, text: value });
  };
  if (model !== null) set("model", JSON.stringify(model));
  // An endpoint does not stream unless it is asked to.
  if (stream === true || (stream === false && found.some(({ key }) => key === "stream"))) set("stream", String(stream));
  if (systemPrompt !== null) {
    const member = found.findLast(({ key }) => key === "systemInstruction" || key === "system_instruction");
    if (member === undefined) inserted.push(`"systemInstruction":{"parts":[${partOf(systemPrompt)}]}`);
    else splices.push(...inFront(body, member, { prompt: systemPrompt }));
  }
  if (inserted.length > 0) {
    const at = body.indexOf("{") + 1;
    splices.push({ start: at, end: at, text: inserted.join(",") + (found.length > 0 ? "," : "") });
  }
  if (sealed) for (const splice of withoutSeals(body, found, capabilitiesOf(model ?? modelIn(body, found)))) splices.push(splice);
  return spliced(body, splices);
}

function modelIn(body: string, found: readonly Member[]): string {
  const member = found.find(({ key }) => key === "model");
  const value = member === undefined ? null : parse(body.slice(member.valueStart, member.valueEnd));
  return typeof value === "string" ? value : "";
}

function partOf(text: string): string {
  return `{"text":${JSON.stringify(text)}}`;
}

/** A value of the body, by its place in the text. */
type Place = Pick<Member, "valueStart" | "valueEnd">;

/** Puts the prompt before instructions in any form that clients send, unless it is there already. */
function inFront(body: string, { valueStart: start, valueEnd: end }: Place, { prompt }: { prompt: string }): Splice[] {
  switch (body[start]) {
    case '"': {
      if (beginsWith(body.slice(start, end), prompt)) return [];
      const empty = end - start === 2;
      const text = JSON.stringify(empty ? prompt : `${prompt}\n\n`).slice(1, -1);
      return [{ start: start + 1, end: start + 1, text }];
    }
    case "[": {
      const first = firstItem(body, start);
      if (first !== "" && saysFirst(first, prompt)) return [];
      const item = first.startsWith('"') ? JSON.stringify(prompt) : partOf(prompt);
      return [{ start: start + 1, end: start + 1, text: first === "" ? item : `${item},` }];
    }
    case "{":
      return inContent(body, { valueStart: start, valueEnd: end }, { prompt });
    default:
      return [{ start, end, text: `{"parts":[${partOf(prompt)}]}` }];
  }
}

/** Into a Content, or around a lone part that stands where a Content should. */
function inContent(body: string, { valueStart: start, valueEnd: end }: Place, { prompt }: { prompt: string }): Splice[] {
  const inside = members(body.slice(start, end));
  const parts = inside.find(({ key }) => key === "parts");
  if (parts === undefined && inside.some(({ key }) => key === "text")) {
    return around(body, { valueStart: start, valueEnd: end }, { prompt, open: '{"parts":[', close: "]}" });
  }
  if (parts === undefined)
    return [{ start: start + 1, end: start + 1, text: `"parts":[${partOf(prompt)}]${inside.length > 0 ? "," : ""}` }];
  const place = { valueStart: start + parts.valueStart, valueEnd: start + parts.valueEnd };
  const opening = body[place.valueStart];
  if (opening === "[" || opening === '"') return inFront(body, place, { prompt });
  if (opening === "{") return around(body, place, { prompt, open: "[", close: "]" });
  return [{ start: place.valueStart, end: place.valueEnd, text: `[${partOf(prompt)}]` }];
}

/** A lone part becomes the second one of a list. */
function around(
  body: string,
  { valueStart, valueEnd }: Place,
  { prompt, open, close }: Record<"prompt" | "open" | "close", string>,
): Splice[] {
  if (saysFirst(body.slice(valueStart, valueEnd), prompt)) return [];
  return [
    { start: valueStart, end: valueStart, text: `${open}${partOf(prompt)},` },
    { start: valueEnd, end: valueEnd, text: close },
  ];
}

/** Whether an item of instructions (a string, a part, a Content) begins with the prompt. */
function saysFirst(item: string, prompt: string): boolean {
  if (item.startsWith('"')) return beginsWith(item, prompt);
  if (!item.startsWith("{")) return false;
  for (const { key, valueStart } of members(item)) {
    if (key === "text") return beginsWith(item.slice(valueStart), prompt);
    if (key === "parts") return saysFirst(firstItem(item, valueStart), prompt);
  }
  return false;
}

/** `text` begins with a JSON string. */
function beginsWith(text: string, prompt: string): boolean {
  const value = parse(firstItem(text, 0));
  return typeof value === "string" && value.startsWith(prompt);
}
