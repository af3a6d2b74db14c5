// Room: protocol/gemini/history (row 2).
// In:  canonical turns, calls and results already paired.
// Out: `contents` that Gemini accepts: user first and last, results in a content of their own, signatures on the part that they
//      came with, Google's stand-in where a call of Gemini 3 has none; and what was lost on the way.
// Never does: move a call before its text; the place of a signature is part of what it signs.

import { isObject, JsonText, parseOrUndefined, type Json, type JsonObject } from "../../wire/json.ts";
import type {
  CanonicalRequest,
  FilePart,
  ImagePart,
  Loss,
  MediaPart,
  Part,
  ReasoningPart,
  TextPart,
  ToolCallPart,
  Turn,
} from "../canonical.ts";
import { pairResults, uniqueCallIds } from "../turns.ts";
import { encodeMedia } from "./media.ts";
import type { Capabilities } from "./capabilities.ts";
import { fitToolName } from "./names.ts";
import { NO_SIGNATURE, ownSignature } from "./proofs.ts";
import { encodeResult, spokenId } from "./tool-results.ts";
import type { Content } from "./wire.ts";

/** Stands where Gemini wants a word of the user and the client's history has none. */
const NOTHING_SAID = ".";
const GO_ON = "Continue.";

interface Context {
  readonly capabilities: Capabilities;
  /** The client's name for the conversation. */
  readonly field: string;
  readonly losses: Loss[];
}

export function encodeTurns(
  request: CanonicalRequest,
  { capabilities, losses }: { capabilities: Capabilities; losses: Loss[] },
): Content[] {
  const paired = pairResults(request);
  losses.push(...paired.losses);
  const context: Context = { capabilities, field: request.names.turns, losses };
  const contents: Content[] = [];
  for (const turn of uniqueCallIds(paired.turns)) {
    for (const content of turn.role === "assistant" ? modelContents(turn, context) : userContents(turn, context)) add(contents, content);
  }
  if (contents[0]?.role !== "user") contents.unshift(said(NOTHING_SAID));
  if (contents.at(-1)?.role !== "user") contents.push(said(GO_ON));
  return contents;
}

/** Neighbours of one role become one content, but nothing joins the results of calls. */
function add(contents: Content[], content: Content): void {
  if (content.parts.length === 0) return;
  const last = contents.at(-1);
  if (last === undefined || last.role !== content.role || holdsResults(last) || holdsResults(content)) contents.push(content);
  else last.parts.push(...content.parts);
}

function holdsResults(content: Content): boolean {
  return content.parts.some((part) => part["functionResponse"] !== undefined);
}

function said(text: string): Content {
  return { role: "user", parts: [{ text }] };
}

// ---- User --------------------------------------------------------------------------------------------------------

function userContents(turn: Turn, context: Context): Content[] {
  const results: JsonObject[] = [];
  const rest: JsonObject[] = [];
  for (const part of turn.parts) {
    if (part.type !== "tool-result") continue;
    const { part: encoded, left } = encodeResult(part, { mediaInside: context.capabilities.mediaInResults });
    results.push(encoded);
    // What a result cannot hold follows behind all results, and says whose it is.
    if (left.length > 0) rest.push({ text: `From the result of ${part.name ?? "the call"} (${part.callId}):` });
    rest.push(...left.flatMap((media) => encodePart(media, context)));
  }
  for (const part of turn.parts) if (part.type !== "tool-result") rest.push(...encodePart(part, context));
  return [
    { role: "user", parts: results },
    { role: "user", parts: rest },
  ];
}

// ---- Model -------------------------------------------------------------------------------------------------------

function modelContents(turn: Turn, context: Context): Content[] {
  let firstCall = true;
  let carried: string | null = null;
  const told = turn.parts.filter((part) => !isSilent(part));
  const parts = told.flatMap((part, index): JsonObject[] => {
    const next = told[index + 1];
    if (isHidden(part) && next?.type === "tool-call" && ownSignature(next.proof) === null) {
      // A client without a place for it at the call sent the signature ahead; Gemini wants it where it was.
      carried = ownSignature(part.proof);
      if (carried !== null) return [];
    }
    if (part.type !== "tool-call") return encodePart(part, context);
    const signature = ownSignature(part.proof) ?? carried ?? (firstCall && context.capabilities.needsSignatures ? NO_SIGNATURE : null);
    firstCall = false;
    carried = null;
    return [{ functionCall: callOf(part, context), ...(signature === null ? {} : { thoughtSignature: signature }) }];
  });
  return [{ role: "model", parts }];
}

/** Whether nothing of a part is left for Gemini: no text, and no proof of its own (a hidden thought of another model). */
function isSilent(part: Part): boolean {
  if (part.type === "refusal") return part.text === "";
  return (part.type === "text" || part.type === "reasoning") && part.text === "" && ownSignature(part.proof) === null;
}

function isHidden(part: Part): part is ReasoningPart {
  return part.type === "reasoning" && part.text === "";
}

function callOf(call: ToolCallPart, { field, losses }: Context): JsonObject {
  const id = spokenId(call.callId);
  const { args, fault } = argsOf(call);
  if (fault) {
    losses.push({ field, severity: "refused", reason: `The arguments of call ${call.callId} of ${call.name} are not complete JSON.` });
  }
  return { ...(id === null ? {} : { id }), name: fitToolName(call.name), args };
}

/** Arguments as Gemini has them: an object, its text untouched. `fault`: they were no JSON. */
export function argsOf(call: Pick<ToolCallPart, "kind" | "arguments">): { args: Json; fault: boolean } {
  if (call.kind === "custom") return { args: { input: call.arguments }, fault: false };
  const text = call.arguments.trim();
  if (text === "") return { args: {}, fault: false };
  const value = parseOrUndefined(text);
  if (isObject(value)) return { args: new JsonText(call.arguments), fault: false };
  if (value === undefined) return { args: { _raw: call.arguments }, fault: true };
  return { args: value === null ? {} : { value }, fault: false };
}

// ---- Parts -------------------------------------------------------------------------------------------------------

function encodePart(part: Part, context: Context): JsonObject[] {
  const { field, losses } = context;
  switch (part.type) {
    case "text":
      return encodeText(part);
    case "refusal":
      return part.text === "" ? [] : [{ text: part.text }];
    case "reasoning": {
      const signature = ownSignature(part.proof);
      const signed = signature === null ? {} : { thoughtSignature: signature };
      return [{ text: part.text, ...(part.redacted ? {} : { thought: true }), ...signed }];
    }
    case "image":
    case "file":
    case "audio":
    case "video":
      return encodeMediaPart(part, context);
    case "opaque":
      if (part.protocol === "gemini") return [ownPart(part.value)];
      losses.push({
        field: `${field}.${part.name}`,
        severity: part.severity,
        reason: `A part of type ${part.name} means something in its own protocol alone.`,
      });
      return [];
    case "tool-call":
    case "tool-result":
      return [];
  }
}

function encodeText(part: TextPart): JsonObject[] {
  const signature = ownSignature(part.proof);
  if (part.text === "" && signature === null) return [];
  return [{ text: part.text, ...(signature === null ? {} : { thoughtSignature: signature }) }];
}

/** A part that goes back to Gemini as it came, the numbers in it included. */
export function ownPart(source: string): JsonObject {
  const value = parseOrUndefined(source);
  return isObject(value) ? value : {};
}

const LEVEL_OF_DETAIL = {
  low: "MEDIA_RESOLUTION_LOW",
  high: "MEDIA_RESOLUTION_HIGH",
  original: "MEDIA_RESOLUTION_ULTRA_HIGH",
  auto: null,
} as const;

function encodeMediaPart(part: ImagePart | FilePart | MediaPart, { capabilities, field, losses }: Context): JsonObject[] {
  const before: JsonObject[] = [];
  if (part.type === "file") {
    if (part.citations === true) {
      losses.push({
        field: `${field}.citations`,
        severity: "reported",
        reason: "Gemini does not cite from documents in the conversation.",
      });
    }
    if (part.context !== null && part.context !== "") before.push({ text: part.context });
    if (part.source.type === "text") {
      const title = part.filename === null || part.filename === "" ? "" : `${part.filename}\n\n`;
      return part.source.text === "" ? before : [...before, { text: title + part.source.text }];
    }
  }
  const media = encodeMedia(part.source, part.type);
  if (media === null) {
    losses.push({
      field: `${field}.${part.type}`,
      severity: "refused",
      reason: `Gemini cannot read the ${part.type}: it lives in another provider's store.`,
    });
    return [...before, { text: `[${part.type} that could not be sent]` }];
  }
  const level = part.type === "image" && part.detail !== null && capabilities.mediaInResults ? LEVEL_OF_DETAIL[part.detail] : null;
  return [...before, level === null ? media : { ...media, mediaResolution: { level } }];
}
