// What an answer of any of the four protocols says, put together from its events or its body: texts, reasoning, tool calls, usage, how it ended.
// Never sends anything, and never touches the page.

export function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Parts in the order in which they began: `{kind: "text" | "reasoning" | "tool" | "image", name, id, signature, text}`. The model wants its
 * signatures back with the next request.
 */
class Parts {
  list = [];
  #byId = new Map();

  at(id, kind, more = {}) {
    let part = this.#byId.get(`${kind} ${id}`);
    if (part === undefined) {
      part = { kind, name: null, id: null, signature: null, text: "" };
      this.#byId.set(`${kind} ${id}`, part);
      this.list.push(part);
    }
    for (const [key, value] of Object.entries(more)) if (value) part[key] = value;
    return part;
  }

  /** `place`: `[kind, id]`, with more members where they are known. */
  add([kind, id, more], text) {
    if (text || more) this.at(id, kind, more).text += text ?? "";
  }
}

function answer() {
  return { parts: new Parts(), usage: null, finish: null, error: null };
}

function sum(...counts) {
  return counts.reduce((all, count) => all + (count ?? 0), 0);
}

// ---- Chat Completions ------------------------------------------------------------------------------------------------

function chatUsage(usage) {
  return usage
    ? { input: usage.prompt_tokens, output: usage.completion_tokens, cached: usage.prompt_tokens_details?.cached_tokens ?? 0 }
    : null;
}

function chatMessage(found, message, choice) {
  found.parts.add(["reasoning", choice], message.reasoning_content ?? message.reasoning);
  if (typeof message.content === "string") found.parts.add(["text", choice], message.content);
  for (const [at, call] of (message.tool_calls ?? []).entries()) {
    const said = call.function ?? call.custom ?? {};
    found.parts.add(["tool", call.index ?? at, { name: said.name, id: call.id }], said.arguments ?? said.input ?? "");
  }
  if (message.refusal) found.parts.add(["text", choice], message.refusal);
}

function chat(found, value) {
  for (const choice of value.choices ?? []) {
    chatMessage(found, choice.delta ?? choice.message ?? {}, choice.index ?? 0);
    found.finish = choice.finish_reason ?? found.finish;
  }
  found.usage = chatUsage(value.usage) ?? found.usage;
}

// ---- Messages --------------------------------------------------------------------------------------------------------

function block(found, id, { type, text, thinking, signature, name, id: call, input, data }) {
  if (type === "thinking") found.parts.add(["reasoning", id, { signature }], thinking ?? "");
  else if (type === "redacted_thinking") found.parts.add(["reasoning", id, {}], data ? "…" : "");
  else if (type === "tool_use" || type === "server_tool_use") {
    const given = input && Object.keys(input).length > 0 ? JSON.stringify(input) : "";
    found.parts.add(["tool", id, { name, id: call }], given);
  } else found.parts.add(["text", id, type === "text" ? {} : { name: type }], text ?? "");
}

function messages(found, value) {
  const { type, index = 0, delta = {} } = value;
  if (type === "content_block_start") block(found, index, value.content_block ?? {});
  if (type === "content_block_delta") {
    found.parts.add(["text", index], delta.text);
    found.parts.add(["reasoning", index], delta.thinking);
    found.parts.add(["tool", index], delta.partial_json);
    if (delta.signature) found.parts.add(["reasoning", index, { signature: delta.signature }], "");
  }
  if (type === "message") for (const [at, one] of (value.content ?? []).entries()) block(found, at, one);
  found.finish = delta.stop_reason ?? value.stop_reason ?? found.finish;
  const usage = value.usage ?? value.message?.usage;
  if (!usage) return;
  const { input_tokens, cache_read_input_tokens, cache_creation_input_tokens, output_tokens } = usage;
  const input = sum(input_tokens, cache_read_input_tokens, cache_creation_input_tokens);
  found.usage = {
    input: input || (found.usage?.input ?? 0),
    output: output_tokens ?? found.usage?.output,
    cached: cache_read_input_tokens ?? found.usage?.cached ?? 0,
  };
}

// ---- Responses -------------------------------------------------------------------------------------------------------

function item(found, at, { type, name, call_id, arguments: given, input, content, summary, result }) {
  if (type === "function_call" || type === "custom_tool_call") found.parts.add(["tool", at, { name, id: call_id }], given ?? input ?? "");
  else if (type === "reasoning") for (const one of [...(summary ?? []), ...(content ?? [])]) found.parts.add(["reasoning", at], one.text);
  else if (type === "message") for (const one of content ?? []) found.parts.add(["text", at], one.text ?? one.refusal);
  else if (type === "image_generation_call" && result) found.parts.add(["image", at, { name: "image/png" }], result);
}

function responses(found, value) {
  const { type = "", output_index: at = 0, delta } = value;
  const body = value.response ?? (value.object === "response" ? value : null);
  if (type === "response.output_item.added") item(found, at, value.item ?? {});
  else if (/^response\.reasoning.*\.delta$/.test(type)) found.parts.add(["reasoning", at], delta);
  else if (/^response\.(?:output_text|refusal)\.delta$/.test(type)) found.parts.add(["text", at], delta);
  else if (/^response\.(?:function_call_arguments|custom_tool_call_input)\.delta$/.test(type)) found.parts.add(["tool", at], delta);
  else if (value.object === "response") for (const [index, one] of (value.output ?? []).entries()) item(found, index, one);
  if (!body) return;
  if (body.status && body.status !== "in_progress") found.finish = body.incomplete_details?.reason ?? body.status;
  if (body.error) found.error = body.error.message ?? String(body.error);
  const { usage } = body;
  if (usage)
    found.usage = { input: usage.input_tokens, output: usage.output_tokens, cached: usage.input_tokens_details?.cached_tokens ?? 0 };
}

// ---- Gemini ----------------------------------------------------------------------------------------------------------

function gemini(found, value) {
  const [candidate] = value.candidates ?? [];
  for (const part of candidate?.content?.parts ?? []) {
    const { text, thought, thoughtSignature: signature, functionCall, inlineData } = part;
    if (functionCall) {
      const id = functionCall.id ?? found.parts.list.length;
      found.parts.add(["tool", id, { name: functionCall.name, id: functionCall.id, signature }], JSON.stringify(functionCall.args ?? {}));
    } else if (inlineData) found.parts.add(["image", found.parts.list.length, { name: inlineData.mimeType }], inlineData.data);
    else if (text) {
      // A text that follows another part is one of its own.
      const kind = thought ? "reasoning" : "text";
      const last = found.parts.list.at(-1);
      if (last?.kind === kind) last.text += text;
      else found.parts.add([kind, found.parts.list.length], text);
    }
  }
  found.finish = candidate?.finishReason ?? found.finish;
  const usage = value.usageMetadata;
  if (!usage) return;
  const output = sum(usage.candidatesTokenCount, usage.thoughtsTokenCount);
  found.usage = { input: usage.promptTokenCount, output, cached: usage.cachedContentTokenCount ?? 0 };
}

const READERS = { "openai-chat": chat, "anthropic-messages": messages, "openai-responses": responses, gemini };

function errorIn(value) {
  const error = value?.error ?? (value?.type === "error" ? value : null);
  if (error === null || error === undefined) return null;
  return typeof error === "string" ? error : (error.message ?? JSON.stringify(error));
}

/** Takes one event, or the body of an answer that is not streamed, at a time. */
export function answerReader(protocol) {
  const found = answer();
  return {
    take(data) {
      const value = typeof data === "string" ? parsed(data) : data;
      for (const one of Array.isArray(value) ? value : [value]) {
        if (typeof one !== "object" || one === null) continue;
        found.error ??= errorIn(one);
        READERS[protocol]?.(found, one);
      }
    },
    get parts() {
      return found.parts.list;
    },
    get usage() {
      return found.usage;
    },
    get finish() {
      return found.finish;
    },
    get error() {
      return found.error;
    },
  };
}

const WORDS = [
  "text",
  "thinking",
  "partial_json",
  "delta",
  "arguments",
  "content",
  "reasoning_content",
  "reasoning",
  "name",
  "stop_reason",
  "finish_reason",
  "message",
];

/** The one thing that an event says, as a person would read it out: the first of its texts, in the order of the words above. */
export function gist(data) {
  const value = parsed(data);
  if (typeof value !== "object" || value === null) return data;
  for (const word of WORDS) {
    const text = textUnder(value, word);
    if (text !== null) return text;
  }
  return "";
}

function textUnder(value, word) {
  if (typeof value !== "object" || value === null) return null;
  if (typeof value[word] === "string" && value[word] !== "") return value[word];
  for (const member of Object.values(value)) {
    const found = textUnder(member, word);
    if (found !== null) return found;
  }
  return null;
}

/** Server-sent events out of pieces of text; a last one without its blank line counts too. */
export function eventReader(take) {
  let held = "";
  const event = (text) => {
    const data = [];
    let name = null;
    for (const line of text.split(/\r?\n/)) {
      if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
      else if (line.startsWith("event:")) name = line.slice(6).trim();
    }
    if (data.length > 0) take({ name, data: data.join("\n") });
  };
  return {
    step(text) {
      held += text;
      const events = held.split(/\r?\n\r?\n/);
      held = events.pop();
      for (const one of events) event(one);
    },
    end() {
      if (held.trim() !== "") event(held);
      held = "";
    },
  };
}

/** What an event is called: by its stream, or by its own words. */
export function nameOf({ name, data }) {
  const value = parsed(data);
  return name ?? value?.type ?? value?.object ?? (data === "[DONE]" ? data : value?.candidates ? "GenerateContentResponse" : "message");
}
