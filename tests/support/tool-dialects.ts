// Test support: how each protocol declares a function, reports an answered call, and answers with a call.
// Written from the protocols' documentation and not from the codecs, which it tests.

import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { ask } from "./dialects.ts";
import { listOf, objectOf, objectsOf, textOf } from "./reading.ts";

export interface Declared {
  readonly name: string;
  readonly description?: string;
  readonly parameters: object;
  readonly strict?: boolean;
}

export interface CalledBefore {
  readonly name: string;
  /** JSON text. */
  readonly arguments: string;
}

interface AskedWithTools {
  readonly model: string;
  readonly stream?: boolean;
  readonly tools: readonly Declared[];
  /** A call of the previous turn, answered with "Done.". */
  readonly before?: CalledBefore;
  readonly more?: Readonly<Record<string, unknown>>;
}

/** Path and body of a call with tools, as a client of the protocol sends it. */
export function askWithTools(
  protocol: ProtocolId,
  { model, stream = false, tools, before, more = {} }: AskedWithTools,
): { path: string; body: object } {
  const asked = ask(protocol, { model, stream, more: { ...toolsIn(protocol, tools), ...more } });
  return before === undefined ? asked : { path: asked.path, body: { ...asked.body, ...conversation(protocol, before) } };
}

function toolsIn(protocol: ProtocolId, tools: readonly Declared[]): Record<string, unknown> {
  switch (protocol) {
    case "openai-chat":
      return { tools: tools.map((tool) => ({ type: "function", function: tool })) };
    case "openai-responses":
      return { tools: tools.map((tool) => ({ type: "function", ...tool })) };
    case "anthropic-messages":
      return { tools: tools.map(({ parameters, ...tool }) => ({ ...tool, input_schema: parameters })) };
    case "gemini":
      return {
        tools: [
          {
            functionDeclarations: tools.map(({ name, description, parameters }) => ({
              name,
              description,
              parametersJsonSchema: parameters,
            })),
          },
        ],
      };
  }
}

function conversation(protocol: ProtocolId, { name, arguments: source }: CalledBefore): object {
  const user = { role: "user", content: "Hello there" };
  const args = JSON.parse(source) as object;
  switch (protocol) {
    case "openai-chat":
      return {
        messages: [
          user,
          { role: "assistant", content: null, tool_calls: [{ id: "c1", type: "function", function: { name, arguments: source } }] },
          { role: "tool", tool_call_id: "c1", content: "Done." },
        ],
      };
    case "openai-responses":
      return {
        input: [
          user,
          { type: "function_call", call_id: "c1", name, arguments: source },
          { type: "function_call_output", call_id: "c1", output: "Done." },
        ],
      };
    case "anthropic-messages":
      return {
        messages: [
          user,
          { role: "assistant", content: [{ type: "tool_use", id: "c1", name, input: args }] },
          { role: "user", content: [{ type: "tool_result", tool_use_id: "c1", content: "Done." }] },
        ],
      };
    case "gemini":
      return {
        contents: [
          { role: "user", parts: [{ text: "Hello there" }] },
          { role: "model", parts: [{ functionCall: { name, args } }] },
          { role: "user", parts: [{ functionResponse: { name, response: { output: "Done." } } }] },
        ],
      };
  }
}

/** The call in an answer, streamed or not. */
export function callIn(protocol: ProtocolId, answer: string): { readonly name: string; readonly arguments: unknown } {
  const data = answer.startsWith("{") ? [objectOf(JSON.parse(answer))] : dataOf(answer);
  const isStream = !answer.startsWith("{");
  switch (protocol) {
    case "openai-chat": {
      const calls = data.flatMap((chunk) =>
        objectsOf(chunk["choices"]).flatMap((choice) =>
          objectsOf(objectOf(choice[isStream ? "delta" : "message"])["tool_calls"]).map((call) => objectOf(call["function"])),
        ),
      );
      return said(calls.map(({ name, arguments: piece }) => [textOf(name), textOf(piece)]));
    }
    case "openai-responses": {
      if (!isStream) {
        const calls = data.flatMap((reply) => objectsOf(reply["output"])).filter(({ type }) => type === "function_call");
        return said(calls.map(({ name, arguments: source }) => [textOf(name), textOf(source)]));
      }
      const done = data.find(({ type }) => type === "response.function_call_arguments.done");
      const pieces = data.filter(({ type }) => type === "response.function_call_arguments.delta").map(({ delta }) => textOf(delta));
      const added = data.map(({ item }) => objectOf(item)).find(({ type }) => type === "function_call");
      if (textOf(done?.["arguments"]) !== pieces.join("")) throw new Error("The whole arguments are not those of the deltas.");
      return said([[textOf(added?.["name"]), pieces.join("")]]);
    }
    case "anthropic-messages": {
      if (!isStream) {
        const calls = data.flatMap((reply) => objectsOf(reply["content"])).filter(({ type }) => type === "tool_use");
        return said(calls.map(({ name, input }) => [textOf(name), JSON.stringify(input)]));
      }
      const names = data.map((event) => textOf(objectOf(event["content_block"])["name"]));
      return said([[names.join(""), data.map((event) => textOf(objectOf(event["delta"])["partial_json"])).join("")]]);
    }
    case "gemini": {
      const parts = data
        .flatMap((chunk) => objectsOf(chunk["candidates"]))
        .flatMap((candidate) => listOf(objectOf(candidate["content"])["parts"]));
      const calls = parts.map((part) => objectOf(part)["functionCall"]).filter((call) => call !== undefined);
      return said(calls.map((call) => [textOf(objectOf(call)["name"]), JSON.stringify(objectOf(call)["args"])]));
    }
  }
}

function said(pieces: readonly (readonly [name: string, source: string])[]): { name: string; arguments: unknown } {
  return { name: pieces.map(([name]) => name).join(""), arguments: JSON.parse(pieces.map(([, source]) => source).join("")) as unknown };
}

function dataOf(stream: string): ReturnType<typeof objectOf>[] {
  return [...stream.matchAll(/^data: ?(\{.*\})$/gm)].map(([, data = ""]) => objectOf(JSON.parse(data)));
}
