// Tools and tool choice, both directions. Tools of a namespace are canonical tools whose name begins with it; on the wire they stand in
// their namespace again, under the short name that the client gave them.
// Never turns a hosted tool into a function that nobody runs.

import { JsonText, rowOf } from "../../wire/json.ts";
import { members } from "../../wire/json-edit.ts";
import type { CustomTool, FunctionTool, Loss, LossSeverity, Tool, ToolChoice, WebSearchTool } from "../canonical.ts";
import { isClosed } from "../closed-schema.ts";
import type { Fields } from "../fields.ts";
import { fitName, NameTable, type NameRule } from "../tool-names.ts";
import type { Target } from "./target.ts";
import type * as wire from "./wire.ts";

/** OpenAI's rule for names of tools. */
export const NAME_RULE: NameRule = { allowed: /[a-zA-Z0-9_-]/, maxLength: 64 };

/** OpenAI's limit on the ids that pair a call with its output; any character will do. */
export const CALL_ID_RULE: NameRule = { allowed: /[^]/, maxLength: 64 };

// ---- Names -------------------------------------------------------------------------------------------------------

/** What a canonical name begins with when its tool stands in a namespace. Cutting it off gives the short name back, always. */
function prefixOf(namespace: string): string {
  return namespace.endsWith("__") ? namespace : `${namespace}__`;
}

/** A tool's name as the client wrote it: short, with its namespace beside it. */
export function clientName(name: string, tools: readonly Tool[]): { name: string; namespace?: string } {
  const tool = tools.find((candidate) => "namespace" in candidate && candidate.name === name);
  if (tool === undefined || !("namespace" in tool) || tool.namespace === null) return { name };
  return { name: name.slice(prefixOf(tool.namespace).length), namespace: tool.namespace };
}

/** A tool's name as an upstream takes it. */
export function upstreamName(name: string, tools: readonly Tool[]): { name: string; namespace?: string } {
  const found = clientName(name, tools);
  return found.namespace === undefined ? { name: fitName(name, NAME_RULE) } : found;
}

/** The canonical name of a call that may say its namespace. */
export function canonicalName(name: string, namespace: string | null): string {
  return namespace === null || namespace === "" ? name : prefixOf(namespace) + name;
}

/** The way back from the names that an upstream was sent. */
export function originalNames(tools: readonly Tool[]): NameTable {
  const names = tools.flatMap((tool) => (tool.type === "function" || tool.type === "custom" ? [tool.name] : []));
  return new NameTable(names, NAME_RULE);
}

// ---- Decoding ----------------------------------------------------------------------------------------------------

type Lose = (loss: Loss) => void;

/** Declared tools in their order, those of a namespace in its place. */
export function decodeTools(declared: readonly Fields[], lose: Lose): Tool[] {
  return declared.flatMap((tool) => decodeTool(tool, { namespace: null, lose }));
}

/** Of several tools with one name the first. */
export function withoutDuplicates(tools: readonly Tool[]): Tool[] {
  const names = new Set<string>();
  return tools.filter((tool) => {
    if (tool.type === "opaque") return true;
    const name = tool.type === "web-search" ? WEB_SEARCH : tool.name;
    return !names.has(name) && names.add(name);
  });
}

interface Place {
  readonly namespace: string | null;
  readonly lose: Lose;
}

function decodeTool(tool: Fields, { namespace, lose }: Place): Tool[] {
  const type = tool.text("type");
  switch (type) {
    case "function":
    case "custom": {
      const decoded = type === "function" ? decodeFunction(tool, namespace) : decodeCustom(tool, namespace);
      checkCallers(tool, lose);
      return [decoded];
    }
    case "namespace": {
      tool.ignoreRest();
      const name = tool.text("name");
      const tools = tool.objects("tools").flatMap((inner) => decodeTool(inner, { namespace: name, lose }));
      // Its tools describe themselves; the group's own words are a hint.
      if (tool.has("description")) {
        lose({ field: "tools.namespace.description", severity: "dropped", reason: "A namespace has no description elsewhere." });
      }
      return tools;
    }
    case "web_search":
    case "web_search_2025_08_26":
    case "web_search_preview":
    case "web_search_preview_2025_03_11":
      return [decodeWebSearch(tool, lose)];
    default:
      return [
        { type: "opaque", protocol: "openai-responses", name: type, value: tool.whole(), severity: rowOf(OPAQUE, type) ?? "refused" },
      ];
  }
}

function decodeFunction(tool: Fields, namespace: string | null): FunctionTool {
  return {
    type: "function",
    name: canonicalName(tool.text("name"), namespace),
    namespace,
    description: tool.optionalText("description"),
    schema: tool.source("parameters"),
    strict: tool.optionalBoolean("strict"),
    cache: null,
  };
}

function decodeCustom(tool: Fields, namespace: string | null): CustomTool {
  const format = tool.optionalObject("format");
  format?.ignoreRest();
  return {
    type: "custom",
    name: canonicalName(tool.text("name"), namespace),
    namespace,
    description: tool.optionalText("description"),
    grammar: format?.text("type") === "grammar" ? { syntax: format.text("syntax"), definition: format.text("definition") } : null,
  };
}

/** What function and custom tools have here alone. */
function checkCallers(tool: Fields, lose: Lose): void {
  // A deferred tool is sent in full, so nothing is lost.
  tool.ignore("defer_loading");
  const callers = tool.texts("allowed_callers");
  if (callers.length === 0 || callers.includes("direct")) return;
  lose({ field: "tools.allowed_callers", severity: "refused", reason: "Elsewhere every tool is called by the model directly." });
}

function decodeWebSearch(tool: Fields, lose: Lose): WebSearchTool {
  const filters = tool.optionalObject("filters");
  const location = tool.optionalObject("user_location");
  filters?.ignoreRest();
  location?.ignoreRest();
  const decoded: WebSearchTool = {
    type: "web-search",
    allowedDomains: filters?.texts("allowed_domains") ?? [],
    blockedDomains: filters?.texts("blocked_domains") ?? [],
    location:
      location === null
        ? null
        : {
            city: location.optionalText("city"),
            region: location.optionalText("region"),
            country: location.optionalText("country"),
            timezone: location.optionalText("timezone"),
          },
    contextSize: tool.optionalWord("search_context_size", ["low", "medium", "high"]),
    maxUses: null,
  };
  // Searching the live web is what every other search does.
  if (tool.raw("external_web_access") === false) {
    lose({
      field: "tools.external_web_access",
      severity: "reported",
      reason: "Another provider's search can't be kept off the live web.",
    });
  }
  return decoded;
}

/** Hosted tools that can be left out: deferred tools are sent in full, so nobody has to search for them. */
const OPAQUE: Readonly<Record<string, LossSeverity>> = { tool_search: "reported" };

/** The choice, or null where none was made; `hosted` choices stay members of their own protocol. */
export function decodeToolChoice(body: Fields): ToolChoice | "hosted" | null {
  const value = body.raw("tool_choice");
  if (value === undefined || value === null) return null;
  if (value === "auto" || value === "none" || value === "required") return { type: value };
  if (typeof value === "string") throw body.fail("tool_choice", "auto, none, required or an object");
  const choice = body.object("tool_choice");
  choice.ignoreRest();
  const type = choice.text("type");
  if (type === "allowed_tools") {
    const names = choice.objects("tools").map(choiceName);
    return { type: "subset", names, required: choice.optionalWord("mode", ["auto", "required"]) === "required" };
  }
  return type === "function" || type === "custom" || type.startsWith(WEB_SEARCH) ? { type: "named", name: choiceName(choice) } : "hosted";
}

/** Hosted tools are named by their type. */
function choiceName(choice: Fields): string {
  choice.ignoreRest();
  const type = choice.text("type");
  if (type.startsWith(WEB_SEARCH)) return WEB_SEARCH;
  if (type !== "function" && type !== "custom") return type;
  return canonicalName(choice.text("name"), choice.optionalText("namespace"));
}

const WEB_SEARCH = "web_search";

// ---- Encoding ----------------------------------------------------------------------------------------------------

export function encodeTools(target: Target): wire.Tool[] {
  const encoded: wire.Tool[] = [];
  const namespaces = new Map<string, wire.NamespaceTool>();
  for (const tool of target.request.tools) {
    switch (tool.type) {
      case "function":
      case "custom": {
        const single = tool.type === "function" ? encodeFunction(tool, target) : encodeCustom(tool);
        if (tool.namespace === null) {
          encoded.push(single);
          break;
        }
        let group = namespaces.get(tool.namespace);
        if (group === undefined) {
          group = { type: "namespace", name: tool.namespace, description: "", tools: [] };
          namespaces.set(tool.namespace, group);
          encoded.push(group);
        }
        group.tools.push({ ...single, name: tool.name.slice(prefixOf(tool.namespace).length) });
        break;
      }
      case "web-search":
        encoded.push(encodeWebSearch(tool, target));
        break;
      case "opaque":
        if (tool.protocol === "openai-responses") encoded.push(new JsonText(tool.value));
        else {
          const { name: inside, severity } = tool;
          target.lose("tools", { inside, severity, reason: `The Responses API has no ${inside}.` });
        }
    }
  }
  return encoded;
}

function encodeFunction({ name, description, schema, strict }: FunctionTool, target: Target): wire.FunctionTool {
  const { own } = target;
  const isOpen = !own && strict === true && !isClosed(schema ?? "");
  if (isOpen) target.lose("tools", { inside: "strict", reason: "A strict schema here has no optional members." });
  // Without `strict` the server may make a schema strict, and so optional members required.
  const said = isOpen ? false : (strict ?? (own ? null : false));
  return {
    type: "function",
    name: fitName(name, NAME_RULE),
    ...(description === null ? {} : { description }),
    parameters: schema === null ? (own ? null : new JsonText(EMPTY_SCHEMA)) : new JsonText(own ? schema : withProperties(schema)),
    ...(said === null ? {} : { strict: said }),
  };
}

const EMPTY_SCHEMA = '{"type":"object","properties":{}}';

/** The schema with the two members that the server insists on; all else stays as it was written. */
function withProperties(schema: string): string {
  if (!schema.trimStart().startsWith("{")) return EMPTY_SCHEMA;
  const found = members(schema);
  const missing = [
    ...(found.some(({ key }) => key === "type") ? [] : ['"type":"object"']),
    ...(found.some(({ key }) => key === "properties") ? [] : ['"properties":{}']),
  ];
  if (missing.length === 0) return schema;
  const end = schema.lastIndexOf("}");
  const last = found.at(-1);
  const kept = last === undefined ? "{" : `${schema.slice(0, last.valueEnd)},`;
  return kept + missing.join(",") + schema.slice(end);
}

function encodeCustom({ name, description, grammar }: CustomTool): wire.CustomTool {
  return {
    type: "custom",
    name: fitName(name, NAME_RULE),
    ...(description === null ? {} : { description }),
    ...(grammar === null ? {} : { format: { type: "grammar", ...grammar } }),
  };
}

function encodeWebSearch(tool: WebSearchTool, target: Target): wire.WebSearchTool {
  const { allowedDomains, blockedDomains, location, contextSize, maxUses } = tool;
  if (blockedDomains.length > 0) {
    target.lose("tools", { inside: "blocked_domains", reason: "OpenAI's web search can be limited to domains, not kept from some." });
  }
  if (maxUses !== null) target.lose("tools", { inside: "max_uses", reason: "OpenAI's web search has no limit on its uses." });
  const encoded: wire.WebSearchTool = { type: "web_search" };
  if (allowedDomains.length > 0) encoded.filters = { allowed_domains: [...allowedDomains] };
  if (contextSize !== null) encoded.search_context_size = contextSize;
  if (location !== null) {
    const place: wire.UserLocation = { type: "approximate" };
    for (const key of ["city", "region", "country", "timezone"] as const) {
      const value = location[key];
      if (value !== null) place[key] = value;
    }
    encoded.user_location = place;
  }
  return encoded;
}

/** Null: nothing is to be said. A choice that names a tool which is not there is refused. `hasTools`: whether any tool is sent. */
export function encodeToolChoice(target: Target, hasTools: boolean): wire.ToolChoice | null {
  const { toolChoice: choice, tools } = target.request;
  const refuse = (reason: string): null => {
    target.lose("toolChoice", { severity: "refused", reason });
    return null;
  };
  switch (choice?.type) {
    case undefined:
      return null;
    case "auto":
    case "none":
      return hasTools ? choice.type : null;
    case "required":
      return hasTools ? "required" : refuse("A tool has to be called, but there is none.");
    case "named":
      return namedTool(choice.name, tools) ?? refuse(`There is no tool named ${choice.name}.`);
    case "subset": {
      const named = choice.names.map((name) => namedTool(name, tools));
      const missing = choice.names.find((_, index) => named[index] === null);
      if (missing !== undefined) return refuse(`There is no tool named ${missing}.`);
      return { type: "allowed_tools", mode: choice.required ? "required" : "auto", tools: named.filter((tool) => tool !== null) };
    }
  }
}

function namedTool(name: string, tools: readonly Tool[]): wire.NamedTool | null {
  const tool = tools.find((candidate) => candidate.type !== "opaque" && candidate.type !== "web-search" && candidate.name === name);
  if (tool?.type === "function" || tool?.type === "custom") return { type: tool.type, ...upstreamName(name, tools) };
  return name === WEB_SEARCH && tools.some(({ type }) => type === "web-search") ? { type: "web_search" } : null;
}
