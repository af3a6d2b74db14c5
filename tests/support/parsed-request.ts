// What the scripted upstream understands of a request, in any of the four protocols.
// Written from the protocols' documentation and not from the codecs, which it tests.

import type { Json, JsonObject } from "../../src/wire/json.ts";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { has, inCamelCase, listOf, numberOf, objectOf, objectsOf, textOf } from "./reading.ts";

export interface ParsedTool {
  readonly name: string;
  readonly custom: boolean;
  readonly schema: JsonObject;
}

export interface ParsedRequest {
  readonly model: string;
  readonly stream: boolean;
  /** Chat: whether the stream ends with a usage chunk. */
  readonly includeUsage: boolean;
  readonly lastUserText: string;
  readonly imageCount: number;
  /** Texts of the tool results that the conversation ends with; null when it ends otherwise. */
  readonly toolResults: readonly string[] | null;
  readonly tools: readonly ParsedTool[];
  /** `free`, `none`, `any`, or the name of the tool that must be called. */
  readonly toolChoice: { readonly type: "free" | "none" | "any" } | { readonly type: "named"; readonly name: string };
  /** JSON schema of the answer; null: text is fine. */
  readonly schema: JsonObject | null;
  readonly jsonObject: boolean;
  readonly stop: readonly string[];
  readonly maxTokens: number | null;
  readonly wantsReasoning: boolean;
  readonly parallel: boolean;
}

export function parseRequest(protocol: ProtocolId, body: JsonObject, streamAsked: boolean): ParsedRequest {
  switch (protocol) {
    case "openai-chat":
      return parseChat(body);
    case "openai-responses":
      return parseResponses(body);
    case "anthropic-messages":
      return parseMessages(body);
    case "gemini":
      return parseGemini(inCamelCase(body), streamAsked);
  }
}

function parseChat(body: JsonObject): ParsedRequest {
  const messages = objectsOf(body["messages"]);
  const last = messages.at(-1);
  const lastUser = messages.findLast((message) => message["role"] === "user");
  const answered = messages.findLastIndex((message) => message["role"] !== "tool");
  const format = objectOf(body["response_format"]);
  return {
    model: textOf(body["model"]),
    stream: body["stream"] === true,
    includeUsage: objectOf(body["stream_options"])["include_usage"] === true,
    lastUserText: textIn(lastUser?.["content"]),
    imageCount: objectsOf(lastUser?.["content"]).filter((part) => part["type"] === "image_url").length,
    toolResults: last?.["role"] === "tool" ? messages.slice(answered + 1).map((message) => textIn(message["content"])) : null,
    tools: objectsOf(body["tools"]).map((tool) => {
      const custom = tool["type"] === "custom";
      const definition = objectOf(custom ? tool["custom"] : tool["function"]);
      return { name: textOf(definition["name"]), custom, schema: objectOf(definition["parameters"]) };
    }),
    toolChoice: openaiChoice(body["tool_choice"], (choice) => objectOf(choice["function"] ?? choice["custom"])["name"]),
    schema: format["type"] === "json_schema" ? objectOf(objectOf(format["json_schema"])["schema"]) : null,
    jsonObject: format["type"] === "json_object",
    stop: typeof body["stop"] === "string" ? [body["stop"]] : listOf(body["stop"]).map(textOf),
    maxTokens: numberOf(body["max_completion_tokens"]) ?? numberOf(body["max_tokens"]),
    wantsReasoning: has(body, "reasoning_effort") && body["reasoning_effort"] !== "none",
    parallel: body["parallel_tool_calls"] !== false,
  };
}

function parseResponses(body: JsonObject): ParsedRequest {
  const input = typeof body["input"] === "string" ? [{ role: "user", content: body["input"] }] : objectsOf(body["input"]);
  const isResult = (item: JsonObject): boolean => textOf(item["type"]).endsWith("_call_output");
  const lastUser = input.findLast((item) => item["role"] === "user");
  const answered = input.findLastIndex((item) => !isResult(item));
  const last = input.at(-1);
  const format = objectOf(objectOf(body["text"])["format"]);
  return {
    model: textOf(body["model"]),
    stream: body["stream"] === true,
    includeUsage: true,
    lastUserText: textIn(lastUser?.["content"]),
    imageCount: objectsOf(lastUser?.["content"]).filter((part) => part["type"] === "input_image").length,
    toolResults: last !== undefined && isResult(last) ? input.slice(answered + 1).map((item) => textIn(item["output"])) : null,
    tools: objectsOf(body["tools"])
      .flatMap((tool) => (tool["type"] === "namespace" ? objectsOf(tool["tools"]) : [tool]))
      .filter((tool) => tool["type"] === "function" || tool["type"] === "custom")
      .map((tool) => ({ name: textOf(tool["name"]), custom: tool["type"] === "custom", schema: objectOf(tool["parameters"]) })),
    toolChoice: openaiChoice(body["tool_choice"], (choice) => choice["name"]),
    schema: format["type"] === "json_schema" ? objectOf(format["schema"]) : null,
    jsonObject: format["type"] === "json_object",
    stop: [],
    maxTokens: numberOf(body["max_output_tokens"]),
    wantsReasoning: has(objectOf(body["reasoning"]), "effort") && objectOf(body["reasoning"])["effort"] !== "none",
    parallel: body["parallel_tool_calls"] !== false,
  };
}

function parseMessages(body: JsonObject): ParsedRequest {
  // A system message at the end says how to answer, not what.
  const messages = objectsOf(body["messages"]).filter((message) => message["role"] !== "system");
  const last = messages.at(-1);
  const results = last?.["role"] === "user" ? objectsOf(last["content"]).filter((block) => block["type"] === "tool_result") : [];
  const lastUser = messages.findLast((message) => message["role"] === "user" && textIn(message["content"]) !== "");
  const choice = objectOf(body["tool_choice"]);
  const thinking = objectOf(body["thinking"])["type"];
  const format = objectOf(objectOf(body["output_config"])["format"]);
  return {
    model: textOf(body["model"]),
    stream: body["stream"] === true,
    includeUsage: true,
    lastUserText: textIn(lastUser?.["content"]),
    imageCount: objectsOf(lastUser?.["content"]).filter((block) => block["type"] === "image").length,
    toolResults: results.length > 0 ? results.map((block) => textIn(block["content"])) : null,
    tools: objectsOf(body["tools"])
      .filter((tool) => tool["input_schema"] !== undefined)
      .map((tool) => ({ name: textOf(tool["name"]), custom: false, schema: objectOf(tool["input_schema"]) })),
    toolChoice:
      choice["type"] === "tool"
        ? { type: "named", name: textOf(choice["name"]) }
        : { type: choice["type"] === "any" ? "any" : choice["type"] === "none" ? "none" : "free" },
    schema: format["type"] === "json_schema" ? objectOf(format["schema"]) : null,
    jsonObject: false,
    stop: listOf(body["stop_sequences"]).map(textOf),
    maxTokens: numberOf(body["max_tokens"]),
    wantsReasoning: thinking === "enabled" || thinking === "adaptive",
    parallel: choice["disable_parallel_tool_use"] !== true,
  };
}

function parseGemini(body: JsonObject, streamAsked: boolean): ParsedRequest {
  const contents = objectsOf(body["contents"]);
  const partsOf = (content: JsonObject | undefined): JsonObject[] => objectsOf(content?.["parts"]);
  const spoken = (content: JsonObject | undefined): string =>
    partsOf(content)
      .map((part) => textOf(part["text"]))
      .join("");
  const results = partsOf(contents.at(-1)).filter((part) => has(part, "functionResponse"));
  const lastUser = contents.findLast((content) => content["role"] !== "model" && spoken(content) !== "");
  const settings = objectOf(body["generationConfig"]);
  const calling = objectOf(objectOf(body["toolConfig"])["functionCallingConfig"]);
  const allowed = listOf(calling["allowedFunctionNames"]).map(textOf);
  const isJson = settings["responseMimeType"] === "application/json";
  const schema = settings["responseJsonSchema"] ?? settings["responseSchema"];
  const thinking = objectOf(settings["thinkingConfig"]);
  return {
    model: textOf(body["model"]),
    stream: streamAsked || body["stream"] === true,
    includeUsage: true,
    lastUserText: spoken(lastUser),
    imageCount: partsOf(lastUser).filter((part) => has(part, "inlineData") || has(part, "fileData")).length,
    toolResults: results.length > 0 ? results.map((part) => geminiResult(objectOf(objectOf(part["functionResponse"])["response"]))) : null,
    tools: objectsOf(body["tools"])
      .flatMap((tool) => objectsOf(tool["functionDeclarations"]))
      .map((tool) => ({ name: textOf(tool["name"]), custom: false, schema: objectOf(tool["parametersJsonSchema"] ?? tool["parameters"]) })),
    toolChoice:
      calling["mode"] === "ANY"
        ? allowed.length === 1
          ? { type: "named", name: allowed[0] ?? "" }
          : { type: "any" }
        : { type: calling["mode"] === "NONE" ? "none" : "free" },
    schema: isJson && schema !== undefined ? objectOf(schema) : null,
    jsonObject: isJson && schema === undefined,
    stop: listOf(settings["stopSequences"]).map(textOf),
    maxTokens: numberOf(settings["maxOutputTokens"]),
    wantsReasoning: thinking["includeThoughts"] === true,
    parallel: true,
  };
}

function geminiResult(response: JsonObject): string {
  const said = response["output"] ?? response["result"] ?? response["error"];
  return typeof said === "string" ? said : JSON.stringify(response);
}

function openaiChoice(value: Json | undefined, nameOf: (choice: JsonObject) => unknown): ParsedRequest["toolChoice"] {
  if (value === "none") return { type: "none" };
  if (value === "required") return { type: "any" };
  const choice = objectOf(value);
  if (choice["type"] === "allowed_tools") {
    return { type: textOf(choice["mode"] ?? objectOf(choice["allowed_tools"])["mode"]) === "required" ? "any" : "free" };
  }
  const name = textOf(nameOf(choice));
  return name === "" ? { type: "free" } : { type: "named", name };
}

/** The text of a message: a string, or the text parts of a list. */
function textIn(content: Json | undefined): string {
  if (typeof content === "string") return content;
  return objectsOf(content)
    .map((part) => textOf(part["text"]))
    .join("");
}
