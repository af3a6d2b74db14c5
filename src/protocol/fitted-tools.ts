// A codec whose target refuses some tool schemas outright: its requests carry tools that it takes, and its answers the names that the
// client knows. A keyword that may not stand at a schema's root becomes properties and a sentence in the description; the name of an
// argument that the target does not take is another name on the way.
// Never knows a protocol, and adds nothing to the answers of requests whose tools keep their names.

import { isObject, parseOrUndefined, print, type JsonObject } from "../wire/json.ts";
import { chain, type Machine } from "../wire/machine.ts";
import type { CanonicalRequest, FunctionTool, JsonSource, Part, ReplyEvent, Tool } from "./canonical.ts";
import type { Codec, Exchange } from "./codec.ts";
import { ArgumentRenamer, fittedNames, renameArguments, renameSchema, reversed, type Names } from "./property-names.ts";
import { flatten, type RootRule } from "./root-schema.ts";
import type { NameRule } from "./tool-names.ts";

/** What a target takes as the schema of a tool. */
export interface ToolLimits {
  /** Keywords that it refuses at the root. */
  readonly refusedAtRoot: ReadonlySet<string>;
  /** For the names of the root's properties: what fits, and how the others are fitted. Null: any name will do. */
  readonly propertyNames: { readonly fits: RegExp; readonly rule: NameRule } | null;
}

/** `codec`, with `limitsOf` asked about each request; null: the target takes every schema. */
export function fittedBy(codec: Codec, limitsOf: (request: CanonicalRequest) => ToolLimits | null): Codec {
  const { request, reply } = codec;
  /** The tools whose arguments have other names on the wire, with the way back. */
  const renamedOf = ({ request: asked }: Exchange): ReadonlyMap<string, Names> | null => {
    const limits = limitsOf(asked);
    return limits === null || limits.propertyNames === null ? null : renamedTools(asked.tools, limits);
  };
  return {
    ...codec,
    request: {
      ...request,
      encode(asked) {
        const limits = limitsOf(asked);
        return request.encode(limits === null ? asked : fitRequest(asked, limits));
      },
    },
    reply: {
      ...reply,
      decode(body, exchange) {
        const renamed = renamedOf(exchange);
        const decoded = reply.decode(body, exchange);
        return renamed === null ? decoded : { ...decoded, parts: decoded.parts.map((part) => withNames(part, renamed)) };
      },
      decoder(exchange) {
        const renamed = renamedOf(exchange);
        const decoder = reply.decoder(exchange);
        return renamed === null ? decoder : chain(decoder, nameRestorer(renamed));
      },
    },
  };
}

// ---- The request -------------------------------------------------------------------------------------------------

function fitRequest(request: CanonicalRequest, limits: ToolLimits): CanonicalRequest {
  const renamed = new Map<string, Names>();
  const tools = request.tools.map((tool): Tool => {
    if (tool.type !== "function") return tool;
    const fitted = fitTool(tool, limits);
    if (fitted === null) return tool;
    if (fitted.names.size > 0) renamed.set(tool.name, fitted.names);
    return fitted.tool;
  });
  if (tools.every((tool, index) => tool === request.tools[index])) return request;
  if (renamed.size === 0) return { ...request, tools };
  const turns = request.turns.map((turn) => ({ ...turn, parts: turn.parts.map((part) => withNames(part, renamed)) }));
  return { ...request, tools, turns };
}

function withNames(part: Part, renamed: ReadonlyMap<string, Names>): Part {
  const names = part.type === "tool-call" && part.kind === "function" ? renamed.get(part.name) : undefined;
  return names === undefined || part.type !== "tool-call" ? part : { ...part, arguments: renameArguments(part.arguments, names) };
}

function renamedTools(tools: readonly Tool[], limits: ToolLimits): ReadonlyMap<string, Names> | null {
  const renamed = new Map<string, Names>();
  for (const tool of tools) {
    if (tool.type !== "function") continue;
    const names = fitTool(tool, limits)?.names ?? NO_NAMES;
    if (names.size > 0) renamed.set(tool.name, reversed(names));
  }
  return renamed.size === 0 ? null : renamed;
}

/** Null: the target takes the tool as it is. */
function fitTool(tool: FunctionTool, limits: ToolLimits): { readonly tool: FunctionTool; readonly names: Names } | null {
  const { refusedAtRoot, propertyNames } = limits;
  if (tool.schema === null || isTaken(tool.schema, limits)) return null;
  const root = parseOrUndefined(tool.schema);
  if (!isObject(root)) return null;
  const isRefused = Object.keys(root).some((key) => refusedAtRoot.has(key));
  const { schema, rules } = isRefused ? flatten(root, refusedAtRoot) : { schema: root, rules: [] };
  const names = propertyNames === null ? NO_NAMES : fittedNames(namesOf(schema), propertyNames.rule);
  const description = [...(tool.description === null ? [] : [tool.description]), ...rules.map((rule) => sentence(rule, names))];
  return {
    tool: {
      ...tool,
      description: description.length === 0 ? null : description.join("\n\n"),
      schema: print(names.size === 0 ? schema : renameSchema(schema, names)),
    },
    names,
  };
}

const NO_NAMES: Names = new Map();

function namesOf({ properties }: JsonObject): string[] {
  return isObject(properties) ? Object.keys(properties) : [];
}

/** Told by the runtime's own parser, since nearly every schema is. */
function isTaken(source: JsonSource, { refusedAtRoot, propertyNames }: ToolLimits): boolean {
  const root = quick(source);
  if (!isObject(root)) return true;
  for (const key in root) if (refusedAtRoot.has(key)) return false;
  return propertyNames === null || namesOf(root).every((name) => propertyNames.fits.test(name));
}

function quick(source: JsonSource): unknown {
  try {
    return JSON.parse(source);
  } catch {
    return null;
  }
}

const SAID: Readonly<Record<string, string>> = {
  anyOf: "The arguments must match at least one of these schemas",
  oneOf: "The arguments must match exactly one of these schemas",
  allOf: "The arguments must also match",
  not: "The arguments must not match this schema",
};

function sentence({ keyword, schemas }: RootRule, names: Names): string {
  const told = schemas.map((schema) => print(isObject(schema) && keyword !== "enum" ? renameSchema(schema, names) : schema));
  return `${SAID[keyword] ?? "The arguments must be one of these"}: ${told.join("; ")}.`;
}

// ---- The answer --------------------------------------------------------------------------------------------------

function nameRestorer(renamed: ReadonlyMap<string, Names>): Machine<ReplyEvent, ReplyEvent> {
  const renamers = new Map<number, ArgumentRenamer>();
  return {
    step(event) {
      if (event.type === "part-start") {
        const { part, index } = event;
        const names = part.type === "tool-call" && part.kind === "function" ? renamed.get(part.name) : undefined;
        if (names !== undefined) renamers.set(index, new ArgumentRenamer(names));
        return [event];
      }
      const renamer = "index" in event ? renamers.get(event.index) : undefined;
      if (renamer === undefined) return [event];
      if (event.type === "part-delta") return delta(event.index, renamer.add(event.text));
      return event.type === "part-end" ? [...delta(event.index, renamer.end()), event] : [event];
    },
    end: () => [],
  };
}

function delta(index: number, text: string): ReplyEvent[] {
  return text === "" ? [] : [{ type: "part-delta", index, text }];
}
