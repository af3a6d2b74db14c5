// What the scripted upstream answers by default.
// It echoes; calls the first tool if there is one (the first two when asked for "both"); reads tool results out; answers with JSON
// when a schema is given; thinks when asked to; stops at stop sequences and at the token limit. A word is a token.

import { isObject, type Json, type JsonObject } from "../../src/wire/json.ts";
import type { ParsedRequest } from "./parsed-request.ts";
import { listOf, objectOf, textOf } from "./reading.ts";

export interface ReplyCall {
  readonly id: string;
  readonly name: string;
  readonly custom: boolean;
  /** JSON text; free text of a custom tool. */
  readonly arguments: string;
}

export interface ReplyContent {
  readonly model: string;
  /** "" is none. */
  readonly reasoning: string;
  /** "" is none. */
  readonly text: string;
  readonly calls: readonly ReplyCall[];
  readonly finish: "end" | "stop-sequence" | "tool-calls" | "length" | "filtered";
  readonly stopSequence: string | null;
  /** Tokens; `input` includes `cached`, `output` includes `reasoning`. */
  readonly usage: { readonly input: number; readonly cached: number; readonly output: number; readonly reasoning: number };
}

/** `serial` makes the ids of tool calls unique. */
export function replyTo(heard: ParsedRequest, serial: number): ReplyContent {
  const reasoning = heard.wantsReasoning ? "I should think about that first." : "";
  const calls = callsFor(heard, serial);
  const { text, finish, stopSequence } =
    calls.length > 0 ? { text: "", finish: "tool-calls" as const, stopSequence: null } : limited(heard, spoken(heard));
  return complete({ model: heard.model, reasoning, text, calls, finish, stopSequence, input: wordsIn(heard.lastUserText) + 10 });
}

/** Fills in what a test left out of the upstream's answer. */
export function complete(said: Partial<Omit<ReplyContent, "usage">> & { readonly model: string; readonly input?: number }): ReplyContent {
  const reasoning = said.reasoning ?? "";
  const text = said.text ?? "";
  const calls = said.calls ?? [];
  const thought = wordsIn(reasoning);
  return {
    model: said.model,
    reasoning,
    text,
    calls,
    finish: said.finish ?? (calls.length > 0 ? "tool-calls" : "end"),
    stopSequence: said.stopSequence ?? null,
    usage: {
      input: said.input ?? 12,
      cached: 4,
      output: thought + wordsIn(text) + calls.reduce((sum, call) => sum + wordsIn(call.arguments), 0),
      reasoning: thought,
    },
  };
}

function spoken(heard: ParsedRequest): string {
  if (heard.toolResults !== null) return `The tool says: ${heard.toolResults.join("; ")}`;
  if (heard.schema !== null) return JSON.stringify(sample(heard.schema));
  if (heard.jsonObject) return JSON.stringify({ answer: heard.lastUserText });
  const seen = heard.imageCount === 0 ? "" : ` (and I saw ${heard.imageCount} image${heard.imageCount === 1 ? "" : "s"})`;
  return `You said: ${heard.lastUserText}${seen}`;
}

function callsFor(heard: ParsedRequest, serial: number): ReplyCall[] {
  const { tools, toolChoice } = heard;
  if (tools.length === 0 || toolChoice.type === "none") return [];
  const forced = toolChoice.type === "any" || toolChoice.type === "named";
  if (!forced && (heard.toolResults !== null || heard.schema !== null)) return [];
  const first = toolChoice.type === "named" ? tools.filter((tool) => tool.name === toolChoice.name) : tools;
  const both = heard.parallel && toolChoice.type !== "named" && /\bboth\b/i.test(heard.lastUserText);
  return first.slice(0, both ? 2 : 1).map((tool, index) => ({
    id: `call_${serial}_${index + 1}`,
    name: tool.name,
    custom: tool.custom,
    arguments: tool.custom ? `free text for ${tool.name}` : JSON.stringify(sample(tool.schema)),
  }));
}

function limited(heard: ParsedRequest, text: string): Pick<ReplyContent, "text" | "finish" | "stopSequence"> {
  const [first] = heard.stop
    .map((sequence) => ({ sequence, at: text.indexOf(sequence) }))
    .filter(({ at }) => at !== -1)
    .sort((left, right) => left.at - right.at);
  if (first !== undefined) return { text: text.slice(0, first.at), finish: "stop-sequence", stopSequence: first.sequence };
  const words = text.split(" ");
  if (heard.maxTokens !== null && words.length > heard.maxTokens) {
    return { text: words.slice(0, heard.maxTokens).join(" "), finish: "length", stopSequence: null };
  }
  return { text, finish: "end", stopSequence: null };
}

/** A value that matches a JSON schema. */
function sample(schema: JsonObject): Json {
  const choices = listOf(schema["enum"]);
  if (choices[0] !== undefined) return choices[0];
  if (schema["const"] !== undefined) return schema["const"];
  const variants = listOf(schema["anyOf"]).filter(isObject);
  if (variants[0] !== undefined) return sample(variants[0]);
  const type = Array.isArray(schema["type"]) ? schema["type"][0] : schema["type"];
  switch (textOf(type).toLowerCase()) {
    case "string":
      return "Paris";
    case "integer":
    case "number":
      return 7;
    case "boolean":
      return true;
    case "null":
      return null;
    case "array":
      return [sample(objectOf(schema["items"]))];
    default:
      return Object.fromEntries(Object.entries(objectOf(schema["properties"])).map(([name, member]) => [name, sample(objectOf(member))]));
  }
}

function wordsIn(text: string): number {
  return text.split(/\s+/).filter((word) => word !== "").length;
}
