// Room: protocol/gemini/results (row 2).
// In:  a functionResponse, whose `response` is always an object; canonical tool results, whose content is text and media.
// Out: the other of the two.
// Google reads `output` as the result, `error` as what went wrong, and any other object as the result itself.
// https://ai.google.dev/api/caching#FunctionResponse (read 2026-11)
// Never does: take an `error` member beside others for a failure; that is the tool's own data.

import { isObject, JsonText, parseOrUndefined, type Json, type JsonObject } from "../../wire/json.ts";
import { members } from "../../wire/json-edit.ts";
import type { FilePart, ImagePart, Loss, ToolResultPart } from "../canonical.ts";
import type { Fields } from "../fields.ts";
import { decodeFile, decodeInline, encodeMedia } from "./media.ts";
import { fitToolName } from "./names.ts";

/** A result before its call is known: `callId` is what the client wrote, or null. */
export interface NamedResult {
  readonly callId: string | null;
  readonly name: string;
  readonly content: ToolResultPart["content"];
  readonly isError: boolean | null;
}

// ---- Decode ------------------------------------------------------------------------------------------------------

/** @throws GatewayError naming the member that is not what it should be. */
export function decodeResult(fields: Fields, losses: Loss[]): NamedResult {
  const name = fields.text("name");
  const callId = fields.optionalText("id");
  const response = fields.raw("response");
  if (response !== undefined && response !== null && !(response instanceof JsonText) && !isObject(response)) {
    throw fields.fail("response", "a JSON object");
  }
  const source = fields.source("response") ?? "{}";
  if (!source.startsWith("{")) throw fields.fail("response", "a JSON object");
  const media = fields.objects("parts").map((part) => decodeResultPart(part));
  const { text, isError } = said(source, media.length > 0);
  for (const [key] of fields.unread()) {
    losses.push({ field: fields.at(key), severity: "reported", reason: "Other protocols have one result a call, given at once." });
  }
  const content = text === "" ? media : [{ type: "text", text, annotations: [], cache: null, proof: null } as const, ...media];
  return { callId: callId === "" ? null : callId, name, content, isError: isError ? true : null };
}

function said(response: string, besideMedia: boolean): { text: string; isError: boolean } {
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
  const inline = fields.optionalObject("inlineData");
  const file = fields.optionalObject("fileData");
  const known =
    inline !== null
      ? decodeInline({
          mimeType: inline.optionalText("mimeType"),
          data: inline.text("data"),
          displayName: inline.optionalText("displayName"),
        })
      : file !== null
        ? decodeFile({
            mimeType: file.optionalText("mimeType"),
            fileUri: file.text("fileUri"),
            displayName: file.optionalText("displayName"),
          })
        : null;
  if (known?.type === "image" || known?.type === "file") return known;
  if (file !== null && known === null) {
    const source = { type: "file-id", id: file.text("fileUri"), owner: "gemini" } as const;
    return { type: "file", source, filename: null, context: null, citations: null, cache: null };
  }
  throw fields.fail("inlineData", "an image or a file");
}

// ---- Encode ------------------------------------------------------------------------------------------------------

/** Ids that this gateway made for calls without one; they go back to Gemini as they came, unsaid. */
const MADE_ID = /^call_\d+_\d+$/;

export function spokenId(callId: string): string | null {
  return callId === "" || MADE_ID.test(callId) ? null : callId;
}

interface EncodedResult {
  readonly part: JsonObject;
  /** Images and files that `functionResponse` could not hold. */
  readonly left: readonly (ImagePart | FilePart)[];
}

export function encodeResult(result: ToolResultPart, options: { mediaInside: boolean }): EncodedResult {
  const texts: string[] = [];
  const parts: Json[] = [];
  const left: (ImagePart | FilePart)[] = [];
  for (const part of result.content) {
    if (part.type === "text") {
      texts.push(part.text);
      continue;
    }
    if (part.source.type === "text") {
      texts.push(part.source.text);
      continue;
    }
    const media = options.mediaInside ? encodeMedia(part.source, part.type) : null;
    if (media === null) left.push(part);
    else parts.push(media);
  }
  const functionResponse: JsonObject = {};
  const id = spokenId(result.callId);
  if (id !== null) functionResponse["id"] = id;
  functionResponse["name"] = fitToolName(result.name ?? "unknown");
  functionResponse["response"] = responseOf(texts, { isError: result.isError === true, besideMedia: parts.length > 0 });
  if (parts.length > 0) functionResponse["parts"] = parts;
  return { part: { functionResponse }, left };
}

function responseOf(texts: readonly string[], { isError, besideMedia }: { isError: boolean; besideMedia: boolean }): Json {
  const text = texts.join("\n");
  if (isError) return { error: text };
  if (text === "" && besideMedia) return {};
  const value = text.trimStart().startsWith("{") ? parseOrUndefined(text) : undefined;
  // An object that says `output` or `error` would be read as something else than what the tool said.
  if (!isObject(value) || value["output"] !== undefined || value["error"] !== undefined) return { output: text };
  return new JsonText(text);
}
