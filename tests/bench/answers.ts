// What the upstream answers.
// Does not look at a request; which answer is meant stands in the model's name.

import { Buffer } from "node:buffer";
import { chunkBytes, LAST_CHUNK } from "./http.ts";
import type { WireProtocol } from "./requests.ts";

/**
 * whole: one JSON body; burst: 200 deltas in one write; long: 20,000 as fast as the connection takes them;
 * paced: 200, one every 5 ms; brief: 20 of these; arguments: 1 MB of a tool call's arguments in 5,000 deltas;
 * idle: one delta, then nothing.
 */
export type Shape = "whole" | "burst" | "long" | "paced" | "brief" | "arguments" | "idle";

export const SHAPES: readonly Shape[] = ["whole", "burst", "long", "paced", "brief", "arguments", "idle"];
export const DELTAS: Readonly<Record<Shape, number>> = {
  whole: 0,
  burst: 200,
  long: 20_000,
  paced: 200,
  brief: 20,
  arguments: 5000,
  idle: 1,
};
export const PACE_MS = 5;

export interface Answer {
  /** Written at once. */
  readonly first: Buffer;
  /** Written one by one at the pace. */
  readonly paced: readonly Buffer[];
  /** Written after the last of these; null: the answer never ends. */
  readonly last: Buffer | null;
}

const WORDS = [
  "The",
  " second",
  " test",
  " reads",
  " a",
  " table",
  ' that "the',
  " first",
  " one",
  " fills",
  ";",
  " look",
  " at",
  " größe",
  ".\n",
];
const ARGUMENT_BYTES = 1_000_000;
const MODEL = "bench-1";

/** The events of a stream in the order of the wire. */
interface Events {
  readonly before: readonly string[];
  readonly deltas: readonly string[];
  readonly after: readonly string[];
}

export function answerOf(protocol: WireProtocol, shape: Shape): Answer {
  if (shape === "whole") return { first: whole(protocol), paced: [], last: Buffer.alloc(0) };
  const head = Buffer.from(
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n",
  );
  const { before, deltas, after } = STREAMS[protocol](
    shape === "arguments" ? argumentPieces() : textPieces(DELTAS[shape]),
    shape === "arguments",
  );
  if (shape === "idle") return { first: Buffer.concat([head, chunkBytes([...before, ...deltas].join(""))]), paced: [], last: null };
  if (shape === "paced" || shape === "brief") {
    return {
      first: Buffer.concat([head, chunkBytes(before.join(""))]),
      paced: deltas.map(chunkBytes),
      last: Buffer.concat([chunkBytes(after.join("")), LAST_CHUNK]),
    };
  }
  return {
    first: Buffer.concat([head, chunkBytes([...before, ...deltas, ...after].join("")), LAST_CHUNK]),
    paced: [],
    last: Buffer.alloc(0),
  };
}

function textPieces(count: number): string[] {
  return Array.from({ length: count }, (_, index) => WORDS[index % WORDS.length] ?? "");
}

/** A JSON object whose text is cut where it happens to be cut. */
function argumentPieces(): string[] {
  const count = DELTAS.arguments;
  const line = 'const value = table["row"]?.at(1) ?? "none";\n';
  const text = JSON.stringify({ path: "src/room.ts", content: line.repeat(Math.ceil(ARGUMENT_BYTES / (line.length + 5))) });
  const size = Math.ceil(text.length / count);
  return Array.from({ length: count }, (_, index) => text.slice(index * size, (index + 1) * size));
}

const STREAMS: Readonly<Record<WireProtocol, (pieces: readonly string[], isTool: boolean) => Events>> = {
  messages: messagesEvents,
  responses: responsesEvents,
  chat: chatEvents,
};

function named(type: string, data: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
}

function messagesEvents(pieces: readonly string[], isTool: boolean): Events {
  const block = isTool ? { type: "tool_use", id: "toolu_bench", name: "write_file", input: {} } : { type: "text", text: "" };
  const delta = (piece: string) => (isTool ? { type: "input_json_delta", partial_json: piece } : { type: "text_delta", text: piece });
  return {
    before: [
      named("message_start", {
        message: {
          id: "msg_bench",
          type: "message",
          role: "assistant",
          model: MODEL,
          content: [],
          stop_reason: null,
          stop_sequence: null,
          usage: MESSAGES_USAGE,
        },
      }),
      named("content_block_start", { index: 0, content_block: block }),
      named("ping", {}),
    ],
    deltas: pieces.map((piece) => named("content_block_delta", { index: 0, delta: delta(piece) })),
    after: [
      named("content_block_stop", { index: 0 }),
      named("message_delta", {
        delta: { stop_reason: isTool ? "tool_use" : "end_turn", stop_sequence: null },
        usage: { output_tokens: pieces.length },
      }),
      named("message_stop", {}),
    ],
  };
}

function responsesEvents(pieces: readonly string[]): Events {
  let serial = 0;
  const event = (type: string, data: object) => named(type, { sequence_number: serial++, ...data });
  const place = { item_id: "msg_bench", output_index: 0, content_index: 0 };
  const text = pieces.join("");
  const part = { type: "output_text", text, annotations: [] };
  const item = { id: "msg_bench", type: "message", status: "completed", role: "assistant", content: [part] };
  return {
    before: [
      event("response.created", { response: { ...RESPONSE, status: "in_progress", output: [], usage: null } }),
      event("response.in_progress", { response: { ...RESPONSE, status: "in_progress", output: [], usage: null } }),
      event("response.output_item.added", { output_index: 0, item: { ...item, status: "in_progress", content: [] } }),
      event("response.content_part.added", { ...place, part: { ...part, text: "" } }),
    ],
    deltas: pieces.map((delta) => event("response.output_text.delta", { ...place, delta, logprobs: [] })),
    after: [
      event("response.output_text.done", { ...place, text, logprobs: [] }),
      event("response.content_part.done", { ...place, part }),
      event("response.output_item.done", { output_index: 0, item }),
      event("response.completed", { response: { ...RESPONSE, status: "completed", output: [item], usage: RESPONSES_USAGE } }),
    ],
  };
}

function chatEvents(pieces: readonly string[]): Events {
  const head = { id: "chatcmpl-bench", object: "chat.completion.chunk", created: 1_790_000_000, model: MODEL };
  const chunk = (delta: object, finish: string | null) =>
    `data: ${JSON.stringify({ ...head, choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }] })}\n\n`;
  return {
    before: [chunk({ role: "assistant", content: "" }, null)],
    deltas: pieces.map((content) => chunk({ content }, null)),
    after: [chunk({}, "stop"), `data: ${JSON.stringify({ ...head, choices: [], usage: CHAT_USAGE })}\n\n`, "data: [DONE]\n\n"],
  };
}

function whole(protocol: WireProtocol): Buffer {
  const body = JSON.stringify(WHOLE[protocol]);
  return Buffer.from(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

const MESSAGES_USAGE = { input_tokens: 42, cache_creation_input_tokens: 0, cache_read_input_tokens: 1024, output_tokens: 1 };
const RESPONSES_USAGE = {
  input_tokens: 1066,
  input_tokens_details: { cached_tokens: 1024 },
  output_tokens: 60,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 1126,
};
const CHAT_USAGE = { prompt_tokens: 1066, completion_tokens: 60, total_tokens: 1126, prompt_tokens_details: { cached_tokens: 1024 } };
const RESPONSE = {
  id: "resp_bench",
  object: "response",
  created_at: 1_790_000_000,
  error: null,
  incomplete_details: null,
  instructions: null,
  metadata: {},
  model: MODEL,
  parallel_tool_calls: true,
  temperature: 1,
  tool_choice: "auto",
  tools: [],
  top_p: 1,
};
const TEXT = textPieces(60).join("");
const WHOLE: Readonly<Record<WireProtocol, object>> = {
  messages: {
    id: "msg_bench",
    type: "message",
    role: "assistant",
    model: MODEL,
    content: [{ type: "text", text: TEXT }],
    stop_reason: "end_turn",
    stop_sequence: null,
    usage: { ...MESSAGES_USAGE, output_tokens: 60 },
  },
  responses: {
    ...RESPONSE,
    status: "completed",
    output: [
      {
        id: "msg_bench",
        type: "message",
        status: "completed",
        role: "assistant",
        content: [{ type: "output_text", text: TEXT, annotations: [] }],
      },
    ],
    usage: RESPONSES_USAGE,
  },
  chat: {
    id: "chatcmpl-bench",
    object: "chat.completion",
    created: 1_790_000_000,
    model: MODEL,
    choices: [{ index: 0, message: { role: "assistant", content: TEXT, refusal: null }, logprobs: null, finish_reason: "stop" }],
    usage: CHAT_USAGE,
  },
};
