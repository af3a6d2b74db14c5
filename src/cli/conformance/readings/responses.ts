// Parses answers of OpenAI Responses.
// https://platform.openai.com/docs/api-reference/responses-streaming (read 2026-11); what throws was measured with openai 7.57.

import { isObject, listAt, numberAt, objectIn, pick, textAt, type Json, type JsonObject } from "../wire.ts";
import { blocksOf, Faults, nothingSaid, type Counted, type Read, type Rule, type Said } from "./reading.ts";

const TERMINALS = ["response.completed", "response.incomplete", "response.failed"];
const LIFE = ["response.created", "response.in_progress", "response.queued", ...TERMINALS];
const KNOWN =
  /^(?:response\.(?:created|in_progress|queued|completed|incomplete|failed|output_item\.(?:added|done)|content_part\.(?:added|done)|output_text\.(?:delta|done|annotation\.added)|refusal\.(?:delta|done)|function_call_arguments\.(?:delta|done)|custom_tool_call_input\.(?:delta|done)|reasoning_summary_part\.(?:added|done)|reasoning_summary_text\.(?:delta|done)|reasoning_text\.(?:delta|done)|web_search_call\.\w+)|error|keepalive)$/;

export const RESPONSES_RULES = {
  framing: { expected: "JSON data with a type, and a blank line behind each event", breaks: "openai throws on data that is no JSON" },
  events: { expected: "events that the API has", breaks: "openai throws: unhandled response stream event" },
  created: { expected: "response.created first", breaks: "openai throws before it" },
  identity: { expected: "one response.id from the first event to the last", breaks: "openai throws: lifecycle response identity changed" },
  "item-id": { expected: "every event of an item to name the item's id and output_index", breaks: "openai throws" },
  "output-index": { expected: "items numbered 0, 1, 2, each with an id of its own", breaks: "openai throws: missing output" },
  "item-start": {
    expected: "items that begin empty: content [], summary [], arguments with a call_id",
    breaks: "the AI SDK throws; openai throws without call_id or summary",
  },
  "part-added": {
    expected: "content_part.added or reasoning_summary_part.added before the first delta of a part",
    breaks: "openai throws: missing content",
  },
  "done-text": {
    expected: "done events that repeat what the deltas said",
    breaks: "Codex and others take the text from the done event: blank messages",
  },
  "item-done": {
    expected: "output_item.done with the item complete, calls with a status",
    breaks: "Codex runs only calls that are done; the AI SDK throws without status",
  },
  terminal: {
    expected: "response.completed, .incomplete or .failed last, and once",
    breaks: "Codex asks again: stream disconnected before completion",
  },
  output: {
    expected: "the terminal response to hold every item as it was done",
    breaks: "openai's finalResponse() is empty, without an error",
  },
  "sequence-number": {
    expected: "sequence_number on every event, growing by one",
    breaks: "the AI SDK throws on error and failed events without it",
  },
  usage: { expected: "usage in the terminal response", breaks: "Codex never compacts its history" },
} as const satisfies Readonly<Record<string, Rule>>;

export const RESPONSES_SHAPE: Readonly<Record<string, Rule>> = {
  envelope: { expected: 'id, object "response", created_at, model and status', breaks: "openai-python's Response misses its members" },
  output: {
    expected: "output items with type, id and what their type needs",
    breaks: "the AI SDK throws: role, content with annotations, summary, call_id, name, arguments",
  },
  usage: { expected: "usage with input_tokens and output_tokens", breaks: "the AI SDK throws" },
  echo: {
    expected: "the request's tools, tool_choice and parallel_tool_calls in the response",
    breaks: "openai-python's Response requires them",
  },
};

interface Open {
  readonly index: number;
  readonly start: JsonObject;
  readonly parts: { text: string }[];
}

export function readResponsesStream(text: string): Read {
  const { blocks, rest } = blocksOf(text);
  const reader = new Reader();
  reader.faults.hold(rest.trim() === "" || rest.startsWith(":"), "framing", () => `"${rest}" without a blank line`);
  for (const { data, raw } of blocks) {
    if (data === "[DONE]") continue;
    const body = objectIn(data);
    if (!reader.faults.hold(body !== null && textAt(body, "type") !== "", "framing", () => raw) || body === null) continue;
    if (reader.faults.hold(KNOWN.test(textAt(body, "type")), "events", () => data)) reader.take(body, data);
  }
  return reader.end();
}

class Reader {
  readonly faults = new Faults();
  readonly #said: Said = nothingSaid();
  readonly #open = new Map<number, Open>();
  readonly #done: JsonObject[] = [];
  readonly #ids = new Set<string>();
  #added = 0;
  #number: number | null = null;
  #isFirst = true;
  #hasEnded = false;

  take(body: JsonObject, raw: string): void {
    const type = textAt(body, "type");
    if (type !== "keepalive") {
      const number = numberAt(body, "sequence_number");
      const isNext = number !== null && (this.#number === null || number > this.#number);
      this.faults.hold(isNext, "sequence-number", () => raw);
      this.#number = number;
    }
    if (type === "keepalive") this.#number = numberAt(body, "sequence_number") ?? this.#number;
    if (this.#isFirst && type !== "error") this.faults.hold(type === "response.created", "created", () => raw);
    this.#isFirst = false;
    this.faults.hold(!this.#hasEnded, "terminal", () => `${raw} behind the end`);
    if (LIFE.includes(type)) return this.#life(body, raw);
    if (type === "error") {
      this.#said.error = {
        message: textAt(body, "message") || textAt(body, "error.message"),
        type: textAt(body, "code") || textAt(body, "error.type"),
      };
      return;
    }
    if (type === "response.output_item.added") return this.#begin(body, raw);
    if (type !== "keepalive") this.#inner(body, raw);
  }

  end(): Read {
    const said = this.#said;
    if (said.error === null) this.faults.hold(this.#hasEnded, "terminal", () => "no terminal event");
    said.turns.push(...this.#done);
    return { said, faults: this.faults.list };
  }

  #life(body: JsonObject, raw: string): void {
    const said = this.#said;
    const type = textAt(body, "type");
    const id = textAt(body, "response.id");
    if (said.id === "") said.id = id;
    this.faults.hold(id !== "" && id === said.id, "identity", () => `"${id}" after "${said.id}"`);
    if (!TERMINALS.includes(type)) return;
    this.#hasEnded = true;
    said.finish = finishOf(pick(body, "response"));
    if (type === "response.failed") {
      said.error = { message: textAt(body, "response.error.message"), type: textAt(body, "response.error.code") };
      return;
    }
    said.isComplete = true;
    const output = listAt(body, "response.output");
    const isSame = output.length === this.#done.length && output.every((item, at) => textAt(item, "id") === textAt(this.#done[at], "id"));
    this.faults.hold(isSame && this.#open.size === 0, "output", () => raw);
    const usage = pick(body, "response.usage");
    this.faults.hold(numberAt(usage, "input_tokens") !== null && numberAt(usage, "output_tokens") !== null, "usage", () => raw);
    if (isObject(usage)) said.usage = responsesUsage(usage);
  }

  #begin(body: JsonObject, raw: string): void {
    const item = pick(body, "item");
    const start = isObject(item) ? item : {};
    const id = textAt(start, "id");
    const index = numberAt(body, "output_index") ?? -1;
    this.faults.hold(index === this.#added && id !== "" && !this.#ids.has(id), "output-index", () => raw);
    this.#ids.add(id);
    const type = textAt(start, "type");
    const isEmpty =
      type === "message"
        ? listAt(start, "content").length === 0 && textAt(start, "role") === "assistant"
        : type === "reasoning"
          ? Array.isArray(start["summary"])
          : !type.endsWith("tool_call") && type !== "function_call"
            ? type !== ""
            : textAt(start, "call_id") !== "" && typeof start[type === "function_call" ? "arguments" : "input"] === "string";
    this.faults.hold(isEmpty, "item-start", () => raw);
    this.#open.set(index, { index, start, parts: [] });
    this.#added++;
  }

  #inner(body: JsonObject, raw: string): void {
    const type = textAt(body, "type");
    const open = this.#open.get(numberAt(body, "output_index") ?? -1);
    const id = type === "response.output_item.done" ? textAt(body, "item.id") : textAt(body, "item_id");
    if (!this.faults.hold(open !== undefined && id === textAt(open.start, "id"), "item-id", () => raw) || open === undefined) return;
    if (type === "response.output_item.done") return this.#end(body, open, raw);
    if (type.endsWith("part.added")) return void open.parts.push({ text: "" });
    const at = numberAt(body, "content_index") ?? numberAt(body, "summary_index") ?? 0;
    if (/arguments|tool_call_input/.test(type)) open.parts[0] ??= { text: "" };
    const part = open.parts[at];
    if (/web_search_call|annotation/.test(type)) return;
    if (!this.faults.hold(part !== undefined, "part-added", () => raw) || part === undefined) return;
    if (type.endsWith(".delta")) part.text += textAt(body, "delta");
    else {
      const told = ["text", "refusal", "arguments", "input", "part.text", "part.refusal"]
        .map((path) => pick(body, path))
        .find((one) => typeof one === "string");
      this.faults.hold(told === part.text, "done-text", () => `${raw} after ${part.text}`);
    }
  }

  #end(body: JsonObject, open: Open, raw: string): void {
    this.#open.delete(open.index);
    const item = pick(body, "item");
    if (!isObject(item)) return void this.faults.hold(false, "item-done", () => raw);
    this.#done.push(item);
    takeItem(item, this.#said);
    const told = open.parts.map(({ text }) => text).join("");
    const held = heldText(item);
    const isCall = textAt(item, "type").endsWith("_call") && "call_id" in item;
    this.faults.hold(told === held || open.parts.length === 0, "item-done", () => `${raw} after ${told}`);
    this.faults.hold(!isCall || textAt(item, "status") !== "", "item-done", () => raw);
  }
}

function heldText(item: JsonObject): string {
  const list = item["type"] === "reasoning" && listAt(item, "summary").length > 0 ? listAt(item, "summary") : listAt(item, "content");
  const parts = list.map((part) => textAt(part, "text") || textAt(part, "refusal")).join("");
  return parts + textAt(item, "arguments") + textAt(item, "input");
}

function takeItem(item: JsonObject, said: Said): void {
  const type = textAt(item, "type");
  if (type === "message") said.text += heldText(item);
  if (type === "reasoning") said.reasoning += heldText(item);
  if (type === "function_call" || type === "custom_tool_call") {
    said.calls.push({ id: textAt(item, "call_id"), name: textAt(item, "name"), arguments: heldText(item) });
  }
}

export function readResponses(text: string): Read {
  const body = objectIn(text);
  const said = nothingSaid();
  const faults = new Faults();
  const error = pick(body, "error");
  if (isObject(error)) {
    said.error = { message: textAt(error, "message"), type: textAt(error, "type") || textAt(error, "code") };
    return { said, faults: [] };
  }
  said.id = textAt(body, "id");
  const isEnvelope =
    said.id !== "" &&
    textAt(body, "object") === "response" &&
    numberAt(body, "created_at") !== null &&
    textAt(body, "model") !== "" &&
    textAt(body, "status") !== "";
  faults.hold(isEnvelope, "envelope", () => text);
  const output = listAt(body, "output");
  faults.hold(Array.isArray(pick(body, "output")) && output.every(isItem), "output", () => text);
  for (const item of output) if (isObject(item)) takeItem(item, said);
  const usage = pick(body, "usage");
  faults.hold(numberAt(usage, "input_tokens") !== null && numberAt(usage, "output_tokens") !== null, "usage", () => text);
  if (isObject(usage)) said.usage = responsesUsage(usage);
  const echoed = ["tools", "tool_choice", "parallel_tool_calls"].every((key) => pick(body, key) !== undefined);
  faults.hold(echoed, "echo", () => text);
  said.finish = finishOf(body);
  said.isComplete = isEnvelope && said.finish !== "failed";
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it was parsed from JSON
  said.turns.push(...(output as Json[]));
  return { said, faults: faults.list };
}

function isItem(item: unknown): boolean {
  if (textAt(item, "id") === "") return false;
  switch (textAt(item, "type")) {
    case "message":
      return (
        textAt(item, "role") === "assistant" &&
        listAt(item, "content").every(
          (part) =>
            textAt(part, "type") === "refusal" || (typeof pick(part, "text") === "string" && Array.isArray(pick(part, "annotations"))),
        )
      );
    case "reasoning":
      return Array.isArray(pick(item, "summary"));
    case "function_call":
      return textAt(item, "call_id") !== "" && textAt(item, "name") !== "" && typeof pick(item, "arguments") === "string";
    default:
      return textAt(item, "type") !== "";
  }
}

/** `completed`, or why it is incomplete. */
function finishOf(response: unknown): string {
  const status = textAt(response, "status");
  return status === "incomplete" ? textAt(response, "incomplete_details.reason") : status;
}

function responsesUsage(usage: JsonObject): Counted {
  return {
    inputTokens: numberAt(usage, "input_tokens"),
    cachedTokens: numberAt(usage, "input_tokens_details.cached_tokens"),
    outputTokens: numberAt(usage, "output_tokens"),
    reasoningTokens: numberAt(usage, "output_tokens_details.reasoning_tokens"),
  };
}
