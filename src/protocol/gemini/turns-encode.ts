// Canonical turns -> `contents` that Gemini accepts: user first and last, results in their own content, signatures on their original
// part, Google's placeholder where a call of Gemini 3 has none; with the losses.
// Does not move a call before its text: the place of a signature is part of what it signs.

import type { JsonObject } from "../../wire/json.ts";
import type { CanonicalRequest, FilePart, ImagePart, Loss, MediaPart, Part, ReasoningPart, ToolCallPart, Turn } from "../canonical.ts";
import { pairResults, uniqueCallIds } from "../turns.ts";
import { encodeArguments, encodeCall, wireCallId } from "./calls.ts";
import type { Capabilities } from "./capabilities.ts";
import { encodeMedia, encodeResolution } from "./media.ts";
import { encodeOpaque, encodeText } from "./parts-encode.ts";
import { NO_SIGNATURE, ownSignature } from "./seals.ts";
import { encodeResult } from "./tool-results.ts";
import { fitToolName } from "./tools.ts";
import type { Content } from "./wire.ts";

/** Used where Gemini requires a user's text and the history has none. */
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
  for (const loss of paired.losses) losses.push(loss);
  const context: Context = { capabilities, field: request.names.turns, losses };
  const contents: Content[] = [];
  const closed = new Set<Content>();
  for (const turn of uniqueCallIds(paired.turns)) {
    for (const content of turn.role === "assistant" ? modelContents(turn, context) : userContents(turn, context))
      add(content, { contents, closed });
  }
  if (contents[0]?.role !== "user") contents.unshift(userText(NOTHING_SAID));
  if (contents.at(-1)?.role !== "user") contents.push(userText(GO_ON));
  return contents;
}

/** Adjacent turns of one role become one content, but results of calls stay separate. */
function add(content: Content, { contents, closed }: { readonly contents: Content[]; readonly closed: Set<Content> }): void {
  if (content.parts.length === 0) return;
  const holdsResults = content.parts.some((part) => part["functionResponse"] !== undefined);
  if (holdsResults) closed.add(content);
  const last = contents.at(-1);
  if (last === undefined || last.role !== content.role || holdsResults || closed.has(last)) contents.push(content);
  else for (const part of content.parts) last.parts.push(part);
}

function userText(text: string): Content {
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
    // What a result can't hold follows after all results, with its call's id.
    if (left.length > 0) rest.push({ text: `From the result of ${part.name ?? "the call"} (${part.callId}):` });
    for (const media of left) for (const encodedMedia of encodePart(media, context)) rest.push(encodedMedia);
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
  const speaking = turn.parts.filter((part) => !isSilent(part));
  const parts = speaking.flatMap((part, index): JsonObject[] => {
    const next = speaking[index + 1];
    if (isHidden(part) && next?.type === "tool-call" && ownSignature(next.proof) === null) {
      // A client without a place for it at the call sent the signature before it; Gemini wants it at its original place.
      carried = ownSignature(part.proof);
      if (carried !== null) return [];
    }
    if (part.type !== "tool-call") return encodePart(part, context);
    const signature = ownSignature(part.proof) ?? carried ?? (firstCall && context.capabilities.needsSignatures ? NO_SIGNATURE : null);
    firstCall = false;
    carried = null;
    return [encodeCallPart(part, signature, context)];
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

function encodeCallPart(call: ToolCallPart, signature: string | null, { field, losses }: Context): JsonObject {
  const { args, fault } = encodeArguments(call);
  if (fault) {
    losses.push({ field, severity: "refused", reason: `The arguments of call ${call.callId} of ${call.name} are not complete JSON.` });
  }
  return encodeCall({ id: wireCallId(call.callId), name: fitToolName(call.name), args }, signature);
}

// ---- Parts -------------------------------------------------------------------------------------------------------

function encodePart(part: Part, context: Context): JsonObject[] {
  const { field, losses } = context;
  switch (part.type) {
    case "text":
      return encodeText(part.text, { thought: false, signature: ownSignature(part.proof) });
    case "refusal":
      return encodeText(part.text, { thought: false, signature: null });
    case "reasoning":
      return encodeText(part.text, { thought: !part.redacted, signature: ownSignature(part.proof) });
    case "image":
    case "file":
    case "audio":
    case "video":
      return encodeMediaPart(part, context);
    case "opaque":
      if (part.protocol === "gemini") return [encodeOpaque(part)];
      losses.push({
        field: `${field}.${part.name}`,
        severity: part.severity,
        reason: `A part of type ${part.name} has meaning only in its own protocol.`,
      });
      return [];
    case "tool-call":
    case "tool-result":
      return [];
  }
}

function encodeMediaPart(part: ImagePart | FilePart | MediaPart, { capabilities, field, losses }: Context): JsonObject[] {
  const before: JsonObject[] = [];
  if (part.type === "file") {
    if (part.citations === true) {
      losses.push({
        field: `${field}.citations`,
        severity: "reported",
        reason: "Gemini does not cite documents in the conversation.",
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
      reason: `Gemini cannot read the ${part.type}: it is stored at another provider.`,
    });
    return [...before, { text: `[${part.type} that could not be sent]` }];
  }
  return [...before, part.type === "image" && capabilities.mediaInResults ? { ...media, ...encodeResolution(part.detail) } : media];
}
