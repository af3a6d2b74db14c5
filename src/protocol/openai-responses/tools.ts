// Room: openai-responses (row 2), tools.
// In:  the tools and the tool choice of a request, canonical or as on the wire.
// Out: the one from the other. Tools of a namespace are canonical tools whose name begins with it; on the wire they stand in
//      their namespace again, under the short name that the client gave them.
// Never does: turn a hosted tool into a function that nobody runs.

import { JsonText, rowOf } from "../../wire/json.ts";
import { members } from "../../wire/json-edit.ts";
import type { CustomTool, FunctionTool, Loss, OpaqueTool, Tool, ToolChoice, WebSearchTool } from "../canonical.ts";
import { isClosed } from "../closed-schema.ts";
import type { Fields } from "../fields.ts";
import type { NameTable, NameRule } from "../tool-names.ts";
import type * as wire from "./wire.ts";

/** OpenAI's rule for names of tools. */
export const NAME_RULE: NameRule = { allowed: /[a-zA-Z0-9_-]/, maxLength: 64 };

/** What a canonical name begins with when its tool stands in a namespace. Cutting it off gives the short name back, always. */
export function prefixOf(namespace: string): string {
  return namespace.endsWith("__") ? namespace : `${namespace}__`;
}

/** A tool's name as the client wrote it: short, with its namespace beside it. */
export function clientName(name: string, tools: readonly Tool[]): { name: string; namespace?: string } {
  const tool = tools.find((candidate) => "namespace" in candidate && candidate.name === name);
  if (tool === undefined || !("namespace" in tool) || tool.namespace === null) return { name };
  return { name: name.slice(prefixOf(tool.namespace).length), namespace: tool.namespace };
}

/** The canonical name of a call that may say its namespace. */
export function canonicalName(name: string, namespace: string | null): string {
  return namespace === null || namespace === "" ? name : prefixOf(namespace) + name;
}

// ---- Decoding ----------------------------------------------------------------------------------------------------

/** Collects what a list of tools says and what it can't keep; of two tools with one name the first stays. */
export class ToolList {
  readonly tools: Tool[] = [];
  readonly #lose: (loss: Loss) => void;
  readonly #names = new Set<string>();

  constructor(lose: (loss: Loss) => void) {
    this.#lose = lose;
  }

  decode(tool: Fields, namespace: string | null = null): void {
    const type = tool.text("type");
    switch (type) {
      case "function":
        this.#add(this.#function(tool, namespace));
        return;
      case "custom":
        this.#add(this.#custom(tool, namespace));
        return;
      case "namespace": {
        const name = tool.text("name");
        for (const inner of tool.objects("tools")) this.decode(inner, name);
        // Its tools describe themselves; the group's own words are a hint.
        if (tool.has("description")) this.#loseMember("namespace.description", "dropped", "A namespace has no description elsewhere.");
        return;
      }
      case "web_search":
      case "web_search_2025_08_26":
      case "web_search_preview":
      case "web_search_preview_2025_03_11":
        this.#add(this.#webSearch(tool));
        return;
      default:
        this.#add({
          type: "opaque",
          protocol: "openai-responses",
          name: type,
          value: tool.whole(),
          severity: rowOf(OPAQUE, type) ?? "refused",
        });
    }
  }

  #add(tool: Tool): void {
    const key = tool.type === "web-search" ? "web_search" : `${tool.type === "opaque" ? "hosted " : ""}${tool.name}`;
    if (tool.type !== "opaque" && this.#names.has(key)) return;
    this.#names.add(key);
    this.tools.push(tool);
  }

  #function(tool: Fields, namespace: string | null): FunctionTool {
    const decoded: FunctionTool = {
      type: "function",
      name: canonicalName(tool.text("name"), namespace),
      namespace,
      description: tool.optionalText("description"),
      schema: tool.source("parameters"),
      strict: tool.optionalBoolean("strict"),
      cache: null,
    };
    this.#extras(tool);
    return decoded;
  }

  #custom(tool: Fields, namespace: string | null): CustomTool {
    const format = tool.optionalObject("format");
    const decoded: CustomTool = {
      type: "custom",
      name: canonicalName(tool.text("name"), namespace),
      namespace,
      description: tool.optionalText("description"),
      grammar: format?.text("type") === "grammar" ? { syntax: format.text("syntax"), definition: format.text("definition") } : null,
    };
    this.#extras(tool);
    return decoded;
  }

  #webSearch(tool: Fields): WebSearchTool {
    tool.raw("type");
    const filters = tool.optionalObject("filters");
    const location = tool.optionalObject("user_location");
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
      this.#loseMember("external_web_access", "reported", "Another provider's search can't be kept off the live web.");
    }
    this.#rest(tool);
    return decoded;
  }

  /** Members of function and custom tools that no other protocol has. */
  #extras(tool: Fields): void {
    // A deferred tool is sent in full, so nothing is lost.
    tool.raw("defer_loading");
    const callers = tool.texts("allowed_callers");
    if (callers.length > 0 && !callers.includes("direct")) {
      this.#loseMember("allowed_callers", "refused", "Elsewhere every tool is called by the model directly.");
    }
    this.#rest(tool);
  }

  #rest(tool: Fields): void {
    for (const [key] of tool.unread()) this.#loseMember(key, "reported", `No other protocol has ${key} on a tool.`);
  }

  #loseMember(member: string, severity: Loss["severity"], reason: string): void {
    this.#lose({ field: `tools.${member}`, severity, reason });
  }
}

/** Hosted tools that can be left out: deferred tools are sent in full, so nobody has to search for them. */
const OPAQUE: Readonly<Record<string, OpaqueTool["severity"]>> = { tool_search: "reported" };

/** The choice, or null where none was made; `hosted` choices stay members of their own protocol. */
export function decodeToolChoice(request: Fields): ToolChoice | "hosted" | null {
  const value = request.raw("tool_choice");
  if (value === undefined || value === null) return null;
  if (value === "auto" || value === "none" || value === "required") return { type: value };
  if (typeof value === "string") throw request.fail("tool_choice", "auto, none, required or an object");
  const choice = request.object("tool_choice");
  const type = choice.text("type");
  if (type === "allowed_tools") {
    const names = choice.objects("tools").map(choiceName);
    return { type: "subset", names, required: choice.optionalWord("mode", ["auto", "required"]) === "required" };
  }
  return type === "function" || type === "custom" || type.startsWith("web_search") ? { type: "named", name: choiceName(choice) } : "hosted";
}

/** Hosted tools are named by their type. */
function choiceName(choice: Fields): string {
  const type = choice.text("type");
  if (type.startsWith("web_search")) return WEB_SEARCH;
  if (type !== "function" && type !== "custom") return type;
  return canonicalName(choice.text("name"), choice.optionalText("namespace"));
}

const WEB_SEARCH = "web_search";

// ---- Encoding ----------------------------------------------------------------------------------------------------

export interface ToolOptions {
  readonly names: NameTable;
  /** A client of this protocol gets its own words back; for others the defaults that they are used to are spelled out. */
  readonly own: boolean;
  /** The client's name for the tools, for losses. */
  readonly field: string;
  readonly lose: (loss: Loss) => void;
}

export function encodeTools(tools: readonly Tool[], options: ToolOptions): wire.Tool[] {
  const encoded: wire.Tool[] = [];
  const namespaces = new Map<string, wire.NamespaceTool>();
  for (const tool of tools) {
    switch (tool.type) {
      case "function":
      case "custom": {
        const single = tool.type === "function" ? encodeFunction(tool, options) : encodeCustom(tool, options);
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
        encoded.push(encodeWebSearch(tool, options));
        break;
      case "opaque":
        if (tool.protocol === "openai-responses") encoded.push(new JsonText(tool.value));
        else
          options.lose({
            field: `${options.field}.${tool.name}`,
            severity: tool.severity,
            reason: `The Responses API has no ${tool.name}.`,
          });
    }
  }
  return encoded;
}

function encodeFunction({ name, description, schema, strict }: FunctionTool, { names, own, field, lose }: ToolOptions): wire.FunctionTool {
  const isOpen = !own && strict === true && !isClosed(schema ?? "");
  if (isOpen) lose({ field: `${field}.strict`, severity: "reported", reason: "A strict schema here has no optional members." });
  // Without `strict` the server may make a schema strict, and so optional members required.
  const said = isOpen ? false : (strict ?? (own ? null : false));
  return {
    type: "function",
    name: names.fit(name),
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

function encodeCustom({ name, description, grammar }: CustomTool, { names }: ToolOptions): wire.CustomTool {
  return {
    type: "custom",
    name: names.fit(name),
    ...(description === null ? {} : { description }),
    ...(grammar === null ? {} : { format: { type: "grammar", ...grammar } }),
  };
}

function encodeWebSearch(tool: WebSearchTool, { field, lose }: ToolOptions): wire.WebSearchTool {
  const { allowedDomains, blockedDomains, location, contextSize, maxUses } = tool;
  if (blockedDomains.length > 0) {
    lose({
      field: `${field}.blocked_domains`,
      severity: "reported",
      reason: "OpenAI's web search can be limited to domains, not kept from some.",
    });
  }
  if (maxUses !== null) lose({ field: `${field}.max_uses`, severity: "reported", reason: "OpenAI's web search has no limit on its uses." });
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

export interface ChoiceOptions extends ToolOptions {
  readonly tools: readonly Tool[];
  /** The client's name for the choice, for losses. */
  readonly choiceField: string;
}

/** Null: nothing is to be said. A choice that names a tool which is not there is refused. */
export function encodeToolChoice(choice: ToolChoice, options: ChoiceOptions): wire.ToolChoice | null {
  const refuse = (reason: string): null => {
    options.lose({ field: options.choiceField, severity: "refused", reason });
    return null;
  };
  switch (choice.type) {
    case "auto":
    case "none":
      return options.tools.length === 0 ? null : choice.type;
    case "required":
      return options.tools.length === 0 ? refuse("A tool has to be called, but there is none.") : "required";
    case "named":
      return named(choice.name, options) ?? refuse(`There is no tool named ${choice.name}.`);
    case "subset": {
      const tools = choice.names.map((name) => named(name, options));
      const missing = choice.names.find((_, index) => tools[index] === null);
      if (missing !== undefined) return refuse(`There is no tool named ${missing}.`);
      return { type: "allowed_tools", mode: choice.required ? "required" : "auto", tools: tools.filter((tool) => tool !== null) };
    }
  }
}

function named(name: string, { tools, names }: ChoiceOptions): wire.NamedTool | null {
  const tool = tools.find((candidate) => "name" in candidate && candidate.type !== "opaque" && candidate.name === name);
  if (tool?.type === "function" || tool?.type === "custom") {
    const { name: short, namespace } = clientName(name, tools);
    const place = namespace === undefined ? {} : { namespace };
    return { type: tool.type, name: namespace === undefined ? names.fit(name) : short, ...place };
  }
  if (name === WEB_SEARCH && tools.some((candidate) => candidate.type === "web-search")) return { type: "web_search" };
  return null;
}
