// What clients ask.
// Does not use a word of chance, or ask for anything that a gateway could leave out.

import type { Shape } from "./answers.ts";

export type WireProtocol = "chat" | "messages" | "responses";
export type RequestBody = "small" | "tool" | "history" | "images";

interface Asked {
  readonly client: WireProtocol;
  readonly upstream: WireProtocol;
  readonly body: RequestBody;
  readonly shape: Shape;
}

/** Where a client of the protocol calls a gateway. */
export const ROUTE_PATHS: Readonly<Record<WireProtocol, string>> = {
  chat: "/v1/chat/completions",
  messages: "/v1/messages",
  responses: "/v1/responses",
};

/** Names whose beginning says which protocol the model speaks. */
const PREFIXES: Readonly<Record<WireProtocol, string>> = { chat: "glm", messages: "claude", responses: "gpt" };

const SYSTEM = "You are a careful engineer. Answer in one short paragraph, name the file that you mean, and say what you did not check.";
const QUESTION = "Why does the second test fail when the first one has been run before it?";
const HISTORY_TURNS = 160;
const IMAGE_COUNT = 4;
const IMAGE_BYTES = 1_900_000;

export function requestBody({ client, upstream, body, shape }: Asked): string {
  const model = `${PREFIXES[upstream]}-bench-${shape}`;
  const stream = shape !== "whole";
  const turns = TURNS[body](client);
  if (client === "chat") {
    const tools = toolsOf(body).map(({ name, description, schema }) => ({
      type: "function",
      function: { name, description, parameters: schema },
    }));
    return JSON.stringify({
      model,
      messages: [{ role: "system", content: SYSTEM }, ...turns],
      max_completion_tokens: 1024,
      ...(tools.length === 0 ? {} : { tools }),
      ...(stream ? { stream, stream_options: { include_usage: true } } : {}),
    });
  }
  const tools = toolsOf(body).map(({ name, description, schema }) => ({ name, description, input_schema: schema }));
  return JSON.stringify({
    model,
    max_tokens: 1024,
    system: SYSTEM,
    messages: turns,
    ...(tools.length === 0 ? {} : { tools }),
    ...(stream ? { stream } : {}),
  });
}

const TURNS: Readonly<Record<RequestBody, (client: WireProtocol) => unknown[]>> = {
  small: () => [{ role: "user", content: QUESTION }],
  tool: () => [{ role: "user", content: "Write the file." }],
  history: (client) => [
    ...Array.from({ length: HISTORY_TURNS }, (_, index) => turnOf(client, index)).flat(),
    { role: "user", content: QUESTION },
  ],
  images: (client) => [
    {
      role: "user",
      content: [
        { type: "text", text: "What do these show?" },
        ...Array.from({ length: IMAGE_COUNT }, (_, index) => imageOf(client, index)),
      ],
    },
  ],
};

/** A call of a tool and its result: about 2,500 characters. */
function turnOf(client: WireProtocol, index: number): unknown[] {
  const id = `call_${String(index).padStart(6, "0")}`;
  const input = { path: `src/room-${index}/window.ts`, offset: index * 40, limit: 40 };
  const result = sourceText(index);
  if (client === "chat") {
    return [
      {
        role: "assistant",
        content: `I look at file ${index} next.`,
        tool_calls: [{ id, type: "function", function: { name: "read_file", arguments: JSON.stringify(input) } }],
      },
      { role: "tool", tool_call_id: id, content: result },
    ];
  }
  return [
    {
      role: "assistant",
      content: [
        { type: "text", text: `I look at file ${index} next.` },
        { type: "tool_use", id, name: "read_file", input },
      ],
    },
    { role: "user", content: [{ type: "tool_result", tool_use_id: id, content: result }] },
  ];
}

/** Looks like code: quotes, line ends and a few characters beyond ASCII, all of which JSON escapes or counts. */
function sourceText(index: number): string {
  const lines = Array.from(
    { length: 40 },
    (_, line) => `${line}\tconst value${line} = table["row ${index}"]?.at(${line}) ?? "none";${line % 13 === 0 ? " // größer" : ""}`,
  );
  return lines.join("\n");
}

function imageOf(client: WireProtocol, index: number): unknown {
  // Four characters stand for three bytes; what they say is nobody's business here.
  const data = "iVBORw0KGgoAAAANSUhEUgAA".repeat(Math.ceil(IMAGE_BYTES / 18)).slice(0, -4) + `A${index}==`;
  if (client === "chat") return { type: "image_url", image_url: { url: `data:image/png;base64,${data}` } };
  return { type: "image", source: { type: "base64", media_type: "image/png", data } };
}

interface Tool {
  readonly name: string;
  readonly description: string;
  readonly schema: unknown;
}

function toolsOf(body: RequestBody): Tool[] {
  if (body === "tool") return [tool("write_file")];
  return body === "history" ? ["read_file", "write_file", "list_files", "run_tests", "search", "ask"].map(tool) : [];
}

function tool(name: string): Tool {
  return {
    name,
    description: `Does what its name says: ${name}. Paths are relative to the top of the repository; lines count from 1.`,
    schema: {
      type: "object",
      properties: {
        path: { type: "string", description: "Which file." },
        offset: { type: "integer", minimum: 0, description: "The first line." },
        limit: { type: "integer", minimum: 1, maximum: 2000 },
        content: { type: "string", description: "The new text of the file." },
      },
      required: ["path"],
    },
  };
}
