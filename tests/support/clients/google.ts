// A user of `@google/genai`: with `generateContent`, `generateContentStream`, or its own chats, which keep the history themselves.

import {
  GoogleGenAI,
  type Chat,
  type Content as Turn,
  type GenerateContentConfig,
  type GenerateContentResponse,
  type Part,
} from "@google/genai";
import type { Client, Content, Conversation, Failure, How, Place, Settings, Told } from "./client.ts";

const THINKING_BUDGET = 1024;

export const google: Client = {
  name: "@google/genai",
  protocol: "gemini",
  modes: ["whole", "streamed", "raw"],
  start: (place, settings) => new GeminiConversation(place, settings),
  failure,
  words: {
    finish: { end: "STOP", "stop-sequence": "STOP", "tool-calls": "STOP", length: "MAX_TOKENS" },
    usage: (counts) => ({
      promptTokenCount: counts?.input,
      cachedContentTokenCount: counts?.cached,
      candidatesTokenCount: counts === null ? undefined : counts.output - counts.reasoning,
      thoughtsTokenCount: counts?.reasoning,
      totalTokenCount: counts === null ? undefined : counts.input + counts.output,
    }),
    errors: { 401: "ApiError", 404: "ApiError", 429: "ApiError", 500: "ApiError" },
    errorHeaders: false,
  },
};

/** The SDK puts an error's body into its message, after a status word if it came in a stream. */
function failure(error: unknown): Failure {
  const { status, message } = error as { status?: number; message?: string };
  const json = message?.slice(message.indexOf("{"));
  return {
    type: (error as Error).name,
    status,
    message: json === undefined ? undefined : (JSON.parse(json) as { error?: { message?: string } }).error?.message,
    retryAfter: null,
  };
}

class GeminiConversation implements Conversation {
  readonly #client: GoogleGenAI;
  readonly #model: string;
  readonly #config: GenerateContentConfig;
  readonly #contents: Turn[] = [];
  #chat: Chat | null = null;
  #calls: { readonly id: string | undefined; readonly name: string }[] = [];

  constructor({ url, key, model }: Place, settings: Settings) {
    const { system, tools, schema, reasoning, stop, maxTokens, retries } = settings;
    const retryOptions = retries === undefined ? {} : { retryOptions: { attempts: retries + 1, initialDelay: 0.01, jitter: 0 } };
    this.#client = new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: url, ...retryOptions } });
    this.#model = model;
    this.#config = {
      ...(system === undefined ? {} : { systemInstruction: system }),
      ...(tools === undefined
        ? {}
        : {
            tools: [
              {
                functionDeclarations: tools.map((tool) => ({
                  name: tool.name,
                  description: tool.description,
                  parametersJsonSchema: tool.schema,
                })),
              },
            ],
          }),
      ...(schema === undefined ? {} : { responseMimeType: "application/json", responseJsonSchema: schema }),
      ...(reasoning === true ? { thinkingConfig: { includeThoughts: true, thinkingBudget: THINKING_BUDGET } } : {}),
      ...(stop === undefined ? {} : { stopSequences: [...stop] }),
      ...(maxTokens === undefined ? {} : { maxOutputTokens: maxTokens }),
    };
  }

  say(content: readonly Content[], how: How): Promise<Told> {
    return this.#ask(content.map(partOf), how);
  }

  answer(results: readonly string[], how: How): Promise<Told> {
    const parts = results.map((output, index): Part => {
      const { id, name } = this.#calls[index] ?? { id: undefined, name: "" };
      return { functionResponse: { ...(id === undefined ? {} : { id }), name, response: { output } } };
    });
    return this.#ask(parts, how);
  }

  async #ask(parts: Part[], how: How): Promise<Told> {
    const chunks = await this.#call(parts, how);
    const answered = chunks.flatMap((chunk) => chunk.candidates?.[0]?.content?.parts ?? []);
    this.#contents.push({ role: "model", parts: answered });
    const calls = answered.flatMap((part) => part.functionCall ?? []);
    this.#calls = calls.map(({ id, name }) => ({ id, name: name ?? "" }));
    const texts = answered.flatMap((part) => (part.thought === true ? [] : part.text || []));
    const finishes = chunks.flatMap((chunk) => chunk.candidates?.[0]?.finishReason ?? []);
    const usage = chunks.at(-1)?.usageMetadata;
    return {
      text: texts.join(""),
      pieces: how.mode === "whole" ? null : texts,
      reasoning: answered.flatMap((part) => (part.thought === true ? part.text || [] : [])).join(""),
      calls: calls.map(({ name, args }) => ({ name: name ?? "", input: args, text: null, pieces: null })),
      finish: finishes.join(),
      usage: {
        promptTokenCount: usage?.promptTokenCount,
        cachedContentTokenCount: usage?.cachedContentTokenCount,
        candidatesTokenCount: usage?.candidatesTokenCount,
        thoughtsTokenCount: usage?.thoughtsTokenCount,
        totalTokenCount: usage?.totalTokenCount,
      },
    };
  }

  async #call(parts: Part[], { mode, signal, onText }: How): Promise<GenerateContentResponse[]> {
    const config = { ...this.#config, ...(signal === undefined ? {} : { abortSignal: signal }) };
    const stream = async (): Promise<AsyncGenerator<GenerateContentResponse>> => {
      if (mode === "raw") {
        this.#chat ??= this.#client.chats.create({ model: this.#model, config });
        return this.#chat.sendMessageStream({ message: parts, config });
      }
      return this.#client.models.generateContentStream({ model: this.#model, contents: [...this.#contents], config });
    };
    this.#contents.push({ role: "user", parts });
    if (mode === "whole") return [await this.#client.models.generateContent({ model: this.#model, contents: [...this.#contents], config })];
    const chunks: GenerateContentResponse[] = [];
    for await (const chunk of await stream()) {
      chunks.push(chunk);
      // The SDK warns when its `text` leaves out parts of another kind.
      const piece = chunk.functionCalls === undefined ? chunk.text : "";
      if (piece) onText?.(piece);
    }
    return chunks;
  }
}

function partOf(content: Content): Part {
  switch (content.type) {
    case "text":
      return { text: content.text };
    case "image":
      return { inlineData: { mimeType: content.mediaType, data: content.data } };
    case "pdf":
      return { inlineData: { mimeType: "application/pdf", data: content.data, displayName: content.filename } };
  }
}
