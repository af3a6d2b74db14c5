// Room: openai-chat (row 2). Tools and tool choice.
// In:  `tools`, `tool_choice`, `functions`, `function_call`, `web_search_options` of a client, or the canonical form.
// Out: the other of the two, with what the target's model cannot take.
// Never does: parse a tool's schema and print it again, or declare a function that nobody runs.

import { isObject, JsonText, parseOrUndefined, type Json } from "../../wire/json.ts";
import type { CanonicalRequest, CustomTool, FunctionTool, Loss, OpaqueTool, Tool, ToolChoice, WebSearchTool } from "../canonical.ts";
import { isClosed } from "../closed-schema.ts";
import type { Fields } from "../fields.ts";
import { NameTable, type NameRule } from "../tool-names.ts";
import type { Capabilities } from "./capabilities.ts";
import { decodeCache } from "./parts-decode.ts";
import type { Unread } from "./unread.ts";
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
export function emulatedTools(request: CanonicalRequest, model: Capabilities): ReadonlySet<string> {
  if (model.customTools) return new Set();
  return new Set(request.tools.flatMap((tool) => (tool.type === "custom" ? [tool.name] : [])));
}

// ---- Decode --------------------------------------------------------------------------------------------------------

export function decodeTools(body: Fields, unread: Unread): Tool[] {
  const tools = body.objects("tools").map((tool) => decodeTool(tool, unread));
  const search = body.optionalObject("web_search_options");
  if (search !== null) tools.push(decodeSearch(search, unread));
  // Some clients declare it in the words of several vendors at once.
  const first = tools.findIndex((tool) => tool.type === "web-search");
  return tools.filter((tool, index) => tool.type !== "web-search" || index === first);
}

/** The functions that a client declared before there were tools. */
export function decodeFunctions(body: Fields, unread: Unread): Tool[] {
  return body.objects("functions").map((fn) => decodeFunction(fn, null, unread));
}

function decodeTool(tool: Fields, unread: Unread): Tool {
  const type = tool.optionalText("type") ?? untypedName(tool);
  if (type === "function") return decodeFunction(tool.object("function"), tool, unread);
  if (type === "custom") return decodeCustom(tool, unread);
  if (HOSTED_SEARCH.test(type)) return decodeSearch(tool, unread);
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

function decodeFunction(fn: Fields, tool: Fields | null, unread: Unread): FunctionTool {
  const decoded: FunctionTool = {
    type: "function",
    name: fn.text("name"),
    namespace: null,
    description: fn.optionalText("description"),
    schema: fn.source("parameters"),
    strict: fn.optionalBoolean("strict"),
    cache: (tool === null ? null : decodeCache(tool)) ?? decodeCache(fn),
  };
  for (const fields of tool === null ? [fn] : [tool, fn]) unread.note(fields);
  return decoded;
}

function decodeCustom(tool: Fields, unread: Unread): CustomTool {
  const custom = tool.object("custom");
  const format = custom.optionalObject("format");
  const grammar = format?.optionalObject("grammar") ?? null;
  const decoded: CustomTool = {
    type: "custom",
    name: custom.text("name"),
    namespace: null,
    description: custom.optionalText("description"),
    grammar: grammar === null ? null : { syntax: grammar.text("syntax"), definition: grammar.text("definition") },
  };
  for (const fields of [tool, custom]) unread.note(fields);
  return decoded;
}

function decodeSearch(search: Fields, unread: Unread): WebSearchTool {
  const location = search.optionalObject("user_location");
  const place = location?.optionalObject("approximate") ?? location;
  const filters = search.optionalObject("filters");
  const domains = (key: string): readonly string[] => [...search.texts(key), ...(filters?.texts(key) ?? [])];
  const decoded: WebSearchTool = {
    type: "web-search",
    allowedDomains: domains("allowed_domains"),
    blockedDomains: domains("blocked_domains"),
    location:
      place === null
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
  // The name that it has among the functions, and Gemini's empty object, say nothing more.
  for (const said of ["name", "googleSearch", "google_search"]) search.raw(said);
  unread.note(search);
  return decoded;
}

const CHOICES = '"none", "auto", "required", or an object that names a tool or allowed tools';

/** @throws GatewayError when the choice is none of Chat's, or names a tool that is not declared. */
export function decodeToolChoice(body: Fields, tools: readonly Tool[]): ToolChoice | null {
  const value = body.raw("tool_choice");
  if (value === undefined || value === null) return null;
  if (value === "none" || value === "auto" || value === "required") return { type: value };
  if (!isObject(value)) throw body.fail("tool_choice", CHOICES);
  const choice = body.object("tool_choice");
  const type = choice.text("type");
  if (type === "function" || type === "custom") return { type: "named", name: declared(choice.object(type), tools) };
  if (type !== "allowed_tools") throw body.fail("tool_choice", CHOICES);
  const allowed = choice.object("allowed_tools");
  const names = allowed
    .objects("tools")
    .map((tool) => declared(tool.optionalObject("function") ?? tool.optionalObject("custom") ?? tool, tools));
  return { type: "subset", names, required: allowed.optionalWord("mode", ["auto", "required"]) === "required" };
}

/** `function_call` of a client that declared `functions`. */
export function decodeFunctionChoice(body: Fields, tools: readonly Tool[]): ToolChoice | null {
  const value = body.raw("function_call");
  if (value === undefined || value === null) return null;
  if (value === "none" || value === "auto") return { type: value };
  if (!isObject(value)) throw body.fail("function_call", '"none", "auto", or an object with the name of a function');
  return { type: "named", name: declared(body.object("function_call"), tools) };
}

function declared(named: Fields, tools: readonly Tool[]): string {
  const name = named.text("name");
  if (!tools.some((tool) => "name" in tool && tool.name === name)) throw named.fail("name", "the name of a tool of this request");
  return name;
}

// ---- Encode --------------------------------------------------------------------------------------------------------

/** The tools of a request as members of its body; what is undefined is left out. */
export interface EncodedTools {
  readonly tools?: Json[] | undefined;
  readonly tool_choice?: Json | undefined;
  readonly parallel_tool_calls?: boolean | undefined;
  readonly functions?: Json[] | undefined;
  readonly function_call?: Json | undefined;
  readonly web_search_options?: Json | undefined;
}

export interface ToolTarget {
  readonly model: Capabilities;
  readonly names: NameTable;
  readonly losses: Loss[];
}

export function encodeTools(request: CanonicalRequest, target: ToolTarget): EncodedTools {
  const { model, names, losses } = target;
  const { toolChoice, parallelToolCalls } = request;
  const search = request.tools.find((tool) => tool.type === "web-search");
  const searchOptions = search === undefined ? undefined : encodeSearch(search, request, target);
  // Servers without `allowed_tools` get the allowed tools alone.
  const subset = toolChoice?.type === "subset" && !model.customTools ? new Set(toolChoice.names) : null;
  const kept = request.tools.filter((tool) => subset === null || !("name" in tool) || subset.has(tool.name));
  if (subset !== null && kept.length < request.tools.length) {
    losses.push({
      field: request.names.toolChoice,
      severity: "reported",
      reason: "The model gets the allowed tools alone, which changes its prompt cache.",
    });
  }
  if (isLegacy(request.names)) {
    const functions = kept.flatMap((tool) => (tool.type === "function" ? [encodeFunction(tool, request, target)] : []));
    const named = toolChoice?.type === "named" ? { name: names.fit(toolChoice.name) } : toolChoice?.type;
    return { functions, function_call: named, web_search_options: searchOptions };
  }
  const tools = kept.flatMap((tool): Json[] => encodeTool(tool, request, target));
  if (tools.length === 0) {
    if (toolChoice !== null && toolChoice.type !== "auto" && toolChoice.type !== "none") {
      losses.push({
        field: request.names.toolChoice,
        severity: "refused",
        reason: "A tool call is demanded, but there is no tool that the model could call.",
      });
    }
    return { web_search_options: searchOptions };
  }
  const unknown = toolChoice === null ? undefined : namesIn(toolChoice).find((name) => !isCallable(name, request));
  if (unknown !== undefined) {
    losses.push({ field: request.names.toolChoice, severity: "refused", reason: `There is no tool ${unknown} that the model could call.` });
  }
  return {
    tools,
    tool_choice: toolChoice === null || unknown !== undefined ? undefined : encodeToolChoice(toolChoice, request, target),
    parallel_tool_calls: model.parallelSwitch ? (parallelToolCalls ?? undefined) : undefined,
    web_search_options: searchOptions,
  };
}

function namesIn(choice: ToolChoice): readonly string[] {
  if (choice.type === "named") return [choice.name];
  return choice.type === "subset" ? choice.names : [];
}

function isCallable(name: string, { tools }: CanonicalRequest): boolean {
  return tools.some((tool) => (tool.type === "function" || tool.type === "custom") && tool.name === name);
}

function encodeTool(tool: Tool, request: CanonicalRequest, { model, names, losses }: ToolTarget): Json[] {
  switch (tool.type) {
    case "function":
      return [{ type: "function", function: encodeFunction(tool, request, { model, names, losses }) }];
    case "custom":
      if (model.customTools) return [{ type: "custom", custom: encodeCustom(tool, names) }];
      if (tool.grammar !== null) {
        losses.push({
          field: `${request.names.tools}.${tool.name}`,
          severity: "reported",
          reason: "The model cannot be held to a grammar; it is told the grammar instead.",
        });
      }
      return [{ type: "function", function: emulatedFunction(tool, names) }];
    case "web-search":
      return [];
    case "opaque":
      if (tool.protocol === "openai-chat") return [new JsonText(tool.value)];
      losses.push(opaqueLoss(tool, request));
      return [];
  }
}

function opaqueLoss(tool: OpaqueTool, request: CanonicalRequest): Loss {
  const reason = `The tool ${tool.name} is run by another provider; this model's upstream has none like it.`;
  return { field: `${request.names.tools}.${tool.name}`, severity: tool.severity, reason };
}

function encodeFunction(tool: FunctionTool, request: CanonicalRequest, { model, names, losses }: ToolTarget): { [key: string]: Json } {
  const isOpen = tool.strict === true && model.openai && !isOwn(request.names) && !isClosed(tool.schema ?? "");
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

function encodeCustom(tool: CustomTool, names: NameTable): { [key: string]: Json } {
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
function emulatedFunction(tool: CustomTool, names: NameTable): { [key: string]: Json } {
  const grammar = tool.grammar === null ? [] : [`The input follows this ${tool.grammar.syntax} grammar:\n${tool.grammar.definition}`];
  const description = [...(tool.description === null ? [] : [tool.description]), ...grammar].join("\n\n");
  return { name: names.fit(tool.name), ...(description === "" ? {} : { description }), parameters: INPUT_SCHEMA };
}

function encodeToolChoice(choice: ToolChoice, request: CanonicalRequest, { model, names }: ToolTarget): Json {
  const typed = (name: string): { [key: string]: Json } => {
    const type = model.customTools && request.tools.some((tool) => tool.type === "custom" && tool.name === name) ? "custom" : "function";
    return { type, [type]: { name: names.fit(name) } };
  };
  switch (choice.type) {
    case "named":
      return typed(choice.name);
    case "subset":
      if (!model.customTools) return choice.required ? "required" : "auto";
      return {
        type: "allowed_tools",
        allowed_tools: { mode: choice.required ? "required" : "auto", tools: choice.names.map(typed) },
      };
    default:
      return choice.type;
  }
}

function encodeSearch(search: WebSearchTool, request: CanonicalRequest, { model, losses }: ToolTarget): Json | undefined {
  const report = (reason: string): void => void losses.push({ field: request.names.tools, severity: "reported", reason });
  if (!model.webSearch) {
    report("The model's upstream has no web search; the model answers without it.");
    return undefined;
  }
  if (search.allowedDomains.length + search.blockedDomains.length > 0 || search.maxUses !== null) {
    report("Web search in Chat Completions takes no lists of domains and no limit of uses.");
  }
  const { location, contextSize } = search;
  const approximate: { [key: string]: Json } = {};
  for (const [key, value] of Object.entries(location ?? {})) if (value !== null) approximate[key] = value;
  return {
    ...(contextSize === null ? {} : { search_context_size: contextSize }),
    ...(location === null ? {} : { user_location: { type: "approximate", approximate } }),
  };
}
