// A user of the `openai` SDK's Chat Completions.

import type OpenAI from "openai";
import type { ChatCompletion, ChatCompletionChunk, ChatCompletionMessageParam } from "openai/resources/chat/completions";
import {
  dataUrl,
  toldCall,
  type Client,
  type Content,
  type Conversation,
  type How,
  type Place,
  type Settings,
  type Told,
} from "./client.ts";
import { OPENAI_ERRORS, openaiFailure } from "./openai-errors.ts";

/** An addition of DeepSeek and others, which the SDK's types do not have. */
interface WithReasoning {
  readonly reasoning_content?: string | null;
}

export function openaiChat(name: string, connect: (place: Place, retries: number) => OpenAI): Client {
  return {
    name,
    protocol: "openai-chat",
    modes: ["whole", "streamed", "raw"],
    start: (place, settings) => new ChatConversation(connect(place, settings.retries ?? 0), place.model, settings),
    failure: openaiFailure,
    words: {
      finish: { end: "stop", "stop-sequence": "stop", "tool-calls": "tool_calls", length: "length" },
      usage: (counts) => ({
        prompt_tokens: counts?.input,
        cached_tokens: counts?.cached,
        completion_tokens: counts?.output,
        reasoning_tokens: counts?.reasoning,
        total_tokens: counts === null ? undefined : counts.input + counts.output,
      }),
      errors: OPENAI_ERRORS,
      errorHeaders: true,
    },
  };
}

class ChatConversation implements Conversation {
  readonly #client: OpenAI;
  readonly #messages: ChatCompletionMessageParam[];
  readonly #params: Omit<OpenAI.ChatCompletionCreateParamsNonStreaming, "messages" | "stream">;
  #callIds: string[] = [];

  constructor(client: OpenAI, model: string, settings: Settings) {
    const { system, tools, schema, reasoning, stop, maxTokens } = settings;
    this.#client = client;
    this.#messages = system === undefined ? [] : [{ role: "system", content: system }];
    this.#params = {
      model,
      ...(tools === undefined
        ? {}
        : {
            tools: tools.map((tool) => ({
              type: "function" as const,
              function: { name: tool.name, description: tool.description, parameters: tool.schema },
            })),
          }),
      ...(schema === undefined
        ? {}
        : { response_format: { type: "json_schema" as const, json_schema: { name: "answer", strict: true, schema } } }),
      ...(reasoning === true ? { reasoning_effort: "low" as const } : {}),
      ...(stop === undefined ? {} : { stop: [...stop] }),
      ...(maxTokens === undefined ? {} : { max_completion_tokens: maxTokens }),
    };
  }

  say(content: readonly Content[], how: How): Promise<Told> {
    const [first] = content;
    const isText = content.length === 1 && first?.type === "text";
    return this.#ask([{ role: "user", content: isText ? first.text : content.map(partOf) }], how);
  }

  answer(results: readonly string[], how: How): Promise<Told> {
    const messages = results.map((result, index) => ({ role: "tool" as const, tool_call_id: this.#callIds[index] ?? "", content: result }));
    return this.#ask(messages, how);
  }

  async #ask(messages: readonly ChatCompletionMessageParam[], how: How): Promise<Told> {
    this.#messages.push(...messages);
    const { completion, chunks } = await this.#call(how);
    const choice = completion.choices[0];
    if (choice === undefined) throw new Error("The answer has no choice.");
    const { message } = choice;
    this.#messages.push(message);
    this.#callIds = (message.tool_calls ?? []).map((call) => call.id);
    const deltas = chunks?.flatMap((chunk) => chunk.choices.map(({ delta }) => delta)) ?? null;
    const { usage } = completion;
    return {
      text: message.content ?? "",
      pieces: deltas?.flatMap((delta) => delta.content || []) ?? null,
      // For an unknown member, the SDK's helper keeps only the last delta.
      reasoning:
        deltas?.map((delta) => (delta as WithReasoning).reasoning_content ?? "").join("") ??
        (message as WithReasoning).reasoning_content ??
        "",
      calls: (message.tool_calls ?? []).map((call, at) => {
        if (call.type !== "function") throw new Error(`An unexpected call: ${call.type}`);
        const pieces = deltas?.flatMap((delta) =>
          (delta.tool_calls ?? []).flatMap((part) => (part.index === at && part.function?.arguments) || []),
        );
        return toldCall(call.function.name, call.function.arguments, pieces ?? null);
      }),
      finish: choice.finish_reason,
      usage: {
        prompt_tokens: usage?.prompt_tokens,
        cached_tokens: usage?.prompt_tokens_details?.cached_tokens,
        completion_tokens: usage?.completion_tokens,
        reasoning_tokens: usage?.completion_tokens_details?.reasoning_tokens,
        total_tokens: usage?.total_tokens,
      },
    };
  }

  async #call({ mode, signal, onText }: How): Promise<{ completion: ChatCompletion; chunks: ChatCompletionChunk[] | null }> {
    const params = { ...this.#params, messages: [...this.#messages] };
    const options = signal === undefined ? {} : { signal };
    if (mode === "whole") return { completion: await this.#client.chat.completions.create(params, options), chunks: null };
    const streamed = { ...params, stream_options: { include_usage: true } };
    const chunks: ChatCompletionChunk[] = [];
    if (mode === "streamed") {
      const stream = this.#client.chat.completions.stream(streamed, options);
      stream.on("chunk", (chunk) => void chunks.push(chunk));
      stream.on("content", (piece) => onText?.(piece));
      return { completion: await stream.finalChatCompletion(), chunks };
    }
    for await (const chunk of await this.#client.chat.completions.create({ ...streamed, stream: true }, options)) {
      chunks.push(chunk);
      const piece = chunk.choices[0]?.delta.content;
      if (piece) onText?.(piece);
    }
    return { completion: accumulated(chunks), chunks };
  }
}

function partOf(content: Content): OpenAI.ChatCompletionContentPart {
  switch (content.type) {
    case "text":
      return { type: "text", text: content.text };
    case "image":
      return { type: "image_url", image_url: { url: dataUrl(content.mediaType, content.data) } };
    case "pdf":
      return { type: "file", file: { filename: content.filename, file_data: dataUrl("application/pdf", content.data) } };
  }
}

/** What users write who read the chunks themselves. */
function accumulated(chunks: readonly ChatCompletionChunk[]): ChatCompletion {
  const [first] = chunks;
  if (first === undefined) throw new Error("The stream was empty.");
  let content = "";
  let finish: ChatCompletion.Choice["finish_reason"] | null = null;
  const calls: { id: string; type: "function"; function: { name: string; arguments: string } }[] = [];
  for (const { delta, finish_reason } of chunks.flatMap((chunk) => chunk.choices)) {
    content += delta.content ?? "";
    finish = finish_reason ?? finish;
    for (const part of delta.tool_calls ?? []) {
      const call = (calls[part.index] ??= { id: part.id ?? "", type: "function", function: { name: "", arguments: "" } });
      call.function.name += part.function?.name ?? "";
      call.function.arguments += part.function?.arguments ?? "";
    }
  }
  if (finish === null) throw new Error("The stream ended without a finish reason.");
  const usage = chunks.at(-1)?.usage;
  return {
    id: first.id,
    object: "chat.completion",
    created: first.created,
    model: first.model,
    choices: [
      {
        index: 0,
        finish_reason: finish,
        logprobs: null,
        message: {
          role: "assistant",
          content: content === "" ? null : content,
          refusal: null,
          ...(calls.length === 0 ? {} : { tool_calls: calls }),
        },
      },
    ],
    ...(usage ? { usage } : {}),
  };
}
