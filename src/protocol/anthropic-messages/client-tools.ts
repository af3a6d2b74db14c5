// Tools that Anthropic defines and the client runs: a request names them by type alone, because Claude knows their schema.
// Other models do not, so they get the published schema and a description under the same name. Toolsets (`computer_toolset_*`,
// `browser_toolset_*`) are not among them: a model would have to know which of their members exist. Never holds a tool that runs at Anthropic.
// Sources (read 2026-11): https://platform.claude.com/docs/en/agents-and-tools/tool-use/{bash-tool,text-editor-tool,memory-tool,
// computer-use-tool}, the input types of @anthropic-ai/sdk 1.12.0.

import type { JsonSource } from "../canonical.ts";

export interface ClientTool {
  readonly name: string;
  readonly description: string;
  readonly schema: JsonSource;
}

const BASH: ClientTool = {
  name: "bash",
  description: "Runs a command in a bash session that stays open between calls, and returns what it printed.",
  schema: object(
    {
      command: { type: "string", description: "The command to run. Required unless restart is true." },
      restart: { type: "boolean", description: "True restarts the session." },
    },
    [],
  ),
};

const MEMORY: ClientTool = {
  name: "memory",
  description: "Views and edits files under /memories, which persist between conversations.",
  schema: object(
    {
      command: { type: "string", enum: ["view", "create", "str_replace", "insert", "delete", "rename"], description: "What to do." },
      path: { type: "string", description: "The file or directory; not for rename." },
      view_range: { type: "array", items: { type: "integer" }, description: "view: first and last line, counted from 1." },
      file_text: { type: "string", description: "create: the content of the file." },
      old_str: { type: "string", description: "str_replace: the text to replace, exactly as it stands in the file." },
      new_str: { type: "string", description: "str_replace: the text to put in its place." },
      insert_line: { type: "integer", description: "insert: the line to insert after; 0 is the beginning." },
      insert_text: { type: "string", description: "insert: the text to insert." },
      old_path: { type: "string", description: "rename: the current path." },
      new_path: { type: "string", description: "rename: the new path." },
    },
    ["command"],
  ),
};

const ACTIONS_OF_2024_10 = [
  "key",
  "type",
  "cursor_position",
  "mouse_move",
  "left_click",
  "left_click_drag",
  "right_click",
  "middle_click",
  "double_click",
  "screenshot",
];
const ACTIONS_OF_2025_01 = [...ACTIONS_OF_2024_10, "hold_key", "left_mouse_down", "left_mouse_up", "triple_click", "scroll", "wait"];

/** By the `type` in the request. */
const CLIENT_TOOLS: Readonly<Record<string, ClientTool>> = {
  bash_20241022: BASH,
  bash_20250124: BASH,
  text_editor_20241022: editor("str_replace_editor", true),
  text_editor_20250124: editor("str_replace_editor", true),
  text_editor_20250429: editor("str_replace_based_edit_tool", false),
  text_editor_20250728: editor("str_replace_based_edit_tool", false),
  memory_20250818: MEMORY,
  computer_20241022: computer(ACTIONS_OF_2024_10),
  computer_20250124: computer(ACTIONS_OF_2025_01),
  computer_20251124: computer([...ACTIONS_OF_2025_01, "zoom"]),
};

/** The tool for a type; null: it is not one that a client runs. */
export function clientTool(type: string): ClientTool | null {
  return Object.hasOwn(CLIENT_TOOLS, type) ? (CLIENT_TOOLS[type] ?? null) : null;
}

function editor(name: string, undo: boolean): ClientTool {
  const commands = ["view", "create", "str_replace", "insert", ...(undo ? ["undo_edit"] : [])];
  return {
    name,
    description: "Views, creates and edits text files.",
    schema: object(
      {
        command: { type: "string", enum: commands, description: "What to do." },
        path: { type: "string", description: "Absolute path of the file or directory." },
        file_text: { type: "string", description: "create: the content of the file." },
        old_str: { type: "string", description: "str_replace: the text to replace, exactly as it stands in the file." },
        new_str: {
          type: "string",
          description: undo ? "str_replace and insert: the new text." : "str_replace: the text to put in its place.",
        },
        insert_line: { type: "integer", description: "insert: the line to insert after; 0 is the beginning of the file." },
        ...(undo ? {} : { insert_text: { type: "string", description: "insert: the text to insert." } }),
        view_range: {
          type: "array",
          items: { type: "integer" },
          description: "view: first and last line, counted from 1; -1 as the last one is the end of the file.",
        },
      },
      ["command", "path"],
    ),
  };
}

function computer(actions: readonly string[]): ClientTool {
  const point = { type: "array", items: { type: "integer" } };
  return {
    name: "computer",
    description: "Looks at a screen and uses its mouse and keyboard. Coordinates are pixels from the upper left corner.",
    schema: object(
      {
        action: { type: "string", enum: actions, description: "What to do." },
        coordinate: { ...point, description: "[x, y] for mouse actions." },
        text: { type: "string", description: "type: the text. key and hold_key: the keys, as xdotool names them, e.g. ctrl+s." },
        ...(actions.includes("scroll")
          ? {
              start_coordinate: { ...point, description: "left_click_drag: [x, y] of the starting point." },
              scroll_direction: { type: "string", enum: ["up", "down", "left", "right"], description: "scroll: where to." },
              scroll_amount: { type: "integer", description: "scroll: how many clicks of the wheel." },
              duration: { type: "number", description: "hold_key and wait: seconds." },
            }
          : {}),
        ...(actions.includes("zoom") ? { region: { ...point, description: "zoom: [x0, y0, x1, y1] of what to look at." } } : {}),
      },
      ["action"],
    ),
  };
}

function object(properties: Readonly<Record<string, object>>, required: readonly string[]): JsonSource {
  return JSON.stringify({ type: "object", properties, required, additionalProperties: false });
}
