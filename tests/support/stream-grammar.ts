// The grammar of a stream, as the client of each protocol needs it. Throws an AssertionError that names the rule: what an official
// accumulator would throw on, lose silently, or misread.
// Written from what those accumulators do and not from the encoders, which it tests.

import assert from "node:assert/strict";
import type { Json, JsonObject } from "../../src/wire/json.ts";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { has, listOf, objectOf, objectsOf, textOf } from "./reading.ts";

export interface StreamOptions {
  /** Chat: whether the client asked for the usage chunk. */
  readonly includeUsage: boolean;
}

/** One event as it is in the text. */
interface Framed {
  readonly event: string | null;
  readonly data: string;
}

// names for Messages and Responses, none for the others; one data line; LF; a blank line behind the last event too.
const NAMED = /event: ([\w.]+)\ndata: ([^\n\r]+)\n\n/gy;
const UNNAMED = /data: ([^\n\r]+)\n\n/gy;

/** Checks a whole stream, however it ended. */
export function obeysStreamGrammar(protocol: ProtocolId, stream: string, options: StreamOptions): void {
  const named = protocol === "anthropic-messages" || protocol === "openai-responses";
  const events = framed(stream, named);
  assert.ok(events.length > 0, "there is at least one event");
  switch (protocol) {
    case "openai-chat":
      return chat(events, options);
    case "openai-responses":
      return responses(events);
    case "anthropic-messages":
      return messages(events);
    case "gemini":
      return gemini(events);
  }
}

function framed(stream: string, named: boolean): Framed[] {
  const pattern = new RegExp(named ? NAMED : UNNAMED);
  const events: Framed[] = [];
  for (let at = 0; at < stream.length; at = pattern.lastIndex) {
    pattern.lastIndex = at;
    const found = pattern.exec(stream);
    assert.ok(found !== null, `framing: not an event as clients want it: ${JSON.stringify(stream.slice(at, at + 120))}`);
    events.push(named ? { event: found[1] ?? "", data: found[2] ?? "" } : { event: null, data: found[1] ?? "" });
  }
  return events;
}

function parsed({ data }: Framed): JsonObject {
  const value: unknown = JSON.parse(data);
  assert.ok(typeof value === "object" && value !== null && !Array.isArray(value), `an event is an object: ${data}`);
  return objectOf(value);
}

function isCount(value: Json | undefined): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= 0;
}

// ---- Chat Completions ----------------------------------------------------------------------------------------

const CHAT_FINISHES = ["stop", "length", "tool_calls", "content_filter", "function_call"];

function chat(events: readonly Framed[], { includeUsage }: StreamOptions): void {
  const failed = events.at(-1)?.data !== "[DONE]";
  const chunks = (failed ? events : events.slice(0, -1)).map(parsed);
  const end = chunks.findIndex((chunk) => "error" in chunk);
  if (failed) {
    assert.equal(end, chunks.length - 1, "Chat: without [DONE] the last event is an error, and the only one");
    const error = objectOf(chunks[end]?.["error"]);
    assert.deepEqual(Object.keys(error).sort(), ["code", "message", "param", "type"], "Chat: an error has all its members");
  } else assert.equal(end, -1, "Chat: no [DONE] after an error");
  const told = failed ? chunks.slice(0, -1) : chunks;
  const tools: { type: string }[] = [];
  let finished = false;
  let usages = 0;
  for (const [index, chunk] of told.entries()) {
    for (const key of ["id", "object", "created", "model"]) assert.deepEqual(chunk[key], told[0]?.[key], `Chat: all chunks share ${key}`);
    assert.ok(textOf(chunk["id"]) !== "", "Chat: with an empty id the usage is ignored");
    assert.equal(chunk["object"], "chat.completion.chunk");
    const choices = objectsOf(chunk["choices"]);
    assert.ok(Array.isArray(chunk["choices"]), "Chat: every chunk has choices");
    if (choices.length === 0) {
      assert.ok(
        finished && includeUsage && has(chunk, "usage"),
        "Chat: a chunk without choices is the usage, asked for, behind the finish",
      );
      assert.equal(++usages, 1, "Chat: one usage chunk");
      const usage = objectOf(chunk["usage"]);
      for (const key of ["prompt_tokens", "completion_tokens", "total_tokens"]) assert.ok(isCount(usage[key]), `Chat: usage.${key}`);
      continue;
    }
    assert.equal(choices.length, 1, "Chat: one choice");
    assert.ok(!finished, "Chat: nothing but usage comes behind the finish reason");
    assert.equal(includeUsage, "usage" in chunk, "Chat: usage is null on the other chunks where it was asked for");
    const choice = choices[0] ?? {};
    assert.equal(choice["index"], 0);
    const delta = objectOf(choice["delta"]);
    assert.equal(delta["role"], index === 0 ? "assistant" : undefined, "Chat: the role on the first chunk alone");
    for (const key of ["content", "refusal", "reasoning_content"]) {
      assert.ok(!(key in delta) || typeof delta[key] === "string", `Chat: delta.${key} is text`);
    }
    for (const call of objectsOf(delta["tool_calls"])) chatCall(call, tools);
    chatLogprobs(choice["logprobs"], delta);
    if (choice["finish_reason"] === null) continue;
    finished = true;
    assert.ok(
      CHAT_FINISHES.includes(textOf(choice["finish_reason"])),
      `Chat: a finish reason of the list: ${String(choice["finish_reason"])}`,
    );
  }
  if (!failed) assert.ok(finished, "Chat: a finish reason before [DONE]");
}

function chatLogprobs(logprobs: Json | undefined, delta: JsonObject): void {
  assert.ok(logprobs !== undefined, "Chat: every choice says logprobs, or null");
  if (logprobs === null) return;
  assert.deepEqual(Object.keys(objectOf(logprobs)).sort(), ["content", "refusal"], "Chat: logprobs of content and of refusal, or null");
  for (const [key, tokens] of Object.entries(objectOf(logprobs))) {
    if (tokens === null) continue;
    assert.ok(key in delta, `Chat: the tokens of ${key} come with it`);
    openaiLogprobs(tokens);
  }
}

/** A list of tokens as in both of OpenAI's protocols; the accumulator of Responses forgets a list in which bytes are missing. */
function openaiLogprobs(tokens: Json | undefined): void {
  assert.ok(Array.isArray(tokens), "logprobs are a list");
  for (const chosen of objectsOf(tokens)) {
    assert.ok(Array.isArray(chosen["top_logprobs"]), "a token has a list of alternatives");
    for (const token of [chosen, ...objectsOf(chosen["top_logprobs"])]) {
      assert.ok(typeof token["token"] === "string" && typeof token["logprob"] === "number", "a token has a text and a logprob");
      assert.ok(listOf(token["bytes"]).every(isCount) && Array.isArray(token["bytes"]), "a token has bytes");
    }
  }
}

function chatCall(call: JsonObject, tools: { type: string }[]): void {
  const index = Number(call["index"]);
  const known = tools[index];
  const type = known?.type ?? textOf(call["type"]);
  const called = objectOf(call[type]);
  if (known === undefined) {
    assert.equal(index, tools.length, "Chat: tool indices are dense");
    assert.ok(textOf(call["id"]) !== "", "Chat: a call has an id");
    assert.ok(type === "function" || type === "custom", "Chat: a call has a type");
    assert.ok(typeof called["name"] === "string", "Chat: a call has a name");
    tools.push({ type });
  } else {
    for (const key of ["id", "type"]) assert.ok(!(key in call), `Chat: ${key} on the first chunk of a call alone`);
    assert.ok(!("name" in called), "Chat: the name on the first chunk of a call alone");
  }
  assert.ok(typeof called[type === "custom" ? "input" : "arguments"] === "string", "Chat: every chunk of a call has arguments");
}

// ---- Messages ------------------------------------------------------------------------------------------------

const STOP_REASONS = ["end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal", "model_context_window_exceeded"];

const DELTAS: Readonly<Record<string, readonly string[]>> = {
  text: ["text_delta", "citations_delta"],
  thinking: ["thinking_delta", "signature_delta"],
  tool_use: ["input_json_delta"],
  server_tool_use: ["input_json_delta"],
};

function messages(events: readonly Framed[]): void {
  const told = events.map(parsed);
  told.forEach((data, index) => assert.equal(data["type"], events[index]?.event, "Messages: the event's name is its type"));
  const [start] = told;
  if (start?.["type"] === "error") return messagesError(told);
  messageStart(start ?? {});
  let open: { readonly block: JsonObject; readonly deltas: string[]; json: string } | null = null;
  let next = 0;
  let ended = false;
  for (const [position, data] of told.entries()) {
    if (position === 0 || data["type"] === "ping") continue;
    switch (data["type"]) {
      case "content_block_start":
        assert.ok(!ended && open === null, "Messages: one block at a time");
        assert.equal(data["index"], next, "Messages: block indices have no gaps");
        open = { block: objectOf(data["content_block"]), deltas: [], json: "" };
        blockStart(open.block);
        break;
      case "content_block_delta": {
        assert.ok(open !== null && data["index"] === next, "Messages: a delta belongs to the open block");
        const delta = objectOf(data["delta"]);
        const type = textOf(delta["type"]);
        const kinds: readonly string[] = DELTAS[textOf(open.block["type"])] ?? [];
        assert.ok(kinds.includes(type), `Messages: ${type} in a block of type ${textOf(open.block["type"])}`);
        assert.ok(!open.deltas.includes("signature_delta"), "Messages: the signature comes once, and last");
        if (type === "signature_delta") assert.ok(textOf(delta["signature"]) !== "", "Messages: no empty signature");
        if (type === "input_json_delta") open.json += textOf(delta["partial_json"]);
        open.deltas.push(type);
        break;
      }
      case "content_block_stop":
        assert.ok(open !== null && data["index"] === next, "Messages: a stop belongs to the open block");
        if (open.block["type"] === "thinking") assert.ok(open.deltas.includes("signature_delta"), "Messages: a thought is signed");
        if (open.block["type"] === "tool_use" && open.json !== "" && wasWhole(told)) {
          assert.ok(isObjectText(open.json), `Messages: a call's input is an object, or lost in silence: ${open.json}`);
        }
        open = null;
        next++;
        break;
      case "message_delta": {
        assert.ok(open === null, "Messages: all blocks have stopped before message_delta");
        assert.ok(has(data, "usage"), "Messages: message_delta has usage");
        const reason = textOf(objectOf(data["delta"])["stop_reason"]);
        assert.ok(STOP_REASONS.includes(reason), `Messages: a stop reason of the list: ${reason}`);
        ended = true;
        break;
      }
      case "message_stop":
        assert.ok(ended && position === told.length - 1, "Messages: message_stop comes last, behind message_delta");
        return;
      case "error":
        assert.equal(position, told.length - 1, "Messages: nothing comes after an error");
        return messagesError(told);
      default:
        assert.fail(`Messages: no such event: ${String(data["type"])}`);
    }
  }
  assert.fail("Messages: without message_stop the client rejects the answer");
}

function messagesError(told: readonly JsonObject[]): void {
  const error = objectOf(told.at(-1)?.["error"]);
  assert.ok(textOf(error["type"]) !== "" && textOf(error["message"]) !== "", "Messages: an error has type and message");
}

function messageStart(data: JsonObject): void {
  assert.equal(data["type"], "message_start", "Messages: message_start comes first");
  const message = objectOf(data["message"]);
  assert.deepEqual(message["content"], [], "Messages: message_start has empty content");
  assert.deepEqual([message["type"], message["role"], message["stop_reason"]], ["message", "assistant", null]);
  assert.ok(textOf(message["id"]).startsWith("msg_"), "Messages: an id of this protocol");
  for (const key of ["input_tokens", "output_tokens"])
    assert.ok(isCount(objectOf(message["usage"])[key]), `Messages: message_start has usage.${key}`);
}

function blockStart(block: JsonObject): void {
  switch (block["type"]) {
    case "text":
      return assert.equal(block["text"], "", 'Messages: a text block begins with text ""');
    case "thinking":
      return assert.deepEqual([block["thinking"], block["signature"]], ["", ""], "Messages: a thought begins empty");
    case "tool_use":
      assert.deepEqual(block["input"], {}, "Messages: a call begins with input {}");
      return assert.ok(textOf(block["id"]) !== "" && typeof block["name"] === "string", "Messages: a call has id and name");
    case "redacted_thinking":
      return assert.ok(textOf(block["data"]) !== "", "Messages: a hidden thought has data");
    default:
      assert.ok(textOf(block["type"]) !== "", "Messages: a block has a type");
  }
}

/** An answer that ran out of tokens may end inside a call. */
function wasWhole(told: readonly JsonObject[]): boolean {
  const reason = objectOf(told.findLast((data) => data["type"] === "message_delta")?.["delta"])["stop_reason"];
  return reason !== undefined && reason !== "max_tokens" && reason !== "model_context_window_exceeded" && reason !== "refusal";
}

export function isObjectText(source: string): boolean {
  try {
    const value: unknown = JSON.parse(source);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

// ---- Gemini --------------------------------------------------------------------------------------------------

const GEMINI_FINISHES = (
  "STOP MAX_TOKENS SAFETY RECITATION LANGUAGE OTHER BLOCKLIST PROHIBITED_CONTENT SPII MALFORMED_FUNCTION_CALL IMAGE_SAFETY " +
  "UNEXPECTED_TOOL_CALL IMAGE_PROHIBITED_CONTENT NO_IMAGE IMAGE_RECITATION IMAGE_OTHER CONTINUATION TOO_MANY_TOOL_CALLS MALFORMED_RESPONSE"
).split(" ");
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;

function gemini(events: readonly Framed[]): void {
  const told = events.map(parsed);
  for (const [position, chunk] of told.entries()) {
    const isLast = position === told.length - 1;
    if ("error" in chunk) {
      assert.ok(isLast, "Gemini: nothing comes after an error");
      const error = objectOf(chunk["error"]);
      assert.ok(
        isCount(error["code"]) && textOf(error["status"]) !== "" && textOf(error["message"]) !== "",
        "Gemini: code, message, status",
      );
      return;
    }
    for (const key of ["responseId", "modelVersion"]) {
      assert.ok(textOf(chunk[key]) !== "", `Gemini: every chunk has ${key}`);
      assert.equal(chunk[key], told[0]?.[key], `Gemini: all chunks share ${key}`);
    }
    if (has(chunk, "usageMetadata"))
      assert.ok(isCount(objectOf(chunk["usageMetadata"])["totalTokenCount"]), "Gemini: usage is told as a whole");
    const candidates = objectsOf(chunk["candidates"]);
    assert.equal(candidates.length, 1, "Gemini: one candidate");
    const candidate = candidates[0] ?? {};
    const parts = objectsOf(objectOf(candidate["content"])["parts"]);
    const finish = candidate["finishReason"];
    assert.equal(finish !== undefined, isLast, "Gemini: the last chunk alone has a finish reason");
    if (isLast) assert.ok(GEMINI_FINISHES.includes(textOf(finish)), `Gemini: a finish reason of the list: ${String(finish)}`);
    assert.ok(isLast || parts.length > 0, "Gemini: the chat helper forgets a turn with an empty chunk");
    for (const part of parts) geminiPart(part);
    if (has(candidate, "logprobsResult")) geminiLogprobs(objectOf(candidate["logprobsResult"]));
    assert.ok(isLast || !("avgLogprobs" in candidate), "Gemini: the average is that of the whole answer");
  }
}

function geminiLogprobs({ chosenCandidates, topCandidates }: JsonObject): void {
  const chosen = objectsOf(chosenCandidates);
  assert.ok(chosen.length > 0, "Gemini: log probabilities are those of some token");
  if (topCandidates !== undefined) assert.equal(objectsOf(topCandidates).length, chosen.length, "Gemini: one list of alternatives a token");
  for (const token of [...chosen, ...objectsOf(topCandidates).flatMap(({ candidates }) => objectsOf(candidates))]) {
    assert.ok(typeof token["token"] === "string" && typeof token["logProbability"] === "number", "Gemini: a token has a text and a number");
  }
}

function geminiPart(part: JsonObject): void {
  assert.ok(Object.keys(part).length > 0, "Gemini: no empty part");
  const signature = part["thoughtSignature"];
  assert.ok(signature === undefined || BASE64.test(textOf(signature)), "Gemini: a signature is bytes, in base64");
  if (!has(part, "functionCall")) return;
  const call = objectOf(part["functionCall"]);
  assert.ok(typeof call["name"] === "string", "Gemini: a call has a name");
  assert.ok(!("partialArgs" in call) && !("willContinue" in call), "Gemini: a call comes whole");
  assert.ok(!("args" in call) || JSON.stringify(objectOf(call["args"])) === JSON.stringify(call["args"]), "Gemini: args are an object");
}

// ---- Responses -----------------------------------------------------------------------------------------------

interface OpenItem {
  readonly item: JsonObject;
  readonly index: number;
  readonly parts: OpenContent[];
}

interface OpenContent {
  text: string;
  /** Its tokens, according to its deltas. */
  readonly logprobs: Json[];
  closed: boolean;
}

const TERMINALS = ["response.completed", "response.incomplete", "response.failed"];

/** What an item's inner events must agree on: its id, its index, the sums of its deltas. */
class Items {
  readonly #done: JsonObject[] = [];
  readonly #ids = new Set<string>();
  readonly #callIds = new Set<string>();
  #open: OpenItem | null = null;

  get done(): readonly JsonObject[] {
    assert.ok(this.#open === null, "Responses: every item is done before the terminal event");
    return this.#done;
  }

  take(event: JsonObject): void {
    const type = textOf(event["type"]);
    if (type === "response.output_item.added") return this.#added(event);
    const open = this.#open;
    assert.ok(open !== null, `Responses: ${type} belongs to an item that was added`);
    assert.equal(event["output_index"], open.index, `Responses: ${type} names its item's index`);
    if (type === "response.output_item.done") return this.#doneItem(event, open);
    assert.equal(event["item_id"], open.item["id"], `Responses: ${type} names its item's id`);
    inner(type, event, open);
  }

  #added(event: JsonObject): void {
    assert.ok(this.#open === null, "Responses: one item at a time");
    const item = objectOf(event["item"]);
    const id = textOf(item["id"]);
    assert.equal(event["output_index"], this.#done.length, "Responses: output indices are dense");
    assert.ok(id !== "" && !this.#ids.has(id), `Responses: every item has an id of its own: ${id}`);
    this.#ids.add(id);
    switch (item["type"]) {
      case "message":
        assert.deepEqual([item["role"], item["content"]], ["assistant", []], "Responses: a message begins empty");
        break;
      case "reasoning":
        assert.deepEqual(item["summary"], [], "Responses: a reasoning item begins with an empty summary");
        break;
      case "function_call":
      case "custom_tool_call": {
        const callId = textOf(item["call_id"]);
        assert.equal(item[item["type"] === "function_call" ? "arguments" : "input"], "", "Responses: a call begins without arguments");
        assert.ok(callId !== "" && !this.#callIds.has(callId), `Responses: no two calls share an id: ${callId}`);
        this.#callIds.add(callId);
        break;
      }
      default:
        assert.ok(textOf(item["type"]) !== "", "Responses: an item has a type");
    }
    this.#open = { item, index: this.#done.length, parts: [] };
  }

  #doneItem(event: JsonObject, open: OpenItem): void {
    const item = objectOf(event["item"]);
    assert.deepEqual([item["id"], item["type"]], [open.item["id"], open.item["type"]], "Responses: an item keeps its id");
    const told = open.parts.map((part) => {
      assert.ok(part.closed, "Responses: every part is done before its item");
      return part.text;
    });
    const parts = objectsOf(item["content"] ?? item["summary"]).map((part) => textOf(part["text"] ?? part["refusal"]));
    if (item["type"] === "message") assert.deepEqual(told, parts, "Responses: a message is what its deltas said");
    if (item["type"] === "reasoning")
      assert.deepEqual(
        told,
        objectsOf(item["summary"]).map((part) => textOf(part["text"])),
        "Responses: so is a thought",
      );
    if (item["type"] === "function_call" || item["type"] === "custom_tool_call") {
      assert.deepEqual(told, [textOf(item["arguments"] ?? item["input"])], "Responses: a call is what its deltas said");
      assert.ok(textOf(item["status"]) !== "", "Responses: a call that is done has a status");
      assert.deepEqual(
        [item["call_id"], item["name"]],
        [open.item["call_id"], open.item["name"]],
        "Responses: a call keeps its id and name",
      );
    }
    this.#done.push(item);
    this.#open = null;
  }
}

function inner(type: string, event: JsonObject, { item, parts }: OpenItem): void {
  if (type.startsWith("response.web_search_call.")) {
    assert.equal(item["type"], "web_search_call", "Responses: a search's steps belong to its item");
    return;
  }
  const at = Number(event["content_index"] ?? event["summary_index"] ?? 0);
  const isCall = item["type"] === "function_call" || item["type"] === "custom_tool_call";
  if (type === "response.content_part.added" || type === "response.reasoning_summary_part.added") {
    assert.equal(at, parts.length, "Responses: content and summary indices are dense");
    assert.equal(textOf(objectOf(event["part"])["text"] ?? objectOf(event["part"])["refusal"]), "", "Responses: a part begins empty");
    parts.push({ text: "", logprobs: [], closed: false });
    return;
  }
  if (isCall && parts.length === 0) parts.push({ text: "", logprobs: [], closed: false });
  const part = parts[at];
  assert.ok(part !== undefined, `Responses: ${type} belongs to a part that was added`);
  switch (type.slice(type.lastIndexOf(".") + 1)) {
    case "delta":
      assert.ok(!part.closed && textOf(event["delta"]) !== "", "Responses: a delta says something, and its part is open");
      part.text += textOf(event["delta"]);
      if (type === "response.output_text.delta") {
        openaiLogprobs(event["logprobs"]);
        part.logprobs.push(...listOf(event["logprobs"]));
      }
      return;
    case "added":
      return assert.equal(type, "response.output_text.annotation.added");
    case "done": {
      const said =
        event["text"] ??
        event["refusal"] ??
        event["arguments"] ??
        event["input"] ??
        objectOf(event["part"])["text"] ??
        objectOf(event["part"])["refusal"];
      assert.equal(said, part.text, `Responses: ${type} repeats the whole text`);
      const logprobs = event["logprobs"] ?? objectOf(event["part"])["logprobs"];
      if (type.startsWith("response.output_text") || logprobs !== undefined) {
        openaiLogprobs(logprobs);
        assert.deepEqual(
          listOf(logprobs).slice(0, part.logprobs.length),
          part.logprobs,
          `Responses: ${type} repeats the tokens of its deltas`,
        );
      }
      part.closed = true;
      return;
    }
    default:
      assert.fail(`Responses: no such event: ${type}`);
  }
}

function responses(events: readonly Framed[]): void {
  const told = events.map(parsed);
  told.forEach((data, index) => {
    assert.equal(data["type"], events[index]?.event, "Responses: the event's name is its type");
    assert.equal(data["sequence_number"], index, "Responses: events are numbered from 0");
  });
  const [created] = told;
  assert.equal(created?.["type"], "response.created", "Responses: response.created comes first");
  const id = objectOf(created?.["response"])["id"];
  assert.ok(textOf(id).startsWith("resp_"), "Responses: an id of this protocol");
  const items = new Items();
  for (const [position, data] of told.entries()) {
    const type = textOf(data["type"]);
    const response = objectOf(data["response"]);
    if ("response" in data) assert.equal(response["id"], id, "Responses: the response keeps its id");
    if (type === "response.created" || type === "response.in_progress") {
      assert.ok(position < 2 && listOf(response["output"]).length === 0, "Responses: it begins with nothing");
    } else if (type === "error") {
      assert.ok(textOf(data["message"]) !== "", "Responses: an error has a message");
      assert.equal(told[position + 1]?.["type"], "response.failed", "Responses: an error is followed by response.failed");
    } else if (TERMINALS.includes(type)) {
      assert.equal(position, told.length - 1, "Responses: nothing comes after the terminal event");
      assert.equal(`response.${textOf(response["status"])}`, type, "Responses: the terminal event is the response's status");
      if (type !== "response.failed")
        assert.deepEqual(response["output"], items.done, "Responses: the response holds all items as they were done");
      return;
    } else items.take(data);
  }
  assert.fail("Responses: without a terminal event the client asks again");
}
