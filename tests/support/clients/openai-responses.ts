// A user of the `openai` SDK's Responses, without state on the server.

import type OpenAI from "openai";
import type { Response, ResponseInputContent, ResponseInputItem, ResponseStreamEvent } from "openai/resources/responses/responses";
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

export function openaiResponses(name: string, connect: (place: Place, retries: number) => OpenAI): Client {
  return {
    name,
    protocol: "openai-responses",
    modes: ["whole", "streamed", "raw"],
    start: (place, settings) => new ResponsesConversation(connect(place, settings.retries ?? 0), place.model, settings),
    failure: openaiFailure,
    words: {
      finish: { end: "completed", "stop-sequence": "completed", "tool-calls": "completed", length: "incomplete: max_output_tokens" },
      usage: (counts) => ({
        input_tokens: counts?.input,
        cached_tokens: counts?.cached,
        output_tokens: counts?.output,
        reasoning_tokens: counts?.reasoning,
        total_tokens: counts === null ? undefined : counts.input + counts.output,
      }),
      errors: OPENAI_ERRORS,
      errorHeaders: true,
    },
  };
}

class ResponsesConversation implements Conversation {
  readonly #client: OpenAI;
  readonly #input: ResponseInputItem[] = [];
  readonly #params: Omit<OpenAI.Responses.ResponseCreateParamsNonStreaming, "input" | "stream">;
  #callIds: string[] = [];

  constructor(client: OpenAI, model: string, settings: Settings) {
    const { system, tools, schema, reasoning, maxTokens } = settings;
    this.#client = client;
    this.#params = {
      model,
      store: false,
      ...(system === undefined ? {} : { instructions: system }),
      ...(tools === undefined
        ? {}
        : {
            tools: tools.map((tool) => ({
              type: "function" as const,
              name: tool.name,
              description: tool.description,
              parameters: tool.schema,
              strict: false,
            })),
          }),
      ...(schema === undefined ? {} : { text: { format: { type: "json_schema" as const, name: "answer", strict: true, schema } } }),
      ...(reasoning === true
        ? { reasoning: { effort: "low" as const, summary: "auto" as const }, include: ["reasoning.encrypted_content" as const] }
        : {}),
      ...(maxTokens === undefined ? {} : { max_output_tokens: maxTokens }),
    };
  }

  say(content: readonly Content[], how: How): Promise<Told> {
    const [first] = content;
    const isText = content.length === 1 && first?.type === "text";
    return this.#ask([{ role: "user", content: isText ? first.text : content.map(partOf) }], how);
  }

  answer(results: readonly string[], how: How): Promise<Told> {
    const items = results.map((output, index) => ({ type: "function_call_output" as const, call_id: this.#callIds[index] ?? "", output }));
    return this.#ask(items, how);
  }

  async #ask(items: readonly ResponseInputItem[], how: How): Promise<Told> {
    this.#input.push(...items);
    const { response, events } = await this.#call(how);
    const { output, usage } = response;
    // Like the SDK's guide: everything that came goes back.
    this.#input.push(...(output as ResponseInputItem[]));
    const calls = output.filter((item) => item.type === "function_call");
    this.#callIds = calls.map((call) => call.call_id);
    const incomplete = response.incomplete_details?.reason;
    return {
      text: output
        .flatMap((item) => (item.type === "message" ? item.content : []))
        .map((part) => (part.type === "output_text" ? part.text : ""))
        .join(""),
      pieces: events?.flatMap((event) => (event.type === "response.output_text.delta" ? event.delta : [])) ?? null,
      reasoning: output
        .flatMap((item) => (item.type === "reasoning" ? item.summary : []))
        .map((part) => part.text)
        .join(""),
      calls: calls.map((call) => {
        const own = events?.flatMap((event) =>
          event.type === "response.function_call_arguments.delta" && output[event.output_index] === call ? event.delta : [],
        );
        return toldCall(call.name, call.arguments, own ?? null);
      }),
      finish: incomplete === undefined ? (response.status ?? "") : `${response.status}: ${incomplete}`,
      usage: {
        input_tokens: usage?.input_tokens,
        cached_tokens: usage?.input_tokens_details.cached_tokens,
        output_tokens: usage?.output_tokens,
        reasoning_tokens: usage?.output_tokens_details.reasoning_tokens,
        total_tokens: usage?.total_tokens,
      },
    };
  }

  async #call({ mode, signal, onText }: How): Promise<{ response: Response; events: ResponseStreamEvent[] | null }> {
    const params = { ...this.#params, input: [...this.#input] };
    const options = signal === undefined ? {} : { signal };
    if (mode === "whole") return { response: await this.#client.responses.create(params, options), events: null };
    const events: ResponseStreamEvent[] = [];
    if (mode === "streamed") {
      const stream = this.#client.responses.stream(params, options);
      stream.on("event", (event) => void events.push(event));
      stream.on("response.output_text.delta", ({ delta }) => onText?.(delta));
      return { response: await stream.finalResponse(), events };
    }
    let response: Response | null = null;
    for await (const event of await this.#client.responses.create({ ...params, stream: true }, options)) {
      events.push(event);
      if (event.type === "response.output_text.delta") onText?.(event.delta);
      if (event.type === "response.completed" || event.type === "response.incomplete") response = event.response;
      if (event.type === "response.failed" || event.type === "error")
        throw Object.assign(new Error("The response failed."), { error: failureIn(event) });
    }
    if (response === null) throw new Error("The stream ended without a terminal event.");
    return { response, events };
  }
}

function failureIn(event: OpenAI.Responses.ResponseFailedEvent | OpenAI.Responses.ResponseErrorEvent): { message: string | undefined } {
  return { message: event.type === "error" ? event.message : event.response.error?.message };
}

function partOf(content: Content): ResponseInputContent {
  switch (content.type) {
    case "text":
      return { type: "input_text", text: content.text };
    case "image":
      return { type: "input_image", detail: "auto", image_url: dataUrl(content.mediaType, content.data) };
    case "pdf":
      return { type: "input_file", filename: content.filename, file_data: dataUrl("application/pdf", content.data) };
  }
}
