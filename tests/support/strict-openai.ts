// What strict OpenAI endpoints refuse (https://platform.openai.com/docs/api-reference, read 2026-11).

import type { JsonObject } from "../../src/wire/json.ts";
import { has, listOf, numberOf, objectOf, objectsOf, textOf } from "./reading.ts";
import { isForeignProof, Refusal, refuse, refuseDuplicates, refuseSchema } from "./strict.ts";
import { PROOF_MARKS } from "./wire-reply.ts";

const TOOL_NAME = /^[a-zA-Z0-9_-]{1,64}$/;
const MAX_CALL_ID_LENGTH = 64;
/** OpenAI's reasoning models: they accept only `max_completion_tokens`, and no sampling. */
const THINKS = /^(gpt-5|o\d|codex)/;
/** Models that accept no choice, or similar keywords, at the root of a tool's schema. */
const OLD = /^(gpt-[34]|chatgpt|o\d)/;
const ROOT_KEYWORDS = ["oneOf", "anyOf", "allOf", "enum", "not"];

function refuseUnknownParameter(body: JsonObject, known: ReadonlySet<string>): void {
  for (const key of Object.keys(body)) {
    if (!known.has(key)) throw new Refusal(`Unknown parameter: '${key}'.`, { param: key, code: "unknown_parameter" });
  }
}

function refuseNull(body: JsonObject, keys: readonly string[]): void {
  for (const key of keys) refuse(body[key] === null, `Invalid type for '${key}': expected another type, but got null instead.`, key);
}

function refuseSampling(body: JsonObject, thinks: boolean): void {
  const alternatives = numberOf(body["top_logprobs"]) ?? 0;
  refuse(alternatives < 0 || alternatives > 20, "Invalid 'top_logprobs': expected a value between 0 and 20.", "top_logprobs");
  if (!thinks) return;
  const effort = textOf(body["reasoning_effort"]) || textOf(objectOf(body["reasoning"])["effort"]);
  for (const key of ["temperature", "top_p", "logprobs", "top_logprobs"]) {
    if (!has(body, key) || body[key] === false || effort === "none") continue;
    throw new Refusal(`Unsupported parameter: '${key}' is not supported with this model.`, { param: key, code: "unsupported_parameter" });
  }
}

function refuseToolList(body: JsonObject): void {
  if (Array.isArray(body["tools"]) && body["tools"].length === 0) {
    throw new Refusal("Invalid 'tools': empty array. Expected an array with minimum length 1, but got an empty array instead.", {
      param: "tools",
      code: "empty_array",
    });
  }
  const inInput = objectsOf(body["input"]).some((item) => item["type"] === "additional_tools");
  const without = !has(body, "tools") && !inInput;
  refuse(
    without && has(body, "tool_choice"),
    "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
    "tool_choice",
  );
  refuse(
    without && has(body, "parallel_tool_calls"),
    "Invalid value for 'parallel_tool_calls': only allowed when 'tools' are specified.",
    "parallel_tool_calls",
  );
}

function refuseTool(definition: JsonObject, path: string, { custom, model }: { custom: boolean; model: string }): void {
  const name = textOf(definition["name"]);
  refuse(
    !TOOL_NAME.test(name),
    `Invalid '${path}.name': string does not match pattern. Expected a string that matches the pattern '${TOOL_NAME.source}'.`,
    `${path}.name`,
  );
  if (custom) return;
  for (const key of ["input_schema", "cache_control", "parametersJsonSchema"])
    refuse(key in definition, `Unknown parameter: '${path}.${key}'.`, path);
  if (!has(definition, "parameters")) return;
  const parameters = objectOf(definition["parameters"]);
  refuseSchema(parameters, `Invalid schema for function '${name}'`);
  refuse(
    !("properties" in parameters),
    `Invalid schema for function '${name}': In context=(), object schema missing properties.`,
    `${path}.parameters`,
  );
  refuse(
    (OLD.test(model) || definition["strict"] === true) && ROOT_KEYWORDS.some((key) => key in parameters),
    `Invalid schema for function '${name}': schema must have type 'object' and not have 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top level.`,
    `${path}.parameters`,
  );
  if (definition["strict"] === true) {
    refuse(
      parameters["additionalProperties"] !== false,
      `Invalid schema for function '${name}': 'additionalProperties' is required to be supplied and to be false.`,
      path,
    );
  }
}

// ---- Chat Completions --------------------------------------------------------------------------------------------

const CHAT_KNOWN = new Set(
  (
    "model messages stream stream_options tools tool_choice parallel_tool_calls max_tokens max_completion_tokens temperature top_p n stop " +
    "presence_penalty frequency_penalty logit_bias logprobs top_logprobs user seed response_format reasoning_effort verbosity metadata " +
    "store service_tier modalities audio prediction web_search_options prompt_cache_key prompt_cache_retention prompt_cache_options " +
    "safety_identifier moderation functions function_call"
  ).split(" "),
);
const CHAT_ROLES = new Set(["system", "developer", "user", "assistant", "tool", "function"]);
const CHAT_PARTS = new Set(["text", "image_url", "input_audio", "file", "refusal"]);

export function refuseChat(body: JsonObject): void {
  refuseUnknownParameter(body, CHAT_KNOWN);
  refuseNull(body, ["messages", "model", "tools"]);
  const model = textOf(body["model"]);
  refuse(model === "", "you must provide a model parameter", "model");
  const messages = objectsOf(body["messages"]);
  refuse(messages.length === 0, "Invalid 'messages': empty array.", "messages");
  if (THINKS.test(model) && has(body, "max_tokens")) {
    throw new Refusal("Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.", {
      param: "max_tokens",
      code: "unsupported_parameter",
    });
  }
  refuseSampling(body, THINKS.test(model));
  refuse(
    has(body, "top_logprobs") && body["logprobs"] !== true,
    "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.",
    "top_logprobs",
  );
  refuse(listOf(body["stop"]).length > 4, "Invalid 'stop': array too long. Expected an array with maximum length 4.", "stop");
  refuse(
    has(body, "stream_options") && body["stream"] !== true,
    "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
    "stream_options",
  );
  refuseToolList(body);
  for (const [index, tool] of objectsOf(body["tools"]).entries()) {
    const type = textOf(tool["type"]);
    refuse(
      type !== "function" && type !== "custom",
      `Invalid value: '${type}'. Supported values are: 'function' and 'custom'.`,
      `tools[${index}].type`,
    );
    refuseTool(objectOf(tool[type]), `tools[${index}].${type}`, { custom: type === "custom", model });
  }
  const choice = objectOf(body["tool_choice"]);
  if (choice["type"] === "function") {
    const name = objectOf(choice["function"])["name"];
    refuse(
      !objectsOf(body["tools"]).some((tool) => objectOf(tool["function"])["name"] === name),
      "Invalid value for 'tool_choice': no such function.",
      "tool_choice",
    );
  }
  if (objectOf(body["response_format"])["type"] === "json_object") {
    refuse(
      !/json/i.test(JSON.stringify(messages)),
      "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
      "messages",
    );
  }
  messages.forEach(refuseChatMessage);
  refuseChatPairs(messages);
}

function refuseChatMessage(message: JsonObject, index: number): void {
  const role = textOf(message["role"]);
  const path = `messages[${index}]`;
  refuse(!CHAT_ROLES.has(role), `Invalid value: '${role}'. Supported values are: ${[...CHAT_ROLES].join(", ")}.`, `${path}.role`);
  const content = message["content"];
  const calls = objectsOf(message["tool_calls"]);
  const silent = content === null || content === undefined;
  refuse(
    silent && !(role === "assistant" && (calls.length > 0 || has(message, "refusal") || has(message, "function_call"))),
    `Invalid value for 'content': expected a string, got null.`,
    `${path}.content`,
  );
  refuse(!silent && typeof content !== "string" && !Array.isArray(content), `Invalid type for '${path}.content'.`, `${path}.content`);
  refuse(Array.isArray(content) && content.length === 0, `Invalid '${path}.content': empty array.`, `${path}.content`);
  for (const [at, part] of objectsOf(content).entries()) {
    const type = textOf(part["type"]);
    refuse(
      !CHAT_PARTS.has(type),
      `Invalid value: '${type}'. Supported values are: ${[...CHAT_PARTS].join(", ")}.`,
      `${path}.content[${at}].type`,
    );
    refuse(
      type !== "text" && role !== "user" && !(type === "refusal" && role === "assistant"),
      `Invalid '${path}': ${role} messages hold text only.`,
      path,
    );
    refuse(
      type === "image_url" && textOf(objectOf(part["image_url"])["url"]) === "",
      `Invalid type for '${path}.content[${at}].image_url': expected an object with 'url'.`,
      path,
    );
    for (const key of ["cache_control", "source", "signature"])
      refuse(key in part, `Unknown parameter: '${path}.content[${at}].${key}'.`, path);
  }
  for (const [at, call] of calls.entries()) {
    const type = textOf(call["type"]);
    const definition = objectOf(call[type]);
    refuse(textOf(call["id"]) === "", `Missing required parameter: '${path}.tool_calls[${at}].id'.`, path);
    refuse(!TOOL_NAME.test(textOf(definition["name"])), `Invalid '${path}.tool_calls[${at}].function.name'.`, path);
    refuse(
      typeof definition[type === "custom" ? "input" : "arguments"] !== "string",
      `Missing required parameter: '${path}.tool_calls[${at}].function.arguments'.`,
      path,
    );
  }
  refuse(Array.isArray(message["tool_calls"]) && calls.length === 0, `Invalid '${path}.tool_calls': empty array.`, path);
}

function refuseChatPairs(messages: readonly JsonObject[]): void {
  let open = new Set<string>();
  for (const [index, message] of messages.entries()) {
    if (message["role"] === "tool") {
      const id = textOf(message["tool_call_id"]);
      refuse(
        !open.delete(id),
        "Invalid parameter: messages with role 'tool' must be a response to a preceding message with 'tool_calls'.",
        `messages[${index}].role`,
      );
      continue;
    }
    refuse(
      open.size > 0,
      `An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: ${[...open].join(", ")}`,
      `messages[${index}].role`,
    );
    open = new Set(objectsOf(message["tool_calls"]).map((call) => textOf(call["id"])));
  }
  refuse(
    open.size > 0,
    `An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: ${[...open].join(", ")}`,
    "messages",
  );
}

// ---- Responses ---------------------------------------------------------------------------------------------------

const RESPONSES_KNOWN = new Set(
  (
    "model input instructions stream stream_options tools tool_choice parallel_tool_calls max_output_tokens max_tool_calls temperature top_p " +
    "top_logprobs user reasoning text metadata store include service_tier truncation previous_response_id conversation prompt background " +
    "prompt_cache_key prompt_cache_retention prompt_cache_options safety_identifier context_management moderation client_metadata"
  ).split(" "),
);
const MESSAGE_ROLES = new Set(["user", "assistant", "system", "developer"]);
const INPUT_PARTS = new Set(["input_text", "input_image", "input_file", "input_audio"]);
const OUTPUT_PARTS = new Set(["output_text", "refusal"]);
const CALLS = new Set(["function_call", "custom_tool_call"]);
const RESULTS = new Set(["function_call_output", "custom_tool_call_output"]);

export function refuseResponses(body: JsonObject): void {
  refuseUnknownParameter(body, RESPONSES_KNOWN);
  const model = textOf(body["model"]);
  refuse(model === "", "Missing required parameter: 'model'.", "model");
  const { input } = body;
  refuse(typeof input !== "string" && !Array.isArray(input), "Missing required parameter: 'input'.", "input");
  refuse(
    has(body, "instructions") && typeof body["instructions"] !== "string",
    "Invalid type for 'instructions': expected a string.",
    "instructions",
  );
  const maxTokens = numberOf(body["max_output_tokens"]);
  if (maxTokens !== null && maxTokens < 16) {
    throw new Refusal(`Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got ${maxTokens} instead.`, {
      param: "max_output_tokens",
      code: "integer_below_min_value",
    });
  }
  refuseSampling(body, THINKS.test(model));
  refuseToolList(body);
  for (const [index, tool] of objectsOf(body["tools"]).entries()) {
    refuse(textOf(tool["type"]) === "", `Missing required parameter: 'tools[${index}].type'.`, `tools[${index}].type`);
    refuse("function" in tool, `Unknown parameter: 'tools[${index}].function'.`, `tools[${index}].function`);
    if (tool["type"] === "function") {
      refuse(!("parameters" in tool), `Missing required parameter: 'tools[${index}].parameters'.`, `tools[${index}].parameters`);
      refuseTool(tool, `tools[${index}]`, { custom: false, model });
    }
    if (tool["type"] === "custom") refuseTool(tool, `tools[${index}]`, { custom: true, model });
  }
  const format = objectOf(objectOf(body["text"])["format"]);
  refuse(
    format["type"] === "json_schema" && textOf(format["name"]) === "",
    "Missing required parameter: 'text.format.name'.",
    "text.format.name",
  );
  if (format["type"] === "json_object") {
    refuse(
      !/json/i.test(JSON.stringify(input)),
      "Response input messages must contain the word 'json' in some form to use 'text.format' of type 'json_object'.",
      "input",
    );
  }
  const items = objectsOf(input);
  items.forEach((item, index) => refuseItem(item, `input[${index}]`, body));
  refuseItemPairs(items);
}

function refuseItem(item: JsonObject, path: string, body: JsonObject): void {
  const type = textOf(item["type"]) || "message";
  const id = textOf(item["id"]);
  const stateless = body["store"] === false;
  switch (type) {
    case "message": {
      const role = textOf(item["role"]);
      refuse(!MESSAGE_ROLES.has(role), `Invalid value: '${role}'. Supported values are: ${[...MESSAGE_ROLES].join(", ")}.`, `${path}.role`);
      refuse(
        typeof item["content"] !== "string" && !Array.isArray(item["content"]),
        `Missing required parameter: '${path}.content'.`,
        `${path}.content`,
      );
      refuse(id !== "" && !id.startsWith("msg"), `Invalid '${path}.id': '${id}'. Expected an ID that begins with 'msg'.`, `${path}.id`);
      for (const [at, part] of objectsOf(item["content"]).entries()) {
        const kinds = role === "assistant" ? OUTPUT_PARTS : INPUT_PARTS;
        const partType = textOf(part["type"]);
        refuse(
          !kinds.has(partType),
          `Invalid value: '${partType}'. Supported values are: ${[...kinds].join(", ")}.`,
          `${path}.content[${at}]`,
        );
        const url = part["image_url"];
        refuse(
          url !== undefined && url !== null && typeof url !== "string",
          `Invalid type for '${path}.content[${at}].image_url': expected a string.`,
          path,
        );
      }
      return;
    }
    case "function_call":
    case "custom_tool_call": {
      const callId = textOf(item["call_id"]);
      const prefix = type === "function_call" ? "fc" : "ctc";
      refuse(
        id !== "" && !id.startsWith(prefix),
        `Invalid '${path}.id': '${id}'. Expected an ID that begins with '${prefix}'.`,
        `${path}.id`,
      );
      refuse(!TOOL_NAME.test(textOf(item["name"])), `Invalid '${path}.name': string does not match pattern.`, `${path}.name`);
      refuse(
        typeof item[type === "function_call" ? "arguments" : "input"] !== "string",
        `Missing required parameter: '${path}.arguments'.`,
        path,
      );
      refuse(
        callId === "" || callId.length > MAX_CALL_ID_LENGTH,
        `Invalid '${path}.call_id': string too long or empty. Expected a string with maximum length 64.`,
        `${path}.call_id`,
      );
      return;
    }
    case "function_call_output":
    case "custom_tool_call_output":
      refuse(textOf(item["call_id"]).length > MAX_CALL_ID_LENGTH, `Invalid '${path}.call_id': string too long.`, `${path}.call_id`);
      refuse(
        typeof item["output"] !== "string" && !Array.isArray(item["output"]),
        `Missing required parameter: '${path}.output'.`,
        `${path}.output`,
      );
      for (const part of objectsOf(item["output"]))
        refuse(!INPUT_PARTS.has(textOf(part["type"])), `Invalid value: '${textOf(part["type"])}'.`, `${path}.output`);
      return;
    case "reasoning": {
      const proof = item["encrypted_content"];
      refuse(!Array.isArray(item["summary"]), `Missing required parameter: '${path}.summary'.`, `${path}.summary`);
      if (proof === undefined || proof === null) {
        if (id !== "" && stateless)
          throw new Refusal(`Item with id '${id}' not found. Items are not persisted when \`store\` is set to false.`, {
            status: 404,
            param: "input",
          });
        refuse(id === "", `Missing required parameter: '${path}.id'.`, `${path}.id`);
        return;
      }
      if (isForeignProof(textOf(proof), PROOF_MARKS.openai, Object.values(PROOF_MARKS))) {
        throw new Refusal("The encrypted content could not be verified.", { param: path, code: "invalid_encrypted_content" });
      }
      return;
    }
    default:
      refuse(["tool_use", "tool_result", "thinking", "text", "image_url"].includes(type), `Invalid value: '${type}'.`, `${path}.type`);
  }
}

function refuseItemPairs(items: readonly JsonObject[]): void {
  const calls = items.filter((item) => CALLS.has(textOf(item["type"])));
  const results = items.filter((item) => RESULTS.has(textOf(item["type"])));
  const idOf = (item: JsonObject): string => textOf(item["call_id"]);
  refuseDuplicates(results.map(idOf), (id) => `Duplicate tool output for call_id ${id}.`);
  for (const call of calls) {
    const answer = items.slice(items.indexOf(call)).some((item) => RESULTS.has(textOf(item["type"])) && idOf(item) === idOf(call));
    refuse(!answer, `No tool output found for function call ${idOf(call)}.`, "input");
  }
  for (const result of results) {
    const asked = items.slice(0, items.indexOf(result)).some((item) => CALLS.has(textOf(item["type"])) && idOf(item) === idOf(result));
    refuse(!asked, `No tool call found for function call output with call_id ${idOf(result)}.`, "input");
  }
  // Reasoning belongs to what the model said next.
  for (const [index, item] of items.entries()) {
    if (item["type"] !== "reasoning") continue;
    const next = items[index + 1];
    const own =
      next !== undefined &&
      (next["type"] === "reasoning" ||
        CALLS.has(textOf(next["type"])) ||
        next["role"] === "assistant" ||
        textOf(next["type"]).endsWith("_call"));
    refuse(!own, `Item '${textOf(item["id"])}' of type 'reasoning' was provided without its required following item.`, "input");
  }
}
