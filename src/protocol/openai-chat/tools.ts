// Tools and tool choice, both directions; also in the form of `functions` and `function_call`, which came before.
// Never parses a tool's schema and prints it again, or declares a function that nobody runs.

import { isObject, JsonText, parseOrUndefined, type Json, type JsonObject } from "../../wire/json.ts";
import type { CanonicalRequest, CustomTool, FunctionTool, Loss, Tool, ToolChoice, WebSearchTool } from "../canonical.ts";
import { isClosed } from "../closed-schema.ts";
import type { Fields } from "../fields.ts";
import { NameTable, type NameRule } from "../tool-names.ts";
import { decodeMark } from "./cache-marks.ts";
import type { Capabilities } from "./capabilities.ts";
import { isLegacy, isOwn } from "./wire.ts";

/** https://platform.openai.com/docs/api-reference/chat/create, FunctionObject.name (read 2026-11). */
const NAME_RULE: NameRule = { allowed: /[A-Za-z0-9_-]/, maxLength: 64 };

/** The tools' names as Chat takes them, and back. */
export function toolNames(request: CanonicalRequest): NameTable {
  return new NameTable(
    request.tools.flatMap((tool) => ("name" in tool ? [tool.name] : [])),
    NAME_RULE,
  );
}

/** The custom tools that the target's model gets as functions with one string. */
export function emulatedTools(request: CanonicalRequest, { customTools }: Capabilities): ReadonlySet<string> {
  return new Set(customTools ? [] : request.tools.flatMap((tool) => (tool.type === "custom" ? [tool.name] : [])));
}

// ---- Decode --------------------------------------------------------------------------------------------------------

/** Whether the client declares `functions`, as was usual before there were tools. */
export function declaresFunctions(body: Fields): boolean {
  return body.list("functions").length > 0;
}

export function decodeTools(body: Fields): Tool[] {
  if (declaresFunctions(body)) return body.objects("functions").map((fn) => decodeFunction(fn, null));
  const tools = body.objects("tools").map(decodeTool);
  const search = body.optionalObject("web_search_options");
  if (search !== null) tools.push(decodeSearch(search));
  // Some clients declare it in the words of several vendors at once.
  const first = tools.findIndex((tool) => tool.type === "web-search");
  return tools.filter((tool, index) => tool.type !== "web-search" || index === first);
}

function decodeTool(tool: Fields): Tool {
  const type = tool.optionalText("type") ?? untypedName(tool);
  if (type === "function") return decodeFunction(tool.object("function"), decodeMark(tool));
  if (type === "custom") return decodeCustom(tool.object("custom"));
  if (HOSTED_SEARCH.test(type)) return decodeSearch(tool);
  return { type: "opaque", protocol: "openai-chat", name: type, value: tool.whole(), severity: "refused" };
}

/** A tool without a type is named by what it holds: a function, or Gemini's search among the functions. */
function untypedName(tool: Fields): string {
  if (tool.has("function")) return "function";
  const [member] = tool.unread();
  return member?.[0] ?? "";
}

/** Hosted search as Responses and Messages declare it; clients of compatible servers put it among the functions. */
const HOSTED_SEARCH = /^(?:web_search(?:_\d{8}|_preview.*)?|google_?search)$/i;

/** `mark`: of the tool around the function. */
function decodeFunction(fn: Fields, mark: FunctionTool["cache"]): FunctionTool {
  return {
    type: "function",
    name: fn.text("name"),
    namespace: null,
    description: fn.optionalText("description"),
    schema: fn.source("parameters"),
    strict: fn.optionalBoolean("strict"),
    cache: mark ?? decodeMark(fn),
  };
}

function decodeCustom(custom: Fields): CustomTool {
  const grammar = custom.optionalObject("format")?.ignoreRest().optionalObject("grammar")?.ignoreRest();
  return {
    type: "custom",
    name: custom.text("name"),
    namespace: null,
    description: custom.optionalText("description"),
    grammar: grammar === undefined ? null : { syntax: grammar.text("syntax"), definition: grammar.text("definition") },
  };
}

function decodeSearch(search: Fields): WebSearchTool {
  const location = search.optionalObject("user_location")?.ignoreRest();
  const place = location?.optionalObject("approximate")?.ignoreRest() ?? location;
  const filters = search.optionalObject("filters")?.ignoreRest();
  const domains = (key: string): readonly string[] => [...search.texts(key), ...(filters?.texts(key) ?? [])];
  // The name that it has among the functions, and Gemini's empty object, say nothing more.
  search.ignore("name", "googleSearch", "google_search");
  return {
    type: "web-search",
    allowedDomains: domains("allowed_domains"),
    blockedDomains: domains("blocked_domains"),
    location:
      place === undefined
        ? null
        : {
            city: place.optionalText("city"),
            region: place.optionalText("region"),
            country: place.optionalText("country"),
            timezone: place.optionalText("timezone"),
          },
    contextSize: search.optionalWord("search_context_size", ["low", "medium", "high"]),
    maxUses: search.optionalInteger("max_uses"),
  };
}

const CHOICES = '"none", "auto", "required", or an object that names a tool or allowed tools';

/** @throws GatewayError when the choice is none of Chat's, or names a tool that is not declared. */
export function decodeToolChoice(body: Fields, tools: readonly Tool[]): ToolChoice | null {
  if (declaresFunctions(body)) return decodeFunctionChoice(body, tools);
  const value = body.raw("tool_choice");
  if (value === undefined || value === null) return null;
  if (value === "none" || value === "auto" || value === "required") return { type: value };
  if (!isObject(value)) throw body.fail("tool_choice", CHOICES);
  const choice = body.object("tool_choice").ignoreRest();
  const type = choice.text("type");
  if (type === "function" || type === "custom") return { type: "named", name: declared(choice.object(type), tools) };
  if (type !== "allowed_tools") throw body.fail("tool_choice", CHOICES);
  const allowed = choice.object("allowed_tools").ignoreRest();
  const names = allowed.objects("tools").map((tool) => {
    const named = tool.ignoreRest().optionalObject("function") ?? tool.optionalObject("custom") ?? tool;
    return declared(named, tools);
  });
  return { type: "subset", names, required: allowed.optionalWord("mode", ["auto", "required"]) === "required" };
}

function decodeFunctionChoice(body: Fields, tools: readonly Tool[]): ToolChoice | null {
  const value = body.raw("function_call");
  if (value === undefined || value === null) return null;
  if (value === "none" || value === "auto") return { type: value };
  if (!isObject(value)) throw body.fail("function_call", '"none", "auto", or an object with the name of a function');
  return { type: "named", name: declared(body.object("function_call"), tools) };
}

function declared(named: Fields, tools: readonly Tool[]): string {
  const name = named.ignoreRest().text("name");
  if (!tools.some((tool) => "name" in tool && tool.name === name)) throw named.fail("name", "the name of a tool of this request");
  return name;
}

// ---- Encode --------------------------------------------------------------------------------------------------------

export interface ToolTarget {
  readonly capabilities: Capabilities;
  readonly names: NameTable;
  readonly losses: Loss[];
}

/** Members of the body: `tools`, or `functions` for a client of that form. */
export function encodeTools(request: CanonicalRequest, target: ToolTarget): Record<string, Json | undefined> {
  const { toolChoice } = request;
  // Servers without `allowed_tools` get the allowed tools alone.
  const subset = toolChoice?.type === "subset" && !target.capabilities.customTools ? new Set(toolChoice.names) : null;
  const kept = request.tools.filter((tool) => subset === null || !("name" in tool) || subset.has(tool.name));
  if (kept.length < request.tools.length) {
    const reason = "The model gets the allowed tools alone, which changes its prompt cache.";
    target.losses.push({ field: request.names.toolChoice, severity: "reported", reason });
  }
  if (isLegacy(request.names)) {
    return { functions: kept.flatMap((tool) => (tool.type === "function" ? [encodeFunction(tool, request, target)] : [])) };
  }
  const tools = kept.flatMap((tool): Json[] => encodeTool(tool, request, target));
  return { tools: tools.length === 0 ? undefined : tools };
}

function encodeTool(tool: Tool, request: CanonicalRequest, target: ToolTarget): Json[] {
  const lose = (name: string, severity: Loss["severity"], reason: string): void =>
    void target.losses.push({ field: `${request.names.tools}.${name}`, severity, reason });
  switch (tool.type) {
    case "function":
      return [{ type: "function", function: encodeFunction(tool, request, target) }];
    case "custom":
      if (target.capabilities.customTools) return [{ type: "custom", custom: encodeCustom(tool, target.names) }];
      if (tool.grammar !== null) lose(tool.name, "reported", "The model cannot be held to a grammar; it is told the grammar instead.");
      return [{ type: "function", function: emulatedFunction(tool, target.names) }];
    case "web-search":
      return [];
    case "opaque":
      if (tool.protocol === "openai-chat") return [new JsonText(tool.value)];
      lose(tool.name, tool.severity, `The tool ${tool.name} is run by another provider; this model's upstream has none like it.`);
      return [];
  }
}

function encodeFunction(tool: FunctionTool, request: CanonicalRequest, { capabilities, names, losses }: ToolTarget): JsonObject {
  const isOpen = tool.strict === true && capabilities.openai && !isOwn(request.names) && !isClosed(tool.schema ?? "");
  if (isOpen) {
    const reason = "A strict schema here has no optional members.";
    losses.push({ field: `${request.names.tools}.strict`, severity: "reported", reason });
  }
  return {
    name: names.fit(tool.name),
    ...(tool.description === null ? {} : { description: tool.description }),
    ...(tool.schema === null ? {} : { parameters: new JsonText(withProperties(tool.schema)) }),
    ...(tool.strict === null || isOpen ? {} : { strict: tool.strict }),
  };
}

/** An object schema without `properties` is rejected by OpenAI; an empty list of them says the same. */
function withProperties(schema: string): string {
  const value = parseOrUndefined(schema);
  if (!isObject(value) || value["properties"] !== undefined) return schema;
  const isEmpty = Object.keys(value).length === 0;
  if (!isEmpty && value["type"] !== "object") return schema;
  const open = schema.trimEnd().slice(0, -1).trimEnd();
  return isEmpty ? '{"type":"object","properties":{}}' : `${open},"properties":{}}`;
}

function encodeCustom(tool: CustomTool, names: NameTable): JsonObject {
  return {
    name: names.fit(tool.name),
    ...(tool.description === null ? {} : { description: tool.description }),
    ...(tool.grammar === null ? {} : { format: { type: "grammar", grammar: { ...tool.grammar } } }),
  };
}

const INPUT_SCHEMA = new JsonText(
  '{"type":"object","properties":{"input":{"type":"string","description":"The whole input, as plain text."}},"required":["input"],"additionalProperties":false}',
);

/** A custom tool as a function with one string; the decoder of the reply takes the string out again. */
function emulatedFunction(tool: CustomTool, names: NameTable): JsonObject {
  const grammar = tool.grammar === null ? [] : [`The input follows this ${tool.grammar.syntax} grammar:\n${tool.grammar.definition}`];
  const description = [...(tool.description === null ? [] : [tool.description]), ...grammar].join("\n\n");
  return { name: names.fit(tool.name), ...(description === "" ? {} : { description }), parameters: INPUT_SCHEMA };
}

/** Members of the body: the choice and the switch for parallel calls, where a tool can be called at all. */
export function encodeToolChoice(
  request: CanonicalRequest,
  target: ToolTarget & { readonly hasTools: boolean },
): Record<string, Json | undefined> {
  const { toolChoice: choice, parallelToolCalls, names } = request;
  const { capabilities } = target;
  if (isLegacy(names)) {
    return { function_call: choice?.type === "named" ? { name: target.names.fit(choice.name) } : choice?.type };
  }
  const refuse = (reason: string): void => void target.losses.push({ field: names.toolChoice, severity: "refused", reason });
  if (!target.hasTools) {
    const demands = choice !== null && choice.type !== "auto" && choice.type !== "none";
    if (demands) refuse("A tool call is demanded, but there is no tool that the model could call.");
    return {};
  }
  const unknown = choice === null ? undefined : namesIn(choice).find((name) => !isCallable(name, request));
  if (unknown !== undefined) refuse(`There is no tool ${unknown} that the model could call.`);
  return {
    tool_choice: choice === null || unknown !== undefined ? undefined : choiceOf(choice, request, target),
    parallel_tool_calls: capabilities.parallelSwitch ? (parallelToolCalls ?? undefined) : undefined,
  };
}

function namesIn(choice: ToolChoice): readonly string[] {
  if (choice.type === "named") return [choice.name];
  return choice.type === "subset" ? choice.names : [];
}

function isCallable(name: string, { tools }: CanonicalRequest): boolean {
  return tools.some((tool) => (tool.type === "function" || tool.type === "custom") && tool.name === name);
}

function choiceOf(choice: ToolChoice, { tools }: CanonicalRequest, { capabilities, names }: ToolTarget): Json {
  const typed = (name: string): JsonObject => {
    const isCustom = capabilities.customTools && tools.some((tool) => tool.type === "custom" && tool.name === name);
    const type = isCustom ? "custom" : "function";
    return { type, [type]: { name: names.fit(name) } };
  };
  switch (choice.type) {
    case "named":
      return typed(choice.name);
    case "subset": {
      const mode = choice.required ? "required" : "auto";
      if (!capabilities.customTools) return mode;
      return { type: "allowed_tools", allowed_tools: { mode, tools: choice.names.map(typed) } };
    }
    default:
      return choice.type;
  }
}

/** `web_search_options`; undefined where no search is asked for, or the model has none. */
export function encodeWebSearch(request: CanonicalRequest, { capabilities, losses }: ToolTarget): Json | undefined {
  const search = request.tools.find((tool) => tool.type === "web-search");
  if (search === undefined) return undefined;
  const report = (reason: string): void => void losses.push({ field: request.names.tools, severity: "reported", reason });
  if (!capabilities.webSearch) {
    report("The model's upstream has no web search; the model answers without it.");
    return undefined;
  }
  if (search.allowedDomains.length + search.blockedDomains.length > 0 || search.maxUses !== null) {
    report("Web search in Chat Completions takes no lists of domains and no limit of uses.");
  }
  const { location, contextSize } = search;
  const approximate = Object.fromEntries(Object.entries(location ?? {}).filter(([, value]) => value !== null));
  return {
    ...(contextSize === null ? {} : { search_context_size: contextSize }),
    ...(location === null ? {} : { user_location: { type: "approximate", approximate } }),
  };
}
