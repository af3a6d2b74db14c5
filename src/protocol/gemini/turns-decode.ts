// `contents` and `systemInstruction` of a client's request -> canonical turns, with call ids where the client omitted them, and each
// result paired with the call that it answers.
// Does not repair a history: that is for the encoder of the target.

import { isObject, type Json, type JsonObject } from "../../wire/json.ts";
import type { Loss, Part, TextPart, ToolCallPart, Turn } from "../canonical.ts";
import { Fields } from "../fields.ts";
import { fold } from "../fold.ts";
import { mergeTurns } from "../turns.ts";
import { madeCallId, wireCallId } from "./calls.ts";
import { checkMedia, decodeMedia, decodeResolution } from "./media.ts";
import { decodeOpaque, PartsDecoder } from "./parts-decode.ts";
import { decodeResult, type NamedResult } from "./tool-results.ts";
import { WORDS } from "./wire.ts";

// ---- System ------------------------------------------------------------------------------------------------------

/** A Content, or what else clients send instead: a string, a part, a list of either. */
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

interface RawPart {
  /** Checks its members, and knows its path. */
  readonly fields: Fields;
  readonly value: JsonObject;
}

interface RawContent {
  readonly role: "user" | "assistant";
  readonly parts: RawPart[];
}

/** @throws GatewayError naming the part that is not what it should be. */
export function decodeTurns(body: Fields, losses: Loss[]): Turn[] {
  if (!body.has("contents")) throw body.fail("contents", "an array of turns");
  const turns: Turn[] = [];
  for (const { role, parts: raw } of neighboursJoined(body.objects("contents").map(rawContent))) {
    const calls = role === "user" ? openCalls(turns) : null;
    const parts =
      calls === null ? modelParts(raw, { turn: turns.length, losses }) : raw.flatMap((part) => userParts(part, { calls, losses }));
    if (parts.length > 0) turns.push({ role, parts, effort: null });
  }
  return mergeTurns(turns);
}

const ROLES = { user: "user", function: "user", tool: "user", model: "assistant", assistant: "assistant" } as const;

function rawContent(content: Fields): RawContent {
  content.ignoreRest();
  const word = content.raw("role") === "" ? null : content.optionalWord("role", WORDS["contents.role"]);
  const role = ROLES[word ?? "user"];
  const parts = content.list("parts").map((part, index): RawPart => {
    // Some clients send strings, as their SDK accepts them.
    const value = typeof part === "string" ? { text: part } : part;
    const fields = content.inside(value, `${content.at("parts")}[${index}]`);
    fields.ignoreRest();
    return { fields, value: isObject(value) ? value : {} };
  });
  return { role, parts };
}

/** One content for each uninterrupted contribution; a chat client sends every event of a streamed answer as one of its own. */
function neighboursJoined(contents: readonly RawContent[]): RawContent[] {
  const joined: RawContent[] = [];
  for (const content of contents) {
    const parts = content.parts.filter(({ value }) => Object.keys(value).length > 0 && !saysNothing(value));
    if (parts.length === 0) continue;
    const last = joined.at(-1);
    if (last?.role === content.role) for (const part of parts) last.parts.push(part);
    else joined.push({ role: content.role, parts });
  }
  return joined;
}

function saysNothing(part: JsonObject): boolean {
  return part["text"] === "" && Object.keys(part).every((key) => key === "text" || key === "thought");
}

// ---- Model parts -------------------------------------------------------------------------------------------------

function modelParts(raw: readonly RawPart[], { turn, losses }: { turn: number; losses: Loss[] }): readonly Part[] {
  const decoder = new PartsDecoder({ callId: (index) => madeCallId(turn, index), tool: (name) => ({ name, kind: "function" }) });
  const events = raw.flatMap(({ fields, value }) => {
    checkModelPart(fields, losses);
    return decoder.read(value);
  });
  const finish = { kind: "end", raw: null, stopSequence: null, explanation: null } as const;
  return fold([{ type: "reply-start", id: "", model: "" }, ...events, ...decoder.close(), { type: "reply-end", finish }]).parts;
}

/** @throws GatewayError naming the member that is not what it should be: an answer's parts are decoded without a check. */
function checkModelPart(fields: Fields, losses: Loss[]): void {
  fields.optionalText("text");
  fields.optionalBoolean("thought");
  fields.optionalText("thoughtSignature");
  const call = fields.optionalObject("functionCall");
  if (call !== null) {
    call.ignoreRest();
    if (!call.has("partialArgs") && !call.has("willContinue")) call.text("name");
    call.optionalText("id");
    const args = call.source("args");
    if (args !== null && !args.startsWith("{")) throw call.fail("args", "a JSON object");
  }
  checkMedia(fields);
  reportAdjectives(fields, losses);
  if (fields.has("thoughtSignature") && (fields.has("inlineData") || fields.has("fileData"))) {
    const reason = "A picture's signature goes back only to Google, together with the picture.";
    losses.push({ field: fields.at("thoughtSignature"), severity: "dropped", reason });
  }
}

/** Members that describe a part. */
const ADJECTIVES = [
  ["videoMetadata", "Only Gemini cuts videos this way."],
  ["mediaProcessing", "Only Gemini processes media this way."],
  ["speechMetadata", "It affects only Google's speech."],
  ["mediaResolution", "This resolution has no counterpart in other protocols."],
] as const;

function reportAdjectives(fields: Fields, losses: Loss[]): void {
  for (const [key, reason] of ADJECTIVES) {
    if (!fields.has(key) || (key === "mediaResolution" && decodeResolution(fields.raw(key)) !== null)) continue;
    losses.push({ field: fields.at(key), severity: "reported", reason });
  }
}

// ---- User parts --------------------------------------------------------------------------------------------------

function userParts({ fields, value }: RawPart, { calls, losses }: { calls: OpenCalls; losses: Loss[] }): Part[] {
  const result = fields.optionalObject("functionResponse");
  if (result !== null) {
    const named = decodeResult(result);
    const { name, content, isError } = named;
    return [{ type: "tool-result", callId: calls.answeredBy(named), name, kind: "function", content, isError, cache: null }];
  }
  checkMedia(fields);
  reportAdjectives(fields, losses);
  const text = fields.optionalText("text");
  const media = decodeMedia(value);
  if (media !== null) return [media.type === "image" ? { ...media, detail: decodeResolution(fields.raw("mediaResolution")) } : media];
  if (text !== null) return text === "" ? [] : [textPart(text)];
  const opaque = decodeOpaque(value);
  return opaque === null ? [] : [opaque];
}

function textPart(text: string): TextPart {
  return { type: "text", text, annotations: [], cache: null, proof: null };
}

// ---- Calls and their results -------------------------------------------------------------------------------------

/** The calls of the turn before, which the coming results answer. */
class OpenCalls {
  readonly #byId = new Map<string, Queue>();
  readonly #byName = new Map<string, Queue>();
  /** Calls without an id, by name. */
  readonly #withoutId = new Map<string, Queue>();
  readonly #answered = new Set<ToolCallPart>();

  constructor(calls: readonly ToolCallPart[]) {
    for (const call of calls) {
      enqueue(this.#byId, call.callId, call);
      enqueue(this.#byName, call.name, call);
      if (wireCallId(call.callId) === null) enqueue(this.#withoutId, call.name, call);
    }
  }

  /** The call's id: that of the call with the result's own id, otherwise of the first unanswered one with its name and no other id. */
  answeredBy({ callId, name }: NamedResult): string {
    const byId = callId === null ? undefined : this.#next(this.#byId.get(callId));
    const call = byId ?? this.#next((callId === null ? this.#byName : this.#withoutId).get(name));
    if (call === undefined) return callId ?? name;
    this.#answered.add(call);
    return call.callId;
  }

  #next(queue: Queue | undefined): ToolCallPart | undefined {
    if (queue === undefined) return undefined;
    for (let call = queue.calls[queue.at]; call !== undefined; call = queue.calls[++queue.at]) if (!this.#answered.has(call)) return call;
    return undefined;
  }
}

interface Queue {
  readonly calls: ToolCallPart[];
  /** The calls before it are answered. */
  at: number;
}

function enqueue(queues: Map<string, Queue>, key: string, call: ToolCallPart): void {
  const queue = queues.get(key);
  if (queue === undefined) queues.set(key, { calls: [call], at: 0 });
  else queue.calls.push(call);
}

function openCalls(turns: readonly Turn[]): OpenCalls {
  const last = turns.at(-1);
  return new OpenCalls(last?.role === "assistant" ? last.parts.filter((part) => part.type === "tool-call") : []);
}
