// Tools and tool choice, both directions; also in the older form of `functions` and `function_call`.
// Never reprints a tool's schema, or declares a function that nobody runs.

import { isObject, JsonText, parseOrUndefined, type Json, type JsonObject } from "../../wire/json.ts";
import type { CanonicalRequest, CustomTool, FunctionTool, Loss, Tool, ToolChoice, WebSearchTool } from "../canonical.ts";
import { isClosed } from "../closed-schema.ts";
import type { Fields } from "../fields.ts";
import type { ToolLimits } from "../fitted-tools.ts";
import { NameTable, type NameRule } from "../tool-names.ts";
import { type Callables, demandsCall, GEMINI_VALIDATES, nameOf, SEARCH_TYPE, WEB_SEARCH, withoutDuplicates } from "../tool-list.ts";
import { decodeMark } from "./cache-marks.ts";
import { capabilitiesOf, type Capabilities } from "./capabilities.ts";
import { isLegacy, isOwn, LEGACY_NAMES, NAMES, WORDS } from "./wire.ts";

/** https://platform.openai.com/docs/api-reference/chat/create, FunctionObject.name (read 2026-11). */
const NAME_RULE: NameRule = { unfit: /[^A-Za-z0-9_-]/, maxLength: 64 };

/** The tools' names in Chat's form, and back. */
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

/** Whether the client declares `functions`, the predecessor of tools. */
export function declaresFunctions(body: Fields): boolean {
  return body.list("functions").length > 0;
}

export interface DecodedTools {
  readonly tools: readonly Tool[];
  /** Names that were listed twice. */
  readonly losses: readonly Loss[];
}

export function decodeTools(body: Fields): DecodedTools {
  if (declaresFunctions(body)) {
    const functions = body.objects("functions").map((fn) => decodeFunction(fn, null));
    return withoutDuplicates(functions, LEGACY_NAMES.tools);
  }
  const tools = body.objects("tools").map(decodeTool);
  const search = body.optionalObject("web_search_options");
  if (search !== null) tools.push(decodeSearch(search));
  // Some clients declare it in several vendors' forms at once.
  const first = tools.findIndex((tool) => tool.type === "web-search");
  const once = tools.filter((tool, index) => tool.type !== "web-search" || index === first);
  return withoutDuplicates(once, NAMES.tools);
}

/** Some clients send the flat form of Responses, with the members beside the type. */
function decodeTool(tool: Fields): Tool {
  const type = tool.optionalText("type") ?? untypedName(tool);
  if (type === "function") return decodeFunction(tool.optionalObject("function") ?? tool, decodeMark(tool));
  if (type === "custom" && !tool.has("input_schema")) return decodeCustom(tool.optionalObject("custom") ?? tool);
  if (type === "custom") return decodeFunction(tool, null);
  if (SEARCH_TYPE.test(type)) return decodeSearch(tool);
  return { type: "opaque", protocol: "openai-chat", name: type, value: tool.whole(), severity: "reported" };
}

/** A tool without a type is identified by its content: a function, or Gemini's search among the functions. */
function untypedName(tool: Fields): string {
  if (tool.has("function") || tool.has("name")) return "function";
  if (tool.has("custom")) return "custom";
  const [member] = tool.unread();
  return member?.[0] ?? "";
}

/** `mark`: that of the tool around the function. */
function decodeFunction(fn: Fields, mark: FunctionTool["cache"]): FunctionTool {
  return {
    type: "function",
    name: fn.text("name"),
    namespace: null,
    description: fn.optionalText("description"),
    schema: fn.source("parameters") ?? fn.source("input_schema"),
    strict: fn.optionalBoolean("strict"),
    cache: mark ?? decodeMark(fn),
  };
}

function decodeCustom(custom: Fields): CustomTool {
  const format = custom.optionalObject("format")?.ignoreRest();
  const isGrammar = format?.optionalWord("type", WORDS["tools.format.type"]) === "grammar";
  const grammar = isGrammar ? (format.optionalObject("grammar")?.ignoreRest() ?? format) : undefined;
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
  // Its name as a function, and Gemini's empty object, add nothing.
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
    contextSize: search.optionalWord("search_context_size", WORDS.search_context_size),
    maxUses: search.optionalInteger("max_uses"),
  };
}

const CHOICES = '"none", "auto", "required", or an object that names a tool or allowed tools';

/** @throws GatewayError when the choice is not one of Chat's, or names an undeclared tool. */
export function decodeToolChoice(body: Fields, tools: readonly Tool[]): ToolChoice | null {
  if (declaresFunctions(body)) return decodeFunctionChoice(body, tools);
  const value = body.raw("tool_choice");
  if (value === undefined || value === null) return null;
  if (typeof value === "string") return choiceOfWord(body.optionalWord("tool_choice", WORDS.tool_choice));
  if (!isObject(value)) throw body.fail("tool_choice", CHOICES);
  const choice = body.object("tool_choice").ignoreRest();
  const type = choice.text("type");
  // As in the tools themselves, the members may be beside the type.
  if (type === "function" || type === "custom" || type === "tool") {
    return { type: "named", name: declared(choice.optionalObject(type) ?? choice, namesOf(tools)) };
  }
  if (type === "allowed_tools") return decodeSubset(choice.optionalObject("allowed_tools")?.ignoreRest() ?? choice, tools);
  const named = SEARCH_TYPE.test(type) ? WEB_SEARCH : type;
  if (tools.some((tool) => (tool.type === "web-search" || tool.type === "opaque") && nameOf(tool) === named)) {
    return { type: "named", name: named };
  }
  // Messages has the choices as objects.
  const word = WORDS.tool_choice.known.find((known) => known === type);
  if (word === undefined) throw body.fail("tool_choice", CHOICES);
  return choiceOfWord(word);
}

/** `any` is what Mistral and Messages call `required`. */
function choiceOfWord(word: (typeof WORDS)["tool_choice"]["known"][number] | null): ToolChoice | null {
  return word === null ? null : { type: word === "any" ? "required" : word };
}

function decodeSubset(allowed: Fields, tools: readonly Tool[]): ToolChoice {
  const known = namesOf(tools);
  const names = allowed.objects("tools").map((tool) => {
    const named = tool.ignoreRest().optionalObject("function") ?? tool.optionalObject("custom") ?? tool;
    if (named.has("name")) return declared(named, known);
    const type = named.text("type");
    return SEARCH_TYPE.test(type) ? WEB_SEARCH : type;
  });
  const mode = allowed.optionalWord("mode", WORDS["tool_choice.mode"]);
  return { type: "subset", names, required: mode === "required" || mode === "any" };
}

function decodeFunctionChoice(body: Fields, tools: readonly Tool[]): ToolChoice | null {
  const value = body.raw("function_call");
  if (value === undefined || value === null) return null;
  if (typeof value === "string") {
    const word = body.optionalWord("function_call", WORDS.function_call);
    return word === null ? null : { type: word };
  }
  if (!isObject(value)) throw body.fail("function_call", '"none", "auto", or an object with the name of a function');
  return { type: "named", name: declared(body.object("function_call"), namesOf(tools)) };
}

function namesOf(tools: readonly Tool[]): ReadonlySet<string> {
  return new Set(tools.flatMap((tool) => ("name" in tool ? [tool.name] : [])));
}

function declared(named: Fields, tools: ReadonlySet<string>): string {
  const name = named.ignoreRest().text("name");
  if (!tools.has(name)) throw named.fail("name", "the name of a tool of this request");
  return name;
}

// ---- Encode --------------------------------------------------------------------------------------------------------

/** The models before GPT-5 refuse a schema with one of these at its root; property names are not restricted. */
const LIMITS: ToolLimits = { refusedAtRoot: new Set(["anyOf", "oneOf", "allOf", "enum", "not"]), propertyNames: null };

/** A client of this protocol knows what its model accepts. */
export function toolLimits({ model, names }: CanonicalRequest): ToolLimits | null {
  return isOwn(names) || capabilitiesOf(model).rootKeywords ? null : LIMITS;
}

export interface ToolTarget {
  readonly capabilities: Capabilities;
  readonly names: NameTable;
  readonly callables: Callables;
  readonly losses: Loss[];
}

/** Members of the body: `tools`, or `functions` for a client of that form. */
export function encodeTools(request: CanonicalRequest, target: ToolTarget): Record<string, Json | undefined> {
  const { toolChoice } = request;
  // Servers without `allowed_tools` get only the allowed tools.
  const subset = toolChoice?.type === "subset" && !target.capabilities.customTools ? new Set(toolChoice.names) : null;
  const kept = request.tools.filter((tool) => subset === null || !("name" in tool) || subset.has(tool.name));
  if (kept.length < request.tools.length) {
    const reason = "The model gets only the allowed tools, which changes its prompt cache.";
    target.losses.push({ field: request.names.toolChoice, severity: "reported", reason });
  }
  if (isLegacy(request.names)) {
    return { functions: kept.flatMap((tool) => (tool.type === "function" ? [encodeFunction(tool, request, target)] : [])) };
  }
  const tools = kept.flatMap((tool): Json[] => encodeTool(tool, request, target));
  return { tools: tools.length === 0 ? undefined : tools };
}

function encodeTool(tool: Tool, request: CanonicalRequest, target: ToolTarget): Json[] {
  switch (tool.type) {
    case "function":
      return [{ type: "function", function: encodeFunction(tool, request, target) }];
    case "custom":
      if (target.capabilities.customTools) return [{ type: "custom", custom: encodeCustom(tool, target.names) }];
      if (tool.grammar !== null) {
        const reason = "A grammar cannot be enforced on this model; it is told the grammar instead.";
        target.losses.push({ field: `${request.names.tools}.${tool.name}`, severity: "reported", reason });
      }
      return [{ type: "function", function: emulatedFunction(tool, target.names) }];
    case "web-search":
      return [];
    case "opaque":
      return [new JsonText(tool.value)];
  }
}

function encodeFunction(tool: FunctionTool, request: CanonicalRequest, { capabilities, names, losses }: ToolTarget): JsonObject {
  // A client of this protocol knows what OpenAI accepts.
  const isForeign = capabilities.openai && !isOwn(request.names);
  const isOpen = tool.strict === true && isForeign && !isClosed(tool.schema ?? "");
  if (isOpen) {
    const reason = "A strict schema here has no optional members.";
    losses.push({ field: `${request.names.tools}.strict`, severity: "reported", reason });
  }
  return {
    name: names.fit(tool.name),
    ...(tool.description === null ? {} : { description: tool.description }),
    ...(tool.schema === null ? {} : { parameters: new JsonText(withProperties(tool.schema, isForeign)) }),
    ...(tool.strict === null || isOpen ? {} : { strict: tool.strict }),
  };
}

/** OpenAI rejects an object schema without `properties`; an empty list of them means the same. `isTyped`: also one without a type. */
function withProperties(schema: string, isTyped: boolean): string {
  const value = parseOrUndefined(schema);
  if (!isObject(value)) return schema;
  if (Object.keys(value).length === 0) return '{"type":"object","properties":{}}';
  const lacksType = isTyped && value["type"] === undefined;
  const typed = lacksType ? `{"type":"object",${schema.trimStart().slice(1)}` : schema;
  if (value["properties"] !== undefined || (value["type"] !== "object" && !lacksType)) return typed;
  return `${typed.trimEnd().slice(0, -1).trimEnd()},"properties":{}}`;
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

/** A custom tool as a function with one string; the reply's decoder extracts the string again. */
function emulatedFunction(tool: CustomTool, names: NameTable): JsonObject {
  const grammar = tool.grammar === null ? [] : [`The input follows this ${tool.grammar.syntax} grammar:\n${tool.grammar.definition}`];
  const description = [...(tool.description === null ? [] : [tool.description]), ...grammar].join("\n\n");
  return { name: names.fit(tool.name), ...(description === "" ? {} : { description }), parameters: INPUT_SCHEMA };
}

/** Members of the body: the choice and the switch for parallel calls, if a tool can be called at all. */
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
    if (demandsCall(choice)) refuse("A tool call is required, but there is no tool that the model could call.");
    return {};
  }
  if (choice?.type === "validated" && !isOwn(names)) {
    target.losses.push({
      field: names.toolChoice,
      severity: "reported",
      reason: GEMINI_VALIDATES,
    });
  }
  const unknown = choice === null ? undefined : namesIn(choice, request).find((name) => target.callables.find(name) === undefined);
  if (unknown !== undefined) refuse(`There is no tool ${unknown} that the model could call.`);
  return {
    tool_choice: choice === null || unknown !== undefined ? undefined : choiceOf(choice, request, target),
    parallel_tool_calls: capabilities.parallelSwitch ? (parallelToolCalls ?? undefined) : undefined,
  };
}

/** Web search is a member of its own, which no list of allowed tools removes. */
function namesIn(choice: ToolChoice, { tools }: CanonicalRequest): readonly string[] {
  if (choice.type === "named") return [choice.name];
  if (choice.type !== "subset") return [];
  const searches = tools.some(({ type }) => type === "web-search");
  return choice.names.filter((name) => !(searches && name === WEB_SEARCH));
}

function choiceOf(choice: ToolChoice, request: CanonicalRequest, { capabilities, names, callables }: ToolTarget): Json {
  const typed = (name: string): JsonObject => {
    const isCustom = capabilities.customTools && callables.find(name)?.type === "custom";
    const type = isCustom ? "custom" : "function";
    return { type, [type]: { name: names.fit(name) } };
  };
  switch (choice.type) {
    case "named":
      return typed(choice.name);
    case "subset": {
      const mode = choice.required ? "required" : "auto";
      const allowed = namesIn(choice, request);
      if (allowed.length === 0) return "none";
      if (!capabilities.customTools) return mode;
      return { type: "allowed_tools", allowed_tools: { mode, tools: allowed.map(typed) } };
    }
    case "validated":
      return isOwn(request.names) ? "validated" : "auto";
    default:
      return choice.type;
  }
}

/** `web_search_options`; undefined where no search is requested, or the model has none. */
export function encodeWebSearch(request: CanonicalRequest, { capabilities, losses }: ToolTarget): Json | undefined {
  const search = request.tools.find((tool) => tool.type === "web-search");
  if (search === undefined) return undefined;
  const report = (reason: string): void =>
    void losses.push({ field: `${request.names.tools}.${WEB_SEARCH}`, severity: "reported", reason });
  if (!capabilities.webSearch) {
    report("The model's upstream has no web search; the model answers without it.");
    return undefined;
  }
  if (search.allowedDomains.length + search.blockedDomains.length > 0 || search.maxUses !== null) {
    report("Web search in Chat Completions accepts no domain lists and no limit on uses.");
  }
  const { location, contextSize } = search;
  const approximate = Object.fromEntries(Object.entries(location ?? {}).filter(([, value]) => value !== null));
  return {
    ...(contextSize === null ? {} : { search_context_size: contextSize }),
    ...(location === null ? {} : { user_location: { type: "approximate", approximate } }),
  };
}
