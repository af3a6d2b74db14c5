// Tools and tool choice, both directions; see namespaces.ts for their names, client-tools.ts for those that OpenAI defines and the client runs.
// Never turns a hosted tool into a function that nobody runs.

import { JsonText } from "../../wire/json.ts";
import { members } from "../../wire/json-edit.ts";
import type { CanonicalRequest, CustomTool, FunctionTool, Loss, Tool, ToolChoice, WebSearchTool } from "../canonical.ts";
import { isClosed } from "../closed-schema.ts";
import type { Fields } from "../fields.ts";
import type { ToolLimits } from "../fitted-tools.ts";
import { GEMINI_VALIDATES, SEARCH_TYPE, WEB_SEARCH } from "../tool-list.ts";
import { fitName } from "../tool-names.ts";
import { capabilitiesOf } from "./capabilities.ts";
import { decodeClientTool } from "./client-tools.ts";
import { canonicalName, NAME_RULE, prefixOf, upstreamName } from "./namespaces.ts";
import type { Target } from "./target.ts";
import { NAMES, WORDS } from "./wire.ts";
import type * as wire from "./wire.ts";

// ---- Decoding ----------------------------------------------------------------------------------------------------

type Lose = (loss: Loss) => void;

/** Declared tools in order, those of a namespace in its place. */
export function decodeTools(declared: readonly Fields[], lose: Lose): Tool[] {
  return declared.flatMap((tool) => decodeTool(tool, { namespace: null, lose }));
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
      // Some clients send the nested form of Chat Completions.
      const described = tool.optionalObject(type) ?? tool;
      checkCallers(tool, lose);
      return [type === "function" ? decodeFunction(described, namespace) : decodeCustom(described, namespace)];
    }
    case "namespace": {
      tool.ignoreRest();
      const name = tool.text("name");
      const tools = tool.objects("tools").flatMap((inner) => decodeTool(inner, { namespace: name, lose }));
      // Its tools describe themselves; the namespace's own description is only a hint.
      if (tool.has("description")) {
        lose({
          field: "tools.namespace.description",
          severity: "dropped",
          reason: "Other protocols have no description for a group of tools.",
        });
      }
      return tools;
    }
    default: {
      if (SEARCH_TYPE.test(type)) return [decodeWebSearch(tool, lose)];
      const own = decodeClientTool(tool);
      if (own !== null) checkCallers(tool, lose);
      return [own ?? { type: "opaque", protocol: "openai-responses", name: type, value: tool.whole(), severity: "reported" }];
    }
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
  const format = tool.optionalObject("format")?.ignoreRest();
  const isGrammar = format?.optionalWord("type", WORDS["tools.format.type"]) === "grammar";
  const grammar = isGrammar ? (format.optionalObject("grammar")?.ignoreRest() ?? format) : undefined;
  return {
    type: "custom",
    name: canonicalName(tool.text("name"), namespace),
    namespace,
    description: tool.optionalText("description"),
    grammar: grammar === undefined ? null : { syntax: grammar.text("syntax"), definition: grammar.text("definition") },
  };
}

/** Members of function and custom tools that exist only here. */
function checkCallers(tool: Fields, lose: Lose): void {
  // A deferred tool is sent in full, so nothing is lost.
  tool.ignore("defer_loading");
  const callers = tool.texts("allowed_callers");
  if (callers.length === 0 || callers.includes("direct")) return;
  lose({ field: "tools.allowed_callers", severity: "refused", reason: "In other protocols the model calls every tool directly." });
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
    contextSize: tool.optionalWord("search_context_size", WORDS["tools.search_context_size"]),
    maxUses: null,
  };
  // Every other search uses the live web.
  if (tool.raw("external_web_access") === false) {
    lose({
      field: "tools.external_web_access",
      severity: "reported",
      reason: "Another provider's search can't be kept off the live web.",
    });
  }
  return decoded;
}

/** The choice, or null; `hosted` choices stay members of their own protocol. */
export function decodeToolChoice(body: Fields, tools: readonly Tool[]): ToolChoice | "hosted" | null {
  const value = body.raw("tool_choice");
  if (value === undefined || value === null) return null;
  if (typeof value === "string") return choiceOfWord(body.optionalWord("tool_choice", WORDS.tool_choice));
  const choice = body.object("tool_choice");
  choice.ignoreRest();
  const type = choice.text("type");
  if (type === "allowed_tools") {
    const allowed = choice.optionalObject("allowed_tools")?.ignoreRest() ?? choice;
    const names = allowed.objects("tools").map(choiceName);
    const mode = allowed.optionalWord("mode", WORDS["tool_choice.mode"]);
    return { type: "subset", names, required: mode === "required" || mode === "any" };
  }
  if (type === "function" || type === "custom" || type.startsWith(WEB_SEARCH)) return { type: "named", name: choiceName(choice) };
  if (tools.some((tool) => tool.type === "function" && tool.ownForm?.type === type)) return { type: "named", name: type };
  const word = WORDS.tool_choice.known.find((known) => known === type);
  return word === undefined ? "hosted" : choiceOfWord(word);
}

/** `any` is what Mistral and Messages call `required`. */
function choiceOfWord(word: (typeof WORDS)["tool_choice"]["known"][number] | null): ToolChoice | null {
  return word === null ? null : { type: word === "any" ? "required" : word };
}

/** Hosted tools are named by their type. */
function choiceName(choice: Fields): string {
  choice.ignoreRest();
  const type = choice.text("type");
  if (type.startsWith(WEB_SEARCH)) return WEB_SEARCH;
  if (type !== "function" && type !== "custom") return type;
  const named = choice.optionalObject(type)?.ignoreRest() ?? choice;
  return canonicalName(named.text("name"), named.optionalText("namespace"));
}

// ---- Encoding ----------------------------------------------------------------------------------------------------

/** The models before GPT-5 refuse a schema with one of these at its root; property names are not restricted. */
const LIMITS: ToolLimits = { refusedAtRoot: new Set(["anyOf", "oneOf", "allOf", "enum", "not"]), propertyNames: null };

/** A client of this protocol knows what its model accepts. */
export function toolLimits({ model, names }: CanonicalRequest): ToolLimits | null {
  return names === NAMES || capabilitiesOf(model).rootKeywords ? null : LIMITS;
}

/** `echo`: as the client wrote them, for the answer that repeats them. */
export function encodeTools(target: Target, { echo = false }: { readonly echo?: boolean } = {}): wire.Tool[] {
  const encoded: wire.Tool[] = [];
  const namespaces = new Map<string, wire.NamespaceTool>();
  for (const tool of target.request.tools) {
    switch (tool.type) {
      case "function":
      case "custom": {
        if (echo && tool.type === "function" && tool.ownForm !== undefined) {
          encoded.push(new JsonText(tool.ownForm.value));
          break;
        }
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
        encoded.push(new JsonText(tool.value));
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

/** The schema with the two members that the server requires; everything else stays verbatim. */
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
    target.lose("tools", { inside: WEB_SEARCH, reason: "OpenAI's web search can allow domains but not block them." });
  }
  if (maxUses !== null) target.lose("tools", { inside: WEB_SEARCH, reason: "OpenAI's web search has no limit on uses." });
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

/** Null: nothing is sent. A choice that names a missing tool is refused. `hasTools`: whether any tool is sent. */
export function encodeToolChoice(target: Target, hasTools: boolean): wire.ToolChoice | null {
  const { toolChoice: choice } = target.request;
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
    case "validated":
      if (!hasTools || target.own) return hasTools ? "validated" : null;
      target.lose("toolChoice", { reason: GEMINI_VALIDATES });
      return "auto";
    case "required":
      return hasTools ? "required" : refuse("A tool call is required, but there is no tool.");
    case "named":
      return namedTool(choice.name, target) ?? refuse(`There is no tool named ${choice.name}.`);
    case "subset": {
      const named = choice.names.map((name) => namedTool(name, target));
      const missing = choice.names.find((_, index) => named[index] === null);
      if (missing !== undefined) return hasTools || choice.required ? refuse(`There is no tool named ${missing}.`) : null;
      return { type: "allowed_tools", mode: choice.required ? "required" : "auto", tools: named.filter((tool) => tool !== null) };
    }
  }
}

function namedTool(name: string, { callables, request }: Target): wire.NamedTool | null {
  const tool = callables.find(name);
  if (tool !== undefined) return { type: tool.type, ...upstreamName(name, callables) };
  return name === WEB_SEARCH && request.tools.some(({ type }) => type === "web-search") ? { type: "web_search" } : null;
}
