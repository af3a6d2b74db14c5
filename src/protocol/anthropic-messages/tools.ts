// Tools and tool choice, both directions.
// Never makes a function out of a tool that a provider runs.

import { JsonText, type Json, type JsonObject } from "../../wire/json.ts";
import type { CanonicalRequest, CustomTool, FunctionTool, Loss, Tool, ToolChoice, WebSearchTool } from "../canonical.ts";
import type { Fields } from "../fields.ts";
import type { ToolLimits } from "../fitted-tools.ts";
import { demandsCall, GEMINI_VALIDATES, nameOf, withoutDuplicates } from "../tool-list.ts";
import type { NameTable } from "../tool-names.ts";
import { decodeMark, encodeMark } from "./cache-marks.ts";
import { capabilitiesOf, type Capabilities } from "./capabilities.ts";
import { clientTool, type ClientTool } from "./client-tools.ts";
import { compact } from "./parts-decode.ts";
import { costOf, EMPTY_SCHEMA, lowerSchema, toolSchema } from "./schema.ts";
import { StrictBudget } from "./strict-budget.ts";
import { ID, NAMES, WORDS } from "./wire.ts";

// ---- Decode ------------------------------------------------------------------------------------------------------

/** A change of the available tools, in conversation order. */
export type ToolChange =
  | { readonly type: "removal"; readonly name: string }
  /** A tool of the request becomes available again. */
  | { readonly type: "addition"; readonly name: string }
  | { readonly type: "definition"; readonly tool: Fields };

export interface DecodeContext {
  readonly toolChanges: readonly ToolChange[];
  readonly losses: Loss[];
}

/** The tools available at the end of the conversation. */
export function decodeTools(body: Fields, { toolChanges, losses }: DecodeContext): readonly Tool[] {
  const once = withoutDuplicates(
    body.objects("tools").map((tool) => decodeTool(tool, losses)),
    NAMES.tools,
  );
  for (const loss of once.losses) losses.push(loss);
  const tools = once.tools;
  if (toolChanges.length === 0) return tools;
  const removed = new Set<string>();
  for (const change of toolChanges) {
    if (change.type === "definition") tools.push(decodeTool(change.tool, losses));
    else if (change.type === "removal") removed.add(change.name);
    else removed.delete(change.name);
  }
  // A definition in the conversation replaces an earlier one.
  return withoutDuplicates(tools, NAMES.tools).tools.filter((tool) => !("name" in tool && removed.has(tool.name)));
}

function decodeTool(tool: Fields, losses: Loss[]): Tool {
  const type = tool.optionalText("type") ?? "custom";
  const known = clientTool(type);
  const isSearch = type.startsWith("web_search_");
  // OpenAI's forms of a function, nested and flat, which some clients send in every protocol.
  if (type === "function") return decodeFunction(tool.optionalObject("function") ?? tool, null);
  if (type !== "custom" && known === null && !isSearch) {
    const name = tool.optionalText("name") ?? type;
    return { type: "opaque", protocol: ID, name, value: compact(tool.whole()), severity: "reported" };
  }
  // A tool that only code at Anthropic may call can't be given to another model.
  if (tool.has("allowed_callers") && !tool.texts("allowed_callers").includes("direct")) {
    losses.push({ field: tool.at("allowed_callers"), severity: "refused", reason: "Only code that runs at Anthropic may call this tool." });
  }
  return isSearch ? decodeWebSearch(tool) : decodeFunction(tool, known);
}

/** A function as the client describes it, or as its model knows it. */
function decodeFunction(tool: Fields, known: ClientTool | null): FunctionTool {
  return {
    type: "function",
    name: tool.text("name"),
    namespace: null,
    description: known === null ? tool.optionalText("description") : known.description + screenOf(tool),
    schema: known === null ? (tool.source("input_schema") ?? tool.source("parameters")) : known.schema,
    strict: tool.optionalBoolean("strict"),
    cache: decodeMark(tool),
  };
}

function screenOf(tool: Fields): string {
  const width = tool.optionalInteger("display_width_px");
  const height = tool.optionalInteger("display_height_px");
  return width === null || height === null ? "" : ` The screen is ${width} x ${height} pixels.`;
}

function decodeWebSearch(tool: Fields): WebSearchTool {
  tool.ignore("name", "strict", "cache_control");
  const location = tool.optionalObject("user_location");
  location?.ignoreRest();
  return {
    type: "web-search",
    allowedDomains: tool.texts("allowed_domains"),
    blockedDomains: tool.texts("blocked_domains"),
    location:
      location === null
        ? null
        : {
            city: location.optionalText("city"),
            region: location.optionalText("region"),
            country: location.optionalText("country"),
            timezone: location.optionalText("timezone"),
          },
    contextSize: null,
    maxUses: tool.optionalInteger("max_uses"),
  };
}

export interface DecodedChoice {
  readonly toolChoice: ToolChoice | null;
  readonly parallelToolCalls: boolean | null;
}

export function decodeToolChoice(body: Fields): DecodedChoice {
  const value = body.raw("tool_choice");
  if (value === undefined || value === null) return { toolChoice: null, parallelToolCalls: null };
  if (typeof value === "string") {
    const word = body.optionalWord("tool_choice", WORDS.tool_choice);
    return { toolChoice: word === null ? null : choiceOfWord(word), parallelToolCalls: null };
  }
  const choice = body.object("tool_choice");
  choice.ignoreRest();
  const disabled = choice.optionalBoolean("disable_parallel_tool_use");
  return { toolChoice: decodeChoice(choice), parallelToolCalls: disabled === null ? null : !disabled };
}

function decodeChoice(choice: Fields): ToolChoice | null {
  const word = choice.word("type", WORDS["tool_choice.type"]);
  if (word === null) return null;
  if (word !== "tool" && word !== "function") return choiceOfWord(word);
  return { type: "named", name: (choice.optionalObject("function")?.ignoreRest() ?? choice).text("name") };
}

/** `required` is what OpenAI calls `any`, as a plain string. */
function choiceOfWord(word: (typeof WORDS)["tool_choice"]["known"][number]): ToolChoice {
  return { type: word === "any" ? "required" : word };
}

// ---- Encode ------------------------------------------------------------------------------------------------------

/**
 * Claude refuses all tools of a request if one schema has these. Only names of the root's properties matter: names inside nested objects,
 * lists and referenced definitions are not restricted (measured in the public report aws-solutions-library-samples/
 * accelerated-intelligent-document-processing-on-aws#709, read 2026-11).
 */
const LIMITS: ToolLimits = {
  refusedAtRoot: new Set(["anyOf", "oneOf", "allOf"]),
  propertyNames: { fits: /^[a-zA-Z0-9_.-]{1,64}$/, rule: { unfit: /[^a-zA-Z0-9_.-]/, maxLength: 64 } },
};

export function toolLimits({ model }: CanonicalRequest): ToolLimits | null {
  return capabilitiesOf(model).claude ? LIMITS : null;
}

export interface ToolContext {
  readonly capabilities: Capabilities;
  readonly names: NameTable;
  readonly losses: Loss[];
}

export interface EncodedTools {
  /** As text where only this protocol understands the tool. */
  readonly tools: readonly Json[];
  readonly toolChoice: JsonObject | null;
}

/** A client's custom tool as a function with the free text as its only argument. */
const FREE_TEXT_SCHEMA = '{"type":"object","properties":{"input":{"type":"string"}},"required":["input"],"additionalProperties":false}';

export function encodeTools(request: CanonicalRequest, context: ToolContext): EncodedTools {
  const { toolChoice: wanted, names } = request;
  const { capabilities, losses } = context;
  const subset = wanted?.type === "subset" ? new Set(wanted.names) : null;
  const named = new Set(request.tools.map(nameOf));
  const unknown = wanted?.type === "subset" ? wanted.names.find((name) => !named.has(name)) : undefined;
  if (unknown !== undefined) losses.push({ field: names.toolChoice, severity: "refused", reason: `There is no tool ${unknown} to call.` });
  if (subset !== null) {
    losses.push({
      field: names.toolChoice,
      severity: "reported",
      reason: "Messages cannot limit the choice; only the allowed tools were sent.",
    });
  }
  const budget = new StrictBudget(capabilities.structuredOutput ? request.output : null);
  const tools = request.tools.flatMap((tool): Json[] => {
    if (subset !== null && !subset.has(nameOf(tool))) return [];
    const field = `${names.tools}.${nameOf(tool)}`;
    if (tool.type === "web-search" && request.tools.some((other) => other.type !== "web-search" && nameOf(other) === nameOf(tool))) {
      losses.push({ field, severity: "reported", reason: "Messages calls its web search web_search, and another tool has that name." });
      return [];
    }
    const encoded = encodeTool(tool, { ...context, field, budget });
    return encoded === null ? [] : [encoded];
  });
  if (budget.isExceeded) {
    const reason =
      "Claude accepts 20 strict tools, with 24 optional and 16 union parameters in total; the tools beyond that are not strict.";
    losses.push({ field: `${names.tools}.strict`, severity: "reported", reason });
  }
  if (tools.length > 0) return { tools, toolChoice: encodeToolChoice(request, context) };
  if (demandsCall(wanted)) {
    losses.push({
      field: names.toolChoice,
      severity: "refused",
      reason: "A tool call is required, but no tool was sent that this model could call.",
    });
  }
  const seen = toolsOfHistory(request, context.names);
  return { tools: seen, toolChoice: seen.length > 0 ? { type: "none" } : null };
}

/** Calls in the history need their tools declared, even when the client no longer sends them. */
function toolsOfHistory(request: CanonicalRequest, names: NameTable): JsonObject[] {
  const called = request.turns.flatMap((turn) => turn.parts.flatMap((part) => (part.type === "tool-call" ? [names.fit(part.name)] : [])));
  return [...new Set(called)].map((name) => ({ name, input_schema: new JsonText(EMPTY_SCHEMA) }));
}

interface OneToolContext extends ToolContext {
  /** The client's name for the tool. */
  readonly field: string;
  readonly budget: StrictBudget;
}

function encodeTool(tool: Tool, context: OneToolContext): Json {
  switch (tool.type) {
    case "function":
      return encodeFunction(tool, context);
    case "custom":
      return encodeCustom(tool, context);
    case "web-search":
      return encodeWebSearch(tool, context);
    case "opaque":
      return new JsonText(tool.value);
  }
}

function encodeFunction(tool: FunctionTool, { capabilities, names, losses, field, budget }: OneToolContext): JsonObject {
  const { schema, faulty } = toolSchema(tool.schema ?? EMPTY_SCHEMA);
  if (faulty) losses.push({ field, severity: "reported", reason: "The tool's schema does not describe an object; Messages requires one." });
  const cost = tool.strict === true && capabilities.structuredOutput ? costOf(schema) : null;
  const isStrict = cost !== null && budget.take(cost);
  if (tool.strict === true && cost === null) {
    losses.push({ field: `${field}.strict`, severity: "reported", reason: "This model cannot follow the tool's schema strictly." });
  }
  return {
    name: names.fit(tool.name),
    ...(tool.description === null ? {} : { description: tool.description }),
    input_schema: new JsonText(isStrict ? lowerSchema(schema) : schema),
    ...(isStrict ? { strict: true } : tool.strict === false && capabilities.structuredOutput ? { strict: false } : {}),
    ...(tool.cache === null ? {} : { cache_control: encodeMark(tool.cache) }),
  };
}

function encodeCustom(tool: CustomTool, { names, losses, field }: OneToolContext): JsonObject {
  const lines = [tool.description ?? "", "Put the whole text into `input`, as it is."];
  if (tool.grammar !== null) {
    lines.push(`It has to follow this ${tool.grammar.syntax} grammar:`, tool.grammar.definition);
    losses.push({
      field,
      severity: "reported",
      reason: "Messages cannot enforce a grammar on a tool's input; the model is told the grammar.",
    });
  }
  return {
    name: names.fit(tool.name),
    description: lines.filter((line) => line !== "").join("\n"),
    input_schema: new JsonText(FREE_TEXT_SCHEMA),
  };
}

function encodeWebSearch(tool: WebSearchTool, { capabilities, losses, field }: OneToolContext): JsonObject | null {
  if (!capabilities.webSearch) {
    losses.push({ field, severity: "reported", reason: "This model's provider has no web search." });
    return null;
  }
  const { allowedDomains, blockedDomains, location } = tool;
  const both = allowedDomains.length > 0 && blockedDomains.length > 0;
  if (both)
    losses.push({
      field,
      severity: "reported",
      reason: "Messages accepts allowed or blocked domains, not both; the allowed ones were sent.",
    });
  if (tool.contextSize !== null)
    losses.push({ field, severity: "reported", reason: "Messages has no setting for how much context a web search may use." });
  const place = Object.entries(location ?? {}).filter(([, value]) => value !== null);
  return {
    type: "web_search_20250305",
    name: "web_search",
    ...(allowedDomains.length > 0 ? { allowed_domains: [...allowedDomains] } : {}),
    ...(blockedDomains.length > 0 && !both ? { blocked_domains: [...blockedDomains] } : {}),
    ...(tool.maxUses === null ? {} : { max_uses: tool.maxUses }),
    ...(place.length === 0 ? {} : { user_location: { type: "approximate", ...Object.fromEntries(place) } }),
  };
}

export function encodeToolChoice(request: CanonicalRequest, { capabilities, names, losses }: ToolContext): JsonObject | null {
  const { toolChoice: wanted, parallelToolCalls, tools } = request;
  // The switch for parallel calls is a member of the choice.
  const choice = choiceOf(wanted, names) ?? (parallelToolCalls === null ? null : { type: "auto" });
  if (choice === null) return null;
  if (choice["type"] === "none") return choice;
  let allowed = choice;
  if (wanted?.type === "validated") {
    losses.push({
      field: request.names.toolChoice,
      severity: "reported",
      reason: GEMINI_VALIDATES,
    });
  }
  const forced = choice["type"] === "any" || choice["type"] === "tool";
  const isSent = (tool: Tool): boolean => tool.type !== "web-search" || capabilities.webSearch;
  if (wanted?.type === "named" && !tools.some((tool) => isSent(tool) && nameOf(tool) === wanted.name)) {
    losses.push({ field: request.names.toolChoice, severity: "refused", reason: `There is no tool ${wanted.name} to call.` });
    allowed = { type: "auto" };
  } else if (forced && !capabilities.forcedTools) {
    losses.push({ field: request.names.toolChoice, severity: "refused", reason: "This model cannot be made to call a tool." });
    allowed = { type: "auto" };
  }
  return parallelToolCalls === null ? allowed : { ...allowed, disable_parallel_tool_use: !parallelToolCalls };
}

function choiceOf(choice: ToolChoice | null, names: NameTable): JsonObject | null {
  switch (choice?.type) {
    case undefined:
      return null;
    case "auto":
    case "validated":
      return { type: "auto" };
    case "none":
      return { type: "none" };
    case "required":
      return { type: "any" };
    case "named":
      return { type: "tool", name: names.fit(choice.name) };
    case "subset":
      return { type: choice.required ? "any" : "auto" };
  }
}

/** Whether the model must call a tool. */
export function isForced(choice: JsonObject | null): boolean {
  return choice?.["type"] === "any" || choice?.["type"] === "tool";
}
