// Parses answers of Gemini's generateContent and streamGenerateContent.
// https://ai.google.dev/api/generate-content (read 2026-11); what throws was measured with @google/genai 3.1 and 2.32.

import { isObject, listAt, numberAt, objectIn, pick, printed, textAt, type Json, type JsonObject } from "../wire.ts";
import { blocksOf, Faults, nothingSaid, type Counted, type Read, type Rule, type Said } from "./reading.ts";

export const GEMINI_FINISHES = (
  "STOP MAX_TOKENS SAFETY RECITATION LANGUAGE OTHER BLOCKLIST PROHIBITED_CONTENT SPII MALFORMED_FUNCTION_CALL IMAGE_SAFETY " +
  "UNEXPECTED_TOOL_CALL IMAGE_PROHIBITED_CONTENT NO_IMAGE IMAGE_RECITATION IMAGE_OTHER CONTINUATION TOO_MANY_TOOL_CALLS MALFORMED_RESPONSE"
).split(" ");

export const GEMINI_RULES = {
  framing: {
    expected: 'blocks that begin with "data:", one line of JSON, a blank line behind each',
    breaks: "@google/genai loses a block with event: or a comment in it, and throws on [DONE] or a missing blank line",
  },
  finish: {
    expected: "a finishReason of the list in the last chunk alone",
    breaks: "Gemini CLI asks again: the stream ended without a finish reason",
  },
  parts: {
    expected: "chunks with parts that are not empty, but for the last one",
    breaks: "the chat helper of @google/genai drops the turn from its history",
  },
  calls: { expected: "each functionCall whole, with a name and args as an object", breaks: "@google/genai shows half a call as a call" },
  identity: { expected: "one responseId on all chunks", breaks: "Gemini CLI's telemetry counts several answers" },
  usage: {
    expected: "usageMetadata with totalTokenCount in the last chunk",
    breaks: "Gemini CLI shows no tokens and never compresses its history",
  },
} as const satisfies Readonly<Record<string, Rule>>;

export const GEMINI_SHAPE: Readonly<Record<string, Rule>> = {
  candidates: { expected: "a candidate with content and parts", breaks: "@google/genai's text is undefined" },
  calls: { expected: "functionCall with a name and args as an object", breaks: "@google/genai's functionCalls have no arguments" },
  finish: { expected: "a finishReason of the list", breaks: "clients take it for an answer that was cut" },
  usage: { expected: "usageMetadata with totalTokenCount", breaks: "Gemini CLI shows no tokens" },
};

export function readGeminiStream(text: string): Read {
  const { blocks, rest } = blocksOf(text);
  const said = nothingSaid();
  const faults = new Faults();
  const parts: Json[] = [];
  faults.hold(rest.trim() === "" || rest.startsWith(":"), "framing", () => `"${rest}" without a blank line`);
  if (blocks.length === 0 && text.trim() !== "") faults.hold(false, "framing", () => text);
  const chunks = blocks.map(({ data, raw }) => {
    const body = objectIn(data);
    faults.hold(body !== null && /^data:[^\n\r]*$/.test(raw), "framing", () => raw);
    return body ?? {};
  });
  for (const [index, chunk] of chunks.entries()) {
    if (isObject(chunk["error"])) {
      said.error = { message: textAt(chunk, "error.message"), type: textAt(chunk, "error.status") };
      continue;
    }
    const isLast = index === chunks.length - 1;
    const id = textAt(chunk, "responseId");
    if (said.id === "") said.id = id;
    faults.hold(id !== "" && id === said.id, "identity", () => `"${id}" after "${said.id}"`);
    takeCandidate(chunk, { said, faults, parts });
    const finish = textAt(chunk, "candidates.0.finishReason");
    if (finish !== "") {
      faults.hold(isLast && GEMINI_FINISHES.includes(finish), "finish", () => `${finish} in chunk ${index + 1} of ${chunks.length}`);
      said.finish = finish;
    }
    const hasParts = listAt(chunk, "candidates.0.content.parts").length > 0;
    faults.hold(hasParts || finish !== "" || isObject(chunk["promptFeedback"]), "parts", () => JSON.stringify(chunk));
    if (isObject(chunk["usageMetadata"])) said.usage = geminiUsage(chunk["usageMetadata"]);
    if (isObject(chunk["promptFeedback"])) said.finish ??= textAt(chunk, "promptFeedback.blockReason");
  }
  if (said.error === null) {
    faults.hold(said.finish !== null, "finish", () => "no finishReason");
    faults.hold(numberAt(chunks.at(-1), "usageMetadata.totalTokenCount") !== null, "usage", () => JSON.stringify(chunks.at(-1) ?? null));
    said.isComplete = said.finish !== null;
  }
  if (parts.length > 0) said.turns.push({ role: "model", parts });
  return { said, faults: faults.list };
}

export function readGemini(text: string): Read {
  const body = objectIn(text);
  const said = nothingSaid();
  const faults = new Faults();
  const error = pick(body, "error");
  if (isObject(error)) {
    said.error = { message: textAt(error, "message"), type: textAt(error, "status") };
    return { said, faults: [] };
  }
  const parts: Json[] = [];
  const isBlocked = isObject(pick(body, "promptFeedback"));
  said.id = textAt(body, "responseId");
  faults.hold(isBlocked || listAt(body, "candidates.0.content.parts").length > 0, "candidates", () => text);
  if (body !== null) takeCandidate(body, { said, faults, parts });
  said.finish = textAt(body, "candidates.0.finishReason") || textAt(body, "promptFeedback.blockReason");
  faults.hold(isBlocked || GEMINI_FINISHES.includes(said.finish), "finish", () => text);
  const usage = pick(body, "usageMetadata");
  faults.hold(numberAt(usage, "totalTokenCount") !== null, "usage", () => text);
  if (isObject(usage)) said.usage = geminiUsage(usage);
  said.isComplete = said.finish !== "";
  if (parts.length > 0) said.turns.push({ role: "model", parts });
  return { said, faults: faults.list };
}

interface Taking {
  readonly said: Said;
  readonly faults: Faults;
  readonly parts: Json[];
}

function takeCandidate(chunk: JsonObject, { said, faults, parts }: Taking): void {
  for (const part of listAt(chunk, "candidates.0.content.parts")) {
    if (!isObject(part)) continue;
    const call = part["functionCall"];
    if (part["thought"] === true) said.reasoning += textAt(part, "text");
    else said.text += textAt(part, "text");
    if (isObject(call)) {
      const args = call["args"];
      const isWhole =
        textAt(call, "name") !== "" && (args === undefined || isObject(args)) && !("partialArgs" in call) && !("willContinue" in call);
      faults.hold(isWhole, "calls", () => JSON.stringify(part));
      said.calls.push({ id: textAt(call, "id"), name: textAt(call, "name"), arguments: printed(args ?? {}) });
    }
    if (Object.keys(part).some((key) => key !== "text") || part["text"] !== "") parts.push(part);
  }
}

/** Gemini counts reasoning in addition to `candidatesTokenCount`. */
function geminiUsage(usage: JsonObject): Counted {
  const thoughts = numberAt(usage, "thoughtsTokenCount");
  const candidates = numberAt(usage, "candidatesTokenCount");
  return {
    inputTokens: numberAt(usage, "promptTokenCount"),
    cachedTokens: numberAt(usage, "cachedContentTokenCount"),
    outputTokens: candidates === null ? null : candidates + (thoughts ?? 0),
    reasoningTokens: thoughts,
  };
}
