// Bodies of any size, by shape: conversations, tools and answers whose conversion could cost more than their length.
// Never repairs anything: some shapes are what broken clients send.

import type { Part, ProtocolId, Reply } from "../../src/protocol/canonical.ts";
import type { WireRequest } from "../../src/protocol/codec.ts";
import { sealProof } from "../../src/protocol/seals.ts";

// ---- Requests --------------------------------------------------------------------------------------------------------

/** One turn. */
type Said =
  | { readonly by: "user" | "assistant" | "system"; readonly texts: readonly string[] }
  | { readonly by: "thought"; readonly texts: readonly string[] }
  /** Ids of calls. */
  | { readonly by: "caller"; readonly calls: readonly string[] }
  /** Ids of the calls that are answered. */
  | { readonly by: "tool"; readonly results: readonly string[]; readonly texts?: readonly string[] };

interface Shape {
  readonly said: readonly Said[];
  readonly tools?: readonly { readonly name: string; readonly schema: object }[];
  /** Only these may be called. */
  readonly allowed?: readonly string[];
  readonly schema?: object;
  readonly unknown?: readonly string[];
}

const numbered = <T>(count: number, of: (index: number) => T): T[] => Array.from({ length: count }, (_, index) => of(index));
const user = (...texts: readonly string[]): Said => ({ by: "user", texts });
const assistant = (...texts: readonly string[]): Said => ({ by: "assistant", texts });
const caller = (...calls: readonly string[]): Said => ({ by: "caller", calls });
const tool = (...results: readonly string[]): Said => ({ by: "tool", results });
const id = (index: number): string => `call_${index}`;

const EMPTY = { type: "object", properties: {} };
const nested = (depth: number): object =>
  depth === 0 ? { type: "string" } : { type: "object", properties: { in: nested(depth - 1) }, required: ["in"] };
const wide = (count: number): object => ({
  type: "object",
  additionalProperties: false,
  properties: Object.fromEntries(numbered(count, (index) => [`the property ${index}`, { type: "string" }])),
  required: numbered(count, (index) => `the property ${index}`),
});
const referring = (count: number): object => ({
  type: "object",
  properties: Object.fromEntries(numbered(count, (index) => [`p${index}`, { $ref: `#/$defs/d${index}` }])),
  $defs: Object.fromEntries(numbered(count, (index) => [`d${index}`, { anyOf: [{ type: "string" }, { type: "null" }] }])),
});
const chained = (count: number): object => ({
  type: "object",
  properties: { a: { $ref: "#/$defs/d0" } },
  $defs: Object.fromEntries(
    numbered(count, (index) => [`d${index}`, { type: "object", properties: { a: { $ref: `#/$defs/d${index + 1}` } } }]),
  ),
});
const alternatives = (count: number): { readonly anyOf: readonly object[] } => ({
  anyOf: numbered(count, (index) => ({
    type: "object",
    properties: { kind: { const: index }, [`p${index}`]: { type: "string" } },
    required: ["kind"],
  })),
});

/** Each with `n` of what it is named after. */
export const SHAPES: Readonly<Record<string, (n: number) => Shape>> = {
  "alternating roles": (n) => ({ said: numbered(n, () => [user("a"), assistant("b")]).flat() }),
  "one role": (n) => ({ said: numbered(n, () => user("a")) }),
  "the assistant alone": (n) => ({ said: [user("a"), ...numbered(n, () => assistant("b"))] }),
  "system messages between": (n) => ({
    said: numbered(n, (index) => [user("a"), ...(index % 2 ? [assistant("b")] : []), { by: "system", texts: ["c"] } as const]).flat(),
  }),
  "system messages between the user's": (n) => ({
    said: [user("a"), ...numbered(n, () => [{ by: "system", texts: ["c"] } as const, user("b")]).flat()],
  }),
  "system messages alone": (n) => ({ said: [...numbered(n, () => ({ by: "system", texts: ["c"] }) as const), user("a")] }),
  "content parts": (n) => ({ said: [user(...numbered(n, () => "a")), assistant(...numbered(n, () => "b")), user("c")] }),
  thoughts: (n) => ({ said: [user("a"), { by: "thought", texts: numbered(n, () => "b") }, assistant("c"), user("d")] }),
  "turns with a thought": (n) => ({
    said: [...numbered(n, () => [user("a"), { by: "thought", texts: ["b"] } as const, assistant("c")]).flat(), user("d")],
  }),
  "parallel calls": (n) => ({
    said: [user("a"), caller(...numbered(n, id)), tool(...numbered(n, id))],
    tools: [{ name: "look_up", schema: EMPTY }],
  }),
  "parallel calls, each a message": (n) => ({
    said: [user("a"), ...numbered(n, (index) => caller(id(index))), ...numbered(n, (index) => tool(id(index)))],
  }),
  "parallel calls, answered backwards": (n) => ({
    said: [user("a"), caller(...numbered(n, id)), ...numbered(n, (index) => tool(id(n - 1 - index)))],
  }),
  "calls one by one": (n) => ({ said: [user("a"), ...numbered(n, (index) => [caller(id(index)), tool(id(index))]).flat()] }),
  "calls without an answer": (n) => ({ said: [user("a"), caller(...numbered(n, id)), user("b")] }),
  "turns of a call without an answer": (n) => ({ said: numbered(n, (index) => [user("a"), caller(id(index))]).flat() }),
  "answers that come late": (n) => ({ said: [...numbered(n, (index) => [user("a"), caller(id(index))]).flat(), tool(...numbered(n, id))] }),
  "answers without a call": (n) => ({ said: [user("a"), ...numbered(n, (index) => [assistant("b"), tool(id(index))]).flat()] }),
  "calls with one id": (n) => ({ said: [user("a"), caller(...numbered(n, () => "call")), tool(...numbered(n, () => "call"))] }),
  "calls with one id, in turn": (n) => ({ said: [user("a"), ...numbered(n, () => [caller("call"), tool("call")]).flat()] }),
  "calls with one id, unanswered": (n) => ({ said: numbered(n, () => [user("a"), caller("call")]).flat() }),
  "one call with many answers": (n) => ({ said: [user("a"), caller("call"), ...numbered(n, () => tool("call"))] }),
  "one answer of many parts": (n) => ({
    said: [user("a"), caller("call"), { by: "tool", results: ["call"], texts: numbered(n, () => "b") }],
  }),
  "many tools": (n) => ({
    said: [user("a"), caller(...numbered(n, id)), tool(...numbered(n, id))],
    tools: numbered(n, (index) => ({ name: `tool_${index}`, schema: EMPTY })),
  }),
  "tools with other names": (n) => ({
    said: [user("a"), caller(...numbered(n, id)), tool(...numbered(n, id))],
    tools: numbered(n, (index) => ({ name: `tool_${index}`, schema: wide(2) })),
  }),
  "tools with one name": (n) => ({ said: [user("a")], tools: numbered(n, () => ({ name: "tool", schema: EMPTY })) }),
  "allowed tools": (n) => ({
    said: [user("a")],
    tools: numbered(n, (index) => ({ name: `tool_${index}`, schema: EMPTY })),
    allowed: numbered(n, (index) => `tool_${index}`),
  }),
  "a tool with a deep schema": (n) => ({ said: [user("a")], tools: [{ name: "look_up", schema: nested(Math.min(n, 200)) }] }),
  "a tool with a wide schema": (n) => ({ said: [user("a")], tools: [{ name: "look_up", schema: wide(n) }] }),
  "a tool with references": (n) => ({ said: [user("a")], tools: [{ name: "look_up", schema: referring(n) }] }),
  "a tool with alternatives": (n) => ({ said: [user("a")], tools: [{ name: "look_up", schema: alternatives(n) }] }),
  "a tool with a chain of references": (n) => ({ said: [user("a")], tools: [{ name: "look_up", schema: chained(n) }] }),
  "a tool with parts of a schema": (n) => ({ said: [user("a")], tools: [{ name: "look_up", schema: { allOf: alternatives(n).anyOf } }] }),
  "an answer with a deep schema": (n) => ({ said: [user("a")], schema: nested(Math.min(n, 200)) }),
  "an answer with a wide schema": (n) => ({ said: [user("a")], schema: wide(n) }),
  "an answer with references": (n) => ({ said: [user("a")], schema: referring(n) }),
  "an answer with alternatives": (n) => ({ said: [user("a")], schema: alternatives(n) }),
  "unknown members": (n) => ({ said: [user("a")], unknown: numbered(n, (index) => `unknown_${index}`) }),
};

const SIGNED = sealProof({ origin: "google", data: "AAAA" }, null);

/** A request of this shape as a client of the protocol sends it. */
export function shaped(protocol: ProtocolId, { said, tools = [], allowed, schema, unknown = [] }: Shape, model: string): WireRequest {
  const more = Object.fromEntries(unknown.map((key) => [key, 1]));
  const nameOf = (index: number): string => tools[index % Math.max(tools.length, 1)]?.name ?? "look_up";
  const text = (type: string) => (words: string) => ({ type, text: words });
  const fn = ({ name, schema: parameters }: { name: string; schema: object }) => ({ name, parameters });
  switch (protocol) {
    case "openai-chat": {
      const messages = said.flatMap((one): object[] => {
        if (one.by === "caller") {
          const calls = one.calls.map((call, index) => ({
            id: call,
            type: "function",
            function: { name: nameOf(index), arguments: "{}" },
          }));
          return [{ role: "assistant", content: null, tool_calls: calls }];
        }
        if (one.by === "tool")
          return one.results.map((call) => ({ role: "tool", tool_call_id: call, content: (one.texts ?? ["ok"]).map(text("text")) }));
        if (one.by === "thought") {
          const details = one.texts.map((words, index) => ({ type: "reasoning.text", index, text: words, signature: SIGNED }));
          return [{ role: "assistant", content: null, reasoning_details: details }];
        }
        return [{ role: one.by, content: one.texts.map(text("text")) }];
      });
      const format =
        schema === undefined ? {} : { response_format: { type: "json_schema", json_schema: { name: "a", strict: true, schema } } };
      const choice = allowed && {
        type: "allowed_tools",
        allowed_tools: { mode: "auto", tools: allowed.map((name) => ({ type: "function", function: { name } })) },
      };
      return wire({
        model,
        messages,
        ...(tools.length > 0 ? { tools: tools.map((one) => ({ type: "function", function: { ...fn(one), strict: true } })) } : {}),
        tool_choice: choice,
        ...format,
        ...more,
      });
    }
    case "openai-responses": {
      const input = said.flatMap((one): object[] => {
        if (one.by === "caller")
          return one.calls.map((call, index) => ({ type: "function_call", call_id: call, name: nameOf(index), arguments: "{}" }));
        if (one.by === "tool")
          return one.results.map((call) => ({
            type: "function_call_output",
            call_id: call,
            output: (one.texts ?? ["ok"]).map(text("input_text")),
          }));
        if (one.by === "thought")
          return one.texts.map((words) => ({
            type: "reasoning",
            summary: [{ type: "summary_text", text: words }],
            encrypted_content: SIGNED,
          }));
        return [{ type: "message", role: one.by, content: one.texts.map(text(one.by === "assistant" ? "output_text" : "input_text")) }];
      });
      const format = schema === undefined ? {} : { text: { format: { type: "json_schema", name: "a", strict: true, schema } } };
      const choice = allowed && { type: "allowed_tools", mode: "auto", tools: allowed.map((name) => ({ type: "function", name })) };
      return wire({
        model,
        input,
        tools: tools.map((one) => ({ type: "function", ...fn(one), strict: true })),
        tool_choice: choice,
        ...format,
        ...more,
      });
    }
    case "anthropic-messages": {
      const messages = said.map((one): object => {
        if (one.by === "caller")
          return {
            role: "assistant",
            content: one.calls.map((call, index) => ({ type: "tool_use", id: call, name: nameOf(index), input: {} })),
          };
        if (one.by === "tool")
          return {
            role: "user",
            content: one.results.map((call) => ({
              type: "tool_result",
              tool_use_id: call,
              content: (one.texts ?? ["ok"]).map(text("text")),
            })),
          };
        if (one.by === "thought")
          return { role: "assistant", content: one.texts.map((thinking) => ({ type: "thinking", thinking, signature: SIGNED })) };
        return { role: one.by, content: one.texts.map(text("text")) };
      });
      const format = schema === undefined ? {} : { output_config: { format: { type: "json_schema", schema } } };
      return wire({
        model,
        max_tokens: 99,
        messages,
        tools: tools.map(({ name, schema: input_schema }) => ({ name, input_schema, strict: true })),
        ...format,
        ...more,
      });
    }
    case "gemini": {
      const contents = said.map((one): object => {
        if (one.by === "caller")
          return {
            role: "model",
            parts: one.calls.map((call, index) => ({
              functionCall: { id: call, name: nameOf(index), args: {} },
              thoughtSignature: btoa(SIGNED),
            })),
          };
        if (one.by === "tool")
          return {
            role: "user",
            parts: one.results.map((call) => ({ functionResponse: { id: call, name: nameOf(0), response: { output: "ok" } } })),
          };
        if (one.by === "thought")
          return { role: "model", parts: one.texts.map((words) => ({ text: words, thought: true, thoughtSignature: btoa(SIGNED) })) };
        return { role: one.by === "assistant" ? "model" : "user", parts: one.texts.map((words) => ({ text: words })) };
      });
      const declared = tools.map(({ name, schema: parametersJsonSchema }) => ({ name, parametersJsonSchema }));
      const toolConfig = allowed && { functionCallingConfig: { mode: "ANY", allowedFunctionNames: allowed } };
      const format = schema === undefined ? {} : { generationConfig: { responseMimeType: "application/json", responseJsonSchema: schema } };
      return {
        ...wire({ contents, tools: [{ functionDeclarations: declared }], toolConfig, ...format, ...more }),
        path: { model, stream: false },
      };
    }
  }
}

function wire(body: object): WireRequest {
  // Short texts are parsed differently from long ones.
  return { body: JSON.stringify(body) + " ".repeat(1024), headers: {}, path: null };
}

// ---- Answers ---------------------------------------------------------------------------------------------------------

const PROOF = { origin: "google", data: "AAAA" } as const;
const textPart = (words: string): Part => ({ type: "text", text: words, annotations: [], cache: null, proof: null });
const call = (index: number, callId = id(index)): Part => ({
  type: "tool-call",
  callId,
  name: `tool_${index}`,
  kind: "function",
  arguments: '{"a":1}',
  cache: null,
  proof: null,
});

const PARTS: Readonly<Record<string, (n: number) => readonly Part[]>> = {
  calls: (n) => numbered(n, (index) => call(index)),
  "calls with one id": (n) => numbered(n, (index) => call(index, "call")),
  "calls without an id": (n) => numbered(n, (index) => call(index, "")),
  "calls between texts": (n) => numbered(n, (index) => [textPart("a"), call(index)]).flat(),
  "thoughts between texts": (n) =>
    numbered(n, (): Part[] => [{ type: "reasoning", text: "b", redacted: false, proof: PROOF }, textPart("a")]).flat(),
  texts: (n) => numbered(n, () => textPart("a")),
  refusals: (n) => numbered(n, () => ({ type: "refusal", text: "no" })),
  citations: (n) => [
    {
      ...(textPart("a ".repeat(n)) as Part & { readonly type: "text" }),
      annotations: numbered(n, (index) => ({
        type: "url-citation",
        url: `https://example.com/${index}`,
        title: "b",
        start: 2 * index,
        end: 2 * index + 1,
        quote: "c",
      })),
    },
  ],
  tokens: (n) => [
    {
      ...(textPart("a".repeat(n)) as Part & { readonly type: "text" }),
      logprobs: numbered(n, () => ({ token: "a", bytes: [97], logprob: -1, top: [] })),
    },
  ],
};

/** Each with `n` of what it is named after. */
export const ANSWERS: Readonly<Record<string, (n: number) => Reply>> = Object.fromEntries(
  Object.entries(PARTS).map(([name, parts]) => [
    name,
    (n: number): Reply => ({
      id: "1",
      model: "m",
      parts: parts(n),
      usage: { inputTokens: 1, cacheReadTokens: null, cacheWriteTokens: null, outputTokens: 1, reasoningTokens: null },
      finish: { kind: name.startsWith("calls") ? "tool-calls" : "end", raw: null, stopSequence: null, explanation: null },
    }),
  ]),
);
