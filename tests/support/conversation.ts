// Conversations with tools as a client of each protocol holds them, keeping what it received as users of the client do: whatever has to go back
// to a vendor travels in the protocol's messages.
// Written from the protocols' documentation and not from the codecs, which it tests.

import type { Json, JsonObject } from "../../src/wire/json.ts";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { eventsIn } from "./dialects.ts";
import { has, objectOf, objectsOf, textOf } from "./reading.ts";

export interface Asking {
  readonly model: string;
  readonly stream: boolean;
}

export interface Heard {
  readonly text: string;
  /** The calls of the answer, by name. */
  readonly calls: readonly string[];
}

export interface Conversation {
  request(asking: Asking): { readonly path: string; readonly body: JsonObject };
  /** Takes in an answer, and answers each of its calls. */
  hear(answer: string, streamed: boolean): Heard;
  /** The user sends another message. */
  say(text: string): void;
}

const QUESTION = "How deep is the sea at Kiel, and where does it go deeper?";
const ABOUT = "Look up the depth of the sea.";
const SCHEMA = { type: "object", properties: { at: { type: "string" } }, required: ["at"] };
const RESULT = "17 metres";

/** A conversation that asks for reasoning and offers one tool, `look`. */
export function converse(protocol: ProtocolId): Conversation {
  switch (protocol) {
    case "openai-chat":
      return chat();
    case "openai-responses":
      return responses();
    case "anthropic-messages":
      return messages();
    case "gemini":
      return gemini();
  }
}

function dataOf(stream: string): JsonObject[] {
  return eventsIn(stream)
    .filter(({ data }) => data !== "[DONE]")
    .map(({ data }) => objectOf(JSON.parse(data)));
}

// ---- Chat Completions --------------------------------------------------------------------------------------------

/** Like an agent that keeps unknown members: the message of a whole answer, or the sum of all deltas. */
function chat(): Conversation {
  const list: Json[] = [{ role: "user", content: QUESTION }];
  return {
    request: ({ model, stream }) => ({
      path: "/v1/chat/completions",
      body: {
        model,
        messages: list,
        reasoning_effort: "medium",
        tools: [{ type: "function", function: { name: "look", description: ABOUT, parameters: SCHEMA } }],
        ...(stream ? { stream } : {}),
      },
    }),
    say: (text) => void list.push({ role: "user", content: text }),
    hear(answer, streamed) {
      const message = streamed ? chatMessage(dataOf(answer)) : objectOf(objectsOf(objectOf(JSON.parse(answer))["choices"])[0]?.["message"]);
      list.push(message);
      const calls = objectsOf(message["tool_calls"]);
      for (const call of calls) list.push({ role: "tool", tool_call_id: textOf(call["id"]), content: RESULT });
      return { text: textOf(message["content"]), calls: calls.map((call) => textOf(objectOf(call["function"])["name"])) };
    },
  };
}

function chatMessage(chunks: readonly JsonObject[]): JsonObject {
  const message: JsonObject = { role: "assistant", content: "" };
  const calls: JsonObject[] = [];
  for (const chunk of chunks) {
    const delta = objectOf(objectsOf(chunk["choices"])[0]?.["delta"]);
    for (const key of ["content", "reasoning_content"]) if (has(delta, key)) message[key] = textOf(message[key]) + textOf(delta[key]);
    if (has(delta, "reasoning_details")) {
      message["reasoning_details"] = [...objectsOf(message["reasoning_details"]), ...objectsOf(delta["reasoning_details"])];
    }
    for (const { index, function: called, ...more } of objectsOf(delta["tool_calls"])) {
      const call = (calls[Number(index)] ??= {});
      const before = objectOf(call["function"]);
      const { name, arguments: piece } = objectOf(called);
      Object.assign(call, more, {
        function: { name: before["name"] ?? name ?? "", arguments: textOf(before["arguments"]) + textOf(piece) },
      });
    }
  }
  return calls.length === 0 ? message : { ...message, tool_calls: calls };
}

// ---- Responses ---------------------------------------------------------------------------------------------------

/** Without a store: every item of the answer goes back into the input. */
function responses(): Conversation {
  const input: Json[] = [{ role: "user", content: QUESTION }];
  return {
    request: ({ model, stream }) => ({
      path: "/v1/responses",
      body: {
        model,
        input,
        store: false,
        include: ["reasoning.encrypted_content"],
        reasoning: { effort: "medium", summary: "auto" },
        tools: [{ type: "function", name: "look", description: ABOUT, parameters: SCHEMA, strict: false }],
        ...(stream ? { stream } : {}),
      },
    }),
    say: (text) => void input.push({ role: "user", content: text }),
    hear(answer, streamed) {
      const response = streamed ? objectOf(dataOf(answer).at(-1)?.["response"]) : objectOf(JSON.parse(answer));
      const items = objectsOf(response["output"]);
      input.push(...items);
      const calls = items.filter((item) => item["type"] === "function_call");
      for (const call of calls) input.push({ type: "function_call_output", call_id: textOf(call["call_id"]), output: RESULT });
      const texts = items.flatMap((item) => objectsOf(item["content"])).map((part) => textOf(part["text"]));
      return { text: texts.join(""), calls: calls.map((call) => textOf(call["name"])) };
    },
  };
}

// ---- Messages ----------------------------------------------------------------------------------------------------

function messages(): Conversation {
  const list: Json[] = [{ role: "user", content: QUESTION }];
  return {
    request: ({ model, stream }) => ({
      path: "/v1/messages",
      body: {
        model,
        max_tokens: 16_000,
        // Of two Claude models the older one accepts only a budget.
        thinking: model.includes("4-5") ? { type: "enabled", budget_tokens: 2000 } : { type: "adaptive", display: "summarized" },
        messages: list,
        tools: [{ name: "look", description: ABOUT, input_schema: SCHEMA }],
        ...(stream ? { stream } : {}),
      },
    }),
    say: (text) => void list.push({ role: "user", content: text }),
    hear(answer, streamed) {
      const content = streamed ? messagesContent(dataOf(answer)) : objectsOf(objectOf(JSON.parse(answer))["content"]);
      list.push({ role: "assistant", content });
      const calls = content.filter((block) => block["type"] === "tool_use");
      const results = calls.map((call) => ({ type: "tool_result", tool_use_id: textOf(call["id"]), content: RESULT }));
      if (results.length > 0) list.push({ role: "user", content: results });
      return { text: content.map((block) => textOf(block["text"])).join(""), calls: calls.map((call) => textOf(call["name"])) };
    },
  };
}

function messagesContent(events: readonly JsonObject[]): JsonObject[] {
  const blocks: JsonObject[] = [];
  const inputs: string[] = [];
  for (const event of events) {
    const index = Number(event["index"] ?? -1);
    if (event["type"] === "content_block_start") blocks[index] = { ...objectOf(event["content_block"]) };
    const block = blocks[index];
    if (event["type"] !== "content_block_delta" || block === undefined) continue;
    const delta = objectOf(event["delta"]);
    for (const key of ["text", "thinking"]) if (has(delta, key)) block[key] = textOf(block[key]) + textOf(delta[key]);
    if (has(delta, "signature")) block["signature"] = textOf(delta["signature"]);
    inputs[index] = (inputs[index] ?? "") + textOf(delta["partial_json"]);
    if (block["type"] === "tool_use") block["input"] = inputs[index] === "" ? {} : objectOf(tryParse(inputs[index] ?? ""));
  }
  return blocks;
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

// ---- Gemini ------------------------------------------------------------------------------------------------------

/** Like the official chat helper: in a streamed answer, every event's content is a turn of its own. */
function gemini(): Conversation {
  const contents: Json[] = [{ role: "user", parts: [{ text: QUESTION }] }];
  return {
    request: ({ model, stream }) => ({
      path: `/v1beta/models/${model}:${stream ? "streamGenerateContent?alt=sse" : "generateContent"}`,
      body: {
        contents,
        generationConfig: { thinkingConfig: { includeThoughts: true, thinkingBudget: 2000 } },
        tools: [{ functionDeclarations: [{ name: "look", description: ABOUT, parametersJsonSchema: SCHEMA }] }],
      },
    }),
    say: (text) => void contents.push({ role: "user", parts: [{ text }] }),
    hear(answer, streamed) {
      const chunks = streamed ? dataOf(answer) : [objectOf(JSON.parse(answer))];
      const said = chunks.map((chunk) => objectOf(objectsOf(chunk["candidates"])[0]?.["content"]));
      contents.push(...said);
      const parts = said.flatMap((content) => objectsOf(content["parts"]));
      const calls = parts.filter((part) => has(part, "functionCall")).map((part) => objectOf(part["functionCall"]));
      const results = calls.map((call) => ({
        functionResponse: {
          ...(has(call, "id") ? { id: textOf(call["id"]) } : {}),
          name: textOf(call["name"]),
          response: { output: RESULT },
        },
      }));
      if (results.length > 0) contents.push({ role: "user", parts: results });
      const texts = parts.filter((part) => part["thought"] !== true).map((part) => textOf(part["text"]));
      return { text: texts.join(""), calls: calls.map((call) => textOf(call["name"])) };
    },
  };
}
