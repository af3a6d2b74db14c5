// What the lab's model says in each protocol, as a provider would send it: a whole answer, or events, each with the phase that it belongs to.
// Written from the protocols' documentation and not from this program's codecs, which it judges.

import type { ProtocolId } from "../../../protocol/canonical.ts";
import { printed, objectIn, type Json, type JsonObject } from "../wire.ts";
import { COUNTED, type Finish, type ReplyContent } from "./reply-content.ts";

export type Phase = "start" | "reasoning" | "text" | "arguments" | "finish" | "end";

export interface Event {
  readonly phase: Phase;
  /** One server-sent event. */
  readonly text: string;
}

export interface WireReply {
  readonly whole: string;
  readonly events: readonly Event[];
}

export interface ReplyOptions {
  readonly model: string;
  /** Makes ids and signatures unique. */
  readonly serial: number;
  /** For Chat: whether a usage chunk was requested. */
  readonly includeUsage: boolean;
}

export function encodeReply(protocol: ProtocolId, said: ReplyContent, heard: ReplyOptions): WireReply {
  switch (protocol) {
    case "openai-chat":
      return encodeChat(said, heard);
    case "openai-responses":
      return encodeResponses(said, heard);
    case "anthropic-messages":
      return encodeMessages(said, heard);
    case "gemini":
      return encodeGemini(said, heard);
  }
}

/** What each provider signs its reasoning with. */
export const SIGNATURES: Readonly<Record<ProtocolId, string>> = {
  "openai-chat": "",
  "openai-responses": "c2lnbmVkLWJ5LW9wZW5haQ",
  "anthropic-messages": "c2lnbmVkLWJ5LWFudGhyb3BpYw",
  gemini: "c2lnbmVkLWJ5LWdvb2dsZQ",
};

export function signature(protocol: ProtocolId, serial: number): string {
  return `${SIGNATURES[protocol]}${String(serial).padStart(6, "0")}`;
}

export function named(data: JsonObject & { readonly type: string }): string {
  return `event: ${data.type}\ndata: ${printed(data)}\n\n`;
}

export function unnamed(data: JsonObject): string {
  return `data: ${printed(data)}\n\n`;
}

/** The pieces in which a model would stream a text. */
function pieces(text: string): string[] {
  return text.match(/\S+\s*|\s+/g) ?? [];
}

function halves(text: string): string[] {
  const middle = Math.ceil(text.length / 2);
  return [text.slice(0, middle), text.slice(middle)].filter((half) => half !== "");
}

const CREATED_S = 1_793_500_000;
const { inputTokens, cachedTokens, outputTokens, reasoningTokens } = COUNTED;

// ---- Chat Completions --------------------------------------------------------------------------------------------

const CHAT_WORDS: Readonly<Record<Finish, string>> = { end: "stop", calls: "tool_calls", length: "length", filtered: "content_filter" };

function encodeChat(said: ReplyContent, { model, serial, includeUsage }: ReplyOptions): WireReply {
  const usage = {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
    completion_tokens_details: { reasoning_tokens: reasoningTokens },
  };
  const head = { id: `chatcmpl-lab${serial}`, created: CREATED_S, model };
  const finish = said.word ?? CHAT_WORDS[said.finish];
  const calls = said.calls.map(({ id, name, arguments: words }) => ({ id, type: "function", function: { name, arguments: words } }));
  const message = {
    role: "assistant",
    content: said.text === "" && calls.length > 0 ? null : said.text,
    refusal: null,
    ...(said.reasoning === "" ? {} : { reasoning_content: said.reasoning }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
  const chunk = (phase: Phase, delta: JsonObject, finishReason: string | null = null): Event => ({
    phase,
    text: unnamed({
      ...head,
      object: "chat.completion.chunk",
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }],
      ...(includeUsage ? { usage: null } : {}),
    }),
  });
  return {
    whole: printed({ ...head, object: "chat.completion", choices: [{ index: 0, message, logprobs: null, finish_reason: finish }], usage }),
    events: [
      chunk("start", { role: "assistant", content: "" }),
      ...pieces(said.reasoning).map((piece) => chunk("reasoning", { reasoning_content: piece })),
      ...pieces(said.text).map((piece) => chunk("text", { content: piece })),
      ...said.calls.map(({ id, name }, index) =>
        chunk("arguments", { tool_calls: [{ index, id, type: "function", function: { name, arguments: "" } }] }),
      ),
      // Parallel calls are interleaved, as by some servers.
      ...[0, 1].flatMap((round) =>
        said.calls.flatMap(({ arguments: words }, index) => {
          const half = halves(words)[round];
          return half === undefined ? [] : [chunk("arguments", { tool_calls: [{ index, function: { arguments: half } }] })];
        }),
      ),
      chunk("finish", {}, finish),
      ...(includeUsage ? [{ phase: "end" as const, text: unnamed({ ...head, object: "chat.completion.chunk", choices: [], usage }) }] : []),
      { phase: "end", text: "data: [DONE]\n\n" },
    ],
  };
}

// ---- Responses ---------------------------------------------------------------------------------------------------

function encodeResponses(said: ReplyContent, { model, serial }: ReplyOptions): WireReply {
  const told = new ResponsesReply();
  if (said.reasoning !== "") think(told, said.reasoning, serial);
  if (said.text !== "" || said.calls.length === 0) sayText(told, said, serial);
  said.calls.forEach((call, index) => {
    const start = {
      id: `fc_lab${serial}_${index}`,
      type: "function_call",
      status: "in_progress",
      call_id: call.id,
      name: call.name,
      arguments: "",
    };
    told.item("arguments", { start, end: { status: "completed", arguments: call.arguments } }, (at) => [
      ...halves(call.arguments).map((delta) => ({ type: "response.function_call_arguments.delta", ...at, delta })),
      { type: "response.function_call_arguments.done", ...at, name: call.name, arguments: call.arguments },
    ]);
  });
  const reasonFor = said.word ?? (said.finish === "length" ? "max_output_tokens" : said.finish === "filtered" ? "content_filter" : null);
  const response = (status: string, usage: JsonObject | null): JsonObject => ({
    id: `resp_lab${serial}`,
    object: "response",
    created_at: CREATED_S,
    status,
    error: null,
    incomplete_details: status === "incomplete" ? { reason: reasonFor } : null,
    instructions: null,
    metadata: {},
    model,
    output: usage === null ? [] : told.items,
    parallel_tool_calls: true,
    temperature: 1,
    tool_choice: "auto",
    tools: [],
    top_p: 1,
    usage,
  });
  const status = reasonFor === null ? "completed" : "incomplete";
  const done = response(status, {
    input_tokens: inputTokens,
    input_tokens_details: { cached_tokens: cachedTokens },
    output_tokens: outputTokens,
    output_tokens_details: { reasoning_tokens: reasoningTokens },
    total_tokens: inputTokens + outputTokens,
  });
  const all: Sent[] = [
    { phase: "start", data: { type: "response.created", response: response("in_progress", null) } },
    { phase: "start", data: { type: "response.in_progress", response: response("in_progress", null) } },
    ...told.events,
    { phase: "end", data: { type: `response.${status}`, response: done } },
  ];
  return {
    whole: printed(done),
    events: all.map(({ phase, data }, sequence) => ({ phase, text: named({ ...data, sequence_number: sequence }) })),
  };
}

interface Sent {
  readonly phase: Phase;
  readonly data: JsonObject & { readonly type: string };
}

class ResponsesReply {
  readonly items: JsonObject[] = [];
  readonly events: Sent[] = [];

  item(
    phase: Phase,
    { start, end }: { readonly start: JsonObject; readonly end: JsonObject },
    inner: (at: JsonObject) => Sent["data"][],
  ): void {
    const at = { output_index: this.items.length };
    const whole = { ...start, ...end };
    const all: Sent["data"][] = [
      { type: "response.output_item.added", ...at, item: start },
      ...inner({ item_id: start["id"] ?? null, ...at }),
      { type: "response.output_item.done", ...at, item: whole },
    ];
    this.events.push(...all.map((data) => ({ phase, data })));
    this.items.push(whole);
  }
}

function think(told: ResponsesReply, text: string, serial: number): void {
  const part = { type: "summary_text", text };
  const proof = signature("openai-responses", serial);
  const start = { id: `rs_lab${serial}`, type: "reasoning", summary: [] };
  told.item("reasoning", { start, end: { summary: [part], encrypted_content: proof } }, (at) => {
    const where = { ...at, summary_index: 0 };
    return [
      { type: "response.reasoning_summary_part.added", ...where, part: { type: "summary_text", text: "" } },
      ...pieces(text).map((delta) => ({ type: "response.reasoning_summary_text.delta", ...where, delta })),
      { type: "response.reasoning_summary_text.done", ...where, text },
      { type: "response.reasoning_summary_part.done", ...where, part },
    ];
  });
}

function sayText(told: ResponsesReply, { text, finish }: ReplyContent, serial: number): void {
  const part = { type: "output_text", text, annotations: [], logprobs: [] };
  const start = { id: `msg_lab${serial}`, type: "message", status: "in_progress", role: "assistant", content: [] };
  told.item("text", { start, end: { status: finish === "length" ? "incomplete" : "completed", content: [part] } }, (at) => {
    const where = { ...at, content_index: 0 };
    return [
      { type: "response.content_part.added", ...where, part: { ...part, text: "" } },
      ...pieces(text).map((delta) => ({ type: "response.output_text.delta", ...where, delta, logprobs: [] })),
      { type: "response.output_text.done", ...where, text, logprobs: [] },
      { type: "response.content_part.done", ...where, part },
    ];
  });
}

// ---- Messages ----------------------------------------------------------------------------------------------------

const MESSAGES_WORDS: Readonly<Record<Finish, string>> = { end: "end_turn", calls: "tool_use", length: "max_tokens", filtered: "refusal" };

function encodeMessages(said: ReplyContent, { model, serial }: ReplyOptions): WireReply {
  const inputUsage = { input_tokens: inputTokens - cachedTokens, cache_creation_input_tokens: 0, cache_read_input_tokens: cachedTokens };
  const usage = { ...inputUsage, output_tokens: outputTokens, output_tokens_details: { thinking_tokens: reasoningTokens } };
  const stop = { stop_reason: said.word ?? MESSAGES_WORDS[said.finish], stop_sequence: null };
  const content: JsonObject[] = [];
  const events: Event[] = [];
  const event = (phase: Phase, data: JsonObject & { readonly type: string }): void => void events.push({ phase, text: named(data) });
  const block = (phase: Phase, { start, end, deltas }: { start: JsonObject; end: JsonObject; deltas: JsonObject[] }): void => {
    const index = content.length;
    event(phase, { type: "content_block_start", index, content_block: start });
    for (const delta of deltas) event(phase, { type: "content_block_delta", index, delta });
    event(phase, { type: "content_block_stop", index });
    content.push({ ...start, ...end });
  };
  const head = { id: `msg_lab${serial}`, type: "message", role: "assistant", model };
  const begun = { ...head, content: [], stop_reason: null, stop_sequence: null, usage: { ...inputUsage, output_tokens: 1 } };
  event("start", { type: "message_start", message: begun });
  if (said.reasoning !== "") {
    const proof = signature("anthropic-messages", serial);
    const deltas = pieces(said.reasoning).map((thinking) => ({ type: "thinking_delta", thinking }));
    block("reasoning", {
      start: { type: "thinking", thinking: "", signature: "" },
      end: { thinking: said.reasoning, signature: proof },
      deltas: [...deltas, { type: "signature_delta", signature: proof }],
    });
  }
  if (said.text !== "") {
    const deltas = pieces(said.text).map((text) => ({ type: "text_delta", text }));
    block("text", { start: { type: "text", text: "" }, end: { text: said.text }, deltas });
  }
  for (const call of said.calls) {
    const start = { type: "tool_use", id: call.id, name: call.name, input: {} };
    const deltas = ["", ...halves(call.arguments)].map((partial) => ({ type: "input_json_delta", partial_json: partial }));
    block("arguments", { start, end: { input: inputOf(call.arguments) }, deltas });
  }
  event("finish", { type: "message_delta", delta: stop, usage });
  event("end", { type: "message_stop" });
  return { whole: printed({ ...head, content, ...stop, usage }), events };
}

function inputOf(words: string): Json {
  return objectIn(words === "" ? "{}" : words) ?? {};
}

/** Only Google ends its lines like this, and some gateways rely on it. */
export function crlf(block: string): string {
  return block.replaceAll("\n", "\r\n");
}

// ---- Gemini ------------------------------------------------------------------------------------------------------

const GEMINI_WORDS: Readonly<Record<Finish, string>> = { end: "STOP", calls: "STOP", length: "MAX_TOKENS", filtered: "SAFETY" };

function encodeGemini(said: ReplyContent, { model, serial }: ReplyOptions): WireReply {
  const usageMetadata = {
    promptTokenCount: inputTokens,
    cachedContentTokenCount: cachedTokens,
    candidatesTokenCount: outputTokens - reasoningTokens,
    thoughtsTokenCount: reasoningTokens,
    totalTokenCount: inputTokens + outputTokens,
  };
  const calls = said.calls.map(({ id, name, arguments: words }, index): JsonObject => {
    const functionCall = { id, name, args: inputOf(words) };
    return index === 0 ? { functionCall, thoughtSignature: signature("gemini", serial) } : { functionCall };
  });
  const envelope = (parts: JsonObject[], finishReason: string | null): JsonObject => ({
    candidates: [{ content: { role: "model", parts }, ...(finishReason === null ? {} : { finishReason }), index: 0 }],
    usageMetadata: finishReason === null ? { promptTokenCount: inputTokens, totalTokenCount: inputTokens } : usageMetadata,
    modelVersion: model,
    responseId: `lab${serial}`,
  });
  const thought = (text: string): JsonObject => ({ text, thought: true });
  const finish = said.word ?? GEMINI_WORDS[said.finish];
  const chunk = (phase: Phase, part: JsonObject): Event => ({ phase, text: crlf(unnamed(envelope([part], null))) });
  const parts = [
    ...(said.reasoning === "" ? [] : [thought(said.reasoning)]),
    ...(said.text === "" && calls.length > 0 ? [] : [{ text: said.text }]),
    ...calls,
  ];
  return {
    whole: printed(envelope(parts, finish)),
    events: [
      ...pieces(said.reasoning).map((piece) => chunk("reasoning", thought(piece))),
      ...pieces(said.text).map((piece) => chunk("text", { text: piece })),
      ...calls.map((part) => chunk("arguments", part)),
      { phase: "finish", text: crlf(unnamed(envelope([{ text: "" }], finish))) },
    ],
  };
}
