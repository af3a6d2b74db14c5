// A user of `@anthropic-ai/sdk`.

import type Anthropic from "@anthropic-ai/sdk";
import type { Client, Content, Conversation, Failure, How, Place, Settings, Told } from "./client.ts";

const ROOM_FOR_ANSWER = 4096;
const THINKING_BUDGET = 1024;

export function anthropicMessages(name: string, connect: (place: Place, retries: number) => Anthropic): Client {
  return {
    name,
    protocol: "anthropic-messages",
    modes: ["whole", "streamed", "raw"],
    start: (place, settings) => new MessagesConversation(connect(place, settings.retries ?? 0), place.model, settings),
    failure,
    words: {
      finish: { end: "end_turn", "stop-sequence": "stop_sequence", "tool-calls": "tool_use", length: "max_tokens" },
      // Two of the counters must be numbers.
      usage: (counts) => ({
        // Where nothing was counted it is an estimate of sixteen characters each way.
        input_tokens: counts === null ? 4 : counts.input - counts.cached,
        cache_read_input_tokens: counts?.cached ?? null,
        output_tokens: counts?.output ?? 4,
        thinking_tokens: counts?.reasoning,
      }),
      errors: { 401: "AuthenticationError", 404: "NotFoundError", 429: "RateLimitError", 500: "InternalServerError" },
      errorHeaders: true,
    },
  };
}

interface AnthropicError {
  readonly status?: number;
  readonly headers?: Headers;
  /** The whole body; Bedrock's is the message alone. */
  readonly error?: { readonly error?: { readonly message?: string }; readonly message?: string };
}

function failure(error: unknown): Failure {
  const { status, headers, error: body } = error as AnthropicError;
  return {
    type: error instanceof Error ? error.constructor.name : typeof error,
    status,
    message: body?.error?.message ?? body?.message,
    retryAfter: headers?.get("retry-after") ?? null,
  };
}

class MessagesConversation implements Conversation {
  readonly #client: Anthropic;
  readonly #messages: Anthropic.MessageParam[] = [];
  readonly #params: Omit<Anthropic.MessageCreateParamsNonStreaming, "messages">;
  #callIds: string[] = [];

  constructor(client: Anthropic, model: string, settings: Settings) {
    const { system, tools, schema, reasoning, stop, maxTokens } = settings;
    this.#client = client;
    this.#params = {
      model,
      max_tokens: maxTokens ?? ROOM_FOR_ANSWER,
      ...(system === undefined ? {} : { system }),
      ...(tools === undefined
        ? {}
        : {
            tools: tools.map((tool) => ({
              name: tool.name,
              description: tool.description,
              input_schema: { ...tool.schema, type: "object" as const },
            })),
          }),
      ...(schema === undefined ? {} : { output_config: { format: { type: "json_schema" as const, schema } } }),
      ...(reasoning === true ? { thinking: { type: "enabled" as const, budget_tokens: THINKING_BUDGET } } : {}),
      ...(stop === undefined ? {} : { stop_sequences: [...stop] }),
    };
  }

  say(content: readonly Content[], how: How): Promise<Told> {
    const [first] = content;
    const isText = content.length === 1 && first?.type === "text";
    return this.#ask(isText ? first.text : content.map(blockOf), how);
  }

  answer(results: readonly string[], how: How): Promise<Told> {
    const blocks = results.map((content, index) => ({ type: "tool_result" as const, tool_use_id: this.#callIds[index] ?? "", content }));
    return this.#ask(blocks, how);
  }

  async #ask(content: Anthropic.MessageParam["content"], how: How): Promise<Told> {
    this.#messages.push({ role: "user", content });
    const { message, events } = await this.#call(how);
    this.#messages.push({ role: "assistant", content: message.content });
    const calls = message.content.filter((block) => block.type === "tool_use");
    this.#callIds = calls.map((call) => call.id);
    const deltas = events?.flatMap((event) => (event.type === "content_block_delta" ? { ...event.delta, index: event.index } : [])) ?? null;
    const { usage } = message;
    return {
      text: message.content.map((block) => (block.type === "text" ? block.text : "")).join(""),
      pieces: deltas?.flatMap((delta) => (delta.type === "text_delta" ? delta.text : [])) ?? null,
      reasoning: message.content.map((block) => (block.type === "thinking" ? block.thinking : "")).join(""),
      calls: calls.map((call) => {
        const index = message.content.indexOf(call);
        const pieces =
          deltas?.flatMap((delta) => (delta.type === "input_json_delta" && delta.index === index && delta.partial_json) || []) ?? null;
        return { name: call.name, input: call.input, text: pieces?.join("") ?? null, pieces };
      }),
      finish: message.stop_sequence === null ? (message.stop_reason ?? "") : `${message.stop_reason}: ${message.stop_sequence}`,
      usage: {
        input_tokens: usage.input_tokens,
        cache_read_input_tokens: usage.cache_read_input_tokens,
        output_tokens: usage.output_tokens,
        thinking_tokens: usage.output_tokens_details?.thinking_tokens,
      },
    };
  }

  async #call({ mode, signal, onText }: How): Promise<{ message: Anthropic.Message; events: Anthropic.MessageStreamEvent[] | null }> {
    const params = { ...this.#params, messages: [...this.#messages] };
    const options = signal === undefined ? {} : { signal };
    if (mode === "whole") return { message: await this.#client.messages.create(params, options), events: null };
    const events: Anthropic.MessageStreamEvent[] = [];
    if (mode === "streamed") {
      const stream = this.#client.messages.stream(params, options);
      stream.on("streamEvent", (event) => void events.push(event));
      stream.on("text", (piece) => onText?.(piece));
      return { message: await stream.finalMessage(), events };
    }
    for await (const event of await this.#client.messages.create({ ...params, stream: true }, options)) {
      // The helper changes what it is given, so what is kept is a copy.
      events.push(structuredClone(event));
      if (event.type === "content_block_delta" && event.delta.type === "text_delta") onText?.(event.delta.text);
    }
    return { message: accumulated(events), events };
  }
}

function blockOf(content: Content): Anthropic.ContentBlockParam {
  switch (content.type) {
    case "text":
      return { type: "text", text: content.text };
    case "image":
      return { type: "image", source: { type: "base64", media_type: content.mediaType as "image/png", data: content.data } };
    case "pdf":
      return { type: "document", title: content.filename, source: { type: "base64", media_type: "application/pdf", data: content.data } };
  }
}

/** What users write who read the events themselves. */
function accumulated(events: readonly Anthropic.MessageStreamEvent[]): Anthropic.Message {
  const [first] = events;
  if (first?.type !== "message_start") throw new Error("The stream does not begin with message_start.");
  if (events.at(-1)?.type !== "message_stop") throw new Error("The stream does not end with message_stop.");
  const message = structuredClone(first.message);
  const json: string[] = [];
  for (const event of events) {
    if (event.type === "content_block_start") message.content[event.index] = structuredClone(event.content_block);
    if (event.type === "message_delta") {
      message.stop_reason = event.delta.stop_reason;
      message.stop_sequence = event.delta.stop_sequence;
      message.usage = { ...message.usage, ...withoutNull(event.usage) };
    }
    if (event.type !== "content_block_delta") continue;
    const block = message.content[event.index];
    const { delta } = event;
    if (block?.type === "text" && delta.type === "text_delta") block.text += delta.text;
    if (block?.type === "thinking" && delta.type === "thinking_delta") block.thinking += delta.thinking;
    if (block?.type === "thinking" && delta.type === "signature_delta") block.signature = delta.signature;
    if (block?.type === "tool_use" && delta.type === "input_json_delta") {
      json[event.index] = (json[event.index] ?? "") + delta.partial_json;
      if (isJson(json[event.index] ?? "")) block.input = JSON.parse(json[event.index] ?? "");
    }
  }
  return message;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function withoutNull(usage: Anthropic.MessageDeltaUsage): Partial<Anthropic.Usage> {
  return Object.fromEntries(Object.entries(usage).filter(([, value]) => value !== null));
}
