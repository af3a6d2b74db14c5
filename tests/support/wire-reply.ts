// The scripted upstream's answer in each protocol: non-streaming, or as server-sent events, each the text of one SSE block.
// Written from the protocols' documentation and not from the codecs, which it tests.

import type { Json, JsonObject } from "../../src/wire/json.ts";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import type { ReplyCall, ReplyContent } from "./reply-content.ts";

export interface WireReply {
  readonly whole: string;
  readonly events: readonly string[];
}

export interface EncodeOptions {
  /** Makes ids and proofs unique. */
  readonly serial: number;
  /** Chat: a usage chunk at the end. */
  readonly includeUsage: boolean;
}

/** Marks a proof of each vendor's scripted upstream; the others refuse it. */
export const PROOF_MARKS = { anthropic: "proof-of-anthropic", openai: "proof-of-openai", google: "proof-of-google" } as const;

export function encodeReply(protocol: ProtocolId, said: ReplyContent, options: EncodeOptions): WireReply {
  switch (protocol) {
    case "openai-chat":
      return encodeChat(said, options);
    case "openai-responses":
      return encodeResponses(said, options);
    case "anthropic-messages":
      return encodeMessages(said, options);
    case "gemini":
      return encodeGemini(said, options);
  }
}

function block(data: Json, event?: string): string {
  const line = `data: ${JSON.stringify(data)}\n\n`;
  return event === undefined ? line : `event: ${event}\n${line}`;
}

/** A text in the pieces in which a model would stream it. */
function pieces(text: string): string[] {
  // Very long texts, which only tests of limits need, come in one piece.
  return text.length > 100_000 ? [text] : (text.match(/\S+\s*|\s+/g) ?? []);
}

function halves(text: string): string[] {
  const middle = Math.ceil(text.length / 2);
  return [text.slice(0, middle), text.slice(middle)].filter((half) => half !== "");
}

// ---- Chat Completions --------------------------------------------------------------------------------------------

const CHAT_FINISH: Readonly<Record<ReplyContent["finish"], string>> = {
  end: "stop",
  "stop-sequence": "stop",
  "tool-calls": "tool_calls",
  length: "length",
  filtered: "content_filter",
};

function encodeChat(said: ReplyContent, { serial, includeUsage }: EncodeOptions): WireReply {
  const { input, cached, output, reasoning } = said.usage;
  const usage = {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    prompt_tokens_details: { cached_tokens: cached },
    completion_tokens_details: { reasoning_tokens: reasoning },
  };
  const head = { id: `chatcmpl-${serial}`, created: 1_793_500_000, model: said.model };
  const callOf = (call: ReplyCall, text: string): JsonObject =>
    call.custom
      ? { id: call.id, type: "custom", custom: { name: call.name, input: text } }
      : { id: call.id, type: "function", function: { name: call.name, arguments: text } };
  const message: JsonObject = {
    role: "assistant",
    content: said.text === "" && said.calls.length > 0 ? null : said.text,
    refusal: null,
    ...(said.reasoning === "" ? {} : { reasoning_content: said.reasoning }),
    ...(said.calls.length === 0 ? {} : { tool_calls: said.calls.map((call) => callOf(call, call.arguments)) }),
  };
  const finish = CHAT_FINISH[said.finish];
  const whole = JSON.stringify({
    ...head,
    object: "chat.completion",
    choices: [{ index: 0, message, logprobs: null, finish_reason: finish }],
    usage,
  });
  const chunk = (delta: JsonObject, finishReason: string | null = null): string =>
    block({
      ...head,
      object: "chat.completion.chunk",
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }],
      ...(includeUsage ? { usage: null } : {}),
    });
  // Parallel calls interleave their arguments, as some servers do.
  const rounds = [0, 1].flatMap((round) =>
    said.calls.map((call, index): string => {
      const text = halves(call.arguments)[round] ?? "";
      const part = call.custom ? { custom: { input: text } } : { function: { arguments: text } };
      return chunk({ tool_calls: [{ index, ...part }] });
    }),
  );
  return {
    whole,
    events: [
      chunk({ role: "assistant", content: "" }),
      ...pieces(said.reasoning).map((piece) => chunk({ reasoning_content: piece })),
      ...pieces(said.text).map((piece) => chunk({ content: piece })),
      ...said.calls.map((call, index) => chunk({ tool_calls: [{ index, ...callOf(call, "") }] })),
      ...rounds,
      chunk({}, finish),
      ...(includeUsage ? [block({ ...head, object: "chat.completion.chunk", choices: [], usage })] : []),
      "data: [DONE]\n\n",
    ],
  };
}

// ---- Responses ---------------------------------------------------------------------------------------------------

function encodeResponses(said: ReplyContent, { serial }: EncodeOptions): WireReply {
  const { input, cached, output, reasoning } = said.usage;
  const incomplete = said.finish === "length" ? "max_output_tokens" : said.finish === "filtered" ? "content_filter" : null;
  const response = (status: string, items: JsonObject[], usage: JsonObject | null): JsonObject => ({
    id: `resp_${serial}`,
    object: "response",
    created_at: 1_793_500_000,
    status,
    error: null,
    incomplete_details: status === "incomplete" ? { reason: incomplete } : null,
    instructions: null,
    metadata: {},
    model: said.model,
    output: items,
    parallel_tool_calls: true,
    temperature: 1,
    tool_choice: "auto",
    tools: [],
    top_p: 1,
    usage,
  });
  const items: JsonObject[] = [];
  const events: { type: string; [key: string]: Json }[] = [];
  const item = (start: JsonObject, end: JsonObject, inner: (at: JsonObject) => { type: string; [key: string]: Json }[]): void => {
    const at = { output_index: items.length };
    const id = String(start["id"]);
    events.push({ type: "response.output_item.added", ...at, item: start });
    events.push(...inner({ item_id: id, ...at }));
    events.push({ type: "response.output_item.done", ...at, item: { ...start, ...end } });
    items.push({ ...start, ...end });
  };
  if (said.reasoning !== "") {
    const part = { type: "summary_text", text: said.reasoning };
    const proof = `${PROOF_MARKS.openai}-${serial}`;
    item({ id: `rs_${serial}`, type: "reasoning", summary: [] }, { summary: [part], encrypted_content: proof }, (at) => {
      const where = { ...at, summary_index: 0 };
      return [
        { type: "response.reasoning_summary_part.added", ...where, part: { type: "summary_text", text: "" } },
        ...pieces(said.reasoning).map((delta) => ({ type: "response.reasoning_summary_text.delta", ...where, delta })),
        { type: "response.reasoning_summary_text.done", ...where, text: said.reasoning },
        { type: "response.reasoning_summary_part.done", ...where, part },
      ];
    });
  }
  if (said.text !== "" || said.calls.length === 0) {
    const part = { type: "output_text", text: said.text, annotations: [], logprobs: [] };
    const start = { id: `msg_${serial}`, type: "message", status: "in_progress", role: "assistant", content: [] };
    item(start, { status: incomplete === null ? "completed" : "incomplete", content: [part] }, (at) => {
      const where = { ...at, content_index: 0 };
      return [
        { type: "response.content_part.added", ...where, part: { ...part, text: "" } },
        ...pieces(said.text).map((delta) => ({ type: "response.output_text.delta", ...where, delta, logprobs: [] })),
        { type: "response.output_text.done", ...where, text: said.text, logprobs: [] },
        { type: "response.content_part.done", ...where, part },
      ];
    });
  }
  said.calls.forEach((call, index) => {
    const [type, key, event] = call.custom
      ? ["custom_tool_call", "input", "response.custom_tool_call_input"]
      : ["function_call", "arguments", "response.function_call_arguments"];
    const id = `${call.custom ? "ctc" : "fc"}_${serial}_${index}`;
    const start = { id, type, status: "in_progress", call_id: call.id, name: call.name, [key]: "" };
    item(start, { status: "completed", [key]: call.arguments }, (at) => [
      ...halves(call.arguments).map((delta) => ({ type: `${event}.delta`, ...at, delta })),
      { type: `${event}.done`, ...at, [key]: call.arguments, ...(call.custom ? {} : { name: call.name }) },
    ]);
  });
  const status = incomplete === null ? "completed" : "incomplete";
  const done = response(status, items, {
    input_tokens: input,
    input_tokens_details: { cached_tokens: cached },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: input + output,
  });
  const started = response("in_progress", [], null);
  const all = [
    { type: "response.created", response: started },
    { type: "response.in_progress", response: started },
    ...events,
    { type: `response.${status}`, response: done },
  ];
  return {
    whole: JSON.stringify(done),
    events: all.map((event, sequence) => block({ ...event, sequence_number: sequence }, event.type)),
  };
}

// ---- Messages ----------------------------------------------------------------------------------------------------

const MESSAGES_STOP: Readonly<Record<ReplyContent["finish"], string>> = {
  end: "end_turn",
  "stop-sequence": "stop_sequence",
  "tool-calls": "tool_use",
  length: "max_tokens",
  filtered: "refusal",
};

function encodeMessages(said: ReplyContent, { serial }: EncodeOptions): WireReply {
  const { input, cached, output, reasoning } = said.usage;
  const inputUsage = { input_tokens: input - cached, cache_creation_input_tokens: 0, cache_read_input_tokens: cached };
  const usage = { ...inputUsage, output_tokens: output, output_tokens_details: { thinking_tokens: reasoning } };
  const stop = { stop_reason: MESSAGES_STOP[said.finish], stop_sequence: said.stopSequence };
  const content: JsonObject[] = [];
  const events: string[] = [];
  const event = (data: { type: string; [key: string]: Json }): void => void events.push(block(data, data.type));
  const contentBlock = (start: JsonObject, end: JsonObject, deltas: JsonObject[]): void => {
    const index = content.length;
    event({ type: "content_block_start", index, content_block: start });
    for (const delta of deltas) event({ type: "content_block_delta", index, delta });
    event({ type: "content_block_stop", index });
    content.push({ ...start, ...end });
  };
  const message = { id: `msg_${serial}`, type: "message", role: "assistant", model: said.model };
  event({
    type: "message_start",
    message: { ...message, content: [], stop_reason: null, stop_sequence: null, usage: { ...inputUsage, output_tokens: 1 } },
  });
  event({ type: "ping" });
  if (said.reasoning !== "") {
    const signature = `${PROOF_MARKS.anthropic}-${serial}`;
    contentBlock({ type: "thinking", thinking: "", signature: "" }, { thinking: said.reasoning, signature }, [
      ...pieces(said.reasoning).map((thinking) => ({ type: "thinking_delta", thinking })),
      { type: "signature_delta", signature },
    ]);
  }
  if (said.text !== "") {
    const deltas = pieces(said.text).map((text) => ({ type: "text_delta", text }));
    contentBlock({ type: "text", text: "" }, { text: said.text }, deltas);
  }
  for (const call of said.calls) {
    const start = { type: "tool_use", id: call.id, name: call.name, input: {} };
    const deltas = ["", ...halves(call.arguments)].map((partial) => ({ type: "input_json_delta", partial_json: partial }));
    contentBlock(start, { input: JSON.parse(call.arguments === "" ? "{}" : call.arguments) as Json }, deltas);
  }
  event({ type: "message_delta", delta: stop, usage });
  event({ type: "message_stop" });
  return { whole: JSON.stringify({ ...message, content, ...stop, usage }), events };
}

// ---- Gemini ------------------------------------------------------------------------------------------------------

const GEMINI_FINISH: Readonly<Record<ReplyContent["finish"], string>> = {
  end: "STOP",
  "stop-sequence": "STOP",
  "tool-calls": "STOP",
  length: "MAX_TOKENS",
  filtered: "SAFETY",
};

function encodeGemini(said: ReplyContent, { serial }: EncodeOptions): WireReply {
  const { input, cached, output, reasoning } = said.usage;
  const usageMetadata = {
    promptTokenCount: input,
    cachedContentTokenCount: cached,
    candidatesTokenCount: output - reasoning,
    thoughtsTokenCount: reasoning,
    totalTokenCount: input + output,
  };
  const thoughtSignature = btoa(`${PROOF_MARKS.google}-${serial}`);
  const callParts = said.calls.map((call, index): JsonObject => {
    const functionCall = { id: call.id, name: call.name, args: JSON.parse(call.arguments === "" ? "{}" : call.arguments) as Json };
    return index === 0 ? { functionCall, thoughtSignature } : { functionCall };
  });
  const thought = (text: string): JsonObject => ({ text, thought: true });
  const envelope = (parts: JsonObject[], finishReason: string | null): JsonObject => ({
    candidates: [{ content: { role: "model", parts }, ...(finishReason === null ? {} : { finishReason }), index: 0 }],
    usageMetadata: finishReason === null ? { promptTokenCount: input, totalTokenCount: input } : usageMetadata,
    modelVersion: said.model,
    responseId: `response-${serial}`,
  });
  const finish = GEMINI_FINISH[said.finish];
  const parts = [
    ...(said.reasoning === "" ? [] : [thought(said.reasoning)]),
    ...(said.text === "" && callParts.length > 0 ? [] : [{ text: said.text }]),
    ...callParts,
  ];
  return {
    whole: JSON.stringify(envelope(parts, finish)),
    events: [
      ...pieces(said.reasoning).map((piece) => block(envelope([thought(piece)], null))),
      ...pieces(said.text).map((piece) => block(envelope([{ text: piece }], null))),
      ...callParts.map((part) => block(envelope([part], null))),
      block(envelope([{ text: "" }], finish)),
    ],
  };
}
