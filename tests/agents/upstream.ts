// What the scripted upstream says to an agent: first a call of its shell, once that has run the last word; side requests get small talk.

import { existsSync } from "node:fs";
import { isObject, type Json, type JsonObject } from "../../src/wire/json.ts";
import type { ParsedRequest, ParsedTool } from "../support/parsed-request.ts";
import { listOf, objectOf, textOf } from "../support/reading.ts";
import { complete, replyTo, type ReplyContent } from "../support/reply-content.ts";

export interface Scene {
  /** For the agent's shell. */
  readonly command: string;
  /** The file that the command writes. */
  readonly proof: string;
  /** What to say when it has run. */
  readonly text: string;
}

/** An agent that asks for more than this has not seen what its tool gave. */
const MOST_CALLS = 3;

export function conversation({ command, proof, text }: Scene): (heard: ParsedRequest, serial: number) => ReplyContent {
  let calls = 0;
  return (heard, serial) => {
    const shell = shellOf(heard.tools);
    if (shell === undefined) return replyTo({ ...heard, tools: [] }, serial);
    if (heard.toolResults !== null || existsSync(proof) || calls >= MOST_CALLS) return complete({ model: heard.model, text });
    calls++;
    const call = { id: `call_${serial}_1`, name: shell.name, custom: false, arguments: JSON.stringify(argumentsOf(shell.schema, command)) };
    return complete({ model: heard.model, calls: [call] });
  };
}

const SHELLS = [
  /^(?:bash|shell|exec_command|shell_command|run_shell_command|run_commands?|execute(?:_command)?)$/i,
  /^(?:default_api:|functions\.)?.*(?:bash|shell|run_command|exec_command)/i,
];

function shellOf(tools: readonly ParsedTool[]): ParsedTool | undefined {
  const functions = tools.filter(({ custom }) => !custom);
  return functions.find(({ name }) => SHELLS[0]?.test(name)) ?? functions.find(({ name }) => SHELLS[1]?.test(name));
}

const COMMAND = /^(?:cmd|commands?|script)$/;

/** What the tool requires, and the command wherever it takes one. */
function argumentsOf(schema: JsonObject, command: string): JsonObject {
  const required = listOf(schema["required"]);
  const properties = Object.entries(objectOf(schema["properties"]));
  const wanted = properties.filter(([name]) => COMMAND.test(name) || required.includes(name));
  return Object.fromEntries(wanted.map(([name, member]) => [name, valueOf(name, { schema: objectOf(member), command })]));
}

function valueOf(name: string, { schema, command }: { readonly schema: JsonObject; readonly command: string }): Json {
  const variant = [...listOf(schema["anyOf"]), ...listOf(schema["oneOf"])].find(isObject);
  if (variant !== undefined) return valueOf(name, { schema: variant, command });
  const choice = listOf(schema["enum"])[0];
  if (choice !== undefined) return choice;
  const type = Array.isArray(schema["type"]) ? schema["type"][0] : schema["type"];
  switch (textOf(type).toLowerCase()) {
    case "string":
      return COMMAND.test(name) ? command : "Write a file";
    case "integer":
    case "number":
      return 20_000;
    case "boolean":
      return false;
    case "array":
      // A list of words is one command, a list of commands holds one.
      if (name === "command") return ["bash", "-lc", command];
      return [valueOf(name, { schema: objectOf(schema["items"]), command })];
    default:
      return argumentsOf(schema, command);
  }
}
