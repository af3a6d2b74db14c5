// Parses answers of Chat Completions.
// https://platform.openai.com/docs/api-reference/chat-streaming (read 2026-11); what throws was measured with openai 7.57 and 6.49.

import { isObject, listAt, numberAt, objectIn, pick, textAt, type JsonObject } from "../wire.ts";
import { blocksOf, Faults, nothingSaid, type Counted, type Read, type Rule, type Said } from "./reading.ts";

export const CHAT_FINISHES = ["stop", "length", "tool_calls", "content_filter", "function_call"];

export const CHAT_RULES = {
  framing: {
    expected: "data lines of JSON, a blank line behind each, the last one too",
    breaks: "openai 6 loses the last event; the AI SDK throws",
  },
  chunks: {
    expected: "every event to be a chat.completion.chunk with a list of choices",
    breaks: "openai throws: choices is not iterable",
  },
  identity: { expected: "one id, not empty, on all chunks", breaks: "openai ignores the usage of a chunk with an empty id" },
  role: { expected: 'role "assistant" in the first delta', breaks: "openai throws: missing role for choice 0" },
  "choice-index": { expected: "choices with index 0", breaks: "openai throws on a choice without index" },
  "tool-index": { expected: "tool_calls numbered 0, 1, 2 without gaps", breaks: "openai crashes reading 'id' of undefined" },
  "tool-start": {
    expected: "id, type and name in the first piece of a call",
    breaks: "openai throws without type; LangChain loses a call without name",
  },
  finish: { expected: `one finish_reason of ${CHAT_FINISHES.join(", ")}`, breaks: "openai throws: missing finish_reason" },
  usage: {
    expected: "with include_usage one chunk at the end with choices [] and usage",
    breaks: "clients that count tokens see none, or count twice",
  },
  done: {
    expected: "[DONE] as the last event of a complete answer",
    breaks: "clients that wait for it (Cursor, Continue) hang or report a cut answer",
  },
} as const satisfies Readonly<Record<string, Rule>>;

export const CHAT_SHAPE: Readonly<Record<string, Rule>> = {
  choices: { expected: "choices with index 0 and a message", breaks: "openai and the AI SDK throw without choices or their index" },
  content: { expected: "content as text, or none beside calls", breaks: "the AI SDK throws on a list; LangChain shows null" },
  calls: {
    expected: "tool_calls with id, type, name and arguments as text",
    breaks: "the AI SDK throws; agents can't answer a call without id",
  },
  finish: { expected: `a finish_reason of ${CHAT_FINISHES.join(", ")}`, breaks: "agent loops end early" },
  envelope: {
    expected: 'id, object "chat.completion", created and model',
    breaks: "Pydantic models of openai-python warn; loggers lose the id",
  },
};

export function readChatStream(text: string): Read {
  const { blocks, rest } = blocksOf(text);
  const said = nothingSaid();
  const faults = new Faults();
  faults.hold(rest.trim() === "" || rest.startsWith(":"), "framing", () => `"${rest}" without a blank line`);
  const open: { id: string; type: string; name: string; text: string }[] = [];
  let isFirst = true;
  let usages = 0;
  for (const { data, raw } of blocks) {
    if (data === "[DONE]") continue;
    const chunk = objectIn(data);
    if (!faults.hold(chunk !== null, "framing", () => raw) || chunk === null) continue;
    if (isObject(chunk["error"])) {
      said.error = { message: textAt(chunk, "error.message"), type: textAt(chunk, "error.type") };
      continue;
    }
    const isChunk = Array.isArray(chunk["choices"]) && chunk["object"] === "chat.completion.chunk";
    if (!faults.hold(isChunk, "chunks", () => data)) continue;
    const id = textAt(chunk, "id");
    if (said.id === "") said.id = id;
    faults.hold(id !== "" && id === said.id, "identity", () => `"${id}" after "${said.id}"`);
    if (isObject(chunk["usage"])) {
      usages++;
      said.usage = chatUsage(chunk["usage"]);
    }
    for (const choice of listAt(chunk, "choices")) {
      faults.hold(numberAt(choice, "index") === 0, "choice-index", () => data);
      if (isFirst) faults.hold(textAt(choice, "delta.role") === "assistant", "role", () => data);
      isFirst = false;
      said.text += textAt(choice, "delta.content");
      said.reasoning += textAt(choice, "delta.reasoning_content") || textAt(choice, "delta.reasoning");
      for (const call of listAt(choice, "delta.tool_calls")) takePiece(call, { open, faults, data });
      const finish = pick(choice, "finish_reason");
      if (typeof finish === "string") said.finish = finish;
    }
  }
  said.calls.push(...open.map((call) => ({ id: call.id, name: call.name, arguments: call.text })));
  if (said.error === null) {
    faults.hold(CHAT_FINISHES.includes(said.finish ?? ""), "finish", () => String(said.finish));
    // The SDKs read on until the connection ends: without [DONE], the finish reason still counts.
    said.isComplete = said.finish !== null || blocks.at(-1)?.data === "[DONE]";
    faults.hold(blocks.at(-1)?.data === "[DONE]", "done", () => blocks.at(-1)?.raw ?? "nothing");
    faults.hold(usages === 1, "usage", () => `${usages} chunks with usage`);
  }
  said.turns.push(turnOf(said));
  return { said, faults: faults.list };
}

interface Piece {
  readonly open: { id: string; type: string; name: string; text: string }[];
  readonly faults: Faults;
  readonly data: string;
}

function takePiece(call: unknown, { open, faults, data }: Piece): void {
  const index = numberAt(call, "index");
  const known = open[index ?? -1];
  const type = known?.type ?? textAt(call, "type");
  const pieces = textAt(call, type === "custom" ? "custom.input" : "function.arguments");
  if (known !== undefined) {
    known.text += pieces;
    return;
  }
  faults.hold(index === open.length, "tool-index", () => data);
  const id = textAt(call, "id");
  const name = textAt(call, type === "custom" ? "custom.name" : "function.name");
  faults.hold(id !== "" && name !== "" && (type === "function" || type === "custom"), "tool-start", () => data);
  open.push({ id, type, name, text: pieces });
}

export function readChat(text: string): Read {
  const body = objectIn(text);
  const said = nothingSaid();
  const faults = new Faults();
  const error = pick(body, "error");
  if (isObject(error)) said.error = { message: textAt(error, "message"), type: textAt(error, "type") };
  else {
    said.id = textAt(body, "id");
    const envelope =
      said.id !== "" && textAt(body, "object") === "chat.completion" && numberAt(body, "created") !== null && textAt(body, "model") !== "";
    faults.hold(envelope, "envelope", () => text);
    const isChoice = numberAt(body, "choices.0.index") === 0 && isObject(pick(body, "choices.0.message"));
    faults.hold(isChoice, "choices", () => text);
    const content = pick(body, "choices.0.message.content");
    const calls = listAt(body, "choices.0.message.tool_calls");
    faults.hold(typeof content === "string" || ((content ?? null) === null && calls.length > 0), "content", () => text);
    if (typeof content === "string") said.text = content;
    said.reasoning = textAt(body, "choices.0.message.reasoning_content") || textAt(body, "choices.0.message.reasoning");
    for (const call of calls) {
      const type = textAt(call, "type");
      const [id, name] = [textAt(call, "id"), textAt(call, `${type}.name`)];
      const words = pick(call, type === "custom" ? "custom.input" : "function.arguments");
      faults.hold(id !== "" && name !== "" && typeof words === "string", "calls", () => text);
      said.calls.push({ id, name, arguments: typeof words === "string" ? words : "" });
    }
    const finish = textAt(body, "choices.0.finish_reason");
    faults.hold(CHAT_FINISHES.includes(finish), "finish", () => text);
    said.finish = finish;
    const usage = pick(body, "usage");
    if (isObject(usage)) said.usage = chatUsage(usage);
    said.isComplete = isChoice;
    said.turns.push(turnOf(said));
  }
  return { said, faults: faults.list };
}

function chatUsage(usage: JsonObject): Counted {
  return {
    inputTokens: numberAt(usage, "prompt_tokens"),
    cachedTokens: numberAt(usage, "prompt_tokens_details.cached_tokens"),
    outputTokens: numberAt(usage, "completion_tokens"),
    reasoningTokens: numberAt(usage, "completion_tokens_details.reasoning_tokens"),
  };
}

function turnOf({ text, calls }: Said): JsonObject {
  if (calls.length === 0) return { role: "assistant", content: text };
  return {
    role: "assistant",
    content: text === "" ? null : text,
    tool_calls: calls.map((call) => ({ id: call.id, type: "function", function: { name: call.name, arguments: call.arguments } })),
  };
}
