// What an upstream received, independent of a protocol, so that one expectation fits all four protocols.
// Written from the protocols' documentation and not from the codecs, which it tests. Blocks are not merged where the protocol requires
// them together: tool results of one turn that came separately are two turns here as well.

import type { Json, JsonObject } from "../../../src/wire/json.ts";
import type { ProtocolId } from "../../../src/protocol/canonical.ts";
import { has, objectOf, objectsOf, textOf } from "../reading.ts";
import type { Seen } from "../upstream.ts";

export interface SentTurn {
  readonly role: "system" | "user" | "assistant" | "tools";
  /** `text …`, `image <media type> <data>`, `pdf <data>`, `call <name> <arguments>`, `result of <name>: …`. */
  readonly parts: string[];
}

export interface Sent {
  /** The instructions before the conversation, blocks joined by an empty line. */
  readonly system: string;
  readonly turns: readonly SentTurn[];
  /** Schema by name. */
  readonly tools: Readonly<Record<string, Json>>;
  /** The schema of the answer; null: none. */
  readonly schema: Json | null;
  readonly stop: Json | null;
  readonly maxTokens: Json | null;
}

export function sentIn(seen: Seen): Sent {
  const body = JSON.parse(seen.body) as JsonObject;
  return READERS[seen.protocol ?? "openai-chat"](body);
}

const READERS: Readonly<Record<ProtocolId, (body: JsonObject) => Sent>> = {
  "openai-chat": sentChat,
  "openai-responses": sentResponses,
  "anthropic-messages": sentMessages,
  gemini: sentGemini,
};

/** Collects turns; neighbours are joined where the protocol has an item for each part. */
class Turns {
  readonly list: SentTurn[] = [];
  readonly names = new Map<string, string>();

  add(role: SentTurn["role"], parts: readonly string[], joins: boolean): void {
    const last = this.list.at(-1);
    if (joins && last?.role === role) last.parts.push(...parts);
    else if (parts.length > 0) this.list.push({ role, parts: [...parts] });
  }

  call(id: string, name: string, text: string): string {
    this.names.set(id, name);
    return `call ${name} ${text}`;
  }

  result(id: string, text: string): string {
    return `result of ${this.names.get(id) ?? "an unknown call"}: ${text}`;
  }
}

function textsIn(content: Json | undefined): string[] {
  if (typeof content === "string") return [content];
  return objectsOf(content).flatMap((part) => (typeof part["text"] === "string" ? part["text"] : []));
}

function mediaPart(url: string): string {
  const [head = "", data = ""] = url.replace(/^data:/, "").split(";base64,");
  return head === "application/pdf" ? `pdf ${data}` : `image ${head} ${data}`;
}

function sentChat(body: JsonObject): Sent {
  const turns = new Turns();
  const system: string[] = [];
  for (const message of objectsOf(body["messages"])) {
    const content = message["content"];
    const parts = typeof content === "string" ? [`text ${content}`] : objectsOf(content).map(chatPart);
    switch (message["role"]) {
      case "system":
      case "developer":
        if (turns.list.length === 0) system.push(...textsIn(content));
        else turns.add("system", parts, false);
        break;
      case "tool":
        turns.add("tools", [turns.result(textOf(message["tool_call_id"]), textsIn(content).join(""))], true);
        break;
      case "assistant": {
        const calls = objectsOf(message["tool_calls"]).map((call) => {
          const called = objectOf(call["function"]);
          return turns.call(textOf(call["id"]), textOf(called["name"]), textOf(called["arguments"]));
        });
        turns.add("assistant", [...(content === "" ? [] : parts), ...calls], false);
        break;
      }
      default:
        turns.add("user", parts, false);
    }
  }
  const tools = objectsOf(body["tools"]).map((tool) => objectOf(tool["function"]));
  const format = objectOf(body["response_format"]);
  return {
    system: system.join("\n\n"),
    turns: turns.list,
    tools: Object.fromEntries(tools.map((tool) => [textOf(tool["name"]), tool["parameters"] ?? null])),
    schema: objectOf(format["json_schema"])["schema"] ?? null,
    stop: body["stop"] ?? null,
    maxTokens: body["max_completion_tokens"] ?? body["max_tokens"] ?? null,
  };
}

function chatPart(part: JsonObject): string {
  if (part["type"] === "image_url") return mediaPart(textOf(objectOf(part["image_url"])["url"]));
  if (part["type"] === "file") return mediaPart(textOf(objectOf(part["file"])["file_data"]));
  return `text ${textOf(part["text"])}`;
}

function sentResponses(body: JsonObject): Sent {
  const turns = new Turns();
  const system = textsIn(body["instructions"]);
  const input = body["input"];
  for (const item of typeof input === "string" ? [{ role: "user", content: input }] : objectsOf(input)) {
    const content = item["content"];
    const parts = typeof content === "string" ? [`text ${content}`] : objectsOf(content).map(responsesPart);
    switch (textOf(item["type"]) || "message") {
      case "message":
        if (item["role"] === "user") turns.add("user", parts, false);
        else if (item["role"] === "assistant") turns.add("assistant", parts, true);
        else if (turns.list.length === 0) system.push(...textsIn(content));
        else turns.add("system", parts, false);
        break;
      case "function_call":
        turns.add("assistant", [turns.call(textOf(item["call_id"]), textOf(item["name"]), textOf(item["arguments"]))], true);
        break;
      case "function_call_output":
        turns.add("tools", [turns.result(textOf(item["call_id"]), textsIn(item["output"]).join(""))], true);
    }
  }
  const format = objectOf(objectOf(body["text"])["format"]);
  return {
    system: system.join("\n\n"),
    turns: turns.list,
    tools: Object.fromEntries(objectsOf(body["tools"]).map((tool) => [textOf(tool["name"]), tool["parameters"] ?? null])),
    schema: format["schema"] ?? null,
    stop: body["stop"] ?? null,
    maxTokens: body["max_output_tokens"] ?? null,
  };
}

function responsesPart(part: JsonObject): string {
  if (part["type"] === "input_image") return mediaPart(textOf(part["image_url"]));
  if (part["type"] === "input_file") return mediaPart(textOf(part["file_data"]));
  return `text ${textOf(part["text"])}`;
}

function sentMessages(body: JsonObject): Sent {
  const turns = new Turns();
  for (const message of objectsOf(body["messages"])) {
    const content = message["content"];
    const blocks = typeof content === "string" ? [{ type: "text", text: content }] : objectsOf(content);
    const parts = blocks.flatMap((block) => messagesPart(block, turns));
    const isTools = blocks.some((block) => block["type"] === "tool_result");
    turns.add(
      isTools ? "tools" : message["role"] === "system" ? "system" : message["role"] === "assistant" ? "assistant" : "user",
      parts,
      false,
    );
  }
  return {
    system: textsIn(body["system"]).join("\n\n"),
    turns: turns.list,
    tools: Object.fromEntries(objectsOf(body["tools"]).map((tool) => [textOf(tool["name"]), tool["input_schema"] ?? null])),
    schema: objectOf(objectOf(body["output_config"])["format"])["schema"] ?? null,
    stop: body["stop_sequences"] ?? null,
    maxTokens: body["max_tokens"] ?? null,
  };
}

function messagesPart(block: JsonObject, turns: Turns): string | [] {
  const source = objectOf(block["source"]);
  switch (block["type"]) {
    case "text":
      return `text ${textOf(block["text"])}`;
    case "image":
    case "document":
      return mediaPart(`data:${textOf(source["media_type"])};base64,${textOf(source["data"])}`);
    case "tool_use":
      return turns.call(textOf(block["id"]), textOf(block["name"]), JSON.stringify(block["input"]));
    case "tool_result":
      return turns.result(textOf(block["tool_use_id"]), textsIn(block["content"]).join(""));
    default:
      return [];
  }
}

function sentGemini(body: JsonObject): Sent {
  const turns = new Turns();
  for (const content of objectsOf(body["contents"])) {
    const parts = objectsOf(content["parts"]);
    const isTools = parts.some((part) => has(part, "functionResponse"));
    const isModel = content["role"] === "model";
    // The official client sends the pieces of a streamed answer back unchanged; for the model they are one text.
    turns.add(isTools ? "tools" : isModel ? "assistant" : "user", parts.flatMap(geminiPart), isModel);
  }
  for (const turn of turns.list) if (turn.role === "assistant") turn.parts.splice(0, Infinity, ...joined(turn.parts));
  const settings = objectOf(body["generationConfig"]);
  const declared = objectsOf(body["tools"]).flatMap((tool) => objectsOf(tool["functionDeclarations"]));
  return {
    system: textsIn(objectOf(body["systemInstruction"])["parts"]).join("\n\n"),
    turns: turns.list,
    tools: Object.fromEntries(declared.map((tool) => [textOf(tool["name"]), tool["parametersJsonSchema"] ?? tool["parameters"] ?? null])),
    schema: settings["responseJsonSchema"] ?? settings["responseSchema"] ?? null,
    stop: settings["stopSequences"] ?? null,
    maxTokens: settings["maxOutputTokens"] ?? null,
  };
}

function joined(parts: readonly string[]): string[] {
  const list: string[] = [];
  for (const part of parts) {
    const last = list.at(-1);
    if (last?.startsWith("text ") === true && part.startsWith("text ")) list[list.length - 1] = last + part.slice("text ".length);
    else list.push(part);
  }
  return list;
}

function geminiPart(part: JsonObject): string | [] {
  const inline = objectOf(part["inlineData"]);
  const call = objectOf(part["functionCall"]);
  const response = objectOf(part["functionResponse"]);
  if (part["thought"] === true || part["text"] === "") return [];
  if (has(part, "text")) return `text ${textOf(part["text"])}`;
  if (has(part, "inlineData")) return mediaPart(`data:${textOf(inline["mimeType"])};base64,${textOf(inline["data"])}`);
  if (has(part, "functionCall")) return `call ${textOf(call["name"])} ${JSON.stringify(call["args"] ?? {})}`;
  const said = objectOf(response["response"])["output"] ?? objectOf(response["response"])["result"];
  return `result of ${textOf(response["name"])}: ${typeof said === "string" ? said : JSON.stringify(response["response"])}`;
}
