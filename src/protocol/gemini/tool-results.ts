// Tool results, both directions: a functionResponse, whose `response` is always an object, and canonical text and media.
// Google reads `output` as the result, `error` as what went wrong, and any other object as the result itself.
// https://ai.google.dev/api/caching#FunctionResponse (read 2026-11)
// Does not take an `error` member beside others for a failure: that is the tool's own data.

import { members } from "../../wire/json-edit.ts";
import { isObject, JsonText, parseOrUndefined, type Json, type JsonObject } from "../../wire/json.ts";
import type { FilePart, ImagePart, ToolResultPart } from "../canonical.ts";
import type { Fields } from "../fields.ts";
import { wireCallId } from "./calls.ts";
import { checkMedia, decodeMedia, encodeMedia } from "./media.ts";
import { fitToolName } from "./tools.ts";

/** A result whose call is not known yet: `callId` is what the client wrote, or null. */
export interface NamedResult {
  readonly callId: string | null;
  readonly name: string;
  readonly content: ToolResultPart["content"];
  readonly isError: boolean | null;
}

// ---- Decode ------------------------------------------------------------------------------------------------------

/** @throws GatewayError naming the member that is not what it should be. */
export function decodeResult(fields: Fields): NamedResult {
  const name = fields.text("name");
  const callId = fields.optionalText("id");
  const response = fields.raw("response");
  if (response !== undefined && response !== null && !(response instanceof JsonText) && !isObject(response)) {
    throw fields.fail("response", "a JSON object");
  }
  const source = fields.source("response") ?? "{}";
  if (!source.startsWith("{")) throw fields.fail("response", "a JSON object");
  const media = fields.objects("parts").map(decodeResultPart);
  const { text, isError } = decodeResponse(source, media.length > 0);
  const content = text === "" ? media : [{ type: "text", text, annotations: [], cache: null, proof: null } as const, ...media];
  return { callId: callId === "" ? null : callId, name, content, isError: isError ? true : null };
}

function decodeResponse(response: string, besideMedia: boolean): { text: string; isError: boolean } {
  const found = members(response);
  const [only] = found;
  if (only === undefined) return { text: besideMedia ? "" : response, isError: false };
  const failed = found.find(({ key }) => key === "error");
  const isError =
    failed !== undefined &&
    found.every(({ key }) => key === "error" || key === "output") &&
    response.slice(failed.valueStart, failed.valueEnd) !== "null";
  if (found.length > 1 || (only.key !== "output" && !isError)) return { text: response, isError };
  const value = response.slice(only.valueStart, only.valueEnd);
  const text = value.startsWith('"') ? parseOrUndefined(value) : value;
  return { text: typeof text === "string" ? text : value, isError };
}

function decodeResultPart(fields: Fields): ImagePart | FilePart {
  fields.ignoreRest();
  checkMedia(fields);
  const fileData = fields.raw("fileData") ?? null;
  const media = decodeMedia({ inlineData: fields.raw("inlineData") ?? null, fileData });
  if (media?.type === "image" || media?.type === "file") return media;
  const id = media?.type === "opaque" && isObject(fileData) ? fileData["fileUri"] : null;
  if (typeof id !== "string") throw fields.fail("inlineData", "an image or a file");
  const source = { type: "file-id", id, owner: "gemini" } as const;
  return { type: "file", source, filename: null, context: null, citations: null, cache: null };
}

// ---- Encode ------------------------------------------------------------------------------------------------------

interface EncodedResult {
  readonly part: JsonObject;
  /** Images and files that do not fit into `functionResponse`. */
  readonly left: readonly (ImagePart | FilePart)[];
}

export function encodeResult(result: ToolResultPart, { mediaInside }: { mediaInside: boolean }): EncodedResult {
  const texts: string[] = [];
  const parts: Json[] = [];
  const left: (ImagePart | FilePart)[] = [];
  for (const part of result.content) {
    const text = part.type === "text" ? part.text : part.source.type === "text" ? part.source.text : null;
    const media = part.type !== "text" && mediaInside ? encodeMedia(part.source, part.type) : null;
    if (text !== null) texts.push(text);
    else if (media !== null) parts.push(media);
    else if (part.type !== "text") left.push(part);
  }
  const id = wireCallId(result.callId);
  const functionResponse = {
    ...(id === null ? {} : { id }),
    name: fitToolName(result.name ?? "unknown"),
    response: encodeResponse(texts, { isError: result.isError === true, besideMedia: parts.length > 0 }),
    ...(parts.length > 0 ? { parts } : {}),
  };
  return { part: { functionResponse }, left };
}

function encodeResponse(texts: readonly string[], { isError, besideMedia }: { isError: boolean; besideMedia: boolean }): Json {
  const text = texts.join("\n");
  if (isError) return { error: text };
  if (text === "" && besideMedia) return {};
  const value = text.trimStart().startsWith("{") ? parseOrUndefined(text) : undefined;
  // An object with `output` or `error` would be read differently from what the tool said.
  if (!isObject(value) || value["output"] !== undefined || value["error"] !== undefined) return { output: text };
  return new JsonText(text);
}
