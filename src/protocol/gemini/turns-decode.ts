// Room: protocol/gemini/contents (row 2).
// In:  `contents` and `systemInstruction` of a client's request.
// Out: canonical turns, with call ids where the client left them out, and each result paired with the call that it answers.
// Never does: repair a history; that is for the encoder of the target.

import { isObject, rowOf, type Json, type JsonObject } from "../../wire/json.ts";
import type { Loss, Part, TextPart, ToolCallPart, Turn } from "../canonical.ts";
import { Fields } from "../fields.ts";
import { fold } from "../fold.ts";
import { mergeTurns } from "../turns.ts";
import { decodeFile, decodeInline } from "./media.ts";
import { googleFile, PartsDecoder, opaquePart } from "./parts-decode.ts";
import { decodeResult, spokenId, type NamedResult } from "./tool-results.ts";

/** The id of a call that has none: the same for an answer and for its echo in the next request. */
export function madeCallId(turn: number, index: number): string {
  return `call_${turn}_${index}`;
}

// ---- System ------------------------------------------------------------------------------------------------------

/** A Content, or what else clients send in its place: a string, a part, a list of either. */
export function decodeSystem(value: Json | undefined, { path, losses }: { path: string; losses: Loss[] }): TextPart[] {
  if (value === undefined || value === null || value === "") return [];
  if (typeof value === "string") return [textPart(value)];
  if (Array.isArray(value)) return value.flatMap((item, index) => decodeSystem(item, { path: `${path}[${index}]`, losses }));
  const fields = Fields.of(value, path);
  if (fields.has("parts")) return decodeSystem(fields.raw("parts"), { path: fields.at("parts"), losses });
  if (fields.has("text")) return decodeSystem(fields.text("text"), { path, losses });
  if (Object.keys(value).some((key) => key !== "role" && key !== "parts" && key !== "text")) {
    losses.push({ field: path, severity: "refused", reason: "Instructions are text in other protocols." });
  }
  return [];
}

// ---- Turns -------------------------------------------------------------------------------------------------------

interface RawContent {
  readonly role: "user" | "assistant";
  /** Paths and values, in order. */
  readonly parts: [path: string, part: JsonObject][];
}

/** @throws GatewayError naming the part that is not what it should be. */
export function decodeTurns(body: Fields, losses: Loss[]): Turn[] {
  if (!body.has("contents")) throw body.fail("contents", "an array of turns");
  const turns: Turn[] = [];
  for (const content of neighboursJoined(body.objects("contents").map((fields) => rawContent(fields)))) {
    if (content.role === "assistant") {
      const parts = modelParts(content.parts, { turn: turns.length, losses });
      if (parts.length > 0) turns.push({ role: "assistant", parts, effort: null });
      continue;
    }
    const calls = openCalls(turns);
    const parts = content.parts.flatMap(([path, part]) => userParts(Fields.of(part, path), part, { calls, losses }));
    if (parts.length > 0) turns.push({ role: "user", parts, effort: null });
  }
  return mergeTurns(turns);
}

const ROLES: Readonly<Record<string, RawContent["role"]>> = {
  user: "user",
  function: "user",
  tool: "user",
  model: "assistant",
  assistant: "assistant",
};

function rawContent(fields: Fields): RawContent {
  const word = fields.optionalText("role");
  const role = rowOf(ROLES, word === null || word === "" ? "user" : word);
  if (role === undefined) throw fields.fail("role", "user or model");
  return {
    role,
    parts: fields.list("parts").map((part, index) => {
      const path = `${fields.at("parts")}[${index}]`;
      // Some clients send strings, as their SDK takes them.
      if (typeof part === "string") return [path, { text: part }];
      Fields.of(part, path);
      return [path, isObject(part) ? part : {}];
    }),
  };
}

/** One content for each uninterrupted contribution; a chat client sends every event of a streamed answer as one of its own. */
function neighboursJoined(contents: readonly RawContent[]): RawContent[] {
  const joined: RawContent[] = [];
  for (const content of contents) {
    const parts = content.parts.filter(([, part]) => Object.keys(part).length > 0 && !saysNothing(part));
    if (parts.length === 0) continue;
    const last = joined.at(-1);
    if (last?.role === content.role) last.parts.push(...parts);
    else joined.push({ role: content.role, parts });
  }
  return joined;
}

function saysNothing(part: JsonObject): boolean {
  return part["text"] === "" && Object.keys(part).every((key) => key === "text" || key === "thought");
}

function modelParts(raw: RawContent["parts"], { turn, losses }: { turn: number; losses: Loss[] }): readonly Part[] {
  const reader = new PartsDecoder({ callId: (index) => madeCallId(turn, index), tool: (name) => ({ name, kind: "function" }) });
  const events = raw.flatMap(([path, part]) => {
    checkModelPart(Fields.of(part, path), losses);
    return reader.read(part);
  });
  const finish = { kind: "end", raw: null, stopSequence: null, explanation: null } as const;
  return fold([{ type: "reply-start", id: "", model: "" }, ...events, ...reader.close(), { type: "reply-end", finish }]).parts;
}

function checkModelPart(fields: Fields, losses: Loss[]): void {
  fields.optionalText("text");
  fields.optionalBoolean("thought");
  fields.optionalText("thoughtSignature");
  const call = fields.optionalObject("functionCall");
  if (call !== null) {
    if (!call.has("partialArgs") && !call.has("willContinue")) call.text("name");
    call.optionalText("id");
    const args = call.source("args");
    if (args !== null && !args.startsWith("{")) throw call.fail("args", "a JSON object");
  }
  checkMedia(fields);
  reportAdjectives(fields, losses);
  if (fields.has("thoughtSignature") && (fields.has("inlineData") || fields.has("fileData"))) {
    const reason = "A picture's signature goes back to Google alone, and with the picture.";
    losses.push({ field: fields.at("thoughtSignature"), severity: "dropped", reason });
  }
}

function checkMedia(fields: Fields): void {
  const inline = fields.optionalObject("inlineData");
  inline?.text("data");
  inline?.optionalText("mimeType");
  const file = fields.optionalObject("fileData");
  file?.text("fileUri");
  file?.optionalText("mimeType");
}

/** What is said about a part beside its content. */
const ADJECTIVES: Readonly<Record<string, string>> = {
  videoMetadata: "Only Gemini cuts videos this way.",
  mediaProcessing: "Only Gemini processes media this way.",
  speechMetadata: "It shapes speech at Google alone.",
  mediaResolution: "This resolution has no counterpart in other protocols.",
};

function reportAdjectives(fields: Fields, losses: Loss[]): void {
  for (const [key, reason] of Object.entries(ADJECTIVES)) {
    if (!fields.has(key) || (key === "mediaResolution" && detailOf(fields.raw(key)) !== null)) continue;
    losses.push({ field: fields.at(key), severity: "reported", reason });
  }
}

// ---- User parts --------------------------------------------------------------------------------------------------

interface UserContext {
  readonly calls: OpenCalls;
  readonly losses: Loss[];
}

function userParts(fields: Fields, part: JsonObject, { calls, losses }: UserContext): Part[] {
  const result = fields.optionalObject("functionResponse");
  if (result !== null) {
    const named = decodeResult(result, losses);
    const { name, content, isError } = named;
    return [{ type: "tool-result", callId: calls.answeredBy(named), name, kind: "function", content, isError, cache: null }];
  }
  checkMedia(fields);
  reportAdjectives(fields, losses);
  const text = fields.optionalText("text");
  const inline = fields.optionalObject("inlineData");
  const file = fields.optionalObject("fileData");
  if (inline !== null) {
    const found = decodeInline({
      mimeType: inline.optionalText("mimeType"),
      data: inline.text("data"),
      displayName: inline.optionalText("displayName"),
    });
    return [withDetail(found, fields.raw("mediaResolution"))];
  }
  if (file !== null) {
    const found = decodeFile({
      mimeType: file.optionalText("mimeType"),
      fileUri: file.text("fileUri"),
      displayName: file.optionalText("displayName"),
    });
    return [found === null ? googleFile(part) : withDetail(found, fields.raw("mediaResolution"))];
  }
  if (text !== null) return text === "" ? [] : [textPart(text)];
  const opaque = opaquePart(part);
  return opaque === null ? [] : [opaque];
}

function textPart(text: string): TextPart {
  return { type: "text", text, annotations: [], cache: null, proof: null };
}

const DETAILS: ReadonlyMap<unknown, "low" | "high" | "original"> = new Map([
  ["MEDIA_RESOLUTION_LOW", "low"],
  ["MEDIA_RESOLUTION_HIGH", "high"],
  ["MEDIA_RESOLUTION_ULTRA_HIGH", "original"],
] as const);

function detailOf(resolution: Json | undefined): "low" | "high" | "original" | null {
  return DETAILS.get(isObject(resolution) ? resolution["level"] : resolution) ?? null;
}

function withDetail(part: Part, resolution: Json | undefined): Part {
  return part.type === "image" ? { ...part, detail: detailOf(resolution) } : part;
}

// ---- Calls and their results -------------------------------------------------------------------------------------

/** The calls of the turn before, which the results that now come answer. */
class OpenCalls {
  readonly #calls: ToolCallPart[];

  constructor(calls: readonly ToolCallPart[]) {
    this.#calls = [...calls];
  }

  /** The id of the call: the one with the result's own id, else the first unanswered one of its name that names no other id. */
  answeredBy({ callId, name }: NamedResult): string {
    const byId = this.#calls.findIndex((call) => call.callId === callId);
    const byName = this.#calls.findIndex((call) => call.name === name && (callId === null || spokenId(call.callId) === null));
    const at = byId === -1 ? byName : byId;
    if (at === -1) return callId ?? name;
    return this.#calls.splice(at, 1)[0]?.callId ?? name;
  }
}

function openCalls(turns: readonly Turn[]): OpenCalls {
  const last = turns.at(-1);
  return new OpenCalls(last?.role === "assistant" ? last.parts.filter((part) => part.type === "tool-call") : []);
}
