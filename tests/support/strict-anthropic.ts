// What a strict Anthropic Messages endpoint refuses (https://platform.claude.com/docs/en/api/messages, read 2026-11).

import type { JsonObject } from "../../src/wire/json.ts";
import { has, listOf, numberOf, objectOf, objectsOf, textOf } from "./reading.ts";
import { isForeignProof, refuse, refuseDuplicates, refuseUnknown } from "./strict.ts";
import { PROOF_MARKS } from "./wire-reply.ts";

const KNOWN = new Set(
  (
    "model messages max_tokens system tools tool_choice metadata stop_sequences stream temperature top_p top_k thinking output_config " +
    "output_format service_tier container context_management mcp_servers inference_geo cache_control speed betas thread diagnostics " +
    "user_profile_id workspace_id fallback compaction"
  ).split(" "),
);
const NO_SAMPLING_VERSION = "2026-10-21";
const ID = /^[a-zA-Z0-9_-]+$/;
const TOOL_NAME = /^[a-zA-Z0-9_-]{1,128}$/;
const PROPERTY_NAME = /^[a-zA-Z0-9_.-]{1,64}$/;
const IMAGE_TYPES = new Set(["image/jpeg", "image/png", "image/gif", "image/webp"]);
/** Models that refuse a trailing assistant message. */
const NO_PREFILL = /(opus|sonnet)-(4-[6-9]|[5-9]\b)|fable/;

export function refuseMessages(body: JsonObject, headers: Readonly<Record<string, string>>, counting: boolean): void {
  refuseUnknown(body, KNOWN, (key) => `${key}: Extra inputs are not permitted`);
  const version = headers["anthropic-version"];
  refuse(version === undefined, "anthropic-version: header is required");
  refuse(textOf(body["model"]) === "", "model: Field required");
  const maxTokens = numberOf(body["max_tokens"]);
  refuse(!counting && (maxTokens === null || maxTokens < 0), "max_tokens: Field required");
  if (version === NO_SAMPLING_VERSION) {
    for (const key of ["temperature", "top_p", "top_k"]) refuse(has(body, key), `${key}: Extra inputs are not permitted`);
  }
  const temperature = numberOf(body["temperature"]);
  refuse(temperature !== null && (temperature < 0 || temperature > 1), "temperature: Input should be less than or equal to 1");
  for (const sequence of listOf(body["stop_sequences"])) {
    refuse(textOf(sequence).trim() === "", "stop_sequences: each stop sequence must contain non-whitespace");
  }
  refuseSystem(body["system"]);
  refuseTools(body);
  if (textOf(body["model"]).includes("claude")) {
    refuseSchemas(objectsOf(body["tools"]));
    refuseUserId(textOf(objectOf(body["metadata"])["user_id"]));
  }
  refuseThinking(body, maxTokens);
  refuseConversation(objectsOf(body["messages"]), body);
  const marks = marksIn(body);
  refuse(marks > 4, `A maximum of 4 blocks with cache_control may be provided. Found ${marks}.`);
}

/** Cache marks, wherever they are allowed; a client's own schema or input may have a member of that name. */
function marksIn(value: unknown): number {
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + marksIn(item), 0);
  return Object.entries(objectOf(value)).reduce((sum, [key, member]) => {
    if (key === "input" || key === "input_schema" || key === "schema") return sum;
    return sum + (key === "cache_control" && member !== null ? 1 : marksIn(member));
  }, 0);
}

function refuseSystem(system: unknown): void {
  if (system === undefined || system === null) return;
  refuse(typeof system !== "string" && !Array.isArray(system), "system: Input should be a valid string or list");
  for (const block of objectsOf(system)) {
    refuse(block["type"] !== "text" || textOf(block["text"]).trim() === "", "system: text content blocks must be non-empty");
  }
}

function refuseTools(body: JsonObject): void {
  const tools = objectsOf(body["tools"]);
  for (const [index, tool] of tools.entries()) {
    refuse(!TOOL_NAME.test(textOf(tool["name"])), `tools.${index}.custom.name: String should match pattern '${TOOL_NAME.source}'`);
    const hosted = has(tool, "type") && tool["type"] !== "custom";
    if (hosted) continue;
    refuse(objectOf(tool["input_schema"])["type"] !== "object", `tools.${index}.custom.input_schema.type: Field required`);
    for (const key of ["parameters", "function", "namespace"])
      refuse(key in tool, `tools.${index}.custom.${key}: Extra inputs are not permitted`);
  }
  refuseDuplicates(
    tools.map((tool) => textOf(tool["name"])),
    () => "tools: Tool names must be unique.",
  );
  const choice = objectOf(body["tool_choice"]);
  refuse(has(body, "tool_choice") && tools.length === 0, "tool_choice may only be specified while providing tools");
  if (choice["type"] === "tool") {
    const name = textOf(choice["name"]);
    refuse(!tools.some((tool) => tool["name"] === name), `tool_choice: Tool '${name}' not found in provided tools`);
  }
  refuse(
    has(body, "tool_choice") && !["auto", "any", "tool", "none"].includes(textOf(choice["type"])),
    "tool_choice: Input tag does not match",
  );
}

/** Claude checks the top of each schema, and counts what its strict tools require of the grammar. */
function refuseSchemas(tools: readonly JsonObject[]): void {
  for (const [index, tool] of tools.entries()) {
    const schema = objectOf(tool["input_schema"]);
    refuse(
      ["anyOf", "oneOf", "allOf"].some((key) => key in schema),
      `tools.${index}.custom.input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level`,
    );
    refuse(
      Object.keys(objectOf(schema["properties"])).some((name) => !PROPERTY_NAME.test(name)),
      `tools.${index}.custom.input_schema.properties: Property keys should match pattern '${PROPERTY_NAME.source}'`,
    );
  }
  const strict = tools.filter((tool) => tool["strict"] === true);
  refuse(strict.length > 20, `Too many strict tools (${strict.length}). The maximum number of strict tools supported is 20.`);
  const parameters = strict.flatMap((tool) => parametersIn(tool["input_schema"]));
  const optional = parameters.filter((parameter) => !parameter.isRequired).length;
  refuse(optional > 24, `Schemas contains too many optional parameters (${optional}). (limit: 24)`);
  const unions = parameters.filter(({ schema }) => "anyOf" in schema || Array.isArray(schema["type"])).length;
  refuse(unions > 16, `Schemas contains too many parameters with union types (${unions}). (limit: 16)`);
}

/** The objects of a schema, at any depth, without those behind references. */
function parametersIn(value: unknown): { schema: JsonObject; isRequired: boolean }[] {
  const schema = objectOf(value);
  const own = Object.entries(objectOf(schema["properties"])).map(([name, member]) => ({
    schema: objectOf(member),
    isRequired: listOf(schema["required"]).includes(name),
  }));
  return [
    ...own,
    ...own.flatMap((one) => parametersIn(one.schema)),
    ...(schema["items"] === undefined ? [] : parametersIn(schema["items"])),
  ];
}

function refuseUserId(userId: string): void {
  const reason = "Please send a uuid or hash value instead.";
  refuse(/\S+@\S+\.\S+/.test(userId), `metadata.user_id: user_id appears to contain an email address. ${reason}`);
  refuse(/^\+?[\d\s()-]{7,15}$/.test(userId), `metadata.user_id: user_id appears to contain a phone number. ${reason}`);
  refuse(userId.length > 256, "metadata.user_id: String should have at most 256 characters");
}

function refuseThinking(body: JsonObject, maxTokens: number | null): void {
  const thinking = objectOf(body["thinking"]);
  if (thinking["type"] !== "enabled") return;
  const budget = numberOf(thinking["budget_tokens"]) ?? 0;
  refuse(budget < 1024, "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024");
  refuse(maxTokens !== null && budget >= maxTokens, "`max_tokens` must be greater than `thinking.budget_tokens`.");
  const forced = textOf(objectOf(body["tool_choice"])["type"]);
  refuse(forced === "any" || forced === "tool", "Thinking may not be enabled when tool_choice forces tool use.");
  const temperature = numberOf(body["temperature"]);
  refuse(temperature !== null && temperature !== 1, "`temperature` may only be set to 1 when thinking is enabled.");
  refuse(has(body, "top_k"), "`top_k` must be unset when thinking is enabled.");
}

interface Spoken {
  readonly role: string;
  readonly blocks: readonly JsonObject[];
}

function refuseConversation(messages: readonly JsonObject[], body: JsonObject): void {
  refuse(messages.length === 0, "messages: at least one message is required");
  refuse(messages[0]?.["role"] !== "user", 'messages: first message must use the "user" role');
  const turns: Spoken[] = [];
  for (const [index, message] of messages.entries()) {
    const role = textOf(message["role"]);
    refuse(!["user", "assistant", "system"].includes(role), `messages.${index}.role: Input should be 'user' or 'assistant'`);
    const blocks = blocksOf(message, index, index === messages.length - 1);
    const previous = turns.at(-1);
    refuse(role === "system" && previous?.role !== "user", `messages.${index}: a system message must follow a user message`);
    refuse(
      role === "user" && previous?.role === "system",
      `messages.${index}: a system message must come last or before an assistant message`,
    );
    // Adjacent messages of one role are one turn.
    if (previous?.role === role) turns[turns.length - 1] = { role, blocks: [...previous.blocks, ...blocks] };
    else turns.push({ role, blocks });
    for (const [at, block] of blocks.entries()) refuseBlock(block, `messages.${index}.content.${at}`, role);
  }
  refusePairs(turns);
  const uses = turns.flatMap(({ blocks }) => blocks.filter((block) => block["type"] === "tool_use"));
  refuseDuplicates(
    uses.map((block) => textOf(block["id"])),
    () => "messages: `tool_use` ids must be unique",
  );
  refuse(
    uses.length > 0 && objectsOf(body["tools"]).length === 0,
    "Requests which include `tool_use` or `tool_result` blocks must define tools",
  );
  const last = turns.at(-1);
  if (last?.role !== "assistant") return;
  refuse(
    NO_PREFILL.test(textOf(body["model"])),
    "This model does not support assistant message prefill. The conversation must end with a user message.",
  );
  const ending = textOf(last.blocks.at(-1)?.["text"]);
  refuse(ending !== ending.trimEnd(), "messages: final assistant content cannot end with trailing whitespace");
}

function blocksOf(message: JsonObject, index: number, isLast: boolean): JsonObject[] {
  const content = message["content"];
  if (typeof content === "string") {
    refuse(content === "" && !(isLast && message["role"] === "assistant"), `messages.${index}: all messages must have non-empty content`);
    return [{ type: "text", text: content }];
  }
  refuse(!Array.isArray(content), `messages.${index}.content: Input should be a valid list`);
  // A system message may contain only an effort.
  const mayBeEmpty = message["role"] === "system" || (isLast && message["role"] === "assistant");
  refuse(objectsOf(content).length === 0 && !mayBeEmpty, `messages.${index}: all messages must have non-empty content`);
  return objectsOf(content);
}

function refuseBlock(block: JsonObject, path: string, role: string): void {
  switch (block["type"]) {
    case "text":
      refuse(textOf(block["text"]) === "", `${path}: text content blocks must be non-empty`);
      refuse(textOf(block["text"]).trim() === "", `${path}: text content blocks must contain non-whitespace text`);
      return;
    case "image": {
      refuse(role === "assistant", `${path}: image blocks are not allowed in assistant messages`);
      refuseSource(objectOf(block["source"]), path, IMAGE_TYPES);
      return;
    }
    case "document":
      refuseSource(objectOf(block["source"]), path, null);
      return;
    case "tool_use":
      refuse(role !== "assistant", `${path}: \`tool_use\` blocks can only be in \`assistant\` messages`);
      refuse(!ID.test(textOf(block["id"])), `${path}.tool_use.id: String should match pattern '${ID.source}'`);
      refuse(!TOOL_NAME.test(textOf(block["name"])), `${path}.tool_use.name: String should match pattern '${TOOL_NAME.source}'`);
      refuse(
        Object.keys(objectOf(block["input"])).length === 0 && JSON.stringify(block["input"]) !== "{}",
        `${path}.tool_use.input: Input should be a valid dictionary`,
      );
      return;
    case "tool_result":
      refuse(role !== "user", `${path}: \`tool_result\` blocks can only be in \`user\` messages`);
      for (const [index, part] of objectsOf(block["content"]).entries()) refuseBlock(part, `${path}.tool_result.content.${index}`, "user");
      return;
    case "thinking": {
      refuse(role !== "assistant", `${path}: thinking blocks can only be in assistant messages`);
      const signature = textOf(block["signature"]);
      refuse(
        isForeignProof(signature, PROOF_MARKS.anthropic, Object.values(PROOF_MARKS)),
        `${path}: Invalid \`signature\` in \`thinking\` block`,
      );
      return;
    }
    case "redacted_thinking":
      refuse(
        isForeignProof(textOf(block["data"]), PROOF_MARKS.anthropic, Object.values(PROOF_MARKS)),
        `${path}: Invalid \`data\` in \`redacted_thinking\` block`,
      );
      return;
    default:
      refuse(textOf(block["type"]) === "", `${path}.type: Field required`);
      refuse(
        ["input_text", "output_text", "image_url", "input_image", "input_file", "file", "function_call", "refusal", "reasoning"].includes(
          textOf(block["type"]),
        ),
        `${path}: Input tag '${textOf(block["type"])}' found using 'type' does not match any of the expected tags`,
      );
  }
}

function refuseSource(source: JsonObject, path: string, types: ReadonlySet<string> | null): void {
  const known = ["base64", "url", "text", "content", "file"].includes(textOf(source["type"]));
  refuse(!known, `${path}.source: Input tag does not match any of the expected tags`);
  if (source["type"] === "base64") {
    const mediaType = textOf(source["media_type"]);
    refuse(
      types !== null ? !types.has(mediaType) : mediaType !== "application/pdf",
      `${path}.source.base64.media_type: Input should be another media type than '${mediaType}'`,
    );
    refuse(textOf(source["data"]) === "" || textOf(source["data"]).startsWith("data:"), `${path}.source.base64.data: invalid base64 data`);
  }
  if (source["type"] === "url") refuse(!textOf(source["url"]).startsWith("http"), `${path}.source.url: Only HTTPS URLs are supported.`);
}

/** Every `tool_use` is answered at the head of the next turn, once, and every `tool_result` answers one. */
function refusePairs(turns: readonly Spoken[]): void {
  for (const [index, turn] of turns.entries()) {
    const results = turn.blocks.filter((block) => block["type"] === "tool_result").map((block) => textOf(block["tool_use_id"]));
    const before = turns[index - 1]?.role === "assistant" ? (turns[index - 1]?.blocks ?? []) : [];
    const asked = new Set(before.filter((block) => block["type"] === "tool_use").map((block) => textOf(block["id"])));
    for (const id of results) {
      refuse(
        !asked.has(id),
        `messages.${index}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${id}. Each \`tool_result\` block must have a corresponding \`tool_use\` block in the previous message.`,
      );
    }
    refuseDuplicates(
      results,
      (id) => `messages.${index}: each tool_use must have a single result. Found multiple \`tool_result\` blocks with id: ${id}`,
    );
    const head = turn.blocks.slice(0, results.length);
    refuse(
      asked.size > 0 && head.some((block) => block["type"] !== "tool_result"),
      `messages.${index}: tool_use ids were found without \`tool_result\` blocks immediately after`,
    );
    if (turn.role !== "assistant") continue;
    const uses = turn.blocks.filter((block) => block["type"] === "tool_use").map((block) => textOf(block["id"]));
    const next = turns[index + 1];
    const answered = new Set(objectsOf(next?.blocks).map((block) => textOf(block["tool_use_id"])));
    for (const id of uses) {
      refuse(
        next?.role !== "user" || !answered.has(id),
        `messages.${index}: tool_use ids were found without \`tool_result\` blocks immediately after: ${id}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`,
      );
    }
  }
}
