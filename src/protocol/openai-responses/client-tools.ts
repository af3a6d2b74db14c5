// Tools that OpenAI defines and the client runs: a request names them by type alone, because OpenAI's models know their schema. Other models
// get the schema and a description as a function of the same name; their calls go back as the items that the client expects, and the
// outputs come in as results. Never holds a tool that runs at OpenAI: `execution` and `environment` say where one of either kind runs.
// Source: openai-node 7.57.0, `resources/responses/responses.d.ts` (read 2026-11). `computer` is not among them: no other model was trained
// on its actions.

import { isObject, JsonText, parseOrUndefined, print, type Json, type JsonObject } from "../../wire/json.ts";
import type { FunctionTool, JsonSource, ToolResultPart } from "../canonical.ts";
import type { Fields } from "../fields.ts";
import type { Callables } from "../tool-list.ts";
import { canonicalName } from "./namespaces.ts";
import { textPart } from "./parts-decode.ts";

interface ClientTool {
  /** The item types of a call and its output; the tool's own type is its name. */
  readonly call: string;
  /** The prefix of OpenAI's ids for such calls. */
  readonly idPrefix: string;
  readonly output: string;
  /** Null where the client gives both itself. */
  readonly function: { readonly description: string; readonly schema: JsonSource } | null;
  /** Whether the client runs a tool, or a call of it. */
  runsHere(fields: Fields): boolean;
  /** A function's arguments, from the members of a call. */
  decodeCall(item: Fields): JsonSource;
  /** The members of a call, from a function's arguments; null where these do not fit. */
  encodeCall(parsed: Json): JsonObject | null;
  decodeOutput(item: Fields): Pick<ToolResultPart, "content" | "isError">;
}

const CLIENT_TOOLS: Readonly<Record<string, ClientTool>> = {
  tool_search: {
    call: "tool_search_call",
    idPrefix: "tsc",
    output: "tool_search_output",
    function: null,
    runsHere: (fields) => fields.raw("execution") === "client",
    decodeCall: (item) => argumentsIn(item, "arguments"),
    encodeCall: (parsed) => ({ execution: "client", arguments: parsed }),
    decodeOutput: (item) => said(foundTools(item)),
  },
  local_shell: {
    call: "local_shell_call",
    idPrefix: "lsh",
    output: "local_shell_call_output",
    function: {
      description: "Runs a command on the user's machine and returns what it printed.",
      schema: schemaOf(
        {
          command: { type: "array", items: { type: "string" }, description: 'The program and its arguments, e.g. ["bash", "-lc", "ls"].' },
          env: { type: "object", additionalProperties: { type: "string" }, description: "Environment variables to set." },
          timeout_ms: { type: "integer", description: "Milliseconds after which the command is stopped." },
          user: { type: "string", description: "The user to run it as." },
          working_directory: { type: "string", description: "The directory to run it in." },
        },
        ["command"],
      ),
    },
    runsHere: () => true,
    decodeCall: (item) => withoutType(item.object("action")),
    encodeCall: (parsed) =>
      isObject(parsed) && Array.isArray(parsed["command"]) ? { action: { type: "exec", env: {}, ...parsed } } : null,
    decodeOutput: (item) => said(item.text("output")),
  },
  shell: {
    call: "shell_call",
    idPrefix: "sh",
    output: "shell_call_output",
    function: {
      description: "Runs shell commands on the user's machine and returns what they printed, and how each of them ended.",
      schema: schemaOf(
        {
          commands: { type: "array", items: { type: "string" }, description: "The commands, each run separately." },
          timeout_ms: { type: "integer", description: "Milliseconds after which a command is stopped." },
          max_output_length: { type: "integer", description: "Characters of output to return at most." },
        },
        ["commands"],
      ),
    },
    runsHere: (fields) => {
      const environment = fields.raw("environment");
      return !isObject(environment) || environment["type"] === "local";
    },
    decodeCall: (item) => withoutType(item.object("action")),
    encodeCall: (parsed) =>
      isObject(parsed) && Array.isArray(parsed["commands"])
        ? { action: { timeout_ms: null, max_output_length: null, ...parsed }, environment: { type: "local" } }
        : null,
    decodeOutput: (item) => said(item.objects("output").map(shellOutput).join("\n")),
  },
  apply_patch: {
    call: "apply_patch_call",
    idPrefix: "apc",
    output: "apply_patch_call_output",
    function: {
      description: "Creates, updates or deletes one file by a patch.",
      schema: schemaOf(
        {
          type: { type: "string", enum: ["create_file", "update_file", "delete_file"], description: "What to do with the file." },
          path: { type: "string", description: "The file, relative to the workspace." },
          diff: {
            type: "string",
            description:
              "create_file and update_file: the change in V4A form, without a file header. Each line begins with + (added), - (removed) or a space " +
              "(kept, around the change); @@ and a line of the file, such as a function's head, say where a section begins. " +
              "create_file: every line begins with +.",
          },
        },
        ["type", "path"],
      ),
    },
    runsHere: () => true,
    decodeCall: (item) => item.source("operation") ?? "{}",
    encodeCall: (parsed) => (isObject(parsed) && isPatch(parsed) ? { operation: parsed } : null),
    decodeOutput: (item) => {
      const failed = item.raw("status") === "failed";
      const output = item.optionalText("output") ?? "";
      return { ...said(output === "" ? (failed ? "The patch failed." : "Done.") : output), isError: failed ? true : null };
    },
  },
};

/** By item type. */
const CALLS = new Map(Object.entries(CLIENT_TOOLS).map(([name, tool]) => [tool.call, { name, tool }]));
const OUTPUTS = new Map(Object.values(CLIENT_TOOLS).map((tool) => [tool.output, tool]));

// ---- Decoding ----------------------------------------------------------------------------------------------------

/** A declared tool as a function for other models; null for one that the client does not run. */
export function decodeClientTool(tool: Fields): FunctionTool | null {
  const type = tool.text("type");
  const known = Object.hasOwn(CLIENT_TOOLS, type) ? CLIENT_TOOLS[type] : undefined;
  if (known?.runsHere(tool) !== true) return null;
  const description = known.function?.description ?? tool.optionalText("description");
  const schema = known.function?.schema ?? tool.source("parameters");
  const ownForm = { type, value: tool.whole() };
  return { type: "function", name: type, namespace: null, description, schema, strict: null, cache: null, ownForm };
}

export interface ClientCall {
  readonly name: string;
  readonly arguments: JsonSource;
}

/** The call in an item; null: the item is not a call of such a tool. */
export function decodeClientCall(item: Fields): ClientCall | null {
  const found = CALLS.get(item.optionalText("type") ?? "");
  return found?.tool.runsHere(item) === true ? { name: found.name, arguments: found.tool.decodeCall(item) } : null;
}

/** The output of a client-run tool in an item; null: another kind of item. */
export function decodeClientOutput(item: Fields): Pick<ToolResultPart, "content" | "isError"> | null {
  const tool = OUTPUTS.get(item.optionalText("type") ?? "");
  // Only outputs of the search say where it ran; a shell's output answers a call in the conversation.
  return tool === undefined || (tool.output === "tool_search_output" && !tool.runsHere(item)) ? null : tool.decodeOutput(item);
}

function said(text: string): Pick<ToolResultPart, "content" | "isError"> {
  return { content: text === "" ? [] : [textPart(text)], isError: null };
}

function argumentsIn(item: Fields, key: string): JsonSource {
  const value = item.raw(key);
  return typeof value === "string" ? value : (item.source(key) ?? "{}");
}

function withoutType(action: Fields): JsonSource {
  action.ignoreRest();
  action.ignore("type");
  return print(Object.fromEntries(action.unread().map(([key, value]): [string, Json] => [key, new JsonText(value)])));
}

/** The tools themselves are declared from here on; the model has to learn which ones were found. */
function foundTools(item: Fields): string {
  const names = item.objects("tools").flatMap((tool): string[] => {
    tool.ignoreRest();
    const name = tool.optionalText("name") ?? tool.optionalText("type") ?? "";
    if (tool.raw("type") !== "namespace") return [name];
    return tool.objects("tools").map((inner) => canonicalName(inner.ignoreRest().text("name"), name));
  });
  return names.length === 0 ? "No tools were found." : `These tools can be called now: ${names.join(", ")}`;
}

function shellOutput(output: Fields): string {
  output.ignoreRest();
  const outcome = output.optionalObject("outcome")?.ignoreRest();
  const code = outcome?.optionalInteger("exit_code") ?? null;
  const end = outcome?.raw("type") === "timeout" ? "[timed out]" : code === null ? "" : `[exit code ${code}]`;
  return [output.optionalText("stdout") ?? "", output.optionalText("stderr") ?? "", end].filter((text) => text !== "").join("\n");
}

function isPatch({ type, path, diff }: JsonObject): boolean {
  if (typeof path !== "string") return false;
  return type === "delete_file" || ((type === "create_file" || type === "update_file") && typeof diff === "string");
}

function schemaOf(properties: Readonly<Record<string, object>>, required: readonly string[]): JsonSource {
  return JSON.stringify({ type: "object", properties, required, additionalProperties: false });
}

// ---- Encoding ----------------------------------------------------------------------------------------------------

/** Whether calls of this tool go back in a form of their own. */
export function hasOwnForm(name: string, tools: Callables): boolean {
  const tool = tools.find(name);
  return tool?.type === "function" && tool.ownForm !== undefined;
}

/** The item's members and its id prefix, for a call of a tool with a form of its own; null where the arguments make no such call. */
export function encodeClientCall(name: string, text: JsonSource): { idPrefix: string; members: JsonObject } | null {
  const tool = Object.hasOwn(CLIENT_TOOLS, name) ? CLIENT_TOOLS[name] : undefined;
  const parsed = text.trim() === "" ? {} : parseOrUndefined(text);
  const members = parsed === undefined ? null : (tool?.encodeCall(parsed) ?? null);
  return tool === undefined || members === null ? null : { idPrefix: tool.idPrefix, members: { type: tool.call, ...members } };
}
