// A codec for models that support no JSON schema, or only one of an object, made from the protocol's own codec:
// - `tool`: the schema becomes a tool that the model must call, and the call's input becomes the text of the answer;
// - `object-format`: a schema of anything else is wrapped in an object, as its member `answer`, and unwrapped in the answer.
// Never holds back more of a stream than a text that may still precede the tool's call.

import { isObject, parseOrUndefined, print, type Json, type JsonObject } from "../wire/json.ts";
import { chain, run, type Machine } from "../wire/machine.ts";
import type { CanonicalRequest, FunctionTool, JsonSource, Loss, OutputFormat, Reply, ReplyEvent, ToolChoice } from "./canonical.ts";
import type { Codec, Exchange } from "./codec.ts";
import { fold, unfold } from "./fold.ts";

/** `format`: the model's own answer format accepts the schema as it is. */
export type SchemaMeans = "format" | "object-format" | "tool";

/** Asks for JSON where no answer format can. */
export const JSON_INSTRUCTION = "Answer with one JSON object and nothing else: no introduction, no code fence.";

type SchemaFormat = OutputFormat & { readonly type: "json-schema" };

/** The request to send instead of the client's, and what to undo in the answer. */
interface Plan {
  readonly request: CanonicalRequest;
  readonly losses: readonly Loss[];
  /** The tool whose input is the answer; null: none. */
  readonly tool: string | null;
  /** Whether the answer is a member of an object. */
  readonly wrapped: boolean;
}

/** `codec`, with `meansOf` called for each request that has a schema. */
export function structuredBy(codec: Codec, meansOf: (request: CanonicalRequest) => SchemaMeans): Codec {
  const { request, reply } = codec;
  const decodePlanned = (body: string, exchange: Exchange, plan: Plan): Reply =>
    fold(run(new AnswerReader(plan), unfold(reply.decode(body, { ...exchange, request: plan.request }))));
  const planOf = ({ request: asked }: Exchange): Plan | null => planFor(asked, meansOf);
  return {
    ...codec,
    request: {
      ...request,
      encode(asked) {
        const plan = planFor(asked, meansOf);
        if (plan === null) return request.encode(asked);
        const encoded = request.encode(plan.request);
        return { ...encoded, losses: [...encoded.losses, ...plan.losses] };
      },
    },
    reply: {
      ...reply,
      decode(body, exchange) {
        const plan = planOf(exchange);
        return plan === null ? reply.decode(body, exchange) : decodePlanned(body, exchange, plan);
      },
      ending(body, exchange) {
        const plan = planOf(exchange);
        return plan === null ? reply.ending(body, exchange) : decodePlanned(body, exchange, plan);
      },
      decoder(exchange) {
        const plan = planOf(exchange);
        if (plan === null) return reply.decoder(exchange);
        return chain(reply.decoder({ ...exchange, request: plan.request }), new AnswerReader(plan));
      },
    },
  };
}

// ---- The request -------------------------------------------------------------------------------------------------

/** Null: the request is sent unchanged. */
function planFor(request: CanonicalRequest, meansOf: (request: CanonicalRequest) => SchemaMeans): Plan | null {
  const { output, toolChoice, names } = request;
  if (output?.type !== "json-schema") return null;
  const means = meansOf(request);
  if (means === "format") return null;
  const { schema, wrapped } = objectSchema(output.schema);
  if (means === "object-format") {
    if (schema === output.schema) return null;
    return { request: { ...request, output: { ...output, schema } }, losses: [], tool: null, wrapped };
  }
  if (hasToCall(toolChoice)) {
    const reason = "A tool call is required, so the answer is a call; this model accepts no schema for text beside it.";
    const losses: Loss[] = [{ field: names.output, severity: "reported", reason }];
    return { request: { ...request, output: null }, losses, tool: null, wrapped: false };
  }
  const tool = answerTool(request, { ...output, schema });
  const asked = { ...request, tools: [...request.tools, tool], toolChoice: choiceWith(tool.name, request), output: null };
  return { request: asked, losses: [], tool: tool.name, wrapped };
}

function hasToCall(choice: ToolChoice | null): boolean {
  return choice?.type === "required" || choice?.type === "named" || (choice?.type === "subset" && choice.required);
}

function answerTool({ tools }: CanonicalRequest, { description, schema }: SchemaFormat): FunctionTool {
  const names = new Set(tools.map((tool) => ("name" in tool ? tool.name : "")));
  let name = "json";
  while (names.has(name)) name = `answer_as_${name}`;
  return {
    type: "function",
    name,
    namespace: null,
    description: description ?? "Gives the answer. Call it to answer.",
    schema,
    strict: null,
    cache: null,
  };
}

/** The answer, or one of the tools that the client allows instead: a call is required either way. */
function choiceWith(name: string, { tools, toolChoice }: CanonicalRequest): ToolChoice {
  if (toolChoice?.type === "subset") return { type: "subset", names: [...toolChoice.names, name], required: true };
  return tools.length === 0 || toolChoice?.type === "none" ? { type: "named", name } : { type: "required" };
}

// ---- The schema --------------------------------------------------------------------------------------------------

const MEMBER = "answer";
/** A schema of something other than an object, or possibly so. */
const OTHER_KEYS = ["$ref", "anyOf", "oneOf", "allOf", "not", "enum", "const", "items", "prefixItems"];
const DEFINITIONS = ["$defs", "definitions"];
const CLOSES = /^\s*\}/;

/** The schema itself where its root declares an object; one that merely omits the type gets it. */
export function objectSchema(source: JsonSource): { readonly schema: JsonSource; readonly wrapped: boolean } {
  const root = parseOrUndefined(source);
  if (isObject(root)) {
    const { type } = root;
    if (type === "object") return { schema: source, wrapped: false };
    if (type === undefined && !OTHER_KEYS.some((key) => root[key] !== undefined)) {
      const open = source.indexOf("{") + 1;
      const rest = source.slice(open);
      return { schema: `${source.slice(0, open)}"type":"object"${CLOSES.test(rest) ? "" : ","}${rest}`, wrapped: false };
    }
  }
  return { schema: wrap(isObject(root) ? root : {}), wrapped: true };
}

/** References start at the root: definitions stay there, and references to the root name the member. */
function wrap(root: JsonObject): JsonSource {
  const members = Object.entries(root).map(([key, value]): [string, Json] => [key, withRoot(value)]);
  const inner = Object.fromEntries(members.filter(([key]) => !DEFINITIONS.includes(key) && key !== "$schema"));
  const definitions = Object.fromEntries(members.filter(([key]) => DEFINITIONS.includes(key)));
  return print({ type: "object", properties: { [MEMBER]: inner }, required: [MEMBER], additionalProperties: false, ...definitions });
}

function withRoot(value: Json): Json {
  if (Array.isArray(value)) return value.map(withRoot);
  if (!isObject(value)) return value;
  const entries = Object.entries(value).map(([key, member]): [string, Json] => [
    key,
    key === "$ref" && member === "#" ? `#/properties/${MEMBER}` : withRoot(member),
  ]);
  return Object.fromEntries(entries);
}

// ---- The answer --------------------------------------------------------------------------------------------------

class AnswerReader implements Machine<ReplyEvent, ReplyEvent> {
  readonly #plan: Plan;
  /** Index of the upstream's part -> the client's; a part that is left out has none. */
  readonly #indices = new Map<number, number>();
  readonly #members = new Map<number, MemberReader>();
  #next = 0;
  /** Events held from a text on that may precede the answer's call, because both together would not be JSON. */
  #held: ReplyEvent[] = [];
  readonly #texts = new Set<number>();
  #answered = false;
  #called = false;

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  step(event: ReplyEvent): ReplyEvent[] {
    switch (event.type) {
      case "reply-start":
      case "usage":
        return [event];
      case "reply-end": {
        const { finish } = event;
        const isAnswer = this.#answered && !this.#called && finish.kind === "tool-calls";
        return [...this.#release(), isAnswer ? { ...event, finish: { ...finish, kind: "end" } } : event];
      }
      case "reply-error":
        return [...this.#release(), event];
      case "part-start":
        return this.#start(event);
      default:
        return this.#hold(event) ? [] : this.#renumbered(event);
    }
  }

  end(): ReplyEvent[] {
    return [];
  }

  #start(event: ReplyEvent & { readonly type: "part-start" }): ReplyEvent[] {
    const { part } = event;
    if (part.type === "tool-call" && this.#plan.tool !== null) {
      if (part.name !== this.#plan.tool) {
        this.#called = true;
        return [...this.#release(), ...this.#renumbered(event)];
      }
      // A second call repeats the answer.
      if (this.#answered) return [];
      this.#answered = true;
      return [
        ...this.#release(),
        ...this.#renumbered({ ...event, part: { type: "text", text: "", annotations: [], cache: null, proof: null } }),
      ];
    }
    if (part.type === "text" && this.#plan.tool !== null) {
      this.#texts.add(event.index);
      if (!this.#called && !this.#answered) {
        this.#held.push(event);
        return [];
      }
    }
    return this.#hold(event) ? [] : this.#renumbered(event);
  }

  /** While something is held, everything after it waits as well. */
  #hold(event: ReplyEvent): boolean {
    if (this.#held.length === 0) return false;
    this.#held.push(event);
    return true;
  }

  #release(): ReplyEvent[] {
    const held = this.#held;
    this.#held = [];
    return held.flatMap((event) => this.#renumbered(event));
  }

  #renumbered(event: ReplyEvent): ReplyEvent[] {
    if (!("index" in event)) return [event];
    if (event.type === "part-start") {
      // Besides the answer there is no other text.
      if (this.#answered && this.#texts.has(event.index)) return [];
      if (this.#plan.wrapped && event.part.type === "text") this.#members.set(event.index, new MemberReader());
      this.#indices.set(event.index, this.#next);
      return [{ ...event, index: this.#next++ }];
    }
    const index = this.#indices.get(event.index);
    if (index === undefined) return [];
    const member = this.#members.get(event.index);
    if (member === undefined) return [{ ...event, index }];
    switch (event.type) {
      case "part-delta":
        return delta(index, member.read(event.text));
      case "logprobs":
        // They cover the object's tokens, not the answer's.
        return [];
      case "annotation":
        // Its position counts what is removed.
        return [{ ...event, index, annotation: { ...event.annotation, start: null, end: null } }];
      case "part-end":
        return [...delta(index, member.end()), { ...event, index }];
    }
  }
}

function delta(index: number, text: string): ReplyEvent[] {
  return text === "" ? [] : [{ type: "part-delta", index, text }];
}

const HEAD = new RegExp(`^\\s*\\{\\s*"${MEMBER}"\\s*:\\s*`);
const SPACE = /\s/g;
const NOT_SPACE = /\S/;
/** The head without white space. */
const BARE_HEAD = `{"${MEMBER}":`;
const CLOSERS = " \t\n\r}";

/** Unwraps `{"answer": value}`, cut anywhere; other text stays as it is. */
class MemberReader {
  #place: "before" | "inside" | "elsewhere" = "before";
  #held = "";

  read(piece: string): string {
    if (this.#place === "elsewhere") return piece;
    if (this.#place === "inside") return this.#value(piece);
    this.#held += piece;
    // White space alone decides nothing, however long it is.
    if (!NOT_SPACE.test(piece)) return "";
    const text = this.#held;
    const head = HEAD.exec(text)?.[0];
    if (head === undefined && BARE_HEAD.startsWith(text.replace(SPACE, ""))) return "";
    this.#held = "";
    this.#place = head === undefined ? "elsewhere" : "inside";
    return head === undefined ? text : this.#value(text.slice(head.length));
  }

  /** Holds back what may be the end of the object: models may add white space for as long as they are allowed to. */
  #value(piece: string): string {
    let end = piece.length;
    while (end > 0 && CLOSERS.includes(piece.charAt(end - 1))) end--;
    if (end === 0) {
      this.#held += piece;
      return "";
    }
    const text = this.#held + piece.slice(0, end);
    this.#held = piece.slice(end);
    return text;
  }

  end(): string {
    const close = this.#place === "inside" ? this.#held.lastIndexOf("}") : -1;
    return close === -1 ? this.#held : this.#held.slice(0, close).trimEnd();
  }
}
