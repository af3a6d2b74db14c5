// Tools, tool choice and the names of tools, both directions. All functions are in one entry of `tools`.
// https://ai.google.dev/api/caching#Tool (read 2026-11)
// Does not turn a tool that Google runs into a function, or the reverse.

import { JsonText, type Json, type JsonObject } from "../../wire/json.ts";
import type { CanonicalRequest, CustomTool, FunctionTool, Loss, OpaqueTool, Tool, ToolChoice, WebSearchTool } from "../canonical.ts";
import type { Fields } from "../fields.ts";
import { demandsCall, WEB_SEARCH, withoutDuplicates } from "../tool-list.ts";
import { fitName, type NameRule } from "../tool-names.ts";
import type { Capabilities } from "./capabilities.ts";
import { loweredReason, lowerSchema, raiseSchema, takesNothing } from "./schema.ts";
import { NAMES, WORDS } from "./wire.ts";

// ---- Names -------------------------------------------------------------------------------------------------------

/** FunctionDeclaration.name: a letter or underscore first, then also digits, dots, colons and dashes; 128 in all. */
const RULE: NameRule = { unfit: /[^A-Za-z0-9_.:-]/, maxLength: 128 };
const FIRST = /^[A-Za-z_]/;

export function fitToolName(name: string): string {
  return fitName(FIRST.test(name) ? name : `_${name}`, RULE);
}

/** A declared tool as a call names it. */
export interface CalledTool {
  /** The client's own name. */
  readonly name: string;
  readonly kind: "function" | "custom";
}

/** The tools that the client declared, by their names at Gemini. */
export function calledTools(request: CanonicalRequest): (fitted: string) => CalledTool {
  const tools = new Map<string, CalledTool>();
  for (const tool of request.tools) {
    if (tool.type === "function" || tool.type === "custom") tools.set(fitToolName(tool.name), { name: tool.name, kind: tool.type });
  }
  return (fitted) => tools.get(fitted) ?? { name: fitted, kind: "function" };
}

// ---- Decode ------------------------------------------------------------------------------------------------------

export function decodeTools(body: Fields, losses: Loss[]): Tool[] {
  const tools = body.objects("tools").flatMap((entry): Tool[] => {
    // OpenAI's forms of a function, nested and flat, which some clients send in every protocol.
    if (entry.has("function")) return [decodeFunction(entry.ignoreRest().object("function").ignoreRest())];
    if (entry.has("name")) return [decodeFunction(entry.ignoreRest())];
    const functions = entry.objects("functionDeclarations").map(decodeFunction);
    // The second is the predecessor, for Gemini 1.5.
    const searches = ["googleSearch", "googleSearchRetrieval"].flatMap((key) => decodeSearch(entry.optionalObject(key)));
    const rest = entry.unread();
    entry.ignoreRest();
    const others = rest.map(([name, value]): OpaqueTool => ({ type: "opaque", protocol: "gemini", name, value, severity: "reported" }));
    return [...functions, ...searches, ...others];
  });
  const once = withoutDuplicates(tools, NAMES.tools);
  for (const loss of once.losses) losses.push(loss);
  return once.tools;
}

function decodeFunction(declaration: Fields): FunctionTool {
  const name = declaration.text("name");
  const description = declaration.optionalText("description");
  const schema = declaration.source("parametersJsonSchema");
  const subset = declaration.source("parameters");
  return {
    type: "function",
    name,
    namespace: null,
    description: description === "" ? null : description,
    schema: schema ?? (subset === null ? null : raiseSchema(subset)),
    strict: null,
    cache: null,
  };
}

function decodeSearch(search: Fields | null): WebSearchTool[] {
  if (search === null) return [];
  const blockedDomains = search.texts("excludeDomains");
  return [{ type: "web-search", allowedDomains: [], blockedDomains, location: null, contextSize: null, maxUses: null }];
}

export function decodeToolChoice(config: Fields | null): ToolChoice | null {
  const calling = config?.optionalObject("functionCallingConfig") ?? null;
  if (calling === null) return null;
  const mode = calling.optionalWord("mode", WORDS["toolConfig.functionCallingConfig.mode"]);
  const names = calling.texts("allowedFunctionNames");
  const [only] = names;
  switch (mode) {
    case "NONE":
      return { type: "none" };
    case "ANY":
      if (only === undefined) return { type: "required" };
      return names.length === 1 ? { type: "named", name: only } : { type: "subset", names, required: true };
    case "VALIDATED":
      return only === undefined ? { type: "validated" } : { type: "subset", names, required: false };
    case "AUTO":
      return { type: "auto" };
    default:
      return null;
  }
}

// ---- Encode ------------------------------------------------------------------------------------------------------

export function encodeTools(request: CanonicalRequest, { capabilities, losses }: { capabilities: Capabilities; losses: Loss[] }): Json[] {
  const { names, tools } = request;
  const loss = (field: string, severity: Loss["severity"], reason: string): void => void losses.push({ field, severity, reason });
  const entries: Json[] = [];
  const declarations = tools.flatMap((tool): JsonObject[] => {
    if (tool.type === "opaque" || tool.type === "web-search") return [];
    const field = `${names.tools}.${tool.name}`;
    if (tool.type === "function") return [encodeFunction(tool, { capabilities, report: (reason) => loss(field, "reported", reason) })];
    return [
      encodeCustom(tool, () =>
        loss(field, "reported", "Gemini cannot enforce a grammar on a tool; the grammar was added to the description."),
      ),
    ];
  });
  if (tools.some((tool) => tool.type === "function" && tool.strict === true)) {
    loss(`${names.tools}.strict`, "reported", "Gemini treats a function's schema as advice unless a call is forced.");
  }
  if (declarations.length > 0) entries.push({ functionDeclarations: declarations });
  for (const tool of tools) {
    if (tool.type === "opaque") entries.push({ [tool.name]: new JsonText(tool.value) });
    else if (tool.type === "web-search") {
      if (declarations.length === 0) entries.push(encodeSearch(tool, (reason) => loss(`${names.tools}.web_search`, "reported", reason)));
      else loss(`${names.tools}.web_search`, "reported", "Gemini does not search while it has functions to call.");
    }
  }
  return entries;
}

function encodeSearch(tool: WebSearchTool, report: (reason: string) => void): JsonObject {
  if (tool.allowedDomains.length > 0 || tool.location !== null || tool.contextSize !== null || tool.maxUses !== null) {
    report("Google's search accepts no allowed domains, location, context size or number of uses.");
  }
  return { googleSearch: tool.blockedDomains.length > 0 ? { excludeDomains: [...tool.blockedDomains] } : {} };
}

function encodeFunction(
  tool: FunctionTool,
  { capabilities, report }: { capabilities: Capabilities; report: (reason: string) => void },
): JsonObject {
  const declaration: JsonObject = { name: fitToolName(tool.name) };
  if (tool.description !== null) declaration["description"] = tool.description;
  if (tool.schema === null || takesNothing(tool.schema)) return declaration;
  if (capabilities.takesJsonSchema) return { ...declaration, parametersJsonSchema: new JsonText(tool.schema) };
  const { schema, lost } = lowerSchema(tool.schema);
  if (lost.length > 0) report(loweredReason(lost));
  return schema === null ? declaration : { ...declaration, parameters: new JsonText(schema) };
}

/** Free text as a function with one string; calls.ts extracts it again. */
function encodeCustom(tool: CustomTool, report: () => void): JsonObject {
  const about = tool.description ?? "";
  if (tool.grammar !== null) report();
  const grammar = tool.grammar === null ? "" : `The input follows this ${tool.grammar.syntax} grammar:\n${tool.grammar.definition}`;
  const description = [about, grammar].filter((text) => text !== "").join("\n\n");
  return {
    name: fitToolName(tool.name),
    ...(description === "" ? {} : { description }),
    // Lower-case type names belong both to JSON Schema and to Google's subset.
    parameters: { type: "object", properties: { input: { type: "string" } }, required: ["input"] },
  };
}

/** Whether a web search is required and nothing else can be called: then the model will hardly do anything else. */
function isLoneSearch(choice: ToolChoice, tools: readonly Tool[]): boolean {
  const isSearch = choice.type === "required" || (choice.type === "named" && choice.name === "web_search");
  return isSearch && tools.length > 0 && tools.every(({ type }) => type === "web-search");
}

export function encodeToolChoice(request: CanonicalRequest, losses: Loss[]): JsonObject | null {
  const { names, toolChoice, tools } = request;
  if (request.parallelToolCalls === false) {
    losses.push({ field: names.parallelToolCalls, severity: "reported", reason: "Gemini has no setting for one call at a time." });
  }
  if (toolChoice === null) return null;
  if (isLoneSearch(toolChoice, tools)) {
    losses.push({
      field: names.toolChoice,
      severity: "reported",
      reason: "Gemini itself decides when to search; a search cannot be required.",
    });
    return null;
  }
  const callable = new Set(tools.flatMap((tool) => (tool.type === "function" || tool.type === "custom" ? [tool.name] : [])));
  const refuse = (reason: string): null => {
    losses.push({ field: names.toolChoice, severity: "refused", reason });
    return null;
  };
  if (callable.size === 0) {
    return demandsCall(toolChoice) ? refuse("A tool call is required, but Gemini has no tool to call.") : null;
  }
  switch (toolChoice.type) {
    case "auto":
      return { mode: "AUTO" };
    case "validated":
      return { mode: "VALIDATED" };
    case "none":
      return { mode: "NONE" };
    case "required":
      return { mode: "ANY" };
    case "named":
      if (!callable.has(toolChoice.name)) return refuse(`${toolChoice.name} is not among the tools.`);
      return { mode: "ANY", allowedFunctionNames: [fitToolName(toolChoice.name)] };
    case "subset": {
      // A search that was left out is no longer allowed, and one that is sent need not be named.
      const searches = tools.some(({ type }) => type === "web-search");
      const wanted = toolChoice.names.filter((name) => !(searches && name === WEB_SEARCH));
      const allowed = wanted.filter((name) => callable.has(name));
      if (allowed.length < wanted.length) refuse("Not every allowed tool is among the tools.");
      if (allowed.length === 0) return wanted.length === 0 ? { mode: "NONE" } : null;
      return { mode: toolChoice.required ? "ANY" : "VALIDATED", allowedFunctionNames: allowed.map(fitToolName) };
    }
  }
}
