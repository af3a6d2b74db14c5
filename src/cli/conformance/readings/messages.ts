// Parses answers of Anthropic Messages.
// https://docs.claude.com/en/api/messages-streaming (read 2026-11); what throws was measured with @anthropic-ai/sdk 1.12.

import { isObject, listAt, numberAt, objectIn, pick, printed, textAt, type Json, type JsonObject } from "../wire.ts";
import { blocksOf, Faults, nothingSaid, type Counted, type Read, type Rule, type Said } from "./reading.ts";

export const STOP_REASONS = [
  "end_turn",
  "max_tokens",
  "stop_sequence",
  "tool_use",
  "pause_turn",
  "refusal",
  "model_context_window_exceeded",
];
const EVENTS = [
  "message_start",
  "content_block_start",
  "content_block_delta",
  "content_block_stop",
  "message_delta",
  "message_stop",
  "ping",
  "error",
];

export const MESSAGES_RULES = {
  framing: {
    expected: "events with their name, JSON data and a blank line behind each",
    breaks: "the Anthropic SDK ignores events without a name: no chunks at all",
  },
  events: { expected: `events of ${EVENTS.join(", ")} alone`, breaks: "the AI SDK throws on others" },
  start: {
    expected: "message_start first, with an id, empty content, and usage",
    breaks: "the Anthropic SDK rejects, or throws a TypeError without usage or content",
  },
  "block-index": {
    expected: "blocks numbered 0, 1, 2 without gaps",
    breaks: "the Anthropic SDK loses text and tool input without an error",
  },
  "one-block": {
    expected: "one block at a time, each stopped before the next",
    breaks: "Claude Code mixes blocks: contentBlock events use the last one",
  },
  "block-start": {
    expected: 'text "", thinking "", input {} and an id in a block\'s start',
    breaks: 'the Anthropic SDK shows "undefined" in front of a thought',
  },
  deltas: { expected: "deltas of their block's kind", breaks: "the Anthropic SDK loses a text_delta in a tool block without an error" },
  signature: {
    expected: "one signature_delta, last in its block",
    breaks: "the Anthropic SDK keeps the last piece alone; the next turn is refused",
  },
  input: { expected: "the pieces of a tool's input to be one JSON object", breaks: "the Anthropic SDK makes {} of it without an error" },
  delta: {
    expected: "message_delta with a stop_reason of the list and usage",
    breaks: "the Anthropic SDK throws a TypeError without usage",
  },
  stop: { expected: "message_stop last", breaks: "the Anthropic SDK rejects the answer" },
} as const satisfies Readonly<Record<string, Rule>>;

export const MESSAGES_SHAPE: Readonly<Record<string, Rule>> = {
  envelope: { expected: 'id, type "message", role "assistant" and a model', breaks: "the AI SDK throws without type" },
  content: {
    expected: "content blocks with what their type needs",
    breaks: "the AI SDK throws: text, thinking with signature, tool_use with id, name and input",
  },
  stop: { expected: `a stop_reason of ${STOP_REASONS.join(", ")}`, breaks: "agent loops end early" },
  usage: { expected: "usage with input_tokens and output_tokens", breaks: "the AI SDK throws" },
};

const DELTAS: Readonly<Record<string, readonly string[]>> = {
  text: ["text_delta", "citations_delta"],
  thinking: ["thinking_delta", "signature_delta"],
  tool_use: ["input_json_delta"],
};

interface Open {
  readonly index: number;
  readonly start: JsonObject;
  text: string;
  signatures: string[];
  afterSignature: boolean;
}

export function readMessagesStream(text: string): Read {
  const { blocks, rest } = blocksOf(text);
  const reader = new Reader();
  reader.faults.hold(rest.trim() === "" || rest.startsWith(":"), "framing", () => `"${rest}" without a blank line`);
  for (const { event, data, raw } of blocks) {
    const body = objectIn(data);
    if (!reader.faults.hold(body !== null && event === textAt(body, "type"), "framing", () => raw) || body === null) continue;
    if (reader.faults.hold(EVENTS.includes(event ?? ""), "events", () => raw)) reader.take(body, raw);
  }
  return reader.end();
}

class Reader {
  readonly faults = new Faults();
  readonly #said: Said = nothingSaid();
  readonly #content: Json[] = [];
  #open: Open | null = null;
  #next = 0;
  #isFirst = true;
  #usage: JsonObject = {};

  take(body: JsonObject, raw: string): void {
    const type = textAt(body, "type");
    if (type === "ping") return;
    if (type === "error") {
      this.#said.error = { message: textAt(body, "error.message"), type: textAt(body, "error.type") };
      return;
    }
    if (this.#isFirst) this.#start(body, raw);
    this.#isFirst = false;
    this.faults.hold(!this.#said.isComplete, "stop", () => `${raw} behind message_stop`);
    if (type === "content_block_start") this.#begin(body, raw);
    if (type === "content_block_delta") this.#delta(body, raw);
    if (type === "content_block_stop") this.#stop(body, raw);
    if (type === "message_delta") {
      const reason = textAt(body, "delta.stop_reason");
      const usage = pick(body, "usage");
      this.faults.hold(STOP_REASONS.includes(reason) && numberAt(usage, "output_tokens") !== null, "delta", () => raw);
      this.#said.finish = reason;
      if (isObject(usage)) this.#usage = { ...this.#usage, ...usage };
    }
    if (type === "message_stop") this.#said.isComplete = this.#said.error === null;
  }

  end(): Read {
    const said = this.#said;
    if (said.error === null) {
      this.faults.hold(!this.#isFirst, "start", () => "no event");
      this.faults.hold(said.finish !== null, "delta", () => "no message_delta");
      this.faults.hold(said.isComplete, "stop", () => "no message_stop");
      this.faults.hold(this.#open === null, "one-block", () => "a block that is never stopped");
    }
    said.usage = messagesUsage(this.#usage);
    if (this.#content.length > 0) said.turns.push({ role: "assistant", content: this.#content });
    return { said, faults: this.faults.list };
  }

  #start(body: JsonObject, raw: string): void {
    const usage = pick(body, "message.usage");
    this.#said.id = textAt(body, "message.id");
    const isSound =
      body["type"] === "message_start" &&
      this.#said.id !== "" &&
      Array.isArray(pick(body, "message.content")) &&
      numberAt(usage, "input_tokens") !== null;
    this.faults.hold(isSound, "start", () => raw);
    if (isObject(usage)) this.#usage = usage;
  }

  #begin(body: JsonObject, raw: string): void {
    this.faults.hold(this.#open === null, "one-block", () => raw);
    this.faults.hold(numberAt(body, "index") === this.#next, "block-index", () => raw);
    const start = pick(body, "content_block");
    const block = isObject(start) ? start : {};
    const type = textAt(block, "type");
    const isSound =
      type === "text"
        ? typeof block["text"] === "string"
        : type === "thinking"
          ? typeof block["thinking"] === "string"
          : type !== "tool_use" || (textAt(block, "id") !== "" && textAt(block, "name") !== "" && isObject(block["input"]));
    this.faults.hold(type !== "" && isSound, "block-start", () => raw);
    this.#open = { index: numberAt(body, "index") ?? -1, start: block, text: "", signatures: [], afterSignature: false };
    this.#next++;
  }

  #delta(body: JsonObject, raw: string): void {
    const open = this.#open;
    const isKnown = open !== null && numberAt(body, "index") === open.index;
    if (!this.faults.hold(isKnown, "one-block", () => raw) || open === null) return;
    const type = textAt(body, "delta.type");
    const kinds = DELTAS[textAt(open.start, "type")];
    this.faults.hold(kinds === undefined || kinds.includes(type), "deltas", () => raw);
    if (type === "signature_delta") open.signatures.push(textAt(body, "delta.signature"));
    this.faults.hold(open.signatures.length <= 1 && (type === "signature_delta" || open.signatures.length === 0), "signature", () => raw);
    open.text += textAt(body, "delta.text") + textAt(body, "delta.thinking") + textAt(body, "delta.partial_json");
  }

  #stop(body: JsonObject, raw: string): void {
    const open = this.#open;
    const isKnown = open !== null && numberAt(body, "index") === open.index;
    if (!this.faults.hold(isKnown, "one-block", () => raw) || open === null) return;
    this.#open = null;
    const type = textAt(open.start, "type");
    if (type === "text") {
      this.#said.text += open.text;
      this.#content.push({ type, text: open.text });
    } else if (type === "thinking") {
      this.#said.reasoning += open.text;
      this.#content.push({ type, thinking: open.text, signature: open.signatures.at(-1) ?? textAt(open.start, "signature") });
    } else if (type === "tool_use") {
      const input = objectIn(open.text === "" ? "{}" : open.text);
      this.faults.hold(input !== null, "input", () => open.text);
      this.#said.calls.push({
        id: textAt(open.start, "id"),
        name: textAt(open.start, "name"),
        arguments: open.text === "" ? "{}" : open.text,
      });
      this.#content.push({ type, id: textAt(open.start, "id"), name: textAt(open.start, "name"), input: input ?? {} });
    } else this.#content.push(open.start);
  }
}

export function readMessages(text: string): Read {
  const body = objectIn(text);
  const said = nothingSaid();
  const faults = new Faults();
  const error = pick(body, "error");
  if (isObject(error)) {
    said.error = { message: textAt(error, "message"), type: textAt(error, "type") };
    return { said, faults: [] };
  }
  said.id = textAt(body, "id");
  const isEnvelope =
    said.id !== "" && textAt(body, "type") === "message" && textAt(body, "role") === "assistant" && textAt(body, "model") !== "";
  faults.hold(isEnvelope, "envelope", () => text);
  const content = listAt(body, "content");
  faults.hold(Array.isArray(pick(body, "content")) && content.every(isBlock), "content", () => text);
  for (const block of content) {
    said.text += textAt(block, "text");
    said.reasoning += textAt(block, "thinking");
    if (textAt(block, "type") === "tool_use") {
      said.calls.push({ id: textAt(block, "id"), name: textAt(block, "name"), arguments: printed(pick(block, "input")) });
    }
  }
  said.finish = textAt(body, "stop_reason");
  faults.hold(STOP_REASONS.includes(said.finish), "stop", () => text);
  const usage = pick(body, "usage");
  faults.hold(numberAt(usage, "input_tokens") !== null && numberAt(usage, "output_tokens") !== null, "usage", () => text);
  if (isObject(usage)) said.usage = messagesUsage(usage);
  said.isComplete = isEnvelope;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it was parsed from JSON
  said.turns.push({ role: "assistant", content: content as Json[] });
  return { said, faults: faults.list };
}

function isBlock(block: unknown): boolean {
  switch (textAt(block, "type")) {
    case "text":
      return typeof pick(block, "text") === "string";
    case "thinking":
      return typeof pick(block, "thinking") === "string" && typeof pick(block, "signature") === "string";
    case "tool_use":
      return textAt(block, "id") !== "" && textAt(block, "name") !== "" && isObject(pick(block, "input"));
    default:
      return textAt(block, "type") !== "";
  }
}

/** Messages counts cached tokens in addition to `input_tokens`. */
function messagesUsage(usage: JsonObject): Counted | null {
  const fresh = numberAt(usage, "input_tokens");
  const output = numberAt(usage, "output_tokens");
  if (fresh === null && output === null) return null;
  const cached = numberAt(usage, "cache_read_input_tokens");
  return {
    inputTokens: fresh === null ? null : fresh + (cached ?? 0) + (numberAt(usage, "cache_creation_input_tokens") ?? 0),
    cachedTokens: cached,
    outputTokens: output,
    reasoningTokens: numberAt(usage, "output_tokens_details.thinking_tokens"),
  };
}
