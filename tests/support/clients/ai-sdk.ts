// A user of the AI SDK (`ai`), with one of its providers.

import {
  APICallError,
  generateObject,
  generateText,
  jsonSchema,
  streamObject,
  streamText,
  tool,
  type FinishReason,
  type LanguageModel,
  type LanguageModelUsage,
  type ModelMessage,
  type ToolSet,
  type UserContent,
} from "ai";
import type { JsonObject } from "../../../src/wire/json.ts";
import type { ProtocolId } from "../../../src/protocol/canonical.ts";
import type { Client, Content, Conversation, Failure, How, Place, Settings, Told } from "./client.ts";

// Otherwise it prints warnings about model names that it does not know.
Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false });

type ProviderOptions = Parameters<typeof generateText>[0]["providerOptions"];

export interface Provider {
  readonly name: string;
  readonly protocol: ProtocolId;
  model(place: Place): LanguageModel;
  /** What the provider shows when the upstream has counted nothing, where that is a number. */
  readonly uncounted?: Told["usage"];
  /** What a call carries that asks for no reasoning. */
  readonly always?: ProviderOptions;
  /** What a call carries that asks for reasoning and shows it. */
  readonly reasoning: ProviderOptions;
}

export function aiSdk(provider: Provider): Client {
  return {
    name: provider.name,
    protocol: provider.protocol,
    modes: ["whole", "streamed"],
    start: (place, settings) => new AiConversation(provider, { place, settings }),
    failure,
    words: {
      finish: { end: "stop", "stop-sequence": "stop", "tool-calls": "tool-calls", length: "length" },
      usage: (counts) => ({
        input: counts?.input,
        cached: counts?.cached,
        output: counts?.output,
        reasoning: counts?.reasoning,
        ...(counts === null ? provider.uncounted : {}),
      }),
      errors: { 401: "AI_APICallError", 404: "AI_APICallError", 429: "AI_APICallError", 500: "AI_APICallError" },
      errorHeaders: true,
    },
  };
}

function failure(error: unknown): Failure {
  if (!APICallError.isInstance(error)) {
    const { name, message } = error as Error;
    return { type: name, status: undefined, message, retryAfter: null };
  }
  return { type: error.name, status: error.statusCode, message: error.message, retryAfter: error.responseHeaders?.["retry-after"] ?? null };
}

class AiConversation implements Conversation {
  readonly #messages: ModelMessage[] = [];
  readonly #schema: JsonObject | null;
  readonly #params: {
    readonly model: LanguageModel;
    readonly instructions?: string;
    readonly stopSequences?: string[];
    readonly maxOutputTokens?: number;
    readonly maxRetries: number;
    readonly providerOptions: NonNullable<ProviderOptions>;
  };
  readonly #tools: ToolSet | null;
  #calls: { readonly toolCallId: string; readonly toolName: string }[] = [];

  constructor(provider: Provider, { place, settings }: { place: Place; settings: Settings }) {
    const { system, tools, schema, reasoning, stop, maxTokens, retries } = settings;
    this.#schema = schema ?? null;
    this.#tools =
      tools === undefined
        ? null
        : Object.fromEntries(
            tools.map(({ name, description, schema: input }) => [name, tool({ description, inputSchema: jsonSchema(input as object) })]),
          );
    this.#params = {
      model: provider.model(place),
      ...(system === undefined ? {} : { instructions: system }),
      ...(stop === undefined ? {} : { stopSequences: [...stop] }),
      ...(maxTokens === undefined ? {} : { maxOutputTokens: maxTokens }),
      maxRetries: retries ?? 0,
      providerOptions: { ...(reasoning === true ? provider.reasoning : provider.always) },
    };
  }

  say(content: readonly Content[], how: How): Promise<Told> {
    const [first] = content;
    const isText = content.length === 1 && first?.type === "text";
    return this.#ask({ role: "user", content: isText ? first.text : content.map(partOf) }, how);
  }

  answer(results: readonly string[], how: How): Promise<Told> {
    const content = results.map((value, index) => {
      const { toolCallId, toolName } = this.#calls[index] ?? { toolCallId: "", toolName: "" };
      return { type: "tool-result" as const, toolCallId, toolName, output: { type: "text" as const, value } };
    });
    return this.#ask({ role: "tool", content }, how);
  }

  #ask(message: ModelMessage, how: How): Promise<Told> {
    this.#messages.push(message);
    const abort = how.signal === undefined ? {} : { abortSignal: how.signal };
    const params = { ...this.#params, ...abort, messages: [...this.#messages] };
    if (this.#schema !== null)
      return how.mode === "whole" ? object(params, this.#schema) : streamedObject(params, { schema: this.#schema, how });
    const withTools = { ...params, ...(this.#tools === null ? {} : { tools: this.#tools }) };
    return how.mode === "whole" ? this.#whole(withTools) : this.#streamed(withTools, how);
  }

  async #whole(params: Parameters<typeof generateText>[0]): Promise<Told> {
    const result = await generateText(params);
    this.#remember(result.response.messages, result.toolCalls);
    return {
      text: result.text,
      pieces: null,
      reasoning: result.reasoningText ?? "",
      calls: result.toolCalls.map(({ toolName, input }) => ({ name: toolName, input, text: null, pieces: null })),
      finish: result.finishReason,
      usage: usageOf(result.usage),
    };
  }

  async #streamed(params: Parameters<typeof generateText>[0], { onText }: How): Promise<Told> {
    let failed: { readonly error: unknown } | null = null;
    const result = streamText({ ...params, onError: ({ error }) => void (failed ??= { error }) });
    const pieces: string[] = [];
    const inputs = new Map<string, string[]>();
    for await (const part of result.fullStream) {
      if (part.type === "abort") throw new DOMException("The stream was aborted.", "AbortError");
      if (part.type === "text-delta") {
        pieces.push(part.text);
        onText?.(part.text);
      }
      // The SDK passes on empty pieces.
      if (part.type === "tool-input-delta" && part.delta !== "") inputs.set(part.id, [...(inputs.get(part.id) ?? []), part.delta]);
    }
    // The SDK passes errors of a stream to a callback, and ends the stream.
    if (failed !== null) throw (failed as { readonly error: unknown }).error;
    const calls = await result.toolCalls;
    this.#remember((await result.response).messages, calls);
    return {
      text: await result.text,
      pieces,
      reasoning: (await result.reasoningText) ?? "",
      calls: calls.map(({ toolCallId, toolName, input }) => {
        const own = inputs.get(toolCallId) ?? [];
        return { name: toolName, input, text: own.join(""), pieces: own };
      }),
      finish: await result.finishReason,
      usage: usageOf(await result.usage),
    };
  }

  #remember(messages: readonly ModelMessage[], calls: readonly { readonly toolCallId: string; readonly toolName: string }[]): void {
    this.#messages.push(...messages);
    this.#calls = calls.map(({ toolCallId, toolName }) => ({ toolCallId, toolName }));
  }
}

type Asked = Omit<Parameters<typeof generateText>[0], "tools" | "prompt"> & { readonly messages: ModelMessage[] };

async function object(params: Asked, schema: JsonObject): Promise<Told> {
  const { model, messages, instructions, maxRetries, providerOptions, abortSignal } = params;
  const {
    object: value,
    finishReason,
    usage,
  } = await generateObject({
    model,
    messages,
    instructions,
    maxRetries,
    providerOptions,
    abortSignal,
    schema: jsonSchema(schema as object),
  } as never);
  return objectTold(value, { finishReason, usage, pieces: null });
}

async function streamedObject(params: Asked, { schema, how }: { schema: JsonObject; how: How }): Promise<Told> {
  const { model, messages, instructions, maxRetries, providerOptions, abortSignal } = params;
  const result = streamObject({
    model,
    messages,
    instructions,
    maxRetries,
    providerOptions,
    abortSignal,
    schema: jsonSchema(schema as object),
  } as never);
  const pieces: string[] = [];
  for await (const piece of result.textStream) {
    pieces.push(piece);
    how.onText?.(piece);
  }
  return objectTold(await result.object, { finishReason: await result.finishReason, usage: await result.usage, pieces });
}

function objectTold(
  value: unknown,
  { finishReason, usage, pieces }: { finishReason: FinishReason; usage: LanguageModelUsage; pieces: string[] | null },
): Told {
  return { text: JSON.stringify(value), pieces, reasoning: "", calls: [], finish: finishReason, usage: usageOf(usage) };
}

function usageOf({ inputTokens, inputTokenDetails, outputTokens, outputTokenDetails }: LanguageModelUsage): Told["usage"] {
  return {
    input: inputTokens,
    cached: inputTokenDetails.cacheReadTokens,
    output: outputTokens,
    reasoning: outputTokenDetails.reasoningTokens,
  };
}

function partOf(content: Content): Exclude<UserContent, string>[number] {
  switch (content.type) {
    case "text":
      return { type: "text", text: content.text };
    case "image":
      return { type: "file", data: content.data, mediaType: content.mediaType };
    case "pdf":
      return { type: "file", data: content.data, mediaType: "application/pdf", filename: content.filename };
  }
}
