// Stands in for Factory: serves its endpoints in all four protocols, and answers each call with what the person said, in the requested
// format.
// Never calls a tool unless it has to, and never checks a key. Refuses models whose name looks misspelled, and no others.

import { ENDPOINT_PATHS } from "../config/variables.ts";
import { GatewayError } from "../errors.ts";
import type { CanonicalRequest, CustomTool, FunctionTool, Part, ProtocolId, Reply, ReplyEvent } from "../protocol/canonical.ts";
import { CODECS } from "../protocol/codecs.ts";
import type { Codec, Exchange } from "../protocol/codec.ts";
import { inOrder, unfold } from "../protocol/fold.ts";
import type { Models } from "../models/models.ts";
import type { After } from "../runtime/ports.ts";
import { isObject, parseOrUndefined } from "../wire/json.ts";
import { chain, run } from "../wire/machine.ts";
import { printSse } from "../wire/sse.ts";
import { sampleOf } from "./demo-sample.ts";

const PROTOCOLS: Readonly<Record<string, ProtocolId>> = {
  [ENDPOINT_PATHS.messages]: "anthropic-messages",
  [ENDPOINT_PATHS.responses]: "openai-responses",
  [ENDPOINT_PATHS.chat]: "openai-chat",
  [ENDPOINT_PATHS.gemini]: "gemini",
};
const COUNT_PATH = `${ENDPOINT_PATHS.messages}/count_tokens`;
/** The pause between two words, so that a person sees the answer arrive. */
const WORD_MS = 30;
const CHARACTERS_PER_TOKEN = 4;
const UNKNOWN_MODEL = { param: "model", code: "model_not_found" };

export interface DemoUpstreamOptions {
  readonly after: After;
  readonly models: Pick<Models, "isMisspelled" | "nearest">;
}

export class DemoUpstream {
  readonly #after: After;
  readonly #models: DemoUpstreamOptions["models"];
  #calls = 0;

  constructor({ after, models }: DemoUpstreamOptions) {
    this.#after = after;
    this.#models = models;
  }

  readonly fetch = async (request: Request): Promise<Response> => {
    const { pathname, searchParams } = new URL(request.url);
    const text = await request.text();
    if (pathname === COUNT_PATH) return Response.json({ input_tokens: tokensIn(text) });
    const protocol = PROTOCOLS[pathname];
    if (protocol === undefined) return new Response(null, { status: 404 });
    const codec = CODECS[protocol];
    const id = `demo${++this.#calls}`;
    try {
      const canonical = codec.request.decode({
        body: text,
        headers: Object.fromEntries(request.headers),
        path: protocol === "gemini" ? { model: modelIn(text), stream: searchParams.get("alt") === "sse" } : null,
      });
      const { model } = canonical;
      if (isMisspelled(model, this.#models)) throw new GatewayError("not-found", `The model ${model} does not exist.`, UNKNOWN_MODEL);
      const exchange: Exchange = { request: canonical, id, createdAtS: Math.floor(Date.now() / 1000) };
      const reply = replyTo(canonical, { id, inputTokens: tokensIn(text) });
      return canonical.stream ? this.#streamed(codec, { reply, exchange }) : json(codec.reply.encode(reply, exchange));
    } catch (error) {
      const known = error instanceof GatewayError ? error : new GatewayError("internal", "The demo's script failed.", { cause: error });
      const { status, body } = codec.error.encode(known, id);
      return json(body, status);
    }
  };

  #streamed(codec: Codec, { reply, exchange }: { readonly reply: Reply; readonly exchange: Exchange }): Response {
    const machine = chain(inOrder(), codec.reply.encoder(exchange));
    const events = run(machine, unfold(reply).flatMap(inWords)).map(printSse);
    const encoder = new TextEncoder();
    const pause = (): Promise<void> => new Promise((resolve) => void this.#after(WORD_MS, resolve));
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const event = events.shift();
        if (event === undefined) return controller.close();
        await pause();
        controller.enqueue(encoder.encode(event));
      },
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  }
}

/** A name that differs from a known one in its version alone is probably a newer model that an agent asks for, not a typo. */
function isMisspelled(model: string, models: DemoUpstreamOptions["models"]): boolean {
  const isVersionOf = (known: string): boolean =>
    only(/[a-z]/gi, known) === only(/[a-z]/gi, model) && only(/\d/g, known) !== only(/\d/g, model);
  return models.isMisspelled(model) && !models.nearest(model).some(isVersionOf);
}

function only(characters: RegExp, text: string): string {
  return (text.match(characters) ?? []).join("").toLowerCase();
}

function replyTo(request: CanonicalRequest, { id, inputTokens }: { readonly id: string; readonly inputTokens: number }): Reply {
  const said = saidLast(request);
  const tool = forcedTool(request);
  const text = tool === null ? textOf(request, said) : argumentsOf(tool, said);
  const part: Part =
    tool === null
      ? { type: "text", text, annotations: [], cache: null, proof: null }
      : { type: "tool-call", callId: `call_${id}`, name: tool.name, kind: tool.type, arguments: text, cache: null, proof: null };
  return {
    id,
    model: request.model,
    parts: [part],
    usage: { inputTokens, cacheReadTokens: 0, cacheWriteTokens: 0, outputTokens: tokensIn(text), reasoningTokens: 0 },
    finish: { kind: tool === null ? "end" : "tool-calls", raw: null, stopSequence: null, explanation: null },
  };
}

function textOf({ output }: CanonicalRequest, said: string): string {
  if (output === null) return `You said: ${said}`;
  return JSON.stringify(output.type === "json-schema" ? sampleOf(parseOrUndefined(output.schema), said) : { answer: said });
}

/** The first tool that can be called where a call is required. Null: none is required, or none that the client runs. */
function forcedTool({ tools, toolChoice }: CanonicalRequest): FunctionTool | CustomTool | null {
  const callable = tools.filter((tool) => tool.type === "function" || tool.type === "custom");
  if (toolChoice?.type === "required") return callable[0] ?? null;
  if (toolChoice?.type === "named") return callable.find(({ name }) => name === toolChoice.name) ?? null;
  if (toolChoice?.type !== "subset" || !toolChoice.required) return null;
  return callable.find(({ name }) => toolChoice.names.includes(name)) ?? null;
}

function argumentsOf(tool: FunctionTool | CustomTool, said: string): string {
  if (tool.type === "custom") return said;
  return JSON.stringify(tool.schema === null ? {} : sampleOf(parseOrUndefined(tool.schema), said));
}

/** Claude Code's own text comes before the person's; Chat Completions has one text for both. */
const REMINDER_END = "</system-reminder>";

/** The last text of a person; agents put their own texts in front of it. */
function saidLast({ turns }: CanonicalRequest): string {
  const parts = turns.findLast(({ role }) => role === "user")?.parts ?? [];
  const last = parts.findLast((part) => part.type === "text");
  return last?.text.split(REMINDER_END).at(-1)?.trim() ?? "nothing";
}

function inWords(event: ReplyEvent): readonly ReplyEvent[] {
  return event.type === "part-delta" ? (event.text.match(/\s*\S+|\s+$/g) ?? []).map((text) => ({ ...event, text })) : [event];
}

function modelIn(body: string): string {
  const parsed = parseOrUndefined(body);
  return isObject(parsed) && typeof parsed["model"] === "string" ? parsed["model"] : "";
}

function tokensIn(text: string): number {
  return Math.ceil(text.length / CHARACTERS_PER_TOKEN);
}

function json(body: string, status = 200): Response {
  return new Response(body, { status, headers: { "content-type": "application/json" } });
}
