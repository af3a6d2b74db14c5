// Requests of the four protocols, as their clients send them, and access to JSON.
// Written from the protocols' documentation and not from this program's codecs, which it judges.

import type { ProtocolId } from "../../protocol/canonical.ts";
import { isObject, parseOrUndefined, print, type Json, type JsonObject } from "../../wire/json.ts";

export const PROTOCOLS: readonly ProtocolId[] = ["openai-chat", "openai-responses", "anthropic-messages", "gemini"];

export const ANTHROPIC_VERSION = "2023-06-01";

export interface Tool {
  readonly name: string;
  readonly description: string;
  readonly schema: JsonObject;
}

export const WEATHER: Tool = {
  name: "get_weather",
  description: "The weather of a place.",
  schema: { type: "object", properties: { location: { type: "string" } }, required: ["location"] },
};

/** A call that a model made, independent of a protocol. */
export interface Call {
  readonly id: string;
  readonly name: string;
  /** JSON, verbatim where the protocol has it as text. */
  readonly arguments: string;
}

export interface Asked {
  readonly model: string;
  readonly stream: boolean;
  /** Wire messages, contents or input items. */
  readonly turns: readonly Json[];
  readonly system?: string;
  readonly tools?: readonly Tool[];
  /** Whether a tool call is required. */
  readonly isForced?: boolean;
  /** Laid over the body. */
  readonly extra?: JsonObject;
}

const MOST_TOKENS = 1024;

export function pathOf(protocol: ProtocolId, { model, stream }: Pick<Asked, "model" | "stream">): string {
  switch (protocol) {
    case "openai-chat":
      return "/v1/chat/completions";
    case "openai-responses":
      return "/v1/responses";
    case "anthropic-messages":
      return "/v1/messages";
    case "gemini":
      return `/v1beta/models/${encodeURIComponent(model)}:${stream ? "streamGenerateContent?alt=sse" : "generateContent"}`;
  }
}

export function keyHeaders(protocol: ProtocolId, key: string | null): Record<string, string> {
  const version: Record<string, string> = protocol === "anthropic-messages" ? { "anthropic-version": ANTHROPIC_VERSION } : {};
  if (key === null) return version;
  if (protocol === "anthropic-messages") return { ...version, "x-api-key": key };
  return protocol === "gemini" ? { "x-goog-api-key": key } : { authorization: `Bearer ${key}` };
}

export function bodyOf(protocol: ProtocolId, asked: Asked): JsonObject {
  return { ...plainBody(protocol, asked), ...toolMembers(protocol, asked), ...asked.extra };
}

function plainBody(protocol: ProtocolId, { model, stream, turns, system }: Asked): JsonObject {
  switch (protocol) {
    case "openai-chat":
      return {
        model,
        messages: [...(system === undefined ? [] : [{ role: "system", content: system }]), ...turns],
        ...(stream ? { stream: true, stream_options: { include_usage: true } } : {}),
      };
    case "openai-responses":
      return {
        model,
        input: [...turns],
        store: false,
        ...(system === undefined ? {} : { instructions: system }),
        ...(stream ? { stream: true } : {}),
      };
    case "anthropic-messages":
      return {
        model,
        max_tokens: MOST_TOKENS,
        messages: [...turns],
        ...(system === undefined ? {} : { system }),
        ...(stream ? { stream: true } : {}),
      };
    case "gemini":
      return { contents: [...turns], ...(system === undefined ? {} : { systemInstruction: { parts: [{ text: system }] } }) };
  }
}

function toolMembers(protocol: ProtocolId, { tools, isForced = false }: Asked): JsonObject {
  if (tools === undefined) return {};
  switch (protocol) {
    case "openai-chat":
      return {
        tools: tools.map(({ name, description, schema }) => ({ type: "function", function: { name, description, parameters: schema } })),
        ...(isForced ? { tool_choice: "required" } : {}),
      };
    case "openai-responses":
      return {
        tools: tools.map(({ name, description, schema }) => ({ type: "function", name, description, parameters: schema, strict: false })),
        ...(isForced ? { tool_choice: "required" } : {}),
      };
    case "anthropic-messages":
      return {
        tools: tools.map(({ name, description, schema }) => ({ name, description, input_schema: schema })),
        ...(isForced ? { tool_choice: { type: "any" } } : {}),
      };
    case "gemini":
      return {
        tools: [
          { functionDeclarations: tools.map(({ name, description, schema }) => ({ name, description, parametersJsonSchema: schema })) },
        ],
        ...(isForced ? { toolConfig: { functionCallingConfig: { mode: "ANY" } } } : {}),
      };
  }
}

export function userTurn(protocol: ProtocolId, text: string): JsonObject {
  switch (protocol) {
    case "openai-responses":
      return { type: "message", role: "user", content: text };
    case "gemini":
      return { role: "user", parts: [{ text }] };
    default:
      return { role: "user", content: text };
  }
}

export function assistantTurn(protocol: ProtocolId, text: string): JsonObject {
  switch (protocol) {
    case "openai-responses":
      return { type: "message", role: "assistant", content: text };
    case "gemini":
      return { role: "model", parts: [{ text }] };
    default:
      return { role: "assistant", content: text };
  }
}

/** The results of the calls, all in the next turn. */
export function resultTurns(protocol: ProtocolId, calls: readonly Call[], text: string): JsonObject[] {
  switch (protocol) {
    case "openai-chat":
      return calls.map(({ id }) => ({ role: "tool", tool_call_id: id, content: text }));
    case "openai-responses":
      return calls.map(({ id }) => ({ type: "function_call_output", call_id: id, output: text }));
    case "anthropic-messages":
      return [{ role: "user", content: calls.map(({ id }) => ({ type: "tool_result", tool_use_id: id, content: text })) }];
    case "gemini":
      return [
        {
          role: "user",
          parts: calls.map(({ name, id }) => ({ functionResponse: { ...(id === "" ? {} : { id }), name, response: { output: text } } })),
        },
      ];
  }
}

// ---- Access to JSON ----------------------------------------------------------------------------------------------

/** The value at a path of names and indices, `choices.0.message`; undefined where there is none. */
export function pick(value: unknown, path: string): unknown {
  let found: unknown = value;
  for (const step of path.split(".")) {
    if (Array.isArray(found)) found = found[Number(step)] as unknown;
    else found = isObject(found) && Object.hasOwn(found, step) ? found[step] : undefined;
  }
  return found;
}

export function textAt(value: unknown, path: string): string {
  const found = pick(value, path);
  return typeof found === "string" ? found : "";
}

export function listAt(value: unknown, path: string): readonly unknown[] {
  const found = pick(value, path);
  return Array.isArray(found) ? found : [];
}

export function numberAt(value: unknown, path: string): number | null {
  const found = pick(value, path);
  return typeof found === "number" ? found : null;
}

export function objectIn(text: string): JsonObject | null {
  const value = parseOrUndefined(text);
  return isObject(value) ? value : null;
}

/** Back to text, with every original digit. */
export function printed(value: unknown): string {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it was parsed from JSON
  return value === undefined ? "" : print(value as Json);
}

export { isObject, type Json, type JsonObject };
