// Requests of a client of each protocol, and what it reads in an answer: text, error, and the terminal events of a stream in order.
// Written from the protocols' documentation and not from the codecs, which it tests.

import assert from "node:assert/strict";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { run } from "../../src/wire/machine.ts";
import { sseDecoder, type SseEvent } from "../../src/wire/sse.ts";
import { PROTOCOLS } from "./fixtures.ts";
import { SSE_LIMITS } from "./laws.ts";

/** A model of each upstream protocol. */
export const MODELS: Readonly<Record<ProtocolId, string>> = {
  "openai-chat": "glm-5",
  "openai-responses": "gpt-5.5",
  "anthropic-messages": "claude-opus-4-8",
  gemini: "gemini-2.5-pro",
};

export interface Way {
  readonly client: ProtocolId;
  readonly upstream: ProtocolId;
  /** `client -> upstream`. */
  readonly name: string;
}

export const WAYS: readonly Way[] = PROTOCOLS.flatMap((client) =>
  PROTOCOLS.map((upstream) => ({ client, upstream, name: `${client} -> ${upstream}` })),
);

export interface Asked {
  readonly model: string;
  readonly stream?: boolean;
  readonly text?: string;
  /** The client's own instructions. */
  readonly system?: string;
  /** Further members of the body. */
  readonly more?: Readonly<Record<string, unknown>>;
}

/** Path and body of a call as a client of the protocol sends it. */
export function ask(
  protocol: ProtocolId,
  { model, stream = false, text = "Hello there", system, more = {} }: Asked,
): { path: string; body: object } {
  const user = { role: "user", content: text };
  const switched = stream ? { stream } : {};
  switch (protocol) {
    case "openai-chat": {
      const messages = system === undefined ? [user] : [{ role: "system", content: system }, user];
      return { path: "/v1/chat/completions", body: { model, messages, ...switched, ...more } };
    }
    case "openai-responses":
      return {
        path: "/v1/responses",
        body: { model, ...(system === undefined ? {} : { instructions: system }), input: [user], ...switched, ...more },
      };
    case "anthropic-messages":
      return {
        path: "/v1/messages",
        body: { model, max_tokens: 1000, ...(system === undefined ? {} : { system }), messages: [user], ...switched, ...more },
      };
    case "gemini":
      return {
        path: `/v1beta/models/${model}:${stream ? "streamGenerateContent?alt=sse" : "generateContent"}`,
        body: {
          ...(system === undefined ? {} : { systemInstruction: { parts: [{ text: system }] } }),
          contents: [{ role: "user", parts: [{ text }] }],
          ...more,
        },
      };
  }
}

type Data = Record<string, any>; // oxlint-disable-line typescript/no-explicit-any -- parsed JSON; a wrong guess fails the test

/** The text of a whole answer. */
export function textOf(protocol: ProtocolId, body: string): string {
  const data = JSON.parse(body) as Data;
  switch (protocol) {
    case "openai-chat":
      return String(data["choices"][0].message.content);
    case "openai-responses":
      return (data["output"] as Data[])
        .flatMap((item) => (item["content"] as Data[] | undefined) ?? [])
        .map((part) => part["text"] as string)
        .join("");
    case "anthropic-messages":
      return (data["content"] as Data[]).map((block) => (block["text"] as string | undefined) ?? "").join("");
    case "gemini":
      return (data["candidates"][0].content.parts as Data[])
        .map((part) => (part["thought"] === true ? "" : ((part["text"] as string | undefined) ?? "")))
        .join("");
  }
}

/** What a client read from a streamed answer. */
export interface Told {
  readonly text: string;
  /** Everything that says how the answer ended, in order. */
  readonly terminals: readonly string[];
}

export function told(protocol: ProtocolId, stream: string): Told {
  const events = eventsIn(stream);
  const texts: string[] = [];
  const terminals: string[] = [];
  for (const event of events) {
    if (event.data === "[DONE]") {
      terminals.push("[DONE]");
      continue;
    }
    const data = JSON.parse(event.data) as Data;
    texts.push(deltaOf(protocol, data));
    terminals.push(...terminalsOf(protocol, event, data));
  }
  return { text: texts.join(""), terminals };
}

export function eventsIn(stream: string): SseEvent[] {
  return run(sseDecoder(SSE_LIMITS), [new TextEncoder().encode(stream)]);
}

function deltaOf(protocol: ProtocolId, data: Data): string {
  switch (protocol) {
    case "openai-chat":
      return data["choices"]?.[0]?.delta?.content ?? "";
    case "openai-responses":
      return data["type"] === "response.output_text.delta" ? data["delta"] : "";
    case "anthropic-messages":
      return data["delta"]?.text ?? "";
    case "gemini":
      return ((data["candidates"]?.[0]?.content?.parts ?? []) as Data[])
        .map((part) => (part["thought"] === true ? "" : (part["text"] ?? "")))
        .join("");
  }
}

function terminalsOf(protocol: ProtocolId, { event }: SseEvent, data: Data): string[] {
  const error =
    data["type"] === "response.failed" ? data["response"].error : (data["error"] ?? (data["type"] === "error" ? data : undefined));
  if (error !== undefined && error !== null) {
    const name = protocol === "anthropic-messages" || protocol === "openai-responses" ? event : (event ?? "error");
    return [`${name}: ${error.message}`];
  }
  switch (protocol) {
    case "openai-chat": {
      const reason: unknown = data["choices"]?.[0]?.finish_reason;
      return typeof reason === "string" ? [reason] : [];
    }
    case "openai-responses":
      return ["response.completed", "response.incomplete"].includes(data["type"] as string) ? [data["type"] as string] : [];
    case "anthropic-messages":
      return data["type"] === "message_stop" ? ["message_stop"] : [];
    case "gemini": {
      const reason: unknown = data["candidates"]?.[0]?.finishReason;
      return typeof reason === "string" ? [reason] : [];
    }
  }
}

/** How each protocol marks a complete answer. */
export const SUCCESS: Readonly<Record<ProtocolId, readonly string[]>> = {
  "openai-chat": ["stop", "[DONE]"],
  "openai-responses": ["response.completed"],
  "anthropic-messages": ["message_stop"],
  gemini: ["STOP"],
};

/** How each protocol ends a stream that failed. */
export function failure(protocol: ProtocolId, message: string): string[] {
  if (protocol === "openai-responses") return [`error: ${message}`, `response.failed: ${message}`];
  return [`error: ${message}`];
}

export interface SaidError {
  readonly status: number;
  readonly type: string;
  readonly message: string;
  /** Null where the protocol has no such member. */
  readonly param: string | null;
  readonly code: string | null;
}

/** An error answer as a client reads it; fails unless it has exactly the protocol's shape. */
export async function errorIn(protocol: ProtocolId, response: Response): Promise<SaidError> {
  const { status } = response;
  const text = await response.text();
  assert.match(response.headers.get("content-type") ?? "", /^application\/json/, text);
  const body = JSON.parse(text) as Data;
  const error = body["error"] as Data;
  switch (protocol) {
    case "openai-chat":
    case "openai-responses":
      assert.deepEqual([Object.keys(body), Object.keys(error)], [["error"], ["message", "type", "param", "code"]], text);
      return { status, type: error["type"], message: error["message"], param: error["param"], code: error["code"] };
    case "anthropic-messages":
      assert.deepEqual(
        [Object.keys(body), body["type"], Object.keys(error).slice(0, 2)],
        [["type", "error", "request_id"], "error", ["type", "message"]],
        text,
      );
      return { status, type: error["type"], message: error["message"], param: null, code: null };
    case "gemini":
      assert.deepEqual(
        [Object.keys(body), Object.keys(error).slice(0, 3), error["code"]],
        [["error"], ["code", "message", "status"], status],
        text,
      );
      return { status, type: error["status"], message: error["message"], param: null, code: null };
  }
}

/** The instructions in a request that an upstream received, joined to one text. */
export function instructionsIn(protocol: ProtocolId, request: string): string {
  const body = JSON.parse(request) as Data;
  const plain = (content: unknown): string[] =>
    typeof content === "string" ? [content] : ((content ?? []) as Data[]).map((part) => part["text"] as string);
  const ofRoles = (list: Data[]): string[] =>
    list.filter(({ role }) => role === "system" || role === "developer").flatMap(({ content }) => plain(content));
  switch (protocol) {
    case "openai-chat":
      return ofRoles(body["messages"] as Data[]).join("\n\n");
    case "openai-responses":
      return [...plain(body["instructions"]), ...(Array.isArray(body["input"]) ? ofRoles(body["input"] as Data[]) : [])].join("\n\n");
    case "anthropic-messages":
      return plain(body["system"]).join("\n\n");
    case "gemini":
      return plain((body["systemInstruction"] ?? body["system_instruction"])?.parts).join("\n\n");
  }
}
