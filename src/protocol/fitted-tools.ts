// A codec for a target that refuses some tool schemas: requests carry tools that it accepts, and answers the names that the client knows.
// A keyword that is not allowed at a schema's root becomes properties and a sentence in the description; an argument whose name is not
// allowed gets another name on the way.
// Never knows a protocol, and costs nothing for requests whose tools keep their names.

import { glance, isObject, parseOrUndefined, print, type JsonObject } from "../wire/json.ts";
import type { Machine } from "../wire/machine.ts";
import type { SseEvent } from "../wire/sse.ts";
import type { CanonicalRequest, FunctionTool, JsonSource, Part, ReplyEvent, Tool } from "./canonical.ts";
import type { Codec, Exchange } from "./codec.ts";
import { ArgumentRenamer, fittedNames, renameArguments, renameSchema, reversed, type Names } from "./property-names.ts";
import { flatten, type RootRule } from "./root-schema.ts";
import { Callables } from "./tool-list.ts";
import type { NameRule } from "./tool-names.ts";

/** What a target accepts as the schema of a tool. */
export interface ToolLimits {
  /** Keywords that it refuses at the root. */
  readonly refusedAtRoot: ReadonlySet<string>;
  /** The rule for names of the root's properties. Null: any name is allowed. */
  readonly propertyNames: { readonly fits: RegExp; readonly rule: NameRule } | null;
}

/** `codec`, with `limitsOf` called for each request; null: the target accepts every schema. */
export function fittedBy(codec: Codec, limitsOf: (request: CanonicalRequest) => ToolLimits | null): Codec {
  const { request, reply } = codec;
  /** Null: every argument keeps the client's name. */
  const originalsOf = ({ request: asked }: Exchange): Renaming | null => {
    if (asked.tools.length === 0) return null;
    const limits = limitsOf(asked);
    return limits === null || limits.propertyNames === null ? null : originalNames(asked.tools, limits);
  };
  return {
    ...codec,
    request: {
      ...request,
      encode(asked) {
        const limits = asked.tools.length === 0 ? null : limitsOf(asked);
        return request.encode(limits === null ? asked : fitRequest(asked, limits));
      },
    },
    reply: {
      ...reply,
      decode(body, exchange) {
        const originals = originalsOf(exchange);
        const decoded = reply.decode(body, exchange);
        return originals === null ? decoded : { ...decoded, parts: decoded.parts.map((part) => withNames(part, originals)) };
      },
      decoder(exchange) {
        const originals = originalsOf(exchange);
        const decoder = reply.decoder(exchange);
        return originals === null ? decoder : new NameRestorer(decoder, originals);
      },
    },
  };
}

/** The changed names of a tool's arguments; undefined: none. */
type Renaming = (tool: string) => Names | undefined;

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
  const turns = request.turns.map((turn) => ({ ...turn, parts: turn.parts.map((part) => withNames(part, (name) => renamed.get(name))) }));
  return { ...request, tools, turns };
}

function withNames(part: Part, renaming: Renaming): Part {
  if (part.type !== "tool-call" || part.kind !== "function") return part;
  const names = renaming(part.name);
  return names === undefined ? part : { ...part, arguments: renameArguments(part.arguments, names) };
}

/** The way back. Most answers call few of the tools, so a tool is looked up when it is called. */
function originalNames(tools: readonly Tool[], limits: ToolLimits): Renaming {
  const callables = new Callables(tools);
  return (name) => {
    const tool = callables.find(name);
    const fitted = tool?.type === "function" ? fitTool(tool, limits) : null;
    return fitted === null || fitted.names.size === 0 ? undefined : reversed(fitted.names);
  };
}

/** Null: the target accepts the tool as it is. */
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

/** True for nearly every schema, so this has to be fast. */
function isTaken(source: JsonSource, { refusedAtRoot, propertyNames }: ToolLimits): boolean {
  const root = glance(source);
  if (!isObject(root)) return true;
  for (const key in root) if (refusedAtRoot.has(key)) return false;
  return propertyNames === null || namesOf(root).every((name) => propertyNames.fits.test(name));
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

/** Passes on what `decoder` emits; only calls of tools with changed names are edited. */
class NameRestorer implements Machine<SseEvent, ReplyEvent> {
  readonly #decoder: Machine<SseEvent, ReplyEvent>;
  readonly #originals: Renaming;
  /** By the index of the call. */
  readonly #renamers = new Map<number, ArgumentRenamer>();

  constructor(decoder: Machine<SseEvent, ReplyEvent>, originals: Renaming) {
    this.#decoder = decoder;
    this.#originals = originals;
  }

  step(event: SseEvent): readonly ReplyEvent[] {
    return this.#restore(this.#decoder.step(event));
  }

  end(): readonly ReplyEvent[] {
    return this.#restore(this.#decoder.end());
  }

  #restore(events: readonly ReplyEvent[]): readonly ReplyEvent[] {
    for (const event of events) if (event.type === "part-start") this.#start(event);
    return this.#renamers.size === 0 ? events : events.flatMap((event) => this.#one(event));
  }

  #start({ index, part }: ReplyEvent & { readonly type: "part-start" }): void {
    const names = part.type === "tool-call" && part.kind === "function" ? this.#originals(part.name) : undefined;
    if (names !== undefined) this.#renamers.set(index, new ArgumentRenamer(names));
  }

  #one(event: ReplyEvent): ReplyEvent[] {
    const renamer = "index" in event ? this.#renamers.get(event.index) : undefined;
    if (renamer === undefined) return [event];
    if (event.type === "part-delta") return delta(event.index, renamer.add(event.text));
    if (event.type !== "part-end") return [event];
    this.#renamers.delete(event.index);
    return [...delta(event.index, renamer.end()), event];
  }
}

function delta(index: number, text: string): ReplyEvent[] {
  return text === "" ? [] : [{ type: "part-delta", index, text }];
}
