// What clients of the four protocols send, and how they know an answer's end.
// Does not look at more of an answer than a client needs to tell whole from broken.

import type { ProtocolId } from "../../src/protocol/canonical.ts";

export const PROTOCOLS: readonly ProtocolId[] = ["openai-chat", "openai-responses", "anthropic-messages", "gemini"];

/** A model that each upstream protocol serves. */
export const MODELS: Readonly<Record<ProtocolId, string>> = {
  "openai-chat": "glm-5.2",
  "openai-responses": "gpt-5.5",
  "anthropic-messages": "claude-sonnet-5",
  gemini: "gemini-2.5-pro",
};

export interface Spoken {
  readonly protocol: ProtocolId;
  readonly model: string;
  readonly stream: boolean;
  readonly text: string;
  /** Adds a tool, which the scripted upstream then calls. */
  readonly withTool: boolean;
}

const TOOL = "look_up";
const PARAMETERS = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const ABOUT = "Looks a city up.";

export function pathOf({ protocol, model, stream }: Spoken, asArray: boolean): string {
  switch (protocol) {
    case "openai-chat":
      return "/v1/chat/completions";
    case "openai-responses":
      return "/v1/responses";
    case "anthropic-messages":
      return "/v1/messages";
    case "gemini":
      return `/v1beta/models/${model}:${stream ? "streamGenerateContent" : "generateContent"}${stream && !asArray ? "?alt=sse" : ""}`;
  }
}

export function bodyOf({ protocol, model, stream, text, withTool }: Spoken): string {
  switch (protocol) {
    case "openai-chat":
      return JSON.stringify({
        model,
        ...(stream ? { stream, stream_options: { include_usage: true } } : {}),
        messages: [
          { role: "system", content: "Be brief." },
          { role: "user", content: "Hello." },
          { role: "assistant", content: "Hello!" },
          { role: "user", content: text },
        ],
        ...(withTool ? { tools: [{ type: "function", function: { name: TOOL, description: ABOUT, parameters: PARAMETERS } }] } : {}),
      });
    case "openai-responses":
      return JSON.stringify({
        model,
        stream,
        store: false,
        instructions: "Be brief.",
        input: [{ role: "user", content: [{ type: "input_text", text }] }],
        ...(withTool ? { tools: [{ type: "function", name: TOOL, description: ABOUT, parameters: PARAMETERS, strict: false }] } : {}),
      });
    case "anthropic-messages":
      return JSON.stringify({
        model,
        stream,
        max_tokens: 1024,
        system: "Be brief.",
        messages: [
          { role: "user", content: "Hello." },
          { role: "assistant", content: [{ type: "text", text: "Hello!" }] },
          { role: "user", content: text },
        ],
        ...(withTool ? { tools: [{ name: TOOL, description: ABOUT, input_schema: PARAMETERS }] } : {}),
      });
    case "gemini":
      return JSON.stringify({
        systemInstruction: { parts: [{ text: "Be brief." }] },
        contents: [{ role: "user", parts: [{ text }] }],
        ...(withTool ? { tools: [{ functionDeclarations: [{ name: TOOL, description: ABOUT, parametersJsonSchema: PARAMETERS }] }] } : {}),
      });
  }
}

interface Marks {
  /** What stands in the last event of an answer that is complete. */
  readonly end: RegExp;
  /** The event that ends an answer which is not. */
  readonly error: RegExp;
  /** The body of an error status. */
  readonly errorBody: RegExp;
}

const MARKS: Readonly<Record<ProtocolId, Marks>> = {
  "openai-chat": { end: /"finish_reason": ?"/, error: /^data: \{"error":/m, errorBody: /^\{\s*"error": ?\{/ },
  "openai-responses": {
    end: /^event: response\.(?:completed|incomplete)$/m,
    error: /^event: (?:error|response\.failed)$/m,
    errorBody: /^\{\s*"error": ?\{/,
  },
  "anthropic-messages": { end: /^event: message_stop$/m, error: /^event: error$/m, errorBody: /^\{\s*"type": ?"error"/ },
  gemini: { end: /"finishReason": ?"/, error: /^(?:data: |\[|,|)\{"error":/m, errorBody: /^\{\s*"error": ?\{/ },
};

export function isEnded(protocol: ProtocolId, text: string): boolean {
  return MARKS[protocol].end.test(text);
}

export function isFailed(protocol: ProtocolId, text: string): boolean {
  return MARKS[protocol].error.test(text);
}

export function isErrorBody(protocol: ProtocolId, text: string): boolean {
  return MARKS[protocol].errorBody.test(text);
}

/** Whether an answer says what was asked: the upstream echoes, or calls the tool. */
export function isAnswerTo(text: string, { name, withTool }: { name: string; withTool: boolean }): boolean {
  return text.includes(withTool ? TOOL : name);
}
